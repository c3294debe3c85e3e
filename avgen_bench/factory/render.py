"""From a scene to an mp4 file with its truth beside it.

H.264 (libx264) and AAC through PyAV, one thread, no dates and no library names in the container: the same scene gives
the same bytes on the same machine. Colour is BT.601 in video range, which the stream states.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.scene import Scene

if TYPE_CHECKING:
    import av
    import cv2
    import numpy as np
else:
    av = lazy("av")
    cv2 = lazy("cv2")
    np = lazy("numpy")

__all__ = ["render", "render_all", "truth_of", "truth_path", "x264_options"]

_SOUND_PIECE = 1024
_BT601 = 6  # SMPTE 170M, as in ISO/IEC 23091-2
_AVX_512F = 13  # CV_CPU_AVX_512F of OpenCV


def x264_options(crf: float, preset: str = "veryfast") -> dict[str, str]:
    """Options of libx264 under which the same pictures give the same bytes.

    With AVX-512 its macroblock tree is not the same each time (about one encoding in ten came out otherwise, by a few
    levels in some blocks); its AVX2 code gives always what that of AVX-512 gives most often.
    """
    held = {"x264-params": "asm=avx2"} if cv2.checkHardwareSupport(_AVX_512F) else {}
    return {"crf": f"{crf:g}", "preset": preset, **held}


def truth_path(path: str | Path) -> Path:
    """Where the truth of the clip at ``path`` is: ``<stem>.truth.json`` in the same folder."""
    path = Path(path)
    return path.with_name(f"{path.stem}.truth.json")


def truth_of(scene: Scene) -> dict[str, Any]:
    """The scene's truth and what the file itself holds: size, frames, duration, rate and channels (0: no track)."""
    sound = scene.sound
    return {
        **scene.truth,
        "name": scene.name,
        "width": scene.width,
        "height": scene.height,
        "fps": scene.fps,
        "frames": scene.frames,
        "duration_s": scene.frames / scene.fps,
        "rate_hz": 0 if sound is None else scene.rate_hz,
        "channels": 0 if sound is None else sound.shape[0],
        "samples": 0 if sound is None else sound.shape[1],
    }


def render(scene: Scene, path: str | Path, *, crf: int = 18, preset: str = "veryfast", sound_kbps: int = 160) -> Path:
    """The path of the finished clip; its truth is in :func:`truth_path`.

    A folder as ``path`` gets ``<scene.name>.mp4``. Both files appear whole or not at all. Of the sound, what exceeds
    the picture by more than a sample is cut.

    Args:
        scene: What to draw and play.
        path: File or folder; the folder must exist.
        crf: x264's constant rate factor; 0 is lossless, 18 looks it, 51 is the worst.
        preset: x264's preset.
        sound_kbps: AAC rate for all channels together.

    Raises:
        FactoryError: a drawn picture has the wrong shape or type, the sound is not finite, or encoding failed.
    """
    path = Path(path)
    if path.is_dir():
        path = path / f"{scene.name}.mp4"
    text = json.dumps(truth_of(scene), indent=1, sort_keys=True, allow_nan=False) + "\n"
    work = path.with_name(f".{path.stem}.{os.getpid()}.part.mp4")
    work_truth = work.with_suffix(".json")
    try:
        _encode(scene, work, crf, preset, sound_kbps)
        work_truth.write_text(text, encoding="utf-8")
        os.replace(work_truth, truth_path(path))
        os.replace(work, path)
    except av.error.FFmpegError as error:
        raise FactoryError(f"scene {scene.name!r} could not be encoded to {path}: {error}") from error
    finally:
        for rest in (work, work_truth):
            with contextlib.suppress(FileNotFoundError):
                rest.unlink()
    return path


def render_all(scenes: Iterable[Scene], folder: str | Path, *, crf: int = 18) -> list[Path]:
    """The paths of the clips, in the scenes' order; the folder is made when it is missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return [render(scene, folder / f"{scene.name}.mp4", crf=crf) for scene in scenes]


def _encode(scene: Scene, path: Path, crf: int, preset: str, sound_kbps: int) -> None:
    rate = Fraction(scene.fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as out:
        video = out.add_stream("libx264", rate=rate, options=x264_options(crf, preset))
        video.width, video.height, video.pix_fmt = scene.width, scene.height, "yuv420p"
        context = video.codec_context
        context.thread_count = 1
        context.time_base = 1 / rate
        context.color_range, context.colorspace = 1, _BT601
        context.color_primaries, context.color_trc = _BT601, _BT601
        audio = None
        samples = np.zeros((1, 0), dtype=np.float32)
        if scene.sound is not None:
            channels = scene.sound.shape[0]
            if channels not in (1, 2):
                raise FactoryError(f"scene {scene.name!r} has {channels} channels; expected 1 or 2")
            if not np.isfinite(scene.sound).all():
                raise FactoryError(f"scene {scene.name!r} has sound that is not finite")
            samples = np.ascontiguousarray(
                scene.sound[:, : round(scene.frames / scene.fps * scene.rate_hz)], np.float32
            )
            layout = "stereo" if channels == 2 else "mono"
            audio = out.add_stream("aac", rate=scene.rate_hz, layout=layout)
            audio.codec_context.bit_rate = sound_kbps * 1000
            audio.codec_context.thread_count = 1
        for stream in out.streams:
            stream.codec_context.flags |= 1 << 23  # AV_CODEC_FLAG_BITEXACT

        done = 0
        for index in range(scene.frames):
            picture = scene.picture(index)
            if picture.shape != (scene.height, scene.width, 3) or picture.dtype != np.uint8:
                raise FactoryError(
                    f"scene {scene.name!r} frame {index} is {picture.dtype} {picture.shape}; "
                    f"expected uint8 {(scene.height, scene.width, 3)}"
                )
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format="yuv420p", src_colorspace=5, dst_colorspace=5)
            frame.pts, frame.time_base = index, 1 / rate
            out.mux(video.encode(frame))
            due = samples.shape[1] if index + 1 == scene.frames else int((index + 1) / scene.fps * scene.rate_hz)
            due = min(due, samples.shape[1])  # a track may be shorter than the picture
            while audio is not None and done < due:
                piece = samples[:, done : done + _SOUND_PIECE]
                block = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout=layout)
                block.sample_rate, block.pts, block.time_base = scene.rate_hz, done, Fraction(1, scene.rate_hz)
                out.mux(audio.encode(block))
                done += piece.shape[1]
        out.mux(video.encode(None))
        if audio is not None:
            out.mux(audio.encode(None))
