"""What generation asks of a model: the live-model interface, and nothing else of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from specs.flow import Flow


class Encoded(Protocol):
    """Encoder states [B, S, D] and their mask [B, S] (1 keeps), one row a sentence."""

    @property
    def hidden(self) -> Tensor:
        """States the decoder attends to, [B, S, D]."""

    @property
    def mask(self) -> Tensor | None:
        """1 where a state is real, 0 where it is padding; None keeps all."""


class Cache(Protocol):
    """Keys and values of the tokens decoded so far."""

    def reorder(self, parents: Tensor) -> None:
        """Let row r continue the hypothesis of row `parents[r]` (int64 [rows]), in place."""


class Spec(Protocol):
    """The part of a model's spec that generation reads."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Fields by Hub name; the special ids are read."""

    @property
    def maximum_target(self) -> int | None:
        """Longest sequence the decoder takes, or None."""

    @property
    def generation(self) -> Mapping[str, Any] | None:
        """The spec's own generation options."""

    @property
    def flows(self) -> Sequence[Flow]:
        """What the model does from end to end, where that is known."""


class Model(Protocol):
    """An encoder-decoder as the compiler builds it; all of it is needed.

    One that records has a `lend_work` besides, a `Lend` of `runtime.generation.replays`.
    """

    @property
    def spec(self) -> Spec:
        """What the model was built from."""

    @property
    def generation_defaults(self) -> Mapping[str, Any] | None:
        """The checkpoint's own generation options, lowest in precedence."""

    @property
    def tables(self) -> Mapping[str, Any]:
        """The tables of host operations that the checkpoint has, by their names in its file."""

    @property
    def vocabulary(self) -> int:
        """How many ids the logits tell apart."""

    @property
    def length_masks(self) -> Mapping[str, tuple[str, ...]]:
        """By the input they go with, masks of which only the number of ones in a row is read."""

    @property
    def parameters(self) -> Callable[[], Iterator[Tensor]]:
        """What it computes with; the first shows the device and the dtype of all."""

    @property
    def encode(self) -> Callable[..., Encoded]:
        """Run the encoder on inputs named as on the Hub."""

    @property
    def new_cache(self) -> Callable[..., Any]:
        """`(rows, length, encoded, beams) -> Cache`; row = sentence * beams + beam."""

    @property
    def decode(self) -> Callable[..., Tensor]:
        """`(decoder_input_ids [rows, T], encoded, cache=) -> logits [rows, T, V]`, newest ids only."""
