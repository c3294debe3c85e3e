"""Ladders of known damage on real and rendered clips: does the concerned score fall, and do the others stay?

    python benchmarks/dose.py [../shared/clips] [--seconds 4] [--ladders blur,hum_50] [--processes 2]

Per ladder and clip, the score of the untouched clip and of eight rising steps, and Spearman's correlation of score with
step (target -0.95 or below). Then: dimensions of the other track after the worst step of every ladder (target: the same
number to the last digit), and the stability of every score under a change of container, a visually lossless
re-encoding (x264 crf 14, AAC 192 kb/s) and a downscale by two.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import cv2
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import spearmanr

from avgen_bench import media, registry
from avgen_bench.factory import demo, dose
from avgen_bench.factory.render import render
from avgen_bench.prompts import CLIP_SUFFIXES

TARGET = -0.95
OF_TRACK = {"picture": ("visual_quality", "temporal_coherence"), "sound": ("audio_quality",)}
STABLE = ("visual_quality", "temporal_coherence", "audio_quality")


def _climb(path: Path, seconds: float | None, names: list[str]) -> tuple[str, dict[str, tuple[float, ...]], list[str]]:
    """Values by ladder, and what moved on the other track."""
    cv2.setNumThreads(1)
    content = dose.load(path, seconds)
    still = {track: dose.measure(content, of_track) for track, of_track in OF_TRACK.items()}
    values, moved = {}, []
    for name in names:
        ladder = dose.DOSES[name]
        values[name] = dose.climb(content, ladder)
        other = "sound" if ladder.track == "picture" else "picture"
        worst = dose.measure(ladder.damage(content, dose.STEPS), OF_TRACK[other])
        moved += [f"{path.stem}, {name}: {n}" for n, outcome in worst.items() if outcome != still[other][n]]
    return path.stem, values, moved


def _ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


def _changes(path: Path) -> tuple[str, dict[str, dict[str, float]]]:
    """Change of every score under harmless changes of the file."""
    cv2.setNumThreads(1)

    def scores(clip: Path) -> dict[str, float]:
        members = {name: registry.load("dimensions", name) for name in STABLE}
        needs = {need for member in members.values() for need in member.facts.needs}
        facts, seen = media.read(clip, {need: registry.load("backbones", need) for need in needs})
        return {name: member.measure(None, facts, seen).value or 0.0 for name, member in members.items()}

    out: dict[str, dict[str, float]] = {}
    base = scores(path)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lossless = ("-c:v", "libx264", "-crf", "14", "-c:a", "aac", "-b:a", "192k")
        _ffmpeg("-i", path, "-c", "copy", folder / "container.mkv")
        _ffmpeg("-i", path, *lossless, folder / "reencoded.mp4")
        _ffmpeg("-i", path, "-vf", "scale=trunc(iw/4)*2:trunc(ih/4)*2:flags=area", *lossless, folder / "downscaled.mp4")
        for clip in sorted(folder.iterdir()):
            out[clip.stem] = {key: value - base[key] for key, value in scores(clip).items()}
    return path.stem, out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?")
    parser.add_argument("--seconds", type=float, help="only so much of each clip (default: all)")
    parser.add_argument("--ladders", help="only these, by name")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-stability", action="store_true")
    arguments = parser.parse_args()
    console = Console(width=max(110, Console().width))
    names = arguments.ladders.split(",") if arguments.ladders else list(dose.DOSES)
    clips = sorted(p for p in arguments.clips.rglob("*") if p.suffix in CLIP_SUFFIXES) if arguments.clips else []
    rows: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
    moved: list[str] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool,
    ):
        room = Path(folder)
        for scene in demo.demo_scenes():
            if scene.name in ("demo_clean", "demo_cut"):
                clips.append(render(scene, room / f"factory_{scene.name}.mp4", crf=demo.CRF))
        jobs = [pool.submit(_climb, clip, arguments.seconds, names) for clip in clips]
        for job in track(as_completed(jobs), "ladders", len(jobs), console=Console(stderr=True)):
            stem, values, shifted = job.result()
            moved += shifted
            for name, row in values.items():
                rows[name][stem] = row
        short = 0
        for name in names:
            ladder = dose.DOSES[name]
            table = Table(title=f"\n{name}: {ladder.dimension}", title_justify="left", box=None, pad_edge=False)
            table.add_column("clip")
            for step in range(dose.STEPS + 1):
                table.add_column(str(step), justify="right")
            table.add_column("Spearman", justify="right")
            for stem, row in sorted(rows[name].items()):
                rho = float(spearmanr(range(dose.STEPS + 1), row).statistic) if len(set(row)) > 1 else 0.0
                short += rho > TARGET
                table.add_row(stem, *(f"{value:.3f}" for value in row), f"{rho:.3f}{'*' if rho > TARGET else ' '}")
            console.print(table)
        total = sum(map(len, rows.values()))
        console.print(f"\n{total - short} of {total} ladders at Spearman {TARGET} or below")
        console.print(f"other track: {len(moved)} of {total} moved" + "".join(f"\n  {item}" for item in moved))
        if not arguments.no_stability:
            jobs = [pool.submit(_changes, clip) for clip in clips]
            shifts: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
            for job in track(as_completed(jobs), "stability", len(jobs), console=Console(stderr=True)):
                stem, found = job.result()
                for change, deltas in found.items():
                    for name, delta in deltas.items():
                        shifts[name, change][stem] = delta
            table = Table(title="\nstability: change of score", title_justify="left", box=None, pad_edge=False)
            for column in ("dimension", "change", "median", "largest", "of"):
                table.add_column(column, justify="left" if column in ("dimension", "change", "of") else "right")
            for (name, change), deltas in sorted(shifts.items()):
                stem = max(deltas, key=lambda key: abs(deltas[key]))
                table.add_row(name, change, f"{statistics.median(deltas.values()):+.3f}", f"{deltas[stem]:+.3f}", stem)
            console.print(table)


if __name__ == "__main__":
    main()
