"""What the checkers of speed, light and colours say of hand-made observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from avgen_bench.constraints.base import COLOURS, kind_of
from avgen_bench.constraints.sight import Sight
from avgen_bench.types import (
    Constraint,
    FrameScores,
    Lacking,
    MediaFacts,
    Payload,
    Prompt,
    Shots,
    StreamFacts,
    Verdict,
)

PICTURE = StreamFacts("h264", 0.0, 8.0, 192, 192, 0, 0.04, 0.0, (640, 360), 24.0)
HALVES = {"window_start": 0.5, "window_end": 1.0, "other_start": 0.0, "other_end": 0.5}


def check(
    kind: str, seen: Mapping[str, Payload | Lacking], *, picture: StreamFacts | None = PICTURE, **params: Any
) -> Verdict:
    constraint = Constraint("c1", kind, "words", tuple(sorted(params.items())))
    media = MediaFacts("mp4", 8.0, picture, None)
    return Sight(Prompt("p", constraints=(constraint,)), media, seen).check(constraint)


def moving(*speeds: float, cuts: tuple[float, ...] = ()) -> dict[str, Payload | Lacking]:
    """Equal stretches of speeds over 8 s."""
    slots = [speeds[index * len(speeds) // 32] for index in range(32)]
    times_s = tuple(0.25 * index for index in range(32))
    return {
        "motion": FrameScores(times_s, {"speed": tuple(slots), "share": (0.1,) * 32}),
        "cuts": Shots(cuts, (1.0,) * len(cuts)),
    }


def shown(*stretches: Mapping[str, float]) -> dict[str, Payload | Lacking]:
    """Equal stretches of shares over 8 s; ``luma`` is 0.4 where it is not said."""
    rows = [stretches[index * len(stretches) // 32] for index in range(32)]
    columns = {
        name: tuple(row.get(name, 0.4 if name == "luma" else 0.0) for row in rows) for name in ("luma", *COLOURS)
    }
    return {"colours": FrameScores(tuple(0.25 * index for index in range(32)), columns)}


KINDS = {
    "playing_speed": {"speed_factor": 0.25, **HALVES},
    "brightness_trend": {"direction": "rises"},
    "colour_trend": {"colour": "red", "colour_to": "blue"},
    "dominant_colour": {"colour": "red"},
    "ends_on_colour": {"colour": "black"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_picture_fails(kind: str) -> None:
    assert check(kind, {}, picture=None, **KINDS[kind]).strict == "fail"


@pytest.mark.parametrize("kind", KINDS)
def test_missing_instrument_is_unverifiable(kind: str) -> None:
    seen = {name: Lacking("install it") for name in kind_of(kind).facts.needs}
    verdict = check(kind, seen, **KINDS[kind])
    assert verdict.strict == "unverifiable" and "install it" in verdict.reason


@pytest.mark.parametrize("kind", KINDS)
def test_no_looks_are_unverifiable(kind: str) -> None:
    seen: dict[str, Payload | Lacking] = {
        "motion": FrameScores((), {"speed": (), "share": ()}),
        "cuts": Shots((), ()),
        "colours": FrameScores((), {name: () for name in ("luma", *COLOURS)}),
    }
    assert check(kind, seen, **KINDS[kind]).strict == "unverifiable"


@pytest.mark.parametrize(
    ("factor", "before", "after", "strict", "loose"),
    [
        (0.25, 0.4, 0.1, "pass", "pass"),
        (0.25, 0.4, 0.15, "pass", "pass"),
        (0.25, 0.4, 0.2, "fail", "pass"),
        (0.25, 0.4, 0.4, "fail", "fail"),
        (0.25, 0.1, 0.4, "fail", "fail"),
        (4.0, 0.1, 0.4, "pass", "pass"),
        (1.0, 0.3, 0.32, "pass", "pass"),
        (10.0, 0.1, 0.4, "fail", "pass"),
    ],
)
def test_playing_speed(factor: float, before: float, after: float, strict: str, loose: str) -> None:
    verdict = check("playing_speed", moving(before, after), speed_factor=factor, **HALVES)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.start_s == 4.0 and verdict.end_s == 8.0
    assert f"{after / before:.3g} times as fast" in verdict.found


def test_margin_is_a_factor() -> None:
    verdict = check("playing_speed", moving(0.4, 0.12), speed_factor=0.25, **HALVES)
    assert verdict.margin == pytest.approx(1.6 - 1.2)


def test_pauses_and_cuts_do_not_count() -> None:
    pausing = moving(0.4, 0.0, 0.4, 0.4, 0.1, 0.0, 0.1, 0.1)
    assert check("playing_speed", pausing, speed_factor=0.25, **HALVES).margin == pytest.approx(0.6)
    cut = moving(*([0.4] * 16), *([0.1] * 8), 3.0, *([0.1] * 7), cuts=(6.1,))
    assert check("playing_speed", cut, speed_factor=0.25, **HALVES).margin == pytest.approx(0.6)


@pytest.mark.parametrize(("before", "after", "reason"), [(0.0, 0.0, "nothing moves"), (0.4, 0.0, "in the window")])
def test_nothing_that_moves_fails(before: float, after: float, reason: str) -> None:
    verdict = check("playing_speed", moving(before, after), speed_factor=0.25, **HALVES)
    assert verdict.strict == "fail" and reason in verdict.reason


def test_speed_of_a_ladder() -> None:
    verdict = check("playing_speed", moving(0.3), speed_factor=0.5)
    assert verdict.strict == "unverifiable" and "ladder" in verdict.reason
    assert (
        check("playing_speed", moving(0.3), speed_factor=1.0).strict == "unverifiable"
    )  # one clip alone has no reference
    assert check("playing_speed", moving(0.0), speed_factor=1.0).strict == "fail"


@pytest.mark.parametrize(
    ("direction", "first", "last", "strict", "loose"),
    [
        ("rises", 0.3, 0.5, "pass", "pass"),
        ("rises", 0.3, 0.38, "fail", "pass"),
        ("rises", 0.3, 0.33, "fail", "fail"),
        ("rises", 0.5, 0.3, "fail", "fail"),
        ("falls", 0.5, 0.3, "pass", "pass"),
        ("falls", 0.3, 0.3, "fail", "fail"),
        ("steady", 0.3, 0.32, "pass", "pass"),
        ("steady", 0.3, 0.44, "fail", "pass"),
        ("steady", 0.3, 0.6, "fail", "fail"),
    ],
)
def test_brightness(direction: str, first: float, last: float, strict: str, loose: str) -> None:
    seen = shown({"luma": first}, {"luma": (first + last) / 2}, {"luma": (first + last) / 2}, {"luma": last})
    verdict = check("brightness_trend", seen, direction=direction)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert f"{first:.2f}" in verdict.found


def test_steady_light_does_not_dip() -> None:
    seen = shown({"luma": 0.5}, {"luma": 0.5}, {"luma": 0.2}, {"luma": 0.5}, {"luma": 0.5})
    assert check("brightness_trend", seen, direction="steady").strict == "fail"


def test_brightness_in_a_window() -> None:
    seen = shown({"luma": 0.6}, {"luma": 0.1}, {"luma": 0.6}, {"luma": 0.6})
    verdict = check("brightness_trend", seen, direction="falls", window_start=0.0, window_end=0.5)
    assert verdict.strict == "pass" and verdict.margin == pytest.approx(0.4) and verdict.end_s == 4.0


@pytest.mark.parametrize(
    ("first", "last", "strict", "loose", "reason"),
    [
        ({"red": 0.8}, {"blue": 0.7}, "pass", "pass", ""),
        ({"red": 0.8}, {"red": 0.72, "blue": 0.09}, "fail", "pass", "red does not give way and blue does not come up"),
        ({"red": 0.8}, {"green": 0.7}, "fail", "fail", "blue does not come up"),
        ({"green": 0.8}, {"blue": 0.7}, "fail", "fail", "red does not give way"),
        ({"blue": 0.8}, {"red": 0.7}, "fail", "fail", "red does not give way and blue does not come up"),
    ],
)
def test_colour_trend(first: dict[str, float], last: dict[str, float], strict: str, loose: str, reason: str) -> None:
    verdict = check("colour_trend", shown(first, first, last, last), colour="red", colour_to="blue")
    assert (verdict.strict, verdict.loose, verdict.reason) == (strict, loose, reason)


@pytest.mark.parametrize(
    ("colour", "shares", "strict", "loose", "reason"),
    [
        ("red", {"red": 0.4, "grey": 0.6}, "pass", "pass", ""),
        ("red", {"red": 0.2, "grey": 0.8}, "fail", "pass", "red holds 20% only"),
        ("red", {"red": 0.05, "grey": 0.95}, "fail", "fail", "red holds 5% only"),
        ("red", {"red": 0.4, "blue": 0.6}, "fail", "fail", "blue holds more than red"),
        ("grey", {"grey": 0.4, "blue": 0.6}, "fail", "fail", "blue holds more than grey"),
        ("grey", {"grey": 0.6, "blue": 0.4}, "pass", "pass", ""),
        ("white", {"black": 1.0}, "fail", "fail", "black holds more than white"),
    ],
)
def test_dominant_colour(colour: str, shares: dict[str, float], strict: str, loose: str, reason: str) -> None:
    verdict = check("dominant_colour", shown(shares), colour=colour)
    assert (verdict.strict, verdict.loose, verdict.reason) == (strict, loose, reason)
    assert f"{colour} {shares.get(colour, 0):.0%}" in verdict.found


def test_dominant_colour_in_a_window() -> None:
    seen = shown({"blue": 1.0}, {"red": 1.0})
    assert check("dominant_colour", seen, colour="red", window_start=0.5, window_end=1.0).strict == "pass"
    assert check("dominant_colour", seen, colour="red", window_start=0.0, window_end=0.5).strict == "fail"


@pytest.mark.parametrize(
    ("stretches", "strict", "loose", "reason"),
    [
        ([{"green": 1.0}, {"black": 1.0}], "pass", "pass", ""),
        ([{"green": 1.0}, {"black": 0.85}], "fail", "pass", "black holds 85% of the end only"),
        ([{"green": 1.0}, {"black": 1.0}, {"green": 1.0}], "fail", "fail", "the end is not black"),
        ([{"green": 1.0}], "fail", "fail", "the end is not black"),
        ([{"black": 1.0}], "fail", "fail", "all is black from the start: nothing ends"),
    ],
)
def test_ends_on_colour(stretches: list[dict[str, float]], strict: str, loose: str, reason: str) -> None:
    verdict = check("ends_on_colour", shown(*stretches), colour="black")
    assert (verdict.strict, verdict.loose, verdict.reason) == (strict, loose, reason)
    assert (verdict.start_s, verdict.end_s) == (7.75, 8.0)
