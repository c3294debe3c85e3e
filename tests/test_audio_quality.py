"""The audio_quality dimension: silence, monotone ladders, evidence."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from avgen_bench.backbones.audio_signal import AudioSignal
from avgen_bench.backbones.loudness import Loudness
from avgen_bench.backbones.spectrum import Spectrum
from avgen_bench.dimensions.audio_quality import CURVE_POINTS, AudioQuality
from avgen_bench.factory.damage_sound import LADDERS
from avgen_bench.sound import silence_reason
from avgen_bench.types import (
    AudioBlock,
    LoudnessCurve,
    MediaFacts,
    Outcome,
    Payload,
    Prompt,
    StreamFacts,
)

Sound = NDArray[np.float32]
MEMBERS: tuple[type[Any], ...] = (AudioSignal, Loudness, Spectrum)


def facts_of(samples: Sound | None, rate_hz: int = 48000) -> MediaFacts:
    if samples is None:
        return MediaFacts("mp4", 1.0, None, None)
    seconds = samples.shape[1] / rate_hz
    sound = StreamFacts("aac", 0.0, seconds, samples.shape[1], 1, 0, 0.0, 0.0, rate_hz=rate_hz, channels=len(samples))
    return MediaFacts("mp4", seconds, None, sound)


def observed(samples: Sound | None, rate_hz: int = 48000) -> tuple[MediaFacts, dict[str, Payload]]:
    facts = facts_of(samples, rate_hz)
    seen: dict[str, Payload] = {}
    for member in MEMBERS:
        listener = member().start()
        view = member.facts.views[0]
        for first in range(0, 0 if samples is None else samples.shape[1], 4096):
            assert samples is not None
            block = AudioBlock(first / rate_hz, rate_hz, samples[:, first : first + 4096])
            listener.on_audio(view, block)
        seen[member.facts.name] = listener.finish(facts)
    return facts, seen


def scored(samples: Sound | None, rate_hz: int = 48000, prompt: Prompt | None = None) -> Outcome:
    facts, seen = observed(samples, rate_hz)
    return AudioQuality().measure(prompt, facts, seen)


def phrases(rate_hz: int = 48000, seconds: float = 5.0, channels: int = 2) -> Sound:
    """Broad bursts four times a second that decay, over a faint floor."""
    generator = np.random.default_rng(11)
    count = round(seconds * rate_hz)
    spectrum = np.fft.rfft(generator.standard_normal(count))
    spectrum /= 1.0 + np.fft.rfftfreq(count, 1.0 / rate_hz) / 1000.0
    phase = np.arange(count) / rate_hz * 4.0 % 1.0
    wave = np.fft.irfft(spectrum, count) * np.minimum(phase / 0.1, 1.0) * np.exp(-10.0 * phase)
    wave *= 0.5 / np.abs(wave).max()
    out: Sound = (np.tile(wave, (channels, 1)) + 1e-4 * generator.standard_normal((channels, count))).astype(np.float32)
    return out


def test_clean_sound_is_near_one() -> None:
    outcome = scored(phrases())
    assert outcome.status == "ok" and outcome.value is not None and outcome.value > 0.95
    assert outcome.reason == ""


@pytest.mark.parametrize("name", sorted(LADDERS))
@pytest.mark.parametrize("rate_hz", [16000, 48000])
def test_ladders_fall(name: str, rate_hz: int) -> None:
    """Every second dose: none scores higher, and the heaviest costs four tenths of the score or more.

    Not each scores lower: a dropout in a pause between phrases is not heard.
    """
    ladder = LADDERS[name]
    clean = phrases(rate_hz, channels=1)
    values = [scored(clean, rate_hz).value or 0.0]
    values += [scored(ladder.apply(clean, rate_hz, dose, 0), rate_hz).value or 0.0 for dose in ladder.steps[1::2]]
    assert all(later < earlier + 1e-3 for earlier, later in itertools.pairwise(values)), values
    assert values[-1] < 0.6 * values[0]


def test_parts_multiply_to_the_value() -> None:
    outcome = scored(LADDERS["clipping"].apply(phrases(), 48000, 0.02, 0))
    product = 1.0
    for item in outcome.evidence:
        if item.kind == "part" and item.score is not None:
            assert 0.0 <= item.score <= 1.0
            product *= item.score
    assert outcome.value == pytest.approx(product)
    assert "clipping" in outcome.reason
    assert any(item.kind == "span" and item.label == "clipped" for item in outcome.evidence)


def test_curves_are_short() -> None:
    outcome = scored(phrases(8000, 40.0, 1), 8000)
    curves = {item.label: item for item in outcome.evidence if item.kind == "curve"}
    assert set(curves) == {"momentary loudness", "spectral centroid"}
    for curve in curves.values():
        assert 60 <= len(curve.x) <= CURVE_POINTS
    for item in outcome.evidence:
        assert item == type(item).from_json(item.to_json()) or item.kind != "note"


def test_silence_is_the_floor() -> None:
    demanding = Prompt("p", demands_sound=True)
    faint = phrases() * np.float32(1e-3)
    empty = np.zeros((2, 48000), np.float32)
    for samples, words in ((None, "no sound track"), (empty, "never exceeds"), (faint, "never exceeds")):
        outcome = scored(samples)
        assert (outcome.status, outcome.value) == ("ok", 0.0)
        assert outcome.reason.startswith("silent clip") and words in outcome.reason
        assert scored(samples, prompt=demanding).reason == f"the prompt demands sound; {outcome.reason}"


def test_one_click_in_silence_is_not_sound() -> None:
    """A single sample above -60 dBFS does not make a sound track: no window reaches -70 LUFS."""
    samples = np.zeros((1, 48000), np.float32)
    samples[0, 20000] = 0.005
    assert "reaches -70 LUFS" in scored(samples).reason


def test_silence_reason_is_empty_for_sound() -> None:
    facts, seen = observed(phrases())
    loudness = seen["loudness"]
    assert isinstance(loudness, LoudnessCurve)
    assert silence_reason(facts, loudness) == ""


def test_very_short_sound_abstains() -> None:
    assert scored(phrases()[:, 2400:2880]).status == "abstained"
    half = scored(phrases()[:, :14400])
    assert half.status == "ok"
    assert any("not measured" in item.text for item in half.evidence)


def test_silent_channel_is_noted() -> None:
    samples = phrases()
    samples[1] = 0.0
    outcome = scored(samples)
    assert outcome.value is not None and outcome.value > 0.9
    assert any(item.label == "channels" for item in outcome.evidence)


def test_measure_is_quick() -> None:
    facts, seen = observed(phrases(seconds=10.0))
    dimension = AudioQuality()
    dimension.measure(None, facts, seen)
    start = time.process_time()
    for _ in range(100):
        dimension.measure(None, facts, seen)
    # 0.1 ms each on an idle machine; three times the promised 0.3 ms is left to a busy one.
    assert (time.process_time() - start) / 100 < 0.9e-3
