"""Importing what AVGen-Bench's own evaluation leaves behind: every file, every quirk, and nothing dropped silently."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upstream_folder import (
    CLIPS,
    LONG,
    TITLES,
    stem,
    summary_csv,
    value,
    write_csv,
    write_json,
    write_prompts,
    write_run,
)

from avgen_bench import totals, upstream
from avgen_bench.cli import main
from avgen_bench.errors import InputError, StoreError
from avgen_bench.run_folder import read_report
from avgen_bench.upstream_folder import Folder, as_number

METRICS = ["vis", "aud", "av", "lip", "text", "face", "music", "speech", "lo_phy", "hi_phy", "holistic"]
TAG = "gen_a"


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    return write_prompts(tmp_path / "prompts")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_run(tmp_path / "out", TAG)


def _import(root: Path, prompts: Path | None = None, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The imported value and the report made of it."""
    out = root.parent / "RUN"
    made = upstream.import_upstream(root, out, prompts=prompts, **more)
    return made, read_report(out)


def _block(made: dict[str, Any], metric: str, system: str = TAG) -> dict[str, Any]:
    [row] = [row for row in made["means"] if (row["system"], row["dimension"]) == (system, f"upstream.{metric}")]
    found: dict[str, Any] = row
    return found


def _estimate(report: dict[str, Any], metric: str, system: str = TAG) -> dict[str, Any]:
    [row] = [row for row in report["estimates"] if (row["system"], row["dimension"]) == (system, f"upstream.{metric}")]
    found: dict[str, Any] = row
    return found


def _cell(report: dict[str, Any], metric: str, prompt: str, system: str = TAG) -> dict[str, Any]:
    [row] = [row for row in report["clips"] if (row["system"], row["prompt_id"]) == (system, prompt)]
    found: dict[str, Any] = row["measurements"][f"upstream.{metric}"]
    return found


def _said(made: dict[str, Any], *words: str) -> bool:
    """Whether some note holds all of the words."""
    return any(all(word in note for word in words) for note in made["notes"])


def _edit_json(path: Path, change: Callable[[Any], Any]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, change(content) or content)


def _edit_csv(path: Path, change: Callable[[list[dict[str, str]]], Any]) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = change(rows) or rows
    write_csv(path, rows, list(dict.fromkeys(name for row in rows for name in row)))


def _name(number: int) -> str:
    return "/".join(CLIPS[number])


# --------------------------------------------------------------------------- a whole run


def test_a_whole_run_has_all_eleven_with_their_values(root: Path, prompts: Path) -> None:
    made, report = _import(root, prompts)
    assert made["dimensions"] == [f"upstream.{name}" for name in METRICS]
    assert report["systems"] == [TAG]
    for metric in ("vis", "aud", "av", "speech", "lo_phy", "hi_phy", "holistic"):
        estimate = _estimate(report, metric)
        values = [value(metric, k) for k in range(len(CLIPS))]
        assert estimate["n"] == len(CLIPS)
        assert estimate["mean"] == pytest.approx(sum(values) / len(values), rel=1e-5)
        assert estimate["ci_low"] < estimate["mean"] < estimate["ci_high"]
        for k in range(len(CLIPS)):
            assert _cell(report, metric, _name(k))["value"] == pytest.approx(values[k], rel=1e-5)
    assert [note for note in made["notes"] if "syncnet" not in note] == []


def test_lips_are_a_mean_alone_with_its_n(root: Path, prompts: Path) -> None:
    made, report = _import(root, prompts)
    estimate = _estimate(report, "lip")
    assert (estimate["mean"], estimate["n"]) == (3.25, 5)  # of TOTAL, not of the first category
    assert (estimate["ci_low"], estimate["ci_high"], estimate["method"]) == (None, None, "mean only, as imported")
    assert _cell(report, "lip", _name(0))["status"] == "abstained"
    assert _said(made, "7 face tracks", "5 of 12 clips")


def test_a_mean_without_its_n_stands_as_it_is(root: Path, prompts: Path) -> None:
    write_csv(root / "syncnet" / TAG / "result.csv", [{"class": "TOTAL", "mean_abs_offset_frames": "2.5"}])
    made, report = _import(root, prompts)
    assert (_block(made, "lip")["mean"], _block(made, "lip")["n"]) == (2.5, None)
    [row] = totals.of_report(report, totals.load_table("official"))["systems"]
    assert next(part for part in row["parts"] if part["name"] == "Lip")["raw"] == 2.5


def test_failures_beside_a_mean_without_its_n_are_kept_and_said(root: Path, prompts: Path) -> None:
    row = {"class": "TOTAL", "mean_abs_offset_frames": "2.5", "n_videos_total": "12", "failures": "4"}
    write_csv(root / "syncnet" / TAG / "result.csv", [row])
    made, report = _import(root, prompts)
    assert (_block(made, "lip")["n"], _block(made, "lip")["lost"]) == (None, 4)
    assert _estimate(report, "lip")["counts"]["failed"] == 4
    total = totals.of_report(report, totals.load_table("official"))
    [one] = total["systems"]
    # a share of unknown size cannot count as the worst, so it is said
    assert next(part for part in one["parts"] if part["name"] == "Lip")["raw"] == 2.5
    assert "upstream.lip" not in one["lost"]
    assert [note for note in total["notes"] if "upstream.lip" in note and "4 lost" in note and "without an n" in note]


def test_as_the_full_script_leaves_it_three_more_are_means_alone(tmp_path: Path, prompts: Path) -> None:
    made, report = _import(write_run(tmp_path / "out", TAG, per_clip=False), prompts)
    for metric in ("vis", "aud", "av"):
        estimate = _estimate(report, metric)
        assert estimate["n"] == 12 and estimate["ci_low"] is None
        assert _block(made, metric)["kind"] == "mean"
    assert _estimate(report, "lo_phy")["ci_low"] is not None
    [row] = totals.of_report(report, totals.load_table("official"))["systems"]
    assert row["ci_low"] is None and "Vis, Aud, AV, Lip" in row["method"]


def test_the_total_is_that_of_upstreams_formula(root: Path, prompts: Path) -> None:
    made, report = _import(root, prompts)
    means = {row["dimension"].removeprefix("upstream."): row["mean"] for row in made["means"]}
    # its formula, written out: 0.2 for two, 0.2 for two, 0.6 for seven
    expected = 0.1 * (100 * means["vis"] + 10 * means["aud"])
    expected += 0.1 * (100 * (1 - means["av"] / 0.5) + 100 * (1 - means["lip"] / 8))
    rest = means["text"] + means["face"] + means["music"] + means["speech"] + means["hi_phy"] + means["holistic"]
    expected += 0.6 / 7 * (rest + 20 * means["lo_phy"])
    for name in totals.BUILTIN:
        [row] = totals.of_report(report, totals.load_table(name))["systems"]
        assert row["score"] == pytest.approx(expected, abs=0.01)
        assert row["coverage"] == 1


def test_upstreams_own_total_is_kept_beside_ours(root: Path) -> None:
    write_json(root / "overall_score" / f"{TAG}.json", {"total_score": 61.5, "coverage": 0.9})
    made, report = _import(root)
    assert made["totals"] == {TAG: {"total_score": 61.5, "coverage": 0.9}}
    assert report["imported"]["totals"] == made["totals"]


def test_the_same_bytes_for_the_same_input(root: Path, prompts: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        upstream.import_upstream(root, tmp_path / name, prompts=prompts)
    assert (tmp_path / "one/imported.json").read_bytes() == (tmp_path / "two/imported.json").read_bytes()
    assert str(tmp_path) not in (tmp_path / "one/imported.json").read_text()
    assert "somebody" not in (tmp_path / "one/imported.json").read_text()


def test_the_order_of_rows_changes_nothing_but_the_digests(root: Path, prompts: Path) -> None:
    first, _ = _import(root, prompts)
    for path in (root / "q_align" / TAG / "results.csv", root / "gemini_phy2" / TAG / "results.csv"):
        _edit_csv(path, lambda rows: rows[::-1])
    _edit_json(root / "speech" / TAG / "scored.json", lambda rows: rows[::-1])
    second, _ = _import(root, prompts)
    for value_ in (first, second):
        del value_["files"]
    assert first == second


def test_names_meet_their_titles_whatever_the_sanitiser_did(root: Path, prompts: Path) -> None:
    # the walking metrics know the file's name alone, and the longest title is cut there
    assert len(LONG.strip()) > 180 and len(stem(LONG)) <= 180
    made, report = _import(root, prompts)
    assert len(report["clips"]) == len(CLIPS)
    for metric in ("vis", "hi_phy"):
        assert _cell(report, metric, f"ads/{LONG.strip()}")["status"] == "ok"
    assert not _said(made, "match no prompt")
    # without the prompts, the titles are those of the files that know them: the same ids, so that runs can be paired
    without, _ = _import(root)
    assert {row["prompt_id"] for row in without["clips"]} == {row["prompt_id"] for row in made["clips"]}


# --------------------------------------------------------------------------- layouts


def test_the_untagged_layout_is_read(tmp_path: Path, prompts: Path) -> None:
    made, report = _import(write_run(tmp_path / "model_x"), prompts)
    assert report["systems"] == ["model_x"]
    assert len(made["means"]) == 11
    assert not _said(made, "no run tag")


def test_a_tagged_folder_holds_what_a_tagged_file_does(root: Path, prompts: Path) -> None:
    first, _ = _import(root, prompts)
    for module in ("q_align", "audiobox_aesthetic", "av_sync", "videophy2"):
        (root / module / f"{TAG}.csv").rename(root / module / TAG / "summary.csv")
    (root / "gemini_phy2").rename(root / "gemini_phy")
    second, _ = _import(root, prompts)
    assert [row["mean"] for row in second["means"]] == [row["mean"] for row in first["means"]]


def test_an_untagged_file_is_taken_for_the_only_run_and_said(root: Path, tmp_path: Path) -> None:
    (root / "q_align" / f"{TAG}.csv").unlink()
    (root / "q_align" / TAG / "results.csv").unlink()
    summary_csv(root / "q_align" / "summary.csv", {"mean_score": 0.777}, 12)
    made, _ = _import(root)
    assert _block(made, "vis")["mean"] == 0.777
    assert _said(made, "q_align/summary.csv", "no run tag", "another run's")


def test_an_untagged_file_is_not_taken_where_there_are_several_runs(root: Path) -> None:
    write_run(root, "gen_b")
    for name in (TAG, "gen_b"):
        (root / "q_align" / f"{name}.csv").unlink()
        (root / "q_align" / name / "results.csv").unlink()
    summary_csv(root / "q_align" / "summary.csv", {"mean_score": 0.777}, 12)
    made, report = _import(root)
    assert "upstream.vis" not in made["dimensions"]
    assert _said(made, "q_align/summary.csv", TAG) and _said(made, "q_align/summary.csv", "gen_b")
    for row in totals.of_report(report, totals.load_table("official"))["systems"]:
        assert row["missing"] == ["Vis"] and row["coverage"] == pytest.approx(0.9)


def test_every_tag_is_a_system_and_one_can_be_chosen(root: Path) -> None:
    write_run(root, "gen_b", CLIPS[:6])
    made, _ = _import(root)
    assert made["systems"] == {TAG: TAG, "gen_b": "gen_b"}
    made, _ = _import(root, tag="gen_b", system="Model B")
    assert made["systems"] == {"Model B": "gen_b"}
    with pytest.raises(InputError, match="--tag"):
        _import(root, system="Model B")
    with pytest.raises(InputError, match="gen_a, gen_b"):
        _import(root, tag="gen_c")


def test_nothing_of_upstreams_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="audiobox_aesthetic, av_sync"):
        upstream.import_upstream(tmp_path / "empty", tmp_path / "RUN")
    with pytest.raises(InputError, match="no folder"):
        upstream.import_upstream(tmp_path / "absent", tmp_path / "RUN")
    assert not (tmp_path / "RUN").exists()


def test_a_scored_run_is_not_written_over(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "RUN"
    out.mkdir()
    (out / "run.json").write_text("{}")
    with pytest.raises(StoreError, match="another --out"):
        upstream.import_upstream(root, out)


# --------------------------------------------------------------------------- what denominators lose


def test_missing_clips_are_named_and_count_under_official(tmp_path: Path, prompts: Path) -> None:
    made, report = _import(write_run(tmp_path / "out", TAG, CLIPS[:9], per_clip=False), prompts)
    gone = [_name(k) for k in range(9, 12)]
    for metric in ("speech", "lo_phy", "hi_phy", "holistic"):
        block = _block(made, metric)
        assert [row["prompt_id"] for row in block["losses"]] == gone
        assert block["lost"] == 3 and block["n"] == 9
        assert _cell(report, metric, gone[0])["value"] == 0.0
    assert _block(made, "vis")["lost"] == _block(made, "lip")["lost"] == 3
    loose, strict = (
        totals.of_report(report, totals.load_table(name))["systems"][0] for name in reversed(totals.BUILTIN)
    )
    assert loose["lost"] == {} and loose["score"] > strict["score"]
    raw = {part["name"]: part["raw"] for part in strict["parts"]}
    vis = _block(made, "vis")["mean"]
    assert raw["Vis"] == pytest.approx(vis * 9 / 12, rel=1e-5)
    assert raw["AV"] == pytest.approx((_block(made, "av")["mean"] * 9 + 0.5 * 3) / 12, rel=1e-5)
    assert raw["Lip"] == pytest.approx((3.25 * 5 + 8 * 3) / 8, rel=1e-5)
    assert raw["Holistic"] == pytest.approx(_block(made, "holistic")["mean"] * 9 / 12, rel=1e-5)
    # what no prompt asks is no loss
    assert _block(made, "face")["lost"] == _block(made, "text")["lost"] == 0


def test_without_prompts_it_says_what_cannot_be_seen(tmp_path: Path) -> None:
    made, report = _import(write_run(tmp_path / "out", TAG, CLIPS[:9]))
    assert _block(made, "holistic")["lost"] == 0
    assert _said(made, "--prompts")
    assert len(report["clips"]) == 9


def test_a_clip_of_the_other_system_is_missed_without_prompts_too(root: Path) -> None:
    write_run(root, "gen_b", CLIPS[:9])
    made, _ = _import(root)
    assert _block(made, "holistic", "gen_b")["lost"] == 3


def test_a_clip_that_one_metric_dropped_is_failed_there(root: Path, prompts: Path) -> None:
    _edit_csv(root / "videophy2" / TAG / "results.csv", lambda rows: rows[1:])
    made, report = _import(root, prompts)
    cell = _cell(report, "lo_phy", _name(0))
    assert cell["status"] == "failed" and "no row" in cell["reason"]
    assert _block(made, "lo_phy")["losses"] == [{"prompt_id": _name(0), "reason": cell["reason"]}]
    assert _cell(report, "vis", _name(0))["status"] == "ok"


@pytest.mark.parametrize(
    ("status", "least", "expected"),
    [
        ("no_faces_detected", 1, "failed"),
        ("no_faces_detected", 0, "abstained"),
        ("no_tracklets", 2, "failed"),
        ("no_clusters", 1, "failed"),
        ("failed", 1, "failed"),
        ("missing_video", 0, "failed"),
    ],
)
def test_faces_that_upstream_leaves_out(root: Path, prompts: Path, status: str, least: int, expected: str) -> None:
    def change(content: dict[str, Any]) -> None:
        row = content["results"][0]
        del row["final_score"]
        row |= {"status": status, "expected_primary_faces": {"min_ids": least, "max_ids": 2}}

    _edit_json(root / "facial" / TAG / "eval_results.json", change)
    made, report = _import(root, prompts)
    cell = _cell(report, "face", "news/Morning News")
    assert cell["status"] == expected
    assert _block(made, "face")["lost"] == (expected == "failed")
    assert _cell(report, "face", _name(0))["status"] == "not_applicable"


def test_text_counts_where_upstreams_filter_keeps_it(root: Path, prompts: Path) -> None:
    _, report = _import(root, prompts)
    assert _cell(report, "text", "ads/Shoes")["status"] == "ok"  # required
    assert _cell(report, "text", "news/Morning News")["status"] == "ok"  # incidental
    assert _cell(report, "text", "news/Storm Warning")["status"] == "not_applicable"
    assert _estimate(report, "text")["n"] == 6


@pytest.mark.parametrize("left", ["summary.csv", "results_text_quality.csv"])
def test_text_falls_back_as_upstream_does(root: Path, prompts: Path, left: str) -> None:
    first, _ = _import(root, prompts)
    for name in ("summary.json", "summary.csv"):
        if name != left:
            (root / "ocr" / TAG / name).unlink()
    second, _ = _import(root, prompts)
    assert _block(second, "text")["mean"] == pytest.approx(_block(first, "text")["mean"])
    assert _block(second, "text")["source"].endswith(left)


def test_text_with_a_null_mean_is_no_number_and_its_failures_are_named(root: Path, prompts: Path) -> None:
    path = root / "ocr" / TAG
    write_json(path / "summary.json", {"count_eligible_for_summary": 0, "mean_score": None, "avg_score": None})
    summary_csv(path / "summary.csv", {"mean_score": None}, 0)

    def fail(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row |= {"overall_text_quality_score": "", "error": "HTTP 429"}

    _edit_csv(path / "results_text_quality.csv", fail)
    made, report = _import(root, prompts)
    assert _block(made, "text")["mean"] is None
    assert _block(made, "text")["reasons"].keys() and _block(made, "text")["lost"] == 12
    assert "HTTP 429" in _cell(report, "text", _name(0))["reason"]
    assert _said(made, "ocr/gen_a/summary.json", "null")
    loose, strict = (
        totals.of_report(report, totals.load_table(name))["systems"][0] for name in reversed(totals.BUILTIN)
    )
    assert loose["missing"] == ["Text"]
    # every clip failed: under official the metric is there, and at its worst
    assert next(part for part in strict["parts"] if part["name"] == "Text")["normalised"] == 0.0


def test_text_that_the_filter_empties_is_averaged_by_upstream_over_all(root: Path, prompts: Path) -> None:
    path = root / "ocr" / TAG
    (path / "summary.json").unlink()
    (path / "summary.csv").unlink()

    def ask_nothing(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row |= {"prompt_requires_visible_text": "False", "text_presence": "none"}

    _edit_csv(path / "results_text_quality.csv", ask_nothing)
    made, report = _import(root, prompts)
    assert _block(made, "text")["mean"] == pytest.approx(sum(value("text", k) for k in range(12)) / 12)
    assert _said(made, "results_text_quality.csv", "averages all 12")
    assert _estimate(report, "text")["n"] == 0


def test_doubled_rows_count_once_and_are_named(root: Path, prompts: Path) -> None:
    path = root / "ocr" / TAG
    _edit_csv(path / "results_text_quality.csv", lambda rows: [*rows, rows[0]])
    scores = [value("text", k) for k in (0, 1, 2, 3, 4, 5)] + [value("text", 0)]
    mean = sum(map(int, scores)) / 7
    write_json(path / "summary.json", {"count_eligible_for_summary": 7, "mean_score": mean})
    made, report = _import(root, prompts)
    assert _said(made, "upstream.text", "more than one row", _name(0))
    assert _block(made, "text")["mean"] == pytest.approx(mean)
    assert _estimate(report, "text")["n"] == 6
    assert _estimate(report, "text")["mean"] != pytest.approx(mean, rel=1e-4)
    assert _block(made, "text")["counted"][_name(0)] == [value("text", 0)] * 2


def test_two_values_of_one_clip_are_never_averaged(root: Path, prompts: Path) -> None:
    def differ(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [*rows, {**rows[0], "score": "0.999"}]

    _edit_csv(root / "q_align" / TAG / "results.csv", differ)
    made, report = _import(root, prompts)
    cell = _cell(report, "vis", _name(0))
    assert cell["status"] == "failed" and "different values" in cell["reason"]
    assert _said(made, "upstream.vis", "0.999", "none was used")


def test_music_without_anything_to_check_is_no_number(root: Path, prompts: Path) -> None:
    def skip(content: dict[str, Any]) -> None:
        for row in content["results"]:
            row |= {"skipped": True, "overall_score": 0}
        content |= {"num_midi_evaluable": 0, "mean_score": 0.0}

    _edit_json(root / "music" / TAG / "summary.json", skip)
    made, report = _import(root, prompts)
    assert _block(made, "music")["mean"] is None
    assert _said(made, "nothing could be evaluated", "no number")
    assert _estimate(report, "music")["mean"] is None
    [row] = totals.of_report(report, totals.load_table("official-as-published"))["systems"]
    assert row["missing"] == ["Music"]


def test_music_skips_and_losses_are_told_apart(root: Path, prompts: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["results"][0] |= {"status": "missing_video", "overall_score": None, "skipped": None}
        content["results"].append({"status": "exception", "error": "TimeoutError()"})

    _edit_json(root / "music" / TAG / "summary.json", change)
    made, report = _import(root, prompts)
    assert _cell(report, "music", "musical_instrument_tutorial/Violin Bow")["status"] == "not_applicable"
    assert _cell(report, "music", "musical_instrument_tutorial/Piano C Major")["status"] == "failed"
    assert _said(made, "upstream.music", "1 rows name no clip")


def test_music_of_single_files_is_read_where_the_summary_is_gone(root: Path, prompts: Path) -> None:
    content = json.loads((root / "music" / TAG / "summary.json").read_text())
    (root / "music" / TAG / "summary.json").unlink()
    for row in content["results"]:
        name = f"{stem(row['content'])}.music_raw_midi_result.json"
        write_json(root / "music" / TAG / "per_video_result" / row["category"] / name, row)
    made, report = _import(root, prompts)
    assert _block(made, "music")["mean"] is None
    assert _estimate(report, "music")["n"] == 3


def test_speech_of_a_continued_run_is_read_from_all_batches(root: Path, prompts: Path) -> None:
    path = root / "speech" / TAG
    scored = json.loads((path / "scored.json").read_text(encoding="utf-8"))
    last = scored[-2:]
    write_json(path / "scored.json", last)
    mean = sum(row["judgement"]["score"] for row in last) / 2
    write_json(path / "summary.json", {"count_scored": 2, "avg_score": mean})
    with (path / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"error_stage": "gemini", "error": "HTTP 500"}) + "\n")
    made, report = _import(root, prompts)
    assert _estimate(report, "speech")["n"] == 12
    block = _block(made, "speech")
    assert (block["mean"], block["n"]) == (mean, 2)
    assert sorted(block["counted"]) == sorted(_name(k) for k in (10, 11))
    assert _said(made, "upstream.speech", "1 rows name no clip")


def test_speech_failures_and_missing_videos_are_named(root: Path, prompts: Path) -> None:
    path = root / "speech" / TAG
    scored = json.loads((path / "scored.json").read_text(encoding="utf-8"))
    gone, broken = scored[0], scored[1]
    write_json(path / "scored.json", scored[2:])
    lines = [*scored[2:], {**broken, "judgement": None, "error_stage": "faster_whisper", "error": "no audio stream"}]
    (path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    write_json(path / "missing_videos.json", [{name: gone[name] for name in ("category", "content", "video_path")}])
    made, report = _import(root, prompts)
    assert "no audio stream" in _cell(report, "speech", _name(1))["reason"]
    assert "no clip" in _cell(report, "speech", _name(0))["reason"]
    assert _block(made, "speech")["lost"] == 2


def test_physics_failures_and_strangers_are_named(root: Path, prompts: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        rows[0] |= {"status": "failed", "overall_score": "", "error": "HTTPError(429)"}
        rows[1] |= {"semantic_physics_score": "0"}
        stranger = {"status": "no_prompt_match", "video_stem": "Stranger", "matched_content": "", "overall_score": ""}
        rows.append({**rows[2], **stranger, "video_path": "/x/news/Stranger.mp4"})

    _edit_csv(root / "gemini_phy2" / TAG / "results.csv", change)
    made, report = _import(root, prompts)
    assert "HTTPError(429)" in _cell(report, "hi_phy", _name(0))["reason"]
    assert _said(made, "Stranger", "no prompt")
    assert any("one half is 0" in flag for flag in _block(made, "hi_phy")["odd"])
    assert not any("Stranger" in row["prompt_id"] for row in report["clips"])


def test_a_parse_failure_of_low_level_physics_is_no_zero(root: Path, prompts: Path) -> None:
    def change(rows: list[dict[str, str]]) -> None:
        rows[0] |= {"score": "0", "raw_output": "I cannot\x1b[31m tell"}

    _edit_csv(root / "videophy2" / TAG / "results.csv", change)
    made, report = _import(root, prompts)
    cell = _cell(report, "lo_phy", _name(0))
    assert cell["status"] == "failed" and "scale from 1 to 5" in cell["reason"]
    assert _block(made, "lo_phy")["counted"][_name(0)] == [0.0]
    assert len(_block(made, "lo_phy")["odd"]) == 1


def test_a_zero_beside_parts_and_a_number_as_text_are_flagged(root: Path, prompts: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["results"][0] |= {"plot_alignment_score": 0, "subscores": {"narrative_alignment": 80}}
        content["results"][1] |= {"plot_alignment_score": "85.5"}

    _edit_json(root / "plot_matching" / TAG / "eval_results.json", change)
    made, report = _import(root, prompts)
    odd = _block(made, "holistic")["odd"]
    assert len(odd) == 2 and "parts of up to 80" in odd[0] and "reads such a number as 0" in odd[1]
    assert _cell(report, "holistic", _name(1))["value"] == 85.5
    assert _block(made, "holistic")["counted"][_name(1)] == [0.0]
    assert _cell(report, "holistic", _name(0))["evidence"][0]["label"] == "odd"


def test_the_second_best_offset_is_taken_and_said(root: Path) -> None:
    columns: dict[str, float | str | None] = {"mean_abs_offset_cont_sec": None, "mean_abs_offset_argmax_sec": 0.2}
    summary_csv(root / "av_sync" / f"{TAG}.csv", columns, 12)
    made, _ = _import(root)
    assert _block(made, "av")["mean"] == 0.2
    assert _said(made, "mean_abs_offset_argmax_sec")


# --------------------------------------------------------------------------- broken and hostile files


@pytest.mark.parametrize(
    "path",
    [
        "q_align/gen_a.csv",
        "facial/gen_a/eval_results.json",
        "plot_matching/gen_a/eval_results.json",
        "speech/gen_a/summary.json",
        "speech/gen_a/scored.json",
        "speech/gen_a/results.jsonl",
        "videophy2/gen_a/results.csv",
        "music/gen_a/summary.json",
        "gemini_phy2/gen_a/results.csv",
        "syncnet/gen_a/result.csv",
        "ocr/gen_a/summary.json",
        "ocr/gen_a/results_text_quality.csv",
    ],
)
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00x", b'{"a": [1, 2', b"[" * 200_000, b'folder,n\n"open', b"null", b"[3]"],
    ids=["empty", "not UTF-8", "torn", "deep", "open quote", "null", "another shape"],
)
def test_an_unreadable_file_is_never_silent(root: Path, path: str, content: bytes) -> None:
    (root / path).write_bytes(content)
    made, report = _import(root)
    assert report["counts"]["ok"] > 0
    assert any(path in note for note in made["notes"])


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e999", "high", "1_0", "0x10", "٣"])
def test_what_is_no_number_is_named_with_file_and_row(root: Path, prompts: Path, text: str) -> None:
    _edit_csv(root / "q_align" / TAG / "results.csv", lambda rows: rows[2].update(score=text))
    summary_csv(root / "audiobox_aesthetic" / f"{TAG}.csv", {"mean_PQ": text}, 12)
    made, report = _import(root, prompts)
    assert _said(made, "q_align/gen_a/results.csv, line 4", repr(text))
    assert _cell(report, "vis", _name(2))["status"] == "failed"
    assert _estimate(report, "vis")["n"] == 11
    assert _block(made, "aud")["mean"] is None and _said(made, "audiobox_aesthetic/gen_a.csv, line 3")


def test_nan_in_json_is_named_with_its_row(root: Path, prompts: Path) -> None:
    path = root / "plot_matching" / TAG / "eval_results.json"
    _edit_json(path, lambda content: content["results"][3].update(plot_alignment_score=float("nan")))
    made, report = _import(root, prompts)
    assert _said(made, "eval_results.json, results 4", "'NaN'")
    assert _cell(report, "holistic", _name(3))["status"] == "failed"
    assert _cell(report, "holistic", _name(2))["status"] == "ok"


def test_a_value_off_the_scale_is_not_used(root: Path, prompts: Path) -> None:
    _edit_csv(root / "q_align" / TAG / "results.csv", lambda rows: rows[0].update(score="17"))
    made, report = _import(root, prompts)
    assert "off the scale" in _cell(report, "vis", _name(0))["reason"]
    assert _block(made, "vis")["lost"] == 1


def test_a_byte_order_mark_and_windows_line_ends_are_read(root: Path, prompts: Path) -> None:
    first, _ = _import(root, prompts)
    for path in root.rglob("*"):
        if path.suffix in (".csv", ".json", ".jsonl"):
            data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            path.write_bytes(b"\xef\xbb\xbf" + data)
    second, _ = _import(root, prompts)
    assert second["means"] == first["means"] and second["measurements"] == first["measurements"]


def test_a_link_out_of_the_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_bytes((root / "q_align" / f"{TAG}.csv").read_bytes())
    (root / "q_align" / f"{TAG}.csv").unlink()
    (root / "q_align" / f"{TAG}.csv").symlink_to(outside)
    (root / "q_align" / TAG / "results.csv").unlink()
    made, _ = _import(root)
    assert "upstream.vis" not in made["dimensions"]
    assert _said(made, "q_align/gen_a.csv", "not followed")


def test_a_pipe_is_no_file(root: Path) -> None:
    path = root / "facial" / TAG / "eval_results.json"
    path.unlink()
    os.mkfifo(path)
    made, _ = _import(root)
    assert _said(made, "facial/gen_a/eval_results.json", "not a regular file")


def test_limits_are_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from avgen_bench import upstream_folder

    monkeypatch.setattr(upstream_folder, "MOST_ROWS", 5)
    made, _ = _import(root)
    assert _said(made, "q_align/gen_a/results.csv", "more than 5 rows")
    monkeypatch.setattr(upstream_folder, "MOST_BYTES", 10)
    with pytest.raises(InputError, match="larger than"):
        _import(root)


def test_a_hostile_title_is_no_path(root: Path) -> None:
    evil = "../../../etc/passwd"
    rows = [{"folder": "..", "video_path": f"/x/../{evil}.mp4", "score": "0.5"}]
    rows += [{"folder": "/etc", "video_path": "/etc/\x1b[2Jshadow.mp4", "score": "0.5"}]
    write_csv(root / "q_align" / TAG / "results.csv", rows)
    made, report = _import(root)
    for row in report["clips"]:
        assert not Path(row["path"]).is_absolute() and ".." not in Path(row["path"]).parts
        assert row["path"].isprintable()
    assert made["systems"] == {TAG: TAG}


def test_a_tag_that_is_a_format_string_is_left_out(root: Path) -> None:
    write_run(root, "{0.__class__}")
    made, _ = _import(root)
    assert made["systems"] == {TAG: TAG}
    assert _said(made, "__class__", "left out")


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.update(schema="avgen-bench/imported/9"),
        lambda made: made["clips"][0].update(path="../../etc/passwd"),
        lambda made: made["clips"][0].update(take="0"),
        lambda made: made["measurements"][0].update(value=99.0),
        lambda made: made["measurements"][0].update(status="good"),
        lambda made: made["means"][0].update(mean="0.5"),
        lambda made: made["means"][0].update(lost=-1),
        lambda made: made["means"][0].update(counted={"p": ["x"]}),
        lambda made: made["dimensions"].append("visual_quality"),
        lambda made: made.pop("means"),
        lambda made: made.update(totals={TAG: {"total_score": "many", "coverage": 1}}),
    ],
)
def test_a_changed_import_is_refused(root: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    made, _ = _import(root)
    change(made)
    write_json(root.parent / "RUN" / "imported.json", made)
    with pytest.raises(StoreError, match="import-upstream again"):
        read_report(root.parent / "RUN")


@pytest.mark.parametrize(
    ("given", "expected"), [(3, 3.0), ("85.5", 85.5), (" 7 ", 7.0), ("", None), (None, None), ("1e-3", 0.001)]
)
def test_numbers(given: Any, expected: float | None) -> None:
    assert as_number(given) == expected


@pytest.mark.parametrize("given", ["nan", float("inf"), True, [], "1,5", 10**400, "9" * 100])
def test_no_numbers(given: Any) -> None:
    with pytest.raises(ValueError, match="no finite number"):
        as_number(given)


def test_problems_do_not_grow_without_end(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for number in range(5000):
        folder.complain(f"row {number}")
    assert len(folder.problems) == 1001 and folder.problems[-1] == "and 4000 more problems"


# --------------------------------------------------------------------------- prompts and commands


def test_prompts_of_a_file_and_of_upstreams_folder_agree(root: Path, prompts: Path, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    lines = [{"category": c, "title": t, "prompt": f"Show {t}"} for c, titles in TITLES.items() for t in titles]
    file.write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    first, _ = _import(root, prompts)
    second, _ = _import(root, file)
    assert first["measurements"] == second["measurements"]
    write_json(prompts / "broken.json", [{"prompt": "no title"}])
    with pytest.raises(InputError, match=r"broken\.json, 1"):
        _import(root, prompts)


def test_titles_that_match_no_prompt_are_named(root: Path, prompts: Path) -> None:
    (prompts / "news.json").unlink()
    made, report = _import(root, prompts)
    assert _said(made, "3 titles match no prompt", "Morning News")
    assert len(report["clips"]) == 9


def test_the_commands_print_both_totals(
    root: Path, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(root, "gen_b", CLIPS[:9], per_clip=False)
    out = tmp_path / "RUN"
    assert main(["import-upstream", str(root), "--out", str(out), "--prompts", str(prompts)]) == 0
    said = capsys.readouterr().out
    assert "total of gen_b, official-as-published:" in said and "total of gen_b, official:" in said
    assert main(["report", str(out), "--total", "official"]) == 0
    said = capsys.readouterr().out
    assert "total: official" in said and "gen_a above gen_b" in said
    report = json.loads((out / "report.json").read_text())
    assert [row["system"] for row in report["total"]["systems"]] == [TAG, "gen_b"]
    assert main(["report", str(out)]) == 0
    assert json.loads((out / "report.json").read_text())["total"] is None
    capsys.readouterr()
    assert main(["report", str(out), "--total", "offical"]) == 1
    assert "official-as-published" in capsys.readouterr().err


# --------------------------------------------------------------------------- what was not found


def test_what_was_looked_for_and_passed_over_is_named_where_nothing_is_recognised(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    for k in range(12):
        write_json(folder / "scores" / f"s{k:02}.json", {})
    (folder / ".hidden").write_text("")
    write_json(folder / "plot_matching" / "m1" / "eval_results.json", {})
    (folder / "plot_matching" / "m1" / "eval_results.json").write_text('{"torn')
    with pytest.raises(InputError) as caught:
        upstream.import_upstream(folder, tmp_path / "RUN")
    said = str(caught.value)
    for words in ("plot_matching/m1/eval_results.json: not JSON", "lip: syncnet/<tag>/result.csv, syncnet/result.csv"):
        assert words in said
    assert all(f"; {metric}: " in said or f": {metric}: " in said for metric in METRICS)
    assert "'scores/s09.json' and 2 more" in said and ".hidden" not in said


def test_a_metric_without_files_is_named_with_what_was_looked_for(root: Path, prompts: Path) -> None:
    (root / "syncnet" / TAG / "result.csv").rename(root / "syncnet" / TAG / "results.csv")
    made, _ = _import(root, prompts)
    assert "nothing imported: upstream.lip: syncnet/<tag>/result.csv, syncnet/result.csv" in made["notes"]
    assert _said(made, "Files that were not read: ", f"'syncnet/{TAG}/results.csv'")
    assert not _said(made, "nothing imported", "upstream.vis")
    write_run(root, "gen_b")
    made, _ = _import(root, prompts)
    assert _said(made, "nothing imported for 'gen_a': upstream.lip")


def test_a_whole_run_names_nothing_that_was_passed_over(root: Path, prompts: Path) -> None:
    (root / "readme.txt").write_text("mine")
    made, _ = _import(root, prompts)
    assert not _said(made, "nothing imported") and not _said(made, "not read")


def test_a_broken_file_is_told_before_other_notes(root: Path, prompts: Path) -> None:
    write_run(root, "gen_b", CLIPS[:4])
    (root / "plot_matching" / TAG / "eval_results.json").write_text("{")
    _, report = _import(root, prompts)
    assert any(note.startswith(f"plot_matching/{TAG}/eval_results.json: not JSON") for note in report["notes"][:2])


def test_prompts_that_no_title_matches_stop_the_import(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "others.jsonl"
    file.write_text('{"id": "x1", "prompt": "A horse", "title": "Horse", "category": "animals"}\n')
    assert main(["import-upstream", str(root), "--out", str(tmp_path / "RUN"), "--prompts", str(file)]) == 1
    said = capsys.readouterr().err
    assert "names of clips in 'out' matches a prompt of" in said and "'animals/Horse'" in said
    assert "leave out --prompts" in said and "table" not in said
    assert not (tmp_path / "RUN").exists()


def test_values_without_a_mean_are_counted_and_no_hint_is_for_another_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"video_path": f"v/ads/{title}.mp4", "score": 0.5} for title in ("One", "Two")]
    write_csv(tmp_path / "out" / "q_align" / "results.csv", rows)
    assert main(["import-upstream", str(tmp_path / "out"), "--out", str(tmp_path / "RUN")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 values of clips; upstream kept no mean" in said
    assert "nothing of it was imported" in said
    assert "--judge" not in said and "not asked for" not in said
