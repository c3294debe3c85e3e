"""What a judge answered, on the page: who it is, its sub-scores and bias, and on every card question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_page.lanes import plain_words
from avgen_bench.report_semantic import (
    ALARMS,
    agreement_words,
    atoms_in,
    bias_words,
    coverage_words,
    is_semantic,
    judge_words,
    rate_words,
    tell_atom,
    untold_words,
)
from avgen_bench.report_words import DASH

__all__ = ["card_atoms", "judged_section"]

_CHIPS = {"yes": "pass", "no": "fail", "contradicted": "fail", "both": "unverifiable", "untold": "unverifiable"}
_WORDS = {"both": "yes to both", "untold": "cannot tell"}


def judged_section(report: Mapping[str, Any]) -> dict[str, Any]:
    """The judge's section: ``coverage``, ``judge`` (lines), ``agreement``, and a table per dimension and system."""
    found = report["semantic"]
    named = len(report["systems"]) > 1
    tables = []
    for row in found["rows"]:
        if not row["atoms"]:
            continue
        parts = [
            {
                "label": part["label"],
                "mean": f"{part['mean']:.2f}",
                "percent": round(100 * part["mean"], 1),
                "ends": DASH if part["ci_low"] is None else f"{part['ci_low']:.2f} to {part['ci_high']:.2f}",
                "n": part["n"],
            }
            for part in row["parts"]
        ]
        tables.append(
            {
                "name": plain_words(row["dimension"]),
                "system": row["system"] or "(unnamed system)" if named else "",
                "parts": parts,
                "lines": [text for text in (rate_words(row), bias_words(row), untold_words(row)) if text],
            }
        )
    judge = judge_words(found["judge"])
    return {
        "coverage": coverage_words(found),
        "judge": [(line, line.startswith(ALARMS)) for line in judge],
        "agreement": agreement_words(found),
        "tables": tables,
    }


def card_atoms(facts: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The questions of one clip and dimension, each with its false twin, the rates of yes and the judge's words."""
    if not is_semantic(facts):
        return []
    shown = []
    for atom in atoms_in(evidence):
        word = tell_atom(atom)
        seen = "fail" if atom["score"] is not None else "unmeasured"  # what is not seen may be outside the score
        shown.append(
            {
                "key": atom["key"],
                "type": atom["type"],
                "chip": _CHIPS.get(word, seen),
                "word": _WORDS.get(word, word),
                "because": atom["because"],
                "lines": [
                    {"of": name, "text": text, "rate": "no answer" if yes is None else f"yes {yes:.2f}", "said": said}
                    for name, text, yes, said in (
                        ("asked", atom["text"], atom["yes"], atom["said"]),
                        ("false twin", atom["twin"], atom["twin_yes"], atom["twin_said"]),
                    )
                ],
            }
        )
    return shown
