"""Read a checkpoint's headers: which files, which tensors, where their bytes lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from compiler.checkpoint.archive import read_archive
from compiler.checkpoint.checkpoint import Checkpoint, Format, aliases_of
from compiler.checkpoint.index import compare_index, find_shards, read_index
from compiler.checkpoint.refusals import no_weights, refuse_configuration
from compiler.checkpoint.safetensors import read_safetensors
from compiler.checkpoint.shard import Shard
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError, Diagnostic


class Layout(NamedTuple):
    """One way in which the Hub's libraries store weights."""

    file: str
    format: Format
    read: Callable[[Source, str], Shard]
    is_index: bool


LAYOUTS = (
    Layout("model.safetensors", "safetensors", read_safetensors, is_index=False),
    Layout("model.safetensors.index.json", "safetensors", read_safetensors, is_index=True),
    Layout("pytorch_model.bin", "bin", read_archive, is_index=False),
    Layout("pytorch_model.bin.index.json", "bin", read_archive, is_index=True),
)
"""In order of preference: the first that is present is the checkpoint, the others are not looked at."""


def read_checkpoint(source: Source) -> Checkpoint:
    """Every stored tensor, located and checked, without reading a weight.

    Raises `CrossloomError` with all findings: XL507 (index), XL508 (offsets), XL509 (malformed), XL510
    (unpickling), XL513 (refused kind), XL514 (no weights), XL516 (LFS pointer), XL517 (dtype).
    """
    findings: list[Diagnostic] = []
    if source.has("config.json"):
        findings += refuse_configuration(source, source.read_json("config.json"))
    layout = next((layout for layout in LAYOUTS if source.has(layout.file)), None)
    if layout is None:
        raise CrossloomError([*findings, no_weights(source, tuple(layout.file for layout in LAYOUTS))])
    if findings:
        raise CrossloomError(findings)

    if layout.is_index:
        weight_map = read_index(source, layout.file)
        files, findings = find_shards(source, layout.file, weight_map)
    else:
        weight_map, files = {}, [layout.file]
    shards = [layout.read(source, file) for file in files]
    findings += [finding for shard in shards for finding in shard.findings]
    if layout.is_index:
        findings += compare_index(source.label(layout.file), weight_map, shards)
    if findings:
        raise CrossloomError(findings)

    tensors = {name: tensor for shard in shards for name, tensor in shard.tensors.items()}
    return Checkpoint(
        source=source,
        format=layout.format,
        files=tuple(shard.file for shard in shards),
        tensors=tensors,
        metadata=shards[0].metadata if shards else {},
        aliases=aliases_of(tensors),
    )
