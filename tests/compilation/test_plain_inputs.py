"""Which inputs a package may be given: none that the model refuses, and none that it computes otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.compilation.plain_inputs import PlainInputs
from specs.graph import Graph
from tests.pairs.test_cells import analysed
from tests.pairs.tiny import ENCODERS, VOCABULARY, random_inputs, tiny

Inputs = dict[str, Any]


def _with(name: str, change: Callable[[Tensor], Any]) -> Callable[[Inputs], Inputs]:
    return lambda given: given | {name: change(given[name].clone())}


def _without(name: str) -> Callable[[Inputs], Inputs]:
    return lambda given: {one: tensor for one, tensor in given.items() if one != name}


def _written(value: float) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor.index_put_((torch.tensor(0), torch.tensor(0)), tensor.new_tensor(value))


PLAIN: dict[str, tuple[str, Callable[[Inputs], Inputs]]] = {
    "text without a mask": ("bert", _without("attention_mask")),
    "text without types": ("bert", _without("token_type_ids")),
    "the last id": ("bert", _with("input_ids", _written(VOCABULARY - 1))),
    "the first id": ("bert", _with("input_ids", _written(0))),
    "a mask of truths": ("bert", _with("attention_mask", Tensor.bool)),
    "a mask of numbers": ("bert", _with("attention_mask", Tensor.float)),
    "a waveform without a mask": ("wav2vec2", _without("attention_mask")),
}

OTHERS: dict[str, tuple[str, Callable[[Inputs], Inputs]]] = {
    "no ids": ("bert", _without("input_ids")),
    "a list": ("bert", _with("input_ids", Tensor.tolist)),
    "elsewhere": ("bert", _with("input_ids", lambda ids: ids.to("meta"))),
    "an id outside": ("bert", _with("input_ids", _written(VOCABULARY))),
    "an id below": ("bert", _with("input_ids", _written(-1))),
    "a type outside": ("bert", _with("token_type_ids", _written(2))),
    "ids of 32 bits": ("bert", _with("input_ids", Tensor.int)),
    "ids of rank 1": ("bert", _with("input_ids", lambda ids: ids[0])),
    "ids of rank 3": ("bert", _with("input_ids", lambda ids: ids[None])),
    "a mask of 2": ("bert", _with("attention_mask", _written(2))),
    "a mask of a half": ("bert", _with("attention_mask", lambda mask: mask * 0.5)),
    "a mask that is longer": ("bert", _with("attention_mask", lambda mask: mask.repeat(1, 2))),
    "a mask of fewer rows": ("bert", _with("attention_mask", lambda mask: mask[:1])),
    "types that are shorter": ("bert", _with("token_type_ids", lambda ids: ids[:, :-1])),
    "a waveform of 64 bits": ("wav2vec2", _with("input_values", Tensor.double)),
    "a waveform of integers": ("wav2vec2", _with("input_values", Tensor.long)),
    "a waveform with a gradient": ("wav2vec2", _with("input_values", Tensor.requires_grad_)),
    "features of another width": ("speech_to_text", _with("input_features", lambda one: one[..., :-1])),
    "a picture of another size": ("vit", _with("pixel_values", lambda one: one[..., :-1])),
}


def graph_of(encoder: str) -> Graph:
    return analysed(tiny(encoder, "gpt2")).sound()[1]


def plain_inputs(graph: Graph) -> PlainInputs:
    return PlainInputs(graph, graph.encode_inputs, torch.float32)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_every_encoder_takes_is_plain(encoder: str) -> None:
    graph = graph_of(encoder)
    assert plain_inputs(graph)(random_inputs(graph))


@pytest.mark.parametrize("which", PLAIN)
def test_these_are_plain_too(which: str) -> None:
    encoder, change = PLAIN[which]
    graph = graph_of(encoder)
    assert plain_inputs(graph)(change(random_inputs(graph)))


@pytest.mark.parametrize("which", OTHERS)
def test_these_are_for_the_method_to_look_at(which: str) -> None:
    encoder, change = OTHERS[which]
    graph = graph_of(encoder)
    assert not plain_inputs(graph)(change(random_inputs(graph)))


def test_numbers_have_the_dtype_of_the_model() -> None:
    graph = graph_of("wav2vec2")
    plain = PlainInputs(graph, graph.encode_inputs, torch.bfloat16)
    given = random_inputs(graph)
    assert not plain(given)
    assert plain(given | {"input_values": given["input_values"].bfloat16()})


def test_autocast_is_the_methods() -> None:
    graph = graph_of("wav2vec2")
    with torch.autocast("cpu", torch.bfloat16):
        assert not plain_inputs(graph)(random_inputs(graph))


def test_a_gradient_counts_only_where_it_is_kept() -> None:
    graph = graph_of("wav2vec2")
    given = random_inputs(graph)
    given["input_values"].requires_grad_()
    with torch.no_grad():
        assert plain_inputs(graph)(given)
    assert not plain_inputs(graph)(given)
