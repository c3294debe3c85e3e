"""Text in the picture, read line by line and never corrected.

Conventions
    The picture is looked at four times a second on the grid of presentation time. A caption of half a second meets at
    least two looks, one of two frames at most one. Where nothing changed since the last look that was read, its lines
    hold on. Where the picture keeps changing, text is searched in every second look; in the look between, the places
    found before and after are read.

    Lines are searched in a reduced picture and read from crops of the native one. Boxes of one row that touch are one
    line, joined by a space from left to right. ``confidences`` are the mean probability of the characters that were
    read, over all looks of the span. Where a line comes or goes between two looks, the frame at which its place in the
    picture changes says when.

Constants
    The search and its post-processing follow DB (Liao 2020, "Real-time scene text detection with differentiable
    binarization") with the usual values; the sizes, the least confidence and the change that counts were chosen on the
    calibration split of :mod:`avgen_bench.factory.truth_text`.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections import deque
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench import weights
from avgen_bench._lazy import lazy
from avgen_bench.errors import MissingInstrument
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameView, MediaFacts, TextSpans

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Quad = NDArray[np.float32]
else:
    cv2 = lazy("cv2")
    np = lazy("numpy")
onnxruntime: Any = lazy("onnxruntime")

__all__ = ["Ocr"]

REMEDY = "pip install rapidocr==3.10.0 onnxruntime"
LOOKS = FrameView(4.0, None, "rgb")
LUMA = FrameView(None, 192, "luma")

CHANGE_LEVELS = 4.0
"""Mean difference of luma, over a patch of a 20th of the short side, from which a place counts as changed."""
SEARCH_GAP_S = 0.375
"""Text is not searched again before this time has passed; looks in between are read where text is known to be."""
SEARCH_SIDE_PX = 320
READ_HEIGHT_PX = 48
READ_WIDTH_PX = (160, 2400)
PROBABILITY = 0.3
BOX_SCORE = 0.5
GROW = 1.6
TALLEST = 0.5
"""Boxes higher than this share of the picture are things, not lines."""
LEAST_CONFIDENCE = 0.5
MOST_BOXES = 40
SAME_LEVELS = 10.0
"""Greatest mean difference, over a stretch of half a line's height, of a crop that is not read again."""

_MODELS = "models"
_SEARCH = weights.WeightFile(
    "PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    (weights.Source((("rapidocr", f"{_MODELS}/PP-OCRv6_det_small.onnx"),)),),
    REMEDY,
    "Apache-2.0",
)
_READ = weights.WeightFile(
    "PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    (weights.Source((("rapidocr", f"{_MODELS}/PP-OCRv6_rec_small.onnx"),)),),
    REMEDY,
    "Apache-2.0",
)


@dataclass(frozen=True)
class _Piece:
    """One box that was read: corners clockwise from the top left, in native pixels, and a small crop of it."""

    text: str
    confidence: float
    quad: Quad
    crop: NDArray[Any]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The upright rectangle around it."""
        (x0, y0), (x1, y1) = self.quad.min(axis=0).tolist(), self.quad.max(axis=0).tolist()
        return x0, y0, x1, y1


@dataclass
class _Look:
    t_s: float
    thumb: Picture
    pixels: Picture | None = None
    pieces: list[_Piece] = field(default_factory=list)


@dataclass(frozen=True)
class _Line:
    text: str
    confidence: float
    box: tuple[float, float, float, float]


@dataclass
class _Span:
    line: _Line
    start_s: float
    end_s: float
    confidences: list[float]
    boxes: list[tuple[float, float, float, float]]


# --------------------------------------------------------------------------- networks


@cache
def _session(weight: weights.WeightFile) -> Any:
    """An onnxruntime session of a model file, made once per process."""
    path = weights.find(weight)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(2, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def _alphabet() -> tuple[str, ...]:
    """What the classes of the reading network stand for: the blank, its characters, the space."""
    listed = _session(_READ).get_modelmeta().custom_metadata_map["character"]
    return ("", *listed.split("\n"), " ")


def _run(weight: weights.WeightFile, values: NDArray[Any]) -> NDArray[Any]:
    session = _session(weight)
    out: NDArray[Any] = session.run(None, {session.get_inputs()[0].name: values})[0]
    return out


def _normal(rgb: NDArray[Any]) -> NDArray[Any]:
    """Planes in the order blue, green, red, from -1 to 1."""
    planes: NDArray[Any] = rgb[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    return planes / np.float32(127.5) - np.float32(1.0)


def search(rgb: Picture) -> list[Quad]:
    """Where lines of text are: corners clockwise from the top left, in pixels of ``rgb``, most probable first."""
    height, width = rgb.shape[:2]
    scale = SEARCH_SIDE_PX / min(height, width)
    rows, columns = (max(32, round(side * scale / 32) * 32) for side in (height, width))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(rgb, (columns, rows), interpolation=kind)
    likely = _run(_SEARCH, _normal(small)[None])[0, 0]
    mask = cv2.dilate((likely > PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found: list[tuple[float, Quad]] = []
    for contour in contours:
        centre, (wide, high), angle = cv2.minAreaRect(contour)
        if min(wide, high) < 3:
            continue
        corners = cv2.boxPoints((centre, (wide, high), angle))
        left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int)
        part = likely[top : bottom + 1, left : right + 1]
        inside = np.zeros(part.shape, np.uint8)
        cv2.fillPoly(inside, [np.rint(corners - (left, top)).astype(np.int32)], 1)
        score = float(cv2.mean(part, mask=inside)[0])
        if score < BOX_SCORE:
            continue
        grow = wide * high * GROW / (2 * (wide + high))
        corners = cv2.boxPoints((centre, (wide + 2 * grow, high + 2 * grow), angle))
        corners = corners * np.array([width / columns, height / rows], np.float32)
        corners = np.clip(corners, 0, np.array([width - 1, height - 1], np.float32))
        quad = _ordered(corners)
        if 3 < min(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])) < TALLEST * min(height, width):
            found.append((score, quad))
    found.sort(key=lambda item: -item[0])
    return [quad for _, quad in found[:MOST_BOXES]]


def _ordered(corners: NDArray[Any]) -> Quad:
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    quad: Quad = np.array([left[0], right[0], right[1], left[1]], np.float32)
    return quad


def _cut_out(picture: Picture, quad: Quad, height_px: int, most_px: int) -> NDArray[Any]:
    """The box as an upright picture of a given height; text that runs downwards is laid on its side."""
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1).tolist()  # top, right, bottom, left
    wide, high = max(1.0, sides[0], sides[2]), max(1.0, sides[1], sides[3])
    if high >= 1.5 * wide:
        quad, wide, high = quad[[1, 2, 3, 0]], high, wide
    # at native size first: one step from a large box to a small crop would alias
    rows, columns = max(2, round(high)), max(2, round(wide))
    target = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.ascontiguousarray(quad, np.float32), target)
    native = cv2.warpPerspective(
        picture, matrix, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    width_px = min(most_px, max(2, math.ceil(height_px * wide / high)))
    kind = cv2.INTER_AREA if rows > height_px else cv2.INTER_LINEAR
    return cv2.resize(native, (width_px, height_px), interpolation=kind)


def read(rgb: Picture, quad: Quad) -> tuple[str, float]:
    """The text in one box, verbatim, and the mean probability of its characters."""
    crop = _cut_out(rgb, quad, READ_HEIGHT_PX, READ_WIDTH_PX[1])
    values = np.zeros((1, 3, READ_HEIGHT_PX, max(READ_WIDTH_PX[0], crop.shape[1])), np.float32)
    values[0, :, :, : crop.shape[1]] = _normal(crop)
    steps = _run(_READ, values)[0]
    classes = steps.argmax(axis=1)
    kept = (classes != 0) & np.append(True, classes[1:] != classes[:-1])
    if not kept.any():
        return "", 0.0
    letters = _alphabet()
    text = "".join(letters[index] for index in classes[kept].tolist())
    return text, float(steps.max(axis=1)[kept].mean())


# --------------------------------------------------------------------------- geometry


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / max(areas - both, 1e-9)


def _lines(pieces: list[_Piece]) -> list[_Line]:
    """Pieces of one row that stand close together joined from left to right."""
    rows: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda item: item.box[0]):
        x0, y0, _, y1 = piece.box
        for row in rows:
            _, v0, u1, v1 = row[-1].box
            low, high = sorted((y1 - y0, v1 - v0))
            shared = min(y1, v1) - max(y0, v0)
            if shared >= 0.6 * low and high <= 1.6 * low and -0.5 * low <= x0 - u1 <= 0.8 * low:
                row.append(piece)
                break
        else:
            rows.append([piece])
    out = []
    for row in rows:
        letters = [max(1, len(piece.text)) for piece in row]
        confidence = sum(p.confidence * n for p, n in zip(row, letters, strict=True)) / sum(letters)
        boxes = np.array([piece.box for piece in row])
        box = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
        out.append(_Line(" ".join(piece.text for piece in row), confidence, box))
    return sorted(out, key=lambda line: (line.box[1], line.box[0]))


def _alike(one: str, other: str) -> bool:
    """Whether two readings may be of the same words: half of the letters agree in order."""
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= 0.5


# --------------------------------------------------------------------------- consumer


class _Reader:
    def __init__(self) -> None:
        self._frames: deque[tuple[float, Picture]] = deque()  # small luma of every frame since the look before last
        self._seen: _Look | None = None  # the last look in which text was searched
        self._waiting: _Look | None = None  # a look to be read once the next one is
        self._last: _Look | None = None  # the last look that is settled
        self._alive: list[_Span] = []
        self._done: list[_Span] = []
        self._looks_s: list[float] = []
        self._size = (1, 1)
        self.searches = 0
        self.reads = 0

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Keep a small picture of every frame; look at those of the grid."""
        if view == LUMA:
            self._frames.append((frame.t_s, np.array(frame.pixels)))
            return
        self._size = (frame.pixels.shape[1], frame.pixels.shape[0])
        thumb = self._frames[-1][1]
        look = _Look(frame.t_s, thumb, frame.pixels)
        seen, waiting = self._seen, self._waiting
        if seen is not None and not _changed(seen.thumb, thumb):
            if waiting is not None:
                self._settle(waiting, self._between(waiting, seen.pieces, seen.pieces))
            self._settle(look, seen.pieces)
            self._waiting = None
        elif waiting is None and seen is not None and frame.t_s - seen.t_s < SEARCH_GAP_S:
            look.pixels = np.array(frame.pixels)
            self._waiting = look
        else:
            self._search(look)

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no view of sound is registered."""

    def finish(self, facts: MediaFacts) -> TextSpans:
        """The lines in order of time; none without a picture."""
        if self._waiting is not None:
            look, self._waiting = self._waiting, None
            self._search(look)
        end_s = facts.picture.end_s if facts.picture is not None else 0.0
        for span in self._alive:
            span.end_s = max(span.end_s, self._fades(span.boxes[-1], end_s))
        width, height = self._size
        spans = sorted(self._done + self._alive, key=lambda span: (span.start_s, span.boxes[0][1], span.boxes[0][0]))
        boxes = [np.mean(span.boxes, axis=0) / (width, height, width, height) for span in spans]
        return TextSpans(
            tuple(span.line.text for span in spans),
            tuple(span.start_s for span in spans),
            tuple(span.end_s for span in spans),
            tuple(float(np.mean(span.confidences)) for span in spans),
            tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in boxes),
            tuple(self._looks_s),
        )

    def _search(self, look: _Look) -> None:
        """Search and read a look, and settle the one that waited for it."""
        assert look.pixels is not None
        before = self._seen.pieces if self._seen is not None else []
        self.searches += 1
        look.pieces = self._read(look.pixels, search(look.pixels), before)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            same = not _changed(waiting.thumb, look.thumb)
            self._settle(waiting, look.pieces if same else self._between(waiting, before, look.pieces))
        self._settle(look, look.pieces)
        self._seen = replace(look, pixels=None)

    def _read(self, rgb: Picture, quads: list[Quad], before: list[_Piece]) -> list[_Piece]:
        """What stands in boxes; one that looks as it did before is not read again."""
        out = []
        for quad in quads:
            piece = _Piece("", 0.0, quad, np.zeros((0, 0)))
            known = max(before, key=lambda item: _overlap(item.box, piece.box), default=None)
            if (
                known is not None
                and _overlap(known.box, piece.box) > 0.7
                and _same(_small(rgb, known.quad), known.crop)
            ):
                piece = known
            else:
                self.reads += 1
                text, confidence = read(rgb, quad)
                piece = _Piece(text.strip(), confidence, quad, _small(rgb, quad))
            if piece.text and piece.confidence >= LEAST_CONFIDENCE:
                out.append(piece)
        return out

    def _between(self, look: _Look, before: list[_Piece], after: list[_Piece]) -> list[_Piece]:
        """What stands in a look that was not searched, at the places of the looks around it."""
        assert look.pixels is not None
        quads: list[Quad] = []
        left = list(before)
        for piece in after:
            twin = next((item for item in left if item.text == piece.text), None)
            if twin is None:
                quads.append(piece.quad)
            else:
                left.remove(twin)
                quads.append((piece.quad + twin.quad) / np.float32(2))  # a text that moves lies in the middle
        for piece in left:
            boxes = [(*quad.min(axis=0).tolist(), *quad.max(axis=0).tolist()) for quad in quads]
            if all(_overlap(piece.box, box) < 0.3 for box in boxes):
                quads.append(piece.quad)
        return self._read(look.pixels, quads, [*after, *before])

    def _settle(self, look: _Look, pieces: list[_Piece]) -> None:
        """Carry the lines of a look on from those of the look before."""
        lines = _lines(pieces)
        before, self._last = self._last, look
        self._looks_s.append(look.t_s)
        open_ = list(range(len(lines)))
        going: list[_Span] = []
        alive: list[_Span] = []
        for span in self._alive:
            at = span.boxes[-1]

            def far(index: int, at: tuple[float, float, float, float] = at) -> float:
                box = lines[index].box
                return math.hypot(box[0] + box[2] - at[0] - at[2], box[1] + box[3] - at[1] - at[3]) / 2

            same = [index for index in open_ if lines[index].text == span.line.text]
            nearest = min(same, key=far, default=None)
            if nearest is None or far(nearest) > 0.25 * self._size[0]:
                going.append(span)
                continue
            open_.remove(nearest)
            line = lines[nearest]
            span.end_s = look.t_s
            span.confidences.append(line.confidence)
            span.boxes.append(line.box)
            alive.append(span)
        follows: dict[int, float] = {}
        for span in going:
            heir = next(
                (
                    i
                    for i in open_
                    if _overlap(lines[i].box, span.boxes[-1]) >= 0.3 and _alike(lines[i].text, span.line.text)
                ),
                None,
            )
            if heir is None:
                span.end_s = self._turn(before, look, span.boxes[-1])
            else:  # read differently, but the same line: no break in between
                span.end_s = follows[heir] = look.t_s
            self._done.append(span)
        for index in open_:
            line = lines[index]
            start_s = follows.get(index)
            if start_s is None:
                start_s = self._turn(before, look, line.box)
            alive.append(_Span(line, start_s, look.t_s, [line.confidence], [line.box]))
        self._alive = alive
        while self._frames and before is not None and self._frames[0][0] < before.t_s:
            self._frames.popleft()
        look.pixels = None

    def _place(self, box: tuple[float, float, float, float], thumb: Picture) -> tuple[slice, slice]:
        across, down = thumb.shape[1] / self._size[0], thumb.shape[0] / self._size[1]
        x0, y0 = int(box[0] * across), int(box[1] * down)
        x1, y1 = max(x0 + 2, math.ceil(box[2] * across)), max(y0 + 2, math.ceil(box[3] * down))
        return slice(y0, y1), slice(x0, x1)

    def _turn(self, before: _Look | None, look: _Look, box: tuple[float, float, float, float]) -> float:
        """When, after one look and up to the next, a place begins to look as it does in the second."""
        if before is None:
            return look.t_s
        place = self._place(box, look.thumb)
        first, second = (item.thumb[place].astype(np.int16) for item in (before, look))
        turn_s = look.t_s
        for t_s, thumb in reversed(self._frames):
            if not before.t_s < t_s <= look.t_s or thumb.shape != look.thumb.shape:
                continue
            now = thumb[place].astype(np.int16)
            if np.abs(now - second).sum() >= np.abs(now - first).sum():
                break
            turn_s = t_s
        return turn_s

    def _fades(self, box: tuple[float, float, float, float], end_s: float) -> float:
        """When, after the last look, a place stops to look as it did; the end of the picture if it does not."""
        assert self._last is not None
        place = self._place(box, self._last.thumb)
        known = self._last.thumb[place].astype(np.float32).ravel()
        known -= known.mean()
        for t_s, thumb in self._frames:
            if t_s <= self._last.t_s or thumb.shape != self._last.thumb.shape:
                continue
            now = thumb[place].astype(np.float32).ravel()
            now -= now.mean()
            if float(known @ now) < 0.5 * float(known @ known) ** 0.5 * float(now @ now) ** 0.5:
                return t_s
        return end_s


def _changed(one: Picture, other: Picture) -> bool:
    """Whether two small pictures differ anywhere by more than coding noise."""
    if one.shape != other.shape:
        return True
    patch = max(3, min(one.shape) // 20)
    local = cv2.blur(cv2.absdiff(one, other).astype(np.float32), (patch, patch))
    return float(local.max()) > CHANGE_LEVELS


def _small(rgb: Picture, quad: Quad) -> NDArray[Any]:
    crop: NDArray[Any] = _cut_out(rgb, quad, 24, 1200).mean(axis=2)
    return crop


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two small crops show the same letters: no stretch differs, however long the line is."""
    if one.shape != other.shape:
        return False
    local = cv2.blur(np.abs(one - other).astype(np.float32), (12, 24))
    return float(local.max()) <= SAME_LEVELS


class Ocr:
    """Yields TextSpans: every line that was read, verbatim, with the time it was on screen."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="ocr",
        revision="1",
        yields="TextSpans",
        views=(LUMA, LOOKS),
        summary="lines of text in the picture (Latin, Chinese, Japanese), read where the picture changes",
        size_mb=31.2,
        libraries=("numpy", "onnxruntime", "opencv-python-headless"),
        parameters={
            "looks_hz": LOOKS.fps,
            "search_side_px": SEARCH_SIDE_PX,
            "search_gap_s": SEARCH_GAP_S,
            "change_levels": CHANGE_LEVELS,
            "same_levels": SAME_LEVELS,
            "tallest": TALLEST,
            "least_confidence": LEAST_CONFIDENCE,
            "models": f"{_SEARCH.name} {_SEARCH.sha256[:12]}, {_READ.name} {_READ.sha256[:12]}",
        },
        reference="PP-OCRv6 small, as ONNX in the package rapidocr 3.10.0",
        remedy=REMEDY,
    )

    def start(self) -> _Reader:
        """A fresh consumer for one clip.

        Raises:
            MissingInstrument: the models or onnxruntime are not installed.
        """
        if importlib.util.find_spec("onnxruntime") is None:
            raise MissingInstrument(REMEDY)
        weights.find(_SEARCH)
        weights.find(_READ)
        return _Reader()
