"""A server on loopback that speaks Google's Gemini API (v1beta, REST): the Files API and generateContent.

It checks what is asked as strictly as the service does, and goes wrong in every way that is asked of it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loopback import YES, Asked, Handler, Loopback, pieces

VERSION = "gemini-2.5-flash-001"


@dataclass(frozen=True)
class Turn:
    """What the server does to one generateContent: a reply, or a fault."""

    text: str = YES
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None  # the inside of {"error": ...}
    body: bytes | None = None
    fault: str = ""  # reset, hang, cut, drip
    finish: str = "STOP"
    version: str = VERSION
    candidates: bool = True
    block: str = ""
    p_word: float = 0.9


def error(status: int, name: str, message: str, details: Iterable[Mapping[str, Any]] = ()) -> Turn:
    """A fault as Google words it."""
    inside = {"code": status, "message": message, "status": name, "details": list(details)}
    return Turn(status=status, error=inside)


def retry_info(delay: str) -> dict[str, str]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def logprobs(text: str, p_word: float) -> dict[str, Any]:
    """``logprobsResult`` of a reply cut into tokens."""
    chosen, top = [], []
    for piece, other in pieces(text):
        ranked = [(piece, p_word if other else 0.999), *([(other, 1 - p_word)] if other else [])]
        listed = [{"token": t, "tokenId": i, "logProbability": math.log(p)} for i, (t, p) in enumerate(ranked)]
        chosen.append(listed[0])
        top.append({"candidates": sorted(listed, key=lambda item: -item["logProbability"])})
    return {"chosenCandidates": chosen, "topCandidates": top}


_CONFIG = {
    *("temperature", "seed", "maxOutputTokens", "candidateCount", "responseMimeType", "responseSchema"),
    *("responseLogprobs", "logprobs", "mediaResolution", "thinkingConfig"),
}


def camel(value: Any) -> Any:
    """A body with its names in one of the two ways that the service reads: ``file_uri`` is ``fileUri``."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {re.sub(r"_([a-z])", lambda hit: hit[1].upper(), name): camel(item) for name, item in value.items()}


def mistakes_in(body: Any, files: Mapping[str, Any]) -> list[str]:
    """What the service would not take."""
    found = [f"unknown field {name}" for name in set(body) - {"contents", "systemInstruction", "generationConfig"}]
    config = body.get("generationConfig", {})
    found += [f"unknown field generationConfig.{name}" for name in set(config) - _CONFIG]
    if config.get("responseMimeType") != "application/json" or "enum" not in json.dumps(config.get("responseSchema")):
        found.append("no schema of JSON")
    if config.get("responseLogprobs") and not 1 <= config.get("logprobs", 0) <= 20:
        found.append("logprobs outside 1 to 20")
    if [item.get("role") for item in body["contents"]] != ["user"]:
        return [*found, "contents are not one turn of the user"]
    if not body["systemInstruction"]["parts"][0]["text"]:
        found.append("no system instruction")
    for part in body["contents"][0]["parts"]:
        kinds = set(part) - {"videoMetadata"}
        if kinds not in ({"text"}, {"fileData"}, {"inlineData"}):
            found.append(f"a part with {sorted(part)}")
        if "fileData" in part:
            file = next((item for item in files.values() if item["uri"] == part["fileData"]["fileUri"]), None)
            if file is None or file["state"] != "ACTIVE":
                found.append("a file that is not there, or not ready")
            elif file["mimeType"] != part["fileData"]["mimeType"]:
                found.append("another type than the file has")
        if "inlineData" in part:
            base64.b64decode(part["inlineData"]["data"], b"-_", validate=True)
        if "videoMetadata" in part and not 0 < part["videoMetadata"].get("fps", 1) <= 24:
            found.append("fps outside 0 to 24")
    return found


class _Handler(Handler):
    def _send(self, status: int, value: Any, headers: Mapping[str, str] | None = None, short: int = 0) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, said in (headers or {}).items():
            self.send_header(name, said)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body) + short))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if short:
            self.close_connection = True

    def _refused(self) -> bool:
        owner = self.server.owner
        said = self.headers.get("x-goog-api-key", "")
        if owner.key is None or said == owner.key:
            return False
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
        turn = error(400, "INVALID_ARGUMENT", f"API key not valid: {said}. Please pass a valid API key.", details)
        self._send(400, {"error": turn.error})
        return True

    def do_GET(self) -> None:
        owner = self.server.owner
        owner.note(Asked(self.path, dict(self.headers.items()), b"", None, "GET"))
        name = self.path.removeprefix("/v1beta/")
        file = owner.files.get(name)
        if file is None:
            self._send(404, {"error": error(404, "NOT_FOUND", f"File {name} not found").error})
            return
        if not self._refused():
            self._send(200, owner.looked(file))

    def do_DELETE(self) -> None:
        owner = self.server.owner
        owner.note(Asked(self.path, dict(self.headers.items()), b"", None, "DELETE"))
        if not self._refused():
            owner.files.pop(self.path.removeprefix("/v1beta/"), None)
            self._send(200, {})

    def do_POST(self) -> None:
        owner = self.server.owner
        raw = self.read()
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path.startswith("/upload/v1beta/files"):
            owner.note(Asked(self.path, headers, raw, None))
            if headers.get("x-goog-upload-command") == "start":
                if self._refused():
                    return
                number = owner.begin(headers["x-goog-upload-header-content-type"])
                where = f"https://elsewhere.invalid/upload/v1beta/files?upload_id={number}&upload_protocol=resumable"
                self._send(200, {}, {"X-Goog-Upload-URL": where, "X-Goog-Upload-Status": "active"})
                return
            number = int(re.search(r"upload_id=(\d+)", self.path)[1])  # type: ignore[index]
            file = owner.take(number, raw, "finalize" in headers["x-goog-upload-command"])
            done = file is not None
            self._send(200, {"file": file} if done else {}, {"X-Goog-Upload-Status": "final" if done else "active"})
            return
        body = camel(json.loads(raw))
        owner.note(Asked(self.path, headers, raw, body))
        if self._refused():
            return
        model = re.fullmatch(r"/v1beta/models/([\w.-]+):generateContent", self.path)
        if model is None or (owner.model is not None and model[1] != owner.model):
            name = model[1] if model else self.path
            said = f"models/{name} is not found for API version v1beta, or is not supported for generateContent."
            self._send(404, {"error": error(404, "NOT_FOUND", said).error})
            return
        turn = owner.turn(body)
        if turn.fault == "hang":
            self.hang()
            return
        if turn.fault == "reset":
            self.reset()
            return
        if turn.fault == "drip":
            self.send_response(200)
            self.trickle(b" ", 0.05)
            return
        value = turn.body if turn.body is not None else owner.completion(turn, body)
        self._send(turn.status, value, turn.headers, 400 if turn.fault == "cut" else 0)


class GeminiServer(Loopback):
    """Google's service in a thread of this process.

    Args:
        turns: what it does to the first questions, in order.
        answer: what it does to those after, from the request's body.
        key: the key that it wants, or None.
        model: the only model that it has, or None for any.
        looks: how often a file is still being processed when it is looked at; -1 for one that cannot be.
        logprobs: whether the model gives probabilities.
    """

    def __init__(
        self,
        turns: Iterable[Turn] = (),
        answer: Callable[[Any], str | Turn] | str = YES,
        key: str | None = None,
        model: str | None = None,
        looks: int = 1,
        logprobs: bool = True,
    ) -> None:
        super().__init__(_Handler, turns)
        self.files: dict[str, dict[str, Any]] = {}
        self.uploads: dict[int, tuple[str, bytes]] = {}
        self.key, self.model = key, model
        self._answer = answer
        self._looks = looks
        self._logprobs = logprobs
        self._seen: dict[str, int] = {}

    @property
    def questions(self) -> list[Asked]:
        """The requests that ask something."""
        return [item for item in self.asked if "generateContent" in item.path]

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)

    def begin(self, mime: str) -> int:
        with self._lock:
            self.uploads[len(self.uploads)] = (mime, b"")
            return len(self.uploads) - 1

    def take(self, number: int, raw: bytes, last: bool) -> dict[str, Any] | None:
        with self._lock:
            mime, data = self.uploads[number]
            self.uploads[number] = (mime, data + raw)
            if not last:
                return None
            name = f"files/f{number}"
            state = "ACTIVE" if self._looks == 0 else "PROCESSING"
            uri = f"https://generativelanguage.googleapis.com/v1beta/{name}"
            size = str(len(data + raw))
            self.files[name] = {"name": name, "uri": uri, "mimeType": mime, "sizeBytes": size, "state": state}
            return self.files[name]

    def looked(self, file: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            seen = self._seen[file["name"]] = self._seen.get(file["name"], 0) + 1
            if self._looks < 0:
                file |= {"state": "FAILED", "error": {"code": 3, "message": "the video has no frames"}}
            elif seen >= self._looks:
                file["state"] = "ACTIVE"
            return dict(file)

    def turn(self, body: Any) -> Turn:
        mistakes = mistakes_in(body, self.files)
        with self._lock:
            self.mistakes += mistakes
            if self._turns:
                return self._turns.pop(0)
        if mistakes:
            return error(400, "INVALID_ARGUMENT", "; ".join(mistakes))
        if not self._logprobs and body["generationConfig"].get("responseLogprobs"):
            return error(400, "INVALID_ARGUMENT", "Logprobs is not enabled for models/gemini-2.5-flash")
        reply = self._answer(body) if callable(self._answer) else self._answer
        return reply if isinstance(reply, Turn) else Turn(text=reply)

    def completion(self, turn: Turn, body: Any) -> Any:
        if turn.error is not None:
            return {"error": dict(turn.error)}
        usage = {"promptTokenCount": 1300, "candidatesTokenCount": 7, "thoughtsTokenCount": 20, "totalTokenCount": 1327}
        value: dict[str, Any] = {"usageMetadata": usage, "modelVersion": turn.version, "responseId": "r1"}
        if turn.block:
            return {**value, "promptFeedback": {"blockReason": turn.block}}
        if not turn.candidates:
            return value
        candidate: dict[str, Any] = {"finishReason": turn.finish, "index": 0}
        if turn.text:
            parts = [{"text": "a thought", "thought": True}, {"text": turn.text}]
            candidate["content"] = {"role": "model", "parts": parts}
        if body["generationConfig"].get("responseLogprobs") and turn.text:
            candidate["logprobsResult"] = logprobs(turn.text, turn.p_word)
        return {**value, "candidates": [candidate]}
