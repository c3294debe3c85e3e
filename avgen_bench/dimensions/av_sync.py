"""Whether sound and picture are in time: the lag of sound onsets behind changes of motion, where one lag stands out.

The score is a function of the lag alone (positive: the sound is late), piecewise linear between these points:

========  ======  =====  =====  ====  ====  =====  =====
lag, ms   -500    -90    -45    0     125   185    500
score     0       0.5    1      1     1     0.5    0
========  ======  =====  =====  ====  ====  =====  =====

From -45 to 125 ms is within the threshold of detectability, from -90 to 185 ms within that of acceptability, both of
ITU-R BT.1359-1. Beyond 500 ms either way is 0.

It speaks only when all of this holds, and is ``abstained`` otherwise, with the first thing that was missing:

1. at least ``LEAST_ONSETS`` sound onsets, and motion somewhere;
2. the best fit exceeds that of surrogate onsets: ``peak_p`` at most ``MOST_P`` and ``peak_z`` at least ``LEAST_Z``;
3. the best fit elsewhere (a smaller lag by more than 100 ms or a larger one by more than 140 ms, in any region) is at
   most ``MOST_SECOND`` of it;
4. of the heavier onsets at least ``LEAST_MATCHED``, and ``LEAST_HITS`` of them, meet a change of motion in that region;
5. with six onsets or more, both halves of the clip give the same lag to ``MOST_HALVES_MS``.

So a sound that has nothing to do with the picture is no good score: it is an abstention, and so counted. A clip without
picture, without sound or with silence lacks what it must have: ``ok`` at the floor.

Constants
    The scale is the standard's; the floor at 500 ms is a choice. ``MOST_P`` and ``LEAST_Z`` were chosen on the
    calibration split of ``benchmarks/sync.py`` and the clips talk_a, case4_ovi and case1_veo3_1_fast, as the least
    strict pair tried at which fewer than one foreign sound in two hundred is taken for the clip's own, ``MOST_SECOND``
    as the largest tried at which a mallet that is drawn back abruptly is not mistimed more than one time in twenty.
    The other limits are first guesses that were kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

from avgen_bench.sound import silence_reason
from avgen_bench.types import (
    DimensionFacts,
    Evidence,
    LoudnessCurve,
    MediaFacts,
    Outcome,
    Payload,
    Prompt,
    SyncCurve,
)

__all__ = ["AvSync", "abstention", "lag_score"]

SCORE_AT_MS = ((-500.0, 0.0), (-90.0, 0.5), (-45.0, 1.0), (125.0, 1.0), (185.0, 0.5), (500.0, 0.0))
LEAST_ONSETS = 3
MOST_P = 0.02
LEAST_Z = 2.0
MOST_SECOND = 0.8
LEAST_MATCHED = 0.6
LEAST_HITS = 3
MOST_HALVES_MS = 90.0
ONSET_SPAN_S = 0.02
SPANS_SHOWN = 60


def lag_score(lag_ms: float) -> float:
    """The score in [0, 1] of a lag in milliseconds; positive is late sound.

    >>> [lag_score(ms) for ms in (0.0, -45.0, 185.0, 500.0)]
    [1.0, 1.0, 0.5, 0.0]
    """
    for (x0, y0), (x1, y1) in pairwise(SCORE_AT_MS):
        if x0 <= lag_ms <= x1:
            return y0 + (y1 - y0) * (lag_ms - x0) / (x1 - x0)
    return 0.0


def abstention(curve: SyncCurve) -> str:
    """Why no lag can be told from a curve, or an empty string when one stands out."""
    totals = curve.totals
    onsets = len(curve.onsets_s)
    if onsets < LEAST_ONSETS:
        return f"too few sound onsets: {onsets}; at least {LEAST_ONSETS} are needed"
    if curve.lag_ms is None or curve.peak_p is None:
        return "no motion to compare the sound with: nothing in the picture changes its motion"
    z = totals.get("peak_z", 0.0)
    if curve.peak_p > MOST_P or z < LEAST_Z:
        return (
            f"no region stands out: p {curve.peak_p:.3f} (at most {MOST_P:g}), {z:.1f} deviations above "
            f"unrelated onsets (at least {LEAST_Z:g})"
        )
    second = totals.get("second", 1.0)
    if second > MOST_SECOND:
        return f"ambiguous lag: another fits {100 * second:.0f} % as well (at most {100 * MOST_SECOND:.0f} %)"
    matched, hits = totals.get("matched", 0.0), totals.get("hits", 0.0)
    if matched < LEAST_MATCHED or hits < LEAST_HITS:
        return (
            f"the region explains too few onsets: {hits:.0f}, {100 * matched:.0f} % of the strong ones "
            f"(at least {LEAST_HITS} and {100 * LEAST_MATCHED:.0f} %)"
        )
    halves_ms = totals.get("halves_ms", -1.0)
    if halves_ms > MOST_HALVES_MS:
        return f"ambiguous lag: the halves of the clip differ by {halves_ms:.0f} ms (at most {MOST_HALVES_MS:.0f} ms)"
    return ""


def _evidence(curve: SyncCurve) -> tuple[Evidence, ...]:
    items: list[Evidence] = []
    if curve.lag_ms is not None:
        items.append(Evidence("part", "lag", value=curve.lag_ms, unit="ms", score=lag_score(curve.lag_ms)))
    if "peak_z" in curve.totals:
        items.append(Evidence("part", "strength", value=curve.totals["peak_z"], unit="sd"))
    if curve.peak_p is not None:
        items.append(Evidence("part", "chance", value=curve.peak_p, unit="p"))
    if curve.lags_ms:
        items.append(Evidence("curve", "lag curve", x=curve.lags_ms, y=curve.fit, x_unit="ms", unit="fit"))
    for onset_s in curve.onsets_s[:SPANS_SHOWN]:
        items.append(Evidence("span", "sound onset", start_s=onset_s, end_s=onset_s + ONSET_SPAN_S))
    if curve.region is not None:
        x0, y0, x1, y1 = (100 * side for side in curve.region)
        text = f"best region: x {x0:.0f} to {x1:.0f} %, y {y0:.0f} to {y1:.0f} % of the picture"
        items.append(Evidence("note", "region", text=text))
    return tuple(items)


class AvSync:
    """The lag of sound behind localised motion, as a score; silent about clips where no lag stands out."""

    facts: ClassVar[DimensionFacts] = DimensionFacts(
        name="av_sync",
        family="perceptual",
        version="1",
        unit="score",
        low=0.0,
        high=1.0,
        floor=0.0,
        direction=1,
        needs=("onset_motion", "loudness"),
        summary="lag of sound onsets behind localised changes of motion, where one lag stands out",
        scale="1 from 45 ms early to 125 ms late sound (not detectable), 0.5 at 90 ms early or 185 ms late (barely "
        "acceptable), 0 from 500 ms either way; abstains where no lag stands out",
        reference="ITU-R BT.1359-1",
    )

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload]) -> Outcome:
        """The score of the lag; floor without picture or sound; abstained when no lag stands out."""
        loudness, curve = seen["loudness"], seen["onset_motion"]
        if not isinstance(loudness, LoudnessCurve) or not isinstance(curve, SyncCurve):
            raise TypeError(
                f"got {type(loudness).__name__} and {type(curve).__name__}; expected LoudnessCurve and SyncCurve"
            )
        if media.picture is None or media.picture.units == 0:
            return Outcome("ok", self.facts.floor, "no picture track")
        silent = silence_reason(media, loudness)
        if silent:
            return Outcome("ok", self.facts.floor, silent)
        evidence = _evidence(curve)
        missing = abstention(curve)
        if missing or curve.lag_ms is None:
            return Outcome("abstained", reason=missing, evidence=evidence)
        return Outcome("ok", lag_score(curve.lag_ms), evidence=evidence)
