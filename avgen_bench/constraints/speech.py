"""Lines that are spoken, and how.

What a recogniser writes down is not what was said: it mishears. Where the line itself is among the readings that the
recogniser holds about as likely, it passes; where what was heard only sounds much like the line, nobody can tell from a
transcript, and the verdict is ``unverifiable``. The two thresholds were chosen on the calibration split.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance
from avgen_bench.constraints.sight import Sight, by_error, failed, passed, unverifiable
from avgen_bench.constraints.words import Match, best_match, fold, sound_cost, sounds
from avgen_bench.types import Constraint, Evidence, Transcript, Verdict

__all__ = ["LineSpoken", "LinesInOrder", "NoSpeech", "SpeechLanguage", "SpeechRate", "VoiceCount"]

_LIKELY = 2.5
"""Nats by which a reading may be less likely than the best and still count as heard."""
_NEAR = 1.3
"""Difference in sounds up to which a line cannot be told from what was heard."""
_NEAR_SHARE = 0.15
"""The same as a share of the line's sounds, for short lines."""
_EDGE_S = 0.3
"""How far word times reach beyond the edge of a window."""
_FAINT = 0.35
"""Mean confidence below which words may have been made out of noise."""
_CLEAR = 0.55
"""Mean confidence below which what was heard proves no other words."""
_SURE_LANGUAGE = 0.4
"""Confidence in the language below which the words prove nothing."""
_SAME_LANGUAGE = 0.15
_OTHER_LANGUAGE = 0.5
"""Confidence from which a stretch counts as in the language stated, and as in another."""
_TOLD_S = 1.0
_FEWEST_WORDS = 3
_PLACED, _ABSENT = 0.4, 0.5
"""Word error rate up to which a line can be placed in time, and above which it is not there."""


@dataclass(frozen=True)
class _Word:
    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class _Finding:
    """Where a line is in what was heard: ``fits`` says of each of ``words`` whether it is the line's.

    ``likely`` is in nats, 0 for the best reading, None for no reading at all.
    """

    match: Match
    heard: tuple[str, ...]
    words: tuple[_Word, ...]
    fits: tuple[bool, ...]
    likely: float | None
    sounds_off: float
    near: float

    @property
    def start_s(self) -> float | None:
        return self.words[0].start_s if self.words else None

    @property
    def end_s(self) -> float | None:
        return self.words[-1].end_s if self.words else None

    @property
    def is_heard(self) -> bool:
        return self.match.errors == 0 or (self.likely is not None and self.likely <= _LIKELY)

    @property
    def is_near(self) -> bool:
        return self.sounds_off <= self.near or self.likely is not None


def _silent(sight: Sight) -> str:
    if sight.media.sound is None:
        return "no sound track"
    return "the sound track is empty" if sight.media.sound.units == 0 else ""


def _words(seen: Transcript, start_s: float, end_s: float) -> tuple[_Word, ...]:
    rows = zip(seen.words, seen.starts_s, seen.ends_s, seen.confidences, strict=True)
    return tuple(_Word(*row) for row in rows if start_s <= (row[1] + row[2]) / 2 <= end_s)


def _folded(words: Sequence[_Word], language: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Folded words, and for each the place of the word that it came from."""
    out: list[str] = []
    places: list[int] = []
    for place, word in enumerate(words):
        for item in fold(word.text, language):
            out.append(item)
            places.append(place)
    return tuple(out), tuple(places)


def _find(
    text: str, language: str, words: Sequence[_Word], guesses: Transcript | None, start_s: float, end_s: float
) -> _Finding:
    line = fold(text, language)
    heard, places = _folded(words, language)
    match = best_match(line, heard)
    chosen = sorted({places[index] for index in range(match.start, match.end)})
    said = tuple(words[place] for place in chosen)
    wrong = {places[at] for word, at in match.steps if at is not None and match.errors and heard[at] != word}
    off = sound_cost(heard[match.start : match.end], line)
    likely = 0.0 if match.errors == 0 else None
    if guesses is not None and match.errors:
        for reading, from_s, to_s, odds in zip(
            guesses.words, guesses.starts_s, guesses.ends_s, guesses.confidences, strict=True
        ):
            # a reading has no word times: it counts where the words that it replaces lie in the window
            if to_s < start_s or from_s > end_s or (said and (said[-1].end_s < from_s or said[0].start_s > to_s)):
                continue
            read = fold(reading, language)
            other = best_match(line, read)
            gap = -math.log(max(odds, 1e-9))
            if other.errors == 0:
                likely = gap if likely is None else min(likely, gap)
            off = min(off, sound_cost(read[other.start : other.end], line) + 0.1 * gap)
    length = sum(len(sounds(word)) for word in line)
    return _Finding(
        match, heard, said, tuple(place not in wrong for place in chosen), likely, off, min(_NEAR, _NEAR_SHARE * length)
    )


def _marked(found: _Finding) -> str:
    """What was heard, with wrong words in brackets, missing ones as [-word-] and those too many as [+word+]."""
    out = []
    for word, place in found.match.steps:
        if place is None:
            out.append(f"[-{word}-]")
        elif word is None and found.match.errors:
            out.append(f"[+{found.heard[place]}+]")
        elif word is not None and found.heard[place] != word:
            out.append(f"[{found.heard[place]}, not {word}]")
        else:
            out.append(found.heard[place])
    return " ".join(out)


def _said(words: Sequence[_Word]) -> str:
    text = " ".join(word.text for word in words)
    text = re.sub(r"(?<=[\u3040-\u9fff]) (?=[\u3040-\u9fff])", "", text)
    return f'"{text}"' if text else "no words"


def _span(words: Sequence[_Word], label: str) -> tuple[Evidence, ...]:
    if not words:
        return ()
    return (Evidence("span", label, start_s=words[0].start_s, end_s=words[-1].end_s, text=_said(words)),)


def _word_spans(found: _Finding) -> tuple[Evidence, ...]:
    """A span for each word where the line is; those that are not the line's are marked, unless the line is heard."""
    return tuple(
        Evidence(
            "span", "word" if fits or found.is_heard else "wrong word", start_s=w.start_s, end_s=w.end_s, text=w.text
        )
        for w, fits in zip(found.words, found.fits, strict=True)
    )


def _voiced(seen: Transcript, start_s: float, end_s: float) -> list[tuple[float, float, float, int]]:
    """Stretches with a voice within a window: start, end, mean confidence of its words (0 for none), and place."""
    out = []
    for place, (one, two) in enumerate(zip(seen.voiced_starts_s, seen.voiced_ends_s, strict=True)):
        low, high = max(one, start_s), min(two, end_s)
        if low >= high:
            continue
        sure = [word.confidence for word in _words(seen, low - _EDGE_S, high + _EDGE_S)]
        out.append((low, high, sum(sure) / len(sure) if sure else 0.0, place))
    return out


def _untold(seen: Transcript, spans: Sequence[tuple[float, float, float, int]]) -> bool:
    """Whether the language of some stretch that is long enough to tell it is not clear."""
    return any(seen.languages and 0 < seen.language_confidences[place] < _SURE_LANGUAGE for *_, place in spans)


class LineSpoken(Kind):
    """This line is spoken, word for word."""

    facts = KindFacts(
        kind="line_spoken",
        theme="speech",
        summary="the line is spoken, word for word",
        check="Speech is transcribed with word times; the stretch of the transcript nearest to the line is aligned "
        "with it, both in lower case without punctuation, with numbers in words, contractions written out, and "
        "spellings and words that sound alike as one; its word error rate must be within tolerance. A line that the "
        "recogniser holds about as likely as what it wrote passes; where what was heard only sounds much like the "
        "line, the verdict is unverifiable.",
        required=("text",),
        optional=("language", *WINDOW),
        tolerance=Tolerance(0.0, 0.2, "word error rate"),
        has_moment=True,
        needs=("speech", "speech_guesses"),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the line is spoken, in its window if it has one."""
        absent = _silent(sight)
        if absent:
            return failed(constraint, absent, f"{absent}: nothing is spoken", -1.0)
        seen: Transcript = sight.of("speech")
        guesses: Transcript = sight.of("speech_guesses")
        start_s, end_s = sight.window(constraint)
        words = _words(seen, start_s - _EDGE_S, end_s + _EDGE_S)
        text, language = constraint.get("text"), constraint.get("language", "en")
        line = fold(text, language)
        if not words:
            voice_s = sum(two - one for one, two, _, _ in _voiced(seen, start_s, end_s))
            if voice_s >= max(0.5, 0.12 * len(line)):
                return unverifiable(
                    constraint, f"a voice is heard for {voice_s:.1f} s, but no words can be made out", "a voice"
                )
            elsewhere = _words(seen, -math.inf, math.inf)
            where = " in its window" if elsewhere and sight.has_window(constraint) else ""
            return failed(
                constraint, "no speech", f"no words are heard{where}", -1.0, evidence=_span(elsewhere, "heard")
            )
        found = _find(text, language, words, guesses, start_s, end_s)
        rate = found.match.error_rate(len(line))
        evidence = _word_spans(found)
        more: dict[str, Any] = {"start_s": found.start_s, "end_s": found.end_s, "evidence": evidence}
        if found.is_heard:
            heard = _said(found.words or words)
            other = f"; as likely: {text}" if found.match.errors else ""
            return passed(constraint, heard + other, 0.0, **more)
        marked = _marked(found) if found.match.end > found.match.start else _said(words)
        letters = found.match.letters / max(1, len("".join(line)))
        shown = f"{marked} (word errors {rate:.0%}, letter errors {letters:.0%})"
        spans = _voiced(seen, start_s, end_s)
        if _untold(seen, spans):
            return unverifiable(constraint, "the language of what was said cannot be told", shown, evidence)
        if sum(word.confidence for word in words) / len(words) < _CLEAR:
            return unverifiable(constraint, "the words cannot be made out with confidence", shown, evidence)
        if found.is_near:
            reason = "what was heard sounds so much like the line that the recogniser cannot tell them apart"
            return unverifiable(constraint, reason, shown, evidence)
        reason = f"heard otherwise: {found.match.errors} of {len(line)} words wrong, missing or too many"
        if found.match.errors >= len(line):
            reason = "the line is not heard"
        return by_error(constraint, min(1.0, rate), shown, reason, **more)


class LinesInOrder(Kind):
    """These lines are spoken in this order."""

    facts = KindFacts(
        kind="lines_in_order",
        theme="speech",
        summary="the lines are spoken in the order stated",
        check="Each line is placed in the transcript as line_spoken places it; one with more than half of its words "
        "wrong is not there, one with more than two fifths wrong is in doubt; whether its words are right is for "
        "line_spoken to say. Each must begin after the one before it has begun.",
        required=("texts",),
        tolerance=Tolerance(0.0, 0.5, "s of overlap"),
        has_moment=True,
        needs=("speech", "speech_guesses"),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether the lines begin one after the other."""
        absent = _silent(sight)
        if absent:
            return failed(constraint, absent, f"{absent}: nothing is spoken")
        seen: Transcript = sight.of("speech")
        guesses: Transcript = sight.of("speech_guesses")
        words = _words(seen, -math.inf, math.inf)
        texts: tuple[str, ...] = constraint.get("texts")
        if not words:
            return failed(constraint, "no speech", "no words are heard")
        languages = {
            c.get("text"): c.get("language", "en") for c in sight.prompt.constraints if c.kind == "line_spoken"
        }
        findings: dict[int, _Finding] = {}
        used: set[int] = set()
        tries = [(text, languages.get(text, "en")) for text in texts]
        # the lines that are clearest take their words first: "my teeth are whiter", "my teeth are louder"
        first = [_find(text, language, words, guesses, -math.inf, math.inf) for text, language in tries]
        for number in sorted(range(len(texts)), key=lambda i: first[i].match.error_rate(len(fold(*tries[i])))):
            best: _Finding | None = None
            for run in _runs([place not in used for place in range(len(words))]):
                found = _find(*tries[number], words[run[0] : run[1]], guesses, -math.inf, math.inf)
                if best is None or found.match.errors < best.match.errors:
                    best = found
            if best is not None and best.words:
                findings[number] = best
                used |= {words.index(word) for word in best.words}
        doubtful = []
        for number, text in enumerate(texts):
            found_or_none = findings.get(number)
            rate = 1.0 if found_or_none is None else found_or_none.match.error_rate(len(fold(*tries[number])))
            if found_or_none is None or rate > _ABSENT:
                if _untold(seen, _voiced(seen, -math.inf, math.inf)):
                    reason = f'"{text}" is not heard, but the language of what was said cannot be told'
                    return unverifiable(constraint, reason, _said(words), _span(words, "heard"))
                return failed(constraint, _said(words), f'"{text}" is not heard', evidence=_span(words, "heard"))
            if rate > _PLACED and not (found_or_none.is_heard or found_or_none.is_near):
                doubtful.append(text)
        evidence = tuple(
            item
            for number in range(len(texts))
            for item in (*_span(findings[number].words, f"line {number + 1}"), *_word_spans(findings[number]))
        )
        starts = [findings[number].words[0].start_s for number in range(len(texts))]
        late = [starts[i] - starts[i + 1] for i in range(len(starts) - 1)]
        worst = max(late)
        found_text = ", then ".join(
            f"{_said(findings[number].words)} at {starts[number]:.1f} s"
            for number in sorted(range(len(texts)), key=lambda i: starts[i])
        )
        more: dict[str, Any] = {"start_s": min(starts), "end_s": max(findings[n].words[-1].end_s for n in findings)}
        if worst >= 0:
            place = late.index(worst)
            reason = f'"{texts[place + 1]}" begins {worst:.1f} s before "{texts[place]}"'
            return by_error(constraint, max(worst, 1e-3), found_text, reason, evidence=evidence, **more)
        if doubtful:
            return unverifiable(
                constraint, f'"{doubtful[0]}" is not heard clearly enough to say that it is there', found_text, evidence
            )
        return passed(constraint, found_text, -worst, evidence=evidence, **more)


def _runs(free: Sequence[bool]) -> list[tuple[int, int]]:
    """Runs of True, as start and end."""
    out: list[tuple[int, int]] = []
    for place, is_free in enumerate(free):
        if is_free and out and out[-1][1] == place:
            out[-1] = (out[-1][0], place + 1)
        elif is_free:
            out.append((place, place + 1))
    return out


class NoSpeech(Kind):
    """Nobody speaks."""

    facts = KindFacts(
        kind="no_speech",
        theme="speech",
        summary="nobody speaks",
        check="Voice activity, confirmed by a transcript with words, must last no longer than the tolerance.",
        optional=WINDOW,
        tolerance=Tolerance(0.3, 1.0, "s of speech"),
        needs=("speech",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether nobody speaks, in the window if there is one."""
        absent = _silent(sight)
        if absent:
            return by_error(constraint, 0.0, absent, "")
        seen: Transcript = sight.of("speech")
        start_s, end_s = sight.window(constraint)
        spoken = [item for item in _voiced(seen, start_s, end_s) if item[2] > 0]
        clear_s = sum(two - one for one, two, sure, _ in spoken if sure >= _FAINT)
        faint_s = sum(two - one for one, two, sure, _ in spoken if sure < _FAINT)
        words = _words(seen, start_s, end_s)
        evidence = tuple(Evidence("span", "speech", start_s=one, end_s=two) for one, two, _, _ in spoken)
        tolerance = self.facts.tolerance
        assert tolerance is not None
        if clear_s <= tolerance.strict < clear_s + faint_s:
            reason = f"a voice is found for {faint_s:.1f} s, with words too uncertain to tell speech from other sounds"
            return unverifiable(constraint, reason, _said(words), evidence)
        found = f"{clear_s:.1f} s of speech: {_said(words)}" if clear_s else "no speech"
        more: dict[str, Any] = {"start_s": spoken[0][0], "end_s": spoken[-1][1]} if clear_s else {}
        return by_error(constraint, clear_s, found, f"somebody speaks: {_said(words)}", evidence=evidence, **more)


class SpeechLanguage(Kind):
    """All speech is in this language."""

    facts = KindFacts(
        kind="speech_language",
        theme="speech",
        summary="there is speech, and it is in the language stated",
        check="The language of each stretch of speech of a second or more is identified; the share of speech in the"
        " language stated must reach one less the tolerance.",
        required=("language",),
        tolerance=Tolerance(0.1, 0.3, "share of speech"),
        needs=("speech",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether what is spoken is in the language."""
        absent = _silent(sight)
        if absent:
            return failed(constraint, absent, f"{absent}: nothing is spoken", -0.9)
        seen: Transcript = sight.of("speech")
        wanted = constraint.get("language")
        spoken = [item for item in _voiced(seen, -math.inf, math.inf) if item[2] > 0]
        if not spoken:
            return failed(constraint, "no speech", "nothing is spoken", -0.9)
        words = _words(seen, -math.inf, math.inf)
        share: dict[str, float] = {}
        unsure = 0.0
        for one, two, _, place in spoken:
            language = seen.languages[place] if seen.languages else ""
            if not language:
                continue
            sure = seen.language_confidences[place]
            # that of a hundred languages the one stated is the likeliest says more than that another is
            if sure >= (_SAME_LANGUAGE if language == wanted else _OTHER_LANGUAGE):
                share[language] = share.get(language, 0.0) + two - one
            else:
                unsure += two - one
        total = sum(share.values()) + unsure
        if not total:
            reason = f"no stretch of speech lasts {_TOLD_S:.0f} s, which telling its language takes"
            return unverifiable(constraint, reason, _said(words))
        evidence = tuple(
            Evidence("span", seen.languages[place] or "too short to tell", start_s=one, end_s=two)
            for one, two, _, place in spoken
        )
        found = ", ".join(f"{name} {value / total:.0%}" for name, value in sorted(share.items(), key=lambda i: -i[1]))
        found = f"{found or 'a language that cannot be told'}: {_said(words)}"
        least = 1 - (share.get(wanted, 0.0) + unsure) / total
        most = 1 - share.get(wanted, 0.0) / total
        tolerance = self.facts.tolerance
        assert tolerance is not None
        if least <= tolerance.strict < most:
            return unverifiable(constraint, "the language of a stretch cannot be told", found, evidence)
        more: dict[str, Any] = {"start_s": spoken[0][0], "end_s": spoken[-1][1], "evidence": evidence}
        reason = f"{most:.0%} of the speech is not in {wanted!r}"
        return by_error(constraint, most if most <= tolerance.strict else least, found, reason, **more)


class VoiceCount(Kind):
    """So many different voices speak."""

    facts = KindFacts(
        kind="voice_count",
        theme="speech",
        summary="as many different voices speak as stated",
        check="Stretches of speech are embedded and clustered by speaker; the number of clusters must lie in the "
        "range. Where a stretch is too short, or its voice between the same and another, the number is a range, "
        "and must lie wholly in or out.",
        required=("count_min", "count_max"),
        tolerance=Tolerance(0.0, 1.0, "voices"),
        needs=("speech", "voices"),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether so many voices speak."""
        low, high = constraint.get("count_min"), constraint.get("count_max")
        absent = _silent(sight)
        if absent:
            return by_error(constraint, float(max(0, low)), absent, f"{absent}: nobody speaks")
        seen: Transcript = sight.of("speech")
        voices: Transcript = sight.of("voices")
        spoken = [(one, two) for one, two, sure, _ in _voiced(seen, -math.inf, math.inf) if sure > 0]
        rows = [
            (one, two, who)
            for one, two, who in zip(voices.voiced_starts_s, voices.voiced_ends_s, voices.speakers, strict=True)
            if any(one < end and two > start for start, end in spoken)  # laughter and singing are no speech
        ]
        if not rows:
            return by_error(constraint, float(max(0, low)), "no speech", "nobody speaks")
        known = len({who for _, _, who in rows if who >= 0})
        doubtful = len({who for _, _, who in rows if who < 0})
        least, most = max(1, known), max(1, known + doubtful)
        evidence = tuple(
            Evidence("span", f"voice {who + 1}" if who >= 0 else "voice in doubt", start_s=one, end_s=two)
            for one, two, who in rows
        )
        found = f"{least} voice{'s' * (least > 1)}" if least == most else f"{least} to {most} voices"
        error_least = max(low - most, least - high, 0)
        inside = low <= least and most <= high
        if not inside and error_least == 0:
            return unverifiable(constraint, f"{found}: the voices are too alike to count", found, evidence)
        reason = f"{found} instead of {low if low == high else f'{low} to {high}'}"
        more: dict[str, Any] = {"start_s": rows[0][0], "end_s": rows[-1][1], "evidence": evidence}
        return by_error(constraint, float(error_least), found, reason, **more)


class SpeechRate(Kind):
    """Speech runs at this rate."""

    facts = KindFacts(
        kind="speech_rate",
        theme="speech",
        summary="speech runs at the rate stated",
        check="Words transcribed (numbers in words), divided by the length of the stretches of speech that hold them, "
        "pauses of 0.3 s and more left out, must be the rate stated within tolerance.",
        required=("words_per_minute",),
        tolerance=Tolerance(0.15, 0.3, "share of the rate"),
        needs=("speech",),
    )

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """Whether speech runs at the rate."""
        absent = _silent(sight)
        if absent:
            return failed(constraint, absent, f"{absent}: nothing is spoken", -0.85)
        seen: Transcript = sight.of("speech")
        spoken = [item for item in _voiced(seen, -math.inf, math.inf) if item[2] > 0]
        words = _words(seen, -math.inf, math.inf)
        if not spoken or not words:
            return failed(constraint, "no speech", "nothing is spoken", -0.85)
        count = sum(_spoken_words(word.text) for word in words)
        if count < _FEWEST_WORDS:
            return unverifiable(constraint, f"{count} words are too few for a rate", _said(words))
        length_s = sum(two - one for one, two, _, _ in spoken)
        rate, asked = 60 * count / length_s, constraint.get("words_per_minute")
        found = f"{rate:.0f} words per minute ({count} words in {length_s:.1f} s)"
        reason = f"{rate:.0f} words per minute instead of {asked:.0f}"
        evidence = tuple(Evidence("span", "speech", start_s=one, end_s=two) for one, two, _, _ in spoken)
        more: dict[str, Any] = {"start_s": spoken[0][0], "end_s": spoken[-1][1], "evidence": evidence}
        return by_error(constraint, abs(rate - asked) / asked, found, reason, **more)


def _spoken_words(text: str) -> int:
    """Words in what was written as one: "87" is two, "it's" one."""
    return len(fold(text)) if re.search(r"\d", text) else len(text.replace("-", " ").split())
