"""The table of a report as Markdown, CSV and LaTeX: the numbers arrive, and the words of others do nothing."""

from __future__ import annotations

import csv
import html
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import report_samples as samples
from conftest import missing

from avgen_bench import cli, export, runner
from avgen_bench.report import build
from avgen_bench.types import Outcome

NASTY = (
    "=cmd|' /C calc'!A0",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    samples.HOSTILE,
    "a|b\\|c `x` ``` **b** [l](http://x.y) @you #1 www.x.y _i_ ~~s~~",
    r"\input{/etc/passwd} \end{document} $x^2$ 50% a_b & # ~ ^ -- ,, '' `` ?` [x] * {",
    "na\u00efve \u4e2d\u6587 \u202etxt \x1b[31m\x07 \ud800 e\u0301",
    "",
)


def report_of(systems: tuple[str, ...], note: str = ""):
    """A report on twelve prompts in two dimensions, with a failure and abstentions."""
    clips, found = [], []
    for place, system in enumerate(systems):
        for k in range(12):
            item = samples.clip(f"{place}/{k}.mp4", system=system, prompt_id=f"p{k}")
            clips.append(item)
            sync = Outcome("abstained", None, "cannot tell") if k else Outcome("failed", None, note or "crash")
            found.append(
                samples.measurement(item, "visual_quality", samples.ok((k + place) / 24), signature=f"v{note}")
            )
            found.append(samples.measurement(item, "av_sync", sync))
    report = build(found, clips, (samples.DIMENSIONS[0], samples.DIMENSIONS[3]))
    report["notes"] += [note] if note else []
    return report


def test_csv_holds_the_numbers_of_the_report():
    report = report_of(("a", "b"))
    text = export.to_csv(report)
    assert text.count("\r\n") == text.count("\n") == 5  # RFC 4180
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["dimension"], row["system"]) for row in rows] == [
        ("visual_quality", "a"),
        ("visual_quality", "b"),
        ("av_sync", "a"),
        ("av_sync", "b"),
    ]
    for row, item in zip(rows, report["estimates"], strict=True):
        for name in ("mean", "ci_low", "ci_high", "mdd", "bound_low", "bound_high"):
            assert row[name] == ("" if item[name] is None else str(item[name]))
        assert (int(row["n"]), int(row["prompts"])) == (item["n"], item["prompts"])
        for name in ("abstained", "failed", "missing", "floor"):
            assert int(row[name]) == item["counts"][name]
    assert rows[0]["signature"] == report["dimensions"][0]["signature"] != ""
    assert (rows[2]["mean"], rows[2]["abstained"], rows[2]["failed"]) == ("", "11", "1")


def test_no_cell_is_a_formula_or_steers_a_terminal():
    text = export.to_csv(report_of(NASTY, note="=1+1"))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 2 * len(NASTY)
    for row in rows:
        for name, value in row.items():
            number = re.fullmatch(r"-?[\d.]+(e-\d+)?", value)
            assert number or not value.startswith(("=", "+", "-", "@")), (name, value)
            assert value.isprintable() and value == value.strip()
    assert {"'=cmd|' /C calc'!A0", "'+1", "'-2+3", "'@SUM(A1)", "'=1"} <= {row["system"] for row in rows}


def test_markdown_is_one_table_without_markup_of_others():
    report = report_of(NASTY, note="`````\n# title <b> @you")
    text = export.to_markdown(report)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 2 * len(NASTY)
    assert {line.count("|") for line in table} == {11}
    assert all(line.isprintable() for line in text.splitlines())
    before, fence, rest = text.partition("``````text\n")  # longer than the run of backticks within
    assert fence and rest.rstrip().endswith("\n``````")
    # outside the block only the tags that we write are left, and every name comes back whole
    assert set(re.findall(r"<[^>]*>", before)) == {"<code>", "</code>"}
    for line, item in zip(table[2:], report["estimates"], strict=True):
        shown = re.findall(r"<code>(.*?)</code>", line)
        plain = export._flat(item["system"] or "(unnamed)")
        assert [html.unescape(part) for part in shown] == [item["dimension"], plain]
        assert not re.search(r"[`*\[\]~@#\\$]|://|www\.", shown[1].replace("&#", ""))
    mean = report["estimates"][0]
    assert f"| {mean['mean']:.3f} | {mean['ci_low']:.3f} to {mean['ci_high']:.3f} | 12 | 12 | 0 | 0 | 0 |" in before
    assert "Smallest difference" in before and "10000 draws, seed" in before
    assert report["dimensions"][0]["signature"].replace("\n", " ").split("#")[0].strip() in rest


def test_formats_are_the_same_bytes_for_any_order():
    report = report_of(("b", "a"))
    other = report_of(("b", "a"))
    for form in export.FORMATS:
        assert export.export(report, form) == export.export(other, form)
    with pytest.raises(ValueError, match="expected one of md, csv, latex"):
        export.export(report, "xls")


PAPER = (
    r"\documentclass{article}\usepackage[margin=2cm]{geometry}\usepackage{booktabs}\usepackage{longtable}"
    r"\begin{document}\input{table.tex}\end{document}"
)


def compiled(folder: Path, text: str) -> str:
    """The text of the PDF, without white space."""
    absent = [tool for tool in ("pdflatex", "pdftotext") if shutil.which(tool) is None]
    if absent:
        missing("latex", f"{' and '.join(absent)} not installed")
    (folder / "table.tex").write_text(text, encoding="utf-8")
    (folder / "paper.tex").write_text(PAPER, encoding="utf-8")
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    for _ in range(2):  # longtable finds its widths in the second
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout[-2000:].decode(errors="replace")
    log = (folder / "paper.log").read_text(errors="replace")
    assert "Overfull \\hbox" not in log
    subprocess.run(["pdftotext", "-layout", "paper.pdf"], cwd=folder, check=True, timeout=60)
    return "".join((folder / "paper.txt").read_text(encoding="utf-8").split())


def test_latex_compiles_and_prints_the_numbers(tmp_path):
    report = report_of(("a", "b"))
    shown = compiled(tmp_path, export.to_latex(report))
    for item in report["estimates"]:
        if item["mean"] is not None:
            assert f"{item['mean']:.3f}{item['ci_low']:.3f}\u2013{item['ci_high']:.3f}1212" in shown
    assert "\\end{document}" not in export.to_latex(report)


@pytest.mark.parametrize("name", NASTY)
def test_names_of_others_do_nothing_in_latex(tmp_path, name):
    text = export.to_latex(report_of((name, "z"), note=name))
    assert text.isascii()
    assert re.findall(r"\\(?:input|end\{document|write|def|cat)", text) == []
    if name.startswith(("=", "\\")):
        shown = compiled(tmp_path, text)
        assert "note:" + "".join(name.split()).replace("'", "\u2019").split("\u2019")[0][:12] in shown


def test_the_command_prints_and_writes(tmp_path, monkeypatch, capsysbinary):
    report = report_of(("a", "b"))
    monkeypatch.setattr(runner, "read_report", lambda folder, **options: report)
    assert cli.main(["report", "RUN", "--format", "csv"]) == 0
    assert capsysbinary.readouterr().out.decode() == export.to_csv(report)
    assert cli.main(["report", "RUN", "--out", str(tmp_path / "t.tex")]) == 0
    assert (tmp_path / "t.tex").read_text(encoding="utf-8") == export.to_latex(report)
    assert cli.main(["report", "RUN", "--format", "md", "--out", "-"]) == 0
    assert capsysbinary.readouterr().out.decode().endswith(export.to_markdown(report))
    assert cli.main(["report", "RUN", "--out", str(tmp_path / "t.pdf")]) == 1
    assert b"give --format html, md, csv or latex" in capsysbinary.readouterr().err
    assert not (tmp_path / "t.pdf").exists()


def test_a_total_and_the_rule_are_named():
    from avgen_bench import totals

    report = report_of(("a", "b"))
    table = totals.WeightTable(
        "mine",
        "2",
        "made up",
        "worst",
        "worst",
        (totals.Group("g", 1.0, (totals.Metric("look", "visual_quality", 1.0, 0.0, 1.0),)),),
    )
    report["total"] = totals.of_report(report, table)
    best = report["total"]["systems"][0]
    line = (
        f"total of b under mine 2 {table.digest}: {best['score']:.1f} ({best['ci_low']:.1f} to {best['ci_high']:.1f})"
    )
    assert line in export.to_markdown(report)
    report["rule"] = {"missing": "exclude", "left_out": 3}
    assert "do not count (--missing exclude): 3" in export.to_markdown(report)
