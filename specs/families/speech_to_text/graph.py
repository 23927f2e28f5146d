"""The Speech2Text encoder and decoder as graphs."""

from __future__ import annotations

import math

from specs.builder import GraphBuilder, normal_initialisation
from specs.family import Side
from specs.graph import Initialisation, Ref, Tie, Tokens
from specs.values import Value, View

_FRAME_POSITIONS = {0: "padding_frame_positions", 1: "frame_positions"}
"""By pad id: the published encoder looks for that id in a 0/1 padding indicator."""


def _scale(c: View) -> Value:
    return Value(math.sqrt(int(c.d_model)) if c.scale_embedding else 1.0, c.scale_embedding.origin)


def _shared(c: View) -> dict[str, Value]:
    return {
        "activation": c.activation_function,
        "dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "activation_dropout": c.activation_dropout,
    }


def encoder(g: GraphBuilder, c: View, long_input: str) -> Side:
    """Subsample, add positions, encode."""
    width = c.input_channels * c.input_feat_per_channel
    features = g.input("input_features", "features", ("batch", "frames", width))
    mask = g.input("attention_mask", "mask", ("batch", "frames"), "int64", optional=True)

    hidden = g.node(
        "encoder.subsample",
        "conv_subsampler",
        {
            "input_width": width,
            "channels": c.conv_channels,
            "width": c.d_model,
            "kernels": c.conv_kernel_sizes,
        },
        features=features,
        mask=mask,
    )
    source_mask = Ref("encoder.subsample", "mask")
    positions = g.node(
        "encoder.positions",
        _FRAME_POSITIONS.get(int(c.pad_token_id), "unmasked_frame_positions"),
        {
            "maximum": c.max_source_positions,
            "width": c.d_model,
            "padding_row": c.pad_token_id,
            "overflow": "grow" if long_input == "grow" else "error",
        },
        hidden=hidden,
        mask=source_mask,
    )
    hidden = g.node("encoder.scale", "scale", {"scale": _scale(c)}, hidden=hidden)
    hidden = g.node(
        "encoder.add_positions", "add_positions", {"dropout": c.dropout}, hidden=hidden, positions=positions
    )
    hidden = g.node(
        "encoder.layers",
        "pre_norm_encoder",
        {
            "layers": c.encoder_layers,
            "width": c.d_model,
            "heads": c.encoder_attention_heads,
            "inner": c.encoder_ffn_dim,
            "layerdrop": c.encoder_layerdrop,
            **_shared(c),
        },
        hidden=hidden,
        mask=source_mask,
    )
    hidden = g.node("encoder.final_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)
    return Side(hidden, source_mask, initialisations=_initialisations(c))


def decoder(g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None) -> Side:
    """Embed, add positions, decode, project."""
    ids = g.input("decoder_input_ids", "token_ids", ("batch", "target"), "int64")
    mask = g.input("decoder_attention_mask", "mask", ("batch", "target"), "int64", optional=True)

    hidden = g.node(
        "decoder.embed",
        "scaled_embedding",
        {
            "vocabulary": c.vocab_size,
            "width": c.d_model,
            "padding_row": c.pad_token_id,
            "scale": _scale(c),
        },
        ids=ids,
    )
    positions = g.node(
        "decoder.positions",
        "token_positions",
        {"maximum": c.max_target_positions, "width": c.d_model, "padding_row": c.pad_token_id},
        ids=ids,
    )
    hidden = g.node(
        "decoder.add_positions", "add_positions", {"dropout": c.dropout}, hidden=hidden, positions=positions
    )
    masks = {"mask": mask} | ({"source_mask": source_mask} if source_mask else {})
    hidden = g.node(
        "decoder.layers",
        "pre_norm_decoder",
        {
            "layers": c.decoder_layers,
            "width": c.d_model,
            "source_dim": source_dim,
            "heads": c.decoder_attention_heads,
            "inner": c.decoder_ffn_dim,
            "layerdrop": c.decoder_layerdrop,
            **_shared(c),
        },
        hidden=hidden,
        source=source,
        **masks,
    )
    hidden = g.node("decoder.final_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)
    logits = g.node(
        "head", "vocabulary_head", {"width": c.d_model, "vocabulary": c.vocab_size}, hidden=hidden
    )

    tie = Tie("decoder.embed.tokens.weight", "head.weight", c.tie_word_embeddings.origin)
    return Side(
        logits,
        ties=(tie,) if c.tie_word_embeddings else (),
        tokens=Tokens(c.decoder_start_token_id, c.pad_token_id, c.bos_token_id, c.eos_token_id),
        initialisations=_initialisations(c),
    )


def _initialisations(c: View) -> tuple[Initialisation, ...]:
    return normal_initialisation(c.init_std, "nn.Linear", "nn.Conv1d", "nn.Embedding", "nn.LayerNorm")


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return c.d_model


def maximum_target(c: View) -> int:
    """Longest decoder input: the table has two rows more than its positions, counted from the pad row."""
    return int(c.max_target_positions) + 1 - int(c.pad_token_id)


def maximum_source(c: View) -> int:
    """Longest encoder sequence, after subsampling."""
    return int(c.max_source_positions) + 1 - int(c.pad_token_id)
