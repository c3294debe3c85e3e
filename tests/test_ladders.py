"""Ladders: what obeys has tau 1 and slope 1, what ignores has about 0, what inverts has -1."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from values import media_facts, rung

from avgen_bench import ladders
from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene
from avgen_bench.runner import score
from avgen_bench.types import FaceTracks, LoudnessCurve, Onsets, Shots

AMOUNTS = {
    "tempo": [60, 80, 105, 140],
    "pitch": [48, 55, 60, 67],
    "event_count": [1, 3, 5, 8],
    "event_rate": [0.5, 1, 2, 4],
    "playing_speed": [0.25, 0.5, 1, 2],
    "face_count": [1, 2, 4, 6],
    "text_length": [3, 8, 14, 25],
    "shot_count": [1, 2, 3, 5],
    "speech_rate": [90, 120, 160, 210],
}


@pytest.mark.parametrize("dial", AMOUNTS)
def test_obeying_ignoring_and_inverting(dial: str) -> None:
    amounts = AMOUNTS[dial]
    obeys = ladders.respond("g", dial, amounts, [float(a) for a in amounts])
    assert (obeys.tau, obeys.monotonic, obeys.saturation) == (1.0, 1.0, 0.0)
    assert obeys.slope == pytest.approx(1.0)
    middle = float(amounts[1])
    ignores = ladders.respond("g", dial, amounts, [middle] * len(amounts))
    assert (ignores.tau, ignores.monotonic, ignores.saturation) == (0.0, 0.0, 1.0)
    assert ignores.slope == pytest.approx(0.0)
    inverts = ladders.respond("g", dial, amounts, [float(a) for a in reversed(amounts)])
    assert (inverts.tau, inverts.monotonic) == (-1.0, 0.0)
    assert inverts.slope is not None
    assert inverts.slope < -0.5


def test_half_the_dial_has_half_the_slope() -> None:
    found = ladders.respond("g", "tempo", [60, 120, 240], [60.0, 60.0 * 2**0.5, 120.0])
    assert found.slope == pytest.approx(0.5)
    assert found.tau == 1.0


def test_a_speed_has_no_absolute_scale_but_its_ratios_do() -> None:
    assert ladders.respond("g", "playing_speed", [0.25, 0.5, 1], [0.1, 0.2, 0.4]).slope == pytest.approx(1.0)


def test_tau_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(5)
    for _ in range(200):
        size = rng.randint(3, 6)
        asked = sorted(rng.sample(range(100), size))
        got = [float(rng.randint(0, 4)) for _ in range(size)]
        expected = stats.kendalltau(asked, got).statistic
        found = ladders.respond("g", "pitch", asked, got).tau
        assert found == pytest.approx(0.0 if expected != expected else expected)


def test_rungs_without_a_reading_are_counted_not_guessed() -> None:
    found = ladders.respond("g", "face_count", [1, 2, 4, 6], [1.0, None, 4.0, None])
    assert (found.rungs, found.read, found.tau) == (4, 2, None)
    [row, total] = ladders.summarise_dials([found])
    assert (row["groups"], row["answered"], row["tau"]) == (1, 0, None)
    assert total["rungs"] == 4


def test_intervals_are_over_groups() -> None:
    groups = [ladders.respond(f"g{n}", "tempo", [60, 90, 120], [60.0, 90.0, 120.0]) for n in range(5)]
    groups += [ladders.respond(f"h{n}", "tempo", [60, 90, 120], [120.0, 90.0, 60.0]) for n in range(5)]
    row = ladders.summarise_dials(groups)[0]
    assert row["tau"] == 0.0
    low, high = row["tau_ci"]
    assert -1 <= low < -0.3
    assert 0.3 < high <= 1


def test_readings() -> None:
    media = media_facts(8.0)
    assert ladders.reading(rung("loudness"), media, {"loudness": LoudnessCurve((), (), -23.0, 0.0, -1.0)}) == -23.0
    assert ladders.reading(rung("loudness"), media, {"loudness": LoudnessCurve((), (), None, 0.0, -1.0)}) is None
    assert ladders.reading(rung("tempo"), media, {"beats": Onsets((), (), 96.0, 0.9)}) == 96.0
    assert ladders.reading(rung("shot_count"), media, {"cuts": Shots((2.0, 4.0), (1.0, 1.0))}) == 3
    onsets = Onsets((0.5, 1.0, 1.5, 6.0), (20.0,) * 4)
    window = {"kind": "event_count", "event": "x", "count_min": 3, "count_max": 3, "window_end": 0.5}
    assert ladders.reading(rung("event_count", window), media, {"onsets": onsets}) == 3
    assert ladders.reading(rung("event_rate"), media, {"onsets": onsets}) == pytest.approx(2.0)
    tracks = FaceTracks((), (), (), (), (), (), (0.0, 0.5, 1.0), (2, 5, 2))
    assert ladders.reading(rung("face_count"), media, {"faces": tracks}) == 2  # five were seen in one look only
    assert ladders.reading(rung("face_count"), media, {}) is None


# --------------------------------------------------------------------------- rendered ladders, scored like any clips

COUNTS = (1, 3, 5, 8)


def _knocks(name: str, count: int) -> Scene:
    rng = np.random.default_rng(count)
    sound = np.zeros(4 * 48000, dtype=np.float32)
    for number in range(count):
        start = int((0.3 + 3.4 * number / max(COUNTS)) * 48000)
        length = 4800
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / 600)
        sound[start : start + length] += (0.3 * burst).astype(np.float32)
    grey = np.full((90, 160, 3), 110, dtype=np.uint8)
    return Scene(name, 160, 90, 10.0, 4.0, lambda index: grey, sound[None, :])


@pytest.mark.parametrize(
    ("system", "played", "tau", "slope"),
    [
        ("obeys", COUNTS, 1.0, 1.0),
        ("ignores", (3, 3, 3, 3), 0.0, 0.0),
        ("inverts", tuple(reversed(COUNTS)), -1.0, -1.0),
    ],
)
def test_rendered_ladders(tmp_path: Path, system: str, played: tuple[int, ...], tau: float, slope: float) -> None:
    rows = []
    (tmp_path / "clips").mkdir()
    for place, (asked, made) in enumerate(zip(COUNTS, played, strict=True), 1):
        name = f"ladder-knocks-{place}"
        text = f"A fist knocks {asked} times."
        constraint = {"id": "c1", "kind": "event_count", "span": text, "event": "knock"}
        ladder = {"group": "knocks", "dial": "event_count", "unit": "events", "amount": asked, "rung": place}
        rows.append(
            {
                "id": name,
                "text": text,
                "constraints": [{**constraint, "count_min": asked, "count_max": asked}],
                "ladder": ladder,
            }
        )
        render(_knocks(name, made), tmp_path / "clips")
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = score(
        tmp_path / "clips",
        tmp_path / "run",
        prompts=tmp_path / "prompts.jsonl",
        dimensions=["timing"],
        system=system,
        workers=0,
    )
    [found] = report["ladders"]
    [group] = found["groups"]
    assert group["read"] == 4
    assert group["tau"] == tau
    assert group["slope"] == pytest.approx(slope, abs=0.15)
    strict = {row["kind"]: row["strict"] for row in report["constraints"]["kinds"]}
    assert strict["event_count"] == sum(asked == made for asked, made in zip(COUNTS, played, strict=True))
