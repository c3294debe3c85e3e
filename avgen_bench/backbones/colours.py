"""How bright each picture is, and which colours people would name in it.

Conventions
    Pictures are looked at four times a second, with a short side of 96 pixels: averaging takes grain away, and what is
    smaller is no prevailing colour. ``luma`` is the mean of Y' = 0.299 R' + 0.587 G' + 0.114 B' (ITU-R BT.601) as a
    share of full range. The other columns are called by the eleven basic colour terms of Berlin and Kay (1969, *Basic
    Color Terms*) and hold the shares of pixels that bear the name; they add up to 1.

Names
    A colour has one name, given by its CIELAB lightness, chroma and hue (sRGB, D65). Black, white and grey have little
    chroma; the light, dull and dark colours of a hue bear other names than its vivid ones (pink, brown). The limits
    were set by eye on one half of the names of the XKCD colour survey (Munroe 2010, as matplotlib prints it) that end
    in a basic term and hold no other: "dark olive green", "greenish grey". There the rule gives the survey's term for
    97 % of 257 names; on the other half, for 89 % of 252, and for 95 % of the 221 that are no mixture of two terms.
    The halves are told apart by the parity of the name's SHA-256.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameScores, FrameView, MediaFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

__all__ = ["TERMS", "Colours", "colour_names"]

TERMS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
RGB = FrameView(4.0, 96, "rgb")

STEPS = 64
"""Levels per channel of the table from RGB to names."""
LEAST_WHITE = 80.0
"""Lightness from which a surface without chroma is white. A single patch of 87 is called light grey, but a white wall
or snow in mild shade is seen as white: between the shaded whites (82) and the greys (74) of the calibration palette."""
LEAST_CHROMA = (
    *((0, 13), (20, 13), (60, 15), (80, 16), (105, 16), (115, 19), (150, 20), (175, 18), (200, 13)),
    *((260, 13), (290, 15), (310, 18), (340, 15), (360, 13)),
)
"""Hue in degrees and the chroma below which it is not named: dull greens pass for grey more easily than dull pinks."""


class Colours:
    """Mean luma and the shares of the eleven basic colours, four times a second."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="colours",
        revision="1",
        yields="FrameScores",
        views=(RGB,),
        summary="mean luma, and the share of pixels of each basic colour term, four times a second",
        libraries=("numpy", "opencv-python-headless"),
        parameters={"steps": STEPS},
        reference="https://blog.xkcd.com/2010/05/03/color-survey-results/",
    )

    def start(self) -> _ColoursConsumer:
        """A fresh consumer for one clip."""
        return _ColoursConsumer()


class _ColoursConsumer:
    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._rows: list[list[float]] = []

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take one small RGB picture."""
        pixels = frame.pixels.reshape(-1, 3)
        mean = pixels.mean(axis=0, dtype=np.float64)
        luma = float(mean @ np.array([0.299, 0.587, 0.114])) / 255.0
        shift = (256 // STEPS).bit_length() - 1
        coarse = (pixels >> shift).astype(np.int32)
        counts = np.bincount(
            _table()[(coarse[:, 0] * STEPS + coarse[:, 1]) * STEPS + coarse[:, 2]], minlength=len(TERMS)
        )
        self._times_s.append(frame.t_s)
        self._rows.append([luma, *(counts / max(1, len(pixels))).tolist()])

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no view of sound is registered."""

    def finish(self, facts: MediaFacts) -> FrameScores:
        """The rows in order of time; empty without a picture."""
        columns = zip(*self._rows, strict=True) if self._rows else [()] * (len(TERMS) + 1)
        return FrameScores(tuple(self._times_s), dict(zip(("luma", *TERMS), map(tuple, columns), strict=True)))


@cache
def _table() -> NDArray[np.uint8]:
    """The name of the middle of each cell of the RGB cube, flat, red slowest."""
    level = (np.arange(STEPS) + 0.5) * (256 / STEPS)
    level[0], level[-1] = 0.0, 255.0  # a pure channel stays pure
    cells = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(-1, 3)
    return colour_names(cells)


def _lch(rgb: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """CIELAB lightness, chroma and hue in degrees of sRGB values 0..255, shape (..., 3) (IEC 61966-2-1, D65)."""
    share = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    white = to_xyz.sum(axis=1)
    xyz = linear @ to_xyz.T / white
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    a, b = 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])
    return 116 * root[..., 1] - 16, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0


def colour_names(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """The place in :data:`TERMS` of the name of each sRGB value 0..255; shape (..., 3) gives shape (...).

    >>> [TERMS[i] for i in colour_names(np.array([[255, 0, 0], [90, 50, 20], [250, 250, 250], [255, 190, 200]]))]
    ['red', 'brown', 'white', 'pink']
    """
    light, chroma, hue = _lch(rgb)
    black, white, grey, red, orange, yellow, green, blue, purple, pink, brown = range(len(TERMS))
    name = np.full(light.shape, red, dtype=np.uint8)

    # each line: where, and the name; a later line overrules an earlier one
    rose, warm = (hue < 15) | (hue >= 326), (hue >= 15) & (hue < 46)
    tan, olive = (hue >= 46) & (hue < 77), (hue >= 77) & (hue < 107)
    rules = (
        (rose, pink),
        ((hue >= 326) & (hue < 345) & (light < 53), purple),
        ((hue >= 345) & (light < 40), purple),
        ((hue < 15) & (light < 42), red),
        (warm & (light >= 57) & ((hue < 38) | (chroma < 50)), pink),
        (warm & (light >= 57) & (hue >= 38) & (chroma >= 50), orange),
        (warm & (chroma < 48) & (light < 57) & (hue >= 22), brown),
        (warm & (chroma < 48) & (light >= 45) & (light < 57) & (hue < 22), pink),
        (warm & (chroma < 30) & (light < 45) & (hue < 22), brown),
        (warm & (chroma < 52) & (light < 26) & (hue >= 24), brown),
        (tan, brown),
        (tan & (light >= 46) & (chroma >= 55), orange),
        (tan & (light >= 76), orange),
        (olive, brown),
        (olive & (hue >= 98), green),
        (olive & (light >= 70) & ((chroma >= 42) | (light >= 80)), yellow),
        (olive & (hue >= 105) & (light < 85), green),
        ((hue >= 107) & (hue < 175), green),
        ((hue >= 107) & (hue < 111) & (light >= 91), yellow),
        ((hue >= 175) & (hue < 306.8), blue),
        ((hue >= 306.8) & (hue < 326), purple),
    )
    for where, what in rules:
        name[where] = what

    places, limits = zip(*LEAST_CHROMA, strict=True)
    limit = np.interp(hue, places, limits)
    pale = 30.0 - 0.2 * light  # 14 at lightness 80, 10 at 100: tints show more on white
    limit = np.where(light > 80, np.minimum(limit, pale), limit)
    limit = np.where((light >= 92) & (hue > 60) & (hue < 112), 14.0, limit)  # paper and cream pass for white
    dull = chroma < limit
    name[dull] = grey
    name[dull & (light >= LEAST_WHITE)] = white
    dark = ((light < 22) & (chroma < 14)) | ((light < 9) & (chroma < 26)) | ((light < 4) & (chroma < 34))
    name[dark] = black
    return name
