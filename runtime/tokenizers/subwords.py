"""Pieces of words by the `tokenizers` library: by longest match, by merges of bytes, by probability."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runtime.failures import failure
from runtime.tokenizers.files import write_file
from runtime.tokenizers.ids import as_ids, as_rows, check_known, joined_punctuation
from runtime.tokenizers.interface import Errors, replaces
from specs.processing.sentence_piece_model import read_pieces
from specs.processing.subwords import (
    LANGUAGE,
    SERIALIZED,
    TEXT,
    AsSerialized,
    BytePairs,
    Subwords,
    Unigrams,
    WordPieces,
    read_serialized,
)
from specs.processing.tokenizers import FileProblem

UNKNOWN = 3
"""The id of the unknown token in vocabularies of fairseq."""

_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""What stands for a space in the pieces of a SentencePiece model."""


class SubwordTokenizer:
    """Encode texts as their pieces within a template, and decode ids."""

    def __init__(self, kind: Subwords, files: Mapping[str, bytes]) -> None:
        """`files` are the contents of the files of one reading of the kind.

        Raises CrossloomError (XL403) where they cannot be used.
        """
        self.kind = kind
        self._files = files
        name = SERIALIZED if SERIALIZED in files else kind.readings[-1].ids
        try:
            stated = kind.read_ids(name, files[name])
            self._tokenizer = _built(kind, files)
        except KeyError as error:  # such as the merges of pairs, in a file of another kind of pieces
            raise _unusable(name, f"it lacks {error}") from None
        except Exception as error:  # the library raises nothing more special
            raise _unusable(name, str(error)) from None
        _add_special(self._tokenizer, kind, files)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.ids: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        if self.ids != stated:
            raise _unusable(name, "its ids leave gaps into which the special tokens it lacks would fall")
        self._known = frozenset(self.ids.values())
        self._unknown: int | None = None if kind.unk_token is None else self.ids[kind.unk_token]
        self._lacking = _lacking_bytes(kind, self.ids)

    @property
    def largest_id(self) -> int:
        """The largest id that can be encoded."""
        return max(self.ids.values())

    @property
    def pad_id(self) -> int:
        """The id of padding. Raises CrossloomError (XL404) where the tokenizer has none."""
        token = self.kind.special.get("pad")
        if token is None:
            raise failure(
                "XL404",
                "the tokenizer has no token of padding, and texts of a batch differ in length",
                help="set `pad_token` in its section, to a token of its own or to its `eos_token`",
            )
        return self.ids[token]

    @property
    def source_language(self) -> str | None:
        """The language of source texts, where a call names none and there are several."""
        return self.kind.source_language

    def encode(self, text: str, language: str | None = None, errors: Errors = "strict") -> list[int]:
        """Ids of a text within the template.

        Raises CrossloomError: a language this tokenizer does not have (XL112); text without a token
        (XL417), unless `errors="replace"` makes it the unknown one, or leaves out what no byte stands for.
        """
        if not replaces(errors) and not self._covers(text):
            words = [word for word in text.split() if not self._covers(word)]
            named = ", ".join(f"`{word}`" for word in dict.fromkeys(words or [text]))
            raise failure(
                "XL417",
                f"the tokenizer has no token for {named}",
                info=("it would become an unknown token, or vanish",),
                help='correct the text, use a tokenizer whose vocabulary covers it, or pass errors="replace"'
                " (`crossloom run --replace-unknown`)",
            )
        whole = self.kind.template == ()
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=whole).ids
        if whole:
            return ids
        code = language or self.kind.target_language
        if language is not None and not self.kind.languages:
            code = str(self.language_id(language))
        made: list[int] = []
        for part in self.kind.template:
            if part == TEXT:
                made += ids
            else:
                made.append(self.language_id(code or "") if part == LANGUAGE else self.ids[part])
        return made

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True, errors: Errors = "strict") -> str:
        """The text of ids, a list or a one-dimensional tensor.

        Raises CrossloomError for what are no ids (XL103), and for an id without a token (XL402), unless
        `errors="replace"` makes it the unknown one, or leaves it out.
        """
        numbers = as_ids(ids)
        if not replaces(errors):
            check_known(numbers, self._known)
        else:
            known = (index if index in self._known else self._unknown for index in numbers)
            numbers = [index for index in known if index is not None]
        text: str = self._tokenizer.decode(numbers, skip_special_tokens=skip_special_tokens)
        joins = self.kind.clean_up_spaces and type(self._tokenizer.model).__name__ != "BPE"
        return joined_punctuation(text) if joins else text

    def batch_decode(
        self,
        rows: Iterable[Iterable[int]],
        skip_special_tokens: bool = True,
        errors: Errors = "strict",
    ) -> list[str]:
        """The text of each row of ids, as `decode` gives it."""
        return [self.decode(row, skip_special_tokens, errors) for row in as_rows(rows)]

    def language_id(self, code: str) -> int:
        """The id of a language. Raises CrossloomError (XL112) for one this tokenizer does not have."""
        if code in self.kind.languages:
            return self.ids[code]
        known = ", ".join(self.kind.languages)
        raise failure(
            "XL112",
            f"the tokenizer has no language {code!r}",
            info=(f"it has {known}" if known else "it has no languages",),
            help=f"choose one of {known}" if known else "leave the language out",
        )

    def save(self, folder: Path) -> list[Path]:
        """Write the files as they were read; returns their paths."""
        for name, contents in self._files.items():
            write_file(folder / name, contents)
        return [folder / name for name in self._files]

    def _covers(self, text: str) -> bool:
        """Whether every part of a text has a token: none becomes unknown, and no byte is left out."""
        if self._lacking:
            splitter = self._tokenizer.pre_tokenizer
            letters = {letter for word, _ in splitter.pre_tokenize_str(text) for letter in word}
            if letters & self._lacking:
                return False
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        unknown = self.kind.unk_token
        return unknown is None or self._unknown not in encoded.ids or unknown in text


def _unusable(name: str, why: str) -> Exception:
    help = "use the files of the tokenizer this model was trained with, or download them again"
    return failure("XL403", f"`{name}` cannot be used: {why}", help=help)


def _built(kind: Subwords, files: Mapping[str, bytes]) -> Any:
    """The pipeline of a kind: normaliser, splitter, model, and how pieces are joined."""
    from tokenizers import Tokenizer, models

    whole = read_serialized(files[SERIALIZED]) if SERIALIZED in files else None
    algorithm = kind.algorithm
    match algorithm:
        case AsSerialized():
            return Tokenizer.from_str(files[SERIALIZED].decode())
        case WordPieces():
            assert kind.unk_token is not None, "its class has one"
            ids = whole["model"]["vocab"] if whole else kind.read_ids(*_only(kind, files))
            return _word_pieces(algorithm, Tokenizer(models.WordPiece(ids, unk_token=kind.unk_token)))
        case BytePairs():
            ids = whole["model"]["vocab"] if whole else json.loads(files[algorithm.files[0]])
            merges = _merges(whole["model"]["merges"] if whole else files[algorithm.files[1]])
            return _byte_pairs(algorithm, Tokenizer(models.BPE(ids, merges, fuse_unk=False)))
        case Unigrams():
            if whole:
                pieces, characters = [tuple(one) for one in whole["model"]["vocab"]], _characters(whole)
            else:
                _, contents = _only(kind, files)
                pieces, characters = kind.pieces(contents), read_pieces(contents).characters
            model = models.Unigram(pieces, unk_id=UNKNOWN, byte_fallback=False)
            return _unigrams(algorithm, characters, Tokenizer(model))


def _only(kind: Subwords, files: Mapping[str, bytes]) -> tuple[str, bytes]:
    """The file that states the ids."""
    name = kind.readings[-1].ids
    return name, files[name]


def _word_pieces(algorithm: WordPieces, tokenizer: Any) -> Any:
    from tokenizers import decoders, normalizers, pre_tokenizers

    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=algorithm.split_chinese,
        strip_accents=algorithm.strip_accents,
        lowercase=algorithm.lower_case,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def _byte_pairs(algorithm: BytePairs, tokenizer: Any) -> Any:
    from tokenizers import decoders, pre_tokenizers

    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=algorithm.prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _unigrams(algorithm: Unigrams, characters: bytes, tokenizer: Any) -> Any:
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers

    steps: list[Any] = [normalizers.Precompiled(characters)] if algorithm.normalizes and characters else []
    if algorithm.joins_spaces:
        steps.append(normalizers.Replace(Regex(" {2,}"), " "))
    tokenizer.normalizer = normalizers.Sequence(steps)
    spaces = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always", split=True)
    words = [] if algorithm.joins_spaces else [pre_tokenizers.WhitespaceSplit()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*words, spaces])
    tokenizer.decoder = decoders.Metaspace(replacement=_SPACE, prepend_scheme="always", split=True)
    return tokenizer


def _merges(stated: Any) -> list[tuple[str, str]]:
    """Pairs of pieces to merge, in order: lines of a `merges.txt`, or what a tokenizer.json lists."""
    if isinstance(stated, bytes):
        lines = stated.decode().split("\n")
        stated = [line for line in lines if line and not line.startswith("#version")]
    pairs = [tuple(one.split(" ") if isinstance(one, str) else one) for one in stated]
    if any(len(pair) != 2 for pair in pairs):
        raise FileProblem("a merge is not of two pieces")
    return [(first, second) for first, second in pairs]


def _characters(whole: Mapping[str, Any]) -> bytes:
    """The table of characters in the normaliser of a tokenizer.json; empty where it has none."""
    normalizer = whole.get("normalizer") or {}
    for one in normalizer.get("normalizers", [normalizer]):
        if one.get("type") == "Precompiled":
            return base64.b64decode(one["precompiled_charsmap"])
    return b""


def _add_special(tokenizer: Any, kind: Subwords, files: Mapping[str, bytes]) -> None:
    """The tokens that are never split: those of a tokenizer.json as they are there, then the kind's."""
    from tokenizers import AddedToken

    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    stated = read_serialized(files[SERIALIZED]).get("added_tokens") or [] if SERIALIZED in files else []
    for one in sorted(stated, key=lambda token: int(token["id"])):
        own = {flag: bool(one.get(flag)) for flag in flags}
        own["special"] = own["special"] or one["content"] in kind.special_tokens
        tokenizer.add_tokens([AddedToken(one["content"], **own)])
    listed = {one["content"] for one in stated}
    for token in kind.special_tokens:
        if token not in listed:
            added = AddedToken(token, lstrip=token in kind.strip_left, normalized=False, special=True)
            tokenizer.add_special_tokens([added])


def _lacking_bytes(kind: Subwords, ids: Mapping[str, int]) -> frozenset[str]:
    """The bytes that no piece stands for; of other kinds none."""
    if not isinstance(kind.algorithm, BytePairs):
        return frozenset()
    from tokenizers import pre_tokenizers

    return frozenset(pre_tokenizers.ByteLevel.alphabet()) - ids.keys()
