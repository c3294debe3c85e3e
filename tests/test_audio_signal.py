"""Signal damage against sounds whose damage is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from avgen_bench.backbones.audio_signal import AudioSignal
from avgen_bench.factory import damage_sound
from avgen_bench.factory.damage_sound import LADDERS
from avgen_bench.types import AudioBlock, AudioScores, AudioView, MediaFacts

Sound = NDArray[np.float32]
FACTS = MediaFacts("mp4", 0.0, None, None)


def heard(samples: Sound, rate_hz: int, block: int = 1024, start_s: float = 0.0) -> AudioScores:
    listener = AudioSignal().start()
    view = AudioView()
    for first in range(0, samples.shape[1], block):
        listener.on_audio(view, AudioBlock(start_s + first / rate_hz, rate_hz, samples[:, first : first + block]))
    payload = listener.finish(FACTS)
    assert AudioScores.from_json(payload.to_json()).totals.keys() == payload.totals.keys()
    return payload


def phrases(rate_hz: int = 48000, channels: int = 2, seconds: float = 6.0, noise: float = 1e-4) -> Sound:
    """Sound like speech in its shape: broad bursts that rise and decay four times a second, over a faint floor."""
    generator = np.random.default_rng(5)
    count = round(seconds * rate_hz)
    spectrum = np.fft.rfft(generator.standard_normal(count))
    frequency_hz = np.fft.rfftfreq(count, 1.0 / rate_hz)
    spectrum /= 1.0 + (frequency_hz / 1000.0) ** 1.0
    wave = np.fft.irfft(spectrum, count)
    phase = np.arange(count) / rate_hz * 4.0 % 1.0
    wave *= np.minimum(phase / 0.1, 1.0) * np.exp(-12.0 * phase)
    wave *= 0.5 / np.abs(wave).max()
    out: Sound = np.tile(wave, (channels, 1)).astype(np.float32)
    return out + np.float32(noise) * generator.standard_normal((channels, count), dtype=np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_clean_sound_has_no_damage(rate_hz: int, channels: int) -> None:
    totals = heard(phrases(rate_hz, channels), rate_hz).totals
    assert totals["clipped_share"] == 0.0
    assert totals["dropouts"] == 0.0
    assert totals["hum_db"] <= -60.0
    assert totals["dc"] < 1e-3
    assert totals["snr_db"] > 30.0


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("rate_hz", [8000, 48000])
def test_known_share_is_clipped(share: float, rate_hz: int) -> None:
    sound = damage_sound.clip_hard(phrases(rate_hz), rate_hz, share)
    payload = heard(sound, rate_hz)
    assert payload.totals["clipped_share"] == pytest.approx(share, rel=0.2, abs=2e-4)
    assert any(label == "clipped" for label, _, _ in payload.spans)


def test_a_sine_is_not_clipped_and_a_square_is() -> None:
    time_s = np.arange(96000) / 48000
    for hertz in (50.0, 440.0, 997.0):
        sine = (0.8 * np.sin(2 * np.pi * hertz * time_s)).astype(np.float32).reshape(1, -1)
        coarse = (np.round(sine * 32767) / 32768).astype(np.float32)
        assert heard(sine, 48000).totals["clipped_share"] == 0.0
        assert heard(coarse, 48000).totals["clipped_share"] == 0.0
        square = np.clip(sine * 10, -0.8, 0.8).astype(np.float32)
        assert heard(square, 48000).totals["clipped_share"] > 0.5


@pytest.mark.parametrize("kind", ["noise_white", "noise_pink"])
@pytest.mark.parametrize("snr_db", [10.0, 20.0, 30.0])
def test_known_noise(kind: str, snr_db: float) -> None:
    """The A-weighted ratio of known parts, within 2 dB."""
    rate_hz = 48000
    clean = phrases(rate_hz, 1, noise=0.0)
    noisy = LADDERS[kind].apply(clean, rate_hz, -snr_db, 0)
    frequency_hz = np.fft.rfftfreq(clean.shape[1], 1.0 / rate_hz)
    square = frequency_hz**2
    weight = 12194.0**2 * square**2 / ((square + 20.6**2) * (square + 12194.0**2))
    weight /= np.sqrt((square + 107.7**2) * (square + 737.9**2))

    def power(samples: Sound) -> float:
        return float(np.sum(np.abs(np.fft.rfft(samples[0]) * weight) ** 2))

    expected = 10.0 * np.log10(power(noisy) / power(noisy - clean))
    assert heard(noisy, rate_hz).totals["snr_db"] == pytest.approx(expected, abs=2.0)


@pytest.mark.parametrize("limit_hz", [1000.0, 2000.0, 3400.0, 7000.0, 12000.0])
def test_known_bandwidth(limit_hz: float) -> None:
    sound = damage_sound.band_limit(phrases(noise=0.0), 48000, limit_hz)
    assert heard(sound, 48000).totals["bandwidth_hz"] == pytest.approx(limit_hz * 1.03, rel=0.15)


def test_noise_does_not_widen_the_band() -> None:
    narrow = damage_sound.band_limit(phrases(noise=0.0), 48000, 4000.0)
    noisy = damage_sound.noise_white(narrow, 48000, -40.0)
    assert heard(noisy, 48000).totals["bandwidth_hz"] <= heard(narrow, 48000).totals["bandwidth_hz"] * 1.01


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_known_gaps(rate_hz: int) -> None:
    """Continuous sound, so that no gap can hide in a pause."""
    sound = np.random.default_rng(1).standard_normal((2, 8 * rate_hz)).astype(np.float32) * np.float32(0.1)
    spans = damage_sound.gap_spans(sound, rate_hz, 6.0, seed=2)
    assert len(spans) == 5
    payload = heard(damage_sound.drop_out(sound, rate_hz, 6.0, seed=2), rate_hz, start_s=0.25)
    found = [(start_s, end_s) for label, start_s, end_s in payload.spans if label == "dropped"]
    assert payload.totals["dropouts"] == len(found) == len(spans)
    for (start, stop), (start_s, end_s) in zip(spans, found, strict=True):
        assert start_s - 0.25 == pytest.approx(start / rate_hz, abs=0.006)
        assert end_s - 0.25 == pytest.approx(stop / rate_hz, abs=0.006)


def test_gaps_leave_the_noise_floor() -> None:
    sound = phrases(noise=1e-3)
    whole = heard(sound, 48000).totals["snr_db"]
    assert heard(damage_sound.drop_out(sound, 48000, 16.0), 48000).totals["snr_db"] == pytest.approx(whole, abs=1.5)


def test_a_gap_in_one_channel_counts() -> None:
    sound = np.random.default_rng(1).standard_normal((2, 96000)).astype(np.float32) * np.float32(0.1)
    sound[1, 40000:43000] = 0.0
    assert heard(sound, 48000).totals["dropouts"] == 1.0


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
@pytest.mark.parametrize("rate_hz", [8000, 44100, 48000])
def test_known_hum(mains_hz: float, rate_hz: int) -> None:
    sound = damage_sound.hum(phrases(rate_hz), rate_hz, -15.0, mains_hz=mains_hz)
    totals = heard(sound, rate_hz).totals
    assert totals["hum_hz"] == mains_hz
    # -15 dB against the clean sound is -15.1 dB against the sum.
    assert totals["hum_db"] == pytest.approx(-15.1, abs=2.0)


def test_known_dc() -> None:
    assert heard(phrases() + np.float32(0.1), 48000).totals["dc"] == pytest.approx(0.1, abs=0.003)


def test_silence_inside_and_throughout() -> None:
    sound = phrases()
    sound[:, 96000:168000] = 0.0
    payload = heard(sound, 48000)
    (span,) = [(start_s, end_s) for label, start_s, end_s in payload.spans if label == "silent"]
    # The decay before it may add a block.
    assert 1.9 <= span[0] <= 2.0 and span[1] == pytest.approx(3.5)
    assert payload.totals["dropouts"] == 0.0
    nothing = heard(np.zeros((2, 48000), np.float32), 48000)
    assert nothing.totals["silent_share"] == 1.0 and nothing.totals["peak_dbfs"] == -120.0
    assert "clipped_share" not in nothing.totals


@pytest.mark.parametrize("rate_hz", [8000, 48000])
@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01, 0.05, 0.15, 0.6, 2.5])
def test_short_sound_is_survived(rate_hz: int, seconds: float) -> None:
    payload = heard(phrases(rate_hz, 1, 6.0)[:, : round(seconds * rate_hz)], rate_hz)
    assert ("clipped_share" in payload.totals) == (seconds >= 0.1)
    assert ("snr_db" in payload.totals) == (seconds >= 0.5)
    assert ("hum_db" in payload.totals) == (seconds >= 2.0)


def test_a_silent_channel_changes_little() -> None:
    both = phrases()
    one = both.copy()
    one[1] = 0.0
    full, half = heard(both, 48000).totals, heard(one, 48000).totals
    assert half["weakest_channel_db"] < -80.0
    for name in ("dropouts", "clipped_share"):
        assert half[name] == full[name]
    assert half["snr_db"] == pytest.approx(full["snr_db"], abs=1.0)
    assert half["bandwidth_hz"] == full["bandwidth_hz"]


def test_opposite_phase_hides_nothing() -> None:
    sound = phrases()
    sound[1] = -sound[0]
    assert heard(sound, 48000).totals["snr_db"] > 30.0


def test_block_size_does_not_matter() -> None:
    sound = damage_sound.clip_hard(phrases(), 48000, 0.01)
    assert heard(sound, 48000, block=1024) == heard(sound, 48000, block=7000)


def test_not_a_number_is_survived() -> None:
    sound = phrases()
    sound[0, 1000] = np.nan
    heard(sound, 48000)


@pytest.mark.parametrize("name", sorted(LADDERS))
def test_ladders_are_repeatable_and_leave_their_input(name: str) -> None:
    ladder = LADDERS[name]
    sound = phrases(16000, 2, 2.0)
    before = sound.copy()
    assert len(ladder.steps) == 8 and len(set(ladder.steps)) == 8
    out = ladder.apply(sound, 16000, ladder.steps[4], 9)
    assert out.dtype == np.float32 and out.shape == sound.shape
    assert np.array_equal(sound, before)
    assert np.array_equal(out, ladder.apply(sound, 16000, ladder.steps[4], 9))
    assert not np.array_equal(out, sound)
