"""Commands on an encoder and a decoder that are free graphs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.check.planted import DECODER, ENCODER, HALVES, changed
from tests.cli.runner import crossloom, result_of, write

FORMS = {
    "pair": HALVES,
    "encoder": ENCODER,
    "decoder": DECODER,
    "beside-a-family": f"{ENCODER}decoder: {{family: speech_to_text, config: {{d_model: 32}}}}\n",
}


def test_show_says_what_each_half_is(tmp_path: Path) -> None:
    page = crossloom("show", write(tmp_path, HALVES)).stdout
    assert page.startswith("planted  (encoder: graph, decoder: graph)\n")
    assert "hands over encoder.layers.hidden, encoder.subsample.mask" in page
    facts = result_of("show", write(tmp_path, HALVES), "--format", "json")
    sides = {node["address"].partition(".")[0]: node["side"] for node in facts["nodes"]}
    assert sides == {"encoder": "encode", "decoder": "decode"}


def test_diff_names_nodes_by_their_address(tmp_path: Path) -> None:
    other = changed(HALVES, ("inner: 120", "inner: 121"))
    outcome = crossloom(
        "diff", write(tmp_path, HALVES), write(tmp_path, other, "other.yaml"), "--format", "json"
    )
    found = {(one["section"], one["address"]) for one in json.loads(outcome.stdout)["differences"]}
    assert ("nodes", "decoder.layers.with.inner") in found
    assert {section for section, _ in found} == {"nodes", "parameters"}


@pytest.mark.parametrize("form", FORMS)
def test_every_stage_of_compile(tmp_path: Path, form: str) -> None:
    outcome = crossloom("compile", write(tmp_path, FORMS[form]), "-o", tmp_path / "out")
    assert outcome.exit_code == 0, outcome.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md", "modeling.py", "spec.yaml", "weights.json",
    ]  # fmt: skip
    again = crossloom("emit", tmp_path / "out" / "spec.yaml", "-o", tmp_path / "out", "--check")
    assert again.exit_code == 0, again.output


def test_weights_are_listed_with_their_stored_names(tmp_path: Path) -> None:
    rows = result_of("weights", write(tmp_path, HALVES), "--format", "json")["rows"]
    row = next(row for row in rows if row["address"] == "decoder.layers.1.cross_attention.q_proj.weight")
    assert (row["sources"], row["component"]) == (["layers.1.cross_attention.q_proj.weight"], "decoder")


def test_trace_shows_the_halves_before_and_after_they_are_joined(tmp_path: Path) -> None:
    text = crossloom("compile", write(tmp_path, HALVES), "--trace").output
    apart, _, joined = text.partition("== after join\n")
    assert "source=encoder_hidden_states" in apart
    assert "source=encoder.layers.hidden, source_mask=encoder.subsample.mask" in joined
    assert "encoder_hidden_states" not in joined.partition("== after dims")[0]


def test_nothing_leads_from_end_to_end(tmp_path: Path) -> None:
    text = f"{DECODER}encoder: {{family: speech_to_text, config: {{d_model: 32}}}}\n"
    outcome = crossloom("run", write(tmp_path, text), "speech.wav")
    assert outcome.exit_code == 1
    assert "XL114" in outcome.stderr
    assert "half a free graph" in outcome.stderr
