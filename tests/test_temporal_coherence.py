"""Temporal coherence: what is damage and what is not, and what is at the floor."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from test_steadiness import as_luma, pan, shifted, texture

from avgen_bench.backbones.cuts import Cuts
from avgen_bench.backbones.steadiness import Steadiness
from avgen_bench.dimensions.temporal_coherence import CURVE_POINTS, PARTS, TemporalCoherence
from avgen_bench.factory.damage_time import LADDERS, STEPS
from avgen_bench.media import Fanout
from avgen_bench.types import Evidence, MediaFacts, Outcome, Payload, StreamFacts

Frames = list[tuple[float, np.ndarray]]


def measure(frames: Frames, picture: bool = True) -> Outcome:
    backbones = {"steadiness": Steadiness(), "cuts": Cuts()}
    fanout = Fanout({name: (backbone.facts.views, backbone.start()) for name, backbone in backbones.items()})
    for index, (t_s, luma) in enumerate(frames):
        fanout.picture(index, t_s, np.ascontiguousarray(luma))
    end_s = frames[-1][0] if frames else 0.0
    track = StreamFacts("h264", 0.0, end_s, len(frames), len(frames), 0, 0.0, 0.0, size=(192, 144), fps=24.0)
    facts = MediaFacts("mp4", end_s, track if picture else None, None)
    seen: dict[str, Payload] = fanout.finish(facts)
    return TemporalCoherence().measure(None, facts, seen)


def value(frames: Frames) -> float:
    outcome = measure(frames)
    assert outcome.status == "ok" and outcome.value is not None
    return outcome.value


def parts(outcome: Outcome) -> dict[str, Evidence]:
    return {item.label: item for item in outcome.evidence if item.kind == "part"}


def labels(outcome: Outcome) -> set[str]:
    return {item.label for item in outcome.evidence if item.kind == "span"}


def joined(*shots: Frames) -> Frames:
    frames = [luma for shot in shots for _, luma in shot]
    return [(index / 24, luma) for index, luma in enumerate(frames)]


def with_noise(frames: Frames, levels: float = 1.5) -> Frames:
    source = np.random.default_rng(1)
    return [(t_s, as_luma(luma + source.normal(0, levels, luma.shape))) for t_s, luma in frames]


def test_steady_pan_scores_high_and_shows_every_part() -> None:
    outcome = measure(pan(60))
    assert outcome.value is not None and outcome.value > 0.9
    assert set(parts(outcome)) == set(PARTS)
    product = 1.0
    for part in parts(outcome).values():
        assert part.score is not None
        product *= part.score
    assert product == pytest.approx(outcome.value)
    json.dumps([item.to_json() for item in outcome.evidence], allow_nan=False)


def test_cut_costs_nothing() -> None:
    whole = value(pan(60, seed=1))
    outcome = measure(joined(pan(30, seed=1), pan(30, seed=2)))
    assert outcome.value == pytest.approx(whole, abs=0.03)
    cut = next(item for item in outcome.evidence if item.label == "cut")
    assert (cut.start_s, cut.end_s) == (30 / 24, pytest.approx(31 / 24))
    assert not any(label.startswith("worst") for label in labels(outcome))


def test_calm_and_dark_footage_is_not_damage() -> None:
    picture = texture(1, 288, 384)
    assert value(with_noise([(i / 24, as_luma(picture)) for i in range(24)], 3)) > 0.93
    assert value(with_noise([(i / 24, as_luma(18 + (picture - 60) / 20)) for i in range(24)], 2)) > 0.93


def test_title_between_two_cuts_is_not_frozen() -> None:
    title = [(0.0, as_luma(texture(5)))] * 24
    outcome = measure(joined(pan(30, seed=1), title, pan(30, seed=2)))
    held = parts(outcome)["held"]
    assert held.value == 0
    assert outcome.value is not None and outcome.value > 0.9


def test_frozen_stretch_is_shown_and_costs() -> None:
    frames = pan(72)
    frames[30:54] = [(t_s, frames[29][1]) for t_s, _ in frames[30:54]]
    outcome = measure(frames)
    assert parts(outcome)["held"].value == pytest.approx(24 / 72, abs=0.01)
    span = next(item for item in outcome.evidence if item.label == "frozen picture")
    assert (span.start_s, span.end_s) == (30 / 24, 54 / 24)


def test_flash_is_the_worst_moment() -> None:
    frames = pan(72)
    frames[40] = (frames[40][0], as_luma(frames[40][1] + 30.0))
    outcome = measure(frames)
    spans = [item for item in outcome.evidence if item.label.startswith("worst")]
    assert spans and all(item.start_s is not None and abs(item.start_s - 40 / 24) < 0.1 for item in spans)


def test_curves_are_short() -> None:
    curves = [item for item in measure(pan(300)).evidence if item.kind == "curve"]
    assert {item.label for item in curves} == {"flicker", "warp error"}
    assert all(0 < len(item.x) <= CURVE_POINTS for item in curves)


@pytest.mark.parametrize("rate", [24.0, 30.0])
def test_rate_does_not_matter_to_sound_footage(rate: float) -> None:
    picture = texture(1)
    frames = [(i / rate, as_luma(shifted(picture, 36 * i / rate))) for i in range(48)]
    assert value(frames) == pytest.approx(value(pan(48, 1.5)), abs=0.02)


@pytest.mark.parametrize("name", sorted(LADDERS))
def test_ladder_falls(name: str) -> None:
    picture = texture(1)
    frames = with_noise(
        [(i / 24, as_luma(shifted(picture, 40 * np.sin(i / 15), 10 * np.cos(i / 9)))) for i in range(75)], 1.0
    )
    scores = [value(list(LADDERS[name](iter(frames), step))) for step in range(STEPS + 1)]
    assert all(after < before for before, after in pairwise(scores)), scores
    assert scores[-1] < 0.5 * scores[0]


def test_floor_without_a_moving_picture() -> None:
    luma = as_luma(texture(1))
    for frames, words in (
        ([(0.0, luma)], "1 frame"),
        (pan(2), "2 frames"),
        ([(i / 24, luma) for i in range(48)], "one still picture"),
        ([(i / 24, np.full_like(luma, 16)) for i in range(48)], "one still picture"),
    ):
        outcome = measure(frames)
        assert (outcome.status, outcome.value) == ("ok", 0.0)
        assert words in outcome.reason
    silent = measure([], picture=False)
    assert (silent.status, silent.value, silent.reason) == ("ok", 0.0, "no picture track")


def test_slide_show_abstains() -> None:
    outcome = measure([(0.5 * i, as_luma(texture(i))) for i in range(12)])
    assert outcome.status == "abstained"


def test_wrong_payload_is_refused() -> None:
    with pytest.raises(TypeError, match="expected FrameScores and Shots"):
        TemporalCoherence().measure(None, MediaFacts("mp4", 0.0, None, None), {"steadiness": None, "cuts": None})  # type: ignore[dict-item]
