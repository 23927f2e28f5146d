"""GPT-2 as a decoder with cross-attention."""

from __future__ import annotations

import math

from specs.builder import GraphBuilder
from specs.family import Side
from specs.graph import Ref, Tie, Tokens
from specs.halves import cross_width
from specs.initialisation import Initialisation, normal_initialisation
from specs.values import Value, View, plain


def decoder(g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None) -> Side:
    """Embed, add positions, decode, project."""
    ids = g.input("decoder_input_ids", "token_ids", ("batch", "target"), "int64")
    mask = g.input("decoder_attention_mask", "mask", ("batch", "target"), "int64", optional=True)

    numbers = {"vocabulary": c.vocab_size, "width": c.n_embd}
    hidden = g.node("decoder.embed", "token_embedding", numbers, ids=ids)
    numbers = {"rows": c.n_positions, "width": c.n_embd}
    positions = g.node("decoder.positions", "learned_positions", numbers, ids=ids)
    numbers = {"dropout": c.embd_pdrop}
    hidden = g.node("decoder.add_positions", "add_positions", numbers, hidden=hidden, positions=positions)
    masks = {"mask": mask} | ({"source_mask": source_mask} if source_mask else {})
    hidden = g.node(
        "decoder.layers",
        "pre_norm_decoder",
        {
            "layers": c.n_layer,
            "width": c.n_embd,
            "source_dim": source_dim,
            "heads": c.n_head,
            "inner": 4 * c.n_embd if plain(c.n_inner) is None else c.n_inner,
            "activation": c.activation_function,
            "dropout": c.resid_pdrop,
            "attention_dropout": c.attn_pdrop,
            "eps": c.layer_norm_epsilon,
            "scale_by_width": c.scale_attn_weights,
            "scale_by_depth": c.scale_attn_by_inverse_layer_idx,
        },
        hidden=hidden,
        source=source,
        **masks,
    )
    numbers = {"width": c.n_embd, "eps": c.layer_norm_epsilon}
    hidden = g.node("decoder.final_norm", "layer_norm", numbers, hidden=hidden)
    numbers = {"width": c.n_embd, "vocabulary": c.vocab_size}
    logits = g.node("head", "vocabulary_head", numbers, hidden=hidden)
    tie = Tie("decoder.embed.weight", "head.weight", c.tie_word_embeddings.origin)
    return Side(
        logits,
        ties=(tie,) if c.tie_word_embeddings else (),
        tokens=Tokens(c.decoder_start_token_id, c.pad_token_id, c.bos_token_id, c.eos_token_id),
        initialisations=_initialisations(c),
    )


def _initialisations(c: View) -> tuple[Initialisation, ...]:
    """What a layer adds to the residual stream begins smaller, by the root of how often that happens.

    Radford et al. 2019, section 2.3, which counts attention and the feed-forward network of every layer.
    """
    deviation = float(c.initializer_range) / math.sqrt(2 * int(c.n_layer))
    scaled = {
        "weight": ("normal", (Value(deviation, c.initializer_range.origin),)),
        "bias": ("zeros", ()),
    }
    residual = Initialisation("nn.Linear", scaled, "decoder.layers", ("out_proj", "down_proj"))
    rules = normal_initialisation(c.initializer_range, "nn.Linear", "nn.Embedding", "nn.LayerNorm")
    return (residual, *rules)


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return cross_width(c, c.n_embd)


def maximum_target(c: View) -> int:
    """Longest decoder input."""
    return int(c.n_positions)


def maximum_source(_: View) -> None:
    """It is no encoder."""
    return
