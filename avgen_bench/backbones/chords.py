"""Chords and keys, from the pitch classes that sound together.

Conventions
    Spectra of half a second, ten a second, on a scale of three bins a semitone that is tuned to the clip, are explained
    by notes with falling partials (non-negative least squares, after Mauch and Dixon 2010), so that the third partial
    of one note is not taken for another. What is left are the strengths of the twelve pitch classes. A Viterbi path
    through chords, single notes and nothing gives the spans; each span's chord is then chosen anew from all of its
    sound. ``confidences`` are the cosine of the classes heard and those of the chord; a span with one note or none is
    left out. Chords of equal pitch classes (C6 and Am7, Csus2 and Gsus4) have one label.

    ``keys`` rank the 24 keys by the correlation of the whole clip's pitch classes with key profiles (Temperley 1999),
    ``key_strengths``.

Constants
    Chosen on the calibration split of :mod:`avgen_bench.factory.truth_music`.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench._lazy import lazy
from avgen_bench.sound import Recording, RecordingConsumer
from avgen_bench.types import AudioView, BackboneFacts, ChordSpans

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
else:
    np = lazy("numpy")

optimize: Any = lazy("scipy.optimize")

__all__ = ["QUALITIES", "Chords"]

RATE_HZ = 8000
WINDOW = 4096
HOP = 800
LOWEST, HIGHEST = 33, 96
"""MIDI numbers of the notes that explain the spectra."""
BINS = 3
PARTIALS = 16
TIMBRES = ((0.4, 1.0), (0.7, 1.0), (0.85, 1.0), (0.8, 0.1))
"""Sounds of each note, to be mixed: amplitude of each partial against the one below, and of even against odd ones."""
QUIET_DB = 40.0
"""Frames so far below the loudest hold no chord."""
SILENT = 1e-3
POWER = 0.7
"""Exponent of the strengths, so that a doubled note does not outweigh the rest."""
STAY = 3.0
HANDICAP = 3.0
SHARPNESS = 12.0
LEAST_S = 0.3
ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
QUALITIES: dict[str, tuple[tuple[int, ...], float]] = {
    "": ((0, 4, 7), 0.0),
    "m": ((0, 3, 7), 0.0),
    "7": ((0, 4, 7, 10), 0.012),
    "maj7": ((0, 4, 7, 11), 0.012),
    "m7": ((0, 3, 7, 10), 0.012),
    "sus4": ((0, 5, 7), 0.02),
    "dim": ((0, 3, 6), 0.02),
    "aug": ((0, 4, 8), 0.02),
    "5": ((0, 7), 0.02),
    "dim7": ((0, 3, 6, 9), 0.03),
    "m7b5": ((0, 3, 6, 10), 0.03),
    "add9": ((0, 2, 4, 7), 0.03),
}
"""Steps above the root, and what the cosine must exceed that of plainer chords by."""
_MAJOR = (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0)
_MINOR = (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0)


class Chords:
    """Yields ChordSpans: chords with their times, and all keys ranked; nothing where nothing sounds."""

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="chords",
        revision="1",
        yields="ChordSpans",
        views=(AudioView(RATE_HZ, 1),),
        summary="chords and key from pitch classes, by non-negative least squares on a log-frequency spectrum",
        libraries=("numpy", "scipy"),
        parameters={
            "window": WINDOW,
            "hop": HOP,
            "timbres": [list(timbre) for timbre in TIMBRES],
            "power": POWER,
            "stay": STAY,
            "least_s": LEAST_S,
        },
        reference="Mauch and Dixon 2010 (ISMIR); Temperley 1999 (Music Perception 17)",
    )

    def start(self) -> RecordingConsumer[ChordSpans]:
        """A fresh consumer for one clip."""
        return RecordingConsumer(_measure)


def _measure(recording: Recording) -> ChordSpans:
    sound = recording.samples()[0].astype(np.float64)
    if sound.size < WINDOW // 4 or float(np.abs(sound).max()) < SILENT:
        return ChordSpans((), (), (), ())
    notes, loud = _strengths(sound)
    if not loud.any():
        return ChordSpans((), (), (), ())
    spans = _spans(notes, loud)
    edge = [recording.time_s(round(time * RATE_HZ)) for span in spans for time in span[1:3]]
    keys = _keys(notes)
    return ChordSpans(
        tuple(span[0] for span in spans),
        tuple(round(time, 3) for time in edge[0::2]),
        tuple(round(max(end, start), 3) for start, end in zip(edge[0::2], edge[1::2], strict=True)),
        tuple(round(min(1.0, span[3]), 4) for span in spans),
        tuple(name for name, _ in keys),
        tuple(round(strength, 4) for _, strength in keys),
    )


@cache
def _scale() -> tuple[Floats, Floats]:
    """Matrix (log bins, FFT bins), and the spectra of the notes (log bins, notes x timbres)."""
    hz = np.arange(1, WINDOW // 2) * RATE_HZ / WINDOW
    midi = 69 + 12 * np.log2(hz / 440)
    centres = np.arange(LOWEST - 1, 106, 1 / BINS)
    apart = np.abs(midi[None, :] - centres[:, None]) * BINS
    wide = np.maximum(1.0, 12 * BINS / np.log(2) * (RATE_HZ / WINDOW) / hz)[None, :]
    matrix = np.where(apart < wide, 0.5 + 0.5 * np.cos(np.pi * np.minimum(apart / wide, 1.0)), 0.0) / wide
    t = np.arange(WINDOW) / RATE_HZ
    window = np.hanning(WINDOW)
    spectra = []
    for note, (fall, even) in product(range(LOWEST, HIGHEST + 1), TIMBRES):
        base = 440 * 2 ** ((note - 69) / 12)
        power = np.zeros(hz.size)
        for number in range(1, PARTIALS + 1):
            if number * base < 0.47 * RATE_HZ:
                one = np.abs(np.fft.rfft(np.cos(2 * np.pi * number * base * t) * window))[1:-1]
                power += one * fall ** (number - 1) * (1.0 if number % 2 else even)
        spectrum = matrix @ power
        spectra.append(spectrum / np.linalg.norm(spectrum))
    return matrix, np.array(spectra).T


def _tuning(sound: Floats) -> float:
    """How far the clip is tuned above A4 = 440 Hz, in semitones within half a one, from its spectral peaks."""
    size = 16384
    count = max(1, sound.size // (size // 2))
    wave = np.pad(sound, (0, max(0, (count + 1) * size // 2 - sound.size)))
    window = np.hanning(size)
    total = 0j
    for index in range(count):
        power = np.abs(np.fft.rfft(wave[index * size // 2 :][:size] * window))
        inner = power[1:-1]
        peaks = np.flatnonzero((inner > power[:-2]) & (inner >= power[2:]) & (inner > 0.03 * power.max())) + 1
        at = peaks * RATE_HZ / size
        peaks = peaks[(at > 100) & (at < 1500)]
        if not peaks.size:
            continue
        left, mid, right = (np.log(power[peaks + off] + 1e-12) for off in (-1, 0, 1))
        bend = left - 2 * mid + right
        hz = (peaks + 0.5 * (left - right) / np.where(np.abs(bend) < 1e-9, -1e-9, bend)) * RATE_HZ / size
        midi = 69 + 12 * np.log2(hz / 440)
        total += (np.sqrt(power[peaks]) * np.exp(2j * np.pi * midi)).sum()
    return float(np.angle(total) / (2 * np.pi)) if total != 0 else 0.0


def _strengths(sound: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Strengths of the notes (frames, notes), and which frames are loud enough to hold a chord."""
    matrix, spectra = _scale()
    count = max(1, round(sound.size / HOP))
    wave = np.pad(sound, (WINDOW // 2, WINDOW // 2 + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP][:count] * np.hanning(WINDOW)
    magnitude = np.abs(np.fft.rfft(frames, axis=1))[:, 1:-1]
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    loud = (level > level.max() - QUIET_DB) & (level > -70)
    shift = _tuning(sound)
    grid = magnitude @ matrix.T
    if abs(shift) > 0.02:
        at = np.arange(grid.shape[1])
        grid = np.stack([np.interp(at + shift * BINS, at, row) for row in grid])
    # what is there at all frequencies alike is noise, not partials
    reach = 6 * BINS
    around = np.lib.stride_tricks.sliding_window_view(np.pad(grid, ((0, 0), (reach, reach)), "edge"), 2 * reach + 1, 1)
    grid = np.maximum(grid - np.median(around, axis=2) * 1.5, 0.0)
    notes = np.zeros((grid.shape[0], HIGHEST + 1 - LOWEST))
    for index in np.flatnonzero(loud):
        target = grid[index]
        size = float(np.linalg.norm(target))
        if size > 1e-9:
            parts = optimize.nnls(spectra, np.sqrt(target / size))[0]
            notes[index] = parts.reshape(-1, len(TIMBRES)).sum(axis=1) ** 2 * size
    return notes, loud & (notes.sum(axis=1) > 0)


@cache
def _templates() -> tuple[list[str], Floats, Floats]:
    """Labels, unit vectors (labels, 12) and handicaps; single notes are labelled with nothing."""
    labels, rows, handicaps = [], [], []
    for quality, (steps, handicap) in QUALITIES.items():
        for root in range(12):
            row = np.zeros(12)
            row[[(root + step) % 12 for step in steps]] = 1.0
            labels.append(ROOTS[root] + quality)
            rows.append(row / np.linalg.norm(row))
            handicaps.append(handicap)
    for root in range(12):
        labels.append("")
        rows.append(np.eye(12)[root])
        handicaps.append(0.0)
    return labels, np.array(rows), np.array(handicaps)


def _classes(notes: Floats) -> Floats:
    """Unit vectors of the pitch classes (..., 12)."""
    out = np.zeros((*notes.shape[:-1], 12))
    for index in range(notes.shape[-1]):
        out[..., (LOWEST + index) % 12] += notes[..., index]
    out = out**POWER
    unit: Floats = out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-12)
    return unit


def _spans(notes: Floats, loud: NDArray[np.bool_]) -> list[tuple[str, float, float, float]]:
    labels, templates, handicaps = _templates()
    fit = _classes(notes) @ templates.T - HANDICAP * handicaps
    scores = np.concatenate([SHARPNESS * fit, np.full((fit.shape[0], 1), SHARPNESS * 0.65)], axis=1)
    scores[~loud] = 0.0
    scores[~loud, -1] = SHARPNESS
    total, back = scores[0].copy(), np.zeros(scores.shape, np.int64)
    stay = np.arange(scores.shape[1])
    for index in range(1, scores.shape[0]):
        best = int(np.argmax(total))
        moved = total[best] - STAY > total
        back[index] = np.where(moved, best, stay)
        total = np.where(moved, total[best] - STAY, total) + scores[index]
    path = np.empty(scores.shape[0], np.int64)
    path[-1] = int(np.argmax(total))
    for index in range(path.size - 1, 0, -1):
        path[index - 1] = back[index, path[index]]

    out: list[tuple[str, float, float, float]] = []
    edges = (np.flatnonzero(np.diff(path)) + 1).tolist()
    for start, end in zip([0, *edges], [*edges, path.size], strict=True):
        if path[start] >= len(labels) or (end - start) * HOP / RATE_HZ < LEAST_S:
            continue
        inner = notes[start + 1 : end - 1] if end - start > 4 else notes[start:end]
        mean = (inner / np.maximum(np.linalg.norm(inner, axis=1, keepdims=True), 1e-12)).mean(axis=0)
        chosen = _classes(mean) @ templates.T - HANDICAP * handicaps
        best = int(np.argmax(chosen))
        if not labels[best]:
            continue
        begin, finish = (start - 0.5) * HOP / RATE_HZ, (end - 0.5) * HOP / RATE_HZ
        if out and out[-1][0] == labels[best] and begin - out[-1][2] < 2 * HOP / RATE_HZ:
            out[-1] = (
                labels[best],
                out[-1][1],
                finish,
                max(out[-1][3], float(chosen[best] + HANDICAP * handicaps[best])),
            )
        else:
            out.append((labels[best], max(0.0, begin), finish, float(chosen[best] + HANDICAP * handicaps[best])))
    return out


def _keys(notes: Floats) -> list[tuple[str, float]]:
    """The 24 keys with the correlation of the clip's pitch classes with their profiles, best first."""
    heard = np.zeros(12)
    total = np.sqrt(notes).sum(axis=0)
    for index, value in enumerate(total):
        heard[(LOWEST + index) % 12] += value
    out = []
    for mode, profile in (("major", _MAJOR), ("minor", _MINOR)):
        for root in range(12):
            strength = float(np.corrcoef(np.roll(profile, root), heard)[0, 1]) if heard.std() > 0 else 0.0
            out.append((f"{ROOTS[root]} {mode}", strength))
    return sorted(out, key=lambda item: -item[1])
