"""Tokenizers of pieces against the published classes, from the older files and from tokenizer.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from compiler.diagnostics.model import CrossloomError
from runtime.tokenizers.subwords import SubwordTokenizer
from specs.processing.sentence_piece_model import read_pieces
from specs.processing.text_tokenizers import text_tokenizer
from specs.processing.tokenizers import FileProblem
from tests.processing.subword_files import (
    CLASSES,
    FIELDS,
    SENTENCES,
    TEXTS,
    ours,
    published,
    write_serialized,
    write_vocabulary,
)

Pair = tuple[SubwordTokenizer, Any]

OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in CLASSES},
    "cased": ("BertTokenizer", {"do_lower_case": False}),
    "with accents": ("BertTokenizer", {"strip_accents": False, "tokenize_chinese_chars": False}),
    "joined": ("BertTokenizer", {"clean_up_tokenization_spaces": True}),
    "bytes joined": ("GPT2Tokenizer", {"clean_up_tokenization_spaces": True}),
    "a space first": ("GPT2Tokenizer", {"add_prefix_space": True, "pad_token": "<pad>"}),
    "roberta with a space": ("RobertaTokenizer", {"add_prefix_space": True}),
    "more tokens": ("BertTokenizer", {"additional_special_tokens": ["<digit>", "[X]"]}),
    "into German": ("SeamlessM4TTokenizer", {"src_lang": "fra", "tgt_lang": "__deu__"}),
    "from German": ("MBart50Tokenizer", {"src_lang": "de_DE", "tgt_lang": "fr_XX"}),
}


@pytest.fixture(scope="module", params=OPTIONS)
def name(request: pytest.FixtureRequest) -> str:
    named: str = request.param
    return named


@pytest.fixture(scope="module", params=["older files", "tokenizer.json"])
def pair(request: pytest.FixtureRequest, name: str, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Ours and the published tokenizer of one folder."""
    class_name, fields = OPTIONS[name]
    folder = write_vocabulary(tmp_path_factory.mktemp("older"), class_name, fields)
    theirs = published(folder, class_name)
    if request.param == "tokenizer.json":
        folder = tmp_path_factory.mktemp("serialized")
        theirs.save_pretrained(folder)
        assert (folder / "tokenizer.json").exists()
        theirs = published(folder, class_name)
    return ours(folder, class_name), theirs


def special_texts(theirs: Any) -> list[str]:
    """Special tokens inside a text, spaced and not."""
    tokens = [str(token) for token in theirs.all_special_tokens]
    return [f"one {token} two{token}three" for token in tokens] + ["".join(tokens), " ".join(tokens)]


def test_every_token_has_the_published_id(pair: Pair) -> None:
    mine, theirs = pair
    assert mine.ids == theirs.get_vocab()


def test_texts_become_the_published_ids(pair: Pair) -> None:
    mine, theirs = pair
    for text in (*SENTENCES, *TEXTS, *special_texts(theirs)):
        assert mine.encode_source(text, errors="replace") == theirs(text)["input_ids"], text


def test_target_texts_become_the_published_ids(pair: Pair) -> None:
    mine, theirs = pair
    for text in (*SENTENCES, *TEXTS):
        assert mine.encode(text, errors="replace") == theirs(text_target=text)["input_ids"], text


@pytest.mark.parametrize("skip", [True, False])
def test_ids_become_the_published_texts(pair: Pair, skip: bool) -> None:
    mine, theirs = pair
    rows = [theirs(text)["input_ids"] for text in (*SENTENCES, *TEXTS, *special_texts(theirs))]
    rows += [list(range(len(theirs))), []]
    expected = theirs.batch_decode(rows, skip_special_tokens=skip)
    assert mine.batch_decode(rows, skip_special_tokens=skip) == expected


def test_a_text_without_a_token_is_told(pair: Pair, name: str) -> None:
    mine, _ = pair
    if OPTIONS[name][0] in ("GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer"):
        assert mine.encode("日本語 👩")  # every byte has a token
        return
    with pytest.raises(CrossloomError) as raised:
        mine.encode("hello 日本語")
    assert [one.code for one in raised.value.diagnostics] == ["XL417"]
    assert "`日本語`" in raised.value.diagnostics[0].message


def test_a_saved_tokenizer_is_the_same(pair: Pair, tmp_path: Path, name: str) -> None:
    mine, theirs = pair
    mine.save(tmp_path)
    class_name, fields = OPTIONS[name]
    stated = text_tokenizer(class_name)
    section = stated.section(**{**FIELDS.get(class_name, {}), **fields})
    for file, contents in stated.written(section).items():
        (tmp_path / file).write_text(json.dumps(contents))
    again = published(tmp_path, class_name)
    assert again.get_vocab() == theirs.get_vocab()
    for text in SENTENCES:
        assert again(text)["input_ids"] == theirs(text)["input_ids"]
    assert again.all_special_tokens == theirs.all_special_tokens


def test_a_general_tokenizer_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = write_serialized(tmp_path)
    mine, theirs = ours(folder, "GPT2Tokenizer"), PreTrainedTokenizerFast.from_pretrained(folder)
    assert mine.ids == theirs.get_vocab()
    assert mine.pad_id == theirs.pad_token_id
    for text in (*TEXTS, "one <stop> two"):
        ids = theirs(text)["input_ids"]
        assert mine.encode(text) == ids
        assert mine.decode(ids) == theirs.decode(ids, skip_special_tokens=True)


def test_what_a_file_says_of_batches_is_not_followed(tmp_path: Path) -> None:
    """A tokenizer saved while it truncated and padded makes ids of the whole text, and of nothing else."""
    folder = write_serialized(tmp_path)
    whole = ours(folder, "GPT2Tokenizer").encode("Two boats")
    for length in (3, len(whole) + 4):
        changed = Tokenizer.from_file(str(folder / "tokenizer.json"))
        if length < len(whole):
            changed.enable_truncation(max_length=length)
        else:
            changed.enable_padding(length=length, pad_token="<fill>")
        changed.save(str(folder / "tokenizer.json"))
        assert ours(folder, "GPT2Tokenizer").encode("Two boats") == whole


@pytest.mark.parametrize("class_name", ["MBartTokenizer", "MBart50Tokenizer"])
def test_a_language_can_be_asked_for(tmp_path: Path, class_name: str) -> None:
    folder = write_vocabulary(tmp_path, class_name)
    mine, theirs = ours(folder, class_name), published(folder, class_name)
    theirs.src_lang = "ro_RO"
    assert mine.encode("hello world", "ro_RO") == theirs("hello world")["input_ids"]
    assert mine.language_id("ro_RO") == theirs.convert_tokens_to_ids("ro_RO")
    with pytest.raises(CrossloomError) as raised:
        mine.encode("hello", "xx_XX")
    assert [one.code for one in raised.value.diagnostics] == ["XL112"]


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({"vocab.txt": "a\nb\na\n"}, ["XL403"]),
        ({"vocab.txt": ""}, ["XL403"]),
        ({"tokenizer.json": "{"}, ["XL403"]),
        ({"tokenizer.json": "{}"}, ["XL403"]),
        ({"tokenizer.json": '{"model": {"vocab": {"a": 0, "b": 0}}}'}, ["XL403"]),
        ({"tokenizer_config.json": '{"tokenizer_class": "T5Tokenizer"}'}, ["XL116"]),
        ({"tokenizer_config.json": '{"padding_side": "left"}'}, ["XL116"]),
        ({"tokenizer_config.json": '{"split": true}'}, ["XL115"]),
        ({"tokenizer_config.json": '{"do_lower_case": 1}'}, ["XL103"]),
        ({"tokenizer_config.json": "[]"}, ["XL103"]),
        (
            {"tokenizer_config.json": '{"mask_token": {"content": "[MASK]", "rstrip": true}}'},
            ["XL116"],
        ),
    ],
)
def test_files_that_cannot_be_used(files: dict[str, str], codes: list[str]) -> None:
    contents = {name: text.encode() for name, text in files.items()}
    found = text_tokenizer("BertTokenizer").read("tokenizer", contents)
    assert found is not None
    assert [problem.code for problem in found.problems] == codes
    assert all(problem.help for problem in found.problems)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"add_prefix_space": True}, [("XL112", "tokenizer.add_prefix_space")]),
        ({"src_lang": "en_XX"}, [("XL112", "tokenizer.src_lang")]),
        ({"cls_token": None}, [("XL404", "tokenizer.cls_token")]),
    ],
)
def test_sections_that_contradict_themselves(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    stated = text_tokenizer("BertTokenizer")
    problems = stated.problems(stated.section(**fields), "tokenizer")
    assert [(problem.code, problem.at[0][0]) for problem in problems] == expected


@pytest.mark.parametrize("name", ["BertTokenizer", "GPT2Tokenizer", "XGLMTokenizer"])
def test_added_tokens_have_the_ids_they_are_listed_with(name: str, tmp_path: Path) -> None:
    """In whatever order the file lists them."""
    published(write_vocabulary(tmp_path / "older", name), name).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    size = len(ours(tmp_path, name).ids)
    plain = {**data["added_tokens"][0], "special": False}
    data["added_tokens"] += [{**plain, "id": size + index, "content": f"<{index}>"} for index in range(3)]
    data["added_tokens"].reverse()
    path.write_text(json.dumps(data), encoding="utf-8")
    ids = ours(tmp_path, name).ids
    listed = {one["content"]: one["id"] for one in data["added_tokens"]}
    assert {token: ids[token] for token in listed} == listed


@pytest.mark.parametrize("contents", [b"", b"\x0a\xff", b"\x0f\x01", b"plain text"])
def test_what_is_no_sentencepiece_model_is_refused(contents: bytes) -> None:
    with pytest.raises(FileProblem):
        read_pieces(contents)
