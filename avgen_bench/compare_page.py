"""A comparison as one self-contained web page: differences, tiers, and the prompts that decide, clips side by side.

Conventions
    As the report's page: no network, no server, all text escaped, a content security policy that admits only the
    page's own script. Right of the middle the first system of a pair is better, left of it the second, whatever the
    direction of a scale; places are shares of the scale, so that dimensions stand beside each other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avgen_bench.report_page import Embed, clip_url
from avgen_bench.report_page.files import EMBED_LIMIT_BYTES, asset, digest_of, is_clip, place_of, template
from avgen_bench.report_page.lanes import plain_words
from avgen_bench.report_page.profile import goodness, mark_of
from avgen_bench.report_words import DASH, format_number
from avgen_bench.statistics import fewest_prompts
from avgen_bench.store import write_text

__all__ = ["render", "write_html"]

_TEMPLATE = "compare.html.j2"


def write_html(
    found: Mapping[str, Any],
    path: str | os.PathLike[str],
    roots: Mapping[str, str | os.PathLike[str]],
    embed: Embed = "auto",
    posters: Mapping[str, str] | None = None,
) -> Path:
    """The path of the page just written; see :func:`render` for what it holds."""
    return write_text(render(found, Path(path).parent, roots, embed, posters), path)


def render(
    found: Mapping[str, Any],
    folder: Path,
    roots: Mapping[str, str | os.PathLike[str]],
    embed: Embed = "auto",
    posters: Mapping[str, str] | None = None,
) -> str:
    """The page's text, to be written into ``folder``.

    Args:
        found: what :func:`avgen_bench.compare.build` made.
        folder: where the page will lie; links to clips start there.
        roots: by label of a run, the folder that its clips' paths start from.
        embed: ``always`` puts the clips into the page, ``never`` links them, ``auto`` puts them inside as long as all
            players together hold no more than 24 MiB.
        posters: by clip id a picture of the clip, JPEG in base64.

    Raises:
        ValueError: ``embed`` is none of the three.
    """
    if embed not in ("auto", "always", "never"):
        raise ValueError(f"embed is {embed!r}; expected 'auto', 'always' or 'never'")
    facts = {item["name"]: item for item in found["dimensions"]}
    pairs = _pairs(found, facts)
    paths = {key: _path_of(row, roots) for key, row in found["clips"].items()}
    used = [key for pair in pairs for card in pair["cards"] for side in card["sides"] for key in side["keys"]]
    if embed == "auto":
        held = (paths[key] for key in used)
        embed = "always" if sum(p.stat().st_size for p in held if p is not None) <= EMBED_LIMIT_BYTES else "never"
    players = {}
    for key in dict.fromkeys(used):
        clip_id = _clip_id(key)
        path = paths[key]
        if path is not None and embed == "always" and not is_clip(path, clip_id):
            path = None
        players[key] = {
            "source": None if path is None else clip_url(path, folder, inside=embed == "always"),
            "poster": (posters or {}).get(clip_id),
            "row": found["clips"][key],
        }
    script = asset("compare.js")
    return template(_TEMPLATE).render(
        found=found,
        style=asset("report.css") + asset("compare.css"),
        script=script,
        script_digest=digest_of(script),
        systems=[
            {"name": name, "mark": mark_of(k), "run": run if run != name and f"({run})" not in name else ""}
            for k, (name, run) in enumerate((name, found["runs"][name]) for name in found["systems"])
        ],
        pairs=pairs,
        players=players,
        tiers=_tiers(found, facts),
        only=[(name, ids) for name, ids in found["prompts"]["only"].items() if ids],
        forced=_forced(found),
        level=f"{100 * found['level']:g} %",
        power=f"{100 * found['power']:g} %",
        tests=sum(bool(row["n"]) for row in found["pairs"]),
        plain=plain_words,
    )


def _clip_id(key: str) -> str:
    """The digest of the clip that a key names; empty where it names none."""
    try:
        last = json.loads(key)[-1]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return last if isinstance(last, str) else ""


def _path_of(row: Mapping[str, Any], roots: Mapping[str, str | os.PathLike[str]]) -> Path | None:
    """Where a clip lies; None for one that nothing could be measured on: a manifest may name any file."""
    if row["run"] not in roots or not any(value is not None for value in row["values"].values()):
        return None
    return place_of(row["path"], roots[row["run"]])


def _signed(value: float | None, facts: Mapping[str, Any]) -> str:
    text = format_number(value, facts["low"], facts["high"])
    return f"+{text}" if value is not None and value > 0 else text


def _p_words(value: float | None) -> str:
    return DASH if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


# --------------------------------------------------------------------------- differences


def _pairs(found: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every two systems: the plot of their differences, and the prompts that decide."""
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in found["pairs"]:
        grouped.setdefault((row["a"], row["b"]), []).append(row)
    deciding: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for item in found["deciding"]:
        deciding.setdefault((item["a"], item["b"]), []).append(item)
    out = []
    for number, ((a, b), rows) in enumerate(grouped.items()):
        reach = _reach(rows, facts)
        out.append(
            {
                "id": f"pair-{number}",
                "a": a,
                "b": b,
                "summary": _summary(rows, a, b),
                "ticks": [(round(50 + 50 * share, 1), _tick(share * reach)) for share in (-1, -0.5, 0, 0.5, 1)],
                "rows": [_row(row, facts[row["dimension"]], reach) for row in rows],
                "power": ", ".join(
                    f"{plain_words(row['dimension'])} {_size(row['mdd'], facts[row['dimension']])}"
                    for row in rows
                    if row["mdd"] is not None
                ),
                "few": ", ".join(
                    plain_words(row["dimension"])
                    for row in rows
                    if row["n"] and row["mdd"] is None and (row["sd"] or row["n"] < fewest_prompts(found["alpha"]))
                ),
                **_cards(deciding.get((a, b), []), facts, (a, b)),
            }
        )
    return out


def _summary(rows: Sequence[Mapping[str, Any]], a: str, b: str) -> list[tuple[str, str]]:
    """Who is better on what: (who, dimensions)."""
    said = {"a": f"{a} is better on", "b": f"{b} is better on", "": "not distinguishable on"}
    found = []
    for side, words in said.items():
        names = [plain_words(row["dimension"]) for row in rows if row["better"] == side and row["n"]]
        if names:
            found.append((words, ", ".join(names)))
    bare = [plain_words(row["dimension"]) for row in rows if not row["n"]]
    return found + ([("no prompt with a number in both on", ", ".join(bare))] if bare else [])


def _reach(rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Mapping[str, Any]]) -> float:
    """The share of a scale at the edge of the plot: a round number that all intervals fit into."""
    most = 0.0
    for row in rows:
        about = facts[row["dimension"]]
        for name in ("difference", "ci_low", "ci_high"):
            if row[name] is not None:
                most = max(most, abs(row[name]) / (about["high"] - about["low"]))
    return next((edge for edge in (0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.8) if most <= edge), 1.0)


def _tick(share: float) -> str:
    """A share of a scale in points of 100."""
    return f"{100 * abs(share):g}"


def _size(value: float | None, facts: Mapping[str, Any]) -> str:
    unit = f" {facts['unit']}" if facts["unit"] not in ("", "score") else ""
    return format_number(value, facts["low"], facts["high"]) + unit


def _row(row: Mapping[str, Any], facts: Mapping[str, Any], reach: float) -> dict[str, Any]:
    """A line of the plot: places in percent, the middle is no difference."""

    def place(value: float) -> float:
        share = value / (facts["high"] - facts["low"]) * facts["direction"] / reach
        return float(round(50 + 50 * min(max(share, -1.0), 1.0), 2))

    def stretch(one: float | None, other: float | None) -> tuple[float, float] | None:
        if one is None or other is None:
            return None
        left, right = sorted((place(one), place(other)))
        return left, round(right - left, 2)

    unknown = {
        side: ", ".join(
            f"{row['counts'][side][name]} {word}"
            for name, word in (("abstained", "abstained"), ("failed", "failed"), ("missing", "not measured"))
            if row["counts"][side][name]
        )
        for side in "ab"
    }
    lost = {side: row["counts"][side]["no_clip"] for side in "ab"}
    interval = DASH if row["ci_low"] is None else f"{_signed(row['ci_low'], facts)} to {_signed(row['ci_high'], facts)}"
    verdict = {"a": f"{row['a']} better", "b": f"{row['b']} better", "": "not distinguishable"}[row["better"]]
    return {
        "name": plain_words(row["dimension"]),
        "scale": _scale_words(facts),
        "x": None if row["difference"] is None else place(row["difference"]),
        "interval": stretch(row["ci_low"], row["ci_high"]),
        "reach": stretch(row["bound_low"], row["bound_high"]) if any(unknown.values()) else None,
        "mean_a": format_number(row["mean_a"], facts["low"], facts["high"]),
        "mean_b": format_number(row["mean_b"], facts["low"], facts["high"]),
        "difference": _signed(row["difference"], facts),
        "ends": interval,
        "n": row["n"],
        "p": _p_words(row["p_holm"]),
        "better": row["better"],
        "verdict": verdict if row["n"] else "nothing to pair",
        "unknown": "; ".join(f"{side.upper()}: {text}" for side, text in unknown.items() if text),
        "bounds": ""
        if row["bound_low"] is None
        else f"{_signed(row['bound_low'], facts)} to {_signed(row['bound_high'], facts)}",
        "lost": "; ".join(f"{side.upper()}: {n}" for side, n in lost.items() if n),
        "text": f"{plain_words(row['dimension'])}: difference {_signed(row['difference'], facts)}, {interval}",
    }


def _scale_words(facts: Mapping[str, Any]) -> str:
    unit = f" {facts['unit']}" if facts["unit"] not in ("", "score") else ""
    return f"{facts['low']:g} to {facts['high']:g}{unit}, {'higher' if facts['direction'] > 0 else 'lower'} is better"


# --------------------------------------------------------------------------- prompts that decide


def _cards(
    deciding: Sequence[Mapping[str, Any]], facts: Mapping[str, Mapping[str, Any]], names: tuple[str, str]
) -> dict[str, Any]:
    """A card for every prompt that decides anything between two systems, the largest difference first."""
    by_prompt: dict[str, dict[str, Any]] = {}
    choices = []
    for number, item in enumerate(deciding):
        about = facts[item["dimension"]]
        if item["prompts"]:
            choices.append((f"d{number}", plain_words(item["dimension"]), len(item["prompts"])))
        for rank, row in enumerate(item["prompts"]):
            card = by_prompt.setdefault(
                row["prompt_id"],
                {
                    "prompt": row["prompt_id"],
                    "most": 0.0,
                    "lines": [],
                    "ranks": {},
                    "sides": [
                        {"name": names[0], "letter": "A", "keys": []},
                        {"name": names[1], "letter": "B", "keys": []},
                    ],
                },
            )
            share = abs(row["difference"]) / (about["high"] - about["low"])
            card["most"] = max(card["most"], share)
            card["ranks"][f"d{number}"] = rank
            card["lines"].append(
                {
                    "name": plain_words(item["dimension"]),
                    "a": _size(row["a"], about),
                    "b": _size(row["b"], about),
                    "difference": _signed(row["difference"], about),
                    "better": "A" if row["difference"] * about["direction"] > 0 else "B",
                    "share": share,
                }
            )
            for side, keys in zip(card["sides"], (row["clips_a"], row["clips_b"]), strict=True):
                side["keys"] = list(dict.fromkeys([*side["keys"], *keys]))
    cards = sorted(by_prompt.values(), key=lambda card: (-card["most"], card["prompt"]))
    for place, card in enumerate(cards):
        card["lines"].sort(key=lambda line: -line["share"])
        card["ranks"]["any"] = place
    return {"cards": cards, "choices": choices}


# --------------------------------------------------------------------------- tiers and signatures


def _tiers(found: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For more than two systems, per dimension the groups from best to worst."""
    if len(found["systems"]) < 3:
        return []
    marks = {name: mark_of(k) for k, name in enumerate(found["systems"])}
    out = []
    for item in found["tiers"]:
        about = facts[item["dimension"]]
        groups = []
        for group in item["tiers"]:
            groups.append(
                [
                    {
                        "system": row["system"],
                        "mark": marks[row["system"]],
                        "x": goodness(row["mean"], about),
                        "interval": None if row["ci_low"] is None else _between(row["ci_low"], row["ci_high"], about),
                        "mean": _size(row["mean"], about),
                        "ends": ""
                        if row["ci_low"] is None
                        else " to ".join(
                            format_number(row[n], about["low"], about["high"]) for n in ("ci_low", "ci_high")
                        ),
                        "n": row["n"],
                    }
                    for row in group
                ]
            )
        out.append(
            {
                "name": plain_words(item["dimension"]),
                "scale": _scale_words(about),
                "groups": groups,
                "unranked": ", ".join(item["unranked"]),
            }
        )
    return out


def _between(one: float, other: float, facts: Mapping[str, Any]) -> tuple[float, float]:
    left, right = sorted((goodness(one, facts), goodness(other, facts)))
    return left, round(right - left, 2)


def _forced(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was made differently: field, dimensions that share it, and the value of each system."""
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for item in found["signatures"]["differences"]:
        values = tuple((name, str(text)) for name, text in item["values"].items())
        groups.setdefault((item["field"], values), []).append(plain_words(item["dimension"]))
    return [
        {"field": field, "values": dict(values), "dimensions": ", ".join(names)}
        for (field, values), names in groups.items()
    ]
