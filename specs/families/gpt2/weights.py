"""Where a GPT-2 checkpoint keeps each parameter: linear weights as [in, out], projections side by side."""

from __future__ import annotations

from collections.abc import Iterator

from specs.values import View
from specs.weights import Dialect, IgnoredTensor, Row, Split, Steps, Transpose, WeightMap, affine, classifiers

UNTRAINED = ("decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*", "head.*")
"""What a checkpoint trained without an encoder lacks, and one of a bare model without a tied head."""

_MASK = "a stored causal mask"


def weights(_: View) -> WeightMap:
    """The table; it does not depend on the config."""
    return WeightMap(
        rows=tuple(_rows()),
        dialects=(
            Dialect("published"),
            Dialect("bare model, without the prefix `transformer.`", without_prefix="transformer."),
        ),
        ignored=(
            *(
                IgnoredTensor(f"transformer.h.{{i}}.{attention}.{mask}", _MASK)
                for attention in ("attn", "crossattention")
                for mask in ("bias", "masked_bias")
            ),
            *classifiers("multiple_choice_head.summary", "classifier", "qa_outputs", "score"),
        ),
    )


def _rows() -> Iterator[Row]:
    yield Row("decoder.embed.weight", ("transformer.wte.weight",))
    yield Row("decoder.positions.table.weight", ("transformer.wpe.weight",))
    layer, stored = "decoder.layers.{i}", "transformer.h.{i}"
    yield from affine(f"{layer}.self_attention_norm", f"{stored}.ln_1")
    yield from _parts(f"{layer}.self_attention", ("q_proj", "k_proj", "v_proj"), f"{stored}.attn.c_attn")
    yield from _transposed(f"{layer}.self_attention.out_proj", f"{stored}.attn.c_proj")
    yield from affine(f"{layer}.cross_attention_norm", f"{stored}.ln_cross_attn")
    yield from _transposed(f"{layer}.cross_attention.q_proj", f"{stored}.crossattention.q_attn")
    yield from _parts(f"{layer}.cross_attention", ("k_proj", "v_proj"), f"{stored}.crossattention.c_attn")
    yield from _transposed(f"{layer}.cross_attention.out_proj", f"{stored}.crossattention.c_proj")
    yield from affine(f"{layer}.feed_forward_norm", f"{stored}.ln_2")
    yield from _transposed(f"{layer}.feed_forward.up_proj", f"{stored}.mlp.c_fc")
    yield from _transposed(f"{layer}.feed_forward.down_proj", f"{stored}.mlp.c_proj")
    yield from affine("decoder.final_norm", "transformer.ln_f")
    yield Row("head.weight", ("lm_head.weight",))


def _transposed(address: str, stored: str) -> Iterator[Row]:
    yield Row(f"{address}.weight", (f"{stored}.weight",), Transpose())
    yield Row(f"{address}.bias", (f"{stored}.bias",))


def _parts(address: str, projections: tuple[str, ...], stored: str) -> Iterator[Row]:
    """Rows of projections whose outputs one stored projection gives side by side."""
    for index, projection in enumerate(projections):
        split = Split(0, index, len(projections))
        yield Row(f"{address}.{projection}.weight", (f"{stored}.weight",), Steps((Transpose(), split)))
        yield Row(f"{address}.{projection}.bias", (f"{stored}.bias",), split)
