"""What a clip is made from: prompts with their constraints, questions and expectations; and the clip itself."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avgen_bench.types._json import canonical_json

__all__ = [
    "MODALITIES",
    "QUESTION_TYPES",
    "SEVERITIES",
    "Check",
    "Clip",
    "Constraint",
    "Expectation",
    "Param",
    "Prompt",
    "Question",
    "Rung",
]


Param = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that a prompt states exactly and code can check.

    Attributes:
        id: short name, unique within the prompt.
        kind: a member of the ``constraints`` table of :mod:`avgen_bench.registry`.
        span: the words of the prompt that state it, verbatim.
        params: names and values, sorted by name; which ones is the kind's business.
    """

    id: str
    kind: str
    span: str
    params: tuple[tuple[str, Param], ...] = ()

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a parameter; ``default`` where the constraint does not state it."""
        return dict(self.params).get(name, default)

    def to_json(self) -> dict[str, Any]:
        """The flat row: id, kind, span and the stated parameters, lists for tuples."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in self.params}
        return {"id": self.id, "kind": self.kind, "span": self.span, **values}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Constraint:
        """The constraint of a flat row; parameters that are None or missing are not stated."""
        params = {
            name: tuple(value) if isinstance(value, list | tuple) else value
            for name, value in row.items()
            if name not in ("id", "kind", "span") and value is not None
        }
        return cls(row["id"], row["kind"], row["span"], tuple(sorted(params.items())))


QUESTION_TYPES = (
    *("object", "action", "attribute", "count", "spatial", "temporal"),
    *("causal", "sound", "binding", "speech", "camera", "style"),
)


MODALITIES = ("picture", "sound", "both")


SEVERITIES = ("minor", "major", "severe")


@dataclass(frozen=True, slots=True)
class Question:
    """An atomic yes/no question whose right answer is yes, and its false twin, whose right answer is no.

    Attributes:
        type: one of :data:`QUESTION_TYPES`.
        modality: what a judge must be given: one of :data:`MODALITIES`.
        after: ids of questions that must be yes before this one makes sense.
    """

    id: str
    type: str
    modality: str
    text: str
    twin: str
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "after", tuple(self.after))


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the world must do in a scene, what would contradict it, and how grave that is (:data:`SEVERITIES`)."""

    id: str
    severity: str
    observe: str
    contradict: str


@dataclass(frozen=True, slots=True)
class Rung:
    """A prompt's place on a ladder: prompts identical but for one dial; ``amount`` is what is asked, in ``unit``."""

    group: str
    dial: str
    unit: str
    amount: float
    rung: int


@dataclass(frozen=True, slots=True)
class Check:
    """One recorded look at a prompt.

    Attributes:
        type: ``review`` (against the checklist), ``change`` (a revision), or ``sign_off`` (by a person).
        by: a pseudonym or name; ``date``: ISO 8601.
        checks: what was looked at; ``note``: what was found or changed, empty when nothing was.
        digest: of the prompt as it stood after this look (:meth:`Prompt.digest`).
    """

    type: str
    by: str
    date: str
    checks: tuple[str, ...] = ()
    note: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks", tuple(self.checks))


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt with everything it demands, frozen.

    ``demands_sound`` is what the text asks for; the absence of a prompt counts as "sound expected", see
    :mod:`avgen_bench.dimensions`. ``duration_s`` is a hint for generation, not a demand.
    """

    id: str
    text: str = ""
    title: str = ""
    category: str = ""
    language: str = "en"
    demands_sound: bool = True
    duration_s: float | None = None
    constraints: tuple[Constraint, ...] = ()
    questions: tuple[Question, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    ladder: Rung | None = None
    source: str = ""
    license: str = ""
    verification: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        if not self.id or not isinstance(self.id, str):
            raise ValueError(f"Prompt.id is {self.id!r}; expected a non-empty string")

    def to_json(self) -> dict[str, Any]:
        """The row: plain JSON values, constraints flat."""
        row = dataclasses.asdict(dataclasses.replace(self, constraints=()))
        for name in ("questions", "expectations", "verification"):
            row[name] = [{k: list(v) if isinstance(v, tuple) else v for k, v in item.items()} for item in row[name]]
        row["constraints"] = [constraint.to_json() for constraint in self.constraints]
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Prompt:
        """The prompt that ``to_json`` wrote; what is missing or None takes its default."""
        values = {name: value for name, value in row.items() if value is not None}
        nouns: dict[str, Any] = {
            "constraints": Constraint.from_json,
            "questions": lambda item: Question(**{k: v for k, v in item.items() if v is not None}),
            "expectations": lambda item: Expectation(**item),
            "verification": lambda item: Check(**{k: v for k, v in item.items() if v is not None}),
        }
        for name, noun in nouns.items():
            values[name] = tuple(noun(item) for item in values.get(name, ()))
        if "ladder" in values:
            values["ladder"] = Rung(**values["ladder"])
        return cls(**values)

    def digest(self) -> str:
        """sha256 of all that can change a score or a review: everything but source, licence and verification."""
        row = self.to_json()
        for name in ("source", "license", "verification"):
            del row[name]
        return hashlib.sha256(canonical_json(row).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip to measure. ``path`` is as the manifest writes it, for people; ``clip_id`` is sha256 of the bytes.

    ``clip_id`` is empty when the file cannot be read at all.
    """

    clip_id: str
    path: str
    prompt_id: str = ""
    system: str = ""
    take: int = 0
    category: str = ""

    @property
    def key(self) -> str:
        """Identity of this row of the manifest: the same bytes may answer two prompts."""
        return canonical_json([self.system, self.prompt_id, self.take, self.clip_id or self.path])
