"""The names under which fairseq's families (Ott et al. 2019) store layers, encoder's and decoder's alike."""

from __future__ import annotations

from collections.abc import Iterator

from specs.weights import Row, affine

_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")


def layer_rows(side: str, stored: str) -> Iterator[Row]:
    """Rows of an encoder's or a decoder's layers, of which `stored` is the name up to their number."""
    layer, stored = f"{side}.layers.{{i}}", f"{stored}.layers.{{i}}"
    yield from _attention(f"{layer}.self_attention", f"{stored}.self_attn")
    if side == "decoder":
        yield from _attention(f"{layer}.cross_attention", f"{stored}.encoder_attn")
    yield from affine(f"{layer}.feed_forward_norm", f"{stored}.final_layer_norm")
    yield from affine(f"{layer}.feed_forward.up_proj", f"{stored}.fc1")
    yield from affine(f"{layer}.feed_forward.down_proj", f"{stored}.fc2")


def _attention(address: str, stored: str) -> Iterator[Row]:
    for projection in _PROJECTIONS:
        yield from affine(f"{address}.{projection}", f"{stored}.{projection}")
    yield from affine(f"{address}_norm", f"{stored}_layer_norm")
