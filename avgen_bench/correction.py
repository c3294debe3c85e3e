"""What a judge's rates come to once its own errors are known, and how far several judges agree.

Conventions
    A judge that is wrong some of the time gives a rate of yes that is wrong even over endless clips. Its sensitivity
    (yes where yes is right) and specificity (no where no is right), counted on items of known truth, turn the rate back
    (Rogan and Gladen 1978); where people answered some of the same questions, prediction-powered inference does it
    without any such item. Either interval carries both samplings: of the clips, and of what is known of the judge. The
    first rests on the judge being as often right on the clips as on the items of known truth.

    Nothing is corrected with a judge that has not been shown to do better than chance: the result then has no estimate
    and says why.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from avgen_bench._lazy import lazy

special = lazy("scipy.special")

__all__ = [
    "Agreement",
    "Corrected",
    "Counted",
    "alpha_interval",
    "design_effect",
    "krippendorff_alpha",
    "ppi_mean",
    "rogan_gladen",
]

LEAST_LABELS = 10
"""Below so many answers of people, how often the judge is wrong is anybody's guess."""

_Z = 1.959963984540054  # 95 %, two-sided


@dataclass(frozen=True, slots=True)
class Counted:
    """``hits`` of ``of`` items."""

    hits: float
    of: float

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.of or not math.isfinite(self.of):
            raise ValueError(f"{self.hits} of {self.of}; expected no fewer than 0 and no more hits than items")


@dataclass(frozen=True, slots=True)
class Corrected:
    """A rate as the judge gives it and as it comes to, with the 95 % interval.

    ``estimate``, ``ci_low`` and ``ci_high`` are None where it cannot be corrected; ``reason`` then says why.
    """

    raw: float | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    method: str
    reason: str = ""


def rogan_gladen(yes: Counted, sensitivity: Counted, specificity: Counted) -> Corrected:
    """The rate of true yes behind a judge's rate of yes, clipped to [0, 1] (arXiv 2511.21140).

    The interval is that of Lang and Reiczigel (2014), which the paper takes over: each proportion is smoothed towards
    one half, and the variances of all three are carried. It is refused where the judge's Youden index (sensitivity plus
    specificity less 1) is not above 0 by its own 95 % interval, smoothed the same way.

    >>> found = rogan_gladen(Counted(400, 1000), Counted(180, 200), Counted(140, 200))
    >>> found.raw, round(found.estimate, 4), round(found.ci_low, 4), round(found.ci_high, 4)
    (0.4, 0.1667, 0.0564, 0.2627)
    """
    method = "Rogan-Gladen, interval of Lang and Reiczigel"
    if yes.of == 0:
        return Corrected(None, None, None, None, method, "no answers to correct")
    raw = yes.hits / yes.of
    if sensitivity.of == 0 or specificity.of == 0:
        return Corrected(raw, None, None, None, method, "sensitivity or specificity has not been measured")
    q1, m1 = (sensitivity.hits + 1) / (sensitivity.of + 2), sensitivity.of + 2
    q0, m0 = (specificity.hits + 1) / (specificity.of + 2), specificity.of + 2
    above = q0 + q1 - 1
    low = above - _Z * math.sqrt(q0 * (1 - q0) / m0 + q1 * (1 - q1) / m1)
    exact = sensitivity.hits / sensitivity.of + specificity.hits / specificity.of - 1
    if low <= 0 or exact <= 0:
        reason = (
            f"the judge is not shown to do better than chance: sensitivity {sensitivity.hits:g} of {sensitivity.of:g}, "
            f"specificity {specificity.hits:g} of {specificity.of:g}"
        )
        return Corrected(raw, None, None, None, method, reason)
    n = yes.of + _Z * _Z
    p = (yes.hits + _Z * _Z / 2) / n
    rate = (p + q0 - 1) / above
    spread_0, spread_1 = q0 * (1 - q0) / m0, q1 * (1 - q1) / m1
    middle = rate + 2 * _Z * _Z * (rate * spread_1 - (1 - rate) * spread_0)
    half = _Z * math.sqrt(p * (1 - p) / n + (1 - rate) ** 2 * spread_0 + rate**2 * spread_1) / above
    estimate = (raw + specificity.hits / specificity.of - 1) / exact
    return Corrected(raw, _clip(estimate), _clip(middle - half), _clip(middle + half), method)


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def ppi_mean(
    labelled_judge: Sequence[float], labelled_human: Sequence[float], unlabelled_judge: Sequence[float]
) -> Corrected:
    """The mean that people would give, from few of their answers and many of the judge's, clipped to [0, 1].

    Prediction-powered inference (Angelopoulos and others 2023, arXiv 2301.09633): the judge's mean over the unlabelled
    items, plus the mean of person less judge over the labelled ones; the variances of both are added. Two changes for
    few labels: Student's t with Welch's degrees of freedom for the normal law, and in the variance of the differences
    one more difference of either sign, so that a judge that happened never to err is not taken to be infallible.

    Raises:
        ValueError: a value outside [0, 1], or labels that do not pair.
    """
    for name, values in (("judge", labelled_judge), ("human", labelled_human), ("unlabelled", unlabelled_judge)):
        for value in values:
            if not 0 <= value <= 1:
                raise ValueError(f"an answer ({name}) is {value!r}; expected 0 to 1")
    if len(labelled_judge) != len(labelled_human):
        raise ValueError(
            f"{len(labelled_judge)} answers of the judge and {len(labelled_human)} of people; expected pairs"
        )
    method = "prediction-powered inference"
    few, many = len(labelled_judge), len(unlabelled_judge)
    both = [*labelled_judge, *unlabelled_judge]
    raw = math.fsum(both) / len(both) if both else None
    if few < LEAST_LABELS:
        reason = f"{few} answers of people; {LEAST_LABELS} or more are needed to know how often the judge is wrong"
        return Corrected(raw, None, None, None, method, reason)
    if many < 2:
        return Corrected(raw, None, None, None, method, "no items beyond those that people answered")
    off = [human - judge for human, judge in zip(labelled_human, labelled_judge, strict=True)]
    estimate = math.fsum(unlabelled_judge) / many + math.fsum(off) / few
    of_judge, of_off = _variance(unlabelled_judge) / many, _variance([*off, 1.0, -1.0]) / few
    degrees = (of_judge + of_off) ** 2 / (of_judge**2 / (many - 1) + of_off**2 / (few - 1))
    half = float(special.stdtrit(degrees, 0.975)) * math.sqrt(of_judge + of_off)
    return Corrected(raw, _clip(estimate), _clip(estimate - half), _clip(estimate + half), method)


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def design_effect(clusters: Iterable[tuple[int, int]]) -> float:
    """How many times wider than that of independent answers the variance of a rate is; 1 at the least.

    Answers about one clip rise and fall together: ``clusters`` are (hits, of) per clip, and the variance of the rate
    that their spread gives is set against the binomial one.

    >>> round(design_effect([(10, 10)] * 5 + [(0, 10)] * 5), 2)
    11.11
    """
    rows = [(hits, of) for hits, of in clusters if of]
    total, k = sum(of for _, of in rows), len(rows)
    rate = sum(hits for hits, _ in rows) / total if total else 0.0
    if k < 2 or not 0 < rate < 1:
        return 1.0
    between = k / (k - 1) * math.fsum((hits - rate * of) ** 2 for hits, of in rows) / total**2
    return max(1.0, between / (rate * (1 - rate) / total))


# --------------------------------------------------------------------------- agreement


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's alpha over ``units`` that two judges or more answered, with a bootstrap interval over clips.

    ``alpha`` is None where it is not defined (no unit with two answers, or all answers alike), the interval where there
    are fewer than two clips.
    """

    alpha: float | None
    ci_low: float | None
    ci_high: float | None
    units: int
    clips: int


def _coincidences(units: Iterable[Sequence[str | None]]) -> tuple[float, dict[str, float], int]:
    """The share of answers that disagree within their unit, how often each answer is given, and how many units."""
    disagree, marginals, n = 0.0, dict[str, float](), 0
    for unit in units:
        given = [answer for answer in unit if answer is not None]
        if len(given) < 2:
            continue
        n += 1
        for answer in given:
            marginals[answer] = marginals.get(answer, 0.0) + 1
        pairs = sum(a != b for i, a in enumerate(given) for b in given[:i])
        disagree += 2 * pairs / (len(given) - 1)
    return disagree, marginals, n


def _alpha(disagree: float, marginals: Mapping[str, float]) -> float | None:
    total = math.fsum(marginals.values())
    expected = total**2 - math.fsum(count**2 for count in marginals.values())
    if total < 2 or expected == 0:
        return None
    return 1 - (total - 1) * disagree / expected


def krippendorff_alpha(units: Iterable[Sequence[str | None]]) -> float | None:
    """Krippendorff's alpha for nominal data (2011): 1 where judges agree, 0 where they agree as by chance, or None.

    A unit holds one answer per judge, None where it has none; units with fewer than two answers say nothing.

    >>> round(krippendorff_alpha(zip("0100000010", "1110010000")), 3)
    0.095
    """
    disagree, marginals, _ = _coincidences(units)
    return _alpha(disagree, marginals)


def alpha_interval(
    by_clip: Mapping[str, Sequence[Sequence[str | None]]], *, draws: int = 1000, seed: int = 0
) -> Agreement:
    """Krippendorff's alpha over the units of all clips, and its 95 % interval by bootstrap over clips.

    Whole clips are drawn, since answers about one clip depend on each other; draws in which alpha is not defined are
    left out.
    """
    sums = [_coincidences(by_clip[name]) for name in sorted(by_clip)]
    sums = [item for item in sums if item[2]]
    alpha = _pooled(sums)
    units = sum(n for *_, n in sums)
    if alpha is None or len(sums) < 2:
        return Agreement(alpha, None, None, units, len(sums))
    rng = random.Random(seed)
    drawn = (_pooled(rng.choices(sums, k=len(sums))) for _ in range(draws))
    found = sorted(value for value in drawn if value is not None)
    if not found:
        return Agreement(alpha, None, None, units, len(sums))
    low, high = (found[min(len(found) - 1, round(share * (len(found) - 1)))] for share in (0.025, 0.975))
    return Agreement(alpha, low, high, units, len(sums))


def _pooled(sums: Iterable[tuple[float, Mapping[str, float], int]]) -> float | None:
    disagree, marginals = 0.0, dict[str, float]()
    for part, counts, _ in sums:
        disagree += part
        for answer, count in counts.items():
            marginals[answer] = marginals.get(answer, 0.0) + count
    return _alpha(disagree, marginals)
