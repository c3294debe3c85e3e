"""Human faces: how many, and whose."""

from __future__ import annotations

from collections.abc import Sequence

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed, unverifiable
from avgen_bench.types import Constraint, Evidence, FaceTracks, Verdict

__all__ = ["FaceCount", "SameFace"]

SURE = 0.88
"""Confidence from which a track is a face; 99 of 100 faces of the calibration clips reach 0.9, a plush ape 0.87."""
MAYBE = 0.75
"""Confidence below which a track is none (cups and glasses reach 0.71); between the two nobody can tell."""
LEAST_S = 0.5
"""Faces count that are seen for so long, or throughout a window that is shorter."""
SLACK_S = 0.02
"""A frame, more or less."""


class FaceCount(Kind):
    """So many human faces are seen at once."""

    facts = KindFacts(
        kind="face_count",
        theme="faces",
        summary="as many human faces are seen at once, at the most, as stated",
        check="Faces are detected and tracked; the largest number that is seen together for half a second in the "
        "window must lie in the range. Where a detection that may or may not be a face decides, it cannot be verified.",
        required=("count_min", "count_max"),
        optional=WINDOW,
        tolerance=Tolerance(0.0, 1.0, "faces"),
        has_moment=True,
        needs=("faces",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the number is in the range; the margin is how far it lies outside, in faces."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        seen: FaceTracks = sight.of("faces")
        start_s, end_s = sight.window(constraint)
        if not seen.looks_s:
            return unverifiable(constraint, "no picture was looked at")
        evidence = _evidence(seen, start_s, end_s)
        low, high = constraint.get("count_min"), constraint.get("count_max")
        count, moment = _together(seen, _tracks(seen, SURE), start_s, end_s)
        at_most, _ = _together(seen, _tracks(seen, MAYBE), start_s, end_s)
        found = _faces(count)
        errors = [max(low - number, number - high, 0) for number in (count, at_most)]
        if (errors[0] == 0) != (errors[1] == 0):
            doubt = at_most - count
            reason = f"{found} for sure; {doubt} more may be {'a face' if doubt == 1 else 'faces'}"
            return unverifiable(constraint, reason, found, evidence)
        wanted = _faces(low) if low == high else f"{low} to {_faces(high)}"
        where = {} if moment is None else {"start_s": moment[0], "end_s": moment[1]}
        return by_error(
            constraint, float(errors[0]), found, f"{found} at once, not {wanted}", evidence=evidence, **where
        )


class SameFace(Kind):
    """One and the same face throughout."""

    facts = KindFacts(
        kind="same_face",
        theme="faces",
        summary="one and the same person's face is seen whenever a face is, through every cut",
        check="Embeddings of all face tracks of half a second or more, in the window, must fall into one identity; "
        "the share of face time that belongs to another must be within tolerance. No face fails. Where faces that "
        "nobody can tell apart (turned away, small, half alike) decide, it cannot be verified.",
        optional=WINDOW,
        tolerance=Tolerance(0.05, 0.2, "share of face time"),
        needs=("faces",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether all face time is one person's; the margin is in shares of face time."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture track")
        seen: FaceTracks = sight.of("faces")
        start_s, end_s = sight.window(constraint)
        if not seen.looks_s:
            return unverifiable(constraint, "no picture was looked at")
        evidence = _evidence(seen, start_s, end_s)
        times_s = _face_times(seen, start_s, end_s)
        total_s = sum(times_s.values())
        if not total_s:
            return failed(constraint, "no face", "no face is seen for half a second", evidence=evidence)
        if not any(_is_long(seen, i, start_s, end_s) for i in _tracks(seen, SURE)):
            return unverifiable(constraint, "what is seen may or may not be a face", "no face for sure", evidence)
        unknown_s = times_s.pop(-1, 0.0)
        if not times_s:
            return unverifiable(
                constraint, "every face is too small or turned away to tell", f"a face for {total_s:.1f} s", evidence
            )
        main = max(times_s, key=lambda person: (times_s[person], -person))
        other_s = sum(times_s.values()) - times_s[main]
        people = len(times_s)
        found = "1 person" if people == 1 else f"{people} people"
        found += f", one of them for {times_s[main]:.1f} s of {total_s:.1f} s of face time"
        share, at_most = other_s / total_s, (other_s + unknown_s) / total_s
        tolerance = self.facts.tolerance
        if tolerance is not None and share <= tolerance.strict < at_most:
            reason = f"for {unknown_s:.1f} s of {total_s:.1f} s nobody can tell whose face it is"
            return unverifiable(constraint, reason, found, evidence)
        spans = [
            (max(seen.starts_s[i], start_s), min(seen.ends_s[i], end_s))
            for i in _tracks(seen, SURE)
            if seen.identities[i] not in (main, -1) and _is_long(seen, i, start_s, end_s)
        ]
        first = min(spans, default=None)
        where = {} if first is None else {"start_s": first[0], "end_s": first[1]}
        reason = f"another face for {other_s:.1f} s, {share:.0%} of face time"
        return by_error(constraint, share, found, reason, evidence=evidence, **where)


def _faces(count: int) -> str:
    return "no face" if count == 0 else "1 face" if count == 1 else f"{count} faces"


def _tracks(seen: FaceTracks, least: float) -> list[int]:
    return [index for index, confidence in enumerate(seen.confidences) if confidence >= least]


def _least_s(start_s: float, end_s: float) -> float:
    return min(LEAST_S, end_s - start_s) - SLACK_S


def _together(
    seen: FaceTracks, tracks: Sequence[int], start_s: float, end_s: float
) -> tuple[int, tuple[float, float] | None]:
    """The largest number of faces seen together long enough, and the first stretch in which they are."""
    spans = [(max(seen.starts_s[i], start_s), min(seen.ends_s[i], end_s)) for i in tracks]
    spans = [span for span in spans if span[1] > span[0]]
    for count in range(len(spans), 0, -1):
        stretch: list[float] = []
        for t_s in sorted({edge for span in spans for edge in span}):
            here = sum(first <= t_s < last for first, last in spans)
            if here >= count and not stretch:
                stretch = [t_s]
            elif here < count and stretch:
                if t_s - stretch[0] >= _least_s(start_s, end_s):
                    return count, (stretch[0], t_s)
                stretch = []
    return 0, None


def _is_long(seen: FaceTracks, index: int, start_s: float, end_s: float) -> bool:
    length_s = min(seen.ends_s[index], end_s) - max(seen.starts_s[index], start_s)
    return length_s > 0 and length_s >= _least_s(start_s, end_s)


def _face_times(seen: FaceTracks, start_s: float, end_s: float) -> dict[int, float]:
    """Seconds of face by person (-1: unknown), in the window, of tracks that are long enough.

    What may be a face is one when it is that of somebody who is seen for sure, else unknown.
    """
    sure = {seen.identities[index] for index in _tracks(seen, SURE)}
    out: dict[int, float] = {}
    for index in _tracks(seen, MAYBE):
        if _is_long(seen, index, start_s, end_s):
            person = seen.identities[index] if seen.identities[index] in sure else -1
            out[person] = out.get(person, 0.0) + min(seen.ends_s[index], end_s) - max(seen.starts_s[index], start_s)
    return out


def _evidence(seen: FaceTracks, start_s: float, end_s: float) -> tuple[Evidence, ...]:
    """When each face is seen and whose it is, and how many there are at each look."""
    spans = []
    for index in _tracks(seen, MAYBE):
        first, last = max(seen.starts_s[index], start_s), min(seen.ends_s[index], end_s)
        if last <= first:
            continue
        person = seen.identities[index]
        label = "face, person unknown" if person < 0 else f"face, person {person + 1}"
        if seen.confidences[index] < SURE:
            label = "may be a face"
        spans.append(Evidence("span", label, seen.confidences[index], start_s=first, end_s=last, box=seen.boxes[index]))
    curve = Evidence("curve", "faces", unit="faces", x=seen.looks_s, y=tuple(float(count) for count in seen.counts))
    return (*spans, curve)
