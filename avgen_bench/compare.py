"""Systems side by side: which is better, on what, by how much, and on which prompts that rests.

Conventions
    Systems are compared on the prompts that they share, prompt by prompt
    (:func:`avgen_bench.statistics.paired_columns`), and the p of every pair and dimension is adjusted for all of them
    (Holm). A prompt without a clip is at the floor, or left out under the rule ``exclude``; where neither of two
    systems has a clip nothing was compared, so it is no pair. What abstained or failed is never averaged over: it is
    counted, and the bounds of a difference say what it could come to.

    A run that was given its prompts knows which of them have no clip. In a run that was not, a prompt that only other
    systems have is taken for one without a clip. Numbers that were made differently are refused, naming the fields.

    Layout of the value, plain JSON: ``schema``; ``systems``, and ``runs``, by system the label of its
    run; ``rule``; ``level`` of the intervals, ``alpha``, ``power``, ``draws``, ``seed``; ``prompts`` (``common``: how
    many all systems have; ``only``, by system those that another lacks; ``missing``, by system those without a clip);
    ``signatures`` (``differences``, and whether they were ``forced``); ``dimensions`` (facts, as in the report);
    ``pairs``, ``tiers`` (means over the prompts that all systems have; ``unranked`` have no number there),
    ``deciding`` (the prompts that pull the difference its way, hardest first, or either way where there is none; of
    more than three systems for neighbours in the order alone), ``clips`` (by key, those that are in ``deciding``;
    ``path`` is relative to the clips' folder of ``run``), ``notes``.

    A pair has ``n`` prompts where both have a number, ``mean_a`` and ``mean_b`` over these, ``difference`` (a less b)
    with its interval, ``bound_low`` and ``bound_high`` (had what is not known the worst and the best value, over all
    prompts of both that ask for the dimension), ``p`` and ``p_holm``, ``better`` (``a``, ``b``, or empty: not
    distinguishable), ``mdd`` (:func:`avgen_bench.statistics.detectable`) and ``counts`` of clips by side, on the
    prompts of both: ``ok`` with ``floor`` and ``no_clip`` among them, ``abstained``, ``failed``, ``missing`` (not
    measured yet) and ``not_applicable``. A side is ``better`` where ``p_holm`` says so and the interval (of
    one difference, unadjusted) leaves 0 out: over few prompts the interval makes no use of symmetry, and may not.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

from avgen_bench.errors import InputError
from avgen_bench.json_text import lined, six_digits
from avgen_bench.resampling import DRAWS, SEED
from avgen_bench.signatures import (
    ANSWERED_BY,
    LACKING,
    common,
    forced_words,
    parse,
    prompt_of,
    refuse_missing_rule,
    refuse_mixed,
    tell,
)
from avgen_bench.statistics import (
    ALPHA,
    POWER,
    Column,
    Difference,
    fewest_prompts,
    holm,
    numbers_of,
    paired_columns,
    summarise_columns,
    tiers,
)
from avgen_bench.store import write_text
from avgen_bench.types import Evidence, Measurement, canonical_json

__all__ = ["SCHEMA", "Side", "build", "differ", "sides_of", "to_json_text", "write_json"]

SCHEMA = "avgen-bench/compare/1"
TOP = 10
"""So many prompts that decide are listed for a pair and dimension."""
_ALL_PAIRS = 3
_NAMED = 5
_UNKNOWN = ("abstained", "failed", "missing")
_COUNTED = ("ok", "floor", "no_clip", *_UNKNOWN, "not_applicable")
_SAME_SCALE = ("low", "high", "direction", "floor", "unit")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """One system of one run.

    Attributes:
        name: of the system, with its run beside it where two runs have a system of that name.
        label: of the run.
        rows: by prompt, its rows of the report, those without a clip among them.
        unpaired: rows without a prompt.
        knows_prompts: whether the run was given its prompts.
    """

    name: str
    label: str
    report: Mapping[str, Any]
    rows: Mapping[str, Sequence[Row]]
    unpaired: int
    knows_prompts: bool
    dimensions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def sides_of(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Side]:
    """The systems of the runs, in the order of runs and names.

    Args:
        runs: label and report of each; the labels differ.

    Raises:
        InputError: two runs of one label.
    """
    labels = [label for label, _ in runs]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(f"two runs are called {label!r}; expected different folders")
    names = [system or label for label, report in runs for system in report["systems"]]
    found = []
    for label, report in runs:
        facts = {item["name"]: item for item in report["dimensions"]}
        digests = {parse(item.get("signature", "")).get("prompts.digest", "none") for item in facts.values()}
        knows_prompts = digests != {"none"} or any(map(_has_no_clip, report["clips"]))
        for system in report["systems"]:
            name = system or label
            rows: dict[str, list[Row]] = {}
            unpaired = 0
            for row in report["clips"]:
                if row["system"] == system:
                    if row["prompt_id"]:
                        rows.setdefault(row["prompt_id"], []).append(row)
                    else:
                        unpaired += 1
            found.append(
                Side(
                    f"{name} ({label})" if names.count(name) > 1 else name,
                    label,
                    report,
                    rows,
                    unpaired,
                    knows_prompts,
                    facts,
                )
            )
    return found


def _has_no_clip(row: Row) -> bool:
    return not (row["path"] or row["clip_id"])


def build(
    runs: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    dimensions: Sequence[str] | None = None,
    missing: str = "floor",
    force: bool = False,
    alpha: float = ALPHA,
    draws: int = DRAWS,
    seed: int = SEED,
) -> dict[str, Any]:
    """The comparison as plain JSON values; see the conventions for its layout.

    Args:
        runs: label and report of each run, each under the rule ``floor``.
        dimensions: only these; by default all that every run has.
        missing: what a prompt without a clip counts as.
        force: compare although numbers were made differently; the differences stand in the value.
        alpha: the error of the whole family of tests; intervals have the level ``1 - alpha``.
        draws: of the bootstrap and of the flips.
        seed: of all draws.

    Raises:
        InputError: fewer than two systems, no prompt or dimension in common, another scale, a rule or dimension that
            there is not, or numbers that were made differently.
    """
    refuse_missing_rule(missing)
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha!r}; expected a share between 0 and 1, such as 0.05")
    sides = sides_of(runs)
    if len(sides) < 2:
        listed = ", ".join(side.name for side in sides) or "none"
        raise InputError(f"one system or none to compare ({listed}); expected two or more, in one run or several")
    notes: list[str] = []
    names = _dimensions(sides, dimensions, notes)
    differences = differ(sides, names)
    if differences and not force:
        raise InputError(
            "these systems were not measured alike: "
            f"{'; '.join(_grouped(differences))}; score them again with one installation, or give --force"
        )
    notes += [f"compared all the same (--force): {text}" for text in _grouped(differences)]
    rows, prompts = _align(sides, missing, notes)
    notes += _doubled(sides)

    facts = {name: sides[0].dimensions[name] for name in names}
    places = [(name, a, b) for name in names for a, b in combinations(range(len(sides)), 2)]
    numbers = {(name, k): _numbers(facts[name], rows[k]) for name in names for k in range(len(sides))}
    gone = [{prompt for prompt, found in mine.items() if all(map(_has_no_clip, found))} for mine in rows]
    shared = {
        (a, b): sorted((rows[a].keys() & rows[b].keys()) - (gone[a] & gone[b]))
        for a, b in combinations(range(len(sides)), 2)
    }
    columns = {
        (name, k): Column(
            {prompt: values for prompt, (values, _) in mine.items() if values}, facts[name]["low"], facts[name]["high"]
        )
        for (name, k), mine in numbers.items()
    }
    asked = [
        (_without(columns[name, a], gone[a] & gone[b]), _without(columns[name, b], gone[a] & gone[b]))
        for name, a, b in places
    ]
    found = paired_columns(asked, 1 - alpha, draws, seed)
    tested = [place for place, item in enumerate(found) if item.n]
    most, least = max((item.n for item in found), default=0), fewest_prompts(alpha, max(1, len(tested)))
    if 0 < most < least:
        # of all tests the first has to do with the least p that there is
        found = [replace(item, mdd=None) for item in found]
        together = "a test decides" if len(tested) == 1 else f"one of {len(tested)} tests decides (Holm)"
        notes.append(
            f"too few prompts: {together} at {alpha:g} from {least} pairs on, and there are no more than {most}"
        )
    adjusted = dict(zip(tested, holm([found[place].p for place in tested]), strict=True))
    pairs = []
    for place, ((name, a, b), item) in enumerate(zip(places, found, strict=True)):
        low, high = _bounds(facts[name], shared[a, b], numbers[name, a], numbers[name, b])
        p_holm = adjusted.get(place)
        better = ""
        apart = item.ci_low is None or item.ci_high is None or not item.ci_low <= 0 <= item.ci_high
        if p_holm is not None and p_holm <= alpha and item.difference and apart:
            better = "a" if item.difference * facts[name]["direction"] > 0 else "b"
        pairs.append(
            {
                "dimension": name,
                "a": sides[a].name,
                "b": sides[b].name,
                **_pair_row(item),
                "bound_low": low,
                "bound_high": high,
                "p_holm": p_holm,
                "better": better,
                "counts": {
                    "a": _counts(name, shared[a, b], rows[a], facts[name]),
                    "b": _counts(name, shared[a, b], rows[b], facts[name]),
                },
            }
        )
    everywhere = [prompt for prompt in sorted(rows[0]) if all(prompt in mine for mine in rows[1:])]
    ranked = _tiers(sides, facts, columns, everywhere, pairs, alpha, (draws, seed))
    deciding, clips = _deciding(sides, facts, columns, rows, pairs, ranked)
    value = {
        "schema": SCHEMA,
        "systems": [side.name for side in sides],
        "runs": {side.name: side.label for side in sides},
        "rule": {"missing": missing},
        "level": 1 - alpha,
        "alpha": alpha,
        "power": POWER,
        "draws": draws,
        "seed": seed,
        "prompts": {"common": len(everywhere), **prompts},
        "signatures": {"differences": differences, "forced": force and bool(differences)},
        "dimensions": [dict(facts[name]) for name in names],
        "pairs": pairs,
        "tiers": ranked,
        "deciding": deciding,
        "clips": clips,
        "notes": notes,
    }
    plain: dict[str, Any] = six_digits(value)
    return plain


# --------------------------------------------------------------------------- what may be compared


def _dimensions(sides: Sequence[Side], asked: Sequence[str] | None, notes: list[str]) -> list[str]:
    """The dimensions that every run has, or those asked for; a note on the others."""
    known = list(dict.fromkeys(name for side in sides for name in side.dimensions))
    everywhere = [name for name in known if all(name in side.dimensions for side in sides)]
    for name in asked or ():
        if name not in everywhere:
            raise InputError(
                f"the dimension {name!r} is not in every run; all have: {', '.join(everywhere) or 'none in common'}"
            )
    if not everywhere:
        raise InputError(
            "the runs have no dimension in common: "
            + "; ".join(f"{side.name}: {', '.join(side.dimensions) or 'none'}" for side in sides)
        )
    chosen = [name for name in everywhere if not asked or name in asked]
    for name in chosen:
        scales = {tuple(side.dimensions[name][part] for part in _SAME_SCALE) for side in sides}
        if len(scales) > 1:
            raise InputError(
                f"{name} is on different scales ({', '.join(_SAME_SCALE)}): "
                + "; ".join(map(str, sorted(scales, key=str)))
                + "; nothing can be compared on it: name others with --dimensions"
            )
    if not asked:
        for name in known:
            if name not in everywhere:
                have = ", ".join(dict.fromkeys(side.label for side in sides if name in side.dimensions))
                notes.append(f"{name} is in {have} alone, and not compared")
    return chosen


def _signed(name: str, rows: Iterable[Row]) -> list[Measurement]:
    """One measurement for each different signature of the rows but for their prompts, and nothing else in it."""
    found: dict[tuple[str, ...], Measurement] = {}
    for row in rows:
        cell = row["measurements"].get(name)
        if cell is None or _has_no_clip(row):
            continue
        said = [
            (item["label"], item.get("text", ""))
            for item in cell["evidence"]
            if item["kind"] == "note" and item["label"] in (LACKING, ANSWERED_BY)
        ]
        seen = tuple(cell["observations"][:1])
        signature = common(cell["signature"])
        key = (signature, "seen" if seen else "", *(text for pair in said for text in pair))
        if key not in found:
            notes = tuple(Evidence("note", label, text=text) for label, text in said)
            found[key] = Measurement(
                dimension=name,
                version=cell["version"],
                clip_id="",
                clip_key="",
                prompt_id="",
                status="failed",
                value=None,
                reason="its signature alone",
                evidence=notes,
                observations=seen,
                signature=signature,
            )
    return list(found.values())


def differ(sides: Sequence[Side], names: Sequence[str]) -> list[dict[str, Any]]:
    """What was done differently to get the numbers of the systems: ``dimension``, ``field``, ``values`` by system."""
    found: list[dict[str, Any]] = []

    def asked(side: Side, name: str) -> dict[str, set[str]]:
        """By prompt, the digests that its numbers were measured with."""
        cells = {prompt: [row["measurements"].get(name) for row in rows] for prompt, rows in side.rows.items()}
        return {
            prompt: {prompt_of(cell["signature"]) for cell in mine if cell is not None} - {"", "none"}
            for prompt, mine in cells.items()
        }

    for name in names:
        by_system = {side.name: _signed(name, [row for mine in side.rows.values() for row in mine]) for side in sides}
        found += refuse_mixed(name, by_system, force=True)
        for part in ("limits",):
            values = {side.name: parse(side.dimensions[name].get("signature", "")).get(part, "") for side in sides}
            if len({value for value in values.values() if value}) > 1:
                found.append({"dimension": name, "field": tell(part), "values": values})
        for (one, mine), (other, others) in combinations([(side, asked(side, name)) for side in sides], 2):
            changed = sorted(prompt for prompt in mine.keys() & others.keys() if len(mine[prompt] | others[prompt]) > 1)
            if changed:
                values = {side.name: _some(changed) for side in (one, other)}
                found.append({"dimension": name, "field": "text or demands of prompts", "values": values})
    return found


def _grouped(differences: Sequence[Mapping[str, Any]]) -> list[str]:
    """Differences in words, the dimensions that share one named together."""
    groups: dict[str, list[str]] = {}
    for item in differences:
        _, _, words = forced_words(item).partition(": ")
        groups.setdefault(words, []).append(item["dimension"])
    return [f"{_some(names)}: {words}" for words, names in groups.items()]


def _some(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# --------------------------------------------------------------------------- prompts


def _align(
    sides: Sequence[Side], missing: str, notes: list[str]
) -> tuple[list[dict[str, Sequence[Row]]], dict[str, Any]]:
    """The rows of every system by prompt under the rule, and what is said of the prompts.

    A prompt without a clip has no row in what is returned under ``exclude``, and under ``floor`` rows that have no
    clip, perhaps none at all.
    """
    every = sorted({prompt for side in sides for prompt in side.rows})
    common = [prompt for prompt in every if all(prompt in side.rows for side in sides)]
    if not common:
        listed = "; ".join(f"{side.name}: {_some(sorted(side.rows)) or 'none'}" for side in sides)
        raise InputError(f"the systems have no prompt in common, so nothing pairs; their prompts: {listed}")
    lacking: dict[str, list[str]] = {}
    only: dict[str, list[str]] = {}
    rows: list[dict[str, Sequence[Row]]] = []
    nobody = _nobody(sides, every)
    for side in sides:
        without = [prompt for prompt, mine in sorted(side.rows.items()) if all(map(_has_no_clip, mine))]
        absent = [] if side.knows_prompts else [prompt for prompt in every if prompt not in side.rows]
        lacking[side.name] = sorted([*without, *absent])
        mine = {prompt: side.rows[prompt] for prompt in sorted(side.rows)}
        if missing == "floor":
            mine |= {prompt: () for prompt in absent}
        else:
            mine = {prompt: found for prompt, found in mine.items() if prompt not in without}
        rows.append(mine)
        others = [other for other in sides if other is not side]
        foreign = [
            prompt
            for prompt in sorted(side.rows)
            if any(prompt not in other.rows and (other.knows_prompts or missing == "exclude") for other in others)
        ]
        only[side.name] = foreign
        told = [prompt for prompt in lacking[side.name] if missing == "exclude" or prompt not in nobody]
        if told:
            does = "at the floor" if missing == "floor" else "left out (--missing exclude)"
            notes.append(f"{side.name}: {len(told)} prompt{_s(len(told))} without a clip, {does}: {_some(told)}")
        informed = [other.name for other in sides if other.knows_prompts and any(other.rows)]
        if absent and informed:
            notes.append(
                f"{side.name}: scored without --prompts, so what it was asked is not known; {len(absent)} "
                f"prompt{_s(len(absent))} of {_some(informed)} that it has nothing of count as without a clip: "
                "score it again with --prompts to know"
            )
        if foreign:
            n = len(foreign)
            notes.append(
                f"{side.name}: {n} prompt{_s(n)} that not every system was asked, paired with those that were: "
                f"{_some(foreign)}"
            )
        if side.unpaired:
            notes.append(f"{side.name}: {side.unpaired} clip{_s(side.unpaired)} without a prompt, not compared")
    if missing == "floor":
        notes += _no_pairs(sides, lacking, nobody)
    return rows, {"only": only, "missing": lacking}


def _nobody(sides: Sequence[Side], every: Sequence[str]) -> list[str]:
    """The prompts that no system has a clip for."""
    return [prompt for prompt in every if all(_has_no_clip(row) for side in sides for row in side.rows.get(prompt, ()))]


def _no_pairs(sides: Sequence[Side], lacking: Mapping[str, Sequence[str]], nobody: Sequence[str]) -> list[str]:
    """The prompts where nothing was compared, of every two systems and of all."""
    groups = [("", "no system", nobody)] if len(sides) > 2 else []
    for one, other in combinations(sides, 2):
        both = sorted(set(lacking[one.name]).intersection(lacking[other.name]))
        if len(sides) == 2 or both != list(nobody):
            groups.append(("" if len(sides) == 2 else f"{one.name} and {other.name}: ", "neither", both))
    have = {True: "prompt has", False: "prompts have"}
    return [
        f"{whose}{len(lost)} {have[len(lost) == 1]} a clip in {what}, no pair: {_some(lost)}"
        for whose, what, lost in groups
        if lost
    ]


def _without(column: Column, prompts: Collection[str]) -> Column:
    """A column less some prompts."""
    if not prompts:
        return column
    kept = {prompt: takes for prompt, takes in column.values.items() if prompt not in prompts}
    return Column(kept, column.low, column.high)


def _s(n: int) -> str:
    return "" if n == 1 else "s"


def _doubled(sides: Sequence[Side]) -> list[str]:
    """Clips that are there twice: the same bytes for two prompts or takes, two clips of one take, a clip of both."""
    notes = []
    by_system: list[dict[str, list[Row]]] = []
    for side in sides:
        by_bytes: dict[str, list[Row]] = {}
        by_take: dict[tuple[str, int], list[Row]] = {}
        for rows in side.rows.values():
            for row in rows:
                if row["clip_id"]:
                    by_bytes.setdefault(row["clip_id"], []).append(row)
                    by_take.setdefault((row["prompt_id"], row["take"]), []).append(row)
        by_system.append(by_bytes)
        same = sorted(" = ".join(row["path"] for row in found) for found in by_bytes.values() if len(found) > 1)
        if same:
            notes.append(f"{side.name}: the same file more than once: {_some(same)}")
        twice = sorted(
            f"{prompt} take {take}: {' and '.join(row['path'] for row in found)}"
            for (prompt, take), found in by_take.items()
            if len({row["clip_id"] for row in found}) > 1
        )
        if twice:
            notes.append(f"{side.name}: more than one clip of a take, counted as takes: {_some(twice)}")
    for (one, mine), (other, theirs) in combinations(zip(sides, by_system, strict=True), 2):
        both = sorted(
            {
                row["prompt_id"]
                for name in mine.keys() & theirs.keys()
                for row in mine[name]
                if any(row["prompt_id"] == its["prompt_id"] for its in theirs[name])
            }
        )
        if both:
            notes.append(
                f"{one.name} and {other.name}: the same file for {len(both)} prompt{_s(len(both))}: {_some(both)}"
            )
    return notes


# --------------------------------------------------------------------------- numbers


def _numbers(facts: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> dict[str, tuple[list[float], int]]:
    """By prompt that asks for a dimension: the numbers of its takes, and how many takes have none.

    Where there are clips and none of them has a number, prompts without a clip have none either.
    """
    all_rows = [row for mine in rows.values() for row in mine]
    hollow = any(facts["name"] in row["measurements"] for row in all_rows) and not numbers_of(all_rows, facts["name"])
    found: dict[str, tuple[list[float], int]] = {}
    for prompt, mine in rows.items():
        if not mine:
            found[prompt] = ([], 1) if hollow else ([facts["floor"]], 0)
            continue
        values, unknown = [], 0
        for row in mine:
            cell = row["measurements"].get(facts["name"])
            if cell is not None and cell["status"] == "ok" and not hollow:
                values.append(cell["value"])
            elif cell is None or cell["status"] in (*_UNKNOWN, "ok"):
                unknown += 1
        if values or unknown:
            found[prompt] = (values, unknown)
    return found


def _bounds(
    facts: Mapping[str, Any],
    shared: Sequence[str],
    mine: Mapping[str, tuple[Sequence[float], int]],
    other: Mapping[str, tuple[Sequence[float], int]],
) -> tuple[float | None, float | None]:
    """The least and the greatest mean difference that what is not known leaves open; None without a prompt."""

    def filled(found: tuple[Sequence[float], int], value: float) -> float:
        values, unknown = found
        return (math.fsum(values) + unknown * value) / (len(values) + unknown)

    low, high = facts["low"], facts["high"]
    asked = [prompt for prompt in shared if prompt in mine and prompt in other]
    if not asked:
        return None, None
    least = math.fsum(filled(mine[prompt], low) - filled(other[prompt], high) for prompt in asked)
    most = math.fsum(filled(mine[prompt], high) - filled(other[prompt], low) for prompt in asked)
    return least / len(asked), most / len(asked)


def _counts(
    name: str, shared: Sequence[str], rows: Mapping[str, Sequence[Row]], facts: Mapping[str, Any]
) -> dict[str, int]:
    counts = dict.fromkeys(_COUNTED, 0)
    for prompt in shared:
        if not rows[prompt]:
            counts["ok"] += 1
            counts["floor"] += 1
            counts["no_clip"] += 1
        for row in rows[prompt]:
            cell = row["measurements"].get(name)
            status = "missing" if cell is None else cell["status"]
            counts[status] += 1
            if status == "ok" and cell is not None:
                counts["floor"] += cell["value"] == facts["floor"]
                counts["no_clip"] += _has_no_clip(row)
    return counts


def _pair_row(item: Difference) -> dict[str, Any]:
    return {
        "n": item.n,
        "mean_a": item.mean_a,
        "mean_b": item.mean_b,
        "difference": item.difference,
        "ci_low": item.ci_low,
        "ci_high": item.ci_high,
        "method": item.method,
        "p": item.p if item.n else None,
        "test": item.test,
        "sd": item.sd,
        "mdd": item.mdd,
    }


def _is_beaten(beats: Collection[tuple[str, str, str]], name: str, sides: Sequence[Side], k: int, best: int) -> bool:
    return (name, sides[best].name, sides[k].name) in beats


def _tiers(
    sides: Sequence[Side],
    facts: Mapping[str, Mapping[str, Any]],
    columns: Mapping[tuple[str, int], Column],
    everywhere: Sequence[str],
    pairs: Sequence[Mapping[str, Any]],
    alpha: float,
    terms: tuple[int, int],
) -> list[dict[str, Any]]:
    """Per dimension the systems in groups, best first."""
    shared = set(everywhere)
    places = [(name, k) for name in facts for k in range(len(sides))]
    kept = [
        Column(
            {prompt: takes for prompt, takes in columns[place].values.items() if prompt in shared},
            columns[place].low,
            columns[place].high,
        )
        for place in places
    ]
    found = dict(zip(places, summarise_columns(kept, 1 - alpha, *terms), strict=True))
    beats = {
        (item["dimension"], *((item["a"], item["b"]) if item["better"] == "a" else (item["b"], item["a"])))
        for item in pairs
        if item["better"]
    }
    out = []
    for name in facts:
        means = {k: found[name, k].mean for k in range(len(sides))}
        ranked = sorted(
            (k for k in means if means[k] is not None),
            key=lambda k: (-facts[name]["direction"] * (means[k] or 0.0), sides[k].name),
        )
        groups = tiers(ranked, partial(_is_beaten, beats, name, sides))
        out.append(
            {
                "dimension": name,
                "tiers": [
                    [
                        {
                            "system": sides[k].name,
                            "mean": found[name, k].mean,
                            "ci_low": found[name, k].ci_low,
                            "ci_high": found[name, k].ci_high,
                            "n": found[name, k].prompts,
                        }
                        for k in group
                    ]
                    for group in groups
                ],
                "unranked": [side.name for k, side in enumerate(sides) if means[k] is None],
            }
        )
    return out


# --------------------------------------------------------------------------- what decides


def _deciding(
    sides: Sequence[Side],
    facts: Mapping[str, Mapping[str, Any]],
    columns: Mapping[tuple[str, int], Column],
    rows: Sequence[Mapping[str, Sequence[Row]]],
    pairs: Sequence[Mapping[str, Any]],
    ranked: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The prompts behind each difference, and the clips that they name."""
    places = {side.name: k for k, side in enumerate(sides)}
    neighbours = {
        (item["dimension"], *sorted((one["system"], other["system"])))
        for item in ranked
        for one, other in pairwise([row for group in item["tiers"] for row in group])
    }
    means = {place: column.means() for place, column in columns.items()}
    out, clips = [], dict[str, dict[str, Any]]()
    for pair in pairs:
        name, a, b = pair["dimension"], places[pair["a"]], places[pair["b"]]
        if len(sides) > _ALL_PAIRS and (name, *sorted((pair["a"], pair["b"]))) not in neighbours:
            continue
        mine, other = means[name, a], means[name, b]
        way = 0.0 if not pair["difference"] else math.copysign(1.0, pair["difference"])
        off = {prompt: mine[prompt] - other[prompt] for prompt in mine if prompt in other}
        pull = {prompt: value * way if way else abs(value) for prompt, value in off.items()}
        chosen = sorted((prompt for prompt in pull if pull[prompt] > 0), key=lambda prompt: (-pull[prompt], prompt))
        listed = []
        for prompt in chosen[:TOP]:
            keys = [_clips(sides[k], rows[k][prompt], facts, clips) for k in (a, b)]
            listed.append(
                {
                    "prompt_id": prompt,
                    "a": mine[prompt],
                    "b": other[prompt],
                    "difference": off[prompt],
                    "clips_a": keys[0],
                    "clips_b": keys[1],
                }
            )
        out.append({"dimension": name, "a": pair["a"], "b": pair["b"], "prompts": listed})
    return out, dict(sorted(clips.items()))


def _clips(
    side: Side, rows: Sequence[Row], facts: Mapping[str, Mapping[str, Any]], clips: dict[str, dict[str, Any]]
) -> list[str]:
    """The keys of the rows that have a clip; what is shown of them is added to ``clips``."""
    keys = []
    for row in rows:
        if _has_no_clip(row):
            continue
        key = canonical_json([side.name, row["prompt_id"], row["take"], row["clip_id"] or row["path"]])
        clips[key] = {
            "system": side.name,
            "run": side.label,
            "path": row["path"],
            "prompt_id": row["prompt_id"],
            "take": row["take"],
            "values": {name: (row["measurements"].get(name) or {}).get("value") for name in facts},
        }
        keys.append(key)
    return keys


# --------------------------------------------------------------------------- files


def to_json_text(value: Mapping[str, Any]) -> str:
    """The comparison as strict JSON text, one line for each pair, tier, clip, ...

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return lined(value, by_name=("clips",))


def write_json(value: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """The path of the JSON file just written (whole or not at all)."""
    return write_text(to_json_text(value), path)
