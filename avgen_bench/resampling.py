"""Resampling over prompts: bootstrap, exact bounds and sign flips, for many columns of numbers at once.

Conventions
    A column holds one number per prompt (the mean over its takes), scaled to [0, 1], NaN where there is none; columns
    share the order of ``names``, the prompts. Every prompt has its own draws, seeded by its name: the same prompt is
    drawn alike in every system and dimension, whatever else is drawn beside it, and any order of prompts gives the
    same result.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from avgen_bench._lazy import lazy

np = lazy("numpy")
special = lazy("scipy.special")

__all__ = ["DRAWS", "EXACT_FLIPS", "SEED", "bounded", "flips", "studentised", "subsets"]

DRAWS = 10_000
SEED = 20260101
EXACT_FLIPS = 16
"""Up to so many differences that are not 0, every flip of their signs is counted: 65,536."""

_COLUMNS = 64  # at once: 10,000 draws of three sums are 15 MB
_PROMPTS = 256  # at once, as floats
_ONE_TAIL = 3.178  # 1 / (4 (1 - Phi(sqrt 2))), Bentkus and Dzindzalieta 2015


@lru_cache(maxsize=8192)
def _vector(kind: str, name: str, draws: int, seed: int) -> Any:
    """The draws of one prompt: Poisson counts and signs as int8, exponentials as float32."""
    digest = hashlib.sha256(f"{kind} {seed} {name}".encode("utf-8", "surrogatepass")).digest()
    uniform = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big"))).random(draws)
    if kind == "weight":
        steps = np.cumsum([math.exp(-1) / math.factorial(count) for count in range(14)])
        return np.searchsorted(steps, uniform, side="right").astype(np.int8)
    if kind == "sign":
        return np.where(uniform < 0.5, -1, 1).astype(np.int8)
    return -np.log1p(-uniform).astype(np.float32)


def _matrix(kind: str, names: Sequence[str], draws: int, seed: int) -> Any:
    return np.stack([_vector(kind, name, draws, seed) for name in names])


def _sums(rows: Any, drawn: Any) -> Any:
    """Weighted sums of each row, by draw: (rows, draws)."""
    out = np.zeros((rows.shape[0], drawn.shape[1]))
    for start in range(0, drawn.shape[0], _PROMPTS):
        part = slice(start, start + _PROMPTS)
        out += rows[:, part] @ drawn[part].astype(np.float64)
    return out


def _blocks(columns: Any) -> Iterator[Any]:
    for start in range(0, columns.shape[0], _COLUMNS):
        yield columns[start : start + _COLUMNS]


def _edges(drawn: Any, level: float) -> tuple[Any, Any]:
    """Both ends of the middle ``level`` of each row, inverted empirical distribution; NaN draws are left out."""
    drawn = np.sort(drawn, axis=1)  # NaN last
    kept = drawn.shape[1] - np.isnan(drawn).sum(axis=1)
    row = np.arange(drawn.shape[0])
    tail = (1 - level) / 2
    low = np.maximum(np.floor(tail * kept).astype(int), 0)
    high = np.minimum(np.ceil((1 - tail) * kept).astype(int), kept) - 1
    return drawn[row, low], drawn[row, high]


def studentised(columns: Any, names: Sequence[str], level: float, draws: int = DRAWS, seed: int = SEED) -> Any:
    """Intervals (columns, 2) of the means by the studentised bootstrap over prompts, within [0, 1].

    Each draw gives a prompt a Poisson number of copies (Chamandy and others 2012, "Estimating uncertainty for massive
    data streams"), and the mean is studentised by the draw's own standard error (Efron and Tibshirani 1993, chapter
    12), which follows skewed numbers. A column must hold two different numbers.
    """
    weights = _matrix("weight", names, draws, seed)
    found = []
    for block in _blocks(columns):
        there = ~np.isnan(block)
        n = there.sum(axis=1)
        mean = np.where(there, block, 0.0).sum(axis=1) / n
        off = np.where(there, block - mean[:, None], 0.0)
        square = (off**2).sum(axis=1) / n
        first, second = _sums(off, weights), _sums(off**2, weights)
        size = _sums(there.astype(np.float64), weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = first / size
            variance = second / size - shift**2
            # a draw of equal numbers has no spread: its mean is endlessly many standard errors away
            variance[variance <= 1e-12 * square[:, None]] = 0.0
            shift[np.abs(shift) <= 1e-12 * np.sqrt(square)[:, None]] = 0.0
            student = shift / np.sqrt(variance / (size - 1))
            student[shift == 0] = 0.0
            student[size < 2] = np.nan
        low, high = _edges(student, level)
        error = np.sqrt(square / (n - 1))
        found.append(np.stack([np.maximum(mean - high * error, 0.0), np.minimum(mean - low * error, 1.0)], axis=1))
    return np.concatenate(found)


def bounded(columns: Any, names: Sequence[str], level: float, draws: int = DRAWS, seed: int = SEED) -> Any:
    """Intervals (columns, 2) of the means that ask nothing of the numbers but that they lie in [0, 1].

    The bound of Gaffke 2005 (see Learned-Miller and Thomas 2019, arXiv 1905.06208, and Phan and others 2021, arXiv
    2106.03163), by Monte Carlo: uniform weights over the numbers and one more number at the far end of the scale. For 0
    and 1 alone it is Clopper and Pearson's. It has covered at least as often as it says wherever it has been tried; a
    proof for all sizes is open.
    """
    weights = _matrix("share", names, draws, seed)
    beyond = _vector("beyond", "", draws, seed).astype(np.float64)
    found = []
    for block in _blocks(columns):
        there = ~np.isnan(block)
        total = _sums(np.where(there, block, 0.0), weights)
        size = _sums(there.astype(np.float64), weights) + beyond
        low, _ = _edges(total / size, level)
        _, high = _edges((total + beyond) / size, level)
        found.append(np.stack([low, np.minimum(high, 1.0)], axis=1))
    return np.concatenate(found)


def subsets(columns: Any, names: Sequence[str], level: float, draws: int = DRAWS, seed: int = SEED) -> Any:
    """Intervals (columns, 2) of the means between quantiles of the means of random subsets, within [0, 1].

    The values of the mean that the sign-flip test (:func:`flips`) does not reject: flipping the signs of some prompts'
    differences from a value leaves their sum where it was when that value is the mean of those prompts (Hartigan 1969,
    "Using subsample values as typical values"). Exact where numbers lie evenly on both sides of their mean, as the
    differences of two like systems do, however heavy the tails.
    """
    signs = _matrix("sign", names, draws, seed)
    taken = (signs > 0).astype(np.int8)
    found = []
    for block in _blocks(columns):
        there = ~np.isnan(block)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = _sums(np.where(there, block, 0.0), taken) / _sums(there.astype(np.float64), taken)
        found.append(np.stack(_edges(means, level), axis=1))
    return np.concatenate(found)


def flips(columns: Any, names: Sequence[str], draws: int = DRAWS, seed: int = SEED) -> list[tuple[float, bool]]:
    """For each column of differences, the two-sided p of the sign-flip test that their mean is 0, and if it is exact.

    The differences of one prompt change sign together (Fisher 1935; Good 2005). NaN and 0 say nothing. Every flip is
    counted up to :data:`EXACT_FLIPS` other differences, else ``draws`` random ones and the one observed: (hits + 1) /
    (draws + 1), Phipson and Smyth 2010. Where no random flip reaches what was observed, p is the bound that holds for
    every such sum (Bentkus and Dzindzalieta 2015, doi:10.3150/14-BEJ603), if that is smaller.
    """
    found: list[tuple[float, bool]] = [(1.0, True)] * columns.shape[0]
    plain = np.nan_to_num(columns)
    many = []
    for place, row in enumerate(plain):
        mine = row[row != 0]
        if mine.size > EXACT_FLIPS:
            many.append(place)
        elif mine.size:
            # the first sign stays: a flip and its mirror image are equally far out
            signs = 1 - 2 * ((np.arange(2 ** (mine.size - 1))[:, None] >> np.arange(mine.size - 1)) & 1)
            sums = np.abs(mine[0] + signs @ mine[1:])
            found[place] = float(np.mean(sums >= abs(math.fsum(mine)) - _slack(mine))), True
    if not many:
        return found
    signs = _matrix("sign", names, draws, seed)
    for start in range(0, len(many), _COLUMNS):
        places = many[start : start + _COLUMNS]
        sums = np.abs(_sums(plain[places], signs))
        for place, reached in zip(places, sums, strict=True):
            row = plain[place]
            seen = abs(math.fsum(row))
            hits = int(np.count_nonzero(reached >= seen - _slack(row)))
            p = (hits + 1) / (draws + 1)
            if hits == 0:
                distance = seen / math.sqrt(math.fsum(row**2))
                p = min(p, 2 * _ONE_TAIL * float(special.ndtr(-distance)))
            found[place] = p, False
    return found


def _slack(row: Any) -> float:
    """What rounding can do to a sum: sums that are equal on paper count as equal."""
    return 1e-11 * float(np.abs(row).sum())
