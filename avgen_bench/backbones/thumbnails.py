"""Small pictures of a clip, for people who look at a report."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.types import AudioBlock, AudioView, BackboneFacts, FlowView, Frame, FrameView, MediaFacts, Thumbnails

if TYPE_CHECKING:
    import cv2
    from numpy.typing import NDArray
else:
    cv2 = lazy("cv2")

__all__ = ["ThumbnailStrip"]

_VIEW = FrameView(fps=1.0, short_side_px=90, color="rgb")
_MOST = 16


class _Strip:
    def __init__(self) -> None:
        self._kept: list[tuple[float, NDArray[Any]]] = []
        self._stride = 1
        self._seen = 0

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        if self._seen % self._stride == 0:
            self._kept.append((frame.t_s, frame.pixels))
            if len(self._kept) > _MOST:  # a long clip: keep every second one and go on half as often
                self._kept = self._kept[::2]
                self._stride *= 2
        self._seen += 1

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        raise NotImplementedError("no audio view is registered")

    def finish(self, facts: MediaFacts) -> Thumbnails:
        jpegs = []
        for _, rgb in self._kept:
            _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
            jpegs.append(base64.b64encode(data.tobytes()).decode())
        return Thumbnails(tuple(t_s for t_s, _ in self._kept), tuple(jpegs))


class ThumbnailStrip:
    """One picture a second, at most 16, as JPEG with a short side of 90 pixels."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="thumbnails",
        revision="1",
        yields="Thumbnails",
        views=(_VIEW,),
        summary="one small picture a second, for the report page",
        libraries=("av", "opencv-python-headless"),
    )

    def start(self) -> _Strip:
        """A fresh consumer for one clip."""
        return _Strip()
