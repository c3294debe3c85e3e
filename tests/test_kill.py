"""kill -9 at any moment: resume completes the run, nothing is lost, nothing is measured twice."""

from __future__ import annotations

import collections
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scenes import small_clip

from avgen_bench.store import Store

KILLS = 20
SCORE = [sys.executable, "-m", "avgen_bench", "score"]


def _score(clips: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*SCORE, str(clips), "--out", str(out), "--workers", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _records(out: Path) -> collections.Counter[bytes]:
    """How often each address was written whole."""
    counts: collections.Counter[bytes] = collections.Counter()
    for path in (out / "shards").glob("*.jsonl"):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                counts[b" ".join(line.split(b" ", 3)[1:3])] += 1
    return counts


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_twenty_kills(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for index in range(8):
        small_clip(clips / f"c{index}.mp4", 60 + 20 * index, seconds=6.0, seed=index)
    calm = tmp_path / "calm"
    began = time.monotonic()
    assert _score(clips, calm).wait(timeout=120) == 0
    usual_s = time.monotonic() - began
    expected = (calm / "report.json").read_bytes()
    expected_page = (calm / "report.html").read_bytes()
    dice = random.Random(20)
    kills, rounds, stages = 0, 0, collections.Counter()
    while kills < KILLS:
        rounds += 1
        assert rounds < 3 * KILLS
        out = tmp_path / f"run{rounds}"
        while kills < KILLS:
            process = _score(clips, out)
            try:
                process.wait(timeout=dice.uniform(0.15, 1.0) * usual_s)
                break  # it finished before the blow
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                stages[min(8, Store(out).counts()["mea"] // 4) if out.exists() else 0] += 1
        assert _score(clips, out).wait(timeout=120) == 0
        assert (out / "report.json").read_bytes() == expected
        assert (out / "report.html").read_bytes() == expected_page
        twice = {key: count for key, count in _records(out).items() if count > 1}
        assert not twice, f"written twice: {twice}"
    assert len(stages) >= 3, f"the blows fell at too few stages of the run: {stages}"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of their parent's death on Linux")
def test_no_worker_outlives_its_parent(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for index in range(4):
        small_clip(clips / f"c{index}.mp4", 60 + 20 * index, seconds=8.0, seed=index)
    process = _score(clips, tmp_path / "run")
    workers: list[int] = []
    for _ in range(200):
        time.sleep(0.02)
        workers = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        if len(workers) == 2:
            break
    assert len(workers) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(100):
        if not any(
            Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in workers
        ):
            return
        time.sleep(0.02)
    pytest.fail("a worker is still alive two seconds after its parent was killed")
