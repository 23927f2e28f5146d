"""BART as an encoder, as a decoder with cross-attention, and as both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from specs.builder import GraphBuilder, normal_initialisation
from specs.family import Side
from specs.graph import Initialisation, Ref, Tie, Tokens
from specs.values import Value, View

OFFSET = 2
"""Row of the first position."""


@dataclass(frozen=True)
class Shape:
    """In what families of this kind differ: the order of norms, and how a model shifts its labels."""

    order: Literal["pre_norm", "post_norm"]
    rotate: bool

    def encoder(self, g: GraphBuilder, c: View, long_input: str) -> Side:
        """Embed, encode; norms that come before a sub-layer leave one for the end."""
        ids = g.input("input_ids", "token_ids", ("batch", "source"), "int64")
        mask = g.input("attention_mask", "mask", ("batch", "source"), "int64", optional=True)
        hidden = _embedded(g, c, "encoder", ids)
        numbers = {
            "layers": c.encoder_layers,
            "heads": c.encoder_attention_heads,
            "inner": c.encoder_ffn_dim,
            "layerdrop": c.encoder_layerdrop,
            **_both(c),
        }
        hidden = g.node("encoder.layers", f"{self.order}_encoder", numbers, hidden=hidden, mask=mask)
        return Side(self._normed(g, c, "encoder", hidden), mask, initialisations=_initialisations(c))

    def decoder(
        self, g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None
    ) -> Side:
        """Embed, decode, project. A whole model shares one embedding, and adds a constant to its scores."""
        ids = g.input("decoder_input_ids", "token_ids", ("batch", "target"), "int64")
        mask = g.input("decoder_attention_mask", "mask", ("batch", "target"), "int64", optional=True)
        hidden = _embedded(g, c, "decoder", ids)
        numbers = {
            "layers": c.decoder_layers,
            "source_dim": source_dim,
            "heads": c.decoder_attention_heads,
            "inner": c.decoder_ffn_dim,
            "layerdrop": c.decoder_layerdrop,
            **_both(c),
        }
        masks = {"mask": mask} | ({"source_mask": source_mask} if source_mask else {})
        hidden = g.node(
            "decoder.layers", f"{self.order}_decoder", numbers, hidden=hidden, source=source, **masks
        )
        hidden = self._normed(g, c, "decoder", hidden)
        numbers = {"width": c.d_model, "vocabulary": c.vocab_size}
        logits = g.node("head", "vocabulary_head", numbers, hidden=hidden)
        is_whole = c.role == "model"
        if is_whole:
            logits = g.node("head_bias", "constant_bias", {"vocabulary": c.vocab_size}, logits=logits)
        return Side(
            logits,
            ties=tuple(_ties(c, is_whole)) if c.tie_word_embeddings else (),
            tokens=Tokens(
                c.decoder_start_token_id,
                c.pad_token_id,
                c.bos_token_id,
                c.eos_token_id,
                rotate=self.rotate and is_whole,
            ),
            initialisations=_initialisations(c),
        )

    def _normed(self, g: GraphBuilder, c: View, side: str, hidden: Ref) -> Ref:
        if self.order == "post_norm":
            return hidden
        return g.node(f"{side}.final_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)


def _embedded(g: GraphBuilder, c: View, side: str, ids: Ref) -> Ref:
    """Tokens and their positions, summed and normalised."""
    scale = Value(math.sqrt(int(c.d_model)) if c.scale_embedding else 1.0, c.scale_embedding.origin)
    numbers = {
        "vocabulary": c.vocab_size,
        "width": c.d_model,
        "padding_row": c.pad_token_id,
        "scale": scale,
    }
    hidden = g.node(f"{side}.embed", "scaled_embedding", numbers, ids=ids)
    numbers = {"rows": c.max_position_embeddings + OFFSET, "width": c.d_model, "offset": Value(OFFSET)}
    positions = g.node(f"{side}.positions", "learned_positions", numbers, ids=ids)
    hidden = g.node(f"{side}.add_positions", "add_positions", {}, hidden=hidden, positions=positions)
    hidden = g.node(f"{side}.embed_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)
    return g.node(f"{side}.dropout", "dropout", {"dropout": c.dropout}, hidden=hidden)


def _both(c: View) -> dict[str, Value]:
    """What the layers of both sides have in common."""
    return {
        "width": c.d_model,
        "activation": c.activation_function,
        "dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "activation_dropout": c.activation_dropout,
    }


def _ties(c: View, is_whole: bool) -> list[Tie]:
    """The head is the embedding, and in a whole model one embedding serves both sides."""
    own, origin = "decoder.embed.tokens.weight", c.tie_word_embeddings.origin
    if not is_whole:
        return [Tie(own, "head.weight", origin)]
    shared = "encoder.embed.tokens.weight"
    return [Tie(shared, own, origin), Tie(shared, "head.weight", origin)]


def _initialisations(c: View) -> tuple[Initialisation, ...]:
    return normal_initialisation(c.init_std, "nn.Linear", "nn.Embedding", "nn.LayerNorm")


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads: always its own."""
    return c.d_model


def maximum_length(c: View) -> int:
    """Longest input of the encoder, and of the decoder."""
    return int(c.max_position_embeddings)
