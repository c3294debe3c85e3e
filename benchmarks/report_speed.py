"""How long the report of many systems and the comparison of two take, and what memory they need.

    python benchmarks/report_speed.py [--systems 20] [--prompts 352] [--dimensions 20]

Made-up measurements; the report is built and written as JSON, without pictures. The targets are 20 s and 1 GiB for the
report, 3 s for the comparison of two of the systems, which is given two reports as a run folder gives them.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Sequence

from avgen_bench import compare, report
from avgen_bench.types import Clip, DimensionFacts, Evidence, Measurement


def made_up(
    systems: Sequence[str], prompts: int, dimensions: int, seed: int = 3
) -> tuple[list[Measurement], list[Clip], list[DimensionFacts]]:
    """Measurements with prompts that are harder or easier, some abstained and some at the floor."""
    rng = random.Random(seed)
    facts = [
        DimensionFacts(f"d{k:02d}", "perceptual", "1", "", 0.0, 1.0, 0.0, 1, (), "Made up.", "1 is best.")
        for k in range(dimensions)
    ]
    level = {(item.name, p): rng.betavariate(6, 3) for item in facts for p in range(prompts)}
    clips, measured = [], []
    for number, system in enumerate(systems):
        for p in range(prompts):
            clip = Clip(
                f"{rng.getrandbits(256):064x}", f"{system}/p{p:03d}.mp4", f"p{p:03d}", system, 0, f"c{p % 11:02d}"
            )
            clips.append(clip)
            for item in facts:
                chance = rng.random()
                value = min(1.0, max(0.0, rng.gauss(level[item.name, p] - 0.01 * number, 0.15)))
                status, value = ("abstained", None) if chance < 0.05 else ("ok", 0.0 if chance < 0.1 else value)
                measured.append(
                    Measurement(
                        *(item.name, "1", clip.clip_id, clip.key, clip.prompt_id, status, value, "made up"),
                        evidence=(Evidence("part", "made up", 1.0, score=value),),
                        observations=("0" * 32,),
                        signature="made-up/1",
                    )
                )
    return measured, clips, facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=int, default=20, metavar="N")
    parser.add_argument("--prompts", type=int, default=352, metavar="N")
    parser.add_argument("--dimensions", type=int, default=20, metavar="N")
    arguments = parser.parse_args()
    names = [f"system{k:02d}" for k in range(arguments.systems)]
    measured, clips, facts = made_up(names, arguments.prompts, arguments.dimensions)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(names)} systems, {arguments.prompts} prompts, {len(facts)} dimensions, {len(measured)} numbers")
    print(f"measurements made up: {before:.0f} MiB")
    start = time.perf_counter()
    text = report.to_json_text(report.build(measured, clips, facts))
    seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"report:     {seconds:6.1f} s, peak {peak:.0f} MiB, {len(text) / 2**20:.0f} MiB of JSON   (20 s, 1024 MiB)")
    runs = []
    for name in names[:2]:
        mine = [clip for clip in clips if clip.system == name]
        runs.append((name, report.build(measured, mine, facts)))
    start = time.perf_counter()
    found = compare.build(runs)
    seconds = time.perf_counter() - start
    better = sum(bool(row["better"]) for row in found["pairs"])
    print(f"compare two: {seconds:5.1f} s, {len(found['pairs'])} tests, {better} told apart   (3 s)")
    start = time.perf_counter()
    runs = [(f"r{n}", report.build(measured, [clip for clip in clips if clip.system == n], facts)) for n in names[:4]]
    middle = time.perf_counter()
    found = compare.build(runs)
    seconds = time.perf_counter() - middle
    print(f"compare {len(runs)}:   {seconds:5.1f} s, {len(found['pairs'])} tests   (building {middle - start:.1f} s)")


if __name__ == "__main__":
    main()
