"""Pass 6 for an encoder and a decoder: the two graphs as one, and what is between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compiler.passes.bridge import Crossing, crossing, is_stated, origin_of, settings
from compiler.passes.dims import UNKNOWN, infer
from compiler.passes.findings import key_of
from compiler.passes.initialisation import initialised
from compiler.passes.lower import side_by_side
from compiler.passes.outputs import uneven_outputs
from compiler.passes.written import CROSSING, Joined, Written
from compiler.spec import Spec
from specs.dims import Dim, Proof, compare
from specs.graph import Graph, Ref, TensorType
from specs.halves import CROSS_WIDTH
from specs.problems import Problem

HIDDEN, MASK = CROSSING


def join(spec: Spec, parts: list[Written], encoder: Graph, decoder: Graph, is_sound: bool) -> Joined:
    """Let the decoder read the encoder, through a bridge where the spec or their widths ask for one.

    `is_sound` says that the structure of both is whole; otherwise they are compared, and not connected.
    """
    first, last = parts
    (encoder, early), (decoder, late) = infer(encoder), infer(decoder)
    apart = side_by_side([encoder, decoder])
    hidden, wanted = encoder.outputs.get("hidden"), decoder.inputs.get(HIDDEN)
    if hidden is None or wanted is None or len(encoder.types[hidden].dims) != len(wanted.dims):
        return Joined(apart, tuple(settings(spec, None)[0]))
    crossed, bridging = crossing(spec, hidden, encoder.types[hidden], encoder.outputs.get("mask"), wanted)
    problems = [*uneven_outputs(first, encoder), *_lengths(crossed.type, wanted)]
    problems += _masks(first, last, encoder, decoder, crossed, is_sound)
    problems += _widths(crossed.type, wanted)
    if problems or early or late or not is_sound:
        return Joined(apart, tuple(bridging), tuple(problems))
    return Joined(_connected(apart, encoder, decoder, crossed), tuple(bridging))


def _connected(apart: Graph, encoder: Graph, decoder: Graph, crossed: Crossing) -> Graph:
    read = {Ref("", HIDDEN): crossed.hidden, Ref("", MASK): crossed.mask}
    ends = zip(decoder.inputs[HIDDEN].dims, crossed.type.dims, strict=True)
    sizes = {expected: actual for expected, actual in ends if expected.value is None}
    nodes = {
        node.name: node._replace(
            inputs={p: found for p, ref in node.inputs.items() if (found := read.get(ref, ref)) is not None}
        )
        for node in decoder.nodes.values()
    }
    inputs = {
        name: type_._replace(dims=tuple(sizes.get(dim, dim) for dim in type_.dims))
        for name, type_ in decoder.inputs.items()
        if name not in CROSSING
    }
    assert decoder.encoded is not None, "a decoder that is sound reads hidden states"
    hidden, mask = decoder.encoded
    bridge = {} if crossed.bridge is None else {crossed.bridge.name: crossed.bridge}
    whole = replace(
        apart,
        inputs={**encoder.inputs, **inputs},
        nodes={**encoder.nodes, **bridge, **nodes},
        encoded=(read.get(hidden, hidden) or hidden, read.get(mask, mask) if mask else None),
        initialisations=(*crossed.initialisations, *apart.initialisations),
        optional_inputs=apart.optional_inputs - CROSSING.keys(),
        types={},
    )
    return initialised(whole)


def _widths(given: TensorType, wanted: TensorType) -> Iterator[Problem]:
    """XL301, or XL307 where it cannot be told, for widths that no bridge joins."""
    source, target = given.dims[-1], wanted.dims[-1]
    proof = _compared(source, target)
    if proof is Proof.EQUAL:
        return
    at = (
        (origin_of(wanted, -1), f"`decoder` attends to width {target}"),
        (origin_of(given, -1), f"`encoder` ends at width {source}"),
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
    if is_stated(wanted):
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
                (
                    (origin_of(wanted, index), f"{expected} wanted"),
                    (origin_of(given, index), f"{actual} given"),
                ),
                help="give the size a name in place of the number",
            )


def _masks(
    first: Written, last: Written, encoder: Graph, decoder: Graph, crossed: Crossing, is_sound: bool
) -> Iterator[Problem]:
    """XL204 for a mask that the decoder does not take, XL206 for one that it needs and may not get."""
    mask = encoder.outputs.get("mask")
    is_taken = MASK in decoder.inputs
    if crossed.mask is not None and not is_taken and not last.lost:
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
    is_needed = is_taken and MASK not in decoder.optional_inputs and is_sound
    if is_needed and mask is not None and crossed.mask is None:
        yield Problem(
            "XL206",
            f"the decoder needs `{MASK}`, and behind the bridge there is none: every position is valid",
            ((last.input(MASK), "needed"), ("bridge", "gives no mask")),
            help="write `optional: true`, or let a bridge that keeps the mask stand there",
        )
    elif is_needed and (mask is None or not (mask.node or mask.port not in encoder.optional_inputs)):
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
