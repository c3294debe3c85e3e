"""Figures drawn from facts: SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise

__all__ = ["curve", "intervals"]

WIDTH = 480


def _svg(height: float, label: str, parts: Iterable[str], caption: str) -> str:
    body = "".join(parts)
    return (
        f'<figure class="made"><svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{body}</svg>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, name: str) -> str:
    return f'<line x1="{x0:.4g}" y1="{y0:.4g}" x2="{x1:.4g}" y2="{y1:.4g}" class="{name}"/>'


def curve(points: Sequence[tuple[float, float]], x_label: str, y_label: str, caption: str) -> str:
    """A piecewise linear score: straight lines between its points, each end of a line with its x."""
    left, right, top, height = 34, WIDTH - 12, 14, 216
    xs = [x for x, _ in points]
    low, high = min(xs), max(xs)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (x - low) / (high - low) * (right - left), top + (1 - y) * (height - top - 60)

    floor = place(low, 0)[1]
    parts = [_line(left, place(low, y)[1], right, place(low, y)[1], "grid") for y in (0.0, 0.5, 1.0)]
    parts += [_text(left - 6, place(low, y)[1] + 4, f"{y:g}", "end") for y in (0.0, 0.5, 1.0)]
    parts += [_line(*place(*a), *place(*b), "mark") for a, b in pairwise(points)]
    before = left - WIDTH
    lower = False
    for x in dict.fromkeys(xs):
        at = place(x, 0)[0]
        lower = at - before < 40 and not lower  # two labels that would touch stand on two lines
        parts.append(_line(at, floor, at, floor + (20 if lower else 4), "grid"))
        anchor = "start" if x == low else "end" if x == high else "middle"
        parts.append(_text(at, floor + (33 if lower else 17), f"{x:g}", anchor))
        before = at
    parts.append(_text((left + right) / 2, floor + 51, f"{x_label}; {y_label} on the left", "middle"))
    return _svg(height, caption, parts, caption)


def intervals(rows: Sequence[tuple[str, float, float, float]], low: float, caption: str) -> str:
    """One row a name: a dot at its value and a line over its interval, percent, from ``low`` to 100."""
    left, right, step, top = 128, WIDTH - 16, 17, 22
    height = top + step * len(rows) + 6

    def at(percent: float) -> float:
        return left + (max(percent, low) - low) / (100 - low) * (right - left)

    ticks = [low + (100 - low) * share / 4 for share in range(5)]
    parts = [_line(at(tick), top - 6, at(tick), height - 4, "grid") for tick in ticks]
    parts += [_text(at(tick), top - 10, f"{tick:g}", "middle") for tick in ticks]
    for number, (name, value, first, last) in enumerate(rows):
        y = top + step * (number + 0.5)
        parts.append(_text(left - 8, y + 4, name, "end"))
        parts.append(_line(at(first), y, at(last), y, "mark"))
        parts.append(f'<circle cx="{at(value):.4g}" cy="{y:.4g}" r="3.5" class="dot"/>')
    return _svg(height, caption, parts, caption)
