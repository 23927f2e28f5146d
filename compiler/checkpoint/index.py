"""Checkpoints of several files: the index against what the files hold, both ways."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

from compiler.checkpoint.findings import error, failure, near, printable, quoted
from compiler.checkpoint.shard import Shard
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import Diagnostic


def read_index(source: Source, name: str) -> dict[str, str]:
    """The file that an index names for each tensor; XL509 for an index that is none."""
    weight_map = source.read_json(name).get("weight_map")
    if not isinstance(weight_map, dict) or set(map(type, weight_map.values())) != {str}:
        message = f"`{source.label(name)}` has no `weight_map` from tensor names to file names"
        raise failure("XL509", message)
    return weight_map


def find_shards(source: Source, name: str, weight_map: dict[str, str]) -> tuple[list[str], list[Diagnostic]]:
    """The files of an index that can be read, sorted; XL507 for each that is absent or lies outside."""
    shards, findings = [], []
    for file in sorted(set(weight_map.values())):
        inside = _is_inside(file)
        if inside and source.has(file):
            shards.append(file)
            continue
        tensors = [tensor for tensor, placed in weight_map.items() if placed == file]
        state = "is absent" if inside else "is outside the checkpoint"
        message = f"`{source.label(name)}` places {quoted(tensors)} in `{printable(file)}`, which {state}"
        findings.append(error("XL507", message, help=near(file, source.files())))
    return shards, findings


def compare_index(label: str, weight_map: dict[str, str], shards: list[Shard]) -> list[Diagnostic]:
    """XL507 where the files hold other tensors than the index says: one finding per file and kind.

    A file that could not be read is not compared. A tensor that is in one file and indexed in another is
    one finding, at the file that lacks it.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for shard in shards:
        for tensor in shard.tensors:
            holders[tensor].append(shard.file)
    findings = []
    for shard in shards:
        if shard.findings:
            continue
        file = printable(shard.file)
        indexed = [tensor for tensor, placed in weight_map.items() if placed == shard.file]
        if lacking := [tensor for tensor in indexed if tensor not in shard.tensors]:
            them = "it" if len(lacking) == 1 else "them"
            message = f"`{label}` places {quoted(lacking)} in `{file}`, which lacks {them}"
            elsewhere = sorted({holder for tensor in lacking for holder in holders.get(tensor, ())})
            found = [f"found in {quoted(elsewhere)} instead"] if elsewhere else []
            findings.append(error("XL507", message, info=found))
        if unknown := [tensor for tensor in shard.tensors if tensor not in weight_map]:
            message = f"`{file}` holds {quoted(unknown)}, which `{label}` does not name"
            findings.append(error("XL507", message))
        placed_elsewhere = [tensor for tensor in shard.tensors if weight_map.get(tensor) != shard.file]
        if repeated := [tensor for tensor in placed_elsewhere if weight_map.get(tensor) in holders[tensor]]:
            message = f"`{file}` holds {quoted(repeated)}, which `{label}` places elsewhere"
            findings.append(error("XL507", message))
    return findings


def _is_inside(file: str) -> bool:
    """Whether a file name stays within the checkpoint's folder."""
    path = PurePosixPath(file)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and not {"\\", "\0"} & set(file)
    )
