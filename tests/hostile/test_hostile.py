"""Files that no generator should hand in, and files that are merely unusual.

Each row of ``ROWS`` is read in a process of its own, with every kind of view asked for, and must end in the stated
exception or in facts, in time and in memory. The tests below it compare what was decoded with Debian's ffmpeg.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from avgen_bench import media
from avgen_bench.errors import UnreadableMedia
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    BackboneFacts,
    FlowView,
    Frame,
    FrameScores,
    FrameView,
    MediaFacts,
    View,
)

sys.path.insert(0, str(Path(__file__).parent))
import media_files as files

REPOSITORY = Path(__file__).resolve().parents[2]

READER = """
import json, sys, time
from test_hostile import Recorder
from avgen_bench import media
import av, cv2, numpy
def peak_mib():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):  # of this program alone, unlike ru_maxrss, which a parent hands down
            return int(line.split()[1]) / 1024
before, began, out = peak_mib(), time.monotonic(), {}
try:
    facts, _ = media.read(sys.argv[1], {"recorder": Recorder(keep=False)})
    out["facts"] = facts.to_json()
except BaseException as error:
    out["error"] = [kind.__name__ for kind in type(error).__mro__]
    out["text"] = str(error)
out["wall_s"], out["mib"], out["more_mib"] = time.monotonic() - began, peak_mib(), peak_mib() - before
print(json.dumps(out))
"""


class Recorder:
    """A backbone, and its own consumer, that keeps all that it is given."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        "recorder",
        "1",
        "FrameScores",
        (
            FrameView(),
            FrameView(fps=4, short_side_px=64, color="rgb"),
            FlowView(64),
            AudioView(),
            AudioView(16000, 1),
            AudioView(48000, 2),
        ),
        "keeps what goes by",
    )

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.luma: list[np.ndarray] = []
        self.rgb: list[np.ndarray] = []
        self.times_s: list[float] = []
        self.blocks: dict[AudioView, list[AudioBlock]] = {}

    def start(self) -> Recorder:
        return self

    def on_frame(self, view: View, frame: Frame) -> None:
        if self.keep and view == FrameView():
            self.luma.append(np.array(frame.pixels))
            self.times_s.append(frame.t_s)
        elif self.keep and isinstance(view, FrameView):
            self.rgb.append(np.array(frame.pixels))

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        if self.keep:
            copy = AudioBlock(block.t_s, block.rate_hz, np.array(block.samples))
            self.blocks.setdefault(view, []).append(copy)

    def finish(self, facts: MediaFacts) -> FrameScores:
        return FrameScores((), {})

    def heard(self, view: AudioView) -> tuple[np.ndarray, float]:
        """All samples of a view in a row, and the time of the first."""
        blocks = self.blocks[view]
        return np.concatenate([block.samples for block in blocks], axis=1), blocks[0].t_s


def record(path: Path) -> tuple[MediaFacts, Recorder]:
    recorder = Recorder()
    facts, _ = media.read(path, {"recorder": recorder})
    return facts, recorder


def read_apart(path: str | Path, cwd: Path, limit_s: float = 60.0) -> dict[str, Any]:
    """What another process says of the file: facts or error, wall time, peak memory."""
    search = os.pathsep.join([str(REPOSITORY), str(Path(__file__).parent)])
    env = {**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", READER, os.fspath(path)]
    done = subprocess.run(command, cwd=cwd, env=env, timeout=limit_s, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


# --------------------------------------------------------------------------- one row for each file


@dataclass(frozen=True)
class Row:
    """A file, and how reading it must end.

    ``error`` is the class's name ("A|B" for either), empty where the file is fine; ``says`` must be found in the
    error's text, or in the notes where the file is fine ("" : there must be no note, None: whatever). ``facts`` are
    dotted paths in the facts with the value expected, a pair for a closed range.
    """

    name: str
    build: Callable[[Path], Path]
    error: str = ""
    says: str | None = ""
    facts: dict[str, Any] = field(default_factory=dict)
    within_s: float = 10.0
    within_mib: float = 250.0
    debian: bool = False
    slow: bool = False


WHOLE = {"picture.units": 72, "picture.size": [320, 180], "picture.damaged": 0, "sound.damaged": 0}
ROWS = [
    # not media
    Row("zero_bytes", files.zero_bytes, "UnreadableMedia", "0 bytes", within_s=1),
    Row("head_64", files.head_64, "UnreadableMedia", "expected", within_s=1),
    Row("head_2048", files.head_2048, "UnreadableMedia|TruncatedMedia", "expected|promises", within_s=1),
    Row("text", files.text, "UnreadableMedia", "expected", within_s=1),
    Row("random_bytes", files.random_bytes, "UnreadableMedia", "expected", within_s=1),
    Row("png_picture", files.png_picture, "UnreadableMedia", "expected", within_s=1),
    Row("moov_damaged", files.moov_damaged, "UnreadableMedia", None, within_s=1),
    Row("moov_lost", files.moov_lost, "UnreadableMedia", "expected", within_s=1),
    Row("no_tracks", files.no_tracks, "UnreadableMedia", None, within_s=1),
    Row("missing", files.absent, "UnreadableMedia", "No such file", within_s=1),
    Row("directory", files.directory, "UnreadableMedia", "folder", within_s=1),
    Row("fifo", files.fifo, "UnreadableMedia", "not a regular file", within_s=1),
    Row("device", files.device, "UnreadableMedia", "not a regular file", within_s=1),
    Row("link_to_device", files.link_to_device, "UnreadableMedia", "not a regular file", within_s=1),
    Row("dangling_link", files.dangling_link, "UnreadableMedia", "No such file", within_s=1),
    # cut and damaged
    Row("whole", files.clip, facts=WHOLE),
    Row("truncated", files.truncated, "TruncatedMedia", r"ends at .* promises"),
    Row("truncated_late", files.truncated_late, "TruncatedMedia", r"ends at .* promises"),
    Row("truncated_matroska", files.truncated_matroska, "TruncatedMedia", r"ends at .* promises"),
    Row("sound_ends_early", files.sound_ends_early, facts={"picture.units": 72, "sound.end_s": (1.9, 2.1)}, says=None),
    Row("tail_zeroed", files.tail_zeroed, "DamagedMedia|TruncatedMedia", r"\d"),
    Row("scattered_bytes", files.scattered_bytes, "DamagedMedia|TruncatedMedia", r"\d+ of \d+"),
    Row("picture_damaged_little", files.picture_damaged_little, says=None, facts={"picture.damaged": (1, 1)}),
    Row(
        "picture_damaged_some",
        files.picture_damaged_some,
        says="degraded.*picture",
        facts={"picture.damaged": (10, 14)},
    ),
    Row("picture_damaged_much", files.picture_damaged_much, "DamagedMedia", r"\d+ of 144 picture"),
    Row("sound_damaged_little", files.sound_damaged_little, says=None, facts={"sound.damaged": (1, 2)}),
    Row("sound_damaged_some", files.sound_damaged_some, says="degraded.*sound", facts={"sound.damaged": (15, 28)}),
    Row("sound_damaged_much", files.sound_damaged_much, "DamagedMedia", r"\d+ of \d+ sound"),
    Row("sound_hole_damaged", files.sound_hole_damaged, says="no sound for 0.5", facts={"sound.damaged": (20, 28)}),
    Row("sound_hole", files.sound_hole, says="no sound for 0.[78]", facts={"sound.longest_hole_s": (0.75, 0.85)}),
    Row("picture_hole", files.picture_hole, says="no picture for 0.[78]", debian=True),
    # tracks and times
    Row("no_sound", files.no_sound, facts={"sound": None, "picture.units": 72}),
    Row("no_picture", files.no_picture, facts={"picture": None, "sound.channels": 2}, debian=True),
    Row("cover_picture", files.cover_picture, facts={"picture": None, "sound.channels": 2}, debian=True),
    Row("one_frame", files.one_frame, facts={"picture.units": 1, "sound": None}, debian=True),
    Row("sound_first", files.sound_first, facts=WHOLE, debian=True),
    Row("subtitles_first", files.subtitles_first, facts=WHOLE, debian=True),
    Row("empty_sound", files.empty_sound, facts={"sound": None, "picture.units": 72}, says="holds nothing"),
    Row(
        "edit_list",
        files.edit_list,
        facts={"picture.units": (39, 40), "duration_s": (1.6, 1.7)},
        debian=True,
        says=None,
    ),
    Row(
        "sound_delayed", files.sound_delayed, facts={"picture.start_s": 0.0, "sound.start_s": (0.17, 0.21)}, debian=True
    ),
    Row("picture_delayed", files.picture_delayed, facts={"picture.start_s": (0.29, 0.31)}, debian=True),
    Row("wide_pixels", files.wide_pixels, says="pixel aspect", facts={"picture.pixel_aspect": 2.0}, debian=True),
    Row("odd_metadata", files.odd_metadata, facts=WHOLE, debian=True),
    Row("odd_name", files.odd_name, facts=WHOLE),
    Row("undecodable_name", files.undecodable_name, facts=WHOLE),
    Row("size_changes_h264", files.size_changes_h264, "DamagedMedia|MediaLimit", "320x180 to 640x360", debian=True),
    Row("size_changes_vp8", files.size_changes_vp8, "DamagedMedia|MediaLimit", "320x180 to 640x360", debian=True),
    Row("float_poison", files.float_poison, says=None, facts={"sound.units": (46000, 50000)}, debian=True),
    # beyond the limits
    Row("pixel_bomb", files.pixel_bomb, "MediaLimit", "16384x8640", within_s=1, within_mib=150, debian=True, slow=True),
    Row("cover_bomb", files.cover_bomb, says=None, facts=WHOLE, within_s=2, within_mib=150, debian=True),
    Row("many_tracks", files.many_tracks, facts=WHOLE, within_mib=150, debian=True),
    Row(
        "many_tracks_bomb",
        files.many_tracks_bomb,
        "MediaLimit",
        "16384x8640",
        within_s=1,
        within_mib=150,
        debian=True,
        slow=True,
    ),
    Row("ten_hours", files.ten_hours, "MediaLimit", "36000", within_s=2, within_mib=150),
    Row("many_frames", files.many_frames, "MediaLimit", r"1000|100000", within_s=2, within_mib=150),
    Row("ten_hours_unannounced", files.ten_hours_unannounced, "MediaLimit", "max_duration_s", within_mib=150),
    Row(
        "many_frames_unannounced",
        files.many_frames_unannounced,
        "MediaLimit",
        "max_frames",
        within_s=20,
        within_mib=150,
    ),
    # other files' names inside
    Row("ffconcat", files.ffconcat, "UnreadableMedia", "expected", within_s=1),
    Row("playlist", files.playlist, "UnreadableMedia", "expected", within_s=1),
    Row("dash", files.dash, "UnreadableMedia", "expected", within_s=1),
]


def _marks(row: Row) -> list[pytest.MarkDecorator]:
    return [getattr(pytest.mark, name) for name in ("debian", "slow") if getattr(row, name)]


def _at(facts: dict[str, Any], path: str) -> Any:
    value: Any = facts
    for part in path.split("."):
        value = value[part]
    return value


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name, marks=_marks(row)) for row in ROWS])
def test_row(row: Row, tmp_path: Path) -> None:
    path = row.build(tmp_path)
    said = read_apart(path, tmp_path)
    if row.error:
        assert "error" in said, f"read without complaint: {said['facts']}"
        assert said["error"][0] in row.error.split("|"), said
        assert "MediaError" in said["error"]
        assert row.says is None or re.search(row.says, said["text"]), said["text"]
        assert ".cpp" not in said["text"] and "Errno" not in said["text"]
    else:
        assert "error" not in said, said
        notes = said["facts"]["notes"]
        for place, expected in row.facts.items():
            got = _at(said["facts"], place)
            if isinstance(expected, tuple):
                assert expected[0] <= got <= expected[1], (place, got)
            else:
                assert got == expected, (place, got)
        if row.says:
            assert any(re.search(row.says, note) for note in notes), notes
        elif row.says == "":
            assert not notes
    assert said["wall_s"] <= row.within_s, said
    assert said["mib"] <= row.within_mib, said


# --------------------------------------------------------------------------- no other file, no network


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
@pytest.mark.parametrize("build", [files.ffconcat, files.playlist, files.dash, files.outside_data])
def test_other_file_stays_closed(build: Callable[[Path], Path], tmp_path: Path) -> None:
    path = build(tmp_path)
    other = tmp_path / "other.mp4"
    with files.opens(other) as control:
        other.open("rb").close()
    assert control, "the watch does not work"
    with files.opens(other) as seen, files.opens(path) as own:
        read_apart(path, tmp_path)
    assert own, "the file itself was not opened"
    assert not seen


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
@pytest.mark.parametrize(
    "name", ["concat:other.mp4|other.mp4", "subfile,,start,0,end,0,,:other.mp4", "crypto:other.mp4"]
)
def test_protocol_prefix_is_a_name(name: str, tmp_path: Path) -> None:
    other = files.clip(tmp_path, "other.mp4")
    with files.opens(other) as seen:
        said = read_apart(name, tmp_path)
    assert said["error"][0] == "UnreadableMedia", said
    assert not seen


@pytest.mark.parametrize("scheme", ["http", "tcp", "rtmp", "ftp"])
def test_address_is_not_called(scheme: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        said = read_apart(f"{scheme}://127.0.0.1:{port}/clip.mp4", tmp_path)
        assert said["error"][0] == "UnreadableMedia", said
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("prefix", ["concat:", "file:", "http:", "-i ", "data:"])
def test_file_named_like_an_address(prefix: str, tmp_path: Path) -> None:
    path = files.protocol_name(tmp_path, prefix)
    said = read_apart(path.name, tmp_path)
    assert "error" not in said, said
    assert said["facts"]["picture"]["units"] == 72


def test_name_runs_nothing(tmp_path: Path) -> None:
    before = files.odd_name(tmp_path)
    read_apart(before, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [before.name]


@pytest.mark.parametrize("path", ["", "a\0b.mp4", "x" * 5000])
def test_impossible_name(path: str) -> None:
    with pytest.raises(UnreadableMedia):
        media.read(path, {})


# --------------------------------------------------------------------------- times


@pytest.mark.debian
@pytest.mark.parametrize("build", [files.variable_rate, files.edit_list, files.picture_delayed, files.sound_delayed])
def test_frame_times_are_ffmpegs(build: Callable[[Path], Path], tmp_path: Path) -> None:
    path = build(tmp_path)
    _, seen = record(path)
    lines = files.ffprobe(path, "frame=pts_time", "-select_streams", "v:0")
    expected = [float(line) for line in lines]
    assert len(seen.times_s) == len(expected)
    assert np.abs(np.array(seen.times_s) - expected).max() < 1e-3


def _onsets(seen: Recorder, view: AudioView) -> list[float]:
    """When the clicks begin: the first sample over 0.1, and the first one after each 0.3 s."""
    samples, start_s = seen.heard(view)
    loud = np.flatnonzero(np.abs(samples).max(axis=0) > 0.1) / seen.blocks[view][0].rate_hz + start_s
    return [float(t) for index, t in enumerate(loud) if index == 0 or t - loud[index - 1] > 0.3]


@pytest.mark.parametrize("view", [AudioView(), AudioView(16000, 1)], ids=["native", "16 kHz mono"])
def test_clicks_stay_in_place(view: AudioView, tmp_path: Path) -> None:
    _, seen = record(files.clip(tmp_path))
    assert _onsets(seen, view) == pytest.approx(files.CLICKS_S, abs=0.003)


@pytest.mark.debian
@pytest.mark.parametrize("view", [AudioView(), AudioView(16000, 1)], ids=["native", "16 kHz mono"])
def test_clicks_are_delayed(view: AudioView, tmp_path: Path) -> None:
    _, seen = record(files.sound_delayed(tmp_path))
    assert _onsets(seen, view) == pytest.approx([t + 0.2 for t in files.CLICKS_S], abs=0.003)


@pytest.mark.parametrize("view", [AudioView(), AudioView(16000, 1)], ids=["native", "16 kHz mono"])
def test_clicks_after_a_hole(view: AudioView, tmp_path: Path) -> None:
    """What follows missing sound is not moved forward."""
    _, seen = record(files.sound_hole(tmp_path))
    late = [block for block in seen.blocks[view] if np.abs(block.samples).max() > 0.1 and block.t_s > 1.5]
    first = late[0]
    at_s = first.t_s + float(np.argmax(np.abs(first.samples).max(axis=0) > 0.1)) / first.rate_hz
    assert at_s == pytest.approx(files.CLICKS_S[2], abs=0.003)


# --------------------------------------------------------------------------- pixels


@pytest.mark.debian
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_ffmpegs(degrees: int, tmp_path: Path) -> None:
    path = files.rotated(tmp_path, degrees)
    facts, seen = record(path)
    size = (320, 180) if degrees == 180 else (180, 320)
    assert facts.picture is not None and facts.picture.size == size
    expected = files.ffmpeg_luma(path, *size)
    assert np.array_equal(np.stack(seen.luma), expected)
    assert seen.rgb[0].shape[1::-1] == ((64, 114) if degrees != 180 else (114, 64))


@pytest.mark.debian
@pytest.mark.parametrize(
    ("pixels", "codec"),
    [("yuv420p10le", "libx264"), ("yuv444p", "libx264"), ("yuv422p", "libx264"), ("yuv422p10le", "libx264")],
)
def test_formats_have_the_same_luma(pixels: str, codec: str, tmp_path: Path) -> None:
    """Lossless, so that the only difference is the format's."""
    _, plain = record(files.lossless(tmp_path, "plain.mp4", "yuv420p"))
    _, other = record(files.lossless(tmp_path, "other.mp4", pixels))
    difference = np.abs(np.stack(plain.luma).astype(int) - np.stack(other.luma).astype(int))
    assert difference.max() <= 1


ODD = "319:179"


@pytest.mark.debian
@pytest.mark.parametrize(
    ("name", "pixels", "options"),
    [
        ("444.mp4", "yuv444p", ("-c:v", "libx264", "-qp", "0")),
        ("vp9.webm", "yuv420p", ("-c:v", "libvpx-vp9", "-cpu-used", "8")),
        ("full_range.mkv", "yuvj420p", ("-c:v", "mjpeg", "-q:v", "2")),
        ("full_range_444.mkv", "yuvj444p", ("-c:v", "mjpeg", "-q:v", "2")),
        ("gray.mkv", "gray", ("-c:v", "ffv1")),
        ("rgb.mkv", "bgr0", ("-c:v", "ffv1")),
    ],
)
def test_odd_sizes(name: str, pixels: str, options: tuple[str, ...], tmp_path: Path) -> None:
    path = files.encoded(tmp_path, name, pixels, *options, size="319:179")
    facts, seen = record(path)
    assert facts.picture is not None and facts.picture.size == (319, 179)
    full = name.startswith(("full", "gray"))
    expected = files.ffmpeg_luma(path, 319, 179, *(("scale=in_range=full:out_range=tv",) if full else ()))
    assert len(seen.luma) == len(expected) == 24
    difference = np.abs(np.stack(seen.luma).astype(int) - expected.astype(int))
    assert difference.max() <= 1


# --------------------------------------------------------------------------- sound


@pytest.mark.debian
@pytest.mark.parametrize(
    ("name", "channels", "rate_hz", "options"),
    [
        ("mono.mp4", 1, 48000, ("-c:a", "aac")),
        ("24k.mp4", 2, 24000, ("-c:a", "aac")),
        ("5.1.mp4", 6, 48000, ("-c:a", "aac", "-b:a", "384k")),
        ("7.1.mkv", 8, 192000, ("-c:a", "flac")),
        ("7.1.mov", 8, 192000, ("-c:a", "pcm_s24le")),
        ("u8.mov", 1, 8000, ("-c:a", "pcm_u8")),
    ],
)
def test_sound_layouts(name: str, channels: int, rate_hz: int, options: tuple[str, ...], tmp_path: Path) -> None:
    path = files.tone_file(tmp_path, name, channels, rate_hz, *options)
    assert "error" not in read_apart(path, tmp_path)  # a layout of the file's own once made the decoder's binding crash
    facts, seen = record(path)
    assert facts.sound is not None
    assert (facts.sound.channels, facts.sound.rate_hz) == (channels, rate_hz)
    for view in (AudioView(), AudioView(16000, 1), AudioView(48000, 2)):
        samples, start_s = seen.heard(view)
        block = seen.blocks[view][0]
        assert block.samples.dtype == np.float32
        assert block.rate_hz == (view.rate_hz or min(rate_hz, 48000))
        assert samples.shape[0] == (view.channels or min(channels, 2))
        assert start_s == pytest.approx(0.0, abs=0.03)
        assert samples.shape[1] == pytest.approx(block.rate_hz, rel=0.06)
        middle = samples[0, block.rate_hz // 4 : block.rate_hz // 4 + block.rate_hz // 2]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
        assert np.argmax(spectrum) * block.rate_hz / middle.size == pytest.approx(1000, abs=3)
        if channels <= 2:  # mixing two channels into one, or one into two, keeps a common tone as loud as it is
            assert np.abs(middle).max() == pytest.approx(0.25, rel=0.06)
        assert np.abs(samples).max() <= 1.0


@pytest.mark.debian
@pytest.mark.parametrize(
    ("name", "channels", "rate_hz", "codec"), [("16.mov", 16, 48000, "pcm_s16le"), ("384k.mov", 2, 384000, "pcm_s16le")]
)
def test_sound_limits(name: str, channels: int, rate_hz: int, codec: str, tmp_path: Path) -> None:
    said = read_apart(files.tone_file(tmp_path, name, channels, rate_hz, "-c:a", codec), tmp_path)
    assert said["error"][0] == "MediaLimit", said


@pytest.mark.debian
def test_samples_are_finite(tmp_path: Path) -> None:
    _, seen = record(files.float_poison(tmp_path))
    for view in seen.blocks:
        samples, _ = seen.heard(view)
        assert np.isfinite(samples).all() and np.abs(samples).max() <= 8.0, "squares must not overflow"


# --------------------------------------------------------------------------- real clips


def test_real_clips_are_whole(real_clips: list[Path]) -> None:
    for path in real_clips:
        facts, _ = media.read(path, {})
        assert facts.picture is not None and facts.sound is not None, path.name
        assert facts.picture.damaged == 0 and facts.sound.damaged == 0, path.name
