"""Files that a person wrote stay, unless they are let go by `--force`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import crossloom as interface
from tests.cli.runner import TINY, crossloom, write

EMITTED = ("modeling.py", "weights.json", "spec.yaml", "README.md")
Checkpoints = Callable[[int], Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec and a page about it, in which commands run."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, f"# my remarks\n{TINY}", "spec.yaml")
    write(tmp_path, "# My project\n", "README.md")
    return tmp_path


@pytest.mark.parametrize("command", ["emit", "compile"])
def test_the_spec_and_the_page_beside_it_stay(project: Path, command: str) -> None:
    outcome = crossloom(command, "spec.yaml", "-o", ".")
    assert outcome.exit_code == 1
    assert outcome.stderr == (
        "error[XL602]: `spec.yaml` and `README.md` would be written over\n"
        "note: `spec.yaml` is the spec itself\n"
        "note: `README.md` was not emitted by crossloom\n"
        "help: write to another place, or let them go with `--force` (`force=True`)\n"
        "\n1 error\n"
    )
    assert sorted(file.name for file in project.iterdir()) == ["README.md", "spec.yaml"]
    assert (project / "spec.yaml").read_text().startswith("# my remarks")
    assert crossloom(command, "spec.yaml", "-o", ".", "--force").exit_code == 0
    assert "my remarks" not in (project / "spec.yaml").read_text()
    assert "emitted" in (project / "README.md").read_text().lower()


@pytest.mark.parametrize("name", EMITTED)
def test_each_emitted_file_says_so_and_no_other_is_replaced(project: Path, name: str) -> None:
    arguments = ("emit", "spec.yaml", "-o", "out")
    assert crossloom(*arguments).exit_code == 0
    changed = (project / "spec.yaml").read_text().replace("name: tiny", "name: other")
    (project / "spec.yaml").write_text(changed)
    assert crossloom(*arguments).exit_code == 0, "what was emitted may be emitted anew"
    assert "other" in (project / "out" / "spec.yaml").read_text()
    (project / "out" / name).write_text("by hand\n")
    outcome = crossloom(*arguments)
    assert outcome.exit_code == 1
    assert f"error[XL602]: `out/{name}` would be written over" in outcome.stderr
    assert (project / "out" / name).read_text() == "by hand\n"


def test_an_emitted_spec_is_a_spec_like_any_other(project: Path) -> None:
    """Emitted again it is the same text; with an edit by its owner it may not be written over."""
    assert crossloom("emit", "spec.yaml", "-o", "out").exit_code == 0
    emitted = project / "out" / "spec.yaml"
    assert crossloom("emit", emitted, "-o", "out").exit_code == 0
    emitted.write_text(emitted.read_text() + "# a remark\n")
    assert "XL602" in crossloom("emit", emitted, "-o", "out").stderr
    assert emitted.read_text().endswith("# a remark\n")


def test_from_python(project: Path) -> None:
    with pytest.raises(interface.CrossloomError, match="XL602"):
        interface.emit("spec.yaml", ".")
    assert len(interface.emit("spec.yaml", ".", force=True)) == len(EMITTED)


def test_import_does_not_write_over_a_spec(project: Path, tiny_checkpoint: Checkpoints) -> None:
    arguments = ("import", str(tiny_checkpoint(0)), "-o", "spec.yaml")
    before = (project / "spec.yaml").read_text()
    outcome = crossloom(*arguments)
    assert outcome.exit_code == 1
    assert "error[XL602]: `spec.yaml` would be written over" in outcome.stderr
    assert (project / "spec.yaml").read_text() == before
    assert crossloom(*arguments, "--force").exit_code == 0
    assert crossloom(*arguments).exit_code == 0, "the same text again loses nothing"


@pytest.mark.parametrize("arguments", [("show", "spec.yaml"), ("schema",)], ids=" ".join)
def test_a_report_takes_the_place_of_a_report_and_not_of_a_spec(
    project: Path, arguments: tuple[str, ...]
) -> None:
    assert "XL602" in crossloom(*arguments, "-o", "spec.yaml").stderr
    assert crossloom(*arguments, "-o", "spec.yaml", "--force").exit_code == 0
    write(project, f"# my remarks\n{TINY}", "spec.yaml")
    write(project, "old\n", "report.txt")
    assert crossloom(*arguments, "-o", "report.txt").exit_code == 0
    assert (project / "report.txt").read_text() != "old\n"
