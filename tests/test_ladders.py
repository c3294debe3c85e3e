"""Ladders: what obeys has tau 1 and slope 1, what ignores has about 0, what inverts has -1."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from values import media_facts, rung

from avgen_bench import ladders, runner, work
from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene
from avgen_bench.factory.truth_music import Hit, Voice, play
from avgen_bench.runner import load_run, score
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


@pytest.fixture(scope="module")
def clips_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Sequence[float]], Path]:
    """The clip of each amount is rendered once."""
    folder = tmp_path_factory.mktemp("rungs")

    def made(dial: str, amounts: Sequence[float]) -> Path:
        out = tmp_path_factory.mktemp("clips")
        for place, amount in enumerate(amounts, 1):
            kept = folder / f"{dial}-{amount:g}.mp4"
            if not kept.exists():
                render(_RENDERED[dial](kept.stem, amount), kept)
            shutil.copyfile(kept, out / f"ladder-{dial}-{place}.mp4")
        return out

    return made


_SECONDS = 1.6


def _scene(name: str, sound: np.ndarray, luma: float = 110) -> Scene:
    grey = np.full((90, 160, 3), round(luma), dtype=np.uint8)
    return Scene(name, 160, 90, 10.0, _SECONDS, lambda index: grey, sound.astype(np.float32)[None, :])


def _hiss(gain_db: float) -> np.ndarray:
    noise = np.random.default_rng(7).standard_normal(round(_SECONDS * 48000))
    return np.clip(0.2 * noise * 10 ** ((gain_db - 80) / 20), -1, 1)


_RENDERED: dict[str, Callable[[str, float], Scene]] = {
    "loudness": lambda name, level: _scene(name, _hiss(level)),
    "pitch": lambda name, midi: _scene(name, play([(Voice("reed"), (Hit(0.2, 1.0, midi),))], _SECONDS)),
    "brightness": lambda name, luma: _scene(name, _hiss(60), luma),
}
_RUNGS = {
    "loudness": (50.0, 60.0, 70.0, 80.0),
    "pitch": (54.0, 60.0, 66.0, 72.0),
    "brightness": (40.0, 90.0, 140.0, 190.0),
}


def _prompts(folder: Path, dial: str, amounts: Sequence[float]) -> Path:
    """A ladder whose prompts state only how long the clip is, which needs no backbone at all."""
    text = f"It lasts {_SECONDS:g} seconds."
    stated = {"id": "c1", "kind": "duration", "span": text, "duration_s": _SECONDS}
    rows = [
        {
            "id": f"ladder-{dial}-{place}",
            "text": text,
            "constraints": [stated],
            "ladder": {"group": "g", "dial": dial, "unit": "x", "amount": amount, "rung": place},
        }
        for place, amount in enumerate(amounts, 1)
    ]
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("dial", _RUNGS)
@pytest.mark.parametrize(("system", "tau"), [("obeys", 1.0), ("ignores", 0.0), ("inverts", -1.0)])
def test_a_dial_is_read_where_no_constraint_asks_for_it(
    tmp_path: Path, clips_of: Callable[[str, Sequence[float]], Path], dial: str, system: str, tau: float
) -> None:
    lacking = [need for need in ladders.DIALS[dial].needs if work.lacks(need)]
    if lacking:
        pytest.skip(work.lacks(lacking[0]))
    asked = _RUNGS[dial]
    played = {"obeys": asked, "ignores": asked[1:2] * len(asked), "inverts": asked[::-1]}[system]
    run, prompts = tmp_path / "run", _prompts(tmp_path, dial, asked)
    clips = clips_of(dial, played)
    report = score(clips, run, prompts=prompts, dimensions=["timing"], system=system, workers=0)
    [group] = report["ladders"][0]["groups"]
    assert (group["read"], group["tau"]) == (len(asked), tau)
    if dial == "pitch":
        assert group["slope"] == pytest.approx(tau, abs=0.02)
        assert group["measured"] == pytest.approx(played, abs=0.2)
    if dial == "loudness" and system == "obeys":
        assert np.diff(group["measured"]) == pytest.approx([10.0] * 3, abs=0.5)
    # the score does not rest on the dial: its signature names no backbone
    [measured, *_] = load_run(run).measurements
    assert measured.status == "ok" and "backbone." not in measured.signature
    shards = {path.name: path.read_bytes() for path in (run / "shards").iterdir()}
    score(clips, run, prompts=prompts, dimensions=["timing"], system=system, workers=0)
    assert {path.name: path.read_bytes() for path in (run / "shards").iterdir()} == shards


def test_which_runs_read_the_dial(
    tmp_path: Path, clips_of: Callable[[str, Sequence[float]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that measure anything of control, and those that name no dimension; and they say what is not installed."""
    rows = [json.loads(line) for line in _prompts(tmp_path, "text_length", (3, 8, 14)).read_text().splitlines()]
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps({**row, "constraints": []}) + "\n" for row in rows), encoding="utf-8")
    clips = clips_of("brightness", (40.0, 90.0, 140.0))
    for clip in list(clips.iterdir()):
        clip.rename(clip.with_name(clip.name.replace("brightness", "text_length")))

    def backbones(prompts: Path, dimensions: list[str] | None) -> tuple[str, ...]:
        return runner.plan(clips, prompts=prompts, dimensions=dimensions).backbones

    assert backbones(tmp_path / "prompts.jsonl", ["timing"]) == ("ocr",)
    assert "ocr" in backbones(bare, None)
    assert "ocr" not in backbones(tmp_path / "prompts.jsonl", ["visual_quality"])
    monkeypatch.setattr(runner, "lacks", lambda name: "pip install reader" if name == "ocr" else "")
    [note] = runner.not_installed(runner.plan(clips, prompts=tmp_path / "prompts.jsonl", dimensions=["timing"]))
    assert "ocr is not installed" in note and "3 clips" in note and "pip install reader" in note


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
