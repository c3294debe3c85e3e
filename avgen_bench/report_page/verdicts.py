"""Constraints on the page: the table of kinds, and on every card the verdicts beside the words of the prompt."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_control import facts_of, pieces, transcript
from avgen_bench.report_page.lanes import draw_plot, has_curve, plain_words, sentence, show_part
from avgen_bench.report_page.stills import picture_boxes
from avgen_bench.report_page.verdict_lanes import draw_verdict_lanes
from avgen_bench.report_words import (
    DASH,
    format_asked,
    format_checker,
    format_interval,
    format_margin,
    format_percent,
    format_span,
    loose_words,
    obeyed_words,
)

__all__ = ["VERDICT_WORDS", "count_words", "interest", "kinds_table", "moments", "prompt_pieces", "verdict_line"]

VERDICT_WORDS = {"pass": "pass", "fail": "fail", "unverifiable": "cannot tell", "unmeasured": "no verdict"}
_WORST_FIRST = ("fail", "unmeasured", "unverifiable", "pass")


def kinds_table(report: Mapping[str, Any]) -> dict[str, Any]:
    """The table of kinds by theme, in percent along a scale of 0 to 100, and what each system obeys in full."""
    found = report["constraints"]
    named = len(report["systems"]) > 1
    numbers = {name: f"k{number}" for number, name in enumerate(found["checkers"])}
    kinds = []
    for kind, group in itertools.groupby(found["kinds"], key=lambda row: str(row["kind"])):
        rows = list(group)
        facts = facts_of(kind)
        checker = found["checkers"][kind]
        kinds.append(
            {
                "kind": plain_words(kind),
                "token": numbers[kind],
                "theme": rows[0]["theme"],
                "summary": "" if facts is None else sentence(facts.summary),
                "check": "" if facts is None else facts.check,
                "failed": sum(row["fail"] for row in rows),
                "checker": format_checker(checker),
                "calibrated": checker is not None,
                "rates": ""
                if checker is None
                else f"sensitivity {format_percent(checker['sensitivity'])}, specificity "
                f"{format_percent(checker['specificity'])}, on {checker['n']} clips of known truth",
                "rows": [_kind_row(row) for row in rows],
            }
        )
    return {
        "kinds": kinds,
        "named": named,
        "unmeasured": any(row["unmeasured"] for row in found["kinds"]),
        "obeyed": [f"{obeyed_words(row, named)}." for row in found["prompts"]],
    }


def _kind_row(row: Mapping[str, Any]) -> dict[str, Any]:
    def ends(interval: Sequence[float] | None) -> tuple[float, float] | None:
        return None if interval is None else (round(100 * interval[0], 1), round(100 * interval[1], 1))

    return {
        "system": row["system"] or "(unnamed system)",
        "n": row["n"],
        "strict": format_percent(row["strict_rate"]),
        "strict_ci": format_interval(row["strict_ci"]),
        "loose": format_percent(row["loose_rate"]),
        "x": None if row["strict_rate"] is None else round(100 * row["strict_rate"], 1),
        "loose_x": None if row["loose_rate"] is None else round(100 * row["loose_rate"], 1),
        "reach": ends(row["strict_ci"]),
        "unverifiable": row["unverifiable"],
        "unmeasured": row["unmeasured"],
    }


def interest(item: Mapping[str, Any]) -> int:
    """How soon a verdict is to be looked at: failures first."""
    return _WORST_FIRST.index(item["strict"])


def count_words(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """How many constraints of a theme pass, in words; empty without any."""
    if not verdicts:
        return ""
    known = [item for item in verdicts if item["strict"] in ("pass", "fail")]
    text = f"{sum(item['strict'] == 'pass' for item in known)} of {len(known)} pass" if known else ""
    unknown = len(verdicts) - len(known)
    return ", ".join(part for part in (text, f"{unknown} without a verdict" if unknown else "") if part)


def verdict_line(item: Mapping[str, Any], number: int, card: str, duration_s: float) -> dict[str, Any]:
    """One line of a card's list of constraints, with the lanes that its evidence draws."""
    evidence = item.get("evidence", ())
    stated = item["stated"]
    has_moment = item.get("start_s") is not None and duration_s > 0
    start = min(max(item["start_s"], 0.0), duration_s) if has_moment else 0.0
    end = start if not has_moment or item.get("end_s") is None else min(max(item["end_s"], start), duration_s)
    name = f"{item['id']} {plain_words(item['kind'])}"
    moment = format_span(item) if item.get("start_s") is not None else ""
    found = f"found: {item['found']}" if item.get("found") else item.get("reason", "")
    words, rates = transcript(item)
    if words:
        said = (word["heard"] + (f" (not {word['wanted']})" if word["mark"] == "wrong" else "") for word in words)
        found = f"heard: {' '.join(text for text in said if text)}"
    return {
        "key": f"v{number}",
        "anchor": f"{card}-v{number}",
        "id": item["id"],
        "kind": plain_words(item["kind"]),
        "raw_kind": item["kind"],
        "theme": item["theme"],
        "strict": item["strict"],
        "word": VERDICT_WORDS[item["strict"]],
        "chip": {"unverifiable": "?", "unmeasured": DASH}.get(item["strict"], item["strict"]),
        "loose": loose_words(item),
        "found": item.get("found", ""),
        "heard": words,
        "rates": rates,
        "boxes": picture_boxes(evidence, item, duration_s) if duration_s > 0 else [],
        "reason": item.get("reason", ""),
        "asked": format_asked(stated),
        "span": "" if stated is None else stated["span"],
        "moment": moment,
        "margin": format_margin(item),
        "t": round(start, 3) if has_moment else None,
        "left": round(100 * start / duration_s, 2) if has_moment else None,
        "width": round(100 * (end - start) / duration_s, 2) if has_moment else None,
        "tip": "; ".join(part for part in (f"{name}: {VERDICT_WORDS[item['strict']]}", found, moment) if part),
        "parts": [show_part(part) for part in evidence if part["kind"] == "part"],
        "notes": [(plain_words(note["label"]), note.get("text", "")) for note in evidence if note["kind"] == "note"],
        "plots": [draw_plot(curve) for curve in evidence if has_curve(curve) and curve.get("x_unit", "s") != "s"],
        "lanes": draw_verdict_lanes(name, evidence, item, duration_s) if duration_s > 0 else [],
    }


def prompt_pieces(prompt: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The prompt's text in pieces, each with the verdicts of the constraints that its words state, gravest first."""
    found = []
    for text, numbers in pieces(prompt["text"], [item["span"] for item in verdicts]):
        mine = sorted((verdicts[number] for number in numbers), key=interest)
        found.append({"text": text, "verdicts": mine, "tip": "\n".join(item["tip"] for item in mine)})
    return found


def moments(verdicts: Sequence[Mapping[str, Any]], duration_s: float) -> dict[str, Any] | None:
    """Where in the clip each constraint has its moment: bars in as few rows as keep them apart."""
    least = 4.0  # percent: what a bar with its name needs at the least
    bars: list[dict[str, Any]] = []
    free: list[float] = []
    for item in sorted(
        (item for item in verdicts if item["t"] is not None), key=lambda item: (item["left"], item["key"])
    ):
        left = min(item["left"], 100 - least)
        right = max(item["left"] + item["width"], left + least)
        rung = next((k for k, edge in enumerate(free) if edge <= left), len(free))
        free[rung : rung + 1] = [right]
        bars.append({"verdict": item, "rung": rung, "left": round(left, 2), "width": round(right - left, 2)})
    return {"bars": bars, "rungs": len(free)} if bars and duration_s > 0 else None
