"""Every string of a spec filled with code: a finding, or emitted source of the same structure."""

from __future__ import annotations

import ast
import copy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.analysis import analyse
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.emission.folder import render_folder
from compiler.reader import read_text
from compiler.resolved import digest
from compiler.spec import Spec
from specs.graph import Graph
from tests.check.planted import GRAPH
from tests.cli.runner import TINY

Path_ = tuple[str | int, ...]

CODE = (
    '"', "'", '"""', "'''", '\n', '\n\nimport os\n', "\\", "\\n", "#", "# end", "{{ 7 * 7 }}", "{% raw %}",
    "%s", "${HOME}", "{0}", "__import__('os').system('true')", '""" + __import__("os") + """',
    "a]); print(1); ([", 'x\n    pass', "é", "ﬁ", "名前", '\u2028', '\u202e', "😀", "a b", "a.b", "self",
    "None", "lambda: 0", "```", "|", "<script>", "--- ", "!!python/name:os.system", "*a", "&a b", "- x",
    "yes", "null", "1e3", " ", '\t',
)  # fmt: skip


strings = st.one_of(
    st.sampled_from(CODE),
    st.text(max_size=12),
    st.builds("".join, st.lists(st.sampled_from((*CODE, "a", "b1", ".")), min_size=1, max_size=4)),
)

MODEL_DATA = yaml.safe_load(TINY) | {
    "long_input": "error",
    "fresh": ["decoder.final_norm.weight"],
    "ignore": {"model": ["extra.weight"], "config": ["extra"]},
    "generation": {"num_beams": 2, "early_stopping": "never", "max_new_tokens": 5},
    "tokenizer": {
        "bos_token": "<s>",
        "lang_codes": "mustc",
        "tgt_lang": "de",
        "additional_special_tokens": ["<extra>"],
    },
}
MODEL_DATA["model"] |= {"weights": "a/b", "architecture": "Speech2TextForConditionalGeneration"}
MODEL_DATA["model"]["config"]["activation_function"] = "gelu"
MODEL_DATA["processor"]["padding_side"] = "right"

GRAPH_DATA = yaml.safe_load(GRAPH)
GRAPH_DATA["graph"]["nodes"]["positions"]["with"]["overflow"] = "grow"
GRAPH_DATA["graph"]["nodes"]["encoder"]["with"]["activation"] = "gelu"


def strings_of(data: Any, path: Path_ = ()) -> list[tuple[Path_, bool]]:
    """(path, whether it is the key that is meant) of every string that a user writes."""
    found: list[tuple[Path_, bool]] = []
    if isinstance(data, dict):
        for key, value in data.items():
            found += [((*path, key), True), *strings_of(value, (*path, key))]
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += strings_of(value, (*path, index))
    elif isinstance(data, str):
        found.append((path, False))
    return found


def filled(data: Any, path: Path_, is_key: bool, text: str) -> Any:
    """The data with one string replaced."""
    step, rest = path[0], path[1:]
    if not rest and is_key:
        return {text if key == step else key: value for key, value in data.items()}
    result = copy.copy(data)
    result[step] = text if not rest else filled(data[step], rest, is_key, text)
    return result


def renamed(data: Any, path: Path_, text: str) -> Any:
    """The graph with a node, an input or a size under another name, wherever it is named."""
    section, name = path[-2], str(path[-1])
    result = filled(data, path, True, text)
    graph = result["graph"]
    if section == "nodes":

        def told(value: str) -> str:
            return text + value[len(name) :] if value == name or value.startswith(f"{name}.") else value

        graph["nodes"] = {
            node: {**entry, "inputs": {port: told(ref) for port, ref in entry["inputs"].items()}}
            for node, entry in graph["nodes"].items()
        }
        graph["outputs"] = {key: told(ref) for key, ref in graph["outputs"].items()}
        graph["ties"] = {told(key): told(value) for key, value in graph["ties"].items()}
    else:

        def same(value: Any) -> Any:
            return text if value == name else value

        graph["nodes"] = {
            node: {key: {k: same(v) for k, v in part.items()} if isinstance(part, dict) else part
                   for key, part in entry.items()}
            for node, entry in graph["nodes"].items()
        }  # fmt: skip
        graph["inputs"] = {
            key: {**entry, "dims": [same(dim) for dim in entry["dims"]]}
            for key, entry in graph["inputs"].items()
        }
    return result


@cache
def structure(source: str) -> str:
    """The syntax tree without what may differ: constants, and the names of nodes, inputs and variables."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = type(node.value).__name__
        for field in ("id", "attr", "arg"):
            if isinstance(getattr(node, field, None), str):
                setattr(node, field, "_")
    return ast.dump(tree)


def assert_distinct(source: str) -> None:
    """No variable of encode or decode is another's, an argument, or one that the rest of the method uses."""
    model = next(n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == "Model")
    for method in model.body:
        if isinstance(method, ast.FunctionDef) and method.name in ("encode", "decode_step"):
            arguments = [argument.arg for argument in method.args.args]
            assigned = [
                node.id
                for statement in method.body
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id != "_"
            ]
            names = [*arguments, *assigned]
            assert len(set(names)) == len(names), sorted(names)


def checked(data: Any) -> tuple[Spec | None, Graph | None, list[Diagnostic]]:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    analysis = analyse(read_text(text, "spec.yaml"))
    findings = [one for one in analysis.diagnostics if one.severity is Severity.ERROR]
    assert all(finding.spans and finding.message for finding in analysis.diagnostics)
    return analysis.spec, analysis.graph, findings


def assert_harmless(data: Any, harmless: Any) -> None:
    """Findings, or four files as harmless as those of the harmless spec."""
    spec, graph, findings = checked(data)
    if findings:
        return
    assert spec is not None
    assert graph is not None
    files = render_folder(spec, graph)
    with TemporaryDirectory() as folder:
        emitted = Path(folder) / "spec.yaml"
        emitted.write_text(files["spec.yaml"], encoding="utf-8")
        again = analyse(emitted)
    assert not again.has_errors
    assert again.spec is not None
    assert digest(again.spec) == digest(spec)
    plain_spec, plain_graph, none = checked(harmless)
    assert plain_spec is not None
    assert plain_graph is not None
    assert none == []
    plain = render_folder(plain_spec, plain_graph)
    assert structure(files["modeling.py"]) == structure(plain["modeling.py"])
    assert_distinct(files["modeling.py"])
    comments = [line for line in files["modeling.py"].splitlines() if line.lstrip().startswith("#")]
    assert len(comments) == sum(line.lstrip().startswith("#") for line in plain["modeling.py"].splitlines())


@pytest.mark.parametrize("data", [MODEL_DATA, GRAPH_DATA], ids=["model", "graph"])
def test_the_specs_they_are_filled_into_are_sound(data: Any) -> None:
    assert checked(data)[2] == []


@settings(max_examples=150)
@given(slot=st.sampled_from(strings_of(MODEL_DATA)), text=strings)
@example(slot=(("name",), False), text="a\n\nimport os\n")
@example(slot=(("name",), False), text='a"""b')
@example(slot=(("model", "weights"), False), text='"""\nimport os\n"""')
@example(slot=(("tokenizer", "bos_token"), False), text="{{ 7 * 7 }}")
@example(slot=(("ignore", "model", 0), False), text="__import__('os')")
def test_any_string_of_a_model(slot: tuple[Path_, bool], text: str) -> None:
    assert_harmless(filled(MODEL_DATA, *slot, text), MODEL_DATA)


@settings(max_examples=150)
@given(slot=st.sampled_from(strings_of(GRAPH_DATA)), text=strings)
def test_any_string_of_a_graph(slot: tuple[Path_, bool], text: str) -> None:
    assert_harmless(filled(GRAPH_DATA, *slot, text), GRAPH_DATA)


NAMED = [("dims", "width")] + [
    ("graph", section, name) for section in ("nodes", "inputs") for name in GRAPH_DATA["graph"][section]
]


@settings(max_examples=150)
@given(path=st.sampled_from(NAMED), text=st.one_of(strings, st.from_regex(r"[a-z_.]{1,8}", fullmatch=True)))
@example(path=("graph", "nodes", "encoder"), text="encoded")
@example(path=("graph", "nodes", "decoder"), text="cache")
@example(path=("graph", "inputs", "input_features"), text="labels")
@example(path=("graph", "inputs", "input_features"), text="encoder")
@example(path=("graph", "nodes", "embed"), text="a.b.c")
def test_any_name_in_a_graph(path: Path_, text: str) -> None:
    """The name is changed everywhere, so that it is used wherever it can be."""
    if text in {"decoder_input_ids", *GRAPH_DATA["graph"]["nodes"], *GRAPH_DATA["graph"]["inputs"]}:
        return
    data = renamed(GRAPH_DATA, path, text)
    if "." in text:  # a node inside a space of its own is made with one line more
        checked(data)
        return
    assert_harmless(data, GRAPH_DATA)


@pytest.mark.parametrize("text", CODE)
def test_code_as_a_whole_spec(text: str) -> None:
    assert analyse(read_text(text, "spec.yaml")).has_errors
