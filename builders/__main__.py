"""``python -m avgen_bench.builders``: validate, build and describe the prompt set."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from avgen_bench.errors import AvgenError


def _validate(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import sources, validators

    paths = [Path(path) for path in arguments.files] or sorted((sources.FOLDER / "prompts").glob("*.jsonl"))
    faulty = hinted = count = 0
    for path in paths:
        refused: list[AvgenError] = []
        found = sources.read_file(path, refused.append)
        faulty += len(refused)
        for error in refused:
            print(error)
        for where, prompt in found:
            count += 1
            for problem in validators.faults(prompt):
                faulty += 1
                print(f"{where}: {problem}")
            for hint in validators.hints(prompt):
                hinted += 1
                print(f"{where}: hint: {hint}")
    print(f"{count} prompts, {faulty} faults, {hinted} hints in {paths[0].resolve().parent if paths else 'no file'}")
    return 1 if faulty else 0


def _build(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import pages, sources, tables

    out = Path(arguments.out) if arguments.out else tables.DATASET
    if arguments.check:
        wrong = tables.check(out=out) + ([] if arguments.out else pages.check())
        for line in wrong:
            print(line)
        print(f"{len(wrong)} differences between the sources and {out.name}")
        return 1 if wrong else 0
    if not arguments.out:
        sources.writable(sources.FOLDER)
    changed = tables.build(out=out)
    for path in changed:
        print(f"wrote {path.relative_to(out)}")
    if not arguments.out:
        cards = pages.build()
        for path in cards:
            print(f"wrote {path.parent.name}/{path.name}")
        changed += cards
    print(f"{len(changed)} files changed")
    return 0


def _stats(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import census, tables

    configs = tables.configurations()
    counts = census.census(configs["default"], configs["ladders"], configs["mini"])
    goals = census.targets(counts)
    if arguments.json:
        print(json.dumps(counts, indent=2))
        return 0 if all(goal.met for goal in goals) else 1
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)

    def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        table = Table(*heads, title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows:
            table.add_row(*(f"{cell:g}" if isinstance(cell, float | int) else str(cell) for cell in row))
        console.print(table)
        console.print()

    show(
        "categories",
        ("", "prompts", "constr.", "kinds", "quest.", "expect.", "words"),
        [
            (
                name,
                *(row[key] for key in ("prompts", "constraints", "kinds", "questions", "expectations", "words_mean")),
            )
            for name, row in counts["categories"].items()
        ],
    )
    for key in ("themes", "kinds", "demands", "question_types", "modalities", "languages", "words", "duration_s"):
        show(key.replace("_", " "), ("", "n"), list(counts[key].items()))
    show("ladders: dials", ("", "groups"), list(counts["ladders"]["dials"].items()))
    show("verification", ("", "prompts"), list(counts["verification"].items()))
    show("targets", ("", "is", "target", ""), [(g.name, g.value, g.least, "met" if g.met else "MISSED") for g in goals])
    return 0 if all(goal.met for goal in goals) else 1


def _mini(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import selection, sources

    chosen = selection.choose(sources.read_sources().prompts)
    if arguments.write:
        (sources.writable(sources.FOLDER) / "mini.txt").write_text("\n".join(chosen) + "\n", encoding="utf-8")
    print("\n".join(chosen))
    return 0


def _duplicates(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import similarity, sources

    found = sources.read_sources()
    pairs = list(similarity.duplicates([*found.prompts, *found.ladders], arguments.threshold))
    for one, other, share in pairs:
        print(f"{one}  {other}  {share:.2f}")
    print(f"{len(pairs)} pairs share {arguments.threshold:.0%} or more of their word trigrams, or their title")
    return 1 if pairs else 0


def _record(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import signing

    count = signing.record(Path(arguments.findings), arguments.type, arguments.by, arguments.date, only=arguments.only)
    print(f"{count} looks recorded")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import signing, sources
    from rich.console import Console

    console = Console(highlight=False)
    sources.writable(sources.FOLDER)
    console.print((sources.FOLDER / "CHECKLIST.md").read_text(encoding="utf-8"), markup=False)
    try:
        signed, left = signing.sign_off(
            console,
            lambda text: console.input(text, markup=False),
            arguments.by,
            arguments.category,
            again=arguments.again,
        )
    except (KeyboardInterrupt, EOFError):
        console.print("\nstopped; what was signed is recorded")
        return 0
    console.print(f"{signed} signed, {left} left; run build to put the signatures into the dataset")
    return 0


def _agreement(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import agreement, sources

    path = Path(arguments.annotations or sources.FOLDER / "annotations" / "blind.jsonl")
    annotations = agreement.read_annotations(path)
    prompts = sources.read_sources().prompts
    known = {prompt.id for prompt in prompts}
    lost = sorted(set(annotations) - known)
    if lost:
        print(f"no prompt is called {', '.join(lost)}", file=sys.stderr)
        return 1
    print(f"{len(annotations)} prompts annotated by somebody who saw only the texts")
    for level in ("kind", "value"):
        made = agreement.agreement(prompts, annotations, level)
        print(
            f"same {level:5}  precision {made.precision:.3f} ({made.matched} of {made.stored} stored), "
            f"recall {made.recall:.3f} ({made.matched} of {made.annotated} annotated)"
        )
    if arguments.list:
        for name, where, what in agreement.disagreements(prompts, annotations):
            print(f"{name}  {where}: {what}")
    return 0


def _official(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import official

    return official.run(arguments)


def _show(arguments: argparse.Namespace) -> int:
    from avgen_bench.builders import signing, sources
    from rich.console import Console

    found = sources.read_sources()
    wanted = [p for p in (*found.prompts, *found.ladders) if p.id in arguments.ids]
    for prompt in wanted:
        signing.show(prompt, Console(highlight=False))
    lost = [name for name in arguments.ids if name not in {prompt.id for prompt in wanted}]
    if lost:
        print(f"no prompt is called {', '.join(lost)}; ids look like ads-001 and ladder-<group>-1", file=sys.stderr)
    return 1 if lost else 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = argparse.ArgumentParser(
        prog="python -m avgen_bench.builders", description="Validate, build and describe the prompt set."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        made.set_defaults(run=run)
        return made

    validate = command("validate", _validate, "check prompt sources; prints faults and hints by line")
    validate.add_argument("files", nargs="*", help="source files (default: all)")
    build = command("build", _build, "write the dataset repository from the sources, and every card from the facts")
    build.add_argument(
        "--check", action="store_true", help="write nothing; say what differs, and exit 1 if anything does"
    )
    build.add_argument("--out", metavar="DIR", help="dataset folder, and no other card (default: the repository's)")
    stats = command("stats", _stats, "print counts per category, kind, demand, length and ladder, and the targets")
    stats.add_argument("--json", action="store_true", help="print JSON")
    mini = command("mini", _mini, "choose the mini subset anew")
    mini.add_argument("--write", action="store_true", help="freeze the choice in builders/mini.txt")
    duplicates = command("duplicates", _duplicates, "list pairs of prompts that are too near to each other")
    duplicates.add_argument("--threshold", type=float, default=0.15, metavar="SHARE", help="of word trigrams (0.15)")
    show = command("show", _show, "print prompts with everything they demand")
    show.add_argument("ids", nargs="+", metavar="ID")
    record = command("record", _record, "record reviews or changes from a file of findings")
    record.add_argument("findings", help="JSON lines with id, checks, note")
    record.add_argument("--type", required=True, choices=("review", "change"))
    record.add_argument("--by", required=True, metavar="NAME", help="who looked")
    record.add_argument("--date", metavar="YYYY-MM-DD", help="(default: today)")
    record.add_argument("--only", metavar="CATEGORY", help="read only this source file")
    verify = command("verify", _verify, "lead a person through the prompts to sign them off, one by one")
    verify.add_argument("--by", required=True, metavar="NAME", help="your name or pseudonym; it is published")
    verify.add_argument("--category", metavar="NAME", help="only this category, or ladders")
    verify.add_argument("--again", action="store_true", help="also what you have signed already")
    agreement = command("agreement", _agreement, "compare stored constraints with a blind re-annotation")
    agreement.add_argument(
        "annotations", nargs="?", help="JSON lines with id and demands (default: annotations/blind.jsonl)"
    )
    agreement.add_argument("--list", action="store_true", help="list every disagreement")
    official = command("official", _official, "import the prompts of microsoft/AVGen-Bench into this schema")
    official.add_argument("source", nargs="?", help="local checkout (default: the Hub dataset at the pinned revision)")
    official.add_argument("--revision", default="main", metavar="REV", help="of the Hub dataset; digests decide (main)")
    official.add_argument("--any-revision", action="store_true", help="also take files that are not those pinned")
    official.add_argument("--out", required=True, metavar="DIR", help="folder for the configuration `official`")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 right, 1 something is wrong."""
    arguments = build_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        return status
    except AvgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
