"""How many events, how often, when, and in which order."""

from __future__ import annotations

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance

__all__ = ["Duration", "EvenSpacing", "EventAt", "EventCount", "EventOrder", "EventRate", "SoundAtCut"]


class EventCount(Kind):
    """So many sharp sounds."""

    facts = KindFacts(
        kind="event_count",
        theme="timing",
        summary="as many sharp, separate sounds come as stated",
        check="Onsets that rise clearly above what lies around them are counted in the window; the count must lie "
        "in the range.",
        required=("event", "count_min", "count_max"),
        optional=WINDOW,
        tolerance=Tolerance(0.0, 1.0, "events"),
        has_moment=True,
    )


class EventRate(Kind):
    """Sharp sounds come so often."""

    facts = KindFacts(
        kind="event_rate",
        theme="timing",
        summary="sharp sounds come at the rate stated",
        check="The inverse of the median interval between onsets in the window must be the rate stated within "
        "tolerance.",
        required=("event", "rate_hz"),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.2, "share of the rate"),
    )


class EventAt(Kind):
    """A sharp sound comes at a stated time."""

    facts = KindFacts(
        kind="event_at",
        theme="timing",
        summary="a sharp sound comes at the time stated",
        check="The nearest clear onset must lie within the tolerance of the time stated.",
        required=("event", "at_s"),
        tolerance=Tolerance(0.3, 0.6, "s"),
        has_moment=True,
    )


class EvenSpacing(Kind):
    """Sharp sounds come at equal intervals."""

    facts = KindFacts(
        kind="even_spacing",
        theme="timing",
        summary="sharp sounds come at equal intervals",
        check="Of three or more onsets in the window, the standard deviation of the intervals divided by their mean"
        " must be within tolerance.",
        required=("event",),
        optional=WINDOW,
        tolerance=Tolerance(0.1, 0.2, "coefficient of variation"),
    )


class EventOrder(Kind):
    """The moments of other constraints come in this order."""

    facts = KindFacts(
        kind="event_order",
        theme="timing",
        summary="the moments of other constraints of the prompt come in the order stated",
        check="Each constraint referred to has a moment in the clip (words first read or heard, first note, first "
        "knock); each must begin after the one before it. One that never comes breaks the order.",
        required=("refs",),
        tolerance=Tolerance(0.1, 0.4, "s of overlap"),
    )


class SoundAtCut(Kind):
    """Cuts fall together with sharp sounds."""

    facts = KindFacts(
        kind="sound_at_cut",
        theme="timing",
        summary="every cut, or at least as many as stated, falls together with a sharp sound",
        check="Every cut found (or the number stated) must have a clear onset within the tolerance; a clip without "
        "a cut fails.",
        optional=("event", "count_min"),
        tolerance=Tolerance(0.15, 0.3, "s"),
    )


class Duration(Kind):
    """The clip lasts so long."""

    facts = KindFacts(
        kind="duration",
        theme="timing",
        summary="the clip lasts as long as stated",
        check="The longer of the picture's and the sound's length must be the time stated within tolerance.",
        required=("duration_s",),
        tolerance=Tolerance(0.25, 0.75, "s"),
    )
