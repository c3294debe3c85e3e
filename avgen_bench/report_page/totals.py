"""The total under a table of weights, and how much of the order it owes to the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avgen_bench.report_page.profile import mark_of, step_px, system_words
from avgen_bench.report_words import DASH, format_percent

__all__ = ["total_section"]

_RULES = {"worst": "counts as worst", "leave_out": "is left out, and the rest fills its place"}


def _points(value: float | None) -> str:
    return DASH if value is None else f"{value:.1f}"


def _place(value: float) -> float:
    """Percent along an axis from 0 to 100."""
    return round(min(max(value, 0.0), 100.0), 2)


def total_section(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the page shows of ``report["total"]``; None where no table of weights was chosen."""
    found = report.get("total")
    if not found:
        return None
    table, told = found["table"], found["sensitivity"]
    marks = {name: mark_of(number) for number, name in enumerate(report["systems"])}
    of = {name: f"s{number}" for number, name in enumerate(report["systems"])}
    rows = []
    for row in found["systems"]:
        interval = None
        if row["ci_low"] is not None:
            interval = (_place(row["ci_low"]), round(_place(row["ci_high"]) - _place(row["ci_low"]), 2))
        ranks = told["ranks"].get(row["system"])
        rows.append(
            {
                "system": system_words(row["system"]),
                "mark": marks[row["system"]],
                "of": of[row["system"]],
                "x": None if row["score"] is None else _place(row["score"]),
                "score": _points(row["score"]),
                "interval": interval,
                "ends": "" if row["ci_low"] is None else f"{_points(row['ci_low'])} to {_points(row['ci_high'])}",
                "why": row["method"].removeprefix("none: ") if row["ci_low"] is None else "",
                "coverage": format_percent(row["coverage"]),
                "whole": row["coverage"] > 1 - 1e-9,
                "missing": ", ".join(row["missing"]),
                "lost": ", ".join(f"{name} {n}" for name, n in row["lost"].items()),
                "ranks": ""
                if ranks is None
                else str(ranks[0])
                if ranks[0] == ranks[1]
                else f"{ranks[0]} to {ranks[1]}",
                "rank_bar": None if ranks is None else _rank_bar(ranks, len(told["ranks"])),
            }
        )
    shares = {metric["name"]: metric["share"] for metric in table["metrics"]}
    full = {row["system"]: row["score"] for row in found["systems"]}
    return {
        "name": table["name"],
        "version": table["version"],
        "reference": table["reference"],
        "digest": table["digest"],
        "rules": (
            f"a metric without a number {_RULES.get(table['missing_metric'], table['missing_metric'])}; "
            f"a clip that is missing or failed {_RULES.get(table['failed_clip'], table['failed_clip'])}"
        ),
        "rows": rows,
        "has_ranks": bool(told["ranks"]),
        "pairs": [_pair_words(pair, told["pairs"]) for pair in found["pairs"]],
        "draws": told["draws"],
        "spread": told["concentration"],
        "dropped": [_dropped(item, shares, full, marks, of) for item in told["leave_one_out"]],
        "notes": found["notes"],
    }


def _rank_bar(ranks: tuple[int, int], of: int) -> tuple[float, float]:
    """Left edge and width in percent, of places side by side."""
    return round(100 * (ranks[0] - 1) / of, 2), round(100 * (ranks[1] - ranks[0] + 1) / of, 2)


def _pair_words(pair: Mapping[str, Any], holds: Any) -> str:
    text = f"{system_words(pair['above'])} over {system_words(pair['below'])}: {_points(pair['difference'])} points"
    if pair["ci_low"] is not None:
        low, high = (f"{pair[name]:.1f}".replace("-", "\N{MINUS SIGN}") for name in ("ci_low", "ci_high"))
        text += f" ({low} to {high})"
        if pair["ci_low"] <= 0 <= pair["ci_high"]:
            text += ", not distinguishable"
    for row in holds:
        if (row["above"], row["below"]) == (pair["above"], pair["below"]):
            text += f"; stays above under {format_percent(row['holds'])} of other weights"
    return text


def _dropped(
    item: Mapping[str, Any],
    shares: Mapping[str, float],
    full: Mapping[str, float | None],
    marks: Mapping[str, str],
    of: Mapping[str, str],
) -> dict[str, Any]:
    """A row of the plot: every system's total without one metric, and where it was with it."""
    dots: list[dict[str, Any]] = []
    step = step_px(len(marks))
    for rank, (name, value) in enumerate(sorted(item["scores"].items(), key=lambda pair: list(marks).index(pair[0]))):
        before = full.get(name)
        if value is None or before is None:
            continue
        left, right = sorted((_place(before), _place(value)))
        dots.append(
            {
                "mark": marks[name],
                "of": of[name],
                "x": _place(value),
                "from": (left, round(right - left, 2)),
                "top": step * rank,
                "text": f"{system_words(name)}: {_points(value)} without it, {_points(before)} with it",
            }
        )
    moved = ", ".join(system_words(name) for name in item["moved"])
    return {
        "metric": item["metric"],
        "share": format_percent(shares.get(item["metric"])),
        "dots": dots,
        "height": step * len(item["scores"]) + 5,
        "moved": moved,
        "text": f"without {item['metric']}: " + ". ".join(dot["text"] for dot in dots),
    }
