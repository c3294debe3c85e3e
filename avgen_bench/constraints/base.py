"""What every kind of constraint is made of: columns with one meaning each, tolerances, and the facts of a kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench import registry
from avgen_bench.constraints import theory
from avgen_bench.errors import ConstraintError, UnknownNameError
from avgen_bench.types import Constraint, Prompt, Verdict

if TYPE_CHECKING:
    from avgen_bench.constraints.sight import Sight

__all__ = [
    "COLOURS",
    "COLUMNS",
    "OTHER",
    "THEMES",
    "WINDOW",
    "Column",
    "Kind",
    "KindFacts",
    "Tolerance",
    "kind_of",
    "kinds",
    "validate",
]

THEMES = ("text", "speech", "music", "sound", "timing", "faces", "shots", "picture")
COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
WINDOW = ("window_start", "window_end")
OTHER = ("other_start", "other_end")
_EDGES = (*WINDOW, *OTHER)


@dataclass(frozen=True, slots=True)
class Column:
    """A parameter: its type, unit, meaning, and what is wrong with a value (None: nothing)."""

    type: type[str] | type[int] | type[float] | type[tuple[str, ...]]
    unit: str
    doc: str
    refuse: Callable[[Any], str | None]

    @property
    def is_list(self) -> bool:
        """Whether a value is several texts."""
        return self.type is tuple


def _short(value: float) -> str:
    """A number for a message; a whole one may have more digits than a float can hold."""
    try:
        return f"{value:g}"
    except OverflowError:
        return f"{'-' * (value < 0)}1e{math.floor(math.log10(abs(value)))}"


def _between(low: float, high: float) -> Callable[[Any], str | None]:
    def refuse(value: float) -> str | None:
        return None if low <= value <= high else f"is {_short(value)}; expected {low:g} to {high:g}"

    return refuse


def _edge(value: float) -> str | None:
    if 0 < abs(value) <= 60:
        return None
    return f"is {_short(value)}; expected seconds from the start, or negative, before the end"


def _words(value: str) -> str | None:
    if not value.strip():
        return "is empty; expected words"
    if value != value.strip() or "\n" in value:
        return f"is {value!r}; expected one line without spaces around it"
    return None


def _one_of(*allowed: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in allowed else f"is {value!r}; expected one of {', '.join(allowed)}"


def _each(refuse: Callable[[str], str | None], least: int) -> Callable[[Any], str | None]:
    def check(values: tuple[str, ...]) -> str | None:
        if len(values) < least:
            return f"holds {len(values)}; expected at least {least}"
        return next((f"holds one that {problem}" for problem in map(refuse, values) if problem), None)

    return check


def _parses(parse: Callable[[str], Any]) -> Callable[[Any], str | None]:
    def refuse(value: str) -> str | None:
        try:
            parse(value)
        except ValueError as error:
            return f"is not right: {error}"
        return None

    return refuse


def _note(name: str) -> None:
    theory.note_class(name)
    theory.note_midi(name)


def _language(value: str) -> str | None:
    return None if re.fullmatch(r"[a-z]{2,3}", value) else f"is {value!r}; expected an ISO 639 code such as en, zh, es"


COLUMNS: dict[str, Column] = {
    "text": Column(str, "", "the words, exactly as they must be read or heard", _words),
    "texts": Column(tuple, "", "several such, in order", _each(_words, 2)),
    "language": Column(str, "ISO 639", "language of the words; absent: English", _language),
    "case": Column(str, "", "exact: upper and lower case as written; ignore: either", _one_of("exact", "ignore")),
    "note": Column(str, "", "a note with its octave (A4), or in any octave (A)", _parses(_note)),
    "notes": Column(tuple, "", "notes in order", _each(_parses(_note), 2)),
    "chord": Column(str, "", "a chord as lead sheets write it (Am, G7)", _parses(theory.chord_classes)),
    "chords": Column(tuple, "", "chords in order", _each(_parses(theory.chord_classes), 2)),
    "key": Column(str, "", "tonic and mode (D major, A minor pentatonic)", _parses(theory.scale_steps)),
    "direction": Column(str, "", "which way it goes", _one_of("rises", "falls", "steady", "rises_falls")),
    "bpm": Column(float, "beats per minute", "the tempo", _between(40, 220)),
    "rate_hz": Column(float, "per second", "how often the event comes", _between(0.1, 12)),
    "words_per_minute": Column(float, "words per minute", "how fast the speech runs", _between(60, 240)),
    "event": Column(str, "", "the sharp sound that is meant", _words),
    "refs": Column(tuple, "", "ids of constraints of the same prompt, in order", _each(_words, 2)),
    "count_min": Column(int, "", "at least so many", _between(0, 99)),
    "count_max": Column(int, "", "at most so many", _between(0, 99)),
    "amount_db": Column(float, "dB", "by at least so much", _between(1, 60)),
    "speed_factor": Column(float, "", "speed of motion against the reference, 1 = the same", _between(0.05, 20)),
    "colour": Column(str, "", "a basic colour term", _one_of(*COLOURS)),
    "colour_to": Column(str, "", "the colour that it turns into", _one_of(*COLOURS)),
    "duration_s": Column(float, "s", "how long", _between(0.2, 60)),
    "at_s": Column(float, "s", "when, from the start of the clip", _between(0, 60)),
    "window_start": Column(
        float, "fraction of the clip", "from here it must hold; absent: from the start", _between(0, 1)
    ),
    "window_end": Column(float, "fraction of the clip", "until here; absent: to the end", _between(0, 1)),
    "other_start": Column(float, "fraction of the clip", "start of the stretch compared with", _between(0, 1)),
    "other_end": Column(float, "fraction of the clip", "end of the stretch compared with", _between(0, 1)),
    "window_start_s": Column(
        float, "s", "the same in seconds, where the text says seconds; negative: before the end", _edge
    ),
    "window_end_s": Column(float, "s", "until here, in seconds; negative: before the end", _edge),
    "other_start_s": Column(float, "s", "start of the stretch compared with, in seconds", _edge),
    "other_end_s": Column(float, "s", "end of the stretch compared with, in seconds", _edge),
}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a clip may miss and still obey: strictly, and loosely."""

    strict: float
    loose: float
    unit: str


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What a kind of constraint states, which parameters it takes, and how a clip is checked.

    ``needs`` are the backbones whose observations its checker looks at; ``has_moment`` says whether a passing clip
    shows it at some time, so that other constraints can refer to it; ``version`` is raised whenever the same
    observations can give another verdict.
    """

    kind: str
    theme: str
    summary: str
    check: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    tolerance: Tolerance | None = None
    has_moment: bool = False
    needs: tuple[str, ...] = ()
    version: str = "1"


class Kind:
    """Base of the kinds: refuses what its facts do not allow."""

    facts: ClassVar[KindFacts]

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the parameters taken together; each is right by itself already."""
        yield from ()

    def needs_of(self, prompt: Prompt) -> tuple[str, ...]:
        """The backbones that the checker looks at in a clip of this prompt: those of its facts, or fewer."""
        return self.facts.needs

    def check(self, constraint: Constraint, sight: Sight) -> Verdict:
        """The verdict on one constraint of this kind: a pure function of what was observed.

        Raises:
            Unseen: an observation that it needs was not made; the caller turns that into ``unverifiable``.
        """
        return Verdict(
            constraint.id,
            constraint.kind,
            "unverifiable",
            "unverifiable",
            reason=f"no checker for {constraint.kind} yet",
        )


def kinds() -> tuple[str, ...]:
    """The names of all kinds, plug-ins included; imports none of them."""
    return registry.names("constraints")


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        UnknownNameError: nothing of that name is registered.
    """
    member: Kind = registry.load("constraints", name)
    return member


def _problems(constraint: Constraint, kind: Kind) -> Iterator[str]:
    facts = kind.facts
    params: dict[str, Any] = dict(constraint.params)
    allowed = (*facts.required, *facts.optional)
    sound = True
    for name in facts.required:
        if name not in params and not (name in _EDGES and f"{name}_s" in params):
            sound = False
            yield f"lacks {name!r} ({COLUMNS[name].doc})"
    for name, value in params.items():
        if name not in allowed and not (name.removesuffix("_s") in _EDGES and name.removesuffix("_s") in allowed):
            sound = False
            yield f"has {name!r}, which {facts.kind} does not take; it takes {', '.join(allowed) or 'no parameters'}"
            continue
        column = COLUMNS[name]
        right = isinstance(value, float | int if column.type is float else column.type) and not isinstance(value, bool)
        if right and column.is_list:
            right = all(isinstance(item, str) for item in value)
        if right and column.type is float:
            right = isinstance(value, int) or math.isfinite(value)
        if not right:
            sound = False
            expected = {str: "text", int: "a whole number", float: "a number", tuple: "a list of texts"}[column.type]
            yield f"{name!r} is {value!r}; expected {expected}"
            continue
        problem = column.refuse(value)
        if problem:
            sound = False
            yield f"{name!r} {problem}"
    if not sound:
        return
    for name in _EDGES:
        if name in params and f"{name}_s" in params:
            yield f"states both {name!r} and '{name}_s'; write a share of the clip, or seconds"
    for start, end in (WINDOW, OTHER):
        first, last = params.get(f"{start}_s"), params.get(f"{end}_s")
        if first is not None and last is not None and first * last > 0 and first >= last:
            yield f"{start}_s {first:g} is not before {end}_s {last:g}"
        if first is None and last is None and params.get(start, 0.0) >= params.get(end, 1.0):
            yield f"{start} {params.get(start, 0.0):g} is not before {end} {params.get(end, 1.0):g}"
    if params.get("count_min", 0) > params.get("count_max", 99):
        yield f"count_min {params['count_min']} is above count_max {params['count_max']}"
    yield from kind.refuse(params)


def validate(constraint: Constraint) -> None:
    """Nothing, when a constraint is one that its kind knows.

    Raises:
        ConstraintError: an unknown kind, or a parameter that is missing, foreign, of the wrong type or out of range;
            says what was got, what was expected, and what to write.
    """
    try:
        kind = kind_of(constraint.kind)
    except UnknownNameError as error:
        raise ConstraintError(f"constraint {constraint.id!r}: {error}") from None
    problems = list(_problems(constraint, kind))
    if problems:
        raise ConstraintError(f"constraint {constraint.id!r} ({constraint.kind}): " + "; ".join(problems))
