"""The report as one self-contained web page: distributions, then every clip with player and timeline of evidence.

Conventions
    The page needs no network and no server: style, script and thumbnails are inside. Clips are linked by a path
    relative to the page, or put inside it. All text goes through the template engine's escaping; the content security
    policy admits only the page's own script, by its digest, and no connection anywhere.

    Evidence is drawn by its kind alone: parts as bars, spans and curves over seconds on the timeline of the clip, other
    curves as small plots of their own. Geometry is worked out here; the template only writes it down.

    Evidence of a constraint's verdict has two more forms. A span is drawn as a bar with its ``text``, or its label, on
    it. A span whose label is ``note``, ``note <name>`` or ``expected note`` and whose value is a MIDI number, or whose
    label is the name of a note with its octave, is drawn on a piano roll, expected notes as outlines. A label that
    begins with ``wrong``, ``missing``, ``extra`` or ``unexpected`` marks the span as a mistake, in the lane of the
    label without that word. Instants remain ticks.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import math
import os
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from avgen_bench.constraints import theory
from avgen_bench.report import (
    DASH,
    NUMBERED,
    TIMES,
    clip_label,
    format_asked,
    format_checker,
    format_interval,
    format_margin,
    format_number,
    format_percent,
    format_quantity,
    format_span,
    group_spans,
    headline,
    loose_words,
    media_words,
    obeyed_words,
)
from avgen_bench.report_control import facts_of, judged, pieces
from avgen_bench.store import write_text

if TYPE_CHECKING:
    import jinja2

__all__ = ["EMBED_LIMIT_BYTES", "Embed", "clip_url", "render", "write_html"]

EMBED_LIMIT_BYTES = 24 * 2**20
Embed = Literal["auto", "always", "never"]

_MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",  # browsers refuse video/quicktime by name and play the same boxes as mp4
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
}
_WORDS = {
    "ok": "",
    "abstained": "abstained",
    "failed": "failed",
    "missing": "not measured yet",
    "not_applicable": "not applicable",
}
_WIDE = 1000  # width of a lane's drawing; it stretches to the width of the page
_LANE_PX = 30
_DECIBELS = ("LUFS", "dB", "dBFS", "LKFS")


def write_html(
    report: Mapping[str, Any], path: str | os.PathLike[str], clips_root: str | os.PathLike[str], embed: Embed = "auto"
) -> Path:
    """The path of the page just written; see :func:`render` for what it holds."""
    return write_text(render(report, Path(path).parent, clips_root, embed), path)


def render(report: Mapping[str, Any], folder: Path, clips_root: str | os.PathLike[str], embed: Embed = "auto") -> str:
    """The page's text, to be written into ``folder``.

    Args:
        report: what :func:`avgen_bench.report.build` made.
        folder: where the page will lie; links to clips start there.
        clips_root: the folder that relative clip paths start from.
        embed: ``always`` puts the clips into the page, ``never`` links them, ``auto`` puts them inside as long as all
            of them together are no larger than 24 MiB.

    Raises:
        ValueError: ``embed`` is none of the three.
    """
    if embed not in ("auto", "always", "never"):
        raise ValueError(f"embed is {embed!r}; expected 'auto', 'always' or 'never'")
    import jinja2

    paths = [_clip_path(row, clips_root) for row in report["clips"]]
    if embed == "auto":
        total = sum(path.stat().st_size for path in paths if path is not None)
        embed = "always" if total <= EMBED_LIMIT_BYTES else "never"
    inside = embed == "always"
    sources = [
        None if path is None or (inside and not _is_clip(path, row)) else clip_url(path, folder, inside=inside)
        for path, row in zip(paths, report["clips"], strict=True)
    ]
    ranks = _ranks(report)
    cards = [_card(report, place, source, ranks) for place, source in enumerate(sources)]
    cards.sort(key=lambda card: card["ranks"]["any"])
    script = _asset("report.js")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=jinja2.DictLoader({"report.html.j2": _asset("report.html.j2")}),
        bytecode_cache=_bytecode_cache(),
    )
    return environment.get_template("report.html.j2").render(
        headline=headline(report),
        report=report,
        style=_asset("report.css"),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        scores=[_distribution(report, facts) for facts in report["dimensions"]],
        constraints=_constraints(report),
        cards=cards,
        sorts=_sorts(report, ranks),
        statuses=[(name, report["counts"][name]) for name in ("floor", "abstained", "failed", "missing")],
        status_words={**_WORDS, "floor": "at the floor"},
        failures=_failures(cards),
        several_systems=len(report["systems"]) > 1,
        dash=DASH,
    )


@functools.cache
def _asset(name: str) -> str:
    return (resources.files("avgen_bench") / "templates" / name).read_text(encoding="utf-8")


def _bytecode_cache() -> jinja2.BytecodeCache | None:
    """Where the compiled template is kept between runs: a folder that belongs to this user alone, else nowhere.

    Compiling it costs as much as everything else about a small page.
    """
    import jinja2

    try:
        return jinja2.FileSystemBytecodeCache()
    except (RuntimeError, OSError):
        return None


def _is_clip(path: Path, row: Mapping[str, Any]) -> bool:
    """Whether the file still is the clip that was measured: nothing else may be put into a page."""
    with path.open("rb") as file:
        return bool(hashlib.file_digest(file, "sha256").hexdigest() == row["clip_id"])


def _clip_path(row: Mapping[str, Any], clips_root: str | os.PathLike[str]) -> Path | None:
    """Where the clip lies, or None where there is no ordinary file (a pipe or device must not be opened).

    What could not be read as a clip gets no player: a manifest may name any file of this machine.
    """
    if not row["path"] or row["media"] is None:
        return None
    try:
        path = Path(clips_root) / row["path"]
        return path if path.is_file() else None
    except (OSError, ValueError):  # a name too long or with a NUL in it names no file
        return None


def clip_url(path: Path, folder: Path, *, inside: bool = False) -> str:
    """The URL of a clip for a page in ``folder``: relative and percent-encoded, or the whole clip as a data URL."""
    if inside:
        kind = _MEDIA_TYPES.get(path.suffix.lower(), "video/mp4")
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    try:
        way = os.path.relpath(path.absolute(), folder.absolute())
    except ValueError:  # another drive
        return path.absolute().as_uri()
    return quote(os.fsencode(way.replace(os.sep, "/")))


# --------------------------------------------------------------------------- order


def _goodness(value: float, facts: Mapping[str, Any]) -> float:
    """Where a value lies between the worst (0) and the best (1) of its scale."""
    share = (value - facts["low"]) / (facts["high"] - facts["low"])
    return float(share if facts["direction"] > 0 else 1 - share)


def _ranks(report: Mapping[str, Any]) -> dict[str, dict[int, int]]:
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


def _sorts(report: Mapping[str, Any], ranks: Mapping[str, Mapping[int, int]]) -> list[dict[str, Any]]:
    """The choices of order, each with how many clips have a number in it (those come first)."""
    rows = report["clips"]
    have = [{name for name, cell in row["measurements"].items() if cell["status"] == "ok"} for row in rows]
    found = [{"key": "any", "word": "lowest score in any dimension", "measured": sum(bool(names) for names in have)}]
    for k, facts in enumerate(report["dimensions"]):
        n = sum(facts["name"] in names for names in have)
        found.append({"key": f"d{k}", "word": _words(facts["name"]), "measured": n})
    return found


def _failures(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What failed, by reason, with the clips that it befell."""
    found: dict[str, dict[str, str]] = {}
    for card in cards:
        for item in card["dimensions"]:
            if item["status"] == "failed":
                found.setdefault(item["reason"], {})[card["id"]] = card["label"]
    return [{"reason": reason, "clips": sorted(clips.items())} for reason, clips in sorted(found.items())]


# --------------------------------------------------------------------------- distributions

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


def _distribution(report: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
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
        "name": _words(facts["name"]),
        "summary": _sentence(facts["summary"]),
        "scale": ("Higher" if facts["direction"] > 0 else "Lower") + " is better. " + _sentence(facts["scale"]),
        "rows": rows,
        "grid": [(_along(k / 4), f"{low + (high - low) * k / 4:g}") for k in range(5)],
        "width": _PLOT_W,
        "height": _PLOT_H,
    }


# --------------------------------------------------------------------------- cards


def _words(name: str) -> str:
    return name.replace("_", " ")


def _sentence(text: str) -> str:
    """The text with a capital and a full stop, so that facts written as phrases read on as prose."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text[-1] in ".!?" else ".")


def _card(
    report: Mapping[str, Any], place: int, source: str | None, ranks: Mapping[str, Mapping[int, int]]
) -> dict[str, Any]:
    row = report["clips"][place]
    duration_s = _duration_s(row)
    dimensions = []
    lanes = []
    states = set()
    prompt = report["prompts"].get(row["prompt_id"])
    verdicts = [
        _verdict(item, number, f"clip-{place}", duration_s)
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
        evidence = [] if facts["name"] in told else cell["evidence"]
        dimensions.append(
            {
                "name": _words(facts["name"]),
                "status": cell["status"],
                "word": _WORDS[cell["status"]],
                "value": format_number(cell["value"], facts["low"], facts["high"]),
                "percent": None if cell["value"] is None else round(100 * _goodness(cell["value"], facts), 1),
                "at_floor": cell["at_floor"] and facts["name"] not in told,
                "reason": "" if facts["name"] in told else cell["reason"],
                "count": _count([item for item in verdicts if item["theme"] == facts["name"]]),
                "parts": [_part(item) for item in evidence if item["kind"] == "part"],
                "notes": [(_words(item["label"]), item.get("text", "")) for item in evidence if _says_more(item, cell)],
                "plots": [_plot(item) for item in evidence if _has_curve(item) and item.get("x_unit", "s") != "s"],
                "spans": [
                    (label, [(round(span["start_s"], 3), format_span(span)) for span in spans])
                    for label, spans in group_spans(evidence).items()
                ],
                "origin": [f"{name} {cell[name]}" for name in ("version", "signature") if cell.get(name)]
                + [f"observation {item}" for item in cell.get("observations", ())],
            }
        )
        if duration_s > 0:
            lanes += _lanes(_words(facts["name"]), evidence, duration_s)
    kinds = {name: f"k{number}" for number, name in enumerate(report["constraints"]["checkers"])}
    picture = (row["media"] or {}).get("picture")
    return {
        "id": f"clip-{place}",
        "prompt": None if prompt is None else _prompt(prompt, verdicts),
        "verdicts": verdicts,
        "first": next((item["key"] for item in sorted(verdicts, key=_interest) if item["lanes"]), ""),
        "moments": _moments(verdicts, duration_s),
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
            if _has_curve(item) and item.get("x_unit", "s") == "s":
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


def _part(item: Mapping[str, Any]) -> dict[str, Any]:
    score = item.get("score")
    return {
        "name": _words(item["label"]),
        "percent": None if score is None else round(100 * min(max(score, 0.0), 1.0), 1),
        "score": "" if score is None else f"{score:.2f}",
        "quantity": "" if item.get("value") is None else format_quantity(item["value"], item.get("unit", "")),
    }


def _says_more(item: Mapping[str, Any], cell: Mapping[str, Any]) -> bool:
    """Whether it is a note that the reason has not given already."""
    return bool(item["kind"] == "note" and item.get("text") != cell["reason"])


def _has_curve(item: Mapping[str, Any]) -> bool:
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


def _lanes(dimension: str, evidence: Sequence[Mapping[str, Any]], duration_s: float) -> list[dict[str, Any]]:
    """The evidence over seconds of one dimension: a lane for every curve, then one for every kind of span."""
    lanes: list[dict[str, Any]] = []
    for item in evidence:
        if not _has_curve(item) or item.get("x_unit", "s") != "s":
            continue
        points = _points(item, 0.0, duration_s, _WIDE, _LANE_PX)
        low, high = _reach(item)
        unit = item.get("unit", "")
        if len(points) == 1:  # a line needs two
            points.append((points[0][0] + 8, points[0][1]))
        line = " ".join(f"{x:g},{y:g}" for x, y in points)
        label = _words(item["label"])
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


def _plot(item: Mapping[str, Any]) -> dict[str, Any]:
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
        "label": _words(item["label"]),
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
        "text": f"{_words(item['label'])}: highest at {format_quantity(item['x'][top], unit)}",
    }


# --------------------------------------------------------------------------- constraints

VERDICT_WORDS = {"pass": "pass", "fail": "fail", "unverifiable": "cannot tell", "unmeasured": "no verdict"}
_WORST_FIRST = ("fail", "unmeasured", "unverifiable", "pass")
_MISTAKES = ("wrong ", "missing ", "extra ", "unexpected ")
_NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def _constraints(report: Mapping[str, Any]) -> dict[str, Any]:
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
                "kind": _words(kind),
                "token": numbers[kind],
                "theme": rows[0]["theme"],
                "summary": "" if facts is None else _sentence(facts.summary),
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


def _interest(item: Mapping[str, Any]) -> int:
    return _WORST_FIRST.index(item["strict"])


def _count(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """How many constraints of a theme pass, in words; empty without any."""
    if not verdicts:
        return ""
    known = [item for item in verdicts if item["strict"] in ("pass", "fail")]
    text = f"{sum(item['strict'] == 'pass' for item in known)} of {len(known)} pass" if known else ""
    unknown = len(verdicts) - len(known)
    return ", ".join(part for part in (text, f"{unknown} without a verdict" if unknown else "") if part)


def _verdict(item: Mapping[str, Any], number: int, card: str, duration_s: float) -> dict[str, Any]:
    """One line of a card's list of constraints, with the lanes that its evidence draws."""
    evidence = item.get("evidence", ())
    stated = item["stated"]
    has_moment = item.get("start_s") is not None and duration_s > 0
    start = min(max(item["start_s"], 0.0), duration_s) if has_moment else 0.0
    end = start if not has_moment or item.get("end_s") is None else min(max(item["end_s"], start), duration_s)
    name = f"{item['id']} {_words(item['kind'])}"
    moment = format_span(item) if item.get("start_s") is not None else ""
    found = f"found: {item['found']}" if item.get("found") else item.get("reason", "")
    return {
        "key": f"v{number}",
        "anchor": f"{card}-v{number}",
        "id": item["id"],
        "kind": _words(item["kind"]),
        "raw_kind": item["kind"],
        "theme": item["theme"],
        "strict": item["strict"],
        "word": VERDICT_WORDS[item["strict"]],
        "chip": {"unverifiable": "?", "unmeasured": DASH}.get(item["strict"], item["strict"]),
        "loose": loose_words(item),
        "found": item.get("found", ""),
        "reason": item.get("reason", ""),
        "asked": format_asked(stated),
        "span": "" if stated is None else stated["span"],
        "moment": moment,
        "margin": format_margin(item),
        "t": round(start, 3) if has_moment else None,
        "left": round(100 * start / duration_s, 2) if has_moment else None,
        "width": round(100 * (end - start) / duration_s, 2) if has_moment else None,
        "tip": "; ".join(part for part in (f"{name}: {VERDICT_WORDS[item['strict']]}", found, moment) if part),
        "parts": [_part(part) for part in evidence if part["kind"] == "part"],
        "notes": [(_words(note["label"]), note.get("text", "")) for note in evidence if note["kind"] == "note"],
        "plots": [_plot(curve) for curve in evidence if _has_curve(curve) and curve.get("x_unit", "s") != "s"],
        "lanes": _verdict_lanes(name, evidence, item, duration_s) if duration_s > 0 else [],
    }


def _prompt(prompt: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The prompt's text in pieces, each with the verdicts of the constraints that its words state, gravest first."""
    found = []
    for text, numbers in pieces(prompt["text"], [item["span"] for item in verdicts]):
        mine = sorted((verdicts[number] for number in numbers), key=_interest)
        found.append({"text": text, "verdicts": mine, "tip": "\n".join(item["tip"] for item in mine)})
    return found


def _moments(verdicts: Sequence[Mapping[str, Any]], duration_s: float) -> dict[str, Any] | None:
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


def _bare(label: str) -> tuple[str, bool]:
    """A span's label without the word that marks it as a mistake, and whether it was so marked."""
    label = _words(label)
    for word in _MISTAKES:
        if label.startswith(word):
            return label[len(word) :], True
    return label, False


_BARS = {"text": "read", "speech": "heard", "music": "heard", "shots": "shots", "faces": "faces"}


def _verdict_lanes(
    name: str, evidence: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any], duration_s: float
) -> list[dict[str, Any]]:
    """Lanes of a verdict's evidence: a piano roll, bars with words on them, then curves and instants."""
    notes: list[tuple[Mapping[str, Any], float, bool, bool]] = []
    bars: dict[str, list[tuple[Mapping[str, Any], bool]]] = {}
    rest = []
    for item in evidence:
        label, wrong = _bare(item["label"])
        pitch = _pitch(item, label)
        if item["kind"] != "span" or (pitch is None and item.get("start_s") is None):
            rest.append(item)
        elif pitch is not None:
            notes.append((item, pitch, label == "expected note", wrong))
        elif item.get("text"):
            bars.setdefault(NUMBERED.sub("", label), []).append((item, wrong))
        elif (item.get("end_s") or 0.0) - item["start_s"] >= 0.15:
            bars.setdefault(_BARS.get(verdict["theme"], "stretches"), []).append((item, wrong))
        else:
            rest.append(item)
    lanes = [_roll(name, notes, verdict, duration_s)] if notes else []
    lanes += [_bar_lane(name, label, mine, duration_s) for label, mine in bars.items()]
    return lanes + _lanes(name, rest, duration_s)


def _bar_lane(
    name: str, label: str, spans: Sequence[tuple[Mapping[str, Any], bool]], duration_s: float
) -> dict[str, Any]:
    marks: list[dict[str, Any]] = []
    free: list[float] = []
    for item, wrong in sorted(spans, key=lambda pair: float(pair[0]["start_s"])):
        left, width = _stretch(item["start_s"], item.get("end_s"), duration_s)
        rung = next((k for k, edge in enumerate(free) if edge <= left + 0.05), len(free))
        free[rung : rung + 1] = [left + width]
        said = ": ".join(dict.fromkeys(part for part in (_words(item["label"]), item.get("text", "")) if part))
        said += f", {format_span(item)}"
        if item.get("value") is not None:
            said += f" ({format_quantity(item['value'], item.get('unit', ''))})"
        text = item.get("text") or _words(item["label"])
        marks.append({"left": left, "width": width, "rung": rung, "text": text, "wrong": wrong, "title": said})
    n_wrong = sum(wrong for _, wrong in spans)
    return {
        "kind": "words",
        "dimension": name,
        "label": label,
        "marks": marks,
        "rungs": len(free),
        "range": f"{len(marks)} {TIMES}" + (f", {n_wrong} wrong" if n_wrong else ""),
        "text": f"{label}, {name}: " + "; ".join(mark["title"] for mark in marks[:40]),
    }


_NOTE_LABEL = re.compile(r"([A-G]#?-?\d)( [+-]\d+ cents)?")


def _pitch(item: Mapping[str, Any], label: str) -> float | None:
    """The MIDI number of a span that is a note; None for any other evidence."""
    if label in ("note", "expected note") or label.startswith("note "):
        value = item.get("value")
        return None if value is None else float(value)
    named = _NOTE_LABEL.fullmatch(label)
    if named is None or item.get("start_s") is None:
        return None
    nearest = theory.note_midi(named[1])
    cents = float((named[2] or " 0 cents").split()[0])
    return None if nearest is None else nearest + cents / 100


def _stretch(start_s: float, end_s: float | None, duration_s: float) -> tuple[float, float]:
    """Left edge and width in percent of the clip."""
    start = min(max(start_s, 0.0), duration_s)
    end = min(max(end_s if end_s is not None else start, start), duration_s)
    return round(100 * start / duration_s, 2), round(100 * (end - start) / duration_s, 2)


def _note_name(midi: float) -> str:
    """The name of the nearest note, and how many cents it is off where that is a tenth of a semitone or more."""
    nearest = round(midi)
    cents = round(100 * (midi - nearest))
    name = f"{_NOTE_NAMES[nearest % 12]}{nearest // 12 - 1}"
    return (
        f"{name} {format_quantity(cents)} cents".replace(" ", " +" if cents > 0 else " ", 1)
        if abs(cents) >= 10
        else name
    )


def _roll(
    name: str,
    notes: Sequence[tuple[Mapping[str, Any], float, bool, bool]],
    verdict: Mapping[str, Any],
    duration_s: float,
) -> dict[str, Any]:
    """A piano roll: time across, pitch upwards, the rows of the notes asked for marked.

    Expected notes without a time share the verdict's moment evenly.
    """
    asked = _asked_pitches(verdict["stated"])
    pitches = [*(pitch for _, pitch, _, _ in notes), *asked]
    low, high = math.floor(min(pitches)) - 1, math.ceil(max(pitches)) + 1
    rows = high - low + 1
    begin = verdict.get("start_s") or 0.0
    length = (verdict.get("end_s") or duration_s) - begin
    timeless = sum(item.get("start_s") is None for item, *_ in notes)
    placed = 0
    marks: list[dict[str, Any]] = []
    for item, pitch, expected, wrong in sorted(notes, key=lambda note: not note[2]):  # outlines lie below
        start, end, when = item.get("start_s"), item.get("end_s"), ""
        if start is None:
            start, end = begin + length * placed / timeless, begin + length * (placed + 1) / timeless
            placed += 1
        else:
            when = f", {format_span(item)}"
        left, width = _stretch(start, end, duration_s)
        called = _note_name(pitch)
        kind = "expected note" if expected else "wrong note" if wrong else "note"
        marks.append(
            {
                "left": left,
                "width": width,
                "top": round(100 * (high - pitch) / rows, 2),
                "height": round(100 / rows, 2),
                "text": called,
                "expected": expected,
                "wrong": wrong,
                "title": f"{kind} {called}{when}",
            }
        )
    heard = sum(not expected for _, _, expected, _ in notes)
    black = [midi for midi in range(low, high + 1) if midi % 12 in (1, 3, 6, 8, 10)]
    return {
        "kind": "roll",
        "dimension": name,
        "label": "notes",
        "marks": marks,
        "height": min(max(rows * 11, 44), 165),
        "black": [round(100 * (high - midi) / rows, 2) for midi in black],
        "asked": [round(100 * (high - midi) / rows, 2) for midi in asked],
        "row_height": round(100 / rows, 2),
        "range": f"{heard} heard" + (f", {len(notes) - heard} expected" if len(notes) > heard else ""),
        "text": f"notes, {name}: " + "; ".join(mark["title"] for mark in marks[:60]),
    }


def _asked_pitches(stated: Mapping[str, Any] | None) -> list[int]:
    """MIDI numbers of the notes that a constraint names with their octave."""
    names = [] if stated is None else [stated.get("note"), *(stated.get("notes") or ())]
    found = set()
    for note in names:
        try:
            found.add(None if not isinstance(note, str) else theory.note_midi(note))
        except ValueError:  # a plug-in's own way of naming notes
            continue
    return sorted(midi for midi in found if midi is not None)
