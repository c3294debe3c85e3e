"""Chords and keys are heard as they are played; single notes, noise and silence are no chords."""

from __future__ import annotations

import numpy as np
import pytest

from avgen_bench.backbones.chords import QUALITIES, Chords
from avgen_bench.constraints import theory
from avgen_bench.contracts import check_backbone
from avgen_bench.factory.truth_music import Hit, Voice, play
from avgen_bench.media import Fanout
from avgen_bench.types import AudioBlock, ChordSpans, MediaFacts

REED, PIPES = Voice("reed"), Voice("pipes")


def hear(sound: np.ndarray) -> ChordSpans:
    backbone = Chords()
    fanout = Fanout({"chords": (backbone.facts.views, backbone.start())})
    wave = sound[: sound.size // 6 * 6].reshape(-1, 6).mean(axis=1).astype(np.float32)  # 48 kHz to 8 kHz
    for start in range(0, wave.size, 1000):
        fanout.sound(AudioBlock(start / 8000, 8000, wave[None, start : start + 1000]))
    payload = fanout.finish(MediaFacts("none", 0.0, None, None))["chords"]
    assert isinstance(payload, ChordSpans)
    return payload


def strum(notes: tuple[float, ...], at_s: float, hold_s: float) -> tuple[Hit, ...]:
    return tuple(Hit(at_s, hold_s, note) for note in notes)


def test_contract() -> None:
    check_backbone(Chords())


def test_its_chords_are_those_of_the_notation() -> None:
    assert {name: steps for name, (steps, _) in QUALITIES.items()}.items() <= theory.CHORD_QUALITIES.items()


@pytest.mark.parametrize("voice", [REED, PIPES], ids=lambda voice: voice.name)
@pytest.mark.parametrize(
    ("label", "notes"),
    [
        ("C", (48, 52, 55, 60)),
        ("Am", (57, 60, 64)),
        ("G7", (55, 59, 62, 65)),
        ("F", (53, 57, 60, 65)),
        ("Ebmaj7", (51, 55, 58, 62)),
        ("Dsus4", (50, 55, 57)),
        ("Bdim", (59, 62, 65)),
    ],
)
def test_one_chord(voice: Voice, label: str, notes: tuple[int, ...]) -> None:
    heard = hear(play([(voice, strum(notes, 0.3, 2.0))], 2.6))
    assert heard.labels == (label,)
    assert heard.starts_s[0] == pytest.approx(0.3, abs=0.25)


def test_chords_out_of_tune_together() -> None:
    assert hear(play([(REED, strum((57.35, 60.35, 64.35), 0.2, 2.0))], 2.4)).labels == ("Am",)


def test_chords_in_order_and_their_key() -> None:
    song = [(48, 52, 55), (53, 57, 60), (55, 59, 62), (48, 52, 55, 60)]
    hits = tuple(hit for i, notes in enumerate(song) for hit in strum(notes, 0.2 + 1.2 * i, 1.15))
    heard = hear(play([(PIPES, hits)], 5.2))
    assert heard.labels == ("C", "F", "G", "C")
    assert heard.starts_s[1:] == pytest.approx([1.4, 2.6, 3.8], abs=0.2)
    assert heard.keys[0] == "C major"
    assert len(heard.keys) == 24


def test_what_is_no_chord() -> None:
    assert hear(np.zeros(96000, np.float32)) == ChordSpans((), (), (), ())
    assert hear(play([(REED, (Hit(0.3, 2.0, 57),))], 2.6)).labels == ()
    assert hear(play([(REED, strum((45, 57), 0.3, 2.0))], 2.6)).labels == ()
