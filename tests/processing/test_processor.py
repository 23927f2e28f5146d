"""The processor's calls: tensors as the published processor makes them, mistakes told at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Speech2TextFeatureExtractor, Speech2TextProcessor

from compiler.diagnostics.model import CrossloomError
from runtime.audio import AudioLimits
from runtime.processing import Processor
from runtime.tokenizers import load_tokenizer
from specs.families.speech_to_text import front_end, tokenizer
from specs.families.speech_to_text.front_end import FRONT_END
from specs.families.speech_to_text.tokenizer import TOKENIZER

TEXTS = ["hello world, this is a test", "", "zero <lang:de> one </s> zwölf"]
NOISE = [
    (np.random.default_rng(length).standard_normal(length) * 0.1).astype(np.float32)
    for length in (9000, 700, 16001)
]
LANGUAGES: dict[str, Any] = {"lang_codes": "mustc", "tgt_lang": "de"}


def made(
    folder: Path, hears: dict[str, Any], writes: dict[str, Any], limits: AudioLimits | None = None
) -> Processor:
    """The processor of two sections, with a tokenizer's files."""
    heard, written = front_end.Processor(**hears), tokenizer.Tokenizer(**writes)
    kind = TOKENIZER.kind(written)
    texts = load_tokenizer(kind, kind.readings[0], folder.joinpath)
    files = {**FRONT_END.written(heard), **TOKENIZER.written(written)}
    return Processor(FRONT_END.kind(heard), texts, limits, files)


@pytest.fixture(scope="session")
def make(folders: dict[str, Path]) -> Callable[..., Processor]:
    def processor(limits: AudioLimits | None = None, **fields: Any) -> Processor:
        return made(folders["several"], {}, fields, limits)

    return processor


Make = Callable[..., Processor]


def codes(raised: pytest.ExceptionInfo[CrossloomError]) -> list[str]:
    assert all(found.help for found in raised.value.diagnostics)
    return [found.code for found in raised.value.diagnostics]


def test_a_padded_batch_is_the_published_one(make: Make, folders: dict[str, Path], tmp_path: Path) -> None:
    ours = make(**LANGUAGES)
    ours.save(tmp_path)
    published = Speech2TextProcessor.from_pretrained(tmp_path)
    inputs = ours(audio=NOISE, sampling_rate=16000, text_target=TEXTS)
    expected = published(NOISE, sampling_rate=16000, padding=True, return_tensors="pt")
    assert sorted(inputs) == ["attention_mask", "input_features", "labels"]
    assert torch.equal(inputs["attention_mask"], expected["attention_mask"].long())
    torch.testing.assert_close(inputs["input_features"], expected["input_features"], rtol=0, atol=1e-4)
    labels = [row[row != -100].tolist() for row in inputs["labels"]]
    assert labels == published.tokenizer(TEXTS)["input_ids"]
    read = [text for text in TEXTS if text]  # an empty one is written, and not read
    tokens = ours(text=read)
    expected = published.tokenizer(read, padding=True, return_tensors="pt")
    assert torch.equal(tokens["input_ids"], expected["input_ids"])
    assert torch.equal(tokens["attention_mask"], expected["attention_mask"])
    assert ours.batch_decode(tokens["input_ids"]) == published.batch_decode(
        expected["input_ids"], skip_special_tokens=True
    )


@pytest.mark.parametrize(
    ("hears", "writes"),
    [
        ({}, {}),
        ({"num_mel_bins": 40, "feature_size": 40, "normalize_vars": False, "padding_value": 1.5}, LANGUAGES),
        ({"do_ceptral_normalize": False, "sampling_rate": 8000}, {"do_upper_case": True}),
        ({}, {"additional_special_tokens": ["<noise>"], "clean_up_tokenization_spaces": True}),
    ],
)
def test_files_go_to_the_published_classes_and_back(
    folders: dict[str, Path], tmp_path: Path, hears: dict[str, Any], writes: dict[str, Any]
) -> None:
    made(folders["several"], hears, writes).save(tmp_path / "ours")
    published = Speech2TextProcessor.from_pretrained(tmp_path / "ours")
    for name, value in hears.items():
        assert getattr(published.feature_extractor, name) == value
    published.save_pretrained(tmp_path / "published")
    paths = [tmp_path / "published" / name for name in (*FRONT_END.files, *TOKENIZER.files)]
    texts = {path.name: path.read_bytes() for path in paths if path.exists()}
    heard, written = FRONT_END.read("processor", texts), TOKENIZER.read("tokenizer", texts)
    assert heard is not None
    assert written is not None
    assert heard.problems == written.problems == []
    assert heard.fields == hears
    language = {"tgt_lang": "pt"} if writes.keys() == {"lang_codes"} else {}
    assert written.fields == {**writes, **language, "vocab_size": len(published.tokenizer)}


@pytest.mark.parametrize(
    "audio",
    [NOISE[0], NOISE[0].astype(np.float64), torch.tensor(NOISE[0]), NOISE[0].tolist(), [NOISE[0]]],
    ids=["array", "float64", "tensor", "list", "batch"],
)
def test_samples_come_in_any_form(make: Make, audio: Any) -> None:
    features = make()(audio=audio, sampling_rate=16000)["input_features"]
    expected = Speech2TextFeatureExtractor()(NOISE[0], sampling_rate=16000, return_tensors="pt")
    torch.testing.assert_close(features, expected["input_features"], rtol=0, atol=1e-4)


def test_half_precision_and_gradients_are_taken_as_samples(make: Make) -> None:
    waveform = torch.tensor(NOISE[0]).to(torch.bfloat16).requires_grad_()
    features = make()(audio=waveform, sampling_rate=16000)["input_features"]
    assert features.dtype == torch.float32
    assert not features.requires_grad


@pytest.mark.parametrize(
    ("expected", "arguments"),
    [
        ("XL105", {}),
        ("XL415", {"audio": NOISE[0]}),
        ("XL415", {"audio": NOISE[0], "sampling_rate": 8000}),
        ("XL410", {"audio": np.stack([NOISE[0], NOISE[0]]), "sampling_rate": 16000}),
        ("XL410", {"audio": [NOISE[0][:, None]], "sampling_rate": 16000}),
        ("XL411", {"audio": np.zeros(0, np.float32), "sampling_rate": 16000}),
        ("XL411", {"audio": [], "sampling_rate": 16000}),
        ("XL411", {"audio": [NOISE[0], []], "sampling_rate": 16000}),
        ("XL412", {"audio": NOISE[0][:399], "sampling_rate": 16000}),
        ("XL412", {"audio": [NOISE[0], NOISE[0][:399]], "sampling_rate": 16000}),
        ("XL413", {"audio": np.zeros(20001, np.float32), "sampling_rate": 16000}),
        ("XL414", {"audio": np.array([np.nan] * 500), "sampling_rate": 16000}),
        ("XL414", {"audio": np.zeros(500, np.int16), "sampling_rate": 16000}),
        ("XL414", {"audio": "speech.wav", "sampling_rate": 16000}),
        ("XL414", {"audio": ["speech.wav"], "sampling_rate": 16000}),
        ("XL112", {"audio": NOISE[0], "sampling_rate": 16000, "text": "hello"}),
        ("XL112", {"text": "hello", "src_lang": "en"}),
        ("XL112", {"audio": NOISE[0], "sampling_rate": 16000, "src_lang": "en"}),
        ("XL112", {"text_target": "hello", "tgt_lang": "en"}),
        ("XL104", {"audio": NOISE, "sampling_rate": 16000, "text_target": ["hello"]}),
    ],
)
def test_mistakes_are_told(make: Make, expected: str, arguments: dict[str, Any]) -> None:
    processor = make(AudioLimits(maximum_samples=20000), **LANGUAGES)
    with pytest.raises(CrossloomError) as raised:
        processor(**arguments)
    assert codes(raised) == [expected]


def test_a_source_language_without_a_source(make: Make) -> None:
    """Not the tokenizer's fault, which may well mark one."""
    with pytest.raises(CrossloomError, match="no text to read is given"):
        make(AudioLimits(), **LANGUAGES)(audio=NOISE[0], sampling_rate=16000, src_lang="en")


def test_what_a_model_lacks_is_told() -> None:
    with pytest.raises(CrossloomError) as raised:
        Processor()(audio=NOISE[0], sampling_rate=16000)
    assert codes(raised) == ["XL105"]
    with pytest.raises(CrossloomError) as raised:
        Processor().decode([1])
    assert codes(raised) == ["XL105"]


def test_long_audio_follows_the_policy(make: Make) -> None:
    long = np.random.default_rng(0).standard_normal(50000).astype(np.float32) * 0.1
    chunking = make(AudioLimits(maximum_samples=20000, long_input="chunk"))
    parts = chunking.split(long)
    assert torch.equal(torch.cat(parts), torch.tensor(long))
    assert len(parts) > 1
    assert chunking(audio=parts, sampling_rate=16000)["input_features"].shape[0] == len(parts)
    with pytest.raises(CrossloomError) as raised:
        chunking(audio=long, sampling_rate=16000)
    assert codes(raised) == ["XL413"]
    growing = make(AudioLimits(maximum_samples=20000, long_input="grow"))
    assert len(growing.split(long)) == 1
    assert growing(audio=long, sampling_rate=16000)["attention_mask"].sum() == 1 + (50000 - 400) // 160


def test_the_language_of_a_call_comes_first(make: Make) -> None:
    processor = make(**LANGUAGES)
    default = processor(text_target="hello")["labels"]
    french = processor(text_target="hello", tgt_lang="fr")["labels"]
    assert default[0, 0] == processor.tokenizer.language_id("de")
    assert french[0, 0] == processor.tokenizer.language_id("fr")
    assert torch.equal(default[0, 1:], french[0, 1:])
    assert processor.encode("hello") == default[0].tolist()
