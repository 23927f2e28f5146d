"""Where a SeamlessM4T v2 checkpoint keeps each parameter of the parts that a class has."""

from __future__ import annotations

from collections.abc import Iterator

from specs.families.seamless_m4t_v2 import speech_encoder, text, units, vocoder
from specs.families.seamless_m4t_v2.architectures import parts
from specs.values import View
from specs.weights import IgnoredTensor, Row, WeightMap


def weights(c: View) -> WeightMap:
    """The tables of the parts, and the spellings of the vocoder's weights where there is one."""
    spellings = {"dialects": vocoder.DIALECTS} if "vocoder" in parts(c) else {}
    return WeightMap(tuple(_rows(c)), ignored=tuple(_ignored(c)), **spellings)


def _rows(c: View) -> Iterator[Row]:
    found = parts(c)
    if "speech_encoder" in found:
        yield from speech_encoder.rows(c)
    if "text_encoder" in found:
        yield from text.encoder_rows(c)
    yield from text.decoder_rows(c)
    if "units" in found:
        yield from units.rows(c)
    if "vocoder" in found:
        yield from vocoder.rows(c)


def _ignored(c: View) -> Iterator[IgnoredTensor]:
    yield from text.unused(c)
    if "units" in parts(c):
        yield from units.unused(c)
