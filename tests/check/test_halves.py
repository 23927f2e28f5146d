"""Halves written as graphs: what a half tells does not depend on what it is combined with."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.analysis import Analysis, analyse
from compiler.diagnostics.model import Severity
from compiler.reader import read_text
from specs.graph import Ref
from tests.check import planted_halves
from tests.check.planted import DECODER, ENCODER, HALVES, Planted, changed, halves
from tests.check.planted_bridges import bridged

FAMILY = "family: speech_to_text, config: {d_model: 64}"


def analysed(text: str) -> Analysis:
    return analyse(read_text(text, "spec.yaml"))


def errors(text: str) -> list[tuple[str, str]]:
    found = analysed(text).diagnostics
    return [(one.code, one.message) for one in found if one.severity is Severity.ERROR]


def alone(text: str, role: str) -> str:
    """A pair's text without its other half."""
    encoder, _, rest = text.partition("decoder:\n")
    decoder, tokens, more = rest.partition("tokens:")
    if role == "encoder":
        return encoder
    return encoder.partition("encoder:\n")[0] + f"decoder:\n{decoder}{tokens}{more}"


@pytest.mark.parametrize("case", planted_halves.INSIDE, ids=str)
def test_a_half_alone_tells_what_it_tells_in_a_pair(case: Planted) -> None:
    role = "encoder" if case.marked.index("⟦") < case.marked.index("decoder:\n") else "decoder"
    assert errors(alone(case.text, role)) == errors(case.text)


@pytest.mark.parametrize("case", planted_halves.INSIDE, ids=str)
def test_a_mistake_stays_one_beside_a_family(case: Planted) -> None:
    role = "encoder" if case.marked.index("⟦") < case.marked.index("decoder:\n") else "decoder"
    other = "decoder" if role == "encoder" else "encoder"
    assert errors(f"{alone(case.text, role)}{other}: {{{FAMILY}}}\n") == errors(case.text)


def test_addresses_begin_with_the_role() -> None:
    graph = analysed(HALVES).graph
    assert graph is not None
    assert {name.partition(".")[0] for name in graph.nodes} == {"encoder", "decoder"}
    assert [(tie.kept, tie.tied) for tie in graph.ties] == [
        ("decoder.embed.tokens.weight", "decoder.head.weight")
    ]
    assert graph.encoded == (Ref("encoder.layers", "hidden"), Ref("encoder.subsample", "mask"))
    assert list(graph.inputs) == [
        "input_features", "attention_mask", "decoder_input_ids", "decoder_attention_mask",
    ]  # fmt: skip


def test_unequal_widths_take_a_bridge_that_is_told() -> None:
    analysis = analysed(
        halves(("[batch, source, width]", "[batch, source, 48]"), ("source_dim: width", "source_dim: 48"))
    )
    (finding,) = analysis.diagnostics
    assert (finding.severity, finding.code) == (Severity.INFO, "XL301")
    assert analysis.graph is not None
    assert analysis.graph.parameters()["enc_to_dec_proj.weight"] == (48, 64)
    assert list(analysis.graph.nodes).index("enc_to_dec_proj") == 4  # after the encoder, before the decoder


def test_free_sizes_of_the_halves_meet() -> None:
    text = halves(
        ("[batch, frames, 80]", "[b, frames, 80]"),
        ("{role: mask, dims: [batch, frames]", "{role: mask, dims: [b, frames]"),
    )
    analysis = analysed(text)
    assert analysis.diagnostics == []
    assert analysis.graph is not None
    assert set(analysis.graph.minimums) == {"b", "frames", "target"}
    assert str(analysis.graph.types[Ref("decoder.head", "logits")]) == "[b, target, 100]"


def test_an_encoder_without_a_mask_leaves_an_optional_one_out() -> None:
    analysis = analysed(halves((", mask: subsample.mask}\ndecoder", "}\ndecoder")))
    assert analysis.diagnostics == []
    assert analysis.graph is not None
    assert analysis.graph.encoded == (Ref("encoder.layers", "hidden"), None)
    assert "source_mask" not in analysis.graph.nodes["decoder.layers"].inputs


STRIDELESS = """\
crossloom: 1
name: planted
dims: {width: 64}
encoder:
  graph:
    inputs:
      inputs_embeds: {role: hidden, dims: [batch, time, width]}
      attention_mask: {role: mask, dims: [batch, time], optional: true}
    nodes:
      layers:
        block: pre_norm_encoder
        with: {layers: 1, width: width, heads: 4, inner: 8}
        inputs: {hidden: inputs_embeds, mask: attention_mask}
    outputs: {hidden: layers.hidden, mask: attention_mask}
"""
"""An encoder whose mask is the one that it is given."""


def test_an_optional_mask_is_no_sure_mask() -> None:
    """The mask of an encoder without strides may be the one it is given, or not given."""
    text = f"{STRIDELESS}{DECODER[DECODER.index('decoder:') :]}"
    assert errors(text) == []
    needed = changed(
        text, ("{role: mask, dims: [batch, source], optional: true}", "{role: mask, dims: [batch, source]}")
    )
    ((code, message),) = errors(needed)
    assert code == "XL206"
    assert "may be left out" in message


def test_ids_under_another_name_do_not_hide_that_tokens_are_missing() -> None:
    text = changed(
        DECODER,
        ("      decoder_input_ids:", "      input_ids:"),
        ("ids: decoder_input_ids", "ids: input_ids"),
    )
    assert [code for code, _ in errors(text)] == ["XL210"]
    assert [code for code, _ in errors(changed(text, ("tokens: {decoder_start: 2, pad: 1}\n", "")))] == [
        "XL210",
        "XL404",
    ]


def test_a_graph_in_place_of_an_inherited_family(tmp_path: Path) -> None:
    base = "crossloom: 1\nname: a\nencoder: {family: speech_to_text}\ndecoder: {family: speech_to_text}\n"
    (tmp_path / "base.yaml").write_text(base, encoding="utf-8")
    spec = tmp_path / "spec.yaml"
    text = changed(ENCODER, ("dims: {width", "extends: base.yaml\ndims: {width"))
    spec.write_text(text, encoding="utf-8")
    assert [finding.code for finding in analyse(spec).diagnostics] == ["XL114"]
    spec.write_text(changed(text, ("encoder:\n", "encoder:\n  family: null\n")), encoding="utf-8")
    assert [finding.severity for finding in analyse(spec).diagnostics] == [Severity.INFO]


def test_a_kind_of_bridge_alone_is_told_how_it_is_written() -> None:
    (finding,) = analysed(bridged("mlp").replace("⟦", "").replace("⟧", "")).diagnostics
    assert "a kind of bridge is written `{block: mlp}`" in finding.info[0]
