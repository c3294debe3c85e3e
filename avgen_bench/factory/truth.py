"""Clips whose obedience is known: for every kind of constraint, scenes that obey it and scenes that break it.

A case says which constraint, whether the scene obeys it, and how hard it is made for an instrument. Cases come in two
splits that share no font, voice, instrument, colour scheme or seed: thresholds may be chosen on ``calibration``,
figures are those of ``test``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass

from avgen_bench import registry
from avgen_bench.errors import UnknownNameError
from avgen_bench.factory.scene import Scene
from avgen_bench.types import Constraint, Prompt

__all__ = ["MAKERS", "NOMINAL", "SPLITS", "Case", "cases"]

SPLITS = ("calibration", "test")
NOMINAL = "nominal"

# The module that renders a theme, where it is not called like the theme; it has
# ``cases(kind, split, count, seed) -> Iterator[Case]``.
_ELSEWHERE = {"timing": "sound", "shots": "picture"}


def _maker(target: str) -> str:
    theme = target.partition(":")[0].rpartition(".")[2]
    return f"avgen_bench.factory.truth_{_ELSEWHERE.get(theme, theme)}"


MAKERS = {kind: _maker(target) for kind, target in registry.TABLE["constraints"].items()}
"""Which module renders the truth of each kind of this package."""


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
