"""A compiler for encoder-decoder models: a YAML spec in, reviewed PyTorch source and a running model out.

    spec = crossloom.load_spec("spec.yaml")
    model = crossloom.load(spec)
    print(crossloom.transcribe(model, "speech.wav"))

Everything is imported on first use: `import crossloom` needs neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from compiler.diagnostics.model import CrossloomError, Diagnostic
    from compiler.spec import Spec
    from compiler.warning import CrossloomWarning
    from crossloom.api import (
        build,
        check,
        emit,
        export,
        from_pretrained,
        generate,
        import_spec,
        load,
        load_processor,
        load_spec,
        lower,
        read_audio,
        train,
        transcribe,
        translate,
        verify,
        weight_table,
    )

_HOMES = {
    "CrossloomError": "compiler.diagnostics.model",
    "CrossloomWarning": "compiler.warning",
    "Diagnostic": "compiler.diagnostics.model",
    "Spec": "compiler.spec",
}

__all__ = [
    "CrossloomError",
    "CrossloomWarning",
    "Diagnostic",
    "Spec",
    "build",
    "check",
    "emit",
    "export",
    "from_pretrained",
    "generate",
    "import_spec",
    "load",
    "load_processor",
    "load_spec",
    "lower",
    "read_audio",
    "train",
    "transcribe",
    "translate",
    "verify",
    "weight_table",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'crossloom' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "crossloom.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
