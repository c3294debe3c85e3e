"""Writes the cards that stand beside the dataset's: one for each metric, and the page of checker cards."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from avgen_bench.builders import tables
from avgen_bench.cards import checkers_page, metric_card

__all__ = ["build", "check", "files"]


def files() -> dict[Path, bytes]:
    """Every card by the file that it belongs in, made from facts and measured rates alone."""
    metrics = Path(str(importlib.resources.files("avgen_bench.metrics")))
    cards = Path(str(importlib.resources.files("avgen_bench.cards")))
    made = {
        metrics / folder / "README.md": metric_card.render(family) for family, folder in metric_card.names().items()
    }
    made[cards / "rendered" / "CHECKERS.md"] = checkers_page.render()
    return {path: text.encode() for path, text in made.items()}


def build() -> list[Path]:
    """Writes the cards; the files that changed."""
    changed = []
    for path, data in files().items():
        if not tables.same(path, data):
            tables.write(path, data)
            changed.append(path)
    return changed


def check() -> list[str]:
    """What differs between the facts and the written cards; empty when all is as built."""
    made = files()
    return [
        f"{path.parent.name}/{path.name} is not as the facts say; run: build"
        for path, data in made.items()
        if not tables.same(path, data)
    ]
