"""Where a wav2vec 2.0 Conformer checkpoint keeps each parameter."""

from __future__ import annotations

import math
from collections.abc import Iterator

from specs.families.wav2vec2.weights import (
    adapter_rows,
    batch_counter,
    batch_norm_rows,
    encoder_map,
    heads_of,
    input_rows,
    layer_rows,
)
from specs.values import View, plain
from specs.weights import Carried, IgnoredTensor, Row, WeightMap

_LAYER = {
    "first_norm": "ffn1_layer_norm",
    "first.up_proj": "ffn1.intermediate_dense",
    "first.down_proj": "ffn1.output_dense",
    "self_attention_norm": "self_attn_layer_norm",
    "self_attention.q_proj": "self_attn.linear_q",
    "self_attention.k_proj": "self_attn.linear_k",
    "self_attention.v_proj": "self_attn.linear_v",
    "self_attention.out_proj": "self_attn.linear_out",
    "convolution_norm": "conv_module.layer_norm",
    "second_norm": "ffn2_layer_norm",
    "second.up_proj": "ffn2.intermediate_dense",
    "second.down_proj": "ffn2.output_dense",
    "final_norm": "final_layer_norm",
}

_RELATIVE = {
    "position_proj.weight": "linear_pos.weight",
    "content_bias": "pos_bias_u",
    "position_bias": "pos_bias_v",
}

HEADS = heads_of("Wav2Vec2Conformer")


def weights(c: View) -> WeightMap:
    """The table; what the config leaves out has no row."""
    prefix = "wav2vec2_conformer."
    rows = [
        *input_rows(c, prefix),
        *layer_rows(prefix, _LAYER),
        *_own_rows(c, prefix),
        *adapter_rows(c, prefix),
    ]
    return encoder_map(c, prefix, rows, HEADS, _unused(c, prefix), has_magnitudes=False)


def _own_rows(c: View, prefix: str) -> Iterator[Row]:
    layer, stored = "encoder.layers.{i}", f"{prefix}encoder.layers.{{i}}"
    for ours, theirs in (
        ("gate", "pointwise_conv1"),
        ("depthwise", "depthwise_conv"),
        ("mix", "pointwise_conv2"),
    ):
        yield Row(f"{layer}.convolution.{ours}.weight", (f"{stored}.conv_module.{theirs}.weight",))
    yield from batch_norm_rows(f"{layer}.convolution.norm", f"{stored}.conv_module.batch_norm")
    match plain(c.position_embeddings_type):
        case "relative":
            for ours, theirs in _RELATIVE.items():
                yield Row(f"{layer}.self_attention.{ours}", (f"{stored}.self_attn.{theirs}",))
        case "rotary":
            frequencies = f"{prefix}encoder.embed_positions.inv_freq"
            yield Row("encoder.positions.frequencies", (frequencies,), computed=True, exported=True)


def _unused(c: View, prefix: str) -> Iterator[IgnoredTensor]:
    """The convolutional positions that the published class has and never adds, and counters."""
    yield batch_counter(f"{prefix}encoder.layers.{{i}}.conv_module.batch_norm", int(c.num_hidden_layers))
    stored, reason = f"{prefix}encoder.pos_conv_embed.conv", "the published class has it, and never reads it"
    width, kernel = int(c.hidden_size), int(c.num_conv_pos_embeddings)
    inner = width // int(c.num_conv_pos_embedding_groups)
    deviation = 1 / math.sqrt(3 * inner * kernel)  # torch's own draw of a convolution
    magnitude = Carried("encoder", (1, 1, kernel), mean=deviation * math.sqrt(width * inner))
    direction = Carried("encoder", (width, inner, kernel), deviation)
    yield IgnoredTensor(f"{stored}.bias", reason, Carried("encoder", (width,)))
    for name, older, carried in (("original0", "g", magnitude), ("original1", "v", direction)):
        published = f"{stored}.parametrizations.weight.{name}"
        yield IgnoredTensor(published, reason, carried, copies=(f"{stored}.weight_{older}",))
