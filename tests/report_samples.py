"""Made-up measurements of every kind, status and oddity, for the tests of the report and its page."""

from __future__ import annotations

import math
import random

from avgen_bench.types import (
    Clip,
    DimensionFacts,
    Evidence,
    Measurement,
    MediaFacts,
    Outcome,
    StreamFacts,
    Thumbnails,
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
