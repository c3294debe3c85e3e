"""Reading a reply against the menu that was offered."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

__all__ = ["read"]

_MOST = 20000
_SAID = re.compile(
    r"(?:^|[\s\"'*_>])(?:final\s+)?answer\s*(?:is|:|=)\s*[\"'*_]*([\w-]+)[\"'*_]*\s*[.!]?\s*$", re.IGNORECASE
)


def _objects(text: str) -> list[object]:
    """Every JSON object that stands in a text, outermost, in order."""
    found: list[object] = []
    decoder = json.JSONDecoder()
    place = text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            found.append(value)
        place = text.find("{", end)
    return found


def read(raw: str, menu: Sequence[str]) -> str | None:
    r"""The word of the menu that a reply gives, or None: an answer that cannot be read is none.

    Read, in this order: the last JSON object, whose ``answer`` must be a word of the menu; a reply that is nothing but
    a word of the menu; a last line that says "answer: WORD". A reply that quotes the menu, weighs both words, or gives
    them in a sentence is not read.

    >>> read('```json\n{"answer": "Yes"}\n```', ("yes", "no")), read("Please answer yes or no.", ("yes", "no"))
    ('yes', None)
    """
    text = raw[-_MOST:]
    words = {word.casefold(): word for word in menu}
    objects = _objects(text)
    if objects:
        last = objects[-1]
        answer = last.get("answer") if isinstance(last, dict) else None
        return words.get(answer.strip().casefold()) if isinstance(answer, str) else None
    bare = text.strip().strip("\"'*_`.! \n").casefold()
    if bare in words:
        return words[bare]
    lines = [line for line in text.splitlines() if line.strip()]
    said = _SAID.search(lines[-1].strip()) if lines else None
    return None if said is None else words.get(said[1].casefold())
