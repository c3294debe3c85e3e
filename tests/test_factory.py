"""Rendered clips hold what their truth says, as an independent reading of the file finds it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from scipy.signal import welch

from avgen_bench.errors import FactoryError
from avgen_bench.factory import demo
from avgen_bench.factory import scene as blocks
from avgen_bench.factory.render import render, render_all, truth_path
from avgen_bench.factory.scene import Scene

ONSET_TOLERANCE_S = 0.010


def pictures(path: Path, pixels: str = "rgb24") -> tuple[np.ndarray, list[float]]:
    """All frames and their times."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return np.stack([f.to_ndarray(format=pixels) for f in frames]), [float(f.pts * f.time_base) for f in frames]


def sound(path: Path) -> tuple[np.ndarray, int, float]:
    """All samples (channels, n), their rate, and the time of the first."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        start_s = float(frames[0].pts * frames[0].time_base)
        return np.concatenate([f.to_ndarray() for f in frames], axis=1), frames[0].sample_rate, start_s


def onsets_s(path: Path, over: float) -> np.ndarray:
    """When the left channel passes ``over`` after at least 0.25 s below it."""
    samples, rate_hz, start_s = sound(path)
    loud = np.flatnonzero(np.abs(samples[0]) > over)
    return loud[np.diff(loud, prepend=-rate_hz) > 0.25 * rate_hz] / rate_hz + start_s


def truth(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(truth_path(path).read_text())
    return read


def small(**changes: Any) -> Scene:
    """Half a second of a texture that slides by three pixels a frame, with a tone."""
    wall = blocks.textured(160, 96, 1)
    scene = Scene(
        "small",
        128,
        96,
        25.0,
        0.48,
        lambda index: np.ascontiguousarray(np.roll(wall, 3 * index, axis=1)[:, :128]),
        blocks.tone(440.0, 0.48, 48000)[None],
        48000,
        {"note": "x"},
    )
    return replace(scene, **changes)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The demo, rendered once."""
    folder = tmp_path_factory.mktemp("demo")
    return {path.stem: path for path in render_all(demo.demo_scenes(), folder, crf=21)}


# --------------------------------------------------------------------------- files


def test_file_holds_the_truth(clips: dict[str, Path]) -> None:
    assert len(clips) >= 7
    for name, path in clips.items():
        facts = truth(path)
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            assert (video.width, video.height, float(video.average_rate)) == (
                facts["width"],
                facts["height"],
                facts["fps"],
            ), name
            assert sum(1 for _ in container.decode(video=0)) == facts["frames"] == 144, name
            assert container.duration / 1e6 == pytest.approx(facts["duration_s"], abs=0.001), name
            assert len(container.streams.audio) == (1 if facts["channels"] else 0), name
            if facts["channels"]:
                audio = container.streams.audio[0]
                assert (audio.rate, audio.codec_context.channels) == (facts["rate_hz"], facts["channels"]), name
                assert float(audio.duration * audio.time_base) == pytest.approx(facts["duration_s"], abs=0.001), name


def test_pictures_survive(clips: dict[str, Path]) -> None:
    """Against what was drawn, at the crf of the demo: the scene's detail is not lost to the encoder."""
    scenes = {scene.name: scene for scene in demo.demo_scenes()}
    decoded, times_s = pictures(clips["demo_clean"], "yuv420p")  # as stored: luma above, the two chroma planes below
    assert times_s == pytest.approx([index / demo.FPS for index in range(144)], abs=1e-4)
    for index in (0, 37, 119):
        luma = 16 + scenes["demo_clean"].picture(index) @ np.array([65.481, 128.553, 24.966]) / 255  # BT.601
        error = decoded[index, : demo.HEIGHT] - luma
        assert 10 * np.log10(255**2 / np.mean(error**2)) > 36
        assert abs(error.mean()) < 1.0  # x264 itself brightens predicted frames by up to 0.8; the conversion by 0.004


def test_colors_are_right(tmp_path: Path) -> None:
    """Flat fields come back within two codes: the matrix and the range are stated and meant."""
    for color in ((200, 60, 40), (40, 180, 90), (16, 16, 16), (235, 235, 235)):
        field = np.full((96, 128, 3), color, np.uint8)
        frames, _ = pictures(render(small(picture=lambda index, field=field: field, sound=None), tmp_path))
        assert np.abs(frames[0].astype(int) - color).max() <= 2


def test_same_scene_same_bytes(tmp_path: Path) -> None:
    first = render(small(), tmp_path / "a.mp4")
    second = render(small(), tmp_path / "b.mp4")
    assert first.read_bytes() == second.read_bytes()
    assert truth_path(first).read_text() == truth_path(second).read_text()


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    path = render(small(), tmp_path)
    before = path.read_bytes(), truth_path(path).read_bytes()

    def breaks(index: int) -> np.ndarray:
        if index > 5:
            raise RuntimeError("drawing failed")
        return small().picture(index)

    with pytest.raises(RuntimeError, match="drawing failed"):
        render(small(picture=breaks), tmp_path)
    assert (path.read_bytes(), truth_path(path).read_bytes()) == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["small.mp4", "small.truth.json"]


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(FactoryError, match="expected uint8"):
        render(small(picture=lambda index: np.zeros((96, 130, 3), np.uint8)), tmp_path)
    with pytest.raises(FactoryError, match="channels"):
        render(small(sound=np.zeros((6, 100), np.float32)), tmp_path)
    with pytest.raises(FactoryError, match="finite"):
        render(small(sound=np.full((1, 100), np.nan, np.float32)), tmp_path)
    with pytest.raises(ValueError, match="even sides"):
        small(width=127)
    with pytest.raises(ValueError, match="channels, samples"):
        small(sound=np.zeros(100, np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", [10.0, 23.976, 25.0, 29.97, 60.0])
def test_frame_rates(fps: float, tmp_path: Path) -> None:
    scene = small(fps=fps, duration_s=0.48)
    _, times_s = pictures(render(scene, tmp_path))
    assert times_s == pytest.approx([index / fps for index in range(scene.frames)], abs=2e-3)


# --------------------------------------------------------------------------- the demo's truth


def test_impacts_sound_when_the_truth_says(clips: dict[str, Path]) -> None:
    for name in ("demo_clean", "demo_blurred", "demo_frozen", "demo_cut"):
        facts = truth(clips[name])
        heard = onsets_s(clips[name], 0.15)
        assert len(heard) == len(facts["impacts_s"]), name
        assert np.abs(heard - facts["impacts_s"]).max() <= ONSET_TOLERANCE_S, name


def test_late_sound_is_late(clips: dict[str, Path]) -> None:
    facts = truth(clips["demo_late"])
    heard = onsets_s(clips["demo_late"], 0.15)
    due = np.array(facts["impacts_s"]) + facts["offset_ms"] / 1000
    due = due[due < demo.DURATION_S - 0.01]
    assert facts["offset_ms"] == 320
    assert len(heard) == len(due) and np.abs(heard - due).max() <= ONSET_TOLERANCE_S


def test_the_ball_lands_when_the_truth_says(clips: dict[str, Path]) -> None:
    """The red ball's height, read off the decoded pictures, turns at the impacts, to within a frame."""
    frames, times_s = pictures(clips["demo_clean"])
    middle = frames[:, :, 180:390].astype(np.int16)
    red = (middle[..., 0] > 70) & (middle[..., 0] > 2 * middle[..., 1]) & (middle[..., 0] > 2 * middle[..., 2])
    rows = np.arange(frames.shape[1])
    height = np.array([(mask.sum(axis=1) * rows).sum() / max(1, mask.sum()) for mask in red])
    # the camera sways by +-5 px, the ball bounces by 30 px and more
    turns = [
        times_s[index]
        for index in range(1, len(height) - 1)
        if height[index] >= height[index - 1] and height[index] > height[index + 1] and height[index] > 280
    ]
    impacts = truth(clips["demo_clean"])["impacts_s"]
    assert len(turns) == len(impacts)
    assert np.abs(np.array(turns) - impacts).max() <= 1 / demo.FPS


def test_faults_are_there(clips: dict[str, Path]) -> None:
    def luma(name: str, every: int = 1) -> np.ndarray:
        return pictures(clips[name], "gray")[0][::every].astype(np.int16)

    def detail(name: str) -> float:
        return float(np.abs(np.diff(luma(name, 20), axis=2)).mean())

    def change(name: str) -> np.ndarray:
        frames = luma(name)
        return np.array([np.abs(after - before).mean() for before, after in itertools.pairwise(frames)])

    def swing(name: str) -> float:
        return float(np.abs(np.diff(luma(name).mean(axis=(1, 2)))).mean())

    clean = change("demo_clean")
    assert detail("demo_blurred") < 0.5 * detail("demo_clean")
    assert detail("demo_noisy") > 2 * detail("demo_clean")
    assert clean.min() > 0.2 and clean.max() < 12, "the whole scene neither stands still nor jumps"

    frozen = change("demo_frozen")
    for start_s, end_s in truth(clips["demo_frozen"])["frozen_s"]:
        first, last = round(start_s * demo.FPS), round(end_s * demo.FPS)
        assert frozen[first : last - 1].max() < 0.15
        assert frozen[last - 1] > clean.min()

    cut = change("demo_cut")
    assert (int(np.argmax(cut)) + 1) / demo.FPS == pytest.approx(demo.CUT_S, abs=1 / demo.FPS)
    assert cut.max() > 3 * np.sort(cut)[-2]

    assert swing("demo_flicker") > 5 * swing("demo_clean")

    clipped, _, _ = sound(clips["demo_clipped"])
    whole, _, _ = sound(clips["demo_clean"])
    assert np.mean(np.abs(clipped) > 0.9) > 0.02 > np.mean(np.abs(whole) > 0.9)


def test_demo_truth_is_consistent() -> None:
    scenes = demo.demo_scenes()
    assert len({scene.name for scene in scenes}) == len(scenes)
    assert scenes[0].truth["fault"] == "none" and not scenes[0].truth["lowers"]
    gaps = np.diff(demo.IMPACTS_S)
    assert gaps.min() > 0.25 and np.ptp(gaps) > 0.2, "irregular, so that no lag but the true one fits"
    for at_s in demo.IMPACTS_S:
        assert demo._height(at_s) == 0.0
    json.dumps([dict(scene.truth) for scene in scenes], allow_nan=False)


@pytest.mark.slow
def test_demo_budget(tmp_path: Path) -> None:
    began = time.process_time()
    demo.render_demo(tmp_path)
    assert time.process_time() - began <= 20.0


# --------------------------------------------------------------------------- building blocks


@pytest.mark.parametrize(("x", "y"), [(40.0, 30.0), (40.25, 30.5), (41.9, 29.1)])
def test_paste_is_exact_to_a_fraction(x: float, y: float) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    sprite = np.full((21, 21, 4), 255, np.uint8)
    blocks.paste(picture, sprite, x, y)
    weight = picture[..., 0].astype(float)
    assert (weight.sum(axis=0) * np.arange(96)).sum() / weight.sum() == pytest.approx(x, abs=0.05)
    assert (weight.sum(axis=1) * np.arange(64)).sum() / weight.sum() == pytest.approx(y, abs=0.05)


def test_paste_beyond_the_edge() -> None:
    for x, y in ((-500.0, 10.0), (-3.0, 10.0), (99.0, 70.0), (500.0, 500.0)):
        picture = np.zeros((64, 96, 3), np.uint8)
        blocks.paste(picture, blocks.ball(12.0, seed=1), x, y, angle_deg=30.0)
        assert bool(picture.any()) == (-20 < x < 110 and y < 80)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_noise_has_its_rms_and_slope(slope: float) -> None:
    samples = blocks.noise(4.0, 48000, 3, rms=0.05, slope=slope)
    assert np.sqrt(np.mean(samples.astype(float) ** 2)) == pytest.approx(0.05, rel=1e-3)
    hz, power = welch(samples, 48000, nperseg=4096)
    band = (hz > 200) & (hz < 8000)
    fit = np.polyfit(np.log10(hz[band]), 10 * np.log10(power[band]), 1)[0]
    assert fit == pytest.approx(-20 * slope, abs=0.7)


@pytest.mark.parametrize("kind", ["wood", "metal", "glass", "rubber", "clap"])
def test_impact_begins_at_once(kind: str) -> None:
    samples = blocks.impact(kind, 48000, 1, amplitude=0.5)
    assert np.abs(samples).max() == pytest.approx(0.5, rel=1e-4)
    assert np.argmax(np.abs(samples) > 0.1) < 0.003 * 48000
    assert np.abs(samples[-480:]).max() < 0.01


def test_shift_sound() -> None:
    track = np.arange(1, 9, dtype=np.float32)[None]
    assert blocks.shift_sound(track, 0.002, 1000).tolist() == [[0, 0, 1, 2, 3, 4, 5, 6]]
    assert blocks.shift_sound(track, -0.002, 1000).tolist() == [[3, 4, 5, 6, 7, 8, 0, 0]]
    assert blocks.shift_sound(track, 1.0, 1000).tolist() == [[0] * 8]


def test_mix_cuts_at_the_ends() -> None:
    one = np.ones(4, np.float32)
    for at_s, expected in ((-0.002, [1, 1, 0, 0, 0]), (0.003, [0, 0, 0, 1, 1]), (0.5, [0] * 5), (-0.5, [0] * 5)):
        track = np.zeros((1, 5), np.float32)
        blocks.mix(track, one, at_s, 1000)
        assert track.tolist() == [expected]


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: blocks.textured(64, 48, seed),
        lambda seed: blocks.planks(64, 48, seed),
        lambda seed: blocks.ball(9.0, seed=seed),
        lambda seed: blocks.box(20, 12, seed=seed),
        lambda seed: blocks.noise(0.1, 8000, seed),
        lambda seed: blocks.impact("wood", 8000, seed),
    ],
)
def test_a_seed_decides(make: Callable[[int], np.ndarray]) -> None:
    assert np.array_equal(make(5), make(5))
    assert not np.array_equal(make(5), make(6))
