"""One pass, one timeline, exact reductions."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from scenes import small_clip

from avgen_bench import media, registry
from avgen_bench.errors import MediaLimit, UnreadableMedia
from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    BackboneFacts,
    FlowView,
    Frame,
    FrameScores,
    FrameView,
    MediaFacts,
    MediaLimits,
    View,
)


class Recorder:
    """Keeps everything it is given."""

    def __init__(self) -> None:
        self.frames: dict[View, list[Frame]] = collections.defaultdict(list)
        self.blocks: dict[View, list[AudioBlock]] = collections.defaultdict(list)

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        self.frames[view].append(Frame(frame.index, frame.t_s, frame.pixels.copy()))

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        self.blocks[view].append(block)

    def finish(self, facts: MediaFacts) -> FrameScores:
        return FrameScores((), {}, {})

    def sound(self, view: AudioView) -> np.ndarray:
        return np.concatenate([block.samples for block in self.blocks[view]], axis=1)


class Listener:
    """A backbone that records the given views."""

    def __init__(self, *views: View) -> None:
        self.facts = BackboneFacts("listener", "1", "FrameScores", views, "records")
        self.consumer = Recorder()

    def start(self) -> Recorder:
        return self.consumer


def observe(path: Path, *views: View, **options: Any) -> tuple[MediaFacts, Recorder]:
    listener = Listener(*views)
    facts, _ = media.read(path, {"listener": listener}, **options)  # type: ignore[dict-item]
    return facts, listener.consumer


class _CountingPacket:
    def __init__(self, packet: Any, counts: collections.Counter[str]) -> None:
        self._packet, self._counts = packet, counts

    def decode(self) -> Any:
        frames = self._packet.decode()
        self._counts["frames"] += len(frames)
        self._counts["packets"] += bool(self._packet.size)
        return frames

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packet, name)


class _CountingContainer:
    def __init__(self, container: Any, counts: collections.Counter[str]) -> None:
        self._container, self._counts = container, counts

    def __enter__(self) -> _CountingContainer:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def demux(self, streams: Any) -> Any:
        self._counts["demux"] += 1
        return (_CountingPacket(packet, self._counts) for packet in self._container.demux(streams))

    def seek(self, *_: Any, **__: Any) -> None:
        raise AssertionError("nothing may seek: with one key frame a seek is a decode of its own")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)


def test_all_backbones_share_one_demux_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_clip(tmp_path / "a.mp4", seconds=2.0)
    counts: collections.Counter[str] = collections.Counter()
    real_open = av.open

    def counting_open(*args: Any, **kwargs: Any) -> _CountingContainer:
        counts["open"] += 1
        return _CountingContainer(real_open(*args, **kwargs), counts)

    monkeypatch.setattr(av, "open", counting_open)
    monkeypatch.setattr(media.av, "open", counting_open)
    everything = {name: registry.load("backbones", name) for name in registry.names("backbones") if name != "voices"}
    facts, payloads = media.read(path, everything)
    assert set(payloads) == set(everything)
    assert facts.picture is not None and facts.sound is not None
    assert counts["open"] == counts["demux"] == 1
    assert counts["packets"] == facts.picture.packets + facts.sound.packets
    sound_frames = -(-facts.sound.units // 1024)
    assert facts.picture.units == 48
    assert counts["frames"] <= 48 + sound_frames + 1


def test_facts_are_counted(tmp_path: Path) -> None:
    facts, _ = observe(small_clip(tmp_path / "a.mp4", seconds=1.5), FrameView())
    assert facts.picture is not None and facts.sound is not None
    assert (facts.picture.size, facts.picture.units, facts.picture.damaged) == ((64, 48), 36, 0)
    assert facts.picture.fps == pytest.approx(24.0, abs=1e-6)
    assert (facts.sound.rate_hz, facts.sound.channels) == (16000, 1)
    assert facts.duration_s == pytest.approx(1.5, abs=0.07)


def test_sampling_follows_presentation_time(tmp_path: Path) -> None:
    _, seen = observe(small_clip(tmp_path / "a.mp4", seconds=2.0), FrameView(fps=4.0), FrameView(fps=100.0))
    times = [frame.t_s for frame in seen.frames[FrameView(fps=4.0)]]
    assert times == pytest.approx([0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75], abs=1e-6)
    assert len(seen.frames[FrameView(fps=100.0)]) == 48  # never more than there are


@pytest.mark.parametrize("shape", [(256, 384), (255, 383), (257, 300)])
def test_halving_is_the_exact_mean_of_2x2(shape: tuple[int, int]) -> None:
    luma = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    height, width = shape[0] // 2 * 2, shape[1] // 2 * 2
    blocks = luma[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    small = media.halve(luma, shape[0] // 2 + 1)
    assert small.shape == blocks.shape
    assert np.abs(small - blocks).max() <= 0.5


def test_views_of_one_size_share_their_grid(tmp_path: Path) -> None:
    luma, flow, rgb = FrameView(None, 32), FlowView(32), FrameView(2.0, 32, "rgb")
    _, seen = observe(small_clip(tmp_path / "a.mp4"), luma, flow, rgb)
    assert seen.frames[luma][0].pixels.shape == (24, 32)
    assert seen.frames[flow][0].pixels.shape == (24, 32, 2)
    assert seen.frames[flow][0].index == 1
    assert len(seen.frames[flow]) == len(seen.frames[luma]) - 1
    assert seen.frames[rgb][0].pixels.shape == (32, 43, 3)


def test_flow_points_from_the_frame_before_to_this_one() -> None:
    texture = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (64, 160)).astype(np.uint8), (0, 0), 2)
    recorder = Recorder()
    fanout = media.Fanout({"r": ((FlowView(64),), recorder)})
    for index in range(3):
        fanout.picture(index, index / 24, np.ascontiguousarray(texture[:, 60 - 3 * index : 156 - 3 * index]))
    flow = recorder.frames[FlowView(64)][1].pixels
    assert np.median(flow[..., 0]) == pytest.approx(3.0, abs=0.3)  # the texture moves right
    assert np.median(flow[..., 1]) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_resampled_sound_keeps_the_timeline(rate_hz: int) -> None:
    """A click at a known time is at that time in every view."""
    recorder = Recorder()
    views = (AudioView(), AudioView(16000, 1), AudioView(rate_hz, 2))
    fanout = media.Fanout({"r": (views, recorder)})
    sound = np.zeros((2, rate_hz * 2), np.float32)
    sound[:, int(1.25 * rate_hz)] = 0.9
    for start in range(0, sound.shape[1], 1024):
        fanout.sound(AudioBlock(0.1 + start / rate_hz, rate_hz, sound[:, start : start + 1024]))
    fanout.finish(MediaFacts("x", 2.0, None, None))
    for view in views:
        heard = recorder.sound(view)
        rate = recorder.blocks[view][0].rate_hz
        at_s = recorder.blocks[view][0].t_s + int(np.abs(heard[0]).argmax()) / rate
        assert at_s == pytest.approx(1.35, abs=1.5 / min(rate, rate_hz))
        assert heard.shape[1] / rate == pytest.approx(2.0, abs=0.005)


def test_a_hole_in_the_sound_is_not_closed() -> None:
    """Blocks after a gap start at their own time, also when resampled."""
    recorder = Recorder()
    fanout = media.Fanout({"r": ((AudioView(16000, 1),), recorder)})
    block = np.ones((1, 4800), np.float32) * 0.5
    fanout.sound(AudioBlock(0.0, 48000, block))
    fanout.sound(AudioBlock(1.0, 48000, block))
    fanout.finish(MediaFacts("x", 2.0, None, None))
    pieces = recorder.blocks[AudioView(16000, 1)]
    ends = [piece.t_s + piece.samples.shape[1] / 16000 for piece in pieces]
    assert max(end for end in ends if end < 0.9) == pytest.approx(0.1, abs=0.002)
    assert min(piece.t_s for piece in pieces if piece.t_s > 0.5) == 1.0


def test_rgb_shows_the_colours_that_were_drawn(tmp_path: Path) -> None:
    def picture(index: int) -> np.ndarray:
        canvas = np.zeros((48, 64, 3), np.uint8)
        canvas[:, :32] = (200, 40, 40)
        canvas[:, 32:] = (40, 40, 200)
        return canvas

    path = render(Scene("colours", 64, 48, 24.0, 0.5, picture, None), tmp_path / "c.mp4", crf=10)
    _, seen = observe(path, FrameView(None, None, "rgb"))
    pixels = seen.frames[FrameView(None, None, "rgb")][0].pixels.astype(int)
    assert np.abs(pixels[10:38, 4:28].mean(axis=(0, 1)) - (200, 40, 40)).max() < 8
    assert np.abs(pixels[10:38, 36:60].mean(axis=(0, 1)) - (40, 40, 200)).max() < 8


def test_the_deadline_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_clip(tmp_path / "a.mp4")
    now = iter(range(0, 100000, 10))
    monkeypatch.setattr(media.time, "monotonic", lambda: float(next(now)))
    with pytest.raises(MediaLimit, match="deadline"):
        observe(path, FrameView(), limits=MediaLimits(deadline_base_s=1.0, deadline_factor=1.0))


def test_digest_is_of_the_bytes(tmp_path: Path) -> None:
    a, b = small_clip(tmp_path / "a.mp4"), tmp_path / "other name.mp4"
    b.write_bytes(a.read_bytes())
    assert media.digest(a) == media.digest(b)
    with pytest.raises(UnreadableMedia, match="folder"):
        media.digest(tmp_path)


def test_limits_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match=r"MediaLimits\.max_bytes is -1"):
        MediaLimits(max_bytes=-1)
    with pytest.raises(ValueError, match="max_fps"):
        MediaLimits(max_fps=float("nan"))
