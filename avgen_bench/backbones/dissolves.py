"""Where one shot turns into the next by and by: dissolves, and fades through one colour.

Conventions
    A dissolve is named by its middle. Pictures are looked at twelve times a second as a coarse layout of colours (some
    9 x 5 cells), which motion within a shot changes little, and as a small luma picture, which light changes little.

    A dissolve of a quarter to one and a half seconds: the pictures at its ends differ in layout, and are unlike as luma
    pictures even when one is moved over the other; every picture between them is nearly a mixture of the two, ever
    more of the later; and for as long again before and after, little changes. A fade: the contrast goes down to nearly
    nothing and comes up again, each over some pictures, with unlike pictures before and after. A blackout with the same
    picture on either side, a fade at the beginning or end of the clip, a change of light, and a pan are none of these.

Constants
    Set on the calibration split of ``shot_count`` (:mod:`avgen_bench.factory.truth_picture`). Of 160 clips there, with
    22 transitions that are not found as hard cuts, 15 are found and none is false. STANDS_OUT matters most: at 1.5, 17
    are found and four false ones, at 2.5, 13. The others may be a third smaller or larger with at most two fewer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameView, MediaFacts, Shots

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]
else:
    cv2 = lazy("cv2")
    np = lazy("numpy")

__all__ = ["Dissolves", "find_dissolves", "find_fades"]

FPS = 12.0
RGB = FrameView(FPS, 24, "rgb")

ROWS = 5
LENGTHS = (3, 4, 6, 9, 12, 18)
"""Lengths tried, in looks of a twelfth of a second."""
UNLIKE = 0.35
"""Least distance of the luma pictures at the ends, see :func:`_apart`: pans and turns of a body stay below 0.21 in the
recorded clip talk_a, dissolves of calibration begin at 0.5."""
SHIFT_PX = 2
LEAST_CHANGE = 8.0
"""Least root mean square difference of the layouts at the ends, in levels of 255."""
STANDS_OUT = 2.0
"""Least change across against the greatest within as long a time before or after."""
CONTEXT = 6
"""Looks before and after that are taken into account at least, where the clip has them."""
CONTEXT_LEAST = 4
"""Looks that there must be before and after: what comes sooner after the clip's beginning is no shot yet."""
MOST_REST = 0.35
"""Greatest distance of a picture between from the mixture, as a share of the change."""
MOST_STEP = 0.7
"""Greatest part of the change between two looks: more is a hard cut."""
BACK = 0.08
"""How far the mixture may go back: grain and coding."""
FLAT_SHARE = 0.2
"""Contrast at the bottom of a fade against that on either side."""
FADE_LOOKS = 14
NOISE_LEVELS = 4.0
APART_S = 0.5
"""Transitions nearer to each other than this are one."""


class Dissolves:
    """The soft transitions of a clip: their middles, with how nearly they are a mixture as strength."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="dissolves",
        revision="1",
        yields="Shots",
        views=(RGB,),
        summary="dissolves and fades between shots, from coarse layouts of colour twelve times a second",
        libraries=("numpy", "opencv-python-headless"),
        parameters={"unlike": UNLIKE, "least_change": LEAST_CHANGE, "stands_out": STANDS_OUT, "most_rest": MOST_REST},
    )

    def start(self) -> _DissolvesConsumer:
        """A fresh consumer for one clip."""
        return _DissolvesConsumer()


class _DissolvesConsumer:
    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._layouts: list[Array] = []
        self._thumbs: list[Array] = []
        self._size = (0, 0)

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take one small RGB picture."""
        pixels: Any = frame.pixels
        if not self._times_s:
            self._size = (pixels.shape[1], pixels.shape[0])
        elif pixels.shape[:2] != self._size[::-1]:
            pixels = cv2.resize(pixels, self._size, interpolation=cv2.INTER_AREA)
        columns = max(2, round(ROWS * self._size[0] / self._size[1]))
        layout = cv2.resize(pixels, (columns, ROWS), interpolation=cv2.INTER_AREA)
        self._times_s.append(frame.t_s)
        self._layouts.append(layout.astype(np.float32).ravel())
        self._thumbs.append(pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no view of sound is registered."""

    def finish(self, facts: MediaFacts) -> Shots:
        """The soft transitions in order of time; none for a clip of a few pictures."""
        if len(self._times_s) < 2 * LENGTHS[0] + 1:
            return Shots((), ())
        layouts, thumbs = np.stack(self._layouts), np.stack(self._thumbs)
        found = find_dissolves(layouts, thumbs) + find_fades(thumbs)
        kept: list[tuple[float, float, float]] = []  # place, strength, length
        for place, strength, length in sorted(found, key=lambda one: -one[1]):
            if all(abs(place - other) >= max(APART_S * FPS, (length + span) / 2) for other, _, span in kept):
                kept.append((place, strength, length))
        kept.sort()
        times_s = np.interp([place for place, _, _ in kept], np.arange(len(self._times_s)), self._times_s)
        return Shots(tuple(times_s.tolist()), tuple(min(1.0, max(0.0, strength)) for _, strength, _ in kept))


def _apart(one: Array, two: Array) -> float:
    """Distance of two luma pictures (H, W), the second moved to where it fits best: 0 equal, about 1 unrelated.

    A pan moves what it shows; it is the same picture where it still overlaps.
    """
    rows, columns = one.shape
    best = 2.0
    for down in range(-(rows // 4), rows // 4 + 1, SHIFT_PX):
        for right in range(-(columns // 3), columns // 3 + 1, SHIFT_PX):
            a = one[max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)]
            b = two[max(0, -down) : rows + min(0, -down), max(0, -right) : columns + min(0, -right)]
            a, b = a - a.mean(), b - b.mean()
            power = (float((a * a).mean()) + NOISE_LEVELS**2) * (float((b * b).mean()) + NOISE_LEVELS**2)
            best = min(best, 1.0 - float((a * b).mean()) / float(power**0.5))
    return best


def find_dissolves(layouts: Array, thumbs: Array) -> list[tuple[float, float, float]]:
    """Middle in looks, strength, and length in looks, of what may be dissolves; layouts (n, cells), thumbs (n, H, W).

    A dissolve is found several times, by lengths and places a little off; the strongest is the one to keep.
    """
    found: list[tuple[float, float, float]] = []
    count, contrast = len(layouts), thumbs.std(axis=(1, 2))
    for length in LENGTHS:
        for start in range(CONTEXT_LEAST, count - length - CONTEXT_LEAST):
            end = start + length
            change = layouts[end] - layouts[start]
            size = float(np.sqrt((change * change).mean()))
            if size < LEAST_CHANGE:
                continue
            reach = max(length, CONTEXT)
            before = layouts[max(0, start - reach) : start] - layouts[start]
            after = layouts[end + 1 : end + 1 + reach] - layouts[end]
            around = float(np.sqrt(max((before * before).mean(axis=1).max(), (after * after).mean(axis=1).max())))
            if size < STANDS_OUT * around:
                continue
            if min(contrast[start], contrast[end]) < FLAT_SHARE * max(contrast[start], contrast[end]):
                continue  # to or from one colour: half a fade at most
            offset = layouts[start : end + 1] - layouts[start]
            parts = offset @ change / float(change @ change)
            steps = np.diff(parts)
            if steps.min() < -BACK or steps.max() > MOST_STEP:
                continue
            rest = offset - parts[:, None] * change
            worst = float(np.sqrt((rest * rest).mean(axis=1)).max()) / size
            # a dissolve is under way throughout: one that is done in a third of the time is a shorter one, or a cut
            under_way = int(((parts > 0.08) & (parts < 0.92)).sum())
            if worst > MOST_REST or under_way < max(2, 0.4 * length):
                continue
            if _apart(thumbs[start], thumbs[end]) >= UNLIKE:
                half = int(np.argmax(parts >= 0.5))  # the first picture that is more of the later one
                before_half = float(parts[half] - 0.5) / max(1e-6, float(parts[half] - parts[half - 1]))
                found.append((start + half - before_half, 1.0 - worst, float(length)))
    return found


def find_fades(thumbs: Array) -> list[tuple[float, float, float]]:
    """Middle in looks, strength, and length in looks, of each fade through one colour; thumbs (n, H, W)."""
    contrast = thumbs.std(axis=(1, 2))
    found: list[tuple[float, float, float]] = []
    count, at = len(contrast), 0
    while at < count:
        reach = slice(max(0, at - FADE_LOOKS), min(count, at + FADE_LOOKS + 1))
        before, after = contrast[reach.start : at + 1], contrast[at : reach.stop]
        sides = min(float(before.max()), float(after.max()))
        if contrast[at] > FLAT_SHARE * sides or sides < 2 * NOISE_LEVELS:
            at += 1
            continue
        last = at
        while last + 1 < count and contrast[last + 1] <= FLAT_SHARE * sides:
            last += 1
        left, right = reach.start + int(np.argmax(before)), last + int(np.argmax(contrast[last : reach.stop]))
        if right > last and _soft(contrast[left : at + 1]) and _soft(contrast[last : right + 1]):
            apart = _apart(thumbs[left], thumbs[right])
            if apart >= UNLIKE:
                found.append(((at + last) / 2, min(1.0, apart), float(right - left)))
        at = last + 1
    return found


def _soft(contrast: Array) -> bool:
    """Whether a contrast goes between its ends over some pictures, none of its steps being most of the way."""
    whole = abs(float(contrast[-1] - contrast[0]))
    return len(contrast) > 2 and float(np.abs(np.diff(contrast)).max()) <= MOST_STEP * whole
