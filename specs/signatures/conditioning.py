"""Signatures of what a whole sequence is to be like, and of the units that it is made of."""

from __future__ import annotations

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import WIDTH


def _table(n: Numbers) -> Block:
    return Block("nn.Embedding", {"num_embeddings": n.vocabulary, "embedding_dim": n.width})


UNIT_EMBEDDING = Signature(
    kind="unit_embedding",
    summary="Embedding of units of speech, padding like any other unit.",
    hypers=(Hyper("vocabulary", int, "number of units", minimum=1), WIDTH),
    inputs=(Port("ids", "units", ("batch", "time"), "int64", below="vocabulary"),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=_table,
    operations=lambda _, env: env["batch"] * env["time"] * env["width"],
)

LABEL_EMBEDDING = Signature(
    kind="label_embedding",
    summary="A vector of a whole sequence by its label, such as its speaker or its language.",
    hypers=(Hyper("vocabulary", int, "number of labels", minimum=1), WIDTH),
    inputs=(Port("ids", "token_ids", ("batch",), "int64", below="vocabulary"),),
    outputs=(Port("vector", "hidden", ("batch", "width")),),
    construct=_table,
    operations=lambda _, env: env["batch"] * env["width"],
)


def _channels(n: Numbers, _: Env) -> Dim:
    return Dim.constant(int(n.before_width) + int(n.width) + int(n.behind_width))


SURROUNDING_CHANNELS = Signature(
    kind="surrounding_channels",
    summary="Vectors of a whole sequence as channels before and behind those of its states, at each of them.",
    hypers=(
        WIDTH,
        Hyper("before_width", int, "channels of the vector before the states", minimum=1),
        Hyper("behind_width", int, "channels of the vector behind them", minimum=1),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("before", "hidden", ("batch", "before_width")),
        Port("behind", "hidden", ("batch", "behind_width")),
    ),
    outputs=(Port("hidden", "hidden", ("batch", "time", _channels)),),
    construct=lambda _: Block("SurroundingChannels"),
    operations=lambda n, env: env["batch"] * env["time"] * _channels(n, env),
)
