"""The import lines of an emitted file."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.block_source import BlockLibrary, Definition

_ALWAYS = {
    "Mapping": "from collections.abc import Mapping",
    "NamedTuple": "from typing import NamedTuple",
    "torch": "import torch",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}


def import_lines(definitions: list[Definition], blocks: BlockLibrary) -> Iterator[str]:
    """Imports of what the definitions use, standard library first, sorted and joined as a formatter would."""
    lines = dict(_ALWAYS)
    for definition in definitions:
        available = blocks.imports(definition.module)
        lines |= {name: available[name] for name in definition.uses if name in available}
    plain_imports = sorted({line for line in lines.values() if line.startswith("import ")})
    members: dict[str, set[str]] = {}
    for line in lines.values():
        if line.startswith("from "):
            module, _, name = line.removeprefix("from ").partition(" import ")
            members.setdefault(module, set()).add(name)
    froms = {
        module: f"from {module} import {', '.join(sorted(names, key=_import_order))}"
        for module, names in members.items()
    }
    ours = [line for line in plain_imports if line.startswith("import torch")]
    standard = [line for line in plain_imports if line not in ours]
    standard += [froms[m] for m in sorted(froms) if not m.startswith("torch")]
    ours += [froms[m] for m in sorted(froms) if m.startswith("torch")]
    yield from standard
    yield ""
    yield from ours


def _import_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, as import sorters have it."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)
