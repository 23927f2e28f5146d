"""What a model does from a person's input to a person's output: steps over graphs.

A step reads named values and gives one. `run` executes whatever flow the spec's family states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StepKind = Literal["host", "generate"]

HOST_OPERATIONS = ("detokenize", "front_end", "image_front_end", "tokenize")
"""Operations outside the graph, named for what they compute; implemented in the runtime."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        result: name of the value it gives.
        kind: `host` runs a host operation, `generate` decodes token ids.
        what: the operation, or the part that decodes; a model of one part is `model`.
        reads: names of the values it takes.
    """

    result: str
    kind: StepKind
    what: str
    reads: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.result} = {self.kind} {self.what}({', '.join(self.reads)})"


@dataclass(frozen=True, slots=True)
class Flow:
    """Steps in order, from `inputs` to `output`."""

    name: str
    inputs: tuple[str, ...]
    output: str
    steps: tuple[Step, ...]


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
