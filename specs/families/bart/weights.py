"""Where a BART checkpoint keeps each parameter, read as a whole or as one of its sides."""

from __future__ import annotations

from collections.abc import Iterator

from specs.stored_layers import layer_rows
from specs.values import View
from specs.weights import Carried, Dialect, IgnoredTensor, Row, WeightMap, affine, classifiers

UNTRAINED = ("head.*", "head_bias.bias")
"""What a checkpoint of a bare model lacks."""

DIALECTS = (
    Dialect("published"),
    Dialect("bare model, without the prefix `model.`", without_prefix="model."),
    Dialect("encoder alone", without_prefix="model.encoder."),
    Dialect("decoder alone", without_prefix="model.decoder."),
)

_SHARED = "model.shared.weight"


def weights(c: View) -> WeightMap:
    """The table of a role; a checkpoint of any class feeds each."""
    return WeightMap(rows(c, has_final_norm=False), DIALECTS, tuple(unused(c)))


def rows(c: View, has_final_norm: bool) -> tuple[Row, ...]:
    """Rows of a family with or without a norm at the end of each side."""
    sides = (row for side in ("encoder", "decoder") for row in _side(c, side, has_final_norm))
    head = Row("head.weight", ("lm_head.weight",))
    bias = Row("head_bias.bias", ("final_logits_bias",))
    return (*sides, head) if c.role == "decoder" else (*sides, head, bias)


def _side(c: View, side: str, has_final_norm: bool) -> Iterator[Row]:
    yield _embedding(c, side)
    yield Row(f"{side}.positions.table.weight", (f"model.{side}.embed_positions.weight",))
    yield from affine(f"{side}.embed_norm", f"model.{side}.layernorm_embedding")
    yield from layer_rows(side, f"model.{side}")
    if has_final_norm:
        yield from affine(f"{side}.final_norm", f"model.{side}.layer_norm")


def _embedding(c: View, side: str) -> Row:
    """Stored once for both sides where all are tied, else for each."""
    address, own = f"{side}.embed.tokens.weight", f"model.{side}.embed_tokens.weight"
    if not c.tie_word_embeddings:
        return Row(address, (own,))
    if c.role != "model":
        return Row(address, (own,), copies=(_SHARED,))
    return Row(address, (_SHARED,), copies=(own,)) if side == "encoder" else Row(address, (own,))


def unused(c: View) -> Iterator[IgnoredTensor]:
    """Parts of published classes that no role computes with."""
    if not c.tie_word_embeddings:
        carried = Carried("model", (int(c.vocab_size), int(c.d_model)), float(c.init_std))
        yield IgnoredTensor(_SHARED, "each side has an embedding of its own", carried)
    if c.role == "decoder":
        yield IgnoredTensor("final_logits_bias", "the published decoder alone adds no constant to its scores")
    yield from classifiers("classification_head.dense", "classification_head.out_proj", "qa_outputs")
    for side in ("encoder", "decoder"):
        yield IgnoredTensor(f"model.{side}.version", "a version number of the layout")
