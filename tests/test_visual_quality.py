"""Visual quality: every known damage lowers it, and what is at the floor."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.stats import spearmanr
from test_clarity import Luma, natural, observe, scene

from avgen_bench.backbones.clarity import COLUMNS, Clarity
from avgen_bench.dimensions.visual_quality import PARTS, VisualQuality
from avgen_bench.errors import FactoryError
from avgen_bench.factory.damage_picture import (
    LADDERS,
    STEPS,
    banding,
    blur,
    downscale2,
    noise,
    recompress,
    reencode,
    rewrap,
)
from avgen_bench.media import read
from avgen_bench.types import Evidence, FrameScores, MediaFacts, Outcome, StreamFacts

FACTS = MediaFacts("mp4", 3.0, StreamFacts("h264", 0.0, 3.0, 72, 72, 0, 0.0, 0.0, size=(384, 288), fps=24.0), None)


def measure(frames: list[Luma], facts: MediaFacts = FACTS) -> Outcome:
    payload = observe([(float(k), luma) for k, luma in enumerate(frames)])
    return VisualQuality().measure(None, facts, {"clarity": payload})


def value(frames: list[Luma]) -> float:
    outcome = measure(frames)
    assert outcome.status == "ok" and outcome.value is not None
    return outcome.value


def parts(outcome: Outcome) -> dict[str, float]:
    return {e.label: e.score for e in outcome.evidence if e.kind == "part" and e.score is not None}


@pytest.mark.parametrize("name", LADDERS)
def test_more_damage_lowers_the_score(name: str) -> None:
    scores = [value([LADDERS[name](scene(seed=7), step, 5)]) for step in STEPS]
    assert scores[0] > 0.9 and scores[-1] < 0.5
    assert spearmanr(STEPS, scores).statistic <= -0.95, scores


@pytest.mark.parametrize(("damage", "part"), [(blur, "sharpness"), (noise, "noise"), (banding, "banding")])
def test_the_part_that_falls_most_names_the_damage(damage: object, part: str) -> None:
    assert callable(damage)
    found = parts(measure([damage(scene(seed=2), 5, 1)]))
    assert min(found, key=found.__getitem__) == part


def test_an_untouched_natural_picture_is_near_one_at_any_size() -> None:
    picture = natural(576, 768, seed=4)
    assert value([picture]) > 0.9
    assert abs(value([downscale2(picture)]) - value([picture])) < 0.05


def test_parts_worst_moment_and_curve_are_evidence() -> None:
    outcome = measure([natural(seed=1), noise(scene(seed=2), 6, 1), natural(seed=3)])
    assert set(parts(outcome)) == set(PARTS)
    span = next(e for e in outcome.evidence if e.kind == "span")
    assert (span.start_s, span.end_s) == (1.0, 2.0) and span.text.startswith("noise")
    curve = next(e for e in outcome.evidence if e.kind == "curve")
    assert curve.x == (0.0, 1.0, 2.0) and min(curve.y) == curve.y[1] == span.value
    assert outcome.value is not None and curve.y[1] < outcome.value < max(curve.y)
    for item in outcome.evidence:
        Evidence.from_json(json.loads(json.dumps(item.to_json(), allow_nan=False)))


def test_one_bad_second_lowers_the_score_by_more_than_its_share() -> None:
    good = [natural(seed=k) for k in range(8)]
    bad = [*good[:-1], blur(good[-1], 8)]
    assert value(good) - value(bad) > (value(good[-1:]) - value(bad[-1:])) / 8 * 1.2


def test_no_picture_track_is_at_the_floor() -> None:
    outcome = measure([], MediaFacts("mp4", 3.0, None, None))
    assert (outcome.status, outcome.value, outcome.reason) == ("ok", 0.0, "no picture track")


@pytest.mark.parametrize("code", [16, 128, 235])
def test_a_blank_picture_is_at_the_floor(code: int) -> None:
    outcome = measure([np.full((144, 176), code, np.uint8)] * 3)
    assert (outcome.status, outcome.value, outcome.reason) == ("ok", 0.0, "blank picture")


def test_blank_frames_are_left_out_and_noted() -> None:
    shown = [natural(seed=1), natural(seed=2)]
    faded = measure([*shown, np.full((288, 384), 16, np.uint8)])
    assert faded.value == pytest.approx(value(shown))
    assert any(e.kind == "note" and "1 of 3" in e.text for e in faded.evidence)


def test_a_track_without_a_sampled_frame_is_abstained() -> None:
    assert measure([]).status == "abstained"


def test_a_heavily_blurred_picture_is_low_and_not_blank() -> None:
    assert 0 < value([blur(natural(), 8)]) < 0.35


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (17, 31), (66, 130)])
def test_tiny_and_odd_sizes_have_an_outcome_in_range(size: tuple[int, int]) -> None:
    outcome = measure([natural(256, 256)[: size[0], : size[1]]])
    assert outcome.status == "ok" and outcome.value is not None and 0 <= outcome.value <= 1


def test_the_score_stays_in_range_for_any_column_values() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        columns = {name: tuple((rng.standard_cauchy(2) * 10).tolist()) for name in COLUMNS}
        outcome = VisualQuality().measure(None, FACTS, {"clarity": FrameScores((0.0, 1.0), columns)})
        assert outcome.value is not None and 0 <= outcome.value <= 1 and math.isfinite(outcome.value)


def test_a_step_outside_the_ladder_is_refused() -> None:
    with pytest.raises(FactoryError, match="0 \\(untouched\\) to 8"):
        blur(natural(64, 64), 9)


def test_damage_is_repeatable_and_noise_differs_between_frames() -> None:
    picture = natural(64, 96)
    assert np.array_equal(noise(picture, 3, 1), noise(picture, 3, 1))
    assert not np.array_equal(noise(picture, 3, 1), noise(picture, 3, 2))
    assert all(np.array_equal(ladder(picture, 0, 0), picture) for ladder in LADDERS.values())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a scene that moves, with a tone."""
    path = tmp_path_factory.mktemp("clip") / "texture.mp4"
    wide = scene(192, 384, seed=9)
    with av.open(str(path), "w") as out:
        picture = out.add_stream("libx264", rate=12, options={"crf": "12", "preset": "veryfast"})
        picture.width, picture.height, picture.pix_fmt = 256, 192, "yuv420p"
        sound = out.add_stream("aac", rate=48000, layout="mono")
        for k in range(24):
            frame = av.VideoFrame(256, 192, "yuv420p")
            planes = (wide[:, 2 * k : 2 * k + 256], *(np.full((96, 128), 128, np.uint8),) * 2)
            for plane, values in zip(frame.planes, planes, strict=True):
                padded = np.zeros((plane.height, plane.line_size), np.uint8)
                padded[:, : plane.width] = values
                plane.update(padded.tobytes())
            frame.pts, frame.time_base = k, Fraction(1, 12)
            out.mux(picture.encode(frame))
        tone = (0.3 * np.sin(np.arange(96000) * 0.06)).astype(np.float32)[None]
        block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = 48000, 0, Fraction(1, 48000)
        out.mux(sound.encode(block))
        out.mux(picture.encode(None))
        out.mux(sound.encode(None))
    return path


def of_file(path: Path) -> Outcome:
    facts, seen = read(path, {"clarity": Clarity()})
    return VisualQuality().measure(None, facts, seen)


def sound_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_another_container_gives_the_same_score(clip: Path, tmp_path: Path) -> None:
    assert of_file(rewrap(clip, tmp_path / "same.mkv")).value == of_file(clip).value


def test_lower_bitrate_lowers_score_and_size_and_keeps_the_sound(clip: Path, tmp_path: Path) -> None:
    """In coarse steps: on so small a random texture, masked blocks make the middle of the ladder uneven."""
    paths = [clip, *(reencode(clip, tmp_path / f"{step}.mp4", step) for step in STEPS[1:])]
    scores = [of_file(path).value or 0.0 for path in paths]
    assert scores[0] > scores[4] + 0.05 > scores[8] + 0.2
    assert all(sound_packets(path) == sound_packets(clip) for path in paths)
    assert all(after < before for before, after in pairwise(path.stat().st_size for path in paths))


def test_a_visually_lossless_encode_keeps_the_score(clip: Path, tmp_path: Path) -> None:
    before, after = of_file(clip).value, of_file(recompress(clip, tmp_path / "again.mp4")).value
    assert before is not None and after is not None and abs(after - before) < 0.05


def test_a_file_without_picture_cannot_be_encoded_again(clip: Path, tmp_path: Path) -> None:
    with av.open(str(clip)) as source, av.open(str(tmp_path / "sound.mp4"), "w") as out:
        track = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = track
                out.mux(packet)
    with pytest.raises(FactoryError, match="no picture track"):
        reencode(tmp_path / "sound.mp4", tmp_path / "out.mp4", 3)
