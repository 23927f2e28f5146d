"""`train` on rows of either kind: losses fall, resumed runs end as unbroken ones, what is saved is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import crossloom
from compiler.diagnostics.model import CrossloomError
from runtime.training.corpus import Corpus
from runtime.training.manifest import read_rows
from tests.oracle import read_back
from tests.seamless.folders import save_translator
from tests.seamless.oracle import CLASSES, MULTITASK

SENTENCES = ("the world", "a day", "the old house", "my day")
RATE = 16_000
OPTIONS: dict[str, Any] = {
    "max_steps": 6,
    "batch_size": 2,
    "learning_rate": 3e-3,
    "warmup_steps": 1,
    "target_language": "fra",
    "progress": False,
}
RUNS = {
    "speech": ("SeamlessM4Tv2ForSpeechToText", "speech", {}),
    "text": ("SeamlessM4Tv2ForTextToText", "text", {"source_language": "eng"}),
    "speech, all tasks": (MULTITASK, "speech", {}),
    "text, all tasks": (MULTITASK, "text", {"source_language": "eng"}),
}
"""Name -> the class, what its rows give, and what else is said."""

every_run = pytest.mark.parametrize("run", RUNS)
Translators = Callable[[str], Path]


@pytest.fixture(scope="module")
def translators(tmp_path_factory: pytest.TempPathFactory) -> Translators:
    """The folder of a class with all that it needs, written once."""
    made: dict[str, Path] = {}

    def folder(architecture: str) -> Path:
        if architecture not in made:
            made[architecture] = save_translator(tmp_path_factory.mktemp("translator"), architecture)
        return made[architecture]

    return folder


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A manifest of recordings and one of texts."""
    folder = tmp_path_factory.mktemp("rows")
    noise = np.random.default_rng(0)
    for number in range(len(SENTENCES)):
        samples = 0.1 * noise.standard_normal(3200 + 1600 * number)
        soundfile.write(folder / f"{number}.wav", samples, RATE)
    rows = {
        "speech": [{"audio": f"{number}.wav", "text": text} for number, text in enumerate(SENTENCES)],
        "text": [{"source": text, "text": text[::-1]} for text in SENTENCES],
    }
    for name, some in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    return {name: folder / f"{name}.jsonl" for name in rows}


@every_run
def test_the_loss_falls(translators: Translators, manifests: dict[str, Path], run: str) -> None:
    architecture, given, options = RUNS[run]
    losses = []
    for steps in (1, 60):
        model = crossloom.from_pretrained(translators(architecture))
        done = crossloom.train(model, manifests[given], **{**OPTIONS, "max_steps": steps, **options})
        losses.append(done.loss)
    assert losses[1] < losses[0] - 0.5, "the mean of all updates lies below the first"


@every_run
def test_a_resumed_run_ends_as_an_unbroken_one(
    translators: Translators, manifests: dict[str, Path], tmp_path: Path, run: str
) -> None:
    architecture, given, extra = RUNS[run]
    options = {**OPTIONS, **extra}
    whole, broken = (crossloom.from_pretrained(translators(architecture)) for _ in range(2))
    crossloom.train(whole, manifests[given], **options)
    out = tmp_path / "run"
    crossloom.train(broken, manifests[given], output=out, checkpoint_steps=4, **options)
    shutil.rmtree(out / "checkpoints" / "step-00000006", ignore_errors=True)
    resumed = crossloom.from_pretrained(translators(architecture))
    crossloom.train(resumed, manifests[given], output=out, resume=True, checkpoint_steps=4, **options)
    first, second = whole.state_dict(), resumed.state_dict()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    _, report = read_back(CLASSES[architecture], out)
    assert all(not names for names in report.values()), report
    again = crossloom.from_pretrained(out)
    assert [name for name, one in again.state_dict().items() if not torch.equal(one, first[name])] == []
    assert again.tables == whole.tables


@pytest.mark.parametrize("given", ["speech", "text"])
def test_what_it_writes_is_held_against_the_texts(
    translators: Translators, manifests: dict[str, Path], given: str
) -> None:
    model = crossloom.from_pretrained(translators(MULTITASK))
    options = {**OPTIONS, "max_steps": 1, **({"source_language": "eng"} if given == "text" else {})}
    done = crossloom.train(model, manifests[given], valid=manifests[given], **options)
    assert done.evaluation is not None
    processor = crossloom.load_processor(model.spec, translators(MULTITASK))
    source: dict[str, Any] = {"text": SENTENCES[0], "src_lang": "eng"}
    if given == "text":
        made: Any = crossloom.translate(model, **processor(**source), tgt_lang="fra", generate_speech=False)
        assert done.evaluation.texts[0] == processor.batch_decode(made.sequences)[0]


def test_rows_are_of_one_kind(translators: Translators, manifests: dict[str, Path], tmp_path: Path) -> None:
    both = manifests["speech"].with_name("both.jsonl")
    both.write_text(manifests["text"].read_text() + manifests["speech"].read_text())
    model = crossloom.from_pretrained(translators(MULTITASK))
    with pytest.raises(CrossloomError, match=r"XL420.*gives `audio`, and those before it `source`") as raised:
        crossloom.train(model, both, **OPTIONS)
    assert raised.value.diagnostics[0].spans[0].line == 5


def test_a_language_that_is_not_written(translators: Translators, manifests: dict[str, Path]) -> None:
    model = crossloom.from_pretrained(translators(MULTITASK))
    with pytest.raises(CrossloomError, match="XL112"):
        crossloom.train(
            model, manifests["speech"], valid=manifests["speech"], **{**OPTIONS, "target_language": "xyz"}
        )


def test_training_begins_where_decoding_does(translators: Translators, manifests: dict[str, Path]) -> None:
    """The tokenizer writes [end, language, text, end], the model puts the first of these there itself."""
    model = crossloom.from_pretrained(translators("SeamlessM4Tv2ForTextToText"))
    processor = crossloom.load_processor(model.spec)
    languages: dict[str, Any] = {"src_lang": "eng", "tgt_lang": "fra"}
    start = model.spec.config["decoder_start_token_id"]
    rows = read_rows(manifests["text"], processor.kinds)
    corpus = Corpus(rows, processor, vocabulary=model.vocabulary, languages=languages, start=start)
    written = processor(text="the world", text_target="dlrow eht", **languages)["labels"][0].tolist()
    assert written[0] == start
    assert corpus.batch([0])["labels"][0].tolist() == written[1:]
    assert written[1] == model.tables["text_decoder_lang_to_code_id"]["fra"]


def test_a_model_of_several_languages_is_told_which(
    translators: Translators, manifests: dict[str, Path]
) -> None:
    model = crossloom.from_pretrained(translators("SeamlessM4Tv2ForSpeechToText"))
    with pytest.raises(CrossloomError, match="XL105"):
        crossloom.train(model, manifests["speech"], max_steps=1)
