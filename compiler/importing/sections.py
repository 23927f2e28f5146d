"""The sections of an imported spec that are read from the files beside config.json, and its names."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.checkpoint.source import Folder, Source
from compiler.configuration.fields import same
from compiler.configuration.generation import NAME, differing_ids, read_generation
from compiler.configuration.processing import file_contents
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.passes.findings import Findings
from compiler.reader import Document
from compiler.spec import Spec
from compiler.stated import sections_of
from specs.family import Family
from specs.generation import OPTION_NAMES, SEARCH_IDS, GenerationOptions, idle_options
from specs.generation.layers import CONFIG_OPTIONS
from specs.pairs import PublishedPair
from specs.problems import Problem
from specs.values import View


@dataclass(frozen=True)
class Imported:
    """An imported spec, the fields that were left out, with the reason for each, and what is warned of."""

    spec: Spec
    dropped: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Diagnostic, ...] = ()


def unusual_fields(stated: Family, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a config that neither are their defaults nor follow from others."""
    defaults = stated.config().model_dump()
    usual = {**defaults, **stated.derived(View({**defaults, **fields}, "config"))}
    return {name: value for name, value in fields.items() if not same(value, usual[name])}


def tokens_section(given: Mapping[str, int], config: Mapping[str, Any], role: str | None) -> dict[str, int]:
    """The ids of a spec's `tokens:`: those given, and for a decoder what its config leaves open."""
    tokens = dict(given)
    for name, other in (("decoder_start", "bos"), ("pad", "eos")) if role == "decoder" else ():
        fallback = config.get(f"{other}_token_id")
        if name not in tokens and config.get(f"{name}_token_id") is None and isinstance(fallback, int):
            tokens[name] = fallback
    return tokens


def architecture_problems(data: Mapping[str, Any], stated: Family | PublishedPair) -> Iterator[Problem]:
    """XL103 where `architectures` is no list of names, XL111 where the first is not of the family."""
    published = data.get("architectures") or [stated.architectures[0]]
    at = (("architectures", "this class"),)
    if not isinstance(published, list) or not all(isinstance(name, str) for name in published):
        yield Problem(
            "XL103",
            f"`architectures` must be a list of class names, not {json.dumps(published)}",
            at,
            help=f'write ["{stated.architectures[0]}"], or remove it',
        )
    elif published[0] not in stated.architectures:
        yield Problem(
            "XL111",
            f"`{stated.name}` has no architecture `{published[0]}`",
            at,
            info=(f"it has {', '.join(stated.architectures)}",),
            help=f"give a checkpoint of {' or '.join(stated.architectures)}",
        )


def idle_names(document: Document, known: Collection[str], ignore: tuple[str, ...]) -> Iterator[Problem]:
    """XL518 for every ignored name that is none of the known fields of config.json."""
    for name in ignore:
        if name not in known:
            close = near(name, known)
            yield Problem(
                "XL518",
                f"`{name}` is to be ignored, and config.json has no such field",
                (),
                info=(f"in {document.file}",),
                help=f"did you mean `{close[0]}`?" if close else "remove it",
            )


def generation_section(
    findings: Findings, document: Document | None, config: Mapping[str, Any]
) -> dict[str, Any]:
    """The spec's `generation:`: what the checkpoint sets and its config does not say already."""
    if document is None:
        return {}
    for finding in read_generation(document, config).diagnostics:
        findings.add(finding)
    known = {name: value for name, value in document.data.items() if name in OPTION_NAMES}
    ids = {name: stored for name, stored, _ in differing_ids(document, config, {})}
    idle = idle_options(known)
    options: dict[str, Any] = {}
    for name, value in known.items():
        if value is None or name in idle or (name in SEARCH_IDS and name not in ids):
            continue
        if name in CONFIG_OPTIONS and name in config and same(value, config[name]):
            continue
        if value != GenerationOptions.model_fields[name].default:
            options[name] = value
    if Path(document.file).name == NAME:  # it stands in place of the config: what it leaves unset is unset
        unset = [name for name in CONFIG_OPTIONS if name not in SEARCH_IDS and config.get(name) is not None]
        options |= {name: None for name in unset if document.data.get(name) is None}
    return options


def processing_sections(
    findings: Findings,
    source: Source,
    stated: Family,
    view: View,
    config: Mapping[str, Any],
    dropped: dict[str, str],
) -> dict[str, dict[str, Any]]:
    """The sections of front end and tokenizer, as far as the config does not say the same."""
    sections: dict[str, dict[str, Any]] = {}
    for one in sections_of(view.role, stated, view):
        found = one.stated.read(one.key, file_contents(source, one.stated.files))
        fields = one.stated.fitting(config)
        if found is not None:
            _report_files(findings, found.problems, str(source))
            dropped.update(found.dropped)
            fields = found.fields
        if one.key != "processor":
            fields = {
                name: value
                for name, value in fields.items()
                if name not in config or not same(config[name], value)
            }
        sections[one.key] = fields
    return {key: fields for key, fields in sections.items() if fields}


def _report_files(findings: Findings, problems: list[Problem], source: str) -> None:
    """Problems of the files beside config.json: their messages name the file."""
    for problem in problems:
        severity = Severity(problem.severity)
        info = (*problem.info, f"in {source}")
        findings.add(Diagnostic(problem.code, severity, problem.message, info=info, help=problem.help))


def name_of(source: Source) -> str:
    """The name of a spec: that of its folder or repository."""
    last = source.root.resolve().name if isinstance(source, Folder) else str(source)
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", last.rpartition("/")[2]).strip("-._")
    return cleaned[:128] or "imported"


def weights_of(source: Source) -> str:
    """The checkpoint as a spec names it: an absolute folder, or a repository with its resolved commit."""
    if isinstance(source, Folder):
        return str(source.root.resolve())
    return f"{source}@{source.commit}" if source.commit else str(source)
