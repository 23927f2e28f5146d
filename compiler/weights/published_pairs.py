"""Which published class computes a pair, and the table of its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.spec import HALVES, Spec
from specs.bridges import BRIDGE
from specs.family import Family
from specs.graph import Graph, TensorType
from specs.halves import CROSS_WIDTH
from specs.pairs import PUBLISHED_PAIRS, PublishedPair, has_place, pair_weights
from specs.problems import Problem
from specs.values import View, plain
from specs.weights import WeightMap


def published_pair(spec: Spec, graph: Graph) -> PublishedPair | None:
    """The published class of a pair; None where a half is not published by itself, or what joins them is not.

    Published pairs project the encoder's states where their width is not the decoder's, unless the decoder
    says that it attends to another.
    """
    if spec.components.keys() != set(HALVES):
        return None
    if not all(has_place(part.family, role) for role, part in spec.components.items()):
        return None
    joined = [node for name, node in graph.nodes.items() if name.partition(".")[0] == BRIDGE]
    if any(node.kind != "linear" or not plain(node.numbers["bias"]) for node in joined):
        return None
    widths = _widths(spec, graph)
    if bool(joined) is not (widths.given != widths.own and not widths.is_stated):
        return None
    read = {type_.role for name, type_ in graph.inputs.items() if not name.startswith("decoder_")}
    return next((pair for pair in PUBLISHED_PAIRS.values() if pair.reads & read), None)


@dataclass(frozen=True)
class _Widths:
    """Widths of a pair: of the encoder's states, of the decoder, and of what it attends to."""

    given: int
    own: int
    attended: int
    is_stated: bool


def _widths(spec: Spec, graph: Graph) -> _Widths:
    decoder = spec.components["decoder"]
    source_width = decoder.family.source_width
    assert source_width is not None, "a decoder attends to an encoder"
    given = _end(graph).dims[-1].value
    assert given is not None, "the width of a family's states is a number"
    unstated = View({**decoder.config, CROSS_WIDTH: None}, "decoder.config")
    return _Widths(
        given,
        int(source_width(unstated)),
        int(source_width(decoder.view)),
        decoder.config.get(CROSS_WIDTH) is not None,
    )


def _end(graph: Graph) -> TensorType:
    """What the encoder ends with, before a bridge."""
    assert graph.encoded is not None, "an encoder gives states"
    bridge = graph.nodes.get(BRIDGE)
    return graph.types[bridge.inputs["hidden"] if bridge else graph.encoded[0]]


def misread(pair: PublishedPair, spec: Spec, graph: Graph) -> Iterator[Problem]:
    """XL205 where a pair's encoder reads something else than the published class gives it."""
    computed = published_pair(spec, graph)
    if computed is not None and computed is not pair:
        yield Problem(
            "XL205",
            f"the encoder of a `{pair.name}` reads {' or '.join(sorted(pair.reads))}, and "
            f"`{spec.components['encoder'].family_name}` does not",
            (("encoder.family", "this encoder"),),
            help=f"set `model_type` to `{computed.name}`",
        )


def unlike_published(spec: Spec, graph: Graph) -> Iterator[Problem]:
    """XL301, a warning, where the published class cannot run a pair: it takes a width for another there."""
    if spec.components.keys() != set(HALVES):
        return
    encoder, decoder = (spec.components[role] for role in HALVES)
    widths = _widths(spec, graph)
    half = encoder.family.halves.get("encoder")
    taken = None if half is None or half.width is None else half.width(encoder.view)
    if taken is not None and int(taken) != widths.given and (BRIDGE in graph.nodes or widths.is_stated):
        yield Problem(
            "XL301",
            f"the published class takes the encoder's width for {int(taken)}, and it is {widths.given}",
            (
                (_end(graph).origins[-1] or "", f"`encoder` ends at width {widths.given}"),
                (taken.origin or "", f"{int(taken)} is the width before that"),
            ),
            ("here the two halves are joined at the width that the encoder gives; there no such pair runs",),
            f"make both {int(taken)} for a pair that the public implementation runs, too",
            severity="warning",
        )
    if widths.attended != widths.own and not decoder.family.halves["decoder"].attends_to_any_width:
        yield Problem(
            "XL301",
            f"the published class attends to its own width {widths.own}, and not to {widths.attended}",
            ((f"decoder.config.{CROSS_WIDTH}", f"`decoder` attends to width {widths.attended}"),),
            ("here cross-attention has that width; there no such pair runs",),
            f"remove `{CROSS_WIDTH}`: a projection joins the two widths then",
            severity="warning",
        )


def published_table(spec: Spec) -> WeightMap:
    """The table of a published pair."""
    halves: Mapping[str, tuple[Family, View]] = {
        role: (part.family, part.view) for role, part in spec.components.items()
    }
    return pair_weights(halves)
