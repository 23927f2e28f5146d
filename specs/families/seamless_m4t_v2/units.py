"""The unit model: text states to characters, how long each lasts, and units (Barrault et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from specs.builder import GraphBuilder
from specs.families.seamless_m4t_v2.layers import attention_rows, duration_rows, encoder_layer_rows, in_layers
from specs.graph import Ref
from specs.initialisation import Initialisation
from specs.values import Value, View
from specs.weights import Carried, IgnoredTensor, Row, affine

_KERNEL = Value(7)
"""Of the unit decoder's convolutions: the published class reads it from no field."""


def predict_durations(
    g: GraphBuilder, c: View, hidden: Ref, mask: Ref, character_ids: Ref, character_counts: Ref
) -> tuple[Ref, Ref]:
    """States of the characters [B, C, D], and how many units each lasts [B, C]."""
    hidden = _encoded(g, c, hidden, mask)
    width = {"width": c.hidden_size}
    states = g.node(
        "unit_decoder.expand",
        "aligned_upsampler",
        width,
        hidden=hidden,
        counts=character_counts,
        ids=character_ids,
    )
    is_character = Ref("unit_decoder.expand", "mask")
    scale = Value(math.sqrt(int(c.hidden_size)) if c.scale_embedding else 1.0, c.scale_embedding.origin)
    embedding = {**width, "vocabulary": c.char_vocab_size, "scale": scale}
    states = g.node(
        "unit_decoder.embed_characters", "add_tokens", embedding, hidden=states, ids=character_ids
    )
    states = _placed(g, c, "unit_decoder.character_positions", states, Value(0.0))
    predictor = {
        "width": c.t2u_variance_predictor_embed_dim,
        "inner": c.t2u_variance_predictor_hidden_dim,
        "kernel": c.t2u_variance_predictor_kernel_size,
        "dropout": c.t2u_variance_pred_dropout,
    }
    durations = g.node(
        "unit_decoder.durations", "duration_predictor", predictor, hidden=states, mask=is_character
    )
    return states, durations


def decode_units(g: GraphBuilder, c: View, states: Ref, durations: Ref) -> tuple[Ref, Ref]:
    """Scores of the units [B, U, V] of characters that last so long, and their mask [B, U]."""
    width = {"width": c.hidden_size}
    hidden = g.node("unit_decoder.lengthen", "hard_upsampler", width, hidden=states, counts=durations)
    mask = Ref("unit_decoder.lengthen", "mask")
    hidden = _placed(g, c, "unit_decoder.positions", hidden, c.dropout)
    numbers = {
        **width,
        "layers": c.t2u_decoder_layers,
        "heads": c.t2u_decoder_attention_heads,
        "kernel": _KERNEL,
        "activation": c.activation_function,
        "dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "layerdrop": c.decoder_layerdrop,
    }
    hidden = g.node("unit_decoder.layers", "post_norm_convolution_encoder", numbers, hidden=hidden, mask=mask)
    hidden = g.node("unit_decoder.final_norm", "layer_norm", width, hidden=hidden)
    head = {**width, "vocabulary": c.t2u_vocab_size}
    return g.node("unit_head", "vocabulary_head", head, hidden=hidden), mask


def _encoded(g: GraphBuilder, c: View, hidden: Ref, mask: Ref) -> Ref:
    """The encoder of text states, which have their positions."""
    if c.dropout:
        hidden = g.node("unit_encoder.dropout", "dropout", {"dropout": c.dropout}, hidden=hidden)
    numbers = {
        "width": c.hidden_size,
        "layers": c.t2u_encoder_layers,
        "heads": c.t2u_encoder_attention_heads,
        "inner": c.t2u_encoder_ffn_dim,
        "layerdrop": c.encoder_layerdrop,
        **in_layers(c),
    }
    hidden = g.node("unit_encoder.layers", "pre_norm_encoder", numbers, hidden=hidden, mask=mask)
    return g.node("unit_encoder.final_norm", "layer_norm", {"width": c.hidden_size}, hidden=hidden)


def _placed(g: GraphBuilder, c: View, name: str, hidden: Ref, dropout: Value) -> Ref:
    """States and their positions, counted from the first on behind the unit padding's row."""
    numbers = {
        "maximum": c.t2u_max_position_embeddings,
        "width": c.hidden_size,
        "padding_row": c.t2u_pad_token_id,
        "overflow": Value("grow"),
        "dropout": dropout,
    }
    return g.node(name, "add_scaled_positions", numbers, hidden=hidden)


def initialisations(c: View) -> tuple[Initialisation, ...]:
    """The published draws that differ from those of the whole model."""
    convolution = {"weight": ("kaiming_normal", ()), "bias": ("uniform_by_inputs", ())}
    rules = [Initialisation("nn.Conv1d", convolution, below="unit_decoder")]
    if c.tie_word_embeddings:  # the published head is an embedding, and begins without scores of padding
        weight = ("normal_but_row", (c.initializer_range, c.t2u_pad_token_id))
        rules.append(
            Initialisation("nn.Linear", {"weight": weight, "bias": ("zeros", ())}, below="unit_head")
        )
    return tuple(rules)


_ENCODER, _DECODER = "t2u_model.model.encoder", "t2u_model.model.decoder"
_HEAD, _EMBEDDING = "t2u_model.lm_head.weight", f"{_DECODER}.embed_tokens.weight"
_LAYER = {
    "self_attention_norm": "self_attn_layer_norm",
    "convolutions.first.conv": "conv1",
    "convolutions.second.conv": "conv2",
    "convolutions_norm": "conv_layer_norm",
}
"""Our part -> the published one."""


def rows(c: View) -> Iterator[Row]:
    """Where a checkpoint keeps each parameter."""
    yield from encoder_layer_rows("unit_encoder.layers", f"{_ENCODER}.layers")
    yield from affine("unit_encoder.final_norm", f"{_ENCODER}.layer_norm")
    yield Row("unit_decoder.embed_characters.tokens.weight", (f"{_DECODER}.embed_char.weight",))
    yield Row("unit_decoder.character_positions.scale", (f"{_DECODER}.pos_emb_alpha_char",))
    yield from duration_rows("unit_decoder.durations", f"{_DECODER}.duration_predictor")
    yield Row("unit_decoder.positions.scale", (f"{_DECODER}.pos_emb_alpha",))
    layer, stored = "unit_decoder.layers.{i}", f"{_DECODER}.layers.{{i}}"
    yield from attention_rows(f"{layer}.self_attention", f"{stored}.self_attn")
    for ours, theirs in _LAYER.items():
        yield from affine(f"{layer}.{ours}", f"{stored}.{theirs}")
    yield from affine("unit_decoder.final_norm", f"{_DECODER}.layer_norm")
    if c.tie_word_embeddings:
        yield Row("unit_head.weight", (_EMBEDDING,), copies=(_HEAD,))
    else:
        yield Row("unit_head.weight", (_HEAD,))


def unused(c: View) -> Iterator[IgnoredTensor]:
    """What the published class keeps and does not compute with."""
    if not c.tie_word_embeddings:
        shape = (int(c.t2u_vocab_size), int(c.hidden_size))
        carried = Carried("model", shape, float(c.initializer_range))
        yield IgnoredTensor(_EMBEDDING, "units are not embedded before they are decoded", carried)
