"""Colours: shares of painted areas under names that people use, luma as a share of full range."""

from __future__ import annotations

import numpy as np
import pytest

from avgen_bench.backbones.colours import TERMS, Colours, colour_names
from avgen_bench.constraints.base import COLOURS
from avgen_bench.factory.truth_picture import PALETTES
from avgen_bench.media import Fanout
from avgen_bench.types import FrameScores, MediaFacts


def look(frames: list[np.ndarray], fps: float = 4.0) -> FrameScores:
    backbone = Colours()
    fanout = Fanout({"colours": (backbone.facts.views, backbone.start())})
    for index, rgb in enumerate(frames):
        luma = rgb.mean(axis=2).astype(np.uint8)
        fanout.picture(index, index / fps, luma, lambda short, rgb=rgb: rgb)
    payload = fanout.finish(MediaFacts("none", 0.0, None, None))["colours"]
    assert isinstance(payload, FrameScores)
    return payload


def painted(*areas: tuple[tuple[int, int, int], int]) -> np.ndarray:
    return np.concatenate([np.full((96, width, 3), colour, np.uint8) for colour, width in areas], axis=1)


def test_terms_are_those_of_the_constraints() -> None:
    assert TERMS == COLOURS


# outside truth: names of CSS Color Module Level 4 and of the XKCD survey that are, or end in, a basic term
@pytest.mark.parametrize(
    ("hexadecimal", "term"),
    [
        *(("000000", "black"), ("ffffff", "white"), ("808080", "grey"), ("ff0000", "red"), ("ffa500", "orange")),
        *(("ffff00", "yellow"), ("008000", "green"), ("0000ff", "blue"), ("800080", "purple"), ("ffc0cb", "pink")),
        *(("8b4513", "brown"), ("696969", "grey"), ("b22222", "red"), ("ff8c00", "orange"), ("228b22", "green")),
        *(("4169e1", "blue"), ("ff69b4", "pink"), ("87ceeb", "blue"), ("ff1493", "pink"), ("00008b", "blue")),
        *(("653700", "brown"), ("e50000", "red"), ("15b01a", "green"), ("7e1e9c", "purple"), ("f97306", "orange")),
    ],
)
def test_named_colours(hexadecimal: str, term: str) -> None:
    rgb = np.array([int(hexadecimal[at : at + 2], 16) for at in (0, 2, 4)])
    assert TERMS[int(colour_names(rgb[None])[0])] == term


def test_palettes_bear_their_names() -> None:
    called = {
        (split, term, colour): TERMS[int(colour_names(np.array([colour]))[0])]
        for split, palette in PALETTES.items()
        for term, colours in palette.items()
        for colour in colours
    }
    # CSS mediumpurple is the one that the rule, set on other colours, calls blue
    assert {key: name for key, name in called.items() if name != key[1]} == {
        ("test", "purple", (147, 112, 219)): "blue"
    }


def test_shares_are_areas() -> None:
    seen = look([painted(((200, 20, 30), 96), ((250, 250, 250), 48), ((30, 80, 190), 48))])
    assert seen.columns["red"][0] == pytest.approx(0.5)
    assert seen.columns["white"][0] == pytest.approx(0.25)
    assert seen.columns["blue"][0] == pytest.approx(0.25)
    assert sum(seen.columns[term][0] for term in TERMS) == pytest.approx(1.0)


def test_luma_is_a_share_of_full_range() -> None:
    seen = look([painted(((level, level, level), 128)) for level in (0, 51, 255)])
    assert seen.columns["luma"] == pytest.approx((0.0, 0.2, 1.0))


def test_four_looks_a_second() -> None:
    seen = look([painted(((10, 10, 10), 128))] * 24, fps=24.0)
    assert seen.times_s == pytest.approx((0.0, 0.25, 0.5, 0.75))


def test_no_picture() -> None:
    seen = look([])
    assert seen.times_s == () and set(seen.columns) == {"luma", *TERMS}
