"""Cards say what facts and results say, and what a run says of a model is neither more nor less than its report."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import report_samples
import yaml
from avgen_bench.builders import pages, tables
from avgen_bench.builders.__main__ import main as build_main
from avgen_bench.cards import checkers_page, metric_card, passport_card, render

from avgen_bench import model_card, passport, registry, report, totals
from avgen_bench.cli import main
from avgen_bench.constraints.base import kind_of, kinds
from avgen_bench.errors import InputError
from avgen_bench.judges.specs import judge_of
from avgen_bench.model_card import FAMILIES, Card, into_readme, make, members, validate_entries
from avgen_bench.prompts import load_prompts
from avgen_bench.signatures import digest, prompts_digest
from avgen_bench.types import Clip, DimensionFacts, JudgeView, Measurement

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = report_samples.HOSTILE + "|\x1b[31m\n# pwned\n<!-- avgen-bench:end -->$x$"

# --------------------------------------------------------------------------- cards from facts


def test_every_written_card_is_as_the_facts_say() -> None:
    assert pages.check() == []
    written = yaml.safe_load((tables.DATASET / "eval.yaml").read_text(encoding="utf-8"))
    assert written == model_card.benchmark_yaml()
    assert "only after the benchmark was registered" in (tables.DATASET / "README.md").read_text(encoding="utf-8")


def test_a_card_that_was_changed_by_hand_is_named_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {tmp_path / path.parent.name / path.name: data for path, data in pages.files().items()}
    monkeypatch.setattr(pages, "files", lambda: made)
    assert len(pages.check()) == len(made) == 4
    assert len(pages.build()) == 4 and pages.build() == [] and pages.check() == []
    path = tmp_path / "avgen_control" / "README.md"
    path.write_text(path.read_text(encoding="utf-8").replace("97.0", "99.0"), encoding="utf-8")
    assert pages.check() == ["avgen_control/README.md is not as the facts say; run: build"]
    monkeypatch.setattr(tables, "check", lambda **_: [])
    assert build_main(["build", "--check"]) == 1
    assert "avgen_control/README.md" in capsys.readouterr().out


@pytest.mark.parametrize("family", FAMILIES)
def test_a_metric_card_says_what_its_dimensions_are(family: str) -> None:
    text = metric_card.render(family)
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["sdk"] == "gradio" and front["sdk_version"] == metric_card.GRADIO and front["app_file"] == "app.py"
    assert {"evaluate", "metric"} <= set(front["tags"])
    parts = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##)", text, re.M | re.S))
    assert list(parts) == list(members(family))
    for name, part in parts.items():
        facts = registry.load("dimensions", name).facts
        rows = dict(re.findall(r"^\| (\w+) \| (.*?) \|$", part, re.M))
        assert rows["scale"] == render.cell(facts.scale)
        assert rows["range"] == f"{facts.low:g} to {facts.high:g}, higher is better"
        assert rows["floor"].startswith(f"{facts.floor:g}: ")
        assert rows["version"] == facts.version
        assert rows["reference"] == (render.cell(facts.reference) or "none")
        for need in facts.needs:
            assert need in rows["needs"]


def test_the_control_card_and_the_checkers_page_quote_the_measured_rates() -> None:
    text, page = metric_card.render("control"), checkers_page.render()
    for kind in kinds():
        facts, card = kind_of(kind).facts, render.checker_card(kind)
        [row] = re.findall(rf"^\| `{kind}` \| (.*) \|$", text, re.M)
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
        assert cells[0] == render.cell(facts.summary)
        assert card is not None
        rates = card["nominal"]
        for cell, name in zip(cells[1:3], ("sensitivity", "specificity"), strict=True):
            low, high = (f"{100 * end:.1f}" for end in rates[f"{name}_ci"])
            assert cell == f"{100 * rates[name]:.1f} ({low} to {high})"
        assert cells[3:] == [f"{100 * rates['unverifiable']:.1f}", str(rates["n"])]
        [part] = re.findall(rf"^## {kind}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
        assert card["command"] in part and card["thresholds"] in part and facts.check in part
        assert len(re.findall(r"^\| .* \|$", part, re.M)) == 1 + len(card["by_nuisance"]) + 1  # heads, rule
        assert len(re.findall(r"^- .*: found ", part, re.M)) == len(card["mistakes"])


def test_a_card_follows_its_facts_and_its_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    before = metric_card.render("control")
    real = render.checker_card

    def worse(kind: str) -> dict[str, Any] | None:
        made = real(kind)
        if kind == "tempo" and made is not None:
            made["nominal"] |= {"sensitivity": 0.123, "n": 77}
        return None if kind == "duration" else made

    monkeypatch.setattr(metric_card, "checker_card", worse)
    after = metric_card.render("control")
    changed = [new for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    tempo, duration = changed
    assert "| `tempo` |" in tempo and "12.3 (" in tempo and tempo.endswith("| 77 |")
    assert "| `duration` |" in duration and duration.endswith("| not calibrated | not calibrated | | |")


@pytest.mark.parametrize("name", ["metric.md.j2", "checkers.md.j2", "passport.md.j2"])
def test_no_number_in_a_template_is_typed_by_hand(name: str) -> None:
    text = (ROOT / "cards" / name).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", "", text, flags=re.S)  # code that a reader copies
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.S)
    assert re.findall(r"\d+", text.replace("95 %", "")) == []


def _passport(**changes: Any) -> passport.Passport:
    rates = {name: passport.Rate(0.75, 30, 40, 0.6, 0.86) for name in passport.RATES}
    rates |= {name: passport.Rate(0.0, 0, 40, -0.1, 0.1) for name in passport.RATES if name.startswith("delta_")}
    rates |= {name: passport.Rate(0.0, 0, 40, 0.0, 0.1) for name in ("yes_bias", "unreadable")}
    rates["counts"] = passport.Rate(None, 0, 0, 0.0, 1.0)
    made = passport.Passport("j", "openai", "m", ("m-1",), "2026-01-02", "ab" * 8, rates, {}, 268, 3)
    return dataclasses.replace(made, **changes)


def test_a_passport_card_has_every_rate_and_what_follows() -> None:
    made = _passport()
    text = passport_card.render(made)
    for name, means in passport.RATES.items():
        rate = made.rates[name]
        value = "none | none" if rate.value is None else f"{rate.value:.2f} | {rate.low:.2f} to {rate.high:.2f}"
        assert f"| `{name}` | {value} | {rate.of} | {means} |" in text
    assert made.digest in text and made.date in text and "268 questions were asked, 3 of them" in text
    assert "| sound | yes |" in text
    rates = {**made.rates, "hears": passport.Rate(0.5, 20, 40, 0.35, 0.65)}
    deaf = passport_card.render(_passport(rates=rates))
    assert "| sound | no: does not hear" in deaf and "- `deaf`: does not hear" in deaf


def test_the_passport_command_writes_the_card(tmp_path: Path) -> None:
    spec = "openai:http://127.0.0.1:1#m"
    judge = judge_of(spec, JudgeView())
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    made = _passport(judge=judge.facts.identity, date=today, canaries=passport.CANARIES)
    judge.close()
    passport.save(made, passport.passport_path(made.judge, tmp_path))
    status = main(["judge", "passport", spec, "--folder", str(tmp_path), "--card", str(tmp_path / "JUDGE.md")])
    assert status == 0 and (tmp_path / "JUDGE.md").read_text(encoding="utf-8") == passport_card.render(made)


def test_what_a_judge_says_of_itself_cannot_mark_up_its_card() -> None:
    text = passport_card.render(_passport(model=HOSTILE, versions=(HOSTILE,)))
    assert "<script" not in text and "\x1b" not in text and "\n# pwned" not in text


# --------------------------------------------------------------------------- what a run says of a model


BENCHMARK = "org/avgen-bench"
DEFAULT = load_prompts("avgen-bench")
RUN = {"prompts": "avgen-bench", "prompts.digest": prompts_digest(DEFAULT.values()), "prompts.count": str(len(DEFAULT))}
MEANS = {"visual_quality": 0.5, "temporal_coherence": 0.25, "audio_quality": 1.0, "av_sync": 0.75}


def _facts(name: str) -> DimensionFacts:
    found: DimensionFacts = registry.load("dimensions", name).facts
    return found


def _report(
    means: Mapping[str, float | None] = MEANS,
    *,
    systems: tuple[str, ...] = ("model-a",),
    run: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Two clips a system, one 0.1 above and one 0.1 below the mean where there is room."""
    clips, rows = [], []
    for system in systems:
        for number, prompt_id in enumerate(sorted(DEFAULT)[:2]):
            clip = Clip(f"{number:x}" * 64, f"{prompt_id}.mp4", prompt_id, system, 0, "ads")
            clips.append(clip)
            for name, mean in means.items():
                room = 0.0 if mean is None else min(0.1, mean, 1 - mean)
                value = None if mean is None else mean + (room if number else -room)
                status = "abstained" if mean is None else "ok"
                rows.append(
                    Measurement(
                        name, "1", clip.clip_id, clip.key, prompt_id, status, value, "" if value is not None else "no",
                        (), (), signature=f"avgen-bench:0.1.0|dimension:{name}|version:1",
                    )
                )  # fmt: skip
    facts = [_facts(name) for name in means]
    fields = {**RUN, "missing": "floor", "failed": "outside", **(run or {})}
    return report.build(rows, clips, facts, run=fields)


def _card(made: Mapping[str, Any] | None = None, **options: Any) -> Card:
    asked = {"model": "org/model-a", "benchmark": BENCHMARK, "date": "2026-01-02", **options}
    return make(_report() if made is None else made, **asked)


def test_a_family_is_the_mean_of_its_dimensions_and_nothing_else_is_entered() -> None:
    found = _report()
    card = _card(found)
    [entry] = card.entries
    assert entry["dataset"] == {"id": BENCHMARK, "task_id": "perceptual"}
    assert entry["value"] == pytest.approx(100 * math.fsum(MEANS.values()) / 4)
    assert entry["date"] == "2026-01-02"
    assert entry["source"] == {"url": f"https://huggingface.co/datasets/{BENCHMARK}", "name": "avgen-bench 0.1.0"}
    assert entry["notes"].endswith(
        f"2 clips; 0 prompts without a clip score the floor (missing: floor); signature {digest(found['signature'])}"
    )
    for row in found["estimates"]:
        assert re.search(rf"{row['dimension']} {row['mean']:.2f}\d* \[.*?\] \(n 2\)", entry["notes"])
    assert card.left_out["overall"].startswith("no weight table was named")
    assert card.left_out["semantic"] == "no number of alignment, physics, naturalness"  # av_match cannot be measured
    assert card.left_out["control"].startswith("no number of text, speech")


SEMANTIC = {"alignment": 0.75, "physics": 0.5, "naturalness": 0.25}
UNFIT, BARE = ", asked although unfit (--allow-unfit)", ", without a passport"


@pytest.mark.parametrize(
    ("judge", "standing"),
    [
        ({"passport": {"digest": "ab" * 8}}, ""),
        ({"passport": {"digest": "ab" * 8}, "allow_unfit": True}, UNFIT),
        ({"passport": None}, BARE),
        ({"passport": None, "allow_unfit": True}, UNFIT),
        ({"passport": None, "members": [["a", "ab" * 8], ["b", "cd" * 8]]}, ""),
        ({"passport": None, "members": [["a", "ab" * 8], ["b", ""]]}, ", of which b without a passport"),
        ({"passport": None, "members": ["a", ["b"], 5]}, BARE),
        ({"passport": None, "name": "person"}, ""),
    ],
)
def test_how_a_judge_stands_is_beside_its_name(judge: dict[str, Any], standing: str) -> None:
    made = _report(SEMANTIC)
    judge = made["semantic"]["judge"] = {"name": "openai", "model": "m1", **judge}
    card = _card(made)
    [entry] = card.entries
    assert f"; judge {judge['name']} m1{standing}; not measured by this version: " in entry["notes"]
    assert f"- judge: {judge['name']} m1{standing}\n" in card.section


def test_what_is_without_a_number_stands_beside_the_mean() -> None:
    clips = [Clip(f"{n}" * 64, f"{n}.mp4", name, "model-a", 0, "ads") for n, name in enumerate(sorted(DEFAULT)[:6])]
    found = {name: ["ok"] * 6 for name in MEANS} | {"av_sync": ["ok", "ok", "abstained", "failed", "failed", "failed"]}
    rows = [
        Measurement(
            name, "1", clip.clip_id, clip.key, clip.prompt_id, status, 0.5 if status == "ok" else None,
            "" if status == "ok" else "no", (), (), signature="a:b",
        )
        for name, statuses in found.items()
        for clip, status in zip(clips, statuses, strict=True)
    ]  # fmt: skip
    card = _card(report.build(rows, clips, [_facts(name) for name in MEANS], run={**RUN, "missing": "floor"}))
    [entry] = card.entries
    assert re.search(r"av_sync 0\.5\d* \[[^]]*\] \(n 2, 1 abstained, 3 failed\)", entry["notes"])
    assert re.search(r"audio_quality 0\.5\d* \[[^]]*\] \(n 6\)", entry["notes"])
    [line] = [line for line in card.section.splitlines() if "sync" in line and line.startswith("|")]
    assert line.endswith(" | 2 | 1, 3, 0 | 0 |") and line.startswith("| perceptual | av_sync | ")
    assert "| n | abstained, failed, not measured | no clip: at the floor |\n" in card.section


def test_prompts_without_a_clip_are_told() -> None:
    clips = [Clip("", "", name, "model-a", 0, "ads") for name in sorted(DEFAULT)[:3]]
    rows = [
        Measurement(name, "1", "", clip.key, clip.prompt_id, "ok", 0.0, "", (), (), signature="a:b")
        for clip in clips
        for name in MEANS
    ]
    clips.append(Clip("a" * 64, "a.mp4", sorted(DEFAULT)[3], "model-a", 0, "ads"))
    rows += [
        Measurement(name, "1", "a" * 64, clips[3].key, clips[3].prompt_id, "ok", 0.5, "", (), (), signature="a:b")
        for name in MEANS
    ]
    for rule, words in (
        ("floor", "3 prompts without a clip score the floor"),
        ("exclude", "3 prompts without a clip do"),
    ):
        made = report.build(rows, clips, [_facts(name) for name in MEANS], run={**RUN, "missing": rule})
        card = _card(made)
        assert f"1 clip; {words}" in card.section
        lines = [line for line in card.section.splitlines() if line.startswith("| perceptual")]
        assert len(lines) == 4
        n, floors = ("4", "3") if rule == "floor" else ("1", "0")
        assert all(line.endswith(f" | {n} | 0, 0, 0 | {floors} |") for line in lines), lines
        assert [entry["value"] for entry in card.entries] == [12.5 if rule == "floor" else 50.0]


@pytest.mark.parametrize(
    ("rule", "absent", "words"),
    [
        ("floor", 1, "1 clip; 1 prompt without a clip scores the floor (missing: floor)"),
        ("floor", 2, "1 clip; 2 prompts without a clip score the floor (missing: floor)"),
        ("exclude", 1, "1 clip; 1 prompt without a clip does not count (missing: exclude)"),
        ("exclude", 2, "1 clip; 2 prompts without a clip do not count (missing: exclude)"),
    ],
)
def test_one_prompt_is_no_prompts_and_brackets_are_no_markup(rule: str, absent: int, words: str) -> None:
    names = sorted(DEFAULT)
    clips = [
        Clip("a" * 64, "a.mp4", names[0], "m", 0, "ads"),
        *(Clip("", "", n, "m", 0, "ads") for n in names[1:][:absent]),
    ]
    rows = [
        Measurement(
            "av_sync",
            "1",
            clip.clip_id,
            clip.key,
            clip.prompt_id,
            "ok",
            0.5 * bool(clip.path),
            "",
            (),
            (),
            signature="a:b",
        )
        for clip in clips
    ]
    card = make(report.build(rows, clips, [_facts("av_sync")], run={**RUN, "missing": rule}))
    assert f"- {words}; signature" in card.section


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain (with words), av_sync: 1.5!", "plain (with words), av_sync: 1.5!"),
        ("{a} x - y + z = #3", "{a} x - y + z = #3"),
        ("_all_ a_b_ __x__", "\\_all\\_ a_b\\_ \\_\\_x\\_\\_"),
        ("![i](u)", "!\\[i\\](u)"),
        ("\\(x\\)", "\\\\\\(x\\\\\\)"),  # mathematics on the Hub
        ("# head", "\\# head"),
        ("## head", "#\\# head"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("3) item", "3\\) item"),
        ("-0.5", "-0.5"),
        ("*a* `b` ~c~ $d$ e@f.g |", "\\*a\\* \\`b\\` \\~c\\~ \\$d\\$ e\\@f.g \\|"),
    ],
)
def test_only_what_is_markup_is_escaped(text: str, shown: str) -> None:
    assert model_card.escape(text) == shown


@pytest.mark.parametrize("change", [{"av_sync": None}, "left out"])
def test_a_family_that_lacks_a_dimension_has_no_number(change: Any) -> None:
    means = {**MEANS, **change} if isinstance(change, dict) else {k: v for k, v in MEANS.items() if k != "av_sync"}
    card = _card(_report(means))
    assert card.entries == [] and card.left_out["perceptual"] == "no number of av_sync"
    assert "no number for the family: no number of av_sync" in card.section
    assert ("- no number of av_sync: no\n" in card.section) == isinstance(change, dict)  # measured, without a number
    assert [metric["type"] for metric in card.model_index[0]["results"][0]["metrics"]] == [
        "visual_quality", "temporal_coherence", "audio_quality",
    ]  # fmt: skip


def test_a_dimension_whose_lower_values_are_better_counts_the_other_way() -> None:
    row = {"mean": 2.0, "facts": {"low": 0.0, "high": 8.0, "direction": -1}}
    assert model_card._share(row) == 75.0
    assert model_card._share({**row, "facts": {**row["facts"], "direction": 1}}) == 25.0


def test_overall_only_under_a_table_that_was_named() -> None:
    found = _report()
    weights = [{"name": "V", "dimension": "visual_quality", "weight": 3, "worst_at": 0, "best_at": 1}]
    weights.append({"name": "A", "dimension": "audio_quality", "weight": 1, "worst_at": 0, "best_at": 1})
    table = totals.parse_table(
        {
            **{"schema": totals.TABLE_SCHEMA, "name": "mine", "version": "7", "reference": "here"},
            **{"missing_metric": "worst", "failed_clip": "leave_out"},
            "groups": [{"name": "g", "weight": 1, "metrics": weights}],
        },
        "mine.json",
    )
    found["total"] = totals.of_report(found, table)
    overall, perceptual = _card(found).entries
    assert overall["dataset"]["task_id"] == "overall" and perceptual["dataset"]["task_id"] == "perceptual"
    assert overall["value"] == pytest.approx((3 * 50 + 100) / 4)
    assert f"weight table mine 7 ({table.digest}), covering 100 %" in overall["notes"]


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ({"prompts": "avgen-bench:mini", "prompts.digest": "0" * 16}, "but on avgen-bench:mini, digest 0000"),
        ({"prompts": "avgen-bench", "prompts.digest": "none"}, "but on avgen-bench, digest none"),
    ],
)
def test_another_prompt_set_is_no_result_of_the_benchmark(run: dict[str, str], why: str) -> None:
    card = _card(_report(run=run))
    assert card.entries == [] and set(card.left_out) == set(model_card.TASKS)
    assert why in card.left_out["perceptual"]
    assert "config" not in card.model_index[0]["results"][0]["dataset"]


def _dataset(**run: str) -> dict[str, str]:
    found: dict[str, str] = _card(_report(run=run)).model_index[0]["results"][0]["dataset"]
    return found


def test_prompts_of_one_s_own_are_no_data_set_of_the_benchmark() -> None:
    own = _dataset(**{"prompts": "mine.jsonl", "prompts.digest": "0" * 16})
    assert own == {
        "name": f"own prompts (mine.jsonl, digest {'0' * 16}), scored with avgen-bench",
        "type": "own-prompts",
    }
    none = _dataset(**{"prompts": "none", "prompts.digest": "none"})
    assert none == {"name": "own clips without prompts, scored with avgen-bench", "type": "own-clips"}
    whole = {"name": "avgen-bench, prompts avgen-bench", "type": BENCHMARK, "config": "default", "split": "test"}
    assert _dataset() == whole
    # a file is known by what it holds, whatever it is called
    assert _dataset(prompts="copy.jsonl") == whole
    mini = prompts_digest(load_prompts("avgen-bench:mini").values())
    assert _dataset(**{"prompts": "m", "prompts.digest": mini}) == {
        **whole, "name": "avgen-bench, prompts avgen-bench:mini", "config": "mini",
    }  # fmt: skip


def test_a_result_on_own_prompts_takes_the_place_of_the_one_before() -> None:
    for run in ({"prompts": "p.jsonl", "prompts.digest": "0" * 16}, {"prompts": "none", "prompts.digest": "none"}):
        one, other = (_card(_report(means, run=run), benchmark="") for means in (MEANS, {**MEANS, "av_sync": 0.9}))
        assert "source" not in one.model_index[0]["results"][0]
        text = into_readme(into_readme(OLD, one), other)
        [row] = yaml.safe_load(text.split("---\n")[1])["model-index"]
        assert len(row["results"]) == 2 and row["results"][1] == other.model_index[0]["results"][0]


def test_without_a_benchmark_there_are_no_entries() -> None:
    card = _card(benchmark="")
    assert card.entries == [] and "--benchmark" in card.left_out["perceptual"]
    assert card.model_index[0]["results"][0]["dataset"]["type"] == "avgen-bench"


def test_the_entries_are_those_that_the_hub_s_library_reads() -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = _card()
    entries = yaml.safe_load(model_card.entries_text(card.entries))
    parsed = hub.parse_eval_result_entries(entries)
    assert hub.eval_result_entries_to_yaml(parsed) == card.entries == entries
    assert parsed[0].dataset_id == BENCHMARK and parsed[0].task_id == "perceptual"


def test_the_model_index_is_one_that_the_hub_s_library_reads() -> None:
    hub = pytest.importorskip("huggingface_hub")
    found = _report()
    made = hub.ModelCard(into_readme("", _card(found)))
    assert made.data.pipeline_tag == "text-to-video" and "text-to-audio-video" in made.data.tags
    by_type = {item.metric_type: item for item in made.data.eval_results}
    assert {name: item.metric_value for name, item in by_type.items()} == {
        row["dimension"]: row["mean"] for row in found["estimates"]
    }
    for item in by_type.values():
        assert item.dataset_type == BENCHMARK and item.dataset_config == "default" and item.metric_args["n"] == 2


OLD = """---
license: mit  # keep me
model-index:
- name: other name
  results:
  - task: {type: text-to-video}
    dataset: {type: org/other, name: other}
    metrics:
    - {type: fvd, value: 3.5}
tags: [a]
---
# A model

Text.

## Training

More.
"""


def test_a_readme_keeps_everything_else_and_a_second_time_changes_nothing() -> None:
    card = _card()
    once = into_readme(OLD, card)
    assert into_readme(once, card) == once
    assert "license: mit  # keep me\n" in once and "tags: [a]\n" in once
    assert once.endswith(card.section) and "## Training\n\nMore.\n" in once
    index = yaml.safe_load(once.split("---\n")[1])["model-index"]
    assert [row["name"] for row in index] == ["other name"]
    assert [one["dataset"]["type"] for one in index[0]["results"]] == ["org/other", BENCHMARK]
    better = _card(_report({**MEANS, "av_sync": 0.9}))
    twice = into_readme(once.replace("More.", "Much more."), better)
    assert "Much more." in twice and twice.count("avgen-bench:begin") == 1
    index = yaml.safe_load(twice.split("---\n")[1])["model-index"]
    values = {metric["type"]: metric["value"] for metric in index[0]["results"][1]["metrics"]}
    assert len(index[0]["results"]) == 2 and values["av_sync"] == 0.9


@pytest.mark.parametrize(
    "text",
    [
        "\n---\nlicense: mit\ntags: [a]\n---\n# x\n",
        "  \n\n---\nlicense: mit\ntags: [a]\n---\n# x\n",
        "\ufeff---\nlicense: mit\ntags: [a]\n---\n# x\n",
        "\ufeff\r\n---\r\nlicense: mit\r\ntags: [a]\r\n---\r\n# x\r\n",
        "---\rlicense: mit\rtags: [a]\r---\r# x\r",
        "---\n\nlicense: mit\ntags: [a]\n\n---\n# x\n",
        "---\n# to be filled\n---\n# x\n",
        "---\nlicense: mit\nmodel-index:\n- name: m\n  results:\n---\n# x\n",
    ],
)
def test_what_the_hub_s_library_reads_at_the_top_it_reads_afterwards(text: str, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    (tmp_path / "old.md").write_bytes(text.encode())
    card = _card()
    (tmp_path / "new.md").write_bytes(into_readme(text, card).encode())
    old, new = (hub.metadata_load(tmp_path / name) or {} for name in ("old.md", "new.md"))
    assert new.pop("model-index")[0]["results"] == card.model_index[0]["results"]
    old.pop("model-index", None)
    assert new == old == ({"license": "mit", **old} if "license" in text else {})
    assert "# x\n" in into_readme(text, card) and into_readme(into_readme(text, card), card) == into_readme(text, card)


def test_a_section_in_the_middle_stays_there() -> None:
    card = _card()
    text = into_readme(f"# M\n\n{card.section}\n## After\n", card)
    assert text.index("avgen-bench:end") < text.index("## After")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\n[1, 2\n---\n", "is no YAML"),
        ("---\n- a\n---\n", "holds list"),
        ("---\na: &x [1]\nb: *x\n---\n", "references of YAML"),
        ("---\nmodel-index: 5\n---\n", "no list of models"),
        ("---\nmodel-index:\n- results: 5\n---\n", "results in model-index is int; expected a list"),
        ("---\nmodel-index:\n- results: {a: b}\n---\n", "results in model-index is dict; expected a list"),
        ("<!-- avgen-bench:begin -->\n", "1 times"),
        ("<!-- avgen-bench:end --><!-- avgen-bench:begin -->\n", "1 times"),
        ("x" * (1 << 20) + "x", "characters"),
    ],
)
def test_a_readme_that_cannot_be_changed_safely_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        into_readme(text, _card())


def test_front_matter_that_hides_the_key_in_text_is_written_anew() -> None:
    front = "note: |\n  x\n\n  model-index: no\nq: 'a\n\n  model-index: b'\n"
    text = into_readme(f"---\n{front}---\nx\n", _card())
    value = yaml.safe_load(text.split("---\n")[1])
    assert value["note"] == "x\n\nmodel-index: no\n" and value["model-index"][0]["results"]


def test_hostile_names_stay_text() -> None:
    card = make(_report(systems=(HOSTILE,), run={"prompts": HOSTILE}), benchmark=BENCHMARK)
    assert card.section.count("<!-- avgen-bench:end -->") == 1 and card.section.count("<!--") == 2
    text = into_readme("", card)
    for bad in ("<script", "<img", "\x1b", "\n# pwned"):
        assert bad not in text.partition("---\n")[2].partition("---\n")[2]
    assert into_readme(text, card) == text
    [entry] = card.entries
    assert yaml.safe_load(model_card.entries_text([entry])) == [entry] and "\x1b" not in entry["notes"]


def test_which_system() -> None:
    found = _report(systems=("a", "b"))
    with pytest.raises(InputError, match="2 systems; give --system with one of: a, b"):
        make(found)
    with pytest.raises(InputError, match="no such system"):
        make(found, system="c")
    assert make(found, system="b").system == "b"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "noslash"}, "--model noslash"),
        ({"benchmark": "../x"}, "--benchmark"),
        *(
            ({"date": text}, "--date: .* is no date; expected YYYY-MM-DD")
            for text in ("yesterday", "2026-11-22|10:00", "20261122", "2026-W47-7", "2026-11-22 10:00", "2026-02-30")
        ),
        ({"date": "2026-11-22T10:00:00Z"}, "--date"),
        ({"source": "javascript:alert(1)"}, "--source"),
    ],
)
def test_options_are_looked_at(options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _card(**options)


GOOD: dict[str, Any] = {"dataset": {"id": "org/x", "task_id": "t"}, "value": 1.5}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "is dict"),
        ([5], "entry 1 is int"),
        ([{"value": 1}], "no 'dataset'"),
        ([{**GOOD, "score": 1}], "unknown field 'score'"),
        ([{**GOOD, "dataset": {"id": "org/x"}}], "no 'task_id'"),
        ([{**GOOD, "dataset": {"id": "x", "task_id": "t"}}], "expected a repository"),
        ([{**GOOD, "dataset": {"id": "org/x", "task_id": ""}}], "expected text"),
        ([{**GOOD, "value": "1"}], "expected a number"),
        ([{**GOOD, "value": True}], "expected a number"),
        ([{**GOOD, "value": float("nan")}], "expected a number"),
        ([{**GOOD, "date": "2026-13-01"}], "is no date"),
        ([{**GOOD, "date": 20260101}], "is no date"),
        *(
            ([{**GOOD, "date": text}], "is no date")
            for text in ("2026-11-22|10:00", "20261122", "2026-W47-7", "2026-11-22T25:00:00Z", "2026-11-22T10:00")
        ),
        ([{**GOOD, "source": {"name": "x"}}], "no 'url'"),
        ([{**GOOD, "source": {"url": "ftp://x"}}], "no address"),
        ([{**GOOD, "notes": 5}], "'notes' is int"),
        ([GOOD, GOOD], "twice"),
    ],
)
def test_entries_that_the_hub_would_not_take(entries: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        validate_entries(entries, "x.yaml")


def test_entries_that_the_hub_takes() -> None:
    full = {**GOOD, "date": "2026-01-02T03:04:05Z", "notes": "n", "verifyToken": "t"}
    validate_entries([{**full, "source": {"url": "https://x.y/z", "name": "n", "user": "u", "org": "o"}}], "x.yaml")
    validate_entries([], "x.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": []}, "not empty"),
        ({"tasks": [{"config": "default"}]}, "no 'id'"),
        ({"tasks": [{"id": "a"}, {"id": "a"}]}, "twice"),
        ({"evaluation_framework": ""}, "expected text"),
        ({"more": 1}, "unknown field"),
    ],
)
def test_a_benchmark_file_that_the_hub_would_not_take(change: dict[str, Any], message: str) -> None:
    good = json.loads(json.dumps(model_card.benchmark_yaml()))
    model_card.validate_benchmark(good, "eval.yaml")
    with pytest.raises(InputError, match=message):
        model_card.validate_benchmark({**good, **change}, "eval.yaml")


def test_the_same_report_gives_the_same_bytes() -> None:
    one, two = _card(_report()), _card(_report())
    assert into_readme("", one) == into_readme("", two)
    assert model_card.entries_text(one.entries) == model_card.entries_text(two.entries)
