"""The cards of the page, one for every clip: player, prompt, numbers and timeline; and their order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from avgen_bench.report_control import judged
from avgen_bench.report_page.judged import card_atoms
from avgen_bench.report_page.lanes import draw_lanes, draw_plot, has_curve, plain_words, show_part
from avgen_bench.report_page.verdicts import count_words, interest, moments, prompt_pieces, verdict_line
from avgen_bench.report_semantic import beside_atoms
from avgen_bench.report_words import clip_label, format_number, format_span, group_spans, media_words

__all__ = ["STATUS_WORDS", "clip_card", "list_sorts", "rank_clips"]

STATUS_WORDS = {
    "ok": "",
    "abstained": "abstained",
    "failed": "failed",
    "missing": "not measured yet",
    "not_applicable": "not applicable",
}


def _goodness(value: float, facts: Mapping[str, Any]) -> float:
    """Where a value lies between the worst (0) and the best (1) of its scale."""
    share = (value - facts["low"]) / (facts["high"] - facts["low"])
    return float(share if facts["direction"] > 0 else 1 - share)


def rank_clips(report: Mapping[str, Any]) -> dict[str, dict[int, int]]:
    """The place of every row in each dimension's worst-first order, and by its worst score in any of them."""
    ranks = {name: {row: place for place, row in enumerate(order)} for name, order in report["worst_first"].items()}
    lowest = []
    for place, row in enumerate(report["clips"]):
        found = [
            _goodness(cell["value"], facts)
            for facts in report["dimensions"]
            if (cell := row["measurements"].get(facts["name"])) is not None and cell["status"] == "ok"
        ]
        lowest.append((min(found, default=2.0), place))
    by_lowest = {row: place for place, (_, row) in enumerate(sorted(lowest))}
    return {"any": by_lowest, **{f"d{k}": ranks[facts["name"]] for k, facts in enumerate(report["dimensions"])}}


def list_sorts(report: Mapping[str, Any], ranks: Mapping[str, Mapping[int, int]]) -> list[dict[str, Any]]:
    """The choices of order, each with how many clips have a number in it (those come first)."""
    rows = report["clips"]
    have = [{name for name, cell in row["measurements"].items() if cell["status"] == "ok"} for row in rows]
    found = [{"key": "any", "word": "lowest score in any dimension", "measured": sum(bool(names) for names in have)}]
    for k, facts in enumerate(report["dimensions"]):
        n = sum(facts["name"] in names for names in have)
        found.append({"key": f"d{k}", "word": plain_words(facts["name"]), "measured": n})
    return found


def clip_card(
    report: Mapping[str, Any], place: int, source: str | None, ranks: Mapping[str, Mapping[int, int]]
) -> dict[str, Any]:
    """All that the page shows of the clip in row ``place``."""
    row = report["clips"][place]
    duration_s = _duration_s(row)
    dimensions = []
    lanes = []
    states = set()
    prompt = report["prompts"].get(row["prompt_id"])
    verdicts = [
        verdict_line(item, number, f"clip-{place}", duration_s)
        for number, item in enumerate(judged(row, prompt, [facts["name"] for facts in report["dimensions"]]))
    ]
    told = {item["theme"] for item in verdicts}
    for facts in report["dimensions"]:
        cell = row["measurements"].get(facts["name"])
        if cell is None:
            cell = {"status": "missing", "value": None, "reason": "", "evidence": [], "at_floor": False}
        states.add(cell["status"])
        if cell["at_floor"]:
            states.add("floor")
        # of a theme, the list of constraints says all that its reason and counts say
        atoms = card_atoms(facts, cell["evidence"])
        evidence = [] if facts["name"] in told else beside_atoms(cell["evidence"], atoms)
        dimensions.append(
            {
                "name": plain_words(facts["name"]),
                "status": cell["status"],
                "word": STATUS_WORDS[cell["status"]],
                "value": format_number(cell["value"], facts["low"], facts["high"]),
                "percent": None if cell["value"] is None else round(100 * _goodness(cell["value"], facts), 1),
                "at_floor": cell["at_floor"] and facts["name"] not in told,
                "reason": "" if facts["name"] in told else cell["reason"],
                "count": count_words([item for item in verdicts if item["theme"] == facts["name"]]),
                "atoms": atoms,
                "parts": [show_part(item) for item in evidence if item["kind"] == "part"],
                "notes": [
                    (plain_words(item["label"]), item.get("text", "")) for item in evidence if _says_more(item, cell)
                ],
                "plots": [draw_plot(item) for item in evidence if has_curve(item) and item.get("x_unit", "s") != "s"],
                "spans": [
                    (label, [(round(span["start_s"], 3), format_span(span)) for span in spans])
                    for label, spans in group_spans(evidence).items()
                ],
                "origin": [f"{name} {cell[name]}" for name in ("version", "signature") if cell.get(name)]
                + [f"observation {item}" for item in cell.get("observations", ())],
            }
        )
        if duration_s > 0:
            lanes += draw_lanes(plain_words(facts["name"]), evidence, duration_s)
    kinds = {name: f"k{number}" for number, name in enumerate(report["constraints"]["checkers"])}
    picture = (row["media"] or {}).get("picture")
    return {
        "id": f"clip-{place}",
        "prompt": None if prompt is None else prompt_pieces(prompt, verdicts),
        "verdicts": verdicts,
        "first": next((item["key"] for item in sorted(verdicts, key=interest) if item["lanes"]), ""),
        "moments": moments(verdicts, duration_s),
        "kinds": " ".join(dict.fromkeys(kinds[item["raw_kind"]] for item in verdicts)),
        "broken": " ".join(dict.fromkeys(kinds[item["raw_kind"]] for item in verdicts if item["strict"] == "fail")),
        "label": clip_label(row),
        "row": row,
        "facts": media_words(row["media"]),
        "source": source,
        "shape": None if not picture or not picture["size"] else picture["size"],
        "duration_s": round(duration_s, 3),
        "ticks": _ticks(duration_s),
        "thumbs": _thumbs(report["thumbnails"].get(row["clip_id"]), duration_s),
        "dimensions": dimensions,
        "idle": [(item["name"], item["reason"]) for item in dimensions if item["status"] == "not_applicable"],
        "lanes": lanes,
        "states": " ".join(sorted(states)),
        "ranks": {key: order[place] for key, order in ranks.items()},
        "find": " ".join((clip_label(row), row["path"], row["prompt_id"], row["system"], row["category"])).lower()
        + ("" if prompt is None else f" {prompt['text'].lower()}"),
    }


def _duration_s(row: Mapping[str, Any]) -> float:
    """How long the clip is; without media facts, how far its evidence reaches."""
    if row["media"] is not None:
        return float(row["media"]["duration_s"])
    ends = [0.0]
    for cell in row["measurements"].values():
        for item in itertools.chain(cell["evidence"], *(v.get("evidence", ()) for v in cell.get("verdicts", ()))):
            ends += [item[name] for name in ("start_s", "end_s") if item.get(name) is not None]
            if has_curve(item) and item.get("x_unit", "s") == "s":
                ends.append(max(item["x"]))
    return float(max(ends))


def _ticks(duration_s: float) -> list[tuple[float, str]]:
    """Marks of the time axis, (percent, text), at most nine of them on round seconds."""
    if duration_s <= 0:
        return []
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if duration_s / s <= 8), 60)
    return [(round(100 * k * step / duration_s, 2), f"{k * step:g}") for k in range(math.floor(duration_s / step) + 1)]


def _thumbs(thumbs: Mapping[str, Any] | None, duration_s: float) -> list[dict[str, Any]]:
    if thumbs is None or duration_s <= 0:
        return []
    times = thumbs["times_s"]
    edges = [0.0, *((a + b) / 2 for a, b in itertools.pairwise(times)), duration_s]
    return [
        {
            "t": round(time_s, 3),
            "left": round(100 * edges[k] / duration_s, 2),
            "width": round(100 * (edges[k + 1] - edges[k]) / duration_s, 2),
            "jpeg": jpeg,
            "text": f"{time_s:.2f} s",
        }
        for k, (time_s, jpeg) in enumerate(zip(times, thumbs["jpegs"], strict=True))
    ]


def _says_more(item: Mapping[str, Any], cell: Mapping[str, Any]) -> bool:
    """Whether it is a note that the reason has not given already."""
    return bool(item["kind"] == "note" and item.get("text") != cell["reason"])
