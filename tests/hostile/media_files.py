"""Builders of hostile and awkward media files.

Every builder takes an empty folder and gives the path of the file to read. What can be made by cutting bytes or moving
packets is; the rest comes from Debian's ffmpeg, a decoder and encoder that the library does not use.
"""

from __future__ import annotations

import ctypes
import functools
import os
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from avgen_bench.factory import scene as blocks
from avgen_bench.factory.render import render
from avgen_bench.factory.scene import Scene

FPS, RATE_HZ = 24, 48000
CLICKS_S = (0.5, 1.25, 2.25)


# --------------------------------------------------------------------------- sources


@functools.cache
def _source(duration_s: float, with_sound: bool = True) -> bytes:
    import tempfile

    wall = blocks.textured(400, 240, 1, contrast=30)
    disc = blocks.ball(20, seed=2)

    def picture(index: int) -> np.ndarray:
        frame = np.ascontiguousarray(wall[20 : 20 + 180, 10 + index % 40 : 330 + index % 40])
        blocks.paste(frame, disc, 40 + 240 * index / (duration_s * FPS), 90 + 40 * np.sin(index / 5))
        return frame

    sound = blocks.silence(duration_s, RATE_HZ, channels=2)
    for channel in (0, 1):
        sound[channel] += blocks.noise(duration_s, RATE_HZ, channel, rms=0.003, slope=0.5)
    for at_s in CLICKS_S:
        blocks.mix(sound, blocks.impact("clap", RATE_HZ, 5), at_s, RATE_HZ)
    scene = Scene("source", 320, 180, FPS, duration_s, picture, sound if with_sound else None, RATE_HZ)
    with tempfile.TemporaryDirectory() as folder:
        return render(scene, Path(folder)).read_bytes()


def clip(folder: Path, name: str = "clip.mp4", *, duration_s: float = 3.0, with_sound: bool = True) -> Path:
    """A whole clip: 320x180, 72 frames at 24 frames per second, stereo clicks at ``CLICKS_S``, moov in front."""
    path = folder / name
    path.write_bytes(_source(duration_s, with_sound))
    return path


def ffmpeg(*arguments: str | Path) -> None:
    """Run Debian's ffmpeg."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True, timeout=120, capture_output=True
    )


def ffprobe(path: Path, entries: str, *more: str) -> list[str]:
    """Lines of values that Debian's ffprobe reads, an independent opinion."""
    command = ["ffprobe", "-v", "error", *more, "-show_entries", entries, "-of", "csv=p=0", str(path)]
    out = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
    return [line.strip().strip(",") for line in out.splitlines() if line.strip().strip(",")]


def ffmpeg_luma(path: Path, width: int, height: int, *filters: str) -> np.ndarray:
    """Every frame's luma in video range as Debian's ffmpeg shows it (rotated as it asks), shape (n, height, width)."""
    chain = ",".join([*filters, "format=yuv420p"])
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-an", "-vf", chain, "-f", "rawvideo", "-"]
    raw = np.frombuffer(subprocess.run(command, check=True, timeout=60, capture_output=True).stdout, np.uint8)
    size = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    return raw.reshape(-1, size)[:, : width * height].reshape(-1, height, width)


def remux(source: Path, target: Path, keep: Callable[[av.Packet], bool] = lambda packet: True, **options: str) -> Path:
    """The packets of ``source`` that ``keep`` wants, untouched, in a new container."""
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is not None and keep(packet):
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    return target


# --------------------------------------------------------------------------- not media


def zero_bytes(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.touch()
    return path


def _head(folder: Path, size: int) -> Path:
    path = clip(folder)
    path.write_bytes(path.read_bytes()[:size])
    return path


def head_64(folder: Path) -> Path:
    return _head(folder, 64)


def head_2048(folder: Path) -> Path:
    """Half of the moov box, which this clip has in front."""
    return _head(folder, 2048)


def text(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.write_text("<html><title>502 Bad Gateway</title></html>\n" * 40)
    return path


def random_bytes(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.write_bytes(np.random.default_rng(1).bytes(100_000))
    return path


def png_picture(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.write_bytes(_png(64, 64))
    return path


def moov_damaged(folder: Path) -> Path:
    path = clip(folder)
    data = bytearray(path.read_bytes())
    at = data.index(b"moov")
    data[at + 4 : at + 1004] = np.random.default_rng(2).bytes(1000)
    path.write_bytes(data)
    return path


def moov_lost(folder: Path) -> Path:
    """Cut in half, with the index at the end of the file: what a killed writer leaves."""
    path = remux(clip(folder, "whole.mp4"), folder / "clip.mp4")
    data = path.read_bytes()
    assert data.index(b"moov") > len(data) // 2
    path.write_bytes(data[: len(data) // 2])
    return path


def no_tracks(folder: Path) -> Path:
    """An mp4 whose moov names no track."""
    path = folder / "clip.mp4"
    mvhd = struct.pack(">I4sIIIII", 108, b"mvhd", 0, 0, 0, 1000, 0) + struct.pack(">IH", 0x10000, 0x100) + bytes(10)
    mvhd += struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000) + bytes(24) + struct.pack(">I", 1)
    ftyp = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 512, b"isom")
    path.write_bytes(ftyp + struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd)
    return path


def absent(folder: Path) -> Path:
    return folder / "no such clip.mp4"


def directory(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.mkdir()
    return path


def fifo(folder: Path) -> Path:
    """Opening it waits for a writer that never comes."""
    path = folder / "clip.mp4"
    os.mkfifo(path)
    return path


def device(folder: Path) -> Path:
    return Path("/dev/zero")


def link_to_device(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.symlink_to("/dev/zero")
    return path


def dangling_link(folder: Path) -> Path:
    path = folder / "clip.mp4"
    path.symlink_to(folder / "gone.mp4")
    return path


# --------------------------------------------------------------------------- cut and damaged


def truncated(folder: Path) -> Path:
    """The last 55 % of the bytes are missing; the index in front promises them."""
    path = clip(folder)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.45)])
    return path


def truncated_late(folder: Path) -> Path:
    """Only the last half second or so is missing."""
    path = clip(folder)
    data = path.read_bytes()
    with av.open(str(path)) as container:
        at = min(p.pos for p in container.demux() if p.pos is not None and p.pts and p.pts * p.time_base > 2.4)
    path.write_bytes(data[:at])
    return path


def truncated_matroska(folder: Path) -> Path:
    path = remux(clip(folder, "whole.mp4"), folder / "clip.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.45)])
    return path


def sound_ends_early(folder: Path) -> Path:
    """The sound stops at 2 s and the file says so: short, but nothing is missing."""

    def keep(packet: av.Packet) -> bool:
        return packet.stream.type == "video" or float(packet.pts * packet.time_base) < 2.0

    return remux(clip(folder, "whole.mp4"), folder / "clip.mp4", keep)


def tail_zeroed(folder: Path) -> Path:
    path = clip(folder)
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 4
    data[at:] = bytes(len(data) - at)
    path.write_bytes(data)
    return path


def scattered_bytes(folder: Path) -> Path:
    """200 random bytes anywhere in mdat."""
    path = clip(folder)
    data = bytearray(path.read_bytes())
    generator = np.random.default_rng(3)
    first = data.index(b"mdat") + 4
    for at in generator.integers(first, len(data), size=200):
        data[at] = generator.integers(256)
    path.write_bytes(data)
    return path


def _damaged(folder: Path, kind: str, count: int, *, together: bool = False) -> Path:
    """``count`` packets overwritten with ones, in a clip of 6 s with 144 frames and 283 packets of sound.

    Of the picture only frames that no other frame refers to are hit, so that the number of damaged frames is known.
    """
    path = clip(folder, duration_s=6.0)
    data = bytearray(path.read_bytes())
    places = []
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size and packet.stream.type == kind:
                referred = data[packet.pos + 4] & 0x60 if kind == "video" else 0  # nal_ref_idc
                if not referred:
                    places.append((packet.pos, packet.size))
    assert len(places) > count + 4, (kind, len(places))
    chosen = range(60, 60 + count) if together else np.linspace(2, len(places) - 3, count).astype(int)
    for index in chosen:
        at, size = places[index]
        data[at : at + size] = b"\xff" * size
    path.write_bytes(data)
    return path


def picture_damaged_little(folder: Path) -> Path:
    return _damaged(folder, "video", 1)


def picture_damaged_some(folder: Path) -> Path:
    return _damaged(folder, "video", 10)


def picture_damaged_much(folder: Path) -> Path:
    return _damaged(folder, "video", 30)


def sound_damaged_little(folder: Path) -> Path:
    return _damaged(folder, "audio", 2)


def sound_damaged_some(folder: Path) -> Path:
    return _damaged(folder, "audio", 20)


def sound_damaged_much(folder: Path) -> Path:
    return _damaged(folder, "audio", 60)


def sound_hole_damaged(folder: Path) -> Path:
    """26 packets in a row, 0.55 s, 9.2 % of all."""
    return _damaged(folder, "audio", 26, together=True)


def sound_hole(folder: Path) -> Path:
    """Nothing is damaged, but 0.8 s of sound is not there."""

    def keep(packet: av.Packet) -> bool:
        return packet.stream.type == "video" or not 1.0 <= float(packet.pts * packet.time_base) < 1.8

    return remux(clip(folder, "whole.mp4"), folder / "clip.mp4", keep)


def picture_hole(folder: Path) -> Path:
    """One frame stands for 0.83 s."""
    source = clip(folder, "whole.mp4")
    chosen = "select='lt(n,30)+gt(n,48)'"
    ffmpeg("-i", source, "-vf", chosen, "-vsync", "vfr", "-c:a", "copy", "-c:v", "libx264", folder / "clip.mp4")
    return folder / "clip.mp4"


# --------------------------------------------------------------------------- tracks and times


def no_sound(folder: Path) -> Path:
    return clip(folder, with_sound=False)


def no_picture(folder: Path) -> Path:
    ffmpeg("-i", clip(folder, "whole.mp4"), "-vn", "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def one_frame(folder: Path) -> Path:
    ffmpeg("-i", clip(folder, "whole.mp4"), "-an", "-frames:v", "1", "-c:v", "libx264", folder / "clip.mp4")
    return folder / "clip.mp4"


def cover_picture(folder: Path) -> Path:
    """A song with a cover: the cover is not a picture track."""
    (folder / "cover.png").write_bytes(_png(64, 64))
    sources = ("-i", clip(folder, "whole.mp4"), "-i", folder / "cover.png")
    ffmpeg(
        *sources, "-map", "0:a", "-map", "1:v", "-c", "copy", "-disposition:v:0", "attached_pic", folder / "clip.mp4"
    )
    return folder / "clip.mp4"


def sound_first(folder: Path) -> Path:
    """The sound is track 0, the picture track 1."""
    ffmpeg("-i", clip(folder, "whole.mp4"), "-map", "0:a", "-map", "0:v", "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def subtitles_first(folder: Path) -> Path:
    """Track 0 is neither picture nor sound."""
    (folder / "words.srt").write_text("1\n00:00:00,500 --> 00:00:02,000\nwords\n")
    sources = ("-i", clip(folder, "whole.mp4"), "-i", folder / "words.srt")
    maps = ("-map", "1:s", "-map", "0:v", "-map", "0:a", "-c", "copy", "-c:s", "mov_text")
    ffmpeg(*sources, *maps, folder / "clip.mp4")
    return folder / "clip.mp4"


def empty_sound(folder: Path) -> Path:
    """A sound track that is announced and holds nothing."""
    return remux(clip(folder, "whole.mp4"), folder / "clip.mkv", lambda packet: packet.stream.type == "video")


def variable_rate(folder: Path) -> Path:
    source = clip(folder, "whole.mp4")
    ffmpeg(
        "-i", source, "-vf", "select='lt(n,24)+not(mod(n,3))'", "-vsync", "vfr", "-c:v", "libx264", folder / "clip.mp4"
    )
    return folder / "clip.mp4"


def edit_list(folder: Path) -> Path:
    """Cut at 1.37 s without encoding anew: what lies before stays in the file, hidden by an edit list."""
    ffmpeg("-ss", "1.37", "-i", clip(folder, "whole.mp4"), "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def sound_delayed(folder: Path) -> Path:
    source = clip(folder, "whole.mp4")
    inputs = ("-i", source, "-itsoffset", "0.2", "-i", source)
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def picture_delayed(folder: Path) -> Path:
    source = clip(folder, "whole.mp4")
    inputs = ("-itsoffset", "0.3", "-i", source, "-i", source)
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


# --------------------------------------------------------------------------- pixels


def rotated(folder: Path, degrees: int) -> Path:
    source = clip(folder, "whole.mp4", duration_s=1.0)
    ffmpeg("-i", source, "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", folder / "clip.mp4")
    return folder / "clip.mp4"


def wide_pixels(folder: Path) -> Path:
    source = clip(folder, "whole.mp4", duration_s=1.0)
    ffmpeg("-i", source, "-vf", "setsar=2/1", "-c:v", "libx264", "-c:a", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def encoded(folder: Path, name: str, pixels: str, *options: str, size: str = "320:180") -> Path:
    """One second of the source in another pixel format and size."""
    source = clip(folder, "whole.mp4", duration_s=1.0)
    chain = f"scale={size}:flags=neighbor,format={pixels}"
    ffmpeg("-i", source, "-an", "-vf", chain, *options, folder / name)
    return folder / name


def lossless(folder: Path, name: str, pixels: str, size: str = "320:180") -> Path:
    """One second in H.264 without loss."""
    return encoded(folder, name, pixels, "-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", size=size)


def size_changes_h264(folder: Path) -> Path:
    """Parameter sets in the stream announce another size after one second."""
    joined = folder / "joined.ts"
    with joined.open("wb") as out:
        for index, size in enumerate(("320x180", "640x360")):
            part = folder / f"{index}.ts"
            clock = ("-output_ts_offset", str(index))
            ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=24:d=1", "-c:v", "libx264", "-bf", "0", *clock, part)
            out.write(part.read_bytes())
    ffmpeg("-i", joined, "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def size_changes_vp8(folder: Path) -> Path:
    """VP8 states the size in every key frame."""
    parts = []
    for size in ("320x180", "640x360"):
        part = folder / f"{size}.webm"
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=24:d=1", "-c:v", "libvpx", "-deadline", "realtime", part)
        parts.append(part)
    with (
        av.open(str(parts[0])) as first,
        av.open(str(parts[1])) as second,
        av.open(str(folder / "clip.webm"), "w") as out,
    ):
        stream = out.add_stream_from_template(first.streams.video[0])
        for container, offset_ms in ((first, 0), (second, 1000)):
            for packet in container.demux(video=0):
                if packet.dts is not None:
                    packet.pts += offset_ms
                    packet.dts += offset_ms
                    packet.stream = stream
                    out.mux(packet)
    return folder / "clip.webm"


# --------------------------------------------------------------------------- sound


def tone_file(folder: Path, name: str, channels: int, rate_hz: int, *options: str) -> Path:
    """One second of picture with a 1 kHz tone of amplitude 0.25 on every channel."""
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1", 16: "hexadecagonal"}[channels]
    expression = "|".join(["0.25*sin(2*PI*1000*t)"] * channels)
    tone = f"aevalsrc='{expression}':c={layout}:s={rate_hz}:d=1"
    picture = "testsrc2=s=64x64:r=24:d=1"
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-c:v", "libx264", *options, folder / name)
    return folder / name


def float_poison(folder: Path) -> Path:
    """Samples of floating point sound that are not numbers, infinite or huge."""
    sound = np.zeros(48000, dtype="<f4")
    sound[10000], sound[20000], sound[30000], sound[31000] = np.nan, np.inf, -np.inf, 1e30
    (folder / "sound.f32").write_bytes(sound.tobytes())
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=64x64:r=24:d=1", "-f", "f32le", "-ar", "48000", "-ac", "1")
    ffmpeg(*inputs, "-i", folder / "sound.f32", "-c:v", "libx264", "-c:a", "pcm_f32le", folder / "clip.mov")
    return folder / "clip.mov"


# --------------------------------------------------------------------------- beyond the limits


def _png(width: int, height: int) -> bytes:
    """A grey picture; large ones weigh next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer, row, packed = zlib.compressobj(9), b"\0" + b"\x80" * width, bytearray()
    for _ in range(height):
        packed += packer.compress(row)
    packed += packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", bytes(packed)) + chunk(b"IEND", b"")


def pixel_bomb(folder: Path) -> Path:
    """0.4 MB that decode to 141 million pixels a frame."""
    source = "color=c=gray:s=16384x8640:r=1"
    ffmpeg(
        "-f", "lavfi", "-i", source, "-frames:v", "2", "-c:v", "libx264", "-preset", "ultrafast", folder / "clip.mp4"
    )
    return folder / "clip.mp4"


def cover_bomb(folder: Path) -> Path:
    """A good clip with a cover of 141 million pixels, which probing would decode."""
    (folder / "cover.png").write_bytes(_png(16384, 8640))
    sources = ("-i", clip(folder, "whole.mp4"), "-i", folder / "cover.png")
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
    ffmpeg(*sources, *maps, folder / "clip.mp4")
    return folder / "clip.mp4"


def many_tracks(folder: Path) -> Path:
    """Eleven sound tracks before the picture."""
    source = clip(folder, "whole.mp4")
    maps = ["-map", "0:a"] * 11
    ffmpeg("-i", source, *maps, "-map", "0:v", "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def many_tracks_bomb(folder: Path) -> Path:
    """The bomb is the twelfth track."""
    bomb = pixel_bomb(folder).rename(folder / "bomb.mp4")
    maps = ["-map", "0:a"] * 11
    ffmpeg("-i", clip(folder, "whole.mp4"), "-i", bomb, *maps, "-map", "1:v", "-c", "copy", folder / "clip.mp4")
    return folder / "clip.mp4"


def _repeated(folder: Path, name: str, count: int, fps: int, **options: str) -> Path:
    """One key frame of 64x64 shown ``count`` times."""
    small = Scene("small", 64, 64, fps, 1 / fps, lambda index: blocks.textured(64, 64, 1), None)
    path = render(small, folder / "small.mp4")
    with av.open(str(path)) as old:
        frame = next(bytes(p) for p in old.demux() if p.size)
        with av.open(str(folder / name), "w", options=options) as out:
            stream = out.add_stream_from_template(old.streams.video[0])
            for index in range(count):
                packet = av.Packet(frame)
                packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, fps), True
                packet.pts = packet.dts = index
                packet.duration = 1
                out.mux(packet)
    return folder / name


def ten_hours(folder: Path) -> Path:
    return _repeated(folder, "clip.mp4", 36_000, 1)


def many_frames(folder: Path) -> Path:
    return _repeated(folder, "clip.mp4", 100_000, 1000)


def ten_hours_unannounced(folder: Path) -> Path:
    """A live recording: the header knows no duration."""
    return _repeated(folder, "clip.mkv", 36_000, 1, live="1")


def many_frames_unannounced(folder: Path) -> Path:
    """10 400 frames in 52 s, which no header announces."""
    return _repeated(folder, "clip.mkv", 10_400, 200, live="1")


# --------------------------------------------------------------------------- names and addresses


def ffconcat(folder: Path) -> Path:
    clip(folder, "other.mp4")
    (folder / "clip.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
    return folder / "clip.mp4"


def playlist(folder: Path) -> Path:
    clip(folder, "other.mp4")
    (folder / "clip.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.mp4\n#EXT-X-ENDLIST\n")
    return folder / "clip.mp4"


def dash(folder: Path) -> Path:
    clip(folder, "other.mp4")
    (folder / "clip.mp4").write_text(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT3S">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1"><BaseURL>other.mp4</BaseURL>'
        '<SegmentBase indexRange="0-1"/></Representation></AdaptationSet></Period></MPD>\n'
    )
    return folder / "clip.mp4"


def outside_data(folder: Path) -> Path:
    """An mp4 whose sample table says that its media lies in another file (a data reference)."""
    path = clip(folder)
    clip(folder, "other.mp4")
    data = bytearray(path.read_bytes())
    while (at := data.find(b"url \x00\x00\x00\x01")) >= 0:
        data[at : at + 8] = b"url \x00\x00\x00\x00"
    path.write_bytes(data)
    return path


def odd_name(folder: Path) -> Path:
    return clip(folder, "a b;$(touch x)`touch y`\n'\"%s|&*?[0-9] \u00e9\u4e2d.mp4")


def undecodable_name(folder: Path) -> Path:
    return clip(folder, os.fsdecode(b"clip-\xff\xfe.mp4"))


def protocol_name(folder: Path, prefix: str) -> Path:
    """A real file whose name looks like an address."""
    return clip(folder, prefix + "clip.mp4")


def odd_metadata(folder: Path) -> Path:
    """A title in Latin-1 where UTF-8 is due."""
    ffmpeg("-i", clip(folder, "whole.mp4"), "-c", "copy", "-metadata", "title=CAFEx", folder / "clip.mp4")
    path = folder / "clip.mp4"
    path.write_bytes(path.read_bytes().replace(b"CAFEx", b"CAF\xc9\xff"))
    assert b"CAF\xc9\xff" in path.read_bytes()
    return path


@contextmanager
def opens(path: Path) -> Iterator[list[int]]:
    """Who opens ``path`` meanwhile, in any process: the list holds one entry for each time (Linux inotify)."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    if watch < 0 or libc.inotify_add_watch(watch, os.fsencode(path), 0x20) < 0:  # IN_OPEN
        raise OSError(ctypes.get_errno(), "inotify")
    seen: list[int] = []
    try:
        yield seen
        try:
            data = os.read(watch, 1 << 16)
        except BlockingIOError:
            data = b""
        seen.extend([0x20] * (len(data) // 16))
    finally:
        os.close(watch)
