"""Where a DistilBERT checkpoint keeps each parameter, read as an encoder or as a decoder."""

from __future__ import annotations

from collections.abc import Iterator

from specs.values import View
from specs.weights import Dialect, IgnoredTensor, Row, WeightMap, affine, classifiers

UNTRAINED = (
    "decoder.layers.*.cross_attention.*",
    "decoder.layers.*.cross_attention_norm.*",
    "head.*",
)
"""What checkpoints lack: cross-attention always, since none was published; the head of a bare model."""


def weights(_: View) -> WeightMap:
    """The table of both roles; a checkpoint of any head feeds either."""
    return WeightMap(
        rows=tuple(_rows()),
        dialects=(
            Dialect("published"),
            Dialect("bare model, without the prefix `distilbert.`", without_prefix="distilbert."),
        ),
        ignored=tuple(_unused()),
    )


def _rows() -> Iterator[Row]:
    for role in ("encoder", "decoder"):
        layer, stored = f"{role}.layers.{{i}}", "distilbert.transformer.layer.{i}"
        yield Row(f"{role}.embed.weight", ("distilbert.embeddings.word_embeddings.weight",))
        yield Row(f"{role}.positions.table.weight", ("distilbert.embeddings.position_embeddings.weight",))
        yield from affine(f"{role}.embed_norm", "distilbert.embeddings.LayerNorm")
        yield from _attention(f"{layer}.self_attention", f"{stored}.attention")
        yield from affine(f"{layer}.self_attention_norm", f"{stored}.sa_layer_norm")
        if role == "decoder":  # these names are ours
            yield from _attention(f"{layer}.cross_attention", f"{stored}.crossattention")
            yield from affine(f"{layer}.cross_attention_norm", f"{stored}.ca_layer_norm")
        yield from affine(f"{layer}.feed_forward.up_proj", f"{stored}.ffn.lin1")
        yield from affine(f"{layer}.feed_forward.down_proj", f"{stored}.ffn.lin2")
        yield from affine(f"{layer}.feed_forward_norm", f"{stored}.output_layer_norm")
    yield from affine("head.transform", "vocab_transform")
    yield from affine("head.norm", "vocab_layer_norm")
    yield from affine("head.output", "vocab_projector")


def _attention(address: str, stored: str) -> Iterator[Row]:
    for kind in ("q", "k", "v", "out"):
        yield from affine(f"{address}.{kind}_proj", f"{stored}.{kind}_lin")


def _unused() -> Iterator[IgnoredTensor]:
    yield from classifiers("pre_classifier", "classifier", "qa_outputs")
    yield IgnoredTensor("distilbert.embeddings.position_ids", "a table of the numbers from 0 on")
