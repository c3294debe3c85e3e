"""Loudness against the tones of EBU Tech 3341 and BS.1770, and against pyloudnorm."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from avgen_bench.meters import FLOOR_LUFS, LoudnessMeter
from avgen_bench.types import AudioBlock, LoudnessCurve

RATE_HZ = 48000
Sound = NDArray[np.float32]


def measured(samples: Sound, rate_hz: int = RATE_HZ, block: int = 1024, start_s: float = 0.0) -> LoudnessCurve:
    meter = LoudnessMeter()
    for first in range(0, samples.shape[1], block):
        meter.push(AudioBlock(start_s + first / rate_hz, rate_hz, samples[:, first : first + block]))
    return meter.finish()


def tone(level_dbfs: float, seconds: float, hertz: float = 1000.0, channels: int = 2, phase: float = 0.0) -> Sound:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = 10.0 ** (level_dbfs / 20.0) * np.sin(2.0 * np.pi * hertz * time_s + phase)
    return np.tile(wave.astype(np.float32), (channels, 1))


def test_tech_3341_case_1_and_2() -> None:
    for level in (-23.0, -33.0):
        curve = measured(tone(level, 5.0))
        assert curve.integrated_lufs == pytest.approx(level, abs=0.1)
        assert np.asarray(curve.momentary_lufs) == pytest.approx(level, abs=0.1)


def test_tech_3341_case_3_gating() -> None:
    # The standard's 10, 60 and 10 s, shortened: the gating does not depend on the length.
    parts = [tone(-36.0, 3.0), tone(-23.0, 18.0), tone(-36.0, 3.0)]
    assert measured(np.concatenate(parts, axis=1)).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech_3342_case_1_range() -> None:
    curve = measured(np.concatenate([tone(-20.0, 20.0), tone(-30.0, 20.0)], axis=1))
    assert curve.range_lu == pytest.approx(10.0, abs=1.0)


def test_bs_1770_tone_in_one_channel() -> None:
    """A 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS."""
    samples = tone(0.0, 5.0, 997.0)
    samples[1] = 0.0
    assert measured(samples).integrated_lufs == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize(("phase_deg", "divisor"), [(0.0, 4), (45.0, 4), (60.0, 6), (67.5, 8)])
def test_tech_3341_case_15_to_18_true_peak(phase_deg: float, divisor: int) -> None:
    """Sines whose samples miss the crest; the standard allows +0.2 and -0.4 dB."""
    samples = tone(-6.0, 1.0, RATE_HZ / divisor, phase=math.radians(phase_deg))
    fade = np.minimum(1.0, np.minimum(np.arange(RATE_HZ), np.arange(RATE_HZ)[::-1]) / 480.0).astype(np.float32)
    assert -0.4 <= measured(samples * fade).true_peak_dbfs + 6.0 <= 0.2


@pytest.mark.parametrize("rate_hz", [16000, 24000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_agrees_with_pyloudnorm(rate_hz: int, channels: int) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    generator = np.random.default_rng(7)
    seconds = 6
    envelope = np.repeat(generator.uniform(0.01, 0.3, seconds * 5), rate_hz // 5)
    noise = generator.standard_normal((channels, envelope.size))
    noise = (noise + np.roll(noise, 1, axis=1) + np.roll(noise, 2, axis=1)) * envelope * 0.3
    samples = noise.astype(np.float32)
    expected = pyloudnorm.Meter(rate_hz).integrated_loudness(samples.T.astype(np.float64))
    assert measured(samples, rate_hz).integrated_lufs == pytest.approx(expected, abs=0.2)


def test_block_size_does_not_matter() -> None:
    samples = np.random.default_rng(3).standard_normal((2, 3 * RATE_HZ)).astype(np.float32) * np.float32(0.1)
    one, other = measured(samples, block=1024), measured(samples, block=50000)
    assert one.momentary_lufs == pytest.approx(other.momentary_lufs, abs=1e-3)
    assert one.integrated_lufs == pytest.approx(other.integrated_lufs, abs=1e-3)
    assert one.true_peak_dbfs == pytest.approx(other.true_peak_dbfs, abs=0.3)


def test_times_are_window_middles() -> None:
    samples = np.zeros((1, 2 * RATE_HZ), np.float32)
    samples[:, RATE_HZ : RATE_HZ + 4800] = tone(-6.0, 0.1, channels=1)
    curve = measured(samples, start_s=0.5)
    assert curve.times_s[0] == pytest.approx(0.7)
    loud = [time for time, level in zip(curve.times_s, curve.momentary_lufs, strict=True) if level > -60.0]
    # The burst at 1.5 to 1.6 s is in every window whose middle is less than 0.2 s from it.
    assert min(loud) >= 1.3 - 1e-6 and max(loud) <= 1.8 + 1e-6


def test_silence_and_short_sound() -> None:
    silent = measured(np.zeros((2, RATE_HZ), np.float32))
    assert silent.integrated_lufs is None and set(silent.momentary_lufs) == {FLOOR_LUFS}
    assert silent.true_peak_dbfs == -120.0
    short = measured(tone(-6.0, 0.01))
    assert short.momentary_lufs == () and short.integrated_lufs is None
    assert short.true_peak_dbfs == pytest.approx(-6.0, abs=0.3)
    nothing = LoudnessMeter().finish()
    assert nothing.times_s == () and nothing.true_peak_dbfs == -120.0


def test_not_a_number_is_silence() -> None:
    samples = tone(-23.0, 2.0)
    samples[:, 100] = np.nan
    samples[:, 200] = np.inf
    assert math.isfinite(measured(samples).true_peak_dbfs)


def test_layout_change_is_refused() -> None:
    meter = LoudnessMeter()
    meter.push(AudioBlock(0.0, RATE_HZ, tone(-20.0, 0.1)))
    with pytest.raises(ValueError, match="expected one layout"):
        meter.push(AudioBlock(0.1, RATE_HZ, tone(-20.0, 0.1, channels=1)))
