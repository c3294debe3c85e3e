"""What was seen or heard, without opinion: a header and one of few payloads."""

from __future__ import annotations

import dataclasses
import hashlib
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from avgen_bench.types._json import _columns, _finite, _frozen, _Json, _rows, canonical_json
from avgen_bench.types.judge import Answers, JudgeReply
from avgen_bench.types.views import StreamFacts

__all__ = [
    "PAYLOADS",
    "AudioScores",
    "ChordSpans",
    "FaceTracks",
    "FrameScores",
    "Header",
    "LoudnessCurve",
    "MediaFacts",
    "NoteEvents",
    "Observation",
    "Onsets",
    "Payload",
    "PitchTrack",
    "Shots",
    "SyncCurve",
    "TextSpans",
    "Thumbnails",
    "Transcript",
    "fingerprint_of",
    "observation_from_json",
]


@dataclass(frozen=True, slots=True)
class Header:
    """Who saw what: the provenance of one observation, and its address in the store.

    ``device`` is the class of machine that it was computed on: ``cpu``, ``cuda``, ...
    """

    clip_id: str
    producer: str
    revision: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def fingerprint(self) -> str:
        """32 hex digits of sha256 over every field."""
        return fingerprint_of(self.clip_id, self.text)

    @property
    def text(self) -> str:
        """All but the clip, as one line of JSON."""
        fields = [self.producer, self.revision, dict(self.parameters), self.views, dict(self.libraries)]
        if self.device != "cpu":
            fields.append(self.device)
        return canonical_json(fields)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}


def fingerprint_of(clip_id: str, header_text: str) -> str:
    """The fingerprint of an observation of a clip, from :attr:`Header.text` of its producer: 32 hex digits."""
    return hashlib.sha256(f"{canonical_json(clip_id)}{header_text}".encode()).hexdigest()[:32]


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
    | JudgeReply
    | Answers
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
