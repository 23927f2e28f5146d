"""Which C++ compiler is called, and what is said where none can be."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram, export

from compiler.compilation.cpp_compiler import ALONE, INSTALL, require_compiler, takes
from compiler.compilation.packages import Notes, make_package, open_package
from compiler.compilation.register_blocks import FLAGS
from compiler.diagnostics import CrossloomError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="programs are scripts, and flags those of GCC"
)


def program(file: Path, script: str) -> Path:
    """A program that can be run, as far as anybody sees who does not run it."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(script)
    file.chmod(0o755)
    return file


def refused() -> tuple[str, str | None]:
    """Why there is no compiler, and the way out; nor are flags taken, or anything compiled."""
    assert not takes(FLAGS)
    with pytest.raises(CrossloomError) as raised:
        require_compiler()
    (found,) = raised.value.diagnostics
    assert found.code == "XL606"
    return found.message.removeprefix('`compile="max"` needs a C++ compiler, and '), found.help


def test_the_environment_names_a_compiler(
    tmp_path: Path, without_compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = program(tmp_path / "compiler", "#!/bin/sh\n")
    monkeypatch.setenv("CXX", f" {compiler} ")
    assert require_compiler() == str(compiler)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "compiler")
    assert require_compiler() == "compiler"
    monkeypatch.setenv("CXX", "nowhere")
    assert refused() == ("there is no nowhere", INSTALL)


def test_a_compiler_may_be_named_from_where_the_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = program(tmp_path / "compiler", "#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CXX", "./compiler")
    assert require_compiler() == str(compiler)


@pytest.mark.parametrize("named", ["", " "])
def test_two_are_looked_for_where_none_is_named(
    tmp_path: Path, without_compiler: None, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("CXX", named)
    assert refused() == ("there is no g++ or clang++", INSTALL)
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path / "clang++", "#!/bin/sh\n")
    assert require_compiler() == "clang++"
    program(tmp_path / "g++", "#!/bin/sh\n")
    assert require_compiler() == "g++"


@pytest.mark.parametrize("named", ["g++ -O3", "ccache g++"])
def test_arguments_are_refused(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    """Inductor would look for a program of that name."""
    monkeypatch.setenv("CXX", named)
    assert refused() == (f"CXX has to name it by one word, and is `{named}`", ALONE)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("", "Exec format error"),
        ("#!/nowhere\n", "No such file or directory"),
        ("#!/bin/sh\nexit 3\n", "its exit status is 3"),
    ],
)
def test_what_cannot_be_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    compiler = program(tmp_path / "compiler", script)
    monkeypatch.setenv("CXX", str(compiler))
    assert refused() == (f"{compiler} cannot be run: {why}", INSTALL)


def test_the_compiler_is_asked_which_flags_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "g++")
    assert takes(FLAGS)
    assert not takes(["-fno-such-thing"])
    assert not takes(["--param=no-such-thing=1"])
    assert not takes(["-std=c11"])  # which is warned of


GCC_AS_CLANG = """#!/bin/sh
echo "$@" >> {calls}
for one do
  shift
  case $one in
    -gline-tables-only | -Werror=ignored-optimization-argument) ;;
    *) set -- "$@" "$one" ;;
  esac
done
PATH={own} exec {compiler} "$@"
"""
"""Without what GCC does not know."""


class _Doubled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2


def _exported() -> tuple[ExportedProgram, Notes]:
    return export(_Doubled(), (torch.ones(3),), strict=False), {}


def test_inductor_calls_what_was_found(
    tmp_path: Path, without_compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clang alone is there, whose part GCC plays; what both need lies beside it."""
    own = os.defpath
    calls, folder = tmp_path / "calls", tmp_path / "programs"
    compiler = shutil.which("g++", path=own)
    program(folder / "clang++", GCC_AS_CLANG.format(calls=calls, own=own, compiler=compiler))
    for name in ("ld", "objcopy"):
        folder.joinpath(name).symlink_to(str(shutil.which(name, path=own)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    make_package(_exported, tmp_path / "package.pt2", {"aot_inductor.precompile_headers": False})
    assert " -shared " in calls.read_text()
    (found,) = open_package(tmp_path / "package.pt2").run([torch.ones(3)])
    assert torch.equal(found, torch.full((3,), 2.0))
