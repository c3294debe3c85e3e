"""Scores fall along ladders of known damage, and the other track's scores do not move.

Here on short stretches, so that the suite stays quick; ``benchmarks/dose.py`` climbs every ladder on whole clips.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from avgen_bench import registry
from avgen_bench.factory import demo, dose
from avgen_bench.factory.render import render

SECONDS = 3.0
OTHER = {"picture": ["audio_quality"], "sound": ["visual_quality", "temporal_coherence"]}


@pytest.fixture(scope="module")
def factory_clip(tmp_path_factory: pytest.TempPathFactory) -> dose.Content:
    return dose.load(render(demo.demo_scene(), tmp_path_factory.mktemp("dose") / "clip.mp4", crf=demo.CRF))


@pytest.fixture(scope="module")
def recorded_clip(real_clips: list[Path]) -> dose.Content:
    return dose.load(next(path for path in real_clips if path.stem == "vggsound_a"), SECONDS)


@pytest.fixture(scope="module")
def generated_clip(real_clips: list[Path]) -> dose.Content:
    return dose.load(next(path for path in real_clips if path.stem == "case6_ovi"), SECONDS)


@pytest.fixture(scope="module")
def generated_sound(real_clips: list[Path]) -> dose.Content:
    """The whole sound: some measures need more than a few seconds, and cost little."""
    whole = dose.load(next(path for path in real_clips if path.stem == "case6_ovi"))
    return replace(whole, frames=whole.frames[:1])


def _falls(content: dose.Content, name: str) -> None:
    values = dose.climb(content, dose.DOSES[name])
    rho = float(spearmanr(range(len(values)), values).statistic)
    assert rho <= -0.95 + 1e-9, f"{name}: {values}"
    assert values[-1] < values[0] - 0.1, f"{name} hardly matters: {values}"


@pytest.mark.slow
@pytest.mark.parametrize("name", dose.DOSES)
def test_factory_clip(factory_clip: dose.Content, name: str) -> None:
    _falls(factory_clip, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", dose.DOSES)
def test_recorded_clip(recorded_clip: dose.Content, name: str) -> None:
    _falls(recorded_clip, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in dose.DOSES if name not in ("low_bitrate", "shuffled_frames")])
def test_generated_clip(generated_clip: dose.Content, generated_sound: dose.Content, name: str) -> None:
    _falls(generated_sound if dose.DOSES[name].track == "sound" else generated_clip, name)


@pytest.mark.parametrize("name", dose.DOSES)
def test_the_other_track_does_not_move(factory_clip: dose.Content, name: str) -> None:
    ladder = dose.DOSES[name]
    others = OTHER[ladder.track]
    assert dose.measure(ladder.damage(factory_clip, dose.STEPS), others) == dose.measure(factory_clip, others)


@pytest.mark.debian
def test_damaged_sound_in_a_file_leaves_the_picture_alone(real_clips: list[Path], tmp_path: Path) -> None:
    """Through a real file: the picture's packets are copied, the sound is driven into clipping and encoded again."""
    source = next(path for path in real_clips if path.stem == "vggsound_a")
    target = tmp_path / "loud.mp4"
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-c:v", "copy", "-af", "volume=30dB", str(target)]
    subprocess.run(command, check=True)
    before, after = dose.load(source), dose.load(target)
    assert dose.measure(after, OTHER["sound"]) == dose.measure(before, OTHER["sound"])
    values = [dose.measure(item, ["audio_quality"])["audio_quality"].value for item in (before, after)]
    assert values[1] is not None and values[0] is not None and values[1] < values[0] - 0.1


@pytest.mark.debian
def test_another_container_gives_the_same_outcomes(tmp_path: Path) -> None:
    source, target = render(demo.demo_scene(), tmp_path / "clip.mp4", crf=demo.CRF), tmp_path / "clip.mov"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), "-c", "copy", str(target)], check=True)
    names = [
        name for name in registry.TABLE["dimensions"] if "judge" not in registry.load("dimensions", name).facts.needs
    ]
    assert dose.measure(dose.load(target), names) == dose.measure(dose.load(source), names)
