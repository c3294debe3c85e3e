"""What is checked of every prompt, by code: each rule yields the sentences that say what is wrong with one prompt.

Rules judge a prompt that :func:`avgen_bench.prompts.parse_prompt` has accepted, so types, kinds and spans are right
already. A *fault* stops the build; a *hint* is a demand that the text seems to state and no constraint types, for a
reader to decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace

from avgen_bench.constraints import theory
from avgen_bench.constraints.base import OTHER, WINDOW
from avgen_bench.types import Constraint, Param, Prompt

__all__ = ["CATEGORIES", "FAULTS", "HINTS", "faults", "hints", "quoted", "reading_grade", "same_words", "words"]

CATEGORIES = (
    *("ads", "animals", "asmr", "chemical_reaction", "cooking", "gameplays"),
    *("movie_trailer", "musical_instrument_tutorial", "news", "physical_experiment", "sports"),
)
WORDS_MIN, WORDS_MAX = 40, 120
DURATION_MIN_S, DURATION_MAX_S = 5.0, 12.0
WORDS_PER_SECOND = 2.5  # calm speech runs at 130 to 170 words a minute, and a clip needs air around a line
GRADE_MAX = 13.0
_SYLLABLE = re.compile(r"[aeiouy]+", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"')
_SAYING = ("line_spoken", "lines_in_order")
_SHOWING = ("text_shown", "text_visible_for", "text_absent")

# Makers, products, platforms, franchises, people, and things that no prompt may hold. Whole words, any case.
_BANNED = re.compile(
    r"\b(?:coca[- ]?cola|pepsi|nike|adidas|iphone|ipad|macbook|google|android phone|youtube|tiktok|instagram|facebook"
    r"|twitter|netflix|disney|pixar|marvel comics|star wars|harry potter|pok[eé]mon|nintendo|mario kart|zelda|minecraft"
    r"|fortnite|roblox|playstation|xbox|tesla model|bmw|mercedes|toyota|ferrari|porsche|lego|barbie|ikea|starbucks"
    r"|mcdonald'?s|burger king|kfc|walmart|samsung|sony|yamaha|steinway|fender stratocaster|gibson|stradivarius|cnn|bbc"
    r"|fox news|al jazeera|olympics?|fifa|uefa|nba|nfl|nhl|mlb|wimbledon|super bowl|tour de france|red bull|gopro"
    r"|taylor swift|beyonc[eé]|einstein|trump|biden|obama|putin|messi|ronaldo"
    r"|bloody|gore|corpse|suicide|naked|nude|cocaine|heroin|terrorist|nazi|swastika|behead\w*|grenade|explosives?"
    r"|8k|4k|masterpiece|photorealistic|ultra[- ]realistic|hyper[- ]realistic|trending)\b",
    re.IGNORECASE,
)
_CURLY = {chr(code) for code in (0x201C, 0x201D, 0x2018, 0x2019, 0x201E, 0xAB, 0xBB)}


def words(text: str) -> list[str]:
    """The words of a text: what whitespace parts and holds a letter or digit."""
    return [word for word in text.split() if any(char.isalnum() for char in word)]


def quoted(text: str) -> list[str]:
    """What stands in double quotes.

    >>> quoted('The sign "OPEN" lights up.')
    ['OPEN']
    """
    return _QUOTED.findall(text)


def same_words(text: str) -> str:
    """Words for comparing a quotation with a parameter: folded, without the punctuation at the end.

    >>> same_words("Three is enough,") == same_words("Three is enough.")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", text).split()).rstrip(" .,;:!?…").casefold()


def reading_grade(text: str) -> float:
    """Flesch-Kincaid grade level (Kincaid et al. 1975), syllables counted as groups of vowels."""
    tokens = words(text)
    sentences = max(1, len(re.findall(r"[.!?](?:\s|\"|$)", text)))
    syllables = 0
    for token in tokens:
        bare = re.sub(r"[^A-Za-z]", "", token)
        groups = len(_SYLLABLE.findall(bare))
        if bare.lower().endswith("e") and groups > 1 and not bare.lower().endswith("le"):
            groups -= 1
        syllables += max(1, groups)
    return 0.39 * len(tokens) / sentences + 11.8 * syllables / max(1, len(tokens)) - 15.59


def _of(prompt: Prompt, *kinds: str) -> list[Constraint]:
    return [constraint for constraint in prompt.constraints if constraint.kind in kinds]


def _window(constraint: Constraint) -> tuple[float, float]:
    return constraint.get("window_start", 0.0), constraint.get("window_end", 1.0)


def _within(one: Constraint, other: Constraint) -> bool:
    """Whether the window of ``one`` lies inside that of ``other``: one cannot happen where the other forbids."""
    (a, b), (c, d) = _window(one), _window(other)
    return c <= a and b <= d


def _overlap(one: Constraint, other: Constraint) -> bool:
    (a, b), (c, d) = _window(one), _window(other)
    return a < d and c < b


# --------------------------------------------------------------------------- the text


def _the_text(prompt: Prompt) -> Iterator[str]:
    count = len(words(prompt.text))
    if not WORDS_MIN <= count <= WORDS_MAX:
        yield f"the text has {count} words; expected {WORDS_MIN} to {WORDS_MAX}"
    if prompt.category not in CATEGORIES:
        yield f"the category is {prompt.category!r}; expected one of {', '.join(CATEGORIES)}"
    if not prompt.title or len(prompt.title) > 60:
        yield f"the title has {len(prompt.title)} characters; expected 1 to 60"
    if prompt.duration_s is None or not DURATION_MIN_S <= prompt.duration_s <= DURATION_MAX_S:
        yield f"duration_s is {prompt.duration_s}; expected {DURATION_MIN_S:g} to {DURATION_MAX_S:g}"
    if prompt.text.count('"') % 2:
        yield "a double quote is not closed"
    curly = sorted(_CURLY & set(prompt.text))
    if curly:
        yield f"the text has {' '.join(curly)}; write straight quotes"
    if "\n" in prompt.text or "  " in prompt.text or prompt.text != prompt.text.strip():
        yield "the text has line breaks, double spaces, or spaces around it"
    grade = reading_grade(prompt.text)
    if grade > GRADE_MAX:
        yield f"the reading grade is {grade:.1f}; expected at most {GRADE_MAX:g}: shorter sentences, plainer words"


def _banned(prompt: Prompt) -> Iterator[str]:
    fields = [prompt.text, prompt.title, *(q.text for q in prompt.questions), *(q.twin for q in prompt.questions)]
    for field in fields:
        for match in _BANNED.finditer(field):
            yield f"{match[0]!r} may not stand in a prompt (brands, real people and works, harm, prompt jargon)"


# --------------------------------------------------------------------------- quotations and constraints


def _quotations(prompt: Prompt) -> Iterator[str]:
    typed: set[str] = set()
    for constraint in _of(prompt, *_SAYING, *_SHOWING):
        for text in (constraint.get("text"), *constraint.get("texts", ())):
            if text is not None:
                typed.add(same_words(text))
    stated = {same_words(text) for text in quoted(prompt.text)}
    for text in quoted(prompt.text):
        if same_words(text) not in typed:
            yield f'the quotation "{text}" is in no constraint; add line_spoken or text_shown, or take the quotes away'
    for constraint in _of(prompt, *_SAYING, *_SHOWING):
        for text in (constraint.get("text"), *constraint.get("texts", ())):
            if text is not None and same_words(text) not in stated:
                yield f"constraint {constraint.id!r}: {text!r} does not stand in double quotes in the text, verbatim"
    shown = {q.strip(): q for q in quoted(prompt.text)}
    for constraint in _of(prompt, "text_shown", "text_visible_for"):
        text = constraint.get("text")
        exact = {text, *(text + mark for mark in ".,;:!?")}
        if constraint.get("case", "exact") == "exact" and not exact & set(shown):
            yield f"constraint {constraint.id!r}: {text!r} is not spelled as in the quotation (case 'exact')"
    spoken = {same_words(c.get("text")) for c in _of(prompt, "line_spoken")}
    for constraint in _of(prompt, "lines_in_order"):
        for text in constraint.get("texts"):
            if same_words(text) not in spoken:
                yield f"constraint {constraint.id!r}: {text!r} has no line_spoken of its own"


def _speakable(prompt: Prompt) -> Iterator[str]:
    lines = _of(prompt, "line_spoken")
    total = 0.0
    for constraint in lines:
        text = constraint.get("text")
        if constraint.get("language", "en") == "zh":
            total += len([char for char in text if char.isalnum()]) / 1.6  # Mandarin: about four syllables a second
            continue
        count = len(words(text))
        total += count
        if count > 18:
            yield f"constraint {constraint.id!r}: the line has {count} words; expected at most 18"
        if re.search(r"\d", text):
            yield f"constraint {constraint.id!r}: the line {text!r} holds digits; write numbers as they are spoken"
    rate = next((c.get("words_per_minute") / 60 for c in _of(prompt, "speech_rate")), WORDS_PER_SECOND)
    if prompt.duration_s and total > max(rate, WORDS_PER_SECOND) * prompt.duration_s:
        yield (
            f"the lines have {total:.0f} words, more than {max(rate, WORDS_PER_SECOND):.2g} a second "
            f"of {prompt.duration_s:g} s; shorten them"
        )


def _silence_of_people(prompt: Prompt) -> Iterator[str]:
    for quiet in _of(prompt, "no_speech"):
        for other in _of(prompt, "line_spoken", "lines_in_order", "speech_language", "speech_rate", "voice_count"):
            if other.kind == "voice_count" and other.get("count_min") == 0:
                continue
            if _within(other, quiet):
                yield f"constraints {quiet.id!r} (no_speech) and {other.id!r} ({other.kind}) contradict each other"
    languages = {c.get("language") for c in _of(prompt, "speech_language")}
    if len(languages) > 1:
        yield f"speech_language is stated as {', '.join(sorted(languages))}; all speech is in one language"
    for language in languages:
        for line in _of(prompt, "line_spoken"):
            if line.get("language", "en") != language:
                spoken_in = line.get("language", "en")
                yield f"constraint {line.id!r} is a line in {spoken_in!r}, but all speech is in {language!r}"


def _writing(prompt: Prompt) -> Iterator[str]:
    for absent in _of(prompt, "text_absent"):
        for shown in _of(prompt, "text_shown", "text_visible_for"):
            same = absent.get("text") is None or same_words(absent.get("text")) in same_words(shown.get("text"))
            if same and _within(shown, absent):
                yield f"constraints {absent.id!r} (text_absent) and {shown.id!r} ({shown.kind}) contradict each other"
    for constraint in _of(prompt, "text_visible_for", "silence_during", "duration"):
        seconds = constraint.get("duration_s")
        if seconds is not None and prompt.duration_s and seconds > prompt.duration_s:
            yield f"constraint {constraint.id!r} asks for {seconds:g} s, but the clip lasts {prompt.duration_s:g} s"


def _counts(prompt: Prompt) -> Iterator[str]:
    cuts = max((c.get("count_max") for c in _of(prompt, "shot_count")), default=99) - 1
    for constraint in _of(prompt, "cut_order", "sound_at_cut"):
        needed = (
            len(constraint.get("refs", ())) - 1 if constraint.kind == "cut_order" else constraint.get("count_min", 1)
        )
        if needed > cuts:
            yield f"constraint {constraint.id!r} ({constraint.kind}) needs {needed} cuts; shot_count allows {cuts}"
    beats = [(c, c.get("rate_hz") or c.get("bpm") / 60) for c in _of(prompt, "event_rate", "tempo")]
    for constraint in _of(prompt, "sound_at_cut"):
        for steady, rate_hz in beats:  # the tolerance is 0.15 s to either side of a cut
            least = max([c.get("count_min") - 1 for c in _of(prompt, "shot_count")] + [1])
            chance = min(1.0, 0.3 * rate_hz) ** least
            if chance > 0.5 and _window(steady) == (0.0, 1.0):
                yield f"constraint {constraint.id!r} (sound_at_cut) is met by chance beside {steady.id!r}: {chance:.0%}"
    for kind in ("shot_count", "voice_count", "duration", "tempo", "key"):
        if len(_of(prompt, kind)) > 1:
            yield f"{kind} is stated {len(_of(prompt, kind))} times; once is right"
    for constraint in _of(prompt, "same_face"):
        for faces in _of(prompt, "face_count"):
            if faces.get("count_max") == 0 and _overlap(constraint, faces):
                yield f"constraints {constraint.id!r} (same_face) and {faces.id!r} (no face) contradict each other"
            if faces.get("count_min") == faces.get("count_max") == 1 and _within(faces, constraint):
                yield f"constraint {faces.id!r} (one face) follows from {constraint.id!r} (same_face); take it out"
            if faces.get("count_min") > 1 and _overlap(constraint, faces):
                yield f"constraints {constraint.id!r} (one face) and {faces.id!r} (several faces) contradict each other"
    for constraint in _of(prompt, "event_count"):
        start, end = _window(constraint)
        if prompt.duration_s and constraint.get("count_min") > 6 * prompt.duration_s * (end - start):
            yield f"constraint {constraint.id!r}: more than six events a second cannot be told apart"
    for constraint in _of(prompt, "event_at"):
        if prompt.duration_s and constraint.get("at_s") > prompt.duration_s - 0.3:
            yield f"constraint {constraint.id!r}: the clip ends after {prompt.duration_s:g} s, before the event"


_COUNTING = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
)
_NUMBERS = {word: number for number, word in enumerate(_COUNTING)}
_NUMBERS |= {"once": 1, "single": 1, "twice": 2, "both": 2, "pair": 2, "thrice": 3}


def _numbers(span: str) -> set[int]:
    """The whole numbers that a span states, times in seconds left out."""
    bare = re.sub(r"\b(\w+(?: and a half)?) seconds?\b", "", _QUOTED.sub("", span), flags=re.IGNORECASE)
    return {_NUMBERS.get(word, int(word) if word.isdigit() else -1) for word in re.findall(r"\w+", bare.lower())} - {-1}


def _stated_numbers(prompt: Prompt) -> Iterator[str]:
    for constraint in _of(prompt, "event_count", "shot_count"):
        least, most = constraint.get("count_min"), constraint.get("count_max")
        stated = _numbers(constraint.span)
        if constraint.kind == "shot_count" and re.search(r"\bcuts?\b|\bjoins?\b", constraint.span, re.IGNORECASE):
            stated |= {number + 1 for number in stated}
        if stated and not any(least <= number <= most for number in stated):
            said = ", ".join(map(str, sorted(stated)))
            yield f"constraint {constraint.id!r} counts {least} to {most}, its span says {said}: {constraint.span!r}"
    for constraint in _of(prompt, "tempo", "duration", "text_visible_for"):
        value = constraint.get("bpm") or constraint.get("duration_s")
        words = re.findall(r"[\w.]+", constraint.span.lower().replace("-", " "))
        stated = {float(_NUMBERS[word]) for word in words if word in _NUMBERS}
        stated |= {float(word) for word in words if re.fullmatch(r"\d+(?:\.\d+)?", word)}
        stated |= {number + 0.5 for number in stated} if "half" in words else set()
        if stated and value not in stated:
            said = ", ".join(f"{number:g}" for number in sorted(stated))
            yield f"constraint {constraint.id!r} asks for {value:g}, its span says {said}: {constraint.span!r}"


def _trends(prompt: Prompt) -> Iterator[str]:
    for kind in ("loudness_trend", "brightness_trend"):
        found = _of(prompt, kind)
        for number, one in enumerate(found):
            for other in found[number + 1 :]:
                if _overlap(one, other):
                    yield f"constraints {one.id!r} and {other.id!r} ({kind}) overlap in time; give each its window"
    for trend in _of(prompt, "loudness_trend"):
        for silence in _of(prompt, "silence_during"):
            stated = silence.get("window_start") is not None or silence.get("window_end") is not None
            if stated and _overlap(trend, silence):
                yield f"constraint {trend.id!r} (loudness_trend) runs into the silence of {silence.id!r}"
    for louder in _of(prompt, "louder_than"):
        for steady in _of(prompt, "loudness_trend"):
            if steady.get("direction") == "steady" and _window(steady) == (0.0, 1.0):
                yield f"constraints {louder.id!r} (louder_than) and {steady.id!r} (steady) contradict each other"
    for colour in _of(prompt, "dominant_colour"):
        for other in _of(prompt, "dominant_colour"):
            if colour.id < other.id and colour.get("colour") != other.get("colour") and _overlap(colour, other):
                yield f"constraints {colour.id!r} and {other.id!r}: two colours prevail in the same stretch"
        for trend in _of(prompt, "colour_trend"):
            if _window(colour) == (0.0, 1.0):
                yield f"constraint {colour.id!r} says one colour prevails throughout, {trend.id!r} that it changes"


def _music(prompt: Prompt) -> Iterator[str]:
    keys = [theory.key_classes(c.get("key")) for c in _of(prompt, "key")]
    played: list[tuple[str, int]] = []
    for constraint in _of(prompt, "single_note", "note_sequence"):
        names = [constraint.get("note")] if constraint.kind == "single_note" else constraint.get("notes")
        played += [(name, theory.note_class(name)) for name in names]
    for constraint in _of(prompt, "chord", "chord_sequence"):
        names = [constraint.get("chord")] if constraint.kind == "chord" else constraint.get("chords")
        for name in names:
            played += [(f"{name} ({number})", number) for number in theory.chord_classes(name)]
    for classes in keys:
        for name, number in played:
            if number not in classes:
                yield f"{name} does not belong to the key stated"
    for scale in _of(prompt, "scale"):
        tonic, steps = theory.scale_steps(scale.get("key"))
        for sequence in _of(prompt, "note_sequence"):
            foreign = [n for n in sequence.get("notes") if (theory.note_class(n) - tonic) % 12 not in steps]
            if foreign and _overlap(sequence, scale):
                yield f"constraint {sequence.id!r}: {', '.join(foreign)} not in the scale {scale.get('key')}"
    for tempo in _of(prompt, "tempo"):
        for rate in _of(prompt, "event_rate"):
            ratio = rate.get("rate_hz") * 60 / tempo.get("bpm")
            if all(abs(ratio - wanted) > 0.02 * wanted for wanted in (0.25, 0.5, 1, 2, 3, 4)):
                yield f"{rate.get('rate_hz'):g} events a second do not go with {tempo.get('bpm'):g} beats a minute"


def _references(prompt: Prompt) -> Iterator[str]:
    for constraint in _of(prompt, "event_order", "cut_order"):
        if len(set(constraint.get("refs"))) < len(constraint.get("refs")):
            yield f"constraint {constraint.id!r} refers to the same constraint twice"
    for constraint in _of(prompt, "playing_speed"):
        if prompt.ladder is None and constraint.get("other_start") is None and constraint.get("window_start") is None:
            yield f"constraint {constraint.id!r}: outside a ladder, both windows must be stated"
    seen: dict[tuple[object, ...], str] = {}
    for constraint in prompt.constraints:
        key = (constraint.kind, constraint.params)
        if key in seen:
            yield f"constraints {seen[key]!r} and {constraint.id!r} are the same"
        seen[key] = constraint.id


# --------------------------------------------------------------------------- questions and expectations


def _questions(prompt: Prompt) -> Iterator[str]:
    minimum = 3 if prompt.ladder else 5
    if len(prompt.questions) < minimum:
        yield f"{len(prompt.questions)} questions; expected at least {minimum}"
    texts: set[str] = set()
    for question in prompt.questions:
        for name, text in (("text", question.text), ("twin", question.twin)):
            if not text.endswith("?"):
                yield f"question {question.id!r}: {name} {text!r} does not end with a question mark"
            if same_words(text) in texts:
                yield f"question {question.id!r}: {text!r} is asked twice"
            texts.add(same_words(text))
            if len(words(text)) > 30:
                yield f"question {question.id!r}: {name} has {len(words(text))} words; at most 30: ask one thing"
        if question.type in ("sound", "speech") and question.modality == "picture":
            yield f"question {question.id!r}: a {question.type} question cannot be answered from the picture"
        if question.type == "binding" and question.modality != "both":
            yield f"question {question.id!r}: a binding question needs both picture and sound"
        if question.type in ("camera", "style") and question.modality == "sound" and question.type == "camera":
            yield f"question {question.id!r}: a camera question needs the picture"
    needed = 3 if prompt.category in ("physical_experiment", "chemical_reaction") and not prompt.ladder else 1
    if len(prompt.expectations) < needed and not prompt.ladder:
        yield f"{len(prompt.expectations)} expectations; expected at least {needed} in {prompt.category}"
    if not prompt.constraints:
        yield "no constraint; a prompt states at least one thing that code can check"


# The constraint that checks the amount of a dial, and how the amount is read off it; other dials have none.
_DIALS: dict[str, tuple[str, Callable[[Constraint], float | None]]] = {
    "tempo": ("tempo", lambda c: c.get("bpm")),
    "pitch": ("single_note", lambda c: theory.note_midi(c.get("note"))),
    "event_count": ("event_count", lambda c: c.get("count_min") if c.get("count_min") == c.get("count_max") else None),
    "event_rate": ("event_rate", lambda c: c.get("rate_hz")),
    "playing_speed": ("playing_speed", lambda c: c.get("speed_factor")),
    "face_count": ("face_count", lambda c: c.get("count_min") if c.get("count_min") == c.get("count_max") else None),
    "shot_count": ("shot_count", lambda c: c.get("count_min") if c.get("count_min") == c.get("count_max") else None),
    "speech_rate": ("speech_rate", lambda c: c.get("words_per_minute")),
    "text_length": ("text_shown", lambda c: sum(char.isalnum() for char in c.get("text"))),
}


def _ladder(prompt: Prompt) -> Iterator[str]:
    if prompt.ladder is None or prompt.ladder.dial not in _DIALS:
        return
    kind, read = _DIALS[prompt.ladder.dial]
    stated = [read(constraint) for constraint in _of(prompt, kind)]
    if prompt.ladder.amount not in stated:
        yield f"the rung asks for {prompt.ladder.amount:g} {prompt.ladder.unit}, but its {kind} states {stated}"


FAULTS: dict[str, Callable[[Prompt], Iterator[str]]] = {
    "text": _the_text,
    "banned words": _banned,
    "quotations": _quotations,
    "speakable lines": _speakable,
    "speech": _silence_of_people,
    "writing": _writing,
    "counts": _counts,
    "stated numbers": _stated_numbers,
    "trends": _trends,
    "music": _music,
    "references": _references,
    "questions": _questions,
    "ladder": _ladder,
}


def _as_shares(prompt: Prompt) -> Prompt:
    """The prompt with windows in seconds written as shares of the length that the clip wants, so that all compare."""
    duration_s = prompt.duration_s or DURATION_MAX_S
    made = []
    for constraint in prompt.constraints:
        params: dict[str, Param] = {}
        for name, value in constraint.params:
            edge = name.removesuffix("_s")
            if edge in (*WINDOW, *OTHER) and edge != name and isinstance(value, float | int):
                params[edge] = min(1.0, max(0.0, (value if value > 0 else duration_s + value) / duration_s))
            else:
                params[name] = value
        made.append(replace(constraint, params=tuple(sorted(params.items()))))
    return replace(prompt, constraints=tuple(made))


def faults(prompt: Prompt) -> list[str]:
    """Everything that stops the build, each with the name of its rule; empty when the prompt is right."""
    prompt = _as_shares(prompt)
    return [f"{rule}: {problem}" for rule, check in FAULTS.items() for problem in check(prompt)]


# --------------------------------------------------------------------------- hints

HINTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "one shot": (
        r"\b(?:single|one|continuous|unbroken|uncut)\b[^.,;]{0,25}\b(?:take|shot)\b|\bno cuts?\b"
        r"|\bwithout (?:a |any )?cuts?\b",
        ("shot_count",),
    ),
    "cuts": (
        r"\bcuts? to\b|\b(?:two|three|four) shots\b|\bhard cut\b|\b(?:second|third|final|last) shot\b",
        ("shot_count", "cut_order"),
    ),
    "nobody speaks": (
        r"\b(?:nobody|no one|neither|none of them)\b[^.;]{0,15}\b(?:speaks?|talks?|says?)\b|\bwordless",
        ("no_speech", "voice_count"),
    ),
    "silence": (
        r"\b(?:complete|total|utter|dead|absolute|perfect|full) silence\b|\bfalls silent\b|\bsound stops\b",
        ("silence_during",),
    ),
    "louder or softer": (
        r"\b(?:louder|softer|quieter|swells?|fades? (?:away|out|in)|crescendo|diminuendo|dies away|builds? up)\b",
        ("loudness_trend", "louder_than", "brightness_trend"),
    ),
    "brighter or darker": (r"\b(?:brightens?|darkens?|dims?|brighter|darker|fades? to black)\b", ("brightness_trend",)),
    "slow motion": (
        r"\bslow[- ]motion\b|\bhalf speed\b|\bquarter speed\b|\bfast[- ]forward\b|\btime[- ]lapse\b",
        ("playing_speed",),
    ),
    "tempo": (r"\bBPM\b|\bbeats (?:per|a) minute\b", ("tempo",)),
    "named note": (
        r"\b[A-G](?:#|b| sharp| flat)?[0-8]\b|\b(?:[Nn]otes?|pitch) [A-G]\b",
        ("single_note", "note_sequence", "scale"),
    ),
    "named chord": (r"\b[A-G](?:#|b)? (?:major|minor)? ?(?:seventh )?chord", ("chord", "chord_sequence")),
    "counted sounds": (
        r"\b(?:twice|(?:two|three|four|five|six|seven|eight|nine|ten) (?:\w+[ -]){0,2}"
        r"(?:times|knocks?|taps?|claps?|beats|strokes?|rings|chimes|barks|bounces|clicks|thuds|cracks|strikes|hits|whistles|beeps|snaps|pops))\b",
        ("event_count", "event_rate", "playing_speed"),
    ),
    "no writing": (r"\bno (?:writing|text|words|lettering|captions?|signs?)\b", ("text_absent",)),
    "even intervals": (
        r"\bevenly spaced\b|\bequal intervals?\b|\bregular intervals?\b|\bsteady (?:beat|rhythm)\b",
        ("even_spacing", "tempo", "event_rate"),
    ),
    "nothing else": (
        r"\b(?:no (?:other )?(?:music|sounds?)|nothing else|no other noise|only sounds?|not another sound)\b[^.;]{0,20}"
        r"|\bonly (?:\w+ ){1,4}(?:is|are) heard\b|\ball that (?:is|can be) heard\b|\bnothing but [^.;]{1,40} heard\b",
        ("sound",),
    ),
    "length": (
        r"\b(?:five|six|seven|eight|nine|ten|eleven|twelve)[- ]second (?:clip|shot|take|video|spot|teaser)\b",
        ("duration",),
    ),
}


def hints(prompt: Prompt) -> list[str]:
    """Demands that the text seems to state and no constraint types: for a reader to decide, never a fault."""
    stated = {constraint.kind for constraint in prompt.constraints}
    stated |= {question.type for question in prompt.questions}
    bare = _QUOTED.sub('""', prompt.text)
    out = []
    for name, (pattern, kinds) in HINTS.items():
        match = re.search(pattern, bare, re.IGNORECASE if name not in ("named note", "named chord") else 0)
        if match and not stated & set(kinds):
            out.append(f"{name}: {match[0]!r} is stated, and there is no {' or '.join(kinds)}")
    return out
