"""The tokenizer of each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.tokenizers.files import read_bytes
from runtime.tokenizers.interface import Tokenizer
from runtime.tokenizers.merged_letters import MergedLettersTokenizer
from runtime.tokenizers.sentence_pieces import SentencePieceTokenizer
from runtime.tokenizers.subwords import SubwordTokenizer
from specs.processing.subwords import Subwords
from specs.processing.tokenizers import MergedLetters, Reading, SentencePieceVocabulary, TokenizerKind

_IMPLEMENTATIONS: Mapping[type, Callable[[Any, Mapping[str, bytes]], Tokenizer]] = {
    MergedLetters: MergedLettersTokenizer,
    SentencePieceVocabulary: SentencePieceTokenizer,
    Subwords: SubwordTokenizer,
}


def load_tokenizer(kind: TokenizerKind, reading: Reading, path_of: Callable[[str], Path]) -> Tokenizer:
    """The tokenizer of a kind, made of the files of a reading, which `path_of` finds by name.

    Raises CrossloomError: a file is missing (XL117), a Git LFS pointer (XL516), or unusable (XL403).
    """
    files = {name: read_bytes(path_of(name)) for name in reading.files}
    return _IMPLEMENTATIONS[type(kind)](kind, files)
