"""Signature of layers that attend over fewer positions than they are given."""

from __future__ import annotations

from specs.dims import Dim, convolution_length
from specs.graph import Block, Repeat
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature
from specs.signatures.stacks import COMMON, feed_forward, heads_divide, self_attention

_UNUSED = ("layers", "layerdrop", "eps")


def _lengths(n: Numbers, env: Env) -> list[Dim]:
    """How many states every layer gives."""
    lengths = [env["time"]]
    for _ in range(int(n.layers)):
        lengths.append(convolution_length(lengths[-1], n.kernel, n.stride, int(n.stride) // 2))
    return lengths[1:]


def _length(n: Numbers, env: Env) -> Dim:
    return (_lengths(n, env) or [env["time"]])[-1]


def _operations(n: Numbers, env: Env) -> Dim:
    width, inner, kernel = int(n.width), int(n.inner), int(n.kernel)
    total = Dim.constant(0)
    for length in _lengths(n, env):
        position = 4 * width * width * kernel + 4 * width * width + 2 * width * inner
        total = total + env["batch"] * length * (length * (2 * width) + position)
    return total


def _construct(n: Numbers) -> Block:
    norm = Block("nn.LayerNorm", {"normalized_shape": n.width})
    pool = Block(
        "GatedConvolution",
        {
            "in_channels": n.width,
            "out_channels": n.width,
            "kernel": n.kernel,
            "stride": n.stride,
            "padding": n.stride // 2,
        },
    )
    layer = Block(
        "PoolingEncoderLayer",
        {"dropout": n.dropout},
        {
            "residual_norm": norm,
            "residual_pool": pool,
            "self_attention_norm": norm,
            "self_attention_pool": pool,
            "self_attention": self_attention(n, {}),
            "feed_forward_norm": norm,
            "feed_forward": feed_forward(n),
        },
    )
    layers = (Repeat(layer, n.layers),) if n.layers else ()
    return Block("PoolingEncoderStack", {"kernel": n.kernel, "stride": n.stride}, {"layers": layers})


POOLING_ENCODER = Signature(
    kind="pooling_encoder",
    summary="Transformer layers that begin with strided gated convolutions; the mask is shortened once.",
    hypers=(
        Hyper("layers", int, "number of layers; of none the mask is shortened all the same", 1, 0, 1024),
        *(hyper for hyper in COMMON if hyper.name not in _UNUSED),
        Hyper("kernel", int, "kernel width of the convolutions", 8, minimum=1),
        Hyper("stride", int, "stride of the convolutions", 8, minimum=1),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True, lengths_only=True),
    ),
    outputs=(
        Port("hidden", "hidden", ("batch", _length, "width")),
        Port("mask", "mask", ("batch", _length), "int64"),
    ),
    construct=_construct,
    operations=_operations,
    violations=heads_divide,
    mixes_time=True,
    leaks_padding="strided convolutions near the end of a sequence read the padding behind it",
)
