"""What the pages take from the package: each function makes the Markdown for one mark ``<!-- made: NAME ARGUMENT -->``.

No number is typed by hand here: every one comes from the facts of a member, a checker card, a table of the package, or
the run of ``avgen-bench demo`` that the site's build makes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module, resources
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import figures
from avgen_bench.cards import checkers_page
from avgen_bench.cards.render import cell, checker_card, percent
from words import markdown

from avgen_bench import passport, registry
from avgen_bench.cli import build_parser
from avgen_bench.constraints.base import COLUMNS, THEMES, kind_of, kinds
from avgen_bench.dimensions import av_sync, semantic
from avgen_bench.types import MediaLimits

__all__ = ["MADE", "MARK", "fill"]

ROOT = Path(__file__).resolve().parent.parent.parent
MARK = re.compile(r"^<!-- made: (\w+)(?: (\S+))? -->$", re.M)


def fill(text: str, demo: Path | None = None) -> str:
    """A page with every mark replaced by what it stands for.

    Args:
        text: Markdown.
        demo: run folder of ``avgen-bench demo``; marks that need it say so where there is none.

    Raises:
        ValueError: a mark that nothing is known of.
    """

    def one(hit: re.Match[str]) -> str:
        make = MADE.get(hit[1])
        if make is None:
            raise ValueError(f"{hit[0]}: there is no {hit[1]}; there are: {', '.join(sorted(MADE))}")
        if make in (demo_clips, demo_signature):
            return make(demo) if demo is not None else "*(made from a run of `avgen-bench demo`)*"
        return make(hit[2]) if hit[2] else make()

    return MARK.sub(one, text)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> str:
    """A table; ``right`` has an ``r`` for each column that is set to the right, any other character elsewhere."""
    sides = ["---:" if side == "r" else "---" for side in right.ljust(len(head))]
    lines = [head, sides, *([cell(str(value)) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# --------------------------------------------------------------------------- dimensions


def _members(family: str) -> list[Any]:
    found = [registry.load("dimensions", name) for name in registry.TABLE["dimensions"]]
    return [one for one in found if one.facts.family == family]


def dimensions(family: str) -> str:
    """Every dimension of a family with its scale, and the definition that its module gives."""
    out = []
    for one in _members(family):
        facts = one.facts
        out += [f"## {facts.name}", "", _sentence(facts.summary), ""]
        if getattr(one, "unavailable", ""):
            out += [f"Not measured by this version: {one.unavailable}.", ""]
        better = "higher" if facts.direction > 0 else "lower"
        needs = facts.needs
        if family == "control":
            mine = [kind_of(name).facts for name in kinds() if kind_of(name).facts.theme == facts.name]
            needs = tuple(dict.fromkeys(need for kind in mine for need in kind.needs))
        rows = [
            ("scale", facts.scale),
            ("range", f"{facts.low:g} to {facts.high:g}, {better} is better; floor {facts.floor:g}"),
            ("looks at", _codes(needs) or "nothing but the file"),
            ("prompt", "needed" if facts.needs_prompt else "not needed"),
            *((("reference", facts.reference),) if facts.reference else ()),
            ("version", facts.version),
        ]
        out += [_table(("", ""), rows), ""]
        if family == "perceptual":
            module = import_module(type(one).__module__)
            out += ["### How it is computed", "", markdown(module.__doc__ or ""), ""]
            named = set(re.findall(r"``([A-Z][A-Z_]+)``", module.__doc__ or ""))
            values = [(f"`{name}`", f"{getattr(module, name):g}") for name in sorted(named) if hasattr(module, name)]
            if values:
                out += [_table(("constant", "value"), values, " r"), ""]
            if facts.name == "av_sync":
                caption = "Score of av_sync by the lag of the sound, in milliseconds; positive is late sound."
                out += [figures.curve(av_sync.SCORE_AT_MS, "lag in ms", "score", caption), ""]
        if family == "control":
            out += [_kind_table(facts.name), ""]
    return "\n".join(out)


def definition(module: str) -> str:
    """The docstring of a module."""
    return markdown(import_module(f"avgen_bench.{module}").__doc__ or "")


def backbones() -> str:
    """Every instrument: what it gives, its licence and size, and how to get it."""
    rows = []
    for name in registry.TABLE["backbones"]:
        facts = registry.load("backbones", name).facts
        get = f"`{facts.remedy}`" if facts.remedy else "comes with the package"
        rows.append((f"`{name}`", facts.summary, facts.revision, facts.license, f"{facts.size_mb:g}", get))
    return _table(("instrument", "gives", "revision", "licence", "MB", "to install"), rows, "  r r ")


def severities() -> str:
    """What an expectation of a severity weighs, and what a breach of the audit takes off."""
    rows = [(name, f"{weight:g}", f"{semantic.DEDUCTIONS[name]:g}") for name, weight in semantic.WEIGHTS.items()]
    return _table(("severity", "weight of an expectation", "a breach in the audit takes off"), rows, " rr")


# --------------------------------------------------------------------------- constraints and their checkers


def _params(facts: Any) -> str:
    return ", ".join([*(f"`{name}`" for name in facts.required), *(f"[`{name}`]" for name in facts.optional)]) or "none"


def _tolerance(facts: Any) -> str:
    tolerance = facts.tolerance
    return "none" if tolerance is None else f"{tolerance.strict:g} / {tolerance.loose:g} {tolerance.unit}".strip()


def _rates(card: Any, name: str) -> str:
    rates = card["nominal"]
    ends = rates.get(f"{name}_ci")
    return percent(rates[name]) + (f" ({percent(ends[0])} to {percent(ends[1])})" if ends else "")


def _right(card: Any) -> float:
    """The share of right verdicts among those that were given on nominal clips."""
    obeys, breaks = card["nominal"]["confusion"]["obeys"], card["nominal"]["confusion"]["breaks"]
    right = obeys["pass"] + breaks["fail"]
    return float(right / (right + obeys["fail"] + breaks["pass"]))


def _kind_table(theme: str) -> str:
    rows = []
    for name in kinds():
        facts = kind_of(name).facts
        if facts.theme != theme:
            continue
        card = checker_card(name)
        rates = ("not calibrated", "", "")
        if card is not None:
            rates = (_rates(card, "sensitivity"), _rates(card, "specificity"), percent(card["nominal"]["unverifiable"]))
        rows.append((f"[`{name}`](checkers.md#{name})", facts.summary, _tolerance(facts), *rates))
    head = (
        "kind",
        "states that",
        "tolerance, strict / loose",
        "obeying pass, %",
        "breaking fail, %",
        "unverifiable, %",
    )
    return _table(head, rows, "   rrr")


def kind_parameters() -> str:
    """The kinds of constraint by theme, with the parameters that each takes."""
    out = []
    for theme in THEMES:
        mine = [name for name in kinds() if kind_of(name).facts.theme == theme]
        rows = [
            (f"`{name}`", kind_of(name).facts.summary, _params(kind_of(name).facts), _tolerance(kind_of(name).facts))
            for name in mine
        ]
        out += [f"### {theme}", "", _table(("kind", "states that", "takes", "tolerance, strict / loose"), rows), ""]
    return "\n".join(out)


def columns() -> str:
    """Every parameter of a constraint: its type, unit and meaning."""
    words = {str: "text", int: "whole number", float: "number", tuple: "list of texts"}
    rows = [(f"`{name}`", words[one.type], one.unit, one.doc) for name, one in COLUMNS.items()]
    return _table(("parameter", "type", "unit", "meaning"), rows)


def checkers() -> str:
    """The page of checker cards, without its title."""
    return checkers_page.render().partition("\n")[2].strip()


def checkers_figure() -> str:
    """Share of right verdicts with its interval, a row for each kind."""
    rows = []
    for name in kinds():
        card = checker_card(name)
        if card is not None and card["nominal"]["accuracy_ci"]:
            first, last = (100 * end for end in card["nominal"]["accuracy_ci"])
            rows.append((name, 100 * _right(card), first, last))
    low = 10 * min(int(first // 10) for _, _, first, _ in rows)
    caption = "Right verdicts of each checker on rendered clips of known truth, percent, with 95 % intervals (Wilson)."
    return figures.intervals(rows, float(low), caption)


def uncertain() -> str:
    """The checkers that are wrong most often, with how."""
    cards = [(name, checker_card(name)) for name in kinds()]
    rated = [(name, card) for name, card in cards if card is not None and _right(card) < 1]
    rated.sort(key=lambda row: (_right(row[1]), row[0]))
    rows = []
    for name, card in rated:
        ends = " to ".join(map(percent, card["nominal"]["accuracy_ci"]))
        right = f"{percent(_right(card))} ({ends})"
        rows.append(
            (f"[`{name}`](checkers.md#{name})", right, _rates(card, "sensitivity"), _rates(card, "specificity"))
        )
    perfect = len([card for _, card in cards if card is not None]) - len(rated)
    table = _table(("kind", "right, %", "obeying pass, %", "breaking fail, %"), rows, " rrr")
    return (
        f"{table}\n\nThe other {perfect} made no mistake on their nominal clips, which is not the same as making none."
    )


# --------------------------------------------------------------------------- judges, totals, limits, commands


def passport_rates() -> str:
    """Every rate of a passport, and what it is the share of."""
    return _table(("rate", "is"), [(f"`{name}`", means) for name, means in passport.RATES.items()])


def passport_days() -> str:
    """For how many days a passport holds."""
    return f"A passport holds for {passport.LIFETIME_DAYS} days."


def transports() -> str:
    """What each judge is and which options it takes, from the docstrings of the modules."""
    out = []
    for name, target in registry.TABLE["judges"].items():
        text = markdown(import_module(target.partition(":")[0]).__doc__ or "")
        out += [f"### {name}", "", text, ""]
    return "\n".join(out)


def totals() -> str:
    """The weight tables that come with the package."""
    rows = []
    for file in sorted((resources.files("avgen_bench") / "totals_data").iterdir(), key=lambda one: one.name):
        table = json.loads(file.read_text(encoding="utf-8"))
        if str(table.get("schema", "")).startswith("avgen-bench/weights/"):
            rows.append((f"`{table['name']}`", table["summary"], table["missing_metric"], table["failed_clip"]))
    return _table(("table", "is", "a missing metric", "a failed clip"), rows)


def weights(name: str) -> str:
    """The metrics of a weight table, with the share of the total that each has."""
    table = json.loads((resources.files("avgen_bench") / "totals_data" / f"{name}.json").read_text(encoding="utf-8"))
    whole = sum(group["weight"] for group in table["groups"])
    rows = []
    for group in table["groups"]:
        inside = sum(metric["weight"] for metric in group["metrics"])
        for metric in group["metrics"]:
            share = group["weight"] / whole * metric["weight"] / inside
            ends = (f"{metric['worst_at']:g}", f"{metric['best_at']:g}")
            rows.append((group["name"], metric["name"], f"`{metric['dimension']}`", percent(share), *ends))
    return _table(("group", "metric", "dimension", "share, %", "worst at", "best at"), rows, "   rrr")


def limits() -> str:
    """What a clip may ask of the machine."""
    rows = [(f"`{item.name}`", f"{getattr(MediaLimits(), item.name):,}") for item in dataclasses.fields(MediaLimits)]
    return _table(("limit", "default"), rows, " r")


def commands() -> str:
    """The help of every command."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "88"
    try:
        return "\n".join(_helps(build_parser(), "avgen-bench"))
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _helps(parser: argparse.ArgumentParser, name: str) -> list[str]:
    text = re.sub(r"\x1b\[[0-9;]*m", "", parser.format_help())
    out = [f"## {name}", "", "```text", text.rstrip(), "```", ""]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub, one in action.choices.items():
                out += _helps(one, f"{name} {sub}")
    return out


def contributing() -> str:
    """The text of CONTRIBUTING.md, without its title; links to other files of the repository become plain names."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n")[2].strip()
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]+\)", r"`\1`", text)


# --------------------------------------------------------------------------- the demo


def _report(demo: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((demo / "report.json").read_text(encoding="utf-8"))
    return read


def demo_clips(demo: Path) -> str:
    """Every clip of the demo with what was done to it, and its scores."""
    report = _report(demo)
    names = [row["name"] for row in report["dimensions"]]
    names = [name for name in names if any(row["dimension"] == name for row in report["estimates"])]
    rows = []
    for clip in report["clips"]:
        values = []
        for name in names:
            row = clip["measurements"].get(name, {})
            values.append(f"{row['value']:.2f}" if row.get("value") is not None else row.get("status", "none"))
        rows.append((f"`{Path(clip['path']).stem.removeprefix('demo_')}`", *values))
    return _table(("clip", *(f"`{name}`" for name in names)), rows, " " + "r" * len(names))


def demo_signature(demo: Path) -> str:
    """The signature of one number of the demo, a field a line."""
    from avgen_bench.signatures import parse

    for clip in _report(demo)["clips"]:
        line = clip["measurements"]["av_sync"]["signature"]
        return _table(("field", "value"), [(f"`{name}`", value) for name, value in parse(line).items()])
    raise ValueError("the demo has no clip")


MADE: dict[str, Callable[..., str]] = {
    one.__name__: one
    for one in (
        *(backbones, checkers, checkers_figure, columns, commands, contributing, definition, demo_clips),
        *(demo_signature, dimensions, kind_parameters, limits, passport_days, passport_rates, severities, totals),
        *(transports, uncertain, weights),
    )
}
