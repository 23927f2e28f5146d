"""A tokenizer whose sources and targets stand in different templates, with the languages its files list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diagnostics.model import CrossloomError
from runtime.processing.processor import Processor
from runtime.tokenizers.subwords import SubwordTokenizer
from specs.families.seamless_m4t_v2.tokenizer import TOKENIZER
from specs.processing.tokenizers import check_vocabulary
from tests.processing.subword_files import FIELDS, SENTENCES, ours, published, write_vocabulary

CLASS = "SeamlessM4TTokenizer"

Pair = tuple[SubwordTokenizer, Any]


@pytest.fixture(scope="module", params=["older files", "tokenizer.json"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Ours and the published tokenizer of one folder."""
    folder = write_vocabulary(tmp_path_factory.mktemp("older"), CLASS)
    theirs = published(folder, CLASS)
    if request.param == "tokenizer.json":
        folder = tmp_path_factory.mktemp("serialized")
        theirs.save_pretrained(folder)
        theirs = published(folder, CLASS)
    return ours(folder, CLASS), theirs


LETTERS = sorted({*"".join(SENTENCES)})
ODD = [
    *"\u2581\u2581\u2581  \t\n\r",
    "e\u0301",
    "\uff48",
    "\ufb01",
    "\u65e5",
    "__fra__",
    "__xxx__",
    "</s>",
    "<unk>",
]
"""Spaces and what stands for them, what normalisation changes, what has no token, and special tokens."""

texts = st.lists(st.sampled_from([*ODD, "hello", " world", *LETTERS]), max_size=8).map("".join)
languages = st.sampled_from(["eng", "__fra__", "deu", "cmn_Hant"])


@settings(max_examples=500, deadline=None)
@given(text=texts, source=languages, target=languages)
def test_texts_of_both_sides_become_the_published_ids(
    pair: Pair, text: str, source: str, target: str
) -> None:
    mine, theirs = pair
    read = theirs(text, src_lang=source)["input_ids"]
    written = theirs(text_target=text, tgt_lang=target)["input_ids"]
    assert mine.encode_source(text, source, errors="replace") == read
    assert mine.encode(text, target, errors="replace") == written
    for skip in (True, False):
        expected = theirs.batch_decode([read, written], skip_special_tokens=skip)
        assert mine.batch_decode([read, written], skip_special_tokens=skip) == expected


def test_what_stands_around_a_text(pair: Pair) -> None:
    mine, _ = pair
    inside = mine.encode_source("hello world")[1:-1]
    assert mine.encode_source("hello world") == [mine.ids["__eng__"], *inside, 3]
    assert mine.encode("hello world") == [3, mine.ids["__fra__"], *inside, 3]
    assert [mine.ids[token] for token in ("<pad>", "<unk>", "<s>", "</s>")] == [0, 1, 2, 3]


def test_a_processor_reads_and_writes(pair: Pair) -> None:
    mine, theirs = pair
    processor = Processor(None, mine, source_tokenizer=mine)
    made = processor(
        text=["hello world", "the fox"], text_target=["Un", "deux trois"], src_lang="deu", tgt_lang="__eng__"
    )
    expected = theirs(["hello world", "the fox"], src_lang="deu", padding=True, return_tensors="pt")
    assert made["input_ids"].equal(expected["input_ids"])
    assert made["attention_mask"].equal(expected["attention_mask"])
    targets = theirs(text_target=["Un", "deux trois"], tgt_lang="eng", padding=True, return_tensors="pt")
    ids, mask = targets["input_ids"], targets["attention_mask"]
    assert made["labels"].equal(ids.masked_fill(mask == 0, -100))


@pytest.mark.parametrize(
    ("name", "meant"), [("frq", "__fra__"), ("cmn_hant", "__cmn_Hant__"), ("xx", "__eng__")]
)
def test_an_unknown_language_is_told(pair: Pair, name: str, meant: str) -> None:
    mine, _ = pair
    for encode in (mine.encode, mine.encode_source):
        with pytest.raises(CrossloomError) as raised:
            encode("hello", name)
        (finding,) = raised.value.diagnostics
        assert finding.code == "XL112"
        assert repr(name) in finding.message
        assert finding.help is not None
        assert meant in finding.help


def section(**fields: Any) -> Any:
    return TOKENIZER.section(**fields)


def read(**fields: Any) -> Any:
    return TOKENIZER.read("tokenizer", {"tokenizer_config.json": json.dumps(fields).encode()})


def test_the_languages_of_a_file_are_those_it_lists() -> None:
    usual = section().additional_special_tokens
    assert len(usual) == 98
    assert read(tokenizer_class=CLASS, additional_special_tokens=usual).fields == {}
    assert read(tokenizer_class=CLASS, extra_special_tokens=["__fra__", "<x>"]).fields == {
        "additional_special_tokens": ["__fra__", "<x>"]
    }
    added = {
        str(index): {"content": token, "special": True} for index, token in enumerate(["<pad>", "__eng__"])
    }
    found = read(tokenizer_class=CLASS, added_tokens_decoder=added, src_lang="eng", keep_accents=None)
    assert found.problems == []
    assert found.fields == {"additional_special_tokens": ["__eng__"], "src_lang": "eng"}
    kind = TOKENIZER.kind(section(additional_special_tokens=["__fra__", "<x>"]))
    assert kind.languages == ("__fra__",)  # type: ignore[attr-defined]


def test_a_section_names_a_language_its_tokenizer_has() -> None:
    made = section(**FIELDS[CLASS], src_lang="deu", tgt_lang="spa")
    (problem,) = TOKENIZER.problems(made, "tokenizer")
    assert (problem.code, problem.at[0][0]) == ("XL112", "tokenizer.tgt_lang")


def test_a_model_has_the_tags_of_its_training_data_too() -> None:
    spare = TOKENIZER.kind(section()).spare
    at = (("model.config.vocab_size", ""),)
    assert spare == 3
    assert check_vocabulary(256099, 256102, 256098, at, spare) == []
    assert check_vocabulary(256099, 256099, 256098, at, spare) == []
    for size in (256100, 256103, 256098):
        assert [one.code for one in check_vocabulary(256099, size, 256098, at, spare)] == ["XL403"]
