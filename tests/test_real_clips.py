"""The main job on real clips, from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from avgen_bench import registry


def _score(clips: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "avgen_bench", "score", str(clips), "--out", str(out), "--strict", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_score_resume_and_two_workers(real_clips: list[Path], tmp_path: Path) -> None:
    folder = Path(os.path.commonpath(real_clips))
    one, two = tmp_path / "one", tmp_path / "two"
    done = _score(folder, one, "--workers", "1")
    assert done.returncode == 0, done.stderr
    report = json.loads((one / "report.json").read_text())
    assert len(report["clips"]) == len(real_clips)
    assert report["counts"]["failed"] == 0
    for row in report["clips"]:
        known = [registry.load("dimensions", name).facts for name in registry.TABLE["dimensions"]]
        assert set(row["measurements"]) == {item.name for item in known if item.family == "perceptual"}
        assert row["measurements"]["audio_quality"]["status"] == "ok"
    shards = {path.name: path.read_bytes() for path in (one / "shards").iterdir()}
    pages = [(one / name).read_bytes() for name in ("report.json", "report.html")]
    assert _score(folder, one).returncode == 0  # the second call measures nothing
    assert {path.name: path.read_bytes() for path in (one / "shards").iterdir()} == shards
    assert [(one / name).read_bytes() for name in ("report.json", "report.html")] == pages
    assert _score(folder, two, "--workers", "2").returncode == 0
    assert [(two / name).read_bytes() for name in ("report.json", "report.html")] == pages
