"""Comparisons: what is paired, counted, refused and said; and the plan for the next one."""

from __future__ import annotations

import dataclasses
import io
import json
import random

import pytest
import report_samples as samples
from scenes import small_clip

from avgen_bench import cli, compare, planning
from avgen_bench.cli_compare import print_comparison, print_plan
from avgen_bench.errors import InputError
from avgen_bench.report import build as build_report
from avgen_bench.report_semantic import judge_variance
from avgen_bench.report_words import power_words
from avgen_bench.signatures import line as signature_line
from avgen_bench.types import Clip, JudgeFacts, JudgeView, Outcome

pytest.importorskip("numpy")

FACTS = samples.facts("visual_quality")
ABSTAINED, FAILED = Outcome("abstained", None, "cannot tell"), Outcome("failed", None, "crash")


def run(values, *, signature="made-up/1", facts=(FACTS,), run_fields=None):
    """A report: system -> prompt -> outcomes of its takes (a number, an outcome, or None for no measurement).

    A take that is the word "none" is a prompt without a clip.
    """
    clips, measured = [], []
    for system, prompts in values.items():
        for prompt, takes in prompts.items():
            for take, outcome in enumerate(takes if isinstance(takes, list) else [takes]):
                gone = outcome == "none"
                path = f"{system}/{prompt}_{take}.mp4"
                clip = (
                    Clip("", "", prompt, system, 0)
                    if gone
                    else dataclasses.replace(samples.clip(path, system=system, prompt_id=prompt), take=take)
                )
                clips.append(clip)
                made = 0.0 if gone else outcome
                for item in facts:
                    if made is not None:
                        said = samples.ok(made) if isinstance(made, float) else made
                        measured.append(samples.measurement(clip, item.name, said, signature=signature))
    return build_report(measured, clips, facts, run=run_fields)


def scores(n: int, shift: float = 0.0, seed: int = 1, spread: float = 0.05):
    """Prompts that are harder or easier, the same for every seed, and takes around them."""
    level = random.Random(0)
    rng = random.Random(seed)
    found = {}
    for k in range(n):
        at = 0.35 + 0.4 * level.random()
        found[f"p{k:03d}"] = min(1.0, max(0.0, at + shift + rng.gauss(0, spread)))
    return found


def shown(found, printer=print_comparison, width: int = 80) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, color_system=None)
    printer(found, console)
    return console.file.getvalue()


# --------------------------------------------------------------------------- what is found


def test_a_known_difference_is_found_with_its_size():
    covered = 0
    for seed in range(60):
        sides = [("left", run({"A": scores(80, 0.1, seed)})), ("right", run({"B": scores(80, 0.0, 1000 + seed)}))]
        found = compare.build(sides)
        (pair,) = found["pairs"]
        assert (pair["a"], pair["b"], pair["n"], pair["better"]) == ("A", "B", 80, "a")
        assert pair["ci_high"] - pair["ci_low"] < 0.05 and pair["p_holm"] < 0.001
        assert pair["difference"] == pytest.approx(pair["mean_a"] - pair["mean_b"], abs=1e-6)
        covered += pair["ci_low"] <= 0.1 <= pair["ci_high"]
    assert covered >= 52  # 57 are expected of 60; fewer than 52 would come once in 350
    assert found["runs"] == {"A": "left", "B": "right"}
    assert [[row["system"] for row in group] for group in found["tiers"][0]["tiers"]] == [["A"], ["B"]]
    text = shown(found)
    assert "A better" in text
    assert max(map(len, text.splitlines())) <= 80


def test_lower_is_better_where_the_dimension_says_so():
    facts = samples.facts("error", direction=-1)
    left, right = (
        run({name: scores(60, shift, seed)}, facts=(facts,)) for name, shift, seed in (("A", 0.1, 1), ("B", 0.0, 2))
    )
    found = compare.build([("l", left), ("r", right)])
    assert found["pairs"][0]["better"] == "b"
    assert found["tiers"][0]["tiers"][0][0]["system"] == "B"


def test_twins_are_not_distinguishable():
    told_apart = 0
    for seed in range(30):
        found = compare.build([("run", run({"A": scores(60, seed=seed), "B": scores(60, seed=100 + seed)}))])
        (pair,) = found["pairs"]
        told_apart += pair["better"] != ""
        assert (pair["better"] == "") == (pair["ci_low"] < 0 < pair["ci_high"])  # one test: nothing to adjust for
        assert len(found["tiers"][0]["tiers"]) == (1 if pair["better"] == "" else 2)
        assert ("not distinguishable" in " ".join(shown(found).split())) == (pair["better"] == "")
    assert told_apart <= 5  # one in twenty by chance; six of thirty would be one in two hundred


def test_a_side_is_better_only_where_test_and_interval_agree():
    gaps = [0.02, 0.02, 0.02, 0.02, 0.03, 0.04, 0.05]  # four alike: an interval that asks nothing of the numbers
    few = {"A": {f"p{k}": 0.5 + gap for k, gap in enumerate(gaps)}, "B": {f"p{k}": 0.5 for k in range(7)}}
    (pair,) = compare.build([("run", run(few))])["pairs"]
    assert pair["p_holm"] == 2 / 128 and pair["ci_low"] < 0 < pair["ci_high"]
    assert pair["better"] == ""
    few["A"] = {f"p{k}": 0.5 + 0.01 * (k + 1) for k in range(7)}  # all different: flipped as the test flips them
    (pair,) = compare.build([("run", run(few))])["pairs"]
    assert pair["p_holm"] == 2 / 128 and 0 < pair["ci_low"] < 0.04 < pair["ci_high"]
    assert pair["better"] == "a"


def test_the_family_is_every_dimension_and_pair():
    facts = [samples.facts(f"d{k}") for k in range(4)]
    report = run({name: scores(40, seed=k) for k, name in enumerate("ABC")}, facts=facts)
    found = compare.build([("run", report)])
    assert len(found["pairs"]) == 12
    least = min(found["pairs"], key=lambda pair: pair["p"])
    assert least["p_holm"] == pytest.approx(min(1.0, 12 * least["p"]), rel=1e-4)
    alone = compare.build([("run", report)], dimensions=["d1"])
    assert {pair["dimension"] for pair in alone["pairs"]} == {"d1"}


def test_many_systems_come_in_tiers():
    report = run({f"s{k}": scores(80, 0.1 * (k // 2), seed=k) for k in range(6)})
    found = compare.build([("run", report)])
    tiers = [{row["system"] for row in group} for group in found["tiers"][0]["tiers"]]
    assert tiers == [{"s4", "s5"}, {"s2", "s3"}, {"s0", "s1"}]
    assert len(found["pairs"]) == 15
    assert len(found["deciding"]) == 5  # neighbours in the order
    text = shown(found)
    assert text.count("tier ") >= 3
    assert max(map(len, text.splitlines())) <= 80


def test_prompts_that_decide_come_hardest_first_with_their_clips():
    a = {f"p{k}": 0.5 for k in range(12)}
    b = dict(a) | {"p3": 0.1, "p7": [0.2, 0.4], "p9": 0.9}
    found = compare.build([("run", run({"A": a, "B": b}))])
    (row,) = found["deciding"]
    assert [(item["prompt_id"], item["difference"]) for item in row["prompts"]] == [("p3", 0.4), ("p7", 0.2)]
    keys = row["prompts"][1]["clips_b"]
    assert [found["clips"][key]["values"]["visual_quality"] for key in keys] == [0.2, 0.4]
    assert [found["clips"][key]["path"] for key in keys] == ["B/p7_0.mp4", "B/p7_1.mp4"]


# --------------------------------------------------------------------------- what has no number


def test_what_has_no_number_is_counted_and_bounds_the_difference():
    a = {f"p{k}": 0.5 for k in range(4)}
    b = {"p0": 0.25, "p1": ABSTAINED, "p2": FAILED, "p3": None}
    found = compare.build([("run", run({"A": a, "B": b}))])
    (pair,) = found["pairs"]
    assert (pair["n"], pair["difference"]) == (1, 0.25)
    assert {name: n for name, n in pair["counts"]["b"].items() if n} == {
        "ok": 1, "abstained": 1, "failed": 1, "missing": 1
    }  # fmt: skip
    assert (pair["bound_low"], pair["bound_high"]) == (0.5 - 3.25 / 4, 0.5 - 0.25 / 4)
    text = " ".join(shown(found).split())
    assert "B: 1 abstained, 1 failed, 1 not measured" in text


def test_what_a_prompt_does_not_ask_is_no_pair_and_no_bound():
    idle = Outcome("not_applicable", None, "the prompt asks nothing here")
    found = compare.build([("run", run({"A": {"p": 0.5, "q": idle}, "B": {"p": 0.25, "q": idle}}))])
    (pair,) = found["pairs"]
    assert (pair["n"], pair["bound_low"], pair["bound_high"]) == (1, 0.25, 0.25)
    assert pair["counts"]["a"]["not_applicable"] == 1


def test_a_prompt_without_a_clip_is_at_the_floor_unless_excluded():
    a, b = {"p0": 0.5, "p1": 0.5, "p2": 0.5}, {"p0": 0.5, "p1": 0.5, "p2": "none"}
    found = compare.build([("run", run({"A": a, "B": b}))])
    (pair,) = found["pairs"]
    assert (pair["n"], pair["difference"]) == (3, pytest.approx(0.5 / 3, abs=1e-6))
    assert (pair["counts"]["b"]["floor"], pair["counts"]["b"]["no_clip"]) == (1, 1)
    assert found["prompts"]["missing"] == {"A": [], "B": ["p2"]}
    assert any("B: 1 prompt without a clip, at the floor: p2" in note for note in found["notes"])
    found = compare.build([("run", run({"A": a, "B": b}))], missing="exclude")
    assert (found["pairs"][0]["n"], found["rule"]) == (2, {"missing": "exclude"})
    assert any("left out (--missing exclude): p2" in note for note in found["notes"])


def test_a_prompt_without_a_clip_on_both_sides_is_no_pair():
    a, b = scores(8, 0.2), scores(8, seed=2)
    alone = compare.build([("run", run({"A": a, "B": b}))])["pairs"][0]
    lost = {f"q{k:02d}": "none" for k in range(82)}
    report = run({"A": {**a, **lost, "r": 0.5}, "B": {**b, **lost, "r": "none"}})
    found = compare.build([("run", report)])
    (pair,) = found["pairs"]
    assert (pair["n"], pair["counts"]["b"]["no_clip"]) == (9, 1)  # r is at the floor
    assert pair["mdd"] > alone["mdd"]  # r is off; 82 equal pairs would have made it less
    notes = found["notes"]
    assert any("82 prompts have a clip in neither, no pair: q00" in note for note in notes)
    assert any("B: 1 prompt without a clip, at the floor: r" in note for note in notes)
    assert not any(note.startswith("A: ") for note in notes)
    three = run(
        {"A": {**a, "q": "none", "r": "none"}, "B": {**b, "q": "none", "r": "none"}, "C": {**b, "q": 0.5, "r": "none"}}
    )
    found = compare.build([("run", three)])
    assert [pair["n"] for pair in found["pairs"]] == [8, 9, 9]
    assert any("1 prompt has a clip in no system, no pair: r" in note for note in found["notes"])
    assert any("A and B: 2 prompts have a clip in neither, no pair: q, r" in note for note in found["notes"])


def test_where_every_clip_was_abstained_from_the_floors_of_others_are_no_numbers():
    """A's clips say nothing; B has numbers: the prompts that A left without a clip decide nothing by themselves."""
    a, b = {f"p{k}": ABSTAINED for k in range(8)}, {f"p{k}": 0.5 for k in range(8)}
    lost = {f"q{k}": "none" for k in range(12)}
    there = {f"q{k}": 0.6 for k in range(12)}
    (pair,) = compare.build([("run", run({"A": {**a, **lost}, "B": {**b, **there}}))])["pairs"]
    assert (pair["n"], pair["better"]) == (0, "")
    (pair,) = compare.build([("run", run({"A": {**a, "p0": 0.5, **lost}, "B": {**b, **there}}))])["pairs"]
    assert (pair["n"], pair["better"]) == (13, "b")


def test_a_dimension_without_a_pair_is_no_test():
    facts = (FACTS, samples.facts("audio_quality"))
    report = run({"A": scores(12, 0.2), "B": scores(12)}, facts=facts)
    for row in report["clips"]:
        if row["system"] == "B":
            del row["measurements"]["audio_quality"]
    found = compare.build([("run", report)])
    rows = {row["dimension"]: row for row in found["pairs"]}
    assert rows["audio_quality"]["p_holm"] is None
    assert rows["visual_quality"]["p_holm"] == rows["visual_quality"]["p"]
    assert "adjusted for 1 test (Holm)" in " ".join(shown(found).split())


def test_too_few_prompts_for_any_test_are_said_to_be():
    facts = [samples.facts(f"d{k}") for k in range(6)]
    few = compare.build([("run", run({"A": scores(7, 0.2), "B": scores(7, seed=2)}, facts=facts))])
    assert all(row["p_holm"] > 0.05 and row["mdd"] is None for row in few["pairs"])
    assert any("one of 6 tests decides (Holm) at 0.05 from 8 pairs on" in note for note in few["notes"])
    assert "too few prompts to find any difference: d0" in " ".join(shown(few).split())
    enough = compare.build([("run", run({"A": scores(8, 0.2), "B": scores(8, seed=2)}, facts=facts))])
    assert {row["better"] for row in enough["pairs"]} == {"a"}
    assert not any("too few" in note for note in enough["notes"])


def test_the_prompts_that_are_too_few_are_counted_over_all_tests():
    """Seven pairs decide one test; of six, eight are needed, also where nothing differs."""
    facts = [samples.facts(f"d{k}") for k in range(6)]
    a, b = ({f"p{k}": 0.5 for k in range(7)} for _ in "ab")
    words = " ".join(shown(compare.build([("run", run({"A": a, "B": b}, facts=facts))])).split())
    assert "too few prompts to find any difference: d0, d1, d2, d3, d4, d5" in words
    alone = " ".join(shown(compare.build([("run", run({"A": a, "B": b}, facts=facts[:1]))])).split())
    assert "too few prompts" not in alone


def test_a_run_that_was_not_given_its_prompts_is_named():
    known = {"prompts.digest": "abc", "missing": "floor"}
    asked = ("l", run({"A": {"p0": 0.5, "p1": 0.5, "p2": "none"}}, run_fields=known))
    notes = compare.build([asked, ("r", run({"B": {"p0": 0.5}}))])["notes"]
    assert any("B: scored without --prompts" in note and "2 prompts of A" in note for note in notes)
    notes = compare.build([asked, ("r", run({"B": {"p0": 0.5}}, run_fields=known))])["notes"]
    assert not any("--prompts" in note for note in notes)


def test_a_prompt_that_a_run_was_not_asked_is_named_and_one_that_it_lost_is_at_the_floor():
    known = {"prompts.digest": "abc", "missing": "floor"}
    a, b = {f"p{k}": 0.5 for k in range(4)}, {f"p{k}": 0.25 for k in range(3)}
    found = compare.build([("l", run({"A": a}, run_fields=known)), ("r", run({"B": b}, run_fields=known))])
    assert found["pairs"][0]["n"] == 3
    assert found["prompts"] == {"common": 3, "only": {"A": ["p3"], "B": []}, "missing": {"A": [], "B": []}}
    found = compare.build([("l", run({"A": a})), ("r", run({"B": b}))])
    assert (found["pairs"][0]["n"], found["prompts"]["missing"]["B"]) == (4, ["p3"])


def test_clips_that_are_there_twice_are_named():
    facts = [FACTS]
    clip = samples.clip("A/p0.mp4", system="A", prompt_id="p0")
    again = dataclasses.replace(clip, prompt_id="p1", path="A/p1.mp4")
    other = dataclasses.replace(clip, system="B", path="B/p0.mp4")
    second = dataclasses.replace(samples.clip("B/else.mp4", system="B", prompt_id="p0"), take=0)
    clips = [clip, again, other, second, samples.clip("A/none.mp4", system="A")]
    report = build_report([samples.measurement(c, FACTS.name, samples.ok(0.5)) for c in clips], clips, facts)
    notes = compare.build([("run", report)])["notes"]
    assert any("A: the same file more than once: A/p0.mp4 = A/p1.mp4" in note for note in notes)
    assert any("B: more than one clip of a take" in note and "B/else.mp4" in note for note in notes)
    assert any("A and B: the same file for 1 prompt: p0" in note for note in notes)
    assert any("A: 1 clip without a prompt" in note for note in notes)


# --------------------------------------------------------------------------- what is refused


def test_numbers_that_were_made_differently_are_refused_naming_the_fields():
    made = "avgen-bench:1|dimension:visual_quality|version:{}|decoder:1|prompt:abc"
    left, right = (
        (name, run({system: scores(20)}, signature=made.format(version)))
        for name, system, version in (("l", "A", 1), ("r", "B", 2))
    )
    with pytest.raises(InputError, match=r"version of the dimension differs: 1 \(A\), 2 \(B\).*--force"):
        compare.build([left, right])
    found = compare.build([left, right], force=True)
    assert found["signatures"]["forced"]
    assert found["signatures"]["differences"][0]["values"] == {"A": "1", "B": "2"}
    assert any("--force" in note for note in found["notes"])
    assert "NOT MEASURED ALIKE" in shown(found)


def test_judges_differ_in_words():
    judge = JudgeFacts("openai", "parrot", "1", JudgeView(fps=2.0), True, {"temperature": 0, "long": "x" * 900})
    other = dataclasses.replace(judge, view=JudgeView(fps=4.0), parameters={"temperature": 1, "long": "y" * 900})

    def report(system: str, text: str):
        made = signature_line({"dimension": "visual_quality", "judge": text})
        return system, run({system: scores(20)}, signature=made)

    with pytest.raises(InputError) as told:
        compare.build([report("A", judge.identity), report("B", other.identity)])
    text = str(told.value)
    assert "view's frames a second of the judge differs: 2.0 (A), 4.0 (B)" in text
    assert "temperature of the judge differs: 0 (A), 1 (B)" in text
    assert "long of the judge differs: digest " in text
    assert "model of the judge" not in text
    assert len(text) < 600
    with pytest.raises(InputError, match=r"the judge differs: openai parrot \(A\), none \(B\)"):
        compare.build([report("A", judge.identity), report("B", "none")])


def test_a_prompt_that_changed_between_the_runs_is_named():
    made = "avgen-bench:1|dimension:visual_quality|prompt:{}"
    left, right = (
        (name, run({system: {"p0": 0.5, "p1": 0.5}}, signature=made.format(digest)))
        for name, system, digest in (("l", "A", "abc"), ("r", "B", "def"))
    )
    with pytest.raises(InputError, match=r"demands of prompts differs: p0, p1"):
        compare.build([left, right])


def test_what_cannot_be_compared_is_refused():
    a = run({"A": scores(5)})
    with pytest.raises(InputError, match="one system"):
        compare.build([("run", a)])
    with pytest.raises(InputError, match=r"no prompt in common.*p000.*q"):
        compare.build([("l", a), ("r", run({"B": {"q": 0.5}}))])
    other = run({"B": scores(5)}, facts=(samples.facts("audio_quality"),))
    with pytest.raises(InputError, match="no dimension in common"):
        compare.build([("l", a), ("r", other)])
    wide = run({"B": scores(5)}, facts=(samples.facts("visual_quality", high=2.0),))
    with pytest.raises(InputError, match="different scales"):
        compare.build([("l", a), ("r", wide)])
    with pytest.raises(InputError, match="not in every run"):
        compare.build([("l", a), ("r", run({"B": scores(5)}))], dimensions=["nothing"])
    with pytest.raises(InputError, match="alpha"):
        compare.build([("l", a), ("r", run({"B": scores(5)}))], alpha=5.0)
    with pytest.raises(InputError, match="rule"):
        compare.build([("l", a), ("r", run({"B": scores(5)}))], missing="ignore")


def test_a_system_of_two_runs_gets_their_names():
    found = compare.build([("may", run({"A": scores(20)})), ("june", run({"A": scores(20, 0.1, seed=2)}))])
    assert found["systems"] == ["A (may)", "A (june)"]


def test_the_same_bytes_in_any_order():
    rng = random.Random(5)
    values = {"A": scores(30), "B": scores(30, 0.05, seed=2)}
    texts = set()
    for _ in range(3):
        mixed = {}
        for name in values:
            rows = list(values[name].items())
            rng.shuffle(rows)
            mixed[name] = dict(rows)
        texts.add(compare.to_json_text(compare.build([("run", run(mixed))])))
    (text,) = texts
    assert json.loads(text)["schema"] == compare.SCHEMA


def test_hostile_names_reach_no_terminal():
    bad = "A\x1b[31m\x07"
    found = compare.build([("run", run({bad: {"p\x1b]0;x": 0.5, "q": 0.5}, "B": {"p\x1b]0;x": ABSTAINED, "q": 0.1}}))])
    text = shown(found)
    assert "\x1b" not in text
    assert "\x07" not in text


# --------------------------------------------------------------------------- the command


def test_rendered_systems_with_a_known_difference(tmp_path, capsys):
    """Two systems with the same pictures, one without sound: all of it in audio_quality, none in visual_quality."""
    for system, sound in (("loud", True), ("mute", False)):
        folder = tmp_path / "clips" / system
        folder.mkdir(parents=True)
        for k in range(8):
            small_clip(folder / f"p{k}.mp4", 60 + 15 * k, 1.0, sound=sound, seed=k)
        dimensions = "audio_quality,visual_quality"
        arguments = ["score", str(folder), "--out", str(tmp_path / system), "--workers", "1"]
        assert cli.main([*arguments, "--dimensions", dimensions, "--embed", "never"]) == 0
    capsys.readouterr()
    assert cli.main(["plan", "--detect", "5", "--run", str(tmp_path / "loud")]) == 0
    assert "judge calls" not in capsys.readouterr().out
    arguments = ["compare", str(tmp_path / "loud"), str(tmp_path / "mute")]
    record = tmp_path / "mute" / "run.json"
    scored = json.loads(record.read_text())
    assert scored["missing"] == "floor"
    record.write_text(json.dumps({**scored, "missing": "exclude"}))
    assert cli.main(arguments) == 1
    err = " ".join(capsys.readouterr().err.split())
    assert "different rules" in err and "mute: exclude" in err and "--missing floor" in err
    assert cli.main([*arguments, "--missing", "floor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rule"] == {"missing": "floor"}
    first = tmp_path / "loud" / "run.json"
    first.write_text(json.dumps({**json.loads(first.read_text()), "missing": "exclude"}))
    assert cli.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rule"] == {"missing": "exclude"}
    assert cli.main([*arguments, "--out", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    rows = {row["dimension"]: row for row in found["pairs"]}
    assert rows["audio_quality"]["better"] == "a"
    assert rows["audio_quality"]["mean_b"] == 0.0
    assert rows["audio_quality"]["difference"] == rows["audio_quality"]["mean_a"] > 0.3
    assert (rows["visual_quality"]["better"], rows["visual_quality"]["p"]) == ("", 1.0)
    assert "A better" in text
    assert str(tmp_path) not in (tmp_path / "out" / "compare.json").read_text()
    assert cli.main([*arguments, "--json", "--dimensions", "visual_quality"]) == 0
    assert [row["dimension"] for row in json.loads(capsys.readouterr().out)["pairs"]] == ["visual_quality"]
    assert cli.main([*arguments, str(tmp_path / "loud")]) == 1
    assert "more than once" in capsys.readouterr().err
    assert cli.main(["plan", "--detect", "5", "--run", str(tmp_path / "loud")]) == 0
    assert "audio_quality" in capsys.readouterr().out


# --------------------------------------------------------------------------- the plan


def test_the_plan_follows_the_spread_of_the_differences():
    report = run({"A": scores(60, seed=1, spread=0.1), "B": scores(60, seed=2, spread=0.1)})
    (row,) = planning.plan([("run", report)], 3.0)["rows"]
    assert row["basis"] == "pairs"
    assert row["sd"] == pytest.approx(0.1 * 2**0.5, rel=0.25)
    (option,) = row["options"]  # with one take each, nothing is known of others
    # (t + t)^2 sd^2 / difference^2, as the textbook has it for large n
    assert option["prompts"] == pytest.approx((1.96 + 0.8416) ** 2 * row["sd"] ** 2 / 0.03**2, rel=0.03)
    assert option["prompts_safe"] > 1.1 * option["prompts"]
    assert option["clips"] == 2 * option["prompts"]
    half = planning.plan([("run", report)], 6.0)["rows"][0]["options"][0]
    assert half["prompts"] == pytest.approx(option["prompts"] / 4, rel=0.1)


def test_takes_help_as_far_as_the_spread_is_between_them():
    rng = random.Random(4)
    level = [0.3 + 0.4 * rng.random() for _ in range(150)]

    def system(own: float, take: float):
        mine = [at + rng.gauss(0, own) for at in level]
        return {f"p{k}": [min(1.0, max(0.0, at + rng.gauss(0, take))) for _ in range(3)] for k, at in enumerate(mine)}

    plans = {}
    for name, own, take in (("takes", 0.0, 0.08), ("prompts", 0.08, 0.005)):
        report = run({"A": system(own, take), "B": system(own, take)})
        plans[name] = planning.plan([("run", report)], 3.0)["rows"][0]
    by_takes = {item["takes"]: item["prompts"] for item in plans["takes"]["options"]}
    assert by_takes[4] == pytest.approx(by_takes[1] / 4, rel=0.25)
    assert by_takes[1] == pytest.approx((1.96 + 0.8416) ** 2 * 2 * 0.08**2 / 0.03**2, rel=0.25)
    by_takes = {item["takes"]: item["prompts"] for item in plans["prompts"]["options"]}
    assert by_takes[8] > 0.9 * by_takes[1]


def test_a_plan_from_one_system_is_on_the_safe_side():
    one = planning.plan([("run", run({"A": scores(60)}))], 3.0)
    two = planning.plan([("run", run({"A": scores(60), "B": scores(60, seed=2)}))], 3.0)
    assert one["rows"][0]["basis"] == "one system"
    assert one["rows"][0]["options"][0]["prompts"] > two["rows"][0]["options"][0]["prompts"]
    assert any("not to follow the prompts" in note for note in one["notes"])
    text = shown(one, print_plan)
    assert "3 points of 100" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_plan_is_never_for_fewer_prompts_than_a_test_needs():
    facts = [samples.facts(f"d{k}") for k in range(6)]
    report = run({"A": scores(60, spread=0.001), "B": scores(60, seed=2, spread=0.001)}, facts=facts)
    found = planning.plan([("run", report)], 30.0)
    assert {(row["options"][0]["prompts"], row["options"][0]["prompts_safe"]) for row in found["rows"]} == {(8, 8)}
    assert any("fewer than 8 prompts" in note for note in found["notes"])
    one = run({"A": scores(60, spread=0.001), "B": scores(60, seed=2, spread=0.001)})
    assert planning.plan([("run", one)], 30.0)["rows"][0]["options"][0]["prompts"] == 7


def test_prompts_without_a_clip_on_both_sides_do_not_shrink_a_plan():
    a, b = scores(12), scores(12, seed=2)
    lost = {f"q{k:02d}": "none" for k in range(82)}
    for made, padded in (
        ({"A": a, "B": b}, {"A": a | lost, "B": b | lost}),
        ({"A": a}, {"A": a | lost}),
    ):
        bare, found = (planning.plan([("run", run(values))], 3.0) for values in (made, padded))
        assert found["rows"] == bare["rows"]
        assert any("82 prompts have no clip" in note for note in found["notes"])
    one_side = planning.plan([("run", run({"A": a | {"q": "none"}, "B": b | {"q": 0.9}}))], 3.0)["rows"][0]
    assert one_side["seen"] == 13
    assert one_side["sd"] > 3 * planning.plan([("run", run({"A": a, "B": b}))], 3.0)["rows"][0]["sd"]


def test_a_share_is_no_number_of_points():
    with pytest.raises(InputError, match=r"for 0.03 of the scale give 3$"):
        planning.plan([("run", run({"A": scores(20)}))], 0.03)


def test_a_plan_makes_nothing_up(capsys):
    assert cli.main(["plan", "--detect", "3"]) == 1
    assert "--run RUN" in capsys.readouterr().err
    few = planning.plan([("run", run({"A": scores(3)}))], 3.0)["rows"][0]
    assert (few["options"], few["sd"]) == ([], None)
    assert "3 prompts with a number" in few["reason"]
    flat = planning.plan([("run", run({"A": {f"p{k}": 0.5 for k in range(20)}}))], 3.0)["rows"][0]
    assert flat["options"] == []
    assert "no spread" in flat["reason"]
    report = run({"A": scores(20)})
    for terms in ({"detect": 0.0}, {"detect": 3.0, "power": 1.5}, {"detect": 3.0, "power": 0.04}):
        with pytest.raises(InputError, match="expected"):
            planning.plan([("run", report)], **terms)


# --------------------------------------------------------------------------- what the report says of it


def test_the_report_says_what_its_prompts_can_tell_apart():
    report = run({"A": scores(60), "B": scores(60, seed=3)})
    rows = report["estimates"]
    assert [row["mdd_basis"] for row in rows] == ["paired", "paired"]
    assert 0.01 < rows[0]["mdd"] == rows[1]["mdd"] < 0.05  # 2.84 sqrt(2) 0.05 / sqrt(60) is 0.026
    assert f"visual_quality {rows[0]['mdd']:.3f}" in power_words(report)
    assert rows[0]["variance"]["take"] is None
    alone = run({"A": {name: [value, value] for name, value in scores(60).items()}})
    assert alone["estimates"][0]["mdd"] > 2 * rows[0]["mdd"]
    assert "against a like system" in power_words(alone)
    assert alone["estimates"][0]["variance"]["take"] == 0.0
    few = run({"A": {"p": 0.1, "q": 0.9}})
    assert power_words(few) == "too few prompts to find any difference: visual_quality"
    assert power_words(run({"A": {"p": 0.5}})) == ""
    assert few["interval"]["seed"] == compare.SEED


def test_the_share_of_the_judge_is_what_its_answers_scatter():
    """A judge that says yes at a known rate, asked three times: the split finds the variance of such scores."""
    rng = random.Random(8)
    repeats, atoms, truth = 3, 10, (0.8, 0.3)
    cells, values = [], []
    for _ in range(800):
        evidence, total = [], 0.0
        for k in range(atoms):
            yes, twin = (sum(rng.random() < rate for _ in range(repeats)) / repeats for rate in truth)
            total += yes - twin
            part = {"kind": "part", "text": "?", "score": yes - twin}
            evidence += [part | {"label": f"q{k} object", "value": yes}]
            evidence += [{"kind": "part", "text": "?", "label": f"q{k}~twin object", "value": twin}]
        cells.append({"status": "ok", "value": total / atoms, "evidence": evidence})
        values.append(total / atoms)
    mean = sum(values) / len(values)
    scatter = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    assert judge_variance(cells, {"repeats": repeats}) == pytest.approx(scatter, rel=0.15)
    assert judge_variance(cells, {"repeats": 1}) == 0.0  # rates between yes and no are probabilities: nothing is drawn
    assert judge_variance(cells, None) is None
    assert judge_variance([cell | {"value": 0.0} for cell in cells], {"repeats": repeats}) is None  # another form
    once = [cell | {"evidence": [row | {"value": 1.0} for row in cell["evidence"]]} for cell in cells]
    assert judge_variance(once, {"repeats": 1}) is None
