"""Every two of many independent mistakes in one spec give exactly their two findings."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import pytest

from compiler.analysis import analyse
from compiler.diagnostics.model import Severity
from compiler.reader import read_text
from tests.check.planted import GRAPH, HALVES

MODEL = """\
crossloom: 1
name: base
long_input: error
model:
  family: speech_to_text
  architecture: Speech2TextForConditionalGeneration
  weights: a/b
  config:
    vocab_size: 100
    d_model: 64
    encoder_layers: 2
    decoder_layers: 2
    encoder_attention_heads: 4
    decoder_attention_heads: 2
    encoder_ffn_dim: 32
    decoder_ffn_dim: 48
    conv_channels: 32
    conv_kernel_sizes: [3, 5]
    input_feat_per_channel: 40
    dropout: 0.1
    activation_function: gelu
    decoder_start_token_id: 2
    pad_token_id: 1
    bos_token_id: 0
    eos_token_id: 3
    scale_embedding: true
    max_target_positions: 200
generation:
  num_beams: 5
  max_new_tokens: 20
  repetition_penalty: 1.5
  suppress_tokens: [7]
processor:
  num_mel_bins: 40
  feature_size: 40
  sampling_rate: 8000
tokenizer:
  vocab_size: 100
  lang_codes: mustc
  tgt_lang: de
ignore:
  model: [extra.weight]
fresh: [decoder.final_norm.weight]
"""


@dataclass(frozen=True)
class Mistake:
    """One edit of a sound spec, and the code of its finding. No two edit one field."""

    code: str
    field: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.code}-{self.field}"


IN_MODEL = (
    Mistake("XL103", "name", "name: base", "name: 3"),
    Mistake("XL112", "long_input", "long_input: error", "long_input: eror"),
    Mistake("XL101", "family", "family: speech", "famly: speech"),
    Mistake("XL111", "architecture", "ForConditionalGeneration", "ForEverything"),
    Mistake("XL103", "weights", "weights: a/b", "weights: 5"),
    Mistake("XL104", "encoder_layers", "encoder_layers: 2", "encoder_layers: 0"),
    Mistake("XL103", "decoder_layers", "decoder_layers: 2", "decoder_layers: 2.7"),
    Mistake("XL302", "encoder_attention_heads", "encoder_attention_heads: 4", "encoder_attention_heads: 5"),
    Mistake("XL302", "decoder_attention_heads", "decoder_attention_heads: 2", "decoder_attention_heads: 6"),
    Mistake("XL101", "encoder_ffn_dim", "encoder_ffn_dim", "encoder_fnn_dim"),
    Mistake("XL103", "decoder_ffn_dim", "decoder_ffn_dim: 48", "decoder_ffn_dim: '48'"),
    Mistake("XL308", "conv_channels", "conv_channels: 32", "conv_channels: 33"),
    Mistake("XL303", "conv_kernel_sizes", "[3, 5]", "[3, 5, 7]"),
    Mistake("XL104", "dropout", "dropout: 0.1", "dropout: 7"),
    Mistake("XL112", "activation_function", ": gelu", ": gleu"),
    Mistake("XL404", "decoder_start_token_id", "decoder_start_token_id: 2", "decoder_start_token_id: null"),
    Mistake("XL104", "bos_token_id", "bos_token_id: 0", "bos_token_id: -1"),
    Mistake("XL402", "eos_token_id", "eos_token_id: 3", "eos_token_id: 300"),
    Mistake("XL103", "scale_embedding", "scale_embedding: true", "scale_embedding: 1"),
    Mistake("XL102", "max_target_positions", "max_target_positions: 200\n",
            "max_target_positions: 200\n    max_target_positions: 200\n"),
    Mistake("XL101", "num_beams", "num_beams: 5", "num_beans: 5"),
    Mistake("XL405", "max_new_tokens", "max_new_tokens: 20", "max_new_tokens: 900"),
    Mistake("XL104", "repetition_penalty", "penalty: 1.5", "penalty: 0"),
    Mistake("XL402", "suppress_tokens", "[7]", "[700]"),
    Mistake("XL401", "num_mel_bins", "num_mel_bins: 40\n  feature_size: 40", "num_mel_bins: 41\n  feature_size: 41"),
    Mistake("XL104", "sampling_rate", "sampling_rate: 8000", "sampling_rate: 0"),
    Mistake("XL403", "tokenizer.vocab_size", "tokenizer:\n  vocab_size: 100", "tokenizer:\n  vocab_size: 99"),
    Mistake("XL112", "tgt_lang", "tgt_lang: de", "tgt_lang: xx"),
    Mistake("XL101", "ignore", "model: [extra", "modle: [extra"),
    Mistake("XL518", "fresh", "[decoder.final_norm", "[decoder.fianl_norm"),
    Mistake("XL114", "bridge", "fresh:", "bridge: auto\nfresh:"),
)  # fmt: skip

IN_GRAPH = (
    Mistake("XL103", "name", "name: planted", "name: 3"),
    Mistake("XL201", "positions", "frame_positions", "frame_position"),
    Mistake("XL209", "subsample", "kernels: [5, 5]", "kernel: [5, 5]"),
    Mistake("XL101", "input_features", "{role: features", "{rle: features"),
    Mistake("XL302", "decoder.heads", "heads: 4, inner: 120", "heads: 5, inner: 120"),
    Mistake("XL209", "encoder.inner", "inner: 128", "inner: '128'"),
    Mistake("XL203", "encoder.source", "source: encoder.hidden", "source: encoder.hiden"),
    Mistake("XL205", "decoder.mask", "source_mask: subsample.mask", "source_mask: embed.hidden"),
    Mistake("XL207", "embed.ids", "{ids: decoder", "{id: decoder"),
    Mistake("XL305", "encoder.width", "with: {layers: 2, width: width, heads",
            "with: {layers: 2, width: 32, heads"),
    Mistake("XL104", "decoder.source_dim", "source_dim: width", "source_dim: 0"),
    Mistake("XL210", "outputs", "{logits: head", "{logit: head"),
    Mistake("XL203", "ties", "embed.tokens.weight", "embed.weight"),
    Mistake("XL402", "tokens.pad", "pad: 1}\n", "pad: 100}\n"),
    Mistake("XL204", "extra", "    embed:\n",
            "    extra: {block: layer_norm, with: {width: width}, inputs: {hidden: add.hidden}}\n    embed:\n"),
    Mistake("XL208", "forward", "inputs: {hidden: decoder.hidden}}", "inputs: {hidden: forward.hidden}}\n"
            "    forward: {block: layer_norm, with: {width: width}, inputs: {hidden: decoder.hidden}}"),
    Mistake("XL112", "overflow", "maximum: 600", "maximum: 600, overflow: grwo"),
    Mistake("XL204", "dims", "{width: 64}", "{width: 64, depth: 2}"),
    Mistake("XL101", "top", "graph:\n", "longinput: grow\ngraph:\n"),
)  # fmt: skip

IN_HALVES = (
    Mistake("XL103", "name", "name: planted", "name: 3"),
    Mistake("XL201", "positions", "block: frame_positions", "block: frame_position"),
    Mistake("XL209", "subsample", "kernels: [5, 5]", "kernel: [5, 5]"),
    Mistake("XL101", "attention_mask", "      attention_mask: {role: mask", "      attention_mask: {rle: mask"),
    Mistake("XL302", "decoder.heads", "heads: 4, inner: 120", "heads: 5, inner: 120"),
    Mistake("XL209", "encoder.inner", "inner: 128", "inner: '128'"),
    Mistake("XL203", "encoder.hidden", "hidden: layers.hidden, mask", "hidden: layers.hiden, mask"),
    Mistake("XL205", "decoder.mask", "source_mask: encoder_attention_mask", "source_mask: embed.hidden"),
    Mistake("XL207", "embed.ids", "{ids: decoder", "{id: decoder"),
    Mistake("XL305", "encoder.width", "with: {layers: 2, width: width, heads", "with: {layers: 2, width: 32, heads"),
    Mistake("XL104", "channels", "channels: 128", "channels: 0"),
    Mistake("XL210", "outputs", "{logits: head", "{logit: head"),
    Mistake("XL203", "ties", "embed.tokens.weight", "embed.weight"),
    Mistake("XL402", "tokens.pad", "pad: 1}\n", "pad: 100}\n"),
    Mistake("XL204", "extra", "      embed:\n",
            "      extra: {block: layer_norm, with: {width: width}, inputs: {hidden: embed.hidden}}\n      embed:\n"),
    Mistake("XL208", "forward", "inputs: {hidden: layers.hidden}}", "inputs: {hidden: forward.hidden}}\n"
            "      forward: {block: layer_norm, with: {width: width}, inputs: {hidden: layers.hidden}}"),
    Mistake("XL301", "encoder_hidden_states", "[batch, source, width]", "[batch, source, 48]"),
    Mistake("XL204", "dims", "{width: 64}", "{width: 64, depth: 2}"),
    Mistake("XL209", "bridge", "tokens:", "bridge: {block: linear, with: {width: 3}}\ntokens:"),
    Mistake("XL114", "tokenizer", "\ntokens:", "\ntokenizer: {vocab_size: 100}\ntokens:"),
)  # fmt: skip

DEPENDENT = (
    # hyper-parameters cannot be judged where the block is unknown, nor ids where the logits are
    ("XL201-positions", "XL112-overflow"),
    ("XL210-outputs", "XL402-tokens.pad"),
)
"""Pairs of which the first hides the second."""


def found(text: str) -> Counter[str]:
    findings = analyse(read_text(text, "spec.yaml")).diagnostics
    assert all(finding.spans for finding in findings)
    return Counter(finding.code for finding in findings if finding.severity is Severity.ERROR)


def spoilt(text: str, *mistakes: Mistake) -> str:
    for mistake in mistakes:
        assert text.count(mistake.old) == 1, f"{mistake.old!r} is there {text.count(mistake.old)} times"
        text = text.replace(mistake.old, mistake.new)
    return text


@pytest.mark.parametrize("mistake", IN_MODEL, ids=str)
def test_one_in_a_model(mistake: Mistake) -> None:
    assert found(spoilt(MODEL, mistake)) == {mistake.code: 1}


@pytest.mark.parametrize("mistake", IN_GRAPH, ids=str)
def test_one_in_a_graph(mistake: Mistake) -> None:
    assert found(spoilt(GRAPH, mistake)) == {mistake.code: 1}


@pytest.mark.parametrize("mistake", IN_HALVES, ids=str)
def test_one_in_a_pair_of_graphs(mistake: Mistake) -> None:
    assert found(spoilt(HALVES, mistake)) == {mistake.code: 1}


def wrong_pairs(text: str, mistakes: tuple[Mistake, ...]) -> list[str]:
    """Pairs whose findings are not the two they should be."""
    wrong = []
    for first, second in combinations(mistakes, 2):
        if (str(first), str(second)) not in DEPENDENT:
            codes = found(spoilt(text, first, second))
            if codes != Counter([first.code, second.code]):
                wrong.append(f"{first} {second}: {dict(codes)}")
    return wrong


def test_the_sound_specs_are_sound() -> None:
    assert found(MODEL) == found(GRAPH) == found(HALVES) == {}


def test_two_in_a_model() -> None:
    assert wrong_pairs(MODEL, IN_MODEL) == []


def test_two_in_a_graph() -> None:
    assert wrong_pairs(GRAPH, IN_GRAPH) == []


def test_two_in_a_pair_of_graphs() -> None:
    assert wrong_pairs(HALVES, IN_HALVES) == []


@pytest.mark.parametrize("names", DEPENDENT, ids=str)
def test_what_is_hidden_is_no_wrong_finding(names: tuple[str, str]) -> None:
    first, second = (next(m for m in IN_GRAPH if str(m) == name) for name in names)
    assert found(spoilt(GRAPH, first, second)) == {first.code: 1}


def test_no_two_mistakes_touch_one_field() -> None:
    for mistakes in (IN_MODEL, IN_GRAPH, IN_HALVES):
        assert len({mistake.field for mistake in mistakes}) == len(mistakes)
