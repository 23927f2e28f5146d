"""Every mistake of a config.json: one finding at its field, and nothing imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import crossloom as interface
from tests.check.checkpoints import sound, write
from tests.cli.runner import crossloom

CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("XL110", {"model_type": "speech2text"}, "model_type", "speech_to_text"),
    ("XL110", {"model_type": "whisper"}, "model_type", "known family"),
    (
        "XL111",
        {"architectures": ["Speech2TextModel"]},
        "architectures",
        "Speech2TextForConditionalGeneration",
    ),
    ("XL115", {"d_modle": 8}, "d_modle", "d_model"),
    ("XL115", {"adapter_width": 3}, "adapter_width", "--ignore adapter_width"),
    ("XL116", {"quantization_config": {"bits": 4}}, "quantization_config", ""),
    ("XL116", {"auto_map": {"AutoModel": "modeling.Model"}}, "auto_map", ""),
    ("XL116", {"pruned_heads": {"0": [1]}}, "pruned_heads", "--ignore pruned_heads"),
    ("XL116", {"is_encoder_decoder": False}, "is_encoder_decoder", "--ignore is_encoder_decoder"),
    ("XL116", {"is_encoder_decoder": 1}, "is_encoder_decoder", "--ignore is_encoder_decoder"),
    ("XL103", {"architectures": "Speech2TextForConditionalGeneration"}, "architectures", "write ["),
    ("XL103", {"scale_embedding": 0}, "scale_embedding", "true or false"),
    ("XL505", {"hidden_size": 8.0}, "hidden_size", "agree"),
    ("XL505", {"hidden_size": 99}, "hidden_size", "agree"),
    ("XL103", {"encoder_layers": 2.7}, "encoder_layers", "whole number"),
    ("XL104", {"encoder_layers": 0}, "encoder_layers", "at least 1"),
    ("XL402", {"eos_token_id": 20}, "eos_token_id", "id from 0 to 19"),
]


@pytest.mark.parametrize(("code", "fields", "at", "says"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_one_mistake_is_one_finding_at_its_field(
    tmp_path: Path, code: str, fields: dict[str, Any], at: str, says: str
) -> None:
    parts = sound(tmp_path)
    parts.config |= fields
    write(tmp_path, parts.files())
    with pytest.raises(interface.CrossloomError) as raised:
        interface.import_spec(tmp_path / "checkpoint")
    (finding,) = raised.value.diagnostics
    assert finding.code == code
    assert says in str(finding.help)
    assert finding.help
    span = finding.spans[0]
    written = (tmp_path / "checkpoint" / "config.json").read_text(encoding="utf-8").splitlines()
    assert f'"{at}"' in written[span.line - 1]
    result = crossloom("import", tmp_path / "checkpoint", "-o", tmp_path / "out.yaml")
    assert result.exit_code == 1
    assert f"error[{code}]" in result.stderr
    assert not (tmp_path / "out.yaml").exists()


def test_what_is_no_mistake(tmp_path: Path) -> None:
    parts = sound(tmp_path)
    parts.config |= {
        "hidden_size": 8,
        "pruned_heads": {},
        "use_cache": False,
        "transformers_version": "5.23.0",
    }
    write(tmp_path, parts.files())
    spec = interface.import_spec(tmp_path / "checkpoint")
    assert spec.config["d_model"] == 8
    assert "hidden_size" not in json.dumps(dict(spec.data))


def test_an_imported_spec_says_nothing_twice(tmp_path: Path) -> None:
    """How many ids the tokenizer has is in the config already; where the two differ, that is told."""
    for name in ("equal", "unequal"):
        (tmp_path / name).mkdir()
    parts = sound(tmp_path / "equal")
    write(tmp_path / "equal", parts.files())
    assert "tokenizer" not in interface.import_spec(tmp_path / "equal" / "checkpoint").data
    parts.vocabulary.popitem()
    write(tmp_path / "unequal", parts.files())
    with pytest.raises(interface.CrossloomError, match="XL403"):
        interface.import_spec(tmp_path / "unequal" / "checkpoint")


def with_generation(folder: Path, options: dict[str, Any]) -> Path:
    parts = sound(folder)
    write(folder, {**parts.files(), "generation_config.json": json.dumps(options, indent=1).encode()})
    return folder / "checkpoint"


@pytest.mark.parametrize(
    ("code", "options", "at"),
    [
        ("XL402", {"eos_token_id": 20}, "eos_token_id"),
        ("XL402", {"suppress_tokens": [3, 20]}, "suppress_tokens"),
        ("XL405", {"max_length": 2000}, "max_length"),
        ("XL406", {"max_lenght": 20}, "max_lenght"),
        ("XL407", {"num_beams": 2.0}, "num_beams"),
    ],
)
def test_generation_options_are_checked_in_their_file(
    tmp_path: Path, code: str, options: dict[str, Any], at: str
) -> None:
    folder = with_generation(tmp_path, {"early_stopping": True, **options})
    with pytest.raises(interface.CrossloomError) as raised:
        interface.import_spec(folder)
    (finding,) = raised.value.diagnostics
    assert finding.code == code
    assert (finding.spans[0].file, finding.spans[0].line) == (str(folder / "generation_config.json"), 3)


def test_ids_that_generation_takes_otherwise_are_in_the_spec(tmp_path: Path) -> None:
    folder = with_generation(tmp_path, {"pad_token_id": 1, "eos_token_id": [2, 3], "max_length": 20})
    spec = interface.import_spec(folder)
    assert spec.data["generation"] == {"eos_token_id": [2, 3], "max_length": 20}
    assert interface.verify(spec) == []


def test_a_mistake_about_a_field_at_its_default_is_shown_there(tmp_path: Path) -> None:
    """The shortest spec would leave such a field out."""
    parts = sound(tmp_path)
    parts.config |= {"num_conv_layers": 3, "conv_kernel_sizes": [5, 5]}
    write(tmp_path, parts.files())
    with pytest.raises(interface.CrossloomError) as raised:
        interface.import_spec(tmp_path / "checkpoint")
    (finding,) = raised.value.diagnostics
    assert finding.code == "XL303"
    assert finding.spans[0].file == str(tmp_path / "checkpoint" / "config.json")
