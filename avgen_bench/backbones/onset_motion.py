"""How well the onsets of the sound fit sudden changes of motion in one region of the picture, at each lag.

Conventions
    A lag is positive when the sound is late. Lags run from -1 s to 1 s in steps of one frame.

    Sound: half-wave rectified spectral flux in 24 bands of log magnitude, peaks above a running median, each moved to
    the steepest rise of the level nearby. An onset weighs what its flux exceeds the median by, up to a cap.

    Picture: two measures of sudden change, on a grid of 12 x 8 cells. *Change of motion*: the residual motion (flow
    less its median over the picture, which is the camera's) of a point is compared with that of the same point one
    frame before, followed along its path; what brakes counts in full, any other change for a quarter. *Stop*: the fall
    of the difference between frames from one frame to the next (a rise counts for a quarter), for bodies too fast or
    too small for the flow. Means over cells, merged cells (2 x 2, 4 x 4), bands as wide as the picture and the whole,
    and the greatest cell of a band, are curves over time; each is compressed, freed of its slow part and given unit
    deviation. A body that strikes something makes a peak in the curve of the region where it does, however much else
    moves elsewhere. The clearest curves of either measure are kept, and all the wide ones.

    Fit: the circular correlation of the train of onsets with every region's curve, divided by the root of the summed
    squared weights. ``fit`` holds, for each lag, the greatest over regions. ``lag_ms`` is the smallest lag among the
    peaks that reach ``NEARLY`` of the highest and lead it by at most ``LEAD_MOST_S``: see :func:`_latest_event`.
    ``peak_p`` compares the greatest fit with that of surrogate trains (the same weights, the intervals in another order
    or the times drawn anew) under circular shifts, through the same search over all regions and as many lags.
    ``region`` is that of the peak.

No constant delay
    Flow delivered with frame j tells of the time between frames j - 1 and j, so the difference of two flows belongs to
    the frame between them. A body that reverses at a moment between two frames splits the change over the two in
    proportion to how near each is: their centroid is the moment itself. The
    level before and after an onset is taken over windows of equal length on either side of the sample.

Totals
    ``onsets`` (count), ``peak`` (the fit at ``lag_ms``), ``peak_z`` (its excess over the mean of the null maxima, in
    their deviations), ``second`` (greatest fit at a lag smaller by over 100 ms or larger by over ``LEAD_MOST_S``, as
    a share of the peak), ``matched`` (share of the heavier onsets that meet a peak of the region within one frame),
    ``halves_ms`` (difference of the lags found from the first and the second half of the onsets in that region; -1
    when there are too few), ``hits`` (number of the heavier onsets that meet a peak), ``null_trials``.

Constants
    ``ANY_WAY_SHARE``, ``COMPRESSION``, ``STILL_CODES``, ``REGIONS_MOST`` and ``NEARLY`` were tried at a few values on
    the calibration split of ``benchmarks/sync.py``; the others are choices. Bodies that enter and land in one place
    after another were a test case until they showed what was missing; since then they and a recoiling mallet stand in
    a group of their own, and a body that slides against a stop is what only the test split has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameView, MediaFacts, SyncCurve

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Floats = NDArray[np.float64]
else:
    np = lazy("numpy")
    cv2 = lazy("cv2")

__all__ = ["OnsetMotion", "sound_onsets"]

FLOW = FlowView(192)
LUMA = FrameView(None, 192)
SOUND = AudioView(16000, 1)

FLOW_STEP_PX = 4
"""The flow is computed on a grid four times coarser than its picture: every fourth vector loses nothing."""
COLUMNS, ROWS = 12, 8
LAG_RANGE_S = 1.0
WINDOW = 512
HOP = 160
BANDS = 24
FLUX_LEAST = 0.22
"""Mean rise over the bands, in nepers, that makes an onset."""
FLUX_CAP = 1.2
"""Weight at which an onset stops counting for more: a slamming door is one event."""
ONSET_GAP_S = 0.06
MOST_ONSETS = 60
QUIET = 3e-4
"""Level added to magnitudes, so that rises in inaudible sound do not count (-70 dBFS)."""
STILL_PX = 0.05
"""Change of motion taken as none: a curve that never exceeds it is left out."""
STILL_CODES = 0.1
"""Mean difference between frames taken as none, in luma codes beyond ``GRAIN_CODES``."""
GRAIN_CODES = 6
"""Difference of a pixel between frames that grain and coding make without any motion."""
ANY_WAY_SHARE = 0.25
"""What a change that does not brake counts for: a struck body brakes or turns back, a tool that starts does not."""
LEAST_CONTRAST = 2.0
"""Greatest change of a curve against its median below which the curve is left out."""
COMPRESSION = 4.0
"""Change, in medians of its curve, above which more counts by its logarithm."""
SLOW_FRAMES = 10
CURVE_CAP = 5.0
REGIONS_MOST = {"change": 32, "stop": 16}
"""Curves of either measure that are kept beside the wide ones: the more, the higher the null's maxima."""
SURROGATES = 96
SEED = 20250801
NEIGHBOURHOOD_S = 0.1
LEAD_MOST_S = 0.14
"""How much earlier than the strike its own blur may count as a change: three frames at 24 per second, and a little."""
NEARLY = 0.9
"""Share of the highest fit from which a smaller lag counts as as good."""


class OnsetMotion:
    """Sound onsets against localised changes of motion, with the lag that fits best and how far it stands out."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="onset_motion",
        revision="1",
        yields="SyncCurve",
        views=(SOUND, LUMA, FLOW),
        summary="correlation of sound onsets with sudden changes of motion by picture region, against surrogate onsets",
        libraries=("numpy", "opencv-python-headless"),
        parameters={
            "columns": COLUMNS,
            "rows": ROWS,
            "lag_range_s": LAG_RANGE_S,
            "flux_least": FLUX_LEAST,
            "surrogates": SURROGATES,
            "seed": SEED,
        },
    )

    def start(self) -> _Consumer:
        """A fresh consumer for one clip."""
        return _Consumer()


class _Consumer:
    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._cells: list[Array] = []
        self._before: Array | None = None
        self._before_s = 0.0
        self._grid: tuple[Array, Array] | None = None
        self._stop_times_s: list[float] = []
        self._stops: list[Array] = []
        self._luma: NDArray[np.uint8] | None = None
        self._luma_s = 0.0
        self._difference: Array | None = None
        self._means: tuple[Array, Array] | None = None
        self._blocks: list[AudioBlock] = []

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take one luma picture or one flow field."""
        if isinstance(view, FrameView):
            self._on_luma(frame)
        else:
            self._on_flow(frame)

    def _on_luma(self, frame: Frame) -> None:
        before = self._luma
        if before is not None and before.shape == frame.pixels.shape:
            apart = cv2.subtract(cv2.absdiff(frame.pixels, before), np.array([float(GRAIN_CODES)]))
            if self._means is None or self._means[0].shape[1] != apart.shape[0]:
                self._means = (_area_means(ROWS, apart.shape[0]), _area_means(COLUMNS, apart.shape[1]).T.copy())
            now: Array = self._means[0] @ apart.astype(np.float32) @ self._means[1]
            if self._difference is not None:
                fall = self._difference - now
                self._stop_times_s.append(self._luma_s)
                self._stops.append(np.maximum(fall, 0.0) + ANY_WAY_SHARE * np.maximum(-fall, 0.0))
            self._difference = now
        self._luma, self._luma_s = np.array(frame.pixels), frame.t_s

    def _on_flow(self, frame: Frame) -> None:
        half = FLOW_STEP_PX // 2
        flow: Array = np.ascontiguousarray(frame.pixels[half::FLOW_STEP_PX, half::FLOW_STEP_PX], dtype=np.float32)
        flow -= np.median(flow[::2, ::2].reshape(-1, 2), axis=0)
        before = self._before
        if before is not None and before.shape == flow.shape:
            if self._grid is None or self._grid[0].shape != flow.shape[:2]:
                y, x = np.mgrid[0 : flow.shape[0], 0 : flow.shape[1]].astype(np.float32)
                self._grid = (x, y)
            ahead_x = self._grid[0] + before[..., 0] / FLOW_STEP_PX
            ahead_y = self._grid[1] + before[..., 1] / FLOW_STEP_PX
            change = cv2.remap(flow, ahead_x, ahead_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) - before
            speed = _length(before)
            against = -(change[..., 0] * before[..., 0] + change[..., 1] * before[..., 1]) / (speed + STILL_PX)
            any_way = _length(change)
            size: Any = np.maximum(against, 0.0) + ANY_WAY_SHARE * any_way
            self._times_s.append(self._before_s)
            self._cells.append(cv2.resize(size, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA))
        self._before, self._before_s = flow, frame.t_s

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Take one block of mono sound."""
        if block.samples.shape[1]:
            self._blocks.append(AudioBlock(block.t_s, block.rate_hz, np.array(block.samples[:1])))

    def finish(self, facts: MediaFacts) -> SyncCurve:
        """The fit at each lag; without a lag where there are no onsets or nothing moves."""
        onsets_s, weights = self._onsets()
        totals = {"onsets": float(onsets_s.size)}
        if onsets_s.size < 2 or min(len(self._times_s), len(self._stops)) < 16:
            return SyncCurve((), (), None, None, tuple(onsets_s.tolist()), None, totals)
        # both measures belong to the same frames: the first picture and the last have none
        count = min(len(self._cells), len(self._stops))
        times_s = np.array(self._times_s[:count])
        step_s, start_s, curves, regions = _curves(times_s, np.stack(self._cells[:count]), "change", STILL_PX)
        _, _, stops, more = _curves(times_s, np.stack(self._stops[:count]), "stop", STILL_CODES)
        curves, regions = np.concatenate([curves, stops]), regions + more
        if not regions:
            return SyncCurve((), (), None, None, tuple(onsets_s.tolist()), None, {**totals, "moving_regions": 0.0})
        return _compare(onsets_s, weights, step_s, start_s, curves, regions, totals)

    def _onsets(self) -> tuple[Floats, Floats]:
        if not self._blocks:
            return np.zeros(0), np.zeros(0)
        rate_hz, start_s = self._blocks[0].rate_hz, self._blocks[0].t_s
        last = self._blocks[-1]
        track = np.zeros(round((last.t_s - start_s) * rate_hz) + last.samples.shape[1] + 1, dtype=np.float32)
        for block in self._blocks:
            at = round((block.t_s - start_s) * rate_hz)
            track[max(at, 0) : at + block.samples.shape[1]] = block.samples[0, max(-at, 0) :][: max(track.size - at, 0)]
        times_s, weights = sound_onsets(track, rate_hz)
        return times_s + start_s, weights


def _length(vectors: Array) -> Array:
    """Lengths of vectors along the last axis; OpenCV's own rounds by where in memory its arguments lie."""
    lengths: Array = np.sqrt(vectors[..., 0] * vectors[..., 0] + vectors[..., 1] * vectors[..., 1])
    return lengths


def _area_means(cells: int, pixels: int) -> Array:
    """The matrix (cells, pixels) that takes means over equal stretches, pixels on a border shared by their parts."""
    edges = np.linspace(0.0, pixels, cells + 1)
    at = np.arange(pixels)
    cover = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    means: Array = (np.clip(cover, 0.0, 1.0) * (cells / pixels)).astype(np.float32)
    return means


def sound_onsets(track: Array, rate_hz: int) -> tuple[Floats, Floats]:
    """Times in seconds from the first sample, and weights, of the onsets in a mono track (samples,).

    Spectral flux after Bello et al. 2005 (IEEE Trans. Speech Audio Process. 13), on log magnitudes in bands.
    """
    none = (np.zeros(0), np.zeros(0))
    if track.size < 4 * WINDOW:
        return none
    padded = np.concatenate([np.zeros(WINDOW // 2, np.float32), track, np.zeros(WINDOW // 2, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    spectrum = np.fft.rfft(frames * hann, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    mel = np.linspace(2595 * math.log10(1 + 60 / 700), 2595 * math.log10(1 + 0.47 * rate_hz / 700), BANDS + 1)
    edges = np.unique(np.round(700 * (10 ** (mel / 2595) - 1) * WINDOW / rate_hz).astype(int))
    bands = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(np.append(edges[:-1], edges[-1]))
    level = np.log(np.sqrt(bands) / (WINDOW / 4) + QUIET)
    flux = np.zeros(level.shape[0])
    flux[1:-1] = np.maximum(level[2:] - level[:-2], 0.0).mean(axis=1)
    flux[:2] = 0.0  # the track's own beginning is no event

    reach = 15
    around = np.lib.stride_tricks.sliding_window_view(np.pad(flux, reach, mode="edge"), 2 * reach + 1)
    excess = flux - np.median(around, axis=1)
    gap = max(1, round(ONSET_GAP_S * rate_hz / HOP))
    near = np.lib.stride_tricks.sliding_window_view(np.pad(excess, gap), 2 * gap + 1)
    peaks = np.flatnonzero((excess >= FLUX_LEAST) & (excess >= near.max(axis=1)))
    if peaks.size > MOST_ONSETS:
        peaks = np.sort(peaks[np.argsort(-excess[peaks], kind="stable")[:MOST_ONSETS]])
    if not peaks.size:
        return none

    # steepest rise: greatest ratio of the level in the 8 ms after to that in the 8 ms before
    block = rate_hz // 500
    count = track.size // block
    energy = np.concatenate([[0.0], np.cumsum((track[: count * block].reshape(count, block) ** 2).mean(axis=1))])
    times, weights, side = [], [], 4
    for peak in peaks.tolist():
        centre = peak * HOP // block
        low, high = max(side, centre - 12), min(count - side, centre + 12)
        if high <= low:
            continue
        at = np.arange(low, high + 1)
        rise = np.log(energy[at + side] - energy[at] + 1e-8) - np.log(energy[at] - energy[at - side] + 1e-8)
        times.append((low + int(np.argmax(rise))) * block / rate_hz)
        weights.append(min(float(excess[peak]), FLUX_CAP))
    order = np.argsort(times, kind="stable")
    return np.array(times)[order], np.array(weights)[order]


Region = tuple[float, float, float, float]


def _curves(
    times_s: Floats, cells: NDArray[Any], measure: str, still: float
) -> tuple[float, float, Array, list[Region]]:
    """Step and start of the time grid in seconds, the clearest curves (regions, steps), and their regions."""
    step_s = max(float(np.median(np.diff(times_s))), 1e-3)
    while step_s < 1 / 40:
        step_s *= 2
    slots = np.round((times_s - times_s[0]) / step_s).astype(int)
    grid = np.zeros((int(slots[-1]) + 1, ROWS, COLUMNS), np.float32)
    np.maximum.at(grid, slots, cells)

    curves: list[NDArray[Any]] = []
    regions: list[Region] = []
    for side, stride in ((1, 1), (2, 1), (4, 2)):
        total = np.zeros((grid.shape[0], (ROWS - side) // stride + 1, (COLUMNS - side) // stride + 1), np.float32)
        for dy in range(side):
            for dx in range(side):
                total += grid[
                    :,
                    dy : dy + stride * (total.shape[1] - 1) + 1 : stride,
                    dx : dx + stride * (total.shape[2] - 1) + 1 : stride,
                ]
        curves.append(total.reshape(grid.shape[0], -1).T / side**2)
        for y in range(total.shape[1]):
            for x in range(total.shape[2]):
                x0, y0 = x * stride / COLUMNS, y * stride / ROWS
                regions.append((x0, y0, x0 + side / COLUMNS, y0 + side / ROWS))
    for rows in (1, 2, 4):  # bands as wide as the picture: bodies that land in several places at one height
        for y in range(0, ROWS - rows + 1, max(1, rows // 2)):
            curves.append(grid[:, y : y + rows].mean(axis=(1, 2))[None, :])
            regions.append((0.0, y / ROWS, 1.0, (y + rows) / ROWS))
    curves.append(grid.mean(axis=(1, 2))[None, :])
    regions.append((0.0, 0.0, 1.0, 1.0))
    # the greatest change anywhere in a band: a body that lands somewhere else each time is not diluted by what rests
    areas = [(r[2] - r[0]) * (r[3] - r[1]) * COLUMNS * ROWS for r in regions]
    for y, rows in ((0, ROWS), (0, ROWS // 2), (ROWS // 4, ROWS // 2), (ROWS // 2, ROWS // 2)):
        curves.append(grid[:, y : y + rows].max(axis=(1, 2))[None, :])
        regions.append((0.0, y / ROWS, 1.0, (y + rows) / ROWS))
        areas.append(1.0)
    table: NDArray[Any] = np.concatenate(curves)

    floor = np.median(table, axis=1, keepdims=True)
    table = table / (floor + still / np.sqrt(np.array(areas, np.float32))[:, None])
    moving = table.max(axis=1) > LEAST_CONTRAST
    table = np.log1p(table / COMPRESSION)
    table = table[moving]
    regions = [region for region, keep in zip(regions, moving.tolist(), strict=True) if keep]
    if not regions:
        return step_s, float(times_s[0]), table, regions
    padded = np.pad(table, ((0, 0), (SLOW_FRAMES + 1, SLOW_FRAMES)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    table = table - (sums[:, 2 * SLOW_FRAMES + 1 :] - sums[:, : -(2 * SLOW_FRAMES + 1)]) / (2 * SLOW_FRAMES + 1)
    table = np.maximum(table, 0.0)
    for _ in range(2):
        table -= table.mean(axis=1, keepdims=True)
        table /= np.maximum(table.std(axis=1, keepdims=True), 1e-6)
        table = np.minimum(table, CURVE_CAP)
    # the curves with the clearest few peaks, and every wide one: a body that lands in many places has no other
    wide = np.array([x1 - x0 > 0.99 for x0, _, x1, _ in regions])
    clear = np.sort(table, axis=1)[:, -max(8, table.shape[1] // 24) :].mean(axis=1)
    clear[wide] = np.inf
    kept = np.sort(np.argsort(-clear, kind="stable")[: REGIONS_MOST[measure] + int(wide.sum())])
    table, regions = table[kept], [regions[index] for index in kept.tolist()]
    return step_s, float(times_s[0]), np.ascontiguousarray(table, dtype=np.float32), regions


def _trains(times: Floats, weights: Floats, length: int) -> Array:
    """Onset trains (trains, length) on the frame grid; a time between two frames is shared between them."""
    whole = np.floor(times).astype(int)
    part = times - whole
    out = np.zeros((times.shape[0], length), np.float32)
    rows = np.arange(times.shape[0])[:, None]
    np.add.at(out, (rows, whole % length), (1 - part) * weights)
    np.add.at(out, (rows, (whole + 1) % length), part * weights)
    return out


def _surrogates(places: Floats, weights: Floats, length: int) -> Array:
    """Trains of the same weights whose times say nothing: half with shuffled intervals, half drawn anew."""
    generator = np.random.default_rng(SEED)
    intervals = np.diff(np.append(places, places[0] + length))
    times, loads = [], []
    for index in range(SURROGATES):
        if index % 2:
            times.append(np.cumsum(generator.permutation(intervals)) + generator.uniform(0, length))
        else:
            times.append(np.sort(generator.uniform(0, length, places.size)))
        loads.append(generator.permutation(weights))
    return _trains(np.array(times), np.array(loads), length)


def _latest_event(fit: Array, step_s: float) -> int:
    """The place of the smallest lag among the peaks of a fit next to the highest and nearly as high.

    The flow loses a body that comes down fast, and takes that for a change of motion two or three frames before the
    strike. Within that time the last change is the strike. What is further apart is not decided here: a body's entry
    into the picture, or a tool that is drawn back, can follow or lead every strike by the same time.
    """
    top = int(np.argmax(fit))
    peak = float(fit[top])
    first = max(1, top - round(LEAD_MOST_S / step_s))
    for at in range(first, top):
        if fit[at] >= NEARLY * peak and fit[at] >= fit[at - 1] and fit[at] > fit[at + 1]:
            return at
    return top


def _compare(
    onsets_s: Floats,
    weights: Floats,
    step_s: float,
    start_s: float,
    curves: Array,
    regions: list[Region],
    totals: dict[str, float],
) -> SyncCurve:
    length = curves.shape[1]
    reach = min(round(LAG_RANGE_S / step_s), (length - 1) // 2)
    places = (onsets_s - start_s) / step_s
    inside = (places > -reach - 1) & (places < length + reach)
    places, weights = places[inside], weights[inside]
    if places.size < 2:
        return SyncCurve((), (), None, None, tuple(onsets_s.tolist()), None, totals)
    # the ends are padded by the lag range so that a moved sound does not meet the other end of the picture
    padded = length + reach
    size = 1 << (padded - 1).bit_length() if padded & (padded - 1) else padded
    size = min(size, padded + (-padded) % 32)
    scale = float(np.sqrt((weights**2).sum()))
    moved = np.fft.rfft(curves, n=size, axis=1)
    train = _trains(places[None, :] % size, weights[None, :], size)
    spectrum = np.fft.rfft(train, axis=1)
    fits = np.fft.irfft(np.conj(moved) * spectrum, n=size, axis=1) / scale  # at shift s: sum of w z(t - s)
    order = np.arange(-reach, reach + 1)
    near = fits[:, order]

    window = 2 * reach + 1
    others = np.fft.rfft(_surrogates(np.sort(places % length), weights, length), n=length, axis=1)
    whole = np.conj(np.fft.rfft(curves, axis=1))
    best = np.empty((SURROGATES, length), np.float32)
    for index in range(SURROGATES):
        best[index] = np.fft.irfft(whole * others[index], n=length, axis=1).max(axis=0)
    tiles = max(1, length // window)
    usable = min(length, tiles * window)
    null = (best[:, :usable].reshape(SURROGATES, tiles, -1).max(axis=2) / scale).ravel()

    best_near = near.max(axis=0)
    at = _latest_event(best_near, step_s)
    region, peak = int(np.argmax(near[:, at])), float(best_near[at])
    p = (1 + int((null >= peak).sum())) / (1 + null.size)
    curve = near[region]
    lag_steps = float(order[at])
    if 0 < at < window - 1:
        left, right = float(curve[at - 1]), float(curve[at + 1])
        bend = 2 * peak - left - right
        if bend > 1e-9:
            lag_steps += max(-0.5, min(0.5, (right - left) / (2 * bend)))
    later_s = (order - order[at]) * step_s
    away = (later_s < -NEIGHBOURHOOD_S - 1e-6) | (later_s > LEAD_MOST_S + 1e-6)
    second = float(best_near[away].max()) / peak if away.any() and peak > 0 else 1.0

    z = curves[region]
    meant = np.round(places - lag_steps).astype(int)
    heavy = (weights >= 0.5 * np.median(np.sort(weights)[-8:])) & (meant >= 1) & (meant < length - 1)
    hits = np.array([z[m - 1 : m + 2].max() >= 1.0 for m in meant[heavy].tolist()], dtype=float)
    matched = float(hits.mean()) if hits.size else 0.0

    halves_ms = -1.0
    inside_picture = np.flatnonzero((meant >= 0) & (meant < length))
    if inside_picture.size >= 6:
        middle = inside_picture.size // 2
        lags = []
        for part in (inside_picture[:middle], inside_picture[middle:]):
            one = np.fft.rfft(_trains(places[None, part] % size, weights[None, part], size), axis=1)
            lags.append(int(np.argmax(np.fft.irfft(np.conj(moved[region]) * one[0], n=size)[order])))
        halves_ms = abs(lags[0] - lags[1]) * step_s * 1000
    spread = float(null.std())
    totals = {
        **totals,
        "peak": peak,
        "peak_z": (peak - float(null.mean())) / max(spread, 1e-6),
        "second": second,
        "matched": matched,
        "hits": float(hits.sum()),
        "halves_ms": halves_ms,
        "null_trials": float(null.size),
    }
    return SyncCurve(
        lags_ms=tuple((order * step_s * 1000).tolist()),
        fit=tuple(best_near.astype(float).tolist()),
        lag_ms=lag_steps * step_s * 1000,
        peak_p=p,
        onsets_s=tuple(onsets_s.tolist()),
        region=regions[region],
        totals=totals,
    )
