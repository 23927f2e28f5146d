"""Where a SeamlessM4T v2 checkpoint keeps the parameters of the parts a class has, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from specs.families.seamless_m4t_v2 import speech_encoder, text, units, vocoder
from specs.families.seamless_m4t_v2.architectures import PARTS, parts
from specs.values import View
from specs.weights import IgnoredTensor, Row, WeightMap, generalise

_ROWS: dict[str, Callable[[View], Iterator[Row]]] = {
    "speech_encoder": speech_encoder.rows,
    "text_encoder": text.encoder_rows,
    "decoder": text.decoder_rows,
    "units": units.rows,
    "vocoder": vocoder.rows,
}
_WORDS = {
    "speech_encoder": "speech encoder",
    "text_encoder": "text encoder",
    "units": "unit model",
    "vocoder": "vocoder",
}
"""Part -> what a reason calls it, of those that a class may lack."""


def weights(c: View) -> WeightMap:
    """The table of a class; any other class's checkpoint that has its parts feeds it too."""
    present = parts(c)
    rows = tuple(row for part in PARTS if part in present for row in _ROWS[part](c))
    spellings = {"dialects": vocoder.DIALECTS} if "vocoder" in present else {}
    return WeightMap(rows, ignored=(*_unused(c), *_absent(c)), **spellings)


def _unused(c: View) -> Iterator[IgnoredTensor]:
    """What the published class has and does not compute with."""
    yield from text.unused(c)
    if "units" in parts(c):
        yield from units.unused(c)


def _absent(c: View) -> Iterator[IgnoredTensor]:
    """The parts that the class does without, in every spelling of them."""
    for part in PARTS:
        if part in parts(c):
            continue
        reason = f"{c.architecture} has no {_WORDS[part]}"
        names = {name: None for row in _ROWS[part](c) for name in _spellings(row)}
        if part == "units":
            names |= dict.fromkeys(one.pattern for one in units.unused(c))
        yield from (IgnoredTensor(name, reason) for name in names)


def _spellings(row: Row) -> Iterator[str]:
    """Patterns of all names that a row's tensors are stored under."""
    spelt = (name for dialect in vocoder.DIALECTS for name in dialect.names(row))
    yield from (generalise(name)[0] for name in (*spelt, *row.copies))
