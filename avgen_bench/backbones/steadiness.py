"""How steadily the picture runs: flicker, warp error, jitter and held pictures, frame by frame.

Conventions
    All of it is measured on luma whose short side is in (48, 96], in blocks of 8 x 8 of its pixels. Brightness is in
    percent of the video range (219 levels), lengths in percent of frame height, so that neither the size nor the rate
    of a clip matters. Intervals come from presentation times alone. Values at a frame describe the step that ends
    there.

    A picture that repeats the one before is *held*. It is left out of every other measure: the next new picture is
    compared with the last new one, over the time that really lies between them.

    *Flicker* and *jitter* are departures of a step from the step before it, so that a steady fade and a steady pan have
    none: with ``r`` the ratio of the two intervals, ``x[t] - r x[t-1]``, divided by ``sqrt(2 + 2r + 2r^2)``. White
    noise of standard deviation a on each picture then gives values of standard deviation a; columns are scaled so that
    their mean is a. For flicker, x is the change of a block's brightness along its motion (the median over blocks for
    the whole picture, so that what moves does not count); for jitter, x is the block's displacement.

Constants
    Where a picture counts as held was set on duplicates put into case4_ovi, talk_a and case1_veo3_1_fast and encoded
    at crf 14 and 23 (57 duplicates each): the most changed blocks of a duplicate change by 0 to 1.15 levels, those of
    other frames by 1.9 and more, but for the calm first frames of a shot, which the ratios keep apart. What masks
    jitter is a choice, not a fit: a block that crosses a quarter of the height in a second shows half of its jitter,
    one with a contrast of 3 levels a quarter.

Reference for the warp error: Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018 (flow-compensated
difference of consecutive pictures; here without an occlusion mask, which the pooling over blocks stands in for).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    BackboneFacts,
    FlowView,
    Frame,
    FrameScores,
    FrameView,
    MediaFacts,
)

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray
else:
    cv2 = lazy("cv2")
    np = lazy("numpy")

__all__ = ["Steadiness", "gaps_s", "held_pictures"]

LUMA = FrameView(None, 192, "luma")
FLOW = FlowView(192)

GRID_PX = 96
"""Largest short side of the luma that is measured."""
BLOCK_PX = 8
RANGE_LEVELS = 219.0
TOP_SHARE = 1 / 32
"""Share of the blocks, the most changed ones, that say whether anything moved."""

HELD_LEVELS = 1.5
"""Most change of the top blocks, in levels, of a held picture."""
HELD_RATIO = 0.16
"""Most change of a held picture against the motion on either side of it."""
HELD_EDGE_RATIO = 0.05
"""The same where the clip begins or ends in the hold, so that there is motion on one side only."""
MOTION_LEVELS = 3.0
"""Least change of the top blocks, in levels, that counts as visible motion."""
CUT_RATIO = 4.0
"""A change this much larger than the one before it is a cut, not motion."""
SIDE_FRAMES = 8
"""How far from a hold, in frames, the motion on its sides is looked for."""
GAP_RATIO = 1.5
"""An interval this much longer than usual has lost pictures."""
GAP_WINDOW = 12
"""Intervals on either side that say what is usual here, so that a clip may change its rate."""
LONGEST_STEP_S = 0.25
"""Beyond this a step says nothing about steadiness: one cannot extrapolate over it."""
MASKING_SPEED = 25.0
"""Speed, in percent of the height per second, that halves the visibility of jitter."""
NOISE_LEVELS = 1.0
"""Change of a block, in levels, that is no motion: added to what disorder is measured against."""
FLAT_LEVELS = 3.0
"""Standard deviation, in levels, of a block whose jitter counts a quarter: in what is flat, flow follows the noise."""
FULL_SHARE = 0.25
"""Share of the blocks that must have contrast for jitter to count in full: shaking that shows nowhere is none."""
CONTRAST_EVERY = 4
"""Contrast changes slowly; it is taken again after this many frames."""
STILL_LEVELS = 0.3
"""Most change of the top blocks, in levels, between the first and any other picture of a clip that stands still."""


class Steadiness:
    """Flicker, warp error, jitter and held pictures of every frame.

    Columns (one value per frame; 0 where nothing can be said, see ``counted``):
        ``luma``: mean brightness, levels.
        ``change``: mean change of the most changed blocks since the frame before, levels.
        ``held``: 1 where the frame repeats the one before amid motion, or ends a clip that froze.
        ``gap_s``: seconds that the frame before was shown beyond the usual interval because frames are missing.
        ``counted``: 1 where the four values below hold.
        ``flicker``: change of brightness of the whole picture that the step before does not foretell, % of range.
        ``local_flicker``: the same in the blocks, each by itself, mean over blocks.
        ``warp_error``: mean absolute difference from the picture before after motion compensation, percent of range.
        ``jitter``: displacement of the blocks that the step before does not foretell, percent of height, masked by
            speed; mean over the blocks, weighted by contrast.
        ``speed``: mean speed of the blocks, percent of height per second.
        ``disorder``: how much more alike this frame and the one two before it are than either is to the frame between
            them, 0 (motion goes on, or nothing moves) to 1 (they are equal, and the one between is another picture).

    Totals:
        ``still``: 1 if all pictures are the same one.
        ``usual_interval_s``: lower quartile of the intervals between frames, 0 for one frame.
        ``block_flicker``: median over time of each block's flicker, mean over blocks, percent of range: what passes
            through a block for a moment does not count, what flickers there all the time does.
    """

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="steadiness",
        revision="1",
        yields="FrameScores",
        views=(LUMA, FLOW),
        summary="flicker, flow-compensated warp error, jitter and held pictures of every frame",
        libraries=("numpy", "opencv-python-headless"),
        parameters={"grid_px": GRID_PX, "block_px": BLOCK_PX, "held_levels": HELD_LEVELS, "held_ratio": HELD_RATIO},
        reference="Lai et al., Learning Blind Video Temporal Consistency, ECCV 2018 (warp error)",
    )

    def start(self) -> _SteadinessConsumer:
        """A fresh consumer for one clip."""
        return _SteadinessConsumer()


class _SteadinessConsumer:
    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._luma: list[float] = []
        self._shape: tuple[int, int] = (0, 0)  # of the view
        self._factor = 1
        self._blocks = (0, 0)  # columns, rows
        self._grid: NDArray[np.float32] | None = None
        self._first: NDArray[np.float32] | None = None
        self._before: NDArray[np.uint8] | None = None
        self._now: NDArray[np.uint8] | None = None
        self._moves: dict[int, tuple[Any, Any, float, Any]] = {}
        self._contrast: Any = None
        self._contrast_at = 0
        self._changes: list[Any] = []
        self._off_first: list[float] = []
        self._around: dict[int, Any] = {}

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take a luma picture, or the flow that led to it."""
        if isinstance(view, FlowView):
            self._take_flow(frame.pixels)
        else:
            self._take_luma(frame)

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no view of sound is registered."""

    def _take_luma(self, frame: Frame) -> None:
        pixels: Any = frame.pixels
        shape = (pixels.shape[0], pixels.shape[1])
        same = shape == self._shape
        if not self._times_s:
            self._lay_out(shape)
            same = True
        small = pixels
        height, width = shape
        factor = 1
        while min(height, width) // factor > GRID_PX:
            factor *= 2
            rows, columns = small.shape[0] // 2, small.shape[1] // 2
            small = cv2.resize(small[: rows * 2, : columns * 2], (columns, rows), interpolation=cv2.INTER_AREA)
        if small is pixels:
            small = pixels.copy()
        self._times_s.append(frame.t_s)
        self._luma.append(cv2.mean(small)[0])
        earlier = self._before
        self._before = self._now if same and self._now is not None and self._now.shape == small.shape else None
        self._now = small
        if self._before is not None:
            change = self._in_blocks(cv2.absdiff(small, self._before).astype(np.float32))
        elif self._first is None:
            change = np.zeros(self._blocks[::-1], dtype=np.float32)
        else:
            change = np.full(self._blocks[::-1], 255.0, dtype=np.float32)  # another picture size is another picture
        if earlier is not None and self._before is not None:
            self._around[len(self._changes)] = self._in_blocks(cv2.absdiff(small, earlier).astype(np.float32))
        self._changes.append(change)
        if self._first is None:
            self._first = small
            self._off_first.append(0.0)
        elif same and self._off_first[-1] <= STILL_LEVELS:
            off = self._in_blocks(cv2.absdiff(small, self._first).astype(np.float32))
            self._off_first.append(float(_top(off.reshape(1, -1))[0]))
        else:
            self._off_first.append(255.0)

    def _lay_out(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        height, width = shape
        self._factor = 1
        while min(height, width) // self._factor > GRID_PX:
            self._factor *= 2
        height, width = height // self._factor, width // self._factor
        self._blocks = (max(1, width // BLOCK_PX), max(1, height // BLOCK_PX))
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        self._grid = np.dstack((x, y))

    def _in_blocks(self, plane: Any) -> Any:
        columns, rows = self._blocks
        inner = plane[: max(1, rows * BLOCK_PX), : max(1, columns * BLOCK_PX)]
        return cv2.resize(inner, self._blocks, interpolation=cv2.INTER_AREA)

    def _take_flow(self, flow: Any) -> None:
        if self._before is None or self._now is None or self._grid is None or flow.shape[:2] != self._shape:
            return
        height, width = self._now.shape
        factor = self._factor
        if factor > 1:
            inner = flow[: height * factor, : width * factor]
            flow = cv2.resize(inner, (width, height), interpolation=cv2.INTER_NEAREST)
        where: Any = cv2.scaleAdd(flow, 1.0 / factor, self._grid)
        no_map: Any = None  # the stubs do not know that one map of two channels will do
        back = cv2.remap(self._now, where, no_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        error: Any = cv2.subtract(back, self._before, dtype=cv2.CV_32F)
        signed = self._in_blocks(error)
        np.abs(error, out=error)
        index = len(self._times_s) - 1
        if self._contrast is None or index >= self._contrast_at + CONTRAST_EVERY:
            self._contrast = self._visible(self._now)
            self._contrast_at = index
        self._moves[index] = (signed, self._in_blocks(flow), cv2.mean(error)[0], self._contrast)

    def _visible(self, small: Any) -> Any:
        """How much each block has to show, 0 (flat) to 1, as one row."""
        luma = small.astype(np.float32)
        level = self._in_blocks(luma)
        variance = np.maximum(self._in_blocks(luma * luma) - level * level, 0).ravel()
        return (variance / (variance + np.float32(FLAT_LEVELS**2))) ** 2

    def finish(self, facts: MediaFacts) -> FrameScores:
        """The scores of every frame; no frames give empty columns."""
        count = len(self._times_s)
        times_s = np.array(self._times_s)
        changes = np.stack(self._changes).reshape(count, -1) if count else np.zeros((0, 1), dtype=np.float32)
        change = _top(changes)
        intervals_s = np.diff(times_s)
        gap_s = gaps_s(times_s, change)
        held = held_pictures(change)
        still = count > 0 and max(self._off_first) <= STILL_LEVELS
        if still:
            held[1:] = True
        names = ("counted", "flicker", "local_flicker", "warp_error", "jitter", "speed")
        columns = {name: np.zeros(count) for name in names}
        block_flicker = self._steps(times_s, held, columns)
        return FrameScores(
            times_s=tuple(times_s.tolist()),
            columns={
                "luma": tuple(self._luma),
                "change": tuple(change.tolist()),
                "held": tuple(held.astype(np.float64).tolist()),
                "gap_s": tuple(gap_s.tolist()),
                "disorder": tuple(self._disorder(changes).tolist()),
                **{name: tuple(values.tolist()) for name, values in columns.items()},
            },
            totals={
                "still": float(still),
                "usual_interval_s": float(np.quantile(intervals_s, 0.25)) if count > 1 else 0.0,
                "block_flicker": block_flicker,
            },
        )

    def _disorder(self, changes: Any) -> Any:
        disorder = np.zeros(len(changes))
        if self._around:
            at = np.array(list(self._around))
            through = (changes[at] + changes[at - 1]) * np.float32(0.5)
            closer = np.maximum(through - np.stack(list(self._around.values())).reshape(len(at), -1), 0)
            disorder[at] = closer.sum(axis=1) / (through + np.float32(NOISE_LEVELS)).sum(axis=1)
        return disorder

    def _steps(self, times_s: Any, held: Any, columns: dict[str, Any]) -> float:
        """Fill the columns from the new pictures; give the block flicker."""
        new = [index for index in self._moves if not held[index]]
        if not new:
            return 0.0
        at = np.array(new)
        shown = np.flatnonzero(~held)
        last = shown[np.searchsorted(shown, at) - 1]  # a frame with flow is never the first
        interval_s = np.maximum(times_s[at] - times_s[last], 1e-6)
        signed = np.stack([self._moves[index][0] for index in new]).reshape(len(new), -1)
        height = self._shape[0]
        flow = np.stack([self._moves[index][1] for index in new]).reshape(len(new), -1, 2) * np.float32(100.0 / height)
        error = np.array([self._moves[index][2] for index in new])
        speed = _length(flow) / interval_s[:, None].astype(np.float32)
        columns["warp_error"][at] = error * (100.0 / RANGE_LEVELS)
        columns["speed"][at] = speed.mean(axis=1)
        # a triple: two steps that meet, neither too long
        ok = (last[1:] == at[:-1]) & (interval_s[1:] <= LONGEST_STEP_S) & (interval_s[:-1] <= LONGEST_STEP_S)
        second = np.flatnonzero(ok) + 1
        if not len(second):
            return 0.0
        ratio = interval_s[second] / interval_s[second - 1]
        spread = np.sqrt(2.0 + 2.0 * ratio + 2.0 * ratio * ratio)
        ratio32 = ratio.astype(np.float32)[:, None]
        flicker = signed[second] - ratio32 * signed[second - 1]
        flicker *= (100.0 / RANGE_LEVELS / spread).astype(np.float32)[:, None]
        jerk = flow[second] - ratio32[:, :, None] * flow[second - 1]
        # the mean length of a plane vector is sqrt(pi / 2) times the standard deviation of its coordinates
        jitter = _length(jerk) * (1.0 / spread / math.sqrt(math.pi / 2)).astype(np.float32)[:, None]
        jitter /= 1.0 + np.maximum(speed[second], speed[second - 1]) / np.float32(MASKING_SPEED)
        frames = at[second]
        columns["counted"][frames] = 1.0
        # the mean size of a normal value is sqrt(2 / pi) times its standard deviation
        flicker *= np.float32(math.sqrt(math.pi / 2))
        columns["flicker"][frames] = np.abs(_median(flicker))
        np.abs(flicker, out=flicker)
        columns["local_flicker"][frames] = flicker.mean(axis=1)
        weight = np.stack([self._moves[index][3] for index in frames.tolist()])
        total = np.maximum(weight.sum(axis=1), weight.shape[1] * FULL_SHARE)
        columns["jitter"][frames] = (jitter * weight).sum(axis=1) / total
        return float(_median(flicker.T).mean())


def _length(vectors: Any) -> Any:
    """Length of plane vectors; shape (..., 2) to (...)."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.sqrt(x * x + y * y)


def _median(rows: Any) -> Any:
    """Upper median of each row; shape (n, m) to (n,). Several times faster than the mean of the middle two."""
    middle = rows.shape[1] // 2
    return np.partition(rows, middle, axis=1)[:, middle]


def _top(flat: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean of the largest values of each row; shape (n, blocks) to (n,)."""
    count = max(1, round(flat.shape[1] * TOP_SHARE))
    top = np.partition(flat, flat.shape[1] - count, axis=1)[:, -count:]
    return np.asarray(top.mean(axis=1), dtype=np.float64)


def gaps_s(times_s: Sequence[float] | NDArray[np.float64], change: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds that the frame before each frame was shown beyond the usual interval; shape (n,).

    What is usual is the lower quartile of the intervals near by. A longer interval after which next to nothing has
    changed hid nothing: an encoder may leave out what repeats.
    """
    times = np.asarray(times_s, dtype=np.float64)
    gaps = np.zeros(len(times))
    if len(times) < 3:
        return gaps
    intervals = np.diff(times)
    padded = np.pad(intervals, GAP_WINDOW, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * GAP_WINDOW + 1)
    long = intervals > GAP_RATIO * np.quantile(intervals, 0.01)
    for index in np.flatnonzero(long & (change[1:] >= MOTION_LEVELS)):
        near = windows[index]
        usual = float(np.quantile(near[~np.isnan(near)], 0.25))
        if intervals[index] > GAP_RATIO * usual:
            gaps[index + 1] = intervals[index] - usual
    return gaps


def held_pictures(change: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each frame repeats the one before; shape (n,), from the change of the top blocks in levels.

    A run of hardly changed frames is a hold if there is visible motion right before it and right after it, each at
    least ``1 / HELD_RATIO`` times as large: motion that comes to rest does so gradually, a stuck picture at once. One
    moving frame is not enough for a side. Before the run it must also not stand far above the one before it: then it is
    a cut, and the run is how the new shot begins; after the run a jump is just what a stuck picture leads to. Where the
    clip begins or ends in the run, the other side decides.
    """
    count = len(change)
    held = np.zeros(count, dtype=np.bool_)
    low = change <= HELD_LEVELS
    if count:
        low[0] = False
    values, quiet = change.tolist(), low.tolist()
    index = 1
    while index < count:
        if not quiet[index]:
            index += 1
            continue
        stop = index
        while stop < count and quiet[stop]:
            stop += 1
        # frame 0 has no change of its own
        before_places = [i for i in range(index - 1, max(0, index - 1 - SIDE_FRAMES), -1) if not quiet[i]]
        before = _side(before_places, values)
        if before and values[before_places[0]] > CUT_RATIO * values[before_places[1]]:
            before = 0.0
        after = _side([i for i in range(stop, min(count, stop + SIDE_FRAMES)) if not quiet[i]], values)
        at_edge = index == 1 or stop == count
        limit = HELD_EDGE_RATIO * max(before, after) if at_edge else HELD_RATIO * min(before, after)
        if limit > 0:
            held[index:stop] = change[index:stop] <= limit
        index = stop
    return held


def _side(moving: list[int], values: list[float]) -> float:
    """The lesser motion of the two moving frames next to a run; 0 if there are not two, or if they hardly move."""
    if len(moving) < 2:
        return 0.0
    motion = min(values[moving[0]], values[moving[1]])
    return motion if motion >= MOTION_LEVELS else 0.0
