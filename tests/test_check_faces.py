"""Checks of faces, on observations made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from avgen_bench.constraints.sight import Sight
from avgen_bench.types import Constraint, FaceTracks, Lacking, MediaFacts, Payload, Prompt, StreamFacts, Verdict

LOOKS = tuple(index / 4 for index in range(16))

# start, end, person, and the confidence where it is not 0.92
Track = tuple[float, float, int] | tuple[float, float, int, float]


def media(picture: bool = True, duration_s: float = 4.0) -> MediaFacts:
    track = StreamFacts("h264", 0.0, duration_s, 96, 96, 0, 0.0, 0.0, size=(1280, 720), fps=24.0)
    return MediaFacts("mp4", duration_s, track if picture else None, None)


def faces(*tracks: Track, looks: tuple[float, ...] = LOOKS) -> FaceTracks:
    return FaceTracks(
        tuple(float(track[0]) for track in tracks),
        tuple(float(track[1]) for track in tracks),
        tuple(track[2] for track in tracks),
        tuple(1.0 for _ in tracks),
        tuple(float((*track, 0.92)[3]) for track in tracks),
        tuple((0.4, 0.2, 0.5, 0.4) for _ in tracks),
        looks,
        tuple(sum(track[0] <= look < track[1] for track in tracks) for look in looks),
    )


def check(kind: str, seen: Payload | Lacking, picture: bool = True, **params: Any) -> Verdict:
    constraint = Constraint("c1", kind, "", tuple(sorted(params.items())))
    sight = Sight(Prompt("p", constraints=(constraint,)), media(picture), {"faces": seen})
    verdict = sight.check(constraint)
    assert Verdict.from_json(verdict.to_json()).strict == verdict.strict
    return verdict


def count(seen: Payload | Lacking, low: int, high: int | None = None, picture: bool = True, **params: Any) -> Verdict:
    high = low if high is None else high
    return check("face_count", seen, picture, count_min=low, count_max=high, **params)


# --------------------------------------------------------------------------- face_count


@pytest.mark.parametrize(
    ("tracks", "wanted"),
    [
        ((), 0),
        (((0.0, 4.0, 0),), 1),
        (((0.0, 2.0, 0), (2.0, 4.0, 1)), 1),
        (((0.0, 4.0, 0), (1.0, 1.6, 1)), 2),
        (((0.0, 4.0, 0), (1.0, 1.25, 1)), 1),
        (((1.0, 1.3, 0), (1.3, 1.6, 1)), 1),
        (tuple((0.0, 4.0, person) for person in range(5)), 5),
    ],
)
def test_faces_seen_together_for_half_a_second_are_counted(tracks: tuple[Track, ...], wanted: int) -> None:
    verdict = count(faces(*tracks), wanted)
    assert (verdict.strict, verdict.loose, verdict.margin) == ("pass", "pass", 0.0)
    for other in {wanted - 1, wanted + 1} - {-1}:
        assert count(faces(*tracks), other).strict == "fail"


def test_a_near_miss_fails_with_its_distance_and_passes_loosely() -> None:
    verdict = count(faces((0.0, 4.0, 0), (1.0, 3.0, 1)), 1)
    assert (verdict.strict, verdict.loose, verdict.margin) == ("fail", "pass", -1.0)
    assert verdict.found == "2 faces"
    assert verdict.reason == "2 faces at once, not 1 face"
    assert (verdict.start_s, verdict.end_s) == (1.0, 3.0)
    assert count(faces(), 3).loose == "fail"


def test_a_range_is_met_anywhere_in_it() -> None:
    crowd = faces(*((0.0, 4.0, person) for person in range(4)))
    assert count(crowd, 3, 6).strict == "pass"
    verdict = count(crowd, 5, 9)
    assert (verdict.strict, verdict.margin) == ("fail", -1.0)
    assert "not 5 to 9 faces" in verdict.reason


def test_the_window_alone_counts_and_the_moment_is_when_all_are_there() -> None:
    seen = faces((2.0, 4.0, 0))
    assert count(seen, 0, window_start=0.0, window_end=0.5).strict == "pass"
    verdict = count(seen, 1)
    assert (verdict.strict, verdict.start_s, verdict.end_s) == ("pass", 2.0, 4.0)
    assert count(seen, 1, window_start=0.0, window_end=0.5).strict == "fail"
    # a cut a little early or late is not another number of faces
    assert count(faces((1.8, 4.0, 0)), 0, window_start=0.0, window_end=0.5).strict == "pass"


def test_what_may_be_a_face_decides_nothing() -> None:
    seen = faces((0.0, 4.0, 0), (0.0, 4.0, -1, 0.78))
    verdict = count(seen, 1)
    assert verdict.strict == verdict.loose == "unverifiable"
    assert verdict.reason == "1 face for sure; 1 more may be a face"
    assert count(seen, 2).strict == "unverifiable"
    assert count(seen, 3).strict == "fail"
    assert count(seen, 1, 2).strict == "pass"
    assert count(faces((0.0, 4.0, 0), (0.0, 4.0, -1, 0.65)), 1).strict == "pass"


def test_the_evidence_shows_each_face_and_the_count() -> None:
    verdict = count(faces((0.0, 4.0, 0), (1.0, 3.0, -1), (0.0, 1.0, 2, 0.77)), 2)
    spans = [item for item in verdict.evidence if item.kind == "span"]
    assert [item.label for item in spans] == ["face, person 1", "face, person unknown", "may be a face"]
    curve = verdict.evidence[-1]
    assert (curve.kind, len(curve.x), max(curve.y)) == ("curve", len(LOOKS), 2.0)


# --------------------------------------------------------------------------- same_face


def test_one_person_through_cuts_passes() -> None:
    verdict = check("same_face", faces((0.0, 1.0, 0), (2.0, 4.0, 0)))
    assert (verdict.strict, verdict.margin) == ("pass", 0.05)
    assert verdict.found == "1 person, one of them for 3.0 s of 3.0 s of face time"


def test_another_person_fails_where_he_is_seen() -> None:
    verdict = check("same_face", faces((0.0, 2.0, 0), (2.0, 4.0, 1)))
    assert (verdict.strict, verdict.loose) == ("fail", "fail")
    assert verdict.margin == pytest.approx(-0.45)
    assert (verdict.start_s, verdict.end_s) == (2.0, 4.0)
    assert "another face for 2.0 s, 50% of face time" in verdict.reason


def test_another_person_for_a_short_time_fails_and_passes_loosely() -> None:
    verdict = check("same_face", faces((0.0, 3.4, 0), (3.4, 4.0, 1)))
    assert (verdict.strict, verdict.loose) == ("fail", "pass")
    assert check("same_face", faces((0.0, 3.7, 0), (3.7, 4.0, 1))).strict == "pass"  # under half a second


def test_somebody_beside_counts_as_another() -> None:
    assert check("same_face", faces((0.0, 4.0, 0), (0.0, 2.0, 1))).strict == "fail"


def test_faces_that_nobody_can_tell_decide_nothing() -> None:
    verdict = check("same_face", faces((0.0, 2.0, 0), (2.0, 4.0, -1)))
    assert (verdict.strict, verdict.reason) == ("unverifiable", "for 2.0 s of 4.0 s nobody can tell whose face it is")
    assert check("same_face", faces((0.0, 4.0, -1))).strict == "unverifiable"
    assert check("same_face", faces((0.0, 2.0, 0), (2.0, 3.0, 1), (3.0, 4.0, -1))).strict == "fail"
    assert check("same_face", faces((0.0, 4.0, -1, 0.77))).strict == "unverifiable"


def test_what_may_be_a_face_may_be_another_or_the_same() -> None:
    assert check("same_face", faces((0.0, 3.0, 0), (0.0, 3.0, 1, 0.85))).strict == "unverifiable"
    assert check("same_face", faces((0.0, 3.0, 0), (3.0, 4.0, 0, 0.85))).strict == "pass"
    assert check("same_face", faces((0.0, 3.0, 0), (0.0, 3.0, -1, 0.7))).strict == "pass"


def test_no_face_fails() -> None:
    assert check("same_face", faces()).reason == "no face is seen for half a second"
    assert check("same_face", faces((1.0, 1.2, 0))).strict == "fail"


def test_the_window_alone_is_compared() -> None:
    seen = faces((0.0, 2.0, 0), (2.0, 4.0, 1))
    assert check("same_face", seen, window_start=0.5, window_end=1.0).strict == "pass"


# --------------------------------------------------------------------------- what is absent


@pytest.mark.parametrize("kind", ["face_count", "same_face"])
def test_a_clip_without_picture_fails_and_a_missing_instrument_cannot_tell(kind: str) -> None:
    params = {"count_min": 0, "count_max": 0} if kind == "face_count" else {}
    assert check(kind, faces(looks=()), picture=False, **params).strict == "fail"
    assert check(kind, faces(looks=()), **params).strict == "unverifiable"
    verdict = check(kind, Lacking("pip install it"), **params)
    assert verdict.strict == "unverifiable"
    assert "pip install it" in verdict.reason
