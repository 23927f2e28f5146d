"""What `generate` refuses before it runs, and how it reaches the model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from compiler.analysis import analyse
from compiler.build import build
from compiler.diagnostics.model import CrossloomError
from compiler.reader import read_text
from crossloom import load
from runtime.generation import Step, beam, generate, greedy
from tests.check.planted import GRAPH
from tests.generation.adapter import Adapter
from tests.generation.models import end_ids, random_case

ENCODER = """
crossloom: 1
name: frames
graph:
  inputs: {input_features: {role: features, dims: [batch, frames, 80]}}
  nodes:
    subsample:
      block: conv_subsampler
      with: {input_width: 80, channels: 8, width: 8, kernels: [3]}
      inputs: {features: input_features}
  outputs: {hidden: subsample.hidden}
"""
"""A free graph that decodes nothing."""

CASE = random_case(4)
FEATURES, MASK = CASE.inputs["input_features"], CASE.inputs["attention_mask"]


def refusal(model: Any = None, /, **arguments: Any) -> list[str]:
    with pytest.raises(CrossloomError) as caught:
        generate(model or Adapter(CASE.model), **arguments)
    assert all(d.message and d.help for d in caught.value.diagnostics)
    return [d.code for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ({"num_beam": 2}, ["XL406"]),
        ({"atention_mask": MASK}, ["XL406"]),
        ({"num_return_sequences": 2}, ["XL407"]),
        ({"max_length": None, "max_new_tokens": None}, ["XL408"]),
        ({"max_new_tokens": 100}, ["XL405"]),
        ({"decoder_start_token_id": None}, ["XL404"]),
        ({"pad_token_id": None}, ["XL404"]),
        ({"input_values": FEATURES}, ["XL207"]),
        ({"input_features": None}, ["XL206"]),
        ({"input_features": FEATURES.tolist()}, ["XL103"]),
        ({"input_features": FEATURES[:2]}, ["XL305"]),
        ({"input_features": FEATURES[:, :20]}, ["XL305"]),
        ({"input_features": FEATURES[:, :0], "attention_mask": None}, ["XL411"]),
        ({"input_features": FEATURES.double()}, ["XL103"]),
        ({"input_features": FEATURES.int()}, ["XL103"]),
        ({"input_features": FEATURES.to("meta")}, ["XL103"]),
        ({"input_features": FEATURES / FEATURES.ne(FEATURES[1, 2, 3])}, ["XL104"]),
        ({"input_features": FEATURES * torch.nan}, ["XL104"]),
        ({"attention_mask": MASK.flip(1)}, ["XL104"]),
        ({"attention_mask": MASK.flip(1).bool()}, ["XL104"]),
        ({"attention_mask": MASK.index_fill(1, torch.tensor(1), 0)}, ["XL104"]),
        ({"length_penalty": 2.0}, ["XL407"]),
        ({"max_length": 9}, ["XL407"]),
        ({"attention_mask": MASK * 0.5}, ["XL104"]),
        ({"attention_mask": MASK * 2}, ["XL104"]),
        ({"attention_mask": MASK - 1}, ["XL104"]),
        ({"attention_mask": MASK * torch.tensor([[1], [0], [1]])}, ["XL411"]),
        ({"input_features": FEATURES[:0], "attention_mask": MASK[:0]}, ["XL305", "XL305"]),
        ({"decoder_input_ids": torch.zeros(2, 2, dtype=torch.int64)}, ["XL305"]),
        ({"decoder_input_ids": torch.zeros(3, 2)}, ["XL103"]),
        ({"decoder_input_ids": [[1]]}, ["XL103"]),
        ({"decoder_input_ids": torch.full((3, 1), 999)}, ["XL402"]),
        ({"decoder_start_token_id": [1, 2]}, ["XL305"]),
        ({"encoder_outputs": (FEATURES,), "input_features": None, "attention_mask": None}, ["XL103"]),
        ({"encoder_outputs": Adapter(CASE.model).encode(FEATURES)}, ["XL407", "XL407"]),
        ({"num_beam": 2, "top_k": "3", "pixel_values": FEATURES}, ["XL406", "XL407", "XL207"]),
    ],
)
def test_refusals(arguments: dict[str, Any], codes: list[str]) -> None:
    assert refusal(**{**CASE.inputs, "max_new_tokens": 5, **arguments}) == codes


def test_a_boolean_mask_is_the_same_mask() -> None:
    expected = generate(Adapter(CASE.model), **CASE.inputs, max_new_tokens=5)
    inputs = {**CASE.inputs, "attention_mask": MASK.bool()}
    assert torch.equal(generate(Adapter(CASE.model), **inputs, max_new_tokens=5), expected)


def test_encoder_outputs_are_checked_as_inputs_are() -> None:
    with torch.no_grad():
        encoded: Any = Adapter(CASE.model).encode(**CASE.inputs)
    for hidden, mask, code in (
        (encoded.hidden.double(), encoded.mask, "XL103"),
        (encoded.hidden[0], encoded.mask, "XL103"),
        (encoded.hidden * torch.inf, encoded.mask, "XL104"),
        (None, encoded.mask, "XL103"),
        (encoded.hidden, encoded.mask[:, :-1], "XL305"),
        (encoded.hidden, encoded.mask * 0.5, "XL104"),
        (encoded.hidden, encoded.mask * torch.tensor([[1], [1], [0]]), "XL411"),
    ):
        given = encoded._replace(hidden=hidden, mask=mask)
        assert refusal(encoder_outputs=given, max_new_tokens=5) == [code]


def test_a_prefix_with_the_start_token_in_some_rows_is_refused() -> None:
    prefix = torch.full((3, 2), CASE.model.config.decoder_start_token_id)
    prefix[1, 0] = (prefix[1, 0] + 1) % CASE.model.config.vocab_size
    assert refusal(**CASE.inputs, max_new_tokens=5, decoder_input_ids=prefix) == ["XL305"]


def test_ids_with_padding_need_a_mask() -> None:
    class TextEncoder(Adapter):
        def encode(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Any:
            raise AssertionError("not reached")

    ids = torch.tensor([[5, 6, 7], [5, CASE.model.config.pad_token_id, CASE.model.config.pad_token_id]])
    assert refusal(TextEncoder(CASE.model), input_ids=ids, max_new_tokens=5) == ["XL416"]


def test_holes_are_fine_where_the_encoder_reads_the_mask_itself() -> None:
    model = Adapter(CASE.model)
    model.length_masks = {}
    holes = MASK.index_fill(1, torch.tensor(1), 0)
    generate(model, **{**CASE.inputs, "attention_mask": holes}, max_new_tokens=2)


def test_a_length_penalty_is_followed_where_scores_are_asked_for() -> None:
    results = [
        generate(Adapter(CASE.model), **CASE.inputs, max_new_tokens=5, return_scores=True, **penalty)
        for penalty in ({}, {"length_penalty": 2.0})
    ]
    assert torch.equal(results[0].sequences, results[1].sequences)
    assert not torch.equal(results[0].sequence_scores, results[1].sequence_scores)


SEARCHES: list[dict[str, Any]] = [
    {},
    {"num_beams": 3},
    {"do_sample": True},
    {"do_sample": True, "num_beams": 2},
]


class Spoilt(Adapter):
    """Its scores are not finite at one step, in one row."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__(CASE.model)
        self.steps, self.value = step, value

    def decode(self, *args: Any, **inputs: Any) -> torch.Tensor:
        logits = super().decode(*args, **inputs)
        self.steps -= 1
        if self.steps == 0:
            logits[-1, -1, -1] = self.value
        return logits


@pytest.mark.parametrize("search", SEARCHES, ids=str)
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("interval", [1, 8])
def test_scores_that_are_not_finite_are_refused(
    search: dict[str, Any], value: float, step: int, interval: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (beam, greedy):
        monkeypatch.setattr(module, "look_interval", lambda device: interval)
    options = {**CASE.inputs, **search, "max_new_tokens": 3, "eos_token_id": None}
    spoilt = Spoilt(step, value)
    assert refusal(spoilt, **options) == ["XL409"]
    assert spoilt.steps == (0 if interval == 1 else step - 3), "no step after the look that shows it"
    generate(Spoilt(9, value), **options)


def test_scores_that_are_not_finite_can_be_replaced() -> None:
    generate(Spoilt(1, torch.nan), **CASE.inputs, max_new_tokens=3, remove_invalid_values=True)


@pytest.mark.parametrize("beams", [1, 2])
def test_a_draw_from_no_token_is_refused(beams: int) -> None:
    options = {"do_sample": True, "num_beams": beams, "max_new_tokens": 3, "eos_token_id": None}
    every = list(range(CASE.model.config.vocab_size))
    assert refusal(**CASE.inputs, **options, suppress_tokens=every) == ["XL407"]
    generate(Adapter(CASE.model), **CASE.inputs, **options, suppress_tokens=every[1:])


def test_what_is_no_model_that_generates_is_refused() -> None:
    assert refusal("digits", **CASE.inputs) == ["XL103"]
    spec, graph = analyse(read_text(ENCODER, "spec.yaml")).sound()
    assert refusal(build(spec, graph), input_features=torch.ones(1, 30, 80), max_new_tokens=3) == ["XL114"]


def test_shapes_that_the_encoder_refuses_are_findings() -> None:
    model = load("digits")
    for shape, says in (((1, 30, 79), r"\[batch, frames, 80\]"), ((1, 5000, 80), "625 positions")):
        with pytest.raises(CrossloomError, match=says) as caught:
            generate(model, input_features=torch.zeros(shape))
        assert [d.code for d in caught.value.diagnostics] == ["XL305"]


def test_layers_of_the_model_are_read() -> None:
    model = Adapter(CASE.model)
    model.generation_defaults["max_length"] = 4
    assert generate(model, **CASE.inputs).shape[1] <= 4
    model.spec.generation["max_length"] = 3
    assert generate(model, **CASE.inputs).shape[1] <= 3
    assert generate(model, **CASE.inputs, max_new_tokens=5, eos_token_id=None).shape[1] == 6
    model.spec.generation["num_beam"] = 3
    assert refusal(model, **CASE.inputs) == ["XL406"]


@pytest.mark.parametrize("search", [{}, {"num_beams": 3}, {"do_sample": True, "num_return_sequences": 2}])
def test_encodes_once_and_asks_for_no_more_cache_than_needed(search: dict[str, Any]) -> None:
    model = Adapter(CASE.model)
    generate(model, **CASE.inputs, **search, max_new_tokens=5, eos_token_id=None)
    assert model.encodings == 1
    assert model.cache_lengths == [5]


@pytest.mark.parametrize("search", [{}, {"num_beams": 3, "num_return_sequences": 2}])
def test_encoder_outputs_stand_in_for_inputs(search: dict[str, Any]) -> None:
    model = Adapter(CASE.model)
    direct = generate(model, **CASE.inputs, **search, max_new_tokens=8)
    with torch.no_grad():
        encoded = model.encode(**CASE.inputs)
    assert generate(model, encoder_outputs=encoded, **search, max_new_tokens=8).tolist() == direct.tolist()


@pytest.mark.parametrize(("search", "rows"), [({}, 3), ({"num_beams": 4}, 12)])
def test_on_step_sees_every_step(search: dict[str, Any], rows: int) -> None:
    steps: list[Step] = []
    ids = generate(
        Adapter(CASE.model),
        **CASE.inputs,
        **search,
        max_new_tokens=6,
        eos_token_id=None,
        on_step=steps.append,
    )
    assert [step.length for step in steps] == list(range(2, 8))
    assert {step.limit for step in steps} == {7}
    assert {len(step.tokens) for step in steps} == {rows}
    if not search:
        assert torch.stack([step.tokens for step in steps], dim=1).tolist() == ids[:, 1:].tolist()


def test_results_are_ordinary_tensors() -> None:
    result = generate(Adapter(CASE.model), **CASE.inputs, max_new_tokens=4, return_scores=True)
    for tensor in result:
        assert not tensor.is_inference()
        tensor.zero_()
    assert result.sequences.dtype == torch.int64


def test_sequences_start_with_the_start_token_and_end_with_padding() -> None:
    config = CASE.model.config
    ids = generate(Adapter(CASE.model), **CASE.inputs, max_new_tokens=20, num_beams=4, num_return_sequences=4)
    assert set(ids[:, 0].tolist()) == {config.decoder_start_token_id}
    ends = end_ids(config)
    for row in ids[:, 1:].tolist():
        if any(end in row for end in ends):
            first = min(row.index(end) for end in ends if end in row)
            assert set(row[first + 1 :]) <= {config.pad_token_id}


def test_a_free_graph_generates_without_a_family() -> None:
    spec, graph = analyse(read_text(GRAPH, "spec.yaml")).sound()
    model: Any = build(spec, graph).eval()
    ids = generate(model, input_features=torch.ones(2, 30, 80), max_new_tokens=3, eos_token_id=None)
    assert ids.shape == (2, 4)
    prefix = torch.tensor([[model.vocabulary], [0]])
    assert refusal(
        model, input_features=torch.ones(2, 30, 80), max_new_tokens=3, decoder_input_ids=prefix
    ) == ["XL402"]
