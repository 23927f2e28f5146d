"""wav2vec 2.0 beside Speech2Text2 from recordings to texts: tokenizer files, running, training, a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrOCRConfig

import crossloom
from tests.oracle import spread
from tests.pairs.folders import WIDTH, speech_encoder
from tests.pairs.golden import DATA
from tests.pairs.speech2text2 import Speech2Text2ForCausalLM

AUDIO = Path(__file__).parents[2] / "examples" / "digits" / "audio"
ROWS = [("nine.wav", "hello world"), ("two_seven_one_eight.wav", "the world and hello")]


def written(folder: Path, **changes: Any) -> Path:
    """A tiny decoder beside the tokenizer's files."""
    fields = {
        "vocab_size": 42,
        "d_model": WIDTH,
        "decoder_layers": 1,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 32,
        "max_position_embeddings": 40,
        "use_learned_position_embeddings": False,
        "layernorm_embedding": False,
        "is_decoder": True,
        "add_cross_attention": True,
    }
    torch.manual_seed(1)
    spread(Speech2Text2ForCausalLM(TrOCRConfig(**{**fields, **changes}))).save_pretrained(folder)
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(DATA / "tokenizer" / name, folder)
    return folder


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spec of both halves."""
    root = tmp_path_factory.mktemp("spoken")
    encoder = crossloom.import_spec(speech_encoder(root / "encoder"), role="encoder").data
    decoder = crossloom.import_spec(written(root / "decoder"), role="decoder").data
    data = {**encoder, **decoder, "name": "spoken", "generation": {"max_new_tokens": 8}}
    (root / "spoken.yaml").write_text(json.dumps(data))
    return root / "spoken.yaml"


def test_the_tokenizer_is_imported(spec: Path) -> None:
    assert crossloom.load_spec(spec).data["tokenizer"] == {"do_lower_case": True}
    processor = crossloom.load_processor(spec)
    labels = processor(text_target=["Hello WORLD", "and the world"])["labels"]
    # It ends no text by itself, and a decoder that never sees an end never learns to write one.
    assert labels.tolist() == [[4, 5, 2, -100], [6, 7, 5, 2]]
    assert processor.batch_decode(labels[1:]) == ["and the world"]


def test_recordings_become_texts(spec: Path) -> None:
    model, processor = crossloom.load(spec), crossloom.load_processor(spec)
    rate = processor.sampling_rate
    waveform = crossloom.read_audio(AUDIO / "nine.wav", rate)
    ids = crossloom.generate(model, **processor(audio=waveform, sampling_rate=rate))
    assert isinstance(ids, torch.Tensor)
    assert crossloom.transcribe(model, AUDIO / "nine.wav") == processor.batch_decode(ids)[0]


def test_training_lowers_the_loss_and_leaves_positions_alone(spec: Path, tmp_path: Path) -> None:
    rows = [json.dumps({"audio": str(AUDIO / name), "text": text}) for name, text in ROWS]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows) + "\n")
    model = crossloom.load(spec)
    before = model.get_parameter("decoder.positions.table").detach().clone()
    options: dict[str, Any] = {"batch_size": 2, "learning_rate": 3e-3, "progress": False}
    first = crossloom.train(crossloom.load(spec), tmp_path / "rows.jsonl", max_steps=1, **options)
    last = crossloom.train(model, tmp_path / "rows.jsonl", output=tmp_path / "out", max_steps=8, **options)
    assert last.loss < first.loss
    again = crossloom.load(tmp_path / "out" / "spec.yaml")
    state = model.state_dict()
    assert torch.equal(state["decoder.positions.table"], before)
    assert all(torch.equal(tensor, state[name]) for name, tensor in again.state_dict().items())
    merges = [folder / "merges.txt" for folder in (spec.parent / "decoder", tmp_path / "out")]
    assert merges[0].read_bytes() == merges[1].read_bytes()
    assert crossloom.load_processor(tmp_path / "out" / "spec.yaml").encode("the hen") == [7, 8, 38]


def test_a_vocabulary_of_another_size_is_told(spec: Path, tmp_path: Path) -> None:
    written(tmp_path, vocab_size=60)
    with pytest.raises(crossloom.CrossloomError, match="XL403"):
        crossloom.load(crossloom.import_spec(tmp_path, role="decoder"))
