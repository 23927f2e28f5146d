"""Texts to ids and back."""

from runtime.tokenizers.sentence_pieces import SentencePieceTokenizer

__all__ = ["SentencePieceTokenizer"]
