"""The ``avgen-bench demo`` command: clips of known truth, rendered and scored, and a report to look at."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench.cli_common import console_of, publish, ticking
from avgen_bench.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from avgen_bench.types import Prompt

__all__ = ["add"]

EXIT_COMPLETE = 0


def add(commands: Any) -> None:
    """Add ``demo`` to the parser's commands; imports nothing but the standard library."""
    what = "render clips with known faults, score them, and write a report to look at"
    demo = commands.add_parser(
        "demo",
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument("--out", default="avgen-bench-demo", metavar="DIR", help="folder (default: avgen-bench-demo)")
    demo.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")
    demo.add_argument(
        "--prompts",
        type=int,
        nargs="?",
        const=22,
        metavar="N",
        help="instead, clips that obey N prompts of this package (22), as far as a simple stage can, and how often "
        "each verdict is the truth; goes on where it was",
    )
    demo.add_argument("--breaking", type=int, default=0, metavar="K", help="break K constraints of each prompt (0)")
    demo.add_argument("--seed", type=int, default=0, metavar="N", help="with --prompts: another cast (0)")
    demo.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> int:
    from avgen_bench import runner
    from avgen_bench.factory import demo

    folder = Path(arguments.out)
    console = console_of(stderr=True)
    if arguments.prompts is not None:
        return _perform(arguments, folder, console)
    if arguments.breaking:
        raise InputError("--breaking belongs to --prompts: avgen-bench demo --prompts 3 --breaking 1")
    with ticking(console, "rendering") as tell:
        count = len(demo.demo_scenes())
        tell(runner.Tick(0, count))
        demo.render_demo(folder / "clips", lambda done: tell(runner.Tick(done, count)))
    with ticking(console, "scoring") as tell:
        report = runner.score(folder / "clips", folder, system="demo", workers=arguments.workers, on_tick=tell)
    publish(report, folder, "auto")
    console_of().print("open it in a browser: one clip is whole, the others have one known fault each", markup=False)
    return EXIT_COMPLETE


def _perform(arguments: argparse.Namespace, folder: Path, console: Console) -> int:
    """Clips for prompts, with their truth, their scores, and how often the verdicts are the truth."""
    import json

    from avgen_bench import prompts, report_control, runner
    from avgen_bench.factory import perform
    from avgen_bench.factory.render import render, truth_path
    from avgen_bench.store import write_text

    if arguments.prompts < 1 or arguments.breaking < 0:
        raise InputError(
            f"--prompts {arguments.prompts} --breaking {arguments.breaking}: expected 1 or more, and 0 or more"
        )
    console.print("choosing prompts", markup=False)
    chosen = perform.choose(prompts.load_prompts(prompts.BUILTIN).values(), arguments.prompts, arguments.seed)
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    truths: dict[str, Any] = {}
    with ticking(console, "rendering") as tell:
        for number, prompt in enumerate(chosen):
            tell(runner.Tick(number, len(chosen)))
            clip = folder / "clips" / prompts.file_name(prompt)
            known = (
                json.loads(truth_path(clip).read_text("utf-8")) if clip.exists() and truth_path(clip).exists() else {}
            )
            if (known.get("seed"), known.get("breaking")) != (arguments.seed, arguments.breaking):
                scene = perform.perform(prompt, seed=arguments.seed, breaking=arguments.breaking)
                render(scene, clip)
                known = json.loads(truth_path(clip).read_text("utf-8"))
            truths[prompt.id] = known
        tell(runner.Tick(len(chosen), len(chosen)))
    write_text(prompts.export(chosen, "jsonl", full=True), folder / "prompts.jsonl")
    rows = [
        {"path": f"clips/{prompts.file_name(prompt)}", "prompt_id": prompt.id, "system": "performed"}
        for prompt in chosen
    ]
    write_text("".join(json.dumps(row) + "\n" for row in rows), folder / "clips.jsonl")
    with ticking(console, "scoring") as tell:
        report = runner.score(
            folder / "clips.jsonl",
            folder,
            prompts=folder / "prompts.jsonl",
            workers=arguments.workers,
            on_tick=tell,
        )
    publish(report, folder, "auto")
    asked = report_control.prompt_rows({prompt.id: prompt for prompt in chosen}, truths)
    names = [item["name"] for item in report["dimensions"]]
    verdicts = {
        row["prompt_id"]: report_control.judged(row, asked.get(row["prompt_id"]), names) for row in report["clips"]
    }
    _print_agreement(perform.agreement(truths, verdicts), console_of())
    _print_performed(chosen, truths, console_of())
    return EXIT_COMPLETE


def _print_performed(chosen: Iterable[Prompt], truths: Mapping[str, Any], console: Console) -> None:
    """What was broken on purpose, and what the stage left out."""
    from avgen_bench.factory import perform

    left: dict[str, int] = {}
    total = 0
    for prompt in chosen:
        words = truths[prompt.id]["constraints"]
        total += len(prompt.constraints)
        broken = [f"{c.id} {c.kind}" for c in prompt.constraints if words.get(c.id) == perform.BROKEN]
        if broken:
            console.print(f"{prompt.id}: broken on purpose: {', '.join(broken)}", markup=False, soft_wrap=True)
        for constraint in prompt.constraints:
            if words.get(constraint.id) == perform.LEFT_OUT:
                left[constraint.kind] = left.get(constraint.kind, 0) + 1
    listed = ", ".join(f"{kind} {count}" for kind, count in sorted(left.items()))
    console.print(f"{total - sum(left.values())} of {total} constraints performed; left out: {listed or 'none'}")
    console.print("what is so in each clip stands beside it (clips/*.truth.json)", style="dim")
    for line in perform.absent():
        console.print(line, markup=False, style="yellow")


def _print_agreement(rows: Sequence[dict[str, Any]], console: Console) -> None:
    from rich.table import Table

    heads = ("kind", "performed", "obeyed", "broken", "as the truth", "wrong", "unver.", "share")
    table = Table(*heads, title="\nverdicts against the truth", title_justify="left", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        figures = [str(row[name]) for name in ("performed", "obeyed", "broken", "agree", "wrong", "unverifiable")]
        table.add_row(row["kind"] or "all", *figures, f"{row['share']:.0%}")
    console.print(table)
    for row in rows:
        for name, id_, word, said, found in row["misses"] if row["kind"] else ():
            console.print(f"{name} {id_} {row['kind']}: {word}, verdict {said}: {found}", markup=False, soft_wrap=True)
