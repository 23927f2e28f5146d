"""Packages are taken from nowhere but a private folder, and only as they were kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from compiler.compilation.store import VARIABLE, Store, store_folder
from compiler.diagnostics import CrossloomError

FACTS = {"model": "a", "threads": 2}


def write(file: Path) -> None:
    file.write_bytes(b"code")


def kept(folder: Path) -> Path:
    return Store(folder).keep(FACTS, write)


def test_what_was_kept_is_found_by_its_facts_alone(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    store = Store(tmp_path / "packages")
    assert store.find(FACTS) == file
    assert store.find(dict(reversed(FACTS.items()))) == file
    assert store.find({**FACTS, "threads": 1}) is None
    assert file.read_bytes() == b"code"


def test_folder_and_files_are_the_users_alone(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    assert tmp_path.joinpath("packages").stat().st_mode & 0o777 == 0o700
    assert {one.stat().st_mode & 0o077 for one in file.parent.iterdir()} == {0}


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o720])
def test_an_open_folder_is_refused(tmp_path: Path, mode: int) -> None:
    kept(tmp_path / "packages")
    tmp_path.joinpath("packages").chmod(mode)
    with pytest.raises(CrossloomError) as raised:
        Store(tmp_path / "packages")
    found = raised.value.diagnostics[0]
    assert (found.code, found.help) == ("XL605", f"chmod 700 {tmp_path / 'packages'}")


def test_another_users_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path / "packages")
    monkeypatch.setattr(os, "getuid", lambda: os.stat(tmp_path).st_uid + 1)
    with pytest.raises(CrossloomError, match="belongs to another user"):
        Store(tmp_path / "packages")


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    kept(tmp_path / "elsewhere")
    tmp_path.joinpath("packages").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CrossloomError, match="is no folder"):
        Store(tmp_path / "packages")


def test_a_changed_package_is_not_opened(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    file.write_bytes(b"c0de")
    assert Store(tmp_path / "packages").find(FACTS) is None
    assert not list(file.parent.iterdir())


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"sha256": 1}'])
def test_a_damaged_record_is_no_record(tmp_path: Path, record: str) -> None:
    file = kept(tmp_path / "packages")
    file.with_suffix(".json").write_text(record)
    assert Store(tmp_path / "packages").find(FACTS) is None


def test_a_linked_package_is_not_opened(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert Store(tmp_path / "packages").find(FACTS) is None
    assert tmp_path.joinpath("elsewhere").exists()


def test_a_folder_in_place_of_a_package_is_removed(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    file.unlink()
    file.joinpath("something").mkdir(parents=True)
    assert Store(tmp_path / "packages").find(FACTS) is None
    assert not file.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()
    with pytest.raises(
        CrossloomError, match=f"cannot be made: Not a directory\nnote: .*\nhelp: .*{VARIABLE}"
    ):
        Store(tmp_path / "file" / "packages")


def test_what_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    def make(file: Path) -> None:
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path / "packages").keep(FACTS, make)
    assert not list(tmp_path.joinpath("packages").iterdir())


def test_what_another_process_is_keeping_is_left_alone(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    file.with_suffix(".json").rename(tmp_path / "record")
    assert Store(tmp_path / "packages").find(FACTS) is None
    (tmp_path / "record").rename(file.with_suffix(".json"))
    assert Store(tmp_path / "packages").find(FACTS) == file


def test_a_record_says_what_a_package_depends_on(tmp_path: Path) -> None:
    record = json.loads(kept(tmp_path / "packages").with_suffix(".json").read_text())
    assert {name: record[name] for name in FACTS} == FACTS


def test_where_packages_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert store_folder() == tmp_path / "packages"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store_folder() == tmp_path / "xdg" / "crossloom" / "packages"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store_folder() == Path.home() / ".cache" / "crossloom" / "packages"
