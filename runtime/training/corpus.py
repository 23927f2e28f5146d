"""Rows through the processor: every row is checked before training starts, and its features are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor
from tqdm import tqdm

from compiler.diagnostics.model import CrossloomError, Diagnostic
from runtime.audio.reading import read_audio
from runtime.training.batches import IGNORED, Batch, collate
from runtime.training.manifest import Row


class Processor(Protocol):
    """What training asks of a processor."""

    @property
    def kinds(self) -> Sequence[str]:
        """What it can make model inputs of: `audio`, `text`, or whatever else `SOURCES` has."""

    @property
    def padding(self) -> Mapping[str, int]:
        """Model inputs that are not filled with zeros -> what fills them."""

    @property
    def sampling_rate(self) -> int:
        """Samples a second of the recordings it takes."""

    def __call__(self, *args: Any, **inputs: Any) -> Mapping[str, Tensor]:
        """A source, as `SOURCES` gives it, and `text_target=` to model inputs and labels, one row each.

        Raises CrossloomError where a source cannot be used or a text has no token.
        """

    def batch_decode(self, rows: Any, skip_special_tokens: bool = True) -> list[str]:
        """The texts of rows of ids."""

    def save(self, folder: Path) -> Any:
        """Write the processor's files in the Hub's layout."""


_HELP = {"XL410": "write it with one channel, for example with `ffmpeg -i FILE -ac 1 out.wav`"}
"""What repairs a row where a reading alone has options of its own."""


class Corpus:
    """Checked rows and their model inputs."""

    def __init__(
        self,
        rows: Sequence[Row],
        processor: Processor,
        *,
        cache: bool = True,
        vocabulary: int,
        longest_text: int | None = None,
        languages: Mapping[str, str] | None = None,
        start: int | None = None,
        progress: bool = False,
    ) -> None:
        """Check every row; with `cache`, compute and keep the inputs of each (float32 features on the host).

        `vocabulary` is how many ids the model knows, `longest_text` the most it has positions for.
        `languages` is passed on to the processor. `start` is the id that decoding begins with, where the
        tokenizer writes it before a text: the model puts it there itself. Without `cache` the processor sees
        whole batches, as a front end that normalises over padding needs, and runs again in every epoch.

        Raises:
            CrossloomError: XL420 for every row whose source or text is unusable, with its place.
        """
        self.rows = rows
        self._processor = processor
        self._languages, self._start = dict(languages or {}), start
        self._vocabulary, self._longest_text = vocabulary, longest_text
        self._cached: list[Batch] | None = [] if cache else None
        self.lengths: list[int] = []
        findings: list[Diagnostic] = []
        for row in tqdm(rows, desc="reading", unit="row", disable=not progress, leave=False):
            findings += self._read(row)
        if findings:
            raise CrossloomError(findings)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The inputs and labels of some rows, padded on the right, in their order."""
        if self._cached is not None:
            return collate([self._cached[index] for index in indices], self._processor.padding)
        return self._process([self.rows[index] for index in indices])

    @property
    def target_language(self) -> str | None:
        """The language of the texts, where one was said."""
        return self._languages.get("tgt_lang")

    @property
    def inputs(self) -> set[str]:
        """The names of the model inputs that every row has."""
        return set(self.batch([0])) - {"labels"}

    def decode(self, ids: Tensor) -> list[str]:
        """The texts of generated ids [B, T]."""
        return self._processor.batch_decode(ids, skip_special_tokens=True)

    def _read(self, row: Row) -> list[Diagnostic]:
        """Check one row, and keep its inputs or only their length."""
        try:
            inputs = self._process([row])
        except CrossloomError as error:
            return [
                row.finding(finding.message, info=finding.info, help=_HELP.get(finding.code, finding.help))
                for finding in error.diagnostics
            ]
        labels = inputs["labels"][0]
        learned = labels != IGNORED
        if not bool(learned.any()):
            return [row.finding("the text has no ids, or only ignored ones", help="remove the row")]
        outside = (learned & ((labels < 0) | (labels >= self._vocabulary))).nonzero().flatten().tolist()
        if outside:
            found = f"the id {int(labels[outside[0]])} at position {outside[0]} of the text"
            message = f"{found} is outside the model's vocabulary of {self._vocabulary}"
            return [row.finding(message, help="use the tokenizer this model was made for")]
        ids = len(labels)
        if self._longest_text is not None and ids > self._longest_text:
            message = f"the text has {ids} ids, and the decoder has {self._longest_text} positions"
            return [row.finding(message, help="split the row in two")]
        self.lengths.append(max(tensor.shape[1] for name, tensor in inputs.items() if name != "labels"))
        if self._cached is not None:
            self._cached.append({name: tensor[0] for name, tensor in inputs.items()})
        return []

    def _process(self, rows: Sequence[Row]) -> Batch:
        given = SOURCES[rows[0].kind](self._processor, [row.source for row in rows])
        made = dict(self._processor(**given, text_target=[row.text for row in rows], **self._languages))
        labels = made["labels"]
        if self._start is not None and bool((labels[:, 0] == self._start).all()):
            made["labels"] = labels[:, 1:]
        return made


def _recordings(processor: Processor, paths: Sequence[Any]) -> dict[str, Any]:
    rate = processor.sampling_rate
    return {"audio": [read_audio(path, rate) for path in paths], "sampling_rate": rate}


def _pictures(_: Processor, paths: Sequence[Any]) -> dict[str, Any]:
    return {"images": list(paths)}


def _texts(processor: Processor, texts: Sequence[Any]) -> dict[str, Any]:
    return {"text": list(texts)}


SOURCES: Mapping[str, Callable[[Processor, Sequence[Any]], dict[str, Any]]] = {
    "audio": _recordings,
    "image": _pictures,
    "text": _texts,
}
"""What a model takes -> the arguments of its processor, of the sources of some rows."""
