"""Where `crossloom run --speech` writes, and what it writes there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crossloom.cli.output import tell

if TYPE_CHECKING:
    from runtime.transcription import Transcript

SUFFIX = ".wav"
_LONGEST = 40
"""Characters of a text that its file is named for."""


class SpeechFiles:
    """A file for every input: the one that is named, or one of a folder, named after the input."""

    def __init__(self, target: Path, inputs: Sequence[str], force: bool) -> None:
        """Nothing is written yet, and nothing is refused later.

        Raises:
            click.UsageError: a target that is none for so many inputs.
            CrossloomError: XL602 for files that would be written over.
        """
        is_one = len(inputs) == 1
        if is_one and target.is_dir():
            raise click.UsageError(f"--speech names the file of one input, and `{target}` is a folder")
        if is_one and target.suffix.lower() != SUFFIX:
            raise click.UsageError(
                f"speech is written as WAV: name the file `{target.stem or 'out'}{SUFFIX}`"
            )
        if not is_one and (target.is_file() or target.suffix.lower() == SUFFIX):
            raise click.UsageError(f"of several inputs --speech names a folder, and `{target}` is a file")
        self._files = [target] if is_one else [target / name for name in file_names(inputs)]
        _refuse_overwriting(self._files, inputs, force)
        self._next = iter(self._files)

    def write(self, transcript: Transcript) -> dict[str, Any]:
        """Write the next input's speech, if there is any; what JSON says of it."""
        path = next(self._next)
        if transcript.waveform is None or transcript.sampling_rate is None:
            return {}
        from runtime.audio.writing import clipped, write_speech

        waveform, rate = transcript.waveform, transcript.sampling_rate
        if cut := clipped(waveform):
            tell(f"warning: {cut:,} of {len(waveform):,} samples of `{path}` are cut off at full volume")
        write_speech(path, waveform, rate)
        seconds = len(waveform) / rate
        click.echo(f"wrote {path} ({seconds:.2f} s)", err=True)
        return {"speech": str(path), "samples": len(waveform), "sampling_rate": rate, "seconds": seconds}


def file_names(inputs: Iterable[str]) -> list[str]:
    """A name for every input's file: that of a recording, or the beginning of a text; each is used once."""
    used: set[str] = set()
    names = []
    for one in inputs:
        stem = Path(one).stem if os.path.exists(one) else _words(one)
        name, count = stem, 1
        while name.casefold() in used:  # some file systems take both letters for one
            count += 1
            name = f"{stem}-{count}"
        used.add(name.casefold())
        names.append(name + SUFFIX)
    return names


def _words(text: str) -> str:
    """The letters and digits of a text's beginning, words joined by hyphens."""
    words = "".join(char if char.isalnum() else " " for char in text[: 2 * _LONGEST]).split()
    return "-".join(words)[:_LONGEST].strip("-") or "speech"


def _refuse_overwriting(files: Sequence[Path], inputs: Iterable[str], force: bool) -> None:
    from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity

    given = [Path(one) for one in inputs if os.path.isfile(one)]
    reasons: Mapping[Path, str] = {
        path: "is an input" if any(path.samefile(one) for one in given) else "is there already"
        for path in files
        if path.exists()
    }
    lost = [path for path, reason in reasons.items() if not force or reason == "is an input"]
    if lost:
        several = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        read = any(reasons[path] == "is an input" for path in lost)
        help = "name another place with `--speech`" + ("" if read else ", or let it go with `--force`")
        message = f"`{lost[0]}`{several} would be written over"
        info = tuple(f"`{path.name}` {reasons[path]}" for path in lost[:5])
        raise CrossloomError([Diagnostic("XL602", Severity.ERROR, message, info=info, help=help)])
