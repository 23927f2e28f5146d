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
from benchmarks.sides.common import cast, exact_logits, training_work
from runtime.measuring import timed

COUNTED = 20
"""Specs whose parameters are compared with those of a model that was built."""
Mode = Literal[False, "fast"]


@cache
def model_of(folder: str, compile: Mode = False, dtype: str | None = None) -> Any:
    """The checkpoint of a folder, loaded once a process."""
    return crossloom.from_pretrained(folder, compile=compile, dtype=getattr(torch, dtype) if dtype else None)


def load(folder: str, dtype: str | None, probe: dict[str, Any]) -> Work:
    """Folder to live model, its files in the page cache."""
    wanted = getattr(torch, dtype) if dtype else None

    def run() -> Any:
        return crossloom.from_pretrained(folder, dtype=wanted)

    return Work(lambda: exact_logits(run(), probe), lambda: timed(run))


def verify(folder: str, spec: str) -> Work:
    """A checkpoint proved to fit a spec by its headers."""
    sound = crossloom.load_spec(spec)

    def run() -> int:
        return len(crossloom.verify(sound, folder))

    return Work(lambda: {"findings": run()}, lambda: timed(run))


def emit(spec: str) -> Work:
    """The four files of a spec; two runs write the same bytes."""
    folder = TemporaryDirectory()

    def run() -> list[bytes]:
        return [file.read_bytes() for file in crossloom.emit(spec, folder.name, force=True)]

    def outputs() -> dict[str, Any]:
        assert run() == run(), "emission repeats itself"
        return {}

    return Work(outputs, lambda: timed(lambda: crossloom.emit(spec, folder.name, force=True)))


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

    def outputs() -> dict[str, Any]:
        return {"parameters": [parameters(text) for text in texts[:COUNTED]]}

    return Work(outputs, lambda: timed(check), len(texts))


def encode(folder: str, given: dict[str, Any], compile: Mode = False, dtype: str | None = None) -> Work:
    """The encoder's states; of padding nothing is compared."""
    model = model_of(folder, compile, dtype)
    batch = {name: cast(tensor, dtype) for name, tensor in inputs.make(**given).items()}

    def run() -> Any:
        with torch.inference_mode():
            return model.encode(**batch)

    def outputs() -> dict[str, Any]:
        hidden, mask = run()
        return {"states": (hidden if mask is None else hidden[mask.bool()]).float()}

    return Work(outputs, lambda: timed(run))


def generate(folder: str, given: dict[str, Any], options: dict[str, Any], compile: Mode = False) -> Work:
    """The encoder, and a search to a length that both sides are held to."""
    model, batch = model_of(folder, compile), inputs.make(**given)

    def run() -> Tensor:
        ids = crossloom.generate(model, **batch, **options)
        assert isinstance(ids, Tensor), "scores were not asked for"
        return ids

    return Work(lambda: {"ids": run()}, lambda: timed(run))


def transcribe(folder: str, audio: str, options: dict[str, Any], compile: Mode = False) -> Work:
    """A recording's file to its text: reading, features, encoder, search, tokenizer."""
    model = model_of(folder, compile)

    def run() -> str:
        text = crossloom.transcribe(model, audio, **options)
        assert isinstance(text, str), "one recording has one text"
        return text

    return Work(lambda: {"text": run()}, lambda: timed(run))


def translate(folder: str, given: dict[str, Any], options: dict[str, Any], compile: Mode = False) -> Work:
    """Speech to text, units and a waveform."""
    model, batch = model_of(folder, compile), inputs.make(**given)

    def run() -> Any:
        return crossloom.translate(model, **batch, **options)

    def outputs() -> dict[str, Any]:
        made = run()
        return {
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
