"""Known damage to the timing and steadiness of pictures: ladders of eight rising steps.

Conventions
    A stream is an iterable of ``(t_s, luma)``: presentation time, and native luma (H, W) uint8 in video range. Nothing
    is written into the frames that come in. Step 0 gives the stream back; steps 1 to 8 rise. Amounts are shares (of
    frames, of brightness, of frame height), so that size and rate of a clip do not matter. Choices are drawn from a
    generator seeded with the ladder's name and nothing else: the frames that step k touches, step k + 1 touches too,
    and noise has the same pattern at every step, only larger. Shares are kept in every stretch of ``STRETCH`` frames.

    The steps run from about what a careful viewer just sees to what nobody misses, and were chosen by that: 0.25 % of
    luma is about 0.6 % of light, near the 0.5 % from which flicker is seen at best (de Lange, 1958, about 10 Hz);
    0.05 % of height is one line in two thousand; 2 % of frames is one in two seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray
else:
    cv2 = lazy("cv2")
    np = lazy("numpy")

__all__ = ["LADDERS", "STEPS", "TimedLuma", "dropped", "duplicated", "flicker", "jitter", "shuffled"]

TimedLuma = tuple[float, "NDArray[np.uint8]"]

STEPS = 8
BLACK = 16

FLICKER_SHARE = (0.0, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12)
"""Standard deviation of the gain on brightness above black, per step."""
STRETCH = 50
"""Frames in which the shares below hold exactly, so that a short clip has its part of the damage."""
DROPPED_SHARE = (0.0, 0.02, 0.04, 0.08, 0.12, 0.18, 0.26, 0.36, 0.50)
"""Share of frames removed, per step."""
DUPLICATED_SHARE = (0.0, 0.02, 0.04, 0.08, 0.12, 0.18, 0.26, 0.36, 0.50)
"""Share of frames replaced by the one before, per step."""
JITTER_SHARE = (0.0, 0.0005, 0.001, 0.0015, 0.0025, 0.004, 0.006, 0.01, 0.015)
"""Root mean square displacement per axis as a share of frame height, per step."""
JITTER_CELLS = 6
"""Nodes of the displacement field across the short side; between them it is smooth (cubic)."""
SHUFFLED_SHARE = (0.0, 0.04, 0.08, 0.14, 0.22, 0.32, 0.46, 0.66, 1.0)
"""Share of windows whose frames change places, per step, kept in every stretch of ``STRETCH`` windows."""
SHUFFLE_WINDOW = 4


def _check(step: int) -> None:
    if not 0 <= step <= STEPS:
        raise ValueError(f"step is {step!r}; expected 0 (untouched) to {STEPS}")


def _ranks(name: str) -> Iterator[float]:
    """Endless numbers in [0, 1), in every stretch each of ``STRETCH`` even steps once, in random order."""
    source = random.Random(name)
    while True:
        order = list(range(STRETCH))
        source.shuffle(order)
        for place in order:
            yield place / STRETCH


def flicker(frames: Iterable[TimedLuma], step: int) -> Iterator[TimedLuma]:
    """The stream with a random gain on each frame, as of an unsteady lamp.

    The gain has standard deviation ``FLICKER_SHARE[step]`` and mean one, and acts on brightness above black.
    """
    _check(step)
    source = random.Random("flicker")
    share = FLICKER_SHARE[step]
    levels = np.arange(256, dtype=np.float64)
    for t_s, luma in frames:
        gain = 1.0 + share * source.gauss(0.0, 1.0)
        if step == 0:
            yield t_s, luma
            continue
        bent = np.clip(BLACK + (levels - BLACK) * gain, 0, 255)
        yield t_s, _dithered(luma, bent)


def _dithered(luma: NDArray[np.uint8], table: NDArray[np.float64]) -> NDArray[np.uint8]:
    """``table[luma]`` rounded with an ordered 2x2 dither, so that a gain of a tenth of a level is still there."""
    out = np.empty_like(luma)
    thresholds = ((0.125, 0.625), (0.875, 0.375))
    for row, pair in enumerate(thresholds):
        for column, threshold in enumerate(pair):
            steps = np.floor(table + threshold).clip(0, 255).astype(np.uint8)
            out[row::2, column::2] = steps[luma[row::2, column::2]]
    return out


def dropped(frames: Iterable[TimedLuma], step: int) -> Iterator[TimedLuma]:
    """The stream without some of its frames; those that stay keep their times. The first one stays."""
    _check(step)
    for index, ((t_s, luma), rank) in enumerate(zip(frames, _ranks("dropped"), strict=False)):
        if index == 0 or rank >= DROPPED_SHARE[step]:
            yield t_s, luma


def duplicated(frames: Iterable[TimedLuma], step: int) -> Iterator[TimedLuma]:
    """The stream with some frames replaced by the frame shown before them; times stay."""
    _check(step)
    shown: NDArray[np.uint8] | None = None
    for (t_s, luma), rank in zip(frames, _ranks("duplicated"), strict=False):
        if shown is None or rank >= DUPLICATED_SHARE[step]:
            shown = luma.copy()  # a decoder may use the memory of ``luma`` again
        yield t_s, shown


def jitter(frames: Iterable[TimedLuma], step: int) -> Iterator[TimedLuma]:
    """The stream with a new smooth random warp on each frame.

    Displacements are cubic between nodes ``1 / JITTER_CELLS`` of the short side apart, independent from frame to frame,
    with root mean square ``JITTER_SHARE[step]`` of the height per axis.
    """
    _check(step)
    source = np.random.default_rng(_seed("jitter"))
    rows, columns = 0, 0
    grid: NDArray[np.float32] | None = None
    for t_s, luma in frames:
        if step == 0:
            yield t_s, luma
            continue
        height, width = luma.shape
        if grid is None or grid.shape[:2] != (height, width):
            cell = min(height, width) / JITTER_CELLS
            rows, columns = round(height / cell) + 3, round(width / cell) + 3
            y, x = np.mgrid[0:height, 0:width].astype(np.float32)
            grid = np.dstack((x, y))
        nodes = source.standard_normal((rows, columns, 2)).astype(np.float32)
        field: Any = cv2.resize(nodes, (width, height), interpolation=cv2.INTER_CUBIC)
        field *= np.float32(JITTER_SHARE[step] * height / max(float(np.sqrt(np.mean(field * field))), 1e-6))
        no_map: Any = None  # the stubs do not know that one map of two channels will do
        warped = cv2.remap(luma, grid + field, no_map, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        yield t_s, np.asarray(warped, dtype=np.uint8)


def _seed(name: str) -> int:
    return int.from_bytes(name.encode(), "big") % (1 << 63)


def shuffled(frames: Iterable[TimedLuma], step: int) -> Iterator[TimedLuma]:
    """The stream with the pictures of some windows of ``SHUFFLE_WINDOW`` frames in another order; times stay.

    The order is one in which no picture keeps its place. A window that is not full stays as it is.
    """
    _check(step)
    source = random.Random("shuffled order")
    ranks = _ranks("shuffled")
    window: list[TimedLuma] = []
    for t_s, luma in frames:
        window.append((t_s, luma if step == 0 else luma.copy()))
        if len(window) == SHUFFLE_WINDOW:
            order = _derangement(source, SHUFFLE_WINDOW)
            touched = next(ranks) < SHUFFLED_SHARE[step]
            for place, (time_s, picture) in enumerate(window):
                yield time_s, window[order[place]][1] if touched else picture
            window.clear()
    yield from window


def _derangement(source: random.Random, size: int) -> list[int]:
    """A random order of ``range(size)`` in which nothing keeps its place."""
    order = list(range(size))
    while any(place == value for place, value in enumerate(order)):
        source.shuffle(order)
    return order


LADDERS: Mapping[str, Callable[[Iterable[TimedLuma], int], Iterator[TimedLuma]]] = {
    "brightness_flicker": flicker,
    "dropped_frames": dropped,
    "duplicated_frames": duplicated,
    "warping_jitter": jitter,
    "shuffled_frames": shuffled,
}
"""Ladder name to function; each takes a stream and a step from 0 (untouched) to 8."""
