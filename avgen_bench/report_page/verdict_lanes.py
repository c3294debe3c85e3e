"""What the evidence of one verdict draws: words and stretches as bars, notes on a piano roll, the rest as lanes."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.constraints import theory
from avgen_bench.constraints.base import OTHER, WINDOW
from avgen_bench.report_page.lanes import draw_lanes, plain_words
from avgen_bench.report_words import NUMBERED, TIMES, format_quantity, format_span

__all__ = ["draw_verdict_lanes"]

_MISTAKES = ("wrong ", "missing ", "extra ", "unexpected ")
_NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def _bare(label: str) -> tuple[str, bool]:
    """A span's label without the word that marks it as a mistake, and whether it was so marked."""
    label = plain_words(label)
    for word in _MISTAKES:
        if label.startswith(word):
            return label[len(word) :], True
    return label, False


_BARS = {"text": "read", "speech": "heard", "music": "heard", "shots": "shots", "faces": "faces"}


def draw_verdict_lanes(
    name: str, evidence: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any], duration_s: float
) -> list[dict[str, Any]]:
    """Lanes of a verdict's evidence: a piano roll, bars with words on them, then curves and instants."""
    notes: list[tuple[Mapping[str, Any], float, bool, bool]] = []
    bars: dict[str, list[tuple[Mapping[str, Any], bool]]] = {}
    rest = []
    for item in evidence:
        # what was read in the picture may read like a mark, or like a note
        is_reading = verdict["theme"] == "text" and not item.get("text")
        label, wrong = (plain_words(item["label"]), False) if is_reading else _bare(item["label"])
        pitch = None if verdict["theme"] == "text" else _pitch(item, label)
        if item["kind"] != "span" or (pitch is None and item.get("start_s") is None):
            rest.append(item)
        elif pitch is not None:
            notes.append((item, pitch, label == "expected note", wrong))
        elif item.get("text"):
            bars.setdefault("heard" if label == "word" else NUMBERED.sub("", label), []).append((item, wrong))
        elif (item.get("end_s") or 0.0) - item["start_s"] >= 0.15:
            bars.setdefault(_BARS.get(verdict["theme"], "stretches"), []).append((item, wrong))
        else:
            rest.append(item)
    lanes = _window_lanes(name, verdict["stated"], duration_s)
    lanes += [_roll(name, _aligned(notes, verdict), verdict, duration_s)] if notes else []
    lanes += [_bar_lane(name, label, mine, duration_s) for label, mine in bars.items()]
    return lanes + draw_lanes(name, rest, duration_s)


def _window_lanes(name: str, stated: Mapping[str, Any] | None, duration_s: float) -> list[dict[str, Any]]:
    """The stretches that the constraint asks about, where it does not ask about the whole clip."""
    marks = []
    for label, (first, last) in (("asked within", WINDOW), ("against", OTHER)):
        if stated is None or (first not in stated and last not in stated):
            continue
        low, high = stated.get(first, 0.0), stated.get(last, 1.0)
        times = format_span({"start_s": low * duration_s, "end_s": high * duration_s})
        left, width = _stretch(low * duration_s, high * duration_s, duration_s)
        marks.append({"left": left, "width": width, "text": label, "title": f"{label} {times}"})
    if not marks:
        return []
    text = "; ".join(str(mark["title"]) for mark in marks)
    return [{"kind": "windows", "dimension": name, "label": "window", "marks": marks, "range": "", "text": text}]


Note = tuple[Mapping[str, Any], float, bool, bool]


def _aligned(notes: Sequence[Note], verdict: Mapping[str, Any]) -> list[Note]:
    """The notes of a sequence beside those asked for: wrong ones marked, missing ones added where they would stand.

    Nothing is done where the checker has marked them itself, or where notes are asked for in any octave.
    """
    asked = [theory.note_midi(name) for name in (verdict["stated"] or {}).get("notes", ())]
    if verdict["kind"] != "note_sequence" or None in asked or any(expected or wrong for *_, expected, wrong in notes):
        return list(notes)
    heard = sorted(notes, key=lambda note: float(note[0]["start_s"]))
    pitches = [math.floor(pitch + 0.5) for _, pitch, *_ in heard]
    found: list[Note] = []
    for word, i, j, k, n in difflib.SequenceMatcher(None, pitches, asked, autojunk=False).get_opcodes():
        mine = heard[i:j]
        found += [(item, pitch, expected, word != "equal") for item, pitch, expected, _ in mine]
        if word not in ("replace", "insert"):
            continue
        start = mine[0][0]["start_s"] if mine else heard[i - 1][0]["end_s"] if i else 0.0
        end = mine[-1][0]["end_s"] if mine else heard[i][0]["start_s"] if i < len(heard) else start + 0.3 * (n - k)
        step = max(end - start, 0.1 * (n - k)) / (n - k)
        for place, midi in enumerate(asked[k:n]):
            at = start + place * step
            expected = {"label": "expected note", "start_s": at, "end_s": at + step}
            found.append((expected, float(midi or 0), True, False))
    return found


def _bar_lane(
    name: str, label: str, spans: Sequence[tuple[Mapping[str, Any], bool]], duration_s: float
) -> dict[str, Any]:
    marks: list[dict[str, Any]] = []
    free: list[float] = []
    for item, wrong in sorted(spans, key=lambda pair: float(pair[0]["start_s"])):
        left, width = _stretch(item["start_s"], item.get("end_s"), duration_s)
        rung = next((k for k, edge in enumerate(free) if edge <= left + 0.05), len(free))
        free[rung : rung + 1] = [left + width]
        said = ": ".join(dict.fromkeys(part for part in (plain_words(item["label"]), item.get("text", "")) if part))
        said += f", {format_span(item)}"
        if item.get("value") is not None:
            said += f" ({format_quantity(item['value'], item.get('unit', ''))})"
        text = item.get("text") or plain_words(item["label"])
        marks.append({"left": left, "width": width, "rung": rung, "text": text, "wrong": wrong, "title": said})
    n_wrong = sum(wrong for _, wrong in spans)
    return {
        "kind": "words",
        "dimension": name,
        "label": label,
        "marks": marks,
        "rungs": len(free),
        "range": f"{len(marks)} {TIMES}" + (f", {n_wrong} wrong" if n_wrong else ""),
        "text": f"{label}, {name}: " + "; ".join(mark["title"] for mark in marks[:40]),
    }


_NOTE_LABEL = re.compile(r"([A-G]#?-?\d)( [+-]\d+ cents)?")


def _pitch(item: Mapping[str, Any], label: str) -> float | None:
    """The MIDI number of a span that is a note; None for any other evidence."""
    if label in ("note", "expected note") or label.startswith("note "):
        value = item.get("value")
        return None if value is None else float(value)
    named = _NOTE_LABEL.fullmatch(label)
    if named is None or item.get("start_s") is None:
        return None
    nearest = theory.note_midi(named[1])
    cents = float((named[2] or " 0 cents").split()[0])
    return None if nearest is None else nearest + cents / 100


def _stretch(start_s: float, end_s: float | None, duration_s: float) -> tuple[float, float]:
    """Left edge and width in percent of the clip."""
    start = min(max(start_s, 0.0), duration_s)
    end = min(max(end_s if end_s is not None else start, start), duration_s)
    return round(100 * start / duration_s, 2), round(100 * (end - start) / duration_s, 2)


def _note_name(midi: float) -> str:
    """The name of the nearest note, and how many cents it is off where that is a tenth of a semitone or more."""
    nearest = round(midi)
    cents = round(100 * (midi - nearest))
    name = f"{_NOTE_NAMES[nearest % 12]}{nearest // 12 - 1}"
    return (
        f"{name} {format_quantity(cents)} cents".replace(" ", " +" if cents > 0 else " ", 1)
        if abs(cents) >= 10
        else name
    )


def _roll(
    name: str,
    notes: Sequence[Note],
    verdict: Mapping[str, Any],
    duration_s: float,
) -> dict[str, Any]:
    """A piano roll: time across, pitch upwards, the rows of the notes asked for marked.

    Expected notes without a time share the verdict's moment evenly.
    """
    asked = _asked_pitches(verdict["stated"])
    pitches = [*(pitch for _, pitch, _, _ in notes), *asked]
    low, high = math.floor(min(pitches)) - 1, math.ceil(max(pitches)) + 1
    rows = high - low + 1
    begin = verdict.get("start_s") or 0.0
    length = (verdict.get("end_s") or duration_s) - begin
    timeless = sum(item.get("start_s") is None for item, *_ in notes)
    placed = 0
    marks: list[dict[str, Any]] = []
    for item, pitch, expected, wrong in sorted(notes, key=lambda note: not note[2]):  # outlines lie below
        start, end, when = item.get("start_s"), item.get("end_s"), ""
        if start is None:
            start, end = begin + length * placed / timeless, begin + length * (placed + 1) / timeless
            placed += 1
        else:
            when = f", {format_span(item)}"
        left, width = _stretch(start, end, duration_s)
        called = _note_name(pitch)
        kind = "expected note" if expected else "wrong note" if wrong else "note"
        marks.append(
            {
                "left": left,
                "width": width,
                "top": round(100 * (high - pitch) / rows, 2),
                "height": round(100 / rows, 2),
                "text": called,
                "expected": expected,
                "wrong": wrong,
                "title": f"{kind} {called}{when}",
            }
        )
    heard = sum(not expected for _, _, expected, _ in notes)
    black = [midi for midi in range(low, high + 1) if midi % 12 in (1, 3, 6, 8, 10)]
    return {
        "kind": "roll",
        "dimension": name,
        "label": "notes",
        "marks": marks,
        "height": min(max(rows * 14, 56), 210),
        "black": [round(100 * (high - midi) / rows, 2) for midi in black],
        "asked": [(round(100 * (high - midi) / rows, 2), _note_name(midi)) for midi in asked],
        "row_height": round(100 / rows, 2),
        "range": f"{heard} heard" + (f", {len(notes) - heard} expected" if len(notes) > heard else ""),
        "text": f"notes, {name}: " + "; ".join(mark["title"] for mark in marks[:60]),
    }


def _asked_pitches(stated: Mapping[str, Any] | None) -> list[int]:
    """MIDI numbers of the notes that a constraint names with their octave."""
    names = [] if stated is None else [stated.get("note"), *(stated.get("notes") or ())]
    found = set()
    for note in names:
        try:
            found.add(None if not isinstance(note, str) else theory.note_midi(note))
        except ValueError:  # a plug-in's own way of naming notes
            continue
    return sorted(midi for midi in found if midi is not None)
