"""The ``mini`` subset: eight prompts a category that together hold every kind of constraint in its share of the set.

The choice is made once and frozen in ``builders/mini.txt``; making it anew is a new version of the prompt set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from avgen_bench.builders.validators import CATEGORIES

from avgen_bench.errors import ManifestError
from avgen_bench.types import Prompt

__all__ = ["PER_CATEGORY", "choose", "read_mini"]

PER_CATEGORY = 8


def _weight(prompt: Prompt) -> Counter[str]:
    return Counter(constraint.kind for constraint in prompt.constraints)


def choose(prompts: Sequence[Prompt], per_category: int = PER_CATEGORY) -> list[str]:
    """Ids, in the order of the set: the greedy choice that keeps the counts of kinds nearest to their shares.

    One prompt of each category in turn is added, the one that leaves the least sum over kinds of squared shortfall,
    divided by the kind's share, so that rare kinds count as much as common ones; ties go to the earlier prompt.
    """
    total: Counter[str] = Counter()
    for prompt in prompts:
        total += _weight(prompt)
    size = per_category * len({prompt.category for prompt in prompts})
    wanted = {kind: max(1.0, count * size / len(prompts)) for kind, count in total.items()}
    have: Counter[str] = Counter()
    chosen: set[str] = set()
    for _ in range(per_category):
        for category in CATEGORIES:
            best: tuple[float, Prompt] | None = None
            for prompt in prompts:
                if prompt.category != category or prompt.id in chosen:
                    continue
                made = have + _weight(prompt)
                loss = sum(abs(goal - made[kind]) ** 2 / goal for kind, goal in wanted.items())
                if best is None or loss < best[0]:
                    best = (loss, prompt)
            if best is not None:
                chosen.add(best[1].id)
                have += _weight(best[1])
    return [prompt.id for prompt in prompts if prompt.id in chosen]


def read_mini(path: Path, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts of ``mini.txt``, in the order of the set.

    Raises:
        ManifestError: an id that no prompt has, or another number than :data:`PER_CATEGORY` in a category.
    """
    try:
        names = path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise ManifestError(f"cannot read {path.name}: {error}; make it with: mini --write") from None
    lost = sorted(set(names) - {prompt.id for prompt in prompts})
    if lost:
        raise ManifestError(f"{path.name}: no prompt is called {', '.join(lost[:5])}; choose anew with: mini --write")
    found = [prompt for prompt in prompts if prompt.id in set(names)]
    uneven = {name: count for name, count in Counter(p.category for p in found).items() if count != PER_CATEGORY}
    if uneven:
        raise ManifestError(f"{path.name}: {uneven}; expected {PER_CATEGORY} prompts of each category")
    return found
