from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from compiler.diagnostics import Diagnostic, Severity
from crossloom import CrossloomError, load_spec
from tests.cli.runner import TINY, crossloom, write

TYPO = TINY.replace("d_model", "d_modle")
WARNING = Diagnostic("XL101", Severity.WARNING, "legal, but odd")


def test_a_sound_spec(tmp_path: Path) -> None:
    outcome = crossloom("check", write(tmp_path))
    assert (outcome.exit_code, outcome.stdout) == (0, "1 spec checked: no findings\n")


def test_findings_are_on_standard_output_with_one_summary(tmp_path: Path) -> None:
    path = write(tmp_path, TYPO)
    outcome = crossloom("check", path)
    assert outcome.exit_code == 1
    assert outcome.stderr == ""
    assert outcome.stdout.startswith(
        f"error[XL101]: unknown key `d_modle` in model -> config\n  --> {path}:5:"
    )
    assert outcome.stdout.endswith("\n1 spec checked: 1 error\n")


def test_folders_names_and_standard_input_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / ".hidden").mkdir()
    write(tmp_path, name="one.yaml")
    write(tmp_path / "inner", TYPO, name="two.yml")
    write(tmp_path / ".hidden", TYPO)
    write(tmp_path, "no spec", name="notes.txt")
    outcome = crossloom("check", tmp_path, "digits", "-", given=TYPO)
    assert outcome.stdout.count("error[XL101]") == 2
    assert "<stdin>:5:" in outcome.stdout
    assert outcome.stdout.count("d_modle: 8") == 2  # standard input shows its line, as a file does
    assert outcome.stdout.endswith("4 specs checked: 2 errors\n")


def test_a_folder_without_specs_is_not_passed_over(tmp_path: Path) -> None:
    outcome = crossloom("check", tmp_path)
    assert outcome.exit_code == 2
    assert "error[XL117]" in outcome.stdout
    assert "holds no .yaml or .yml file" in outcome.stdout


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("digit", "did you mean `digits`?"),
        ("nothing-like-it", "`crossloom catalogue` lists the names"),
        ("tiny.yml", "did you mean `tiny.yaml`?"),
        ("facebook/some-model", "crossloom import facebook/some-model -o spec.yaml"),
    ],
)
def test_a_spec_that_is_not_there(
    name: str, help: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    outcome = crossloom("check", name)
    assert outcome.exit_code == 2
    assert "error[XL117]" in outcome.stdout
    assert help in outcome.stdout
    with pytest.raises(CrossloomError, match="XL117") as raised:  # as in the Python interface
        load_spec(name)
    assert help in str(raised.value.diagnostics[0].help)


def test_a_missing_file_does_not_hide_other_findings(tmp_path: Path) -> None:
    outcome = crossloom("check", tmp_path / "gone.yaml", write(tmp_path, TYPO))
    assert outcome.exit_code == 2
    assert "XL117" in outcome.stdout
    assert "XL101" in outcome.stdout


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_one_json_document(format: str, tmp_path: Path) -> None:
    outcome = crossloom("check", write(tmp_path, TYPO), "--format", format)
    document = json.loads(outcome.stdout)
    assert outcome.exit_code == 1
    if format == "json":
        assert [finding["code"] for finding in document["diagnostics"]] == ["XL101"]
    else:
        assert document["runs"][0]["results"][0]["ruleId"] == "XL101"


def test_github_annotations(tmp_path: Path) -> None:
    assert crossloom("check", write(tmp_path, TYPO), "--format", "github").stdout.startswith(
        "::error title=crossloom XL101,file="
    )


def test_strict_counts_warnings_as_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossloom.cli.check._findings", lambda name: [WARNING])
    path = write(tmp_path)
    loose, strict = crossloom("check", path), crossloom("check", path, "--strict")
    assert (loose.exit_code, strict.exit_code) == (0, 1)
    assert loose.stdout == "warning[XL101]: legal, but odd\n\n1 spec checked: 1 warning\n"
    assert strict.stdout == "error[XL101]: legal, but odd\n\n1 spec checked: 1 error\n"


def test_fix_repairs_the_file_and_checks_again(tmp_path: Path) -> None:
    path = tmp_path / "typo.yaml"
    path.write_bytes(TYPO.replace("\n", "\r\n").encode())
    outcome = crossloom("check", path, "--fix")
    assert (outcome.exit_code, outcome.stdout) == (0, "1 spec checked, 1 repaired: no findings\n")
    assert path.read_bytes() == TINY.replace("\n", "\r\n").encode()
    assert list(tmp_path.iterdir()) == [path]


def test_fix_leaves_what_it_cannot_repair(tmp_path: Path) -> None:
    path = write(tmp_path, TYPO.replace("vocab_size: 20", "vocab_size: 0"))
    outcome = crossloom("check", path, "--fix")
    assert outcome.exit_code == 1
    assert "XL104" in outcome.stdout
    assert "XL101" not in outcome.stdout
    assert "d_model: 8" in path.read_text()


def test_fix_follows_a_link(tmp_path: Path) -> None:
    path = write(tmp_path, TYPO)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    assert crossloom("check", link, "--fix").exit_code == 0
    assert link.is_symlink()
    assert path.read_text() == TINY


def test_fix_cannot_write_standard_input() -> None:
    assert crossloom("check", "-", "--fix", given=TYPO).exit_code == 2


@pytest.fixture
def pipe() -> Iterator[str]:
    """What a shell passes for `<(cat typo.yaml)`: a path that can be read once."""
    reading, writing = os.pipe()
    os.write(writing, TYPO.encode())
    os.close(writing)
    yield f"/dev/fd/{reading}"
    os.close(reading)


def test_a_pipe_is_read_once_and_its_lines_are_shown(pipe: str) -> None:
    outcome = crossloom("check", pipe)
    assert outcome.exit_code == 1
    assert f"--> {pipe}:" in outcome.stdout
    assert "^^^" in outcome.stdout


def test_fix_cannot_write_a_pipe(pipe: str) -> None:
    assert crossloom("check", pipe, "--fix").exit_code == 2


def test_a_pipe_as_what_a_spec_extends_is_not_waited_for(tmp_path: Path, pipe: str) -> None:
    spec = write(tmp_path, f"crossloom: 1\nname: mine\nextends: {pipe}\n", "mine.yaml")
    outcome = crossloom("check", spec)
    assert f"--> {pipe}:" in outcome.stdout
