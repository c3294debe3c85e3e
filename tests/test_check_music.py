"""Notes, chords, keys and tempi: the verdicts on observations made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from avgen_bench.constraints import music
from avgen_bench.constraints.sight import Sight
from avgen_bench.factory import truth_music
from avgen_bench.types import (
    ChordSpans,
    Constraint,
    Lacking,
    MediaFacts,
    NoteEvents,
    Onsets,
    Payload,
    Prompt,
    StreamFacts,
    Transcript,
    Verdict,
)

SOUND = StreamFacts("aac", 0.0, 10.0, 480000, 470, 0, 0.0, 0.0, rate_hz=48000, channels=1)
NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def midi(name: str) -> float:
    return 12 * (int(name[-1]) + 1) + NAMES[name[0]] + (name[1:-1] == "#") - (name[1:-1] == "b")


def notes(*played: str | float, start: float = 0.5, step: float = 0.5, long: float = 0.45) -> NoteEvents:
    midis = tuple(midi(one) if isinstance(one, str) else float(one) for one in played)
    starts = tuple(start + step * index for index in range(len(midis)))
    return NoteEvents(starts, tuple(at + long for at in starts), midis, (0.95,) * len(midis))


def chords(*spans: tuple[str, float, float], keys: tuple[tuple[str, float], ...] = ()) -> ChordSpans:
    labels, starts, ends = zip(*spans, strict=True) if spans else ((), (), ())
    return ChordSpans(
        labels, starts, ends, (0.95,) * len(labels), tuple(key for key, _ in keys), tuple(value for _, value in keys)
    )


def asked(kind: str, name: str = "c1", **params: Any) -> Constraint:
    return Constraint(name, kind, kind, tuple(sorted(params.items())))


def check(
    constraint: Constraint, *others: Constraint, sound: StreamFacts | None = SOUND, **seen: Payload | Lacking
) -> Verdict:
    prompt = Prompt("p", constraints=(constraint, *others))
    return Sight(prompt, MediaFacts("mp4", 10.0, None, sound), seen).check(constraint)


# --------------------------------------------------------------------------- single_note


@pytest.mark.parametrize(
    ("played", "strict", "loose"),
    [
        (["A4"], "pass", "pass"),
        (["A4", "A4", "A4"], "pass", "pass"),
        ([69.4], "pass", "pass"),
        ([69.6], "fail", "fail"),
        (["G#4"], "fail", "fail"),
        (["A3"], "fail", "pass"),
        (["A4", "C5"], "fail", "fail"),
        ([], "fail", "fail"),
    ],
)
def test_single_note(played: list[str | float], strict: str, loose: str) -> None:
    verdict = check(asked("single_note", note="A4"), pitch=notes(*played))
    assert (verdict.strict, verdict.loose) == (strict, loose)


def test_single_note_in_any_octave() -> None:
    assert check(asked("single_note", note="A"), pitch=notes("A2")).strict == "pass"
    assert check(asked("single_note", note="Bb"), pitch=notes("A#5")).strict == "pass"


def test_a_near_miss_shows_its_distance() -> None:
    verdict = check(asked("single_note", note="A4"), pitch=notes(69.6))
    assert verdict.margin == pytest.approx(-10.0)
    assert verdict.found == "Bb4 -40 cents"
    assert "60 cents from A4" in verdict.reason


def test_a_slide_on_the_way_does_not_count() -> None:
    heard = NoteEvents((0.5, 0.62), (0.6, 3.0), (67.0, 69.1), (0.9, 0.9))
    verdict = check(asked("single_note", note="A4"), pitch=heard)
    assert verdict.strict == "pass"
    assert (verdict.start_s, verdict.end_s) == (0.62, 3.0)


def test_single_note_in_its_window() -> None:
    heard = NoteEvents((0.5, 5.1), (5.0, 9.5), (61.0, 63.0), (0.9, 0.9))
    first = asked("single_note", note="C#", window_start=0.0, window_end=0.5)
    second = asked("single_note", "c2", note="D#", window_start=0.5, window_end=1.0)
    assert check(first, second, pitch=heard).strict == "pass"
    assert check(second, first, pitch=heard).strict == "pass"
    assert check(asked("single_note", note="C#"), pitch=heard).strict == "fail"


def test_notes_that_others_state_are_left_out() -> None:
    heard = notes("A4", "C4", "E4")
    one, rest = asked("single_note", note="A4"), asked("note_sequence", "c2", notes=("C4", "E4"))
    assert check(one, rest, pitch=heard).strict == "pass"
    assert check(rest, one, pitch=heard).strict == "pass"
    assert check(one, pitch=heard).strict == "fail"


def test_words_are_no_notes_where_lines_are_asked() -> None:
    heard = NoteEvents((0.5, 1.0, 4.0), (0.9, 1.4, 8.0), (52.3, 55.1, 69.0), (0.9, 0.9, 0.9))
    said = Transcript(("look", "here"), (0.4, 0.95), (0.95, 1.5), (0.9, 0.9))
    note, line = asked("single_note", note="A4"), asked("line_spoken", "c2", text="Look here.")
    assert check(note, line, pitch=heard, speech=said).strict == "pass"
    assert check(note, pitch=heard, speech=said).strict == "fail"  # nobody is asked to speak: a voice may sing
    without = check(note, line, pitch=heard, speech=Lacking("pip install whisper"))
    assert without.strict == "unverifiable"
    assert "pip install whisper" in without.reason
    assert check(note, line, pitch=notes("A4"), speech=Lacking("pip install whisper")).strict == "pass"


def test_what_the_track_cannot_hear_is_unverifiable() -> None:
    assert check(asked("single_note", note="C8"), pitch=notes("C7")).strict == "unverifiable"
    verdict = check(asked("note_sequence", notes=("C1", "E2")), pitch=notes("E2"))
    assert "C1 lies outside" in verdict.reason


@pytest.mark.parametrize(
    "constraint",
    [
        asked("single_note", note="A4"),
        asked("note_sequence", notes=("A4", "C5")),
        asked("scale", key="C major", direction="rises"),
        asked("chord", chord="C"),
        asked("chord_sequence", chords=("C", "G")),
        asked("key", key="C major"),
        asked("tempo", bpm=120.0),
    ],
    ids=lambda constraint: constraint.kind,
)
def test_absent_things_fail_and_missing_instruments_abstain(constraint: Constraint) -> None:
    nothing: dict[str, Payload | Lacking] = {
        "pitch": notes(),
        "chords": chords(),
        "beats": Onsets((), ()),
        "speech": Lacking("none"),
    }
    assert check(constraint, sound=None, **nothing).strict == "fail"
    silent = check(constraint, **nothing)
    assert silent.strict == "fail"
    assert silent.found.startswith("no ")
    lacking = check(constraint, **{name: Lacking("pip install it") for name in nothing})
    assert lacking.strict == "unverifiable"
    assert "pip install it" in lacking.reason


# --------------------------------------------------------------------------- note_sequence and scale


@pytest.mark.parametrize(
    ("played", "strict", "loose", "margin"),
    [
        (("C4", "D4", "E4", "F4", "G4"), "pass", "pass", 0.0),
        (("C4", "D4", "D#4", "F4", "G4"), "fail", "pass", -0.2),
        (("C4", "E4", "F4", "G4"), "fail", "pass", -0.2),
        (("C4", "D4", "E4", "F4", "G4", "A4"), "fail", "pass", -0.2),
        (("C4", "D4", "E4", "F4", "G5"), "fail", "pass", -0.2),
        (("D4", "C4", "E4", "F4", "G4"), "fail", "fail", -0.4),
        (("A3", "B3"), "fail", "fail", -1.0),
    ],
)
def test_note_sequence(played: tuple[str, ...], strict: str, loose: str, margin: float) -> None:
    verdict = check(asked("note_sequence", notes=("C4", "D4", "E4", "F4", "G4")), pitch=notes(*played))
    assert (verdict.strict, verdict.loose) == (strict, loose)
    assert verdict.margin == pytest.approx(margin)
    assert verdict.found.split(", ")[0] == played[0]


def test_note_sequence_without_octaves() -> None:
    constraint = asked("note_sequence", notes=("G", "A", "B", "C", "D"))
    assert check(constraint, pitch=notes("G3", "A3", "B3", "C4", "D4")).strict == "pass"
    assert check(constraint, pitch=notes("G3", "A3", "B3", "C4", "D#4")).strict == "fail"


def test_note_sequence_in_its_window() -> None:
    constraint = asked("note_sequence", notes=("C6", "E6"), window_start=0.5, window_end=1.0)
    heard = NoteEvents((1.0, 5.2, 7.0), (2.0, 7.0, 9.9), (80.0, 84.0, 88.0), (0.9,) * 3)
    assert check(constraint, pitch=heard).strict == "pass"


UP = (60, 62, 64, 65, 67, 69, 71, 72)


@pytest.mark.parametrize(
    ("played", "direction", "strict"),
    [
        (UP, "rises", "pass"),
        (tuple(note + 12 for note in UP), "rises", "pass"),
        ((*UP, *(note + 12 for note in UP[1:])), "rises", "pass"),
        (UP[::-1], "falls", "pass"),
        ((*UP, *UP[-2::-1]), "rises_falls", "pass"),
        ((*UP, *UP[::-1]), "rises_falls", "pass"),
        (UP[::-1], "rises", "fail"),
        (UP[:-1], "rises", "fail"),
        (UP[:5], "rises", "fail"),
        (tuple(note + 1 for note in UP), "rises", "fail"),
        ((60, 62, 63, 65, 67, 69, 71, 72), "rises", "fail"),
    ],
)
def test_scale(played: tuple[int, ...], direction: str, strict: str) -> None:
    assert check(asked("scale", key="C major", direction=direction), pitch=notes(*played)).strict == strict


@pytest.mark.parametrize("split", ["calibration", "test"])
def test_rendered_scales_are_runs_where_they_obey_and_nowhere_else(split: str) -> None:
    for case in truth_music.cases("scale", split, 300, 1):
        played = tuple(round(hit["midi"]) for hit in case.scene.truth["hits"])
        runs = music._runs(case.constraint.get("key"), case.constraint.get("direction"))
        assert (played in set(runs)) == case.obeys, (case.note, played)


def test_a_melodic_minor_falls_as_a_natural_one() -> None:
    up, down = (57, 59, 60, 62, 64, 66, 68, 69), (69, 67, 65, 64, 62, 60, 59, 57)
    constraint = asked("scale", key="A melodic minor", direction="rises_falls")
    assert check(constraint, pitch=notes(*up, *down[1:])).strict == "pass"


# --------------------------------------------------------------------------- chords, key, tempo


@pytest.mark.parametrize(
    ("spans", "strict", "loose"),
    [
        ([("C", 0.5, 9.0)], "pass", "pass"),
        ([("C", 0.5, 9.0), ("F", 9.1, 9.5)], "pass", "pass"),  # under half a second
        ([("C", 0.5, 7.0), ("F", 7.0, 9.0)], "fail", "pass"),
        ([("Cm", 0.5, 9.0)], "fail", "fail"),
        ([("Cmaj7", 0.5, 9.0)], "fail", "fail"),
        ([], "fail", "fail"),
    ],
)
def test_chord(spans: list[tuple[str, float, float]], strict: str, loose: str) -> None:
    verdict = check(asked("chord", chord="C"), chords=chords(*spans))
    assert (verdict.strict, verdict.loose) == (strict, loose)


def test_a_missing_seventh_cannot_be_told() -> None:
    heard = chords(("G", 0.5, 9.0))
    assert check(asked("chord", chord="G7"), chords=heard).strict == "unverifiable"
    assert check(asked("chord", chord="Gm7"), chords=heard).strict == "fail"
    assert check(asked("chord", chord="G"), chords=chords(("G7", 0.5, 9.0))).strict == "fail"
    both = chords(("C", 0.5, 3.0), ("G", 3.0, 9.0))
    assert check(asked("chord_sequence", chords=("C", "G7")), chords=both).strict == "unverifiable"
    assert check(asked("chord_sequence", chords=("C", "F7")), chords=both).strict == "fail"


def test_a_chord_of_equal_classes_and_one_that_another_constraint_states() -> None:
    assert check(asked("chord", chord="C6"), chords=chords(("Am7", 0.0, 5.0))).strict == "pass"
    blow, draw = asked("chord", chord="C"), asked("chord", "c2", chord="G")
    both = chords(("C", 1.0, 3.0), ("G", 5.0, 8.0))
    verdict = check(blow, draw, chords=both)
    assert (verdict.strict, verdict.start_s, verdict.end_s) == ("pass", 1.0, 3.0)
    assert check(draw, blow, chords=both).start_s == 5.0
    assert check(blow, draw, chords=chords(("G", 5.0, 8.0))).strict == "fail"


def test_speech_that_looks_a_little_like_a_chord_is_none() -> None:
    heard = ChordSpans(("C",), (1.0,), (3.0,), (0.7,))
    assert check(asked("chord", chord="C"), chords=heard).strict == "fail"


def test_chord_sequence() -> None:
    constraint = asked("chord_sequence", chords=("C", "Am", "F", "G7"))
    right = [("C", 0.0, 1.0), ("C", 1.0, 2.0), ("Am", 2.0, 4.0), ("F", 4.0, 6.0), ("G7", 6.0, 8.0)]
    assert check(constraint, chords=chords(*right)).strict == "pass"
    near = check(constraint, chords=chords(*right[:-1], ("Em", 6.0, 8.0)))
    assert (near.strict, near.loose, near.margin, near.found) == ("fail", "pass", -0.25, "C, Am, F, Em")
    assert check(constraint, chords=chords(right[2], right[0], *right[3:])).loose == "fail"


@pytest.mark.parametrize(
    ("key", "strict", "loose"),
    [
        ("A minor", "pass", "pass"),
        ("C major", "fail", "pass"),
        ("A major", "fail", "pass"),
        ("E minor", "fail", "pass"),
        ("F# minor", "fail", "fail"),
        ("Eb major", "fail", "fail"),
    ],
)
def test_key(key: str, strict: str, loose: str) -> None:
    verdict = check(asked("key", key="A minor"), chords=chords(keys=((key, 0.9), ("B major", 0.5))))
    assert (verdict.strict, verdict.loose) == (strict, loose)


def test_key_enharmonic_and_unclear() -> None:
    assert check(asked("key", key="Bb major"), chords=chords(keys=(("A# major", 0.9),))).strict == "pass"
    assert check(asked("key", key="C major"), chords=chords(keys=(("C major", 0.3),))).strict == "unverifiable"


@pytest.mark.parametrize(
    ("bpm", "strict", "loose"),
    [(120.0, "pass", "pass"), (124.0, "pass", "pass"), (128.0, "fail", "pass"), (60.5, "fail", "pass"),
     (240.0, "fail", "pass"), (100.0, "fail", "fail")],
)  # fmt: skip
def test_tempo(bpm: float, strict: str, loose: str) -> None:
    heard = Onsets(tuple(0.5 * i for i in range(8)), (12.0,) * 8, bpm, 0.9)
    verdict = check(asked("tempo", bpm=120.0), beats=heard)
    assert (verdict.strict, verdict.loose) == (strict, loose)


def test_tempo_without_a_beat() -> None:
    uneven = Onsets((0.1, 0.7, 1.0, 2.2, 2.5), (12.0,) * 5)
    assert check(asked("tempo", bpm=120.0), beats=uneven).strict == "fail"
    assert check(asked("tempo", bpm=120.0), beats=Onsets((0.1, 0.7), (12.0,) * 2)).strict == "unverifiable"
    one = check(asked("tempo", bpm=120.0), beats=Onsets((0.1,), (12.0,)))
    assert (one.strict, one.found) == ("fail", "one onset")
    said = Transcript(("one",), (0.0,), (9.0,), (0.9,))
    talk = asked("line_spoken", "c2", text="One.")
    assert check(asked("tempo", bpm=120.0), talk, beats=uneven, speech=said).strict == "unverifiable"
