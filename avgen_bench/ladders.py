"""Does a system obey the amount? Prompts that differ in one dial, and what was measured at each rung.

A rung's reading is a measured amount, whatever was asked: beats a minute, MIDI number, events, events a second, speed
of motion, faces, mean luma, letters read, shots, words a minute, integrated loudness. A group's response compares its
readings with what was asked: the share of neighbouring rungs that go the right way, Kendall's tau-b (Kendall 1945),
and the slope of the reading against the amount, in doublings for dials whose amounts multiply, else in units, so that
1 is a system that does what it is told, 0 one that ignores the dial, and -1 one that turns it the wrong way. Loudness
and brightness have no absolute scale in a clip: their slope is in decibels (or shares of full range) per step of what
was asked, and only their order counts.

A rung without a reading (no clip, no face, no beat) is left out of its group's slope and stands in its count; a group
with fewer than three readings has no response. What a dial is read from is observed in runs that measure control or
name no dimension, whatever the constraints need.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from avgen_bench._lazy import lazy
from avgen_bench.constraints.sight import Sight
from avgen_bench.types import (
    Constraint,
    FaceTracks,
    FrameScores,
    Lacking,
    LoudnessCurve,
    MediaFacts,
    NoteEvents,
    Onsets,
    Payload,
    Prompt,
    Shots,
    TextSpans,
    Transcript,
)

np = lazy("numpy")

__all__ = ["DIALS", "LEAST_RUNGS", "Dial", "Response", "needs_of", "reading", "respond", "responses", "summarise_dials"]

LEAST_RUNGS = 3
RESAMPLES = 2000
SATURATED = 0.1
"""A step between two rungs that gives less than this share of the change asked for is saturated."""

Seen = Mapping[str, Payload | Lacking]


@dataclass(frozen=True, slots=True)
class Dial:
    """How a dial is read: the backbones it needs, the reading, and whether its amounts multiply or add."""

    needs: tuple[str, ...]
    read: Callable[[Prompt, MediaFacts, Seen], float | None]
    ratio: bool = False
    absolute: bool = True


def _stated(prompt: Prompt, kind: str) -> Constraint | None:
    return next((item for item in prompt.constraints if item.kind == kind), None)


def _window(prompt: Prompt, media: MediaFacts, kind: str) -> tuple[float, float]:
    constraint = _stated(prompt, kind)
    if constraint is None:
        return 0.0, media.duration_s
    return Sight(prompt, media, {}).window(constraint)


def _inside(prompt: Prompt, media: MediaFacts, kind: str, times_s: Iterable[float]) -> list[float]:
    start_s, end_s = _window(prompt, media, kind)
    return [time for time in times_s if start_s <= time < end_s]


def _loudness(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    curve = seen.get("loudness")
    return curve.integrated_lufs if isinstance(curve, LoudnessCurve) else None


def _tempo(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    beats = seen.get("beats")
    return beats.tempo_bpm if isinstance(beats, Onsets) else None


def _pitch(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    notes = seen.get("pitch")
    if not isinstance(notes, NoteEvents) or not notes.midis:
        return None
    lengths = [end - start for start, end in zip(notes.onsets_s, notes.offsets_s, strict=True)]
    longest = max(range(len(lengths)), key=lambda place: lengths[place])
    return notes.midis[longest]


def _count(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    onsets = seen.get("onsets")
    if not isinstance(onsets, Onsets):
        return None
    return float(len(_inside(prompt, media, "event_count", onsets.times_s)))


def _rate(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    onsets = seen.get("onsets")
    if not isinstance(onsets, Onsets):
        return None
    times = _inside(prompt, media, "event_rate", onsets.times_s)
    gaps = [after - before for before, after in pairwise(times) if after > before]
    return 1.0 / statistics.median(gaps) if gaps else None


def _speed(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    motion = seen.get("motion")
    if not isinstance(motion, FrameScores) or not motion.columns.get("speed"):
        return None
    moving = [value for value in motion.columns["speed"] if value > 0]
    return statistics.median(moving) if moving else None


def _faces(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    tracks = seen.get("faces")
    if not isinstance(tracks, FaceTracks) or not tracks.counts:
        return None
    ordered = sorted(tracks.counts, reverse=True)
    return float(ordered[min(1, len(ordered) - 1)])  # seen in two looks


def _luma(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    colours = seen.get("colours")
    if not isinstance(colours, FrameScores) or not colours.columns.get("luma"):
        return None
    return statistics.fmean(colours.columns["luma"])


def _letters(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    spans = seen.get("ocr")
    if not isinstance(spans, TextSpans):
        return None
    return float(max((sum(char.isalnum() for char in text) for text in spans.texts), default=0))


def _shots(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    cuts = seen.get("cuts")
    return float(len(cuts.cuts_s) + 1) if isinstance(cuts, Shots) and media.picture is not None else None


def _words(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    transcript = seen.get("speech")
    if not isinstance(transcript, Transcript) or len(transcript.words) < 3:
        return None
    seconds = transcript.ends_s[-1] - transcript.starts_s[0]
    return 60.0 * len(transcript.words) / seconds if seconds > 0 else None


DIALS: dict[str, Dial] = {
    "loudness": Dial(("loudness",), _loudness, absolute=False),
    "tempo": Dial(("beats",), _tempo, ratio=True),
    "pitch": Dial(("pitch",), _pitch),
    "event_count": Dial(("onsets",), _count),
    "event_rate": Dial(("onsets",), _rate, ratio=True),
    "playing_speed": Dial(("motion",), _speed, ratio=True),
    "face_count": Dial(("faces",), _faces),
    "brightness": Dial(("colours",), _luma, absolute=False),
    "text_length": Dial(("ocr",), _letters),
    "shot_count": Dial(("cuts",), _shots),
    "speech_rate": Dial(("speech",), _words, ratio=True),
}


def needs_of(prompt: Prompt | None) -> tuple[str, ...]:
    """The backbones that a rung's reading needs; none outside ladders."""
    if prompt is None or prompt.ladder is None or prompt.ladder.dial not in DIALS:
        return ()
    return DIALS[prompt.ladder.dial].needs


def reading(prompt: Prompt, media: MediaFacts, seen: Seen) -> float | None:
    """What was measured of the dial in one clip; None where there is nothing to read, or no instrument."""
    if prompt.ladder is None or prompt.ladder.dial not in DIALS:
        return None
    value = DIALS[prompt.ladder.dial].read(prompt, media, seen)
    return None if value is None or not math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class Response:
    """How one group of rungs was answered.

    Attributes:
        rungs: how many there are; ``read`` how many have a reading.
        monotonic: share of neighbouring rungs whose readings rise, 0 to 1; None below three readings.
        tau: Kendall's tau-b, -1 to 1; None below three readings, 0 where all readings are equal.
        slope: of the readings against the amounts: 1 obeys; for dials without an absolute scale per doubling or unit.
        saturation: share of steps whose change is under a tenth of the change asked; None without an absolute scale.
    """

    group: str
    dial: str
    rungs: int
    read: int
    monotonic: float | None
    tau: float | None
    slope: float | None
    saturation: float | None


def _tau(asked: Sequence[float], got: Sequence[float]) -> float:
    """Kendall's tau-b; 0 where one side is constant."""
    concordant = ties_asked = ties_got = pairs = 0
    for (a, x), (b, y) in combinations(zip(asked, got, strict=True), 2):
        pairs += 1
        ties_asked += a == b
        ties_got += x == y
        concordant += (a > b) - (a < b) == (x > y) - (x < y) and a != b and x != y
    discordant = (
        pairs
        - concordant
        - ties_asked
        - ties_got
        + sum(a == b and x == y for (a, x), (b, y) in combinations(zip(asked, got, strict=True), 2))
    )
    scale = math.sqrt((pairs - ties_asked) * (pairs - ties_got))
    return (concordant - discordant) / scale if scale else 0.0


def respond(group: str, dial: str, amounts: Sequence[float], readings: Sequence[float | None]) -> Response:
    """The response of one group.

    Args:
        group: its name.
        dial: one of :data:`DIALS`.
        amounts: what each rung asks, rising.
        readings: what was measured at each, in the same order.

    >>> respond("g", "tempo", [60, 90, 120], [61.0, 88.0, 121.0]).tau
    1.0
    """
    facts = DIALS[dial]
    pairs = [(asked, got) for asked, got in zip(amounts, readings, strict=True) if got is not None]
    if facts.ratio:
        pairs = [(math.log2(asked), math.log2(got)) for asked, got in pairs if asked > 0 and got > 0]
    if len(pairs) < LEAST_RUNGS:
        return Response(group, dial, len(amounts), len(pairs), None, None, None, None)
    asked, got = zip(*pairs, strict=True)
    steps = [(b - a, y - x) for (a, x), (b, y) in pairwise(pairs)]
    middle = statistics.fmean(asked)
    spread = math.fsum((a - middle) ** 2 for a in asked)
    slope = math.fsum((a - middle) * y for a, y in zip(asked, got, strict=True)) / spread
    flat = sum(abs(change) < SATURATED * wanted for wanted, change in steps) / len(steps)
    return Response(
        group,
        dial,
        len(amounts),
        len(pairs),
        sum(change > 0 for _, change in steps) / len(steps),
        _tau(asked, got),
        slope,
        flat if facts.absolute else None,
    )


def _interval(values: Sequence[float], seed: int = 20260101) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap interval of a mean over groups (Efron 1979); None below two groups."""
    if len(values) < 2:
        return None
    rows = np.asarray(values, dtype=float)
    picks = np.random.default_rng(seed).integers(0, len(rows), (RESAMPLES, len(rows)))
    low, high = np.percentile(rows[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def responses(
    rungs: Iterable[tuple[Prompt, float | None]],
) -> list[Response]:
    """The response of every group among prompts with their readings, in the order of the dials; takes are averaged."""
    groups: dict[tuple[str, str], dict[tuple[int, float], list[float]]] = {}
    for prompt, value in rungs:
        if prompt.ladder is None or prompt.ladder.dial not in DIALS:
            continue
        place = prompt.ladder
        found = groups.setdefault((place.dial, place.group), {}).setdefault((place.rung, place.amount), [])
        if value is not None:
            found.append(value)
    order = list(DIALS)
    out = []
    for (dial, group), found_rungs in sorted(groups.items(), key=lambda item: (order.index(item[0][0]), item[0][1])):
        asked = sorted(found_rungs)
        readings = [statistics.fmean(found_rungs[rung]) if found_rungs[rung] else None for rung in asked]
        out.append(respond(group, dial, [amount for _, amount in asked], readings))
    return out


def summarise_dials(responses: Iterable[Response]) -> list[dict[str, Any]]:
    """Per dial, and over all of them: groups, mean monotonic share, tau, slope, saturation, each with its interval.

    Intervals are over groups; slopes are averaged only over dials with an absolute scale.
    """
    every = list(responses)
    order = [dial for dial in DIALS if any(item.dial == dial for item in every)]
    rows = []
    for name in (*order, "all"):
        mine = [item for item in every if name in (item.dial, "all")]
        row: dict[str, Any] = {
            "dial": name,
            "groups": len(mine),
            "answered": sum(item.tau is not None for item in mine),
            "rungs": sum(item.rungs for item in mine),
            "read": sum(item.read for item in mine),
        }
        for figure in ("monotonic", "tau", "slope", "saturation"):
            kept = [item for item in mine if name != "all" or figure != "slope" or DIALS[item.dial].absolute]
            values = [value for value in (getattr(item, figure) for item in kept) if value is not None]
            row[figure] = statistics.fmean(values) if values else None
            row[f"{figure}_ci"] = _interval(values)
        rows.append(row)
    return rows
