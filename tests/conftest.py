"""Shared settings and fixtures. Nothing here imports torch until a fixture is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# One thread a worker, and in every process a worker starts: pytest-xdist is the parallelism. Read by torch
# when it is imported.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Tests run without a terminal, whatever the shell says about colours and width.
os.environ.pop("FORCE_COLOR", None)
os.environ["NO_COLOR"] = "1"
os.environ.pop("COLUMNS", None)

settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is compiled is kept for this run alone."""
    os.environ["CROSSLOOM_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """`tiny_checkpoint(seed)`: the folder of a random tiny Speech2Text model saved by transformers.

    Written once a session and shared: treat it as read-only.
    """
    folders: dict[int, Path] = {}

    def folder(seed: int) -> Path:
        if seed not in folders:
            from tests import oracle

            folders[seed] = oracle.save(oracle.random_model(seed), tmp_path_factory.mktemp(f"tiny-{seed}"))
        return folders[seed]

    return folder
