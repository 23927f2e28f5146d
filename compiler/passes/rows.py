"""Rows of a checkpoint's vocabulary under `rows:`, against the vocabulary of the spec."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.passes.findings import key_of
from compiler.spec import Component, Spec
from specs.family import front_end_of
from specs.language import Rows
from specs.problems import Problem


def row_problems(spec: Spec) -> Iterator[Problem]:
    """What is wrong with the `rows:` of a spec's families."""
    for component in spec.components.values():
        if component.rows is not None:
            yield from _problems(spec, component, component.rows)


def _problems(spec: Spec, component: Component, rows: Rows) -> Iterator[Problem]:
    address = f"{component.role}.rows"
    vocabulary = component.config.get("vocab_size")
    reads_ids = component.role != "encoder" or front_end_of(component.family) is None
    if spec.whole is not None or vocabulary is None or not reads_ids:
        why = "has no ids" if spec.whole is None else "is loaded whole, as it was written"
        yield Problem(
            "XL114",
            f"`rows` chooses among the ids of a checkpoint, and `{component.role}` {why}",
            ((key_of(address), "does nothing here"),),
            ("a key nobody reads would be a setting that silently does nothing",),
            "remove `rows`",
        )
        return
    size = (f"{component.role}.config.vocab_size", f"{vocabulary} ids")
    if rows.take is None:
        if rows.stored == vocabulary:
            yield Problem(
                "XL114",
                f"the checkpoint has {rows.stored} ids, and so has the model: there is no row to choose",
                ((key_of(address), "does nothing here"), size),
                help="remove `rows`, or say which rows to `take`",
            )
        return
    if len(rows.take) != vocabulary:
        yield Problem(
            "XL403",
            f"`take` is about {len(rows.take)} ids, and the vocabulary has {vocabulary}",
            ((f"{address}.take", f"{len(rows.take)} entries"), size),
            help="list a row of the checkpoint, or null, for every id",
        )
    for index, row in enumerate(rows.take):
        if row is not None and row >= rows.stored:
            yield Problem(
                "XL402",
                f"id {index} takes row {row}, and the checkpoint's vocabulary has {rows.stored} ids",
                ((f"{address}.take.{index}", "outside"), (f"{address}.stored", f"{rows.stored} ids")),
                help=f"take a row below {rows.stored}, or null to let it start fresh",
            )
