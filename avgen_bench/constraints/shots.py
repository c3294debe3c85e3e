"""How many shots, and what each of them holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from avgen_bench.constraints.base import Kind, KindFacts, Tolerance

__all__ = ["CutOrder", "ShotCount"]


class ShotCount(Kind):
    """So many shots."""

    facts = KindFacts(
        kind="shot_count",
        theme="shots",
        summary="the clip has as many shots as stated; one shot means no cut",
        check="Hard cuts and dissolves are found in the picture; the number of shots must lie in the range.",
        required=("count_min", "count_max"),
        tolerance=Tolerance(0.0, 1.0, "shots"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A clip has at least one shot."""
        if params["count_min"] < 1:
            yield "'count_min' is 0; a clip has at least one shot"


class CutOrder(Kind):
    """Other constraints are met in successive shots."""

    facts = KindFacts(
        kind="cut_order",
        theme="shots",
        summary="other constraints of the prompt are met in successive shots, in the order stated",
        check="Each constraint referred to has a moment in the clip; each must begin in a later shot than the one "
        "before it.",
        required=("refs",),
        tolerance=Tolerance(0.1, 0.4, "s across a cut"),
    )
