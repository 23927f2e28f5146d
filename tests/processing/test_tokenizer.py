"""Ids and text are those of the published tokenizer; what it gets wrong in silence is an error here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.diagnostics.model import CrossloomError
from runtime.tokenizers import load_tokenizer
from runtime.tokenizers.sentence_pieces import SentencePieceTokenizer
from specs.processing.tokenizers import SentencePieceVocabulary
from tests.processing.conftest import LANGUAGES, SENTENCES, Pair

MakePair = Callable[..., Pair]

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("one", {}),
    ("one", {"do_upper_case": True}),
    ("one", {"clean_up_tokenization_spaces": True}),
    ("one", {"additional_special_tokens": ["<noise>", "the"]}),
    ("one", {"bos_token": "hello", "pad_token": "hello world"}),
    ("several", {"lang_codes": "mustc"}),
    ("several", {"lang_codes": "mustc", "tgt_lang": "de", "do_upper_case": True}),
    ("renumbered", {"lang_codes": "mustc", "tgt_lang": "fr"}),
    ("incomplete", {"lang_codes": "mustc"}),
]
NAMES = ["-".join([name, *fields]) for name, fields in VARIANTS]

FRAGMENTS = (
    *SENTENCES,
    *(" ", "  ", "\n", "\t", "▁", "<", ">", "</s", "s>", "<s>", "</s>", "<pad>", "<unk>", "<noise>"),
    *(
        "<lang:de>",
        "<lang:fr>",
        "<lang:xx>",
        "<lang:",
        "ß",
        "漢字",
        "🙂",
        "e\u0301",
        "\u00a0",
        "A",
        "don't ,",
    ),
)
TEXTS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=6).map("".join)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(("name", "fields"), VARIANTS, ids=NAMES)
def test_texts_have_the_published_ids(pair: MakePair, name: str, fields: dict[str, Any]) -> None:
    ours, published = pair(name, **fields)
    assert len(ours.ids) == len(published)

    @PATIENT
    @given(text=TEXTS)
    def compare(text: str) -> None:
        assert ours.encode(text, errors="replace") == published(text)["input_ids"]

    compare()


@pytest.mark.parametrize(("name", "fields"), VARIANTS, ids=NAMES)
def test_ids_have_the_published_text(pair: MakePair, name: str, fields: dict[str, Any]) -> None:
    ours, published = pair(name, **fields)

    @PATIENT
    @given(ids=st.lists(st.integers(-100, len(published) + 5), max_size=20), skip=st.booleans())
    def compare(ids: list[int], skip: bool) -> None:
        text = ours.decode(ids, skip_special_tokens=skip, errors="replace")
        assert text == published.decode(ids, skip_special_tokens=skip)

    compare()


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("name", "fields"), VARIANTS, ids=NAMES)
def test_encoded_texts_decode_alike(pair: MakePair, name: str, fields: dict[str, Any], skip: bool) -> None:
    ours, published = pair(name, **fields)
    rows = [published(text)["input_ids"] for text in FRAGMENTS]
    assert ours.batch_decode(rows, skip_special_tokens=skip) == published.batch_decode(
        rows, skip_special_tokens=skip
    )


def test_ids_may_be_a_tensor(pair: MakePair) -> None:
    ours, _ = pair("one")
    ids = ours.encode(SENTENCES[0])
    assert ours.decode(torch.tensor(ids)) == SENTENCES[0]
    assert ours.batch_decode(torch.tensor([ids])) == [SENTENCES[0]]


@pytest.mark.parametrize(
    "rows", ["abc", 5, None, {}, [5], ["abc"], [[1.0]], [[True]], [[[5]]], torch.ones(3)]
)
def test_what_is_no_batch_of_ids_is_refused(pair: MakePair, rows: Any) -> None:
    ours, _ = pair("one")
    with pytest.raises(CrossloomError) as raised:
        ours.batch_decode(rows)
    assert [(finding.code, bool(finding.help)) for finding in raised.value.diagnostics] == [("XL103", True)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_can_be_asked_for(pair: MakePair, language: str) -> None:
    ours, _ = pair("renumbered", lang_codes="mustc")
    _, published = pair("renumbered", lang_codes="mustc")
    published.tgt_lang = language
    assert ours.encode("hello world", language=language) == published("hello world")["input_ids"]
    assert ours.language_id(language) == published.lang_code_to_id[language]


@pytest.mark.parametrize(("name", "fields"), [("one", {}), ("several", {"lang_codes": "mustc"})])
def test_an_unknown_language_is_refused(pair: MakePair, name: str, fields: dict[str, Any]) -> None:
    ours, _ = pair(name, **fields)
    with pytest.raises(CrossloomError) as raised:
        ours.encode("hello", language="xx")
    assert [found.code for found in raised.value.diagnostics] == ["XL112"]


@PATIENT
@given(text=TEXTS)
def test_lower_case_is_applied_outside_special_tokens(pair: MakePair, text: str) -> None:
    # transformers 5 reads `do_lower_case` and does nothing with it; release 4 did what the field says.
    ours, _ = pair("several", lang_codes="mustc", do_lower_case=True)
    plain, published = pair("several", lang_codes="mustc")
    parts = published.tokens_trie.split(text)
    special = set(published.all_special_tokens)
    lowered = [part if part in special else part.lower() for part in parts]
    expected = [index for part in lowered for index in plain.encode(part, errors="replace")[1:-1]]
    assert ours.encode(text, errors="replace")[1:-1] == expected


def test_text_without_a_token_is_refused(pair: MakePair) -> None:
    ours, _ = pair("one")
    assert ours.encode(f"{SENTENCES[0]} <unk>") == ours.encode(f"{SENTENCES[0]} <unk>", errors="replace")
    with pytest.raises(CrossloomError, match="no token for `漢字`, `x🙂`") as raised:
        ours.encode("漢字 hello x🙂 漢字")
    assert [found.code for found in raised.value.diagnostics] == ["XL417"]


@pytest.mark.parametrize("index", [-100, -1, 10**6])
def test_an_id_without_a_token_is_refused(pair: MakePair, index: int) -> None:
    ours, _ = pair("one")
    ids = [*ours.encode(SENTENCES[0]), index]
    for decode in (ours.decode, lambda row: ours.batch_decode([[], row])):
        with pytest.raises(CrossloomError, match=f"of the id {index}") as raised:
            decode(ids)
        assert [found.code for found in raised.value.diagnostics] == ["XL402"]
    with pytest.raises(CrossloomError, match="of the id"):
        ours.decode([len(ours.ids)])
    ours.decode([len(ours.ids) - 1])


def test_a_policy_that_is_none_is_refused(pair: MakePair) -> None:
    ours, _ = pair("one")
    unknown: Any = "ignore"
    for convert in (lambda: ours.encode("漢字", errors=unknown), lambda: ours.decode([-1], errors=unknown)):
        with pytest.raises(CrossloomError, match="XL112"):
            convert()


def test_both_files_are_saved_as_they_were(pair: MakePair, folders: dict[str, Path], tmp_path: Path) -> None:
    ours, _ = pair("several", lang_codes="mustc")
    for path in ours.save(tmp_path / "saved"):
        assert path.read_bytes() == (folders["several"] / path.name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == [
        "sentencepiece.bpe.model",
        "vocab.json",
    ]


def broken(folders: dict[str, Path], **files: bytes) -> list[str]:
    """The codes of what is found when these files replace those of the tokenizer in one language."""
    kind = SentencePieceVocabulary()
    contents = {name: (folders["one"] / name).read_bytes() for name in kind.readings[0].files}
    replaced = dict(zip(("table", "pieces"), kind.readings[0].files, strict=True))
    with pytest.raises(CrossloomError) as raised:
        SentencePieceTokenizer(kind, contents | {replaced[name]: text for name, text in files.items()})
    return [found.code for found in raised.value.diagnostics]


@pytest.mark.parametrize(
    "table",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b'{"<unk>": 0, "a": 0}',
        b'{"<unk>": 0, "a": -1}',
        b'{"<unk>": 0, "a": 1.0}',
        b'{"<unk>": 0, "a": true}',
        b'{"<unk>": 0, "<unk>": 1}',
        b'{"a": 0}',
        b'{"<unk>": 0, "a": 3}',
        b"[" * 100000,
    ],
    ids=range(13),
)
def test_a_corrupt_table_is_refused(folders: dict[str, Path], table: bytes) -> None:
    assert broken(folders, table=table) == ["XL403"]


def test_a_corrupt_model_is_refused(folders: dict[str, Path]) -> None:
    assert broken(folders, pieces=b"no model") == ["XL403"]
    assert broken(folders, pieces=b"") == ["XL403"]


def test_a_missing_language_piece_is_refused(folders: dict[str, Path]) -> None:
    kind = SentencePieceVocabulary(languages=(("de", "<lang:de>"),), target_language="de")
    with pytest.raises(CrossloomError) as raised:
        load_tokenizer(kind, kind.readings[0], folders["one"].joinpath)
    assert [found.code for found in raised.value.diagnostics] == ["XL403"]


def test_missing_files_and_pointers_are_told(folders: dict[str, Path], tmp_path: Path) -> None:
    kind = SentencePieceVocabulary()
    with pytest.raises(CrossloomError) as raised:
        load_tokenizer(kind, kind.readings[0], tmp_path.joinpath)
    assert [found.code for found in raised.value.diagnostics] == ["XL117"]
    (tmp_path / "vocab.json").write_bytes((folders["one"] / "vocab.json").read_bytes())
    (tmp_path / "sentencepiece.bpe.model").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CrossloomError) as raised:
        load_tokenizer(kind, kind.readings[0], tmp_path.joinpath)
    assert [found.code for found in raised.value.diagnostics] == ["XL516"]


def test_the_table_of_a_saved_tokenizer_counts_its_ids(folders: dict[str, Path]) -> None:
    table = json.loads((folders["one"] / "vocab.json").read_text())
    kind = SentencePieceVocabulary()
    assert len(load_tokenizer(kind, kind.readings[0], folders["one"].joinpath).ids) == len(table)
