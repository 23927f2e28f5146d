"""Many recordings or pictures to their texts: read, split where too long, batched, given back in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from runtime.audio.reading import Mono
from runtime.failures import failure
from runtime.flow import flow_of, run_flow
from runtime.processing import Processor
from runtime.reading import READERS, Reader
from specs.generation_layers import resolve, resolve_lengths


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one recording says, or one picture shows: its text, or the findings that say why there is none."""

    audio: str
    text: str | None
    findings: tuple[Diagnostic, ...] = ()


@dataclass
class _Recording:
    """A file on its way: a text for every part, as it comes in."""

    audio: str
    texts: list[str | None] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return bool(self.findings) or None not in self.texts

    def transcript(self) -> Transcript:
        if self.findings:
            return Transcript(self.audio, None, tuple(self.findings))
        return Transcript(self.audio, " ".join(text for text in self.texts if text))


_Rows = list[tuple[_Recording, int, Any]]
"""(recording, number of the part, waveform or picture)"""


def transcribe(
    model: Any,
    processor: Processor,
    files: Iterable[str],
    *,
    batch_size: int = 8,
    mono: Mono | None = None,
    tgt_lang: str | None = None,
    **options: Any,
) -> Iterator[Transcript]:
    """The transcript of every file, in order, as soon as it and those before it are done.

    A file that cannot be used has findings in place of a text; the others go on. A recording beyond the
    model's positions is split at silence under `long_input: chunk`, and its parts' texts are joined.
    `tgt_lang` is forced as the first token; other `options` are those of `generate`.

    Raises:
        CrossloomError: options that cannot be used (XL402 to XL408), an unknown language (XL112), a spec
            with nothing to run (XL114); before any file is read.
    """
    if tgt_lang is not None:
        options["forced_bos_token_id"] = processor.tokenizer.language_id(tgt_lang)
    flow = flow_of(model.spec)
    reader = READERS[flow.inputs[0]]
    check_options(model.spec, options, model.generation_defaults)

    def texts_of(rows: _Rows) -> None:
        parts = [part for _, _, part in rows]
        texts = run_flow(flow, model, processor, {flow.inputs[0]: parts}, **options)
        for (recording, part, _), text in zip(rows, texts, strict=True):
            recording.texts[part] = text

    def finish(rows: _Rows) -> None:
        try:
            texts_of(rows)
        except CrossloomError:
            usable = _usable(reader, processor, rows)
            if usable:
                texts_of(usable)

    waiting: deque[_Recording] = deque()
    rows: _Rows = []
    for file in files:
        recording = _Recording(file)
        waiting.append(recording)
        try:
            parts = reader.parts(processor, file, mono)
        except CrossloomError as error:
            recording.findings += error.diagnostics
            parts = []
        recording.texts = [None] * len(parts)
        rows += [(recording, number, part) for number, part in enumerate(parts)]
        while len(rows) >= batch_size:
            finish(rows[:batch_size])
            rows = rows[batch_size:]
        yield from _done(waiting)
    if rows:
        finish(rows)
    yield from _done(waiting)


def check_options(spec: Any, options: dict[str, Any], checkpoint: dict[str, Any] | None = None) -> None:
    """Refuse options of `generate` that cannot be used, before anything is loaded or read.

    Without the `checkpoint`'s own options a missing length limit is not known yet.
    """
    known = checkpoint is not None
    resolution = resolve(
        options, spec=spec.generation, checkpoint=checkpoint, config=spec.config, complete=known
    )
    problems = list(resolution.problems)
    merged = resolution.options
    if merged is not None and checkpoint is not None and not problems:
        problems += resolve_lengths(merged, 1, spec.maximum_target)[1]
    if problems:
        raise CrossloomError(
            [Diagnostic(p.code, Severity(p.severity), p.message, info=p.info, help=p.help) for p in problems]
        )
    if merged is not None and merged.num_return_sequences > 1:
        raise failure(
            "XL407",
            f"`num_return_sequences` is {merged.num_return_sequences}, but a file gets one text",
            help="leave it out, or call `crossloom.generate` for several",
        )


def _done(waiting: deque[_Recording]) -> Iterator[Transcript]:
    while waiting and waiting[0].is_done:
        yield waiting.popleft().transcript()


def _usable(reader: Reader, processor: Processor, rows: _Rows) -> _Rows:
    """The rows that the front end takes; why it does not take the others is noted with their recordings."""
    usable = []
    for recording, number, part in rows:
        try:
            reader.inputs(processor, part)
        except CrossloomError as error:
            recording.findings += [
                _named(finding, reader.called, recording.audio) for finding in error.diagnostics
            ]
        else:
            usable.append((recording, number, part))
    return usable


def _named(finding: Diagnostic, called: str, path: str) -> Diagnostic:
    """The finding with the file's name in place of what it is called there."""
    message = finding.message.replace(called, f"`{path}`", 1)
    return Diagnostic(
        finding.code, finding.severity, message, finding.spans, finding.info, finding.help, finding.fix
    )
