"""Words of merged letters against the last release that had them, and what it lets pass in silence."""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.diagnostics.model import CrossloomError
from runtime.tokenizers import load_tokenizer
from runtime.tokenizers.merged_letters import MergedLettersTokenizer, merged
from specs.families import family
from specs.families.speech_to_text_2.tokenizer import TOKENIZER
from specs.processing.tokenizers import reading_of

DATA = Path(__file__).parent.parent / "data" / "speech2text2" / "tokenizer"
MORE: list[dict[str, Any]] = json.loads((DATA / "more.json").read_text())
FIELDS = ["-".join(f"{name}={value}" for name, value in more["fields"].items()) for more in MORE]


def made(folder: Path = DATA, **fields: Any) -> MergedLettersTokenizer:
    """The tokenizer of a folder, or of its vocabulary with other fields."""
    contents = {name: (folder / name).read_bytes() for name in TOKENIZER.files if (folder / name).exists()}
    if fields:
        contents["tokenizer_config.json"] = json.dumps(fields).encode()
    found = TOKENIZER.read("tokenizer", contents)
    assert found is not None
    assert found.problems == []
    kind = TOKENIZER.kind(TOKENIZER.section(**found.fields))
    reading = reading_of(kind, lambda name: (folder / name).exists())
    assert reading is not None
    tokenizer = load_tokenizer(kind, reading, folder.joinpath)
    assert isinstance(tokenizer, MergedLettersTokenizer)
    assert found.fields["vocab_size"] == len(tokenizer.ids)
    return tokenizer


def test_it_is_the_tokenizer_of_its_family() -> None:
    assert family("speech_to_text_2").tokenizer == "specs.families.speech_to_text_2.tokenizer"


@pytest.mark.parametrize("case", json.loads((DATA / "expected.json").read_text()), ids=lambda c: c["text"])
def test_a_saved_tokenizer(case: dict[str, Any]) -> None:
    tokenizer = made()
    assert tokenizer.encode(case["text"], errors="replace") == case["ids"]
    assert tokenizer.decode(case["ids"], skip_special_tokens=False) == case["decoded"]
    assert tokenizer.decode(case["ids"]) == case["decoded_skip"]


@pytest.mark.parametrize("more", MORE, ids=FIELDS)
def test_texts_and_ids_of_other_fields(more: dict[str, Any]) -> None:
    tokenizer = made(**more["fields"])
    assert len(tokenizer.ids) == more["size"]
    for case in more["cases"]:
        assert tokenizer.encode(case["text"], errors="replace") == case["ids"], case["text"]
    for case in (*more["cases"], *more["rows"]):
        assert tokenizer.decode(case["ids"], skip_special_tokens=False) == case["decoded"]
        assert tokenizer.decode(case["ids"]) == case["decoded_skip"]


@given(
    word=st.text("abc", min_size=1, max_size=12),
    pairs=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", "ab", "aa"]), st.sampled_from("abc")), unique=True
    ),
)
def test_letters_are_merged_until_no_pair_has_a_rank(word: str, pairs: list[tuple[str, str]]) -> None:
    """The pair of the lowest rank goes first, everywhere at once, from left to right."""
    ranks = {pair: rank for rank, pair in enumerate(pairs)}
    spaced = " ".join(word)
    while known := [pair for pair in pairwise(spaced.split()) if pair in ranks]:
        first, second = min(known, key=lambda pair: ranks[pair])
        spaced = re.sub(rf"(?<!\S){first} {second}(?!\S)", first + second, spaced)
    assert merged(list(word), ranks) == spaced.split()


def test_a_letter_without_an_id_is_told() -> None:
    with pytest.raises(CrossloomError) as raised:
        made().encode("hello grüße the")
    (finding,) = raised.value.diagnostics
    assert finding.code == "XL417"
    assert "`grüße`" in finding.message


def test_without_merges_ids_are_decoded_only(tmp_path: Path) -> None:
    for name in ("vocab.json", "tokenizer_config.json"):
        shutil.copy(DATA / name, tmp_path)
    tokenizer = made(tmp_path)
    assert tokenizer.decode([8, 30, 5]) == "hee world"
    with pytest.raises(CrossloomError) as raised:
        tokenizer.encode("hello")
    assert [(one.code, bool(one.help)) for one in raised.value.diagnostics] == [("XL117", True)]


def test_it_has_no_languages() -> None:
    with pytest.raises(CrossloomError, match="XL112"):
        made().encode("hello", "de")


def test_files_are_written_back_as_they_were(tmp_path: Path) -> None:
    tokenizer = made()
    tokenizer.save(tmp_path)
    section = TOKENIZER.section.model_validate({"do_lower_case": True})
    for name, contents in TOKENIZER.written(section).items():
        (tmp_path / name).write_text(json.dumps(contents))
    assert (tmp_path / "merges.txt").read_bytes() == (DATA / "merges.txt").read_bytes()
    assert made(tmp_path).encode("Hello WORLD the") == tokenizer.encode("Hello WORLD the")


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({"vocab.json": "{"}, ["XL403"]),
        ({"vocab.json": '{"a": 0, "b": 0}'}, ["XL403"]),
        ({"tokenizer_config.json": '{"do_lower_case": 1}'}, ["XL103"]),
        ({"tokenizer_config.json": '{"padding_side": "left"}'}, ["XL116"]),
        ({"tokenizer_config.json": '{"split": true}'}, ["XL115"]),
        ({"tokenizer_config.json": '{"unk_token": {"content": "<unk>", "lstrip": true}}'}, ["XL116"]),
    ],
)
def test_files_that_cannot_be_used(files: dict[str, str], codes: list[str]) -> None:
    found = TOKENIZER.read("tokenizer", {name: text.encode() for name, text in files.items()})
    assert found is not None
    assert [problem.code for problem in found.problems] == codes
    assert all(problem.help for problem in found.problems)
