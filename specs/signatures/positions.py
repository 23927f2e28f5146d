"""Signatures of position blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from specs.dims import Dim
from specs.graph import Block
from specs.signatures.base import Env, Hyper, Numbers, Port, Signature, Violation
from specs.signatures.dense import DROPOUT, PADDING_ROW, WIDTH
from specs.values import Value

MAXIMUM = Hyper("maximum", int, "longest sequence the table is declared for", minimum=1)
OVERFLOW = Hyper("overflow", str, "past the table: an error, or grow it", "error", choices=("error", "grow"))


def _sines_and_cosines(n: Numbers) -> Iterable[Violation]:
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


def sinusoid_violations(n: Numbers) -> Iterable[Violation]:
    """What the width and the padding row of a sinusoidal table have against it."""
    yield from _sines_and_cosines(n)
    if n.padding_row.value > n.maximum.value:  # positions follow the padding row
        yield Violation(
            "XL402",
            f"the pad id {n.padding_row.value} leaves no position in a table of {n.maximum.value + 2} rows",
            (("padding_row", "taken as the padding row"), ("maximum", "declares the table")),
            f"use a pad id of at most {n.maximum.value}, or more positions",
        )


def _rows(n: Numbers) -> Value:
    return n.maximum + 2


def _table(n: Numbers) -> Block:
    name = "GrowingSinusoidTable" if n.overflow.value == "grow" else "SinusoidTable"
    return Block(name, {"rows": _rows(n), "width": n.width, "padding_row": n.padding_row})


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


OFFSET = Hyper("offset", int, "row of the first position", 0, minimum=0)

LEARNED_POSITIONS = Signature(
    kind="learned_positions",
    summary="A trained row for every position, whatever token stands there.",
    hypers=(Hyper("rows", int, "rows of the table", minimum=1), WIDTH, OFFSET),
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64"),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("LearnedPositions", {"rows": n.rows, "width": n.width, "offset": n.offset}),
    operations=_elementwise,
    violations=_position_remains,
    keeps_state=True,
)


def _padding_row_remains(n: Numbers) -> Iterable[Violation]:
    if n.padding_row.value + 1 >= n.rows.value:
        yield Violation(
            "XL402",
            f"the pad id {n.padding_row.value} leaves no position in a table of {n.rows.value} rows",
            (("padding_row", "taken as the padding row"), ("rows", "the table")),
            f"use a pad id below {n.rows.value - 1}, or more rows",
        )


TABLE = (Hyper("rows", int, "rows of the table", minimum=2), WIDTH, PADDING_ROW)


def _kept(name: str) -> Callable[[Numbers], Block]:
    return lambda n: Block(name, {"rows": n.rows, "width": n.width, "padding_row": n.padding_row})


LEARNED_TOKEN_POSITIONS = Signature(
    kind="learned_token_positions",
    summary="Trained positions of token ids, counted over real tokens; pads get the padding row.",
    hypers=TABLE,
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64"),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=_kept("LearnedTokenPositions"),
    operations=_elementwise,
    violations=_padding_row_remains,
    keeps_state=True,
    mixes_time=True,
)


def _fixed(n: Numbers) -> Iterable[Violation]:
    yield from _sines_and_cosines(n)
    yield from _padding_row_remains(n)


FIXED_TOKEN_POSITIONS = Signature(
    kind="fixed_token_positions",
    summary="Positions of token ids as they are stored, at first sinusoids; training leaves them alone.",
    hypers=TABLE,
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64"),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=_kept("FixedTokenPositions"),
    operations=_elementwise,
    violations=_fixed,
    keeps_state=True,
    mixes_time=True,
)


def _offset(n: Numbers) -> Iterable[Violation]:
    yield from sinusoid_violations(n)
    yield from _position_remains(Numbers({"rows": _rows(n), "offset": n.offset}))


SINUSOIDAL_POSITIONS = Signature(
    kind="sinusoidal_positions",
    summary="A sinusoid for every position, whatever token stands there; one row of the table is zero.",
    hypers=(MAXIMUM, WIDTH, PADDING_ROW, OFFSET, OVERFLOW),
    inputs=(Port("ids", "token_ids", ("batch", "time"), "int64"),),
    outputs=(Port("positions", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block("SinusoidalPositions", {"offset": n.offset}, {"table": _table(n)}),
    operations=_elementwise,
    violations=_offset,
    keeps_state=True,
)


ADD_SCALED_POSITIONS = Signature(
    kind="add_scaled_positions",
    summary="Sum of hidden states and sinusoids times a learned number, padding counted too; then dropout.",
    hypers=(MAXIMUM, WIDTH, PADDING_ROW, OVERFLOW, DROPOUT),
    inputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    outputs=(Port("hidden", "hidden", ("batch", "time", "width")),),
    construct=lambda n: Block(
        "AddScaledPositions", {"padding_row": n.padding_row, "dropout": n.dropout}, {"table": _table(n)}
    ),
    operations=_elementwise,
    violations=sinusoid_violations,
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
