"""Checkpoints on disk and on the Hub, read from their headers alone: no torch, no weights in memory."""

from compiler.checkpoint.checkpoint import Checkpoint, StoredTensor
from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Folder, Source

__all__ = ["Checkpoint", "Folder", "Source", "StoredTensor", "read_checkpoint", "resolve"]
