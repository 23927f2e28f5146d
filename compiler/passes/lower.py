"""Pass 3: every part of a spec as a graph of its own, whoever states it: a family, or the spec itself."""

from __future__ import annotations

from dataclasses import replace

from compiler.passes.findings import Findings
from compiler.passes.initialisation import initialised
from compiler.passes.written import CROSSING, Written
from compiler.spec import Component, Spec
from specs.builder import GraphBuilder
from specs.family import Side
from specs.graph import Graph, Ref, Tokens
from specs.initialisation import Initialisation
from specs.values import Value, plain


def lower(spec: Spec, findings: Findings) -> list[Written]:
    """The parts, the encoder before the decoder, each as if it were alone."""
    graphs = _free_graphs(spec, findings) if spec.graphs else {}
    parts = [graphs.get(role) or _of_family(spec, spec.components[role]) for role in spec.parts]
    return [part._replace(graph=initialised(part.graph)) for part in parts]


def _free_graphs(spec: Spec, findings: Findings) -> dict[str, Written]:
    from compiler.passes.free_graph import lower_free_graph, shared_sizes  # most specs are families' alone

    findings.report(shared_sizes(spec))
    return {role: lower_free_graph(spec, part, findings) for role, part in spec.graphs.items()}


def addressed(written: Written, graph: Graph) -> Graph:
    """A part's graph, its nodes called by their address in the whole model."""

    def moved(ref: Ref) -> Ref:
        return Ref(f"{written.prefix}{ref.node}", ref.port) if ref.node else ref

    if not written.prefix:
        return graph
    nodes = [
        node._replace(
            name=f"{written.prefix}{node.name}",
            inputs={port: moved(ref) for port, ref in node.inputs.items()},
        )
        for node in graph.nodes.values()
    ]
    hidden, mask = graph.encoded or (None, None)
    return replace(
        graph,
        nodes={node.name: node for node in nodes},
        outputs={name: moved(ref) for name, ref in graph.outputs.items()},
        encoded=None if hidden is None else (moved(hidden), moved(mask) if mask else None),
        ties=tuple(
            tie._replace(kept=f"{written.prefix}{tie.kept}", tied=f"{written.prefix}{tie.tied}")
            for tie in graph.ties
        ),
    )


def side_by_side(graphs: list[Graph]) -> Graph:
    """The parts of a spec as one graph, nothing of one connected to another."""
    first, last = graphs[0], graphs[-1]
    if first is last:
        return first
    return replace(
        last,
        inputs={**first.inputs, **last.inputs},
        nodes={**first.nodes, **last.nodes},
        ties=(*first.ties, *last.ties),
        initialisations=merged(first.initialisations, last.initialisations),
        optional_inputs=first.optional_inputs | last.optional_inputs,
    )


def _of_family(spec: Spec, component: Component) -> Written:
    """A family's graph, the decoder of a half reading inputs named as what its encoder gives."""
    builder = GraphBuilder(spec.name)
    if component.role == "encoder":
        graph = _encoder(builder, spec, component)
    elif component.role == "decoder":
        hidden, mask = CROSSING
        width = _source_width(component)
        given = builder.input(hidden, CROSSING[hidden], ("batch", "source", width))
        given_mask = builder.input(mask, CROSSING[mask], ("batch", "source"), "int64", optional=True)
        graph = _decoder(builder, spec, component, Side(given, given_mask))
    elif component.family.whole is not None:
        graph = component.family.whole(builder, component.view, spec.long_input)
        graph = replace(graph, tokens=_settled(spec, graph.tokens))
    else:
        graph = _decoder(builder, spec, component, _encoder_side(builder, spec, component))
    return Written(graph, role=component.role, address=component.role)


def _encoder(builder: GraphBuilder, spec: Spec, component: Component) -> Graph:
    side = _encoder_side(builder, spec, component)
    outputs = {"hidden": side.output} | ({"mask": side.mask} if side.mask else {})
    return builder.graph(outputs, (side.output, side.mask), side.ties, initialisations=side.initialisations)


def _encoder_side(builder: GraphBuilder, spec: Spec, component: Component) -> Side:
    assert component.family.encoder is not None, f"{component.family_name} has an encoder"
    return component.family.encoder(builder, component.view, spec.long_input)


def _decoder(builder: GraphBuilder, spec: Spec, component: Component, source: Side) -> Graph:
    assert component.family.decoder is not None, f"{component.family_name} has a decoder"
    width = _source_width(component)
    side = component.family.decoder(builder, component.view, source.output, width, source.mask)
    return builder.graph(
        {"logits": side.output},
        (source.output, source.mask),
        (*source.ties, *side.ties),
        _settled(spec, side.tokens),
        merged(source.initialisations, side.initialisations),
    )


def _source_width(component: Component) -> Value:
    assert component.family.source_width is not None, f"{component.family_name} has a decoder"
    return component.family.source_width(component.view)


def _settled(spec: Spec, tokens: Tokens | None) -> Tokens | None:
    """The decoder's ids, replaced by those the spec's `tokens:` gives; None while one it needs is unset."""
    stated = spec.language.tokens
    if tokens is None:
        return None

    def settled(name: str, given: Value | None) -> Value | None:
        value = None if stated is None else getattr(stated, name)
        return given if value is None else Value(value, f"tokens.{name}")

    start, pad = settled("decoder_start", tokens.decoder_start), settled("pad", tokens.pad)
    if start is None or pad is None or start.value is None or pad.value is None:
        return None
    bos, eos = settled("bos", tokens.bos), settled("eos", tokens.eos)
    return Tokens(start, pad, bos, eos, tokens.rotate)


def merged(
    encoder: tuple[Initialisation, ...], decoder: tuple[Initialisation, ...]
) -> tuple[Initialisation, ...]:
    """Both halves' rules: one for a class where they agree, else the encoder's for what is below it."""
    both = (*encoder, *decoder)
    rules = {rule.constructor: rule for rule in both if rule.below is None}
    own = [
        rule._replace(below="encoder")
        for rule in encoder
        if rule.below is None and not _agree(rule, rules[rule.constructor])
    ]
    return (*(rule for rule in both if rule.below), *own, *rules.values())


def _agree(first: Initialisation, second: Initialisation) -> bool:
    """Whether two rules draw the same, wherever their numbers were written."""
    if first.parameters == second.parameters:
        return True
    ours, theirs = (
        {name: (draw, [plain(value) for value in given]) for name, (draw, given) in rule.parameters.items()}
        for rule in (first, second)
    )
    return ours == theirs
