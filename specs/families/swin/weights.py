"""Where a Swin checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.values import View
from specs.weights import Dialect, IgnoredTensor, Row, WeightMap, affine

_STORED_LAYER = {
    "self_attention_norm": "layernorm_before",
    "self_attention.attention.out_proj": "attention.output.dense",
    "feed_forward_norm": "layernorm_after",
    "feed_forward.up_proj": "intermediate.dense",
    "feed_forward.down_proj": "output.dense",
}
_STORED_PROJECTION = {"q_proj": "query", "k_proj": "key", "v_proj": "value"}

_HEADS = {
    "a classification head, which an encoder does without": ("classifier.weight", "classifier.bias"),
    "a reconstruction head, which an encoder does without": ("decoder.{i}.weight", "decoder.{i}.bias"),
}


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "swin."
    rows = [*encoder_rows(c, prefix), *affine("encoder.norm", f"{prefix}layernorm")]
    return encoder_map(prefix, rows)


def encoder_map(prefix: str, rows: list[Row]) -> WeightMap:
    """The table in its two spellings, with what an encoder does without."""
    ignored = [IgnoredTensor(pattern, reason) for reason, patterns in _HEADS.items() for pattern in patterns]
    hidden = "a vector that stands for hidden patches, of which there are none here"
    return WeightMap(
        rows=tuple(rows),
        dialects=(
            Dialect("published"),
            Dialect(f"bare model, without the prefix `{prefix}`", prefix),
        ),
        ignored=(*ignored, IgnoredTensor(f"{prefix}embeddings.mask_token", hidden)),
    )


def encoder_rows(c: View, prefix: str, stores_index: bool = False) -> Iterator[Row]:
    """Rows of the patches and the stages; `stores_index` where the published class stores computed tables."""
    yield from affine("encoder.patches.projection", f"{prefix}embeddings.patch_embeddings.projection")
    yield from affine("encoder.embed_norm", f"{prefix}embeddings.norm")
    if c.use_absolute_embeddings:
        yield Row("encoder.positions.table", (f"{prefix}embeddings.position_embeddings",))
    for stage in range(len(c.depths)):
        layer, stored = f"encoder.stage{stage}.{{i}}", f"{prefix}encoder.layers.{stage}"
        yield from _stage(c, layer, f"{stored}.blocks.{{i}}", stores_index)
        if stage < len(c.depths) - 1:
            merging = f"encoder.merging{stage}"
            yield from affine(f"{merging}.norm", f"{stored}.downsample.norm")
            yield Row(f"{merging}.proj.weight", (f"{stored}.downsample.reduction.weight",))


def _stage(c: View, layer: str, stored: str, stores_index: bool) -> Iterator[Row]:
    for ours, theirs in _STORED_LAYER.items():
        yield from affine(f"{layer}.{ours}", f"{stored}.{theirs}")
    attention, own = f"{layer}.self_attention", f"{stored}.attention.self"
    for ours, theirs in _STORED_PROJECTION.items():
        yield Row(f"{attention}.attention.{ours}.weight", (f"{own}.{theirs}.weight",))
        if c.qkv_bias:
            yield Row(f"{attention}.attention.{ours}.bias", (f"{own}.{theirs}.bias",))
    yield Row(f"{attention}.position_bias.table", (f"{own}.relative_position_bias_table",))
    yield Row(
        f"{attention}.position_bias.index",
        (f"{own}.relative_position_index",),
        computed=True,
        exported=stores_index,
    )
