"""What a user may write under `weights:`."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Folder
from compiler.diagnostics.model import CrossloomError, Diagnostic


def refusal(source: str | Path, base: Path | None = None, revision: str | None = None) -> Diagnostic:
    with pytest.raises(CrossloomError) as raised:
        resolve(source, base=base, revision=revision)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "XL514"
    return diagnostic


@pytest.mark.parametrize("written", ["./weights", "../base/weights", "./", ".", "..", "~/weights"])
def test_folders_are_relative_to_the_base(
    tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "base"
    (base / "weights").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(base))
    source = resolve(written, base=base)
    assert isinstance(source, Folder)
    assert source.root.samefile(Path(written).expanduser() if written[0] == "~" else base / written)
    assert source.commit is None


def test_an_absolute_folder_and_a_path(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    for source in (resolve(str(tmp_path / "weights"), base=Path("elsewhere")), resolve(tmp_path / "weights")):
        assert str(source) == str(tmp_path / "weights")


def test_a_missing_folder_offers_near_names(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    assert refusal("./chekpoint", tmp_path).help == "did you mean `checkpoint`?"
    assert refusal("./a/b/c", tmp_path).help == "check the path"


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    assert "cannot be read" in refusal("./" + "a" * 5000, tmp_path).message
    assert "unknown user" in refusal("~nobody-of-that-name/weights").message
    assert "does not exist" in refusal("./a\0b", tmp_path).message


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    assert refusal("./model.safetensors", tmp_path).help == f"name its folder: `{tmp_path}`"


@pytest.mark.parametrize("written", ["a/b/c", "", "@main", "a/b@", "a b", "a//b", "a/b/"])
def test_text_that_is_neither(written: str) -> None:
    assert "neither a folder nor a Hub repository" in refusal(written).message


def test_a_relative_folder_without_its_dot(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert refusal("a/b/c", tmp_path).help == "write `./a/b/c`"


def test_a_revision_is_named_once_and_not_for_folders(tmp_path: Path) -> None:
    assert "two" in refusal("org/name@one", revision="two").message
    assert "has no revision" in refusal(tmp_path, revision="two").message


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.json", "a.bin", ".hidden"):
        (tmp_path / name).write_bytes(b"0123456789")
    (tmp_path / "nested").mkdir()
    source = Folder(tmp_path)
    assert source.files() == ["a.bin", "b.json"]
    assert source.has("a.bin")
    assert not source.has("nested")
    assert source.size("a.bin") == 10
    assert source.read_range("a.bin", 2, 5) == b"234"
    assert source.read_range("a.bin", 8, 50) == b"89"
    with pytest.raises(CrossloomError) as raised:
        source.path("c.bin")
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "XL514"
    assert diagnostic.info == ("it holds `a.bin`, `b.json`",)
