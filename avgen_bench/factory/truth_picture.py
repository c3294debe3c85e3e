"""Clips whose shots, speed of motion, light and colours are known.

A world is drawn at its own time: at a factor of 0.25 its bodies and its camera move a quarter as far from frame to
frame, as if filmed at a higher rate. Shots are worlds of different seeds joined by hard cuts, dissolves or fades.
Colours are painted as surfaces with texture and light. The splits share no texture, way of moving, palette or seed; the
test palette takes its colours from CSS (W3C *CSS Color Module Level 4*, 6.1) wherever that has one of the name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.scene import Scene, ball, box, colored_noise, light, paste, planks, quantized, textured
from avgen_bench.factory.truth import NOMINAL, SPLITS, Case
from avgen_bench.types import Constraint

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Loose = NDArray[Any]
    Draw = Callable[[float], Picture]
    Generator = np.random.Generator
else:
    np = lazy("numpy")
    cv2 = lazy("cv2")

__all__ = ["KINDS", "MOTIONS", "PALETTES", "cases"]

KINDS = (
    "shot_count",
    "cut_order",
    "playing_speed",
    "brightness_trend",
    "colour_trend",
    "dominant_colour",
    "ends_on_colour",
)
WIDTH, HEIGHT, FPS = 480, 270, 24.0
NOMINAL_SHARE = 0.6

Colour = tuple[int, int, int]
PALETTES: dict[str, dict[str, tuple[Colour, ...]]] = {
    "calibration": {
        "black": ((8, 8, 10), (22, 20, 22)),
        "white": ((250, 250, 248), (238, 240, 242)),
        "grey": ((128, 128, 128), (90, 92, 96), (170, 170, 168)),
        "red": ((200, 16, 32), (160, 20, 24), (230, 40, 40)),
        "orange": ((240, 130, 20), (225, 105, 10), (250, 150, 60)),
        "yellow": ((245, 215, 30), (230, 190, 20), (250, 230, 90)),
        "green": ((40, 140, 60), (90, 170, 60), (20, 90, 40)),
        "blue": ((30, 80, 190), (60, 130, 220), (20, 40, 120)),
        "purple": ((110, 40, 150), (140, 80, 180), (80, 20, 110)),
        "pink": ((245, 150, 190), (235, 100, 160), (250, 190, 205)),
        "brown": ((110, 65, 30), (90, 50, 25), (140, 95, 60)),
    },
    "test": {
        "black": ((0, 0, 0), (14, 12, 10)),
        "white": ((245, 245, 245), (255, 250, 250), (244, 246, 250)),
        "grey": ((105, 105, 105), (150, 150, 154), (70, 70, 70)),
        "red": ((220, 20, 60), (178, 34, 34), (139, 0, 0)),
        "orange": ((255, 140, 0), (255, 165, 0), (216, 100, 24)),
        "yellow": ((255, 215, 0), (240, 205, 60), (252, 236, 120)),
        "green": ((0, 128, 0), (60, 179, 113), (34, 139, 34), (85, 107, 47)),
        "blue": ((65, 105, 225), (70, 130, 180), (30, 144, 255), (10, 30, 90)),
        "purple": ((128, 0, 128), (147, 112, 219), (90, 50, 140)),
        "pink": ((255, 182, 193), (255, 105, 180), (230, 140, 160)),
        "brown": ((139, 69, 19), (160, 82, 45), (100, 70, 45)),
    },
}
MOTIONS = {
    "calibration": ("march", "swing", "pan", "bounce", "orbit"),
    "test": ("stream", "spin", "dolly", "crowd", "weave", "tilt"),
}
TEXTURES = {"calibration": ("mottled", "planks", "rough"), "test": ("bricks", "dots", "fine", "smooth")}


def cases(kind: str, split: str, count: int, seed: int) -> Iterator[Case]:
    """``count`` cases, obeying and breaking in turn; most are nominal, the others hard in one way each.

    Raises:
        FactoryError: not a kind of this module.
    """
    if kind not in KINDS:
        raise FactoryError(f"kind is {kind!r}; expected one of {KINDS}")
    for number in range(count):
        generator = np.random.default_rng([seed, SPLITS.index(split), KINDS.index(kind), number])
        pair = number // 2
        hard = _HARD[kind]
        nominal = (pair % 5) < round(5 * NOMINAL_SHARE)
        nuisance, level = (NOMINAL, 0.0) if nominal else hard[(pair // 5 * 2 + pair % 5 - 3) % len(hard)]
        yield _MAKE[kind](f"{kind}-{split}-{seed}-{number}", split, generator, number % 2 == 0, nuisance, level)


# --------------------------------------------------------------------------- worlds


def _pick(generator: Generator, values: Any) -> Any:
    return values[int(generator.integers(len(values)))]


def _surface(texture: str, width: int, height: int, seed: int, colour: Colour) -> Picture:
    """A periodic surface of a colour; its texture changes how light it is, not its hue."""
    if texture == "planks":
        return planks(width, height, seed, color=colour)
    if texture == "bricks":
        plane = textured(width, height, seed, color=colour, contrast=9.0).astype(np.float32)
        y, x = np.mgrid[0:height, 0:width]
        joint = (y % 22 < 3) | ((x + 26 * (y // 22 % 2)) % 52 < 3)
        plane[joint] = plane[joint] * 0.6 + 40.0
        return quantized(plane)
    if texture == "dots":
        plane = textured(width, height, seed, color=colour, contrast=8.0).astype(np.float32)
        seeds = np.random.default_rng(seed).random((height, width)) > 0.9975
        spots = cv2.GaussianBlur(seeds.astype(np.float32), (0, 0), 3.5, borderType=cv2.BORDER_REFLECT)
        return quantized(plane * (1.0 - 0.45 * (spots > 0.004)[..., None]))
    contrast, slope = {"mottled": (20.0, 1.0), "rough": (26.0, 0.6), "fine": (16.0, 0.8), "smooth": (14.0, 1.7)}[
        texture
    ]
    return textured(width, height, seed, color=colour, contrast=contrast, slope=slope)


def _any_colour(generator: Generator) -> Colour:
    return tuple(int(v) for v in generator.integers(50, 200, 3))  # type: ignore[return-value]


def _world(
    split: str, generator: Generator, *, motion: str = "", speed: float = 0.0, colour: Colour | None = None
) -> Draw:
    """A picture for each moment of the world's own time; ``speed`` in picture heights per second."""
    motion = motion or str(_pick(generator, MOTIONS[split]))
    speed = speed or float(generator.uniform(0.15, 0.5))
    texture = str(_pick(generator, TEXTURES[split]))
    base = colour or _any_colour(generator)
    seed = int(generator.integers(1 << 30)) * 2 + SPLITS.index(split)
    tints = [_any_colour(generator) for _ in range(3)]
    places = generator.uniform(0.0, 1.0, (40, 3))
    heading = float(generator.uniform(0.0, 2 * math.pi))

    @cache
    def parts() -> tuple[Picture, list[Picture]]:
        canvas = _surface(texture, 2 * WIDTH, 2 * HEIGHT, seed, base)
        sprites = []
        for index, tint in enumerate(tints):
            size = 0.11 + 0.08 * float(places[index, 2])
            if split == "calibration":
                sprites.append(ball(size * HEIGHT, color=tint, seed=seed % 9973 + index))
            else:
                side = int(2 * size * HEIGHT)
                sprites.append(box(side, int(side * 0.8), color=tint, seed=seed % 9973 + index))
        return canvas, sprites

    def background(x: float, y: float, zoom: float = 1.0) -> Picture:
        matrix = np.array(
            [[1 / zoom, 0, x + (1 - 1 / zoom) * WIDTH / 2], [0, 1 / zoom, y + (1 - 1 / zoom) * HEIGHT / 2]], np.float32
        )
        return _warped(parts()[0], matrix, inverse=True, border=cv2.BORDER_WRAP)

    def draw(t: float) -> Picture:
        _, sprites = parts()
        way = speed * t * HEIGHT
        if motion in ("pan", "tilt"):
            angle = heading if motion == "pan" else math.pi / 2
            frame = background(way * math.cos(angle), way * math.sin(angle))
            if motion == "tilt":
                return frame
            paste(frame, sprites[0], 0.5 * WIDTH, 0.6 * HEIGHT)
            return frame
        if motion == "dolly":  # in and out again; the mean distance of a point from the middle is some half a height
            turn = (speed * t / 0.5) % 1.8
            return background(0.0, 0.0, math.exp(min(turn, 1.8 - turn)))
        frame = background(0.0, 0.0)
        if motion == "march":
            for index in range(4):
                x = (places[index, 0] * 1.4 * WIDTH + way) % (1.4 * WIDTH) - 0.2 * WIDTH
                paste(frame, sprites[index % 3], float(x), (0.2 + 0.2 * index) * HEIGHT)
        elif motion == "crowd":
            for index in range(5):
                y = (places[index, 0] * 1.5 * HEIGHT + way) % (1.5 * HEIGHT) - 0.25 * HEIGHT
                bob = 0.02 * HEIGHT * math.sin(way / (0.09 * HEIGHT) + 6 * places[index, 1])
                paste(frame, sprites[index % 3], (0.1 + 0.2 * index) * WIDTH + bob, float(y))
        elif motion == "swing":
            reach = 0.3
            turn = way / HEIGHT / reach * (math.pi / 2)  # mean speed of a sine is 2/pi of its greatest
            for index in range(2):
                x = (0.3 + 0.4 * index) * WIDTH + reach * HEIGHT * math.sin(turn + index)
                paste(frame, sprites[index], x, (0.35 + 0.3 * index) * HEIGHT)
        elif motion == "bounce":
            for index in range(3):
                u = (speed * t / (0.9 + 0.2 * places[index, 2]) + places[index, 0]) % 1.0
                paste(frame, sprites[index], (0.2 + 0.3 * index) * WIDTH, HEIGHT * (0.8 - 2.0 * u * (1 - u)))
        elif motion in ("orbit", "weave"):
            radius = 0.27
            turn = speed * t / radius
            for index in range(3):
                angle = turn + 2.1 * index + heading
                x, y = math.cos(angle), math.sin(angle if motion == "orbit" else 0.61 * angle + heading)
                paste(frame, sprites[index], WIDTH / 2 + 1.4 * radius * HEIGHT * x, HEIGHT * (0.5 + radius * y))
        elif motion == "spin":
            angle = math.degrees(speed * t / 0.25)
            disc = _disc(seed % 9973, tints[0])
            paste(frame, disc, 0.5 * WIDTH, 0.5 * HEIGHT, angle_deg=angle)
        elif motion == "stream":
            grain = _resized(sprites[0], 22, 22)
            for place in places:
                y = (place[0] * 1.2 * HEIGHT + way * (0.85 + 0.3 * place[2])) % (1.2 * HEIGHT) - 0.1 * HEIGHT
                paste(frame, grain, (0.25 + 0.5 * float(place[1])) * WIDTH, float(y))
        else:
            raise FactoryError(f"motion is {motion!r}; expected one of {MOTIONS}")
        return frame

    return draw


@cache
def _disc(seed: int, tint: Colour) -> Picture:
    """An RGBA disc with a strong pattern, so that its turning shows."""
    side = int(0.8 * HEIGHT)
    face = textured(side, side, seed, color=tint, contrast=38.0, slope=1.0)
    y, x = np.mgrid[0:side, 0:side] - (side - 1) / 2
    cover = np.clip(side / 2 - np.hypot(x, y), 0.0, 1.0) * 255.0
    return quantized(np.dstack([face.astype(np.float32), cover]))


def _warped(picture: Picture, matrix: Loose, *, inverse: bool = False, border: int | None = None) -> Picture:
    flags = cv2.INTER_LINEAR | (cv2.WARP_INVERSE_MAP if inverse else 0)
    edge = cv2.BORDER_REFLECT if border is None else border
    moved: Any = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=edge)
    return np.asarray(moved, dtype=np.uint8)


def _resized(picture: Picture, width: int, height: int) -> Picture:
    smaller = width < picture.shape[1]
    scaled: Any = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(scaled, dtype=np.uint8)


def _grainy(picture: Picture, index: int, sigma: float) -> Picture:
    field = _grain_field()
    rolled = np.roll(field, (index * 37 % HEIGHT, index * 101 % WIDTH), axis=(0, 1))
    return quantized(picture + sigma * rolled)


@cache
def _grain_field() -> NDArray[np.float32]:
    return colored_noise(WIDTH, HEIGHT, 99, slope=0.0)[..., None]


def _scene(name: str, duration_s: float, picture: Callable[[int], Picture], fps: float = FPS, **truth: Any) -> Scene:
    return Scene(name, WIDTH, HEIGHT, fps, duration_s, picture, None, truth=truth)


def _asked(kind: str, **params: Any) -> Constraint:
    return Constraint("c1", kind, "asked", tuple(sorted(params.items())))


# --------------------------------------------------------------------------- speed

_FACTORS = (0.25, 0.25, 0.25, 0.5, 0.5, 2.0, 4.0, 1.0, 10.0)
_WINDOWS = ((0.0, 0.5, 0.5, 1.0), (0.0, 0.6, 0.6, 1.0), (0.0, 0.4, 0.4, 1.0))


def _playing_speed(name: str, split: str, g: Generator, obeys: bool, nuisance: str, level: float) -> Case:
    factor = float(_pick(g, _FACTORS))
    true = factor * float(np.exp(g.uniform(-0.1, 0.1)))
    note = "as asked"
    if not obeys:
        ways = {"twice as fast as asked": 2.0, "half as fast as asked": 0.5}
        if abs(math.log(factor)) > math.log(1.9):
            ways |= {"no change": 1 / factor, "the other way": 1 / factor**2 if 0.2 < factor < 5 else 1 / factor}
        note = str(_pick(g, list(ways)))
        true = factor * ways[note]
    fastest = max(1.0, true)
    speed = float(g.uniform(0.2, 0.5)) * min(1.0, 4.0 / fastest)
    if min(1.0, true) * speed < 0.03:
        speed = 0.03 / min(1.0, true)
    s0, e0, s1, e1 = _pick(g, _WINDOWS)
    duration_s, fps = 5.0, level if nuisance == "frame rate" else FPS
    turn_s = e0 * duration_s
    draw = _world(split, g, speed=speed)

    def world_time(t: float) -> float:
        return float(min(t, turn_s) + true * max(0.0, t - turn_s))

    def picture(index: int) -> Picture:
        t = index / fps
        if nuisance == "held" and (true < 1.0) == (t >= turn_s):  # slow motion made by showing frames again
            step = level / fps
            t = turn_s * (t >= turn_s) + math.floor((t - turn_s * (t >= turn_s)) / step + 1e-6) * step
        frame = draw(world_time(t))
        if nuisance == "grain":
            frame = _grainy(frame, index, level)
        if nuisance == "shake":
            shift = [level * math.sin(2 * math.pi * hz * t + hz) for hz in (1.3, 2.1)]
            matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
            frame = _warped(frame, matrix)
        return frame

    asked = _asked("playing_speed", speed_factor=factor, other_start=s0, other_end=e0, window_start=s1, window_end=e1)
    scene = _scene(name, duration_s, picture, fps, factor=true)
    return Case(scene, asked, obeys, nuisance, level, f"{factor:g} asked, {note}")


# --------------------------------------------------------------------------- light


def _brightness(name: str, split: str, g: Generator, obeys: bool, nuisance: str, level: float) -> Case:
    direction = str(_pick(g, ("rises", "falls", "falls", "rises", "steady")))
    sign = 1.0 if direction == "rises" else -1.0
    dip = 0.0
    if direction == "steady":
        amount, note = float(g.uniform(-0.015, 0.015)), "steady"
        if not obeys:
            note = str(_pick(g, ("brightens", "darkens", "darkens in between")))
            amount = float(g.uniform(0.14, 0.35)) * {"brightens": 1.0, "darkens": -1.0}.get(note, 0.0)
            dip = 0.3 if note == "darkens in between" else 0.0
    elif obeys:
        amount, note = sign * float(g.uniform(0.13, 0.4)), direction
    else:
        note = str(_pick(g, ("the other way", "steady", "too weak")))
        amount = -sign * float(g.uniform(0.15, 0.4)) if note == "the other way" else 0.0
        amount = sign * float(g.uniform(0.02, 0.075)) if note == "too weak" else amount
    shape = str(_pick(g, ("linear", "steps", "smooth")))
    window = (0.0, 0.5) if g.random() < 0.15 else (0.0, 1.0)
    middle = 0.45
    grey = int(g.integers(95, 130))
    colour = (grey + int(g.integers(-20, 21)), grey, grey + int(g.integers(-20, 21)))
    shared = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    # the quarters' means are apart by 3/4 of a linear ramp, by more of one that is steep in the middle
    reach = amount / (0.75 if shape == "linear" else 0.9)
    draw = _world(split, g, colour=colour)
    duration_s = 4.0
    passer = ball(0.42 * HEIGHT, color=(30, 30, 34), seed=5)

    def gain(t: float) -> float:
        u = (t / duration_s - window[0]) / (window[1] - window[0])
        inside = min(1.0, max(0.0, u))
        if shape == "steps":
            inside = min(4, math.floor(inside * 5)) / 4
        elif shape == "smooth":
            inside = inside * inside * (3 - 2 * inside)
        sunk = dip if 0.4 <= u < 0.62 else 0.0
        return (middle + reach * (inside - 0.5) - sunk) * 255.0 / shared

    def picture(index: int) -> Picture:
        t = index / FPS
        frame = quantized(draw(t) * max(0.02, gain(t)))
        if nuisance == "flash" and index in (40, 41):
            frame[:] = 250
        if nuisance == "passer":
            paste(frame, passer, WIDTH * (1.6 * (t - 1.4) / 1.0 - 0.3), 0.5 * HEIGHT)
        if nuisance == "grain":
            frame = _grainy(frame, index, level)
        if nuisance == "flicker":
            frame = quantized(frame * (1.0 + level * math.sin(2 * math.pi * 9.0 * t)))
        return frame

    more = {} if window == (0.0, 1.0) else {"window_start": window[0], "window_end": window[1]}
    asked = _asked("brightness_trend", direction=direction, **more)
    return Case(_scene(name, duration_s, picture, amount=amount), asked, obeys, nuisance, level, note)


# --------------------------------------------------------------------------- ends

_ENDS = {
    "calibration": {"black": (12, 12, 12), "white": (250, 250, 250), "blue": (20, 50, 190)},
    "test": {"black": (4, 4, 6), "white": (242, 243, 240), "red": (190, 24, 30)},
}


def _ends_on(name: str, split: str, g: Generator, obeys: bool, nuisance: str, level: float) -> Case:
    term = str(_pick(g, ("black", "black", *_ENDS[split])))
    shade = np.array(_ENDS[split][term], np.float32)
    if nuisance == "cast":
        shade = np.clip(shade * np.array([1.0 + level, 1.0, 1.0 - level], np.float32), 0, 255)
    duration_s = 3.0
    fade_s = float(_pick(g, (0.0, 0.4, 1.0)))
    rest_s = float(g.uniform(0.45, 1.0))
    note = "cut" if fade_s == 0 else f"fade of {fade_s:g} s"
    most, until_s, covered = 1.0, duration_s + 1.0, 1.0
    if not obeys:
        ways = ("comes back", "only a part", "no end", "empty from the start")
        # a room seen through half a fade to blue is blue already
        note = str(_pick(g, ("half faded", *ways) if term in _GREYS else ways))
        most = {"half faded": 0.5, "no end": 0.0}.get(note, 1.0)
        until_s = duration_s - 0.5 if note == "comes back" else until_s
        rest_s = 1.2 if note == "comes back" else rest_s
        covered = 0.6 if note == "only a part" else 1.0
    start_s = duration_s - rest_s - fade_s
    draw = _world(split, g, colour=(130, 96, 70))

    def picture(index: int) -> Picture:
        t = index / FPS
        gone = most * min(1.0, max(0.0, (t - start_s) / max(fade_s, 1e-3)))
        gone = 0.0 if t >= until_s else 1.0 if note == "empty from the start" else gone
        frame = draw(t).astype(np.float32)
        rows = round(covered * HEIGHT)
        frame[:rows] += gone * (shade - frame[:rows])
        made = quantized(frame)
        return _grainy(made, index, level) if nuisance == "grain" else made

    scene = _scene(name, duration_s, picture, rest_s=rest_s, fade_s=fade_s)
    return Case(scene, _asked("ends_on_colour", colour=term), obeys, nuisance, level, f"{term}, {note}")


# --------------------------------------------------------------------------- colours


def _paint(split: str, g: Generator, term: str, nuisance: str, level: float) -> Callable[[], Picture]:
    """A surface of a colour of that name, lit from one side."""
    colour = _pick(g, PALETTES[split][term])
    seed = int(g.integers(1 << 30)) * 2 + SPLITS.index(split)
    x, y = float(g.uniform(0.0, 1.0)), float(g.uniform(0.0, 1.0))
    strength = level if nuisance == "shade" else 0.18
    slope = {"calibration": (1.0, 1.4), "test": (0.7, 1.7)}[split]
    rough = float(_pick(g, slope))

    @cache
    def surface() -> Picture:
        noise = colored_noise(WIDTH, HEIGHT, seed, slope=rough)[..., None]
        plane = np.array(colour, np.float32) * (1.0 + 0.07 * noise)
        if nuisance == "cast":  # a lamp that is not white
            plane = plane * np.array([1.0 + level, 1.0, 1.0 - level], np.float32)
        return light(quantized(plane), x=x, y=y, strength=strength)

    return surface


def _blobs(g: Generator, share: float) -> Callable[[], NDArray[np.bool_]]:
    """A mask of blobs that covers exactly about a share of the picture."""
    seed = int(g.integers(1 << 30))
    slope = float(g.uniform(1.5, 2.2))

    @cache
    def mask() -> NDArray[np.bool_]:
        noise = colored_noise(WIDTH, HEIGHT, seed, slope=slope)
        inside: NDArray[np.bool_] = noise > np.quantile(noise, 1.0 - share) if share > 0 else noise > np.inf
        return inside

    return mask


_CHROMATIC = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
_GREYS = ("black", "white", "grey")


def _layers(areas: list[tuple[Callable[[], Picture], Callable[[], NDArray[np.bool_]]]], under: Picture) -> Picture:
    frame = under.copy()
    for paint, mask in areas:
        inside = mask()
        frame[inside] = paint()[inside]
    return frame


def _moving(frame: Picture, index: int, step_px: float) -> Picture:
    return np.roll(frame, int(index * step_px), axis=1)


def _dominant(name: str, split: str, g: Generator, obeys: bool, nuisance: str, level: float) -> Case:
    terms = (*_CHROMATIC, *_CHROMATIC, *_GREYS, "white", "black")
    term = str(_pick(g, terms))
    grey = term in _GREYS
    rivals = [other for other in (*_CHROMATIC, *_GREYS) if other != term]
    if obeys:
        share, note = float(g.uniform(0.35, 0.9)), "prevails"
        ground = str(_pick(g, rivals if share > 0.62 else [o for o in rivals if o in _GREYS] if not grey else rivals))
        share = max(share, 0.6) if grey or ground in _CHROMATIC else share
        spot, spot_share = str(_pick(g, [o for o in rivals if o != ground])), float(g.uniform(0.0, 0.12))
    else:
        note = str(_pick(g, ("absent", "too little", "another prevails")))
        share = {"absent": 0.0, "too little": float(g.uniform(0.04, 0.17))}.get(note, float(g.uniform(0.2, 0.32)))
        ground = str(_pick(g, [o for o in rivals if o in _CHROMATIC] if note == "another prevails" else rivals))
        spot, spot_share = str(_pick(g, [o for o in rivals if o != ground])), float(g.uniform(0.0, 0.1))
    paints = [_paint(split, g, one, nuisance, level) for one in (term, ground, spot)]
    masks = [_blobs(g, share), _blobs(g, spot_share)]
    step_px = float(g.uniform(0.0, 4.0))
    window = _pick(g, ((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.5, 1.0), (0.0, 0.33)))
    whole = window == (0.0, 1.0)
    duration_s = 2.0
    elsewhere = _paint(split, g, str(_pick(g, [o for o in rivals if o != ground])), nuisance, level)

    def picture(index: int) -> Picture:
        if not whole and not window[0] <= (index + 0.5) / (duration_s * FPS) < window[1]:
            return elsewhere()
        frame = _layers([(paints[0], masks[0]), (paints[2], masks[1])], paints[1]())
        frame = _moving(frame, index, step_px)
        return _grainy(frame, index, level) if nuisance == "grain" else frame

    more = {} if whole else {"window_start": window[0], "window_end": window[1]}
    asked = _asked("dominant_colour", colour=term, **more)
    scene = _scene(name, duration_s, picture, share=share, ground=ground)
    return Case(scene, asked, obeys, nuisance, level, f"{term} asked, {ground} ground, {note}")


def _colour_trend(name: str, split: str, g: Generator, obeys: bool, nuisance: str, level: float) -> Case:
    terms = (*_CHROMATIC, "white", "grey", "black")
    first, last = (str(term) for term in g.choice(terms, 2, replace=False))
    others = [term for term in terms if term not in (first, last)]
    begin, end = first, last
    note, amount = "as asked", float(g.uniform(0.5, 1.0))
    if not obeys:
        note = str(_pick(g, ("the other way", "another colour", "from another colour", "too little", "no change")))
        begin, end = {
            "the other way": (last, first),
            "another colour": (first, str(_pick(g, others))),
            "from another colour": (str(_pick(g, [o for o in others])), last),
        }.get(note, (first, last))
        amount = {"too little": float(g.uniform(0.02, 0.06)), "no change": 0.0}.get(note, amount)
    manner = str(_pick(g, ("wipe", "blobs", "mix"))) if amount > 0.4 else str(_pick(g, ("wipe", "blobs")))
    paint_begin, paint_end = _paint(split, g, begin, nuisance, level), _paint(split, g, end, nuisance, level)
    spot = _paint(split, g, str(_pick(g, [o for o in others if o not in (begin, end)])), nuisance, level)
    spots = _blobs(g, float(g.uniform(0.0, 0.12)))
    seed = int(g.integers(1 << 30))
    window = (0.0, 0.6) if g.random() < 0.15 else (0.0, 1.0)
    duration_s = 4.0

    @cache
    def order() -> NDArray[np.float32]:
        """When each pixel turns, as a share of all."""
        if manner == "wipe":
            return np.tile(np.linspace(0, 1, WIDTH, dtype=np.float32), (HEIGHT, 1))
        noise = colored_noise(WIDTH, HEIGHT, seed, slope=1.8)
        rank: NDArray[np.float32] = (np.argsort(np.argsort(noise.ravel())) / noise.size).astype(np.float32)
        return rank.reshape(HEIGHT, WIDTH)

    def picture(index: int) -> Picture:
        u = (index / FPS / duration_s - window[0]) / (window[1] - window[0])
        done = min(1.0, max(0.0, (u - 0.2) / 0.6))
        one, two = paint_begin(), paint_end()
        if manner == "mix":
            frame = quantized(one + (two.astype(np.float32) - one) * done)
        else:
            frame = np.where((order() < done * amount)[..., None], two, one)
        frame = _layers([(spot, spots)], frame)
        return _grainy(frame, index, level) if nuisance == "grain" else frame

    more = {} if window == (0.0, 1.0) else {"window_start": window[0], "window_end": window[1]}
    asked = _asked("colour_trend", colour=first, colour_to=last, **more)
    scene = _scene(name, duration_s, picture, begin=begin, end=end, amount=amount)
    return Case(scene, asked, obeys, nuisance, level, f"{first} to {last} asked, {begin} to {end}, {manner}, {note}")


# --------------------------------------------------------------------------- shots


def _joined(
    split: str, g: Generator, shots: int, duration_s: float, nuisance: str, level: float
) -> tuple[Callable[[int], Picture], list[float]]:
    """Pictures of a clip of so many shots, and the times of its cuts (the middle of a soft one)."""
    frames = round(duration_s * FPS)
    least = 0.55 if nuisance not in ("dissolve", "fade") else 0.55 + level
    share = duration_s / shots
    lengths = g.uniform(least, max(least + 1e-6, 2 * share - least), shots)
    lengths = np.maximum(least, lengths / lengths.sum() * duration_s)
    cuts = [round(c / lengths.sum() * frames) for c in np.cumsum(lengths)[:-1]]
    dull = _any_colour(g) if nuisance == "alike" else None
    motion = str(_pick(g, MOTIONS[split])) if nuisance == "alike" else ""
    draws = [_world(split, g, colour=dull, motion=motion) for _ in range(shots)]
    if nuisance == "alike":  # the same place again, seen from nearer
        crops = [float(g.uniform(1.0, 1.15)) if index % 2 == 0 else level for index in range(shots)]
        place = draws[0]
    flash_at = int(g.integers(frames // 4, frames // 2))
    passer = box(int(0.6 * HEIGHT), int(0.9 * HEIGHT), color=_any_colour(g), seed=3)

    def shot(number: int, index: int) -> Picture:
        if nuisance == "alike":
            frame = place(index / FPS)
            width, height = int(WIDTH / crops[number]), int(HEIGHT / crops[number])
            x, y = (WIDTH - width) // 2, (HEIGHT - height) // 3
            return _resized(frame[y : y + height, x : x + width], WIDTH, HEIGHT)
        return draws[number](index / FPS)

    def picture(index: int) -> Picture:
        number = sum(cut <= index for cut in cuts)
        frame = shot(number, index)
        if nuisance in ("dissolve", "fade"):
            half = level * FPS / 2
            for place_, cut in enumerate(cuts):
                if abs(index - cut) < half:
                    done = (index - cut + half) / (2 * half)
                    if nuisance == "fade":
                        return quantized(frame * abs(2 * done - 1))
                    one, two = shot(place_, index), shot(place_ + 1, index)
                    return quantized(one + (two.astype(np.float32) - one) * done)
        if nuisance == "flash" and flash_at <= index < flash_at + int(level):
            frame = quantized(frame * 0.1 + 225)
        if nuisance == "passer":
            paste(frame, passer, WIDTH * (level * (index - flash_at) / FPS - 0.4), 0.5 * HEIGHT)
        if nuisance == "lights" and index >= flash_at:
            frame = quantized(frame * level)
        if nuisance == "whip":
            u = min(1.0, max(0.0, (index - flash_at) / 10))
            matrix = np.array([[1, 0, level * WIDTH * u * u * (3 - 2 * u)], [0, 1, 0]], np.float32)
            frame = _warped(frame, matrix, inverse=True)
            if 0 < u < 1:
                frame = quantized(cv2.blur(frame, (31, 1)))
        if nuisance == "grain":
            frame = _grainy(frame, index, level)
        return frame

    return picture, [cut / FPS for cut in cuts]


def _shot_count(name: str, split: str, g: Generator, obeys: bool, nuisance: str, level: float) -> Case:
    stated = int(_pick(g, (1, 1, 1, 2, 2, 3, 4)))
    true = stated if obeys else max(1, stated + int(_pick(g, (-1, 1))))
    true = true if obeys or true != stated else stated + 1
    duration_s = 4.0 if nuisance not in ("dissolve", "fade") else 5.0
    picture, cuts = _joined(split, g, true, duration_s, nuisance, level)
    asked = _asked("shot_count", count_min=stated, count_max=stated)
    scene = _scene(name, duration_s, picture, cuts_s=cuts)
    return Case(scene, asked, obeys, nuisance, level, f"{stated} asked, {true} shots")


_WORDS = {
    "calibration": ("SALT", "RIVER", "NORTH", "PAPER", "LEMON", "CABIN"),
    "test": ("BREAD", "TUNNEL", "WINTER", "GARDEN", "SIGNAL", "COPPER"),
}


def _caption(frame: Picture, text: str, split: str) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX if split == "calibration" else cv2.FONT_HERSHEY_DUPLEX
    (width, height), _ = cv2.getTextSize(text, font, 1.3, 3)
    at = ((WIDTH - width) // 2, HEIGHT - 40)
    cv2.rectangle(frame, (at[0] - 12, at[1] - height - 12), (at[0] + width + 12, at[1] + 14), (20, 20, 20), -1)
    cv2.putText(frame, text, at, font, 1.3, (245, 245, 245), 3, cv2.LINE_AA)


def _cut_order(name: str, split: str, g: Generator, obeys: bool, nuisance: str, level: float) -> Case:
    count = int(_pick(g, (2, 2, 3)))
    duration_s = 1.5 * count + 0.5
    words = [str(word) for word in g.choice(_WORDS[split], count, replace=False)]
    picture, cuts = _joined(split, g, count, duration_s, nuisance, level)
    while obeys and len(cuts) != count - 1:
        picture, cuts = _joined(split, g, count, duration_s, nuisance, level)
    starts, note = [0.2, *(cut + 0.1 for cut in cuts)], "one in each shot"
    if nuisance in ("dissolve", "fade"):
        starts = [0.2, *(cut + level / 2 for cut in cuts)]
    shown = list(words)
    if not obeys:
        note = str(_pick(g, ("two exchanged", "before the cut", "no cut", "one missing")))
        if note == "two exchanged":
            shown[-1], shown[-2] = shown[-2], shown[-1]
        elif note == "before the cut":
            before = cuts[-2] if count > 2 else 0.2
            starts[-1] = max(before + 0.35, cuts[-1] - 0.7)
        elif note == "no cut":
            single, _ = _joined(
                split, g, 1, duration_s, nuisance if nuisance not in ("dissolve", "fade") else NOMINAL, level
            )
            picture = single
        else:
            shown[-1] = ""
    ends = [*starts[1:], duration_s + 1.0]
    drawn = picture

    def captioned(index: int) -> Picture:
        frame = np.ascontiguousarray(drawn(index))
        for word, start, end in zip(shown, starts, ends, strict=True):
            if word and start <= index / FPS < end:
                _caption(frame, word, split)
        return frame

    others = tuple(
        Constraint(f"t{number}", "text_shown", "asked", (("text", word),)) for number, word in enumerate(words)
    )
    asked = _asked("cut_order", refs=tuple(other.id for other in others))
    scene = _scene(name, duration_s, captioned, starts_s=starts)
    return Case(scene, asked, obeys, nuisance, level, f"{count} captions, {note}", others)


_MAKE: dict[str, Callable[[str, str, Generator, bool, str, float], Case]] = {
    "shot_count": _shot_count,
    "cut_order": _cut_order,
    "playing_speed": _playing_speed,
    "brightness_trend": _brightness,
    "colour_trend": _colour_trend,
    "dominant_colour": _dominant,
    "ends_on_colour": _ends_on,
}
_HARD: dict[str, tuple[tuple[str, float], ...]] = {
    "shot_count": (
        *(("alike", 1.6), ("dissolve", 0.5), ("flash", 2.0), ("whip", 2.0), ("dissolve", 1.0), ("fade", 0.8)),
        *(("passer", 3.0), ("lights", 0.5), ("grain", 10.0)),
    ),
    "cut_order": (("alike", 1.6), ("dissolve", 0.5), ("grain", 8.0)),
    "playing_speed": (("grain", 4.0), ("held", 4.0), ("frame rate", 16.0), ("shake", 2.0), ("frame rate", 30.0)),
    "brightness_trend": (("flash", 1.0), ("passer", 1.0), ("grain", 8.0), ("flicker", 0.08)),
    "colour_trend": (("shade", 0.45), ("grain", 12.0), ("cast", 0.06)),
    "dominant_colour": (("shade", 0.45), ("grain", 12.0), ("cast", 0.06)),
    "ends_on_colour": (("grain", 8.0), ("cast", 0.06)),
}
