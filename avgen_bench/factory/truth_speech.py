"""Clips with lines of known words, order, language, voices and rate, and clips without speech.

Voices are those of flite and eSpeak NG, which must be installed (``apt-get install flite espeak-ng``). ``nominal`` are
flite's voices, which are made from recordings, in English; eSpeak's formant voices, other languages, noise, music and
reverberation are harder levels. The splits share no voice and no sentence.

Which language is spoken is asked of SVOX Pico (``pip install ttspico``), whose voices are made from recordings as well:
of the calibration split's lines the recogniser knows the language of all when Pico says them, and of no French and no
Portuguese one when eSpeak does, so that with eSpeak the voice would be measured rather than the checker. Pico has no
Portuguese, and one voice for each language; the test split hears it an eighth higher in pitch and formants.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import FactoryError
from avgen_bench.factory.scene import Scene, colored_noise, impact, mix, noise, note, quantized, silence
from avgen_bench.factory.truth import NOMINAL, Case
from avgen_bench.types import Constraint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]
else:
    np = lazy("numpy")
signal: Any = lazy("scipy.signal")

__all__ = ["LINES", "TRANSLATED", "VOICES", "cases", "speak"]

_RATE_HZ = 16000
_RMS = 0.08

# {right|wrong}: the line as it is asked for, and the word that a violation says instead.
LINES: dict[str, tuple[str, ...]] = {
    "calibration": (
        "The {bakery|library} opens before the sun.",
        "Please close the {window|curtain}.",
        "I painted this {fence|boat} for you.",
        "Where did the {kitten|postman} go?",
        "My {uncle|teacher} taught me that song.",
        "We have {seven|twenty} minutes left.",
        "Bring me the {longest|cheapest} ladder, and bring it quickly.",
        "It smells like {summer|coffee} in here.",
        "Nobody told the {captain|children}.",
        "This soup needs more {pepper|garlic}.",
        "Hold the {camera|umbrella} with both hands and wait.",
        "She walked {across|around} the frozen lake at night.",
        "Your {ticket|jacket} is on the kitchen table.",
        "That was the best {dinner|weekend} of my life.",
        "The train to the coast leaves in {three|eleven} minutes from the last platform.",
        "Turn the {handle|engine} slowly, then listen for the click.",
        "I can hear the {river|thunder} from my bed.",
        "Do not wake the {baby|neighbour}.",
        "Our {garden|village} has never looked so green.",
        "Take a {breath|picture} before you answer.",
        "The {doctor|farmer} will see you now.",
        "He left his {hammer|violin} in the car.",
        "Welcome back to the {morning|weather} show.",
        "One more {button|letter} and we are done.",
        "Keep the {change|secret}, my friend.",
        "Cut the {paper|apple} here.",
        "Every boat, every {rope|sail}, every last little anchor must be gone by Friday morning.",
        "Is it {open|raining} yet?",
        "They {never|always} close early.",
        "The {circus|president} is coming to our town on the first of May.",
    ),
    "test": (
        "The {market|harbour} is quiet on Monday.",
        "Please open the {basket|envelope}.",
        "I built this {table|bridge} with my father.",
        "When does the {concert|lesson} begin?",
        "My {sister|dentist} lives next door.",
        "There are {nine|forty} chairs in the hall.",
        "Give me the {smallest|heaviest} spoon, and do not drop it.",
        "It feels like {winter|Sunday} out there.",
        "Somebody moved the {piano|sofa}.",
        "This bread wants a little {butter|honey}.",
        "Watch the {candle|mirror} and count to ten with me.",
        "They drove {through|past} the dark forest without a map.",
        "Your {keys|gloves} are under the newspaper.",
        "That is the worst {haircut|painting} I have ever seen.",
        "The ferry to the island turns around in {five|thirty} minutes because of the storm.",
        "Press the {lever|pedal} gently, then stand well back.",
        "I dreamed about the {ocean|castle} all week.",
        "Never feed the {parrot|tiger}.",
        "Our {kitchen|street} has never been so clean.",
        "Make a {wish|sandwich} before you go.",
        "The {driver|singer} is waiting outside.",
        "She forgot her {bicycle|helmet} at the station.",
        "Good evening and welcome to the {country|science} fair.",
        "Two more {steps|bottles} and you are there.",
        "Follow the {music|lights}, my dear.",
        "Fold the {blanket|letter} twice.",
        "Every chair, every {lamp|clock}, every single old carpet has to leave this house before noon.",
        "Was it {cold|broken}?",
        "We {often|seldom} eat together.",
        "The {museum|hospital} is closing its doors for the last time tonight.",
    ),
}
TRANSLATED: dict[str, dict[str, tuple[str, ...]]] = {
    "calibration": {
        "es": (
            "La {puerta|ventana} está abierta.",
            "Mi hermana canta en la {plaza|iglesia}.",
            "El tren llega {mañana|tarde} por la noche.",
        ),
        "de": (
            "Das {Brot|Wasser} ist noch warm.",
            "Wir gehen {morgen|niemals} in den Wald.",
            "Der Schlüssel liegt unter dem {Teppich|Kissen}.",
        ),
        "fr": (
            "La {maison|voiture} est très belle.",
            "Nous allons au {marché|théâtre} demain matin.",
            "Il y a du {pain|vin} sur la table.",
        ),
        "it": (
            "La {finestra|chiesa} è aperta.",
            "Mio fratello lavora in {città|banca}.",
            "Domani andiamo al {mare|cinema} con gli amici.",
        ),
        "pt": (
            "A {porta|janela} está aberta.",
            "Minha irmã mora perto da {praia|escola}.",
            "O trem chega {amanhã|ontem} de manhã.",
        ),
    },
    "test": {
        "es": (
            "El {perro|gato} duerme en la cocina.",
            "Quiero comprar una {mesa|camisa} nueva.",
            "La {lluvia|fiesta} empieza a las siete.",
        ),
        "de": (
            "Die {Katze|Großmutter} schläft im Garten.",
            "Ich möchte ein {Zimmer|Fahrrad} mieten.",
            "Heute {regnet|schneit} es in der Stadt.",
        ),
        "fr": (
            "Le {chien|facteur} dort devant la porte.",
            "Je voudrais une {tasse|bouteille} de lait.",
            "Elle travaille dans un {jardin|hôpital}.",
        ),
        "it": (
            "Il {gatto|nonno} dorme in cucina.",
            "Vorrei un {bicchiere|litro} di latte fresco.",
            "La {scuola|festa} comincia alle otto.",
        ),
        "pt": (
            "O {gato|menino} dorme na cozinha.",
            "Eu quero um {copo|prato} novo.",
            "A {festa|escola} começa às sete horas.",
        ),
    },
}

# (program, voice). Variants of the formant synthesiser are hardly different people, so one of them stands for it;
# eSpeak NG 1.51 ignores the variant of plain "en-gb".
VOICES: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "calibration": {
        "recorded": (("flite", "awb"), ("flite", "kal16")),
        "formant": (("espeak-ng", "en-us"), ("espeak-ng", "en-us+f3")),
        "other": (("espeak-ng", "en-us"),),
    },
    "test": {
        "recorded": (("flite", "slt"), ("flite", "rms")),
        "formant": (("espeak-ng", "en-gb-x-rp+m7"), ("espeak-ng", "en-gb-x-rp+f5")),
        "other": (("espeak-ng", "en-gb-x-rp+f5"),),
    },
}
_VARIANTS = {"calibration": ("",), "test": ("+m3",)}
_PICO = {"es": "es-ES", "de": "de-DE", "fr": "fr-FR", "it": "it-IT"}
_HIGH = "+high"
_LOCALES = {"es": "es", "de": "de", "fr": "fr-fr", "it": "it", "pt": "pt-br", "en": "en-us"}
_NUISANCES: tuple[tuple[str, float], ...] = (
    *((NOMINAL, 0.0),) * 6,
    ("noise", 20.0),
    ("noise", 10.0),
    ("noise", 5.0),
    ("music", 10.0),
    ("reverberation", 0.4),
    ("formant voice", 1.0),
)


def _spoken_by_program(program: str, voice: str, text: str, speed: float) -> tuple[Sound, int]:
    found = shutil.which(program)
    if found is None:
        raise FactoryError(f"{program} is not installed, and lines cannot be spoken; apt-get install flite espeak-ng")
    with tempfile.TemporaryDirectory(prefix="avgen-speak-") as folder:
        path = Path(folder) / "line.wav"
        if program == "flite":
            stretch = f"duration_stretch={1 / speed:.3f}"
            command = [found, "-voice", voice, "--setf", stretch, "-t", text, "-o", str(path)]
        else:
            command = [found, "-v", voice, "-s", str(round(160 * speed)), "-w", str(path), "--", text]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        if done.returncode or not path.is_file():
            raise FactoryError(f"{program} did not speak {text!r} as {voice}: {done.stderr.decode(errors='replace')}")
        with wave.open(str(path)) as file:
            rate_hz = file.getframerate()
            data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return data.astype(np.float32) / 32768.0, rate_hz


def _spoken_by_pico(voice: str, text: str, speed: float) -> tuple[Sound, int]:
    if importlib.util.find_spec("ttspico") is None:
        raise FactoryError("SVOX Pico is not installed, and lines cannot be spoken; pip install ttspico==0.3.2")
    high = voice.endswith(_HIGH)
    engine = importlib.import_module("ttspico").TtsEngine(voice.removesuffix(_HIGH))
    engine.rate = round(100 * speed * (8 / 9 if high else 1.0))  # what is played faster is spoken slower
    data = np.frombuffer(engine.speak(text) or b"", np.int16)
    return data.astype(np.float32) / 32768.0, round(_RATE_HZ * 9 / 8) if high else _RATE_HZ


@lru_cache(maxsize=256)
def speak(program: str, voice: str, text: str, speed: float = 1.0) -> Sound:
    """A line as a synthesiser says it, 1-d at 16 kHz without silence around it, at a usual level.

    Args:
        program: ``flite``, ``espeak-ng`` or ``pico``.
        voice: One of its voices; Pico's also with ``+high`` after it, an eighth higher.
        text: What is said.
        speed: Times the voice's usual rate.

    Raises:
        FactoryError: the program is missing or did not speak.
    """
    by_pico = program == "pico"
    samples, rate_hz = (
        _spoken_by_pico(voice, text, speed) if by_pico else _spoken_by_program(program, voice, text, speed)
    )
    if rate_hz != _RATE_HZ:
        shared = np.gcd(rate_hz, _RATE_HZ)
        samples = signal.resample_poly(samples, _RATE_HZ // shared, rate_hz // shared)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * float(np.abs(samples).max(initial=1e-9)))
    if loud.size < _RATE_HZ // 20:
        raise FactoryError(f"{program} said nothing for {text!r} as {voice}")
    samples = samples[loud[0] : loud[-1] + 1]
    spoken: Sound = (samples * (_RMS / float(np.sqrt(np.mean(np.square(samples)))))).astype(np.float32)
    return spoken


def _right(line: str) -> str:
    return re.sub(r"\{([^|{}]+)\|([^|{}]+)\}", r"\1", line)


def _wrong(line: str) -> str:
    return re.sub(r"\{([^|{}]+)\|([^|{}]+)\}", r"\2", line)


def _missing(line: str) -> str:
    return re.sub(r"\{[^{}]+\} ?", "", line).replace(" ,", ",").replace(" .", ".").replace(" ?", "?")


def _music(length: int, seed: int) -> Sound:
    generator = np.random.default_rng(seed)
    track = silence(length / _RATE_HZ, _RATE_HZ)
    scale = 220.0 * 2.0 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12.0)
    for beat in range(int(length / _RATE_HZ / 0.25) + 1):
        mix(track, note(float(generator.choice(scale)), 0.8, _RATE_HZ), beat * 0.25, _RATE_HZ)
    return track[0, :length]


def _spoiled(track: Sound, nuisance: str, level: float, seed: int) -> Sound:
    """The track with its nuisance; levels of noise and music are dB below the speech."""
    length = track.size
    if nuisance in ("noise", "music"):
        if nuisance == "music":
            other = _music(length, seed)
        else:
            other = noise(length / _RATE_HZ, _RATE_HZ, seed, rms=1.0, slope=0.5 * (seed % 2))[:length]
        other = other * np.float32(_RMS * 10 ** (-level / 20) / max(1e-9, float(np.sqrt(np.mean(np.square(other))))))
        return track + np.pad(other, (0, length - other.size))
    if nuisance == "reverberation":
        t = np.arange(round(1.5 * level * _RATE_HZ)) / _RATE_HZ
        tail = np.random.default_rng(seed).standard_normal(t.size) * 10 ** (-3 * t / level)
        tail[: round(0.004 * _RATE_HZ)] = 0.0
        tail *= 0.7 / float(np.sqrt(np.sum(np.square(tail))))
        tail[0] = 1.0
        wet: Sound = signal.fftconvolve(track, tail)[:length].astype(np.float32)
        return wet
    return track


def _scene(name: str, track: Sound | None, seed: int, truth: dict[str, Any], length_s: float = 0.0) -> Scene:
    """A still picture with the track; ``length_s`` where there is none."""
    shade = colored_noise(160, 90, seed % 7) * 20 + 110
    picture = quantized(np.repeat(shade[..., None], 3, axis=2))
    if track is None:
        return Scene(name, 160, 90, 10.0, max(1.0, round(length_s, 1)), lambda _: picture, None, truth=truth)
    whole_s = max(1.0, np.ceil(track.size / _RATE_HZ * 10) / 10)
    sound = np.pad(track, (0, round(whole_s * _RATE_HZ) - track.size))
    peak = float(np.abs(sound).max(initial=0.0))
    sound = signal.resample_poly(sound * np.float32(min(1.0, 0.95 / max(peak, 1e-9))), 3, 1).astype(np.float32)
    return Scene(name, 160, 90, 10.0, float(whole_s), lambda _: picture, sound[None], 48000, truth)


def _track(pieces: list[Sound], gap_s: float = 0.6) -> Sound:
    """Pieces after one another, with silence before, between and after them."""
    parts: list[Sound] = [silence(0.5, _RATE_HZ)[0]]
    for piece in pieces:
        parts += [piece, silence(gap_s, _RATE_HZ)[0]]
    joined: Sound = np.concatenate(parts)
    return joined


class _Chooser:
    """What a case is made of; each case draws from its own stream of chance."""

    def __init__(self, kind: str, split: str, number: int, seed: int) -> None:
        self.split, self.number = split, number
        self.seed = seed * 100_003 + number * 17 + (7 if split == "test" else 0) + sum(map(ord, kind)) * 1009
        self.chance = np.random.default_rng(self.seed)
        self.nuisance, self.level = _NUISANCES[(number // 2) % len(_NUISANCES)]

    def of(self, options: Any) -> Any:
        return options[int(self.chance.integers(len(options)))]

    def lines(self, count: int) -> list[str]:
        order = self.chance.permutation(len(LINES[self.split]))
        return [LINES[self.split][int(index)] for index in order[:count]]

    def voice(self) -> tuple[str, str]:
        group = "formant" if self.nuisance == "formant voice" else "recorded"
        voice: tuple[str, str] = self.of(VOICES[self.split][group])
        return voice

    def finish(self, track: Sound) -> Sound:
        return _spoiled(track, self.nuisance, self.level, self.seed % 100_000)


def _line_spoken(chooser: _Chooser, obeys: bool) -> tuple[Constraint, Sound | None, str]:
    (line,) = chooser.lines(1)
    text, language, voice = _right(line), "en", chooser.voice()
    if chooser.nuisance == "formant voice" and chooser.number % 3:
        chooser.nuisance, chooser.level = "other language", 1.0
        language = chooser.of(sorted(TRANSLATED[chooser.split]))
        line = chooser.of(TRANSLATED[chooser.split][language])
        text = _right(line)
        voice = ("espeak-ng", _LOCALES[language] + chooser.of(_VARIANTS[chooser.split]))
    params: dict[str, Any] = {"text": text} | ({"language": language} if language != "en" else {})
    constraint = Constraint("c1", "line_spoken", text, tuple(sorted(params.items())))
    if obeys:
        return constraint, chooser.finish(_track([speak(*voice, text)])), "said"
    ways = ("one word wrong", "one word missing", "another line", "a word more", "silence", "no track", "noise only")
    way = ways[chooser.number // 2 % len(ways)]
    if way == "no track":
        return constraint, None, way
    if way == "silence":
        return constraint, silence(3.0, _RATE_HZ)[0], way
    if way == "noise only":
        return constraint, noise(3.0, _RATE_HZ, chooser.seed, rms=0.05), way
    if way == "another line":
        said = _right(chooser.of([other for other in LINES[chooser.split] if other != line]))
        voice = chooser.of(VOICES[chooser.split]["recorded"]) if language != "en" else voice
    elif way == "a word more":
        said = re.sub(r"\{([^|{}]+)\|([^|{}]+)\}", r"\2 \1", line)
    else:
        said = _wrong(line) if way == "one word wrong" else _missing(line)
    return constraint, chooser.finish(_track([speak(*voice, said)])), way


def _lines_in_order(chooser: _Chooser, obeys: bool) -> tuple[Constraint, Sound | None, str]:
    count = 2 + int(chooser.chance.integers(2))
    lines = [_right(line) for line in sorted(chooser.lines(count + 3), key=len)[:count]]
    lines = [lines[int(index)] for index in chooser.chance.permutation(count)]
    constraint = Constraint("c1", "lines_in_order", " ".join(lines), (("texts", tuple(lines)),))
    voices = [chooser.voice() for _ in lines]
    way = "in order"
    if not obeys:
        way = chooser.of(("swapped", "swapped", "reversed", "one missing", "no track"))
        if way == "no track":
            return constraint, None, way
        if way == "swapped":
            lines = [lines[1], lines[0], *lines[2:]]
        elif way == "reversed":
            lines = lines[::-1]
        else:
            lines = lines[1:]
    spoken = [speak(*voice, text) for voice, text in zip(voices, lines, strict=False)]
    return constraint, chooser.finish(_track(spoken, chooser.of((0.25, 0.5, 0.9)))), way


def _no_speech(chooser: _Chooser, obeys: bool) -> tuple[Constraint, Sound | None, str]:
    constraint = Constraint("c1", "no_speech", "nobody speaks")
    seed = chooser.seed % 100_000
    way = chooser.of(("noise", "music", "knocks", "silence", "no track", "engine"))
    if obeys and way == "no track":
        return constraint, None, way
    length = round(4.0 * _RATE_HZ)
    track: Sound = np.zeros(length, np.float32)
    if way == "noise":
        track = noise(4.0, _RATE_HZ, seed, rms=0.06, slope=0.5 * (seed % 3))
    elif way == "music":
        track = _music(length, seed)
    elif way == "knocks":
        both = silence(4.0, _RATE_HZ)
        material = chooser.of(("wood", "metal", "glass") if chooser.split == "calibration" else ("rubber", "clap"))
        for knock in range(6):
            mix(both, impact(material, _RATE_HZ, seed + knock), 0.4 + 0.55 * knock, _RATE_HZ)
        track = both[0]
    elif way == "engine":
        t = np.arange(length) / _RATE_HZ
        hum = sum(np.sin(2 * np.pi * (60 + seed % 60) * k * t) / k for k in range(1, 12))
        track = (0.03 * hum * (1 + 0.3 * np.sin(2 * np.pi * 7 * t))).astype(np.float32)
    if obeys:
        return constraint, track, way
    # noise, music and the rest lie under the speech at the level of the nuisance; nominally there is only speech
    line = _right(chooser.lines(1)[0])
    short = chooser.number % 4 == 1
    text = "Listen to me." if short else line
    track = chooser.finish(_track([speak(*chooser.voice(), text)], 1.5))
    return constraint, track, "three words" if short else "a line"


def _speech_language(chooser: _Chooser, obeys: bool) -> tuple[Constraint, Sound | None, str]:
    formant = chooser.nuisance == "formant voice"
    languages = sorted(_LOCALES if formant else (*_PICO, "en"))
    wanted = chooser.of(languages)
    constraint = Constraint("c1", "speech_language", f"in {wanted}", (("language", wanted),))
    if not obeys and chooser.number % 12 == 1:
        return constraint, None, "no track"
    spoken = wanted if obeys else chooser.of([language for language in languages if language != wanted])

    def say(language: str) -> Sound:
        if language == "en":
            return speak(*chooser.voice(), _right(chooser.lines(1)[0]))
        line = _right(chooser.of(TRANSLATED[chooser.split][language]))
        if formant:
            return speak("espeak-ng", _LOCALES[language] + chooser.of(_VARIANTS[chooser.split]), line)
        return speak("pico", _PICO[language] + (_HIGH if chooser.split == "test" else ""), line)

    pieces = [say(spoken), say(spoken)]
    way = f"{spoken} only"
    if not obeys and chooser.number % 3 == 0:
        pieces = [say(wanted), say(spoken)]
        way = f"{wanted}, then {spoken}"
    return constraint, chooser.finish(_track(pieces)), way


def _voice_count(chooser: _Chooser, obeys: bool) -> tuple[Constraint, Sound | None, str]:
    voices = [*VOICES[chooser.split]["recorded"], *VOICES[chooser.split]["other"]]
    if chooser.nuisance == "formant voice":
        chooser.nuisance, chooser.level = NOMINAL, 0.0
    count = 1 + int(chooser.chance.integers(3))
    asked = count if obeys else chooser.of([n for n in (1, 2, 3) if n != count])
    order = chooser.chance.permutation(len(voices))[:count]
    chosen = [voices[int(index)] for index in order]
    turns = chosen if count > 1 and chooser.chance.random() < 0.5 else [*chosen, *chosen]
    lines = [_right(line) for line in sorted(chooser.lines(len(turns) + 3), key=len)[: len(turns)]]
    track = _track([speak(*voice, text) for voice, text in zip(turns, lines, strict=True)], chooser.of((0.3, 0.6)))
    params = (("count_max", asked), ("count_min", asked))
    return Constraint("c1", "voice_count", f"{asked} voices", params), chooser.finish(track), f"{count} voices"


def _speech_rate(chooser: _Chooser, obeys: bool) -> tuple[Constraint, Sound | None, str]:
    lines = [line for line in LINES[chooser.split] if len(line.split()) >= 6]
    order = chooser.chance.permutation(len(lines))[:2]
    texts = [_right(lines[int(index)]) for index in order]
    speed = float(chooser.chance.uniform(0.7, 1.4))
    voice = chooser.voice()
    pieces = [speak(*voice, text, speed) for text in texts]
    words = sum(len(text.split()) for text in texts)
    rate = 60 * words / (sum(piece.size for piece in pieces) / _RATE_HZ)
    off = float(chooser.chance.uniform(-0.05, 0.05)) if obeys else float(chooser.of((-0.45, -0.3, 0.35, 0.6)))
    asked = min(240.0, max(60.0, round(rate / (1 + off))))
    if not obeys and abs(rate / asked - 1) < 0.28:  # out of what may be asked for
        asked = 60.0 if rate > 120 else 240.0
    if obeys and abs(rate / asked - 1) > 0.06:
        asked = round(rate)
    constraint = Constraint("c1", "speech_rate", f"{asked:.0f} words", (("words_per_minute", float(asked)),))
    return constraint, chooser.finish(_track(pieces)), f"{rate:.0f} words per minute, asked {asked:.0f}"


_MAKERS = {
    "line_spoken": _line_spoken,
    "lines_in_order": _lines_in_order,
    "no_speech": _no_speech,
    "speech_language": _speech_language,
    "voice_count": _voice_count,
    "speech_rate": _speech_rate,
}


def cases(kind: str, split: str, count: int, seed: int = 0) -> Iterator[Case]:
    """``count`` cases of a speech constraint, half of them obeying.

    Raises:
        FactoryError: flite, eSpeak NG or, for ``speech_language``, SVOX Pico is not installed.
    """
    for number in range(count):
        obeys = number % 2 == 0
        chooser = _Chooser(kind, split, number, seed)
        constraint, track, way = _MAKERS[kind](chooser, obeys)
        truth = {"kind": kind, "obeys": obeys, "way": way}
        name = f"{kind}-{split}-{seed}-{number:04d}"
        scene = _scene(name, track, chooser.seed, truth, 3.0)
        yield Case(scene, constraint, obeys, chooser.nuisance, chooser.level, way)
