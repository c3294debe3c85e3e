"""Estimates over clips: a mean with its interval, the shape of a distribution, and the count of every status.

Conventions
    An estimate is over the numbers of one system in one dimension; what has no number is counted, never averaged.
    Every result is the same for any order of the values: sums are exact (``math.fsum``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from avgen_bench._lazy import lazy
from avgen_bench.types import STATUSES, Status

special = lazy("scipy.special")  # 0.1 s to import, so only where an interval is made

__all__ = ["LEVEL", "METHOD", "Estimate", "count_statuses", "quantiles", "summarise", "wilson"]

LEVEL = 0.95
METHOD = "student-t over clips, clipped to the scale"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``n`` values and its 95 % interval.

    ``mean`` is None for no values; ``ci_low`` and ``ci_high`` are None below two values, where nothing is known of the
    spread. ``method`` says how the interval was made.
    """

    mean: float | None
    n: int
    ci_low: float | None
    ci_high: float | None
    method: str


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson 1927), within [0, 1].

    Raises:
        ValueError: no trials, or more hits than trials.

    >>> tuple(round(edge, 3) for edge in wilson(95, 100))
    (0.888, 0.978)
    """
    if not 0 <= hits <= of or of < 1:
        raise ValueError(f"{hits} of {of}; expected at least one trial and no more hits than trials")
    z = 1.959963984540054
    rate, square = hits / of, z * z / of
    middle = (rate + square / 2) / (1 + square)
    half = z * math.sqrt(rate * (1 - rate) / of + square / (4 * of)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def summarise(values: Iterable[float], low: float, high: float) -> Estimate:
    """The mean of values on the scale ``[low, high]`` with its 95 % Student-t interval, clipped to the scale.

    The interval is about the mean over further clips of the same kind; it knows nothing of errors that all clips share.

    Raises:
        ValueError: a value is not finite or outside the scale, or the scale is empty.

    >>> estimate = summarise([0.4, 0.5, 0.9], 0.0, 1.0)
    >>> round(estimate.mean, 3), estimate.n, estimate.ci_low, round(estimate.ci_high or 0, 3)
    (0.6, 3, 0.0, 1.0)
    """
    if not low < high:
        raise ValueError(f"the scale is [{low!r}, {high!r}]; expected low < high")
    kept = list(values)
    for value in kept:
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"a value is {value!r}; expected a number in [{low!r}, {high!r}]")
    n = len(kept)
    if n == 0:
        return Estimate(None, 0, None, None, "none: no values")
    mean = min(max(math.fsum(kept) / n, low), high)
    if n == 1:
        return Estimate(mean, 1, None, None, "none: one value")
    variance = math.fsum((value - mean) ** 2 for value in kept) / (n - 1)
    half = float(special.stdtrit(n - 1, 0.5 + LEVEL / 2)) * math.sqrt(variance / n)
    return Estimate(mean, n, max(low, mean - half), min(high, mean + half), METHOD)


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
