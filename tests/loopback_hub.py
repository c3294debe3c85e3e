"""A Hub on 127.0.0.1 that answers what huggingface_hub, datasets and evaluate really ask, for tests.

Conventions
    Repositories are histories of commits; a commit is taken whole or not at all. Files with the endings in ``LARGE``,
    or larger than 10 MB, travel by the LFS batch and PUT routes, all others inside the commit, as on the real Hub
    without Xet. Tokens are ``hf_owner`` (may write everywhere), ``hf_reader`` (reads, and opens pull requests) and none
    (reads what is public). A fault makes the requests that it names fail, hang or break off.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LARGE = (".parquet", ".mp4", ".arrow", ".bin", ".png")
OWNER, READER = "hf_owner", "hf_reader"
_NAMES = {OWNER: "org", READER: "reader"}
_KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}


@dataclass(frozen=True)
class File:
    """One file of a commit."""

    data: bytes
    is_large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        """As git names it; of a large file, that of its pointer."""
        data = self.data
        if self.is_large:
            data = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(data)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def row(self, path: str) -> dict[str, Any]:
        """As the tree lists it."""
        row: dict[str, Any] = {"type": "file", "path": path, "size": len(self.data), "oid": self.oid}
        if self.is_large:
            row["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": 130}
        return row


@dataclass
class Repository:
    """Commits by branch, the newest last; a branch ``refs/pr/1`` is a pull request."""

    kind: str
    name: str
    is_private: bool = False
    commits: dict[str, list[tuple[str, str, dict[str, File]]]] = field(default_factory=dict)

    def find(self, revision: str) -> tuple[str, dict[str, File]] | None:
        """Commit and files of a branch or a commit."""
        for branch, history in self.commits.items():
            for sha, _, files in reversed(history):
                if revision in (branch, sha):
                    return sha, files
        return None

    @property
    def files(self) -> dict[str, bytes]:
        """What main holds."""
        return {path: file.data for path, file in self.commits["main"][-1][2].items()}

    @property
    def log(self) -> list[str]:
        """The messages of main, the oldest first."""
        return [message for _, message, _ in self.commits["main"]]


@dataclass
class Fault:
    """What goes wrong with requests whose ``METHOD /path`` matches.

    ``how`` is a status, ``hang`` (no answer for ``hang_s``), ``break`` (the connection ends without an answer), or the
    bytes of another answer, with status 200; ``after`` says that the request is carried out first, ``times`` how often
    it happens.
    """

    pattern: str
    how: int | str | bytes
    times: int = 1000
    after: bool = False


class LoopbackHub:
    """The server; ``url`` is what ``HF_ENDPOINT`` must be, ``log`` every request as ``METHOD /path?query``."""

    def __init__(self, hang_s: float = 5.0) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.large: dict[str, bytes] = {}
        self.log: list[str] = []
        self.tokens: list[str] = []
        self.faults: list[Fault] = []
        self.hang_s = hang_s
        self.lock = threading.RLock()
        self._shas = itertools.count(1)
        handler = type("Bound", (_Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def environment(self, home: os.PathLike[str] | str, token: str = OWNER) -> dict[str, str]:
        """What a process that talks to this Hub must have in its environment."""
        made = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        made |= {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        made |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_DATASETS_CACHE": str(home) + "/datasets"}
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            made.pop(name, None)
        return made | ({"HF_TOKEN": token} if token else {})

    def make(self, kind: str, name: str, files: Mapping[str, bytes] | None = None, private: bool = False) -> Repository:
        """A repository with one commit."""
        with self.lock:
            made = Repository(kind, name, private)
            self.repositories[kind, name] = made
            there = {path: File(data, _is_large(path, len(data))) for path, data in (files or {}).items()}
            made.commits["main"] = [(self._sha(), "initial commit", there)]
            return made

    def commit(self, repository: Repository, message: str, files: Mapping[str, bytes]) -> str:
        """Another commit on main, as if somebody else had made it."""
        with self.lock:
            old = repository.commits["main"][-1][2]
            new = {path: File(data, _is_large(path, len(data))) for path, data in files.items()}
            sha = self._sha()
            repository.commits["main"].append((sha, message, {**old, **new}))
            return sha

    def merge(self, repository: Repository, number: int) -> None:
        """Accept a pull request."""
        with self.lock:
            repository.commits["main"].append(repository.commits.pop(f"refs/pr/{number}")[-1])

    def _sha(self) -> str:
        return hashlib.sha1(b"commit %d" % next(self._shas)).hexdigest()

    @property
    def asked(self) -> list[str]:
        """Methods and routes that were asked, each once, identities and commits left out."""
        found = []
        for line in self.log:
            short = re.sub(r"[0-9a-f]{40,64}", "REV", line.partition("?")[0])
            if short not in found:
                found.append(short)
        return found


def _is_large(path: str, size: int) -> bool:
    return size > 0 and (path.endswith(LARGE) or size > 10 << 20)


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""

    def _answer(self, status: int, body: Any = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        if not isinstance(body, bytes):
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _error(self, status: int, code: str, message: str, **headers: str) -> None:
        self._answer(status, {"error": message}, X_Error_Code=code, X_Error_Message=message, **headers)

    @property
    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _handle(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        path, query = urllib.parse.unquote(url.path).strip("/"), urllib.parse.parse_qs(url.query)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        with self.hub.lock:
            self.hub.log.append(f"{self.command} {self.path}")
            self.hub.tokens.append(self._token)
            fault = next(
                (f for f in self.hub.faults if re.search(f.pattern, f"{self.command} /{path}") and f.times), None
            )
            if fault is not None:
                fault.times -= 1
        if fault is not None and not fault.after:
            return self._fail(fault)
        if fault is not None:
            real, self.wfile = self.wfile, io.BytesIO()  # the answer is never to arrive
            self._route(path, query, body)
            self.wfile = real
            return self._fail(fault)
        return self._route(path, query, body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _handle

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _fail(self, fault: Fault) -> None:
        if isinstance(fault.how, int):
            self._answer(fault.how, {"error": f"out of order <b>{self._token}</b>"}, X_Request_Id="r-1")
            return
        if isinstance(fault.how, bytes):
            self._answer(200, fault.how, Content_Type="application/json")
            return
        if fault.how == "hang":
            time.sleep(self.hub.hang_s)
        self.close_connection = True

    def _route(self, path: str, query: Mapping[str, list[str]], body: bytes) -> None:
        token = self._token
        if token and token not in _NAMES:
            return self._error(401, "", "Invalid credentials in Authorization header")
        if path == "api/whoami-v2":
            if not token:
                return self._error(401, "", "no token")
            name = _NAMES[token]
            return self._answer(
                200, {"type": "user", "name": name, "orgs": [], "auth": {"type": "access_token", "accessToken": {}}}
            )
        if path == "api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if path == "api/repos/create":
            return self._create(json.loads(body))
        if found := re.fullmatch(r"large/([0-9a-f]{64})", path):
            with self.hub.lock:
                if hashlib.sha256(body).hexdigest() != found[1]:
                    return self._error(400, "", "other bytes than were announced")
                self.hub.large[found[1]] = body
            return self._answer(200)
        if found := re.fullmatch(r"(?:(datasets|spaces)/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self._batch(found[1] or "models", found[2], json.loads(body))
        if found := re.fullmatch(r"api/(models|datasets|spaces)/([^/]+/[^/]+)(?:/(.*))?", path):
            return self._api(found[1], found[2], found[3] or "", query, body)
        if found := re.fullmatch(r"(?:(datasets|spaces)/)?([^/]+/[^/]+)/resolve/(refs/pr/\d+|[^/]+)/(.+)", path):
            return self._resolve(found[1] or "models", *found.groups()[1:])
        return self._error(404, "", f"no such route: {self.command} /{path}")

    def _repository(self, plural: str, name: str) -> Repository | None:
        """The repository, or None after the answer that there is none, or none for this token."""
        found = self.hub.repositories.get((_KINDS[plural], name))
        if found is None or (found.is_private and self._token != OWNER):
            # as the Hub does: somebody without a token is told to log in, whether it is there or not
            if not self._token:
                self._error(401, "RepoNotFound", "Invalid username or password.")
            else:
                self._error(404, "RepoNotFound", "Repository not found")
            return None
        return found

    def _create(self, asked: Mapping[str, Any]) -> None:
        kind = asked.get("type") or "model"
        name = f"{asked.get('organization') or _NAMES.get(self._token, '')}/{asked['name']}"
        if self._token != OWNER:
            return self._error(403, "", f"You don't have the rights to create a {kind} under this namespace")
        if kind == "space" and not asked.get("sdk"):
            return self._error(400, "", "sdk is required")
        url = f"{self.hub.url}/{'' if kind == 'model' else kind + 's/'}{name}"
        with self.hub.lock:
            if (kind, name) in self.hub.repositories:
                return self._answer(409, {"error": "You already created this repository", "url": url})
            self.hub.make(kind, name, {".gitattributes": b"*.parquet filter=lfs\n"})
        return self._answer(200, {"url": url, "name": name, "id": name})

    def _batch(self, plural: str, name: str, asked: Mapping[str, Any]) -> None:
        if self._repository(plural, name) is None:
            return
        if not self._token:
            return self._error(401, "", "no token")
        rows = []
        for item in asked["objects"]:
            row = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.hub.large:
                row["actions"] = {"upload": {"href": f"{self.hub.url}/large/{item['oid']}", "header": {}}}
            rows.append(row)
        self._answer(200, {"transfer": "basic", "objects": rows})

    def _api(self, plural: str, name: str, rest: str, query: Mapping[str, list[str]], body: bytes) -> None:
        repository = self._repository(plural, name)
        if repository is None:
            return
        action, _, tail = rest.partition("/")
        revision, _, inside = tail.partition("/")
        if tail.startswith("refs/pr/"):
            revision, inside = "/".join(tail.split("/")[:3]), "/".join(tail.split("/")[3:])
        if action == "preupload":
            return self._preupload(repository, revision, json.loads(body), "create_pr" in query)
        if action == "commit":
            return self._commit(repository, revision, body, "create_pr" in query)
        found = repository.find(revision or "main")
        if found is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        sha, files = found
        if action in ("", "revision"):
            return self._answer(200, self._info(repository, sha, files, query))
        if action == "tree":
            here = {path: file for path, file in files.items() if not inside or path.startswith(f"{inside}/")}
            if inside and not here:
                return self._error(404, "EntryNotFound", f"{inside} does not exist on {revision}")
            rows = [file.row(path) for path, file in sorted(here.items())]
            depth = len(inside.split("/")) if inside else 0
            folders = {"/".join(p.split("/")[:n]) for p in here for n in range(depth + 1, len(p.split("/")))}
            rows += [{"type": "directory", "path": path, "size": 0, "oid": "0" * 40} for path in sorted(folders)]
            if query.get("recursive", ["False"])[0].lower() not in ("true", "1"):
                rows = [row for row in rows if len(row["path"].split("/")) == depth + 1]
            return self._answer(200, rows)
        if action == "paths-info":
            if self.headers.get("Content-Type", "").startswith("application/json"):
                paths = json.loads(body)["paths"]
            else:
                paths = urllib.parse.parse_qs(body.decode()).get("paths", [])
            rows = [files[path].row(path) for path in paths if path in files]
            for path in paths:
                if path not in files and any(one.startswith(f"{path}/") for one in files):
                    rows.append({"type": "directory", "path": path, "size": 0, "oid": "0" * 40})
            return self._answer(200, rows)
        return self._error(404, "", f"no such route: {rest}")

    def _info(
        self, repository: Repository, sha: str, files: Mapping[str, File], query: Mapping[str, list[str]]
    ) -> dict[str, Any]:
        row: dict[str, Any] = {
            **{"_id": "0" * 24, "id": repository.name, "sha": sha, "private": repository.is_private},
            **{"gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0},
            **{"lastModified": "2026-01-01T00:00:00.000Z", "createdAt": "2026-01-01T00:00:00.000Z"},
            "siblings": [{"rfilename": path} for path in sorted(files)],
        }
        if "evalResults" in query.get("expand", []):
            import yaml

            row["evalResults"] = [
                {"filename": path, "data": entry}
                for path, file in sorted(files.items())
                if path.startswith(".eval_results/")
                for entry in yaml.safe_load(file.data)
            ]
        return row

    def _may_write(self, is_request: bool) -> bool:
        if self._token == OWNER or (is_request and self._token == READER):
            return True
        if not self._token:
            self._error(401, "", "Invalid username or password.")
        else:
            self._error(403, "", "You need write access; <b>pass a token with write rights</b>")
        return False

    def _preupload(self, repository: Repository, revision: str, asked: Mapping[str, Any], is_request: bool) -> None:
        if not self._may_write(is_request):
            return
        found = repository.find(revision)
        files = {} if found is None else found[1]
        rows = [
            {
                "path": item["path"],
                "uploadMode": "lfs" if _is_large(item["path"], item["size"]) else "regular",
                "shouldIgnore": False,
                "oid": files[item["path"]].oid if item["path"] in files else None,
            }
            for item in asked["files"]
        ]
        self._answer(200, {"files": rows})

    def _commit(self, repository: Repository, revision: str, body: bytes, is_request: bool) -> None:
        if not self._may_write(is_request):
            return
        rows = [json.loads(line) for line in body.decode().splitlines() if line.strip()]
        with self.hub.lock:
            if revision not in repository.commits:
                return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            parent, _, old = repository.commits[revision][-1]
            files = dict(old)
            message = ""
            for row in rows:
                key, value = row["key"], row["value"]
                if key == "header":
                    message = value["summary"]
                    if value.get("parentCommit") not in (None, parent):
                        return self._error(412, "", "A commit has happened since. Please refresh and try again.")
                elif key == "file":
                    files[value["path"]] = File(base64.b64decode(value["content"]), False)
                elif key == "lfsFile":
                    if value["oid"] not in self.hub.large:
                        return self._error(400, "", f"LFS pointer to {value['oid']}, which was never sent")
                    files[value["path"]] = File(self.hub.large[value["oid"]], True)
                elif key == "deletedFile":
                    files.pop(value["path"], None)
                elif key == "deletedFolder":
                    files = {path: one for path, one in files.items() if not path.startswith(value["path"])}
                else:
                    return self._error(400, "", f"unknown operation {key}")
            sha = self.hub._sha()
            pr_url = None
            address = f"{self.hub.url}/{'' if repository.kind == 'model' else repository.kind + 's/'}{repository.name}"
            if is_request:
                number = 1 + sum(name.startswith("refs/pr/") for name in repository.commits)
                repository.commits[f"refs/pr/{number}"] = [(sha, message, files)]
                pr_url = f"{address}/discussions/{number}"
            else:
                repository.commits[revision].append((sha, message, files))
        self._answer(
            200,
            {
                "success": True,
                "commitOid": sha,
                "commitUrl": f"{address}/commit/{sha}",
                "hookOutput": "",
                "pullRequestUrl": pr_url,
            },
        )

    def _resolve(self, plural: str, name: str, revision: str, path: str) -> None:
        repository = self._repository(plural, name)
        if repository is None:
            return
        found = repository.find(revision)
        if found is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        sha, files = found
        if path not in files:
            return self._error(404, "EntryNotFound", "Entry not found", X_Repo_Commit=sha)
        file = files[path]
        headers = {"X_Repo_Commit": sha, "Accept_Ranges": "bytes"}
        if file.is_large:
            headers |= {"X_Linked_Etag": f'"{file.sha256}"', "X_Linked_Size": str(len(file.data))}
        headers["ETag"] = f'"{file.sha256 if file.is_large else file.oid}"'
        data = file.data
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, stop = int(wanted[1]), int(wanted[2] or len(data) - 1)
            headers["Content_Range"] = f"bytes {start}-{min(stop, len(data) - 1)}/{len(data)}"
            return self._answer(206, data[start : stop + 1], **headers)
        return self._answer(200, data, Content_Length=str(len(data)), **headers)


@contextmanager
def loopback_hub(hang_s: float = 5.0) -> Iterator[LoopbackHub]:
    """A Hub that ends with the block."""
    made = LoopbackHub(hang_s)
    try:
        yield made
    finally:
        made.close()
