"""Every seed's case, written and read once a session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.parity.cases import SEEDS, Case, read_case, save


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Case]:
    """`cases(seed)`; treat what it returns as read-only."""
    made: dict[int, Case] = {}

    def case(seed: int) -> Case:
        if seed not in made:
            made[seed] = read_case(seed, save(seed, tmp_path_factory.mktemp(f"seed-{seed}")))
        return made[seed]

    return case


@pytest.fixture(params=SEEDS)
def case(request: pytest.FixtureRequest, cases: Callable[[int], Case]) -> Case:
    """Each seed in turn."""
    seed: int = request.param
    return cases(seed)
