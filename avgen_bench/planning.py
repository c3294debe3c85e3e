"""How many prompts, takes and judge calls a wanted difference needs, from the spread that runs have shown.

Conventions
    What is planned is a paired comparison of two systems in one dimension, at two-sided error ``alpha`` for that one
    test (:func:`avgen_bench.statistics.prompts_needed`). The variance of one prompt's difference has two parts: what
    the systems' true levels differ by from prompt to prompt, which more takes leave as it is, and ``take``, the chance
    of single takes (and of a judge's draws), which ``t`` takes divide by ``t``.

    With two systems or more, both come from their differences on common prompts, the median over pairs. With one, the
    other is taken to be as spread, and not to follow the prompts as it does: the plan is then on the safe side. Where
    no prompt has two takes the parts cannot be told apart, and nothing is said of other numbers of takes. A prompt that
    neither system has a clip for is no pair; with one system, one without a clip is left out.

    No plan has fewer prompts than a test needs to decide anything at all, were all its dimensions tested together
    (:func:`avgen_bench.statistics.fewest_prompts`).

    Layout of the value: ``schema``, ``detect`` (points of 100 of the scale), ``alpha``, ``power``, ``rows``, ``notes``.
    A row has ``dimension``, ``basis`` (``pairs`` or ``one system``), ``pairs``, ``seen`` (prompts), ``takes`` (a
    prompt, as seen), ``sd`` (of one prompt's difference, as seen), ``take`` and the ``judge``'s part of it (variances;
    None where they cannot be told), ``calls`` (of a judge for one clip, 0 without), ``reason`` (why there is no plan;
    else empty) and ``options``: per number of ``takes`` the ``sd``, ``prompts``, ``prompts_safe`` (at the upper 80 %
    limit of the sd, Browne 1995, doi:10.1002/sim.4780141709), ``clips`` and ``judge_calls`` of both systems together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import InputError
from avgen_bench.statistics import ALPHA, POWER, components, fewest_prompts, numbers_of, prompts_needed, quantiles

special = lazy("scipy.special")

__all__ = ["LEAST", "SCHEMA", "TAKES", "plan"]

SCHEMA = "avgen-bench/plan/1"
TAKES = (1, 2, 3, 4, 8)
LEAST = 5
"""With fewer prompts, the spread is anybody's guess."""
_LEAST_POINTS = 0.5
_NAMED = 5

Values = Mapping[str, Sequence[float]]
System = tuple[Values, float | None, frozenset[str]]
"""The numbers of each prompt's takes, the judge's variance, and the prompts without a clip."""


def plan(
    runs: Sequence[tuple[str, Mapping[str, Any]]],
    detect: float,
    *,
    alpha: float = ALPHA,
    power: float = POWER,
    takes: Sequence[int] = TAKES,
) -> dict[str, Any]:
    """The plan as plain JSON values; see the conventions for its layout.

    Args:
        runs: label and report of each run whose spread is taken.
        detect: the wanted difference, in points of 100 of the scale.
        alpha: error of the test.
        power: how often a true difference of that size is to be found.
        takes: numbers of takes to plan for.

    Raises:
        InputError: no run, or a number out of its range.
    """
    if not runs:
        raise InputError("there is no run to take the spread from; give --run RUN (the --out folder of a small score)")
    for name, value, high in (("detect", detect, 100.0), ("alpha", alpha, 1.0), ("power", power, 1.0)):
        if not 0 < value < high:
            raise InputError(f"{name} is {value!r}; expected above 0 and below {high:g}")
    if detect < _LEAST_POINTS:
        raise InputError(
            f"detect is {detect!r}; expected points of 100 of the scale, {_LEAST_POINTS:g} or more: for {detect:g} of "
            f"the scale give {100 * detect:g}"
        )
    if not all(number >= 1 for number in takes):
        raise InputError(f"takes are {list(takes)!r}; expected 1 or more")
    if power <= alpha:
        raise InputError(f"power {power!r} is no more than alpha {alpha!r}; expected such as 0.8 and 0.05")
    names = dict.fromkeys(item["name"] for _, report in runs for item in report["dimensions"])
    systems = {name: _systems(name, runs) for name in names}
    least = fewest_prompts(alpha, max(1, sum(any(one[0] for one in found) for found in systems.values())))
    rows = [_row(name, runs, systems[name], least, detect, alpha, power, takes) for name in names]
    notes = _notes(rows, systems, least)
    return {"schema": SCHEMA, "detect": detect, "alpha": alpha, "power": power, "rows": rows, "notes": notes}


def _systems(name: str, runs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[System]:
    """Every system that has numbers."""
    found: list[System] = []
    for _, report in runs:
        judge = {
            row["system"]: (row["variance"] or {}).get("judge")
            for row in report["estimates"]
            if row["dimension"] == name
        }
        for system in report["systems"]:
            mine = [row for row in report["clips"] if row["system"] == system]
            values = numbers_of(mine, name)
            there = numbers_of([row for row in mine if row["path"] or row["clip_id"]], name)
            if values:
                found.append((values, judge.get(system), frozenset(values.keys() - there.keys())))
    return found


def _shared(one: System, other: System) -> list[str]:
    """The prompts of both that either has a clip for."""
    return sorted((one[0].keys() & other[0].keys()) - (one[2] & other[2]))


def _spread(one: Values, other: Values, shared: Sequence[str]) -> tuple[float, float | None, int, float]:
    """Of the differences on common prompts: variance, the takes' part of it for one take each, prompts, and takes."""
    off = [math.fsum(one[name]) / len(one[name]) - math.fsum(other[name]) / len(other[name]) for name in shared]
    mean = math.fsum(off) / len(off)
    variance = math.fsum((value - mean) ** 2 for value in off) / (len(off) - 1)
    parts = [components({name: side[name] for name in shared}) for side in (one, other)]
    takes = [part.take for part in parts if part.take is not None]
    counts = [len(side[name]) for side in (one, other) for name in shared]
    # takes of one side alone tell of the other: both are taken to scatter alike
    take = None if not takes else 2 * math.fsum(takes) / len(takes)
    return variance, take, len(shared), len(counts) / math.fsum(1 / count for count in counts)


def _row(
    name: str,
    runs: Sequence[tuple[str, Mapping[str, Any]]],
    systems: Sequence[System],
    least: int,
    detect: float,
    alpha: float,
    power: float,
    takes: Sequence[int],
) -> dict[str, Any]:
    facts = next(item for _, report in runs for item in report["dimensions"] if item["name"] == name)
    pairs = [
        _spread(one[0], other[0], shared)
        for one, other in combinations(systems, 2)
        if len(shared := _shared(one, other)) >= LEAST
    ]
    judges = [judge for _, judge, _ in systems if judge is not None]
    row: dict[str, Any] = {
        "dimension": name,
        "basis": "pairs" if pairs else "one system",
        "pairs": len(pairs),
        "judge": 2 * math.fsum(judges) / len(judges) if judges else None,
        "calls": _calls(name, runs),
        "reason": "",
        "options": [],
    }
    if not pairs:
        made = [{name: takes for name, takes in one[0].items() if name not in one[2]} for one in systems]
        alone = [values for values in made if len(values) >= LEAST]
        most = max(map(len, made), default=0)
        if not alone:
            reason = f"{most} prompts with a number; {LEAST} or more are needed to know the spread"
            return row | {"seen": most, "takes": None, "sd": None, "take": None, "reason": reason}
        for values in alone:
            split = components(values)
            take = None if split.take is None else 2 * split.take
            mean_takes = len(values) / math.fsum(1 / len(mine) for mine in values.values())
            pairs.append((2 * (split.total or 0.0), take, len(values), mean_takes))
    variance = _median([item[0] for item in pairs])
    known = [item[1] for item in pairs if item[1] is not None]
    take = _median(known) if known else None
    seen, usual = min(item[2] for item in pairs), _median([item[3] for item in pairs])
    row |= {"seen": seen, "takes": usual, "sd": math.sqrt(variance), "take": take}
    if not variance > 0:
        return row | {"reason": f"no spread in {seen} prompts: how much others would differ is not known"}
    wanted = detect / 100 * (facts["high"] - facts["low"])
    # the upper 80 % limit of a standard deviation
    safe = math.sqrt((seen - 1) / float(special.chdtri(seen - 1, 0.8)))
    for number in sorted(set(takes)) if take is not None else [max(1, round(usual))]:
        here = variance if take is None else max(0.0, variance - take / usual) + take / number
        sd = math.sqrt(here)
        needed = max(least, prompts_needed(sd, wanted, alpha, power))
        row["options"].append(
            {
                "takes": number,
                "sd": sd,
                "prompts": needed,
                "prompts_safe": max(least, prompts_needed(sd * safe, wanted, alpha, power)),
                "clips": 2 * needed * number,
                "judge_calls": math.ceil(2 * needed * number * row["calls"]),
            }
        )
    return row


def _median(values: Sequence[float]) -> float:
    return quantiles(values, (0.5,))[0]


def _calls(name: str, runs: Sequence[tuple[str, Mapping[str, Any]]]) -> float:
    """Questions and twins that a judge was asked of one clip, repeats counted; 0 where none was asked."""
    asked = []
    for _, report in runs:
        found = report.get("semantic") or {"rows": [], "judge": None}
        repeats = (found["judge"] or {}).get("repeats") or 1
        for item in found["rows"]:
            if item["dimension"] == name and item["of"] and item["atoms"]:
                asked.append(2 * repeats * item["atoms"] / item["of"])
    return max(asked, default=0.0)


def _notes(rows: Sequence[Mapping[str, Any]], systems: Mapping[str, Sequence[System]], least: int) -> list[str]:
    notes = []
    if any(item["prompts"] == least for row in rows for item in row["options"]):
        notes.append(f"with fewer than {least} prompts no test decides, however large the difference")
    lost: set[str] = set()
    for found in systems.values():
        pairs = [one[2] & other[2] for one, other in combinations(found, 2)]
        lost.update(*(pairs or [one[2] for one in found]))
    if lost:
        told = "1 prompt has" if len(lost) == 1 else f"{len(lost)} prompts have"
        first, more = sorted(lost)[:_NAMED], len(lost) - _NAMED
        named = ", ".join(first) + (f" and {more} more" if more > 0 else "")
        notes.append(f"{told} no clip on both sides, and tell nothing of the spread: {named}")
    if any(row["options"] and row["basis"] == "one system" for row in rows):
        notes.append(
            "one system: the other is assumed to be as spread and not to follow the prompts; with a run of a second "
            "system fewer prompts may do"
        )
    if any(row["options"] and row["basis"] == "pairs" for row in rows):
        notes.append("pairs: the systems to come are assumed to differ from prompt to prompt as those of the runs do")
    if any(row["options"] and row["take"] is None for row in rows):
        notes.append(
            "no prompt has two takes: what more takes would save is not known; score some prompts twice to know"
        )
    few = [row["dimension"] for row in rows if row["options"] and row["seen"] < 20]
    if few:
        notes.append(f"fewer than 20 prompts seen ({', '.join(few)}): go by the safe number")
    return notes
