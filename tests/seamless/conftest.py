"""Every seed's folders, written once a session, and what the public classes read from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import crossloom
from tests.seamless.oracle import CLASSES, MULTITASK, save

Folders = Callable[..., Path]
"""`folders(seed, architecture="SeamlessM4Tv2Model")`."""
Published = Callable[..., Any]
"""`published(seed, architecture="SeamlessM4Tv2Model")`."""
Live = Callable[..., Any]
"""`live(seed, architecture="SeamlessM4Tv2Model")`."""


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The folder of a seed's model of a class, in Hub layout; treat it as read-only."""
    made: dict[tuple[int, str], Path] = {}

    def folder(seed: int, architecture: str = MULTITASK) -> Path:
        if (seed, architecture) not in made:
            made[seed, architecture] = tmp_path_factory.mktemp(f"{architecture}-{seed}")
            save(seed, architecture, made[seed, architecture])
        return made[seed, architecture]

    return folder


@pytest.fixture(scope="session")
def published(folders: Folders) -> Published:
    """The public model read from a seed's folder, in eval mode; treat it as read-only."""
    read: dict[tuple[int, str], Any] = {}

    def model(seed: int, architecture: str = MULTITASK) -> Any:
        if (seed, architecture) not in read:
            folder = folders(seed, architecture)
            read[seed, architecture] = CLASSES[architecture].from_pretrained(folder).eval()
        return read[seed, architecture]

    return model


@pytest.fixture(scope="session")
def live(folders: Folders) -> Live:
    """Our model of a seed's folder, in eval mode; treat it as read-only."""
    read: dict[tuple[int, str], Any] = {}

    def model(seed: int, architecture: str = MULTITASK) -> Any:
        if (seed, architecture) not in read:
            read[seed, architecture] = crossloom.from_pretrained(folders(seed, architecture))
        return read[seed, architecture]

    return model
