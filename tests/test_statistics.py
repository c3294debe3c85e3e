"""Estimates: intervals against scipy's own t distribution, coverage by simulation, and the edges."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys

import pytest

from avgen_bench.statistics import count_statuses, quantiles, summarise


def test_interval_equals_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(3)
    for n in (2, 3, 8, 40):
        values = [0.5 + 0.02 * rng.gauss(0, 1) for _ in range(n)]
        mean = sum(values) / n
        low, high = stats.t.interval(0.95, n - 1, loc=mean, scale=stats.sem(values))
        estimate = summarise(values, 0.0, 1.0)
        assert estimate.mean == pytest.approx(mean, abs=1e-12)
        assert (estimate.ci_low, estimate.ci_high) == pytest.approx((low, high), abs=1e-9)
        assert estimate.n == n


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = random.Random(11)
    hits = 0
    for _ in range(2000):
        estimate = summarise([rng.gauss(0.5, 0.05) for _ in range(8)], 0.0, 1.0)
        hits += estimate.ci_low <= 0.5 <= estimate.ci_high
    assert 0.935 <= hits / 2000 <= 0.965  # three standard errors around 0.95


def test_interval_is_clipped_to_the_scale():
    estimate = summarise([0.0, 1.0], 0.0, 1.0)
    assert (estimate.mean, estimate.ci_low, estimate.ci_high) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize(("values", "mean"), [([], None), ([0.25], 0.25)])
def test_no_interval_below_two_values(values, mean):
    estimate = summarise(values, 0.0, 1.0)
    assert (estimate.mean, estimate.n, estimate.ci_low, estimate.ci_high) == (mean, len(values), None, None)
    assert estimate.method.startswith("none")


def test_any_order_gives_the_same_bits():
    values = [0.1, 0.2, 0.3, 1e-17, 0.7]
    assert len({summarise(order, 0.0, 1.0) for order in itertools.permutations(values)}) == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.01, 1.01])
def test_values_off_the_scale_are_refused(bad):
    with pytest.raises(ValueError, match="expected a number in"):
        summarise([0.5, bad], 0.0, 1.0)
    with pytest.raises(ValueError, match="low < high"):
        summarise([0.5], 1.0, 0.0)


def test_quantiles_equal_numpy():
    np = pytest.importorskip("numpy")
    rng = random.Random(5)
    for n in (1, 2, 5, 30):
        values = [rng.random() for _ in range(n)]
        shares = (0.0, 0.05, 0.25, 0.5, 0.9, 1.0)
        assert quantiles(values, shares) == pytest.approx(tuple(np.quantile(values, shares)), abs=1e-12)
    assert quantiles([]) == ()
    with pytest.raises(ValueError, match="share"):
        quantiles([1.0], (1.5,))


def test_every_status_is_counted():
    assert count_statuses([]) == {"ok": 0, "not_applicable": 0, "abstained": 0, "failed": 0}
    assert count_statuses(["failed", "ok", "failed"])["failed"] == 2


def test_importing_costs_no_scipy_and_no_numpy():
    code = "import sys, avgen_bench.statistics; print([m for m in ('scipy', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
