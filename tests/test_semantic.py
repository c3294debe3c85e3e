"""The semantic dimensions on made-up answers: the arithmetic, what cannot be told, and what the report says of it."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
import report_samples as samples
from rich.console import Console

from avgen_bench import report, report_terminal
from avgen_bench.contracts import _facts, check_dimension
from avgen_bench.correction import Counted, rogan_gladen
from avgen_bench.dimensions.semantic import (
    DEDUCTIONS,
    WEIGHTS,
    Alignment,
    AvMatch,
    Naturalness,
    Physics,
    answered_no,
    rate,
)
from avgen_bench.questions import AUDIT, NATURALNESS
from avgen_bench.report_page import render
from avgen_bench.report_semantic import atoms_in, coverage_words, judge_words, tell_atom
from avgen_bench.types import Answers, Expectation, JudgeReply, Lacking, Outcome, Prompt, Question

BOTH = _facts(48, 2.0, (96, 64), 16000)
SILENT = _facts(48, 0.0, (96, 64), 16000)
BLACK = _facts(0, 2.0, (96, 64), 16000)

YES, NO = JudgeReply('{"answer": "yes"}'), JudgeReply('{"answer": "no"}')
NONSENSE = JudgeReply("The quick brown fox is 87 out of 100.")


def p(value: float) -> JudgeReply:
    return JudgeReply('{"answer": "yes"}' if value > 0.5 else '{"answer": "no"}', value)


PROMPT = Prompt(
    "p1",
    "A dog barks, then jumps over a fence.",
    questions=(
        Question("q1", "object", "picture", "Is there a dog?", "Is there a cat?"),
        Question("q2", "sound", "sound", "Is barking heard?", "Is meowing heard?", ("q1",)),
        Question("q3", "temporal", "both", "Does it bark before it jumps?", "Does it jump before it barks?", ("q2",)),
        Question("q4", "object", "picture", "Is there a fence?", "Is there a pool?"),
    ),
    expectations=(
        Expectation("e1", "severe", "the dog comes down after its leap", "the dog stays in the air"),
        Expectation("e2", "minor", "the grass bends", "the grass passes through the paws"),
    ),
)


def said(judge: str = "[]", unfit: dict | None = None, unasked: dict | None = None, **replies: object) -> dict:
    """Answers by key; ``q1="yn"`` are the words for the question and its twin, a tuple their replies."""
    words = {"y": (YES,), "n": (NO,), "?": (NONSENSE,), "-": ()}
    found = {}
    for key, value in replies.items():
        pair = [words[letter] for letter in value] if isinstance(value, str) else list(value)
        for name, given in zip((key, f"{key}~twin"), pair, strict=True):
            given = given if isinstance(given, tuple) else (given,)
            if given:
                found[name.replace("__", ".")] = given
    return {"judge": Answers(judge, found, unfit or {}, unasked or {})}


def score(seen: dict, prompt: Prompt | None = PROMPT, media=BOTH, dimension=Alignment) -> Outcome:
    return dimension().measure(prompt, media, seen)


def parts(outcome: Outcome) -> dict[str, float | None]:
    return {item.label: item.score for item in outcome.evidence if item.kind == "part"}


def notes(outcome: Outcome) -> dict[str, str]:
    return {item.label: item.text for item in outcome.evidence if item.kind == "note"}


# --------------------------------------------------------------------------- rates


def test_rate_reads_probabilities_and_words_and_nothing_else() -> None:
    assert rate([p(0.9), p(0.7)]) == pytest.approx(0.8)
    assert rate([YES, NO, NO, NONSENSE]) == pytest.approx(1 / 3)
    assert rate([NONSENSE, JudgeReply("")]) is None
    assert rate([replace(YES, refused=True)]) is None
    assert rate([JudgeReply("I would say 0.93", 0.93)]) is None  # a probability of what cannot be read


def test_answered_no() -> None:
    answers = said(q1="yn", q2="ny", q3="?n", q4=((p(0.5),), ()))["judge"]
    assert [answered_no(answers, key) for key in ("q1", "q2", "q3", "q4", "q9")] == [False, True, False, True, False]


# --------------------------------------------------------------------------- alignment


def test_all_affirmed_is_one_and_all_denied_is_zero() -> None:
    assert score(said(q1="yn", q2="yn", q3="yn", q4="yn")).value == 1.0
    none = score(said(q1="nn", q2="nn", q3="nn", q4="nn"))
    assert none.value == 0.0 and none.status == "ok"
    assert score(said(q1="ny", q2="ny", q3="ny", q4="ny")).value == 0.0


def test_value_is_how_far_the_question_is_affirmed_beyond_its_twin() -> None:
    outcome = score(said(q1=(p(0.9), p(0.2)), q2=(p(0.8), p(0.4)), q3=(p(0.6), p(0.1)), q4=(p(0.3), p(0.45))))
    got = parts(outcome)
    assert [got["q1 object"], got["q2 sound"], got["q3 temporal"]] == pytest.approx([0.7, 0.4, 0.5])
    assert got["q4 object"] == 0.0  # below its twin is no less than nothing
    assert outcome.value == pytest.approx(0.4)
    assert (got["type object"], got["type sound"], got["type temporal"]) == pytest.approx((0.35, 0.4, 0.5))


def test_repeats_are_averaged() -> None:
    outcome = score(said(q1=((YES, YES, NO), (NO, NO, NO)), q2="yn", q3="yn", q4="yn"))
    assert parts(outcome)["q1 object"] == pytest.approx(2 / 3)


def test_yes_to_a_question_and_to_its_twin_is_no_answer_but_bias() -> None:
    outcome = score(said(q1="yy", q2="yn", q3="yn", q4="yn"))
    assert outcome.value == 1.0 and parts(outcome)["q1 object"] is None
    assert notes(outcome)["q1 because"] == "yes to the question and to its false twin"
    assert notes(outcome)["yes-bias"] == "1 of 4 false twins were said to be true, 1 of them beside their question"
    assert notes(outcome)["cannot tell"].endswith("0.750 were all of them at their worst and 1.000 at their best")
    always = score(said(q1="yy", q2="yy", q3="yy", q4="yy"))
    assert always.status == "abstained" and "0 of 4 questions could be told" in always.reason


def test_what_comes_after_a_no_is_no_without_being_asked() -> None:
    outcome = score(said(q1="nn", q4="yn", unasked={"q2": "after: q1", "q3": "after: q2"}))
    assert outcome.value == 0.25
    assert notes(outcome)["q2 because"] == notes(outcome)["q3 because"] == "q1 is no"
    asked_all_the_same = score(said(q1="nn", q2="yn", q3="yn", q4="yn"))
    assert asked_all_the_same.value == 0.25


def test_what_comes_after_an_atom_that_cannot_be_told_stands_on_its_own() -> None:
    outcome = score(said(q1="??", q2="yn", q3="yn", q4="yn"))
    assert outcome.value == 1.0 and outcome.reason == "1 of 4 cannot be told"


def test_a_no_holds_for_what_follows_even_where_the_twin_cannot_be_read() -> None:
    outcome = score(said(q1="n?", q2="yn", q3="yn", q4="yn"))
    assert notes(outcome)["q1 because"].startswith("false twin: the reply cannot be read")
    assert notes(outcome)["q2 because"] == "q1 is no"
    assert outcome.value == pytest.approx(1 / 3)  # q2 and q3 no, q4 yes; q1 cannot be told


def test_a_circle_of_dependences_ends() -> None:
    circle = replace(
        PROMPT,
        questions=tuple(
            replace(q, after=(a,)) for q, a in zip(PROMPT.questions, ("q3", "q1", "q2", "q9"), strict=True)
        ),
    )
    assert score(said(q1="yn", q2="yn", q3="yn", q4="yn"), circle).value == 1.0


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (NONSENSE, "the reply cannot be read"),
        (JudgeReply(""), "the reply cannot be read"),
        (JudgeReply("I cannot help with that.", refused=True), "the judge refused to answer"),
        (JudgeReply("Please answer yes or no."), "the reply cannot be read"),
        (JudgeReply("100"), "the reply cannot be read"),
        (JudgeReply('{"answer": "ja"}'), "the reply cannot be read"),
    ],
)
@pytest.mark.parametrize("dimension", [Alignment, Physics, Naturalness])
def test_nonsense_never_becomes_a_number(reply: JudgeReply, reason: str, dimension: type) -> None:
    keys = [q.id for q in PROMPT.questions] + [e.id for e in PROMPT.expectations]
    keys += [atom.key for atom in (*AUDIT, *NATURALNESS)]
    answers = Answers("[]", {name: (reply,) for key in keys for name in (key, f"{key}~twin")})
    outcome = score({"judge": answers}, dimension=dimension)
    assert outcome.status == "abstained" and outcome.value is None and reason in outcome.reason


def test_unfit_and_unasked_atoms_are_left_out_and_counted() -> None:
    deaf = {key: "does not hear: 11 of 24 right" for key in ("q2", "q2~twin", "q3", "q3~twin")}
    outcome = score(said(q1="yn", q2="yn", q3="yn", q4="nn", unfit=deaf))
    assert outcome.value == 0.5 and notes(outcome)["q2 because"] == "does not hear: 11 of 24 right"
    assert "0.250 were all of them at their worst and 0.750 at their best" in notes(outcome)["cannot tell"]
    broke = score(said(q1="yn", unasked={key: "the budget was spent" for key in ("q2", "q3", "q4")}))
    assert broke.status == "abstained"
    assert broke.reason.endswith("1 of 4 questions could be told, at least half are needed: 3 × the budget was spent")


def test_half_told_is_enough_and_less_is_not() -> None:
    assert score(said(q1="yn", q4="yn")).status == "ok"
    assert score(said(q1="yn")).status == "abstained"
    gone = ("natural__hands", "natural__joints", "natural__weight")
    assert natural(**dict.fromkeys(gone[:2], "??")).status == "ok"
    assert natural(**dict.fromkeys(gone, "??")).status == "abstained"  # 2 of 5


def test_an_absent_track_is_the_generators_failure() -> None:
    outcome = score(said(q1="yn", q2="yn", q3="yn", q4="yn"), media=SILENT)
    assert outcome.value == 0.5 and notes(outcome)["q2 because"] == "no sound track"
    outcome = score(said(q1="yn", q2="yn", q3="yn", q4="yn"), media=BLACK)
    assert outcome.value == 0.0 and notes(outcome)["q1 because"] == "no picture track"
    assert notes(outcome)["q2 because"] == "q1 is no"


def test_without_a_judge_nothing_is_a_number() -> None:
    remedy = "avgen-bench score ... --judge openai:URL#model"
    for dimension in (Alignment, Physics, Naturalness):
        for media in (BOTH, BLACK):
            for seen in ({"judge": Lacking(remedy)}, {}):
                outcome = score(seen, media=media, dimension=dimension)
                assert outcome.status == "abstained" and outcome.reason.startswith("needs a judge: ")
    assert remedy in score({"judge": Lacking(remedy)}).reason
    outcome = score(said(q1="yn"), dimension=AvMatch)
    assert outcome.status == "abstained" and outcome.reason.startswith("needs an embedding backbone")


def test_a_prompt_without_questions_does_not_ask() -> None:
    bare = replace(PROMPT, questions=())
    assert not Alignment().applies(bare) and not Alignment().applies(None) and Alignment().applies(PROMPT)
    assert score(said(), bare).status == score(said(), None).status == "not_applicable"


# --------------------------------------------------------------------------- physics and naturalness

HOLDS = {atom.key.replace(".", "__"): "yn" for atom in (*AUDIT, *NATURALNESS)}


def physics(media=BOTH, prompt: Prompt | None = PROMPT, **changed: object) -> Outcome:
    return score(said(**({"e1": "yn", "e2": "yn"} | HOLDS | changed)), prompt, media, Physics)


def test_physics_that_holds_is_one() -> None:
    assert physics().value == 1.0 and physics(prompt=None).value == 1.0
    assert set(WEIGHTS) == set(DEDUCTIONS)


@pytest.mark.parametrize(
    ("e1", "e2", "share"),
    [
        ("ny", "yn", 1 / 5),
        ("yn", "ny", 4 / 5),
        ("ny", "ny", 0.0),
        ("nn", "yn", 1.0),
        ("nn", "nn", 1.0),
        ("yn", "nn", 1.0),
    ],
)
def test_expectations_weigh_by_severity_and_what_is_not_seen_is_outside(e1: str, e2: str, share: float) -> None:
    assert physics(e1=e1, e2=e2).value == pytest.approx(share)


@pytest.mark.parametrize(
    ("broken", "left"),
    [
        (("audit__support",), 0.75),
        (("audit__support", "audit__fall"), 0.75),  # of one group the gravest counts
        (("audit__solid",), 0.5),
        (("audit__fall", "audit__light"), 0.75),
        (("audit__solid", "audit__support", "audit__stay", "audit__cause"), 0.0),
        (("audit__solid", "audit__support", "audit__stay", "audit__cause", "audit__impact"), 0.0),
    ],
)
def test_the_audit_deducts_by_group(broken: tuple[str, ...], left: float) -> None:
    outcome = physics(**dict.fromkeys(broken, "ny"))
    assert outcome.value == pytest.approx(left)
    assert physics(**dict.fromkeys(broken, "ny"), e1="ny").value == pytest.approx(left / 5)
    assert all(key.replace("__", ".") in outcome.reason for key in broken)


def test_an_audit_that_is_denied_on_both_sides_deducts_nothing() -> None:
    assert physics(audit__solid="nn").value == 1.0
    assert physics(audit__solid="yy").value == 1.0  # the judge contradicts itself: left out, and counted
    assert "1 of 11 cannot be told" in physics(audit__solid="yy").reason


def test_physics_in_which_nothing_is_seen_abstains() -> None:
    denied = dict.fromkeys((*HOLDS, "e1", "e2"), "nn")
    outcome = physics(**denied)
    assert (outcome.status, outcome.value) == ("abstained", None)
    assert outcome.reason.startswith("nothing was seen to hold or to be broken")
    assert parts(outcome)["audit"] == 1.0 and "yes-bias" in notes(outcome)  # what was said is kept
    # one thing that is seen, or a track that is not there, is something
    assert physics(**denied | {"audit__light": "yn"}).value == 1.0
    assert physics(**denied | {"e1": "ny"}).value == 0.0
    assert physics(SILENT, **denied).value == 0.75
    # saying yes to everything is no better
    assert physics(**dict.fromkeys(denied, "yy")).status == "abstained"


def test_physics_bounds_hold_whatever_the_unknown_ones_are() -> None:
    bounds = notes(physics(e2="??", audit__solid="??"))["cannot tell"]
    worst = physics(e2="ny", audit__solid="ny").value
    assert f"{worst:.3f} were all of them at their worst and 1.000 at their best" in bounds


def test_physics_of_a_clip_without_a_track() -> None:
    assert physics(BLACK).value == 0.0 and physics(BLACK).reason.startswith("no picture track")
    assert physics(SILENT).value == 0.75  # the sound of impacts: one major group
    assert physics(SILENT, None).value == 0.75
    assert physics(SILENT, replace(PROMPT, demands_sound=False)).value == 1.0


def natural(media=BOTH, **changed: object) -> Outcome:
    return score(said(**(HOLDS | changed)), None, media, Naturalness)


def test_naturalness_is_over_what_is_there_to_be_seen() -> None:
    assert natural().value == 1.0
    assert natural(natural__hands="nn").value == 1.0  # no hands in the clip
    assert (
        natural(natural__hands="ny").value == 0.8 and natural(natural__hands="ny").reason == "unnatural: natural.hands"
    )
    assert natural(natural__hands=(p(0.8), p(0.3)), natural__weight="nn").value == pytest.approx((3 + 0.5) / 4)
    assert natural(BLACK).value == 0.0
    nothing = natural(**{atom.key.replace(".", "__"): "nn" for atom in NATURALNESS})
    assert nothing.status == "abstained" and "nothing of what is asked about" in nothing.reason
    assert "opinion" in Naturalness.facts.summary


# --------------------------------------------------------------------------- contracts


@pytest.mark.parametrize("dimension", [Alignment, Physics, Naturalness, AvMatch])
@pytest.mark.parametrize("media", [BOTH, SILENT, BLACK])
def test_contract(dimension: type, media: object) -> None:
    seen = said(**HOLDS, q1="yn", q2="ny", q3="??", q4="yy", e1="yn", e2="nn")
    check_dimension(dimension(), seen, media)  # type: ignore[arg-type]
    first = dimension().measure(PROMPT, media, seen)
    assert first == dimension().measure(PROMPT, media, seen)


# --------------------------------------------------------------------------- the report

PASSPORT = {
    "digest": "0123456789abcdef",
    "date": "2026-11-20",
    "versions": ["judge-2026-10-01"],
    "rates": {
        "hears": {"value": 0.96, "hits": 23, "of": 24, "low": 0.8, "high": 0.99},
        "sensitivity": {"value": 0.9, "hits": 90, "of": 100, "low": 0.82, "high": 0.95},
        "specificity": {"value": 0.8, "hits": 80, "of": 100, "low": 0.71, "high": 0.87},
    },
}
JUDGE = {"model": "openai:judge", "identity": "[]", "view": "2 fps, 480 px", "passport": PASSPORT}
PANEL_ID = '["panel","a + b"]'


def panel_reply(answer: str | None, *votes: str | None) -> JudgeReply:
    rows = [{"judge": name, "answer": vote} for name, vote in zip("ab", votes, strict=True)]
    return JudgeReply(json.dumps({"panel": rows}) + "\n" + json.dumps({"answer": answer}))


def built(outcomes: list[Outcome], judge: dict | None = None, dimension=Alignment) -> dict:
    clips = [samples.clip(f"c{k}.mp4", prompt_id=f"p{k}") for k in range(len(outcomes))]
    measured = [samples.measurement(c, dimension.facts.name, o) for c, o in zip(clips, outcomes, strict=True)]
    return report.build(
        measured, clips, [dimension.facts], judge=judge, media={c.clip_id: samples.media(4) for c in clips}
    )


def shown(value: dict, clip: str = "") -> str:
    out = io.StringIO()
    console = Console(file=out, width=110, color_system=None)
    if clip:
        for item in report_terminal.explain_clip(value, clip):
            console.print(item)
    else:
        report_terminal.print_table(value, console)
    return " ".join(out.getvalue().split())


def test_evidence_is_read_back_as_it_was_measured() -> None:
    outcome = score(said(q1="yn", q2="yy", q3=(p(0.25), p(0.5)), q4="ny"))
    atoms = atoms_in(item.to_json() for item in outcome.evidence)
    assert [atom["key"] for atom in atoms] == ["q1", "q2", "q3", "q4"]
    assert [tell_atom(atom) for atom in atoms] == ["yes", "both", "not seen", "contradicted"]
    assert atoms[0] == {
        "key": "q1",
        "type": "object",
        "text": "Is there a dog?",
        "twin": "Is there a cat?",
        "yes": 1.0,
        "twin_yes": 0.0,
        "score": 1.0,
        "said": '{"answer": "yes"}',
        "twin_said": '{"answer": "no"}',
        "because": "",
    }
    absent = atoms_in(item.to_json() for item in score(said(q1="yn", q4="yn"), media=SILENT).evidence)
    assert [tell_atom(atom) for atom in absent] == ["yes", "no", "no", "yes"]
    untold = atoms_in(item.to_json() for item in score(said(q1="yn", q2="??", q3="yn", q4="yn")).evidence)
    assert [tell_atom(atom) for atom in untold] == ["yes", "untold", "yes", "yes"]


def test_the_report_counts_bias_types_and_what_cannot_be_told() -> None:
    value = built(
        [score(said(q1="yn", q2="yn", q3="yn", q4="yn")), score(said(q1="yn", q2="yy", q3="??", q4="ny"))], JUDGE
    )
    [row] = value["semantic"]["rows"]
    assert (row["n"], row["of"], row["atoms"], row["told"]) == (2, 2, 8, 6)
    assert row["questions"] == {"yes": 6, "of": 7} and row["twins"] == {"yes": 2, "of": 7} and row["both"] == 1
    assert row["untold"] == {"the reply cannot be read": 1, "yes to the question and to its false twin": 1}
    assert {part["label"]: part["mean"] for part in row["parts"]} == {
        "type object": 0.75,
        "type sound": 1.0,
        "type temporal": 1.0,
    }
    assert row["rate"]["raw"] == pytest.approx(6 / 7, abs=1e-5)
    assert row["rate"]["estimate"] == pytest.approx((6 / 7 + 0.8 - 1) / 0.7, abs=1e-5)
    assert row["rate"]["ci_low"] < row["rate"]["estimate"] <= row["rate"]["ci_high"] <= 1
    text = shown(value)
    assert "yes-bias: yes to 2 of 7 false twins (28.6 %), 1 beside a yes" in text
    assert "2 of 8 questions cannot be told" in text and "corrected with the judge's sensitivity" in text
    assert "judge: openai:judge, given 2 fps, 480 px" in text and "passport 0123456789abcdef, 2026-11-20" in text
    assert "hears 0.96 (0.80 to 0.99)" in text and "type temporal" in text


def test_without_sensitivity_and_specificity_the_raw_rate_stands_alone() -> None:
    outcome = score(said(q1="yn", q2="yn", q3="yn", q4="nn"))
    for passport in (None, {"rates": {}}, {"rates": {"sensitivity": {"hits": "9", "of": 10}}}, {"rates": []}):
        value = built([outcome], JUDGE | {"passport": passport})
        assert value["semantic"]["rows"][0]["rate"]["estimate"] is None
        assert "yes to 75.0 % of the questions; not corrected: sensitivity or specificity has not been" in shown(value)
    assert "no passport" in shown(built([outcome], JUDGE | {"passport": None}))


def test_answers_about_one_clip_are_not_independent() -> None:
    alike = [score(said(q1=w, q2=w, q3=w, q4=w)) for w in ("yn", "nn") * 10]
    [row] = built(alike, JUDGE)["semantic"]["rows"]
    assert row["rate"]["design_effect"] > 3
    alone = rogan_gladen(Counted(40, 80), Counted(90, 100), Counted(80, 100))
    width = alone.ci_high - alone.ci_low
    assert row["rate"]["ci_high"] - row["rate"]["ci_low"] > 1.3 * width
    assert row["rate"]["estimate"] == pytest.approx(alone.estimate, abs=1e-5)


def test_a_panels_agreement_is_in_the_report() -> None:
    replies = {
        "q1": (panel_reply("yes", "yes", "yes"), panel_reply("no", "no", "no")),
        "q2": (panel_reply("yes", "yes", "yes"), panel_reply("no", "no", "no")),
        "q3": (panel_reply(None, "yes", "no"), panel_reply(None, None, None)),
        "q4": (panel_reply("yes", "yes", "yes"), panel_reply("no", "no", None)),
    }
    outcome = score(said(PANEL_ID, **replies))
    assert outcome.value == 1.0 and notes(outcome)["q3 because"] == "the panel has no majority"
    assert (
        notes(outcome)["votes"].startswith("q1 yy, q1~twin nn, q2 yy")
        and "q3 yn, q3~twin ??" in notes(outcome)["votes"]
    )
    assert notes(outcome)["q3 said"] == "a: yes; b: no"
    agreement = built([outcome, outcome], JUDGE)["semantic"]["agreement"]
    assert (agreement["units"], agreement["clips"]) == (12, 2)
    assert 0.5 < agreement["alpha"] < 1
    assert "Krippendorff's alpha" in shown(built([outcome], JUDGE))
    # a judge that is no panel cannot speak for one
    assert "votes" not in notes(score(said("[]", **replies)))


def test_without_a_judge_the_report_says_how_much_is_unmeasured() -> None:
    remedy = "avgen-bench score ... --judge SPEC"
    value = built([score({"judge": Lacking(remedy)})] * 2)
    lines = coverage_words(value["semantic"])
    assert lines[0] == "0 of 3 families measured"
    assert f"alignment: needs a judge: {remedy}" in lines
    assert "0 of 3 families measured" in shown(value) and "needs a judge" in shown(value)
    assert "2 of 3 families measured" not in shown(value)
    answered = built([score(said(q1="yn", q2="yn", q3="yn", q4="yn"))], JUDGE)
    assert coverage_words(answered["semantic"])[0] == "1 of 3 families measured"


def test_the_floor_of_a_missing_clip_measures_nothing() -> None:
    gone, clip = replace(samples.clip("", prompt_id="p1"), clip_id=""), samples.clip("c.mp4", prompt_id="p2")
    measured = [
        samples.measurement(gone, "alignment", Outcome("ok", 0.0, "no clip for this prompt")),
        samples.measurement(clip, "alignment", Outcome("abstained", reason="no answer could be read")),
    ]
    value = report.build(measured, [gone, clip], [Alignment.facts])
    assert coverage_words(value["semantic"])[0] == "0 of 3 families measured" and value["estimates"][0]["mean"] is None
    alone = report.build(measured[:1], [gone], [Alignment.facts])  # a system that made nothing at all failed
    assert coverage_words(alone["semantic"])[0] == "1 of 3 families measured" and alone["estimates"][0]["mean"] == 0


def test_explain_shows_every_question_with_the_judges_words() -> None:
    value = built([score(said(q1="yn", q2="yy", q3="yn", q4="nn"))], JUDGE)
    text = shown(value, "c0.mp4")
    assert "yes q1 object" in text and 'asked: Is there a dog? yes 1.00 said: {"answer": "yes"}' in text
    assert "false twin: Is there a cat? yes 0.00" in text
    assert "both q2 sound yes to the question and to its false twin" in text
    assert "not seen q4 object" in text and "type object" in text


def test_unfit_answers_that_were_allowed_are_printed() -> None:
    assert any("--allow-unfit" in line for line in judge_words(JUDGE | {"allow_unfit": True}))
    assert not any("--allow-unfit" in line for line in judge_words(JUDGE))


def test_everything_that_others_wrote_is_escaped(tmp_path) -> None:
    bad = samples.HOSTILE
    hostile = replace(
        PROMPT, questions=tuple(replace(q, text=bad + q.text, twin=bad + q.twin) for q in PROMPT.questions)
    )
    words = JudgeReply(f'{bad} {{"answer": "yes"}}')
    outcome = score(said(bad, q1=(words, NO), q2=(words, words), q3="yn", q4="yn", unfit={"q4": bad}), hostile)
    judge = {
        "model": bad,
        "view": bad,
        "allow_unfit": True,
        "passport": {"digest": bad, "date": bad, "versions": [bad]},
    }
    judge["passport"]["rates"] = {bad: {"value": 0.5, "hits": 1, "of": 2, "low": 0.1, "high": 0.9}}
    value = built([outcome], judge)
    page = render(value, tmp_path, tmp_path)
    assert page.count("<script>") == 1 and "<img src=x" not in page and "window.pwned" in page
    assert "{{7*7}}" in page


def test_the_page_shows_judge_questions_and_coverage(tmp_path) -> None:
    value = built([score(said(q1="yn", q2="yy", q3="yn", q4="nn"))], JUDGE)
    page = render(value, tmp_path, tmp_path)
    for text in ("openai:judge", "0123456789abcdef", "Is there a dog?", "Is there a cat?", "yes-bias", "type temporal"):
        assert text in page, text
    assert "1 of 3 families measured" in page
