"""Names close to a misspelt one, and names in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_CLOSE = 0.65
"""Twice the characters in common over all characters; below it, suggestions are mostly noise."""
_UNMISTAKABLE = 0.88
"""From here on a name is the other one misspelt, not a name with a meaning of its own."""
_SLIPS = 2
"""Letters added, left out, replaced or swapped; fewer in a short name, where each one weighs more."""
_LETTERS_A_SLIP = 4


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


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def is_unmistakable(name: str, candidates: Iterable[str]) -> bool:
    """Whether `name` is the closest of `candidates` misspelt, and no other of them as likely.

    Strict enough to rename a key by machine, where `near` only asks.
    """
    from difflib import SequenceMatcher  # only a failing check pays for the import

    close = near(name, candidates, most=2)
    if not close:
        return False
    written = _plain(name)
    slips = [_slips(written, _plain(candidate)) for candidate in close]
    if len(slips) == 2 and slips[1] <= slips[0]:
        return False
    if slips[0] <= min(_SLIPS, len(written) // _LETTERS_A_SLIP):
        return True
    return SequenceMatcher(None, _plain(close[0]), written).ratio() >= _UNMISTAKABLE


def _slips(first: str, second: str) -> int:
    """Damerau-Levenshtein distance of neighbours: each letter takes part in at most one swap."""
    before: list[int] = []
    last = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        row = [i]
        for j, other in enumerate(second, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and (letter, first[i - 2]) == (second[j - 2], other):
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
