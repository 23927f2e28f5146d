"""The front end and the tokenizer of Speech2Text, by the field names of their Hub files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from specs.problems import Problem
from specs.processing import (
    FileProblem,
    FilterBank,
    Processing,
    Section,
    SentencePieceVocabulary,
)
from specs.processing_files import ImportedProcessing, ImportedSection, import_section, read_object

LANGUAGES = {"mustc": ("pt", "fr", "ru", "nl", "ro", "it", "es", "de")}
"""Languages of each published set, the default target first."""


class Processor(Section):
    """Fields of `preprocessor_config.json`; defaults are those of the published class."""

    feature_size: int = Field(80, gt=0, description="Width of a feature vector; equal to num_mel_bins.")
    num_mel_bins: int = Field(80, gt=0, description="Mel filters of the log-mel filter bank.")
    sampling_rate: int = Field(16000, ge=42, description="Samples a second the model was trained on.")
    do_ceptral_normalize: bool = Field(True, description="Normalise each bin over the utterance.")
    normalize_means: bool = Field(True, description="Subtract the mean of each bin.")
    normalize_vars: bool = Field(True, description="Divide by the standard deviation of each bin.")
    padding_value: float = Field(0.0, description="What fills the frames after the end of an utterance.")
    padding_side: Literal["right"] = Field("right", description="Where a shorter utterance is padded.")
    return_attention_mask: Literal[True] = Field(
        True, description="Features come with a mask of valid frames."
    )
    dither: float = Field(0.0, ge=0, le=0, description="Noise added to the samples; only 0 is supported.")


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


PROCESSOR_INERT = {
    "feature_extractor_type": "names the published class",
    "processor_class": "names the published class",
}
"""Fields of `preprocessor_config.json` that change nothing, and why."""

TOKENIZER_INERT = {
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

TOKENIZER_REQUIRED = {"padding_side": "right", "split_special_tokens": False, "sp_model_kwargs": {}}
"""Fields of `tokenizer_config.json` with the one value that is supported; anything else is refused."""

TABLE_FILE = SentencePieceVocabulary().table_file

_SECTION_OF = {
    "processor_config.json": "processor",
    "preprocessor_config.json": "processor",
    "tokenizer_config.json": "tokenizer",
    "special_tokens_map.json": "tokenizer",
    TABLE_FILE: "tokenizer",
}

FILES = tuple(_SECTION_OF)
"""Files of a checkpoint that `import_files` reads, where they exist."""

TOKENIZER_FREE = frozenset({"vocab_size", "do_upper_case", "clean_up_tokenization_spaces", "tgt_lang"})
"""Fields in which a spec may differ from a checkpoint's file: how text is shown, and for whom."""

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


def processor_problems(processor: Processor, address: str) -> list[Problem]:
    """What the fields of a `processor:` section at an address contradict each other in."""
    if processor.feature_size != processor.num_mel_bins:
        return [
            Problem(
                "XL401",
                f"feature_size {processor.feature_size} is unlike num_mel_bins {processor.num_mel_bins}",
                (
                    (f"{address}.feature_size", f"features are {processor.feature_size} wide"),
                    (f"{address}.num_mel_bins", f"{processor.num_mel_bins} bins"),
                ),
                info=("each mel bin is one feature",),
                help=f"set `feature_size` to {processor.num_mel_bins}",
            )
        ]
    return []


def tokenizer_problems(tokenizer: Tokenizer, address: str) -> list[Problem]:
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


def front_end(processor: Processor) -> FilterBank:
    """The front end these fields describe."""
    return FilterBank(
        sampling_rate=processor.sampling_rate,
        mel_bins=processor.num_mel_bins,
        normalize_means=processor.do_ceptral_normalize and processor.normalize_means,
        normalize_vars=processor.do_ceptral_normalize and processor.normalize_vars,
        padding_value=processor.padding_value,
    )


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


def processing(processor: Processor | None, tokenizer: Tokenizer | None) -> Processing:
    """Kinds and Hub files for the two sections of a spec, either of which may be absent."""
    front_end_files: dict[str, Mapping[str, Any]] = {}
    tokenizer_files: dict[str, Mapping[str, Any]] = {}
    if processor is not None:
        front_end_files["preprocessor_config.json"] = {
            **processor.model_dump(),
            "feature_extractor_type": "Speech2TextFeatureExtractor",
            "processor_class": "Speech2TextProcessor",
        }
    if tokenizer is not None:
        # Where any are listed, the published class takes no others for special, not even its languages.
        extra = [*_language_tokens(tokenizer.lang_codes), *tokenizer.additional_special_tokens]
        tokenizer_files["tokenizer_config.json"] = {
            **tokenizer.model_dump(exclude={"vocab_size", "additional_special_tokens"}),
            **({"extra_special_tokens": extra} if extra else {}),
            "tokenizer_class": "Speech2TextTokenizer",
            "processor_class": "Speech2TextProcessor",
        }
        tokenizer_files["special_tokens_map.json"] = {
            name: getattr(tokenizer, name) for name in SPECIAL_TOKENS
        }
    return Processing(
        front_end=None if processor is None else front_end(processor),
        tokenizer=None if tokenizer is None else tokenizer_kind(tokenizer),
        front_end_files=front_end_files,
        tokenizer_files=tokenizer_files,
    )


def fitting_processor(config: Mapping[str, Any]) -> dict[str, Any]:
    """The `processor:` section of a checkpoint that states none: as many bins as its model takes."""
    width = config.get("input_feat_per_channel", 80) * config.get("input_channels", 1)
    return {} if width == Processor().num_mel_bins else {"feature_size": width, "num_mel_bins": width}


def import_files(texts: Mapping[str, str]) -> ImportedProcessing:
    """The sections for a checkpoint's files: name (one of FILES) -> contents, absent ones left out."""
    problems: list[Problem] = []
    objects = {
        name: read_object(name, texts.get(name), _SECTION_OF[name], problems)
        for name in FILES
        if name != TABLE_FILE
    }
    processor = _import_processor(objects["processor_config.json"], objects["preprocessor_config.json"])
    config, special = objects["tokenizer_config.json"], objects["special_tokens_map.json"]
    tokenizer = None
    if config is not None or TABLE_FILE in texts:
        tokenizer = _import_tokenizer(config or {}, special or {})
        if not tokenizer.problems and TABLE_FILE in texts:
            kind = tokenizer_kind(Tokenizer(**tokenizer.fields))
            try:
                tokenizer.fields["vocab_size"] = len(kind.read_ids(texts[TABLE_FILE]))
            except FileProblem as found:
                at = (("tokenizer", "its ids"),)
                problems.append(Problem("XL403", f"`{TABLE_FILE}`: {found}", at, help="download it again"))
    sections = [section for section in (processor, tokenizer) if section is not None]
    return ImportedProcessing(
        processor=None if processor is None else processor.fields,
        tokenizer=None if tokenizer is None else tokenizer.fields,
        dropped={address: why for section in sections for address, why in section.dropped.items()},
        problems=problems + [problem for section in sections for problem in section.problems],
    )


def _import_processor(nested: dict[str, Any] | None, plain: dict[str, Any] | None) -> ImportedSection | None:
    """As in the published classes, the part inside `processor_config.json` comes before the older file."""
    file = "preprocessor_config.json"
    if nested is not None and "feature_extractor" in nested:
        file = "processor_config.json"
        surplus = {name: value for name, value in nested.items() if name != "feature_extractor"}
        plain = {**surplus, **nested["feature_extractor"]}
    if plain is None:
        return None
    return import_section(
        Processor, plain, file=file, inert=PROCESSOR_INERT, required={}, address="processor"
    )


def _import_tokenizer(config: Mapping[str, Any], special: Mapping[str, Any]) -> ImportedSection:
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
        inert=TOKENIZER_INERT,
        required=TOKENIZER_REQUIRED,
        address="tokenizer",
    )
    known = {merged.get(name, Tokenizer.model_fields[name].default) for name in SPECIAL_TOKENS}
    known |= languages | set(more)
    listed = [*(added or {}).values(), *tokens.values(), *extra]
    odd = dict.fromkeys(str(_text(token)) for token in listed if _strips(token) or _text(token) not in known)
    problems = [
        Problem(
            "XL116",
            f"`tokenizer_config.json`: the added token {token!r} is not a plain special token",
            (("tokenizer.additional_special_tokens", "would be listed here"),),
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
