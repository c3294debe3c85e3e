"""How fast the picture moves.

Conventions
    Speed is in picture heights per second, so that size and frame rate do not matter. For each pair of pictures it is
    the median length of the flow among the points that move at least half as fast as the fastest hundredth: the body
    that moves, or the camera where that moves all of the picture, not the ground at rest. ``share`` is the share of
    those points. Rows are means over slots of a quarter of a second that begin at ``times_s``: a picture that is shown
    several times moves nothing and then all at once, which within a slot comes to the same speed.

Constants
    The statistic was chosen among twelve, and the slot among three, on the calibration split of ``playing_speed``
    (:mod:`avgen_bench.factory.truth_picture`), by the error of the ratio of two speeds: half of the ratios were within
    3.3 %, nine in ten within 15 %.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameScores, FrameView, MediaFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = lazy("numpy")

__all__ = ["SLOT_S", "MotionSpeed"]

FLOW = FlowView(192)
FLOW_STEP_PX = 4
"""The flow is computed on a grid four times coarser than its picture: every fourth vector loses nothing."""
SLOT_S = 0.25
FASTEST_PERCENTILE = 99.0
SHARE_OF_FASTEST = 0.5


class MotionSpeed:
    """Speed of what moves in picture heights per second, and the share of the picture that moves so, in slots."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="motion",
        revision="1",
        yields="FrameScores",
        views=(FLOW,),
        summary="speed of what moves in picture heights per second, four times a second, from optical flow",
        libraries=("numpy", "opencv-python-headless"),
        parameters={
            "slot_s": SLOT_S,
            "fastest_percentile": FASTEST_PERCENTILE,
            "share_of_fastest": SHARE_OF_FASTEST,
        },
    )

    def start(self) -> _MotionConsumer:
        """A fresh consumer for one clip."""
        return _MotionConsumer()


class _MotionConsumer:
    def __init__(self) -> None:
        self._before_s: float | None = None
        self._pairs: list[tuple[float, float, float, float]] = []
        """Start, end, way in picture heights, share of points that move so."""

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        """Take one flow field."""
        before_s, self._before_s = self._before_s, frame.t_s
        if before_s is None or frame.t_s <= before_s:
            return  # the first field says nothing of when its first picture was
        half = FLOW_STEP_PX // 2
        flow: NDArray[Any] = frame.pixels[half::FLOW_STEP_PX, half::FLOW_STEP_PX]
        lengths = np.sqrt(flow[..., 0] * flow[..., 0] + flow[..., 1] * flow[..., 1]).ravel()
        moving = lengths[lengths >= SHARE_OF_FASTEST * np.percentile(lengths, FASTEST_PERCENTILE)]
        way = float(np.median(moving)) / frame.pixels.shape[0]
        self._pairs.append((before_s, frame.t_s, way, moving.size / lengths.size))

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        """Nothing: no view of sound is registered."""

    def finish(self, facts: MediaFacts) -> FrameScores:
        """One row per slot that has pictures in at least half of it; none without motion to measure."""
        slots: dict[int, list[float]] = {}
        for start_s, end_s, way, share in self._pairs:
            slot = slots.setdefault(math.floor((start_s + end_s) / 2 / SLOT_S), [0.0, 0.0, 0.0])
            slot[0] += way
            slot[1] += end_s - start_s
            slot[2] += share * (end_s - start_s)
        kept = [(index, slot) for index, slot in sorted(slots.items()) if slot[1] >= SLOT_S / 2]
        return FrameScores(
            tuple(index * SLOT_S for index, _ in kept),
            {
                "speed": tuple(way / seen_s for _, (way, seen_s, _) in kept),
                "share": tuple(share / seen_s for _, (_, seen_s, share) in kept),
            },
        )
