"""Weighted totals: tables of weights as data, a total with its interval, and what it owes to its weights.

Conventions
    There is no default table; a total exists only under a table that somebody names. Two come with the package:
    ``official`` and ``official-as-published`` are the weights of AVGen-Bench, with two rules for what is missing.

    A metric takes the mean of one dimension and maps it in a straight line onto 0 to 100, ``worst_at`` to 0 and
    ``best_at`` to 100, cut off at both ends. A metric's share of the total is its weight within its group times the
    weight of the group; shares sum to 1. ``missing_metric`` and ``failed_clip`` say what a metric without a number, and
    a clip that is missing or failed, count as: ``worst``, or ``leave_out``, where the rest fills the place. Coverage is
    the sum of the shares of the metrics that have a number.

    A table of one's own is a JSON file with the fields of the files in ``totals_data``.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import itertools
import json
import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import InputError
from avgen_bench.statistics import FEW, LEVEL
from avgen_bench.types import canonical_json

np = lazy("numpy")

__all__ = [
    "BUILTIN",
    "CONCENTRATION",
    "DRAWS",
    "Group",
    "Metric",
    "Part",
    "Total",
    "WeightTable",
    "load_table",
    "of_report",
    "parse_table",
    "sensitivity",
    "total",
]

BUILTIN = ("official", "official-as-published")
TABLE_SCHEMA = "avgen-bench/weights/1"
RULES = ("worst", "leave_out")
DRAWS = 10_000
SEED = 0
CONCENTRATION = 100.0
"""Of the Dirichlet distribution around a table's shares: one of 0.1 then has a standard deviation of 0.03."""

_MOST_BYTES = 1 << 20
_MOST_METRICS = 1000
_MOST_LOST_DRAWS = 0.01
METHOD = "percentile bootstrap over prompts, the same draws for all metrics and systems"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of a table: the dimension whose mean it takes, its weight in its group, and what maps to 0 and 100."""

    name: str
    dimension: str
    weight: float
    worst_at: float
    best_at: float

    def normalise(self, mean: float) -> float:
        """The mean on 0 to 100, cut off at both ends.

        >>> Metric("AV", "upstream.av", 1, worst_at=0.5, best_at=0).normalise(0.2)
        60.0
        """
        share = (mean - self.worst_at) / (self.best_at - self.worst_at)
        return 100.0 * min(max(share, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that share the weight of their group."""

    name: str
    weight: float
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class WeightTable:
    """A named and versioned table of weights; see the module's conventions for its rules."""

    name: str
    version: str
    reference: str
    missing_metric: str
    failed_clip: str
    groups: tuple[Group, ...]
    summary: str = ""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every metric, in the order of the groups."""
        return tuple(metric for group in self.groups for metric in group.metrics)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What the table wants."""
        return tuple(metric.dimension for metric in self.metrics)

    @property
    def shares(self) -> dict[str, float]:
        """By metric name, its share of the total; they sum to 1."""
        everything = math.fsum(group.weight for group in self.groups)
        return {
            metric.name: group.weight / everything * metric.weight / math.fsum(one.weight for one in group.metrics)
            for group in self.groups
            for metric in group.metrics
        }

    @property
    def digest(self) -> str:
        """16 hex digits of sha256 over all that can change a total."""
        rows = [
            [group.weight, [[m.dimension, m.weight, m.worst_at, m.best_at] for m in group.metrics]]
            for group in self.groups
        ]
        text = canonical_json([self.name, self.version, self.missing_metric, self.failed_clip, rows])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """What the report quotes: name, version, reference, rules, digest, and each metric with its share."""
        shares = self.shares
        return {
            "name": self.name,
            "version": self.version,
            "reference": self.reference,
            "missing_metric": self.missing_metric,
            "failed_clip": self.failed_clip,
            "digest": self.digest,
            "metrics": [
                {
                    "name": metric.name,
                    "dimension": metric.dimension,
                    "group": group.name,
                    "share": _round(shares[metric.name]),
                    "worst_at": metric.worst_at,
                    "best_at": metric.best_at,
                }
                for group in self.groups
                for metric in group.metrics
            ],
        }


# --------------------------------------------------------------------------- tables


def _field(row: Mapping[str, Any], name: str, kind: str, where: str) -> Any:
    value = row.get(name)
    if name not in row:
        raise InputError(f"{where}: no {name!r}; got the fields {sorted(map(str, row))}")
    if kind == "text":
        right, expected = isinstance(value, str) and bool(value.strip()), "text"
    elif kind == "list":
        right, expected = isinstance(value, list) and bool(value), "a list that is not empty"
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
        right = isinstance(value, int | float) and number and (kind == "number" or value > 0)
        expected = "a number" if kind == "number" else "a number above 0"
    if not right:
        raise InputError(f"{where}: {name!r} is {str(value)[:80]!r}; expected {expected}")
    return value


def _known(row: Any, names: Collection[str], where: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise InputError(f"{where}: got {type(row).__name__}; expected an object with {', '.join(names)}")
    for name in row:
        if name not in names:
            raise InputError(f"{where}: unknown field {name!r}; it takes {', '.join(names)}")
    return row


_TABLE_FIELDS = (
    *("schema", "name", "version", "reference", "summary"),
    *("missing_metric", "failed_clip", "groups"),
)


def parse_table(value: Any, where: str) -> WeightTable:
    """A table of weights from JSON values; ``where`` is for errors.

    Raises:
        InputError: a field is missing, unknown or of the wrong type, a weight is not above 0, or a metric or dimension
            is there twice; says which, what was got and what was expected.
    """
    row = _known(value, _TABLE_FIELDS, where)
    schema = _field(row, "schema", "text", where)
    if schema != TABLE_SCHEMA:
        raise InputError(f"{where}: the schema is {schema[:80]!r}; expected {TABLE_SCHEMA!r}")
    rules = {}
    for name in ("missing_metric", "failed_clip"):
        rules[name] = _field(row, name, "text", where)
        if rules[name] not in RULES:
            raise InputError(f"{where}: {name!r} is {rules[name][:80]!r}; expected one of {', '.join(RULES)}")
    summary = row.get("summary", "")
    if not isinstance(summary, str):
        raise InputError(f"{where}: 'summary' is {str(summary)[:80]!r}; expected text")
    groups = []
    for item in _field(row, "groups", "list", where):
        group = _known(item, ("name", "weight", "metrics"), f"{where}, a group")
        group_name = _field(group, "name", "text", f"{where}, a group")
        place = f"{where}, group {group_name!r}"
        metrics = []
        for one in _field(group, "metrics", "list", place):
            metric = _known(one, ("name", "dimension", "weight", "worst_at", "best_at"), f"{place}, a metric")
            name = _field(metric, "name", "text", f"{place}, a metric")
            spot = f"{place}, metric {name!r}"
            ends = [float(_field(metric, end, "number", spot)) for end in ("worst_at", "best_at")]
            if ends[0] == ends[1]:
                raise InputError(f"{spot}: 'worst_at' and 'best_at' are both {ends[0]:g}; expected two numbers")
            dimension = _field(metric, "dimension", "text", spot)
            metrics.append(Metric(name, dimension, float(_field(metric, "weight", "weight", spot)), *ends))
        groups.append(Group(group_name, float(_field(group, "weight", "weight", place)), tuple(metrics)))
    made = WeightTable(
        name=_field(row, "name", "text", where),
        version=_field(row, "version", "text", where),
        reference=_field(row, "reference", "text", where),
        groups=tuple(groups),
        summary=summary,
        **rules,
    )
    if len(made.metrics) > _MOST_METRICS:
        raise InputError(f"{where}: {len(made.metrics)} metrics; expected {_MOST_METRICS} at the most")
    for word, names in (
        ("group", [group.name for group in groups]),
        ("metric", [metric.name for metric in made.metrics]),
        ("dimension", list(made.dimensions)),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"{where}: the {word} {twice[0]!r} is there twice; expected each once")
    return made


def packaged(name: str) -> Any:
    """The value of a file of this package's ``totals_data``."""
    file = importlib.resources.files("avgen_bench") / "totals_data" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def load_table(name: str | os.PathLike[str]) -> WeightTable:
    """The table of that name (:data:`BUILTIN`), or that of a JSON file.

    Raises:
        InputError: neither a name nor a file, or the file is no table; see :func:`parse_table`.
    """
    text = os.fspath(name)
    if text in BUILTIN:
        return parse_table(packaged(text), text)
    path = Path(text)
    if not path.is_file():
        raise InputError(f"no weight table {text!r}; expected {', '.join(BUILTIN)}, or a JSON file of that kind")
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise InputError(f"{path.name} is larger than {_MOST_BYTES} bytes; expected a weight table")
        value = json.loads(data.decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read {path.name}: {error}; expected a weight table in JSON") from None
    return parse_table(value, path.name)


# --------------------------------------------------------------------------- the total


@dataclass(frozen=True, slots=True)
class Part:
    """What one metric brings.

    Attributes:
        raw: the mean of the dimension, None where there is none.
        normalised: on 0 to 100; None where a missing metric is left out.
        weight: its share of the total as the table has it.
        source: ``measured`` or ``missing``.
    """

    name: str
    dimension: str
    group: str
    raw: float | None
    normalised: float | None
    weight: float
    source: str


@dataclass(frozen=True, slots=True)
class Total:
    """A weighted total on 0 to 100.

    Attributes:
        score: None where no metric has a number and missing ones are left out.
        groups: by name, the weighted mean of the group's metrics; None where none counts.
        coverage: the sum of the shares of the metrics that have a number, 0 to 1.
        missing: names of the metrics that have none.
        ci_low: of the 95 % interval, None where none can be made, and ``method`` then says why.
        prompts: how many prompts were drawn from, 0 without an interval.
        held_low: where only means are known of some metrics, the lower end of what would be the interval if these were
            known exactly; None elsewhere. It tells nothing of the spread of those metrics.
    """

    table: str
    version: str
    score: float | None
    groups: Mapping[str, float | None]
    coverage: float
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    ci_low: float | None = None
    ci_high: float | None = None
    method: str = "none: means alone"
    prompts: int = 0
    held_low: float | None = None
    held_high: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, numbers with six significant digits."""
        return {
            "score": _round(self.score),
            "ci_low": _round(self.ci_low),
            "ci_high": _round(self.ci_high),
            "method": self.method,
            "prompts": self.prompts,
            "held_low": _round(self.held_low),
            "held_high": _round(self.held_high),
            "coverage": _round(self.coverage),
            "groups": {name: _round(value) for name, value in self.groups.items()},
            "missing": list(self.missing),
            "parts": [
                {
                    "name": part.name,
                    "dimension": part.dimension,
                    "group": part.group,
                    "raw": _round(part.raw),
                    "normalised": _round(part.normalised),
                    "weight": _round(part.weight),
                    "source": part.source,
                }
                for part in self.parts
            ],
        }


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _weighted(pairs: Iterable[tuple[float, float]]) -> float | None:
    kept = list(pairs)
    weight = math.fsum(one for one, _ in kept)
    return math.fsum(one * value for one, value in kept) / weight if kept else None


Values = Mapping[str, Mapping[str, Sequence[float]]]
"""By dimension and prompt, the values that its mean is over."""


def total(
    table: WeightTable,
    means: Mapping[str, float | None],
    values: Values | None = None,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Total:
    """The total of one system.

    Args:
        table: weights and rules.
        means: by dimension; None or absent where there is none.
        values: by dimension and prompt, what the means are over; with them the total has an interval, by a cluster
            bootstrap over prompts in which all metrics share each draw (Efron and Tibshirani 1993, chapter 13).
        draws: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        ValueError: a mean or a value is not finite.

    >>> table = load_table("official")
    >>> found = total(table, {name: 0.0 for name in table.dimensions if name != "upstream.lip"})
    >>> round(found.score, 1), round(found.coverage, 1), found.missing
    (10.0, 0.9, ('Lip',))
    """
    found = _total(table, means)
    if values is None or found.score is None:
        return found
    drawn, why = _draw({"": found}, table, {"": values}, draws, seed)
    return _with_interval(found, drawn.get(""), why.get("", ""), _prompts({"": values}))


def _total(table: WeightTable, means: Mapping[str, float | None]) -> Total:
    shares = table.shares
    parts = []
    for group in table.groups:
        for metric in group.metrics:
            raw = means.get(metric.dimension)
            if raw is not None and not math.isfinite(raw):
                raise ValueError(f"the mean of {metric.dimension!r} is {raw!r}; expected a finite number")
            worst = 0.0 if table.missing_metric == "worst" else None
            normal = worst if raw is None else metric.normalise(raw)
            source = "missing" if raw is None else "measured"
            share = shares[metric.name]
            parts.append(Part(metric.name, metric.dimension, group.name, raw, normal, share, source))
    counted = [(part.weight, part.normalised, part.group) for part in parts if part.normalised is not None]
    return Total(
        table.name,
        table.version,
        _weighted((weight, value) for weight, value, _ in counted),
        {
            group.name: _weighted((weight, value) for weight, value, name in counted if name == group.name)
            for group in table.groups
        },
        math.fsum(part.weight for part in parts if part.source == "measured"),
        tuple(parts),
        tuple(part.name for part in parts if part.source == "missing"),
    )


def _off(rows: Mapping[str, Sequence[float]]) -> int:
    """How many prompts have another mean than the commonest one, as in :mod:`avgen_bench.statistics`."""
    often = Counter(round(math.fsum(mine) / len(mine), 12) for mine in rows.values() if mine)
    return sum(often.values()) - max(often.values(), default=0)


def _prompts(values: Mapping[str, Values]) -> list[str]:
    return sorted({prompt for mine in values.values() for rows in mine.values() for prompt in rows})


def _draw(
    totals: Mapping[str, Total], table: WeightTable, values: Mapping[str, Values], draws: int, seed: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """By system, its total in every draw (NaN where a metric drew no prompt), and the reason why that is no interval.

    A system that has a reason has draws too where only some of its metrics lack values; these are held at their means.

    The draws are of all prompts that any system has values of, and the same for all systems.
    """
    prompts = _prompts(values)
    place = {name: number for number, name in enumerate(prompts)}
    reasons: dict[str, str] = {}
    needed: dict[str, list[Metric]] = {}
    by_name = {metric.name: metric for metric in table.metrics}
    for system, found in totals.items():
        needed[system] = [by_name[part.name] for part in found.parts if part.source == "measured"]
        bare = [one.name for one in needed[system] if not values.get(system, {}).get(one.dimension)]
        if found.score is None or not needed[system]:
            reasons[system] = "none: nothing was measured"
        elif bare:
            reasons[system] = f"none: only means are known of {', '.join(bare)}"
        else:
            few = [one.name for one in needed[system] if _off(values[system][one.dimension]) < FEW]
            if few:
                reasons[system] = (
                    f"none: fewer than {FEW} prompts are off the commonest number of {', '.join(few)}; a bootstrap "
                    "knows too little of what else there is"
                )
    if len(prompts) < 2:
        return {}, reasons
    counts = np.random.default_rng(seed).multinomial(len(prompts), np.full(len(prompts), 1 / len(prompts)), draws)
    counts = counts.astype(np.float64)
    drawn: dict[str, Any] = {}
    for system, found in totals.items():
        if not any(values.get(system, {}).get(one.dimension) for one in needed[system]):
            continue
        top, bottom = np.zeros(draws), np.zeros(draws)
        for part in found.parts:
            if part.normalised is None:
                continue
            normal: Any = part.normalised
            if values[system].get(part.dimension) and part.source == "measured":
                metric = by_name[part.name]
                sums, sizes = np.zeros(len(prompts)), np.zeros(len(prompts))
                for prompt, rows in values[system][part.dimension].items():
                    sums[place[prompt]], sizes[place[prompt]] = math.fsum(rows), len(rows)
                if not np.isfinite(sums).all():
                    raise ValueError(f"a value of {part.dimension!r} is not finite")
                with np.errstate(invalid="ignore"):
                    means = (counts @ sums) / (counts @ sizes)
                normal = 100 * np.clip((means - metric.worst_at) / (metric.best_at - metric.worst_at), 0, 1)
            top, bottom = top + part.weight * normal, bottom + part.weight
        score = top / bottom
        lost = float(np.isnan(score).mean())
        if lost <= _MOST_LOST_DRAWS:
            drawn[system] = score
        elif system not in reasons:
            reasons[system] = "none: some metric has values of too few prompts"
    return drawn, reasons


def _ends(drawn: Any) -> tuple[float, float]:
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _with_interval(found: Total, drawn: Any, why: str, prompts: Sequence[str]) -> Total:
    if drawn is None:
        return replace(found, method=why or found.method)
    low, high = _ends(drawn)
    if why:
        return replace(found, method=why, held_low=low, held_high=high)
    return replace(found, ci_low=low, ci_high=high, method=METHOD, prompts=len(prompts))


# --------------------------------------------------------------------------- what a total owes to its weights


def _order(scores: Mapping[str, float | None]) -> list[str]:
    """Systems from best to worst; equal ones by name, those without a score last."""
    return sorted(scores, key=lambda name: (scores[name] is None, -(scores[name] or 0.0), name))


def sensitivity(
    table: WeightTable,
    systems: Mapping[str, Mapping[str, float | None]],
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    concentration: float = CONCENTRATION,
) -> dict[str, Any]:
    """What becomes of the totals, and of the order of systems, under other weights.

    Args:
        table: weights and rules.
        systems: by name, the means by dimension.
        draws: of weights, from a Dirichlet distribution whose mean is the table's shares.
        seed: of the draws.
        concentration: of the distribution; higher stays closer to the table.

    Returns:
        ``order`` (best first), ``ranks`` (by system, the lowest and highest rank in the middle 95 % of the draws),
        ``pairs`` (neighbours in the order; ``holds`` is the share of draws in which ``above`` stays above ``below``)
        and ``leave_one_out`` (per metric: the ``scores`` without it, the ``order``, and who ``moved``), beside
        ``draws``, ``seed`` and ``concentration``. Systems without a total are left out.
    """
    scored = {name: found for name, means in systems.items() if (found := _total(table, means)).score is not None}
    order = _order({name: found.score for name, found in scored.items()})
    known = np.array([[part.normalised is not None for part in scored[name].parts] for name in order], dtype=float)
    normal = np.array([[part.normalised or 0.0 for part in scored[name].parts] for name in order], dtype=float)
    shares = np.array(list(table.shares.values()))
    dropped = []
    for number, metric in enumerate(table.metrics):
        weights = shares.copy()
        weights[number] = 0.0
        without: dict[str, float | None] = {}
        for row, name in enumerate(order):
            place = float(known[row] @ weights)
            without[name] = float((known[row] * normal[row]) @ weights) / place if place > 0 else None
        new = _order(without)
        moved = [name for name in new if new.index(name) != order.index(name)]
        rounded = {name: _round(without[name]) for name in new}
        dropped.append({"metric": metric.name, "scores": rounded, "order": new, "moved": moved})
    told: dict[str, Any] = {"order": order, "ranks": {}, "pairs": [], "leave_one_out": dropped}
    told |= {"draws": draws, "seed": seed, "concentration": concentration}
    if len(order) < 2:
        return told
    weights = np.random.default_rng(seed).dirichlet(concentration * shares, draws)
    with np.errstate(invalid="ignore"):
        scores = (weights @ (known * normal).T) / (weights @ known.T)
    ranks = 1 + (scores[:, None, :] > scores[:, :, None]).sum(axis=2)
    edges = np.quantile(ranks, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0, method="inverted_cdf")
    told["ranks"] = {name: [int(edges[0, k]), int(edges[1, k])] for k, name in enumerate(order)}
    told["pairs"] = [
        {"above": above, "below": below, "holds": _round(float((scores[:, k] > scores[:, k + 1]).mean()))}
        for k, (above, below) in enumerate(itertools.pairwise(order))
    ]
    return told


# --------------------------------------------------------------------------- the total of a report


def _from_rows(report: Mapping[str, Any], system: str, metric: Metric, rule: str) -> tuple[dict[str, list[float]], int]:
    """By prompt (a clip without one is its own) the mean over takes; and how many clips counted as worst.

    Nothing where there are clips and each was abstained from: those that are lost would make a mean alone.
    """
    takes: dict[str, list[float]] = {}
    lost = 0
    told = silent = False
    for row in report["clips"]:
        if row["system"] != system:
            continue
        cell = row["measurements"].get(metric.dimension)
        status = "missing" if cell is None else cell["status"]
        there = bool(row["path"] or row["clip_id"])
        told = told or (there and status in ("ok", "failed"))
        silent = silent or (there and status == "abstained")
        if status == "ok" and row["path"]:
            value = cell["value"]
        elif rule == "worst" and status in ("ok", "failed", "missing"):
            value, lost = metric.worst_at, lost + 1
        else:
            continue
        takes.setdefault(row["prompt_id"] or row["key"], []).append(value)
    if silent and not told:
        return {}, 0
    return {prompt: [math.fsum(rows) / len(rows)] for prompt, rows in takes.items()}, lost


def _inputs(
    report: Mapping[str, Any], table: WeightTable, system: str
) -> tuple[dict[str, float | None], dict[str, Mapping[str, Sequence[float]]], dict[str, int], list[str]]:
    """Means and values of one system by dimension, how many clips count as worst, and what is to be said of that."""
    there = {row["name"] for row in report["dimensions"]}
    blocks = {
        row["dimension"]: row for row in (report.get("imported") or {}).get("means", ()) if row["system"] == system
    }
    means: dict[str, float | None] = {}
    values: dict[str, Mapping[str, Sequence[float]]] = {}
    lost: dict[str, int] = {}
    notes = []
    rule = table.failed_clip
    for metric in table.metrics:
        name, block = metric.dimension, blocks.get(metric.dimension)
        if name not in there:
            continue
        if block is not None and rule == "leave_out":
            means[name] = block["mean"]
            rows = block["counted"]
            counted = [value for mine in rows.values() for value in mine]
            own = math.fsum(counted) / len(counted) if counted else None
            if own is not None and block["mean"] is not None:
                if math.isclose(own, block["mean"], rel_tol=1e-4, abs_tol=1e-4):
                    values[name] = rows
                else:
                    notes.append(
                        f"{name} of {system}: the mean as imported is {block['mean']:g}, that of its rows {own:g}"
                    )
            continue
        if block is not None and block["kind"] == "mean":
            n, gone = block["n"] or 0, block["lost"]
            if block["mean"] is not None:
                means[name] = (block["mean"] * n + metric.worst_at * gone) / (n + gone) if n else block["mean"]
                lost[name] = gone if n else 0
                if gone and not n:
                    notes.append(
                        f"{name} of {system}: {gone} lost, and not counted as worst: its mean came without an n"
                    )
            continue
        if not any(name in row["measurements"] for row in report["clips"] if row["system"] == system):
            continue
        rows, lost[name] = _from_rows(report, system, metric, rule)
        means[name] = math.fsum(one for mine in rows.values() for one in mine) / len(rows) if rows else None
        values[name] = rows
    return means, values, {name: n for name, n in lost.items() if n}, notes


def of_report(report: Mapping[str, Any], table: WeightTable, *, draws: int = DRAWS, seed: int = SEED) -> dict[str, Any]:
    """What ``report["total"]`` holds: the totals of every system under one table, best first, as plain JSON values.

    Layout: ``table`` (:meth:`WeightTable.to_json`), ``interval`` (level, draws, seed), ``systems`` (per system,
    :meth:`Total.to_json` with ``system`` and ``lost``, by dimension how many clips counted as worst), ``pairs``
    (neighbours: ``difference`` with its paired interval, None where one of them has none), ``sensitivity``
    (:func:`sensitivity`) and ``notes``.

    Raises:
        InputError: the report has none of the dimensions of the table.
    """
    there = [row["name"] for row in report["dimensions"]]
    if not set(there) & set(table.dimensions):
        raise InputError(
            f"the weight table {table.name!r} wants {', '.join(table.dimensions)}; this run has none of them, but "
            f"{', '.join(there) or 'no dimension'}; give a table of these, or import a run that has the others"
        )
    totals, values, means, lost = {}, {}, {}, {}
    notes: list[str] = []
    for system in report["systems"]:
        means[system], values[system], lost[system], said = _inputs(report, table, system)
        totals[system] = _total(table, means[system])
        notes += said
    drawn, why = _draw(totals, table, values, draws, seed)
    prompts = _prompts(values)
    order = _order({name: found.score for name, found in totals.items()})
    pairs = []
    for above, below in itertools.pairwise(order):
        high, low = totals[above].score, totals[below].score
        if high is None or low is None:
            continue
        both = all(name in drawn and name not in why for name in (above, below))
        ends = _ends(drawn[above] - drawn[below]) if both else (None, None)
        pair: dict[str, Any] = {"above": above, "below": below, "difference": _round(high - low)}
        pairs.append(pair | {"ci_low": _round(ends[0]), "ci_high": _round(ends[1])})
    return {
        "table": table.to_json(),
        "interval": {"level": LEVEL, "draws": draws, "seed": seed},
        "systems": [
            {
                "system": name,
                **_with_interval(totals[name], drawn.get(name), why.get(name, ""), prompts).to_json(),
                "lost": dict(sorted(lost[name].items())),
            }
            for name in order
        ],
        "pairs": pairs,
        "sensitivity": sensitivity(table, means, draws=draws, seed=seed),
        "notes": notes,
    }
