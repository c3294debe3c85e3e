"""The command as people use it: what it prints, what it returns, what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scenes import small_clip

from avgen_bench import registry
from avgen_bench.cli import build_parser

ROOT = Path(__file__).resolve().parent.parent


def avgen(*arguments: str | Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "avgen_bench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(columns)},
        timeout=120,
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "clips"
    folder.mkdir()
    small_clip(folder / "one.mp4", 80, 2.0)
    small_clip(folder / "two.mp4", 120, 2.0, seed=3)
    small_clip(folder / "silent.mp4", 120, 2.0, sound=False, seed=4)
    return folder


@pytest.fixture(scope="module")
def run(clips: Path) -> Path:
    out = clips.parent / "run"
    done = avgen("score", clips, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_score_writes_a_table_and_a_report(run: Path, clips: Path) -> None:
    done = avgen("score", clips, "--out", run)
    assert done.returncode == 0
    for name in registry.TABLE["dimensions"]:
        facts = registry.load("dimensions", name).facts
        assert (name in done.stdout.split()) == (not facts.needs_prompt and facts.family != "semantic")
    assert str(run / "report.html") in done.stdout
    report = json.loads((run / "report.json").read_text())
    assert {row["prompt_id"] for row in report["clips"]} == {"one", "two", "silent"}
    assert (run / "report.html").stat().st_size > 10_000
    assert max(map(len, done.stdout.splitlines())) <= max(80, len(str(run)) + 30)


def test_a_dry_run_measures_nothing(run: Path, clips: Path, tmp_path: Path) -> None:
    done = avgen("score", clips, "--out", tmp_path / "new", "--dry-run")
    assert done.returncode == 0
    assert "to measure:  3 clips" in done.stdout
    assert "optical flow, short side up to 192 px, every frame" in done.stdout
    assert re.search(r"estimate: +about \d+ s", done.stdout)
    assert not (tmp_path / "new").exists()
    assert "to measure:  0 clips" in avgen("score", clips, "--out", run, "--dry-run").stdout


def test_strict_tells_failures_apart(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "one.mp4").write_bytes((clips / "one.mp4").read_bytes())
    command = ["score", folder, "--out", tmp_path / "run", "--dimensions", "visual_quality"]
    assert avgen(*command, "--strict").returncode == 0
    (folder / "bad.mp4").write_bytes(b"\0" * 100)
    assert avgen(*command).returncode == 0
    done = avgen(*command, "--strict")
    assert done.returncode == 3
    assert "failed" in done.stdout and "unreadable media" in done.stdout
    done = avgen("score", tmp_path / "nowhere", "--out", tmp_path / "run", "--strict")
    assert done.returncode == 1
    assert done.stderr.startswith("avgen-bench: ") and "does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_explain_shows_parts_and_origin(run: Path) -> None:
    done = avgen("explain", run, "one")
    assert done.returncode == 0
    for word in ("visual_quality", "sharpness", "audio_quality", "clipping", "signature", "av_sync"):
        assert word in done.stdout
    done = avgen("explain", run, "onne")
    assert done.returncode == 1 and "close: one" in done.stderr


def test_report_writes_the_same_bytes_again(run: Path) -> None:
    before = (run / "report.json").read_bytes(), (run / "report.html").read_bytes()
    assert avgen("report", run).returncode == 0
    assert ((run / "report.json").read_bytes(), (run / "report.html").read_bytes()) == before


def test_list_and_doctor() -> None:
    done = avgen("list")
    for name in (*registry.TABLE["dimensions"], *registry.TABLE["backbones"]):
        assert name in done.stdout
    value = json.loads(avgen("list", "--json").stdout)
    assert {item["name"] for item in value["dimensions"]} == set(registry.TABLE["dimensions"])
    assert all(item["license"] for item in value["backbones"])
    done = avgen("doctor")
    assert done.returncode == 0
    assert "opencv-python-headless" in done.stdout


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("max_bananas=3", "no limit is called 'max_bananas'"),
        ("max_fps=fast", "is no number"),
        ("max_fps=-1", "positive"),
    ],
)
def test_bad_limits_are_refused(clips: Path, tmp_path: Path, limit: str, message: str) -> None:
    done = avgen("score", clips, "--out", tmp_path / "run", "--limit", limit)
    assert done.returncode == 1 and message in done.stderr


def test_a_limit_is_applied(clips: Path, tmp_path: Path) -> None:
    done = avgen("score", clips, "--out", tmp_path / "run", "--limit", "max_duration_s=1", "--strict")
    assert done.returncode == 3 and "max_duration_s is 1" in done.stdout


def test_titles_never_reach_a_shell_or_a_path(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    name = "a;$(touch pwned)`touch pwned`\n<script>.mp4"
    (folder / name).write_bytes((clips / "one.mp4").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "avgen_bench", "score", str(folder), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "pwned").exists()
    assert (
        "<script>.mp4" not in (tmp_path / "run" / "report.html").read_text().replace("\\u003c", "<").split("<body")[0]
    )


def test_the_parser_needs_no_library() -> None:
    assert "score" in build_parser().format_help()
