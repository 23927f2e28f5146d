"""Pass 6 for an encoder and a decoder: the two graphs as one, and what is between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from compiler.passes.dims import UNKNOWN, infer
from compiler.passes.findings import key_of
from compiler.passes.free_graph import CROSSING, Written
from compiler.passes.hypers import numbers_of
from compiler.passes.lower import merged
from compiler.passes.split import uneven_outputs
from compiler.spec import Spec
from specs.builder import make_node
from specs.dims import Dim, Proof, compare
from specs.graph import Graph, Node, Ref, TensorType
from specs.halves import CROSS_WIDTH
from specs.language import BridgeBlock
from specs.pairs import BRIDGE
from specs.problems import Problem
from specs.signatures import SIGNATURES
from specs.values import Value

HIDDEN, MASK = CROSSING


@dataclass(frozen=True)
class Joined:
    """The whole graph, and what joining decided or refused.

    Attributes:
        graph: the decoder reading the encoder; side by side where they do not fit, so that each can be
            checked further.
        bridging: what is said of the bridge.
        problems: where the halves do not fit.
    """

    graph: Graph
    bridging: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()


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


def join(spec: Spec, parts: list[Written], encoder: Graph, decoder: Graph, is_sound: bool) -> Joined:
    """Let the decoder read the encoder, through a bridge where the spec or their widths ask for one.

    `is_sound` says that the structure of both is whole; otherwise they are compared, and not connected.
    """
    first, last = parts
    (encoder, early), (decoder, late) = infer(encoder), infer(decoder)
    apart = side_by_side([encoder, decoder])
    hidden, wanted = encoder.outputs.get("hidden"), decoder.inputs.get(HIDDEN)
    if hidden is None or wanted is None or len(encoder.types[hidden].dims) != len(wanted.dims):
        return Joined(apart, tuple(_settings(spec)[0]))
    given = encoder.types[hidden]
    bridge, bridging = _bridge(spec, hidden, given, wanted)
    problems = [*uneven_outputs(first, encoder), *_lengths(given, wanted)]
    problems += _masks(first, last, encoder, decoder, is_sound)
    if bridge is None:
        problems += _widths(given, wanted)
    if problems or early or late or not is_sound:
        return Joined(apart, tuple(bridging), tuple(problems))
    return Joined(_connected(apart, encoder, decoder, bridge), tuple(bridging))


def _connected(apart: Graph, encoder: Graph, decoder: Graph, bridge: Node | None) -> Graph:
    hidden, mask = encoder.outputs["hidden"], encoder.outputs.get("mask")
    source = Ref(bridge.name, SIGNATURES[bridge.kind].outputs[0].name) if bridge else hidden
    read = {Ref("", HIDDEN): source, Ref("", MASK): mask}
    ends = zip(decoder.inputs[HIDDEN].dims, encoder.types[hidden].dims, strict=True)
    sizes = {expected: actual for expected, actual in ends if expected.value is None}
    nodes = {
        node.name: replace(
            node,
            inputs={p: found for p, ref in node.inputs.items() if (found := read.get(ref, ref)) is not None},
        )
        for node in decoder.nodes.values()
    }
    inputs = {
        name: replace(type_, dims=tuple(sizes.get(dim, dim) for dim in type_.dims))
        for name, type_ in decoder.inputs.items()
        if name not in CROSSING
    }
    assert decoder.encoded is not None, "a decoder that is sound reads hidden states"
    crossing, crossing_mask = decoder.encoded
    return replace(
        apart,
        inputs={**encoder.inputs, **inputs},
        nodes={**encoder.nodes, **({bridge.name: bridge} if bridge else {}), **nodes},
        encoded=(
            read.get(crossing, crossing) or crossing,
            read.get(crossing_mask, crossing_mask) if crossing_mask else None,
        ),
        optional_inputs=apart.optional_inputs - CROSSING.keys(),
        types={},
    )


def _bridge(
    spec: Spec, hidden: Ref, given: TensorType, wanted: TensorType
) -> tuple[Node | None, list[Problem]]:
    """What joins the widths: nothing, or a projection, and a note of it."""
    problems, numbers = _settings(spec)
    source, target = given.dims[-1].value, wanted.dims[-1].value
    bridge = spec.language.bridge
    if bridge == "none" or source is None or target is None:
        return None, problems
    if not isinstance(bridge, BridgeBlock) and (source == target or _is_stated(wanted)):
        return None, problems
    ends = (Value(source, _origin(given, -1)), Value(target, _origin(wanted, -1)))
    note = Problem(
        "XL301",
        f"a linear bridge `{BRIDGE}` projects the encoder's width {source} to {target}",
        (
            ("bridge", "inserted here"),
            (ends[1].origin or "", f"`decoder` attends to width {target}"),
            (ends[0].origin or "", f"`encoder` ends at width {source}"),
        ),
        info=("its parameters are stored with those of the whole",)
        if spec.whole is not None
        else ("its parameters are in no checkpoint of a part: they start fresh",),
        help="write `bridge: none` to have unequal widths refused",
        severity="info",
    )
    numbers |= {"source_dim": ends[0], "target_dim": ends[1]}
    return make_node(BRIDGE, "linear", numbers, {"hidden": hidden}), [note, *problems]


def _is_stated(wanted: TensorType) -> bool:
    """Whether the decoder's author says which width it attends to: no projection is put in its way."""
    return _origin(wanted, -1).endswith(f".{CROSS_WIDTH}")


def _settings(spec: Spec) -> tuple[list[Problem], dict[str, Value]]:
    """The hyper-parameters of a bridge that its two sides do not settle."""
    bridge = spec.language.bridge
    given: Mapping[str, Any] = bridge.with_ if isinstance(bridge, BridgeBlock) else {}
    known = ("bias",)
    unknown = [
        Problem(
            "XL209",
            f"a linear bridge has no hyper-parameter `{name}`",
            ((key_of(f"bridge.with.{name}"), "not a hyper-parameter"),),
            (f"it has {', '.join(known)}; its widths are those of encoder and decoder",),
            "remove it",
        )
        for name in given
        if name not in known
    ]
    free = replace(
        SIGNATURES["linear"], hypers=tuple(h for h in SIGNATURES["linear"].hypers if h.name in known)
    )
    problems, numbers = numbers_of(free, {name: given[name] for name in known if name in given}, "bridge", {})
    return [*unknown, *problems], {} if problems else numbers


def _widths(given: TensorType, wanted: TensorType) -> Iterator[Problem]:
    """XL301, or XL307 where it cannot be told, for widths that no bridge joins."""
    source, target = given.dims[-1], wanted.dims[-1]
    proof = _compared(source, target)
    if proof is Proof.EQUAL:
        return
    at = (
        (_origin(wanted, -1), f"`decoder` attends to width {target}"),
        (_origin(given, -1), f"`encoder` ends at width {source}"),
    )
    if proof is Proof.UNKNOWN:
        yield Problem(
            "XL307",
            f"cannot tell whether the encoder's width ({source}) equals the one that the decoder attends to "
            f"({target})",
            at,
            help="declare the size under `dims:`",
        )
        return
    help = f"make both {target} or both {source}"
    if _is_stated(wanted):
        help = f"remove `{CROSS_WIDTH}` to let `bridge: auto` insert a projection, or set it to {source}"
    elif None not in (source.value, target.value):
        help += ", or let `bridge: auto` insert a projection"
    yield Problem("XL301", "cross-attention source width does not match the encoder output", at, help=help)


def _lengths(given: TensorType, wanted: TensorType) -> Iterator[Problem]:
    """XL305 for a fixed number of sentences or positions that the encoder does not give; names are free."""
    for index, what in enumerate(("sentences", "positions")):
        expected, actual = wanted.dims[index], given.dims[index]
        if expected.value is not None and _compared(expected, actual) is not Proof.EQUAL:
            yield Problem(
                "XL305",
                f"the decoder attends to {expected} {what}, and the encoder gives {actual}",
                ((_origin(wanted, index), f"{expected} wanted"), (_origin(given, index), f"{actual} given")),
                help="give the size a name in place of the number",
            )


def _masks(
    first: Written, last: Written, encoder: Graph, decoder: Graph, is_sound: bool
) -> Iterator[Problem]:
    """XL204 for a mask that the decoder does not take, XL206 for one that it needs and may not get."""
    mask = encoder.outputs.get("mask")
    is_taken = MASK in decoder.inputs
    if mask is not None and not is_taken and not last.lost:
        yield Problem(
            "XL204",
            f"the encoder's mask is read by nothing: the decoder has no `{MASK}`",
            (
                (key_of(f"{last.address}.inputs"), f"without `{MASK}`"),
                (first.output("mask"), "given and thrown away"),
            ),
            ("padding would be attended to",),
            f"add `{MASK}: {{role: mask, dims: [batch, source], optional: true}}`, and connect it",
        )
    is_sure = mask is not None and (bool(mask.node) or mask.port not in encoder.optional_inputs)
    if is_taken and MASK not in decoder.optional_inputs and not is_sure and is_sound:
        yield Problem(
            "XL206",
            f"the decoder needs `{MASK}`, and the encoder "
            + ("gives no mask" if mask is None else f"gives `{mask}`, which may be left out"),
            ((last.input(MASK), "needed"), (first.output("mask"), "not always there")),
            help="write `optional: true`, or let the encoder always give a mask",
        )


def _compared(first: Dim, second: Dim) -> Proof:
    if UNKNOWN.names() & (first.names() | second.names()):
        return Proof.EQUAL  # what settled it was reported
    return compare(first, second)


def _origin(type_: TensorType, index: int) -> str:
    return (type_.origins[index] if type_.origins else None) or ""
