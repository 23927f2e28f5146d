"""The tokenizer of Speech2Text2, by the field names of its Hub files."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from specs.processing.files import ImportedSection
from specs.processing.stated import Files, Stated
from specs.processing.table_section import FILES, SPECIAL_TOKENS, TableTokenizer
from specs.processing.table_section import read as read_table_section
from specs.processing.tokenizers import MergedLetters


class Tokenizer(TableTokenizer):
    """Fields of `tokenizer_config.json`; defaults are those of the last release that had the class."""

    clean_up_tokenization_spaces: bool = Field(True, description="Join punctuation to the word before it.")


def tokenizer_kind(tokenizer: Tokenizer) -> MergedLetters:
    """The tokenizer these fields describe."""
    return MergedLetters(
        bos_token=tokenizer.bos_token,
        eos_token=tokenizer.eos_token,
        unk_token=tokenizer.unk_token,
        pad_token=tokenizer.pad_token,
        lower_case=tokenizer.do_lower_case,
        clean_up_spaces=tokenizer.clean_up_tokenization_spaces,
        additional_special_tokens=tuple(tokenizer.additional_special_tokens),
    )


def written(tokenizer: Tokenizer) -> Files:
    """The Hub files for these fields, beside the table and the merges."""
    extra = tokenizer.additional_special_tokens
    named = {name: getattr(tokenizer, name) for name in SPECIAL_TOKENS}
    return {
        "tokenizer_config.json": {
            **tokenizer.model_dump(exclude={"vocab_size", "additional_special_tokens"}),
            **({"additional_special_tokens": extra} if extra else {}),
            "tokenizer_class": "Speech2Text2Tokenizer",
            "processor_class": "Speech2Text2Processor",
        },
        "special_tokens_map.json": named,
    }


def read(address: str, contents: Mapping[str, bytes]) -> ImportedSection | None:
    """The section that a checkpoint's files mean."""
    return read_table_section(Tokenizer, tokenizer_kind, address, contents)


TOKENIZER = Stated(
    Tokenizer,
    FILES,
    read,
    tokenizer_kind,
    written,
    free=frozenset({"vocab_size", "clean_up_tokenization_spaces"}),
)
"""What the family states of its tokenizer."""
