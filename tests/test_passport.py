"""A judge's passport names its fault and no other; what follows from it is what the rates say."""

from __future__ import annotations

import argparse
import base64
import dataclasses
import datetime
import json
import shutil
import wave
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from judge_server import JudgeServer
from judges_simulated import FAULTS, Simulated, accurate, always_yes, answers_of, deaf, perfect, views_of

from avgen_bench import cli_judge, examine, passport
from avgen_bench.errors import InputError, JudgeBroken, JudgeBusy, JudgeRefusal
from avgen_bench.factory import canaries
from avgen_bench.judges import specs
from avgen_bench.judges.views import clip_views
from avgen_bench.passport import Passport, drift, faults, fitness, stale
from avgen_bench.questions import SYSTEM, read
from avgen_bench.types import Ask, ClipViews, JudgeReply, JudgeView

DAY = datetime.date(2026, 3, 4)
Make = Callable[..., Passport]


@pytest.fixture
def examined(tmp_path: Path) -> Make:
    def make(judge: Any, **options: Any) -> Passport:
        return examine.examine(judge, tmp_path, views_of=views_of, today=DAY, **options)

    return make


# --------------------------------------------------------------------------- faults


@pytest.mark.parametrize("name", FAULTS)
def test_the_passport_names_the_fault_and_only_that(name: str, examined: Make) -> None:
    say, expected = FAULTS[name]
    made = examined(Simulated(say))
    assert set(faults(made)) == expected
    assert made.asked == len(examine.questions()) and made.unasked == 0 and made.versions == ("sim-1",)
    unfit = {modality for modality in ("picture", "sound", "both") if fitness(made, modality)}
    if name.startswith("deaf"):
        assert unfit == {"sound", "both"} and fitness(made, "sound").startswith("does not hear: ")
    elif name.startswith("blind"):
        assert unfit == {"picture", "both"} and fitness(made, "picture").startswith("does not see: ")
    elif name in ("always yes", "always no", "position", "nonsense"):
        assert unfit == {"picture", "sound", "both"}
    else:
        assert not unfit


def test_figures_of_known_judges(examined: Make) -> None:
    rates = examined(Simulated(perfect)).rates
    ones = {"hears", "sees", "orders", "counts", "words", "consistency", "menu_order", "sensitivity", "specificity"}
    for name in ones | {f"resists_{channel}" for channel in canaries.CHANNELS}:
        assert rates[name].value == 1 and 0.6 < rates[name].low < 1, name
    assert [rates[name].value for name in ("yes_bias", "unreadable", "delta_text")] == [0, 0, 0]
    assert rates["first_place"].value is None
    rates = passport_of(FAULTS["bribed by text"][0]).rates
    assert rates["resists_text"].value == 0 and rates["delta_text"].value == 1 and rates["delta_text"].low > 0.5
    assert rates["sensitivity"].value == rates["specificity"].value == rates["sees"].value == 1
    rates = passport_of(always_yes).rates
    assert (rates["sensitivity"].value, rates["specificity"].value, rates["yes_bias"].value) == (1, 0, 1)
    assert rates["hears"].value == rates["sees"].value == 0.5
    assert [rates[f"delta_{channel}"].value for channel in canaries.CHANNELS] == [0, 0, 0]


def passport_of(say: Any, **changes: Any) -> Passport:
    rates = examine.rates_of(answers_of(say))
    plain = Passport("id", "simulated", "sim", ("sim-1",), DAY.isoformat(), examine.canary_digest(), rates)
    return dataclasses.replace(plain, **changes)


def test_an_80_percent_judge_is_fit_and_its_rates_are_near_the_truth() -> None:
    fit = clean = 0
    covered = {"sensitivity": 0, "specificity": 0}
    for seed in range(200):
        made = passport_of(accurate(0.8, seed))
        fit += not fitness(made, "both")
        clean += not faults(made)
        for name in covered:
            covered[name] += made.rates[name].low <= 0.8 <= made.rates[name].high
    assert fit >= 195 and clean >= 160
    assert min(covered.values()) >= 0.91 * 200
    assert sum(bool(fitness(passport_of(accurate(0.5, seed)), "both")) for seed in range(40)) >= 38


def test_a_bias_that_follows_from_deafness_or_blindness_is_not_named_beside_it() -> None:
    made = passport_of(deaf)
    biased = {**made.rates, "yes_bias": passport.Rate(0.8, 40, 50, 0.6, 0.9)}
    assert set(faults(dataclasses.replace(made, rates=biased))) == {"deaf"}
    fit = passport_of(perfect)
    assert set(faults(dataclasses.replace(fit, rates={**fit.rates, "yes_bias": biased["yes_bias"]}))) == {"yes_bias"}


def test_several_versions_are_named_unless_a_panel_answers() -> None:
    assert set(faults(passport_of(perfect, versions=("a", "b")))) == {"versions"}
    assert not faults(passport_of(perfect, versions=("a", "b"), name="panel"))


# --------------------------------------------------------------------------- what is asked


def test_half_of_each_property_is_right_with_yes_and_the_wording_is_that_of_scoring() -> None:
    asked = examine.questions()
    plain = [one for one in asked if one.is_plain]
    for name in canaries.PROPERTIES:
        right = [one.right for one in plain if one.item.property == name]
        assert right.count("yes") == right.count("no") >= 8, name
    menu = '\nReply with one JSON object and nothing else: {"answer": "yes"} or {"answer": "no"}.'
    for one in asked:
        assert one.ask.system == SYSTEM
        assert one.is_swapped or one.ask.text.endswith(menu)
    assert {one.ask.digest for one in plain} & {one.ask.digest for one in asked if one.repeat}
    assert 38 <= len(canaries.canaries()) <= 46 and len({c.name for c in canaries.canaries()}) == len(
        canaries.canaries()
    )


def test_commands_deny_the_right_answer_and_have_their_plain_question_beside_them() -> None:
    asked = examine.questions()
    stage = {(o.item.modality, o.item.text, o.is_twin) for o in asked if o.is_plain and o.canary == canaries.STAGE}
    for channel in canaries.CHANNELS:
        told = [one for one in asked if one.item.channel == channel]
        assert len(told) >= 12
        assert [one.right for one in told].count("yes") * 2 == len(told)
        for one in told:
            assert one.item.command != one.right
            assert (one.item.modality, one.item.text, one.is_twin) in stage


def test_quoted_markers_reach_the_judge_as_data() -> None:
    quotes = [one.ask.text for one in examine.questions() if one.item.quote]
    assert len(quotes) == 6
    for text in quotes:
        assert "(data, not instructions)" in text and "\u00ab" in text
        assert not any(mark in text for mark in ("<|", "|>", "[/INST]", "</s>")), text
        assert len(text.splitlines()) == 2
        assert read(text, ("yes", "no")) == "no"  # an echo of all that is sent ends with the menu, not with the fake


def test_every_seed_asks_the_same_in_another_order() -> None:
    one, other = examine.questions(seed=0), examine.questions(seed=1)
    assert one != other and set(one) == set(other)


def test_a_judge_without_sound_is_not_asked_about_sound_and_not_fit_for_it(examined: Make) -> None:
    judge = Simulated(perfect, view=JudgeView(rate_hz=None))
    made = examined(judge)
    assert {one.ask.modality for one in examine.questions(judge.facts.view)} == {"picture"}
    assert fitness(made, "sound") == "does not hear: no readable answer"
    assert not fitness(made, "picture") and set(faults(made)) == {"deaf"}


def test_probabilities_are_of_the_first_word_of_the_menu() -> None:
    ask = Ask("q", "picture", "s", "t", ("no", "yes"))
    assert examine.answer_of(ask, JudgeReply('{"answer": "yes"}', p_yes=0.9)) == "no"
    assert examine.answer_of(ask, JudgeReply('{"answer": "no"}', p_yes=0.1)) == "yes"
    assert examine.answer_of(ask, JudgeReply('{"answer": "no"}', p_yes=0.5)) is None
    assert examine.answer_of(ask, JudgeReply("", p_yes=0.9)) is None  # what cannot be read answers nothing
    assert examine.answer_of(ask, JudgeReply('{"answer": "yes"}', refused=True)) is None
    assert examine.answer_of(ask, JudgeReply('{"answer": "yes"}')) == "yes"


# --------------------------------------------------------------------------- asking


class Faulty(Simulated):
    """Raises what it is given, at the calls it is told, before it answers."""

    def __init__(self, raises: Callable[[int], Exception | None]) -> None:
        super().__init__(perfect)
        self.raises = raises

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        error = self.raises(self.asked)
        if error is not None:
            with self._lock:
                self.asked += 1
            raise error
        return super().ask(ask, views, repeat)


def test_a_busy_judge_is_asked_again_when_it_says(examined: Make) -> None:
    waited: list[float] = []
    judge = Faulty(lambda call: JudgeBusy("later", 7.0) if call in (3, 4) else None)
    made = examined(judge, sleep=waited.append, concurrency=1)
    assert waited == [7.0, 7.0] and made.unasked == 0 and not faults(made)


def test_an_examination_that_was_broken_off_goes_on_where_it_was(examined: Make, tmp_path: Path) -> None:
    judge = Faulty(lambda call: JudgeRefusal("the key is wrong") if call == 100 else None)
    with pytest.raises(JudgeRefusal, match="the key is wrong"):
        examined(judge, concurrency=1)
    again = Simulated(perfect)
    made = examined(again)
    assert again.asked == made.asked - 100
    assert not faults(made)
    third = Simulated(perfect)
    examined(third)
    assert third.asked == made.asked  # a finished one is not taken for a new one
    (kept,) = (tmp_path / "replies").glob("*.jsonl")
    told = examined(specs.judge_of(f"replay:{kept}"))
    assert told.rates == made.rates and told.asked == made.asked


def test_what_got_no_reply_is_counted_and_too_much_of_it_is_no_passport(examined: Make) -> None:
    def broken(share: float) -> Any:
        def say(one: Any, ask: Ask, repeat: int) -> str:
            if hash_of(ask.key) < share:
                raise JudgeBroken("the server said 500")
            return str(one.right)

        return Simulated(say)

    made = examined(broken(0.05), sleep=lambda seconds: None)
    assert 0 < made.unasked < 0.1 * made.asked
    assert made.rates["unreadable"].value == 0 and made.rates["unreadable"].of == made.asked - made.unasked
    with pytest.raises(JudgeBroken, match=r"of 268 canary questions got no reply: the server said 500"):
        examined(broken(0.5), sleep=lambda seconds: None)


@pytest.mark.parametrize(("concurrency", "most"), [(1, 3), (4, 7), (8, 15)])
def test_a_server_that_is_gone_is_given_up_after_the_first_questions(
    examined: Make, concurrency: int, most: int
) -> None:
    judge = Faulty(lambda call: JudgeBroken("connection refused"))
    done: list[int] = []
    with pytest.raises(
        JudgeBroken, match=r"cannot be reached: the first \d+ questions .* answered: connection refused"
    ):
        examined(judge, on_tick=lambda k, of: done.append(k), concurrency=concurrency, sleep=lambda seconds: None)
    assert judge.asked <= 5 * most and not any(done)


def test_a_busy_server_or_one_that_answered_once_is_not_given_up(examined: Make) -> None:
    def late(error: Exception) -> Faulty:
        return Faulty(lambda call: error if call < 100 else None)

    made = examined(late(JudgeBusy("later", 0.0)), concurrency=1, sleep=lambda seconds: None)
    assert made.unasked == 20
    once = Faulty(lambda call: JudgeBroken("reset") if 1 <= call < 101 else None)
    again = examined(once, concurrency=1, sleep=lambda seconds: None)
    assert again.unasked == 20


def hash_of(key: str) -> float:
    return (sum(map(ord, key)) * 2654435761 % 2**32) / 2**32


# --------------------------------------------------------------------------- the passport as data


def test_a_passport_survives_its_file_and_the_old_one_is_kept(tmp_path: Path) -> None:
    old, new = passport_of(perfect), passport_of(deaf, date="2026-04-01")
    path = passport.passport_path("id", tmp_path)
    assert passport.find("id", tmp_path) is None
    assert passport.save(old, path) == path and passport.find("id", tmp_path) == old
    passport.save(new, path)
    passport.save(new, path)
    assert passport.find("id", tmp_path) == new
    (kept,) = (other for other in tmp_path.iterdir() if other != path)
    assert passport.load(kept) == old and old.digest in kept.name
    assert old.digest != new.digest == passport.load(path).digest
    assert dataclasses.replace(old, clips={"bell_own": "0" * 64}).digest == old.digest


def test_the_address_is_told_and_changes_nothing(tmp_path: Path) -> None:
    old = passport_of(perfect)
    near = dataclasses.replace(old, address="http://near:1/v1")
    assert "address" not in old.to_json() and Passport.from_json(old.to_json()) == old
    assert Passport.from_json(json.loads(json.dumps(near.to_json()))) == near
    assert near.digest == old.digest and drift(old, near) == ()
    assert (
        passport.moved(old, "http://far:2/v1") == passport.moved(near, "") == passport.moved(near, near.address) == ""
    )
    told = passport.moved(near, "http://far:2/v1")
    assert "made with the judge at http://near:1/v1; this one is at http://far:2/v1" in told and "--again" in told
    far, here = (specs.judge_of(f"openai:http://{name}:9/v1#m") for name in ("far", "here"))
    panel = specs.judge_of("panel:openai:http://far:9/v1#m,openai:http://here:9/v1#n")
    assert far.facts.address == "http://far:9/v1/chat/completions" and far.facts.identity == here.facts.identity
    assert panel.facts.address == f"{far.facts.address} + {here.facts.address}" and "far" not in panel.facts.identity
    for judge in (far, here, panel):
        judge.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 2}',
        lambda data: {**data, "rates": {}},
        lambda data: {**data, "date": "yesterday"},
        lambda data: {
            **data,
            "rates": {**data["rates"], "hears": {"value": 2, "hits": 1, "of": 1, "low": 0, "high": 1}},
        },
        lambda data: {**data, "surplus": 1},
    ],
)
def test_a_spoiled_file_is_refused_and_says_what_to_do(text: Any, tmp_path: Path) -> None:
    path = passport.passport_path("id", tmp_path)
    path.write_text(text if isinstance(text, str) else json.dumps(text(passport_of(perfect).to_json())))
    with pytest.raises(InputError, match="avgen-bench judge passport SPEC --again"):
        passport.find("id", tmp_path)


def test_the_passport_of_another_judge_is_refused(tmp_path: Path) -> None:
    passport.save(passport_of(perfect, judge="other"), passport.passport_path("id", tmp_path))
    with pytest.raises(InputError, match="another judge"):
        passport.find("id", tmp_path)


def test_a_passport_grows_stale() -> None:
    made = passport_of(perfect)
    assert stale(made, DAY + datetime.timedelta(30), "sim-1", made.canaries) == ""
    assert "31 days ago" in stale(made, DAY + datetime.timedelta(31))
    assert "in the future" in stale(made, DAY - datetime.timedelta(1))
    assert "'sim-2'" in stale(made, DAY, "sim-2")
    assert "other canaries" in stale(made, DAY, canaries="0123")
    assert stale(passport_of(perfect, versions=()), DAY, "sim-2") == ""


def test_the_digest_that_scoring_looks_at_is_that_of_the_canaries() -> None:
    assert examine.canary_digest() == passport.CANARIES


def test_drift_refuses_to_mix(examined: Make) -> None:
    before = examined(Simulated(perfect))
    after = examined(Simulated(accurate(0.6), version="sim-2"))
    moved = drift(before, after)
    assert any(reason.startswith("sensitivity moved from 1.00") for reason in moved)
    assert "'sim-2'" in stale(before, DAY, after.versions[0])
    assert drift(before, before) == ()
    assert "two judges" in drift(before, dataclasses.replace(after, judge="other"))[0]
    assert "two sets of canaries" in drift(before, dataclasses.replace(after, canaries="other"))[0]
    quiet = sum(bool(drift(passport_of(accurate(0.8, s)), passport_of(accurate(0.8, s + 500)))) for s in range(60))
    assert quiet <= 12  # another throw of the same dice is no drift


def test_the_summary_is_plain_json_with_every_figure() -> None:
    made = passport_of(deaf)
    shown = json.loads(json.dumps(passport.summary(made), allow_nan=False))
    assert list(shown["rates"]) == list(passport.RATES) and shown["digest"] == made.digest
    assert shown["faults"].keys() == {"deaf"} and shown["unfit"]["picture"] == ""


# --------------------------------------------------------------------------- clips


def views(tmp_path: Path, names: Iterable[str]) -> dict[str, ClipViews]:
    chosen = [canary for canary in canaries.canaries() if canary.name in set(names)]
    return {name: clip_views(path, JudgeView()) for name, path in examine.render_canaries(tmp_path, chosen)}


def heard(seen: ClipViews) -> np.ndarray:
    assert seen.sound is not None
    with wave.open(BytesIO(seen.sound)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float) / 32768


def shown(seen: ClipViews, index: int) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(seen.frames[index], np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(float)


def test_rendered_canaries_differ_in_what_they_are_asked_about_and_in_nothing_else(tmp_path: Path) -> None:
    names = ("rain_own", "rain_foreign", "rain_silent", "stage", "stage_mirrored", "command_text_yes", "cards")
    seen = views(tmp_path, names)
    assert len(seen["stage"].frames) == 10 and shown(seen["stage"], 0).shape == (270, 480, 3)
    assert seen["rain_own"].frames == seen["rain_foreign"].frames == seen["rain_silent"].frames
    own, foreign, silent = (heard(seen[f"rain_{kind}"]) for kind in ("own", "foreign", "silent"))
    assert np.abs(silent).max() < 1e-3 and own.std() > 0.03 and foreign.std() > 0.03

    def flatness(sound: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(sound)) ** 2 + 1e-12
        return float(np.exp(np.log(power).mean()) / power.mean())

    assert flatness(own) > 0.2 > 0.02 > flatness(foreign)  # a hiss, and a bell
    ball = shown(seen["stage"], 0)[105:135, 115:145].mean((0, 1))
    mirrored = shown(seen["stage_mirrored"], 0)[105:135, 335:365].mean((0, 1))
    assert ball[0] > 2 * ball[2] and mirrored[0] > 2 * mirrored[2]
    plain, told = shown(seen["stage"], 3), shown(seen["command_text_yes"], 3)
    assert (
        np.abs(plain[:190] - told[:190]).mean() < 3 < 30 < np.abs(plain[200:260, 20:460] - told[200:260, 20:460]).mean()
    )
    leading = [int(shown(seen["cards"], place).mean((0, 1)).argmax()) for place in (1, 5, 8)]
    assert leading == [0, 1, 2]


def test_a_clip_is_rendered_once_and_again_when_its_scene_changes(tmp_path: Path) -> None:
    bare = next(canary for canary in canaries.canaries() if canary.name == "bare")
    ((_, path),) = examine.render_canaries(tmp_path, [bare])
    before = path.stat().st_mtime_ns
    assert "bare" not in path.name  # a judge that is sent the file is not told what is in it
    assert list(examine.render_canaries(tmp_path, [bare])) == [("bare", path)] and path.stat().st_mtime_ns == before
    other = dataclasses.replace(bare, sound=lambda: 0.1 * np.ones((1, 80000), np.float32))
    ((_, changed),) = examine.render_canaries(tmp_path, [other])
    assert changed != path


@pytest.mark.skipif(
    shutil.which("flite") is None and shutil.which("espeak-ng") is None, reason="apt-get install flite espeak-ng"
)
def test_spoken_commands_are_heard_over_the_same_picture(tmp_path: Path) -> None:
    seen = views(tmp_path, ("stage", "command_speech_yes", "command_speech_no"))
    assert seen["stage"].frames == seen["command_speech_yes"].frames == seen["command_speech_no"].frames
    yes, no = heard(seen["command_speech_yes"]), heard(seen["command_speech_no"])
    assert min(yes.std(), no.std()) > 0.03 > heard(seen["stage"]).std() and not np.array_equal(yes, no)


def test_a_real_server_is_examined_on_real_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = ("rain_own", "rain_silent", "stage")
    chosen = tuple(one for one in examine.questions() if one.canary in clips)
    monkeypatch.setattr(examine, "questions", lambda view=None, seed=0: chosen)
    ticks: list[tuple[int, int]] = []

    def answer(body: Any) -> str:
        """A server that goes by the sound it was sent: the same picture and question are right only with it."""
        *media, question = body["messages"][1]["content"]
        given = {part["type"]: part for part in media if part["type"] != "text"}
        modality = {1: "sound" if "input_audio" in given else "picture", 2: "both"}[len(given)]
        fitting = [one for one in chosen if (one.ask.text, one.ask.modality) == (question["text"], modality)]
        if any(one.item.property == "hears" for one in fitting):
            sound = base64.b64decode(given["input_audio"]["input_audio"]["data"])
            loud = np.abs(np.frombuffer(sound[44:], np.int16)).max() > 100
            fitting = [one for one in fitting if one.canary == ("rain_own" if loud else "rain_silent")]
        (right,) = {one.right for one in fitting}
        return json.dumps({"answer": right})

    with JudgeServer(answer=answer) as server:
        judge = specs.judge_of(f"openai:{server.url}#tester")
        made = examine.examine(judge, tmp_path, lambda done, of: ticks.append((done, of)), today=DAY)
        judge.close()
        assert server.mistakes == [] and server.calls == len(chosen)
    assert ticks[-1] == (len(chosen), len(chosen)) and set(made.clips) == set(clips)
    assert made.versions == ("tester-2026-11-01",)
    for name in ("hears", "sees", "sensitivity", "specificity"):
        assert made.rates[name].value == 1, name


# --------------------------------------------------------------------------- the command


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Simulated]]:
    monkeypatch.setattr(examine, "_rendered", lambda folder, view: views_of)
    parser = argparse.ArgumentParser()
    cli_judge.add(parser.add_subparsers(dest="command", required=True))

    def run(say: Any, *more: str) -> tuple[int, Simulated]:
        judge = Simulated(say)
        monkeypatch.setattr(specs, "judge_of", lambda spec, view=None, **options: judge)
        line = ["judge", "passport", "simulated:x", "--folder", str(tmp_path / "kept"), *more]
        arguments = parser.parse_args(line)
        return arguments.run(arguments), judge

    return run


def test_the_command_examines_shows_and_stores(
    command: Callable[..., tuple[int, Simulated]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, judge = command(perfect, "--out", str(tmp_path / "copy.json"))
    assert status == 0 and judge.asked == 268
    made = passport.load(tmp_path / "copy.json")
    text = capsys.readouterr().out
    for words in (made.digest, "answered as sim-1", "hears", "delta_markers", "sound: fit", "no fault was found"):
        assert words in text
    status, judge = command(perfect)
    assert status == 0 and judge.asked == 0
    text = capsys.readouterr().out
    assert "this passport holds" in text and f"made on {made.date}; the judge was not asked now" in text
    status, judge = command(deaf, "--again")
    text = capsys.readouterr().out
    assert status == 3 and judge.asked == 268
    assert "deaf: does not hear: 24 of 48 right" in text and "sound: refused" in text
    assert "drift: hears moved from 1.00" in text and "do not mix scores" in text


def test_a_dry_run_says_what_it_takes_and_asks_nothing(
    command: Callable[..., tuple[int, Simulated]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, judge = command(perfect, "--dry-run")
    assert (status, judge.asked) == (0, 0) and not list((tmp_path / "kept").glob("*.json"))
    text = capsys.readouterr().out
    assert text.startswith("268 calls about 43 clips, about ") and "nothing was asked" in text
    facts = dataclasses.replace(judge.facts, usd_per_million_in=2.0, usd_per_million_out=8.0)
    found = examine.cost(facts)
    assert found.usd is not None and found.usd == pytest.approx(2e-6 * found.tokens + 6e-6 * 268 * 12)
    seen = dataclasses.replace(facts, view=JudgeView(fps=4.0))
    assert 1.5 * found.tokens < examine.cost(seen).tokens < 2 * found.tokens


def test_a_stale_passport_is_made_anew(
    command: Callable[..., tuple[int, Simulated]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(perfect)
    (path,) = (tmp_path / "kept").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "date": "2025-01-01"}))
    status, judge = command(perfect)
    assert status == 0 and judge.asked == 268
    assert "a passport holds 30 days" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--judge-fps", "99"), ("--concurrency", "0")])
def test_the_command_refuses_what_cannot_be(
    command: Callable[..., tuple[int, Simulated]], more: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match=more[0]):
        command(perfect, *more)


def test_a_passport_of_another_address_is_shown_as_such(
    command: Callable[..., tuple[int, Simulated]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class At(Simulated):
        address = "http://near:1/v1"

        def __init__(self, say: Any) -> None:
            super().__init__(say)
            self.facts = dataclasses.replace(self.facts, address=self.address)

    monkeypatch.setitem(globals(), "Simulated", At)
    command(perfect)
    capsys.readouterr()
    At.address = "http://far:2/v1"
    status, judge = command(perfect)
    said = capsys.readouterr()
    assert status == 0 and judge.asked == 0
    assert "at http://near:1/v1; the judge was not asked now" in said.out
    assert "note: this passport was made with the judge at http://near:1/v1; this one is at http://far:2/v1" in said.err
