"""The commands ``avgen-bench compare`` and ``avgen-bench plan``: which system is better, and what it takes to know."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avgen_bench.cli_common import add_embed, add_missing, console_of
from avgen_bench.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["add", "print_comparison", "print_plan"]


def add(commands: Any) -> None:
    """Add ``compare`` and ``plan`` to the parser's commands; imports nothing but the standard library."""
    what = "say which system is better, on what, by how much, and which prompts decide it"
    compare = commands.add_parser(
        "compare",
        help=what,
        description=f"{what[0].upper()}{what[1:]}. Systems are paired on the prompts that they share; each p is "
        "adjusted for all dimensions and pairs (Holm).",
        epilog="Numbers that were made differently (another version, judge, limit, ...) are refused, naming what "
        "differs.",
    )
    compare.add_argument("runs", nargs="+", metavar="RUN", help="--out folders of avgen-bench score, one or more")
    compare.add_argument("--dimensions", metavar="A,B", help="only these (default: all that every run has)")
    add_missing(compare, "as the runs were scored")
    compare.add_argument("--force", action="store_true", help="compare numbers that were made differently; says so")
    compare.add_argument("--alpha", type=float, default=0.05, metavar="P", help="error of all tests together (0.05)")
    compare.add_argument("--out", metavar="DIR", help="write compare.json and the page compare.html there")
    compare.add_argument("--json", action="store_true", help="print JSON instead of tables")
    add_embed(compare, "compare.html")
    compare.set_defaults(run=_compare)

    what = "say how many prompts, takes and judge calls it takes to find a difference"
    plan = commands.add_parser(
        "plan",
        help=what,
        description=f"{what[0].upper()}{what[1:]}, from the spread that earlier runs have shown.",
    )
    plan.add_argument(
        "--detect", type=float, required=True, metavar="POINTS", help="the difference, in points of 100 of the scale"
    )
    plan.add_argument("--run", action="append", default=[], metavar="RUN", dest="runs", help="repeatable")
    plan.add_argument("--power", type=float, default=0.8, metavar="SHARE", help="how often it is to be found (0.8)")
    plan.add_argument("--alpha", type=float, default=0.05, metavar="P", help="error of the test (0.05)")
    plan.add_argument("--json", action="store_true", help="print JSON instead of a table")
    plan.set_defaults(run=_plan)


def _read(folders: Sequence[str], *, force: bool) -> list[tuple[str, dict[str, Any]]]:
    """Label and report of each run: the folder's name, or what was given where two have the same.

    Raises:
        InputError: a folder twice.
    """
    from avgen_bench import run_folder

    places = [Path(folder).resolve() for folder in folders]
    for place, folder in zip(places, folders, strict=True):
        if places.count(place) > 1:
            raise InputError(f"the run {folder!r} is given more than once; expected different ones")
    names = [place.name for place in places]
    labels = [name if names.count(name) == 1 else folder for name, folder in zip(names, folders, strict=True)]
    return [
        (label, run_folder.read_report(folder, missing="floor", force=force))
        for label, folder in zip(labels, folders, strict=True)
    ]


def _rule(folders: Sequence[str]) -> str:
    """The rule for prompts without a clip that the runs were scored under.

    Raises:
        InputError: they were scored under different ones.
    """
    from avgen_bench import run_folder

    rules = {folder: str((run_folder.read_run_json(Path(folder)) or {}).get("missing", "floor")) for folder in folders}
    if len(set(rules.values())) > 1:
        listed = ", ".join(f"{folder}: {rule}" for folder, rule in rules.items())
        raise InputError(
            f"the runs were scored under different rules for prompts without a clip ({listed}); choose one for all "
            "with --missing floor or --missing exclude"
        )
    return next(iter(rules.values()), "floor")


def _compare(arguments: argparse.Namespace) -> int:
    from avgen_bench import compare

    asked = [name.strip() for name in arguments.dimensions.split(",")] if arguments.dimensions else None
    missing = arguments.missing or _rule(arguments.runs)
    runs = _read(arguments.runs, force=arguments.force)
    found = compare.build(
        runs,
        dimensions=asked,
        missing=missing,
        force=arguments.force,
        alpha=arguments.alpha,
    )
    if arguments.json:
        print(compare.to_json_text(found), end="")
    else:
        print_comparison(found, console_of())
    if arguments.out:
        path = compare.write_json(found, Path(arguments.out) / "compare.json")
        page = _write_page(found, arguments, runs)
        if not arguments.json:
            console_of().print(f"\npage: {page}\ndata: {path}", soft_wrap=True, markup=False)
    return 0


def _write_page(
    found: Mapping[str, Any], arguments: argparse.Namespace, runs: Sequence[tuple[str, Mapping[str, Any]]]
) -> Path:
    """The path of the page just written beside compare.json."""
    from avgen_bench import compare_page, run_folder

    labels = [label for label, _ in runs]
    roots = {label: run_folder.clips_folder(run) for label, run in zip(labels, arguments.runs, strict=True)}
    posters = {
        clip_id: thumbs["jpegs"][len(thumbs["jpegs"]) // 2]
        for _, report in runs
        for clip_id, thumbs in report["thumbnails"].items()
        if thumbs["jpegs"]
    }
    return compare_page.write_html(found, Path(arguments.out) / "compare.html", roots, arguments.embed, posters)


# --------------------------------------------------------------------------- the comparison


def print_comparison(found: Mapping[str, Any], console: Console) -> None:
    """Print one line per dimension for two systems, tiers for more, and what stands behind them."""
    from rich.text import Text

    from avgen_bench.report_words import printable

    for item in found["signatures"]["differences"][:1] if found["signatures"]["forced"] else ():
        console.print(Text(f"NOT MEASURED ALIKE: {printable(item['field'])} and what the notes say", style="bold red"))
    pairs = found["pairs"]
    two = len(found["systems"]) == 2
    if two:
        _print_pairs(found, console)
    else:
        _print_tiers(found, console)
    for row in pairs:
        unknown = {side: _unknown(row["counts"][side]) for side in "ab"}
        if any(unknown.values()) and two:
            said = "; ".join(f"{row[side]}: {text}" for side, text in unknown.items() if text)
            low, high = (_number(row[name], row, found, sign=True) for name in ("bound_low", "bound_high"))
            bound = "" if row["bound_low"] is None else f"; difference {low} to {high}, had they the worst or the best"
            console.print(Text(printable(f"{row['dimension']}: no number: {said}{bound}"), style="yellow"))
    if two:
        named = {item["dimension"]: item["prompts"] for item in found["deciding"]}
        for row in pairs:
            if row["better"] and named.get(row["dimension"]):
                first = ", ".join(
                    f"{item['prompt_id']} {_number(item['difference'], row, found, sign=True)}"
                    for item in named[row["dimension"]][:3]
                )
                console.print(Text(printable(f"{row['dimension']} is decided by: {first}"), style="dim"))
    for note in found["notes"]:
        console.print(Text(f"note: {printable(note)}", style="yellow"))


def _facts(row: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = next(item for item in found["dimensions"] if item["name"] == row["dimension"])
    return facts


def _number(value: float | None, row: Mapping[str, Any], found: Mapping[str, Any], sign: bool = False) -> str:
    from avgen_bench.report_words import format_number

    facts = _facts(row, found)
    text = format_number(value, facts["low"], facts["high"])
    return f"+{text}" if sign and value is not None and value > 0 else text


def _p(value: float | None) -> str:
    from avgen_bench.report_words import DASH

    if value is None:
        return DASH
    return "<.001" if value < 0.001 else f"{value:.3f}".replace("0.", ".", 1)


def _verdict(row: Mapping[str, Any]) -> str:
    if not row["n"]:
        return "nothing to pair"
    return f"{row['better'].upper()} better" if row["better"] else "not distinguishable"


def _tests(found: Mapping[str, Any]) -> str:
    n = sum(bool(row["n"]) for row in found["pairs"])
    return "1 test" if n == 1 else f"{n} tests"


def _is_few(row: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a pair has too few prompts, rather than no spread."""
    from avgen_bench.statistics import fewest_prompts

    tests = sum(bool(one["n"]) for one in found["pairs"])
    return bool(row["sd"]) or row["n"] < fewest_prompts(found["alpha"], max(1, tests))


def _unknown(counts: Mapping[str, int]) -> str:
    words = {"abstained": "abstained", "failed": "failed", "missing": "not measured"}
    return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name])


def _print_pairs(found: Mapping[str, Any], console: Console) -> None:
    from rich.text import Text

    from avgen_bench.report_words import DASH, printable

    common = found["prompts"]["common"]
    for letter, system in zip("AB", found["systems"], strict=True):
        run = found["runs"][system]
        beside = "" if f"({run})" in system or run == system else f" ({run})"
        console.print(Text(printable(f"{letter}: {system}{beside}"), style="bold"))
    console.print(Text(f"{common} prompts in common; difference: A less B", style="dim"))
    rows: list[list[Text]] = []
    for row in found["pairs"]:
        ends = [_number(row[name], row, found, sign=True) for name in ("ci_low", "ci_high")]
        interval = DASH if row["ci_low"] is None else f"{ends[0]} to {ends[1]}"
        cells = [printable(row["dimension"]), _number(row["mean_a"], row, found), _number(row["mean_b"], row, found)]
        cells += [_number(row["difference"], row, found, sign=True), interval, str(row["n"]), _p(row["p_holm"])]
        style = "bold green" if row["better"] == "a" else "bold magenta" if row["better"] == "b" else "dim"
        rows.append([*map(Text, cells), Text(_verdict(row), style=style)])
    level = f"{100 * found['level']:g} %"
    heads = ["dimension", "A", "B", "diff.", level, "n", "p", "verdict"]
    _print_table(heads, rows, console, verdict=True)
    console.print(
        Text(
            f"p: sign flips over prompts, adjusted for {_tests(found)} (Holm), "
            f"decides at {found['alpha']:g} where the interval leaves 0 out, too",
            style="dim",
        )
    )
    seen = [row for row in found["pairs"] if row["mdd"] is not None]
    if seen:
        listed = ", ".join(f"{row['dimension']} {_number(row['mdd'], row, found)}" for row in seen)
        said = f"smallest difference that one such test finds ({100 * found['power']:g} % power): {listed}"
        console.print(Text(printable(said), style="dim"))
    few = [row["dimension"] for row in found["pairs"] if row["n"] and row["mdd"] is None and _is_few(row, found)]
    if few:
        console.print(Text(printable(f"too few prompts to find any difference: {', '.join(few)}"), style="yellow"))


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[Text]], console: Console, *, verdict: bool) -> None:
    """Numbers are never cut: the column of names takes what is left, and the verdict breaks where it must."""
    from rich.table import Table

    wide = [max([len(title), *(row[k].cell_len for row in rows)]) for k, title in enumerate(heads)]
    last = len(heads) - 1
    least = 10 if verdict else wide[last]
    room = console.width - sum(wide[1:last]) - len(heads)
    name = max(min(wide[0], room - min(least, wide[last])), 9)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column(heads[0], no_wrap=True, overflow="ellipsis", width=name)
    for k in range(1, last):
        table.add_column(heads[k], justify="right", no_wrap=True, width=wide[k])
    table.add_column(heads[last], overflow="fold", width=max(min(wide[last], room - name), 9))
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _print_tiers(found: Mapping[str, Any], console: Console) -> None:
    from rich.text import Text

    from avgen_bench.report_words import DASH, printable

    for item in found["tiers"]:
        console.print(Text(f"\n{printable(item['dimension'])}", style="bold"))
        rows = []
        for number, group in enumerate(item["tiers"], start=1):
            for place, row in enumerate(group):
                mean, low, high = (_number(row[name], item, found) for name in ("mean", "ci_low", "ci_high"))
                interval = DASH if row["ci_low"] is None else f"{low} to {high}"
                cells = [printable(row["system"]), mean, interval, str(row["n"]), "" if place else f"tier {number}"]
                rows.append([Text(cell) for cell in cells])
        if rows:
            _print_table(["system", "mean", f"{100 * found['level']:g} %", "n", "tier"], rows, console, verdict=False)
        if item["unranked"]:
            console.print(Text(printable(f"no number: {', '.join(item['unranked'])}"), style="yellow"))
        power = [row["mdd"] for row in found["pairs"] if row["dimension"] == item["dimension"] and row["mdd"]]
        if power:
            least, most = (_number(edge, item, found) for edge in (min(power), max(power)))
            ends = least if least == most else f"{least} to {most}"
            said = f"smallest difference that one test of a pair finds ({100 * found['power']:g} % power): {ends}"
            console.print(Text(said, style="dim"))
    console.print(
        Text(
            f"\n{found['prompts']['common']} prompts in common; a system opens a tier when it is shown to be worse "
            f"than the best of the one above (sign flips, Holm over {_tests(found)}, {found['alpha']:g})",
            style="dim",
        )
    )


# --------------------------------------------------------------------------- the plan


def _plan(arguments: argparse.Namespace) -> int:
    from avgen_bench import planning
    from avgen_bench.types import canonical_json

    runs = _read(arguments.runs, force=True)
    found = planning.plan(runs, arguments.detect, alpha=arguments.alpha, power=arguments.power)
    if arguments.json:
        print(canonical_json(found))
    else:
        print_plan(found, console_of())
    return 0


def print_plan(found: Mapping[str, Any], console: Console) -> None:
    """Print for each dimension what a difference takes, by takes of a prompt."""
    from rich.text import Text

    from avgen_bench.report_words import printable

    console.print(
        Text(
            f"to find a difference of {found['detect']:g} points of 100 between two systems "
            f"({100 * found['power']:g} % power, {100 * found['alpha']:g} % error):",
            style="bold",
        )
    )
    asked = any(item["judge_calls"] for row in found["rows"] for item in row["options"])
    rows: list[list[Text]] = []
    for row in found["rows"]:
        for place, item in enumerate(row["options"]):
            cells = ["" if place else printable(row["dimension"]), str(item["takes"]), str(item["prompts"])]
            cells += [str(item["prompts_safe"]), str(item["clips"])]
            cells += [str(item["judge_calls"] or "")] if asked else []
            seen = f"{row['seen']} prompts, {row['basis']}"
            rows.append([*map(Text, cells), Text("" if place else seen, style="dim")])
    if rows:
        heads = ["dimension", "takes", "prompts", "safe", "clips", *(["judge calls"] if asked else []), "spread from"]
        _print_table(heads, rows, console, verdict=True)
        console.print(
            Text(
                "prompts: if the spread is as seen; safe: at its upper 80 % limit; "
                f"clips{', calls' if asked else ''}: both systems together",
                style="dim",
            )
        )
    for row in found["rows"]:
        if row["reason"]:
            console.print(Text(printable(f"{row['dimension']}: {row['reason']}"), style="yellow"))
        elif row["judge"] and row["take"]:
            share = min(1.0, row["judge"] / row["take"])
            said = f"{row['dimension']}: {100 * share:.0f} % of what differs from take to take are the judge's draws"
            console.print(Text(printable(said), style="dim"))
    for note in found["notes"]:
        console.print(Text(f"note: {printable(note)}", style="yellow"))
