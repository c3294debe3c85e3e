"""Known damage to sound: hard clipping, noise, band limit, dropouts and hum, in ladders of eight rising steps.

Conventions Sound is float32, shape (channels, samples), nominal range [-1, 1]; the input is never changed, the output
    is float32 of the same shape, and is not limited to [-1, 1] (a codec or a player does that). ``amount`` is the
    dose in the unit of the ladder. Levels in dB are relative to the mean power of the whole input over all channels.
    Equal (samples, rate, amount, seed) give equal output. Doses are nested: a larger dose of the same seed holds the
    smaller one (the same noise, louder; the same gaps and more).

The doses are spread evenly over the range from "just measurable" to "nobody would keep this clip": they were written
down before any detector was run on them and have not been moved since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from avgen_bench._lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]
else:
    np = lazy("numpy")

__all__ = [
    "LADDERS",
    "SoundLadder",
    "band_limit",
    "clip_hard",
    "drop_out",
    "gap_spans",
    "hum",
    "noise_pink",
    "noise_white",
]

GAP_S = 0.06
"""Length of one dropout: three lost packets of 20 ms."""

SLOT_S = 0.2
"""Gaps start on a grid of this step, at most one in each cell, so that they never touch."""

HARMONICS_DB = (0.0, -4.0, -6.0, -10.0, -12.0, -16.0)
"""Level of the mains harmonics 1 to 6 relative to the first: a rectified supply, odd and even lines, falling."""


def _power(samples: Sound) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0


def clip_hard(samples: Sound, rate_hz: int, amount: float, seed: int = 0) -> Sound:
    """Sound clipped at one level, so that the share ``amount`` of its samples (0 to 1) lies on the flat tops.

    The level is not made up afterwards: a detector must find flat tops wherever they are.
    """
    if amount <= 0 or not samples.size:
        return samples.copy()
    level = float(np.quantile(np.abs(samples), max(0.0, 1.0 - amount)))
    return np.clip(samples, -level, level).astype(np.float32)


def noise_white(samples: Sound, rate_hz: int, amount: float, seed: int = 0) -> Sound:
    """Sound plus white Gaussian noise, independent per channel, ``amount`` dB relative to the sound."""
    noise = np.random.default_rng([seed, 1]).standard_normal(samples.shape, dtype=np.float32)
    return _mixed(samples, noise, amount)


def noise_pink(samples: Sound, rate_hz: int, amount: float, seed: int = 0) -> Sound:
    """Sound plus pink noise (equal per octave from 20 Hz), independent per channel, ``amount`` dB relative to it."""
    count = samples.shape[1]
    spectrum = np.fft.rfft(np.random.default_rng([seed, 2]).standard_normal(samples.shape))
    frequency_hz = np.fft.rfftfreq(count, 1.0 / rate_hz)
    spectrum *= np.where(frequency_hz < 20.0, 0.0, 1.0 / np.sqrt(np.maximum(frequency_hz, 20.0)))
    return _mixed(samples, np.fft.irfft(spectrum, count).astype(np.float32), amount)


def _mixed(samples: Sound, noise: Sound, amount_db: float) -> Sound:
    power = _power(noise)
    gain = np.sqrt(_power(samples) / power) * 10.0 ** (amount_db / 20.0) if power > 0 else 0.0
    return (samples + np.float32(gain) * noise).astype(np.float32)


def band_limit(samples: Sound, rate_hz: int, amount: float, seed: int = 0) -> Sound:
    """Sound without what lies above ``amount`` Hz (a raised-cosine slope from ``amount`` to 1.06 times it)."""
    count = samples.shape[1]
    spectrum = np.fft.rfft(samples.astype(np.float64))
    position = np.clip((np.fft.rfftfreq(count, 1.0 / rate_hz) / amount - 1.0) / 0.06, 0.0, 1.0)
    return np.fft.irfft(spectrum * (0.5 + 0.5 * np.cos(np.pi * position)), count).astype(np.float32)


def gap_spans(samples: Sound, rate_hz: int, amount: float, seed: int = 0) -> tuple[tuple[int, int], ...]:
    """The sample spans, half open and in order of time, that ``drop_out`` of the same arguments sets to zero."""
    slot, length = round(SLOT_S * rate_hz), round(GAP_S * rate_hz)
    slots = max(samples.shape[1] // slot, 0)
    generator = np.random.default_rng([seed, 3])
    order = generator.permutation(slots)
    offset = generator.integers(0, slot - length, size=slots)
    wanted = min(round(amount * samples.shape[1] / rate_hz / 10.0), slots)
    starts = sorted(int(cell * slot + offset[cell]) for cell in order[:wanted])
    return tuple((start, start + length) for start in starts)


def drop_out(samples: Sound, rate_hz: int, amount: float, seed: int = 0) -> Sound:
    """Sound with ``amount`` gaps of 60 ms per 10 s set to zero in all channels, at the places of :func:`gap_spans`."""
    out = samples.copy()
    for start, stop in gap_spans(samples, rate_hz, amount, seed):
        out[:, start:stop] = 0.0
    return out


def hum(samples: Sound, rate_hz: int, amount: float, seed: int = 0, mains_hz: float = 50.0) -> Sound:
    """Sound plus hum: six mains harmonics, seeded phases, equal in all channels, ``amount`` dB relative to it."""
    time_s = np.arange(samples.shape[1], dtype=np.float64) / rate_hz
    phases = np.random.default_rng([seed, 4]).uniform(0.0, 2.0 * np.pi, len(HARMONICS_DB))
    tone = np.zeros_like(time_s)
    for number, (level_db, phase) in enumerate(zip(HARMONICS_DB, phases, strict=True), start=1):
        tone += 10.0 ** (level_db / 20.0) * np.sin(2.0 * np.pi * mains_hz * number * time_s + phase)
    return _mixed(samples, np.broadcast_to(tone.astype(np.float32), samples.shape), amount)


def _hum_60(samples: Sound, rate_hz: int, amount: float, seed: int = 0) -> Sound:
    return hum(samples, rate_hz, amount, seed, mains_hz=60.0)


@dataclass(frozen=True, slots=True)
class SoundLadder:
    """One kind of damage in rising doses; ``apply(samples, rate_hz, amount, seed)`` gives the damaged sound."""

    name: str
    unit: str
    steps: tuple[float, ...]
    apply: Callable[[Sound, int, float, int], Sound]


_NOISE_DB = (-45.0, -38.0, -32.0, -26.0, -20.0, -14.0, -8.0, -2.0)
_HUM_DB = (-36.0, -30.0, -25.0, -20.0, -15.0, -10.0, -5.0, 0.0)

LADDERS: Mapping[str, SoundLadder] = {
    ladder.name: ladder
    for ladder in (
        SoundLadder("clipping", "share", (0.0003, 0.001, 0.003, 0.008, 0.02, 0.05, 0.12, 0.25), clip_hard),
        SoundLadder("noise_white", "dB", _NOISE_DB, noise_white),
        SoundLadder("noise_pink", "dB", _NOISE_DB, noise_pink),
        SoundLadder("band_limit", "Hz", (7000.0, 5600.0, 4500.0, 3500.0, 2700.0, 2000.0, 1500.0, 1000.0), band_limit),
        SoundLadder("dropouts", "per 10 s", (1.0, 2.0, 4.0, 7.0, 11.0, 16.0, 23.0, 32.0), drop_out),
        SoundLadder("hum_50", "dB", _HUM_DB, hum),
        SoundLadder("hum_60", "dB", _HUM_DB, _hum_60),
    )
}
"""By name; ``steps`` rise in damage (for ``band_limit`` the frequency falls)."""
