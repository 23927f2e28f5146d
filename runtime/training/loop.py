"""The training loop: rows and a live model in, a trained model and its folder out."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from runtime.failures import failure
from runtime.placement import placed
from runtime.training.batches import IGNORED, Batch, DataOrder, mask_features
from runtime.training.checkpoint import Checkpoints, write_files, write_model
from runtime.training.corpus import Corpus, Processor
from runtime.training.evaluation import Evaluation, evaluate
from runtime.training.manifest import read_rows
from runtime.training.optimizer import frozen, make_optimizer
from runtime.training.options import TrainingOptions, parse_options
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
    """Fit a model to recordings and their texts by AdamW, in place.

    The model is in eval mode afterwards, also where the run was interrupted.

    `rows` and `valid` are JSON-lines manifests or dicts, see `read_rows`. `processor` is the one of the
    model's spec where none is given. The options and their defaults are the fields of `TrainingOptions`.

    The same model, rows, options and number of threads give the same weights, whether or not the run was
    interrupted and resumed. The caller's random state is left alone.

    With `output`, the folder holds the trained model in the Hub's layout, and under `checkpoints/` the newest
    states to resume from.

    Raises:
        CrossloomError: an option (XL101, XL103, XL104, XL112, XL114), a frozen address (XL203), a manifest
            or row (XL117, XL420), a checkpoint to resume from (XL421, XL509, XL514) or the model's dtype
            (XL112) is unusable; XL104 where the loss stops being a number.
    """
    chosen = parse_options(options)
    if valid is not None:
        import_module("jiwer")  # counts word errors; its absence is better told now than after the training
    processor = processor or _own_processor(model)
    languages = {"src_lang": chosen.source_language, "tgt_lang": chosen.target_language}
    reading: dict[str, Any] = {
        "cache": chosen.cache_features,
        "languages": {name: value for name, value in languages.items() if value is not None},
        "vocabulary": model.vocabulary,
        "longest_text": model.spec.maximum_target,
        "progress": chosen.progress,
    }
    with frozen(model, chosen.freeze), torch.random.fork_rng(_cuda_devices(model)):
        optimizer = make_optimizer(model, chosen)
        corpus = Corpus(read_rows(rows), processor, **reading)
        validation = None if valid is None else Corpus(read_rows(valid), processor, **reading)
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
                options.output / "checkpoints", options.keep_checkpoints, self._identity()
            )

    def finish(self) -> Training:
        """Do the updates that are left, validate, and write the result."""
        options = self.options
        done = 0
        if self.checkpoints is not None and options.resume:
            done = self.checkpoints.restore(self.model, self.optimizer)
        elif self.checkpoints is not None:
            self.checkpoints.require_none()
        try:
            self._update_all(done)
        finally:
            self.model.eval()
            self.optimizer.zero_grad()
        if options.output is not None:
            write_files(options.output, lambda folder: write_model(self.model, self.processor, folder))
        return Training(self.steps, self._loss(), self._validate())

    def _update_all(self, done: int) -> None:
        """Updates from `done` to the last, with checkpoints and validations between them."""
        options = self.options
        evaluation = None
        with tqdm(
            initial=done, total=self.steps, desc="training", unit="update", disable=not options.progress
        ) as bar:
            for step in range(done, self.steps):
                self.losses.append(self._update(step))
                bar.update()
                bar.set_postfix(self._shown(evaluation), refresh=False)
                if options.checkpoint_steps and (step + 1) % options.checkpoint_steps == 0:
                    self._save(step + 1)
                if options.valid_steps and (step + 1) % options.valid_steps == 0 and step + 1 < self.steps:
                    evaluation = self._validate()

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
        return evaluate(self.model, self.validation, self.options.batch_size, self.options.progress)

    def _save(self, step: int) -> None:
        if self.checkpoints is not None:
            self.checkpoints.save(
                step,
                self.model,
                self.optimizer,
                lambda folder: write_model(self.model, self.processor, folder),
            )

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
        unchanging = {"output", "checkpoint_steps", "keep_checkpoints", "resume", "valid_steps", "progress"}
        rows = [[str(row.audio), row.text] for row in self.corpus.rows]
        shapes = {name: list(parameter.shape) for name, parameter in self.model.named_parameters()}
        return {
            **self.options.model_dump(exclude=unchanging),
            "rows": f"{len(rows)} of sha256 {_digest(rows)}",
            "parameters": f"{len(shapes)} of sha256 {_digest(shapes)}",
        }


def _own_processor(model: Any) -> Processor:
    """The processor of the checkpoint a model was loaded from, or else of the one its spec names."""
    from compiler.analysis import analysis_of
    from compiler.load import sources_of
    from runtime.processing.loading import processor_of, tokenizer_source

    spec, graph = analysis_of(model.spec).sound()
    sources = getattr(model, "sources", None) or sources_of(spec, None)
    return processor_of(spec, graph, tokenizer_source(spec, sources))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _cuda_devices(model: nn.Module) -> list[torch.device]:
    """The CUDA devices whose random state training draws from."""
    return list({parameter.device for parameter in model.parameters() if parameter.is_cuda})
