"""Spectral characteristics of sounds whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from avgen_bench.backbones.spectrum import Spectrum
from avgen_bench.sound import Recording
from avgen_bench.types import AudioBlock, AudioScores, AudioView, MediaFacts

Sound = NDArray[np.float32]
FACTS = MediaFacts("mp4", 0.0, None, None)


def heard(samples: Sound, rate_hz: int, block: int = 1024) -> AudioScores:
    listener = Spectrum().start()
    for first in range(0, samples.shape[1], block):
        piece = AudioBlock(first / rate_hz, rate_hz, samples[:, first : first + block])
        listener.on_audio(AudioView(), piece)
    return listener.finish(FACTS)


def sine(hertz: float, rate_hz: int, seconds: float = 1.0, level: float = 1.0, channels: int = 2) -> Sound:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.tile((level * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32), (channels, 1))


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_sine(rate_hz: int, channels: int) -> None:
    payload = heard(sine(1000.0, rate_hz, channels=channels), rate_hz)
    assert payload.times_s == pytest.approx([0.1 * index for index in range(10)])
    assert payload.totals["centroid_hz"] == pytest.approx(1000.0, rel=0.02)
    assert payload.totals["rolloff_hz"] == pytest.approx(1000.0, abs=40.0)
    assert payload.totals["level_db"] == pytest.approx(0.0, abs=0.1)
    assert payload.totals["mid_db"] == pytest.approx(0.0, abs=0.1)
    assert payload.totals["low_db"] < -40.0
    assert payload.totals["flatness"] < 0.01
    assert max(payload.columns["flux"]) < 0.1


def test_white_noise() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 96000)).astype(np.float32) * np.float32(0.1)
    totals = heard(noise, 48000).totals
    assert totals["centroid_hz"] == pytest.approx(12000.0, rel=0.03)
    assert totals["spread_hz"] == pytest.approx(24000.0 / np.sqrt(12.0), rel=0.03)
    assert totals["rolloff_hz"] == pytest.approx(0.85 * 24000.0, rel=0.03)
    # Mean of a full-scale sine is 0.5: noise of power 0.01 is -20 + 3 dB.
    assert totals["level_db"] == pytest.approx(-17.0, abs=0.2)
    assert 0.6 < totals["flatness"] < 0.85


def test_flux_marks_the_change() -> None:
    payload = heard(np.concatenate([sine(500.0, 48000, 0.5), sine(3000.0, 48000, 0.5)], axis=1), 48000)
    flux = payload.columns["flux"]
    assert int(np.argmax(flux)) == 5 and flux[5] > 0.8 and sorted(flux)[-2] < 0.1


def test_agrees_with_scipy() -> None:
    signal = pytest.importorskip("scipy.signal")
    noise = np.random.default_rng(4).standard_normal(48000).astype(np.float32)
    coloured = signal.lfilter([1.0], [1.0, -0.9], noise).astype(np.float32).reshape(1, -1) * np.float32(0.05)
    frequency_hz, power = signal.welch(coloured[0], 48000, nperseg=2048, detrend=False)
    power[0] = 0.0
    expected = float((frequency_hz * power).sum() / power.sum())
    assert heard(coloured, 48000).totals["centroid_hz"] == pytest.approx(expected, rel=0.05)


def test_opposite_phase_and_silent_channel() -> None:
    plain = heard(sine(1000.0, 48000), 48000).totals
    opposite = sine(1000.0, 48000)
    opposite[1] *= -1.0
    assert heard(opposite, 48000).totals["level_db"] == pytest.approx(plain["level_db"], abs=0.05)
    single = sine(1000.0, 48000)
    single[1] = 0.0
    totals = heard(single, 48000).totals
    assert totals["level_db"] == pytest.approx(plain["level_db"] - 3.01, abs=0.05)
    assert totals["centroid_hz"] == pytest.approx(plain["centroid_hz"], rel=1e-3)


def test_silence_has_level_only() -> None:
    payload = heard(np.zeros((2, 48000), np.float32), 48000)
    assert set(payload.columns["level_db"]) == {-120.0}
    assert set(payload.columns["centroid_hz"]) == {0.0}
    assert "centroid_hz" not in payload.totals


@pytest.mark.parametrize("rate_hz", [8000, 48000])
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01, 0.05, 0.11])
def test_short_sound_is_survived(rate_hz: int, seconds: float) -> None:
    payload = heard(sine(440.0, rate_hz, seconds, channels=1), rate_hz)
    assert bool(payload.times_s) == (seconds >= 0.05)


def test_times_follow_the_stream_across_a_hole() -> None:
    recording = Recording()
    for t_s in (1.0, 3.0):
        recording.add(AudioBlock(t_s, 1000, np.zeros((1, 500), np.float32)))
    assert recording.time_s(499) == pytest.approx(1.499)
    assert recording.time_s(500) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="expected one layout"):
        recording.add(AudioBlock(4.0, 2000, np.zeros((1, 5), np.float32)))
