"""What a checkpoint's config.json says, read in one way for import and for verification.

A field is the family's own or a second name of one; of the configuration base class, where it changes
nothing; or a generation option, as older files keep them. Anything else is reported, in config.json.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compiler.diagnostics.near import near
from compiler.passes.findings import Findings
from compiler.passes.validation import validated
from compiler.reader import Document
from specs.families import FAMILIES
from specs.family import Family
from specs.generation import INERT_FIELDS, REFUSED_FIELDS, GenerationOptions
from specs.pairs import PublishedPair
from specs.problems import Problem
from specs.values import written

NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "add_cross_attention": (False, None),
    "chunk_size_feed_forward": (0,),
    "cross_attention_hidden_size": (None,),
    "is_decoder": (False,),
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
        "tie_word_embeddings",
        "tokenizer_class",
        "torch_dtype",
        "torchscript",
        "transformers_version",
        "use_bfloat16",
        "use_return_dict",
    }
)
"""Fields of the configuration base class that say nothing about the computation."""

REFUSED = {
    "auto_map": "the repository brings its own code, which is never run",
    "quantization_config": "quantised weights are not supported",
}


@dataclass(frozen=True)
class Configuration:
    """A config.json, sorted.

    Attributes:
        findings: what is wrong in it, at its fields.
        fields: the family's fields that the file gives and that are sound, second names resolved.
        legacy: generation options that older files keep here.
        dropped: fields that say nothing about the model -> the reason.
    """

    findings: Findings
    fields: Mapping[str, Any]
    legacy: Mapping[str, Any]
    dropped: Mapping[str, str]


def unknown_family(data: Mapping[str, Any]) -> Problem | None:
    """XL110 where `model_type` is absent or names no known family."""
    name = data.get("model_type")
    if name in FAMILIES:
        return None
    close = near(name, FAMILIES)
    return Problem(
        "XL110",
        "config.json has no `model_type`"
        if name is None
        else f"config.json names the family `{name}`, which is not known",
        (("model_type", "this family"),),
        info=(f"known families: {', '.join(FAMILIES)}",),
        help=f"did you mean `{close[0]}`?" if close else "give a checkpoint of a known family",
    )


def read_configuration(
    document: Document, stated: Family | PublishedPair, ignore: Collection[str] = ()
) -> Configuration:
    """Sort the fields of a config.json as those of its family; those named in `ignore` are left out.

    Reported at their fields: XL103, XL104 and XL112 ill-typed or out of range, XL115 unknown, XL116
    refused, XL505 a second name that disagrees.
    """
    findings = Findings(_with_second_names(document, stated))
    given = {name: value for name, value in document.data.items() if name not in ignore}
    dropped = {name: "ignored by name" for name in document.data if name in ignore}
    fields: dict[str, Any] = {}
    legacy: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        if name in stated.by_role:
            dropped[name] = "follows from its place in the spec"
        elif name in stated.config.model_fields:
            fields[name] = value
        elif name in stated.aliases:
            target = stated.aliases[name]
            dropped[name] = f"second name of {target}"
            if not same(given.get(target, value), value):
                problems.append(_disagreement(name, target, given))
            fields.setdefault(target, given.get(target, value))
        elif name in GenerationOptions.model_fields:
            legacy[name] = value
        else:
            reason, problem = _without_meaning(name, value, stated)
            dropped |= {name: reason} if reason else {}
            problems += [problem] if problem else []
    findings.report(problems)
    sound = validated(findings, fields, stated.config, ())
    values = sound.model_dump(exclude_unset=True) if sound else {}
    return Configuration(findings, {name: values[name] for name in fields if name in values}, legacy, dropped)


def _with_second_names(document: Document, stated: Family | PublishedPair) -> Document:
    """The document; a field that is given under its second name alone is shown there."""
    places = {
        (target,): (name,)
        for name, target in stated.aliases.items()
        if (name,) in document.values and (target,) not in document.values
    }
    return replace(
        document,
        values=document.values | {target: document.values[name] for target, name in places.items()},
        keys=document.keys | {target: document.keys[name] for target, name in places.items()},
    )


def same(first: Any, second: Any) -> bool:
    """Whether two values are equal without conversion: `1`, `1.0` and `true` are three values."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def _without_meaning(
    name: str, value: Any, stated: Family | PublishedPair
) -> tuple[str | None, Problem | None]:
    """Why a field that is not the family's may be dropped, or why it may not."""
    if name in stated.leaked:
        return stated.leaked[name], None
    if name in REFUSED and value is not None:
        return None, Problem(
            "XL116", f"`{name}`: {REFUSED[name]}", ((name, "refused"),), help="give a checkpoint without it"
        )
    if name in stated.constants or name in NEUTRAL:
        neutral = (stated.constants[name],) if name in stated.constants else NEUTRAL[name]
        if any(same(value, one) for one in neutral):
            return "has no effect at this value", None
        return None, _refused(name, value)
    if name in INERT or name in REFUSED:
        return "a field of the configuration base class", None
    if name in INERT_FIELDS or any(same(value, one) for one in REFUSED_FIELDS.get(name, ())):
        return "an option of generation that changes nothing", None
    if name in REFUSED_FIELDS:
        return None, _refused(name, value)
    return None, _unknown(name, stated)


def _disagreement(name: str, target: str, data: Mapping[str, Any]) -> Problem:
    first, second = (f"`{one}` is {written(data[one])}" for one in (name, target))
    return Problem(
        "XL505",
        f"{first} and {second}, but they are one field",
        ((name, "second name"), (target, "the field")),
        help=f"make them agree, or {_ignoring(name)}",
    )


def _refused(name: str, value: Any) -> Problem:
    return Problem(
        "XL116",
        f"`{name}: {written(value)}` changes the published model, and is not supported",
        ((name, "refused"),),
        help=f"if it has no effect on this checkpoint, {_ignoring(name)}",
    )


def _unknown(name: str, stated: Family | PublishedPair) -> Problem:
    close = near(name, stated.config.model_fields)
    return Problem(
        "XL115",
        f"`{name}` is no field of `{stated.name}`",
        ((name, "unknown"),),
        info=("an unknown field may change what the checkpoint computes",),
        help=(f"did you mean `{close[0]}`? " if close else "") + f"if it has no effect, {_ignoring(name)}",
    )


def _ignoring(name: str) -> str:
    return f"leave it out by name: `import --ignore {name}`, or `ignore: {{config: [{name}]}}` in the spec"
