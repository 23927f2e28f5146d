"""Compilation of a live model's methods: `compile=` of `build`, `load` and `from_pretrained`."""

from compiler.compilation.modes import CompileMode, compiled

__all__ = ["CompileMode", "compiled"]
