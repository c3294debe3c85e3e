"""All dimensions at a glance: a dot plot of every system's means, and a heat map of categories.

Conventions
    Better is always to the right, and deeper in colour, whatever the direction of a scale. Places are percent of a row.
    Systems are told apart by colour and shape together; of more systems than shapes, colours and shapes pair anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_page.lanes import plain_words
from avgen_bench.report_words import DASH, format_number
from avgen_bench.statistics import FEW

__all__ = ["goodness", "heat_maps", "mark_of", "profile", "step_px", "system_words"]

_SHAPES = ("disc", "square", "lozenge", "tent", "bowl", "post")
_COLOURS = 7
_MANY = 8


def system_words(name: str) -> str:
    """A system's name for people."""
    return name or "(unnamed system)"


def mark_of(number: int) -> str:
    """The classes of the mark of the system at that place: its colour and its shape.

    >>> mark_of(0), mark_of(8)
    ('c0 disc', 'c1 lozenge')
    """
    return f"c{number % _COLOURS} {_SHAPES[(number + number // (_COLOURS * len(_SHAPES))) % len(_SHAPES)]}"


def step_px(systems: int) -> int:
    """How far below each other the marks of systems are in one row: closer where there are many."""
    return 9 if systems <= _MANY else 7


def goodness(value: float, facts: Mapping[str, Any]) -> float:
    """Where a value lies between the worst and the best of its scale, in percent."""
    share = (value - facts["low"]) / (facts["high"] - facts["low"])
    return round(100 * float(share if facts["direction"] > 0 else 1 - share), 2)


def _ends(facts: Mapping[str, Any]) -> tuple[str, str]:
    """The worst and the best of a scale, in words."""
    low, high = (f"{facts[name]:g}".replace("-", "\N{MINUS SIGN}") for name in ("low", "high"))
    unit = f" {facts['unit']}" if facts["unit"] not in ("", "score") else ""
    return (low, high + unit) if facts["direction"] > 0 else (high, low + unit)


def _stretch(one: float, other: float, facts: Mapping[str, Any]) -> tuple[float, float]:
    """Left edge and width of what lies between two values."""
    left, right = sorted((goodness(one, facts), goodness(other, facts)))
    return left, round(right - left, 2)


def _told(item: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """A mean with its interval and all that stands outside it."""
    low, high, counts = facts["low"], facts["high"], item["counts"]
    if item["mean"] is None:
        words = ["no number"]
    else:
        words = [format_number(item["mean"], low, high)]
        if item["ci_low"] is None:
            words.append("no interval")
        else:
            ends = [format_number(item[name], low, high) for name in ("ci_low", "ci_high")]
            words.append(f"95 % interval {ends[0]} to {ends[1]}")
    words.append(f"n {item['n']}" + (f" on {item['prompts']} prompts" if item["prompts"] != item["n"] else ""))
    words += [f"{counts[name]} {name}" for name in ("abstained", "failed", "missing") if counts[name]]
    if counts["floor"]:
        words.append(f"{counts['floor']} at the floor")
    return ", ".join(words)


def profile(report: Mapping[str, Any]) -> dict[str, Any]:
    """The dot plot: ``systems`` with their marks, and ``families`` of rows, one for each dimension that was asked."""
    marks = {name: mark_of(number) for number, name in enumerate(report["systems"])}
    by_dimension: dict[str, list[Mapping[str, Any]]] = {}
    for item in report["estimates"]:
        by_dimension.setdefault(item["dimension"], []).append(item)
    families: dict[str, list[dict[str, Any]]] = {}
    step = step_px(len(marks))
    for facts in report["dimensions"]:
        mine = by_dimension.get(facts["name"], [])
        dots: list[dict[str, Any]] = []
        for rank, item in enumerate(mine):
            counts = item["counts"]
            unknown = counts["abstained"] + counts["failed"] + counts["missing"]
            if item["mean"] is None and not unknown:
                continue
            reach = interval = None
            if unknown and item["bound_low"] is not None:
                reach = _stretch(item["bound_low"], item["bound_high"], facts)
            if item["ci_low"] is not None:
                interval = _stretch(item["ci_low"], item["ci_high"], facts)
            text = f"{system_words(item['system'])}: {_told(item, facts)}"
            if reach:
                ends = [format_number(item[name], facts["low"], facts["high"]) for name in ("bound_low", "bound_high")]
                text += f"; {ends[0]} to {ends[1]} were the unknown ones at the worst or the best"
            dots.append(
                {
                    "mark": marks[item["system"]],
                    "of": f"s{report['systems'].index(item['system'])}",
                    "x": None if item["mean"] is None else goodness(item["mean"], facts),
                    "interval": interval,
                    "reach": reach,
                    "top": step * rank,
                    "text": text,
                }
            )
        if dots:
            row = {
                "name": plain_words(facts["name"]),
                "ends": _ends(facts),
                "better": "higher" if facts["direction"] > 0 else "lower",
                "dots": dots,
                "height": step * len(mine) + 5,
                "text": f"{plain_words(facts['name'])}: " + ". ".join(dot["text"] for dot in dots),
            }
            families.setdefault(facts["family"], []).append(row)
    every = {row["ends"] for rows in families.values() for row in rows}
    return {
        "systems": [(f"s{k}", mark, system_words(name)) for k, (name, mark) in enumerate(marks.items())],
        "families": list(families.items()),
        "one_scale": every == {("0", "1")},
        "reaches": any(dot["reach"] for rows in families.values() for row in rows for dot in row["dots"]),
    }


def heat_maps(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """A table of dimensions by categories for each system; None where no clip has a category."""
    rows = report["categories"]
    categories = sorted({row["category"] for row in rows})
    if not categories:
        return None
    cells = {(row["system"], row["dimension"], row["category"]): row for row in rows}
    shown = [facts for facts in report["dimensions"] if any(_is_asked(cells, facts["name"], rows))]
    weak = False
    maps = []
    for number, system in enumerate(report["systems"]):
        families: dict[str, list[dict[str, Any]]] = {}
        for facts in shown:
            line = []
            for category in categories:
                item = cells.get((system, facts["name"], category))
                cell = _cell(item, facts, category)
                weak = weak or cell["weak"]
                line.append(cell)
            families.setdefault(facts["family"], []).append({"name": plain_words(facts["name"]), "cells": line})
        maps.append({"of": f"s{number}", "system": system_words(system), "families": list(families.items())})
    return {"categories": [plain_words(name) for name in categories], "maps": maps, "few": FEW, "weak": weak}


def _is_asked(cells: Mapping[Any, Mapping[str, Any]], dimension: str, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Of every row of the dimension, whether the prompts ask for it."""
    return [
        bool(row["n"] or row["counts"]["abstained"] or row["counts"]["failed"] or row["counts"]["missing"])
        for row in rows
        if row["dimension"] == dimension
    ]


def _cell(item: Mapping[str, Any] | None, facts: Mapping[str, Any], category: str) -> dict[str, Any]:
    if item is None or (
        item["mean"] is None and not any(item["counts"][n] for n in ("abstained", "failed", "missing"))
    ):
        return {"mean": "", "n": None, "depth": None, "weak": False, "interval": "", "text": "nothing is asked"}
    low, high = facts["low"], facts["high"]
    interval = ""
    if item["ci_low"] is not None:
        interval = f"{format_number(item['ci_low'], low, high)} to {format_number(item['ci_high'], low, high)}"
    shown = format_number(item["mean"], low, high)
    if item["mean"] is not None and high - low <= 2:
        shown = f"{item['mean']:.2f}".replace("-", "\N{MINUS SIGN}")
    return {
        "mean": shown if item["mean"] is not None else DASH,
        "n": item["n"],
        "depth": None if item["mean"] is None else goodness(item["mean"], facts),
        "weak": item["mean"] is not None and item["prompts"] < FEW,
        "interval": interval,
        "text": f"{plain_words(facts['name'])}, {plain_words(category)}: {_told(item, facts)}",
    }
