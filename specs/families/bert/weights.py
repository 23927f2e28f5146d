"""Where a BERT checkpoint keeps each parameter, read as an encoder or as a decoder."""

from __future__ import annotations

from collections.abc import Iterator

from specs.values import View
from specs.weights import Carried, Dialect, IgnoredTensor, Row, WeightMap, affine, classifiers

_PROJECTIONS = {
    "q_proj": "self.query",
    "k_proj": "self.key",
    "v_proj": "self.value",
    "out_proj": "output.dense",
}

_OLD_NORMS = ((".LayerNorm.weight", ".LayerNorm.gamma"), (".LayerNorm.bias", ".LayerNorm.beta"))

UNTRAINED = (
    "decoder.layers.*.cross_attention.*",
    "decoder.layers.*.cross_attention_norm.*",
    "head.*",
)
"""What a checkpoint trained otherwise may lack: cross-attention, and the head of a bare model."""


def weights(c: View) -> WeightMap:
    """The table of both roles; a checkpoint of any head feeds either."""
    return WeightMap(
        rows=tuple(_rows(bool(c.tie_word_embeddings))),
        dialects=(
            Dialect("published"),
            Dialect("bare model, without the prefix `bert.`", without_prefix="bert."),
            Dialect("norms as gamma and beta", endings=_OLD_NORMS),
            Dialect("bare model, norms as gamma and beta", without_prefix="bert.", endings=_OLD_NORMS),
        ),
        ignored=tuple(_unused(c)),
    )


def _rows(is_tied: bool) -> Iterator[Row]:
    yield from body("bert")
    yield from affine("head.transform", "cls.predictions.transform.dense")
    yield from affine("head.norm", "cls.predictions.transform.LayerNorm")
    yield Row("head.output.weight", ("cls.predictions.decoder.weight",))
    if is_tied:
        yield Row("head.output.bias", ("cls.predictions.bias",), copies=("cls.predictions.decoder.bias",))
    else:
        yield Row("head.output.bias", ("cls.predictions.decoder.bias",))


def body(prefix: str) -> Iterator[Row]:
    """Rows of everything below the head, which an encoder and a decoder store alike."""
    for role in ("encoder", "decoder"):
        layer, stored = f"{role}.layers.{{i}}", f"{prefix}.encoder.layer.{{i}}"
        yield Row(f"{role}.embed.weight", (f"{prefix}.embeddings.word_embeddings.weight",))
        yield Row(f"{role}.add_types.table.weight", (f"{prefix}.embeddings.token_type_embeddings.weight",))
        yield Row(f"{role}.positions.table.weight", (f"{prefix}.embeddings.position_embeddings.weight",))
        yield from affine(f"{role}.embed_norm", f"{prefix}.embeddings.LayerNorm")
        yield from _attention(f"{layer}.self_attention", f"{stored}.attention")
        if role == "decoder":
            yield from _attention(f"{layer}.cross_attention", f"{stored}.crossattention")
        yield from affine(f"{layer}.feed_forward.up_proj", f"{stored}.intermediate.dense")
        yield from affine(f"{layer}.feed_forward.down_proj", f"{stored}.output.dense")
        yield from affine(f"{layer}.feed_forward_norm", f"{stored}.output.LayerNorm")


def _attention(address: str, stored: str) -> Iterator[Row]:
    for projection, name in _PROJECTIONS.items():
        yield from affine(f"{address}.{projection}", f"{stored}.{name}")
    yield from affine(f"{address}_norm", f"{stored}.output.LayerNorm")


def _unused(c: View) -> Iterator[IgnoredTensor]:
    yield from unused(c, "bert")
    yield from classifiers("classifier", "qa_outputs")
    reason = "whether two sentences follow each other is not asked here"
    yield IgnoredTensor("cls.seq_relationship.weight", reason)
    yield IgnoredTensor("cls.seq_relationship.bias", reason)
    if not c.tie_word_embeddings:
        reason = "the published head adds the bias of its projection only"
        yield IgnoredTensor("cls.predictions.bias", reason, Carried("decoder", (int(c.vocab_size),)))


def unused(c: View, prefix: str) -> Iterator[IgnoredTensor]:
    """Parts of published classes that neither role computes with."""
    width, pooler = int(c.hidden_size), f"{prefix}.pooler.dense"
    reason = "this model has no pooled output"
    carried = Carried("encoder", (width, width), float(c.initializer_range))
    yield IgnoredTensor(f"{pooler}.weight", reason, carried)
    yield IgnoredTensor(f"{pooler}.bias", reason, Carried("encoder", (width,)))
    yield IgnoredTensor(f"{prefix}.embeddings.position_ids", "a table of the numbers from 0 on")
