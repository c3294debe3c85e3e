"""The nouns of avgen-bench.

Conventions
    Times are seconds on one timeline: zero is the presentation time of the container's zero, for picture and sound.
    Spans are half open, ``[start_s, end_s)``. Luma is uint8 in video range (16 black, 235 white), shape (H, W). RGB is
    uint8, shape (H, W, 3). Audio is float32 in [-1, 1], shape (channels, samples). Flow is float32, shape (H, W, 2), in
    pixels of its own grid from the previous frame to this one (x, then y). All values are frozen, check themselves on
    construction, and round-trip through strict JSON (no NaN, no infinity).
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import math
import operator
import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, get_args, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "MODALITIES",
    "QUESTION_TYPES",
    "SEVERITIES",
    "VERDICTS",
    "AudioBlock",
    "AudioScores",
    "AudioView",
    "Backbone",
    "BackboneFacts",
    "Check",
    "ChordSpans",
    "Clip",
    "Constraint",
    "Consumer",
    "Dimension",
    "DimensionFacts",
    "Evidence",
    "Expectation",
    "FaceTracks",
    "FlowView",
    "Frame",
    "FrameScores",
    "FrameView",
    "Header",
    "Lacking",
    "LoudnessCurve",
    "Measurement",
    "MediaFacts",
    "MediaLimits",
    "NoteEvents",
    "Observation",
    "Onsets",
    "Outcome",
    "Param",
    "PitchTrack",
    "Prompt",
    "Question",
    "Rung",
    "Shots",
    "Status",
    "StreamFacts",
    "SyncCurve",
    "TextSpans",
    "Thumbnails",
    "Transcript",
    "Verdict",
    "View",
    "canonical_json",
    "fingerprint_of",
    "observation_from_json",
]

Status = Literal["ok", "not_applicable", "abstained", "failed"]
STATUSES: tuple[Status, ...] = ("ok", "not_applicable", "abstained", "failed")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII (a file name may hold what UTF-8 cannot), never NaN.

    Raises:
        ValueError: a number is NaN or infinite.

    >>> canonical_json({"b": 1, "a": [0.5]})
    '{"a":[0.5],"b":1}'
    """
    return _ENCODER.encode(value)


def _finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; expected a finite number")


def _round(value: float) -> float:
    """Six significant digits: enough for any measure here, and the same text on every machine."""
    return float(f"{value:.6g}")


# --------------------------------------------------------------------------- views


@dataclass(frozen=True, slots=True)
class FrameView:
    """What a backbone wants to see.

    Attributes:
        fps: Frames per second on a grid of presentation time that begins with the first frame (the first frame at or
            after each tick), or None for every frame. Sampling needs no frame count, which containers often state
            wrongly, and the same content in another container gives the same frames.
        short_side_px: Largest short side, or None for native pixels. Luma is halved (exact 2x2 means) until it fits,
            so its short side ends in (short_side_px / 2, short_side_px]; RGB is area-scaled to exactly this size,
            never enlarged.
        color: ``luma`` (H, W) uint8 in video range, or ``rgb`` (H, W, 3) uint8.
    """

    fps: float | None = None
    short_side_px: int | None = None
    color: Literal["luma", "rgb"] = "luma"

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise ValueError(f"FrameView.fps is {self.fps!r}; expected a number in (0, 1000] or None for every frame")
        if self.short_side_px is not None and self.short_side_px < 8:
            raise ValueError(f"FrameView.short_side_px is {self.short_side_px!r}; expected 8 or more, or None")
        if self.color not in ("luma", "rgb"):
            raise ValueError(f"FrameView.color is {self.color!r}; expected 'luma' or 'rgb'")


@dataclass(frozen=True, slots=True)
class FlowView:
    """Dense optical flow between consecutive luma frames, computed once for all who ask.

    The flow (DIS, ultrafast preset) is delivered with the second frame of each pair. ``short_side_px`` reduces as in
    :class:`FrameView`, so a luma view and a flow view of the same size share their grid.
    """

    short_side_px: int

    def __post_init__(self) -> None:
        if self.short_side_px < 16:
            raise ValueError(f"FlowView.short_side_px is {self.short_side_px!r}; expected 16 or more")


@dataclass(frozen=True, slots=True)
class AudioView:
    """What a backbone wants to hear: float32 blocks, shape (channels, samples).

    Attributes:
        rate_hz: Sampling rate, or None for the clip's own rate (resampled only above 48 kHz).
        channels: 1 for a mono mix, 2 for stereo, or None for the clip's own layout (mixed to stereo above two).
    """

    rate_hz: int | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not 4000 <= self.rate_hz <= 48000:
            raise ValueError(f"AudioView.rate_hz is {self.rate_hz!r}; expected 4000 to 48000, or None for native")
        if self.channels not in (None, 1, 2):
            raise ValueError(f"AudioView.channels is {self.channels!r}; expected 1, 2, or None for native")


View = FrameView | FlowView | AudioView


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a view. ``pixels`` may be a view into the decoder's memory: copy what is kept."""

    index: int
    t_s: float
    pixels: NDArray[Any]


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A stretch of sound: ``samples`` float32 (channels, n), the first sample at ``t_s``."""

    t_s: float
    rate_hz: int
    samples: NDArray[np.float32]


# --------------------------------------------------------------------------- media facts and limits


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a clip may ask of the machine. Beyond a limit the clip is ``failed`` with the reason; nothing is cut short.

    Attributes:
        deadline_factor, deadline_base_s: wall time allowed = base + factor x the container's duration.
        max_damaged_share: share of packets that fail to decode above which there is no score.
        note_damaged_share: share above which scores carry a note.
        max_hole_s: longest stretch of missing sound or picture without a note.
        end_slack_s: how much earlier than the container says a stream may end.
    """

    max_bytes: int = 1 << 30
    max_pixels: int = 9_000_000
    max_side_px: int = 8192
    max_duration_s: float = 120.0
    max_frames: int = 10_000
    max_fps: float = 240.0
    max_rate_hz: int = 192_000
    max_channels: int = 8
    deadline_base_s: float = 30.0
    deadline_factor: float = 20.0
    max_damaged_share: float = 0.10
    note_damaged_share: float = 0.01
    max_hole_s: float = 0.5
    end_slack_s: float = 0.25

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not value > 0
                or not math.isfinite(value)
            ):
                raise ValueError(f"MediaLimits.{item.name} is {value!r}; expected a positive number")


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What one track turned out to hold, counted while decoding, not read from the header.

    ``size`` is (width, height) as shown, after rotation, for picture; ``rate_hz`` and ``channels`` are for sound.
    ``units`` counts frames of picture, or samples of sound.
    """

    codec: str
    start_s: float
    end_s: float
    units: int
    packets: int
    damaged: int
    longest_hole_s: float
    hole_at_s: float
    size: tuple[int, int] | None = None
    fps: float | None = None
    rotation_deg: int = 0
    pixel_aspect: float = 1.0
    rate_hz: int | None = None
    channels: int | None = None


# --------------------------------------------------------------------------- prompts and clips


Param = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that a prompt states exactly and code can check.

    Attributes:
        id: short name, unique within the prompt.
        kind: a member of the ``constraints`` table of :mod:`avgen_bench.registry`.
        span: the words of the prompt that state it, verbatim.
        params: names and values, sorted by name; which ones is the kind's business.
    """

    id: str
    kind: str
    span: str
    params: tuple[tuple[str, Param], ...] = ()

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a parameter; ``default`` where the constraint does not state it."""
        return dict(self.params).get(name, default)

    def to_json(self) -> dict[str, Any]:
        """The flat row: id, kind, span and the stated parameters, lists for tuples."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in self.params}
        return {"id": self.id, "kind": self.kind, "span": self.span, **values}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Constraint:
        """The constraint of a flat row; parameters that are None or missing are not stated."""
        params = {
            name: tuple(value) if isinstance(value, list | tuple) else value
            for name, value in row.items()
            if name not in ("id", "kind", "span") and value is not None
        }
        return cls(row["id"], row["kind"], row["span"], tuple(sorted(params.items())))


QUESTION_TYPES = (
    *("object", "action", "attribute", "count", "spatial", "temporal"),
    *("causal", "sound", "binding", "speech", "camera", "style"),
)
MODALITIES = ("picture", "sound", "both")
SEVERITIES = ("minor", "major", "severe")


@dataclass(frozen=True, slots=True)
class Question:
    """An atomic yes/no question whose right answer is yes, and its false twin, whose right answer is no.

    Attributes:
        type: one of :data:`QUESTION_TYPES`.
        modality: what a judge must be given: one of :data:`MODALITIES`.
        after: ids of questions that must be yes before this one makes sense.
    """

    id: str
    type: str
    modality: str
    text: str
    twin: str
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "after", tuple(self.after))


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the world must do in a scene, what would contradict it, and how grave that is (:data:`SEVERITIES`)."""

    id: str
    severity: str
    observe: str
    contradict: str


@dataclass(frozen=True, slots=True)
class Rung:
    """A prompt's place on a ladder: prompts identical but for one dial; ``amount`` is what is asked, in ``unit``."""

    group: str
    dial: str
    unit: str
    amount: float
    rung: int


@dataclass(frozen=True, slots=True)
class Check:
    """One recorded look at a prompt.

    Attributes:
        type: ``review`` (against the checklist), ``change`` (a revision), or ``sign_off`` (by a person).
        by: a pseudonym or name; ``date``: ISO 8601.
        checks: what was looked at; ``note``: what was found or changed, empty when nothing was.
        digest: of the prompt as it stood after this look (:meth:`Prompt.digest`).
    """

    type: str
    by: str
    date: str
    checks: tuple[str, ...] = ()
    note: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks", tuple(self.checks))


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt with everything it demands, frozen.

    ``demands_sound`` is what the text asks for; the absence of a prompt counts as "sound expected", see
    :mod:`avgen_bench.dimensions`. ``duration_s`` is a hint for generation, not a demand.
    """

    id: str
    text: str = ""
    title: str = ""
    category: str = ""
    language: str = "en"
    demands_sound: bool = True
    duration_s: float | None = None
    constraints: tuple[Constraint, ...] = ()
    questions: tuple[Question, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    ladder: Rung | None = None
    source: str = ""
    license: str = ""
    verification: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        if not self.id or not isinstance(self.id, str):
            raise ValueError(f"Prompt.id is {self.id!r}; expected a non-empty string")

    def to_json(self) -> dict[str, Any]:
        """The row: plain JSON values, constraints flat."""
        row = dataclasses.asdict(dataclasses.replace(self, constraints=()))
        for name in ("questions", "expectations", "verification"):
            row[name] = [{k: list(v) if isinstance(v, tuple) else v for k, v in item.items()} for item in row[name]]
        row["constraints"] = [constraint.to_json() for constraint in self.constraints]
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Prompt:
        """The prompt that ``to_json`` wrote; what is missing or None takes its default."""
        values = {name: value for name, value in row.items() if value is not None}
        nouns: dict[str, Any] = {
            "constraints": Constraint.from_json,
            "questions": lambda item: Question(**{k: v for k, v in item.items() if v is not None}),
            "expectations": lambda item: Expectation(**item),
            "verification": lambda item: Check(**{k: v for k, v in item.items() if v is not None}),
        }
        for name, noun in nouns.items():
            values[name] = tuple(noun(item) for item in values.get(name, ()))
        if "ladder" in values:
            values["ladder"] = Rung(**values["ladder"])
        return cls(**values)

    def digest(self) -> str:
        """sha256 of all that can change a score or a review: everything but source, licence and verification."""
        row = self.to_json()
        for name in ("source", "license", "verification"):
            del row[name]
        return hashlib.sha256(canonical_json(row).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip to measure. ``path`` is as the manifest writes it, for people; ``clip_id`` is sha256 of the bytes.

    ``clip_id`` is empty when the file cannot be read at all.
    """

    clip_id: str
    path: str
    prompt_id: str = ""
    system: str = ""
    take: int = 0
    category: str = ""

    @property
    def key(self) -> str:
        """Identity of this row of the manifest: the same bytes may answer two prompts."""
        return canonical_json([self.system, self.prompt_id, self.take, self.clip_id or self.path])


# --------------------------------------------------------------------------- observations


@dataclass(frozen=True, slots=True)
class Header:
    """Who saw what: the provenance of one observation, and its address in the store."""

    clip_id: str
    producer: str
    revision: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """32 hex digits of sha256 over every field."""
        return fingerprint_of(self.clip_id, self.text)

    @property
    def text(self) -> str:
        """All but the clip, as one line of JSON."""
        fields = [self.producer, self.revision, dict(self.parameters), self.views, dict(self.libraries)]
        return canonical_json(fields)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}


def fingerprint_of(clip_id: str, header_text: str) -> str:
    """The fingerprint of an observation of a clip, from :attr:`Header.text` of its producer: 32 hex digits."""
    return hashlib.sha256(f"{canonical_json(clip_id)}{header_text}".encode()).hexdigest()[:32]


def _rows(name: str, **rows: tuple[float, ...]) -> None:
    for key, values in rows.items():
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name}.{key} holds NaN or infinity; expected finite numbers")
    lengths = {key: len(values) for key, values in rows.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name} has rows of different lengths: {lengths}")


def _columns(name: str, times: tuple[float, ...], columns: Mapping[str, tuple[float, ...]]) -> None:
    for key, values in columns.items():
        if len(values) != len(times):
            raise ValueError(f"{name}.columns[{key!r}] has {len(values)} values; expected one per time, {len(times)}")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name}.columns[{key!r}] holds NaN or infinity; expected finite numbers")
    if not all(map(operator.le, times, times[1:])):
        raise ValueError(f"{name}.times_s goes back; expected rising times")


class _Json:
    """JSON round trip for the observation payloads."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: floats at six significant digits, long rows of them as base64 of little-endian float32."""
        return {item.name: _packed(getattr(self, item.name)) for item in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Any:
        """The value that ``to_json`` wrote."""
        return cls(**{key: _frozen(value) for key, value in data.items()})


_PACKED = "f32"
_PACK_FROM = 16


def _packed(value: Any) -> Any:
    """Plain JSON values; reading and writing a packed row costs a tenth of its decimal digits."""
    if isinstance(value, tuple) and len(value) >= _PACK_FROM and type(value[0]) is float:
        row = array("f", value)
        if not all(map(math.isfinite, row)):
            raise ValueError(f"a row reaches {max(map(abs, value)):g}; expected numbers within 3.4e38")
        if sys.byteorder == "big":
            row.byteswap()
        return {_PACKED: base64.b64encode(row.tobytes()).decode()}
    if isinstance(value, Mapping):
        return {key: _packed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_packed(item) for item in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    """Plain JSON values, floats at six significant digits."""
    if isinstance(value, float):
        return _round(value)
    if isinstance(value, tuple | list):
        if value and type(value[0]) is float:
            return [float(text) for text in ("%.6g " * len(value) % tuple(value)).split()]
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        if value and isinstance(value[0], list | dict):
            return tuple(_frozen(item) for item in value)
        return tuple(value)
    if isinstance(value, dict):
        if value.keys() == {_PACKED}:
            row = array("f")
            row.frombytes(base64.b64decode(value[_PACKED]))
            if sys.byteorder == "big":
                row.byteswap()
            return tuple(row)
        return {key: _frozen(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class MediaFacts(_Json):
    """What the one decoding pass found. A track that is absent is None: a fact, not an error."""

    container: str
    duration_s: float
    picture: StreamFacts | None
    sound: StreamFacts | None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MediaFacts:
        """The facts that ``to_json`` wrote."""
        tracks: dict[str, StreamFacts | None] = {}
        for name in ("picture", "sound"):
            track = data[name]
            tracks[name] = None if track is None else StreamFacts(**{k: _frozen(v) for k, v in track.items()})
        return cls(data["container"], data["duration_s"], tracks["picture"], tracks["sound"], tuple(data["notes"]))


@dataclass(frozen=True, slots=True)
class FrameScores(_Json):
    """Numbers per frame: ``columns[name][i]`` belongs to ``times_s[i]``; ``totals`` are for the whole clip."""

    times_s: tuple[float, ...]
    columns: Mapping[str, tuple[float, ...]]
    totals: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _columns("FrameScores", self.times_s, self.columns)
        for key, value in self.totals.items():
            _finite(f"FrameScores.totals[{key!r}]", value)


@dataclass(frozen=True, slots=True)
class AudioScores(_Json):
    """Numbers per block of sound: a block starts at ``times_s[i]`` and lasts ``block_s``; ``totals`` are for the clip.

    ``spans`` are stretches that were found, as (label, start_s, end_s).
    """

    times_s: tuple[float, ...]
    block_s: float
    columns: Mapping[str, tuple[float, ...]]
    totals: Mapping[str, float] = field(default_factory=dict)
    spans: tuple[tuple[str, float, float], ...] = ()

    def __post_init__(self) -> None:
        _columns("AudioScores", self.times_s, self.columns)
        for key, value in self.totals.items():
            _finite(f"AudioScores.totals[{key!r}]", value)


@dataclass(frozen=True, slots=True)
class LoudnessCurve(_Json):
    """Loudness by ITU-R BS.1770: momentary (400 ms) values in LUFS at ``times_s``.

    ``integrated_lufs`` is None below the absolute gate (-70 LUFS); ``range_lu`` is EBU Tech 3342.
    """

    times_s: tuple[float, ...]
    momentary_lufs: tuple[float, ...]
    integrated_lufs: float | None
    range_lu: float
    true_peak_dbfs: float

    def __post_init__(self) -> None:
        _rows("LoudnessCurve", times_s=self.times_s, momentary_lufs=self.momentary_lufs)
        for name in ("integrated_lufs", "range_lu", "true_peak_dbfs"):
            _finite(f"LoudnessCurve.{name}", getattr(self, name) or 0.0)


@dataclass(frozen=True, slots=True)
class Shots(_Json):
    """``cuts_s`` holds the time of the first frame of every shot but the first, with ``strengths`` in [0, 1]."""

    cuts_s: tuple[float, ...]
    strengths: tuple[float, ...]

    def __post_init__(self) -> None:
        _rows("Shots", cuts_s=self.cuts_s, strengths=self.strengths)


@dataclass(frozen=True, slots=True)
class SyncCurve(_Json):
    """How well sound onsets fit localised motion at each lag.

    ``lags_ms`` > 0 means the sound is late. ``fit`` is the statistic at each lag. ``lag_ms`` is where it peaks,
    ``peak_p`` the share of null trials (circular shifts and re-timed onsets) whose best peak is as high, None where
    nothing could be compared; ``onsets_s`` are the sound onsets, ``region`` the picture region (x0, y0, x1, y1 as
    shares of the frame) that fits best. ``totals`` holds further figures of the producer.
    """

    lags_ms: tuple[float, ...]
    fit: tuple[float, ...]
    lag_ms: float | None
    peak_p: float | None
    onsets_s: tuple[float, ...]
    region: tuple[float, float, float, float] | None
    totals: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _rows("SyncCurve", lags_ms=self.lags_ms, fit=self.fit)
        _rows("SyncCurve", onsets_s=self.onsets_s)
        for key, value in {**self.totals, "lag_ms": self.lag_ms or 0.0, "peak_p": self.peak_p or 0.0}.items():
            _finite(f"SyncCurve {key}", value)


@dataclass(frozen=True, slots=True)
class Thumbnails(_Json):
    """Small pictures for people: ``jpegs[i]`` (base64) was on screen at ``times_s[i]``."""

    times_s: tuple[float, ...]
    jpegs: tuple[str, ...]


def _spans(name: str, starts_s: tuple[float, ...], ends_s: tuple[float, ...]) -> None:
    if any(map(operator.gt, starts_s, ends_s)):
        raise ValueError(f"{name} has a span that ends before it starts")


@dataclass(frozen=True, slots=True)
class Transcript(_Json):
    """Words as they were heard, verbatim, with their times.

    ``voiced_*`` are the stretches in which a voice was found, whether or not words were made out; each has the
    language it was identified as (ISO 639, empty where it is too short to tell) with a confidence in [0, 1], and a
    speaker: equal numbers for equal voices (-1 where nobody told speakers apart).
    """

    words: tuple[str, ...]
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    confidences: tuple[float, ...]
    voiced_starts_s: tuple[float, ...] = ()
    voiced_ends_s: tuple[float, ...] = ()
    languages: tuple[str, ...] = ()
    language_confidences: tuple[float, ...] = ()
    speakers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _rows("Transcript", starts_s=self.starts_s, ends_s=self.ends_s, confidences=self.confidences)
        _rows("Transcript", voiced_starts_s=self.voiced_starts_s, voiced_ends_s=self.voiced_ends_s)
        _spans("Transcript", self.starts_s, self.ends_s)
        _spans("Transcript", self.voiced_starts_s, self.voiced_ends_s)
        if len(self.words) != len(self.starts_s):
            raise ValueError(f"Transcript has {len(self.words)} words and {len(self.starts_s)} times; expected as many")


@dataclass(frozen=True, slots=True)
class TextSpans(_Json):
    """Lines of text as they were read, verbatim: on screen at least from ``starts_s`` to ``ends_s``.

    ``boxes`` are (x0, y0, x1, y1) as shares of the frame; ``looks_s`` the times at which the picture was looked at or
    known to show the same as at the look before.
    """

    texts: tuple[str, ...]
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    confidences: tuple[float, ...]
    boxes: tuple[tuple[float, float, float, float], ...]
    looks_s: tuple[float, ...]

    def __post_init__(self) -> None:
        _rows("TextSpans", starts_s=self.starts_s, ends_s=self.ends_s, confidences=self.confidences)
        _spans("TextSpans", self.starts_s, self.ends_s)
        if not len(self.texts) == len(self.starts_s) == len(self.boxes):
            raise ValueError(
                f"TextSpans has {len(self.texts)} texts, {len(self.boxes)} boxes; expected as many as times"
            )


@dataclass(frozen=True, slots=True)
class PitchTrack(_Json):
    """Fundamental frequency of the one voice or instrument that leads, in hertz; 0 where there is none."""

    times_s: tuple[float, ...]
    pitches_hz: tuple[float, ...]
    confidences: tuple[float, ...]

    def __post_init__(self) -> None:
        _rows("PitchTrack", times_s=self.times_s, pitches_hz=self.pitches_hz, confidences=self.confidences)


@dataclass(frozen=True, slots=True)
class NoteEvents(_Json):
    """Notes in order of onset; ``midis`` are MIDI numbers, fractions of a semitone included."""

    onsets_s: tuple[float, ...]
    offsets_s: tuple[float, ...]
    midis: tuple[float, ...]
    confidences: tuple[float, ...]

    def __post_init__(self) -> None:
        _rows(
            "NoteEvents",
            onsets_s=self.onsets_s,
            offsets_s=self.offsets_s,
            midis=self.midis,
            confidences=self.confidences,
        )
        _spans("NoteEvents", self.onsets_s, self.offsets_s)


@dataclass(frozen=True, slots=True)
class ChordSpans(_Json):
    """Chords as lead sheets write them, in order; ``keys`` are ranked by ``key_strengths``, best first."""

    labels: tuple[str, ...]
    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    confidences: tuple[float, ...]
    keys: tuple[str, ...] = ()
    key_strengths: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _rows("ChordSpans", starts_s=self.starts_s, ends_s=self.ends_s, confidences=self.confidences)
        _spans("ChordSpans", self.starts_s, self.ends_s)


@dataclass(frozen=True, slots=True)
class Onsets(_Json):
    """Sharp sounds: when each begins, how far it rises above what lies around it (dB), and the tempo that they make.

    ``tempo_bpm`` is None where no beat stands out; ``tempo_confidence`` in [0, 1].
    """

    times_s: tuple[float, ...]
    strengths_db: tuple[float, ...]
    tempo_bpm: float | None = None
    tempo_confidence: float = 0.0

    def __post_init__(self) -> None:
        _rows("Onsets", times_s=self.times_s, strengths_db=self.strengths_db)


@dataclass(frozen=True, slots=True)
class FaceTracks(_Json):
    """Human faces followed through time; a track never crosses a cut.

    Track i is seen from ``starts_s[i]`` to ``ends_s[i]``, belongs to person ``identities[i]`` (equal numbers for equal
    people, -1 where the face is too small or turned to tell), in the mean box ``boxes[i]`` (shares of the frame).
    ``looks_s`` and ``counts`` say how many faces were seen at each look; ``similarities`` are the cosine similarity of
    each track to its person's mean (1 for a person's only track).
    """

    starts_s: tuple[float, ...]
    ends_s: tuple[float, ...]
    identities: tuple[int, ...]
    similarities: tuple[float, ...]
    confidences: tuple[float, ...]
    boxes: tuple[tuple[float, float, float, float], ...]
    looks_s: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        _rows("FaceTracks", starts_s=self.starts_s, ends_s=self.ends_s, confidences=self.confidences)
        _spans("FaceTracks", self.starts_s, self.ends_s)
        if len(self.looks_s) != len(self.counts):
            raise ValueError(
                f"FaceTracks has {len(self.looks_s)} looks and {len(self.counts)} counts; expected as many"
            )


Payload = (
    MediaFacts
    | FrameScores
    | AudioScores
    | LoudnessCurve
    | Shots
    | SyncCurve
    | Thumbnails
    | Transcript
    | TextSpans
    | PitchTrack
    | NoteEvents
    | ChordSpans
    | Onsets
    | FaceTracks
)
PAYLOADS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Payload)}


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen or heard in one clip by one producer, without opinion."""

    header: Header
    payload: Payload

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "header": self.header.to_json(),
            "type": type(self.payload).__name__,
            "payload": self.payload.to_json(),
        }


def observation_from_json(data: Mapping[str, Any]) -> Observation:
    """The observation that ``Observation.to_json`` wrote.

    Raises:
        ValueError: the payload type is not one of :data:`PAYLOADS`.
    """
    kind = PAYLOADS.get(data["type"])
    if kind is None:
        raise ValueError(f"observation type is {data['type']!r}; expected one of {sorted(PAYLOADS)}")
    head = dict(data["header"])
    head["views"] = tuple(head["views"])
    return Observation(Header(**head), kind.from_json(data["payload"]))


# --------------------------------------------------------------------------- measurements


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that a number rests on.

    ``kind`` is ``part`` (a named component: ``value`` with ``unit`` as measured, and the ``score`` in [0, 1] that it
    contributes), ``span`` (``label`` holds in ``[start_s, end_s)``), ``curve`` (``y`` over ``x``; ``unit`` is that of
    y, ``x_unit`` of x) or ``note`` (``text`` alone). A span that is seen in one part of the picture has the ``box``
    (x0, y0, x1, y1) around it, in shares of the frame.
    """

    kind: Literal["part", "span", "curve", "note"]
    label: str
    value: float | None = None
    unit: str = ""
    score: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    x_unit: str = "s"
    text: str = ""
    box: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        _rows(f"Evidence {self.label!r}", x=self.x, y=self.y)
        if self.box is not None:
            for edge in self.box:
                _finite(f"Evidence {self.label!r} box", edge)
            if len(self.box) != 4 or self.box[0] > self.box[2] or self.box[1] > self.box[3]:
                raise ValueError(f"Evidence {self.label!r} has the box {self.box}; expected x0 <= x1 and y0 <= y1")
        for name in ("value", "score", "start_s", "end_s"):
            number = getattr(self, name)
            if number is not None:
                _finite(f"Evidence {self.label!r} {name}", number)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; fields at their default are left out."""
        out: dict[str, Any] = {"kind": self.kind, "label": self.label}
        for name in ("unit", "text"):
            text = getattr(self, name)
            if text:
                out[name] = text
        for name in ("value", "score", "start_s", "end_s"):
            number = getattr(self, name)
            if number is not None:
                out[name] = _round(number)
        if self.x:
            out["x"], out["y"] = _plain(self.x), _plain(self.y)
        if self.x_unit != "s":
            out["x_unit"] = self.x_unit
        if self.box is not None:
            out["box"] = _plain(self.box)
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """The evidence that ``to_json`` wrote."""
        return cls(**{key: _frozen(value) for key, value in data.items()})


VERDICTS = ("pass", "fail", "unverifiable")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker says of one constraint and one clip.

    Attributes:
        id: of the constraint; ``kind`` its kind.
        strict: ``pass``, ``fail``, or ``unverifiable`` where the instrument cannot tell; ``loose`` the same within the
            kind's loose tolerance.
        found: what was read, heard or counted, for people.
        reason: why it fails or cannot be verified; empty on a pass.
        margin: how far on the passing side (negative: failing), in the unit of the kind's tolerance; None where no
            distance can be stated.
        start_s: where in the clip the constraint's moment begins, and ``end_s`` where it ends; None where it has none.
    """

    id: str
    kind: str
    strict: str
    loose: str
    found: str = ""
    reason: str = ""
    margin: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        if self.strict not in VERDICTS or self.loose not in VERDICTS:
            raise ValueError(f"Verdict is {self.strict!r}, {self.loose!r}; expected two of {VERDICTS}")
        if self.strict == "pass" and self.loose != "pass":
            raise ValueError(f"Verdict of {self.id!r} passes strictly but is {self.loose!r} loosely")
        if self.strict != "pass" and not self.reason:
            raise ValueError(f"Verdict of {self.id!r} is {self.strict!r} without a reason")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; fields at their default are left out."""
        out: dict[str, Any] = {"id": self.id, "kind": self.kind, "strict": self.strict, "loose": self.loose}
        out |= {name: getattr(self, name) for name in ("found", "reason") if getattr(self, name)}
        for name in ("margin", "start_s", "end_s"):
            if getattr(self, name) is not None:
                out[name] = _round(getattr(self, name))
        if self.evidence:
            out["evidence"] = [item.to_json() for item in self.evidence]
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """The verdict that ``to_json`` wrote."""
        fields = dict(data)
        fields["evidence"] = tuple(Evidence.from_json(item) for item in data.get("evidence", ()))
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Lacking:
    """Stands in ``seen`` for an observation that no installed instrument can make; ``remedy`` says what to do."""

    remedy: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a dimension says of one clip. A value is present exactly when the status is ``ok``."""

    status: Status
    value: float | None = None
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"Outcome.status is {self.status!r}; expected one of {STATUSES}")
        if (self.value is not None) != (self.status == "ok"):
            raise ValueError(f"Outcome is {self.status!r} with value {self.value!r}; a value goes with 'ok' alone")
        if self.value is not None:
            _finite("Outcome.value", self.value)
        elif not self.reason:
            raise ValueError(f"Outcome is {self.status!r} without a reason")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number, or the stated lack of one, with everything that it depends on.

    ``observations`` are the fingerprints that it was computed from; ``signature`` names every version that can change
    it.
    """

    dimension: str
    version: str
    clip_id: str
    clip_key: str
    prompt_id: str
    status: Status
    value: float | None
    reason: str
    evidence: tuple[Evidence, ...]
    observations: tuple[str, ...]
    signature: str
    constraint: str = ""
    verdicts: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        Outcome(self.status, self.value, self.reason)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        out = {name: getattr(self, name) for name in _MEASUREMENT_FIELDS}
        out["value"] = None if self.value is None else _round(self.value)
        out["evidence"] = [item.to_json() for item in self.evidence]
        if self.verdicts:
            out["verdicts"] = [item.to_json() for item in self.verdicts]
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measurement:
        """The measurement that ``to_json`` wrote."""
        fields = dict(data)
        fields["verdicts"] = tuple(Verdict.from_json(item) for item in data.get("verdicts", ()))
        fields["evidence"] = tuple(Evidence.from_json(item) for item in data["evidence"])
        fields["observations"] = tuple(data["observations"])
        return cls(**fields)


_MEASUREMENT_FIELDS = tuple(
    item.name for item in dataclasses.fields(Measurement) if item.name not in ("evidence", "verdicts")
)


# --------------------------------------------------------------------------- what members look like


@dataclass(frozen=True, slots=True)
class BackboneFacts:
    """What one backbone is, without loading it.

    ``yields`` names the payload type; ``libraries`` the distributions whose version can change its output;
    ``license`` is that of code and weights; ``size_mb`` is what it downloads or ships, 0 for plain code; ``remedy`` is
    what to do where its instrument is not installed (``start`` then raises MissingInstrument).
    """

    name: str
    revision: str
    yields: str
    views: tuple[View, ...]
    summary: str
    license: str = "Apache-2.0"
    size_mb: float = 0.0
    libraries: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    remedy: str = ""


@runtime_checkable
class Consumer(Protocol):
    """Sees one clip go by, once, and says what it saw."""

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take one picture, or one flow field, of a registered view."""

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Take one block of sound of a registered view."""

    def finish(self, facts: MediaFacts) -> Payload:
        """The observation; called once, after the last frame and block."""


@runtime_checkable
class Backbone(Protocol):
    """From views to one typed observation. The constructor only stores."""

    facts: ClassVar[BackboneFacts]

    def start(self) -> Consumer:
        """A fresh consumer for one clip."""


@dataclass(frozen=True, slots=True)
class DimensionFacts:
    """What one dimension is: its scale, its floor, and what it needs.

    ``needs`` are backbone names; ``direction`` is +1 where higher is better, -1 where lower is.
    ``scale`` says in words what the ends and the middle of the range mean.
    """

    name: str
    family: Literal["perceptual", "semantic", "control"]
    version: str
    unit: str
    low: float
    high: float
    floor: float
    direction: Literal[1, -1]
    needs: tuple[str, ...]
    summary: str
    scale: str
    reference: str = ""
    needs_prompt: bool = False


@runtime_checkable
class Dimension(Protocol):
    """A pure function from a prompt and observations to an outcome."""

    facts: ClassVar[DimensionFacts]

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload | Lacking]) -> Outcome:
        """The outcome. ``seen`` maps backbone names to payloads; every name in ``facts.needs`` is there.

        A dimension may also have ``needs_of(prompt)``, the backbones that this prompt needs, and then sees
        :class:`Lacking` for those that are not installed, and ``applies(prompt)``, whether the prompt asks anything.
        """
