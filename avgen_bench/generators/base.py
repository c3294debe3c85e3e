"""What a generator is asked, what it answers, and what it says of itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from avgen_bench.errors import InputError
from avgen_bench.types import canonical_json

__all__ = [
    "OUTCOMES",
    "Generator",
    "GeneratorFacts",
    "Request",
    "Result",
    "Still",
    "fill_value",
    "parse_settings",
    "refuse_settings",
    "seed_of",
    "with_patience",
]

OUTCOMES = ("written", "failed", "refused", "unknown", "unsent", "interrupted")
"""What may become of a request.

``written``: a file lies at its place, whatever it is. ``failed``: the generator answered, and there is no clip.
``refused``: it does not take this prompt. ``unknown``: it was sent, and what became of it cannot be told; it may have
been billed. ``unsent``: it did not reach the generator, or was turned away before any work. ``interrupted``: this
program stopped it on purpose.
"""

_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class GeneratorFacts:
    """Who makes the clips.

    Attributes:
        kind: ``command``, ``inference`` or ``diffusers``.
        model: its name, as the caller gave it.
        parameters: all that stays the same from clip to clip; JSON values, no secret.
        bills: whether making a clip may cost money.
        most_workers: how many clips may be under way at once; None: as many as are asked for.
    """

    kind: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    bills: bool = False
    most_workers: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What tells clips of one origin from those of another."""
        return {"generator": self.kind, "model": self.model, "parameters": dict(self.parameters)}


@dataclass(frozen=True, slots=True)
class Request:
    """One clip to make.

    Attributes:
        out: where the clip must lie in the end: absolute, in a folder that nothing else uses.
        duration_s: the length that the prompt wants, None where it states none.
    """

    prompt_id: str
    text: str
    take: int
    seed: int
    duration_s: float | None
    out: Path


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a request: one of :data:`OUTCOMES`, the reason in words, and how long it took."""

    outcome: str
    reason: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"the outcome is {self.outcome!r}; expected one of {', '.join(OUTCOMES)}")


class Generator(Protocol):
    """Makes clips, several at once from several threads."""

    @property
    def facts(self) -> GeneratorFacts:
        """Who makes the clips; may be read before anything is loaded."""

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse before anything is sent what could not be sent.

        Raises:
            InputError: some prompt cannot be asked for in this way.
            MissingInstrument: a library is not installed.
        """

    def make(self, request: Request, stop: threading.Event) -> Result:
        """Make one clip; its folder is there. Returns soon after ``stop`` is set.

        Raises:
            GeneratorError: no request can succeed, so that the others need not be sent. This one was not billed.
        """

    def found(self, request: Request) -> Result | None:
        """What an attempt that was cut off had finished before it was; None where that cannot be told."""

    def close(self) -> None:
        """Let go of what it holds."""


def parse_settings(items: Sequence[str]) -> dict[str, Any]:
    """Values by name of ``name=value``; a value is JSON where it reads as JSON, else text.

    >>> parse_settings(["num_frames=121", "style=film noir", "seed=null"])
    {'num_frames': 121, 'style': 'film noir', 'seed': None}
    """
    values: dict[str, Any] = {}
    for item in items:
        name, sign, text = item.partition("=")
        if not sign or not name.isidentifier():
            raise InputError(f"--set {item}: expected NAME=VALUE, such as num_frames=121")
        if name in values:
            raise InputError(f"--set {item}: {name!r} is set twice")
        try:
            values[name] = json.loads(text)
            canonical_json(values[name])  # NaN is no JSON, though json reads it
        except (ValueError, RecursionError):
            values[name] = text
    return values


def fill_value(value: Any, request: Request) -> Any:
    """A setting for one request: the texts ``{seed}``, ``{take}`` and ``{duration_s}`` stand for its numbers.

    Raises:
        InputError: the prompt states no duration.
    """
    if value == "{duration_s}" and request.duration_s is None:
        raise InputError(f"prompt {request.prompt_id!r} states no duration_s, and --set asks for it; add the column")
    numbers = {"{seed}": request.seed, "{take}": request.take, "{duration_s}": request.duration_s}
    return numbers.get(value, value) if isinstance(value, str) else value


def seed_of(facts: GeneratorFacts, request: Request) -> int | None:
    """The seed that a clip is made with: the parameter ``seed`` where there is one, else the request's own.

    None where the parameter is null: the generator takes one of its own, which nobody learns.

    Raises:
        InputError: the parameter is no whole number.
    """
    seed = fill_value(facts.parameters.get("seed", request.seed), request)
    if seed is None or (isinstance(seed, int) and not isinstance(seed, bool)):
        return seed
    raise InputError(f"--set seed={seed}: expected a whole number, or null for none")


def refuse_settings(facts: GeneratorFacts, requests: Sequence[Request], own: Sequence[str]) -> None:
    """Refuse settings that cannot be sent.

    Args:
        facts: whose parameters are the settings.
        requests: what they are filled with.
        own: names that the generator sets for each clip.

    Raises:
        InputError: one of these names, a setting that asks for what a prompt does not state, or one seed for several
            takes, which would be the same clip.
    """
    for name in own:
        if name in facts.parameters:
            raise InputError(f"--set {name}: that is set for each clip; leave it out")
    for request in requests:
        for value in facts.parameters.values():
            fill_value(value, request)
        seed_of(facts, request)
        if request.take and isinstance(facts.parameters.get("seed"), int):
            raise InputError("--set seed: all takes of a prompt would be the same clip; leave it out, or give --seed")


@dataclass
class Still:
    """A call that may still be going on: ``done`` tells, then ``value`` or ``error`` holds what came of it."""

    done: bool = False
    value: Any = None
    error: Exception | None = None


def with_patience(call: Callable[[], Any], patience_s: float, stop: threading.Event) -> Still:
    """What came of a call that cannot be stopped; not done after ``patience_s``, or once ``stop`` is set.

    The call goes on in a thread that does not keep the process alive.
    """
    still = Still()

    def run() -> None:
        try:
            still.value = call()
        except Exception as error:  # it is the caller's, raised in the caller's thread
            still.error = error
        still.done = True

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ends_s = time.monotonic() + patience_s
    while thread.is_alive() and not stop.is_set() and time.monotonic() < ends_s:
        thread.join(_WAIT_S)
    return still
