"""What the Hub, the network or the cache refused, as findings that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, errors
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from compiler.checkpoint.findings import failure
from compiler.diagnostics.model import CrossloomError

TransportError: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # of its client, httpx or httpx2
"""The base of all errors of the HTTP client that huggingface_hub uses."""

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of the Hub, for the wording of its refusal."""

    repository: str
    revision: str
    file: str | None = None
    folder: Path | None = None  # a local folder of the same name, perhaps the one that was meant

    @property
    def subject(self) -> str:
        """The repository or the file in it."""
        return f"{self.repository}/{self.file}" if self.file else self.repository

    def help(self, otherwise: str) -> str:
        """`otherwise`, unless the name is also that of a folder."""
        return f"for the folder, write `./{self.repository}`" if self.folder else otherwise


@contextmanager
def translated(request: Request) -> Iterator[None]:
    """Turn what huggingface_hub raises in the block into a `CrossloomError`: XL513 when gated, else XL515."""
    try:
        yield
    except CrossloomError:
        raise
    except Exception as problem:
        translation = _translate(problem, request)
        if translation is None:
            raise
        raise translation from problem


def _translate(problem: BaseException, request: Request) -> CrossloomError | None:
    """None for what is no failure of the Hub, the network or the disk."""
    if isinstance(problem, LocalEntryNotFoundError):
        cause = problem.__cause__
        return _not_cached(request) if cause is None else _translate(cause, request)
    for kinds, wording in _BY_TYPE:
        if isinstance(problem, kinds):
            return wording(request)
    if isinstance(problem, HfHubHTTPError):
        return _by_status(problem, request)
    if isinstance(problem, TransportError):
        return failure(
            "XL515",
            f"no connection to the Hub at {constants.ENDPOINT} while asking for `{request.subject}`",
            info=[f"{type(problem).__name__}: {problem}"],
            help=request.help("check the network; a cached copy is used with HF_HUB_OFFLINE=1"),
        )
    if isinstance(problem, OSError):
        return _by_operating_system(problem, request)
    return None


def _gated(request: Request) -> CrossloomError:
    return failure(
        "XL513",
        f"`{request.repository}` is gated, and this account has no access to it",
        help=f"ask for access at {constants.ENDPOINT}/{request.repository}, then {_LOG_IN}",
    )


def _no_revision(request: Request) -> CrossloomError:
    return failure(
        "XL515",
        f"`{request.repository}` has no revision `{request.revision}`",
        help=f"the branches and tags are listed at {constants.ENDPOINT}/{request.repository}/tree/main",
    )


def _no_repository(request: Request) -> CrossloomError:
    return failure(
        "XL515",
        f"the Hub has no repository `{request.repository}`, or it is private",
        help=request.help(f"check the name; if it is private, {_LOG_IN}"),
    )


def _no_file(request: Request) -> CrossloomError:
    return failure(
        "XL515",
        f"`{request.repository}` has no file `{request.file}` at revision `{request.revision}`",
        help="name a revision that has it",
    )


def _disabled(request: Request) -> CrossloomError:
    return failure("XL515", f"the Hub has disabled `{request.repository}`", help="use another repository")


def _bad_name(request: Request) -> CrossloomError:
    return failure(
        "XL515",
        f"`{request.repository}` cannot be the name of a repository",
        help=request.help("a repository is `organisation/name`"),
    )


def _not_cached(request: Request) -> CrossloomError:
    return failure(
        "XL515",
        f"`{request.subject}` at revision `{request.revision}` is not cached, and the Hub may not be asked",
        info=["local_files_only or HF_HUB_OFFLINE is set"],
        help=request.help("fetch it once while online"),
    )


_BY_TYPE: tuple[tuple[type[BaseException], Callable[[Request], CrossloomError]], ...] = (
    (GatedRepoError, _gated),  # a RepositoryNotFoundError too, so it comes first
    (RevisionNotFoundError, _no_revision),
    (RepositoryNotFoundError, _no_repository),
    (EntryNotFoundError, _no_file),
    (DisabledRepoError, _disabled),
    (OfflineModeIsEnabled, _not_cached),
    (HFValidationError, _bad_name),
)


def _by_status(problem: HfHubHTTPError, request: Request) -> CrossloomError:
    """A refusal that the Hub explains by its status alone."""
    status = problem.response.status_code
    said = [f"the Hub said: {problem.server_message}"] if problem.server_message else []
    match status:
        case 401:
            message = f"the Hub does not know the account that asked for `{request.subject}` (401)"
            help = f"the token is wrong or has expired: {_LOG_IN} anew"
        case 403:
            message = f"this account may not read `{request.subject}` (403)"
            help = "give the token read permission for the repository, or ask its owner for access"
        case 404:
            return _no_file(request) if request.file else _no_repository(request)
        case 429:
            message = f"the Hub was asked too often, and refused `{request.subject}` (429)"
            wait = problem.response.headers.get("Retry-After")
            help = f"try again in {wait} seconds" if wait else "try again in some minutes"
        case _ if status >= 500:
            message = f"the Hub failed while serving `{request.subject}` ({status})"
            help = "try again later; a cached copy is used with HF_HUB_OFFLINE=1"
        case _:
            message = f"the Hub refused `{request.subject}` ({status})"
            help = f"see {constants.ENDPOINT}/{request.repository}"
    return failure("XL515", message, info=said, help=help)


def _by_operating_system(problem: OSError, request: Request) -> CrossloomError:
    """A full disk, a cache that cannot be written, or a transfer that ended early."""
    if problem.errno is not None:
        return failure(
            "XL515",
            f"`{request.subject}` could not be stored: {problem.strerror}",
            info=[f"the cache is {problem.filename or constants.HF_HUB_CACHE}"],
            help="make room, or name another cache folder with HF_HUB_CACHE",
        )
    return failure(
        "XL515",
        f"the transfer of `{request.subject}` failed",
        info=[" ".join(str(problem).split())],
        help="try again",
    )
