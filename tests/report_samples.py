"""Made-up measurements of every kind, status and oddity, for the tests of the report and its page."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from avgen_bench.constraints.base import kind_of
from avgen_bench.dimensions import control
from avgen_bench.types import (
    Clip,
    Constraint,
    DimensionFacts,
    Evidence,
    Measurement,
    MediaFacts,
    Outcome,
    Prompt,
    Rung,
    StreamFacts,
    Thumbnails,
    Verdict,
)

HOSTILE = '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=1">\'"&{{7*7}}'


def facts(name: str, *, summary: str = "", low: float = 0.0, high: float = 1.0, direction: int = 1) -> DimensionFacts:
    """A dimension on a scale from ``low`` to ``high`` with its floor at the worst end."""
    return DimensionFacts(
        name=name,
        family="perceptual",
        version="1",
        unit="",
        low=low,
        high=high,
        floor=low if direction > 0 else high,
        direction=direction,
        needs=(),
        summary=summary or f"What {name} is.",
        scale="1 is a clip without measurable damage, 0.5 damage that anyone sees, 0 a clip that is unusable.",
    )


DIMENSIONS = (
    facts("visual_quality", summary="Sharpness, noise, blockiness, banding and exposure of native pixels."),
    facts("temporal_coherence", summary="Flicker, warp error, held pictures and frozen stretches."),
    facts("audio_quality", summary="Clipping, dropouts, bandwidth, noise, hum and loudness."),
    facts("av_sync", summary="The lag of sound behind localised motion, where one stands out."),
)


def clip(path: str, *, system: str = "", prompt_id: str = "", take: int = 0, category: str = "") -> Clip:
    """A clip whose id is made from its path."""
    return Clip(f"{abs(hash_text(path)):064x}", path, prompt_id, system, take, category)


def hash_text(text: str) -> int:
    """A number that depends on the text alone."""
    value = 0
    for byte in text.encode("utf-8", "surrogatepass"):
        value = (value * 257 + byte) % (1 << 250)
    return value


def measurement(of: Clip, dimension: str, outcome: Outcome, *, signature: str = "made-up/1") -> Measurement:
    """The outcome as a measurement of the clip."""
    return Measurement(
        dimension=dimension,
        version="1",
        clip_id=of.clip_id,
        clip_key=of.key,
        prompt_id=of.prompt_id,
        status=outcome.status,
        value=outcome.value,
        reason=outcome.reason,
        evidence=outcome.evidence,
        observations=(f"{hash_text(dimension + of.path) % (1 << 128):032x}",),
        signature=signature,
        verdicts=outcome.verdicts,
    )


def ok(value: float, *evidence: Evidence, reason: str = "") -> Outcome:
    """A number with its evidence."""
    return Outcome("ok", value, reason, evidence)


def media(duration_s: float, *, sound: bool = True) -> MediaFacts:
    """Facts of a 24 fps clip."""
    frames = round(duration_s * 24)
    picture = StreamFacts("h264", 0.0, duration_s, frames, frames, 0, 0.0, 0.0, (1280, 704), 24.0)
    track = StreamFacts("aac", 0.0, duration_s, 48000, 50, 0, 0.0, 0.0, rate_hz=48000, channels=2) if sound else None
    return MediaFacts("mp4", duration_s, picture, track)


def outcomes(duration_s: float, seed: int) -> dict[str, Outcome]:
    """One outcome per dimension with parts, spans, curves and notes of every sort."""
    rng = random.Random(seed)
    times = tuple(round(k * duration_s / 100, 3) for k in range(100))
    coarse = tuple(range(int(duration_s)))

    def part(label: str, unit: str, value: float) -> Evidence:
        return Evidence("part", label, value, unit, round(rng.uniform(0.3, 1.0), 3))

    def curve(
        label: str, unit: str, ys: tuple[float, ...], xs: tuple[float, ...] = times, x_unit: str = "s"
    ) -> Evidence:
        return Evidence("curve", label, unit=unit, x=xs, y=ys, x_unit=x_unit)

    def span(label: str, start_s: float, length_s: float) -> Evidence:
        return Evidence("span", label, start_s=start_s, end_s=min(start_s + length_s, duration_s))

    lags = tuple(float(lag) for lag in range(-1000, 1001, 40))
    peak = rng.choice((-40.0, 80.0, 320.0))
    cut_s = duration_s * 0.45
    onsets = sorted(rng.uniform(0, duration_s) for _ in range(9))
    loudness = tuple(-22 + 8 * math.sin(t * 2.1 + seed) - (48 if 2.0 < t < 2.6 else 0) for t in times)
    flicker = tuple(abs(rng.gauss(0.4, 0.15)) + (3 if 60 < k < 66 else 0) for k in range(100))
    return {
        "visual_quality": ok(
            round(rng.uniform(0.3, 0.95), 4),
            part("sharpness", "", rng.uniform(0.1, 1)),
            part("noise", "codes", rng.uniform(0.5, 6)),
            part("blockiness", "", rng.uniform(1, 1.4)),
            part("banding", "", rng.uniform(0, 0.2)),
            part("exposure", "", rng.uniform(0, 0.1)),
            part("natural_scene", "", rng.uniform(1.5, 2.4)),
            span("worst moment", 1.0, 1.0),
            curve(
                "frame score", "score", tuple(rng.uniform(0.4, 0.9) for _ in coarse), tuple(float(t) for t in coarse)
            ),
        ),
        "temporal_coherence": ok(
            round(rng.uniform(0.3, 0.95), 4),
            part("flicker", "codes", 1.2),
            part("warp_error", "", 0.031),
            part("jitter", "heights/s2", 0.4),
            part("held_pictures", "share", 0.0),
            span("cut", cut_s, 1 / 24),
            span("cut", duration_s * 0.8, 1 / 24),
            span("frozen", duration_s * 0.5, 0.6),
            curve("flicker", "codes", flicker),
            curve("warp error", "", tuple(abs(rng.gauss(0.02, 0.008)) for _ in times)),
        ),
        "audio_quality": ok(
            round(rng.uniform(0.3, 0.95), 4),
            part("clipping", "share", 0.00042),
            part("dropouts", "s", 0.12),
            part("bandwidth", "Hz", 15750.0),
            part("noise", "dB", 42.5),
            part("hum", "dB", -71.0),
            Evidence("part", "integrated_loudness", -23.4, "LUFS"),
            span("clipped", 0.3, 0.25),
            span("dropout", 2.1, 0.08),
            span("silence", 2.0, 0.6),
            curve("momentary loudness", "LUFS", loudness),
            curve("spectral centroid", "Hz", tuple(1800 + 900 * math.sin(3 * t) for t in times)),
        ),
        "av_sync": ok(
            round(rng.uniform(0.3, 1.0), 4),
            Evidence("part", "lag", peak, "ms", 0.9),
            Evidence("part", "strength", 0.005, "p"),
            *(span("sound onset", start, 0.01) for start in onsets),
            curve(
                "fit",
                "",
                tuple(math.exp(-(((lag - peak) / 120) ** 2)) + 0.1 * rng.random() for lag in lags),
                lags,
                "ms",
            ),
            Evidence("note", "region", text="the lower right of the picture, x 0.55-0.80, y 0.40-0.75"),
        ),
    }


def thumbnails(jpegs: list[str], duration_s: float) -> Thumbnails:
    """Pictures at even times."""
    return Thumbnails(tuple((k + 0.5) * duration_s / len(jpegs) for k in range(len(jpegs))), tuple(jpegs))


# --------------------------------------------------------------------------- constraints

CONTROL = tuple(
    theme.facts
    for theme in (
        *(control.Text, control.Speech, control.Music, control.Sound),
        *(control.Timing, control.Faces, control.Shots, control.Picture),
    )
)

PROMPT_TEXT = (
    "One unbroken take on a rehearsal stage in Porto. A girl, the only face in view, plays A4, C5 and E5 on a piano, "
    "and the picture turns steadily from white to green. Then come exactly three knocks on the lid, at equal "
    'intervals, after which a woman who is never seen says, "Let it rain." The sound grows louder and louder to the '
    'end, where the words "STAY DRY" are seen below the keys. All this lasts eight seconds.'
)
"""Spans overlap in "exactly three knocks on the lid, at equal intervals"."""

_STATED = (
    ("c1", "shot_count", "One unbroken take", {"count_min": 1, "count_max": 1}),
    ("c2", "face_count", "A girl, the only face in view", {"count_min": 1, "count_max": 1}),
    ("c3", "note_sequence", "plays A4, C5 and E5 on a piano", {"notes": ("A4", "C5", "E5")}),
    ("c4", "colour_trend", "turns steadily from white to green", {"colour": "white", "colour_to": "green"}),
    ("c5", "event_count", "exactly three knocks on the lid", {"event": "knock", "count_min": 3, "count_max": 3}),
    ("c6", "even_spacing", "three knocks on the lid, at equal intervals", {"event": "knock"}),
    ("c7", "line_spoken", 'says, "Let it rain."', {"text": "Let it rain."}),
    ("c8", "loudness_trend", "grows louder and louder to the end", {"direction": "rises"}),
    ("c9", "text_shown", 'the words "STAY DRY" are seen', {"text": "STAY DRY", "window_start": 0.6, "window_end": 1.0}),
    ("c10", "duration", "All this lasts eight seconds", {"duration_s": 8.0}),
)

CARDS = {
    "text_shown": {
        "nominal": {
            "n": 400,
            "balanced_accuracy": 0.9712,
            "accuracy_ci": [0.9502, 0.9841],
            "sensitivity": 0.96,
            "specificity": 0.9824,
        }
    },
    "event_count": {
        "nominal": {
            "n": 200,
            "balanced_accuracy": 0.9975,
            "accuracy_ci": [0.9722, 0.9991],
            "sensitivity": 1.0,
            "specificity": 0.995,
        }
    },
}
"""As ``avgen-bench calibrate`` writes them, less what the report does not read."""


def prompt(name: str, label: str = "") -> Prompt:
    """A prompt with a constraint of every theme; ``label`` stands in its text, a span and every text parameter."""
    text = PROMPT_TEXT + (f" {label}" if label else "")
    stated = []
    for id_, kind, span, params in _STATED:
        values = {key: label if label and key in ("text", "event") else value for key, value in params.items()}
        stated.append(Constraint(id_, kind, label if label and id_ == "c10" else span, tuple(sorted(values.items()))))
    return Prompt(name, text, constraints=tuple(stated))


def on_ladder(stated: Prompt, rung: int, amount: float, dial: str = "event_count", group: str = "knocks") -> Prompt:
    """The prompt as a rung of a ladder."""
    return replace(stated, ladder=Rung(group, dial, "events", amount, rung))


def verdicts(duration_s: float, seed: int, label: str = "") -> dict[str, tuple[Verdict, ...]]:
    """A verdict on every constraint of :func:`prompt`, by theme: passes, fails, near misses and unverifiable ones."""
    rng = random.Random(seed)
    times = tuple(round(k * duration_s / 80, 3) for k in range(80))
    found: list[Verdict] = []

    def at(share: float) -> float:
        return round(share * duration_s, 3)

    def span(name: str, start: float, end: float, **more) -> Evidence:
        return Evidence("span", name, start_s=at(start), end_s=at(end), **more)

    def say(id_: str, kind: str, strict: str, text: str, reason: str = "", loose: str = "", **more) -> None:
        odd = (Evidence("note", label, text=label), span(label, 0.1, 0.2, text=label)) if label else ()
        more["evidence"] = (*more.get("evidence", ()), *odd)
        found.append(
            Verdict(id_, kind, strict, loose or strict, label or text, label if label and reason else reason, **more)
        )

    cuts = seed % 2
    if cuts:
        cut = (span("cut", 0.45, 0.45),)
        say("c1", "shot_count", "fail", "2 shots", "1 cut, where none is allowed", "fail", margin=-1.0, evidence=cut)
    else:
        say("c1", "shot_count", "pass", "1 shot", margin=0.0)
    if seed % 3 == 2:
        face = (span("face, person 1", 0.1, 0.9, value=0.95, box=(0.1, 0.0, 0.3, 0.4)),)
        say("c2", "face_count", "pass", "1 face", margin=0.0, start_s=at(0.1), end_s=at(0.9), evidence=face)
    else:
        say("c2", "face_count", "unverifiable", "", "the only face is 14 pixels wide; at least 24 are needed to tell")
    played = (69, 72, 76) if not cuts else (69, 73, 76)
    notes = [
        span(
            f"note {('A4', 'C5', 'E5')[k] if not cuts or k != 1 else 'C#5'}",
            0.05 + 0.1 * k,
            0.13 + 0.1 * k,
            value=float(midi),
        )
        for k, midi in enumerate(played)
    ]
    if cuts:
        notes[1] = span("wrong note", 0.15, 0.23, value=73.0, text="C#5")
    notes += [
        span("expected note", 0.05 + 0.1 * k, 0.13 + 0.1 * k, value=float(midi)) for k, midi in enumerate((69, 72, 76))
    ]
    pitch = Evidence("curve", "pitch", unit="Hz", x=times, y=tuple(440.0 if t < at(0.13) else 523.0 for t in times))
    if cuts:
        say(
            *("c3", "note_sequence", "fail", "A4, C#5, E5", "C#5 where C5 is asked: 1 note of 3 differs", "fail"),
            margin=-0.333,
            start_s=at(0.05),
            end_s=at(0.33),
            evidence=(*notes, pitch),
        )
    else:
        say(
            *("c3", "note_sequence", "pass", "A4, C5, E5"),
            margin=0.0,
            start_s=at(0.05),
            end_s=at(0.33),
            evidence=(*notes, pitch),
        )
    green = tuple(t / duration_s for t in times)
    say(
        *("c4", "colour_trend", "pass", "white 97 % at first, green 88 % at last"),
        margin=0.28,
        evidence=(Evidence("curve", "share of green", unit="share", x=times, y=green),),
    )
    knocks = [0.4, 0.47, 0.54] + ([0.58] if seed % 3 == 1 else [])
    strikes = tuple(span("onset", k, k + 0.002) for k in knocks)
    if len(knocks) == 3:
        say(
            "c5",
            "event_count",
            "pass",
            "3 sharp sounds",
            margin=0.0,
            start_s=at(0.4),
            end_s=at(0.545),
            evidence=strikes,
        )
        say(
            "c6",
            "even_spacing",
            "pass",
            "spread 0.02 of the mean interval",
            margin=0.08,
            start_s=at(0.4),
            end_s=at(0.545),
        )
    else:
        say(
            *("c5", "event_count", "fail", "4 sharp sounds", "4 where exactly 3 are asked", "pass"),
            margin=-1.0,
            start_s=at(0.4),
            end_s=at(0.585),
            evidence=strikes,
        )
        say("c6", "even_spacing", "fail", "spread 0.23", "spread 0.23 of the mean interval", "fail", margin=-0.13)
    heard = [("let", 0.6, 0.64), ("it", 0.65, 0.67), ("reign" if cuts else "rain", 0.68, 0.75)]
    words = tuple(
        span("wrong word" if text == "reign" else "word", start, end, text=text, value=round(rng.uniform(0.6, 1), 3))
        for text, start, end in heard
    )
    if cuts:
        marked = "let it [reign, not rain] [-again-] (word errors 50%, letter errors 60%)"
        say(
            *("c7", "line_spoken", "fail", marked, "\u201creign\u201d where \u201crain\u201d is asked", "fail"),
            margin=-0.333,
            start_s=at(0.6),
            end_s=at(0.75),
            evidence=words,
        )
    else:
        say("c7", "line_spoken", "pass", "let it rain", margin=0.0, start_s=at(0.6), end_s=at(0.75), evidence=words)
    loudness = tuple(-38 + 22 * t / duration_s + 1.5 * math.sin(5 * t) for t in times)
    say(
        *("c8", "loudness_trend", "pass", "rises by 21.4 dB"),
        margin=15.4,
        evidence=(Evidence("curve", "short-term loudness", unit="LUFS", x=times, y=loudness),),
    )
    read = "STAY DRV" if seed % 2 else "STAY DRY"
    line = (span("text read", 0.8, 1.0, text=read, value=0.94, box=(0.25, 0.7, 0.75, 0.82)),)
    if seed % 2:
        say(
            *("c9", "text_shown", "fail", "STAY DRV", "the nearest line differs in 1 letter of 8", "fail"),
            margin=-0.125,
            start_s=at(0.8),
            end_s=at(1.0),
            evidence=line,
        )
    else:
        say("c9", "text_shown", "pass", "STAY DRY", margin=0.0, start_s=at(0.8), end_s=at(1.0), evidence=line)
    if duration_s == 8:
        say("c10", "duration", "pass", "8.00 s", margin=0.25)
    else:
        say("c10", "duration", "fail", f"{duration_s:.2f} s", f"{8 - duration_s:.2f} s short", margin=duration_s - 7.75)
    themes: dict[str, tuple[Verdict, ...]] = {item.name: () for item in CONTROL}
    by_kind = {kind: kind_of(kind).facts.theme for _, kind, *_ in _STATED}
    for verdict in found:
        themes[by_kind[verdict.kind]] += (verdict,)
    return themes


def control_outcomes(duration_s: float, seed: int, label: str = "") -> dict[str, Outcome]:
    """The outcome of each theme, as the dimensions make it of their verdicts."""
    made = {}
    for theme, mine in verdicts(duration_s, seed, label).items():
        known = [item for item in mine if item.strict != "unverifiable"]
        evidence = (Evidence("part", "pass", value=float(sum(item.strict == "pass" for item in mine))),)
        if known:
            value = sum(item.strict == "pass" for item in known) / len(known)
            made[theme] = Outcome("ok", value, "; ".join(item.reason for item in known), evidence, mine)
        else:
            made[theme] = Outcome("abstained", None, mine[0].reason, evidence, mine)
    return made
