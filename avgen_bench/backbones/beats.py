"""Sharp sounds and the tempo that they make.

Conventions
    Onsets are peaks of the rise of the spectrum in bands from one 10 ms to the next, with how far they rise (dB).
    For the tempo an onset weighs its rise times the root of its amplitude. The tempo is that of the pulse train, from
    40 to 220 beats a minute, whose beats meet most of this weight, with the fewest of them empty or weak, and which
    people prefer among equals (a wide prior around 115). It is refined on the onsets that fall on it.
    ``tempo_confidence`` is the share of the weight that falls on beats, halves, thirds or quarters, times the share of
    beats that are met; there is no tempo below :data:`LEAST`.

Constants
    Chosen on the calibration split of :mod:`avgen_bench.factory.truth_music`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.sound import Recording, RecordingConsumer
from avgen_bench.types import AudioView, BackboneFacts, Onsets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
else:
    np = lazy("numpy")

__all__ = ["Beats", "onsets_of", "tempo_of"]

RATE_HZ = 16000
WINDOW = 512
HOP = 160
BANDS = 30
SILENT = 1e-3
RANGE_DB = 50.0
"""Bands quieter than the loudest by more do not count."""
LEAST_RISE_DB = 3.0
GAP_S = 0.08
LOW_BPM, HIGH_BPM = 38.0, 228.0
NEAR_S = 0.035
"""How far from its beat an onset may fall."""
PREFERRED_BPM, PRIOR_OCTAVES = 115.0, 1.6
LEAST = 0.5


class Beats:
    """Yields Onsets with a tempo, where one stands out."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="beats",
        revision="1",
        yields="Onsets",
        views=(AudioView(RATE_HZ, 1),),
        summary="onsets and tempo from the rise of the spectrum",
        libraries=("numpy",),
        parameters={"least_rise_db": LEAST_RISE_DB, "near_s": NEAR_S, "preferred_bpm": PREFERRED_BPM},
        reference="Bello et al. 2005 (onsets); Ellis 2007 (tempo prior)",
    )

    def start(self) -> RecordingConsumer[Onsets]:
        """A fresh consumer for one clip."""
        return RecordingConsumer(_measure)


def _measure(recording: Recording) -> Onsets:
    sound = recording.samples()[0]
    if sound.size < 4 * WINDOW or float(np.abs(sound).max()) < SILENT:
        return Onsets((), ())
    times, rises, loud = onsets_of(sound)
    bpm, sure = tempo_of(times, rises * np.sqrt(loud))
    at = [recording.time_s(round(time * RATE_HZ)) for time in times.tolist()]
    return Onsets(
        tuple(round(time, 4) for time in at),
        tuple(round(rise, 3) for rise in rises.tolist()),
        None if bpm is None else round(bpm, 2),
        round(sure, 4),
    )


def onsets_of(sound: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """Times in s, rises in dB, amplitudes against the loudest, of the onsets in a mono track (samples,) at 16 kHz."""
    wave = np.pad(sound.astype(np.float64), (WINDOW, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    edges = np.unique(np.searchsorted(hz, 700 * (10 ** (np.linspace(30, 2790, BANDS + 1) / 2595) - 1)))
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    level = 10 * np.log10(bands + 1e-12)
    level = np.maximum(level, level.max() - RANGE_DB)
    rise = np.zeros(level.shape[0])
    rise[3:] = np.maximum(level[3:] - np.maximum(level[:-3], level[1:-2]), 0.0).mean(axis=1)
    reach, gap = 20, round(GAP_S * RATE_HZ / HOP)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rise, reach, mode="edge"), 2 * reach + 1)
    excess = rise - np.median(around, axis=1)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(excess, gap), 2 * gap + 1).max(axis=1)
    peaks = np.flatnonzero((excess >= LEAST_RISE_DB) & (excess >= near))
    loud = np.sqrt(np.lib.stride_tricks.sliding_window_view(np.pad(bands.sum(axis=1), (0, 5)), 6).max(axis=1))
    times = np.maximum(0.0, (peaks * HOP - WINDOW / 2 - HOP) / RATE_HZ)
    return times, excess[peaks], loud[peaks] / max(float(loud.max()), 1e-9)


def _fit(times: Floats, weights: Floats, period: float, phase: float) -> tuple[float, float, NDArray[np.int64]]:
    """Share of the weight on the beats, share of the beats that are met (by weight), and the beat of each onset."""
    beats = np.round((times - phase) / period).astype(np.int64)
    near = np.clip(1.5 - np.abs(times - phase - beats * period) / min(NEAR_S, 0.12 * period), 0.0, 1.0)
    on = weights * near
    met = np.zeros(int(beats.max() - beats.min()) + 1)
    np.maximum.at(met, beats - beats.min(), on)
    strong = float(np.sort(weights)[-max(1, weights.size // 3) :].mean())
    filled = float(np.minimum(met / strong, 1.0).mean())
    return float(on.sum() / weights.sum()), filled, np.where(near > 0.5, beats, np.iinfo(np.int64).min)


def tempo_of(times: Floats, strengths: Floats) -> tuple[float | None, float]:
    """Beats per minute, None where none stands out, and how sure that is, from onsets."""
    if times.size < 4 or times[-1] - times[0] < 1.5:
        return None, 0.0
    weights = np.minimum(strengths, np.percentile(strengths, 90))
    best = (-1.0, 0.0, 0.0, 0.0)
    for bpm in np.exp(np.arange(math.log(LOW_BPM), math.log(HIGH_BPM), 0.004)):
        period = 60 / float(bpm)
        if times[-1] - times[0] < 2 * period:
            continue
        prior = math.exp(-0.5 * (math.log2(float(bpm) / PREFERRED_BPM) / PRIOR_OCTAVES) ** 2)
        for anchor in times[:8].tolist():
            share, filled, _ = _fit(times, weights, period, anchor)
            score = share * filled * prior
            if score > best[0]:
                best = (score, float(bpm), anchor, share)
    _, bpm, phase, share = best
    if bpm == 0.0:
        return None, 0.0
    for _ in range(3):  # least squares through the onsets on the beat
        _, filled, beats = _fit(times, weights, 60 / bpm, phase)
        on = beats > np.iinfo(np.int64).min
        if np.unique(beats[on]).size < 3:
            break
        slope, phase = np.polyfit(beats[on], times[on], 1, w=np.sqrt(weights[on]))
        bpm = 60 / float(slope)
    share, filled, _ = _fit(times, weights, 60 / bpm, float(phase))
    finer = max(_fit(times, weights, 60 / bpm / part, float(phase))[0] for part in (1, 2, 3, 4))
    sure = filled * finer
    return (bpm if sure >= LEAST and LOW_BPM <= bpm <= HIGH_BPM else None), sure
