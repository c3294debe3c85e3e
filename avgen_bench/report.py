"""From measurements to the report, and the report as JSON, as a terminal table and as one clip explained.

Conventions
    The report is a plain value of strict JSON: no NaN, no wall-clock time, no worker count, and no path but those the
    caller wrote into ``Clip.path``. The same run gives the same bytes for any order of clips and measurements, so two
    reports can be compared with ``cmp``. Numbers keep six significant digits.

    Layout: ``schema``, ``signature``, ``interval``, ``counts`` (of every status over the whole report), ``dimensions``
    (their facts and the signatures of their numbers), ``systems``, ``estimates`` (one per dimension and system),
    ``clips`` (rows in the order of system, prompt, take; each with its measurements), ``worst_first`` (for every
    dimension the rows of ``clips``, worst first; equal values in row order), ``prompts`` (text and constraints of those
    that state any, by id), ``constraints`` (see :mod:`avgen_bench.report_control`), ``ladders`` (per system:
    ``groups``, every ladder's response beside what its rungs ask and what was measured, and ``dials``, what they come
    to), ``notes``, ``thumbnails``.

    A clip that has no measurement in a dimension counts as ``missing``: a run that was cut short shows as such.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from avgen_bench import ladders
from avgen_bench.constraints.base import COLUMNS, OTHER, WINDOW
from avgen_bench.errors import InputError
from avgen_bench.report_control import facts_of, judged, prompt_rows, tally, transcript
from avgen_bench.report_semantic import (
    ALARMS,
    agreement_words,
    atoms_in,
    beside_atoms,
    bias_words,
    coverage_words,
    is_semantic,
    judge_words,
    rate_words,
    semantic,
    tell_atom,
    untold_words,
)
from avgen_bench.statistics import LEVEL, METHOD, count_statuses, quantiles, summarise
from avgen_bench.store import write_text
from avgen_bench.types import Clip, DimensionFacts, Measurement, MediaFacts, Prompt, Thumbnails, canonical_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = [
    "SCHEMA",
    "build",
    "clip_label",
    "explain_clip",
    "format_number",
    "headline",
    "print_table",
    "printable",
    "to_json_text",
    "write_json",
]

SCHEMA = "avgen-bench/report/1"

MINUS, DASH, TIMES = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"

_STATUS_WORDS = {
    "ok": "measured",
    "floor": "at the floor",
    "abstained": "abstained",
    "failed": "failed",
    "missing": "not measured yet",
    "not_applicable": "not applicable",
}


# --------------------------------------------------------------------------- the value


def build(
    measurements: Iterable[Measurement],
    clips: Sequence[Clip],
    dimensions: Sequence[DimensionFacts],
    *,
    thumbnails: Mapping[str, Thumbnails] | None = None,
    media: Mapping[str, MediaFacts] | None = None,
    prompts: Mapping[str, Prompt] | None = None,
    readings: Mapping[str, float | None] | None = None,
    checkers: Mapping[str, Mapping[str, Any]] | None = None,
    judge: Mapping[str, Any] | None = None,
    signature: str = "",
) -> dict[str, Any]:
    """The report as plain JSON values; see the module's conventions for its layout.

    Measurements of other clips or dimensions than those given are left aside, so a store that knows more can be passed
    whole. ``thumbnails`` and ``media`` are by clip id, ``prompts`` by their own. ``checkers`` are calibration cards by
    kind of constraint, by default those of this package. ``judge`` is who answered the questions of the semantic
    dimensions, with the passport (:mod:`avgen_bench.report_semantic`). ``signature`` names what the whole run was made
    with.

    Raises:
        ValueError: two different measurements of one clip in one dimension, or a value off its scale.
    """
    rows, notes = _unique(clips)
    known = {item.name: item for item in dimensions}
    by_place: dict[tuple[str, str], Measurement] = {}
    keys = {clip.key for clip in rows}
    for item in measurements:
        if item.clip_key not in keys or item.dimension not in known:
            continue
        before = by_place.setdefault((item.clip_key, item.dimension), item)
        if before != item:
            raise ValueError(
                f"two different measurements of {item.dimension!r} for clip {item.clip_key}: signatures "
                f"{before.signature!r} and {item.signature!r}; pass the current one only"
            )

    clip_rows: list[dict[str, Any]] = []
    for clip in rows:
        found = (media or {}).get(clip.clip_id)
        clip_rows.append(
            {
                "key": clip.key,
                "clip_id": clip.clip_id,
                "path": clip.path,
                "system": clip.system,
                "prompt_id": clip.prompt_id,
                "take": clip.take,
                "category": clip.category,
                "media": None if found is None else found.to_json(),
                "measurements": {
                    name: _cell(by_place[clip.key, name], known[name]) for name in known if (clip.key, name) in by_place
                },
            }
        )

    systems = sorted({clip.system for clip in rows})
    estimates = [_estimate(facts, system, clip_rows) for facts in dimensions for system in systems]
    dimension_rows = []
    for facts in dimensions:
        # prompts differ from clip to clip by nature, and where they decide what is looked at, so do the instruments
        made_with = sorted(
            {item.signature.partition(" prompt:")[0] for (_, name), item in by_place.items() if name == facts.name}
        )
        mixed = {" ".join(text.split()[:2]) for text in made_with} if facts.needs_prompt else made_with
        if len(mixed) > 1:
            notes.append(f"{facts.name}: numbers of {len(mixed)} signatures are mixed; score again to compare them")
        dimension_rows.append({**_jsonable(dataclasses.asdict(facts)), "signatures": made_with})
    asked = prompt_rows(prompts or {}, (clip.prompt_id for clip in rows))
    counted = ("ok", "floor", "abstained", "failed", "missing", "not_applicable")
    return {
        "schema": SCHEMA,
        "signature": signature,
        "interval": {"level": LEVEL, "method": METHOD},
        "counts": {name: sum(item["counts"][name] for item in estimates) for name in counted},
        "dimensions": dimension_rows,
        "systems": systems,
        "estimates": estimates,
        "clips": clip_rows,
        "worst_first": {facts.name: _worst_first(facts, clip_rows) for facts in dimensions},
        "prompts": asked,
        "constraints": tally(clip_rows, asked, known, checkers),
        "ladders": _ladders(rows, prompts or {}, readings or {}),
        "semantic": _jsonable(semantic(clip_rows, dimension_rows, judge)),
        "notes": notes,
        "thumbnails": {
            clip_id: _jsonable(dataclasses.asdict((thumbnails or {})[clip_id]))
            for clip_id in sorted({clip.clip_id for clip in rows} & set(thumbnails or {}))
        },
    }


def _ladders(
    clips: Sequence[Clip], prompts: Mapping[str, Prompt], readings: Mapping[str, float | None]
) -> list[dict[str, Any]]:
    """Per system that was asked any ladder: the response of every group, and what they come to per dial."""
    out = []
    for system in sorted({clip.system for clip in clips}):
        rungs = [
            (prompts[clip.prompt_id], readings.get(clip.key))
            for clip in clips
            if clip.system == system and clip.prompt_id in prompts and prompts[clip.prompt_id].ladder is not None
        ]
        if rungs:
            found = ladders.responses(rungs)
            seen = _rungs(rungs)
            row = {
                "system": system,
                "groups": [{**dataclasses.asdict(item), **seen[item.dial, item.group]} for item in found],
                "dials": ladders.summarise_dials(found),
            }
            out.append(_jsonable(row))
    return out


def _rungs(rungs: Iterable[tuple[Prompt, float | None]]) -> dict[tuple[str, str], dict[str, Any]]:
    """By dial and group: what each rung asks, its prompts, and its reading, the mean over takes or None."""
    groups: dict[tuple[str, str], dict[tuple[int, float], list[tuple[Prompt, float | None]]]] = {}
    for prompt, value in rungs:
        if prompt.ladder is not None:
            place = prompt.ladder
            found = groups.setdefault((place.dial, place.group), {})
            found.setdefault((place.rung, place.amount), []).append((prompt, value))
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for name, by_rung in groups.items():
        takes = [by_rung[rung] for rung in sorted(by_rung)]
        read = [[value for _, value in mine if value is not None] for mine in takes]
        out[name] = {
            "unit": next(prompt.ladder.unit for prompt, _ in takes[0] if prompt.ladder is not None),
            "asked": [amount for _, amount in sorted(by_rung)],
            "measured": [math.fsum(values) / len(values) if values else None for values in read],
            "prompts": [sorted({prompt.id for prompt, _ in mine}) for mine in takes],
        }
    return out


def _unique(clips: Sequence[Clip]) -> tuple[list[Clip], list[str]]:
    """The clips in report order, each key once, and a note for every path that said the same again."""
    ordered = sorted(clips, key=lambda clip: (clip.system, clip.prompt_id, clip.take, clip.key, clip.path))
    rows: list[Clip] = []
    notes: list[str] = []
    for clip in ordered:
        if rows and rows[-1].key == clip.key:
            if rows[-1].path != clip.path:
                notes.append(f"{clip.path}: same system, prompt, take and bytes as {rows[-1].path}; counted once")
            continue
        rows.append(clip)
    return rows, notes


def _cell(item: Measurement, facts: DimensionFacts) -> dict[str, Any]:
    data = item.to_json()
    for name in ("dimension", "clip_id", "clip_key", "prompt_id"):
        del data[name]
    data["at_floor"] = item.status == "ok" and item.value == facts.floor
    return data


def _estimate(facts: DimensionFacts, system: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    mine = [row for row in rows if row["system"] == system]
    cells = [row["measurements"][facts.name] for row in mine if facts.name in row["measurements"]]
    values = [cell["value"] for cell in cells if cell["status"] == "ok"]
    estimate = summarise(values, facts.low, facts.high)
    counts: dict[str, int] = {str(name): n for name, n in count_statuses(cell["status"] for cell in cells).items()}
    counts["missing"] = len(mine) - len(cells)
    counts["floor"] = sum(cell["at_floor"] for cell in cells)
    unknown = counts["abstained"] + counts["failed"] + counts["missing"]
    total = len(values) + unknown
    worst = _worst_first(facts, mine)
    has_worst = bool(values)
    found = {
        "dimension": facts.name,
        "system": system,
        **dataclasses.asdict(estimate),
        "counts": counts,
        # where the mean would lie had every clip without a number got the lowest, or the highest, value there is
        "bound_low": (math.fsum(values) + unknown * facts.low) / total if total else None,
        "bound_high": (math.fsum(values) + unknown * facts.high) / total if total else None,
        "quartiles": list(quantiles(values)),
        "worst": mine[worst[0]]["key"] if has_worst else None,
    }
    plain: dict[str, Any] = _jsonable(found)
    return plain


def _worst_first(facts: DimensionFacts, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Row numbers: measured ones from worst to best, then failed, abstained, missing and not applicable ones."""
    after = {"failed": 1, "abstained": 2, "missing": 3, "not_applicable": 4}

    def rank(place: int) -> tuple[float, float, int]:
        cell = rows[place]["measurements"].get(facts.name)
        if cell is not None and cell["status"] == "ok":
            return 0, cell["value"] * facts.direction, place
        return after["missing" if cell is None else cell["status"]], 0.0, place

    return sorted(range(len(rows)), key=rank)


def _jsonable(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value


# --------------------------------------------------------------------------- files


def to_json_text(report: Mapping[str, Any]) -> str:
    """The report as strict JSON text, one line for each clip, estimate, prompt, ...; thumbnails are left to the page.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    lines = []
    for key in sorted(report.keys() - {"thumbnails"}):
        value = report[key]
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(canonical_json(item) for item in value) + "\n]"
        elif key == "prompts" and value:
            lined = (f"{canonical_json(name)}:{canonical_json(item)}" for name, item in sorted(value.items()))
            text = "{\n" + ",\n".join(lined) + "\n}"
        else:
            text = canonical_json(value)
        lines.append(f"{canonical_json(key)}:{text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_json(report: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """The path of the JSON file just written (whole or not at all)."""
    return write_text(to_json_text(report), path)


# --------------------------------------------------------------------------- words and numbers


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
    parts += [f"{counts[name]} {_STATUS_WORDS[name]}" for name in ("missing", "not_applicable") if counts[name]]
    given = sum(bool(row["path"]) for row in report["clips"])
    sizes = [(given, "clip"), *((len(report[f"{word}s"]), word) for word in ("system", "dimension"))]
    things = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in sizes]
    if len(report["systems"]) == 1 and report["systems"][0]:
        things[1] += f" ({report['systems'][0]})"
    lost = len(report["clips"]) - given
    if lost:
        things.insert(1, f"{lost} prompt{'' if lost == 1 else 's'} without a clip")
    return ", ".join(things) + ": " + ", ".join(parts)


def printable(text: str) -> str:
    """Text for a terminal: what would steer the terminal or the reading direction is shown as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in text
    )


# --------------------------------------------------------------------------- terminal


def print_table(report: Mapping[str, Any], console: Console) -> None:
    """Print one line per dimension and system, and above it what was not measured."""
    from rich.table import Table
    from rich.text import Text

    counts = report["counts"]
    console.print(
        Text(printable(headline(report)), style="bold red" if counts["failed"] or counts["missing"] else "bold")
    )
    facts = {item["name"]: item for item in report["dimensions"]}
    labels = {row["key"]: clip_label(row) for row in report["clips"]}
    named = len(report["systems"]) > 1
    extra = [name for name in ("missing", "not_applicable") if counts[name]]
    heads = {"abstained": "abst", "failed": "fail", "floor": "floor", "missing": "miss", "not_applicable": "n/a"}
    columns = ("abstained", "failed", *extra, "floor")
    rows: list[list[Text]] = []
    before = None
    for item in report["estimates"]:
        if named and item["dimension"] != before:
            rows.append([Text(printable(item["dimension"]), style="bold")])
        before = item["dimension"]
        low, high = facts[item["dimension"]]["low"], facts[item["dimension"]]["high"]
        ends = [format_number(item[name], low, high) for name in ("ci_low", "ci_high")]
        interval = DASH if item["ci_low"] is None else (DASH if low >= 0 else " to ").join(ends)
        total = sum(row["system"] == item["system"] for row in report["clips"])
        name = f"  {printable(item['system']) or '(unnamed)'}" if named else printable(item["dimension"])
        cells = [Text(name), Text(format_number(item["mean"], low, high), style="bold"), Text(interval)]
        cells.append(Text(f"{item['n']}/{total}"))
        for column in columns:
            n = item["counts"][column]
            style = "bold red" if column in ("failed", "missing") else "yellow" if column != "not_applicable" else ""
            cells.append(Text(str(n) if n else "0", style=style if n else "dim"))
        cells.append(Text(printable(labels.get(item["worst"], DASH))))
        rows.append(cells)
    # Numbers are never cut: they get their width first, then the two columns of names share what is left.
    titles = ("mean", "95 % CI", "n", *(heads[name] for name in columns))
    full = [cells for cells in rows if len(cells) > 1]
    wide = [max([len(title), *(len(cells[k]) for cells in full)]) for k, title in enumerate(titles, start=1)]
    room = console.width - sum(wide) - len(wide) - 1
    name_wide = max([9, *(cells[0].cell_len for cells in rows)])
    worst_wide = max([10, *(cells[-1].cell_len for cells in full)])
    name_wide = max(min(name_wide, room - min(worst_wide, 12)), 9)
    worst_wide = max(min(worst_wide, room - name_wide), 4)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("system" if named else "dimension", no_wrap=True, overflow="ellipsis", width=name_wide)
    for title, width in zip(titles, wide, strict=True):
        table.add_column(title, justify="right", no_wrap=True, width=width)
    table.add_column("worst clip", no_wrap=True, overflow="ellipsis", width=worst_wide)
    for cells in rows:
        table.add_row(*cells)
    console.print(table)
    legend = "n: with a number, of all; abst: cannot tell, not in the mean; floor: lowest"
    console.print(Text(legend, style="dim"))
    for line in coverage_words(report["semantic"]):
        console.print(Text(printable(line), style="yellow"))
    _print_semantic(report["semantic"], console, named)
    if report["constraints"]["kinds"]:
        _print_constraints(report, console)
    for found in report["ladders"]:
        _print_ladders(found, console, len(report["systems"]) > 1)
    failures = _failures(report)
    for (reason, status), names in list(failures.items())[:5]:
        shown = ", ".join(printable(name) for name in names[:3])
        shown += f" and {len(names) - 3} more" if len(names) > 3 else ""
        console.print(Text(f"{_STATUS_WORDS[status]}: {shown}: {printable(reason)}", style="red"))
    if len(failures) > 5:
        console.print(Text(f"and {len(failures) - 5} more reasons, see the report", style="red"))
    for note in report["notes"]:
        console.print(Text(f"note: {printable(note)}", style="yellow"))


def _print_semantic(found: Mapping[str, Any], console: Console, named: bool) -> None:
    """Who judged, with its passport, and for each dimension its sub-scores, bias, rates, and what cannot be told."""
    from rich.table import Table
    from rich.text import Text

    rows = [row for row in found["rows"] if row["atoms"]]
    if found["judge"] is None and not rows:
        return
    console.print()
    for line in judge_words(found["judge"]):
        console.print(Text(printable(line), style="bold red" if line.startswith(ALARMS) else ""))
    if said := agreement_words(found):
        console.print(Text(said))
    for row in rows:
        name = row["dimension"] + (f" of {row['system'] or '(unnamed)'}" if named else "")
        table = Table(title=printable(name), title_justify="left", box=None, pad_edge=False, header_style="dim")
        table.add_column("part", no_wrap=True)
        for head in ("mean", "95 % CI", "clips"):
            table.add_column(head, justify="right", no_wrap=True)
        for part in row["parts"]:
            ends = DASH if part["ci_low"] is None else f"{part['ci_low']:.2f}{DASH}{part['ci_high']:.2f}"
            table.add_row(Text(printable(part["label"])), f"{part['mean']:.2f}", ends, str(part["n"]))
        console.print(table if row["parts"] else Text(printable(name), style="italic"))
        for text in (rate_words(row), bias_words(row), untold_words(row)):
            if text:
                console.print(Text(printable(text), style="dim"))


def _print_constraints(report: Mapping[str, Any], console: Console) -> None:
    """One line per kind of constraint and system, and how many prompts are obeyed in full."""
    from rich.table import Table
    from rich.text import Text

    found = report["constraints"]
    named = len(report["systems"]) > 1
    unmeasured = any(row["unmeasured"] for row in found["kinds"])
    titles = ["n", "strict", "95 % CI", "loose", "?", *(["none"] if unmeasured else []), "checker right"]
    rows: list[list[Text]] = []
    before = None
    for row in found["kinds"]:
        checker = format_checker(found["checkers"][row["kind"]])
        if named and row["kind"] != before:
            rows.append([Text(printable(row["kind"]), style="bold")])
        said = checker if row["kind"] != before else ""
        before = row["kind"]
        name = f"  {printable(row['system']) or '(unnamed)'}" if named else printable(row["kind"])
        cells = [Text(name), Text(str(row["n"])), Text(format_percent(row["strict_rate"]), style="bold")]
        cells += [Text(format_interval(row["strict_ci"])), Text(format_percent(row["loose_rate"]))]
        cells.append(Text(str(row["unverifiable"]), style="yellow" if row["unverifiable"] else "dim"))
        if unmeasured:
            cells.append(Text(str(row["unmeasured"]), style="bold red" if row["unmeasured"] else "dim"))
        rows.append([*cells, Text(said, style="dim" if said == "not calibrated" else "")])
    full = [cells for cells in rows if len(cells) > 1]
    wide = [max([len(title), *(len(cells[k]) for cells in full)]) for k, title in enumerate(titles, start=1)]
    room = max(console.width - sum(wide) - len(wide) - 1, 9)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    name_wide = min(max([10, *(cells[0].cell_len for cells in rows)]), room)
    table.add_column("system" if named else "constraint", no_wrap=True, overflow="ellipsis", width=name_wide)
    for title, width in zip(titles, wide, strict=True):
        table.add_column(title, justify="left" if title == titles[-1] else "right", no_wrap=True, width=width)
    for cells in rows:
        table.add_row(*cells)
    console.print()
    console.print(table)
    legend = "strict, loose: share that pass, of those verified; ?: the checker cannot tell"
    console.print(Text(legend + ("; none: no verdict" if unmeasured else ""), style="dim"))
    for row in found["prompts"]:
        console.print(Text(printable(obeyed_words(row, named))))


def _print_ladders(found: Mapping[str, Any], console: Console, named: bool) -> None:
    """One line per dial: how far the amount is obeyed, from -1 (the wrong way) over 0 (ignored) to 1."""
    from rich.table import Table
    from rich.text import Text

    def show(row: Mapping[str, Any], figure: str) -> str:
        value, interval = row[figure], row[f"{figure}_ci"]
        if value is None:
            return DASH
        text = f"{value:.2f}".replace("-", MINUS)
        if interval is None:
            return text
        return text + " (" + " to ".join(f"{edge:.2f}".replace("-", MINUS) for edge in interval) + ")"

    title = "control response" + (f" of {found['system'] or '(unnamed)'}" if named else "")
    table = Table(title=printable(title), title_justify="left", box=None, pad_edge=False, header_style="dim")
    table.add_column("dial", no_wrap=True)
    for head in ("groups", "rungs read", "tau", "slope"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in found["dials"]:
        read = f"{row['read']}/{row['rungs']}"
        table.add_row(row["dial"], f"{row['answered']}/{row['groups']}", read, show(row, "tau"), show(row, "slope"))
    console.print()
    console.print(table)
    console.print(Text("1: obeys the amount, 0: ignores it, below 0: turns the wrong way", style="dim"))


def obeyed_words(row: Mapping[str, Any], named: bool) -> str:
    """How many clips of a system obey their prompt in full, in a sentence."""
    known, unknown = row["strict"] + row["fail"], row["unverifiable"] + row["unmeasured"]
    text = f"{row['system'] or '(unnamed)'}: " if named else ""
    if not known:
        return f"{text}None of {unknown} clips could be verified on every constraint of its prompt"
    text += f"{row['strict']} of {known} clips obey every constraint of their prompt"
    text += f" ({format_percent(row['strict_rate'])}, {format_interval(row['strict_ci'])}), {row['loose']} loosely"
    return text + (f"; {unknown} more could not be verified on every one" if unknown else "")


def _failures(report: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Clips by reason and status, for what failed."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in report["clips"]:
        for cell in row["measurements"].values():
            if cell["status"] == "failed":
                names = found.setdefault((cell["reason"], "failed"), [])
                if row["path"] not in names:
                    names.append(row["path"])
    return found


def find_clips(report: Mapping[str, Any], text: str) -> list[Mapping[str, Any]]:
    """The rows that ``text`` names: by path or key, else by file name, stem, prompt or label, else by start of the id.

    Raises:
        InputError: no clip is called that.
    """
    rows: Sequence[Mapping[str, Any]] = report["clips"]
    as_path = PurePosixPath(text)

    def names(row: Mapping[str, Any]) -> set[str]:
        path = PurePosixPath(row["path"])
        return {path.name, path.stem, row["prompt_id"], clip_label(row)}

    exact = [row for row in rows if text in (row["path"], row["key"], row["clip_id"])]
    called = exact or [row for row in rows if text and text in names(row)]
    called = called or [row for row in rows if len(text) >= 4 and row["clip_id"].startswith(text)]
    called = called or [row for row in rows if as_path.name and PurePosixPath(row["path"]).name == as_path.name]
    if not called:
        near = difflib.get_close_matches(text, sorted({name for row in rows for name in names(row) if name}), 3, 0.5)
        hint = f"; close: {', '.join(near)}" if near else ""
        raise InputError(
            f"no clip of this run is called {text!r}; expected a path, file name, prompt id or clip id of one of "
            f"{len(rows)} clips{hint}"
        )
    return called


def explain_clip(report: Mapping[str, Any], clip: str) -> list[RenderableType]:
    """Terminal renderables for every row that ``clip`` names: each number with its parts, times, reason and origin.

    Raises:
        InputError: no clip is called that.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.text import Text

    facts = {item["name"]: item for item in report["dimensions"]}
    shown: list[RenderableType] = []
    for row in find_clips(report, clip):
        shown.append(Rule(Text(printable(clip_label(row)), style="bold"), align="left"))
        about = [f"path {row['path']}", f"clip {row['clip_id'] or '(unreadable)'}"]
        about += [f"{name} {row[name]}" for name in ("system", "prompt_id", "category") if row[name]]
        about += media_words(row["media"])
        shown.append(Text("\n".join(printable(line) for line in about), style="dim"))
        found = judged(row, report["prompts"].get(row["prompt_id"]), facts)
        idle: dict[str, list[str]] = {}
        for name, scale in facts.items():
            cell = row["measurements"].get(name)
            if cell is not None and cell["status"] == "not_applicable":
                idle.setdefault(cell["reason"].replace(name, "it"), []).append(name)
                continue
            if cell is None:
                shown.append(Text.assemble("\n", (name, "bold"), "  ", ("not measured yet", "bold red")))
                continue
            title = Text.assemble("\n", (printable(name), "bold"), "  ")
            if cell["status"] == "ok":
                title.append(format_number(cell["value"], scale["low"], scale["high"]), style="bold")
                title.append(f"  on {scale['low']:g} to {scale['high']:g}, ", style="dim")
                title.append("higher is better" if scale["direction"] > 0 else "lower is better", style="dim")
                if cell["at_floor"]:
                    title.append("  at the floor", style="yellow")
            else:
                alarm = {"failed": "bold red", "abstained": "yellow"}.get(cell["status"], "")
                title.append(_STATUS_WORDS[cell["status"]], style=alarm)
            shown.append(title)
            verdicts = [item for item in found if item["theme"] == name]
            if verdicts:  # they say all that the reason and the counts say
                shown.append(
                    Padding(Group(*(line for item in verdicts for line in _verdict_lines(item))), (0, 0, 0, 2))
                )
            else:
                if cell["reason"]:
                    shown.append(Padding(Text(printable(cell["reason"])), (0, 0, 0, 2)))
                atoms = atoms_in(cell["evidence"]) if is_semantic(scale) else []
                shown += [Padding(line, (0, 0, 0, 2)) for atom in atoms for line in _atom_lines(atom)]
                shown.append(Padding(Group(*_evidence_lines(beside_atoms(cell["evidence"], atoms))), (0, 0, 0, 2)))
            origin = f"version {cell['version']}; signature {cell['signature']}; from {' '.join(cell['observations'])}"
            shown.append(Padding(Text(printable(origin), style="dim"), (0, 0, 0, 2)))
        if idle:
            said = "; ".join(", ".join(names) + (f" ({why})" if why else "") for why, names in idle.items())
            shown.append(Text(f"\nnot applicable: {printable(said)}", style="dim"))
    return shown


def _atom_lines(atom: Mapping[str, Any]) -> list[RenderableType]:
    """One question and its false twin, each with the rate of yes and the judge's words."""
    from rich.padding import Padding
    from rich.text import Text

    word = tell_atom(atom)
    style = {"yes": "bold green", "not seen": "bold", "both": "bold yellow", "untold": "bold yellow"}.get(
        word, "bold red"
    )
    head = Text.assemble((f"{word:<13}", style), (printable(f"{atom['key']} {atom['type']}"), "bold"))
    if atom["because"]:
        head.append(printable(f"  {atom['because']}"), style="dim")
    lines: list[RenderableType] = [head]
    for name, text, value, said in (
        ("asked", atom["text"], atom["yes"], atom["said"]),
        ("false twin", atom["twin"], atom["twin_yes"], atom["twin_said"]),
    ):
        rate = "no answer" if value is None else f"yes {value:.2f}"
        line = Text.assemble((f"{name}: ", "dim"), printable(text), (f"  {rate}", "cyan"))
        if said:
            line.append(printable(f"  said: {said}"), style="dim")
        lines.append(Padding(line, (0, 0, 0, 5)))
    return lines


VERDICT_WORDS = {"pass": "pass", "fail": "FAIL", "unverifiable": "?", "unmeasured": "none"}
_VERDICT_STYLES = {"pass": "bold green", "fail": "bold red", "unverifiable": "bold yellow", "unmeasured": "bold red"}


def _verdict_lines(item: Mapping[str, Any]) -> list[RenderableType]:
    """One constraint: verdict and words of the prompt, then what was found, why it fails, when, and by how much."""
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    head = Text.assemble((f"{VERDICT_WORDS[item['strict']]:<5}", _VERDICT_STYLES[item["strict"]]))
    head.append(printable(f"{item['id']} {item['kind']}"), style="bold")
    if item["stated"] is not None:
        head.append(
            printable(f"  \N{LEFT DOUBLE QUOTATION MARK}{item['stated']['span']}\N{RIGHT DOUBLE QUOTATION MARK}")
        )
    lines.append(head)
    if asked := format_asked(item["stated"]):
        lines.append(Padding(Text(printable(f"asked: {asked}"), style="dim"), (0, 0, 0, 5)))
    words, rates = transcript(item)
    if words:
        lines.append(Padding(_heard_words(words, rates), (0, 0, 0, 5)))
    elif item.get("found"):
        lines.append(Padding(Text(printable(f"found: {item['found']}")), (0, 0, 0, 5)))
    if item.get("reason"):
        lines.append(Padding(Text(printable(item["reason"]), style=_VERDICT_STYLES[item["strict"]][5:]), (0, 0, 0, 5)))
    more = [f"at {format_span(item)}"] if item.get("start_s") is not None else []
    more += [text for text in (format_margin(item), loose_words(item)) if text]
    if more:
        lines.append(Padding(Text(printable("; ".join(more)), style="dim"), (0, 0, 0, 5)))
    shown = [part for part in item.get("evidence", ()) if not words or part["label"] != "word"]
    lines += [Padding(line, (0, 0, 0, 5)) for line in _evidence_lines(shown)]
    return lines


def _heard_words(words: Sequence[Mapping[str, Any]], rates: str) -> Text:
    """A line as it was heard; brackets mark what is wrong, so that it shows without colours too."""
    from rich.text import Text

    line = Text("heard: ")
    for word in words:
        heard, wanted = printable(word["heard"]), printable(word["wanted"])
        if word["mark"] == "missing":
            line.append(f"[missing: {wanted}]", style="red strike")
        elif word["mark"] == "extra":
            line.append(f"[extra: {heard}]", style="bold red")
        elif word["mark"]:
            line.append(f"[{heard}", style="bold red")
            line.append(f", not {wanted}]" if wanted else "]", style="red")
        else:
            line.append(heard)
        line.append(" ")
    line.append(printable(rates), style="dim")
    line.rstrip()
    return line


def loose_words(item: Mapping[str, Any]) -> str:
    """What the loose verdict adds to the strict one."""
    return "passes loosely" if item["loose"] == "pass" and item["strict"] != "pass" else ""


def _evidence_lines(evidence: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    lines: list[RenderableType] = []
    parts = [item for item in evidence if item["kind"] == "part"]
    if parts:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for justify in ("left", "right", "left", "right"):
            table.add_column(justify=justify, no_wrap=True)
        for item in parts:
            score = item.get("score")
            filled = 0 if score is None else round(min(max(score, 0.0), 1.0) * 10)
            bar = Text("" if score is None else "█" * filled + "░" * (10 - filled), style="cyan")
            name = Text(printable(item["label"].replace("_", " ")))
            quantity = Text(printable(format_quantity(item.get("value"), item.get("unit", ""))), style="dim")
            table.add_row(name, Text("" if score is None else f"{score:.2f}"), bar, quantity)
        lines.append(table)
    for label, spans in group_spans(evidence).items():
        times = ", ".join(printable(f"{span_words(span)} {format_span(span)}".strip()) for span in spans[:8])
        times += " …" if len(spans) > 8 else ""
        lines.append(Text.assemble(printable(label), (f"  {len(spans)} {TIMES}  ", "dim"), times))
    for item in evidence:
        if item["kind"] == "curve" and item.get("y"):
            low, high = format_quantity(min(item["y"])), format_quantity(max(item["y"]), item.get("unit", ""))
            reach = printable(f"  {low} to {high} over {item.get('x_unit', 's')}")
            label = printable(item["label"].replace("_", " "))
            lines.append(Text.assemble(label, "  ", (_spark(item["y"]), "cyan"), (reach, "dim")))
        elif item["kind"] == "note":
            lines.append(Text(printable(": ".join(part for part in (item["label"], item.get("text", "")) if part))))
    return lines


def _spark(values: Sequence[float], width: int = 32) -> str:
    low, high = min(values), max(values)
    width = min(width, len(values))
    # the largest of each bin, so that a short event is not lost
    bins = [values[k * len(values) // width : (k + 1) * len(values) // width] for k in range(width)]
    blocks = "▁▂▃▄▅▆▇█"
    return "".join(blocks[round((max(part) - low) / (high - low or 1.0) * 7)] for part in bins)


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
