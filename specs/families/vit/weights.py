"""Where a ViT checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.families.vit.graph import TOKENS
from specs.values import View, plain
from specs.weights import Carried, Dialect, IgnoredTensor, Row, WeightMap, affine

_LAYER = {
    "self_attention.out_proj": "attention.output.dense",
    "self_attention_norm": "layernorm_before",
    "feed_forward.up_proj": "intermediate.dense",
    "feed_forward.down_proj": "output.dense",
    "feed_forward_norm": "layernorm_after",
}
_PROJECTIONS = {"q_proj": "query", "k_proj": "key", "v_proj": "value"}


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    return WeightMap(
        rows=tuple(rows(c, "vit.", TOKENS)),
        dialects=dialects("vit."),
        ignored=tuple(unused(c, "vit.", ("classifier",))),
    )


def dialects(prefix: str) -> tuple[Dialect, ...]:
    """Below a head, and bare."""
    return (Dialect("published"), Dialect(f"bare model, without the prefix `{prefix}`", prefix))


def rows(c: View, prefix: str, tokens: tuple[str, ...]) -> Iterator[Row]:
    """Rows of an encoder with these leading tokens."""
    embeddings, stored = f"{prefix}embeddings", f"{prefix}encoder.layer.{{i}}"
    yield from affine("encoder.patches.projection", f"{embeddings}.patch_embeddings.projection")
    for token in tokens:
        yield Row(f"encoder.{token}.token", (f"{embeddings}.{token}",))
    yield Row("encoder.positions.table", (f"{embeddings}.position_embeddings",))
    for ours, theirs in _PROJECTIONS.items():
        address, name = (
            f"encoder.layers.{{i}}.self_attention.{ours}",
            f"{stored}.attention.attention.{theirs}",
        )
        yield Row(f"{address}.weight", (f"{name}.weight",))
        if c.qkv_bias:
            yield Row(f"{address}.bias", (f"{name}.bias",))
    for ours, theirs in _LAYER.items():
        yield from affine(f"encoder.layers.{{i}}.{ours}", f"{stored}.{theirs}")
    yield from affine("encoder.norm", f"{prefix}layernorm")


def unused(c: View, prefix: str, classifiers: tuple[str, ...]) -> Iterator[IgnoredTensor]:
    """Parts of published classes that an encoder does without."""
    pooled = int(c.hidden_size if plain(c.pooler_output_size) is None else c.pooler_output_size)
    shapes = {"weight": (pooled, int(c.hidden_size)), "bias": (pooled,)}
    for parameter, shape in shapes.items():
        deviation = float(c.initializer_range) if parameter == "weight" else 0.0
        carried = Carried("encoder", shape, deviation)
        yield IgnoredTensor(f"{prefix}pooler.dense.{parameter}", "this model has no pooled output", carried)
        for head in classifiers:
            yield IgnoredTensor(f"{head}.{parameter}", "a classification head, which an encoder does without")
        yield IgnoredTensor(f"decoder.{{i}}.{parameter}", "a head that paints masked patches")
    yield IgnoredTensor(f"{prefix}embeddings.mask_token", "no patch is hidden here")
