"""When what happens in a performance: everything that a simple stage can do for a prompt, laid out in time.

Conventions
    A :class:`Play` says all that is drawn and played; times are seconds from the first frame. What is heard comes one
    after another (lines, strikes, notes), so that each may be counted for itself. A window of a constraint means what
    the checkers mean: shares of the clip or seconds, negative ones from its end. What finds no room is left out.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from avgen_bench.errors import FactoryError
from avgen_bench.factory import truth_speech
from avgen_bench.types import Constraint, Prompt

__all__ = ["Caption", "Line", "Music", "Play", "Strike", "layout", "window"]

PAUSE_S = 0.4
LEAD_S = 0.3
EVENT_KINDS = ("event_count", "event_rate", "even_spacing")
MUSIC_KINDS = ("single_note", "note_sequence", "scale", "chord", "chord_sequence", "key")
ENGLISH = (("flite", "slt"), ("flite", "rms"), ("flite", "awb"), ("espeak-ng", "en-gb-x-rp+f5"))
LOCALES = {"es": "es", "de": "de", "fr": "fr-fr", "it": "it", "pt": "pt-br"}
"""Languages whose synthetic voices are understood."""
UNHURRIED = 0.9
"""Times a voice's usual rate, where no rate is asked."""
VARIANTS = ("+m3", "+f5", "+m7", "+f2")
TINTED = ("blue", "green", "purple", "red")
"""Colours that stay what they are when they get darker."""
_FAMILIES = (
    ("beep|alarm|buzz|signal", "pip"),
    ("bell|chime|ring|gong|triangle", "handbell"),
    ("drip|drop|splash|plop", "plop"),
    ("clap|slap", "clap"),
    ("snap|click|snip", "snap"),
    ("tick|tap", "tick"),
    ("bark|croak|call", "bark"),
    ("cut|chop|knife", "chop"),
    ("glass|ding", "glass"),
)
_STEPS = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_CHORD = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "5": (0, 7),
}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass
class Line:
    """A line: what was asked, what is said, by whom, when."""

    text: str
    said: str
    language: str
    voice: tuple[str, str]
    speed: float
    at_s: float
    length_s: float

    @property
    def end_s(self) -> float:
        """When its last word ends."""
        return self.at_s + self.length_s


@dataclass
class Caption:
    """Words in the picture."""

    text: str
    shown: str
    language: str
    start_s: float
    end_s: float
    row: int = 0


@dataclass
class Strike:
    """One sharp sound; ``event`` names what it stands for."""

    at_s: float
    family: str
    event: str


@dataclass
class Music:
    """What is played for one constraint: rows of (s from its start, how long, MIDI number)."""

    id: str
    kind: str
    start_s: float
    hits: list[tuple[float, float, int]]
    is_right: bool = True

    @property
    def end_s(self) -> float:
        """When its last note ends."""
        return self.start_s + max(at_s + hold_s for at_s, hold_s, _ in self.hits)


@dataclass
class Play:
    """All that is drawn and played.

    Attributes:
        faces: (from, to, how many); people are taken in order of ``cast``, those of ``stranger_s`` replace the first.
        levels: points (s, dB) of the gain of all that is heard.
        lights: points (s, gain) of the picture's light.
        colours: points (s, colour); between two it fades.
        speeds: (from, to, factor) of the playing speed, None for a stage where nothing runs.
    """

    duration_s: float
    lines: list[Line] = field(default_factory=list)
    captions: list[Caption] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    music: list[Music] = field(default_factory=list)
    silences: dict[str, tuple[float, float]] = field(default_factory=dict)
    cuts: list[float] = field(default_factory=list)
    faces: list[tuple[float, float, int]] = field(default_factory=list)
    stranger_s: float | None = None
    levels: list[tuple[float, float]] = field(default_factory=list)
    lights: list[tuple[float, float]] = field(default_factory=list)
    colours: list[tuple[float, str]] = field(default_factory=list)
    speeds: list[tuple[float, float, float]] = field(default_factory=list)
    base_speed: float = 0.0
    bed: str = ""
    bpm: float = 0.0


def window(
    constraint: Constraint, duration_s: float, start: str = "window_start", end: str = "window_end"
) -> tuple[float, float]:
    """The stretch that a constraint's window means in a clip of that length."""

    def edge(name: str, default: float) -> float:
        seconds = constraint.get(f"{name}_s")
        if seconds is None:
            return float(constraint.get(name, default)) * duration_s
        return min(max(0.0, float(seconds) if seconds > 0 else duration_s + float(seconds)), duration_s)

    return edge(start, 0.0), edge(end, 1.0)


def family_of(event: str) -> str:
    """The kind of sharp sound that suits an event's name."""
    for words, family in _FAMILIES:
        if re.search(rf"\b({words})", event.casefold()):
            return family
    return "wood"


# --------------------------------------------------------------------------- music


def _pitch(name: str, near: int = 64) -> int:
    """The MIDI number of a note; one without an octave lies as near as it can, or above."""
    match = re.fullmatch(r"([A-G])([#b]?)(-?\d)?", name)
    if match is None:
        raise FactoryError(f"{name!r} is no note")
    step = _LETTERS[match[1]] + {"#": 1, "b": -1, "": 0}[match[2]]
    if match[3] is not None:
        return 12 * (int(match[3]) + 1) + step
    return near + (step - near + 5) % 12 - 5


def _chord(name: str) -> list[int]:
    match = re.fullmatch(r"([A-G][#b]?)([a-z0-9]*)", name)
    if match is None or match[2] not in _CHORD:
        raise FactoryError(f"the chord {name!r} is not played here")
    root = _pitch(match[1], 53)
    return [root - 12, *(root + step for step in _CHORD[match[2]])]


def score(constraint: Constraint) -> list[tuple[float, float, int]]:
    """The notes that a constraint of theme music asks for, from 0 s.

    Raises:
        FactoryError: no instrument here plays that.
    """
    kind = constraint.kind
    if kind == "single_note":
        midis = [_pitch(constraint.get("note"))]
        hold_s = 1.4
    elif kind == "note_sequence":
        midis, hold_s = [], 0.5
        for name in constraint.get("notes"):
            midis.append(_pitch(name, midis[-1] if midis else 62))
    elif kind == "scale":
        tonic, _, mode = constraint.get("key").partition(" ")
        if mode not in _STEPS:
            raise FactoryError(f"the scale {mode!r} is not played here")
        base = _pitch(tonic, 61)
        up = [base + step for step in (*_STEPS[mode], 12)]
        down = [base + step for step in (*_STEPS["minor" if mode == "melodic minor" else mode], 12)][::-1]
        direction = constraint.get("direction")
        midis = up if direction == "rises" else down if direction == "falls" else [*up, *down[1:]]
        hold_s = 0.36 if len(midis) > 9 else 0.42
    elif kind in ("chord", "chord_sequence", "key"):
        if kind == "key":
            tonic, _, mode = constraint.get("key").partition(" ")
            root = _pitch(tonic, 53)
            names: Sequence[Sequence[int]] = [
                [root + step - 12, *(root + step + third for third in triad)]
                for step, triad in (
                    ((0, (0, 4, 7)), (5, (0, 4, 7)), (7, (0, 4, 7)), (0, (0, 4, 7)))
                    if mode == "major"
                    else ((0, (0, 3, 7)), (5, (0, 3, 7)), (7, (0, 4, 7)), (0, (0, 3, 7)))
                )
            ]
        else:
            names = [
                _chord(name) for name in ([constraint.get("chord")] if kind == "chord" else constraint.get("chords"))
            ]
        hold_s = 1.8 if kind == "chord" else 1.2
        return [(index * hold_s, hold_s - 0.05, midi) for index, midis in enumerate(names) for midi in midis]
    else:
        raise FactoryError(f"{kind} is no music")
    if any(not 36 <= midi <= 96 for midi in midis):
        raise FactoryError("the notes lie outside the instruments")
    return [(index * hold_s, hold_s - 0.04, midi) for index, midi in enumerate(midis)]


# --------------------------------------------------------------------------- lines


def spoken(prompt: Prompt) -> list[Line]:
    """The lines that a prompt asks for, in order of their turns, unplaced; without those that nobody here can say."""
    asked: dict[str, str] = {}
    language_of_all = next((c.get("language") for c in prompt.constraints if c.kind == "speech_language"), "en")
    for constraint in prompt.constraints:
        if constraint.kind == "line_spoken":
            asked[constraint.get("text")] = constraint.get("language", "en")
    for constraint in prompt.constraints:
        if constraint.kind == "lines_in_order":
            for text in constraint.get("texts"):
                asked.setdefault(text, language_of_all)
    voices = next((c.get("count_min") for c in prompt.constraints if c.kind == "voice_count"), 1)
    texts = list(asked)
    for constraint in prompt.constraints:  # who speaks in turn, in the order of the turns
        if constraint.kind == "lines_in_order":
            turns = list(constraint.get("texts"))
            texts.sort(key=lambda text: turns.index(text) if text in turns else 99)
    lines = []
    for place, text in enumerate(texts):
        language = asked[text]
        who = place % min(max(1, voices), 4)
        if language == "en":
            voice = ENGLISH[who]
        elif language in LOCALES:
            voice = ("espeak-ng", LOCALES[language] + VARIANTS[who])
        else:
            continue
        lines.append(Line(text, text, language, voice, UNHURRIED, -1.0, 0.0))
    measure(lines)
    rate = next((c.get("words_per_minute") for c in prompt.constraints if c.kind == "speech_rate"), None)
    if rate is not None and lines:
        for _ in range(2):
            factor = rate / rate_of(lines)
            for line in lines:
                line.speed = min(1.9, max(0.5, line.speed * factor))
            measure(lines)
    return lines


def measure(lines: Iterable[Line]) -> None:
    """Sets how long each line takes to say."""
    for line in lines:
        line.length_s = truth_speech.speak(*line.voice, line.said, round(line.speed, 3)).size / 16000


def rate_of(lines: Sequence[Line]) -> float:
    """Words per minute of what is said."""
    words = sum(len(line.said.replace("-", " ").split()) for line in lines)
    return 60 * words / max(0.1, sum(line.length_s for line in lines))


# --------------------------------------------------------------------------- acts


@dataclass
class _Act:
    key: str
    kind: str  # line, events, music, silence, text, face
    length_s: float
    low_s: float
    high_s: float
    after: dict[str, float] = field(default_factory=dict)
    at_s: float = -1.0

    @property
    def is_heard(self) -> bool:
        return self.kind in ("line", "events", "music", "silence")


Span = tuple[float, float]


def _meets(start_s: float, end_s: float, spans: Iterable[Span]) -> bool:
    return any(start_s < last and first < end_s for first, last in spans)


class _Layout:
    """The layout of a prompt in a clip of one length."""

    def __init__(self, prompt: Prompt, duration_s: float, lines: Sequence[Line]) -> None:
        self.prompt = prompt
        self.duration_s = duration_s
        self.play = Play(duration_s)
        self.lines = [dataclasses.replace(line) for line in lines]
        self.acts: dict[str, _Act] = {}
        self.key_of: dict[str, str] = {}
        self.events: dict[str, list[Constraint]] = {}
        self.times: dict[str, list[float]] = {}
        self.quiet: list[Span] = []
        self.speechless: list[Span] = []
        self.wordless: list[Span] = []
        self.counted: dict[str, list[Span]] = {}

    def of(self, *kinds: str) -> Iterator[Constraint]:
        return (constraint for constraint in self.prompt.constraints if constraint.kind in kinds)

    def window(self, constraint: Constraint) -> Span:
        return window(constraint, self.duration_s)

    # ------------------------------------------------------------------ what there is to do

    def _is_whole(self, constraint: Constraint) -> bool:
        start_s, end_s = self.window(constraint)
        return start_s <= 0.01 and end_s >= self.duration_s - 0.01

    def regions(self) -> None:
        """The stretches in which something must not be."""
        for constraint in self.of("silence_during"):
            if constraint.get("duration_s") is None:
                span = self.window(constraint)
                self.quiet.append(span)
                self.play.silences[constraint.id] = span
        self.speechless = [self.window(c) for c in self.of("no_speech")]
        self.wordless = [self.window(c) for c in self.of("text_absent") if c.get("text") is None]
        others = bool(self.lines) or any(self.of(*MUSIC_KINDS, "tempo"))
        for constraint in self.of(*EVENT_KINDS):
            span = self.window(constraint)
            if (others and self._is_whole(constraint)) or constraint.get("rate_hz", 1.0) > 5:
                continue
            event = constraint.get("event")
            taken = [used for name, spans in self.counted.items() if name != event for used in spans]
            if _meets(*span, taken):
                continue
            self.events.setdefault(event, []).append(constraint)
            self.counted.setdefault(event, []).append(span)

    def _add(self, key: str, kind: str, length_s: float, low_s: float, high_s: float, *ids: str) -> None:
        for name in ids:
            self.key_of[name] = key
        if key in self.acts:
            act = self.acts[key]
            act.low_s, act.high_s = max(act.low_s, low_s), min(act.high_s, high_s)
            act.length_s = max(act.length_s, length_s)
        else:
            self.acts[key] = _Act(key, kind, length_s, low_s, high_s)

    def list_acts(self) -> None:
        """An act for each line, caption, group of strikes, tune and so on."""
        for line in self.lines:
            self._add(f"line {line.text}", "line", line.length_s, 0.0, self.duration_s)
        for constraint in self.of("line_spoken"):
            key = f"line {constraint.get('text')}"
            if key in self.acts:
                self._add(key, "line", 0.0, *self.window(constraint), constraint.id)
        for constraint in self.of("lines_in_order"):
            texts = constraint.get("texts")
            self.key_of[constraint.id] = f"line {texts[0]}"
            for one, two in itertools.pairwise(texts):
                self._edge(f"line {one}", f"line {two}", 0.3)
        ordered = {name for c in self.of("event_order", "cut_order") for name in c.get("refs")}
        for constraint in self.of("text_shown", "text_visible_for"):
            least_s = constraint.get("duration_s", 1.3) + 0.3
            self._add(f"text {constraint.get('text')}", "text", least_s, *self.window(constraint), constraint.id)
        for event, constraints in self.events.items():
            low_s = max(self.window(c)[0] for c in constraints)
            high_s = min(self.window(c)[1] for c in constraints)
            times = self._times(event, constraints, high_s - low_s)
            if times:
                self.times[event] = times
                ids = [c.id for c in constraints]
                self._add(f"events {event}", "events", times[-1] + 0.3, low_s, high_s, *ids)
        for constraint in self.of("silence_during"):
            if constraint.get("duration_s") is not None:
                length_s = constraint.get("duration_s") + 0.3
                self._add(f"silence {constraint.id}", "silence", length_s, *self.window(constraint), constraint.id)
        for constraint in self.of(*MUSIC_KINDS):
            if constraint.kind == "key" and any(self.of("scale", "chord", "chord_sequence", "note_sequence")):
                continue
            try:
                hits = score(constraint)
            except FactoryError:
                continue
            length_s = max(at_s + hold_s for at_s, hold_s, _ in hits)
            self._add(f"music {constraint.id}", "music", length_s + 0.2, *self.window(constraint), constraint.id)
        for constraint in self.of("face_count"):
            if constraint.id in ordered:
                self._add(f"face {constraint.id}", "face", 1.0, *self.window(constraint), constraint.id)
        for constraint in self.of("event_order", "cut_order"):
            gap_s = 0.6 if constraint.kind == "event_order" else 1.1
            keys = [self.key_of.get(name, "") for name in constraint.get("refs")]
            for one, two in itertools.pairwise([key for key in keys if key in self.acts]):
                self._edge(one, two, gap_s)

    def _edge(self, one: str, two: str, gap_s: float) -> None:
        if one in self.acts and two in self.acts and one != two:
            after = self.acts[two].after
            after[one] = max(gap_s, after.get(one, 0.0))

    def _times(self, event: str, constraints: Sequence[Constraint], room_s: float) -> list[float]:
        """The strikes of an event, from 0 s: none where there is no room."""
        counts = [c for c in constraints if c.kind == "event_count"]
        least = max((c.get("count_min") for c in counts), default=0)
        most = min((c.get("count_max") for c in counts), default=99)
        rate = next((c.get("rate_hz") for c in constraints if c.kind == "event_rate"), None)
        room_s -= 0.5
        if counts and most == 0:
            return []
        if rate is not None:
            number = min(most, max(least, 3, math.floor((room_s - 0.3) * rate) + 1))
            gap_s = 1 / rate
        else:
            number = max(least, 1) if counts else 5
            if any(c.kind == "even_spacing" for c in constraints):
                number = min(most, max(3, number))
            gap_s = min(0.75, (room_s - 0.3) / max(1, number - 1))
        if number > 1 and gap_s < 0.2:
            return []
        return [place * gap_s for place in range(number)]

    # ------------------------------------------------------------------ when

    def place(self) -> None:
        """Gives each act the first time that suits it; one without such a time stays out."""
        busy: list[Span] = []
        waiting = dict(self.acts)
        counted = [(event, span) for event, spans in self.counted.items() for span in spans]
        fixed = [c.get("at_s") for c in self.of("event_at")]
        busy += [(at_s - 0.3, at_s + 0.4) for at_s in fixed]
        while waiting:
            ready = [a for a in waiting.values() if not any(key in waiting for key in a.after)] or list(
                waiting.values()
            )
            act = min(ready, key=lambda a: (a.high_s - a.length_s, a.kind == "text"))
            del waiting[act.key]
            low_s = act.low_s + (0.15 if act.low_s > 0 else LEAD_S)
            for key, gap_s in act.after.items():
                if self.acts[key].at_s >= 0:
                    low_s = max(low_s, self.acts[key].at_s + gap_s)
            spans: list[Span] = []
            if act.is_heard:
                spans += busy
                spans += [span for event, span in counted if act.key != f"events {event}" and act.kind != "silence"]
                spans += self.quiet if act.kind != "silence" else []
                spans += self.speechless if act.kind == "line" else []
            elif act.kind == "text":
                spans += self.wordless
            pad_s = 0.15 if act.is_heard else 0.0
            high_s = act.high_s - (0.12 if act.kind != "text" else 0.0)
            at_s = low_s
            while at_s + act.length_s <= high_s + 1e-6:
                if not _meets(at_s - pad_s, at_s + act.length_s + pad_s, spans):
                    act.at_s = round(at_s, 3)
                    break
                at_s += 0.05
            if act.at_s >= 0 and act.is_heard:
                busy.append((act.at_s - PAUSE_S, act.at_s + act.length_s + PAUSE_S))

    def perform(self) -> None:
        """What the acts put on the stage."""
        play = self.play
        for line in self.lines:
            act = self.acts[f"line {line.text}"]
            if act.at_s >= 0:
                line.at_s = act.at_s
                play.lines.append(line)
        play.lines.sort(key=lambda line: line.at_s)
        is_pitched = any(self.of(*MUSIC_KINDS))
        for event, times in self.times.items():
            act = self.acts[f"events {event}"]
            family = "wood" if is_pitched else family_of(event)
            if act.at_s >= 0:
                play.strikes += [Strike(act.at_s + t, family, event) for t in times]
        for constraint in self.of("event_at"):
            at_s = constraint.get("at_s")
            if at_s < self.duration_s - 0.4 and not any(abs(s.at_s - at_s) < 0.3 for s in play.strikes):
                play.strikes.append(Strike(at_s, "wood", constraint.get("event")))
        for constraint in self.of(*MUSIC_KINDS):
            found = self.acts.get(f"music {constraint.id}")
            if found is not None and found.at_s >= 0:
                play.music.append(Music(constraint.id, constraint.kind, found.at_s, score(constraint)))
        for constraint in self.of("silence_during"):
            found = self.acts.get(f"silence {constraint.id}")
            if found is not None and found.at_s >= 0:
                play.silences[constraint.id] = (found.at_s, found.at_s + found.length_s)
        self._captions()
        self._cuts()
        self._tempo()
        self._faces()
        self._light()

    def _captions(self) -> None:
        acts = sorted((a for a in self.acts.values() if a.kind == "text" and a.at_s >= 0), key=lambda a: a.at_s)
        languages = {c.get("text"): c.get("language", "en") for c in self.of("text_shown", "text_visible_for")}
        for place, act in enumerate(acts):
            ends = [act.high_s, self.duration_s, *(start for start, _ in self.wordless if start >= act.at_s)]
            end_s = min(ends)
            later = [other.at_s for other in acts[place + 1 :]]
            if len(later) > 1:  # three rows are all that there is room for
                end_s = min(end_s, max(act.at_s + act.length_s, later[1] - 0.1))
            rows = {c.row for c in self.play.captions if c.end_s > act.at_s}
            free = [row for row in range(3) if row not in rows]
            if free:
                text = act.key.removeprefix("text ")
                self.play.captions.append(Caption(text, text, languages[text], act.at_s, end_s, free[0]))

    def _cuts(self) -> None:
        needs = [c for c in self.of("shot_count")]
        least = max((c.get("count_min") for c in needs), default=1) - 1
        most = min((c.get("count_max") for c in needs), default=99) - 1
        ends = self.duration_s - 0.7
        at_sound = next(self.of("sound_at_cut"), None)
        spoken_spans = [(line.at_s - 0.1, line.end_s + 0.1) for line in self.play.lines]
        shut = [*self.quiet, *self.play.silences.values()]
        counted = [(a - 0.15, b + 0.15) for spans in self.counted.values() for a, b in spans]
        counted += [(m.start_s - 0.2, m.end_s + 0.2) for m in self.play.music]
        cuts: list[float] = []

        def best(first_s: float, last_s: float, wish_s: float) -> float | None:
            """The cut in a stretch that is nearest to a wish, apart from others and with a sound where one is due."""
            found = []
            if at_sound is not None:
                found += [(0.0 + 0.01 * abs(s.at_s - wish_s), s.at_s) for s in self.play.strikes]
            for step in range(int((last_s - first_s) / 0.04) + 1):
                at_s = first_s + 0.04 * step
                if at_sound is not None and _meets(at_s, at_s + 0.3, [*shut, *counted]):
                    continue
                spoken_over = at_sound is not None and _meets(at_s, at_s + 0.3, spoken_spans)
                found.append((abs(at_s - wish_s) + 10 * spoken_over, at_s))
            found = [
                item
                for item in found
                if first_s - 1e-6 <= item[1] <= last_s + 1e-6 and all(abs(item[1] - cut) > 0.75 for cut in cuts)
            ]
            return round(min(found)[1] * 25) / 25 if found else None

        for constraint in self.of("cut_order"):
            starts = [
                self.acts[key].at_s
                for name in constraint.get("refs")
                if (key := self.key_of.get(name, "")) in self.acts
            ]
            for one_s, two_s in itertools.pairwise(starts):
                if one_s < 0 or two_s < 0 or any(one_s + 0.2 < cut < two_s for cut in cuts) or len(cuts) >= most:
                    continue
                cut = best(max(0.7, one_s + 0.35), min(ends, two_s - 0.12), two_s - 0.3)
                if cut is not None:
                    cuts.append(cut)
        if at_sound is not None:
            least = max(least, at_sound.get("count_min", 1))
        while len(cuts) < min(least, most):
            edges = sorted((0.0, *cuts, self.duration_s))
            start_s, end_s = max(itertools.pairwise(edges), key=lambda pair: pair[1] - pair[0])
            cut = best(0.7, ends, (start_s + end_s) / 2)
            if cut is None:
                break
            cuts.append(cut)
        self.play.cuts = sorted(cuts)
        if at_sound is not None:
            for number, cut in enumerate(self.play.cuts):
                if number < at_sound.get("count_min", 99) and all(abs(s.at_s - cut) > 0.1 for s in self.play.strikes):
                    self.play.strikes.append(Strike(cut, family_of(at_sound.get("event", "")), "at the cut"))

    def _tempo(self) -> None:
        bpm = next((c.get("bpm") for c in self.of("tempo")), 0.0)
        if not bpm:
            return
        spans = [(line.at_s - 0.1, line.end_s + 0.1) for line in self.play.lines]
        spans += [*self.quiet, *self.play.silences.values()]
        spans += [(a - 0.2, b + 0.2) for spans_ in self.counted.values() for a, b in spans_]
        spans += [(m.start_s - 0.2, m.end_s + 0.2) for m in self.play.music]
        self.play.bpm = bpm
        at_s = LEAD_S
        while at_s < self.duration_s - 0.2:
            if not _meets(at_s, at_s + 0.05, spans):
                self.play.strikes.append(Strike(at_s, "wood", "beat"))
            at_s += 60 / bpm

    def _faces(self) -> None:
        wanted: list[tuple[float, float, int]] = []
        for constraint in self.of("face_count"):
            start_s, end_s = self.window(constraint)
            act = self.acts.get(f"face {constraint.id}")
            if act is not None and act.at_s >= 0:
                start_s = act.at_s
            wanted.append((start_s, end_s, constraint.get("count_min")))
        if not wanted and any(self.of("same_face")):
            wanted.append((0.0, self.duration_s, 1))
        edges = sorted({0.0, self.duration_s, *(edge for first, last, _ in wanted for edge in (first, last))})
        for first, last in itertools.pairwise(edges):
            here = [count for start, end, count in wanted if start <= first + 1e-6 and end >= last - 1e-6]
            if here and 0 < min(here) <= 5 and last - first > 0.05:
                self.play.faces.append((first, last, min(here)))

    def _light(self) -> None:
        """Light, colour, speed and loudness: courses over the whole clip."""
        end_s = self.duration_s
        colours = list(self.of("dominant_colour"))
        trend = next(self.of("colour_trend"), None)
        if trend is not None:
            first_s, last_s = self.window(trend)
            span_s = last_s - first_s
            self.play.colours = [
                (first_s + 0.27 * span_s, trend.get("colour")),
                (first_s + 0.73 * span_s, trend.get("colour_to")),
            ]
        elif colours:
            for constraint in sorted(colours, key=lambda c: self.window(c)[0]):
                start_s, stop_s = self.window(constraint)
                points = self.play.colours
                if points and points[-1][1] == constraint.get("colour"):
                    points[-1] = (stop_s, points[-1][1])
                else:
                    points += [(start_s, constraint.get("colour")), (stop_s, constraint.get("colour"))]
        names = {name for _, name in self.play.colours}
        for constraint in self.of("brightness_trend"):
            direction = constraint.get("direction")
            if direction == "steady" or (names and not names <= set(TINTED)):
                continue
            low, high = (0.62, 1.1) if names else (0.55, 1.3)
            first_s, last_s = self.window(constraint)
            ends = (low, high) if direction == "rises" else (high, low)
            if not self.play.lights:
                self.play.lights = [(first_s, ends[0]), (last_s, ends[1])]
            elif self.play.lights[-1][0] <= first_s + 0.05:
                self.play.lights += [(first_s, ends[0]), (last_s, ends[1])]
        for constraint in self.of("playing_speed"):
            if any(name.startswith("window_start") for name, _ in constraint.params):
                factor = constraint.get("speed_factor")
                self.play.speeds.append((*self.window(constraint), factor))
                self.play.base_speed = min(0.4, 0.5 / factor) if factor >= 1 else 0.4
            elif factor_is_one(constraint):
                self.play.base_speed = 0.3
        self._loudness(end_s)

    def _loudness(self, end_s: float) -> None:
        points: list[tuple[float, float]] = [(0.0, 0.0), (end_s, 0.0)]
        is_eventful = bool(self.counted)
        deep = 11.0 if is_eventful else 16.0
        course = [(round(0.1 * step, 2), 0.0) for step in range(int(end_s * 10) + 2)]
        for constraint in self.of("loudness_trend"):
            first_s, last_s = self.window(constraint)
            least_db = max(deep, constraint.get("amount_db", 0.0) + 6)
            sign = {"rises": 1.0, "falls": -1.0, "steady": 0.0}[constraint.get("direction")]
            course = [
                (t, db + sign * least_db * min(1.0, max(0.0, (t - first_s) / max(0.1, last_s - first_s))))
                for t, db in course
            ]
        for constraint in self.of("louder_than"):
            first_s, last_s = self.window(constraint)
            other = window(constraint, end_s, "other_start", "other_end")
            here, there = ([db for t, db in course if a <= t <= b] or [0.0] for a, b in ((first_s, last_s), other))
            lack_db = 10 + constraint.get("amount_db", 0.0) - (sum(here) / len(here) - sum(there) / len(there))
            if lack_db > 0:
                course = [(t, db + lack_db * _inside(t, first_s, last_s)) for t, db in course]
        top = max(db for _, db in course)
        if any(self.of("loudness_trend", "louder_than")):
            points = [(t, db - top) for t, db in course]
        self.play.levels = points
        if any(self.of("loudness_trend", "louder_than", "silence_during")):
            self.play.bed = "hiss" if any(self.of(*MUSIC_KINDS)) else "hum"


def factor_is_one(constraint: Constraint) -> bool:
    """Whether a playing speed is that of the reference itself."""
    return abs(float(constraint.get("speed_factor")) - 1.0) < 1e-6


def _inside(t: float, start_s: float, end_s: float) -> float:
    """1 inside a stretch, 0 outside, with edges of 0.2 s."""
    return min(1.0, max(0.0, (t - start_s) / 0.2 + 0.5)) * min(1.0, max(0.0, (end_s - t) / 0.2 + 0.5))


def layout(prompt: Prompt, duration_s: float, lines: Sequence[Line]) -> Play:
    """What is drawn and played for a prompt in a clip of that length; ``lines`` are those of :func:`spoken`."""
    made = _Layout(prompt, duration_s, lines)
    made.regions()
    made.list_acts()
    made.place()
    made.perform()
    return made.play


def moments(play: Play, prompt: Prompt) -> Mapping[str, float]:
    """When each constraint that can be referred to begins to be met; those that never are have none."""
    out: dict[str, float] = {}
    for constraint in prompt.constraints:
        kind, text = constraint.kind, constraint.get("text")
        first_s, last_s = window(constraint, play.duration_s)
        starts: list[float] = []
        if kind == "line_spoken":
            starts = [line.at_s for line in play.lines if line.said == text]
        elif kind == "lines_in_order":
            starts = [line.at_s for line in play.lines if line.text in constraint.get("texts")]
        elif kind in ("text_shown", "text_visible_for"):
            starts = [max(first_s, c.start_s) for c in play.captions if c.shown == text and c.end_s > first_s]
        elif kind == "event_count":
            starts = [s.at_s for s in play.strikes if first_s - 0.05 <= s.at_s < last_s + 0.05]
        elif kind == "event_at":
            starts = [s.at_s for s in play.strikes if abs(s.at_s - constraint.get("at_s")) < 0.3]
        elif kind == "silence_during" and constraint.id in play.silences:
            starts = [play.silences[constraint.id][0]]
        elif kind in MUSIC_KINDS:
            starts = [m.start_s for m in play.music if m.id == constraint.id]
        elif kind == "face_count" and constraint.get("count_min"):
            starts = [max(first_s, a) for a, b, n in play.faces if n >= constraint.get("count_min") and b > first_s]
        if starts:
            out[constraint.id] = min(starts)
    return out
