"""Clarity: measures whose truth is known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from avgen_bench.backbones.clarity import COLUMNS, Clarity, measure_frame
from avgen_bench.factory.damage_picture import BANDING_LEVELS, NOISE_SIGMA, banding, blur, noise
from avgen_bench.media import Fanout
from avgen_bench.types import FrameScores, MediaFacts, StreamFacts

Luma = NDArray[np.uint8]


def natural(height: int = 288, width: int = 384, seed: int = 0, contrast: float = 40.0) -> Luma:
    """Random luma with the 1/f amplitude spectrum of natural pictures."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    radius[0, 0] = np.inf
    picture = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((height, width))) / radius, (height, width))
    return np.clip(np.rint(126 + contrast * picture / picture.std()), 16, 235).astype(np.uint8)


def scene(height: int = 288, width: int = 384, seed: int = 0) -> Luma:
    """A natural texture below a slow slope: most pictures have both."""
    texture = natural(height, width, seed, 15.0).astype(float)
    sky = np.rint(np.linspace(90, 180, width))[None]
    share = np.clip((np.arange(height) / height - 0.4) / 0.1, 0, 1)[:, None]
    return np.rint(sky * (1 - share) + texture * share).astype(np.uint8)


def ramp(height: int = 256, width: int = 384) -> Luma:
    """A slow slope, as a sky has."""
    return np.rint(np.tile(np.linspace(40, 200, width), (height, 1))).astype(np.uint8)


def seen(luma: Luma) -> dict[str, float]:
    return dict(zip(COLUMNS, measure_frame(luma), strict=True))


def observe(frames: list[tuple[float, Luma]]) -> FrameScores:
    backbone = Clarity()
    fanout = Fanout({"clarity": (backbone.facts.views, backbone.start())})
    for index, (t_s, luma) in enumerate(frames):
        fanout.picture(index, t_s, luma)
    track = StreamFacts("h264", 0.0, 1.0, len(frames), len(frames), 0, 0.0, 0.0)
    payload = fanout.finish(MediaFacts("mp4", 1.0, track, None))["clarity"]
    assert isinstance(payload, FrameScores)
    return payload


@pytest.mark.parametrize("step", range(1, 9))
def test_the_noise_that_was_added_is_recovered(step: int) -> None:
    """Within 5 % or the 0.1 codes that rounding adds, on flat grey and on a slope."""
    for picture in (np.full((256, 384), 120, np.uint8), ramp()):
        found = seen(noise(picture, step, 3))["noise_codes"]
        assert found == pytest.approx(NOISE_SIGMA[step], rel=0.05, abs=0.1)


def test_natural_texture_is_not_noise() -> None:
    assert seen(natural())["noise_codes"] == 0.0


def test_a_natural_spectrum_has_level_octaves_and_a_blur_empties_them() -> None:
    slopes = [seen(blur(natural(), step)) for step in range(9)]
    assert all(abs(slopes[0][name]) < 0.8 for name in ("slope_1", "slope_2", "slope_3"))
    for name in ("slope_1", "slope_2", "slope_3", "slope_4"):
        column = [row[name] for row in slopes]
        assert column[8] < column[0] - 0.5
    total = [sum(row[f"slope_{k}"] for k in (1, 2, 3, 4)) for row in slopes]
    assert total == sorted(total, reverse=True)


def test_shallow_focus_is_sharp() -> None:
    """A third of the picture in focus is enough."""
    sharp = natural()
    shallow = blur(sharp, 8).copy()
    shallow[:, 128:256] = sharp[:, 128:256]
    assert seen(shallow)["slope_1"] > -1.0 > -3.0 > seen(blur(sharp, 8))["slope_1"]


def test_blocks_on_the_grid_are_told_from_blocks_off_it() -> None:
    height, width = 256, 384
    levels = np.random.default_rng(1).integers(100, 125, (height // 8, width // 8))
    blocks = np.kron(levels, np.ones((8, 8), int)).astype(np.uint8)
    assert seen(blocks)["blockiness_codes"] > 1.0
    assert seen(np.roll(blocks, (3, 3), (0, 1)))["blockiness_codes"] == 0.0
    assert seen(natural())["blockiness_codes"] == pytest.approx(0.0, abs=0.01)


def test_bands_are_counted_and_slopes_are_not() -> None:
    assert seen(ramp())["band_share"] == 0.0
    shares = [seen(banding(scene(), step))["band_share"] for step in range(len(BANDING_LEVELS))]
    assert shares == sorted(shares)
    assert seen(banding(ramp(), 3))["band_share"] > 0.9


def test_the_shape_of_white_noise_is_gaussian_or_flatter_and_that_of_flat_patches_peaked() -> None:
    grey = np.full((256, 384), 120, np.uint8)
    assert seen(noise(grey, 6, 1))["mscn_shape"] > 2.0
    assert seen(banding(scene(), 8))["mscn_shape"] < 1.0


def test_exposure_is_read_from_known_tones() -> None:
    picture = np.full((256, 256), 16, np.uint8)
    picture[:, 128:] = 200
    row = seen(picture)
    assert (row["low_luma"], row["high_luma"]) == pytest.approx((16, 200), abs=0.5)
    assert row["clipped_share"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("code", [0, 16, 120, 255])
def test_a_flat_frame_has_no_noise_no_blocks_no_bands(code: int) -> None:
    row = seen(np.full((144, 176), code, np.uint8))
    assert row["noise_codes"] == row["blockiness_codes"] == row["band_share"] == row["structure_codes"] == 0.0
    assert row["slope_1"] == -4.0


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 300), (2, 3), (7, 7), (31, 33), (63, 65), (65, 127), (129, 99), (321, 67)]
)
def test_any_size_is_measured(size: tuple[int, int]) -> None:
    row = measure_frame(natural(512, 512)[: size[0], : size[1]])
    assert len(row) == len(COLUMNS) and np.isfinite(row).all()


def test_a_view_into_a_padded_plane_measures_the_same() -> None:
    picture = natural()
    plane = np.zeros((picture.shape[0], picture.shape[1] + 64), np.uint8)
    plane[:, : picture.shape[1]] = picture
    assert measure_frame(plane[:, : picture.shape[1]]) == measure_frame(picture)


def test_one_frame_per_second_is_taken_and_the_pixels_are_not_kept() -> None:
    picture = natural()
    frames = [(k / 10, picture) for k in range(25)]
    payload = observe(frames)
    assert payload.times_s == pytest.approx((0.0, 1.0, 2.0))
    assert set(payload.columns) == set(COLUMNS)
    assert FrameScores.from_json(payload.to_json()).times_s == payload.times_s


@pytest.mark.parametrize("shift_s", [0.0, 0.023, 0.064, 5.5])
def test_shifted_and_rounded_times_sample_the_same_frames(shift_s: float) -> None:
    frames = [np.full((64, 64), 40 + k, np.uint8) for k in range(75)]
    plain = observe([(k / 25, luma) for k, luma in enumerate(frames)])
    moved = observe([(round(k / 25 + shift_s, 3), luma) for k, luma in enumerate(frames)])
    assert len(plain.times_s) == 3 and plain.columns == moved.columns


def test_no_frame_gives_empty_columns() -> None:
    assert observe([]).times_s == () and set(observe([]).columns) == set(COLUMNS)
