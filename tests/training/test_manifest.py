from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from compiler.diagnostics.model import CrossloomError, Diagnostic
from runtime.training import Corpus, read_rows
from tests.training.stand_in import RATE, Processor, write_recordings

GOOD = '{"audio": "0.wav", "text": "low"}'


def findings(path: Path, text: str) -> list[Diagnostic]:
    manifest = path / "rows.jsonl"
    manifest.write_text(text, encoding="utf-8")
    soundfile.write(path / "0.wav", np.ones(3200) * 0.1, RATE)
    with pytest.raises(CrossloomError) as raised:
        Corpus(read_rows(manifest), Processor(), vocabulary=7)
    return raised.value.diagnostics


@pytest.mark.parametrize(
    ("line", "message", "help"),
    [
        ('{"audio": "0.wav", "text": "low"', "not JSON", "looks like"),
        ('["0.wav", "low"]', "a list, not an object", "looks like"),
        ('{"audio": "0.wav"}', "no `text`", "looks like"),
        ('{"audio": "0.wav", "texts": "low"}', "unknown field `texts`", "did you mean `text`?"),
        ('{"audio": "0.wav", "text": "low", "text": "high"}', "`text` stands 2 times", "keep one"),
        ('{"audio": {}, "text": "low"}', "`audio` is an object", "looks like"),
        ('{"audio": 3, "text": "low"}', "`audio` is a number", None),
        ('{"audio": "0.wav", "text": null}', "`text` is null", None),
        ('{"audio": "0.wav", "text": " "}', "`text` is empty", "remove"),
        ('{"audio": "none.wav", "text": "low"}', "there is no file", "starts at the manifest's folder"),
        ('{"audio": "0.wav", "text": "low ten"}', "no token for `ten`", "correct the text"),
        ('{"audio": "rows.jsonl", "text": "low"}', "cannot be read as audio", None),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, line: str, message: str, help: str | None) -> None:
    (finding,) = findings(tmp_path, f"{GOOD}\n\n{line}\n{GOOD}\n")
    assert finding.code == "XL420"
    assert message in finding.message
    assert (finding.spans[0].file, finding.spans[0].line) == (str(tmp_path / "rows.jsonl"), 3)
    assert help is None or help in (finding.help or "")


def test_all_bad_rows_are_told_in_order(tmp_path: Path) -> None:
    found = findings(tmp_path, '{"audio": "none.wav", "text": "low"}\nnot json\n{"audio": "0.wav"}\n')
    assert [finding.spans[0].line for finding in found] == [1, 2, 3]


def test_the_same_in_every_row_is_told_once(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, '{"image": "a.png", "text": "low"}\n' * 40)
    assert finding.spans[0].line == 1
    assert finding.info == ("and in 39 more rows, the last at line 40",)
    assert finding.help is not None
    assert finding.help.startswith("the model takes `audio`; ")


def test_audio_of_two_channels_is_told_at_its_row(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.zeros((3200, 2)), RATE)
    (finding,) = findings(tmp_path, '{"audio": "stereo.wav", "text": "low"}\n')
    assert "2 channels" in finding.message
    assert finding.help is not None
    assert "--mono" not in finding.help, "training has no such option"
    assert finding.spans[0].line == 1


def test_an_empty_manifest(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, "\n")
    assert "holds no rows" in finding.message


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CrossloomError, match=r"XL117.*No such file"):
        read_rows(tmp_path / "rows.jsonl")


def test_paths_start_at_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_recordings(tmp_path, 2)
    monkeypatch.chdir("/")
    assert [row.source for row in read_rows(path)] == [tmp_path / "0.wav", tmp_path / "1.wav"]


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, f'{GOOD}\n{{"audio": "0.wav", "text": "low\u2028ten"}}\n')
    assert "`ten`" in finding.message


def test_rows_as_dicts(tmp_path: Path) -> None:
    write_recordings(tmp_path, 1)
    (row,) = read_rows([{"audio": tmp_path / "0.wav", "text": "low"}])
    assert row.text == "low"
    with pytest.raises(CrossloomError, match="row 1: the row has no `text`"):
        read_rows([{"audio": tmp_path / "0.wav", "text": "low"}, {"audio": "x.wav"}])
