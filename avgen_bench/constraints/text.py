"""Words that can be read in the picture."""

from __future__ import annotations

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance

__all__ = ["TextAbsent", "TextShown", "TextVisibleFor"]


class TextShown(Kind):
    """These words can be read in the picture, letter for letter."""

    facts = KindFacts(
        kind="text_shown",
        theme="text",
        summary="the words can be read in the picture, letter for letter",
        check="Text is read from the frames; some line read in two looks must be the words, compared after Unicode "
        "compatibility normalisation and folding of spaces, in the case stated. Nothing read is ever "
        "spell-corrected.",
        required=("text",),
        optional=("case", "language", *WINDOW),
        tolerance=Tolerance(0.0, 0.1, "character error rate"),
        has_moment=True,
    )


class TextAbsent(Kind):
    """This text, or any text, is never readable."""

    facts = KindFacts(
        kind="text_absent",
        theme="text",
        summary="the words, or any words at all, are never readable",
        check="Text is read from the frames; no line of three or more letters read in two looks may hold the words "
        "(or, where none are stated, exist).",
        optional=("text", *WINDOW),
        tolerance=Tolerance(0.0, 0.0, "lines"),
    )


class TextVisibleFor(Kind):
    """These words stay readable for a time."""

    facts = KindFacts(
        kind="text_visible_for",
        theme="text",
        summary="the words stay readable without a break for at least the time stated",
        check="Text is read from the frames; the longest unbroken stretch of looks that read the words must last "
        "the time stated, less the tolerance.",
        required=("text", "duration_s"),
        optional=("case",),
        tolerance=Tolerance(0.25, 0.75, "s"),
        has_moment=True,
    )
