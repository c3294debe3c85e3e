"""Where one shot ends and the next begins.

Conventions
    A cut is named by the time of the first frame of the new shot. Fades, dissolves, wipes and flashes are not cuts.

    Pictures are compared as small luma thumbnails (short side in (12, 24]) with their mean taken away, so that
    brightness does not count: ``|a - b|^2 / (|a|^2 + |b|^2)`` is 0 for equal pictures, about 1 for unrelated ones and 2
    for a negative. The distance across a point in time is the least over all pairs of frames on either side of it that
    are at most three frames apart. A flash or damage of one or two frames has like pictures before and after, so that
    one of these pairs is alike. A cut stands out of its surroundings; a pan, a shaky camera or a dissolve does not.
    The distance is taken over the whole picture, and in each of 24 parts of it by itself; the median of the parts sees
    a cut under a title that stays, and sees none where a title or a face comes up in the same shot.

Constants
    Set on the calibration clips talk_a, case4_ovi and case1_veo3_1_fast: there the distance inside shots stays below
    0.11 and across the one cut it is 0.73. The threshold lies near their geometric middle, the ratio is a choice. The
    least median of the parts was set on rendered calibration clips: from 0.15 to 0.2 it makes no difference there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameView, MediaFacts, Shots

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray
else:
    cv2 = lazy("cv2")
    np = lazy("numpy")

__all__ = ["Cuts", "cut_strengths", "distances", "part_distances"]

LUMA = FrameView(None, 192, "luma")

THUMB_PX = 24
NOISE_LEVELS = 4.0
"""Contrast below which a thumbnail is as good as flat: two black pictures do not differ by their noise."""
DISTANCE = 0.3
"""Least distance across a cut."""
RATIO = 2.0
"""Least distance across a cut against the second largest distance near it (the largest may be another cut)."""
NEAR_FRAMES = 6
PARTS = (4, 6)
"""Rows and columns of parts."""
PART_DISTANCE = 0.2
"""Least median distance across a cut over the parts that are not flat."""
LEAST_PARTS = 0.25
"""With a smaller share of parts that are not flat, only the whole picture counts."""
SHORTEST_SHOT_S = 0.15
"""A cut that follows another one sooner belongs to it: a transition of a few frames, a title that pops up."""


class Cuts:
    """The cuts of a clip, each with its distance (at most 1) as strength."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="cuts",
        revision="2",
        yields="Shots",
        views=(LUMA,),
        summary="hard cuts, from small luma pictures on either side of every frame boundary",
        libraries=("numpy", "opencv-python-headless"),
        parameters={
            "thumb_px": THUMB_PX,
            "distance": DISTANCE,
            "ratio": RATIO,
            "shortest_shot_s": SHORTEST_SHOT_S,
            "parts": list(PARTS),
            "part_distance": PART_DISTANCE,
        },
    )

    def start(self) -> _CutsConsumer:
        """A fresh consumer for one clip."""
        return _CutsConsumer()


class _CutsConsumer:
    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._thumbs: list[NDArray[np.uint8]] = []
        self._size = (0, 0)

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take one luma picture."""
        pixels: Any = frame.pixels
        while min(pixels.shape) > THUMB_PX:  # exact halving is several times faster than one large step
            rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
            pixels = cv2.resize(pixels[: rows * 2, : columns * 2], (columns, rows), interpolation=cv2.INTER_AREA)
        if not self._thumbs:
            self._size = (pixels.shape[1], pixels.shape[0])
        elif pixels.shape != self._size[::-1]:
            pixels = cv2.resize(pixels, self._size, interpolation=cv2.INTER_AREA)
        self._times_s.append(frame.t_s)
        self._thumbs.append(np.array(pixels).ravel())

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no view of sound is registered."""

    def finish(self, facts: MediaFacts) -> Shots:
        """The cuts in order of time; none for fewer than two frames."""
        if len(self._thumbs) < 2:
            return Shots((), ())
        thumbs = np.stack(self._thumbs)
        whole, parts = distances(thumbs), part_distances(thumbs, self._size)
        strengths = np.where(parts >= PART_DISTANCE, cut_strengths(np.maximum(whole, parts)), 0.0)
        cuts: list[float] = []
        found: list[float] = []
        last_s = float("-inf")
        for place in np.flatnonzero(strengths):
            t_s = self._times_s[place + 1]
            if t_s - last_s >= SHORTEST_SHOT_S:
                cuts.append(t_s)
                found.append(min(1.0, float(strengths[place])))
            last_s = t_s
        return Shots(tuple(cuts), tuple(found))


def distances(thumbs: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Distance across each frame boundary, 0 to 2; thumbs of shape (n, pixels) give shape (n - 1,)."""
    centred = thumbs.astype(np.float32)
    centred -= centred.mean(axis=1, keepdims=True)
    power = (centred * centred).mean(axis=1) + np.float32(NOISE_LEVELS**2)

    def apart(frames: int) -> NDArray[np.float64]:
        if len(centred) <= frames:
            return np.zeros(0)
        difference = centred[frames:] - centred[:-frames]
        squares = np.einsum("ij,ij->i", difference, difference) / difference.shape[1]
        return np.asarray(squares / (power[frames:] + power[:-frames]), dtype=np.float64)

    one, two, three = apart(1), apart(2), apart(3)
    across = one.copy()
    across[1:] = np.minimum(across[1:], two)
    across[:-1] = np.minimum(across[:-1], two)
    if len(three):
        for first in (0, 1, 2):  # the boundary lies before the second, third or fourth of the four frames
            across[first : first + len(three)] = np.minimum(across[first : first + len(three)], three)
    return across


def part_distances(thumbs: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
    """Median over the parts of a picture of the distance across each frame boundary; shape (n - 1,).

    A part that is flat on both sides of a boundary tells nothing and stands outside; where nearly all are, the distance
    of the whole picture is given. ``size`` is the width and height of a thumbnail.
    """
    width, height = size
    pictures = thumbs.reshape(-1, height, width)
    rows, columns = (
        np.linspace(0, side, count + 1).round().astype(int) for side, count in zip((height, width), PARTS, strict=True)
    )
    parts = [
        np.ascontiguousarray(pictures[:, top:bottom, left:right]).reshape(len(pictures), -1)
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
        if bottom > top and right > left
    ]
    found = np.array([distances(part) for part in parts])
    flat = np.array([part.std(axis=1) <= NOISE_LEVELS for part in parts])
    found[flat[:, 1:] & flat[:, :-1]] = np.nan
    told = np.isfinite(found).mean(axis=0) >= LEAST_PARTS
    out = distances(thumbs)
    out[told] = np.nanmedian(found[:, told], axis=0)
    return out


def cut_strengths(across: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance where a boundary is a cut, else 0; shape as given."""
    strengths = np.zeros(len(across))
    for place in np.flatnonzero(across >= DISTANCE):
        near = np.concatenate(
            (across[max(0, place - NEAR_FRAMES) : place], across[place + 1 : place + 1 + NEAR_FRAMES])
        )
        second = float(np.sort(near)[-2]) if len(near) > 1 else 0.0
        if across[place] >= RATIO * second:
            strengths[place] = across[place]
    return strengths
