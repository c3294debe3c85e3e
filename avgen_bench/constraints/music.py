"""Notes, chords, keys and beats that are played."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from avgen_bench.constraints import theory
from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance

__all__ = ["Chord", "ChordSequence", "Key", "NoteSequence", "Scale", "SingleNote", "Tempo"]


class SingleNote(Kind):
    """One note sounds."""

    facts = KindFacts(
        kind="single_note",
        theme="music",
        summary="the note sounds, and in its window no note that the prompt does not state",
        check="The pitch track's stable notes must all lie within the strict tolerance of the note, in its octave "
        "where one is stated; loosely, in any octave.",
        required=("note",),
        optional=WINDOW,
        tolerance=Tolerance(50.0, 50.0, "cents"),
        has_moment=True,
    )


class NoteSequence(Kind):
    """These notes are played, in this order."""

    facts = KindFacts(
        kind="note_sequence",
        theme="music",
        summary="the notes are played in the order stated, with nothing between them",
        check="The notes heard, in order of onset, must be those stated (octaves where stated); the edit distance "
        "divided by the number of notes stated must be within tolerance.",
        required=("notes",),
        optional=WINDOW,
        tolerance=Tolerance(0.0, 0.2, "note error rate"),
        has_moment=True,
    )


class Scale(Kind):
    """A scale is played."""

    facts = KindFacts(
        kind="scale",
        theme="music",
        summary="the scale is played from tonic to tonic in the direction stated",
        check="The notes heard, in order of onset, must be the steps of one octave or more of the scale; the edit "
        "distance divided by the number of steps must be within tolerance.",
        required=("key", "direction"),
        tolerance=Tolerance(0.0, 0.2, "note error rate"),
        has_moment=True,
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A scale goes up, down, or up and down."""
        if params["direction"] == "steady":
            yield "'direction' is 'steady'; a scale rises, falls or rises_falls"


class Chord(Kind):
    """A chord sounds."""

    facts = KindFacts(
        kind="chord",
        theme="music",
        summary="the chord sounds, and in its window no chord that the prompt does not state",
        check="The chords heard, each half a second or longer, must have the pitch classes of the chord; the share "
        "of chord time that is another chord must be within tolerance.",
        required=("chord",),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.3, "share of chord time"),
        has_moment=True,
    )


class ChordSequence(Kind):
    """These chords are played, in this order."""

    facts = KindFacts(
        kind="chord_sequence",
        theme="music",
        summary="the chords are played in the order stated",
        check="The chords heard, repeats joined, must be those stated; the edit distance divided by the number of "
        "chords stated must be within tolerance.",
        required=("chords",),
        tolerance=Tolerance(0.0, 0.25, "chord error rate"),
        has_moment=True,
    )


class Key(Kind):
    """The music is in this key."""

    facts = KindFacts(
        kind="key",
        theme="music",
        summary="the music is in the key stated",
        check="The key found from the profile of pitch classes must be the key stated; loosely, its relative, "
        "parallel or neighbouring key on the circle of fifths will do.",
        required=("key",),
        tolerance=Tolerance(0.0, 1.0, "steps of relation"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A key is major or minor; other modes are scales."""
        try:
            theory.key_classes(params["key"])
        except ValueError as error:
            yield f"'key' is not right: {error}"


class Tempo(Kind):
    """The beat has this tempo."""

    facts = KindFacts(
        kind="tempo",
        theme="music",
        summary="the beat has the tempo stated",
        check="The tempo found from onsets must be the one stated within tolerance; loosely, half and double of it "
        "will do.",
        required=("bpm",),
        tolerance=Tolerance(0.04, 0.08, "share of the tempo"),
    )
