"""From files to a model that can run."""

from __future__ import annotations

import copy
import sys
from typing import Any

import torch
from transformers import Speech2TextForConditionalGeneration as Theirs

import crossloom
from benchmarks.rows import Row
from benchmarks.subject import Subject
from runtime.measuring import spawned, timed

IMPORT_OURS = "import sys, torch, crossloom; model = crossloom.from_pretrained(sys.argv[1])"
IMPORT_THEIRS = (
    "import sys, torch, transformers; "
    "model = transformers.Speech2TextForConditionalGeneration.from_pretrained(sys.argv[1])"
)


def verify(subject: Subject) -> Row:
    """A checkpoint proved to fit by its headers; transformers tells by loading it."""
    _, told = Theirs.from_pretrained(subject.folder, output_loading_info=True)
    assert not any(told.values()), told
    assert crossloom.verify(subject.spec, subject.folder) == []
    return Row(
        "verify a checkpoint by its headers (anchor: from_pretrained)",
        timed(lambda: crossloom.verify(subject.spec, subject.folder)),
        timed(lambda: Theirs.from_pretrained(subject.folder)),
    )


def load(subject: Subject) -> Row:
    """Folder to live model, files in the page cache."""
    _assert_equal_logits(subject, subject.ours, subject.theirs)
    return Row(
        "load a checkpoint, float32",
        timed(lambda: crossloom.from_pretrained(subject.folder)),
        timed(lambda: Theirs.from_pretrained(subject.folder)),
    )


def load_bfloat16(subject: Subject) -> Row:
    """The same with every parameter cast."""
    ours = crossloom.from_pretrained(subject.folder, dtype=torch.bfloat16)
    theirs = Theirs.from_pretrained(subject.folder, dtype=torch.bfloat16)
    kept = ours.state_dict()["decoder.embed.tokens.weight"]
    assert torch.equal(kept, theirs.state_dict()["model.decoder.embed_tokens.weight"])
    return Row(
        "load a checkpoint, cast to bfloat16",
        timed(lambda: crossloom.from_pretrained(subject.folder, dtype=torch.bfloat16)),
        timed(lambda: Theirs.from_pretrained(subject.folder, dtype=torch.bfloat16)),
    )


def start(subject: Subject) -> Row:
    """A process that imports all it needs and loads; its memory is the row's point as well."""
    _assert_equal_logits(subject, subject.ours, subject.theirs)
    return Row(
        "start Python, import, load float32",
        spawned([sys.executable, "-c", IMPORT_OURS, str(subject.folder)]),
        spawned([sys.executable, "-c", IMPORT_THEIRS, str(subject.folder)]),
    )


def _assert_equal_logits(subject: Subject, ours: Any, theirs: Any) -> None:
    """In float64, where rounding cannot pass for a difference nor hide one."""
    inputs = subject.inputs(2) | {"decoder_input_ids": torch.arange(24).view(2, 12) + 3}
    inputs["input_features"] = inputs["input_features"].double()
    with torch.inference_mode():
        expected = copy.deepcopy(theirs).double()(**inputs).logits
        found = copy.deepcopy(ours).double()(**inputs).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10 * float(expected.abs().max()))
