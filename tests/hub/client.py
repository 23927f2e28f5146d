"""Direct huggingface_hub to a Hub of our own, in this process or in another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants


def environment(endpoint: str, cache: Path) -> dict[str, str]:
    """The variables that make a subprocess use `endpoint`, a cache of its own, and no token."""
    return {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_CACHE": str(cache / "hub"),
        "HF_TOKEN_PATH": str(cache / "token"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "0",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


@contextmanager
def client(endpoint: str, cache: Path) -> Iterator[pytest.MonkeyPatch]:
    """Make huggingface_hub in this process use `endpoint` and the folder `cache`, until the block ends.

    It reads its variables when imported, so its constants are replaced as well. Yields the patcher, for more.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(endpoint, cache).items():
            patch.setenv(name, value)
        patch.delenv("HF_TOKEN", raising=False)
        patch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
        patch.setattr(constants, "ENDPOINT", endpoint)
        template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HUB_CACHE", str(cache / "hub"))
        patch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        huggingface_hub.close_session()  # proxies are read when the HTTP client is made
        try:
            yield patch
        finally:
            huggingface_hub.close_session()
