"""Checks of loudness and silence, on observations made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from avgen_bench.constraints.base import kind_of
from avgen_bench.constraints.sight import Sight
from avgen_bench.types import (
    AudioScores,
    Constraint,
    Lacking,
    LoudnessCurve,
    MediaFacts,
    Payload,
    Prompt,
    StreamFacts,
    Verdict,
)

SECONDS = 8.0


def media(sound: bool = True) -> MediaFacts:
    picture = StreamFacts("h264", 0.0, SECONDS, 192, 192, 0, 0.0, 0.0, size=(320, 180), fps=24.0)
    track = StreamFacts("aac", 0.0, SECONDS, 384000, 400, 0, 0.0, 0.0, rate_hz=48000, channels=1)
    return MediaFacts("mp4", SECONDS, picture, track if sound else None)


def loudness(level_lufs: Callable[[float], float]) -> LoudnessCurve:
    times = tuple(round(0.2 + 0.1 * index, 3) for index in range(round((SECONDS - 0.4) / 0.1) + 1))
    levels = tuple(max(-120.0, level_lufs(t)) for t in times)
    heard = max(levels) > -70
    return LoudnessCurve(times, levels, max(levels) if heard else None, 0.0, max(levels) + 6)


def levels(level_dbfs: Callable[[float], float]) -> AudioScores:
    times = tuple(round(0.02 * index, 3) for index in range(round(SECONDS / 0.02)))
    values = tuple(level_dbfs(t + 0.01) for t in times)
    return AudioScores(times, 0.02, {"level_dbfs": values}, {"loudest_dbfs": max(values)})


def check(kind: str, seen: Payload | Lacking, sound: bool = True, **params: Any) -> Verdict:
    constraint = Constraint("c1", kind, "", tuple(sorted(params.items())))
    sight = Sight(Prompt("p", constraints=(constraint,)), media(sound), {kind_of(kind).facts.needs[0]: seen})
    verdict = sight.check(constraint)
    assert Verdict.from_json(verdict.to_json()).strict == verdict.strict
    return verdict


def between(start_s: float, end_s: float, inside: float, outside: float) -> Callable[[float], float]:
    return lambda t: inside if start_s <= t < end_s else outside


# --------------------------------------------------------------------------- loudness_trend


@pytest.mark.parametrize(
    ("direction", "rise_db", "strict", "loose"),
    [
        ("rises", 12.0, "pass", "pass"),
        ("rises", 4.5, "fail", "pass"),
        ("rises", 2.0, "fail", "fail"),
        ("rises", -12.0, "fail", "fail"),
        ("falls", -12.0, "pass", "pass"),
        ("falls", -4.5, "fail", "pass"),
        ("falls", 12.0, "fail", "fail"),
        ("steady", 1.0, "pass", "pass"),
        ("steady", -5.0, "fail", "pass"),
        ("steady", 8.0, "fail", "fail"),
    ],
)
def test_a_ramp(direction: str, rise_db: float, strict: str, loose: str) -> None:
    verdict = check("loudness_trend", loudness(lambda t: -30 + rise_db * t / SECONDS), direction=direction)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert f"{rise_db:+.1f} dB" in verdict.found
    assert verdict.margin is not None and (verdict.margin >= 0) == (strict == "pass")
    assert any(item.kind == "curve" for item in verdict.evidence)


@pytest.mark.parametrize("direction", ["rises", "falls", "steady"])
def test_up_and_down_again_is_none_of_them(direction: str) -> None:
    arc = loudness(lambda t: -20 - 4 * abs(t - SECONDS / 2))
    assert check("loudness_trend", arc, direction=direction).loose == "fail"


def test_beats_that_get_louder_rise_although_there_are_pauses() -> None:
    beats = loudness(lambda t: -30 + 12 * t / SECONDS if t % 0.8 < 0.35 else -65)
    assert check("loudness_trend", beats, direction="rises").strict == "pass"
    assert check("loudness_trend", beats, direction="steady").strict == "fail"


def test_only_the_window_counts() -> None:
    curve = loudness(lambda t: -20.0 if t < 4 else -40 + 3 * (t - 4))
    assert check("loudness_trend", curve, direction="rises", window_start=0.5, window_end=1.0).strict == "pass"
    assert check("loudness_trend", curve, direction="steady", window_start=0.0, window_end=0.45).strict == "pass"
    assert check("loudness_trend", curve, direction="rises").strict == "fail"


def test_the_amount_stated_is_what_is_asked() -> None:
    curve = loudness(lambda t: -40 + 10 * t / SECONDS)
    assert check("loudness_trend", curve, direction="rises", amount_db=9.0).strict == "pass"
    nearly = check("loudness_trend", curve, direction="rises", amount_db=12.0)
    assert (nearly.strict, nearly.loose) == ("fail", "pass")


@pytest.mark.parametrize("direction", ["rises", "falls", "steady"])
def test_without_sound_there_is_no_trend(direction: str) -> None:
    nothing = LoudnessCurve((), (), None, 0.0, -120.0)
    verdict = check("loudness_trend", nothing, sound=False, direction=direction)
    assert verdict.loose == "fail" and verdict.found == "no sound track"
    assert check("loudness_trend", loudness(lambda t: -120.0), direction=direction).loose == "fail"


def test_a_short_window_cannot_be_told() -> None:
    steady = loudness(lambda t: -20.0)
    verdict = check("loudness_trend", steady, direction="rises", window_start=0.0, window_end=0.06)
    assert verdict.strict == "unverifiable"


# --------------------------------------------------------------------------- louder_than

HALVES = {"window_start": 0.5, "window_end": 1.0, "other_start": 0.0, "other_end": 0.5}


@pytest.mark.parametrize(
    ("apart_db", "strict", "loose"),
    [(10.0, "pass", "pass"), (3.2, "pass", "pass"), (2.0, "fail", "pass"), (0.5, "fail", "fail"), (-9, "fail", "fail")],
)
def test_halves(apart_db: float, strict: str, loose: str) -> None:
    curve = loudness(between(4.0, 8.1, -30 + apart_db, -30))
    verdict = check("louder_than", curve, **HALVES)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.margin == pytest.approx(apart_db - 3, abs=0.3)


def test_sound_after_silence_is_louder_and_nothing_is_not() -> None:
    assert check("louder_than", loudness(between(4.0, 8.1, -30, -120)), **HALVES).strict == "pass"
    assert check("louder_than", loudness(lambda t: -120.0), **HALVES).loose == "fail"
    assert check("louder_than", LoudnessCurve((), (), None, 0.0, -120.0), sound=False, **HALVES).loose == "fail"


def test_a_stretch_of_a_moment_cannot_be_told() -> None:
    verdict = check(
        "louder_than", loudness(lambda t: -20.0), window_start=0.0, window_end=0.04, other_start=0.5, other_end=1.0
    )
    assert verdict.strict == "unverifiable"


# --------------------------------------------------------------------------- silence_during


@pytest.mark.parametrize(
    ("length_s", "strict", "loose"),
    [(2.4, "pass", "pass"), (1.8, "pass", "pass"), (1.6, "fail", "pass"), (1.2, "fail", "fail"), (0.0, "fail", "fail")],
)
def test_silence_of_two_seconds(length_s: float, strict: str, loose: str) -> None:
    curve = levels(between(3.0, 3.0 + length_s, -90.0, -20.0))
    verdict = check("silence_during", curve, duration_s=2.0)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    if length_s:
        assert verdict.start_s == pytest.approx(3.0, abs=0.03)
        assert verdict.end_s == pytest.approx(3.0 + length_s, abs=0.03)
    else:
        assert verdict.found == "no silence" and verdict.start_s is None


def test_quiet_is_not_silence() -> None:
    def soft(level: float) -> Verdict:
        return check("silence_during", levels(between(4.0, 8.0, level, -15.0)), window_start=0.5, window_end=1.0)

    assert soft(-45.0).loose == "fail"
    assert soft(-56.0).strict == "pass"  # 41 dB below the loudest
    hushed = levels(between(4.0, 8.0, -62.0, -40.0))  # below hearing, whatever the rest
    assert check("silence_during", hushed, window_start=0.5, window_end=1.0).strict == "pass"


def test_a_strike_breaks_the_silence() -> None:
    curve = levels(lambda t: -20.0 if t < 4.0 or 6.0 <= t < 6.1 else -90.0)
    verdict = check("silence_during", curve, window_start=0.5, window_end=1.0)
    assert verdict.loose == "fail"
    assert "1.9" in verdict.reason or "2.0" in verdict.reason


def test_a_window_in_which_it_is_loud_elsewhere() -> None:
    curve = levels(between(0.0, 2.0, -90.0, -20.0))
    assert check("silence_during", curve, window_start=0.0, window_end=0.25).strict == "pass"
    assert check("silence_during", curve, window_start=0.75, window_end=1.0).loose == "fail"


def test_no_sound_at_all_is_silence() -> None:
    verdict = check("silence_during", levels(lambda t: -20.0), sound=False, duration_s=2.0)
    assert (verdict.strict, verdict.found) == ("pass", "no sound track")
    assert check("silence_during", levels(lambda t: -120.0), duration_s=8.0).strict == "pass"


def test_sound_that_ends_before_the_picture_leaves_silence() -> None:
    times = tuple(0.02 * index for index in range(300))
    curve = AudioScores(times, 0.02, {"level_dbfs": (-20.0,) * 300}, {"loudest_dbfs": -20.0})
    assert check("silence_during", curve, window_start=0.75, window_end=1.0).strict == "pass"


@pytest.mark.parametrize(
    ("kind", "params"),
    [("loudness_trend", {"direction": "rises"}), ("louder_than", HALVES), ("silence_during", {"duration_s": 2.0})],
)
def test_without_its_instrument_nothing_can_be_told(kind: str, params: dict[str, Any]) -> None:
    verdict = check(kind, Lacking("pip install it"), **params)
    assert (verdict.strict, verdict.loose) == ("unverifiable", "unverifiable")
    assert "pip install it" in verdict.reason
