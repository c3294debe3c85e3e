"""Names of notes, chords, scales and keys, and the pitches that they stand for.

Conventions
    Pitch classes are 0 (C) to 11 (B); MIDI numbers put A4 = 440 Hz at 69 (scientific pitch notation). Accidentals are
    ``#`` and ``b``. Chords are written as lead sheets write them: root, quality, nothing for major.
"""

from __future__ import annotations

import re

__all__ = ["CHORD_QUALITIES", "SCALES", "chord_classes", "key_classes", "note_class", "note_midi", "scale_steps"]

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NOTE = re.compile(r"([A-G])(#|b)?(-?\d)?")
_CHORD = re.compile(r"([A-G](?:#|b)?)([a-z0-9+]*)(?:/([A-G](?:#|b)?))?", re.IGNORECASE)

CHORD_QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "add9": (0, 2, 4, 7),
}
SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "chromatic": tuple(range(12)),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}


def note_class(name: str) -> int:
    """The pitch class, 0 to 11, of ``A``, ``Bb`` or ``C#5``.

    Raises:
        ValueError: not the name of a note.

    >>> note_class("Bb3")
    10
    """
    match = _NOTE.fullmatch(name)
    if match is None:
        raise ValueError(
            f"{name!r} is no note; expected a letter A to G, # or b if any, and an octave if any: A4, F#, Bb3"
        )
    return (_LETTERS[match[1]] + {"#": 1, "b": -1, None: 0}[match[2]]) % 12


def note_midi(name: str) -> int | None:
    """The MIDI number of a note with an octave; None for a note without.

    Raises:
        ValueError: not the name of a note, or none that MIDI and ears know (0 to 127).

    >>> note_midi("A4"), note_midi("Cb4"), note_midi("A")
    (69, 59, None)
    """
    note_class(name)
    match = _NOTE.fullmatch(name)
    if match is None or match[3] is None:
        return None
    number = 12 * (int(match[3]) + 1) + _LETTERS[match[1]] + {"#": 1, "b": -1, None: 0}[match[2]]
    if not 12 <= number <= 119:
        raise ValueError(f"{name!r} lies outside what instruments play and trackers hear; expected C0 to B8")
    return number


def chord_classes(name: str) -> tuple[int, ...]:
    """The pitch classes of a chord, root first; a bass after a slash changes which sounds lowest, not the classes.

    Raises:
        ValueError: not a chord of this notation.

    >>> chord_classes("Am"), chord_classes("G7")
    ((9, 0, 4), (7, 11, 2, 5))
    """
    match = _CHORD.fullmatch(name)
    quality = match[2] if match else ""
    if match is None or quality not in CHORD_QUALITIES or not name[0].isupper():
        raise ValueError(
            f"{name!r} is no chord; expected a root A to G with # or b if any, then one of "
            f"{', '.join(quality or '(nothing: major)' for quality in CHORD_QUALITIES)}: C, Am, F#m7, Bbmaj7"
        )
    root = note_class(match[1])
    return tuple((root + step) % 12 for step in CHORD_QUALITIES[quality])


def scale_steps(name: str) -> tuple[int, tuple[int, ...]]:
    """The tonic's pitch class and the steps in semitones above it, of ``D major`` or ``A minor pentatonic``.

    Raises:
        ValueError: not a scale of :data:`SCALES`.

    >>> scale_steps("D major")
    (2, (0, 2, 4, 5, 7, 9, 11))
    """
    tonic, _, mode = name.partition(" ")
    if not mode or mode not in SCALES:
        raise ValueError(f"{name!r} is no scale; expected a tonic and one of {', '.join(SCALES)}: 'A minor pentatonic'")
    return note_class(tonic), SCALES[mode]


def key_classes(name: str) -> frozenset[int]:
    """The seven pitch classes of a key; a minor key also holds its raised sixth and seventh.

    Raises:
        ValueError: not a major or minor key.

    >>> sorted(key_classes("A minor"))
    [0, 2, 4, 5, 6, 7, 8, 9, 11]
    """
    tonic, _, mode = name.partition(" ")
    if mode not in ("major", "minor"):
        raise ValueError(f"{name!r} is no key; expected a tonic and 'major' or 'minor': 'E minor'")
    steps = (
        SCALES["major"] if mode == "major" else {*SCALES["minor"], *SCALES["melodic minor"], *SCALES["harmonic minor"]}
    )
    return frozenset((note_class(tonic) + step) % 12 for step in steps)
