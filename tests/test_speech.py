"""Speech and voices on rendered lines; skipped where the recogniser or the synthesisers are not installed."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest

from avgen_bench import media
from avgen_bench.backbones import speech
from avgen_bench.backbones.speech import Speech, SpeechGuesses
from avgen_bench.backbones.voices import Voices
from avgen_bench.constraints import words
from avgen_bench.errors import FactoryError, MissingInstrument
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


in_languages = pytest.mark.skipif(
    importlib.util.find_spec("ttspico") is None, reason="pip install ttspico==0.3.2, which builds with a C compiler"
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


def seconds(*spans: tuple[float, float]) -> list[tuple[int, int]]:
    return [(round(one * 16000), round(two * 16000)) for one, two in spans]


@pytest.mark.parametrize(
    ("stretches", "languages", "together"),
    [
        # what is long enough to stand alone stays apart, however near
        (((0.0, 2.0), (2.3, 4.0)), "en en", [(0, 1), (1, 2)]),
        # a short one goes with the nearer neighbour, and does not tie the other one to it
        (((0.0, 2.0), (2.6, 3.0), (3.4, 5.0)), "en en en", [(0, 1), (1, 3)]),
        (((0.0, 2.0), (2.3, 2.7), (3.2, 5.0)), "en en en", [(0, 2), (2, 3)]),
        # short ones go together until they can stand alone
        (((0.0, 0.4), (0.8, 1.2), (1.7, 2.1)), "en en en", [(0, 3)]),
        (((0.0, 2.0), (3.2, 3.6)), "en en", [(0, 1), (1, 2)]),
        (((0.0, 2.0), (2.3, 2.7)), "en es", [(0, 1), (1, 2)]),
        (((0.0, 26.9), (27.2, 27.6)), "en en", [(0, 1), (1, 2)]),
        (((1.0, 1.5),), "en", [(0, 1)]),
    ],
)
def test_short_stretches_go_with_others(
    stretches: tuple[tuple[float, float], ...], languages: str, together: list[tuple[int, int]]
) -> None:
    assert speech._joined(seconds(*stretches), languages.split(), 1.0) == together


def test_what_is_near_and_of_one_language_is_tried_together() -> None:
    near = seconds((0.0, 2.0), (2.3, 4.0), (5.2, 7.0), (7.4, 9.0))
    assert speech._joined(near, ["en", "en", "en", "es"], 28.0) == [(0, 2), (2, 3), (3, 4)]


def piece(text: str, mean_log: float) -> speech._Piece:
    tokens = (1,) * len(text.split())
    readings = (speech._Reading(text, tokens, mean_log * (len(tokens) + 1)),) if text else ()
    return speech._Piece(0, 1, 0, 16000, None, 100, "en", readings)


@pytest.mark.parametrize(
    ("together", "parts", "whole"),
    [
        (("priests and rabbis saw it", -0.2), (("priest and rabbi", -0.4), ("saw it", -0.4)), True),
        (("my teeth are whiter", -0.1), (("my teeth are whiter", -0.3), ("my teeth are louder", -0.3)), False),
        (("3 9 1 1 1", -0.9), (("we close early", -0.5), ("cut here", -0.5)), False),
        (("let it rain on me", -0.3), (("let it rain", -0.4), ("", 0.0)), True),
        (("let it rain", -0.3), (("", 0.0), ("", 0.0)), True),
        (("", 0.0), (("let it rain", -0.4), ("now", -0.4)), False),
    ],
)
def test_what_is_read_in_one_counts_unless_it_leaves_words_out(
    together: tuple[str, float], parts: tuple[tuple[str, float], ...], whole: bool
) -> None:
    one, rest = piece(*together), [piece(*part) for part in parts]
    assert (speech._better(one, rest) == [one]) is whole


@heard
@spoken
def test_two_lines_in_quick_succession_are_both_heard(tmp_path: Path) -> None:
    first = truth_speech.speak("flite", "rms", "I built this table with my father.")
    second = truth_speech.speak("flite", "slt", "The driver is waiting outside.")
    gap = np.zeros(5600, np.float32)  # 0.35 s
    got = listen(tmp_path, np.concatenate([gap, first, gap, second, gap]), Speech())["speech"]
    said = " ".join(got.words).lower()
    assert "my father" in said and "waiting outside" in said


@heard
@spoken
@pytest.mark.parametrize(("level_db", "most"), [(None, 0.05), (10.0, 0.10)])
def test_few_words_are_wrong(level_db: float | None, most: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Word error rate over 24 lines of voices made from recordings; printed as well.

    The noise falls by 6 dB an octave, as that of rooms and streets does. White noise of the same power covers the
    consonants, and is far harder: about a third of the words are wrong.
    """
    lines = [truth_speech._right(line) for line in truth_speech.LINES["calibration"][:24]]
    gap = np.zeros(8000, np.float32)
    errors = length = 0
    for number in range(0, len(lines), 2):
        voice = ("awb", "rms", "slt")[number // 2 % 3]
        pieces = [gap]
        for line in lines[number : number + 2]:
            pieces += [truth_speech.speak("flite", voice, line), gap]
        track = np.concatenate(pieces)
        if level_db is not None:
            hum = truth_speech.noise(track.size / 16000 + 0.01, 16000, number, rms=1.0, slope=1.0)[: track.size]
            wanted_rms = truth_speech._RMS * 10 ** (-level_db / 20)
            track = track + hum * np.float32(wanted_rms / np.sqrt(np.mean(np.square(hum))))
        got = speech._hear(track, lambda sample: sample / 16000).transcript
        said, wanted = words.fold(" ".join(got.words)), words.fold(" ".join(lines[number : number + 2]))
        match = words.best_match(wanted, said)
        errors += match.errors + len(said) - (match.end - match.start)  # what is written around it is too many
        length += len(wanted)
    with capsys.disabled():
        noise = "without noise" if level_db is None else f"under noise at {level_db:g} dB"
        print(f"\nword error rate {noise}: {errors / length:.3f} ({errors} of {length} words)")
    assert errors / length <= most


SPEECHLESS = ("case4_ovi.mp4", "case6_ovi.mp4", "vggsound_a.mp4")  # a beaker, a guitar, tennis
SAID = {
    "case2_ltx2.mp4": "Eighty-seven seconds, move.",
    "talk_a.mp4": "So priests and rabbis saw the six word form as way to get the essence of complex questions.",
}


@heard
def test_no_words_in_real_clips_without_speech(real_clips: list[Path]) -> None:
    found = {path.name: path for path in real_clips if path.name in SPEECHLESS}
    assert set(found) == set(SPEECHLESS)
    for name, path in found.items():
        _, seen = media.read(str(path), {"speech": Speech()}, MediaLimits())
        assert seen["speech"].words == (), name


@heard
@pytest.mark.parametrize("name", SAID)
def test_what_is_said_in_real_clips_is_heard(name: str, real_clips: list[Path]) -> None:
    (path,) = (path for path in real_clips if path.name == name)
    _, seen = media.read(str(path), {"speech": Speech()}, MediaLimits())
    assert words.best_match(words.fold(SAID[name]), words.fold(" ".join(seen["speech"].words))).errors == 0


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


KINDS = [pytest.param(kind, marks=in_languages if kind == "speech_language" else ()) for kind in truth_speech._MAKERS]


@spoken
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", ["calibration", "test"])
def test_cases_are_half_obeying_and_repeatable(kind: str, split: str) -> None:
    made, again = (list(truth_speech.cases(kind, split, 6)) for _ in range(2))
    assert sum(case.obeys for case in made) == 3
    for one, two in zip(made, again, strict=True):
        assert one.constraint == two.constraint and one.note == two.note
        assert (one.scene.sound is None) == (two.scene.sound is None)
        if one.scene.sound is not None:
            assert np.array_equal(one.scene.sound, two.scene.sound)


def test_a_language_without_its_synthesiser_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FactoryError, match="pip install ttspico"):
        truth_speech.speak("pico", "de-DE", "Das Brot ist kalt.")


@in_languages
def test_the_higher_voice_takes_as_long() -> None:
    low, high = (truth_speech.speak("pico", f"de-DE{more}", "Das Brot ist noch warm.") for more in ("", "+high"))
    assert high.size == pytest.approx(low.size, rel=0.08)
    centres = [
        float(np.average(np.arange(size), weights=np.abs(np.fft.rfft(sound, 2 * (size - 1))) ** 2))
        for sound, size in ((low, 1 << 15), (high, 1 << 15))
    ]
    assert centres[1] > 1.05 * centres[0]


@heard
@in_languages
@pytest.mark.parametrize(("voice", "language"), sorted((v, k) for k, v in truth_speech._PICO.items()))
def test_languages_are_told_apart(tmp_path: Path, voice: str, language: str) -> None:
    gap = np.zeros(8000, np.float32)
    line = truth_speech.speak("pico", voice, truth_speech._right(truth_speech.TRANSLATED["calibration"][language][0]))
    got = listen(tmp_path, np.concatenate([gap, line, gap]), Speech())["speech"]
    assert got.languages == (language,)


def test_the_splits_share_no_line_and_no_voice() -> None:
    lines = truth_speech.LINES
    assert not set(lines["calibration"]) & set(lines["test"])
    voices = {
        split: {voice for group in groups.values() for voice in group} for split, groups in truth_speech.VOICES.items()
    }
    assert not voices["calibration"] & voices["test"]
