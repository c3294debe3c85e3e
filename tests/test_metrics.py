"""The modules for Hugging Face's evaluate: found by name, offline, and right about whatever they are given."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scenes import small_clip

import avgen_bench
from avgen_bench import aliases, metric_base, registry, report
from avgen_bench.errors import InputError, ManifestError
from avgen_bench.types import Ask, Clip, ClipViews, JudgeFacts, JudgeReply, JudgeView, Measurement

MODULES = ("avgen_control", "avgen_perceptual", "avgen_semantic")
DURATION = {
    "id": "short-1",
    "prompt": "One second of drifting noise.",
    "constraints": [{"id": "c1", "kind": "duration", "span": "One second", "duration_s": 1.0}],
}


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Caches of its own, and no network; evaluate reads both when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        import evaluate.config

        home = tmp_path_factory.mktemp("home")
        patch.setattr(evaluate.config, "HF_METRICS_CACHE", home / "metrics")
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", str(home / "modules"))
        yield


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("clips")
    return [str(small_clip(folder / f"c{n}.mp4", value, seed=n)) for n, value in enumerate((60, 110, 160))]


def load(name: str, config: str | None = None) -> Any:
    import evaluate

    return evaluate.load(name, config)


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)  # NaN is written like any other number


# --------------------------------------------------------------------------- found by name


def _fresh(code: str, home: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_literal_names_in_a_fresh_process(tmp_path: Path) -> None:
    code = """
import sys
import avgen_bench
assert not {"evaluate", "datasets", "numpy"} & set(sys.modules)
import evaluate
print(sorted(evaluate.load(name).name for name in ("avgen_control", "avgen_perceptual", "avgen_semantic")))
assert not {"torch", "cv2", "av", "onnxruntime"} & set(sys.modules), "loading measures nothing"
"""
    assert _fresh(code, tmp_path).strip() == str(list(MODULES))


def test_seeded_they_need_no_import(tmp_path: Path) -> None:
    _fresh("from avgen_bench import aliases; aliases.seed_modules(); aliases.seed_modules()", tmp_path)
    code = """
import evaluate
for name in ("avgen_control", "avgen_perceptual", "avgen_semantic"):
    found = evaluate.load(name).compute(predictions=[], references=[])
    assert found[f"{name}/n"] == 0, found
"""
    _fresh(code, tmp_path)
    assert len(list(tmp_path.rglob("evaluate-metric--avgen_*/*/avgen_*.py"))) == 3, "seeding again adds nothing"


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        aliases.seed_modules(tmp_path / "file" / "cache")


@pytest.mark.parametrize("name", MODULES)
def test_by_path_and_thin(name: str) -> None:
    folder = aliases.folder(name)
    assert load(str(folder)).name == load(name).name == name
    assert len((folder / f"{name}.py").read_text().splitlines()) <= 80
    assert (folder / "requirements.txt").read_text().splitlines()[0].startswith("avgen-bench")
    assert "Args:" in load(name).compute.__doc__


# --------------------------------------------------------------------------- what is given


def test_numbers_are_those_of_the_runner(clips: list[str], tmp_path: Path) -> None:
    found = load("avgen_perceptual").compute(
        predictions=clips, dimensions=["audio_quality", "visual_quality"], workers=0, out=tmp_path / "run"
    )
    report = avgen_bench.read_report(tmp_path / "run")
    means = {row["dimension"]: row for row in report["estimates"]}
    assert set(means) == {"audio_quality", "visual_quality"}
    for name, row in means.items():
        assert found[f"avgen_perceptual/{name}"] == row["mean"]
        assert found[f"avgen_perceptual/{name}/ci_low"] == row["ci_low"] < row["mean"] < row["ci_high"]
        assert found[f"avgen_perceptual/{name}/n"] == 3
    mean = math.fsum(row["mean"] for row in means.values()) / 2
    assert found["avgen_perceptual"] == pytest.approx(mean, abs=1e-9)
    assert math.isnan(found["avgen_perceptual/ci_low"]), "three prompts are too few for a bootstrap"
    assert all(type(value) is float for value in found.values())
    assert (found["avgen_perceptual/measured"], found["avgen_perceptual/dimensions"]) == (2, 2)


def test_one_path_is_no_list_of_paths(clips: list[str]) -> None:
    with pytest.raises(InputError, match="expected a list of paths"):
        load("avgen_perceptual").compute(predictions=clips[0])


def test_add_add_batch_and_compute_give_the_same(clips: list[str]) -> None:
    options = {"dimensions": "audio_quality", "workers": 0, "per_sample": True}
    at_once = load("avgen_perceptual").compute(predictions=clips, references=[None] * 3, **options)
    metric = load("avgen_perceptual")
    metric.add(prediction=Path(clips[0]))
    metric.add_batch(predictions=[{"path": clips[1], "bytes": None}], references=[None])
    metric.add(prediction=clips[2], reference=None)
    assert same(metric.compute(**options), at_once)
    assert same(metric.compute(predictions=clips, **options), at_once), "it can be used again"
    assert [row["prediction"] for row in at_once["avgen_perceptual/rows"]] == clips


def test_a_clip_that_is_not_there_fails_and_the_others_go_on(clips: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no clip")
    given = [clips[2], str(tmp_path / "none.mp4"), clips[0], str(tmp_path / "text.mp4")]
    with pytest.warns(UserWarning) as told:
        found = load("avgen_perceptual", "audio_quality").compute(predictions=given, per_sample=True, workers=0)
    words = sorted(str(item.message) for item in told)
    assert len(words) == 2 and words[0].startswith("failed: none.mp4: ") and words[1].startswith("failed: text.mp4: ")
    rows = found["avgen_perceptual/rows"]
    assert [row["scores"]["audio_quality"]["status"] for row in rows] == ["ok", "failed", "ok", "failed"]
    assert rows[1]["clip_id"] is None and "none.mp4" in rows[1]["scores"]["audio_quality"]["reason"]
    assert found["avgen_perceptual/n"] == 4 and found["avgen_perceptual/failed"] == 2
    values = [rows[place]["scores"]["audio_quality"]["value"] for place in (0, 2)]
    assert found["avgen_perceptual"] == pytest.approx(sum(values) / 2, rel=1e-5)
    nothing = load("avgen_perceptual", "audio_quality").compute(predictions=given[1:2], workers=0)
    assert math.isnan(nothing["avgen_perceptual"]) and nothing["avgen_perceptual/failed"] == 1


def test_none_is_no_clip_and_scores_the_floor_as_in_score(clips: list[str], tmp_path: Path) -> None:
    rows = [DURATION | {"id": f"short-{n}"} for n in range(3)]
    found = load("avgen_control", "timing").compute(
        predictions=[clips[0], None, clips[1]], references=rows, per_sample=True, workers=0
    )
    assert [row["scores"]["timing"]["value"] for row in found["avgen_control/rows"]] == [1.0, 0.0, 1.0]
    assert found["avgen_control/rows"][1]["prediction"] is None and found["avgen_control/timing/n"] == 3
    assert found["avgen_control/timing"] == pytest.approx(2 / 3, rel=1e-5) and found["avgen_control/failed"] == 0
    for name, row in zip(("a", "c"), (clips[0], clips[1]), strict=True):
        (tmp_path / f"short-{'ac'.index(name) * 2}.mp4").write_bytes(Path(row).read_bytes())
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = avgen_bench.score(
        tmp_path, out=tmp_path / "run", prompts=tmp_path / "p.jsonl", dimensions=["timing"], workers=0
    )
    assert report["estimates"][0]["mean"] == found["avgen_control/timing"]
    alone = load("avgen_control", "timing").compute(
        predictions=[clips[0], None], references=rows[:2], missing="exclude", per_sample=True, workers=0
    )
    assert alone["avgen_control/timing"] == 1.0 and alone["avgen_control/rows"][1]["scores"] == {}
    with pytest.raises(InputError, match=r"predictions\[1\] is None, no clip"):
        load("avgen_perceptual", "audio_quality").compute(predictions=[clips[0], None])


def test_a_failed_clip_hides_no_other_reason(clips: list[str], tmp_path: Path) -> None:
    given = [str(tmp_path / "none.mp4"), clips[0]]
    with pytest.warns(UserWarning) as told:
        load("avgen_semantic", "alignment").compute(predictions=given, references=["ads-001", "ads-002"], workers=0)
    words = sorted(str(item.message) for item in told)
    assert words[0].startswith("failed: none.mp4: ")
    assert words[1:] == ["no number for alignment: needs a judge: give judge='openai:URL#model'"]


@pytest.mark.parametrize("name", MODULES)
def test_nothing_given(name: str) -> None:
    found = load(name).compute(predictions=[], references=[], per_sample=True)
    assert found.pop(f"{name}/rows") == []
    assert math.isnan(found[name]) and found[f"{name}/n"] == 0 and found[f"{name}/measured"] == 0
    assert all(math.isnan(value) or value == 0 or key.endswith("/dimensions") for key, value in found.items())


def test_rows_of_ones_own_and_ids_of_the_set(clips: list[str]) -> None:
    control = load("avgen_control", "timing")
    long = {**DURATION, "id": "short-2", "constraints": [{**DURATION["constraints"][0], "duration_s": 3.0}]}
    found = control.compute(
        predictions=clips[:2], references=[DURATION, {**long, "title": None}], workers=0, per_sample=True
    )
    assert [row["scores"]["timing"]["value"] for row in found["avgen_control/rows"]] == [1.0, 0.0]
    assert found["avgen_control"] == found["avgen_control/timing"] == 0.5
    assert [row["prompt_id"] for row in found["avgen_control/rows"]] == ["short-1", "short-2"]

    text = "A dog barks."
    named = load("avgen_perceptual", "audio_quality").compute(
        predictions=[clips[0], clips[1], clips[1]],
        references=["ads-001", {"prompt": text}, {"prompt": text}],
        workers=0,
        per_sample=True,
    )
    ids = [row["prompt_id"] for row in named["avgen_perceptual/rows"]]
    assert ids[0] == "ads-001" and ids[1] == ids[2] and ids[1].startswith("prompt-")
    assert named["avgen_perceptual/n"] == 3


@pytest.mark.parametrize(
    ("references", "error", "words"),
    [
        (["ads-01", "ads-002"], InputError, r"references\[0\].*'ads-01'; the nearest is 'ads-"),
        (["ads-001", None], InputError, r"references\[1\] is None"),
        (["ads-001", "{broken"], InputError, "begins like JSON"),
        ([DURATION, {**DURATION, "prompt": "One second of another."}], InputError, "already given to another prompt"),
        (
            [DURATION, {"id": "x"}],
            InputError,
            r"references\[1\] has no 'text' \(or 'prompt'\); got the fields \['id'\]",
        ),
        ([DURATION, {"text": 5, "prompt": "p"}], InputError, r"references\[1\] has no 'text'"),
        ([DURATION, {"prompt": "\udcff"}], InputError, "not UTF-8"),
        (["ads-001", "ads-\udcff"], InputError, "a reference is .*not UTF-8"),
        (5, InputError, "references is 5; expected a list, one for each prediction"),
        (
            [DURATION, {**DURATION, "id": "x", "constraints": [{**DURATION["constraints"][0], "duration_s": 10**400}]}],
            *(ManifestError, r"references\[1\].*'duration_s' is 1e400; expected 0\.2 to 60"),
        ),
        ([DURATION, {"prompt": "p", "constraints": [{"id": "c"}]}], ManifestError, r"references\[1\].*'c'"),
        ([DURATION, 5], InputError, "a reference is 5"),
        ([DURATION, {"prompt": float("nan")}], InputError, "JSON"),
        ("ads-001", InputError, "expected a list"),
        ([None, None], InputError, "without prompts: give references"),
        (["ads-001"], ValueError, "Mismatch in the number"),
    ],
)
def test_references_that_cannot_be_used(clips: list[str], references: Any, error: type[Exception], words: str) -> None:
    control = load("avgen_control", "timing")
    with pytest.raises(error, match=words):
        control.compute(predictions=clips[:2], references=references, workers=0)
    assert control.compute(predictions=clips[:1], references=[DURATION], workers=0)["avgen_control"] == 1.0


def test_a_row_of_the_dataset_is_a_reference(clips: list[str]) -> None:
    from datasets import load_dataset

    rows = load_dataset("avgen-bench", "mini", split="test")
    assert "text" in rows[0] and None in rows[0]["constraints"][0].values(), "datasets fills what a row lacks"
    options = {"workers": 0, "per_sample": True}
    metric = load("avgen_control", "timing")
    by_row = metric.compute(predictions=clips[:2], references=[rows[0], rows[1]], **options)
    by_name = metric.compute(predictions=clips[:2], references=[rows[0]["id"], rows[1]["id"]], **options)
    assert same(by_row, by_name)
    assert [row["prompt_id"] for row in by_row["avgen_control/rows"]] == rows["id"][:2]
    listed = metric.compute(predictions=clips[:2], references=rows.select(range(2)), **options)
    assert same(listed, by_name)


@pytest.mark.parametrize("prediction", [5, "", b"x.mp4", "a\0b", {"bytes": b""}])
def test_predictions_that_are_no_paths(prediction: Any) -> None:
    with pytest.raises(InputError, match="expected the path of a clip"):
        load("avgen_perceptual").compute(predictions=[prediction])
    with pytest.raises(InputError, match="expected the path of a clip"):
        load("avgen_perceptual").add(prediction=prediction)


@pytest.mark.parametrize("predictions", [5, 1.5, object()])
def test_predictions_that_are_no_list(predictions: Any) -> None:
    with pytest.raises(InputError, match=r"predictions is .*; expected a list of paths, one for each clip"):
        load("avgen_perceptual").compute(predictions=predictions)


def test_a_path_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.mp4")
    for value in (name, Path(name), {"path": name}):
        with pytest.raises(
            InputError, match=r"a prediction is .*bad\\udcff\.mp4', which is not UTF-8; rename the file"
        ):
            load("avgen_perceptual").compute(predictions=[value])
        with pytest.raises(InputError, match="rename the file"):
            load("avgen_perceptual").add(prediction=value)


def test_options_that_cannot_be_used(clips: list[str]) -> None:
    with pytest.raises(InputError, match="no configuration 'nope'; there are: default, mini, visual_quality"):
        load("avgen_perceptual", "nope")
    metric = load("avgen_perceptual")
    for options, words in (
        ({"dimensions": ["alignment"]}, "no dimension 'alignment'"),
        ({"dimensions": []}, "dimensions is empty"),
        ({"limits": {"nope": 1}}, "nope"),
        ({"prompts": "avgen-bench"}, "give references"),
        ({"missing": "maybe"}, "floor"),
        ({"workers": -1}, "workers"),
        ({"workers": "two"}, "workers is 'two'; expected a whole number"),
        ({"workers": True}, "workers is True; expected a whole number"),
        ({"seed": "x"}, "seed is 'x'; expected a whole number"),
        ({"seed": None}, "seed is None; expected a whole number"),
        ({"repeats": 1.5}, "repeats is 1.5; expected a whole number"),
        ({"concurrency": "8"}, "concurrency is '8'; expected a whole number"),
        ({"budget": 5}, "budget is 5; expected an amount with its unit: 500calls"),
        ({"judge": 5}, "judge is 5; expected one as avgen-bench score --judge takes it"),
        ({"dimensions": 5}, "dimensions is 5; expected a list of names"),
        ({"prompts": 5}, "prompts is 5; expected a path"),
        ({"out": 5}, "out is 5; expected a path"),
        ({"missing": 5}, "missing is 5; expected text"),
        ({"system": None}, "system is None; expected text"),
    ):
        with pytest.raises(InputError, match=words):
            metric.compute(predictions=clips[:1], **options)
    with pytest.raises(TypeError, match="nope"):
        metric.compute(predictions=clips[:1], nope=1)


def test_mini_counts_every_prompt_of_its_set(clips: list[str]) -> None:
    from avgen_bench.prompts import load_prompts

    ids = list(load_prompts("avgen-bench:mini"))
    options = {"dimensions": "audio_quality", "workers": 0}
    metric = load("avgen_perceptual", "mini")
    whole = metric.compute(predictions=clips[:1], references=ids[:1], **options)
    alone = metric.compute(predictions=clips[:1], references=ids[:1], missing="exclude", **options)
    assert whole["avgen_perceptual"] == pytest.approx(alone["avgen_perceptual"] / len(ids), rel=1e-5)
    assert whole["avgen_perceptual/n"] == alone["avgen_perceptual/n"] == 1
    with pytest.raises(InputError, match="no prompt has the id"):
        outside = next(name for name in load_prompts("avgen-bench") if name not in ids)
        metric.compute(predictions=clips[:1], references=[outside], **options)


def test_counts_and_intervals_are_those_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen clips of known numbers: two dimensions off their commonest, one with lost clips, one without a number."""
    names = ("audio_quality", "visual_quality", "av_sync", "temporal_coherence")
    statuses = {name: ["ok"] * 16 for name in names}
    statuses["visual_quality"][3:6] = ["failed", "abstained", "abstained"]
    statuses["av_sync"] = ["failed"] + ["abstained"] * 15
    statuses["temporal_coherence"] = ["ok"] * 15 + ["failed"]

    def score(manifest: Path, out: Path, **_: Any) -> dict[str, Any]:
        given = [json.loads(line) for line in Path(manifest).read_text().splitlines()]
        clips = [Clip(f"{n:064x}", row["path"], row["prompt_id"], "s", 0, "") for n, row in enumerate(given)]
        rows = []
        for name in names:
            for n, (clip, status) in enumerate(zip(clips, statuses[name], strict=True)):
                value = 0.2 + 0.04 * n if status == "ok" else None
                where = (clip.clip_id, clip.key, clip.prompt_id)
                reason = "" if status == "ok" else "no"
                rows.append(Measurement(name, "1", *where, status, value, reason, (), (), signature="a:b"))
        facts = [registry.load("dimensions", name).facts for name in names]
        made.append(report.build(rows, clips, facts, run={"missing": "floor"}))
        return made[-1]

    made: list[dict[str, Any]] = []
    monkeypatch.setattr(metric_base.runner, "score", score)
    metric = load("avgen_perceptual")
    with pytest.warns(UserWarning):
        found = metric.compute(predictions=[f"/c{n}.mp4" for n in range(16)])
    estimates = {row["dimension"]: row for row in made[0]["estimates"]}
    means = [estimates[name]["mean"] for name in names if name != "av_sync"]
    module = "avgen_perceptual"
    assert found[module] == pytest.approx(sum(means) / 3, abs=1e-6)
    low, high = found[f"{module}/ci_low"], found[f"{module}/ci_high"]
    assert found[module] - 0.2 < low < found[module] - 0.05 and found[module] + 0.05 < high < found[module] + 0.2
    counted = {"audio_quality": (16, 0, 0), "visual_quality": (13, 1, 2)}
    counted |= {"av_sync": (0, 1, 15), "temporal_coherence": (15, 1, 0)}
    for name, expected in counted.items():
        assert tuple(found[f"{module}/{name}/{key}"] for key in ("n", "failed", "abstained")) == expected, name
        if name == "av_sync":
            assert all(math.isnan(found[f"{module}/{name}{end}"]) for end in ("", "/ci_low", "/ci_high"))
        else:
            ends = [found[f"{module}/{name}/{end}"] for end in ("ci_low", "ci_high")]
            assert ends == [estimates[name]["ci_low"], estimates[name]["ci_high"]] and ends[0] < ends[1]
    assert (found[f"{module}/measured"], found[f"{module}/dimensions"]) == (3, 4)
    # clips with a dimension that failed: 0 (av_sync), 3 and 15; that abstained: all but the first
    assert (found[f"{module}/n"], found[f"{module}/failed"], found[f"{module}/abstained"]) == (16, 3, 15)


def test_one_dimension_is_the_family_with_its_interval(clips: list[str]) -> None:
    found = load("avgen_perceptual", "audio_quality").compute(predictions=clips, workers=0)
    low, high = found["avgen_perceptual/ci_low"], found["avgen_perceptual/ci_high"]
    assert low < found["avgen_perceptual"] < high
    assert [low, high] == [found[f"avgen_perceptual/audio_quality/{end}"] for end in ("ci_low", "ci_high")]
    facts = dataclasses.replace(registry.load("dimensions", "audio_quality").facts, direction=-1)
    row = {"dimension": "audio_quality", "mean": 0.2, "ci_low": 0.1, "ci_high": 0.4}
    other = metric_base._family([facts], {"clips": []}, {"audio_quality": row})
    assert other == pytest.approx((0.8, 0.6, 0.9)), "of a scale whose lower end is the better one"


def test_combined_keys_do_not_meet(clips: list[str]) -> None:
    import evaluate

    both = evaluate.combine(["avgen_perceptual", "avgen_control"])
    found = both.compute(predictions=clips[:1], references=[DURATION], workers=0)
    assert found["avgen_control/timing"] == 1.0 and "avgen_perceptual/audio_quality" in found
    assert not any(key.startswith(("avgen_control_0", "avgen_perceptual_0")) for key in found)


# --------------------------------------------------------------------------- with a judge


class Yes:
    """Says yes to a question and no to its false twin."""

    facts = JudgeFacts("yes", "yes@1", "1", JudgeView(), True)
    closed = False

    def __init__(self) -> None:
        self.asked = 0

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        self.asked += 1
        word = ask.menu[1] if ask.key.endswith("~twin") else ask.menu[0]
        return JudgeReply(json.dumps({"answer": word}), float(word == ask.menu[0]), "yes@1")

    def close(self) -> None:
        self.closed = True


def test_a_judge_is_asked_and_without_one_nothing_is_hidden(clips: list[str], tmp_path: Path) -> None:
    metric = load("avgen_semantic", "alignment")
    judge = Yes()
    options = {"references": ["ads-001"], "workers": 0, "out": tmp_path / "run"}
    found = metric.compute(predictions=clips[:1], judge=judge, **options)
    asked = judge.asked
    assert found["avgen_semantic/alignment"] == found["avgen_semantic"] > 0.9 and asked > 1
    assert not judge.closed, "whoever made it closes it"
    assert same(metric.compute(predictions=clips[:1], judge=judge, **options), found) and judge.asked == asked
    with pytest.warns(UserWarning, match="no number for alignment: needs a judge"):
        alone = metric.compute(predictions=clips[:1], references=["ads-001"], workers=0, per_sample=True)
    assert math.isnan(alone["avgen_semantic"]) and alone["avgen_semantic/abstained"] == 1
    assert "needs a judge" in alone["avgen_semantic/rows"][0]["scores"]["alignment"]["reason"]
    with pytest.raises(InputError, match="names no transport"):
        metric.compute(predictions=clips[:1], references=["ads-001"], judge="nonsense")


def test_numbers_of_numpy_in_rows() -> None:
    import numpy as np

    text = metric_base.encode_reference({"prompt": "p", "list": np.array([1, 2]), "n": np.int64(3)})
    assert json.loads(text) == {"prompt": "p", "list": [1, 2], "n": 3}
    with pytest.raises(InputError, match="holds object"):
        metric_base.encode_reference({"prompt": object()})
