"""On what terms a judge is asked: how often, for how much, about nothing too short; and what that takes, beforehand.

Conventions
    Why a question is not asked is a text. Reasons that stand for good begin with a word of :data:`SETTLED`; any other
    (the budget was spent, the judge broke) is open: another run may get the answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from avgen_bench.errors import InputError
from avgen_bench.questions import Atom, ask_of, atoms_of
from avgen_bench.types import Ask, Call, Header, JudgeFacts, JudgeView, Prompt, fingerprint_of

__all__ = [
    "LONGEST_SHORTEST_S",
    "REPLY_TOKENS",
    "SETTLED",
    "SPENT",
    "Budget",
    "Estimate",
    "Pace",
    "Terms",
    "atoms_for",
    "both_asks",
    "estimate_calls",
    "estimate_questions",
    "is_open",
    "price_usd",
    "questions_too_short",
    "refuse_budget",
    "refuse_view",
    "reply_header",
    "shortest_shown_s",
    "tokens_given",
    "too_short",
]

SETTLED = ("after", "absent", "too short")
"""First words of the reasons for which a question is not asked that no other run would cure."""

SPENT = "the budget was spent"


def is_open(reason: str) -> bool:
    """Whether another run may get the answer that was left unasked for this reason."""
    return reason.partition(":")[0] not in SETTLED


# --------------------------------------------------------------------------- the terms


_BUDGET = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kM]?)\s*(calls?|tokens?|usd)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may spend at the most; ``unit`` is ``calls``, ``tokens`` (given and written) or ``usd``."""

    amount: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> Budget:
        """The budget in words.

        Raises:
            InputError: not a number with its unit.

        >>> Budget.parse("2Mtokens")
        Budget(amount=2000000.0, unit='tokens')
        """
        found = _BUDGET.fullmatch(text)
        if found is None:
            raise InputError(f"--budget {text}: expected an amount with its unit: 500calls, 2Mtokens or 5usd")
        factor = {"": 1, "k": 1e3, "m": 1e6}[found[2].casefold()]
        unit = found[3].casefold()
        return cls(float(found[1]) * factor, unit if unit == "usd" else unit.rstrip("s") + "s")

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.amount:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a judge is asked.

    Attributes:
        repeats: how often each question is asked; by default once where the judge gives
            probabilities, else three times.
        concurrency: how many questions are under way at the most.
        seed: of the order of questions within a clip.
        budget: what this run may spend, or None for no bound.
        allow_drift: go on when the model that answers changes its version.
        passport: digest of the judge's passport, or of those of a panel's members (``members-`` and 16 hex digits);
            empty where there is none.
        unfit: by modality, why the judge may not answer questions that need it.
        allow_unfit: ask them nevertheless.
    """

    repeats: int | None = None
    concurrency: int = 8
    seed: int = 0
    budget: Budget | None = None
    allow_drift: bool = False
    passport: str = ""
    unfit: Mapping[str, str] = field(default_factory=dict)
    allow_unfit: bool = False

    def __post_init__(self) -> None:
        for name, least, most in (("repeats", 1, 99), ("concurrency", 1, 1024)):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InputError(f"{name} is {value}; expected {least} to {most}")

    def repeats_of(self, facts: JudgeFacts) -> int:
        """How often each question is asked of this judge."""
        return self.repeats or (1 if facts.probabilities else 3)

    def unfit_for(self, facts: JudgeFacts, modality: str) -> str:
        """Why a judge is not asked questions of this modality; empty where it is.

        What is not given cannot be answered, whatever is allowed.
        """
        if facts.view.rate_hz is None and modality != "picture":
            return "the judge is given no sound; give it some (JudgeView.rate_hz), or take a judge that hears"
        return "" if self.allow_unfit else self.unfit.get(modality, "")

    def signature(self, facts: JudgeFacts) -> str:
        """All about judge and terms that can change a score, for the signature; budget, pace and order cannot."""
        unfit = dict(self.unfit) if self.allow_unfit else {}
        allowed = f" unfit-allowed:{','.join(sorted(unfit))}" if unfit else ""
        return f"{facts.identity} repeats:{self.repeats_of(facts)} passport:{self.passport or 'none'}{allowed}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How failures of a judge are met; seconds unless said otherwise.

    Attributes:
        retries: how often a call that broke is made again.
        base_s: first pause after a failure; it doubles with each further one, up to ``most_s``, give or take half.
        patience_s: how long a judge may go on saying that it is busy, and the longest Retry-After that is waited for.
        grace_s: after an error that stops the run, how long calls under way may still come back.
        in_row: after so many questions of a clip in a row given up as broken, the rest of that clip is left for another
            run; after so many clips in a row, all the rest. Where the server refuses so many clips, the first that are
            asked about, it is not the clips: the run stops.
    """

    retries: int = 4
    base_s: float = 0.5
    most_s: float = 60.0
    patience_s: float = 300.0
    grace_s: float = 5.0
    in_row: int = 3


# --------------------------------------------------------------------------- nothing shorter than the sampling

LONGEST_SHORTEST_S = 1.0
"""The prompt set asks about things of a second or more (builders/GUIDE.md); a view must be sure to show those."""

_NUMBERS = {
    **{"a": 1.0, "an": 1.0, "one": 1.0, "single": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0},
    **{"six": 6.0, "seven": 7.0, "eight": 8.0, "nine": 9.0, "ten": 10.0, "twenty": 20.0, "hundred": 100.0},
}
_COUNT = r"(\d+(?:[.,]\d+)?|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10, "hundredth": 100, "fraction": 10}
_FRAME_S = 1 / 24
_INSTANT_S = 0.1
_BLINK_S = 0.3

_SECONDS = re.compile(rf"(?<![\w.,]){_COUNT}[\s-]*(?:s|secs?|seconds?)\b(?![\s-]+(?:hand|half|shot|line|time)\b)")
_PART = re.compile(rf"(?:\b{_COUNT}\s+)?\b({'|'.join(_PARTS)})s?(?:[\s-]+of)?[\s-]+(?:an?|one|the)?[\s-]*seconds?\b")
_MILLISECONDS = re.compile(rf"(?<![\w.,]){_COUNT}?[\s-]*(?:ms|milliseconds?)\b")
_FRAMES = re.compile(
    rf"\b(?:for|within|in|after|only|just|every|lasts?|lasting)\s+(?:about\s+|only\s+|just\s+)?(?:a\s+)?{_COUNT}\s+frames?\b"
    rf"|\b{_COUNT}\s+frames?\s+(?:long|later|apart|of)\b"
)
_INSTANT = re.compile(
    r"\bfor\s+(?:only\s+|just\s+|but\s+)?(?:an?|one|the|a single)\s+(?:mere\s+|brief\s+)?(?:instant|flash|fraction)\b"
    r"|\bsplit[\s-]second\b|\b(?:less|shorter|under|sooner)\s+(?:than\s+)?an?\s+second\b"
)
_BLINK = re.compile(r"\bblinks?\b|\bblinked\b|\bwinks?\b")
_RATE = re.compile(
    rf"\b(?:{_COUNT}\s+times|(twice))\s+(?:a|per|each|every)\s+second\b"
    r"|\b(faster|more often)\s+than\s+once\s+a\s+second\b"
)


def _number(text: str | None) -> float:
    if text is None:
        return 1.0
    return _NUMBERS[text] if text in _NUMBERS else float(text.replace(",", "."))


def _stated_s(text: str) -> list[float]:
    """The times, in seconds, that a question says that something lasts or takes.

    A change that comes "in an instant" is no such time: what was before and what is after it last. A second shot, the
    second half, a second hand are no times either.

    >>> _stated_s("Does it light up for 0.3 seconds, or within half a second?")
    [0.3, 0.5]
    """
    text = " ".join(text.casefold().split())
    found = [_number(hit[1]) / _PARTS[hit[2]] for hit in _PART.finditer(text)]
    text = _PART.sub(" ", text)
    # "a second" and "one second" may be an ordinal's or an article's; both are a second long, never shorter
    found = [_number(hit[1]) for hit in _SECONDS.finditer(text)] + found
    found += [_number(hit[1]) / 1000 for hit in _MILLISECONDS.finditer(text)]
    found += [_number(hit[1] or hit[2]) * _FRAME_S for hit in _FRAMES.finditer(text)]
    found += [_INSTANT_S for _ in _INSTANT.finditer(text)]
    found += [_BLINK_S for _ in _BLINK.finditer(text)]
    for hit in _RATE.finditer(text):
        found.append(0.9 if hit[3] else 0.5 if hit[2] else 1 / max(_number(hit[1]), 1e-3))
    return found


@lru_cache(maxsize=4096)
def too_short(atom: Atom, shortest_s: float) -> str:
    """Why an atom hangs on something that two pictures so far apart may not show; empty where it does not."""
    times = [time_s for text in (atom.text, atom.twin) for time_s in _stated_s(text)]
    least = min(times, default=math.inf)
    if least >= shortest_s - 1e-9:
        return ""
    return f"too short: it speaks of {least:.2g} s, and the judge is only sure to see what lasts {shortest_s:.2g} s"


def shortest_shown_s(view: JudgeView, duration_s: float) -> float:
    """As the view says, or more where a long clip is sampled more coarsely: by halves, until its pictures fit."""
    steps = math.floor(max(duration_s, 0.0) * view.fps)
    stride = 1
    while not view.whole and steps // stride + 1 > view.most_frames:
        stride *= 2
    return view.shortest_s * stride


def refuse_view(view: JudgeView) -> None:
    """Stop before any work where a view may miss what lasts a second.

    Raises:
        InputError: two pictures in a row of this view are more than a second long.
    """
    if view.shortest_s > LONGEST_SHORTEST_S + 1e-9:
        raise InputError(
            f"at {view.fps:g} pictures a second a judge is sure to see only what lasts {view.shortest_s:g} s, and "
            f"questions are about things of {LONGEST_SHORTEST_S:g} s; give --judge-fps {2 / LONGEST_SHORTEST_S:g} or "
            "more"
        )


def questions_too_short(prompt: Prompt, view: JudgeView) -> tuple[str, ...]:
    """The questions and expectations of a prompt that speak of less time than a view is sure to show.

    Raises:
        InputError: the view itself may miss what lasts a second.
    """
    refuse_view(view)
    return tuple(
        atom.key
        for name in ("alignment", "physics")
        for atom in atoms_of(prompt, name)
        if too_short(atom, view.shortest_s)
    )


# --------------------------------------------------------------------------- what is asked


@lru_cache(maxsize=4096)
def both_asks(atom: Atom) -> tuple[Ask, Ask]:
    """An atom's question and its false twin."""
    return ask_of(atom), ask_of(atom, True)


def atoms_for(prompt: Prompt | None, dimensions: Iterable[str]) -> tuple[Atom, ...]:
    """What dimensions ask about a clip of this prompt, each once."""
    found = {atom.key: atom for name in dimensions for atom in atoms_of(prompt, name)}
    return tuple(found.values())


def reply_header(ask: Ask, facts: JudgeFacts, repeat: int, clip_id: str = "") -> Header:
    """Under what a reply is stored: clip, judge, what was sent, and which repeat."""
    parameters = {"judge": facts.identity, "ask": ask.digest, "repeat": repeat}
    return Header(clip_id, "judge", facts.revision, parameters)


# --------------------------------------------------------------------------- before the start

_PATCH_PX = 28
_SOUND_TOKENS_PER_S = 32.0
_TEXT_CHARS_PER_TOKEN = 4.0
_FRAMING_TOKENS = 20
REPLY_TOKENS = 12
_USUAL_S = 10.0
"""A 28-pixel patch is a token of Qwen2.5-Omni; 32 tokens a second of sound are Gemini's. Orders of magnitude alone."""


def tokens_given(ask: Ask, view: JudgeView, duration_s: float, picture: bool = True, sound: bool = True) -> float:
    """About how many tokens one call is given."""
    tokens = _FRAMING_TOKENS + (len(ask.system) + len(ask.text)) / _TEXT_CHARS_PER_TOKEN
    if picture:
        frames = min(math.floor(max(duration_s, 0.0) * view.fps) + 1, view.most_frames)
        side = view.short_side_px / _PATCH_PX
        tokens += frames * math.ceil(side) * math.ceil(side * 16 / 9)
    if sound and view.rate_hz is not None:
        tokens += duration_s * _SOUND_TOKENS_PER_S
    return tokens


def price_usd(of: JudgeFacts | Call, tokens_in: float, tokens_out: float) -> float | None:
    """The price of a call, or None where the judge states none.

    Of a panel: that of one question at the most, each of whose calls is given and writes so many tokens.
    """
    if of.usd_per_million_in is None or of.usd_per_million_out is None:
        return None
    return (tokens_in * of.usd_per_million_in + tokens_out * of.usd_per_million_out) / 1e6


def refuse_budget(budget: Budget | None, facts: JudgeFacts) -> None:
    """Stop before any work where nobody could tell when the budget is spent.

    Raises:
        InputError: the budget is in dollars, and the judge states no price.
    """
    if budget is not None and budget.unit == "usd" and price_usd(facts, 0, 0) is None:
        raise InputError(
            f"the budget is {budget}, and no price is known of {facts.name} {facts.model}; state the judge's prices, "
            "or give --budget in calls or tokens"
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """What asking would take, at the most: as if no answer spared another question, or a panel one of its calls.

    ``usd`` is None without prices.
    """

    clips: int
    calls: int
    tokens: float
    usd: float | None
    too_short: tuple[str, ...] = ()


def estimate_questions(
    subjects: Iterable[tuple[Prompt | None, float | None, str]],
    dimensions: Sequence[str],
    facts: JudgeFacts,
    terms: Terms,
    cached: Callable[[str], bool] = lambda fingerprint: False,
) -> Estimate:
    """Calls, tokens and price of asking about clips.

    Args:
        subjects: for each clip its prompt, its seconds (None: as the prompt suggests, else ten) and its digest (empty
            for a clip that is not there yet).
        dimensions: those that need the judge.
        facts: of the judge.
        terms: on which it is asked.
        cached: whether the reply of a fingerprint is stored already.
    """
    clips = questions = 0
    tokens_in = 0.0
    short: dict[str, None] = {}
    for prompt, duration_s, clip_id in subjects:
        clips += 1
        length_s = duration_s or (prompt.duration_s if prompt is not None else None) or _USUAL_S
        for atom in atoms_for(prompt, dimensions):
            if too_short(atom, facts.view.shortest_s):
                short[f"{'' if prompt is None else prompt.id} {atom.key}"] = None
                continue
            if terms.unfit_for(facts, atom.modality):
                continue
            for ask in both_asks(atom):
                for repeat in range(terms.repeats_of(facts)):
                    if clip_id and cached(fingerprint_of(clip_id, reply_header(ask, facts, repeat).text)):
                        continue
                    questions += 1
                    tokens_in += tokens_given(ask, facts.view, length_s)
    return estimate_calls(clips, questions, tokens_in, facts, tuple(short))


def estimate_calls(
    clips: int, questions: int, tokens_in: float, facts: JudgeFacts, too_short: tuple[str, ...] = ()
) -> Estimate:
    """What so many questions take; ``tokens_in`` is what they come to, each put to one judge."""
    tokens_out = float(questions * REPLY_TOKENS)
    each = facts.calls_per_ask
    usd = price_usd(facts, tokens_in, tokens_out)
    return Estimate(clips, each * questions, each * (tokens_in + tokens_out), usd, too_short)
