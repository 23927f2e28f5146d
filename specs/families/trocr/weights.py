"""Where a TrOCR checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.stored_layers import layer_rows
from specs.values import View
from specs.weights import Dialect, IgnoredTensor, Row, WeightMap, affine


def weights(_: View) -> WeightMap:
    """The table of every variant."""
    return WeightMap(
        rows=tuple(_rows()),
        dialects=(
            Dialect("published"),
            Dialect("bare model, without the prefix `model.`", without_prefix="model."),
        ),
        ignored=(
            IgnoredTensor(
                "model.decoder.embed_positions._float_tensor",
                "told older releases its dtype",
            ),
        ),
    )


def _rows() -> Iterator[Row]:
    yield Row("decoder.embed.tokens.weight", ("model.decoder.embed_tokens.weight",))
    yield Row("decoder.positions.table.weight", ("model.decoder.embed_positions.weight",))
    yield from affine("decoder.embed_norm", "model.decoder.layernorm_embedding")
    yield from layer_rows("decoder", "model.decoder")
    yield Row("head.weight", ("output_projection.weight",))
