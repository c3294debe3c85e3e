"""Templates to Markdown, and the words that the cards share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
import yaml

from avgen_bench.model_card import escape

__all__ = ["cell", "checker_card", "front_block", "percent", "template", "to_text"]


class _Plain(yaml.SafeDumper):
    """Writes equal parts out instead of referring to the first: not every reader of cards follows references."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def front_block(values: Mapping[str, Any]) -> str:
    """YAML between its marks, as a card begins."""
    return f"---\n{to_text(values)}---\n\n"


def to_text(values: Mapping[str, Any]) -> str:
    """YAML in the order of the keys."""
    return str(yaml.dump(dict(values), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120))


def cell(text: str) -> str:
    r"""Text of this package in a cell of a table.

    >>> cell("a | b")
    'a \\| b'
    """
    return " ".join(text.split()).replace("|", "\\|")


def percent(rate: float | None) -> str:
    """A rate as the cards show it; ``none`` where there is nothing that it is of.

    >>> percent(0.9625), percent(1.0), percent(None)
    ('96.2', '100.0', 'none')
    """
    return "none" if rate is None else f"{100 * rate:.1f}"


def checker_card(kind: str) -> dict[str, Any] | None:
    """The checker card of a kind of constraint, None where it was not calibrated."""
    path = resources.files("avgen_bench.constraints") / "cards" / f"{kind}.json"
    if not path.is_file():
        return None
    made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return made


def template(name: str) -> jinja2.Template:
    """A template of this folder; a value that it lacks is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("avgen_bench.cards", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; every value comes from this package, or went through model_card.escape
    )
    environment.filters |= {"cell": cell, "percent": percent, "escape_md": escape}
    return environment.get_template(name)
