"""Docstrings, which are written in reStructuredText with Google's sections, as Markdown.

Only what the docstrings of this package use: double backquotes, roles, simple tables, ``text::`` before code, examples,
and a title with an indented block under it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

__all__ = ["markdown"]

_ROLE = re.compile(r":(?:py:)?(?:attr|class|data|exc|func|meth|mod):`~?([^`]+)`")
_RULE = re.compile(r"=+(?: +=+)+\s*$")
_SECTION = re.compile(r"(?:Args|Arguments|Attributes|Example|Examples|Raises|Returns|Yields|Note|Warning):\s*$")
_ITEM = re.compile(r"(?:[-*]|\d+\.) ")


def markdown(text: str, link: Callable[[str], bool] = lambda name: False) -> str:
    """A docstring as Markdown, Google's sections as they are.

    ``link`` says whether a dotted name has an entry of its own in the reference; such a name becomes a reference to it.
    """
    lines = inspect.cleandoc(text).splitlines()
    return "\n".join(_blocks(lines, link)).strip() + "\n"


def _inline(text: str, link: Callable[[str], bool]) -> str:
    def role(hit: re.Match[str]) -> str:
        name = hit[1]
        short = name.rpartition(".")[2] if hit[0].startswith((":func", ":class", ":data", ":meth", ":attr")) else name
        return f"[`{short}`][{name}]" if link(name) else f"`{name if short == name else short}`"

    return re.sub(r"``(.+?)``", r"`\1`", _ROLE.sub(role, text))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _under(lines: list[str], start: int) -> tuple[list[str], int]:
    """The lines from ``start`` that are indented, blank ones between them included, dedented; and where they end."""
    end = start
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end])):
        end += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    margin = min((_indent(line) for line in lines[start:end] if line.strip()), default=0)
    return [line[margin:] for line in lines[start:end]], end


def _table(lines: list[str], link: Callable[[str], bool]) -> list[str]:
    """A simple table, from its first rule to its last, in the columns that the first rule shows."""
    starts = [hit.start() for hit in re.finditer(r"=+", lines[0])]
    stops = [*starts[1:], None]
    rules = [i for i, line in enumerate(lines) if _RULE.match(line)]

    def cells(line: str) -> list[str]:
        found = (line[a:b].strip() for a, b in zip(starts, stops, strict=True))
        return [_inline(cell, link).replace("|", "\\|") for cell in found]

    head, body = lines[rules[0] + 1 : rules[1]], lines[rules[1] + 1 : rules[-1]]
    rows = [cells(line) for line in (*head, *body) if line.strip()]
    out = ["| " + " | ".join(row) + " |" for row in rows]
    return ["", out[0], "|" + " --- |" * len(starts), *out[1:], ""]


def _blocks(lines: list[str], link: Callable[[str], bool]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        after = lines[at + 1] if at + 1 < len(lines) else ""
        starts_block = not out or not out[-1].strip()
        if _RULE.match(line):
            end = at + 1
            while end < len(lines) and lines[end].strip():
                end += 1
            out += _table(lines[at:end], link)
            at = end
        elif line.startswith(">>> "):
            end = at
            while end < len(lines) and lines[end].strip():
                end += 1
            out += ["```pycon", *lines[at:end], "```", ""]
            at = end
        elif _SECTION.match(line):  # what belongs to it is indented, and stays so: the parser of sections reads it
            block, end = _under(lines, at + 1)
            out += [line, *(f"    {_inline(one, link)}" if one.strip() else "" for one in block)]
            at = end
        elif line.endswith("::"):
            block, end = _under(lines, at + 1)
            out += [
                _inline(line[:-1], link),
                "",
                "```python",
                *block[bool(block and not block[0].strip()) :],
                "```",
                "",
            ]
            at = end
        elif starts_block and line.strip() and _indent(line):  # a drawing, or code
            block, end = _under(lines, at)
            out += ["```text", *block, "```", ""]
            at = end
        elif starts_block and line.strip() and _indent(after) and not _ITEM.match(line) and len(line) <= 80:
            block, end = _under(lines, at + 1)
            out += [f"**{_inline(line, link)}**", "", *_blocks(block, link), ""]
            at = end
        else:
            out.append(_inline(line, link))
            at += 1
    return out
