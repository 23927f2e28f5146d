"""Hub files as sections of a spec: what is kept, dropped, refused, and what the sections contradict."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import Speech2TextFeatureExtractor, Speech2TextTokenizer

import crossloom
from compiler.diagnostics.model import CrossloomError
from specs.families.speech_to_text.front_end import FRONT_END, Processor
from specs.families.speech_to_text.tokenizer import FREE, TOKENIZER, Tokenizer
from specs.problems import Problem
from specs.processing.files import ImportedSection, contradictions
from specs.processing.tokenizers import FileProblem, SentencePieceVocabulary, check_vocabulary, read_table


def contents_of(files: dict[str, Any]) -> dict[str, bytes]:
    """Files named without `.json`."""
    return {
        f"{name}.json": (contents if isinstance(contents, str) else json.dumps(contents)).encode()
        for name, contents in files.items()
    }


def heard(**files: Any) -> ImportedSection:
    found = FRONT_END.read("processor", contents_of(files))
    assert found is not None
    return found


def read(**files: Any) -> ImportedSection:
    found = TOKENIZER.read("tokenizer", contents_of(files))
    assert found is not None
    return found


def found(problems: list[Problem]) -> list[tuple[str, str]]:
    assert all(problem.help for problem in problems)
    return [(problem.code, problem.at[0][0]) for problem in problems]


def test_defaults_are_those_of_the_published_classes() -> None:
    extractor = inspect.signature(Speech2TextFeatureExtractor).parameters
    tokenizer = inspect.signature(Speech2TextTokenizer).parameters
    ours = Processor.model_validate({}).model_dump()
    assert {name: p.default for name, p in extractor.items() if name in ours} == {
        name: value for name, value in ours.items() if name in extractor
    }
    theirs = Speech2TextFeatureExtractor().to_dict()
    assert {**ours, "feature_extractor_type": "Speech2TextFeatureExtractor"} == theirs
    texts = Tokenizer.model_validate({}).model_dump()
    for name in set(texts) & set(tokenizer) - {"additional_special_tokens"}:
        assert texts[name] == tokenizer[name].default, name


def test_published_files_are_the_defaults() -> None:
    published = {
        "do_ceptral_normalize": True,
        "feature_size": 80,
        "normalize_means": True,
        "normalize_vars": True,
        "num_mel_bins": 80,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": True,
        "sampling_rate": 16000,
    }
    assert heard(preprocessor_config=published) == ImportedSection({}, {}, [])
    nested = {
        "feature_extractor": {**published, "num_mel_bins": 40, "feature_size": 40},
        "processor_class": "X",
    }
    imported = heard(preprocessor_config=published, processor_config=nested)
    assert imported.fields == {"num_mel_bins": 40, "feature_size": 40}
    assert list(imported.dropped) == ["processor.processor_class"]
    assert imported.problems == []


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"mel_bins": 80}, ("XL115", "processor.mel_bins")),
        ({"dither": 1.0}, ("XL116", "processor.dither")),
        ({"padding_side": "left"}, ("XL116", "processor.padding_side")),
        ({"return_attention_mask": False}, ("XL116", "processor.return_attention_mask")),
        ({"num_mel_bins": 0}, ("XL116", "processor.num_mel_bins")),
        ({"num_mel_bins": 80.0}, ("XL103", "processor.num_mel_bins")),
        ({"num_mel_bins": True}, ("XL103", "processor.num_mel_bins")),
        ({"num_mel_bins": "80"}, ("XL103", "processor.num_mel_bins")),
        ([], ("XL103", "processor")),
        ("{", ("XL106", "processor")),
    ],
)
def test_processor_fields_that_cannot_be_kept(contents: Any, expected: tuple[str, str]) -> None:
    assert found(heard(preprocessor_config=contents).problems) == [expected]


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"do_upper": True}, ("XL115", "tokenizer.do_upper")),
        ({"padding_side": "left"}, ("XL116", "tokenizer.padding_side")),
        ({"split_special_tokens": True}, ("XL116", "tokenizer.split_special_tokens")),
        ({"sp_model_kwargs": {"enable_sampling": True}}, ("XL116", "tokenizer.sp_model_kwargs")),
        ({"lang_codes": "covost"}, ("XL116", "tokenizer.lang_codes")),
        ({"do_lower_case": 1}, ("XL103", "tokenizer.do_lower_case")),
        ({"bos_token": None}, ("XL103", "tokenizer.bos_token")),
        (
            {"added_tokens_decoder": {"9": {"content": "word"}}},
            ("XL116", "tokenizer.additional_special_tokens"),
        ),
        (
            {"pad_token": {"content": "<pad>", "lstrip": True}},
            ("XL116", "tokenizer.additional_special_tokens"),
        ),
    ],
)
def test_tokenizer_fields_that_cannot_be_kept(contents: Any, expected: tuple[str, str]) -> None:
    assert found(read(tokenizer_config=contents).problems) == [expected]


def test_special_tokens_come_from_wherever_they_are_listed() -> None:
    special = {"pad_token": {"content": "<blank>", "lstrip": False}, "eos_token": "</s>"}
    assert read(tokenizer_config={}, special_tokens_map=special).fields == {"pad_token": "<blank>"}
    # Where the config lists the added tokens, the published class does not look at the map.
    config: dict[str, Any] = {"added_tokens_decoder": {"1": {"content": "<pad>"}}}
    assert read(tokenizer_config=config, special_tokens_map=special).fields == {}
    config = {"lang_codes": "mustc", "extra_special_tokens": ["<lang:pt>", "<noise>"]}
    imported = read(tokenizer_config=config)
    assert imported.fields == {"lang_codes": "mustc", "additional_special_tokens": ["<noise>"]}
    assert imported.problems == []


def test_the_table_gives_the_number_of_ids() -> None:
    table = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4}
    assert read(vocab=table).fields == {"vocab_size": 5}
    assert read(vocab=table, tokenizer_config={"lang_codes": "mustc"}).fields == {
        "lang_codes": "mustc",
        "vocab_size": 13,
    }
    assert found(read(vocab="{").problems) == [("XL403", "tokenizer")]
    assert TOKENIZER.read("tokenizer", {}) is None
    assert FRONT_END.read("processor", {}) is None


def test_special_tokens_missing_in_the_table_are_numbered_on() -> None:
    kind = SentencePieceVocabulary(languages=(("de", "<lang:de>"),))
    ids = kind.read_ids("vocab.json", b'{"<unk>": 0, "a": 1}')
    assert ids == {"<unk>": 0, "a": 1, "<s>": 2, "</s>": 3, "<pad>": 4, "<lang:de>": 5}


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1, "a": 2}', '{"a": {"b": 1}}', '{"a": 1, "b": 1}', "{}"])
def test_a_table_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FileProblem):
        read_table(text.encode())


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (Processor.model_validate({}), []),
        (Processor.model_validate({"num_mel_bins": 40}), [("XL401", "processor.feature_size")]),
        (Tokenizer.model_validate({}), []),
        (Tokenizer.model_validate({"lang_codes": "mustc", "tgt_lang": "de"}), []),
        (Tokenizer.model_validate({"tgt_lang": "de"}), [("XL112", "tokenizer.tgt_lang")]),
        (
            Tokenizer.model_validate({"lang_codes": "mustc", "tgt_lang": "xx"}),
            [("XL112", "tokenizer.tgt_lang")],
        ),
    ],
)
def test_sections_that_contradict_themselves(
    section: Processor | Tokenizer, expected: list[tuple[str, str]]
) -> None:
    if isinstance(section, Processor):
        assert found(list(FRONT_END.problems(section, "processor"))) == expected
    else:
        assert found(list(TOKENIZER.problems(section, "tokenizer"))) == expected


def test_a_checkpoint_that_was_made_otherwise() -> None:
    processor = Processor.model_validate({"num_mel_bins": 40, "feature_size": 40})
    assert contradictions(processor, None, frozenset(), "processor") == []
    stored = {"num_mel_bins": 40, "feature_size": 40}
    assert contradictions(processor, stored, frozenset(), "processor") == []
    stored = {"num_mel_bins": 40, "feature_size": 40, "normalize_vars": False}
    problems = contradictions(processor, stored, frozenset(), "processor")
    assert found(problems) == [("XL505", "processor.normalize_vars")]
    tokenizer = Tokenizer.model_validate({"do_upper_case": True, "vocab_size": 7})
    problems = contradictions(tokenizer, {"do_lower_case": True}, FREE, "tokenizer")
    assert found(problems) == [("XL505", "tokenizer.do_lower_case")]


@pytest.mark.parametrize(("size", "largest", "codes"), [(10, 9, []), (9, 8, ["XL403"]), (10, 10, ["XL403"])])
def test_a_vocabulary_unlike_the_tokenizer(size: int, largest: int, codes: list[str]) -> None:
    problems = check_vocabulary(size, 10, largest, (("model.config.vocab_size", "ids"),))
    assert [problem.code for problem in problems] == codes


SPEC = """\
crossloom: 1
name: held
model:
  family: speech_to_text
  config:
    vocab_size: %d
    pad_token_id: %d
    eos_token_id: %s
"""


@pytest.mark.parametrize(
    ("more", "pad", "end", "lines"),
    [
        (0, 1, "2", []),
        (0, 1, "[2, 3]", []),
        (1, 1, "2", [6]),
        (0, 3, "2", [7]),
        (0, 1, "[3, 4]", [8]),
        (0, 3, "3", [7, 8]),
    ],
)
def test_a_tokenizer_is_held_against_the_model(
    folders: dict[str, Path], tmp_path: Path, more: int, pad: int, end: str, lines: list[int]
) -> None:
    size = len(json.loads((folders["one"] / "vocab.json").read_text()))
    (tmp_path / "spec.yaml").write_text(SPEC % (size + more, pad, end))
    if not lines:
        crossloom.load_processor(tmp_path / "spec.yaml", folders["one"])
        return
    with pytest.raises(CrossloomError) as raised:
        crossloom.load_processor(tmp_path / "spec.yaml", folders["one"])
    assert [(one.code, one.spans[0].line) for one in raised.value.diagnostics] == [
        ("XL403", n) for n in lines
    ]


def test_kinds_need_neither_torch_nor_sentencepiece() -> None:
    code = (
        "import sys; sys.modules.update(torch=None, numpy=None, sentencepiece=None);"
        "from specs.families.speech_to_text import front_end, tokenizer;"
        "tokenizer.TOKENIZER.read('tokenizer', {'vocab.json': b'{\"<unk>\": 0}'})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_texts_are_processed_without_torch(folders: dict[str, Path]) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path;"
        "from specs.families.speech_to_text.tokenizer import Tokenizer, tokenizer_kind;"
        "from runtime.processing import Processor; from runtime.tokenizers import load_tokenizer;"
        "kind = tokenizer_kind(Tokenizer());"
        f"texts = load_tokenizer(kind, kind.readings[0], Path({str(folders['one'])!r}).joinpath);"
        "processor = Processor(None, texts);"
        "assert processor.decode(processor.encode('hello world')) == 'hello world'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
