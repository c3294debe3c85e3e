"""Checks of the words in the picture, on observations made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from avgen_bench.constraints.base import kind_of
from avgen_bench.constraints.sight import Sight
from avgen_bench.types import Constraint, Lacking, MediaFacts, Payload, Prompt, StreamFacts, TextSpans, Verdict

Line = tuple[str, float, float] | tuple[str, float, float, float] | tuple[str, float, float, float, float]

LOOKS = tuple(index / 4 for index in range(16))


def media(picture: bool = True, duration_s: float = 4.0) -> MediaFacts:
    track = StreamFacts("h264", 0.0, duration_s, 96, 96, 0, 0.0, 0.0, size=(1280, 720), fps=24.0)
    return MediaFacts("mp4", duration_s, track if picture else None, None)


def spans(*lines: Line, confidence: float = 0.98) -> TextSpans:
    """Lines as (text, start, end), and if need be the left edge and the top; letters are 0.05 high."""
    rows = [(*line, *(0.2, 0.1 + 0.3 * index)[len(line) - 3 :]) for index, line in enumerate(lines)]
    return TextSpans(
        tuple(str(row[0]) for row in rows),
        tuple(float(row[1]) for row in rows),
        tuple(float(row[2]) for row in rows),
        tuple(confidence for _ in rows),
        tuple((row[3], row[4], row[3] + 0.015 * len(str(row[0])), row[4] + 0.05) for row in rows),  # type: ignore[misc]
        LOOKS,
    )


def check(kind: str, seen: Payload | Lacking, picture: bool = True, **params: Any) -> Verdict:
    constraint = Constraint("c1", kind, "", tuple(sorted(params.items())))
    sight = Sight(Prompt("p", constraints=(constraint,)), media(picture), {"ocr": seen})
    verdict = sight.check(constraint)
    assert Verdict.from_json(verdict.to_json()).strict == verdict.strict
    return verdict


# --------------------------------------------------------------------------- text_shown


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ((("STAY DRY", 1.0, 2.0),), "STAY DRY"),
        ((("Now: STAY DRY today", 1.0, 2.0),), "STAY DRY"),
        ((("STAYDRY", 1.0, 2.0),), "STAY DRY"),
        ((("\uff33\uff34\uff21\uff39 DRY", 1.0, 2.0),), "STAY DRY"),
        ((("WHO\u2019S NEXT?", 1.0, 2.0),), "WHO'S NEXT?"),
        ((("EIGHTY\u2013SEVEN", 1.0, 3.0, 0.2, 0.1), ("SECONDS", 1.0, 3.0, 0.2, 0.17)), "EIGHTY-SEVEN SECONDS"),
        ((("STAY", 1.0, 3.0, 0.2, 0.5), ("DRY", 1.0, 3.0, 0.3, 0.5)), "STAY DRY"),
        ((("\u624b\u5de5\u9762\u9986", 1.0, 2.0),), "\u624b\u5de5\u9762"),
        ((("STAY DRY", 1.0, 1.25), ("STAY DRV", 1.25, 1.5), ("STAY DRY", 1.5, 1.75)), "STAY DRY"),
    ],
)
def test_shown(lines: tuple[Line, ...], wanted: str) -> None:
    verdict = check("text_shown", spans(*lines), text=wanted)
    assert verdict.strict == "pass"
    assert verdict.start_s == 1.0
    assert verdict.margin == 0.0


@pytest.mark.parametrize(
    ("reading", "wanted", "similarity", "loose"),
    [
        ("EIGHTY-SEVY-SECCONDS", "EIGHTY-SEVEN SECONDS", "0.84", "fail"),
        ("SLEEP THROUGH SUNMER", "SLEEP THROUGH SUMMER", "0.94", "pass"),
        ("Stay Dry", "STAY DRY", "0.29", "fail"),
        ("STAY", "STAY DRY", "0.57", "fail"),
        ("STAY DRYER", "STAY DRY", "0.71", "fail"),
        ("CARTON", "CAR", "0.00", "fail"),
    ],
)
def test_near_miss_fails_and_shows_its_distance(reading: str, wanted: str, similarity: str, loose: str) -> None:
    verdict = check("text_shown", spans((reading, 1.0, 3.0)), text=wanted)
    assert (verdict.strict, verdict.loose) == ("fail", loose)
    if similarity != "0.00":
        assert f"similarity {similarity}" in verdict.found
    assert reading in verdict.found
    assert verdict.margin is not None and verdict.margin < 0


def test_case_can_be_ignored() -> None:
    assert check("text_shown", spans(("Stay Dry", 1.0, 3.0)), text="STAY DRY", case="ignore").strict == "pass"


def test_one_look_is_not_enough() -> None:
    verdict = check("text_shown", spans(("STAY DRY", 1.0, 1.08)), text="STAY DRY")
    assert verdict.strict == "fail"
    assert "one look" in verdict.reason


def test_outside_the_window_fails() -> None:
    seen = spans(("STAY DRY", 0.0, 1.0))
    assert check("text_shown", seen, text="STAY DRY", window_start=0.5).strict == "fail"
    assert check("text_shown", seen, text="STAY DRY", window_end=0.5).strict == "pass"


def test_letters_of_one_shape_cannot_be_told_apart() -> None:
    verdict = check("text_shown", spans(("C00L", 1.0, 3.0)), text="COOL")
    assert verdict.strict == "unverifiable"
    assert "C00L" in verdict.found


def test_near_miss_of_low_probability_is_unverifiable() -> None:
    assert check("text_shown", spans(("STAY ORV", 1.0, 3.0), confidence=0.7), text="STAY DRY").strict == "unverifiable"
    assert check("text_shown", spans(("NO WAY", 1.0, 3.0), confidence=0.7), text="STAY DRY").strict == "fail"


def test_script_that_is_not_read_is_unverifiable() -> None:
    assert check("text_shown", spans(("MNP", 1.0, 3.0)), text="\u041c\u0418\u0420").strict == "unverifiable"


@pytest.mark.parametrize("kind", ["text_shown", "text_visible_for", "text_absent"])
def test_no_picture_fails_and_no_instrument_is_unverifiable(kind: str) -> None:
    params: dict[str, Any] = {"text": "STAY DRY"} | ({"duration_s": 2.0} if kind == "text_visible_for" else {})
    assert check(kind, spans(), picture=False, **params).strict == "fail"
    verdict = check(kind, Lacking("pip install rapidocr"), **params)
    assert verdict.strict == "unverifiable"
    assert "pip install rapidocr" in verdict.reason


def test_black_picture_fails() -> None:
    verdict = check("text_shown", spans(), text="STAY DRY")
    assert (verdict.strict, verdict.found) == ("fail", "no text")


# --------------------------------------------------------------------------- text_absent


def test_nothing_written_passes() -> None:
    assert check("text_absent", spans()).strict == "pass"
    assert check("text_absent", spans(("1200", 0.0, 4.0), ("mL", 0.0, 4.0), ("STAY", 1.0, 1.1))).strict == "pass"


def test_something_written_fails() -> None:
    verdict = check("text_absent", spans(("STAY DRY", 1.0, 3.0)))
    assert verdict.strict == "fail"
    assert "STAY DRY" in verdict.found
    assert check("text_absent", spans(("\u5c71\u6c34", 1.0, 3.0))).strict == "fail"


def test_unsure_reading_leaves_it_open() -> None:
    assert check("text_absent", spans(("lefm", 1.0, 3.0), confidence=0.72)).strict == "unverifiable"
    assert check("text_absent", spans(("lefm", 1.0, 3.0), confidence=0.55)).strict == "pass"


def test_absence_within_a_window() -> None:
    seen = spans(("STAY DRY", 2.5, 4.0))
    assert check("text_absent", seen, window_end=0.5).strict == "pass"
    assert check("text_absent", seen, window_start=0.5).strict == "fail"


def test_absence_of_stated_words() -> None:
    assert check("text_absent", spans(("OTHER WORDS", 1.0, 3.0)), text="SALE").strict == "pass"
    assert check("text_absent", spans(("Big sale", 1.0, 3.0)), text="SALE").strict == "fail"
    assert check("text_absent", spans(("WHOLESALER", 1.0, 3.0)), text="SALE").strict == "pass"
    assert check("text_absent", spans(("PISTOL SHRlMP", 1.0, 3.0)), text="PISTOL SHRIMP").strict == "unverifiable"


# --------------------------------------------------------------------------- text_visible_for


@pytest.mark.parametrize(
    ("lines", "wanted_s", "strict", "loose"),
    [
        ((("STAY DRY", 1.0, 3.1),), 2.0, "pass", "pass"),
        ((("STAY DRY", 1.0, 2.8),), 2.0, "pass", "pass"),
        ((("STAY DRY", 1.0, 2.5),), 2.0, "fail", "pass"),
        ((("STAY DRY", 1.0, 2.0),), 2.0, "fail", "fail"),
        ((("STAY DRY", 0.5, 1.8), ("STAY DRY", 2.3, 4.0)), 2.5, "fail", "fail"),
        ((("STAY DRY", 0.5, 1.75), ("STAY DRV", 1.75, 2.0), ("STAY DRY", 2.0, 3.0)), 2.5, "pass", "pass"),
        ((("STAY DRY", 0.5, 1.75), ("STAY DRV", 1.75, 2.5), ("STAY DRY", 2.5, 4.0)), 2.5, "fail", "fail"),
        ((("STAY WET", 0.0, 4.0),), 2.0, "fail", "fail"),
        ((("STAY DRY", 1.0, 1.08),), 2.0, "fail", "fail"),
    ],
)
def test_visible_for(lines: tuple[Line, ...], wanted_s: float, strict: str, loose: str) -> None:
    same_place = tuple((*line[:3], 0.2, 0.5) for line in lines)
    verdict = check("text_visible_for", spans(*same_place), text="STAY DRY", duration_s=wanted_s)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.margin is not None


def test_visible_for_says_when() -> None:
    verdict = check("text_visible_for", spans(("STAY DRY", 1.0, 3.1)), text="STAY DRY", duration_s=2.0)
    assert (verdict.start_s, verdict.end_s) == (1.0, 3.1)
    assert verdict.margin == pytest.approx(0.35)


def test_every_kind_states_its_need() -> None:
    for kind in ("text_shown", "text_absent", "text_visible_for"):
        assert kind_of(kind).facts.needs == ("ocr",)
