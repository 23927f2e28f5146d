"""Ids that are to be decoded, and what every tokenizer does with the text of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from numbers import Integral
from textwrap import shorten
from typing import Any

from runtime.failures import failure

CLEAN_UP = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)
"""What joining punctuation replaces, in this order."""


def joined_punctuation(text: str) -> str:
    """The text without the spaces that decoding leaves before punctuation and contractions."""
    for spaced, joined in CLEAN_UP:
        text = text.replace(spaced, joined)
    return text


def check_known(numbers: list[int], known: Collection[int]) -> None:
    """Refuse ids that no token has: CrossloomError, XL402."""
    outside = next((index for index in numbers if index not in known), None)
    if outside is not None:
        raise failure(
            "XL402",
            f"the tokenizer has no token of the id {outside}",
            info=(f"its {len(known)} ids end at {max(known)}",),
            help="remove what fills labels up"
            if outside < 0
            else 'decode ids of this tokenizer, or pass errors="replace"',
        )


def as_rows(values: Iterable[Any]) -> list[Any]:
    """Plain Python values of a list, an array or a tensor. CrossloomError (XL103) for anything else."""
    listed = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(listed, str | bytes | Mapping) or not isinstance(listed, Iterable):
        raise failure(
            "XL103",
            f"ids to decode are a list or a tensor, not {_shown(listed)}",
            help="pass what `generate` returns to `batch_decode`, one row of it to `decode`",
        )
    return list(listed)


def as_ids(values: Iterable[Any]) -> list[int]:
    """Whole numbers in a list, an array or a tensor. CrossloomError (XL103) for anything else."""
    numbers = as_rows(values)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, Integral):
            raise failure(
                "XL103",
                f"ids to decode are whole numbers, not {_shown(number)}",
                help="decode rows of ids with `batch_decode`, one row with `decode`",
            )
    return list(map(int, numbers))


def _shown(value: Any) -> str:
    """A value in few characters."""
    return shorten(repr(value), 40, placeholder=" ...")
