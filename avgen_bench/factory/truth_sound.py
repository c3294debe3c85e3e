"""Clips that obey or break what prompts state about loudness, silence and the timing of sharp sounds.

The two splits share no kind of sound: thresholds are chosen on wood, metal, claps, beeps, drips, drums and toots, and
tested on glass, rubber, handbells, snaps, pips, plops, chops, ticks and barks. Pictures are plain; the sound is what is
judged. Nuisances: ``noise`` (a bed of noise; the level is how many dB its rms lies above -60 below the peak of the
events), ``reverb`` (level: seconds to fall by 60 dB), ``uneven`` (events differ by up to the level in dB either way),
``quiet`` (the whole clip softer by the level in dB), ``hum`` (mains hum, level in dB above -60 dBFS), ``waver`` (the
level of what sounds all the time wanders by the level in dB, rms), ``clutter`` (ten small noises, the level in dB below
the events), ``flam`` (every strike touches twice, the level in ms apart), ``rain`` (many fine drops, level as for
noise).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.factory.scene import Scene, impact, mix, noise, silence, textured, tone
from avgen_bench.factory.truth import NOMINAL, Case
from avgen_bench.types import Constraint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Sound = NDArray[np.float32]
    Random = np.random.Generator
else:
    np = lazy("numpy")

__all__ = ["FAMILIES", "cases", "strike"]

FAMILIES = {
    "calibration": ("wood", "metal", "clap", "beep", "drip", "drum", "toot"),
    "test": ("glass", "rubber", "handbell", "snap", "pip", "plop", "chop", "tick", "bark"),
}
_BEDS = {"calibration": (0.0, 0.5), "test": (0.3, 0.8)}
"""Slopes of the noise."""
_HUES = {"calibration": ((150, 120, 90), (70, 100, 130), (110, 140, 90)), "test": ((90, 90, 120), (160, 150, 60))}
_RATE_HZ = 48000
_FPS = 12.0
_SIZE = (320, 180)
_HARD: tuple[tuple[str, float], ...] = (
    *(("noise", 30.0), ("noise", 40.0), ("reverb", 0.8), ("reverb", 1.6), ("uneven", 6.0), ("uneven", 10.0)),
    *(("quiet", 25.0), ("hum", 20.0), ("waver", 1.0), ("waver", 2.0), ("clutter", 35.0), ("flam", 50.0)),
    ("rain", 30.0),
)


# --------------------------------------------------------------------------- sounds


def _burst(random: Random, decay_s: float, length_s: float, slope: float, low_hz: float) -> Sound:
    out = noise(length_s, _RATE_HZ, int(random.integers(1 << 30)), rms=1.0, slope=slope, low_hz=low_hz)
    return (out * np.exp(-np.arange(out.size) / _RATE_HZ / decay_s)).astype(np.float32)


def _glide(start_hz: float, end_hz: float, length_s: float, decay_s: float) -> Sound:
    t = np.arange(round(length_s * _RATE_HZ)) / _RATE_HZ
    hz = start_hz + (end_hz - start_hz) * np.clip(t / (0.6 * length_s), 0.0, 1.0)
    wave = np.sin(2 * math.pi * np.cumsum(hz) / _RATE_HZ) * np.exp(-t / decay_s)
    return (wave * np.clip(t / 0.002, 0, 1) * np.clip(t[::-1] / 0.01, 0, 1)).astype(np.float32)


def _blown(hz: Any, length_s: float, attack_s: float, harmonics: int) -> Sound:
    """A sounding pipe or throat: harmonics of a pitch course (a number, or one per sample)."""
    t = np.arange(round(length_s * _RATE_HZ)) / _RATE_HZ
    phase = 2 * math.pi * np.cumsum(np.broadcast_to(hz, t.shape)) / _RATE_HZ
    wave = sum(np.sin(number * phase) / number for number in range(1, harmonics + 1))
    return (wave * np.clip(t / attack_s, 0, 1) * np.clip(t[::-1] / 0.04, 0, 1)).astype(np.float32)


def strike(family: str, seed: int) -> Sound:
    """One sharp sound, 1-d, that begins with its first sample, peak 1; ``family`` is one of :data:`FAMILIES`."""
    random = np.random.default_rng(seed)
    if family in ("wood", "metal", "clap", "glass", "rubber"):
        return impact(family, _RATE_HZ, seed, amplitude=1.0)
    out = silence(1.4, _RATE_HZ)
    if family == "beep":
        mix(out, tone(random.uniform(700, 1100), random.uniform(0.08, 0.15), _RATE_HZ), 0.0, _RATE_HZ)
    elif family == "pip":
        length_s, hz = random.uniform(0.05, 0.25), random.uniform(1400, 2400)
        mix(out, tone(hz, length_s, _RATE_HZ), 0.0, _RATE_HZ)
        mix(out, tone(3 * hz, length_s, _RATE_HZ, amplitude=0.08), 0.0, _RATE_HZ)
    elif family == "drip":
        mix(out, _glide(random.uniform(450, 600), random.uniform(1300, 1700), 0.09, 0.03), 0.0, _RATE_HZ)
    elif family == "plop":
        mix(out, _glide(random.uniform(220, 300), random.uniform(700, 950), 0.12, 0.04), 0.0, _RATE_HZ)
        mix(out, _burst(random, 0.015, 0.08, 0.5, 800.0), 0.045, _RATE_HZ, gain=0.04)
    elif family == "drum":
        mix(out, _glide(random.uniform(100, 130), random.uniform(55, 70), 0.5, 0.14), 0.0, _RATE_HZ)
        mix(out, _burst(random, 0.005, 0.04, 0.5, 60.0), 0.0, _RATE_HZ, gain=0.15)
    elif family == "handbell":
        base_hz, t = random.uniform(600, 900), np.arange(round(1.4 * _RATE_HZ)) / _RATE_HZ
        for number, ratio in enumerate((1.0, 2.0, 3.01, 4.17, 5.4)):
            for apart_hz in (0.0, random.uniform(3.0, 7.0)):  # the pair of partials that makes a bell beat
                wave = np.sin(2 * math.pi * (base_hz * ratio + apart_hz) * t)
                out[0] += (wave * np.exp(-t * (1 + 0.7 * number) / 0.7) / (1 + number)).astype(np.float32)
        out[0] *= np.clip(t / 0.001, 0, 1) * np.clip(t[::-1] / 0.1, 0, 1)
    elif family == "snap":
        for at_s in (0.0, random.uniform(0.004, 0.008), random.uniform(0.01, 0.016)):
            mix(out, _burst(random, 0.008, 0.05, 0.0, 1500.0), at_s, _RATE_HZ, gain=random.uniform(0.6, 1.0))
    elif family == "chop":
        mix(out, _glide(random.uniform(150, 190), 110.0, 0.12, 0.03), 0.0, _RATE_HZ)
        mix(out, _burst(random, 0.01, 0.06, 0.7, 100.0), 0.0, _RATE_HZ, gain=0.3)
        mix(out, _burst(random, 0.008, 0.05, 0.7, 200.0), random.uniform(0.03, 0.045), _RATE_HZ, gain=0.08)
    elif family == "tick":
        for at_s, gain in ((0.0, 1.0), (random.uniform(0.015, 0.03), 0.5)):
            mix(out, _burst(random, 0.003, 0.03, 0.0, 2500.0), at_s, _RATE_HZ, gain=gain)
    elif family == "toot":
        mix(out, _blown(random.uniform(260, 340), random.uniform(0.08, 0.12), 0.02, 6), 0.0, _RATE_HZ)
    elif family == "bark":
        length_s, base_hz = random.uniform(0.14, 0.2), random.uniform(380, 480)
        course = base_hz * (1 + 0.35 * np.sin(np.linspace(0, math.pi, round(length_s * _RATE_HZ))))
        mix(out, _blown(course, length_s, 0.02, 9), 0.0, _RATE_HZ)
        mix(out, _burst(random, 0.06, length_s, 0.5, 300.0), 0.0, _RATE_HZ, gain=0.08)
    else:
        raise ValueError(f"family is {family!r}; expected one of {FAMILIES}")
    sound: Sound = out[0] / np.float32(np.abs(out[0]).max())
    return sound


def _reverberant(track: Sound, seconds: float, seed: int, wet: float) -> Sound:
    """The track in a room whose sound falls by 60 dB in ``seconds``; it begins with the direct sound."""
    random = np.random.default_rng(seed)
    count = round(min(seconds, 1.5) * _RATE_HZ)
    tail = random.standard_normal(count) * np.exp(-6.9 * np.arange(count) / _RATE_HZ / seconds)
    tail[: round(0.008 * _RATE_HZ)] = 0.0
    size = 1 << (track.shape[1] + count).bit_length()
    spectrum = np.fft.rfft(track[0], size) * np.fft.rfft(tail / np.sqrt(np.sum(tail**2)), size)
    wet_sound = np.fft.irfft(spectrum, size)[: track.shape[1]]
    return (track + wet * wet_sound[None]).astype(np.float32)


@dataclass(frozen=True)
class _Hard:
    name: str
    level: float

    def db(self, name: str) -> float:
        return self.level if self.name == name else 0.0


def _events(
    random: Random, split: str, duration_s: float, times_s: Sequence[float], hard: _Hard, family: str = ""
) -> Sound:
    """A track of strikes at the times given, over the bed that the nuisance asks for."""
    chosen = family or str(random.choice(FAMILIES[split]))
    seed = int(random.integers(1 << 30))
    track = silence(duration_s, _RATE_HZ)
    spread_db = hard.db("uneven") or 2.0
    for number, at_s in enumerate(times_s):
        gain = 10 ** (float(random.uniform(-spread_db, 0.0 if spread_db > 2 else spread_db)) / 20)
        # each stroke of one object sounds alike, not the same
        sound = strike(chosen, seed + (number if chosen not in ("beep", "pip") else 0))
        mix(track, sound, at_s, _RATE_HZ, gain=gain)
        if hard.name == "flam":
            mix(track, sound, at_s + hard.level / 1000, _RATE_HZ, gain=0.5 * gain)
    if hard.name == "reverb":
        track = _reverberant(track, hard.level, seed, 0.7)
    elif random.random() < 0.5:
        track = _reverberant(track, 0.3, seed, 0.3)
    peak = float(random.uniform(0.25, 0.8)) * 10 ** (-hard.db("quiet") / 20)
    track *= np.float32(peak / max(1e-6, float(np.abs(track).max())))
    return _bedded(random, split, track, hard, peak if times_s else 0.5)


def _bedded(random: Random, split: str, track: Sound, hard: _Hard, peak: float) -> Sound:
    duration_s = track.shape[1] / _RATE_HZ
    rms = peak * 10 ** ((hard.db("noise") - 60) / 20)
    slope = float(random.choice(_BEDS[split]))
    bed = noise(duration_s, _RATE_HZ, int(random.integers(1 << 30)), rms=rms, slope=slope, low_hz=40.0)
    if hard.name == "rain":
        drops = random.random(bed.size) ** 60 * random.choice((-1.0, 1.0), bed.size)
        bed = 0.5 * bed + (drops * (peak * 10 ** ((hard.level - 60) / 20) / np.sqrt(np.mean(drops**2)))).astype(
            np.float32
        )
    if hard.name == "clutter":
        for at_s in random.uniform(0.0, duration_s, 10):
            small = strike(str(random.choice(FAMILIES[split])), int(random.integers(1 << 30)))
            mix(track, small, float(at_s), _RATE_HZ, gain=peak * 10 ** (-hard.level / 20))
    if hard.name == "hum":
        for number, share in ((1, 1.0), (2, 0.6), (3, 0.4)):
            bed = bed + tone(50.0 * number, duration_s, _RATE_HZ, amplitude=share * 10 ** ((hard.level - 60) / 20))
    return _clipped(track + bed[None, : track.shape[1]])


def _clipped(track: NDArray[Any]) -> Sound:
    out: Sound = np.clip(track, -1.0, 1.0).astype(np.float32)
    return out


# --------------------------------------------------------------------------- scenes


def _scene(
    name: str,
    split: str,
    random: Random,
    duration_s: float,
    sound: Sound | None,
    events_s: Sequence[float] = (),
    cuts: Sequence[int] = (),
) -> Scene:
    """Plain pictures, one for each shot; ``cuts`` are numbers of the frames that begin a new one."""
    hues = _HUES[split]
    seed, first = int(random.integers(1 << 20)), int(random.integers(len(hues)))
    stills: dict[int, Picture] = {}

    def picture(index: int) -> Picture:
        shot = sum(cut <= index for cut in cuts)
        if shot not in stills:
            stills[shot] = textured(*_SIZE, seed + 7 * shot, color=hues[(first + shot) % len(hues)], contrast=30.0)
        return stills[shot]

    truth = {"events_s": [round(at_s, 4) for at_s in events_s], "cuts_s": [round(cut / _FPS, 4) for cut in cuts]}
    return Scene(name, *_SIZE, _FPS, duration_s, picture, sound, _RATE_HZ, truth)


def _whole(seconds: float) -> float:
    """A length of whole frames."""
    return round(seconds * _FPS) / _FPS


def _spaced(random: Random, count: int, first_s: float, last_s: float, least_s: float) -> list[float]:
    """``count`` times between first and last, at least ``least_s`` apart, otherwise anywhere."""
    room = last_s - first_s - least_s * max(0, count - 1)
    places = np.sort(random.uniform(0.0, max(room, 0.0), count))
    return [first_s + float(place) + least_s * number for number, place in enumerate(places)]


Made = tuple[Scene, Constraint, str, tuple[Constraint, ...]]
_EVENT = ("event", "knock")


def _constraint(kind: str, *params: tuple[str, Any], name: str = "c1") -> Constraint:
    return Constraint(name, kind, "as stated", tuple(sorted(params)))


def _event_count(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    asked = int(random.integers(1, 7))
    windowed = turn % 3 == 0
    wrong, note = (0, "as many") if obeys else ((1, "one too many"), (-1, "one too few"), (2, "two too many"))[turn % 3]
    if not obeys and turn % 8 == 7:
        wrong, note = -asked, "none at all"
    least_s = float(random.choice((0.16, 0.3, 0.45)))
    seconds = _whole(max(2.0, (asked + 3) * least_s + 1.2) * (2.0 if windowed else 1.0))
    end_s = seconds / 2 - 0.2 if windowed else seconds - 0.25
    times = _spaced(random, asked + wrong, 0.2, end_s, least_s)
    params: list[tuple[str, Any]] = [_EVENT, ("count_min", asked), ("count_max", asked)]
    if windowed:
        times += _spaced(random, int(random.integers(1, 3)), seconds / 2 + 0.2, seconds - 0.25, 0.3)
        params += [("window_start", 0.0), ("window_end", 0.5)]
    sound = None if not obeys and turn % 16 == 15 else _events(random, split, seconds, times, hard)
    scene = _scene(name, split, random, seconds, sound, times)
    return scene, _constraint("event_count", *params), "no sound track" if sound is None else note, ()


def _event_rate(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    rate = float(random.choice((0.5, 1.0, 2.0, 3.0, 4.0)))
    factor, note = float(random.uniform(0.96, 1.04)), "at the rate"
    if not obeys:
        factor = (1.2, 0.82, 1.5, 0.5, 2.0)[turn % 5]
        note = f"at {factor:g} times the rate"
    seconds = _whole(min(8.0, max(3.0, 4.6 / min(rate, rate * factor))))
    gap_s = 1 / (rate * factor)
    count = int((seconds - 0.4) / gap_s) + 1
    times = [0.2 + gap_s * (place + float(random.normal(0, 0.015))) for place in range(count)]
    times = [max(0.05, at_s) for at_s in times if at_s < seconds - 0.1]
    scene = _scene(name, split, random, seconds, _events(random, split, seconds, times, hard), times)
    return scene, _constraint("event_rate", _EVENT, ("rate_hz", rate)), note, ()


def _event_at(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    at_s = float(random.choice((1.0, 1.5, 2.0, 3.0)))
    seconds = _whole(at_s + 2.0)
    off_s, note = float(random.uniform(-0.2, 0.2)), "at the time"
    if not obeys:
        off_s = float(random.choice((-1, 1))) * (0.42, 0.6, 0.9)[turn % 3]
        note = f"{off_s:+.2f} s off"
    times = [at_s + off_s]
    if turn % 4 == 1 and at_s + off_s + 0.9 < seconds - 0.3:
        times.append(at_s + abs(off_s) + 0.9)
    if not obeys and turn % 6 == 5:
        times, note = [], "never"
    scene = _scene(name, split, random, seconds, _events(random, split, seconds, times, hard), times)
    return scene, _constraint("event_at", _EVENT, ("at_s", at_s)), note, ()


def _even_spacing(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    count, gap_s = int(random.integers(4, 8)), float(random.uniform(0.3, 0.7))
    gaps = np.ones(count - 1)
    note = "even"
    if obeys:
        gaps += random.normal(0.0, 0.02, gaps.size)
    elif turn % 4 == 3:
        gaps[int(random.integers(gaps.size))], note = 2.0, "one left out"
    else:
        spread = (0.16, 0.3, 0.45)[turn % 4]
        away = random.normal(size=gaps.size)
        away -= away.mean()
        gaps = np.clip(1 + spread * away / max(1e-6, float(away.std())), 0.35, None)
        note = f"intervals differ by {float(gaps.std() / gaps.mean()):.2f}"
    times = [0.3, *(0.3 + gap_s * np.cumsum(gaps)).tolist()]
    seconds = _whole(times[-1] + 0.6)
    scene = _scene(name, split, random, seconds, _events(random, split, seconds, times, hard), times)
    return scene, _constraint("even_spacing", _EVENT), note, ()


def _event_order(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    """Strikes over a bed that is heard, and a silence of 1.2 s before or after them, or a stroke at a stated time."""
    quiet_s, count = 1.2, int(random.integers(2, 4))
    seconds = _whole(4.0)
    order = ("c1", "c2") if random.random() < 0.5 else ("c2", "c1")  # c1 the strikes, c2 the silence
    first_strikes = (order[0] == "c1") == obeys
    times = _spaced(random, count, 0.3 if first_strikes else 2.3, 1.7 if first_strikes else 3.6, 0.3)
    track = _events(random, split, seconds, times, hard)
    bed = noise(seconds, _RATE_HZ, int(random.integers(1 << 30)), rms=0.012 * 10 ** (-hard.db("quiet") / 20), slope=0.5)
    track = track + bed[None, : track.shape[1]]
    silent = (2.5, 2.5 + quiet_s) if first_strikes else (0.4, 0.4 + quiet_s)
    note = "in order" if obeys else "the other way round"
    if not obeys and turn % 4 == 3:
        note = "the silence never comes"
    else:
        points = [silent[0] - 0.3, silent[0], silent[1], silent[1] + 0.3]  # faded: a sudden return would be an event
        at = np.arange(track.shape[1]) / _RATE_HZ
        track = _clipped(track * np.interp(at, points, [1.0, 1e-5, 1e-5, 1.0]))
    others = (
        _constraint("event_count", _EVENT, ("count_min", count), ("count_max", count)),
        _constraint("silence_during", ("duration_s", 1.0), name="c2"),
    )
    scene = _scene(name, split, random, seconds, _clipped(track), times)
    return scene, _constraint("event_order", ("refs", order), name="c3"), note, others


def _sound_at_cut(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    seconds = _whole(4.0)
    cuts = [int(random.integers(10, 17)), int(random.integers(26, 36))]
    times = [cut / _FPS + float(random.uniform(-0.07, 0.07)) for cut in cuts]
    least, note = 2, "a hit on every cut"
    params: list[tuple[str, Any]] = [_EVENT]
    if obeys and turn % 4 == 2:
        times, least, note = times[:1], 1, "a hit on one of two cuts, one asked"
    elif obeys and turn % 4 == 1:
        times, note = [*times, times[1] + 0.6], "a hit on every cut, and one more"
    elif not obeys:
        way = turn % 5
        if way == 0:
            times, note = [at_s + float(random.choice((-1, 1))) * 0.3 for at_s in times], "hits 0.3 s off"
        elif way == 1:
            times, note = times[:1], "one cut without a hit"
        elif way == 2:
            times, note = [at_s + 0.55 for at_s in times], "hits 0.55 s late"
        elif way == 3:
            times, note = [], "no hits"
        else:
            cuts, note = [], "no cuts"
    if least == 1 or turn % 3 == 0:
        params.append(("count_min", least))
    scene = _scene(name, split, random, seconds, _events(random, split, seconds, times, hard), times, cuts)
    return scene, _constraint("sound_at_cut", *params), note, ()


def _duration(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    asked = float(random.choice((2.0, 3.0, 4.0, 5.0)))
    off_s = float(random.choice((-0.16, -0.08, 0.0, 0.0, 0.08, 0.16)))
    if not obeys:
        off_s = float(random.choice((-1, 1))) * (0.34, 0.5, 1.0, 1.5)[turn % 4]
    seconds = _whole(asked + off_s)
    sound = None if turn % 5 == 4 else _events(random, split, seconds, [0.5], hard)
    scene = _scene(name, split, random, seconds, sound)
    return scene, _constraint("duration", ("duration_s", asked)), f"{seconds - asked:+.2f} s", ()


def _source(random: Random, split: str, seconds: float) -> Sound:
    """Something that sounds all the time, as loud throughout, peak about 0.5: shape (1, samples)."""
    seed = int(random.integers(1 << 30))
    which = int(random.integers(3))
    if which == 0:  # wind, rain, engines
        track = noise(seconds, _RATE_HZ, seed, rms=1.0, slope=float(random.choice(_BEDS[split])), low_hz=60.0)[None]
    elif which == 1:  # a humming or singing chord
        base_hz = float(random.uniform(110, 300) if split == "calibration" else random.uniform(300, 600))
        ratios = (1.0, 1.5, 2.0) if split == "calibration" else (1.0, 1.26, 1.5, 3.0)
        waves = [tone(base_hz * ratio, seconds, _RATE_HZ, phase=number) for number, ratio in enumerate(ratios)]
        track = np.sum(waves, axis=0)[None]
    else:  # a drum, a clock, a train on its rails
        track = silence(seconds, _RATE_HZ)
        gap_s, chosen = float(random.uniform(0.25, 0.7)), str(random.choice(FAMILIES[split]))
        for place in range(int((seconds - 0.05) / gap_s) + 1):
            sound = strike(chosen, seed + place % 3)
            mix(track, sound, 0.05 + place * gap_s, _RATE_HZ, gain=float(random.uniform(0.85, 1.0)))
    peak = float(np.abs(track).max())
    out: Sound = (track * (0.6 / max(peak, 1e-6))).astype(np.float32)
    return out


def _shaped(track: Sound, times_s: Sequence[float], levels_db: Sequence[float]) -> Sound:
    """The track under a course of level, in dB, straight between the points given."""
    at = np.arange(track.shape[1]) / _RATE_HZ
    out: Sound = (track * 10 ** (np.interp(at, times_s, levels_db) / 20)).astype(np.float32)
    return out


def _softened(random: Random, split: str, track: Sound, hard: _Hard) -> Sound:
    """The track as the nuisance wants it: softer, wavering, and over a bed that nobody hears."""
    if hard.name == "waver":
        knots = np.arange(0.0, track.shape[1] / _RATE_HZ + 0.7, 0.7)
        track = _shaped(track, knots.tolist(), (hard.level * random.standard_normal(knots.size)).tolist())
        track = track * np.float32(0.5)
    gain = 10 ** (-hard.db("quiet") / 20)
    return _bedded(random, split, track * np.float32(gain), hard, 0.3 * gain)


def _loudness_trend(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    seconds = _whole(float(random.uniform(4.0, 6.0)))
    direction = ("rises", "falls", "steady")[turn % 3]
    windowed = turn % 4 == 3
    start_s, end_s = (seconds / 2, seconds) if windowed else (0.0, seconds)
    middle_s = (start_s + end_s) / 2
    change_db, note = float(random.uniform(10.0, 24.0)), "as stated"
    bend_db = 0.0
    if direction == "steady":
        change_db = float(random.uniform(-1.0, 1.0))
    if not obeys:
        way = turn // 3 % 4
        if direction == "steady":
            change_db = float(random.choice((-1, 1))) * (5.0, 8.0, 12.0, 0.0)[way]
            bend_db = 10.0 if way == 3 else 0.0
            note = "up and down again" if way == 3 else f"changes by {change_db:+.0f} dB"
        else:
            change_db = (0.0, 3.0, -12.0, 0.0)[way]
            bend_db = 12.0 if way == 3 else 0.0
            note = ("as loud throughout", "3 dB only", "the other way", "up and down again")[way]
    sign = -1.0 if direction == "falls" else 1.0
    levels = [-sign * change_db / 2, bend_db, sign * change_db / 2]
    levels = [level - max(levels) for level in levels]
    times: list[float] = [start_s, middle_s, end_s]
    if windowed:  # what happens outside the window does not matter
        times, levels = [0.0, start_s - 0.01, *times], [-20.0, levels[0], *levels]
    track = _shaped(_source(random, split, seconds), times, levels)
    track = _softened(random, split, track, hard)
    params: list[tuple[str, Any]] = [("direction", direction)]
    if windowed:
        params += [("window_start", 0.5), ("window_end", 1.0)]
    scene = _scene(name, split, random, seconds, track)
    return scene, _constraint("loudness_trend", *params), f"{direction}: {note}", ()


def _louder_than(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    seconds = _whole(float(random.uniform(3.0, 5.0)))
    apart_db = float(random.uniform(5.0, 15.0)) if obeys else (1.5, 0.0, -4.0, -10.0)[turn % 4]
    windows = ((0.5, 1.0, 0.0, 0.5), (0.0, 0.5, 0.5, 1.0), (0.67, 1.0, 0.0, 0.33))[turn % 3]
    edge_s = seconds * (0.5 if turn % 3 < 2 else float(random.uniform(0.4, 0.6)))
    levels = [0.0, 0.0, apart_db, apart_db] if windows[0] > windows[2] else [apart_db, apart_db, 0.0, 0.0]
    levels = [level - max(levels) for level in levels]
    track = _shaped(_source(random, split, seconds), [0.0, edge_s - 0.02, edge_s + 0.02, seconds], levels)
    track = _softened(random, split, track, hard)
    names = ("window_start", "window_end", "other_start", "other_end")
    params = list(zip(names, windows, strict=True))
    scene = _scene(name, split, random, seconds, track)
    return scene, _constraint("louder_than", *params), f"{apart_db:+.1f} dB", ()


def _silence_during(name: str, split: str, random: Random, obeys: bool, hard: _Hard, turn: int) -> Made:
    seconds = _whole(float(random.uniform(4.0, 5.0)))
    windowed = turn % 2 == 0
    asked = float(random.choice((1.0, 1.5, 2.0)))
    if windowed:
        share = round(asked / seconds, 3)
        at_end = bool(random.integers(2))
        start_s, end_s = (seconds * (1 - share), seconds) if at_end else (0.0, seconds * share)
        params: list[tuple[str, Any]] = [
            ("window_start", 1 - share if at_end else 0.0),
            ("window_end", 1.0 if at_end else share),
        ]
    else:
        start_s = float(random.uniform(0.5, seconds - asked - 0.6))
        end_s, params = start_s + asked, [("duration_s", asked)]
    rest_db, note = float(random.uniform(-60.0, -52.0)), "silent"  # a hiss that nobody hears beside the sound
    extra = 0.0
    if obeys:
        rest_db = -120.0 if turn % 4 < 2 else rest_db
        start_s, end_s = start_s - 0.1, end_s + 0.1
    else:
        way = turn % 5
        if way == 0:
            rest_db, note = -28.0, "softer, not silent"
        elif way == 1:
            extra, note = 0.5, "one strike in the middle of it"
        elif way == 2:
            rest_db, note = 0.0, "no silence"
        elif way == 3:
            rest_db, note = -34.0, "a soft hiss"
        else:
            cut_s, note = 0.45 * asked + 0.1, "ends too soon"
            start_s, end_s = (start_s + cut_s, end_s) if start_s > 0 else (start_s, end_s - cut_s)
    track = _source(random, split, seconds)
    if float(np.sqrt(np.mean(track**2))) < 0.08:  # single strikes have silence between them: something goes on below
        track = track + noise(seconds, _RATE_HZ, int(random.integers(1 << 30)), rms=0.05, slope=0.5)[None]
    ramp = 0.01
    points = [-1.0, start_s - ramp, start_s, end_s, end_s + ramp, seconds + 1.0]
    track = _shaped(track, points, [0.0, 0.0, rest_db, rest_db, 0.0, 0.0])
    if extra:
        mix(track, strike(str(random.choice(FAMILIES[split])), turn), (start_s + end_s) / 2, _RATE_HZ, gain=0.2)
    track *= np.float32(10 ** (-hard.db("quiet") / 40))
    if hard.name == "reverb":
        track = _reverberant(track, 0.3 * hard.level, int(random.integers(1 << 30)), 0.2)
    scene = _scene(name, split, random, seconds, _clipped(track))
    return scene, _constraint("silence_during", *params), note, ()


_MAKERS: dict[str, Callable[[str, str, Random, bool, _Hard, int], Made]] = {
    "event_count": _event_count,
    "event_rate": _event_rate,
    "event_at": _event_at,
    "even_spacing": _even_spacing,
    "event_order": _event_order,
    "sound_at_cut": _sound_at_cut,
    "duration": _duration,
    "loudness_trend": _loudness_trend,
    "louder_than": _louder_than,
    "silence_during": _silence_during,
}
_EVENTFUL = ("noise", "reverb", "uneven", "quiet", "hum", "clutter", "flam", "rain")
_APPLIES = {
    "loudness_trend": ("quiet", "waver"),
    "louder_than": ("quiet", "waver"),
    "silence_during": ("quiet", "reverb"),
    "duration": (),
    "event_order": ("reverb", "uneven", "quiet"),
}
"""The nuisances that a kind is tried with; kinds that are not named here, with those of events."""


def cases(kind: str, split: str, count: int, seed: int = 0) -> Iterator[Case]:
    """``count`` cases of a kind: half obey, and three in five have no nuisance; the same arguments give the same."""
    hards = [_Hard(*item) for item in _HARD if item[0] in _APPLIES.get(kind, _EVENTFUL)]
    for number in range(count):
        obeys, turn = number % 2 == 0, number // 2
        random = np.random.default_rng([seed, number, list(_MAKERS).index(kind), split == "test"])
        nominal = turn % 5 < 3 or not hards
        hard = _Hard(NOMINAL, 0.0) if nominal else hards[(turn // 5 * 2 + turn % 5 - 3) % len(hards)]
        made = _MAKERS[kind](
            f"{kind}-{split}-{seed}-{number:04d}", split, random, obeys, hard, int(random.integers(240))
        )
        scene, constraint, note, others = made
        yield Case(scene, constraint, obeys, hard.name, hard.level, note, others)
