"""Text in the picture: rendered words are read verbatim, and timed; repeated pictures are not read again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from avgen_bench import weights
from avgen_bench.backbones.ocr import LOOKS, LUMA, Ocr
from avgen_bench.errors import FactoryError, MissingInstrument
from avgen_bench.factory import truth
from avgen_bench.types import Frame, MediaFacts, StreamFacts, TextSpans

FPS = 24.0
SIZE = (640, 360)

installed = pytest.mark.skipif(
    weights.folder_of("rapidocr") is None or weights.folder_of("onnxruntime") is None,
    reason="needs rapidocr and onnxruntime",
)


def observe(picture: Callable[[int], np.ndarray], frames: int) -> tuple[TextSpans, Any]:
    """The lines that were read, and the consumer that read them."""
    reader = Ocr().start()
    tick = -1
    for index in range(frames):
        rgb = np.ascontiguousarray(picture(index))
        luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(luma, (luma.shape[1] // 2, luma.shape[0] // 2), interpolation=cv2.INTER_AREA)
        reader.on_frame(LUMA, Frame(index, index / FPS, small))
        if int(index / FPS * 4 + 1e-6) > tick:
            tick = int(index / FPS * 4 + 1e-6)
            reader.on_frame(LOOKS, Frame(index, index / FPS, rgb))
    track = StreamFacts("none", 0.0, frames / FPS, frames, frames, 0, 0.0, 0.0, size=SIZE, fps=FPS)
    return reader.finish(MediaFacts("none", frames / FPS, track, None)), reader


def words(text: str, first: int = 0, last: int = 10**6, scale: float = 1.6) -> Callable[[int], np.ndarray]:
    def picture(index: int) -> np.ndarray:
        rgb = np.full((SIZE[1], SIZE[0], 3), (60, 90, 80), np.uint8)
        if first <= index < last:
            cv2.putText(rgb, text, (60, 200), cv2.FONT_HERSHEY_DUPLEX, scale, (250, 250, 240), 3, cv2.LINE_AA)
        return rgb

    return picture


@installed
def test_words_are_read_verbatim_and_a_still_picture_once() -> None:
    seen, reader = observe(words("EIGHTY SEVY"), 60)
    assert seen.texts == ("EIGHTY SEVY",)
    assert (seen.starts_s, seen.ends_s) == ((0.0,), (60 / FPS,))
    assert seen.confidences[0] > 0.9
    x0, y0, x1, y1 = seen.boxes[0]
    assert 0.05 < x0 < 0.15 < 0.5 < x1 <= 1.0 and 0.35 < y0 < y1 < 0.65
    assert len(seen.looks_s) == 10
    assert (reader.searches, reader.reads) == (1, 1)


@installed
def test_coming_and_going_are_timed_by_the_frame() -> None:
    seen, _ = observe(words("STAY DRY", 15, 43), 72)
    assert seen.texts == ("STAY DRY",)
    assert seen.starts_s[0] == pytest.approx(15 / FPS)
    assert seen.ends_s[0] == pytest.approx(43 / FPS)


@installed
def test_two_frames_are_at_most_one_look() -> None:
    for first in (5, 6):
        seen, _ = observe(words("STAY DRY", first, first + 2), 18)
        looks = [t_s for t_s in seen.looks_s for a, b in zip(seen.starts_s, seen.ends_s, strict=True) if a <= t_s < b]
        assert len(looks) <= 1


@installed
def test_half_a_second_is_two_looks_even_where_all_moves() -> None:
    generator = np.random.default_rng(3)
    ground = cv2.GaussianBlur(generator.normal(0, 400, (360, 1400)), (0, 0), 6)

    for first in (7, 10):
        still = words("STAY DRY", first, first + 12)

        def picture(index: int, still: Callable[[int], np.ndarray] = still) -> np.ndarray:
            rgb = still(index).astype(np.int16)
            letters = (rgb.min(axis=2) > 150)[..., None]
            moved = rgb + ground[:, 6 * index : 6 * index + 640, None].astype(np.int16)
            return np.clip(np.where(letters, rgb, moved), 0, 255).astype(np.uint8)

        seen, reader = observe(picture, 30)
        spans = [(a, b) for t, a, b in zip(seen.texts, seen.starts_s, seen.ends_s, strict=True) if t == "STAY DRY"]
        assert sum(a <= t_s < b for t_s in seen.looks_s for a, b in spans) >= 2
        assert reader.searches <= len(seen.looks_s) * 0.6 + 1


@installed
def test_a_changed_letter_is_read_again() -> None:
    def picture(index: int) -> np.ndarray:
        return words("ROUND 3 OF 9" if index < 24 else "ROUND 5 OF 9", scale=1.2)(index)

    seen, _ = observe(picture, 48)
    assert seen.texts == ("ROUND 3 OF 9", "ROUND 5 OF 9")
    assert seen.ends_s[0] == pytest.approx(1.0)
    assert seen.starts_s[1] == pytest.approx(1.0)


@installed
def test_empty_pictures_hold_nothing() -> None:
    seen, reader = observe(lambda index: np.zeros((360, 640, 3), np.uint8), 30)
    assert seen.texts == ()
    assert reader.searches == 1
    reader = Ocr().start()
    assert reader.finish(MediaFacts("none", 1.0, None, None)) == TextSpans((), (), (), (), (), ())


@installed
def test_a_picture_on_its_side_and_a_tiny_one_are_read() -> None:
    seen, _ = observe(lambda index: np.ascontiguousarray(words("STAY DRY")(index)[:, 40:400]), 12)
    assert seen.texts == ("STAY DRY",)
    seen, _ = observe(lambda index: np.full((16, 16, 3), 90, np.uint8), 12)
    assert seen.texts == ()


@installed
@pytest.mark.parametrize("kind", ["text_shown", "text_absent", "text_visible_for"])
def test_rendered_truth(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from avgen_bench import calibrate, registry

    monkeypatch.setitem(registry.TABLE["backbones"], "ocr", "avgen_bench.backbones.ocr:Ocr")
    try:
        cases = list(truth.cases(kind, "calibration", 2))
        for case in cases:
            result = calibrate.check_case(case, tmp_path)
            assert (result.strict == "pass") == case.obeys, result
    except FactoryError as error:
        pytest.skip(str(error))


def test_cases_are_known_and_repeatable() -> None:
    try:
        first = list(truth.cases("text_shown", "test", 16))
        again = list(truth.cases("text_shown", "test", 16))
        other = list(truth.cases("text_shown", "calibration", 16))
        pictures = [case.scene.picture(40) for case in (first[1], again[1])]
    except FactoryError as error:
        pytest.skip(str(error))
    assert sum(case.obeys for case in first) == 8
    assert [case.note for case in first] == [case.note for case in again]
    assert np.array_equal(*pictures)
    assert not {str(c.scene.truth["font"]) for c in first} & {str(c.scene.truth["font"]) for c in other}
    assert len({case.scene.name for case in first}) == 16


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "folder_of", lambda package: None)
    monkeypatch.setattr(weights, "cache_folder", lambda: Path("/nonexistent"))
    with pytest.raises(MissingInstrument, match="rapidocr"):
        Ocr().start()


def test_listing_imports_nothing_heavy() -> None:
    import subprocess

    code = "import sys, avgen_bench.backbones.ocr as o; o.Ocr.facts; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
