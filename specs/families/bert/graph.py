"""BERT as an encoder and as a decoder with cross-attention."""

from __future__ import annotations

from collections.abc import Callable

from specs.builder import GraphBuilder
from specs.family import Side
from specs.graph import Ref, Tie, Tokens
from specs.halves import cross_width
from specs.initialisation import Initialisation, normal_initialisation
from specs.values import Value, View, plain

Positions = Callable[[GraphBuilder, View, Ref], Ref]
"""Adds the node that gives token ids their positions."""


def encoder(g: GraphBuilder, c: View, long_input: str) -> Side:
    """Embed, encode."""
    return encoder_with(g, c, _positions)


def decoder(g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None) -> Side:
    """Embed, decode, transform, project."""
    return decoder_with(g, c, source, source_dim, source_mask, _positions, c.hidden_act)


def _positions(g: GraphBuilder, c: View, ids: Ref) -> Ref:
    numbers = {"rows": c.max_position_embeddings, "width": c.hidden_size}
    return g.node(f"{c.role}.positions", "learned_positions", numbers, ids=ids)


def encoder_with(g: GraphBuilder, c: View, positions: Positions) -> Side:
    """The encoder of a family that counts its positions in its own way."""
    ids = g.input("input_ids", "token_ids", ("batch", "source"), "int64")
    mask = g.input("attention_mask", "mask", ("batch", "source"), "int64", optional=True)
    types = g.input("token_type_ids", "token_ids", ("batch", "source"), "int64", optional=True)

    hidden = _embedded(g, c, ids, positions, {"types": types})
    hidden = g.node("encoder.layers", "post_norm_encoder", _layers(c), hidden=hidden, mask=mask)
    return Side(hidden, mask, initialisations=_initialisations(c))


def decoder_with(
    g: GraphBuilder,
    c: View,
    source: Ref,
    source_dim: Value,
    source_mask: Ref | None,
    positions: Positions,
    activation: Value,
) -> Side:
    """The decoder of a family that counts its positions, and activates its head, in its own way."""
    ids = g.input("decoder_input_ids", "token_ids", ("batch", "target"), "int64")
    mask = g.input("decoder_attention_mask", "mask", ("batch", "target"), "int64", optional=True)

    hidden = _embedded(g, c, ids, positions, {})
    masks = {"mask": mask} | ({"source_mask": source_mask} if source_mask else {})
    hidden = g.node(
        "decoder.layers",
        "post_norm_decoder",
        {**_layers(c), "source_dim": source_dim},
        hidden=hidden,
        source=source,
        **masks,
    )
    logits = language_head(g, c, c.hidden_size, c.layer_norm_eps, activation, hidden)
    tie = Tie("decoder.embed.weight", "head.output.weight", c.tie_word_embeddings.origin)
    return Side(
        logits,
        ties=(tie,) if c.tie_word_embeddings else (),
        tokens=Tokens(c.decoder_start_token_id, c.pad_token_id, c.bos_token_id, c.eos_token_id),
        initialisations=_initialisations(c),
    )


def language_head(g: GraphBuilder, c: View, width: Value, eps: Value, activation: Value, hidden: Ref) -> Ref:
    """Scores over the vocabulary of hidden states that are projected, activated and normalised first."""
    widths = {"source_dim": width, "target_dim": width}
    hidden = g.node("head.transform", "linear", widths, hidden=hidden)
    hidden = g.node("head.activation", "activation", {"activation": activation}, hidden=hidden)
    hidden = g.node("head.norm", "layer_norm", {"width": width, "eps": eps}, hidden=hidden)
    numbers = {"width": width, "vocabulary": c.vocab_size, "bias": True}
    return g.node("head.output", "vocabulary_head", numbers, hidden=hidden)


def embedding(g: GraphBuilder, c: View, width: Value, ids: Ref) -> Ref:
    """Embedded tokens; the row of padding, where there is one, stays as it is in training."""
    numbers = {"vocabulary": c.vocab_size, "width": width}
    if plain(c.pad_token_id) is None:
        return g.node(f"{c.role}.embed", "token_embedding", numbers, ids=ids)
    numbers["padding_row"] = c.pad_token_id
    return g.node(f"{c.role}.embed", "padded_token_embedding", numbers, ids=ids)


def _embedded(g: GraphBuilder, c: View, ids: Ref, positions: Positions, types: dict[str, Ref]) -> Ref:
    """Tokens, their types and positions, summed and normalised."""
    role = c.role
    hidden = embedding(g, c, c.hidden_size, ids)
    numbers = {"types": c.type_vocab_size, "width": c.hidden_size}
    hidden = g.node(f"{role}.add_types", "add_types", numbers, hidden=hidden, **types)
    where = positions(g, c, ids)
    hidden = g.node(f"{role}.add_positions", "add_positions", {}, hidden=hidden, positions=where)
    hidden = g.node(f"{role}.embed_norm", "layer_norm", _norm(c), hidden=hidden)
    return g.node(f"{role}.dropout", "dropout", {"dropout": c.hidden_dropout_prob}, hidden=hidden)


def _layers(c: View) -> dict[str, Value]:
    return {
        "layers": c.num_hidden_layers,
        "width": c.hidden_size,
        "heads": c.num_attention_heads,
        "inner": c.intermediate_size,
        "activation": c.hidden_act,
        "dropout": c.hidden_dropout_prob,
        "attention_dropout": c.attention_probs_dropout_prob,
        "eps": c.layer_norm_eps,
    }


def _norm(c: View) -> dict[str, Value]:
    return {"width": c.hidden_size, "eps": c.layer_norm_eps}


def _initialisations(c: View) -> tuple[Initialisation, ...]:
    return normal_initialisation(c.initializer_range, "nn.Linear", "nn.Embedding", "nn.LayerNorm")


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return cross_width(c, c.hidden_size)


def maximum_target(c: View) -> int:
    """Longest decoder input."""
    return int(c.max_position_embeddings)


def maximum_source(c: View) -> int:
    """Longest encoder input."""
    return int(c.max_position_embeddings)
