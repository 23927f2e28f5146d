"""Specs changed at random: never a traceback, every finding located, and what passes is a model."""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.analysis import Analysis, analyse
from compiler.build import skeleton
from compiler.catalogue import folder
from compiler.diagnostics.model import Severity
from compiler.emission.folder import render_folder
from compiler.reader import read_text
from tests.check.planted import DECODER, ENCODER, GRAPH, HALVES, pair
from tests.cli.runner import TINY

TABLE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
CODES = frozenset(re.findall(r"^\| (XL\d{3}) \|", TABLE, re.MULTILINE))

values = st.one_of(
    st.sampled_from((None, True, False, 0.5, 1.0, 2.7, float("nan"), float("inf"))),
    st.sampled_from((0, 1, 2, 3, 4, 5, 7, 8, 64, 80, 100, -1)),
    st.sampled_from(("", "a", "width", "hidden", "head.logits", "subsample.mask", "digits", "auto")),
    st.sampled_from(([], {}, [1], [5, 5], ["a"], [[1]], {"a": 1}, [{"family": "speech_to_text"}], [None])),
    st.text(max_size=4),
)  # fmt: skip


@cache
def bases() -> dict[str, Any]:
    """Specs of every form, as data."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in folder().glob("*.yaml")}
    texts |= {
        "tiny": TINY,
        "graph": GRAPH,
        "halves": HALVES,
        "graph-encoder": f"{ENCODER}decoder: {{family: speech_to_text, config: {{d_model: 32}}}}\n",
        "graph-decoder": f"{DECODER}encoder: {{family: speech_to_text, config: {{d_model: 32}}}}\n",
        "pair": pair(
            "d_model: 64", "d_model: 32", "bridge: {block: linear}\ntokens: {decoder_start: 2, pad: 1}\n"
        ),
        "encoder": "crossloom: 1\nname: a\nencoder: {family: speech_to_text, config: {d_model: 64}}\n",
        "decoder": "crossloom: 1\nname: a\ndecoder: {family: speech_to_text, config: {d_model: 64}}\n",
        "extends": "crossloom: 1\nname: a\nextends: digits\nmodel: {config: {d_model: 64}}\n",
    }
    return {name: yaml.safe_load(text) for name, text in texts.items()}


def places(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value."""
    entries: Any = ()
    if isinstance(data, dict):
        entries = data.items()
    elif isinstance(data, list):
        entries = enumerate(data)
    found = [path] if path else []
    for step, value in entries:
        found += places(value, (*path, step))
    return found


def changed(draw: st.DrawFn, data: Any) -> None:
    """One change in place: another value, a lost, doubled, renamed or surplus key, two values swapped."""
    found = places(data)
    if not found:
        return
    *around, step = draw(st.sampled_from(found))
    inner = data
    for one in around:
        inner = inner[one]
    kind = draw(st.sampled_from(("value", "value", "remove", "rename", "add", "wrap", "swap")))
    if kind == "value":
        inner[step] = copy.deepcopy(draw(values))
    elif kind == "remove":
        del inner[step]
    elif kind == "wrap":
        inner[step] = draw(st.sampled_from(([inner[step]], {"a": inner[step]})))
    elif kind == "swap":
        *others, other = draw(st.sampled_from(found))
        there = data
        for one in others:
            there = there[one]
        inner[step], there[other] = copy.deepcopy(there[other]), copy.deepcopy(inner[step])
    elif isinstance(inner, dict):
        key = draw(st.one_of(st.text(max_size=5), st.sampled_from([str(one[-1]) for one in found])))
        inner[key] = inner.pop(step) if kind == "rename" else copy.deepcopy(draw(values))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The text of a spec with up to four changes."""
    data = copy.deepcopy(bases()[draw(st.sampled_from(sorted(bases())))])
    for _ in range(draw(st.integers(1, 4))):
        changed(draw, data)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def assert_told(analysis: Analysis) -> None:
    for finding in analysis.diagnostics:
        assert finding.code in CODES
        assert finding.message
        assert finding.spans
        for span in finding.spans:
            assert (1, 1) <= (span.line, span.column) <= (span.end_line, span.end_column)
        assert finding.help or finding.severity is not Severity.ERROR
    if analysis.spec is None or analysis.graph is None:
        assert analysis.has_errors


@settings(max_examples=300)
@given(text=mutated())
def test_a_changed_spec_is_told_or_emitted(text: str) -> None:
    analysis = analyse(read_text(text, "spec.yaml"))
    assert_told(analysis)
    if not analysis.has_errors:
        spec, graph = analysis.sound()
        files = render_folder(spec, graph)
        compile(files["modeling.py"], "modeling.py", "exec")
        assert not analyse(read_text(files["spec.yaml"], "spec.yaml")).has_errors


GRAPH_NUMBERS = [
    (base, path)
    for base, text in (("graph", GRAPH), ("halves", HALVES))
    for path in places(yaml.safe_load(text))
    if "nodes" in path[:3] or "inputs" in path[:3] or path[0] == "dims"
]

REPLACEMENTS = (1, 2, 4, 8, 64, 0.1, True, [3], [5, 3, 1], "width", "input_features", "subsample.hidden",
                "add.hidden", "encoder.hidden", "embed.hidden", "decoder.hidden")  # fmt: skip


@settings(max_examples=150)
@given(st.data())
def test_a_graph_that_passes_is_a_model(data: st.DataObject) -> None:
    """Emitted source of whatever passes can be run, and has the parameters that the graph says."""
    base, (*around, step) = data.draw(st.sampled_from(GRAPH_NUMBERS))
    document = copy.deepcopy(bases()[base])
    inner: Any = document
    for one in around:
        inner = inner[one]
    assert isinstance(inner, dict | list)
    inner[step] = data.draw(st.sampled_from(REPLACEMENTS))  # type: ignore[index]
    analysis = analyse(read_text(yaml.safe_dump(document, sort_keys=False), "spec.yaml"))
    assert_told(analysis)
    if analysis.has_errors:
        return
    spec, graph = analysis.sound()
    model = skeleton(spec, graph, "meta")
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes == graph.parameters()


@settings(max_examples=300)
@given(
    text=st.one_of(st.text(max_size=60), st.builds("crossloom: 1\nname: a\n{}".format, st.text(max_size=60)))
)
def test_any_text(text: str) -> None:
    assert_told(analyse(read_text(text, "spec.yaml")))


def test_the_bases_are_sound() -> None:
    for data in bases().values():
        assert not analyse(read_text(yaml.safe_dump(data, sort_keys=False), "spec.yaml")).has_errors
