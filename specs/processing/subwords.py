"""Tokenizers that split words into pieces of a vocabulary: by longest match, by merges, by probability.

A text is normalised, split into words, and each word into pieces of the vocabulary; a template puts special
tokens around their ids. The vocabulary is that of a `tokenizer.json`, or of the older files of the algorithm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specs.processing.sentence_piece_model import read_pieces
from specs.processing.tokenizers import FileProblem, Reading, ids_of, read_table, text_of

TEXT = "$A"
"""Where the text stands in a template."""

LANGUAGE = "$LANGUAGE"
"""Where the token of the language stands in a template."""

SERIALIZED = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class WordPieces:
    """Longest match first; pieces inside a word begin with `##` (Schuster and Nakajima 2012; BERT)."""

    lower_case: bool = True
    strip_accents: bool | None = None
    split_chinese: bool = True
    files: tuple[str, ...] = ("vocab.txt",)


@dataclass(frozen=True, slots=True)
class BytePairs:
    """Merges of bytes, the most frequent first (Sennrich et al. 2016; bytes as in GPT-2)."""

    prefix_space: bool = False
    files: tuple[str, ...] = ("vocab.json", "merges.txt")


@dataclass(frozen=True, slots=True)
class Unigrams:
    """The most probable pieces (Kudo 2018), with the ids of fairseq: four special tokens, then the pieces.

    Attributes:
        first: tokens numbered before the pieces; the fourth is the unknown one.
        after: tokens numbered after them.
        normalizes: whether the model's own table of characters is applied.
        joins_spaces: whether runs of spaces become one, and the text stays whole; else it is split at them.
    """

    first: tuple[str, ...] = ("<s>", "<pad>", "</s>", "<unk>")
    after: tuple[str, ...] = ()
    normalizes: bool = True
    joins_spaces: bool = False
    files: tuple[str, ...] = ("sentencepiece.bpe.model",)


@dataclass(frozen=True, slots=True)
class CharacterPairs:
    """Merges of characters, those of the first pieces first (Sennrich et al. 2016), with the ids of fairseq.

    A SentencePiece model lists no merges: every way to make a piece of two others is one.

    Attributes:
        first: tokens numbered before the pieces; the second is the unknown one.
    """

    first: tuple[str, ...] = ("<pad>", "<unk>", "<s>", "</s>")
    after: tuple[str, ...] = ()
    files: tuple[str, ...] = ("sentencepiece.bpe.model",)


@dataclass(frozen=True, slots=True)
class AsSerialized:
    """Whatever a `tokenizer.json` says."""

    files: tuple[str, ...] = (SERIALIZED,)


Algorithm = WordPieces | BytePairs | Unigrams | CharacterPairs | AsSerialized


@dataclass(frozen=True, slots=True)
class Subwords:
    """A tokenizer of pieces.

    Attributes:
        algorithm: how words are split into pieces.
        special: purpose (`pad`, `bos`, `eos`) -> token, of the ids that a model's config states too.
        special_tokens: all tokens that are never split, in the order in which those that the vocabulary lacks
            are numbered after it.
        template: what stands around a text, as tokens, `TEXT` and `LANGUAGE`; empty for what the file says.
        source_template: the same of a text that an encoder reads; empty where it is no other.
        languages: codes of the languages, which are their tokens too.
        language_form: what makes the code of a language of its usual name, which stands for `{}`.
        spare: how many ids a model may have beyond those of the tokenizer.
        source_language, target_language: where a call names none.
        unk_token: stands for what has no piece; None where everything has.
        strip_left: special tokens that take the space before them along.
        clean_up_spaces: whether decoding joins punctuation to the word before it.
    """

    algorithm: Algorithm
    special: Mapping[str, str]
    special_tokens: tuple[str, ...]
    template: tuple[str, ...]
    languages: tuple[str, ...] = ()
    source_language: str | None = None
    target_language: str | None = None
    unk_token: str | None = None
    strip_left: frozenset[str] = frozenset()
    clean_up_spaces: bool = False
    source_template: tuple[str, ...] = ()
    language_form: str = "{}"
    spare: int = 0

    def language_code(self, name: str) -> str | None:
        """The code of the language that a name, or the code itself, stands for; None where there is none."""
        return next((one for one in (name, self.language_form.format(name)) if one in self.languages), None)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """`tokenizer.json`, or the files of the algorithm."""
        whole = Reading((SERIALIZED,), SERIALIZED)
        older = Reading(self.algorithm.files, self.algorithm.files[0])
        return tuple(dict.fromkeys((whole, older)))

    def read_ids(self, file: str, contents: bytes) -> dict[str, int]:
        """Token -> id, of the vocabulary and of the special tokens it lacks. FileProblem if it is none."""
        return ids_of(self._vocabulary(file, contents), self.special_tokens)

    def _vocabulary(self, file: str, contents: bytes) -> dict[str, int]:
        if file == SERIALIZED:
            return serialized_ids(read_serialized(contents))
        match self.algorithm:
            case WordPieces():
                return read_lines(contents)
            case Unigrams() | CharacterPairs():
                return {piece: index for index, (piece, _) in enumerate(self.pieces(contents))}
            case _:
                return read_table(contents)

    def pieces(self, contents: bytes) -> list[tuple[str, float]]:
        """The pieces of a SentencePiece model by id: its own three special ones give way to fairseq's."""
        assert isinstance(self.algorithm, Unigrams | CharacterPairs), "only they are read from such a model"
        first, after = self.algorithm.first, self.algorithm.after
        own = read_pieces(contents).pieces[3:]
        return [*((token, 0.0) for token in first), *own, *((token, 0.0) for token in after)]


def read_lines(contents: bytes) -> dict[str, int]:
    """The vocabulary of a `vocab.txt`: a piece a line, numbered from 0. FileProblem for doubles."""
    lines = text_of(contents).split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    table: dict[str, int] = {}
    for index, line in enumerate(lines):
        if line in table:
            raise FileProblem(f"lines {table[line] + 1} and {index + 1} are the same piece {line!r}")
        table[line] = index
    if not table:
        raise FileProblem("the vocabulary is empty")
    return table


def read_serialized(contents: bytes) -> dict[str, Any]:
    """The object in a `tokenizer.json`. FileProblem where it has no vocabulary."""
    try:
        whole = json.loads(text_of(contents))
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"it is not readable as JSON: {error}") from None
    model = whole.get("model") if isinstance(whole, dict) else None
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict | list):
        raise FileProblem("it states no `model` with a `vocab`")
    return dict(whole)


def serialized_ids(whole: Mapping[str, Any]) -> dict[str, int]:
    """Token -> id of a `tokenizer.json`, those added to its vocabulary too. FileProblem for what is none."""
    vocabulary = whole["model"]["vocab"]
    try:
        if isinstance(vocabulary, list):
            ids = {piece: index for index, (piece, _) in enumerate(vocabulary)}
        else:
            ids = read_table(json.dumps(vocabulary).encode())
        return ids | {token["content"]: int(token["id"]) for token in whole.get("added_tokens") or ()}
    except (KeyError, TypeError, ValueError):
        raise FileProblem("its vocabulary or its added tokens are not in the usual form") from None
