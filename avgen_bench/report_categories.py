"""The report's numbers category by category: where a system is good, and where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.statistics import Column, count_statuses, numbers_of, summarise_columns
from avgen_bench.types import DimensionFacts

__all__ = ["by_category"]


def by_category(
    dimensions: Sequence[DimensionFacts], systems: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One row per dimension, system and category, in that order; clips without a category are in none.

    Args:
        dimensions: facts of those that the report has.
        systems: in the order of the report.
        rows: its clips.

    Returns:
        ``dimension``, ``system``, ``category``, then as an estimate has them ``mean`` (None without a number), ``n``,
        ``prompts``, ``ci_low``, ``ci_high``, ``method``, and ``counts`` of every status, with ``missing`` and
        ``floor``. A system has no row for a category of which it was asked nothing.
    """
    by_place: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["category"]:
            by_place.setdefault((row["category"], row["system"]), []).append(row)
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for category in sorted({place[0] for place in by_place}):
        # a category at a time: its draws are of its own prompts alone
        here = [(system, by_place[category, system]) for system in systems if (category, system) in by_place]
        keys, columns, counts = [], [], []
        for facts in dimensions:
            for system, mine in here:
                cells = [row["measurements"][facts.name] for row in mine if facts.name in row["measurements"]]
                keys.append((facts.name, system, category))
                columns.append(Column(numbers_of(mine, facts.name), facts.low, facts.high))
                counted: dict[str, int] = {
                    str(name): n for name, n in count_statuses(cell["status"] for cell in cells).items()
                }
                counted["missing"] = len(mine) - len(cells)
                counted["floor"] = sum(cell["at_floor"] for cell in cells)
                counts.append(counted)
        for key, estimate, counted in zip(keys, summarise_columns(columns), counts, strict=True):
            found[key] = {
                **dict(zip(("dimension", "system", "category"), key, strict=True)),
                "mean": _short(estimate.mean),
                "n": estimate.n,
                "prompts": estimate.prompts,
                "ci_low": _short(estimate.ci_low),
                "ci_high": _short(estimate.ci_high),
                "method": estimate.method,
                "counts": counted,
            }
    order = {facts.name: place for place, facts in enumerate(dimensions)}
    return [found[key] for key in sorted(found, key=lambda key: (order[key[0]], key[1], key[2]))]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
