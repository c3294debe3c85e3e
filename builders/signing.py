"""Records of who looked at which prompt: reviews from a file, and a person's sign-off in the terminal."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avgen_bench.builders import sources

from avgen_bench.errors import ManifestError
from avgen_bench.types import Check, Prompt

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["CHECKLIST", "record", "show", "sign_off"]

# The short names of builders/CHECKLIST.md, in its order.
CHECKLIST = ("filmable", "language", "demands", "constraints", "questions", "twins", "expectations", "safety")


def _by_id(folder: Path) -> dict[str, Prompt]:
    found = sources.read_sources(folder)
    return {prompt.id: prompt for prompt in (*found.prompts, *found.ladders)}


def _file_of(prompt: Prompt) -> str:
    return "ladders" if prompt.ladder else prompt.category


def record(
    findings: Path, type_: str, by: str, date: str | None = None, folder: Path = sources.FOLDER, only: str | None = None
) -> int:
    """How many records were added from a file of findings, each stamped with the prompt's digest as it stands now.

    Args:
        findings: JSON lines with ``id``, ``checks`` (names of :data:`CHECKLIST`), ``note`` (what was changed).
        type_: ``review`` or ``change``.
        by: who looked.
        date: ISO 8601; today by default.
        folder: of the sources.
        only: a category (or ``ladders``), to read no other sources.

    Raises:
        ManifestError: an unknown prompt or check, or a line that is no finding; nothing was recorded.
    """
    if only is None:
        prompts = _by_id(folder)
    else:
        prompts = {p.id: p for _, p in sources.read_file(folder / "prompts" / f"{only}.jsonl")}
    day = date or datetime.date.today().isoformat()
    made: dict[str, list[tuple[str, Check]]] = {}
    for number, line in enumerate(findings.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        where = f"{findings.name}, line {number}"
        try:
            row = json.loads(line)
            name, checks, note = row["id"], tuple(row.get("checks", CHECKLIST)), row.get("note", "")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ManifestError(f"{where}: expected an object with id, checks and note") from None
        if name not in prompts:
            raise ManifestError(f"{where}: no prompt is called {name!r}")
        if not set(checks) <= set(CHECKLIST) or not isinstance(note, str):
            raise ManifestError(f"{where}: checks are {list(checks)}; expected some of {', '.join(CHECKLIST)}")
        prompt = prompts[name]
        check = Check(type_, by, day, checks, note, prompt.digest())
        made.setdefault(_file_of(prompt), []).append((name, check))
    for stem, rows in made.items():
        sources.append_checks(folder, stem, rows)
    return sum(len(rows) for rows in made.values())


def show(prompt: Prompt, console: Console) -> None:
    """Print a prompt as a reviewer wants to see it: the text with its spans underlined, then all that it demands."""
    from rich.table import Table
    from rich.text import Text

    console.rule(Text(f"{prompt.id}  {prompt.title}"))
    text = Text(prompt.text)
    for constraint in prompt.constraints:
        start = prompt.text.find(constraint.span)
        text.stylize("underline", start, start + len(constraint.span))
    console.print(text)
    console.print(Text(f"about {prompt.duration_s:g} s" if prompt.duration_s else "", "dim"))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for constraint in prompt.constraints:
        params = ", ".join(f"{name} {value}" for name, value in constraint.params)
        words = Text.assemble(params, " ", (constraint.span, "dim"))
        table.add_row(Text(constraint.id), Text(constraint.kind), words)
    for question in prompt.questions:
        words = Text.assemble(question.text, ("  NOT: " + question.twin, "dim"))
        table.add_row(Text(question.id), Text(f"{question.type} ({question.modality})"), words)
    for item in prompt.expectations:
        words = Text.assemble(item.observe, ("  NOT: " + item.contradict, "dim"))
        table.add_row(Text(item.id), Text(f"expected ({item.severity})"), words)
    console.print(table)
    for look in prompt.verification:
        note = f": {look.note}" if look.note else ""
        stale = "" if look.digest == prompt.digest() else " (of an earlier wording)"
        console.print(Text(f"{look.type} by {look.by} on {look.date}{stale}{note}", "dim"))


def sign_off(
    console: Console,
    ask: Callable[[str], str],
    by: str,
    category: str | None = None,
    folder: Path = sources.FOLDER,
    again: bool = False,
) -> tuple[int, int]:
    """Lead a person through the prompts one by one; what was signed is recorded at once, so that a stop loses nothing.

    Args:
        console: where prompts are shown.
        ask: the person's answer to a question.
        by: the person's name or pseudonym.
        category: only this one.
        folder: of the sources.
        again: also show prompts that this person has signed as they stand.

    Returns:
        How many were signed, and how many are still unsigned by this person.

    Raises:
        ManifestError: an unknown category.
    """
    prompts: Sequence[Prompt] = list(_by_id(folder).values())
    if category is not None:
        prompts = [prompt for prompt in prompts if _file_of(prompt) == category]
        if not prompts:
            raise ManifestError(f"no prompt is in the category {category!r}")

    def is_signed(prompt: Prompt) -> bool:
        digest = prompt.digest()
        return any(look.type == "sign_off" and look.by == by and look.digest == digest for look in prompt.verification)

    todo = [prompt for prompt in prompts if again or not is_signed(prompt)]
    signed = 0
    for number, prompt in enumerate(todo, 1):
        show(prompt, console)
        answer = ""
        while answer not in ("y", "n", "q"):
            answer = ask(f"{number} of {len(todo)}: right in every line of the checklist? [y]es, [n]o, [q]uit: ")
            answer = answer.strip().lower()[:1]
        if answer == "q":
            break
        if answer == "n":
            note = ask("what is wrong (kept as a remark for the next revision): ").strip()
            check = Check("change", by, datetime.date.today().isoformat(), (), f"remark: {note}", prompt.digest())
        else:
            check = Check("sign_off", by, datetime.date.today().isoformat(), CHECKLIST, "", prompt.digest())
            signed += 1
        sources.append_checks(folder, _file_of(prompt), [(prompt.id, check)])
    return signed, len(todo) - signed
