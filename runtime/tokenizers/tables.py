"""What tokenizers have in common whose ids a table of pieces gives."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from runtime.failures import failure
from runtime.tokenizers.files import write_file
from runtime.tokenizers.ids import as_ids, as_rows, check_known, joined_punctuation
from runtime.tokenizers.interface import Errors, replaces
from specs.processing.tokenizers import FileProblem, Table, read_table


class TableTokenizer(ABC):
    """Encode texts as pieces, and decode ids. Special tokens inside a text are kept whole."""

    def __init__(self, kind: Table, files: Mapping[str, bytes]) -> None:
        """`files` are the contents of the kind's files by name.

        Raises CrossloomError (XL403) where they cannot be used together.
        """
        self._stated = kind
        self._files = files
        self.ids = _read_ids(files[kind.table_file], kind)
        self.tokens = {index: token for token, index in self.ids.items()}
        self._special = frozenset(kind.special_tokens)
        self._special_ids = frozenset(self.ids[token] for token in kind.special_tokens)
        longest_first = sorted(kind.special_tokens, key=len, reverse=True)
        self._split_special = re.compile(f"({'|'.join(map(re.escape, longest_first))})").split
        self.language_ids: dict[str, int] = {}

    @abstractmethod
    def pieces(self, text: str) -> Sequence[str]:
        """A text without special tokens, in pieces."""

    @abstractmethod
    def text(self, tokens: list[str]) -> str:
        """The text of tokens, special ones among them."""

    @abstractmethod
    def framed(self, ids: list[int], language: str | None) -> list[int]:
        """The ids of a text with those that stand around every text."""

    @property
    def largest_id(self) -> int:
        """The largest id that can be encoded."""
        return max([*self.ids.values(), *self.language_ids.values()])

    @property
    def pad_id(self) -> int:
        """The id of padding."""
        return self.ids[self._stated.pad_token]

    def encode(self, text: str, language: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text, with those that stand around it.

        Raises CrossloomError: a language this tokenizer does not have (XL112); text without a token
        (XL417), unless `errors="replace"` makes it unknown tokens.
        """
        pieces = self._all_pieces(text)
        if not replaces(errors) and not self._known(pieces):
            words = [word for word in text.split() if not self._known(self._all_pieces(word))]
            named = [f"`{word}`" for word in dict.fromkeys(words or [text])]
            raise failure(
                "XL417",
                f"the tokenizer has no token for {', '.join(named)}",
                info=(f"it would become `{self._stated.unk_token}`, as all text without one does",),
                help='correct the text, use a tokenizer whose vocabulary covers it, or pass errors="replace"',
            )
        unknown = self.ids[self._stated.unk_token]
        return self.framed([self.ids.get(piece, unknown) for piece in pieces], language)

    def encode_source(self, text: str, language: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text that an encoder reads: no others than `encode` gives. Raises as it does."""
        return self.encode(text, language, errors)

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True, errors: Errors = "strict") -> str:
        """The text of ids, a list or a one-dimensional tensor.

        Raises CrossloomError for what are no ids (XL103), and for an id without a token (XL402), unless
        `errors="replace"` makes it the unknown one.
        """
        numbers = as_ids(ids)
        if not replaces(errors):
            check_known(numbers, self.tokens)
        skipped = self._special_ids if skip_special_tokens else frozenset()
        kept = [index for index in numbers if index not in skipped]
        text = self.text([self.tokens.get(index, self._stated.unk_token) for index in kept])
        return joined_punctuation(text) if self._stated.clean_up_spaces else text

    def batch_decode(
        self,
        rows: Iterable[Iterable[int]],
        skip_special_tokens: bool = True,
        errors: Errors = "strict",
    ) -> list[str]:
        """The text of each row of ids, as `decode` gives it."""
        listed = as_rows(rows)
        return [self.decode(row, skip_special_tokens, errors) for row in listed]

    def save(self, folder: Path) -> list[Path]:
        """Write the files as they were read; returns their paths."""
        for name, contents in self._files.items():
            write_file(folder / name, contents)
        return [folder / name for name in self._files]

    def language_id(self, code: str) -> int:
        """The id of a target language. Raises CrossloomError (XL112) for one this tokenizer does not have."""
        if code in self.language_ids:
            return self.language_ids[code]
        known = ", ".join(self.language_ids)
        raise failure(
            "XL112",
            f"the tokenizer has no language {code!r}",
            info=(f"it has {known}" if known else "it has no languages",),
            help=f"choose one of {known}" if known else "leave the language out",
        )

    def _known(self, pieces: Iterable[str]) -> bool:
        return all(piece in self.ids for piece in pieces)

    def _all_pieces(self, text: str) -> list[str]:
        return [piece for part in self._split_special(text) for piece in self._part(part)]

    def _part(self, part: str) -> Sequence[str]:
        """A special token as it is, any other text in pieces."""
        if not part or part in self._special:
            return [part] if part else []
        return self.pieces(part.lower() if self._stated.lower_case else part)


def _read_ids(table: bytes, kind: Table) -> dict[str, int]:
    """The table and the special tokens it lacks; of these the unknown token must be in the table."""
    try:
        ids = kind.read_ids(kind.table_file, table)
    except FileProblem as error:
        raise failure(
            "XL403", f"`{kind.table_file}` cannot be used: {error}", help="download it again"
        ) from None
    if kind.unk_token not in read_table(table):
        raise failure(
            "XL403",
            f"`{kind.table_file}` has no id for the unknown token `{kind.unk_token}`",
            info=("pieces that are not in the table take its id",),
            help="set `unk_token` to the one in the table",
        )
    return ids
