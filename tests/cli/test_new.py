"""`crossloom new`: a spec of two halves, its `fresh:`, `ignore:` and `tokens:` out of their own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import Result
from transformers import BertForMaskedLM

import crossloom
from tests.cli.runner import crossloom as command
from tests.pairs import oracle
from tests.pairs.folders import decoder, speech_encoder, text_encoder
from tests.processing.subword_files import write_vocabulary
from tests.speech import oracle as speech

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "audio"


def new(out: Path, encoder: str | Path, decoder: str | Path, *more: str) -> Result:
    return command("new", out, "--encoder", encoder, "--decoder", decoder, *more)


def plain_bert(folder: Path) -> Path:
    """A BERT of pre-training: without cross-attention, ids of its decoder in its tokenizer alone."""
    config = oracle.random_half("encoder", "bert", 1).config
    config.bos_token_id = config.eos_token_id = None
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def test_from_two_checkpoints(tmp_path: Path) -> None:
    """The spec passes `check`, is total against both, and loads."""
    speech.save("wav2vec2", 1, tmp_path / "speech")
    plain_bert(tmp_path / "text")
    vocabulary = json.loads((tmp_path / "text" / "config.json").read_text())["vocab_size"]
    special = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, *(f"word{index}" for index in range(vocabulary - len(special)))]
    (tmp_path / "text" / "vocab.txt").write_text("\n".join(words) + "\n")
    (tmp_path / "text" / "special_tokens_map.json").write_text(
        json.dumps({"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": {"content": "[SEP]"}})
    )
    done = new(tmp_path / "combo.yaml", tmp_path / "speech", tmp_path / "text")
    assert done.exit_code == 0, done.output
    data = yaml.safe_load((tmp_path / "combo.yaml").read_text())
    assert data["name"] == "combo"
    assert data["tokens"] == {"decoder_start": 2, "bos": 2, "eos": 3}
    assert data["fresh"] == ["decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*"]
    told = crossloom.verify(tmp_path / "combo.yaml")
    assert [one.code for one in told if one.severity == "error"] == []
    model = crossloom.load(tmp_path / "combo.yaml")
    waveform, mask = speech.random_audio(1)
    assert torch.isfinite(
        model(input_values=waveform, attention_mask=mask, labels=torch.tensor([[4, 5]] * 3)).loss
    )


def test_an_id_that_no_file_tells_is_asked_for(tmp_path: Path) -> None:
    """A line to fill in is left, `check` refuses it with help, and an option fills it."""
    plain_bert(tmp_path / "text")
    out = tmp_path / "combo.yaml"
    done = new(out, "bert", tmp_path / "text")
    assert done.exit_code == 1
    assert "# decoder_start: ..." in out.read_text() or "#   decoder_start: ..." in out.read_text()
    assert "--decoder-start" in done.output
    errors = [one for one in crossloom.check(out) if one.severity == "error"]
    assert [one.code for one in errors] == ["XL404"]
    assert "decoder_start" in str(errors[0].help)
    assert new(out, "bert", tmp_path / "text", "--decoder-start", "2", "--force").exit_code == 0
    assert [one.code for one in crossloom.check(out) if one.severity == "error"] == []


def test_from_two_families(tmp_path: Path) -> None:
    """Everything starts untrained, and is said to."""
    out = tmp_path / "combo.yaml"
    assert new(out, "bert", "gpt2").exit_code == 0
    data = yaml.safe_load(out.read_text())
    assert data["fresh"] == ["encoder.*", "decoder.*", "head.*"]
    assert data["tokens"] == {"decoder_start": 50256, "pad": 50256}
    assert data["generation"] == {"max_new_tokens": 200}


@pytest.mark.parametrize(
    ("encoder", "decoder", "code", "message"),
    [("bert", "wav2vec2", "XL205", "cannot be a decoder"), ("gpt2", "bert", "XL205", "cannot be an encoder")],
)
def test_a_family_without_that_side(
    encoder: str, decoder: str, code: str, message: str, tmp_path: Path
) -> None:
    done = new(tmp_path / "combo.yaml", encoder, decoder)
    assert done.exit_code == 1
    assert f"error[{code}]" in done.output
    assert message in done.output
    assert not (tmp_path / "combo.yaml").exists()


def test_a_checkpoint_that_cannot_attend(tmp_path: Path) -> None:
    speech.save("wav2vec2", 1, tmp_path / "speech")
    done = new(tmp_path / "combo.yaml", "bert", tmp_path / "speech")
    assert done.exit_code == 1
    assert "error[XL205]" in done.output


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    out = tmp_path / "combo.yaml"
    out.write_text("mine")
    done = new(out, "bert", "gpt2")
    assert done.exit_code == 1
    assert "XL602" in done.output
    assert out.read_text() == "mine"


def test_a_family_misspelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no family is asked of the Hub; where that has it not, the family that is meant is named."""
    plain_bert(tmp_path / "text")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    done = new(tmp_path / "combo.yaml", "vitt", tmp_path / "text", "--decoder-start", "1", "--pad", "0")
    assert done.exit_code == 2
    assert "did you mean the family `vit`?" in done.stderr


def test_findings_are_in_the_file_that_was_written(tmp_path: Path) -> None:
    plain_bert(tmp_path / "text")
    out = tmp_path / "below" / "combo.yml"
    done = new(out, "vit", tmp_path / "text", "--decoder-start", "1", "--pad", "0")
    assert done.exit_code == 0, done.output
    assert f"{out}:" in done.stderr.replace("\n", "")


def test_what_was_named_from_here_is_named_from_the_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of specs and checkpoints can be moved whole; what was given by its whole path stays so."""
    text_encoder(tmp_path / "work" / "halves" / "bert")
    decoder(tmp_path / "work" / "gpt2")
    monkeypatch.chdir(tmp_path / "work" / "halves")
    assert new(Path("../specs/pair.yaml"), "./bert", "../gpt2").exit_code == 0
    spec = tmp_path / "work" / "specs" / "pair.yaml"
    data = yaml.safe_load(spec.read_text())
    assert (data["encoder"]["weights"], data["decoder"]["weights"]) == ("../halves/bert", "../gpt2")
    assert new(Path("here.yaml"), "./bert", tmp_path / "work" / "gpt2").exit_code == 0
    data = yaml.safe_load(Path("here.yaml").read_text())
    assert data["encoder"]["weights"] == "./bert"
    assert data["decoder"]["weights"] == str(tmp_path / "work" / "gpt2")
    (tmp_path / "work").rename(tmp_path / "moved")
    crossloom.load(tmp_path / "moved" / "specs" / "pair.yaml")


@pytest.mark.parametrize("encoder", [text_encoder, speech_encoder])
def test_a_new_spec_runs_and_trains_as_it_is(encoder: Any, tmp_path: Path) -> None:
    """Nothing is left to be written; the decoder's positions bound how much is."""
    out = tmp_path / "pair.yaml"
    assert new(out, encoder(tmp_path / "encoder"), decoder(tmp_path / "decoder")).exit_code == 0
    assert yaml.safe_load(out.read_text())["generation"] == {"max_new_tokens": 59}
    given = "hello world" if encoder is text_encoder else str(DIGITS / "nine.wav")
    done = command("run", out, given)
    assert done.exit_code == 0, done.stderr
    row = {"source": given} if encoder is text_encoder else {"audio": given}
    (tmp_path / "rows.jsonl").write_text(json.dumps({**row, "text": "hello"}) + "\n")
    trained = tmp_path / "out"
    done = command("train", out, "--data", tmp_path / "rows.jsonl", "-o", trained, "--max-steps", "1")
    assert done.exit_code == 0, done.stderr
    assert command("run", trained / "spec.yaml", given).exit_code == 0


def test_special_tokens_that_no_file_names_are_those_of_the_family(tmp_path: Path) -> None:
    """Many a published BERT has its vocabulary, and nothing that says which of its tokens begins a text."""
    folder = write_vocabulary(plain_bert(tmp_path / "text"), "BertTokenizer")
    lines = (folder / "vocab.txt").read_text().splitlines()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": len(lines)}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))
    out = tmp_path / "combo.yaml"
    assert new(out, "vit", folder).exit_code == 0
    tokens = yaml.safe_load(out.read_text())["tokens"]
    assert {one: lines[id_] for one, id_ in tokens.items()} == {
        "decoder_start": "[CLS]",
        "bos": "[CLS]",
        "eos": "[SEP]",
    }


def test_a_checkpoint_that_limits_itself_is_not_limited_again(tmp_path: Path) -> None:
    decoder(tmp_path / "decoder")
    (tmp_path / "decoder" / "generation_config.json").write_text(json.dumps({"max_length": 9}))
    out = tmp_path / "pair.yaml"
    assert new(out, "bert", tmp_path / "decoder").exit_code == 0
    assert yaml.safe_load(out.read_text())["generation"] == {"max_length": 9}
