"""Lines that are spoken, and how."""

from __future__ import annotations

from avgen_bench.constraints.base import WINDOW, Kind, KindFacts, Tolerance

__all__ = ["LineSpoken", "LinesInOrder", "NoSpeech", "SpeechLanguage", "SpeechRate", "VoiceCount"]


class LineSpoken(Kind):
    """This line is spoken, word for word."""

    facts = KindFacts(
        kind="line_spoken",
        theme="speech",
        summary="the line is spoken, word for word",
        check="Speech is transcribed with word times; the stretch of the transcript nearest to the line is aligned "
        "with it, both in lower case without punctuation and with numbers in words; its word error rate must "
        "be within tolerance.",
        required=("text",),
        optional=("language", *WINDOW),
        tolerance=Tolerance(0.0, 0.2, "word error rate"),
        has_moment=True,
    )


class LinesInOrder(Kind):
    """These lines are spoken in this order."""

    facts = KindFacts(
        kind="lines_in_order",
        theme="speech",
        summary="the lines are spoken in the order stated",
        check="Each line is found in the transcript as line_spoken finds it (loosely); each must begin after the "
        "one before it has begun.",
        required=("texts",),
        tolerance=Tolerance(0.0, 0.5, "s of overlap"),
        has_moment=True,
    )


class NoSpeech(Kind):
    """Nobody speaks."""

    facts = KindFacts(
        kind="no_speech",
        theme="speech",
        summary="nobody speaks",
        check="Voice activity, confirmed by a transcript with words, must last no longer than the tolerance.",
        optional=WINDOW,
        tolerance=Tolerance(0.3, 1.0, "s of speech"),
    )


class SpeechLanguage(Kind):
    """All speech is in this language."""

    facts = KindFacts(
        kind="speech_language",
        theme="speech",
        summary="there is speech, and it is in the language stated",
        check="The language of each stretch of speech of a second or more is identified; the share of speech in the"
        " language stated must reach one less the tolerance.",
        required=("language",),
        tolerance=Tolerance(0.1, 0.3, "share of speech"),
    )


class VoiceCount(Kind):
    """So many different voices speak."""

    facts = KindFacts(
        kind="voice_count",
        theme="speech",
        summary="as many different voices speak as stated",
        check="Stretches of speech are embedded and clustered by speaker; the number of clusters must lie in the "
        "range.",
        required=("count_min", "count_max"),
        tolerance=Tolerance(0.0, 1.0, "voices"),
    )


class SpeechRate(Kind):
    """Speech runs at this rate."""

    facts = KindFacts(
        kind="speech_rate",
        theme="speech",
        summary="speech runs at the rate stated",
        check="Words transcribed, divided by the time from the first word to the last within stretches of speech, "
        "must be the rate stated within tolerance.",
        required=("words_per_minute",),
        tolerance=Tolerance(0.15, 0.3, "share of the rate"),
    )
