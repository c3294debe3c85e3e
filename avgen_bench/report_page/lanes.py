"""What evidence draws: curves and spans as lanes over the clip's time, curves over anything else as plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_words import TIMES, format_quantity, format_span, group_spans

__all__ = ["draw_lanes", "draw_plot", "has_curve", "plain_words", "sentence", "show_part"]

_WIDE = 1000  # width of a lane's drawing; it stretches to the width of the page
_LANE_PX = 30
_DECIBELS = ("LUFS", "dB", "dBFS", "LKFS")


def plain_words(name: str) -> str:
    """A name as people write it, with spaces."""
    return name.replace("_", " ")


def sentence(text: str) -> str:
    """The text with a capital and a full stop, so that facts written as phrases read on as prose."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text[-1] in ".!?" else ".")


def show_part(item: Mapping[str, Any]) -> dict[str, Any]:
    """One part of a number: its score as a bar, and what was measured."""
    score = item.get("score")
    return {
        "name": plain_words(item["label"]),
        "percent": None if score is None else round(100 * min(max(score, 0.0), 1.0), 1),
        "score": "" if score is None else f"{score:.2f}",
        "quantity": "" if item.get("value") is None else format_quantity(item["value"], item.get("unit", "")),
    }


def has_curve(item: Mapping[str, Any]) -> bool:
    """Whether the evidence is a curve with points."""
    return item["kind"] == "curve" and bool(item.get("y"))


def _reach(item: Mapping[str, Any]) -> tuple[float, float]:
    """The range of y to draw: shares on [0, 1], levels on what they cover (silence cut at -70), the rest from zero."""
    low, high = min(item["y"]), max(item["y"])
    unit = item.get("unit", "")
    if unit in _DECIBELS:
        low = max(low, -70.0)
        return low, max(high, low + 1.0)
    if unit in ("", "score", "share") and low >= 0 and 0.3 <= high <= 1:
        return 0.0, 1.0
    low, high = min(low, 0.0), max(high, 0.0)
    return (low, high) if high > low else (low, low + 1.0)


def _points(
    item: Mapping[str, Any], left: float, right: float, width: float, height: float
) -> list[tuple[float, float]]:
    low, high = _reach(item)
    span = (right - left) or 1.0
    return [
        (
            round((x - left) / span * width, 1),
            round((1 - (min(max(y, low), high) - low) / (high - low)) * (height - 3) + 1.5, 1),
        )
        for x, y in zip(item["x"], item["y"], strict=True)
    ]


def draw_lanes(dimension: str, evidence: Sequence[Mapping[str, Any]], duration_s: float) -> list[dict[str, Any]]:
    """The evidence over seconds of one dimension: a lane for every curve, then one for every kind of span."""
    lanes: list[dict[str, Any]] = []
    for item in evidence:
        if not has_curve(item) or item.get("x_unit", "s") != "s":
            continue
        points = _points(item, 0.0, duration_s, _WIDE, _LANE_PX)
        low, high = _reach(item)
        unit = item.get("unit", "")
        if len(points) == 1:  # a line needs two
            points.append((points[0][0] + 8, points[0][1]))
        line = " ".join(f"{x:g},{y:g}" for x, y in points)
        label = plain_words(item["label"])
        text = f"{label}, {dimension}: {format_quantity(min(item['y']))} to {format_quantity(max(item['y']), unit)}"
        lanes.append(
            {
                "kind": "curve",
                "dimension": dimension,
                "label": label,
                "unit": unit,
                "line": line,
                "area": f"{points[0][0]:g},{_LANE_PX} {line} {points[-1][0]:g},{_LANE_PX}",
                "low": f"{low:.6g}",
                "high": f"{high:.6g}",
                "range": f"{format_quantity(low)} to {format_quantity(high, unit)}",
                "text": text,
            }
        )
    for label, spans in group_spans(evidence).items():
        marks = []
        for span in spans:
            start = min(max(span["start_s"], 0.0), duration_s)
            end = min(max(span["end_s"] if span.get("end_s") is not None else start, start), duration_s)
            x, width = start / duration_s * _WIDE, (end - start) / duration_s * _WIDE
            text = " ".join(part for part in (label, format_span(span), span.get("text", "")) if part)
            if span.get("value") is not None:
                text += f" ({format_quantity(span['value'], span.get('unit', ''))})"
            # below 0.15 s a span is an instant to the eye, and is drawn as a tick of fixed width
            marks.append({"x": round(x, 1), "width": round(width, 1), "tick": end - start < 0.15, "text": text})
        total_s = sum((span.get("end_s") or span["start_s"]) - span["start_s"] for span in spans)
        ticks = all(mark["tick"] for mark in marks)
        times = ", ".join(format_span(span) for span in spans[:12]) + (", and more" if len(spans) > 12 else "")
        lanes.append(
            {
                "kind": "spans",
                "dimension": dimension,
                "label": label,
                "marks": marks,
                "range": f"{len(marks)} {TIMES}" if ticks else f"{len(marks)} {TIMES}, {total_s:.2f} s",
                "text": f"{label}, {dimension}: {times}",
            }
        )
    return lanes


_LAG_W, _LAG_H = 320.0, 84.0


def draw_plot(item: Mapping[str, Any]) -> dict[str, Any]:
    """A curve over something else than the clip's time, as a plot of its own, its highest point marked."""
    left, right = min(item["x"]), max(item["x"])
    height = _LAG_H - 20
    points = _points(item, left, right, _LAG_W, height)
    top = max(range(len(points)), key=lambda k: (item["y"][k], -abs(item["x"][k])))
    unit = item.get("x_unit", "")
    span = (right - left) or 1.0
    round_step = next((s for s in (1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2500) if span / s <= 6), span / 4)
    ticks = [
        (round((k * round_step - left) / span * _LAG_W, 1), format_quantity(k * round_step))
        for k in range(math.ceil(left / round_step), math.floor(right / round_step) + 1)
    ]
    low, high = _reach(item)
    is_lag = unit == "ms" and left < 0 < right
    return {
        "label": plain_words(item["label"]),
        "unit": item.get("unit", ""),
        "x_unit": unit,
        "is_lag": is_lag,
        "line": " ".join(f"{x:g},{y:g}" for x, y in points),
        "width": _LAG_W,
        "height": height,
        "full": _LAG_H,
        "ticks": ticks,
        "zero": round(-left / span * _LAG_W, 1) if left < 0 < right else None,
        "peak": {"x": points[top][0], "y": points[top][1], "text": format_quantity(item["x"][top], unit)},
        "range": f"{format_quantity(low)} to {format_quantity(high, item.get('unit', ''))}",
        "text": f"{plain_words(item['label'])}: highest at {format_quantity(item['x'][top], unit)}",
    }
