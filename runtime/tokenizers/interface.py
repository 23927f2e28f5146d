"""What the runtime asks of a tokenizer, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol


class Tokenizer(Protocol):
    """Texts to ids and back."""

    @property
    def ids(self) -> Mapping[str, int]:
        """Token -> id, special tokens included."""

    @property
    def largest_id(self) -> int:
        """The largest id that can be encoded."""

    @property
    def pad_id(self) -> int:
        """The id of padding."""

    def encode(self, text: str, tgt_lang: str | None = None) -> list[int]:
        """Ids of a text, special tokens included. Raises CrossloomError (XL112) for an unknown language."""

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """The text of ids, a list or a one-dimensional tensor."""

    def batch_decode(self, rows: Iterable[Iterable[int]], skip_special_tokens: bool = True) -> list[str]:
        """The text of each row of ids."""

    def language_id(self, code: str) -> int:
        """The id of a target language. Raises CrossloomError (XL112) for one the tokenizer does not have."""

    def save(self, folder: Path) -> list[Path]:
        """Write the files it was made of as they were read; returns their paths."""
