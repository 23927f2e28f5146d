"""Tables of languages that contradict themselves, each other or the tokenizer: no language is another's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crossloom
from compiler.diagnostics.model import CrossloomError
from tests.seamless.folders import save_translator

Tables = dict[str, Any]

WRITTEN, UNITS, SPOKEN = "text_decoder_lang_to_code_id", "t2u_lang_code_to_id", "vocoder_lang_code_to_id"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables and a tokenizer of the same ids; treat it as read-only."""
    return save_translator(tmp_path_factory.mktemp("translator"))


def refused(folder: Path, to: Path, change: Callable[[Tables], Any]) -> tuple[str, str]:
    """The code and the text of the one finding of a folder with other tables."""
    shutil.copytree(folder, to)
    file = to / "generation_config.json"
    contents = json.loads(file.read_text())
    change(contents)
    file.write_text(json.dumps(contents))
    with pytest.raises(CrossloomError) as raised:
        crossloom.from_pretrained(to)
    (finding,) = raised.value.diagnostics
    assert finding.help
    assert str(finding.spans[0].file).endswith("generation_config.json")
    return finding.code, finding.message


def exchanged(table: Tables) -> None:
    table["eng"], table["fra"] = table["fra"], table["eng"]


def without_texts(change: Callable[[Tables], Any]) -> Callable[[Tables], Any]:
    """The same, where no text of an id tells its language."""

    def changed(tables: Tables) -> None:
        tables["id_to_text"] = {key: one for key, one in tables["id_to_text"].items() if "__" not in one}
        change(tables)

    return changed


LANGUAGES: dict[str, tuple[Callable[[Tables], Any], str]] = {
    "exchanged": (lambda tables: exchanged(tables[WRITTEN]), "`__eng__`"),
    "a piece": (lambda tables: tables[WRITTEN].update(fra=7), "has the id 7 for `fra`"),
    "the end": (lambda tables: tables[WRITTEN].update(fra=3), "has the id 3 for `fra`"),
}


@pytest.mark.parametrize("case", LANGUAGES)
def test_a_language_with_the_id_of_something_else(folder: Path, tmp_path: Path, case: str) -> None:
    change, message = LANGUAGES[case]
    code, text = refused(folder, tmp_path / "texts", change)
    assert code == "XL403"
    assert message in text
    assert "`id_to_text` gives" in text
    code, text = refused(folder, tmp_path / "tokenizer", without_texts(change))
    assert code == "XL403"
    assert message in text
    assert "the tokenizer gives" in text


def test_a_language_that_the_tokenizer_has_not(folder: Path, tmp_path: Path) -> None:
    change = without_texts(lambda tables: tables[WRITTEN].update(xyz=150))
    assert refused(folder, tmp_path / "more", change) == (
        "XL403",
        f"`{WRITTEN}` has the id 150 for `xyz`, and the tokenizer has no `__xyz__`",
    )


@pytest.mark.parametrize("table", [WRITTEN, UNITS, SPOKEN])
def test_two_languages_of_one_id(folder: Path, tmp_path: Path, table: str) -> None:
    change = without_texts(lambda tables: tables[table].update(fra=tables[table]["eng"]))
    code, text = refused(folder, tmp_path / "twice", change)
    assert code == "XL403"
    assert "for both `eng` and `fra`" in text


def test_an_id_that_is_never_looked_up(folder: Path, tmp_path: Path) -> None:
    """Ids are written without zeros before them."""
    change: Callable[[Tables], Any] = lambda tables: tables["id_to_text"].update({"007": "a"})  # noqa: E731
    assert refused(folder, tmp_path / "zeros", change)[0] == "XL103"
