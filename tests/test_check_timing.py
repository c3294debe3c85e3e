"""Checks of counts, rates, times and order, on observations made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from avgen_bench.constraints.sight import Sight
from avgen_bench.types import (
    AudioScores,
    Constraint,
    Lacking,
    MediaFacts,
    Onsets,
    Payload,
    Prompt,
    Shots,
    StreamFacts,
    Verdict,
)

SECONDS = 8.0


def media(sound: bool = True, duration_s: float = SECONDS) -> MediaFacts:
    picture = StreamFacts("h264", 0.0, duration_s, 192, 192, 0, 0.0, 0.0, size=(320, 180), fps=24.0)
    track = StreamFacts("aac", 0.0, duration_s, 384000, 400, 0, 0.0, 0.0, rate_hz=48000, channels=1)
    return MediaFacts("mp4", duration_s, picture, track if sound else None)


def onsets(*times_s: float) -> Onsets:
    return Onsets(tuple(times_s), (20.0,) * len(times_s))


def constraint(kind: str, name: str = "c1", **params: Any) -> Constraint:
    return Constraint(name, kind, "", tuple(sorted(params.items())))


def check(
    asked: Constraint,
    seen: Mapping[str, Payload | Lacking],
    others: Sequence[Constraint] = (),
    sound: bool = True,
    duration_s: float = SECONDS,
) -> Verdict:
    prompt = Prompt("p", constraints=(*others, asked))
    verdict = Sight(prompt, media(sound, duration_s), seen).check(asked)
    assert Verdict.from_json(verdict.to_json()).strict == verdict.strict
    return verdict


def timed(kind: str, *times_s: float, sound: bool = True, **params: Any) -> Verdict:
    return check(constraint(kind, event="knock", **params), {"onsets": onsets(*times_s)}, sound=sound)


# --------------------------------------------------------------------------- event_count


@pytest.mark.parametrize(
    ("times_s", "strict", "loose"),
    [
        ((1.0, 2.0, 3.0), "pass", "pass"),
        ((1.0, 2.0), "fail", "pass"),
        ((1.0, 2.0, 3.0, 4.0), "fail", "pass"),
        ((1.0, 2.0, 3.0, 4.0, 5.0), "fail", "fail"),
        ((), "fail", "fail"),
    ],
)
def test_three_knocks(times_s: tuple[float, ...], strict: str, loose: str) -> None:
    verdict = timed("event_count", *times_s, count_min=3, count_max=3)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.margin == -abs(len(times_s) - 3)
    assert all(f"{t:.2f}" in verdict.found for t in times_s)
    assert verdict.start_s == (times_s[0] if times_s else None)


def test_a_range_and_none_at_all() -> None:
    assert timed("event_count", 1.0, 2.0, 3.0, count_min=2, count_max=4).strict == "pass"
    assert timed("event_count", count_min=0, count_max=0).strict == "pass"
    assert timed("event_count", sound=False, count_min=0, count_max=0).strict == "pass"
    assert timed("event_count", sound=False, count_min=1, count_max=1).found == "no sound track"


def test_only_the_window_counts_and_its_edges_are_kind() -> None:
    half = {"count_min": 2, "count_max": 2, "window_start": 0.0, "window_end": 0.5}
    assert timed("event_count", 1.0, 2.0, 5.0, 6.0, **half).strict == "pass"
    assert timed("event_count", 1.0, 4.05, 6.0, **half).strict == "pass"
    assert timed("event_count", 1.0, 2.0, 3.95, **half).strict == "pass"
    assert timed("event_count", 1.0, 4.2, 6.0, **half).strict == "fail"
    last = {"count_min": 1, "count_max": 1, "window_start": 0.5, "window_end": 1.0}
    assert timed("event_count", 1.0, 3.95, **last).strict == "pass"
    assert timed("event_count", 1.0, 7.95, **last).strict == "pass"


# --------------------------------------------------------------------------- event_rate, even_spacing


@pytest.mark.parametrize(
    ("gap_s", "strict", "loose"),
    [
        (0.5, "pass", "pass"),
        (0.53, "pass", "pass"),
        (0.58, "fail", "pass"),
        (0.7, "fail", "fail"),
        (0.25, "fail", "fail"),
    ],
)
def test_twice_a_second(gap_s: float, strict: str, loose: str) -> None:
    verdict = timed("event_rate", *(0.3 + gap_s * place for place in range(8)), rate_hz=2.0)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert f"{1 / gap_s:.2f} a second" in verdict.found


def test_one_missing_does_not_change_the_rate_and_two_make_none() -> None:
    assert timed("event_rate", 0.5, 1.0, 1.5, 2.5, 3.0, 3.5, rate_hz=2.0).strict == "pass"
    assert timed("event_rate", 0.5, 1.0, rate_hz=2.0).loose == "fail"
    assert timed("event_rate", 0.5, 2.5, rate_hz=0.5, window_start=0.0, window_end=0.5).strict == "pass"
    assert timed("event_rate", rate_hz=2.0).loose == "fail"
    assert timed("event_rate", sound=False, rate_hz=2.0).loose == "fail"


@pytest.mark.parametrize(
    ("times_s", "strict", "loose"),
    [
        ((1.0, 2.0, 3.0, 4.0), "pass", "pass"),
        ((1.0, 2.05, 2.95, 4.0), "pass", "pass"),
        ((1.0, 2.2, 3.0, 4.2), "fail", "fail"),
        ((1.0, 1.85, 3.0, 3.9), "fail", "pass"),
        ((1.0, 2.0, 4.0, 5.0), "fail", "fail"),
        ((1.0, 2.0), "fail", "fail"),
        ((), "fail", "fail"),
    ],
)
def test_equal_intervals(times_s: tuple[float, ...], strict: str, loose: str) -> None:
    verdict = timed("even_spacing", *times_s)
    assert verdict.strict == strict
    assert verdict.loose == loose or times_s == (1.0, 2.2, 3.0, 4.2)
    assert timed("even_spacing", sound=False).loose == "fail"


# --------------------------------------------------------------------------- event_at


@pytest.mark.parametrize(
    ("at_s", "strict", "loose"),
    [(4.0, "pass", "pass"), (3.75, "pass", "pass"), (4.4, "fail", "pass"), (4.9, "fail", "fail")],
)
def test_at_four_seconds(at_s: float, strict: str, loose: str) -> None:
    verdict = timed("event_at", 0.5, at_s, at_s=4.0)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.start_s == at_s
    assert verdict.margin == pytest.approx(0.3 - abs(at_s - 4.0))


def test_never_is_not_at_four_seconds() -> None:
    assert timed("event_at", at_s=4.0).loose == "fail"
    assert timed("event_at", 4.0, sound=False, at_s=4.0).loose == "fail"


# --------------------------------------------------------------------------- sound_at_cut


def cut(cuts_s: Sequence[float], times_s: Sequence[float], sound: bool = True, **params: Any) -> Verdict:
    shots = Shots(tuple(cuts_s), (0.9,) * len(cuts_s))
    return check(constraint("sound_at_cut", **params), {"cuts": shots, "onsets": onsets(*times_s)}, sound=sound)


def test_hits_on_cuts() -> None:
    assert cut([2.0, 5.0], [2.1, 4.9]).strict == "pass"
    assert cut([2.0, 5.0], [2.1, 4.9, 7.0], count_min=2).strict == "pass"
    late = cut([2.0, 5.0], [2.0, 5.2])
    assert (late.strict, late.loose) == ("fail", "pass")
    assert "+0.20 s" in late.found and late.margin == pytest.approx(-0.05)
    assert cut([2.0, 5.0], [2.0, 6.0]).loose == "fail"
    assert cut([2.0, 5.0], [2.0, 6.0], count_min=1).strict == "pass"
    assert cut([2.0], [2.0], count_min=2).loose == "fail"


def test_no_cut_no_hit_no_sound() -> None:
    assert cut([], [2.0]).found == "no cut"
    assert cut([2.0], []).loose == "fail"
    assert cut([2.0], [], sound=False).found == "1 cut, no sound track" or cut([2.0], [], sound=False).loose == "fail"


# --------------------------------------------------------------------------- event_order


def silence(*quiet: tuple[float, float]) -> AudioScores:
    times = tuple(round(0.02 * index, 3) for index in range(400))
    values = tuple(-90.0 if any(start <= t < end for start, end in quiet) else -20.0 for t in times)
    return AudioScores(times, 0.02, {"level_dbfs": values}, {"loudest_dbfs": -20.0})


KNOCKS = constraint("event_count", "knocks", event="knock", count_min=2, count_max=2)
HUSH = constraint("silence_during", "hush", duration_s=1.0)


def order(refs: Sequence[str], seen: Mapping[str, Payload | Lacking]) -> Verdict:
    return check(constraint("event_order", "order", refs=tuple(refs)), seen, (KNOCKS, HUSH))


def test_in_order_and_the_other_way_round() -> None:
    seen: dict[str, Payload | Lacking] = {"onsets": onsets(1.0, 2.0), "levels": silence((4.0, 5.5))}
    right = order(["knocks", "hush"], seen)
    assert (right.strict, right.loose) == ("pass", "pass")
    assert right.margin == pytest.approx(3.1, abs=0.05)
    assert "knocks event_count at 1.00 s" in right.found
    wrong = order(["hush", "knocks"], seen)
    assert wrong.loose == "fail" and "out of order" in wrong.reason


def test_any_silence_that_is_long_enough_may_be_the_one_that_follows() -> None:
    seen: dict[str, Payload | Lacking] = {"onsets": onsets(3.0, 3.5), "levels": silence((0.0, 2.5), (5.0, 6.2))}
    assert order(["knocks", "hush"], seen).strict == "pass"
    assert order(["hush", "knocks"], seen).strict == "pass"


def test_what_fails_or_never_comes_breaks_the_order() -> None:
    three: dict[str, Payload | Lacking] = {"onsets": onsets(1.0, 2.0, 3.0), "levels": silence((4.0, 5.5))}
    near = order(["knocks", "hush"], three)
    assert (near.strict, near.loose) == ("fail", "pass")
    assert "3 counted" in near.reason
    never: dict[str, Payload | Lacking] = {"onsets": onsets(1.0, 2.0), "levels": silence()}
    assert order(["knocks", "hush"], never).loose == "fail"


def test_what_cannot_be_verified_leaves_the_order_open() -> None:
    blind: dict[str, Payload | Lacking] = {"onsets": Lacking("get ears"), "levels": silence((4.0, 5.5))}
    verdict = order(["knocks", "hush"], blind)
    assert (verdict.strict, verdict.loose) == ("unverifiable", "unverifiable")
    assert "get ears" in verdict.reason
    assert order(["knocks", "hush"], {**blind, "levels": silence()}).loose == "fail"


# --------------------------------------------------------------------------- duration


@pytest.mark.parametrize(
    ("length_s", "strict", "loose"),
    [(8.0, "pass", "pass"), (8.2, "pass", "pass"), (7.5, "fail", "pass"), (5.0, "fail", "fail")],
)
def test_eight_seconds(length_s: float, strict: str, loose: str) -> None:
    verdict = check(constraint("duration", duration_s=8.0), {}, duration_s=length_s)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.found == f"{length_s:.2f} s"


@pytest.mark.parametrize(
    "asked",
    [
        constraint("event_count", event="knock", count_min=1, count_max=1),
        constraint("event_rate", event="knock", rate_hz=2.0),
        constraint("event_at", event="knock", at_s=2.0),
        constraint("even_spacing", event="knock"),
        constraint("sound_at_cut"),
    ],
    ids=lambda item: item.kind,
)
def test_without_its_instrument_nothing_can_be_told(asked: Constraint) -> None:
    verdict = check(asked, {"onsets": Lacking("get ears"), "cuts": Shots((2.0,), (0.9,))})
    assert (verdict.strict, verdict.loose) == ("unverifiable", "unverifiable")
    assert "get ears" in verdict.reason
