"""Checking and emitting, which need no torch."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator

import torch
import yaml
from transformers import Speech2TextConfig, Speech2TextForConditionalGeneration

import crossloom
from benchmarks.rows import Row
from benchmarks.subject import NAME, Subject
from compiler.analysis import analyse
from compiler.reader import read_text
from runtime.measuring import spawned, timed

SPECS = 1000
ANCHOR_MODELS = 20


def check(subject: Subject) -> Row:
    """A process that checks one spec, beside one that does no more than import the config class."""
    written = subject.spec.data["model"]["config"]
    published = Speech2TextConfig(**written).to_dict()
    assert {name: published[name] for name in subject.spec.config} == subject.spec.config
    return Row(
        "check a spec, whole process (anchor: import Speech2TextConfig)",
        spawned([sys.executable, "-m", "crossloom", "check", NAME]),
        spawned([sys.executable, "-c", "from transformers import Speech2TextConfig"]),
    )


def check_many(subject: Subject) -> Row:
    """Specs that all differ, each read from its text; the anchor builds such models on the meta device."""
    texts = [_text(sizes) for sizes in _sizes(SPECS)]
    configs = [Speech2TextConfig(**sizes) for sizes in _sizes(ANCHOR_MODELS)]
    for text, config in zip(texts, configs, strict=False):
        assert _our_parameters(text) == _their_parameters(config), text

    def ours() -> None:
        for text in texts:
            analyse(read_text(text, "spec.yaml")).sound()

    def anchor() -> None:
        for config in configs:
            _on_meta(config)

    return Row(
        f"check {SPECS:,} specs, each (anchor: build on the meta device, {ANCHOR_MODELS})",
        timed(ours),
        timed(anchor),
        SPECS,
        ANCHOR_MODELS,
    )


def emit(subject: Subject) -> Row:
    """The four files of a spec; two runs write the same bytes."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        pairs = zip(crossloom.emit(NAME, first), crossloom.emit(NAME, second), strict=True)
        assert all(one.read_bytes() == other.read_bytes() for one, other in pairs)
    folder = subject.folder.parent / "emitted"
    return Row("check and emit a spec", timed(lambda: crossloom.emit(NAME, folder)))


def _sizes(count: int) -> Iterator[dict[str, int]]:
    for index in range(count):
        yield {
            "d_model": 64 + 16 * (index % 16),
            "encoder_layers": 1 + index % 12,
            "decoder_layers": 1 + index % 6,
            "encoder_ffn_dim": 256 + index,
            "decoder_ffn_dim": 512 + index,
            "vocab_size": 1000 + index,
        }


def _text(sizes: dict[str, int]) -> str:
    model = {"family": "speech_to_text", "config": sizes}
    return yaml.safe_dump({"crossloom": 1, "name": "measured", "model": model})


def _on_meta(config: Speech2TextConfig) -> Speech2TextForConditionalGeneration:
    with torch.device("meta"):
        return Speech2TextForConditionalGeneration(config)


def _our_parameters(text: str) -> int:
    graph = analyse(read_text(text, "spec.yaml")).sound()[1]
    tied = {tie.tied for tie in graph.ties}
    return sum(
        torch.Size(shape).numel() for address, shape in graph.parameters().items() if address not in tied
    )


def _their_parameters(config: Speech2TextConfig) -> int:
    # The published class keeps its computed positions among the parameters, frozen.
    model = _on_meta(config)
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
