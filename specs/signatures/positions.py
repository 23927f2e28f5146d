"""Signatures of position blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import PADDING_ROW, WIDTH

MAXIMUM = Hyper("maximum", int, "longest sequence the table is declared for", minimum=1)
OVERFLOW = Hyper("overflow", str, "past the table: an error, or grow it", "error", choices=("error", "grow"))


def sinusoid_violations(n: Numbers) -> Iterable[Violation]:
    """Sines and cosines take half the width each; fewer than two frequencies have no ratio."""
    if n.width.value % 2:
        yield Violation(
            "XL304",
            f"sinusoidal positions need an even width, and this one is {n.width.value}",
            (("width", "odd"),),
            f"use {n.width.value - 1} or {n.width.value + 1}",
        )
    elif n.width.value < 4:
        yield Violation(
            "XL304",
            f"sinusoidal positions need a width of at least 4, and this one is {n.width.value}",
            (("width", "leaves a single frequency"),),
            "use 4 or more",
        )
    if n.padding_row.value > n.maximum.value:  # positions follow the padding row
        yield Violation(
            "XL402",
            f"the pad id {n.padding_row.value} leaves no position in a table of {n.maximum.value + 2} rows",
            (("padding_row", "taken as the padding row"), ("maximum", "declares the table")),
            f"use a pad id of at most {n.maximum.value}, or more positions",
        )


def _table(n: Numbers) -> Block:
    name = "GrowingSinusoidTable" if n.overflow.value == "grow" else "SinusoidTable"
    return Block(name, {"rows": n.maximum + 2, "width": n.width, "padding_row": n.padding_row})


def _elementwise(n: Numbers, env: Env) -> Dim:
    return env["batch"] * env["time"] * env["width"]


def _construct(name: str) -> Callable[[Numbers], Block]:
    return lambda n: Block(name, {"padding_row": n.padding_row}, {"table": _table(n)})


TOKEN_POSITIONS = Signature(
    kind="token_positions",
    summary="Sinusoidal positions of token ids; pads get a zero row.",
    hypers=(MAXIMUM, WIDTH, PADDING_ROW, OVERFLOW),
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64"),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=_construct("TokenPositions"),
    operations=_elementwise,
    violations=sinusoid_violations,
    keeps_state=True,
    mixes_time=True,
)


def _position_remains(n: Numbers) -> Iterable[Violation]:
    if n.offset.value >= n.rows.value:
        yield Violation(
            "XL104",
            f"a table of {n.rows.value} rows has no position from row {n.offset.value} on",
            (("rows", "the table"), ("offset", "the row of the first position")),
            f"use more than {n.offset.value} rows",
        )


LEARNED_POSITIONS = Signature(
    kind="learned_positions",
    summary="A trained row for every position, whatever token stands there.",
    hypers=(
        Hyper("rows", int, "rows of the table", minimum=1),
        WIDTH,
        Hyper("offset", int, "row of the first position", 0, minimum=0),
    ),
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64"),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("LearnedPositions", {"rows": n.rows, "width": n.width, "offset": n.offset}),
    operations=_elementwise,
    violations=_position_remains,
    keeps_state=True,
)


def _frame_positions(kind: str, name: str, summary: str) -> Signature:
    return Signature(
        kind=kind,
        summary=summary,
        hypers=(MAXIMUM, WIDTH, PADDING_ROW, OVERFLOW),
        inputs=(
            Port("hidden", "hidden", ("batch", "time", "width")),
            Port("mask", "mask", ("batch", "time"), "int64", optional=True),
        ),
        outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
        construct=_construct(name),
        operations=_elementwise,
        violations=sinusoid_violations,
        mixes_time=True,
    )


FRAME_POSITIONS = _frame_positions(
    "frame_positions", "FramePositions", "Sinusoidal positions of frames; padding gets a zero row."
)
UNMASKED_FRAME_POSITIONS = _frame_positions(
    "unmasked_frame_positions",
    "UnmaskedFramePositions",
    "Sinusoidal positions of all frames, padding included.",
)
PADDING_FRAME_POSITIONS = _frame_positions(
    "padding_frame_positions",
    "PaddingFramePositions",
    "Sinusoidal positions of padding frames; valid frames get a zero row.",
)
