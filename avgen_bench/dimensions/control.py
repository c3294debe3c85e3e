"""Whether a clip obeys what its prompt states exactly: one dimension per theme, over that theme's constraints.

The score is the share of the theme's verifiable constraints that pass strictly; the verdicts stand beside it, each
with what was found, its moment and its margin. A prompt that states nothing of the theme does not ask:
``not_applicable``. Where no constraint can be verified the dimension abstains, and says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from avgen_bench.constraints.base import kind_of
from avgen_bench.constraints.sight import Sight
from avgen_bench.types import Constraint, DimensionFacts, Evidence, Lacking, MediaFacts, Outcome, Payload, Prompt

__all__ = ["Faces", "Music", "Picture", "Shots", "Sound", "Speech", "Text", "Theme", "Timing"]

_SUMMARIES = {
    "text": "the words that the prompt puts on screen are there, letter for letter",
    "speech": "the lines that the prompt has spoken are spoken, by whom, in which language, or nobody speaks",
    "music": "the notes, chords, keys and tempi that the prompt names are played",
    "sound": "loudness rises, falls or holds as stated, and silence is kept",
    "timing": "events come as many times, as often, when, and in the order that the prompt states",
    "faces": "as many faces as stated, and the same person throughout",
    "shots": "as many shots as stated, and what each of them holds",
    "picture": "light, colours and speed of motion are as stated",
}


def _facts(theme: str) -> DimensionFacts:
    return DimensionFacts(
        name=theme,
        family="control",
        version="1",
        unit="",
        low=0.0,
        high=1.0,
        floor=0.0,
        direction=1,
        needs=(),
        summary=_SUMMARIES[theme],
        scale="share of the verifiable constraints of this theme that pass: 1 all, 0 none",
        needs_prompt=True,
    )


def _referred(constraint: Constraint, prompt: Prompt, above: tuple[str, ...] = ()) -> Iterator[Constraint]:
    """A constraint and those that it refers to, at any distance."""
    yield constraint
    here = (*above, constraint.id)
    for ref in constraint.get("refs", ()):
        for other in prompt.constraints:
            if other.id == ref and other.id not in here:
                yield from _referred(other, prompt, here)


def _needs(constraint: Constraint, prompt: Prompt) -> dict[str, None]:
    """The backbones of a constraint and of those that it refers to."""
    return {need: None for item in _referred(constraint, prompt) for need in kind_of(item.kind).needs_of(prompt)}


def _terms(constraint: Constraint, prompt: Prompt) -> dict[str, str]:
    found = {}
    for item in _referred(constraint, prompt):
        facts = kind_of(item.kind).facts
        width = facts.tolerance
        words = "" if width is None else f" {width.strict:g} strict, {width.loose:g} loose {width.unit}".rstrip()
        found[f"kind.{facts.kind}"] = f"{facts.version}{words}"
    return found


class Theme:
    """The constraints of one theme."""

    facts: ClassVar[DimensionFacts]

    def constraints(self, prompt: Prompt | None) -> tuple[Constraint, ...]:
        """Those of a prompt that belong to this theme."""
        if prompt is None:
            return ()
        return tuple(c for c in prompt.constraints if kind_of(c.kind).facts.theme == self.facts.name)

    def applies(self, prompt: Prompt | None) -> bool:
        """Whether the prompt states anything of this theme."""
        return bool(self.constraints(prompt))

    def needs_of(self, prompt: Prompt | None) -> tuple[str, ...]:
        """The backbones that the prompt's constraints of this theme need."""
        found: dict[str, None] = {}
        for constraint in self.constraints(prompt):
            assert prompt is not None
            found |= _needs(constraint, prompt)
        return tuple(found)

    def terms_of(self, prompt: Prompt | None) -> dict[str, str]:
        """What its kinds, and those that they refer to, hold constraints to: version and tolerances, by field name."""
        found: dict[str, str] = {}
        for constraint in self.constraints(prompt):
            assert prompt is not None
            found |= _terms(constraint, prompt)
        return found

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload | Lacking]) -> Outcome:
        """The share of constraints that pass, with a verdict for each."""
        mine = self.constraints(prompt)
        if prompt is None or not mine:
            return Outcome("not_applicable", reason=f"the prompt states nothing about {self.facts.name}")
        sight = Sight(prompt, media, seen)
        verdicts = tuple(sight.check(constraint) for constraint in mine)
        known = [verdict for verdict in verdicts if verdict.strict != "unverifiable"]
        evidence = (
            Evidence("part", "pass", value=float(sum(v.strict == "pass" for v in verdicts))),
            Evidence("part", "pass loosely", value=float(sum(v.loose == "pass" for v in verdicts))),
            Evidence("part", "fail", value=float(sum(v.strict == "fail" for v in verdicts))),
            Evidence("part", "unverifiable", value=float(len(verdicts) - len(known))),
        )
        if not known:
            reasons = dict.fromkeys(verdict.reason for verdict in verdicts)
            return Outcome("abstained", reason="; ".join(reasons), evidence=evidence, verdicts=verdicts)
        value = sum(verdict.strict == "pass" for verdict in known) / len(known)
        reason = "; ".join(f"{v.id} {v.kind}: {v.reason}" for v in verdicts if v.strict == "fail")
        return Outcome("ok", value, reason, evidence, verdicts)


class Text(Theme):
    """Words on screen."""

    facts: ClassVar[DimensionFacts] = _facts("text")


class Speech(Theme):
    """Spoken lines."""

    facts: ClassVar[DimensionFacts] = _facts("speech")


class Music(Theme):
    """Notes, chords, keys and beats."""

    facts: ClassVar[DimensionFacts] = _facts("music")


class Sound(Theme):
    """Loudness and silence."""

    facts: ClassVar[DimensionFacts] = _facts("sound")


class Timing(Theme):
    """Counts, rates, times and order."""

    facts: ClassVar[DimensionFacts] = _facts("timing")


class Faces(Theme):
    """Human faces."""

    facts: ClassVar[DimensionFacts] = _facts("faces")


class Shots(Theme):
    """Shots and cuts."""

    facts: ClassVar[DimensionFacts] = _facts("shots")


class Picture(Theme):
    """Light, colour, speed."""

    facts: ClassVar[DimensionFacts] = _facts("picture")
