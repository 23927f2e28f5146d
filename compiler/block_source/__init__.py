"""Reads `blocks/*.py` as text: what each class constructs, and the source it is copied from.

A class's `__init__` is straight-line: it assigns torch.nn constructors, buffers, numbers and built
parts. Reading it gives parameter names and shapes without importing torch. The few torch.nn
constructors that own parameters are tabulated.
"""

from compiler.block_source.definitions import Definition
from compiler.block_source.files import library
from compiler.block_source.library import BlockLibrary

__all__ = ["BlockLibrary", "Definition", "library"]
