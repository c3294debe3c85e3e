"""What every backbone and dimension must do, ours or a plug-in's, as checks that a test calls.

A check raises :class:`ContractError` (an ``AssertionError``) that names the member and the broken promise. From another
package::

    from avgen_bench.contracts import check_backbone
    def test_mine():
        check_backbone(MyBackbone())
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from avgen_bench._lazy import lazy
from avgen_bench.media import Fanout
from avgen_bench.types import (
    PAYLOADS,
    AudioBlock,
    AudioView,
    Backbone,
    Dimension,
    FlowView,
    FrameView,
    MediaFacts,
    Outcome,
    Payload,
    Prompt,
    StreamFacts,
    canonical_json,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

__all__ = ["ContractError", "check_backbone", "check_dimension", "observe_sample"]


class ContractError(AssertionError):
    """A member breaks a promise that every member of its kind makes."""


def _must(holds: bool, who: str, promise: str) -> None:
    if not holds:
        raise ContractError(f"{who}: {promise}")


def _facts(frames: int, seconds: float, size: tuple[int, int], rate_hz: int) -> MediaFacts:
    picture = StreamFacts("h264", 0.0, frames / 24, frames, frames, 0, 1 / 24, 0.0, size=size, fps=24.0)
    sound = StreamFacts(
        "aac", 0.0, seconds, int(seconds * rate_hz), max(1, int(seconds * 50)), 0, 0.0, 0.0, rate_hz=rate_hz, channels=2
    )
    return MediaFacts("mov,mp4", max(frames / 24, seconds), picture if frames else None, sound if seconds else None)


def _sample(
    frames: int, seconds: float, size: tuple[int, int], rate_hz: int
) -> tuple[list[NDArray[np.uint8]], NDArray[np.float32]]:
    """A moving textured picture and a ticking noisy tone: nothing special, but neither flat nor still."""
    random = np.random.default_rng(7)
    width, height = size
    texture = random.integers(30, 220, (height + 64, width + 64), dtype=np.uint8)
    pictures = [np.ascontiguousarray(texture[i % 64 : i % 64 + height, :width]) for i in range(frames)]
    t_s = np.arange(int(seconds * rate_hz)) / rate_hz
    ticks = np.exp(-((t_s % 0.5) * 60.0))
    tone = 0.3 * np.sin(2 * np.pi * 440 * t_s) * ticks + 0.002 * random.standard_normal(t_s.size)
    return pictures, np.stack([tone, 0.8 * tone]).astype(np.float32)


def observe_sample(
    backbone: Backbone,
    *,
    frames: int = 48,
    seconds: float = 2.0,
    size: tuple[int, int] = (96, 64),
    rate_hz: int = 16000,
) -> Payload:
    """A backbone's observation of a small synthetic clip; 0 frames or 0 seconds stand for an absent track."""
    facts = _facts(frames, seconds, size, rate_hz)
    pictures, sound = _sample(frames, seconds, size, rate_hz)
    name = backbone.facts.name
    fanout = Fanout({name: (backbone.facts.views, backbone.start())})
    kept = [picture.copy() for picture in pictures]

    def rgb(picture: NDArray[np.uint8], short_side_px: int | None) -> NDArray[np.uint8]:
        step = 1 if short_side_px is None else max(1, min(picture.shape) // short_side_px)
        return np.repeat(picture[::step, ::step, None], 3, axis=2)

    for index, picture in enumerate(pictures):
        fanout.picture(index, index / 24, picture, lambda px, luma=picture: rgb(luma, px))  # type: ignore[misc]
    for start in range(0, sound.shape[1], 1024):
        fanout.sound(AudioBlock(start / rate_hz, rate_hz, sound[:, start : start + 1024]))
    payload = fanout.finish(facts)[name]
    unchanged = all(np.array_equal(a, b) for a, b in zip(kept, pictures, strict=True))
    _must(unchanged, name, "a consumer must not write into the pictures it is shown; others see the same memory")
    return payload


def check_backbone(backbone: Backbone) -> None:
    """Check one backbone: its facts, determinism, independence of clips, absent tracks, and the JSON round trip."""
    facts = backbone.facts
    who = f"backbone {facts.name!r}"
    _must(facts.name.isidentifier() and facts.name == facts.name.lower(), who, "the name is a lower-case identifier")
    _must(bool(facts.revision and facts.summary and facts.license), who, "revision, summary and license are stated")
    _must(facts.yields in PAYLOADS, who, f"yields is one of {sorted(PAYLOADS)}, got {facts.yields!r}")
    known = all(isinstance(view, FrameView | FlowView | AudioView) for view in facts.views)
    _must(bool(facts.views) and known, who, "views are FrameView, FlowView or AudioView, at least one")
    canonical_json(dict(facts.parameters))
    _must(bool(inspect.getdoc(type(backbone))), who, "the class has a docstring")
    _must(not inspect.signature(type(backbone)).parameters, who, "the constructor takes no argument")
    first = observe_sample(backbone)
    _must(type(first).__name__ == facts.yields, who, f"gives the {facts.yields} that it declares")
    ballast = []
    for size in range(1, 9):  # arrays come to lie elsewhere each time: some routines round by where they do
        ballast.append(bytearray(1009 * size))
        same = observe_sample(backbone) == first
        _must(same, who, "the same clip gives the same observation, whatever went before")
    text = canonical_json(first.to_json())
    again = type(first).from_json(json.loads(text))
    _must(canonical_json(again.to_json()) == text, who, "its observation survives strict JSON")
    for frames, seconds in ((0, 2.0), (48, 0.0), (1, 0.05), (2, 0.0)):
        payload = observe_sample(backbone, frames=frames, seconds=seconds)
        _must(type(payload).__name__ == facts.yields, who, f"copes with {frames} frames and {seconds} s of sound")


def check_dimension(dimension: Dimension, seen: Mapping[str, Payload], media: MediaFacts) -> None:
    """Check one dimension on observations of one clip: its facts, purity, range, and what absent tracks give.

    Args:
        dimension: the member.
        seen: payloads by backbone name; all of ``facts.needs`` must be there.
        media: the facts of that clip.
    """
    facts = dimension.facts
    who = f"dimension {facts.name!r}"
    _must(facts.name.isidentifier() and facts.name == facts.name.lower(), who, "the name is a lower-case identifier")
    _must(facts.low < facts.high, who, "low lies below high")
    _must(facts.low <= facts.floor <= facts.high, who, "the floor lies on the scale")
    worst = facts.low if facts.direction > 0 else facts.high
    _must(facts.floor == worst, who, "the floor is the worst end of the scale")
    _must(bool(facts.summary and facts.scale and facts.version), who, "summary, scale and version are stated")
    _must(bool(inspect.getdoc(type(dimension))), who, "the class has a docstring")
    _must(not inspect.signature(type(dimension)).parameters, who, "the constructor takes no argument")
    frozen = {name: canonical_json(payload.to_json()) for name, payload in seen.items()}
    for prompt in (None, Prompt("p", demands_sound=True), Prompt("q", demands_sound=False)):
        outcome = dimension.measure(prompt, media, seen)
        _must(isinstance(outcome, Outcome), who, "measure gives an Outcome")
        _must(outcome == dimension.measure(prompt, media, seen), who, "measure is a pure function")
        in_range = outcome.value is None or facts.low <= outcome.value <= facts.high
        _must(in_range, who, f"the value {outcome.value} lies on the scale")
        asks_nothing = prompt is not None or facts.needs_prompt
        allowed = ("ok", "abstained", "not_applicable") if asks_nothing else ("ok", "abstained")
        _must(outcome.status in allowed, who, f"a clip cannot make it {outcome.status!r}; only a prompt could")
        for item in outcome.evidence:
            canonical_json(item.to_json())
        if outcome.status == "ok":
            _must(bool(outcome.evidence or outcome.reason), who, "a number comes with evidence or a reason")
    unchanged = frozen == {name: canonical_json(payload.to_json()) for name, payload in seen.items()}
    _must(unchanged, who, "measure leaves the observations as they were")
