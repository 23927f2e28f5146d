"""The tables of host operations that a checkpoint keeps in its generation_config.json."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from compiler.checkpoint.document import json_document
from compiler.checkpoint.source import Source
from compiler.configuration.generation import NAME
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.near import listed
from compiler.passes.findings import Findings, key_of
from compiler.places import spans_of, weights_address
from compiler.spec import Spec
from specs.problems import Problem
from specs.tables import HostTable


def tables_stated(spec: Spec) -> Mapping[str, HostTable]:
    """The tables that the family of a whole model reads."""
    whole = spec.components.get("model")
    return {} if whole is None else whole.family.tables


def read_tables(source: Source, stated: Collection[str]) -> dict[str, Any]:
    """The tables of these names that a checkpoint has, as they are there."""
    if not stated or not source.has(NAME):
        return {}
    contents = source.read_json(NAME)
    return {name: contents[name] for name in stated if contents.get(name) is not None}


def malformed_tables(
    source: Source, stated: Mapping[str, HostTable], config: Mapping[str, Any]
) -> list[Diagnostic]:
    """XL103 and XL402 for tables that host operations could not read, XL403 for those that contradict
    themselves or each other, at their fields in the file.
    """
    tables = read_tables(source, stated)
    problems = [one for name, table in tables.items() for one in stated[name].problems(name, table, config)]
    return _in_file(source, stated, problems or list(_unlike_texts(tables, stated)))


def unlike_tokenizer(
    source: Source, stated: Mapping[str, HostTable], ids: Mapping[str, int]
) -> list[Diagnostic]:
    """XL403 for tables with other ids than the tokenizer's (token -> id), at their fields in the file."""
    tables = {name: one for name, one in read_tables(source, stated).items() if isinstance(one, dict)}
    problems = (stated[name].unlike(name, one, ids, "the tokenizer") for name, one in tables.items())
    return _in_file(source, stated, list(chain.from_iterable(problems)))


def _unlike_texts(tables: Mapping[str, Any], stated: Mapping[str, HostTable]) -> Iterator[Problem]:
    """XL403 for ids whose texts, where a table of texts has any for them, are those of others."""
    texts = {name: table for name, table in tables.items() if stated[name].gives == "texts"}
    for name, table in tables.items():
        token = stated[name].token
        for other, written in texts.items():
            if token is not None and stated[other].bound == stated[name].bound:
                ids = {text: int(number) for number, text in written.items()}
                told = {key: id_ for key, id_ in table.items() if token.format(key) in ids}
                yield from stated[name].unlike(name, told, ids, f"`{other}`")


def _in_file(source: Source, stated: Collection[str], problems: Collection[Problem]) -> list[Diagnostic]:
    """Problems of tables, at their fields in the file that has them."""
    if not problems:
        return []
    findings = Findings(json_document(source, NAME, without=stated))
    for problem in problems:
        at_key = tuple((key_of(field), label) for field, label in problem.at)
        findings.report([problem._replace(at=at_key)])
    return findings.diagnostics


def missing_tables(spec: Spec, source: Source, methods: Collection[str]) -> Iterator[Diagnostic]:
    """XL422, a warning, for the tables that a checkpoint lacks, together for each method that needs them."""
    stated, tables = tables_stated(spec), read_tables(source, tables_stated(spec))
    lacking: dict[str, list[str]] = {}
    for name, table in stated.items():
        if name not in tables and table.method in methods:
            lacking.setdefault(table.method, []).append(name)
    for method, names in lacking.items():
        yield Diagnostic(
            "XL422",
            Severity.WARNING,
            f"the checkpoint's generation_config.json has no {listed(names)}",
            spans_of(spec, weights_address(spec, "model"), "this checkpoint"),
            (f"what `{method}` reads is looked up there", f"in {source}"),
            "add the generation_config.json that was published with the model",
        )
