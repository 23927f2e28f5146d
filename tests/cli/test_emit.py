from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import TINY, crossloom, write

FILES = {"modeling.py", "weights.json", "spec.yaml", "README.md"}


def test_emit_writes_four_files_and_names_them(tmp_path: Path) -> None:
    outcome = crossloom("emit", write(tmp_path), "-o", tmp_path / "out")
    assert outcome.exit_code == 0
    assert set(outcome.stdout.split()) == {str(tmp_path / "out" / name) for name in FILES}
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES


def test_the_folder_is_named_as_the_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    crossloom("emit", write(tmp_path))
    assert (tmp_path / "tiny" / "modeling.py").is_file()


def test_a_spec_with_findings_writes_nothing(tmp_path: Path) -> None:
    outcome = crossloom(
        "emit", write(tmp_path, TINY.replace("d_model: 8", "d_model: 9")), "-o", tmp_path / "out"
    )
    assert outcome.exit_code == 1
    assert not (tmp_path / "out").exists()


def test_check_of_what_was_emitted(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    crossloom("emit", path, "-o", out)
    outcome = crossloom("emit", path, "-o", out, "--check")
    assert (outcome.exit_code, outcome.stdout) == (0, f"{out} is what {path} says\n")


def test_check_shows_an_edited_line_and_a_missing_file(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    crossloom("emit", path, "-o", out)
    (out / "weights.json").unlink()
    source = (out / "modeling.py").read_text()
    edited = source.replace("class Model(", "class Modul(", 1)
    assert edited != source
    (out / "modeling.py").write_text(edited)
    outcome = crossloom("emit", path, "-o", out, "--check")
    assert outcome.exit_code == 1
    assert outcome.stdout.count("error[XL601]") == 2
    assert "-class Modul(nn.Module):" in outcome.stdout
    assert "+class Model(nn.Module):" in outcome.stdout
    assert "weights.json` does not exist" in outcome.stdout
    line = source[: source.index("class Model(")].count("\n") + 1
    assert f"modeling.py:{line}:1" in outcome.stdout
    assert (out / "modeling.py").read_text() == edited


def test_check_sees_changed_line_endings(tmp_path: Path) -> None:
    path, out = write(tmp_path), tmp_path / "out"
    crossloom("emit", path, "-o", out)
    (out / "spec.yaml").write_bytes((out / "spec.yaml").read_bytes().replace(b"\n", b"\r\n"))
    outcome = crossloom("emit", path, "-o", out, "--check")
    assert outcome.exit_code == 1
    assert "line endings alone" in outcome.stdout
