"""Clips with known words in the picture, and clips without: truth for the kinds of theme ``text``.

The two splits share no font, no words, no colours and no seed. Fonts come from packages of openly licensed fonts
(:data:`REMEDY` installs them), so that the same case is the same picture everywhere.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from avgen_bench import weights
from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.scene import Color, Scene, ball, light, paste, planks, quantized, textured
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

__all__ = ["REMEDY", "cases"]

REMEDY = (
    "pip install pillow font-lato font-source-serif-pro font-roboto font-caladea font-fredoka-one "
    "font-manrope font-intuitive pylopdf-fonts-zh-cn"
)
SIZE = (640, 360)
FPS = 24.0


@dataclass(frozen=True)
class _Split:
    """What one split draws with; nothing of it is in the other."""

    seed: int
    fonts: tuple[tuple[str, str], ...]
    han_font: tuple[str, str]
    texts: tuple[tuple[str, str], ...]
    short_texts: tuple[str, ...]
    inks: tuple[tuple[Color, Color], ...]


_SPLITS = {
    "calibration": _Split(
        11,
        (
            ("font_lato", "files/Lato-Regular.ttf"),
            ("font_lato", "files/Lato-Black.ttf"),
            ("font_lato", "files/Lato-BoldItalic.ttf"),
            ("font_source_serif_pro", "files/SourceSerifPro-Regular.ttf"),
            ("font_source_serif_pro", "files/SourceSerifPro-Bold.ttf"),
            ("font_source_serif_pro", "files/SourceSerifPro-SemiboldIt.ttf"),
        ),
        ("pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"),
        (
            ("STAY DRY", "en"),
            ("YOUR QUIET PLACE", "en"),
            ("TOUGH OUTSIDE", "en"),
            ("Keep it warm.", "en"),
            ("OPEN AT FIVE", "en"),
            ("WATER ONLY", "en"),
            ("HABLA CON TODOS", "es"),
            ("NIGHT TRAINS DAILY", "en"),
            ("手工面", "zh"),
            ("FRISCHE MILCH", "de"),
            ("GATE 14", "en"),
            ("WHO'S NEXT?", "en"),
            ("SLEEP THROUGH SUMMER", "en"),
            ("CAFÉ DES ARTS", "fr"),
            ("IT KNOWS YOUR FRIENDS", "en"),
            ("Fresh bread daily", "en"),
            ("NINETY-TWO MINUTES", "en"),
            ("熊猫宝宝", "zh"),
            ("COPPER", "en"),
            ("ROUND 3", "en"),
        ),
        ("ICE", "HEAT", "PLUS", "CABBAGE"),
        (
            ((250, 250, 250), (40, 60, 80)),
            ((20, 20, 30), (205, 200, 190)),
            ((250, 215, 70), (60, 40, 90)),
            ((160, 20, 30), (230, 225, 200)),
        ),
    ),
    "test": _Split(
        977,
        (
            ("font_roboto", "files/Roboto-Regular.ttf"),
            ("font_roboto", "files/Roboto-Bold.ttf"),
            ("font_roboto", "files/Roboto-MediumItalic.ttf"),
            ("font_caladea", "files/Caladea-Regular.ttf"),
            ("font_caladea", "files/Caladea-Bold.ttf"),
            ("font_fredoka_one", "files/FredokaOne-Regular.ttf"),
            ("font_manrope", "files/Manrope-SemiBold.ttf"),
            ("font_intuitive", "files/Intuitive.ttf"),
        ),
        ("pylopdf_fonts_zh_cn", "NotoSerifSC-Regular.otf"),
        (
            ("HEAR IT ALL", "en"),
            ("DONE BY FOUR", "en"),
            ("TEST IT TONIGHT", "en"),
            ("PICKED RIPE", "en"),
            ("FIRST LESSON FREE", "en"),
            ("SABOR DE CASA", "pt"),
            ("Every two hours", "en"),
            ("WIPE YOUR PAWS", "en"),
            ("PAIN CHAUD", "fr"),
            ("SEVEN JEWELS", "en"),
            ("山水画", "zh"),
            ("HIVE 7", "en"),
            ("DON'T LOOK DOWN", "en"),
            ("Take it home.", "en"),
            ("KEEP OFF THE WAVES", "en"),
            ("FÜR IMMER", "de"),
            ("NOT IN SERVICE", "en"),
            ("EIGHTY-SEVEN SECONDS", "en"),
            ("蝶豆花", "zh"),
            ("STRONTIUM", "en"),
            ("PLATFORM 12", "en"),
            ("MUÑECAS", "es"),
            ("READY, SET, GO!", "en"),
            ("CITY LIBRARY", "en"),
        ),
        ("TEA", "HOT", "COOL", "FINISH", "HARVEST"),
        (
            ((255, 245, 215), (30, 70, 50)),
            ((35, 25, 15), (215, 170, 110)),
            ((120, 230, 240), (35, 35, 45)),
            ((20, 50, 140), (235, 235, 240)),
            ((245, 245, 245), (150, 40, 35)),
        ),
    ),
}


# --------------------------------------------------------------------------- letters


@cache
def _font(source: tuple[str, str], size_px: int) -> Any:
    """A font at a size.

    Raises:
        FactoryError: its package, or Pillow, is not installed.
    """
    try:
        image_font: Any = importlib.import_module("PIL.ImageFont")
    except ImportError as error:
        raise FactoryError(f"Pillow is not installed; {REMEDY}") from error
    folder = weights.folder_of(source[0])
    if folder is None or not (folder / source[1]).is_file():
        raise FactoryError(f"the font {source[1]} of {source[0]} is not installed; {REMEDY}")
    return image_font.truetype(str(folder / source[1]), size_px)


def _letters(lines: tuple[str, ...], source: tuple[str, str], size_px: int) -> NDArray[np.float32]:
    """How much of each pixel is ink, 0 to 1, for centred lines of text with a margin."""
    image_class: Any = importlib.import_module("PIL.Image")
    image_draw: Any = importlib.import_module("PIL.ImageDraw")
    font = _font(source, size_px)
    margin = max(4, size_px // 3)
    boxes = [font.getbbox(line) for line in lines]
    step = round(size_px * 1.25)
    width = max(box[2] - box[0] for box in boxes) + 2 * margin
    image = image_class.new("L", (math.ceil(width), step * (len(lines) - 1) + round(1.5 * size_px) + 2 * margin), 0)
    draw = image_draw.Draw(image)
    for row, (line, box) in enumerate(zip(lines, boxes, strict=True)):
        draw.text(((width - (box[2] - box[0])) / 2 - box[0], margin + row * step), line, font=font, fill=255)
    ink = np.asarray(image, dtype=np.float32) / 255
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0), np.flatnonzero(ink.max(axis=0) > 0)
    if not rows.size:
        raise FactoryError(f"the font {source[1]} draws nothing for {lines!r}")
    cut: NDArray[np.float32] = np.ascontiguousarray(
        np.pad(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], margin)
    )
    return cut


# Letters that look alike in some font or size; a wrong letter must not be one of them.
_ALIKE = (
    "0OoQDCcGUu",
    "1Il!|iíìjJtTLfF",
    "5Ss",
    "8B3&",
    "2Zz",
    "Vv",
    "Ww",
    "Xx",
    "Kk",
    "Pp",
    "6GbC",
    "9gqa",
    "HNMh",
    "EFRPB",
)
_CAPITALS = "ABDEFGHKLMNPRSTVWXYZ"
_HAN = "春天大海红茶北京月光东西"


def _other_letter(letter: str, draw: Any) -> str:
    if ord(letter) > 0x2E80:
        return str(draw.choice([han for han in _HAN if han != letter]))
    near = {other for group in _ALIKE if letter in group for other in group.upper()} | {letter.upper()}
    choice = str(draw.choice([other for other in _CAPITALS if other not in near]))
    return choice if letter.isupper() or not letter.isalpha() else choice.lower()


def _letters_at(text: str) -> list[int]:
    return [index for index, letter in enumerate(text) if letter.isalnum()]


def _wrong_letter(text: str, draw: Any) -> str:
    at = int(draw.choice(_letters_at(text)))
    return text[:at] + _other_letter(text[at], draw) + text[at + 1 :]


def _swapped(text: str, draw: Any) -> str:
    pairs = [i for i in range(len(text) - 1) if text[i] != text[i + 1] and (text[i] + text[i + 1]).isalpha()]
    if not pairs:
        return _wrong_letter(text, draw)
    at = int(draw.choice(pairs))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _missing_letter(text: str, draw: Any) -> str:
    inner = [i for i in _letters_at(text) if not (i and text[i - 1] == text[i]) and text[i] not in "Ii1l"]
    at = int(draw.choice(inner))
    return text[:at] + text[at + 1 :]


def _doubled_letter(text: str, draw: Any) -> str:
    at = int(draw.choice([i for i in _letters_at(text) if text[i] not in "Ii1l"]))
    return text[: at + 1] + text[at] + text[at + 1 :]


def _missing_word(text: str, draw: Any) -> str:
    words = text.split(" ")
    if len(words) < 2:
        return _missing_letter(text, draw)
    words.pop(int(draw.integers(len(words))))
    return " ".join(words)


def _wrong_case(text: str, draw: Any) -> str:
    if text.isupper():
        return text.title().replace("'S", "'s").replace("'T", "'t")
    return text.upper() if text.upper() != text else _wrong_letter(text, draw)


def _garbled(text: str, draw: Any) -> str:
    places = set(draw.choice(_letters_at(text), size=max(2, len(text) // 3), replace=False).tolist())
    return "".join(_other_letter(c, draw) if i in places else c for i, c in enumerate(text))


_WRONG: dict[str, Callable[[str, Any], str]] = {
    "one letter wrong": _wrong_letter,
    "two letters swapped": _swapped,
    "one letter missing": _missing_letter,
    "one letter doubled": _doubled_letter,
    "one word missing": _missing_word,
    "wrong case": _wrong_case,
    "garbled": _garbled,
}


# --------------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class _Style:
    """How words are drawn: letter height as a share of the picture, and what makes them hard to read."""

    source: tuple[str, str]
    ink: Color
    paper: Color
    height: float
    contrast: float = 1.0
    blur: float = 0.0
    tilt: float = 0.0
    speed: float = 0.0
    sign: bool = False
    mirrored: bool = False
    place: tuple[float, float] = (0.5, 0.8)
    coding_noise: float = 0.0


def _backdrop(split: str, number: int, draw: Any) -> tuple[Picture, float, bool]:
    """A picture wider than the frame, how fast it slides (pixels a second), and whether a ball crosses it."""
    plan = _SPLITS[split]
    width, height = SIZE[0] + 160, SIZE[1]
    seed = plan.seed * 1000 + number
    colors = [(92, 110, 96), (140, 120, 100), (70, 80, 105), (150, 150, 140)]
    if split == "test":
        colors = [(110, 84, 70), (60, 98, 112), (128, 128, 150), (96, 88, 60), (40, 46, 52)]
    color = colors[int(draw.integers(len(colors)))]
    kind = int(draw.integers(4))
    if kind == 0:
        picture = light(textured(width, height, seed, color=color, contrast=18.0))
    elif kind == 1:
        picture = planks(width, height, seed, color=color, plank_px=36 + 12 * int(draw.integers(4)))
    elif kind == 2:
        ramp = np.linspace(0.5, 1.3, height)[:, None, None] * np.linspace(1.1, 0.8, width)[None, :, None]
        picture = quantized(np.array(color, np.float32) * ramp)
    else:  # windows, tiles, posts: upright lines and crossings, which careless readers take for letters
        picture = textured(width, height, seed, color=color, contrast=8.0)
        step = 30 + 10 * int(draw.integers(5))
        dark = tuple(int(value * 0.45) for value in color)
        for x in range(step // 2, width, step):
            cv2.line(picture, (x, 0), (x + int(draw.integers(-6, 7)), height), dark, 3)
        for y in range(step // 3, height, step * (1 + int(draw.integers(2)))):
            cv2.line(picture, (0, y), (width, y), dark, 2)
        for _ in range(6):
            x, y = int(draw.integers(width)), int(draw.integers(height))
            cv2.circle(picture, (x, y), 10 + int(draw.integers(24)), dark, 3)
    speed = float(draw.choice([0.0, 0.0, 18.0, 40.0]))
    return picture, speed, bool(draw.integers(2))


def _stage(split: str, number: int, draw: Any, coding_noise: float = 0.0) -> Callable[[int], Picture]:
    """The scene without words, by frame."""
    wide, speed, rolls = _backdrop(split, number, draw)
    sprite = ball(26, color=(190, 70, 50) if split == "calibration" else (60, 120, 190), seed=number)

    def picture(index: int) -> Picture:
        shift = 80 + 70 * math.sin(index / FPS * speed / 70) if speed else 80.0
        left = int(shift)
        out = np.array(wide[:, left : left + SIZE[0]])
        if rolls:
            t = index / FPS
            paste(out, sprite, 60 + 130 * t, 120 + 60 * abs(math.sin(2.5 * t)))
        if coding_noise:
            grain = np.random.default_rng(number * 7919 + index).normal(0, coding_noise, out.shape[:2])
            out = quantized(out + grain[..., None])
        return out

    return picture


Shown = tuple[float, float, tuple[str, ...]]  # from, to (seconds), lines


def _with_words(stage: Callable[[int], Picture], shown: tuple[Shown, ...], style: _Style) -> Callable[[int], Picture]:
    """The scene with words over it while they are shown."""
    width, height = SIZE
    size_px = max(8, round(style.height * height * 1.4))  # capitals are about 0.7 of a font's size
    masks: dict[tuple[str, ...], NDArray[Any]] = {}
    for _, _, lines in shown:
        ink: NDArray[Any] = _letters(lines, style.source, size_px)
        most = 0.9 * width
        if ink.shape[1] > most:
            scale = most / ink.shape[1]
            ink = cv2.resize(ink, (int(most), max(4, int(ink.shape[0] * scale))), interpolation=cv2.INTER_AREA)
        masks[lines] = ink[:, ::-1] if style.mirrored else ink
    color = np.array(style.ink, np.float32)

    def cover(ink: NDArray[Any], x: float, y: float, tilt: float) -> NDArray[Any]:
        rows, columns = ink.shape
        corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        goal = corners + np.array([x - columns / 2, y - rows / 2], np.float32)
        if tilt:  # seen from the side: one end is farther away, and higher
            lean = math.tan(math.radians(tilt))
            goal[[1, 2], 0] -= columns * (1 - math.cos(math.radians(tilt)))
            goal[1, 1] += rows * 0.2 * lean
            goal[2, 1] -= rows * 0.15 * lean
            goal[:, 1] -= np.array([0, 1, 1, 0], np.float32) * columns * 0.12 * lean
        matrix = cv2.getPerspectiveTransform(corners, goal.astype(np.float32))
        return cv2.warpPerspective(ink, matrix, (width, height), flags=cv2.INTER_LINEAR)

    def picture(index: int) -> Picture:
        out = stage(index)
        t = index / FPS
        for start_s, end_s, lines in shown:
            if not start_s - 1e-6 <= t < end_s - 1e-6:
                continue
            ink = masks[lines]
            low, high = ink.shape[1] / 2 + 4, width - ink.shape[1] / 2 - 4
            x = style.place[0] * width + style.speed * (t - start_s)
            x = min(max(x, low), max(low, high))
            y = min(max(style.place[1] * height, ink.shape[0] / 2 + 2), height - ink.shape[0] / 2 - 2)
            values = out.astype(np.float32)
            if style.sign:
                board = cover(np.ones_like(ink), x, y, style.tilt)[..., None]
                values += (np.array(style.paper, np.float32) - values) * board
            glyphs = cover(ink, x, y, style.tilt)
            if style.blur:
                glyphs = cv2.GaussianBlur(glyphs, (0, 0), style.blur)
            if style.contrast < 1.0:
                values += (color - values) * (style.contrast * glyphs)[..., None]
            else:
                if not style.sign:  # an outline, as captions have
                    edge = cv2.GaussianBlur(glyphs, (0, 0), 2.0)
                    values *= 1 - 0.75 * np.clip(2.2 * edge, 0, 1)[..., None]
                values += (color - values) * glyphs[..., None]
            out = quantized(values)
        return out

    return picture


_NUISANCES: tuple[tuple[str, float], ...] = (
    ("small", 0.045),
    ("small", 0.033),
    ("small", 0.024),
    ("low contrast", 0.35),
    ("low contrast", 0.2),
    ("low contrast", 0.1),
    ("blur", 2.0),
    ("blur", 3.5),
    ("blur", 5.0),
    ("perspective", 25.0),
    ("perspective", 45.0),
    ("perspective", 60.0),
    ("moving", 40.0),
    ("moving", 110.0),
    ("moving", 220.0),
    ("grain", 18.0),
    ("grain", 36.0),
)


def _style(split: str, draw: Any, nuisance: str, level: float, language: str) -> _Style:
    plan = _SPLITS[split]
    ink, paper = plan.inks[int(draw.integers(len(plan.inks)))]
    source = plan.han_font if language == "zh" else plan.fonts[int(draw.integers(len(plan.fonts)))]
    sign = bool(draw.integers(2))
    changes: dict[str, Any] = {}
    if not sign and sum(ink) < 380:
        ink = (250, 248, 240) if split == "calibration" else (255, 250, 225)
    if nuisance == "low contrast":
        sign, changes = True, {"contrast": level}
    elif nuisance == "blur":
        changes = {"blur": level}
    elif nuisance == "perspective":
        sign, changes = True, {"tilt": level}
    elif nuisance == "moving":
        changes = {"speed": level * float(draw.choice([-1, 1]))}
    elif nuisance == "grain":
        changes = {"coding_noise": level}
    height = level if nuisance == "small" else float(draw.uniform(0.075, 0.13))
    place = (float(draw.uniform(0.3, 0.7)), float(draw.uniform(0.2, 0.85)))
    return _Style(source, ink, paper, height, sign=sign, place=place, **changes)


def _broken(text: str) -> tuple[str, ...]:
    """A text over two lines."""
    words = text.split(" ")
    if len(words) < 2:
        return (text,)
    middle = len(words) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


def _scene(
    name: str,
    split: str,
    number: int,
    draw: Any,
    shown: tuple[Shown, ...],
    style: _Style,
    duration_s: float,
) -> Scene:
    seed = int(draw.integers(1 << 30))

    @cache
    def drawn() -> Callable[[int], Picture]:  # cases are often listed, and only some of them rendered
        stage = _stage(split, number, np.random.default_rng(seed), style.coding_noise)
        return _with_words(stage, shown, style) if shown else stage

    def picture(index: int) -> Picture:
        return drawn()(index)

    _font(style.source, 8)  # what is missing is said when cases are made
    truth = {"shown": [[start_s, end_s, list(lines)] for start_s, end_s, lines in shown], "font": style.source[1]}
    return Scene(name, *SIZE, FPS, duration_s, picture, None, truth=truth)


def _text(split: str, number: int, draw: Any) -> tuple[str, str]:
    plan = _SPLITS[split]
    if draw.random() < 0.12:
        return plan.short_texts[number % len(plan.short_texts)], "en"
    return plan.texts[(number // 2) % len(plan.texts)]


def _constraint(kind: str, span: str, **params: Any) -> Constraint:
    kept = {name: value for name, value in params.items() if value is not None}
    return Constraint("c1", kind, span, tuple(sorted(kept.items())))


# --------------------------------------------------------------------------- kinds


def _text_shown(split: str, number: int, draw: Any, obeys: bool, nuisance: str, level: float) -> Case:
    text, language = _text(split, number, draw)
    style = _style(split, draw, nuisance, level, language)
    duration_s = 3.0
    windowed = draw.random() < 0.3
    window: dict[str, float] = {"window_start": 0.5, "window_end": 1.0} if windowed else {}
    case = None
    start_s = float(draw.uniform(1.5, 2.0) if windowed else draw.uniform(0.0, 1.5))
    end_s = min(duration_s, start_s + float(draw.uniform(0.7, 2.0)))
    shown: tuple[Shown, ...]
    if obeys:
        way = str(draw.choice(["plain", "plain", "two lines", "longer line", "case ignored", "other text beside it"]))
        lines: tuple[str, ...] = (text,)
        if way == "two lines":
            lines = _broken(text)
        elif way == "longer line" and language != "zh" and len(text) < 14:
            lines = (f"{text} TODAY",) if draw.integers(2) else (f"SO: {text}",)
        elif way == "case ignored" and language != "zh":
            lines, case = (_wrong_case(text, draw) if text.isupper() else text.upper(),), "ignore"
        shown = ((start_s, end_s, lines),)
        if way == "other text beside it":
            earlier_s = 0.0 if start_s > 0.7 else end_s
            shown += ((earlier_s, earlier_s + 0.6, ("EPISODE TWO",)),)
        note = way
    else:
        ways = [*_WRONG, "no text", "other text", "mirrored", "two frames", "outside the window"]
        note = ways[(number // 2) % len(ways)]
        if note == "outside the window" and not windowed:
            note = "one letter wrong"
        if note in _WRONG:
            wrong = _WRONG[note](text, draw)
            shown = ((start_s, end_s, (wrong,)),)
            note = f"{note}: {wrong}"
        elif note == "no text":
            shown = ()
        elif note == "other text":
            shown = ((start_s, end_s, ("EPISODE TWO",)),)
        elif note == "mirrored":
            style = _Style(**{**_fields(style), "mirrored": True})
            shown = ((start_s, end_s, (text,)),)
            if language == "zh" or set(text) <= set("AHIMOTUVWXY "):
                shown, note = (), "no text"
        elif note == "two frames":
            shown = ((start_s, start_s + 2 / FPS, (text,)),)
        else:
            shown = ((0.1, 1.3, (text,)),)
    scene = _scene(f"text_shown-{split}-{number}", split, number, draw, shown, style, duration_s)
    constraint = _constraint(
        "text_shown",
        f'the words "{text}" appear',
        text=text,
        case=case,
        language=None if language == "en" else language,
        **window,
    )
    return Case(scene, constraint, obeys, nuisance, level, note)


def _fields(style: _Style) -> dict[str, Any]:
    return {name: getattr(style, name) for name in style.__dataclass_fields__}


def _text_absent(split: str, number: int, draw: Any, obeys: bool, nuisance: str, level: float) -> Case:
    text, language = _text(split, number, draw)
    style = _style(split, draw, nuisance, level, language)
    duration_s = 3.0
    stated = draw.random() < 0.35
    windowed = draw.random() < 0.3
    window: dict[str, float] = {"window_start": 0.0, "window_end": 0.5} if windowed else {}
    inside_s = float(draw.uniform(0.0, 0.6))
    shown: tuple[Shown, ...] = ()
    if obeys:
        note = "no text"
        if windowed:
            note, shown = "after the window", ((1.75, 3.0, (text,)),)
        elif stated:
            note, shown = "other text", ((inside_s, 2.5, ("EPISODE TWO",)),)
        elif draw.random() < 0.25:
            note, shown = "figures alone", ((inside_s, 2.5, (str(int(draw.integers(10, 99)) * 10),)),)
    else:
        note = str(draw.choice(["a caption", "a caption", "a short caption"]))
        length_s = 0.8 if note == "a short caption" else 2.0
        shown = ((inside_s, inside_s + length_s, (text,)),)
    scene = _scene(f"text_absent-{split}-{number}", split, number, draw, shown, style, duration_s)
    span = f'the words "{text}" are nowhere' if stated else "there is no writing anywhere"
    return Case(
        scene,
        _constraint("text_absent", span, text=text if stated else None, **window),
        obeys,
        nuisance,
        level,
        note,
    )


def _text_visible_for(split: str, number: int, draw: Any, obeys: bool, nuisance: str, level: float) -> Case:
    text, language = _text(split, number, draw)
    style = _style(split, draw, nuisance, level, language)
    duration_s = 4.0
    wanted_s = float(draw.choice([1.5, 2.0, 2.5, 3.0]))
    shown: tuple[Shown, ...]
    if obeys:
        length_s = min(duration_s, wanted_s + float(draw.uniform(0.05, 0.9)))
        start_s = float(draw.uniform(0.0, duration_s - length_s))
        shown, note = ((start_s, start_s + length_s, (text,)),), f"{length_s:.2f} s of {wanted_s:g} s"
    else:
        ways = ["half a second short", "too short", "broken in two", "one letter wrong", "no text"]
        note = ways[(number // 2) % len(ways)]
        start_s = float(draw.uniform(0.0, 0.7))
        if note == "half a second short":
            shown = ((start_s, start_s + wanted_s - 0.5, (text,)),)
        elif note == "too short":
            shown = ((start_s, start_s + 0.5 * wanted_s, (text,)),)
        elif note == "broken in two":
            half_s = min(0.6 * wanted_s, 1.7)
            shown = ((0.1, 0.1 + half_s, (text,)), (0.6 + half_s, 0.6 + 2 * half_s, (text,)))
        elif note == "no text":
            shown = ()
        else:
            shown = ((start_s, duration_s, (_wrong_letter(text, draw),)),)
    scene = _scene(f"text_visible_for-{split}-{number}", split, number, draw, shown, style, duration_s)
    span = f'the words "{text}" stay for at least {wanted_s:g} seconds'
    constraint = _constraint("text_visible_for", span, text=text, duration_s=wanted_s)
    return Case(scene, constraint, obeys, nuisance, level, note)


_KINDS = {"text_shown": _text_shown, "text_absent": _text_absent, "text_visible_for": _text_visible_for}


def cases(kind: str, split: str, count: int, seed: int = 0) -> Iterator[Case]:
    """``count`` cases, every second one obeying; five of eight at nominal nuisance.

    Raises:
        FactoryError: a font is not installed; says what to install.
    """
    make = _KINDS[kind]
    for number in range(count):
        draw = np.random.default_rng((_SPLITS[split].seed, seed, number, sorted(_KINDS).index(kind)))
        nuisance, level = (NOMINAL, 0.0) if number % 8 < 5 else _NUISANCES[int(draw.integers(len(_NUISANCES)))]
        yield make(split, number, draw, number % 2 == 0, nuisance, level)
