"""Runs of small clips for the tests of the leaderboard: systems that differ in what can be measured."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

from scenes import small_clip

from avgen_bench import runner
from avgen_bench.report import write_json
from avgen_bench.run_folder import read_report
from avgen_bench.types import MediaLimits

DIMENSIONS = ("visual_quality", "audio_quality", "timing")
PROMPTS = [
    {
        "id": f"{category}-{k}",
        "category": category,
        "prompt": "It lasts for one second.",
        "constraints": [{"id": "c1", "kind": "duration", "span": "one second", "duration_s": 1}],
    }
    for category in ("ads", "music")
    for k in range(4)
]


def make_run(folder: Path, system: str, *, brightness: int = 90, sound: bool = True, limits: MediaLimits | None = None):
    """A finished run folder of one system on the eight prompts."""
    clips = folder.parent / f"clips-{folder.name}"
    for k, row in enumerate(PROMPTS):
        clips.mkdir(parents=True, exist_ok=True)
        small_clip(clips / f"{row['id']}.mp4", brightness, sound=sound, seed=k)
    prompts = folder.parent / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in PROMPTS), encoding="utf-8")
    runner.score(clips, folder, prompts=prompts, dimensions=list(DIMENSIONS), system=system, workers=0, limits=limits)
    write_json(read_report(folder, receipts=True), folder / "report.json")
    shutil.rmtree(clips)
    return folder


def pack(
    folder: Path, archive: Path, *, only: tuple[str, ...] = ("run.json", "report.json", "receipts.jsonl", "shards")
):
    """A ZIP file of what is named of a run folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.is_file() and name.parts[0] in only:
                opened.write(path, f"{folder.name}/{name.as_posix()}")
    return archive
