"""The tempo is that of the beat, where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from avgen_bench.backbones.beats import Beats
from avgen_bench.contracts import check_backbone
from avgen_bench.factory.scene import impact, mix, noise
from avgen_bench.media import Fanout
from avgen_bench.types import AudioBlock, MediaFacts, Onsets

RATE_HZ = 16000


def hear(track: np.ndarray) -> Onsets:
    backbone = Beats()
    fanout = Fanout({"beats": (backbone.facts.views, backbone.start())})
    for start in range(0, track.size, 1000):
        fanout.sound(AudioBlock(start / RATE_HZ, RATE_HZ, track[None, start : start + 1000]))
    payload = fanout.finish(MediaFacts("none", 0.0, None, None))["beats"]
    assert isinstance(payload, Onsets)
    return payload


def strokes(times: list[float], kind: str = "wood", seconds: float = 7.0, level: float = 0.5) -> np.ndarray:
    track = np.zeros((1, round(seconds * RATE_HZ)), np.float32)
    for index, at_s in enumerate(times):
        mix(track, impact(kind, RATE_HZ, index, amplitude=level), at_s, RATE_HZ)
    return track[0]


def test_contract() -> None:
    check_backbone(Beats())


@pytest.mark.parametrize("bpm", [48, 60, 72, 90, 100, 120, 132, 150, 176, 200])
@pytest.mark.parametrize("kind", ["wood", "clap", "metal"])
def test_one_stroke_a_beat(bpm: int, kind: str) -> None:
    times = [0.3 + 60 / bpm * i for i in range(int(6.5 * bpm / 60))]
    heard = hear(strokes(times, kind))
    assert heard.tempo_bpm == pytest.approx(bpm, rel=0.015)
    if kind != "metal":  # which rings into the next stroke
        assert heard.times_s == pytest.approx(times, abs=0.03)


def test_quieter_strokes_between_do_not_double_it() -> None:
    beat = 60 / 100
    track = strokes([0.3 + beat * i for i in range(11)]) + strokes([0.6 + beat * i for i in range(10)], level=0.1)
    assert hear(track).tempo_bpm == pytest.approx(100, rel=0.015)


def test_noise_does_not_hide_it() -> None:
    track = strokes([0.2 + 0.5 * i for i in range(13)]) + noise(7.0, RATE_HZ, 3, rms=0.01, slope=0.5)
    assert hear(track).tempo_bpm == pytest.approx(120, rel=0.015)


def test_no_beat() -> None:
    assert hear(np.zeros(48000, np.float32)) == Onsets((), ())
    uneven = np.cumsum(np.random.default_rng(4).uniform(0.25, 0.9, 11)).tolist()
    assert hear(strokes(uneven)).tempo_bpm is None
    assert hear(strokes([1.0, 3.0])).tempo_bpm is None
