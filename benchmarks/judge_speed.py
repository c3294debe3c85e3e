"""How fast questions go out, and what one costs this machine.

A server on loopback answers each question after 200 ms (a process of its own, so that its work is not counted). The
clips are really decoded, sampled and encoded; the questions are those of the mini set. Printed: questions a second and
milliseconds of CPU a question, first with the views ready (our own overhead), then with decoding.

    python benchmarks/judge_speed.py CLIPS --concurrency 16
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from avgen_bench import media
from avgen_bench.asking import Case, interview
from avgen_bench.judges.specs import judge_of
from avgen_bench.judges.views import clip_views
from avgen_bench.prompts import BUILTIN, load_prompts
from avgen_bench.store import Shard
from avgen_bench.terms import Terms
from avgen_bench.types import ClipViews, JudgeView, MediaLimits

SERVER = Path(__file__).resolve().parent.parent / "tests" / "judge_server.py"
DIMENSIONS = ("alignment", "physics", "naturalness")
LEAST_PER_S, MOST_CPU_MS = 70.0, 5.0


def cases(clips: list[Path], count: int) -> list[Case]:
    """``count`` clips with a prompt of the mini set each; a file that comes again counts as another clip."""
    prompts = list(load_prompts(f"{BUILTIN}:mini").values())
    facts = {clip: media.read(clip, {}, MediaLimits())[0] for clip in clips}
    found = []
    for index in range(count):
        clip, prompt = clips[index % len(clips)], prompts[index % len(prompts)]
        found.append(Case(str(index), clip.name, f"{index:064x}", str(clip), facts[clip], prompt, DIMENSIONS))
    return found


def run(url: str, found: list[Case], views: Callable[[str, JudgeView], ClipViews], concurrency: int) -> str:
    """One interview; its speed and its cost in words."""
    judge = judge_of(f"openai:{url}#tester", JudgeView())
    with tempfile.TemporaryDirectory() as folder:
        shard = Shard(Path(folder))
        began, cpu = time.perf_counter(), time.process_time()
        spent = interview(
            found,
            judge,
            Terms(concurrency=concurrency),
            views=views,
            cached=lambda address: None,
            keep=shard.add_observation,
            on_done=lambda case, asked: None,
        )
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        shard.close()
    judge.close()
    per_s, cpu_ms = spent.calls / took, 1000 * cpu / spent.calls
    return f"{spent.calls} questions about {len(found)} clips: {per_s:5.1f} a second, {cpu_ms:5.2f} ms of CPU each"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder of clips")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--count", type=int, default=24, help="clips (24)")
    parser.add_argument("--delay-s", type=float, default=0.2, help="until the server answers (0.2)")
    arguments = parser.parse_args()
    clips = sorted(arguments.clips.glob("*.mp4"))
    if not clips:
        parser.error(f"no clips in {arguments.clips}")
    found = cases(clips, arguments.count)
    began = time.perf_counter()
    ready = {str(clip): clip_views(clip, JudgeView()) for clip in clips}
    each = (time.perf_counter() - began) / len(clips)
    size = sum(sum(map(len, views.frames)) + len(views.sound or b"") for views in ready.values()) / len(ready)
    print(f"views of a clip: {1000 * each:.0f} ms, {size / 1e6:.2f} MB")
    command = [sys.executable, str(SERVER), "--delay-s", str(arguments.delay_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        url = server.stdout.readline().strip()
        try:
            run(url, found[:1], lambda path, view: ready[path], arguments.concurrency)  # imports and caches are warm
            print("views ready: ", run(url, found, lambda path, view: ready[path], arguments.concurrency))
            print("with decoding:", run(url, found, clip_views, arguments.concurrency))
        finally:
            server.stdin.close()
    print(f"aim: {LEAST_PER_S:g} a second or more and {MOST_CPU_MS:g} ms or less, with the views ready, on two cores")


if __name__ == "__main__":
    main()
