"""Signatures of blocks on grids of cells: attention within windows, and the merging of cells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import DROPOUT, WIDTH
from specs.signatures.stacks import heads_divide
from specs.values import Value

GRID = (
    Hyper("grid_rows", int, "rows of the grid", minimum=1),
    Hyper("grid_columns", int, "columns of the grid", minimum=1),
)


def _cells(n: Numbers, _: Env) -> Dim:
    return Dim.constant(int(n.grid_rows) * int(n.grid_columns))


def _violations(n: Numbers) -> Iterator[Violation]:
    yield from heads_divide(n)
    rows, columns, window = int(n.grid_rows), int(n.grid_columns), int(n.window)
    if window > min(rows, columns):
        yield Violation(
            "XL104",
            f"windows of {window} x {window} cells do not fit a grid of {rows} x {columns}",
            (("window", f"at most {min(rows, columns)}"), ("grid_rows", f"{rows} x {columns} cells here")),
            f"use windows of at most {min(rows, columns)} cells a side, or a larger image",
        )


def _shift(n: Numbers, index: int) -> int:
    """By how many cells the windows of layer `index` are shifted.

    Every second layer's by half a window; none's where one window is as high or as wide as the grid.
    """
    is_whole = int(n.window) >= min(int(n.grid_rows), int(n.grid_columns))
    return 0 if is_whole or index % 2 == 0 else int(n.window) // 2


def depth_rates(n: Numbers) -> Iterator[Value]:
    """How often each layer's attention is dropped: evenly from the first layer's rate to the last one's."""
    first, last, layers = float(n.first_depth_rate), float(n.last_depth_rate), int(n.layers)
    for index in range(layers):
        part = index / (layers - 1) if layers > 1 else 0.0
        yield Value(first + (last - first) * part, n.last_depth_rate.origin)


def _layer(n: Numbers, shift: int, rate: Value) -> Block:
    grid = {"rows": n.grid_rows, "columns": n.grid_columns, "size": n.window}
    windows = Block("ShiftedWindows", {**grid, "shift": Value(shift)}) if shift else Block("Windows", grid)
    attention = {"target_dim": n.width, "heads": n.heads, "dropout": n.attention_dropout}
    if not n.qkv_bias:
        attention |= {name: Value(False, n.qkv_bias.origin) for name in ("bias", "key_bias")}
    norm = Block("nn.LayerNorm", {"normalized_shape": n.width, "eps": n.eps})
    return Block(
        "BranchEncoderLayer",
        parts={
            "self_attention_norm": norm,
            "self_attention": Block(
                "WindowAttention",
                parts={
                    "windows": windows,
                    "attention": Block("SelfAttention", attention),
                    "position_bias": Block("WindowPositionBias", {"size": n.window, "heads": n.heads}),
                },
            ),
            "self_attention_branch": Block(
                "StochasticDepth", {"dropout": n.attention_branch_dropout, "rate": rate}
            ),
            "feed_forward_norm": norm,
            "feed_forward": Block(
                "FeedForward",
                {"width": n.width, "inner": n.inner, "dropout": Value(0.0)},
                {"activation": activation(n.activation)},
            ),
            "feed_forward_branch": Block("nn.Dropout", {"p": n.dropout}),
        },
    )


def _construct(n: Numbers) -> Block:
    layers = [_layer(n, _shift(n, index), rate) for index, rate in enumerate(depth_rates(n))]
    repeats = (Repeat(block, Value(len(list(same)))) for block, same in itertools.groupby(layers))
    return Block("EncoderStack", parts={"layers": tuple(repeats)})


def _operations(n: Numbers, env: Env) -> Dim:
    width, inner, window = int(n.width), int(n.inner), int(n.window)
    cells = int(n.grid_rows) * int(n.grid_columns)
    attended = -(-int(n.grid_rows) // window) * -(-int(n.grid_columns) // window) * window**2
    layer = attended * (4 * width**2 + 2 * width * window**2) + cells * 2 * width * inner
    return env["batch"] * (layer * int(n.layers))


WINDOW_ENCODER = Signature(
    kind="window_encoder",
    summary="Transformer layers over a grid, attention within windows, every second layer's shifted.",
    hypers=(
        Hyper("layers", int, "number of layers", minimum=1, maximum=1024),
        WIDTH,
        Hyper("heads", int, "attention heads", minimum=1),
        Hyper("inner", int, "width inside the feed-forward network", minimum=1),
        *GRID,
        Hyper("window", int, "rows, and columns, of a window", minimum=1),
        Hyper(
            "activation", str, "activation of the feed-forward network", "gelu", choices=tuple(ACTIVATIONS)
        ),
        Hyper("qkv_bias", bool, "whether queries, keys and values add a bias", True),
        DROPOUT,
        Hyper("attention_dropout", float, "dropout on attention weights", 0.0, 0, 1),
        Hyper("attention_branch_dropout", float, "dropout on what attention gives", 0.0, 0, 1),
        Hyper("first_depth_rate", float, "how often the first layer's attention is dropped", 0.0, 0, 1),
        Hyper("last_depth_rate", float, "how often the last layer's attention is dropped", 0.0, 0, 1),
        Hyper("eps", float, "added to variances by the norms", 1e-5, 0),
    ),
    inputs=(Port("hidden", "hidden", ("batch", _cells, "width")),),
    outputs=(Port("hidden", "hidden", ("batch", _cells, "width")),),
    construct=_construct,
    operations=_operations,
    violations=_violations,
    mixes_time=True,
)


def _merged(n: Numbers, _: Env) -> Dim:
    return Dim.constant((int(n.grid_rows) + 1) // 2 * ((int(n.grid_columns) + 1) // 2))


def _merging_operations(n: Numbers, env: Env) -> Dim:
    return env["batch"] * _merged(n, env) * (8 * int(n.width) ** 2)


PATCH_MERGING = Signature(
    kind="patch_merging",
    summary="Four cells of a grid become one of twice the width.",
    hypers=(*GRID, WIDTH),
    inputs=(Port("hidden", "hidden", ("batch", _cells, "width")),),
    outputs=(Port("hidden", "hidden", ("batch", _merged, lambda n, _: Dim.constant(2 * int(n.width)))),),
    construct=lambda n: Block(
        "PatchMerging", {"rows": n.grid_rows, "columns": n.grid_columns, "width": n.width}
    ),
    operations=_merging_operations,
    mixes_time=True,
)
