"""Where a wav2vec 2.0 checkpoint keeps each parameter."""

from __future__ import annotations

from collections.abc import Iterator

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

_PREFIX = "wav2vec2."

UNTRAINED = ("encoder.span_masking.embedding",)
"""It stands for hidden positions in training alone, and checkpoints often lack it."""

_HEADS = {
    "a transcription head": ("lm_head.weight", "lm_head.bias"),
    "the heads of pre-training": (
        "quantizer.codevectors",
        "quantizer.weight_proj.weight",
        "quantizer.weight_proj.bias",
        "project_q.weight",
        "project_q.bias",
        "project_hid.weight",
        "project_hid.bias",
    ),
    "a classification head": (
        "layer_weights",
        "projector.weight",
        "projector.bias",
        "classifier.weight",
        "classifier.bias",
    ),
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
    return WeightMap(
        rows=tuple(_rows(c)),
        dialects=(
            Dialect("published"),
            Dialect("magnitudes as weight_g", endings=_OLDER),
            Dialect("bare model, without the prefix `wav2vec2.`", _PREFIX),
            Dialect("bare model, without the prefix `wav2vec2.`, magnitudes as weight_g", _PREFIX, _OLDER),
        ),
        ignored=(
            *(
                IgnoredTensor(pattern, f"{head}, which an encoder does without")
                for head, patterns in _HEADS.items()
                for pattern in patterns
            ),
            *(
                []
                if masks_spans(c)
                else [IgnoredTensor(f"{_PREFIX}masked_spec_embed", "training hides no positions")]
            ),
        ),
    )


def _rows(c: View) -> Iterator[Row]:
    convolution, stored = "encoder.features.{i}", f"{_PREFIX}feature_extractor.conv_layers.{{i}}"
    yield Row(f"{convolution}.conv.weight", (f"{stored}.conv.weight",))
    if c.conv_bias:
        yield Row(f"{convolution}.conv.bias", (f"{stored}.conv.bias",))
    yield from affine(f"{convolution}.norm", f"{stored}.layer_norm")
    yield from affine("encoder.feature_norm", f"{_PREFIX}feature_projection.layer_norm")
    yield from affine("encoder.feature_projection", f"{_PREFIX}feature_projection.projection")
    if masks_spans(c):
        yield Row("encoder.span_masking.embedding", (f"{_PREFIX}masked_spec_embed",))
    positions = f"{_PREFIX}encoder.pos_conv_embed.conv"
    yield Row("encoder.positions.conv.bias", (f"{positions}.bias",))
    for parameter, index in (("magnitude", 0), ("direction", 1)):
        yield Row(
            f"encoder.positions.conv.{parameter}", (f"{positions}.parametrizations.weight.original{index}",)
        )
    yield from affine("encoder.norm", f"{_PREFIX}encoder.layer_norm")
    for ours, theirs in _STORED_LAYER.items():
        yield from affine(f"encoder.layers.{{i}}.{ours}", f"{_PREFIX}encoder.layers.{{i}}.{theirs}")
    if projects(c):
        yield from affine("encoder.adapter_projection", f"{_PREFIX}adapter.proj")
        yield from affine("encoder.adapter_norm", f"{_PREFIX}adapter.proj_layer_norm")
    if c.add_adapter:
        yield from affine("encoder.adapter.{i}.conv", f"{_PREFIX}adapter.layers.{{i}}.conv")
