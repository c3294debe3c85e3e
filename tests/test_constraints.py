"""Kinds of constraint: every kind takes what it says, refuses the rest, and says what to write."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from avgen_bench.constraints import base, theory
from avgen_bench.errors import ConstraintError
from avgen_bench.types import Constraint

CASES = Path(__file__).parent / "cases"


def _cases(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CASES / name).read_text(encoding="utf-8").splitlines() if line.strip()]


def _constraint(kind: str, params: dict[str, Any]) -> Constraint:
    return Constraint.from_json({"id": "c1", "kind": kind, "span": "words", **params})


@pytest.mark.parametrize("case", _cases("constraints.jsonl"), ids=lambda c: f"{c['kind']}-{c['name']}")
def test_cases(case: dict[str, Any]) -> None:
    constraint = _constraint(case["kind"], case["params"])
    if case["refused"] is None:
        base.validate(constraint)
        assert Constraint.from_json(constraint.to_json()) == constraint
        return
    with pytest.raises(ConstraintError) as caught:
        base.validate(constraint)
    for words in ("c1", *case["refused"]):
        assert words in str(caught.value)


def test_every_kind_has_a_right_and_a_refused_case() -> None:
    cases = _cases("constraints.jsonl")
    assert {case["kind"] for case in cases if case["refused"] is None} >= set(base.kinds())
    with_parameters = {name for name in base.kinds() if base.kind_of(name).facts.required}
    assert {case["kind"] for case in cases if case["refused"]} >= with_parameters


@pytest.mark.parametrize("name", base.kinds())
def test_facts_are_whole(name: str) -> None:
    facts = base.kind_of(name).facts
    assert facts.kind == name
    assert facts.theme in base.THEMES
    assert type(base.kind_of(name)).__module__ == f"avgen_bench.constraints.{facts.theme}"
    assert set(facts.required) | set(facts.optional) <= set(base.COLUMNS)
    assert not set(facts.required) & set(facts.optional)
    assert facts.tolerance is not None
    assert facts.tolerance.unit
    assert facts.check.endswith(".")
    assert len(facts.check.split()) > 8


def test_windows_in_seconds_and_shares() -> None:
    from values import media_facts

    from avgen_bench.constraints.sight import Sight
    from avgen_bench.types import Prompt

    sight = Sight(Prompt("p"), media_facts(10.0), {})
    for params, expected in (
        ({}, (0.0, 10.0)),
        ({"window_end": 0.5}, (0.0, 5.0)),
        ({"window_end_s": 3}, (0.0, 3.0)),
        ({"window_start_s": -2}, (8.0, 10.0)),
        ({"window_start": 0.5, "window_end_s": -1}, (5.0, 9.0)),
        ({"window_end_s": 30}, (0.0, 10.0)),
    ):
        constraint = _constraint("no_speech", params)
        assert sight.window(constraint) == expected
        assert sight.has_window(constraint) == bool(params)


def test_at_least_24_kinds_and_every_column_is_used() -> None:
    facts = [base.kind_of(name).facts for name in base.kinds()]
    assert len(facts) >= 24
    used = {column for item in facts for column in (*item.required, *item.optional)}
    assert used | {f"{edge}_s" for edge in (*base.WINDOW, *base.OTHER)} == set(base.COLUMNS)
    assert {item.theme for item in facts} == set(base.THEMES)


def test_an_unknown_kind_names_those_that_there_are() -> None:
    with pytest.raises(ConstraintError, match=r"text_shwon.*there are: text_shown"):
        base.validate(_constraint("text_shwon", {"text": "A"}))


# --------------------------------------------------------------------------- theory

_LABELS = {
    "": "maj", "m": "min", "dim": "dim", "aug": "aug", "sus2": "sus2", "sus4": "sus4", "5": "5", "6": "maj6",
    "m6": "min6", "7": "7", "maj7": "maj7", "m7": "min7", "dim7": "dim7", "m7b5": "hdim7", "add9": "maj(2)",
}  # fmt: skip


@pytest.mark.parametrize("quality", theory.CHORD_QUALITIES)
@pytest.mark.parametrize("root", ["C", "F#", "Bb", "Ab", "E"])
def test_chords_agree_with_mir_eval(root: str, quality: str) -> None:
    chord = importlib.import_module("mir_eval.chord")
    number, bitmap, _ = chord.encode(f"{root}:{_LABELS[quality]}")
    expected = {(number + step) % 12 for step, on in enumerate(bitmap) if on}
    assert set(theory.chord_classes(root + quality)) == expected
    assert theory.chord_classes(root + quality)[0] == number


@pytest.mark.parametrize("case", _cases("notes.jsonl"), ids=lambda c: c["note"])
def test_notes(case: dict[str, Any]) -> None:
    if case["midi"] is None:
        with pytest.raises(ValueError, match="expected"):
            theory.note_midi(case["note"])
        return
    assert theory.note_midi(case["note"]) == case["midi"]
    assert theory.note_class(case["note"]) == case["midi"] % 12


def test_scales_and_keys() -> None:
    assert theory.scale_steps("D major") == (2, (0, 2, 4, 5, 7, 9, 11))
    assert theory.key_classes("G major") == {7, 9, 11, 0, 2, 4, 6}
    for wrong in ("D", "H major", "D maj", ""):
        with pytest.raises(ValueError, match="expected"):
            theory.scale_steps(wrong)
    with pytest.raises(ValueError, match="major"):
        theory.key_classes("D dorian")
