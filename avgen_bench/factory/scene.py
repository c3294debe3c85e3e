"""Scenes whose truth is known, and the blocks that they are built from.

Conventions
    A picture is RGB uint8, shape (height, width, 3); places are in pixels, x to the right, y down, (0, 0) is the centre
    of the top left pixel, and may be fractions. Sound is float32 in [-1, 1], shape (channels, samples), beginning with
    the first frame; single sounds are 1-d. Every random thing takes a seed: the same call gives the same values.
    ``truth`` holds plain JSON values; times in it are seconds from the first frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Sound = NDArray[np.float32]
else:
    np = lazy("numpy")
    cv2 = lazy("cv2")

__all__ = [
    "Color",
    "Scene",
    "ball",
    "box",
    "colored_noise",
    "impact",
    "light",
    "mix",
    "noise",
    "note",
    "paste",
    "planks",
    "quantized",
    "shadow",
    "shift_sound",
    "silence",
    "textured",
    "tone",
]

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """A clip that has not been rendered yet, with its truth.

    Attributes:
        name: Stem of the file that :func:`avgen_bench.factory.render.render` writes.
        picture: From a frame's index to its pixels; pure, so that frames may be drawn in any order.
        sound: The track, or None for a clip without one.
        truth: What is so by construction, as plain JSON values.
    """

    name: str
    width: int
    height: int
    fps: float
    duration_s: float
    picture: Callable[[int], Picture]
    sound: Sound | None
    rate_hz: int = 48000
    truth: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"Scene.name is {self.name!r}; expected a file stem")
        if self.width < 2 or self.height < 2 or self.width % 2 or self.height % 2:
            raise ValueError(f"Scene is {self.width}x{self.height}; expected even sides (4:2:0 colour)")
        if not self.fps > 0 or not self.duration_s > 0:
            raise ValueError(f"Scene has fps {self.fps!r}, duration_s {self.duration_s!r}; expected positive numbers")
        if self.sound is not None and self.sound.ndim != 2:
            raise ValueError(f"Scene.sound has shape {self.sound.shape}; expected (channels, samples)")

    @property
    def frames(self) -> int:
        """Number of frames, at least 1."""
        return max(1, round(self.duration_s * self.fps))


# --------------------------------------------------------------------------- picture


def colored_noise(width: int, height: int, seed: int, *, slope: float = 1.0) -> NDArray[np.float32]:
    """Periodic noise (height, width), zero mean and unit deviation, with amplitude falling as 1 / frequency ** slope.

    Natural pictures have a slope near 1 (Field 1987, J. Opt. Soc. Am. A 4); 0 is white.
    """
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(generator.standard_normal((height, width), dtype=np.float32))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    radius[0, 0] = 1.0
    spectrum *= radius**-slope
    spectrum[0, 0] = 0.0
    plane = np.fft.irfft2(spectrum, s=(height, width))
    return (plane / max(float(plane.std()), 1e-9)).astype(np.float32)


def textured(
    width: int, height: int, seed: int, *, color: Color = (128, 120, 110), contrast: float = 22.0, slope: float = 1.0
) -> Picture:
    """A surface of ``color`` with natural-looking mottling of ``contrast`` grey levels (deviation)."""
    bright = colored_noise(width, height, seed, slope=slope) * contrast
    tint = colored_noise(width, height, seed + 1, slope=slope + 0.5) * (contrast * 0.25)
    planes = [color[0] + bright + tint, color[1] + bright, color[2] + bright - tint]
    return quantized(np.stack(planes, axis=-1))


def planks(width: int, height: int, seed: int, *, color: Color = (150, 108, 70), plank_px: int = 40) -> Picture:
    """A wooden surface: boards ``plank_px`` high with grain, knots and gaps."""
    generator = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(generator.standard_normal((height, width)).astype(np.float32), (0, 0), 14.0, sigmaY=0.8)
    grain = grain / np.float32(grain.std())
    mottling = colored_noise(width, height, seed + 1, slope=1.2)
    rows = np.arange(height)
    board = rows // plank_px
    tone_of_board = generator.normal(0.0, 9.0, size=int(board[-1]) + 1)[board][:, None]
    light_ = 12.0 * grain + 6.0 * mottling + tone_of_board
    edge = rows % plank_px
    light_ -= np.where(edge < 2, 55.0, 0.0)[:, None] - np.where(edge == 2, 14.0, 0.0)[:, None]
    for index in range(int(board[-1]) + 1):  # one butt joint for each board
        x = int(generator.integers(8, max(9, width - 8)))
        light_[index * plank_px : (index + 1) * plank_px, x : x + 2] -= 45.0
    scale = np.array([1.0, 0.9, 0.75], dtype=np.float32)
    return quantized(np.array(color, dtype=np.float32) + light_[..., None] * scale)


def quantized(values: NDArray[Any]) -> Picture:
    """Values rounded and clipped to 0..255, as uint8."""
    rounded: Picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def light(picture: Picture, *, x: float = 0.3, y: float = 0.1, strength: float = 0.45) -> Picture:
    """The picture lit from the point (x, y) given as shares of its sides; the far end keeps ``1 - strength``."""
    height, width = picture.shape[:2]
    dx = (np.arange(width, dtype=np.float32) / width - x)[None, :]
    dy = (np.arange(height, dtype=np.float32) / height - y)[:, None]
    gain = 1.0 - strength * np.clip(np.hypot(dx, dy), 0.0, 1.0)
    return quantized(picture * gain[..., None])


def ball(radius_px: float, *, color: Color = (200, 60, 40), seed: int | None = None) -> Picture:
    """An RGBA sprite of a lit ball, shape (side, side, 4); with a seed its skin is mottled, so that it has texture."""
    side = 2 * (math.ceil(radius_px) + 2) + 1
    axis = np.arange(side, dtype=np.float32) - (side - 1) / 2
    x, y = np.meshgrid(axis / radius_px, axis / radius_px)
    z = np.sqrt(np.clip(1.0 - x * x - y * y, 0.0, 1.0))
    diffuse = np.clip(-0.45 * x - 0.6 * y + 0.66 * z, 0.0, 1.0)
    skin = np.full((side, side), 0.25, dtype=np.float32) + 0.85 * diffuse
    if seed is not None:
        skin *= 1.0 + 0.13 * np.clip(colored_noise(side, side, seed, slope=0.8), -2.0, 2.0)
    shine = 150.0 * np.clip(diffuse, 0.0, 1.0) ** 24
    rgb = np.array(color, dtype=np.float32) * skin[..., None] + shine[..., None]
    cover = np.clip((1.0 - np.hypot(x, y)) * radius_px + 0.5, 0.0, 1.0) * 255.0
    return quantized(np.dstack([rgb, cover]))


def box(width_px: int, height_px: int, *, color: Color = (110, 110, 125), seed: int | None = None) -> Picture:
    """An RGBA sprite of a lit block, shape (height + 4, width + 4, 4); with a seed its faces are mottled."""
    rgb = np.tile(np.array(color, dtype=np.float32), (height_px + 4, width_px + 4, 1))
    rgb = rgb * np.linspace(1.15, 0.8, height_px + 4, dtype=np.float32)[:, None, None]
    rgb[:5] *= 1.25
    rgb[:, -5:] *= 0.75
    if seed is not None:
        rgb *= (1.0 + 0.09 * colored_noise(width_px + 4, height_px + 4, seed, slope=0.8))[..., None]
    cover = np.zeros(rgb.shape[:2], dtype=np.float32)
    cover[2:-2, 2:-2] = 255.0
    return quantized(np.dstack([rgb, cover]))


def shadow(radius_x_px: float, radius_y_px: float, *, depth: float = 0.6) -> Picture:
    """An RGBA sprite of a soft black ellipse that covers ``depth`` of what lies under its middle."""
    half_x, half_y = math.ceil(radius_x_px * 1.4), math.ceil(radius_y_px * 1.4)
    x, y = np.meshgrid(np.arange(-half_x, half_x + 1) / radius_x_px, np.arange(-half_y, half_y + 1) / radius_y_px)
    cover = depth * 255.0 * np.clip(1.4 - np.hypot(x, y), 0.0, 1.0)
    sprite = np.zeros((*cover.shape, 4), dtype=np.float32)
    sprite[..., 3] = cover
    return quantized(sprite)


def paste(
    picture: Picture, sprite: Picture, x: float, y: float, *, angle_deg: float = 0.0, opacity: float = 1.0
) -> None:
    """Draw an RGBA sprite into ``picture`` in place, its centre at (x, y), to a fraction of a pixel."""
    height, width = sprite.shape[:2]
    reach = math.ceil(math.hypot(height, width) / 2) if angle_deg else max(height, width) // 2
    side = 2 * reach + 3
    left, top = math.floor(x) - reach - 1, math.floor(y) - reach - 1
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, picture.shape[1]), min(top + side, picture.shape[0])
    if x0 >= x1 or y0 >= y1 or opacity <= 0.0:
        return
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1.0)
    matrix[:, 2] += (x - left - (width - 1) / 2, y - top - (height - 1) / 2)
    placed = cv2.warpAffine(sprite, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    placed = placed[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
    cover = placed[..., 3:] * (opacity / 255.0)
    under = picture[y0:y1, x0:x1]
    under[:] = quantized(under + (placed[..., :3] - under) * cover)


# --------------------------------------------------------------------------- sound


def silence(duration_s: float, rate_hz: int, *, channels: int = 1) -> Sound:
    """Digital silence, shape (channels, samples)."""
    track: Sound = np.zeros((channels, round(duration_s * rate_hz)), dtype=np.float32)
    return track


def tone(hz: float, duration_s: float, rate_hz: int, *, amplitude: float = 0.25, phase: float = 0.0) -> Sound:
    """A steady sine, 1-d, with 5 ms ramps at both ends."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    ramp = np.clip(np.minimum(t, t[::-1]) / 0.005, 0.0, 1.0) if t.size else t
    return (amplitude * ramp * np.sin(2 * math.pi * hz * t + phase)).astype(np.float32)


def note(hz: float, duration_s: float, rate_hz: int, *, amplitude: float = 0.2, decay_s: float = 0.35) -> Sound:
    """A plucked note, 1-d: six harmonics, 8 ms attack, exponential decay; higher harmonics die sooner."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    out = np.zeros_like(t)
    for harmonic in range(1, 7):
        if hz * harmonic < 0.45 * rate_hz:
            fall = np.exp(-t * harmonic**0.6 / decay_s)
            out += fall * np.sin(2 * math.pi * hz * harmonic * t) / harmonic**1.4
    if t.size:
        out *= np.clip(t / 0.008, 0.0, 1.0) * np.clip(t[::-1] / 0.01, 0.0, 1.0)
    return (amplitude * out).astype(np.float32)


def noise(
    duration_s: float, rate_hz: int, seed: int, *, rms: float = 0.01, slope: float = 0.0, low_hz: float = 20.0
) -> Sound:
    """Steady noise, 1-d, of the given rms: amplitude falls as 1 / frequency ** slope (0 white, 0.5 pink, 1 brown)."""
    samples = round(duration_s * rate_hz)
    if samples < 2:
        return np.zeros(samples, dtype=np.float32)
    size = 1 << (samples - 1).bit_length()  # a power of two keeps the transform fast at every length
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size, dtype=np.float32))
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    spectrum *= np.where(hz < low_hz, 0.0, np.maximum(hz, 1e-9) ** -slope)
    out = np.fft.irfft(spectrum, n=size)[:samples]
    return (out * (rms / max(float(np.sqrt(np.mean(out**2))), 1e-12))).astype(np.float32)


_MODES = {  # partials in Hz, decay of the lowest in s, share of the noisy click: chosen by ear class, not measured
    "wood": ((320.0, 710.0, 1240.0, 2150.0), 0.05, 0.55),
    "metal": ((870.0, 1932.0, 3110.0, 4560.0, 6900.0), 0.35, 0.25),
    "glass": ((1650.0, 3420.0, 5300.0, 8200.0), 0.16, 0.3),
    "rubber": ((95.0, 188.0, 310.0), 0.09, 0.35),
    "clap": ((900.0, 1500.0), 0.012, 1.2),
}


def impact(kind: str, rate_hz: int, seed: int, *, amplitude: float = 0.5) -> Sound:
    """A struck sound, 1-d, that begins with its first sample: decaying partials and a short click; peak = amplitude.

    ``kind`` is ``wood``, ``metal``, ``glass``, ``rubber`` or ``clap``.
    """
    if kind not in _MODES:
        raise ValueError(f"impact kind is {kind!r}; expected one of {sorted(_MODES)}")
    partials, decay_s, click = _MODES[kind]
    generator = np.random.default_rng(seed)
    samples = round(min(1.2, 6 * decay_s + 0.05) * rate_hz)
    t = np.arange(samples) / rate_hz
    out = np.zeros(samples)
    for index, hz in enumerate(partials):
        hz = hz * float(generator.uniform(0.97, 1.03))
        if hz < 0.45 * rate_hz:
            fall = np.exp(-t / (decay_s / (1 + 0.5 * index)))
            out += float(generator.uniform(0.6, 1.0)) * fall * np.cos(2 * math.pi * hz * t) / (1 + 0.4 * index)
    out += click * generator.standard_normal(samples) * np.exp(-t / 0.006)
    out *= np.clip(t[::-1] / 0.01, 0.0, 1.0)
    return (amplitude * out / max(float(np.abs(out).max()), 1e-9)).astype(np.float32)


def mix(track: Sound, sound: Sound, at_s: float, rate_hz: int, *, gain: float = 1.0, pan: float = 0.0) -> None:
    """Add a 1-d sound to ``track`` (channels, samples) in place from ``at_s`` on; what falls outside is lost.

    ``pan`` from -1 (left) to 1 (right) matters for two channels only.
    """
    start = round(at_s * rate_hz)
    skip = max(0, -start)
    end = min(start + sound.size, track.shape[1])
    if start + skip >= end:
        return
    piece = sound[skip : end - start] * np.float32(gain)
    if track.shape[0] == 2:
        track[0, start + skip : end] += piece * np.float32(min(1.0, 1.0 - pan))
        track[1, start + skip : end] += piece * np.float32(min(1.0, 1.0 + pan))
    else:
        track[:, start + skip : end] += piece


def shift_sound(track: Sound, offset_s: float, rate_hz: int) -> Sound:
    """The track moved by ``offset_s`` (positive = later) with silence where nothing is; same length."""
    out = np.zeros_like(track)
    shift = round(offset_s * rate_hz)
    if abs(shift) < track.shape[1]:
        if shift >= 0:
            out[:, shift:] = track[:, : track.shape[1] - shift]
        else:
            out[:, :shift] = track[:, -shift:]
    return out
