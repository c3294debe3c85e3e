"""Recorded sound as a whole: gathering it with its times, its spectra, and what counts as silence.

Conventions
    Samples are float32, shape (channels, samples), in [-1, 1]. Power spectra are scaled so that the bins of
    a full-scale sine sum to 1, so its mean square is half of that. Levels are dB relative to full scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from avgen_bench._lazy import lazy
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    FlowView,
    Frame,
    FrameView,
    LoudnessCurve,
    MediaFacts,
    Payload,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

__all__ = [
    "SHORTEST_S",
    "SILENT_DBFS",
    "Recording",
    "RecordingConsumer",
    "power_spectra",
    "silence_reason",
    "window_length",
]

SILENT_DBFS = -60.0
"""Peak below which sound is silence: the noise of a quiet room recorded at a usual level lies above it."""
SHORTEST_S = 0.1
"""Shortest sound whose level and clipping mean anything."""


def silence_reason(media: MediaFacts, loudness: LoudnessCurve) -> str:
    """Why the clip counts as silent, or an empty string when it sounds.

    The one rule for all dimensions: there is no sound track, or its true peak never exceeds -60 dBFS, or it lasts at
    least one window of 400 ms and no window reaches the absolute gate of BS.1770 (no integrated loudness).
    """
    if media.sound is None:
        return "silent clip: no sound track"
    if media.sound.units == 0:
        return "silent clip: the sound track is empty"
    if loudness.true_peak_dbfs <= SILENT_DBFS:
        return f"silent clip: the sound never exceeds {loudness.true_peak_dbfs:.0f} dBFS (limit {SILENT_DBFS:.0f})"
    if loudness.momentary_lufs and loudness.integrated_lufs is None:
        return "silent clip: no stretch of the sound reaches -70 LUFS"
    return ""


class Recording:
    """One stream of sound, gathered block by block, with the time of each of its samples."""

    def __init__(self) -> None:
        """Empty; the rate is that of the first block."""
        self.rate_hz = 0
        self._pieces: list[NDArray[np.float32]] = []
        self._firsts: list[int] = []
        self._times_s: list[float] = []
        self._count = 0

    def add(self, block: AudioBlock) -> None:
        """Append a block; a change of rate or channel count is an error.

        Raises:
            ValueError: rate or channel count differ from those of the first block.
        """
        if self._pieces and (block.rate_hz != self.rate_hz or block.samples.shape[0] != self._pieces[0].shape[0]):
            raise ValueError(
                f"sound changes from {self.rate_hz} Hz, {self._pieces[0].shape[0]} channels to {block.rate_hz} Hz, "
                f"{block.samples.shape[0]} channels; expected one layout for the whole stream"
            )
        self.rate_hz = block.rate_hz
        self._firsts.append(self._count)
        self._times_s.append(block.t_s)
        self._count += block.samples.shape[1]
        self._pieces.append(np.array(block.samples, dtype=np.float32))

    def samples(self) -> NDArray[np.float32]:
        """All sound so far, shape (channels, samples), finite; (1, 0) when there is none."""
        if not self._pieces:
            return np.zeros((1, 0), np.float32)
        joined = np.concatenate(self._pieces, axis=1)
        # The sum is finite only if every sample is (float32 sums of sound do not overflow).
        if not math.isfinite(float(joined.sum())):
            joined = np.nan_to_num(joined, nan=0.0, posinf=1.0, neginf=-1.0)
        return joined

    def time_s(self, sample: int) -> float:
        """The presentation time of a sample, also across holes in the stream."""
        if not self._firsts:
            return 0.0
        piece = max(int(np.searchsorted(self._firsts, sample, side="right")) - 1, 0)
        return self._times_s[piece] + (sample - self._firsts[piece]) / self.rate_hz

    def times_s(self, samples: NDArray[np.int64]) -> list[float]:
        """The presentation times of samples in rising order, never falling."""
        if not self._firsts or not samples.size:
            return []
        pieces = np.maximum(np.searchsorted(self._firsts, samples, side="right") - 1, 0)
        times = np.asarray(self._times_s)[pieces] + (samples - np.asarray(self._firsts)[pieces]) / self.rate_hz
        out: list[float] = np.round(np.maximum.accumulate(times), 6).tolist()
        return out


def window_length(rate_hz: int) -> int:
    """Samples in an analysis window: the power of two nearest to 43 ms."""
    return int(2 ** round(math.log2(rate_hz * 0.043)))


def power_spectra(samples: NDArray[np.float32], starts: NDArray[np.int64], length: int) -> NDArray[np.float32]:
    """Power spectra of Hann windows that begin at ``starts``, shape (windows, length / 2 + 1), mean over the channels.

    Scaled so that the bins of a full-scale sine sum to 1. Channels that are equal within 16-bit rounding are
    transformed once.
    """
    window = np.hanning(length + 1)[:-1].astype(np.float32)
    # Sum over bins of |X|^2 for a sine of amplitude 1 is length * sum(w^2) / 4 (one-sided).
    scale = np.float32(4.0 / (length * float(np.square(window).sum())))
    channels = list(samples)
    if len(channels) == 2 and channels[0].size and float(np.abs(channels[0] - channels[1]).max()) < 2.0**-15:
        channels = channels[:1]
    total: NDArray[np.float32] | None = None
    for channel in channels:
        pieces = np.lib.stride_tricks.sliding_window_view(channel, length)[starts] * window
        spectrum = np.fft.rfft(pieces, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        total = power if total is None else total + power
    if total is None:
        raise ValueError("samples has no channels; expected one or more")
    total *= scale / np.float32(len(channels))
    return total


_Seen = TypeVar("_Seen", bound=Payload)


class RecordingConsumer(Generic[_Seen]):
    """A consumer that gathers the whole sound and measures it at the end; ``measure`` gives the observation."""

    def __init__(self, measure: Callable[[Recording], _Seen]) -> None:
        self._measure = measure
        self._recording = Recording()

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Pictures are not asked for."""

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Append the block."""
        self._recording.add(block)

    def finish(self, facts: MediaFacts) -> _Seen:
        """What ``measure`` makes of all the sound."""
        return self._measure(self._recording)
