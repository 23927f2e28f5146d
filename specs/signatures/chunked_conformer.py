"""Signatures of Conformer stacks that attend by chunks and convolve backwards in time."""

from __future__ import annotations

from collections.abc import Callable

from specs.dims import Dim
from specs.graph import Block, Repeat
from specs.signatures.activations import activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.conformer import CONFORMER, conformer_layer, conformer_operations, depthwise
from specs.signatures.stacks import heads_divide, self_attention

_CHUNKS = (
    Hyper("chunk", int, "positions that attend to each other", minimum=1),
    Hyper("left_chunks", int, "chunks before its own that a position attends to; -1 for all", -1, minimum=-1),
)
_DISTANCES = (
    Hyper("left", int, "distance to the left from which on all share a vector", minimum=0),
    Hyper("right", int, "distance to the right from which on all share a vector", minimum=0),
)


def _stack(n: Numbers, attention: Block) -> Block:
    convolution = Block(
        "ConvolutionModule",
        {"width": n.width},
        {
            "depthwise": Block("CausalConvolution", depthwise(n)),
            "norm": Block("ChannelNorm", {"normalized_shape": n.width}),
            "activation": activation(n.activation),
        },
    )
    layer = conformer_layer(n, "MaskedConformerEncoderLayer", attention, convolution)
    parts = {"layers": (Repeat(layer, n.layers),)}
    chunks = {"chunk": n.chunk, "left_chunks": n.left_chunks}
    if n.layerdrop.value:
        return Block("LayerDropChunkedEncoderStack", {**chunks, "layerdrop": n.layerdrop}, parts)
    return Block("ChunkedEncoderStack", chunks, parts)


def _plain(n: Numbers) -> Block:
    return _stack(n, self_attention(n, {}))


def _relative(n: Numbers) -> Block:
    distances = {"left": n.left, "right": n.right}
    return _stack(n, self_attention(n, distances, "RelativeKeySelfAttention"))


def _relative_operations(n: Numbers, env: Env) -> Dim:
    scores = int(n.width) * (int(n.left) + int(n.right) + 1) * int(n.layers)
    return conformer_operations(n, env) + env["batch"] * env["time"] * scores


def _signature(
    kind: str,
    positions: str,
    hypers: tuple[Hyper, ...],
    construct: Callable[[Numbers], Block],
    operations: Callable[[Numbers, Env], Dim],
) -> Signature:
    return Signature(
        kind=kind,
        summary=f"Conformer layers: attention by chunks {positions}, a causal convolution; blind to padding.",
        hypers=(*CONFORMER, *_CHUNKS, *hypers),
        inputs=(
            Port("hidden", "hidden", ("batch", "time", "width")),
            Port("mask", "mask", ("batch", "time"), "int64", optional=True),
        ),
        outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
        construct=construct,
        operations=operations,
        violations=heads_divide,
        mixes_time=True,
    )


CHUNKED_CONFORMER_ENCODER = _signature(
    "chunked_conformer_encoder", "without positions", (), _plain, conformer_operations
)
RELATIVE_KEY_CONFORMER_ENCODER = _signature(
    "relative_key_conformer_encoder", "and clipped distances", _DISTANCES, _relative, _relative_operations
)
