"""The card of a metric, which is also the front page of its Space: what its dimensions measure, and how well."""

from __future__ import annotations

from typing import Any

from avgen_bench.cards.render import checker_card, front_block, template

from avgen_bench import registry
from avgen_bench.constraints.base import kind_of, kinds
from avgen_bench.model_card import FAMILIES, members

__all__ = ["GRADIO", "names", "render"]

GRADIO = "6.31.0"
"""The version of gradio that the Spaces run on."""

_TITLES = {
    "perceptual": ("AVGen perceptual", "how clips look and sound, and whether the two meet in time"),
    "semantic": ("AVGen semantic", "whether clips show and sound like what their prompts describe, told by a judge"),
    "control": ("AVGen control", "whether clips obey what their prompts state exactly, constraint by constraint"),
}


def names() -> dict[str, str]:
    """The folders of the metrics, by family."""
    return {family: f"avgen_{family}" for family in FAMILIES}


def _front(family: str) -> dict[str, Any]:
    title, what = _TITLES[family]
    return {
        "title": title,
        "datasets": [],
        "tags": ["evaluate", "metric", "text-to-audio-video", "audio-visual"],
        "description": f"Scores clips of text-to-audio-video models: {what}.",
        "sdk": "gradio",
        "sdk_version": GRADIO,
        "app_file": "app.py",
        "pinned": False,
        "license": "apache-2.0",
    }


def _instruments(backbones: list[str]) -> list[dict[str, Any]]:
    """What is known of backbones, those that are a judge left out."""
    found = []
    for name in dict.fromkeys(backbones):
        if name in registry.TABLE["backbones"]:
            facts = registry.load("backbones", name).facts
            found.append(
                {
                    "name": name,
                    "summary": facts.summary,
                    "license": facts.license,
                    "size_mb": facts.size_mb,
                    "reference": facts.reference,
                    "remedy": facts.remedy,
                }
            )
    return found


def _kinds(theme: str) -> list[dict[str, Any]]:
    """The kinds of constraint that a control dimension checks, with the rates of their checker cards."""
    found = []
    for name in kinds():
        facts = kind_of(name).facts
        if facts.theme == theme:
            card = checker_card(name)
            found.append(
                {
                    "kind": name,
                    "summary": facts.summary,
                    "needs": list(facts.needs),
                    "rates": None if card is None else card["nominal"],
                }
            )
    return found


def render(family: str) -> str:
    """The text of ``README.md`` in the folder of a family's metric."""
    title, what = _TITLES[family]
    rows = []
    backbones: list[str] = []
    for name, unavailable in members(family).items():
        facts = registry.load("dimensions", name).facts
        checked = _kinds(name) if family == "control" else []
        needs = [*facts.needs, *(need for kind in checked for need in kind["needs"])]
        backbones += needs
        rows.append(
            {
                "name": name,
                "version": facts.version,
                "summary": facts.summary,
                "scale": facts.scale,
                "low": facts.low,
                "high": facts.high,
                "floor": facts.floor,
                "better": "higher" if facts.direction > 0 else "lower",
                "needs": list(dict.fromkeys(needs)),
                "needs_prompt": facts.needs_prompt,
                "reference": facts.reference,
                "unavailable": unavailable,
                "kinds": checked,
            }
        )
    body = template("metric.md.j2").render(
        family=family,
        metric=names()[family],
        title=title,
        what=what,
        dimensions=rows,
        instruments=_instruments(backbones),
    )
    return front_block(_front(family)) + body
