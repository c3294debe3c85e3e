"""Weighted totals: the published rows, the rules for what is missing, intervals, and what the order owes to weights."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from avgen_bench import report, totals
from avgen_bench.errors import InputError
from avgen_bench.published import Published, half_unit, load_published, reproduce
from avgen_bench.types import Clip, DimensionFacts, Measurement

ROOT = Path(__file__).resolve().parent.parent
OFFICIAL = totals.load_table("official")
AS_PUBLISHED = totals.load_table("official-as-published")
ROWS = load_published()


# --------------------------------------------------------------------------- the published rows


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.system)
def test_a_published_total_follows_from_the_published_means(row: Published) -> None:
    found = reproduce(AS_PUBLISHED, row)
    assert found.ok
    # a total that no rounding explains is not reproduced
    assert not reproduce(AS_PUBLISHED, replace(row, total=f"{found.high + 0.02:.2f}")).ok
    assert not reproduce(AS_PUBLISHED, replace(row, total=f"{found.low - 0.02:.2f}")).ok


def test_the_order_of_the_published_totals_is_reproduced() -> None:
    assert len(ROWS) == 13
    published = sorted(ROWS, key=lambda row: -float(row.total))
    computed = sorted(ROWS, key=lambda row: -reproduce(AS_PUBLISHED, row).computed)
    assert [row.system for row in computed] == [row.system for row in published]


def test_every_published_row_is_whole_and_says_where_it_is_from() -> None:
    data = json.loads((ROOT / "avgen_bench/totals_data/published.json").read_text(encoding="utf-8"))
    assert len(data["commit"]) == 40 and data["source"].startswith("microsoft/AVGen-Bench") and data["date"]
    for row in ROWS:
        assert set(row.printed) == set(OFFICIAL.dimensions)
        for metric in OFFICIAL.metrics:
            low, high = sorted((metric.worst_at, metric.best_at))
            assert low <= float(row.printed[metric.dimension]) <= high


def test_the_benchmark_prints_both_tables() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/published.py"), "--without", "AV"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "13 of 13 reproduced; the order is the same" in done.stdout
    assert "without AV" in done.stdout and "as published" in done.stdout


def test_the_allowance_follows_from_the_digits() -> None:
    row = ROWS[0]
    finer = {**row.printed, "upstream.av": "0.1500"}
    found, less = reproduce(AS_PUBLISHED, row), reproduce(AS_PUBLISHED, replace(row, printed=finer))
    # AV is printed to 0.01 s of a scale of 0.5 s, with a share of 0.1: half a unit is 0.1 points of the total
    assert found.high - less.high == pytest.approx(0.1 * 100 * (0.005 - 0.00005) / 0.5)
    assert half_unit("4.14") == 0.005


@pytest.mark.parametrize("metric", [metric.name for metric in OFFICIAL.metrics])
def test_without_a_metric_the_total_falls_or_is_normalised_again(metric: str) -> None:
    dimension = next(one.dimension for one in OFFICIAL.metrics if one.name == metric)
    for row in ROWS:
        whole = totals.total(OFFICIAL, row.means)
        less = {name: value for name, value in row.means.items() if name != dimension}
        strict, loose = totals.total(OFFICIAL, less), totals.total(AS_PUBLISHED, less)
        part = next(part for part in whole.parts if part.name == metric)
        assert part.normalised is not None and whole.score is not None
        assert strict.missing == loose.missing == (metric,)
        assert strict.score == pytest.approx(whole.score - part.weight * part.normalised)
        assert strict.score is not None and strict.score < whole.score
        assert loose.score == pytest.approx((whole.score - part.weight * part.normalised) / (1 - part.weight))
        assert strict.coverage == loose.coverage == pytest.approx(1 - part.weight)
        assert next(part for part in strict.parts if part.name == metric).source == "missing"


def test_both_rules_agree_where_nothing_is_missing() -> None:
    for row in ROWS:
        assert totals.total(OFFICIAL, row.means).score == totals.total(AS_PUBLISHED, row.means).score


def test_the_shares_are_those_of_the_groups() -> None:
    shares = OFFICIAL.shares
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["Vis"] == shares["Lip"] == pytest.approx(0.1)
    assert shares["Music"] == pytest.approx(0.6 / 7)


def test_nothing_at_all_is_zero_or_no_number() -> None:
    assert totals.total(OFFICIAL, {}).score == 0.0
    assert totals.total(AS_PUBLISHED, {}).score is None
    assert totals.total(AS_PUBLISHED, {}).groups == {"basic": None, "cross": None, "fine": None}


@pytest.mark.parametrize(
    ("mean", "normalised"),
    [(0.0, 100.0), (0.25, 50.0), (0.5, 0.0), (1.9, 0.0)],
    ids=["best", "half", "worst", "beyond"],
)
def test_a_metric_is_cut_off_at_its_ends(mean: float, normalised: float) -> None:
    [metric] = [metric for metric in OFFICIAL.metrics if metric.name == "AV"]
    assert metric.normalise(mean) == pytest.approx(normalised)


# --------------------------------------------------------------------------- tables of one's own


def _own() -> dict[str, Any]:
    metrics = [
        {"name": "look", "dimension": "visual_quality", "weight": 3, "worst_at": 0, "best_at": 1},
        {"name": "sound", "dimension": "audio_quality", "weight": 1, "worst_at": 0, "best_at": 1},
    ]
    return {
        "schema": "avgen-bench/weights/1",
        "name": "mine",
        "version": "1",
        "reference": "our own",
        "missing_metric": "worst",
        "failed_clip": "worst",
        "groups": [{"name": "all", "weight": 7, "metrics": metrics}],
    }


def _change(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    table = _own()
    place: Any = table
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return table


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("schema",), "avgen-bench/weights/9", "schema"),
        (("missing_metric",), "ignore", "missing_metric"),
        (("failed_clip",), None, "failed_clip"),
        (("groups",), [], "groups"),
        (("groups",), {}, "groups"),
        (("groups", 0, "weight"), 0, "weight"),
        (("groups", 0, "weight"), float("nan"), "weight"),
        (("groups", 0, "weight"), True, "weight"),
        (("groups", 0, "metrics", 0, "weight"), -1, "weight"),
        (("groups", 0, "metrics", 0, "best_at"), 0, "best_at"),
        (("groups", 0, "metrics", 0, "worst_at"), "0", "worst_at"),
        (("groups", 0, "metrics", 0, "extra"), 1, "extra"),
        (("groups", 0, "metrics", 1, "dimension"), "visual_quality", "twice"),
        (("groups", 0, "metrics", 1, "name"), "look", "twice"),
        (("reference",), " ", "reference"),
        (("groups", 0, "metrics", 0), "look", "object"),
    ],
)
def test_a_wrong_table_is_refused_by_name(path: tuple[Any, ...], value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        totals.parse_table(_change(path, value), "mine.json")


def test_a_table_is_a_file_or_a_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("\ufeff" + json.dumps(_own()), encoding="utf-8")
    assert totals.load_table(file).shares == {"look": 0.75, "sound": 0.25}
    for content in ("[", "[" * 100_000, "\xff"):
        file.write_text(content, encoding="latin-1")
        with pytest.raises(InputError, match=r"mine\.json"):
            totals.load_table(file)
    with pytest.raises(InputError, match="official-as-published"):
        totals.load_table("offical")


def test_the_digest_changes_with_all_that_changes_a_total() -> None:
    digest = totals.parse_table(_own(), "").digest
    changes: list[tuple[tuple[Any, ...], Any]] = [
        (("missing_metric",), "leave_out"),
        (("failed_clip",), "leave_out"),
        (("version",), "2"),
        (("groups", 0, "metrics", 0, "weight"), 4),
        (("groups", 0, "metrics", 0, "best_at"), 0.9),
        (("groups", 0, "metrics", 0, "dimension"), "av_sync"),
    ]
    digests = {totals.parse_table(_change(path, value), "").digest for path, value in changes}
    assert len(digests | {digest}) == 1 + len(changes)
    assert totals.parse_table(_change(("summary",), "words"), "").digest == digest


# --------------------------------------------------------------------------- intervals


def _table(**more: str) -> totals.WeightTable:
    return totals.parse_table({**_own(), **more}, "mine")


def _values(seed: int, n: int) -> dict[str, dict[str, list[float]]]:
    source = random.Random(seed)
    look = {f"p{k}": [source.betavariate(2, 3)] for k in range(n)}
    # the same prompts are hard for both
    sound = {name: [min(1.0, 0.5 * rows[0] + 0.5 * source.random())] for name, rows in look.items()}
    return {"visual_quality": look, "audio_quality": sound}


def _means(values: dict[str, dict[str, list[float]]]) -> dict[str, float | None]:
    return {name: statistics.fmean(rows[0] for rows in mine.values()) for name, mine in values.items()}


def test_the_interval_is_that_of_the_weighted_value_of_each_prompt() -> None:
    values = _values(1, 200)
    found = totals.total(_table(), _means(values), values)
    weighted = [
        75 * values["visual_quality"][p][0] + 25 * values["audio_quality"][p][0] for p in values["audio_quality"]
    ]
    # all metrics share each draw, so the total is a mean over prompts, and its spread that of a mean
    half = 1.96 * statistics.stdev(weighted) / len(weighted) ** 0.5
    assert found.score is not None and found.ci_low is not None and found.ci_high is not None
    assert found.score == pytest.approx(statistics.fmean(weighted))
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(half, rel=0.05)
    assert found.prompts == 200


def test_the_interval_covers_the_truth() -> None:
    table, hits, runs = _table(), 0, 300
    many = _values(0, 60_000)
    truth = totals.total(table, _means(many)).score
    assert truth is not None
    for seed in range(1, runs + 1):
        values = _values(seed, 60)
        found = totals.total(table, _means(values), values, draws=1000, seed=seed)
        assert found.ci_low is not None and found.ci_high is not None
        hits += found.ci_low <= truth <= found.ci_high
    assert 0.91 <= hits / runs <= 0.98  # 95 % with four standard errors of 300 runs below, and the percentile's bias


def test_few_prompts_give_no_interval() -> None:
    for count in (2, 10, 11):
        values = {metric.dimension: {f"p{k}": [0.1 * k] for k in range(count)} for metric in _table().metrics}
        found = totals.total(_table(), _means(values), values)
        assert (found.ci_low is None) == (count < 11) and (count < 11) == ("knows too little" in found.method)


def test_without_values_there_is_no_interval_and_it_says_so() -> None:
    values = _values(1, 30)
    del values["audio_quality"]
    found = totals.total(_table(), {"visual_quality": 0.5, "audio_quality": 0.5}, values)
    assert (found.ci_low, found.ci_high) == (None, None)
    assert "sound" in found.method and "look" not in found.method
    # held at its mean, the bare metric adds nothing to the spread: three quarters of that of the other
    alone = totals.total(_table(), {"visual_quality": 0.5}, values)
    assert None not in (found.held_low, found.held_high, alone.ci_low, alone.ci_high)
    assert found.held_high - found.held_low == pytest.approx(alone.ci_high - alone.ci_low)
    assert found.held_low == pytest.approx(alone.ci_low + 0.25 * 50)
    # a metric that is missing needs no values: it is known to be the worst
    missing = totals.total(_table(), {"visual_quality": 0.5}, values)
    assert missing.ci_low is not None


def test_a_metric_with_values_of_one_prompt_in_many_gives_no_interval() -> None:
    values = _values(1, 30)
    values["audio_quality"] = {"p0": [0.5]}
    assert totals.total(_table(), _means(values), values).ci_low is None


def test_the_same_bytes_for_any_order_and_the_same_seed() -> None:
    values = _values(3, 40)
    turned = {name: dict(reversed(list(rows.items()))) for name, rows in values.items()}
    means = _means(values)
    first = totals.total(_table(), means, values).to_json()
    assert totals.total(_table(), means, turned).to_json() == first
    assert totals.total(_table(), means, values, seed=1).to_json() != first


# --------------------------------------------------------------------------- sensitivity


def test_an_order_that_no_weight_can_turn_holds_always() -> None:
    means: dict[str, dict[str, float | None]] = {
        "good": {"visual_quality": 0.9, "audio_quality": 0.9},
        "bad": {"visual_quality": 0.2, "audio_quality": 0.2},
    }
    found = totals.sensitivity(_table(), means, draws=500)
    assert found["order"] == ["good", "bad"]
    assert found["pairs"] == [{"above": "good", "below": "bad", "holds": 1.0}]
    assert found["ranks"] == {"good": [1, 1], "bad": [2, 2]}
    assert not any(row["moved"] for row in found["leave_one_out"])


def test_an_order_that_rests_on_a_weight_is_told() -> None:
    means: dict[str, dict[str, float | None]] = {
        "seen": {"visual_quality": 0.5, "audio_quality": 0.0},
        "heard": {"visual_quality": 0.0, "audio_quality": 1.0},
    }
    # 0.75 x 0.5 = 0.375 against 0.25: the order turns where the share of sound passes one third
    found = totals.sensitivity(_table(), means, draws=4000)
    assert found["order"] == ["seen", "heard"]
    # Beta(25, 75) is above 1/3 with probability 0.035 (its distribution function, computed by scipy.stats)
    stats = pytest.importorskip("scipy.stats")
    expected = float(stats.beta(25, 75).cdf(1 / 3))
    assert found["pairs"][0]["holds"] == pytest.approx(expected, abs=0.012)
    without = {row["metric"]: row["order"] for row in found["leave_one_out"]}
    assert without == {"look": ["heard", "seen"], "sound": ["seen", "heard"]}


def test_a_looser_distribution_shakes_the_order_more() -> None:
    systems = {row.system: dict(row.means) for row in ROWS}
    near, far = (
        totals.sensitivity(OFFICIAL, systems, draws=2000, concentration=concentration)
        for concentration in (1000.0, 20.0)
    )
    assert near["order"] == far["order"] == [row.system for row in ROWS]
    assert sum(pair["holds"] for pair in near["pairs"]) > sum(pair["holds"] for pair in far["pairs"])


# --------------------------------------------------------------------------- of a report


def _report(
    cells: dict[tuple[str, str, str], tuple[str, float | None]], absent: tuple[str, ...] = ()
) -> dict[str, Any]:
    names = ("visual_quality", "audio_quality")
    facts = [DimensionFacts(name, "perceptual", "1", "score", 0.0, 1.0, 0.0, 1, (), "", "") for name in names]
    clips: dict[tuple[str, str], Clip] = {}
    measurements = []
    for (system, prompt, name), (status, value) in cells.items():
        path = "" if prompt in absent else f"{prompt}.mp4"
        clip = clips.setdefault((system, prompt), Clip("" if not path else "a" * 64, path, prompt, system))
        reason = "" if status == "ok" else "made up"
        measurements.append(
            Measurement(name, "1", clip.clip_id, clip.key, prompt, status, value, reason, (), (), "made-up")  # type: ignore[arg-type]
        )
    return report.build(measurements, list(clips.values()), facts)


def test_failed_and_missing_clips_count_as_the_table_says() -> None:
    cells: dict[tuple[str, str, str], tuple[str, float | None]] = {}
    for prompt, value in (("p1", 0.8), ("p2", 0.6), ("p3", None), ("p4", 0.0)):
        cells["m", prompt, "visual_quality"] = ("ok", value) if value is not None else ("failed", None)
        cells["m", prompt, "audio_quality"] = ("abstained", None) if prompt == "p1" else ("ok", 0.5)
    made = _report(cells, absent=("p4",))
    [strict] = totals.of_report(made, _table())["systems"]
    [loose] = totals.of_report(made, _table(failed_clip="leave_out"))["systems"]
    raw = {part["name"]: part["raw"] for part in strict["parts"]}
    assert raw["look"] == pytest.approx((0.8 + 0.6) / 4)  # p3 failed and p4 has no clip: both at the worst
    assert raw["sound"] == pytest.approx((0.5 + 0.5) / 3, rel=1e-5)  # the abstained one counts in neither
    assert strict["lost"] == {"visual_quality": 2, "audio_quality": 1}
    raw = {part["name"]: part["raw"] for part in loose["parts"]}
    assert raw == {"look": pytest.approx(0.7), "sound": pytest.approx(0.5)}
    assert loose["lost"] == {}


def test_prompts_without_a_clip_are_no_number_by_themselves() -> None:
    """Every clip is abstained from; that one prompt has none would be the only number."""
    cells: dict[tuple[str, str, str], tuple[str, float | None]] = {}
    for prompt in ("p1", "p2", "p3"):
        cells["m", prompt, "visual_quality"] = ("ok", 0.0 if prompt == "p3" else 0.8)
        cells["m", prompt, "audio_quality"] = ("ok", 0.0) if prompt == "p3" else ("abstained", None)
    [found] = totals.of_report(_report(cells, absent=("p3",)), _table())["systems"]
    raw = {part["name"]: part["raw"] for part in found["parts"]}
    assert raw == {"look": pytest.approx(1.6 / 3), "sound": None} and found["lost"] == {"visual_quality": 1}


def test_a_report_without_the_tables_dimensions_is_refused() -> None:
    made = _report({("m", "p1", "visual_quality"): ("ok", 0.5)})
    with pytest.raises(InputError, match=r"upstream\.vis.*visual_quality"):
        totals.of_report(made, OFFICIAL)


def test_neighbours_are_compared_on_the_same_draws() -> None:
    cells: dict[tuple[str, str, str], tuple[str, float | None]] = {}
    source = random.Random(5)
    for k in range(40):
        hard = source.random()
        for system, plus in (("a", 0.02), ("b", 0.0)):
            for name in ("visual_quality", "audio_quality"):
                cells[system, f"p{k}", name] = ("ok", round(0.1 + 0.8 * hard + plus + 0.01 * source.random(), 4))
    found = totals.of_report(_report(cells), _table())
    [pair] = found["pairs"]
    # each total is uncertain by far more than the difference, which is nearly the same on every prompt
    assert found["systems"][0]["ci_low"] < found["systems"][1]["score"]
    assert (pair["above"], pair["below"]) == ("a", "b")
    assert 1.0 < pair["ci_low"] < pair["difference"] < pair["ci_high"] < 3.0
