"""One weights file of a checkpoint, read from its header."""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.checkpoint.checkpoint import StoredTensor
from compiler.diagnostics.model import Diagnostic


@dataclass(slots=True)
class Shard:
    """The tensors of one file and what is wrong with it."""

    file: str
    tensors: dict[str, StoredTensor] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
