"""The tokenizer of Speech2Text, by the field names of its Hub files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from specs.problems import Problem
from specs.processing.files import ImportedSection
from specs.processing.stated import Files, Stated
from specs.processing.table_section import FILES, SPECIAL_TOKENS, TableTokenizer
from specs.processing.table_section import read as read_table_section
from specs.processing.tokenizers import SentencePieceVocabulary

LANGUAGES = {"mustc": ("pt", "fr", "ru", "nl", "ro", "it", "es", "de")}
"""Languages of each published set, the default target first."""


class Tokenizer(TableTokenizer):
    """Fields of `tokenizer_config.json`; defaults are those of the published class."""

    do_upper_case: bool = Field(False, description="Upper-case a text after it is decoded.")
    clean_up_tokenization_spaces: bool = Field(False, description="Join punctuation to the word before it.")
    lang_codes: Literal["mustc"] | None = Field(None, description="The set of target languages, if several.")
    tgt_lang: str | None = Field(None, description="Target language when none is asked for.")


FREE = frozenset({"vocab_size", "do_upper_case", "clean_up_tokenization_spaces", "tgt_lang"})
"""Fields in which a spec may differ from a checkpoint's file: how text is shown, and for whom."""


def problems(tokenizer: Tokenizer, address: str) -> list[Problem]:
    """What the fields of a `tokenizer:` section at an address contradict each other in."""
    if tokenizer.tgt_lang is None:
        return []
    if tokenizer.lang_codes is None:
        return [
            Problem(
                "XL112",
                f"`tgt_lang` is {tokenizer.tgt_lang!r}, but this tokenizer has no languages",
                ((f"{address}.tgt_lang", "has no effect"), (f"{address}.lang_codes", "names no languages")),
                info=("a target language is chosen among those that `lang_codes` names",),
                help="remove `tgt_lang`, or set `lang_codes: mustc`",
            )
        ]
    languages = LANGUAGES[tokenizer.lang_codes]
    if tokenizer.tgt_lang not in languages:
        return [
            Problem(
                "XL112",
                f"`tgt_lang` is {tokenizer.tgt_lang!r}, which is not a language of `{tokenizer.lang_codes}`",
                (
                    (f"{address}.tgt_lang", "not among the languages"),
                    (f"{address}.lang_codes", f"names {', '.join(languages)}"),
                ),
                help=f"choose one of {', '.join(languages)}",
            )
        ]
    return []


def tokenizer_kind(tokenizer: Tokenizer) -> SentencePieceVocabulary:
    """The tokenizer these fields describe."""
    codes = LANGUAGES.get(tokenizer.lang_codes or "", ())
    return SentencePieceVocabulary(
        bos_token=tokenizer.bos_token,
        eos_token=tokenizer.eos_token,
        unk_token=tokenizer.unk_token,
        pad_token=tokenizer.pad_token,
        lower_case=tokenizer.do_lower_case,
        upper_case=tokenizer.do_upper_case,
        clean_up_spaces=tokenizer.clean_up_tokenization_spaces,
        languages=tuple(zip(codes, _language_tokens(tokenizer.lang_codes), strict=True)),
        target_language=tokenizer.tgt_lang or (codes[0] if codes else None),
        additional_special_tokens=tuple(tokenizer.additional_special_tokens),
    )


def written(tokenizer: Tokenizer) -> Files:
    """The Hub files for these fields, beside the table and the pieces."""
    # Where any are listed, the published class takes no others for special, not even its languages.
    extra = [*_language_tokens(tokenizer.lang_codes), *tokenizer.additional_special_tokens]
    return {
        "tokenizer_config.json": {
            **tokenizer.model_dump(exclude={"vocab_size", "additional_special_tokens"}),
            **({"extra_special_tokens": extra} if extra else {}),
            "tokenizer_class": "Speech2TextTokenizer",
            "processor_class": "Speech2TextProcessor",
        },
        "special_tokens_map.json": {name: getattr(tokenizer, name) for name in SPECIAL_TOKENS},
    }


def read(address: str, contents: Mapping[str, bytes]) -> ImportedSection | None:
    """The section that a checkpoint's files mean."""
    return read_table_section(
        Tokenizer,
        tokenizer_kind,
        address,
        contents,
        lambda fields: _language_tokens(str(fields.get("lang_codes"))),
    )


def _language_tokens(codes: str | None) -> tuple[str, ...]:
    return tuple(f"<lang:{code}>" for code in LANGUAGES.get(codes or "", ()))


TOKENIZER = Stated(Tokenizer, FILES, read, tokenizer_kind, written, problems, free=FREE)
"""What the family states of its tokenizer."""
