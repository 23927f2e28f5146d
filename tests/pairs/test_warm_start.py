"""A warm start on the spoken digits: two checkpoints of other tasks, joined, beat random weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import GPT2Config, GPT2LMHeadModel, Wav2Vec2Config, Wav2Vec2ForCTC

import crossloom
from runtime.training.checkpoint import checkpoint_folders
from tests.processing.subword_files import ours, write_vocabulary

AUDIO = Path(__file__).parents[2] / "examples" / "digits" / "audio"
MANIFEST = AUDIO / "manifest.jsonl"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STEPS = 50
OPTIONS: dict[str, Any] = {"max_steps": STEPS, "batch_size": 4, "learning_rate": 1e-3, "progress": False}


def recordings() -> Iterator[tuple[torch.Tensor, str]]:
    for line in MANIFEST.read_text().splitlines():
        row = json.loads(line)
        samples = torch.as_tensor(crossloom.read_audio(AUDIO / row["audio"], 16_000))
        yield (samples - samples.mean()) / samples.std(), row["text"]


def trained_encoder(folder: Path) -> None:
    """A tiny wav2vec 2.0 that was taught to spell the digits, with the head of that task."""
    torch.manual_seed(0)
    letters = sorted({letter for digit in DIGITS for letter in digit} | {" "})
    config = Wav2Vec2Config(
        vocab_size=len(letters) + 1,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=[24] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        apply_spec_augment=False,
        layerdrop=0.0,
        ctc_loss_reduction="mean",
    )
    model = Wav2Vec2ForCTC(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    spoken = [(wave, [letters.index(one) + 1 for one in text]) for wave, text in recordings()]
    for step in range(24):
        waveform, labels = spoken[step % len(spoken)]
        loss = model(waveform.unsqueeze(0), labels=torch.tensor([labels])).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))


def trained_decoder(folder: Path) -> None:
    """A tiny GPT-2 that was taught to count at random."""
    write_vocabulary(folder, "GPT2Tokenizer")
    tokenizer = ours(folder, "GPT2Tokenizer")
    end = tokenizer.ids["<|endoftext|>"]
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer.ids),
        n_embd=32,
        n_layer=1,
        n_head=2,
        n_positions=48,
        bos_token_id=end,
        eos_token_id=end,
    )
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(80):
        rows = []
        for _ in range(8):
            drawn = torch.randint(10, (4,), generator=generator).tolist()
            rows.append([end, *tokenizer.encode(" ".join(DIGITS[one] for one in drawn)), end])
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[end] * (longest - len(row))] for row in rows])
        labels = torch.tensor([[*row, *[-100] * (longest - len(row))] for row in rows])
        loss = model(ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pair of the two checkpoints, as a person would write it."""
    root = tmp_path_factory.mktemp("warm")
    trained_encoder(root / "encoder")
    trained_decoder(root / "decoder")
    halves = {role: crossloom.import_spec(root / role, role=role).data for role in ("encoder", "decoder")}
    end = halves["decoder"]["decoder"]["config"]["eos_token_id"]
    data = {
        "crossloom": 1,
        "name": "warm",
        "encoder": halves["encoder"]["encoder"],
        "decoder": halves["decoder"]["decoder"],
        "tokens": {"decoder_start": end, "pad": end},
        "fresh": ["decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*"],
        "ignore": {"encoder": ["lm_head.*"]},
    }
    (root / "warm.yaml").write_text(yaml.safe_dump(data))
    return root / "warm.yaml"


def loss_of(model: Any, spec: Path) -> float:
    """The mean loss over the recordings, nothing dropped out."""
    processor = crossloom.load_processor(spec)
    waveforms, texts = zip(*recordings(), strict=True)
    inputs = processor(audio=list(waveforms), sampling_rate=16_000, text_target=list(texts))
    with torch.no_grad():
        return float(model.eval()(**inputs).loss)


def test_a_warm_start_ends_below_random_weights(spec: Path) -> None:
    warm = crossloom.load(spec)
    before = loss_of(warm, spec)
    crossloom.train(warm, MANIFEST, **OPTIONS)
    after = loss_of(warm, spec)
    assert after < before
    for seed in range(2):
        fresh = crossloom.build(spec, seed=seed)
        crossloom.train(fresh, MANIFEST, **OPTIONS)
        assert after < 0.9 * loss_of(fresh, spec)


def test_a_resumed_warm_start_ends_bit_equal(spec: Path, tmp_path: Path) -> None:
    options = {**OPTIONS, "max_steps": 6, "checkpoint_steps": 3}
    whole = crossloom.load(spec)
    crossloom.train(whole, MANIFEST, output=tmp_path / "out", **options)
    shutil.rmtree(checkpoint_folders(tmp_path / "out" / "checkpoints")[-1])  # as if it had been stopped
    resumed = crossloom.load(spec)
    crossloom.train(resumed, MANIFEST, output=tmp_path / "out", resume=True, **options)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name
    again = crossloom.load(tmp_path / "out" / "spec.yaml")
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in whole.state_dict().items())
    assert isinstance(crossloom.transcribe(again, AUDIO / "nine.wav", max_new_tokens=8), str)
