"""When sharp, separate sounds begin: knocks, claps, bounces, strokes of a bell, drips, beeps.

Conventions
    Sound is mono at 24 kHz, its level in dB in 24 mel bands each 5 ms. A band's *rise* is its level less the highest
    that it or a neighbour had from 25 to 105 ms before: ringing, reverberation, beating partials, gliding tones and
    steady noise do not exceed what they were, whatever their level. The rise of the sound is the mean over the quarter
    of the bands that rise most, so that a beep, which has few bands, counts as much as a clap, which has all; by
    chance, noise never lifts so many bands at once. Half the rise of the two highest counts where that is more.

    An onset is a peak of this rise of ``RISE_DB`` or more, the highest within ``SEPARATE_S``; weaker ones nearby are
    the same event (a bounce of the hammer, an echo). What it adds to the power that was there must be at most
    ``FAINT_DB`` below what the strongest adds, else it is clutter, and at least ``AUDIBLE_DBFS``. Its time is where
    the bands that rise are half way up, its strength the rise in dB.

    What precedes the first sample is taken to be as loud as the sound is from 0.1 to 0.3 s: sound that is there from
    the first moment and goes on is no event, a knock at the first moment is one.

Constants
    Chosen on the calibration split of ``avgen_bench.factory.truth_sound``.

Reference
    Spectral flux with a memory of the highest level and of neighbouring bands is after Böck and Widmer 2013 (SuperFlux,
    DAFx-13).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameView, MediaFacts, Onsets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
else:
    np = lazy("numpy")

__all__ = ["SharpSounds", "sharp_sounds"]

SOUND = AudioView(24000, 1)

WINDOW = 512
HOP = 120
BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 60.0, 11000.0
FLOOR_DBFS = -78.0
"""Level of a band taken as nothing: rises below it cannot be heard."""
BEFORE_S = (0.025, 0.105)
"""How far back a level is remembered: attacks are shorter than the first, and separate events further apart."""
FEW_BANDS, FEW_SHARE = 2, 0.5
"""A pure tone or a dull thud lies in so few bands; noise lifts as few by chance, so that their rise counts less."""
RISE_DB = 4.0
OPENING_DB, OPENING_S = 10.0, 0.03
"""Rise asked of what begins sooner than the second: what came before it is assumed."""
FAINT_DB = 26.0
AUDIBLE_DBFS = -62.0
SEPARATE_S = 0.085
SHARP_S, SWELL_S, SWELL_DB = 0.06, 0.2, 8.0
"""What is louder by the last within the second than within the first of its beginning grew, and was not struck."""
MOST = 200


class SharpSounds:
    """The onsets of sharp sounds, each with its rise in dB; the tempo is not told."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="onsets",
        revision="1",
        yields="Onsets",
        views=(SOUND,),
        summary="beginnings of sharp, separate sounds: rises of level in several bands above all that was just before",
        libraries=("av", "numpy"),
        parameters={"rise_db": RISE_DB, "faint_db": FAINT_DB, "separate_s": SEPARATE_S, "bands": BANDS},
        reference="after Böck and Widmer 2013 (SuperFlux, DAFx-13)",
    )

    def start(self) -> _Listener:
        """A fresh consumer for one clip."""
        return _Listener()


class _Listener:
    def __init__(self) -> None:
        self._blocks: list[AudioBlock] = []

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Pictures are not asked for."""

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Take one block of mono sound."""
        if block.samples.shape[1]:
            self._blocks.append(AudioBlock(block.t_s, block.rate_hz, np.array(block.samples[:1])))

    def finish(self, facts: MediaFacts) -> Onsets:
        """The onsets in order of time; none without sound."""
        if not self._blocks:
            return Onsets((), ())
        rate_hz, start_s = self._blocks[0].rate_hz, self._blocks[0].t_s
        last = self._blocks[-1]
        track = np.zeros(max(0, round((last.t_s - start_s) * rate_hz)) + last.samples.shape[1] + 1, dtype=np.float32)
        for block in self._blocks:  # a hole in the stream stays silent
            at = max(0, round((block.t_s - start_s) * rate_hz))
            piece = block.samples[0][: max(track.size - at, 0)]
            track[at : at + piece.size] = piece
        times_s, strengths = sharp_sounds(np.nan_to_num(track, nan=0.0, posinf=1.0, neginf=-1.0), rate_hz)
        return Onsets(
            tuple(round(start_s + float(t), 4) for t in times_s), tuple(round(float(s), 2) for s in strengths)
        )


def _levels(track: NDArray[np.float32], rate_hz: int) -> Floats:
    """Level in dBFS, shape (steps, bands); step i is centred on sample i * HOP."""
    padded = np.pad(track, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    mel = np.linspace(
        2595 * math.log10(1 + LOWEST_HZ / 700),
        2595 * math.log10(1 + min(HIGHEST_HZ, 0.46 * rate_hz) / 700),
        BANDS + 1,
    )
    bins = np.round(700 * (10 ** (mel / 2595) - 1) * WINDOW / rate_hz).astype(int)
    bins[0] = max(1, bins[0])
    for place in range(1, bins.size):
        bins[place] = max(bins[place], bins[place - 1] + 1)
    scale = 4.0 / (WINDOW * float(np.square(hann).sum()))
    parts: list[Floats] = []
    for first in range(0, frames.shape[0], 2048):
        spectrum = np.fft.rfft(frames[first : first + 2048] * hann, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2) * scale
        sums = np.add.reduceat(power[:, : bins[-1]], bins[:-1], axis=1)
        parts.append(10 * np.log10(sums + 10 ** (FLOOR_DBFS / 10)))
    levels: Floats = np.concatenate(parts).astype(np.float64)
    return levels


def _held(levels: Floats, step_s: float) -> Floats:
    """The highest level that each band or a neighbour had just before, in dBFS, shape as given."""
    near, far = (round(edge / step_s) for edge in BEFORE_S)
    wide = levels.copy()
    wide[:, 1:] = np.maximum(wide[:, 1:], levels[:, :-1])
    wide[:, :-1] = np.maximum(wide[:, :-1], levels[:, 1:])
    opening = wide[round(0.1 / step_s) : round(0.3 / step_s)]
    first = opening.max(axis=0) if opening.size else wide[0]
    before = np.concatenate([np.tile(first, (far, 1)), wide])
    held: Floats = np.lib.stride_tricks.sliding_window_view(before, far - near + 1, axis=0).max(axis=-1)
    return held[: levels.shape[0]]


def sharp_sounds(track: NDArray[np.float32], rate_hz: int) -> tuple[Floats, Floats]:
    """Times in seconds from the first sample, and rises in dB, of the sharp sounds in a mono track (samples,)."""
    none = (np.zeros(0), np.zeros(0))
    if track.size < 2 * WINDOW:
        return none
    step_s = HOP / rate_hz
    levels = _levels(track, rate_hz)
    held = _held(levels, step_s)
    rises: Floats = np.maximum(levels - held, 0.0)
    top = max(1, BANDS // 4)
    ranked = np.sort(rises, axis=1)
    few = FEW_SHARE * ranked[:, BANDS - FEW_BANDS :].mean(axis=1)
    rise: Floats = np.maximum(ranked[:, BANDS - top :].mean(axis=1), few)
    reach = max(1, round(SEPARATE_S / step_s))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rise, reach), 2 * reach + 1)
    peaks = np.flatnonzero((rise >= RISE_DB) & (rise >= around.max(axis=1)))
    peaks = peaks[(rise[peaks] >= OPENING_DB) | (peaks >= round(OPENING_S / step_s))]
    peaks = peaks[peaks < levels.shape[0] - round(0.02 / step_s)]  # the very end, where windows are not filled
    if not peaks.size:
        return none
    peaks = peaks[np.concatenate([[True], np.diff(peaks) > reach])]  # of equal neighbours the first
    after = np.lib.stride_tricks.sliding_window_view(np.pad(levels, ((0, 5), (0, 0)), mode="edge"), 6, axis=0)
    crests = after[peaks].max(axis=-1)
    added_dbfs = 10 * np.log10(np.maximum(10 ** (crests / 10) - 10 ** (held[peaks] / 10), 1e-12).sum(axis=1))
    clear = added_dbfs >= max(AUDIBLE_DBFS, float(added_dbfs.max()) - FAINT_DB)
    power = 10 * np.log10((10 ** (levels / 10)).sum(axis=1))
    sharp, swell = (round(length_s / step_s) for length_s in (SHARP_S, SWELL_S))
    for place, peak in enumerate(peaks.tolist()):  # what goes on growing is a swell, not a strike
        following = int(peaks[place + 1]) - sharp if place + 1 < peaks.size else power.size
        end = max(min(peak + swell, following), peak + sharp)
        clear[place] &= power[peak : peak + sharp].max() >= power[peak:end].max() - SWELL_DB
    peaks = peaks[clear]
    if not peaks.size:
        return none
    if peaks.size > MOST:
        peaks = np.sort(peaks[np.argsort(-rise[peaks], kind="stable")[:MOST]])
    back = round(BEFORE_S[0] / step_s) + 1
    times: list[float] = []
    for peak in peaks.tolist():
        bands = np.argsort(-rises[peak], kind="stable")[:top]
        first = max(0, peak - 2 * back)
        course: Any = levels[first : peak + back, bands].mean(axis=1)
        crest = peak - first + int(np.argmax(course[peak - first :]))
        base = float(course[: crest + 1].min())
        half = base + 0.5 * (float(course[crest]) - base)
        below = np.flatnonzero(course[: crest + 1] < half)
        times.append((first + (int(below[-1]) + 1 if below.size else 0)) * step_s)
    return np.maximum.accumulate(np.array(times)), rise[peaks]
