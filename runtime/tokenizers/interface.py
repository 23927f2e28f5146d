"""What the runtime asks of a tokenizer, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Protocol, get_args

from runtime.failures import failure
from specs.processing.tokenizers import TokenizerKind

Errors = Literal["strict", "replace"]
"""What becomes of text without a token and of ids without a text: refused, or the unknown token."""


class Tokenizer(Protocol):
    """Texts to ids and back."""

    @property
    def kind(self) -> TokenizerKind:
        """What it was made by."""

    @property
    def ids(self) -> Mapping[str, int]:
        """Token -> id, special tokens included."""

    @property
    def largest_id(self) -> int:
        """The largest id that can be encoded."""

    @property
    def pad_id(self) -> int:
        """The id of padding."""

    def encode(self, text: str, language: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text that a decoder writes, special tokens included.

        Raises CrossloomError: an unknown language (XL112); text without a token (XL417), unless replaced.
        """

    def encode_source(self, text: str, language: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text that an encoder reads, special tokens included. Raises as `encode`."""

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True, errors: Errors = "strict") -> str:
        """The text of ids, a list or a one-dimensional tensor.

        Raises CrossloomError: no ids (XL103); an id without a token (XL402), unless replaced.
        """

    def batch_decode(
        self,
        rows: Iterable[Iterable[int]],
        skip_special_tokens: bool = True,
        errors: Errors = "strict",
    ) -> list[str]:
        """The text of each row of ids. Raises as `decode`."""

    def language_id(self, code: str) -> int:
        """The id of a target language. Raises CrossloomError (XL112) for one the tokenizer does not have."""

    def save(self, folder: Path) -> list[Path]:
        """Write the files it was made of as they were read; returns their paths."""


def replaces(errors: Errors) -> bool:
    """Whether the unknown token stands in. Raises CrossloomError (XL112) for a word that is no policy."""
    if errors not in get_args(Errors):
        known = " or ".join(f'errors="{word}"' for word in get_args(Errors))
        raise failure("XL112", f"`errors` is {errors!r}", help=f"use {known}")
    return errors == "replace"
