"""The processor of every class: what it hears and what it reads, as the public one does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import SeamlessM4TFeatureExtractor, SeamlessM4TProcessor

import crossloom
from compiler.diagnostics.model import CrossloomError
from specs.families.seamless_m4t_v2.architectures import ARCHITECTURES
from tests.processing.subword_files import ours, published, write_vocabulary

CLASS = "SeamlessM4TTokenizer"
BINS = 12

Both = tuple[Any, SeamlessM4TProcessor]


def spec_of(architecture: str, vocabulary: int) -> str:
    """A small model of a class, whose texts have that many ids."""
    config = {
        "vocab_size": vocabulary,
        "feature_projection_input_dim": 2 * BINS,
        **{f"{part}_layers": 1 for part in ("encoder", "decoder", "speech_encoder", "t2u_encoder")},
        "t2u_decoder_layers": 1,
    }
    tokenizer = {"additional_special_tokens": ["__eng__", "__fra__", "__deu__", "__cmn_Hant__"]}
    data: dict[str, Any] = {
        "crossloom": 1,
        "name": "small",
        "model": {"family": "seamless_m4t_v2", "architecture": architecture, "config": config},
        "tokenizer": tokenizer,
    }
    if "speech_encoder" in ARCHITECTURES[architecture]:
        data["processor"] = {"feature_size": BINS, "num_mel_bins": BINS}
    return json.dumps(data)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a tokenizer, as a checkpoint has them."""
    return write_vocabulary(tmp_path_factory.mktemp("tokenizer"), CLASS)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    named: str = request.param
    return named


@pytest.fixture(scope="module")
def both(architecture: str, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Ours of a class, and the public one."""
    vocabulary = len(ours(files, CLASS).ids) + 3
    file = tmp_path_factory.mktemp("spec") / "small.yaml"
    file.write_text(spec_of(architecture, vocabulary))
    extractor = SeamlessM4TFeatureExtractor(feature_size=BINS, num_mel_bins=BINS)
    theirs = SeamlessM4TProcessor(extractor, published(files, CLASS))
    return crossloom.load_processor(crossloom.load_spec(file), files), theirs


def noise(samples: int) -> Any:
    return (0.1 * np.random.default_rng(samples).standard_normal(samples)).astype(np.float32)


def codes(raised: pytest.ExceptionInfo[CrossloomError]) -> list[str]:
    return [one.code for one in raised.value.diagnostics]


def test_audio_is_heard_by_a_class_that_has_an_encoder_of_it(architecture: str, both: Both) -> None:
    mine, theirs = both
    waveforms = [noise(16000), noise(9160)]
    if "speech_encoder" not in ARCHITECTURES[architecture]:
        with pytest.raises(CrossloomError) as raised:
            mine(audio=waveforms, sampling_rate=16000)
        assert codes(raised) == ["XL105"]
        return
    made = mine(audio=waveforms, sampling_rate=16000)
    expected = theirs(audio=waveforms, sampling_rate=16000, return_tensors="pt")
    assert made.keys() == expected.keys()
    assert made["input_features"].allclose(expected["input_features"].float(), rtol=0, atol=1e-5)
    assert made["attention_mask"].equal(expected["attention_mask"].long())
    with pytest.raises(CrossloomError) as raised:
        mine(audio=[noise(16000), noise(559)], sampling_rate=16000)
    assert codes(raised) == ["XL412"]
    assert mine(audio=noise(560), sampling_rate=16000)["attention_mask"].tolist() == [[1]]


def test_texts_are_read_by_a_class_that_has_an_encoder_of_them(architecture: str, both: Both) -> None:
    mine, theirs = both
    texts = ["hello world", "the quick brown fox"]
    if "text_encoder" not in ARCHITECTURES[architecture]:
        with pytest.raises(CrossloomError) as raised:
            mine(text=texts, src_lang="fra")
        assert codes(raised) == ["XL112"]
        return
    made = mine(text=texts, src_lang="fra")
    expected = theirs(text=texts, src_lang="fra", padding=True, return_tensors="pt")
    assert made.keys() == expected.keys()
    assert all(made[name].equal(expected[name]) for name in made)


def test_texts_are_written_by_every_class(both: Both) -> None:
    mine, theirs = both
    texts = ["hello world", "the quick brown fox"]
    expected = theirs.tokenizer(text_target=texts, tgt_lang="deu", padding=True, return_tensors="pt")
    ids = expected["input_ids"]
    labels = ids.masked_fill(expected["attention_mask"] == 0, -100)
    assert mine(text_target=texts, tgt_lang="deu")["labels"].equal(labels)
    assert mine.batch_decode(ids) == theirs.batch_decode(ids, skip_special_tokens=True)


def test_a_front_end_that_nothing_hears_is_refused(tmp_path: Path) -> None:
    data = json.loads(spec_of("SeamlessM4Tv2ForTextToText", 160)) | {"processor": {"padding_value": 1.0}}
    (tmp_path / "small.yaml").write_text(json.dumps(data))
    assert [one.code for one in crossloom.check(tmp_path / "small.yaml")] == ["XL114"]


def test_a_folder_that_was_saved_is_read(both: Both, tmp_path: Path) -> None:
    """Ours writes what the public processor is made of, where it has all of it."""
    mine, theirs = both
    mine.save(tmp_path)
    if mine.front_end is not None:
        again = SeamlessM4TFeatureExtractor.from_pretrained(tmp_path)
        assert again.to_dict() == theirs.feature_extractor.to_dict()
    assert ours(tmp_path, CLASS).ids == theirs.tokenizer.get_vocab()
