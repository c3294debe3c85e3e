"""Ladders on the page: per dial what was asked against what was measured, a line per ladder, and the response."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from avgen_bench.ladders import DIALS
from avgen_bench.report_page.lanes import plain_words
from avgen_bench.report_words import DASH, MINUS, format_quantity

__all__ = ["dial_tables"]

_WIDE, _HIGH = 260, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 250, 8, 164
_OWN_UNIT = ("playing_speed",)
"""Dials whose readings multiply as the amounts do, and are in a unit of their own."""
# Where only the order counts, ladders may ask in different units: such dials are drawn over the number of the rung.
_FIGURES = ("tau", "monotonic", "slope", "saturation")
_ENDS = {"tau": (-1.0, 1.0), "monotonic": (0.0, 1.0), "saturation": (0.0, 1.0)}


def dial_tables(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """Plots and figures of every dial, systems beside each other; None where no ladder was asked."""
    found = report["ladders"]
    if not found:
        return None
    named = len(report["systems"]) > 1
    places: dict[tuple[str, str], int] = {}
    for place, row in enumerate(report["clips"]):
        places.setdefault((row["system"], row["prompt_id"]), place)
    order = [*DIALS, "all"]
    rows = [
        _row(row, item["system"])
        for item in found
        for row in item["dials"]
        if row["dial"] != "all" or len(item["dials"]) > 2
    ]
    rows.sort(key=lambda row: order.index(row["dial"]))
    plots = []
    for dial in DIALS:
        sides = [(item["system"], [g for g in item["groups"] if g["dial"] == dial]) for item in found]
        scale = _scale(dial, [group for _, groups in sides for group in groups])
        if scale is not None:
            plots += [_plot(dial, system, groups, scale, places, named) for system, groups in sides if groups]
    return {"rows": rows, "plots": plots, "named": named, "width": _WIDE, "height": _HIGH}


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def _row(row: Mapping[str, Any], system: str) -> dict[str, Any]:
    """The figures of one dial and system; tau also as places on a scale from -1 to 1, in percent."""
    cells = []
    for name in _FIGURES:
        value, ends = row[name], row[f"{name}_ci"]
        if value is None:
            cells.append((name, DASH, ""))
        else:
            cells.append((name, _signed(value), "" if ends is None else f"{_signed(ends[0])} to {_signed(ends[1])}"))
    tau, ends = row["tau"], row["tau_ci"]
    return {
        "dial": row["dial"],
        "name": "all dials" if row["dial"] == "all" else plain_words(row["dial"]),
        "system": system or "(unnamed system)",
        "cells": cells,
        "x": None if tau is None else round(50 + 50 * tau, 1),
        "reach": None if ends is None else (round(50 + 50 * ends[0], 1), round(50 + 50 * ends[1], 1)),
        "ladders": f"{row['answered']}/{row['groups']}",
        "rungs": f"{row['read']}/{row['rungs']}",
    }


# --------------------------------------------------------------------------- plots


def _across(group: Mapping[str, Any]) -> list[float]:
    """Where the rungs of a ladder stand: at their amounts, or by number where only the order counts."""
    asked: Sequence[float] = group.get("asked", ())
    return list(asked) if DIALS[group["dial"]].absolute else [float(k) for k in range(1, len(asked) + 1)]


def _known(group: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Places of rungs with their readings, as far as they can be drawn on the dial's scale."""
    pairs = zip(_across(group), group.get("measured", ()), strict=True)
    ratio = DIALS[group["dial"]].ratio
    return [(a, m) for a, m in pairs if m is not None and (not ratio or (a > 0 and m > 0))]


Reach = tuple[float, float]


def _scale(dial: str, groups: Sequence[Mapping[str, Any]]) -> tuple[Reach, Reach] | None:
    """The reach of both axes, alike for all systems and where both are in one unit; None with nothing to draw."""
    asked = [amount for group in groups for amount in _across(group)]
    got = [reading for group in groups for _, reading in _known(group)]
    ratio = DIALS[dial].ratio
    if ratio:
        asked = [amount for amount in asked if amount > 0]
    if not asked:
        return None
    if _is_one_unit(dial):
        both = _widened([*asked, *got], ratio)
        return both, both
    return _widened(asked, ratio), _widened(got or [0.5, 1.0], ratio)


def _is_one_unit(dial: str) -> bool:
    return DIALS[dial].absolute and dial not in _OWN_UNIT


def _widened(values: Sequence[float], ratio: bool) -> Reach:
    low, high = min(values), max(values)
    if ratio:
        edge = max((high / low) ** 0.08, 1.05)
        return low / edge, high * edge
    edge = max(0.08 * (high - low), 1e-3 * abs(high), 1e-6)
    return low - edge, high + edge


def _axis(reach: Reach, ratio: bool, start: float, end: float) -> Callable[[float], float]:
    turn: Callable[[float], float] = math.log if ratio else float
    low, high = turn(reach[0]), turn(reach[1])
    return lambda value: round(start + (turn(value) - low) / (high - low) * (end - start), 1)


def _ticks(reach: Reach, ratio: bool) -> list[float]:
    """At most six round numbers within a reach."""
    low, high = reach
    if ratio and high / low >= 4:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [m * 10.0**k for k in decades for m in (1, 2, 5) if low <= m * 10.0**k <= high]
        while len(found) > 6:
            found = found[::2]
        return found
    exact = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(exact))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= exact)
    return [round(k * step, 9) for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _plot(
    dial: str,
    system: str,
    groups: Sequence[Mapping[str, Any]],
    scale: tuple[Reach, Reach],
    places: Mapping[tuple[str, str], int],
    named: bool,
) -> dict[str, Any]:
    ratio = DIALS[dial].ratio
    across, up = _axis(scale[0], ratio, _LEFT, _RIGHT), _axis(scale[1], ratio, _BOTTOM, _TOP)
    unit = groups[0].get("unit", "")
    lines = []
    silent = []
    for group in groups:
        known = dict(_known(group))
        dots: list[dict[str, Any]] = []
        for x, amount, prompts in zip(_across(group), group.get("asked", ()), group.get("prompts", ()), strict=True):
            if ratio and x <= 0:
                continue
            place = next((places[system, name] for name in prompts if (system, name) in places), None)
            asked = f"{group['group']}: asked {format_quantity(amount, group.get('unit', ''))}"
            if x not in known:
                silent.append({"x": across(x), "text": f"{asked}, nothing to read", "clip": place})
                continue
            own = unit if _is_one_unit(dial) else ""
            text = f"{asked}, measured {format_quantity(known[x], own)}"
            dots.append({"x": across(x), "y": up(known[x]), "text": text, "clip": place})
        lines.append({"name": group["group"], "dots": dots, "points": _points((dot["x"], dot["y"]) for dot in dots)})
    return {
        "title": plain_words(dial),
        "system": system or "(unnamed system)",
        "unit": unit if DIALS[dial].absolute else "",
        "has_scale": DIALS[dial].absolute,
        "lines": lines,
        "silent": silent,
        "x_ticks": [
            (across(value), format_quantity(value))
            for value in _ticks(scale[0], ratio)
            if DIALS[dial].absolute or value == round(value)
        ],
        "y_ticks": [(up(value), format_quantity(value)) for value in _ticks(scale[1], ratio)],
        "ideal": _ideal(dial, scale, groups),
        "box": (_LEFT, _TOP, _RIGHT - _LEFT, _BOTTOM - _TOP),
        "text": f"{plain_words(dial)}{f' of {system}' if named else ''}: asked against measured, "
        + "; ".join(dot["text"] for line in lines for dot in line["dots"][:8])[:600],
    }


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in pairs)


def _ideal(dial: str, scale: tuple[Reach, Reach], groups: Sequence[Mapping[str, Any]]) -> str:
    """The line of what is obeyed: measured as asked, or, for readings in their own unit, doubled when asked to double.

    Empty for dials without an absolute scale.
    """
    ratio = DIALS[dial].ratio
    across, up = _axis(scale[0], ratio, _LEFT, _RIGHT), _axis(scale[1], ratio, _BOTTOM, _TOP)
    if _is_one_unit(dial):
        return _points((across(value), up(value)) for value in scale[0])
    known = [pair for group in groups for pair in _known(group)]
    if dial not in _OWN_UNIT or not known:
        return ""
    shift = math.exp(math.fsum(math.log(m / a) for a, m in known) / len(known))
    low, high = max(scale[0][0], scale[1][0] / shift), min(scale[0][1], scale[1][1] / shift)
    return _points((across(value), up(value * shift)) for value in (low, high)) if low < high else ""
