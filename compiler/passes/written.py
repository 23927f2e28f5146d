"""A part of a spec as a graph of its own, whoever states it, and the parts as one."""

from __future__ import annotations

from typing import NamedTuple

from specs.graph import Graph, Ref
from specs.problems import Problem

IDS = "decoder_input_ids"
"""The input that decoding starts from."""

CROSSING = {"encoder_hidden_states": "hidden", "encoder_attention_mask": "mask"}
"""What a decoder is given of its encoder: input -> role."""


class Written(NamedTuple):
    """A part of a spec as a graph of its own, as far as it can be used; nodes are named as written.

    Attributes:
        graph: the inputs and nodes that are sound in themselves, connected as written.
        lost: names of inputs and nodes with a finding of their own; what reads them is not looked at.
        read: what lost nodes read, so that they are not taken for dead; None where it cannot be told.
        role: whether it is a whole model, an encoder or a decoder.
        address: where the spec writes it.
        prefix: what the addresses of its nodes begin with.
    """

    graph: Graph
    lost: frozenset[str] = frozenset()
    read: frozenset[Ref] | None = frozenset()
    role: str = "model"
    address: str = "graph"
    prefix: str = ""

    def node(self, name: str) -> str:
        """Where a node is written."""
        return f"{self.address}.nodes.{name}"

    def input(self, name: str) -> str:
        """Where an input is written."""
        return f"{self.address}.inputs.{name}"

    def output(self, name: str) -> str:
        """Where an output is written."""
        return f"{self.address}.outputs.{name}"

    def expected_outputs(self) -> dict[str, str]:
        """What it gives, and what that holds: logits where it decodes, else hidden states and their mask."""
        decodes = self.role == "decoder" or (self.role == "model" and IDS in self.graph.inputs)
        return {"logits": "logits"} if decodes else {"hidden": "hidden", "mask": "mask"}


class Joined(NamedTuple):
    """The whole graph, and what joining decided or refused.

    Attributes:
        graph: the decoder reading the encoder; side by side where they do not fit, so that each can be
            checked further.
        bridging: what is said of the bridge.
        problems: where the halves do not fit.
    """

    graph: Graph
    bridging: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
