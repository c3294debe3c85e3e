"""Estimates and paired differences: against scipy, textbooks and plain enumeration, coverage, and the edges."""

from __future__ import annotations

import importlib.util
import itertools
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from avgen_bench import resampling, statistics
from avgen_bench.statistics import (
    Column,
    clopper_pearson,
    components,
    count_statuses,
    detectable,
    detectable_between,
    holm,
    paired,
    paired_columns,
    prompts_needed,
    quantiles,
    summarise,
    summarise_columns,
    tiers,
    wilson,
)

np = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")


def column(values, low: float = 0.0, high: float = 1.0) -> Column:
    return Column({f"p{k:03d}": v if isinstance(v, list) else [v] for k, v in enumerate(values)}, low, high)


def bench():
    """The benchmark that prints coverage; its name is that of a well-known package, so it is loaded by its path."""
    path = Path(__file__).resolve().parent.parent / "benchmarks" / "coverage.py"
    spec = importlib.util.spec_from_file_location("coverage_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --------------------------------------------------------------------------- one system


def test_a_prompt_counts_once_whatever_its_takes():
    estimate = summarise([1.0, 1.0, 1.0, 0.0], 0.0, 1.0, ["easy", "easy", "easy", "hard"])
    assert (estimate.mean, estimate.n, estimate.prompts) == (0.5, 4, 2)
    assert summarise([1.0, 1.0, 1.0, 0.0], 0.0, 1.0).mean == 0.75  # without prompts each is its own


def test_takes_that_say_the_same_narrow_nothing():
    rng = random.Random(1)
    levels = [rng.betavariate(5, 3) for _ in range(60)]
    one, four = summarise_columns([column(levels), column([[v] * 4 for v in levels])])
    assert (four.ci_low, four.ci_high) == pytest.approx((one.ci_low, one.ci_high), abs=1e-9)
    naive = summarise([v for v in levels for _ in range(4)], 0.0, 1.0)
    assert naive.ci_high - naive.ci_low < 0.6 * (four.ci_high - four.ci_low)


@pytest.mark.parametrize("n", [20, 100])
def test_interval_agrees_with_scipy_where_numbers_are_even(n):
    rng = np.random.default_rng(n)
    values = rng.beta(8, 6, n)
    estimate = summarise(values.tolist(), 0.0, 1.0)
    assert estimate.method == statistics.STUDENTISED
    t_low, t_high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    found = stats.bootstrap((values,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(0))
    width = t_high - t_low
    for low, high in ((t_low, t_high), found.confidence_interval):
        # BCa is known to be narrow at 20; a wrong scale or level is off by far more
        assert estimate.ci_low == pytest.approx(low, abs=0.09 * width)
        assert estimate.ci_high == pytest.approx(high, abs=0.09 * width)


def test_interval_is_that_of_a_plain_studentised_bootstrap():
    """Resampled one by one, as Efron and Tibshirani (1993, chapter 12) write it; skewed, so both ends differ."""
    rng = np.random.default_rng(4)
    values = rng.beta(0.5, 3, 60)
    estimate = summarise(values.tolist(), 0.0, 1.0)
    students = []
    for _ in range(20000):
        drawn = values[rng.integers(0, 60, 60)]
        students.append((drawn.mean() - values.mean()) / (drawn.std(ddof=1) / math.sqrt(60)))
    error = values.std(ddof=1) / math.sqrt(60)
    low, high = (values.mean() - np.quantile(students, share) * error for share in (0.975, 0.025))
    width = high - low
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((low, high), abs=0.03 * width)
    assert high - values.mean() > 1.15 * (values.mean() - low)  # which a symmetric interval would miss


def test_rates_agree_with_a_textbook_and_scipy():
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29; methods 3 (Wilson) and 5 (Clopper-Pearson)."""
    cases = {
        (81, 263): ((0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148): ((0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20): ((0.0, 0.1611), (0.0, 0.1684)),
        (1, 29): ((0.0061, 0.1718), (0.0009, 0.1776)),
    }
    for (hits, of), (approximate, exact) in cases.items():
        assert wilson(hits, of) == pytest.approx(approximate, abs=5e-5)
        assert clopper_pearson(hits, of) == pytest.approx(exact, abs=5e-5)
        found = stats.binomtest(hits, of).proportion_ci(0.9, method="exact")
        assert clopper_pearson(hits, of, 0.9) == pytest.approx(tuple(found), abs=1e-9)
        values = [1.0] * hits + [0.0] * (of - hits)
        estimate = summarise(values, 0.0, 1.0)
        few = min(hits, of - hits) < statistics.FEW
        assert (estimate.ci_low, estimate.ci_high) == pytest.approx(exact if few else approximate, abs=5e-5)
        assert estimate.method == (statistics.EXACT_RATE if few else statistics.WILSON)
    for bad in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="trial"):
            clopper_pearson(*bad)


def test_the_bound_for_bounded_scores_is_that_of_rates_on_rates():
    for hits, of in ((1, 12), (6, 12), (3, 50)):
        matrix = np.array([[1.0] * hits + [0.0] * (of - hits)])
        [(low, high)] = resampling.bounded(matrix, [f"p{k}" for k in range(of)], 0.95)
        assert (low, high) == pytest.approx(clopper_pearson(hits, of), abs=0.01)


@pytest.mark.parametrize(("value", "n"), [(0.0, 20), (1.0, 20), (0.4, 8), (0.4, 352)])
def test_numbers_that_are_all_alike_have_an_interval(value, n):
    estimate = summarise([value] * n, 0.0, 1.0)
    unseen = 1 - 0.025 ** (1 / n)  # of so large a share of others, n prompts show none once in forty times
    assert estimate.mean == value
    assert (estimate.ci_low, estimate.ci_high) == pytest.approx((value * (1 - unseen), value + unseen * (1 - value)))
    assert estimate.ci_high - estimate.ci_low > 2.5 / n


def test_one_odd_prompt_is_not_taken_for_all_there_is():
    estimate = summarise([0.9] * 29 + [0.8], 0.0, 1.0)
    assert estimate.method == statistics.BOUNDED
    assert estimate.ci_low < 0.85
    assert estimate.ci_high > 0.9


def test_other_scales_are_the_same_interval():
    rng = random.Random(5)
    values = [rng.betavariate(2, 5) for _ in range(40)]
    unit, other = summarise(values, 0.0, 1.0), summarise([60 * value - 10 for value in values], -10.0, 50.0)
    assert (other.mean, other.ci_low, other.ci_high) == pytest.approx(
        tuple(60 * x - 10 for x in (unit.mean, unit.ci_low, unit.ci_high)), abs=1e-6
    )


@pytest.mark.parametrize(("values", "mean"), [([], None), ([0.25], 0.25)])
def test_no_interval_below_two_prompts(values, mean):
    estimate = summarise(values, 0.0, 1.0)
    assert (estimate.mean, estimate.n, estimate.ci_low, estimate.ci_high) == (mean, len(values), None, None)
    assert estimate.method.startswith("none")
    same = summarise([0.25, 0.75], 0.0, 1.0, ["p", "p"])
    assert (same.mean, same.n, same.prompts, same.ci_low) == (0.5, 2, 1, None)


def test_any_order_gives_the_same_bits():
    values = [0.1, 0.2, 0.3, 1e-17, 0.7]
    assert len({summarise(order, 0.0, 1.0) for order in itertools.permutations(values)}) == 1
    rng = random.Random(2)
    pairs = [(f"p{k % 15}", rng.random()) for k in range(45)]
    found = set()
    for seed in range(5):
        random.Random(seed).shuffle(pairs)
        found.add(summarise([value for _, value in pairs], 0.0, 1.0, [name for name, _ in pairs]))
    assert len({(item.mean, round(item.ci_low, 12), round(item.ci_high, 12)) for item in found}) == 1


def test_an_interval_does_not_depend_on_what_stands_beside_it():
    rng = random.Random(8)
    mine = column([rng.random() for _ in range(30)])
    other = Column({f"q{k}": [rng.random()] for k in range(300)}, 0.0, 1.0)
    [alone], [_, beside] = summarise_columns([mine]), summarise_columns([other, mine])
    assert (alone.ci_low, alone.ci_high) == pytest.approx((beside.ci_low, beside.ci_high), abs=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.01, 1.01])
def test_values_off_the_scale_are_refused(bad):
    with pytest.raises(ValueError, match="expected a number in"):
        summarise([0.5, bad], 0.0, 1.0)
    with pytest.raises(ValueError, match="low < high"):
        summarise([0.5], 1.0, 0.0)
    with pytest.raises(ValueError, match="zip"):
        summarise([0.5, 0.6], 0.0, 1.0, ["p"])


# --------------------------------------------------------------------------- coverage


def test_intervals_cover_as_often_as_they_say():
    """2000 simulations: three standard errors are 1.5 points, less than a method that is narrow falls short by."""
    made, name = bench(), "skewed low, 1 take"
    found = made.cover(name, 20, 2000)
    assert 0.935 <= found["covers"] <= 0.965, found
    draw, truth = made.SCORES[name]
    rng, narrow, plain = made._rng(7, name, 20), 0, 0
    resampled = np.random.default_rng(1)
    for _ in range(2000):
        [scores] = draw(rng, 20).T
        narrow += abs(scores.mean() - truth) <= stats.t.ppf(0.975, 19) * stats.sem(scores)
        low, high = np.quantile(scores[resampled.integers(0, 20, (400, 20))].mean(1), (0.025, 0.975))
        plain += low <= truth <= high
    assert max(narrow, plain) / 2000 < 0.93, "Student's interval, or plain percentiles, would do: the range is too wide"


def test_intervals_with_takes_and_floors_cover():
    """300 simulations: three standard errors are 3.8 points. Clips in place of prompts fail it."""
    made = bench()
    for name, n in (("even, 4 takes", 20), ("60 % at the floor", 50)):
        found = made.cover(name, n, 300)
        assert 0.912 <= found["covers"] <= 0.988, (name, found)
    found = made.cover("0/1, one in ten, 1 take", 20, 300)
    assert found["exact"] == 1.0
    assert found["covers"] >= 0.95 - 0.038


def test_an_interval_over_clips_would_not_cover():
    rng = np.random.default_rng(3)
    draw, truth = bench().SCORES["even, 4 takes"]
    hits = 0
    for _ in range(200):
        scores = draw(rng, 40)
        found = summarise([float(v) for takes in scores for v in takes], 0.0, 1.0)
        hits += found.ci_low <= truth <= found.ci_high
    assert hits / 200 < 0.88


@pytest.mark.parametrize(("name", "takes"), [("even", 1), ("skewed high", 4)])
def test_the_paired_test_keeps_its_error(name, takes):
    found = bench().compare(name, 20, takes, 600)
    assert 0.023 <= found["rejects"] <= 0.077  # three standard errors around 5 %
    assert 0.923 <= found["covers"] <= 0.977


def test_the_paired_test_finds_what_is_there():
    found = bench().compare("15 % and 30 % at the floor", 100, 4, 200)
    assert found["rejects"] > 0.9
    assert found["covers"] > 0.9


# --------------------------------------------------------------------------- pairs

DARWIN = (49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48)
"""Differences of crossed and self-fertilised plants in eighths of an inch (Fisher 1935, The Design of Experiments)."""


def test_sign_flips_agree_with_fisher():
    a = column([100 + value for value in DARWIN], 0, 200)
    b = column([100] * 15, 0, 200)
    found = paired(a, b)
    assert found.difference == pytest.approx(314 / 15)
    assert found.p == pytest.approx(1726 / 32768)  # section 21: 863 of 32,768 sums are as great, and as many as small
    assert found.test == "sign flips, all"


@pytest.mark.parametrize("n", [12, 60])
def test_sign_flips_agree_with_scipy(n):
    rng = np.random.default_rng(n)
    off = rng.beta(3, 3, n) - 0.43
    found = paired(column((0.5 + off / 2).tolist()), column([0.5] * n))
    theirs = stats.permutation_test(
        (0.5 + off / 2, np.full(n, 0.5)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=50000 if n > 16 else np.inf,
        rng=np.random.default_rng(0),
    )
    assert 0.01 < theirs.pvalue < 0.3
    assert found.p == pytest.approx(theirs.pvalue, abs=1e-9 if n <= 16 else 4 * math.sqrt(theirs.pvalue / 10000))


def test_the_interval_holds_what_the_test_does_not_reject():
    """Every flip of 12 differences, at each value: the ends are where the test at 5 % begins to reject."""
    rng = np.random.default_rng(9)
    off = rng.standard_t(4, 12) / 12 + 0.05
    found = paired(column((0.5 + off / 2).tolist()), column([0.5] * 12))
    assert found.method == statistics.SUBSETS
    flips = 1 - 2 * ((np.arange(4096)[:, None] >> np.arange(12)) & 1)

    def p(value: float) -> float:
        shifted = off / 2 - value
        return np.mean(np.abs(flips @ shifted) >= abs(shifted.sum()) - 1e-12)

    steps = np.linspace(-0.3, 0.3, 2401)
    kept = [value for value in steps if p(value) > 0.05]
    width = kept[-1] - kept[0]
    assert (found.ci_low, found.ci_high) == pytest.approx((kept[0], kept[-1]), abs=0.03 * width)


def test_far_out_the_test_has_a_bound_below_what_draws_can_show():
    rng = random.Random(6)
    a = [0.6 + 0.1 * rng.random() for _ in range(200)]
    found = paired(column(a), column([0.5] * 200))
    assert found.p < 1e-20
    middling = paired(column(a[:17]), column([0.5] * 17))
    assert 2 * 0.5**17 <= middling.p <= 1e-4 + 1e-12  # never below the share of the flips that reach it


def test_pairs_are_the_prompts_of_both():
    a = Column({"p": [0.5], "q": [0.75, 0.25], "mine": [1.0]}, 0.0, 1.0)
    b = Column({"p": [0.25], "q": [0.25], "theirs": [0.0], "none": []}, 0.0, 1.0)
    found = paired(a, b)
    assert (found.n, found.mean_a, found.mean_b, found.difference) == (2, 0.5, 0.25, 0.25)
    nothing = paired(a, Column({"theirs": [0.0]}, 0.0, 1.0))
    assert (nothing.n, nothing.difference, nothing.p, nothing.ci_low) == (0, None, 1.0, None)
    with pytest.raises(ValueError, match="expected the same"):
        paired(a, Column({"p": [0.25]}, 0.0, 2.0))


def test_twins_do_not_differ_and_are_not_known_to_be_alike():
    rng = random.Random(7)
    same = column([rng.random() for _ in range(40)])
    found = paired(same, same)
    assert (found.difference, found.p, found.mdd) == (0.0, 1.0, None)
    assert found.ci_low < -0.05 < 0.05 < found.ci_high  # one prompt in ten or so may yet differ as far as it can


def test_sides_change_places_with_the_sign():
    rng = random.Random(12)
    a, b = (column([rng.random() for _ in range(30)]) for _ in "ab")
    one, other = paired_columns([(a, b), (b, a)])
    assert one.difference == pytest.approx(-other.difference)
    assert (one.ci_low, one.ci_high) == pytest.approx((-other.ci_high, -other.ci_low), abs=1e-9)
    assert one.p == other.p


def test_holm_is_r_s_p_adjust():
    # p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") and a case with a tie and one above 1
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.5, 0.5, 0.001]) == pytest.approx([1.0, 1.0, 0.003])
    assert holm([]) == []


def test_tiers_open_where_one_is_worse_than_the_best():
    worse = {("c", "a"), ("d", "a"), ("d", "c")}
    assert tiers("abcd", lambda it, best: (it, best) in worse) == [["a", "b"], ["c"], ["d"]]
    # b is beaten by nobody, and c by b alone, which is not the best of their tier
    assert tiers("abc", lambda it, best: (it, best) == ("c", "b")) == [["a", "b", "c"]]


# --------------------------------------------------------------------------- spread and power


def test_components_are_those_of_the_textbook():
    """A balanced one-way layout: 4 groups of 4, worked out from the mean squares that scipy's F test confirms."""
    groups = {"a": [3.28, 3.09, 3.03, 3.03], "b": [3.52, 3.48, 3.38, 3.38]}
    groups |= {"c": [2.88, 2.80, 2.81, 2.76], "d": [3.34, 3.38, 3.23, 3.26]}
    within = math.fsum(np.var(takes, ddof=1) for takes in groups.values()) / 4
    between = 4 * np.var([np.mean(takes) for takes in groups.values()], ddof=1)
    f = stats.f_oneway(*groups.values()).statistic
    found = components(groups)
    assert between / within == pytest.approx(f)
    assert (found.take, found.prompt) == pytest.approx((within, (between - within) / 4))
    assert found.total == pytest.approx(between / 4)
    assert components(groups, judge=0.001).take == pytest.approx(within - 0.001)


def test_components_recover_what_was_put_in():
    rng = np.random.default_rng(2)
    values = {}
    for k in range(3000):
        level = rng.normal(0, 2)
        values[f"p{k}"] = (level + rng.normal(0, 1, rng.integers(1, 5))).tolist()
    found = components(values)
    assert found.prompt == pytest.approx(4, rel=0.08)
    assert found.take == pytest.approx(1, rel=0.06)


def test_components_that_cannot_be_told_are_none():
    found = components({"a": [0.5], "b": [0.7]})
    assert (found.prompt, found.take, found.judge, found.takes) == (None, None, None, 1.0)
    assert found.total == pytest.approx(0.02)
    assert components({}).total is None


@pytest.mark.parametrize(("effect", "g_power"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_prompts_needed_are_those_of_g_power(effect, g_power):
    """Paired t test, two-sided 5 %, 80 % power: what G*Power 3.1 prints, and the noncentral t confirms."""
    n = prompts_needed(1.0, effect)
    assert abs(n - g_power) <= 1
    edge = stats.t.ppf(0.975, n - 1)
    power = stats.nct.sf(edge, n - 1, effect * math.sqrt(n)) + stats.nct.cdf(-edge, n - 1, effect * math.sqrt(n))
    assert 0.785 <= power <= 0.825
    assert detectable(1.0, n) <= effect < detectable(1.0, n - 1)


def test_power_knows_its_edges():
    assert detectable(1.0, 1) is None
    assert detectable(0.0, 20) is None
    assert prompts_needed(0.0, 0.1) == 7
    for bad in ((1.0, 0.0), (1.0, -1.0), (-1.0, 0.1)):
        with pytest.raises(ValueError, match="expected a difference"):
            prompts_needed(*bad)


@pytest.mark.parametrize(("alpha", "tests"), [(0.05, 1), (0.05, 6), (0.01, 1), (0.001, 3)])
def test_fewer_prompts_than_the_fewest_never_decide(alpha, tests):
    """The plainest difference there is, all of the scale or nearly: the test itself says from where on it decides."""

    def decides(n: int) -> bool:
        found = paired(column([0.9 + 0.005 * k for k in range(n)]), column([0.0] * n), level=1 - alpha)
        return holm([found.p] + [1.0] * (tests - 1))[0] <= alpha and found.ci_low > 0

    fewest = statistics.fewest_prompts(alpha, tests)
    assert decides(fewest)
    if fewest > 7:  # with seven, it is the interval that asks for one more than the test
        assert not decides(fewest - 1)
    assert detectable(0.1, statistics.fewest_prompts(alpha), alpha) is not None
    assert detectable(0.1, statistics.fewest_prompts(alpha) - 1, alpha) is None
    assert prompts_needed(0.001, 0.9, alpha) == statistics.fewest_prompts(alpha)


def test_prompts_that_are_absent_on_both_sides_tell_nothing_of_the_spread():
    rng = random.Random(6)
    a, b = ([rng.random() for _ in range(12)] for _ in "ab")
    (made, _), _ = detectable_between([column(a), column(b)])
    padded = [column(values + [0.0] * 80) for values in (a, b)]
    gone = {f"p{k:03d}" for k in range(12, 92)}
    (kept, basis), _ = detectable_between(padded, absent=[gone, gone])
    assert (kept, basis) == (pytest.approx(made), "paired")
    (one_side, _), _ = detectable_between(padded, absent=[gone, set()])  # these are at the floor, and are pairs
    assert one_side < made / 3
    assert detectable_between(padded[:1], absent=[gone]) == detectable_between([column(a)])
    assert detectable_between([column(a[:6])]) == [(None, "too few")]


def test_pairing_lowers_what_can_be_found():
    rng = random.Random(3)
    levels = [rng.betavariate(5, 5) for _ in range(60)]
    a, b = (column([min(1.0, max(0.0, v + rng.gauss(0, 0.02))) for v in levels]) for _ in "ab")
    ((alone, basis),) = detectable_between([a])
    (together, how), _ = detectable_between([a, b])
    assert (basis, how) == ("alone", "paired")
    assert together < alone / 3
    assert detectable_between([column([0.5])]) == [(None, "")]
    assert detectable_between([column([0.0, 1.0])]) == [(None, "too few")]  # it would be fourteen times the scale


# --------------------------------------------------------------------------- shapes and counts


def test_quantiles_equal_numpy():
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
