"""How many shots, and what each of them holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from avgen_bench.constraints.base import Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed, passed, unverifiable
from avgen_bench.types import Constraint, Evidence, Shots, Verdict

__all__ = ["CutOrder", "ShotCount"]

SAME_S = 0.5
"""A hard cut and a dissolve nearer to each other than this are one transition."""


def _transitions(sight: Sight) -> tuple[tuple[float, ...], tuple[Evidence, ...]]:
    """Times of the hard cuts and dissolves, in order, and the shots between them as spans."""
    hard: Shots = sight.of("cuts")
    soft: Shots = sight.of("dissolves")
    alone = [at_s for at_s in soft.cuts_s if all(abs(at_s - cut_s) >= SAME_S for cut_s in hard.cuts_s)]
    times_s = tuple(sorted((*hard.cuts_s, *alone)))
    edges = (0.0, *times_s, max(sight.duration_s, times_s[-1] if times_s else 0.0))
    spans = tuple(
        Evidence("span", f"shot {number}", start_s=start_s, end_s=end_s)
        for number, (start_s, end_s) in enumerate(pairwise(edges), 1)
    )
    return times_s, spans


def _listed(times_s: tuple[float, ...]) -> str:
    return ", ".join(f"{at_s:.2f}" for at_s in times_s) + " s" if times_s else "none"


class ShotCount(Kind):
    """So many shots."""

    facts = KindFacts(
        kind="shot_count",
        theme="shots",
        summary="the clip has as many shots as stated; one shot means no cut",
        check="Hard cuts and dissolves are found in the picture; the number of shots must lie in the range.",
        required=("count_min", "count_max"),
        tolerance=Tolerance(0.0, 1.0, "shots"),
        needs=("cuts", "dissolves"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A clip has at least one shot."""
        if params["count_min"] < 1:
            yield "'count_min' is 0; a clip has at least one shot"

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the number of shots lies in the range."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        times_s, spans = _transitions(sight)
        count, least, most = len(times_s) + 1, constraint.get("count_min"), constraint.get("count_max")
        found = f"{count} shot{'s' * (count > 1)}; cuts: {_listed(times_s)}"
        asked = str(least) if least == most else f"{least} to {most}"
        first = times_s[0] if times_s and most == 1 else None
        error = float(max(0, least - count, count - most))
        return by_error(constraint, error, found, f"{count}, not {asked}", evidence=spans, start_s=first)


class CutOrder(Kind):
    """Other constraints are met in successive shots."""

    facts = KindFacts(
        kind="cut_order",
        theme="shots",
        summary="other constraints of the prompt are met in successive shots, in the order stated",
        check="Each constraint referred to must be met and has a moment in the clip; each must begin in a later shot "
        "than the one before it, or by no more than the tolerance before the cut to it.",
        required=("refs",),
        tolerance=Tolerance(0.1, 0.4, "s across a cut"),
        needs=("cuts", "dissolves"),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the moments of the constraints referred to lie in shots that follow each other."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        cuts_s, spans = _transitions(sight)
        found: list[str] = []
        begins: list[float] = []
        unmet: list[str] = []
        unknown: list[str] = []
        loosely = True
        for name in constraint.get("refs"):
            other, verdict = sight.refer(name)
            what = f"{name} ({other.kind})"
            if verdict.strict == "unverifiable":
                unknown.append(f"{what} cannot be verified: {verdict.reason}")
            elif verdict.strict == "fail":
                unmet.append(f"{what} is not met: {verdict.reason}")
                loosely &= verdict.loose == "pass"
            if verdict.start_s is not None and verdict.strict != "unverifiable":
                begins.append(verdict.start_s)
                found.append(f"{what} at {verdict.start_s:.2f} s")
            elif verdict.strict != "unverifiable" and verdict.loose == "pass":
                unknown.append(f"{what} has no moment")
        said = "; ".join((*found, f"cuts: {_listed(cuts_s)}"))
        if unmet and not (loosely and not unknown):
            return failed(constraint, said, "; ".join(unmet), evidence=spans)
        if unknown:
            return unverifiable(constraint, "; ".join(unknown), said, spans)
        early = _earliest_fault(begins, cuts_s)
        start_s, end_s = min(begins), max(begins)
        tolerance = self.facts.tolerance
        assert tolerance is not None
        if early is None:
            reason = "; ".join(unmet) or f"{len(begins)} moments in order need {len(begins) - 1} cuts between them"
            return failed(constraint, said, reason, evidence=spans, start_s=start_s, end_s=end_s)
        margin = tolerance.strict - early
        if margin >= 0 and not unmet:
            return passed(constraint, said, margin, evidence=spans, start_s=start_s, end_s=end_s)
        reason = "; ".join(unmet) or f"one begins {early:.2f} s before the cut that it should follow"
        loosely = early <= tolerance.loose
        return failed(constraint, said, reason, margin, loosely, evidence=spans, start_s=start_s, end_s=end_s)


def _earliest_fault(begins: list[float], cuts_s: tuple[float, ...]) -> float | None:
    """By how many seconds, at the worst, a moment comes before the cut that must part it from the one before it.

    Negative where every moment comes after its cut; None where there is no cut for one of them. The cuts are chosen so
    that the worst is as good as it can be.
    """
    best: dict[int, float] = {0: float("-inf")}
    for before, after in pairwise(begins):
        reached: dict[int, float] = {}
        for used, worst in best.items():
            for number in range(used, len(cuts_s)):
                # the cut must come after the moment before it, and before the moment after it
                fault = max(worst, cuts_s[number] - after, before - cuts_s[number])
                reached[number + 1] = min(fault, reached.get(number + 1, float("inf")))
        best = reached
    return min(best.values(), default=None)
