"""Read the files of a tokenizer, with what is wrong with them said plainly."""

from __future__ import annotations

from pathlib import Path

from runtime.failures import failure

LFS_POINTER = b"version https://git-lfs"


def read_bytes(path: Path) -> bytes:
    """The contents of a file. Raises CrossloomError: cannot be opened (XL117), a Git LFS pointer (XL516)."""
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise failure(
            "XL117",
            f"`{path}` cannot be opened: {error.strerror or error}",
            info=("the tokenizer is made of it",),
            help="download the tokenizer's files beside the model's",
        ) from None
    if contents.startswith(LFS_POINTER):
        raise failure(
            "XL516",
            f"`{path}` is a Git LFS pointer, not the file itself",
            help="run `git lfs pull` in the checkpoint's folder",
        )
    return contents


def write_file(path: Path, contents: bytes) -> None:
    """Put a whole file in place at once: a reader sees the old contents or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(contents)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
