"""What the report says of a judge's answers: who judged, how far it is to be believed, and what could not be told.

Conventions
    Layout of ``report["semantic"]``: ``judge`` (who answered, as the run was told, with its passport; None without
    one), ``families`` (of the three, which have a number, and why the others have none), ``rows`` (per semantic
    dimension and system) and ``agreement`` (Krippendorff's alpha between the members of a panel; None without one).

    A row has ``n`` (clips with a number) and ``of``; ``atoms``, ``told`` and ``untold`` (reasons with counts);
    ``questions`` and ``twins``, each ``yes`` of ``of`` answers read, and ``both`` (yes to a question and its twin: the
    yes-bias); ``parts``, the means over clips of each sub-score; and ``rate``, the rate of yes to the questions, raw
    and corrected with the passport's sensitivity and specificity (:func:`avgen_bench.correction.rogan_gladen`), its
    interval widened for answers about one clip that rise and fall together.

    The judge is a plain mapping: ``name``, ``model``, ``identity``, ``view`` (in words), ``repeats``, ``seed``,
    ``allow_unfit``, ``unasked`` (numbers that wait for answers), and ``passport``, None or a mapping with ``digest``,
    ``date``, ``versions`` and ``rates`` (by name: ``value``, ``hits``, ``of``, ``low``, ``high``), which is a
    passport's JSON and its digest. All of it is text that others wrote, and is shown as text.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from avgen_bench.correction import Counted, alpha_interval, design_effect, rogan_gladen
from avgen_bench.statistics import Column, numbers_of, summarise_columns

__all__ = [
    "ALARMS",
    "FAMILIES",
    "agreement_words",
    "atoms_in",
    "beside_atoms",
    "bias_words",
    "coverage_words",
    "is_semantic",
    "judge_variance",
    "judge_words",
    "of_all_clips",
    "rate_words",
    "semantic",
    "tell_atom",
    "untold_words",
]

ALARMS = ("UNFI", "no passport")
"""How lines of :func:`judge_words` begin that must not be overlooked."""
FAMILIES = ("perceptual", "semantic", "control")

_ATOM = re.compile(r"(?P<key>[^\s~]+)(?P<twin>~twin)? (?P<type>\S+)")
_NOTE = re.compile(r"(?P<key>[^\s~]+)(?P<twin>~twin)? (?P<what>said|because)")
_UNASKED = re.compile(r"\d{1,9} questions were left unasked: (.+ \(\d{1,9}\))", re.DOTALL)
_EACH = re.compile(r"(.+?) \((\d{1,9})\)(?:; |$)", re.DOTALL)
_MOST_REASONS = 3
_LEFT_OUT = {
    "perceptual": "not asked for",
    "control": "not asked for, or no prompt states anything that code can check",
    "semantic": "not asked for, or needs a judge, and prompts with questions: "
    "avgen-bench score ... --prompts PROMPTS --judge SPEC",
}


def is_semantic(facts: Mapping[str, Any]) -> bool:
    """Whether a dimension's row of the report is one that a judge answers."""
    return bool(facts["family"] == "semantic")


def atoms_in(evidence: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The atoms of a measurement's evidence, in order.

    Each has ``key``, ``type``, ``text``, ``twin`` (their words), ``yes``, ``twin_yes`` (rates, None without an answer),
    ``score`` (None where it adds none), ``said``, ``twin_said`` and ``because``.
    """
    found: dict[str, dict[str, Any]] = {}
    for item in evidence:
        match = _ATOM.fullmatch(item["label"]) if item["kind"] == "part" and item.get("text") else None
        if match is not None:
            row = found.setdefault(match["key"], {"key": match["key"], "type": match["type"], "score": None})
            row.update({"said": "", "twin_said": "", "because": ""} | row)
            if match["twin"]:
                row |= {"twin": item["text"], "twin_yes": item.get("value")}
            else:
                row |= {"text": item["text"], "yes": item.get("value"), "score": item.get("score")}
            continue
        note = _NOTE.fullmatch(item["label"]) if item["kind"] == "note" else None
        if note is not None and note["key"] in found:
            name = note["what"] if note["what"] == "because" else "twin_said" if note["twin"] else "said"
            found[note["key"]][name] = item.get("text", "")
    return [row for row in found.values() if "text" in row and "twin" in row]


def beside_atoms(evidence: Sequence[Mapping[str, Any]], atoms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The evidence that is none of the atoms'; a panel's votes are, its members' words stand with each."""
    told = {atom["key"] for atom in atoms} | ({"votes"} if atoms else set())
    return [item for item in evidence if item["label"].partition(" ")[0].partition("~")[0] not in told]


def tell_atom(atom: Mapping[str, Any]) -> str:
    """One word for an atom: ``yes``, ``no``, ``contradicted``, ``not seen``, ``both`` (no telling) or ``untold``."""
    yes, twin = atom["yes"], atom["twin_yes"]
    if atom["because"] and atom["score"] is not None:
        return "no"  # it was not asked: a track that is not there, or what comes before it
    if yes is None or twin is None:
        return "untold"
    if yes > 0.5 and twin > 0.5:
        return "both"
    if twin > 0.5:
        return "contradicted"
    return "yes" if yes > 0.5 else "not seen"


def _is_untold(atom: Mapping[str, Any]) -> bool:
    return tell_atom(atom) in ("untold", "both")


def _counted(passport: Mapping[str, Any] | None, name: str) -> Counted:
    """A rate of the passport as counts; nothing counted where it does not state it."""
    row = ((passport or {}).get("rates") or {}).get(name)
    if not isinstance(row, Mapping):
        return Counted(0, 0)
    hits, of = row.get("hits"), row.get("of")
    if not isinstance(hits, int | float) or not isinstance(of, int | float) or not 0 <= hits <= of:
        return Counted(0, 0)
    return Counted(hits, of)


def semantic(
    rows: Sequence[Mapping[str, Any]],
    dimensions: Sequence[Mapping[str, Any]],
    judge: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a judge's answers come to; see the conventions for its layout.

    Args:
        rows: the rows of clips of the report.
        dimensions: the facts of its dimensions, as mappings.
        judge: who answered, or None.
    """
    passport = None if judge is None else judge.get("passport")
    systems = sorted({row["system"] for row in rows})
    found = []
    votes: dict[str, list[str]] = {}
    for facts in dimensions:
        if not is_semantic(facts):
            continue
        for system in systems:
            cells = [
                (row["clip_id"], row["measurements"][facts["name"]], row["prompt_id"] or row["key"])
                for row in rows
                if row["system"] == system and facts["name"] in row["measurements"]
            ]
            found.append(_row(facts, system, cells, passport))
            for clip_id, cell, _ in cells:
                for item in cell["evidence"]:
                    if item["kind"] == "note" and item["label"] == "votes":
                        votes.setdefault(clip_id, []).extend(_ballots(item.get("text", "")))
    columns = [Column(part.pop("values"), 0.0, 1.0) for row in found for part in row["parts"]]
    estimates = iter(summarise_columns(columns))
    for row in found:
        for part in row["parts"]:
            made = next(estimates)
            part |= {"mean": made.mean, "n": made.n, "ci_low": made.ci_low, "ci_high": made.ci_high}
    return {
        "judge": None if judge is None else dict(judge),
        "families": [_family(name, rows, dimensions) for name in FAMILIES],
        "rows": found,
        "agreement": None
        if not votes
        else dataclasses.asdict(
            alpha_interval(
                {clip: [[None if v == "?" else v for v in ballot] for ballot in mine] for clip, mine in votes.items()}
            )
        ),
    }


def _ballots(text: str) -> list[str]:
    """The letters of each atom's members: y, n or ? (no answer)."""
    words = (part.split() for part in text.split(", "))
    return [pair[1] for pair in words if len(pair) == 2 and set(pair[1]) <= set("yn?")]


def _row(
    facts: Mapping[str, Any],
    system: str,
    cells: Sequence[tuple[str, Mapping[str, Any], str]],
    passport: Mapping[str, Any] | None,
) -> dict[str, Any]:
    by_clip = [atoms_in(cell["evidence"]) for _, cell, _ in cells]
    atoms = [atom for mine in by_clip for atom in mine]
    untold: dict[str, int] = {}
    for atom in atoms:
        if _is_untold(atom):
            untold[atom["because"]] = untold.get(atom["because"], 0) + 1
    parts: dict[str, dict[str, list[float]]] = {}
    for _, cell, prompt in cells:
        for item in cell["evidence"] if cell["status"] == "ok" else ():
            if item["kind"] == "part" and not item.get("text") and item.get("score") is not None:
                parts.setdefault(item["label"], {}).setdefault(prompt, []).append(item["score"])

    def said(name: str) -> dict[str, int]:
        given = [atom[name] for atom in atoms if atom[name] is not None]
        return {"yes": sum(value > 0.5 for value in given), "of": len(given)}

    questions, clusters = said("yes"), []
    for mine in by_clip:
        given = [atom["yes"] for atom in mine if atom["yes"] is not None]
        clusters.append((sum(value > 0.5 for value in given), len(given)))
    wider = design_effect(clusters)
    yes = Counted(questions["yes"] / wider, questions["of"] / wider)
    corrected = rogan_gladen(yes, _counted(passport, "sensitivity"), _counted(passport, "specificity"))
    return {
        "dimension": facts["name"],
        "system": system,
        "n": sum(cell["status"] == "ok" for _, cell, _ in cells),
        "of": len(cells),
        "atoms": len(atoms),
        "told": len(atoms) - sum(untold.values()),
        "untold": dict(sorted(untold.items(), key=lambda item: (-item[1], item[0]))),
        "questions": questions,
        "twins": said("twin_yes"),
        "both": sum(tell_atom(atom) == "both" for atom in atoms),
        "parts": [{"label": label, "values": values} for label, values in parts.items()],
        "rate": {**dataclasses.asdict(corrected), "design_effect": wider},
    }


def judge_variance(cells: Iterable[Mapping[str, Any]], judge: Mapping[str, Any] | None) -> float | None:
    """The variance that a judge's draws add to one number, the mean over the numbers for which it can be told, or None.

    Where each question is asked ``k`` times and is answered yes at the rate r, r (1 - r) / (k - 1) is the unbiased
    variance of that rate; a score that is the mean over its atoms of yes beyond the twin's yes has the sum of both, by
    the square of their number. A judge that states probabilities draws nothing: 0. Scores of another form (physics is a
    product), and answers that were given once, do not tell.
    """
    asked = None if judge is None else judge.get("repeats")
    repeats = asked if isinstance(asked, int) else 0
    found = []
    for cell in cells if repeats >= 1 else ():
        atoms = [atom for atom in atoms_in(cell["evidence"]) if atom["score"] is not None]
        if cell["status"] != "ok" or not atoms:
            continue
        if abs(math.fsum(atom["score"] for atom in atoms) / len(atoms) - cell["value"]) > 1e-4:
            continue
        rates = [rate for atom in atoms for rate in (atom["yes"], atom["twin_yes"]) if rate is not None]
        whole = all(abs(rate * repeats - round(rate * repeats)) < 1e-4 for rate in rates)
        if not whole:
            found.append(0.0)
        elif repeats > 1:
            found.append(math.fsum(rate * (1 - rate) for rate in rates) / (repeats - 1) / len(atoms) ** 2)
    return math.fsum(found) / len(found) if found else None


def _family(name: str, rows: Sequence[Mapping[str, Any]], dimensions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which dimensions of a family have a number of some clip, and why the others have none."""
    mine = [facts["name"] for facts in dimensions if facts["family"] == name]
    unmeasured = {}
    for dimension in mine:
        cells = [row["measurements"][dimension] for row in rows if dimension in row["measurements"]]
        # where there are clips, the floors of prompts without one measure nothing
        if not numbers_of(rows, dimension):
            silent = [cell["reason"] for cell in cells if cell["status"] in ("abstained", "failed")]
            counted = Counter(of_all_clips(silent))
            unmeasured[dimension] = max(sorted(counted), key=lambda reason: counted[reason], default="not measured")
    return {
        "family": name,
        "dimensions": len(mine),
        "measured": len(mine) - len(unmeasured),
        "unmeasured": unmeasured if mine else {name: _LEFT_OUT[name]},
    }


def of_all_clips(reasons: Sequence[str]) -> list[str]:
    """The reasons of clips, where questions were left unasked with the counts of all these clips together."""
    whole = Counter[str]()
    unasked = [_UNASKED.fullmatch(reason) for reason in reasons]
    for found in unasked:
        for why, count in _EACH.findall("" if found is None else found[1]):
            whole[why] += int(count)
    order = sorted(whole.items(), key=lambda item: (-item[1], item[0]))
    more = f"; and {len(order) - _MOST_REASONS} more reasons" if len(order) > _MOST_REASONS else ""
    said = "; ".join(f"{why} ({count})" for why, count in order[:_MOST_REASONS]) + more
    words = f"{sum(whole.values())} questions were left unasked: {said}"
    return [reason if found is None else words for reason, found in zip(reasons, unasked, strict=True)]


def coverage_words(found: Mapping[str, Any]) -> list[str]:
    """How much of the benchmark is measured, in lines: the families, then what has no number and why.

    Empty where every family has a number in every dimension.
    """
    families = found["families"]
    whole = sum(bool(item["measured"]) for item in families)
    lines: dict[str, list[str]] = {}
    for item in families:
        for name, reason in item["unmeasured"].items():
            lines.setdefault(reason, []).append(name)
    if not lines:
        return []
    head = f"{whole} of {len(families)} families measured"
    return [head, *(f"{', '.join(names)}: {reason}" for reason, names in lines.items())]


def judge_words(judge: Mapping[str, Any] | None) -> list[str]:
    """The judge and its passport in lines: who it is, when it was examined, and each rate with its interval."""
    if judge is None:
        return []
    named = " ".join(str(judge[name]) for name in ("name", "model") if judge.get(name))
    lines = [f"judge: {named or judge.get('identity') or '(unnamed)'}"]
    if judge.get("view"):
        lines[0] += f", given {judge['view']}"
    times = judge.get("repeats")
    terms = [f"each question {'once' if times == 1 else f'{times} times'}"] if times else []
    terms += [f"in the order of seed {judge['seed']}"] if judge.get("seed") is not None else []
    lines += [f"asked {', '.join(terms)}"] if terms else []
    if judge.get("unasked"):
        lines.append(f"UNFINISHED: {judge['unasked']} numbers wait for answers; the same command goes on where it was")
    if judge.get("allow_unfit"):
        lines.append(
            "UNFIT ANSWERS ALLOWED: the judge answered questions that its passport says it cannot (--allow-unfit)"
        )
    passport = judge.get("passport")
    members = judge.get("members")
    if not isinstance(passport, Mapping) and isinstance(members, list) and members:
        pairs = [pair for pair in members if isinstance(pair, list) and len(pair) == 2]
        bare = ", ".join(str(name) for name, digest in pairs if not digest)
        held = ", ".join(f"{name} (passport {digest})" for name, digest in pairs if digest)
        lines += [f"the panel is held to its members: {held}"] if held else []
        lines += [f"no passport: nobody has shown that these members see and hear: {bare}"] if bare else []
        unfit = judge.get("unfit")
        return lines + [f"unfit for {key}: {why}" for key, why in (unfit if isinstance(unfit, Mapping) else {}).items()]
    if not isinstance(passport, Mapping) and judge.get("name") == "person":
        return [*lines, "a person's labels: what the person saw and heard is not examined"]
    if not isinstance(passport, Mapping):
        lines.append("no passport: nobody has shown that this judge sees and hears; avgen-bench judge passport SPEC")
        return lines
    about = [f"passport {str(passport.get('digest', ''))[:16]}".strip(), str(passport.get("date", ""))]
    about.append(", ".join(map(str, passport.get("versions") or ())))
    lines.append(", ".join(part for part in about if part))
    rates = passport.get("rates")
    shown = []
    for name, row in rates.items() if isinstance(rates, Mapping) else ():
        if isinstance(row, Mapping) and _are_numbers(row.get("value"), row.get("low"), row.get("high")):
            shown.append(f"{str(name).replace('_', ' ')} {row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})")
    return lines + ([", ".join(shown)] if shown else [])


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def rate_words(row: Mapping[str, Any]) -> str:
    """The rate of yes to a dimension's questions, raw and corrected, in a sentence; empty without answers."""
    rate = row["rate"]
    if rate["raw"] is None:
        return ""
    text = f"yes to {100 * rate['raw']:.1f} % of the questions"
    if rate["estimate"] is None:
        return f"{text}; not corrected: {rate['reason']}"
    ends = f"{100 * rate['ci_low']:.1f} to {100 * rate['ci_high']:.1f}"
    return f"{text}; {100 * rate['estimate']:.1f} % ({ends}) corrected with the judge's sensitivity and specificity"


def bias_words(row: Mapping[str, Any]) -> str:
    """How often a dimension's false twins were said to be true, in a sentence; empty without answers."""
    twins = row["twins"]
    if not twins["of"]:
        return ""
    share = 100 * twins["yes"] / twins["of"]
    return f"yes-bias: yes to {twins['yes']} of {twins['of']} false twins ({share:.1f} %), {row['both']} beside a yes"


def untold_words(row: Mapping[str, Any]) -> str:
    """What could not be told, with the reasons, in a sentence; empty where all could."""
    if not row["untold"]:
        return ""
    reasons = "; ".join(f"{n} \N{MULTIPLICATION SIGN} {reason or 'no reason'}" for reason, n in row["untold"].items())
    return f"{row['atoms'] - row['told']} of {row['atoms']} questions cannot be told: {reasons}"


def agreement_words(found: Mapping[str, Any]) -> str:
    """How far the members of a panel agree, in a sentence; empty without a panel."""
    agreement = found["agreement"]
    if agreement is None:
        return ""
    clips = agreement["clips"]
    of = f"over {agreement['units']} questions and twins about {clips} clip{'' if clips == 1 else 's'}"
    if agreement["alpha"] is None:
        return f"agreement of the panel: not defined, all its answers are the same, {of}"
    text = f"agreement of the panel: Krippendorff's alpha {agreement['alpha']:.2f}"
    if agreement["ci_low"] is not None:
        text += f" ({agreement['ci_low']:.2f} to {agreement['ci_high']:.2f})"
    return f"{text}, {of}"
