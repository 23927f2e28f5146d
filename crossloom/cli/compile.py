"""`crossloom compile`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compiler.installing import require
from crossloom.cli.dependencies import device_of, has_torch
from crossloom.cli.failures import FINDINGS, strictly
from crossloom.cli.options import DEVICE, FORCE, SPEC, WEIGHTS, output_folder
from crossloom.cli.output import columns
from crossloom.cli.specs import by_role, checked

if TYPE_CHECKING:
    from compiler.sources import Sources
    from compiler.spec import Spec
    from specs.graph import Graph

NO_TORCH = "the model was neither built nor run: that needs torch, which is not installed"


@click.command(short_help="Through every stage of the compiler, and a summary.")
@SPEC
@WEIGHTS
@output_folder(required=False, help="Folder for the emitted files; without it nothing is written.")
@FORCE
@click.option("--trace", is_flag=True, help="Print the graph after every pass, on standard error.")
@click.option("--strict", is_flag=True, help="Count warnings as errors; torch is needed then.")
@DEVICE
def command(
    spec: str,
    weights: tuple[str, ...],
    output: Path | None,
    force: bool,
    trace: bool,
    strict: bool,
    device: str | None,
) -> int:
    """Take a spec through every stage of the compiler, and say what came out.

    The weights are the spec's own, or those of --weights; with neither, the model is built with fresh ones.
    Files are written last, when everything else has succeeded. Without torch the last two stages, building
    and running, are left out with a warning.

    \b
    $ crossloom compile digits
    $ crossloom compile s2t.yaml --weights ./checkpoint -o build/s2t
    """
    if strict:
        require("`crossloom compile --strict`", "torch")
    compilation = _Compilation(device, force, strict)
    with compilation.stage("check"):
        sound, graph = checked(spec, _print_pass if trace else None, strict)
    for line in compilation.lines(sound, graph, by_role(weights), output):
        click.echo(line)
    if not has_torch():
        from compiler.installing import installing

        click.echo(f"warning: {NO_TORCH}\nhelp: {installing('torch')}", err=True)
    return 0 if compilation.is_finite else FINDINGS


class _Compilation:
    """The stages in their order, and how long each took."""

    def __init__(self, device: str | None, force: bool, strict: bool) -> None:
        self._device = device
        self._force = force
        self._strict = strict
        self.is_finite = True
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._seconds[name] = time.perf_counter() - started

    def lines(self, spec: Spec, graph: Graph, weights: Any, output: Path | None) -> list[str]:
        """Everything after `check`; the summary, a line a fact."""
        from compiler.reports.facts import BYTES_PER_PARAMETER, facts_of
        from compiler.reports.tables import aligned, quantity

        facts = facts_of(spec, graph)
        size = quantity(facts.parameters * BYTES_PER_PARAMETER, "B")
        rows = [
            ("model", f"{spec.name} ({facts.form})"),
            ("parameters", f"{facts.parameters:,}, {size} as float32"),
        ]
        with self.stage("emit"):
            from compiler.emission.folder import placed, render_folder, write_texts
            from compiler.writing.overwriting import refuse_overwriting

            files = render_folder(spec, graph, output)
        if output is not None and not self._force:
            refuse_overwriting(placed(files, output), spec.file)
        sources = self._sources(spec, weights)
        if sources:
            rows += self._verify(spec, graph, sources)
        else:
            rows.append(("weights", "fresh: the spec names no checkpoint, and neither does --weights"))
        if has_torch():
            rows += self._run(spec, graph, sources)
        if output is not None:
            write_texts(placed(files, output))
        where = f"{', '.join(files)} in {output}" if output else f"{', '.join(files)}: written with -o DIR"
        rows.append(("files", where))
        rows.append(("seconds", "  ".join(f"{name} {value:.2f}" for name, value in self._seconds.items())))
        return aligned(rows, width=columns())

    def _sources(self, spec: Spec, weights: Any) -> Sources:
        from compiler.sources import sources_of

        if weights is None and not spec.checkpoints:
            return {}
        with self.stage("resolve"):
            return sources_of(spec, weights)

    def _verify(self, spec: Spec, graph: Graph, sources: Sources) -> Iterator[tuple[str, str]]:
        from compiler.diagnostics.model import CrossloomError, Severity
        from compiler.reports.weights import verified_facts
        from compiler.sources import verify_sources

        with self.stage("verify"):
            _, verified = verify_sources(spec, graph, sources)
        findings = [finding for one in verified for finding in one.diagnostics]
        if self._strict:
            findings = strictly(findings)
        if any(finding.severity is Severity.ERROR for finding in findings):
            raise CrossloomError(findings)
        if findings:
            from crossloom.cli.output import report

            report(findings)
        for one in verified:
            facts = verified_facts(one)
            mapped = (
                f"{facts['mapped']} of {facts['stored']} tensors mapped, names spelt as {facts['dialect']}"
            )
            ignored = f", {len(facts['ignored'])} ignored" if facts["ignored"] else ""
            yield "weights", f"{facts['source']}: {mapped}{ignored}"

    def _run(self, spec: Spec, graph: Graph, sources: Sources) -> Iterator[tuple[str, str]]:
        from compiler.reports.smoke import smoke_forward

        with self.stage("import torch"):
            import torch  # noqa: F401
        if sources:
            with self.stage("build and load"):
                from compiler.load import load

                model = load(spec, graph, sources, device_of(self._device))
        else:
            with self.stage("build"):
                from compiler.build import build

                model = build(spec, graph, device=device_of(self._device))
        with self.stage("forward"):
            smoke = smoke_forward(model, spec, graph)
        self.is_finite = smoke.is_finite
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in smoke.shapes.items())
        yield "forward", f"{shapes}: {'all finite' if smoke.is_finite else 'NOT FINITE'}"


def _print_pass(name: str, graph: Graph | None) -> None:
    """The graph after a pass: each node with what is known of it so far."""
    from specs.graph import Ref
    from specs.signatures import SIGNATURES

    click.echo(f"== after {name}", err=True)
    if graph is None:
        return
    for node in graph.nodes.values():
        inputs = ", ".join(f"{port}={ref}" for port, ref in node.inputs.items())
        ports = [
            (port.name, graph.types.get(Ref(node.name, port.name))) for port in SIGNATURES[node.kind].outputs
        ]
        gives = ", ".join(f"{port} {type_}" for port, type_ in ports if type_ is not None)
        count = sum(address.startswith(f"{node.name}.") for address in graph.shapes)
        known = "".join([f" -> {gives}" if gives else "", f"; {count} parameter tensors" if count else ""])
        click.echo(f"  {node.name}: {node.kind}({inputs}){known}", err=True)
