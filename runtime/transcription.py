"""Many inputs to their texts: read, split where too long, batched, and given back in order."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compiler.diagnostics.model import CrossloomError, Diagnostic
from runtime.audio.reading import Mono
from runtime.failures import failure, refuse
from runtime.flows import HOST, Host, flow_of, run_flow
from runtime.processing import Processor
from runtime.reading import READERS, Reader
from specs.flow import Flow
from specs.generation.layers import resolve
from specs.generation.lengths import resolve_lengths


@dataclass(frozen=True, slots=True)
class Transcript:
    """What became of one input, a path or a text: the text written, or why there is none."""

    source: str
    text: str | None
    findings: tuple[Diagnostic, ...] = ()


@dataclass
class _Input:
    """An input on its way: a text for every part, as it comes in."""

    source: str
    texts: list[str | None] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return bool(self.findings) or None not in self.texts

    def transcript(self) -> Transcript:
        if self.findings:
            return Transcript(self.source, None, tuple(self.findings))
        return Transcript(self.source, " ".join(text for text in self.texts if text))


_Rows = list[tuple[_Input, int, Any]]
"""(input, number of the part, the part)"""


def transcribe(
    model: Any,
    processor: Processor,
    inputs: Iterable[str],
    *,
    batch_size: int = 8,
    mono: Mono | None = None,
    src_lang: str | None = None,
    replace_unknown: bool = False,
    tgt_lang: str | None = None,
    **options: Any,
) -> Iterator[Transcript]:
    """The text of every input, in order, as soon as it and those before it are done.

    `inputs` are what the model's flow begins with: paths of recordings, or texts. One that cannot be used
    has findings in place of a text; the others go on. A recording beyond the model's positions is split at
    silence under `long_input: chunk`, and its parts' texts are joined. `src_lang` is the language of source
    texts; with `replace_unknown`, what has no token in them becomes the unknown one. `tgt_lang` is forced as
    the first token; other `options` are those of `generate`.

    Raises:
        CrossloomError: options that cannot be used (XL402 to XL408), an unknown language (XL112), a spec
            with nothing to run (XL114); before any input is read.
    """
    if tgt_lang is not None:
        options["forced_bos_token_id"] = processor.tokenizer.language_id(tgt_lang)
    flow = flow_of(model.spec)
    reading: dict[str, Any] = {} if src_lang is None else {"src_lang": src_lang}
    reading |= {"errors": "replace"} if replace_unknown else {}
    read = READERS[flow.inputs[0]](processor, mono)
    check_options(model.spec, options, model.generation_defaults)
    return _in_order(inputs, read, _Search(flow, model, processor, reading, options), batch_size)


@dataclass(frozen=True, slots=True)
class _Search:
    """A flow with all that its steps need, for one batch after another."""

    flow: Flow
    model: Any
    processor: Processor
    reading: Mapping[str, Any]
    options: Mapping[str, Any]

    def finish(self, rows: _Rows) -> None:
        """Give every row its text; where some cannot be used, their inputs are told and the others go on."""
        try:
            self._write(rows)
        except CrossloomError:
            usable = _usable(self.flow, self.processor, rows, self.reading)
            if usable:
                self._write(usable)

    def _write(self, rows: _Rows) -> None:
        values = {self.flow.inputs[0]: [part for _, _, part in rows]}
        texts = run_flow(self.flow, self.model, self.processor, values, self.reading, **self.options)
        for (source, number, _), text in zip(rows, texts, strict=True):
            source.texts[number] = text


def _in_order(inputs: Iterable[str], read: Reader, search: _Search, batch_size: int) -> Iterator[Transcript]:
    """Inputs are read one after another, searched in batches, and given back as they came."""
    waiting: deque[_Input] = deque()
    rows: _Rows = []
    for named in inputs:
        source = _Input(named)
        waiting.append(source)
        try:
            parts = read(named)
        except CrossloomError as error:
            source.findings += error.diagnostics
            parts = []
        source.texts = [None] * len(parts)
        rows += [(source, number, part) for number, part in enumerate(parts)]
        while len(rows) >= batch_size:
            search.finish(rows[:batch_size])
            rows = rows[batch_size:]
        yield from _done(waiting)
    if rows:
        search.finish(rows)
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
    refuse(problems)
    if merged is not None and merged.num_return_sequences > 1:
        raise failure(
            "XL407",
            f"`num_return_sequences` is {merged.num_return_sequences}, but an input gets one text",
            help="leave it out, or call `crossloom.generate` for several",
        )


def _done(waiting: deque[_Input]) -> Iterator[Transcript]:
    while waiting and waiting[0].is_done:
        yield waiting.popleft().transcript()


def _usable(flow: Flow, processor: Processor, rows: _Rows, reading: Mapping[str, Any]) -> _Rows:
    """The rows that the flow's first step takes; the others' inputs are told why it does not take them."""
    usable = []
    for source, number, part in rows:
        try:
            HOST[flow.steps[0].what](Host(None, processor, reading), [part])
        except CrossloomError as error:
            source.findings += [_named(finding, source.source) for finding in error.diagnostics]
        else:
            usable.append((source, number, part))
    return usable


def _named(finding: Diagnostic, source: str) -> Diagnostic:
    """The finding with the input's name, if it has one, in place of `the audio` or whatever else it is."""
    if not source.strip():
        return finding
    message = re.sub(r"\bthe (audio|text|image)\b", lambda _: f"`{source}`", finding.message, count=1)
    return Diagnostic(
        finding.code, finding.severity, message, finding.spans, finding.info, finding.help, finding.fix
    )
