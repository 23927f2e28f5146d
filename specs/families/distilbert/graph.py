"""DistilBERT as an encoder, and as the decoder that nobody has published.

The decoder is to the encoder what BERT's is: tokens see none after them, every layer attends to the
source between its other two sub-layers, and the head is the one of masked words.
"""

from __future__ import annotations

from specs.builder import GraphBuilder
from specs.families.bert.graph import embedding, language_head
from specs.family import Side
from specs.graph import Ref, Tie, Tokens
from specs.halves import cross_width
from specs.initialisation import Initialisation, normal_initialisation
from specs.values import Value, View

_EPS = Value(1e-12)
"""Added to the variances by every norm."""


def encoder(g: GraphBuilder, c: View, long_input: str) -> Side:
    """Embed, encode."""
    ids = g.input("input_ids", "token_ids", ("batch", "source"), "int64")
    mask = g.input("attention_mask", "mask", ("batch", "source"), "int64", optional=True)
    hidden = _embedded(g, c, ids)
    hidden = g.node("encoder.layers", "post_norm_encoder", _layers(c), hidden=hidden, mask=mask)
    return Side(hidden, mask, initialisations=_initialisations(c))


def decoder(g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None) -> Side:
    """Embed, decode, transform, project."""
    ids = g.input("decoder_input_ids", "token_ids", ("batch", "target"), "int64")
    mask = g.input("decoder_attention_mask", "mask", ("batch", "target"), "int64", optional=True)
    hidden = _embedded(g, c, ids)
    masks = {"mask": mask} | ({"source_mask": source_mask} if source_mask else {})
    numbers = {**_layers(c), "source_dim": source_dim}
    hidden = g.node("decoder.layers", "post_norm_decoder", numbers, hidden=hidden, source=source, **masks)
    logits = language_head(g, c, c.dim, _EPS, c.activation, hidden)
    tie = Tie("decoder.embed.weight", "head.output.weight", c.tie_word_embeddings.origin)
    return Side(
        logits,
        ties=(tie,) if c.tie_word_embeddings else (),
        tokens=Tokens(c.decoder_start_token_id, c.pad_token_id, c.bos_token_id, c.eos_token_id),
        initialisations=_initialisations(c),
    )


def _embedded(g: GraphBuilder, c: View, ids: Ref) -> Ref:
    """Tokens and their positions, summed and normalised."""
    hidden = embedding(g, c, c.dim, ids)
    numbers = {"rows": c.max_position_embeddings, "width": c.dim}
    where = g.node(f"{c.role}.positions", "learned_positions", numbers, ids=ids)
    hidden = g.node(f"{c.role}.add_positions", "add_positions", {}, hidden=hidden, positions=where)
    numbers = {"width": c.dim, "eps": _EPS}
    hidden = g.node(f"{c.role}.embed_norm", "layer_norm", numbers, hidden=hidden)
    return g.node(f"{c.role}.dropout", "dropout", {"dropout": c.dropout}, hidden=hidden)


def _layers(c: View) -> dict[str, Value]:
    """Attention adds its output as it is; only the feed-forward network's is dropped out."""
    return {
        "layers": c.n_layers,
        "width": c.dim,
        "heads": c.n_heads,
        "inner": c.hidden_dim,
        "activation": c.activation,
        "attention_dropout": c.attention_dropout,
        "output_dropout": c.dropout,
        "eps": _EPS,
    }


def _initialisations(c: View) -> tuple[Initialisation, ...]:
    rules = normal_initialisation(c.initializer_range, "nn.Linear", "nn.Embedding", "nn.LayerNorm")
    if not c.sinusoidal_pos_embds:
        return rules
    sinusoids = {"weight": ("interleaved_sinusoids", ())}
    return (Initialisation("nn.Embedding", sinusoids, below=f"{c.role}.positions"), *rules)


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads."""
    return cross_width(c, c.dim)


def maximum_length(c: View) -> int:
    """Longest input."""
    return int(c.max_position_embeddings)
