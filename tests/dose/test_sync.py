"""The sync measure where the truth is known: sound moved by a known time, and sound of another clip.

A few scenes of the benchmark's test split; ``benchmarks/sync.py`` runs all of them.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
import sync

from avgen_bench.dimensions.av_sync import abstention, lag_score

pytestmark = pytest.mark.slow
SPLIT = sync.SPLITS["test"]


@pytest.fixture(scope="module")
def clean() -> list[sync.Case]:
    scenes = sync.scenes(SPLIT, quick=False)
    first = {scene[0]: scene for scene in reversed(scenes) if scene[2] == "clean"}
    return [sync.factory_case(*scene) for scene in first.values()]


@pytest.fixture(scope="module")
def nuisance() -> list[sync.Case]:
    scenes = [scene for scene in sync.scenes(SPLIT, quick=False) if scene[2] == "nuisance"]
    return [sync.factory_case(*scene) for scene in scenes[::3]]


@pytest.fixture(scope="module")
def real(real_clips: list[Path]) -> list[sync.Case]:
    folder = next(path.parent for path in real_clips if path.parent.name != "recorded")
    return sync.clip_cases(folder)


def _errors_ms(cases: list[sync.Case]) -> tuple[int, list[float]]:
    """Number of cases, and the errors of those where it speaks."""
    curves = [(shift, case.with_sound(case, shift)) for case in cases for shift in sync.SHIFTS_MS]
    spoken = [(shift, curve) for shift, curve in curves if not abstention(curve)]
    return len(curves), [abs(curve.lag_ms - shift) for shift, curve in spoken if curve.lag_ms is not None]


def test_clean_impacts_are_timed(clean: list[sync.Case]) -> None:
    cases, errors = _errors_ms(clean)
    assert len(errors) >= 0.95 * cases
    assert sum(error <= 80 for error in errors) >= 0.95 * len(errors)
    assert statistics.median(errors) <= 40


def test_it_is_right_when_it_speaks(clean: list[sync.Case], nuisance: list[sync.Case]) -> None:
    cases, errors = _errors_ms([*clean, *nuisance])
    assert len(errors) >= 0.6 * cases  # else there is too little to say
    assert sum(error <= 80 for error in errors) >= 0.95 * len(errors)
    assert statistics.median(errors) <= 40


def test_recorded_clips_abstain_or_are_right(real: list[sync.Case]) -> None:
    """Says nothing while it abstains on all of them, which the benchmark's table shows."""
    _, errors = _errors_ms([case for case in real if case.group == "recorded"])
    assert all(error <= 80 for error in errors)


def test_foreign_sound_never_scores_well(
    clean: list[sync.Case], nuisance: list[sync.Case], real: list[sync.Case]
) -> None:
    every = [*clean, *nuisance, *real]
    pairs = [(picture, sound) for picture in every for sound in every if picture is not sound]
    taken = 0
    for picture, sound in pairs:
        curve = picture.with_sound(sound)
        if not abstention(curve) and curve.lag_ms is not None:
            taken += lag_score(curve.lag_ms) >= 0.5
    assert len(pairs) > 200
    assert taken <= 0.05 * len(pairs)
