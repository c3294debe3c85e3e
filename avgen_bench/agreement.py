"""How far a judge agrees with a person who was asked the same, and what its rate of yes comes to in that light.

Conventions
    An item is one question, or one false twin, about one clip; it is matched by the clip's digest and that of the
    question as it is asked. The person's first standing answer counts; where they were asked twice, the second only
    says how far they agree with themselves. The judge's answer is its rate of yes over repeats, yes above one half.
    Items that either of them could not tell are left out and counted.

    Sensitivity and specificity take the person for the truth, over questions and twins. Their intervals are Wilson's,
    widened for answers about one clip that rise and fall together; that of kappa is a bootstrap over clips. The rate of
    yes is over questions alone, as in the report; its correction takes what the person answered for a random sample of
    all questions, and the answers for independent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from avgen_bench.correction import Corrected, design_effect, ppi_mean
from avgen_bench.judges.person import CANNOT_TELL, Label, standing
from avgen_bench.questions import Atom, ask_of
from avgen_bench.report_semantic import atoms_in
from avgen_bench.statistics import wilson
from avgen_bench.types import MODALITIES, YES_NO, Measurement

__all__ = ["Agreed", "Judged", "Rate", "compare", "judged_in", "kappa"]

Square = tuple[int, int, int, int]
"""How often judge and person said yes and yes, yes and no, no and yes, no and no."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge of a run said to one question about one clip.

    ``digests`` are those that the question can have: the evidence of a run does not say which modality it was asked
    for. ``yes`` is None where the reply could not be read.
    """

    clip_id: str
    digests: tuple[str, ...]
    dimension: str
    is_twin: bool
    yes: bool | None


@dataclass(frozen=True, slots=True)
class Rate:
    """A value with its 95 % interval; None where it is not defined. ``of`` is how many items it rests on."""

    value: float | None
    low: float | None
    high: float | None
    of: int


@dataclass(frozen=True, slots=True)
class Agreed:
    """What came of one dimension, or of all.

    Attributes:
        name: of the dimension; ``all`` for all of them.
        n: items that both answered.
        same: of these, how many the same way.
        untold: items that the judge, and that the person, could not tell.
        kappa: Cohen's kappa.
        sensitivity: of the judge, taking the person for the truth; ``specificity`` likewise.
        person_yes: how many of ``person_of`` questions the person affirmed.
        yes: the judge's rate of yes to all questions of the run, raw and corrected with the person's answers.
    """

    name: str
    n: int
    same: int
    untold: tuple[int, int]
    kappa: Rate
    sensitivity: Rate
    specificity: Rate
    person_yes: int
    person_of: int
    yes: Corrected


def judged_in(measurements: Iterable[Measurement]) -> list[Judged]:
    """What the judge of a run was asked and answered, each question about a clip once."""
    found: dict[tuple[str, tuple[str, ...]], Judged] = {}
    for measured in measurements:
        for row in atoms_in(item.to_json() for item in measured.evidence):
            atom = Atom(row["key"], measured.dimension, row["type"], "", row["text"], row["twin"])
            for is_twin, rate in ((False, row["yes"]), (True, row["twin_yes"])):
                if rate is None and not row["twin_said" if is_twin else "said"]:
                    continue  # never asked: a track that is not there, what comes before it, a spent budget
                digests = tuple(ask_of(replace(atom, modality=name), is_twin).digest for name in MODALITIES)
                answer = None if rate is None else rate > 0.5
                item = Judged(measured.clip_id, digests, measured.dimension, is_twin, answer)
                found.setdefault((measured.clip_id, digests), item)
    return list(found.values())


def kappa(square: Sequence[int]) -> float | None:
    """Cohen's kappa of a square of counts; None where both always said the same one thing, or nothing.

    >>> round(kappa((20, 5, 10, 15)), 3)
    0.4
    """
    both, judge_only, person_only, neither = square
    n = both + judge_only + person_only + neither
    if n == 0:
        return None
    by_chance = (both + judge_only) * (both + person_only) + (neither + person_only) * (neither + judge_only)
    return None if by_chance == n * n else 1 - n * (judge_only + person_only) / (n * n - by_chance)


def _sum(squares: Sequence[Square]) -> Square:
    a, b, c, d = (sum(square[place] for square in squares) for place in range(4))
    return a, b, c, d


def _kappa(squares: Sequence[Square], draws: int = 1000) -> Rate:
    value, n = kappa(_sum(squares)), sum(map(sum, squares))
    if value is None or len(squares) < 2:
        return Rate(value, None, None, n)
    draw = random.Random(0)
    drawn = (kappa(_sum(draw.choices(squares, k=len(squares)))) for _ in range(draws))
    found = sorted(item for item in drawn if item is not None)
    low, high = (found[round(share * (len(found) - 1))] for share in (0.025, 0.975))
    return Rate(value, low, high, n)


def _share(clusters: Sequence[tuple[int, int]]) -> Rate:
    """Hits among items, given per clip, with an interval as if there were as many as they are worth."""
    hits, of = (sum(column) for column in zip(*clusters, strict=True)) if clusters else (0, 0)
    if not of:
        return Rate(None, None, None, 0)
    worth = max(1, math.floor(of / design_effect(clusters)))
    rate = hits / of
    ends = [wilson(count, worth) for count in (math.floor(rate * worth), math.ceil(rate * worth))]
    return Rate(rate, ends[0][0], ends[1][1], of)


def _square(pairs: Iterable[tuple[bool, bool]]) -> Square:
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair in pairs:
        counts[pair] += 1
    return counts[True, True], counts[True, False], counts[False, True], counts[False, False]


def compare(judged: Sequence[Judged], labels: Iterable[Label]) -> tuple[list[Agreed], int]:
    """How far they agree, over all and for each dimension; and how many labels no question of the run answers to.

    Args:
        judged: from :func:`judged_in`.
        labels: all lines of the person's file.
    """
    said: dict[tuple[str, str], str] = {}
    for label in standing(labels):
        said.setdefault(label.item, label.answer)
    met: list[tuple[Judged, str | None]] = []
    unknown = set(said)
    for item in judged:
        keys = [(item.clip_id, digest) for digest in item.digests if (item.clip_id, digest) in said]
        unknown.difference_update(keys)
        met.append((item, said[keys[0]] if keys else None))
    names = dict.fromkeys(item.dimension for item in judged)
    found = [_agreed(name, [pair for pair in met if pair[0].dimension == name]) for name in names]
    return [_agreed("all", met), *found] if len(found) != 1 else found, len(unknown)


def _agreed(name: str, met: Sequence[tuple[Judged, str | None]]) -> Agreed:
    """What came of items, each with the person's word, None where they were not asked."""
    by_clip: dict[str, list[tuple[bool, bool]]] = {}
    labelled: list[tuple[float, float]] = []
    unlabelled: list[float] = []
    judge_untold = person_untold = person_yes = person_of = 0
    for item, word in met:
        judge_untold += word is not None and item.yes is None
        person_untold += word == CANNOT_TELL
        if not item.is_twin and word in YES_NO:
            person_of += 1
            person_yes += word == YES_NO[0]
        if item.yes is None or word == CANNOT_TELL:
            continue
        if word is not None:
            by_clip.setdefault(item.clip_id, []).append((item.yes, word == YES_NO[0]))
        if not item.is_twin and word is None:
            unlabelled.append(float(item.yes))
        elif not item.is_twin:
            labelled.append((float(item.yes), float(word == YES_NO[0])))
    squares = [_square(by_clip[clip]) for clip in sorted(by_clip)]
    total = _sum(squares)
    return Agreed(
        name=name,
        n=sum(total),
        same=total[0] + total[3],
        untold=(judge_untold, person_untold),
        kappa=_kappa(squares),
        sensitivity=_share([(a, a + c) for a, _, c, _ in squares if a + c]),
        specificity=_share([(d, b + d) for _, b, _, d in squares if b + d]),
        person_yes=person_yes,
        person_of=person_of,
        yes=ppi_mean([judge for judge, _ in labelled], [person for _, person in labelled], unlabelled),
    )
