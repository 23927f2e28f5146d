"""Nothing is written when a command fails: folders are left as they were, to the byte."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import crossloom as interface
from compiler.writing.files import replace_all, text_writer
from tests.check.checkpoints import sound, with_config, with_tensors, write
from tests.cli.runner import TINY, crossloom, python
from tests.cli.runner import write as write_spec

BROKEN = TINY.replace("d_model: 8", "d_model: 9")
Contents = dict[str, bytes | None]


def contents(folder: Path) -> Contents:
    """Every file and folder below, hidden ones included."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder that has been emitted to before, and holds other files too."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("modeling.py", "weights.json", "spec.yaml", "README.md", "config.json", "notes.txt"):
        (folder / name).write_text(f"emitted by crossloom: old {name}\n", encoding="utf-8")
    return folder


def full_disk(failing: int) -> Callable[[Path, bytes], int]:
    """`Path.write_bytes`, of which one call leaves half of the file."""
    written = 0
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        nonlocal written
        written += 1
        if written == failing:
            write_bytes(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")  # as a write to an open file
        return write_bytes(path, data)

    return full


@pytest.mark.parametrize(
    "command", [("emit",), ("compile",), ("export", "--to", "transformers")], ids=" ".join
)
def test_a_spec_with_a_mistake(tmp_path: Path, target: Path, command: tuple[str, ...]) -> None:
    spec = write_spec(tmp_path, BROKEN)
    before = contents(tmp_path)
    result = crossloom(command[0], spec, "-o", target, *command[1:])
    assert result.exit_code == 1, result.output
    assert contents(tmp_path) == before


@pytest.mark.parametrize("command", [("compile",), ("export", "--to", "transformers")], ids=" ".join)
def test_a_checkpoint_that_does_not_fit(tmp_path: Path, target: Path, command: tuple[str, ...]) -> None:
    parts = sound(tmp_path)
    write(tmp_path, with_tensors(lambda tensors: tensors.pop("model.encoder.layer_norm.bias"))(parts))
    before = contents(tmp_path)
    result = crossloom(command[0], tmp_path / "spec.yaml", "-o", target, *command[1:])
    assert result.exit_code == 1, result.output
    assert "XL501" in result.output
    assert contents(tmp_path) == before


def test_a_folder_that_did_not_exist_is_not_made(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, BROKEN)
    assert crossloom("emit", spec, "-o", tmp_path / "a" / "b").exit_code == 1
    assert sorted(contents(tmp_path)) == [spec.name]


def test_import_of_a_config_that_is_refused(tmp_path: Path) -> None:
    parts = sound(tmp_path)
    write(tmp_path, with_config(d_modle=3)(parts))
    old = tmp_path / "imported.yaml"
    old.write_text("old\n", encoding="utf-8")
    before = contents(tmp_path)
    result = crossloom("import", tmp_path / "checkpoint", "-o", old)
    assert result.exit_code == 1
    assert "XL115" in result.output
    assert contents(tmp_path) == before


def test_check_writes_nothing_and_fix_only_what_it_can(tmp_path: Path) -> None:
    spec = write_spec(tmp_path, BROKEN)
    before = contents(tmp_path)
    assert crossloom("check", spec).exit_code == 1
    assert crossloom("check", spec, "--fix").exit_code == 1
    assert contents(tmp_path) == before


def test_emit_check_of_another_spec(tmp_path: Path, target: Path) -> None:
    spec = write_spec(tmp_path)
    before = contents(tmp_path)
    result = crossloom("emit", spec, "-o", target, "--check")
    assert result.exit_code == 1
    assert "XL601" in result.output
    assert contents(tmp_path) == before


@pytest.mark.parametrize("failing", range(1, 5))
def test_a_disk_that_is_full_in_between(
    tmp_path: Path, target: Path, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the four files cannot be written, none is replaced."""
    spec = write_spec(tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full_disk(failing))
    result = crossloom("emit", spec, "-o", target)
    monkeypatch.undo()
    assert result.exit_code == 2
    file = ("modeling.py", "weights.json", "spec.yaml", "README.md")[failing - 1]
    assert f"error[XL117]: `{target / file}`: No space left on device" in result.output
    assert contents(tmp_path) == before


@pytest.mark.parametrize("interrupted", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("failing", range(1, 4))
def test_a_failure_to_move_undoes_what_was_moved(
    target: Path, failing: int, interrupted: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(target)
    moved = 0
    replace = Path.replace

    def stopping(path: Path, place: Path) -> Path:
        nonlocal moved
        moved += 1
        if moved == failing:
            raise interrupted
        return replace(path, place)

    monkeypatch.setattr(Path, "replace", stopping)
    with pytest.raises(type(interrupted)):
        replace_all({target / name: text_writer("new\n") for name in ("config.json", "new.txt", "notes.txt")})
    assert contents(target) == before


def test_a_folder_in_the_place_of_the_last_file(tmp_path: Path, target: Path) -> None:
    spec = write_spec(tmp_path)
    (target / "README.md").unlink()
    (target / "README.md").mkdir()
    before = contents(tmp_path)
    assert crossloom("emit", spec, "-o", target).exit_code == 2
    assert contents(tmp_path) == before


@pytest.mark.parametrize("failing", range(1, 4))
def test_export_to_a_disk_that_is_full(
    tmp_path: Path,
    target: Path,
    failing: int,
    monkeypatch: pytest.MonkeyPatch,
    tiny_checkpoint: Callable[[int], Path],
) -> None:
    model = interface.from_pretrained(tiny_checkpoint(0))
    before = contents(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full_disk(failing))
    with pytest.raises(OSError, match="No space left") as raised:
        interface.export(model, target)
    monkeypatch.undo()
    assert Path(raised.value.filename).parent == target
    assert contents(tmp_path) == before


SMALL_DISK = """
import resource, sys
from crossloom.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))  # of any file; a longer one fails as on a full disk
main(sys.argv[1:], prog_name="crossloom")
"""


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (("emit", "digits", "-o", "out"), "out/modeling.py"),
        (("show", "digits", "--format", "html", "-o", "out.html"), "out.html"),
        (("export", "digits", "-o", "out", "--to", "transformers"), "out/model.safetensors"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_files_that_do_not_fit(tmp_path: Path, command: tuple[str, ...], file: str) -> None:
    """The system's own failures, which name no file and are not all of Python's kind."""
    done = python(SMALL_DISK.replace("sys.argv[1:]", repr(command)), tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error[XL117]: `{file}`: ")
    assert "File too large" in done.stderr
    assert "help: make room, or write to another place" in done.stderr
    assert contents(tmp_path) == {}


def test_what_was_begun_is_removed(tmp_path: Path) -> None:
    """Temporary files and new folders go, whatever it was that failed."""

    def fill(path: Path) -> None:
        path.write_text("new", encoding="utf-8")

    def fail(path: Path) -> None:
        fill(path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_all({tmp_path / "a" / "one": fill, tmp_path / "b" / "c" / "two": fail})
    assert contents(tmp_path) == {}
    replace_all({tmp_path / "a" / "one": fill, tmp_path / "b" / "c" / "two": fill})
    assert [name for name, data in contents(tmp_path).items() if data] == ["a/one", "b/c/two"]


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    """A result for a device or pipe goes through it, and one for a link into the file behind it."""
    pipe, behind, link = tmp_path / "pipe", tmp_path / "behind", tmp_path / "link"
    os.mkfifo(pipe)
    behind.write_text("old", encoding="utf-8")
    behind.chmod(0o640)
    link.symlink_to(behind)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        replace_all({pipe: text_writer("through"), link: text_writer("new")})
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert behind.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(behind.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["behind", "link", "pipe"]
