"""Where a BEiT checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.families.beit.config import scales, shares
from specs.families.beit.graph import shared_table, tables
from specs.values import View
from specs.weights import Carried, Dialect, IgnoredTensor, Row, WeightMap, affine

_LAYER = {
    "self_attention_norm": "layernorm_before",
    "feed_forward.up_proj": "intermediate.dense",
    "feed_forward.down_proj": "output.dense",
    "feed_forward_norm": "layernorm_after",
}
_TABLE, _INDEX = "relative_position_bias_table", "relative_position_index"


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "beit."
    return WeightMap(
        rows=tuple(_rows(c, prefix)),
        dialects=(Dialect("published"), Dialect(f"bare model, without the prefix `{prefix}`", prefix)),
        ignored=tuple(_unused(c, prefix)),
    )


def _rows(c: View, prefix: str) -> Iterator[Row]:
    embeddings, layer, stored = f"{prefix}embeddings", "encoder.layers.{i}", f"{prefix}encoder.layer.{{i}}"
    yield from affine("encoder.patches.projection", f"{embeddings}.patch_embeddings.projection")
    yield Row("encoder.cls_token.token", (f"{embeddings}.cls_token",))
    if c.use_absolute_position_embeddings:
        yield Row("encoder.positions.table", (f"{embeddings}.position_embeddings",))
    attention = f"{layer}.self_attention" + (".attention" if tables(c) != "none" else "")
    own = f"{stored}.attention.attention"
    yield from affine(f"{attention}.q_proj", f"{own}.query")
    yield Row(f"{attention}.k_proj.weight", (f"{own}.key.weight",))
    yield from affine(f"{attention}.v_proj", f"{own}.value")
    yield from affine(f"{attention}.out_proj", f"{stored}.attention.output.dense")
    for ours, theirs in _LAYER.items():
        yield from affine(f"{layer}.{ours}", f"{stored}.{theirs}")
    if scales(c):
        yield Row(f"{layer}.self_attention_branch.scale", (f"{stored}.lambda_1",))
        yield Row(f"{layer}.feed_forward_branch.scale", (f"{stored}.lambda_2",))
    yield from _bias_rows(c, f"{layer}.self_attention.position_bias", own, prefix)
    if not c.use_mean_pooling:
        yield from affine("encoder.norm", f"{prefix}layernorm")


def _bias_rows(c: View, bias: str, own: str, prefix: str) -> Iterator[Row]:
    if c.use_relative_position_bias:
        inner = f"{bias}.own" if shares(c) else bias
        source = f"{own}.relative_position_bias"
        yield Row(f"{inner}.table", (f"{source}.{_TABLE}",))
        yield Row(f"{inner}.index", (f"{source}.{_INDEX}",), computed=True)
    if shares(c):
        source, address = f"{prefix}encoder.relative_position_bias", shared_table(c)
        yield Row(address, (f"{source}.{_TABLE}",))
        yield Row(address.removesuffix("table") + "index", (f"{source}.{_INDEX}",), computed=True)


def _unused(c: View, prefix: str) -> Iterator[IgnoredTensor]:
    width = int(c.hidden_size)
    if c.use_mean_pooling:
        for parameter in ("weight", "bias"):
            pooled = Carried("encoder", (width,), mean=1.0 if parameter == "weight" else 0.0)
            name = f"{prefix}pooler.layernorm.{parameter}"
            yield IgnoredTensor(name, "the norm of the pooled output", pooled)
    mask = Carried("encoder", (1, 1, width)) if c.use_mask_token else None
    yield IgnoredTensor(f"{prefix}embeddings.mask_token", "no patch is hidden here", mask)
    for head in ("classifier", "lm_head", "layernorm"):
        for parameter in ("weight", "bias"):
            yield IgnoredTensor(f"{head}.{parameter}", "a head, which an encoder does without")
