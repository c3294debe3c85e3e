"""Ladders of known damage to the picture.

Conventions
    ``luma`` is uint8 (H, W) at native size, video range (16 to 235). A step counts from 0 (untouched) to 8 (worst), and
    every step is strictly more damage than the one before. The functions are pure: the same luma, step and seed give
    the same luma. ``LADDERS`` maps a name to a function of (luma, step, seed); only noise uses the seed, which is to
    differ from frame to frame.

``reencode``, ``recompress`` and ``rewrap`` work on files, through the encoder that people use, and copy the sound
packets untouched. The step tables are physical amounts chosen to run from just visible to ruined in about equal ratios.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.render import x264_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Luma = NDArray[np.uint8]
else:
    np = lazy("numpy")

av: Any = lazy("av")
cv2: Any = lazy("cv2")

__all__ = [
    "BANDING_LEVELS",
    "BLUR_SIGMA_PX",
    "LADDERS",
    "NOISE_SIGMA",
    "REENCODE_CRF",
    "STEPS",
    "banding",
    "blur",
    "downscale2",
    "noise",
    "recompress",
    "reencode",
    "rewrap",
]

STEPS = range(9)
BLUR_SIGMA_PX = (0.0, 0.6, 0.9, 1.3, 1.8, 2.5, 3.5, 5.0, 7.0)
NOISE_SIGMA = (0.0, 1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0)
BANDING_LEVELS = (0, 64, 48, 36, 28, 21, 16, 12, 9)
REENCODE_CRF = (0.0, 27.0, 30.0, 33.0, 36.0, 39.0, 42.0, 45.0, 49.0)
_LOSSLESS_LOOK_CRF = 14.0
_BLACK, _SPAN = 16.0, 219.0


def _checked(step: int) -> int:
    if step not in STEPS:
        raise FactoryError(f"damage step is {step!r}; expected 0 (untouched) to {STEPS[-1]}")
    return step


def blur(luma: Luma, step: int, seed: int = 0) -> Luma:
    """Luma after a Gaussian blur of ``BLUR_SIGMA_PX[step]`` pixels."""
    sigma = BLUR_SIGMA_PX[_checked(step)]
    if sigma == 0:
        return luma
    side = 2 * int(4 * sigma + 0.5) + 1
    out: Luma = cv2.GaussianBlur(luma, (side, side), sigma, borderType=cv2.BORDER_REFLECT)
    return out


def noise(luma: Luma, step: int, seed: int = 0) -> Luma:
    """Luma plus white Gaussian noise of standard deviation ``NOISE_SIGMA[step]`` codes, clipped to uint8."""
    sigma = NOISE_SIGMA[_checked(step)]
    if sigma == 0:
        return luma
    grain = np.random.default_rng((seed, step)).standard_normal(luma.shape, dtype=np.float32) * np.float32(sigma)
    out: Luma = np.clip(np.rint(luma + grain), 0, 255).astype(np.uint8)
    return out


def banding(luma: Luma, step: int, seed: int = 0) -> Luma:
    """Luma quantised to ``BANDING_LEVELS[step]`` even levels from black to white, without dither."""
    levels = BANDING_LEVELS[_checked(step)]
    if levels == 0:
        return luma
    pitch = _SPAN / (levels - 1)
    codes = np.clip(np.rint(np.rint((np.arange(256) - _BLACK) / pitch) * pitch + _BLACK), 0, 255).astype(np.uint8)
    out: Luma = cv2.LUT(luma, codes)
    return out


def downscale2(luma: Luma) -> Luma:
    """Luma at half the width and height, by means of 2x2 pixels; an odd last row or column is dropped."""
    height, width = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
    if min(height, width) < 2:
        raise FactoryError(f"luma is {luma.shape}; expected at least 2 pixels a side")
    out: Luma = cv2.resize(luma[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return out


LADDERS: dict[str, Callable[[Luma, int, int], Luma]] = {"blur": blur, "noise": noise, "banding": banding}


def reencode(path_in: Path | str, path_out: Path | str, step: int) -> Path:
    """Path of the clip with its picture encoded again by x264 at ``REENCODE_CRF[step]``, its sound packets untouched.

    The constant rate factor gives a like loss on every content; at step 8 the picture takes a few per cent of its bits.
    Step 0 copies every packet.

    Raises:
        FactoryError: no picture track, or the encoder refuses.
    """
    crf = REENCODE_CRF[_checked(step)]
    return _transcode(Path(path_in), Path(path_out), crf if step else None)


def recompress(path_in: Path | str, path_out: Path | str) -> Path:
    """Path of the clip with its picture encoded again at visually lossless quality (x264, crf 14), sound untouched."""
    return _transcode(Path(path_in), Path(path_out), _LOSSLESS_LOOK_CRF)


def rewrap(path_in: Path | str, path_out: Path | str) -> Path:
    """Path of the same packets in the container that the suffix of ``path_out`` names."""
    return _transcode(Path(path_in), Path(path_out), None)


def _transcode(path_in: Path, path_out: Path, crf: float | None) -> Path:
    try:
        with av.open(str(path_in)) as source, av.open(str(path_out), "w") as target:
            if not source.streams.video:
                raise FactoryError(f"{path_in.name} has no picture track; expected one to encode again")
            shown = source.streams.video[0]
            shown.thread_type = "AUTO"
            copied: dict[int, Any] = {}
            picture = None
            for track in sorted((shown, *source.streams.audio[:1]), key=lambda stream: stream.index):
                if track is not shown or crf is None:
                    copied[track.index] = target.add_stream_from_template(track)
                    continue
                rate = shown.average_rate or Fraction(25)
                picture = target.add_stream("libx264", rate=rate, options=x264_options(crf))
                picture.width, picture.height = shown.width // 2 * 2, shown.height // 2 * 2
                picture.pix_fmt = "yuv420p"
                picture.time_base = shown.time_base
                picture.codec_context.time_base = shown.time_base
            for packet in source.demux(*(s for s in source.streams if s.index in copied or s is shown)):
                if packet.stream.index in copied:
                    if packet.dts is not None:
                        packet.stream = copied[packet.stream.index]
                        target.mux(packet)
                elif picture is not None:
                    for frame in packet.decode():
                        target.mux(picture.encode(_plain(frame, picture.width, picture.height)))
            if picture is not None:
                target.mux(picture.encode(None))
    except av.FFmpegError as error:
        raise FactoryError(f"{path_in.name}: cannot encode to {path_out.name}: {error}") from error
    return path_out


def _plain(frame: Any, width: int, height: int) -> Any:
    """The frame as 8-bit 4:2:0 of even size, its type left to the encoder."""
    plain = frame if frame.format.name == "yuv420p" and (frame.width, frame.height) == (width, height) else None
    if plain is None:
        plain = frame.reformat(width, height, "yuv420p")
        plain.pts, plain.time_base = frame.pts, frame.time_base
    plain.pict_type = 0
    return plain
