"""Atoms: the questions and expectations of a prompt, and the audits that ask the same of every clip."""

from __future__ import annotations

from dataclasses import dataclass

from avgen_bench.types import Prompt

__all__ = ["AUDIT", "NATURALNESS", "Atom", "atoms_of"]

TWIN = "~twin"


@dataclass(frozen=True, slots=True)
class Atom:
    """A yes/no question and its false twin.

    Attributes:
        key: its name, unique within a prompt: ``q1``, ``e1``, ``audit.gravity``, ``natural.hands``.
        dimension: the dimension that it counts for.
        type: what it is about: a type of question, ``expectation``, or the group of an audit.
        modality: what a judge must be given: ``picture``, ``sound`` or ``both``.
        text: right when the answer is yes; ``twin``: right when the answer is no.
        after: keys of atoms that must be yes before this one makes sense.
        severity: for expectations and audits: ``minor``, ``major`` or ``severe``; else empty.
    """

    key: str
    dimension: str
    type: str
    modality: str
    text: str
    twin: str
    after: tuple[str, ...] = ()
    severity: str = ""


def _audit(key: str, group: str, modality: str, severity: str, text: str, twin: str) -> Atom:
    return Atom(f"audit.{key}", "physics", group, modality, text, twin, severity=severity)


AUDIT: tuple[Atom, ...] = (
    _audit(
        "support",
        "gravity",
        "picture",
        "major",
        "Does everything that nothing holds up fall or sink, throughout the clip?",
        "Does anything solid hang or rise in the air although nothing holds it up?",
    ),
    _audit(
        "fall",
        "gravity",
        "picture",
        "minor",
        "Does what falls or is thrown move as weight would move it?",
        "Does anything that falls or is thrown stop, turn or speed up in the air without a cause?",
    ),
    _audit(
        "solid",
        "solidity",
        "picture",
        "severe",
        "Do solid things stay apart when they meet, throughout the clip?",
        "Does any solid thing pass through another solid thing?",
    ),
    _audit(
        "shape",
        "permanence",
        "picture",
        "major",
        "Does every thing and every body keep its shape and its parts while it is in view?",
        "Does any thing or body change its shape, or gain or lose parts, without a cause?",
    ),
    _audit(
        "stay",
        "permanence",
        "picture",
        "major",
        "Is everything that was in view still there when the view has not changed and nothing took it away?",
        "Does anything appear or vanish without a cause while the camera looks at it?",
    ),
    _audit(
        "cause",
        "causality",
        "picture",
        "major",
        "Does everything that begins to move have a cause that can be seen or guessed?",
        "Does anything begin to move, break or change before the thing that should cause it has happened?",
    ),
    _audit(
        "fluid",
        "fluids",
        "picture",
        "minor",
        "Do liquids, smoke and fire in the clip, if there are any, flow as they do in the world?",
        "Does any liquid, smoke or fire flow or spread in a way that is impossible in the world?",
    ),
    _audit(
        "light",
        "light",
        "picture",
        "minor",
        "Do shadows and reflections in the clip, if there are any, fit the things that cast them?",
        "Does any shadow or reflection show what is not there, or miss what is?",
    ),
    _audit(
        "impact",
        "sound",
        "both",
        "major",
        "Do the sounds of impacts and movements, if there are any, fit what can be seen to make them?",
        "Is any impact or movement seen in the clip plainly heard as another thing, or at another time?",
    ),
)
"""Asked of every clip, whatever its prompt: named groups of what the world does everywhere."""


def _natural(key: str, type_: str, text: str, twin: str) -> Atom:
    return Atom(f"natural.{key}", "naturalness", type_, "picture", text, twin)


NATURALNESS: tuple[Atom, ...] = (
    _natural(
        "weight",
        "motion",
        "Do people, animals and things move with a weight that fits their size?",
        "Do people, animals or things glide, float or jerk as if they weighed nothing?",
    ),
    _natural(
        "joints",
        "bodies",
        "Do bodies bend only where they have joints?",
        "Does any body bend or twist where it has no joint?",
    ),
    _natural(
        "hands",
        "bodies",
        "Do hands and what they hold stay whole and separate?",
        "Do any fingers melt together, or into what they hold?",
    ),
    _natural(
        "contact",
        "contact",
        "Do feet, wheels and things that stand on a surface stay in contact with it as they should?",
        "Do feet, wheels or standing things slide over or sink into the surface below them?",
    ),
    _natural(
        "deform",
        "materials",
        "Do soft things give way and hard things stay hard?",
        "Does anything hard bend like rubber, or anything soft stay stiff as a board?",
    ),
)
"""Low-level physics, asked of every clip by a judge where no model made for it is present."""


def atoms_of(prompt: Prompt | None, dimension: str) -> tuple[Atom, ...]:
    """The atoms that a dimension asks about a clip of this prompt, in a fixed order; without a prompt, the audits."""
    if dimension == "naturalness":
        return NATURALNESS
    if dimension == "alignment":
        return tuple(
            Atom(q.id, "alignment", q.type, q.modality, q.text, q.twin, q.after)
            for q in (() if prompt is None else prompt.questions)
        )
    if dimension == "physics":
        expected = tuple(
            Atom(
                e.id,
                "physics",
                "expectation",
                "both",
                f"Does this happen in the clip, as described? {e.observe}",
                f"Does this happen in the clip, as described? {e.contradict}",
                severity=e.severity,
            )
            for e in (() if prompt is None else prompt.expectations)
        )
        return expected + AUDIT
    return ()
