"""Steadiness: known flicker, jitter, holds and gaps are read back from pictures made here."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from avgen_bench.backbones.steadiness import Steadiness, gaps_s, held_pictures
from avgen_bench.factory.damage_time import LADDERS, STEPS
from avgen_bench.media import Fanout
from avgen_bench.types import FrameScores, MediaFacts

HEIGHT, WIDTH = 144, 192
NO_FACTS = MediaFacts("none", 0.0, None, None)


def texture(seed: int, height: int = HEIGHT, width: int = WIDTH, scale: int = 8) -> np.ndarray:
    """A smooth random picture, levels 60 to 190, that repeats at its edges."""
    source = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    spectrum = np.fft.fft2(source.standard_normal((height, width))) * np.exp(
        -2 * (math.pi * scale) ** 2 * (rows**2 + columns**2) / 4
    )
    picture = np.fft.ifft2(spectrum).real
    return np.clip(125 + 30 * picture / picture.std(), 60, 190)


def shifted(picture: np.ndarray, x_px: float, y_px: float = 0.0) -> np.ndarray:
    """The picture moved, exactly, as a periodic one."""
    height, width = picture.shape
    phase = np.fft.fftfreq(height)[:, None] * y_px + np.fft.fftfreq(width)[None, :] * x_px
    return np.fft.ifft2(np.fft.fft2(picture) * np.exp(-2j * math.pi * phase)).real


def as_luma(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def pan(count: int, step_px: float = 1.5, fps: float = 24.0, seed: int = 1) -> list[tuple[float, np.ndarray]]:
    picture = texture(seed)
    return [(index / fps, as_luma(shifted(picture, step_px * index))) for index in range(count)]


def observe(frames: Iterable[tuple[float, np.ndarray]]) -> FrameScores:
    backbone = Steadiness()
    fanout = Fanout({"steadiness": (backbone.facts.views, backbone.start())})
    for index, (t_s, luma) in enumerate(frames):
        fanout.picture(index, t_s, np.ascontiguousarray(luma))
    payload = fanout.finish(NO_FACTS)["steadiness"]
    assert isinstance(payload, FrameScores)
    return payload


def mean(scores: FrameScores, column: str) -> float:
    counted = np.array(scores.columns["counted"]) > 0
    return float(np.array(scores.columns[column])[counted].mean())


def test_steady_pan_has_no_fault() -> None:
    scores = observe(pan(40))
    assert sum(scores.columns["held"]) == 0
    assert sum(scores.columns["gap_s"]) == 0
    assert mean(scores, "flicker") < 0.1
    assert mean(scores, "jitter") < 0.03
    assert mean(scores, "disorder") < 0.01
    expected = 1.5 / HEIGHT * 24 * 100
    assert mean(scores, "speed") == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("levels", [1.0, 2.0, 4.0])
def test_flicker_amplitude_is_recovered(levels: float) -> None:
    picture = texture(2)
    source = np.random.default_rng(3)
    offsets = source.standard_normal(80)
    offsets *= levels / offsets.std()
    scores = observe((i / 24, as_luma(shifted(picture, 0.7 * i) + offset)) for i, offset in enumerate(offsets))
    assert mean(scores, "flicker") == pytest.approx(levels / 219 * 100, rel=0.15)
    assert scores.totals["block_flicker"] == pytest.approx(levels / 219 * 100, rel=0.25)


def test_fade_is_no_flicker() -> None:
    picture = texture(2)
    scores = observe((i / 24, as_luma(16 + (picture - 16) * (1 - i / 60))) for i in range(50))
    assert mean(scores, "flicker") < 0.12


def test_small_moving_object_is_no_flicker() -> None:
    picture = texture(4)
    frames = []
    for index in range(48):
        luma = as_luma(picture).copy()
        luma[40:80, 10 + 3 * index : 40 + 3 * index] = 225
        frames.append((index / 24, luma))
    scores = observe(frames)
    assert mean(scores, "flicker") < 0.02
    assert scores.totals["block_flicker"] < 0.05


def test_local_flicker_that_stays_is_seen() -> None:
    picture = texture(4)
    source = np.random.default_rng(5)
    frames = []
    for index in range(60):
        luma = picture.copy()
        luma[:, : WIDTH // 3] += 6 * source.standard_normal()
        frames.append((index / 24, as_luma(luma)))
    scores = observe(frames)
    assert mean(scores, "flicker") < 0.1
    assert scores.totals["block_flicker"] > 0.4


def shaken(fps: float, share: float, seed: int = 6, height: int = HEIGHT, width: int = WIDTH) -> FrameScores:
    picture = texture(6, height, width, scale=round(8 * height / HEIGHT))
    source = np.random.default_rng(seed)
    moves = source.standard_normal((45, 2)) * share * height
    return observe((i / fps, as_luma(shifted(picture, x, y))) for i, (x, y) in enumerate(moves))


def test_jitter_amplitude_is_recovered() -> None:
    # the masking by the speed of the jitter itself makes it read less, the more so the larger it is
    small, large = mean(shaken(24, 0.002), "jitter"), mean(shaken(24, 0.006), "jitter")
    assert 0.10 < small < 0.22
    assert large > 1.5 * small


def test_jitter_agrees_across_rates_and_sizes() -> None:
    reference = mean(shaken(24, 0.003), "jitter")
    assert mean(shaken(30, 0.003), "jitter") == pytest.approx(reference, rel=0.15)
    assert mean(shaken(24, 0.003, height=288, width=384), "jitter") == pytest.approx(reference, rel=0.15)


def test_exact_duplicates_are_found_amid_motion() -> None:
    frames = pan(60)
    copies = [7, 20, 21, 40]
    for index in copies:
        frames[index] = (frames[index][0], frames[index - 1][1])
    scores = observe(frames)
    assert np.flatnonzero(scores.columns["held"]).tolist() == copies
    # and they disturb nothing else: what comes after is measured over the time that really passed
    assert mean(scores, "jitter") < 0.03


def test_frozen_end_is_held() -> None:
    frames = pan(60)
    frozen = frames[:40] + [(t_s, frames[39][1]) for t_s, _ in frames[40:]]
    scores = observe(frozen)
    assert np.flatnonzero(scores.columns["held"]).tolist() == list(range(40, 60))
    assert scores.totals["still"] == 0


def test_motion_that_comes_to_rest_is_not_held() -> None:
    picture = texture(7)
    places = [20 * (1 - math.cos(math.pi * min(i, 48) / 48)) for i in range(96)]
    source = np.random.default_rng(8)
    scores = observe(
        (i / 24, as_luma(shifted(picture, x) + source.normal(0, 1, picture.shape))) for i, x in enumerate(places)
    )
    assert sum(scores.columns["held"]) == 0


def test_tripod_scene_with_noise_is_clean() -> None:
    picture = texture(9)
    source = np.random.default_rng(10)
    scores = observe((i / 24, as_luma(picture + source.normal(0, 3, picture.shape))) for i in range(40))
    assert scores.totals["still"] == 0
    assert sum(scores.columns["held"]) == 0
    assert mean(scores, "flicker") < 0.15
    assert mean(scores, "jitter") < 0.05


def test_one_picture_throughout_is_still() -> None:
    luma = as_luma(texture(1))
    assert observe((i / 24, luma) for i in range(30)).totals["still"] == 1


def test_variable_rate_pan_is_clean() -> None:
    picture = texture(11)
    source = np.random.default_rng(12)
    times_s = np.cumsum(source.uniform(1 / 34, 1 / 24, 60))
    scores = observe((float(t), as_luma(shifted(picture, 36 * t))) for t in times_s)
    assert sum(scores.columns["gap_s"]) == 0
    assert mean(scores, "jitter") < 0.04


def test_missing_frames_are_gaps_from_times_alone() -> None:
    frames = pan(60)
    left = [frame for index, frame in enumerate(frames) if index not in (10, 30, 31)]
    scores = observe(left)
    gaps = {round(t_s * 24): gap for t_s, gap in zip(scores.times_s, scores.columns["gap_s"], strict=True) if gap}
    assert gaps == {11: pytest.approx(1 / 24), 32: pytest.approx(2 / 24)}


def test_change_of_rate_is_no_gap() -> None:
    times_s = np.concatenate((np.arange(0, 2, 1 / 30), np.arange(2, 6, 1 / 12)))
    assert gaps_s(times_s, np.full(len(times_s), 20.0))[70:].sum() == 0


def test_swapped_frames_are_disorder() -> None:
    frames = pan(40, step_px=2.5)
    frames[20], frames[21] = (frames[20][0], frames[21][1]), (frames[21][0], frames[20][1])
    scores = observe(frames)
    assert max(scores.columns["disorder"][18:24]) > 0.2
    assert max(scores.columns["disorder"][:18]) < 0.02


def test_hold_needs_motion_on_both_sides() -> None:
    change = np.array([0, 9, 9, 9, 0.1, 9, 9, 9], dtype=float)
    assert np.flatnonzero(held_pictures(change)).tolist() == [4]
    cut_then_calm = np.array([0, 9, 9, 160, 0.7, 0.7, 4, 9, 9], dtype=float)
    assert not held_pictures(cut_then_calm).any()
    title = np.array([0, 9, 9, 160, 0, 0, 0, 150, 9, 9], dtype=float)
    assert not held_pictures(title).any()
    assert not held_pictures(np.zeros(20)).any()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_frames(count: int) -> None:
    scores = observe(pan(count))
    assert len(scores.times_s) == count
    assert sum(scores.columns["counted"]) == 0
    assert scores.totals["usual_interval_s"] == pytest.approx(1 / 24 if count == 2 else 0.0)


@pytest.mark.parametrize("shape", [(1, 1), (8, 40), (17, 33), (97, 500)])
def test_odd_sizes(shape: tuple[int, int]) -> None:
    source = np.random.default_rng(13)
    frames = [(i / 24, source.integers(16, 235, shape).astype(np.uint8)) for i in range(5)]
    assert len(observe(frames).times_s) == 5


def test_change_of_size_midway() -> None:
    small = [(t_s + 1, luma[:100, :100]) for t_s, luma in pan(10)]
    frames = [*pan(10), *small, *((t_s + 2, luma) for t_s, luma in pan(10))]
    scores = observe(frames)
    assert len(scores.times_s) == 30
    assert scores.columns["counted"][10] == scores.columns["counted"][20] == 0
    assert scores.totals["still"] == sum(scores.columns["held"]) == 0


@pytest.mark.parametrize("name", sorted(LADDERS))
def test_ladders_are_seeded_nested_and_leave_the_source(name: str) -> None:
    frames = pan(60)
    kept = [luma.copy() for _, luma in frames]
    ladder = LADDERS[name]
    clean = list(ladder(iter(frames), 0))
    assert [t_s for t_s, _ in clean] == [t_s for t_s, _ in frames]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(clean, frames, strict=True))
    touched = []
    for step in (1, 4, STEPS):
        once, twice = list(ladder(iter(frames), step)), list(ladder(iter(frames), step))
        assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(once, twice, strict=True))
        shown = dict(once)
        touched.append({t_s for t_s, luma in frames if t_s not in shown or not np.array_equal(shown[t_s], luma)})
    assert touched[0] and touched[0] <= touched[1] <= touched[2]
    assert all(np.array_equal(a, b) for a, (_, b) in zip(kept, frames, strict=True))
    with pytest.raises(ValueError, match="expected 0"):
        list(ladder(iter(frames), STEPS + 1))
