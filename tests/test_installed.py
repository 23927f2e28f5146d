"""`pip install .`: what is installed is whole, far from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("blocks", "compiler", "crossloom", "examples", "runtime", "specs")
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
pytestmark = pytest.mark.nightly


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints, away from this process's paths."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin of a fresh environment with the wheel in it; other packages are those of this one."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    run(sys.executable, "-c", BUILD, folder, folder=source)
    shutil.rmtree(source)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", "--quiet", wheel, folder=folder)
    (packages,) = environment.glob("lib/python*/site-packages")
    # A path file's lines are no site folders: what is installed there for editing is not seen.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    where = run(python, "-c", "import crossloom; print(crossloom.__file__)", folder=folder)
    assert Path(where.strip()).is_relative_to(packages)
    return environment / "bin"


def test_the_demo(installed: Path, tmp_path: Path) -> None:
    assert "nine.wav                     nine" in run(installed / "crossloom", "demo", folder=tmp_path)


def test_the_catalogue_s_own_checkpoint(installed: Path, tmp_path: Path) -> None:
    recording = ROOT / "examples" / "digits" / "audio" / "nine.wav"
    crossloom = installed / "crossloom"
    assert run(crossloom, "run", "digits", recording, folder=tmp_path) == "nine\n"
    assert "all finite" in run(crossloom, "compile", "digits", folder=tmp_path)
    run(crossloom, "emit", "digits", "-o", "out", folder=tmp_path)
    assert "every parameter is fed" in run(crossloom, "weights", "out/spec.yaml", "--verify", folder=tmp_path)


def test_every_spec_and_page(installed: Path, tmp_path: Path) -> None:
    crossloom = installed / "crossloom"
    names = [line.split()[0] for line in run(crossloom, "catalogue", folder=tmp_path).splitlines()[1:]]
    assert len(names) == len(list((ROOT / "specs" / "catalogue").glob("*.yaml")))
    assert f"{len(names)} specs checked" in run(crossloom, "check", "--strict", *names, folder=tmp_path)
    assert run(crossloom, "show", "digits", "--format", "html", folder=tmp_path).startswith("<!")
    assert "XL602" in run(crossloom, "explain", folder=tmp_path)
