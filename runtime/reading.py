"""What a person names on the command line, read into what a flow begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runtime.audio import read_audio
from runtime.audio.reading import Mono
from runtime.failures import failure
from runtime.processing import Processor

Reader = Callable[[str], list[Any]]
"""An input's name -> its parts: one, unless it is split; raises CrossloomError where it cannot be used."""


def _audio(processor: Processor, mono: Mono | None) -> Reader:
    """Paths of recordings, to waveforms that the model can take."""
    return lambda path: processor.split(read_audio(path, processor.sampling_rate, mono))


def _text(processor: Processor, mono: Mono | None) -> Reader:
    """Texts as they are."""
    if mono is not None:
        raise failure("XL112", "`mono` is about recordings, and this model reads texts", help="leave it out")
    return lambda text: [text]


def _images(_: Processor, mono: Mono | None) -> Reader:
    """Paths of images, to pictures."""
    from runtime.images import read_image

    if mono is not None:
        raise failure("XL112", "`mono` is about recordings, and this model reads images", help="leave it out")
    return lambda path: [read_image(path)]


READERS: Mapping[str, Callable[[Processor, Mono | None], Reader]] = {
    "audio": _audio,
    "image": _images,
    "text": _text,
}
"""By the name of the flow's input."""
