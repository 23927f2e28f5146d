"""What a model does from a person's input to a person's output: steps over graphs.

A step reads named values and gives one. `run` and `translate` execute whatever flow the spec's family states.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

StepKind = Literal["call", "generate", "host"]

HOST_OPERATIONS = (
    "bounded_id",
    "choose_units",
    "detokenize",
    "front_end",
    "id_for_rows",
    "image_front_end",
    "language_code",
    "length_mask",
    "prompt",
    "repeat_rows",
    "subword_to_characters",
    "table_entry",
    "tokenize",
    "without_last",
)
"""Operations outside the graph, named for what they compute; implemented in the runtime."""


class Step(NamedTuple):
    """One step.

    Attributes:
        result: name of the value it gives.
        kind: `host` runs a host operation, `call` a method of the model, `generate` decodes token ids.
        what: the operation, the method, or the part that decodes; a model of one part is `model`.
        reads: names of the values it takes; `VALUE.FIELD` is one of several that a step gives.
        settings: what the family fixes of a host operation.
    """

    result: str
    kind: StepKind
    what: str
    reads: tuple[str, ...]
    settings: Mapping[str, Any] = {}

    def __str__(self) -> str:
        settings = (f"{name}={value}" for name, value in self.settings.items())
        return f"{self.result} = {self.kind} {self.what}({', '.join((*self.reads, *settings))})"


class Flow(NamedTuple):
    """Steps in order, from `inputs` to `output`; the first input is what a person gives.

    `sampling_rate` is that of an output that is speech.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    steps: tuple[Step, ...]
    sampling_rate: int | None = None

    def steps_to(self, wanted: Collection[str], known: Collection[str] = ()) -> tuple[Step, ...]:
        """The steps that lead from values that are known to those that are wanted."""
        needed = {name.partition(".")[0] for name in wanted}
        chosen = []
        for step in reversed(self.steps):
            given = step.result in known and step.result not in self.inputs  # an input's name may come again
            if step.result in needed and not given:
                chosen.append(step)
                needed -= {step.result}
                needed |= {name.partition(".")[0] for name in step.reads}
        return tuple(reversed(chosen))

    @property
    def requests(self) -> tuple[str, ...]:
        """The inputs beside what a person gives: what the person asks for."""
        return self.inputs[1:]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the checkpoint that the host's steps read."""
        read = (step.settings.get("tables", ()) for step in self.steps)
        return tuple(dict.fromkeys(name for names in read for name in names))

    def steps_from_requests(self) -> tuple[Step, ...]:
        """The host's steps that need nothing but what is asked for: they find what cannot be done."""
        known = {*self.requests}
        chosen = []
        for step in self.steps:
            if step.kind == "host" and known.issuperset(step.reads):
                chosen.append(step)
                known.add(step.result)
        return tuple(chosen)


SPEECH_TO_TEXT = Flow(
    "speech to text",
    ("audio",),
    "text",
    (
        Step("inputs", "host", "front_end", ("audio",)),
        Step("token_ids", "generate", "model", ("inputs",)),
        Step("text", "host", "detokenize", ("token_ids",)),
    ),
)
"""Features of the audio, token ids by search, text of the ids."""

TEXT_TO_TEXT = Flow(
    "text to text",
    ("text",),
    "text",
    (
        Step("inputs", "host", "tokenize", ("text",)),
        Step("token_ids", "generate", "model", ("inputs",)),
        Step("text", "host", "detokenize", ("token_ids",)),
    ),
)
"""Token ids of the source, token ids of the target by search, text of these."""

IMAGE_TO_TEXT = Flow(
    "image to text",
    ("image",),
    "text",
    (
        Step("inputs", "host", "image_front_end", ("image",)),
        Step("token_ids", "generate", "model", ("inputs",)),
        Step("text", "host", "detokenize", ("token_ids",)),
    ),
)
"""Pixels of the images, token ids by search, text of the ids."""

FLOWS = {"audio": SPEECH_TO_TEXT, "image": IMAGE_TO_TEXT, "text": TEXT_TO_TEXT}
"""What a person gives -> what a model does from there, where its family states nothing else."""
