"""How the picture moves, and its light and colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from avgen_bench.constraints.base import OTHER, WINDOW, Kind, KindFacts, Tolerance

__all__ = ["BrightnessTrend", "ColourTrend", "DominantColour", "PlayingSpeed"]


class PlayingSpeed(Kind):
    """One stretch moves slower or faster than another."""

    facts = KindFacts(
        kind="playing_speed",
        theme="picture",
        summary="motion in the window runs at the stated factor of the other stretch (or of a ladder's reference)",
        check="The median speed of motion (optical flow per second) in the window divided by that of the reference "
        "must be the factor stated, within a factor given by the tolerance.",
        required=("speed_factor",),
        optional=(*WINDOW, *OTHER),
        tolerance=Tolerance(1.6, 2.5, "factor"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A window needs the stretch that it is compared with."""
        stated = [name for name in (*WINDOW, *OTHER) if name in params]
        if stated and len(stated) < 4:
            yield (
                "states only "
                + ", ".join(stated)
                + "; write both windows in full, or none (then a ladder is the reference)"
            )


class BrightnessTrend(Kind):
    """The picture gets brighter or darker."""

    facts = KindFacts(
        kind="brightness_trend",
        theme="picture",
        summary="the picture gets brighter, gets darker, or stays as bright",
        check="Mean luma of the last quarter of the window less that of its first quarter, as a share of full "
        "range, must exceed the tolerance in the direction stated; for steady, stay within it.",
        required=("direction",),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.05, "share of full range"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Brightness rises, falls or stays steady."""
        if params["direction"] == "rises_falls":
            yield "'direction' is 'rises_falls'; brightness rises, falls or is steady: write two windows for an arc"


class ColourTrend(Kind):
    """The prevailing colour turns into another."""

    facts = KindFacts(
        kind="colour_trend",
        theme="picture",
        summary="the prevailing colour goes from one to the other",
        check="The share of pixels that people would name by the first colour must fall, and that of the second "
        "rise, from the first quarter of the window to its last, each by more than the tolerance.",
        required=("colour", "colour_to"),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.05, "share of pixels"),
    )

    def refuse(self, params: Mapping[str, Any]) -> Iterator[str]:
        """A colour does not turn into itself."""
        if params["colour"] == params["colour_to"]:
            yield f"'colour' and 'colour_to' are both {params['colour']!r}"


class DominantColour(Kind):
    """This colour prevails."""

    facts = KindFacts(
        kind="dominant_colour",
        theme="picture",
        summary="the colour stated prevails in the picture",
        check="Of all pixels in the window, named by basic colour terms, the colour stated must hold the largest "
        "share among the chromatic ones (or among all, for black, white and grey), and at least the "
        "tolerance.",
        required=("colour",),
        optional=WINDOW,
        tolerance=Tolerance(0.25, 0.15, "share of pixels"),
    )
