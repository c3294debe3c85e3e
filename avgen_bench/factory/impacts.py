"""Scenes with impacts that are seen and heard at known times.

A body strikes at irregular moments (gaps of 0.4 to 1.3 s, so that no lag but the true one fits) and every strike makes
a sound. Around that, each nuisance can be added alone: a moving camera, a second body that changes its course at
moments of its own, sound that belongs to nothing in the picture, and the texture of the background. The moment of a
strike falls anywhere between two frames.

``truth`` holds ``impacts_s`` (as seen), ``offset_ms`` (positive: the sound is late) and the settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.scene import (
    Scene,
    ball,
    box,
    colored_noise,
    impact,
    mix,
    noise,
    paste,
    planks,
    quantized,
    shift_sound,
    silence,
    textured,
    tone,
)

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Sound = NDArray[np.float32]
    Draw = Callable[[Picture, float, float, float], None]
else:
    np = lazy("numpy")
    cv2 = lazy("cv2")

__all__ = ["BACKGROUND_SOUNDS", "CAMERAS", "DISTRACTORS", "KINDS", "TEXTURES", "TIMBRES", "impact_scene"]

KINDS = ("ball", "hammer", "blocks", "stick", "hopper", "crates", "slider", "mallet")
CAMERAS = ("still", "pan", "shake")
DISTRACTORS = ("none", "swing", "wander")
BACKGROUND_SOUNDS = ("none", "noise", "tone", "chatter")
TEXTURES = ("mottled", "bricks", "planks", "smooth", "dots", "rough")
TIMBRES = ("wood", "metal", "rubber", "clap", "glass")

_MARGIN_PX = 96  # how far the background goes on beyond each edge
_RATE_HZ = 48000


def _texture(kind: str, width: int, height: int, seed: int) -> Picture:
    """The background, (height, width, 3)."""
    if kind == "mottled":
        return textured(width, height, seed, contrast=20.0)
    if kind == "planks":
        return planks(width, height, seed)
    if kind == "smooth":
        return textured(width, height, seed, color=(150, 160, 170), contrast=12.0, slope=2.0)
    if kind == "rough":
        return textured(width, height, seed, color=(90, 110, 80), contrast=30.0, slope=0.6)
    plane = textured(width, height, seed, color=(140, 92, 74), contrast=10.0).astype(np.float32)
    y, x = np.mgrid[0:height, 0:width]
    if kind == "bricks":
        row = y // 24
        joint = (y % 24 < 3) | ((x + 28 * (row % 2)) % 56 < 3)
        plane[joint] = (175.0, 168.0, 160.0)
        return quantized(plane)
    generator = np.random.default_rng(seed)  # dots
    spots = cv2.GaussianBlur((generator.random((height, width)) > 0.997).astype(np.float32), (0, 0), 4.0)
    return quantized(plane + (spots > 0.006)[..., None] * np.array([70.0, 80.0, 40.0], dtype=np.float32))


def _smooth(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * (3.0 - 2.0 * u)


def _blow(t: float, before: float, after: float, strike_s: float) -> float:
    """Height 0..1 of a tool that strikes at both ends: rests 60 ms, is raised, hangs, and comes down ever faster."""
    if after - t < strike_s:
        u = 1.0 - (after - t) / strike_s
        return 1.0 - u * u
    raised_by = after - strike_s - 0.05
    return _smooth((t - before - 0.06) / max(raised_by - before - 0.06, 0.05))


def _mover(kind: str, seed: int, width: int, height: int, impacts: list[float]) -> Draw:
    """What draws the striking body when given (picture, camera x, camera y, time)."""
    generator = np.random.default_rng([seed, 1])
    x0 = float(generator.uniform(0.3, 0.6)) * width
    floor = float(generator.uniform(0.72, 0.86)) * height
    size = float(generator.uniform(0.8, 1.25))
    tint = [int(v) for v in generator.integers(60, 210, 3)]
    color = (tint[0], tint[1], tint[2])

    def around(t: float) -> tuple[float, float]:
        before = [s for s in impacts if s <= t]
        after = [s for s in impacts if s > t]
        first = before[-1] if before else impacts[0] - 1.0
        return first, after[0] if after else impacts[-1] + 1.8

    if kind == "ball":
        sprite = ball(17 * size, color=color, seed=seed)
        drift = float(generator.uniform(-9.0, 9.0))

        def draw(picture: Picture, cx: float, cy: float, t: float) -> None:
            a, b = around(t)
            u = (t - a) / (b - a)
            top = min(0.55 * height, 1000.0 * (b - a) ** 2 / 8)
            paste(picture, sprite, x0 + drift * t - cx, floor - 17 * size - 4 * top * u * (1 - u) - cy)

    elif kind == "hopper":
        body = box(int(32 * size), int(30 * size), color=color, seed=seed)
        places_px = generator.uniform(0.12, 0.88, len(impacts) + 2) * width

        def draw(picture: Picture, cx: float, cy: float, t: float) -> None:
            a, b = around(t)
            u, number = (t - a) / (b - a), sum(s <= t for s in impacts)
            x = places_px[number] + u * (places_px[number + 1] - places_px[number])
            top = min(0.5 * height, 1000.0 * (b - a) ** 2 / 8)
            paste(picture, body, float(x) - cx, floor - 15 * size - 4 * top * u * (1 - u) - cy)

    elif kind in ("hammer", "mallet"):
        rest_s = float(generator.uniform(0.15, 0.35))

        def raised(t: float, a: float, b: float) -> float:
            if kind == "hammer" or b - t < 0.16:
                return _blow(t, a, b, 0.16)
            # a mallet lies where it struck, and is then drawn back as abruptly as it came
            return min(1.0, max(0.0, (t - a - min(rest_s, 0.4 * (b - a))) / 0.12))

        arm, head = (
            box(int(92 * size), 9, color=(150, 110, 60), seed=seed),
            box(int(24 * size), int(40 * size), color=color),
        )

        def draw(picture: Picture, cx: float, cy: float, t: float) -> None:
            angle = 48.0 * raised(t, *around(t))
            reach, rad = 92 * size, math.radians(angle)
            px, py = x0 - 0.5 * reach, floor - 18
            paste(
                picture,
                arm,
                px + 0.5 * reach * math.cos(rad) - cx,
                py - 0.5 * reach * math.sin(rad) - cy,
                angle_deg=angle,
            )
            paste(picture, head, px + reach * math.cos(rad) - cx, py - reach * math.sin(rad) - cy, angle_deg=angle)

    elif kind == "blocks":
        block = box(int(30 * size), int(56 * size), color=color, seed=seed)

        def draw(picture: Picture, cx: float, cy: float, t: float) -> None:
            apart = 15 * size + 46 * _blow(t, *around(t), 0.16)
            paste(picture, block, x0 - apart - cx, floor - 60 - cy)
            paste(picture, block, x0 + apart - cx, floor - 60 - cy)

    elif kind == "stick":
        stick = box(int(110 * size), 10, color=color, seed=seed)
        drum = box(int(80 * size), 34, color=(120, 40, 50), seed=seed + 1)

        def draw(picture: Picture, cx: float, cy: float, t: float) -> None:
            a, b = around(t)
            u = (t - a) / (b - a)
            angle = 34.0 * (4 * u * (1 - u)) ** 0.8
            reach, rad = 110 * size, math.radians(angle)
            px = x0 - 0.6 * reach
            paste(picture, drum, px + 0.9 * reach - cx, floor + 22 - cy)
            paste(
                picture,
                stick,
                px + 0.5 * reach * math.cos(rad) - cx,
                floor - 0.5 * reach * math.sin(rad) - cy,
                angle_deg=angle,
            )

    elif kind == "crates":
        crate = box(int(30 * size), int(28 * size), color=color, seed=seed)
        places = generator.permutation(len(impacts))
        step = 0.8 * width / len(impacts)

        def draw(picture: Picture, cx: float, cy: float, t: float) -> None:
            for landing, place in zip(impacts, places, strict=True):
                ahead = landing - t
                y = floor - 14 * size - (1100.0 * max(ahead, 0.0) ** 2 / 2 + 160.0 * max(ahead, 0.0))
                if y > -40:
                    paste(picture, crate, 0.1 * width + step * (0.5 + float(place)) - cx, y - cy)

    elif kind == "slider":
        body, post = box(int(36 * size), int(44 * size), color=color, seed=seed), box(14, 70, color=(70, 70, 78))
        half = 0.16 * width

        def draw(picture: Picture, cx: float, cy: float, t: float) -> None:
            a, b = around(t)
            side = 1 if sum(s <= t for s in impacts) % 2 else -1
            # it rests where it struck, then is pushed over, ever faster, and stops dead at the other post
            u = max(0.0, 1.0 - (b - t) / min(0.4, 0.7 * (b - a))) ** 2
            for way in (-1, 1):
                paste(picture, post, x0 + way * (half + 18 * size + 9) - cx, floor - 35 - cy)
            paste(picture, body, x0 + side * half * (1 - 2 * u) - cx, floor - 22 * size - cy)

    else:
        raise FactoryError(f"impact kind is {kind!r}; expected one of {KINDS}")
    return draw


def _camera(kind: str, seed: int) -> Callable[[float], tuple[float, float]]:
    """The camera's shift in pixels at a time, within the margin."""
    generator = np.random.default_rng([seed, 2])
    if kind == "still":
        return lambda t: (0.0, 0.0)
    if kind == "pan":
        speed, phase = float(generator.uniform(0.6, 1.1)), float(generator.uniform(0.0, 6.28))
        return lambda t: (55.0 * math.sin(speed * t + phase), 14.0 * math.sin(0.7 * speed * t))
    if kind == "shake":
        hz, phases = generator.uniform(0.7, 5.0, (2, 5)), generator.uniform(0.0, 6.28, (2, 5))
        sizes = 5.0 / hz

        def shake(t: float) -> tuple[float, float]:
            x, y = (sizes * np.sin(2 * math.pi * hz * t + phases)).sum(axis=1)
            return float(x), float(y)

        return shake
    raise FactoryError(f"camera is {kind!r}; expected one of {CAMERAS}")


def _distractor(kind: str, seed: int, width: int, height: int, duration_s: float) -> Draw | None:
    """What draws a second body that moves for itself in the upper part of the picture."""
    generator = np.random.default_rng([seed, 3])
    if kind == "none":
        return None
    if kind == "swing":
        bob, hz = ball(13, color=(220, 200, 60), seed=seed), float(generator.uniform(0.5, 0.9))

        def swing(picture: Picture, cx: float, cy: float, t: float) -> None:
            paste(picture, bob, 0.82 * width + 55 * math.sin(2 * math.pi * hz * t) - cx, 0.2 * height - cy)

        return swing
    if kind == "wander":
        bob = box(30, 26, color=(70, 160, 200), seed=seed)
        turns = np.cumsum(generator.uniform(0.3, 1.2, 64))
        turns = np.concatenate([[0.0], turns[turns < duration_s], [duration_s + 1.0]])
        places = generator.uniform((0.68 * width, 0.08 * height), (0.94 * width, 0.4 * height), (turns.size, 2))

        def wander(picture: Picture, cx: float, cy: float, t: float) -> None:
            paste(picture, bob, np.interp(t, turns, places[:, 0]) - cx, np.interp(t, turns, places[:, 1]) - cy)

        return wander
    raise FactoryError(f"distractor is {kind!r}; expected one of {DISTRACTORS}")


def _background_sound(kind: str, seed: int, duration_s: float) -> Sound:
    """One channel that belongs to nothing in the picture."""
    if kind == "none":
        quiet: Sound = silence(duration_s, _RATE_HZ)[0]
        return quiet
    if kind == "noise":
        return noise(duration_s, _RATE_HZ, seed, rms=0.02, slope=0.5)
    if kind == "tone":
        chord: Sound = tone(330.0, duration_s, _RATE_HZ, amplitude=0.05)
        chord += tone(495.0, duration_s, _RATE_HZ, amplitude=0.03)
        return chord
    if kind == "chatter":
        # noise under an envelope that rises and falls about four times a second, as syllables do
        carrier = noise(duration_s, _RATE_HZ, seed, rms=0.03, slope=0.5, low_hz=150.0)
        knots = np.exp(np.random.default_rng([seed, 4]).normal(0.0, 0.9, int(duration_s * 8) + 3))
        envelope = np.interp(np.arange(carrier.size) / _RATE_HZ, np.arange(knots.size) / 8.0, knots)
        chatter: Sound = (carrier * envelope / np.sqrt(np.mean(envelope**2))).astype(np.float32)
        return chatter
    raise FactoryError(f"background sound is {kind!r}; expected one of {BACKGROUND_SOUNDS}")


def impact_scene(
    kind: str,
    seed: int,
    *,
    camera: str = "still",
    distractor: str = "none",
    background_sound: str = "none",
    texture: str = "mottled",
    timbre: str = "wood",
    offset_ms: float = 0.0,
    width: int = 480,
    height: int = 270,
    fps: float = 24.0,
    duration_s: float = 8.0,
) -> Scene:
    """A clip with some eight visible and audible strikes; ``offset_ms`` > 0 makes the sound late.

    Raises:
        FactoryError: an unknown kind, camera, distractor, background sound, texture or timbre.
    """
    for name, value, known in (("texture", texture, TEXTURES), ("timbre", timbre, TIMBRES)):
        if value not in known:
            raise FactoryError(f"{name} is {value!r}; expected one of {known}")
    generator = np.random.default_rng([seed, 0])
    times = np.cumsum(np.concatenate([[generator.uniform(0.5, 0.9)], generator.uniform(0.4, 1.3, 200)]))
    impacts: list[float] = times[times < duration_s - 0.3].tolist()
    if not impacts:
        raise FactoryError(f"duration_s is {duration_s!r}; expected 1.2 s or more, so that something strikes")
    canvas = _texture(texture, width + 2 * _MARGIN_PX, height + 2 * _MARGIN_PX, seed)
    drawer, move = _mover(kind, seed, width, height, impacts), _camera(camera, seed)
    extra = _distractor(distractor, seed, width, height, duration_s)
    grain = np.rint(1.5 * colored_noise(width, height, seed + 7, slope=0.0)).astype(np.int16)[..., None]

    def picture(index: int) -> Picture:
        t = index / fps
        cx, cy = move(t)
        matrix = np.array([[1, 0, -(cx + _MARGIN_PX)], [0, 1, -(cy + _MARGIN_PX)]], dtype=np.float32)
        frame: Any = cv2.warpAffine(
            canvas, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        if extra is not None:
            extra(frame, cx, cy, t)
        drawer(frame, cx, cy, t)
        # sensor grain, fresh in each frame: the one field, rolled by an amount that does not repeat soon
        rolled = np.roll(grain, (index * 37 % height, index * 101 % width), axis=(0, 1))
        grainy: Picture = np.clip(frame + rolled, 0, 255).astype(np.uint8)
        return grainy

    track = silence(duration_s, _RATE_HZ)
    strength = generator.uniform(0.35, 0.6, len(impacts))
    for number, (at_s, amplitude) in enumerate(zip(impacts, strength, strict=True)):
        mix(track, impact(timbre, _RATE_HZ, seed * 64 + number, amplitude=float(amplitude)), at_s, _RATE_HZ)
    track = shift_sound(track, offset_ms / 1000.0, _RATE_HZ)
    track[0] += _background_sound(background_sound, seed, duration_s)[: track.shape[1]]
    return Scene(
        name=f"impact_{kind}_{seed}",
        width=width,
        height=height,
        fps=fps,
        duration_s=duration_s,
        picture=picture,
        sound=np.clip(track, -1.0, 1.0),
        rate_hz=_RATE_HZ,
        truth={
            "impacts_s": impacts,
            "offset_ms": offset_ms,
            "kind": kind,
            "camera": camera,
            "distractor": distractor,
            "background_sound": background_sound,
            "texture": texture,
            "timbre": timbre,
        },
    )
