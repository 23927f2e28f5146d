"""What `train` can be told. Unknown names, wrong types and values out of range are findings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compiler.diagnostics.model import CrossloomError, Diagnostic, Severity
from compiler.diagnostics.near import near


class SpecAugment(BaseModel):
    """Masks over the input features of a training batch (Park et al. 2019, arXiv:1904.08779), drawn per row.

    A mask covers 0 to `width` neighbouring frames or mel bins, uniformly, and writes zero: the mean of a
    normalised feature.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    time_masks: int = Field(default=0, ge=0, description="masks along time, each row")
    time_width: int = Field(default=40, ge=1, description="frames a time mask covers at most")
    bin_masks: int = Field(default=2, ge=0, description="masks along the mel bins, each row")
    bin_width: int = Field(default=15, ge=1, description="mel bins a mask covers at most")


class TrainingOptions(BaseModel):
    """The options of `train`, with their defaults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    epochs: int | None = Field(
        default=None, ge=1, description="passes over the rows; 1 if max_steps is not set"
    )
    max_steps: int | None = Field(default=None, ge=1, description="updates of the weights; excludes epochs")
    batch_size: int = Field(default=16, ge=1, description="rows in one forward pass")
    accumulation: int = Field(default=1, ge=1, description="batches whose gradients make one update")
    learning_rate: float = Field(default=1e-4, gt=0, description="highest rate, reached after the warm-up")
    warmup_steps: int = Field(
        default=0, ge=0, description="updates over which the rate rises linearly from zero"
    )
    schedule: Literal["linear", "inverse_sqrt", "constant"] = Field(
        default="linear", description="how the rate falls after the warm-up"
    )
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's; not on biases and norms")
    beta1: float = Field(default=0.9, ge=0, lt=1, description="AdamW's decay of the first moment")
    beta2: float = Field(default=0.98, ge=0, lt=1, description="AdamW's decay of the second moment")
    clip_norm: float | None = Field(
        default=1.0, gt=0, description="largest norm of the gradient; None: no limit"
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="probability spread over all tokens")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="bfloat16: autocast of matrix products, weights stay as they are"
    )
    spec_augment: SpecAugment | None = Field(default=None, description="masks over the input features")
    freeze: list[str] = Field(
        default=[], description="addresses (patterns) of parameters that stay as they are"
    )
    cache_features: bool = Field(
        default=True, description="compute each row's features once and keep them in memory"
    )
    seed: int = Field(default=0, ge=0, description="orders the rows, draws dropout and masks")
    source_language: str | None = Field(default=None, description="language of the sources")
    target_language: str | None = Field(default=None, description="language of the texts")
    output: Path | None = Field(
        default=None, strict=False, description="folder of the result and checkpoints"
    )
    checkpoint_steps: int | None = Field(
        default=None, ge=1, description="updates between checkpoints, in place of checkpoint_minutes"
    )
    checkpoint_minutes: float | None = Field(
        default=None, gt=0, description="minutes between checkpoints; 10 where checkpoint_steps is not set"
    )
    keep_checkpoints: int = Field(default=2, ge=1, description="newest checkpoints kept")
    resume: bool = Field(default=False, description="go on from the newest checkpoint in output")
    force: bool = Field(
        default=False, description="let go of the model and checkpoints of an earlier run in output"
    )
    valid_steps: int | None = Field(
        default=None, ge=1, description="updates between validations; None: at the end"
    )
    progress: bool = Field(default=True, description="progress bar on stderr")


DEFAULT_MINUTES = 10.0
"""Between checkpoints, where nothing else is said: what a machine that fails costs at most."""


def parse_options(options: dict[str, Any]) -> TrainingOptions:
    """Check the keyword arguments of `train`.

    Raises:
        CrossloomError: XL101 unknown option, XL103 wrong type, XL104 out of range, XL112 not one of the
            choices, XL114 options that exclude or need each other. All findings at once.
    """
    try:
        parsed = TrainingOptions(**options)
    except ValidationError as error:
        raise CrossloomError([_finding(details) for details in error.errors()]) from None
    contradictions = _contradictions(parsed)
    if contradictions:
        raise CrossloomError(contradictions)
    return parsed


def _contradictions(options: TrainingOptions) -> list[Diagnostic]:
    pairs = []
    per_steps, per_minutes = options.checkpoint_steps, options.checkpoint_minutes
    if options.epochs is not None and options.max_steps is not None:
        pairs.append(("`epochs` and `max_steps` both say how long to train", "give one of them"))
    if per_steps is not None and per_minutes is not None:
        message = "`checkpoint_steps` and `checkpoint_minutes` both say when a checkpoint is written"
        pairs.append((message, "give one of them"))
    if options.output is None and options.resume:
        pairs.append(("`resume` needs a folder to resume from", "name it with `output`"))
    for name in ("checkpoint_steps", "checkpoint_minutes"):
        if options.output is None and getattr(options, name) is not None:
            pairs.append((f"`{name}` needs a folder to write to", "name it with `output`"))
    if options.resume and options.force:
        message = "`resume` goes on from an earlier run, and `force` lets go of it"
        pairs.append((message, "give one of them"))
    return [Diagnostic("XL114", Severity.ERROR, message, help=help) for message, help in pairs]


_CODES = {"extra_forbidden": "XL101", "literal_error": "XL112"}
_OUT_OF_RANGE = {"greater_than", "greater_than_equal", "less_than", "finite_number"}


def _finding(details: Any) -> Diagnostic:
    """One pydantic error in crossloom's words."""
    *path, name = (str(part) for part in details["loc"])
    address = ".".join([*path, name])
    kind = details["type"]
    if kind == "extra_forbidden":
        known = SpecAugment.model_fields if path else TrainingOptions.model_fields
        close = near(name, known, most=1)
        help = f"did you mean `{close[0]}`?" if close else f"the options are {', '.join(known)}"
        return Diagnostic("XL101", Severity.ERROR, f"`train` has no option `{address}`", help=help)
    code = _CODES.get(kind, "XL104" if kind in _OUT_OF_RANGE else "XL103")
    message = f"option `{address}` is {details['input']!r}: {details['msg'][0].lower()}{details['msg'][1:]}"
    return Diagnostic(code, Severity.ERROR, message, help=_meaning(path, name))


def _meaning(path: list[str], name: str) -> str | None:
    fields = SpecAugment.model_fields if path else TrainingOptions.model_fields
    return f"`{name}` is: {fields[name].description}" if name in fields else None
