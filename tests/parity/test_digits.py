"""The committed digits checkpoint: the compiled model hears in its recordings what transformers hears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor
from transformers import Speech2TextForConditionalGeneration, Speech2TextProcessor

import crossloom
from tests.parity.cases import LOGITS, LOSS, difference

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
CHECKPOINT = DIGITS / "checkpoint"
CATALOGUE = "digits"


@pytest.fixture(scope="module")
def utterances() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DIGITS / "audio" / "manifest.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def theirs() -> Speech2TextForConditionalGeneration:
    return Speech2TextForConditionalGeneration.from_pretrained(CHECKPOINT).eval()


@pytest.fixture(scope="module")
def inputs(utterances: list[dict[str, Any]]) -> dict[str, Tensor]:
    """All recordings as one padded batch, with the ids of their texts, made by the published processor."""
    processor = Speech2TextProcessor.from_pretrained(CHECKPOINT)
    samples = [soundfile.read(DIGITS / "audio" / row["audio"], dtype="float32")[0] for row in utterances]
    batch = processor(samples, sampling_rate=16000, return_tensors="pt", padding=True)
    texts = [torch.tensor(processor.tokenizer(row["text"]).input_ids) for row in utterances]
    labels = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=-100)
    return {
        "input_features": batch["input_features"],
        "attention_mask": batch["attention_mask"].long(),
        "labels": labels,
    }


def transcripts(model: Any, inputs: dict[str, Tensor]) -> list[str]:
    processor = crossloom.load_processor(CATALOGUE)
    features = {name: tensor for name, tensor in inputs.items() if name != "labels"}
    texts: list[str] = processor.batch_decode(crossloom.generate(model, **features), skip_special_tokens=True)
    return texts


def test_loss_and_logits(theirs: Speech2TextForConditionalGeneration, inputs: dict[str, Tensor]) -> None:
    model = crossloom.from_pretrained(CHECKPOINT)
    with torch.no_grad():
        ours, expected = model(**inputs), theirs(**inputs)
    assert difference(ours.logits, expected.logits) <= LOGITS
    assert abs(float(ours.loss - expected.loss)) <= LOSS * max(1.0, float(expected.loss))


@pytest.mark.parametrize("options", [{}, {"num_beams": 5}], ids=["greedy", "beams"])
def test_ids_are_the_published_ones(
    theirs: Speech2TextForConditionalGeneration, inputs: dict[str, Tensor], options: dict[str, Any]
) -> None:
    given = {name: tensor for name, tensor in inputs.items() if name != "labels"}
    with torch.no_grad():
        expected = theirs.generate(**given, **options)
    ours: Any = crossloom.generate(crossloom.load(CATALOGUE), **given, **options)
    assert torch.equal(ours, expected)


def test_trained_on_exported_and_read_again(
    theirs: Speech2TextForConditionalGeneration, inputs: dict[str, Tensor], tmp_path: Path
) -> None:
    model = crossloom.load(CATALOGUE).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    torch.manual_seed(0)
    for _ in range(2):
        optimizer.zero_grad()
        model(**inputs).loss.backward()
        optimizer.step()
    model.eval()
    crossloom.export(model, tmp_path)
    again = crossloom.from_pretrained(tmp_path)
    published = Speech2TextForConditionalGeneration.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        ours = model(**inputs).logits
        assert torch.equal(again(**inputs).logits, ours)
        assert difference(ours, published(**inputs).logits) <= LOGITS
        assert difference(ours, theirs(**inputs).logits) > 1e-3
    assert transcripts(again, inputs) == transcripts(model, inputs)
