"""The tokenizer of its texts, on either side."""

from specs.processing.text_tokenizers import text_tokenizer

TOKENIZER = text_tokenizer("SeamlessM4TTokenizer")
"""What the family states of its tokenizer."""
