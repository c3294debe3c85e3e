"""The distribution of every dimension's numbers: a dot for every clip, the mean and its interval, per system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_page.lanes import plain_words, sentence
from avgen_bench.report_words import clip_label, format_number

__all__ = ["distribution"]

_PLOT_W, _PLOT_H, _EDGE = 560, 50, 8


def _along(share: float) -> float:
    return round(_EDGE + share * (_PLOT_W - 2 * _EDGE), 1)


def _swarm(shares: Sequence[float], step: float = 6.5, reach: float = 13.0) -> list[tuple[float, float]]:
    """Dot centres (x, y offset): equal values are set beside each other instead of on top, within ``reach``."""
    taken: dict[int, int] = {}
    offsets = []
    for share in shares:
        slot = round(_along(share) / 6)
        count = taken.get(slot, 0)
        taken[slot] = count + 1
        offsets.append((_along(share), slot, (count + 1) // 2 * (1 if count % 2 else -1)))
    found = []
    for x, slot, rung in offsets:
        most = max((taken[slot]) // 2, 1)
        found.append((x, round(rung * min(step, reach / most), 1)))
    return found


def distribution(report: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The plot of one dimension: a row for every system."""
    low, high = facts["low"], facts["high"]

    def share(value: float) -> float:
        return float((value - low) / (high - low))

    rows = []
    for item in report["estimates"]:
        if item["dimension"] != facts["name"]:
            continue
        mine = [
            (row["measurements"][facts["name"]], clip_label(row), place)
            for place, row in enumerate(report["clips"])
            if row["system"] == item["system"] and facts["name"] in row["measurements"]
        ]
        known = sorted(((c["value"], place, c["at_floor"], label) for c, label, place in mine if c["status"] == "ok"))
        dots = []
        for (value, place, at_floor, label), (x, dy) in zip(known, _swarm([share(v) for v, *_ in known]), strict=True):
            text = f"{label}: {format_number(value, low, high)}" + (" (at the floor)" if at_floor else "")
            dots.append({"x": x, "y": 17 + dy, "floor": at_floor, "text": text, "id": f"clip-{place}"})
        interval = None
        if item["ci_low"] is not None:
            interval = (_along(share(item["ci_low"])), _along(share(item["ci_high"])))
        unknown = item["counts"]["abstained"] + item["counts"]["failed"] + item["counts"]["missing"]
        rows.append(
            {
                "system": item["system"] or "(unnamed system)",
                "dots": dots,
                "mean_x": None if item["mean"] is None else _along(share(item["mean"])),
                "interval": interval,
                "mean": format_number(item["mean"], low, high),
                "ci": None
                if item["ci_low"] is None
                else (format_number(item["ci_low"], low, high), format_number(item["ci_high"], low, high)),
                "n": item["n"],
                "total": item["n"] + unknown + item["counts"]["not_applicable"],
                "counts": item["counts"],
                "asked": item["n"] + unknown,
                "reach": None
                if not unknown or item["bound_low"] is None
                else (_along(share(item["bound_low"])), _along(share(item["bound_high"]))),
                "bounds": None
                if not unknown or item["bound_low"] is None
                else (format_number(item["bound_low"], low, high), format_number(item["bound_high"], low, high)),
            }
        )
    return {
        "name": plain_words(facts["name"]),
        "summary": sentence(facts["summary"]),
        "scale": ("Higher" if facts["direction"] > 0 else "Lower") + " is better. " + sentence(facts["scale"]),
        "rows": rows,
        "grid": [(_along(k / 4), f"{low + (high - low) * k / 4:g}") for k in range(5)],
        "width": _PLOT_W,
        "height": _PLOT_H,
    }
