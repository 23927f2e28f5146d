"""Signature of layers over a grid of cells behind a leading state."""

from __future__ import annotations

import itertools

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.dense import DROPOUT, WIDTH
from specs.signatures.stacks import ATTENTION_BIAS, attention_biases, heads_divide
from specs.signatures.windows import GRID, depth_rates
from specs.values import Value


def _states(n: Numbers, _: Env) -> Dim:
    return Dim.constant(int(n.grid_rows) * int(n.grid_columns) + 1)


def _bias(n: Numbers) -> Block | None:
    table = Block("GridPositionBias", {"rows": n.grid_rows, "columns": n.grid_columns, "heads": n.heads})
    match n.position_bias.value:
        case "none":
            return None
        case "own and shared":
            return Block("SummedBias", parts={"own": table, "shared": table})
    return table


def _attention(n: Numbers) -> Block:
    numbers = {"target_dim": n.width, "heads": n.heads, "dropout": n.attention_dropout}
    attention = Block("SelfAttention", {**numbers, **attention_biases(n)})
    bias = _bias(n)
    if bias is None:
        return attention
    return Block("BiasedAttention", parts={"attention": attention, "position_bias": bias})


def _layer(n: Numbers, rate: Value) -> Block:
    branch = Block("StochasticDepth", {"dropout": n.dropout, "rate": rate})
    if n.layer_scale:
        branch = Block("ScaledBranch", {"width": n.width}, {"branch": branch})
    norm = Block("nn.LayerNorm", {"normalized_shape": n.width, "eps": n.eps})
    return Block(
        "BranchEncoderLayer",
        parts={
            "self_attention_norm": norm,
            "self_attention": _attention(n),
            "self_attention_branch": branch,
            "feed_forward_norm": norm,
            "feed_forward": Block(
                "FeedForward",
                {"width": n.width, "inner": n.inner, "dropout": Value(0.0)},
                {"activation": activation(n.activation)},
            ),
            "feed_forward_branch": branch,
        },
    )


def _construct(n: Numbers) -> Block:
    layers = [_layer(n, rate) for rate in depth_rates(n)]
    repeats = (Repeat(block, Value(len(list(same)))) for block, same in itertools.groupby(layers))
    return Block("EncoderStack", parts={"layers": tuple(repeats)})


def _operations(n: Numbers, env: Env) -> Dim:
    width, inner, states = int(n.width), int(n.inner), int(n.grid_rows) * int(n.grid_columns) + 1
    layer = states * (4 * width**2 + 2 * width * inner + 2 * width * states)
    return env["batch"] * (layer * int(n.layers))


GRID_ENCODER = Signature(
    kind="grid_encoder",
    summary="Transformer layers over a grid behind a leading state; relative positions, scaled branches.",
    hypers=(
        Hyper("layers", int, "number of layers", minimum=1, maximum=1024),
        WIDTH,
        Hyper("heads", int, "attention heads", minimum=1),
        Hyper("inner", int, "width inside the feed-forward network", minimum=1),
        *GRID,
        Hyper(
            "activation", str, "activation of the feed-forward network", "gelu", choices=tuple(ACTIVATIONS)
        ),
        ATTENTION_BIAS,
        Hyper(
            "position_bias",
            str,
            "tables of relative positions: none, one a layer, or that and one to be shared",
            "own",
            choices=("none", "own", "own and shared"),
        ),
        Hyper("layer_scale", bool, "whether each branch has learned factors", True),
        DROPOUT,
        Hyper("attention_dropout", float, "dropout on attention weights", 0.0, 0, 1),
        Hyper("first_depth_rate", float, "how often the first layer's branches are dropped", 0.0, 0, 1),
        Hyper("last_depth_rate", float, "how often the last layer's branches are dropped", 0.0, 0, 1),
        Hyper("eps", float, "added to variances by the norms", 1e-5, 0),
    ),
    inputs=(Port("hidden", "hidden", ("batch", _states, "width")),),
    outputs=(Port("hidden", "hidden", ("batch", _states, "width")),),
    construct=_construct,
    operations=_operations,
    violations=heads_divide,
    mixes_time=True,
)
