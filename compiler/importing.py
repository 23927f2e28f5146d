"""From a checkpoint's configuration files to the shortest spec that means the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from compiler.analysis import analyse
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.source import Folder, Source
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.diagnostics.near import near
from compiler.passes.findings import Findings
from compiler.reader import Document, read_text
from compiler.reader import Path as Address
from compiler.spec import Spec
from compiler.verify import file_texts
from compiler.weights.halves import absent_half
from specs.families import FAMILIES, family
from specs.family import Family
from specs.generation import SAMPLING_NAMES, GenerationOptions
from specs.generation_layers import SPECIAL_IDS
from specs.generation_layers import resolve as resolve_options
from specs.language import VERSION
from specs.problems import Problem

GENERIC: Mapping[str, tuple[Any, ...]] = {
    "add_cross_attention": (False, None),
    "chunk_size_feed_forward": (0,),
    "cross_attention_hidden_size": (None,),
    "is_decoder": (False,),
    "is_encoder_decoder": (True,),
    "problem_type": (None,),
    "pruned_heads": ({}, None),
    "tie_encoder_decoder": (False,),
}
"""Fields of the configuration base class with the values under which they change nothing."""

INERT = frozenset(
    {
        "_attn_implementation_autoset",
        "_commit_hash",
        "_from_model_config",
        "_name_or_path",
        "architectures",
        "dtype",
        "finetuning_task",
        "id2label",
        "label2id",
        "model_type",
        "num_labels",
        "output_attentions",
        "output_hidden_states",
        "prefix",
        "return_dict",
        "sep_token_id",
        "task_specific_params",
        "tf_legacy_loss",
        "tokenizer_class",
        "torch_dtype",
        "torchscript",
        "transformers_version",
        "use_bfloat16",
        "use_return_dict",
    }
)
"""Fields of the configuration base class that say nothing about the computation."""

_UNUSED_BY = {"encoder": frozenset({"generation", "tokenizer"}), "decoder": frozenset({"processor"})}
"""Sections that one half of a model has no use for."""

REFUSED = {
    "auto_map": "the repository brings its own code, which is never run",
    "quantization_config": "quantised weights are not supported",
}


@dataclass(frozen=True)
class Imported:
    """An imported spec, and the fields that were left out, with the reason for each."""

    spec: Spec
    dropped: Mapping[str, str] = field(default_factory=dict)


def import_source(
    source: str | Path, role: str | None = None, ignore: tuple[str, ...] = (), **access: Any
) -> Spec:
    """The spec of a folder or repository; see `import_with_report`."""
    return import_with_report(source, role, ignore, **access).spec


def import_with_report(
    source: str | Path, role: str | None = None, ignore: tuple[str, ...] = (), **access: Any
) -> Imported:
    """Read config.json and the files beside it.

    `role` makes a lone encoder or decoder of the model; the tensors of the other half are named under
    `ignore:`. `ignore` names fields of config.json. Raises CrossloomError with every finding.
    """
    opened = resolve(source, **access)
    document = _document(opened, "config.json")
    findings = Findings(document)
    stated = _family(findings)
    if stated is None:
        raise CrossloomError(findings.diagnostics)
    findings.report(_idle(findings, ignore))
    dropped: dict[str, str] = {}
    config, legacy = _fields(findings, stated, ignore, dropped)
    sections = {
        "generation": _generation(findings, opened, legacy, config),
        **_processing(findings, opened, stated, config, dropped),
    }
    if findings.has_errors:
        raise CrossloomError(findings.diagnostics)
    data: dict[str, Any] = {"crossloom": VERSION, "name": _name(opened, source)}
    data[role or "model"] = {"family": stated.name, "weights": _weights(opened, source), "config": config}
    if ignored := {
        **({role: absent_half(stated, role, config, opened)} if role else {}),
        **({"config": sorted(ignore)} if ignore else {}),
    }:
        data["ignore"] = ignored
    unused = _UNUSED_BY.get(role or "model", frozenset())
    data |= {key: value for key, value in sections.items() if value and key not in unused}
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    analysis = analyse(read_text(text, f"{data['name']}.yaml"))
    if analysis.has_errors:
        raise CrossloomError(analyse(_in_place(document, data, role or "model", stated)).diagnostics)
    return Imported(analysis.sound()[0], dropped)


def _in_place(document: Document, data: dict[str, Any], role: str, stated: Family) -> Document:
    """The imported spec as if it were written in config.json: a finding about a field shows it there."""

    def moved(place: Address) -> Address:
        name = str(place[0])
        field = stated.aliases.get(name, name)
        return (role, "family") if name == "model_type" else (role, "config", field, *place[1:])

    # A field's second name comes first, so that the field itself wins where both are written.
    order = sorted(
        (place for place in document.values if place), key=lambda place: place[0] not in stated.aliases
    )
    whole = document.locate(())
    return replace(
        document,
        data=data,
        values={(): whole, **{moved(place): document.values[place] for place in order}},
        keys={moved(place): document.keys[place] for place in order if place in document.keys},
    )


def generation_defaults(source: Source) -> dict[str, Any]:
    """The checkpoint's own generation settings: generation_config.json, else legacy fields of config.json."""
    if source.has("generation_config.json"):
        return dict(source.read_json("generation_config.json"))
    if source.has("config.json"):
        config = source.read_json("config.json")
        return {name: value for name, value in config.items() if name in GenerationOptions.model_fields}
    return {}


def _document(source: Source, name: str) -> Document:
    """A JSON file with the place of every field. JSON is read as the flow style of YAML."""
    if not source.has(name):
        raise source.missing(name)
    contents = source.read_json(name)
    text = source.read_range(name, 0, source.size(name)).decode("utf-8", errors="replace")
    document = read_text(text, source.label(name))
    if document.data == contents:
        return document
    return Document(source.label(name), text, contents, {}, {}, frozenset(), [])


def _family(findings: Findings) -> Family | None:
    data = findings.document.data
    name = data.get("model_type")
    if name not in FAMILIES:
        close = near(str(name), FAMILIES)
        findings.report(
            [
                Problem(
                    "XL110",
                    f"config.json names the family `{name}`, which is not known"
                    if name
                    else "config.json has no `model_type`",
                    (("model_type", "this family"),),
                    info=(f"known families: {', '.join(FAMILIES)}",),
                    help=f"did you mean `{close[0]}`?" if close else "give a checkpoint of a known family",
                )
            ]
        )
        return None
    stated = family(name)
    published = data.get("architectures") or [stated.architectures[0]]
    if published[0] not in stated.architectures:
        findings.report(
            [
                Problem(
                    "XL111",
                    f"`{name}` has no architecture `{published[0]}`",
                    (("architectures", "this class"),),
                    info=(f"it has {', '.join(stated.architectures)}",),
                    help=f"give a checkpoint of {' or '.join(stated.architectures)}",
                )
            ]
        )
    return stated


def _idle(findings: Findings, ignore: tuple[str, ...]) -> Iterator[Problem]:
    """XL518 for every ignored name that is no field of config.json."""
    data = findings.document.data
    for name in ignore:
        if name not in data:
            close = near(name, data)
            yield Problem(
                "XL518",
                f"`{name}` is to be ignored, and config.json has no such field",
                (),
                info=(f"in {findings.document.file}",),
                help=f"did you mean `{close[0]}`?" if close else "remove it",
            )


def _fields(
    findings: Findings, stated: Family, ignore: tuple[str, ...], dropped: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(fields that differ from the class default, legacy generation fields)."""
    data = findings.document.data
    defaults = stated.config().model_dump()
    config: dict[str, Any] = {}
    legacy: dict[str, Any] = {}
    problems = []
    for name, value in data.items():
        if name in ignore:
            dropped[name] = "ignored by name"
        elif name in stated.config.model_fields:
            if value != defaults[name] or type(value) is not type(defaults[name]):
                config[name] = value
        elif name in stated.aliases:
            target = stated.aliases[name]
            if data.get(target, value) != value:
                problems.append(_disagreement(name, target, data))
            elif target not in data and value != defaults[target]:
                config[target] = value
            dropped[name] = f"second name of {target}"
        elif name in GenerationOptions.model_fields:
            legacy[name] = value
        else:
            reason, problem = _without_meaning(name, value, stated)
            dropped |= {name: reason} if reason else {}
            problems += [problem] if problem else []
    findings.report(problems)
    return config, legacy


def _without_meaning(name: str, value: Any, stated: Family) -> tuple[str | None, Problem | None]:
    """Why a field that is not the family's may be dropped, or why it may not."""
    if name in stated.leaked:
        return stated.leaked[name], None
    if name in REFUSED and value is not None:
        return None, Problem(
            "XL116", f"`{name}`: {REFUSED[name]}", ((name, "refused"),), help="give a checkpoint without it"
        )
    if name in GENERIC:
        return (
            ("has no effect at this value", None) if value in GENERIC[name] else (None, _generic(name, value))
        )
    if name in INERT or name in REFUSED:
        return "a field of the configuration base class", None
    return None, _unknown(name, stated)


def _disagreement(name: str, target: str, data: Mapping[str, Any]) -> Problem:
    return Problem(
        "XL505",
        f"`{name}` is {data[name]!r} and `{target}` is {data[target]!r}, but they are one field",
        ((name, "second name"), (target, "the field")),
        help=f"make them agree, or ignore one by name: --ignore {name}",
    )


def _generic(name: str, value: Any) -> Problem:
    return Problem(
        "XL116",
        f"`{name}: {value!r}` changes the published model, and is not supported",
        ((name, "refused"),),
        help=f"import with --ignore {name} if it has no effect on this checkpoint",
    )


def _unknown(name: str, stated: Family) -> Problem:
    close = near(name, stated.config.model_fields)
    return Problem(
        "XL115",
        f"`{name}` is no field of `{stated.name}`",
        ((name, "unknown"),),
        info=("an unknown field may change what the checkpoint computes",),
        help=(f"did you mean `{close[0]}`? " if close else "")
        + f"import with --ignore {name} if it has no effect",
    )


def _generation(
    findings: Findings, source: Source, legacy: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    """The spec's `generation:`: what the checkpoint sets and its config does not say already."""
    given: Mapping[str, Any] = legacy
    if source.has("generation_config.json"):
        given = source.read_json("generation_config.json")
    findings.report(
        Problem(p.code, p.message, (), (*p.info, f"in {source}"), p.help)
        for p in resolve_options({}, checkpoint=given).problems
    )
    known = {name: value for name, value in given.items() if name in GenerationOptions.model_fields}
    sampled = known.get("do_sample", False)
    options: dict[str, Any] = {}
    for name, value in known.items():
        idle = name in SAMPLING_NAMES and not sampled
        if value is None or name in SPECIAL_IDS or idle:
            continue
        if value != GenerationOptions.model_fields[name].default:
            options[name] = value
    return options


def _processing(
    findings: Findings, source: Source, stated: Family, config: Mapping[str, Any], dropped: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """The sections of front end and tokenizer."""
    if stated.processing is None:
        return {}
    module = import_module(stated.processing)
    texts = file_texts(source, module.FILES)
    imported = module.import_files(texts)
    _report_files(findings, imported.problems, str(source))
    dropped.update(imported.dropped)
    processor = module.fitting_processor(config) if imported.processor is None else imported.processor
    sections = {"processor": processor, "tokenizer": imported.tokenizer}
    return {key: section for key, section in sections.items() if section}


def _report_files(findings: Findings, problems: list[Problem], source: str) -> None:
    """Problems of the files beside config.json: their messages name the file."""
    for problem in problems:
        severity = Severity(problem.severity)
        info = (*problem.info, f"in {source}")
        findings.add(Diagnostic(problem.code, severity, problem.message, info=info, help=problem.help))


def _name(source: Source, written: str | Path) -> str:
    last = source.root.resolve().name if isinstance(source, Folder) else str(written).partition("@")[0]
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", last.rpartition("/")[2]).strip("-._")
    return cleaned[:128] or "imported"


def _weights(source: Source, written: str | Path) -> str:
    """The checkpoint as a spec names it: an absolute folder, or a repository with its resolved commit."""
    if isinstance(source, Folder):
        return str(source.root.resolve())
    name = str(written).partition("@")[0]
    return f"{name}@{source.commit}" if source.commit else name
