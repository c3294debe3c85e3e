"""Small values that several tests build on."""

from __future__ import annotations

from typing import Any

from avgen_bench.types import Constraint, MediaFacts, Prompt, Rung, StreamFacts

__all__ = ["media_facts", "rung"]


def media_facts(duration_s: float, picture: bool = True, sound: bool = True) -> MediaFacts:
    """Facts of a sound clip of that length."""
    frames = int(duration_s * 24)
    video = StreamFacts("h264", 0.0, duration_s, frames, frames, 0, 1 / 24, 0.0, size=(640, 360), fps=24.0)
    audio = StreamFacts("aac", 0.0, duration_s, int(48000 * duration_s), 400, 0, 0.0, 0.0, rate_hz=48000, channels=1)
    return MediaFacts("mov,mp4", duration_s, video if picture else None, audio if sound else None)


def rung(dial: str, *constraints: dict[str, Any]) -> Prompt:
    """A prompt on a ladder of that dial."""
    made = tuple(Constraint.from_json({"id": f"c{n}", "span": "x", **item}) for n, item in enumerate(constraints))
    return Prompt("ladder-x-1", constraints=made, ladder=Rung("x", dial, "unit", 1.0, 1))
