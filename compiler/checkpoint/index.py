"""Checkpoints of several files: the index against what the files hold, both ways."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

from compiler.checkpoint.findings import error, near, printable, quoted
from compiler.checkpoint.shard import Shard
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import Diagnostic


def read_index(source: Source, name: str) -> tuple[dict[str, list[str]], list[Diagnostic]]:
    """The tensor names each file of an index should hold, and what is wrong with the index itself.

    Files that are absent, or outside the checkpoint, are left out and found (XL507); an index that is not one
    is XL509.
    """
    label = source.label(name)
    weight_map = source.read_json(name).get("weight_map")
    if (
        not isinstance(weight_map, dict)
        or not weight_map
        or not all(isinstance(file, str) and file for file in weight_map.values())
    ):
        return {}, [error("XL509", f"`{label}` has no `weight_map` from tensor names to file names")]
    shards: dict[str, list[str]] = defaultdict(list)
    for tensor, file in weight_map.items():
        shards[file].append(tensor)
    findings = []
    for file, tensors in list(shards.items()):
        inside = (
            not PurePosixPath(file).is_absolute()
            and ".." not in PurePosixPath(file).parts
            and "\\" not in file
        )
        if inside and "\0" not in file and source.has(file):
            continue
        del shards[file]
        state = "is absent" if inside else "is outside the checkpoint"
        message = f"`{label}` names `{printable(file)}` for {_count(tensors)}, but that file {state}"
        findings.append(error("XL507", message, help=near(file, source.files())))
    return dict(sorted(shards.items())), findings


def compare_index(
    source: Source, name: str, expected: dict[str, list[str]], shards: list[Shard]
) -> list[Diagnostic]:
    """XL507 where the files hold other tensors than the index says: one finding per file and kind.

    `expected` and `shards` cover the same files; a shard that could not be read is not compared.
    """
    label = source.label(name)
    holders: dict[str, list[str]] = defaultdict(list)
    for shard in shards:
        for tensor in shard.tensors:
            holders[tensor].append(shard.file)
    indexed = {tensor: file for file, tensors in expected.items() for tensor in tensors}
    findings = []
    for shard in shards:
        if shard.findings:
            continue
        lacking = [tensor for tensor in expected[shard.file] if tensor not in shard.tensors]
        if lacking:
            elsewhere = sorted({holder for tensor in lacking for holder in holders.get(tensor, ())})
            findings.append(
                error(
                    "XL507",
                    f"`{label}` places {quoted(lacking)} in `{printable(shard.file)}`, which lacks it",
                    info=[f"found in {quoted(elsewhere)} instead"] if elsewhere else [],
                )
            )
        misplaced = set(lacking)
        extra = [
            tensor
            for tensor in shard.tensors
            if indexed.get(tensor) != shard.file and tensor not in misplaced
        ]
        unknown = [tensor for tensor in extra if tensor not in indexed]
        repeated = [tensor for tensor in extra if tensor in indexed and indexed[tensor] in holders[tensor]]
        if unknown:
            message = f"`{printable(shard.file)}` holds {quoted(unknown)}, which `{label}` does not name"
            findings.append(error("XL507", message))
        if repeated:
            message = (
                f"`{printable(shard.file)}` holds {quoted(repeated)} again, which `{label}` places elsewhere"
            )
            findings.append(error("XL507", message))
    return findings


def _is_inside(file: str) -> bool:
    """Whether a file name stays within the checkpoint's folder."""
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and not {"\\", "\0"} & set(file)


def _count(tensors: list[str]) -> str:
    return f"`{printable(tensors[0])}`" if len(tensors) == 1 else f"{len(tensors):,} tensors"
