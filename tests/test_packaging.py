"""What is installed holds every file the code reads."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("blocks", "compiler", "crossloom", "runtime", "specs")
CODE = {".py", ".pyi", ".pyc"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_data_file_is_packaged(package: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = settings["package-data"].get(package, [])
    packaged = {path for pattern in patterns for path in (ROOT / package).glob(pattern)}
    data = {path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix not in CODE}
    assert data - packaged == set()


def test_the_files_that_the_catalogue_names_are_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    named = [
        (file.parent / weights[1]).resolve()
        for file in (ROOT / "specs" / "catalogue").glob("*.yaml")
        if (weights := re.search(r"weights: (\.\S+)", file.read_text(encoding="utf-8")))
    ]
    assert named
    for folder in named:
        package = ".".join(folder.relative_to(ROOT).parts)
        assert package in settings["packages"]["find"]["include"]
        assert settings["package-data"][package] == ["*"]


MODULES = {"pillow": "PIL", "pyyaml": "yaml"}
"""Packages that are imported under another name."""


def imported() -> tuple[set[str], set[str]]:
    """Modules that the packages import, neither Python's nor ours; every string, maybe a module's name."""
    found, strings = set(), set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    found.add(str(node.module))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    strings.add(node.value)
    names = {name.partition(".")[0] for name in found}
    return names - sys.stdlib_module_names - set(PACKAGES), strings


def test_what_is_required_is_what_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(one for name in extras if name != "test" for one in extras[name])]
    names = {re.split(r"[\[<>=!~]", one)[0] for one in listed} - {project["name"]}
    required = {MODULES.get(name, name) for name in names}
    modules, strings = imported()
    assert modules - required == {"markupsafe", "pydantic_core"}  # parts of jinja2 and pydantic
    assert required - modules - strings == set()
