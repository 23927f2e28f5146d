"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import crossloom
from crossloom.cli import main
from tests.full_size.published import folder_of, key_lists, write_header

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


PUBLISHED = "facebook/s2t-small-librispeech-asr"


def block(language: str) -> str:
    return next(str(text) for name, text in BLOCKS if name == language)


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "tiny.yaml"
    file.write_text(block("yaml"), encoding="utf-8")
    return file


def test_first_spec_has_no_finding(spec: Path) -> None:
    assert crossloom.check(spec) == []


@pytest.mark.parametrize("text", [text for name, text in BLOCKS if name == "yaml"])
def test_every_spec_is_sound_and_compiles(text: str, tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(text, encoding="utf-8")
    assert [finding.severity for finding in crossloom.check(file) if finding.severity != "info"] == []
    assert crossloom.emit(file, tmp_path / "out")


@pytest.mark.parametrize("text", [text for _, text in BLOCKS if PUBLISHED in text and "weights:" in text])
def test_what_a_spec_takes_of_a_checkpoint_is_there(text: str, tmp_path: Path) -> None:
    """Its tensors by name and shape are as published, and there is nothing in them."""
    name = PUBLISHED.partition("/")[2]
    shutil.copytree(folder_of(name), tmp_path / name)
    write_header(key_lists(name)["4.40.2 safetensors"], tmp_path / name / "model.safetensors")
    (tmp_path / "spec.yaml").write_text(text.replace(PUBLISHED, f"./{name}"), encoding="utf-8")
    findings = crossloom.verify(tmp_path / "spec.yaml")
    assert [finding for finding in findings if finding.severity != "info"] == []


@pytest.mark.parametrize(
    "line", [line for name, text in BLOCKS if not name for line in text.splitlines() if "crossloom " in line]
)
def test_every_command_has_such_arguments(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is parsed in full, and stopped where its work would begin."""
    started = []
    monkeypatch.setattr(click.Command, "invoke", lambda self, ctx: started.append(self.name))
    words = shlex.split(line.removeprefix("$ "), comments=True)
    command = main.get_command(click.Context(main), words[1])
    assert command is not None
    command.main(words[2:], standalone_mode=False)
    assert started == [command.name]


def test_error_is_shown_as_it_prints(spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    mistaken = text.replace("encoder_layers:", "encoder_layer:").replace("heads: 4", "heads: 6")
    assert mistaken != text
    spec.write_text(mistaken, encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "tiny.yaml"])
    assert result.exit_code == 1
    shown = next(text for _, text in BLOCKS if text.startswith("error["))
    assert result.stdout == shown


def test_python_example_uses_public_names() -> None:
    names = re.findall(r"crossloom\.(\w+)\(", block("python"))
    assert set(names) <= set(crossloom.__all__)
    assert len(names) == 5


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (Path(__file__).parent.parent / link).exists()
