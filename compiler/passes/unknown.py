"""A key nobody reads: what it may have meant, and whether renaming it is safe."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Severity
from compiler.diagnostics.near import is_unmistakable, near
from compiler.passes.editing import is_open
from compiler.passes.forms import KEYS
from compiler.passes.homes import homes, within
from compiler.passes.wording import named
from compiler.reader import Document
from compiler.reader import Path as Address
from specs.synonyms import synonyms


def unknown_key(path: Address, document: Document, known: Iterable[str]) -> tuple[Diagnostic, Address | None]:
    """XL101 for the key at `path`, and the place of the key that it is taken for.

    Only a name that cannot mean anything else comes with a fix: `num_hidden_layers` resembles a field,
    and may still mean another. A key that is there already is never proposed a second time.
    """
    name, section, names = str(path[-1]), path[:-1], sorted(known)
    close, called = near(name, names), synonyms(name, names)
    is_safe = is_unmistakable(name, names)
    elsewhere = [] if is_safe or called else homes(path, document)
    fix = None
    if elsewhere:
        places = elsewhere
        help = f"`{name}` belongs {' or '.join(dict.fromkeys(within(place[:-1]) for place in places))}"
        help += _under_another_name(name, places)
    elif called not in ([], close[:1]) and not is_safe:
        places = [(*section, one) for one in called]
        help = f"it is called {_either(called)} here"
    elif (word := name.partition(" ")[0]) in names:
        places = [(*section, word)]
        help = f"write a `:` after `{word}`"
    elif close:
        places = [(*section, close[0])]
        help = f"did you mean `{close[0]}`?"
    else:
        places = []
        help = f"remove it; known keys: {', '.join(names)}"
    meant = places[0] if len(places) == 1 else None
    if meant in document.keys:
        there = "here" if meant[:-1] == section else within(meant[:-1])
        help, meant = f"`{meant[-1]}` is already {there}; remove one", None
    if name in KEYS or (meant is not None and not is_open(document.data, meant[:-1])):
        meant = None  # another form of a model is no setting of this one, and where a text is goes nothing
    span = document.keys.get(path) or document.locate(path)
    if meant is not None and is_safe:
        fix = Fix(f"rename `{name}` to `{meant[-1]}`", (Edit(span, str(meant[-1])),))
    where = named(section)
    diagnostic = Diagnostic(
        "XL101",
        Severity.ERROR,
        f"unknown key `{name}`" + (f" in {where}" if where else ""),
        (span._replace(label="not a key here"),),
        ("a key nobody reads would be a setting that silently does nothing",),
        help,
        fix,
    )
    return diagnostic, meant


def _under_another_name(name: str, places: list[Address]) -> str:
    names = list(dict.fromkeys(str(place[-1]) for place in places))
    return "" if names == [name] else f", where it is called {_either(names)}"


def _either(names: list[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)
