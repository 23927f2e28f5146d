"""What import makes of configuration files alone, a section of the spec at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import crossloom
from compiler.checkpoint.resolve import resolve
from compiler.importing.checkpoint import import_with_report
from compiler.importing.special_ids import special_ids

PAIR: dict[str, Any] = {
    "model_type": "encoder-decoder",
    "is_encoder_decoder": True,
    "encoder": {"model_type": "bert"},
    "decoder": {"model_type": "gpt2", "is_decoder": True, "add_cross_attention": True},
}


def written(folder: Path, **files: Any) -> Path:
    """A folder of JSON files; `config` is config.json."""
    for name, contents in files.items():
        (folder / f"{name}.json").write_text(json.dumps(contents))
    return folder


def imported(folder: Path, role: str | None = None, *ignore: str, **tokens: int) -> dict[str, Any]:
    """The data of the spec."""
    return dict(import_with_report(folder, role, ignore, tokens).spec.data)


def codes(raised: pytest.ExceptionInfo[crossloom.CrossloomError]) -> list[str]:
    return [one.code for one in raised.value.diagnostics]


def test_ids_fall_back_to_the_defaults_of_the_class(tmp_path: Path) -> None:
    """A start id to the beginning of a sentence, a pad id to its end; what is given comes first."""
    written(tmp_path, config={"model_type": "gpt2"})
    assert imported(tmp_path)["tokens"] == {"decoder_start": 50256, "pad": 50256}
    written(tmp_path, config={"model_type": "gpt2", "bos_token_id": 7, "eos_token_id": 8})
    assert imported(tmp_path)["tokens"] == {"decoder_start": 7, "pad": 8}
    assert imported(tmp_path, decoder_start=3)["tokens"] == {"decoder_start": 3, "pad": 8}


@pytest.mark.parametrize("config", [{"model_type": "gpt2"}, PAIR], ids=["one model", "a pair"])
def test_a_name_to_ignore_that_no_field_has(config: dict[str, Any], tmp_path: Path) -> None:
    written(tmp_path, config={**config, "nlayer": 3})
    with pytest.raises(crossloom.CrossloomError) as raised:
        imported(tmp_path, None, "nlayer", "n_layre")
    assert codes(raised) == ["XL518"]
    assert raised.value.diagnostics[0].help == "did you mean `nlayer`?"
    assert imported(tmp_path, None, "nlayer")["ignore"] == {"config": ["nlayer"]}


def test_a_field_of_a_half_may_be_ignored(tmp_path: Path) -> None:
    written(tmp_path, config={**PAIR, "encoder": {"model_type": "bert", "nlayer": 3}})
    assert imported(tmp_path, None, "nlayer")["ignore"] == {"config": ["nlayer"]}


def test_the_role_is_what_is_asked_for_or_what_the_files_say(tmp_path: Path) -> None:
    written(tmp_path, config={"model_type": "bert"})
    assert "encoder" in imported(tmp_path)
    assert "decoder" in imported(tmp_path, "decoder", decoder_start=1)
    written(tmp_path, config={"model_type": "bert", "is_decoder": True, "decoder_start_token_id": 1})
    assert "decoder" in imported(tmp_path)
    assert "encoder" in imported(tmp_path, "encoder")
    written(tmp_path, config={"model_type": "bart", "architectures": ["BartForCausalLM"]})
    assert "decoder" in imported(tmp_path)
    written(tmp_path, config={"model_type": "bart"})
    assert "model" in imported(tmp_path)


def test_an_encoder_generates_nothing(tmp_path: Path) -> None:
    written(tmp_path, config={"model_type": "bert"}, generation_config={"max_length": 9})
    assert "generation" not in imported(tmp_path, "encoder")
    assert imported(tmp_path, "decoder", decoder_start=1)["generation"] == {"max_length": 9}


def test_what_generation_config_leaves_unset_is_unset(tmp_path: Path) -> None:
    """It stands in place of the config's own options; those that wait for others are left out."""
    options = {"max_length": 9, "num_beams": 1, "length_penalty": 2.0, "early_stopping": True}
    config = {"model_type": "bart", "forced_eos_token_id": 2}
    written(tmp_path, config=config, generation_config=options)
    assert imported(tmp_path)["generation"] == {"max_length": 9, "forced_eos_token_id": None}
    written(tmp_path, config=config, generation_config={**options, "num_beams": 2, "forced_eos_token_id": 2})
    assert imported(tmp_path)["generation"] == {
        "max_length": 9,
        "num_beams": 2,
        "length_penalty": 2.0,
        "early_stopping": True,
    }


def test_the_class_above_a_half_is_named(tmp_path: Path) -> None:
    written(tmp_path, config={"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]})
    assert imported(tmp_path)["encoder"]["architecture"] == "Wav2Vec2ForCTC"
    written(tmp_path, config={"model_type": "wav2vec2", "architectures": ["Wav2Vec2Model"]})
    assert "architecture" not in imported(tmp_path)["encoder"]


def test_fields_that_are_left_out_are_counted(tmp_path: Path) -> None:
    """Those of config.json, of the files beside it, and of each half of a pair."""
    written(
        tmp_path,
        config={"model_type": "vit", "architectures": ["ViTModel"]},
        preprocessor_config={"image_processor_type": "ViTImageProcessor", "size": 224, "do_resize": True},
    )
    dropped = import_with_report(tmp_path).dropped
    assert {"architectures", "processor.image_processor_type"} <= set(dropped)
    written(tmp_path, config={**PAIR, "encoder": {"model_type": "bert", "torch_dtype": "float32"}})
    assert "encoder.torch_dtype" in import_with_report(tmp_path).dropped


def test_ids_of_a_pair(tmp_path: Path) -> None:
    """Its own, where its decoder's config does not have them; then what is given."""
    written(tmp_path, config={**PAIR, "decoder_start_token_id": 4, "pad_token_id": 5, "eos_token_id": 50256})
    assert imported(tmp_path)["tokens"] == {"decoder_start": 4, "pad": 5}
    assert imported(tmp_path, decoder_start=6)["tokens"] == {"decoder_start": 6, "pad": 5}


UNEVEN = {"model_type": "bert", "hidden_size": 764, "num_attention_heads": 12}


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        (UNEVEN, ["hidden_size", "num_attention_heads"]),
        ({**PAIR, "encoder": UNEVEN}, ["hidden_size", "num_attention_heads"]),
        ({**PAIR, "decoder_start_token_id": 60000}, ["decoder_start_token_id"]),
        ({**PAIR, "model_type": "speech-encoder-decoder"}, ["model_type"]),
    ],
)
def test_a_finding_is_at_its_fields(config: dict[str, Any], fields: list[str], tmp_path: Path) -> None:
    """In config.json, fields at their defaults too: 12 heads are those of the class."""
    (tmp_path / "config.json").write_text(json.dumps(config, indent=1))
    with pytest.raises(crossloom.CrossloomError) as raised:
        imported(tmp_path)
    (finding,) = (one for one in raised.value.diagnostics if one.severity == "error")
    lines = (tmp_path / "config.json").read_text().splitlines()
    shown = " ".join(lines[place.line - 1] for place in finding.spans)
    assert all(field in shown for field in fields)
    assert {Path(place.file).name for place in finding.spans} == {"config.json"}


@pytest.mark.parametrize(("name", "role"), [("vit", "decoder"), ("gpt2", "encoder")])
def test_a_family_that_cannot_fill_the_role_is_shown(name: str, role: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": name}, indent=1))
    with pytest.raises(crossloom.CrossloomError) as raised:
        imported(tmp_path, role)
    assert codes(raised) == ["XL205"]
    assert [place.line for place in raised.value.diagnostics[0].spans] == [2]


def test_what_is_warned_of_a_pair(tmp_path: Path) -> None:
    """The public class takes its decoder for one that attends to the encoder's width."""
    decoder = {"model_type": "bert", "is_decoder": True, "add_cross_attention": True}
    wide = {**decoder, "cross_attention_hidden_size": 512, "decoder_start_token_id": 1}
    written(
        tmp_path,
        config={
            **PAIR,
            "encoder": {"model_type": "bert", "hidden_size": 512, "num_attention_heads": 8},
            "decoder": wide,
        },
    )
    assert [one.code for one in import_with_report(tmp_path).findings] == ["XL301"]


def test_fields_that_follow_from_others_are_not_written(tmp_path: Path) -> None:
    written(tmp_path, config={"model_type": "swin", "num_layers": 4, "hidden_size": 768})
    assert "config" not in imported(tmp_path)["encoder"] or imported(tmp_path)["encoder"]["config"] == {}


def test_special_tokens_by_what_they_are_for(tmp_path: Path) -> None:
    """The beginning of a text before that of a class; tokens written as objects; added ones."""
    written(
        tmp_path,
        config={"model_type": "gpt2"},
        vocab={"<s>": 0, "<c>": 1, "</s>": 2},
        tokenizer_config={"bos_token": {"content": "<s>"}, "cls_token": "<c>", "eos_token": "</s>"},
        special_tokens_map={"bos_token": "<c>", "pad_token": "<p>"},
        tokenizer={"added_tokens": [{"id": 9, "content": "<p>"}]},
    )
    assert special_ids(resolve(tmp_path)) == {"decoder_start": 0, "bos": 0, "eos": 2, "pad": 9}
