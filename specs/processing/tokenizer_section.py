"""A section of a spec that states a tokenizer of texts, by the field names of its Hub files.

A `tokenizer_config.json` names a published class, whatever the family of the model: the class says how a text
is split and what stands around it, and the fields what its tokens are called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import Field

from specs.problems import Problem
from specs.processing.stated import Files, Section
from specs.processing.subwords import Algorithm, BytePairs, Subwords, WordPieces
from specs.processing.tokenizer_classes import CLASSES, LANGUAGES, NAMED, OWN, ClassName

Token = str | None


class TextTokenizer(Section):
    """Fields of `tokenizer_config.json`."""

    tokenizer_class: ClassName = Field(description="Published class: how texts are split into pieces.")
    vocab_size: int | None = Field(None, gt=0, description="How many ids the tokenizer has.")
    bos_token: Token = Field(None, min_length=1, description="Beginning of a sentence.")
    eos_token: Token = Field(None, min_length=1, description="End of a sentence.")
    unk_token: Token = Field(None, min_length=1, description="Stands for what has no piece.")
    sep_token: Token = Field(None, min_length=1, description="Stands between and after texts.")
    pad_token: Token = Field(None, min_length=1, description="Padding.")
    cls_token: Token = Field(None, min_length=1, description="Stands before a text.")
    mask_token: Token = Field(None, min_length=1, description="Hides a piece in pre-training.")
    additional_special_tokens: list[str] = Field([], description="More tokens that are never split.")
    strip_left: list[str] = Field([], description="Special tokens that take the space before them along.")
    clean_up_tokenization_spaces: bool = Field(False, description="Join punctuation to the word before it.")
    do_lower_case: bool = Field(True, description="Lower-case a text; for word pieces.")
    strip_accents: bool | None = Field(
        None, description="Remove accents; null to do so where texts are lower-cased; for word pieces."
    )
    tokenize_chinese_chars: bool = Field(
        True, description="Split at every Chinese character; for word pieces."
    )
    add_prefix_space: bool = Field(
        False, description="Begin a text with a space, so that its first word is as others; for bytes."
    )
    src_lang: str | None = Field(None, description="Language of source texts, where there are several.")
    tgt_lang: str | None = Field(None, description="Language of target texts, where there are several.")


def kind(section: TextTokenizer) -> Subwords:
    """The tokenizer these fields describe."""
    stated = CLASSES[section.tokenizer_class]
    named = {name: token for name in NAMED if (token := getattr(section, name)) is not None}
    languages = stated.languages_among(section.additional_special_tokens)

    def filled(template: tuple[str, ...]) -> tuple[str, ...]:
        parts = (named.get(part) if part in NAMED else part for part in template)
        return tuple(part for part in parts if part is not None)

    return Subwords(
        _algorithm(stated.algorithm, section),
        {
            purpose: token
            for purpose, *names in _PURPOSES
            if (token := next((named[name] for name in names if name in named), None)) is not None
        },
        tuple(dict.fromkeys([*named.values(), *section.additional_special_tokens, *languages])),
        filled(stated.template),
        languages,
        section.src_lang,
        section.tgt_lang or section.src_lang,
        section.unk_token,
        frozenset(section.strip_left),
        section.clean_up_tokenization_spaces,
        filled(stated.source_template),
        stated.language_form or "{}",
        stated.spare,
    )


_PURPOSES = (
    ("pad", "pad_token"),
    ("bos", "bos_token", "cls_token"),
    ("eos", "eos_token", "sep_token"),
)
"""Purpose of an id in a model's config -> fields of its token, the first that there is."""


def _algorithm(algorithm: Algorithm, section: TextTokenizer) -> Algorithm:
    match algorithm:
        case WordPieces():
            options = (section.do_lower_case, section.strip_accents, section.tokenize_chinese_chars)
            return WordPieces(*options, files=algorithm.files)
        case BytePairs():
            return replace(algorithm, prefix_space=section.add_prefix_space)
        case _:
            return algorithm


def problems(section: TextTokenizer, address: str) -> Iterable[Problem]:
    """What the fields of a section at an address contradict each other in."""
    stated = CLASSES[section.tokenizer_class]
    at_class = (f"{address}.tokenizer_class", f"`{section.tokenizer_class}`")
    for name in (*(one for names in OWN.values() for one in names), *LANGUAGES):
        default = stated.tokens.get(name, TextTokenizer.model_fields[name].default)
        if name not in stated.reads and getattr(section, name) != default:
            yield Problem(
                "XL112",
                f"`{name}` means nothing to `{section.tokenizer_class}`",
                ((f"{address}.{name}", "does nothing here"), at_class),
                ("a setting that nobody reads would silently do nothing",),
                f"remove `{name}`",
            )
    made = kind(section)
    for name in LANGUAGES if made.languages else ():
        code = getattr(section, name)
        if code is not None and made.language_code(code) is None:
            yield Problem(
                "XL112",
                f"`{name}` is {code!r}, which is no language of `{section.tokenizer_class}`",
                ((f"{address}.{name}", "not among its languages"), at_class),
                help=f"choose one of {', '.join(made.languages)}",
            )
    for name in dict.fromkeys(part for part in stated.template if part in NAMED):
        if getattr(section, name) is None:
            yield Problem(
                "XL404",
                f"`{section.tokenizer_class}` puts the `{name}` beside every text, and there is none",
                ((f"{address}.{name}", "is null"), at_class),
                help=f"set `{name}` to {stated.tokens[name]!r}",
            )


def written(section: TextTokenizer) -> Files:
    """The Hub files for these fields, beside those of the vocabulary."""
    stated = CLASSES[section.tokenizer_class]
    unread = {*(one for names in OWN.values() for one in names), *LANGUAGES} - set(stated.reads)
    left_out = {"vocab_size", "additional_special_tokens", "strip_left", *unread}
    fields = section.model_dump(exclude=left_out, exclude_none=True)
    extra = [token for token in section.additional_special_tokens if token not in stated.languages]
    named = {name: token for name in NAMED if (token := getattr(section, name)) is not None}
    return {
        "tokenizer_config.json": {**fields, **({"extra_special_tokens": extra} if extra else {})},
        "special_tokens_map.json": named,
    }
