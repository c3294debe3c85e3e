"""Stored replies, told again: for scoring anew without a server, and for tests.

Conventions
    JSON lines ``{"clip_id", "key", "digest", "repeat", "reply"}``: ``digest`` is that of the question as it was sent,
    ``reply`` what came back. A question whose words have changed since is another question and has no reply here. A
    later line wins. What is not stored is a reply that says nothing (``finish`` is ``not stored``), never an answer.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from avgen_bench.errors import InputError
from avgen_bench.judges.specs import nothing_left
from avgen_bench.store import write_text
from avgen_bench.types import Ask, ClipViews, JudgeFacts, JudgeReply, JudgeView, canonical_json

__all__ = ["Replay", "line_of", "write_replies"]

_FIELDS = ("clip_id", "digest", "key", "repeat", "reply")


def line_of(clip_id: str, ask: Ask, repeat: int, reply: JudgeReply) -> str:
    """The line that stores one reply, without its end."""
    return canonical_json(
        {"clip_id": clip_id, "key": ask.key, "digest": ask.digest, "repeat": repeat, "reply": reply.to_json()}
    )


def write_replies(lines: Iterable[str], path: str | os.PathLike[str]) -> Path:
    """The file just written from lines of :func:`line_of`, sorted, so that the same replies are the same file."""
    return write_text("".join(f"{line}\n" for line in sorted(lines)), path)


def _replies(text: str, name: str) -> dict[tuple[str, str, int], JudgeReply]:
    found: dict[tuple[str, str, int], JudgeReply] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, dict) or sorted(value) != sorted(_FIELDS):
                raise ValueError(f"expected an object with {', '.join(_FIELDS)}")
            clip_id, digest, repeat, reply = value["clip_id"], value["digest"], value["repeat"], value["reply"]
            if not isinstance(clip_id, str) or not isinstance(digest, str) or type(repeat) is not int:
                raise ValueError("clip_id and digest are text, repeat is a whole number")
            if not isinstance(reply, dict) or not isinstance(reply.get("raw"), str):
                raise ValueError("reply is an object with raw, the reply's text")
            found[clip_id, digest, repeat] = JudgeReply.from_json(reply)
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"line {number} of {name!r} is no stored reply: {error}") from None
    return found


class Replay:
    """A file of replies that some judge once gave.

    Args:
        facts: ``model`` is the digest of the file, so that other replies are another judge.
        replies: by clip, digest of the question, and repeat.
    """

    def __init__(self, facts: JudgeFacts, replies: Mapping[tuple[str, str, int], JudgeReply]) -> None:
        self.facts = facts
        self._replies = replies

    @classmethod
    def from_spec(cls, rest: str, view: JudgeView, options: Mapping[str, Any]) -> Replay:
        """The judge of ``replay:FILE``.

        Raises:
            InputError: the file cannot be read, or a line of it holds no reply.
        """
        nothing_left(options, ())
        path = Path(rest)
        try:
            data = path.read_bytes()
            text = data.decode()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text in UTF-8"
            raise InputError(f"cannot read the stored replies {path.name!r}: {why}") from None
        replies = _replies(text, path.name)
        probabilities = bool(replies) and all(reply.p_yes is not None for reply in replies.values())
        facts = JudgeFacts("replay", hashlib.sha256(data).hexdigest()[:16], "1", view, probabilities)
        return cls(facts, replies)

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        """The stored reply; one that says nothing where none is stored."""
        return self._replies.get((views.clip_id, ask.digest, repeat)) or JudgeReply(raw="", finish="not stored")

    def close(self) -> None:
        """Nothing to let go of."""
