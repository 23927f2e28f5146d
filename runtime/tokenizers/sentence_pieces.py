"""Pieces of a SentencePiece model with ids from a table (Kudo and Richardson 2018; fairseq S2T)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.failures import failure
from runtime.tokenizers.tables import TableTokenizer
from specs.processing.tokenizers import SentencePieceVocabulary


class SentencePieceTokenizer(TableTokenizer):
    """Encode texts as [language] pieces [end], and decode ids.

    The ids of languages are those of the SentencePiece model; every other id is the table's.
    """

    def __init__(self, kind: SentencePieceVocabulary, files: Mapping[str, bytes]) -> None:
        """`files` are the contents of the kind's two files by name.

        Raises CrossloomError (XL403) where they cannot be used together.
        """
        self.kind = kind
        self._model = _load_model(files[kind.pieces_file], kind.pieces_file)
        super().__init__(kind, files)
        self.language_ids = {code: self._language_id(piece) for code, piece in kind.languages}

    def pieces(self, text: str) -> Sequence[str]:
        """A text without special tokens, in pieces."""
        encoded: list[str] = self._model.encode(text, out_type=str)
        return encoded

    def text(self, tokens: list[str]) -> str:
        """The text of tokens; a special one is followed by a space."""
        text = ""
        pieces: list[str] = []
        for token in tokens:
            if token in self._special:
                text += f"{self._join(pieces)}{token} "
                pieces = []
            else:
                pieces.append(token)
        return (text + self._join(pieces)).strip()

    def framed(self, ids: list[int], language: str | None) -> list[int]:
        """The ids after that of the target language, where there are languages, and before the end's."""
        code = language or self.kind.target_language
        first = [] if code is None else [self.language_id(code)]
        return [*first, *ids, self.ids[self.kind.eos_token]]

    def _join(self, pieces: list[str]) -> str:
        text: str = self._model.decode(pieces) if pieces else ""
        return text.upper() if self.kind.upper_case else text

    def _language_id(self, piece: str) -> int:
        index: int = self._model.piece_to_id(piece)
        if self._model.id_to_piece(index) != piece:
            raise failure(
                "XL403",
                f"`{self.kind.pieces_file}` has no piece `{piece}`",
                info=("each language of `lang_codes` has its piece in the SentencePiece model",),
                help="remove `lang_codes`, or use the SentencePiece model of a multilingual checkpoint",
            )
        return index


def _load_model(pieces: bytes, name: str) -> Any:
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor()
    try:
        model.LoadFromSerializedProto(pieces)
    except RuntimeError:
        raise failure(
            "XL403",
            f"`{name}` is not a SentencePiece model",
            info=(f"its {len(pieces):,} bytes cannot be parsed",),
            help="download it again",
        ) from None
    return model
