"""Corrected rates and agreement against published numbers, an independent computation, and simulation."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from avgen_bench.correction import (
    Counted,
    alpha_interval,
    design_effect,
    krippendorff_alpha,
    ppi_mean,
    rogan_gladen,
)

ROOT = Path(__file__).resolve().parents[1]

# (yes, n, sensitivity, specificity) -> estimate, interval: worked out beside this code, from the formulas of the paper
WORKED = [
    ((400, 1000), (180, 200), (140, 200), 0.166667, (0.056351, 0.262733)),
    ((5000, 10000), (4500, 5000), (4500, 5000), 0.5, (0.485709, 0.514291)),
    ((296, 400), (32, 40), (32, 40), 0.9, (0.728228, 1.0)),
    ((57, 60), (24, 24), (17, 20), 0.941176, (0.834739, 1.0)),
    ((5, 50), (24, 30), (30, 30), 0.125, (0.0, 0.269127)),
]


@pytest.mark.parametrize(("yes", "q1", "q0", "estimate", "ends"), WORKED)
def test_rogan_gladen(yes: tuple, q1: tuple, q0: tuple, estimate: float, ends: tuple) -> None:
    found = rogan_gladen(Counted(*yes), Counted(*q1), Counted(*q0))
    assert found.raw == yes[0] / yes[1] and found.reason == ""
    assert found.estimate == pytest.approx(estimate, abs=1e-6)
    assert (found.ci_low, found.ci_high) == pytest.approx(ends, abs=1e-6)


@pytest.mark.parametrize(
    ("yes", "q1", "q0", "reason"),
    [
        ((50, 100), (10, 20), (10, 20), "better than chance"),  # a coin
        ((50, 100), (20, 20), (0, 20), "better than chance"),  # always yes
        ((50, 100), (6, 10), (6, 10), "better than chance"),  # better in the sample, not beyond its interval
        ((50, 100), (5, 20), (6, 20), "better than chance"),  # worse than chance is not turned round
        ((50, 100), (0, 0), (20, 20), "not been measured"),
        ((0, 0), (20, 20), (20, 20), "no answers"),
    ],
)
def test_nothing_is_corrected_with_a_judge_that_shows_no_skill(yes: tuple, q1: tuple, q0: tuple, reason: str) -> None:
    found = rogan_gladen(Counted(*yes), Counted(*q1), Counted(*q0))
    assert reason in found.reason
    assert (found.estimate, found.ci_low, found.ci_high) == (None, None, None)


def test_the_interval_carries_both_samplings() -> None:
    def width(n: int, m: int) -> float:
        found = rogan_gladen(Counted(n // 2, n), Counted(0.8 * m, m), Counted(0.8 * m, m))
        return found.ci_high - found.ci_low

    assert width(100_000, 50) > 0.9 * width(1000, 50) > 2 * width(1000, 50_000)
    assert width(100, 50_000) > 2 * width(1000, 50_000)


def test_an_estimate_stays_on_the_scale() -> None:
    assert rogan_gladen(Counted(0, 50), Counted(45, 50), Counted(40, 50)).estimate == 0.0
    assert rogan_gladen(Counted(50, 50), Counted(40, 50), Counted(45, 50)).estimate == 1.0


@pytest.mark.parametrize(("hits", "of"), [(-1, 3), (4, 3), (0, float("inf")), (float("nan"), 3)])
def test_impossible_counts_are_refused(hits: float, of: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Counted(hits, of)


def _benchmark():
    spec = importlib.util.spec_from_file_location("judge_correction", ROOT / "benchmarks" / "judge_correction.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_coverage_in_simulation() -> None:
    simulate = _benchmark().simulate
    rows = [simulate(truth=truth, simulations=200) for truth in (0.3, 0.6, 0.9)]
    assert all(row["corrected"] >= 0.93 for row in rows), rows
    assert all(row["raw"] <= 0.5 for row in rows if row["truth"] != 0.6), rows


def test_people_and_judge_together_cover_the_truth() -> None:
    rows = [_benchmark().simulate_people(truth=truth, simulations=200) for truth in (0.3, 0.7)]
    assert all(row["corrected"] >= 0.93 for row in rows), rows
    assert all(row["raw"] < 0.5 for row in rows), rows


def test_people_alone_decide_the_level() -> None:
    """A judge that is 0.1 too high on every item is put right, to the digit, and labels that agree leave its mean."""
    few, many = [0.2, 0.4, 0.6, 0.8] * 5, [0.3, 0.5, 0.7] * 40
    assert ppi_mean([v + 0.1 for v in few], few, many).estimate == pytest.approx(0.4)
    sure = ppi_mean([0.0, 1.0] * 10, [0.0, 1.0] * 10, [1.0] * 60 + [0.0] * 40)
    assert sure.estimate == pytest.approx(0.6)
    assert sure.ci_high - sure.ci_low > 2 * 1.96 * (0.24 / 100) ** 0.5  # wider than if it were never wrong


def test_too_few_answers_of_people_correct_nothing() -> None:
    assert "9 answers of people" in ppi_mean([0.0] * 9, [1.0] * 9, [1.0] * 90).reason
    assert ppi_mean([0.0] * 9, [1.0] * 9, [1.0] * 90).estimate is None
    assert "no items beyond" in ppi_mean([0.0] * 10, [1.0] * 10, [1.0]).reason
    with pytest.raises(ValueError, match="pairs"):
        ppi_mean([0.0], [], [1.0])
    with pytest.raises(ValueError, match="expected 0 to 1"):
        ppi_mean([float("nan")] * 10, [0.0] * 10, [1.0] * 10)


def test_design_effect() -> None:
    assert design_effect([(1, 1), (0, 1)] * 50) == pytest.approx(1.0, abs=0.02)  # one answer a clip: independent
    assert design_effect([(5, 10)] * 20) == 1.0  # evener than chance is not taken for more knowledge
    assert design_effect([(0, 10)] * 10 + [(10, 10)] * 10) == pytest.approx(10 * 20 / 19)
    assert design_effect([(3, 10)]) == design_effect([]) == design_effect([(4, 4), (3, 3)]) == 1.0


# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A and C
TWO = list(zip("0100000010", "1110010000", strict=True))
FOUR = [
    tuple(None if v == "." else v for v in unit)
    for unit in zip("123321412...", "1233224125.3", ".3332342251.", "1233244125 1.".replace(" ", ""), strict=True)
]


def test_alpha_of_krippendorffs_own_examples() -> None:
    assert krippendorff_alpha(TWO) == pytest.approx(0.095, abs=5e-4)
    assert krippendorff_alpha(FOUR) == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_not_defined_without_two_answers_or_two_values() -> None:
    assert krippendorff_alpha([]) is None
    assert krippendorff_alpha([("y", None), (None, "n")]) is None
    assert krippendorff_alpha([("y", "y"), ("y", "y")]) is None
    assert krippendorff_alpha([("y", "y"), ("n", "n")]) == 1.0
    assert krippendorff_alpha([("y", "n"), ("n", "y")]) == pytest.approx(-0.5)


def test_alpha_over_clips() -> None:
    alike = {f"c{k}": [("y", "y", "n"), ("n", "n", "n")] for k in range(20)}
    found = alpha_interval(alike)
    assert found.alpha == pytest.approx(krippendorff_alpha([unit for units in alike.values() for unit in units]))
    assert found.ci_low == found.ci_high == pytest.approx(found.alpha)  # every draw of such clips is the same
    assert (found.units, found.clips) == (40, 20)
    mixed = {f"c{k}": [("y", "y"), ("n", "n" if k % 3 else "y")] for k in range(30)}
    found = alpha_interval(mixed)
    assert found.ci_low < found.alpha < found.ci_high and found == alpha_interval(dict(reversed(mixed.items())))
    assert alpha_interval({"c": [("y", "n")]}).ci_low is None
