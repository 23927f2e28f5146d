"""Checks of what a model is to generate from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from compiler.analysis import analysis_of
from runtime.failures import failure, refuse
from runtime.generation.interface import Encoded, Model
from specs.problems import Problem

INPUT_NAMES = ("input_features", "input_values", "pixel_values", "input_ids", "attention_mask")
"""What an encoder can take, by the names of the Hub."""


def check_inputs(model: Model, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Inputs that the encoder cannot take, or that do not fit the model or each other.

    XL103 not a tensor, or of another dtype or device than the model; XL206 missing, XL207 unknown; XL305
    sizes that differ; XL104 numbers that are not finite, a mask that is not 0 and 1 or that the encoder
    would misread; XL411 a row with nothing in it; XL416 padding without a mask.
    """
    yield from _check_names(model, inputs)
    if problem := _check_alternatives(model, inputs):
        yield problem
        return
    tensors = {}
    for name, value in inputs.items():
        if not isinstance(value, Tensor):
            yield _not_a_tensor(name, value)
        elif value.ndim == 0 or len(value) == 0:
            message = f"`{name}` holds no sentence: its shape is {list(value.shape)}"
            yield Problem("XL305", message, (), help="pass one or more")
        elif value.numel() == 0:
            message = f"`{name}` holds nothing to generate from: its shape is {list(value.shape)}"
            yield Problem("XL411", message, (), help="leave empty recordings and texts out")
        else:
            tensors[name] = value
            yield from list(_check_placement(model, name, value)) or _check_finite(name, value)
    if len({len(value) for value in tensors.values()}) > 1:
        sizes = _listed(f"{name} {list(value.shape)}" for name, value in tensors.items())
        yield mismatch("inputs", f"have different numbers of sentences: {sizes}")
        return
    mask, ids = tensors.get("attention_mask"), tensors.get("input_ids")
    if mask is not None and mask.ndim == 2:
        for name, value in tensors.items():
            if name not in {"attention_mask", "pixel_values"} and value.shape[:2] != mask.shape:
                yield mismatch("attention_mask", f"is {list(mask.shape)} for `{name}` {list(value.shape)}")
    if mask is not None:
        counted = {name for given in tensors for name in model.length_masks.get(given, ())}
        yield from _check_mask("attention_mask", mask, "attention_mask" in counted)
    pad = model.spec.config.get("pad_token_id")
    if ids is not None and mask is None and pad is not None and bool((ids == pad).any()):
        yield Problem(
            "XL416",
            f"`input_ids` hold the pad id {pad} but no mask was given",
            (),
            help="pass `attention_mask=`, 1 at real tokens and 0 at padding",
        )


def check_model(model: Any) -> Iterator[Problem]:
    """XL103 and XL114: something that is no live model, or one that cannot decode step by step."""
    if not hasattr(model, "spec"):
        message = f"`model` is a {type(model).__name__}, not a live model"
        yield Problem("XL103", message, (), help="pass what `crossloom.load` or `crossloom.build` returns")
        return
    missing = [name for name in ("decode", "new_cache") if not hasattr(model, name)]
    if missing:
        message = f"this model has no {_listed(f'`{name}`' for name in missing)}: it generates nothing"
        info = ("ids are decoded one after another, over the encoder's states and a cache",)
        yield Problem("XL114", message, (), info, "use a spec with a decoder that attends to its encoder")


def encode(model: Model, inputs: Mapping[str, Tensor]) -> Encoded:
    """The encoder's output.

    Raises CrossloomError: XL305 for shapes that it does not take, XL412 for inputs that it makes no state of.
    """
    try:
        return model.encode(**inputs)
    except RuntimeError as error:  # a convolution says so in numbers of its own
        problem = _too_short(model, inputs)
        if problem is None:
            raise
        raise failure(problem.code, problem.message, info=problem.info, help=problem.help) from error
    except ValueError as error:
        raise failure(
            "XL305",
            f"the encoder does not take these inputs: {error}",
            help="pass what the processor returns",
        ) from error


def _too_short(model: Any, inputs: Mapping[str, Tensor]) -> Problem | None:
    """XL412 for an input of fewer frames or samples than the encoder makes one state of."""
    graph = analysis_of(model.spec).graph
    assert graph is not None, "a model is built from a graph"
    for name, value in inputs.items():
        type_ = graph.inputs[name]
        if type_.role not in ("features", "waveform"):
            continue
        least = graph.minimums[str(type_.dims[1])]
        if value.shape[1] < least:
            message = f"`{name}` is {list(value.shape)}, and no state is left of fewer than {least} in a row"
            info = ("a kernel and a stride of the encoder reach over so many",)
            return Problem("XL412", message, (), info, "pad it with zeros and a mask, or leave it out")
    return None


def encode_checked(model: Model, inputs: Mapping[str, Tensor]) -> Encoded:
    """The encoder's output of inputs as they are given. Raises CrossloomError as `check_inputs` finds."""
    refuse(check_inputs(model, inputs))
    return encode(model, inputs)


def check_encoder_outputs(model: Model, encoded: Any, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """XL103 and XL407: something that is not an encoder's output, or inputs beside it. Masks as above."""
    if not hasattr(encoded, "hidden") or not hasattr(encoded, "mask"):
        message = f"`encoder_outputs` is a {type(encoded).__name__}, not what `encode` returns"
        yield Problem("XL103", message, (), help="pass the result of `model.encode(...)`")
    elif not isinstance(encoded.hidden, Tensor) or encoded.hidden.ndim != 3:
        message = "`encoder_outputs.hidden` is no tensor of three dimensions: batch, length, width"
        yield Problem("XL103", message, (), help="pass the result of `model.encode(...)`")
    else:
        name = "encoder_outputs.hidden"
        yield from list(_check_placement(model, name, encoded.hidden)) or _check_finite(name, encoded.hidden)
        if encoded.mask is not None:
            yield from _check_encoder_mask(encoded)
    for name in inputs:
        yield Problem(
            "XL407",
            f"`{name}` and `encoder_outputs` are both given, and only one can be used",
            (),
            ("the mask is part of the encoder's output",),
            "remove one of the two",
        )


def check_prefix(ids: Any, vocab_size: int, batch: int | None) -> Iterator[Problem]:
    """XL103, XL305 and XL402: a prefix that is not int64 [batch, P] of ids in the vocabulary."""
    name = "decoder_input_ids"
    if not isinstance(ids, Tensor):
        yield _not_a_tensor(name, ids)
    elif ids.dtype != torch.int64 or ids.ndim != 2:
        found = f"{_dtype_name(ids.dtype)} of shape {list(ids.shape)}"
        message = f"`{name}` is {found}, not int64 [batch, length]"
        yield Problem("XL103", message, (), help=f"correct `{name}`")
    elif batch is not None and len(ids) != batch:
        yield mismatch(name, f"is {list(ids.shape)} for a batch of {batch}")
    elif ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < vocab_size:
        extremes = f"{int(ids.min())} to {int(ids.max())}"
        message = f"`{name}` holds ids from {extremes}, and the vocabulary has {vocab_size}"
        yield Problem("XL402", message, (), help=f"use ids from 0 to {vocab_size - 1}")


def mismatch(name: str, message: str) -> Problem:
    """XL305: a tensor whose rows do not fit the sentences."""
    return Problem("XL305", f"`{name}` {message}", (), help="give every sentence one row in each of them")


def _check_names(model: Model, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    parameters = inspect.signature(model.encode).parameters.values()
    named = [p for p in parameters if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}]
    accepted = [p.name for p in named]
    info = (f"it takes {_listed(f'`{name}`' for name in accepted)}",)
    for name in inputs:
        if name not in accepted:
            yield Problem("XL207", f"this model does not take `{name}`", (), info, "remove it")
    for parameter in named:
        name = parameter.name
        if parameter.default is parameter.empty and name not in inputs:
            message = f"the encoder's input `{name}` is missing"
            yield Problem("XL206", message, (), info, f"pass `{name}=`, or `encoder_outputs=`")


def _check_alternatives(model: Model, inputs: Mapping[str, Any]) -> Problem | None:
    """XL206 and XL407: none, or several, of the inputs that a model of several encoders takes one of."""
    taken = inspect.signature(model.encode).parameters.values()
    named = [one.name for one in taken if one.name in INPUT_NAMES and one.name != "attention_mask"]
    given = [name for name in named if name in inputs]
    if len(named) < 2 or len(given) == 1:
        return None
    if given:
        message = f"{_listed(f'`{name}`' for name in given)} are given, and one of them can be used"
        return Problem("XL407", message, (), help=f"keep `{given[0]}`, or `{given[-1]}`")
    message = f"the encoder's input is missing: one of {_listed(f'`{name}`' for name in named)}"
    return Problem("XL206", message, (), help="pass one of them, or `encoder_outputs=`")


def _check_placement(model: Model, name: str, value: Tensor) -> Iterator[Problem]:
    """XL103: numbers of another dtype than the model computes in, ids that are none, another device."""
    own = next(iter(model.parameters()))
    wanted = value.dtype
    if name == "input_ids":
        wanted = torch.int64
    elif name != "attention_mask":
        wanted = own.dtype
    if (value.dtype, value.device) != (wanted, own.device):
        yield Problem(
            "XL103",
            f"`{name}` is {_dtype_name(value.dtype)} on {value.device}, and the model takes "
            f"{_dtype_name(wanted)} on {own.device}",
            (),
            help=f'pass `{name}.to("{own.device}", {wanted})`',
        )


def _check_encoder_mask(encoded: Encoded) -> Iterator[Problem]:
    mask, shape = encoded.mask, list(encoded.hidden.shape)
    assert mask is not None
    if list(mask.shape) == shape[:2]:
        yield from _check_mask("encoder_outputs.mask", mask)
    else:
        yield mismatch("encoder_outputs.mask", f"is {list(mask.shape)} for states {shape}")


def _check_finite(name: str, value: Tensor) -> Iterator[Problem]:
    """XL104: nan or infinity."""
    if not bool(value.isfinite().all()):
        place = (~value.isfinite()).nonzero()[0].tolist()
        message = f"`{name}` is {value[tuple(place)].item()} at {place}"
        info = ("one number that is not finite makes all of its row nan",)
        yield Problem("XL104", message, (), info, "leave the row out, or repair what it was computed from")


def _check_mask(name: str, mask: Tensor, lengths_only: bool = False) -> Iterator[Problem]:
    """XL104 for values other than 0 and 1, and for ones after a 0 where only their number is read.

    XL411 for rows that are all 0.
    """
    kept = mask == 1
    other = ~kept & (mask != 0)
    if bool(other.any()):
        place = other.nonzero()[0].tolist()
        yield Problem(
            "XL104",
            f"`{name}` is {mask[tuple(place)].item()} at {place}",
            (),
            ("a mask is 1 where there is input and 0 where there is padding; nothing counts by half",),
            "pass 0 and 1, or booleans",
        )
    elif not bool(kept.flatten(1).any(dim=1).all()):
        row = int((~kept.flatten(1).any(dim=1)).nonzero()[0])
        yield Problem(
            "XL411",
            f"row {row} of `{name}` is all 0: nothing is left to generate from",
            (),
            ("whatever came out would be the average of padding",),
            "leave the row out",
        )
    elif lengths_only and bool((kept[..., 1:] & ~kept[..., :-1]).any()):
        row = int((kept[..., 1:] & ~kept[..., :-1]).nonzero()[0, 0])
        yield Problem(
            "XL104",
            f"row {row} of `{name}` has a 1 after a 0",
            (),
            ("this encoder counts the ones of a row and takes that many places from its start",),
            "pad on the right: ones first, then zeros",
        )


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _not_a_tensor(name: str, value: Any) -> Problem:
    message = f"`{name}` is a {type(value).__name__}, not a torch tensor"
    return Problem("XL103", message, (), help=f"pass `{name}` as a tensor with the batch first")


def _listed(names: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(names)
