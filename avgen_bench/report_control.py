"""What the report says of constraints: each verdict beside the words that ask for it, and how often a kind is obeyed.

Conventions
    The prompt alone decides what is asked. Every constraint of a prompt is counted for every clip of that prompt, if
    the dimension of its theme is part of the report: with the checker's verdict where there is one; as failed where a
    system left the prompt without a clip; else as ``unmeasured``, with the reason. A rate is passes over passes and
    fails, with Wilson's 95 % interval (1927); what is ``unverifiable`` or ``unmeasured`` is outside it, and counted.

    Layout of ``report["constraints"]``: ``kinds`` (a row per kind and system, in the order of the themes), ``prompts``
    (per system, how many clips obey every constraint of their prompt, of those where all could be verified) and
    ``checkers`` (by kind, what was measured of its checker against known truth; None where that has not been measured).
    A row has ``n``, the counts ``strict`` and ``loose`` (passes), ``fail`` (strictly), ``unverifiable`` and
    ``unmeasured``, and ``strict_rate``, ``strict_ci``, ``loose_rate``, ``loose_ci``, which are None without a verdict.
"""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

from avgen_bench.constraints.base import THEMES, KindFacts, kind_of, kinds
from avgen_bench.errors import UnknownNameError
from avgen_bench.statistics import wilson
from avgen_bench.types import Prompt

__all__ = ["checker_of", "facts_of", "judged", "pieces", "prompt_rows", "tally", "transcript"]

_CHECKER_FIELDS = ("balanced_accuracy", "accuracy_ci", "n", "sensitivity", "specificity")


def facts_of(kind: str) -> KindFacts | None:
    """The facts of a kind; None where it is not registered here, as when the plug-in that brought it is gone."""
    try:
        return kind_of(kind).facts
    except UnknownNameError:
        return None


def prompt_rows(prompts: Mapping[str, Prompt], asked: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Text and constraints, by id in order, of the asked prompts that state any."""
    found = {}
    for name in sorted(set(asked) & set(prompts)):
        prompt = prompts[name]
        if prompt.constraints:
            found[name] = {"text": prompt.text, "constraints": [item.to_json() for item in prompt.constraints]}
    return found


def judged(
    row: Mapping[str, Any], prompt: Mapping[str, Any] | None, dimensions: Collection[str]
) -> list[dict[str, Any]]:
    """The verdicts on one clip: a clip's row of the report against its prompt's, in the order of the prompt.

    Each is a verdict's JSON with ``theme``, the dimension that gave it, and ``stated``, the constraint's row, None
    where the prompt is not known. ``strict`` and ``loose`` are ``unmeasured`` where the clip could not be observed.
    """
    given = {
        verdict["id"]: {**verdict, "theme": name, "stated": None}
        for name in dimensions
        if (cell := row["measurements"].get(name)) is not None
        for verdict in cell.get("verdicts", ())
    }
    found = []
    for stated in () if prompt is None else prompt["constraints"]:
        verdict = given.pop(stated["id"], None)
        if verdict is not None and verdict["kind"] == stated["kind"]:
            found.append(verdict | {"stated": stated})
            continue
        facts = facts_of(stated["kind"])
        if facts is None or facts.theme not in dimensions:
            continue
        cell = row["measurements"].get(facts.theme)
        left_out = cell is not None and cell["status"] == "ok" and not row["path"]
        word = "fail" if left_out else "unmeasured"
        reason = "not measured yet" if cell is None else cell["reason"] or "no verdict"
        found.append(
            {
                "id": stated["id"],
                "kind": stated["kind"],
                "strict": word,
                "loose": word,
                "reason": reason,
                "theme": facts.theme,
                "stated": stated,
            }
        )
    return found + list(given.values())


def pieces(text: str, spans: Sequence[str]) -> list[tuple[str, tuple[int, ...]]]:
    """The text cut where a span begins or ends, each piece with the numbers of the spans that cover it.

    >>> pieces("one knock, then two", ["knock", "knock, then"])
    [('one ', ()), ('knock', (0, 1)), (', then', (1,)), (' two', ())]
    """
    reach = {}
    for number, span in enumerate(spans):
        start = text.find(span) if span else -1
        if start >= 0:
            reach[number] = (start, start + len(span))
    edges = sorted({0, len(text), *(edge for pair in reach.values() for edge in pair)})
    return [
        (text[left:right], tuple(number for number, (start, end) in reach.items() if start <= left and right <= end))
        for left, right in itertools.pairwise(edges)
    ]


_MARK = re.compile(
    r"\[-(?P<missing>[^\[\]]*)-\]|\[\+(?P<extra>[^\[\]]*)\+\]|\[(?P<wrong>[^\[\]]*), not (?P<wanted>[^\[\]]*)\]"
)
_RATES = re.compile(r" (\((?:word|letter) errors [^()]*\))$")


def transcript(verdict: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The words heard of a line and those missing, in order, and the error rates as the checker wrote them.

    A word has ``mark`` (empty where it is as asked, else ``wrong``, ``extra`` or ``missing``), ``heard``, ``wanted``,
    and where it is known ``start_s``. Without marks in ``found`` the words are those of the evidence, if one of them is
    wrong: else ``found`` says it all, and there are none. There are none for other kinds than lines either.

    >>> words, rates = transcript({"kind": "line_spoken", "found": "let it [reign, not rain] (word errors 33%)"})
    >>> [(word["mark"], word["heard"], word["wanted"]) for word in words], rates
    ([('', 'let', 'let'), ('', 'it', 'it'), ('wrong', 'reign', 'rain')], '(word errors 33%)')
    """
    if verdict["kind"] != "line_spoken":
        return [], ""
    spans = [
        item
        for item in verdict.get("evidence", ())
        if item["label"] in ("word", "wrong word", "extra word") and item.get("start_s") is not None
    ]
    spans.sort(key=lambda item: item["start_s"])
    found = verdict.get("found", "")
    if not _MARK.search(found):
        words = []
        for item in spans if any(item["label"] != "word" for item in spans) else ():
            mark = item["label"].removesuffix("word").strip()
            heard = item.get("text", "")
            wanted = "" if mark else heard
            words.append({"mark": mark, "heard": heard, "wanted": wanted, "start_s": item["start_s"]})
        return words, ""
    rates = _RATES.search(found)
    text = found if rates is None else found[: rates.start()]
    words = []
    place = 0
    for match in (*_MARK.finditer(text), None):
        for word in text[place : None if match is None else match.start()].split():
            words.append({"mark": "", "heard": word, "wanted": word})
        if match is not None:
            place = match.end()
            mark = next(name for name in ("missing", "extra", "wrong") if match[name] is not None)
            heard, wanted = ("", match["missing"]) if mark == "missing" else (match[mark], match["wanted"] or "")
            words.append({"mark": mark, "heard": heard, "wanted": wanted})
    # the checker compares words in one spelling for all that sound alike; people are shown what was written
    heard_words = [word for word in words if word["heard"]]
    for word, item in _paired(heard_words, "heard", spans, [str(item.get("text", "")) for item in spans]):
        word["heard"], word["start_s"] = str(item.get("text", "")) or word["heard"], item["start_s"]
    asked = str((verdict.get("stated") or {}).get("text") or "").split()
    for word, said in _paired([word for word in words if word["wanted"]], "wanted", asked, asked):
        word["wanted"] = said.strip(_AROUND) or word["wanted"]
    return words, "" if rates is None else rates[1]


_AROUND = '.,;:!?"\u201c\u201d\u2018\u2019()'


def _paired(
    words: Sequence[dict[str, Any]], name: str, items: Sequence[Any], texts: Sequence[str]
) -> list[tuple[dict[str, Any], Any]]:
    """Words with the items that they come from: those with the same letters, and what lies between them one by one."""
    plain = [text.strip(_AROUND).casefold() for text in texts]
    matcher = difflib.SequenceMatcher(None, [word[name].casefold() for word in words], plain, autojunk=False)
    found: list[tuple[dict[str, Any], Any]] = []
    for _, i, j, k, n in matcher.get_opcodes():
        if j - i == n - k:
            found += zip(words[i:j], items[k:n], strict=True)
    return found


# --------------------------------------------------------------------------- counts


def _rate(words: Sequence[str]) -> tuple[float | None, list[float] | None]:
    hits = words.count("pass")
    of = hits + words.count("fail")
    if not of:
        return None, None
    return round(hits / of, 6), [round(edge, 6) for edge in wilson(hits, of)]


def _counts(strict: Sequence[str], loose: Sequence[str]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "n": len(strict),
        "strict": strict.count("pass"),
        "loose": loose.count("pass"),
        "fail": strict.count("fail"),
        "unverifiable": strict.count("unverifiable"),
        "unmeasured": strict.count("unmeasured"),
    }
    out["strict_rate"], out["strict_ci"] = _rate(strict)
    out["loose_rate"], out["loose_ci"] = _rate(loose)
    return out


def _all_of(words: Sequence[str]) -> str:
    """One word for several: a failure decides, else what is not verified leaves the whole open."""
    for word in ("fail", "unmeasured", "unverifiable"):
        if word in words:
            return word
    return "pass"


def tally(
    rows: Sequence[Mapping[str, Any]],
    prompts: Mapping[str, Mapping[str, Any]],
    dimensions: Collection[str],
    checkers: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """How often each kind is obeyed, per system, and how often whole prompts are; see the conventions for its layout.

    ``checkers`` are cards by kind; by default those of this package.
    """
    by_kind: dict[tuple[str, str], list[tuple[str, str]]] = {}
    by_system: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        found = judged(row, prompts.get(row["prompt_id"]), dimensions)
        for item in found:
            by_kind.setdefault((item["kind"], row["system"]), []).append((item["strict"], item["loose"]))
        if found:
            whole = (_all_of([item["strict"] for item in found]), _all_of([item["loose"] for item in found]))
            by_system.setdefault(row["system"], []).append(whole)
    order = {name: place for place, name in enumerate(kinds())}

    def place_of(key: tuple[str, str]) -> tuple[int, int, str, str]:
        facts = facts_of(key[0])
        theme = THEMES.index(facts.theme) if facts is not None and facts.theme in THEMES else len(THEMES)
        return theme, order.get(key[0], len(order)), *key

    kind_rows = []
    for key in sorted(by_kind, key=place_of):
        facts = facts_of(key[0])
        head = {"kind": key[0], "theme": "" if facts is None else facts.theme, "system": key[1]}
        kind_rows.append({**head, **_counts(*map(list, zip(*by_kind[key], strict=True)))})
    return {
        "kinds": kind_rows,
        "prompts": [
            {"system": system, **_counts(*map(list, zip(*words, strict=True)))}
            for system, words in sorted(by_system.items())
        ],
        "checkers": {
            kind: checker_of(kind) if checkers is None else _of_card(checkers.get(kind))
            for kind in dict.fromkeys(row["kind"] for row in kind_rows)
        },
    }


def _of_card(card: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if card is None or card["nominal"]["balanced_accuracy"] is None:
        return None
    return {name: card["nominal"][name] for name in _CHECKER_FIELDS}


def checker_of(kind: str) -> dict[str, Any] | None:
    """What this package's card says of a kind's checker at nominal nuisance; None where it was not calibrated."""
    if kind not in kinds():  # the name comes from a stored verdict and becomes part of a path
        return None
    path = resources.files("avgen_bench") / "constraints" / "cards" / f"{kind}.json"
    if not path.is_file():
        return None
    return _of_card(json.loads(path.read_text(encoding="utf-8")))
