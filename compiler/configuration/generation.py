"""What a checkpoint says about decoding: generation_config.json, or the legacy fields of config.json."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from compiler.checkpoint.document import json_document
from compiler.checkpoint.source import Source
from compiler.configuration.pair import half_document, is_pair
from compiler.passes.findings import Findings
from compiler.reader import Document
from specs.generation import OPTION_NAMES, SEARCH_IDS
from specs.generation.layers import resolve
from specs.generation.lengths import resolve_lengths

NAME = "generation_config.json"
_SECTION = "generation."


def generation_document(
    source: Source, ignore: Collection[str] = (), tables: Collection[str] = ()
) -> Document | None:
    """The file that states the checkpoint's generation options; None where there is none.

    Of an older checkpoint it is config.json, reduced to the generation options in it; of an older pair those
    of its decoder's config too, where it does not set them itself. Its special ids are the config's own, and
    `ignore` names fields of it to leave out, `tables` those of generation_config.json that are no options.
    """
    if source.has(NAME):
        return json_document(source, NAME, without=tables)
    if not source.has("config.json"):
        return None
    document = json_document(source, "config.json")
    names = OPTION_NAMES.difference(SEARCH_IDS, ignore)
    stated = {name: value for name, value in document.data.items() if name in names}
    if not is_pair(document):
        return replace(document, data=stated)
    inner = half_document(document, "decoder")
    below = {
        name: value
        for name, value in inner.data.items()
        if name in names and value is not None and stated.get(name) is None
    }
    moved = {(name,) for name in below}
    return replace(
        document,
        data={**stated, **below},
        values=document.values | {place: span for place, span in inner.values.items() if place[:1] in moved},
        keys=document.keys | {place: span for place, span in inner.keys.items() if place[:1] in moved},
    )


def generation_defaults(
    source: Source, ignore: Collection[str] = (), tables: Collection[str] = ()
) -> dict[str, Any]:
    """The checkpoint's own generation options, lowest in precedence."""
    document = generation_document(source, ignore, tables)
    return {} if document is None else dict(document.data)


def read_generation(
    document: Document,
    config: Mapping[str, Any],
    section: Mapping[str, Any] | None = None,
    positions: int | None = None,
) -> Findings:
    """What is wrong with a checkpoint's options for a model of this config, at the fields of the file.

    `section` is the spec's `generation:`, which overrules them; `positions` the longest sequence the decoder
    takes. XL402 ids outside the vocabulary, XL405 lengths beyond the positions, XL406 unknown or
    unsupported options, XL407 contradictions.
    """
    findings = Findings(document)
    resolution = resolve({}, spec=section, checkpoint=document.data, config=config)
    problems = list(resolution.problems)
    options = resolution.options
    if options is not None and (options.max_length or options.max_new_tokens) is not None:
        problems += resolve_lengths(options, 1, positions)[1]
    for problem in problems:
        at = tuple((address.removeprefix(_SECTION), label) for address, label in problem.at)
        # What is wrong with the config, or with the spec, is said of them.
        if at[0][0] in document.data and at[0][0] not in (section or {}):
            info = (*problem.info, f"in {document.file}")
            findings.report([problem._replace(at=at, info=info)])
    return findings


def differing_ids(
    document: Document, config: Mapping[str, Any], section: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """(name, the checkpoint's, the config's) of the special ids with which generation would take the first
    and the model itself the second, unless the spec's `generation:` settles them.
    """
    for name in SEARCH_IDS:
        stored = document.data.get(name)
        if stored is not None and name not in section and stored != config.get(name):
            yield name, stored, config.get(name)
