"""A vocabulary that is not the checkpoint's: rows taken from it, the others fresh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertLMHeadModel,
    GPT2Config,
    GPT2LMHeadModel,
)

import crossloom
from tests.processing.subword_files import ours, write_vocabulary

STORED = 40
IDS = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "decoder_start_token_id": 0}
TRAINED = 3.0
"""What every stored value of a vocabulary is moved by: no fresh one is near."""


def saved(family: str, folder: Path) -> Path:
    """A tiny checkpoint whose vocabulary has STORED ids."""
    role = {"is_decoder": True, "add_cross_attention": True, **IDS}
    models: dict[str, Any] = {
        "gpt2": lambda: GPT2LMHeadModel(
            GPT2Config(vocab_size=STORED, n_embd=8, n_layer=1, n_head=2, n_positions=9, **role)
        ),
        "bert": lambda: BertLMHeadModel(
            BertConfig(
                vocab_size=STORED,
                hidden_size=8,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=6,
                tie_word_embeddings=False,
                **role,
            )
        ),
        "bart": lambda: BartForConditionalGeneration(
            BartConfig(
                vocab_size=STORED,
                d_model=8,
                encoder_layers=1,
                decoder_layers=1,
                encoder_attention_heads=2,
                decoder_attention_heads=2,
                encoder_ffn_dim=6,
                decoder_ffn_dim=6,
                forced_eos_token_id=None,
                **IDS,
            )
        ),
    }
    torch.manual_seed(0)
    model = models[family]()
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if STORED in tensor.shape and tensor.is_floating_point():
                tensor.add_(TRAINED)
    model.save_pretrained(folder)
    return folder


def grown(folder: Path, size: int, rows: dict[str, Any], family: str, **more: Any) -> Path:
    """The spec of a checkpoint with another vocabulary."""
    role = None if family == "bart" else "decoder"
    data = dict(crossloom.import_spec(folder, role=role).data)  # type: ignore[arg-type]
    part = data[role or "model"]
    part["config"]["vocab_size"] = size
    part["rows"] = rows
    path = folder / "grown.yaml"
    path.write_text(yaml.safe_dump({**data, **more}, sort_keys=False))
    return path


PARAMETERS = {
    "gpt2": {"decoder.embed.weight": "transformer.wte.weight"},
    "bert": {
        "decoder.embed.weight": "bert.embeddings.word_embeddings.weight",
        "head.output.weight": "cls.predictions.decoder.weight",
        "head.output.bias": "cls.predictions.bias",
    },
    "bart": {"decoder.embed.tokens.weight": "model.shared.weight", "head_bias.bias": "final_logits_bias"},
}
"""Family -> address of a parameter with a row for every id: its stored name."""


@pytest.mark.parametrize("family", PARAMETERS)
@pytest.mark.parametrize(
    ("size", "rows"),
    [
        (STORED + 3, {"stored": STORED}),
        (STORED - 7, {"stored": STORED}),
        (6, {"stored": STORED, "take": [0, 1, 2, None, 39, 5]}),
    ],
    ids=["larger", "smaller", "another"],
)
def test_rows_are_taken_and_the_others_fresh(
    tmp_path: Path, family: str, size: int, rows: dict[str, Any]
) -> None:
    spec = grown(saved(family, tmp_path), size, rows, family)
    assert [one for one in crossloom.verify(spec) if one.severity.value == "error"] == []
    model = crossloom.load(spec)
    stored = load_file(tmp_path / "model.safetensors")
    take = rows.get("take") or [index if index < STORED else None for index in range(size)]
    state = model.state_dict()
    for address, name in PARAMETERS[family].items():
        if name not in stored:
            continue
        ours_, theirs = state[address], stored[name]
        axis = theirs.shape.index(STORED)
        for index, row in enumerate(take):
            mine = ours_.select(axis, index)
            if row is None:
                assert float(mine.abs().max()) < 1.0
            else:
                assert torch.equal(mine, theirs.select(axis, row))
    assert model.vocabulary == size
    assert set(PARAMETERS[family]) <= set(state)


def test_what_has_no_row_for_an_id_is_loaded_as_it_is(tmp_path: Path) -> None:
    folder = saved("gpt2", tmp_path)
    plain = crossloom.load(crossloom.import_spec(folder, role="decoder"))
    larger = crossloom.load(grown(folder, STORED + 3, {"stored": STORED}, "gpt2"))
    state = larger.state_dict()
    for name, tensor in plain.state_dict().items():
        if STORED not in tensor.shape:
            assert torch.equal(state[name], tensor), name


def test_a_grown_model_is_saved_without_its_rows(tmp_path: Path) -> None:
    spec = grown(saved("gpt2", tmp_path / "old"), STORED + 3, {"stored": STORED}, "gpt2")
    model = crossloom.load(spec)
    crossloom.export(model, tmp_path / "out", format="crossloom")
    again = crossloom.load(tmp_path / "out" / "spec.yaml")
    assert "rows" not in (tmp_path / "out" / "spec.yaml").read_text()
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in model.state_dict().items())


def test_a_number_of_rows_that_is_not_the_checkpoints(tmp_path: Path) -> None:
    spec = grown(saved("gpt2", tmp_path), STORED + 3, {"stored": STORED - 1}, "gpt2")
    found = [one for one in crossloom.verify(spec) if one.severity.value == "error"]
    assert [one.code for one in found] == ["XL505"]
    assert f"{STORED}" in found[0].message
    assert "stored:" in spec.read_text().splitlines()[found[0].spans[0].line - 1]


def test_without_rows_another_vocabulary_is_refused(tmp_path: Path) -> None:
    spec = grown(saved("gpt2", tmp_path), STORED + 3, {"stored": STORED}, "gpt2")
    data = yaml.safe_load(spec.read_text())
    del data["decoder"]["rows"]
    spec.write_text(yaml.safe_dump(data))
    with pytest.raises(crossloom.CrossloomError):
        crossloom.load(spec)


def with_tokenizer(folder: Path) -> tuple[Path, int]:
    write_vocabulary(folder, "GPT2Tokenizer")
    size = len(ours(folder, "GPT2Tokenizer").ids)
    torch.manual_seed(0)
    end = ours(folder, "GPT2Tokenizer").ids["<|endoftext|>"]
    config = GPT2Config(vocab_size=size, n_embd=8, n_layer=1, n_head=2, bos_token_id=end, eos_token_id=end)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder, size


def test_tokens_that_a_tokenizer_gains_have_fresh_rows(tmp_path: Path) -> None:
    """The classic use: a token of padding, which GPT-2 was published without."""
    folder, size = with_tokenizer(tmp_path)
    fresh = ["decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*"]
    more: dict[str, Any] = {
        "tokenizer": {"pad_token": "<pad>", "additional_special_tokens": ["<digit>"]},
        "tokens": {"decoder_start": 0, "pad": size},
        "fresh": fresh,
    }
    spec = grown(folder, size + 2, {"stored": size}, "gpt2", **more)
    assert [one for one in crossloom.verify(spec) if one.severity.value == "error"] == []
    processor = crossloom.load_processor(spec)
    assert processor.tokenizer.ids["<pad>"] == size
    assert processor.tokenizer.ids["<digit>"] == size + 1
    assert crossloom.load(spec).vocabulary == size + 2


def test_a_tokenizer_that_gained_other_tokens_is_told(tmp_path: Path) -> None:
    folder, size = with_tokenizer(tmp_path)
    more = {"tokenizer": {"pad_token": "<pad>"}, "tokens": {"decoder_start": 0, "pad": size}}
    spec = grown(folder, size + 2, {"stored": size}, "gpt2", **more)
    with pytest.raises(crossloom.CrossloomError) as raised:
        crossloom.load_processor(spec)
    assert [one.code for one in raised.value.diagnostics] == ["XL403"]


SPEC = """\
crossloom: 1
name: planted
{role}:
  family: {family}
  config: {{vocab_size: 10{ids}}}
  rows: {rows}
tokens: {{decoder_start: 1, pad: 1, eos: 1}}
"""


@pytest.mark.parametrize(
    ("role", "family", "rows", "code"),
    [
        ("decoder", "gpt2", "{stored: 10}", "XL114"),
        ("decoder", "gpt2", "{stored: 8, take: [0, 1]}", "XL403"),
        ("decoder", "gpt2", "{stored: 3, take: [0, 1, 2, 3, 0, 0, 0, 0, 0, 0]}", "XL402"),
        ("decoder", "gpt2", "{take: [0]}", "XL105"),
        ("decoder", "gpt2", "{stored: 0}", "XL104"),
        ("decoder", "gpt2", "{from: 8}", "XL101"),
        ("encoder", "wav2vec2", "{stored: 8}", "XL114"),
    ],
)
def test_planted_mistakes(tmp_path: Path, role: str, family: str, rows: str, code: str) -> None:
    ids = ", bos_token_id: 1, eos_token_id: 1" if family == "gpt2" else ""
    text = SPEC.format(role=role, family=family, rows=rows, ids=ids)
    if role == "encoder":
        text = "\n".join(text.splitlines()[:-1]) + "\n"
    (tmp_path / "planted.yaml").write_text(text)
    found = [one for one in crossloom.check(tmp_path / "planted.yaml") if one.severity.value == "error"]
    assert code in [one.code for one in found]
    first = next(one for one in found if one.code == code)
    assert first.spans[0].line == 6
    assert first.help
    if code not in ("XL101",):
        assert len(found) == 1, [one.message for one in found]
