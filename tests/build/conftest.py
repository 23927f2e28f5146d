"""Specs of every shape, made once a session from the random configurations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import crossloom
from tests.parity.cases import Case, read_case, save


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Case]:
    """`cases(seed)`; treat what it returns as read-only."""
    made: dict[int, Case] = {}

    def case(seed: int) -> Case:
        if seed not in made:
            made[seed] = read_case(seed, save(seed, tmp_path_factory.mktemp(f"seed-{seed}")))
        return made[seed]

    return case


@pytest.fixture(scope="session")
def specs(cases: Callable[[int], Case]) -> Callable[[int], crossloom.Spec]:
    """`specs(seed)`: the imported spec of a random configuration."""
    return lambda seed: cases(seed).ours.spec
