"""Pass 6, between an encoder and a decoder: what takes the states of one to the width of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from compiler.passes.findings import key_of
from compiler.passes.hypers import numbers_of
from compiler.spec import Spec
from specs.bridges import BRIDGE, BRIDGES, Bridge, initialisations
from specs.builder import make_node
from specs.graph import Node, Ref, TensorType
from specs.halves import CROSS_WIDTH
from specs.initialisation import Initialisation
from specs.language import BridgeBlock
from specs.problems import Problem
from specs.signatures import SIGNATURES, Numbers
from specs.values import Value

PUBLISHED = "linear"
"""The bridge of published pairs, and of `bridge: auto`."""


class Crossing(NamedTuple):
    """What the decoder reads, after the bridge where there is one.

    Attributes:
        hidden: the states.
        type: what they are.
        mask: their mask; None where every position is valid.
        bridge: the node that gives them.
    """

    hidden: Ref
    type: TensorType
    mask: Ref | None
    bridge: Node | None = None

    @property
    def initialisations(self) -> tuple[Initialisation, ...]:
        """How the bridge's parameters start, where the decoder's own rules do not say it."""
        return () if self.bridge is None else initialisations(self.bridge.kind, BRIDGE)


def crossing(
    spec: Spec, hidden: Ref, given: TensorType, mask: Ref | None, wanted: TensorType
) -> tuple[Crossing, list[Problem]]:
    """What crosses to the decoder, and a note of the bridge that it crosses; what is wrong with that."""
    kind = _kind(spec)
    problems, numbers = settings(spec, wanted.dims[-1].value)
    source, target = given.dims[-1].value, wanted.dims[-1].value
    as_given = Crossing(hidden, given, mask)
    if spec.language.bridge == "none" or source is None or target is None:
        return as_given, problems
    if not isinstance(spec.language.bridge, BridgeBlock) and (source == target or is_stated(wanted)):
        return as_given, problems
    ends = (Value(source, origin_of(given, -1)), Value(target, origin_of(wanted, -1)))
    note = Problem(
        "XL301",
        f"the bridge `{BRIDGE}` ({kind}) {BRIDGES[kind].effect} the encoder's width {source} to {target}",
        (
            ("bridge", "inserted here"),
            (ends[1].origin or "", f"`decoder` attends to width {target}"),
            (ends[0].origin or "", f"`encoder` ends at width {source}"),
        ),
        info=(
            "its parameters are stored with those of the whole"
            if spec.whole is not None
            else "its parameters are in no checkpoint of a part: they start fresh",
            *_remarks(spec),
        ),
        help=None
        if isinstance(spec.language.bridge, BridgeBlock)
        else "write `bridge: none` to have unequal widths refused",
        severity="info",
    )
    numbers |= dict(zip(BRIDGES[kind].sides, ends, strict=True))
    node = make_node(BRIDGE, kind, numbers, _inputs(kind, hidden, mask))
    return _across(node, given, mask), [note, *problems]


def _remarks(spec: Spec) -> tuple[str, ...]:
    """What the encoder's family has to say of a bridge behind it."""
    encoder = spec.components.get("encoder")
    return () if encoder is None else encoder.family.bridged(encoder.view)


def _inputs(kind: str, hidden: Ref, mask: Ref | None) -> dict[str, Ref]:
    is_read = mask is not None and SIGNATURES[kind].input("mask") is not None
    return {"hidden": hidden} | ({"mask": mask} if is_read and mask is not None else {})


def _across(node: Node, given: TensorType, mask: Ref | None) -> Crossing:
    """What a bridge gives: states, and a mask where the encoder gave one and positions are still its own."""
    signature, numbers = SIGNATURES[node.kind], Numbers(node.numbers)
    env = {**numbers.constants(), **dict(zip(("batch", "time"), given.dims, strict=False))}
    type_ = signature.output_types(numbers, env)["hidden"]
    origins = (*given.origins[:1], None, node.numbers[BRIDGES[node.kind].target].origin)
    if "mask" in {port.name for port in signature.outputs}:
        after = None if mask is None else Ref(node.name, "mask")
    else:
        after = None if signature.input("mask") else mask
    return Crossing(Ref(node.name, "hidden"), type_._replace(origins=origins), after, node)


def _kind(spec: Spec) -> str:
    bridge = spec.language.bridge
    return bridge.block if isinstance(bridge, BridgeBlock) else PUBLISHED


def is_stated(wanted: TensorType) -> bool:
    """Whether the decoder's author says which width it attends to: no projection is put in its way."""
    return origin_of(wanted, -1).endswith(f".{CROSS_WIDTH}")


def settings(spec: Spec, width: int | None) -> tuple[list[Problem], dict[str, Value]]:
    """The hyper-parameters of a bridge that its two sides do not settle; `width` is the decoder's."""
    bridge, kind = spec.language.bridge, _kind(spec)
    given: Mapping[str, Any] = bridge.with_ if isinstance(bridge, BridgeBlock) else {}
    joins = BRIDGES[kind]
    free = tuple(
        hyper._replace(default=joins.multiples[hyper.name] * (width or 1))
        if hyper.name in joins.multiples
        else hyper
        for hyper in SIGNATURES[kind].hypers
        if hyper.name not in joins.sides
    )
    sides = [_settled(kind, joins, name) for name in given if name in joins.sides]
    problems, numbers = numbers_of(
        replace(SIGNATURES[kind], hypers=free, _hypers={}),
        {name: value for name, value in given.items() if name not in joins.sides},
        "bridge",
        spec.language.dims,
    )
    return [*sides, *problems], numbers


def _settled(kind: str, joins: Bridge, name: str) -> Problem:
    side = "encoder ends at" if name == joins.source else "decoder attends to"
    return Problem(
        "XL209",
        f"`{name}` of the {kind} bridge is the width that the {side}, and is not set here",
        ((key_of(f"bridge.with.{name}"), "not a setting"),),
        ("a bridge takes its widths from both sides",),
        "remove it",
    )


def origin_of(type_: TensorType, index: int) -> str:
    """Where a size of a type was written; empty where nothing says."""
    return (type_.origins[index] if type_.origins else None) or ""
