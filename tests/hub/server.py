"""A Hub on loopback: the requests that huggingface_hub makes, and failures on demand.

    with serve({"org/name": folder}) as hub, client(hub.endpoint, cache):
        ...  # huggingface_hub in this process talks to it
    environment(hub.endpoint, cache)  # the same for a subprocess
    python -m tests.hub.server FOLDER [org/name]  # by hand

Large files (`.safetensors`, `.bin`) are stored as the Hub stores them: `/resolve/` redirects elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin")
_API = re.compile(r"/api/models/(?P<name>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
_TREE = re.compile(r"/api/models/(?P<name>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)")
_RESOLVE = re.compile(r"/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_STORED = re.compile(r"/stored/(?P<digest>[0-9a-f]{64})/(?P<file>.+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")

Files = Mapping[str, bytes]


@dataclass
class Repository:
    """Files by revision. Where set, `token` is the only one that may read; `gated` says how that is put."""

    revisions: dict[str, Files]
    gated: bool = False
    token: str | None = None

    def commit(self, revision: str) -> str | None:
        """The commit that a branch, tag or commit name means, if any."""
        commits = {name: _commit(files) for name, files in self.revisions.items()}
        return commits.get(revision) or (revision if revision in commits.values() else None)

    def files(self, commit: str) -> Files:
        """The files of a commit that exists."""
        return next(files for files in self.revisions.values() if _commit(files) == commit)


@dataclass
class Failure:
    """What to do instead of answering, for the next `times` requests whose method and path match."""

    path: str  # regular expression, searched in the request's path
    method: str = "GET|HEAD"
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None  # close the connection after that many bytes of body
    body: bytes | None = None  # send this in place of the content, under the content's headers
    ignore_range: bool = False


@dataclass(frozen=True)
class Seen:
    """One request as it was answered."""

    method: str
    path: str
    range: str | None
    authorized: bool
    status: int
    sent: int  # bytes of body


class FakeHub:
    """A running server: `endpoint`, the `requests` it saw, and `fail` to make it misbehave."""

    def __init__(self, repositories: Mapping[str, Repository]) -> None:
        self.repositories = dict(repositories)
        self.requests: list[Seen] = []
        self.failures: list[Failure] = []
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = self.server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def fail(self, path: str, **how: Any) -> None:
        """Misbehave as a `Failure` of these fields says."""
        self.failures.append(Failure(path, **how))

    def seen(self, path: str, method: str = "GET") -> list[Seen]:
        """The requests so far whose path matches."""
        return [seen for seen in self.requests if seen.method == method and re.search(path, seen.path)]

    def stored(self, digest: str) -> bytes | None:
        """A large file by its digest, whichever repository holds it."""
        for repository in self.repositories.values():
            for files in repository.revisions.values():
                for content in files.values():
                    if hashlib.sha256(content).hexdigest() == digest:
                        return content
        return None

    def planned(self, method: str, path: str) -> Failure:
        """The failure for a request, used up by one; where none is planned, one without effect."""
        for failure in self.failures:
            if failure.times and re.search(failure.path, path) and re.fullmatch(failure.method, method):
                failure.times -= 1
                return failure
        return Failure("")


@contextmanager
def serve(repositories: Mapping[str, Path | Files | Repository]) -> Iterator[FakeHub]:
    """Run a Hub of these repositories until the block ends; a folder or files become its revision `main`."""
    hub = FakeHub({name: _repository(content) for name, content in repositories.items()})
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()
        thread.join()


def git_digest(content: bytes) -> str:
    """Git's object id of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _repository(content: Path | Files | Repository) -> Repository:
    if isinstance(content, Repository):
        return content
    if isinstance(content, Path):
        paths = sorted(path for path in content.rglob("*") if path.is_file())
        content = {path.relative_to(content).as_posix(): path.read_bytes() for path in paths}
    return Repository({"main": content})


def _commit(files: Files) -> str:
    listing = json.dumps({name: git_digest(content) for name, content in sorted(files.items())})
    return hashlib.sha1(listing.encode(), usedforsecurity=False).hexdigest()


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    listed: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": git_digest(content)}
    if name.endswith(LARGE):
        sha256 = hashlib.sha256(content).hexdigest()
        listed["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
    return listed


def _entry(name: str, content: bytes) -> dict[str, Any]:
    listed = _sibling(name, content)
    entry = {"type": "file", "path": name, "size": listed["size"], "oid": listed["blobId"]}
    if large := listed.get("lfs"):
        entry["lfs"] = {"oid": large["sha256"], "size": large["size"], "pointerSize": large["pointerSize"]}
    return entry


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what goes wrong here, but not that a client hung up."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.hub = hub
    return Handler


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.plan = self.hub.planned(self.command, path)
        if self.plan.status is not None:
            self.respond(self.plan.status, {}, self.plan.body or b"")
        elif match := _STORED.fullmatch(path):
            self.stored(match["digest"], match["file"])
        elif match := _API.fullmatch(path):
            self.information(match["name"], match["revision"] or "main")
        elif match := _TREE.fullmatch(path):
            self.tree(match["name"], match["revision"])
        elif match := _RESOLVE.fullmatch(path):
            self.resolve(match["name"], match["revision"], match["file"])
        else:
            self.respond(404, {}, b"")

    def information(self, name: str, revision: str) -> None:
        """`/api/models/{name}/revision/{revision}`: commit and files. A gated repository may be listed."""
        repository = self.hub.repositories.get(name)
        if repository is None or (not repository.gated and not self.admitted(repository)):
            return self.respond(401, {"X-Error-Code": "RepoNotFound"}, b"")
        commit = repository.commit(revision)
        if commit is None:
            return self.respond(404, {"X-Error-Code": "RevisionNotFound"}, b"")
        siblings = [_sibling(file, content) for file, content in sorted(repository.files(commit).items())]
        described = {"id": name, "sha": commit, "siblings": siblings, "private": False, "tags": []}
        described["gated"] = "auto" if repository.gated else False
        return self.respond(200, {"Content-Type": "application/json"}, json.dumps(described).encode())

    def tree(self, name: str, revision: str) -> None:
        """`/api/models/{name}/tree/{commit}`: the files, as `snapshot_download` asks for them."""
        files = self.hub.repositories[name].files(revision)
        listed = [_entry(file, content) for file, content in sorted(files.items())]
        self.respond(200, {"Content-Type": "application/json"}, json.dumps(listed).encode())

    def resolve(self, name: str, revision: str, file: str) -> None:
        """`/{name}/resolve/{revision}/{file}`: the content, or where it is stored."""
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self.respond(401, {"X-Error-Code": "RepoNotFound"}, b"")
        if not self.admitted(repository):
            code = "GatedRepo" if repository.gated else "RepoNotFound"
            return self.respond(403 if repository.gated else 401, {"X-Error-Code": code}, b"")
        commit = repository.commit(revision)
        if commit is None:
            return self.respond(404, {"X-Error-Code": "RevisionNotFound"}, b"")
        headers = {"X-Repo-Commit": commit}
        content = repository.files(commit).get(file)
        if content is None:
            return self.respond(404, headers | {"X-Error-Code": "EntryNotFound"}, b"")
        if not file.endswith(LARGE):
            return self.content(content, headers | {"ETag": f'"{git_digest(content)}"'})
        digest = hashlib.sha256(content).hexdigest()
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        headers["Location"] = (
            f"http://localhost:{self.hub.port}/stored/{digest}/{file}"  # not the 127.0.0.1 it came from
        )
        return self.respond(302, headers, b"")

    def stored(self, digest: str, file: str) -> None:
        """`/stored/{digest}/{file}`: a large file's content."""
        content = self.hub.stored(digest)
        if content is None:
            self.respond(404, {}, b"")
        else:
            named = f'inline; filename="{file}";'
            self.content(content, {"ETag": f'"{digest}"', "Content-Disposition": named})

    def content(self, content: bytes, headers: dict[str, str]) -> None:
        """The content, or the range of it that was asked for."""
        headers = headers | {"Accept-Ranges": "bytes"}
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        if self.plan.body is not None:
            content = self.plan.body
        if asked is None or self.plan.ignore_range:
            return self.respond(200, headers, content)
        start, stop = int(asked[1]), min(int(asked[2] or len(content)) + 1, len(content))
        if start >= len(content):
            return self.respond(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        return self.respond(206, headers, content[start:stop])

    def admitted(self, repository: Repository) -> bool:
        given = self.headers.get("Authorization")
        return repository.token is None or given == f"Bearer {repository.token}"

    def respond(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | dict(headers) | self.plan.headers).items():
            self.send_header(name, value)
        self.end_headers()
        sent = b"" if self.command == "HEAD" else body[: self.plan.cut_after]
        authorized = "Authorization" in self.headers
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(
            Seen(self.command, path, self.headers.get("Range"), authorized, status, len(sent))
        )
        self.wfile.write(sent)
        if self.plan.cut_after is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep test output quiet; `requests` has it all."""


if __name__ == "__main__":
    served = {sys.argv[2] if len(sys.argv) > 2 else "org/name": Path(sys.argv[1])}
    with serve(served) as running:
        print(f"HF_ENDPOINT={running.endpoint} serves {', '.join(served)}; interrupt to stop", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
