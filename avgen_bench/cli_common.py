"""What several commands share: options, the console, the progress bar, and the report that is written and printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from rich.console import Console

    from avgen_bench.runner import Tick

__all__ = ["add_embed", "add_missing", "console_of", "every_tenth", "progress", "publish", "ticking"]

Rest = ParamSpec("Rest")


def add_missing(parser: argparse.ArgumentParser, usual: str) -> None:
    """Add ``--missing``; ``usual`` says what holds without it."""
    parser.add_argument(
        "--missing",
        choices=("floor", "exclude"),
        help=f"a prompt without a clip scores the floor, or does not count (default: {usual})",
    )


def add_embed(parser: argparse.ArgumentParser, page: str = "report.html") -> None:
    """Add ``--embed``, which is about a page of that name."""
    parser.add_argument(
        "--embed",
        choices=("auto", "always", "never"),
        default="auto",
        help=f"put the clips inside {page} (auto: when they are small together)",
    )


def console_of(stderr: bool = False) -> Console:
    """The console that tables are printed on, or with ``stderr`` the one for progress."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def every_tenth(say: Callable[Concatenate[int, int, Rest], None]) -> Callable[Concatenate[int, int, Rest], None]:
    """A function that calls ``say`` (how many of how many are done, and what else there is) once for each tenth."""
    last = -1

    def tell(done: int, total: int, /, *rest: Rest.args, **more: Rest.kwargs) -> None:
        nonlocal last
        tenth = 10 * done // max(1, total)
        if tenth != last:
            last = tenth
            say(done, total, *rest, **more)

    return tell


@contextmanager
def progress(
    console: Console, what: str, lost: str = "failed", lost_in_lines: bool = False
) -> Iterator[Callable[[int, int, int, str], None]]:
    """A progress bar with the time left; on something that is no terminal, a line now and then.

    Args:
        console: where it is shown.
        what: is being done.
        lost: the word for what has not come about.
        lost_in_lines: say how many those are also where there is no bar.

    Yields:
        What is to be told how many of how many are done, how many of them are lost, and what it is that is counted.
    """

    def words(count: int) -> str:
        return f"{count} {lost}" if count else ""

    if not console.is_terminal:

        def say(done: int, total: int, count: int, unit: str) -> None:
            told = f", {words(count)}" if lost_in_lines and count else ""
            console.print(f"{what}: {done} of {total} {unit}{told}", markup=False)

        yield every_tenth(say)
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=None),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("left"),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.fields[failed]}", style="red"),
    )
    with bars.Progress(*columns, console=console, expand=True) as bar:
        task = bar.add_task(what, total=None, failed="")

        def show(done: int, total: int, count: int, unit: str) -> None:
            named = what if unit == "clips" else f"asking {unit}"
            bar.update(task, description=named, completed=done, total=total, failed=words(count))

        yield show


@contextmanager
def ticking(console: Console, what: str) -> Iterator[Callable[[Tick], None]]:
    """:func:`progress` for the news of a run."""
    failures = 0
    with progress(console, what) as tell:

        def show(tick: Tick) -> None:
            nonlocal failures
            failures += bool(tick.failed)
            tell(tick.done, tick.total, failures, tick.unit)

        yield show


def publish(report: dict[str, Any], folder: Path, embed: Literal["auto", "always", "never"]) -> None:
    """Write report.json and report.html, print the table and where they are."""
    from avgen_bench import report as render
    from avgen_bench import report_page, report_terminal, run_folder

    render.write_json(report, folder / "report.json")
    report_page.write_html(report, folder / "report.html", run_folder.clips_folder(folder), embed=embed)
    console = console_of()
    report_terminal.print_table(report, console)
    console.print(f"\nreport: {folder / 'report.html'}", soft_wrap=True, markup=False)
    console.print(f"data:   {folder / 'report.json'}", soft_wrap=True, markup=False)
