"""Where a wav2vec 2.0 checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from specs.families.wav2vec2.graph import masks_spans, projects
from specs.values import View
from specs.weights import Dialect, IgnoredTensor, Row, WeightMap, affine

_STORED_LAYER = {
    "self_attention.q_proj": "attention.q_proj",
    "self_attention.k_proj": "attention.k_proj",
    "self_attention.v_proj": "attention.v_proj",
    "self_attention.out_proj": "attention.out_proj",
    "self_attention_norm": "layer_norm",
    "feed_forward.up_proj": "feed_forward.intermediate_dense",
    "feed_forward.down_proj": "feed_forward.output_dense",
    "feed_forward_norm": "final_layer_norm",
}

_OLDER = (
    ("parametrizations.weight.original0", "weight_g"),
    ("parametrizations.weight.original1", "weight_v"),
)
"""Magnitude and direction of a weight, as older versions of torch spell them."""

FEATURE_NORM = "feature_projection.layer_norm"

UNTRAINED = ("encoder.span_masking.embedding",)
"""It stands for hidden positions in training alone, and checkpoints often lack it."""

CLASSIFICATION = (
    "layer_weights",
    "projector.weight",
    "projector.bias",
    "classifier.weight",
    "classifier.bias",
)
TRANSCRIPTION = ("lm_head.weight", "lm_head.bias")

_HEADS = {
    "a transcription head": TRANSCRIPTION,
    "the heads of pre-training": (
        "quantizer.codevectors",
        "quantizer.weight_proj.weight",
        "quantizer.weight_proj.bias",
        "project_q.weight",
        "project_q.bias",
        "project_hid.weight",
        "project_hid.bias",
    ),
    "a classification head": CLASSIFICATION,
    "a speaker head": (
        "feature_extractor.weight",
        "feature_extractor.bias",
        "tdnn.{i}.kernel.weight",
        "tdnn.{i}.kernel.bias",
        "objective.weight",
    ),
}


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "wav2vec2."
    rows = [*encoder_rows(c, prefix), *affine("encoder.feature_norm", f"{prefix}{FEATURE_NORM}")]
    if projects(c):
        rows += affine("encoder.adapter_projection", f"{prefix}adapter.proj")
        rows += affine("encoder.adapter_norm", f"{prefix}adapter.proj_layer_norm")
    if c.add_adapter:
        rows += affine("encoder.adapter.{i}.conv", f"{prefix}adapter.layers.{{i}}.conv")
    return encoder_map(c, prefix, rows, _HEADS)


def encoder_map(c: View, prefix: str, rows: list[Row], heads: Mapping[str, Iterable[str]]) -> WeightMap:
    """The table in its four spellings, with the heads that an encoder does without."""
    bare = f"bare model, without the prefix `{prefix}`"
    ignored = [
        IgnoredTensor(pattern, f"{head}, which an encoder does without")
        for head, patterns in heads.items()
        for pattern in patterns
    ]
    if not masks_spans(c):
        ignored.append(IgnoredTensor(f"{prefix}masked_spec_embed", "training hides no positions"))
    return WeightMap(
        rows=tuple(rows),
        dialects=(
            Dialect("published"),
            Dialect("magnitudes as weight_g", endings=_OLDER),
            Dialect(bare, prefix),
            Dialect(f"{bare}, magnitudes as weight_g", prefix, _OLDER),
        ),
        ignored=tuple(ignored),
    )


def encoder_rows(c: View, prefix: str) -> Iterator[Row]:
    """Rows of the convolutions, the positions and the layers."""
    convolution, stored = "encoder.features.{i}", f"{prefix}feature_extractor.conv_layers.{{i}}"
    yield Row(f"{convolution}.conv.weight", (f"{stored}.conv.weight",))
    if c.conv_bias:
        yield Row(f"{convolution}.conv.bias", (f"{stored}.conv.bias",))
    yield from affine(f"{convolution}.norm", f"{stored}.layer_norm")
    yield from affine("encoder.feature_projection", f"{prefix}feature_projection.projection")
    if masks_spans(c):
        yield Row("encoder.span_masking.embedding", (f"{prefix}masked_spec_embed",))
    positions, weight = "encoder.positions.conv", f"{prefix}encoder.pos_conv_embed.conv"
    yield Row(f"{positions}.bias", (f"{weight}.bias",))
    yield Row(f"{positions}.magnitude", (f"{weight}.parametrizations.weight.original0",))
    yield Row(f"{positions}.direction", (f"{weight}.parametrizations.weight.original1",))
    yield from affine("encoder.norm", f"{prefix}encoder.layer_norm")
    for ours, theirs in _STORED_LAYER.items():
        yield from affine(f"encoder.layers.{{i}}.{ours}", f"{prefix}encoder.layers.{{i}}.{theirs}")
