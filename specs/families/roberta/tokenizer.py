"""The tokenizer of its texts."""

from specs.processing.text_tokenizers import text_tokenizer

TOKENIZER = text_tokenizer("RobertaTokenizer")
"""What the family states of its tokenizer."""
