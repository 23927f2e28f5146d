"""From a checkpoint's configuration files to the shortest spec that means the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from compiler.analysis import analyse
from compiler.checkpoint.document import json_document
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Folder, Source
from compiler.configuration import read_configuration, same, unknown_family
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.generation_file import NAME, differing_ids, generation_document, read_generation
from compiler.passes.findings import Findings
from compiler.processing_files import file_contents
from compiler.reader import Document, read_text
from compiler.reader import Path as Address
from compiler.spec import Spec
from compiler.stated import sections_of
from compiler.weights.halves import absent_half, class_above, untrained
from specs.families import family
from specs.family import Family, roles_of
from specs.generation import OPTION_NAMES, GenerationOptions, idle_options
from specs.generation_layers import CONFIG_OPTIONS, SEARCH_IDS
from specs.language import VERSION
from specs.problems import Problem
from specs.values import View


@dataclass(frozen=True)
class Imported:
    """An imported spec, and the fields that were left out, with the reason for each."""

    spec: Spec
    dropped: Mapping[str, str] = field(default_factory=dict)


def import_source(
    source: str | Path | Source,
    role: str | None = None,
    ignore: tuple[str, ...] = (),
    tokens: Mapping[str, int] | None = None,
    **access: Any,
) -> Spec:
    """The spec of a folder or repository; see `import_with_report`."""
    return import_with_report(source, role, ignore, tokens, **access).spec


def import_with_report(
    source: str | Path | Source,
    role: str | None = None,
    ignore: tuple[str, ...] = (),
    tokens: Mapping[str, int] | None = None,
    **access: Any,
) -> Imported:
    """Read config.json and the files beside it.

    `role` makes a lone encoder or decoder of the model; a family that is no whole model takes the role its
    config.json says. The tensors of the other half are named under `ignore:`, and under `fresh:` what the
    family may lack and the checkpoint does. `ignore` names fields of config.json. `tokens` are ids for the
    spec's `tokens:`; a start id that is set nowhere is the beginning of a sentence, and a pad id its end, as
    in the public implementation.

    Raises:
        CrossloomError: every finding.
    """
    opened = resolve(source, **access)
    document = json_document(opened, "config.json")
    stated = _family(document)
    role = role or _role(stated, document.data)
    configuration = read_configuration(document, stated, ignore)
    findings = configuration.findings
    findings.report([*_architecture(document.data, stated), *_idle(document, ignore)])
    defaults = stated.config().model_dump()
    fields = configuration.fields
    usual = {**defaults, **stated.derived(View({**defaults, **fields}, "config"))}
    config = {name: value for name, value in fields.items() if not same(value, usual[name])}
    dropped = dict(configuration.dropped)
    generation = generation_document(opened, ignore)
    sections = {
        "generation": _generation(findings, generation, {**defaults, **fields}),
        **_processing(findings, opened, stated, role or "model", {**defaults, **fields}, dropped),
    }
    if findings.has_errors:
        raise CrossloomError(findings.diagnostics)
    data: dict[str, Any] = {"crossloom": VERSION, "name": _name(opened)}
    above = class_above(stated, role, document.data, opened) if role else None
    data[role or "model"] = {
        "family": stated.name,
        **({"architecture": above} if above else {}),
        "weights": _weights(opened),
        "config": config,
    }
    absent = absent_half(stated, role, config, opened) if role else []
    if ignored := {
        **({role: absent} if role and absent else {}),
        **({"config": sorted(ignore)} if ignore else {}),
    }:
        data["ignore"] = ignored
    if fresh := untrained(stated, role or "model", config, opened):
        data["fresh"] = fresh
    if settled := _tokens(tokens or {}, {**defaults, **fields}, role):
        data["tokens"] = settled
    if role == "encoder":
        del sections["generation"]
    data |= {key: value for key, value in sections.items() if value}
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    analysis = analyse(read_text(text, f"{data['name']}.yaml"))
    if analysis.has_errors:
        data[role or "model"]["config"] = dict(fields)  # as the file has them, defaults too
        raise CrossloomError(
            analyse(_in_place(findings.document, generation, data, role or "model")).diagnostics
        )
    return Imported(analysis.sound()[0], dropped)


def _in_place(config: Document, generation: Document | None, data: dict[str, Any], role: str) -> Document:
    """The imported spec as if it were written in the checkpoint's files: a finding shows the field there."""

    def moved(place: Address) -> Address:
        return (role, "family") if place == ("model_type",) else (role, "config", *place)

    values = {moved(place) if place else (): span for place, span in config.values.items()}
    keys = {moved(place): span for place, span in config.keys.items()}
    if generation is not None:
        values |= {("generation", *place): span for place, span in generation.values.items() if place}
        keys |= {("generation", *place): span for place, span in generation.keys.items()}
    return replace(config, data=data, values=values, keys=keys)


def _family(document: Document) -> Family:
    """The family that `model_type` names. Raises CrossloomError (XL110) where it names none."""
    if problem := unknown_family(document.data):
        findings = Findings(document)
        findings.report([problem])
        raise CrossloomError(findings.diagnostics)
    return family(document.data["model_type"])


def _role(stated: Family, data: Mapping[str, Any]) -> str | None:
    """The role of a checkpoint that is no whole model, None for one that is.

    Of a family of halves it is decoder if the checkpoint says so, else the first it can fill.
    """
    first, *others = roles_of(stated)
    if first == "model":
        published = data.get("architectures") or [None]
        return next((role for role, half in stated.halves.items() if half.architecture in published), None)
    return "decoder" if "decoder" in others and data.get("is_decoder") is True else first


def _tokens(given: Mapping[str, int], config: Mapping[str, Any], role: str | None) -> dict[str, int]:
    """The ids of a spec's `tokens:`: those given, and for a decoder what its config leaves open."""
    tokens = dict(given)
    for name, other in (("decoder_start", "bos"), ("pad", "eos")) if role == "decoder" else ():
        fallback = config.get(f"{other}_token_id")
        if name not in tokens and config.get(f"{name}_token_id") is None and isinstance(fallback, int):
            tokens[name] = fallback
    return tokens


def _architecture(data: Mapping[str, Any], stated: Family) -> Iterator[Problem]:
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


def _idle(document: Document, ignore: tuple[str, ...]) -> Iterator[Problem]:
    """XL518 for every ignored name that is no field of config.json."""
    for name in ignore:
        if name not in document.data:
            close = near(name, document.data)
            yield Problem(
                "XL518",
                f"`{name}` is to be ignored, and config.json has no such field",
                (),
                info=(f"in {document.file}",),
                help=f"did you mean `{close[0]}`?" if close else "remove it",
            )


def _generation(findings: Findings, document: Document | None, config: Mapping[str, Any]) -> dict[str, Any]:
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


def _processing(
    findings: Findings,
    source: Source,
    stated: Family,
    role: str,
    config: Mapping[str, Any],
    dropped: dict[str, str],
) -> dict[str, dict[str, Any]]:
    """The sections of front end and tokenizer, as far as the config does not say the same."""
    sections: dict[str, dict[str, Any]] = {}
    for one in sections_of(role, stated):
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


def _name(source: Source) -> str:
    last = source.root.resolve().name if isinstance(source, Folder) else str(source)
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", last.rpartition("/")[2]).strip("-._")
    return cleaned[:128] or "imported"


def _weights(source: Source) -> str:
    """The checkpoint as a spec names it: an absolute folder, or a repository with its resolved commit."""
    if isinstance(source, Folder):
        return str(source.root.resolve())
    return f"{source}@{source.commit}" if source.commit else str(source)
