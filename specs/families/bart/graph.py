"""BART as an encoder, as a decoder with cross-attention, and as both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from specs.builder import GraphBuilder
from specs.decoders import TokenDecoder, embedded, in_layers, learned_positions
from specs.family import Side
from specs.graph import Ref, Tie
from specs.initialisation import normal_initialisation
from specs.values import Value, View


@dataclass(frozen=True)
class Shape:
    """In what families of this kind differ: the order of norms, and how a model shifts its labels."""

    order: Literal["pre_norm", "post_norm"]
    rotate: bool

    def encoder(self, g: GraphBuilder, c: View, long_input: str) -> Side:
        """Embed, encode; norms that come before a sub-layer leave one for the end."""
        ids = g.input("input_ids", "token_ids", ("batch", "source"), "int64")
        mask = g.input("attention_mask", "mask", ("batch", "source"), "int64", optional=True)
        hidden = embedded(g, c, "encoder", ids, learned_positions, is_normed=True)
        numbers = {
            "layers": c.encoder_layers,
            "width": c.d_model,
            "heads": c.encoder_attention_heads,
            "inner": c.encoder_ffn_dim,
            "layerdrop": c.encoder_layerdrop,
            **in_layers(c),
        }
        hidden = g.node("encoder.layers", f"{self.order}_encoder", numbers, hidden=hidden, mask=mask)
        if self.order == "pre_norm":
            hidden = g.node("encoder.final_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)
        rules = normal_initialisation(c.init_std, "nn.Linear", "nn.Embedding", "nn.LayerNorm")
        return Side(hidden, mask, initialisations=rules)

    def decoder(
        self, g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None
    ) -> Side:
        """Embed, decode, project. A whole model shares one embedding, and adds a constant to its scores."""
        build = TokenDecoder(self.order, learned_positions, normalises_embeddings=lambda _: True)
        side = build(g, c, source, source_dim, source_mask)
        if c.role != "model":
            return side
        assert side.tokens is not None, "a decoder says its ids"
        numbers = {"vocabulary": c.vocab_size}
        return side._replace(
            output=g.node("head_bias", "constant_bias", numbers, logits=side.output),
            ties=_ties(c) if c.tie_word_embeddings else (),
            tokens=side.tokens._replace(rotate=self.rotate),
        )


def _ties(c: View) -> tuple[Tie, ...]:
    """One embedding serves both sides of a whole model, and its head."""
    shared, origin = "encoder.embed.tokens.weight", c.tie_word_embeddings.origin
    return Tie(shared, "decoder.embed.tokens.weight", origin), Tie(shared, "head.weight", origin)


def source_width(c: View) -> Value:
    """Width the decoder's cross-attention reads: always its own."""
    return c.d_model


def maximum_length(c: View) -> int:
    """Longest input of the encoder, and of the decoder."""
    return int(c.max_position_embeddings)
