"""Word errors and notes counted by our own code are those that jiwer and mir_eval count."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import jiwer
import mir_eval
import numpy as np
import pytest

from avgen_bench.constraints import music, theory, words
from avgen_bench.factory import truth_speech

# --------------------------------------------------------------------------- words


def _counted(line: Sequence[str], heard: Sequence[str]) -> int:
    """Substitutions, deletions and insertions as jiwer counts them; it takes no empty reference."""
    if not line or not heard:
        return len(line) + len(heard)
    found = jiwer.process_words(" ".join(line), " ".join(heard))
    return int(found.substitutions + found.deletions + found.insertions)


def _nearest(line: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest errors by jiwer against any stretch of what was heard: words around a line are free."""
    spans = ((start, end) for start in range(len(heard) + 1) for end in range(start, len(heard) + 1))
    return min(_counted(line, heard[start:end]) for start, end in spans)


def _spoilt(line: Sequence[str], other: Sequence[str], rng: random.Random) -> list[str]:
    """A line with words lost, changed and put in between."""
    out: list[str] = []
    for word in line:
        out += rng.choices([[word], [], [rng.choice(other)], [word, rng.choice(other)]], (6, 1, 1, 1))[0]
    return out


def _random(rng: random.Random) -> tuple[list[str], list[str]]:
    letters = ("aa", "bcd", "ef", "ghij")  # few words, so that many of them agree; no two join to another
    return [rng.choice(letters) for _ in range(rng.randint(1, 6))], [
        rng.choice(letters) for _ in range(rng.randint(0, 8))
    ]


def _real(rng: random.Random) -> tuple[list[str], list[str]]:
    texts = [words.fold(truth_speech._right(line)) for line in truth_speech.LINES["calibration"]]
    line, before, after = (list(rng.choice(texts)) for _ in range(3))
    return line[:8], [*before[-2:], *_spoilt(line[:8], after, rng), *after[:2]]


@pytest.mark.parametrize("pair", [_random, _real], ids=["random", "real"])
def test_word_errors_are_those_of_jiwer(pair: Callable[[random.Random], tuple[list[str], list[str]]]) -> None:
    rng = random.Random(11)
    wrong = 0
    for _ in range(200):
        line, heard = pair(rng)
        match = words.best_match(line, heard)
        expected = _nearest(line, heard)
        if "".join(heard[match.start : match.end]) == "".join(line):  # the same letters, however they are divided
            expected = 0
        assert match.errors == expected, (line, heard)
        if match.errors:  # and it is that many in the stretch that is shown
            assert _counted(line, heard[match.start : match.end]) == match.errors, (line, heard)
            assert match.error_rate(len(line)) == pytest.approx(match.errors / len(line))
        wrong += match.errors > 0
    assert 60 < wrong < 200  # both what is right and what is wrong is among them


def test_the_error_rate_of_a_whole_line_is_that_of_jiwer() -> None:
    """Nothing is free where both begin and end alike."""
    rng = random.Random(12)
    edge = [f"edge{number}" for number in range(13)]
    rates = []
    for _ in range(150):
        line, heard = _random(rng) if rng.random() < 0.5 else _real(rng)
        whole = [*edge, *line, *edge], [*edge, *heard, *edge]
        match = words.best_match(*whole)
        if "".join(line) == "".join(heard):
            continue
        assert (match.start, match.end) == (0, len(whole[1]))
        expected = jiwer.wer(" ".join(whole[0]), " ".join(whole[1]))
        assert match.error_rate(len(whole[0])) == pytest.approx(expected)
        rates.append(expected)
    assert len(set(rates)) > 20


def test_letters_divided_otherwise_are_no_error_here_and_two_in_jiwer() -> None:
    line, heard = ("the", "river", "bank"), ("the", "riverbank")
    assert words.best_match(line, heard).errors == 0
    assert _counted(line, heard) == 2


# --------------------------------------------------------------------------- notes


_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def _named(midi: int) -> str:
    return f"{_NAMES[midi % 12]}{midi // 12 - 1}"


def test_notes_are_the_same_where_mir_eval_matches_them() -> None:
    """Half a semitone makes a note another one, by the same bound on both sides."""
    rng = random.Random(13)
    hits = 0
    for _ in range(300):
        asked = rng.randint(40, 90)
        heard = asked + rng.choice((-12, -1, 0, 0, 0, 1, 12)) + rng.choice((-0.6, -0.45, -0.2, 0.0, 0.3, 0.48, 0.55))
        interval = np.array([[0.0, 0.5]])
        hz = [np.array([mir_eval.util.midi_to_hz(midi)]) for midi in (asked, heard)]
        matched = mir_eval.transcription.match_notes(interval, hz[0], interval, hz[1], pitch_tolerance=50.0)
        assert (music._away(heard, _named(asked)) <= 0.5) == bool(matched), (asked, heard)
        assert theory.note_midi(_named(asked)) == asked
        hits += bool(matched)
    assert 60 < hits < 240


def test_a_sequence_without_edits_is_one_that_mir_eval_matches_whole() -> None:
    """Where every note has its beat, what is changed or missing is what mir_eval leaves unmatched."""
    rng = random.Random(14)
    counts = set()
    for _ in range(200):
        asked = rng.sample(range(48, 84), 6)  # no two alike, so that an edit cannot hide as a shift
        kept = [n for n in range(6) if rng.random() > 0.2]
        sung = {n: asked[n] if rng.random() > 0.3 else 96 + n for n in kept}
        beats = np.arange(6) * 0.5
        hz = [mir_eval.util.midi_to_hz(np.array(list(notes), dtype=float)) for notes in (asked, sung.values())]
        spans = [np.stack([at, at + 0.4], axis=1) for at in (beats, beats[kept])]
        if kept:
            matched = len(mir_eval.transcription.match_notes(spans[0], hz[0], spans[1], hz[1], offset_ratio=None))
        else:
            matched = 0
        edits = music._edits(
            list(sung.values()), [_named(midi) for midi in asked], lambda midi, name: music._away(midi, name) <= 0.5
        )
        assert edits == 6 - matched
        counts.add(edits)
    assert {0, 1, 2, 3} <= counts
