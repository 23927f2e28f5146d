"""The oracle says something: its texts, units, durations and waveforms differ, from row to row and in one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.oracle import NO_WIDTHS_COINCIDE
from tests.seamless.conftest import Published
from tests.seamless.oracle import DEDICATED, decoder_ids, speech_batch, text_batch
from tests.seamless.settings import SEEDS, random_config

_WIDTHS = ("_dim", "_size", "_channel", "num_langs", "num_spkrs")
_NO_WIDTHS = {"speech_encoder_chunk_size", "t2u_variance_predictor_embed_dim"}
"""A number of positions, and another name of the hidden size."""


def test_no_two_widths_coincide() -> None:
    config = random_config(NO_WIDTHS_COINCIDE).to_dict()
    widths = [
        value
        for name, value in config.items()
        if name.endswith(_WIDTHS) and "kernel" not in name and name not in _NO_WIDTHS
    ]
    assert len(widths) == len(set(widths)) > 15


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("batch", [text_batch, speech_batch])
def test_the_published_model_speaks(published: Published, beams: int, batch: Any) -> None:
    texts = units = 0
    for seed in SEEDS:
        model = published(seed)
        made = _spoken(model, batch(model.config, seed), beams)
        texts += len(torch.unique(made.sequences, dim=0))
        units += torch.unique(made.unit_sequences).numel()
        assert 0.05 < float(made.waveform.std()) < 0.95, "a waveform that is neither silent nor clipped"
        assert made.waveform_lengths.shape == (3,)
    assert texts > 2 * len(SEEDS), "most rows say different things"
    assert units > 6 * len(SEEDS), "units differ"


def test_texts_of_a_batch_end_at_different_places(published: Published) -> None:
    ends = 0
    for seed in SEEDS:
        model = published(seed)
        made = _spoken(model, text_batch(model.config, seed), beams=3)
        ends += int(((made.sequences == model.config.eos_token_id).sum(1) == 1).sum())
    assert ends >= 3


def test_most_durations_are_a_few_units(published: Published) -> None:
    durations: list[Tensor] = []
    for seed in SEEDS:
        model = published(seed)
        hooks = [
            predictor.register_forward_hook(
                lambda _, __, logarithm: durations.append(logarithm.expm1().round().clamp(min=1).flatten())
            )
            for predictor in (model.t2u_model.model.decoder.duration_predictor, model.vocoder.dur_predictor)
        ]
        _spoken(model, text_batch(model.config, seed), beams=1)
        for hook in hooks:
            hook.remove()
    counts = torch.cat(durations).long().bincount()
    assert (counts[1:6] > counts.sum() // 50).all(), "1 to 5 are all common"
    assert counts[7:].sum() < counts.sum() // 3


@pytest.mark.parametrize("architecture", DEDICATED)
def test_a_dedicated_class_computes_as_the_multi_task_one(published: Published, architecture: str) -> None:
    whole, alone = published(1), published(1, architecture)
    batch = text_batch if "ForText" in architecture else speech_batch
    given = {**batch(whole.config, 1), "decoder_input_ids": decoder_ids(whole.config, 1)}
    with torch.no_grad():
        assert torch.equal(whole(**given).logits, alone(**given).logits)


def _spoken(model: Any, given: dict[str, Tensor], beams: int) -> Any:
    return model.generate(
        **given,
        tgt_lang="fra",
        speaker_id=2,
        num_beams=beams,
        do_sample=False,
        return_intermediate_token_ids=True,
    )
