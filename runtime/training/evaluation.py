"""How well a model writes down what was said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from runtime.generation import generate
from runtime.placement import placed
from runtime.training.corpus import Corpus
from runtime.translation import translate


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model made of a corpus."""

    word_error_rate: float
    """Wrong, missing and added words over the words spoken; 0 is perfect, and it can exceed 1."""
    texts: list[str]
    """What the model wrote, in the order of the rows."""


def evaluate(
    model: Any,
    corpus: Corpus,
    batch_size: int = 16,
    progress: bool = False,
    between: Callable[[], None] | None = None,
    **generation: Any,
) -> Evaluation:
    """Transcribe every row and compare with its text; `generation` goes to `generate`.

    `between` is called after every batch.

    The model is in eval mode meanwhile, and as it was before afterwards.
    """
    from jiwer import wer  # only validation needs it

    order = sorted(range(len(corpus)), key=lambda row: corpus.lengths[row])
    texts = [""] * len(order)
    training = model.training
    model.eval()
    try:
        for start in tqdm(
            range(0, len(order), batch_size), desc="validation", disable=not progress, leave=False
        ):
            indices = order[start : start + batch_size]
            for row, text in zip(indices, _transcribe(model, corpus, indices, generation), strict=True):
                texts[row] = text
            if between is not None:
                between()
    finally:
        model.train(training)
    return Evaluation(wer([row.text for row in corpus.rows], texts), texts)


def _transcribe(model: Any, corpus: Corpus, indices: list[int], generation: dict[str, Any]) -> list[str]:
    inputs = placed(model, corpus.batch(indices))
    del inputs["labels"]
    if is_asked_for_language(model):
        asked = {"tgt_lang": corpus.target_language, "generate_speech": False}
        ids = translate(model, **{**inputs, **asked, **generation}).sequences
        assert ids is not None, "a translation into text has its ids"
    else:
        with torch.no_grad():
            ids = generate(model, **{**inputs, **generation})
    return corpus.decode(ids)


def is_asked_for_language(model: Any) -> bool:
    """Whether the texts of a model begin with a language that is asked for."""
    return any("language" in flow.inputs for flow in model.spec.flows)
