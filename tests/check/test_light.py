"""The compiler needs no torch, and a check imports little: told by what fresh processes import."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.runner import python, write

HEAVY = (
    "torch",
    "numpy",
    "transformers",
    "safetensors",
    "huggingface_hub",
    "jinja2",
    "sentencepiece",
    "tokenizers",
)

INTERFACE = """
import json, sys
for name in ("torch", "numpy", "transformers", "safetensors", "tokenizers"):
    sys.modules[name] = None  # its import fails
import crossloom

folder = sys.argv[1]
spec = crossloom.load_spec("tiny.yaml")
imported = crossloom.import_spec(folder)
graph = crossloom.lower(spec)
table = crossloom.weight_table(imported)
print(json.dumps({
    "name": spec.name,
    "origin": str(spec.origin("model.config.d_model")),
    "yaml": "d_model: 8" in spec.to_yaml(),
    "check": [finding.code for finding in crossloom.check("tiny.yaml")],
    "bad": [finding.code for finding in crossloom.check("bad.yaml")],
    "parameters": len(graph.parameters()),
    "edges": len(graph.edges),
    "json": len(json.loads(graph.to_json())["nodes"]) == len(graph.nodes),
    "rows": sorted({row.status for row in table}),
    "verify": [finding.code for finding in crossloom.verify(imported)],
    "other": sorted({finding.code for finding in crossloom.verify(spec, folder)}),
    "emit": [path.name for path in crossloom.emit(spec, "out")],
}))
"""


def test_the_interface_without_torch(tiny_checkpoint: Callable[[int], Path], tmp_path: Path) -> None:
    tiny = write(tmp_path)
    write(tmp_path, tiny.read_text(encoding="utf-8").replace("d_model: 8", "d_model: 9"), "bad.yaml")
    code = INTERFACE.replace("sys.argv[1]", repr(str(tiny_checkpoint(0))))
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["check"] == facts["verify"] == []
    assert facts["bad"] == ["XL304"]
    assert facts["other"] == ["XL505"]
    assert facts["emit"] == ["modeling.py", "weights.json", "spec.yaml", "README.md"]
    assert facts["rows"] == ["computed", "loaded", "tied"]
    assert "tiny.yaml" in facts["origin"]
    assert facts["yaml"]
    assert facts["json"]
    assert min(facts["parameters"], facts["edges"]) > 0


IMPORTED = """
import json, sys
from crossloom.cli import main
try:
    main(ARGUMENTS, prog_name="crossloom")
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules} & set(HEAVY))]))
"""


@pytest.mark.parametrize("name", ["digits", "bad.yaml", "graph.yaml"])
def test_check_imports_nothing_heavy(tmp_path: Path, name: str) -> None:
    from tests.check.planted import GRAPH

    write(
        tmp_path,
        "crossloom: 1\nname: bad\nmodel: {family: speech_to_text, config: {d_modle: 9}}\n",
        "bad.yaml",
    )
    write(tmp_path, GRAPH, "graph.yaml")
    code = IMPORTED.replace("ARGUMENTS", repr(["check", name])).replace("HEAVY", repr(HEAVY))
    done = python(code, tmp_path)
    assert json.loads(done.stdout.splitlines()[-1]) == [int(name == "bad.yaml"), []], done.stderr


TAKEN = """
import json, sys, sysconfig
from pathlib import Path
from crossloom.cli import main
try:
    main(ARGUMENTS, prog_name="crossloom")
except SystemExit:
    pass
installed = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
files = [(name, getattr(one, "__file__", None)) for name, one in list(sys.modules.items())]
taken = {name.partition(".")[0] for name, file in files if file and installed & set(Path(file).parents)}
print(json.dumps(sorted(taken)))
"""

FOR_HELP = {"click"}
FOR_CHECK = FOR_HELP | {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
    "yaml",
}
BY_INSTALLING = ("_distutils_hack", "__editable__")
"""What an installation imports before any program begins."""


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [(["--help"], FOR_HELP), (["check", "digits"], FOR_CHECK), (["check", "graph.yaml"], FOR_CHECK)],
    ids=["help", "check", "check a graph"],
)
def test_the_packages_that_a_start_imports(tmp_path: Path, arguments: list[str], allowed: set[str]) -> None:
    """What is not listed here (networkx, jinja2, numpy, torch, ...) is imported by what needs it."""
    from tests.check.planted import GRAPH

    write(tmp_path, GRAPH, "graph.yaml")
    done = python(TAKEN.replace("ARGUMENTS", repr(arguments)), tmp_path)
    taken = {name for name in json.loads(done.stdout.splitlines()[-1]) if not name.startswith(BY_INSTALLING)}
    assert taken == allowed, done.stderr


def test_import_crossloom_alone_imports_nothing(tmp_path: Path) -> None:
    code = "import sys, crossloom; print(*({'pydantic', 'yaml', 'click', 'compiler'} & set(sys.modules)))"
    assert python(code, tmp_path).stdout == "\n"


FOR_MISTAKES = {
    "compiler.diagnostics.terminal",
    "compiler.passes.bridge",
    "compiler.passes.free_graph",
    "compiler.passes.join",
    "compiler.passes.schema",
    "compiler.passes.split",
    "compiler.passes.unknown",
    "compiler.reader.syntax",
    "specs.weights",
}
"""What a sound spec of one family has no use for."""


def test_a_sound_spec_imports_nothing_that_explains_mistakes(tmp_path: Path) -> None:
    code = (
        TAKEN.replace("ARGUMENTS", repr(["check", "digits"]))
        + f"\nprint(*sys.modules.keys() & {FOR_MISTAKES})"
    )
    done = python(code, tmp_path)
    assert done.stdout.splitlines()[-1] == "", done.stderr


def test_checked_specs_are_let_go(tmp_path: Path) -> None:
    """Many specs in one process cost the memory of one."""
    write(tmp_path)
    code = """
import gc, weakref
import crossloom
seen = [weakref.ref(crossloom.load_spec("tiny.yaml")) for _ in range(5)]
for _ in range(5):
    crossloom.check("tiny.yaml")
gc.collect()
print(sum(ref() is not None for ref in seen))
"""
    assert python(code, tmp_path).stdout.strip() == "0"


def test_a_check_parses_no_block_that_its_model_does_not_use(tmp_path: Path) -> None:
    write(tmp_path)
    code = """
import crossloom
from compiler.block_source import library
graph = crossloom.lower(crossloom.load_spec("tiny.yaml"))
parsed = {name for name, one in library().definitions.items() if "node" in vars(one)}
used = {block.name for node in graph.nodes.values() for block in node.block.walk()}
print(*sorted(parsed - {one.name for one in library().closure(list(used))}), len(parsed) > 3)
"""
    assert python(code, tmp_path).stdout.split() == ["True"]


def test_a_check_imports_what_its_own_model_uses(tmp_path: Path) -> None:
    """Of signatures, front ends and weights: what other models are made of is imported with them."""
    write(tmp_path)
    code = """
import sys
import crossloom
assert crossloom.check("tiny.yaml") == []
others = ("conformer", "hifi_gan", "windows", "waveform", "grid_bias", "patches", "pooling")
print(*(name for name in others if f"specs.signatures.{name}" in sys.modules))
print(*({"specs.processing.images", "specs.pairs", "specs.generation.layers"} & set(sys.modules)))
print("specs.signatures.stacks" in sys.modules)
"""
    done = python(code, tmp_path)
    assert done.stdout == "\n\nTrue\n", done.stderr
