"""Sharp sounds and fine levels: known times, known levels, and sounds that are no events."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from avgen_bench import work
from avgen_bench.backbones import levels, onsets
from avgen_bench.factory import render, truth_sound
from avgen_bench.factory.scene import Scene, mix, noise, silence, tone
from avgen_bench.factory.truth import SPLITS, cases
from avgen_bench.types import AudioBlock, AudioScores, AudioView, MediaFacts, Onsets, StreamFacts

RATE_HZ = onsets.SOUND.rate_hz or 24000
VIEW = onsets.SOUND


def media(seconds: float) -> MediaFacts:
    stream = StreamFacts("aac", 0.0, seconds, round(seconds * RATE_HZ), 1, 0, 0.0, 0.0, rate_hz=RATE_HZ, channels=1)
    return MediaFacts("mov,mp4", seconds, None, stream)


def heard(track: np.ndarray, start_s: float = 0.0, block: int = 1000) -> Onsets:
    consumer = onsets.SharpSounds().start()
    for first in range(0, track.shape[1], block):
        piece = track[:, first : first + block].astype(np.float32)
        consumer.on_audio(VIEW, AudioBlock(start_s + first / RATE_HZ, RATE_HZ, piece))
    return consumer.finish(media(track.shape[1] / RATE_HZ))


def struck(times_s: list[float], seconds: float = 3.0, family: str = "wood", amplitude: float = 0.5) -> np.ndarray:
    track = silence(seconds, RATE_HZ)
    for number, at_s in enumerate(times_s):
        mix(track, truth_sound.strike(family, number)[:: 48000 // RATE_HZ], at_s, RATE_HZ, gain=amplitude)
    return track


def near(found: Onsets, times_s: list[float]) -> bool:
    return len(found.times_s) == len(times_s) and bool(
        np.allclose(found.times_s, times_s, atol=0.02) if times_s else True
    )


@pytest.mark.parametrize("family", [name for split in SPLITS for name in truth_sound.FAMILIES[split]])
def test_every_family_is_heard_when_it_is_struck(family: str) -> None:
    times_s = [0.4, 0.9, 1.6, 2.1]
    assert near(heard(struck(times_s, family=family)), times_s)


def test_no_sound_has_no_onsets() -> None:
    assert onsets.SharpSounds().start().finish(media(1.0)) == Onsets((), ())
    assert heard(silence(1.0, RATE_HZ)).times_s == ()
    assert heard(silence(0.01, RATE_HZ)).times_s == ()


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_steady_noise_has_no_onsets(slope: float) -> None:
    assert heard(noise(6.0, RATE_HZ, 3, rms=0.1, slope=slope)[None]).times_s == ()


def test_swells_tones_and_their_ends_are_no_events() -> None:
    hum = tone(220.0, 3.0, RATE_HZ)[None]
    assert len(heard(hum).times_s) <= 1  # its beginning, at most
    swell = noise(3.0, RATE_HZ, 4, rms=0.1)[None] * np.linspace(0.0, 1.0, 3 * RATE_HZ)
    assert heard(swell).times_s == ()


def test_a_double_knock_is_two_and_its_echo_is_none() -> None:
    assert near(heard(struck([1.0, 1.12])), [1.0, 1.12])
    echo = struck([1.0]) + 0.4 * struck([1.05])
    assert near(heard(echo), [1.0])


def test_a_knock_at_the_first_moment_counts() -> None:
    assert near(heard(struck([0.0, 1.0])), [0.0, 1.0])


def test_noise_at_a_tenth_of_the_peak_hides_nothing() -> None:
    times_s = [0.5, 1.2, 1.9]
    track = struck(times_s) + noise(3.0, RATE_HZ, 5, rms=0.02, slope=0.5)[None]
    assert near(heard(track), times_s)


def test_loudness_of_the_whole_does_not_matter() -> None:
    times_s = [0.5, 1.2, 1.9]
    assert near(heard(struck(times_s, amplitude=0.02)), times_s)


def test_clutter_far_softer_than_the_strikes_does_not_count() -> None:
    track = struck([0.5, 1.5]) + 0.01 * struck([1.0, 2.2])
    assert near(heard(track), [0.5, 1.5])


def test_times_are_those_of_the_container_whatever_the_blocks() -> None:
    track = struck([0.5, 1.2])
    whole = heard(track, block=10**9)
    assert heard(track, block=777) == whole
    late = heard(track, start_s=0.25)
    assert np.allclose(np.array(late.times_s) - 0.25, whole.times_s, atol=1e-3)


def test_nothing_that_is_not_a_number_gets_through() -> None:
    track = struck([0.5])
    track[0, 5000] = np.nan
    assert all(np.isfinite(heard(track).strengths_db))


@pytest.mark.parametrize("split", SPLITS)
def test_rendered_strikes_are_found_at_their_times(split: str, tmp_path: Path) -> None:
    for case in itertools.islice(cases("event_at", split, 10, 7), 3):
        path = render.render(case.scene, tmp_path)
        seen = work.observe(path, ("onsets",))["onsets"]
        assert isinstance(seen, Onsets)
        assert near(seen, list(case.scene.truth["events_s"]))


# --------------------------------------------------------------------------- levels


def levelled(track: np.ndarray, rate_hz: int = 48000) -> AudioScores:
    consumer = levels.Levels().start()
    for first in range(0, track.shape[1], 1024):
        piece = track[:, first : first + 1024].astype(np.float32)
        consumer.on_audio(AudioView(), AudioBlock(first / rate_hz, rate_hz, piece))
    found = consumer.finish(media(track.shape[1] / rate_hz))
    assert isinstance(found, AudioScores)
    return found


def test_the_level_of_a_full_scale_sine_is_minus_three() -> None:
    found = levelled(tone(1000.0, 2.0, 48000, amplitude=1.0)[None])
    assert found.columns["level_dbfs"][50] == pytest.approx(-3.01, abs=0.05)
    assert found.totals["loudest_dbfs"] == pytest.approx(-3.01, abs=0.05)
    assert found.times_s[50] == pytest.approx(1.0)


def test_silence_and_a_constant_offset_are_at_the_floor() -> None:
    assert levelled(silence(1.0, 48000)).totals["loudest_dbfs"] == -120.0
    assert levelled(silence(1.0, 48000) + 0.1).totals["loudest_dbfs"] < -100.0
    assert levelled(silence(0.001, 48000)).times_s == ()


def test_the_louder_channel_counts() -> None:
    track = np.stack([np.zeros(48000), tone(1000.0, 1.0, 48000, amplitude=1.0)])
    assert levelled(track).totals["loudest_dbfs"] == pytest.approx(-3.01, abs=0.1)


# --------------------------------------------------------------------------- known truth


@pytest.mark.parametrize("kind", ["event_count", "event_order", "sound_at_cut", "silence_during", "loudness_trend"])
def test_cases_repeat_and_half_of_them_obey(kind: str) -> None:
    made = list(cases(kind, "test", 8, 3))
    again = list(cases(kind, "test", 8, 3))
    assert sum(case.obeys for case in made) == 4
    assert len({case.scene.name for case in made}) == 8
    for case, twin in zip(made, again, strict=True):
        assert isinstance(case.scene, Scene)
        assert case.constraint == twin.constraint
        assert (case.scene.sound is None) == (twin.scene.sound is None)
        if case.scene.sound is not None:
            assert np.array_equal(case.scene.sound, twin.scene.sound)


def test_the_splits_share_no_sound() -> None:
    assert not set(truth_sound.FAMILIES["calibration"]) & set(truth_sound.FAMILIES["test"])
