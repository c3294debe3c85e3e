"""The ``avgen-bench`` command: parses, calls, prints."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench import __version__
from avgen_bench.cli_common import add_embed, add_missing, console_of, publish, ticking
from avgen_bench.errors import AvgenError, FactoryError, InputError, UnknownNameError

if TYPE_CHECKING:
    from rich.console import Console

    from avgen_bench.constraints.base import KindFacts
    from avgen_bench.runner import Plan
    from avgen_bench.terms import Estimate, Terms
    from avgen_bench.types import Judge, MediaLimits, View
    from avgen_bench.voice import Voice

__all__ = ["build_parser", "main"]

EXIT_COMPLETE, EXIT_ERROR, EXIT_FAILURES, EXIT_UNASKED = 0, 1, 3, 4


def _limits_epilog() -> str:
    from avgen_bench.types import MediaLimits

    lines = [f"  {name}={value}" for name, value in dataclasses.asdict(MediaLimits()).items()]
    status = (
        "exit status: 0 complete, 1 error, 2 usage, 3 complete with failures (--strict), 4 questions left unasked\n"
        "(the budget was spent, the judge broke or refused a clip): the same command goes on"
    )
    return "limits for --limit and their defaults:\n" + "\n".join(lines) + f"\n\n{status}"


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; imports nothing but the standard library."""
    from avgen_bench import cli_compare, cli_demo, cli_generate, cli_hub, cli_judge, cli_upstream, cli_verify

    parser = argparse.ArgumentParser(
        prog="avgen-bench",
        description="Score text-to-audio-video clips: one command, every number with its evidence.",
        epilog="Start with: avgen-bench demo",
    )
    parser.add_argument("--version", action="version", version=f"avgen-bench {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], summary: str, epilog: str = ""
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        return made

    score = command("score", _score, "score a folder of clips, or a manifest", _limits_epilog())
    score.add_argument(
        "clips", help="folder (<prompt_id>.mp4 or <category>/<title>.mp4), manifest (.jsonl, .csv) or clip"
    )
    score.add_argument("--out", required=True, metavar="RUN", help="run folder; a second run there continues the first")
    score.add_argument(
        "--prompts",
        metavar="FILE",
        help="prompts (.jsonl, .csv or .parquet), or avgen-bench, avgen-bench:mini, avgen-bench:ladders for those of "
        "this package; a prompt without a clip scores the floor by default",
    )
    score.add_argument("--system", default="", metavar="NAME", help="name of the generator (default: the folder's)")
    score.add_argument("--dimensions", metavar="A,B", help="only these dimensions (default: all; see avgen-bench list)")
    score.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")
    score.add_argument(
        "--launch",
        type=int,
        metavar="N",
        help="start N processes on this machine that share the clips, each with its share of cores and, for a judge "
        "on this machine, a device of its own; torchrun and accelerate launch do the same over several machines",
    )
    score.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="change a limit, repeatable")
    score.add_argument("--retry-failed", action="store_true", help="measure again what failed before")
    score.add_argument("--dry-run", action="store_true", help="print the plan and its estimated time; measure nothing")
    score.add_argument("--strict", action="store_true", help="exit 3 when any number failed")
    add_missing(score, "floor")
    _add_judge(score)
    add_embed(score)

    report = command("report", _report, "write the report of an earlier run again")
    report.add_argument("run_folder", metavar="RUN", help="the --out folder of avgen-bench score")
    add_missing(report, "as the run was scored")
    report.add_argument(
        "--total",
        metavar="TABLE",
        help="add a weighted total: official, official-as-published, or a JSON file of weights (default: none)",
    )
    report.add_argument(
        "--force", action="store_true", help="put numbers that were made differently side by side; the report says so"
    )
    report.add_argument(
        "--format",
        choices=("html", "md", "csv", "latex"),
        help="print the table for a paper instead (default: as --out ends; without both, the page and report.json)",
    )
    report.add_argument("--out", metavar="FILE", help="write that there; - prints it")
    add_embed(report)

    explain = command("explain", _explain, "show every number of one clip with its evidence")
    explain.add_argument("run_folder", metavar="RUN", help="the --out folder of avgen-bench score")
    explain.add_argument("clip", metavar="CLIP", help="path, file name, prompt id or start of the clip id")

    listing = command("list", _list, "list dimensions, backbones and kinds of constraint; loads no model")
    listing.add_argument("--json", action="store_true", help="print JSON")

    prompts = command("prompts", _prompts, "print the prompts for a generator, with the file name each clip must have")
    prompts.add_argument("--config", metavar="NAME", help="default, mini (8 a category) or ladders (default: default)")
    prompts.add_argument("--file", metavar="FILE", help="prompts of a file instead (.jsonl, .csv or .parquet)")
    prompts.add_argument("--format", choices=("jsonl", "csv", "txt"), help="(default: as --out ends, else jsonl)")
    prompts.add_argument("--full", action="store_true", help="jsonl with constraints, questions and all the rest")
    prompts.add_argument("--out", metavar="FILE", help="write there instead of printing")

    command(
        "seed-cache",
        _seed_cache,
        'let load_dataset("avgen-bench") and evaluate.load of "avgen_control", "avgen_perceptual" and "avgen_semantic" '
        "work in processes that do not import avgen_bench",
    )

    command("doctor", _doctor, "say what is installed, what is missing, and the command that gets it")

    calibrate = command(
        "calibrate",
        _calibrate,
        "measure how often each checker is right, on rendered clips of known truth",
        "A full run takes hours on two cores and goes on where it was; --quick takes some minutes.",
    )
    calibrate.add_argument("--kinds", metavar="A,B", help="only these kinds of constraint (default: all)")
    calibrate.add_argument("--split", choices=("calibration", "test"), default="test", help="(default: test)")
    calibrate.add_argument("--count", type=int, default=200, metavar="N", help="clips per kind, half obeying (200)")
    calibrate.add_argument("--seed", type=int, default=0, metavar="N", help="(0)")
    calibrate.add_argument("--nominal", action="store_true", help="without the clips that are made harder")
    calibrate.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")
    calibrate.add_argument("--out", metavar="DIR", help="write a checker card per kind there, and what was measured")
    calibrate.add_argument(
        "--quick",
        action="store_true",
        help="the first 8 clips of each kind; exit 1 if on these a checker is worse than its card, or tells less. "
        "8 clips show what broke, not a small loss: an error on 1 clip in 20 is noticed one time in three",
    )
    calibrate.add_argument("--show", action="store_true", help="print the cards that come with the package; no clip")

    cli_demo.add(commands)
    cli_compare.add(commands)
    cli_generate.add(commands)
    cli_judge.add(commands)
    cli_verify.add(commands)
    cli_upstream.add(commands)
    cli_hub.add(commands)
    return parser


def _add_judge(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "judge", "a multimodal model that answers the questions of alignment, physics and naturalness"
    )
    group.add_argument(
        "--judge",
        metavar="SPEC",
        help="openai:URL#model, gemini:MODEL, transformers:PATH, person:LABELS.jsonl, replay:FILE, panel:...",
    )
    group.add_argument(
        "--budget",
        metavar="AMOUNT",
        help="stop asking when so much is spent: 500calls, 2Mtokens or 5usd (default: never)",
    )
    group.add_argument("--judge-fps", type=float, metavar="N", help="pictures a second that it is given (2)")
    group.add_argument(
        "--repeats", type=int, metavar="K", help="how often each question is asked (1 with probabilities, else 3)"
    )
    group.add_argument("--concurrency", type=int, default=8, metavar="N", help="questions under way at once (8)")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of the order of questions (0)")
    group.add_argument(
        "--allow-unfit", action="store_true", help="ask what its passport says that it cannot tell; the report says so"
    )
    group.add_argument(
        "--allow-drift", action="store_true", help="go on when the model that answers changes its version"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status.

    0 complete, 1 error, 2 usage, 3 complete with failures (``--strict``), 4 questions were left unasked (the budget was
    spent, the judge broke or refused a clip): the same command goes on.
    """
    arguments = build_parser().parse_args(argv)
    arguments.words = list(sys.argv[1:] if argv is None else argv)
    try:
        status: int = arguments.run(arguments)
        return status
    except AvgenError as error:
        from avgen_bench.report_words import printable

        print(f"avgen-bench: {printable(str(error))}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("\navgen-bench: interrupted; what was measured is kept; the same command goes on", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR


# --------------------------------------------------------------------------- score and report


def _parse_limits(items: Sequence[str]) -> MediaLimits:
    from avgen_bench.types import MediaLimits

    kinds = {name: type(value) for name, value in dataclasses.asdict(MediaLimits()).items()}
    values: dict[str, Any] = {}
    for item in items:
        name, sign, text = item.partition("=")
        if not sign:
            raise InputError(f"--limit {item}: expected NAME=VALUE")
        if name not in kinds:
            raise InputError(f"--limit {item}: no limit is called {name!r}; there are: {', '.join(kinds)}")
        try:
            values[name] = kinds[name](float(text))
        except (ValueError, OverflowError):
            raise InputError(f"--limit {item}: {text!r} is no number") from None
    try:
        return MediaLimits(**values)
    except ValueError as error:
        raise InputError(str(error)) from None


def _score(arguments: argparse.Namespace) -> int:
    from avgen_bench import launch, ranks

    if arguments.launch is not None and not ranks.is_ours():
        if not arguments.dry_run:
            with launch.started(arguments.launch, arguments.words):
                return _score_here(arguments)
        launch.refuse(arguments.launch)
    status = _score_here(arguments)
    launch.leave()
    return status


def _score_here(arguments: argparse.Namespace) -> int:
    """The command in one process, or as one of several; rank 0 alone prints."""
    from avgen_bench import ranks, runner, voice

    if arguments.dry_run and not ranks.leads():
        return EXIT_COMPLETE
    dimensions = [name.strip() for name in arguments.dimensions.split(",")] if arguments.dimensions else None
    asked: dict[str, Any] = {
        "prompts": arguments.prompts,
        "dimensions": dimensions,
        "system": arguments.system,
        "limits": _parse_limits(arguments.limit),
        "missing": arguments.missing or "floor",
    }
    judge, terms = _judge_of(arguments)
    try:
        if arguments.dry_run:
            asks = None if judge is None else voice.engage(judge, terms)
            _print_plan(runner.plan(arguments.clips, voice=asks, **asked), arguments, console_of(), asks)
            return EXIT_COMPLETE
        with ticking(console_of(stderr=True), "scoring") if ranks.leads() else nullcontext() as tell:
            report = runner.score(
                arguments.clips,
                arguments.out,
                workers=arguments.workers,
                retry_failed=arguments.retry_failed,
                judge=judge,
                terms=terms,
                on_tick=tell,
                on_note=lambda note: print(f"note: {_printable(note)}", file=sys.stderr),
                **asked,
            )
    finally:
        if judge is not None:
            judge.close()
    if ranks.leads():
        publish(report, Path(arguments.out), arguments.embed)
    if arguments.strict and report["counts"]["failed"]:
        return EXIT_FAILURES
    asked_of = report["semantic"]["judge"] or {}
    return EXIT_UNASKED if asked_of.get("unasked") else EXIT_COMPLETE


def _printable(text: str) -> str:
    from avgen_bench.report_words import printable

    return printable(text)


_NEEDS_JUDGE = ("budget", "judge_fps", "repeats", "allow_unfit", "allow_drift")


def _judge_of(arguments: argparse.Namespace) -> tuple[Judge | None, Terms | None]:
    """The judge that the command line names, and on what terms it is asked."""
    if arguments.judge is None:
        for name in _NEEDS_JUDGE:
            if getattr(arguments, name):
                raise InputError(f"--{name.replace('_', '-')} is about a judge; give --judge SPEC, or drop it")
        return None, None
    from avgen_bench.judges.specs import judge_of
    from avgen_bench.terms import Budget, Terms
    from avgen_bench.types import JudgeView

    terms = Terms(
        repeats=arguments.repeats,
        concurrency=arguments.concurrency,
        seed=arguments.seed,
        budget=None if arguments.budget is None else Budget.parse(arguments.budget),
        allow_unfit=arguments.allow_unfit,
        allow_drift=arguments.allow_drift,
    )
    try:
        view = JudgeView() if arguments.judge_fps is None else JudgeView(fps=arguments.judge_fps)
    except ValueError as error:
        raise InputError(f"--judge-fps: {error}") from None
    return judge_of(arguments.judge, view), terms


def _view_words(view: View) -> str:
    from avgen_bench.types import AudioView, FrameView

    if isinstance(view, AudioView):
        rate = f"{view.rate_hz} Hz" if view.rate_hz else "native rate"
        return f"sound, {rate}, {view.channels or 'native'} channel(s)"
    size = f"short side up to {view.short_side_px} px" if view.short_side_px else "native size"
    if isinstance(view, FrameView):
        return f"{view.color} picture, {size}, {f'{view.fps:g} a second' if view.fps else 'every frame'}"
    return f"optical flow, {size}, every frame"


def _print_plan(made: Plan, arguments: argparse.Namespace, console: Console, voice: Voice | None = None) -> None:
    from avgen_bench import runner
    from avgen_bench.report_words import printable

    todo, seconds = runner.estimate(made, arguments.out, arguments.workers, arguments.retry_failed)

    def say(text: str) -> None:
        console.print(printable(text), markup=False)

    systems = sorted({clip.system for clip in made.clips})
    say(f"clips:       {len(made.clips)}; systems: {', '.join(systems)}")
    if made.prompts:
        counts = "will not count" if made.rule == "exclude" else "will score the floor"
        say(f"prompts:     {len(made.prompts)}; {len(made.missing)} without a clip {counts}")
    if made.unreadable:
        say(f"unreadable:  {len(made.unreadable)} will be 'failed':")
        for reason in list(made.unreadable.values())[:5]:
            say(f"             {reason}")
    say(f"dimensions:  {', '.join(made.dimensions)}")
    say(f"backbones:   {', '.join(made.backbones)}")
    for note in runner.not_installed(made):
        say(f"             {note}")
    say("one decoding pass gives:")
    for view in made.views:
        say(f"             {_view_words(view)}")
    say(f"to measure:  {todo} clips; the other {len(made.clips) - todo} are in {arguments.out}")
    about = f"about {max(1, round(seconds))} s, give or take a factor of two" if todo else "nothing to do"
    say(f"estimate:    {about}")
    if voice is not None:
        _print_asking(made, arguments, voice, say)


def _print_asking(made: Plan, arguments: argparse.Namespace, voice: Voice, say: Callable[[str], None]) -> None:
    """What asking the judge takes, and what it will not be asked."""
    from avgen_bench import runner

    facts, terms = voice.judge.facts, voice.terms
    here, everything = runner.estimate_asking(made, arguments.out, voice)
    none = "a person's labels" if facts.name == "person" else "no passport (avgen-bench judge passport SPEC)"
    proof = f"passport {terms.passport}" if terms.passport else none
    say(f"judge:       {facts.name} {facts.model}, {terms.repeats_of(facts)} time(s) each question; {proof}")
    for modality, reason in terms.unfit.items():
        say(f"             {'unfit' if terms.allow_unfit else 'not asked about'} {modality}: {reason}")
    for note in voice.notes if facts.name == "panel" or terms.passport else ():
        if not note.startswith("unfit for "):
            say(f"             {note}")

    def words(found: Estimate) -> str:
        if facts.name == "person":
            return f"{found.calls} answers of the person's"
        price = "price unknown" if found.usd is None else f"{found.usd:.2f} usd"
        return f"{found.calls} calls, {found.tokens / 1e6:.2f} M tokens, {price}"

    say(f"to ask:      about {here.clips} clips at the most {words(here)}")
    if everything is not None:
        say(f"             about all {everything.clips} prompts, a clip each, at the most {words(everything)}")
    if terms.budget is not None:
        say(f"budget:      {terms.budget}")
    short = dict.fromkeys((*here.too_short, *(everything.too_short if everything else ())))
    least_s = facts.view.shortest_s
    say(f"too short:   {len(short)} questions speak of less than the {least_s:g} s that the judge is sure to see")
    for name in list(short)[:10]:
        say(f"             {name}")


def _report(arguments: argparse.Namespace) -> int:
    from avgen_bench import runner

    kept = not (arguments.format or arguments.out)  # report.json quotes the receipts: both are written, or neither
    options = {"missing": arguments.missing, "force": arguments.force, "receipts": kept}
    made = runner.read_report(arguments.run_folder, **options)
    if arguments.total is not None:
        from avgen_bench import totals

        made["total"] = totals.of_report(made, totals.load_table(arguments.total))
    if arguments.format or arguments.out:
        return _export(made, arguments)
    publish(made, Path(arguments.run_folder), arguments.embed)
    return EXIT_COMPLETE


_ENDINGS = {".html": "html", ".htm": "html", ".md": "md", ".csv": "csv", ".tex": "latex"}


def _export(report: dict[str, Any], arguments: argparse.Namespace) -> int:
    """The report in one format, to a file or printed."""
    from avgen_bench import export, report_page, run_folder
    from avgen_bench.store import write_text

    file = None if arguments.out in (None, "-") else Path(arguments.out)
    form = arguments.format or (_ENDINGS.get(file.suffix.lower()) if file else None)
    if form is None:
        raise InputError(f"--out {arguments.out}: give --format html, md, csv or latex, or a name that ends so")
    if form == "html":
        root = run_folder.clips_folder(arguments.run_folder)
        text = report_page.render(report, file.parent if file else Path(), root, arguments.embed)
    else:
        text = export.export(report, form)
    if file is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))  # as it is: the line ends of CSV are its own
        return EXIT_COMPLETE
    print(f"{form}: {_printable(str(write_text(text, file)))}")
    return EXIT_COMPLETE


def _explain(arguments: argparse.Namespace) -> int:
    from avgen_bench import report_terminal, runner

    console = console_of()
    for item in report_terminal.explain_clip(runner.read_report(arguments.run_folder, force=True), arguments.clip):
        console.print(item)
    return EXIT_COMPLETE


# --------------------------------------------------------------------------- list and doctor


def _list(arguments: argparse.Namespace) -> int:
    from avgen_bench import registry

    dimensions = [registry.load("dimensions", name).facts for name in registry.names("dimensions")]
    backbones = [registry.load("backbones", name).facts for name in registry.names("backbones")]
    constraints = [registry.load("constraints", name).facts for name in registry.names("constraints")]
    if arguments.json:
        import json

        value = {
            "dimensions": [dataclasses.asdict(facts) for facts in dimensions],
            "backbones": [
                {**dataclasses.asdict(facts), "views": [repr(view) for view in facts.views]} for facts in backbones
            ],
            "constraints": [dataclasses.asdict(facts) for facts in constraints],
        }
        print(json.dumps(value, indent=2, sort_keys=True))
        return EXIT_COMPLETE
    from rich.table import Table
    from rich.text import Text

    console = console_of()

    def show(title: str, rows: list[tuple[str, str, str]]) -> None:
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for name, summary, facts in rows:
            table.add_row(Text(name), Text.assemble(summary, "\n", (facts, "dim")))
        console.print(table)

    show(
        "dimensions",
        [
            (
                facts.name,
                facts.summary,
                f"{facts.family}; {facts.low:g} to {facts.high:g}{' ' + facts.unit if facts.unit else ''}, "
                f"{'higher' if facts.direction > 0 else 'lower'} is better; "
                f"needs {', '.join(facts.needs) or 'what the kinds of the prompt need'}",
            )
            for facts in dimensions
        ],
    )
    show(
        "\nbackbones",
        [
            (
                facts.name,
                facts.summary,
                f"gives {facts.yields}; licence {facts.license}; "
                f"{f'{facts.size_mb:g} MB of weights' if facts.size_mb else 'no weights'}",
            )
            for facts in backbones
        ],
    )
    show("\nconstraints", [(facts.kind, facts.summary, _kind_words(facts)) for facts in constraints])
    return EXIT_COMPLETE


def _kind_words(facts: KindFacts) -> str:
    """A kind's parameters, tolerance, instruments, and how often its checker is right."""
    from avgen_bench import calibrate, report_words

    takes = ", ".join([*facts.required, *(f"[{name}]" for name in facts.optional)]) or "no parameter"
    words = f"{facts.theme}; takes {takes}"
    if facts.tolerance is not None:
        words += f"; tolerance {facts.tolerance.strict:g}, loosely {facts.tolerance.loose:g} {facts.tolerance.unit}"
    if facts.needs:
        words += f"; looks at {', '.join(facts.needs)}"
    card = calibrate.committed(facts.kind)
    return f"{words}; checker right: {report_words.format_checker(card and card['nominal'])}"


def _prompts(arguments: argparse.Namespace) -> int:
    from avgen_bench import prompts

    ending = Path(arguments.out).suffix.lower().removeprefix(".") if arguments.out else ""
    form = arguments.format or (ending if ending in prompts.EXPORTS else "jsonl")
    if arguments.full and form != "jsonl":
        raise InputError(f"--full needs --format jsonl; got {form}")
    if arguments.file and arguments.config is not None:
        raise InputError("--config is a configuration of this package's prompts; with --file there is none: drop one")
    config = "default" if arguments.config is None else arguments.config
    found = prompts.load_prompts(arguments.file or f"{prompts.BUILTIN}:{config}")
    text = prompts.export(found.values(), form, arguments.full)
    if arguments.out is None:
        sys.stdout.write(text)
        return EXIT_COMPLETE
    from avgen_bench.store import write_text

    write_text(text, Path(arguments.out))
    print(f"{len(found)} prompts in {arguments.out}; name each clip as the column file says, then avgen-bench score")
    return EXIT_COMPLETE


def _seed_cache(arguments: argparse.Namespace) -> int:
    from avgen_bench import aliases

    print(f"seeded: {aliases.seed_cache()}")
    for place in aliases.seed_modules():
        print(f"seeded: {place}")
    return EXIT_COMPLETE


def _doctor(arguments: argparse.Namespace) -> int:
    from avgen_bench import doctor

    console = console_of()
    findings = doctor.examine()
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in findings:
        mark = {"ok": Text("ok", "green"), "missing": Text("missing", "bold red"), "optional": Text("absent", "yellow")}
        detail = item.detail + (f"; get it: {item.remedy}" if item.remedy else "")
        table.add_row(mark[item.state], Text(item.name), Text(detail))
    console.print(table)
    return EXIT_ERROR if any(item.state == "missing" for item in findings) else EXIT_COMPLETE


# --------------------------------------------------------------------------- calibrate


def _calibrate(arguments: argparse.Namespace) -> int:
    from avgen_bench import calibrate
    from avgen_bench.runner import Tick

    asked = [name.strip() for name in arguments.kinds.split(",")] if arguments.kinds else list(calibrate.rendered())
    if arguments.show:
        shown = [made for kind in asked if (made := calibrate.committed(kind)) is not None]
        _print_cards(calibrate.table(shown))
        for made in shown:
            if made["remark"]:
                console_of().print(f"{made['kind']}: {made['remark']}", markup=False)
        console_of().print("nominal clips of the test split; calibrate --kinds NAME measures one again", style="dim")
        return EXIT_COMPLETE
    if arguments.count < 4:
        raise InputError(f"--count {arguments.count}: expected 4 or more clips a kind, half of which obey")
    for name in asked:
        if name not in calibrate.rendered():
            raise UnknownNameError(f"no truth is rendered for {name!r}; there are: {', '.join(calibrate.rendered())}")
    seeds = dict.fromkeys(asked, arguments.seed)
    count, split = arguments.count, arguments.split
    if arguments.quick:  # the first of the very cases that the committed cards were measured on
        known = {kind: calibrate.committed(kind) for kind in asked}
        asked = [kind for kind in asked if known[kind] is not None]
        seeds = {kind: int((known[kind] or {}).get("seed", 0)) for kind in asked}
        count, split = calibrate.QUICK, "test"
    hard = not (arguments.quick or arguments.nominal)
    workers = os.cpu_count() or 1 if arguments.workers is None else arguments.workers
    store = Path(arguments.out) / "results" if arguments.out else None
    console = console_of()
    cards = []
    skipped = []
    with ticking(console_of(stderr=True), "checking") as tell:
        for place, kind in enumerate(asked):

            def on_tick(done: int, of: int, place: int = place) -> None:
                tell(Tick(place * of + done, len(asked) * of))

            try:
                results = calibrate.run(kind, split, count, seeds[kind], hard, workers, on_tick, store)
            except FactoryError as error:  # what the truth is drawn or spoken with is not installed
                skipped.append(f"{kind}: not measured: {error}")
                continue
            cards.append(calibrate.card(kind, results, split, count, seeds[kind], hard))
            if arguments.out:
                calibrate.write_card(cards[-1], Path(arguments.out))
    _print_cards(calibrate.table(cards))
    for line in skipped:
        console.print(line, markup=False, style="yellow")
    if not arguments.quick:
        return EXIT_ERROR if skipped else EXIT_COMPLETE
    worse = list(calibrate.fallen(cards))
    for line in worse:
        console.print(line, markup=False, style="red")
    fell = len({line.partition(":")[0] for line in worse})
    console.print(f"{fell} of {len(cards)} checkers are worse than their cards on the same clips", markup=False)
    return EXIT_ERROR if worse or skipped else EXIT_COMPLETE


def _print_cards(rows: Iterable[tuple[str, ...]]) -> None:
    from rich.table import Table

    heads = ("kind", "n", "sens.", "spec.", "bal.acc.", "95 % CI", "unver.")
    table = Table(*heads, box=None, pad_edge=False, header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*row)
    console_of().print(table)


if __name__ == "__main__":
    sys.exit(main())
