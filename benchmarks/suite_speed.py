"""Seconds per second of clip of the whole embedded suite, and each backbone's share: ``suite_speed.py CLIPS``.

Each clip is observed once by all backbones together (one decoding pass, models loaded before), then by each backbone
alone, less a bare decode. Prints ratios and shares; peak memory is that of the process. What is not installed is left
out, and named.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from pathlib import Path

from avgen_bench import registry, work
from avgen_bench.types import MediaFacts


def seconds(path: Path, backbones: tuple[str, ...]) -> tuple[float, float]:
    """Wall seconds of one observation, and the length of the clip."""
    start = time.perf_counter()
    seen = work.observe(path, backbones)
    took = time.perf_counter() - start
    facts = seen[work.DECODER]
    assert isinstance(facts, MediaFacts)
    return took, facts.duration_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, help="folder of clips")
    parser.add_argument("--without", default="", metavar="A,B", help="backbones to leave out (default: none)")
    arguments = parser.parse_args()
    clips = sorted(path for path in arguments.clips.rglob("*.mp4"))
    left_out = set(arguments.without.split(","))
    names = tuple(name for name in registry.names("backbones") if name not in left_out and not work.lacks(name))
    for name in registry.names("backbones"):
        if name not in names:
            print(f"without {name}{f': {work.lacks(name)}' if work.lacks(name) else ''}")
    for name in names:  # loads models
        seconds(clips[0], (name,))
    whole = {clip: seconds(clip, names) for clip in clips}
    rates = [took / length for took, length in whole.values()]
    for clip, (took, length) in whole.items():
        print(f"{clip.name:24} {length:5.1f} s  {took / length:5.2f} s per second")
    print(f"median {statistics.median(rates):.2f}, worst {max(rates):.2f} s of wall per second of clip")
    bare = {clip: seconds(clip, ())[0] for clip in clips}
    alone = {name: sum(max(0.0, seconds(clip, (name,))[0] - bare[clip]) for clip in clips) for name in names}
    total = sum(alone.values()) + sum(bare.values())
    print(f"{'decode':16} {sum(bare.values()) / total:6.1%}")
    for name, took in sorted(alone.items(), key=lambda item: -item[1]):
        print(f"{name:16} {took / total:6.1%}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
