"""Recorded encoders: filled up where nothing real sees it, refused as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import crossloom
from tests.accelerator.models import Twins, on_device, pair, twins
from tests.accelerator.pretended import Device
from tests.parity.cases import difference
from tests.seamless.conftest import folders  # noqa: F401  # a fixture
from tests.seamless.oracle import speech_batch, text_batch
from tests.seamless.settings import random_config


def encoded(both: Twins, inputs: dict[str, Tensor]) -> tuple[Any, Any]:
    with torch.no_grad():
        return both.eager.encode(**inputs), both.recorded.encode(**on_device(inputs))


def assert_same(both: Twins, inputs: dict[str, Tensor]) -> None:
    expected, found = encoded(both, inputs)
    keep = torch.ones(expected.hidden.shape[:2]) if expected.mask is None else expected.mask
    hidden = found.hidden.cpu()
    assert difference(hidden * keep[..., None], expected.hidden * keep[..., None]) <= 1e-6
    assert (found.mask is None) == (expected.mask is None)
    if expected.mask is not None:
        assert found.mask.cpu().tolist() == expected.mask.tolist()


@pytest.mark.parametrize("masked", [True, False])
def test_texts_of_a_bucket_share_a_recording(device: Device, masked: bool) -> None:
    both = pair("bart", "bart")
    for length in (3, 7, 12, 20):  # of 20 positions
        ids = torch.randint(4, 23, (2, length), generator=torch.Generator().manual_seed(length))
        mask = torch.ones_like(ids)
        mask[1, -2:] = 0
        assert_same(both, {"input_ids": ids, **({"attention_mask": mask} if masked else {})})
    assert both.recordings.made == 1


def test_inputs_whose_padding_is_seen_keep_their_size(device: Device) -> None:
    both = pair("wav2vec2", "gpt2")
    for samples in (60, 61, 60, 60, 61):
        wave = torch.randn(2, samples, generator=torch.Generator().manual_seed(samples))
        assert_same(both, {"input_values": wave})
    assert both.recordings.made == 2
    assert both.recorder.replays == 3


def test_images_are_recorded_for_each_batch(device: Device) -> None:
    both = pair("vit", "distilbert")
    for rows in (1, 2, 1):
        assert_same(both, {"pixel_values": torch.randn(rows, 3, 8, 8)})
    assert both.recordings.made == 2


@pytest.mark.parametrize(
    "inputs",
    [
        {"input_ids": torch.ones(2, 21, dtype=torch.int64)},  # more than the positions
        {
            "input_ids": torch.ones(2, 7, dtype=torch.int64),
            "attention_mask": torch.ones(2, 9, dtype=torch.int64),
        },
        {"input_ids": torch.ones(2, 7, 1, dtype=torch.int64)},
    ],
    ids=["long", "sizes", "rank"],
)
def test_what_does_not_fit_is_refused_as_eagerly(device: Device, inputs: dict[str, Tensor]) -> None:
    both = pair("bart", "bart")
    with pytest.raises(ValueError, match=r".") as eager:
        both.eager.encode(**inputs)
    with pytest.raises(ValueError, match=r".") as recorded:
        both.recorded.encode(**on_device(inputs))
    assert str(recorded.value) == str(eager.value)
    assert both.recordings.made == 0


def test_results_are_not_overwritten(device: Device) -> None:
    both = pair("bart", "bart")
    first, second = (torch.randint(4, 23, (2, 7), generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    with torch.no_grad():
        kept = both.recorded.encode(input_ids=first.to("cuda")).hidden
        both.recorded.encode(input_ids=second.to("cuda"))
        assert difference(kept.cpu(), both.eager.encode(input_ids=first).hidden) <= 1e-6


@pytest.mark.parametrize("seed", [0, 3])
def test_speech_of_recorded_methods(device: Device, folders: Callable[..., Path], seed: int) -> None:  # noqa: F811
    folder, config = folders(seed), random_config(seed)
    eager = crossloom.load(crossloom.import_spec(folder), folder)
    both = twins(eager, crossloom.lower(eager.spec), {})
    language = next(iter(eager.tables["vocoder_lang_code_to_id"]))
    for batch in (speech_batch(config, 0), text_batch(config, 1)):
        expected = crossloom.translate(eager, **batch, tgt_lang=language)
        for _ in range(3):
            found = crossloom.translate(both.recorded, **on_device(batch), tgt_lang=language)
            assert found.sequences is not None
            assert expected.sequences is not None
            assert found.sequences.cpu().tolist() == expected.sequences.tolist()
            assert found.unit_sequences is not None
            assert expected.unit_sequences is not None
            assert found.unit_sequences.cpu().tolist() == expected.unit_sequences.tolist()
            assert found.waveform is not None
            assert expected.waveform is not None
            assert difference(found.waveform.cpu(), expected.waveform) <= 1e-6
    made = both.recordings.made
    crossloom.translate(both.recorded, **on_device(speech_batch(config, 0)), tgt_lang=language)
    assert both.recordings.made == made
