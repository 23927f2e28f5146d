"""Tables of host operations: from generation_config.json onto the model, back into one, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import crossloom
from compiler.checkpoint.document import json_document
from compiler.checkpoint.resolve import resolve
from compiler.configuration.generation import NAME
from compiler.diagnostics.model import CrossloomError
from compiler.importing.checkpoint import import_with_report
from compiler.warning import CrossloomWarning
from specs.families import family, speech_to_text
from specs.families.seamless_m4t_v2.tables import TABLES
from specs.tables import HostTable
from tests.oracle import random_model, save

STATED = {
    "languages": HostTable("ids", "vocab_size", "decode"),
    "pieces": HostTable("texts", "vocab_size", "decode"),
    "voices": HostTable("ids", "vocab_size", "speak"),
}

HELD = {"languages": {"eng": 5, "fra": 7}, "pieces": {"0": "<pad>", "5": "▁é"}}


@pytest.fixture(autouse=True)
def stated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A family that reads tables."""
    monkeypatch.setattr(speech_to_text, "FAMILY", replace(speech_to_text.FAMILY, tables=STATED))
    family.cache_clear()
    yield
    family.cache_clear()


def with_fields(folder: Path, **fields: Any) -> Path:
    """A checkpoint whose generation_config.json has more fields; those that are null are removed."""
    if not (folder / "config.json").exists():
        save(random_model(0), folder)
    file = folder / NAME
    contents = {**json.loads(file.read_text()), **fields}
    kept = {name: value for name, value in contents.items() if name not in fields or value is not None}
    file.write_text(json.dumps(kept, indent=2, ensure_ascii=False))
    return folder


def test_tables_reach_the_model_and_an_export(tmp_path: Path) -> None:
    folder = with_fields(tmp_path / "stored", **HELD)
    model = crossloom.from_pretrained(folder)
    assert model.tables == HELD
    assert model.generation_defaults.keys().isdisjoint(HELD)
    crossloom.export(model, tmp_path / "exported")
    written = json.loads((tmp_path / "exported" / NAME).read_text())
    assert {name: written[name] for name in HELD} == HELD
    assert crossloom.from_pretrained(tmp_path / "exported").tables == HELD


def test_tables_are_counted_and_no_part_of_a_spec(tmp_path: Path) -> None:
    imported = import_with_report(with_fields(tmp_path / "stored", **HELD))
    assert imported.dropped["generation.languages"].startswith("a table of 2 entries")
    assert "generation.voices" not in imported.dropped
    text = imported.spec.to_yaml()
    assert not any(name in text for name in STATED)
    assert text == import_with_report(with_fields(tmp_path / "stored", languages=None)).spec.to_yaml()


def test_a_built_model_has_none() -> None:
    assert crossloom.build(crossloom.load_spec("s2t-small-librispeech-asr")).tables == {}


@pytest.mark.parametrize("missing", [("languages",), ("languages", "pieces")])
def test_what_is_missing_is_told(tmp_path: Path, missing: tuple[str, ...]) -> None:
    folder = with_fields(tmp_path / "stored", **HELD)
    assert [one.code for one in crossloom.verify(crossloom.import_spec(folder))] == []
    (finding,) = crossloom.verify(crossloom.import_spec(with_fields(folder, **dict.fromkeys(missing))))
    assert (finding.code, finding.severity.value) == ("XL422", "warning")
    assert all(f"`{name}`" in finding.message for name in missing)
    assert "voices" not in finding.message
    left = {name: table for name, table in HELD.items() if name not in missing}
    with pytest.warns(CrossloomWarning, match="XL422"):
        assert crossloom.from_pretrained(folder).tables == left


@pytest.mark.parametrize(
    ("name", "table", "code"),
    [
        ("languages", 3, "XL103"),
        ("languages", [1, 2], "XL103"),
        ("languages", {"eng": "5"}, "XL103"),
        ("languages", {"eng": 5, "fra": True}, "XL103"),
        ("languages", {"eng": -1}, "XL103"),
        ("languages", {"eng": 10**6}, "XL402"),
        ("pieces", {"a": "<pad>"}, "XL103"),
        ("pieces", {"²": "<pad>"}, "XL103"),
        ("pieces", {"0": 1}, "XL103"),
        ("pieces", {"1000000": "<pad>"}, "XL402"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_where_it_is(
    tmp_path: Path, name: str, table: Any, code: str
) -> None:
    folder = with_fields(tmp_path / "stored", **HELD)
    spec = crossloom.import_spec(folder)
    with_fields(folder, **{name: table})
    lines = (folder / NAME).read_text().split("\n")
    line = next(number for number, text in enumerate(lines, 1) if f'"{name}"' in text)
    with pytest.raises(CrossloomError) as raised:
        crossloom.import_spec(folder)
    for findings in (raised.value.diagnostics, crossloom.verify(spec)):
        (finding,) = findings
        assert finding.code == code
        assert f"`{name}`" in finding.message
        assert finding.help
        assert (finding.spans[0].file, finding.spans[0].line) == (str(folder / NAME), line)


@pytest.mark.parametrize("indent", [None, 2])
def test_what_stands_behind_a_table_keeps_its_place(tmp_path: Path, indent: int | None) -> None:
    """The reader passes over the entries, and the places of other fields are those in the file."""
    contents = {
        "config": {},
        "pieces": {str(index): '{"}\\' for index in range(9)},
        "other": [1],
        "voices": 3,
    }
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        (folder / NAME).write_text(json.dumps(contents, indent=indent))
    whole = json_document(resolve(tmp_path / "a"), NAME)
    left = json_document(resolve(tmp_path / "b"), NAME, without={"pieces", "voices"})
    assert left.data == {"config": {}, "other": [1]}
    for place, span in left.keys.items():
        assert span._replace(file="") == whole.keys[place]._replace(file="")
    other = left.values["other",]
    assert other._replace(file="") == whole.values["other",]._replace(file="")


def test_the_published_tables_are_sound() -> None:
    """Each names the field that bounds its ids."""
    config = {
        "vocab_size": 256102,
        "char_vocab_size": 10943,
        "t2u_vocab_size": 10082,
        "vocoder_num_langs": 36,
    }
    assert {table.bound for table in TABLES.values()} == config.keys()
    languages = {"afr": 256001, "zul": 256098}
    assert list(TABLES["text_decoder_lang_to_code_id"].problems("languages", languages, config)) == []
    for name, table in TABLES.items():
        most = config[table.bound]
        last, beyond = ({"a": id_} if table.gives == "ids" else {str(id_): "a"} for id_ in (most - 1, most))
        assert list(table.problems(name, last, config)) == []
        assert [one.code for one in table.problems(name, beyond, config)] == ["XL402"]
