"""A server on loopback that speaks OpenAI's chat completions and can go wrong in every way that is asked of it.

``JudgeServer`` runs in a thread of a test; ``python tests/judge_server.py --delay-s 0.2`` runs alone, prints its
address and answers until its standard input ends, so that what it costs is not counted with what is measured.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import math
import sys
import time
import wave
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loopback import YES, Asked, Handler, Loopback, pieces

FAULTS = ("", "reset", "reset_after", "hang", "drip", "cut", "endless", "close")


@dataclass(frozen=True)
class Turn:
    """What the server does to one request: a reply, whatever is wrong with it, or a fault of the connection."""

    content: Any = YES
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # sent as it is, in place of a completion
    error: Mapping[str, Any] | None = None  # the inside of {"error": ...}
    fault: str = ""
    delay_s: float = 0.0
    model: str = "tester-2026-11-01"
    finish: str = "stop"
    refusal: str | None = None
    tokens: Any = None  # logprobs.content, in place of the server's own
    message: Mapping[str, Any] | None = None  # the message, in place of the server's own


def entry(token: str, probability: float, others: Mapping[str, float] | None = None) -> dict[str, Any]:
    """One token of ``logprobs.content``."""

    def one(text: str, p: float) -> dict[str, Any]:
        return {"token": text, "logprob": math.log(p) if p else -9999.0, "bytes": list(text.encode())}

    top = {token: probability, **(others or {})}
    ranked = sorted(top.items(), key=lambda pair: -pair[1])
    return {**one(token, probability), "top_logprobs": [one(text, p) for text, p in ranked]}


def tokens_of(content: str, p_word: float = 0.9) -> list[dict[str, Any]]:
    """A reply cut into tokens as byte-pair vocabularies cut JSON; the answer's word has an opposite."""
    found = []
    for piece, other in pieces(content):
        found.append(entry(piece, p_word, {other: 1 - p_word}) if other else entry(piece, 0.999))
    return found


def mistakes_in(body: Any) -> list[str]:
    """What a strict server would not take: the wire format, as OpenAI and vLLM document it."""
    found = []
    if not isinstance(body, dict):
        return ["the body is no object"]
    known = {
        *("model", "messages", "temperature", "seed", "max_tokens", "max_completion_tokens", "logprobs"),
        *("top_logprobs", "response_format", "media_io_kwargs", "mm_processor_kwargs"),
    }
    found += [f"unknown field {name}" for name in sorted(set(body) - known)]
    if not isinstance(body.get("model"), str):
        found.append("model is no text")
    messages = body.get("messages")
    if [m.get("role") for m in messages or ()] != ["system", "user"]:
        return [*found, "messages are not system, user"]
    if not isinstance(messages[0]["content"], str):
        found.append("the system message is no text")
    for part in messages[1]["content"]:
        kind = part.get("type")
        if set(part) != {"type", kind} or kind not in ("text", "image_url", "video_url", "input_audio"):
            found.append(f"a part of type {kind!r} with {sorted(part)}")
        elif kind == "text":
            if not isinstance(part["text"], str) or not part["text"]:
                found.append("an empty text")
        elif kind == "input_audio":
            with wave.open(io.BytesIO(base64.b64decode(part[kind]["data"], validate=True))) as sound:
                if part[kind]["format"] != "wav" or sound.getnchannels() != 1 or sound.getsampwidth() != 2:
                    found.append("sound that is not one channel of 16 bits in WAV")
        elif part[kind]["url"].startswith("data:"):
            head, _, data = part[kind]["url"].partition(",")
            mime = head.removeprefix("data:").removesuffix(";base64")
            files = [base64.b64decode(item, validate=True) for item in data.split(",")]
            if mime.endswith("/jpeg") and not all(file[:3] == b"\xff\xd8\xff" for file in files):
                found.append(f"{mime} that is no JPEG")
            if mime == "video/mp4" and files[0][4:8] != b"ftyp":
                found.append("video/mp4 that is no mp4")
        elif not part[kind]["url"].startswith("file:///"):
            found.append(f"an address {part[kind]['url'][:40]}")
    if body.get("logprobs") is True and not 0 <= body.get("top_logprobs", -1) <= 20:
        found.append("top_logprobs outside 0 to 20")
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if "response_format" in body and (not schema or schema["required"] != ["answer"] or not schema["properties"]):
        found.append("a response_format without a schema")
    return found


class _Handler(Handler):
    def do_POST(self) -> None:
        owner = self.server.owner
        raw = self.read()
        turn = owner.turn(self.path, dict(self.headers.items()), raw)
        if turn.delay_s:
            time.sleep(turn.delay_s)
        if turn.fault == "hang":
            self.hang()
            return
        if turn.fault == "reset":
            self.reset()
            return
        body = owner.completion(turn, raw) if turn.body is None else turn.body
        self.send_response_only(turn.status)
        for name, value in turn.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        if turn.fault in ("drip", "endless"):
            self.trickle(*((b" ", 0.05) if turn.fault == "drip" else (b" " * 65536, 0.0)))
            return
        self.send_header("Content-Length", str(len(body) + (400 if turn.fault in ("cut", "reset_after") else 0)))
        if turn.fault == "close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if turn.fault == "reset_after":
            self.lose()
        if turn.fault:
            self.close_connection = True


class JudgeServer(Loopback):
    """A judge's server in a thread of this process.

    Args:
        turns: what it does to the first requests, in order.
        answer: what it does to those after: a reply's text, or a turn, from the request's body.
        key: the key that it wants, or None.
        model: the only model that it has, or None for any.
        refuses: fields that it does not take, with a 400 that names them.
        blind: take no look at what is asked; for measuring speed.
    """

    def __init__(
        self,
        turns: Iterable[Turn] = (),
        answer: Callable[[Any], str | Turn] | str | Turn = YES,
        key: str | None = None,
        model: str | None = None,
        refuses: Iterable[str] = (),
        delay_s: float = 0.0,
        blind: bool = False,
    ) -> None:
        super().__init__(_Handler, turns, "/v1")
        self.calls = 0
        self._answer = answer
        self._key = key
        self._model = model
        self._refuses = tuple(refuses)
        self._delay_s = delay_s
        self._blind = blind

    def turn(self, path: str, headers: Mapping[str, str], raw: bytes) -> Turn:
        with self._lock:
            self.calls += 1
        if self._blind:
            return Turn(delay_s=self._delay_s)
        body = json.loads(raw)
        mistakes = mistakes_in(body)
        with self._lock:
            self.asked.append(Asked(path, headers, raw, body))
            self.mistakes += mistakes
            turn = self._turns.pop(0) if self._turns else None
        if turn is not None:
            return turn
        if path != "/v1/chat/completions":
            return Turn(status=404, body=b'{"detail":"Not Found"}')
        if self._key is not None and headers.get("Authorization") != f"Bearer {self._key}":
            said = headers.get("Authorization", "").removeprefix("Bearer ")
            message = f"Incorrect API key provided: {said}. You can find your API key at your account page."
            error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
            return Turn(status=401, error=error)
        if mistakes:
            return Turn(status=400, error={"message": "; ".join(mistakes), "type": "BadRequestError", "code": 400})
        if self._model is not None and body["model"] != self._model:
            message = f"The model `{body['model']}` does not exist."
            return Turn(status=404, error={"message": message, "type": "NotFoundError", "param": None, "code": 404})
        for name in self._refuses:
            if name in body:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                if name == "max_tokens":
                    message += " Use 'max_completion_tokens' instead."
                error = {"message": message, "type": "invalid_request_error", "param": name, "code": "unsupported"}
                return Turn(status=400, error=error)
        reply = self._answer(body) if callable(self._answer) else self._answer
        turn = reply if isinstance(reply, Turn) else Turn(content=reply)
        return turn if turn.delay_s or not self._delay_s else Turn(**{**turn.__dict__, "delay_s": self._delay_s})

    def completion(self, turn: Turn, raw: bytes) -> bytes:
        if turn.error is not None:
            return json.dumps({"error": dict(turn.error)}).encode()
        body = {} if self._blind else json.loads(raw)
        message = {"role": "assistant", "content": turn.content, "refusal": turn.refusal}
        logprobs = None
        if self._blind or (body.get("logprobs") and isinstance(turn.content, str)):
            logprobs = {"content": tokens_of(turn.content) if turn.tokens is None else turn.tokens}
        value = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1793000000,
            "model": turn.model,
            "choices": [
                {
                    "index": 0,
                    "message": message if turn.message is None else dict(turn.message),
                    "logprobs": logprobs,
                    "finish_reason": turn.finish,
                }
            ],
            "usage": {"prompt_tokens": 1234, "completion_tokens": 7, "total_tokens": 1241},
        }
        return json.dumps(value).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description="answer yes to every question, after a while")
    parser.add_argument("--delay-s", type=float, default=0.2)
    parser.add_argument("--look", action="store_true", help="check what is asked, which costs time")
    given = parser.parse_args()
    with JudgeServer(delay_s=given.delay_s, blind=not given.look) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
