"""Clips whose obedience is known: for every kind of constraint, scenes that obey it and scenes that break it.

A case says which constraint, whether the scene obeys it, and how hard it is made for an instrument. Cases come in two
splits that share no font, voice, instrument, colour scheme or seed: thresholds may be chosen on ``calibration``,
figures are those of ``test``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass

from avgen_bench.errors import UnknownNameError
from avgen_bench.factory.scene import Scene
from avgen_bench.types import Constraint, Prompt

__all__ = ["MAKERS", "NOMINAL", "SPLITS", "Case", "cases"]

SPLITS = ("calibration", "test")
NOMINAL = "nominal"

# Which module renders which kind; it has ``cases(kind, split, count, seed) -> Iterator[Case]``.
_THEMES: dict[str, tuple[str, ...]] = {
    "text": ("text_shown", "text_absent", "text_visible_for"),
    "speech": ("line_spoken", "lines_in_order", "no_speech", "speech_language", "voice_count", "speech_rate"),
    "music": ("single_note", "note_sequence", "scale", "chord", "chord_sequence", "key", "tempo"),
    "sound": (
        *("loudness_trend", "louder_than", "silence_during", "event_count", "event_rate", "event_at", "even_spacing"),
        *("event_order", "sound_at_cut", "duration"),
    ),
    "faces": ("face_count", "same_face"),
    "picture": (*("shot_count", "cut_order", "playing_speed", "brightness_trend", "colour_trend", "dominant_colour"),),
}
MAKERS = {kind: f"avgen_bench.factory.truth_{theme}" for theme, kinds in _THEMES.items() for kind in kinds}


@dataclass(frozen=True)
class Case:
    """One clip to render, one constraint, and the right verdict.

    Attributes:
        scene: what is drawn and played; ``scene.name`` is unique among the cases of a kind and split.
        constraint: what is asked; ``others`` are further constraints that it refers to.
        obeys: whether the scene obeys.
        nuisance: what makes it hard (``nominal``: nothing), with ``level`` growing with the hardship.
        note: how it obeys or breaks, in a few words ("one letter wrong").
    """

    scene: Scene
    constraint: Constraint
    obeys: bool
    nuisance: str = NOMINAL
    level: float = 0.0
    note: str = ""
    others: tuple[Constraint, ...] = ()

    @property
    def prompt(self) -> Prompt:
        """A prompt that states the constraint and nothing else."""
        return Prompt(f"case-{self.scene.name}", constraints=(*self.others, self.constraint))


def cases(kind: str, split: str, count: int, seed: int = 0) -> Iterator[Case]:
    """``count`` cases of a kind, half of them obeying; the same arguments give the same cases.

    Raises:
        UnknownNameError: no module renders that kind, or no split has that name.
    """
    if kind not in MAKERS:
        raise UnknownNameError(f"no truth is rendered for {kind!r}; there are: {', '.join(MAKERS)}")
    if split not in SPLITS:
        raise UnknownNameError(f"no split is called {split!r}; there are: {', '.join(SPLITS)}")
    made: Iterator[Case] = importlib.import_module(MAKERS[kind]).cases(kind, split, count, seed)
    return made
