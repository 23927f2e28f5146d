"""From files to what a flow begins with: a reader for each kind of input a person has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.audio import read_audio
from runtime.audio.reading import Mono
from runtime.processing import Processor


@dataclass(frozen=True, slots=True)
class Reader:
    """How files of a kind are read.

    Attributes:
        parts: processor, path, what to do with several channels -> what the model takes at a time.
        inputs: processor, one part -> the model's inputs; it raises what is wrong with the part.
        called: what messages of the processor call a part, to be replaced by the name of its file.
    """

    parts: Callable[[Processor, str, Mono | None], list[Any]]
    inputs: Callable[[Processor, Any], Any]
    called: str


def _recording(processor: Processor, path: str, mono: Mono | None) -> list[Any]:
    return list(processor.split(read_audio(path, processor.sampling_rate, mono)))


def _picture(_: Processor, path: str, __: Mono | None) -> list[Any]:
    from runtime.images import read_image

    return [read_image(path)]


READERS: Mapping[str, Reader] = {
    "audio": Reader(
        _recording,
        lambda processor, part: processor(audio=part, sampling_rate=processor.sampling_rate),
        "the audio",
    ),
    "images": Reader(_picture, lambda processor, part: processor(images=part), "the image"),
}
"""Name of a flow's input -> how files become it."""
