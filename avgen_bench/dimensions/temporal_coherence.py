"""Whether pictures follow one another as those of one steady scene.

Conventions
    The score is a product of parts, each ``1 / (1 + (x / half)^power)``: 1 where there is none of the fault, 1/2 at
    ``half``. The means are over the frames outside cuts (from the first frame of a shot for ``CUT_S``, and two frames
    at least) that are new pictures in an even run of steps; see :mod:`avgen_bench.backbones.steadiness` for what is
    measured at each frame.

    ======== ==================================================================== ================== ====== =====
    part     x                                                                    unit               half   power
    ======== ==================================================================== ================== ====== =====
    flicker  brightness noise of the whole picture, mean                          % of video range   0.95   2
    boiling  brightness noise that stays in one place, along the motion           % of video range   0.94   2
    warp     what is left of a picture less the one before it moved along, mean   % of video range   3.3    2
    jitter   displacement noise, masked by speed, mean                            % of frame height  0.16   2
    disorder frames less like their neighbours than these are like each other     share of change    0.11   2
    held     time for which a picture stood still amid motion                     share of the clip  0.17   1
    ======== ==================================================================== ================== ====== =====

Constants
    Half points are where ladders of known damage (:mod:`avgen_bench.factory.damage_time`) on the calibration clips
    case4_ovi, talk_a and case1_veo3_1_fast come at a step that nobody overlooks, geometric mean of the three clips:
    flicker and boiling at step 5 of ``brightness_flicker`` (a gain of 3 % rms), jitter at step 5 of ``warping_jitter``
    (0.4 % of height rms), disorder at step 8 of ``shuffled_frames`` (all windows), held at step 5 of the ladders of
    held frames. What motion compensation leaves over also holds all that flow cannot follow in sound footage, shine and
    uncovered ground, so warp has its half point at step 8 of ``warping_jitter``. Powers are a choice: 2 leaves room
    below for the noise of sound footage, 1 lets each held picture count.

Floor
    No picture track, fewer than three frames, or one still picture throughout: that is no moving picture, and the
    generator's failure. Where no three new pictures in a row lie within a shot, a quarter of a second or less apart,
    there is nothing to compare and the dimension abstains. Dark, calm and tripod footage is not damage, nor is a title
    that stands between two cuts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import DimensionFacts, Evidence, FrameScores, MediaFacts, Outcome, Payload, Prompt, Shots

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")

__all__ = ["PARTS", "TemporalCoherence"]

PARTS: Mapping[str, tuple[float, float, str]] = {
    "flicker": (0.95, 2.0, "% of range"),
    "boiling": (0.94, 2.0, "% of range"),
    "warp error": (3.3, 2.0, "% of range"),
    "jitter": (0.16, 2.0, "% of height"),
    "disorder": (0.11, 2.0, "share"),
    "held": (0.17, 1.0, "share"),
}
"""Part to half point, power and unit."""

CUT_S = 0.13
CURVE_POINTS = 120
WORST_MOMENTS = 3
WORST_APART_S = 0.5
WORST_TIMES_HALF = 2.0
"""A moment is shown if one of its values is at least this many half points."""
FROZEN_S = 0.25
"""A picture held for this long is called frozen."""
MOST_SPANS = 20


class TemporalCoherence:
    """Flicker, warp error, jitter, disorder and held pictures, as one number."""

    facts: ClassVar[DimensionFacts] = DimensionFacts(
        name="temporal_coherence",
        family="perceptual",
        version="1",
        unit="score",
        low=0.0,
        high=1.0,
        floor=0.0,
        direction=1,
        needs=("steadiness", "cuts"),
        summary="flicker, flow-compensated warp error, jitter, disorder, held and frozen pictures, outside cuts",
        scale=(
            "1: no measurable damage in time; 0.5: one fault that nobody overlooks, such as brightness noise of 1 % of "
            "the range or a picture held for 17 % of the time; 0: no moving picture"
        ),
        reference="Lai et al., ECCV 2018 (warp error); half points from ladders of known damage",
    )

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload]) -> Outcome:
        """The score in [0, 1] with parts, curves and spans; at the floor without a moving picture.

        Raises:
            TypeError: a payload is not of the type that its backbone yields.
        """
        steadiness, shots = seen["steadiness"], seen["cuts"]
        if not isinstance(steadiness, FrameScores) or not isinstance(shots, Shots):
            raise TypeError(
                f"got {type(steadiness).__name__} and {type(shots).__name__}; expected FrameScores and Shots"
            )
        count = len(steadiness.times_s)
        if media.picture is None or count == 0:
            return Outcome("ok", 0.0, "no picture track")
        if count < 3:
            return Outcome("ok", 0.0, f"no moving picture: {count} frame{'s' if count > 1 else ''}")
        if steadiness.totals["still"]:
            return Outcome("ok", 0.0, "no moving picture: one still picture throughout", (_whole(steadiness),))
        return _score(steadiness, shots)


def _whole(steadiness: FrameScores) -> Evidence:
    times_s = steadiness.times_s
    end_s = times_s[-1] + steadiness.totals["usual_interval_s"]
    return Evidence("span", "still picture", start_s=times_s[0], end_s=end_s)


def _score(steadiness: FrameScores, shots: Shots) -> Outcome:
    times_s = np.array(steadiness.times_s)
    columns = {
        name: np.array(steadiness.columns[name])
        for name in ("counted", "flicker", "warp_error", "jitter", "disorder", "held", "gap_s")
    }
    usual_s = steadiness.totals["usual_interval_s"]
    counted = columns["counted"] > 0
    first = np.searchsorted(times_s, np.array(shots.cuts_s) - 1e-6)
    last = np.maximum(np.searchsorted(times_s, np.array(shots.cuts_s) + CUT_S), first + 2)
    for start, stop in zip(first.tolist(), last.tolist(), strict=True):
        counted[start:stop] = False
    spans = _cut_spans(steadiness, first.tolist())
    at = np.flatnonzero(counted)
    if not len(at):
        reason = "no three new pictures in a row within a shot, a quarter of a second or less apart"
        return Outcome("abstained", None, reason, tuple(spans))
    columns["disorder"][1:] *= columns["held"][:-1] == 0  # next to a repeat there is no order to break
    ordered = counted & np.append(True, columns["held"][:-1] == 0)
    shown_s = np.minimum(np.diff(times_s, append=times_s[-1] + usual_s), usual_s)
    held_s = float(columns["held"] @ shown_s + columns["gap_s"].sum())
    measured = {
        "flicker": float(columns["flicker"][at].mean()),
        "boiling": steadiness.totals["block_flicker"],
        "warp error": float(columns["warp_error"][at].mean()),
        "jitter": float(columns["jitter"][at].mean()),
        "disorder": float(columns["disorder"][ordered].mean()) if ordered.any() else 0.0,
        "held": min(1.0, held_s / max(float(times_s[-1] - times_s[0]) + usual_s, 1e-6)),
    }
    score = 1.0
    parts: list[Evidence] = []
    for name, value in measured.items():
        half, power, unit = PARTS[name]
        part = 1.0 / (1.0 + (value / half) ** power)
        score *= part
        parts.append(Evidence("part", name, value=value, unit=unit, score=part))
    spans += _held_spans(steadiness, columns["held"], columns["gap_s"])
    spans += _worst_spans(steadiness, columns, at)
    curves = [_curve(name, times_s, np.where(counted, columns[name], 0.0)) for name in ("flicker", "warp_error")]
    reason = ""
    if score < 0.5:
        reason = "most of all " + min(parts, key=lambda part: part.score or 0.0).label
    return Outcome("ok", score, reason, (*parts, *spans, *curves))


def _end_s(steadiness: FrameScores, index: int) -> float:
    """When the frame at ``index`` leaves the screen."""
    times_s = steadiness.times_s
    if index + 1 < len(times_s):
        return times_s[index + 1]
    return times_s[-1] + steadiness.totals["usual_interval_s"]


def _cut_spans(steadiness: FrameScores, first: list[int]) -> list[Evidence]:
    times_s = steadiness.times_s
    return [
        Evidence("span", "cut", start_s=times_s[index], end_s=_end_s(steadiness, index))
        for index in first
        if index < len(times_s)
    ]


def _held_spans(steadiness: FrameScores, held: Any, gap_s: Any) -> list[Evidence]:
    """The longest holds, in order of time: each from the first repeat, or from when the next frame was due."""
    times_s = steadiness.times_s
    found: list[tuple[float, float, str]] = []
    places = np.flatnonzero(held).tolist()
    for index in places:
        start_s, end_s = times_s[index], _end_s(steadiness, index)
        if found and found[-1][1] == start_s:
            start_s = found.pop()[0]
        found.append((start_s, end_s, "held picture"))
    found = [(start, end, "frozen picture" if end - start >= FROZEN_S else label) for start, end, label in found]
    for index in np.flatnonzero(gap_s).tolist():
        found.append((times_s[index] - float(gap_s[index]), times_s[index], "missing frames"))
    longest = sorted(found, key=lambda span: (span[0] - span[1], span[0]))[:MOST_SPANS]
    spans = [
        Evidence("span", label, start_s=start, end_s=end, value=end - start, unit="s")
        for start, end, label in sorted(longest)
    ]
    if len(found) > MOST_SPANS:
        spans.append(Evidence("note", "held", text=f"{len(found)} holds and gaps; the {MOST_SPANS} longest are shown"))
    return spans


def _worst_spans(steadiness: FrameScores, columns: Mapping[str, Any], at: Any) -> list[Evidence]:
    """Up to three moments at which one of the values is worst against its half point."""
    names = {"flicker": "flicker", "warp error": "warp_error", "jitter": "jitter", "disorder": "disorder"}
    ratios = np.stack([columns[column][at] / PARTS[name][0] for name, column in names.items()])
    worst = ratios.max(axis=0)
    which = ratios.argmax(axis=0)
    spans: list[Evidence] = []
    taken: list[float] = []
    for place in np.argsort(-worst, kind="stable").tolist():
        if worst[place] < WORST_TIMES_HALF or len(spans) == WORST_MOMENTS:
            break
        index = int(at[place])
        t_s = steadiness.times_s[index]
        if any(abs(t_s - other) < WORST_APART_S for other in taken):
            continue
        taken.append(t_s)
        name = list(names)[int(which[place])]
        value = float(columns[names[name]][index])
        spans.append(
            Evidence(
                "span",
                f"worst {name}",
                value=value,
                unit=PARTS[name][2],
                start_s=steadiness.times_s[index - 1],
                end_s=_end_s(steadiness, index),
            )
        )
    return spans


def _curve(name: str, times_s: Any, values: Any) -> Evidence:
    """The values over time, largest of each of at most ``CURVE_POINTS`` stretches; 0 where nothing was counted."""
    step = -(-len(values) // CURVE_POINTS)
    starts = np.arange(0, len(values), step)
    label = name.replace("_", " ")
    peaks = np.maximum.reduceat(values, starts)
    return Evidence("curve", label, unit="% of range", x=tuple(times_s[starts].tolist()), y=tuple(peaks.tolist()))
