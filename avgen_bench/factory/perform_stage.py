"""How a performance looks and sounds: faces, captions, a ball that strikes, things that run, and one track of sound.

Conventions
    Faces stand in the upper part of the picture, captions in three rows below them, the ball at the left edge. A shot
    is a background of its own; its colour and its light follow the courses of the play.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory import scene as blocks
from avgen_bench.factory import truth_faces, truth_music, truth_picture, truth_sound, truth_speech, truth_text
from avgen_bench.factory.perform_plan import Caption, Play

if TYPE_CHECKING:
    import cv2
    from numpy.typing import NDArray

    from avgen_bench.factory.scene import Color, Picture, Sound
else:
    cv2 = lazy("cv2")
signal: Any = lazy("scipy.signal")

__all__ = ["FPS", "RATE_HZ", "SIZE", "can_write", "has_faces", "picture", "track"]

SIZE = (640, 360)
FPS = 25.0
RATE_HZ = 48000
_SPLIT = "test"
_FONT = ("font_roboto", "files/Roboto-Bold.ttf")
_HAN_FONT = ("pylopdf_fonts_zh_cn", "NotoSerifSC-Regular.otf")
_ROWS_PX = (330, 281, 235)
_INK: Color = (250, 248, 240)
_BOARD: Color = (28, 30, 38)
_BALL_X, _FLOOR_PX, _RADIUS_PX = 48.0, 214.0, 15.0
_LUMA = (0.299, 0.587, 0.114)


def has_faces() -> bool:
    """Whether the photographs of people are installed."""
    try:
        return len(truth_faces.people(_SPLIT)) > 5
    except FactoryError:
        return False


@functools.cache
def can_write(text: str, language: str) -> bool:
    """Whether a font for that text is installed."""
    try:
        _letters(text, language)
    except FactoryError:
        return False
    return True


def _letters(text: str, language: str) -> NDArray[np.float32]:
    ink = truth_text._letters((text,), _HAN_FONT if language == "zh" else _FONT, 36)
    if ink.shape[1] <= 600:
        return ink
    height = max(16, int(ink.shape[0] * 600 / ink.shape[1]))
    return np.asarray(cv2.resize(ink, (600, height), interpolation=cv2.INTER_AREA), dtype=np.float32)


# --------------------------------------------------------------------------- picture


def _course(points: Sequence[tuple[float, float]], t: float) -> float:
    return float(np.interp(t, [at for at, _ in points], [value for _, value in points])) if points else 1.0


def _shot(number: int, seed: int, is_grey: bool) -> tuple[NDArray[np.float32], Picture]:
    """The lightness of a background, mean 1, and the furniture on it, RGBA."""
    width, height = SIZE
    draw = np.random.default_rng([seed, number, 3])
    light = 1.0 + 0.05 * blocks.colored_noise(width, height, seed * 31 + number)
    y, x = np.mgrid[0:height, 0:width]
    angle = float(draw.uniform(0, 2 * math.pi))
    light = light + 0.22 * (math.cos(angle) * (x / width - 0.5) + math.sin(angle) * (y / height - 0.5))
    for _ in range(5):
        left, top = int(draw.integers(0, width - 120)), int(draw.integers(0, height - 80))
        wide, tall = int(draw.integers(60, 190)), int(draw.integers(50, 150))
        light[top : top + tall, left : left + wide] *= float(draw.choice([0.82, 0.88, 1.12, 1.18]))
    light = (light / light.mean()).astype(np.float32)
    furniture = np.zeros((height, width, 4), np.uint8)
    for _ in range(2):
        left, top = int(draw.integers(90, width - 120)), int(draw.integers(0, 110))
        wide, tall = int(draw.integers(60, 110)), int(draw.integers(60, 120))
        tint = draw.integers(60, 190, 3) if is_grey else np.full(3, int(draw.integers(70, 170)))
        furniture[top : top + tall, left : left + wide, :3] = tint
        furniture[top : top + tall, left : left + wide, 3] = 255
    return light, furniture


def _tint(number: int, seed: int) -> NDArray[np.float32]:
    draw = np.random.default_rng([seed, number, 4])
    color = draw.uniform(70, 150, 3)
    return (color * (105.0 / float(np.dot(color, _LUMA)))).astype(np.float32)


def _colour(play: Play, t: float, number: int, seed: int) -> NDArray[np.float32]:
    """The background's colour at a time: the course of named colours, else the shot's own."""
    if not play.colours:
        return _tint(number, seed)
    named = [(at, np.array(_paint(name, seed), np.float32)) for at, name in play.colours]
    if t <= named[0][0]:
        return named[0][1]
    for (one_s, one), (two_s, two) in itertools.pairwise(named):
        if t < two_s:
            share = (t - one_s) / max(1e-6, two_s - one_s)
            return (one + np.float32(share) * (two - one)).astype(np.float32)
    return named[-1][1]


def _paint(name: str, seed: int) -> Color:
    shades = truth_picture.PALETTES[_SPLIT][name]
    return shades[seed % len(shades)]


def _speed(play: Play, t: float) -> float:
    """Seconds of the running things' own time at a time."""
    own = t
    for start_s, end_s, factor in play.speeds:
        own += (factor - 1.0) * max(0.0, min(t, end_s) - start_s)
    return own


def picture(play: Play, seed: int) -> Callable[[int], Picture]:
    """The frames of a play."""
    width, height = SIZE
    edges = (0.0, *play.cuts)
    is_grey = bool(play.colours) and play.colours[0][1] in ("black", "white", "grey")
    cast = truth_faces.people(_SPLIT) if play.faces else ()
    names = [cast[int(place)] for place in np.random.default_rng([seed, 9]).permutation(len(cast))]
    inks = {id(caption): _letters(caption.shown, caption.language) for caption in play.captions}
    strikes = np.array(sorted(strike.at_s for strike in play.strikes))
    skin = np.random.default_rng([seed, 6]).integers(60, 220, 3)
    ball = blocks.ball(_RADIUS_PX, color=(int(skin[0]), int(skin[1]), int(skin[2])), seed=seed % 997)
    runners = [
        blocks.box(46, 34, color=color, seed=seed % 991 + index)
        for index, color in enumerate(((180, 120, 90), (100, 140, 170), (150, 150, 110)))
    ]

    @functools.lru_cache(maxsize=8)
    def shot(number: int) -> tuple[NDArray[np.float32], Picture]:
        return _shot(number, seed, is_grey)

    @functools.lru_cache(maxsize=64)
    def face(person: str, side: float, number: int) -> Picture:
        actor = truth_faces._Actor(person, 0.0, 0.0, side, mirrored=bool(number % 2))
        return truth_faces._sprite(actor)

    @functools.lru_cache(maxsize=2)
    def background(number: int, colour: tuple[float, float, float], gain: float) -> Picture:
        light, furniture = shot(number)
        plane = light[..., None] * np.array(colour, np.float32)
        cover = furniture[..., 3:] > 0
        plane = np.where(cover, furniture[..., :3], plane) * np.float32(gain)
        return blocks.quantized(plane)

    def draw(index: int) -> Picture:
        t = index / FPS
        number = sum(edge <= t + 1e-6 for edge in edges) - 1
        gain = _course(play.lights, t) if play.lights else 1.0
        red, green, blue = (float(value) for value in _colour(play, t, number, seed))
        out = background(number, (red, green, blue), gain).copy()
        if play.base_speed:
            way = play.base_speed * height * _speed(play, t)
            for lane in range(4):
                x = (way + lane * 0.41 * width) % (1.25 * width) - 0.12 * width
                blocks.paste(out, runners[lane % 3], x, 30 + 54 * lane)
        count = next((n for start_s, end_s, n in play.faces if start_s <= t < end_s), 0)
        for slot in range(count):
            side = min(196.0, 520.0 / count - 8) * (1.0 if number % 2 == 0 else 0.9)
            who = len(names) - 1 if slot == 0 and play.stranger_s is not None and t >= play.stranger_s else slot
            x = 105 + 520 * (slot + 0.5) / count + (24 if number % 2 else 0)
            sway = 0.0 if play.base_speed else 3.0 * math.sin(1.7 * t + slot)
            sprite = face(names[who], side, number)
            if gain != 1.0:
                sprite = np.dstack([blocks.quantized(sprite[..., :3] * gain), sprite[..., 3]])
            blocks.paste(out, sprite, x + sway, 112 + 0.5 * sway)
        if strikes.size and not play.base_speed:
            apart = min(0.4, float(np.abs(strikes - t).min()))
            blocks.paste(out, ball, _BALL_X, _FLOOR_PX - _RADIUS_PX - 700.0 * apart**2)
        for caption in play.captions:
            if caption.start_s - 1e-6 <= t < caption.end_s - 1e-6:
                _write(out, caption, inks[id(caption)])
        return out

    return draw


def _write(out: Picture, caption: Caption, ink: NDArray[np.float32]) -> None:
    rows, columns = ink.shape
    left, top = (SIZE[0] - columns) // 2, _ROWS_PX[caption.row] - rows // 2
    part = out[max(0, top) : top + rows, left : left + columns]
    cover = ink[: part.shape[0], :, None]
    part[:] = blocks.quantized(np.array(_BOARD, np.float32) * (1 - cover) + np.array(_INK, np.float32) * cover)


def luma(play: Play, seed: int, start_s: float, end_s: float) -> list[float]:
    """The mean luma (0 to 1) of a dozen frames within a stretch."""
    draw = picture(play, seed)
    times = np.linspace(start_s + 0.02, max(start_s + 0.03, end_s - 0.06), 12)
    return [float(np.dot(draw(int(t * FPS)).reshape(-1, 3).mean(axis=0), _LUMA)) / 255 for t in times]


# --------------------------------------------------------------------------- sound


def track(play: Play, seed: int) -> Sound:
    """The sound of a play, one channel.

    Raises:
        FactoryError: a synthesiser is missing.
    """
    end_s = play.duration_s
    out = blocks.silence(end_s, RATE_HZ)
    samples = out.shape[1]
    t = np.arange(samples) / RATE_HZ
    if play.bed == "hum":
        for number, hz in enumerate((92.0, 138.0, 184.0, 231.0)):
            out[0] += (0.034 * np.sin(2 * math.pi * hz * t + number)).astype(np.float32)
    elif play.bed:
        out[0] += blocks.noise(end_s, RATE_HZ, seed + 5, rms=0.012, slope=0.5)[:samples]
    for line in play.lines:
        said = truth_speech.speak(*line.voice, line.said, round(line.speed, 3))
        loud = signal.resample_poly(said, RATE_HZ // 16000, 1).astype(np.float32)
        blocks.mix(out, loud, line.at_s, RATE_HZ, gain=min(0.9, 0.8 / float(np.abs(loud).max())))
    for number, strike in enumerate(sorted(play.strikes, key=lambda item: item.at_s)):
        same = strike.family in ("pip", "beep")
        sound = truth_sound.strike(strike.family, seed + (0 if same else number))
        blocks.mix(out, sound, strike.at_s, RATE_HZ, gain=0.45)
    if play.music:
        out[0] += 0.6 * _music(play, seed)[:samples]
    gain = 10 ** (np.interp(t, [at for at, _ in play.levels], [db for _, db in play.levels]) / 20)
    out[0] *= gain.astype(np.float32)
    out[0] += blocks.noise(end_s, RATE_HZ, seed + 8, rms=0.0005, slope=0.5)[:samples]
    for start_s, stop_s in play.silences.values():
        points = [start_s - 0.26, start_s - 0.02, stop_s + 0.02, stop_s + 0.26]
        mask = np.interp(t, points, [1.0, 0.0, 0.0, 1.0], left=1.0, right=1.0)
        out[0] *= mask.astype(np.float32)
    peak = float(np.abs(out).max())
    return (out * np.float32(min(1.0, 0.95 / max(peak, 1e-9)))).astype(np.float32)


def _music(play: Play, seed: int) -> Sound:
    voices = {voice.name: voice for voice in truth_music.VOICES[_SPLIT]}
    parts = []
    for piece in play.music:
        midis = [midi for _, _, midi in piece.hits]
        name = "piano"
        if piece.kind in ("single_note", "note_sequence", "scale"):
            fits = [
                n
                for n in ("clarinet", "cello", "violin")
                if voices[n].low <= min(midis) and max(midis) <= voices[n].high
            ]
            name = fits[0] if fits else "piano"
        hits = tuple(truth_music.Hit(piece.start_s + at_s, hold_s, midi) for at_s, hold_s, midi in piece.hits)
        parts.append((voices[name], hits))
    return truth_music.play(parts, play.duration_s, seed)


def power_db(sound: Sound, start_s: float, end_s: float) -> float:
    """The level of the mean power of a stretch, dBFS, no lower than -70."""
    piece = sound[0, round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
    return (
        max(-70.0, 10 * math.log10(float(np.mean(np.square(piece, dtype=np.float64))) + 1e-12)) if piece.size else -70.0
    )
