"""A Hub repository at one commit, as a source of checkpoint files."""

from __future__ import annotations

from json import JSONDecodeError
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import IncompleteSnapshotError
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # mypy cannot see the name

from compiler.checkpoint.findings import failure
from compiler.checkpoint.source import Source
from compiler.diagnostics.model import CrossloomError
from compiler.hub.failures import Request, translated
from compiler.hub.transfer import AGAIN, RemoteFile, digest, fetch_range

_LIBRARY = "crossloom"


class Listing(NamedTuple):
    """What the Hub says of a file: its size, and its SHA-256 where large, git's SHA-1 otherwise."""

    size: int | None
    digest: str | None


class HubRepository(Source):
    """Files of `name` at the commit that `revision` meant when this object was made.

    One request lists the files with sizes and digests. `path` downloads into huggingface_hub's cache, with a
    progress bar on stderr, continuing where a connection was cut, and compares the digest. `read_range`
    asks the Hub for the bytes unless the file is cached. Offline (`local_files_only` or HF_HUB_OFFLINE) the
    cache is all there is.
    """

    def __init__(
        self,
        name: str,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: Path | None = None,
        local_files_only: bool = False,
        folder: Path | None = None,
    ) -> None:
        """`folder` is a local folder of that name, offered where the Hub has no such repository.

        Raises `CrossloomError`: XL513 when gated, XL515 when the Hub does not list the repository.
        """
        self.name = name
        self.revision = revision or constants.DEFAULT_REVISION
        self._token = token
        self._cache_dir = cache_dir
        self._folder = folder
        self._offline = local_files_only or constants.HF_HUB_OFFLINE
        self._listing: dict[str, Listing] = {}
        with translated(self._request()):
            self.commit = self._list_cached() if self._offline else self._list()

    def __str__(self) -> str:
        return self.name

    def files(self) -> list[str]:
        """Names in the repository at this commit; offline, those that are cached."""
        return sorted(self._listing)

    def has(self, name: str) -> bool:
        """Whether the repository has such a file; offline, whether it is cached."""
        return name in self._listing

    def path(self, name: str) -> Path:
        """The file in the cache, downloaded and compared with the Hub's digest if it was not there."""
        if (cached := self._cached(name)) is not None:
            return cached
        self._require(name)
        request = self._request(name)
        with translated(request):
            # Asking by branch or tag records what it meant, so that it can be resolved offline later.
            self._download(name, self.revision)
            path = self._cached(name) or self._download(name, str(self.commit))
            self._compare(path, name)
        return path

    def size(self, name: str) -> int:
        """Bytes of the file, from the listing."""
        self._require(name)
        size = self._listing[name].size
        if size is None:  # a mirror that lists names only
            with translated(self._request(name)):
                url = hf_hub_url(self.name, name, revision=self.commit)
                size = get_hf_file_metadata(url, token=self._token, library_name=_LIBRARY).size
            if size is None:
                raise failure("XL515", f"the Hub does not say how large `{self.label(name)}` is", help=AGAIN)
            self._listing[name] = self._listing[name]._replace(size=size)
        return size

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes `start:stop` in one request, or from the cache."""
        if (cached := self._cached(name)) is not None:
            with cached.open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        size = self.size(name)
        stop = min(stop, size)
        if start >= stop:
            return b""
        url = hf_hub_url(self.name, name, revision=self.commit)
        headers = build_hf_headers(token=self._token, library_name=_LIBRARY)
        with translated(self._request(name)):
            return fetch_range(RemoteFile(url, headers, size, self.label(name)), start, stop)

    def _request(self, file: str | None = None) -> Request:
        return Request(self.name, self.revision, file, self._folder)

    def _require(self, name: str) -> None:
        if name not in self._listing:
            raise self.missing(name)

    def _list(self) -> str:
        """Fill the listing from the Hub; the commit it belongs to."""
        api = HfApi(token=self._token, library_name=_LIBRARY)
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        try:
            found = api.model_info(self.name, revision=self.revision, files_metadata=True, timeout=timeout)
        except (JSONDecodeError, KeyError, TypeError, AttributeError):
            raise self._not_a_hub() from None
        for sibling in found.siblings or []:
            digest = sibling.lfs.sha256 if sibling.lfs is not None else sibling.blob_id
            self._listing[sibling.rfilename] = Listing(sibling.size, digest)
        if found.sha is None:
            raise self._not_a_hub()
        return found.sha

    def _not_a_hub(self) -> CrossloomError:
        message = f"{constants.ENDPOINT} does not answer like a Hub when asked for `{self.name}`"
        return failure("XL515", message, help="check HF_ENDPOINT, and whether the network asks for a log-in")

    def _list_cached(self) -> str:
        """Fill the listing from the cache; the commit that the revision last meant."""
        try:
            snapshot = snapshot_download(
                self.name, revision=self.revision, cache_dir=self._cache_dir, local_files_only=True
            )
        except IncompleteSnapshotError as incomplete:  # what is cached may be all that is needed
            snapshot = incomplete.snapshot_path
        root = Path(snapshot)
        for path in root.rglob("*"):
            if path.is_file():
                self._listing[path.relative_to(root).as_posix()] = Listing(path.stat().st_size, None)
        return root.name

    def _cached(self, name: str) -> Path | None:
        cached = try_to_load_from_cache(self.name, name, cache_dir=self._cache_dir, revision=self.commit)
        return Path(cached) if isinstance(cached, str) else None

    def _download(self, name: str, revision: str) -> Path:
        return Path(
            hf_hub_download(
                self.name,
                name,
                revision=revision,
                cache_dir=self._cache_dir,
                token=self._token,
                library_name=_LIBRARY,
                local_files_only=self._offline,
            )
        )

    def _compare(self, path: Path, name: str) -> None:
        """XL515, and the file taken out of the cache, unless its content is what the Hub listed.

        huggingface_hub compares sizes only. The cache names a file by the ETag it was served with, which is
        the same digest: another one would hand this content to whoever asks for that other file.
        """
        blob = path.parent / path.readlink() if path.is_symlink() else None  # one step: blobs may be shared
        listed = self._listing[name]
        size = path.stat().st_size
        expected = {"listed": listed.digest, "served": blob.name if blob else None}
        for origin, wanted in expected.items():
            if wanted is not None and (actual := digest(path, wanted)) != wanted:
                difference = f"it is {origin} as {wanted}, but its content is {actual}"
                break
        else:
            if listed.size in (None, size):
                return
            difference = f"it is listed with {listed.size:,} bytes, but has {size:,}"
        path.unlink()
        if blob is not None:
            blob.unlink()
        message = f"the download of `{self.label(name)}` is not the file that the Hub describes"
        raise failure("XL515", message, info=[difference], help=AGAIN)
