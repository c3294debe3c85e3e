"""Loudness of the sound track at its own rate and layout: momentary, integrated, range and true peak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    BackboneFacts,
    FlowView,
    Frame,
    FrameView,
    LoudnessCurve,
    MediaFacts,
)

if TYPE_CHECKING:
    from avgen_bench import meters
else:
    meters = lazy("avgen_bench.meters")

__all__ = ["Loudness"]


class _Listener:
    def __init__(self) -> None:
        self._meter: Any = meters.LoudnessMeter()

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Pictures are not asked for."""

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        self._meter.push(block)

    def finish(self, facts: MediaFacts) -> LoudnessCurve:
        curve: LoudnessCurve = self._meter.finish()
        return curve


class Loudness:
    """Yields a LoudnessCurve by ITU-R BS.1770-5 and EBU R 128; without sound an empty curve at -120 dBFS."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="loudness",
        revision="1",
        yields="LoudnessCurve",
        views=(AudioView(),),
        summary="momentary and integrated loudness, loudness range, true peak",
        libraries=("av", "numpy"),
        reference="ITU-R BS.1770-5; EBU R 128, Tech 3341, Tech 3342",
    )

    def start(self) -> _Listener:
        """A fresh consumer for one clip."""
        return _Listener()
