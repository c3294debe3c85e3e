"""What a judge is given of a clip, made in one decoding pass and used for every question.

Conventions
    Pictures are JPEG at quality 90, taken on the grid of :class:`~avgen_bench.types.FrameView`; where there would be
    too many, the grid is made twice as coarse until they fit, so that they stay evenly spaced and the clip is never
    cut. Sound is one channel of 16 bits on the clip's own timeline: the first sample stands at time 0, and holes are
    silence.
"""

from __future__ import annotations

import io
import math
import os
import wave
from typing import TYPE_CHECKING, Any, cast

from avgen_bench import media
from avgen_bench._lazy import lazy
from avgen_bench.errors import JudgeRefusal
from avgen_bench.types import (
    Ask,
    AudioBlock,
    AudioView,
    BackboneFacts,
    ClipViews,
    FlowView,
    Frame,
    FrameView,
    JudgeView,
    MediaFacts,
    MediaLimits,
    Payload,
    View,
)

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray
else:
    cv2, np = lazy("cv2"), lazy("numpy")

__all__ = ["clip_views", "refuse_unheard"]

_QUALITY = 90
_TIME_ERROR_S = 0.002  # as in media: Matroska rounds times to milliseconds
_SLIP_S = 0.02  # rounded times are no holes: a cut sample every quarter of a second would be heard


class _Album:
    """Keeps JPEGs on a grid that grows coarser, and the sound as one stretch."""

    def __init__(self, view: JudgeView) -> None:
        self._view = view
        self._first_s: float | None = None
        self._stride = 1
        self._kept: list[tuple[int, float, bytes]] = []
        self._blocks: list[NDArray[np.int16]] = []
        self._samples = 0

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        if self._first_s is None:
            self._first_s = frame.t_s
        tick = math.floor((frame.t_s - self._first_s + _TIME_ERROR_S) * self._view.fps)
        if tick % self._stride:
            return
        bgr: Any = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        self._kept.append((tick, frame.t_s, data.tobytes()))
        while len(self._kept) > self._view.most_frames:
            self._stride *= 2
            self._kept = [kept for kept in self._kept if kept[0] % self._stride == 0]

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        rate_hz = block.rate_hz
        samples: Any = np.rint(np.clip(block.samples[0], -1.0, 1.0) * 32767.0).astype("<i2")
        gap = round(block.t_s * rate_hz) - self._samples
        if gap > _SLIP_S * rate_hz:
            self._blocks.append(np.zeros(gap, "<i2"))
            self._samples += gap
        elif gap < -_SLIP_S * rate_hz:
            samples = samples[-gap:]  # sound before time 0, or told twice
        self._blocks.append(samples)
        self._samples += samples.size

    def finish(self, facts: MediaFacts) -> Payload:
        return facts

    @property
    def times_s(self) -> tuple[float, ...]:
        return tuple(t_s for _, t_s, _ in self._kept)

    @property
    def frames(self) -> tuple[bytes, ...]:
        return tuple(data for _, _, data in self._kept)

    def sound(self) -> bytes | None:
        if not self._samples or self._view.rate_hz is None:
            return None
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self._view.rate_hz)
            file.writeframes(np.concatenate(self._blocks).tobytes())
        return out.getvalue()


class _Look:
    """The album as a member of the decoding pass."""

    def __init__(self, view: JudgeView) -> None:
        views: list[View] = []
        if not view.whole:
            views.append(FrameView(view.fps, view.short_side_px, "rgb"))
        if view.rate_hz is not None:
            views.append(AudioView(view.rate_hz, 1))
        self.facts = BackboneFacts("judge_views", "1", "MediaFacts", tuple(views), "what a judge is given")
        self.album = _Album(view)

    def start(self) -> _Album:
        """The one consumer."""
        return self.album


def refuse_unheard(ask: Ask, view: JudgeView) -> None:
    """Refuse a question about the sound where the judge is given none.

    Raises:
        JudgeRefusal: it is one.
    """
    if ask.modality != "picture" and view.rate_hz is None:
        raise JudgeRefusal(
            f"{ask.key} needs sound and this judge is given none; give it some, or do not ask it about sound"
        )


def clip_views(path: str | os.PathLike[str], view: JudgeView, limits: MediaLimits | None = None) -> ClipViews:
    """A clip as a judge with this view is given it.

    A clip without pictures has no frames, one without sound has None for it; a judge that is sent whole files
    (``view.whole``) gets the path, and no frames.

    Raises:
        MediaError: the clip cannot be read, or goes beyond a limit.
    """
    clip_id = media.digest(path, limits)
    look = _Look(view)
    facts, _ = media.read(path, {"judge_views": cast(Any, look)}, limits)  # its facts are not those of its class
    album = look.album
    return ClipViews(clip_id, facts.duration_s, album.times_s, album.frames, album.sound(), os.path.abspath(path))
