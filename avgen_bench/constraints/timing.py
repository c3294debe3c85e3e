"""How many events, how often, when, and in which order."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import Any

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed
from avgen_bench.types import Constraint, Evidence, Onsets, Shots, Verdict

__all__ = ["Duration", "EvenSpacing", "EventAt", "EventCount", "EventOrder", "EventRate", "SoundAtCut"]

EDGE_S = 0.1
"""An event this near to the edge of a window may count as inside or outside, whichever obeys."""
MARK_S = 0.05
MANY = 24


def _soundless(sight: Sight) -> str:
    return "no sound track" if sight.media.sound is None else ""


def _heard(sight: Sight, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """The sharp sounds in a stretch, as (s, dB)."""
    onsets: Onsets = sight.of("onsets")
    pairs = zip(onsets.times_s, onsets.strengths_db, strict=True)
    return [(t, strength) for t, strength in pairs if start_s <= t < end_s]


def _times(events: Sequence[tuple[float, float]]) -> str:
    """Times for people."""
    shown = ", ".join(f"{t:.2f}" for t, _ in events[:MANY])
    return f"{shown}{' ...' if len(events) > MANY else ''} s"


def _marks(constraint: Constraint, events: Sequence[tuple[float, float]]) -> tuple[Evidence, ...]:
    label = constraint.get("event", "sharp sound")
    return tuple(
        Evidence("span", f"{label} {number}", strength, "dB", start_s=t, end_s=t + MARK_S)
        for number, (t, strength) in enumerate(events[:MANY], 1)
    )


def _sharp(count: int) -> str:
    return f"{count or 'no'} sharp sound{'' if count == 1 else 's'}"


class EventCount(Kind):
    """So many sharp sounds."""

    facts = KindFacts(
        kind="event_count",
        theme="timing",
        summary="as many sharp, separate sounds come as stated",
        check="Onsets that rise clearly above what lies around them are counted in the window; the count must lie "
        "in the range. One within 0.1 s of an edge of the window inside the clip counts as inside or outside, "
        "whichever obeys.",
        required=("event", "count_min", "count_max"),
        optional=WINDOW,
        tolerance=Tolerance(0.0, 1.0, "events"),
        has_moment=True,
        needs=("onsets",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The count of onsets in the window."""
        least, most = constraint.get("count_min"), constraint.get("count_max")
        asked = f"{least}" if least == most else f"{least} to {most}"
        start_s, end_s = sight.window(constraint)
        if (reason := _soundless(sight)) and least:
            return failed(constraint, reason, f"{reason}; expected {asked}", float(-least))
        before = EDGE_S if start_s > 0.0 else 0.0
        after = EDGE_S if end_s < sight.duration_s else -EDGE_S  # no event begins after the end
        wide = _heard(sight, start_s - before, end_s + abs(after)) if not reason else []
        sure = [item for item in wide if start_s + before <= item[0] < end_s - max(after, 0.0)]
        doubtful = [item for item in wide if item not in sure]
        # as many of the doubtful as obey, the nearest to the inside first
        doubtful.sort(key=lambda item: max(start_s - item[0], item[0] - end_s))
        inside = sum(start_s <= t < end_s for t, _ in wide)
        wanted = min(max(inside, least), most)
        count = min(max(wanted, len(sure)), len(wide))
        events = sorted(sure + doubtful[: count - len(sure)])
        found = f"{_sharp(count)}: {_times(events)}" if events else "no sharp sound"
        more: dict[str, Any] = {"evidence": _marks(constraint, events)}
        if events:
            more |= {"start_s": events[0][0], "end_s": events[-1][0] + MARK_S}
        error = float(max(least - count, count - most, 0))
        return by_error(constraint, error, found, f"{count} counted, expected {asked}", **more)


class EventRate(Kind):
    """Sharp sounds come so often."""

    facts = KindFacts(
        kind="event_rate",
        theme="timing",
        summary="sharp sounds come at the rate stated",
        check="The inverse of the median interval between onsets in the window must be the rate stated within "
        "tolerance. Fewer than three onsets fail (two where the window has no time for three).",
        required=("event", "rate_hz"),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.2, "share of the rate"),
        needs=("onsets",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The inverse of the median interval."""
        asked = constraint.get("rate_hz")
        if reason := _soundless(sight):
            return failed(constraint, reason, f"{reason}; expected {asked:g} a second")
        start_s, end_s = sight.window(constraint)
        events = _heard(sight, start_s, end_s)
        least = 3 if (end_s - start_s) * asked >= 3 else 2
        if len(events) < least:
            return failed(
                constraint,
                f"{_sharp(len(events))}{': ' + _times(events) if events else ''}",
                f"{_sharp(len(events))} in {end_s - start_s:.1f} s make no rate; expected {asked:g} a second",
                evidence=_marks(constraint, events),
            )
        rate = 1 / max(1e-3, statistics.median(b[0] - a[0] for a, b in itertools.pairwise(events)))
        found = f"{rate:.2f} a second, {_sharp(len(events))}: {_times(events)}"
        reason = f"{rate:.2f} a second, expected {asked:g}"
        error = abs(rate / asked - 1)
        return by_error(constraint, error, found, reason, evidence=_marks(constraint, events))


class EventAt(Kind):
    """A sharp sound comes at a stated time."""

    facts = KindFacts(
        kind="event_at",
        theme="timing",
        summary="a sharp sound comes at the time stated",
        check="The nearest clear onset must lie within the tolerance of the time stated.",
        required=("event", "at_s"),
        tolerance=Tolerance(0.3, 0.6, "s"),
        has_moment=True,
        needs=("onsets",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The distance of the nearest onset."""
        asked = constraint.get("at_s")
        if reason := _soundless(sight):
            return failed(constraint, reason, f"{reason}; expected a sharp sound at {asked:g} s")
        events = _heard(sight, 0.0, max(sight.duration_s, 0.0) + EDGE_S)
        if not events:
            return failed(constraint, "no sharp sound", f"no sharp sound; expected one at {asked:g} s")
        nearest = min(events, key=lambda item: abs(item[0] - asked))
        found = f"a sharp sound at {nearest[0]:.2f} s; {len(events)} in all"
        return by_error(
            constraint,
            abs(nearest[0] - asked),
            found,
            f"the nearest sharp sound is at {nearest[0]:.2f} s, expected at {asked:g} s",
            start_s=nearest[0],
            end_s=nearest[0] + MARK_S,
            evidence=_marks(constraint, [nearest]),
        )


class EvenSpacing(Kind):
    """Sharp sounds come at equal intervals."""

    facts = KindFacts(
        kind="even_spacing",
        theme="timing",
        summary="sharp sounds come at equal intervals",
        check="Of three or more onsets in the window, the standard deviation of the intervals divided by their mean"
        " must be within tolerance. Fewer than three fail.",
        required=("event",),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.2, "coefficient of variation"),
        needs=("onsets",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The spread of the intervals."""
        if reason := _soundless(sight):
            return failed(constraint, reason, f"{reason}; expected sharp sounds at equal intervals")
        events = _heard(sight, *sight.window(constraint))
        marks = _marks(constraint, events)
        if len(events) < 3:
            found = f"{_sharp(len(events))}{': ' + _times(events) if events else ''}"
            return failed(constraint, found, f"{_sharp(len(events))}; intervals need three", evidence=marks)
        gaps = [b[0] - a[0] for a, b in itertools.pairwise(events)]
        mean = max(1e-3, statistics.fmean(gaps))
        spread = statistics.pstdev(gaps) / mean
        found = (
            f"intervals of {mean:.2f} s that differ by {100 * spread:.0f} %; {_sharp(len(events))}: {_times(events)}"
        )
        reason = f"intervals from {min(gaps):.2f} to {max(gaps):.2f} s differ by {100 * spread:.0f} %"
        return by_error(constraint, spread, found, reason, evidence=marks)


def _moments(verdict: Verdict) -> list[float]:
    """When what a verdict speaks of may begin: every silence that is long enough, else its one moment."""
    if verdict.kind == "silence_during":
        starts = [item.start_s for item in verdict.evidence if item.label == "silence" and item.start_s is not None]
        if starts:
            return sorted(starts)
    return [] if verdict.start_s is None else [verdict.start_s]


class EventOrder(Kind):
    """The moments of other constraints come in this order."""

    facts = KindFacts(
        kind="event_order",
        theme="timing",
        summary="the moments of other constraints of the prompt come in the order stated",
        check="Each constraint referred to has a moment in the clip (words first read or heard, first note, first "
        "knock); each must begin after the one before it begins. One that fails breaks the order; where one cannot be "
        "verified and no other breaks it, neither can the order.",
        required=("refs",),
        tolerance=Tolerance(0.1, 0.4, "s of overlap"),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The moments of the constraints referred to, compared one with the next."""
        verdicts = [sight.refer(name)[1] for name in constraint.get("refs")]
        tolerance = self.facts.tolerance
        assert tolerance is not None
        starts: list[float | None] = []
        last_s: float | None = None
        for verdict in verdicts:
            moments = _moments(verdict) if verdict.strict != "unverifiable" else []
            after = [t for t in moments if last_s is None or t >= last_s - tolerance.strict]
            starts.append(after[0] if after else moments[-1] if moments else None)
            last_s = starts[-1] if starts[-1] is not None else last_s
        known = [t for t in starts if t is not None]
        found = "; ".join(
            f"{v.id} {v.kind} at {t:.2f} s" if t is not None else f"{v.id} {v.kind}: {v.found or v.reason}"
            for v, t in zip(verdicts, starts, strict=True)
        )
        lead_s = min((b - a for a, b in itertools.pairwise(known)), default=0.0)
        strict, reason = self._judge([v.strict for v in verdicts], verdicts, starts, lead_s, tolerance.strict)
        loose, _ = self._judge([v.loose for v in verdicts], verdicts, starts, lead_s, tolerance.loose)
        evidence = tuple(
            Evidence("span", f"{place}. {v.id} {v.kind}", start_s=t, end_s=max(t, v.end_s or 0.0) or t)
            for place, (v, t) in enumerate(zip(verdicts, starts, strict=True), 1)
            if t is not None
        )
        margin = lead_s + tolerance.strict if len(known) == len(starts) else None
        more: dict[str, Any] = {"start_s": known[0], "end_s": max(known)} if known else {}
        return Verdict(constraint.id, constraint.kind, strict, loose, found, reason, margin, evidence=evidence, **more)

    @staticmethod
    def _judge(
        marks: Sequence[str], verdicts: Sequence[Verdict], starts: Sequence[float | None], lead_s: float, overlap: float
    ) -> tuple[str, str]:
        """A verdict and its reason."""
        pairs = list(zip(marks, verdicts, starts, strict=True))
        for mark, verdict, _ in pairs:
            if mark == "fail":
                return "fail", f"{verdict.id} {verdict.kind} fails: {verdict.reason or verdict.found}"
        if lead_s < -overlap - 1e-9:
            return "fail", f"out of order: one begins {-lead_s:.2f} s before the one that it must follow"
        for mark, verdict, _ in pairs:
            if mark == "unverifiable":
                return "unverifiable", f"{verdict.id} {verdict.kind} cannot be verified: {verdict.reason}"
        for _, verdict, start_s in pairs:
            if start_s is None:
                return "unverifiable", f"{verdict.id} {verdict.kind} has no moment in the clip"
        return "pass", ""


class SoundAtCut(Kind):
    """Cuts fall together with sharp sounds."""

    facts = KindFacts(
        kind="sound_at_cut",
        theme="timing",
        summary="every cut, or at least as many as stated, falls together with a sharp sound",
        check="Every cut found (or the number stated) must have a clear onset within the tolerance; a clip without "
        "a cut fails.",
        optional=("event", "count_min"),
        tolerance=Tolerance(0.15, 0.3, "s"),
        needs=("cuts", "onsets"),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The distance of each cut to the nearest onset."""
        cuts: Shots = sight.of("cuts")
        if sight.media.picture is None or not cuts.cuts_s:
            return failed(constraint, "no cut", "no cut; expected one together with a sharp sound")
        if reason := _soundless(sight):
            return failed(constraint, reason, f"{reason}; expected a sharp sound at the cut")
        asked = max(1, constraint.get("count_min", len(cuts.cuts_s)))
        events = _heard(sight, 0.0, sight.duration_s + EDGE_S)
        count = len(cuts.cuts_s)
        if not events:
            return failed(constraint, f"{count} cut{'s' * (count > 1)}, no sharp sound", "no sharp sound at any cut")
        pairs = [(cut, min((t for t, _ in events), key=lambda t: abs(t - cut))) for cut in cuts.cuts_s]
        found = "; ".join(f"cut at {cut:.2f} s, nearest sharp sound {t - cut:+.2f} s" for cut, t in pairs[:MANY])
        more: dict[str, Any] = {
            "evidence": tuple(
                Evidence(
                    "span", f"cut {number} and sound", t - cut, "s", start_s=min(cut, t), end_s=max(cut, t) + MARK_S
                )
                for number, (cut, t) in enumerate(pairs[:MANY], 1)
            )
        }
        if count < asked:
            return failed(constraint, found, f"{count} cut{'s' * (count > 1)}, expected at least {asked}", **more)
        errors = sorted(abs(t - cut) for cut, t in pairs)
        tolerance = self.facts.tolerance
        assert tolerance is not None
        on = sum(error <= tolerance.strict for error in errors)
        reason = f"{on} of {count} cuts fall together with a sharp sound, expected {asked}"
        return by_error(constraint, errors[asked - 1], found, reason, **more)


class Duration(Kind):
    """The clip lasts so long."""

    facts = KindFacts(
        kind="duration",
        theme="timing",
        summary="the clip lasts as long as stated",
        check="The longer of the picture's and the sound's length must be the time stated within tolerance.",
        required=("duration_s",),
        tolerance=Tolerance(0.25, 0.75, "s"),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The length of the clip."""
        asked, length_s = constraint.get("duration_s"), sight.duration_s
        found = f"{length_s:.2f} s"
        return by_error(constraint, abs(length_s - asked), found, f"lasts {found}, expected {asked:g} s")
