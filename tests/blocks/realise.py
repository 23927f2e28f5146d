"""Blocks as modules, and random hyper-parameters for every signature."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from blocks import (
    activations,
    attention,
    batch_norm,
    chunked_stacks,
    conditioning,
    conformer,
    convolution_layers,
    convolutional_positions,
    durations,
    embeddings,
    feed_forward,
    grid_bias,
    hifi_gan,
    image_padding,
    layer_adapters,
    layers,
    linear,
    masks,
    patches,
    pooling,
    positional_attention,
    positions,
    relative_positions,
    resampler,
    span_masking,
    stacks,
    stochastic_depth,
    subsampling,
    unit_lengths,
    upsampling,
    waveform,
    windows,
)
from specs.dims import Dim
from specs.graph import Block
from specs.signatures import SIGNATURES, Hyper, Numbers, Port, Signature, resolve
from specs.signatures.base import LENGTH
from specs.values import Value, plain

MODULES = (
    activations, attention, batch_norm, chunked_stacks, conditioning, conformer, convolution_layers,
    convolutional_positions, durations, embeddings, feed_forward, grid_bias, hifi_gan, image_padding,
    layer_adapters, layers, linear, masks, patches, pooling, positional_attention, positions,
    relative_positions, resampler, span_masking, stacks, stochastic_depth, subsampling, unit_lengths,
    upsampling, waveform, windows,
)  # fmt: skip
CLASSES: dict[str, type[nn.Module]] = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__
}


MOST = 4
"""The largest count of a position that is repeated."""


def realise(block: Block) -> nn.Module:
    """The module that a block describes, made as the emitted factory makes it."""
    arguments: dict[str, Any] = {name: plain(value) for name, value in block.numbers.items()}
    for name, built in block.parts.items():
        if isinstance(built, Block):
            arguments[name] = realise(built)
        else:
            arguments[name] = [realise(r.block) for r in built for _ in range(int(r.count))]
    made = getattr(nn, block.name[3:]) if block.name.startswith("nn.") else CLASSES[block.name]
    module: nn.Module = made(**arguments)
    return module


def values_of(hyper: Hyper) -> st.SearchStrategy[Any]:
    """Small values of a hyper-parameter, its bounds included."""
    least = hyper.minimum
    if hyper.choices:
        return st.sampled_from(hyper.choices)
    if hyper.type is bool:
        return st.booleans()
    if hyper.type is int:
        low = 0 if least is None else int(least)
        return st.integers(low, low + (40 if hyper.name == "maximum" else 11))
    if hyper.items is list:
        return st.lists(st.lists(st.integers(int(least or 0), 6), max_size=3), max_size=3)
    if hyper.type is list:
        return st.lists(st.integers(int(least or 0), 6), min_size=0, max_size=3)
    assert hyper.type is float, hyper
    if hyper.name == "eps":
        return st.sampled_from([1e-12, 1e-5, 0.1])
    return st.sampled_from([0.0, 0.1, 0.5]) if hyper.maximum == 1 else st.sampled_from([1.0, -2.0, 3.5])


@st.composite
def numbers(draw: st.DrawFn, signature: Signature) -> Numbers:
    """Hyper-parameters that the signature has nothing against; heads are drawn among the divisors."""
    drawn = {hyper.name: draw(values_of(hyper)) for hyper in signature.hypers}
    if "heads" in drawn and "width" in drawn:
        drawn["heads"] = draw(st.sampled_from([n for n in range(1, 13) if drawn["width"] % n == 0]))
    if "window" in drawn:
        drawn["window"] = draw(st.integers(1, min(drawn["grid_rows"], drawn["grid_columns"])))
        drawn["layers"] = draw(st.integers(1, 3))
    if "groups" in drawn:
        drawn["groups"] = draw(st.sampled_from([n for n in range(1, 13) if drawn["width"] % n == 0]))
    if "strides" in drawn:
        one = st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3))
        several = draw(st.lists(one, min_size=1, max_size=3))
        drawn |= zip(("channels", "kernels", "strides"), map(list, zip(*several, strict=True)), strict=True)
    if "rates" in drawn:
        stage = st.integers(1, 4).flatmap(lambda rate: st.tuples(st.just(rate), st.integers(rate, rate + 5)))
        stages = draw(st.lists(stage, min_size=1, max_size=3))
        drawn |= zip(("rates", "kernels"), map(list, zip(*stages, strict=True)), strict=True)
    if "dilations" in drawn:
        stack = st.tuples(st.sampled_from([1, 3, 5]), st.lists(st.integers(1, 4), min_size=1, max_size=3))
        stacks = draw(st.lists(stack, min_size=1, max_size=3))
        drawn |= zip(("residual_kernels", "dilations"), map(list, zip(*stacks, strict=True)), strict=True)
        drawn["channels"] = 2 ** len(drawn["rates"]) * draw(st.integers(1, 3))
    if "padding" in drawn:  # small, so that a short input has an output
        layers, kernel, stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3)))
        drawn |= {"layers": layers, "kernel": kernel, "stride": stride, "padding": drawn["padding"] % 4}
    if "heads" in drawn and "stride" in drawn:  # likewise
        drawn |= {"layers": draw(st.integers(0, 2)), "kernel": draw(st.integers(1, 9))}
        drawn["stride"] = draw(st.integers(1, 9))
    if "layers" in drawn and drawn.get("activation") == "relu2":  # squares of squares stay finite
        drawn["layers"] = min(drawn["layers"], 3)
    given = Numbers({name: Value(value) for name, value in drawn.items()})
    if any(True for _ in signature.violations(given)):
        return draw(numbers(signature))
    return given


def made(signature: Signature, given: Numbers, seed: int = 0) -> nn.Module:
    """The module on CPU in evaluation mode, its parameters spread."""
    torch.manual_seed(seed)
    module = realise(signature.construct(given)).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.5)
        for name in module.state_dict().keys() - dict(module.named_parameters()).keys():
            module.get_buffer(name).uniform_(0.5, 2.0)  # statistics, among them variances
    return module.requires_grad_(False)


def sizes(signature: Signature, given: Numbers, lengths: dict[str, int]) -> dict[str, Dim]:
    """Every name of the input dimensions with its value."""
    names = {rule for port in signature.inputs for rule in port.dims if isinstance(rule, str)}
    env = given.constants()
    if any(port.role == "lengths" for port in signature.inputs):
        lengths = lengths | dict.fromkeys(("repeated", LENGTH), lengths["time"] * MOST)
    if signature.takes_length:
        env[LENGTH] = Dim.constant(lengths[LENGTH])
    return {name: env.get(name, Dim.constant(lengths.get(name, 3))) for name in names} | env


def shape_of(port: Port, given: Numbers, env: dict[str, Dim]) -> tuple[int, ...]:
    """The shape of an input."""
    return tuple(resolve(rule, given, env).evaluate({}) for rule in port.dims)


def inputs(
    signature: Signature,
    given_numbers: Numbers,
    env: dict[str, Dim],
    valid: dict[str, Tensor],
    generator: torch.Generator,
) -> dict[str, Any]:
    """Random inputs by port; masks from `valid`: name of a time dimension -> lengths [B].

    What is not valid is counted no times. Beside the ports is the length of a block that takes one.
    """
    given: dict[str, Any] = {LENGTH: env[LENGTH].evaluate({})} if signature.takes_length else {}
    for port in signature.inputs:
        shape = shape_of(port, given_numbers, env)
        if port.role == "mask":
            assert isinstance(port.dims[1], str)
            given[port.name] = (torch.arange(shape[1]) < valid[port.dims[1]].unsqueeze(1)).long()
        elif port.role in ("token_ids", "units"):
            bound = next((env[name].evaluate({}) for name in ("vocabulary", "types") if name in env), 20)
            given[port.name] = torch.randint(bound, shape, generator=generator)
        elif port.role == "lengths":
            counts = torch.randint(MOST + 1, shape, generator=generator)
            if signature.leaks_padding is None:  # padding counts nothing where nothing is to be seen of it
                counts *= torch.arange(shape[1]) < valid["time"].unsqueeze(1)
            given[port.name] = counts
        else:
            given[port.name] = torch.randn(shape, generator=generator)
    return given


def call(signature: Signature, module: nn.Module, given: dict[str, Any]) -> dict[str, Any]:
    """Outputs by port. Required inputs go by position and optional ones by name, as emitted code does it."""
    required = [given[port.name] for port in signature.inputs if not port.optional]
    optional = {p.name: given[p.name] for p in signature.inputs if p.optional and p.name in given}
    if signature.takes_length and LENGTH in given:
        optional[LENGTH] = given[LENGTH]
    result = module(*required, **optional)
    outputs = result if isinstance(result, tuple) else (result,)
    return {port.name: output for port, output in zip(signature.outputs, outputs, strict=True)}


ALL = sorted(SIGNATURES)
