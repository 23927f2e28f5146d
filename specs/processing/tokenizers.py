"""How texts become ids and back: a closed list of kinds, each named for what it computes.

`runtime` implements the kinds and knows no family. What the files of a kind say about ids is read here, by
the standard library alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from specs.problems import Problem


class FileProblem(Exception):
    """A file cannot be used; the message stands alone and does not name the file."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Hub files that a tokenizer can be made of, all of them together, and the one that states the ids."""

    files: tuple[str, ...]
    ids: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Pieces whose ids a JSON table gives, and special tokens."""

    bos_token: str = "<s>"
    eos_token: str = "</s>"
    unk_token: str = "<unk>"
    pad_token: str = "<pad>"
    lower_case: bool = False
    clean_up_spaces: bool = False
    additional_special_tokens: tuple[str, ...] = ()
    table_file: str = "vocab.json"

    @property
    def special(self) -> dict[str, str]:
        """Purpose -> token, of the ids that a model's config states too."""
        return {"pad": self.pad_token, "bos": self.bos_token, "eos": self.eos_token}

    @property
    def spare(self) -> int:
        """How many ids a model may have beyond those of the table: none."""
        return 0

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """All tokens that are never split into pieces, each once, in the order they are given ids."""
        named = (self.bos_token, self.eos_token, self.unk_token, self.pad_token)
        more = (*self.language_tokens, *self.additional_special_tokens)
        return tuple(dict.fromkeys(token for token in named + more if token))

    @property
    def language_tokens(self) -> tuple[str, ...]:
        """Those that stand for a language."""
        return ()

    def read_ids(self, file: str, contents: bytes) -> dict[str, int]:
        """Token -> id from the table. Special tokens it lacks are numbered on from its length.

        Raises FileProblem where it is no table of ids, or leaves gaps into which special tokens fall.
        """
        ids = ids_of(read_table(contents), self.special_tokens)
        if len(set(ids.values())) != len(ids):
            raise FileProblem("its ids leave gaps into which the special tokens it lacks would fall")
        return ids


@dataclass(frozen=True, slots=True, kw_only=True)
class SentencePieceVocabulary(Table):
    """Pieces from a SentencePiece model, ids from a JSON table of pieces.

    `languages` pairs a language code with its piece, whose id the SentencePiece model gives; where
    there are languages, a text begins with the piece of the target language. Every text ends with
    the end token.
    """

    upper_case: bool = False
    languages: tuple[tuple[str, str], ...] = ()
    target_language: str | None = None
    pieces_file: str = "sentencepiece.bpe.model"

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The files it is made of."""
        return (Reading((self.table_file, self.pieces_file), self.table_file),)

    @property
    def language_tokens(self) -> tuple[str, ...]:
        """Those that stand for a language."""
        return tuple(piece for _, piece in self.languages)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedLetters(Table):
    """Words as letters that are merged again, the most frequent pairs first (Sennrich et al. 2016).

    As fastBPE writes them: the last letter of a word ends with `</w>` where pairs are looked up, and every
    piece but the last with `@@` in the table. Without the file of merges ids can only be decoded.
    """

    merges_file: str = "merges.txt"

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The files it is made of."""
        both = (self.table_file, self.merges_file)
        return Reading(both, self.table_file), Reading((self.table_file,), self.table_file)


class TokenizerKind(Protocol):
    """What every kind of tokenizer states, so that nobody needs to know which kind it is."""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What it can be made of, the best first."""

    @property
    def special(self) -> Mapping[str, str]:
        """Purpose (`pad`, `bos`, `eos`) -> token, of the ids that a model's config states too."""

    @property
    def spare(self) -> int:
        """How many ids a model may have beyond those of the tokenizer."""

    def read_ids(self, file: str, contents: bytes) -> dict[str, int]:
        """Token -> id from the file of a reading that states them. FileProblem where it cannot be used."""


def text_of(contents: bytes) -> str:
    """The text of a file. Raises FileProblem where it is none."""
    try:
        return contents.decode()
    except UnicodeDecodeError as error:
        raise FileProblem(f"the vocabulary is not UTF-8 text: {error.reason}") from None


def reading_of(kind: TokenizerKind, has: Callable[[str], bool]) -> Reading | None:
    """The first reading of a kind whose files are all there; None where none is."""
    return next((one for one in kind.readings if all(map(has, one.files))), None)


def ids_file_of(kind: TokenizerKind, has: Callable[[str], bool]) -> str | None:
    """The file that states the ids of what a kind can be made of, or that of one that is there in part."""
    whole = reading_of(kind, has)
    return whole.ids if whole else next((one.ids for one in kind.readings if has(one.ids)), None)


def read_table(contents: bytes) -> dict[str, int]:
    """The vocabulary of a `vocab.json`: piece -> id. Needs neither torch nor sentencepiece.

    Raises FileProblem where the text is no JSON object of distinct, non-negative ids.
    """
    return dict(_parsed_table(contents))


@lru_cache(maxsize=1)  # what imports a vocabulary and what checks it ask in turn
def _parsed_table(contents: bytes) -> dict[str, int]:
    listed = 0

    def counted(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal listed
        listed = len(items)
        return dict(items)

    try:
        table = json.loads(text_of(contents), object_pairs_hook=counted)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileProblem(f"the vocabulary is not readable as JSON: {error}") from None
    if not isinstance(table, dict) or not table:
        raise FileProblem("the vocabulary is not a JSON object of pieces and their ids")
    if listed != len(table):
        raise FileProblem("the vocabulary lists a piece twice")
    ids = table.values()
    if set(map(type, ids)) != {int} or min(ids) < 0 or len(set(ids)) < listed:
        raise FileProblem(_unfit_id(table))
    return table


def _unfit_id(table: Mapping[str, Any]) -> str:
    """The first id of a table that is none, or another's, in words."""
    pieces: dict[int, str] = {}
    for piece, index in table.items():
        if type(index) is not int or index < 0:
            return f"the vocabulary gives {piece!r} the id {index!r}, which is not a whole number >= 0"
        if index in pieces:
            return f"the vocabulary gives {piece!r} and {pieces[index]!r} the same id {index}"
        pieces[index] = piece
    raise AssertionError("only a table with such an id is asked about")


def ids_of(table: Mapping[str, int], special_tokens: Iterable[str]) -> dict[str, int]:
    """The table and the special tokens it lacks, which are numbered on from its length."""
    ids = dict(table)
    for token in special_tokens:
        ids.setdefault(token, len(ids))
    return ids


def check_vocabulary(
    size: int, vocab_size: int, largest_id: int | None, at: tuple[tuple[str, str], ...], spare: int = 0
) -> list[Problem]:
    """XL403 where a tokenizer of `size` ids, the last of them `largest_id`, does not fit the model.

    A larger tokenizer makes ids the model has no embedding for; a smaller one leaves the model able
    to say what cannot be written, unless it is by the `spare` ids that are known to stand for no text.
    """
    if vocab_size not in (size, size + spare):
        return [
            Problem(
                "XL403",
                f"the tokenizer has {size} ids, the model {vocab_size}",
                at,
                info=(
                    "each id of the model must stand for a piece of the tokenizer, and each piece for an id",
                ),
                help=f"set `vocab_size` to {size}, or use the tokenizer this model was trained with",
            )
        ]
    if largest_id is not None and largest_id >= vocab_size:
        return [
            Problem(
                "XL403",
                f"the tokenizer has the id {largest_id}, but the ids of the model end at {vocab_size - 1}",
                at,
                info=(f"{size} pieces fit, but their ids leave gaps",),
                help="number the pieces of the vocabulary from 0 without gaps",
            )
        ]
    return []


def check_special_id(token: str, index: int, given: Any, address: str) -> list[Problem]:
    """XL403 where a tokenizer's special token has another id than the model's for the same purpose.

    The model's is `given`, one id or several, and stands at `address`; None says nothing.
    """
    if given is None or index == given or (isinstance(given, list) and index in given):
        return []
    name = address.rpartition(".")[2]
    return [
        Problem(
            "XL403",
            f"`{name}` is {given}, and the tokenizer gives `{token}` the id {index}",
            ((address, f"`{token}` is {index}"),),
            info=("what the tokenizer writes as one token the model would read as another",),
            help=f"set `{name}` to {index}, or use the tokenizer this model was trained with",
        )
    ]
