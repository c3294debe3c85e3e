"""What the checkers of shots say of hand-made observations."""

from __future__ import annotations

from typing import Any

import pytest

from avgen_bench.constraints.shots import _earliest_fault
from avgen_bench.constraints.sight import Sight
from avgen_bench.types import Constraint, Lacking, MediaFacts, Prompt, Shots, StreamFacts, Verdict

PICTURE = StreamFacts("h264", 0.0, 8.0, 192, 192, 0, 0.04, 0.0, (640, 360), 24.0)


def sight(
    constraints: tuple[Constraint, ...], hard: tuple[float, ...], soft: tuple[float, ...] = (), **more: Any
) -> Sight:
    seen = {"cuts": Shots(hard, (1.0,) * len(hard)), "dissolves": Shots(soft, (1.0,) * len(soft)), **more}
    return Sight(Prompt("p", constraints=constraints), MediaFacts("mp4", 8.0, PICTURE, None), seen)


def shot_count(least: int, most: int, hard: tuple[float, ...], soft: tuple[float, ...] = (), **more: Any) -> Verdict:
    asked = Constraint("c1", "shot_count", "words", (("count_max", most), ("count_min", least)))
    return sight((asked,), hard, soft, **more).check(asked)


@pytest.mark.parametrize(
    ("least", "most", "hard", "soft", "strict", "loose"),
    [
        (1, 1, (), (), "pass", "pass"),
        (1, 1, (3.0,), (), "fail", "pass"),
        (1, 1, (), (3.0,), "fail", "pass"),
        (1, 1, (3.0, 5.0), (), "fail", "fail"),
        (2, 2, (3.0,), (3.3,), "pass", "pass"),
        (3, 3, (3.0,), (5.0,), "pass", "pass"),
        (2, 4, (1.0, 2.0, 3.0), (), "pass", "pass"),
        (3, 3, (), (), "fail", "fail"),
    ],
)
def test_shot_count(
    least: int, most: int, hard: tuple[float, ...], soft: tuple[float, ...], strict: str, loose: str
) -> None:
    verdict = shot_count(least, most, hard, soft)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert len([item for item in verdict.evidence if item.kind == "span"]) == int(verdict.found.split()[0])


def test_shot_count_says_what_it_found() -> None:
    verdict = shot_count(1, 1, (3.0,))
    assert verdict.found == "2 shots; cuts: 3.00 s" and verdict.reason == "2, not 1"
    assert verdict.margin == -1.0 and verdict.start_s == 3.0


def test_shots_without_instrument_or_picture() -> None:
    assert shot_count(1, 1, (), dissolves=Lacking("install it")).strict == "unverifiable"
    asked = Constraint("c1", "shot_count", "words", (("count_max", 1), ("count_min", 1)))
    assert (
        Sight(Prompt("p", constraints=(asked,)), MediaFacts("mp4", 8.0, None, None), {}).check(asked).strict == "fail"
    )


def cut_order(
    moments: list[float | None], hard: tuple[float, ...], verdicts: list[tuple[str, str]] | None = None
) -> Verdict:
    others = tuple(Constraint(f"t{n}", "text_shown", "words", (("text", "A"),)) for n in range(len(moments)))
    asked = Constraint("c9", "cut_order", "words", (("refs", tuple(other.id for other in others)),))
    looked = sight((*others, asked), hard)
    for other, at_s, (strict, loose) in zip(others, moments, verdicts or [("pass", "pass")] * 9, strict=False):
        reason = "" if strict == "pass" else "says why"
        looked._verdicts[other.id] = Verdict(other.id, other.kind, strict, loose, "", reason, start_s=at_s)
    return looked.check(asked)


@pytest.mark.parametrize(
    ("moments", "hard", "strict", "loose"),
    [
        ([0.5, 4.2], (4.0,), "pass", "pass"),
        ([0.5, 3.95], (4.0,), "pass", "pass"),
        ([0.5, 3.7], (4.0,), "fail", "pass"),
        ([0.5, 2.0], (4.0,), "fail", "fail"),
        ([4.2, 0.5], (4.0,), "fail", "fail"),
        ([0.5, 4.2], (), "fail", "fail"),
        ([0.5, 3.0, 6.0], (2.0, 5.0), "pass", "pass"),
        ([0.5, 6.0, 3.0], (2.0, 5.0), "fail", "fail"),
        ([0.5, 3.0, 4.0], (2.0, 5.0), "fail", "fail"),
        ([0.5, 6.0], (2.0, 5.0), "pass", "pass"),
    ],
)
def test_cut_order(moments: list[float | None], hard: tuple[float, ...], strict: str, loose: str) -> None:
    verdict = cut_order(moments, hard)
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.strict == "pass" or verdict.reason


def test_cut_order_margin_is_in_seconds() -> None:
    assert cut_order([0.5, 3.7], (4.0,)).margin == pytest.approx(0.1 - 0.3)


def test_cut_order_needs_what_it_refers_to() -> None:
    unmet = cut_order([0.5, None], (4.0,), [("pass", "pass"), ("fail", "fail")])
    assert unmet.strict == "fail" and "t1 (text_shown) is not met" in unmet.reason
    near = cut_order([0.5, 4.2], (4.0,), [("pass", "pass"), ("fail", "pass")])
    assert (near.strict, near.loose) == ("fail", "pass")
    unknown = cut_order([0.5, None], (4.0,), [("pass", "pass"), ("unverifiable", "unverifiable")])
    assert unknown.strict == "unverifiable" and "says why" in unknown.reason
    assert cut_order([0.5, None], (4.0,)).strict == "unverifiable"


def test_the_cuts_that_serve_best_are_chosen() -> None:
    assert _earliest_fault([0.5, 4.2], (1.0, 4.0)) == pytest.approx(-0.5)
    assert _earliest_fault([2.0, 1.0], (1.5,)) == pytest.approx(0.5)
    assert _earliest_fault([0.5, 1.0, 2.0], (0.8,)) is None
