"""Clips in which known notes, chords, keys and beats are played, and clips in which something else is.

Instruments are those of two General MIDI sound fonts, played by FluidSynth from MIDI bytes that are written here, and
some that are synthesised here: the calibration split has one sound font and one half of the synthesised instruments,
the test split the others; no instrument is in both. Pitches are MIDI numbers, fractions included.
"""

from __future__ import annotations

import math
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.scene import Scene, impact, mix, noise
from avgen_bench.factory.truth import NOMINAL, Case
from avgen_bench.types import Constraint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Wave = NDArray[np.float32]
else:
    np = lazy("numpy")

__all__ = ["VOICES", "Hit", "Voice", "cases", "play", "ready"]

RATE_HZ = 48000
_TICKS_A_SECOND = 960
_FONTS = {
    "TimGM6mb": ("/usr/share/sounds/sf2/TimGM6mb.sf2", "timgm6mb-soundfont"),
    "FluidR3": ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "fluid-soundfont-gm"),
}
_DRUMS = 9  # General MIDI's percussion channel
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
}
_CHORDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
}
_USUAL = ("", "", "", "", "m", "m", "m", "7", "7", "maj7", "m7", "sus4", "dim", "aug")


@dataclass(frozen=True, slots=True)
class Hit:
    """One note or stroke: when, how long it is held, which MIDI number (a drum's, for percussion), how hard (1-127)."""

    at_s: float
    hold_s: float
    midi: float
    velocity: int = 96


@dataclass(frozen=True, slots=True)
class Voice:
    """An instrument: of a sound font (``program`` of General MIDI; -1: its drums), or synthesised here (no font).

    Between ``low`` and ``high`` (MIDI numbers) it sounds natural; ``held`` sounds last as long as they are held.
    """

    name: str
    font: str = ""
    program: int = 0
    low: int = 48
    high: int = 84
    held: bool = True


VOICES: dict[str, tuple[Voice, ...]] = {
    "calibration": (
        Voice("electric piano", "TimGM6mb", 4, 48, 84, False),
        Voice("nylon guitar", "TimGM6mb", 24, 43, 76, False),
        Voice("viola", "TimGM6mb", 41, 50, 79),
        Voice("flute", "TimGM6mb", 73, 62, 88),
        Voice("reed organ", "TimGM6mb", 20, 48, 79),
        Voice("trumpet", "TimGM6mb", 56, 55, 79),
        Voice("harp", "TimGM6mb", 46, 48, 84, False),
        Voice("bassoon", "TimGM6mb", 70, 38, 65),
        Voice("oboe", "TimGM6mb", 68, 58, 86),
        Voice("alto saxophone", "TimGM6mb", 65, 50, 80),
        Voice("fiddle", "TimGM6mb", 110, 55, 88),
        Voice("tuba", "TimGM6mb", 58, 33, 58),
        Voice("kalimba", "TimGM6mb", 108, 55, 84, False),
        Voice("music box", "TimGM6mb", 10, 60, 90, False),
        Voice("xylophone", "TimGM6mb", 13, 60, 89, False),
        Voice("acoustic bass", "TimGM6mb", 32, 33, 58, False),
        Voice("choir", "TimGM6mb", 52, 48, 79),
        Voice("honky-tonk", "TimGM6mb", 3, 45, 84, False),
        Voice("electric piano 2", "TimGM6mb", 5, 45, 84, False),
        Voice("harpsichord", "TimGM6mb", 6, 45, 84, False),
        Voice("clavinet", "TimGM6mb", 7, 45, 81, False),
        Voice("dulcimer", "TimGM6mb", 15, 52, 84, False),
        Voice("jazz guitar", "TimGM6mb", 26, 43, 76, False),
        Voice("clean guitar", "TimGM6mb", 27, 43, 76, False),
        Voice("fingered bass", "TimGM6mb", 33, 33, 58, False),
        Voice("pizzicato", "TimGM6mb", 45, 48, 79, False),
        Voice("strings", "TimGM6mb", 48, 48, 84),
        Voice("voice oohs", "TimGM6mb", 53, 52, 79),
        Voice("trombone", "TimGM6mb", 57, 40, 70),
        Voice("muted trumpet", "TimGM6mb", 59, 55, 79),
        Voice("brass", "TimGM6mb", 61, 45, 76),
        Voice("soprano saxophone", "TimGM6mb", 64, 56, 84),
        Voice("tenor saxophone", "TimGM6mb", 66, 45, 74),
        Voice("english horn", "TimGM6mb", 69, 52, 79),
        Voice("piccolo", "TimGM6mb", 72, 72, 95),
        Voice("recorder", "TimGM6mb", 74, 62, 88),
        Voice("bottle", "TimGM6mb", 76, 60, 84),
        Voice("shakuhachi", "TimGM6mb", 77, 60, 84),
        Voice("ocarina", "TimGM6mb", 79, 60, 84),
        Voice("sitar", "TimGM6mb", 104, 48, 76, False),
        Voice("banjo", "TimGM6mb", 105, 50, 79, False),
        Voice("koto", "TimGM6mb", 107, 48, 79, False),
        Voice("shanai", "TimGM6mb", 111, 58, 82),
        Voice("steel drums", "TimGM6mb", 114, 55, 84, False),
        Voice("plucked string", "", 0, 45, 79, False),
        Voice("pipes", "", 0, 48, 84),
    ),
    "test": (
        Voice("piano", "FluidR3", 0, 45, 86, False),
        Voice("steel guitar", "FluidR3", 25, 43, 76, False),
        Voice("violin", "FluidR3", 40, 57, 88),
        Voice("cello", "FluidR3", 42, 40, 69),
        Voice("clarinet", "FluidR3", 71, 52, 82),
        Voice("harmonica", "FluidR3", 22, 58, 84),
        Voice("vibraphone", "FluidR3", 11, 55, 84, False),
        Voice("french horn", "FluidR3", 60, 45, 74),
        Voice("pan flute", "FluidR3", 75, 60, 86),
        Voice("marimba", "FluidR3", 12, 50, 84, False),
        Voice("sung vowel", "", 0, 48, 81),
        Voice("reed", "", 0, 48, 81),
    ),
}
_MANY = {  # those that play chords
    "calibration": (
        "electric piano",
        "nylon guitar",
        "reed organ",
        "harp",
        "plucked string",
        "pipes",
        "choir",
    ),
    "test": ("piano", "steel guitar", "harmonica", "vibraphone", "french horn", "reed", "violin"),
}
_FONT_OF = {"calibration": "TimGM6mb", "test": "FluidR3"}
_STROKES = {  # General MIDI percussion: side stick, clap, high wood block, cowbell | snare, bass drum, conga, low block
    "calibration": (37, 39, 76, 56),
    "test": (38, 36, 63, 77),
}


def ready(split: str) -> str:
    """What is missing to render a split, with the command that installs it; empty when nothing is."""
    path, package = _FONTS[_FONT_OF[split]]
    if shutil.which("fluidsynth") is None or not Path(path).is_file():
        return f"music is rendered by FluidSynth with {path}: apt-get install fluidsynth {package}"
    return ""


# --------------------------------------------------------------------------- instruments


def _length(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | value & 0x7F)
    return bytes(reversed(out))


def _midi(parts: Sequence[tuple[Voice, Sequence[Hit]]], tail_s: float) -> bytes:
    """A standard MIDI file (format 0); each voice and each fraction of a semitone has a channel of its own."""
    events: list[tuple[int, int, bytes]] = []
    free = iter([channel for channel in range(16) if channel != _DRUMS])
    channels: dict[tuple[int, int], int] = {}
    for voice, hits in parts:
        for hit in hits:
            whole = round(hit.midi)
            bend = round((hit.midi - whole) * 4096) + 8192  # two semitones up to 16383
            if voice.program < 0:
                channel = _DRUMS
            elif (voice.program, bend) not in channels:
                channel = channels[voice.program, bend] = next(free)
                events.append((0, 0, bytes([0xC0 | channel, voice.program])))
                events.append((0, 1, bytes([0xE0 | channel, bend & 0x7F, bend >> 7])))
            else:
                channel = channels[voice.program, bend]
            on, off = (round(at * _TICKS_A_SECOND) for at in (hit.at_s, hit.at_s + hit.hold_s))
            events.append((on, 3, bytes([0x90 | channel, whole, hit.velocity])))
            events.append((off, 2, bytes([0x80 | channel, whole, 0])))
    track, before = bytearray(), 0
    for tick, _, message in sorted(events):
        track += _length(tick - before) + message
        before = tick
    track += _length(round(tail_s * _TICKS_A_SECOND)) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)


def _by_font(font: str, parts: Sequence[tuple[Voice, Sequence[Hit]]], duration_s: float) -> Wave:
    path, package = _FONTS[font]
    program = shutil.which("fluidsynth")
    if program is None or not Path(path).is_file():
        raise FactoryError(f"music is rendered by FluidSynth with {path}: apt-get install fluidsynth {package}")
    with tempfile.TemporaryDirectory(prefix="avgen-music-") as folder:
        score, raw = Path(folder) / "score.mid", Path(folder) / "sound.raw"
        score.write_bytes(_midi(parts, 1.0))
        command = [program, "-niq", "-r", str(RATE_HZ), "-g", "0.5", "-T", "raw", "-O", "s16", "-F", str(raw)]
        done = subprocess.run([*command, path, str(score)], capture_output=True, timeout=120, check=False)
        if done.returncode or not raw.is_file():
            raise FactoryError(f"fluidsynth failed on {path}: {done.stderr.decode(errors='replace')[-300:]}")
        sound = np.frombuffer(raw.read_bytes(), "<i2").reshape(-1, 2).mean(axis=1) / 32768.0
    out = np.zeros(round(duration_s * RATE_HZ), np.float32)
    out[: sound.size] = sound[: out.size]
    return out


def _own(name: str, hit: Hit, seed: int) -> Wave:
    """One note of an instrument that is synthesised here, 1-d."""
    hz = 440.0 * 2 ** ((hit.midi - 69) / 12)
    generator = np.random.default_rng([seed, round(hit.at_s * 1000), round(hit.midi * 100)])
    level = 0.12 * (hit.velocity / 96) ** 1.5
    if name == "plucked string":  # Karplus and Strong 1983, tuned by an all-pass
        hold = round((min(hit.hold_s, 4.0) + 0.15) * RATE_HZ)
        period = RATE_HZ / hz - 0.5
        size = int(period)
        share = (1 - (period - size)) / (1 + (period - size))
        drawn = generator.uniform(-1, 1, size)
        line: list[float] = np.convolve(np.r_[drawn[-2:], drawn], np.ones(3) / 3, "valid").tolist()
        out, last_in, last_out, at, before = np.zeros(hold), 0.0, 0.0, 0, 0.0
        for index in range(hold):
            value = line[at]
            low = 0.996 * 0.5 * (value + before)
            before = value
            last_out = share * (low - last_out) + last_in
            last_in = low
            line[at] = last_out
            out[index] = value
            at = at + 1 if at + 1 < size else 0
        damped: Wave = (3 * level * out * np.clip((hold - np.arange(hold)) / (0.05 * RATE_HZ), 0, 1)).astype(np.float32)
        return damped
    t = np.arange(round((hit.hold_s + 0.08) * RATE_HZ)) / RATE_HZ
    phase = 2 * math.pi * hz * t
    partials = np.arange(1, max(2, min(24, int(9000 / hz) + 1)))
    weights: NDArray[Any] = 1.0 / partials**2.0
    if name == "pipes":
        weights = np.where(np.isin(partials, (1, 2, 3, 4, 6)), 1.0 / partials, 0.0)
    elif name == "reed":
        weights = np.where(partials % 2 == 1, 1.0, 0.35) / partials
    elif name == "sung vowel":
        vibrato = 0.3 * np.clip((t - 0.15) / 0.3, 0, 1)  # a third of a semitone each way
        phase = 2 * math.pi * hz * np.cumsum(2 ** (vibrato * np.sin(2 * math.pi * 5.4 * t) / 12)) / RATE_HZ
        where = partials * hz
        formants = ((700.0, 1.0, 130.0), (1150.0, 0.5, 150.0), (2700.0, 0.16, 250.0))
        weights = 0.25 / partials
        for formant, gain, width in formants:
            weights = weights + gain * np.exp(-0.5 * ((where - formant) / width) ** 2)
    wave = np.zeros(t.size)
    for number, weight, turn in zip(partials, weights, generator.uniform(0, 6.28, 24), strict=False):
        wave += weight * np.sin(number * phase + turn)
    rise, fall = (0.06, 0.07) if name == "sung vowel" else (0.02, 0.05)
    shape = np.clip(t / rise, 0, 1) * np.clip((hit.hold_s + 0.08 - t) / fall, 0, 1)
    sound: Wave = (2 * level * wave * shape / float(np.sqrt((weights**2).sum()))).astype(np.float32)
    return sound


def play(parts: Sequence[tuple[Voice, Sequence[Hit]]], duration_s: float, seed: int = 0) -> Wave:
    """One channel at 48 kHz in which each voice plays its hits; its peak is half of full scale.

    Raises:
        FactoryError: FluidSynth or a sound font is not installed, and a voice needs it.
    """
    out = np.zeros((1, round(duration_s * RATE_HZ)), np.float32)
    for font in {voice.font for voice, _ in parts}:
        mine = [(voice, hits) for voice, hits in parts if voice.font == font and hits]
        if font and mine:
            out[0] += _by_font(font, mine, duration_s)
        for voice, hits in mine if not font else ():
            for hit in hits:
                mix(out, _own(voice.name, hit, seed), hit.at_s, RATE_HZ)
    peak = float(np.abs(out).max())
    wave: Wave = out[0] * np.float32(0.5 / peak) if peak > 1e-6 else out[0]
    return wave


class _Later:
    """A track (1, samples) that is played when its samples are first asked for."""

    ndim = 2

    def __init__(self, samples: int, make: Callable[[], Wave]) -> None:
        self.shape = (1, samples)
        self._make = make
        self._made: Wave | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self._made is None:
            self._made = self._make()[None, :]
        return np.asarray(self._made, dtype)

    def __getitem__(self, key: Any) -> Any:
        return self.__array__()[key]


# --------------------------------------------------------------------------- scenes


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is played and asked, before it is a case."""

    parts: tuple[tuple[Voice, tuple[Hit, ...]], ...]
    duration_s: float
    params: dict[str, Any]
    obeys: bool
    note: str
    track: bool = True


def _worn(plan: _Plan, nuisance: str, level: float, seed: int) -> Wave:
    """The sound of a plan under a nuisance."""
    out: NDArray[Any] = play(plan.parts, plan.duration_s, seed)
    power = float(np.sqrt(np.mean(out[np.abs(out) > 1e-3] ** 2))) if (np.abs(out) > 1e-3).any() else 0.05
    if nuisance == "noise":  # level is the distance of the noise below the music, in dB
        out = out + noise(plan.duration_s, RATE_HZ, seed, rms=power * 10 ** (-level / 20), slope=0.5)[: out.size]
    elif nuisance == "room":  # level is the time in which the echo falls by 60 dB, in s
        generator = np.random.default_rng([seed, 11])
        t = np.arange(round(level * RATE_HZ)) / RATE_HZ
        tail = generator.standard_normal(t.size) * np.exp(-6.9 * t / level)
        tail[: round(0.012 * RATE_HZ)] = 0.0
        size = 1 << (out.size + tail.size - 1).bit_length()
        wet = np.fft.irfft(np.fft.rfft(out, size) * np.fft.rfft(tail, size), size)[: out.size]
        out = out + wet * (0.35 * power / max(float(np.sqrt(np.mean(wet**2))), 1e-9))
    elif nuisance == "knocks":  # level is how many a second
        generator = np.random.default_rng([seed, 12])
        track = out[None, :].copy()
        for index in range(max(1, round(level * plan.duration_s))):
            at_s = float(generator.uniform(0, plan.duration_s - 0.2))
            mix(track, impact("wood", RATE_HZ, seed + index, amplitude=0.2), at_s, RATE_HZ)
        out = track[0]
    quiet: Wave = np.clip(out, -1, 1).astype(np.float32)
    return quiet


def _scene(name: str, plan: _Plan, nuisance: str, level: float, seed: int) -> Scene:
    generator = np.random.default_rng([seed, 5])
    still = np.empty((90, 160, 3), np.uint8)
    still[:] = generator.integers(40, 200, 3)

    def picture(index: int) -> NDArray[np.uint8]:
        return still

    sound: Any = _Later(round(plan.duration_s * RATE_HZ), partial(_worn, plan, nuisance, level, seed))
    hits = [
        {"voice": voice.name, "at_s": round(hit.at_s, 4), "hold_s": round(hit.hold_s, 4), "midi": round(hit.midi, 3)}
        for voice, played in plan.parts
        for hit in played
    ]
    truth = {"hits": hits, "obeys": plan.obeys, "note": plan.note, "nuisance": nuisance, "level": level}
    return Scene(name, 160, 90, 8.0, plan.duration_s, picture, sound if plan.track else None, RATE_HZ, truth)


def _name(midi: int, octave: bool = True) -> str:
    return f"{_NAMES[midi % 12]}{midi // 12 - 1}" if octave else _NAMES[midi % 12]


def _melody(
    midis: Sequence[float], step_s: float, start_s: float, generator: Any, voice: Voice, legato: float = 0.9
) -> tuple[Hit, ...]:
    return tuple(
        Hit(start_s + index * step_s, legato * step_s, midi, int(generator.integers(80, 112)))
        for index, midi in enumerate(midis)
    )


def _pick(generator: Any, values: Sequence[Any]) -> Any:
    return values[int(generator.integers(len(values)))]


def _single_note(split: str, obeys: bool, generator: Any) -> _Plan:
    voice = _pick(generator, VOICES[split])
    midi = int(generator.integers(voice.low, voice.high + 1))
    octave = bool(generator.random() < 0.7)
    duration_s = float(generator.uniform(3.0, 4.5))
    times = int(generator.integers(1, 4))
    params: dict[str, Any] = {"note": _name(midi, octave)}
    cents = float(_pick(generator, (0, 0, 5, -8, 15, -20)))
    played: list[float] = [midi + cents / 100] * times
    note = f"{cents:+.0f} cents"
    start_s = 0.3
    voices = [(voice, played)]
    if not obeys:
        ways = ["semitone"] * 3 + ["80 cents", "second note"] * 2 + ["other note", "silence", "noise", "no track"]
        ways += ["octave"] * 2 if octave else []
        note = _pick(generator, ways)
        sign = 1 if midi + 12 <= voice.high or generator.random() < 0.5 else -1
        if note == "semitone":
            played[:] = [value + sign for value in played]
        elif note == "80 cents":
            played[:] = [midi + sign * 0.8] * times
        elif note == "other note":
            played[:] = [midi + sign * int(_pick(generator, (2, 3, 4, 5, 7)))] * times
        elif note == "octave":
            played[:] = [midi + 12 * sign] * times
        elif note == "second note":
            played.append(midi + sign * int(_pick(generator, (1, 2, 3, 4, 5, 7))))
        elif note in ("silence", "noise", "no track"):
            voices = []
    step_s = (duration_s - start_s - 0.2) / len(played)
    hits = tuple((v, _melody(p, step_s, start_s, generator, v)) for v, p in voices)
    if obeys and generator.random() < 0.25:  # the first half is something else, and the prompt asks for the second
        params["window_start"], params["window_end"] = 0.5, 1.0
        half = duration_s / 2
        before = _melody([midi - 3, midi + 2], half / 2 - 0.1, 0.1, generator, voice, 0.7)
        after = _melody([midi + cents / 100], half - 0.3, half + 0.08, generator, voice)
        hits, note = ((voice, (*before, *after)),), "second half"
    if note == "noise":
        knock = Voice("drums", _FONT_OF[split], -1)
        strokes = tuple(Hit(0.3 + 0.5 * i, 0.1, _STROKES[split][0]) for i in range(int(duration_s / 0.5) - 1))
        hits, note = ((knock, strokes),), "strokes without pitch"
    return _Plan(hits, duration_s, params, obeys, note, note != "no track")


def _note_sequence(split: str, obeys: bool, generator: Any) -> _Plan:
    voice = _pick(generator, VOICES[split])
    count = int(generator.integers(2, 7))
    span = list(range(max(voice.low, 48), voice.high + 1))
    middle = int(_pick(generator, span[: max(1, len(span) - 12)]))
    midis = [middle + int(generator.integers(0, 12)) for _ in range(count)]
    for index in range(1, count):  # a note may come twice running, but seldom does in a prompt
        if midis[index] == midis[index - 1] and generator.random() < 0.8:
            midis[index] += 2 if midis[index] < middle + 10 else -2
    octave = bool(generator.random() < 0.75)
    params: dict[str, Any] = {"notes": tuple(_name(midi, octave) for midi in midis)}
    played: list[float] = [float(midi) for midi in midis]
    note = "as asked"
    if not obeys:
        ways = ["semitone", "whole tone", "missing", "extra", "swapped", "other"]
        ways += ["octave"] if octave else []
        note = _pick(generator, ways)
        at = int(generator.integers(count))
        if note == "semitone":
            played[at] += float(_pick(generator, (-1, 1)))
        elif note == "whole tone":
            played[at] += float(_pick(generator, (-2, 2)))
        elif note == "missing":
            del played[at]
        elif note == "extra":
            played.insert(at, played[at] + float(_pick(generator, (-3, -2, 2, 3, 4))))
        elif note == "swapped":
            at = next((i for i in range(count - 1) if played[i] != played[i + 1]), -1)
            if at < 0:
                played[0] += 4
            else:
                played[at], played[at + 1] = played[at + 1], played[at]
        elif note == "octave":
            played[at] += 12 if played[at] + 12 <= voice.high + 3 else -12
        else:
            played = [value + float(generator.integers(1, 5)) for value in played]
    step_s = float(generator.uniform(0.35, 0.8 if count < 5 else 0.6))
    duration_s = 0.3 + step_s * len(played) + 0.4
    legato = float(_pick(generator, (0.7, 0.9, 1.0)))
    hits = _melody(played, step_s, 0.3, generator, voice, legato)
    return _Plan(((voice, hits),), duration_s, params, obeys, note)


def _scale(split: str, obeys: bool, generator: Any) -> _Plan:
    voice = _pick(generator, VOICES[split])
    mode = _pick(generator, ("major", "major", "major", "minor", "major pentatonic", "minor pentatonic"))
    direction = _pick(generator, ("rises", "rises", "falls", "rises_falls"))
    lows = list(range(voice.low, voice.high - 11))
    tonic = int(_pick(generator, lows))
    octaves = 2 if tonic + 24 <= voice.high and generator.random() < 0.1 else 1

    def steps(name: str) -> list[float]:
        return [float(tonic + 12 * o + s) for o in range(octaves) for s in _SCALES[name]] + [tonic + 12.0 * octaves]

    def way(up: list[float], name: str) -> list[float]:
        return {"rises": up, "falls": up[::-1], "rises_falls": up + up[-2::-1]}[name]

    up = steps(mode)
    played, note = way(up, direction), f"{octaves} octave"
    if not obeys:
        note = _pick(generator, ("direction", "mode", "one note", "no last note", "half", "extra", "transposed"))
        if note == "direction":
            played = way(up, {"rises": "falls", "falls": "rises", "rises_falls": "rises"}[direction])
        elif note == "mode":
            other = {"major": "dorian", "minor": "harmonic minor", "major pentatonic": "minor pentatonic"}
            played = way(steps(other.get(mode, "major pentatonic")), direction)
        elif note == "one note":
            at = int(generator.integers(1, len(played) - 1))
            played = [*played[:at], played[at] + float(_pick(generator, (-1, 1))), *played[at + 1 :]]
        elif note == "no last note":
            played = played[:-1]
        elif note == "half":
            # half of two octaves one way is a whole scale, unless its last step is missing
            played = played[: len(played) // 2 + (octaves == 1 or direction == "rises_falls")]
        elif note == "extra":
            at = int(generator.integers(1, len(played)))
            more = played[at] + (3.0 if played[at] + 3.0 != max(played) else 4.0)  # the top may come twice
            played = [*played[:at], more, *played[at:]]
        else:
            shift = float(_pick(generator, (-2, -1, 1, 2)))
            played = [value + shift for value in played]
    step_s = float(generator.uniform(0.3, 0.55)) if len(played) < 12 else float(generator.uniform(0.28, 0.36))
    duration_s = 0.3 + step_s * len(played) + 0.4
    params = {"key": f"{_NAMES[tonic % 12]} {mode}", "direction": direction}
    return _Plan(((voice, _melody(played, step_s, 0.3, generator, voice)),), duration_s, params, obeys, note)


def _voicing(root: int, steps: Sequence[int], voice: Voice, generator: Any) -> list[int]:
    """Notes of a chord near the middle of a voice, in some inversion, with the root doubled or not."""
    base = max(voice.low, 48)
    first = base + (root - base) % 12
    notes = [first + step for step in steps]
    turn = int(generator.integers(0, 3))
    for _ in range(turn):
        lowest = min(notes)
        if lowest + 12 <= voice.high + 2:
            notes[notes.index(lowest)] = lowest + 12
    if generator.random() < 0.5 and first + 12 <= voice.high:
        notes.append(first if first not in notes else first + 12)
    return sorted(set(notes))


def _strum(notes: Sequence[int], at_s: float, hold_s: float, generator: Any, spread_s: float) -> list[Hit]:
    force = int(generator.integers(76, 108))
    return [Hit(at_s + i * spread_s, hold_s - i * spread_s, note, force) for i, note in enumerate(notes)]


def _chorder(split: str, generator: Any) -> Voice:
    name = _pick(generator, _MANY[split])
    return next(voice for voice in VOICES[split] if voice.name == name)


def _altered(root: int, quality: str, generator: Any) -> tuple[int, str, str]:
    """Another chord, and how it differs."""
    ways = ["mode", "mode", "root", "near root"] + (["seventh"] if quality in ("", "m", "7", "maj7", "m7") else [])
    way = _pick(generator, ways)
    if way == "mode":
        swap = {"": "m", "m": "", "7": "m7", "m7": "7", "maj7": "m7", "sus4": "", "dim": "m", "aug": ""}
        return root, swap[quality], "major for minor, or the like"
    if way == "seventh":
        swap = {"": "7", "m": "m7", "7": "", "maj7": "", "m7": "m"}
        return root, swap[quality], "seventh more or less"
    if way == "near root":
        return (root + int(_pick(generator, (-1, 1)))) % 12, quality, "a semitone away"
    shift = int(_pick(generator, (2, 5, 7, 9) if quality != "aug" else (2, 5, 7)))
    return (root + shift) % 12, quality, f"{shift} semitones away"


def _chord(split: str, obeys: bool, generator: Any) -> _Plan:
    voice = _chorder(split, generator)
    root, quality = int(generator.integers(12)), _pick(generator, _USUAL)
    duration_s = float(generator.uniform(3.0, 4.5))
    times = int(generator.integers(1, 4))
    params: dict[str, Any] = {"chord": _NAMES[root] + quality}
    chords = [(root, quality)] * times
    note = "as asked"
    if not obeys:
        note = _pick(generator, ("other", "other", "other", "other", "half", "single note", "octaves", "silence"))
        if note == "other":
            at, kind, note = _altered(root, quality, generator)
            chords = [(at, kind)] * times
        elif note == "half":
            at, kind, note = _altered(root, quality, generator)
            chords, note = [(root, quality), (at, kind)], f"half: {note}"
    step_s = (duration_s - 0.5) / len(chords)
    spread_s = float(_pick(generator, (0.0, 0.0, 0.02)))
    hits: list[Hit] = []
    for index, (at, kind) in enumerate(chords):
        notes = _voicing(at, _CHORDS[kind], voice, generator)
        if note in ("single note", "octaves"):
            notes = notes[:1] if note == "single note" else [notes[0], notes[0] + 12]
        hits += _strum(notes, 0.3 + index * step_s, 0.95 * step_s, generator, spread_s)
    if note == "silence":
        hits = []
    if obeys and generator.random() < 0.2:
        params["window_start"], params["window_end"] = 0.5, 1.0
        half = duration_s / 2
        hits = _strum(_voicing((root + 5) % 12, _CHORDS[""], voice, generator), 0.2, half - 0.4, generator, 0.0)
        hits += _strum(_voicing(root, _CHORDS[quality], voice, generator), half + 0.05, half - 0.2, generator, 0.0)
        note = "second half"
    return _Plan(((voice, tuple(hits)),), duration_s, params, obeys, note)


def _chord_sequence(split: str, obeys: bool, generator: Any) -> _Plan:
    voice = _chorder(split, generator)
    count = int(generator.integers(2, 5))
    asked: list[tuple[int, str]] = []
    while len(asked) < count:
        one = (int(generator.integers(12)), _pick(generator, ("", "", "", "m", "m", "7", "maj7")))
        if not asked or asked[-1] != one:
            asked.append(one)
    played, note = list(asked), "as asked"
    if not obeys:
        note = _pick(generator, ("one other", "one other", "one other", "swapped", "missing", "extra"))
        at = int(generator.integers(count))
        if note == "one other":
            root, kind, how = _altered(*asked[at], generator)
            played[at], note = (root, kind), f"one: {how}"
        elif note == "swapped":
            played[0], played[1] = played[1], played[0]
        elif note == "missing":
            del played[at]
        else:
            root, kind = played[at]
            played.insert(at + 1, ((root + 5) % 12, kind))
        if [c for i, c in enumerate(played) if not i or c != played[i - 1]] == asked:
            played, note = [((root + 2) % 12, kind) for root, kind in played], "all other"
    step_s = float(generator.uniform(0.8, 1.3))
    hits: list[Hit] = []
    for index, (root, kind) in enumerate(played):
        notes = _voicing(root, _CHORDS[kind], voice, generator)
        hits += _strum(notes, 0.3 + index * step_s, 0.92 * step_s, generator, float(_pick(generator, (0.0, 0.02))))
    params = {"chords": tuple(_NAMES[root] + kind for root, kind in asked)}
    return _Plan(((voice, tuple(hits)),), 0.3 + step_s * len(played) + 0.4, params, obeys, note)


def _key(split: str, obeys: bool, generator: Any) -> _Plan:
    """A cadence with a tune over it, in a key."""
    voice, lead = _chorder(split, generator), _pick(generator, VOICES[split])
    tonic, mode = int(generator.integers(12)), _pick(generator, ("major", "minor"))
    at, how, note = tonic, mode, "as asked"
    if not obeys:
        note = _pick(generator, ("relative", "parallel", "fifth", "fourth", "semitone", "tone"))
        if note == "relative":
            at, how = ((tonic + 9) % 12, "minor") if mode == "major" else ((tonic + 3) % 12, "major")
        elif note == "parallel":
            how = "minor" if mode == "major" else "major"
        else:
            at = (tonic + {"fifth": 7, "fourth": 5, "semitone": 1, "tone": 2}[note]) % 12
    if how == "major":
        bars = _pick(generator, (((0, ""), (5, ""), (7, ""), (0, "")), ((0, ""), (9, "m"), (5, ""), (7, ""), (0, ""))))
    else:
        bars = _pick(
            generator, (((0, "m"), (5, "m"), (7, ""), (0, "m")), ((0, "m"), (8, ""), (5, "m"), (7, ""), (0, "m")))
        )
    step_s = 6.0 / len(bars)
    hits: list[Hit] = []
    tune: list[Hit] = []
    high = max(lead.low, min(72, lead.high - 12))
    for index, (shift, kind) in enumerate(bars):
        root = (at + shift) % 12
        hits += _strum(
            _voicing(root, _CHORDS[kind], voice, generator), 0.2 + index * step_s, 0.95 * step_s, generator, 0.0
        )
        scale = _SCALES["major" if how == "major" else "harmonic minor"]
        inside = [(root + step) % 12 for step in _CHORDS[kind]]
        classes = [inside[0 if index in (0, len(bars) - 1) else 1], int(_pick(generator, scale)) + at, inside[2]]
        for place, one in enumerate(classes):
            midi = high + (one - high) % 12
            tune.append(Hit(0.2 + (index + place / 3) * step_s, 0.3 * step_s, midi, 88))
    params = {"key": f"{_NAMES[tonic]} {mode}"}
    return _Plan(((voice, tuple(hits)), (lead, tuple(tune))), 6.6, params, obeys, note)


def _tempo(split: str, obeys: bool, generator: Any) -> _Plan:
    bpm = int(_pick(generator, (60, 66, 72, 80, 84, 90, 96, 100, 108, 112, 120, 120, 126, 132, 140, 150, 160)))
    style = _pick(generator, ("strokes", "strokes", "groove", "notes", "notes", "waltz"))
    if style == "groove":
        bpm = min(140, max(80, bpm))
    duration_s = 7.0
    params = {"bpm": float(bpm)}
    beat_s, note, played = 60.0 / bpm, f"{style} as asked", float(bpm)
    swing = 0.0
    if not obeys:
        ways = ["10 % fast", "10 % slow", "far off", "uneven", "silence"]
        ways += ["half"] if bpm / 2 >= 40 else []
        ways += ["double"] if bpm * 2 <= 220 else []
        note = _pick(generator, ways)
        factor = {"10 % fast": 1.1, "10 % slow": 0.9, "far off": 1.33, "half": 0.5, "double": 2.0}.get(note, 1.0)
        if note == "far off" and bpm * 1.33 > 220:
            factor = 0.75
        played, swing = bpm * factor, 0.33 if note == "uneven" else 0.0
        beat_s = 60.0 / played
        note = f"{style} {note}"
    count = int((duration_s - 0.5) / beat_s)
    times = [0.3 + beat_s * (i + float(generator.uniform(-swing, swing))) for i in range(count)]
    drums = Voice("drums", _FONT_OF[split], -1)
    parts: list[tuple[Voice, tuple[Hit, ...]]] = []
    if note.endswith("silence"):
        pass
    elif style == "strokes":
        stroke = _pick(generator, _STROKES[split])
        parts = [(drums, tuple(Hit(t, 0.1, stroke, int(generator.integers(90, 110))) for t in times))]
    elif style in ("groove", "waltz"):
        bar = 4 if style == "groove" else 3
        hits: list[Hit] = []
        for i, t in enumerate(times):
            low = i % bar == 0 or (bar == 4 and i % bar == 2)
            hits.append(Hit(t, 0.1, 36 if low else 38, 110 if low else 96))
            if style == "groove":
                hits += [Hit(t, 0.1, 42, 64), Hit(t + beat_s / 2, 0.1, 42, 52)]
        parts = [(drums, tuple(hits))]
    else:
        voice = _pick(generator, VOICES[split])
        middle = (voice.low + voice.high) // 2
        walk = (middle + int(s) for s in generator.choice((0, 2, 4, 5, 7, 9), count))
        parts = [(voice, tuple(Hit(t, 0.85 * beat_s, m, 96) for t, m in zip(times, walk, strict=True)))]
    return _Plan(tuple(parts), duration_s, params, obeys, note)


_PLANS: dict[str, Callable[[str, bool, Any], _Plan]] = {
    "single_note": _single_note,
    "note_sequence": _note_sequence,
    "scale": _scale,
    "chord": _chord,
    "chord_sequence": _chord_sequence,
    "key": _key,
    "tempo": _tempo,
}
_NUISANCES = (("noise", 20.0), ("noise", 10.0), ("room", 1.0), ("knocks", 1.0))


def cases(kind: str, split: str, count: int, seed: int) -> Iterator[Case]:
    """``count`` cases of a kind, every second one obeying, every fifth under a nuisance.

    Sound is played when a scene's track is first read. Knocks are no nuisance for tempo: they are a beat of their own.
    """
    order = list(_PLANS).index(kind)
    for index in range(count):
        obeys = index % 2 == 0
        own = [seed, order, ("calibration", "test").index(split), index]
        plan = _PLANS[kind](split, obeys, np.random.default_rng(own))
        nuisance, level = (NOMINAL, 0.0) if index % 5 else _NUISANCES[index // 10 % (3 if kind == "tempo" else 4)]
        number = int(np.random.default_rng(own).integers(1 << 30))
        scene = _scene(f"{kind}-{split}-{seed}-{index:04d}", plan, nuisance, level, number)
        asked = Constraint("c1", kind, kind, tuple(sorted(plan.params.items())))
        yield Case(scene, asked, plan.obeys, nuisance, level, plan.note)
