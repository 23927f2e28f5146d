from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from compiler.catalogue import names
from compiler.diagnostics.explain import codes
from crossloom import load_spec
from tests.cli.runner import ROOT, TINY, crossloom, result_of, write

PAIR = """\
crossloom: 1
name: pair
encoder: {family: speech_to_text, weights: organisation/name}
decoder: {family: speech_to_text}
"""
SVG = "{http://www.w3.org/2000/svg}"


def test_show_as_text_says_what_the_model_is(tmp_path: Path) -> None:
    page = crossloom("show", write(tmp_path)).stdout
    assert page.startswith("tiny  (model: speech_to_text)\n")
    assert "tokens: decoder_start 2, pad 1, bos 0, eos 2" in page
    assert "hands over encoder.final_norm.hidden, encoder.subsample.mask" in page
    row = next(line for line in page.splitlines() if line.startswith("  encoder.layers "))
    assert "pre_norm_encoder x 2" in row
    assert "[batch, (frames + 3) // 4, 8]" in row


def test_show_counts_parameters_and_operations(tmp_path: Path) -> None:
    facts = result_of("show", write(tmp_path), "--format", "json")
    nodes = {node["address"]: node for node in facts["nodes"]}
    # two convolutions, [6, 5, 5] and [16, 3, 5], with their biases
    assert nodes["encoder.subsample"]["parameters"] == 6 * 5 * 5 + 6 + 16 * 3 * 5 + 16
    assert nodes["head"]["parameters"] == 0  # tied: counted with the embedding
    assert nodes["decoder.embed"]["parameters"] == 20 * 8
    assert nodes["head"]["operations"] == {"formula": "160 * batch * target", "count": 160 * 50}
    assert facts["parameters"] == sum(node["parameters"] for node in facts["nodes"])
    assert [node["side"] for node in facts["nodes"]] == ["encode"] * 6 + ["decode"] * 6
    assert facts["encoded"] == ["encoder.final_norm.hidden", "encoder.subsample.mask"]


def test_show_counts_every_method_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = result_of("show", "small-translator", "--format", "json")
    sides = {side["name"]: side for side in facts["sides"]}
    assert len(sides) == 7
    assert sum(side["parameters"] for side in sides.values()) == facts["parameters"]
    for name, side in sides.items():
        nodes = [node for node in facts["nodes"] if node["side"] == name]
        assert side["operations"] == sum(node["operations"]["count"] for node in nodes)
    # ten seconds of stacked frames beside a sentence of fifty tokens, though both lengths are `source`
    assert sides["encode_speech"]["operations_counted_at"]["source"] == 500
    assert sides["encode_text"]["operations_counted_at"]["source"] == 50
    assert facts["operations_counted_at"]["states"] == 500 // 8 + 1
    monkeypatch.setenv("COLUMNS", "80")
    narrow = crossloom("show", "small-translator").stdout.splitlines()
    totals = [line.split() for line in narrow if line.startswith("  together ")]
    assert [row[1] for row in totals] == [f"{side['parameters']:,}" for side in sides.values()]


def test_many_methods_stand_below_each_other(tmp_path: Path) -> None:
    root = ElementTree.fromstring(crossloom("show", "small-translator", "--format", "svg").stdout)
    panels = [
        tuple(float(element.attrib[name]) for name in ("x", "y", "width", "height"))
        for element in root.iter(f"{SVG}rect")
        if element.attrib.get("rx") == "10"
    ]
    assert len(panels) == 7
    assert float(root.attrib["width"]) < 1700
    assert max(x + width for x, _, width, _ in panels) < float(root.attrib["width"])
    assert max(y + height for _, y, _, height in panels) < float(root.attrib["height"])
    for (x, y, width, height), (left, top, across, down) in combinations(panels, 2):
        assert x + width < left or left + across < x or y + height < top or top + down < y


def test_the_drawing_has_every_box_and_nothing_overlaps(tmp_path: Path) -> None:
    root = ElementTree.fromstring(crossloom("show", write(tmp_path), "--format", "svg").stdout)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    facts = result_of("show", write(tmp_path), "--format", "json")
    for address in (
        [node["address"] for node in facts["nodes"]] + list(facts["inputs"]) + list(facts["outputs"])
    ):
        assert address in texts
    boxes = [
        tuple(float(element.attrib[name]) for name in ("x", "y", "width", "height"))
        for element in root.iter(f"{SVG}rect")
        if element.attrib.get("fill") == "white" and "stroke" in element.attrib
    ]
    width = float(root.attrib["width"])
    assert 800 <= width <= 1200
    assert len(boxes) == len(facts["nodes"]) + len(facts["inputs"]) + len(facts["outputs"])
    for index, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert x + w <= width
        for other_x, other_y, other_w, other_h in boxes[index + 1 :]:
            assert x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y


def test_lines_run_downwards_only(tmp_path: Path) -> None:
    root = ElementTree.fromstring(crossloom("show", write(tmp_path), "--format", "svg").stdout)
    lines = [element.attrib["d"] for element in root.iter(f"{SVG}path") if "C" in element.attrib["d"]]
    assert lines
    for line in lines:
        points = [part.split() for part in line.replace("C", "|").replace("L", "|").split("|")[1:]]
        heights = [float(point[-1]) for point in points]
        assert heights == sorted(heights)


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert (
        crossloom("show", path, "--format", "svg").stdout == crossloom("show", path, "--format", "svg").stdout
    )


def test_the_page_escapes_what_comes_from_the_spec(tmp_path: Path) -> None:
    path = write(tmp_path, TINY + 'ignore: {model: ["<script>alert(1)</script>"]}\n')
    out = tmp_path / "page.html"
    assert crossloom("show", path, "--format", "html", "-o", out).exit_code == 0
    page = out.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<svg" in page
    shown = page.partition("<body>")[2].partition("<h2>Spec")[0]
    assert len(re.findall(r">tiny<", shown)) == 1  # the heading of the page is the drawing's too
    assert "encoder.layers.{0..1}.self_attention.q_proj.weight" in page
    for other in ("http:", "https:", "src=", "href="):  # it needs nothing else
        assert other not in page.replace("http://www.w3.org/2000/svg", "")


def test_mermaid_lines_join_declared_nodes(tmp_path: Path) -> None:
    lines = crossloom("show", write(tmp_path), "--format", "mermaid").stdout.splitlines()
    assert lines[0] == "flowchart TB"
    declared = {line.split("(")[0].split("[")[0].strip() for line in lines if "([" in line or '["' in line}
    edges = [line.split() for line in lines if "-->" in line or "-.->" in line]
    assert edges
    assert {edge[0] for edge in edges} <= declared


def test_weights_fold_layers_and_count_rows(tmp_path: Path) -> None:
    text = crossloom("weights", write(tmp_path)).stdout
    row = next(line for line in text.splitlines() if "self_attention.q_proj.weight" in line)
    assert row.split() == [
        "encoder.layers.{0..1}.self_attention.q_proj.weight", "[8,", "8]", "rename", "loaded",
        "model.encoder.layers.{0..1}.self_attn.q_proj.weight",
    ]  # fmt: skip
    table = result_of("weights", write(tmp_path), "--format", "json")
    loaded = sum(row["status"] == "loaded" for row in table["rows"])
    assert f"\n{len(table['rows'])} rows: {loaded} loaded, 1 tied, 2 computed\n" in text
    assert "tied to decoder.embed.tokens.weight  tied\n" in text


def test_weights_as_markdown(tmp_path: Path) -> None:
    lines = crossloom("weights", write(tmp_path), "--format", "markdown").stdout.splitlines()
    assert lines[0] == "| address | shape | operation | status | stored as |"
    assert {line.count("|") for line in lines if line.startswith("|")} == {6}


def test_diff_of_equals_is_empty(tmp_path: Path) -> None:
    written_out = TINY.replace("vocab_size: 20", "vocab_size: 20, dropout: 0.1")
    one, other = write(tmp_path), write(tmp_path, f"# remark\n{written_out}", "other.yaml")
    outcome = crossloom("diff", one, other)
    assert (outcome.exit_code, outcome.stdout) == (0, "no difference\n")


def test_diff_by_address(tmp_path: Path) -> None:
    one = write(tmp_path)
    other = write(
        tmp_path,
        TINY.replace(
            "decoder_ffn_dim: 10", "decoder_ffn_dim: 11, eos_token_id: 3, tie_word_embeddings: false"
        ),
        "other.yaml",
    )
    outcome = crossloom("diff", one, other, "--format", "json")
    assert outcome.exit_code == 1
    found = {
        (d["section"], d["address"]): (d.get("left"), d.get("right"))
        for d in json.loads(outcome.stdout)["differences"]
    }
    layer = "decoder.layers.0.feed_forward"
    assert found == {
        ("spec", "model.config.decoder_ffn_dim"): (10, 11),
        ("spec", "model.config.eos_token_id"): (2, 3),
        ("spec", "model.config.tie_word_embeddings"): (True, False),
        ("nodes", "decoder.layers.with.inner"): ("10", "11"),
        ("parameters", f"{layer}.up_proj.weight"): ([10, 8], [11, 8]),
        ("parameters", f"{layer}.up_proj.bias"): ([10], [11]),
        ("parameters", f"{layer}.down_proj.weight"): ([8, 10], [8, 11]),
        ("parameters", "head.weight"): ("tied to decoder.embed.tokens.weight", [20, 8]),
        ("tokens", "eos"): (2, 3),
    }
    text = crossloom("diff", one, other).stdout
    assert "  ~  model.config.decoder_ffn_dim      10 -> 11\n" in text


def test_diff_tells_what_only_one_side_has(tmp_path: Path) -> None:
    one = write(tmp_path)
    other = write(tmp_path, TINY.replace("encoder_layers: 2", "encoder_layers: 3"), "other.yaml")
    text = crossloom("diff", one, other).stdout
    assert "  +  encoder.layers.2.self_attention.q_proj.weight" in text
    assert "  -  encoder.layers.2.self_attention.q_proj.weight" in crossloom("diff", other, one).stdout


def test_the_catalogue_lists_every_spec() -> None:
    entries = result_of("catalogue", "--format", "json")
    assert [entry["name"] for entry in entries] == names()
    families = {entry["name"]: entry["family"].split(" + ") for entry in entries}
    for name in names():
        spec = load_spec(name)
        parts = [
            spec.components[role].family_name if role in spec.components else "graph" for role in spec.parts
        ]
        assert families[name] == parts, name
    text = crossloom("catalogue").stdout
    assert all(f"\n{name} " in text for name in names())


@pytest.mark.parametrize("code", ["XL301", "xl301"])
def test_explain(code: str) -> None:
    assert crossloom("explain", code).stdout.startswith("# XL301: cross-attention")


def test_explain_lists_all_codes() -> None:
    assert [line.split()[0] for line in crossloom("explain").stdout.splitlines()] == codes()


def test_explain_offers_near_codes() -> None:
    outcome = crossloom("explain", "XL3O1")
    assert outcome.exit_code == 2
    assert "XL301" in outcome.stderr


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "s2t-small-librispeech-asr"),
        ("show", "small-translator"),
        ("catalogue",),
        ("weights", "digits"),
        ("weights", "digits", "--verify"),
        ("compile", "digits"),
        ("diff", "digits", "s2t-small-librispeech-asr"),
        ("explain",),
        ("explain", "XL302"),
        ("demo",),
        ("import", str(ROOT / "examples" / "digits" / "checkpoint")),
        ("--help",),
    ],
    ids=" ".join,
)
def test_everything_fits_in_the_columns_there_are(
    arguments: tuple[str, ...], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a pipe too, where COLUMNS says how many there are."""
    whole = crossloom(*arguments)
    monkeypatch.setenv("COLUMNS", str(width))
    shown = crossloom(*arguments)
    assert shown.exit_code == whole.exit_code
    source = str(ROOT)  # a path is not broken
    lines = [line for line in shown.output.splitlines() if source not in line]
    assert max(map(len, lines)) <= width
    assert shown.stdout.split()[:2] == whole.stdout.split()[:2]
    if arguments[0] == "show":
        assert ("not shown in" in shown.stdout) == (shown.stdout != whole.stdout)


def test_nothing_of_the_weight_table_is_lost_in_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    wide = crossloom("weights", path).stdout
    monkeypatch.setenv("COLUMNS", "80")
    narrow = crossloom("weights", path).stdout
    assert sorted(narrow.split()) == sorted(wide.split())
    assert [line.split() for line in narrow.splitlines()[:4]] == [
        ["address", "shape", "status"],
        ["operation", "stored", "as"],
        ["encoder.subsample.0.conv.weight", "[6,", "5,", "5]", "loaded"],
        ["rename", "model.encoder.conv.conv_layers.0.weight"],
    ]


def test_weights_without_a_checkpoint_say_so(tmp_path: Path) -> None:
    told = "the spec names no checkpoint: `loaded` is what one would give\n"
    path = write(tmp_path)
    assert crossloom("weights", path).stdout.endswith(told)
    assert "names no checkpoint" not in crossloom("weights", "digits").stdout
    assert told not in crossloom("weights", path, "--format", "markdown").stdout
    (tmp_path / "pair.yaml").write_text(PAIR, encoding="utf-8")
    said = crossloom("weights", tmp_path / "pair.yaml").stdout
    assert said.endswith("no checkpoint for its decoder: `loaded` is what one would give\n")
    (tmp_path / "pair.yaml").write_text(f"{PAIR}fresh: [decoder.*]\n", encoding="utf-8")
    assert "names no checkpoint" not in crossloom("weights", tmp_path / "pair.yaml").stdout


def test_diff_tells_the_findings_of_both(tmp_path: Path) -> None:
    one = write(tmp_path, TINY.replace("d_model", "d_modle"), "one.yaml")
    other = write(tmp_path, TINY.replace("vocab_size", "vocab_sise"), "other.yaml")
    outcome = crossloom("diff", one, other)
    assert outcome.exit_code == 1
    assert outcome.stderr.count("error[XL101]") == 2
    outcome = crossloom("diff", one, tmp_path / "gone.yaml")
    assert outcome.exit_code == 2
    assert "error[XL101]" in outcome.stderr
    assert "error[XL117]" in outcome.stderr
