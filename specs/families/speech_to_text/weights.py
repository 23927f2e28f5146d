"""Where a Speech2Text checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.stored_layers import layer_rows
from specs.values import View
from specs.weights import Dialect, Row, WeightMap, affine


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
    yield from affine("encoder.subsample.{i}.conv", "model.encoder.conv.conv_layers.{i}")
    for side in ("encoder", "decoder"):
        stored = f"model.{side}"
        yield Row(f"{side}.positions.table.table", (f"{stored}.embed_positions.weights",), computed=True)
        yield from layer_rows(side, stored)
        yield from affine(f"{side}.final_norm", f"{stored}.layer_norm")
    yield Row("decoder.embed.tokens.weight", ("model.decoder.embed_tokens.weight",))
    yield Row("head.weight", ("lm_head.weight",))
