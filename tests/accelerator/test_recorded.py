"""Recorded methods compute what eager ones do, from tensors that stay where they are."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from blocks.cache import BUCKET
from compiler.compilation import compiled, cuda, static_caches
from compiler.compilation.recordings import Recordings, unchanged
from tests.accelerator.models import PAIRS, Twins, on_device, pair, twins
from tests.accelerator.pretended import Device, PretendedRecorder
from tests.parity.cases import difference, read_case, save

STEPS = 150
LONG: dict[str, Any] = {"max_target_positions": STEPS + 20}


@pytest.fixture
def spoken(device: Device, tmp_path_factory: pytest.TempPathFactory) -> Twins:
    """Speech to text, with room for several buckets."""
    case = read_case(1, save(1, tmp_path_factory.mktemp("long"), LONG))
    inputs = {name: case.batch[name] for name in ("input_features", "attention_mask")}
    return twins(case.ours, crossloom.lower(case.ours.spec), inputs)


def forced(tokens: int, beams: int = 1) -> dict[str, Any]:
    return {"max_new_tokens": tokens, "min_new_tokens": tokens, "num_beams": beams}


def steps_of(model: Any, encoded: Any, ids: Tensor, cache: Any) -> Tensor:
    return torch.cat([model.decode(ids[:, t : t + 1], encoded, cache) for t in range(ids.shape[1])], dim=1)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize(("encoder", "decoder"), PAIRS)
def test_every_kind_generates_the_same(device: Device, encoder: str, decoder: str, beams: int) -> None:
    both = pair(encoder, decoder)
    for _ in range(3):  # as it is, recorded, and replayed alone
        ids, recorded = both.generate(**forced(9, beams))
        assert recorded.tolist() == ids.tolist()
    assert both.recorder.replays >= 3 * 9


@pytest.mark.parametrize("beams", [1, 3])
def test_long_sequences_pass_through_all_buckets(spoken: Twins, beams: int) -> None:
    ids, recorded = spoken.generate(**forced(STEPS, beams))
    assert recorded.tolist() == ids.tolist()
    made = spoken.recordings.made
    assert spoken.generate(**forced(STEPS, beams))[1].tolist() == ids.tolist()
    assert spoken.recordings.made <= made + 1, "only the encoder, whose shape came again"
    made = spoken.recordings.made
    assert spoken.generate(**forced(STEPS, beams))[1].tolist() == ids.tolist()
    assert spoken.recordings.made == made
    if beams == 1:
        assert made == -(-STEPS // BUCKET) + 1


def test_logits_are_those_of_eager_steps(spoken: Twins) -> None:
    """All of them are read at the end: none lies where a later step writes."""
    ids = torch.randint(4, 40, (3, STEPS), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        encoded = spoken.eager.encode(**spoken.inputs)
        expected = steps_of(spoken.eager, encoded, ids, spoken.eager.new_cache(3, STEPS, encoded))
        there = spoken.recorded.encode(**on_device(spoken.inputs))
        cache = spoken.recorded.new_cache(3, STEPS, there)
        found = steps_of(spoken.recorded, there, ids.to("cuda"), cache)
    assert difference(found.cpu(), expected) <= 1e-6


@pytest.mark.parametrize("beams", [1, 3])
def test_steps_recorded_in_the_middle_leave_the_state_alone(spoken: Twins, beams: int) -> None:
    ids = torch.randint(4, 40, (3 * beams, 12), generator=torch.Generator().manual_seed(0)).to("cuda")
    model = spoken.recorded
    encoded = model.encode(**on_device(spoken.inputs))
    expected = steps_of(model, encoded, ids, model.new_cache(3 * beams, 12, encoded, beams))
    cache = model.new_cache(3 * beams, 12, encoded, beams)
    steps = []
    for step in range(12):
        spoken.recordings.forget()
        steps.append(model.decode(ids[:, step : step + 1], encoded, cache))
    assert torch.equal(torch.cat(steps, dim=1).cpu(), expected.cpu())


def test_lengths_and_sources_of_a_bucket_share_recordings(spoken: Twins) -> None:
    spoken.generate(**forced(20))
    made = spoken.recordings.made
    shorter = {name: tensor[:, :18] for name, tensor in spoken.inputs.items()}
    for inputs, tokens in ((spoken.inputs, 40), (shorter, 20), (shorter, 63)):
        ids, recorded = spoken.generate(inputs, **forced(tokens))
        assert recorded.tolist() == ids.tolist()
    assert spoken.recordings.made == made + 2, "the encoder alone, of shapes that came again"


def test_two_decodings_at_a_time_do_not_meet(spoken: Twins) -> None:
    ids = torch.randint(4, 40, (3, 12), generator=torch.Generator().manual_seed(0)).to("cuda")
    model = spoken.recorded
    encoded = model.encode(**on_device(spoken.inputs))
    other = encoded._replace(hidden=encoded.hidden.flip(0), mask=encoded.mask.flip(0))
    alone = [steps_of(model, one, ids, model.new_cache(3, 12, one)).cpu() for one in (encoded, other)]
    caches = [model.new_cache(3, 12, one) for one in (encoded, other)]
    made: list[list[Tensor]] = [[], []]
    for step in range(12):
        for cache, steps, one in zip(caches, made, (encoded, other), strict=True):
            steps.append(model.decode(ids[:, step : step + 1], one, cache))
    for steps, expected in zip(made, alone, strict=True):
        assert torch.equal(torch.cat(steps, dim=1).cpu(), expected)
    assert not torch.equal(*alone)


def test_a_prompt_of_several_tokens_goes_before(spoken: Twins) -> None:
    prompt = torch.randint(4, 40, (3, 5), generator=torch.Generator().manual_seed(0))
    options = forced(20, 2)
    ids = crossloom.generate(spoken.eager, **spoken.inputs, decoder_input_ids=prompt, **options)
    found = crossloom.generate(
        spoken.recorded, **on_device(spoken.inputs), decoder_input_ids=prompt.to("cuda"), **options
    )
    assert isinstance(ids, Tensor)
    assert isinstance(found, Tensor)
    assert found.tolist() == ids.tolist()


def test_a_mask_over_the_target_is_heard(spoken: Twins) -> None:
    """It grows with every step, so these steps are not recorded."""
    ids = torch.randint(4, 40, (3, 4), generator=torch.Generator().manual_seed(0))
    keep = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]])
    found = []
    for model, place in ((spoken.eager, "cpu"), (spoken.recorded, "cuda")):
        inputs = {name: tensor.to(place) for name, tensor in spoken.inputs.items()}
        with torch.no_grad():
            encoded = model.encode(**inputs)
            cache = model.new_cache(3, 4, encoded)
            steps = [
                model.decode(ids[:, t : t + 1].to(place), encoded, cache, keep[:, : t + 1].to(place))
                for t in range(4)
            ]
            found.append(torch.cat(steps, dim=1).cpu())
    kept = keep.bool()  # a row that sees nothing gives what has no meaning
    assert difference(found[1][kept], found[0][kept]) <= 1e-6


def test_weights_written_in_place_are_seen(spoken: Twins) -> None:
    spoken.generate(**forced(9))
    for model in (spoken.eager, spoken.recorded):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(-0.5)
    made = spoken.recordings.made
    ids, recorded = spoken.generate(**forced(9))
    assert recorded.tolist() == ids.tolist()
    assert spoken.recordings.made == made + 1, "the encoder, whose shape came again"


def test_recordings_are_dropped_when_the_weights_have_moved(spoken: Twins) -> None:
    spoken.generate(**forced(9))
    spoken.generate(**forced(9))
    parameter = next(one for one in spoken.recorded.parameters() if one.dim() > 1)
    parameter.content = parameter.content * 2
    twin = next(one for one in spoken.eager.parameters() if one.dim() > 1)
    twin.data = twin.data * 2
    ids, recorded = spoken.generate(**forced(9))
    assert recorded.tolist() == ids.tolist()
    assert spoken.recordings.made == 4
    assert len(spoken.recordings) == 2, "made anew"


def test_the_recording_used_longest_ago_makes_room() -> None:
    recordings = Recordings(PretendedRecorder(), limit=2)
    for key in ("a", "b", "a", "c"):
        recordings.replay((key,), lambda: None, unchanged)
    assert ("a",) in recordings
    assert ("b",) not in recordings
    assert (len(recordings), recordings.made) == (2, 3)


def test_caches_of_many_kinds_are_let_go(spoken: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recordings of those that are not kept go with them."""
    for rows in range(1, static_caches.CACHES + 4):
        inputs = {
            name: tensor[:1].repeat(rows, *[1] * (tensor.dim() - 1)) for name, tensor in spoken.inputs.items()
        }
        ids, recorded = spoken.generate(inputs, **forced(2))
        assert recorded.tolist() == ids.tolist()
    assert len(spoken.recordings) == static_caches.CACHES


def test_what_a_cache_held_does_not_reach_the_next(spoken: Twins) -> None:
    """Not even numbers that no mask keeps out, as of a model that was broken for a while."""
    model = spoken.recorded
    encoded = model.encode(**on_device(spoken.inputs))
    cache = model.new_cache(3, 9, encoded)
    for tensor in (*cache.keys, *cache.values):
        tensor.fill_(torch.nan)
    del cache
    ids, recorded = spoken.generate(**forced(9))
    assert recorded.tolist() == ids.tolist()


def test_max_records_on_cuda_and_freezes(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "CudaRecorder", lambda _: PretendedRecorder())
    both = pair("bart", "bart")
    model = compiled(copy.deepcopy(both.eager).to("cuda"), both.graph, "max")
    found = crossloom.generate(model, **on_device(both.inputs), **forced(9))
    expected = crossloom.generate(both.eager, **both.inputs, **forced(9))
    assert isinstance(found, Tensor)
    assert isinstance(expected, Tensor)
    assert found.tolist() == expected.tolist()
    for change in (model.cpu, model.half, model.train):
        with pytest.raises(crossloom.CrossloomError, match="cannot be"):
            change()
