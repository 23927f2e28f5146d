"""Where an XGLM checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.stored_layers import layer_rows
from specs.values import View
from specs.weights import Dialect, Row, WeightMap, affine

UNTRAINED = ("decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*", "head.*")
"""What a checkpoint trained without an encoder lacks, and one of a bare model without a tied head."""


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
    yield Row("decoder.embed.tokens.weight", ("model.embed_tokens.weight",))
    yield Row("decoder.positions.table.table", ("model.embed_positions.weights",), computed=True)
    yield from layer_rows("decoder", "model")
    yield from affine("decoder.final_norm", "model.layer_norm")
    yield Row("head.weight", ("lm_head.weight",))
