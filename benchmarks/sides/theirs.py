"""Every task as transformers does it, eager. Nothing here imports crossloom's compiler."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers.utils import logging

from benchmarks import inputs
from benchmarks.sides import Work
from benchmarks.sides.common import cast, exact_logits, training_work
from runtime.measuring.samples import timed

logging.disable_progress_bar()
logging.set_verbosity_error()


@cache
def model_of(folder: str, dtype: str | None = None) -> Any:
    """The checkpoint of a folder in its published class, loaded once a process."""
    return _loaded(folder, dtype)


def _loaded(folder: str, dtype: str | None = None, **more: Any) -> Any:
    (name,) = transformers.AutoConfig.from_pretrained(folder).architectures
    wanted = getattr(torch, dtype) if dtype else None
    return getattr(transformers, name).from_pretrained(folder, dtype=wanted, **more)


def load(folder: str, dtype: str | None, probe: dict[str, Any]) -> Work:
    """Folder to live model."""

    def run() -> Any:
        return _loaded(folder, dtype)

    return Work(lambda: exact_logits(run(), probe), lambda: timed(run))


def verify(folder: str, spec: str) -> Work:
    """There is no way to tell but loading."""

    def outputs() -> dict[str, Any]:
        told = _loaded(folder, output_loading_info=True)[1]
        return {"findings": sum(map(len, told.values()))}

    return Work(outputs, lambda: timed(lambda: _loaded(folder)))


def build_many(configs: list[dict[str, Any]]) -> Work:
    """Models built on the meta device, which is how their dimensions are checked."""
    made = [transformers.Speech2TextConfig(**config) for config in configs]

    def build(config: Any) -> Any:
        with torch.device("meta"):
            return transformers.Speech2TextForConditionalGeneration(config)

    def parameters(config: Any) -> int:
        # The published class keeps its computed positions among the parameters, frozen.
        trained = (one for one in build(config).parameters() if one.requires_grad)
        return sum(parameter.numel() for parameter in trained)

    def run() -> None:
        for config in made:
            build(config)

    def outputs() -> dict[str, Any]:
        return {"parameters": [parameters(config) for config in made]}

    return Work(outputs, lambda: timed(run), len(made))


def encode(folder: str, given: dict[str, Any], dtype: str | None = None) -> Work:
    """The encoder's states; of padding nothing is compared."""
    model = model_of(folder, dtype).eval()
    encoder = model.get_encoder()
    batch = {name: cast(tensor, dtype) for name, tensor in inputs.make(**given).items()}

    def run() -> Tensor:
        with torch.inference_mode():
            states: Tensor = encoder(**batch).last_hidden_state
            return states

    def outputs() -> dict[str, Any]:
        states, mask = run(), batch["attention_mask"]
        real = encoder._get_feature_vector_attention_mask(states.shape[1], mask)  # private, and theirs
        return {"states": states[real.bool()].float()}

    return Work(outputs, lambda: timed(run))


def generate(folder: str, given: dict[str, Any], options: dict[str, Any]) -> Work:
    """The encoder, and a search."""
    model, batch = model_of(folder), inputs.make(**given)

    def run() -> Tensor:
        ids: Tensor = model.generate(**batch, **options)
        return ids

    return Work(lambda: {"ids": run()}, lambda: timed(run))


def transcribe(folder: str, audio: str, options: dict[str, Any]) -> Work:
    """A recording's file to its text."""
    import soundfile

    model, processor = model_of(folder), transformers.Speech2TextProcessor.from_pretrained(folder)

    def run() -> str:
        samples, rate = soundfile.read(audio, dtype="float32")
        batch = processor(samples, sampling_rate=rate, return_tensors="pt")
        ids = model.generate(**batch, **options)
        return str(processor.batch_decode(ids, skip_special_tokens=True)[0])

    return Work(lambda: {"text": run()}, lambda: timed(run))


def translate(folder: str, given: dict[str, Any], options: dict[str, Any]) -> Work:
    """Speech to text, units and a waveform."""
    model, batch = model_of(folder), inputs.make(**given)

    def run() -> Any:
        return model.generate(**batch, **options, return_intermediate_token_ids=True)

    def outputs() -> dict[str, Any]:
        made = run()
        rows = len(made.unit_sequences)
        return {
            "ids": made.sequences,
            "units": made.unit_sequences,
            "waveform": made.waveform.reshape(rows, -1),
            "lengths": made.waveform_lengths.reshape(rows),  # of one row the published one has no dimension
        }

    return Work(outputs, lambda: timed(run))


def train(folder: str, given: dict[str, Any], labels: int) -> Work:
    """Forward with dropout, backward, and an optimizer's step."""
    return training_work(_loaded(folder), inputs.make(**given), inputs.labels(given["batch"], labels))
