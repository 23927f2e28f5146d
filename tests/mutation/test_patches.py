"""Every fault of the matrix still applies, and makes a file that parses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation import tree
from tests.mutation.patches import Patch, patches
from tests.mutation.rows import TESTS

ROOT = Path(__file__).parents[2]
ALL = patches()


@pytest.mark.parametrize("patch", ALL, ids=lambda patch: patch.name)
def test_it_applies_in_one_place(patch: Patch) -> None:
    text = (ROOT / patch.file).read_text(encoding="utf-8")
    assert text.count(patch.find) == 1
    changed = text.replace(patch.find, patch.replace)
    assert changed != text
    if patch.file.endswith(".py"):
        ast.parse(changed)


def test_names_are_unique() -> None:
    names = [patch.name for patch in ALL]
    assert len(set(names)) == len(names)


def test_the_tests_that_are_tried_are_there() -> None:
    stated = (tree.TESTS, *tree.NEAREST.values(), *tree.ALONE.values(), *TESTS.values())
    files = {tree.file_of(test) for tests in stated for test in tests}
    assert [file for file in sorted(files) if not (ROOT / file).is_file()] == []
