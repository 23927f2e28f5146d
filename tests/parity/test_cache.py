"""Incremental decoding computes what decoding everything at once computes."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from blocks.cache import BUCKET
from tests import oracle
from tests.parity.cases import LOGITS, Case, difference, read_case, save

LENGTH = BUCKET + 14


@pytest.fixture(scope="module", params=[0, 1, 2, 5])
def long_case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Models whose decoder has room beyond the first bucket: pad ids 1, above, and 0."""
    seed: int = request.param
    folder = save(seed, tmp_path_factory.mktemp("long"), {"max_target_positions": LENGTH + 30})
    case = read_case(seed, folder)
    draw = random.Random(seed)
    real = [i for i in range(case.theirs.config.vocab_size) if i != case.pad]
    ids = torch.tensor([[draw.choice(real) for _ in range(LENGTH)] for _ in range(3)])
    return Case(seed, folder, case.theirs, case.ours, {**case.batch, "decoder_input_ids": ids})


def decode_in_chunks(case: Case, sizes: list[int], masked: bool) -> torch.Tensor:
    mask = case.batch["attention_mask"] if masked else None
    encoded = case.ours.encode(case.batch["input_features"], mask)
    ids = case.batch["decoder_input_ids"]
    cache = case.ours.new_cache(len(ids), LENGTH, encoded)
    pieces, start = [], 0
    for size in sizes:
        pieces.append(case.ours.decode(ids[:, start : start + size], encoded, cache))
        start += size
    assert start == LENGTH
    return torch.cat(pieces, dim=1)


def chunks(size: int) -> list[int]:
    whole = [size] * (LENGTH // size)
    return whole + ([LENGTH % size] if LENGTH % size else [])


@pytest.mark.parametrize("size", [1, 3, 7, BUCKET, LENGTH])
@pytest.mark.parametrize("masked", [True, False], ids=["mask", "no mask"])
def test_chunks_equal_the_whole(long_case: Case, size: int, masked: bool) -> None:
    given = long_case.batch if masked else {**long_case.batch, "attention_mask": None}
    with torch.no_grad():
        whole = long_case.theirs(**{k: v for k, v in given.items() if v is not None}).logits
        assert difference(decode_in_chunks(long_case, chunks(size), masked), whole) <= LOGITS


def test_a_prompt_then_single_tokens(long_case: Case) -> None:
    with torch.no_grad():
        whole = long_case.theirs(**long_case.batch).logits
        pieces = decode_in_chunks(long_case, [5] + [1] * (LENGTH - 5), True)
    assert difference(pieces, whole) <= LOGITS


@pytest.mark.parametrize("beams", [2, 5])
def test_reordered_beams_equal_repeated_rows(case: Case, beams: int) -> None:
    """A tree of hypotheses is followed twice: in place with a cache, and anew from its ids."""
    config, draw = case.theirs.config, random.Random(case.seed)
    batch, steps = len(case.batch["input_features"]), 12
    rows = batch * beams
    with torch.no_grad():
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
        features = case.batch["input_features"].repeat_interleave(beams, 0)
        mask = case.batch["attention_mask"].repeat_interleave(beams, 0)
        cache = case.ours.new_cache(rows, steps, encoded, beams)
        real = [i for i in range(config.vocab_size) if i != case.pad]
        history = torch.tensor([[draw.choice(real)] for _ in range(rows)])
        for _ in range(steps):
            ours = case.ours.decode(history[:, -1:], encoded, cache)
            theirs = case.theirs(
                input_features=features, attention_mask=mask, decoder_input_ids=history
            ).logits[:, -1:]
            assert difference(ours, theirs) <= LOGITS
            parents = torch.tensor([r // beams * beams + draw.randrange(beams) for r in range(rows)])
            chosen = torch.tensor([draw.choice(real) for _ in range(rows)])
            cache.reorder(parents)
            history = torch.cat([history[parents], chosen.unsqueeze(1)], dim=1)


def test_pads_after_the_end_leave_other_rows_alone(case: Case) -> None:
    """A finished row is fed pads while the others go on, as generation does."""
    with torch.no_grad():
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
        ids = case.batch["decoder_input_ids"].clone()
        ids[ids == case.pad] = (case.pad + 1) % case.theirs.config.vocab_size
        padded = ids.clone()
        padded[-1, 2:] = case.pad
        logits = []
        for row_ids in (ids, padded):
            cache = case.ours.new_cache(len(ids), ids.shape[1], encoded)
            steps = [case.ours.decode(row_ids[:, t : t + 1], encoded, cache) for t in range(ids.shape[1])]
            logits.append(torch.cat(steps, dim=1))
    assert difference(logits[1][:-1], logits[0][:-1]) <= LOGITS
    assert bool(logits[1].isfinite().all())


@torch.no_grad()
def test_a_full_cache_refuses_more(case: Case) -> None:
    encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
    ids = case.batch["decoder_input_ids"][:, :3]
    cache = case.ours.new_cache(len(ids), 3, encoded)
    case.ours.decode(ids, encoded, cache)
    with pytest.raises(ValueError, match="3 tokens"):
        case.ours.decode(ids[:, :1], encoded, cache)


def test_a_decoder_mask_and_a_cache(case: Case) -> None:
    """The mask covers all tokens so far, as it does in the published decoder."""
    ids = case.batch["decoder_input_ids"].clone()
    ids[ids == case.pad] = (case.pad + 1) % case.theirs.config.vocab_size
    mask = torch.ones_like(ids)
    mask[0, 1] = 0
    with torch.no_grad():
        whole: Any = case.ours(**{**case.batch, "decoder_input_ids": ids}, decoder_attention_mask=mask)
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
        cache = case.ours.new_cache(len(ids), ids.shape[1], encoded)
        steps = [
            case.ours.decode(ids[:, t : t + 1], encoded, cache, mask[:, : t + 1]) for t in range(ids.shape[1])
        ]
    assert difference(torch.cat(steps, dim=1), whole.logits) <= LOGITS


def test_the_oracle_has_every_kind_of_pad_id() -> None:
    pads = {oracle.random_config(seed).pad_token_id for seed in range(12)}
    assert {0, 1} < pads


@pytest.mark.parametrize("sizes", [[1], [3, 1], [6, 2]], ids=str)
def test_hidden_tokens_of_a_target_stay_hidden(case: Case, sizes: list[int]) -> None:
    ids = case.batch["decoder_input_ids"].clone()
    ids[ids == case.pad] = (case.pad + 1) % case.theirs.config.vocab_size  # pads move positions
    generator = torch.Generator().manual_seed(case.seed)
    keep = (torch.rand(ids.shape, generator=generator) < 0.6).long()
    keep[:, 0] = 1  # a token that may see nothing is another matter
    with torch.no_grad():
        given = {**case.batch, "decoder_input_ids": ids}
        whole = case.theirs(**given, decoder_attention_mask=keep).logits
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
        cache = case.ours.new_cache(len(ids), ids.shape[1], encoded)
        pieces: list[torch.Tensor] = []
        start = 0
        while start < ids.shape[1]:
            stop = start + sizes[min(len(pieces), len(sizes) - 1)]
            pieces.append(case.ours.decode(ids[:, start:stop], encoded, cache, keep[:, :stop]))
            start = stop
    assert difference(torch.cat(pieces, dim=1), whole) <= LOGITS


@pytest.mark.parametrize("beams", [2, 5])
def test_every_beam_hides_tokens_of_its_own(case: Case, beams: int) -> None:
    config, draw = case.theirs.config, random.Random(case.seed)
    rows, steps = len(case.batch["input_features"]) * beams, 8
    with torch.no_grad():
        encoded = case.ours.encode(case.batch["input_features"], case.batch["attention_mask"])
        cache = case.ours.new_cache(rows, steps, encoded, beams)
        inputs = {k: case.batch[k].repeat_interleave(beams, 0) for k in ("input_features", "attention_mask")}
        real = [i for i in range(config.vocab_size) if i != case.pad]
        history = torch.tensor([[draw.choice(real)] for _ in range(rows)])
        keep = torch.ones_like(history)
        for _ in range(steps):
            ours = case.ours.decode(history[:, -1:], encoded, cache, keep)
            theirs = case.theirs(**inputs, decoder_input_ids=history, decoder_attention_mask=keep).logits
            assert difference(ours, theirs[:, -1:]) <= LOGITS
            parents = torch.tensor([r // beams * beams + draw.randrange(beams) for r in range(rows)])
            cache.reorder(parents)
            chosen = torch.tensor([[draw.choice(real)] for _ in range(rows)])
            shown = torch.tensor([[int(draw.random() < 0.6)] for _ in range(rows)])
            history = torch.cat([history[parents], chosen], dim=1)
            keep = torch.cat([keep[parents], shown], dim=1)


def drawn_parents(draw: random.Random, batch: int, beams: int) -> torch.Tensor:
    """What the beams of each sentence continue: any, all the same one, or each another."""
    kinds = [
        [draw.randrange(beams) for _ in range(beams)],
        [draw.randrange(beams)] * beams,
        draw.sample(range(beams), beams),
    ]
    return torch.tensor([s * beams + parent for s in range(batch) for parent in draw.choice(kinds)])


@pytest.mark.parametrize("prompt", [1, 9])
@pytest.mark.parametrize("masked", [False, True], ids=["all", "some hidden"])
@torch.no_grad()
def test_long_hypotheses_equal_a_pass_over_each(long_case: Case, prompt: int, masked: bool) -> None:
    """What the steps gave on the way to every hypothesis, slots given up meanwhile, and a pass over it."""
    draw, beams = random.Random(long_case.seed), 4
    generator = torch.Generator().manual_seed(long_case.seed)
    batch = {name: long_case.batch[name] for name in ("input_features", "attention_mask")}
    repeated = {name: tensor.repeat_interleave(beams, 0) for name, tensor in batch.items()}
    encoded = long_case.ours.encode(**batch)
    cache = long_case.ours.new_cache(3 * beams, LENGTH, encoded, beams)
    real = torch.tensor([i for i in range(long_case.theirs.config.vocab_size) if i != long_case.pad])
    history = keep = torch.empty(3 * beams, 0, dtype=torch.int64)
    steps: list[torch.Tensor] = []
    new, given_up = prompt, 0
    while new:
        ids = real[torch.randint(len(real), (3 * beams, new), generator=generator)]
        shown = torch.rand(ids.shape, generator=generator) < 0.7
        shown[:, 0] |= not steps  # a token that may see nothing is another matter
        history, keep = torch.cat([history, ids], 1), torch.cat([keep, shown.long()], 1)
        steps.append(long_case.ours.decode(ids, encoded, cache, keep if masked else None))
        if len(steps) % 16 == 0 or history.shape[1] == LENGTH:
            mask = {"decoder_attention_mask": keep} if masked else {}
            theirs = long_case.theirs(**repeated, decoder_input_ids=history, **mask).logits
            assert difference(torch.cat(steps, 1), theirs) <= LOGITS
        parents, used = drawn_parents(draw, 3, beams), cache.used
        cache.reorder(parents)
        given_up += cache.used < used
        history, keep, steps = history[parents], keep[parents], [step[parents] for step in steps]
        new = min(LENGTH - history.shape[1], draw.choice([1, 1, 1, 4]))
    assert given_up
