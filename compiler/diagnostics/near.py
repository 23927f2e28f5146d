"""Names close to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

_CLOSE = 0.65
"""Twice the characters in common over all characters; below it, suggestions are mostly noise."""


def near(name: object, candidates: Iterable[str], most: int = 3) -> list[str]:
    """At most `most` of `candidates` that `name` may have meant, the closest first.

    Case, `-` and `_` are ignored, so `D-Model` finds `d_model`. Empty where nothing is close, and
    for a name that is no string.
    """
    from difflib import SequenceMatcher  # only a failing check pays for the import

    if not isinstance(name, str):
        return []
    matcher = SequenceMatcher(b=_plain(name))
    scores: dict[str, float] = {}
    for candidate in candidates:
        matcher.set_seq1(_plain(candidate))
        # The two cheap bounds spare most candidates the quadratic comparison.
        if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= _CLOSE:
            scores[candidate] = matcher.ratio()
    close = [candidate for candidate, score in scores.items() if score >= _CLOSE]
    return sorted(close, key=lambda candidate: -scores[candidate])[:most]


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
