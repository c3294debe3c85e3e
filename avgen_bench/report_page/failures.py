"""What failed, on which clips, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from avgen_bench.report_page.lanes import plain_words

__all__ = ["list_failures", "signature_rows"]

_REMEDIES = {  # by the word that such a reason begins with
    "limit": "raise that limit (--limit), or leave the clip out",
    "unreadable": "put a clip where the manifest says, and score again",
    "truncated": "generate or copy the clip again",
    "damaged": "generate or copy the clip again, or raise the limit (--limit)",
    "crash": "score again with --retry-failed and fewer --workers",
}
_ELSE = "score again with --retry-failed; what fails twice is the clip's own fault, or one of ours to be reported"


def list_failures(cards: Sequence[Mapping[str, Any]], named: bool = False) -> list[dict[str, Any]]:
    """What failed, by reason, most clips first: the dimensions, the clips that it befell, and what to do.

    With ``named`` the clips have their system beside them.
    """
    clips: dict[str, dict[str, str]] = {}
    dimensions: dict[str, dict[str, None]] = {}
    for card in cards:
        for item in card["dimensions"]:
            if item["status"] == "failed":
                whose = f" ({card['row']['system'] or 'unnamed'})" if named else ""
                clips.setdefault(item["reason"], {})[card["id"]] = card["label"] + whose
                dimensions.setdefault(item["reason"], {})[item["name"]] = None
    return [
        {
            "reason": reason,
            "clips": sorted(mine.items(), key=lambda pair: (pair[1], pair[0])),
            "dimensions": list(dimensions[reason]),
            "remedy": _remedy(reason),
        }
        for reason, mine in sorted(clips.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]


def _remedy(reason: str) -> str:
    return _REMEDIES.get(reason.partition(":")[0], _ELSE)


def signature_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One line for each dimension that has a signature, and where its numbers were made differently."""
    forced: dict[str, list[dict[str, Any]]] = {}
    for item in report["forced"]:
        values = [(name or "(unnamed system)", text) for name, text in item["values"].items()]
        forced.setdefault(item["dimension"], []).append({"field": item["field"], "values": values})
    return [
        {
            "name": plain_words(facts["name"]),
            "line": facts["signature"],
            "forced": forced.get(facts["name"], []),
        }
        for facts in report["dimensions"]
        if facts["signature"]
    ]
