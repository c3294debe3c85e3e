"""What a consumer asks to see or hear, what it is given, and what a file is known to hold."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AudioBlock", "AudioView", "FlowView", "Frame", "FrameView", "MediaLimits", "StreamFacts", "View"]


@dataclass(frozen=True, slots=True)
class FrameView:
    """What a backbone wants to see.

    Attributes:
        fps: Frames per second on a grid of presentation time that begins with the first frame (the first frame at or
            after each tick), or None for every frame. Sampling needs no frame count, which containers often state
            wrongly, and the same content in another container gives the same frames.
        short_side_px: Largest short side, or None for native pixels. Luma is halved (exact 2x2 means) until it fits,
            so its short side ends in (short_side_px / 2, short_side_px]; RGB is area-scaled to exactly this size,
            never enlarged.
        color: ``luma`` (H, W) uint8 in video range, or ``rgb`` (H, W, 3) uint8.
    """

    fps: float | None = None
    short_side_px: int | None = None
    color: Literal["luma", "rgb"] = "luma"

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise ValueError(f"FrameView.fps is {self.fps!r}; expected a number in (0, 1000] or None for every frame")
        if self.short_side_px is not None and self.short_side_px < 8:
            raise ValueError(f"FrameView.short_side_px is {self.short_side_px!r}; expected 8 or more, or None")
        if self.color not in ("luma", "rgb"):
            raise ValueError(f"FrameView.color is {self.color!r}; expected 'luma' or 'rgb'")


@dataclass(frozen=True, slots=True)
class FlowView:
    """Dense optical flow between consecutive luma frames, computed once for all who ask.

    The flow (DIS, ultrafast preset) is delivered with the second frame of each pair. ``short_side_px`` reduces as in
    :class:`FrameView`, so a luma view and a flow view of the same size share their grid.
    """

    short_side_px: int

    def __post_init__(self) -> None:
        if self.short_side_px < 16:
            raise ValueError(f"FlowView.short_side_px is {self.short_side_px!r}; expected 16 or more")


@dataclass(frozen=True, slots=True)
class AudioView:
    """What a backbone wants to hear: float32 blocks, shape (channels, samples).

    Attributes:
        rate_hz: Sampling rate, or None for the clip's own rate (resampled only above 48 kHz).
        channels: 1 for a mono mix, 2 for stereo, or None for the clip's own layout (mixed to stereo above two).
    """

    rate_hz: int | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        if self.rate_hz is not None and not 4000 <= self.rate_hz <= 48000:
            raise ValueError(f"AudioView.rate_hz is {self.rate_hz!r}; expected 4000 to 48000, or None for native")
        if self.channels not in (None, 1, 2):
            raise ValueError(f"AudioView.channels is {self.channels!r}; expected 1, 2, or None for native")


View = FrameView | FlowView | AudioView


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a view. ``pixels`` may be a view into the decoder's memory: copy what is kept."""

    index: int
    t_s: float
    pixels: NDArray[Any]


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A stretch of sound: ``samples`` float32 (channels, n), the first sample at ``t_s``."""

    t_s: float
    rate_hz: int
    samples: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a clip may ask of the machine. Beyond a limit the clip is ``failed`` with the reason; nothing is cut short.

    Attributes:
        deadline_factor, deadline_base_s: wall time allowed = base + factor x the container's duration.
        max_damaged_share: share of packets that fail to decode above which there is no score.
        note_damaged_share: share above which scores carry a note.
        max_hole_s: longest stretch of missing sound or picture without a note.
        end_slack_s: how much earlier than the container says a stream may end.
    """

    max_bytes: int = 1 << 30
    max_pixels: int = 9_000_000
    max_side_px: int = 8192
    max_duration_s: float = 120.0
    max_frames: int = 10_000
    max_fps: float = 240.0
    max_rate_hz: int = 192_000
    max_channels: int = 8
    deadline_base_s: float = 30.0
    deadline_factor: float = 20.0
    max_damaged_share: float = 0.10
    note_damaged_share: float = 0.01
    max_hole_s: float = 0.5
    end_slack_s: float = 0.25

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not value > 0
                or not math.isfinite(value)
            ):
                raise ValueError(f"MediaLimits.{item.name} is {value!r}; expected a positive number")


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What one track turned out to hold, counted while decoding, not read from the header.

    ``size`` is (width, height) as shown, after rotation, for picture; ``rate_hz`` and ``channels`` are for sound.
    ``units`` counts frames of picture, or samples of sound.
    """

    codec: str
    start_s: float
    end_s: float
    units: int
    packets: int
    damaged: int
    longest_hole_s: float
    hole_at_s: float
    size: tuple[int, int] | None = None
    fps: float | None = None
    rotation_deg: int = 0
    pixel_aspect: float = 1.0
    rate_hz: int | None = None
    channels: int | None = None
