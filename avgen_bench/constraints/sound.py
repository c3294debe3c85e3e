"""How loud it is, and when it is silent."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from avgen_bench.constraints.base import OTHER, WINDOW, Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed, passed, unverifiable
from avgen_bench.types import AudioScores, Constraint, Evidence, LoudnessCurve, Verdict

__all__ = ["LouderThan", "LoudnessTrend", "SilenceDuring", "silences", "threshold_dbfs"]

FLOOR_LUFS = -70.0
"""The absolute gate of BS.1770: softer is as soft as this."""
RANGE_DB = 45.0
"""What lies further below the loudest is as soft as this: pauses between strokes are not part of a trend."""
MOMENT_S = 0.4
STEP_S = 0.1
SHORT_S = 1.5
"""Loudness is followed over this time: longer than the gaps of a slow beat, shorter than a trend."""
STEADY_DB = (4.0, 6.0)
"""How much steady sound may change, strictly and loosely."""
BELOW_DB = 40.0
SILENT_DBFS = -60.0


def _inside(curve: LoudnessCurve, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """Momentary loudness whose 400 ms lie in the stretch, as (s, LUFS), none below the floor."""
    loudest = max(curve.momentary_lufs, default=FLOOR_LUFS)
    floor = max(FLOOR_LUFS, loudest - RANGE_DB)
    half = MOMENT_S / 2 - STEP_S / 2  # half a step of grace on either side
    pairs = zip(curve.times_s, curve.momentary_lufs, strict=True)
    return [(t, max(level, floor)) for t, level in pairs if start_s + half <= t <= end_s - half]


def _mean_db(levels: Sequence[float]) -> float:
    """The level of the mean power."""
    return 10 * math.log10(sum(10 ** (level / 10) for level in levels) / len(levels))


def _short_term(moments: Sequence[tuple[float, float]], length_s: float) -> list[tuple[float, float]]:
    """Loudness over ``length_s``, one value each 100 ms, as (middle in s, LUFS)."""
    count = max(1, min(len(moments), round((length_s - MOMENT_S) / STEP_S) + 1))
    out = []
    for first in range(len(moments) - count + 1):
        piece = moments[first : first + count]
        out.append(((piece[0][0] + piece[-1][0]) / 2, _mean_db([level for _, level in piece])))
    return out


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """The median slope of all pairs (Theil 1950, Sen 1968): a few outliers do not tilt it."""
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for place, earlier in enumerate(points)
        for later in points[place + 1 :]
        if later[0] > earlier[0]
    ]
    return statistics.median(slopes) if slopes else 0.0


def _soundless(sight: Sight, curve: LoudnessCurve) -> str:
    if sight.media.sound is None:
        return "no sound track"
    if curve.momentary_lufs and curve.integrated_lufs is None:
        return "the clip is silent"
    return ""


class LoudnessTrend(Kind):
    """Sound gets louder, softer, or stays as loud."""

    facts = KindFacts(
        kind="loudness_trend",
        theme="sound",
        summary="sound gets louder, gets softer, or stays as loud",
        check="A line fitted to short-term loudness over the window must rise or fall by at least the amount stated"
        " (the tolerance where none is). For steady, neither the line nor the thirds of the window may differ by more"
        " than 4 dB, loosely 6 dB. A clip without sound fails.",
        required=("direction",),
        optional=("amount_db", *WINDOW),
        tolerance=Tolerance(6.0, 3.0, "dB"),
        needs=("loudness",),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Loudness rises, falls or stays steady."""
        if params["direction"] == "rises_falls":
            yield "'direction' is 'rises_falls'; loudness rises, falls or is steady: write two windows for an arc"
        if params["direction"] == "steady" and "amount_db" in params:
            yield "'amount_db' says by how much loudness changes, but 'direction' is 'steady'"

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """By how much a line through short-term loudness rises over the window."""
        curve: LoudnessCurve = sight.of("loudness")
        start_s, end_s = sight.window(constraint)
        direction = constraint.get("direction")
        wanted = {"rises": "louder", "falls": "softer"}.get(direction, "as loud throughout")
        if reason := _soundless(sight, curve):
            return failed(constraint, reason, f"{reason}; asked: {wanted}")
        moments = _inside(curve, start_s, end_s)
        length_s = min(SHORT_S, (end_s - start_s) / 3)
        points = _short_term(moments, length_s)
        if len(points) < 4:
            return unverifiable(constraint, f"the window of {end_s - start_s:.2f} s is too short for a trend")
        rise_db = _slope(points) * (end_s - start_s)
        found = f"loudness changes by {rise_db:+.1f} dB from {start_s:.1f} to {end_s:.1f} s"
        more: dict[str, Any] = {
            "evidence": (
                Evidence(
                    "curve",
                    "short-term loudness",
                    unit="LUFS",
                    x=tuple(p[0] for p in points),
                    y=tuple(p[1] for p in points),
                ),
            )
        }
        tolerance = self.facts.tolerance
        assert tolerance is not None
        if direction == "steady":
            parts = max(1, len(moments) // 3)
            thirds = [
                _mean_db([level for _, level in part])
                for part in (moments[:parts], moments[parts : len(moments) - parts], moments[len(moments) - parts :])
                if part
            ]
            error = max(abs(rise_db), max(thirds) - min(thirds))
            found = f"{found}; its thirds differ by {max(thirds) - min(thirds):.1f} dB"
            if error <= STEADY_DB[0]:
                return passed(constraint, found, STEADY_DB[0] - error, **more)
            reason = f"not steady: differs by {error:.1f} dB, at most {STEADY_DB[0]:g} dB"
            return failed(constraint, found, reason, STEADY_DB[0] - error, loose=error <= STEADY_DB[1], **more)
        asked = constraint.get("amount_db", tolerance.strict)
        least = asked - (tolerance.strict - tolerance.loose)
        margin = (rise_db if direction == "rises" else -rise_db) - asked
        if margin >= -1e-9:
            return passed(constraint, found, margin, **more)
        reason = f"does not get {wanted} by {asked:g} dB"
        return failed(constraint, found, reason, margin, loose=margin + asked >= least > 0, **more)


class LouderThan(Kind):
    """One stretch of the clip is louder than another."""

    facts = KindFacts(
        kind="louder_than",
        theme="sound",
        summary="the first stretch of the clip is louder than the other",
        check="Mean loudness of the window less that of the other window must be at least the amount stated (the "
        "tolerance where none is). A clip without sound fails.",
        required=(*WINDOW, *OTHER),
        optional=("amount_db",),
        tolerance=Tolerance(3.0, 1.0, "dB"),
        needs=("loudness",),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Two stretches that overlap cannot be compared."""
        start, end, other_start, other_end = (params.get(name) for name in (*WINDOW, *OTHER))
        if None in (start, end, other_start, other_end):
            return  # in seconds, what overlaps depends on the clip
        if start < other_end and other_start < end:  # type: ignore[operator]
            yield "the two windows overlap; state stretches that follow one another"

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The mean loudness of either window, and their difference."""
        curve: LoudnessCurve = sight.of("loudness")
        if reason := _soundless(sight, curve):
            return failed(constraint, reason, f"{reason}; asked: one stretch louder than another")
        window, other = sight.window(constraint), sight.window(constraint, *OTHER)
        here, there = ([level for _, level in _inside(curve, *stretch)] for stretch in (window, other))
        if not here or not there:
            # sound that ends before a stretch leaves it silent; a stretch shorter than 400 ms cannot be measured
            short = min(window[1] - window[0], other[1] - other[0])
            if short < MOMENT_S + STEP_S:
                return unverifiable(constraint, f"a stretch of {short:.2f} s is too short for its loudness")
        here_lufs, there_lufs = (_mean_db(levels) if levels else FLOOR_LUFS for levels in (here, there))
        apart_db = here_lufs - there_lufs
        found = (
            f"{here_lufs:.1f} LUFS from {window[0]:.1f} to {window[1]:.1f} s, "
            f"{there_lufs:.1f} LUFS from {other[0]:.1f} to {other[1]:.1f} s: {apart_db:+.1f} dB"
        )
        tolerance = self.facts.tolerance
        assert tolerance is not None
        asked = constraint.get("amount_db", tolerance.strict)
        more: dict[str, Any] = {
            "start_s": window[0],
            "end_s": window[1],
            "evidence": (
                Evidence("span", "must be louder", here_lufs, "LUFS", start_s=window[0], end_s=window[1]),
                Evidence("span", "than this", there_lufs, "LUFS", start_s=other[0], end_s=other[1]),
            ),
        }
        margin = apart_db - asked
        if margin >= -1e-9:
            return passed(constraint, found, margin, **more)
        least = asked - (tolerance.strict - tolerance.loose)
        reason = f"louder by {apart_db:.1f} dB, at least {asked:g} dB" if apart_db > 0 else "not louder"
        return failed(constraint, found, reason, margin, loose=apart_db >= least > 0, **more)


def threshold_dbfs(levels: AudioScores) -> float:
    """The level below which a clip's sound counts as silence."""
    return max(SILENT_DBFS, levels.totals["loudest_dbfs"] - BELOW_DB)


def silences(levels: AudioScores, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """The silent stretches within [start_s, end_s), in order; where there is no sound at all it is silent."""
    limit = threshold_dbfs(levels)
    out: list[tuple[float, float]] = []
    quiet_from = start_s
    for t, level in zip(levels.times_s, levels.columns["level_dbfs"], strict=True):
        if level < limit or t + levels.block_s <= start_s:
            continue
        if t >= end_s:
            break
        if t - quiet_from > levels.block_s / 2:  # less is rounding, not a gap
            out.append((quiet_from, t))
        quiet_from = max(quiet_from, t + levels.block_s)
    if end_s - quiet_from > levels.block_s / 2:
        out.append((quiet_from, end_s))
    return out


class SilenceDuring(Kind):
    """Complete silence."""

    facts = KindFacts(
        kind="silence_during",
        theme="sound",
        summary="nothing is heard: for the time stated, or in the window",
        check="Sound at least 40 dB below the loudest half second of the clip, or below -60 dBFS, counts as "
        "silence; the longest stretch must last the time stated, or fill the window, less the tolerance. Where there is"
        " no sound track it is silent; that something must be heard elsewhere is for other constraints to state.",
        optional=("duration_s", *WINDOW),
        tolerance=Tolerance(0.25, 0.5, "s"),
        has_moment=True,
        needs=("levels",),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Some time or window must be stated."""
        if not params:
            yield "states neither 'duration_s' nor a window; write how long, or where in the clip"

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The longest silent stretch."""
        start_s, end_s = sight.window(constraint)
        asked_s = constraint.get("duration_s", end_s - start_s)
        if sight.media.sound is None:
            stretches, found = [(start_s, end_s)], "no sound track"
            curve: tuple[Evidence, ...] = ()
        else:
            levels: AudioScores = sight.of("levels")
            stretches, found = silences(levels, start_s, end_s), ""
            curve = (Evidence("curve", "level", unit="dBFS", x=levels.times_s, y=levels.columns["level_dbfs"]),)
        longest = max(stretches, key=lambda stretch: stretch[1] - stretch[0], default=(start_s, start_s))
        length_s = longest[1] - longest[0]
        if not found:
            found = f"silent from {longest[0]:.2f} to {longest[1]:.2f} s, {length_s:.2f} s"
            found = found if length_s > 0 else "no silence"
        tolerance = self.facts.tolerance
        assert tolerance is not None
        enough = [s for s in stretches if s[1] - s[0] >= asked_s - tolerance.strict - 1e-9] or [longest]
        spans = tuple(Evidence("span", "silence", start_s=s[0], end_s=s[1]) for s in enough if s[1] > s[0])
        more: dict[str, Any] = {"evidence": (*spans, *curve)}
        if length_s > 0:
            more |= {"start_s": longest[0], "end_s": longest[1]}
        reason = f"{length_s:.2f} s of silence at a stretch, expected {asked_s:.2f} s"
        return by_error(constraint, max(0.0, asked_s - length_s), found, reason, **more)
