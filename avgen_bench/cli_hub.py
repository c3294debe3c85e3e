"""The ``avgen-bench card`` and ``avgen-bench push`` commands: a run in a model's repository, and what is published."""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench.errors import InputError

if TYPE_CHECKING:
    from avgen_bench.hub import Parcel, Plan
    from avgen_bench.model_card import Card

__all__ = ["add"]

EXIT_DONE, EXIT_DECLINED = 0, 3

_OWN = ""  # of an option without its value: the account of the token


def add(commands: Any) -> None:
    """Add ``card`` and ``push`` to the parser's commands; imports nothing but the standard library."""
    what = "write what a model's repository says of a run: card section, model-index, .eval_results"
    card = commands.add_parser(
        "card",
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog="A family's number is the mean of its dimensions, 0 (worst) to 100 (best), and left out where one of "
        "them has no number. There is no total without --total TABLE. Entries of .eval_results are made for runs on "
        "--prompts avgen-bench alone.",
    )
    card.add_argument("run_folder", metavar="RUN", help="the --out folder of avgen-bench score")
    card.add_argument("--model", default="", metavar="ORG/NAME", help="the model's repository (default: the system)")
    _add_card(card)
    card.add_argument(
        "--out",
        metavar="FILE",
        help="write there, .eval_results beside it, as in the model's repository; a card that is there keeps the rest "
        "(default: print)",
    )
    card.set_defaults(run=_card)

    what = "send a run to a model's repository, or publish the dataset or the Spaces, each in one commit"
    push = commands.add_parser(
        "push",
        help=what,
        description=f"{what[0].upper()}{what[1:]}. Every file is listed with what changes, and you are asked first.",
        epilog="The token is that of huggingface_hub: hf auth login, or HF_TOKEN. Exit status: 0 done, or nothing to "
        "do; 1 error; 3 you declined.",
    )
    push.add_argument("run_folder", metavar="RUN", nargs="?", help="with --model: the --out folder of a run")
    target = push.add_mutually_exclusive_group(required=True)
    target.add_argument("--model", metavar="ORG/NAME", help="send the card of RUN to this model, which must be there")
    target.add_argument(
        "--dataset",
        nargs="?",
        const=_OWN,
        metavar="ORG/NAME",
        help="publish the prompt set (default: avgen-bench of the token's account)",
    )
    target.add_argument("--space", metavar="NAME", help="publish a Space of this package, or all")
    push.add_argument(
        "--org", default="", metavar="ORG", help="with --space: who it is of (default: the token's account)"
    )
    push.add_argument("--pr", action="store_true", help="send a pull request instead")
    push.add_argument("--dry-run", action="store_true", help="list what would change; send nothing")
    push.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    _add_card(push)
    push.set_defaults(run=_push)


def _add_card(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is said of a run")
    group.add_argument("--system", metavar="NAME", help="which system of the run (default: the only one)")
    group.add_argument(
        "--benchmark", default="", metavar="ORG/NAME", help="the prompt set's repository, whose leaderboard it is for"
    )
    group.add_argument("--total", metavar="TABLE", help="the task overall under this table of weights (default: none)")
    group.add_argument("--source", default="", metavar="URL", help="page of the evaluation (default: the benchmark's)")
    group.add_argument("--date", default="", metavar="YYYY-MM-DD", help="of the evaluation (default: of RUN's files)")
    group.add_argument(
        "--missing",
        choices=("floor", "exclude"),
        help="a prompt without a clip scores the floor, or does not count (default: as the run was scored)",
    )


def _say(text: str) -> None:
    from avgen_bench.report_words import printable

    print(printable(text))


def _note(text: str) -> None:
    from avgen_bench.report_words import printable

    print(f"note: {printable(text)}", file=sys.stderr)


# --------------------------------------------------------------------------- card


def _made(arguments: argparse.Namespace, model: str) -> Card:
    from avgen_bench import model_card
    from avgen_bench.run_folder import read_report

    folder = Path(arguments.run_folder)
    report = read_report(folder, missing=arguments.missing)
    if arguments.total is not None:
        from avgen_bench import totals

        report["total"] = totals.of_report(report, totals.load_table(arguments.total))
    made = model_card.make(
        report,
        model=model,
        benchmark=arguments.benchmark,
        system=arguments.system,
        date=arguments.date or _day_of(folder),
        source=arguments.source,
    )
    for why in dict.fromkeys(made.left_out.values()):
        tasks = [task for task, reason in made.left_out.items() if reason == why]
        of = "" if len(tasks) == len(model_card.TASKS) else f" of {', '.join(tasks)}"
        _note(f"no entry{of} in .eval_results: {why}")
    return made


def _day_of(folder: Path) -> str:
    """The day, UTC, on which the run was last written."""
    try:
        written_s = (folder / "run.json").stat().st_mtime
    except OSError:
        return ""
    return datetime.datetime.fromtimestamp(written_s, datetime.UTC).date().isoformat()


def _card(arguments: argparse.Namespace) -> int:
    from avgen_bench import model_card
    from avgen_bench.store import write_text

    made = _made(arguments, arguments.model)
    if arguments.out is None:
        print(model_card.into_readme("", made), end="")
        if made.entries:
            print(f"\n<!-- {model_card.FILE}\n{_commented(model_card.entries_text(made.entries))}-->")
        return EXIT_DONE
    path = Path(arguments.out)
    old = _read(path) if path.exists() else ""
    _say(str(write_text(model_card.into_readme(old, made), path)))
    if made.entries:
        (path.parent / model_card.FILE).parent.mkdir(parents=True, exist_ok=True)
        _say(str(write_text(model_card.entries_text(made.entries), path.parent / model_card.FILE)))
    elif (path.parent / model_card.FILE).exists():
        _note(f"{path.parent / model_card.FILE} {_EARLIER}")
    return EXIT_DONE


_EARLIER = (
    "is of an earlier run and stays as it is, beside the new card; remove it, or replace it by a run that has entries "
    "(--benchmark ORG/NAME)"
)


def _commented(text: str) -> str:
    """YAML that may stand in an HTML comment: what would end it is parted."""
    return re.sub(r"(--!?)>", r"\1 >", text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path.name}: {error}; expected a model card in UTF-8") from None


# --------------------------------------------------------------------------- push


def _push(arguments: argparse.Namespace) -> int:
    from avgen_bench import hub

    if (arguments.model is None) != (arguments.run_folder is None):
        raise InputError("a RUN goes to a model: give both RUN and --model ORG/NAME, or neither")
    if arguments.org and arguments.space is None:
        raise InputError("--org says whose a Space is; give --space NAME, or drop it")
    if not (arguments.dry_run or arguments.yes or sys.stdin.isatty()):
        raise InputError(
            "nobody is there to be asked (standard input is no terminal); give --yes, or --dry-run to look"
        )
    plans = [hub.plan(parcel) for parcel in _parcels(arguments)]
    for made in plans:
        _list(made)
    left = [made for made in plans if not made.is_empty]
    if arguments.dry_run or not left:
        _say("nothing was sent" if left else "nothing to send: all of it is there")
        return EXIT_DONE
    if not arguments.yes and not _agreed(left, arguments.pr):
        _say("nothing was sent")
        return EXIT_DECLINED
    for made in left:
        _say(f"sent: {hub.send(made, as_pull_request=arguments.pr)}")
    return EXIT_DONE


def _parcels(arguments: argparse.Namespace) -> Sequence[Parcel]:
    from avgen_bench import __version__, hub

    if arguments.model is not None:
        return [_model_parcel(arguments)]
    if arguments.dataset is not None:
        name = arguments.dataset or f"{hub.account()}/avgen-bench"
        message = f"The prompt set, as of avgen-bench {__version__}"
        return [hub.Parcel("dataset", name, hub.dataset_files(), message, may_create=True)]
    names = hub.spaces() if arguments.space == "all" else (arguments.space,)
    files = {name: hub.space_files(name) for name in names}
    if not files:
        raise InputError("this installation has no Space; install avgen-bench whole")
    owner = arguments.org or hub.account()
    message = f"As of avgen-bench {__version__}"
    return [hub.Parcel("space", f"{owner}/{name}", files[name], message, may_create=True) for name in files]


def _model_parcel(arguments: argparse.Namespace) -> Parcel:
    from avgen_bench import __version__, hub, model_card

    name = hub.refuse_name(arguments.model, "--model")
    card = _made(arguments, name)
    commit = hub.head("model", name)
    old = hub.read_text("model", name, "README.md", commit)
    files: dict[str, bytes | Path] = {"README.md": model_card.into_readme(old, card).encode()}
    if card.entries:
        files[model_card.FILE] = model_card.entries_text(card.entries).encode()
    return hub.Parcel("model", name, files, f"Scores of avgen-bench {__version__}", made_from=commit)


def _list(made: Plan) -> None:
    """Each file with its size and what becomes of it."""
    from avgen_bench import model_card

    parcel = made.parcel
    there = "" if made.exists else " (is not there; will be made)"
    _say(f"{parcel.kind} {parcel.repository}{there}")
    width = max((len(f"{change.size:,}") for change in made.changes), default=1)
    for change in made.changes:
        _say(f"  {change.what:<8}{change.size:>{width},} bytes  {change.path}")
    kept = [path for path in made.kept if parcel.kind != "model" or path != model_card.FILE]
    if kept:
        shown = ", ".join(kept[:5]) + (f" and {len(kept) - 5} more" if len(kept) > 5 else "")
        _say(f"  only there, left as it is: {shown}")
    if len(kept) < len(made.kept):
        _note(f"{model_card.FILE} {_EARLIER}")


def _agreed(plans: Sequence[Plan], as_pull_request: bool) -> bool:
    files = sum(change.what != "same" for made in plans for change in made.changes)
    how = "as a pull request" if as_pull_request else "in one commit"
    each = " each" if len(plans) > 1 else ""
    names = ", ".join(made.parcel.repository for made in plans)
    try:
        reply = input(f"send {files} file{'s' if files > 1 else ''} to {names}, {how}{each}? [y/N] ")
    except EOFError:
        print(file=sys.stderr)
        return False
    return reply.strip().casefold() in ("y", "yes")
