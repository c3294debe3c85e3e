"""Loudness of a stream of sound: ITU-R BS.1770-5 and EBU R 128, through libavfilter's ``ebur128``.

Conventions Momentary loudness is over 400 ms, one value each 100 ms, given at the *middle* of its window; the first
    value stands 0.2 s after the first sample. Windows that the sound does not fill, at either end, are not used, as
    in BS.1770. Sound shorter than 400 ms has no loudness: an empty curve and no integrated value. Levels are in LUFS,
    ranges in LU. A silent window reads -120 LUFS, the floor of the scale here.

True peak is not taken from the filter, which resamples the whole stream to 192 kHz for it (29 to 33 ms of processor
time per 10 s of stereo at 48 kHz, against 7 to 8 ms without). Here the four-fold oversampling of BS.1770-5 annex 2 is
done only around the highest sample of each 200 ms and channel. The result is never below the sample peak. A crest
that its samples miss and that is not next to the highest sample of its 200 ms can be missed; for steady tones all
crests are alike, and none is.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, LoudnessCurve

if TYPE_CHECKING:
    import av
    import av.filter
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")
    av = lazy("av")

__all__ = ["FLOOR_LUFS", "GATE_LUFS", "LoudnessMeter"]

FLOOR_LUFS = -120.0
GATE_LUFS = -70.0
"""The absolute gate of BS.1770: below it there is no integrated loudness."""

WINDOW_S = 0.4
STEP_S = 0.1
BATCH_S = 0.2
"""Blocks are gathered to this length before they go to the filter: 5 ms less per 10 s than blocks of 1024 samples."""

OVERSAMPLING = 4
PEAK_REACH = 24
"""Samples on each side that the interpolation uses (Kaiser window, beta 6): enough up to 0.45 of the sampling rate."""
PEAK_NEAR = 4
"""Samples on each side of the highest one between which the crest is looked for."""


def _interpolation() -> NDArray[np.float32]:
    """Weights, shape (samples, places): the values between the samples of a piece, ``PEAK_NEAR`` around its middle."""
    samples = np.arange(-PEAK_REACH - PEAK_NEAR, PEAK_REACH + PEAK_NEAR + 1, dtype=np.float64)
    places = np.arange(-PEAK_NEAR * OVERSAMPLING, PEAK_NEAR * OVERSAMPLING + 1) / OVERSAMPLING
    distance = samples[:, None] - places[None, :]
    taper = np.i0(6.0 * np.sqrt(np.maximum(1.0 - (distance / (PEAK_REACH + 1)) ** 2, 0.0))) / np.i0(6.0)
    weights = np.sinc(distance) * np.where(np.abs(distance) <= PEAK_REACH + 1, taper, 0.0)
    return weights.astype(np.float32)


class LoudnessMeter:
    """Measures one stream of sound: ``push`` every block in order, then ``finish`` once."""

    def __init__(self) -> None:
        """Nothing is loaded before the first block."""
        self._rate_hz = 0
        self._channels = 0
        self._start_s = 0.0
        self._sent = 0
        self._waiting: list[NDArray[np.float32]] = []
        self._waiting_count = 0
        self._graph: av.filter.Graph | None = None
        self._momentary: list[float] = []
        self._integrated = -math.inf
        self._range_lu = 0.0
        self._sample_peak = 0.0
        self._crests: list[NDArray[np.float32]] = []
        self._tail: NDArray[np.float32] | None = None

    def push(self, block: AudioBlock) -> None:
        """Take the next block.

        Raises:
            ValueError: rate or channel count differ from those of the first block.
        """
        channels, count = block.samples.shape
        if not self._rate_hz:
            self._rate_hz, self._channels, self._start_s = block.rate_hz, channels, block.t_s
        elif (block.rate_hz, channels) != (self._rate_hz, self._channels):
            raise ValueError(
                f"sound changes from {self._rate_hz} Hz, {self._channels} channels to {block.rate_hz} Hz, "
                f"{channels} channels; expected one layout for the whole stream"
            )
        self._waiting.append(np.array(block.samples, dtype=np.float32))
        self._waiting_count += count
        if self._waiting_count >= BATCH_S * self._rate_hz:
            self._send()

    def finish(self) -> LoudnessCurve:
        """The loudness of all that was pushed."""
        if self._waiting_count:
            self._send()
        if self._graph is not None:
            self._graph.push(None)
            self._drain()
        # The filter's first three values rest on windows that the sound does not fill yet.
        momentary = self._momentary[round(WINDOW_S / STEP_S) - 1 :]
        times = tuple(round(self._start_s + WINDOW_S / 2 + STEP_S * index, 6) for index in range(len(momentary)))
        heard = bool(momentary) and self._integrated > GATE_LUFS
        return LoudnessCurve(
            times,
            tuple(momentary),
            self._integrated if heard else None,
            self._range_lu if heard else 0.0,
            20.0 * math.log10(max(self._true_peak(), 1e-6)),
        )

    def _send(self) -> None:
        samples = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting, axis=1)
        self._waiting, self._waiting_count = [], 0
        # A NaN would poison the filter's memory for good.
        if not np.isfinite(samples).all():
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        self._note_crests(samples)
        layout = {1: "mono", 2: "stereo"}.get(self._channels, f"{self._channels}c")
        if self._graph is None:
            self._graph = av.filter.Graph()
            source = self._graph.add_abuffer(
                sample_rate=self._rate_hz, format="fltp", layout=layout, time_base=Fraction(1, self._rate_hz)
            )
            meter = self._graph.add("ebur128", "metadata=1:framelog=quiet")
            sink = self._graph.add("abuffersink")
            source.link_to(meter)
            meter.link_to(sink)
            self._graph.configure()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate = self._rate_hz
        frame.pts = self._sent
        self._sent += samples.shape[1]
        self._graph.push(frame)
        self._drain()

    def _drain(self) -> None:
        if self._graph is None:
            return
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            values = frame.metadata
            if "lavfi.r128.M" not in values:
                continue
            momentary = float(values["lavfi.r128.M"])
            self._momentary.append(max(momentary, FLOOR_LUFS) if math.isfinite(momentary) else FLOOR_LUFS)
            self._integrated = float(values["lavfi.r128.I"])
            self._range_lu = float(values["lavfi.r128.LRA"])

    def _note_crests(self, samples: NDArray[np.float32]) -> None:
        """Keep the surroundings of the highest sample of each channel, with enough on both sides to interpolate."""
        reach = PEAK_REACH + PEAK_NEAR
        before = np.zeros((self._channels, reach), np.float32) if self._tail is None else self._tail
        joined = np.concatenate((before, samples), axis=1)
        # The last samples lack their right side: they wait for the next call.
        self._tail = joined[:, max(joined.shape[1] - 2 * reach, 0) :]
        inner = np.abs(joined[:, reach : joined.shape[1] - reach])
        if not inner.shape[1]:
            return
        for channel, place in enumerate(inner.argmax(axis=1).tolist()):
            self._sample_peak = max(self._sample_peak, float(inner[channel, place]))
            self._crests.append(joined[channel, place : place + 2 * reach + 1])

    def _true_peak(self) -> float:
        """The highest level between samples, linear; 0 if nothing was pushed."""
        if self._channels:
            self._note_crests(np.zeros((self._channels, 2 * (PEAK_REACH + PEAK_NEAR)), np.float32))
        if not self._crests:
            return 0.0
        return max(self._sample_peak, float(np.abs(np.stack(self._crests) @ _interpolation()).max()))
