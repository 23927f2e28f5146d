"""The tokenizer of Speech2Text, by the field names of its Hub files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from specs.problems import Problem
from specs.processing import Files, Section, Stated
from specs.processing_files import ImportedSection, import_section, read_object
from specs.tokenizers import FileProblem, SentencePieceVocabulary

LANGUAGES = {"mustc": ("pt", "fr", "ru", "nl", "ro", "it", "es", "de")}
"""Languages of each published set, the default target first."""


class Tokenizer(Section):
    """Fields of `tokenizer_config.json`; defaults are those of the published class."""

    vocab_size: int | None = Field(None, gt=0, description="How many ids the tokenizer has.")
    bos_token: str = Field("<s>", min_length=1, description="Beginning of a sentence.")
    eos_token: str = Field("</s>", min_length=1, description="End of a sentence; ends every encoded text.")
    unk_token: str = Field("<unk>", min_length=1, description="Stands for a piece outside the vocabulary.")
    pad_token: str = Field("<pad>", min_length=1, description="Padding.")
    do_lower_case: bool = Field(False, description="Lower-case a text before it is encoded.")
    do_upper_case: bool = Field(False, description="Upper-case a text after it is decoded.")
    clean_up_tokenization_spaces: bool = Field(False, description="Join punctuation to the word before it.")
    lang_codes: Literal["mustc"] | None = Field(None, description="The set of target languages, if several.")
    tgt_lang: str | None = Field(None, description="Target language when none is asked for.")
    additional_special_tokens: list[str] = Field(
        default_factory=list, description="More tokens that are never split; language tokens need no mention."
    )


INERT = {
    "tokenizer_class": "names the published class",
    "processor_class": "names the published class",
    "backend": "says how the published class is implemented",
    "is_local": "says where the file was read from",
    "local_files_only": "says where the file was read from",
    "name_or_path": "says where the file was read from",
    "special_tokens_map_file": "says where the file was read from",
    "tokenizer_file": "says where the file was read from",
    "model_max_length": "only warned about",
    "truncation_side": "nothing is truncated",
    "model_input_names": "texts are encoded to ids only",
}
"""Fields of `tokenizer_config.json` that change nothing, and why."""

REQUIRED = {"padding_side": "right", "split_special_tokens": False, "sp_model_kwargs": {}}
"""Fields of `tokenizer_config.json` with the one value that is supported; anything else is refused."""

TABLE_FILE = SentencePieceVocabulary().table_file

FILES = ("tokenizer_config.json", "special_tokens_map.json", TABLE_FILE)
"""Files of a checkpoint that `read` reads, where they exist."""

FREE = frozenset({"vocab_size", "do_upper_case", "clean_up_tokenization_spaces", "tgt_lang"})
"""Fields in which a spec may differ from a checkpoint's file: how text is shown, and for whom."""

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


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
    problems: list[Problem] = []
    config, special = (read_object(name, contents.get(name), address, problems) for name in FILES[:2])
    if config is None and TABLE_FILE not in contents:
        return ImportedSection({}, {}, problems) if problems else None
    found = _import_tokenizer(address, config or {}, special or {})
    if not found.problems and TABLE_FILE in contents:
        kind = tokenizer_kind(Tokenizer(**found.fields))
        try:
            found.fields["vocab_size"] = len(kind.read_ids(TABLE_FILE, contents[TABLE_FILE]))
        except FileProblem as error:
            at = ((address, "its ids"),)
            problems.append(Problem("XL403", f"`{TABLE_FILE}`: {error}", at, help="download it again"))
    return replace(found, problems=problems + found.problems)


def _import_tokenizer(address: str, config: Mapping[str, Any], special: Mapping[str, Any]) -> ImportedSection:
    """As in the published class, the map of special tokens counts only without `added_tokens_decoder`."""
    merged = dict(config)
    added = merged.pop("added_tokens_decoder", None)
    if added is None:
        merged |= special
    # The first is the name of today; language tokens follow from `lang_codes`.
    extra = merged.pop("extra_special_tokens", None) or merged.get("additional_special_tokens") or []
    merged.pop("additional_special_tokens", None)
    extra = list(extra.values() if isinstance(extra, Mapping) else extra)
    languages = set(_language_tokens(str(merged.get("lang_codes"))))
    tokens = {name: merged[name] for name in SPECIAL_TOKENS if name in merged}
    merged |= {name: _text(token) for name, token in tokens.items()}
    more = [_text(token) for token in extra if _text(token) not in languages]
    if more:
        merged["additional_special_tokens"] = more
    imported = import_section(
        Tokenizer,
        merged,
        file="tokenizer_config.json",
        inert=INERT,
        required=REQUIRED,
        address=address,
    )
    known = {merged.get(name, Tokenizer.model_fields[name].default) for name in SPECIAL_TOKENS}
    known |= languages | set(more)
    listed = [*(added or {}).values(), *tokens.values(), *extra]
    odd = dict.fromkeys(str(_text(token)) for token in listed if _strips(token) or _text(token) not in known)
    problems = [
        Problem(
            "XL116",
            f"`tokenizer_config.json`: the added token {token!r} is not a plain special token",
            ((f"{address}.additional_special_tokens", "would be listed here"),),
            info=("only special tokens that leave the text around them alone are supported",),
            help=f"list {token!r} as a special token, without lstrip, rstrip or single_word",
        )
        for token in odd
    ]
    return replace(imported, problems=imported.problems + problems)


def _language_tokens(codes: str | None) -> tuple[str, ...]:
    return tuple(f"<lang:{code}>" for code in LANGUAGES.get(codes or "", ()))


def _text(token: Any) -> Any:
    """The text of a special token, which files write as a string or as an object."""
    return token.get("content") if isinstance(token, Mapping) else token


def _strips(token: Any) -> bool:
    """Whether an added token changes the text beside it."""
    return isinstance(token, Mapping) and any(token.get(key) for key in ("lstrip", "rstrip", "single_word"))


TOKENIZER = Stated(Tokenizer, FILES, read, tokenizer_kind, written, problems, free=FREE)
"""What the family states of its tokenizer."""
