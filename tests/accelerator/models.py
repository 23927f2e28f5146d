"""Tiny models of every kind, each on the CPU and with recorded methods on the pretended device."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import crossloom
from compiler.analysis import analyse
from compiler.compilation.recorded import record_methods
from compiler.compilation.recordings import Recordings
from compiler.reader import read_text
from specs.graph import Graph
from tests.accelerator.pretended import PretendedRecorder
from tests.oracle import spread
from tests.pairs.tiny import random_inputs, tiny

PAIRS = [
    ("bart", "bart"),
    ("bert", "bert"),
    ("speech_to_text", "speech_to_text_2"),
    ("wav2vec2", "gpt2"),
    ("wavlm", "roberta"),
    ("vit", "distilbert"),
    ("swin", "trocr"),
    ("beit", "xglm"),
]
"""Encoders of texts, features, waveforms and images; decoders with every kind of position."""


@dataclass
class Twins:
    """A model on the CPU, and the same on the device, its methods recorded."""

    eager: Any
    recorded: Any
    recordings: Recordings
    recorder: PretendedRecorder
    inputs: dict[str, Tensor]
    graph: Graph

    def generate(self, inputs: Mapping[str, Tensor] | None = None, **options: Any) -> tuple[Tensor, Tensor]:
        """The ids of both, the eager model's first."""
        given = self.inputs if inputs is None else inputs
        asked = {name: tensor for name, tensor in given.items() if name != "token_type_ids"}
        ids = crossloom.generate(self.eager, **asked, **options)
        recorded = crossloom.generate(self.recorded, **on_device(asked), **options)
        assert isinstance(ids, Tensor)
        assert isinstance(recorded, Tensor)
        return ids, recorded.cpu()


def on_device(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same inputs there."""
    return {name: tensor.to("cuda") for name, tensor in inputs.items()}


def pair(encoder: str, decoder: str) -> Twins:
    """Random weights, spread; to be called while a device is pretended."""
    spec, graph = analyse(read_text(tiny(encoder, decoder), "tiny.yaml")).sound()
    torch.manual_seed(0)
    return twins(spread(crossloom.build(spec)), graph, random_inputs(graph))


def twins(eager: Any, graph: Graph, inputs: dict[str, Tensor]) -> Twins:
    """Both of a model on the CPU."""
    recorded = copy.deepcopy(eager).to("cuda")
    recorder = PretendedRecorder()
    return Twins(eager, recorded, record_methods(recorded, graph, recorder), recorder, inputs, graph)
