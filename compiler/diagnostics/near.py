"""Names close to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable


def near(name: object, candidates: Iterable[str], most: int = 3) -> list[str]:
    """At most `most` of `candidates` that `name` may have meant, the closest first.

    Case, `-` and `_` are ignored, so `D-Model` finds `d_model`. Empty where nothing is close, and
    for a name that is no string.
    """
    from difflib import get_close_matches  # only a failing check pays for the import

    if not isinstance(name, str):
        return []
    spelt: dict[str, list[str]] = {}
    for candidate in dict.fromkeys(candidates):
        spelt.setdefault(_plain(candidate), []).append(candidate)
    found = get_close_matches(_plain(name), spelt, n=most, cutoff=0.65)
    return [candidate for key in found for candidate in spelt[key]][:most]


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
