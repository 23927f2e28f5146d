"""Every signature against the module it describes, over random hyper-parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from compiler.block_source import library
from specs.signatures import SIGNATURES, Signature
from specs.signatures.base import Numbers
from specs.values import Value
from tests.blocks.realise import ALL, CLASSES, call, inputs, made, numbers, realise, sizes

RUNS = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
LENGTH = st.integers(1, 9)
TIMES = ("time", "frames", "samples", "source")
SIDES = ("image_height", "image_width")

each = pytest.mark.parametrize("kind", ALL)


def lengths(draw: Any, batch: int, env: dict[str, Any], least: int) -> dict[str, torch.Tensor]:
    """Valid lengths of every row along every time dimension."""
    return {
        name: torch.tensor([draw(st.integers(least, env[name].evaluate({}))) for _ in range(batch)])
        for name in TIMES
        if name in env
    }


def drawn(draw: Any, signature: Signature, least: int = 0) -> tuple[Any, Any, dict[str, Any], Any, Any]:
    """(numbers, module, dimensions, valid lengths, inputs); the inputs fit any table of positions."""
    given_numbers = draw(numbers(signature))
    longest = 9
    if signature.hyper("maximum") and given_numbers.overflow.value == "error":
        before = given_numbers.offset if signature.hyper("offset") else given_numbers.padding_row + 1
        longest = given_numbers.maximum.value + 2 - before.value
    if signature.hyper("rows"):
        before = given_numbers.offset if signature.hyper("offset") else given_numbers.padding_row + 1
        longest = given_numbers.rows.value - before.value
    times = {name: draw(st.integers(1, max(1, min(9, longest)))) for name in TIMES}
    if any(port.role == "image" for port in signature.inputs):
        times |= {name: draw(LENGTH) for name in SIDES}
    batch = draw(st.integers(1, 3))
    env = long_enough(signature, given_numbers, {**times, "batch": batch})
    valid = lengths(draw, batch, env, least)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    module = made(signature, given_numbers)
    return given_numbers, module, env, valid, inputs(signature, given_numbers, env, valid, generator)


def long_enough(signature: Signature, given_numbers: Any, given: dict[str, int]) -> dict[str, Any]:
    """Every dimension, times lengthened until no output is empty."""
    times = dict(given)
    if signature.hyper("patch_height"):  # an image has a patch
        for side in ("height", "width"):
            patch = getattr(given_numbers, f"patch_{side}").value
            times[f"image_{side}"] = max(times.get(f"image_{side}", 1), patch)
    while True:
        env = sizes(signature, given_numbers, times)
        types = signature.output_types(given_numbers, env).values()
        if all(dim.evaluate({}) > 0 for type_ in types for dim in type_.dims):
            return env
        times |= {name: size + 1 for name, size in times.items() if name != "batch"}


@each
@RUNS
@given(data=st.data())
def test_parameters_read_from_text_are_the_modules_own(kind: str, data: st.DataObject) -> None:
    signature = SIGNATURES[kind]
    block = signature.construct(data.draw(numbers(signature)))
    with torch.device("meta"):
        module = realise(block)
    stored = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    assert list(library().shapes(block)) == list(stored.items())
    buffers = [
        (name, tuple(buffer.shape), str(buffer.dtype).removeprefix("torch."))
        for name, buffer in module.named_buffers()
        if name not in stored
    ]
    assert list(library().buffers(block)) == buffers


@each
@RUNS
@given(data=st.data())
def test_outputs_have_the_declared_shapes(kind: str, data: st.DataObject) -> None:
    signature = SIGNATURES[kind]
    given_numbers, module, env, _, tensors = drawn(data.draw, signature)
    outputs = call(signature, module, tensors)
    for name, type_ in signature.output_types(given_numbers, env).items():
        assert tuple(outputs[name].shape) == tuple(dim.evaluate({}) for dim in type_.dims), name
        assert outputs[name].dtype == (torch.int64 if type_.dtype == "int64" else torch.float32), name
        assert bool(outputs[name].isfinite().all()), f"{name} of rows without a valid position is finite too"
        if type_.role == "mask":
            assert set(outputs[name].flatten().tolist()) <= {0, 1}
            assert torch.equal(outputs[name].sort(dim=1, descending=True).values, outputs[name])


@each
@RUNS
@given(data=st.data())
def test_optional_inputs_may_be_left_out(kind: str, data: st.DataObject) -> None:
    """Without a mask everything is valid. A padded convolution of even width has one output more than its
    mask, or several where it is padded by more than its half."""
    signature = SIGNATURES[kind]
    given_numbers, module, _, _, tensors = drawn(data.draw, signature)
    required = {port.name: tensors[port.name] for port in signature.inputs if not port.optional}
    full = required | {
        port.name: torch.ones_like(tensors[port.name]) for port in signature.inputs if port.role == "mask"
    }
    without, whole = call(signature, module, required), call(signature, module, full)
    if is_masked_short(kind, given_numbers):
        return
    for name, output in whole.items():
        if without[name] is None:
            if kind not in EVEN_KERNELS or all(kernel % 2 for kernel in kernels(given_numbers)):
                assert bool(output.all()), "a mask that stays away says what a full one says"
            continue
        assert torch.allclose(without[name].expand_as(output), output, atol=1e-5), name


def is_masked_short(kind: str, given_numbers: Any) -> bool:
    """Whether a full mask is shortened to fewer positions than there are states, as published."""
    if kind != "pooling_encoder":
        return False
    layers, kernel, stride = (getattr(given_numbers, name).value for name in ("layers", "kernel", "stride"))
    return bool(layers == 0 or kernel // 2 < stride // 2)


EVEN_KERNELS = ("conv_subsampler", "gated_conv_downsample")


def kernels(given_numbers: Any) -> list[int]:
    """Widths of padded convolutions, 2 standing for one that is padded by another number than its half."""
    if "kernels" in given_numbers._values:
        return [kernel.value for kernel in given_numbers.kernels]
    kernel, padding = given_numbers.kernel.value, given_numbers.padding.value
    return [kernel if padding == kernel // 2 else 2]


def leak(signature: Signature, draw: Any) -> float:
    """Largest change of a valid output when padded inputs hold something else."""
    _, module, _, valid, tensors = drawn(draw, signature, least=1)
    other = dict(tensors)
    for port in signature.inputs:
        time = port.dims[1] if len(port.dims) > 1 else None
        counts_nothing = port.role == "lengths" and signature.leaks_padding is None
        if port.role == "mask" or counts_nothing or time not in valid:
            continue
        assert isinstance(time, str)
        if port.dims[0] != "batch":
            continue  # the same for every row
        padded = torch.arange(tensors[port.name].shape[1]) >= valid[time].unsqueeze(1)
        if port.role in ("token_ids", "units"):
            replaced = tensors[port.name].flip(0, 1)
        else:
            replaced = tensors[port.name].square() * 3 + 5  # no multiple, which a norm would undo
            padded = padded.unsqueeze(-1) if len(port.dims) == 3 else padded
        other[port.name] = torch.where(padded, replaced, tensors[port.name])
    before, after = call(signature, module, tensors), call(signature, module, other)
    largest = 0.0
    for port in signature.outputs:
        if port.role == "mask":
            assert torch.equal(before[port.name], after[port.name])
            continue
        if port.dims[0] != "batch" or len(port.dims) == 1:  # the same for every row, or one thing of a row
            keep = torch.ones(before[port.name].shape, dtype=torch.bool)
        elif "mask" in before:
            keep = before["mask"].bool()
        elif isinstance(port.dims[1], str) and port.dims[1] not in valid:
            keep = torch.ones(before[port.name].shape[:2], dtype=torch.bool)  # all of them valid
        else:  # a rule adds positions before those that came
            moment = next((name for name in (port.dims[1], *valid) if name in valid), None)
            if moment is None:
                continue
            keep = torch.arange(before[port.name].shape[1]) < valid[str(moment)].unsqueeze(1)
        largest = max(
            largest, *((before[port.name] - after[port.name])[keep].abs().flatten().tolist() or [0.0])
        )
    return largest


@each
def test_padding_is_seen_exactly_where_the_signature_says_so(kind: str) -> None:
    signature = SIGNATURES[kind]
    leaks: list[float] = []

    @RUNS
    @given(data=st.data())
    def collect(data: st.DataObject) -> None:
        leaks.append(leak(signature, data.draw))
        if signature.leaks_padding is None:
            assert leaks[-1] <= 1e-4

    collect()
    assert (max(leaks) > 1e-3) is (signature.leaks_padding is not None)


@each
def test_parameters_are_idle_outside_of_training_exactly_where_the_signature_says_so(kind: str) -> None:
    signature = SIGNATURES[kind]
    idle: list[bool] = []

    @RUNS
    @given(data=st.data())
    def collect(data: st.DataObject) -> None:
        _, module, _, _, tensors = drawn(data.draw, signature, least=1)
        parameters = list(module.parameters())
        before = call(signature, module.eval(), tensors)
        with torch.no_grad():
            for parameter in parameters:
                parameter.uniform_(-2, 2)
        after = call(signature, module, tensors)
        if parameters:
            idle.append(all(torch.equal(before[port.name], after[port.name]) for port in signature.outputs))

    collect()
    assert (bool(idle) and all(idle)) is signature.trains_only


@each
def test_ports_are_the_parameters_of_forward(kind: str) -> None:
    signature = SIGNATURES[kind]
    module = realise(signature.construct(smallest(signature)))
    parameters = list(inspect.signature(module.forward).parameters)
    required = [port.name for port in signature.inputs if not port.optional]
    assert parameters[: len(required)] == required or parameters == ["input"]
    assert {port.name for port in signature.inputs if port.optional} <= set(parameters)
    assert ("cache" in parameters) is signature.keeps_state
    assert ("length" in parameters) is signature.takes_length


def smallest(signature: Signature) -> Any:
    """Some numbers that fit."""
    found: list[Any] = []

    @settings(max_examples=1)
    @given(given_numbers=numbers(signature))
    def keep(given_numbers: Any) -> None:
        found.append(given_numbers)

    keep()
    return found[0]


@pytest.mark.parametrize(
    "kind",
    [
        "linear", "vocabulary_head", "conv_subsampler", "gated_conv_downsample", "convolution_positions",
        "pre_norm_encoder", "pre_norm_decoder", "post_norm_encoder", "post_norm_decoder", "waveform_encoder",
        "stacked_convolution_positions", "gated_bias_pre_norm_encoder", "adapted_pre_norm_encoder",
        "conformer_encoder", "relative_conformer_encoder", "rotary_conformer_encoder",
        "chunked_conformer_encoder", "relative_key_conformer_encoder", "pooling_encoder",
        "mlp", "conv_downsample", "resampler", "patch_embedding", "window_encoder", "patch_merging",
        "duration_predictor", "hifi_gan_generator", "post_norm_convolution_encoder",
    ],
)  # fmt: skip
@RUNS
@given(data=st.data())
def test_operations_are_what_torch_counts(kind: str, data: st.DataObject) -> None:
    """Two floating-point operations a multiply-add; attention scores and products included."""
    signature = SIGNATURES[kind]
    given_numbers = data.draw(numbers(signature))
    times = {name: data.draw(st.integers(9, 14)) for name in TIMES}
    env = long_enough(signature, given_numbers, {**times, "batch": 2})
    valid = {name: torch.full((2,), env[name].evaluate({})) for name in TIMES if name in env}
    module = made(signature, given_numbers)
    tensors = inputs(signature, given_numbers, env, valid, torch.Generator())
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call(signature, module, tensors)
    stated = signature.operations(given_numbers, env).evaluate({})
    assert counter.get_total_flops() == 2 * stated


def test_every_class_is_used_by_a_signature_or_inside_one() -> None:
    """A block nobody can name would never be tested here."""
    used: set[str] = set()
    for kind in ALL:
        for overflow in (0.0, 0.3):
            signature = SIGNATURES[kind]
            values = dict(smallest(signature)._values)
            for rate in {"layerdrop", "output_dropout", "attention_output_dropout"} & values.keys():
                values[rate] = Value(overflow)
            if not values.get("layers", True):
                values["layers"] = Value(1)
            if "window" in values:
                values |= {"layers": Value(2), "window": Value(2)}
                values |= {name: Value(5) for name in ("grid_rows", "grid_columns")}
            if "position_bias" in values:
                values |= {"position_bias": Value("own and shared"), "layer_scale": Value(value=True)}
            if "strides" in values:
                values |= {name: Value([2, 2]) for name in ("channels", "kernels", "strides")}
            if (norm := signature.hyper("norm")) is not None and norm.choices:
                values["norm"] = Value(norm.choices[overflow > 0])
            used |= {block.name for block in signature.construct(Numbers(values)).walk()}
    from specs.signatures.activations import ACTIVATIONS

    used |= {block.name for block in ACTIVATIONS.values()}
    bases = {base.__name__ for name in used if name in CLASSES for base in CLASSES[name].__mro__}
    assert {name for name in CLASSES if name not in bases} <= {"GrowingSinusoidTable"}
