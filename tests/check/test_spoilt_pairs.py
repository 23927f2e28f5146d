"""Mistakes with the two checkpoints of a pair: one finding by headers alone, at its line, with help."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler.analysis import analyse
from tests.check.pair_checkpoints import Pair, pair


@dataclass(frozen=True)
class Case:
    """A spoilt pair; the finding is at the line of the spec that holds `at`."""

    name: str
    code: str
    spoil: Callable[[Pair], None]
    at: str
    says: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.code}-{self.name}"


def exchanged(pair: Pair) -> None:
    pair.encoder, pair.decoder = pair.decoder, pair.encoder


def encoder_twice(pair: Pair) -> None:
    pair.decoder = copy.deepcopy(pair.encoder)


def without_fresh(pair: Pair) -> None:
    pair.lines = [line for line in pair.lines if not line.startswith("fresh")]


def bert_as_decoder(pair: Pair) -> None:
    """The encoder's checkpoint for a decoder of its family."""
    without_fresh(pair)
    family = pair.line_of("family: gpt2") - 1
    pair.lines[family] = "  family: bert"
    pair.lines[family + 2] = next(line for line in pair.lines if "num_hidden_layers" in line)
    encoder_twice(pair)


def shallower(pair: Pair) -> None:
    pair.decoder.config["n_layer"] = 1
    pair.decoder.tensors = {n: shape for n, shape in pair.decoder.tensors.items() if ".h.1." not in n}


def shallower_than_it_says(pair: Pair) -> None:
    """The last layer's self-attention is missing, whatever config.json says."""
    del pair.decoder.tensors["transformer.h.1.attn.c_proj.weight"]


def another_vocabulary(pair: Pair) -> None:
    pair.decoder.config["vocab_size"] = 30
    pair.decoder.tensors["transformer.wte.weight"] = [30, 12]


def wider(pair: Pair) -> None:
    pair.encoder.tensors["bert.embeddings.word_embeddings.weight"] = [20, 16]


def too_fresh(pair: Pair) -> None:
    pair.replace("'decoder.layers.*.cross_attention.*'", "'decoder.layers.*'")


def too_ignorant(pair: Pair) -> None:
    pair.encoder.tensors["bert.another_pooler.weight"] = [8, 8]
    pair.replace("[cls.seq_relationship.weight]", "['bert.*', cls.seq_relationship.weight]")


def ignorant_of_nothing(pair: Pair) -> None:
    pair.replace("cls.seq_relationship.weight]", "cls.seq_relationship.weight, lm_head.decoder.weight]")


def bridge_of_another_pair(pair: Pair) -> None:
    pair.encoder.tensors["enc_to_dec_proj.weight"] = [12, 8]


def with_a_head(pair: Pair) -> None:
    pair.decoder.tensors["value_head.weight"] = [1, 12]


CASES = [
    Case("exchanged", "XL505", exchanged, "weights: ./encoder", "exchange the two"),
    Case("encoder-twice", "XL505", encoder_twice, "family: gpt2", "give another checkpoint"),
    Case("no-cross-attention", "XL501", without_fresh, "weights: ./decoder",
         "fresh: [decoder.layers.*.cross_attention.*, decoder.layers.*.cross_attention_norm.*]"),
    Case("encoder-as-decoder", "XL501", bert_as_decoder, "weights: ./decoder", "decoder.layers.*.cross_attention_norm.*, head.*]"),
    Case("depth", "XL505", shallower, "n_layer: 2", "set `n_layer: 1`"),
    Case("lost-layer", "XL501", shallower_than_it_says, "weights: ./decoder", "complete checkpoint"),
    Case("vocabulary", "XL505", another_vocabulary, "vocab_size: 21", "set `vocab_size: 30`"),
    Case("width", "XL503", wider, "weights: ./encoder", ""),
    Case("fresh-and-stored", "XL502", too_fresh, "fresh: ", "name only what is not stored"),
    Case("ignored-and-read", "XL518", too_ignorant, "ignore: ", "such as `bert.another_pooler.weight`", "warning"),
    Case("ignored-and-absent", "XL518", ignorant_of_nothing, "ignore: ", "correct its spelling", "warning"),
    Case("bridge", "XL502", bridge_of_another_pair, "weights: ./encoder", "`ignore:`"),
    Case("head", "XL502", with_a_head, "weights: ./decoder", "`ignore:`"),
]  # fmt: skip


def test_the_pair_that_is_spoilt_is_sound(tmp_path: Path) -> None:
    assert pair(tmp_path).verified() == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_mistake_is_one_finding(case: Case, tmp_path: Path) -> None:
    spoilt = pair(tmp_path)
    case.spoil(spoilt)
    (finding,) = spoilt.verified()
    assert (finding.code, finding.severity) == (case.code, case.severity), finding.message
    assert finding.spans[0].line == spoilt.line_of(case.at)
    assert case.says in str(finding.help)


def extending(folder: Path, text: str) -> list[tuple[str, int, str]]:
    """Code, line and help of what is wrong with a spec that extends a pair of BERT and GPT-2."""
    base = "crossloom: 1\nname: base\ntokens: {decoder_start: 5, pad: 0}\n"
    base += "encoder: {family: bert, weights: a/b, config: {hidden_size: 384, num_attention_heads: 6}}\n"
    (folder / "base.yaml").write_text(base + "decoder: {family: gpt2, config: {n_layer: 6}}\n")
    (folder / "main.yaml").write_text(f"crossloom: 1\nname: main\nextends: base.yaml\n{text}")
    findings = [one for one in analyse(folder / "main.yaml").diagnostics if one.severity == "error"]
    return [(one.code, one.spans[0].line, str(one.help)) for one in findings]


def test_another_family_does_not_inherit_the_config_of_the_first(tmp_path: Path) -> None:
    (finding,) = extending(tmp_path, "encoder:\n  family: wav2vec2\n")
    assert finding == ("XL113", 5, "take it away: `encoder: {weights: null, config: null}`")
    assert extending(tmp_path, "encoder:\n  family: wav2vec2\n  weights: null\n  config: null\n") == []


def test_nor_a_field_of_it_beside_fields_of_its_own(tmp_path: Path) -> None:
    own = "decoder: {family: bart, config: {decoder_layers: 6%s}}\n"
    (finding,) = extending(tmp_path, own % "")
    assert finding == ("XL113", 4, "take it away: `decoder: {config: {n_layer: null}}`")
    assert extending(tmp_path, own % ", n_layer: null") == []


def test_the_same_family_inherits(tmp_path: Path) -> None:
    assert extending(tmp_path, "encoder: {family: bert, config: {hidden_size: 768}}\n") == []
