"""What is told and not told of combinations, halves, extended specs, and names."""

# ruff: noqa: E501  (a table: one case a line, where it fits)

from __future__ import annotations

import ast
import builtins
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.analysis import Analysis, analyse
from compiler.build import build
from compiler.diagnostics.model import Severity
from compiler.emission.modeling import modeling_source
from compiler.passes.names import ARGUMENT_NAMES, MODEL_NAMES, MODULE_NAMES
from compiler.reader import read_bytes, read_text
from specs.signatures import SIGNATURES
from tests.check.planted import GRAPH, graph, head, pair
from tests.cli.runner import crossloom, python


def analysed(text: str) -> Analysis:
    return analyse(read_text(text, "spec.yaml"))


def told(text: str) -> list[str]:
    return [f"{finding.severity}[{finding.code}]" for finding in analysed(text).diagnostics]


@pytest.mark.parametrize("bridge", ["", "bridge: auto\n", "bridge: {block: linear}\n"])
def test_a_bridge_is_told_with_both_widths(bridge: str) -> None:
    analysis = analysed(pair("d_model: 64", "d_model: 32", bridge))
    (finding,) = analysis.diagnostics
    assert (finding.severity, finding.code) == (Severity.INFO, "XL301")
    assert "enc_to_dec_proj" in finding.message
    assert [span.label for span in finding.spans if span.line < 9] == [
        "`decoder` attends to width 32", "`encoder` ends at width 64",
    ]  # fmt: skip
    assert analysis.graph is not None
    assert analysis.graph.parameters()["enc_to_dec_proj.weight"] == (32, 64)


def test_equal_widths_need_no_bridge() -> None:
    assert told(pair("d_model: 64", "d_model: 64")) == []
    assert told(pair("d_model: 64", "d_model: 64", "bridge: none\n")) == []


def test_a_bridge_takes_its_own_hyper_parameters() -> None:
    analysis = analysed(pair("d_model: 64", "d_model: 64", "bridge: {block: linear, with: {bias: false}}\n"))
    assert analysis.graph is not None
    assert "enc_to_dec_proj.bias" not in analysis.graph.parameters()
    for wrong in ("source_dim: 3", "bias: 3", "bais: true"):
        text = pair("d_model: 64", "d_model: 64", f"bridge: {{block: linear, with: {{{wrong}}}}}\n")
        assert told(text) == ["info[XL301]", "error[XL209]"], wrong


def test_two_halves_with_a_mistake_each() -> None:
    assert told(pair("d_model: 63", "d_model: 30")) == ["info[XL301]", "error[XL304]", "error[XL302]"]
    both = f"{head()}encoder: {{family: electra}}\ndecoder: {{family: whisper}}\n"
    assert told(both) == ["error[XL110]", "error[XL110]"]


def test_a_lone_half_is_sound() -> None:
    encoder = analysed(f"{head()}encoder: {{family: speech_to_text}}\n")
    decoder = analysed(f"{head()}decoder: {{family: speech_to_text}}\ntokens: {{decoder_start: 7}}\n")
    assert encoder.diagnostics == decoder.diagnostics == []
    assert encoder.graph is not None
    assert decoder.graph is not None
    assert set(encoder.graph.outputs) == {"hidden", "mask"}
    assert {"encoder_hidden_states", "encoder_attention_mask"} < set(decoder.graph.inputs)
    assert decoder.graph.tokens is not None
    assert int(decoder.graph.tokens.decoder_start) == 7


def test_line_ends_and_marks_of_other_systems() -> None:
    text = GRAPH.replace("dims: {width: 64}", "dims: {width: 63}")
    plain = analysed(text).diagnostics
    for raw in (text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode()):
        found = analyse(read_bytes(raw, "spec.yaml")).diagnostics
        assert [(one.code, one.spans) for one in found] == [(one.code, one.spans) for one in plain]


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(f"crossloom: 1\n{text}", encoding="utf-8")
    return folder / "main.yaml"


@pytest.mark.parametrize(
    ("texts", "code", "at", "says"),
    [
        ({"main": "name: m\nextends: main.yaml\n"}, "XL113", ("main", 3, 10), "another spec"),
        ({"main": "name: m\nextends: a.yaml\n", "a": "name: a\nextends: main.yaml\n"}, "XL113", ("a", 3, 10), "another"),
        ({"main": "name: m\nextends: a.yaml\n", "a": "name: [\n"}, "XL113", ("main", 3, 10), "crossloom check"),
        ({"main": "name: m\nextends: .\n"}, "XL113", ("main", 3, 10), "give a path"),
        ({"main": "extends: a.yaml\n", "a": "name: a\nmodel: {family: speech_to_text}\n"}, "XL105", ("main", 1, 1), "name:"),
        (
            {"main": "name: m\nextends: a.yaml\n", "a": "name: a\nmodel: {family: speech_to_text, config: {d_modle: 3}}\n"},
            "XL101", ("a", 3, 42), "d_model",
        ),
        (
            {"main": "name: m\nextends: a.yaml\nmodel: {config: {encoder_attention_heads: 5}}\n",
             "a": "name: a\nmodel: {family: speech_to_text, config: {d_model: 64}}\n"},
            "XL302", ("main", 4, 43), "4 or 8 heads",
        ),
    ],
)  # fmt: skip
def test_extended_specs(
    tmp_path: Path, texts: dict[str, str], code: str, at: tuple[str, int, int], says: str
) -> None:
    (finding,) = analyse(write(tmp_path, **texts)).diagnostics
    span = finding.spans[0]
    assert (finding.code, Path(span.file).stem, span.line, span.column) == (code, *at)
    assert says in str(finding.help)


def test_what_a_spec_cannot_extend_hides_nothing_else(tmp_path: Path) -> None:
    text = "name: m\nextends: nowhere.yaml\nmodel: {config: {d_model: 64}}\ngeneration: {num_beams: 0}\n"
    codes = [finding.code for finding in analyse(write(tmp_path, main=text)).diagnostics]
    assert codes == ["XL113", "XL104"]


def test_null_takes_a_mistake_of_the_base_away(tmp_path: Path) -> None:
    base = "name: a\nmodel: {family: speech_to_text, config: {d_modle: 3}}\n"
    main = write(tmp_path, a=base, main="name: m\nextends: a.yaml\nmodel: {config: {d_modle: null}}\n")
    assert analyse(main).diagnostics == []


def test_a_path_no_file_can_have(tmp_path: Path) -> None:
    for name in ("a" * 5000, "~nobody-of-that-name/a.yaml"):
        result = crossloom("check", name)
        assert result.exit_code == 2
        assert "XL117" in result.output


def test_no_name_of_a_torch_module_is_free(tmp_path: Path) -> None:
    """In a process of its own: other libraries add to the class."""
    names = python("import torch; print(*dir(torch.nn.Module()))", tmp_path).stdout.split()
    assert "state_dict" in names
    assert {name for name in names if not name.startswith("_") and name.islower()} <= MODULE_NAMES


def test_no_name_of_the_emitted_model_is_free() -> None:
    """Methods, their arguments, and what `load` puts beside them."""
    spec, sound = analysed(GRAPH).sound()
    model = build(spec, sound)
    names = {name for name in vars(type(model)) if not name.startswith("_")}
    assert names <= MODULE_NAMES | MODEL_NAMES
    text = modeling_source(sound, "")
    tree = next(n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name == "Model")
    forward = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "forward")
    used = {n.id for n in ast.walk(forward) if isinstance(n, ast.Name)} | {a.arg for a in forward.args.args}
    used = {name for name in used if name.islower()} - sound.inputs.keys()
    assert used <= ARGUMENT_NAMES | set(dir(builtins))


def test_inputs_stand_in_any_order() -> None:
    """The emitted signature has those that may be left out at its end."""
    data = yaml.safe_load(GRAPH)
    inputs = data["graph"]["inputs"]
    data["graph"]["inputs"] = dict(reversed(inputs.items()))
    assert list(data["graph"]["inputs"])[-1] == "input_features"
    spec, sound = analysed(yaml.safe_dump(data, sort_keys=False)).sound()
    model: Any = build(spec, sound)
    assert list(signature(model.encode).parameters) == ["input_features", "attention_mask"]


def test_parameters_inside_stacks_can_be_tied() -> None:
    """Their addresses have numbers, which are no attributes of Python."""
    kept, tied = "encoder.0.feed_forward_norm.weight", "encoder.1.feed_forward_norm.weight"
    spec, sound = analysed(graph(("  ties: {", f"  ties: {{{tied}: {kept}, "))).sound()
    parameters = dict(build(spec, sound).named_parameters(remove_duplicate=False))
    assert parameters[kept] is parameters[tied]


@pytest.mark.parametrize("kind", sorted(SIGNATURES))
def test_blocks_that_look_across_positions_say_so(kind: str) -> None:
    """Changing what comes in at the last position changes what goes out before it, or it does not."""
    if kind in ("learned_positions", "post_norm_decoder", "pre_norm_decoder", "token_positions"):
        assert SIGNATURES[kind].keeps_state
        return
    elementwise = {
        "activation",
        "add_grid_positions",
        "add_position_table",
        "add_positions",
        "add_scaled_positions",
        "add_tokens",
        "add_types",
        "constant_bias",
        "dropout",
        "feature_norm",
        "image_padding",
        "label_embedding",
        "layer_norm",
        "linear",
        "mlp",
        "padded_token_embedding",
        "patch_embedding",
        "residual_feed_forward",
        "scale",
        "scaled_embedding",
        "sinusoidal_positions",
        "surrounding_channels",
        "token_embedding",
        "unit_embedding",
        "vocabulary_head",
        "zero_padding",
    }
    assert SIGNATURES[kind].mixes_time is (kind not in elementwise)


def test_the_emitted_spec_of_the_graph_is_the_graph(tmp_path: Path) -> None:
    result = crossloom("emit", "-", "-o", tmp_path, given=GRAPH)
    assert result.exit_code == 0
    assert yaml.safe_load((tmp_path / "spec.yaml").read_text(encoding="utf-8")) == yaml.safe_load(GRAPH)
