"""What a person names on the command line, read into what a flow begins with."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from compiler.diagnostics.model import CrossloomError
from compiler.diagnostics.near import near
from runtime.audio import read_audio
from runtime.audio.reading import Mono
from runtime.failures import failure
from runtime.processing import Processor

Reader = Callable[[str], list[Any]]
"""An input's name -> its parts: one, unless it is split; raises CrossloomError where it cannot be used."""

_RECORDINGS = {
    ".aac",
    ".aif",
    ".aifc",
    ".aiff",
    ".amr",
    ".au",
    ".caf",
    ".flac",
    ".m4a",
    ".mka",
    ".mp3",
    ".mp4",
    ".oga",
    ".ogg",
    ".opus",
    ".sph",
    ".w64",
    ".wav",
    ".wave",
    ".webm",
    ".wma",
}
"""What the names of recordings end with, whether or not they can be read here."""

_PATHS = ("/", "./", "../", "~/")
"""What a path begins with, and hardly a text."""

_FILE_NAME = re.compile(r"\S*[^\s.]\.[a-z][a-z0-9]{1,3}", re.ASCII | re.IGNORECASE)
"""One word with what the name of a file ends with, of whatever kind: `talk.wv`, `notes.txt`."""


def kinds_of(inputs: Collection[str], kinds: Collection[str], given_as: str | None = None) -> list[str]:
    """What each input is of what a model takes: all of them `given_as`, where that is said.

    Where both are possible, an existing file is audio, and so is what looks like the path of one; any other
    is a text.

    Raises:
        CrossloomError: XL112 for a kind that the model does not take.
    """
    if given_as is not None and given_as not in kinds:
        taken = " and ".join(sorted(kinds))
        raise failure(
            "XL112",
            f"the inputs are given as {given_as}, and this model takes {taken}",
            help=f"leave `--as {given_as}` out, or use a model that takes it",
        )
    if given_as is not None or len(kinds) == 1:
        (kind,) = (given_as,) if given_as is not None else kinds
        return [kind] * len(inputs)
    return ["audio" if os.path.exists(one) or _is_path(one) else "text" for one in inputs]


def _is_path(text: str) -> bool:
    """Whether a text is the path of a recording, or of any file: no sentence looks like that."""
    if PurePath(text).suffix.lower() in _RECORDINGS or _FILE_NAME.fullmatch(text):
        return True
    return text.startswith(_PATHS) and not any(char.isspace() for char in text)


def reader_of(kind: str, processor: Processor, mono: Mono | None, or_text: bool = False) -> Reader:
    """Reads inputs of a kind; `or_text` where a path that leads nowhere might have been meant as a text."""
    if kind == "audio":
        return _audio(processor, mono, or_text)
    return {"text": _text, "image": _image}[kind]


def _audio(processor: Processor, mono: Mono | None, or_text: bool) -> Reader:
    """Paths of recordings, to waveforms that the model can take."""

    def read(path: str) -> list[Any]:
        if or_text and not os.path.exists(path):
            raise failure(
                "XL117",
                f"`{path}` looks like a path, and there is no such file",
                info=("it is not translated by mistake; a text that looks so is given with `--as text`",),
                help=_path_meant(path),
            )
        try:
            samples = read_audio(path, processor.sampling_rate, mono)
        except CrossloomError as error:
            raise (_as_no_text(error) if or_text else error) from None
        return processor.split(samples)

    return read


def _path_meant(path: str) -> str:
    """The edit for a path that leads nowhere: a file beside it may have almost that name."""
    folder, name = os.path.split(path)
    try:
        beside = os.listdir(folder or os.curdir)
    except OSError:
        return "check the path"
    close = near(name, beside, most=1)
    return f"did you mean `{os.path.join(folder, close[0])}`?" if close else "check the path"


def _as_no_text(error: CrossloomError) -> CrossloomError:
    """Of a file that is no audio, what to do if a text is in it."""
    hint = "a file is taken for a recording: a text is given itself, and not by the file it is in"
    return CrossloomError(
        [replace(one, info=(*one.info, hint)) if one.code == "XL414" else one for one in error.diagnostics]
    )


def _text(text: str) -> list[Any]:
    """A text as it is."""
    return [text]


def _image(path: str) -> list[Any]:
    """The path of an image, to a picture."""
    from runtime.images import read_image

    return [read_image(path)]


_ABOUT = {
    "mono": ("audio", "--mono"),
    "src_lang": ("text", "--from"),
    "replace_unknown": ("text", "--replace-unknown"),
}
"""What is asked of the reading of inputs -> the kind it is about, and the option of the command line."""


def kinds_meant(inputs: Collection[str], kinds: Collection[str], possible: Collection[str]) -> set[str]:
    """What may be among the inputs: all that is possible where there are none, or a path leads nowhere.

    Such a path is told for itself, and what else was asked for may have been right.
    """
    lost = any(kind == "audio" and not os.path.exists(one) for one, kind in zip(inputs, kinds, strict=True))
    return {*possible} if lost or not inputs else {*kinds}


def check_reading(kinds: Collection[str], asked: Mapping[str, Any]) -> None:
    """Refuse (XL112) what is asked of a kind of input that there is none of."""
    for name, value in asked.items():
        kind, option = _ABOUT[name]
        if value and kind not in kinds:
            given = " and ".join(sorted(kinds))
            message = f"`{name}` (`{option}`) is about {kind}, and what is given is {given}"
            raise failure("XL112", message, help="leave it out")
