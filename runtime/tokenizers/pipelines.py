"""The pipelines of the `tokenizers` library that compute what each algorithm says."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from specs.processing.sentence_piece_model import read_pieces
from specs.processing.subwords import (
    SERIALIZED,
    AsSerialized,
    BytePairs,
    CharacterPairs,
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


def built(kind: Subwords, files: Mapping[str, bytes]) -> Any:
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
        case CharacterPairs():
            return _character_pairs(*_pairs(kind, files, whole), unknown=str(kind.unk_token))
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


def _pairs(
    kind: Subwords, files: Mapping[str, bytes], whole: Mapping[str, Any] | None
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Piece -> id, and the pairs that are merged, those of the first pieces first."""
    if whole:
        return whole["model"]["vocab"], _merges(whole["model"]["merges"])
    pieces = [piece for piece, _ in kind.pieces(_only(kind, files)[1])]
    ids = {piece: index for index, piece in enumerate(pieces)}
    splits = ((piece[:at], piece[at:]) for piece in pieces for at in range(1, len(piece)))
    return ids, [(first, second) for first, second in splits if first in ids and second in ids]


def _character_pairs(ids: Mapping[str, int], merges: list[tuple[str, str]], unknown: str) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(dict(ids), merges, unk_token=unknown, fuse_unk=True))
    replaced = normalizers.Replace
    tokenizer.normalizer = normalizers.Sequence(
        [
            replaced(Regex(r"[\n\r\t]"), " "),
            normalizers.NFKC(),
            normalizers.Strip(left=False, right=True),
            replaced(Regex(f" +{_SPACE}"), _SPACE),
            replaced(Regex(f"^{_SPACE}+$"), ""),
            replaced(Regex(" {2,}"), _SPACE),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(_SPACE, prepend_scheme="first", split=True)
    tokenizer.decoder = decoders.Metaspace(_SPACE, prepend_scheme="first", split=True)
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


def add_special(tokenizer: Any, kind: Subwords, files: Mapping[str, bytes]) -> None:
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


def lacking_bytes(kind: Subwords, ids: Mapping[str, int]) -> frozenset[str]:
    """The bytes that no piece stands for; of other kinds none."""
    if not isinstance(kind.algorithm, BytePairs):
        return frozenset()
    from tokenizers import pre_tokenizers

    return frozenset(pre_tokenizers.ByteLevel.alphabet()) - ids.keys()
