"""`check --fix` renames a key only where the name can mean nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.analysis import analyse
from compiler.diagnostics.model import Diagnostic
from compiler.reader import read_text
from tests.cli.runner import crossloom

HEAD = "crossloom: 1\nname: one\n"
PLAIN = HEAD + "model: {family: speech_to_text}\n"


def config(fields: str) -> str:
    return HEAD + f"model: {{family: speech_to_text, config: {{{fields}}}}}\n"


def finding(text: str) -> Diagnostic:
    (found,) = [one for one in analyse(read_text(text, "spec.yaml")).diagnostics if one.code == "XL101"]
    return found


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + "generation: {max_tokens: 5}\n",
        PLAIN + "max_new_tokens: 5\n",
        config("num_hidden_layers: 2"),
        config("attention_heads: 2"),
        config("encoder_dropout: 0.5"),
        config("xcoder_layers: 2"),
        config("d_model: 256, d_modle: 128"),
    ],
)
def test_a_name_that_may_mean_another_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    assert finding(text).fix is None
    spec = tmp_path / "spec.yaml"
    spec.write_text(text, encoding="utf-8")
    assert crossloom("check", "--fix", spec).exit_code == 1
    assert spec.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("text", "help"),
    [
        (PLAIN + "max_new_tokens: 5\n", "`max_new_tokens` belongs under `generation:`"),
        (config("num_beams: 5"), "`num_beams` belongs under `generation:`"),
        (PLAIN + "d_model: 256\n", "`d_model` belongs under `model: config:`"),
        (PLAIN + "generation: {d_model: 5}\n", "`d_model` belongs under `model: config:`"),
        (config("d_model: 256, d_modle: 128"), "`d_model` is already here; remove one"),
        (PLAIN + "generation: {max_tokens: 5}\n", "did you mean `max_new_tokens`?"),
        (
            PLAIN + "generation: {max_new_tokens: 7, max_tokens: 5}\n",
            "`max_new_tokens` is already here; remove one",
        ),
    ],
)
def test_the_help_says_where_it_belongs(text: str, help: str) -> None:
    assert finding(text).help == help


@pytest.mark.parametrize("written", ["d_modle", "D-Model", "encoder_layer", "max_source_position"])
def test_a_slip_of_the_pen_is_renamed(written: str) -> None:
    assert finding(config(f"{written}: 4")).fix is not None
