"""The training loop: rows and a live model in, a trained model and its folder out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from time import monotonic
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from compiler.exporting.export import keep_spec
from compiler.installing import require
from compiler.quantising import require_unquantised
from compiler.writing.folders import replace_files
from runtime.failures import failure
from runtime.flows import check_options, check_requests
from runtime.placement import placed
from runtime.processing import Processor as OwnProcessor
from runtime.processing.loading import processor_of_model
from runtime.training.batches import IGNORED, Batch, DataOrder, mask_features
from runtime.training.checkpoint import CHECKPOINTS, Checkpoints, require_unused, write_model
from runtime.training.corpus import Corpus, Processor
from runtime.training.evaluation import Evaluation, evaluate, is_asked_for_language
from runtime.training.interruption import Interruption
from runtime.training.manifest import read_rows
from runtime.training.optimizer import frozen, make_optimizer, require_finite, require_trainable
from runtime.training.options import DEFAULT_MINUTES, TrainingOptions, parse_options
from runtime.training.schedule import rate_factor

Rows = str | PathLike[str] | Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Training:
    """What `train` did."""

    steps: int
    """Updates of the weights, those before a resumption included."""
    loss: float
    """Mean loss of the last hundred updates; nan where a resumed run had none left to do."""
    evaluation: Evaluation | None
    """The last validation; None without validation rows."""


def train(
    model: Any, rows: Rows, valid: Rows | None = None, *, processor: Processor | None = None, **options: Any
) -> Training:
    """Fit a model to recordings, pictures or texts and the texts to write, by AdamW, in place.

    The model is in eval mode afterwards, also where the run was interrupted.

    `rows` and `valid` are JSON-lines manifests or dicts, see `read_rows`. `processor` is the one of the
    model's spec where none is given. The options and their defaults are the fields of `TrainingOptions`.

    The same model, rows, options and number of threads give the same weights, whether or not the run was
    interrupted and resumed. The caller's random state is left alone.

    With `output`, the folder holds the trained model in the layout that its kind of spec has, and under
    `checkpoints/` the newest states to resume from. Ctrl-C and SIGTERM are kept back to the end of the
    update, whose state is saved first; a second one acts at once.

    Raises:
        CrossloomError: an option (XL101, XL103, XL104, XL112, XL114), a frozen address (XL203), a manifest
            or row (XL117, XL420), a checkpoint to resume from (XL421, XL509, XL514), the model's dtype
            (XL112, XL604) or one of its values (XL104) is unusable; XL603 where it is compiled with its
            weights; XL404 where nothing ends a text; XL421 or XL602 where `output` holds the model or the
            checkpoints of an earlier run, or a spec; XL104 where the loss stops being a number.
    """
    chosen = parse_options(options)
    if getattr(model, "vocabulary", None) is None:
        message = f"`{model.spec.name}` gives no logits, so there is no loss to train it by"
        raise failure("XL114", message, help="train it as the encoder of a pair")
    if chosen.output is not None and not chosen.force:
        keep_spec(model.spec, chosen.output)
        if not chosen.resume:
            require_unused(chosen.output)
    require_unquantised(model, "be trained")
    require_trainable(model)
    require_finite(model)
    asked = is_asked_for_language(model)
    if asked and chosen.target_language is None:
        message = "no target language: what the texts are written in is told to the decoder"
        raise failure("XL105", message, help="pass `target_language=`, `--target-language` in a shell")
    if valid is not None:
        # Better told now than after the training.
        require("`valid`", "jiwer", extra="train")
        check_options(model.spec, {}, model.generation_defaults)
        if asked:
            check_requests(model.spec.flows[0], model, {"language": chosen.target_language})
    if processor is None:
        processor = processor_of_model(model)
    if isinstance(processor, OwnProcessor):
        processor.require_end()
    languages = {"src_lang": chosen.source_language, "tgt_lang": chosen.target_language}
    reading: dict[str, Any] = {
        "cache": chosen.cache_features,
        "languages": {name: value for name, value in languages.items() if value is not None},
        "vocabulary": model.vocabulary,
        "longest_text": model.spec.maximum_target,
        "start": model.spec.config["decoder_start_token_id"] if asked else None,
        "progress": chosen.progress,
    }
    with frozen(model, chosen.freeze), torch.random.fork_rng(_cuda_devices(model)):
        optimizer = make_optimizer(model, chosen)
        corpus = Corpus(read_rows(rows, processor.kinds), processor, **reading)
        validation = (
            None if valid is None else Corpus(read_rows(valid, processor.kinds), processor, **reading)
        )
        return _Run(model, optimizer, processor, corpus, validation, chosen).finish()


@dataclass
class _Run:
    """One call of `train`."""

    model: Any
    optimizer: torch.optim.Optimizer
    processor: Processor
    corpus: Corpus
    validation: Corpus | None
    options: TrainingOptions
    losses: list[float] = field(default_factory=list)
    interruption: Interruption = field(default_factory=Interruption)
    done: int = 0
    """Updates so far, those before a resumption included."""
    saved: int = 0
    """Updates that the newest checkpoint has seen."""
    saved_at: float = 0.0
    """When it was written, or the first update begun; as `monotonic` counts."""

    def __post_init__(self) -> None:
        options = self.options
        if options.spec_augment is not None and "input_features" not in self.corpus.inputs:
            message = "`spec_augment` masks `input_features`, which this model does not take"
            raise failure("XL112", message, help="leave `spec_augment` out")
        self.order = DataOrder(self.corpus.lengths, options.batch_size, options.accumulation, options.seed)
        self.steps = options.max_steps or (options.epochs or 1) * self.order.updates_per_epoch
        self.device = next(self.model.parameters()).device
        self.checkpoints = None
        if options.output is not None:
            self.checkpoints = Checkpoints(
                options.output / CHECKPOINTS, options.keep_checkpoints, self._identity()
            )

    def finish(self) -> Training:
        """Do the updates that are left, validate, and write the result."""
        if self.checkpoints is None:
            self._update_all()
            return Training(self.steps, self._loss(), self._validate())
        if self.options.resume:
            self.done = self.saved = self.checkpoints.restore(self.model, self.optimizer)
        elif self.options.force:
            self.checkpoints.clear()
        with self.interruption.kept_back():
            self._update_all()
            assert self.options.output is not None, "checkpoints are written to the output"
            replace_files(self.options.output, lambda folder: write_model(self.model, self.processor, folder))
        return Training(self.steps, self._loss(), self._validate())

    def _update_all(self) -> None:
        """The updates that are left, with checkpoints and validations between them."""
        try:
            self._update_each()
        finally:
            self.model.eval()
            self.optimizer.zero_grad()

    def _update_each(self) -> None:
        self.saved_at = monotonic()
        every = self.options.valid_steps
        evaluation = None
        with tqdm(
            initial=self.done,
            total=self.steps,
            desc="training",
            unit="update",
            disable=not self.options.progress,
        ) as bar:
            while self.done < self.steps:
                self.losses.append(self._update(self.done))
                self.done += 1
                bar.update()
                bar.set_postfix(self._shown(evaluation), refresh=False)
                if self._is_due():
                    self._save()
                self._heed()
                if every and self.done % every == 0 and self.done < self.steps:
                    evaluation = self._validate()

    def _is_due(self) -> bool:
        """Whether the next checkpoint is: by updates where that was asked for, or else by the clock."""
        steps, minutes = self.options.checkpoint_steps, self.options.checkpoint_minutes or DEFAULT_MINUTES
        if steps is not None:
            return self.done % steps == 0
        return monotonic() - self.saved_at >= 60 * minutes

    def _heed(self) -> None:
        """Between two updates, or two batches of a validation: stop where that was asked for."""
        self.interruption.heed(self._save)

    def _update(self, step: int) -> float:
        """One update of the weights; its loss, the mean over all labels of its batches."""
        # Dropout and masks are drawn from the seed and the step: a resumed run draws as an unbroken one.
        seed = self.options.seed * 1_000_003 + step
        torch.manual_seed(seed)
        masks = torch.Generator().manual_seed(seed)
        self.model.train()
        batches = [self.corpus.batch(indices) for indices in self.order.update(step)]
        labels = [int((batch["labels"] != IGNORED).sum()) for batch in batches]
        total = 0.0
        for batch, count in zip(batches, labels, strict=True):
            # Each label weighs the same, however unequal the batches of one update are.
            loss = self._loss_of(batch, masks) * (count / sum(labels))
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        if not math.isfinite(total):
            raise failure(
                "XL104",
                f"the loss is {total} at update {step + 1}",
                help="lower `learning_rate`, or lengthen `warmup_steps`",
            )
        if self.options.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        factor = rate_factor(step, self.steps, self.options.warmup_steps, self.options.schedule)
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.learning_rate * factor
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def _loss_of(self, batch: Batch, masks: torch.Generator) -> Tensor:
        """The mean loss over the labels of a batch."""
        if self.options.spec_augment is not None:
            batch = mask_features(batch, self.options.spec_augment, masks)
        inputs = placed(self.model, batch)
        reduced = self.options.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced):
            output = self.model(**inputs)
        if self.options.label_smoothing == 0:
            loss: Tensor = output.loss
            return loss
        precise = torch.promote_types(output.logits.dtype, torch.float32)
        return nn.functional.cross_entropy(
            output.logits.flatten(0, 1).to(precise),  # [B * T, V]
            inputs["labels"].flatten(),
            ignore_index=IGNORED,
            label_smoothing=self.options.label_smoothing,
        )

    def _validate(self) -> Evaluation | None:
        if self.validation is None:
            return None
        options = self.options
        return evaluate(self.model, self.validation, options.batch_size, options.progress, self._heed)

    def _save(self) -> None:
        """Write a checkpoint of the updates so far, unless there is one, or no folder for it."""
        if self.checkpoints is not None and self.done > self.saved:
            self.checkpoints.save(
                self.done,
                self.model,
                self.optimizer,
                lambda folder: write_model(self.model, self.processor, folder),
            )
            self.saved, self.saved_at = self.done, monotonic()

    def _loss(self) -> float:
        last = self.losses[-100:]
        return sum(last) / len(last) if last else math.nan

    def _shown(self, evaluation: Evaluation | None) -> dict[str, str]:
        shown = {"loss": f"{self._loss():.3f}"}
        if evaluation is not None:
            shown["word error rate"] = f"{evaluation.word_error_rate:.1%}"
        return shown

    def _identity(self) -> dict[str, Any]:
        """What must be equal for a run to be resumed: rows, parameters, options that change the outcome."""
        unchanging = {
            "output",
            "checkpoint_steps",
            "checkpoint_minutes",
            "keep_checkpoints",
            "resume",
            "force",
            "valid_steps",
            "progress",
        }
        rows = [[str(row.source), row.text] for row in self.corpus.rows]
        shapes = {name: list(parameter.shape) for name, parameter in self.model.named_parameters()}
        return {
            **self.options.model_dump(exclude=unchanging),
            "rows": f"{len(rows)} of sha256 {_digest(rows)}",
            "parameters": f"{len(shapes)} of sha256 {_digest(shapes)}",
        }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _cuda_devices(model: nn.Module) -> list[torch.device]:
    """The CUDA devices whose random state training draws from."""
    return list({parameter.device for parameter in model.parameters() if parameter.is_cuda})
