"""How often intervals cover the truth, and how often the paired test finds a difference where there is none.

    python benchmarks/coverage.py [--simulations 4000] [--prompts 20,50,100,235,352] [--seed 7]

Scores are simulated with prompts that are harder or easier, and one or several takes of each: even, skewed to either
end, with a share at the floor or at the top, and 0 or 1 alone. ``covers`` is the share of 95 % intervals that hold the
true mean, ``width`` their mean width, and ``exact`` the share of them that were made by an exact method, which covers
at least 95 % of the time; the others should cover 93 to 97 %. ``rejects`` is the share of true nulls that the sign-flip
test rejects at 5 %: 4 to 6 % where the differences are finely graded; where they take few values, a test that keeps its
promise rejects less. What is outside is marked with ``<``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from avgen_bench import statistics
from avgen_bench.statistics import Column

Scores = Callable[[np.random.Generator, int], np.ndarray]
"""From (rng, prompts) to scores (prompts, takes)."""

SIZES = (20, 50, 100, 235, 352)
FEW = (5, 7, 9, 12)
EXACT = (statistics.BOUNDED, statistics.EQUAL, statistics.EXACT_RATE)


def _beta(a: float, b: float, spread: float, takes: int, floor: float = 0.0, top: float = 0.0) -> tuple[Scores, float]:
    """Takes around their prompt's level, a share of all at 0 or 1; and the true mean."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        level = rng.beta(a, b, (n, 1))
        found = rng.beta(level * spread, (1 - level) * spread, (n, takes)) if spread else np.repeat(level, takes, 1)
        kind = rng.random((n, takes))
        return np.where(kind < floor, 0.0, np.where(kind > 1 - top, 1.0, found))

    return draw, (1 - floor - top) * a / (a + b) + top


def _binary(a: float, b: float, takes: int) -> tuple[Scores, float]:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.binomial(1, rng.beta(a, b, (n, 1)), (n, takes)).astype(float)

    return draw, a / (a + b)


SCORES: dict[str, tuple[Scores, float]] = {
    "even, 1 take": _beta(8, 4, 0, 1),
    "even, 4 takes": _beta(8, 4, 10, 4),
    "skewed low, 1 take": _beta(0.5, 3, 0, 1),
    "skewed high, 1 take": _beta(12, 1, 0, 1),
    "skewed high, 4 takes": _beta(12, 1, 10, 4),
    "15 % at the floor": _beta(6, 3, 0, 1, floor=0.15),
    "60 % at the floor": _beta(6, 3, 0, 1, floor=0.6),
    "90 % at the floor": _beta(6, 3, 0, 1, floor=0.9),
    "95 % at the top": _beta(6, 3, 0, 1, top=0.95),
    "0/1, half, 1 take": _binary(2, 2, 1),
    "0/1, one in ten, 1 take": _binary(0.3, 2.7, 1),
    "0/1, one in fifty, 1 take": _binary(0.1, 4.9, 1),
    "0/1, half, 3 takes": _binary(2, 2, 3),
    "0/1, one in ten, 3 takes": _binary(0.3, 2.7, 3),
}


def _columns(scores: np.ndarray) -> Column:
    return Column({f"p{place:03d}": takes.tolist() for place, takes in enumerate(scores)}, 0.0, 1.0)


def _rng(seed: int, name: str, n: int) -> np.random.Generator:
    return np.random.default_rng([seed, n, *name.encode()])


def cover(name: str, n: int, simulations: int, seed: int = 7) -> dict[str, Any]:
    """Coverage and width of the interval of one system's mean."""
    draw, truth = SCORES[name]
    rng = _rng(seed, name, n)
    found = statistics.summarise_columns([_columns(draw(rng, n)) for _ in range(simulations)])
    return _row(name, n, truth, [(item.ci_low, item.ci_high, item.method) for item in found])


def _row(name: str, n: int, truth: float, found: list[tuple[Any, Any, str]]) -> dict[str, Any]:
    hits = {True: 0, False: 0}
    counts = {True: 0, False: 0}
    for low, high, method in found:
        counts[method in EXACT] += 1
        hits[method in EXACT] += low - 1e-9 <= truth <= high + 1e-9
    total = len(found)
    width = sum(high - low for low, high, _ in found) / total
    covers = (hits[True] + hits[False]) / total
    exact = counts[True] / total
    # promised: exact intervals 95 % and more, the others 93 to 97 %; where some are exact, 97 % of the rest
    fine = (0.95 if exact == 1 else 0.93) <= covers <= exact + 0.97 * (1 - exact)
    return {"scores": name, "n": n, "covers": covers, "width": width, "exact": exact, "fine": fine}


PAIRS: dict[str, tuple[str, float, float]] = {
    "even": ("even", 0.0, 0.0),
    "skewed high": ("skewed", 0.0, 0.0),
    "15 % and 15 % at the floor": ("even", 0.15, 0.15),
    "15 % and 30 % at the floor": ("even", 0.15, 0.30),
    "60 % and 60 % at the floor": ("even", 0.60, 0.60),
    "60 % and 75 % at the floor": ("even", 0.60, 0.75),
    "0/1, half and half": ("0/1", 0.0, 0.0),
    "0/1, half and a third": ("0/1", 0.0, 1 / 3),
}
"""Levels of both systems on shared prompts, and the share of each at the floor."""


def _pairs(
    name: str, n: int, takes: int, simulations: int, rng: np.random.Generator
) -> Iterator[tuple[Column, Column]]:
    kind, *floors = PAIRS[name]
    a, b = (12, 1) if kind == "skewed" else (2, 2) if kind == "0/1" else (8, 4)
    for _ in range(simulations):
        level = rng.beta(a, b, (n, 1))
        sides = []
        for floor in floors:
            if kind == "0/1":
                scores = rng.binomial(1, level * (1 - floor), (n, takes)).astype(float)
            else:
                scores = rng.beta(level * 10, (1 - level) * 10, (n, takes))
                # a system fails on a prompt, or a take
                scores = np.where(rng.random((n, takes)) < floor, 0.0, scores)
            sides.append(_columns(scores))
        yield sides[0], sides[1]


def compare(name: str, n: int, takes: int, simulations: int, seed: int = 7) -> dict[str, Any]:
    """Coverage of the interval of a difference, and the share of simulations in which the test finds one."""
    kind, one, other = PAIRS[name]
    mean = {"skewed": 12 / 13, "0/1": 0.5, "even": 8 / 12}[kind]
    truth = mean * (1 - one) - mean * (1 - other)
    found = statistics.paired_columns(list(_pairs(name, n, takes, simulations, _rng(seed, f"{name} {takes}", n))))
    row = _row(name, n, truth, [(item.ci_low, item.ci_high, item.method) for item in found])
    rejects = sum(item.p <= 0.05 for item in found) / simulations
    return row | {"takes": takes, "truth": truth, "rejects": rejects}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=4000, metavar="N")
    parser.add_argument("--prompts", default=",".join(map(str, SIZES)), metavar="N,N")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    arguments = parser.parse_args()
    sizes = [int(n) for n in arguments.prompts.split(",")]
    error = 100 * (0.05 * 0.95 / arguments.simulations) ** 0.5
    print(f"{arguments.simulations} simulations a row; a share of 95 % is known to {error:.1f} points (one sigma)\n")
    print(f"{'scores':<28}{'n':>4}  {'covers %':>8}  {'width':>6}  {'exact %':>7}")
    for name in SCORES:
        for n in sizes:
            row = cover(name, n, arguments.simulations, arguments.seed)
            mark = "" if row["fine"] else "  <"
            figures = f"{100 * row['covers']:>8.1f}  {row['width']:>6.3f}  {100 * row['exact']:>7.0f}"
            print(f"{name:<28}{n:>4}  {figures}{mark}", flush=True)
    print(f"\n{'pairs':<28}{'takes':>5}{'n':>5}  {'truth':>6}  {'covers %':>8}  {'exact %':>7}  {'rejects %':>9}")
    for name in PAIRS:
        for takes in (1, 4):
            for n in sizes:
                _print_pair(name, n, takes, arguments.simulations, arguments.seed)
    print("\nfew prompts")
    for name in ("even", "skewed high", "15 % and 15 % at the floor", "15 % and 30 % at the floor"):
        for n in FEW:
            _print_pair(name, n, 1, arguments.simulations, arguments.seed)


def _print_pair(name: str, n: int, takes: int, simulations: int, seed: int) -> None:
    row = compare(name, n, takes, simulations, seed)
    null = row["truth"] == 0
    mark = "" if row["fine"] and not (null and not 0.04 <= row["rejects"] <= 0.06) else "  <"
    print(
        f"{name:<28}{takes:>5}{n:>5}  {row['truth']:>6.3f}  {100 * row['covers']:>8.1f}  "
        f"{100 * row['exact']:>7.0f}  {100 * row['rejects']:>9.1f}{mark}",
        flush=True,
    )


if __name__ == "__main__":
    main()
