"""Blind re-annotation: somebody who sees only the texts lists the demands; how far do the stored constraints agree?

An annotation is a JSON line with a prompt's ``id`` and ``demands``, a list of constraints without ids: ``kind``,
``span`` and parameters. A demand and a constraint match on one of two levels: same *kind*; or same kind and the same
*value* (words, notes, counts, colours, direction, amounts; windows are left out, because annotators round them
differently). Each matches at most once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from avgen_bench.builders.validators import same_words

from avgen_bench.constraints.base import OTHER, WINDOW
from avgen_bench.errors import ManifestError
from avgen_bench.types import Prompt

__all__ = ["Agreement", "agreement", "disagreements", "read_annotations"]

Level = Literal["kind", "value"]
_WINDOWS = frozenset(f"{edge}{unit}" for edge in (*WINDOW, *OTHER) for unit in ("", "_s"))
_LOOSE = frozenset({"event", "refs", "language", "case", *_WINDOWS})  # free words, ids, defaults


@dataclass(frozen=True, slots=True)
class Agreement:
    """Matches among what is stored and what was annotated.

    Attributes:
        precision: share of the stored constraints that the annotator listed too, 0 to 1.
        recall: share of the annotated demands that are stored, 0 to 1.
    """

    matched: int
    stored: int
    annotated: int

    @property
    def precision(self) -> float:
        """Share of the stored constraints that were annotated; 0 when none is stored."""
        return self.matched / self.stored if self.stored else 0.0

    @property
    def recall(self) -> float:
        """Share of the annotated demands that are stored; 0 when none was annotated."""
        return self.matched / self.annotated if self.annotated else 0.0


def read_annotations(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The demands of each annotated prompt.

    Raises:
        ManifestError: a line that is no annotation, or a prompt annotated twice.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, demands = row["id"], list(row["demands"])
            if not all(isinstance(item, dict) and isinstance(item.get("kind"), str) for item in demands):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise ManifestError(f"{path.name}, line {number}: expected an object with id and demands") from None
        if name in found:
            raise ManifestError(f"{path.name}, line {number}: {name!r} is annotated twice")
        found[name] = demands
    return found


def _key(kind: str, params: Mapping[str, Any], level: Level) -> tuple[Any, ...]:
    if level == "kind":
        return (kind,)
    values = []
    for name, value in sorted(params.items()):
        if name in _LOOSE or value is None or name in ("id", "kind", "span"):
            continue
        if isinstance(value, list | tuple):
            value = tuple(same_words(str(item)) for item in value)
        elif isinstance(value, str):
            value = same_words(value)
        values.append((name, value))
    return (kind, *values)


def _keys(prompt: Prompt, level: Level) -> Counter[tuple[Any, ...]]:
    return Counter(_key(item.kind, dict(item.params), level) for item in prompt.constraints)


def agreement(
    prompts: Iterable[Prompt], annotations: Mapping[str, Sequence[Mapping[str, Any]]], level: Level
) -> Agreement:
    """Matches over all annotated prompts."""
    matched = stored = annotated = 0
    for prompt in prompts:
        if prompt.id not in annotations:
            continue
        mine = _keys(prompt, level)
        theirs = Counter(_key(item["kind"], item, level) for item in annotations[prompt.id])
        matched += sum((mine & theirs).values())
        stored += sum(mine.values())
        annotated += sum(theirs.values())
    return Agreement(matched, stored, annotated)


def disagreements(
    prompts: Iterable[Prompt], annotations: Mapping[str, Sequence[Mapping[str, Any]]], level: Level = "value"
) -> Iterator[tuple[str, str, str]]:
    """Prompt id, ``only stored`` or ``only annotated``, and the demand in words."""
    for prompt in prompts:
        if prompt.id not in annotations:
            continue
        mine = _keys(prompt, level)
        theirs = Counter(_key(item["kind"], item, level) for item in annotations[prompt.id])
        for where, left in (("only stored", mine - theirs), ("only annotated", theirs - mine)):
            for key in sorted(left.elements(), key=str):
                yield prompt.id, where, " ".join(str(part) for part in key)
