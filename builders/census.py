"""Counts of the prompt set: per category, kind, demand, length and ladder, and whether its targets are met."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from avgen_bench.builders.validators import CATEGORIES, words

from avgen_bench.constraints.base import kind_of, kinds
from avgen_bench.types import QUESTION_TYPES, Prompt

__all__ = ["DEMANDS", "Target", "census", "demands", "targets"]

_TIMING = (
    *("event_order", "event_at", "event_rate", "even_spacing", "silence_during", "text_visible_for", "sound_at_cut"),
    *("cut_order", "lines_in_order", "louder_than", "playing_speed"),
)


def _has(*names: str) -> Callable[[Prompt], bool]:
    return lambda prompt: any(constraint.kind in names for constraint in prompt.constraints)


def _faces(prompt: Prompt) -> bool:
    return any(
        constraint.kind == "same_face" or (constraint.kind == "face_count" and constraint.get("count_max") > 0)
        for constraint in prompt.constraints
    )


def _counts(prompt: Prompt) -> bool:
    return _has("event_count")(prompt) or any(question.type == "count" for question in prompt.questions)


def _foreign(prompt: Prompt) -> bool:
    return any(constraint.get("language", "en") != "en" for constraint in prompt.constraints)


DEMANDS: dict[str, tuple[str, Callable[[Prompt], bool]]] = {
    "on-screen text": ("text_shown or text_visible_for", _has("text_shown", "text_visible_for")),
    "spoken lines": ("line_spoken", _has("line_spoken")),
    "faces": ("same_face, or face_count of one or more", _faces),
    "explicit counts": ("event_count, or a question of type count", _counts),
    "timing or order": (", ".join(_TIMING), _has(*_TIMING)),
    "notes, chords or scales": (
        "single_note, note_sequence, scale, chord, chord_sequence",
        _has("single_note", "note_sequence", "scale", "chord", "chord_sequence"),
    ),
    "tempo in BPM": ("tempo", _has("tempo")),
    "another language": ("a text or line that is not English", _foreign),
    "no speech": ("no_speech", _has("no_speech")),
}


def demands(prompt: Prompt) -> tuple[str, ...]:
    """The names of :data:`DEMANDS` that a prompt makes."""
    return tuple(name for name, (_, test) in DEMANDS.items() if test(prompt))


@dataclass(frozen=True, slots=True)
class Target:
    """One line that the set must reach."""

    name: str
    value: float
    least: float

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.least


def _tally(values: Iterable[str], order: Sequence[str] = ()) -> dict[str, int]:
    found = Counter(values)
    return {name: found[name] for name in (*order, *sorted(set(found) - set(order)))}


def census(prompts: Sequence[Prompt], ladders: Sequence[Prompt] = (), mini: Sequence[Prompt] = ()) -> dict[str, Any]:
    """Every count, as plain JSON values.

    Returns:
        ``prompts``, ``constraints``, ``questions``, ``expectations`` (totals and means), ``categories``, ``kinds``,
        ``themes``, ``demands``, ``question_types``, ``modalities``, ``languages``, ``words`` (min, median, mean, max),
        ``duration_s``, ``ladders`` (groups, prompts, dials), ``mini``, ``verification``.
    """
    lengths = [len(words(prompt.text)) for prompt in prompts]
    constraints = [constraint for prompt in prompts for constraint in prompt.constraints]
    questions = [question for prompt in prompts for question in prompt.questions]
    groups = {prompt.ladder.group: prompt.ladder for prompt in ladders if prompt.ladder}
    categories = {}
    for category in CATEGORIES:
        mine = [prompt for prompt in prompts if prompt.category == category]
        made = Counter(name for prompt in mine for name in demands(prompt))
        categories[category] = {
            "prompts": len(mine),
            "constraints": sum(len(prompt.constraints) for prompt in mine),
            "kinds": len({constraint.kind for prompt in mine for constraint in prompt.constraints}),
            "questions": sum(len(prompt.questions) for prompt in mine),
            "expectations": sum(len(prompt.expectations) for prompt in mine),
            "words_mean": round(statistics.fmean(len(words(prompt.text)) for prompt in mine), 1) if mine else 0.0,
            "demands": {name: made[name] for name in DEMANDS},
        }
    themes = _tally(kind_of(constraint.kind).facts.theme for constraint in constraints)
    return {
        "prompts": len(prompts),
        "constraints": len(constraints),
        "questions": len(questions),
        "expectations": sum(len(prompt.expectations) for prompt in prompts),
        "constraints_mean": round(len(constraints) / max(1, len(prompts)), 2),
        "questions_mean": round(len(questions) / max(1, len(prompts)), 2),
        "categories": categories,
        "kinds": _tally((constraint.kind for constraint in constraints), kinds()),
        "themes": themes,
        "demands": _tally((name for prompt in prompts for name in demands(prompt)), tuple(DEMANDS)),
        "question_types": _tally((question.type for question in questions), QUESTION_TYPES),
        "modalities": _tally(question.modality for question in questions),
        "languages": _tally(c.get("language", "en") for c in constraints if c.get("text") and c.kind != "text_absent"),
        "words": {
            "min": min(lengths, default=0),
            "median": statistics.median(lengths) if lengths else 0,
            "mean": round(statistics.fmean(lengths), 1) if lengths else 0.0,
            "max": max(lengths, default=0),
        },
        "duration_s": _tally(f"{prompt.duration_s:g}" for prompt in prompts if prompt.duration_s),
        "ladders": {
            "groups": len(groups),
            "prompts": len(ladders),
            "dials": _tally(ladder.dial for ladder in groups.values()),
        },
        "mini": {
            "prompts": len(mini),
            "constraints": sum(len(prompt.constraints) for prompt in mini),
            "kinds": _tally((constraint.kind for prompt in mini for constraint in prompt.constraints), kinds()),
        },
        "verification": verification(prompts),
        "ladders_verification": verification(ladders),
    }


def verification(prompts: Sequence[Prompt]) -> dict[str, int]:
    """How many prompts have two independent reviews, how many were changed in review, how many a person signed off."""
    reviewed = changed = signed = current = fresh = 0
    for prompt in prompts:
        looks = prompt.verification
        digest = prompt.digest()
        fresh += any(look.type == "review" and look.digest == digest for look in looks)
        reviewed += len({look.by for look in looks if look.type == "review"}) >= 2
        changed += any(look.note for look in looks if look.type in ("review", "change"))
        signed += any(look.type == "sign_off" and look.digest == prompt.digest() for look in looks)
        current += bool(looks) and looks[-1].digest == prompt.digest()
    return {
        "two reviews": reviewed,
        "changed in review": changed,
        "a review of the very wording": fresh,
        "signed off by a person": signed,
        "as last recorded": current,
    }


def targets(counts: Mapping[str, Any]) -> list[Target]:
    """What the set promises, with where it stands."""
    music = counts["categories"]["musical_instrument_tutorial"]["demands"]
    least_category = min(row["prompts"] for row in counts["categories"].values())
    return [
        Target("prompts", counts["prompts"], 352),
        Target("prompts in the smallest category", least_category, 32),
        Target("constraints", counts["constraints"], 2000),
        Target("constraints a prompt", counts["constraints_mean"], 5),
        Target("questions a prompt", counts["questions_mean"], 6),
        Target("kinds of constraint used", sum(1 for count in counts["kinds"].values() if count), 24),
        Target("prompts with on-screen text", counts["demands"]["on-screen text"], 60),
        Target("prompts with spoken lines", counts["demands"]["spoken lines"], 120),
        Target("prompts with faces", counts["demands"]["faces"], 60),
        Target("prompts with explicit counts", counts["demands"]["explicit counts"], 60),
        Target("prompts with timing or order", counts["demands"]["timing or order"], 60),
        Target("music prompts with notes, chords or scales", music["notes, chords or scales"], 24),
        Target("music prompts with a tempo", music["tempo in BPM"], 8),
        Target("ladders", counts["ladders"]["groups"], 40),
        Target("dials of ladders", len(counts["ladders"]["dials"]), 10),
        Target("mini prompts", counts["mini"]["prompts"], 88),
        Target("kinds in mini", sum(1 for count in counts["mini"]["kinds"].values() if count), 24),
        Target("prompts with two reviews", counts["verification"]["two reviews"], counts["prompts"]),
        Target("prompts as last recorded", counts["verification"]["as last recorded"], counts["prompts"]),
    ]
