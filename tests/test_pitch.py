"""Notes are heard where they are, at their pitch, once each; noise and silence have none."""

from __future__ import annotations

import numpy as np
import pytest

from avgen_bench import weights
from avgen_bench.backbones.pitch import MODEL, Pitch
from avgen_bench.contracts import check_backbone
from avgen_bench.errors import MissingInstrument
from avgen_bench.factory.truth_music import Hit, Voice, play
from avgen_bench.media import Fanout
from avgen_bench.types import AudioBlock, MediaFacts, NoteEvents

PIPES, VOWEL, REED = (Voice(name) for name in ("pipes", "sung vowel", "reed"))


@pytest.fixture(autouse=True)
def model() -> None:
    pytest.importorskip("onnxruntime")
    try:
        weights.find(MODEL)
    except MissingInstrument as error:
        pytest.skip(str(error))


def hear(sound: np.ndarray) -> NoteEvents:
    backbone = Pitch()
    fanout = Fanout({"pitch": (backbone.facts.views, backbone.start())})
    wave = sound[: sound.size // 3 * 3].reshape(-1, 3).mean(axis=1).astype(np.float32)  # 48 kHz to 16 kHz
    for start in range(0, wave.size, 1000):
        fanout.sound(AudioBlock(start / 16000, 16000, wave[None, start : start + 1000]))
    payload = fanout.finish(MediaFacts("none", 0.0, None, None))["pitch"]
    assert isinstance(payload, NoteEvents)
    return payload


def test_contract() -> None:
    check_backbone(Pitch())


@pytest.mark.parametrize("voice", [VOWEL, REED], ids=lambda voice: voice.name)
@pytest.mark.parametrize("cents", [0, 20, -35])
def test_notes_have_their_time_and_pitch(voice: Voice, cents: int) -> None:
    midis = [60 + cents / 100, 67 + cents / 100, 64 + cents / 100, 72 + cents / 100]
    hits = tuple(Hit(0.3 + 0.6 * i, 0.5, midi) for i, midi in enumerate(midis))
    heard = hear(play([(voice, hits)], 3.0))
    assert heard.midis == pytest.approx(midis, abs=0.12)
    assert heard.onsets_s == pytest.approx([hit.at_s for hit in hits], abs=0.08)
    assert heard.offsets_s == pytest.approx([hit.at_s + 0.56 for hit in hits], abs=0.12)


def test_a_note_played_again_is_two_and_vibrato_is_one() -> None:
    again = hear(play([(REED, (Hit(0.3, 0.4, 62), Hit(0.8, 0.4, 62), Hit(1.3, 0.6, 62)))], 2.2))
    assert again.midis == pytest.approx([62, 62, 62], abs=0.1)
    assert hear(play([(VOWEL, (Hit(0.2, 2.0, 69),))], 2.5)).midis == pytest.approx([69], abs=0.1)


def test_a_note_read_octaves_too_high_is_put_right() -> None:
    heard = hear(play([(PIPES, (Hit(0.3, 0.6, 63), Hit(1.0, 0.6, 61)))], 2.0))
    assert heard.midis == pytest.approx([63, 61], abs=0.15)


@pytest.mark.parametrize("midis", [(79, 77, 76, 74, 72), (72, 74, 76, 77, 79)], ids=["falls", "rises"])
def test_notes_that_begin_while_others_ring_are_heard(midis: tuple[int, ...]) -> None:
    step_s, fall_s = (0.5, 0.9) if midis[0] > midis[-1] else (0.5, 0.6)
    sound = np.zeros(round((0.9 + step_s * len(midis)) * 48000))
    for index, midi in enumerate(midis):
        at = round((0.3 + index * step_s) * 48000)
        t = np.arange(sound.size - at) / 48000
        shape = 0.15 * np.minimum(t / 0.003, 1) * np.exp(-t / fall_s)
        for partial, share in ((1, 1.0), (2, 0.25), (3, 0.5), (5, 0.125)):
            sound[at:] += share * shape * np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * partial * t)
    heard = hear(sound.astype(np.float32))
    assert heard.midis == pytest.approx(midis, abs=0.45)
    assert heard.onsets_s == pytest.approx([0.3 + step_s * index for index in range(5)], abs=0.08)


def test_silence_and_noise_have_no_notes() -> None:
    assert hear(np.zeros(48000, np.float32)).midis == ()
    noise = 0.1 * np.random.default_rng(1).standard_normal(96000).astype(np.float32)
    assert hear(noise).midis == ()


def test_a_missing_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "folder_of", lambda package: None)
    with pytest.raises(MissingInstrument, match=r"pip install swift-f0==0\.3\.0"):
        Pitch().start()
