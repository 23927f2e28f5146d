"""Tiny SentencePiece models, trained once a session, and the published classes over them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from transformers import Speech2TextTokenizer

from runtime.tokenizers import load_tokenizer
from runtime.tokenizers.sentence_pieces import SentencePieceTokenizer
from specs.families.speech_to_text.tokenizer import Tokenizer, tokenizer_kind

SENTENCES = (
    "hello world, this is a test of the tokenizer.",
    "the quick brown fox jumps over the lazy dog!",
    "what's that? it isn't me: you're right, i'm sure we've been here.",
    "Un deux trois quatre cinq. Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich",
    "zero one two three four five six seven eight nine",
)
LANGUAGES = ("pt", "fr", "ru", "nl", "ro", "it", "es", "de")


def train(languages: tuple[str, ...], kind: str) -> bytes:
    """A SentencePiece model with fairseq's special ids and one piece a language."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_writer=model,
        vocab_size=110,
        hard_vocab_limit=kind == "bpe",
        model_type=kind,
        character_coverage=1.0,
        bos_id=0,
        pad_id=1,
        eos_id=2,
        unk_id=3,
        user_defined_symbols=[f"<lang:{code}>" for code in languages],
        minloglevel=2,
    )
    return model.getvalue()


def write_tokenizer(folder: Path, pieces: bytes, drop: tuple[str, ...] = (), shift: int = 0) -> None:
    """Both files of a tokenizer; the table leaves out `drop`, and its ids from 4 on are turned by `shift`."""
    model = sentencepiece.SentencePieceProcessor(model_proto=pieces)
    listed = [model.id_to_piece(index) for index in range(model.get_piece_size())]
    listed = [piece for piece in listed if piece not in drop]
    moved = listed[:4] + listed[4 + shift :] + listed[4 : 4 + shift]
    folder.mkdir(parents=True, exist_ok=True)
    table = {piece: index for index, piece in enumerate(moved)}
    (folder / "vocab.json").write_text(json.dumps(table), encoding="utf-8")
    (folder / "sentencepiece.bpe.model").write_bytes(pieces)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tokenizer in one language, in several, with ids unlike the model's, with tokens not in the table."""
    root = tmp_path_factory.mktemp("tokenizers")
    one, several = train((), "bpe"), train(LANGUAGES, "unigram")
    write_tokenizer(root / "one", one)
    write_tokenizer(root / "several", several)
    write_tokenizer(root / "renumbered", several, shift=17)
    write_tokenizer(root / "incomplete", several, drop=("<pad>", "<lang:nl>"))
    return {path.name: path for path in root.iterdir()}


Pair = tuple[SentencePieceTokenizer, Any]


@pytest.fixture(scope="session")
def pair(folders: dict[str, Path]) -> Callable[..., Pair]:
    """Our tokenizer and the published one for the same fields and files."""

    def make(name: str, **fields: Any) -> Pair:
        folder = folders[name]
        published = Speech2TextTokenizer(
            str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"), **fields
        )
        kind = tokenizer_kind(Tokenizer(**fields))
        ours = load_tokenizer(kind, kind.readings[0], folder.joinpath)
        assert isinstance(ours, SentencePieceTokenizer)
        return ours, published

    return make
