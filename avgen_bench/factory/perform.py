"""Clips that do what prompts ask, as far as a simple stage can, and clips that break some of it on purpose.

One clip for a prompt: captions in their windows, lines spoken by synthesisers, notes, strikes with a ball that falls,
loudness, silence, cuts, light, colours, faces. It is no clip of the prompt's scene: it obeys what the constraints state
and nothing else. What the truth says of each constraint follows from what was laid out, not from any checker.

Conventions
    ``truth["constraints"]`` has a word for every constraint: ``obeyed``, ``broken`` (on purpose, or because something
    that it refers to was broken on purpose) or ``not performed``: the stage cannot do it, or not beside the others.
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from avgen_bench.errors import FactoryError
from avgen_bench.factory import perform_plan, perform_stage, truth_faces, truth_music, truth_text
from avgen_bench.factory.perform_plan import Caption, Line, Play, Strike, moments, window
from avgen_bench.factory.scene import Scene
from avgen_bench.types import Constraint, Prompt

__all__ = ["BROKEN", "LEFT_OUT", "OBEYED", "absent", "agreement", "choose", "perform", "performable"]

OBEYED, BROKEN, LEFT_OUT = "obeyed", "broken", "not performed"
LENGTHS_S = (5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0)
_PLAIN_S = 8.0
_SOFT = (
    *("loudness_trend", "louder_than", "brightness_trend", "dominant_colour", "tempo", "voice_count", "speech_rate"),
    *perform_plan.EVENT_KINDS,
    *perform_plan.MUSIC_KINDS,
)
_UNASKED = "Somebody is talking here."
_OTHER_WORDS = ("umbrella", "potatoes", "grandmother", "helicopter")


# --------------------------------------------------------------------------- what is so


class _Judge:
    """Whether a play obeys constraints, by what is laid out in it."""

    def __init__(self, prompt: Prompt, play: Play, seed: int, exact: bool) -> None:
        self.prompt, self.play, self.seed, self.exact = prompt, play, seed, exact
        self.moments = moments(play, prompt)
        self._known: dict[str, bool] = {}

    @functools.cached_property
    def sound(self) -> Any:
        return perform_stage.track(self.play, self.seed)

    def all(self) -> dict[str, bool]:
        return {constraint.id: self.obeys(constraint) for constraint in self.prompt.constraints}

    def obeys(self, constraint: Constraint) -> bool:
        if constraint.id not in self._known:
            check = getattr(self, f"_{constraint.kind}", None)
            self._known[constraint.id] = bool(check is not None and check(constraint))
        return self._known[constraint.id]

    def _span(self, constraint: Constraint) -> tuple[float, float]:
        return window(constraint, self.play.duration_s)

    # text

    def _text_shown(self, c: Constraint) -> bool:
        first, last = self._span(c)
        return any(
            min(last, item.end_s) - max(first, item.start_s) >= 1.0
            for item in self.play.captions
            if item.shown == c.get("text")
        )

    def _text_visible_for(self, c: Constraint) -> bool:
        least = c.get("duration_s") + 0.1
        return any(item.end_s - item.start_s >= least for item in self.play.captions if item.shown == c.get("text"))

    def _text_absent(self, c: Constraint) -> bool:
        first, last = self._span(c)
        text = c.get("text")
        return not any(
            item.start_s < last and first < item.end_s for item in self.play.captions if text in (None, item.shown)
        )

    # speech

    def _line_spoken(self, c: Constraint) -> bool:
        first, last = self._span(c)
        return any(
            line.said == c.get("text") and first - 0.05 <= line.at_s and line.end_s <= last + 0.05
            for line in self.play.lines
        )

    def _lines_in_order(self, c: Constraint) -> bool:
        starts = [min((x.at_s for x in self.play.lines if x.text == text), default=-1.0) for text in c.get("texts")]
        return min(starts) >= 0 and all(one < two for one, two in itertools.pairwise(starts))

    def _no_speech(self, c: Constraint) -> bool:
        first, last = self._span(c)
        return not any(line.at_s < last and first < line.end_s for line in self.play.lines)

    def _speech_language(self, c: Constraint) -> bool:
        return bool(self.play.lines) and all(line.language == c.get("language") for line in self.play.lines)

    def _voice_count(self, c: Constraint) -> bool:
        lengths: dict[Any, float] = {}
        for line in self.play.lines:
            lengths[line.voice] = lengths.get(line.voice, 0.0) + line.length_s
        return c.get("count_min") <= len(lengths) <= c.get("count_max") and min(lengths.values(), default=9.0) >= 0.9

    def _speech_rate(self, c: Constraint) -> bool:
        lines = self.play.lines
        words = sum(len(line.said.split()) for line in lines)
        return words >= 3 and abs(perform_plan.rate_of(lines) / c.get("words_per_minute") - 1) < 0.07

    # sharp sounds

    def _strikes(self, first: float, last: float) -> list[float] | None:
        """The strikes of a stretch; None where other sound makes them uncountable."""
        others = [(line.at_s, line.end_s) for line in self.play.lines]
        others += [(piece.start_s, piece.end_s) for piece in self.play.music]
        if any(start < last and first < end for start, end in others):
            return None
        return sorted(strike.at_s for strike in self.play.strikes if first <= strike.at_s < last)

    def _event_count(self, c: Constraint) -> bool:
        times = self._strikes(*self._span(c))
        return times is not None and c.get("count_min") <= len(times) <= c.get("count_max")

    def _event_rate(self, c: Constraint) -> bool:
        times = self._strikes(*self._span(c))
        if times is None or len(times) < 3:
            return False
        gap = float(np.median(np.diff(times)))
        return bool(abs(1 / max(gap, 1e-3) / c.get("rate_hz") - 1) < 0.05)

    def _even_spacing(self, c: Constraint) -> bool:
        times = self._strikes(*self._span(c))
        if times is None or len(times) < 3:
            return False
        gaps = np.diff(times)
        return float(gaps.std() / gaps.mean()) < 0.05

    def _event_at(self, c: Constraint) -> bool:
        return any(abs(strike.at_s - c.get("at_s")) < 0.1 for strike in self.play.strikes)

    def _sound_at_cut(self, c: Constraint) -> bool:
        on = [any(abs(s.at_s - cut) < 0.06 for s in self.play.strikes) for cut in self.play.cuts]
        return bool(on) and sum(on) >= c.get("count_min", len(on))

    def _order(self, c: Constraint) -> list[float] | None:
        others = {item.id: item for item in self.prompt.constraints}
        if not all(self.obeys(others[name]) and name in self.moments for name in c.get("refs")):
            return None
        return [self.moments[name] for name in c.get("refs")]

    def _event_order(self, c: Constraint) -> bool:
        starts = self._order(c)
        return starts is not None and all(two - one > 0.25 for one, two in itertools.pairwise(starts))

    def _cut_order(self, c: Constraint) -> bool:
        starts = self._order(c)
        if starts is None:
            return False
        return all(
            any(one + 0.15 < cut < two + 0.02 for cut in self.play.cuts) for one, two in itertools.pairwise(starts)
        )

    def _duration(self, c: Constraint) -> bool:
        return bool(abs(self.play.duration_s - c.get("duration_s")) < 0.1)

    def _shot_count(self, c: Constraint) -> bool:
        return bool(c.get("count_min") <= len(self.play.cuts) + 1 <= c.get("count_max"))

    # sound

    def _loudness_trend(self, c: Constraint) -> bool:
        if not self.exact:
            return True
        first, last = self._span(c)
        third = (last - first) / 3
        levels = [perform_stage.power_db(self.sound, first + i * third, first + (i + 1) * third) for i in range(3)]
        direction = c.get("direction")
        if direction == "steady":
            return max(levels) - min(levels) < 2.5
        rise = levels[2] - levels[0] if direction == "rises" else levels[0] - levels[2]
        middle = levels[1] - levels[0] if direction == "rises" else levels[0] - levels[1]
        return last - first > 1.9 and rise > max(7.0, c.get("amount_db", 0.0)) and 0.2 * rise < middle < 0.85 * rise

    def _louder_than(self, c: Constraint) -> bool:
        if not self.exact:
            return True
        other = window(c, self.play.duration_s, "other_start", "other_end")
        apart = perform_stage.power_db(self.sound, *self._span(c)) - perform_stage.power_db(self.sound, *other)
        return bool(apart > c.get("amount_db", 3.0) + 2)

    def _silence_during(self, c: Constraint) -> bool:
        span = self.play.silences.get(c.id)
        if span is None:
            return False
        sounds = [(x.at_s, x.end_s) for x in self.play.lines] + [(x.at_s, x.at_s + 0.1) for x in self.play.strikes]
        sounds += [(x.start_s, x.end_s) for x in self.play.music]
        least = c.get("duration_s", span[1] - span[0])
        return span[1] - span[0] >= least - 1e-6 and not any(a < span[1] and span[0] < b for a, b in sounds)

    # music

    def _piece(self, c: Constraint) -> bool:
        first, last = self._span(c)
        if any(line.text == _UNASKED and line.at_s < last and first < line.end_s for line in self.play.lines):
            return False  # a voice has a pitch too
        return any(
            piece.id == c.id and piece.is_right and first - 0.05 <= piece.start_s and piece.end_s <= last + 0.05
            for piece in self.play.music
        )

    _single_note = _note_sequence = _scale = _chord = _chord_sequence = _piece

    def _key(self, c: Constraint) -> bool:
        return self._piece(c) and len(self.play.music) == 1

    def _tempo(self, c: Constraint) -> bool:
        beats = sorted(s.at_s for s in self.play.strikes if s.event == "beat")
        others = len(self.play.strikes) - len(beats)
        covered = len(beats) * 60 / c.get("bpm")
        return (
            self.play.bpm == c.get("bpm")
            and len(beats) >= 6
            and others <= len(beats) / 8
            and covered >= 0.6 * self.play.duration_s
            and not self.play.music
        )

    # faces

    def _face_count(self, c: Constraint) -> bool:
        first, last = self._span(c)
        least = min(0.6, last - first - 0.05)
        most = max((n for a, b, n in self.play.faces if min(b, last) - max(a, first) >= least - 1e-6), default=0)
        brief = any(n > most and 0 < min(b, last) - max(a, first) < least for a, b, n in self.play.faces)
        return not brief and bool(c.get("count_min") <= most <= c.get("count_max"))

    def _same_face(self, c: Constraint) -> bool:
        faces = self.play.faces
        seconds = sum(b - a for a, b, _ in faces)
        return self.play.stranger_s is None and max((n for *_, n in faces), default=0) == 1 and seconds >= 1

    # picture

    def _brightness_trend(self, c: Constraint) -> bool:
        if not self.exact:
            return True
        values = perform_stage.luma(self.play, self.seed, *self._span(c))
        if c.get("direction") == "steady":
            return max(values) - min(values) < 0.035
        change = float(np.mean(values[-3:]) - np.mean(values[:3]))
        return (change if c.get("direction") == "rises" else -change) > 0.13

    def _dominant_colour(self, c: Constraint) -> bool:
        first, last = self._span(c)
        points = self.play.colours
        if not points:
            return False
        names = {name for _, name in points}
        if len(names) > 1:
            right = [at for at, name in points if name == c.get("colour")]
            return bool(right) and len(right) > 1 and (min(right), max(right)) == (first, last)
        dim = min((gain for _, gain in self.play.lights), default=1.0)
        return names == {c.get("colour")} and (dim == 1.0 or c.get("colour") in perform_plan.TINTED)

    def _colour_trend(self, c: Constraint) -> bool:
        points = self.play.colours
        return len(points) == 2 and [name for _, name in points] == [c.get("colour"), c.get("colour_to")]

    def _playing_speed(self, c: Constraint) -> bool:
        if not self.play.base_speed:
            return False
        factor = c.get("speed_factor")
        if not self.play.speeds:
            return perform_plan.factor_is_one(c)
        first, last = self._span(c)
        start, end = window(c, self.play.duration_s, "other_start", "other_end")
        if min(last - first, end - start) < 1 or (first < end - 0.01 and start < last - 0.01):
            return False
        return any(
            abs(f / factor - 1) < 0.1 and abs(a - first) < 0.01 and abs(b - last) < 0.01 for a, b, f in self.play.speeds
        )


# --------------------------------------------------------------------------- the best play


@functools.lru_cache(maxsize=512)
def _best(prompt: Prompt, seed: int) -> tuple[Play, tuple[tuple[str, bool], ...]]:
    """The play that obeys most, and what it obeys."""
    try:
        lines = perform_plan.spoken(prompt)
    except FactoryError:  # no synthesiser: nobody speaks
        lines = []
    asked_s = next((c.get("duration_s") for c in prompt.constraints if c.kind == "duration"), None)
    best: tuple[float, Play] | None = None
    edges = [value for c in prompt.constraints for name, value in c.params if name.endswith(("_start_s", "_end_s"))]
    least_s = max((float(value) for value in edges if isinstance(value, float | int)), default=0.0)
    lengths = [length_s for length_s in LENGTHS_S if length_s >= least_s] or [LENGTHS_S[-1]]
    for length_s in (asked_s,) if asked_s is not None else lengths:
        play = _possible(perform_plan.layout(prompt, float(length_s), lines), prompt)
        met = sum(_Judge(prompt, play, seed, exact=False).all().values())
        worth = met - 0.02 * max(0.0, length_s - 5) - (0.3 if length_s > _PLAIN_S else 0.0)
        if best is None or worth > best[0] + 1e-9:
            best = (worth, play)
    if best is None:
        raise FactoryError(f"prompt {prompt.id!r} has no length to perform it in")
    found = _Judge(prompt, best[1], _look(prompt, seed), exact=True).all()
    return best[1], tuple(found.items())


def _look(prompt: Prompt, seed: int) -> int:
    """The seed of people, textures and colours: each prompt has its own."""
    return zlib.crc32(f"{seed} {prompt.id}".encode()) % 100_003


def _possible(play: Play, prompt: Prompt) -> Play:
    """The play without what is not installed here."""
    play.captions = [c for c in play.captions if perform_stage.can_write(c.shown, c.language)]
    if not perform_stage.has_faces():
        play.faces = []
    if truth_music.ready("test"):
        play.music = []
    return play


def performable(prompt: Prompt, seed: int = 0) -> dict[str, str]:
    """For each constraint of a prompt, ``obeyed`` where a performance obeys it, else ``not performed``."""
    return {name: OBEYED if met else LEFT_OUT for name, met in _best(prompt, seed)[1]}


def perform(prompt: Prompt, *, seed: int = 0, breaking: int = 0) -> Scene:
    """A clip for a prompt that has not been rendered yet; its truth has a word for each constraint.

    Args:
        prompt: its constraints are performed; the rest of it is not looked at.
        seed: chooses people, colours and textures, and what is broken.
        breaking: so many of the constraints that could be obeyed are broken on purpose (fewer where there are fewer).
    """
    play, found = _best(prompt, seed)
    look = _look(prompt, seed)
    met = dict(found)
    notes: dict[str, str] = {}
    draw = np.random.default_rng([seed, 77, *prompt.id.encode()])
    candidates = [c for c in prompt.constraints if met[c.id]]
    for place in draw.permutation(len(candidates)):
        constraint = candidates[int(place)]
        if len(notes) >= breaking or constraint.id in notes:
            break
        spoiled = copy.deepcopy(play)
        note = _spoil(spoiled, constraint, draw)
        if note and not _Judge(prompt, spoiled, look, exact=True).obeys(constraint):
            play, notes[constraint.id] = spoiled, note
    now = _Judge(prompt, play, look, exact=True).all() if notes else met
    words = _words(prompt, met, now, notes)
    truth: dict[str, Any] = {
        "kind": "performance",
        "prompt_id": prompt.id,
        "seed": seed,
        "breaking": breaking,
        "constraints": words,
        "breaks": notes,
        "kinds": {constraint.id: constraint.kind for constraint in prompt.constraints},
        "lines": [{"said": x.said, "at_s": round(x.at_s, 3), "end_s": round(x.end_s, 3)} for x in play.lines],
        "captions": [
            {"shown": x.shown, "from_s": round(x.start_s, 3), "to_s": round(x.end_s, 3)} for x in play.captions
        ],
        "strikes_s": sorted(round(x.at_s, 3) for x in play.strikes),
        "cuts_s": play.cuts,
        "silences_s": [list(span) for span in play.silences.values()],
        "faces": [list(row) for row in play.faces],
    }
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in prompt.id)
    pictures = perform_stage.picture(play, look)
    sound = perform_stage.track(play, look)
    width, height = perform_stage.SIZE
    return Scene(name, width, height, perform_stage.FPS, play.duration_s, pictures, sound, perform_stage.RATE_HZ, truth)


def _words(
    prompt: Prompt, met: Mapping[str, bool], now: Mapping[str, bool], notes: Mapping[str, str]
) -> dict[str, str]:
    """The truth of each constraint: what it was before anything was broken, and what it is now."""
    words = {}
    for constraint in prompt.constraints:
        name = constraint.id
        words[name] = LEFT_OUT if not met[name] else OBEYED if now[name] else BROKEN
        if words[name] == BROKEN and name not in notes and constraint.kind in _SOFT:
            words[name] = LEFT_OUT  # something else was broken, and whether this still holds is a matter of degree
    for constraint in prompt.constraints:
        if words[constraint.id] == BROKEN and constraint.get("refs"):
            others = [words[name] for name in constraint.get("refs")]
            if BROKEN not in others and LEFT_OUT in others:
                words[constraint.id] = LEFT_OUT
    return words


# --------------------------------------------------------------------------- breaking


def _other_text(text: str, draw: np.random.Generator) -> str:
    return truth_text._wrong_letter(text, draw)


def _other_line(text: str, draw: np.random.Generator) -> str:
    """The line with its longest word replaced."""
    words = text.split()
    place = max(range(len(words)), key=lambda i: len(words[i]))
    tail = words[place][len(words[place].rstrip(".,!?;:")) :]
    word = str(draw.choice([other for other in _OTHER_WORDS if other not in text.casefold()]))
    words[place] = (word.title() if place == 0 else word) + tail
    return " ".join(words)


def _spoil(play: Play, c: Constraint, draw: np.random.Generator) -> str:
    """Breaks one constraint in a play, and says how; empty where that kind is not broken here."""
    kind = c.kind
    first, last = window(c, play.duration_s)
    if kind in ("text_shown", "text_visible_for"):
        for caption in play.captions:
            if caption.shown == c.get("text"):
                caption.shown = _other_text(caption.shown, draw)
        return "one letter wrong"
    if kind == "text_absent":
        if last - first < 1.5:
            return ""
        text = c.get("text") or "GOOD MORNING"
        rows = {item.row for item in play.captions if item.start_s < last and first < item.end_s}
        play.captions.append(Caption(text, text, "en", first + 0.1, last, min({0, 1, 2, 3} - rows) % 3))
        return "words in the picture"
    if kind == "line_spoken":
        return _spoil_line(play, c, draw)
    if kind == "lines_in_order" and len(play.lines) == len(c.get("texts")):
        at_s = play.lines[0].at_s
        play.lines.sort(key=lambda line: -line.at_s)
        for line in play.lines:
            line.at_s, at_s = at_s, at_s + line.length_s + 0.5
        return "" if at_s > play.duration_s else "the other way round"
    if kind == "no_speech":
        return _spoil_quiet(play, first, last)
    if kind == "voice_count":
        if len({line.voice for line in play.lines}) > 1:
            for line in play.lines[1:]:
                line.voice = play.lines[0].voice
            perform_plan.measure(play.lines)
            return "one voice for all"
        return ""
    if kind == "speech_rate":
        for line in play.lines:
            line.speed *= 1.6
        perform_plan.measure(play.lines)
        return "much faster"
    if kind in ("event_count", "event_rate", "even_spacing", "event_at", "sound_at_cut"):
        return _spoil_strikes(play, c, first, last)
    if kind == "loudness_trend":
        if c.get("direction") == "steady":
            play.levels = [(0.0, -16.0), (play.duration_s, 0.0)]
            return "louder and louder"
        low = min(db for _, db in play.levels)
        play.levels = [(t, low - db) for t, db in play.levels]
        return "the other way"
    if kind == "louder_than":
        low = min(db for _, db in play.levels)
        play.levels = [(t, low - db) for t, db in play.levels]
        return "softer instead"
    if kind == "silence_during":
        del play.silences[c.id]
        return "it goes on sounding"
    if kind == "shot_count":
        edges = (0.0, *play.cuts, play.duration_s)
        start, end = max(itertools.pairwise(edges), key=lambda pair: pair[1] - pair[0])
        if end - start < 1.6:
            return ""
        play.cuts = sorted([*play.cuts, round((start + end) / 2 * 25) / 25])
        return "one cut too many"
    if kind == "face_count":
        if not perform_stage.has_faces() or c.get("count_max") > 4:
            return ""
        count = c.get("count_max") + 1
        play.faces = [row for row in play.faces if row[1] <= first or row[0] >= last]
        play.faces = sorted([*play.faces, (first, last, count)])
        return "one face too many"
    if kind == "same_face":
        play.stranger_s = play.duration_s / 2
        return "another person in the second half"
    if kind == "brightness_trend":
        if c.get("direction") == "steady":
            play.lights = [(0.0, 1.2), (play.duration_s, 0.6)]
            return "it gets darker"
        play.lights = list(zip((t for t, _ in play.lights), (g for _, g in reversed(play.lights)), strict=True))
        return "the other way"
    if kind == "dominant_colour":
        play.colours = [(0.0, "blue" if c.get("colour") not in ("blue", "purple") else "red")]
        return "another colour"
    if kind == "colour_trend":
        play.colours = [(play.colours[0][0], c.get("colour_to")), (play.colours[1][0], c.get("colour"))]
        return "the other way"
    if kind == "playing_speed" and play.speeds:
        play.speeds = []
        return "no change of speed"
    if kind in perform_plan.MUSIC_KINDS and kind != "key":
        return _spoil_music(play, c)
    return ""


def _spoil_line(play: Play, c: Constraint, draw: np.random.Generator) -> str:
    for line in play.lines:
        if line.said == c.get("text") and line.language == "en":
            line.said = _other_line(line.said, draw)
            perform_plan.measure([line])
            return "one word wrong"
    return ""


def _spoil_quiet(play: Play, first: float, last: float) -> str:
    """Somebody speaks where nobody should."""
    line = Line(_UNASKED, _UNASKED, "en", perform_plan.ENGLISH[1], 1.0, first + 0.4, 0.0)
    perform_plan.measure([line])
    line.at_s = max(first + 0.3, (first + last - line.length_s) / 2)
    if line.end_s > last or any(start < line.end_s and line.at_s < end for start, end in play.silences.values()):
        return ""
    play.lines.append(line)
    return "somebody speaks"


def _spoil_strikes(play: Play, c: Constraint, first: float, last: float) -> str:
    inside = sorted((s for s in play.strikes if first <= s.at_s < last), key=lambda s: s.at_s)
    if c.kind == "event_at":
        for strike in inside:
            if abs(strike.at_s - c.get("at_s")) < 0.1:
                strike.at_s -= 0.9
        return "0.9 s early"
    if not inside:
        return ""
    if c.kind == "sound_at_cut":
        play.strikes = [s for s in play.strikes if all(abs(s.at_s - cut) > 0.06 for cut in play.cuts)]
        return "no sound at the cuts"
    if c.kind == "event_count":
        at_s = inside[-1].at_s + 0.45
        if at_s < last - 0.3 and at_s < play.duration_s - 0.4:
            play.strikes.append(Strike(at_s, inside[-1].family, inside[-1].event))
            return "one too many"
        play.strikes.remove(inside[-1])
        return "one missing"
    if len(inside) < 3:
        return ""
    if c.kind == "even_spacing":
        gap = inside[1].at_s - inside[0].at_s
        for strike in inside[1::2]:
            strike.at_s += 0.35 * gap
        return "uneven"
    start_s = inside[0].at_s
    for strike in inside:
        strike.at_s = start_s + 0.7 * (strike.at_s - start_s)
    return "too fast"


def _spoil_music(play: Play, c: Constraint) -> str:
    for piece in play.music:
        if piece.id != c.id:
            continue
        piece.is_right = False
        times = sorted({at_s for at_s, _, _ in piece.hits})
        wrong = times[len(times) // 2]
        shift = 1 if c.kind == "single_note" else 2
        piece.hits = [(at, hold, midi + shift * (at == wrong)) for at, hold, midi in piece.hits]
        return "a wrong note" if c.kind not in ("chord", "chord_sequence") else "a wrong chord"
    return ""


# --------------------------------------------------------------------------- which prompts, and how it went


def choose(prompts: Iterable[Prompt], count: int, seed: int = 0) -> list[Prompt]:
    """``count`` prompts spread evenly over the categories, in each those with most that can be performed.

    Only those with most constraints are tried out, twice as many as are wanted.
    """
    groups: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        if prompt.constraints:
            groups.setdefault(prompt.category, []).append(prompt)
    each = 2 * math.ceil(count / max(1, len(groups)))
    ranked = []
    for name in sorted(groups):
        tried = sorted(groups[name], key=lambda item: (-len(item.constraints), item.id))[:each]
        met = {item.id: sum(word == OBEYED for word in performable(item, seed).values()) for item in tried}
        ranked.append(sorted(tried, key=lambda item: (-met[item.id], len(item.constraints), item.id)))
    rounds = itertools.zip_longest(*ranked)
    return [item for row in rounds for item in row if item is not None][:count]


def agreement(
    truths: Mapping[str, Mapping[str, Any]], verdicts: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """How often verdicts are the truth, a row per kind and one for all (kind ``""``).

    Args:
        truths: the truth of each clip, by prompt id.
        verdicts: JSON of verdicts (``id``, ``kind``, ``strict``), by prompt id.

    Returns:
        Rows with ``performed`` (constraints obeyed or broken), ``obeyed``, ``broken``, ``agree``, ``wrong`` (a verdict
        that is not the truth), ``unverifiable`` (no verdict), ``share`` (agree over performed) and ``misses`` (prompt,
        constraint, truth, verdict, reason of those that do not agree).
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, truth in truths.items():
        given = {item["id"]: item for item in verdicts.get(name, ())}
        for id_, word in truth["constraints"].items():
            if word == LEFT_OUT:
                continue
            verdict = given.get(id_, {"strict": "unmeasured"})
            wanted = "pass" if word == OBEYED else "fail"
            for kind in (truth["kinds"][id_], ""):
                row = rows.setdefault(
                    kind,
                    {"kind": kind, "performed": 0, "obeyed": 0, "broken": 0, "agree": 0, "wrong": 0, "unverifiable": 0}
                    | {"misses": []},
                )
                row["performed"] += 1
                row[word] += 1
                row["agree"] += verdict["strict"] == wanted
                row["wrong"] += verdict["strict"] in ("pass", "fail") and verdict["strict"] != wanted
                row["unverifiable"] += verdict["strict"] not in ("pass", "fail")
                if verdict["strict"] != wanted:
                    found = verdict.get("reason") or verdict.get("found") or ""
                    row["misses"].append((name, id_, word, verdict["strict"], found))
    for row in rows.values():
        row["share"] = row["agree"] / row["performed"]
    ordered = sorted((row for row in rows.values() if row["kind"]), key=lambda row: (-row["performed"], row["kind"]))
    return [*ordered, *(row for row in rows.values() if not row["kind"])]


def absent() -> list[str]:
    """What the stage does without because it is not installed, each with the command that installs it."""
    out = []
    if not perform_stage.has_faces():
        out.append(f"no faces are shown: {truth_faces.REMEDY}")
    if not perform_stage.can_write("OPEN", "en"):
        out.append(f"nothing is written: {truth_text.REMEDY}")
    return out
