"""The words and numbers of the report as people read them, shared by the terminal and the page.

Conventions
    Every text here is plain: the terminal escapes it with :func:`printable`, the page as HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from avgen_bench.constraints.base import COLUMNS, OTHER, WINDOW
from avgen_bench.report_control import facts_of

__all__ = [
    "DASH",
    "MINUS",
    "NUMBERED",
    "STATUS_WORDS",
    "TIMES",
    "VERDICT_WORDS",
    "clip_label",
    "format_asked",
    "format_checker",
    "format_interval",
    "format_margin",
    "format_number",
    "format_percent",
    "format_quantity",
    "format_span",
    "group_spans",
    "headline",
    "loose_words",
    "media_words",
    "obeyed_words",
    "power_words",
    "printable",
    "span_words",
]

MINUS, DASH, TIMES = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"

STATUS_WORDS = {
    "ok": "measured",
    "floor": "at the floor",
    "abstained": "abstained",
    "failed": "failed",
    "missing": "not measured yet",
    "not_applicable": "not applicable",
}
VERDICT_WORDS = {"pass": "pass", "fail": "FAIL", "unverifiable": "?", "unmeasured": "none"}


def format_number(value: float | None, low: float = 0.0, high: float = 1.0) -> str:
    """A value of the scale ``[low, high]`` for people: three decimals up to a span of 2, fewer beyond; a dash for None.

    >>> format_number(0.71249), format_number(12.345, 0, 60)
    ('0.712', '12.3')
    """
    if value is None:
        return DASH
    span = high - low
    digits = 3 if span <= 2 else 2 if span <= 20 else 1
    return f"{value:.{digits}f}".replace("-", MINUS)


def format_quantity(value: float | None, unit: str = "") -> str:
    """A measured quantity with its unit, three significant digits and no exponent in the everyday range.

    >>> format_quantity(23.456, "dB"), format_quantity(15750.0, "Hz"), format_quantity(0.0)
    ('23.5 dB', '15750 Hz', '0')
    """
    if value is None:
        return DASH
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-3:
        text = f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e")
    elif size >= 100:
        text = f"{value:.0f}"
    else:
        text = f"{value:.3g}"
    return f"{text.replace('-', MINUS)} {unit}".strip()


def format_percent(rate: float | None) -> str:
    """A rate in whole percent, never rounded to all or nothing; a dash for None.

    >>> format_percent(0.974), format_percent(0.9996), format_percent(1.0)
    ('97 %', '>99 %', '100 %')
    """
    if rate is None:
        return DASH
    whole = round(100 * rate)
    if whole == 100 and rate < 1:
        return ">99 %"
    return "<1 %" if whole == 0 and rate > 0 else f"{whole} %"


def power_words(report: Mapping[str, Any]) -> str:
    """Which differences a paired comparison on the report's prompts would find, by dimension; empty where unknown.

    Of several systems, the largest is told.
    """
    facts = {item["name"]: item for item in report["dimensions"]}
    found: dict[str, list[float]] = {}
    alone = True
    for item in report["estimates"]:
        if item["mdd"] is not None:
            found.setdefault(item["dimension"], []).append(item["mdd"])
            alone = alone and item["mdd_basis"] == "alone"
    few = dict.fromkeys(item["dimension"] for item in report["estimates"] if item.get("mdd_basis") == "too few")
    lacking = f"too few prompts to find any difference: {', '.join(name for name in few if name not in found)}"
    if not found:
        return lacking if few else ""
    terms = report["interval"]
    listed = ", ".join(
        f"{name} {format_number(max(values), facts[name]['low'], facts[name]['high'])}"
        for name, values in found.items()
    )
    against = " against a like system, less where both follow the prompts" if alone else ""
    return (
        f"smallest difference that a comparison on these prompts finds{against} "
        f"({100 * terms['power']:g} % power, {100 * terms['alpha']:g} % error): {listed}"
        f"{'' if few.keys() <= found.keys() else f'; {lacking}'}"
    )


def format_interval(ends: Sequence[float] | None) -> str:
    """Both ends of a rate's interval in whole percent, without the sign; a dash for None."""
    return DASH if ends is None else f"{100 * ends[0]:.0f}{DASH}{100 * ends[1]:.0f}"


def format_checker(checker: Mapping[str, Any] | None) -> str:
    """How often a checker was right on clips of known truth: balanced accuracy and its interval."""
    if checker is None:
        return "not calibrated"
    return f"{format_percent(checker['balanced_accuracy'])} ({format_interval(checker['accuracy_ci'])})"


def format_margin(verdict: Mapping[str, Any]) -> str:
    """By how much a verdict passes or misses, beside the tolerance of its kind; empty where no distance is known."""
    margin = verdict.get("margin")
    if margin is None:
        return ""
    facts = facts_of(verdict["kind"])
    tolerance = None if facts is None else facts.tolerance
    unit = "" if tolerance is None else f" {tolerance.unit}"
    text = ""
    if verdict["strict"] == "pass" and margin > 0:
        text = f"{format_quantity(margin)}{unit} to spare"
    elif verdict["strict"] == "fail" and margin < 0:
        text = f"{format_quantity(-margin)}{unit} beyond tolerance"
    if tolerance is None:
        return text
    strict, loose = format_quantity(tolerance.strict), format_quantity(tolerance.loose)
    both = strict if strict == loose else f"{strict} strict, {loose} loose"
    return f"{text} (tolerance {both})" if text else f"tolerance {both}{unit}"


def format_asked(stated: Mapping[str, Any] | None) -> str:
    """The parameters of a constraint in words.

    >>> format_asked({"id": "c1", "kind": "event_count", "span": "", "event": "knock", "count_min": 3, "count_max": 3})
    'event: knock; exactly 3'
    """
    left = {name: value for name, value in (stated or {}).items() if name not in ("id", "kind", "span")}
    least, most = left.pop("count_min", None), left.pop("count_max", None)
    stretches = []
    for word, start, end in (("within", *WINDOW), ("against", *OTHER)):
        if start in left or end in left:
            low, high = left.pop(start, 0.0), left.pop(end, 1.0)
            stretches.append(f"{word} {100 * low:.3g}{DASH}{100 * high:.3g} % of the clip")
    words = []
    for name, value in left.items():
        unit = COLUMNS[name].unit if name in COLUMNS else ""
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            shown = format_quantity(value, unit)
        for suffix in ("_s", "_db", "_hz"):
            name = name.removesuffix(suffix)
        words.append(f"{name.replace('_', ' ')}: {shown}")
    if least is not None and most is not None:
        words.append(f"exactly {least}" if least == most else f"{least} to {most}")
    elif least is not None or most is not None:
        words.append(f"at least {least}" if most is None else f"at most {most}")
    return "; ".join(words + stretches)


def clip_label(row: Mapping[str, Any]) -> str:
    """What people call a clip: its prompt id, else its file name; a take after the first is marked ``#2`` and so on."""
    name = row["prompt_id"] or PurePosixPath(row["path"]).stem or row["clip_id"][:12]
    return f"{name} #{row['take'] + 1}" if row["take"] else str(name)


def headline(report: Mapping[str, Any]) -> str:
    """One sentence that hides nothing: how many clips, systems and dimensions, and the count of every status."""
    counts = report["counts"]
    parts = [f"{counts['ok']} measured ({counts['floor']} at the floor)", f"{counts['abstained']} abstained"]
    parts.append(f"{counts['failed']} failed")
    parts += [f"{counts[name]} {STATUS_WORDS[name]}" for name in ("missing", "not_applicable") if counts[name]]
    given = sum(bool(row["path"]) for row in report["clips"])
    sizes = [(given, "clip"), *((len(report[f"{word}s"]), word) for word in ("system", "dimension"))]
    things = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in sizes]
    if len(report["systems"]) == 1 and report["systems"][0]:
        things[1] += f" ({report['systems'][0]})"
    lost = len(report["clips"]) - given
    if lost:
        things.insert(1, f"{lost} prompt{'' if lost == 1 else 's'} without a clip")
    elif report["rule"]["left_out"]:
        out = report["rule"]["left_out"]
        things.insert(1, f"{out} prompt{'' if out == 1 else 's'} without a clip, not counted (--missing exclude)")
    return ", ".join(things) + ": " + ", ".join(parts)


def printable(text: str) -> str:
    """Text for a terminal: what would steer the terminal or the reading direction is shown as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in text
    )


def obeyed_words(row: Mapping[str, Any], named: bool) -> str:
    """How many clips of a system obey their prompt in full, in a sentence."""
    known, unknown = row["strict"] + row["fail"], row["unverifiable"] + row["unmeasured"]
    text = f"{row['system'] or '(unnamed)'}: " if named else ""
    if not known:
        return f"{text}None of {unknown} clips could be verified on every constraint of its prompt"
    text += f"{row['strict']} of {known} clips obey every constraint of their prompt"
    text += f" ({format_percent(row['strict_rate'])}, {format_interval(row['strict_ci'])}), {row['loose']} loosely"
    return text + (f"; {unknown} more could not be verified on every one" if unknown else "")


def loose_words(item: Mapping[str, Any]) -> str:
    """What the loose verdict adds to the strict one."""
    return "passes loosely" if item["loose"] == "pass" and item["strict"] != "pass" else ""


NUMBERED = re.compile(r"[ #]+\d+$")  # of labels that count: "shot 1", "shot 2"


def group_spans(evidence: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Spans by label, in order of time; numbered labels ("shot 1", "shot 2") and notes ("note A4") share one group."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in evidence:
        if item["kind"] == "span" and item.get("start_s") is not None:
            label = item["label"].replace("_", " ")
            label = "note" if label.startswith("note ") else NUMBERED.sub("", label) or label
            found.setdefault(label, []).append(item)
    return {label: sorted(spans, key=lambda span: span["start_s"]) for label, spans in found.items()}


def span_words(span: Mapping[str, Any]) -> str:
    """What a span says beside its label: its text, or the name of its note."""
    return str(span.get("text") or (span["label"][5:] if span["label"].startswith("note ") else ""))


def format_span(span: Mapping[str, Any]) -> str:
    """The times of a span: ``1.25 s`` for an instant, else ``1.25-1.60 s``."""
    start, end = span["start_s"], span.get("end_s")
    return f"{start:.2f} s" if end is None or end - start < 0.005 else f"{start:.2f}{DASH}{end:.2f} s"


def media_words(media: Mapping[str, Any] | None) -> list[str]:
    """What the file holds, in words: duration and container, the picture track, the sound track, and notes."""
    if media is None:
        return []
    names = media["container"].split(",")  # one demuxer serves a family of formats and names them all
    words = [f"{media['duration_s']:.2f} s {'/'.join(names[:2])}"]
    picture, sound = media["picture"], media["sound"]
    if picture is None:
        words.append("no picture track")
    else:
        size = TIMES.join(str(side) for side in picture["size"] or ())
        fps = f" {picture['fps']:.4g} fps" if picture["fps"] else ""
        words.append(f"{size}{fps} {picture['codec']}, {picture['units']} frames".strip())
    if sound is None:
        words.append("no sound track")
    else:
        layout = {None: "", 1: " mono", 2: " stereo"}.get(sound["channels"], f" {sound['channels']} channels")
        rate = f"{sound['rate_hz'] / 1000:g} kHz" if sound["rate_hz"] else ""
        words.append(f"{rate}{layout} {sound['codec']}".strip())
    return words + list(media["notes"])
