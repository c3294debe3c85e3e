"""Ladders of known damage, applied to a decoded clip and measured: does a score follow the dose?

A :class:`Dose` is one ladder of eight rising steps with the dimension that must fall along it and the track that it
damages. Damage is applied to decoded pictures and sound, so that a step costs no encoding; ``low_bitrate`` is the
exception, because the encoder is the damage.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from avgen_bench import media, registry
from avgen_bench._lazy import lazy
from avgen_bench.factory import damage_picture, damage_sound, damage_time
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    BackboneFacts,
    Dimension,
    FlowView,
    Frame,
    FrameScores,
    FrameView,
    MediaFacts,
    Outcome,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

__all__ = ["DOSES", "STEPS", "Content", "Dose", "climb", "load", "measure"]

STEPS = 8
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Content:
    """A clip as decoded: what every backbone would be shown.

    Attributes:
        path: where it came from; damage that an encoder does starts there.
        frames: (presentation time, native luma in video range).
        sound: float32 (channels, samples), or None.
        seconds: only so much of the clip is used; None for all.
    """

    path: Path
    facts: MediaFacts
    frames: Sequence[tuple[float, NDArray[np.uint8]]]
    sound: NDArray[np.float32] | None
    rate_hz: int
    sound_start_s: float = 0.0
    seconds: float | None = None


class _Keeper:
    facts: ClassVar[BackboneFacts] = BackboneFacts(
        "keeper", "1", "FrameScores", (FrameView(), AudioView()), "keeps what goes by"
    )

    def __init__(self, seconds: float | None) -> None:
        self.frames: list[tuple[float, Any]] = []
        self.blocks: list[AudioBlock] = []
        self.seconds = float("inf") if seconds is None else seconds

    def start(self) -> _Keeper:
        return self

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        if frame.t_s < self.seconds:
            self.frames.append((frame.t_s, frame.pixels.copy()))

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        if block.t_s < self.seconds:
            self.blocks.append(block)

    def finish(self, facts: MediaFacts) -> FrameScores:
        return FrameScores((), {}, {})


def load(path: Path, seconds: float | None = None) -> Content:
    """The decoded clip, or its first ``seconds``. Holds native luma of every frame: some 200 MB for 10 s of 720p."""
    keeper = _Keeper(seconds)
    facts, _ = media.read(path, {"keeper": keeper})
    rate_hz = keeper.blocks[0].rate_hz if keeper.blocks else 0
    sound = np.concatenate([block.samples for block in keeper.blocks], axis=1) if keeper.blocks else None
    start_s = keeper.blocks[0].t_s if keeper.blocks else 0.0
    return Content(path, facts, keeper.frames, sound, rate_hz, start_s, seconds)


def measure(content: Content, dimensions: Iterable[str]) -> dict[str, Outcome]:
    """The outcome of each dimension on the content, through the same consumers and measures as a run."""
    members: dict[str, Dimension] = {name: registry.load("dimensions", name) for name in dimensions}
    needs = dict.fromkeys(need for member in members.values() for need in member.facts.needs)
    consumers = {}
    for name in needs:
        backbone = registry.load("backbones", name)
        consumers[name] = (backbone.facts.views, backbone.start())
    fanout = media.Fanout(consumers)
    if fanout.wants_picture:
        for index, (t_s, luma) in enumerate(content.frames):
            fanout.picture(index, t_s, luma)
    if fanout.wants_sound and content.sound is not None:
        for start in range(0, content.sound.shape[1], _BLOCK):
            samples = np.ascontiguousarray(content.sound[:, start : start + _BLOCK])
            fanout.sound(AudioBlock(content.sound_start_s + start / content.rate_hz, content.rate_hz, samples))
    payloads = fanout.finish(content.facts)
    return {name: member.measure(None, content.facts, payloads) for name, member in members.items()}


@dataclass(frozen=True)
class Dose:
    """One ladder: ``damage(content, step)`` for step 1 to 8; ``dimension`` must fall along it.

    ``track`` is the one that is damaged: dimensions of the other track alone must not move.
    """

    name: str
    dimension: str
    track: Literal["picture", "sound"]
    damage: Callable[[Content, int], Content]
    sampled: bool = False  # each picture is damaged by itself, so only sampled ones are needed


def _picture(name: str) -> Dose:
    ladder = damage_picture.LADDERS[name]

    def damage(content: Content, step: int) -> Content:
        return replace(content, frames=[(t_s, ladder(luma, step, i)) for i, (t_s, luma) in enumerate(content.frames)])

    return Dose(name, "visual_quality", "picture", damage, sampled=True)


def _low_bitrate(content: Content, step: int) -> Content:
    with tempfile.TemporaryDirectory() as folder:
        path = damage_picture.reencode(content.path, Path(folder) / "low.mp4", step)
        return replace(load(path, content.seconds), path=content.path)


def _time(name: str) -> Dose:
    ladder = damage_time.LADDERS[name]

    def damage(content: Content, step: int) -> Content:
        return replace(content, frames=list(ladder(content.frames, step)))

    return Dose(name, "temporal_coherence", "picture", damage)


def _sound(name: str) -> Dose:
    ladder = damage_sound.LADDERS[name]

    def damage(content: Content, step: int) -> Content:
        if content.sound is None:
            return content
        damaged = ladder.apply(content.sound, content.rate_hz, ladder.steps[step - 1], 0)
        return replace(content, sound=damaged)

    return Dose(name, "audio_quality", "sound", damage)


DOSES: Mapping[str, Dose] = {
    dose.name: dose
    for dose in (
        *map(_picture, damage_picture.LADDERS),
        Dose("low_bitrate", "visual_quality", "picture", _low_bitrate),
        *map(_time, damage_time.LADDERS),
        *map(_sound, damage_sound.LADDERS),
    )
}


def climb(content: Content, dose: Dose, on_step: Callable[[int], None] | None = None) -> tuple[float, ...]:
    """Nine values of the ladder's dimension: the clip as it is, then steps 1 to 8.

    Raises:
        ValueError: the dimension gives no number on a step.
    """
    if dose.sampled:
        content = replace(content, frames=_sampled(content.frames, dose.dimension))
    values = []
    for step in range(STEPS + 1):
        outcome = measure(dose.damage(content, step) if step else content, [dose.dimension])[dose.dimension]
        if outcome.value is None:
            raise ValueError(f"{dose.name}, step {step}: {dose.dimension} is {outcome.status}: {outcome.reason}")
        values.append(outcome.value)
        if on_step is not None:
            on_step(step)
    return tuple(values)


class _Sampler(_Keeper):
    """Keeps which frames a view picks, by index."""

    def __init__(self) -> None:
        super().__init__(None)
        self.picked: set[int] = set()

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        self.picked.add(frame.index)


def _sampled(frames: Sequence[tuple[float, Any]], dimension: str) -> Sequence[tuple[float, Any]]:
    """Only those frames that the dimension's backbones are shown at all: the others need no damage."""
    needs = registry.load("dimensions", dimension).facts.needs
    sampler = _Sampler()
    views = tuple(view for need in needs for view in registry.load("backbones", need).facts.views)
    fanout = media.Fanout({"sampler": (views, sampler)})
    for index, (t_s, luma) in enumerate(frames):
        fanout.picture(index, t_s, luma)
    return [frames[index] for index in sorted(sampler.picked)]
