"""The demo: one animated scene of known truth, whole and with one fault at a time.

Somebody bounces a ball on a table in front of a shelf, and chime bars ring. Every loud sound has a visible cause: the
ball touches the table at irregular times, a bar jumps and lights up when it rings. The camera drifts and clouds pass
behind the window, so that the whole picture moves a little. Numbers are chosen by eye and ear, not fitted to anything.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.factory import scene as blocks
from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene

if TYPE_CHECKING:
    import cv2
    import numpy as np

    from avgen_bench.factory.scene import Color, Picture, Sound
else:
    np = lazy("numpy")
    cv2 = lazy("cv2")

__all__ = ["demo_scene", "demo_scenes", "render_demo"]

WIDTH, HEIGHT, FPS, DURATION_S, RATE_HZ = 640, 360, 24.0, 6.0, 48000
CRF = 21
MARGIN_PX = 24
TABLE_PX = 250  # where the table begins, in room pixels
REST_PX = 330  # height of the ball's foot when it touches the table
GRAVITY_PX_S2 = 1500.0
RADIUS_PX = 23.0

IMPACTS_S = (0.35, 0.93, 1.82, 2.31, 3.36, 3.79, 4.62, 5.51)
NOTES = (  # time in s, hertz, bar
    (1.36, 523.25, 0),
    (4.24, 659.26, 2),
)
LATE_S = 0.32
CUT_S = 3.0
FROZEN_S = (1.5, 2.25)
FROZEN_AGAIN_S = (3.25, 3.625)


@dataclass(frozen=True)
class _Look:
    """What differs between the two rooms on either side of the cut."""

    seed: int = 7
    wall: Color = (168, 158, 138)
    table: Color = (146, 100, 62)
    ball: Color = (206, 62, 44)
    mirrored: bool = False


def demo_scene(name: str = "demo_clean") -> Scene:
    """The scene without a fault: 6 s, 640x360, 24 frames per second, stereo at 48 kHz.

    Its truth has the impact and note times, and no fault.
    """
    truth: dict[str, Any] = {
        "kind": "demo",
        "fault": "none",
        "lowers": [],
        "impacts_s": list(IMPACTS_S),
        "notes_s": [at_s for at_s, _, _ in NOTES],
        "notes_hz": [hz for _, hz, _ in NOTES],
        "offset_ms": 0,
        "cuts_s": [],
    }
    return Scene(name, WIDTH, HEIGHT, FPS, DURATION_S, _clean, _track(), RATE_HZ, truth)


def demo_scenes() -> tuple[Scene, ...]:
    """The whole scene first, then one scene for each fault; ``truth["fault"]`` and ``truth["lowers"]`` say which.

    ``lowers`` names the dimensions that the fault must lower. The cut is not a fault: it lowers nothing.
    """
    clean = demo_scene()
    sound = clean.sound
    if sound is None:
        raise AssertionError("the demo scene has sound")

    def variant(name: str, fault: str, lowers: list[str], **changes: Any) -> Scene:
        facts = changes.pop("facts", {})
        truth = {**clean.truth, "fault": fault, "lowers": lowers, **facts}
        return dataclasses.replace(clean, name=f"demo_{name}", truth=truth, **changes)

    clipped = np.clip(sound * np.float32(14.0), -0.98, 0.98)
    frozen = [list(FROZEN_S), list(FROZEN_AGAIN_S)]
    return (
        clean,
        variant("blurred", "gaussian blur", ["visual_quality"], picture=_blurred, facts={"blur_sigma_px": 3.0}),
        variant("noisy", "picture noise", ["visual_quality"], picture=_noisy, facts={"noise_sigma": 22.0}),
        variant("clipped", "clipped sound", ["audio_quality"], sound=clipped, facts={"gain_db": 20 * math.log10(14)}),
        variant(
            "late",
            "sound late",
            ["av_sync"],
            sound=_track(LATE_S),
            facts={"offset_ms": round(1000 * LATE_S)},
        ),
        variant("silent", "no sound track", ["audio_quality", "av_sync"], sound=None),
        variant("frozen", "frozen frames", ["temporal_coherence"], picture=_frozen, facts={"frozen_s": frozen}),
        variant("flicker", "flickering light", ["temporal_coherence"], picture=_flickering, facts={"flicker": 0.09}),
        variant("cut", "none: a cut", [], picture=_cut, facts={"cuts_s": [CUT_S]}),
    )


def render_demo(folder: str | Path, on_done: Callable[[int], None] | None = None) -> list[Path]:
    """The paths of the rendered demo clips, in the order of :func:`demo_scenes`; ``on_done`` is told how many are."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    try:
        for scene in demo_scenes():
            paths.append(render(scene, folder / f"{scene.name}.mp4", crf=CRF))
            if on_done is not None:
                on_done(len(paths))
    finally:
        _frame.cache_clear()  # some 100 MB of pictures
    return paths


# --------------------------------------------------------------------------- the picture


@functools.cache
def _room(look: _Look) -> Picture:
    """Everything that does not move, ``MARGIN_PX`` larger than the frame on every side."""
    width, height = WIDTH + 2 * MARGIN_PX, HEIGHT + 2 * MARGIN_PX
    generator = np.random.default_rng(look.seed)
    room = blocks.textured(width, height, look.seed, color=look.wall, contrast=7.0)
    table = MARGIN_PX + TABLE_PX

    for x in range(6, width, 44):  # wallpaper stripes
        room[:table, x : x + 3] = blocks.quantized(room[:table, x : x + 3] * 0.93)

    frame = (92, 62, 38)  # a window on the left; clouds are drawn into it frame by frame
    cv2.rectangle(room, (38, 28), (206, 190), frame, -1)
    cv2.rectangle(room, (34, 188), (210, 198), (120, 84, 54), -1)

    # a shelf with books on the right
    left, right = 430, width - 30
    for shelf_y in (110, 190):
        cv2.rectangle(room, (left - 8, shelf_y), (right + 8, shelf_y + 7), (96, 66, 42), -1)
        cv2.rectangle(room, (left - 8, shelf_y + 8), (right + 8, shelf_y + 12), (70, 60, 48), -1)
        x = left
        while x < right - 14:
            wide, tall = int(generator.integers(8, 19)), int(generator.integers(44, 66))
            if generator.random() < 0.12:
                x += wide
                continue
            color = np.array([[generator.uniform(20, 190) for _ in range(3)]])
            spine = np.linspace(0.75, 1.15, wide)[None, :, None] * color
            grain = blocks.colored_noise(wide, tall, int(generator.integers(1 << 30)), slope=0.6)[..., None] * 5
            room[shelf_y - tall : shelf_y, x : x + wide] = blocks.quantized(spine + grain)
            for line in range(int(generator.integers(1, 4))):
                y = shelf_y - tall + 8 + 9 * line
                room[y : y + 2, x + 2 : x + wide - 2] = (224, 208, 160)
            x += wide + 1

    # a small landscape in a frame, in the middle
    cv2.rectangle(room, (258, 48), (382, 142), (58, 40, 26), -1)
    cv2.rectangle(room, (262, 52), (378, 138), (196, 168, 96), 2)
    painting = blocks.textured(110, 80, look.seed + 20, color=(150, 176, 196), contrast=9, slope=1.5)
    ridge = 44 + 9 * blocks.colored_noise(110, 1, look.seed + 21, slope=1.2)[0]
    below = np.arange(80)[:, None] > ridge[None, :]
    hills = blocks.textured(110, 80, look.seed + 22, color=(84, 112, 62), contrast=16, slope=0.8)
    painting[below] = hills[below]
    room[55:135, 265:375] = painting

    # skirting of the wall, then the table with its edge
    room[table - 22 : table - 4] = blocks.quantized(room[table - 22 : table - 4] * 0.55)
    room[table - 4 : table] = (60, 42, 28)
    room[table:] = blocks.planks(width, height - table, look.seed + 40, color=look.table, plank_px=29)

    # a plant in a pot, standing at the left end of the table
    cv2.fillConvexPoly(room, np.array([[48, 246], [104, 246], [96, 304], [56, 304]], np.int32), (150, 82, 52))
    cv2.rectangle(room, (44, 238), (108, 250), (172, 98, 64), -1)
    for _ in range(70):
        angle, far = generator.uniform(math.pi * 1.05, math.pi * 1.95), generator.uniform(12, 62)
        x, y = int(76 + 0.9 * far * math.cos(angle)), int(236 + far * math.sin(angle))
        green = generator.uniform(0.55, 1.2)
        leaf = (int(58 * green), int(120 * green), int(50 * green))
        axes, turn = (int(generator.integers(7, 13)), int(generator.integers(3, 5))), math.degrees(angle)
        cv2.ellipse(room, (x, y), axes, turn + generator.uniform(-30, 30), 0, 360, leaf, -1, cv2.LINE_AA)

    if look.mirrored:
        room = np.ascontiguousarray(room[:, ::-1])
    room = blocks.light(room, x=0.85 if look.mirrored else 0.15, y=0.2, strength=0.42)
    # a lens does the same, and it lets the camera move by fractions of a pixel without the sharpness pulsing
    return np.asarray(cv2.GaussianBlur(room, (0, 0), 0.6), dtype=np.uint8)


@functools.cache
def _sky() -> Picture:
    sky = blocks.textured(512, 76, 3, color=(176, 200, 224), contrast=16, slope=1.6)
    return np.ascontiguousarray(np.tile(sky, (1, 2, 1)))


@functools.cache
def _sprites(look: _Look) -> tuple[Picture, Picture, tuple[Picture, ...]]:
    colors: tuple[Color, ...] = ((190, 60, 70), (214, 160, 50), (70, 150, 90), (60, 100, 180))
    bars = tuple(
        blocks.box(22, 70 - 9 * index, color=color, seed=look.seed + 50 + index) for index, color in enumerate(colors)
    )
    return blocks.ball(RADIUS_PX, color=look.ball, seed=look.seed + 60), blocks.shadow(34.0, 8.0), bars


def _height(t_s: float) -> float:
    """How high the ball's foot is above the table, in pixels: a parabola between each two impacts."""
    times = (-0.4, *IMPACTS_S, DURATION_S + 0.25)
    for before, after in itertools.pairwise(times):
        if t_s < after:
            return max(0.0, 0.5 * GRAVITY_PX_S2 * (t_s - before) * (after - t_s))
    return 0.0


def _draw(t_s: float, look: _Look) -> Picture:
    pan_x = 14.0 * math.sin(2 * math.pi * t_s / 6.5)
    pan_y = 5.0 * math.sin(2 * math.pi * t_s / 4.1 + 0.5)
    left, top = MARGIN_PX + pan_x, MARGIN_PX + pan_y
    flip = -1.0 if look.mirrored else 1.0
    matrix = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    cubic = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    picture = np.asarray(cv2.warpAffine(_room(look), matrix, (WIDTH, HEIGHT), flags=cubic), dtype=np.uint8)

    drift = 11.0 * t_s
    for row in (0, 1):  # two panes by two, each with its part of the sky
        for column in (0, 1):
            x = 45.0 + 80 * column
            if look.mirrored:
                x = WIDTH + 2 * MARGIN_PX - 74 - x
            pane = cv2.getRectSubPix(_sky(), (74, 70), (120.0 + drift + 80 * column, 37.5))
            _lay(picture, np.asarray(pane, dtype=np.uint8), x - left, 35.0 + 78 * row - top)

    ball_, shade, bars = _sprites(look)
    for index, sprite in enumerate(bars):
        rung = [t_s - at_s for at_s, _, bar in NOTES if bar == index and t_s >= at_s]
        force = math.exp(-min(rung) / 0.12) if rung else 0.0
        x, y = 470.0 + 34 * index, 328.0 - sprite.shape[0] / 2 - 8.0 * force
        glow = sprite.copy()
        glow[..., :3] = np.clip(glow[..., :3] * (1.0 + 0.7 * force), 0, 255).astype(np.uint8)
        x = WIDTH - 1 - x if look.mirrored else x
        blocks.paste(picture, shade, x - pan_x, 326.0 - pan_y, opacity=0.55)
        blocks.paste(picture, glow, x - pan_x, y - pan_y)

    high = _height(t_s)
    x = WIDTH / 2 + flip * (-30.0 + 85.0 * math.sin(2 * math.pi * t_s / 5.6))
    y = REST_PX - RADIUS_PX - high
    blocks.paste(picture, shade, x - pan_x, REST_PX - pan_y, opacity=1.0 / (1.0 + high / 60.0))
    blocks.paste(picture, ball_, x - pan_x, y - pan_y)
    return picture


def _lay(picture: Picture, patch: Picture, x: float, y: float) -> None:
    """Lay an opaque patch into the picture, its top left corner at (x, y), to a fraction of a pixel."""
    cover = np.full(patch.shape[:2], 255, dtype=np.uint8)
    height, width = patch.shape[:2]
    blocks.paste(picture, np.dstack([patch, cover]), x + (width - 1) / 2, y + (height - 1) / 2)


@functools.lru_cache(maxsize=160)
def _frame(index: int, look: _Look) -> Picture:
    """One frame; kept, because all faults are made of the same frames."""
    picture = _draw(index / FPS, look)
    picture.setflags(write=False)
    return picture


def _clean(index: int) -> Picture:
    return _frame(index, _Look())


def _blurred(index: int) -> Picture:
    return np.asarray(cv2.GaussianBlur(_clean(index), (0, 0), 3.0), dtype=np.uint8)


def _noisy(index: int) -> Picture:
    grain = np.random.default_rng(1000 + index).standard_normal((HEIGHT, WIDTH, 3), dtype=np.float32)
    return blocks.quantized(_clean(index) + np.float32(22.0) * grain)


def _frozen(index: int) -> Picture:
    t_s = index / FPS
    for start_s, end_s in (FROZEN_S, FROZEN_AGAIN_S):
        if start_s <= t_s < end_s:
            return _clean(round(start_s * FPS))
    return _clean(index)


def _flickering(index: int) -> Picture:
    gain = 1.0 + 0.09 * float(np.random.default_rng(2000 + index).choice([-1.0, 1.0]))
    table = blocks.quantized(np.arange(256) * gain)
    return np.asarray(cv2.LUT(_clean(index), table), dtype=np.uint8)


def _cut(index: int) -> Picture:
    if index / FPS < CUT_S:
        return _clean(index)
    return _frame(index, _Look(91, (120, 140, 160), (98, 74, 58), (60, 130, 190), mirrored=True))


# --------------------------------------------------------------------------- the sound


def _track(offset_s: float = 0.0) -> Sound:
    """Room tone throughout; impacts and notes ``offset_s`` later than their picture."""
    track = blocks.silence(DURATION_S, RATE_HZ, channels=2)
    for channel in (0, 1):
        track[channel] += blocks.noise(DURATION_S, RATE_HZ, 11 + channel, rms=0.0012, slope=0.6)
    gaps = [after - before for before, after in itertools.pairwise((-0.4, *IMPACTS_S))]
    for index, (at_s, gap_s) in enumerate(zip(IMPACTS_S, gaps, strict=True)):
        knock = blocks.impact("wood", RATE_HZ, 30 + index, amplitude=min(0.55, 0.25 + 0.4 * gap_s))
        blocks.mix(track, knock, at_s + offset_s, RATE_HZ, pan=-0.1)
    for at_s, hz, _ in NOTES:
        blocks.mix(track, blocks.note(hz, 0.9, RATE_HZ, amplitude=0.11), at_s + offset_s, RATE_HZ, pan=0.25)
    limited: Sound = np.clip(track, -0.95, 0.95).astype(np.float32)
    return limited
