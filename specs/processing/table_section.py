"""A section of a spec that states a tokenizer with a table of ids, by the field names of its Hub files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from specs.problems import Problem
from specs.processing.files import ImportedSection, import_section, read_object
from specs.processing.stated import Section
from specs.processing.tokenizers import FileProblem, Table


class TableTokenizer(Section):
    """Fields of `tokenizer_config.json` that every such tokenizer has."""

    vocab_size: int | None = Field(None, gt=0, description="How many ids the tokenizer has.")
    bos_token: str = Field("<s>", min_length=1, description="Beginning of a sentence.")
    eos_token: str = Field("</s>", min_length=1, description="End of a sentence.")
    unk_token: str = Field("<unk>", min_length=1, description="Stands for a piece outside the vocabulary.")
    pad_token: str = Field("<pad>", min_length=1, description="Padding.")
    do_lower_case: bool = Field(False, description="Lower-case a text before it is encoded.")
    additional_special_tokens: list[str] = Field(
        [], description="More tokens that are never split; language tokens need no mention."
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

TABLE_FILE = Table().table_file

FILES = ("tokenizer_config.json", "special_tokens_map.json", TABLE_FILE)
"""Files of a checkpoint that `read` reads, where they exist."""

SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")


def read(
    section: type[TableTokenizer],
    kind: Callable[[Any], Table],
    address: str,
    contents: Mapping[str, bytes],
    languages_of: Callable[[Mapping[str, Any]], Collection[str]] = lambda _: (),
) -> ImportedSection | None:
    """The section that a checkpoint's files mean; `languages_of` its fields are tokens they need not list."""
    problems: list[Problem] = []
    config, special = (read_object(name, contents.get(name), address, problems) for name in FILES[:2])
    if config is None and TABLE_FILE not in contents:
        return ImportedSection({}, {}, problems) if problems else None
    found = _imported(section, address, config or {}, special or {}, languages_of)
    if not found.problems and TABLE_FILE in contents:
        made = kind(section(**found.fields))
        try:
            found.fields["vocab_size"] = len(made.read_ids(TABLE_FILE, contents[TABLE_FILE]))
        except FileProblem as error:
            at = ((address, "its ids"),)
            problems.append(Problem("XL403", f"`{TABLE_FILE}`: {error}", at, help="download it again"))
    return replace(found, problems=problems + found.problems)


def _imported(
    section: type[TableTokenizer],
    address: str,
    config: Mapping[str, Any],
    special: Mapping[str, Any],
    languages_of: Callable[[Mapping[str, Any]], Collection[str]],
) -> ImportedSection:
    """As in the published classes, the map of special tokens counts only without `added_tokens_decoder`."""
    merged = dict(config)
    added = merged.pop("added_tokens_decoder", None)
    if added is None:
        merged |= special
    # The first is the name of today; language tokens follow from the fields.
    extra = merged.pop("extra_special_tokens", None) or merged.get("additional_special_tokens") or []
    merged.pop("additional_special_tokens", None)
    extra = list(extra.values() if isinstance(extra, Mapping) else extra)
    languages = set(languages_of(merged))
    tokens = {name: merged[name] for name in SPECIAL_TOKENS if name in merged}
    merged |= {name: _text(token) for name, token in tokens.items()}
    more = [_text(token) for token in extra if _text(token) not in languages]
    if more:
        merged["additional_special_tokens"] = more
    imported = import_section(section, merged, file=FILES[0], inert=INERT, required=REQUIRED, address=address)
    known = {merged.get(name, section.model_fields[name].default) for name in SPECIAL_TOKENS}
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


def _text(token: Any) -> Any:
    """The text of a special token, which files write as a string or as an object."""
    return token.get("content") if isinstance(token, Mapping) else token


def _strips(token: Any) -> bool:
    """Whether an added token changes the text beside it."""
    return isinstance(token, Mapping) and any(token.get(key) for key in ("lstrip", "rstrip", "single_word"))
