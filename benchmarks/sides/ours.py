"""Every task as crossloom does it. Nothing here imports transformers: a worker's memory is its side's own."""

from __future__ import annotations

from functools import cache
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
from torch import Tensor

import crossloom
from benchmarks import inputs
from benchmarks.sides import Work
from benchmarks.sides.training import training_work
from runtime.measuring import timed

Mode = Literal[False, "fast"]


@cache
def model_of(folder: str, compile: Mode = False, dtype: str | None = None) -> Any:
    """The checkpoint of a folder, loaded once a process."""
    return crossloom.from_pretrained(folder, compile=compile, dtype=getattr(torch, dtype) if dtype else None)


def load(folder: str, dtype: str | None, probe: dict[str, Any]) -> Work:
    """Folder to live model, its files in the page cache; both sides give the logits of one input."""
    wanted = getattr(torch, dtype) if dtype else None
    model = crossloom.from_pretrained(folder, dtype=wanted)
    given = {name: _cast(tensor, dtype) for name, tensor in inputs.make(**probe).items()}
    with torch.inference_mode():
        logits = model(**given, decoder_input_ids=torch.arange(3, 9)[None]).logits
    outputs = {"logits": logits.float()}
    return Work(outputs, lambda: timed(lambda: crossloom.from_pretrained(folder, dtype=wanted)))


def verify(folder: str, spec: str) -> Work:
    """A checkpoint proved to fit a spec by its headers."""
    sound = crossloom.load_spec(spec)
    outputs = {"findings": len(crossloom.verify(sound, folder))}
    return Work(outputs, lambda: timed(lambda: crossloom.verify(sound, folder)))


def emit(spec: str) -> Work:
    """The four files of a spec; two runs write the same bytes."""
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        pairs = zip(crossloom.emit(spec, first), crossloom.emit(spec, second), strict=True)
        assert all(one.read_bytes() == other.read_bytes() for one, other in pairs), "emission repeats itself"
    kept = TemporaryDirectory()
    return Work({}, lambda: timed(lambda: crossloom.emit(spec, kept.name, force=True)))


def check_many(texts: list[str]) -> Work:
    """Specs from their texts to verified graphs."""
    from compiler.analysis import analyse
    from compiler.reader import read_text

    def parameters(text: str) -> int:
        graph = analyse(read_text(text, "spec.yaml")).sound()[1]
        tied = {tie.tied for tie in graph.ties}
        owned = (shape for address, shape in graph.parameters().items() if address not in tied)
        return sum(torch.Size(shape).numel() for shape in owned)

    def check() -> None:
        for text in texts:
            analyse(read_text(text, "spec.yaml")).sound()

    return Work({"parameters": [parameters(text) for text in texts[:20]]}, lambda: timed(check), len(texts))


def encode(folder: str, given: dict[str, Any], compile: Mode = False, dtype: str | None = None) -> Work:
    """The encoder's states; of padding nothing is compared."""
    model = model_of(folder, compile, dtype)
    batch = {name: _cast(tensor, dtype) for name, tensor in inputs.make(**given).items()}

    def run() -> Any:
        with torch.inference_mode():
            return model.encode(**batch)

    encoded = run()
    real = encoded.hidden if encoded.mask is None else encoded.hidden[encoded.mask.bool()]
    return Work({"states": real.float()}, lambda: timed(run))


def generate(folder: str, given: dict[str, Any], options: dict[str, Any], compile: Mode = False) -> Work:
    """The encoder, and a search to a length that both sides are held to."""
    model, batch = model_of(folder, compile), inputs.make(**given)

    def run() -> Tensor:
        ids = crossloom.generate(model, **batch, **options)
        assert isinstance(ids, Tensor), "scores were not asked for"
        return ids

    return Work({"ids": run()}, lambda: timed(run))


def transcribe(folder: str, audio: str, options: dict[str, Any], compile: Mode = False) -> Work:
    """A recording's file to its text: reading, features, encoder, search, tokenizer."""
    model = model_of(folder, compile)

    def run() -> str:
        text = crossloom.transcribe(model, audio, **options)
        assert isinstance(text, str), "one recording has one text"
        return text

    return Work({"text": run()}, lambda: timed(run))


def translate(folder: str, given: dict[str, Any], options: dict[str, Any], compile: Mode = False) -> Work:
    """Speech to text, units and a waveform."""
    model, batch = model_of(folder, compile), inputs.make(**given)

    def run() -> Any:
        return crossloom.translate(model, **batch, **options)

    made = run()
    outputs = {
        "ids": made.sequences,
        "units": made.unit_sequences,
        "waveform": made.waveform,
        "lengths": made.waveform_lengths,
    }
    return Work(outputs, lambda: timed(run))


def train(folder: str, given: dict[str, Any], labels: int, compile: Mode = False) -> Work:
    """Forward with dropout, backward, and an optimizer's step."""
    model = crossloom.from_pretrained(folder, compile=compile)
    return training_work(model, inputs.make(**given), inputs.labels(given["batch"], labels))


def _cast(tensor: Tensor, dtype: str | None) -> Tensor:
    return tensor.to(getattr(torch, dtype)) if dtype and tensor.is_floating_point() else tensor
