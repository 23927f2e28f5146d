"""Ends and padding that generation_config.json has and config.json has not, from text on to speech."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import crossloom
from compiler.diagnostics.model import CrossloomError
from tests.seamless.conftest import Folders, Published
from tests.seamless.oracle import CLASSES, MULTITASK, text_batch
from tests.seamless.tasks import LANGUAGE, Task, require_equal

SEED = 1
TASK = Task(MULTITASK, "text", True)


def changed(folder: Path, to: Path, **fields: Any) -> Path:
    """A folder with other options of generation."""
    shutil.copytree(folder, to)
    file = to / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))
    return to


def given(published: Published) -> dict[str, Any]:
    """A batch of texts, and what is asked for."""
    return {**text_batch(published(SEED).config, SEED), "tgt_lang": LANGUAGE}


def spoken_id(published: Published) -> int:
    """A piece within the text of some row, at which another row does not end either."""
    ids = published(SEED).generate(**given(published), return_intermediate_token_ids=True).sequences
    return int(ids[0, 5])


def test_a_text_ends_where_generation_says(folders: Folders, published: Published, tmp_path: Path) -> None:
    """A row that ends early is not said on with its end, which only config.json takes for a piece."""
    end = spoken_id(published)
    assert end != published(SEED).config.eos_token_id
    folder = changed(folders(SEED), tmp_path / "ends", eos_token_id=end)
    theirs = CLASSES[MULTITASK].from_pretrained(folder).eval()
    made = require_equal(crossloom.from_pretrained(folder), theirs, TASK, **given(published))
    ended = (made.sequences[:, 2:-1] == end).any(1)
    assert 0 < int(ended.sum()) < len(ended), "some rows end before others"


def test_a_text_is_padded_as_generation_says(folders: Folders, published: Published, tmp_path: Path) -> None:
    end, pad = spoken_id(published), published(SEED).config.char_vocab_size - 1
    folder = changed(folders(SEED), tmp_path / "pads", eos_token_id=end, pad_token_id=pad)
    theirs = CLASSES[MULTITASK].from_pretrained(folder).eval()
    made = require_equal(crossloom.from_pretrained(folder), theirs, TASK, **given(published))
    assert (made.sequences == pad).any()


@pytest.mark.parametrize("name", ["eos_token_id", "pad_token_id"])
def test_a_call_for_speech_cannot_change_them(folders: Folders, published: Published, name: str) -> None:
    """What makes speech of a text goes by the ids of the model."""
    model = crossloom.from_pretrained(folders(SEED))
    config = published(SEED).config
    usual = getattr(config, name)
    for option in (name, f"text_{name}"):
        with pytest.raises(CrossloomError) as raised:
            crossloom.translate(model, **given(published), **{option: 9})
        (finding,) = raised.value.diagnostics
        assert finding.code == "XL407"
        assert f"`{name}` is 9" in finding.message
        assert str(usual) in finding.message
    crossloom.translate(model, **given(published), **{name: usual})
    crossloom.translate(model, **given(published), generate_speech=False, **{name: 9})
