"""A pipeline of diffusers that returns pictures and sound makes the clips, in this process.

Made for pipelines of the kind of LTX-2 (arXiv:2601.03233), whose output has ``frames`` and ``audio``, and whose vocoder
states the rate of the sound. A pipeline that returns no sound gives a silent clip.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import threading
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import GeneratorError, InputError, MissingInstrument
from avgen_bench.generators.base import (
    GeneratorFacts,
    Request,
    Result,
    fill_value,
    refuse_settings,
    seed_of,
    with_patience,
)

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray
else:
    av, np = lazy("av"), lazy("numpy")

diffusers = lazy("diffusers")
torch = lazy("torch")

__all__ = ["Diffusers", "write_clip"]

INSTALL = "pip install '.[gpu]' diffusers"
_USUAL_FPS = 24.0
_PIECE = 1024
_RATES = ("output_sampling_rate", "sampling_rate", "sample_rate")


class Diffusers:
    """A pipeline on this machine, one clip at a time.

    Args:
        model: an id on the Hub or a folder. Weights are read from safetensors alone, and no code of theirs is run.
        settings: arguments of each call; the texts of :func:`fill_value` stand for the request's numbers.
            ``frame_rate`` is also the rate of the clip, by default the pipeline's own, else 24 a second.
        timeout_s: how long one clip may take.
    """

    def __init__(self, model: str, settings: Mapping[str, Any] | None = None, timeout_s: float = 3600.0) -> None:
        self.settings = dict(settings or {})
        self.timeout_s = timeout_s
        self._facts = GeneratorFacts("diffusers", model, self.settings, most_workers=1)
        self._pipeline: Any = None
        refuse_settings(self._facts, (), ("prompt", "generator", "output_type", "return_dict"))

    @property
    def facts(self) -> GeneratorFacts:
        """The model, and what every call is given."""
        return self._facts

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse what could not be run.

        Raises:
            MissingInstrument: diffusers or torch is not installed.
            InputError: a setting asks for what a prompt does not state, or gives no seed, or one for several takes.
        """
        for name in ("diffusers", "torch"):
            if importlib.util.find_spec(name) is None:
                raise MissingInstrument(f"{name} is not installed, and --diffusers needs it: {INSTALL}")
        refuse_settings(self.facts, requests, ())
        if "seed" in self.settings and self.settings["seed"] is None:
            raise InputError("--set seed=null: a pipeline needs one; leave it out, or give a whole number")

    def _load(self) -> Any:
        if self._pipeline is None:
            on_gpu = torch.cuda.is_available()
            kind = torch.bfloat16 if on_gpu else torch.float32
            try:
                made = diffusers.DiffusionPipeline.from_pretrained(
                    self.facts.model, torch_dtype=kind, use_safetensors=True
                )
                self._pipeline = made.to("cuda" if on_gpu else "cpu")
            except (OSError, ValueError, ImportError, RuntimeError) as error:
                raise GeneratorError(f"the pipeline {self.facts.model!r} cannot be loaded: {error}") from None
        return self._pipeline

    def make(self, request: Request, stop: threading.Event) -> Result:
        """Run the pipeline once, and write what it returns.

        Raises:
            GeneratorError: the pipeline cannot be loaded, or ran past the time limit: it cannot be stopped from here.
        """
        began_s = time.monotonic()
        pipeline = self._load()
        still = with_patience(lambda: self._run(pipeline, request), self.timeout_s, stop)
        seconds = time.monotonic() - began_s
        if not still.done:
            if stop.is_set():
                return Result("interrupted", "", seconds)
            raise GeneratorError(f"a clip took more than {self.timeout_s:g} s; give a longer --timeout")
        if still.error is not None:
            words = f"{type(still.error).__name__}: {still.error}"
            return Result("failed", words, seconds)
        return Result("written", "", seconds)

    def _run(self, pipeline: Any, request: Request) -> None:
        takes = inspect.signature(pipeline.__call__).parameters
        settings = {name: fill_value(value, request) for name, value in self.settings.items()}
        fps = settings.get("frame_rate")
        if fps is None:
            usual = takes["frame_rate"].default if "frame_rate" in takes else None
            fps = usual if isinstance(usual, int | float) else _USUAL_FPS
        if "num_frames" in takes and "num_frames" not in settings and request.duration_s is not None:
            # such models make a first picture and then steps of so many pictures
            step = int(getattr(pipeline, "vae_temporal_compression_ratio", 1))
            settings["num_frames"] = max(1, round(request.duration_s * fps / step)) * step + 1
        settings.pop("seed", None)
        seed = seed_of(self.facts, request)
        if seed is None:
            raise ValueError("a pipeline needs a seed")
        device = getattr(pipeline, "device", "cpu")
        generator = torch.Generator(device).manual_seed(seed)
        output = pipeline(prompt=request.text, generator=generator, output_type="np", **settings)
        sound, rate_hz = getattr(output, "audio", None), 0
        if sound is not None:
            sound, rate_hz = _array(sound[0]), _rate_hz(pipeline)
        part = request.out.with_name(f"{request.out.stem}.part.mp4")
        write_clip(part, _array(output.frames[0]), float(fps), sound, rate_hz)
        os.replace(part, request.out)

    def found(self, request: Request) -> Result | None:
        """A clip that was written whole before this program was stopped."""
        return Result("written") if request.out.exists() else None

    def close(self) -> None:
        """Let go of the pipeline."""
        self._pipeline = None


def _array(value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):
        value = value.detach().float().cpu().numpy()
    return np.asarray(value)


def _rate_hz(pipeline: Any) -> int:
    config = getattr(getattr(pipeline, "vocoder", None), "config", None)
    for name in _RATES:
        rate_hz = getattr(config, name, None)
        if rate_hz:
            return int(rate_hz)
    raise ValueError("the pipeline returns sound and does not say at what rate; expected vocoder.config")


def write_clip(
    path: Path, frames: NDArray[Any], fps: float, sound: NDArray[Any] | None = None, rate_hz: int = 0
) -> Path:
    """The path of the mp4 file just written: H.264, and AAC where there is sound.

    Args:
        path: where to write; a file there is replaced.
        frames: (T, H, W, 3), bytes or floats from 0 to 1; a channel in front of height and width is moved to the end.
        fps: pictures a second.
        sound: (samples,) or (channels, samples) of one or two channels, floats in [-1, 1]; as long as it is, whatever
            the pictures last.
        rate_hz: of the sound.

    Raises:
        ValueError: another shape, or values that are not finite.
    """
    if frames.ndim == 4 and frames.shape[-1] != 3 and frames.shape[1] == 3:
        frames = np.moveaxis(frames, 1, -1)
    if frames.ndim != 4 or frames.shape[-1] != 3 or not len(frames):
        raise ValueError(f"the pictures are {frames.shape}; expected (pictures, height, width, 3)")
    if frames.dtype != np.uint8:
        if not np.isfinite(frames).all():
            raise ValueError("the pictures hold numbers that are not finite")
        frames = (np.clip(frames, 0.0, 1.0) * 255.0).round().astype(np.uint8)
    blocks = None
    if sound is not None:
        blocks = np.atleast_2d(sound).astype(np.float32)
        if blocks.ndim == 2 and blocks.shape[0] > 2 >= blocks.shape[1]:
            blocks = blocks.T
        if blocks.ndim != 2 or blocks.shape[0] not in (1, 2) or not np.isfinite(blocks).all():
            raise ValueError(f"the sound is {sound.shape}; expected one or two channels of finite numbers")
        blocks = np.ascontiguousarray(np.clip(blocks, -1.0, 1.0))
    height, width = frames.shape[1:3]
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "medium"})
        video.width, video.height = width, height
        video.pix_fmt = "yuv420p" if width % 2 == height % 2 == 0 else "yuv444p"
        video.codec_context.time_base = 1 / rate
        audio = None
        if blocks is not None:
            layout = "stereo" if len(blocks) == 2 else "mono"
            audio = out.add_stream("aac", rate=rate_hz, layout=layout)
            audio.codec_context.bit_rate = 192_000
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, 1 / rate
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is not None and blocks is not None:
            for start in range(0, blocks.shape[1], _PIECE):
                piece = np.ascontiguousarray(blocks[:, start : start + _PIECE])
                block = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
                block.sample_rate, block.pts, block.time_base = rate_hz, start, Fraction(1, rate_hz)
                out.mux(audio.encode(block))
            out.mux(audio.encode(None))
    return path
