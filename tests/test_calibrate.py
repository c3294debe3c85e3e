"""Calibration: which cases are measured, what is kept, what a card says, and that every kind has one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from avgen_bench import calibrate, registry
from avgen_bench.constraints.base import kind_of
from avgen_bench.constraints.sight import Sight, unverifiable
from avgen_bench.factory import truth
from avgen_bench.types import Constraint, Verdict

LEAST = 0.95
"""Balanced accuracy at nominal nuisance; a kind that does not reach it says so on its card."""


def test_so_many_nominal_cases_half_of_them_obeying() -> None:
    found = [case for _, case in calibrate.chosen("duration", "test", 20, 0)]
    assert [case.obeys for case in found].count(True) == 10
    found = [case for _, case in calibrate.chosen("brightness_trend", "test", 20, 0)]
    nominal = [case for case in found if case.nuisance == truth.NOMINAL]
    assert (len(found), len(nominal)) == (26, 20)
    assert [case.obeys for case in nominal].count(True) == 10


@pytest.mark.parametrize("kind", ["duration", "brightness_trend", "event_count", "chord"])
def test_a_quick_run_sees_the_first_cases_of_a_long_one(kind: str) -> None:
    many = {number: case.scene.name for number, case in calibrate.chosen(kind, "test", 24, 4)}
    few = {number: case.scene.name for number, case in calibrate.chosen(kind, "test", calibrate.QUICK, 4, hard=False)}
    assert len(few) == calibrate.QUICK
    assert few.items() <= many.items()


@pytest.mark.debian
def test_a_run_goes_on_where_it_was_and_its_card_counts_rightly(tmp_path: Path) -> None:
    first = calibrate.run("duration", "calibration", 4, store=tmp_path)
    (file,) = tmp_path.glob("*.jsonl")
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line]
    assert len(lines) == len(first) == 4
    # a torn last line is measured again, the others are not
    marked = [json.loads(line) | {"found": "kept"} for line in lines[:3]]
    file.write_text("\n".join(map(json.dumps, marked)) + "\n" + lines[3][:40], encoding="utf-8")
    again = calibrate.run("duration", "calibration", 4, store=tmp_path)
    assert [result.found == "kept" for result in again] == [True, True, True, False]
    assert [replace(result, found="") for result in again] == [replace(result, found="") for result in first]
    card = calibrate.card("duration", first, "calibration", 4, 0)
    assert card["nominal"]["n"] == 4
    assert card["command"] == "avgen-bench calibrate --kinds duration --split calibration --count 4 --seed 0"


def _result(number: int, obeys: bool, strict: str) -> calibrate.Result:
    return calibrate.Result(
        "duration", number, f"d{number}", obeys, truth.NOMINAL, 0.0, "", strict, strict, None, "", ""
    )


def test_rates_are_over_what_could_be_verified() -> None:
    results = [_result(i, True, "pass") for i in range(8)] + [
        _result(8, True, "fail"),
        _result(9, True, "unverifiable"),
    ]
    results += [_result(i, False, "fail") for i in range(10, 20)]
    card = calibrate.card("duration", results, "test", 20, 0)
    nominal = card["nominal"]
    assert (nominal["sensitivity"], nominal["specificity"]) == (round(8 / 9, 4), 1.0)
    assert nominal["balanced_accuracy"] == round((8 / 9 + 1) / 2, 4)
    assert nominal["unverifiable"] == 0.05
    assert card["quick"] == 1.0


def test_a_checker_that_falls_is_named() -> None:
    kind = "duration"
    right = [_result(i, i % 2 == 0, "pass" if i % 2 == 0 else "fail") for i in range(calibrate.QUICK)]
    assert not list(calibrate.fallen([calibrate.card(kind, right, "test", 12, 0)]))
    one_wrong = [replace(right[0], strict="fail"), *right[1:]]
    (line,) = calibrate.fallen([calibrate.card(kind, one_wrong, "test", 12, 0)])
    assert kind in line


@pytest.mark.debian
def test_a_checker_that_has_come_to_abstain_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it still decides is right, so its accuracy stays; the count of unverifiable clips tells."""
    kind = "duration"
    known = calibrate.committed(kind)
    assert known is not None

    def card() -> dict[str, Any]:
        results = calibrate.run(kind, "test", calibrate.QUICK, known["seed"], hard=False)
        return calibrate.card(kind, results, "test", calibrate.QUICK, known["seed"], hard=False)

    right = card()
    assert (right["quick"], right["quick_unverifiable"]) == (1.0, 0)
    assert not list(calibrate.fallen([right]))
    check = type(kind_of(kind)).check
    seen: list[str] = []

    def spoilt(self: Any, constraint: Constraint, sight: Sight) -> Verdict:
        verdict: Verdict = check(self, constraint, sight)
        seen.append(verdict.strict)
        return verdict if seen.count(verdict.strict) == 1 else unverifiable(constraint, "spoilt")

    monkeypatch.setattr(type(kind_of(kind)), "check", spoilt)
    abstains = card()
    assert (abstains["quick"], abstains["quick_unverifiable"]) == (1.0, calibrate.QUICK - 2)
    (line,) = calibrate.fallen([abstains])
    assert line == f"{kind}: 6 of 8 quick cases are unverifiable, were 0"


def test_no_more_unverifiable_clips_than_on_the_card_is_no_fall() -> None:
    kind = "no_speech"  # its card has one among the quick cases
    card = calibrate.committed(kind)
    assert card is not None and card["quick_unverifiable"] == 1
    right = [replace(_result(i, i % 2 == 0, "pass" if i % 2 == 0 else "fail"), kind=kind) for i in range(8)]
    one, two = (
        [replace(item, strict="unverifiable") if item.number in range(0, 2 * count, 2) else item for item in right]
        for count in (1, 2)
    )
    assert not list(calibrate.fallen([calibrate.card(kind, one, "test", 8, 2)]))
    (line,) = calibrate.fallen([calibrate.card(kind, two, "test", 8, 2)])
    assert "2 of 8" in line and "were 1" in line


@pytest.mark.parametrize("kind", registry.TABLE["constraints"])
def test_every_kind_has_a_card_of_the_checker_as_it_is(kind: str) -> None:
    card = calibrate.committed(kind)
    assert card is not None, f"avgen-bench calibrate --kinds {kind} --out avgen_bench/constraints/cards"
    facts = kind_of(kind).facts
    nominal = card["nominal"]
    assert card["split"] == "test"
    assert card["check"] == facts.check
    assert nominal["n"] >= 200
    assert abs(sum(nominal["confusion"]["obeys"].values()) - 100) <= 1
    assert nominal["balanced_accuracy"] >= LEAST or "Below 0.95" in card["remark"]
    assert nominal["unverifiable"] <= 0.10
    assert 0 <= card["quick_unverifiable"] <= min(calibrate.QUICK, nominal["unverifiable"] * nominal["n"] + 1e-6)
    revisions = {name: registry.load("backbones", name).facts.revision for name in facts.needs}
    assert card["instruments"] == revisions
