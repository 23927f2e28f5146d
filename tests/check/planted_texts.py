"""Mistakes about tokenizers and vocabularies of pairs."""

from __future__ import annotations

from tests.check.planted import Planted, head, planted
from tests.check.planted_pairs import TOKENS, pair


def decoder_with(rows: str) -> str:
    """A lone decoder of ten ids, with rows of a checkpoint."""
    config = "{vocab_size: ⟪10⟫, bos_token_id: 1, eos_token_id: 1}"
    tokens = "tokens: {decoder_start: 1, pad: 1}"
    return f"{head()}decoder:\n  family: gpt2\n  config: {config}\n  {rows}\n{tokens}\n"


CASES: list[Planted] = [
    planted(
        "tokenizer-of-recordings",
        "XL114",
        pair("wav2vec2", "bert", TOKENS + "⟦source_tokenizer⟧: {do_lower_case: false}\n"),
        says="remove `source_tokenizer`",
        edit=("source_tokenizer: {do_lower_case: false}", ""),
    ),
    planted(
        "front-end-of-texts",
        "XL114",
        pair("bert", "bert", TOKENS + "⟦processor⟧: {sampling_rate: 16000}\n"),
        says="remove `processor`",
        edit=("processor: {sampling_rate: 16000}", ""),
    ),
    planted(
        "source-vocabulary-unlike-its-tokenizer",
        "XL403",
        pair("bert: vocab_size: ⟪1000⟫", "bert", TOKENS + "source_tokenizer: {vocab_size: ⟦900⟧}\n"),
        says="set `vocab_size` to 900",
        edit=("vocab_size: 1000", "vocab_size: 900"),
    ),
    planted(
        "target-vocabulary-unlike-its-tokenizer",
        "XL403",
        pair("bert", "bert: vocab_size: ⟪1000⟫", TOKENS + "tokenizer: {vocab_size: ⟦900⟧}\n"),
        says="set `vocab_size` to 900",
        edit=("vocab_size: 1000", "vocab_size: 900"),
    ),
    planted(
        "lower-case-of-bytes",
        "XL112",
        pair("bert", "gpt2", TOKENS + "tokenizer: {do_lower_case: ⟦false⟧}\n"),
        says="remove `do_lower_case`",
        edit=("do_lower_case: false", ""),
    ),
    planted(
        "language-that-is-none",
        "XL112",
        pair("bert", "mbart", TOKENS + "tokenizer: {tgt_lang: ⟦de⟧}\n"),
        says="choose one of ar_AR",
        edit=("tgt_lang: de", "tgt_lang: de_DE"),
    ),
    planted(
        "no-rows-to-choose",
        "XL114",
        decoder_with("⟦rows⟧: {stored: 10}"),
        says="say which rows to `take`",
        edit=("stored: 10", "stored: 9"),
    ),
    planted(
        "rows-for-other-ids",
        "XL403",
        decoder_with("rows: {stored: 9, take: ⟦[0, 1]⟧}"),
        says="for every id",
        edit=("take: [0, 1]", "take: [0, 1, 2, 3, 4, 5, 6, 7, 8, null]"),
    ),
    planted(
        "row-outside-the-checkpoint",
        "XL402",
        decoder_with("rows: {stored: ⟪5⟫, take: [0, 1, 2, 3, 4, ⟦5⟧, null, null, null, null]}").replace(
            "⟪10⟫", "10"
        ),
        says="below 5",
        edit=("4, 5, null", "4, 4, null"),
    ),
]
