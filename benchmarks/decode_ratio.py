"""What the perceptual suite costs, as ratios to a bare decode of the same clip in the same round.

    python benchmarks/decode_ratio.py ../shared/clips [--rounds 5] [--quick]

bare is ``ffmpeg -v error -i CLIP -f null -``, user and system time of the whole process. Rounds alternate bare, floor,
suite and whole process; a cell is the median over rounds of the ratio within the round, so a machine that changes speed
between rounds does not matter. ``*`` marks a figure beyond its target.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.progress import track
from rich.table import Table

from avgen_bench import asking, media, registry, runner, work
from avgen_bench.prompts import CLIP_SUFFIXES
from avgen_bench.store import Shard, Store
from avgen_bench.types import (
    AudioBlock,
    AudioView,
    BackboneFacts,
    Clip,
    FlowView,
    Frame,
    FrameScores,
    FrameView,
    MediaFacts,
    MediaLimits,
)

TARGETS = {"floor": 1.3, "suite": 1.5, "suite, worst": 2.0, "whole": 2.0}
PEAK_RSS_MIB = 200.0


class Keeper:
    """The floor: keeps every reduced frame and all sound, and measures nothing."""

    facts = BackboneFacts("keeper", "1", "FrameScores", (FrameView(None, 256), AudioView()), "keeps")

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def start(self) -> Keeper:
        self.kept = []
        return self

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        self.kept.append(frame.pixels.copy() if frame.pixels.base is not None else frame.pixels)

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        self.kept.append(block.samples)

    def finish(self, facts: MediaFacts) -> FrameScores:
        return FrameScores((), {}, {})


def _cpu_here(run: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    run()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _process(command: list[str]) -> tuple[float, float, float]:
    """CPU seconds (children of the process included), peak MiB of the largest process in it, wall seconds."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, time.monotonic() - began


def _bare(clip: Path) -> float:
    return _process(["ffmpeg", "-v", "error", "-i", str(clip), "-f", "null", "-"])[0]


def _score_command(clips: Path, out: str, workers: int = 1) -> list[str]:
    return [sys.executable, "-m", "avgen_bench", "score", str(clips), "--out", out, "--workers", str(workers)]


def _suite() -> tuple[tuple[str, ...], tuple[str, ...]]:
    dimensions = tuple(
        n for n in registry.names("dimensions") if registry.load("dimensions", n).facts.family == "perceptual"
    )
    return dimensions, (*runner._needs(dimensions, [None]), *runner.FOR_PEOPLE)


@contextmanager
def _folder() -> Iterator[str]:
    name = tempfile.mkdtemp(prefix="avgen-bench-")
    try:
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True)


def _job(clip: Path) -> work.Job:
    dimensions, backbones = _suite()
    return work.Job(Clip("0" * 64, clip.name), str(clip), None, dimensions, backbones, threads=0)


def measure_ratios(clips: list[Path], rounds: int, console: Console) -> None:
    console.print(f"\n[bold]cpu ratio to a bare decode[/bold], medians of {rounds} rounds, one clip at a time\n")
    ratios: dict[Path, dict[str, list[float]]] = {clip: {} for clip in clips}
    peaks: dict[Path, float] = {}
    steps = [(number, clip) for number in range(rounds) for clip in clips]
    with _folder() as folder:
        shard = Shard(Path(folder))
        for clip in clips:
            work.work(_job(clip), shard)  # imports and caches are warm from here on
        for number, clip in track(steps, "rounds", console=Console(stderr=True)):
            bare_s = _bare(clip)
            row = ratios[clip]
            row.setdefault("bare s", []).append(bare_s)
            floor_s = _cpu_here(lambda: media.read(clip, {"keeper": Keeper()}, threads=0))  # noqa: B023
            row.setdefault("floor", []).append(floor_s / bare_s)
            row.setdefault("suite", []).append(_cpu_here(lambda: work.work(_job(clip), shard)) / bare_s)  # noqa: B023
            whole_s, peak_mib, _ = _process(_score_command(clip, f"{folder}/{number}-{clip.stem}"))
            row.setdefault("whole", []).append(whole_s / bare_s)
            peaks[clip] = max(peak_mib, peaks.get(clip, 0.0))
    table = Table(box=None, pad_edge=False)
    table.add_column("clip")
    for column in ("bare s", "floor", "suite", "whole process", "peak MiB"):
        table.add_column(column, justify="right")
    medians = {clip: {name: statistics.median(values) for name, values in row.items()} for clip, row in ratios.items()}

    def mark(value: float, target: float) -> str:
        return f"{value:.2f}{'*' if value > target else ' '}"

    for clip, row in medians.items():
        table.add_row(
            clip.stem,
            f"{row['bare s']:.2f}",
            mark(row["floor"], TARGETS["floor"]),
            mark(row["suite"], TARGETS["suite, worst"]),
            mark(row["whole"], TARGETS["whole"]),
            f"{peaks[clip]:.0f}{'*' if peaks[clip] > PEAK_RSS_MIB else ' '}",
        )
    overall = {name: statistics.median(row[name] for row in medians.values()) for name in ("floor", "suite", "whole")}
    table.add_row(
        "median",
        "",
        mark(overall["floor"], TARGETS["floor"]),
        mark(overall["suite"], TARGETS["suite"]),
        mark(overall["whole"], TARGETS["whole"]),
        "",
    )
    table.add_row(
        "target",
        "",
        f"{TARGETS['floor']:.2f} ",
        f"{TARGETS['suite']:.2f} ",
        f"{TARGETS['whole']:.2f} ",
        f"{PEAK_RSS_MIB:.0f} ",
    )
    console.print(table)
    console.print(f"worst suite {max(row['suite'] for row in medians.values()):.2f}, target {TARGETS['suite, worst']}")


class _Timed:
    """A consumer with a stop watch."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.spent_s = inner, 0.0

    def on_frame(self, view: Any, frame: Frame) -> None:
        began = time.perf_counter()
        self.inner.on_frame(view, frame)
        self.spent_s += time.perf_counter() - began

    def on_audio(self, view: Any, block: AudioBlock) -> None:
        began = time.perf_counter()
        self.inner.on_audio(view, block)
        self.spent_s += time.perf_counter() - began

    def finish(self, facts: MediaFacts) -> Any:
        began = time.perf_counter()
        try:
            return self.inner.finish(facts)
        finally:
            self.spent_s += time.perf_counter() - began


class _Watched:
    def __init__(self, name: str) -> None:
        backbone = registry.load("backbones", name)
        self.facts, self.consumer = backbone.facts, _Timed(backbone.start())

    def start(self) -> _Timed:
        return self.consumer


def profile(clips: list[Path], console: Console) -> None:
    """Where the time of the suite goes: wall time with one decoder thread, so that shares add up."""
    console.print("\n[bold]where the time goes[/bold], share of the suite (one decoder thread)\n")
    _, names = _suite()
    flows = sorted(
        {v for n in names for v in registry.load("backbones", n).facts.views if isinstance(v, FlowView)}, key=repr
    )

    class Flows(Keeper):
        facts = BackboneFacts("flows", "1", "FrameScores", tuple(flows), "flow alone")

        def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
            return

    table = Table(box=None, pad_edge=False)
    columns = ("decode", "reduce, resample", "flow", *names)
    table.add_column("clip")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    for clip in clips:

        def seconds(backbones: dict[str, Any], clip: Path = clip) -> float:
            began = time.perf_counter()
            media.read(clip, backbones, threads=1)
            return time.perf_counter() - began

        decode_s = min(seconds({}) for _ in range(3))
        flow_s = max(0.0, min(seconds({"f": Flows()}) for _ in range(3)) - decode_s) if flows else 0.0
        watched = {name: _Watched(name) for name in names}
        total_s = seconds(watched)
        spent = {name: item.consumer.spent_s for name, item in watched.items()}
        rest_s = max(0.0, total_s - decode_s - flow_s - sum(spent.values()))
        parts = (decode_s, rest_s, flow_s, *spent.values())
        table.add_row(clip.stem, *(f"{part / total_s:.0%}" for part in parts))
    console.print(table)


def measure_workers(clips: Path, rounds: int, console: Console) -> None:
    gains = []
    with _folder() as folder:
        for number in range(rounds):
            walls = [_process(_score_command(clips, f"{folder}/{number}-{n}", n))[2] for n in (1, 2)]
            gains.append(walls[0] / walls[1])
    gain = statistics.median(gains)
    console.print(
        f"\n[bold]two workers against one[/bold], wall, whole runs, {os.cpu_count()} cores: "
        f"{gain:.2f}x (rounds {', '.join(f'{g:.2f}' for g in gains)}), target 1.7x"
    )


def measure_rescoring(clips: list[Path], console: Console, count: int = 1000) -> None:
    """Observations of the clips, stored under many made-up clip ids, measured again without a decode."""
    with _folder() as name:
        folder = Path(name)
        dimensions, backbones = _suite()
        shard = Shard(folder)
        templates = []
        for clip in clips:
            job = _job(clip)
            templates.append(list(work._observe(job, None)[0].values()))
        made_up = []
        for number in range(count):
            clip_id = hashlib.sha256(str(number).encode()).hexdigest()
            made_up.append(Clip(clip_id, f"{number}.mp4", str(number), "s"))
            for observation in templates[number % len(templates)]:
                shard.add_observation(replace(observation, header=replace(observation.header, clip_id=clip_id)))
        files = {clip.key: folder / clip.path for clip in made_up}
        plan = runner.Plan(tuple(made_up), folder, files, {}, {}, (), dimensions, backbones, ())
        began = time.perf_counter()
        store = Store(folder)
        todo, _ = runner._todo_of(store, plan)
        runner._run(plan, store, folder, None, 0, MediaLimits(), todo, None, None, asking.Spent(), None)
        spent_s = time.perf_counter() - began
        found = Store(folder).counts()["mea"]
    assert found == count * len(dimensions), found
    console.print(f"[bold]re-scoring from the store[/bold]: {count / spent_s:.0f} clips/s on one core, target 500")


def measure_help(rounds: int, console: Console) -> None:
    walls = [_process([sys.executable, "-m", "avgen_bench", "--help"])[2] for _ in range(3 * rounds)]
    console.print(f"[bold]avgen-bench --help[/bold]: {statistics.median(walls):.3f} s wall, target 0.15 s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds on three clips")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    clips = sorted(path for path in arguments.clips.rglob("*") if path.suffix in CLIP_SUFFIXES)
    rounds = 2 if arguments.quick else arguments.rounds
    clips = clips[:3] if arguments.quick else clips
    console = Console(width=max(100, Console().width))
    measure_ratios(clips, rounds, console)
    profile(clips, console)
    measure_workers(arguments.clips, max(2, rounds // 2), console)
    measure_rescoring(clips, console)
    measure_help(rounds, console)


if __name__ == "__main__":
    main()
