"""Runs the passes: from a document to a verified graph, every finding collected on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakKeyDictionary

from compiler.catalogue import locate, not_found
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.passes.dims import infer, number_problems
from compiler.passes.extends import extended
from compiler.passes.findings import Findings
from compiler.passes.free_graph import Written, lower_free_graph
from compiler.passes.language import understand
from compiler.passes.lower import lower_components
from compiler.passes.parameters import idle_patterns, parameters, unbounded_patterns
from compiler.passes.split import output_problems, split
from compiler.passes.structure import structure
from compiler.passes.tokens import front_end_problems, missing_ids, outside_ids, token_problems
from compiler.reader import Document, read, read_text, unread
from compiler.spec import Spec
from specs.graph import Graph

# Held without the spec: a value that held its own key would never be let go.
_ANALYSES: WeakKeyDictionary[Spec, Analysis] = WeakKeyDictionary()

Trace = Callable[[str, Graph | None], None]


@dataclass(frozen=True)
class Analysis:
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
        _ANALYSES[spec] = replace(analysis, spec=None)
    return analysis


def analysis_of(spec: Spec) -> Analysis:
    """The analysis that made a spec; made anew where the spec came out of a pickle."""
    if spec not in _ANALYSES:
        made = analyse(read_text(spec.to_yaml(), str(spec.file)))
        _ANALYSES[spec] = replace(made, spec=None)
    return replace(_ANALYSES[spec], spec=spec)


def _graph(spec: Spec, findings: Findings, trace: Trace) -> Graph | None:
    values = {
        f"{component.role}.config.{name}": value
        for component in spec.components.values()
        for name, value in component.config.items()
    }
    lost: frozenset[str] = frozenset()
    if spec.kind == "graph":
        written = lower_free_graph(spec, findings)
        trace("lower", written.graph)
        found = structure(written)
        graph, lost = found.graph, written.lost
        problems = [*found.problems, *output_problems(written.graph)]
        findings.report(problems, values)
        if found.is_whole and not problems:
            graph, problems = split(graph)
            findings.report(problems, values)
    else:
        lowered = lower_components(spec)
        graph = lowered.graph
        trace("lower", graph)
        findings.report(lowered.problems, values)
        internal = structure(Written(graph, frozenset(), frozenset())).problems
        assert not internal, f"families lower to sound graphs: {internal[0].message}"
    trace("structure", graph)
    findings.report(missing_ids(spec, graph), values)
    findings.report(number_problems(graph), values)
    graph, problems = infer(graph)
    trace("dims", graph)
    findings.report([*problems, *front_end_problems(spec, graph)], values)
    findings.report([*token_problems(spec, graph), *outside_ids(spec, graph)], values)
    graph, problems = parameters(graph, lost)
    trace("parameters", graph)
    findings.report(problems, values)
    findings.report(unbounded_patterns(spec.language.ignore), values)
    if not lost:
        findings.report(idle_patterns(spec.language.fresh, graph), values)
    return graph
