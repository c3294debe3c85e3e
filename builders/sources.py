"""The reviewed sources: prompts as JSON lines, one file per category, ladders, and the record of who looked at what.

Everything is read and checked before anything is written; an error names file, line and prompt.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avgen_bench.builders.validators import CATEGORIES

from avgen_bench.errors import InputError, ManifestError
from avgen_bench.prompts import parse_prompt
from avgen_bench.types import Check, Prompt

__all__ = [
    "FOLDER",
    "LICENSE",
    "SOURCE",
    "Sources",
    "append_checks",
    "read_checks",
    "read_file",
    "read_sources",
    "writable",
]

FOLDER = Path(__file__).resolve().parent
SOURCE = "avgen-bench"
LICENSE = "CC-BY-4.0"
_FIELDS = {"id", "title", "text", "duration_s", "language", "constraints", "questions", "expectations"}
_LADDER_FIELDS = {
    *("group", "dial", "unit", "category", "title", "text", "duration_s", "rungs"),
    *("constraints", "questions", "expectations"),
}


@dataclass(frozen=True, slots=True)
class Sources:
    """The prompts of every configuration: ``prompts`` in the order of the files, ``ladders`` rung by rung."""

    prompts: tuple[Prompt, ...]
    ladders: tuple[Prompt, ...]


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot read {path.name}: {error}; expected JSON lines in UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"{where}: not JSON ({error}); expected one object a line, not torn") from None
        if not isinstance(row, dict):
            raise ManifestError(f"{where}: got {type(row).__name__}; expected an object")
        yield where, row


def _known(row: Mapping[str, Any], fields: set[str], where: str) -> None:
    foreign = sorted(set(row) - fields)
    if foreign:
        raise ManifestError(f"{where}: unknown field {foreign[0]!r}; a row takes {', '.join(sorted(fields))}")


def _parse_row(stem: str, where: str, row: Mapping[str, Any]) -> list[tuple[str, Prompt]]:
    if stem == "ladders":
        return _parse_ladder(where, row)
    _known(row, _FIELDS, where)
    prompt = parse_prompt({**row, "category": stem, "source": SOURCE, "license": LICENSE}, where)
    if not re.fullmatch(re.escape(stem) + r"-\d{3}", prompt.id):
        raise ManifestError(f"{where}: the id is {prompt.id!r}; expected {stem}-001 and so on")
    return [(f"{where}, prompt {prompt.id!r}", prompt)]


def read_file(path: Path, on_error: Callable[[ManifestError], None] | None = None) -> list[tuple[str, Prompt]]:
    """The prompts of one source file, each with its place for messages; ``ladders.jsonl`` holds ladders.

    Args:
        path: a source file; its stem is the category.
        on_error: told of each line that is refused, which is then left out; without it the first one is raised.

    Raises:
        ManifestError: a torn line, a field or value that is not allowed, an id that is not ``<category>-<number>``; for
            ladders fewer than 3 or more than 5 rungs, amounts that do not rise, a name in braces that no rung has.
    """
    found: list[tuple[str, Prompt]] = []
    ids: set[str] = set()
    for where, row in _lines(path):
        try:
            made = _parse_row(path.stem, where, row)
            for place, prompt in made:
                if prompt.id in ids:
                    raise ManifestError(f"{place}: the id {prompt.id!r} is taken; give every prompt its own")
                ids.add(prompt.id)
            found += made
        except ManifestError as error:
            if on_error is None:
                raise
            on_error(error)
    return found


def _fill(value: Any, rung: Mapping[str, Any], where: str) -> Any:
    """``value`` with ``{name}`` replaced by the rung's values; a string that is only ``{name}`` becomes the value."""
    if isinstance(value, str):
        whole = re.fullmatch(r"\{(\w+)\}", value)
        try:
            return rung[whole[1]] if whole else re.sub(r"\{(\w+)\}", lambda match: str(rung[match[1]]), value)
        except KeyError as error:
            raise ManifestError(f"{where}: no rung value is called {error}; the rung has {', '.join(rung)}") from None
    if isinstance(value, list):
        return [_fill(item, rung, where) for item in value]
    if isinstance(value, dict):
        return {name: _fill(item, rung, where) for name, item in value.items()}
    return value


def _parse_ladder(where: str, row: Mapping[str, Any]) -> list[tuple[str, Prompt]]:
    """The prompts of one ladder, rung by rung."""
    found = []
    _known(row, _LADDER_FIELDS, where)
    group, rungs = row.get("group"), row.get("rungs")
    if not isinstance(group, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", group):
        raise ManifestError(f"{where}: group is {group!r}; expected lower-case words joined by hyphens")
    if not isinstance(rungs, list) or not 3 <= len(rungs) <= 5 or not all(isinstance(rung, dict) for rung in rungs):
        raise ManifestError(f"{where}, ladder {group!r}: expected 3 to 5 rungs, each an object with its amount")
    amounts = [rung.get("amount") for rung in rungs]
    numbers = [value for value in amounts if isinstance(value, float | int) and not isinstance(value, bool)]
    if len(numbers) < len(rungs) or any(a >= b for a, b in itertools.pairwise(numbers)):
        raise ManifestError(f"{where}, ladder {group!r}: the amounts are {amounts}; expected numbers that rise")
    shared = {name: row[name] for name in row if name not in ("rungs", "group", "dial", "unit")}
    for number, rung in enumerate(rungs, 1):
        place = f"{where}, rung {number}"
        filled = _fill(shared, rung, place)
        dial = {
            "group": group,
            "dial": row.get("dial"),
            "unit": row.get("unit"),
            "amount": rung["amount"],
            "rung": number,
        }
        extra = {"id": f"ladder-{group}-{number}", "ladder": dial, "source": SOURCE, "license": LICENSE}
        title = f"{filled.get('title', '')} ({number} of {len(rungs)})"
        prompt = parse_prompt({**filled, **extra, "title": title}, place)
        found.append((f"{place}, prompt {prompt.id!r}", prompt))
    return found


# --------------------------------------------------------------------------- verification


def read_checks(folder: Path) -> dict[str, list[Check]]:
    """Every recorded look at every prompt, oldest first, from ``verification/*.jsonl``.

    Raises:
        ManifestError: a torn line or a field that is not a record's.
    """
    found: dict[str, list[Check]] = {}
    for path in sorted((folder / "verification").glob("*.jsonl")):
        for where, row in _lines(path):
            try:
                name = row.pop("id")
                check = Check(**row)
            except (KeyError, TypeError):
                raise ManifestError(
                    f"{where}: got the fields {sorted(row)}; expected id, type, by, date, checks, note, digest"
                ) from None
            if check.type not in ("review", "change", "sign_off"):
                raise ManifestError(f"{where}: type is {check.type!r}; expected review, change or sign_off")
            found.setdefault(name, []).append(check)
    return found


def writable(folder: Path) -> Path:
    """The folder, when it is a checkout's.

    Raises:
        InputError: it is an installed copy, where what is written would be lost with the next installation.
    """
    if not (folder.parent / "setup.cfg").is_file() and "site-packages" in folder.parts:
        raise InputError(
            f"{folder} is an installed copy; write in a checkout: pip install -e . there, and run the command again"
        )
    return folder


def append_checks(folder: Path, category: str, checks: Iterable[tuple[str, Check]]) -> None:
    """Add records, each of one prompt id, to the file of a category; whole lines only."""
    target = writable(folder) / "verification" / f"{category}.jsonl"
    target.parent.mkdir(exist_ok=True)
    text = ""
    for name, check in checks:
        row = {
            "id": name,
            "type": check.type,
            "by": check.by,
            "date": check.date,
            "checks": list(check.checks),
            "note": check.note,
            "digest": check.digest,
        }
        text += json.dumps(row, ensure_ascii=False) + "\n"
    with target.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_sources(folder: Path = FOLDER) -> Sources:
    """All prompts and ladders with their verification records.

    Raises:
        ManifestError: a category without file, a duplicate id, a record of a prompt that is not there, or what
            :func:`read_file` refuses.
    """
    checks = read_checks(folder)
    prompts: dict[str, Prompt] = {}
    ladders: dict[str, Prompt] = {}
    for stem, found in (*((name, prompts) for name in CATEGORIES), ("ladders", ladders)):
        path = folder / "prompts" / f"{stem}.jsonl"
        for where, prompt in read_file(path):
            if prompt.id in prompts or prompt.id in ladders:
                raise ManifestError(f"{where}: the id {prompt.id!r} is taken; give every prompt its own")
            found[prompt.id] = replace(prompt, verification=tuple(checks.get(prompt.id, ())))
    lost = sorted(set(checks) - set(prompts) - set(ladders))
    if lost:
        raise ManifestError(f"verification records of prompts that do not exist: {', '.join(lost[:5])}; remove them")
    return Sources(tuple(prompts.values()), tuple(ladders.values()))
