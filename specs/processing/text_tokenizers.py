"""How a family of texts states its tokenizer, and what a checkpoint's files say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, get_args

from pydantic import Field, create_model

from specs.problems import Problem
from specs.processing.files import ImportedSection, import_section, read_object
from specs.processing.stated import Stated
from specs.processing.subwords import SERIALIZED
from specs.processing.tokenizer_classes import CLASSES, NAMED, SAME, ClassName
from specs.processing.tokenizer_section import TextTokenizer, kind, problems, written
from specs.processing.tokenizers import FileProblem, TokenizerKind, reading_of

INERT = {
    "add_prefix_space": "of another kind of tokenizer",
    "auto_map": "no code of a repository is run",
    "backend": "says how the published class is implemented",
    "do_basic_tokenize": "texts are always split into words first",
    "do_lower_case": "of another kind of tokenizer",
    "errors": "bytes that are no text are always replaced",
    "from_slow": "says how the published class is implemented",
    "keep_accents": "not read by the published class",
    "is_local": "says where the file was read from",
    "legacy_behaviour": "of another kind of tokenizer",
    "local_files_only": "says where the file was read from",
    "max_len": "only warned about",
    "max_length": "nothing is truncated",
    "model_input_names": "texts are encoded to ids only",
    "model_max_length": "only warned about",
    "name_or_path": "says where the file was read from",
    "never_split": "special tokens are never split",
    "pad_to_multiple_of": "batches are padded to their longest row",
    "pad_token_type_id": "texts are encoded to ids only",
    "processor_class": "names the published class",
    "special_tokens_map_file": "says where the file was read from",
    "src_lang": "of another kind of tokenizer",
    "strip_accents": "of another kind of tokenizer",
    "stride": "nothing is truncated",
    "tgt_lang": "of another kind of tokenizer",
    "tokenize_chinese_chars": "of another kind of tokenizer",
    "tokenizer_file": "says where the file was read from",
    "trim_offsets": "texts are encoded to ids only",
    "truncation_side": "nothing is truncated",
    "truncation_strategy": "nothing is truncated",
    "vocab_file": "says where the file was read from",
}
"""Fields of `tokenizer_config.json` that change nothing, and why."""

REQUIRED = {
    "add_bos_token": False,
    "add_eos_token": False,
    "padding_side": "right",
    "split_special_tokens": False,
    "sp_model_kwargs": {},
}
"""Fields of `tokenizer_config.json` with the one value that is supported; anything else is refused."""

FREE = frozenset({"vocab_size", "clean_up_tokenization_spaces", "src_lang", "tgt_lang"})
"""Fields in which a spec may differ from a checkpoint's file: how text is shown, and in which languages."""

_FIELDS = {name: stated for name, stated in TextTokenizer.model_fields.items() if name != "tokenizer_class"}

CONFIG_FILES = ("tokenizer_config.json", "special_tokens_map.json")


@cache
def text_tokenizer(class_name: str) -> Stated[TokenizerKind]:
    """How a family of texts states its tokenizer: of this published class, unless a file says otherwise."""
    defaults: dict[str, Any] = {"tokenizer_class": class_name, **CLASSES[class_name].tokens}
    section = create_model(
        f"{class_name}Section",
        __base__=TextTokenizer,
        __doc__=TextTokenizer.__doc__,
        **{name: _with_default(name, value) for name, value in defaults.items()},
    )
    vocabularies = {file for one in CLASSES.values() for file in one.algorithm.files}
    return Stated(
        section,
        (*CONFIG_FILES, SERIALIZED, *sorted(vocabularies - {SERIALIZED})),
        lambda address, contents: read(section, class_name, address, contents),
        kind,
        written,
        problems,
        free=FREE,
    )


def _with_default(name: str, value: Any) -> Any:
    stated = TextTokenizer.model_fields[name]
    return (stated.annotation, Field(value, description=stated.description))


def read(
    section: type[TextTokenizer], default: str, address: str, contents: Mapping[str, bytes]
) -> ImportedSection | None:
    """The section that a checkpoint's files mean."""
    found: list[Problem] = []
    config, special = (read_object(name, contents.get(name), address, found) for name in CONFIG_FILES)
    name, refused = _class_name(config or {}, default, address)
    if refused:
        return ImportedSection({}, {}, [*found, refused])
    reading = reading_of(kind(section.model_validate({"tokenizer_class": name})), contents.__contains__)
    if config is None and reading is None:
        return ImportedSection({}, {}, found) if found else None
    imported = _import(section, name, address, config or {}, special or {})
    problems = [*found, *imported.problems]
    if reading is not None and not problems:
        try:
            made = kind(section(**imported.fields))
            imported.fields["vocab_size"] = len(made.read_ids(reading.ids, contents[reading.ids]))
        except FileProblem as error:
            at = ((address, "its ids"),)
            problems.append(Problem("XL403", f"`{reading.ids}`: {error}", at, help="download it again"))
    return replace(imported, problems=problems)


def _class_name(config: Mapping[str, Any], default: str, address: str) -> tuple[str, Problem | None]:
    """The class that a file names, its older name for the fast implementation included."""
    given = config.get("tokenizer_class") or default
    known = get_args(ClassName)
    for name in (given, SAME.get(str(given)), str(given).removesuffix("Fast")):
        if name in known:
            return str(name), None
    return default, Problem(
        "XL116",
        f"`tokenizer_config.json`: the tokenizer `{given}` is not supported",
        ((f"{address}.tokenizer_class", "named here"),),
        info=(f"those that are: {', '.join(known)}",),
        help="save it as a `PreTrainedTokenizerFast`, with a tokenizer.json",
    )


def _import(
    section: type[TextTokenizer],
    name: str,
    address: str,
    config: Mapping[str, Any],
    special: Mapping[str, Any],
) -> ImportedSection:
    """As in the published classes, the map of special tokens counts only without `added_tokens_decoder`."""
    stated = CLASSES[name]
    merged = dict(config)
    added = merged.pop("added_tokens_decoder", None)
    if added is None:
        merged |= special
    extra = merged.pop("extra_special_tokens", None) or merged.get("additional_special_tokens") or []
    extra = list(extra.values() if isinstance(extra, Mapping) else extra)
    merged.pop("additional_special_tokens", None)
    if stated.language_form and config:
        extra = extra or list(stated.languages_among(str(_text(one)) for one in (added or {}).values()))
        merged["additional_special_tokens"] = []
    tokens = [merged[one] for one in NAMED if isinstance(merged.get(one), Mapping)]
    listed = [one for one in (*(added or {}).values(), *tokens, *extra) if isinstance(one, Mapping)]
    merged |= {one: _text(merged[one]) for one in NAMED if one in merged}
    more = [_text(one) for one in extra if _text(one) not in stated.languages]
    stripping = [str(_text(one)) for one in listed if one.get("lstrip")]
    unread = [one for one in INERT if one in TextTokenizer.model_fields and one not in stated.reads]
    dropped = {f"{address}.{one}": INERT[one] for one in unread if merged.pop(one, None) is not None}
    imported = import_section(
        section,
        {
            **_DEFAULTS,
            **stated.tokens,
            **merged,
            **({"additional_special_tokens": more} if more else {}),
            **({"strip_left": list(dict.fromkeys(stripping))} if stripping else {}),
            "tokenizer_class": name,
        },
        file=CONFIG_FILES[0],
        inert=INERT,
        required=REQUIRED,
        address=address,
    )
    odd = [str(_text(one)) for one in listed if one.get("rstrip") or one.get("single_word")]
    problems = [
        Problem(
            "XL116",
            f"`{CONFIG_FILES[0]}`: the added token {token!r} changes the text after it",
            ((f"{address}.additional_special_tokens", "would be listed here"),),
            help=f"list {token!r} without rstrip and single_word",
        )
        for token in dict.fromkeys(odd)
    ]
    return ImportedSection(imported.fields, {**imported.dropped, **dropped}, [*imported.problems, *problems])


_DEFAULTS = {name: stated.get_default(call_default_factory=True) for name, stated in _FIELDS.items()}
"""What a field means that neither its class nor a file says anything of."""


def _text(token: Any) -> Any:
    """The text of a special token, which files write as a string or as an object."""
    return token.get("content") if isinstance(token, Mapping) else token
