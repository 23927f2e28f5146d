"""Signatures of waveforms made by transposed and dilated convolutions, and of how long they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from specs.dims import Dim, convolution_length, transposed_convolution_length
from specs.graph import Block, Repeat
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import WIDTH
from specs.values import Value

EDGE_KERNEL = 7
"""Kernel of the first and the last convolution."""

_RATES = Hyper("rates", list, "positions that each stage makes of one", items=int, minimum=1)
_KERNELS = Hyper("kernels", list, "kernel of each stage's transposed convolution", items=int, minimum=1)


def upsampled_length(n: Numbers, length: Dim) -> Dim:
    """How long states of some length are behind the stages."""
    for rate, kernel in _stages(n):
        length = transposed_convolution_length(length, kernel, rate, (kernel - rate) // 2)
    return length


def _stages(n: Numbers) -> Iterator[tuple[Value, Value]]:
    """(rate, kernel) of every stage; unequal lists are a violation."""
    return zip(n.rates, n.kernels, strict=False)


def _halved(n: Numbers) -> Value:
    """Channels behind the last stage."""
    return n.channels // int(2 ** len(n.rates))


def _residuals(n: Numbers, channels: Value) -> Block:
    """The mean of a stage's residual stacks: one for every kernel, with a residual for each dilation."""
    stacks = []
    for kernel, dilations in zip(n.residual_kernels, n.dilations, strict=False):
        numbers = {"channels": channels, "kernel": kernel, "slope": n.slope}
        residuals = tuple(
            Repeat(Block("DilatedResidual", {**numbers, "dilation": dilation}), Value(1))
            for dilation in dilations
        )
        stacks.append(Repeat(Block("ResidualStack", parts={"layers": residuals}), Value(1)))
    return Block("MeanOfStacks", parts={"layers": tuple(stacks)})


def _construct(n: Numbers) -> Block:
    stages = []
    channels = n.channels
    for rate, kernel in _stages(n):
        numbers = {"in_channels": channels, "out_channels": channels // 2, "kernel": kernel, "rate": rate}
        channels = channels // 2
        parts = {"stacks": _residuals(n, channels)}
        stages.append(Repeat(Block("UpsamplingStage", {**numbers, "slope": n.slope}, parts), Value(1)))
    return Block(
        "HifiGanGenerator",
        {"width": n.width, "channels": n.channels, "last_channels": _halved(n)},
        {"stages": Block("UpsamplingStages", parts={"layers": tuple(stages)})},
    )


def _operations(n: Numbers, env: Env) -> Dim:
    """A transposed convolution multiplies every input with its kernel, a convolution every output."""
    length, channels = env["time"], int(n.channels)
    total = length * (int(n.width) * channels * EDGE_KERNEL)
    for rate, kernel in _stages(n):
        total = total + length * (channels * (channels // 2) * int(kernel))
        length = transposed_convolution_length(length, kernel, rate, (kernel - rate) // 2)
        channels //= 2
        taps = sum(
            2 * int(width) * len(dilations)
            for width, dilations in zip(n.residual_kernels, n.dilations, strict=False)
        )
        total = total + length * (channels**2 * taps)
    return env["batch"] * (total + length * (channels * EDGE_KERNEL))


def _stage_violations(n: Numbers) -> Iterable[Violation]:
    if not len(n.rates):
        yield Violation(
            "XL104", "a generator needs a stage, and `rates` is empty", (("rates", "no stage"),), "list one"
        )
    elif len(n.rates) != len(n.kernels):
        yield Violation(
            "XL303",
            f"{len(n.rates)} rates and {len(n.kernels)} kernels for the same transposed convolutions",
            (("rates", f"{len(n.rates)} numbers"), ("kernels", f"{len(n.kernels)} numbers")),
            "give each transposed convolution its rate and its kernel",
        )
    else:
        for index, (rate, kernel) in enumerate(_stages(n)):
            if int(kernel) < int(rate):
                yield Violation(
                    "XL104",
                    f"a transposed convolution of kernel {kernel.value} leaves gaps between the {rate.value} "
                    "positions that it makes of one",
                    ((f"kernels.{index}", f"at least {rate.value}"), (f"rates.{index}", "the rate")),
                    f"use a kernel of at least {rate.value}; twice the rate is usual",
                )


def _stack_violations(n: Numbers) -> Iterable[Violation]:
    kernels, dilations = len(n.residual_kernels), len(n.dilations)
    if not kernels:
        yield Violation(
            "XL104",
            "a stage needs a residual stack, and `residual_kernels` is empty",
            (("residual_kernels", "no stack"),),
            "list the kernel of each stack",
        )
    elif kernels != dilations:
        yield Violation(
            "XL303",
            f"{kernels} kernels and {dilations} lists of dilations for the same residual stacks",
            (("residual_kernels", f"{kernels} numbers"), ("dilations", f"{dilations} lists")),
            "give each stack its kernel and its dilations",
        )
    for index, stack in enumerate(n.dilations):
        if not len(stack):
            yield Violation(
                "XL104",
                "a residual stack needs a dilation, and its list is empty",
                ((f"dilations.{index}", "no dilation"),),
                "list one dilation or more",
            )
    for index, kernel in enumerate(n.residual_kernels):
        difference = _lost(kernel)
        if difference:
            yield Violation(
                "XL305",
                f"a residual branch of kernel {kernel.value} gives {difference} position less than it reads, "
                "and is added to what it reads",
                ((f"residual_kernels.{index}", "an even kernel does not keep the length"),),
                f"use an odd kernel, such as {kernel.value - 1 or 1} or {kernel.value + 1}",
            )


def _lost(kernel: Value) -> int:
    """Positions that a convolution padded by half its kernel loses."""
    length = Dim.name("length")
    kept = convolution_length(length, kernel, 1, (kernel - 1) // 2)
    return -int((kept - length).evaluate({}))


def _channel_violations(n: Numbers) -> Iterable[Violation]:
    stages = len(n.rates)
    if n.channels.value < 2**stages:
        yield Violation(
            "XL104",
            f"each of {stages} stages halves its channels, and of {n.channels.value} none is left",
            (("channels", f"at least {2**stages}"), ("rates", f"{stages} stages")),
            f"use a multiple of {2**stages}",
        )


def _violations(n: Numbers) -> Iterable[Violation]:
    yield from _stage_violations(n)
    yield from _stack_violations(n)
    yield from _channel_violations(n)


HIFI_GAN_GENERATOR = Signature(
    kind="hifi_gan_generator",
    summary="A waveform of hidden states: transposed convolutions, and means of dilated residual stacks.",
    hypers=(
        WIDTH,
        Hyper("channels", int, "channels before the first stage; each halves them, rounded down", minimum=1),
        _RATES,
        _KERNELS,
        Hyper("residual_kernels", list, "kernel of each residual stack, odd", items=int, minimum=1),
        Hyper("dilations", list, "dilations in each residual stack", items=list, minimum=1),
        Hyper("slope", float, "of leaky ReLUs below zero; the last one has torch's", 0.1),
    ),
    inputs=(
        Port("hidden", "hidden", ("batch", "time", "width")),
        Port("mask", "mask", ("batch", "time"), "int64", optional=True, lengths_only=True),
    ),
    outputs=(Port("waveform", "waveform", ("batch", lambda n, env: upsampled_length(n, env["time"]))),),
    construct=_construct,
    operations=_operations,
    violations=_violations,
    mixes_time=True,
    leaks_padding="convolutions at the end of a row read what it holds behind, up to the end of the longest",
)


def _lengths(n: Numbers) -> Block:
    none, one = (upsampled_length(n, Dim.constant(frames)) for frames in (0, 1))
    return Block(
        "UnitWaveformLengths",
        {
            "padding": n.padding_id,
            "samples": Value((one - none).value, n.rates.origin),
            "extra": Value(none.value, n.kernels.origin),
        },
    )


UNIT_WAVEFORM_LENGTHS = Signature(
    kind="unit_waveform_lengths",
    summary="Samples of every row of units: those of its units, and of one more where the row is padded.",
    hypers=(Hyper("padding_id", int, "id of the padding unit", minimum=0), _RATES, _KERNELS),
    inputs=(
        Port("unit_ids", "units", ("batch", "time"), "int64"),
        Port("durations", "lengths", ("batch", "time"), "int64"),
    ),
    outputs=(Port("lengths", "lengths", ("batch",), "int64"),),
    construct=_lengths,
    operations=lambda _, env: env["batch"] * env["time"],
    violations=_stage_violations,
    mixes_time=True,
    leaks_padding="a padded row is as long as its units and the first padding behind them, as published",
)
