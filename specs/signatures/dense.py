"""Signatures of embeddings, norms, projections and elementwise blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation

WIDTH = Hyper("width", int, "number of channels", minimum=1)
DROPOUT = Hyper("dropout", float, "probability that an element is zeroed in training", 0.0, 0, 1)
PADDING_ROW = Hyper("padding_row", int, "id of the padding token", minimum=0)
SCALE = Hyper("scale", float, "constant factor")


def _elementwise(numbers: Numbers, env: Env) -> Dim:
    return env["batch"] * env["time"] * env["width"]


def _padding_row_exists(n: Numbers) -> Iterable[Violation]:
    row, vocabulary = n.padding_row.value, n.vocabulary.value
    if row >= vocabulary:
        yield Violation(
            "XL402",
            f"the pad id {row} is outside the vocabulary of {vocabulary} ids",
            (("padding_row", f"at most {vocabulary - 1}"), ("vocabulary", f"{vocabulary} ids")),
            f"use an id below {vocabulary}, or more ids",
        )


SCALED_EMBEDDING = Signature(
    kind="scaled_embedding",
    summary="Token embedding multiplied by a constant.",
    hypers=(
        Hyper("vocabulary", int, "number of ids", minimum=1),
        WIDTH,
        PADDING_ROW,
        Hyper("scale", float, "factor on the embedding", 1.0),
    ),
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64", below="vocabulary"),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block(
        "ScaledEmbedding",
        {"vocabulary": n.vocabulary, "width": n.width, "padding_row": n.padding_row, "scale": n.scale},
    ),
    operations=_elementwise,
    violations=_padding_row_exists,
)

TOKEN_EMBEDDING = Signature(
    kind="token_embedding",
    summary="Token embedding, padding like any other token.",
    hypers=(Hyper("vocabulary", int, "number of ids", minimum=1), WIDTH),
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64", below="vocabulary"),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("nn.Embedding", {"num_embeddings": n.vocabulary, "embedding_dim": n.width}),
    operations=_elementwise,
)

PADDED_TOKEN_EMBEDDING = Signature(
    kind="padded_token_embedding",
    summary="Token embedding whose padding row stays as it is in training.",
    hypers=(Hyper("vocabulary", int, "number of ids", minimum=1), WIDTH, PADDING_ROW),
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64", below="vocabulary"),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block(
        "nn.Embedding",
        {"num_embeddings": n.vocabulary, "embedding_dim": n.width, "padding_idx": n.padding_row},
    ),
    operations=_elementwise,
    violations=_padding_row_exists,
)

ADD_TYPES = Signature(
    kind="add_types",
    summary="Sum of hidden states and an embedding of the tokens' types, type 0 where none are given.",
    hypers=(Hyper("types", int, "number of types", minimum=1), WIDTH),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("types", "token_ids", ("batch", "time"), "int64", optional=True, below="types"),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("AddTypes", {"types": n.types, "width": n.width}),
    operations=_elementwise,
)

ADD_TOKENS = Signature(
    kind="add_tokens",
    summary="Sum of hidden states and the embedding of tokens, multiplied by a constant.",
    hypers=(
        Hyper("vocabulary", int, "number of ids", minimum=1),
        WIDTH,
        Hyper("scale", float, "factor on the embedding", 1.0),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("ids", "token_ids", ("batch", "time"), "int64", below="vocabulary"),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("AddTokens", {"vocabulary": n.vocabulary, "width": n.width, "scale": n.scale}),
    operations=_elementwise,
)

DROPOUT_BLOCK = Signature(
    kind="dropout",
    summary="Elements zeroed at random in training, the others scaled up.",
    hypers=(DROPOUT,),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("nn.Dropout", {"p": n.dropout}),
    operations=_elementwise,
)

ACTIVATION = Signature(
    kind="activation",
    summary="An activation function, element by element.",
    hypers=(Hyper("activation", str, "its published name", choices=tuple(ACTIVATIONS)),),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: activation(n.activation),
    operations=_elementwise,
)

RESIDUAL_FEED_FORWARD = Signature(
    kind="residual_feed_forward",
    summary="Hidden states and what a feed-forward network makes of them, scaled.",
    hypers=(
        WIDTH,
        Hyper("inner", int, "width inside the network", minimum=1),
        Hyper("activation", str, "activation of the network", "relu", choices=tuple(ACTIVATIONS)),
        Hyper("activation_dropout", float, "dropout on activations", 0.0, 0, 1),
        Hyper("scale", float, "factor on what the network gives", 0.5),
    ),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block(
        "ResidualFeedForward",
        {"width": n.width, "inner": n.inner, "dropout": n.activation_dropout, "scale": n.scale},
        {"activation": activation(n.activation)},
    ),
    operations=lambda n, env: env["batch"] * env["time"] * (2 * int(n.width) * int(n.inner)),
)

SCALE_BLOCK = Signature(
    kind="scale",
    summary="Multiplication by a constant.",
    hypers=(SCALE,),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("Scale", {"scale": n.scale}),
    operations=_elementwise,
)

ADD_POSITIONS = Signature(
    kind="add_positions",
    summary="Sum of hidden states and positions, then dropout.",
    hypers=(DROPOUT,),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("positions", "hidden", ("batch", "time", "width")),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("AddPositions", {"dropout": n.dropout}),
    operations=_elementwise,
)

LAYER_NORM = Signature(
    kind="layer_norm",
    summary="Layer normalisation over the channels.",
    hypers=(WIDTH, Hyper("eps", float, "added to the variance", 1e-5, 0)),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("nn.LayerNorm", {"normalized_shape": n.width, "eps": n.eps}),
    operations=_elementwise,
)

FEATURE_NORM = replace(
    LAYER_NORM,
    kind="feature_norm",
    summary="Features normalised vector by vector, as hidden states of their width.",
    inputs=(Port("features", "features", ("batch", "time", "width")),),
)

LINEAR = Signature(
    kind="linear",
    summary="Affine projection of the channels.",
    hypers=(
        Hyper("source_dim", int, "channels in", minimum=1),
        Hyper("target_dim", int, "channels out", minimum=1),
        Hyper("bias", bool, "whether a bias is added", True),
    ),
    inputs=(Port("hidden", "hidden", ("batch", "time", "source_dim")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "target_dim")),),
    construct=lambda n: Block(
        "Projection", {"in_features": n.source_dim, "out_features": n.target_dim, "bias": n.bias}
    ),
    operations=lambda n, env: env["batch"] * env["time"] * env["source_dim"] * env["target_dim"],
)

VOCABULARY_HEAD = Signature(
    kind="vocabulary_head",
    summary="Scores over the vocabulary; its weight may be tied to the embedding.",
    hypers=(
        WIDTH,
        Hyper("vocabulary", int, "number of ids", minimum=1),
        Hyper("bias", bool, "whether a bias is added", False),
    ),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("logits", "logits", ("batch", "time", "vocabulary")),),
    construct=lambda n: Block(
        "Projection", {"in_features": n.width, "out_features": n.vocabulary, "bias": n.bias}
    ),
    operations=lambda n, env: env["batch"] * env["time"] * env["width"] * env["vocabulary"],
)

CONSTANT_BIAS = Signature(
    kind="constant_bias",
    summary="A bias on scores over the vocabulary that training leaves as it is.",
    hypers=(Hyper("vocabulary", int, "number of ids", minimum=1),),
    inputs=(Port("logits", "logits", ("batch", "time", "vocabulary")),),
    outputs=(Port("logits", "logits", ("batch", "time", "vocabulary")),),
    construct=lambda n: Block("ConstantBias", {"width": n.vocabulary}),
    operations=lambda n, env: env["batch"] * env["time"] * env["vocabulary"],
)
