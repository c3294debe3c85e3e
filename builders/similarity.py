"""Near-duplicates among the texts: the share of word trigrams that two of them have in common."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from avgen_bench.types import Prompt

__all__ = ["THRESHOLD", "duplicates", "jaccard", "shingles"]

THRESHOLD = 0.15  # Jaccard index of word trigrams (Broder 1997); unrelated texts of this length share 0 to 3 %


def shingles(text: str) -> frozenset[tuple[str, str, str]]:
    """The word trigrams of a text, case folded."""
    words = re.findall(r"\w+", text.casefold())
    return frozenset((a, b, c) for (a, b), (_, c) in pairwise(pairwise(words)))


def jaccard(one: frozenset[object], other: frozenset[object]) -> float:
    """Size of the intersection over size of the union, 0 to 1; 0 for two empty sets.

    >>> round(jaccard(shingles("a b c d"), shingles("a b c e")), 3)
    0.333
    """
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def duplicates(prompts: Sequence[Prompt], threshold: float = THRESHOLD) -> Iterator[tuple[str, str, float]]:
    """Pairs of prompts whose texts, or whose titles, are too near; rungs of one ladder are so on purpose."""
    sets = [shingles(prompt.text) for prompt in prompts]
    where: dict[object, list[int]] = defaultdict(list)
    pairs: set[tuple[int, int]] = set()
    for number, found in enumerate(sets):
        for shingle in found:
            pairs.update((earlier, number) for earlier in where[shingle])
            where[shingle].append(number)
    titles: dict[str, int] = {}
    for number, prompt in enumerate(prompts):
        earlier = titles.setdefault(prompt.title.casefold(), number)
        if earlier != number:
            yield prompts[earlier].id, prompt.id, 1.0
    for first, second in sorted(pairs):
        one, other = prompts[first], prompts[second]
        if one.ladder and other.ladder and one.ladder.group == other.ladder.group:
            continue
        share = jaccard(sets[first], sets[second])
        if share >= threshold:
            yield one.id, other.id, share
