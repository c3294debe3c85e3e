"""The ``avgen-bench verify`` command: is a run folder what it says?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench.cli_common import console_of

if TYPE_CHECKING:
    from avgen_bench.verifying import Checked

__all__ = ["EXIT_DIFFERS", "add"]

EXIT_SAME, EXIT_DIFFERS = 0, 5

_MOST_SHOWN = 50
_MOST_NAMED = 5
_QUIET_S = 2.0


def add(commands: Any) -> None:
    """Add ``verify`` to the parser's commands; imports nothing but the standard library."""
    what = "measure every number of a run again from what is stored, and check receipts, report and files"
    parser = commands.add_parser(
        "verify",
        help=what,
        description=f"{what[0].upper()}{what[1:]}. Nothing is decoded, and no judge is asked.",
        epilog="Exit status: 0 nothing differs, 5 something does (each difference is named), 1 error. Files that are "
        "not there are unchecked; a stored number, observation or reply that is gone differs.",
    )
    parser.add_argument("run_folder", metavar="RUN", help="the --out folder of avgen-bench score")
    parser.add_argument("--clips", metavar="DIR", help="where the clips lie now (default: where they lay)")
    parser.add_argument("--no-media", action="store_true", help="leave the clips themselves alone")
    parser.add_argument("--total", metavar="FILE", help="the weight table of the report's total, where it is a file")
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from avgen_bench.verifying import verify

    with _progress() as tell:
        checked = verify(
            Path(arguments.run_folder),
            clips=None if arguments.clips is None else Path(arguments.clips),
            look_at_media=not arguments.no_media,
            total=arguments.total,
            on_tick=tell,
        )
    _print(checked)
    return EXIT_DIFFERS if checked.findings else EXIT_SAME


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time left, once it takes longer than two seconds; nothing where nobody watches."""
    from rich.progress import Progress

    bar = Progress(console=console_of(stderr=True), transient=True)
    began_s = time.monotonic()
    task = bar.add_task("verifying", total=None)
    started = False

    def tell(done: int, total: int) -> None:
        nonlocal started
        if not started and sys.stderr.isatty() and time.monotonic() - began_s > _QUIET_S:
            bar.start()
            started = True
        bar.update(task, completed=done, total=total)

    try:
        yield tell
    finally:
        if started:  # a bar that was never shown ends with a blank line where nobody watches
            bar.stop()


def _print(checked: Checked) -> None:
    from avgen_bench.report_words import printable

    console = console_of()

    def say(text: str, style: str = "") -> None:
        console.print(printable(text), style=style, markup=False, soft_wrap=True)

    kept = sum(checked.as_stored.values())
    say(f"{checked.clips} clips, {checked.again + kept} numbers")
    say(f"measured again: {checked.again}, from {checked.observations} stored observations")
    for reason, count in sorted(checked.as_stored.items(), key=lambda item: (-item[1], item[0])):
        say(f"as stored:      {count}: {reason}", "dim")
    say(f"media files:    {checked.files} with the digest that they had")
    if checked.absent:
        shown = ", ".join(checked.absent[:_MOST_NAMED])
        more = f" and {len(checked.absent) - _MOST_NAMED} more" if len(checked.absent) > _MOST_NAMED else ""
        say(f"unchecked:      {len(checked.absent)} media files that are not there: {shown}{more}", "yellow")
    for text in checked.unchecked:
        say(f"unchecked:      {text}", "yellow")
    if not checked.findings:
        say("nothing differs", "green")
        return
    for finding in checked.findings[:_MOST_SHOWN]:
        say(str(finding), "red")
    if len(checked.findings) > _MOST_SHOWN:
        say(f"and {len(checked.findings) - _MOST_SHOWN} more", "red")
    say(f"{len(checked.findings)} differences", "bold red")
