"""From measurements to the report, and the report as JSON, as a terminal table and as one clip explained.

Conventions
    The report is a plain value of strict JSON: no NaN, no wall-clock time, no worker count, and no path but those the
    caller wrote into ``Clip.path``. The same run gives the same bytes for any order of clips and measurements, so two
    reports can be compared with ``cmp``. Numbers keep six significant digits.

    Layout: ``schema``, ``signature``, ``interval``, ``counts`` (of every status over the whole report), ``dimensions``
    (their facts and the signatures of their numbers), ``systems``, ``estimates`` (one per dimension and system),
    ``clips`` (rows in the order of system, prompt, take; each with its measurements), ``worst_first`` (for every
    dimension the rows of ``clips``, worst first; equal values in row order), ``notes``, ``thumbnails``.

    A clip that has no measurement in a dimension counts as ``missing``: a run that was cut short shows as such.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from avgen_bench.errors import InputError
from avgen_bench.statistics import LEVEL, METHOD, count_statuses, quantiles, summarise
from avgen_bench.store import write_text
from avgen_bench.types import Clip, DimensionFacts, Measurement, MediaFacts, Thumbnails, canonical_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

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
    signature: str = "",
) -> dict[str, Any]:
    """The report as plain JSON values; see the module's conventions for its layout.

    Measurements of other clips or dimensions than those given are left aside, so a store that knows more can be passed
    whole. ``thumbnails`` and ``media`` are by clip id. ``signature`` names what the whole run was made with.

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
        made_with = sorted({item.signature for (_, name), item in by_place.items() if name == facts.name})
        if len(made_with) > 1:
            notes.append(f"{facts.name}: numbers of {len(made_with)} signatures are mixed; score again to compare them")
        dimension_rows.append({**_jsonable(dataclasses.asdict(facts)), "signatures": made_with})
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
        "notes": notes,
        "thumbnails": {
            clip_id: _jsonable(dataclasses.asdict((thumbnails or {})[clip_id]))
            for clip_id in sorted({clip.clip_id for clip in rows} & set(thumbnails or {}))
        },
    }


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
    """The report as strict JSON text, one line for each clip, estimate and dimension; thumbnails are left to the page.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    lines = []
    for key in sorted(report.keys() - {"thumbnails"}):
        value = report[key]
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(canonical_json(item) for item in value) + "\n]"
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
    sizes = [(len(report[f"{word}s"]), word) for word in ("clip", "system", "dimension")]
    things = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in sizes]
    if len(report["systems"]) == 1 and report["systems"][0]:
        things[1] += f" ({report['systems'][0]})"
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
    failures = _failures(report)
    for (reason, status), names in list(failures.items())[:5]:
        shown = ", ".join(printable(name) for name in names[:3])
        shown += f" and {len(names) - 3} more" if len(names) > 3 else ""
        console.print(Text(f"{_STATUS_WORDS[status]}: {shown}: {printable(reason)}", style="red"))
    if len(failures) > 5:
        console.print(Text(f"and {len(failures) - 5} more reasons, see the report", style="red"))
    for note in report["notes"]:
        console.print(Text(f"note: {printable(note)}", style="yellow"))


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
        for name, scale in facts.items():
            cell = row["measurements"].get(name)
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
            if cell["reason"]:
                shown.append(Padding(Text(printable(cell["reason"])), (0, 0, 0, 2)))
            shown.append(Padding(Group(*_evidence_lines(cell["evidence"])), (0, 0, 0, 2)))
            origin = f"version {cell['version']}; signature {cell['signature']}; from {' '.join(cell['observations'])}"
            shown.append(Padding(Text(printable(origin), style="dim"), (0, 0, 0, 2)))
    return shown


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
        times = ", ".join(format_span(span) for span in spans[:8]) + (" …" if len(spans) > 8 else "")
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


def group_spans(evidence: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Spans by label, in order of time; numbered labels ("shot 1", "shot 2") share one group."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in evidence:
        if item["kind"] == "span" and item.get("start_s") is not None:
            label = item["label"].replace("_", " ").rstrip("0123456789# ") or item["label"]
            found.setdefault(label, []).append(item)
    return {label: sorted(spans, key=lambda span: span["start_s"]) for label, spans in found.items()}


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
