"""av_sync: the scale, when it speaks, why it does not, and what is at the floor."""

from __future__ import annotations

from dataclasses import replace

import pytest

from avgen_bench.dimensions.av_sync import AvSync, abstention, lag_score
from avgen_bench.types import LoudnessCurve, MediaFacts, Outcome, StreamFacts, SyncCurve

PICTURE = StreamFacts("h264", 0.0, 8.0, 192, 192, 0, 0.0, 0.0, size=(480, 270), fps=24.0)
TRACK = StreamFacts("aac", 0.0, 8.0, 384000, 375, 0, 0.0, 0.0, rate_hz=48000, channels=2)
BOTH = MediaFacts("mp4", 8.0, PICTURE, TRACK)
LOUD = LoudnessCurve((0.0, 0.1), (-20.0, -20.0), -20.0, 3.0, -3.0)
CLEAR = SyncCurve(
    (-40.0, 0.0, 40.0),
    (0.1, 3.0, 0.2),
    4.0,
    0.003,
    (0.5, 1.1, 2.0, 3.1),
    (0.25, 0.5, 0.375, 0.625),
    {"peak_z": 6.0, "second": 0.4, "matched": 1.0, "hits": 4.0, "halves_ms": -1.0},
)


def measure(curve: SyncCurve = CLEAR, media: MediaFacts = BOTH, loudness: LoudnessCurve = LOUD) -> Outcome:
    return AvSync().measure(None, media, {"onset_motion": curve, "loudness": loudness})


@pytest.mark.parametrize(
    ("lag_ms", "score"),
    [  # ITU-R BT.1359-1: detectable beyond 45 early and 125 late, acceptable to 90 early and 185 late
        (0.0, 1.0),
        (-45.0, 1.0),
        (125.0, 1.0),
        (-90.0, 0.5),
        (185.0, 0.5),
        (-67.5, 0.75),
        (155.0, 0.75),
        (-500.0, 0.0),
        (500.0, 0.0),
        (-900.0, 0.0),
        (900.0, 0.0),
        (342.5, 0.25),
    ],
)
def test_scale(lag_ms: float, score: float) -> None:
    assert lag_score(lag_ms) == pytest.approx(score)
    outcome = measure(replace(CLEAR, lag_ms=lag_ms))
    assert outcome.status == "ok" and outcome.value == pytest.approx(score)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"onsets_s": (0.5, 1.0)}, "too few sound onsets"),
        ({"lag_ms": None, "peak_p": None}, "no motion"),
        ({"peak_p": 0.2}, "no region stands out"),
        ({"totals": {**CLEAR.totals, "peak_z": 1.9}}, "no region stands out"),
        ({"totals": {**CLEAR.totals, "second": 0.97}}, "ambiguous lag"),
        ({"totals": {**CLEAR.totals, "matched": 0.3}}, "too few onsets"),
        ({"totals": {**CLEAR.totals, "hits": 2.0}}, "too few onsets"),
        ({"totals": {**CLEAR.totals, "halves_ms": 400.0}}, "halves"),
        ({"totals": {}}, "no region stands out"),
    ],
)
def test_it_abstains_with_the_reason(change: dict[str, object], word: str) -> None:
    curve = replace(CLEAR, **change)  # type: ignore[arg-type]
    outcome = measure(curve)
    assert outcome.status == "abstained" and word in outcome.reason
    assert outcome.reason == abstention(curve)
    assert outcome.evidence


def test_what_a_clip_must_have_and_lacks_is_the_floor() -> None:
    empty = SyncCurve((), (), None, None, (), None)
    quiet = LoudnessCurve((), (), None, 0.0, -90.0)
    for media, loudness, word in (
        (MediaFacts("mp4", 8.0, None, TRACK), LOUD, "picture"),
        (MediaFacts("mp4", 8.0, PICTURE, None), quiet, "no sound track"),
        (BOTH, quiet, "silent"),
    ):
        outcome = measure(empty, media, loudness)
        assert (outcome.status, outcome.value) == ("ok", 0.0) and word in outcome.reason


def test_evidence() -> None:
    kinds = {item.label: item for item in measure().evidence}
    assert kinds["lag"].unit == "ms" and kinds["lag"].value == 4.0 and kinds["lag"].score == 1.0
    assert kinds["strength"].value == 6.0
    assert kinds["lag curve"].x_unit == "ms" and kinds["lag curve"].x == CLEAR.lags_ms
    assert kinds["region"].text == "best region: x 25 to 38 %, y 50 to 62 % of the picture"
    assert sum(item.label == "sound onset" for item in measure().evidence) == 4
