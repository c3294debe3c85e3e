"""Opens a clip and fills every requested view in one demux pass.

Conventions
    Times come from presentation time stamps only, never from a frame index over a rate; picture and sound share one
    timeline whose zero is the container's zero, so start offsets are kept. Luma is 8-bit in video range whatever the
    file holds; rotation is applied after reduction; the pixel aspect is recorded, not applied. A clip is never
    silently shorter than its container says: what is missing is an exception or a note in the facts.

Threats
    Clips are hostile. The path is opened as a plain file under a short list of container formats, so that a playlist
    or an ffconcat text cannot open another file; picture size is bounded when probing *and* when decoding, because
    probing already decodes a frame; count, duration, rate and wall time are bounded while reading, because headers lie.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from avgen_bench._lazy import lazy
from avgen_bench.errors import DamagedMedia, MediaError, MediaLimit, TruncatedMedia, UnreadableMedia
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    Backbone,
    Consumer,
    FlowView,
    Frame,
    FrameView,
    MediaFacts,
    MediaLimits,
    Payload,
    StreamFacts,
    View,
)

if TYPE_CHECKING:
    import av
    import cv2
    import numpy as np
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray
else:
    av, cv2, np = lazy("av"), lazy("cv2"), lazy("numpy")

__all__ = ["FORMATS", "Fanout", "digest", "extent", "ffmpeg_version", "halve", "read"]

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
"""Containers that are opened. None of these demuxers follows a reference to another file by default."""

_VIDEO_RANGE_LUMA = frozenset({"yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "nv12", "nv21", "nv16"})
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_LATEST_BLOCK_RATE_HZ = 48_000
_TIME_ERROR_S = 0.002  # Matroska rounds times to milliseconds
_JOIN_S = 0.002  # time stamps are rounded to milliseconds in Matroska; a real hole is at least a codec block
_STRETCH_S = 0.25
_MAX_TRACKS = 64
_LOUDEST = 4.0  # 12 dB over full scale: float sound may hold anything, and squares must not overflow


def halve(luma: NDArray[np.uint8], short_side_px: int) -> NDArray[np.uint8]:
    """The picture halved by exact 2x2 means until its short side fits ``short_side_px``.

    An odd last row or column is left out. Exact halving is alias free and costs a tenth of an area scaler.
    """
    while min(luma.shape) > short_side_px:
        height, width = luma.shape[0] // 2, luma.shape[1] // 2
        smaller: Any = cv2.resize(luma[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        luma = smaller
    return luma


class _Resampler:
    """Blocks at one rate and layout to another, keeping the time line."""

    def __init__(self, view: AudioView, rate_hz: int, channels: int) -> None:
        self.rate_hz = view.rate_hz or min(rate_hz, _LATEST_BLOCK_RATE_HZ)
        self.channels = view.channels or min(channels, 2)
        self._mix = self.channels == 1 and channels > 1
        self._split = self.channels == 2 and channels == 1
        self.same = self.rate_hz == rate_hz and self.channels == channels
        self._graph: Any = None
        self._start_s = 0.0
        self._expected_s = 0.0
        self._made = 0

    def push(self, block: AudioBlock) -> Iterable[AudioBlock]:
        if self.same:
            return (block,)
        # by mean and by copy: the resampler's own mixing would change the level of a common tone by 3 dB
        if self._mix:
            block = AudioBlock(block.t_s, block.rate_hz, block.samples.mean(axis=0, keepdims=True))
        elif self._split:
            block = AudioBlock(block.t_s, block.rate_hz, np.repeat(block.samples, 2, axis=0))
        if block.rate_hz == self.rate_hz and block.samples.shape[0] == self.channels:
            return (block,)
        out: list[AudioBlock] = []
        if self._graph is not None and abs(block.t_s - self._expected_s) > 0.002:
            out.extend(self.flush())  # a hole in the sound: what follows starts a new stretch
        if self._graph is None:
            self._graph = av.AudioResampler(
                format="fltp", layout="mono" if self.channels == 1 else "stereo", rate=self.rate_hz
            )
            self._start_s, self._made = block.t_s, 0
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(block.samples, dtype=np.float32), format="fltp", layout=_layout(block.samples.shape[0])
        )
        frame.sample_rate = block.rate_hz
        self._expected_s = block.t_s + block.samples.shape[1] / block.rate_hz
        out.extend(self._blocks(self._graph.resample(frame)))
        return out

    def flush(self) -> Iterable[AudioBlock]:
        if self.same or self._graph is None:
            return ()
        out = list(self._blocks(self._graph.resample(None)))
        self._graph = None
        return out

    def _blocks(self, frames: Iterable[av.AudioFrame]) -> Iterable[AudioBlock]:
        for frame in frames:
            samples: Any = frame.to_ndarray()
            yield AudioBlock(self._start_s + self._made / self.rate_hz, self.rate_hz, samples)
            self._made += samples.shape[1]


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}[channels]


class Fanout:
    """Feeds one picture or block to every consumer that registered a view it belongs to.

    Reductions, flow and resampling are done once per distinct view, however many consumers ask.

    Args:
        consumers: name to (views, consumer).
    """

    def __init__(self, consumers: Mapping[str, tuple[tuple[View, ...], Consumer]]) -> None:
        self._consumers = {name: consumer for name, (_, consumer) in consumers.items()}
        self._luma: dict[FrameView, list[Consumer]] = {}
        self._rgb: dict[FrameView, list[Consumer]] = {}
        self._flow: dict[FlowView, list[Consumer]] = {}
        self._audio: dict[AudioView, list[Consumer]] = {}
        for views, consumer in consumers.values():
            for view in views:
                if isinstance(view, FlowView):
                    self._flow.setdefault(view, []).append(consumer)
                elif isinstance(view, AudioView):
                    self._audio.setdefault(view, []).append(consumer)
                else:
                    (self._luma if view.color == "luma" else self._rgb).setdefault(view, []).append(consumer)
        self._first_s: float | None = None
        self._ticks: dict[FrameView, int] = {}
        self._engines: dict[FlowView, Any] = {}
        self._before: dict[FlowView, NDArray[np.uint8]] = {}
        self._resamplers: dict[AudioView, _Resampler] = {}
        self._pending: list[AudioBlock] = []
        self._pending_end_s = 0.0
        self._source: tuple[int, int] | None = None

    @property
    def wants_picture(self) -> bool:
        """Whether any consumer registered a frame or flow view."""
        return bool(self._luma or self._rgb or self._flow)

    @property
    def wants_sound(self) -> bool:
        """Whether any consumer registered an audio view."""
        return bool(self._audio)

    def _due(self, view: FrameView, t_s: float) -> bool:
        if view.fps is None or self._first_s is None:
            return True
        tick = math.floor((t_s - self._first_s + _TIME_ERROR_S) * view.fps)
        if tick <= self._ticks.get(view, -(10**9)):
            return False
        self._ticks[view] = tick
        return True

    def picture(
        self,
        index: int,
        t_s: float,
        luma: NDArray[np.uint8],
        rgb: Callable[[int | None], NDArray[np.uint8]] | None = None,
    ) -> None:
        """Deliver one picture.

        Args:
            index: 0-based count of pictures so far.
            t_s: presentation time.
            luma: native uint8 (H, W) in video range; may be a view into the decoder's memory.
            rgb: gives uint8 (H, W, 3) with the short side asked for (None: native); needed when an RGB view is due.
        """
        if self._first_s is None:
            self._first_s = t_s
        reduced: dict[int, NDArray[np.uint8]] = {}

        def at(short_side_px: int | None) -> NDArray[np.uint8]:
            if short_side_px is None:
                return luma
            if short_side_px not in reduced:
                larger = [px for px in reduced if px >= short_side_px]
                reduced[short_side_px] = halve(reduced[min(larger)] if larger else luma, short_side_px)
            return reduced[short_side_px]

        for view, takers in self._luma.items():
            if self._due(view, t_s):
                frame = Frame(index, t_s, at(view.short_side_px))
                for consumer in takers:
                    consumer.on_frame(view, frame)
        for view, takers in self._rgb.items():
            if self._due(view, t_s):
                if rgb is None:
                    raise ValueError("an RGB view is registered, but the pictures come as luma alone")
                frame = Frame(index, t_s, rgb(view.short_side_px))
                for consumer in takers:
                    consumer.on_frame(view, frame)
        for flow_view, takers in self._flow.items():
            now = np.ascontiguousarray(at(flow_view.short_side_px))  # the decoder pads its lines; DIS refuses that
            before = self._before.get(flow_view)
            if before is not None and before.shape == now.shape and min(now.shape) >= 16:
                if flow_view not in self._engines:
                    preset = cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST
                    self._engines[flow_view] = cv2.DISOpticalFlow.create(preset)
                flow = Frame(index, t_s, self._engines[flow_view].calc(before, now, None))
                for consumer in takers:
                    consumer.on_frame(flow_view, flow)
            # the decoder reuses its memory: keep a copy unless the reduction already made one
            self._before[flow_view] = np.array(now) if now is luma or now.base is not None else now

    def sound(self, block: AudioBlock) -> None:
        """Deliver one block at the clip's own rate and layout (at most 8 channels).

        Blocks that follow each other are joined into stretches of about a quarter of a second: a codec's blocks are so
        short that handing them around would cost more than measuring them.
        """
        source = (block.rate_hz, block.samples.shape[0])
        if self._source != source:
            self._flush_sound()
            self._source = source
            self._resamplers = {view: _Resampler(view, *source) for view in self._audio}
        if self._pending and abs(block.t_s - self._pending_end_s) > _JOIN_S:
            self._deliver_sound()
        self._pending.append(block)
        self._pending_end_s = block.t_s + block.samples.shape[1] / block.rate_hz
        if self._pending_end_s - self._pending[0].t_s >= _STRETCH_S:
            self._deliver_sound()

    def _deliver_sound(self) -> None:
        if not self._pending:
            return
        first = self._pending[0]
        samples = np.concatenate([block.samples for block in self._pending], axis=1)
        self._pending.clear()
        for view, takers in self._audio.items():
            for piece in self._resamplers[view].push(AudioBlock(first.t_s, first.rate_hz, samples)):
                for consumer in takers:
                    consumer.on_audio(view, piece)

    def _flush_sound(self) -> None:
        self._deliver_sound()
        for view, resampler in self._resamplers.items():
            for piece in resampler.flush():
                for consumer in self._audio[view]:
                    consumer.on_audio(view, piece)

    def finish(self, facts: MediaFacts) -> dict[str, Payload]:
        """Each consumer's observation, by name."""
        self._flush_sound()
        return {name: consumer.finish(facts) for name, consumer in self._consumers.items()}


class _Track:
    """Counts what one track holds while it goes by."""

    def __init__(self) -> None:
        self.first_s: float | None = None
        self.last_s = 0.0
        self.end_s = 0.0
        self.units = 0
        self.packets = 0
        self.damaged = 0
        self.longest_hole_s = 0.0
        self.hole_at_s = 0.0
        self.intervals: list[float] = []

    def hole(self, from_s: float, to_s: float) -> None:
        if to_s - from_s > self.longest_hole_s:
            self.longest_hole_s, self.hole_at_s = to_s - from_s, from_s

    @property
    def usual_interval_s(self) -> float:
        return sorted(self.intervals)[len(self.intervals) // 2] if self.intervals else 0.0


class _Stream(Protocol):
    time_base: Any
    start_time: int | None
    duration: int | None


def _promised_end_s(stream: _Stream) -> float | None:
    if stream.duration is None or stream.time_base is None:
        return None
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base)


def _check_file(path: str | os.PathLike[str], limits: MediaLimits) -> str:
    full = os.fspath(path)
    name = os.path.basename(full)  # messages end in reports: no folder of this machine belongs there
    try:
        facts = os.stat(full)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "a name that no file can have"
        raise UnreadableMedia(f"cannot open {name!r}: {why}; expected a media file") from None
    if not stat.S_ISREG(facts.st_mode):
        kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "not a regular file"
        raise UnreadableMedia(f"{name!r} is {kind}; expected a media file")
    if facts.st_size == 0:
        raise UnreadableMedia(f"{name!r} has 0 bytes; the generator or the download left nothing")
    if facts.st_size > limits.max_bytes:
        raise MediaLimit(f"{name!r} has {facts.st_size} bytes; the limit max_bytes is {limits.max_bytes}")
    return "file:" + os.path.abspath(full)


def ffmpeg_version() -> str:
    """The version of FFmpeg that PyAV decodes with, and of the parts of it that clips go through."""
    parts = ("libavcodec", "libavformat", "libswresample", "libswscale")
    found = {name: ".".join(map(str, av.library_versions.get(name, ()))) for name in parts}
    release = getattr(av, "ffmpeg_version_info", "")
    return " ".join(filter(None, [str(release), *(f"{name}-{version}" for name, version in found.items())]))


def digest(path: str | os.PathLike[str], limits: MediaLimits | None = None) -> str:
    """The identity of a clip: 64 hex digits of sha256 over the bytes of a regular file.

    Raises:
        UnreadableMedia: missing, not a regular file, or empty.
        MediaLimit: larger than ``max_bytes``.
    """
    name = _check_file(path, limits or MediaLimits()).removeprefix("file:")
    try:
        with open(name, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableMedia(f"cannot read {os.path.basename(name)!r}: {error.strerror}") from None


def _open(url: str, limits: MediaLimits) -> Any:
    bound = {"max_pixels": str(limits.max_pixels)}
    try:
        return av.open(
            url,
            options={"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_streams": str(_MAX_TRACKS)},
            stream_options=[dict(bound) for _ in range(_MAX_TRACKS)],  # type: ignore[misc]  # the stub says str
            metadata_errors="ignore",
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise UnreadableMedia(
            f"unreadable media {os.path.basename(url)!r}: {_words(error)}; expected one of the containers {FORMATS}"
        ) from None


def extent(path: str | os.PathLike[str]) -> tuple[int, int]:
    """How many frames of how many pixels the header speaks of; (0, 0) when it cannot be read. For estimates only."""
    limits = MediaLimits()
    try:
        with _open(_check_file(path, limits), limits) as container:
            if not container.streams.video:
                return 0, 0
            picture = container.streams.video[0]
            frames = picture.frames or (container.duration or 0) / 1e6 * float(picture.average_rate or 25)
            return int(frames), picture.codec_context.width * picture.codec_context.height
    except MediaError:
        return 0, 0


def _check_header(container: Any, picture: Any, sound: Any, limits: MediaLimits) -> float:
    """The container's duration in seconds (0 if unknown), after checking what the header asks for."""
    duration_s = float(container.duration / 1e6) if container.duration else 0.0
    for stream in (picture, sound):
        promised = None if stream is None else _promised_end_s(stream)
        duration_s = max(duration_s, promised or 0.0)
    if duration_s > limits.max_duration_s:
        raise MediaLimit(f"the clip lasts {duration_s:.1f} s; the limit max_duration_s is {limits.max_duration_s:g}")
    if picture is not None:
        width, height = picture.codec_context.width, picture.codec_context.height
        if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
            raise MediaLimit(
                f"the picture is {width}x{height}; the limits are max_pixels {limits.max_pixels} "
                f"and max_side_px {limits.max_side_px}"
            )
        rate = picture.average_rate
        if rate is not None and float(rate) > limits.max_fps:
            raise MediaLimit(f"the picture runs at {float(rate):.1f} frames/s; the limit max_fps is {limits.max_fps:g}")
        if picture.frames > limits.max_frames:
            raise MediaLimit(f"the clip has {picture.frames} frames; the limit max_frames is {limits.max_frames}")
    if sound is not None:
        rate_hz, channels = sound.codec_context.sample_rate, sound.codec_context.channels
        if rate_hz > limits.max_rate_hz or channels > limits.max_channels:
            raise MediaLimit(
                f"the sound has {rate_hz} Hz and {channels} channels; the limits are max_rate_hz {limits.max_rate_hz} "
                f"and max_channels {limits.max_channels}"
            )
    return duration_s


def _luma(frame: av.VideoFrame, scaler: VideoReformatter) -> NDArray[np.uint8]:
    """Native luma in video range; zero copy where the decoder holds it so."""
    if frame.format.name not in _VIDEO_RANGE_LUMA or frame.color_range == _FULL_RANGE:
        frame = scaler.reformat(frame, format="yuv420p", dst_color_range="MPEG", threads=1)
    plane = frame.planes[0]
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]  # lines are padded


def _turn(pixels: NDArray[np.uint8], rotation_deg: int) -> NDArray[np.uint8]:
    turns = round(rotation_deg / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _rgb(
    frame: av.VideoFrame, scaler: VideoReformatter, short_side_px: int | None, rotation_deg: int
) -> NDArray[np.uint8]:
    scale = 1.0 if short_side_px is None else min(1.0, short_side_px / min(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    small = scaler.reformat(frame, width=width, height=height, format="rgb24", interpolation="AREA", threads=1)
    pixels: Any = small.to_ndarray()
    return _turn(pixels, rotation_deg)


def _block(frame: av.AudioFrame, t_s: float, convert: list[Any]) -> list[AudioBlock]:
    """Float blocks of one decoded frame, with at most two channels and 48 kHz."""
    rate_hz, channels = frame.sample_rate, frame.layout.nb_channels
    if channels <= 2 and rate_hz <= _LATEST_BLOCK_RATE_HZ:
        if frame.format.name == "fltp":
            native: Any = frame.to_ndarray()
            return [AudioBlock(t_s, rate_hz, native)]
        target = (frame.layout.name, rate_hz)
    else:
        target = ("mono" if channels == 1 else "stereo", min(rate_hz, _LATEST_BLOCK_RATE_HZ))
    if not convert:
        convert.append(av.AudioResampler(format="fltp", layout=target[0], rate=target[1]))
    out = []
    for piece in convert[0].resample(frame):
        samples: Any = piece.to_ndarray()
        out.append(AudioBlock(t_s, target[1], samples))
        t_s += samples.shape[1] / target[1]
    return out


def read(
    path: str | os.PathLike[str],
    backbones: Mapping[str, Backbone],
    limits: MediaLimits | None = None,
    threads: int = 1,
    on_open: Callable[[float], None] | None = None,
) -> tuple[MediaFacts, dict[str, Payload]]:
    """What the clip is, and each backbone's observation of it, from one demux pass.

    Args:
        path: a local file. It is never interpreted as an address or a playlist.
        backbones: name to backbone; each gets a fresh consumer.
        limits: what the clip may ask of the machine.
        threads: decoder threads; 1 for many clips side by side, 0 lets the decoder choose.
        on_open: told the deadline in seconds as soon as the length is known, for a watchdog outside.

    Raises:
        UnreadableMedia: missing, not a regular file, or in none of :data:`FORMATS`, or without any track.
        TruncatedMedia: a track ends before the container says.
        DamagedMedia: too many packets do not decode, or the picture changes size on the way.
        MediaLimit: larger than ``limits`` in any respect, the deadline included.
    """
    limits = limits or MediaLimits()
    fanout = Fanout({name: (backbone.facts.views, backbone.start()) for name, backbone in backbones.items()})
    facts = _demux(path, fanout, limits, threads, on_open)
    return facts, fanout.finish(facts)


def _demux(
    path: str | os.PathLike[str],
    fanout: Fanout,
    limits: MediaLimits,
    threads: int,
    on_open: Callable[[float], None] | None,
) -> MediaFacts:
    began = time.monotonic()
    url = _check_file(path, limits)
    container = _open(url, limits)
    with container:
        pictures = [s for s in container.streams.video if not s.disposition & 0x400]  # 0x400: a cover picture
        picture = pictures[0] if pictures else None
        sound = container.streams.audio[0] if container.streams.audio else None
        if picture is None and sound is None:
            raise UnreadableMedia(f"{os.path.basename(url)!r} holds neither picture nor sound")
        if sound is not None:
            # PyAV 18.1 copies a channel layout by value and frees it twice if it has a map of its own (any PCM in mov
            # can): read it once, put a plain one in its place at once, and never read it before that
            channels = sound.codec_context.channels
            sound.codec_context.layout = _layout(channels) if channels <= 8 else f"{channels}c"
        duration_s = _check_header(container, picture, sound, limits)
        deadline_s = limits.deadline_base_s + limits.deadline_factor * max(duration_s, 1.0)
        if on_open is not None:
            on_open(deadline_s)
        tracks = {stream.index: _Track() for stream in (picture, sound) if stream is not None}
        if picture is not None:
            # probing was bounded at opening; the decoder has a bound of its own
            picture.codec_context.options = {"max_pixels": str(limits.max_pixels)}
            picture.thread_type = "AUTO"
            picture.codec_context.thread_count = threads
        size: tuple[int, int] | None = None
        rotation_deg = 0
        sound_as: tuple[int, int] | None = None
        convert: list[Any] = []
        # a scaler of each frame's own would set up its tables anew: for a small picture that is nearly all its time
        scalers = (av.video.reformatter.VideoReformatter(), av.video.reformatter.VideoReformatter())
        packets = container.demux([stream for stream in (picture, sound) if stream is not None])
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (av.error.FFmpegError, OSError):
                for track in tracks.values():
                    track.damaged += 1
                break
            if time.monotonic() - began > deadline_s:
                raise MediaLimit(f"reading took more than the deadline of {deadline_s:.0f} s")
            track = tracks[packet.stream.index]  # packet.stream_index is 0 for every packet that flushes a decoder
            if packet.size:
                track.packets += 1
                track.damaged += bool(packet.is_corrupt)
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, OSError):
                track.damaged += 1
                continue
            for frame in frames:
                if not isinstance(frame, av.VideoFrame | av.AudioFrame):
                    continue
                if frame.pts is None or frame.time_base is None:
                    track.damaged += 1
                    continue
                t_s = float(frame.pts * frame.time_base)
                if isinstance(frame, av.VideoFrame):
                    shape = (frame.width, frame.height)
                    if size is None:
                        size, rotation_deg = shape, int(frame.rotation)
                    elif size != shape:
                        raise DamagedMedia(
                            f"the picture changes from {size[0]}x{size[1]} to {shape[0]}x{shape[1]} at {t_s:.2f} s; "
                            "expected one size throughout"
                        )
                    if _count_picture(track, frame, t_s, limits) and fanout.wants_picture:
                        fanout.picture(
                            track.units - 1,
                            t_s,
                            _turn(_luma(frame, scalers[0]), rotation_deg),
                            lambda px, frame=frame, turn=rotation_deg: _rgb(frame, scalers[1], px, turn),  # type: ignore[misc]
                        )
                else:
                    _count_sound(track, frame, t_s, limits)
                    layout = (frame.sample_rate, frame.layout.nb_channels)
                    if sound_as is None:
                        sound_as = layout
                    elif sound_as != layout:
                        raise DamagedMedia(
                            f"the sound changes from {sound_as[0]} Hz, {sound_as[1]} channels to {layout[0]} Hz, "
                            f"{layout[1]} channels at {t_s:.2f} s; expected one kind throughout"
                        )
                    if fanout.wants_sound:
                        for block in _block(frame, t_s, convert):
                            if not np.abs(block.samples).max(initial=0.0) <= _LOUDEST:  # NaN, too, is not less
                                track.damaged += 1
                                sane = np.clip(np.nan_to_num(block.samples, nan=0.0), -_LOUDEST, _LOUDEST)
                                block = AudioBlock(block.t_s, block.rate_hz, sane)
                            fanout.sound(block)
        return _facts(container, picture, sound, tracks, size, rotation_deg, duration_s, limits)


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:200]


def _count_picture(track: _Track, frame: av.VideoFrame, t_s: float, limits: MediaLimits) -> bool:
    """Whether the picture is shown at all."""
    track.damaged += bool(frame.is_corrupt)
    if track.first_s is None:
        track.first_s = t_s
    elif t_s <= track.last_s:
        track.damaged += 1  # time stands still or runs back: the frame is not shown
        return False
    else:
        track.intervals.append(t_s - track.last_s)
        track.hole(track.last_s, t_s)
    track.last_s = t_s
    length_s = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
    track.end_s = t_s + length_s
    track.units += 1
    if track.units > limits.max_frames:
        raise MediaLimit(f"more than {limits.max_frames} frames; that is the limit max_frames")
    if t_s > limits.max_duration_s + (track.first_s or 0.0):
        raise MediaLimit(f"a frame is shown at {t_s:.1f} s; the limit max_duration_s is {limits.max_duration_s:g}")
    return True


def _count_sound(track: _Track, frame: av.AudioFrame, t_s: float, limits: MediaLimits) -> None:
    track.damaged += bool(frame.is_corrupt)
    if track.first_s is None:
        track.first_s = t_s
    else:
        track.hole(track.end_s, t_s)
    track.last_s = t_s
    track.end_s = t_s + frame.samples / frame.sample_rate
    track.units += frame.samples
    if track.end_s > limits.max_duration_s + (track.first_s or 0.0) + 1.0:
        raise MediaLimit(f"sound goes on past {t_s:.1f} s; the limit max_duration_s is {limits.max_duration_s:g}")


def _facts(
    container: Any,
    picture: Any,
    sound: Any,
    tracks: Mapping[int, _Track],
    size: tuple[int, int] | None,
    rotation_deg: int,
    duration_s: float,
    limits: MediaLimits,
) -> MediaFacts:
    """The facts of a finished pass. Must run before the container closes: stream properties are garbage afterwards."""
    notes: list[str] = []
    found: dict[str, StreamFacts] = {}
    for name, stream in (("picture", picture), ("sound", sound)):
        if stream is None:
            continue
        track = tracks[stream.index]
        if track.packets == 0:
            if stream.frames:  # by the index; a duration is no promise, an empty track is lent the container's
                raise TruncatedMedia(
                    f"truncated: no {name} at all, the container promises {stream.frames} packets of it"
                )
            notes.append(f"the {name} track is announced and holds nothing: the clip counts as having none")
            continue
        if name == "picture":
            # B-frame packets carry no duration of their own in some files: the usual interval stands for the last one
            track.end_s = max(track.end_s, track.last_s + track.usual_interval_s)
        _judge_damage(name, track, limits, notes)
        _judge_length(name, stream, track, duration_s, len(tracks), limits)
        aspect = 1.0
        turned = size
        if name == "picture":
            sample = stream.sample_aspect_ratio
            aspect = float(sample) if sample else 1.0
            if abs(aspect - 1.0) > 1e-3:
                notes.append(f"pixel aspect {aspect:.3f} is recorded, not applied")
            if size is not None and round(rotation_deg / 90) % 2:
                turned = (size[1], size[0])
        context = stream.codec_context
        found[name] = StreamFacts(
            codec=context.name,
            start_s=track.first_s or 0.0,
            end_s=track.end_s,
            units=track.units,
            packets=track.packets,
            damaged=track.damaged,
            longest_hole_s=round(max(0.0, track.longest_hole_s), 6),
            hole_at_s=round(track.hole_at_s, 6),
            size=turned if name == "picture" else None,
            fps=(1.0 / track.usual_interval_s if track.usual_interval_s else None) if name == "picture" else None,
            rotation_deg=rotation_deg if name == "picture" else 0,
            pixel_aspect=aspect,
            rate_hz=context.sample_rate if name == "sound" else None,
            channels=context.channels if name == "sound" else None,
        )
    if not found:
        raise UnreadableMedia("the file holds neither picture nor sound; expected a clip")
    end_s = max((facts.end_s for facts in found.values()), default=0.0)
    if end_s < duration_s - 2 * limits.end_slack_s:
        raise TruncatedMedia(f"truncated: the clip ends at {end_s:.2f} s, the container promises {duration_s:.2f} s")
    return MediaFacts(container.format.name, end_s, found.get("picture"), found.get("sound"), tuple(notes))


def _judge_damage(name: str, track: _Track, limits: MediaLimits, notes: list[str]) -> None:
    share = track.damaged / max(1, track.packets)
    if track.units == 0:
        raise DamagedMedia(f"the {name} track has {track.packets} packets and not one of them decodes")
    if share > limits.max_damaged_share:
        raise DamagedMedia(
            f"{track.damaged} of {track.packets} {name} packets are damaged ({share:.0%}); "
            f"the limit max_damaged_share is {limits.max_damaged_share:.0%}"
        )
    if track.damaged and share > limits.note_damaged_share:
        notes.append(f"degraded: {track.damaged} of {track.packets} {name} packets are damaged")
    usual = track.usual_interval_s if name == "picture" else 0.0
    if track.longest_hole_s > max(limits.max_hole_s, 4 * usual):
        notes.append(f"degraded: no {name} for {track.longest_hole_s:.2f} s from {track.hole_at_s:.2f} s")


def _judge_length(
    name: str, stream: _Stream, track: _Track, duration_s: float, tracks: int, limits: MediaLimits
) -> None:
    promised = _promised_end_s(stream)
    if promised is None:
        # Matroska states no length per track: only a single track can be held to the container's
        promised = duration_s if tracks == 1 else None
    slack = max(limits.end_slack_s, 1.5 * track.usual_interval_s)
    if promised is not None and track.end_s < promised - slack:
        raise TruncatedMedia(
            f"truncated: the {name} ends at {track.end_s:.2f} s, the container promises {promised:.2f} s "
            f"({track.units} {'frames' if name == 'picture' else 'samples'} decoded, {track.damaged} packets damaged)"
        )
