"""Asking: nothing twice, nothing more than allowed, nothing lost, whatever the judge does."""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer, Turn
from scenes import small_clip
from values import media_facts

from avgen_bench import cli, metric_base, passport, registry, runner, work
from avgen_bench.asking import Asked, Case, Spent, interview
from avgen_bench.errors import (
    InputError,
    JudgeBroken,
    JudgeBusy,
    JudgeRefusal,
    JudgeRejection,
    StoreError,
    UnreadableMedia,
)
from avgen_bench.judges.panel import Panel
from avgen_bench.prompts import load_prompts
from avgen_bench.questions import AUDIT, NATURALNESS, atoms_of
from avgen_bench.report_semantic import coverage_words, judge_words
from avgen_bench.store import Store
from avgen_bench.terms import Budget, Pace, Terms, estimate_questions, questions_too_short
from avgen_bench.types import (
    Answers,
    Ask,
    ClipViews,
    Expectation,
    JudgeFacts,
    JudgeReply,
    JudgeView,
    Observation,
    Prompt,
    Question,
)
from avgen_bench.verifying import verify

YES, NO = '{"answer": "yes"}', '{"answer": "no"}'
QUICK = Pace(base_s=0.001, most_s=0.01, patience_s=0.3, grace_s=0.5)
Answer = Callable[[Ask, int], Any]


def question(id_: str, *after: str, modality: str = "picture", text: str = "") -> Question:
    return Question(id_, "object", modality, text or f"Is {id_} there?", f"Is {id_} missing?", after)


def prompt_of(*questions: Question, **fields: Any) -> Prompt:
    return Prompt(fields.pop("id", "p"), questions=questions, **fields)


def right(ask: Ask, call: int) -> str:
    """A judge of a clip that obeys in everything."""
    return NO if ask.key.endswith("~twin") else YES


class FakeJudge:
    """Answers as told, from any thread, and remembers what it was asked."""

    def __init__(self, answer: Answer = right, takes_s: float = 0.0, **facts: Any) -> None:
        facts = {"view": JudgeView(), "probabilities": True, **facts}
        self.facts = JudgeFacts("fake", "parrot", "1", **facts)
        self.answer, self.takes_s = answer, takes_s
        self.asked: list[tuple[str, str, int]] = []
        self.active = self.most_active = 0
        self._lock = threading.Lock()

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        with self._lock:
            self.asked.append((views.clip_id, ask.key, repeat))
            call = len(self.asked)
            self.active += 1
            self.most_active = max(self.most_active, self.active)
        try:
            if self.takes_s:
                time.sleep(self.takes_s)
            said = self.answer(ask, call)
        finally:
            with self._lock:
                self.active -= 1
        if isinstance(said, BaseException):
            raise said
        return said if isinstance(said, JudgeReply) else JudgeReply(said)

    def close(self) -> None:
        pass

    @property
    def keys(self) -> list[str]:
        return [key for _, key, _ in self.asked]


class Desk:
    """A store in memory, and all that an interview tells."""

    def __init__(self) -> None:
        self.stored: dict[str, JudgeReply] = {}
        self.results: dict[str, Asked] = {}
        self.views: list[str] = []
        self.ticks = 0

    def keep(self, observation: Observation) -> None:
        assert observation.header.fingerprint not in self.stored, "asked twice"
        assert isinstance(observation.payload, JudgeReply)
        self.stored[observation.header.fingerprint] = observation.payload

    def see(self, path: str, view: JudgeView) -> ClipViews:
        self.views.append(path)
        if "broken" in path:
            raise UnreadableMedia("not a clip")
        return ClipViews(path, 8.0, (0.0,), (b"",), None, path)

    def tick(self, more: int, clip: str) -> None:
        self.ticks += more

    def ask(self, judge: FakeJudge, *cases: Case, terms: Terms | None = None, **options: Any) -> Spent:
        options = {"pace": QUICK, "keep": self.keep, "on_tick": self.tick, **options}
        return interview(
            cases,
            judge,
            terms or Terms(),
            views=self.see,
            cached=self.stored.get,
            on_done=lambda case, asked: self.results.__setitem__(case.key, asked),
            **options,
        )


def case(prompt: Prompt | None, name: str = "a", clip_id: str = "", **tracks: Any) -> Case:
    dimensions = tracks.pop("dimensions", ("alignment",))
    seconds = tracks.pop("duration_s", 8.0)
    return Case(name, name, clip_id or name, clip_id or name, media_facts(seconds, **tracks), prompt, dimensions)


THREE = prompt_of(question("q1"), question("q2"), question("q3"))


# --------------------------------------------------------------------------- what is asked, and in which order


def test_every_question_and_its_twin_is_asked_once_and_kept() -> None:
    desk, judge = Desk(), FakeJudge()
    spent = desk.ask(judge, case(THREE))
    assert sorted(judge.keys) == ["q1", "q1~twin", "q2", "q2~twin", "q3", "q3~twin"]
    answers = desk.results["a"].answers
    assert {key: [reply.raw for reply in replies] for key, replies in answers.replies.items()} == {
        key: [right(Ask(key, "", "", ""), 0)] for key in judge.keys
    }
    assert not answers.unasked and not answers.unfit
    assert len(desk.stored) == spent.calls == desk.ticks == 6
    assert {at for several in desk.results["a"].fingerprints.values() for at in several} == set(desk.stored)
    assert desk.views == ["a"], "views are made once per clip"


def test_order_hangs_on_the_seed_alone() -> None:
    prompt = prompt_of(*(question(f"q{n}") for n in range(6)))
    orders = []
    for seed in (0, 0, 1):
        judge = FakeJudge()
        Desk().ask(judge, case(prompt), terms=Terms(seed=seed, concurrency=1))
        orders.append(judge.keys)
    assert orders[0] == orders[1] != orders[2] and sorted(orders[1]) == sorted(orders[2])
    assert orders[0] != sorted(orders[0])


def test_what_makes_no_sense_is_not_asked() -> None:
    prompt = prompt_of(question("q1"), question("q2", "q1"), question("q3", "q2"), question("q4"), question("q5", "q4"))
    judge, desk = FakeJudge(lambda ask, call: NO if ask.key == "q1" else right(ask, call)), Desk()
    desk.ask(judge, case(prompt))
    assert desk.results["a"].answers.unasked == {
        **dict.fromkeys(("q2", "q2~twin"), "after: q1"),
        **dict.fromkeys(("q3", "q3~twin"), "after: q2"),
    }
    assert set(judge.keys) == {"q1", "q1~twin", "q4", "q4~twin", "q5", "q5~twin"}
    assert judge.keys.index("q5") > judge.keys.index("q4")
    assert desk.ticks == 10, "what is not asked is settled, too"


@pytest.mark.parametrize("raw", ["hm, hard to say", ""])
def test_after_an_answer_that_nobody_can_read_the_next_question_is_asked(raw: str) -> None:
    prompt = prompt_of(question("q1"), question("q2", "q1"))
    judge, desk = FakeJudge(lambda ask, call: raw if ask.key == "q1" else right(ask, call)), Desk()
    desk.ask(judge, case(prompt))
    assert not desk.results["a"].answers.unasked
    assert desk.results["a"].answers.replies["q1"][0].raw == raw, "kept verbatim"
    assert "q2" in judge.keys


@pytest.mark.parametrize(("probabilities", "repeats", "calls"), [(True, None, 1), (False, None, 3), (True, 2, 2)])
def test_repeats(probabilities: bool, repeats: int | None, calls: int) -> None:
    desk, judge = Desk(), FakeJudge(probabilities=probabilities)
    desk.ask(judge, case(prompt_of(question("q1"))), terms=Terms(repeats=repeats))
    assert sorted(repeat for _, key, repeat in judge.asked if key == "q1") == list(range(calls))
    assert len(desk.results["a"].answers.replies["q1"]) == calls


def test_a_dependency_waits_for_all_repeats() -> None:
    def answer(ask: Ask, call: int) -> str:  # the first repeat says yes, the other two no
        said.append(ask.key)
        return YES if ask.key == "q1" and said.count("q1") == 1 else NO

    said: list[str] = []
    judge, desk = FakeJudge(answer, probabilities=False), Desk()
    desk.ask(judge, case(prompt_of(question("q1"), question("q2", "q1"))))
    assert desk.results["a"].answers.unasked["q2"] == "after: q1" and "q2" not in judge.keys


def test_the_same_words_are_one_call_and_the_same_file_is_one_clip() -> None:
    prompt = prompt_of(question("q1", text="Is it red?"), question("q2", text="Is it red?"))
    desk, judge = Desk(), FakeJudge()
    desk.ask(judge, case(prompt), case(prompt, "b", "a"), terms=Terms(concurrency=2))
    assert len(judge.asked) == 3, "one text, two twins"
    assert desk.results["a"].answers.replies["q1"] == desk.results["a"].answers.replies["q2"]
    assert desk.results["a"].answers == desk.results["b"].answers
    assert desk.views == ["a"]


def test_tracks_that_are_not_there_are_not_asked_about() -> None:
    prompt = prompt_of(
        question("q1"), question("q2", modality="sound"), question("q3", "q2"), question("q4", modality="both")
    )
    desk, judge = Desk(), FakeJudge()
    desk.ask(judge, case(prompt, sound=False), case(prompt, "b", picture=False))
    silent, dark = desk.results["a"].answers.unasked, desk.results["b"].answers.unasked
    assert silent == {
        **dict.fromkeys(("q2", "q2~twin", "q4", "q4~twin"), "absent: no sound track"),
        **dict.fromkeys(("q3", "q3~twin"), "after: q2"),
    }
    assert {key for key, reason in dark.items() if reason == "absent: no picture track"} >= {"q1", "q4"}
    assert "q2" in desk.results["b"].answers.replies


def test_a_judge_is_not_asked_what_it_is_not_fit_for() -> None:
    prompt = prompt_of(question("q1"), question("q2", modality="sound"))
    terms = Terms(unfit={"sound": "does not hear"}, passport="1234")
    desk, judge = Desk(), FakeJudge()
    desk.ask(judge, case(prompt), terms=terms)
    assert set(judge.keys) == {"q1", "q1~twin"}
    assert desk.results["a"].answers.unfit == dict.fromkeys(("q2", "q2~twin"), "does not hear")
    allowed = Terms(unfit={"sound": "does not hear"}, passport="1234", allow_unfit=True)
    Desk().ask(judge, case(prompt), terms=allowed)
    assert "q2" in judge.keys
    assert allowed.signature(judge.facts) != terms.signature(judge.facts)
    assert "unfit-allowed:sound" in allowed.signature(judge.facts)


@pytest.mark.parametrize("allow_unfit", [False, True])
def test_a_judge_that_is_given_no_sound_is_not_asked_about_it(allow_unfit: bool) -> None:
    prompt = prompt_of(question("q1"), question("q2", modality="sound"), question("q3", modality="both"))
    terms = Terms(allow_unfit=allow_unfit)
    desk, judge = Desk(), FakeJudge(view=JudgeView(rate_hz=None))
    desk.ask(judge, case(prompt), terms=terms)
    assert set(judge.keys) == {"q1", "q1~twin"}
    answers = desk.results["a"].answers
    assert set(answers.unfit) == {"q2", "q2~twin", "q3", "q3~twin"} and not answers.unasked
    assert set(answers.unfit.values()) == {
        "the judge is given no sound; give it some (JudgeView.rate_hz), or take a judge that hears"
    }
    assert estimate_questions([(prompt, 8.0, "a")], ("alignment",), judge.facts, terms).calls == 2


def test_answers_come_back_as_they_were() -> None:
    replies = {
        "q1": (JudgeReply(YES, 0.25, "v1", "stop", 3, 4), JudgeReply("", refused=True)),
        "f32": (JudgeReply(NO),),
    }
    answers = Answers("judge", replies, {"q2": "does not hear"}, {"f32": "after: q1"})
    again = Answers.from_json(json.loads(json.dumps(answers.to_json())))
    assert again == answers and isinstance(again.replies["q1"][0], JudgeReply)
    assert Answers.from_json(Answers("judge").to_json()) == Answers("judge")


# --------------------------------------------------------------------------- cache and resume


def test_what_is_stored_is_never_asked_again() -> None:
    desk = Desk()
    desk.ask(FakeJudge(), case(THREE))
    judge = FakeJudge(lambda ask, call: JudgeRefusal("never to be asked"))
    before = desk.results.pop("a")
    desk.views.clear()
    spent = desk.ask(judge, case(THREE))
    assert not judge.asked and not desk.views and spent.calls == 0
    assert desk.results["a"] == before


def test_another_judge_view_or_question_is_asked_anew() -> None:
    desk = Desk()
    desk.ask(FakeJudge(), case(THREE))
    for judge in (FakeJudge(view=JudgeView(fps=4)), FakeJudge(parameters={"temperature": 1})):
        desk.ask(judge, case(THREE))
        assert len(judge.asked) == 6
    judge = FakeJudge()
    desk.ask(judge, case(prompt_of(question("q1"), question("q2", text="Is q2 there now?"))))
    assert judge.keys == ["q2"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_run_goes_on_in_the_middle_of_a_clip(concurrency: int) -> None:
    prompt = prompt_of(question("q1"), question("q2", "q1"), question("q3", "q2"))
    cases = [case(prompt), case(prompt, "b")]
    desk, calls = Desk(), []
    for _ in range(10):
        judge = FakeJudge(probabilities=False)
        spent = desk.ask(judge, *cases, terms=Terms(concurrency=concurrency, budget=Budget(5, "calls")))
        calls.append(len(judge.asked))
        assert len(judge.asked) == spent.calls <= 5
        if not spent.halted:
            break
        assert spent.halted == "the budget was spent"
    assert sum(calls) == 2 * 6 * 3 and calls[:-1] == [5] * 7, calls
    assert not desk.results["a"].answers.unasked and not desk.results["b"].answers.unasked


# --------------------------------------------------------------------------- budget


def test_a_budget_reads_as_it_is_written() -> None:
    found = [Budget.parse(text) for text in ("500calls", "2Mtokens", "5usd", "1.5k tokens", "1call", ".5 USD")]
    assert [(item.amount, item.unit) for item in found] == [
        *((500, "calls"), (2e6, "tokens"), (5, "usd"), (1500, "tokens"), (1, "calls"), (0.5, "usd"))
    ]
    for text in ("", "5", "five calls", "-3calls", "5eur", "nan tokens", "1e9calls"):
        with pytest.raises(InputError, match="500calls, 2Mtokens or 5usd"):
            Budget.parse(text)


@pytest.mark.parametrize(("budget", "calls"), [("2500tokens", 2), ("0.0025usd", 2), ("3calls", 3), ("0calls", 0)])
def test_a_budget_is_a_hard_stop(budget: str, calls: int) -> None:
    reply = JudgeReply(YES, tokens_in=1000, tokens_out=10)
    small = JudgeView(short_side_px=64, rate_hz=None)
    prices = {"usd_per_million_in": 1.0, "usd_per_million_out": 0.0}
    judge = FakeJudge(lambda ask, call: reply, takes_s=0.005, view=small, **prices)
    desk = Desk()
    spent = desk.ask(judge, case(THREE), terms=Terms(budget=Budget.parse(budget)))
    # the price of a call is not known before the first; with what it cost, no call too many is made
    assert spent.calls == len(judge.asked) == len(desk.stored) == calls
    assert spent.halted == "the budget was spent"
    assert (spent.tokens_in, spent.tokens_out) == (1000 * calls, 10 * calls)
    answers = desk.results["a"].answers
    assert len(answers.replies) == calls and set(answers.unasked.values()) == {"the budget was spent"}
    assert len(answers.replies) + len(answers.unasked) == 6


def test_a_call_dearer_than_the_budget_is_not_made() -> None:
    judge, desk = FakeJudge(), Desk()
    spent = desk.ask(judge, case(THREE), terms=Terms(budget=Budget.parse("5tokens")))
    assert not judge.asked and spent.halted


def test_a_budget_in_money_needs_a_price() -> None:
    for refuse in (
        lambda terms: Desk().ask(FakeJudge(), case(THREE), terms=terms),
        lambda terms: runner.engage(FakeJudge(), terms),
    ):
        with pytest.raises(InputError, match="no price is known"):
            refuse(Terms(budget=Budget.parse("5usd")))


# --------------------------------------------------------------------------- a panel is several calls


def member(name: str, answer: Answer = right, **facts: Any) -> FakeJudge:
    judge = FakeJudge(answer, **facts)
    judge.facts = dataclasses.replace(judge.facts, model=name)
    return judge


def counted(tokens_in: int, tokens_out: int = 0, **reply: Any) -> Answer:
    return lambda ask, call: JudgeReply(right(ask, call), tokens_in=tokens_in, tokens_out=tokens_out, **reply)


SMALL = JudgeView(short_side_px=64)


@pytest.mark.parametrize(
    ("budget", "questions"), [("11calls", 3), ("9calls", 3), ("2calls", 0), ("6999tokens", 2), ("0.07usd", 2)]
)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_budget_counts_the_calls_of_every_member(budget: str, questions: int, concurrency: int) -> None:
    """A question takes 3 calls, 3000 tokens and 0.03 usd of this panel."""
    prices = [{"usd_per_million_in": usd, "usd_per_million_out": 0.0, "view": SMALL} for usd in (5.0, 10.0, 15.0)]
    members = [member(f"m{n}", counted(1000), takes_s=0.002, **item) for n, item in enumerate(prices)]
    desk = Desk()
    spent = desk.ask(Panel(members), case(THREE), terms=Terms(budget=Budget.parse(budget), concurrency=concurrency))
    calls = sum(len(item.asked) for item in members)
    # no more is known of a question than that its dearest call may be the next, so less than allowed may be spent
    assert calls == 3 * questions == spent.calls and spent.halted == "the budget was spent"
    assert len(desk.stored) == questions and spent.tokens_in == 3000 * questions
    assert (spent.usd or 0.0) == pytest.approx(0.03 * questions)


def test_what_a_panel_spent_is_what_its_members_took_even_if_one_breaks() -> None:
    def shaky(ask: Ask, call: int) -> Any:
        return JudgeBroken("reset") if call in (1, 4) else counted(200, 7)(ask, call)

    first, second = member("a", counted(100, 5), usd_per_million_in=1.0, usd_per_million_out=10.0), member("b", shaky)
    desk = Desk()
    spent = desk.ask(Panel([first, second]), case(THREE), terms=Terms(concurrency=1))
    assert (len(first.asked), len(second.asked)) == (6, 8), "who answered is not asked again"
    assert (spent.calls, spent.retries, spent.usd) == (14, 2, None), "no price where a member states none"
    assert not desk.results["a"].answers.unasked
    gone = member("c", lambda ask, call: JudgeRefusal("wrong key"))
    bill = Spent()
    with pytest.raises(JudgeRefusal, match="wrong key"):
        Desk().ask(Panel([member("a"), gone]), case(THREE), terms=Terms(concurrency=1), spent=bill)
    assert bill.calls == 1, "the member before was answered, and is paid"


def test_the_bill_of_a_cascade_is_of_the_calls_that_were_made_and_its_estimate_is_an_upper_bound() -> None:
    def cheap(ask: Ask, call: int) -> JudgeReply:
        return JudgeReply(right(ask, call), 0.5 if ask.key == "q1" else 0.9, tokens_in=1000)

    low, high = (
        {"usd_per_million_in": 1.0, "usd_per_million_out": 1.0},
        dict.fromkeys(("usd_per_million_in", "usd_per_million_out"), 20.0),
    )
    first = member("cheap", cheap, **low)
    strong = member("strong", counted(1000, 0), probabilities=False, **high)
    panel = Panel([first, strong], "cascade")
    spent = Desk().ask(panel, case(THREE))
    assert (len(first.asked), len(strong.asked)) == (6, 3), "one question in doubt, three draws of the strong one"
    assert spent.calls == 9 and spent.usd == pytest.approx(6 * 0.001 + 3 * 0.02)
    found = estimate_questions([(THREE, 8.0, "a")], ("alignment",), panel.facts, Terms())
    one = estimate_questions([(THREE, 8.0, "a")], ("alignment",), first.facts, Terms())
    assert found.calls == 4 * one.calls == 24 and found.tokens == pytest.approx(4 * one.tokens)
    assert found.usd is not None and one.usd is not None and found.usd == pytest.approx((1 + 3 * 20) * one.usd)


def test_drift_that_is_allowed_is_allowed_to_the_members_of_a_panel() -> None:
    def panel() -> Panel:
        def changes(ask: Ask, call: int) -> JudgeReply:
            return JudgeReply(right(ask, call), 0.5, model="strong-1" if call <= 2 else "strong-2")

        unsure = member("cheap", lambda ask, call: JudgeReply(right(ask, call), 0.5, model="cheap-1"))
        return Panel([unsure, member("strong", changes)], "cascade")

    with pytest.raises(JudgeRefusal, match=r"'strong-1' to 'strong-2'"):
        Desk().ask(panel(), case(THREE), terms=Terms(concurrency=1))
    desk = Desk()
    desk.ask(panel(), case(THREE), terms=Terms(concurrency=1, allow_drift=True))
    assert not desk.results["a"].answers.unasked and len(desk.stored) == 6


# --------------------------------------------------------------------------- a busy judge


def test_retry_after_is_waited_for_and_costs_nothing() -> None:
    judge = FakeJudge(lambda ask, call: JudgeBusy("later", 0.1) if call == 1 else right(ask, call))
    desk = Desk()
    began = time.monotonic()
    spent = desk.ask(judge, case(THREE), terms=Terms(concurrency=1, budget=Budget(6, "calls")))
    assert time.monotonic() - began >= 0.1
    assert (spent.calls, spent.busy, spent.halted) == (6, 1, "")
    assert len(judge.asked) == 7 and not desk.results["a"].answers.unasked


def test_concurrency_halves_and_grows_again() -> None:
    seen: list[int] = []
    # the calls from the first to the last of a row are answered when all of them are under way
    rows = {(1, 8): threading.Barrier(8), (9, 12): threading.Barrier(4), (65, 72): threading.Barrier(8)}

    def answer(ask: Ask, call: int) -> Any:
        seen.append(judge.active)
        for (first, last), together in rows.items():
            if first <= call <= last:
                together.wait(20.0)
        return JudgeBusy("later", 0.03) if call <= 8 else right(ask, call)

    judge = FakeJudge(answer, takes_s=0.03)
    prompt = prompt_of(*(question(f"q{n}") for n in range(40)))
    spent = Desk().ask(judge, case(prompt), terms=Terms(concurrency=8))
    assert spent.busy == 8 and spent.calls == 80
    assert max(seen[:8]) == 8, "eight at once, to begin with"
    assert max(seen[8:12]) == 4, "one answer of busy to all eight halves it once, not eight times"
    assert max(seen[12:]) == 8, "grows again"


def test_without_retry_after_pauses_grow_and_patience_ends() -> None:
    judge, desk = FakeJudge(lambda ask, call: JudgeBusy("overloaded")), Desk()
    began = time.monotonic()
    spent = desk.ask(judge, case(THREE), pace=Pace(base_s=0.02, most_s=0.1, patience_s=0.3))
    assert 0.3 <= time.monotonic() - began < 30
    assert spent.calls == 0 and "the judge was busy" in spent.halted and "overloaded" in spent.halted
    assert len(judge.asked) < 40
    assert len(desk.results["a"].answers.unasked) == 6


def test_patience_is_with_a_busy_judge_and_not_with_a_slow_one() -> None:
    def answer(ask: Ask, call: int) -> Any:
        if call == 2:
            time.sleep(0.5)  # longer than patience lasts
        return JudgeBusy("later", 0.0) if call == 2 else right(ask, call)

    desk = Desk()
    spent = desk.ask(FakeJudge(answer), case(THREE), terms=Terms(concurrency=1))
    assert (spent.calls, spent.busy, spent.halted) == (6, 1, "")


def test_nobody_waits_for_a_retry_after_of_a_day() -> None:
    judge = FakeJudge(lambda ask, call: JudgeBusy("quota", 86400.0))
    began = time.monotonic()
    spent = Desk().ask(judge, case(THREE), terms=Terms(concurrency=2))
    assert time.monotonic() - began < 30 and len(judge.asked) <= 2
    assert "come back after 86400 s" in spent.halted


# --------------------------------------------------------------------------- a judge that breaks


def test_a_call_that_breaks_is_made_again_four_times_at_most() -> None:
    judge = FakeJudge(lambda ask, call: JudgeBroken("reset") if ask.key == "q2" else right(ask, call))
    desk = Desk()
    spent = desk.ask(judge, case(THREE))
    assert judge.keys.count("q2") == 5 and spent.retries == 4 and spent.calls == 10
    assert desk.results["a"].answers.unasked == {"q2": "the judge broke: reset"}
    assert len(desk.results["a"].answers.replies) == 5 and not spent.halted


def test_a_call_that_breaks_once_is_answered_then() -> None:
    judge = FakeJudge(lambda ask, call: JudgeBroken("500") if call in (1, 3) else right(ask, call))
    desk = Desk()
    spent = desk.ask(judge, case(THREE), terms=Terms(concurrency=1))
    assert not desk.results["a"].answers.unasked and (spent.calls, spent.retries) == (8, 2)


def test_a_judge_that_is_gone_is_not_asked_two_thousand_times() -> None:
    judge, desk = FakeJudge(lambda ask, call: JudgeBroken("connection refused")), Desk()
    prompt = prompt_of(*(question(f"q{n}") for n in range(20)))
    spent = desk.ask(judge, *(case(prompt, f"c{n}") for n in range(20)), terms=Terms(concurrency=4))
    assert spent.halted == "the judge broke on 3 clips in a row: connection refused"
    assert len(judge.asked) <= 100, "of 4000: three clips, some four questions at once, five calls each"
    assert len(desk.results) == 20 and all(len(item.answers.unasked) == 40 for item in desk.results.values())


def unreachable() -> JudgeBroken:
    return JudgeBroken("the judge's server at 127.0.0.1:9 cannot be reached: refused", sent=False)


PRICED = {"usd_per_million_in": 3.0, "usd_per_million_out": 15.0}


@pytest.mark.parametrize("budget", [None, Budget(0.1, "usd"), Budget(30_000, "tokens"), Budget(7, "calls")])
@pytest.mark.parametrize(("concurrency", "most"), [(1, 3), (4, 12), (16, 40)])
def test_a_judge_that_cannot_be_reached_costs_nothing_and_is_given_up_soon(
    budget: Budget | None, concurrency: int, most: int
) -> None:
    judge, desk = FakeJudge(lambda ask, call: unreachable(), **PRICED), Desk()
    prompt = prompt_of(*(question(f"q{n}") for n in range(20)))
    terms = Terms(concurrency=concurrency, budget=budget)
    spent = desk.ask(judge, *(case(prompt, f"c{n}") for n in range(5)), terms=terms)
    assert (spent.calls, spent.retries, spent.tokens_in, spent.tokens_out, spent.usd) == (0, 0, 0, 0, None)
    assert spent.halted == f"the judge broke: {unreachable()}"
    assert len({(clip, key) for clip, key, _ in judge.asked}) <= most and len(judge.asked) <= 5 * most
    for item in desk.results.values():
        assert item.answers.unasked == dict.fromkeys([*item.answers.unasked], spent.halted)
        assert len(item.answers.unasked) == 40


def test_a_judge_that_cannot_be_reached_about_one_question_is_said_to_be_gone_too() -> None:
    spent = Desk().ask(FakeJudge(lambda ask, call: unreachable()), case(prompt_of(question("q1"))))
    assert spent.halted == f"the judge broke: {unreachable()}" and spent.calls == 0


def test_a_judge_that_comes_back_or_only_breaks_is_not_taken_for_gone() -> None:
    late, desk = FakeJudge(lambda ask, call: unreachable() if call <= 4 else right(ask, call), **PRICED), Desk()
    spent = desk.ask(late, case(THREE), terms=Terms(concurrency=1, budget=Budget(6, "calls")))
    assert (spent.calls, spent.retries, spent.halted) == (6, 0, "") and not desk.results["a"].answers.unasked
    # what was sent counts, and where something was answered once, a clip may be to blame
    prompt = prompt_of(*(question(f"q{n}") for n in range(20)))
    for first in (right, lambda ask, call: JudgeBroken("timed out")):
        once = FakeJudge(lambda ask, call, first=first: first(ask, call) if call == 1 else unreachable(), **PRICED)
        spent = Desk().ask(once, *(case(prompt, f"c{n}") for n in range(5)), terms=Terms(concurrency=1))
        assert spent.calls == 1 and spent.tokens_in > 0 and spent.halted.startswith("the judge broke on 3 clips")


def test_a_panel_pays_only_for_members_that_were_reached() -> None:
    dead = FakeJudge(lambda ask, call: unreachable(), **PRICED)
    dead.facts = dataclasses.replace(dead.facts, model="dead")
    spent = Desk().ask(Panel([FakeJudge(**PRICED), dead]), case(THREE), terms=Terms(concurrency=1))
    asked = len(set(dead.asked))
    assert asked == 3 and spent.calls == asked, "what the other one said is kept"
    assert spent.halted == f"the judge broke: {unreachable()}"


def test_one_clip_that_breaks_the_judge_does_not_stop_the_others() -> None:
    def answer(ask: Ask, call: int) -> Any:
        return JudgeBroken("out of memory") if judge.asked[call - 1][0] == "c1" else right(ask, call)

    judge, desk = FakeJudge(answer), Desk()
    prompt = prompt_of(*(question(f"q{n}") for n in range(20)))
    spent = desk.ask(judge, *(case(prompt, f"c{n}") for n in range(4)), terms=Terms(concurrency=1))
    assert not spent.halted
    assert [len(desk.results[f"c{n}"].answers.unasked) for n in range(4)] == [0, 40, 0, 0]
    assert sum(name == "c1" for name, _, _ in judge.asked) <= 20


def test_a_refusal_stops_the_run_at_once_and_keeps_what_there_is() -> None:
    judge = FakeJudge(
        lambda ask, call: JudgeRefusal("wrong key: set AVGEN_JUDGE_KEY") if call > 3 else right(ask, call), takes_s=0.01
    )
    desk = Desk()
    prompt = prompt_of(*(question(f"q{n}") for n in range(30)))
    with pytest.raises(JudgeRefusal, match="AVGEN_JUDGE_KEY"):
        desk.ask(judge, case(prompt), case(prompt, "b"), terms=Terms(concurrency=2))
    assert len(judge.asked) <= 5 and len(desk.stored) == 3
    assert len(desk.results["a"].answers.replies) + len(desk.results["b"].answers.replies) == 3
    assert all("AVGEN_JUDGE_KEY" in reason for reason in desk.results["b"].answers.unasked.values())


def test_after_a_refusal_a_hanging_call_is_not_waited_for() -> None:
    gate = threading.Event()

    def answer(ask: Ask, call: int) -> Any:
        if call == 1:
            gate.wait(20)
        return JudgeRefusal("no such model")

    began = time.monotonic()
    with pytest.raises(JudgeRefusal, match="no such model"):
        Desk().ask(FakeJudge(answer), case(THREE), terms=Terms(concurrency=2))
    assert time.monotonic() - began < 15
    gate.set()


def test_a_clip_that_the_server_does_not_take_is_left_open_and_the_others_go_on() -> None:
    def answer(ask: Ask, call: int) -> Any:
        return JudgeRejection("too large (413)") if judge.asked[call - 1][0] == "c1" else right(ask, call)

    judge, desk = FakeJudge(answer), Desk()
    spent = desk.ask(judge, *(case(THREE, f"c{n}") for n in range(4)), terms=Terms(concurrency=1))
    assert [len(desk.results[f"c{n}"].answers.unasked) for n in range(4)] == [0, 6, 0, 0]
    assert set(desk.results["c1"].answers.unasked.values()) == {"the judge refused the clip: too large (413)"}
    assert (spent.calls, spent.rejected, spent.rejection, spent.halted) == (18, 1, "too large (413)", "")
    assert sum(name == "c1" for name, _, _ in judge.asked) == 1, "not asked about again in this run"
    judge = FakeJudge()
    desk.ask(judge, *(case(THREE, f"c{n}") for n in range(4)))
    assert {name for name, _, _ in judge.asked} == {"c1"} and not desk.results["c1"].answers.unasked


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_server_that_takes_none_of_the_first_clips_stops_the_run(concurrency: int) -> None:
    judge, desk = FakeJudge(lambda ask, call: JudgeRejection("no images (400)"), takes_s=0.002), Desk()
    cases = [case(THREE, f"c{n}") for n in range(20)]
    with pytest.raises(JudgeRefusal, match=r"each of the first 3 clips was refused.*no images \(400\)") as caught:
        desk.ask(judge, *cases, terms=Terms(concurrency=concurrency))
    assert type(caught.value) is JudgeRefusal
    # one question of each of the three; else at the most all of theirs, and what was under way of the next
    assert len(judge.asked) <= {1: 3, 8: 3 * 6 + 8}[concurrency] and len(desk.results) == 20
    assert all(len(item.answers.unasked) == 6 for item in desk.results.values())


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_server_that_takes_no_sound_stops_the_run_although_it_answers_about_pictures(concurrency: int) -> None:
    prompt = prompt_of(*(question(f"q{n}", modality="sound" if n % 4 == 0 else "picture") for n in range(12)))

    def answer(ask: Ask, call: int) -> Any:
        return JudgeRejection("no audio (400)") if ask.modality == "sound" else right(ask, call)

    judge, desk = FakeJudge(answer, takes_s=0.001), Desk()
    with pytest.raises(JudgeRefusal, match="no audio"):
        desk.ask(judge, *(case(prompt, f"c{n}") for n in range(40)), terms=Terms(concurrency=concurrency))
    assert len({name for name, _, _ in judge.asked}) <= 8


def test_clips_that_are_not_taken_stop_nothing_once_others_were() -> None:
    def answer(ask: Ask, call: int) -> Any:
        return right(ask, call) if judge.asked[call - 1][0] == "c1" else JudgeRejection("too large")

    judge, desk = FakeJudge(answer), Desk()
    names = ["c0", "c1", *(f"c{n}" for n in range(2, 9))]
    spent = desk.ask(judge, *(case(THREE, name) for name in names), terms=Terms(concurrency=1))
    assert spent.rejected == 8 and not desk.results["c1"].answers.unasked
    judge, desk = FakeJudge(lambda ask, call: JudgeRejection("too large")), Desk()
    assert desk.ask(judge, *(case(THREE, name) for name in names), proven=True).rejected == 9


def test_a_clip_that_was_answered_first_clears_those_asked_about_before_it() -> None:
    done = threading.Event()

    def answer(ask: Ask, call: int) -> Any:
        if judge.asked[call - 1][0] == "c3":
            return right(ask, call)
        done.wait(5)
        return JudgeRejection("too large")

    def tick(more: int, clip: str) -> None:
        desk.tick(more, clip)
        if clip == "c3" and desk.ticks == 2:
            done.set()

    judge, desk = FakeJudge(answer), Desk()
    spent = desk.ask(judge, *(case(prompt_of(question("q1")), f"c{n}") for n in range(4)), on_tick=tick)
    assert done.is_set() and spent.rejected == 3 and not desk.results["c3"].answers.unasked


@pytest.mark.parametrize("fault", [JudgeBusy("later", 0.0), JudgeBroken("reset")])
def test_of_a_clip_that_is_not_taken_nothing_is_asked_again(fault: Exception) -> None:
    """What was under way when another question was refused, and broke, is not put again."""
    refused = threading.Event()

    def answer(ask: Ask, call: int) -> Any:
        if ask.key == "q1":
            return JudgeRejection("too large")
        refused.wait(5)
        return fault

    def tick(more: int, clip: str) -> None:
        refused.set()  # the first to be settled is the one that was refused

    judge, desk = FakeJudge(answer), Desk()
    spent = desk.ask(judge, case(THREE), on_tick=tick, terms=Terms(concurrency=6))
    assert len(judge.asked) == 6 and spent.retries == 0 and spent.rejected == 1
    assert len(desk.results["a"].answers.unasked) == 6 and not spent.halted


def test_two_rows_of_a_file_that_is_not_taken_are_one_clip() -> None:
    judge, desk = FakeJudge(lambda ask, call: JudgeRejection("too large")), Desk()
    cases = [case(THREE, name, "same") for name in "abcd"]
    spent = desk.ask(judge, *cases)
    assert spent.rejected == 4 and not spent.halted


def test_an_unknown_fault_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        Desk().ask(FakeJudge(lambda ask, call: ZeroDivisionError("a bug")), case(THREE))


def test_a_disk_that_is_full_stops_the_spending() -> None:
    desk, judge = Desk(), FakeJudge(takes_s=0.005)

    def keep(observation: Observation) -> None:
        if len(desk.stored) == 2:
            raise StoreError("no space left")
        desk.keep(observation)

    with pytest.raises(StoreError, match="no space left"):
        desk.ask(judge, *(case(THREE, f"c{n}") for n in range(5)), terms=Terms(concurrency=2), keep=keep)
    assert len(desk.stored) == 2 and len(judge.asked) <= 5


def test_what_was_answered_is_kept_when_the_user_breaks_off() -> None:
    desk, before = Desk(), set(threading.enumerate())

    def tick(more: int, clip: str) -> None:
        if len(desk.stored) >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.ask(FakeJudge(), case(THREE), on_tick=tick, terms=Terms(concurrency=1))
    assert 3 <= len(desk.stored) < 6
    judge = FakeJudge()
    desk.ask(judge, case(THREE))
    assert len(desk.stored) == 6 and 0 < len(judge.asked) <= 3
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before, "no thread is left behind"


def test_a_clip_that_cannot_be_shown_fails_alone() -> None:
    desk, judge = Desk(), FakeJudge()
    desk.ask(judge, case(THREE, "broken"), case(THREE, "b"))
    assert desk.results["broken"].failure == "unreadable: not a clip"
    assert not desk.results["b"].failure and len(judge.asked) == 6


# --------------------------------------------------------------------------- the version that answers


def versioned(ask: Ask, call: int) -> JudgeReply:
    return JudgeReply(right(ask, call), model="parrot-2026-01" if call <= 2 else "parrot-2026-02")


def test_a_version_that_changes_stops_the_run_and_both_are_named() -> None:
    desk = Desk()
    with pytest.raises(JudgeRefusal, match=r"'parrot-2026-01'.*'parrot-2026-02'"):
        desk.ask(FakeJudge(versioned), case(THREE), terms=Terms(concurrency=1))
    assert {reply.model for reply in desk.stored.values()} == {"parrot-2026-01"} and len(desk.stored) == 2
    judge = FakeJudge(lambda ask, call: JudgeReply(right(ask, call), model="parrot-2026-02"))
    with pytest.raises(JudgeRefusal, match="changed, and answers"):
        desk.ask(judge, case(THREE), terms=Terms(concurrency=1))
    assert len(judge.asked) == 1, "what was stored names the version, too"
    spent = desk.ask(judge, case(THREE), terms=Terms(allow_drift=True))
    assert spent.versions == ("parrot-2026-01", "parrot-2026-02") and not desk.results["a"].answers.unasked


def test_a_version_that_others_answered_with_counts() -> None:
    judge = FakeJudge(lambda ask, call: JudgeReply(YES, model="new"))
    with pytest.raises(JudgeRefusal, match=r"'old'.*'new'"):
        Desk().ask(judge, case(THREE), versions=["old"], terms=Terms(concurrency=1))
    assert len(judge.asked) == 1


# --------------------------------------------------------------------------- nothing shorter than the sampling


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Does the lamp light up within half a second of the click?", True),
        ("Is the screen black for 0.3 seconds?", True),
        ("Is the face seen for an instant?", True),
        ("Is it visible for only two frames?", True),
        ("Does she blink?", True),
        ("Is there a flash 200 ms after the shot?", True),
        ("Does it last a quarter of a second?", True),
        ("Does it spin three times a second?", True),
        ("Is the pause shorter than a second?", True),
        ("Is the lamp lit for a second or more?", False),
        ("Is it silent in the first two seconds?", False),
        ("Does a dog bark in the second half?", False),
        ("Is the second hand red?", False),
        ("Does everything vanish in an instant?", False),  # what is before and after it lasts
        ("Are two frames hanging on the wall?", False),
        ("Do both doors open at the same moment?", False),
        ("Does the drop fall for 1.5 s?", False),
    ],
)
def test_times_that_a_question_states(text: str, short: bool) -> None:
    prompt = prompt_of(question("q1", text=text), question("q2"))
    assert questions_too_short(prompt, JudgeView()) == (("q1",) if short else ())


def test_a_finer_view_may_be_asked_about_shorter_things() -> None:
    prompt = prompt_of(question("q1", text="Is it black for half a second?"))
    assert questions_too_short(prompt, JudgeView(fps=2)) == ("q1",)
    assert questions_too_short(prompt, JudgeView(fps=4)) == ()


def test_twins_and_expectations_are_read_as_well() -> None:
    twin = Question("q1", "count", "picture", "Is it there?", "Is it there for just one frame?")
    prompt = prompt_of(twin, expectations=(Expectation("e1", "minor", "It rolls.", "It rolls for 0.2 s alone."),))
    assert questions_too_short(prompt, JudgeView()) == ("q1", "e1")


def test_a_view_that_misses_what_lasts_a_second_is_refused() -> None:
    for refuse in (
        lambda view: questions_too_short(THREE, view),
        lambda view: Desk().ask(FakeJudge(view=view), case(THREE)),
        lambda view: runner.engage(FakeJudge(view=view)),
    ):
        with pytest.raises(InputError, match="--judge-fps 2 or more"):
            refuse(JudgeView(fps=1.0))


def test_what_is_too_short_is_not_asked() -> None:
    prompt = prompt_of(question("q1", text="Does he wink?"), question("q2"))
    desk, judge = Desk(), FakeJudge()
    desk.ask(judge, case(prompt))
    assert set(judge.keys) == {"q2", "q2~twin"}
    assert desk.results["a"].answers.unasked["q1"].startswith("too short: it speaks of 0.3 s")


def test_a_clip_too_long_for_its_pictures_is_not_asked_about_them() -> None:
    prompt = prompt_of(question("q1"), question("q2", modality="sound"))
    desk, judge = Desk(), FakeJudge(view=JudgeView(most_frames=16))
    desk.ask(judge, case(prompt, duration_s=7.0), case(prompt, "long", duration_s=20.0))
    assert not desk.results["a"].answers.unasked
    assert set(desk.results["long"].answers.unasked) == {"q1", "q1~twin"}
    assert "too few" in desk.results["long"].answers.unasked["q1"]


def test_the_mini_set_goes_out_in_one_dry_run() -> None:
    prompts = load_prompts("avgen-bench:mini")
    facts = FakeJudge(usd_per_million_in=1.0, usd_per_million_out=4.0).facts
    names = ("alignment", "physics", "naturalness")
    found = estimate_questions(((prompt, None, "") for prompt in prompts.values()), names, facts, Terms())
    assert found.too_short == ()
    own = sum(len(prompt.questions) + len(prompt.expectations) for prompt in prompts.values())
    assert found.calls == 2 * (own + len(prompts) * (len(AUDIT) + len(NATURALNESS)))
    assert found.clips == len(prompts) and found.tokens > 100 * found.calls
    assert found.usd == pytest.approx(found.tokens / 1e6, rel=0.01)
    thrice = estimate_questions(
        ((prompt, None, "") for prompt in prompts.values()), names, FakeJudge(probabilities=False).facts, Terms()
    )
    assert thrice.calls == 3 * found.calls and thrice.usd is None


# --------------------------------------------------------------------------- in a run


@pytest.fixture
def semantic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The semantic dimensions are registered, and no passport of this machine is looked at."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, target in (("alignment", "Alignment"), ("physics", "Physics"), ("naturalness", "Naturalness")):
        monkeypatch.setitem(registry.TABLE["dimensions"], name, f"avgen_bench.dimensions.semantic:{target}")
    monkeypatch.setitem(registry.TABLE["judges"], "fake", f"{__name__}:Registered")
    _forget()
    yield
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    registry._targets.cache_clear()
    registry.load.cache_clear()
    for item in (work._header, work._header_text, work.dimension_of, work._instrument, work._versions, work.needs_of):
        item.cache_clear()


class Registered:
    """What ``fake:`` on a command line means in these tests."""

    judge: FakeJudge

    @classmethod
    def from_spec(cls, rest: str, view: JudgeView, options: Mapping[str, Any]) -> FakeJudge:
        cls.judge.facts = JudgeFacts("fake", rest, "1", view, True)
        return cls.judge


@pytest.fixture
def made(tmp_path: Path, semantic: None) -> Path:
    """Two clips, three prompts with questions (one has no clip), one of them with an expectation."""
    clips = tmp_path / "clips"
    clips.mkdir()
    for index, name in enumerate(("p1", "p2")):
        small_clip(clips / f"{name}.mp4", 80 + 40 * index, seed=index)
    rows = [
        {
            "id": name,
            "prompt": "Something.",
            "questions": [
                {"id": f"q{n}", "type": "object", "modality": "picture", "text": f"Is {n} there?", "twin": f"Not {n}?"}
                for n in range(4)
            ],
        }
        for name in ("p1", "p2", "p3")
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def score(made: Path, judge: FakeJudge | None, out: str = "run", **options: Any) -> dict[str, Any]:
    options = {"dimensions": ["alignment"], "workers": 0, "prompts": made / "prompts.jsonl", **options}
    return runner.score(made / "clips", made / out, judge=judge, **options)


def cells(report: Mapping[str, Any], name: str = "alignment") -> dict[str, dict[str, Any]]:
    return {row["prompt_id"]: row["measurements"][name] for row in report["clips"]}


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "shards").iterdir()}


def test_without_a_judge_it_says_what_is_missing_and_how_to_get_it(made: Path) -> None:
    found = cells(score(made, None))
    for name in ("p1", "p2"):
        assert found[name]["status"] == "abstained" and found[name]["value"] is None
        assert found[name]["reason"] == "needs a judge: avgen-bench score CLIPS --out RUN --judge openai:URL#model"


@pytest.mark.parametrize("name", ["alignment", "physics", "naturalness", "av_match", "visual_quality"])
def test_a_prompt_without_a_clip_is_at_the_floor_only_of_what_can_be_measured(made: Path, name: str) -> None:
    """A mean of floors alone, of a dimension that nobody measures, would be a number that nobody measured."""
    report = score(made, None, dimensions=[name])
    cell = cells(report, name)["p3"]
    (family,) = (item for item in report["semantic"]["families"] if item["dimensions"])
    (estimate,) = report["estimates"]
    is_measured = name == "visual_quality"
    assert family["measured"] == is_measured and (name in family["unmeasured"]) == (not is_measured)
    if is_measured:
        assert (cell["status"], cell["value"], cell["reason"]) == ("ok", 0.0, "no clip for this prompt")
        assert estimate["counts"]["abstained"] == 0 and estimate["counts"]["floor"] == 1 and estimate["n"] == 3
    else:
        assert (cell["status"], cell["value"]) == ("abstained", None) and estimate["mean"] is None
        assert cell["reason"].startswith("needs a judge") == (name != "av_match")
        assert estimate["counts"]["abstained"] == 3 and estimate["counts"]["floor"] == 0


def test_where_every_clip_is_abstained_from_the_floors_of_others_make_no_mean(made: Path) -> None:
    """The judge answers nothing of two clips; the third was never made."""
    report = score(made, FakeJudge(lambda ask, call: JudgeReply("well", model="v1")), dimensions=["alignment"])
    assert {name: cell["status"] for name, cell in cells(report).items()} == {
        "p1": "abstained",
        "p2": "abstained",
        "p3": "ok",
    }
    (estimate,) = report["estimates"]
    assert (estimate["mean"], estimate["n"], estimate["counts"]["floor"]) == (None, 0, 1)
    (family,) = (item for item in report["semantic"]["families"] if item["dimensions"])
    assert family["measured"] == 0 and "alignment" in family["unmeasured"]
    assert all(row["mean"] is None for row in report["categories"])


def test_with_a_judge_each_clip_gets_its_number(made: Path) -> None:
    judge = FakeJudge(lambda ask, call: JudgeReply(YES if ask.key == "q3~twin" else right(ask, call), model="v1"))
    report = score(made, judge)
    found = cells(report)
    assert {name: cell["status"] for name, cell in found.items()} == dict.fromkeys(("p1", "p2", "p3"), "ok")
    assert found["p1"]["value"] == 1.0 and found["p3"]["value"] == 0.0
    assert len(judge.asked) == 16
    assert judge.facts.identity in found["p1"]["signature"] and "passport:none" in found["p1"]["signature"]
    assert {"kind": "note", "label": "answered by", "text": "v1"} in found["p1"]["evidence"]
    store = Store(made / "run")
    replies = [store.observation(at) for at in found["p1"]["observations"]]
    assert sum(item is not None and isinstance(item.payload, JudgeReply) for item in replies) == 8
    store.close()
    assert report["semantic"]["judge"]["spent"]["calls"] == 16


@pytest.mark.parametrize("workers", [0, 2])
def test_a_second_run_asks_nothing_and_writes_nothing(made: Path, workers: int) -> None:
    first = score(made, FakeJudge(), workers=workers)
    before = shards(made / "run")
    judge = FakeJudge(lambda ask, call: JudgeRefusal("never to be asked"))
    again = score(made, judge, workers=workers)
    assert not judge.asked and shards(made / "run") == before
    assert again == first


def test_a_judge_after_a_run_without_one_and_the_other_way_round(made: Path) -> None:
    score(made, None)
    assert cells(score(made, FakeJudge()))["p1"]["value"] == 1.0
    notes: list[str] = []
    judge = FakeJudge()
    assert cells(score(made, None, on_note=notes.append))["p1"]["status"] == "abstained"
    assert any("parrot" in note for note in notes)
    assert cells(score(made, judge))["p1"]["value"] == 1.0 and not judge.asked, "the answers were kept"


def test_a_judge_that_cannot_be_reached_is_named_in_each_abstention_and_the_whole_is_counted(made: Path) -> None:
    notes: list[str] = []
    report = score(made, FakeJudge(lambda ask, call: unreachable()), terms=Terms(concurrency=4), on_note=notes.append)
    why = f"the judge broke: {unreachable()}"
    for name in ("p1", "p2"):
        assert cells(report)[name]["reason"] == f"8 questions were left unasked: {why} (8)"
    assert f"alignment: 16 questions were left unasked: {why} (16)" in coverage_words(report["semantic"])
    assert notes[-1] == f"questions were left unasked: {why}; the same command goes on where it was"
    assert not any("the judge took" in note for note in notes)
    assert report["semantic"]["judge"]["spent"]["calls"] == 0
    again = FakeJudge()
    assert cells(score(made, again))["p1"]["value"] == 1.0 and len(again.asked) == 16


def test_who_calls_from_python_is_told_that_the_judge_cannot_be_reached(made: Path) -> None:
    clips = [str(made / "clips" / f"{name}.mp4") for name in ("p1", "p2")]
    dead = FakeJudge(lambda ask, call: unreachable())
    given: dict[str, Any] = {"prompts": made / "prompts.jsonl", "dimensions": ["alignment"], "per_sample": True}
    with pytest.warns(UserWarning, match=r"no number for alignment: .* left unasked: .*127.0.0.1:9 cannot be reached"):
        found = metric_base.compute("semantic", "default", clips, ["p1", "p2"], judge=dead, **given)
    for sample in found["avgen_semantic/rows"]:
        cell = sample["scores"]["alignment"]
        assert cell["status"] == "abstained" and "127.0.0.1:9 cannot be reached" in cell["reason"]


def test_a_spent_budget_abstains_and_more_budget_goes_on(made: Path) -> None:
    notes: list[str] = []
    first = score(made, FakeJudge(), terms=Terms(budget=Budget(11, "calls"), concurrency=1), on_note=notes.append)
    found = cells(first)
    assert [found[name]["status"] for name in ("p1", "p2")] == ["ok", "abstained"]
    assert found["p2"]["reason"] == "5 questions were left unasked: the budget was spent (5)"
    assert first["semantic"]["judge"]["unasked"] == 1
    assert any("the budget was spent" in note for note in notes)
    judge = FakeJudge()
    second = score(made, judge)
    assert len(judge.asked) == 5 and cells(second)["p2"]["value"] == 1.0
    assert second["semantic"]["judge"]["unasked"] == 0
    assert second["semantic"]["judge"]["spent"]["calls"] == 16


def test_what_broke_abstains_and_is_asked_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avgen_bench.asking.Pace", lambda: QUICK)
    judge = FakeJudge(lambda ask, call: JudgeBroken("cut reply") if ask.key == "q1" else right(ask, call))
    found = cells(score(made, judge))
    assert found["p1"]["status"] == "abstained" and "the judge broke: cut reply" in found["p1"]["reason"]
    judge = FakeJudge()
    assert cells(score(made, judge))["p1"]["value"] == 1.0
    assert {key for _, key, _ in judge.asked} == {"q1"}


def test_nonsense_is_never_a_number(made: Path) -> None:
    report = score(
        made, FakeJudge(lambda ask, call: "purple monkey"), dimensions=["alignment", "physics", "naturalness"]
    )
    for name in ("alignment", "physics", "naturalness"):
        found = cells(report, name)
        assert [found[clip]["status"] for clip in ("p1", "p2")] == ["abstained", "abstained"]


def test_a_refusal_leaves_a_run_that_can_be_shown_and_goes_on(made: Path) -> None:
    judge = FakeJudge(lambda ask, call: JudgeRefusal("wrong key") if call > 2 else right(ask, call))
    with pytest.raises(JudgeRefusal, match="wrong key"):
        score(made, judge, terms=Terms(concurrency=1))
    found = cells(runner.read_report(made / "run"))
    assert found["p1"]["status"] == "abstained" and "wrong key" in found["p1"]["reason"]
    judge = FakeJudge()
    assert cells(score(made, judge))["p1"]["value"] == 1.0 and len(judge.asked) == 14


def test_perceptual_numbers_do_not_wait_for_the_judge(made: Path) -> None:
    judge = FakeJudge(lambda ask, call: JudgeRefusal("wrong key"))
    with pytest.raises(JudgeRefusal):
        score(made, judge, dimensions=["visual_quality", "alignment"])
    assert cells(runner.read_report(made / "run"), "visual_quality")["p1"]["status"] == "ok"


def test_a_clip_that_cannot_be_read_fails_and_is_not_asked_about(made: Path) -> None:
    (made / "clips" / "p2.mp4").write_bytes(b"not a clip")
    judge = FakeJudge()
    found = cells(score(made, judge))
    assert found["p2"]["status"] == "failed" and found["p2"]["reason"].startswith("unreadable")
    assert found["p1"]["status"] == "ok" and len(judge.asked) == 8


def test_progress_counts_questions(made: Path) -> None:
    ticks: list[runner.Tick] = []
    score(made, FakeJudge(), on_tick=ticks.append)
    asked = [tick for tick in ticks if tick.unit == "questions"]
    assert asked[0].done == 0 and asked[-1].done == asked[-1].total == 16
    assert [tick.done for tick in asked] == sorted(tick.done for tick in asked)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_progress_does_not_count_what_was_left_unasked(made: Path, concurrency: int) -> None:
    ticks: list[runner.Tick] = []
    terms = Terms(budget=Budget(11, "calls"), concurrency=concurrency)
    score(made, FakeJudge(), on_tick=ticks.append, terms=terms)
    assert max(tick.done for tick in ticks if tick.unit == "questions") == 11
    ticks.clear()
    score(made, FakeJudge(), on_tick=ticks.append)
    assert [tick for tick in ticks if tick.unit == "questions"][-1].done == 8  # of the clip that was not done


def test_default_dimensions(made: Path) -> None:
    clips, prompts = made / "clips", made / "prompts.jsonl"
    semantic = {"alignment", "physics", "naturalness"}
    voice = runner.engage(FakeJudge())
    assert semantic.isdisjoint(runner.plan(clips).dimensions)
    assert semantic.intersection(runner.plan(clips, prompts=prompts).dimensions) == {"alignment"}
    assert semantic.intersection(runner.plan(clips, voice=voice).dimensions) == {"physics", "naturalness"}
    assert semantic <= set(runner.plan(clips, prompts=prompts, voice=voice).dimensions)
    row = json.loads(prompts.read_text().splitlines()[0])
    row["expectations"] = [{"id": "e1", "severity": "minor", "observe": "It falls.", "contradict": "It rises."}]
    prompts.write_text(json.dumps(row) + "\n" + json.dumps({"id": "p2", "prompt": "x"}) + "\n")
    assert semantic.intersection(runner.plan(clips, prompts=prompts).dimensions) == {"alignment", "physics"}
    assert "judge" not in runner.plan(clips, prompts=prompts, voice=voice).backbones


def test_the_command_line(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Registered.judge = judge = FakeJudge()
    line = ["score", str(made / "clips"), "--out", str(made / "run"), "--prompts", str(made / "prompts.jsonl")]
    line += ["--dimensions", "alignment", "--workers", "0", "--judge", "fake:parrot"]
    assert cli.main([*line, "--dry-run", "--budget", "10calls"]) == cli.EXIT_COMPLETE
    said = capsys.readouterr().out
    assert "about 2 clips at the most 16 calls" in said and "about all 3 prompts, a clip each, at the most 24" in said
    assert "price unknown" in said and "10 calls" in said and "0 questions speak of less than the 1 s" in said
    assert not judge.asked and not (made / "run").exists()
    assert cli.main([*line, "--budget", "10calls", "--concurrency", "1"]) == cli.EXIT_UNASKED
    assert "the budget was spent" in capsys.readouterr().err
    assert len(judge.asked) == 10
    assert cli.main([*line, "--budget", "10calls"]) == cli.EXIT_COMPLETE
    assert len(judge.asked) == 16
    assert cli.main([*line, "--judge-fps", "1"]) == cli.EXIT_ERROR
    assert "--judge-fps 2 or more" in capsys.readouterr().err
    assert cli.main([*line[:-2], "--budget", "10calls"]) == cli.EXIT_ERROR
    assert "--judge SPEC" in capsys.readouterr().err


def test_atoms_of_one_dimension_do_not_hang_on_the_others(made: Path) -> None:
    """Physics alone, and physics beside alignment, come to the same answers under the same fingerprints."""
    judge = FakeJudge()
    alone = cells(score(made, judge, dimensions=["physics"]), "physics")["p1"]
    beside = cells(score(made, judge, "other", dimensions=["alignment", "physics"]), "physics")["p1"]
    assert alone == beside
    prompt = load_prompts(made / "prompts.jsonl")["p1"]
    assert len(alone["observations"]) == 1 + 2 * len(atoms_of(prompt, "physics"))


# --------------------------------------------------------------------------- with a passport


def passport_of(judge: FakeJudge, **fields: Any) -> passport.Passport:
    """A passport of a judge that sees, and does or does not hear."""
    hears = fields.pop("hears", True)
    sure, unsure = passport.Rate(1.0, 24, 24, 0.86, 1.0), passport.Rate(0.5, 12, 24, 0.3, 0.7)
    rates = dict.fromkeys(passport.RATES, sure) | ({} if hears else {"hears": unsure})
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    fields = {"versions": ("v1",), "date": today, "canaries": passport.CANARIES, **fields}
    return passport.Passport(judge.facts.identity, "fake", "parrot", rates=rates, **fields)


def test_a_passport_is_in_the_key_and_decides_what_is_asked(made: Path) -> None:
    judge = FakeJudge()
    passport.save(passport_of(judge, hears=False))
    row = json.loads((made / "prompts.jsonl").read_text().splitlines()[0])
    row["questions"][0]["modality"] = "sound"
    (made / "prompts.jsonl").write_text(json.dumps(row) + "\n")
    (made / "clips" / "p2.mp4").unlink()
    report = score(made, judge)
    found = cells(report)["p1"]
    assert len(judge.asked) == 6 and not {"q0", "q0~twin"}.intersection(judge.keys)
    assert "does not hear" in json.dumps(found["evidence"])
    assert report["semantic"]["judge"]["passport"]["digest"] in found["signature"]
    allowed = score(made, judge, terms=Terms(allow_unfit=True))
    assert len(judge.asked) == 8 and "unfit-allowed" in cells(allowed)["p1"]["signature"]
    assert allowed["semantic"]["judge"]["allow_unfit"] is True
    passport.save(passport_of(judge, asked=1))  # examined again, and it hears
    again = cells(score(made, judge, terms=Terms(allow_drift=True)))["p1"]
    assert len(judge.asked) == 8 and again["signature"] != found["signature"], "measured anew from the same replies"


def test_a_panel_is_held_to_the_passports_of_its_members(made: Path) -> None:
    """Who is refused alone is refused in a panel: each member's own passport says for what."""
    row = json.loads((made / "prompts.jsonl").read_text().splitlines()[0])
    row["questions"][0]["modality"] = "sound"
    (made / "prompts.jsonl").write_text(json.dumps(row) + "\n")
    (made / "clips" / "p2.mp4").unlink()
    members = [FakeJudge(), FakeJudge()]
    members[1].facts = dataclasses.replace(members[1].facts, model="deaf", address="http://far:2/v1")
    panel = Panel(members)  # type: ignore[arg-type]
    notes: list[str] = []
    bare = cells(score(made, panel, on_note=notes.append))["p1"]  # type: ignore[arg-type]
    for name in ("parrot", "deaf"):
        assert any(
            f"nothing is known of how well the panel's member fake:{name} sees and hears" in note for note in notes
        )
    assert all(len(member.asked) == 8 for member in members)
    passport.save(passport_of(members[1], hears=False, address="http://near:1/v1"))
    notes.clear()
    report = score(made, panel, "held", on_note=notes.append)  # type: ignore[arg-type]
    held = cells(report)["p1"]
    assert "the panel's member fake:deaf does not hear: 12 of 24 right" in json.dumps(held["evidence"])
    assert all(len(member.asked) == 14 and "q0" not in member.keys[8:] for member in members)
    assert held["signature"] != bare["signature"] and "members-" in held["signature"]
    assert any("fake:deaf: this passport was made with the judge at http://near:1/v1" in note for note in notes)
    shown = report["semantic"]["judge"]
    assert shown["members"][0] == ["fake:parrot", ""] and set(shown["unfit"]) == {"sound", "both"}
    lines = judge_words(shown)
    assert "no passport: nobody has shown that these members see and hear: fake:parrot" in lines
    assert f"the panel is held to its members: fake:deaf (passport {shown['members'][1][1]})" in lines
    assert any(line.startswith("unfit for sound: the panel's member fake:deaf does not hear") for line in lines)
    assert not verify(made / "held").findings
    notes.clear()
    allowed = score(made, panel, "held", terms=Terms(allow_unfit=True), on_note=notes.append)  # type: ignore[arg-type]
    assert all(len(member.asked) == 16 for member in members)
    assert "unfit-allowed" in cells(allowed)["p1"]["signature"] and not verify(made / "held").findings
    assert any(
        note.startswith("unfit for sound, and asked (--allow-unfit): the panel's member fake:deaf") for note in notes
    )
    passport.save(passport_of(members[0], date="2020-01-01"))
    with pytest.raises(InputError, match=r"the panel's member fake:parrot: the judge was examined .* days ago"):
        score(made, panel)  # type: ignore[arg-type]
    own = FakeJudge()
    own.facts = panel.facts
    passport.save(passport_of(own))
    assert runner.engage(panel).terms.unfit == {}  # the panel's own speaks first


def test_a_passport_made_at_another_address_is_noted(made: Path) -> None:
    judge = FakeJudge(address="http://far:2/v1")
    passport.save(passport_of(judge, address="http://near:1/v1"))
    notes: list[str] = []
    report = score(made, judge, on_note=notes.append)
    assert any("at http://near:1/v1; this one is at http://far:2/v1" in note for note in notes)
    assert "near:1" not in (made / "run" / "run.json").read_text() + json.dumps(report), "runs are shown to others"


def test_an_old_passport_is_no_passport(made: Path) -> None:
    judge = FakeJudge()
    passport.save(passport_of(judge, date="2020-01-01"))
    with pytest.raises(InputError, match="avgen-bench judge passport SPEC, or give --allow-unfit"):
        score(made, judge)
    assert not judge.asked
    assert cells(score(made, judge, terms=Terms(allow_unfit=True)))["p1"]["status"] == "ok"


def test_a_passport_of_other_canaries_is_no_passport(made: Path) -> None:
    judge = FakeJudge()
    passport.save(passport_of(judge, canaries="0123456789abcdef"))
    with pytest.raises(InputError, match=r"examined on other canaries \(0123456789abcdef; .*passport SPEC"):
        score(made, judge)
    assert not judge.asked
    assert cells(score(made, judge, terms=Terms(allow_unfit=True)))["p1"]["status"] == "ok"


def test_a_judge_that_drifted_does_not_go_on_in_the_same_folder(made: Path) -> None:
    judge = FakeJudge()
    passport.save(passport_of(judge))
    score(made, judge)
    worse = passport_of(judge)
    low = passport.Rate(0.6, 14, 24, 0.55, 0.65)
    passport.save(dataclasses.replace(worse, rates={**worse.rates, "hears": low}))
    with pytest.raises(InputError, match=r"hears moved from 1.00"):
        score(made, judge)
    assert cells(score(made, judge, "other"))["p1"]["status"] == "ok"
    assert cells(score(made, judge, terms=Terms(allow_drift=True)))["p1"]["status"] == "ok"


def test_another_version_than_the_one_examined_is_refused(made: Path) -> None:
    judge = FakeJudge(lambda ask, call: JudgeReply(right(ask, call), model="v2"))
    passport.save(passport_of(judge))
    with pytest.raises(JudgeRefusal, match=r"'v1'.*'v2'"):
        score(made, judge, terms=Terms(concurrency=1))
    assert len(judge.asked) == 1


# --------------------------------------------------------------------------- over the wire


def _says(body: Any) -> str:
    """Yes to what is there, no to its twin, by the words of the question."""
    asked = body["messages"][1]["content"][-1]["text"]
    return YES if "there?" in asked else NO


def _line(made: Path, url: str, *more: str) -> list[str]:
    line = ["score", str(made / "clips"), "--out", str(made / "run"), "--prompts", str(made / "prompts.jsonl")]
    return [*line, "--dimensions", "alignment", "--workers", "0", "--judge", f"openai:{url}#tester", *more]


def test_faults_of_a_server_cost_calls_and_no_answers(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AVGEN_JUDGE_KEY", "sk-secret-1234567890")
    monkeypatch.setattr("avgen_bench.asking.Pace", lambda: QUICK)
    turns = [Turn(status=429, headers={"Retry-After": "0"}), Turn(status=500), Turn(fault="reset"), Turn(fault="cut")]
    with JudgeServer(turns, answer=_says, key="sk-secret-1234567890") as server:
        assert cli.main(_line(made, server.url)) == cli.EXIT_COMPLETE
        assert server.calls == 16 + 4 and not server.mistakes
        assert cli.main(_line(made, server.url)) == cli.EXIT_COMPLETE
        assert server.calls == 16 + 4, "all of it is stored"
    found = cells(runner.read_report(made / "run"))
    assert found["p1"]["value"] == pytest.approx(0.8, abs=0.001) and found["p1"]["status"] == "ok"
    said = capsys.readouterr()
    written = b"".join(path.read_bytes() for path in (made / "run").rglob("*") if path.is_file())
    assert b"sk-secret" not in written and "sk-secret" not in said.out + said.err


def test_a_wrong_key_is_one_error_at_once(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AVGEN_JUDGE_KEY", "sk-wrong-1234567890")
    with JudgeServer(answer=_says, key="sk-right") as server:
        assert cli.main(_line(made, server.url, "--concurrency", "2")) == cli.EXIT_ERROR
        assert server.calls <= 2
    said = capsys.readouterr()
    assert "AVGEN_JUDGE_KEY" in said.err and "sk-wrong" not in said.err
    assert cells(runner.read_report(made / "run"))["p1"]["status"] == "abstained"


def test_a_model_that_changes_behind_its_name_stops_the_run(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turns = [Turn(content=YES), Turn(content=NO), Turn(content=YES, model="tester-2026-12-24")]
    with JudgeServer(turns, answer=_says) as server:
        assert cli.main(_line(made, server.url, "--concurrency", "1")) == cli.EXIT_ERROR
        assert server.calls == 3
        said = capsys.readouterr().err
        assert "tester-2026-11-01" in said and "tester-2026-12-24" in said
        assert cli.main(_line(made, server.url)) == cli.EXIT_COMPLETE
        assert server.calls == 3 + 14


REJECTIONS = {
    "413": Turn(status=413, body=b"<html>Request Entity Too Large</html>"),
    "413 in words": Turn(status=413, error={"message": "at most 20 MB"}),
    "400 undecodable": Turn(status=400, error={"message": "cannot decode image 3", "code": 400}),
    "400 too long": Turn(status=400, error={"message": "maximum context length is 4096 tokens; you gave 9000"}),
    "415": Turn(status=415, error={"message": "unsupported media"}),
    "422": Turn(status=422, body=b'{"detail":"not a picture"}'),
    "200 that holds a 400": Turn(error={"message": "cannot decode image 3", "code": 400}),
}


@pytest.mark.parametrize("name", REJECTIONS)
def test_one_clip_that_a_server_refuses_is_left_open_with_its_words(
    made: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    turn = REJECTIONS[name]
    with JudgeServer([turn], answer=_says) as server:  # the first question is about the first clip
        assert cli.main(_line(made, server.url, "--concurrency", "1")) == cli.EXIT_UNASKED
        assert server.calls == 1 + 8 and not server.mistakes
        found = cells(runner.read_report(made / "run"))
        assert [found[clip]["status"] for clip in ("p1", "p2")] == ["abstained", "ok"]
        said = "8 questions were left unasked: the judge refused the clip: 127.0.0.1"
        words = json.loads(turn.body)["detail"] if name == "422" else (turn.error or {"message": ""})["message"]
        assert found["p1"]["reason"].startswith(said) and words in found["p1"]["reason"]
        told = capsys.readouterr().err
        assert "one clip is refused by the judge, and asked about again next time: 127.0.0.1" in told and words in told
        assert cli.main(_line(made, server.url)) == cli.EXIT_COMPLETE
        assert server.calls == 1 + 8 + 8
    assert cells(runner.read_report(made / "run"))["p1"]["status"] == "ok"


STOPS = {
    "401": (Turn(status=401, body=b""), "AVGEN_JUDGE_KEY"),
    "403": (Turn(status=403, body=b""), "AVGEN_JUDGE_KEY"),
    "404": (Turn(status=404, error={"message": "The model `tester` does not exist."}), "no model called 'tester'"),
    "400 of the key": (Turn(status=400, error={"message": "API key not valid.", "code": 400}), "wants a key (400)"),
    "400 of the model": (Turn(status=400, error={"message": "tester is not a valid model ID"}), "no model called"),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_fault_of_no_clip_is_one_error_after_one_call(
    made: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AVGEN_JUDGE_KEY", raising=False)
    turn, words = STOPS[name]
    with JudgeServer(answer=turn) as server:
        assert cli.main(_line(made, server.url, "--concurrency", "1")) == cli.EXIT_ERROR
        assert server.calls == 1
    assert words in capsys.readouterr().err


def test_clips_too_large_for_a_server_that_has_answered_before_stop_no_later_run(made: Path) -> None:
    """The second run asks about refused clips alone; that the server takes others is known from the first."""
    rows = json.loads((made / "prompts.jsonl").read_text().splitlines()[0])
    names = ("p1", "p2", "p3", "p4")
    (made / "prompts.jsonl").write_text("".join(json.dumps({**rows, "id": name}) + "\n" for name in names))
    for index, name in enumerate(names[2:]):
        small_clip(made / "clips" / f"{name}.mp4", 90 + 20 * index, seed=5 + index)
    with JudgeServer([Turn(content=YES)] * 8, answer=Turn(status=413, body=b"")) as server:
        line = _line(made, server.url, "--concurrency", "1")
        assert cli.main(line) == cli.EXIT_UNASKED
        assert server.calls == 8 + 3
        assert cli.main(line) == cli.EXIT_UNASKED
        assert server.calls == 8 + 3 + 3
    with JudgeServer(answer=Turn(status=413, body=b"")) as server:
        assert cli.main([*_line(made, server.url, "--concurrency", "1"), "--seed", "1", "--repeats", "2"]) == 1
        assert server.calls == 3, "on other terms nothing is known"
