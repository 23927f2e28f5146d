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
