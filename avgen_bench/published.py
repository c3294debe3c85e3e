"""The totals that AVGen-Bench has published, and whether they follow from the means that it has published.

The rows are kept as text, as they were printed: the digits say how far rounding may have moved a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from avgen_bench.totals import WeightTable, packaged, total

__all__ = ["Published", "Reproduced", "half_unit", "load_published", "reproduce"]


@dataclass(frozen=True, slots=True)
class Published:
    """One row as it was printed: text, so that its digits are known."""

    system: str
    components: str
    printed: Mapping[str, str]
    total: str

    @property
    def means(self) -> dict[str, float]:
        """The printed means by dimension."""
        return {name: float(text) for name, text in self.printed.items()}


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A published total beside the one computed from the published means.

    ``low`` and ``high`` bound the total over all means that would have been printed so, and ``ok`` says whether one of
    them would have been printed as the published total.
    """

    row: Published
    computed: float
    difference: float
    low: float
    high: float
    ok: bool


def load_published() -> tuple[Published, ...]:
    """The 13 rows of AVGen-Bench's own table, as printed, in its order."""
    return tuple(
        Published(row["system"], row["components"], row["printed"], row["total"])
        for row in packaged("published")["rows"]
    )


def half_unit(text: str) -> float:
    """Half a unit of the last printed digit: how far rounding may have moved the number.

    >>> half_unit("0.945"), half_unit("28")
    (0.0005, 0.5)
    """
    exponent = Decimal(text).as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{text!r} is no number")
    return 0.5 * 10.0**exponent


def _corner(table: WeightTable, row: Published, sign: int) -> Iterator[tuple[str, float]]:
    for metric in table.metrics:
        up = sign if metric.best_at > metric.worst_at else -sign
        text = row.printed[metric.dimension]
        yield metric.dimension, float(text) + up * half_unit(text)


def reproduce(table: WeightTable, row: Published) -> Reproduced:
    """The published total against that of the published means; the allowance follows from the printed digits."""
    found, low, high = (
        total(table, dict(means)).score for means in (row.means, _corner(table, row, -1), _corner(table, row, 1))
    )
    if found is None or low is None or high is None:
        raise ValueError(f"{row.system!r} has no total under {table.name!r}")
    printed, slack = float(row.total), half_unit(row.total)
    is_ok = low - slack - 1e-9 <= printed <= high + slack + 1e-9
    return Reproduced(row, found, found - printed, low, high, is_ok)
