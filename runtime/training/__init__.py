"""Fit a live model to recordings and their texts."""

from runtime.training.corpus import Corpus, Processor
from runtime.training.evaluation import Evaluation, evaluate
from runtime.training.loop import Training, train
from runtime.training.manifest import Row, read_rows
from runtime.training.options import SpecAugment, TrainingOptions

__all__ = [
    "Corpus",
    "Evaluation",
    "Processor",
    "Row",
    "SpecAugment",
    "Training",
    "TrainingOptions",
    "evaluate",
    "read_rows",
    "train",
]
