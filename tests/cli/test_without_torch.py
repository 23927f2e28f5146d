"""Everything but building and running works where torch cannot be imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.runner import python, write

CODE = """
import sys
for name in ("torch", "numpy", "safetensors", "soundfile", "transformers"):
    sys.modules[name] = None
from crossloom.cli import main

def run(*arguments):
    try:
        main(list(arguments), prog_name="crossloom")
    except SystemExit as end:
        print(f"ended: {end.code} {arguments[0]}", file=sys.stderr)

run("import", CHECKPOINT, "-o", "imported.yaml")
run("check", "imported.yaml", "tiny.yaml", "digits")
run("emit", "tiny.yaml", "-o", "out")
run("emit", "tiny.yaml", "-o", "out", "--check")
run("weights", "tiny.yaml")
run("weights", "imported.yaml", "--verify")
for format in ("text", "mermaid", "svg", "html", "json"):
    run("show", "tiny.yaml", "--format", format)
run("diff", "tiny.yaml", "tiny.yaml")
run("schema")
run("explain", "XL301")
run("catalogue")
run("compile", "imported.yaml", "-o", "compiled")
run("compile", "imported.yaml", "--strict")
run("compile", "imported.yaml", "--weights", OTHER, "-o", "refused")
"""


def test_commands_without_torch(tiny_checkpoint: Callable[[int], Path], tmp_path: Path) -> None:
    write(tmp_path)
    code = CODE.replace("CHECKPOINT", repr(str(tiny_checkpoint(0)))).replace(
        "OTHER", repr(str(tiny_checkpoint(1)))
    )
    done = python(code, tmp_path)
    ends = [line.removeprefix("ended: ") for line in done.stderr.splitlines() if line.startswith("ended: ")]
    names = "import check emit emit weights weights" + 5 * " show" + " diff schema explain catalogue compile"
    assert ends == [*(f"0 {name}" for name in names.split()), "2 compile", "1 compile"], done.stderr
    assert "warning: the model was neither built nor run: that needs torch" in done.stderr
    assert "`crossloom compile --strict` needs torch, which is not installed" in done.stderr
    assert (tmp_path / "compiled" / "modeling.py").read_bytes()
    assert not (tmp_path / "refused").exists()
