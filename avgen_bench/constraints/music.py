"""Notes, chords, keys and beats that are played."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from avgen_bench.constraints import theory
from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed, passed, unverifiable
from avgen_bench.types import ChordSpans, Constraint, Evidence, NoteEvents, Onsets, Prompt, Transcript, Verdict

__all__ = ["Chord", "ChordSequence", "Key", "NoteSequence", "Scale", "SingleNote", "Tempo"]

LEAST_NOTE_S = 0.08
"""Shortest note of a sequence."""
LEAST_OTHER_S = 0.18
"""Shortest note that counts against a single note: a slide or a touched string passes by."""
LEAST_SURE = 0.55
LEAST_CHORD_S = 0.5
LEAST_CHORD_SURE = 0.8
"""Cosine with the chord's pitch classes below which speech and noise lie, and no chord."""
LEAST_KEY = 0.5
"""Correlation with a key's profile below which no key stands out."""
LOWEST, HIGHEST = 30, 96
"""MIDI numbers that the pitch track reaches: F#1 to C7."""
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LINES = ("line_spoken", "lines_in_order", "speech_language", "voice_count", "speech_rate")


@dataclass(frozen=True, slots=True)
class _Heard:
    """A note or a chord as it was heard: ``value`` is a MIDI number, or a label."""

    start_s: float
    end_s: float
    value: Any

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


def _note_name(midi: float) -> str:
    whole = math.floor(midi + 0.5)
    cents = round(100 * (midi - whole))
    return f"{_NAMES[whole % 12]}{whole // 12 - 1}" + (f" {cents:+d} cents" if abs(cents) >= 10 else "")


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts[:16]) + (f" and {len(texts) - 16} more" if len(texts) > 16 else "")


def _spans(heard: Iterable[_Heard], name: Callable[[Any], str]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence("span", name(item.value), start_s=item.start_s, end_s=item.end_s) for item in list(heard)[:40]
    )


def _moment(heard: Sequence[_Heard]) -> dict[str, float]:
    return {"start_s": heard[0].start_s, "end_s": heard[-1].end_s} if heard else {}


def _spoken(sight: Sight) -> tuple[list[tuple[float, float]], str]:
    """The stretches with words, where the prompt has lines spoken, and what is missing to know them.

    Where nobody is asked to speak a voice may well be what sings the note, so that nothing is left out.
    """
    if not any(constraint.kind in _LINES for constraint in sight.prompt.constraints):
        return [], ""
    said = sight.seen.get("speech")
    if not isinstance(said, Transcript):
        return [], "speech could not be told from music" + (f" ({said.remedy})" if said is not None else "")  # type: ignore[union-attr]
    return list(zip(said.starts_s, said.ends_s, strict=True)), ""


def _talked_over(start_s: float, end_s: float, words: Iterable[tuple[float, float]]) -> bool:
    """Whether more than half of a stretch lies within words."""
    covered = sum(max(0.0, min(end_s, end + 0.05) - max(start_s, start - 0.05)) for start, end in words)
    return covered > 0.5 * (end_s - start_s)


def _within(heard: Iterable[_Heard], window: tuple[float, float]) -> list[_Heard]:
    """Those that begin in a window, or lie in it by half."""
    start, end = window
    return [
        item
        for item in heard
        if start <= item.start_s < end or min(end, item.end_s) - max(start, item.start_s) >= 0.5 * item.seconds > 0
    ]


def _notes(constraint: Constraint, sight: Sight) -> tuple[list[_Heard], str]:
    """The notes in a constraint's window without those that are speech, and why that may be wrong."""
    seen: NoteEvents = sight.of("pitch")
    words, doubt = _spoken(sight)
    rows = zip(seen.onsets_s, seen.offsets_s, seen.midis, seen.confidences, strict=True)
    heard = [
        _Heard(start, end, midi)
        for start, end, midi, sure in rows
        if end - start >= LEAST_NOTE_S and sure >= LEAST_SURE and not _talked_over(start, end, words)
    ]
    return _within(heard, sight.window(constraint)), doubt


def _doubted(verdict: Verdict, doubt: str, constraint: Constraint) -> Verdict:
    """A failure that speech may have caused cannot be verified."""
    if not doubt or verdict.strict != "fail":
        return verdict
    return unverifiable(constraint, f"{doubt}; otherwise: {verdict.reason}", verdict.found, verdict.evidence)


def _out_of_reach(constraint: Constraint, names: Iterable[str]) -> Verdict | None:
    """The verdict where a note is asked that the pitch track cannot hear."""
    for name in names:
        midi = theory.note_midi(name)
        if midi is not None and not LOWEST <= midi <= HIGHEST:
            return unverifiable(constraint, f"{name} lies outside what the pitch track hears (F#1 to C7)")
    return None


def _away(midi: float, name: str, octaves: bool = True) -> float:
    """Semitones from a note to a named one; to the nearest of its octaves where it states none, or none matter."""
    asked = theory.note_midi(name) if octaves else None
    if asked is not None:
        return abs(midi - asked)
    apart = (midi - theory.note_class(name)) % 12
    return min(apart, 12 - apart)


def _is_one_of(midi: float, names: Iterable[str]) -> bool:
    """Whether a note is one of the named, in any octave."""
    return any(_away(midi, name, octaves=False) <= 0.5 for name in names)


def _alongside(constraint: Constraint, sight: Sight) -> list[Constraint]:
    """The other constraints that hold for some of the same time."""
    start, end = sight.window(constraint)
    out: list[Constraint] = []
    for other in sight.prompt.constraints:
        first, last = sight.window(other)
        if other.id != constraint.id and min(end, last) - max(start, first) > 1e-6:
            out.append(other)
    return out


def _stated_notes(constraint: Constraint, sight: Sight) -> list[str]:
    """The notes that other constraints state for some of the same time; octaves do not matter."""
    out: list[str] = []
    for other in _alongside(constraint, sight):
        if other.kind == "single_note":
            out.append(other.get("note"))
        elif other.kind == "note_sequence":
            out += other.get("notes")
        elif other.kind == "scale":
            tonic, steps = theory.scale_steps(other.get("key"))
            out += [_NAMES[(tonic + step) % 12] for step in steps]
        elif other.kind in ("chord", "chord_sequence"):
            for chord in (other.get("chord"),) if other.kind == "chord" else other.get("chords"):
                out += [_NAMES[one] for one in theory.chord_classes(chord)]
    return out


def _edits(heard: Sequence[Any], asked: Sequence[Any], same: Callable[[Any, Any], bool]) -> int:
    """Fewest insertions, deletions and replacements from one sequence to the other."""
    row = list(range(len(asked) + 1))
    for i, one in enumerate(heard, 1):
        before, row[0] = row[0], i
        for j, two in enumerate(asked, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (not same(one, two)))
    return row[-1]


class _Played(Kind):
    """What is played: words are set apart from notes, but only where the prompt has somebody speak.

    ``_verdict`` of each kind is that on a clip with a sound track.
    """

    def needs_of(self, prompt: Prompt) -> tuple[str, ...]:
        """The kind's needs; the transcript only where the prompt has spoken lines."""
        if any(item.kind in _LINES for item in prompt.constraints):
            return self.facts.needs
        return tuple(name for name in self.facts.needs if name != "speech")

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """A clip without sound fails; else what is heard decides."""
        if sight.media.sound is None or sight.media.sound.units == 0:
            return failed(constraint, "no sound track", "nothing is heard: the clip has no sound track")
        return self._verdict(constraint, sight)

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        raise NotImplementedError


class SingleNote(_Played):
    """One note sounds."""

    facts = KindFacts(
        kind="single_note",
        theme="music",
        summary="the note sounds, and in its window no note that the prompt does not state",
        check="Every note heard for 0.18 s or longer must lie within the strict tolerance of the note, in its octave "
        "where one is stated; loosely, in any octave. Notes that other constraints state for the same time, and words "
        "where the prompt has lines, are left out.",
        required=("note",),
        optional=WINDOW,
        tolerance=Tolerance(50.0, 50.0, "cents"),
        has_moment=True,
        needs=("pitch", "speech"),
    )

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The note farthest from the one asked decides."""
        name = constraint.get("note")
        done = _out_of_reach(constraint, (name,))
        if done is not None:
            return done
        heard, doubt = _notes(constraint, sight)
        stated = _stated_notes(constraint, sight)
        mine = [
            item
            for item in heard
            if _is_one_of(item.value, (name,)) or (item.seconds >= LEAST_OTHER_S and not _is_one_of(item.value, stated))
        ]
        if not mine:
            found = "no note" if not heard else f"only {_listed([_note_name(item.value) for item in heard])}"
            verdict = failed(constraint, found, f"{name} is not heard", evidence=_spans(heard, _note_name))
            return _doubted(verdict, doubt, constraint)
        longest: dict[str, _Heard] = {}
        for item in mine:
            key = _note_name(round(item.value))
            if key not in longest or item.seconds > longest[key].seconds:
                longest[key] = item
        found = _listed([_note_name(item.value) for item in longest.values()])
        tolerance = self.facts.tolerance
        assert tolerance is not None
        strict = 100 * max(_away(item.value, name) for item in mine)
        loosely = 100 * max(_away(item.value, name, octaves=False) for item in mine)
        near = [item for item in mine if 100 * _away(item.value, name) <= tolerance.strict]
        more: dict[str, Any] = {"evidence": _spans(mine, _note_name), **_moment(near or mine)}
        margin = tolerance.strict - strict
        if strict <= tolerance.strict:
            return passed(constraint, found, margin, **more)
        reason = f"{strict:.0f} cents from {name}" if len(longest) == 1 else f"another note than {name} is heard"
        loose = loosely <= tolerance.loose
        return _doubted(failed(constraint, found, reason, margin, loose, **more), doubt, constraint)


class NoteSequence(_Played):
    """These notes are played, in this order."""

    facts = KindFacts(
        kind="note_sequence",
        theme="music",
        summary="the notes are played in the order stated, with nothing between them",
        check="The notes heard, in order of onset, must be those stated to half a semitone (octaves where stated); the "
        "edit distance divided by the number of notes stated must be within tolerance. Notes that other constraints "
        "state, and words where the prompt has lines, are left out.",
        required=("notes",),
        optional=WINDOW,
        tolerance=Tolerance(0.0, 0.2, "note error rate"),
        has_moment=True,
        needs=("pitch", "speech"),
    )

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The edit distance between what is heard and what is asked decides."""
        asked = constraint.get("notes")
        done = _out_of_reach(constraint, asked)
        if done is not None:
            return done
        heard, doubt = _notes(constraint, sight)
        stated = _stated_notes(constraint, sight)
        heard = [item for item in heard if _is_one_of(item.value, asked) or not _is_one_of(item.value, stated)]
        wrong = _edits([item.value for item in heard], asked, lambda midi, name: _away(midi, name) <= 0.5)
        return _doubted(_by_edits(constraint, heard, wrong, len(asked), ", ".join(asked)), doubt, constraint)


def _by_edits(constraint: Constraint, heard: Sequence[_Heard], wrong: int, count: int, asked: str) -> Verdict:
    """The verdict on a sequence of notes that differs from the one asked by ``wrong`` edits."""
    if not heard:
        return failed(constraint, "no note", "no note is heard")
    found = _listed([_note_name(item.value) for item in heard])
    reason = f"{wrong} of {count} notes differ from {asked}" if wrong <= count else f"not {asked}"
    more: dict[str, Any] = {"evidence": _spans(heard, _note_name), **_moment(heard)}
    return by_error(constraint, wrong / count, found, reason, **more)


class Scale(_Played):
    """A scale is played."""

    facts = KindFacts(
        kind="scale",
        theme="music",
        summary="the scale is played from tonic to tonic in the direction stated",
        check="The notes heard, in order of onset, must be the steps of one to three octaves of the scale; the edit "
        "distance divided by the number of steps must be within tolerance.",
        required=("key", "direction"),
        tolerance=Tolerance(0.0, 0.2, "note error rate"),
        has_moment=True,
        needs=("pitch", "speech"),
    )

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The edit distance to the nearest run of one to three octaves decides."""
        heard, doubt = _notes(constraint, sight)
        played = [item.value for item in heard]
        runs = list(_runs(constraint.get("key"), constraint.get("direction")))
        best: tuple[float, int, int] = (math.inf, 0, 1)
        for run in runs if played else ():
            wrong = _edits(played, run, lambda midi, step: abs(midi - step) <= 0.5)
            best = min(best, (wrong / len(run), wrong, len(run)))
        asked = f"{constraint.get('key')}, {constraint.get('direction').replace('_', ' and ')}"
        return _doubted(_by_edits(constraint, heard, best[1], best[2], asked), doubt, constraint)

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A scale goes up, down, or up and down."""
        if params["direction"] == "steady":
            yield "'direction' is 'steady'; a scale rises, falls or rises_falls"


def _runs(key: str, direction: str) -> Iterator[tuple[int, ...]]:
    """Every way to play a scale in MIDI numbers: from any octave, through one to three, the top once or twice."""
    tonic, steps = theory.scale_steps(key)
    down = theory.SCALES["minor"] if key.endswith("melodic minor") else steps  # it descends as the natural minor
    for octaves in (1, 2, 3):
        for base in range(12 + tonic, 121 - 12 * octaves, 12):
            top = base + 12 * octaves
            up = (*(base + 12 * octave + step for octave in range(octaves) for step in steps), top)
            for fall in dict.fromkeys((steps, down)):
                back = (*(base + 12 * octave + step for octave in range(octaves) for step in fall), top)[::-1]
                if direction == "rises":
                    yield up
                elif direction == "falls":
                    yield back
                else:
                    yield (*up, *back[1:])
                    yield (*up, *back)


def _chords(constraint: Constraint, sight: Sight) -> tuple[list[_Heard], str]:
    """The chords in a constraint's window, without those under words, equal neighbours joined."""
    seen: ChordSpans = sight.of("chords")
    words, doubt = _spoken(sight)
    start, end = sight.window(constraint)
    out: list[_Heard] = []
    for label, first, last, sure in zip(seen.labels, seen.starts_s, seen.ends_s, seen.confidences, strict=True):
        first, last = max(start, first), min(end, last)
        if last - first < LEAST_CHORD_S - 1e-6 or sure < LEAST_CHORD_SURE or _talked_over(first, last, words):
            continue
        if out and _same_chord(out[-1].value, label):
            out[-1] = _Heard(out[-1].start_s, last, out[-1].value)
        else:
            out.append(_Heard(first, last, label))
    return out, doubt


def _same_chord(one: str, other: str) -> bool:
    return set(theory.chord_classes(one)) == set(theory.chord_classes(other))


_SEVENTH = "the triad is heard, but a soft fourth note of the chord asked for cannot be told from its absence"


def _may_be_chord(heard: str, asked: str) -> bool:
    """Whether a chord is the one asked for, or that one without its fourth note, which is easily missed."""
    one, other = set(theory.chord_classes(heard)), set(theory.chord_classes(asked))
    return one == other or (one < other and heard[:1] == asked[:1] and len(other) == 4)


class Chord(_Played):
    """A chord sounds."""

    facts = KindFacts(
        kind="chord",
        theme="music",
        summary="the chord sounds, and in its window no chord that the prompt does not state",
        check="The chords heard, each half a second or longer, must have the pitch classes of the chord; the share "
        "of chord time that is another chord, which no other constraint states, must be within tolerance. Where only "
        "the fourth note of the chord is missing, the verdict is unverifiable.",
        required=("chord",),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.3, "share of chord time"),
        has_moment=True,
        needs=("chords", "speech"),
    )

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The share of time with another chord decides."""
        heard, doubt = _chords(constraint, sight)
        asked = constraint.get("chord")
        if not heard:
            return _doubted(failed(constraint, "no chord", "no chord is heard"), doubt, constraint)
        stated: list[str] = []
        for other in _alongside(constraint, sight):
            stated += [other.get("chord")] if other.kind == "chord" else other.get("chords", ())
        mine = [item for item in heard if _same_chord(item.value, asked)]
        wrong = [
            item
            for item in heard
            if item not in mine and not any(_same_chord(item.value, one) for one in stated if one)
        ]
        total = sum(item.seconds for item in (*mine, *wrong))
        found = _listed([item.value for item in heard])
        more: dict[str, Any] = {"evidence": _spans(heard, str), **_moment(mine)}
        tolerance = self.facts.tolerance
        assert tolerance is not None
        if not mine:
            if wrong and all(_may_be_chord(item.value, asked) for item in wrong):
                return unverifiable(constraint, _SEVENTH, found, _spans(heard, str))
            verdict = failed(constraint, found, f"{asked} is not heard", tolerance.strict - 1.0, **more)
            return _doubted(verdict, doubt, constraint)
        share = sum(item.seconds for item in wrong) / total
        unsure = sum(item.seconds for item in wrong if not _may_be_chord(item.value, asked))
        if unsure / total <= tolerance.strict < share:
            return unverifiable(constraint, _SEVENTH, found, _spans(heard, str))
        verdict = by_error(constraint, share, found, f"{share:.0%} of the chord time is not {asked}", **more)
        return _doubted(verdict, doubt, constraint)


class ChordSequence(_Played):
    """These chords are played, in this order."""

    facts = KindFacts(
        kind="chord_sequence",
        theme="music",
        summary="the chords are played in the order stated",
        check="The chords heard, each half a second or longer, repeats joined, must be those stated; the edit distance "
        "divided by the number of chords stated must be within tolerance. Where only the fourth notes of chords are "
        "missing, the verdict is unverifiable.",
        required=("chords",),
        tolerance=Tolerance(0.0, 0.25, "chord error rate"),
        has_moment=True,
        needs=("chords", "speech"),
    )

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The edit distance between what is heard and what is asked, repeats joined in both, decides."""
        heard, doubt = _chords(constraint, sight)
        asked: list[str] = []
        for name in constraint.get("chords"):
            if not asked or not _same_chord(asked[-1], name):
                asked.append(name)
        if not heard:
            return _doubted(failed(constraint, "no chord", "no chord is heard"), doubt, constraint)
        wrong = _edits([item.value for item in heard], asked, _same_chord)
        found = _listed([item.value for item in heard])
        if wrong and not _edits([item.value for item in heard], asked, _may_be_chord):
            return unverifiable(constraint, _SEVENTH, found, _spans(heard, str))
        reason = f"{wrong} of {len(asked)} chords differ from {', '.join(asked)}"
        more: dict[str, Any] = {"evidence": _spans(heard, str), **_moment(heard)}
        return _doubted(by_error(constraint, wrong / len(asked), found, reason, **more), doubt, constraint)


class Key(_Played):
    """The music is in this key."""

    facts = KindFacts(
        kind="key",
        theme="music",
        summary="the music is in the key stated",
        check="The key found from the profile of pitch classes must be the key stated; loosely, its relative, "
        "parallel or neighbouring key on the circle of fifths will do.",
        required=("key",),
        tolerance=Tolerance(0.0, 1.0, "steps of relation"),
        needs=("chords",),
    )

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The key that fits best decides."""
        seen: ChordSpans = sight.of("chords")
        if not seen.keys:
            return failed(constraint, "no pitch", "no music is heard")
        found = ", then ".join(
            f"{key} ({strength:.2f})" for key, strength in list(zip(seen.keys, seen.key_strengths, strict=True))[:2]
        )
        evidence = tuple(
            Evidence("part", key, strength, "correlation")
            for key, strength in list(zip(seen.keys, seen.key_strengths, strict=True))[:5]
        )
        if seen.key_strengths[0] < LEAST_KEY:
            return unverifiable(constraint, "no key stands out", found, evidence)
        asked = constraint.get("key")
        reason = f"heard in {seen.keys[0]}, not {asked}"
        return by_error(constraint, _relation(seen.keys[0], asked), found, reason, evidence=evidence)

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A key is major or minor; other modes are scales."""
        try:
            theory.key_classes(params["key"])
        except ValueError as error:
            yield f"'key' is not right: {error}"


def _relation(one: str, other: str) -> float:
    """0 for the same key, 1 for a relative, parallel or neighbouring one, 2 for any other."""
    (tonic, _, mode), (asked, _, asked_mode) = one.partition(" "), other.partition(" ")
    apart = (theory.note_class(tonic) - theory.note_class(asked)) % 12
    if mode == asked_mode:
        return {0: 0.0, 5: 1.0, 7: 1.0}.get(apart, 2.0)
    return 1.0 if apart in (0, 9 if asked_mode == "major" else 3) else 2.0


class Tempo(_Played):
    """The beat has this tempo."""

    facts = KindFacts(
        kind="tempo",
        theme="music",
        summary="the beat has the tempo stated",
        check="The tempo found from onsets must be the one stated within tolerance; loosely, half and double of it "
        "will do.",
        required=("bpm",),
        tolerance=Tolerance(0.04, 0.08, "share of the tempo"),
        needs=("beats", "speech"),
    )

    def _verdict(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The distance of the tempo from the one asked decides."""
        seen: Onsets = sight.of("beats")
        words, doubt = _spoken(sight)
        if not doubt and seen.times_s:
            spoken = sum(any(start - 0.1 <= time <= end for start, end in words) for time in seen.times_s)
            if spoken > 0.3 * len(seen.times_s):
                doubt = "speech lies over the beat"
        asked = constraint.get("bpm")
        evidence = tuple(
            Evidence("span", "onset", strength, "dB", start_s=time, end_s=time)
            for time, strength in list(zip(seen.times_s, seen.strengths_db, strict=True))[:60]
        )
        count = len(seen.times_s)
        if seen.tempo_bpm is None:
            room = sight.media.duration_s * asked / 60
            if not count or (count == 1 and room >= 4):
                found = "no beat" if not count else "one onset"
                return failed(constraint, found, "nothing sharp enough for a beat is heard", evidence=evidence)
            found = f"{count} onset{'s' * (count > 1)} without a beat"
            if count < 4:
                return unverifiable(constraint, "too few onsets to tell a tempo", found, evidence)
            verdict = failed(constraint, found, "the onsets keep no steady beat", evidence=evidence)
            return _doubted(verdict, doubt, constraint)
        tolerance = self.facts.tolerance
        assert tolerance is not None
        error = abs(seen.tempo_bpm / asked - 1)
        found = f"{seen.tempo_bpm:.1f} beats per minute"
        if error <= tolerance.strict:
            return passed(constraint, found, tolerance.strict - error, evidence=evidence)
        loose = min(abs(seen.tempo_bpm * factor / asked - 1) for factor in (0.5, 1.0, 2.0)) <= tolerance.loose
        reason = f"{found}, not {asked:g}"
        verdict = failed(constraint, found, reason, tolerance.strict - error, loose, evidence=evidence)
        return _doubted(verdict, doubt, constraint)
