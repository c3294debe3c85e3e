"""What can be wrong with a sound track as a signal: clipping, dropouts, noise, band limit, hum, DC, silence.

Conventions
    Everything is measured at the clip's own rate and layout. Levels are dB relative to full scale (a full-scale sine
    reads -3 dBFS, being a mean square), ratios are power ratios in dB. A total that is absent could not be measured:
    the sound was too short (0.1 s for clipping, 0.5 s for dropouts, noise and bandwidth, 2 s for hum) or silent. A
    mean over channels is a mean of powers, so a silent channel or one in opposite phase does not hide the other.

    totals: ``duration_s``, ``peak_dbfs``, ``rms_dbfs``, ``dc`` (largest absolute mean of a channel, share of full
    scale), ``clipped_share``, ``dropouts``, ``dropped_s``, ``silent_share``, ``bandwidth_hz``, ``noise_floor_dbfs``,
    ``snr_db``, ``floor_flatness_db``, ``hum_db`` (relative to the sound, -80 for none), ``hum_hz``,
    ``weakest_channel_db`` (against the strongest, two channels only)

    columns: ``level_dbfs``, ``peak_dbfs`` per 100 ms

    spans: ``clipped``, ``dropped``, ``silent`` (at least 0.5 s)

Clipping. In a lossless stream flat tops are found exactly: more samples within 0.1 % of the extreme of one sign than
    half of those in the next 2 %. A lossy codec smears flat tops, even beyond the level at which they were cut. What
    survives is a hump in the amplitude histogram away from zero, where sound has a density that falls with level: its
    mass is counted above the running minimum of the density from below. Steady tones have such a hump too (a sine
    spends most time near its crests), so the hump is left out when a few lines hold nearly all power.
Dropouts. The level in steps of 2.5 ms falls off and comes back within 7.5 ms, and stays below what the clip's own
    quiet moments sound like in between: a pause in speech decays, and keeps the room's noise. Between 5 ms and 1 s.
Noise. In bands of a sixth of an octave or so the mean of the lowest tenth of the windows of 43 ms is what is always
    there, corrected for the scatter of Gaussian noise; its A-weighted sum against that of the whole is the noise
    share. Gaps and digital silence are left out. ``snr_db`` is that ratio. ``floor_flatness_db`` is the geometric
    over the arithmetic mean of the floor over bands of equal ratio up to 15 kHz: -1 for pink noise, -2 for white, far
    below for the floor of a scene, which has a shape and an upper end. **Steady noise-like sound that is wanted
    (rain, stirring, a waterfall) cannot be told from noise by statistics.** It reads as a low ratio, and the
    dimension that scores it is gentle on purpose.
Bandwidth. The upper edge of the highest band that still rises and falls with the octave below it, 50 dB under the
    strongest. Noise that fills an empty band does not do that, so it does not count as bandwidth.
Hum. Lines at multiples of 50 or 60 Hz that are there in nearly every second or two of the clip, at least two of the
first six.

Limits. After a lossy codec, clipping of sound that is itself like noise (stirring, dense music) is found only from
about 1 % of the samples on; noise written by a codec that switches bands on and off may pass for bandwidth; a gap
in near silence is not found, and not heard.

Constants come from definitions where there are any (A-weighting IEC 61672-1, 50 and 60 Hz, Gaussian order
statistics). The others (7.5 ms edges, 20 and 6 dB for dropouts, 50 dB for bandwidth, the lowest tenth) follow from
the windows of codecs and the length of speech sounds. Three rules were added after runs on all real clips, test clips
included, had shown false finds: sound on both sides of a dropout, the limits put down to chance, and no leap over an
octave in the bandwidth. What these clips measure is therefore no independent test of those three. ``HEARD_DB`` came
later, after rendered impacts that run out into digital silence had been read as cut off.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.sound import SHORTEST_S, SILENT_DBFS, Recording, RecordingConsumer, power_spectra, window_length
from avgen_bench.types import AudioScores, AudioView, BackboneFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
else:
    np = lazy("numpy")

__all__ = ["AudioSignal"]

BLOCK_S = 0.1
FLOOR_DBFS = -120.0
SILENT_S = 0.5
"""Shortest silence worth a span."""

SHORTEST_NOISE_S = 0.5
SHORTEST_HUM_S = 2.0
LONG_HUM_S = 4.0

HISTOGRAM_BINS = 40
CHANCE = 4.0
"""Standard deviations of a count that are put down to chance (some 100 bins are looked at)."""
CHANCE_CORRELATION = 3.0
"""The same of a correlation (some 50 bands)."""
LEAST_CLIPPED = 2e-5
"""Shares below this are no clipping: ten samples in ten seconds."""
TONE_SHARE = 0.98
TONE_LINES = 12

HOP_S = 0.0025
EDGE_HOPS = 3
EDGE_DB = 20.0
BELOW_FLOOR_DB = 6.0
SHARP_EDGE_DB = 45.0
LONGEST_GAP_S = 1.0
HEARD_DB = 48.0
"""Below the loud moments (95th percentile) by which sound counts as having ended before a gap, not as cut off."""
QUIET_HOPS = 0.05
"""The clip's own quiet: this quantile of the level outside gaps."""
AROUND_HOPS = 20
"""A dropout interrupts sound: the median level of 50 ms on both sides lies EDGE_DB above it."""

BAND_RATIO = 1.12
LOWEST_HZ = 60.0
LOWEST_SHARE, LOWEST_NORMAL = 0.1, -1.755
"""The lowest tenth of the windows, and the mean of that part of the normal distribution."""
SHAPE_HZ = 15000.0
SHAPE_DEPTH_DB = 55.0
"""The shape of the floor is looked at up to here, and down to this far below its strongest band."""
BAND_DEPTH_DB = 50.0
STEADY_DEPTH_DB = 40.0
OCTAVE_BANDS = 6
LEAST_BANDS = 6
WIDEST_GAP = 2.0

HUM_RATE_HZ = 4000.0
HUM_LINES = 6
HUM_QUANTILE = 0.2
HUM_FLOOR_DB = -80.0


def _db(power: float) -> float:
    return 10.0 * math.log10(max(power, 10.0 ** (FLOOR_DBFS / 10.0)))


# --------------------------------------------------------------------------- clipping


def _flat_tops(magnitude: Samples, top: float) -> int:
    """Samples on exact flat tops of one sign, 0 when the extreme is only an extreme."""
    near = magnitude[magnitude >= 0.98 * top]
    on_top = int(np.count_nonzero(near >= 0.999 * top))
    # A sine has 0.29 times as many samples in the upper stretch as in the lower; what flat tops have is far above that.
    return max(0, on_top - (near.size - on_top) // 2 - 3)


def _hump(counts: NDArray[np.int64]) -> tuple[float, int]:
    """Mass above the running minimum of a histogram that should fall, and the bin where the hump begins.

    What counting errors explain is left out.
    """
    lowest = np.minimum.accumulate(counts)
    excess = counts - lowest - CHANCE * np.sqrt(lowest + 1.0)
    excess[: HISTOGRAM_BINS // 4] = 0.0
    rising = np.flatnonzero(excess > 0)
    if not rising.size:
        return 0.0, HISTOGRAM_BINS
    return float(excess[rising].sum()), int(rising[0])


def _clipping(samples: Samples, tonal: bool) -> tuple[float, NDArray[np.int64]]:
    """The share of samples on flat tops, and the places of the samples at or above them, in rising order."""
    found = 0.0
    places: list[NDArray[np.int64]] = []
    for channel in samples:
        high, low = float(channel.max()), float(channel.min())
        reach = max(high, -low)
        if reach < 10.0 ** (SILENT_DBFS / 20.0):
            continue
        # One signed histogram serves both signs; the extremes of either sign set its scale.
        bins = np.bincount(
            (channel * np.float32(HISTOGRAM_BINS * 0.999 / reach) + np.float32(HISTOGRAM_BINS)).astype(np.int32),
            minlength=2 * HISTOGRAM_BINS,
        )
        for sign, top, counts in ((1.0, high, bins[HISTOGRAM_BINS:]), (-1.0, -low, bins[HISTOGRAM_BINS - 1 :: -1])):
            if top < 0.05 * reach:
                continue
            flat = float(_flat_tops(channel if sign > 0 else -channel, top))
            level = 0.999 * top
            if not tonal:
                hump, first = _hump(counts[:HISTOGRAM_BINS])
                if hump > flat:
                    flat, level = hump, reach * first / HISTOGRAM_BINS
            if flat > 0:
                found += flat
                places.append(np.flatnonzero(channel >= level) if sign > 0 else np.flatnonzero(channel <= -level))
    if found < max(8.0, LEAST_CLIPPED * samples.size):
        return 0.0, np.zeros(0, np.int64)
    return found / samples.size, np.unique(np.concatenate(places))


# --------------------------------------------------------------------------- dropouts


def _gaps(level_db: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Hops, half open, in which one channel drops out."""
    count = level_db.size
    if count < 4 * EDGE_HOPS:
        return []
    fall = np.zeros(count, np.float32)
    rise = np.zeros(count, np.float32)
    fall[EDGE_HOPS:] = level_db[:-EDGE_HOPS] - level_db[EDGE_HOPS:]
    rise[:-EDGE_HOPS] = level_db[EDGE_HOPS:] - level_db[:-EDGE_HOPS]
    candidates: list[tuple[int, int, float]] = []
    longest = round(LONGEST_GAP_S / HOP_S)
    place = 0
    falls = np.flatnonzero(fall >= EDGE_DB)
    while True:
        index = int(np.searchsorted(falls, place))
        if index >= falls.size:
            break
        after = int(falls[index])
        before_db = float(level_db[after - EDGE_HOPS])
        # From the last hop before the fall on, the gap is where the level is EDGE_DB under it.
        stretch = level_db[after : after + longest + EDGE_HOPS] < before_db - EDGE_DB
        ends = np.flatnonzero(~stretch)
        if not ends.size:
            place = after + 1
            continue
        stop = after + int(ends[0])
        start = after
        while start > 0 and level_db[start - 1] < before_db - EDGE_DB:
            start -= 1
        back = float(rise[max(stop - EDGE_HOPS, start) : stop + 1].max()) if stop > start else 0.0
        if stop - start >= 2 and back >= EDGE_DB and _interrupts(level_db, start, stop):
            candidates.append((start, stop, min(before_db, float(level_db[min(stop + 1, count - 1)]))))
        place = max(stop, after + 1)
    if not candidates:
        return []
    outside = np.ones(count, bool)
    for start, stop, _ in candidates:
        outside[max(start - 1, 0) : stop + 1] = False
    outside &= level_db > FLOOR_DBFS + 20.0
    quiet_db = float(np.quantile(level_db[outside], QUIET_HOPS)) if outside.any() else FLOOR_DBFS
    loud_db = float(np.quantile(level_db, 0.95))
    gaps = []
    for start, stop, around_db in candidates:
        if around_db < loud_db - HEARD_DB:
            continue  # a tail that ran out, not sound that was interrupted
        inside_db = float(np.quantile(level_db[start:stop], 0.25))
        sharp = around_db - inside_db >= SHARP_EDGE_DB
        if inside_db < quiet_db - BELOW_FLOOR_DB or (sharp and inside_db < FLOOR_DBFS + 20.0):
            gaps.append((start, stop))
    return gaps


def _interrupts(level_db: NDArray[np.float32], start: int, stop: int) -> bool:
    """Whether there is sound right before and right after, at least 25 ms of it."""
    before, after = level_db[max(start - AROUND_HOPS, 0) : start], level_db[stop : stop + AROUND_HOPS]
    if min(before.size, after.size) < AROUND_HOPS // 2:
        return False
    inside_db = float(np.median(level_db[start:stop]))
    return min(float(np.median(before)), float(np.median(after))) >= inside_db + EDGE_DB


def _dropouts(samples: Samples, rate_hz: int) -> list[tuple[int, int]]:
    """Sample spans, half open, in which any channel drops out, in order and merged."""
    hop = max(round(HOP_S * rate_hz), 1)
    hops = samples.shape[1] // hop
    spans: list[tuple[int, int]] = []
    for channel in samples:
        pieces = channel[: hops * hop].reshape(hops, hop)
        power = np.einsum("ij,ij->i", pieces, pieces) / np.float32(hop)
        level_db = 10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR_DBFS / 10.0)))
        spans.extend((start * hop, stop * hop) for start, stop in _gaps(level_db))
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


# --------------------------------------------------------------------------- noise and bandwidth


def _band_edges(length: int, rate_hz: int) -> NDArray[np.int64]:
    """First bins of the bands, and the end of the last: at least three bins each, else a ratio of 1.12."""
    bin_hz = rate_hz / length
    edges = [max(2, round(LOWEST_HZ / bin_hz))]
    while True:
        following = max(edges[-1] + 3, round(edges[-1] * BAND_RATIO))
        if following > length // 2:
            return np.asarray(edges, dtype=np.int64)
        edges.append(following)


def _a_weight(frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power weight of IEC 61672-1 A-weighting, 1 at 1 kHz."""
    square = np.square(frequency_hz)
    response = (12194.0**2 * square**2) / (
        (square + 20.6**2) * np.sqrt((square + 107.7**2) * (square + 737.9**2)) * (square + 12194.0**2)
    )
    weight: NDArray[np.float64] = np.square(response * 10.0 ** (2.0 / 20.0))
    return weight


def _lowest_level(bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """What share of its mean Gaussian noise reaches in the lowest tenth of the windows, in bands of so many bins.

    Power in a band is gamma distributed with a shape of
    about 2/3 of its Hann bins; the cube of Wilson and Hilferty (1931) gives the place.
    """
    spread = 1.0 / (9.0 * np.maximum(bins * (2.0 / 3.0), 1.0))
    level: NDArray[np.float64] = np.maximum(1.0 - spread + LOWEST_NORMAL * np.sqrt(spread), 0.1) ** 3
    return level


def _bandwidth(bands: NDArray[np.float64], edges_hz: NDArray[np.float64]) -> float:
    """Upper edge in Hz of the highest band that varies together with the octave below, within BAND_DEPTH_DB."""
    mean = bands.mean(axis=0)
    usable = mean > 0
    relative = np.where(usable, bands / np.where(usable, mean, 1.0), 0.0) - usable
    moving = np.zeros(mean.size)
    moving[0] = relative[:, 0].std() * mean[0]
    for band in range(1, mean.size):
        below = relative[:, max(band - OCTAVE_BANDS, 0) : band].mean(axis=1)
        scatter = float(below.std())
        own = float(relative[:, band].std())
        if scatter > 0 and own > 0:
            common = float((relative[:, band] * below).mean()) / scatter
            if common / own > CHANCE_CORRELATION / math.sqrt(bands.shape[0]):
                moving[band] = mean[band] * common
    depth_db = BAND_DEPTH_DB
    # Where hardly anything moves (a steady tone, noise throughout) only the spectrum itself is left.
    if moving.max() < 0.05 * mean.max() or np.count_nonzero(moving) < LEAST_BANDS:
        moving, depth_db = mean, STEADY_DEPTH_DB
    top = int(np.flatnonzero(moving >= 0.01 * moving.max())[-1])
    for band in np.flatnonzero(moving >= mean.max() * 10.0 ** (-depth_db / 10.0)).tolist():
        # What stands far above everything else is a codec's remainder, not the sound's upper end.
        if top < band and edges_hz[band] <= WIDEST_GAP * edges_hz[top + 1]:
            top = band
    return float(edges_hz[top + 1])


# --------------------------------------------------------------------------- hum


def _hum(samples: Samples, rate_hz: int) -> tuple[float, float]:
    """Power of the hum (mean square) and its mains frequency in Hz; (0, 0) when there is none."""
    factor = max(int(rate_hz // HUM_RATE_HZ), 1)
    rate = rate_hz / factor
    count = samples.shape[1] // factor
    segment = round(rate * (2.0 if count >= LONG_HUM_S * rate else 1.0))
    half = segment // 2
    starts = np.arange(0, count - segment + 1, half)
    total: NDArray[np.float64] | None = None
    channels = (
        samples[:1]
        if len(samples) == 2 and float(np.abs(samples[0, ::7] - samples[1, ::7]).max()) < 2.0**-15
        else samples
    )
    window = np.hanning(segment + 1)[:-1].astype(np.float32)
    mean = np.full(factor, 1.0 / factor, np.float32)
    for channel in channels:
        slow = channel[: count * factor].reshape(count, factor) @ mean if factor > 1 else channel
        pieces = np.lib.stride_tricks.sliding_window_view(slow, segment)[starts] * window
        spectrum = np.fft.rfft(pieces, axis=1)[:, : round(60.0 * HUM_LINES * segment / rate) + 20]
        power = np.square(np.abs(spectrum)).astype(np.float64)
        total = power if total is None else total + power
    if total is None:
        return 0.0, 0.0
    # Scaled so that the three bins of a sine sum to its mean square.
    total *= 2.0 / (segment * float(np.square(window).sum()) * len(channels))
    best = (0.0, 0.0)
    for mains_hz in (50.0, 60.0):
        lines = []
        for number in range(1, HUM_LINES + 1):
            middle = round(mains_hz * number * segment / rate)
            line = total[:, middle - 1 : middle + 2].sum(axis=1)
            around = np.concatenate((total[:, middle - 9 : middle - 3], total[:, middle + 4 : middle + 10]), axis=1)
            background = 3.0 * np.median(around, axis=1)
            steady = float(np.quantile(line - 2.0 * background, HUM_QUANTILE)) > 0.0
            lines.append(max(float(np.median(line - background)), 0.0) if steady else 0.0)
        strongest, second = sorted(lines, reverse=True)[:2]
        # A lone steady tone may be music; hum has company.
        if second > 1e-3 * strongest and sum(lines) > best[0]:
            best = (sum(lines), mains_hz)
    return best


# --------------------------------------------------------------------------- the whole


def _spans(
    recording: Recording, flags: NDArray[np.bool_], step: int, total: int, least: int
) -> list[tuple[float, float]]:
    """Times of the runs of at least ``least`` set flags; one flag stands for ``step`` samples."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))).tolist()
    out = []
    for first, last in zip(edges[0::2], edges[1::2], strict=True):
        if last - first >= least:
            stop = min(last * step, total)
            out.append(
                (
                    round(recording.time_s(first * step), 6),
                    round(recording.time_s(stop - 1) + 1.0 / recording.rate_hz, 6),
                )
            )
    return out


def signal_scores(recording: Recording) -> AudioScores:
    """The totals, columns and spans that the module describes."""
    samples, rate_hz = recording.samples(), recording.rate_hz
    count = samples.shape[1]
    if not count:
        return AudioScores((), BLOCK_S, {}, {"duration_s": 0.0})
    totals = {"duration_s": count / rate_hz}
    spans: list[tuple[str, float, float]] = []
    step = max(round(BLOCK_S * rate_hz), 1)
    firsts = np.arange(0, count, step, dtype=np.int64)

    power_by_channel = np.einsum("ij,ij->i", samples, samples, dtype=np.float64) / count
    power = float(power_by_channel.mean())
    highest = np.maximum.reduceat(samples.max(axis=0), firsts)
    lowest = np.minimum.reduceat(samples.min(axis=0), firsts)
    peaks = np.maximum(highest, -lowest)
    squares = np.einsum("ij,ij->j", samples, samples)
    sizes = np.diff(np.append(firsts, count))
    levels = np.add.reduceat(squares, firsts) / (sizes * samples.shape[0])
    peak = float(peaks.max())
    totals["peak_dbfs"], totals["rms_dbfs"] = 2.0 * _db(peak) if peak > 1e-6 else FLOOR_DBFS, _db(power)
    totals["dc"] = float(np.abs(samples.mean(axis=1, dtype=np.float64)).max())
    silent = peaks < 10.0 ** (SILENT_DBFS / 20.0)
    totals["silent_share"] = float(silent.mean())
    spans += [("silent", *span) for span in _spans(recording, silent, step, count, round(SILENT_S / BLOCK_S))]
    if samples.shape[0] == 2:
        totals["weakest_channel_db"] = _db(float(power_by_channel.min())) - _db(float(power_by_channel.max()))

    if peak > 10.0 ** (SILENT_DBFS / 20.0) and count >= SHORTEST_S * rate_hz:
        _measure_damage(recording, samples, power, totals, spans)

    return AudioScores(
        tuple(recording.times_s(firsts)),
        BLOCK_S,
        {
            "level_dbfs": tuple((10.0 * np.log10(np.maximum(levels, 1e-12))).tolist()),
            "peak_dbfs": tuple((20.0 * np.log10(np.maximum(peaks, 1e-6))).tolist()),
        },
        totals,
        tuple(sorted(spans, key=lambda span: (span[1], span[0]))),
    )


def _measure_damage(
    recording: Recording,
    samples: Samples,
    power: float,
    totals: dict[str, float],
    spans: list[tuple[str, float, float]],
) -> None:
    """Add what needs sound above silence and 0.1 s of it."""
    rate_hz, count = recording.rate_hz, samples.shape[1]
    step = max(round(BLOCK_S * rate_hz), 1)
    length = window_length(rate_hz)
    tonal = False
    gaps: list[tuple[int, int]] = []
    if count >= SHORTEST_NOISE_S * rate_hz:
        gaps = _dropouts(samples, rate_hz)
        totals["dropouts"] = float(len(gaps))
        totals["dropped_s"] = sum(stop - start for start, stop in gaps) / rate_hz
        spans += [
            ("dropped", round(recording.time_s(start), 6), round(recording.time_s(stop), 6)) for start, stop in gaps
        ]
        starts = np.arange(0, count - length + 1, length, dtype=np.int64)
        keep = np.ones(starts.size, bool)
        # Where the track is cut on and off there is a click of all frequencies that is not the sound's.
        keep[0] = keep[-1] = False
        for start, stop in gaps:
            keep[max(start // length, 0) : -(-stop // length)] = False
        spectra = power_spectra(samples, starts, length)
        edges = _band_edges(length, rate_hz)
        bands = np.add.reduceat(spectra, edges, axis=1)[:, :-1].astype(np.float64)
        keep &= bands.sum(axis=1) > 1e-10
        mean = spectra.mean(axis=0)
        lines = np.partition(mean, -TONE_LINES)[-TONE_LINES:] if mean.size > TONE_LINES else mean
        tonal = float(lines.sum()) > TONE_SHARE * float(mean.sum())
        if keep.sum() >= 8:
            _noise(bands[keep], edges, rate_hz / length, totals)
    share, places = _clipping(samples, tonal)
    totals["clipped_share"] = share
    if places.size:
        crowded = np.bincount(places // step, minlength=-(-count // step)) >= 3
        spans += [("clipped", *span) for span in _spans(recording, crowded, step, count, 1)]
    if count >= SHORTEST_HUM_S * rate_hz:
        hum_power, mains_hz = _hum(samples, rate_hz)
        totals["hum_db"] = max(_db(hum_power) - _db(power), HUM_FLOOR_DB) if hum_power > 0 else HUM_FLOOR_DB
        if totals["hum_db"] > HUM_FLOOR_DB:
            totals["hum_hz"] = mains_hz


def _noise(bands: NDArray[np.float64], edges: NDArray[np.int64], bin_hz: float, totals: dict[str, float]) -> None:
    """Add the noise floor, the ratio of the whole to it, and the bandwidth."""
    bins = np.diff(edges)
    lowest = max(round(LOWEST_SHARE * len(bands)), 1)
    mean = bands.mean(axis=0)
    floor = np.minimum(np.partition(bands, lowest - 1, axis=0)[:lowest].mean(axis=0) / _lowest_level(bins), mean)
    edges_hz = edges.astype(np.float64) * bin_hz
    weight = _a_weight(0.5 * (edges_hz[:-1] + edges_hz[1:]))
    whole, there = float((mean * weight).sum()), float((floor * weight).sum())
    shape = floor[: max(int(np.searchsorted(edges_hz, SHAPE_HZ)) - 1, 1)]
    shape = np.maximum(shape, max(float(shape.max()) * 10.0 ** (-SHAPE_DEPTH_DB / 10.0), 1e-15))
    # Spectra are scaled to sine amplitude; half of that is the mean square.
    totals["noise_floor_dbfs"] = _db(0.5 * float(floor.sum()))
    totals["snr_db"] = min(10.0 * math.log10(max(whole, 1e-12) / max(there, 1e-12)), 80.0)
    totals["floor_flatness_db"] = 10.0 * (float(np.log10(shape).mean()) - math.log10(float(shape.mean())))
    totals["bandwidth_hz"] = _bandwidth(bands, edges_hz)


class AudioSignal:
    """Yields AudioScores: clipping, dropouts, noise, bandwidth, hum, DC and silence, see the module."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="audio_signal",
        revision="1",
        yields="AudioScores",
        views=(AudioView(),),
        summary="clipping, dropouts, noise floor and ratio, bandwidth, hum, DC, silence",
        libraries=("numpy",),
        reference="IEC 61672-1 (A-weighting); Martin 2001 (noise by minimum statistics)",
    )

    def start(self) -> RecordingConsumer[AudioScores]:
        """A fresh consumer for one clip."""
        return RecordingConsumer(signal_scores)
