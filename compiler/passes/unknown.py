"""A key nobody reads: what it may have meant, and whether renaming it is safe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Severity
from compiler.diagnostics.near import is_unmistakable, near
from compiler.passes.wording import named
from compiler.reader import Document
from compiler.reader import Path as Address
from specs.families import FAMILIES, family
from specs.generation import GenerationOptions

_ROLES = ("model", "encoder", "decoder")


def unknown_key(path: Address, document: Document, known: Iterable[str]) -> tuple[Diagnostic, str | None]:
    """XL101 for the key at `path`, and the known key it is taken for.

    Only a name that cannot mean anything else comes with a fix: `num_hidden_layers` resembles a field,
    and may still mean another. A key that is there already is never proposed a second time.
    """
    name = str(path[-1])
    names = sorted(known)
    present = {str(p[-1]) for p in document.keys if p[:-1] == path[:-1]}
    close = near(name, names)
    taken_for = close[0] if close and close[0] not in present else None
    is_safe = is_unmistakable(name, names)
    elsewhere = _home(path, document)
    if elsewhere is not None:
        taken_for = None
        help = f"`{name}` belongs under {elsewhere}"
    elif taken_for is not None:
        help = f"did you mean `{taken_for}`?"
    elif close:
        help = f"`{close[0]}` is already here; remove one"
    else:
        help = f"remove it; known keys: {', '.join(names)}"
    span = document.keys.get(path) or document.locate(path)
    where = named(path[:-1])
    fix = None
    if taken_for is not None and is_safe:
        fix = Fix(f"rename `{name}` to `{taken_for}`", (Edit(span, taken_for),))
    diagnostic = Diagnostic(
        "XL101",
        Severity.ERROR,
        f"unknown key `{name}`" + (f" in {where}" if where else ""),
        (replace(span, label="not a key here"),),
        ("a key nobody reads would be a setting that silently does nothing",),
        help,
        fix,
    )
    return diagnostic, taken_for


def _home(path: Address, document: Document) -> str | None:
    """The section of a spec that has a key of this name, where it is not the one at `path`."""
    if not isinstance(document.data, dict) or "crossloom" not in document.data:
        return None  # another kind of file, such as the options of a training
    name = path[-1]
    if name in GenerationOptions.model_fields and path[0] != "generation":
        return "`generation:`"
    if "config" in path[:-1]:
        return None
    homes = [f"`{role}: config:`" for role in _ROLES if _has_field(document.data.get(role), str(name))]
    return " or ".join(homes) or None


def _has_field(component: object, name: str) -> bool:
    stated = component.get("family") if isinstance(component, dict) else None
    return isinstance(stated, str) and stated in FAMILIES and name in family(stated).config.model_fields
