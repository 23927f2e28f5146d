"""Matrix products that inductor writes, with their sums in registers.

Inductor multiplies block by block: so many rows times so many columns, whose sums are an array in its source
that a compiler has to keep in registers. Steps of 16 and 40 rows took 5.5 and 8.8 ms before and 4.3 and 7.4
with all of this.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from compiler.compilation.cpp_compiler import takes

FLAGS = ("-fno-tree-loop-distribute-patterns", "--param=max-completely-peel-times=32")
"""Without them GCC clears the array by `memset`, or in a loop where it has more than 16 vectors, and then
writes every sum back to memory behind each multiplication."""

CACHED = {"cpp.gemm_cache_blocking": "64,1,512"}
"""Rows (in blocks), columns (in blocks) and depth of what is multiplied at once: all rows of a step, so that
each weight is read from memory once, and so deep that sums seldom leave their registers."""


@contextmanager
def sums_in_registers() -> Iterator[None]:
    """While it is entered, inductor compiles with `FLAGS`, and takes no block as high as it is wide.

    Both are private to torch, `torch._inductor.cpp_builder._get_ffast_math_flags` and
    `torch._inductor.codegen.cpp_micro_gemm.micro_gemm_configs`; where one is gone, products are slower.
    """
    with ExitStack() as changes:
        if takes(FLAGS):
            changes.enter_context(_with_flags())
        changes.enter_context(_with_wide_blocks())
        yield


@contextmanager
def _with_flags() -> Iterator[None]:
    builder: Any = importlib.import_module("torch._inductor.cpp_builder")
    own = getattr(builder, "_get_ffast_math_flags", None)
    if own is None:
        yield
        return
    builder._get_ffast_math_flags = lambda: [*own(), *(flag[1:] for flag in FLAGS)]  # it puts the dash
    try:
        yield
    finally:
        builder._get_ffast_math_flags = own


@contextmanager
def _with_wide_blocks() -> Iterator[None]:
    """Blocks one vector wide are left out: for each multiplication they read a number of a row."""
    importlib.import_module("torch._inductor.compile_fx")  # without it the next cannot be imported
    try:
        products: Any = importlib.import_module("torch._inductor.codegen.cpp_micro_gemm")
        configurations, vectors = products.micro_gemm_configs, products.CppMicroGemmFP32Vec
        own = configurations[vectors]
        wide = [one for one in own if one.register_blocking.block_m < one.register_blocking.block_n]
    except (ImportError, AttributeError, KeyError):
        yield
        return
    configurations[vectors] = wide
    try:
        yield
    finally:
        configurations[vectors] = own
