"""From measurements to the report, and the report as JSON.

Conventions
    The report is a plain value of strict JSON: no NaN, no wall-clock time, no worker count, and no path but those the
    caller wrote into ``Clip.path``. The same run gives the same bytes for any order of clips and measurements, so two
    reports can be compared with ``cmp``. Numbers keep six significant digits.

    Layout: ``schema``, ``signature``, ``interval`` (how intervals are made, by which draws), ``counts`` (of every
    status over the whole report), ``dimensions`` (their facts and the signatures of their numbers), ``systems``,
    ``estimates`` (one per dimension and system), ``categories`` (:mod:`avgen_bench.report_categories`), ``clips`` (rows
    in the order of system, prompt, take; each with its measurements), ``worst_first`` (for every dimension the rows of
    ``clips``, worst first; equal values in row order), ``prompts`` (text and constraints of those that state any, by
    id), ``constraints`` (see :mod:`avgen_bench.report_control`), ``ladders`` (per system: ``groups``, every ladder's
    response beside what its rungs ask and what was measured, and ``dials``, what they come to), ``rule`` (what a prompt
    without a clip counts as, and how many that leaves out), ``forced`` (differences between numbers that stand side by
    side all the same), ``receipts`` (:mod:`avgen_bench.receipts`), ``notes``, ``thumbnails``.

    An estimate has ``mean`` (over prompts, of the mean over takes), ``n`` clips with a number on ``prompts`` prompts,
    ``ci_low``, ``ci_high`` and ``method`` (:mod:`avgen_bench.statistics`); ``mdd``, the difference that a paired test
    would find in four of five tries, and ``mdd_basis``: ``paired`` with the other systems of the report (the median),
    ``alone``, for a like system whose scores do not follow the prompts as these do, or ``too few`` prompts;
    ``variance``, its components; ``counts`` of every status; ``bound_low`` and ``bound_high``, the mean were all that
    is not known at its lowest or highest; ``quartiles`` of the clips, and ``worst``, a key of ``clips``.

    Where there are clips and none has a number, prompts without a clip make no mean of their floors alone. A clip that
    has no measurement in a dimension counts as ``missing``: a run that was cut short shows as such.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from avgen_bench import ladders
from avgen_bench.json_text import lined, six_digits
from avgen_bench.report_categories import by_category
from avgen_bench.report_control import prompt_rows, tally
from avgen_bench.report_semantic import judge_variance, semantic
from avgen_bench.resampling import DRAWS, SEED
from avgen_bench.signatures import (
    MISSING_RULES,
    common,
    distinct_fields,
    forced_words,
    one_line,
    refuse_mixed,
    run_line,
)
from avgen_bench.statistics import (
    ALPHA,
    LEVEL,
    METHOD,
    POWER,
    RULE,
    Column,
    Estimate,
    components,
    count_statuses,
    detectable_between,
    numbers_of,
    prompt_of,
    quantiles,
    summarise_columns,
)
from avgen_bench.store import write_text
from avgen_bench.types import Clip, DimensionFacts, Measurement, MediaFacts, Prompt, Thumbnails

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
    run: Mapping[str, str] | None = None,
    receipts: Mapping[str, Any] | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """The report as plain JSON values; see the module's conventions for its layout.

    Measurements of other clips or dimensions than those given are left aside, so a store that knows more can be passed
    whole. ``thumbnails`` and ``media`` are by clip id, ``prompts`` by their own. ``checkers`` are calibration cards by
    kind of constraint, by default those of this package. ``judge`` is who answered the questions of the semantic
    dimensions, with the passport (:mod:`avgen_bench.report_semantic`). ``signature`` names what the whole run was made
    with, by default all of its parts; ``run`` are the fields of the run in signatures, with the rule for prompts
    without a clip; ``receipts`` says where those are. With ``force``, numbers of different signatures stand side by
    side, and the report says in which fields they differ.

    Raises:
        InputError: numbers of one dimension were made differently; the fields are named.
        ValueError: two different measurements of one clip in one dimension, or a value off its scale.
    """
    rule = (run or {}).get("missing", MISSING_RULES[0])
    rows, notes = _unique(clips)
    left_out = sum(not (clip.path or clip.clip_id) for clip in rows) if rule == "exclude" else 0
    rows = [clip for clip in rows if clip.path or clip.clip_id or rule != "exclude"]
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
    estimates = _estimates(dimensions, systems, clip_rows, judge)
    dimension_rows = []
    forced: list[dict[str, Any]] = []
    for facts in dimensions:
        by_system: dict[str, list[Measurement]] = {}
        for clip, row in zip(rows, clip_rows, strict=True):
            if facts.name in row["measurements"]:
                by_system.setdefault(clip.system, []).append(by_place[row["key"], facts.name])
        forced += refuse_mixed(facts.name, by_system, force)
        numbers = [item for mine in by_system.values() for item in mine]
        made_with = sorted({common(text) for text in {item.signature for item in numbers}})
        whole = one_line([*distinct_fields(numbers), run or {}])
        dimension_rows.append({**six_digits(dataclasses.asdict(facts)), "signature": whole, "signatures": made_with})
    notes += [forced_words(item) for item in forced]
    asked = prompt_rows(prompts or {}, (clip.prompt_id for clip in rows))
    counted = ("ok", "floor", "abstained", "failed", "missing", "not_applicable")
    return {
        "schema": SCHEMA,
        "signature": signature or run_line(run or {}, dimension_rows),
        "rule": {"missing": rule, "left_out": left_out},
        "forced": forced,
        "receipts": None if receipts is None else dict(receipts),
        "interval": {
            "level": LEVEL,
            "method": METHOD,
            "rule": RULE,
            "draws": DRAWS,
            "seed": SEED,
            "alpha": ALPHA,
            "power": POWER,
        },
        "counts": {name: sum(item["counts"][name] for item in estimates) for name in counted},
        "dimensions": dimension_rows,
        "systems": systems,
        "estimates": estimates,
        "categories": by_category(dimensions, systems, clip_rows),
        "clips": clip_rows,
        "worst_first": {facts.name: _worst_first(facts, clip_rows) for facts in dimensions},
        "prompts": asked,
        "constraints": tally(clip_rows, asked, known, checkers),
        "ladders": _ladders(rows, prompts or {}, readings or {}),
        "semantic": six_digits(semantic(clip_rows, dimension_rows, judge)),
        "total": None,
        "notes": notes,
        "thumbnails": {
            clip_id: six_digits(dataclasses.asdict((thumbnails or {})[clip_id]))
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
            out.append(six_digits(row))
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


def _estimates(
    dimensions: Sequence[DimensionFacts],
    systems: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    judge: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """One row per dimension and system, in that order."""
    by_system: dict[str, list[Mapping[str, Any]]] = {system: [] for system in systems}
    for row in rows:
        by_system[row["system"]].append(row)
    there = {(row["system"], prompt_of(row)) for row in rows if row["path"] or row["clip_id"]}
    absent = [
        {prompt_of(row) for row in by_system[system] if (system, prompt_of(row)) not in there} for system in systems
    ]
    columns = []
    for facts in dimensions:
        for system in systems:
            columns.append(Column(numbers_of(by_system[system], facts.name), facts.low, facts.high))
    found = summarise_columns(columns)
    out = []
    for number, facts in enumerate(dimensions):
        here = slice(number * len(systems), (number + 1) * len(systems))
        detected = detectable_between(columns[here], absent=absent)
        for system, column, estimate, (mdd, basis) in zip(systems, columns[here], found[here], detected, strict=True):
            row = _estimate(facts, system, by_system[system], column, estimate, judge)
            out.append({**row, "mdd": six_digits(mdd), "mdd_basis": basis})
    return out


def _estimate(
    facts: DimensionFacts,
    system: str,
    mine: Sequence[Mapping[str, Any]],
    column: Column,
    estimate: Estimate,
    judge: Mapping[str, Any] | None,
) -> dict[str, Any]:
    cells = [row["measurements"][facts.name] for row in mine if facts.name in row["measurements"]]
    counts: dict[str, int] = {str(name): n for name, n in count_statuses(cell["status"] for cell in cells).items()}
    counts["missing"] = len(mine) - len(cells)
    counts["floor"] = sum(cell["at_floor"] for cell in cells)
    unknown: dict[str, int] = {}
    for row in mine:
        cell = row["measurements"].get(facts.name)
        if cell is None or cell["status"] in ("abstained", "failed"):
            unknown[prompt_of(row)] = unknown.get(prompt_of(row), 0) + 1
    known: dict[str, list[float]] = {}
    for row in mine:
        cell = row["measurements"].get(facts.name)
        if cell is not None and cell["status"] == "ok":
            known.setdefault(prompt_of(row), []).append(cell["value"])
    worst = _worst_first(facts, mine)
    split = components(column.values, judge_variance(cells, judge) if facts.family == "semantic" else None)
    found = {
        "dimension": facts.name,
        "system": system,
        **dataclasses.asdict(estimate),
        "variance": dataclasses.asdict(split),
        "counts": counts,
        # where the mean would lie had every clip without a number got the lowest, or the highest, value there is
        "bound_low": _bound(known, unknown, facts.low),
        "bound_high": _bound(known, unknown, facts.high),
        "quartiles": list(quantiles(value for takes in column.values.values() for value in takes)),
        "worst": mine[worst[0]]["key"] if column.values else None,
    }
    plain: dict[str, Any] = six_digits(found)
    return plain


def _bound(values: Mapping[str, Sequence[float]], unknown: Mapping[str, int], filled: float) -> float | None:
    """The mean over prompts with every unknown take at the value ``filled``; None without any clip."""
    means = []
    for name in sorted({*values, *unknown}):
        takes, lacking = values.get(name, ()), unknown.get(name, 0)
        means.append((math.fsum(takes) + lacking * filled) / (len(takes) + lacking))
    return math.fsum(means) / len(means) if means else None


def _worst_first(facts: DimensionFacts, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Row numbers: measured ones from worst to best, then failed, abstained, missing and not applicable ones."""
    after = {"failed": 1, "abstained": 2, "missing": 3, "not_applicable": 4}

    def rank(place: int) -> tuple[float, float, int]:
        cell = rows[place]["measurements"].get(facts.name)
        if cell is not None and cell["status"] == "ok":
            return 0, cell["value"] * facts.direction, place
        return after["missing" if cell is None else cell["status"]], 0.0, place

    return sorted(range(len(rows)), key=rank)


# --------------------------------------------------------------------------- files


def to_json_text(report: Mapping[str, Any]) -> str:
    """The report as strict JSON text, one line for each clip, estimate, prompt, ...; thumbnails are left to the page.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    shown = {key: value for key, value in report.items() if key != "thumbnails"}
    return lined(shown, by_name=("prompts",))


def write_json(report: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """The path of the JSON file just written (whole or not at all)."""
    return write_text(to_json_text(report), path)
