"""Speech and voices on rendered lines; skipped where the recogniser or the synthesisers are not installed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from avgen_bench import media
from avgen_bench.backbones.speech import Speech, SpeechGuesses
from avgen_bench.backbones.voices import Voices
from avgen_bench.errors import MissingInstrument
from avgen_bench.factory import render, truth_speech
from avgen_bench.factory.scene import Scene
from avgen_bench.types import PAYLOADS, MediaLimits, Transcript

np = pytest.importorskip("numpy")


def _missing(backbone: Any) -> str:
    try:
        backbone.start()
    except MissingInstrument as error:
        return str(error)
    return ""


heard = pytest.mark.skipif(bool(_missing(Speech())), reason=_missing(Speech()) or "installed")
told_apart = pytest.mark.skipif(bool(_missing(Voices())), reason=_missing(Voices()) or "installed")
spoken = pytest.mark.skipif(
    shutil.which("flite") is None or shutil.which("espeak-ng") is None, reason="apt-get install flite espeak-ng"
)


def listen(folder: Path, track: Any, *backbones: Any) -> dict[str, Transcript]:
    scene: Scene = truth_speech._scene("clip", track, 1, {}, 2.0)
    path = render.render(scene, folder, preset="ultrafast")
    _, seen = media.read(str(path), {b.facts.name: b for b in backbones}, MediaLimits())
    return seen


def test_start_names_the_remedy_when_the_package_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for backbone in (Speech(), SpeechGuesses(), Voices()):
        with pytest.raises(MissingInstrument, match="pip install"):
            backbone.start()


@pytest.mark.parametrize("member", [Speech, SpeechGuesses, Voices])
def test_facts(member: Any) -> None:
    facts = member.facts
    assert facts.yields in PAYLOADS and facts.remedy.startswith("pip install") and facts.size_mb > 0


@heard
@spoken
def test_words_have_their_times_and_language(tmp_path: Path) -> None:
    line = truth_speech.speak("flite", "rms", "They are asleep with their eyes open.")
    quiet = np.zeros(16000, np.float32)
    seen = listen(tmp_path, np.concatenate([quiet, line, quiet]), Speech(), SpeechGuesses())
    got, guesses = seen["speech"], seen["speech_guesses"]
    assert "asleep with their eyes" in " ".join(got.words).lower()
    assert got.languages == ("en",)
    assert got.voiced_starts_s[0] == pytest.approx(1.0, abs=0.15)
    assert got.voiced_ends_s[-1] == pytest.approx(1.0 + line.size / 16000, abs=0.25)
    assert all(
        start > 0.8 and end < 1.4 + line.size / 16000 for start, end in zip(got.starts_s, got.ends_s, strict=True)
    )
    assert guesses.confidences[0] == 1.0 and max(guesses.confidences) <= 1.0 and len(guesses.words) > 1


@heard
@spoken
def test_what_is_said_first_is_heard_first(tmp_path: Path) -> None:
    first = truth_speech.speak("flite", "slt", "Please open the window.")
    second = truth_speech.speak("espeak-ng", "es", "La lluvia empieza a las siete de la noche.")
    gap = np.zeros(24000, np.float32)
    got = listen(tmp_path, np.concatenate([gap, first, gap, second, gap]), Speech())["speech"]
    assert got.languages == ("en", "es")
    assert "window" in " ".join(got.words).lower()
    assert list(got.starts_s) == sorted(got.starts_s)


@heard
@pytest.mark.parametrize("sound", ["noise", "music", "silence"])
def test_no_words_without_a_voice(tmp_path: Path, sound: str) -> None:
    track = {
        "noise": lambda: truth_speech.noise(4.0, 16000, 5, rms=0.1),
        "music": lambda: truth_speech._music(64000, 5),
        "silence": lambda: np.zeros(64000, np.float32),
    }[sound]()
    assert listen(tmp_path, track, Speech())["speech"].words == ()


@heard
def test_a_clip_without_sound_has_no_speech(tmp_path: Path) -> None:
    assert listen(tmp_path, None, Speech())["speech"] == Transcript((), (), (), ())


@told_apart
@spoken
@pytest.mark.parametrize(("names", "count"), [(("awb",), 1), (("awb", "slt"), 2), (("awb", "slt", "rms"), 3)])
def test_voices_are_told_apart(tmp_path: Path, names: tuple[str, ...], count: int) -> None:
    gap = np.zeros(8000, np.float32)
    pieces = [gap]
    for text in ("Bring me the longest ladder at once.", "Nobody told the captain about the lake."):
        for name in names:
            pieces += [truth_speech.speak("flite", name, text), gap]
    got = listen(tmp_path, np.concatenate(pieces), Voices())["voices"]
    assert len(set(got.speakers)) == count


@spoken
@pytest.mark.parametrize("kind", sorted(truth_speech._MAKERS))
@pytest.mark.parametrize("split", ["calibration", "test"])
def test_cases_are_half_obeying_and_repeatable(kind: str, split: str) -> None:
    made, again = (list(truth_speech.cases(kind, split, 6)) for _ in range(2))
    assert sum(case.obeys for case in made) == 3
    for one, two in zip(made, again, strict=True):
        assert one.constraint == two.constraint and one.note == two.note
        assert (one.scene.sound is None) == (two.scene.sound is None)
        if one.scene.sound is not None:
            assert np.array_equal(one.scene.sound, two.scene.sound)


def test_the_splits_share_no_line_and_no_voice() -> None:
    lines = truth_speech.LINES
    assert not set(lines["calibration"]) & set(lines["test"])
    voices = {
        split: {voice for group in groups.values() for voice in group} for split, groups in truth_speech.VOICES.items()
    }
    assert not voices["calibration"] & voices["test"]
