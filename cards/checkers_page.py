"""The page of checker cards: how often each checker of a constraint is right, where it is wrong, and with what."""

from __future__ import annotations

from typing import Any

from avgen_bench.cards.render import checker_card, template

from avgen_bench.constraints.base import kind_of, kinds

__all__ = ["render"]


def _row(kind: str) -> dict[str, Any]:
    facts = kind_of(kind).facts
    tolerance = facts.tolerance
    return {
        "kind": kind,
        "theme": facts.theme,
        "summary": facts.summary,
        "check": facts.check,
        "tolerance": ""
        if tolerance is None
        else f"{tolerance.strict:g} / {tolerance.loose:g} {tolerance.unit}".strip(),
        "card": checker_card(kind),
    }


def render() -> str:
    """The text of ``CHECKERS.md``: a table of all kinds, then a card for each."""
    rows = [_row(kind) for kind in kinds()]
    return template("checkers.md.j2").render(rows=rows)
