"""Bytes from the Hub, and whether they are the right ones."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported under names mypy cannot see
    hf_raise_for_status,
    http_stream_backoff,
)

from compiler.checkpoint.findings import failure
from compiler.hub.failures import TransportError

ATTEMPTS = 3
AGAIN = "try again; if it happens again, a proxy or mirror between here and the Hub is at fault"
_RETRIED_STATUSES = (500, 502, 503, 504)  # not 429: it may ask for minutes, which is said, not sat out
_READ_SIZE = 1024 * 1024


class RemoteFile(NamedTuple):
    """A file to ask for: where, on whose behalf, its size in bytes, and its name in messages."""

    url: str
    headers: dict[str, str]
    size: int
    label: str


def fetch_range(file: RemoteFile, start: int, stop: int) -> bytes:
    """Bytes `start:stop` of the file, `stop` being at most its size.

    A broken connection is tried anew. Raises what huggingface_hub raises, and XL515 for an answer that is not
    the range asked for.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _fetch_once(file, start, stop)
        except HfHubHTTPError:
            raise  # an answer, if not the one hoped for
        except TransportError:
            continue
    return _fetch_once(file, start, stop)


def _fetch_once(file: RemoteFile, start: int, stop: int) -> bytes:
    ranged = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
    with http_stream_backoff(
        "GET",
        file.url,
        headers=file.headers | ranged,
        timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
        follow_redirects=True,
        max_retries=ATTEMPTS - 1,
        retry_on_exceptions=(),
        retry_on_status_codes=_RETRIED_STATUSES,
    ) as response:
        hf_raise_for_status(response)
        if response.status_code != 206:
            raise failure(
                "XL515",
                f"the Hub at {constants.ENDPOINT} does not serve parts of `{file.label}`",
                help="use another mirror, or download the repository and name its folder",
            )
        data = b"".join(response.iter_bytes())
        served = response.headers.get("Content-Range", "nothing")
    asked = f"bytes {start}-{stop - 1}/{file.size}"
    if served != asked or len(data) != stop - start:
        raise failure(
            "XL515",
            f"the Hub served another part of `{file.label}` than was asked for",
            info=[f"asked for {asked}, served {served!a} in {len(data):,} bytes"],
            help=AGAIN,
        )
    return data


def digest(path: Path, like: str) -> str:
    """The digest of a file, of the kind that `like` is: SHA-256, git's SHA-1, or else `like` itself.

    A Hub file is known by the SHA-256 of its content (Git LFS) or by git's object id, which is the SHA-1 of
    `blob`, the size, a zero byte and the content.
    """
    if re.fullmatch(r"[0-9a-f]{64}", like):
        state = hashlib.sha256()
    elif re.fullmatch(r"[0-9a-f]{40}", like):
        state = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        return like
    with path.open("rb") as opened:
        while chunk := opened.read(_READ_SIZE):
            state.update(chunk)
    return state.hexdigest()
