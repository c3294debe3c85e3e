"""The ``avgen-bench import-upstream`` command: results of AVGen-Bench's own evaluation, as a run folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from avgen_bench.cli_common import console_of

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add ``import-upstream`` to the parser's commands; imports nothing but the standard library."""
    what = "import the results of AVGen-Bench's own evaluation into a run folder"
    parser = commands.add_parser(
        "import-upstream",
        help=what,
        description=f"{what[0].upper()}{what[1:]}: all eleven metrics, per clip where values were kept. Every run tag "
        "becomes a system. What was left out of a mean without a word is named.",
        epilog="Then: avgen-bench report RUN --total official",
    )
    parser.add_argument("source", metavar="DIR", help="the output root, with folders such as q_align, plot_matching")
    parser.add_argument("--out", required=True, metavar="RUN", help="run folder to write")
    parser.add_argument("--system", default="", metavar="NAME", help="name of the generator (default: the run tag)")
    parser.add_argument("--tag", default="", metavar="TAG", help="import this run only (default: all)")
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="the prompts of the clips: upstream's own prompts folder, or a file as for avgen-bench score; without "
        "them a clip that no file names cannot be missed",
    )
    parser.set_defaults(run=_import)


def _import(arguments: argparse.Namespace) -> int:
    from avgen_bench import report, report_page, report_terminal, totals, upstream
    from avgen_bench.errors import InputError
    from avgen_bench.run_folder import clips_folder, read_report

    upstream.import_upstream(
        arguments.source, arguments.out, system=arguments.system, tag=arguments.tag, prompts=arguments.prompts
    )
    folder = Path(arguments.out)
    made = read_report(folder)
    report.write_json(made, folder / "report.json")
    report_page.write_html(made, folder / "report.html", clips_folder(folder))
    console = console_of()
    report_terminal.print_table(made, console)
    report_terminal.print_imported(made["imported"], console)
    found = {}
    for name in reversed(totals.BUILTIN):
        with suppress(InputError):  # nobody asked for a total, and there may be nothing to make one of
            found[name] = totals.of_report(made, totals.load_table(name))
    console.print()
    for system in made["systems"]:
        for line in _totals(system, found, made["imported"]["totals"].get(system)):
            console.print(line, markup=False, soft_wrap=True)
    console.print(f"\nreport: {folder / 'report.html'}", soft_wrap=True, markup=False)
    console.print(f"data:   {folder / 'report.json'}", soft_wrap=True, markup=False)
    return 0


def _totals(system: str, found: Mapping[str, Any], own: Mapping[str, float | None] | None) -> list[str]:
    """The total under both rules, and the one that upstream stored."""
    from avgen_bench.report_words import printable

    lines = []
    for name, total in found.items():
        [row] = [row for row in total["systems"] if row["system"] == system]
        score = "none" if row["score"] is None else f"{row['score']:.2f}"
        missing = f"; missing: {', '.join(row['missing'])}" if row["missing"] else ""
        lost = sum(row["lost"].values())
        lost_words = f"; {lost} values of clips count as worst" if lost else ""
        lines.append(f"total of {system}, {name}: {score}, covers {100 * row['coverage']:.1f} %{missing}{lost_words}")
    if own is not None and own["total_score"] is not None:
        lines.append(f"total of {system}, as upstream stored it: {own['total_score']:.2f}")
    return [printable(text) for text in lines]
