"""Onset motion: onsets where they were put, lags as they were made, and nothing where there is nothing."""

from __future__ import annotations

import json
from functools import lru_cache

import cv2
import numpy as np
import pytest

from avgen_bench.backbones.onset_motion import SOUND, OnsetMotion, sound_onsets
from avgen_bench.dimensions.av_sync import abstention
from avgen_bench.errors import FactoryError
from avgen_bench.factory.impacts import BACKGROUND_SOUNDS, impact_scene
from avgen_bench.factory.scene import impact, mix, noise, shift_sound, silence
from avgen_bench.media import Fanout
from avgen_bench.types import AudioBlock, MediaFacts, SyncCurve, canonical_json

NOTHING = MediaFacts("", 0.0, None, None)
WIDTH, HEIGHT, SECONDS = 320, 180, 6.0


@lru_cache(maxsize=16)
def lumas(kind: str, seed: int, camera: str, distractor: str, fps: float) -> tuple[np.ndarray, ...]:
    scene = impact_scene(
        kind, seed, camera=camera, distractor=distractor, width=WIDTH, height=HEIGHT, fps=fps, duration_s=SECONDS
    )
    grey = [cv2.cvtColor(scene.picture(index), cv2.COLOR_RGB2GRAY) for index in range(scene.frames)]
    return tuple((16 + luma * (219 / 255)).astype(np.uint8) for luma in grey)


def track(kind: str, seed: int, background: str = "none") -> np.ndarray:
    scene = impact_scene(kind, seed, background_sound=background, width=WIDTH, height=HEIGHT, duration_s=SECONDS)
    assert scene.sound is not None
    return scene.sound


def observe(
    frames: tuple[np.ndarray, ...],
    sound: np.ndarray | None,
    fps: float = 24.0,
    start_s: float = 0.0,
    first_s: float = 0.0,
) -> SyncCurve:
    fanout = Fanout({"it": (OnsetMotion.facts.views, OnsetMotion().start())})
    for index, luma in enumerate(frames):
        fanout.picture(index, first_s + index / fps, luma)
    if sound is not None:
        for at in range(0, sound.shape[1], 1024):
            fanout.sound(AudioBlock(start_s + at / 48000, 48000, sound[:, at : at + 1024]))
    curve = fanout.finish(NOTHING)["it"]
    assert isinstance(curve, SyncCurve)
    return curve


@pytest.mark.parametrize("timbre", ["wood", "metal", "rubber", "clap", "glass"])
@pytest.mark.parametrize("rms", [0.0, 0.005])
def test_onsets_are_found_where_they_are_to_5_ms_without_bias(timbre: str, rms: float) -> None:
    truth = np.array([0.7113, 1.2042, 2.0517, 2.5379, 3.4033])
    sound = silence(4.2, 16000)
    for number, at_s in enumerate(truth):
        mix(sound, impact(timbre, 16000, number, amplitude=0.5), float(at_s), 16000)
    sound[0] += noise(4.2, 16000, 3, rms=rms or 1e-7)[: sound.shape[1]]
    times_s, weights = sound_onsets(sound[0], 16000)
    found = np.array([times_s[np.abs(times_s - at_s).argmin()] for at_s in truth])
    assert np.abs(found - truth).max() <= 0.005
    assert abs(float(np.mean(found - truth))) <= 0.003
    assert times_s.size <= truth.size + 1
    assert (weights > 0).all()


def test_steady_sound_has_no_onsets() -> None:
    assert sound_onsets(noise(5.0, 16000, 1, rms=0.05), 16000)[0].size == 0
    assert sound_onsets(np.zeros(80000, np.float32), 16000)[0].size == 0
    assert sound_onsets(np.zeros(10, np.float32), 16000)[0].size == 0


@pytest.mark.parametrize("shift_ms", [0, 160, -320, 640])
@pytest.mark.parametrize(("kind", "within_ms"), [("ball", 40), ("blocks", 80)])  # fast blocks outrun the flow
def test_the_lag_is_the_one_that_was_made(kind: str, within_ms: int, shift_ms: int) -> None:
    curve = observe(lumas(kind, 3, "still", "none", 24.0), shift_sound(track(kind, 3), shift_ms / 1000, 48000))
    assert abstention(curve) == ""
    assert curve.lag_ms == pytest.approx(shift_ms, abs=within_ms)


def test_another_frame_rate_gives_the_same_lag() -> None:
    curve = observe(lumas("ball", 3, "still", "none", 50.0), track("ball", 3), fps=50.0)
    assert abstention(curve) == ""
    assert curve.lag_ms == pytest.approx(0, abs=25)


def test_start_times_count() -> None:
    frames, sound = lumas("ball", 3, "still", "none", 24.0), track("ball", 3)
    assert observe(frames, sound, start_s=0.2).lag_ms == pytest.approx(200, abs=25)
    assert observe(frames, sound, first_s=0.2).lag_ms == pytest.approx(-200, abs=25)


def test_camera_distractor_and_chatter_do_not_hide_the_ball() -> None:
    curve = observe(lumas("ball", 4, "shake", "wander", 24.0), track("ball", 4, "chatter"))
    assert abstention(curve) == ""
    assert curve.lag_ms == pytest.approx(0, abs=40)


def test_a_foreign_sound_does_not_stand_out() -> None:
    for seed in range(20, 30):
        assert abstention(observe(lumas("ball", 3, "still", "none", 24.0), track("ball", seed))) != ""


def test_nothing_to_hear_and_nothing_to_see() -> None:
    frames = lumas("ball", 3, "still", "none", 24.0)
    assert observe(frames, None).lag_ms is None
    assert observe(frames, silence(SECONDS, 48000)).onsets_s == ()
    still = observe((frames[0],) * len(frames), track("ball", 3))
    assert still.lag_ms is None and len(still.onsets_s) >= 3
    assert observe((), track("ball", 3)).lag_ms is None
    assert observe(frames[:5], track("ball", 3)).lag_ms is None


def test_the_same_twice_and_through_json() -> None:
    frames, sound = lumas("ball", 3, "still", "none", 24.0), track("ball", 3)
    one, two = observe(frames, sound), observe(frames, sound)
    assert canonical_json(one.to_json()) == canonical_json(two.to_json())
    assert SyncCurve.from_json(json.loads(canonical_json(one.to_json()))).region == pytest.approx(one.region)


def test_odd_shapes_and_sizes_that_change() -> None:
    generator = np.random.default_rng(0)
    sizes = [(17, 400)] * 20 + [(64, 64)] * 20 + [(16, 16)] * 20
    frames = tuple(generator.integers(16, 235, size).astype(np.uint8) for size in sizes)
    assert np.isfinite(observe(frames, track("ball", 3)).fit).all()


def test_a_scene_tells_its_truth_and_refuses_the_unknown() -> None:
    scene = impact_scene("stick", 7, offset_ms=120, width=WIDTH, height=HEIGHT)
    assert scene.truth["offset_ms"] == 120 and len(scene.truth["impacts_s"]) >= 5
    assert np.array_equal(scene.picture(30), impact_scene("stick", 7, width=WIDTH, height=HEIGHT).picture(30))
    for wrong in ({"kind": "bell"}, {"camera": "fly"}, {"texture": "fur"}, {"timbre": "gong"}, {"distractor": "cat"}):
        with pytest.raises(FactoryError):
            impact_scene(**{"kind": "ball", "seed": 1, **wrong})  # type: ignore[arg-type]
    assert SOUND.channels == 1 and "none" in BACKGROUND_SOUNDS
