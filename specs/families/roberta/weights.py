"""Where a RoBERTa checkpoint keeps each parameter, read as an encoder or as a decoder."""

from __future__ import annotations

from collections.abc import Iterator

from specs.families.bert.weights import body, unused
from specs.values import View
from specs.weights import Carried, Dialect, IgnoredTensor, Row, WeightMap, affine, classifiers


def weights(c: View) -> WeightMap:
    """The table of both roles; a checkpoint of any head feeds either."""
    return WeightMap(
        rows=tuple(_rows(bool(c.tie_word_embeddings))),
        dialects=(
            Dialect("published"),
            Dialect("bare model, without the prefix `roberta.`", without_prefix="roberta."),
        ),
        ignored=tuple(_unused(c)),
    )


def _rows(is_tied: bool) -> Iterator[Row]:
    yield from body("roberta")
    yield from affine("head.transform", "lm_head.dense")
    yield from affine("head.norm", "lm_head.layer_norm")
    yield Row("head.output.weight", ("lm_head.decoder.weight",))
    if is_tied:
        yield Row("head.output.bias", ("lm_head.bias",), copies=("lm_head.decoder.bias",))
    else:
        yield Row("head.output.bias", ("lm_head.decoder.bias",))


def _unused(c: View) -> Iterator[IgnoredTensor]:
    yield from unused(c, "roberta")
    yield from classifiers("classifier", "classifier.dense", "classifier.out_proj", "qa_outputs")
    if not c.tie_word_embeddings:
        reason = "the published head adds the bias of its projection only"
        yield IgnoredTensor("lm_head.bias", reason, Carried("decoder", (int(c.vocab_size),)))
