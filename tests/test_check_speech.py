"""The checks of speech on hand-made observations."""

from __future__ import annotations

from typing import Any

import pytest

from avgen_bench.constraints import speech, words
from avgen_bench.constraints.sight import Sight
from avgen_bench.types import Constraint, Lacking, MediaFacts, Payload, Prompt, StreamFacts, Transcript, Verdict

_SOUND = StreamFacts("aac", 0.0, 8.0, 8 * 48000, 400, 0, 0.0, 0.0, rate_hz=48000, channels=1)
_PICTURE = StreamFacts("h264", 0.0, 8.0, 200, 200, 0, 0.0, 0.0, size=(160, 90), fps=25.0)
_KINDS = {
    "line_spoken": speech.LineSpoken(),
    "lines_in_order": speech.LinesInOrder(),
    "no_speech": speech.NoSpeech(),
    "speech_language": speech.SpeechLanguage(),
    "voice_count": speech.VoiceCount(),
    "speech_rate": speech.SpeechRate(),
}


def heard(
    *lines: tuple[float, str], sure: float = 0.9, language: str = "en", language_sure: float = 0.95, pace_s: float = 0.4
) -> Transcript:
    """Lines as (start, words), a word every ``pace_s``; each line is a stretch."""
    rows: list[tuple[str, float, float]] = []
    spans = []
    for start_s, text in lines:
        said = text.split()
        rows += [(word, start_s + pace_s * i, start_s + pace_s * (i + 1)) for i, word in enumerate(said)]
        spans.append((start_s, start_s + pace_s * len(said)))
    return Transcript(
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        tuple(row[2] for row in rows),
        (sure,) * len(rows),
        tuple(span[0] for span in spans),
        tuple(span[1] for span in spans),
        (language,) * len(spans),
        (language_sure,) * len(spans),
        (-1,) * len(spans),
    )


def readings(*rows: tuple[str, float], start_s: float = 0.0, end_s: float = 8.0) -> Transcript:
    return Transcript(
        tuple(row[0] for row in rows),
        (start_s,) * len(rows),
        (end_s,) * len(rows),
        tuple(row[1] for row in rows),
    )


def voices(*rows: tuple[float, float, int]) -> Transcript:
    count = len(rows)
    return Transcript(
        *((), (), (), ()),
        tuple(row[0] for row in rows),
        tuple(row[1] for row in rows),
        ("",) * count,
        (0.0,) * count,
        tuple(row[2] for row in rows),
    )


SILENT = Transcript((), (), (), ())


def check(
    kind: str, seen: Payload | Lacking | None, more: dict[str, Payload] | None = None, others: Any = (), **params: Any
) -> Verdict:
    """The verdict; ``seen`` None means a clip without sound."""
    constraint = Constraint("c1", kind, "span", tuple(sorted(params.items())))
    media = MediaFacts("mp4", 8.0, _PICTURE, None if seen is None else _SOUND)
    all_seen: dict[str, Payload | Lacking] = {"speech_guesses": readings(), **(more or {})}
    all_seen["speech"] = SILENT if seen is None else seen
    sight = Sight(Prompt("p", constraints=(*others, constraint)), media, all_seen)
    verdict: Verdict = sight.check(constraint)
    Verdict.from_json(verdict.to_json())
    return verdict


# --------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("It's twenty-one.", "it is 21", "en"),
        ("Do not wait!", "don't weight", "en"),
        ("The grey theatre's colour", "the gray theater's color", "en"),
        ("87 seconds, move", "eighty-seven seconds move", "en"),
        ("¡Ya te di tres sardinas!", "ya te di 3 sardinas", "es"),
        ("不要抱我的腿，去吃竹子。", "不要抱我的腿去吃竹子", "zh"),
        ("慢慢來，不著急。", "慢慢来,不着急", "zh"),
        ("the 21st", "the twenty first", "en"),
    ],
)
def test_the_same_said_otherwise_folds_to_the_same(one: str, other: str, language: str) -> None:
    assert words.fold(one, language) == words.fold(other, language)


@pytest.mark.parametrize(
    ("british", "american"),
    [
        *(("colour", "color"), ("favourites", "favorites"), ("neighbourhood", "neighborhood"), ("odour", "odor")),
        *(("realise", "realize"), ("organisations", "organizations"), ("recognisable", "recognizable")),
        *(("analysed", "analyzed"), ("travelled", "traveled"), ("dialling", "dialing"), ("jeweller", "jeweler")),
        *(("marvellous", "marvelous"), ("theatre", "theater"), ("metre", "meter"), ("fibres", "fibers")),
        *(("grey", "gray"), ("defence", "defense"), ("practise", "practice"), ("storey", "story")),
        *(("tyre", "tire"), ("programme", "program"), ("catalogue", "catalog"), ("pyjamas", "pajamas")),
        *(("flours", "flowers"), ("skilful", "skillful"), ("judgement", "judgment"), ("cheques", "checks")),
    ],
)
def test_british_and_american_spellings_are_one_word(british: str, american: str) -> None:
    assert words.fold(british) == words.fold(american) and words.fold(american) == words.fold(british.title())
    line = f"this {american} is new"
    assert words.best_match(words.fold(line), words.fold(f"this {british} is new")).errors == 0
    assert check("line_spoken", heard((1.0, line)), text=f"This {british} is new.").strict == "pass"
    assert check("line_spoken", heard((1.0, f"This {british} is new.")), text=line).strict == "pass"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("prise", "prize"), ("prised", "prized"), ("timbre", "timber"), ("balled", "baled"), ("polled", "poled")),
        *(("refilled", "refiled"), ("filling", "filing"), ("stalled", "staled"), ("tour", "tor"), ("hour", "her")),
        *(("sour", "sore"), ("pour", "par"), ("tiller", "tiler"), ("contour", "contort"), ("scour", "score")),
    ],
)
def test_a_spelling_rule_makes_no_other_words_equal(one: str, other: str) -> None:
    assert words.fold(one) != words.fold(other)


@pytest.mark.parametrize("word", ["four", "hour", "our", "tour", "sour", "your", "flour", "prise", "rise", "called"])
def test_a_spelling_rule_leaves_short_words_alone(word: str) -> None:
    assert words._american(word) == word


def test_spellings_of_other_languages_are_left_alone() -> None:
    assert words.fold("montre libre", "fr") == ("montre", "libre")


def test_other_words_stay_other() -> None:
    assert words.fold("the red door") != words.fold("the red floor")
    assert words.fold("quatre") != words.fold("quarante", "fr")


def test_a_compound_word_has_no_errors() -> None:
    match = words.best_match(words.fold("by the river bank now"), words.fold("so by the riverbank now then"))
    assert (match.errors, match.start, match.end) == (0, 1, 5)


def test_alignment_counts_wrong_missing_and_surplus_words() -> None:
    line = words.fold("let it rain on me")
    assert words.best_match(line, words.fold("let it snow on me")).errors == 1
    assert words.best_match(line, words.fold("let it rain me")).errors == 1
    assert words.best_match(line, words.fold("let it rain down on me")).errors == 1
    assert words.best_match(line, ()).errors == 5


def test_sounds_are_nearer_than_letters() -> None:
    assert words.sound_cost(("crust",), ("grust",)) < 1.3 < words.sound_cost(("crust",), ("bread",))
    assert words.sound_cost(("wish",), ("sandwich",)) > 1.3


# --------------------------------------------------------------------------- line_spoken


def test_a_line_that_is_spoken_passes_with_its_moment() -> None:
    verdict = check("line_spoken", heard((1.0, "Well, let it rain.")), text="Let it rain!")
    assert (verdict.strict, verdict.margin) == ("pass", 0.0)
    assert verdict.start_s == pytest.approx(1.4) and verdict.end_s == pytest.approx(2.6)


def test_a_wrong_word_fails_and_is_marked() -> None:
    verdict = check(
        "line_spoken", heard((1.0, "Bring me the smallest ladder please")), text="Bring me the longest ladder please"
    )
    assert (verdict.strict, verdict.loose) == ("fail", "pass")
    assert "[smallest, not longest]" in verdict.found
    assert verdict.margin == pytest.approx(-1 / 6)


def spans(verdict: Verdict) -> list[tuple[str, str]]:
    return [(item.label, item.text) for item in verdict.evidence if item.kind == "span"]


def test_every_word_of_the_match_is_evidence_and_wrong_ones_are_marked() -> None:
    seen = heard((1.0, "Well, bring me the smallest wooden ladder at once, please"))
    verdict = check("line_spoken", seen, text="Bring me the longest ladder at once")
    said = ["bring", "me", "the", "smallest", "wooden", "ladder", "at", "once,"]
    wrong = {"smallest", "wooden"}
    assert spans(verdict) == [("wrong word" if word in wrong else "word", word) for word in said]
    first = verdict.evidence[0]
    assert (first.start_s, first.end_s) == (pytest.approx(1.4), pytest.approx(1.8))


def test_no_word_is_marked_in_a_line_that_is_heard() -> None:
    assert spans(check("line_spoken", heard((1.0, "It's by the river bank")), text="It is by the riverbank")) == [
        ("word", word) for word in ("It's", "by", "the", "river", "bank")
    ]
    likely = readings(("Where did the kitchen go?", 1.0), ("Where did the kitten go?", 0.5))
    seen = heard((1.0, "Where did the kitchen go"))
    verdict = check("line_spoken", seen, {"speech_guesses": likely}, text="Where did the kitten go?")
    assert {label for label, _ in spans(verdict)} == {"word"}


def test_two_wrong_words_of_five_fail_loosely_too() -> None:
    verdict = check("line_spoken", heard((1.0, "let the water rain today")), text="let us dance rain today")
    assert (verdict.strict, verdict.loose) == ("fail", "fail")


def test_a_missing_word_fails() -> None:
    verdict = check("line_spoken", heard((1.0, "I painted this for you")), text="I painted this fence for you")
    assert verdict.strict == "fail" and "[-fence-]" in verdict.found


def test_what_only_sounds_like_the_line_cannot_be_told() -> None:
    verdict = check("line_spoken", heard((1.0, "Listen to that grust")), text="Listen to that crust.")
    assert verdict.strict == "unverifiable" and "grust" in verdict.found


def test_a_likely_reading_passes_and_an_unlikely_one_is_unverifiable() -> None:
    seen = heard((1.0, "Where did the kitchen go"))
    likely = readings(("Where did the kitchen go?", 1.0), ("Where did the kitten go?", 0.5))
    rare = readings(("Where did the kitchen go?", 1.0), ("Where did the kitten go?", 0.001))
    assert check("line_spoken", seen, {"speech_guesses": likely}, text="Where did the kitten go?").strict == "pass"
    assert (
        check("line_spoken", seen, {"speech_guesses": rare}, text="Where did the kitten go?").strict == "unverifiable"
    )


def test_words_that_nobody_could_make_out_prove_nothing() -> None:
    verdict = check("line_spoken", heard((1.0, "hum drum boat"), sure=0.2), text="Let it rain.")
    assert verdict.strict == "unverifiable"
    verdict = check("line_spoken", heard((1.0, "hum drum boat"), language_sure=0.2), text="Let it rain.")
    assert verdict.strict == "unverifiable" and "language" in verdict.reason


@pytest.mark.parametrize("seen", [None, SILENT])
def test_a_line_needs_sound_and_speech(seen: Transcript | None) -> None:
    verdict = check("line_spoken", seen, text="Let it rain.")
    assert (verdict.strict, verdict.loose, verdict.margin) == ("fail", "fail", -1.0)


def test_a_voice_without_words_is_unverifiable() -> None:
    seen = Transcript((), (), (), (), (1.0,), (3.0,), ("en",), (0.9,), (-1,))
    assert check("line_spoken", seen, text="Let it rain.").strict == "unverifiable"


def test_a_line_outside_its_window_fails() -> None:
    seen = heard((0.5, "Who wants supper"))
    inside = check("line_spoken", seen, text="Who wants supper?", window_start=0.0, window_end=0.333)
    outside = check("line_spoken", seen, text="Who wants supper?", window_start=0.667, window_end=1.0)
    assert (inside.strict, outside.strict) == ("pass", "fail")
    assert "window" in outside.reason


def test_another_language_is_compared_in_its_own_words() -> None:
    seen = heard((1.0, "Die Erste gehört mir."), language="de")
    assert check("line_spoken", seen, text="Die Erste gehört mir.", language="de").strict == "pass"
    chinese = heard((1.0, "慢慢 来 不着急"), language="zh")
    assert check("line_spoken", chinese, text="慢慢来，不着急。", language="zh").strict == "pass"


def test_without_an_instrument_the_verdict_names_the_remedy() -> None:
    verdict = check("line_spoken", Lacking("pip install ear"), text="Let it rain.")
    assert verdict.strict == "unverifiable" and "pip install ear" in verdict.reason


# --------------------------------------------------------------------------- order


def test_lines_in_order_pass_and_swapped_lines_fail_by_their_distance() -> None:
    seen = heard((0.5, "My teeth are whiter"), (3.5, "My teeth are louder"))
    right = check("lines_in_order", seen, texts=("My teeth are whiter!", "My teeth are louder!"))
    wrong = check("lines_in_order", seen, texts=("My teeth are louder!", "My teeth are whiter!"))
    assert right.strict == "pass" and right.margin == pytest.approx(3.0)
    assert (wrong.strict, wrong.loose) == ("fail", "fail") and wrong.margin == pytest.approx(-3.0)


def test_order_has_the_words_of_each_line_as_evidence() -> None:
    seen = heard((0.5, "My teeth are whiter"), (3.5, "My feet are louder"))
    verdict = check("lines_in_order", seen, texts=("My teeth are whiter!", "My teeth are louder!"))
    assert verdict.strict == "pass"
    assert [label for label, _ in spans(verdict)] == ["line 1", *["word"] * 4, "line 2", "word", "wrong word"] + [
        "word"
    ] * 2


def test_a_line_that_is_not_heard_breaks_the_order() -> None:
    verdict = check("lines_in_order", heard((0.5, "Does it tickle")), texts=("Does it tickle?", "Only when I laugh."))
    assert verdict.strict == "fail" and "Only when I laugh." in verdict.reason
    unclear = heard((0.5, "Does it tickle"), language_sure=0.3)
    assert check("lines_in_order", unclear, texts=("Does it tickle?", "Only when I laugh.")).strict == "unverifiable"
    assert check("lines_in_order", None, texts=("Does it tickle?", "Only when I laugh.")).strict == "fail"
    assert check("lines_in_order", SILENT, texts=("Does it tickle?", "Only when I laugh.")).strict == "fail"


def test_a_line_half_heard_is_doubtful() -> None:
    seen = heard((0.5, "Does it tickle"), (3.0, "Only when we cough"))
    assert check("lines_in_order", seen, texts=("Does it tickle?", "Only when I laugh.")).strict == "unverifiable"


# --------------------------------------------------------------------------- the others


@pytest.mark.parametrize("seen", [None, SILENT])
def test_silence_has_no_speech(seen: Transcript | None) -> None:
    assert check("no_speech", seen).strict == "pass"


def test_speech_breaks_no_speech_by_its_length() -> None:
    verdict = check("no_speech", heard((1.0, "who goes there")))
    assert (verdict.strict, verdict.loose) == ("fail", "fail") and verdict.margin == pytest.approx(0.3 - 1.2)
    short = check("no_speech", heard((1.0, "hey you")))
    assert (short.strict, short.loose) == ("fail", "pass")


def test_speech_outside_the_window_does_not_count() -> None:
    assert (
        check("no_speech", heard((6.0, "the morning shift is here")), window_start=0.0, window_end=0.5).strict == "pass"
    )


def test_a_voice_without_words_is_no_speech_and_faint_words_are_unverifiable() -> None:
    laughter = Transcript((), (), (), (), (1.0,), (3.0,), ("en",), (0.9,), (-1,))
    assert check("no_speech", laughter).strict == "pass"
    assert check("no_speech", heard((1.0, "mm oh ah"), sure=0.1)).strict == "unverifiable"


def test_language_by_share() -> None:
    spanish = heard((0.5, "ya te di tres sardinas"), language="es")
    assert check("speech_language", spanish, language="es").strict == "pass"
    verdict = check("speech_language", spanish, language="en")
    assert verdict.strict == "fail" and verdict.margin == pytest.approx(-0.9) and "es 100%" in verdict.found
    assert check("speech_language", SILENT, language="es").strict == "fail"
    assert check("speech_language", None, language="es").strict == "fail"


def test_a_language_that_cannot_be_told_is_unverifiable() -> None:
    assert check("speech_language", heard((0.5, "a b c"), language=""), language="en").strict == "unverifiable"
    assert check("speech_language", heard((0.5, "a b c"), language_sure=0.1), language="en").strict == "unverifiable"


def test_voices_are_counted_and_doubt_makes_a_range() -> None:
    seen = heard((0.5, "my teeth are whiter"), (3.0, "my teeth are louder"))
    two = {"voices": voices((0.5, 2.1, 0), (3.0, 4.6, 1))}
    assert check("voice_count", seen, two, count_min=2, count_max=2).strict == "pass"
    near = check("voice_count", seen, two, count_min=3, count_max=3)
    assert (near.strict, near.loose, near.margin) == ("fail", "pass", -1.0)
    doubt = {"voices": voices((0.5, 2.1, 0), (3.0, 4.6, -1))}
    assert check("voice_count", seen, doubt, count_min=2, count_max=2).strict == "unverifiable"
    assert check("voice_count", seen, doubt, count_min=1, count_max=2).strict == "pass"
    assert check("voice_count", seen, doubt, count_min=3, count_max=3).strict == "fail"


def test_nobody_is_no_voice() -> None:
    assert check("voice_count", SILENT, {"voices": voices()}, count_min=1, count_max=1).strict == "fail"
    assert check("voice_count", None, {"voices": voices()}, count_min=2, count_max=2).strict == "fail"
    laughing = {"voices": voices((5.0, 6.0, 1))}
    seen = heard((0.5, "hello there"))
    assert check("voice_count", seen, laughing, count_min=1, count_max=1).strict == "fail"


def test_rate_within_its_share() -> None:
    seen = heard((0.5, "one small step for a man"), pace_s=0.4)  # 150 a minute
    assert check("speech_rate", seen, words_per_minute=150.0).strict == "pass"
    near = check("speech_rate", seen, words_per_minute=120.0)
    assert (near.strict, near.loose) == ("fail", "pass") and near.margin == pytest.approx(0.15 - 0.25)
    assert check("speech_rate", seen, words_per_minute=100.0).loose == "fail"
    assert check("speech_rate", heard((0.5, "hello you")), words_per_minute=150.0).strict == "unverifiable"
    assert check("speech_rate", None, words_per_minute=150.0).strict == "fail"


def test_numbers_in_figures_count_as_spoken() -> None:
    seen = heard((0.5, "87 seconds move"), pace_s=0.5)  # four words in 1.5 s
    assert check("speech_rate", seen, words_per_minute=160.0).strict == "pass"


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_says_what_it_needs(kind: str) -> None:
    assert _KINDS[kind].facts.needs and set(_KINDS[kind].facts.needs) <= {"speech", "speech_guesses", "voices"}
