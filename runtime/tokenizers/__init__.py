"""Texts to ids and back."""

from runtime.tokenizers.interface import Tokenizer
from runtime.tokenizers.loading import load_tokenizer

__all__ = ["Tokenizer", "load_tokenizer"]
