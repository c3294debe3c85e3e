"""What backbones and dimensions declare and do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from avgen_bench.types.measurement import Lacking, Outcome
from avgen_bench.types.observation import MediaFacts, Payload
from avgen_bench.types.prompt import Prompt
from avgen_bench.types.views import AudioBlock, AudioView, FlowView, Frame, FrameView, View

__all__ = ["Backbone", "BackboneFacts", "Consumer", "Dimension", "DimensionFacts"]


@dataclass(frozen=True, slots=True)
class BackboneFacts:
    """What one backbone is, without loading it.

    ``yields`` names the payload type; ``libraries`` the distributions whose version can change its output;
    ``license`` is that of code and weights; ``size_mb`` is what it downloads or ships, 0 for plain code; ``remedy`` is
    what to do where its instrument is not installed (``start`` then raises MissingInstrument).
    """

    name: str
    revision: str
    yields: str
    views: tuple[View, ...]
    summary: str
    license: str = "Apache-2.0"
    size_mb: float = 0.0
    libraries: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    remedy: str = ""


@runtime_checkable
class Consumer(Protocol):
    """Sees one clip go by, once, and says what it saw."""

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take one picture, or one flow field, of a registered view."""

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Take one block of sound of a registered view."""

    def finish(self, facts: MediaFacts) -> Payload:
        """The observation; called once, after the last frame and block."""


@runtime_checkable
class Backbone(Protocol):
    """From views to one typed observation. The constructor only stores.

    A backbone that computes elsewhere than on the processor says so in ``device`` (``cuda``, ...), known before the
    first clip: it stands in signatures, because devices round differently.
    """

    facts: ClassVar[BackboneFacts]

    def start(self) -> Consumer:
        """A fresh consumer for one clip."""


@dataclass(frozen=True, slots=True)
class DimensionFacts:
    """What one dimension is: its scale, its floor, and what it needs.

    ``needs`` are backbone names; ``direction`` is +1 where higher is better, -1 where lower is.
    ``scale`` says in words what the ends and the middle of the range mean.
    """

    name: str
    family: Literal["perceptual", "semantic", "control"]
    version: str
    unit: str
    low: float
    high: float
    floor: float
    direction: Literal[1, -1]
    needs: tuple[str, ...]
    summary: str
    scale: str
    reference: str = ""
    needs_prompt: bool = False


@runtime_checkable
class Dimension(Protocol):
    """A pure function from a prompt and observations to an outcome."""

    facts: ClassVar[DimensionFacts]

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload | Lacking]) -> Outcome:
        """The outcome. ``seen`` maps backbone names to payloads; every name in ``facts.needs`` is there.

        A dimension may also have ``needs_of(prompt)``, the backbones that this prompt needs, and then sees
        :class:`Lacking` for those that are not installed, ``applies(prompt)``, whether the prompt asks anything, and
        ``terms_of(prompt)``, what else can change its numbers, as fields of :mod:`avgen_bench.signatures`.
        """
