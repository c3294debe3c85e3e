"""How clean the sound track is as a signal: 1 without measurable damage, towards 0 as damage grows.

The score is the product of seven parts, each in (0, 1] and each falling through 0.5 at its stated half point:

======================  =======================================================  =================================
part                    measured                                                 half point
======================  =======================================================  =================================
clipping                share of samples on flat tops                            0.5 %
dropouts                gaps per 10 s (clips below 10 s count as 10 s)           4
noise                   A-weighted whole over noise floor                        4 dB, see below
bandwidth               highest frequency with moving sound                      2.5 kHz
hum                     mains lines relative to the sound                        -12 dB
DC                      offset as a share of full scale                          5 %
loudness                integrated loudness (only quiet sound is marked down)    -50 LUFS
======================  =======================================================  =================================

The half points are judgements, not fits to listeners, and the parts are not independent: heavy noise also hides
bandwidth. Of bandwidth the telephone (3.4 kHz) keeps 0.75, the wide band of ITU-T P.341 (7 kHz) 0.97, and 16 kHz and
above 1; above 8 kHz the part is flat on purpose, because what a codec makes of noise can pass for bandwidth there.
The noise part is gentle because wanted steady sound (rain, stirring) reads like noise: even with noise as strong as
the sound it keeps about 0.4. Rooms and circuits make a floor that fills the spectrum; a floor with a shape is rather
a scene. So each dB by which the floor is less than flat adds 0.12 dB to the ratio, at most 5 dB. The slope of the
bandwidth part and this leniency were set after runs on all real clips, so those clips are no independent test of them.

A clip without a sound track or with a silent one lacks what a clip with sound must have: it is ``ok`` at the floor,
see :func:`avgen_bench.sound.silence_reason`. Sound shorter than 0.1 s is ``abstained``. A part that could not be
measured because the sound is short (see :mod:`avgen_bench.backbones.audio_signal`) counts as 1, and a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from avgen_bench.sound import SHORTEST_S, silence_reason
from avgen_bench.types import (
    AudioScores,
    DimensionFacts,
    Evidence,
    LoudnessCurve,
    MediaFacts,
    Outcome,
    Payload,
    Prompt,
)

__all__ = ["AudioQuality"]

CLIPPING_HALF = 0.005
CLIPPING_POWER = 0.75
DROPOUTS_HALF = 4.0
DROPOUTS_BASE_S = 10.0
NOISE_HALF_DB = 4.0
NOISE_WIDTH_DB = 15.0
SHAPE_LENIENCY = 0.12
LENIENCY_MOST_DB = 5.0
BANDWIDTH_HALF_HZ = 2500.0
BANDWIDTH_POWER = 3.5
BANDWIDTH_FULL_HZ = 16000.0
HUM_HALF_DB = -12.0
HUM_WIDTH_DB = 12.0
DC_HALF = 0.05
QUIET_HALF_LUFS = -50.0
QUIET_WIDTH_LU = 6.0
CURVE_POINTS = 120
SPANS_SHOWN = 40


def _half(value: float, half: float, power: float) -> float:
    """Falls from 1 at 0 through 0.5 at ``half``."""
    return float(1.0 / (1.0 + (max(value, 0.0) / half) ** power))


def _slope(value_db: float, half_db: float, width_db: float) -> float:
    """Rises with ``value_db`` through 0.5 at ``half_db``; 10 to 1 odds at one width from there."""
    return float(1.0 / (1.0 + 10.0 ** ((half_db - value_db) / width_db)))


def _thinned(x: tuple[float, ...], y: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """At most CURVE_POINTS points, evenly chosen."""
    step = -(-len(x) // CURVE_POINTS) if x else 1
    return x[::step], y[::step]


def _parts(signal: AudioScores, loudness: LoudnessCurve) -> tuple[list[Evidence], list[str]]:
    """The scored parts, and the names of those that could not be measured."""
    totals = signal.totals
    parts: list[Evidence] = []
    missing: list[str] = []

    def add(label: str, value: float | None, unit: str, score: float | None) -> None:
        if value is None or score is None:
            missing.append(label)
        else:
            parts.append(Evidence("part", label, value=value, unit=unit, score=min(score, 1.0)))

    clipped = totals.get("clipped_share")
    add("clipping", clipped, "share", None if clipped is None else _half(clipped, CLIPPING_HALF, CLIPPING_POWER))

    gaps = totals.get("dropouts")
    if gaps is None:
        add("dropouts", None, "per 10 s", None)
    else:
        rate = gaps * 10.0 / max(totals["duration_s"], DROPOUTS_BASE_S)
        add("dropouts", rate, "per 10 s", _half(rate, DROPOUTS_HALF, 1.0))

    ratio = totals.get("snr_db")
    if ratio is None:
        add("noise", None, "dB", None)
    else:
        leniency_db = min(-SHAPE_LENIENCY * totals.get("floor_flatness_db", 0.0), LENIENCY_MOST_DB)
        add("noise", ratio, "dB", _slope(ratio + leniency_db, NOISE_HALF_DB, NOISE_WIDTH_DB))

    width = totals.get("bandwidth_hz")
    if width is None:
        add("bandwidth", None, "Hz", None)
    else:
        full = _half(BANDWIDTH_HALF_HZ / BANDWIDTH_FULL_HZ, 1.0, BANDWIDTH_POWER)
        add("bandwidth", width, "Hz", _half(BANDWIDTH_HALF_HZ / max(width, 1.0), 1.0, BANDWIDTH_POWER) / full)

    hum = totals.get("hum_db")
    add("hum", hum, "dB", None if hum is None else _slope(-hum, -HUM_HALF_DB, HUM_WIDTH_DB))

    offset = totals.get("dc")
    add("dc", offset, "share", None if offset is None else _half(offset, DC_HALF, 2.0))

    level = loudness.integrated_lufs
    add("loudness", level, "LUFS", None if level is None else _slope(level, QUIET_HALF_LUFS, QUIET_WIDTH_LU))
    return parts, missing


def _observed(signal: AudioScores, loudness: LoudnessCurve, spectrum: AudioScores) -> list[Evidence]:
    """What is shown beside the parts: levels without a score, curves."""
    shown: list[Evidence] = []
    for label, value, unit in (
        ("flatness of the floor", signal.totals.get("floor_flatness_db"), "dB"),
        ("noise floor", signal.totals.get("noise_floor_dbfs"), "dBFS"),
        ("true peak", loudness.true_peak_dbfs, "dBFS"),
        ("loudness range", loudness.range_lu if loudness.momentary_lufs else None, "LU"),
        ("silent share", signal.totals.get("silent_share"), "share"),
        ("hum frequency", signal.totals.get("hum_hz"), "Hz"),
        ("weakest channel", signal.totals.get("weakest_channel_db"), "dB"),
        ("spectral centroid", spectrum.totals.get("centroid_hz"), "Hz"),
        ("spectral rolloff", spectrum.totals.get("rolloff_hz"), "Hz"),
        ("spectral flatness", spectrum.totals.get("flatness"), ""),
    ):
        if value is not None:
            shown.append(Evidence("part", label, value=value, unit=unit))
    if signal.totals.get("weakest_channel_db", 0.0) < -40.0:
        shown.append(Evidence("note", "channels", text="one channel is silent or 40 dB weaker than the other"))
    if loudness.times_s:
        x, y = _thinned(loudness.times_s, loudness.momentary_lufs)
        shown.append(Evidence("curve", "momentary loudness", unit="LUFS", x=x, y=y))
    if spectrum.times_s:
        middle = tuple(time + spectrum.block_s / 2.0 for time in spectrum.times_s)
        x, y = _thinned(middle, spectrum.columns["centroid_hz"])
        shown.append(Evidence("curve", "spectral centroid", unit="Hz", x=x, y=y))
    return shown


class AudioQuality:
    """Technical quality of the sound, 0 to 1, from clipping, dropouts, noise, bandwidth, hum, DC and loudness."""

    facts: ClassVar[DimensionFacts] = DimensionFacts(
        name="audio_quality",
        family="perceptual",
        version="1",
        unit="score",
        low=0.0,
        high=1.0,
        floor=0.0,
        direction=1,
        needs=("audio_signal", "loudness", "spectrum"),
        summary="clipping, dropouts, noise, bandwidth, hum, DC and loudness of the sound track",
        scale="1: no measurable damage; 0.5: one kind of damage that anyone hears; 0: silent or ruined",
        reference="ITU-R BS.1770-5; ITU-T P.341; IEC 61672-1",
    )

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload]) -> Outcome:
        """The product of the parts; the floor for a silent clip, abstained for sound shorter than 0.1 s."""
        signal, loudness, spectrum = seen["audio_signal"], seen["loudness"], seen["spectrum"]
        if not isinstance(signal, AudioScores) or not isinstance(spectrum, AudioScores):
            raise TypeError("audio_signal and spectrum must be AudioScores")
        if not isinstance(loudness, LoudnessCurve):
            raise TypeError(f"loudness is a {type(loudness).__name__}; expected a LoudnessCurve")
        silent = silence_reason(media, loudness)
        if silent:
            if prompt is not None and prompt.demands_sound:
                silent = f"the prompt demands sound; {silent}"
            return Outcome("ok", self.facts.floor, silent, (Evidence("note", "silence", text=silent),))
        duration_s = signal.totals.get("duration_s", 0.0)
        if duration_s < SHORTEST_S:
            return Outcome(
                "abstained", None, f"the sound lasts {duration_s:.3f} s; {SHORTEST_S} s or more can be judged"
            )

        parts, missing = _parts(signal, loudness)
        value = 1.0
        for part in parts:
            value *= 1.0 if part.score is None else part.score
        evidence = parts + _observed(signal, loudness, spectrum)
        evidence += [
            Evidence("span", label, start_s=start_s, end_s=end_s)
            for label, start_s, end_s in signal.spans[:SPANS_SHOWN]
        ]
        if len(signal.spans) > SPANS_SHOWN:
            left = len(signal.spans) - SPANS_SHOWN
            evidence.append(Evidence("note", "spans", text=f"{left} more spans are in the observation audio_signal"))
        if missing:
            text = f"not measured, counted as undamaged: {', '.join(missing)} (the sound lasts {duration_s:.2f} s)"
            evidence.append(Evidence("note", "short sound", text=text))
        return Outcome("ok", value, self._worst(parts), tuple(evidence))

    @staticmethod
    def _worst(parts: list[Evidence]) -> str:
        """A few words on what costs most, empty when nothing costs a tenth."""
        scored = [(part.score, part) for part in parts if part.score is not None and part.score < 0.9]
        if not scored:
            return ""
        part = min(scored, key=lambda pair: pair[0])[1]
        return f"mostly {part.label}: {part.value:.3g} {part.unit}"
