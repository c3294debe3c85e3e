"""How clear the picture looks: the product of six parts per frame, pooled over time.

Scale
    1: no measurable damage. 0.5: one plainly visible fault, such as noise of 8 codes, a blur of 2.5 pixels, or visible
    bands over every smooth area. 0: nothing of the picture is left clean; also the floor for a clip without a picture
    track or with a blank picture. A frame's score is the product of its parts, so that any one damage lowers it and
    none can make up for another:

    ========== ============================================= ================================= ================
    part       measured as x                                 score                             half point
    ========== ============================================= ================================= ================
    sharpness  octaves of detail lost, of the finest four    1 / (1 + (x / 1.5)^2)             1.5 octaves
    noise      standard deviation of white noise             1 / (1 + (x / 8)^1.5)             8 codes
    blockiness visible excess of steps on the 8-pixel grid   1 / (1 + (x / 0.2)^1.5)           0.2 codes
    banding    share of luma change in lone steps            1 / (1 + (x / 0.2)^1.5)           0.2
    nature     shape of contrast-normalised luma, up to 1.4  0.8 + 0.2 / (1 + (0.5 / x)^4)     none: 0.8 at least
    exposure   spread of the tones, clipped share            see ``_exposure``                 none: 0.36 at least
    ========== ============================================= ================================= ================

    An octave's loss is the square of its slope over -4, the slope of an empty octave (see the ``clarity`` backbone), so
    that the slopes down to about -1.7 that optics and codecs leave cost little. The finest octave counts half: it is
    the least visible, and the edges that a codec makes fall into it. Nature and exposure are gentle because drawings,
    title cards and night scenes are no faults. Above 1.4 the shape earns nothing, since only noise lifts it further.

    The clip's score is 0.7 of the mean over frames plus 0.3 of the mean over the worst quarter: people remember the
    worst moments (Park et al. 2013). Blank frames, such as fades to black, are left out of both.

    Sharpness is per pixel of the clip's own size, so a soft clip gains when it is made smaller, and what hides a fault
    from every viewer (a blur over blocks) may raise the score of a clip that had it.

How the constants were chosen: half points by the meaning of the measure (noise of 8 codes is a PSNR of 30 dB), powers
so that the untouched calibration clips keep more than 0.9 per part and step 1 of each ladder of
:mod:`avgen_bench.factory.damage_picture` costs a few per cent or more. Between a few variants that do equally well
there (weight of the finest octave, half point and power of blockiness, weight of nature), the choice was made with the
ladders of all eight example clips in view; the measure of blockiness itself, the leniency of exposure, the half point
of noise and the chance margin for small frames were also changed after looking at them. So those ladders are a check of
the form, not an independent test of these constants. Nothing is fitted to people's opinions.

Reference: J. Park, K. Seshadrinathan, S. Lee, A. Bovik, IEEE TIP 22 (2013), pooling by the worst moments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from avgen_bench.types import DimensionFacts, Evidence, FrameScores, MediaFacts, Outcome, Payload, Prompt

__all__ = ["PARTS", "VisualQuality"]

PARTS = ("sharpness", "noise", "blockiness", "banding", "nature", "exposure")
_UNITS = ("octaves lost", "codes", "codes", "share", "shape", "share of range")
_SLOPES = {"slope_1": 0.5, "slope_2": 1.0, "slope_3": 1.0, "slope_4": 1.0}
_EMPTY_SLOPE = -4.0
_BLACK, _RANGE = 16.0, 219.0
_WORST_SHARE, _WORST_WEIGHT = 0.25, 0.3

_Row = dict[str, float]


def _falling(value: float, half: float, power: float) -> float:
    return 1.0 / (1.0 + math.pow(max(0.0, value) / half, power))


def _octaves_lost(row: _Row) -> float:
    shares = {name: min(1.0, max(0.0, row[name] / _EMPTY_SLOPE)) for name in _SLOPES}
    return sum(_SLOPES[name] * share * share for name, share in shares.items())


def _exposure(row: _Row) -> tuple[float, float]:
    """The spread of tones as a share of the video range, and the score.

    The score is 1 where the lights reach 15 % up from black, the shadows 15 % down from white, the two lie 10 % apart
    and no more than a quarter is clipped. It falls with the root of what is missing, to 0.6 where there is no spread,
    and to 0.6 of that where all is clipped.
    """
    up = (row["high_luma"] - _BLACK) / _RANGE
    down = (_BLACK + _RANGE - row["low_luma"]) / _RANGE
    spread = (row["high_luma"] - row["low_luma"]) / _RANGE
    reach = 1.0
    for have, enough in ((up, 0.15), (down, 0.15), (spread, 0.1)):
        reach *= min(1.0, max(0.0, have / enough))
    clipped = min(1.0, max(0.0, row["clipped_share"] - 0.25) / 0.75)
    return spread, (0.6 + 0.4 * math.sqrt(reach)) * (1.0 - 0.4 * clipped)


def _parts(row: _Row) -> tuple[tuple[float, float], ...]:
    """(value, score) of each part of one frame, in the order of ``PARTS``."""
    lost = _octaves_lost(row)
    shape = min(1.4, max(1e-3, row["mscn_shape"]))
    return (
        (lost, _falling(lost, 1.5, 2.0)),
        (row["noise_codes"], _falling(row["noise_codes"], 8.0, 1.5)),
        (row["blockiness_codes"], _falling(row["blockiness_codes"], 0.2, 1.5)),
        (row["band_share"], _falling(row["band_share"], 0.2, 1.5)),
        (row["mscn_shape"], 0.8 + 0.2 / (1.0 + (0.5 / shape) ** 4)),
        _exposure(row),
    )


def _blank(row: _Row) -> bool:
    """Whether a frame shows nothing: its tones lie within two codes and it has no coarse detail."""
    return row["high_luma"] - row["low_luma"] < 2.0 and row["structure_codes"] < 0.5


def _pooled(values: list[float]) -> float:
    worst = sorted(values)[: max(1, math.ceil(len(values) * _WORST_SHARE))]
    mean = sum(values) / len(values)
    return (1 - _WORST_WEIGHT) * mean + _WORST_WEIGHT * sum(worst) / len(worst)


class VisualQuality:
    """Dimension: clarity of the picture in [0, 1], needing no prompt."""

    facts: ClassVar[DimensionFacts] = DimensionFacts(
        name="visual_quality",
        family="perceptual",
        version="1",
        unit="score",
        low=0.0,
        high=1.0,
        floor=0.0,
        direction=1,
        needs=("clarity",),
        summary="freedom of the picture from blur, noise, blocks, bands, flattening and bad exposure",
        scale="1: no measurable damage; 0.5: one plainly visible fault; 0: no picture, or nothing of it left clean",
        reference="parts: see the clarity backbone; pooling: Park et al. 2013",
    )

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload]) -> Outcome:
        """The pooled score with its six parts, the worst moment and the curve over time.

        A clip without a picture track or with a blank picture is ok at the floor; a picture track of which no frame
        was seen is abstained.
        """
        if media.picture is None:
            return Outcome("ok", self.facts.floor, "no picture track")
        scores = seen["clarity"]
        if not isinstance(scores, FrameScores):
            raise TypeError(f"clarity gave {type(scores).__name__}; expected FrameScores")
        times_s = scores.times_s
        if not times_s:
            return Outcome("abstained", None, "no frame of the picture was sampled")
        rows = [{name: column[i] for name, column in scores.columns.items()} for i in range(len(times_s))]
        shown = [i for i, row in enumerate(rows) if not _blank(row)]
        if not shown:
            return Outcome("ok", self.facts.floor, "blank picture")
        parts = [_parts(rows[i]) for i in shown]
        per_frame = [math.prod(score for _, score in frame) for frame in parts]
        value = _pooled(per_frame)

        evidence = []
        for k, (name, unit) in enumerate(zip(PARTS, _UNITS, strict=True)):
            column = [frame[k] for frame in parts]
            mean = sum(raw for raw, _ in column) / len(column)
            evidence.append(Evidence("part", name, mean, unit, _pooled([score for _, score in column])))
        worst = min(range(len(shown)), key=lambda i: per_frame[i])
        at = shown[worst]
        end_s = times_s[at + 1] if at + 1 < len(times_s) else max(media.picture.end_s, times_s[at])
        weakest = min(range(len(PARTS)), key=lambda k: parts[worst][k][1])
        evidence.append(
            Evidence(
                "span",
                "worst moment",
                per_frame[worst],
                "score",
                start_s=times_s[at],
                end_s=end_s,
                text=f"{PARTS[weakest]} costs most: {parts[worst][weakest][0]:.3g} {_UNITS[weakest]}",
            )
        )
        evidence.append(
            Evidence("curve", "clarity", unit="score", x=tuple(times_s[i] for i in shown), y=tuple(per_frame))
        )
        if len(shown) < len(rows):
            text = f"{len(rows) - len(shown)} of {len(rows)} sampled frames are blank and left out"
            evidence.append(Evidence("note", "blank frames", text=text))
        return Outcome("ok", value, "", tuple(evidence))
