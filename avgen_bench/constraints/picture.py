"""How the picture moves, and its light and colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from avgen_bench.constraints.base import COLOURS, OTHER, WINDOW, Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed, passed, unverifiable
from avgen_bench.types import Constraint, Evidence, FrameScores, Shots, Verdict

__all__ = ["BrightnessTrend", "ColourTrend", "DominantColour", "EndsOnColour", "PlayingSpeed"]

GREYS = ("black", "white", "grey")
STILL = 0.01
"""Speed in picture heights per second at which nothing is seen to move: a fifth of a pixel per frame at 24 per second,
of 480 lines; what the flow finds in grain lies below it."""
LEAST_SLOTS = 2
"""Fewer slots than this on either side are no stretch to compare."""
BURST = 3.0
"""A slot counts for at most so many times the median: damage, and cuts between slots."""
MOVING_SHARE = 0.25
"""A slot moves when its speed reaches this share of the ninth decile of its stretch: pauses do not count."""


class PlayingSpeed(Kind):
    """One stretch moves slower or faster than another."""

    facts = KindFacts(
        kind="playing_speed",
        theme="picture",
        summary="motion in the window runs at the stated factor of the other stretch (or of a ladder's reference)",
        check="The mean speed of what moves (optical flow, in picture heights per second, pauses and cuts left out) in "
        "the window divided by that of the other stretch must be the factor stated, within a factor given by the "
        "tolerance. Without windows the reference is another clip of the ladder, so that one clip cannot be verified; "
        "where nothing moves it fails.",
        required=("speed_factor",),
        optional=(*WINDOW, *OTHER),
        tolerance=Tolerance(1.6, 2.5, "factor"),
        needs=("motion", "cuts"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A window needs the stretch that it is compared with."""
        stated = [name for name in (*WINDOW, *OTHER) if name in params or f"{name}_s" in params]
        if stated and len(stated) < 4:
            yield (
                "states only "
                + ", ".join(stated)
                + "; write both windows in full, or none (then a ladder is the reference)"
            )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the ratio of two speeds is the factor stated; the margin is in factors, 1 at the limit."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        seen: FrameScores = sight.of("motion")
        factor = float(constraint.get("speed_factor"))
        curve = Evidence("curve", "speed", unit="picture heights per second", x=seen.times_s, y=seen.columns["speed"])
        cuts: Shots = sight.of("cuts")
        if not sight.has_window(constraint):
            speed, _ = _speed(seen, cuts, 0.0, math.inf)
            if speed < STILL:
                return failed(constraint, "nothing moves", "nothing moves, at whatever speed", evidence=(curve,))
            found = f"moves at {speed:.3g} picture heights per second"
            reason = f"speed {factor:g} is measured against another clip of its ladder, not within one clip"
            return unverifiable(constraint, reason, found, (curve,))
        start_s, end_s = sight.window(constraint)
        other = sight.window(constraint, "other_start", "other_end")
        speed, slots = _speed(seen, cuts, start_s, end_s)
        reference, other_slots = _speed(seen, cuts, *other)
        evidence = (
            Evidence("span", "window", start_s=start_s, end_s=end_s, value=speed, unit="picture heights per second"),
            Evidence(
                "span", "other", start_s=other[0], end_s=other[1], value=reference, unit="picture heights per second"
            ),
            curve,
        )
        if min(slots, other_slots) < LEAST_SLOTS:
            reason = (
                "too few pictures to measure motion" if seen.times_s else "no motion was measured: too few pictures"
            )
            return unverifiable(constraint, reason, evidence=evidence)
        found = f"{speed:.3g} against {reference:.3g} picture heights per second"
        if max(speed, reference) < STILL:
            return failed(constraint, found, "nothing moves", None, start_s=start_s, end_s=end_s, evidence=evidence)
        if min(speed, reference) < STILL / 4:
            where = "in the window" if speed < reference else "in the stretch compared with"
            return failed(
                constraint, found, f"nothing moves {where}", None, start_s=start_s, end_s=end_s, evidence=evidence
            )
        ratio = speed / reference
        error = math.exp(abs(math.log(ratio / factor)))
        return by_error(
            constraint,
            error,
            f"{found}: {ratio:.3g} times as fast",
            f"{ratio:.3g} times as fast, not {factor:g}",
            start_s=start_s,
            end_s=end_s,
            evidence=evidence,
        )


def _speed(seen: FrameScores, cuts: Shots, start_s: float, end_s: float) -> tuple[float, int]:
    """Mean speed of the moving slots that lie in a stretch and hold no cut, and how many slots lie there."""
    slot_s = 0.25  # of the backbone
    inside = [
        speed
        for at_s, speed in zip(seen.times_s, seen.columns["speed"], strict=True)
        if at_s >= start_s - 1e-6
        and at_s + slot_s <= end_s + 1e-6
        and not any(at_s - 0.02 <= cut_s <= at_s + slot_s + 0.02 for cut_s in cuts.cuts_s)
    ]
    if not inside:
        return 0.0, 0
    most = BURST * _quantile(inside, 0.5)
    capped = [min(speed, most) for speed in inside]
    moving = [speed for speed in capped if speed >= MOVING_SHARE * _quantile(capped, 0.9)]
    return sum(moving) / len(moving), len(inside)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


class BrightnessTrend(Kind):
    """The picture gets brighter or darker."""

    facts = KindFacts(
        kind="brightness_trend",
        theme="picture",
        summary="the picture gets brighter, gets darker, or stays as bright",
        check="Mean luma of the last quarter of the window less that of its first quarter, as a share of full "
        "range, must exceed the tolerance in the direction stated. For steady, the mean luma of every fifth of the "
        "window must lie within 0.05 (loosely 0.1) of that of the whole.",
        required=("direction",),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.05, "share of full range"),
        needs=("colours",),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Brightness rises, falls or stays steady."""
        if params["direction"] == "rises_falls":
            yield "'direction' is 'rises_falls'; brightness rises, falls or is steady: write two windows for an arc"

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the picture's mean luma goes the way that is stated, by enough."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        seen: FrameScores = sight.of("colours")
        start_s, end_s = sight.window(constraint)
        times_s, luma = _within(seen, "luma", start_s, end_s)
        curve = Evidence("curve", "mean luma", unit="share of full range", x=times_s, y=luma)
        if len(luma) < 4:
            return unverifiable(constraint, "too few pictures in the window", evidence=(curve,))
        moment: dict[str, Any] = {"start_s": start_s, "end_s": end_s, "evidence": (curve,)}
        tolerance = self.facts.tolerance
        assert tolerance is not None
        first, last = _ends(times_s, luma, start_s, end_s)
        change = last - first
        found = f"mean luma {first:.2f} at first, {last:.2f} at last"
        direction = constraint.get("direction")
        if direction == "steady":
            parts = _parts(times_s, luma, start_s, end_s, 5)
            middle = sum(luma) / len(luma)
            off = max((abs(part - middle) for part in parts), default=0.0)
            found += f", at most {off:.2f} from its mean"
            # what must not change is held to the smaller of the two amounts
            margin = tolerance.loose - off
            if margin >= 0:
                return passed(constraint, found, margin, **moment)
            return failed(constraint, found, f"changes by {off:.2f}", margin, off <= tolerance.strict, **moment)
        signed = change if direction == "rises" else -change
        if signed > tolerance.strict:
            return passed(constraint, found, signed - tolerance.strict, **moment)
        word = {"rises": "brighter", "falls": "darker"}[direction]
        reason = f"gets {word} by {signed:.2f} only" if signed > 0 else f"does not get {word}"
        loosely = signed > tolerance.loose
        return failed(constraint, found, reason, signed - tolerance.strict, loosely, **moment)


def _within(
    seen: FrameScores, column: str, start_s: float, end_s: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Times and values of the looks in a window."""
    rows = [
        (at_s, value)
        for at_s, value in zip(seen.times_s, seen.columns[column], strict=True)
        if start_s - 1e-6 <= at_s < end_s
    ]
    return tuple(at_s for at_s, _ in rows), tuple(value for _, value in rows)


def _ends(times_s: Sequence[float], values: Sequence[float], start_s: float, end_s: float) -> tuple[float, float]:
    """Means over the first and the last quarter of a window, one value each at least."""
    quarter_s = (min(end_s, times_s[-1] + 1e-6) - start_s) / 4
    first = [value for at_s, value in zip(times_s, values, strict=True) if at_s < start_s + quarter_s]
    last = [value for at_s, value in zip(times_s, values, strict=True) if at_s >= start_s + 3 * quarter_s]
    first, last = first or [values[0]], last or [values[-1]]
    return sum(first) / len(first), sum(last) / len(last)


def _parts(times_s: Sequence[float], values: Sequence[float], start_s: float, end_s: float, count: int) -> list[float]:
    """Means over equal parts of a window, without those that hold no look."""
    part_s = (min(end_s, times_s[-1] + 1e-6) - start_s) / count
    sums: dict[int, list[float]] = {}
    for at_s, value in zip(times_s, values, strict=True):
        sums.setdefault(min(count - 1, max(0, int((at_s - start_s) / part_s))), []).append(value)
    return [sum(part) / len(part) for part in sums.values()]


class ColourTrend(Kind):
    """The prevailing colour turns into another."""

    facts = KindFacts(
        kind="colour_trend",
        theme="picture",
        summary="the prevailing colour goes from one to the other",
        check="The share of pixels that people would name by the first colour must fall, and that of the second "
        "rise, from the first quarter of the window to its last, each by more than the tolerance.",
        required=("colour", "colour_to"),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.05, "share of pixels"),
        needs=("colours",),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A colour does not turn into itself."""
        if params["colour"] == params["colour_to"]:
            yield f"'colour' and 'colour_to' are both {params['colour']!r}"

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the first colour gives way to the second."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        seen: FrameScores = sight.of("colours")
        start_s, end_s = sight.window(constraint)
        one, two = constraint.get("colour"), constraint.get("colour_to")
        times_s, fading = _within(seen, one, start_s, end_s)
        _, coming = _within(seen, two, start_s, end_s)
        evidence = (
            Evidence("curve", one, unit="share of pixels", x=times_s, y=fading),
            Evidence("curve", two, unit="share of pixels", x=times_s, y=coming),
        )
        if len(times_s) < 4:
            return unverifiable(constraint, "too few pictures in the window", evidence=evidence)
        (one_first, one_last), (two_first, two_last) = (
            _ends(times_s, values, start_s, end_s) for values in (fading, coming)
        )
        found = (
            f"{one} {one_first:.0%} at first, {one_last:.0%} at last; {two} {two_first:.0%} at first, {two_last:.0%} "
            "at last"
        )
        fall, rise = one_first - one_last, two_last - two_first
        tolerance = self.facts.tolerance
        assert tolerance is not None
        least = min(fall, rise)
        moment: dict[str, Any] = {"start_s": start_s, "end_s": end_s, "evidence": evidence}
        if least > tolerance.strict:
            return passed(constraint, found, least - tolerance.strict, **moment)
        problems = [
            text
            for short, text in (
                (fall <= tolerance.strict, f"{one} does not give way"),
                (rise <= tolerance.strict, f"{two} does not come up"),
            )
            if short
        ]
        loosely = least > tolerance.loose
        return failed(constraint, found, " and ".join(problems), least - tolerance.strict, loosely, **moment)


class DominantColour(Kind):
    """This colour prevails."""

    facts = KindFacts(
        kind="dominant_colour",
        theme="picture",
        summary="the colour stated prevails in the picture",
        check="Of all pixels in the window, named by basic colour terms, the colour stated must hold the largest "
        "share among the chromatic ones (or among all, for black, white and grey), and at least the "
        "tolerance.",
        required=("colour",),
        optional=WINDOW,
        tolerance=Tolerance(0.25, 0.15, "share of pixels"),
        needs=("colours",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the colour holds enough of the picture, and more than any that it is compared with."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        seen: FrameScores = sight.of("colours")
        start_s, end_s = sight.window(constraint)
        colour = constraint.get("colour")
        shares: dict[str, float] = {}
        for term in COLOURS:
            times_s, values = _within(seen, term, start_s, end_s)
            if not values:
                return unverifiable(constraint, "no picture in the window")
            shares[term] = sum(values) / len(values)
        rivals = COLOURS if colour in GREYS else tuple(term for term in COLOURS if term not in GREYS)
        rival = max((term for term in rivals if term != colour), key=lambda term: shares[term])
        ranked = sorted(COLOURS, key=lambda term: -shares[term])[:3]
        found = ", ".join(f"{term} {shares[term]:.0%}" for term in dict.fromkeys((*ranked, colour)))
        times_s, values = _within(seen, colour, start_s, end_s)
        moment: dict[str, Any] = {
            "start_s": start_s,
            "end_s": end_s,
            "evidence": (Evidence("curve", colour, unit="share of pixels", x=times_s, y=values),),
        }
        tolerance = self.facts.tolerance
        assert tolerance is not None
        lead, share = shares[colour] - shares[rival], shares[colour]
        margin = min(share - tolerance.strict, lead)
        if margin >= 0:
            return passed(constraint, found, margin, **moment)
        loosely = lead >= 0 and share >= tolerance.loose
        reason = f"{rival} holds more than {colour}" if lead < 0 else f"{colour} holds {share:.0%} only"
        return failed(constraint, found, reason, margin, loosely, **moment)


LAST_S = 0.25
"""How long the clip must rest on the colour: a shorter flash at the end is not seen as an end."""


class EndsOnColour(Kind):
    """The clip ends on this colour: a fade to black, a cut to white."""

    facts = KindFacts(
        kind="ends_on_colour",
        theme="picture",
        summary="the clip fades or cuts to the colour stated, and ends on it",
        check="Of all pixels in the last quarter of a second, named by basic colour terms, the colour stated must hold "
        "at least the tolerance, and at some time before that less than half of the picture.",
        required=("colour",),
        tolerance=Tolerance(0.95, 0.8, "share of pixels"),
        needs=("colours",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the last looks show nothing but the colour, and an earlier one something else."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        seen: FrameScores = sight.of("colours")
        colour = constraint.get("colour")
        shares = seen.columns[colour]
        if len(shares) < 2:
            return unverifiable(constraint, "too few pictures")
        end_s = sight.media.picture.end_s
        final = [share for at_s, share in zip(seen.times_s, shares, strict=True) if at_s >= end_s - LAST_S - 1e-6]
        least, before = min(final or shares[-1:]), min(shares)
        found = f"{colour} {least:.0%} at the end, {before:.0%} at least before"
        moment: dict[str, Any] = {
            "start_s": max(0.0, end_s - LAST_S),
            "end_s": end_s,
            "evidence": (Evidence("curve", colour, unit="share of pixels", x=seen.times_s, y=shares),),
        }
        tolerance = self.facts.tolerance
        assert tolerance is not None
        if before >= 0.5:
            return failed(constraint, found, f"all is {colour} from the start: nothing ends", None, **moment)
        margin = least - tolerance.strict
        if margin >= 0:
            return passed(constraint, found, margin, **moment)
        reason = f"the end is not {colour}" if least < 0.5 else f"{colour} holds {least:.0%} of the end only"
        return failed(constraint, found, reason, margin, least >= tolerance.loose, **moment)
