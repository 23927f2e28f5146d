"""`crossloom --help` is a page of documentation, and costs no heavy import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

import crossloom as package
from crossloom.cli import main
from crossloom.cli.application import SECTIONS
from tests.cli.runner import ROOT, crossloom, python

COMMANDS = [name for section in SECTIONS for name in section.commands]


def test_the_page_has_every_section_command_and_example() -> None:
    page = crossloom("--help").stdout
    for section in SECTIONS:
        assert f"{section.title}:" in page
        for example in section.examples:
            assert f"  $ {example}\n" in page
    for name in COMMANDS:
        assert f"\n  {name} " in page
    assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    outcome = crossloom(name, "--help")
    assert outcome.exit_code == 0
    assert f"$ crossloom {name}" in outcome.stdout or f"| crossloom {name}" in outcome.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []


def test_examples_of_the_page_parse() -> None:
    for section in SECTIONS:
        for example in section.examples:
            _, name, *arguments = example.split()
            command = main.get_command(click.Context(main), name)
            assert command is not None
            command.make_context(name, arguments)


def test_the_version() -> None:
    assert crossloom("--version").stdout == f"crossloom {package.__version__}\n"


def test_a_command_that_does_not_exist_has_near_names() -> None:
    outcome = crossloom("wieghts")
    assert outcome.exit_code == 2
    assert "did you mean 'weights'?" in outcome.stderr


HEAVY = ("torch", "numpy", "huggingface_hub", "jinja2", "transformers", "soundfile")


@pytest.mark.parametrize("arguments", [["--help"], ["check", "digits"]])
def test_little_is_imported(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom crossloom.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = python(code, tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crossloom", "explain", "xl301"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("# XL301:")
