"""Many inputs to their texts, and speech: read, split where too long, batched, and given back in order."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compiler.diagnostics.cells import ELLIPSIS
from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from runtime.audio.reading import Mono
from runtime.failures import failure
from runtime.flows import HOST, Host, check_options, check_requests, execute, flows_by_input, of_units
from runtime.processing import Processor
from runtime.reading import Reader, check_reading, kinds_meant, kinds_of, reader_of
from runtime.translation import translate
from specs.flow import Flow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AHEAD = 4
"""Batches that are read before one is run, so that what is about as long is padded together."""

_TOLD = 60
"""Characters by which a text is told from others in a message."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What became of one input, a path or a text: the text written, or why there is none.

    `waveform` [N] float32 is the text spoken, where that was asked for; `sampling_rate` is its own. Findings
    beside a text are warnings.
    """

    source: str
    text: str | None
    findings: tuple[Diagnostic, ...] = ()
    waveform: NDArray[np.float32] | None = None
    sampling_rate: int | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """What a part of an input became."""

    text: str
    waveform: Any = None
    is_cut: bool = False


@dataclass
class _Input:
    """An input on its way: what every part became, as it comes in."""

    source: str
    said: list[_Said | None] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return bool(self.findings) or None not in self.said

    def transcript(self, sampling_rate: int | None) -> Transcript:
        """The parts joined: texts by spaces, waveforms one behind the other."""
        if self.findings:
            return Transcript(self.source, None, tuple(self.findings))
        parts = [part for part in self.said if part is not None]
        text = " ".join(part.text for part in parts if part.text)
        told = (_cut(self.source),) if any(part.is_cut for part in parts) else ()
        spoken = [part.waveform for part in parts if part.waveform is not None]
        if not spoken:
            return Transcript(self.source, text, told)
        import numpy as np

        return Transcript(self.source, text, told, np.concatenate(spoken), sampling_rate)


_Rows = list[tuple[_Input, int, Any]]
"""(input, number of the part, the part)"""


@dataclass(frozen=True, slots=True)
class _Task:
    """What is done to a batch of one kind of input: its flow, and all that is asked of it."""

    flow: Flow
    model: Any
    processor: Processor
    reading: Mapping[str, Any]
    requests: Mapping[str, Any]
    options: Mapping[str, Any]

    def inputs(self, parts: Sequence[Any]) -> Any:
        """The model's inputs, by the flow's first step."""
        return HOST[self.flow.steps[0].what](Host(None, self.processor, self.reading), parts)

    def said(self, parts: Sequence[Any]) -> list[_Said]:
        """What becomes of a batch."""
        return self._translated(parts) if self.flow.requests else self._written(parts)

    def _written(self, parts: Sequence[Any]) -> list[_Said]:
        host = Host(self.model, self.processor, self.reading)
        ids = next(step.result for step in self.flow.steps if step.kind == "generate")
        wanted = (self.flow.output, ids)
        made = execute(self.flow, host, {self.flow.inputs[0]: parts}, wanted, self.options)
        texts, cut = made[self.flow.output], self._cut(made[ids])
        return [_Said(text, is_cut=one) for text, one in zip(texts, cut, strict=True)]

    def _translated(self, parts: Sequence[Any]) -> list[_Said]:
        made = translate(
            self.model,
            **self.inputs(parts),
            tgt_lang=self.requests["language"],
            generate_speech=self.flow.output == "speech",
            speaker_id=self.requests["speaker"],
            **self.options,
        )
        assert made.sequences is not None, "they were not left out"
        texts, cut = self.processor.batch_decode(made.sequences), self._cut(made.sequences)
        if made.waveform is None or made.waveform_lengths is None:
            return [_Said(text, is_cut=one) for text, one in zip(texts, cut, strict=True)]
        if not made.waveform.isfinite().all():
            raise failure(
                "XL409",
                "the speech of the text is not finite",
                info=("one nan or infinity spoils all of a recording",),
                help="check the checkpoint, or compute in float32",
            )
        waveforms = made.waveform.float().cpu().numpy()
        rows = zip(texts, waveforms, made.waveform_lengths.tolist(), cut, strict=True)
        return [_Said(text, waveform[:length], one) for text, waveform, length, one in rows]

    def _cut(self, ids: Any) -> list[bool]:
        """Of token ids [R, T], which rows have no end behind their start: they stopped at their limit."""
        ends = self.processor.ends
        if not ends or any(name.endswith("eos_token_id") for name in self.options):
            return [False] * len(ids)
        return [not any(index in ends for index in row[1:]) for row in ids.tolist()]

    def finish(self, rows: _Rows) -> None:
        """Run a batch; where it is refused, what of it can be used, and at last each row alone."""
        try:
            said = self.said([part for _, _, part in rows])
        except CrossloomError as error:
            usable = self._usable(rows)
            if len(rows) == len(usable) == 1:
                rows[0][0].findings += [_named(one, rows[0][0].source) for one in error.diagnostics]
            elif usable:
                for some in [usable] if len(usable) < len(rows) else [[row] for row in rows]:
                    self.finish(some)
        else:
            for (source, number, _), one in zip(rows, said, strict=True):
                source.said[number] = one

    def _usable(self, rows: _Rows) -> _Rows:
        """The rows that the flow's first step takes; the others' inputs are told why it does not."""
        usable = []
        for source, number, part in rows:
            try:
                self.inputs([part])
            except CrossloomError as error:
                source.findings += [_named(finding, source.source) for finding in error.diagnostics]
            else:
                usable.append((source, number, part))
        return usable


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
    speech: bool = False,
    speaker: int = 0,
    given_as: str | None = None,
    **options: Any,
) -> Iterator[Transcript]:
    """The text of every input, in order, as soon as it and those before it are done.

    Several batches are read ahead, and inputs of about the same length are run together.

    `inputs` are what the model's flows begin with: paths of recordings or images, or texts; `given_as` is
    `audio` or `text` where a model takes both and their looks would not say it. One that cannot be used has
    findings in place of a text; the others go on. A recording beyond the model's limit is split at silence
    under `long_input: chunk`, and its parts' texts and waveforms are joined. `src_lang` is the language of
    source texts; with `replace_unknown`, what has no token in them becomes the unknown one. `tgt_lang` is
    what to write; with `speech`, what is written is spoken as well, in the voice of `speaker`. Other
    `options` are those of `generate`.

    Raises:
        CrossloomError: options that cannot be used (XL402 to XL408), a language that is unknown or missing
            (XL105, XL112), a spec with nothing to run (XL114), a table that the checkpoint lacks (XL422);
            before any input is read.
    """
    named = list(inputs)
    flows = flows_by_input(model.spec, "speech" if speech else "text")
    kinds = kinds_of(named, flows, given_as)
    asked = {"mono": mono, "src_lang": src_lang, "replace_unknown": replace_unknown}
    check_reading(kinds_meant(named, kinds, flows), asked)
    check_options(model.spec, options, model.generation_defaults)
    requests = {"language": tgt_lang, "speaker": speaker}
    reading = {"src_lang": src_lang, "errors": "replace" if replace_unknown else "strict"}
    tasks = {
        kind: _task(flow, model, processor, reading if kind == "text" else {}, requests, options)
        for kind, flow in flows.items()
    }
    or_text = given_as is None and "text" in flows
    readers = {kind: reader_of(kind, processor, mono, or_text) for kind in {*kinds}}
    return _in_order(list(zip(named, kinds, strict=True)), readers, tasks, batch_size)


def _task(
    flow: Flow,
    model: Any,
    processor: Processor,
    reading: Mapping[str, Any],
    requests: Mapping[str, Any],
    options: Mapping[str, Any],
) -> _Task:
    """The task of a flow, once what is asked of it is found to be possible."""
    language = requests["language"]
    if flow.requests:
        check_requests(flow, model, requests)
        of_units(options, flow.output == "speech")
    elif language is not None:
        options = {**options, "forced_bos_token_id": processor.tokenizer.language_id(language)}
    return _Task(flow, model, processor, reading, requests, options)


def _in_order(
    named: Sequence[tuple[str, str]],
    readers: Mapping[str, Reader],
    tasks: Mapping[str, _Task],
    batch_size: int,
) -> Iterator[Transcript]:
    """Inputs, each with its kind, are read in turn, batched by kind, and given back as they came."""
    rate = next(task.flow.sampling_rate for task in tasks.values())
    window = batch_size * _AHEAD if batch_size > 1 else 1
    waiting: deque[_Input] = deque()
    rows: dict[str, _Rows] = {kind: [] for kind in tasks}
    for name, kind in named:
        source = _Input(name)
        waiting.append(source)
        try:
            parts = readers[kind](name)
        except CrossloomError as error:
            source.findings += error.diagnostics
            parts = []
        source.said = [None] * len(parts)
        rows[kind] += [(source, number, part) for number, part in enumerate(parts)]
        while len(rows[kind]) >= window:
            ahead, rows[kind] = rows[kind][:window], rows[kind][window:]
            for batch in _by_length(ahead, batch_size):
                tasks[kind].finish(batch)
                yield from _done(waiting, rate)
        yield from _done(waiting, rate)
    for kind, rest in rows.items():
        for batch in _by_length(rest, batch_size):
            tasks[kind].finish(batch)
            yield from _done(waiting, rate)
    yield from _done(waiting, rate)


def _by_length(rows: _Rows, batch_size: int) -> Iterator[_Rows]:
    """Batches of rows that are about as long, the longest first: what does not fit fails early."""
    ordered = sorted(rows, key=lambda row: len(row[2]) if isinstance(row[2], Sized) else 0, reverse=True)
    for start in range(0, len(ordered), batch_size):
        yield ordered[start : start + batch_size]


def _done(waiting: deque[_Input], sampling_rate: int | None) -> Iterator[Transcript]:
    while waiting and waiting[0].is_done:
        yield waiting.popleft().transcript(sampling_rate)


def _cut(source: str) -> Diagnostic:
    return Diagnostic(
        "XL423",
        Severity.WARNING,
        f"the text of `{_short(source)}` stops at the length limit, before the model ended it",
        info=("what would follow is missing",),
        help="allow more with `max_new_tokens` (`-g max_new_tokens=N`)",
    )


def _short(source: str) -> str:
    """As much of an input as tells which one it is: a path is named whole, a long text by its beginning."""
    is_long_text = len(source) > _TOLD and any(map(str.isspace, source)) and not os.path.exists(source)
    return f"{source[:_TOLD].rstrip()}{ELLIPSIS}" if is_long_text else source


def _named(finding: Diagnostic, source: str) -> Diagnostic:
    """The finding with the input's name, if it has one, in place of `the audio` or whatever else it is."""
    if not source.strip():
        return finding
    message = re.sub(r"\bthe (audio|text|image)\b", lambda _: f"`{_short(source)}`", finding.message, count=1)
    return Diagnostic(
        finding.code, finding.severity, message, finding.spans, finding.info, finding.help, finding.fix
    )
