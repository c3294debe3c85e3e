"""Evidence that is seen in one part of the picture: a rectangle over the player, and a still that the browser cuts out.

A still is drawn from the clip itself when it is asked for; here only its time and place are worked out.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_page.lanes import plain_words

__all__ = ["picture_boxes"]

MOST_BOXES = 24
MOST_STILLS = 6


def picture_boxes(
    evidence: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any], duration_s: float
) -> list[dict[str, Any]]:
    """The boxes of a verdict's evidence in percent of the picture, with their times; the first few are stills as well.

    What is most like the words asked for comes first, then what is there at the verdict's moment.
    """
    seen = [item for item in evidence if item.get("box") and item.get("start_s") is not None]
    stated = verdict.get("stated") or {}
    words = str(stated.get("text") or "").casefold()
    begin, end = verdict.get("start_s"), verdict.get("end_s")
    first = begin if begin is not None else 0.0
    last = end if end is not None else first if begin is not None else duration_s

    def rank(item: Mapping[str, Any]) -> tuple[float, float, float]:
        alike = difflib.SequenceMatcher(None, words, item["label"].casefold()).ratio() if words else 0.0
        until = item["end_s"] if item.get("end_s") is not None else item["start_s"]
        gap = max(item["start_s"] - last, first - until, 0.0)
        return -round(alike, 2), round(gap, 3), item["start_s"]

    found = []
    for number, item in enumerate(sorted(seen, key=rank)[:MOST_BOXES]):
        start = min(max(item["start_s"], 0.0), duration_s)
        until = min(max(item["end_s"] if item.get("end_s") is not None else start, start), duration_s)
        low, high = max(start, first), min(until, last)
        if high - low < min(0.2, until - start):  # at its very edges the next shot may be seen
            low, high = start, until
        middle = (low + high) / 2
        x0, y0, x1, y1 = (min(max(edge, 0.0), 1.0) for edge in item["box"])
        sure = "" if item.get("value") is None else f", confidence {item['value']:.2f}"
        found.append(
            {
                "from": round(start, 3),
                "to": round(until, 3),
                "t": round(middle, 3),
                "left": round(100 * x0, 2),
                "top": round(100 * y0, 2),
                "width": round(100 * (x1 - x0), 2),
                "height": round(100 * (y1 - y0), 2),
                "box": f"{x0:.4f} {y0:.4f} {x1:.4f} {y1:.4f}",
                "label": plain_words(item["label"]),
                "sure": sure,
                "is_still": number < MOST_STILLS,
            }
        )
    return found
