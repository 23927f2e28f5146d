"""Decoders as fairseq builds them (Ott et al. 2019): embed, add positions, decode, project.

Their families differ in what a `TokenDecoder` says. Encoders of the same families begin alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from specs.builder import GraphBuilder
from specs.family import Side
from specs.fields import Deviation, Id, Ids, Rate, ids_in_vocabulary, pad_id_given
from specs.graph import Ref, Tie, Tokens
from specs.halves import HalfConfig, role_as_stated
from specs.initialisation import normal_initialisation
from specs.problems import Problem
from specs.values import Value, View

Positions = Callable[[GraphBuilder, View, str, Ref], Ref]
"""Adds the node of a side that gives token ids their positions."""

_OFFSET = 2


class TokenDecoderConfig(HalfConfig):
    """Fields that families of such a decoder alone have in common."""

    dropout: Rate = Field(0.1, description="dropout on embeddings and sub-layer outputs")
    attention_dropout: Rate = Field(0.0, description="dropout on attention weights")
    activation_dropout: Rate = Field(0.0, description="dropout on feed-forward activations")
    init_std: Deviation = Field(0.02, description="standard deviation of initial weights")
    decoder_start_token_id: Id | None = Field(2, description="id the decoder starts from")
    pad_token_id: Id | None = Field(1, description="id of padding")
    bos_token_id: Id | None = Field(0, description="id of the beginning of a sentence")
    eos_token_id: Id | Ids | None = Field(2, description="id, or ids, that end a sentence")
    tie_word_embeddings: bool = Field(True, description="share the embedding with the output projection")


TRAINING = (
    "activation_dropout",
    "attention_dropout",
    "bos_token_id",
    "decoder_start_token_id",
    "dropout",
    "eos_token_id",
    "init_std",
)
"""Those that do not change what a trained decoder computes."""


def decoder_rules(c: View) -> Iterable[Problem]:
    """What no single field shows: the role, a pad id, and ids against the vocabulary."""
    yield from role_as_stated(c)
    yield from pad_id_given(c, "tell padding from tokens")
    yield from ids_in_vocabulary(c)


def _layers(c: View) -> dict[str, Value]:
    return {
        "layers": c.decoder_layers,
        "heads": c.decoder_attention_heads,
        "inner": c.decoder_ffn_dim,
        "layerdrop": c.decoder_layerdrop,
    }


@dataclass(frozen=True)
class TokenDecoder:
    """How a family builds its decoder.

    Attributes:
        order: where the norms are; those before a sub-layer leave one for after the last layer.
        positions: how ids get their positions.
        layers: config -> depth, heads, inner width and layerdrop.
        normalises_embeddings: config -> whether a norm follows the sum of tokens and positions.
    """

    order: Literal["pre_norm", "post_norm"]
    positions: Positions
    layers: Callable[[View], dict[str, Value]] = _layers
    normalises_embeddings: Callable[[View], bool] = lambda _: False

    def __call__(
        self, g: GraphBuilder, c: View, source: Ref, source_dim: Value, source_mask: Ref | None
    ) -> Side:
        """The decoder's side of the graph."""
        ids = g.input("decoder_input_ids", "token_ids", ("batch", "target"), "int64")
        mask = g.input("decoder_attention_mask", "mask", ("batch", "target"), "int64", optional=True)
        hidden = embedded(g, c, "decoder", ids, self.positions, self.normalises_embeddings(c))
        masks = {"mask": mask} | ({"source_mask": source_mask} if source_mask else {})
        hidden = g.node(
            "decoder.layers",
            f"{self.order}_decoder",
            {"width": c.d_model, "source_dim": source_dim, **self.layers(c), **in_layers(c)},
            hidden=hidden,
            source=source,
            **masks,
        )
        if self.order == "pre_norm":
            hidden = g.node("decoder.final_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)
        numbers = {"width": c.d_model, "vocabulary": c.vocab_size}
        logits = g.node("head", "vocabulary_head", numbers, hidden=hidden)
        tie = Tie("decoder.embed.tokens.weight", "head.weight", c.tie_word_embeddings.origin)
        return Side(
            logits,
            ties=(tie,) if c.tie_word_embeddings else (),
            tokens=Tokens(c.decoder_start_token_id, c.pad_token_id, c.bos_token_id, c.eos_token_id),
            initialisations=normal_initialisation(c.init_std, "nn.Linear", "nn.Embedding", "nn.LayerNorm"),
        )


def embedded(g: GraphBuilder, c: View, side: str, ids: Ref, positions: Positions, is_normed: bool) -> Ref:
    """Tokens and their positions, summed, and normalised where a side does so."""
    numbers = {"vocabulary": c.vocab_size, "width": c.d_model}
    numbers |= {"padding_row": c.pad_token_id, "scale": embedding_scale(c)}
    hidden = g.node(f"{side}.embed", "scaled_embedding", numbers, ids=ids)
    where = positions(g, c, side, ids)
    numbers = {} if is_normed else {"dropout": c.dropout}
    hidden = g.node(f"{side}.add_positions", "add_positions", numbers, hidden=hidden, positions=where)
    if not is_normed:
        return hidden
    hidden = g.node(f"{side}.embed_norm", "layer_norm", {"width": c.d_model}, hidden=hidden)
    return g.node(f"{side}.dropout", "dropout", {"dropout": c.dropout}, hidden=hidden)


def learned_positions(g: GraphBuilder, c: View, side: str, ids: Ref) -> Ref:
    """Learned positions, the first of which is row 2 of the table."""
    rows = c.max_position_embeddings + _OFFSET
    numbers = {"rows": rows, "width": c.d_model, "offset": Value(_OFFSET)}
    return g.node(f"{side}.positions", "learned_positions", numbers, ids=ids)


def embedding_scale(c: View) -> Value:
    """The factor on embeddings: the root of the width, or one."""
    return Value(math.sqrt(int(c.d_model)) if c.scale_embedding else 1.0, c.scale_embedding.origin)


def in_layers(c: View) -> dict[str, Value]:
    """Activation and dropouts inside the layers."""
    return {
        "activation": c.activation_function,
        "dropout": c.dropout,
        "attention_dropout": c.attention_dropout,
        "activation_dropout": c.activation_dropout,
    }
