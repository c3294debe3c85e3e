"""How clear the picture is: raw measures of sharpness, noise, blockiness, banding, shape and exposure per frame.

Conventions
    One native luma frame per second, counted from the first frame, so that a container that shifts all times has the
    same frames measured. Energies are mean squares in codes squared, over square
    tiles of 32 native pixels. Columns of the :class:`FrameScores`, one value per sampled frame:

    ``slope_1`` .. ``slope_4``  log2 of the energy of an octave band over that of the next coarser one (band 1 is the
        finest), in the best-focused of the textured tiles, noise taken off. Natural pictures in focus have near equal
        energy in every octave, so slopes near 0 (Field 1987); -4 where the finer band is empty, which is what a blur
        leaves. Shallow focus is no fault, hence the best tiles and not the mean.
    ``noise_codes``  standard deviation of the white part of the noise, from the flattest unclipped tiles, in codes.
    ``blockiness_codes``  mean visible excess of lone steps on the 8-pixel grid of block codecs over those off the grid,
        in codes; a step is visible as far as it exceeds every step two pixels around it and the threshold that Chou
        and Li give for its luma. 0 is none; the 4-pixel phase, where small transforms end, counts on neither side.
    ``band_share``  share of all luma change that sits in lone steps of 2 to 40 codes between flat runs (0 to 1).
    ``mscn_shape``  shape of the generalised Gaussian that fits the contrast-normalised luma: 2 is Gaussian; natural
        pictures lie near 1 to 2, flattened ones below, noisy ones above (Mittal et al. 2012, BRISQUE).
    ``low_luma``, ``high_luma``  the 5th and 95th percentile of 8x8 means, in codes.
    ``clipped_share``  share of 8x8 means outside 18 .. 233 codes.
    ``structure_codes``  root mean square of the coarse detail; under about 1 there is nothing to see.

References: D. Field, J. Opt. Soc. Am. A 4 (1987); J. Immerkaer, CVIU 64 (1996), noise from Laplacian masks; Z. Wang,
A. Bovik, B. Evans, ICIP 2000, blockiness on the coding grid; C. Chou, Y. Li, IEEE
TCSVT 5 (1995), visibility of luma steps; A. Mittal, A. Moorthy, A. Bovik, IEEE TIP 21 (2012);
P. Tandon et al., PCS 2021 (CAMBI), banding as small steps between flat runs.

Constants are set by construction (tile and band sizes, masks) or chosen on three calibration clips; every threshold of
taste is in :mod:`avgen_bench.dimensions.visual_quality`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameScores, FrameView, MediaFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Luma = NDArray[np.uint8]
    Field = NDArray[np.float32]
else:
    np = lazy("numpy")

cv2: Any = lazy("cv2")

__all__ = ["COLUMNS", "Clarity", "measure_frame"]

COLUMNS = (
    "slope_1",
    "slope_2",
    "slope_3",
    "slope_4",
    "noise_codes",
    "blockiness_codes",
    "band_share",
    "mscn_shape",
    "low_luma",
    "high_luma",
    "clipped_share",
    "structure_codes",
)

_TILE_PX = 32
_STRIP_PX = 64  # frames are taken in strips that stay in the processor's cache
_BLOCK_CAP, _BAND_CAP = 16, 40  # codes; a larger step is a contour of the scene
_BANDS = 5
_EMPTY = -4.0  # a Laplacian's energy falls 16-fold per octave where nothing is left, log2(1/16)
_SHARPEST = 1.5  # energy ratio of the finest octave to the next that natural detail does not exceed
_ROUNDING = 1.0 / 12.0  # variance that rounding to whole codes adds
_NOISE_MARGIN = 1.3  # noise energy varies from tile to tile; without the margin its upper tail would pass for detail
_BURIED = 0.3  # detail under this share of the noise energy cannot be told from it
_VIEW = FrameView(fps=1.0)


def measure_frame(luma: Luma) -> tuple[float, ...]:
    """The measures of one native luma frame, in the order of ``COLUMNS``. Any size from 1x1 up."""
    luma = _roomy(luma)
    height, width = (side // _TILE_PX * _TILE_PX for side in luma.shape)
    energy, coarse = _octaves(luma[:height, :width])
    noise = _noise(energy, coarse)
    low, high = (float(q) for q in np.percentile(coarse, (5, 95)))
    clipped = float(np.mean((coarse < 18) | (coarse > 233)))
    structure = math.sqrt(float(energy[3].mean()) / 20)
    slopes = _slopes(energy, noise)
    return (*slopes, noise, *_lone_steps(luma), _shape(luma), low, high, clipped, structure)


def _roomy(luma: Luma) -> Luma:
    """The frame, mirrored outwards where a side is under two tiles."""
    height, width = luma.shape
    below, beside = max(0, 2 * _TILE_PX - height), max(0, 2 * _TILE_PX - width)
    if not (below or beside):
        return luma
    padded: Luma = cv2.copyMakeBorder(luma, 0, below, 0, beside, cv2.BORDER_REFLECT)
    return padded


def _octaves(luma: Luma) -> tuple[Field, Field]:
    """Energy of the Laplacian per octave and tile, (bands, rows, columns), and the 8x8 means of the picture."""
    height, width = luma.shape
    rows, columns = height // _TILE_PX, width // _TILE_PX
    energy = np.empty((_BANDS, rows, columns), np.float32)
    level = np.empty((height // 2, width // 2), np.float32)
    coarse = level
    for top in range(0, height, _STRIP_PX):
        bottom = min(top + _STRIP_PX, height)
        above = min(top, 1)  # the Laplacian wants one row more on either side
        strip = luma[top - above : bottom + 1].astype(np.float32)
        detail = cv2.Laplacian(strip, cv2.CV_32F)[above : above + bottom - top]
        detail = cv2.multiply(detail, detail)
        size = (columns, (bottom - top) // _TILE_PX)
        energy[0, top // _TILE_PX : bottom // _TILE_PX] = cv2.resize(detail, size, interpolation=cv2.INTER_AREA)
        half = (width // 2, (bottom - top) // 2)
        core = strip[above : above + bottom - top]
        level[top // 2 : bottom // 2] = cv2.resize(core, half, interpolation=cv2.INTER_AREA)
    for band in range(1, _BANDS):
        if band > 1:
            level = cv2.resize(level, (level.shape[1] // 2, level.shape[0] // 2), interpolation=cv2.INTER_AREA)
        if band == 3:
            coarse = level
        detail = cv2.Laplacian(level, cv2.CV_32F)
        cv2.multiply(detail, detail, dst=detail)
        energy[band] = cv2.resize(detail, (columns, rows), interpolation=cv2.INTER_AREA)
    return energy, coarse


def _noise(energy: Field, coarse: Field) -> float:
    """Standard deviation of white noise, in codes.

    A Laplacian (1, 1, -4, 1, 1) has energy 20 per unit of white variance, and 5 after 2x2 means. Natural detail has
    little more in the finest octave than in the next: 1.24 times for an ideal 1/f picture, up to 1.45 in single tiles
    of the calibration clips, 1.5 here. So, in the flattest tenth of tiles, what exceeds that share is noise, and sharp
    texture everywhere does not pass for it.
    """
    tone = cv2.resize(coarse, (energy.shape[2], energy.shape[1]), interpolation=cv2.INTER_AREA).ravel()
    usable = (tone > 24) & (tone < 226)
    finest, finer, fine = energy[0].ravel(), energy[1].ravel(), energy[2].ravel()
    if usable.any():
        finest, finer, fine = finest[usable], finer[usable], fine[usable]
    flat = np.argsort(fine, kind="stable")[: max(1, len(fine) // 10)]  # chosen by a third band: no bias in the two
    excess = float(finest[flat].mean()) - _SHARPEST * float(finer[flat].mean())
    return math.sqrt(max(0.0, excess) / (20 - 5 * _SHARPEST))


def _slopes(energy: Field, noise: float) -> list[float]:
    """The octave slopes at the 90th percentile of the quarter of tiles with most coarse texture."""
    flat = energy.reshape(_BANDS, -1)
    texture = flat[2] + flat[3]
    chosen = flat[:, np.argsort(-texture, kind="stable")[: max(1, flat.shape[1] // 4)]]
    grain = (20 * max(noise * noise, _ROUNDING) / 4.0 ** np.arange(_BANDS))[:, None]
    detail = chosen - _NOISE_MARGIN * grain
    present = detail > _BURIED * grain
    detail = np.where(present, detail, 1.0)
    slopes = np.log2(detail[:-1] / detail[1:])
    slopes = np.where(present[:-1] & present[1:], np.maximum(slopes, _EMPTY), _EMPTY)
    best: list[float] = np.percentile(slopes, 90, axis=1).tolist()
    return best


def _lone_steps(luma: Luma) -> tuple[float, float]:
    """Blockiness and banding share: both look for lone steps, larger than any step two pixels around."""
    height, width = luma.shape
    down: list[Field] = []
    across = np.zeros(width - 5, np.float64)
    sums = np.zeros(4)  # lone and total luma change, vertical then horizontal
    for top in range(0, height, _STRIP_PX):
        strip = luma[top : top + _STRIP_PX + 5]
        visible = cv2.LUT(strip, _visible_steps())
        if len(strip) > 5:
            mean, lone, total = _steps(strip, visible, 0)
            down.append(mean)
            sums[:2] += lone, total
        core = min(_STRIP_PX, len(strip))
        mean, lone, total = _steps(strip[:core], visible[:core], 1)
        across += mean * float(core)
        sums[2:] += lone, total
    blocks = _on_grid(np.concatenate(down)) + _on_grid(across / height)
    pixels = np.array([(height - 5) * width, height * (width - 5)])
    lone, total = float((sums[0::2] / pixels).sum()), float((sums[1::2] / pixels).sum())
    return blocks / 2, lone / max(total, 0.05)


def _steps(luma: Luma, visible: Luma, axis: int) -> tuple[Field, float, float]:
    """Of the steps along one axis: mean visible excess per line of the grid, luma change in band edges, and in all."""
    step = cv2.absdiff(luma[1:], luma[:-1]) if axis == 0 else cv2.absdiff(luma[:, 1:], luma[:, :-1])
    count = step.shape[axis] - 4
    near = [step[k : k + count] if axis == 0 else step[:, k : k + count] for k in range(5)]
    middle = near[2]
    around = cv2.max(cv2.max(near[0], near[1]), cv2.max(near[3], near[4]))
    threshold = visible[2 : 2 + count] if axis == 0 else visible[:, 2 : 2 + count]
    excess = cv2.min(cv2.subtract(cv2.subtract(middle, around), threshold), _BLOCK_CAP)
    mean: Field = cv2.reduce(excess, 1 - axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    _, flat = cv2.threshold(around, 0, 255, cv2.THRESH_BINARY_INV)
    # A step of one code is how any smooth slope looks after rounding, and larger ones than a band's are contours.
    _, edge = cv2.threshold(cv2.min(middle, flat), 1, 0, cv2.THRESH_TOZERO)
    _, edge = cv2.threshold(edge, _BAND_CAP, 0, cv2.THRESH_TOZERO_INV)
    return mean, float(cv2.sumElems(edge)[0]), float(cv2.sumElems(cv2.min(middle, _BAND_CAP))[0])


def _on_grid(mean: NDArray[Any]) -> float:
    """How far the lines of the 8-pixel grid exceed the others, by more than chance would."""
    phase = (np.arange(len(mean)) + 2) % 8
    on_grid, off_grid = mean[phase == 7], mean[(phase != 7) & (phase != 3)]
    chance = float(off_grid.std()) * math.sqrt(1 / len(on_grid) + 1 / len(off_grid))
    return max(0.0, float(on_grid.mean() - off_grid.mean()) - 2 * chance)


@functools.cache
def _visible_steps() -> Luma:
    """The least visible step in codes, by luma (Chou and Li 1995)."""
    codes = np.arange(256.0)
    steps = np.where(codes <= 127, 17 * (1 - np.sqrt(codes / 127)) + 3, 3 / 128 * (codes - 127) + 3)
    return np.rint(steps).astype(np.uint8)


def _shape(luma: Luma) -> float:
    """Generalised Gaussian shape of contrast-normalised luma, over every third strip of 32 rows."""
    squares = magnitudes = 0.0
    tops = range(0, luma.shape[0] - _TILE_PX + 1, 3 * _TILE_PX)
    for top in tops:
        strip = luma[top : top + _TILE_PX].astype(np.float32)
        mean = cv2.GaussianBlur(strip, (7, 7), 7 / 6)
        squared = cv2.multiply(strip, strip)
        spread = cv2.GaussianBlur(squared, (7, 7), 7 / 6)
        cv2.subtract(spread, cv2.multiply(mean, mean, dst=squared), dst=spread)
        cv2.sqrt(cv2.max(spread, 0, dst=spread), dst=spread)
        cv2.add(spread, 1.0, dst=spread)
        normal = cv2.divide(cv2.subtract(strip, mean, dst=strip), spread, dst=strip)
        squares += float(cv2.norm(normal, cv2.NORM_L2SQR)) / normal.size
        magnitudes += float(cv2.norm(normal, cv2.NORM_L1)) / normal.size
    ratios, shapes = _shape_table()
    if magnitudes <= 0:
        return float(shapes[-1])
    return float(np.interp(squares * len(tops) / magnitudes**2, ratios, shapes))


@functools.cache
def _shape_table() -> tuple[list[float], list[float]]:
    """Rising ratios E[x^2] / E[|x|]^2 of generalised Gaussians, and their shapes."""
    shapes = [0.2 * 1.01**k for k in range(340, -1, -1)]
    ratios = [math.gamma(1 / s) * math.gamma(3 / s) / math.gamma(2 / s) ** 2 for s in shapes]
    return ratios, shapes


class Clarity:
    """Backbone: measures of picture clarity on one native luma frame per second."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="clarity",
        revision="1",
        yields="FrameScores",
        views=(_VIEW,),
        summary="sharpness, noise, blockiness, banding, natural-scene shape and exposure of native frames",
        libraries=("numpy", "opencv-python-headless"),
        reference="Immerkaer 1996; Wang, Bovik and Evans 2000; Mittal et al. 2012; Tandon et al. 2021",
    )

    def start(self) -> _Watch:
        """A fresh consumer for one clip."""
        return _Watch()


class _Watch:
    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._rows: list[tuple[float, ...]] = []

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Measure the frame."""
        self._times_s.append(float(frame.t_s))
        self._rows.append(measure_frame(frame.pixels))

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no sound is asked for."""

    def finish(self, facts: MediaFacts) -> FrameScores:
        """The measures of every sampled frame; empty columns where no frame went by."""
        columns = zip(*self._rows, strict=True) if self._rows else ((),) * len(COLUMNS)
        return FrameScores(tuple(self._times_s), dict(zip(COLUMNS, columns, strict=True)))
