"""A run resumes, survives its clips, and gives the same bytes however it was shared out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import plugin
import pytest
from scenes import small_clip

from avgen_bench import registry, report, runner, work
from avgen_bench.errors import InputError, ManifestError, StoreError, UnknownNameError
from avgen_bench.store import Store
from avgen_bench.types import MediaLimits

BRIGHT = 235  # the plug-in's fragile backbone breaks on it
DIMENSIONS = ["plugin_brightness", "plugin_fragility"]


def _forget() -> None:
    registry._targets.cache_clear()
    registry.load.cache_clear()
    for item in (work._header, work._header_text, work.dimension_of, work._instrument, work._versions):
        item.cache_clear()


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The made-up plug-in package, installed for this process and its workers; gives the log of its consumers."""
    folder = tmp_path / "site"
    folder.mkdir()
    plugin.install(folder)
    log = tmp_path / "log"
    log.touch()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("PLUGIN_LOG", str(log))
    _forget()
    yield log
    _forget()


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for index, brightness in enumerate((60, 100, 140)):
        small_clip(folder / f"c{index}.mp4", brightness, seed=index)
    return folder


def score(clips: Path, out: Path, **options: Any) -> dict[str, Any]:
    options.setdefault("dimensions", DIMENSIONS)
    options.setdefault("workers", 0)
    return runner.score(clips, out, **options)


def cells(result: dict[str, Any], dimension: str) -> dict[str, Any]:
    return {row["prompt_id"]: row["measurements"][dimension] for row in result["clips"]}


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_second_run_measures_nothing(plugged: Path, clips: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "run"
    first = score(clips, out, workers=workers)
    assert len(plugged.read_text().splitlines()) == 6  # two backbones, three clips
    shards = {path.name: path.read_bytes() for path in (out / "shards").iterdir()}
    again = score(clips, out, workers=workers)
    assert len(plugged.read_text().splitlines()) == 6
    assert {path.name: path.read_bytes() for path in (out / "shards").iterdir()} == shards
    assert report.to_json_text(first) == report.to_json_text(again)


def test_new_clips_and_dimensions_cost_only_themselves(plugged: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    score(clips, out, dimensions=["plugin_brightness"])
    assert len(plugged.read_text().splitlines()) == 3
    small_clip(clips / "c3.mp4", 120, seed=9)
    score(clips, out, dimensions=["plugin_brightness"])
    assert len(plugged.read_text().splitlines()) == 4
    score(clips, out)  # one more backbone for all four
    assert len(plugged.read_text().splitlines()) == 8


def test_the_report_is_the_same_bytes_for_any_sharing(plugged: Path, clips: Path, tmp_path: Path) -> None:
    (clips / "broken.mp4").write_bytes(b"not a clip")
    texts = set()
    for workers in (0, 1, 2, 4):
        result = score(clips, tmp_path / f"run{workers}", workers=workers)
        texts.add(report.to_json_text(result))
    assert len(texts) == 1


def test_one_unreadable_clip_fails_and_the_others_go_on(plugged: Path, clips: Path, tmp_path: Path) -> None:
    (clips / "broken.mp4").write_bytes(b"not a clip")
    (clips / "empty.mp4").touch()
    found = cells(score(clips, tmp_path / "run"), "plugin_brightness")
    assert {name: cell["status"] for name, cell in found.items()} == {
        "broken": "failed",
        "c0": "ok",
        "c1": "ok",
        "c2": "ok",
        "empty": "failed",
    }
    assert found["broken"]["reason"].startswith("unreadable: unreadable media 'broken.mp4'")
    assert "0 bytes" in found["empty"]["reason"]
    assert str(tmp_path) not in json.dumps(found)


def test_a_backbone_that_throws_fails_only_what_needs_it(plugged: Path, clips: Path, tmp_path: Path) -> None:
    small_clip(clips / "bright.mp4", BRIGHT)
    result = score(clips, tmp_path / "run")
    fragile = cells(result, "plugin_fragility")
    assert fragile["bright"]["status"] == "failed"
    assert fragile["bright"]["reason"] == "plugin_fragile: RuntimeError: too bright for me"
    assert {name: cell["status"] for name, cell in cells(result, "plugin_brightness").items()} == dict.fromkeys(
        ("bright", "c0", "c1", "c2"), "ok"
    )
    assert all(fragile[name]["status"] == "ok" for name in ("c0", "c1", "c2"))


@pytest.mark.parametrize(
    ("fault", "words"),
    [("kill", "crash: the worker died of SIGSEGV"), ("exit", "crash: the worker ended with status 7")],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_clip_that_kills_its_worker_fails_alone(
    plugged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, words: str, workers: int
) -> None:
    monkeypatch.setenv("PLUGIN_FAULT", fault)
    small_clip(clips / "b1.mp4", BRIGHT)
    small_clip(clips / "b2.mp4", BRIGHT, seed=5)
    found = cells(score(clips, tmp_path / "run", workers=workers), "plugin_brightness")
    assert {name for name, cell in found.items() if cell["status"] == "failed"} == {"b1", "b2"}
    assert found["b1"]["reason"].startswith(words)


def test_a_clip_that_hangs_is_stopped(
    plugged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUGIN_FAULT", "hang")
    small_clip(clips / "b.mp4", BRIGHT)
    limits = MediaLimits(deadline_base_s=1.0, deadline_factor=0.5)
    found = cells(score(clips, tmp_path / "run", workers=2, limits=limits), "plugin_brightness")
    assert found["b"]["status"] == "failed" and "deadline" in found["b"]["reason"]
    assert all(found[name]["status"] == "ok" for name in ("c0", "c1", "c2"))


def test_failures_are_kept_until_asked_for(
    plugged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_clip(clips / "bright.mp4", BRIGHT)
    out = tmp_path / "run"
    assert score(clips, out)["counts"]["failed"] == 1
    monkeypatch.setenv("PLUGIN_FAULT", "none")
    assert score(clips, out)["counts"]["failed"] == 1
    assert score(clips, out, retry_failed=True)["counts"]["failed"] == 0
    assert score(clips, out)["counts"]["failed"] == 0


def test_a_value_off_its_scale_is_a_failure(plugged: Path, clips: Path, tmp_path: Path) -> None:
    found = cells(score(clips, tmp_path / "run", dimensions=["plugin_wild"]), "plugin_wild")
    assert {cell["status"] for cell in found.values()} == {"failed"}
    assert "outside [0.0, 1.0]" in found["c0"]["reason"]


def test_a_prompt_without_a_clip_is_at_the_floor(plugged: Path, clips: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"id": name, "prompt": "x"}) + "\n" for name in ("c0", "c1", "c2", "lost")))
    found = cells(score(clips, tmp_path / "run", prompts=prompts), "plugin_brightness")
    assert (found["lost"]["status"], found["lost"]["value"], found["lost"]["reason"]) == (
        "ok",
        0.0,
        "no clip for this prompt",
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_the_same_bytes_under_two_prompts_are_decoded_once(
    plugged: Path, clips: Path, tmp_path: Path, workers: int
) -> None:
    (clips / "twin.mp4").write_bytes((clips / "c0.mp4").read_bytes())
    found = cells(score(clips, tmp_path / "run", workers=workers), "plugin_brightness")
    assert found["twin"]["value"] == found["c0"]["value"]
    assert len(plugged.read_text().splitlines()) == 6  # two backbones, three different clips


def test_rescoring_uses_stored_observations(plugged: Path, clips: Path, tmp_path: Path) -> None:
    """Another prompt file changes the measurements' address, but nothing is decoded again."""
    out = tmp_path / "run"
    score(clips, out)
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"id": f"c{i}", "prompt": "new words"}) + "\n" for i in range(3)))
    score(clips, out, prompts=prompts)
    assert len(plugged.read_text().splitlines()) == 6
    store = Store(out)
    assert store.counts() == {"obs": 12, "mea": 12}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"dimensions": ["nonsense"]}, UnknownNameError),
        ({"prompts": "missing.jsonl"}, ManifestError),
    ],
)
def test_bad_requests_stop_before_any_work(
    plugged: Path, clips: Path, tmp_path: Path, change: dict[str, Any], error: type[InputError]
) -> None:
    with pytest.raises(error):
        score(clips, tmp_path / "run", **change)
    assert not (tmp_path / "run").exists()


def test_reading_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no run\.json"):
        runner.read_report(tmp_path)


def test_an_interrupted_run_says_how_to_go_on(plugged: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    score(clips, out)
    for path in (out / "shards").iterdir():
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(StoreError, match=r"2 of 6 numbers.*score again"):
        runner.read_report(out)
    before = len(plugged.read_text().splitlines())
    score(clips, out)
    assert len(plugged.read_text().splitlines()) == before  # only measured again, from stored observations


def test_a_run_can_be_moved_with_its_clips(plugged: Path, clips: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    clips.rename(home / "clips")
    result = score(home / "clips", home / "run")
    home.rename(tmp_path / "elsewhere")
    run = runner.load_run(tmp_path / "elsewhere" / "run")
    assert (run.root / run.clips[0].path).exists()
    assert report.to_json_text(runner.read_report(tmp_path / "elsewhere" / "run")) == report.to_json_text(result)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_cannot_be_stored_fails_alone(plugged: Path, clips: Path, tmp_path: Path, workers: int) -> None:
    names = ["plugin_broken", "plugin_hugeness", "plugin_brightness"]
    result = score(clips, tmp_path / "run", dimensions=names, workers=workers)
    assert {cell["status"] for cell in cells(result, "plugin_broken").values()} == {"failed"}
    assert "NaN" in cells(result, "plugin_broken")["c0"]["reason"]
    assert {cell["status"] for cell in cells(result, "plugin_hugeness").values()} == {"failed"}
    assert "3.4e38" in cells(result, "plugin_hugeness")["c0"]["reason"]
    assert {cell["status"] for cell in cells(result, "plugin_brightness").values()} == {"ok"}
    score(clips, tmp_path / "run", dimensions=names, workers=workers, retry_failed=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_names_that_are_not_utf_8(plugged: Path, clips: Path, tmp_path: Path, workers: int) -> None:
    try:
        (clips / os.fsdecode(b"\xff.mp4")).write_bytes((clips / "c0.mp4").read_bytes())
    except OSError:
        pytest.skip("this file system refuses such names")
    result = score(clips, tmp_path / "run", workers=workers)
    assert result["counts"]["failed"] == 0 and len(result["clips"]) == 4
    report.write_json(result, tmp_path / "report.json")


def test_a_failure_at_a_limit_is_retried_when_the_limit_changes(plugged: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    strict = MediaLimits(max_duration_s=0.5)
    assert score(clips, out, limits=strict)["counts"]["failed"] == 6
    assert score(clips, out, limits=strict)["counts"]["failed"] == 6
    assert score(clips, out)["counts"]["failed"] == 0


def test_what_the_new_report_leaves_out_is_said(plugged: Path, clips: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    score(clips, tmp_path / "run")
    (clips / "c2.mp4").unlink()
    score(clips, tmp_path / "run", dimensions=["plugin_brightness"], on_note=notes.append)
    assert len(notes) == 2 and "plugin_fragility" in notes[0] and "1 clips" in notes[1]


def test_a_negative_number_of_workers_is_refused(plugged: Path, clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers is -1"):
        score(clips, tmp_path / "run", workers=-1)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"clips": [{"clip": 3}]}', '{"clips": [{"clip": {}, "measurements": []}]}', '{"clips": "x"}'],
)
def test_a_damaged_run_folder_is_a_typed_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(StoreError, match=r"run\.json"):
        runner.read_report(tmp_path)


def test_a_pipe_among_the_shards_is_passed_over(plugged: Path, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = score(clips, out)
    os.mkfifo(out / "shards" / "0.jsonl")
    assert report.to_json_text(runner.read_report(out)) == report.to_json_text(first)


def test_what_the_decoder_throws_fails_the_clip_alone(
    plugged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = work.media.read

    def read(path: str, *rest: Any) -> Any:
        if path.endswith("c1.mp4"):
            raise RuntimeError("from the binding")
        return real(path, *rest)

    monkeypatch.setattr(work.media, "read", read)
    found = cells(score(clips, tmp_path / "run", workers=0), "plugin_brightness")
    assert {name: cell["status"] for name, cell in found.items()} == {"c0": "ok", "c1": "failed", "c2": "ok"}
    assert found["c1"]["reason"] == "decoder: RuntimeError: from the binding"


def test_limits_count_as_changed_until_a_run_under_them_ends(
    plugged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert score(clips, out, limits=MediaLimits(max_duration_s=0.5))["counts"]["failed"] == 6

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            score(clips, out)
    assert score(clips, out)["counts"]["failed"] == 0


def test_what_a_missing_instrument_left_open_is_measured_once_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avgen_bench.backbones import levels
    from avgen_bench.errors import MissingInstrument

    there = False
    start = levels.Levels.start

    def started(self: levels.Levels) -> object:
        if not there:
            raise MissingInstrument("pip install levels")
        return start(self)

    monkeypatch.setattr(levels.Levels, "start", started)
    monkeypatch.setattr(levels.Levels, "facts", replace(levels.Levels.facts, remedy="pip install levels"))
    work.lacks.cache_clear()
    for item in (work._header, work._header_text, work._instrument):
        item.cache_clear()
    clips = tmp_path / "clips"
    clips.mkdir()
    small_clip(clips / "p1.mp4")
    prompts = tmp_path / "p.jsonl"
    row = {"id": "c1", "kind": "silence_during", "span": "silent", "duration_s": 0.5}
    prompts.write_text(json.dumps({"id": "p1", "prompt": "A silent ball.", "constraints": [row]}) + "\n")
    notes: list[str] = []

    def verdict() -> str:
        asked = {"prompts": prompts, "dimensions": ["sound"], "workers": 0}
        report = runner.score(clips, tmp_path / "run", on_note=notes.append, **asked)  # type: ignore[arg-type]
        (clip,) = report["clips"]
        return str(clip["measurements"]["sound"]["status"])

    assert verdict() == "abstained"
    assert notes == ["levels is not installed: what it would check on 1 clip stays unverifiable; pip install levels"]
    assert verdict() == "abstained"
    there = True
    work.lacks.cache_clear()
    assert verdict() == "ok"
    assert len(notes) == 2
    work.lacks.cache_clear()
