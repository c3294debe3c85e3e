"""Motion: the speed of a shifted texture is known; neither frame rate, nor size, nor held frames change it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_steadiness import as_luma, texture

from avgen_bench.backbones.dissolves import Dissolves
from avgen_bench.backbones.motion import SLOT_S, MotionSpeed
from avgen_bench.factory import truth
from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene
from avgen_bench.factory.truth_picture import cases
from avgen_bench.media import Fanout, read
from avgen_bench.types import FrameScores, MediaFacts, MediaLimits, Shots


def watch(frames: Iterable[tuple[float, np.ndarray]]) -> FrameScores:
    backbone = MotionSpeed()
    fanout = Fanout({"motion": (backbone.facts.views, backbone.start())})
    for index, (t_s, luma) in enumerate(frames):
        fanout.picture(index, t_s, np.ascontiguousarray(luma))
    payload = fanout.finish(MediaFacts("none", 0.0, None, None))["motion"]
    assert isinstance(payload, FrameScores)
    return payload


def moved(picture: np.ndarray, right_px: float) -> np.ndarray:
    matrix = np.array([[1, 0, right_px], [0, 1, 0]], np.float32)
    return as_luma(cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_WRAP))


def speeds(heights_per_s: float, fps: float = 24.0, seconds: float = 2.0, hold: int = 1) -> np.ndarray:
    picture = texture(3)
    height = picture.shape[0]
    frames = (
        (index / fps, moved(picture, index // hold * hold / fps * heights_per_s * height))
        for index in range(round(seconds * fps))
    )
    return np.array(watch(frames).columns["speed"])


@pytest.mark.parametrize("speed", [0.06, 0.25, 1.0])
@pytest.mark.parametrize("fps", [16.0, 24.0, 50.0])
def test_speed_is_in_heights_per_second(speed: float, fps: float) -> None:
    assert np.mean(speeds(speed, fps)) == pytest.approx(speed, rel=0.15)


@pytest.mark.parametrize("hold", [2, 4])
def test_held_frames_do_not_change_the_speed(hold: int) -> None:
    assert np.mean(speeds(0.2, 24.0, 4.0, hold)) == pytest.approx(0.2, rel=0.15)


def test_a_still_picture_does_not_move() -> None:
    assert speeds(0.0).max() < 0.005


def test_grain_hardly_moves() -> None:
    source = np.random.default_rng(1)
    picture = texture(3)
    frames = ((index / 24, as_luma(picture + source.normal(0, 2, picture.shape))) for index in range(48))
    assert max(watch(frames).columns["speed"]) < 0.02


def test_rows_begin_at_slots() -> None:
    picture = texture(3)
    seen = watch((index / 24, moved(picture, index)) for index in range(48))
    assert seen.times_s == pytest.approx(tuple(SLOT_S * index for index in range(8)))
    assert all(0 < share <= 1 for share in seen.columns["share"])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_frames(count: int) -> None:
    assert watch((index / 24, moved(texture(3), index)) for index in range(count)).times_s == ()


def test_ratio_in_rendered_clips(tmp_path: Path) -> None:
    for case in list(cases("playing_speed", "calibration", 4, 7)):
        path = render(case.scene, tmp_path / "clip.mp4", preset="ultrafast")
        seen = _seen(path, MotionSpeed())
        assert isinstance(seen, FrameScores)
        middle = case.constraint.get("window_start") * case.scene.duration_s
        speed = np.array(seen.columns["speed"])
        after = np.array(seen.times_s) >= middle
        before = np.array(seen.times_s) + SLOT_S <= middle
        assert speed[after].mean() / speed[before].mean() == pytest.approx(case.scene.truth["factor"], rel=0.4)


# --------------------------------------------------------------------------- soft transitions


def _seen(path: Path, backbone: MotionSpeed | Dissolves) -> object:
    _, payloads = read(str(path), {"one": backbone}, MediaLimits())  # type: ignore[arg-type]
    return payloads["one"]


def _mixed(tmp_path: Path, share_of: object, name: str = "mix") -> Shots:
    """A clip whose second picture has the share ``share_of(t)``, None for black."""
    generator = np.random.default_rng(5)
    one = cv2.resize(generator.integers(0, 256, (6, 8, 3)).astype(np.uint8), (192, 144), interpolation=cv2.INTER_CUBIC)
    two = cv2.resize(generator.integers(0, 256, (6, 8, 3)).astype(np.uint8), (192, 144), interpolation=cv2.INTER_CUBIC)

    def picture(index: int) -> np.ndarray:
        first, second = share_of(index / 24)  # type: ignore[operator]
        return np.clip(one * first + two * second, 0, 255).astype(np.uint8)

    found = _seen(render(Scene(name, 192, 144, 24.0, 4.0, picture, None), tmp_path), Dissolves())
    assert isinstance(found, Shots)
    return found


@pytest.mark.parametrize("length_s", [0.4, 0.8, 1.2])
def test_dissolve_is_found_at_its_middle(tmp_path: Path, length_s: float) -> None:
    def share(t: float) -> tuple[float, float]:
        done = min(1.0, max(0.0, (t - 2.0) / length_s + 0.5))
        return 1 - done, done

    found = _mixed(tmp_path, share)
    assert len(found.cuts_s) == 1 and found.cuts_s[0] == pytest.approx(2.0, abs=0.15)


def test_fade_through_black_is_one_transition(tmp_path: Path) -> None:
    def share(t: float) -> tuple[float, float]:
        depth = min(1.0, abs(t - 2.0) / 0.5)
        return (depth, 0.0) if t < 2.0 else (0.0, depth)

    found = _mixed(tmp_path, share)
    assert len(found.cuts_s) == 1 and found.cuts_s[0] == pytest.approx(2.0, abs=0.15)


def test_blackout_of_one_shot_is_none(tmp_path: Path) -> None:
    assert _mixed(tmp_path, lambda t: (min(1.0, abs(t - 2.0) / 0.5), 0.0)).cuts_s == ()


def test_fades_at_the_ends_are_none(tmp_path: Path) -> None:
    assert _mixed(tmp_path, lambda t: (min(1.0, t / 0.8, (4.0 - t) / 0.8), 0.0)).cuts_s == ()


def test_dimming_light_is_none(tmp_path: Path) -> None:
    assert _mixed(tmp_path, lambda t: (0.3 + 0.7 * min(1.0, max(0.0, (t - 1.5) / 0.8)), 0.0)).cuts_s == ()


def test_a_hard_cut_is_none(tmp_path: Path) -> None:
    assert _mixed(tmp_path, lambda t: (1.0, 0.0) if t < 2.0 else (0.0, 1.0)).cuts_s == ()


def test_pans_and_bodies_are_none(tmp_path: Path) -> None:
    for case in truth.cases("shot_count", "calibration", 40, 3):
        if case.nuisance == truth.NOMINAL and case.scene.truth["cuts_s"] == []:
            found = _seen(render(case.scene, tmp_path / "one.mp4", preset="ultrafast"), Dissolves())
            assert isinstance(found, Shots) and found.cuts_s == ()
            break
