"""How much faster two processes are than one: ``launch_speed.py CLIPS [--processes 1 2] [--rounds 2]``.

Scores the same clips with everything that needs no judge, into a new run folder each time, by ``avgen-bench score
--launch N --workers 1``: one worker in each process, so that N is what differs. The rounds alternate, and the fastest
of each N counts: whatever else runs on the machine can only slow one down. Prints seconds, the ratio, the load of the
machine meanwhile, and whether the reports have the same bytes. With fewer free cores than processes no ratio means
anything.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from avgen_bench.prompts import CLIP_SUFFIXES


def seconds(clips: Path, out: Path, processes: int, words: list[str]) -> tuple[float, float]:
    """Wall seconds of one run into a new folder, and seconds of all cores that its processes took."""
    command = [sys.executable, "-m", "avgen_bench", "score", str(clips), "--out", str(out), "--embed", "never", *words]
    start, before = time.perf_counter(), _cpu_s()
    subprocess.run([*command, "--launch", str(processes), "--workers", "1"], check=True, capture_output=True)
    return time.perf_counter() - start, _cpu_s() - before


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips, or a manifest")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--prompts", help="as of avgen-bench score, for the control family")
    arguments = parser.parse_args()
    words = ["--prompts", arguments.prompts] if arguments.prompts else []
    took: dict[int, list[float]] = {count: [] for count in arguments.processes}
    cores: dict[int, list[float]] = {count: [] for count in arguments.processes}
    reports = set()
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(arguments.rounds):
            for count in arguments.processes:
                out = Path(scratch) / f"{turn}-{count}"
                wall_s, cpu_s = seconds(arguments.clips, out, count, words)
                took[count].append(wall_s)
                cores[count].append(cpu_s)
                reports.add(hashlib.sha256((out / "report.json").read_bytes()).hexdigest()[:16])
                load = os.getloadavg()[0]
                print(
                    f"{count} processes: {wall_s:6.1f} s, {cpu_s:6.1f} s of cores   (load of the machine {load:.1f})",
                    flush=True,
                )
    first = min(took[arguments.processes[0]])
    clips = (
        sum(path.suffix.lower() in CLIP_SUFFIXES for path in arguments.clips.rglob("*"))
        if arguments.clips.is_dir()
        else "the manifest's"
    )
    for count in arguments.processes[1:]:
        best = min(took[count])
        least = min(cores[arguments.processes[0]]) / min(cores[count]) * count / arguments.processes[0]
        print(
            f"{count} processes against {arguments.processes[0]}: {first / best:.2f}x ({clips} clips); the seconds of "
            f"cores allow {least:.2f}x where each process has one to itself"
        )
    print(
        f"{os.cpu_count()} cores; {'the same bytes' if len(reports) == 1 else f'DIFFERENT reports: {sorted(reports)}'}"
    )


if __name__ == "__main__":
    main()
