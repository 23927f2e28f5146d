"""How often the host waits for an accelerator while it decodes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import crossloom
from runtime.generation.decoding import DEVICE_LOOK_INTERVAL
from tests.accelerator.models import Twins, on_device, twins
from tests.accelerator.pretended import Device, StalledCapture
from tests.parity.cases import read_case, save

CONSTRAINTS: dict[str, Any] = {
    "repetition_penalty": 1.2,
    "no_repeat_ngram_size": 3,
    "suppress_tokens": [5, 6],
    "begin_suppress_tokens": [7],
    "bad_words_ids": [[8], [9, 10]],
    "sequence_bias": [[[11], -3.0], [[12, 13], 2.0]],
    "forced_bos_token_id": 9,
    "forced_eos_token_id": 10,
    "exponential_decay_length_penalty": (2, 1.01),
    "renormalize_logits": True,
}
FILTERS: dict[str, Any] = {
    "do_sample": True,
    "temperature": 0.8,
    "top_k": 12,
    "top_p": 0.95,
    "min_p": 0.01,
    "typical_p": 0.95,
    "epsilon_cutoff": 0.001,
    "eta_cutoff": 0.001,
}
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "greedy with scores": {"return_scores": True},
    "every constraint": CONSTRAINTS,
    "invalid scores replaced": {"remove_invalid_values": True},
    "no end": {"eos_token_id": None},
    "several ends": {"eos_token_id": [3, 4]},
    "draws": {"do_sample": True},
    "draws of a seed": {"do_sample": True, "seed": 3},
    "every constraint and filter": {**CONSTRAINTS, **FILTERS, "seed": 3},
    "beams": {"num_beams": 3},
    "beams with scores": {"num_beams": 3, "return_scores": True, "num_return_sequences": 2},
    "beams that stop early": {"num_beams": 3, "early_stopping": True},
    "beams with every constraint": {**CONSTRAINTS, "num_beams": 3},
    "beams drawn with every constraint and filter": {**CONSTRAINTS, **FILTERS, "num_beams": 3, "seed": 3},
}


@pytest.fixture
def spoken(device: Device, tmp_path_factory: pytest.TempPathFactory) -> Twins:
    folder = save(1, tmp_path_factory.mktemp("long"), {"max_target_positions": 170})
    case = read_case(1, folder)
    inputs = {name: case.batch[name] for name in ("input_features", "attention_mask")}
    return twins(case.ours, crossloom.lower(case.ours.spec), inputs)


def stalls(both: Twins, device: Device, tokens: int, **options: Any) -> int:
    given = on_device(both.inputs)
    device.stalls.clear()
    crossloom.generate(both.recorded, **given, max_new_tokens=tokens, min_new_tokens=tokens, **options)
    return len(device.stalls)


@pytest.mark.parametrize("search", SEARCHES)
def test_the_host_asks_once_an_interval(spoken: Twins, device: Device, search: str) -> None:
    options = SEARCHES[search]
    few, many = (stalls(spoken, device, tokens, **options) for tokens in (24, 136))
    asked, intervals = many - few, (136 - 24) // DEVICE_LOOK_INTERVAL
    print(f"{search}: {few} times for 24 tokens, {many} for 136: {asked} times in {intervals} intervals")
    assert asked <= intervals


@pytest.mark.parametrize("search", [name for name in SEARCHES if "draws" not in name])
def test_the_ids_are_those_of_the_cpu(spoken: Twins, device: Device, search: str) -> None:
    ids, there = spoken.generate(**{**SEARCHES[search], "return_scores": False}, max_new_tokens=40)
    assert there.tolist() == ids.tolist()


@pytest.mark.parametrize("options", [{}, FILTERS], ids=["best", "drawn"])
def test_nan_is_found_though_nobody_asks_at_every_step(
    spoken: Twins, device: Device, options: dict[str, Any]
) -> None:
    with torch.no_grad():
        next(spoken.recorded.parameters()).mul_(torch.nan)
    with pytest.raises(crossloom.CrossloomError, match="not finite"):
        stalls(spoken, device, 40, **options)


def test_a_question_is_refused_while_the_device_records(device: Device) -> None:
    """The pretended device can tell."""
    device.tape = []
    ones = torch.ones(3, device="cuda")
    questions = (
        lambda: bool(ones.any()),
        lambda: ones.sum().item(),
        ones.cpu,
        ones.tolist,
        ones.nonzero,
        lambda: ones.multinomial(1),
        lambda: ones[ones > 0],
    )
    for question in questions:
        with pytest.raises(StalledCapture):
            question()
    device.tape = None
    with pytest.raises(RuntimeError, match="cuda:0 and on the CPU"):
        ones + torch.ones(3)
