"""Where a Speech2Text2 checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.stored_layers import layer_rows
from specs.values import View
from specs.weights import Dialect, Row, WeightMap

UNTRAINED = ("decoder.positions.table",)
"""What a checkpoint may lack, for a formula gives it."""


def weights(_: View) -> WeightMap:
    """The table; it does not depend on the config."""
    return WeightMap(
        rows=tuple(_rows()),
        dialects=(
            Dialect("published"),
            Dialect("bare model, without the prefix `model.`", without_prefix="model."),
        ),
    )


def _rows() -> Iterator[Row]:
    yield Row("decoder.embed.tokens.weight", ("model.decoder.embed_tokens.weight",))
    yield Row("decoder.positions.table", ("model.decoder.embed_positions.weights",))
    yield from layer_rows("decoder", "model.decoder")
    yield Row("head.weight", ("lm_head.weight",))
