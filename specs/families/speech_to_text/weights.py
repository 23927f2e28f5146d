"""Where a Speech2Text checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.values import View
from specs.weights import Dialect, Row, WeightMap, affine

_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")


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
        layer, stored = f"{side}.layers.{{i}}", f"model.{side}.layers.{{i}}"
        yield Row(f"{side}.positions.table.table", (f"model.{side}.embed_positions.weights",), computed=True)
        yield from _attention(f"{layer}.self_attention", f"{stored}.self_attn")
        if side == "decoder":
            yield from _attention(f"{layer}.cross_attention", f"{stored}.encoder_attn")
        yield from affine(f"{layer}.feed_forward_norm", f"{stored}.final_layer_norm")
        yield from affine(f"{layer}.feed_forward.up_proj", f"{stored}.fc1")
        yield from affine(f"{layer}.feed_forward.down_proj", f"{stored}.fc2")
        yield from affine(f"{side}.final_norm", f"model.{side}.layer_norm")
    yield Row("decoder.embed.tokens.weight", ("model.decoder.embed_tokens.weight",))
    yield Row("head.weight", ("lm_head.weight",))


def _attention(address: str, stored: str) -> Iterator[Row]:
    for projection in _PROJECTIONS:
        yield from affine(f"{address}.{projection}", f"{stored}.{projection}")
    yield from affine(f"{address}_norm", f"{stored}_layer_norm")
