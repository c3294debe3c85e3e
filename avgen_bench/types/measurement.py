"""What follows from observations: verdicts, outcomes, measurements."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from avgen_bench.types._json import _finite, _frozen, _plain, _round, _rows

__all__ = ["STATUSES", "VERDICTS", "Evidence", "Lacking", "Measurement", "Outcome", "Status", "Verdict"]


Status = Literal["ok", "not_applicable", "abstained", "failed"]


STATUSES: tuple[Status, ...] = ("ok", "not_applicable", "abstained", "failed")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that a number rests on.

    ``kind`` is ``part`` (a named component: ``value`` with ``unit`` as measured, and the ``score`` in [0, 1] that it
    contributes), ``span`` (``label`` holds in ``[start_s, end_s)``), ``curve`` (``y`` over ``x``; ``unit`` is that of
    y, ``x_unit`` of x) or ``note`` (``text`` alone). A span that is seen in one part of the picture has the ``box``
    (x0, y0, x1, y1) around it, in shares of the frame.
    """

    kind: Literal["part", "span", "curve", "note"]
    label: str
    value: float | None = None
    unit: str = ""
    score: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    x_unit: str = "s"
    text: str = ""
    box: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        _rows(f"Evidence {self.label!r}", x=self.x, y=self.y)
        if self.box is not None:
            for edge in self.box:
                _finite(f"Evidence {self.label!r} box", edge)
            if len(self.box) != 4 or self.box[0] > self.box[2] or self.box[1] > self.box[3]:
                raise ValueError(f"Evidence {self.label!r} has the box {self.box}; expected x0 <= x1 and y0 <= y1")
        for name in ("value", "score", "start_s", "end_s"):
            number = getattr(self, name)
            if number is not None:
                _finite(f"Evidence {self.label!r} {name}", number)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; fields at their default are left out."""
        out: dict[str, Any] = {"kind": self.kind, "label": self.label}
        for name in ("unit", "text"):
            text = getattr(self, name)
            if text:
                out[name] = text
        for name in ("value", "score", "start_s", "end_s"):
            number = getattr(self, name)
            if number is not None:
                out[name] = _round(number)
        if self.x:
            out["x"], out["y"] = _plain(self.x), _plain(self.y)
        if self.x_unit != "s":
            out["x_unit"] = self.x_unit
        if self.box is not None:
            out["box"] = _plain(self.box)
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """The evidence that ``to_json`` wrote."""
        return cls(**{key: _frozen(value) for key, value in data.items()})


VERDICTS = ("pass", "fail", "unverifiable")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker says of one constraint and one clip.

    Attributes:
        id: of the constraint; ``kind`` its kind.
        strict: ``pass``, ``fail``, or ``unverifiable`` where the instrument cannot tell; ``loose`` the same within the
            kind's loose tolerance.
        found: what was read, heard or counted, for people.
        reason: why it fails or cannot be verified; empty on a pass.
        margin: how far on the passing side (negative: failing), in the unit of the kind's tolerance; None where no
            distance can be stated.
        start_s: where in the clip the constraint's moment begins, and ``end_s`` where it ends; None where it has none.
    """

    id: str
    kind: str
    strict: str
    loose: str
    found: str = ""
    reason: str = ""
    margin: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        if self.strict not in VERDICTS or self.loose not in VERDICTS:
            raise ValueError(f"Verdict is {self.strict!r}, {self.loose!r}; expected two of {VERDICTS}")
        if self.strict == "pass" and self.loose != "pass":
            raise ValueError(f"Verdict of {self.id!r} passes strictly but is {self.loose!r} loosely")
        if self.strict != "pass" and not self.reason:
            raise ValueError(f"Verdict of {self.id!r} is {self.strict!r} without a reason")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; fields at their default are left out."""
        out: dict[str, Any] = {"id": self.id, "kind": self.kind, "strict": self.strict, "loose": self.loose}
        out |= {name: getattr(self, name) for name in ("found", "reason") if getattr(self, name)}
        for name in ("margin", "start_s", "end_s"):
            if getattr(self, name) is not None:
                out[name] = _round(getattr(self, name))
        if self.evidence:
            out["evidence"] = [item.to_json() for item in self.evidence]
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """The verdict that ``to_json`` wrote."""
        fields = dict(data)
        fields["evidence"] = tuple(Evidence.from_json(item) for item in data.get("evidence", ()))
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Lacking:
    """Stands in ``seen`` for an observation that no installed instrument can make; ``remedy`` says what to do."""

    remedy: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a dimension says of one clip. A value is present exactly when the status is ``ok``."""

    status: Status
    value: float | None = None
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"Outcome.status is {self.status!r}; expected one of {STATUSES}")
        if (self.value is not None) != (self.status == "ok"):
            raise ValueError(f"Outcome is {self.status!r} with value {self.value!r}; a value goes with 'ok' alone")
        if self.value is not None:
            _finite("Outcome.value", self.value)
        elif not self.reason:
            raise ValueError(f"Outcome is {self.status!r} without a reason")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number, or the stated lack of one, with everything that it depends on.

    ``observations`` are the fingerprints that it was computed from; ``signature`` names every version that can change
    it.
    """

    dimension: str
    version: str
    clip_id: str
    clip_key: str
    prompt_id: str
    status: Status
    value: float | None
    reason: str
    evidence: tuple[Evidence, ...]
    observations: tuple[str, ...]
    signature: str
    constraint: str = ""
    verdicts: tuple[Verdict, ...] = ()

    def __post_init__(self) -> None:
        Outcome(self.status, self.value, self.reason)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        out = {name: getattr(self, name) for name in _MEASUREMENT_FIELDS}
        out["value"] = None if self.value is None else _round(self.value)
        out["evidence"] = [item.to_json() for item in self.evidence]
        if self.verdicts:
            out["verdicts"] = [item.to_json() for item in self.verdicts]
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measurement:
        """The measurement that ``to_json`` wrote."""
        fields = dict(data)
        fields["verdicts"] = tuple(Verdict.from_json(item) for item in data.get("verdicts", ()))
        fields["evidence"] = tuple(Evidence.from_json(item) for item in data["evidence"])
        fields["observations"] = tuple(data["observations"])
        fields["signature"] = sys.intern(data["signature"])  # the same for every clip of a prompt
        return cls(**fields)


_MEASUREMENT_FIELDS = tuple(
    item.name for item in dataclasses.fields(Measurement) if item.name not in ("evidence", "verdicts")
)
