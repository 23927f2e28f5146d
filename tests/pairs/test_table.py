"""docs/pairs.md: what is said of a pair is what the compiler does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.reports.pairs import FILE, cell, document, lone_decoder, main
from tests.pairs.tiny import DECODERS, ENCODERS


def test_what_a_pair_needs() -> None:
    assert cell("bert", "gpt2").is_bridged is False
    found = cell("bart", "bert")
    assert (found.widths, found.is_bridged) == ((1024, 768), True)
    cross = ("decoder.layers.*.cross_attention.*", "decoder.layers.*.cross_attention_norm.*")
    assert found.fresh == (*cross, "head.*")
    assert cell("bert", "bart").fresh == ()
    assert cell("wav2vec2", "gpt2").fresh == ("encoder.span_masking.embedding", *cross)
    assert (lone_decoder("speech_to_text").start, lone_decoder("gpt2").start) == (2, None)


def test_every_family_has_its_place() -> None:
    rows = [line.split(" | ") for line in document().splitlines() if line.startswith("| ")]
    first = [row[0].strip("| `") for row in rows]
    assert [first.count(name) for name in ENCODERS] == [2 + (name in DECODERS) for name in ENCODERS]
    assert set(DECODERS) <= set(first)
    heading = next(row for row in rows if len(row) == 1 + len(DECODERS))
    assert [name.strip("| `") for name in heading[1:]] == DECODERS


def test_a_table_that_is_out_of_date_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE.parent).mkdir()
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text().replace("none", "None"))
    assert main(["--check"]) == 1
