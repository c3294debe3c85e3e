"""Publishing to the Hub: what would change, then all of it in one commit, or as one pull request.

Conventions
    Files are compared with what the repository holds by their digests, without fetching them: git's for small files,
    sha256 for large ones. What only the repository has stays there. The commit names the state that was compared
    with, so that a change by somebody else in between stops it, and a failure at any point leaves the repository as it
    was: large files travel first and are of no repository until the commit, which is one request.

    Tokens are those that ``huggingface_hub`` knows (``hf auth login``, ``HF_TOKEN``); no message shows one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.resources
import json
import logging
import os
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from avgen_bench._lazy import lazy
from avgen_bench.errors import HubBroken, HubDenied, HubError, HubUnknown, InputError
from avgen_bench.report_words import printable

huggingface_hub = lazy("huggingface_hub")

__all__ = [
    "Change",
    "Parcel",
    "Plan",
    "account",
    "dataset_files",
    "head",
    "plan",
    "read_text",
    "refuse_name",
    "send",
    "space_files",
    "spaces",
]

Kind = Literal["model", "dataset", "space"]

TIMEOUT_S = 30.0
"""How long one answer may take, each time that huggingface_hub tries; it would wait for ever."""
_CONNECT_S = 10.0
_MOST_README = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_PATH = re.compile(r"[\w.][\w. -]*(?:/[\w.][\w. -]*)*")
_PLURAL: Mapping[str, str] = {"model": "models", "dataset": "datasets", "space": "spaces"}


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to go into one repository: contents by path in it, bytes or the file that holds them.

    ``made_from`` is the commit that the contents were made from, where they were; they are for no other state.
    """

    kind: Kind
    repository: str
    files: Mapping[str, bytes | Path]
    message: str
    may_create: bool = False
    made_from: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One file: its bytes, and whether it is ``new``, ``changed`` or the ``same``."""

    path: str
    size: int
    what: Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What sending a parcel would do.

    Attributes:
        exists: whether the repository is there; one that is not is made when the parcel is sent.
        parent: the commit that was compared with; empty where there is none.
        kept: paths that only the repository has, which stay.
    """

    parcel: Parcel
    changes: tuple[Change, ...]
    exists: bool
    parent: str
    kept: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return self.exists and all(change.what == "same" for change in self.changes)


def refuse_name(name: str, option: str) -> str:
    """The name of a repository, looked at.

    Raises:
        InputError: it is not of the form org/name.
    """
    if not _NAME.fullmatch(name) or ".." in name or "--" in name:
        raise InputError(f"{option} {printable(name)[:80]}: expected a repository of the Hub, as in org/name")
    return name


# --------------------------------------------------------------------------- talking to the Hub


def _library() -> Any:
    """The HTTP library that huggingface_hub is built on: httpx2 from version 2, httpx before."""
    from huggingface_hub.errors import HfHubHTTPError

    return importlib.import_module(HfHubHTTPError.__bases__[0].__module__.partition(".")[0])


_USUAL = "https://huggingface.co"


def _address(endpoint: str) -> str:
    """Where a Hub is, without the name and password that its address may hold; empty where it is no address."""
    try:
        parts = urllib.parse.urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:%-]+", host):
        return ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def _token() -> str:
    """The token that huggingface_hub knows; empty where there is none.

    Raises:
        InputError: HF_ENDPOINT is no address; the library would not even load.
    """
    set_to = os.environ.get("HF_ENDPOINT")
    if set_to is not None and not _address(set_to):
        shown = printable(set_to.rpartition("@")[2])[:80]
        raise InputError(f"HF_ENDPOINT is {shown!r}; expected an address, such as {_USUAL}, or unset it")
    return str(huggingface_hub.get_token() or "")


@contextlib.contextmanager
def _talking(what: str, sends: bool = False) -> Iterator[Any]:
    """An HfApi whose requests end in time, and whose failures are errors of ours."""
    token = _token()
    from huggingface_hub import errors
    from huggingface_hub.utils import _http
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    library = _library()
    usual = _http._GLOBAL_CLIENT_FACTORY

    ends = library.Timeout(TIMEOUT_S, connect=min(_CONNECT_S, TIMEOUT_S)).as_dict()

    def end_in_time(request: Any) -> None:  # also where a method of HfApi asks for no time-out
        request.extensions["timeout"] = ends

    def client() -> Any:
        made = usual()
        hooks = made.event_hooks
        made.event_hooks = {**hooks, "request": [*hooks.get("request", ()), end_in_time]}
        return made

    verbosity = hub_logging.get_verbosity()
    quiet = are_progress_bars_disabled()
    huggingface_hub.set_client_factory(client)
    hub_logging.set_verbosity(logging.ERROR)
    if not quiet:
        disable_progress_bars()
    try:
        yield huggingface_hub.HfApi(token=token or False)
    except (
        *(errors.HfHubHTTPError, errors.OfflineModeIsEnabled, library.HTTPError, library.InvalidURL),
        *(RuntimeError, ValueError, *_ODD),
    ) as error:
        raise _told(error, what, token, sends) from None
    finally:
        if not quiet:
            enable_progress_bars()
        hub_logging.set_verbosity(verbosity)
        huggingface_hub.set_client_factory(usual)


_ODD = (LookupError, AttributeError, TypeError, json.JSONDecodeError, UnicodeDecodeError, RecursionError)
"""What huggingface_hub raises at answers that are not what a Hub says: a page of a proxy, another server."""


def _told(error: Exception, what: str, token: str, sends: bool) -> Exception:
    """A failure of huggingface_hub as an error of ours: what was wanted, what came, what to do."""
    from huggingface_hub import constants, errors

    httpx = _library()
    if isinstance(error, RuntimeError | ValueError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # of an upload in a thread, or of a download
    # named in every message: an HF_ENDPOINT that was mistyped stays hidden otherwise
    what = f"{what} at {_address(constants.ENDPOINT) or 'an address that is none'}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubBroken(f"{what}: HF_HUB_OFFLINE forbids to ask the Hub; unset it to go on")
    after = "try again later"
    if sends:
        after = "nothing was published, or all of it: look with --dry-run, and run the same command again"
    if isinstance(error, httpx.TimeoutException):
        return HubBroken(f"{what}: no answer in {TIMEOUT_S:g} s; {after}")
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    said = printable(str(getattr(error, "server_message", None) or ""))[:200]
    said = said.replace(token, "(token)") if token else said
    tail = f": {said}" if said else ""
    if status == 401 and not token:
        return HubDenied(f"{what}: the Hub shows no such repository without a token; log in with: hf auth login")
    if isinstance(error, errors.GatedRepoError) or status == 403:
        return HubDenied(
            f"{what}: the Hub refuses it (status {status}){tail}; the token may not write there: take one that may, "
            "ask the owners, or send a pull request with --pr"
        )
    if isinstance(error, errors.RepositoryNotFoundError) and status == 404:
        return HubUnknown(f"{what}: no such repository, or none that this token may see; make it, or correct it")
    if status == 401:
        return HubDenied(f"{what}: the Hub does not accept the token (status 401); log in again: hf auth login --force")
    if status in (409, 412):
        return HubError(f"{what}: the repository has changed in between (status {status}){tail}; run it again")
    if status is not None and (status >= 500 or status in (408, 429)):
        return HubBroken(f"{what}: the Hub failed (status {status}){tail}; {after}")
    if isinstance(error, httpx.TransportError):
        return HubBroken(f"{what}: the Hub cannot be reached, or broke off ({type(error).__name__}); {after}")
    if isinstance(error, _ODD) and status is None:
        kind = type(error).__name__
        return HubBroken(f"{what}: the answer is none of a Hub, but of something in between ({kind}); {after}")
    if not said:
        said = printable(str(error).strip().replace("\n", " "))[:300]
        said = said.replace(token, "(token)") if token else said
    return HubError(f"{what}: the Hub did not take it{f' (status {status})' if status else ''}: {said}")


def _no_token(what: str) -> HubDenied:
    return HubDenied(
        f"{what}: there is no token; log in with: hf auth login, or set HF_TOKEN; it is taken from nowhere else"
    )


def account() -> str:
    """The name that the token belongs to.

    Raises:
        HubError: no token, or the Hub does not know it.
    """
    what = "asking who the token belongs to"
    if not _token():
        raise _no_token(what)
    with _talking(what) as api:
        name = str(api.whoami()["name"])
    refuse_name(f"{name}/x", "the name of the account")
    return name


def head(kind: Kind, repository: str) -> str:
    """The newest commit of a repository.

    Raises:
        HubError: no such repository, no permission to see it, or the Hub failed.
    """
    with _talking(f"looking at {_PLURAL[kind]}/{repository}") as api:
        return str(api.repo_info(repository, repo_type=kind).sha or "")


def read_text(kind: Kind, repository: str, path: str, commit: str) -> str:
    """A text file of a repository as of a commit, at most 1 MiB; empty where it has none.

    Raises:
        HubError: no such repository, or the Hub failed.
        InputError: the file is too large, or no UTF-8.
    """
    tools: Any = importlib.import_module("huggingface_hub.utils")
    with _talking(f"reading {path} of {repository}") as api:
        [info] = api.get_paths_info(repository, [path], repo_type=kind, revision=commit) or [None]
        if info is None or not hasattr(info, "size"):
            return ""
        if info.size > _MOST_README:
            raise InputError(f"{path} of {repository} has {info.size} bytes; expected {_MOST_README} at the most")
        url = huggingface_hub.hf_hub_url(repository, path, repo_type=kind, revision=commit, endpoint=api.endpoint)
        response = huggingface_hub.get_session().get(url, headers=tools.build_hf_headers(token=api.token))
        tools.hf_raise_for_status(response)
        data = bytes(response.content)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} of {repository} is no UTF-8; correct it first") from None


# --------------------------------------------------------------------------- plan and send


def _content(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _is_same(data: bytes, remote: Any) -> bool:
    if remote.lfs is not None:
        return bool(remote.lfs.sha256 == hashlib.sha256(data).hexdigest())
    header = b"blob %d\0" % len(data)
    return bool(remote.blob_id == hashlib.sha1(header + data, usedforsecurity=False).hexdigest())


def plan(parcel: Parcel) -> Plan:
    """What sending the parcel would change; sends nothing.

    Raises:
        HubError: no such repository, no permission to see it, or the Hub failed.
        InputError: a name that no repository or file has.
    """
    refuse_name(parcel.repository, "repository")
    for path in parcel.files:
        if not _PATH.fullmatch(path) or ".." in path.split("/"):
            raise InputError(f"{printable(path)[:80]!r} is no path in a repository; rename the file")
    what = f"looking at {_PLURAL[parcel.kind]}/{parcel.repository}"
    remote: dict[str, Any] = {}
    parent = ""
    exists = True
    try:
        with _talking(what) as api:
            parent = parcel.made_from or str(api.repo_info(parcel.repository, repo_type=parcel.kind).sha or "")
            tree = api.list_repo_tree(parcel.repository, recursive=True, repo_type=parcel.kind, revision=parent or None)
            remote = {item.path: item for item in tree if hasattr(item, "blob_id")}
    except HubUnknown:
        if not parcel.may_create:
            raise
        exists = False
    changes = []
    for path, content in sorted(parcel.files.items()):
        data = _content(content)
        there = remote.get(path)
        state: Literal["new", "changed", "same"]
        state = "new" if there is None else "same" if _is_same(data, there) else "changed"
        changes.append(Change(path, len(data), state))
    return Plan(parcel, tuple(changes), exists, parent, tuple(sorted(remote.keys() - parcel.files.keys())))


def send(made: Plan, *, as_pull_request: bool = False) -> str:
    """Send what is new or changed, in one commit: its address, or that of the pull request; empty if nothing changed.

    Raises:
        HubError: no token, no permission, the repository changed since the plan, or the Hub failed; nothing was
            published then, but for a repository that was made and is empty.
    """
    parcel = made.parcel
    if made.is_empty:
        return ""
    what = f"sending to {_PLURAL[parcel.kind]}/{parcel.repository}"
    if not _token():
        raise _no_token(what)
    operations = [
        huggingface_hub.CommitOperationAdd(
            change.path, content if isinstance(content := parcel.files[change.path], bytes) else str(content)
        )
        for change in made.changes
        if change.what != "same"
    ]
    with _talking(what, sends=True) as api:
        if not made.exists:
            sdk = {"space_sdk": "gradio"} if parcel.kind == "space" else {}
            api.create_repo(parcel.repository, repo_type=parcel.kind, exist_ok=True, **sdk)
        # not upload_folder: where hf_xet is installed it may publish a folder in several commits
        done = api.create_commit(
            parcel.repository,
            operations,
            commit_message=parcel.message,
            repo_type=parcel.kind,
            create_pr=as_pull_request,
            parent_commit=made.parent if re.fullmatch(r"[0-9a-f]{40}", made.parent) else None,
        )
    return printable(str(done.pr_url if as_pull_request else done.commit_url))


# --------------------------------------------------------------------------- what is sent


def _files_in(folder: Path, patterns: tuple[str, ...]) -> dict[str, bytes | Path]:
    """Regular files below a folder by path, without links, hidden files and caches."""
    found: dict[str, bytes | Path] = {}
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            parts = path.relative_to(folder).parts
            hidden = any(part.startswith((".", "__")) for part in parts)
            if path.is_file() and not hidden and not any(folder.joinpath(*parts[:n]).is_symlink() for n in range(1, 9)):
                found["/".join(parts)] = path
    return found


def _folder(package: str) -> Path:
    return Path(str(importlib.resources.files(f"avgen_bench.{package}")))


def dataset_files() -> dict[str, bytes | Path]:
    """The dataset's repository as it was built: card, tasks, builder, parquet."""
    found = _files_in(_folder("dataset"), ("README.md", "eval.yaml", "avgen_bench.py", "data/*.parquet"))
    if not {"README.md", "eval.yaml"} <= found.keys():
        raise InputError("the dataset is not built; run: python -m avgen_bench.builders build")
    return found


def spaces() -> tuple[str, ...]:
    """The Spaces that come with the package, by the names of their folders."""
    return tuple(sorted(path.parent.name for path in _folder("metrics").glob("*/README.md")))


def space_files(name: str) -> dict[str, bytes | Path]:
    """The files of a Space.

    Raises:
        InputError: there is no such Space, or it has no app.
    """
    if name not in spaces():
        raise InputError(
            f"no Space is called {printable(name)[:80]!r}; there are: {', '.join(spaces()) or 'none'}, all"
        )
    found = _files_in(_folder("metrics") / name, ("**/*.py", "**/*.md", "**/*.txt", "**/*.json", "**/*.css", "**/*.js"))
    if "app.py" not in found:
        raise InputError(f"the Space {name!r} has no app.py, and would not start; it holds {', '.join(found)}")
    return found
