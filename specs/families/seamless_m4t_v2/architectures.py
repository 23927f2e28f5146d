"""The published classes, and the parts that each of them has."""

from __future__ import annotations

from specs.values import View

PARTS = ("speech_encoder", "text_encoder", "decoder", "units", "vocoder")
"""Every part, in the order of a stored checkpoint."""

_SPOKEN = ("decoder", "units", "vocoder")

ARCHITECTURES: dict[str, tuple[str, ...]] = {
    "SeamlessM4Tv2Model": PARTS,
    "SeamlessM4Tv2ForTextToText": ("text_encoder", "decoder"),
    "SeamlessM4Tv2ForSpeechToText": ("speech_encoder", "decoder"),
    "SeamlessM4Tv2ForTextToSpeech": ("text_encoder", *_SPOKEN),
    "SeamlessM4Tv2ForSpeechToSpeech": ("speech_encoder", *_SPOKEN),
}
"""Published class -> its parts; the first is the default, which does all five tasks."""


def parts(c: View) -> tuple[str, ...]:
    """The parts of the class that a configuration is of; every part of one that is refused by its name."""
    return ARCHITECTURES.get(c.architecture or "", PARTS)
