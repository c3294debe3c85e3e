"""Spectral characteristics of the sound, per 100 ms: where its energy lies, how noisy it is, how much it changes.

Conventions Power is the mean over the channels of their power spectra (so opposite phases do not cancel and a silent
    channel only lowers the level; two channels that are nearly one are added first, which is quicker and gives the
    same), Hann window of about 43 ms, two windows in each block of 100 ms. Columns:

    ``level_db``      power of the block, dB relative to a full-scale sine's (so 0 dB is a sine of amplitude 1)
    ``centroid_hz``   power-weighted mean frequency
    ``spread_hz``     power-weighted standard deviation about the centroid (the spectral bandwidth)
    ``rolloff_hz``    frequency below which 85 % of the power lies
    ``flatness``      geometric over arithmetic mean of the power above 50 Hz: near 0 for tones, about 0.7 for white
                      noise (below 1, because the bins of two windows scatter)
    ``flux``          half the summed change of the magnitude spectrum from the block before, each normalised to
                      sum 1: 0 to 1
    ``low_db``, ``mid_db``, ``high_db``, ``air_db``   power in 20-250, 250-2000, 2000-8000 Hz, and above 8000 Hz

    In a block below -90 dB the shape of the spectrum means nothing: its frequencies, flatness and flux are 0. The
    totals are power-weighted means of the columns over the clip (levels: of the mean power). Sound shorter than one
    window has no columns and no totals.

Definitions: Peeters, A large set of audio features for sound description (CUIDADO report, Ircam, 2004).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.sound import Recording, RecordingConsumer, power_spectra, window_length
from avgen_bench.types import AudioScores, AudioView, BackboneFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

__all__ = ["Spectrum"]

BLOCK_S = 0.1
FLOOR_DB = -120.0
MUTE_DB = -90.0
ROLLOFF_SHARE = 0.85
BANDS_HZ = (("low_db", 20.0, 250.0), ("mid_db", 250.0, 2000.0), ("high_db", 2000.0, 8000.0), ("air_db", 8000.0, 1e9))


def _mixed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """One channel instead of two where that keeps nine tenths of the power: half the transforms; else all channels."""
    if len(samples) != 2:
        return samples
    left, right = samples
    each, both = float(left @ left) + float(right @ right), float(left @ right)
    if not each or 2.0 * both < 0.8 * each:
        return samples
    # Power of the mix is (each + 2 both) / 4; scaled so that its mean power is that of the channels.
    gain = np.float32(math.sqrt(0.5 * each / (each + 2.0 * both)))
    mixed: NDArray[np.float32] = (gain * (left + right)).reshape(1, -1)
    return mixed


def _db(power: NDArray[np.float32]) -> NDArray[np.float32]:
    out: NDArray[np.float32] = np.maximum(10.0 * np.log10(np.maximum(power, 1e-15)), FLOOR_DB)
    return out


def characteristics(recording: Recording) -> AudioScores:
    """The columns and totals that the module describes."""
    samples, rate_hz = recording.samples(), recording.rate_hz
    if samples.shape[1] < 64 or samples.shape[1] < (length := window_length(rate_hz)):
        return AudioScores((), BLOCK_S, {})
    step = round(BLOCK_S * rate_hz)
    firsts = np.arange(0, max(samples.shape[1] - max(step, length), 0) + 1, step, dtype=np.int64)
    # Two windows side by side near the middle of each block; one where the sound is shorter than a block.
    second = min(step // 2, samples.shape[1] - length)
    starts = np.minimum(np.stack((firsts, firsts + second), axis=1).ravel(), samples.shape[1] - length)
    power = power_spectra(_mixed(samples), starts, length)
    power = (power[0::2] + power[1::2]) * np.float32(0.5)
    power[:, 0] = 0.0
    frequency_hz = np.fft.rfftfreq(length, 1.0 / rate_hz).astype(np.float32)

    level = power.sum(axis=1)
    sounding = _db(level) > MUTE_DB
    safe = np.maximum(level, 1e-12)
    centroid = (power @ frequency_hz) / safe
    spread = np.sqrt(np.maximum((power @ np.square(frequency_hz)) / safe - np.square(centroid), 0.0))
    cumulated = np.cumsum(power, axis=1)
    below = (cumulated < ROLLOFF_SHARE * level[:, None]).sum(axis=1)
    rolloff = frequency_hz[np.minimum(below, frequency_hz.size - 1)]
    audible = power[:, int(np.searchsorted(frequency_hz, 50.0)) :]
    flatness = np.exp(np.log(audible + np.float32(1e-15)).mean(axis=1)) / (audible.mean(axis=1) + np.float32(1e-15))
    shape = np.sqrt(power)
    shape /= np.maximum(shape.sum(axis=1, keepdims=True), 1e-9)
    flux = np.zeros(level.size, np.float32)
    flux[1:] = 0.5 * np.abs(np.diff(shape, axis=0)).sum(axis=1)
    flux[1:] *= sounding[1:] & sounding[:-1]

    columns = {"level_db": _db(level)}
    for name, values in (
        ("centroid_hz", centroid),
        ("spread_hz", spread),
        ("rolloff_hz", rolloff),
        ("flatness", flatness),
    ):
        columns[name] = np.where(sounding, values, 0.0)
    columns["flux"] = flux
    weights = level * sounding
    whole = float(weights.sum())
    totals = {name: float((values * weights).sum() / whole) for name, values in columns.items() if whole > 0}
    for name, low_hz, high_hz in BANDS_HZ:
        if low_hz < rate_hz / 2:
            first, last = np.searchsorted(frequency_hz, (low_hz, high_hz))
            band = cumulated[:, last - 1] - (cumulated[:, first - 1] if first else np.float32(0))
            columns[name] = _db(band)
            totals[name] = float(_db(band.mean()))
    totals["level_db"] = float(_db(level.mean()))
    return AudioScores(
        tuple(recording.times_s(firsts)),
        BLOCK_S,
        {name: tuple(values.tolist()) for name, values in columns.items()},
        totals,
    )


class Spectrum:
    """Yields AudioScores: spectral characteristics per 100 ms, see the module. Without sound all is empty."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="spectrum",
        revision="1",
        yields="AudioScores",
        views=(AudioView(),),
        summary="spectral centroid, spread, rolloff, flatness, flux and band energies",
        libraries=("numpy",),
        reference="Peeters 2004, A large set of audio features for sound description (CUIDADO)",
    )

    def start(self) -> RecordingConsumer[AudioScores]:
        """A fresh consumer for one clip."""
        return RecordingConsumer(characteristics)
