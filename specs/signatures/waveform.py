"""Signatures of blocks between raw audio and a transformer."""

from __future__ import annotations

from collections.abc import Iterable

from specs.dims import Dim, convolution_length
from specs.graph import Block, Repeat
from specs.signatures.activations import ACTIVATIONS, activation
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.values import Value

ACTIVATION = Hyper("activation", str, "activation of the convolutions", "gelu", choices=tuple(ACTIVATIONS))


def _length(n: Numbers, env: Env) -> Dim:
    length = env["samples"]
    for kernel, stride in zip(n.kernels, n.strides, strict=False):  # unequal lists are a violation
        length = convolution_length(length, kernel, stride)
    return length


def _width(n: Numbers, _: Env) -> Dim:
    return Dim.constant(int(list(n.channels)[-1]) if len(n.channels) else 1)


def _operations(n: Numbers, env: Env) -> Dim:
    total, length, source = Dim.constant(0), env["samples"], 1
    for target, kernel, stride in zip(n.channels, n.kernels, n.strides, strict=True):
        length = convolution_length(length, kernel, stride)
        total = total + env["batch"] * length * (source * int(target) * int(kernel))
        source = int(target)
    return total


def _violations(n: Numbers) -> Iterable[Violation]:
    counts = {name: len(getattr(n, name)) for name in ("channels", "kernels", "strides")}
    if not counts["channels"]:
        yield Violation(
            "XL104",
            "a waveform encoder needs a convolution, and `channels` is empty",
            (("channels", "no convolution"),),
            "list the channels of each convolution",
        )
    elif len(set(counts.values())) > 1:
        yield Violation(
            "XL303",
            f"{counts['channels']} channels, {counts['kernels']} kernels and {counts['strides']} strides "
            "for the same convolutions",
            tuple((name, f"{count} numbers") for name, count in counts.items()),
            "give each convolution its channels, its kernel and its stride",
        )


def _construct(n: Numbers) -> Block:
    layers = []
    source = Value(1)
    for index, (target, kernel, stride) in enumerate(zip(n.channels, n.kernels, n.strides, strict=False)):
        numbers = {
            "in_channels": source,
            "out_channels": target,
            "kernel": kernel,
            "stride": stride,
            "bias": n.bias,
        }
        parts = {"activation": activation(n.activation)}
        if n.norm.value == "channels":
            parts["norm"] = Block("ChannelNorm", {"normalized_shape": target})
        elif index == 0:
            parts["norm"] = Block("TimeNorm", {"num_groups": target, "num_channels": target})
        name = "NormedConvolution" if "norm" in parts else "Convolution"
        layers.append(Repeat(Block(name, numbers, parts), Value(1)))
        source = target
    return Block("WaveformEncoder", parts={"layers": tuple(layers)})


WAVEFORM_ENCODER = Signature(
    kind="waveform_encoder",
    summary="Strided convolutions over raw audio; mask lengths follow kernels and strides.",
    hypers=(
        Hyper("channels", list, "channels of each convolution", items=int, minimum=1),
        Hyper("kernels", list, "kernel width of each convolution", items=int, minimum=1),
        Hyper("strides", list, "stride of each convolution", items=int, minimum=1),
        Hyper("bias", bool, "whether convolutions add a bias", False),
        Hyper(
            "norm",
            str,
            "the first convolution normalised over time, or every one over its channels",
            "first over time",
            choices=("first over time", "channels"),
        ),
        ACTIVATION,
    ),
    inputs=(
        Port("waveform", "waveform", ("batch", "samples")),
        Port("mask", "mask", ("batch", "samples"), "int64", optional=True, lengths_only=True),
    ),
    outputs=(
        Port("hidden", "hidden", ("batch", _length, _width)),
        Port("mask", "mask", ("batch", _length), "int64"),
    ),
    construct=_construct,
    operations=_operations,
    violations=_violations,
    mixes_time=True,
    leaks_padding="convolutions near the end of a recording, and norms over time, read what is behind it",
)
