"""Estimates over clips: a mean with its interval, paired differences, and the count of every status.

Conventions
    The unit is the prompt: a system's number in a dimension is the mean over prompts of the mean over their takes, so
    each prompt counts once, and intervals and tests are over prompts (Miller 2024, arXiv 2411.00640). A clip without a
    prompt is a prompt of its own. What has no number is counted, never averaged.

    How an interval of 95 % is made follows from the numbers, see :data:`RULE`; ``method`` says it beside each. What
    this covers is printed by ``benchmarks/coverage.py``. An interval is about further prompts of the same kind; it
    knows nothing of errors that all clips share.

    Every result is the same for any order of the values: sums are exact (``math.fsum``), draws belong to prompts
    (:mod:`avgen_bench.resampling`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from avgen_bench import resampling
from avgen_bench._lazy import lazy
from avgen_bench.resampling import DRAWS, SEED
from avgen_bench.types import STATUSES, Status

np = lazy("numpy")
special = lazy("scipy.special")  # 0.1 s to import, so only where an interval is made

__all__ = [
    "ALPHA",
    "FEW",
    "LEVEL",
    "METHOD",
    "POWER",
    "RULE",
    "Column",
    "Components",
    "Difference",
    "Estimate",
    "clopper_pearson",
    "components",
    "count_statuses",
    "detectable",
    "detectable_between",
    "fewest_prompts",
    "holm",
    "numbers_of",
    "paired",
    "paired_columns",
    "prompt_of",
    "prompts_needed",
    "quantiles",
    "summarise",
    "summarise_columns",
    "tiers",
    "wilson",
]

LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8
FEW = 10
"""With fewer prompts off the commonest number than this, a bootstrap knows too little of what else there is."""

_FEWEST_FLIPS = 6  # off the commonest, so seven in all: with fewer no flip is as rare as one in twenty, both sides

STUDENTISED = "studentised bootstrap over prompts"
SUBSETS = "sign flips inverted, over prompts"
BOUNDED = "exact for a bounded score (Gaffke)"
EQUAL = "exact: all prompts alike"
WILSON = "Wilson"
EXACT_RATE = "Clopper-Pearson"
NO_VALUES, ONE_PROMPT = "none: no values", "none: one prompt"

METHOD = "over prompts, by what the numbers are"
RULE = (
    f"studentised bootstrap over prompts; exact for a bounded score (Gaffke) where fewer than {FEW} prompts are off "
    f"the commonest number; for rates of 0 and 1 with one take Wilson's, or Clopper and Pearson's where fewer than "
    f"{FEW} are off; none below two prompts"
)

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``prompts`` prompts with ``n`` values and its 95 % interval.

    ``mean`` is None for no values; ``ci_low`` and ``ci_high`` are None below two prompts, where nothing is known of the
    spread. ``method`` says how the interval was made.
    """

    mean: float | None
    n: int
    prompts: int
    ci_low: float | None
    ci_high: float | None
    method: str


@dataclass(frozen=True, slots=True)
class Column:
    """The numbers of one system in one dimension: by prompt those of its takes, on the scale ``[low, high]``.

    Raises:
        ValueError: a value is not finite or outside the scale, or the scale is empty.
    """

    values: Mapping[str, Sequence[float]]
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"the scale is [{self.low!r}, {self.high!r}]; expected low < high")
        for takes in self.values.values():
            for value in takes:
                if not (math.isfinite(value) and self.low <= value <= self.high):
                    raise ValueError(f"a value is {value!r}; expected a number in [{self.low!r}, {self.high!r}]")

    def means(self) -> dict[str, float]:
        """The mean over the takes of each prompt that has any, in the order of their names."""
        found = {}
        for name in sorted(self.values):
            takes = self.values[name]
            if takes:
                found[name] = min(max(math.fsum(takes) / len(takes), self.low), self.high)
        return found


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson 1927), within [0, 1].

    Raises:
        ValueError: no trials, or more hits than trials.

    >>> tuple(round(edge, 3) for edge in wilson(95, 100))
    (0.888, 0.978)
    """
    return _wilson(hits, of, 1.959963984540054)


def _wilson(hits: int, of: int, z: float) -> tuple[float, float]:
    _check_rate(hits, of)
    rate, square = hits / of, z * z / of
    middle = (rate + square / 2) / (1 + square)
    half = z * math.sqrt(rate * (1 - rate) / of + square / (4 * of)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(hits: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a rate (Clopper and Pearson 1934): it covers at least as often as it says.

    Raises:
        ValueError: no trials, or more hits than trials.

    >>> tuple(round(edge, 4) for edge in clopper_pearson(0, 20))
    (0.0, 0.1684)
    """
    _check_rate(hits, of)
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, of - hits + 1, tail))
    high = 1.0 if hits == of else float(special.betaincinv(hits + 1, of - hits, 1 - tail))
    return low, high


def _check_rate(hits: int, of: int) -> None:
    if not 0 <= hits <= of or of < 1:
        raise ValueError(f"{hits} of {of}; expected at least one trial and no more hits than trials")


# --------------------------------------------------------------------------- one system


def summarise(
    values: Iterable[float], low: float, high: float, prompts: Iterable[str] | None = None, level: float = LEVEL
) -> Estimate:
    """The mean of values on the scale ``[low, high]`` with its interval over prompts; see the conventions.

    Args:
        values: one for each clip.
        low: the lowest value of the scale.
        high: the highest.
        prompts: the prompt of each value, in the same order; None where each is its own.
        level: of the interval.

    Raises:
        ValueError: a value is not finite or outside the scale, the scale is empty, or prompts that do not pair.

    >>> estimate = summarise([0.25, 0.75, 1.0], 0.0, 1.0, ["p1", "p1", "p2"])
    >>> estimate.mean, estimate.n, estimate.prompts
    (0.75, 3, 2)
    """
    kept = list(values)
    names = [str(place) for place in range(len(kept))] if prompts is None else list(prompts)
    if prompts is None:
        kept.sort()  # whose name a value has is nobody's business: any order gives the same
    by_prompt: dict[str, list[float]] = {}
    for name, value in zip(names, kept, strict=True):
        by_prompt.setdefault(name, []).append(value)
    return summarise_columns([Column(by_prompt, low, high)], level=level)[0]


def summarise_columns(
    columns: Sequence[Column], level: float = LEVEL, draws: int = DRAWS, seed: int = SEED
) -> list[Estimate]:
    """:func:`summarise` for many columns at once, which share the draws of their prompts."""
    means = [column.means() for column in columns]
    scaled = [
        {name: (value - column.low) / (column.high - column.low) for name, value in mine.items()}
        for column, mine in zip(columns, means, strict=True)
    ]
    single = [all(len(takes) <= 1 for takes in column.values.values()) for column in columns]
    found = []
    for column, mine, (low, high, method) in zip(
        columns, means, _intervals(scaled, single, level, draws, seed), strict=True
    ):
        width = column.high - column.low
        n = sum(len(takes) for takes in column.values.values())
        mean = math.fsum(mine.values()) / len(mine) if mine else None
        if mean is not None:
            mean = min(max(mean, column.low), column.high)
        low, high = (None if edge is None else column.low + edge * width for edge in (low, high))
        found.append(Estimate(mean, n, len(mine), low, high, method))
    return found


def _intervals(
    scaled: Sequence[Mapping[str, float]],
    single: Sequence[bool],
    level: float,
    draws: int,
    seed: int,
    usual: str = STUDENTISED,
) -> list[tuple[float | None, float | None, str]]:
    """The interval of the mean of each column of numbers in [0, 1], and its method.

    ``single`` says which columns have one take each, ``usual`` how it is made where nothing calls for another method.
    """
    found: list[tuple[float | None, float | None, str]] = []
    z = -float(special.ndtri((1 - level) / 2)) if scaled else 0.0
    open_: dict[str, list[int]] = {usual: [], BOUNDED: []}
    for place, (mine, one_take) in enumerate(zip(scaled, single, strict=True)):
        n = len(mine)
        # takes that sum up in another order may differ in the last bit
        often = Counter(round(value, 12) for value in mine.values())
        off = n - max(often.values(), default=0)
        if n < 2:
            found.append((None, None, NO_VALUES if n == 0 else ONE_PROMPT))
        elif one_take and set(often) <= {0.0, 1.0}:
            hits = often[1.0]
            exact = off < FEW
            ends = clopper_pearson(hits, n, level) if exact else _wilson(hits, n, z)
            found.append((*ends, EXACT_RATE if exact else WILSON))
        elif off == 0:
            # what else there may be: a share that n prompts miss with the tail's probability, at either end
            unseen = 1 - ((1 - level) / 2) ** (1 / n)
            (value,) = often
            found.append((value * (1 - unseen), value + unseen * (1 - value), EQUAL))
        else:
            # few differences that all differ are flipped as the test flips them: 93 to 95 % from seven prompts on
            flipped = usual == SUBSETS and off >= max(_FEWEST_FLIPS, n - 1)
            method = BOUNDED if off < FEW and not flipped else usual
            open_[method].append(place)
            found.append((None, None, method))
    for method, places in open_.items():
        if places:
            make = {
                BOUNDED: resampling.bounded,
                STUDENTISED: resampling.studentised,
                SUBSETS: resampling.subsets,
            }[method]
            names, matrix = _matrix([scaled[place] for place in places])
            for place, (low, high) in zip(places, make(matrix, names, level, draws, seed).tolist(), strict=True):
                found[place] = (low, high, method)
    return found


def _matrix(columns: Sequence[Mapping[str, float]]) -> tuple[list[str], Any]:
    """The prompts of all columns in the order of their names, and the columns as rows, NaN where there is none."""
    names = sorted({name for column in columns for name in column})
    matrix = np.full((len(columns), len(names)), np.nan)
    places = {name: place for place, name in enumerate(names)}
    for row, column in enumerate(columns):
        for name, value in column.items():
            matrix[row, places[name]] = value
    return names, matrix


# --------------------------------------------------------------------------- where the spread comes from


@dataclass(frozen=True, slots=True)
class Components:
    """How much of the variance of single numbers is between prompts, between takes of one, and between a judge's draws.

    Attributes:
        prompt: variance of prompts' true means, in the square of the scale's unit; None where no prompt has two takes,
            or there are fewer than two prompts.
        take: variance of takes of one prompt, without the judge's part where that is known; None likewise.
        judge: variance that the judge's draws add to a number; None where it cannot be told.
        total: variance of the prompts' means; None below two prompts.
        takes: mean number of takes of a prompt; 0 without values.
    """

    prompt: float | None
    take: float | None
    judge: float | None
    total: float | None
    takes: float


def components(values: Mapping[str, Sequence[float]], judge: float | None = None) -> Components:
    """The split of the variance: one-way random effects by the method of moments (Searle and others 1992, chapter 3).

    Args:
        values: by prompt, those of its takes.
        judge: the variance that the judge's draws add to one number, or None.

    >>> found = components({"a": [1.0, 3.0], "b": [5.0, 7.0]})
    >>> found.prompt, found.take, found.total
    (7.0, 2.0, 8.0)
    """
    groups = [sorted(values[name]) for name in sorted(values) if values[name]]
    sizes = [len(takes) for takes in groups]
    n, k = sum(sizes), len(groups)
    means = [math.fsum(takes) / len(takes) for takes in groups]
    total = _variance(means)
    if k < 2 or n == k:
        return Components(None, None, judge, total, n / k if k else 0.0)
    grand = math.fsum(value for takes in groups for value in takes) / n
    inside = math.fsum((value - mean) ** 2 for takes, mean in zip(groups, means, strict=True) for value in takes)
    within = inside / (n - k)
    between = math.fsum(size * (mean - grand) ** 2 for size, mean in zip(sizes, means, strict=True)) / (k - 1)
    per_prompt = (n - math.fsum(size**2 for size in sizes) / n) / (k - 1)
    prompt = max(0.0, (between - within) / per_prompt)
    return Components(prompt, max(0.0, within - (judge or 0.0)), judge, total, n / k)


def _variance(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def fewest_prompts(alpha: float = ALPHA, tests: int = 1) -> int:
    """With fewer prompts no comparison decides at ``alpha``, however large the difference.

    The least p of a two-sided sign-flip test over n prompts is ``2 ** (1 - n)``, which Holm multiplies by the number of
    ``tests`` for the first of them; and the interval has to leave 0 out, which is made of flips from seven prompts on.

    >>> fewest_prompts(0.05), fewest_prompts(0.01), fewest_prompts(0.05, tests=6)
    (7, 8, 8)
    """
    found = _FEWEST_FLIPS + 1
    while tests * 2.0 ** (1 - found) > alpha:
        found += 1
    return found


def detectable(sd: float, prompts: int, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """The smallest true difference that a paired test over so many prompts finds with this power.

    ``(t(1 - alpha/2) + t(power)) sd / sqrt(prompts)`` with ``prompts - 1`` degrees of freedom (Bloom 1995, "Minimum
    detectable effects", Evaluation Review 19), ``sd`` being that of the differences of one prompt. None below
    :func:`fewest_prompts`, and where sd is 0: from numbers that are all alike nothing is known of the spread.

    >>> round(detectable(15.0, 20), 1), round(detectable(15.0, 235), 1)
    (9.9, 2.8)
    """
    if prompts < fewest_prompts(alpha) or not sd > 0:
        return None
    return _multiplier(prompts, alpha, power) * sd / math.sqrt(prompts)


def detectable_between(
    columns: Sequence[Column],
    alpha: float = ALPHA,
    power: float = POWER,
    absent: Sequence[Collection[str]] | None = None,
) -> list[tuple[float | None, str]]:
    """For each system the difference that a paired test would find, and its basis.

    ``paired``: the median over the other systems, from the differences on the prompts of both. Where there is no other,
    ``alone``: from a system of the same spread whose scores do not rise and fall with these; pairing lowers it.
    ``too few``, and None, where not even a difference of the whole scale would be found.

    ``absent`` has for each system the prompts that it has no clip for: one that is absent on both sides is no pair, and
    with no other system nothing is known of it.
    """
    width = max((column.high - column.low for column in columns), default=0.0)
    names, matrix = _matrix([column.means() for column in columns])
    gone = np.array([[name in mine for name in names] for mine in absent or [()] * len(columns)], dtype=bool)
    found: list[tuple[float | None, str]] = []
    for place, row in enumerate(matrix):
        paired_with = []
        for other, against in enumerate(matrix):
            off = (row - against)[~(gone[place] & gone[other])]
            off = off[~np.isnan(off)]
            if other != place and off.size > 1:
                mdd = detectable(float(off.std(ddof=1)), off.size, alpha, power)
                paired_with += [] if mdd is None else [mdd]
        mine = row[~(np.isnan(row) | gone[place])]
        if paired_with:
            found.append((quantiles(paired_with, (0.5,))[0], "paired"))
        elif 1 < mine.size < fewest_prompts(alpha):
            found.append((None, "too few"))
        elif mine.size > 1:
            found.append((detectable(math.sqrt(2) * float(mine.std(ddof=1)), mine.size, alpha, power), "alone"))
        else:
            found.append((None, ""))
        if (found[-1][0] or 0.0) > width:
            found[-1] = None, "too few"
    return found


def _multiplier(prompts: int, alpha: float, power: float) -> float:
    return float(special.stdtrit(prompts - 1, 1 - alpha / 2) + special.stdtrit(prompts - 1, power))


def prompts_needed(sd: float, difference: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """How many prompts a paired test needs to find a true difference with this power.

    The least number whose :func:`detectable` difference is no larger; at least :func:`fewest_prompts`.

    Raises:
        ValueError: a difference that is not above 0, or a spread below 0.

    >>> prompts_needed(15.0, 2.8)
    228
    """
    if not difference > 0 or not sd >= 0:
        raise ValueError(f"difference {difference!r}, sd {sd!r}; expected a difference above 0 and a spread")
    low, high = 1, fewest_prompts(alpha)
    least = high
    while _multiplier(high, alpha, power) * sd / math.sqrt(high) > difference:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        fits = _multiplier(middle, alpha, power) * sd / math.sqrt(middle) <= difference
        low, high = (low, middle) if fits else (middle, high)
    return max(high, least)


# --------------------------------------------------------------------------- two systems and more


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference of two systems on the ``n`` prompts where both have a number.

    ``difference`` is the first's mean less the second's, with its interval; ``p`` is two-sided, of the sign-flip test.
    ``sd`` is of the differences of single prompts, ``mdd`` what the test would find (:func:`detectable`). All are None
    (p: 1) where there is no common prompt; interval and sd below two, mdd below :func:`fewest_prompts` and where not
    even a difference of the whole scale would be found.
    """

    n: int
    mean_a: float | None
    mean_b: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    method: str
    p: float
    test: str
    sd: float | None
    mdd: float | None


def paired(a: Column, b: Column, level: float = LEVEL) -> Difference:
    """Two columns on one scale, compared on the prompts where both have a number.

    >>> a, b = ({f"p{k}": [k / 10 + d] for k in range(6)} for d in (0.25, 0.0))
    >>> found = paired(Column(a, 0.0, 1.0), Column(b, 0.0, 1.0))
    >>> found.n, round(found.difference, 6), found.p
    (6, 0.25, 0.03125)
    """
    return paired_columns([(a, b)], level=level)[0]


def paired_columns(
    pairs: Sequence[tuple[Column, Column]], level: float = LEVEL, draws: int = DRAWS, seed: int = SEED
) -> list[Difference]:
    """:func:`paired` for many pairs at once, which share the draws of their prompts.

    The interval is made as that of a mean, of the differences on the scale from worst to best possible difference; p by
    :func:`avgen_bench.resampling.flips`.

    Raises:
        ValueError: the columns of a pair are on different scales.
    """
    both, off = [], []
    for a, b in pairs:
        if (a.low, a.high) != (b.low, b.high):
            raise ValueError(f"scales [{a.low}, {a.high}] and [{b.low}, {b.high}]; expected the same")
        mine, other = a.means(), b.means()
        names = [name for name in mine if name in other]
        both.append(([mine[name] for name in names], [other[name] for name in names]))
        # equal numbers whose takes sum up differently in the last bit are equal
        width = a.high - a.low
        off.append({name: round((mine[name] - other[name]) / width, 12) for name in names})
    scaled = [{name: (value + 1) / 2 for name, value in mine.items()} for mine in off]
    ends = _intervals(scaled, [False] * len(pairs), level, draws, seed, SUBSETS)
    names, matrix = _matrix(off)
    tested = resampling.flips(matrix, names, draws, seed) if names else [(1.0, True)] * len(pairs)
    found = []
    for (a, _), (left, right), mine, (low, high, method), (p, exact) in zip(
        pairs, both, off, ends, tested, strict=True
    ):
        n, width = len(mine), a.high - a.low
        test = "none: no common prompt" if n == 0 else "sign flips, all" if exact else f"sign flips, {draws}"
        if n == 0:
            found.append(Difference(0, None, None, None, None, None, method, 1.0, test, None, None))
            continue
        variance = _variance([value * width for value in mine.values()])
        sd = None if variance is None else math.sqrt(variance)
        mdd = None if sd is None else detectable(sd, n, 1 - level)
        found.append(
            Difference(
                n,
                math.fsum(left) / n,
                math.fsum(right) / n,
                math.fsum(mine.values()) / n * width,
                None if low is None else (2 * low - 1) * width,
                None if high is None else (2 * high - 1) * width,
                method,
                p,
                test,
                sd,
                None if mdd is not None and mdd > width else mdd,
            )
        )
    return found


def holm(ps: Sequence[float]) -> list[float]:
    """The p of each test adjusted for their number (Holm 1979), in the same order.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    adjusted = [0.0] * len(ps)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: (ps[place], place))):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = largest
    return adjusted


def tiers(best_first: Iterable[_Name], is_worse: Callable[[_Name, _Name], bool]) -> list[list[_Name]]:
    """Groups of systems, best first: one that ``is_worse(it, best of the group)`` opens a new group.

    So the best of each group is shown to beat every later best, and nobody in a group is shown to be worse than its
    best. Two of one group may still differ from each other: being told apart is no transitive relation.

    >>> tiers([9, 8, 5, 4], lambda it, best: best - it > 2)
    [[9, 8], [5, 4]]
    """
    groups: list[list[_Name]] = []
    for name in best_first:
        if groups and not is_worse(name, groups[-1][0]):
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


# --------------------------------------------------------------------------- shapes and counts


def quantiles(values: Iterable[float], shares: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0)) -> tuple[float, ...]:
    """The values below which the given shares lie, linear between neighbours; empty for no values.

    >>> quantiles([3.0, 1.0, 2.0, 4.0])
    (1.0, 1.75, 2.5, 3.25, 4.0)
    """
    ordered = sorted(values)
    if not ordered:
        return ()
    found = []
    for share in shares:
        if not 0 <= share <= 1:
            raise ValueError(f"a share is {share!r}; expected a number in [0, 1]")
        place = share * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        found.append(ordered[below] + (place - below) * (ordered[above] - ordered[below]))
    return tuple(found)


def count_statuses(statuses: Iterable[Status]) -> dict[Status, int]:
    """How often each status occurs; every status is there, in the order of :data:`avgen_bench.types.STATUSES`.

    >>> count_statuses(["ok", "failed", "ok"])
    {'ok': 2, 'not_applicable': 0, 'abstained': 0, 'failed': 1}
    """
    counts: dict[Status, int] = dict.fromkeys(STATUSES, 0)
    for status in statuses:
        counts[status] += 1
    return counts


def prompt_of(row: Mapping[str, Any]) -> str:
    """The prompt that a row counts for; a clip without one is its own."""
    return str(row["prompt_id"] or row["key"])


def numbers_of(rows: Sequence[Mapping[str, Any]], dimension: str) -> dict[str, list[float]]:
    """By prompt the numbers of a system's clips in a dimension.

    None at all where there are clips and each of them was abstained from or failed: the floors of prompts without a
    clip, alone, would make a mean that says nothing of the clips.
    """
    found: dict[str, list[float]] = {}
    told = lost = False
    for row in rows:
        cell = row["measurements"].get(dimension)
        there = bool(row["path"] or row["clip_id"])
        if cell is not None and cell["status"] == "ok":
            found.setdefault(prompt_of(row), []).append(cell["value"])
            told = told or there
        elif cell is not None and cell["status"] in ("abstained", "failed"):
            lost = lost or there
    return {} if lost and not told else found
