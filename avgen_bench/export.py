"""The estimates of a report for papers and spreadsheets: Markdown, CSV and LaTeX.

Conventions
    One row per dimension and system: mean, 95 % interval, clips with a number, prompts, counts of what has none, and
    the smallest difference that a paired comparison would find. Numbers of CSV are those of ``report.json``; the other
    two round as the page does. Under the table stand the lines that make a number checkable: signatures, receipts, how
    intervals are made, and the notes. All text that others wrote is escaped for its format, without control characters.

    The LaTeX needs the packages booktabs and longtable, and compiles with pdfTeX, XeTeX and LuaTeX; a character that
    ASCII lacks is written as its name or code, so that no font can fail on it.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_words import format_number, headline, power_words, printable

__all__ = ["FORMATS", "export", "to_csv", "to_latex", "to_markdown"]

FORMATS = ("md", "csv", "latex")

_COUNTS = ("abstained", "failed", "missing")
_HEAD = ("dimension", "system", "mean", "95 % interval", "n", "prompts", *_COUNTS, "smallest difference found")


def export(report: Mapping[str, Any], form: str) -> str:
    """The table in a format of :data:`FORMATS`.

    Raises:
        ValueError: another format.
    """
    if form not in FORMATS:
        raise ValueError(f"the format is {form!r}; expected one of {', '.join(FORMATS)}")
    return {"md": to_markdown, "csv": to_csv, "latex": to_latex}[form](report)


def _rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The cells of every row, for people."""
    facts = {item["name"]: item for item in report["dimensions"]}
    found = []
    for item in report["estimates"]:
        low, high = facts[item["dimension"]]["low"], facts[item["dimension"]]["high"]
        ends = [format_number(item[name], low, high) for name in ("ci_low", "ci_high")]
        counts = [str(item["counts"][name]) for name in _COUNTS]
        mdd = "" if item["mdd"] is None else format_number(item["mdd"], low, high)
        found.append(
            (
                item["dimension"],
                item["system"] or "(unnamed)",
                "" if item["mean"] is None else format_number(item["mean"], low, high),
                "" if item["ci_low"] is None else f"{ends[0]} to {ends[1]}",
                str(item["n"]),
                str(item["prompts"]),
                *counts,
                mdd,
            )
        )
    return found


def _scales(report: Mapping[str, Any]) -> list[str]:
    """What the numbers mean: dimensions of one scale share a line."""
    groups: dict[str, list[str]] = {}
    for facts in report["dimensions"]:
        unit = f" {facts['unit']}" if facts["unit"] not in ("", "score") else ""
        better = "higher" if facts["direction"] > 0 else "lower"
        words = f"{facts['low']:g} to {facts['high']:g}{unit}, {better} is better"
        groups.setdefault(words, []).append(facts["name"])
    if len(groups) == 1:
        return [f"Scale: {next(iter(groups))}"]
    return [f"{', '.join(names)}: {words}" for words, names in groups.items()]


def _terms(report: Mapping[str, Any]) -> list[str]:
    """How to read the numbers, in our own words."""
    terms, rule = report["interval"], report["rule"]
    found = _scales(report)
    found.append(f"{100 * terms['level']:g} % intervals: {terms['rule']}; {terms['draws']} draws, seed {terms['seed']}")
    if said := power_words(report):
        found.append(said[0].upper() + said[1:])
    if rule["missing"] == "exclude":
        found.append(f"Prompts without a clip do not count (--missing exclude): {rule['left_out']}")
    else:
        found.append(
            "A prompt without a clip is at the floor; what abstained or failed is outside the mean and counted"
        )
    return found


def _facts(report: Mapping[str, Any]) -> list[str]:
    """What was run, its receipts, and the notes: with words of others in them."""
    found = [headline(report)]
    if report["receipts"]:
        quoted = report["receipts"]
        found.append(f"receipts: {quoted['file']}, {quoted['clips']} clips, sha256 {quoted['sha256']}")
    total = report.get("total") or {"systems": [], "table": {}}
    table = " ".join(str(total["table"].get(name, "")) for name in ("name", "version", "digest"))
    for row in total["systems"]:
        score = "none" if row["score"] is None else f"{row['score']:.1f}"
        ends = "" if row["ci_low"] is None else f" ({row['ci_low']:.1f} to {row['ci_high']:.1f})"
        lacking = f", without {', '.join(row['missing'])}" if row["missing"] else ""
        found.append(f"total of {row['system'] or '(unnamed)'} under {table}: {score}{ends}{lacking}")
    return found + [f"note: {text}" for text in report["notes"]]


def _signatures(report: Mapping[str, Any]) -> list[str]:
    """The lines of the dimensions; that of the run where none has one."""
    found = list(dict.fromkeys(facts["signature"] for facts in report["dimensions"] if facts["signature"]))
    return found or ([report["signature"]] if report["signature"] else [])


# --------------------------------------------------------------------------- Markdown

_MARKDOWN = re.compile(r"[\\`*\[\]<>&|~@#$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|:(?=//)|(?<=www)\.")


def _flat(text: str) -> str:
    """One line of text without anything that steers."""
    return printable(" ".join(text.split()))


def _markdown(text: str) -> str:
    """Text that GitHub shows as it is: no markup, no HTML, no link.

    >>> _markdown("a_b <i> | www.x.y")
    'a_b &#60;i&#62; &#124; www&#46;x.y'
    """
    return _MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", _flat(text))


def _code(text: str) -> str:
    """A name of others, as code: in it GitHub looks for no mention of people or issues."""
    return f"<code>{_markdown(text)}</code>"


def _fenced(lines: Sequence[str]) -> str:
    """Lines to be copied as they are, between fences longer than any run of backticks among them."""
    text = "\n".join(_flat(line) for line in lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def to_markdown(report: Mapping[str, Any]) -> str:
    """The table for GitHub, how to read it, and in a block to copy what was run, signatures and notes."""
    out = ["| " + " | ".join(_HEAD) + " |", "| --- | --- |" + " ---: |" * (len(_HEAD) - 2)]
    for dimension, system, *numbers in _rows(report):
        out.append("| " + " | ".join([_code(dimension), _code(system), *numbers]) + " |")
    out += ["", *(f"- {_markdown(line)}" for line in _terms(report))]
    said = [*_facts(report), *_signatures(report)]
    return "\n".join([*out, "", _fenced(said)]) + "\n"


# --------------------------------------------------------------------------- CSV

_CSV = (
    *("dimension", "system", "mean", "ci_low", "ci_high", "method", "n", "prompts", *_COUNTS, "floor"),
    *("not_applicable", "bound_low", "bound_high", "mdd", "low", "high", "direction", "unit", "signature"),
)


def _cell(value: object) -> str:
    """A cell of CSV; text that a spreadsheet would run as a formula is led by an apostrophe.

    >>> _cell("=1+1"), _cell(-0.5), _cell(None)
    ("'=1+1", '-0.5', '')
    """
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = _flat(str(value))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def to_csv(report: Mapping[str, Any]) -> str:
    """One line per dimension and system, as RFC 4180 has it; absent numbers are empty.

    There are no lines of notes: each row has its signature and its counts.
    """
    facts = {item["name"]: item for item in report["dimensions"]}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_CSV)
    for item in report["estimates"]:
        about = facts[item["dimension"]]
        row = {**about, **item["counts"], **item}
        writer.writerow([_cell(row[name]) for name in _CSV])
    return out.getvalue()


# --------------------------------------------------------------------------- LaTeX

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"{\char96}",
    '"': r"{\char34}",  # as a letter it is a command to babel in some languages
    "[": "{[}",  # at the head of a row these two would belong to the end of the last
    "*": "{*}",
    "\0": "{}",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
}

_LIGATURE = re.compile(r"(?<=[-,'`!?])(?=[-,'`])")


def _latex(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    Letters with accents keep them where plain LaTeX knows the accent; what else is not ASCII is told by its code.

    >>> _latex("50% of a_b {x} é")
    "50\\% of a\\_b \\{x\\} \\'{e}"
    """
    apart = _LIGATURE.sub("\0", _flat(text))
    return "".join(_LATEX.get(char) or (char if char.isascii() else _accent(char)) for char in apart)


_ACCENTS = {
    *(("\u0300", "`"), ("\u0301", "'"), ("\u0302", "^"), ("\u0303", "~"), ("\u0304", "="), ("\u0306", "u")),
    *(("\u0307", "."), ("\u0308", '"'), ("\u030a", "r"), ("\u030b", "H"), ("\u030c", "v"), ("\u0327", "c")),
}
_ACCENT_OF = dict(_ACCENTS)


def _accent(char: str) -> str:
    parts = unicodedata.normalize("NFD", char)
    if len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in _ACCENT_OF:
        return f"\\{_ACCENT_OF[parts[1]]}{{{parts[0]}}}"
    return rf"\texttt{{U+{ord(char):04X}}}"


def _breakable(text: str) -> str:
    """A line of a signature, which may break after its separators."""
    pieces = re.split(r"(?<=[|:,./;=_-])", _flat(text))
    pieces = [part[k : k + 16] for part in pieces for k in range(0, len(part), 16)]
    return r"\allowbreak{}".join(_latex(piece) for piece in pieces)


def to_latex(report: Mapping[str, Any]) -> str:
    r"""A table with booktabs that may run over pages, to be read with ``\input``; notes and signatures below it.

    A dimension's name stands once, above its systems, where there are several.
    """
    named = len(report["systems"]) > 1
    head = ["mean", r"95\,\% interval", "$n$", "prompts", "abst.", "failed", "missing", r"min.\ diff."]
    out = [
        r"% needs \usepackage{booktabs} and \usepackage{longtable}",
        r"\begingroup\small\setlength{\tabcolsep}{4pt}",
        r"\begin{longtable}{@{}l" + "r" * len(head) + "@{}}",
        r"\toprule",
        " & ".join(["system" if named else "dimension", *head]) + r" \\",
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
    ]
    before = None
    for dimension, system, mean, interval, *counts in _rows(report):
        if named and dimension != before:
            out += [] if before is None else [r"\addlinespace"]
            out.append(rf"\multicolumn{{{len(head) + 1}}}{{@{{}}l}}{{\emph{{{_latex(dimension)}}}}} \\*")
        before = dimension
        first = rf"\quad {_latex(_short(system))}" if named else _latex(dimension)
        shown = interval.replace(" to ", "--") if "\N{MINUS SIGN}" not in interval else interval
        cells = [_figure(text) for text in (mean, shown, *counts)]
        out.append(" & ".join([first, *cells]) + r" \\")
    out += [r"\end{longtable}", r"\par\noindent"]
    out += [rf"{_latex(line)}.\par" for line in (*_terms(report), *_facts(report))]
    if signed := _signatures(report):
        out += [r"\medskip\noindent Signatures:\par", r"{\footnotesize\ttfamily\raggedright"]
        out += [rf"\noindent {_breakable(line)}\par" for line in signed]
        out.append("}")
    return "\n".join([*out, r"\endgroup"]) + "\n"


def _figure(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "$-$").replace("\N{EN DASH}", "--")


def _short(name: str, most: int = 40) -> str:
    """A name that leaves room for the numbers."""
    return name if len(name) <= most else name[: most - 3] + "..."
