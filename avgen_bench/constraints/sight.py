"""What a checker may look at, and how its verdicts are made.

Conventions
    A checker is a pure function of a constraint and a :class:`Sight`. A demanded thing that is absent fails. An
    instrument that is not installed, or cannot tell, gives ``unverifiable`` with a reason, never a pass or a fail. A
    near miss fails, and ``found`` shows what was read or heard, so that a reader can judge for himself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from avgen_bench.constraints.base import Kind, kind_of
from avgen_bench.types import Constraint, Evidence, Lacking, MediaFacts, Payload, Prompt, Verdict

__all__ = ["Sight", "Unseen", "by_error", "failed", "passed", "unverifiable"]


class Unseen(Exception):
    """A checker asked for an observation that no installed instrument made; the constraint is unverifiable."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One clip as its observations show it, together with the prompt.

    Attributes:
        prompt: all of its constraints, for those that refer to others.
        media: what the decoding pass found; absent tracks are None.
        seen: observations by backbone; :class:`Lacking` where its instrument is not installed.
    """

    prompt: Prompt
    media: MediaFacts
    seen: Mapping[str, Payload | Lacking]
    _verdicts: dict[str, Verdict] = field(default_factory=dict, repr=False, compare=False)

    def of(self, backbone: str) -> Any:
        """The observation of a backbone.

        Raises:
            Unseen: there is none, because its instrument is not installed.
        """
        payload = self.seen.get(backbone)
        if payload is None:
            raise Unseen(f"needs {backbone}")
        if isinstance(payload, Lacking):
            raise Unseen(f"needs {backbone}: {payload.remedy}")
        return payload

    @property
    def duration_s(self) -> float:
        """The length of the clip: the longer of its tracks."""
        return self.media.duration_s

    def window(
        self, constraint: Constraint, start: str = "window_start", end: str = "window_end"
    ) -> tuple[float, float]:
        """The stretch of the clip, in seconds, that a constraint's window means; the whole clip without one.

        Edges are shares of the clip or, as ``<edge>_s``, seconds from its start, negative ones from its end.
        """
        return self._edge(constraint, start, 0.0), self._edge(constraint, end, 1.0)

    def _edge(self, constraint: Constraint, name: str, default: float) -> float:
        seconds = constraint.get(f"{name}_s")
        if seconds is None:
            return float(constraint.get(name, default) * self.duration_s)
        edge = float(seconds) if seconds > 0 else self.duration_s + float(seconds)
        return min(max(0.0, edge), self.duration_s)

    def has_window(self, constraint: Constraint, start: str = "window_start", end: str = "window_end") -> bool:
        """Whether a constraint states a window, by shares or by seconds."""
        names = {name for name, _ in constraint.params}
        return bool(names & {start, end, f"{start}_s", f"{end}_s"})

    def check(self, constraint: Constraint) -> Verdict:
        """The verdict on a constraint, each worked out once."""
        known = self._verdicts.get(constraint.id)
        if known is None:
            try:
                known = kind_of(constraint.kind).check(constraint, self)
            except Unseen as error:
                known = unverifiable(constraint, str(error))
            self._verdicts[constraint.id] = known
        return known

    def refer(self, name: str) -> tuple[Constraint, Verdict]:
        """Another constraint of the prompt, and its verdict."""
        constraint = next(item for item in self.prompt.constraints if item.id == name)
        return constraint, self.check(constraint)


def _kind(constraint: Constraint) -> Kind:
    return kind_of(constraint.kind)


def passed(constraint: Constraint, found: str, margin: float | None = None, **more: Any) -> Verdict:
    """A verdict that passes strictly and loosely; ``more`` are ``start_s``, ``end_s``, ``evidence``."""
    return Verdict(constraint.id, constraint.kind, "pass", "pass", found, "", margin, **more)


def failed(
    constraint: Constraint, found: str, reason: str, margin: float | None = None, loose: bool = False, **more: Any
) -> Verdict:
    """A verdict that fails strictly; ``loose`` says whether it passes within the loose tolerance."""
    return Verdict(constraint.id, constraint.kind, "fail", "pass" if loose else "fail", found, reason, margin, **more)


def unverifiable(constraint: Constraint, reason: str, found: str = "", evidence: tuple[Evidence, ...] = ()) -> Verdict:
    """A verdict that the instrument cannot give."""
    return Verdict(constraint.id, constraint.kind, "unverifiable", "unverifiable", found, reason, evidence=evidence)


def by_error(constraint: Constraint, error: float, found: str, reason: str, **more: Any) -> Verdict:
    """The verdict of an error of 0 or more in the unit of the kind's tolerance: at most it passes, above it fails.

    ``reason`` is used where it fails strictly. The margin is the strict tolerance less the error.
    """
    tolerance = _kind(constraint).facts.tolerance
    if tolerance is None:
        raise ValueError(f"{constraint.kind} has no tolerance")
    margin = tolerance.strict - error
    if error <= tolerance.strict + 1e-9:
        return passed(constraint, found, margin, **more)
    return failed(constraint, found, reason, margin, loose=error <= tolerance.loose + 1e-9, **more)
