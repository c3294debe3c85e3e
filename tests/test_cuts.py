"""Cuts: hard cuts are found at their frame; pans, fades, dissolves and flashes are not cuts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from test_steadiness import as_luma, pan, shifted, texture

from avgen_bench.backbones.cuts import Cuts
from avgen_bench.media import Fanout
from avgen_bench.types import MediaFacts, Shots


def find(frames: Iterable[tuple[float, np.ndarray]]) -> Shots:
    backbone = Cuts()
    fanout = Fanout({"cuts": (backbone.facts.views, backbone.start())})
    for index, (t_s, luma) in enumerate(frames):
        fanout.picture(index, t_s, np.ascontiguousarray(luma))
    payload = fanout.finish(MediaFacts("none", 0.0, None, None))["cuts"]
    assert isinstance(payload, Shots)
    return payload


def joined(*shots: list[tuple[float, np.ndarray]]) -> list[tuple[float, np.ndarray]]:
    frames = [luma for shot in shots for _, luma in shot]
    return [(index / 24, luma) for index, luma in enumerate(frames)]


@pytest.mark.parametrize("at", [1, 2, 20, 38])
def test_cut_is_found_at_its_frame(at: int) -> None:
    shots = find(joined(pan(at, seed=1), pan(40 - at, seed=2)))
    assert shots.cuts_s == (at / 24,)
    assert 0.3 <= shots.strengths[0] <= 1


def test_several_cuts() -> None:
    shots = find(joined(pan(10, seed=1), pan(12, seed=2), pan(9, seed=3), pan(14, seed=1)))
    assert shots.cuts_s == tuple(index / 24 for index in (10, 22, 31))


def test_cut_to_black_and_back() -> None:
    black = [(0.0, np.full((144, 192), 16, dtype=np.uint8))] * 12
    assert find(joined(pan(12, seed=1), black, pan(12, seed=2))).cuts_s == (12 / 24, 24 / 24)


def test_cut_times_are_presentation_times() -> None:
    frames = [(0.7 * index**1.1, luma) for index, (_, luma) in enumerate(joined(pan(10, seed=1), pan(10, seed=2)))]
    assert find(frames).cuts_s == (frames[10][0],)


@pytest.mark.parametrize("step_px", [0.5, 3.0, 12.0])
def test_pan_is_no_cut(step_px: float) -> None:
    assert find(pan(40, step_px)).cuts_s == ()


def test_fade_to_black_is_no_cut() -> None:
    picture = texture(1)
    assert find((i / 24, as_luma(16 + (picture - 16) * max(0.0, 1 - i / 24))) for i in range(40)).cuts_s == ()


def test_dissolve_is_no_cut() -> None:
    one, two = texture(1), texture(2)
    shares = [min(1.0, max(0.0, (i - 10) / 12)) for i in range(40)]
    assert find((i / 24, as_luma(one * (1 - s) + two * s)) for i, s in enumerate(shares)).cuts_s == ()


@pytest.mark.parametrize("frames", [1, 2])
def test_flash_is_no_cut(frames: int) -> None:
    clip = pan(40)
    for index in range(20, 20 + frames):
        clip[index] = (clip[index][0], np.full_like(clip[index][1], 235))
    assert find(clip).cuts_s == ()


def test_flicker_is_no_cut() -> None:
    picture = texture(3)
    source = np.random.default_rng(4)
    assert find((i / 24, as_luma(picture * source.uniform(0.6, 1.3))) for i in range(40)).cuts_s == ()


def test_noise_in_the_dark_is_no_cut() -> None:
    source = np.random.default_rng(5)
    assert find((i / 24, as_luma(source.normal(18, 3, (144, 192)))) for i in range(40)).cuts_s == ()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_frames(count: int) -> None:
    assert find(pan(count)).cuts_s == ()


def test_two_frames_may_be_a_cut() -> None:
    assert find([(0.0, as_luma(texture(1))), (0.5, as_luma(shifted(texture(2), 3)))]).cuts_s == (0.5,)


def test_a_title_on_a_still_ground_is_no_cut_but_a_new_ground_under_it_is() -> None:
    def ground(seed: int) -> np.ndarray:
        return as_luma(90 + 0.4 * (texture(seed) - 90))

    def titled(luma: np.ndarray) -> np.ndarray:
        out = luma.copy()
        out[100:120, 40:150] = 235
        return out

    one, two = ground(1), ground(2)
    assert find((i / 24, one if i < 8 else titled(one)) for i in range(30)).cuts_s == ()
    assert find((i / 24, one if i < 8 else titled(two)) for i in range(30)).cuts_s == (8 / 24,)
