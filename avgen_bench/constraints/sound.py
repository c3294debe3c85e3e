"""How loud it is, and when it is silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from avgen_bench.constraints.base import OTHER, WINDOW, Kind, KindFacts, Tolerance

__all__ = ["LouderThan", "LoudnessTrend", "SilenceDuring"]


class LoudnessTrend(Kind):
    """Sound gets louder, softer, or stays as loud."""

    facts = KindFacts(
        kind="loudness_trend",
        theme="sound",
        summary="sound gets louder, gets softer, or stays as loud",
        check="A line fitted to short-term loudness over the window must rise or fall by at least the amount stated"
        " (the tolerance where none is); for steady, by no more than the tolerance.",
        required=("direction",),
        optional=("amount_db", *WINDOW),
        tolerance=Tolerance(6.0, 3.0, "dB"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Loudness rises, falls or stays steady."""
        if params["direction"] == "rises_falls":
            yield "'direction' is 'rises_falls'; loudness rises, falls or is steady: write two windows for an arc"
        if params["direction"] == "steady" and "amount_db" in params:
            yield "'amount_db' says by how much loudness changes, but 'direction' is 'steady'"


class LouderThan(Kind):
    """One stretch of the clip is louder than another."""

    facts = KindFacts(
        kind="louder_than",
        theme="sound",
        summary="the first stretch of the clip is louder than the other",
        check="Mean loudness of the window less that of the other window must be at least the amount stated (the "
        "tolerance where none is).",
        required=(*WINDOW, *OTHER),
        optional=("amount_db",),
        tolerance=Tolerance(3.0, 1.0, "dB"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Two stretches that overlap cannot be compared."""
        if params["window_start"] < params["other_end"] and params["other_start"] < params["window_end"]:
            yield "the two windows overlap; state stretches that follow one another"


class SilenceDuring(Kind):
    """Complete silence."""

    facts = KindFacts(
        kind="silence_during",
        theme="sound",
        summary="nothing is heard: for the time stated, or in the window",
        check="Sound at least 40 dB below the loudest half second of the clip, or below -60 dBFS, counts as "
        "silence; the longest stretch must last the time stated, or fill the window, less the tolerance.",
        optional=("duration_s", *WINDOW),
        tolerance=Tolerance(0.25, 0.5, "s"),
        has_moment=True,
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Some time or window must be stated."""
        if not params:
            yield "states neither 'duration_s' nor a window; write how long, or where in the clip"
