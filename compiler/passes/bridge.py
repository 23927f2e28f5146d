"""Pass 6, between an encoder and a decoder: what takes the width of one to that of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compiler.passes.findings import key_of
from compiler.passes.hypers import numbers_of
from compiler.spec import Spec
from specs.builder import make_node
from specs.graph import Node, Ref, TensorType
from specs.language import BridgeBlock
from specs.problems import Problem
from specs.signatures import SIGNATURES
from specs.values import Value

BRIDGE = "enc_to_dec_proj"
"""The node that projects the encoder's width to the decoder's, named as in published pairs."""

CROSS_WIDTH = "cross_attention_hidden_size"
"""The field of a config.json that says the width a decoder attends to."""


def bridge_between(
    spec: Spec, hidden: Ref, given: TensorType, wanted: TensorType
) -> tuple[Node | None, list[Problem]]:
    """What joins the widths: nothing, or a projection, and a note of it."""
    problems, numbers = settings(spec)
    source, target = given.dims[-1].value, wanted.dims[-1].value
    bridge = spec.language.bridge
    if bridge == "none" or source is None or target is None:
        return None, problems
    if not isinstance(bridge, BridgeBlock) and (source == target or is_stated(wanted)):
        return None, problems
    ends = (Value(source, origin_of(given, -1)), Value(target, origin_of(wanted, -1)))
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


def is_stated(wanted: TensorType) -> bool:
    """Whether the decoder's author says which width it attends to: no projection is put in its way."""
    return origin_of(wanted, -1).endswith(f".{CROSS_WIDTH}")


def settings(spec: Spec) -> tuple[list[Problem], dict[str, Value]]:
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


def origin_of(type_: TensorType, index: int) -> str:
    """Where a size of a type was written; empty where nothing says."""
    return (type_.origins[index] if type_.origins else None) or ""
