"""From what a user writes under `weights:` to a source of files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from compiler.checkpoint.findings import failure
from compiler.checkpoint.source import Folder, Source

_FOLDER = re.compile(r"[/~]|\.{1,2}(/|$)")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")


def is_folder(source: str) -> bool:
    """Whether `weights:` names a folder, not a repository."""
    return _FOLDER.match(source) is not None


def seen_from(folder: Path, source: str, base: Path) -> str:
    """`source`, written in a spec in `base`, as a spec in `folder` names it.

    Only a folder with a relative path is named otherwise; `/` and `~` are the same from everywhere.
    """
    if not source.startswith("."):
        return source
    path = Path(os.path.relpath(os.path.realpath(base / source), os.path.realpath(folder))).as_posix()
    return path if path.startswith("../") or path == ".." else f"./{path}"


def resolve(
    source: str | Path | Source,
    *,
    base: Path | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: Path | None = None,
    local_files_only: bool = False,
) -> Source:
    """The folder or Hub repository that `source` names; what is resolved already stays as it is.

    Text beginning with `/`, `./`, `../` or `~` is a folder, relative to `base` (the spec file's folder; by
    default the working directory). Other text is a repository, `organisation/name` or
    `organisation/name@revision`. A `Path` is a folder as it stands. `token`, `cache_dir` and
    `local_files_only` mean what they mean to huggingface_hub.

    Raises `CrossloomError`: XL514 when there is no such folder, XL513 for a gated repository, XL515 when the
    Hub does not serve it.
    """
    if isinstance(source, Source):
        return source
    if not isinstance(source, (str, Path)):
        raise failure(
            "XL103",
            f"a checkpoint is named by a path or as `organisation/name`, not by {type(source).__name__}",
            help="give a string or a `pathlib.Path`",
        )
    if isinstance(source, Path) or is_folder(source):
        if revision is not None:
            raise failure(
                "XL514", f"`{source}` is a folder, which has no revision", help="remove the revision"
            )
        try:
            path = Path(source).expanduser()
        except RuntimeError:
            raise failure("XL514", f"`{source}` names the home folder of an unknown user") from None
        return Folder(path if isinstance(source, Path) or base is None else base / path)

    name, _, written = source.partition("@")
    if not _REPOSITORY.fullmatch(name) or source.endswith("@"):
        raise failure(
            "XL514",
            f"`{source}` is neither a folder nor a Hub repository",
            info=["a folder begins with `/`, `./`, `../` or `~`; a repository is `organisation/name`"],
            help=f"write `./{source}`" if (base or Path()).joinpath(source).exists() else None,
        )
    if written and revision not in (None, written):
        raise failure(
            "XL514",
            f"`{source}` names revision `{written}`, but revision `{revision}` was asked for",
            help="name the revision once",
        )
    from compiler.hub.repository import HubRepository  # huggingface_hub takes a while to import

    lookalike = (base or Path()) / name
    return HubRepository(
        name,
        revision=revision or written or None,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        folder=lookalike if lookalike.is_dir() else None,
    )
