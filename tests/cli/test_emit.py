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


def weights_in(folder: Path) -> str:
    return next(
        line.split(": ")[1]
        for line in (folder / "spec.yaml").read_text(encoding="utf-8").splitlines()
        if line.strip().startswith("weights:")
    )


def test_the_emitted_spec_finds_the_checkpoint_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TINY.replace("  config:", "  weights: ./checkpoint\n  config:")
    for machine in ("one", "other"):
        folder = tmp_path / machine
        (folder / "specs").mkdir(parents=True)
        write(folder / "specs", text)
        monkeypatch.chdir(folder)
        assert crossloom("emit", "specs/tiny.yaml", "-o", "build/tiny").exit_code == 0
        assert weights_in(Path("build/tiny")) == "../../specs/checkpoint"
        # Emitted again from what was emitted, beside the checkpoint: the same model from another place.
        assert crossloom("emit", "build/tiny/spec.yaml", "-o", "specs/again").exit_code == 0
        assert weights_in(Path("specs/again")) == "../checkpoint"
        assert crossloom("emit", "build/tiny/spec.yaml", "-o", "build/tiny", "--check").exit_code == 0
    for name in ("build/tiny", "specs/again"):
        files = [{f.name: f.read_bytes() for f in (tmp_path / m / name).iterdir()} for m in ("one", "other")]
        assert files[0] == files[1]
    assert Path("build/tiny/modeling.py").read_bytes() == Path("specs/again/modeling.py").read_bytes()


@pytest.mark.parametrize("source", ["/data/checkpoint", "~/checkpoint", "organisation/name@main"])
def test_what_is_the_same_from_everywhere_stays_as_written(tmp_path: Path, source: str) -> None:
    path = write(tmp_path, TINY.replace("  config:", f"  weights: {source}\n  config:"))
    crossloom("emit", path, "-o", tmp_path / "out")
    assert weights_in(tmp_path / "out") == source


def test_inherited_weights_lie_beside_the_spec_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    write(tmp_path / "base", TINY.replace("  config:", "  weights: ./checkpoint\n  config:"))
    path = write(tmp_path, "crossloom: 1\nname: mine\nextends: base/tiny.yaml\n", "mine.yaml")
    outcome = crossloom("weights", path, "--verify")
    assert f"{tmp_path / 'base' / 'checkpoint'}` does not exist" in outcome.stderr
