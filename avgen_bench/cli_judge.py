"""The ``avgen-bench judge`` commands: examine a judge, look at what it is examined with, ask a person the same."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench.cli_common import console_of, every_tenth
from avgen_bench.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from avgen_bench.passport import Passport

__all__ = ["add", "print_passport"]

EXIT_FIT, EXIT_UNFIT = 0, 3


def add(commands: Any) -> None:
    """Add ``judge`` and its commands to the parser's; imports nothing but the standard library."""
    summary = "examine a judge on clips whose truth is known, before it scores"
    judge = commands.add_parser("judge", help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    inner = judge.add_subparsers(dest="judge_command", required=True, metavar="COMMAND")

    what = "examine a judge on some forty rendered clips, and store its passport"
    passport = inner.add_parser(
        "passport",
        help=what,
        description=f"{what[0].upper()}{what[1:]}. A passport that holds is shown again, and nothing is asked.",
        epilog="Exit status: 0 fit for sound and picture, 3 unfit for one of them, 1 error. An examination that was "
        "broken off goes on where it was, within a day.",
    )
    specs = "openai:URL#model, gemini:MODEL, transformers:PATH, person:LABELS.jsonl, replay:FILE, panel:..."
    passport.add_argument("spec", metavar="SPEC", help=f"the judge: {specs}")
    passport.add_argument("--out", metavar="FILE", help="write the passport there too")
    passport.add_argument("--card", metavar="FILE", help="write its card there, in Markdown")
    passport.add_argument("--again", action="store_true", help="examine anew, although the stored passport holds")
    passport.add_argument("--dry-run", action="store_true", help="say what it takes; ask nothing")
    passport.add_argument("--judge-fps", type=float, metavar="N", help="pictures a second that the judge is given (2)")
    passport.add_argument("--concurrency", type=int, default=8, metavar="N", help="questions under way at once (8)")
    passport.add_argument("--seed", type=int, default=0, metavar="N", help="order of the questions (0)")
    passport.add_argument("--folder", metavar="DIR", help="for passports, clips and replies (default: in the cache)")
    passport.set_defaults(run=_passport)

    what = "render the canary clips and write their questions, with the right answers, to look at"
    clips = inner.add_parser("canaries", help=what, description=f"{what[0].upper()}{what[1:]}.")
    clips.add_argument("--out", required=True, metavar="DIR")
    clips.set_defaults(run=_canaries)

    what = "ask a person what a judge is asked, blind, on a page of this machine or in the terminal"
    person = inner.add_parser(
        "person",
        help=what,
        description=f"{what[0].upper()}{what[1:]}. Neither systems nor file names are shown. Every answer is stored at "
        "once; the same command goes on where it was.",
        epilog="The labels are a judge: avgen-bench score ... --judge person:LABELS.jsonl",
    )
    person.add_argument("clips", metavar="CLIPS", help="folder, manifest or clip, as for avgen-bench score")
    person.add_argument("--prompts", metavar="FILE", help="as for avgen-bench score")
    person.add_argument("--out", required=True, metavar="LABELS.jsonl", help="the file of this rater's labels")
    person.add_argument("--rater", required=True, metavar="NAME", help="who answers; a file of labels for each")
    person.add_argument("--dimensions", metavar="A,B", help="only their questions (alignment,physics,naturalness)")
    person.add_argument("--seed", type=int, default=0, metavar="N", help="with the name, the order of questions (0)")
    person.add_argument("--terminal", action="store_true", help="ask in the terminal; open the clips yourself")
    person.add_argument("--port", type=int, default=0, metavar="N", help="of the page on 127.0.0.1 (any that is free)")
    person.set_defaults(run=_person)

    what = "say how far the judge of a run agrees with a person, and correct its rate of yes"
    agreement = inner.add_parser("agreement", help=what, description=f"{what[0].upper()}{what[1:]}.")
    agreement.add_argument("run_folder", metavar="RUN", help="the --out folder of avgen-bench score --judge")
    agreement.add_argument("labels", metavar="LABELS.jsonl", help="what avgen-bench judge person wrote")
    agreement.set_defaults(run=_agreement)


def _passport(arguments: argparse.Namespace) -> int:
    from avgen_bench import passport as passports
    from avgen_bench.examine import canary_digest, cost, examine
    from avgen_bench.judges.specs import judge_of
    from avgen_bench.report_words import printable
    from avgen_bench.types import JudgeView

    if arguments.concurrency < 1:
        raise InputError(f"--concurrency {arguments.concurrency}: expected 1 or more")
    try:
        view = JudgeView() if arguments.judge_fps is None else JudgeView(fps=arguments.judge_fps)
    except ValueError as error:
        raise InputError(f"--judge-fps: {error}") from None
    console = console_of()
    folder = passports.passport_folder() if arguments.folder is None else Path(arguments.folder)
    judge = judge_of(arguments.spec, view)
    try:
        path = passports.passport_path(judge.facts.identity, folder)
        old = passports.find(judge.facts.identity, folder)
        today = datetime.datetime.now(datetime.UTC).date()
        why = "" if old is None else passports.stale(old, today, canaries=canary_digest())
        holds = old is not None and not why and not arguments.again
        expected = cost(judge.facts)
        price = "" if expected.usd is None else f", {expected.usd:.2f} USD"
        takes = f"{expected.calls} calls about {expected.clips} clips, about {expected.tokens:.2g} tokens{price}"
        if arguments.dry_run:
            console.print(f"{takes}: {'none of it: a passport holds' if holds else 'nothing was asked'}", markup=False)
            return EXIT_FIT
        if old is not None and holds:
            print_passport(old, console)
            at = f" at {old.address}" if old.address else ""
            not_now = f"made on {old.date}{at}; the judge was not asked now"
            console.print(f"\n{printable(not_now)}", markup=False, soft_wrap=True)
            console.print(f"this passport holds; --again examines anew: {path}", markup=False, soft_wrap=True)
            if elsewhere := passports.moved(old, judge.facts.address):
                print(f"note: {printable(elsewhere)}", file=sys.stderr)
            made = old
        else:
            if why:
                print(f"note: {why}", file=sys.stderr)
            print(f"examining: {takes}", file=sys.stderr)

            def say(done: int, of: int) -> None:
                print(f"asking: {done} of {of} questions answered", file=sys.stderr)

            tell = every_tenth(say)
            made = examine(judge, folder, tell, concurrency=arguments.concurrency, seed=arguments.seed, today=today)
            passports.save(made, path)
            print_passport(made, console)
            for reason in () if old is None else passports.drift(old, made):
                console.print(f"drift: {reason}; do not mix scores", style="red", markup=False, soft_wrap=True)
            console.print(f"\npassport: {path}", markup=False, soft_wrap=True)
    finally:
        judge.close()
    if arguments.out:
        passports.save(made, Path(arguments.out))
    if arguments.card:
        from avgen_bench.cards import passport_card
        from avgen_bench.store import write_text

        write_text(passport_card.render(made), Path(arguments.card))
    return EXIT_UNFIT if passports.fitness(made, "both") else EXIT_FIT


def print_passport(passport: Passport, console: Console) -> None:
    """Who was examined, the table of rates, and what follows."""
    from rich.table import Table
    from rich.text import Text

    from avgen_bench import passport as passports

    def say(text: str, style: str = "") -> None:
        console.print(Text("".join(char if char.isprintable() else "?" for char in text), style), soft_wrap=True)

    versions = ", ".join(passport.versions) or "a version it does not name"
    where = f" at {passport.address}" if passport.address else ""
    say(f"{passport.name}: {passport.model}, answered as {versions}, examined on {passport.date}{where}")
    asked = f"{passport.asked} asked, {passport.unasked} unanswered"
    say(f"passport {passport.digest}, canaries {passport.canaries}; {asked}")
    table = Table("rate", "value", "95 % CI", "n", "of what", box=None, pad_edge=False, header_style="dim")
    for column in table.columns[1:4]:
        column.justify = "right"
    for name, meaning in passports.RATES.items():
        rate = passport.rates[name]
        value = "-" if rate.value is None else f"{rate.value:.2f}"
        span = "-" if rate.value is None else f"{rate.low:.2f}-{rate.high:.2f}".replace("--", " to -")
        table.add_row(name, value, span, str(rate.of), meaning)
    console.print(table)
    found = passports.faults(passport)
    for name, sentence in found.items():
        say(f"{name}: {sentence}", "red")
    for modality in ("picture", "sound"):
        reason = passports.fitness(passport, modality)
        say(f"{modality}: {'fit' if not reason else f'refused: {reason}'}", "red" if reason else "green")
    if not found:
        say("no fault was found")


def _canaries(arguments: argparse.Namespace) -> int:
    import json

    from avgen_bench.examine import questions, render_canaries
    from avgen_bench.store import write_text

    folder = Path(arguments.out)
    places = {name: path.name for name, path in render_canaries(folder, is_named=True)}
    order = {name: number for number, name in enumerate(places)}
    lines = [
        json.dumps(
            {"clip": places[one.canary], "modality": one.ask.modality, "question": one.ask.text, "right": one.right}
        )
        for one in sorted(questions(), key=lambda one: (order[one.canary], one.ask.key))
        if not (one.repeat or one.is_swapped)
    ]
    write_text("\n".join(lines) + "\n", folder / "questions.jsonl")
    print(f"{len(places)} clips and {len(lines)} questions in {folder}")
    return EXIT_FIT


def _person(arguments: argparse.Namespace) -> int:
    from avgen_bench import person_page
    from avgen_bench.judges.person import LabelFile

    chosen = person_page.ASKED
    if arguments.dimensions:
        chosen = tuple(name.strip() for name in arguments.dimensions.split(","))
    labels = LabelFile(arguments.out, arguments.rater)
    try:
        print("reading the clips", file=sys.stderr)
        items = person_page.gather(
            arguments.clips, arguments.prompts, chosen, lambda note: print(f"note: {note}", file=sys.stderr)
        )
        sitting = person_page.Sitting(items, labels, arguments.seed)
        try:
            if arguments.terminal:
                person_page.at_terminal(sitting)
            else:
                with person_page.PersonPage(sitting, arguments.port) as page:
                    print(
                        f"open {page.url}\nanswer there; it ends with its stop button, or here with Ctrl-C", flush=True
                    )
                    page.wait()
        except KeyboardInterrupt:
            print(file=sys.stderr)
        left = sitting.state()
        done = "all is answered" if left["question"] is None else f"{left['done']} of {left['total']} are answered"
        print(f"{done}; {person_page.summary(labels.labels)}")
    finally:
        labels.close()
    return EXIT_FIT


def _agreement(arguments: argparse.Namespace) -> int:
    from rich.table import Table

    from avgen_bench import run_folder
    from avgen_bench.agreement import Rate, compare, judged_in
    from avgen_bench.judges.person import consistency, labels_of
    from avgen_bench.report_words import printable

    labels = labels_of(arguments.labels)
    run = run_folder.load_run(arguments.run_folder)
    judged = judged_in(run.measurements)
    if run.judge is None or not judged:
        raise InputError("no judge was asked in this run; expected the --out folder of avgen-bench score --judge")
    rows, unknown = compare(judged, labels)
    console = console_of()

    def say(text: str) -> None:
        console.print(printable(text), markup=False, soft_wrap=True)

    def tell(rate: Rate) -> str:
        if rate.value is None:
            return "-"
        return f"{rate.value:.2f}" + ("" if rate.low is None else f" ({rate.low:.2f} to {rate.high:.2f})")

    same, twice = consistency(labels)
    again = f", the same answer in {same} of {twice} asked twice" if twice else ""
    say(f"judge {run.judge['name']}: {run.judge['model']}")
    say(f"person {labels[0].rater}{again}")
    if unknown:
        say(f"{unknown} labels are about what this run did not ask")
    table = Table("", "n", "same", "kappa", "sensitivity", "specificity", box=None, pad_edge=False, header_style="dim")
    for row in rows:
        values = (str(row.n), str(row.same), tell(row.kappa), tell(row.sensitivity), tell(row.specificity))
        table.add_row(row.name, *values)
    console.print(table)
    for row in rows:
        raw = "-" if row.yes.raw is None else f"{row.yes.raw:.3f}"
        if row.yes.estimate is None:
            corrected = f"not corrected: {row.yes.reason}"
        else:
            corrected = f"corrected {row.yes.estimate:.3f} ({row.yes.ci_low:.3f} to {row.yes.ci_high:.3f})"
        person = f"the person's {row.person_yes} of {row.person_of}"
        say(f"{row.name}: yes to the questions: the judge's {raw}, {person}; {corrected}")
        if any(row.untold):
            say(f"{row.name}: {row.untold[0]} the judge could not tell, {row.untold[1]} the person could not")
    say("intervals are of 95 %; the correction (prediction-powered inference) takes the labels for a random sample")
    return EXIT_FIT
