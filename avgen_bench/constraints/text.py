"""Words that can be read in the picture.

Conventions
    Readings and the words asked for are compared after Unicode compatibility normalisation (NFKC), with typographic
    quotes and dashes as ASCII ones and without spaces, because readers of pictures are unsure of spaces. Words must
    begin and end where words of the reading do; they may be part of a longer line, or run on in the line below.
    Nothing is spell-corrected: the error is the share of characters to change (Levenshtein).

    A look is one time at which the picture was read. What only one look shows is not shown: a caption of two frames.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed, passed, unverifiable
from avgen_bench.types import Constraint, Evidence, TextSpans, Verdict

__all__ = ["TextAbsent", "TextShown", "TextVisibleFor"]

LOOKS = 2
"""So many looks must read it."""
LOOSE_ERROR = 0.1
SURE = 0.8
UNSURE = 0.65
"""Mean probability of the characters of a line from which it is taken as read, and from which, where no text may be, it
leaves the matter open. On the calibration split wrong words are read as they stand with 0.83 and more (median 0.99)."""
SAME_LINE = 0.35
"""Greatest error of a reading that may be the words misread: it does not interrupt what the looks around it read, and
leaves the matter open where it is unsure. Of 50 hard calibration clips that show the words, three are read unsurely,
with 0.18 to 0.25; of six that show them mirrored, five are read with 0.67 and more, and one with 0.14."""
STACKED_LINES = 4
WORD_GAP = 2.0
"""Greatest gap between two words of one line, in heights of the line."""

_TYPOGRAPHIC = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u0060\u00b4"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
}
_SHAPES = str.maketrans("0olI|1!cspuvwxzk", "OOiiiiiCSPUVWXZK")
_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")
_WIDE = re.compile(r"([\u2e80-\u9fff\u8c48-\ufaff\u3040-\u30ff\U00020000-\U0002ffff])")
_READABLE = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "DIGIT")


def _plain(text: str) -> str:
    """A text as it is compared, spaces still in it."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_TYPOGRAPHIC)).translate(_TYPOGRAPHIC).split())


def _tokens(text: str) -> list[str]:
    """Words, single marks, and single characters of scripts that write without spaces."""
    return _TOKEN.findall(_WIDE.sub(r" \1 ", text))


def _distance(one: str, other: str) -> int:
    """Fewest insertions, deletions and replacements of characters."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def _match(wanted: str, reading: str) -> tuple[float, str]:
    """The least error of the words anywhere in a reading (at most 1), and the stretch that has it."""
    goal = wanted.replace(" ", "")
    tokens = _tokens(reading)
    best = (1.0, "")
    for first in range(len(tokens)):
        for last in range(first + 1, len(tokens) + 1):
            found = "".join(tokens[first:last])
            if len(found) > 1.6 * len(goal) + 2:
                break
            if found == goal:
                return 0.0, found
            if abs(len(found) - len(goal)) < best[0] * len(goal):
                best = min(best, (min(1.0, _distance(goal, found) / len(goal)), found))
    return best


@dataclass(frozen=True)
class _Look:
    """What one look reads of the words: the least error, the lines that have it, and between when they are there."""

    t_s: float
    error: float
    reading: str
    confidence: float
    start_s: float
    end_s: float


class _Reader:
    """The readings of a clip against the words of a constraint."""

    def __init__(self, constraint: Constraint, sight: Sight, spans: TextSpans, fold_case: bool) -> None:
        self.spans = spans
        size = sight.media.picture.size if sight.media.picture is not None else None
        self.aspect = size[0] / size[1] if size else 16 / 9
        self.wanted = _plain(constraint.get("text", ""))
        self._fold = str.casefold if fold_case else str
        self._known: dict[tuple[int, ...], tuple[float, str]] = {}

    def visible(self, t_s: float) -> list[int]:
        """The lines that are on screen at a time."""
        starts, ends = self.spans.starts_s, self.spans.ends_s
        return [i for i in range(len(starts)) if starts[i] <= t_s + 1e-6 and t_s < max(ends[i], starts[i] + 1e-3)]

    def _stacks(self, lines: list[int]) -> Iterator[tuple[int, ...]]:
        """Lines, and lines with those below them, or beside them to the right, that read on."""
        boxes = self.spans.boxes
        below: dict[int, int] = {}
        beside: dict[int, int] = {}
        for i in lines:
            x0, y0, x1, y1 = boxes[i]
            row = [
                j
                for j in lines
                if boxes[j][0] > x0
                and (boxes[j][0] - x1) * self.aspect < WORD_GAP * (y1 - y0)
                and min(y1, boxes[j][3]) - max(y0, boxes[j][1]) > 0.6 * max(y1 - y0, boxes[j][3] - boxes[j][1])
            ]
            if row:
                beside[i] = min(row, key=lambda j: boxes[j][0])
            next_ = [
                j
                for j in lines
                if j != i
                and boxes[j][1] + boxes[j][3] > y0 + y1
                and boxes[j][1] - y1 < 1.2 * min(y1 - y0, boxes[j][3] - boxes[j][1])
                and min(x1, boxes[j][2]) - max(x0, boxes[j][0]) > 0.3 * min(x1 - x0, boxes[j][2] - boxes[j][0])
            ]
            if next_:
                below[i] = min(next_, key=lambda j: (boxes[j][1], boxes[j][0]))
        for i in lines:
            yield (i,)
            for next_line in (below, beside):
                stack: tuple[int, ...] = (i,)
                while stack[-1] in next_line and len(stack) < STACKED_LINES:
                    stack += (next_line[stack[-1]],)
                    yield stack

    def look(self, t_s: float) -> _Look:
        """What is read at one time."""
        best = _Look(t_s, 1.0, "", 0.0, t_s, t_s)
        for stack in self._stacks(self.visible(t_s)):
            if stack not in self._known:
                reading = " ".join(_plain(self.spans.texts[i]) for i in stack)
                error, _ = _match(self._fold(self.wanted), self._fold(reading))
                self._known[stack] = (error, reading)
            error, reading = self._known[stack]
            if error < best.error:
                best = _Look(
                    t_s,
                    error,
                    reading,
                    min(self.spans.confidences[i] for i in stack),
                    max(self.spans.starts_s[i] for i in stack),
                    min(self.spans.ends_s[i] for i in stack),
                )
        return best

    def alike(self, reading: str) -> bool:
        """Whether a reading differs from the words in nothing but characters that have one shape in some font."""
        error, _ = _match(self._fold(self.wanted).translate(_SHAPES), self._fold(reading).translate(_SHAPES))
        return error == 0.0

    def doubt(self, look: _Look) -> str:
        """Why a reading that is not the words might still be them; empty where it is surely not."""
        if look.error > 0.0 and self.alike(look.reading):
            return "what was read differs in letters alone that look alike"
        if 0.0 < look.error <= SAME_LINE and look.confidence < SURE:
            return f"read with a probability of {look.confidence:.2f} only"
        return ""


def _times(spans: TextSpans, start_s: float, end_s: float) -> list[float]:
    """The looks within a window."""
    return [t_s for t_s in spans.looks_s if start_s - 1e-6 <= t_s < end_s - 1e-6]


def _unreadable(text: str) -> str:
    """The first script of a text that the instrument does not read; empty when it reads all of it."""
    for letter in text:
        if letter.isalpha():
            script = unicodedata.name(letter, "UNKNOWN").split()[0]
            if script not in _READABLE:
                return script.capitalize()
    return ""


def _evidence(looks: list[_Look], spans: TextSpans, start_s: float, end_s: float) -> tuple[Evidence, ...]:
    """The lines within a window, and how alike the words each look reads."""
    lines = [
        Evidence("span", text, value=confidence, start_s=first, end_s=last, box=box)
        for text, first, last, confidence, box in zip(
            spans.texts, spans.starts_s, spans.ends_s, spans.confidences, spans.boxes, strict=True
        )
        if first < end_s and last > start_s
    ]
    lines.sort(key=lambda line: -((line.end_s or 0.0) - (line.start_s or 0.0)))
    curve = Evidence(
        "curve",
        "similarity of the words read",
        x=tuple(look.t_s for look in looks),
        y=tuple(1.0 - look.error for look in looks),
    )
    return (*lines[:12], curve) if looks else tuple(lines[:12])


def _nearest(looks: list[_Look]) -> _Look | None:
    """The most alike reading of at least two looks, else of one; None where nothing is alike."""
    some = [look for look in looks if look.error < 1.0]
    twice = [look for look in some if sum(other.reading == look.reading for other in some) >= LOOKS]
    return min(twice or some, key=lambda look: look.error, default=None)


def _found(look: _Look | None, spans: TextSpans) -> str:
    if look is None or not look.reading:
        return "no text" if not spans.texts else "other text: " + "; ".join(f'"{text}"' for text in spans.texts[:4])
    return f'"{look.reading}", similarity {1.0 - look.error:.2f}, at {look.t_s:.2f} s'


class TextShown(Kind):
    """These words can be read in the picture, letter for letter."""

    facts = KindFacts(
        kind="text_shown",
        theme="text",
        summary="the words can be read in the picture, letter for letter",
        check="Text is read from the frames, four looks a second; in two looks some line, or lines that read on below "
        "each other, must hold the words, compared after Unicode compatibility normalisation and without spaces, in "
        "the case stated. Nothing read is ever spell-corrected.",
        required=("text",),
        optional=("case", "language", *WINDOW),
        tolerance=Tolerance(0.0, LOOSE_ERROR, "character error rate"),
        has_moment=True,
        needs=("ocr",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Pass where two looks of the window read the words."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture", -1.0)
        spans: TextSpans = sight.of("ocr")
        script = _unreadable(constraint.get("text", ""))
        if script:
            return unverifiable(constraint, f"the instrument does not read {script} script")
        start_s, end_s = sight.window(constraint)
        reader = _Reader(constraint, sight, spans, constraint.get("case") == "ignore")
        looks = [reader.look(t_s) for t_s in _times(spans, start_s, end_s)]
        if not looks:
            return unverifiable(constraint, f"no look at the picture between {start_s:.2f} and {end_s:.2f} s")
        evidence = _evidence(looks, spans, start_s, end_s)
        right = [look for look in looks if look.error == 0.0]
        needed = min(LOOKS, len(looks))
        if len(right) >= needed:
            first, last = right[0], right[-1]
            moment = {"start_s": max(start_s, first.start_s), "end_s": min(end_s, max(last.end_s, last.t_s))}
            found = f'"{first.reading}" from {moment["start_s"]:.2f} s to {moment["end_s"]:.2f} s, {len(right)} looks'
            return by_error(constraint, 0.0, found, "", evidence=evidence, **moment)
        if right:
            found = f"{_found(right[0], spans)}, one look"
            return failed(constraint, found, "read in one look only", evidence=evidence, start_s=right[0].t_s)
        nearest = _nearest(looks)
        found = _found(nearest, spans)
        if nearest is None:
            return by_error(constraint, 1.0, found, "the words are not there", evidence=evidence)
        doubt = reader.doubt(nearest)
        if doubt:
            return unverifiable(constraint, doubt, found, evidence)
        often = sum(look.error <= nearest.error for look in looks) >= needed
        error = nearest.error if often else max(nearest.error, 2 * LOOSE_ERROR)
        reason = f"{nearest.error:.0%} of the characters are wrong"
        return by_error(constraint, error, found, reason, evidence=evidence, start_s=nearest.t_s)


class TextAbsent(Kind):
    """This text, or any text, is never readable."""

    facts = KindFacts(
        kind="text_absent",
        theme="text",
        summary="the words, or any words at all, are never readable",
        check="Text is read from the frames, four looks a second; no line of three or more letters (two of a script "
        "that writes words with one character each) read in two looks may hold the words, in either case, or, where "
        "none are stated, exist. Figures alone are not words.",
        optional=("text", *WINDOW),
        tolerance=Tolerance(0.0, 0.0, "lines"),
        needs=("ocr",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Fail where two looks of the window read the words, or any words."""
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture")
        spans: TextSpans = sight.of("ocr")
        start_s, end_s = sight.window(constraint)
        times = _times(spans, start_s, end_s)
        if not times:
            return unverifiable(constraint, f"no look at the picture between {start_s:.2f} and {end_s:.2f} s")
        if constraint.get("text") is not None:
            return self._stated(constraint, sight, spans, times)
        sure: list[int] = []
        unsure: list[int] = []
        for i, text in enumerate(spans.texts):
            seen = sum(
                spans.starts_s[i] - 1e-6 <= t_s < max(spans.ends_s[i], spans.starts_s[i] + 1e-3) for t_s in times
            )
            if seen >= min(LOOKS, len(times)) and _is_word(text) and spans.confidences[i] >= UNSURE:
                (sure if spans.confidences[i] >= SURE else unsure).append(i)
        evidence = _evidence([], spans, start_s, end_s)
        if sure:
            first = min(sure, key=lambda i: spans.starts_s[i])
            found = "; ".join(f'"{spans.texts[i]}" from {spans.starts_s[i]:.2f} s' for i in sure[:4])
            moment: dict[str, Any] = {"start_s": spans.starts_s[first], "end_s": spans.ends_s[first]}
            return failed(constraint, found, "text can be read", -float(len(sure)), evidence=evidence, **moment)
        if unsure:
            found = "; ".join(f'"{spans.texts[i]}", probability {spans.confidences[i]:.2f}' for i in unsure[:4])
            return unverifiable(constraint, "something may be text, or may not", found, evidence)
        return passed(constraint, "no words" if spans.texts else "no text", 0.0, evidence=evidence)

    def _stated(self, constraint: Constraint, sight: Sight, spans: TextSpans, times: list[float]) -> Verdict:
        script = _unreadable(constraint.get("text", ""))
        if script:
            return unverifiable(constraint, f"the instrument does not read {script} script")
        reader = _Reader(constraint, sight, spans, fold_case=True)
        looks = [reader.look(t_s) for t_s in times]
        evidence = _evidence(looks, spans, *sight.window(constraint))
        right = [look for look in looks if look.error == 0.0]
        found = _found(_nearest(looks), spans)
        if len(right) >= min(LOOKS, len(looks)):
            moment: dict[str, Any] = {"start_s": right[0].start_s, "end_s": right[-1].end_s}
            return failed(constraint, found, "the words can be read", -1.0, evidence=evidence, **moment)
        alike = [look for look in looks if look.error <= LOOSE_ERROR or reader.alike(look.reading)]
        if len(alike) >= min(LOOKS, len(looks)):
            return unverifiable(constraint, "what was read is nearly the words", found, evidence)
        return passed(constraint, found, 0.0, evidence=evidence)


def _is_word(text: str) -> bool:
    """Three letters, or two characters of a script that writes words with them."""
    plain = _plain(text)
    return sum(letter.isalpha() for letter in plain) + sum(bool(_WIDE.match(letter)) for letter in plain) / 2 >= 3


class TextVisibleFor(Kind):
    """These words stay readable for a time."""

    facts = KindFacts(
        kind="text_visible_for",
        theme="text",
        summary="the words stay readable without a break for at least the time stated",
        check="Text is read from the frames, four looks a second; the longest unbroken stretch of looks that read the "
        "words, from the frame at which they come to the one at which they go, must last the time stated, less the "
        "tolerance. One look that reads the same line differently does not break it.",
        required=("text", "duration_s"),
        optional=("case",),
        tolerance=Tolerance(0.25, 0.75, "s"),
        has_moment=True,
        needs=("ocr",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Pass where the longest stretch is long enough."""
        wanted_s = float(constraint.get("duration_s"))
        if sight.media.picture is None:
            return failed(constraint, "no picture", "the clip has no picture", -wanted_s)
        spans: TextSpans = sight.of("ocr")
        script = _unreadable(constraint.get("text", ""))
        if script:
            return unverifiable(constraint, f"the instrument does not read {script} script")
        reader = _Reader(constraint, sight, spans, constraint.get("case") == "ignore")
        looks = [reader.look(t_s) for t_s in spans.looks_s]
        evidence = _evidence(looks, spans, 0.0, sight.duration_s)
        longest = max(_stretches(looks), key=lambda run: run[-1].end_s - run[0].start_s, default=None)
        if longest is None:
            nearest = _nearest(looks)
            found = _found(nearest, spans)
            doubt = reader.doubt(nearest) if nearest is not None else ""
            if doubt:
                return unverifiable(constraint, doubt, found, evidence)
            return by_error(constraint, wanted_s, found, "the words are not read in two looks", evidence=evidence)
        start_s, end_s = longest[0].start_s, longest[-1].end_s
        shown_s = end_s - start_s
        more: dict[str, Any] = {"evidence": evidence, "start_s": start_s, "end_s": end_s}
        found = f'"{longest[0].reading}" for {shown_s:.2f} s, from {start_s:.2f} s to {end_s:.2f} s'
        return by_error(constraint, wanted_s - shown_s, found, f"shorter than {wanted_s:g} s", **more)


def _stretches(looks: list[_Look]) -> list[list[_Look]]:
    """Runs of at least two looks that read the words, across single looks that read them nearly."""
    runs: list[list[_Look]] = []
    run: list[_Look] = []
    pending = 0
    for look in looks:
        if look.error == 0.0 and (not run or pending or look.start_s <= run[-1].end_s + 1e-6):
            run.append(look)
            pending = 0
        elif look.error == 0.0:  # read in both looks, but gone in between
            runs.append(run)
            run, pending = [look], 0
        elif run and pending == 0 and look.error <= SAME_LINE:
            pending = 1
        else:
            runs.append(run)
            run, pending = [], 0
    runs.append(run)
    return [item for item in runs if len(item) >= LOOKS]
