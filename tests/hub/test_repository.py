"""HubRepository against a Hub on loopback, through huggingface_hub's own code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import huggingface_hub
import pytest
from huggingface_hub import constants

from compiler.checkpoint.reader import read_checkpoint
from compiler.checkpoint.resolve import resolve
from compiler.checkpoint.safetensors import FIRST_READ
from compiler.diagnostics.model import CrossloomError, Diagnostic
from tests.checkpoint.files import SPEECH, assemble, entries, safetensors
from tests.hub.client import environment
from tests.hub.conftest import CONFIG
from tests.hub.server import FakeHub, Repository

WEIGHTS = "model.safetensors"


def only(raised: pytest.ExceptionInfo[CrossloomError]) -> Diagnostic:
    (diagnostic,) = raised.value.diagnostics
    return diagnostic


def test_download_is_what_the_hub_holds_and_comes_from_the_cache_the_second_time(hub: FakeHub) -> None:
    source = resolve("org/speech")
    assert source.path(WEIGHTS).read_bytes() == safetensors(SPEECH)
    before = len(hub.requests)
    assert source.path(WEIGHTS).read_bytes() == safetensors(SPEECH)
    assert len(hub.requests) == before


def test_one_request_lists_files_sizes_and_commit(hub: FakeHub) -> None:
    source = resolve("org/speech")
    assert source.files() == ["config.json", WEIGHTS]
    assert source.size(WEIGHTS) == len(safetensors(SPEECH))
    assert source.commit == hub.repositories["org/speech"].commit("main")
    assert [seen.path for seen in hub.requests] == ["/api/models/org/speech/revision/main"]


@pytest.mark.parametrize("written", [True, False])
def test_a_revision_is_followed(hub: FakeHub, written: bool) -> None:
    source = resolve("org/speech@v1") if written else resolve("org/speech", revision="v1")
    assert list(read_checkpoint(source).tensors) == ["old"]
    assert b'"old"' in source.path(WEIGHTS).read_bytes()


def test_a_commit_stays_what_it_was_when_the_branch_moves(hub: FakeHub) -> None:
    source = resolve("org/speech")
    repository = hub.repositories["org/speech"]
    repository.revisions = {"old": repository.revisions["main"], "main": repository.revisions["v1"]}
    assert source.path(WEIGHTS).read_bytes() == safetensors(SPEECH)


def test_headers_are_read_in_one_ranged_request(hub: FakeHub) -> None:
    large = dict(SPEECH) | {"model.big": ("F32", [FIRST_READ], bytes(4 * FIRST_READ))}
    hub.repositories["org/large"] = Repository({"main": {WEIGHTS: safetensors(large)}})
    checkpoint = read_checkpoint(resolve("org/large"))
    assert checkpoint.tensors.keys() == large.keys()
    (request,) = hub.seen("/stored/")
    assert request.range == f"bytes=0-{FIRST_READ - 1}"
    assert request.sent == FIRST_READ < len(safetensors(large))


def test_a_header_beyond_the_first_read_takes_a_second(hub: FakeHub) -> None:
    many = {f"model.layers.{index}.self_attn.q_proj.weight": ("U8", [1], b"x") for index in range(2000)}
    hub.repositories["org/many"] = Repository({"main": {WEIGHTS: safetensors(many)}})
    assert len(read_checkpoint(resolve("org/many")).tensors) == 2000
    first, second = hub.seen("/stored/")
    assert first.sent == FIRST_READ
    assert second.range == f"bytes={FIRST_READ}-{len(safetensors(many)) - 2000 - 1}"


def test_the_token_stays_with_the_hub(hub: FakeHub) -> None:
    read_checkpoint(resolve("org/private", token="hf_member"))
    resolve("org/private", token="hf_member").path(WEIGHTS)
    assert all(seen.authorized for seen in hub.requests if not seen.path.startswith("/stored/"))
    assert hub.seen("/stored/")
    assert not any(seen.authorized for seen in hub.seen("/stored/"))


def test_ranges_of_a_cached_file_are_read_from_it(hub: FakeHub) -> None:
    source = resolve("org/speech")
    source.path(WEIGHTS)
    before = len(hub.requests)
    assert source.read_range(WEIGHTS, 3, 11) == safetensors(SPEECH)[3:11]
    assert len(hub.requests) == before


@pytest.mark.parametrize("by_argument", [True, False])
def test_offline_uses_what_is_cached(
    hub: FakeHub, by_argument: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    online = resolve("org/speech")
    online.path(WEIGHTS)
    before = len(hub.requests)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", not by_argument)
    source = resolve("org/speech", local_files_only=by_argument)
    assert source.commit == online.commit
    assert source.files() == [WEIGHTS]
    assert read_checkpoint(source).tensors.keys() == SPEECH.keys()
    with pytest.raises(CrossloomError) as raised:
        source.path("config.json")
    assert only(raised).code == "XL514"
    assert len(hub.requests) == before


def test_offline_uses_a_snapshot_of_some_files(hub: FakeHub) -> None:
    huggingface_hub.snapshot_download("org/speech", allow_patterns=WEIGHTS)
    source = resolve("org/speech", local_files_only=True)
    assert source.files() == [WEIGHTS]
    assert read_checkpoint(source).tensors.keys() == SPEECH.keys()


def test_offline_without_a_cached_copy(hub: FakeHub) -> None:
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech", local_files_only=True)
    assert only(raised).code == "XL515"
    assert "not cached" in only(raised).message
    assert not hub.requests


def test_a_cut_download_is_resumed(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 16)  # bytes that survive a cut are whole chunks
    hub.fail("/stored/", cut_after=64)
    assert resolve("org/speech").path(WEIGHTS).read_bytes() == safetensors(SPEECH)
    first, second = hub.seen("/stored/")
    assert (first.range, first.sent) == (None, 64)
    assert second.range == "bytes=64-"


def test_a_cut_range_is_asked_for_again(hub: FakeHub) -> None:
    hub.fail("/stored/", cut_after=5)
    assert resolve("org/speech").read_range(WEIGHTS, 0, 50) == safetensors(SPEECH)[:50]
    assert [seen.sent for seen in hub.seen("/stored/")] == [5, 50]


def test_a_connection_that_stays_broken_is_an_error(hub: FakeHub) -> None:
    hub.fail("/stored/", cut_after=5, times=99)
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").read_range(WEIGHTS, 0, 50)
    assert only(raised).code == "XL515"
    assert only(raised).message.startswith(f"no connection to the Hub at {hub.endpoint}")


def test_a_wrong_etag_is_found_and_leaves_nothing_in_the_cache(hub: FakeHub, cache: Path) -> None:
    hub.fail("/resolve/", method="HEAD", headers={"X-Linked-Etag": f'"{"0" * 64}"'})
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").path(WEIGHTS)
    assert only(raised).code == "XL515"
    assert f"served as {'0' * 64}" in only(raised).info[0]
    assert not [path for path in cache.rglob("blobs/*") if path.is_file()]
    assert resolve("org/speech").path(WEIGHTS).read_bytes() == safetensors(SPEECH)


def test_wrong_content_of_the_right_size_is_found(hub: FakeHub, cache: Path) -> None:
    content = safetensors(SPEECH)
    hub.fail("/stored/", body=content[:-1] + b"\x01")
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").path(WEIGHTS)
    assert "listed as" in only(raised).info[0]
    assert not [path for path in cache.rglob("blobs/*") if path.is_file()]


def test_wrong_content_of_a_small_file_is_found(hub: FakeHub) -> None:
    hub.fail("config.json", method="GET", body=CONFIG.replace(b"2", b"3"))
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").read_json("config.json")
    assert only(raised).code == "XL515"


def test_a_wrong_size_is_found(hub: FakeHub) -> None:
    hub.fail("/stored/", body=safetensors(SPEECH) + b"more", times=99)
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").path(WEIGHTS)
    assert only(raised).code == "XL515"
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").read_range(WEIGHTS, 0, 8)
    assert re.search(r"asked for bytes 0-7/\d+, served 'bytes 0-7/\d+'", only(raised).info[0])


def test_a_server_without_ranges_is_refused_before_the_whole_file_arrives(hub: FakeHub) -> None:
    hub.fail("/stored/", ignore_range=True)
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").read_range(WEIGHTS, 0, 8)
    assert "does not serve parts" in only(raised).message


class Answer(NamedTuple):
    """What the Hub answers at a path, and what the finding must then say."""

    path: str
    status: int
    headers: dict[str, str]
    code: str
    message: str
    help: str


ANSWERS = [
    Answer("/api/", 401, {"X-Error-Code": "RepoNotFound"}, "XL515", "no repository `org/speech`", "private"),
    Answer(
        "/api/",
        404,
        {"X-Error-Code": "RepoNotFound"},
        "XL515",
        "no repository `org/speech`",
        "check the name",
    ),
    Answer("/api/", 401, {}, "XL515", "(401)", "hf auth login"),
    Answer("/api/", 403, {}, "XL515", "(403)", "permission"),
    Answer("/api/", 403, {"X-Error-Code": "GatedRepo"}, "XL513", "gated", "ask for access at"),
    Answer("/api/", 404, {"X-Error-Code": "RevisionNotFound"}, "XL515", "no revision `main`", "/tree/main"),
    Answer("/api/", 429, {"Retry-After": "17"}, "XL515", "(429)", "try again in 17 seconds"),
    Answer("/api/", 429, {}, "XL515", "(429)", "in some minutes"),
    Answer("/api/", 500, {}, "XL515", "(500)", "try again later"),
    Answer("/api/", 418, {}, "XL515", "(418)", "org/speech"),
    Answer(
        "/api/", 403, {"X-Error-Message": "Access to this resource is disabled."}, "XL515", "disabled", ""
    ),
    Answer("/resolve/", 403, {"X-Error-Code": "GatedRepo"}, "XL513", "gated", "HF_TOKEN"),
    Answer("/resolve/", 404, {"X-Error-Code": "EntryNotFound"}, "XL515", "no file `model.safetensors`", ""),
    Answer("/resolve/", 401, {}, "XL515", "(401)", "token"),
    Answer("/resolve/", 403, {}, "XL515", "(403)", "permission"),
    Answer("/resolve/", 429, {"Retry-After": "17"}, "XL515", "(429)", "try again in 17 seconds"),
    Answer("/resolve/", 503, {}, "XL515", "(503)", "try again later"),
    Answer("/stored/", 500, {}, "XL515", "(500)", "try again later"),
]


def read_range() -> None:
    resolve("org/speech").read_range(WEIGHTS, 0, 8)


def download() -> None:
    resolve("org/speech").path(WEIGHTS)


@pytest.mark.parametrize("use", [read_range, download])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.path}-{answer.status}")
def test_every_refusal_says_what_to_do(hub: FakeHub, answer: Answer, use: Callable[[], None]) -> None:
    hub.fail(answer.path, status=answer.status, headers=answer.headers, times=99)
    with pytest.raises(CrossloomError) as raised:
        use()
    diagnostic = only(raised)
    assert diagnostic.code == answer.code
    assert answer.message in diagnostic.message
    assert answer.help in (diagnostic.help or "")


def test_a_passing_server_error_is_sat_out(hub: FakeHub) -> None:
    hub.fail("/resolve/", status=503, times=1)
    assert resolve("org/speech").read_range(WEIGHTS, 0, 8) == safetensors(SPEECH)[:8]


def test_gated_without_and_with_access(hub: FakeHub) -> None:
    with pytest.raises(CrossloomError) as raised:
        read_checkpoint(resolve("org/gated"))
    assert only(raised).code == "XL513"
    assert only(raised).help == (
        f"ask for access at {hub.endpoint}/org/gated, then log in with `hf auth login`, or set HF_TOKEN"
    )
    assert read_checkpoint(resolve("org/gated", token="hf_member")).tensors


def test_unknown_revision_and_private_repository(hub: FakeHub) -> None:
    for source, message in (
        ("org/speech@v9", "`org/speech` has no revision `v9`"),
        ("org/private", "the Hub has no repository `org/private`, or it is private"),
        ("org/absent", "the Hub has no repository `org/absent`, or it is private"),
    ):
        with pytest.raises(CrossloomError) as raised:
            resolve(source)
        assert (only(raised).code, only(raised).message) == ("XL515", message)


def test_a_folder_meant_but_written_like_a_repository(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "org" / "digits").mkdir(parents=True)
    with pytest.raises(CrossloomError) as raised:
        resolve("org/digits", base=tmp_path)
    assert only(raised).help == "for the folder, write `./org/digits`"


def test_no_network(hub: FakeHub) -> None:
    hub.server.server_close()
    hub.server.shutdown()
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech")
    assert only(raised).code == "XL515"
    assert only(raised).message.startswith("no connection to the Hub")


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b"[]", b"{}", b'{"id": "org/speech"}'])
def test_something_that_is_no_hub(hub: FakeHub, body: bytes) -> None:
    hub.fail("/api/", status=200, body=body)
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech")
    assert only(raised).code == "XL515"
    assert "does not answer like a Hub" in only(raised).message


def test_a_mirror_that_lists_names_only(hub: FakeHub) -> None:
    listed = {"id": "org/speech", "sha": resolve("org/speech").commit, "siblings": [{"rfilename": WEIGHTS}]}
    hub.fail("/api/", status=200, body=json.dumps(listed).encode())
    source = resolve("org/speech")
    assert source.size(WEIGHTS) == len(safetensors(SPEECH))
    assert read_checkpoint(source).tensors.keys() == SPEECH.keys()
    assert source.path(WEIGHTS).read_bytes() == safetensors(SPEECH)


def test_a_subprocess_uses_the_same_hub(hub: FakeHub, cache: Path) -> None:
    program = (
        "from compiler.checkpoint import read_checkpoint, resolve\n"
        "source = resolve('org/speech')\n"
        "print(len(read_checkpoint(source).tensors), source.path('model.safetensors').stat().st_size)\n"
    )
    variables = os.environ | environment(hub.endpoint, cache)
    terminal, stderr = os.openpty()  # a progress bar is for terminals
    termios.tcsetwinsize(terminal, (24, 120))
    arguments = [sys.executable, "-c", program]
    done = subprocess.run(arguments, env=variables, stdout=subprocess.PIPE, stderr=stderr, check=True)
    assert done.stdout.split() == [b"3", b"%d" % len(safetensors(SPEECH))]
    shown = os.read(terminal, 10_000)
    os.close(stderr)
    os.close(terminal)
    assert b"model.safetensors: 100%" in shown


def test_a_file_that_is_not_listed(hub: FakeHub) -> None:
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech").path("model.safetensor")
    assert only(raised).code == "XL514"
    assert only(raised).help == "did you mean `model.safetensors`?"


def test_a_cache_that_cannot_be_written(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrossloomError) as raised:
        resolve("org/speech", cache_dir=tmp_path / "file").path(WEIGHTS)
    assert only(raised).code == "XL515"
    assert "could not be stored" in only(raised).message


def test_shards_on_the_hub_take_one_request_each(hub: FakeHub) -> None:
    names = list(SPEECH)
    shards = {f"model-{index}.safetensors": {name: SPEECH[name]} for index, name in enumerate(names)}
    weight_map = {name: file for file, tensors in shards.items() for name in tensors}
    index = f'{{"weight_map": {str(weight_map).replace(chr(39), chr(34))}}}'.encode()
    files = {file: safetensors(tensors) for file, tensors in shards.items()}
    hub.repositories["org/shards"] = Repository({"main": files | {f"{WEIGHTS}.index.json": index}})
    assert read_checkpoint(resolve("org/shards")).tensors.keys() == SPEECH.keys()
    assert len(hub.seen("/stored/")) == len(shards)


def test_a_malformed_header_on_the_hub_is_a_finding(hub: FakeHub) -> None:
    spoilt = assemble(entries(SPEECH), b"")
    hub.repositories["org/spoilt"] = Repository({"main": {WEIGHTS: spoilt}})
    with pytest.raises(CrossloomError) as raised:
        read_checkpoint(resolve("org/spoilt"))
    assert only(raised).code == "XL509"
    assert "`org/spoilt/model.safetensors` is truncated" in only(raised).message
