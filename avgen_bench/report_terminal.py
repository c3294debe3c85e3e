"""The report in a terminal: as a table, and as one clip explained.

Conventions
    All text that others wrote goes through :func:`avgen_bench.report_words.printable`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from avgen_bench.errors import InputError
from avgen_bench.report_control import judged, transcript
from avgen_bench.report_semantic import (
    ALARMS,
    agreement_words,
    atoms_in,
    beside_atoms,
    bias_words,
    coverage_words,
    is_semantic,
    judge_words,
    rate_words,
    tell_atom,
    untold_words,
)
from avgen_bench.report_words import (
    DASH,
    MINUS,
    STATUS_WORDS,
    TIMES,
    VERDICT_WORDS,
    clip_label,
    format_asked,
    format_checker,
    format_interval,
    format_margin,
    format_number,
    format_percent,
    format_quantity,
    format_span,
    group_spans,
    headline,
    loose_words,
    media_words,
    obeyed_words,
    power_words,
    printable,
    span_words,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["explain_clip", "find_clips", "print_imported", "print_table"]


def print_table(report: Mapping[str, Any], console: Console) -> None:
    """Print one line per dimension and system, and above it what was not measured."""
    from rich.table import Table
    from rich.text import Text

    counts = report["counts"]
    console.print(
        Text(printable(headline(report)), style="bold red" if counts["failed"] or counts["missing"] else "bold")
    )
    facts = {item["name"]: item for item in report["dimensions"]}
    labels = {row["key"]: clip_label(row) for row in report["clips"]}
    named = len(report["systems"]) > 1
    extra = [name for name in ("missing", "not_applicable") if counts[name]]
    heads = {"abstained": "abst", "failed": "fail", "floor": "floor", "missing": "miss", "not_applicable": "n/a"}
    columns = ("abstained", "failed", *extra, "floor")
    rows: list[list[Text]] = []
    before = None
    for item in report["estimates"]:
        if named and item["dimension"] != before:
            rows.append([Text(printable(item["dimension"]), style="bold")])
        before = item["dimension"]
        low, high = facts[item["dimension"]]["low"], facts[item["dimension"]]["high"]
        ends = [format_number(item[name], low, high) for name in ("ci_low", "ci_high")]
        interval = DASH if item["ci_low"] is None else (DASH if low >= 0 else " to ").join(ends)
        total = sum(row["system"] == item["system"] for row in report["clips"])
        name = f"  {printable(item['system']) or '(unnamed)'}" if named else printable(item["dimension"])
        cells = [Text(name), Text(format_number(item["mean"], low, high), style="bold"), Text(interval)]
        cells.append(Text(f"{item['n']}/{total}"))
        for column in columns:
            n = item["counts"][column]
            style = "bold red" if column in ("failed", "missing") else "yellow" if column != "not_applicable" else ""
            cells.append(Text(str(n) if n else "0", style=style if n else "dim"))
        cells.append(Text(printable(labels.get(item["worst"], DASH))))
        rows.append(cells)
    # Numbers are never cut: they get their width first, then the two columns of names share what is left.
    titles = ("mean", "95 % CI", "n", *(heads[name] for name in columns))
    full = [cells for cells in rows if len(cells) > 1]
    wide = [max([len(title), *(len(cells[k]) for cells in full)]) for k, title in enumerate(titles, start=1)]
    room = console.width - sum(wide) - len(wide) - 1
    name_wide = max([9, *(cells[0].cell_len for cells in rows)])
    worst_wide = max([10, *(cells[-1].cell_len for cells in full)])
    name_wide = max(min(name_wide, room - min(worst_wide, 12)), 9)
    worst_wide = max(min(worst_wide, room - name_wide), 4)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("system" if named else "dimension", no_wrap=True, overflow="ellipsis", width=name_wide)
    for title, width in zip(titles, wide, strict=True):
        table.add_column(title, justify="right", no_wrap=True, width=width)
    table.add_column("worst clip", no_wrap=True, overflow="ellipsis", width=worst_wide)
    for cells in rows:
        table.add_row(*cells)
    console.print(table)
    legend = "n: with a number, of all; abst: cannot tell, not in the mean; floor: lowest"
    console.print(Text(legend, style="dim"))
    if said := power_words(report):
        console.print(Text(printable(said), style="dim"))
    if report["rule"]["missing"] == "exclude":
        console.print(Text("prompts without a clip do not count (--missing exclude)", style="yellow"))
    for line in coverage_words(report["semantic"]):
        console.print(Text(printable(line), style="yellow"))
    _print_semantic(report["semantic"], console, named)
    if report["constraints"]["kinds"]:
        _print_constraints(report, console)
    for found in report["ladders"]:
        _print_ladders(found, console, len(report["systems"]) > 1)
    failures = _failures(report)
    for (reason, status), names in list(failures.items())[:5]:
        shown = ", ".join(printable(name) for name in names[:3])
        shown += f" and {len(names) - 3} more" if len(names) > 3 else ""
        console.print(Text(f"{STATUS_WORDS[status]}: {shown}: {printable(reason)}", style="red"))
    if len(failures) > 5:
        console.print(Text(f"and {len(failures) - 5} more reasons, see the report", style="red"))
    if failures:
        console.print(Text("score --retry-failed measures again what failed", style="dim"))
    for note in report["notes"]:
        console.print(Text(f"note: {printable(note)}", style="yellow"))
    if report["total"] is not None:
        _print_total(report["total"], console)


def _print_total(found: Mapping[str, Any], console: Console) -> None:
    """The totals of every system, what they lack, and how far their order rests on the weights."""
    from rich.table import Table
    from rich.text import Text

    table, doubt = found["table"], found["sensitivity"]
    console.print()
    console.print(Text(printable(f"total: {table['name']}, version {table['version']}"), style="bold"))
    rules = {"worst": "counts as worst", "leave_out": "is left out, and the rest fills its place"}
    said = f"a missing metric {rules[table['missing_metric']]}; a missing or failed clip {rules[table['failed_clip']]}"
    console.print(Text(said, style="dim"))
    groups = list(dict.fromkeys(metric["group"] for metric in table["metrics"]))
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    shown.add_column("system", no_wrap=True, overflow="ellipsis")
    for head in ("total", "95 % CI", "covers", "rank", *groups[:4]):
        shown.add_column(printable(head), justify="right", no_wrap=True)
    for row in found["systems"]:
        ends = DASH if row["ci_low"] is None else f"{row['ci_low']:.1f}{DASH}{row['ci_high']:.1f}"
        rank = doubt["ranks"].get(row["system"])
        places = DASH if rank is None else str(rank[0]) if rank[0] == rank[1] else f"{rank[0]}{DASH}{rank[1]}"
        cells = [Text(printable(row["system"]) or "(unnamed)"), Text(_hundred(row["score"]), style="bold"), Text(ends)]
        cells += [Text(format_percent(row["coverage"])), Text(places)]
        shown.add_row(*cells, *(Text(_hundred(row["groups"][name])) for name in groups[:4]))
    console.print(shown)
    legend = (
        "out of 100; covers: share of the weights with a number; rank: under 95 % of weights drawn around the table"
    )
    console.print(Text(legend, style="dim"))
    for row in found["systems"]:
        name = f"{row['system']}: " if len(found["systems"]) > 1 else ""
        if row["missing"]:
            console.print(Text(printable(f"{name}missing: {', '.join(row['missing'])}"), style="bold red"))
        if row["lost"]:
            counted = ", ".join(f"{dimension} {n}" for dimension, n in row["lost"].items())
            console.print(Text(printable(f"{name}clips that count as worst: {counted}"), style="yellow"))
        if row["ci_low"] is None:
            said = f"{name}no interval, {row['method'].removeprefix('none: ')}"
            if row["held_low"] is not None:
                said += f"; were these known exactly, it would be {row['held_low']:.1f}{DASH}{row['held_high']:.1f}"
            console.print(Text(printable(said), style="yellow"))
    held = {(pair["above"], pair["below"]): pair["holds"] for pair in doubt["pairs"]}
    for pair in found["pairs"]:
        line = f"{pair['above']} above {pair['below']}: by {_hundred(pair['difference'])}"
        if pair["ci_low"] is not None:
            line += f" ({_hundred(pair['ci_low'])} to {_hundred(pair['ci_high'])})"
        if (pair["above"], pair["below"]) in held:
            line += f", under {format_percent(held[pair['above'], pair['below']])} of the weights drawn"
        console.print(Text(printable(line)))
    moved = [f"{row['metric']} ({', '.join(row['moved'])})" for row in doubt["leave_one_out"] if row["moved"]]
    if moved:
        console.print(Text(printable(f"without one metric the order changes: {'; '.join(moved)}")))
    for note in found["notes"]:
        console.print(Text(f"note: {printable(note)}", style="yellow"))


def print_imported(found: Mapping[str, Any], console: Console) -> None:
    """Of every imported mean: its n, what its denominator lost, and why."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title="as imported", title_justify="left", box=None, pad_edge=False, header_style="dim")
    table.add_column("system", no_wrap=True, overflow="ellipsis")
    table.add_column("metric", no_wrap=True)
    for head in ("mean", "n", "lost"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in found["means"]:
        mean = DASH if row["mean"] is None else f"{row['mean']:.4g}"
        why = "; ".join(f"{n} {TIMES} {reason}" for reason, n in list(row["reasons"].items())[:3])
        why += f"; and {len(row['reasons']) - 3} more reasons" if len(row["reasons"]) > 3 else ""
        why = why or ("mean only" if row["kind"] == "mean" else "")
        if row["mean"] is None and row["kind"] == "clips":
            values = sum(map(len, row["counted"].values()))
            kept = f"{values} value{'s' * (values != 1)} of clips; upstream kept no mean"
            why = f"{kept}; {why}" if why else kept
        cells = [row["system"], row["dimension"].removeprefix("upstream."), mean]
        cells += [DASH if row["n"] is None else str(row["n"]), str(row["lost"]), why]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print()
    console.print(table)


def _hundred(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}".replace("-", MINUS)


def _print_semantic(found: Mapping[str, Any], console: Console, named: bool) -> None:
    """Who judged, with its passport, and for each dimension its sub-scores, bias, rates, and what cannot be told."""
    from rich.table import Table
    from rich.text import Text

    rows = [row for row in found["rows"] if row["atoms"]]
    if found["judge"] is None and not rows:
        return
    console.print()
    for line in judge_words(found["judge"]):
        console.print(Text(printable(line), style="bold red" if line.startswith(ALARMS) else ""))
    if said := agreement_words(found):
        console.print(Text(said))
    for row in rows:
        name = row["dimension"] + (f" of {row['system'] or '(unnamed)'}" if named else "")
        table = Table(title=printable(name), title_justify="left", box=None, pad_edge=False, header_style="dim")
        table.add_column("part", no_wrap=True)
        for head in ("mean", "95 % CI", "clips"):
            table.add_column(head, justify="right", no_wrap=True)
        for part in row["parts"]:
            ends = DASH if part["ci_low"] is None else f"{part['ci_low']:.2f}{DASH}{part['ci_high']:.2f}"
            table.add_row(Text(printable(part["label"])), f"{part['mean']:.2f}", ends, str(part["n"]))
        console.print(table if row["parts"] else Text(printable(name), style="italic"))
        for text in (rate_words(row), bias_words(row), untold_words(row)):
            if text:
                console.print(Text(printable(text), style="dim"))


def _print_constraints(report: Mapping[str, Any], console: Console) -> None:
    """One line per kind of constraint and system, and how many prompts are obeyed in full."""
    from rich.table import Table
    from rich.text import Text

    found = report["constraints"]
    named = len(report["systems"]) > 1
    unmeasured = any(row["unmeasured"] for row in found["kinds"])
    titles = ["n", "strict", "95 % CI", "loose", "?", *(["none"] if unmeasured else []), "checker right"]
    rows: list[list[Text]] = []
    before = None
    for row in found["kinds"]:
        checker = format_checker(found["checkers"][row["kind"]])
        if named and row["kind"] != before:
            rows.append([Text(printable(row["kind"]), style="bold")])
        said = checker if row["kind"] != before else ""
        before = row["kind"]
        name = f"  {printable(row['system']) or '(unnamed)'}" if named else printable(row["kind"])
        cells = [Text(name), Text(str(row["n"])), Text(format_percent(row["strict_rate"]), style="bold")]
        cells += [Text(format_interval(row["strict_ci"])), Text(format_percent(row["loose_rate"]))]
        cells.append(Text(str(row["unverifiable"]), style="yellow" if row["unverifiable"] else "dim"))
        if unmeasured:
            cells.append(Text(str(row["unmeasured"]), style="bold red" if row["unmeasured"] else "dim"))
        rows.append([*cells, Text(said, style="dim" if said == "not calibrated" else "")])
    full = [cells for cells in rows if len(cells) > 1]
    wide = [max([len(title), *(len(cells[k]) for cells in full)]) for k, title in enumerate(titles, start=1)]
    room = max(console.width - sum(wide) - len(wide) - 1, 9)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    name_wide = min(max([10, *(cells[0].cell_len for cells in rows)]), room)
    table.add_column("system" if named else "constraint", no_wrap=True, overflow="ellipsis", width=name_wide)
    for title, width in zip(titles, wide, strict=True):
        table.add_column(title, justify="left" if title == titles[-1] else "right", no_wrap=True, width=width)
    for cells in rows:
        table.add_row(*cells)
    console.print()
    console.print(table)
    legend = "strict, loose: share that pass, of those verified; ?: the checker cannot tell"
    console.print(Text(legend + ("; none: no verdict" if unmeasured else ""), style="dim"))
    for row in found["prompts"]:
        console.print(Text(printable(obeyed_words(row, named))))


def _print_ladders(found: Mapping[str, Any], console: Console, named: bool) -> None:
    """One line per dial: how far the amount is obeyed, from -1 (the wrong way) over 0 (ignored) to 1."""
    from rich.table import Table
    from rich.text import Text

    def show(row: Mapping[str, Any], figure: str) -> str:
        value, interval = row[figure], row[f"{figure}_ci"]
        if value is None:
            return DASH
        text = f"{value:.2f}".replace("-", MINUS)
        if interval is None:
            return text
        return text + " (" + " to ".join(f"{edge:.2f}".replace("-", MINUS) for edge in interval) + ")"

    title = "control response" + (f" of {found['system'] or '(unnamed)'}" if named else "")
    table = Table(title=printable(title), title_justify="left", box=None, pad_edge=False, header_style="dim")
    table.add_column("dial", no_wrap=True)
    for head in ("groups", "rungs read", "tau", "slope"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in found["dials"]:
        read = f"{row['read']}/{row['rungs']}"
        table.add_row(row["dial"], f"{row['answered']}/{row['groups']}", read, show(row, "tau"), show(row, "slope"))
    console.print()
    console.print(table)
    console.print(Text("1: obeys the amount, 0: ignores it, below 0: turns the wrong way", style="dim"))


def _failures(report: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Clips by reason and status, for what failed."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in report["clips"]:
        for cell in row["measurements"].values():
            if cell["status"] == "failed":
                names = found.setdefault((cell["reason"], "failed"), [])
                if row["path"] not in names:
                    names.append(row["path"])
    return found


def find_clips(report: Mapping[str, Any], text: str) -> list[Mapping[str, Any]]:
    """The rows that ``text`` names: by path or key, else by file name, stem, prompt or label, else by start of the id.

    Raises:
        InputError: no clip is called that.
    """
    rows: Sequence[Mapping[str, Any]] = report["clips"]
    as_path = PurePosixPath(text)

    def names(row: Mapping[str, Any]) -> set[str]:
        path = PurePosixPath(row["path"])
        return {path.name, path.stem, row["prompt_id"], clip_label(row)}

    exact = [row for row in rows if text in (row["path"], row["key"], row["clip_id"])]
    called = exact or [row for row in rows if text and text in names(row)]
    called = called or [row for row in rows if len(text) >= 4 and row["clip_id"].startswith(text)]
    called = called or [row for row in rows if as_path.name and PurePosixPath(row["path"]).name == as_path.name]
    if not called:
        near = difflib.get_close_matches(text, sorted({name for row in rows for name in names(row) if name}), 3, 0.5)
        hint = f"; close: {', '.join(near)}" if near else ""
        raise InputError(
            f"no clip of this run is called {text!r}; expected a path, file name, prompt id or clip id of one of "
            f"{len(rows)} clips{hint}"
        )
    return called


def explain_clip(report: Mapping[str, Any], clip: str) -> list[RenderableType]:
    """Terminal renderables for every row that ``clip`` names: each number with its parts, times, reason and origin.

    Raises:
        InputError: no clip is called that.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.text import Text

    facts = {item["name"]: item for item in report["dimensions"]}
    shown: list[RenderableType] = []
    for row in find_clips(report, clip):
        shown.append(Rule(Text(printable(clip_label(row)), style="bold"), align="left"))
        about = [
            f"path {row['path']}",
            f"clip {row['clip_id'] or ('(imported)' if report.get('imported') else '(unreadable)')}",
        ]
        about += [f"{name} {row[name]}" for name in ("system", "prompt_id", "category") if row[name]]
        about += media_words(row["media"])
        shown.append(Text("\n".join(printable(line) for line in about), style="dim"))
        found = judged(row, report["prompts"].get(row["prompt_id"]), facts)
        idle: dict[str, list[str]] = {}
        for name, scale in facts.items():
            cell = row["measurements"].get(name)
            if cell is not None and cell["status"] == "not_applicable":
                idle.setdefault(cell["reason"].replace(name, "it"), []).append(name)
                continue
            if cell is None:
                shown.append(Text.assemble("\n", (name, "bold"), "  ", ("not measured yet", "bold red")))
                continue
            title = Text.assemble("\n", (printable(name), "bold"), "  ")
            if cell["status"] == "ok":
                title.append(format_number(cell["value"], scale["low"], scale["high"]), style="bold")
                title.append(f"  on {scale['low']:g} to {scale['high']:g}, ", style="dim")
                title.append("higher is better" if scale["direction"] > 0 else "lower is better", style="dim")
                if cell["at_floor"]:
                    title.append("  at the floor", style="yellow")
            else:
                alarm = {"failed": "bold red", "abstained": "yellow"}.get(cell["status"], "")
                title.append(STATUS_WORDS[cell["status"]], style=alarm)
            shown.append(title)
            verdicts = [item for item in found if item["theme"] == name]
            if verdicts:  # they say all that the reason and the counts say
                shown.append(
                    Padding(Group(*(line for item in verdicts for line in _verdict_lines(item))), (0, 0, 0, 2))
                )
            else:
                if cell["reason"]:
                    shown.append(Padding(Text(printable(cell["reason"])), (0, 0, 0, 2)))
                atoms = atoms_in(cell["evidence"]) if is_semantic(scale) else []
                shown += [Padding(line, (0, 0, 0, 2)) for atom in atoms for line in _atom_lines(atom)]
                shown.append(Padding(Group(*_evidence_lines(beside_atoms(cell["evidence"], atoms))), (0, 0, 0, 2)))
            origin = f"version {cell['version']}; signature {cell['signature']}"
            origin += f"; from {' '.join(cell['observations'])}" if cell["observations"] else ""
            shown.append(Padding(Text(printable(origin), style="dim"), (0, 0, 0, 2)))
        if idle:
            said = "; ".join(", ".join(names) + (f" ({why})" if why else "") for why, names in idle.items())
            shown.append(Text(f"\nnot applicable: {printable(said)}", style="dim"))
    return shown


def _atom_lines(atom: Mapping[str, Any]) -> list[RenderableType]:
    """One question and its false twin, each with the rate of yes and the judge's words."""
    from rich.padding import Padding
    from rich.text import Text

    word = tell_atom(atom)
    style = {"yes": "bold green", "not seen": "bold", "both": "bold yellow", "untold": "bold yellow"}.get(
        word, "bold red"
    )
    head = Text.assemble((f"{word:<13}", style), (printable(f"{atom['key']} {atom['type']}"), "bold"))
    if atom["because"]:
        head.append(printable(f"  {atom['because']}"), style="dim")
    lines: list[RenderableType] = [head]
    for name, text, value, said in (
        ("asked", atom["text"], atom["yes"], atom["said"]),
        ("false twin", atom["twin"], atom["twin_yes"], atom["twin_said"]),
    ):
        rate = "no answer" if value is None else f"yes {value:.2f}"
        line = Text.assemble((f"{name}: ", "dim"), printable(text), (f"  {rate}", "cyan"))
        if said:
            line.append(printable(f"  said: {said}"), style="dim")
        lines.append(Padding(line, (0, 0, 0, 5)))
    return lines


_VERDICT_STYLES = {"pass": "bold green", "fail": "bold red", "unverifiable": "bold yellow", "unmeasured": "bold red"}


def _verdict_lines(item: Mapping[str, Any]) -> list[RenderableType]:
    """One constraint: verdict and words of the prompt, then what was found, why it fails, when, and by how much."""
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    head = Text.assemble((f"{VERDICT_WORDS[item['strict']]:<5}", _VERDICT_STYLES[item["strict"]]))
    head.append(printable(f"{item['id']} {item['kind']}"), style="bold")
    if item["stated"] is not None:
        head.append(
            printable(f"  \N{LEFT DOUBLE QUOTATION MARK}{item['stated']['span']}\N{RIGHT DOUBLE QUOTATION MARK}")
        )
    lines.append(head)
    if asked := format_asked(item["stated"]):
        lines.append(Padding(Text(printable(f"asked: {asked}"), style="dim"), (0, 0, 0, 5)))
    words, rates = transcript(item)
    if words:
        lines.append(Padding(_heard_words(words, rates), (0, 0, 0, 5)))
    elif item.get("found"):
        lines.append(Padding(Text(printable(f"found: {item['found']}")), (0, 0, 0, 5)))
    if item.get("reason"):
        lines.append(Padding(Text(printable(item["reason"]), style=_VERDICT_STYLES[item["strict"]][5:]), (0, 0, 0, 5)))
    more = [f"at {format_span(item)}"] if item.get("start_s") is not None else []
    more += [text for text in (format_margin(item), loose_words(item)) if text]
    if more:
        lines.append(Padding(Text(printable("; ".join(more)), style="dim"), (0, 0, 0, 5)))
    shown = [part for part in item.get("evidence", ()) if not words or part["label"] != "word"]
    lines += [Padding(line, (0, 0, 0, 5)) for line in _evidence_lines(shown)]
    return lines


def _heard_words(words: Sequence[Mapping[str, Any]], rates: str) -> Text:
    """A line as it was heard; brackets mark what is wrong, so that it shows without colours too."""
    from rich.text import Text

    line = Text("heard: ")
    for word in words:
        heard, wanted = printable(word["heard"]), printable(word["wanted"])
        if word["mark"] == "missing":
            line.append(f"[missing: {wanted}]", style="red strike")
        elif word["mark"] == "extra":
            line.append(f"[extra: {heard}]", style="bold red")
        elif word["mark"]:
            line.append(f"[{heard}", style="bold red")
            line.append(f", not {wanted}]" if wanted else "]", style="red")
        else:
            line.append(heard)
        line.append(" ")
    line.append(printable(rates), style="dim")
    line.rstrip()
    return line


def _evidence_lines(evidence: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    lines: list[RenderableType] = []
    parts = [item for item in evidence if item["kind"] == "part"]
    if parts:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for justify in ("left", "right", "left", "right"):
            table.add_column(justify=justify, no_wrap=True)
        for item in parts:
            score = item.get("score")
            filled = 0 if score is None else round(min(max(score, 0.0), 1.0) * 10)
            bar = Text("" if score is None else "█" * filled + "░" * (10 - filled), style="cyan")
            name = Text(printable(item["label"].replace("_", " ")))
            quantity = Text(printable(format_quantity(item.get("value"), item.get("unit", ""))), style="dim")
            table.add_row(name, Text("" if score is None else f"{score:.2f}"), bar, quantity)
        lines.append(table)
    for label, spans in group_spans(evidence).items():
        times = ", ".join(printable(f"{span_words(span)} {format_span(span)}".strip()) for span in spans[:8])
        times += " …" if len(spans) > 8 else ""
        lines.append(Text.assemble(printable(label), (f"  {len(spans)} {TIMES}  ", "dim"), times))
    for item in evidence:
        if item["kind"] == "curve" and item.get("y"):
            low, high = format_quantity(min(item["y"])), format_quantity(max(item["y"]), item.get("unit", ""))
            reach = printable(f"  {low} to {high} over {item.get('x_unit', 's')}")
            label = printable(item["label"].replace("_", " "))
            lines.append(Text.assemble(label, "  ", (_spark(item["y"]), "cyan"), (reach, "dim")))
        elif item["kind"] == "note":
            lines.append(Text(printable(": ".join(part for part in (item["label"], item.get("text", "")) if part))))
    return lines


def _spark(values: Sequence[float], width: int = 32) -> str:
    low, high = min(values), max(values)
    width = min(width, len(values))
    # the largest of each bin, so that a short event is not lost
    bins = [values[k * len(values) // width : (k + 1) * len(values) // width] for k in range(width)]
    blocks = "▁▂▃▄▅▆▇█"
    return "".join(blocks[round((max(part) - low) / (high - low or 1.0) * 7)] for part in bins)
