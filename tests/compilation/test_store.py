"""Packages are taken from nowhere but a private folder, and only as they were kept."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.compilation.store import DAY, UNFINISHED, VARIABLE, Store, store_folder
from compiler.diagnostics import CrossloomError

FACTS = {"model": "a", "threads": 2}


ENDED_WHILE_IT_WRITES = """
import os, shutil, signal, sys
from pathlib import Path
from compiler.compilation.store import Store

def copy(made, file):
    file.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

shutil.copyfile = copy
Store(Path(sys.argv[1])).keep({}, Path.touch)
"""


def writing(content: bytes) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        file.write_bytes(content)

    return write


def kept(folder: Path, content: bytes = b"code") -> Path:
    return Store(folder).keep(FACTS, writing(content))


def record_in(folder: Path) -> Path:
    (record,) = folder.glob("*.json")
    return record


def age(file: Path) -> None:
    """As if nobody had written it for longer than a day."""
    written = file.lstat().st_mtime - DAY - 60
    os.utime(file, (written, written), follow_symlinks=False)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no room for what is copied."""

    def copy(_: Path, target: Path) -> None:
        target.write_bytes(b"co")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(shutil, "copyfile", copy)


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


def test_a_changed_package_is_made_anew(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    file.write_bytes(b"c0de")
    assert Store(tmp_path / "packages").find(FACTS) is None
    assert kept(tmp_path / "packages") == file
    assert Store(tmp_path / "packages").find(FACTS) == file


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"sha256": 1}', '{"sha256": "\\u0000"}'])
def test_a_damaged_record_is_written_anew(tmp_path: Path, record: str) -> None:
    file = kept(tmp_path / "packages")
    record_in(tmp_path / "packages").write_text(record)
    assert Store(tmp_path / "packages").find(FACTS) is None
    assert kept(tmp_path / "packages") == file
    assert Store(tmp_path / "packages").find(FACTS) == file


def test_a_linked_package_is_not_opened(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert Store(tmp_path / "packages").find(FACTS) is None
    assert kept(tmp_path / "packages") == file
    assert not file.is_symlink()
    assert tmp_path.joinpath("elsewhere").exists()


def test_a_folder_in_place_of_a_package_is_told(tmp_path: Path) -> None:
    file = kept(tmp_path / "packages")
    file.unlink()
    file.joinpath("something").mkdir(parents=True)
    assert Store(tmp_path / "packages").find(FACTS) is None
    with pytest.raises(CrossloomError, match=r"takes no package of 0\.0 MB: Is a directory"):
        kept(tmp_path / "packages")


def test_looking_in_at_any_moment_disturbs_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two keep the same of other bytes, and a third looks whenever a file appears."""
    first, seen = kept(tmp_path / "packages", b"first"), []
    move = Path.replace

    def moved(self: Path, target: Path) -> Path:
        result = move(self, target)
        seen.append(Store(tmp_path / "packages").find(FACTS))
        return result

    monkeypatch.setattr(Path, "replace", moved)
    second = kept(tmp_path / "packages", b"second")
    assert seen == [first, second]
    assert (first.read_bytes(), second.read_bytes()) == (b"first", b"second")


def test_a_package_is_in_its_place_before_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    move = Path.replace

    def moved(self: Path, target: Path) -> Path:
        written.append(Path(target).suffix)
        return move(self, target)

    monkeypatch.setattr(Path, "replace", moved)
    kept(tmp_path / "packages")
    assert written == [".pt2", ".json"]


def test_a_full_folder_is_told(tmp_path: Path, full: None) -> None:
    with pytest.raises(CrossloomError) as raised:
        kept(tmp_path / "packages", b"0" * 250_000)
    (found,) = raised.value.diagnostics
    folder, why = tmp_path / "packages", "takes no package of 0.2 MB: No space left on device"
    assert (found.code, found.message) == ("XL605", f"the folder of compiled packages {folder} {why}")
    assert found.help == f"make room for it, or name another folder in {VARIABLE}"
    assert not list(folder.iterdir())


def test_nothing_is_made_where_room_may_be_short(tmp_path: Path) -> None:
    """Torch ends the process where it cannot write."""
    made: list[Path] = []

    def make(file: Path) -> None:
        made.append(file)
        file.touch()

    Store(tmp_path / "packages").keep(FACTS, make)
    assert tmp_path / "packages" not in made[0].parents
    assert made[0].suffix == ".pt2"
    assert not made[0].parent.exists()


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_what_an_ended_process_left_is_removed_a_day_later(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDED_WHILE_IT_WRITES, str(tmp_path / "packages")]
    status = subprocess.run(command, check=False, env={**os.environ, "TMPDIR": str(tmp_path)}).returncode
    assert status == -signal.SIGKILL
    (left,) = tmp_path.joinpath("packages").iterdir()
    assert left.suffix == UNFINISHED
    file = kept(tmp_path / "packages")
    assert left.exists()  # somebody might be writing it
    age(left)
    kept(tmp_path / "packages")
    assert {one.suffix for one in file.parent.iterdir()} == {".pt2", ".json"}


def test_a_package_that_no_record_names_is_removed_a_day_later(tmp_path: Path) -> None:
    old = kept(tmp_path / "packages", b"old")
    other = Store(tmp_path / "packages").keep({}, writing(b"other"))
    new = kept(tmp_path / "packages", b"new")
    assert old.exists()  # another process may have found it just now
    for file in (old, other, new):
        age(file)
    Store(tmp_path / "packages").keep({"more": 1}, writing(b"more"))
    assert not old.exists()
    assert Store(tmp_path / "packages").find({}) == other
    assert Store(tmp_path / "packages").find(FACTS) == new


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


def test_a_record_says_what_a_package_depends_on(tmp_path: Path) -> None:
    kept(tmp_path / "packages")
    record = json.loads(record_in(tmp_path / "packages").read_text())
    assert {name: record[name] for name in FACTS} == FACTS


def test_where_packages_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert store_folder() == tmp_path / "packages"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store_folder() == tmp_path / "xdg" / "crossloom" / "packages"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store_folder() == Path.home() / ".cache" / "crossloom" / "packages"
