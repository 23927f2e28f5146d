"""Runs the passes: from a document to a verified graph, every finding collected on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from compiler.catalogue import locate, not_found
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.passes.dims import infer, number_problems
from compiler.passes.extends import extended
from compiler.passes.findings import Findings
from compiler.passes.image_sizes import image_size_problems
from compiler.passes.language import understand
from compiler.passes.lengths import short_inputs
from compiler.passes.lower import addressed, lower, side_by_side
from compiler.passes.outputs import uneven_outputs
from compiler.passes.parameters import (
    idle_checkpoints,
    idle_patterns,
    parameters,
    tie_problems,
    unbounded_patterns,
)
from compiler.passes.structure import assert_sound, structure
from compiler.passes.tokens import front_end_problems, missing_ids, outside_ids, token_problems
from compiler.passes.written import Joined, Written
from compiler.reader import Document, read, read_text, unread
from compiler.spec import Spec
from specs.graph import Graph
from specs.problems import Problem

# Held without the spec: a value that held its own key would never be let go.
_ANALYSES: WeakKeyDictionary[Spec, Analysis] = WeakKeyDictionary()

Trace = Callable[[str, Graph | None], None]


class Analysis(NamedTuple):
    """What became of a spec: the spec and graph where they could be made, and every finding."""

    document: Document
    spec: Spec | None
    graph: Graph | None
    diagnostics: list[Diagnostic]

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return any(d.severity is Severity.ERROR for d in self.diagnostics)

    def sound(self) -> tuple[Spec, Graph]:
        """Spec and graph of a spec without errors; raises CrossloomError otherwise."""
        if self.has_errors or self.spec is None or self.graph is None:
            raise CrossloomError(self.diagnostics)
        return self.spec, self.graph


def analyse(source: Document | str | Path, trace: Trace | None = None) -> Analysis:
    """Run every pass on a spec file, a catalogue name, or a document already read.

    `trace` is called with the name of each pass and the graph after it.
    """
    if isinstance(source, Document):
        document = source
    else:
        file = locate(str(source), None)
        document = unread(str(source), not_found(str(source))) if file is None else read(file)
    document = extended(document, locate)
    findings = Findings(document)
    spec = understand(findings, Path(document.file))
    graph = None if spec is None else _graph(spec, findings, trace or (lambda _, __: None))
    analysis = Analysis(document, spec, graph, findings.diagnostics)
    if spec is not None:
        _ANALYSES[spec] = analysis._replace(spec=None)
    return analysis


def analysis_of(spec: Spec) -> Analysis:
    """The analysis that made a spec; made anew where the spec came out of a pickle."""
    if spec not in _ANALYSES:
        made = analyse(read_text(spec.to_yaml(), str(spec.file)))
        _ANALYSES[spec] = made._replace(spec=None)
    return _ANALYSES[spec]._replace(spec=spec)


def _graph(spec: Spec, findings: Findings, trace: Trace) -> Graph | None:
    values = {
        f"{component.role}.config.{name}": value
        for component in spec.components.values()
        for name, value in component.config.items()
    }
    parts = lower(spec, findings)
    trace("lower", side_by_side([addressed(part, part.graph) for part in parts]))
    structured = []
    is_sound = True
    for part in parts:
        own, problems = _structured(spec, part)
        findings.report(problems, values)
        structured.append(part._replace(graph=own))
        is_sound = is_sound and not problems and not part.lost
    parts = structured
    graphs = [addressed(part, part.graph) for part in parts]
    trace("structure", side_by_side(graphs))
    if len(parts) > 1:
        from compiler.passes.join import join  # what is whole starts without it

        joined = join(spec, parts, graphs[0], graphs[1], is_sound)
        trace("join", joined.graph)
    else:
        joined = Joined(graphs[0])
    findings.report(joined.bridging, values)
    findings.report([problem for part in parts for problem in missing_ids(spec, part)], values)
    findings.report(number_problems(joined.graph), values)
    graph, problems = infer(joined.graph)
    trace("dims", graph)
    problems += [*joined.problems, *front_end_problems(spec, graph), *image_size_problems(spec, graph)]
    if len(parts) == 1:
        problems += uneven_outputs(parts[0], graph)
    findings.report(problems, values)
    findings.report(short_inputs(graph), values)
    findings.report([*token_problems(spec, graph), *outside_ids(spec, graph)], values)
    graph = parameters(graph)
    trace("parameters", graph)
    findings.report([one for part in parts for one in tie_problems(part, graph)], values)
    findings.report(unbounded_patterns(spec.language.ignore), values)
    if not any(part.lost for part in parts):
        findings.report(idle_patterns(spec.language.fresh, graph), values)
        findings.report(idle_checkpoints(spec, graph), values)
    return graph


def _structured(spec: Spec, part: Written) -> tuple[Graph, list[Problem]]:
    """The graph of a part as far as it can be gone through, divided at what crosses to decode; problems."""
    if part.role in spec.components:
        assert_sound(part)
        return part.graph, []
    from compiler.passes.split import output_problems, split  # of free graphs alone

    found = structure(part)
    problems = [*found.problems, *output_problems(part)]
    if not found.is_whole or problems:
        return found.graph, problems
    return split(part, found.graph)
