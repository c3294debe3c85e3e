"""From measurements to the report, and the report as JSON.

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
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from avgen_bench import ladders
from avgen_bench.report_control import prompt_rows, tally
from avgen_bench.report_semantic import semantic
from avgen_bench.statistics import LEVEL, METHOD, count_statuses, quantiles, summarise
from avgen_bench.store import write_text
from avgen_bench.types import Clip, DimensionFacts, Measurement, MediaFacts, Prompt, Thumbnails, canonical_json

__all__ = ["SCHEMA", "build", "to_json_text", "write_json"]

SCHEMA = "avgen-bench/report/1"


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
