"""The judge's part of a run: on what terms it may be asked, and what ``run.json`` says of it.

:func:`engage` finds the passport that a judge has proved itself with; :func:`refuse_drift` stops where it has become
another one since it answered in the same run folder.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from avgen_bench import passport
from avgen_bench.asking import Spent
from avgen_bench.errors import InputError
from avgen_bench.terms import Terms, refuse_budget, refuse_view
from avgen_bench.types import Judge, JudgeFacts, JudgeView, canonical_json

__all__ = ["Voice", "add_spent", "engage", "judge_row", "refuse_drift", "spent_words"]


@dataclass(frozen=True, slots=True)
class Voice:
    """The judge of a run, the terms on which it is asked, and what it has proved of itself.

    ``notes`` is what its user should know of the proof, a sentence each. ``members`` has, for a panel without a
    passport of its own, each member's name and the digest of its passport, empty where it has none.
    """

    judge: Judge
    terms: Terms
    passport: passport.Passport | None
    notes: tuple[str, ...] = ()
    members: tuple[tuple[str, str], ...] = ()

    @property
    def signature(self) -> str:
        """As it stands in signatures."""
        return self.terms.signature(self.judge.facts)


def engage(judge: Judge, terms: Terms | None = None, passports: Path | None = None) -> Voice:
    """A judge with the passport that is stored for it, if any: what it may be asked.

    A panel without a passport of its own is held to those of its members: what one of them is unfit for, the panel is,
    and one whose passport no longer holds is refused as it is alone.

    Args:
        judge: who is to be asked.
        terms: on what terms; what they say of passport and fitness is replaced.
        passports: the folder of passports, by default that in the cache.

    Raises:
        InputError: what the judge is given is too sparse, or its passport no longer holds (unless ``allow_unfit``).
    """
    terms = terms or Terms()
    refuse_view(judge.facts.view)
    refuse_budget(terms.budget, judge.facts)
    found = passport.find(judge.facts.identity, passports)
    if found is None:
        members: tuple[Judge, ...] = getattr(judge, "members", ())
        if members:
            return _engage_panel(judge, members, terms, passports)
        unproved = () if judge.facts.name == "person" else (_UNPROVED.format("this judge"),)
        return Voice(judge, replace(terms, passport="", unfit={}), None, unproved)
    unfit = _unfit(found, terms)
    elsewhere = passport.moved(found, judge.facts.address)
    notes = (*([elsewhere] if elsewhere else []), *_allowed(unfit, terms))
    return Voice(judge, replace(terms, passport=found.digest, unfit=unfit), found, notes)


_UNPROVED = "nothing is known of how well {} sees and hears: avgen-bench judge passport SPEC"
_WITHOUT = "take a panel without it, or examine the panel itself: avgen-bench judge passport SPEC"


def _unfit(found: passport.Passport, terms: Terms, who: str = "") -> dict[str, str]:
    """By modality, why the judge of a passport may not be asked about it; raises where the passport does not hold."""
    why = passport.stale(found, datetime.datetime.now(datetime.UTC).date(), canaries=passport.CANARIES)
    if why and not terms.allow_unfit:
        raise InputError(f"{who}{why}; examine it again: avgen-bench judge passport SPEC, or give --allow-unfit")
    return passport.unfit(found)


def _allowed(unfit: Mapping[str, str], terms: Terms) -> list[str]:
    """What is asked although the judge is unfit for it; that of ``both`` is said with picture and sound."""
    shown = unfit if terms.allow_unfit else {}
    return [f"unfit for {name}, and asked (--allow-unfit): {why}" for name, why in shown.items() if name != "both"]


def _engage_panel(judge: Judge, members: Sequence[Judge], terms: Terms, passports: Path | None) -> Voice:
    """A panel that was not examined itself, held to the passports of its members."""
    unfit: dict[str, list[str]] = {}
    notes: list[str] = []
    proofs: list[tuple[str, str]] = []
    for member in members:
        name = f"{member.facts.name}:{member.facts.model}"
        found = passport.find(member.facts.identity, passports)
        proofs.append((name, "" if found is None else found.digest))
        if found is None:
            if member.facts.name != "person":
                notes.append(_UNPROVED.format(f"the panel's member {name}"))
            continue
        if elsewhere := passport.moved(found, member.facts.address):
            notes.append(f"the panel's member {name}: {elsewhere}")
        for modality, reason in _unfit(found, terms, f"the panel's member {name}: ").items():
            unfit.setdefault(modality, []).append(f"the panel's member {name} {reason}")
    reasons = {modality: f"{'; '.join(those)}; {_WITHOUT}" for modality, those in unfit.items()}
    digest = ""
    if any(proof for _, proof in proofs):
        digest = f"members-{hashlib.sha256(canonical_json([proof for _, proof in proofs]).encode()).hexdigest()[:16]}"
    notes += _allowed(reasons, terms)
    return Voice(judge, replace(terms, passport=digest, unfit=reasons), None, tuple(notes), tuple(proofs))


# --------------------------------------------------------------------------- in the run folder


def refuse_drift(before: Mapping[str, Any] | None, voice: Voice) -> None:
    """Stop where the judge that answered in this folder has proved to be another one since.

    Args:
        before: the folder's ``run.json``; None for a new folder.
        voice: who is to be asked now.

    Raises:
        InputError: the two passports of the judge are further apart than chance explains (unless ``allow_drift``).
    """
    row = (before or {}).get("judge")
    old = row.get("passport") if isinstance(row, Mapping) else None
    if not isinstance(old, Mapping) or voice.passport is None or voice.terms.allow_drift:
        return
    try:
        last = passport.Passport.from_json({name: value for name, value in old.items() if name != "digest"})
    except ValueError:
        return  # of another version of this package: nothing to compare with
    if last.judge != voice.passport.judge:
        return  # another judge: its answers are others in the store
    reasons = passport.drift(last, voice.passport)
    if reasons:
        raise InputError(
            f"the judge is no longer the one that answered in this run folder: {'; '.join(reasons)}; score into "
            "another --out, or give --allow-drift"
        )


def _view_words(view: JudgeView) -> str:
    sound = "no sound" if view.rate_hz is None else f"sound at {view.rate_hz} Hz"
    if view.whole:
        return f"the whole file, at {view.fps:g} pictures a second and {view.short_side_px} px; {sound}"
    return f"{view.fps:g} pictures a second of {view.short_side_px} px, {view.most_frames} at the most; {sound}"


_SPENT = ("calls", "busy", "retries", "tokens_in", "tokens_out")


def judge_row(before: Mapping[str, Any] | None, voice: Voice) -> dict[str, Any]:
    """What ``run.json`` says of the judge; what it was asked in earlier runs with the same signature counts on."""
    facts, terms = voice.judge.facts, voice.terms
    earlier = (before or {}).get("judge")
    same = isinstance(earlier, Mapping) and earlier.get("signature") == voice.signature
    spent = earlier.get("spent") if same and isinstance(earlier, Mapping) else None
    found = voice.passport
    # the address is for whoever runs it: runs are shown to others
    shown = None if found is None else {**replace(found, address="").to_json(), "digest": found.digest}
    of_members: dict[str, Any] = {}
    if voice.members:
        of_members = {"unfit": dict(terms.unfit), "members": [list(pair) for pair in voice.members]}
    return {
        "name": facts.name,
        "model": facts.model,
        "identity": facts.identity,
        "signature": voice.signature,
        "view": _view_words(facts.view),
        "repeats": terms.repeats_of(facts),
        "seed": terms.seed,
        "allow_unfit": terms.allow_unfit,
        "allow_drift": terms.allow_drift,
        "passport": shown,
        **of_members,
        "spent": dict(spent) if isinstance(spent, Mapping) else {**dict.fromkeys(_SPENT, 0), "usd": None},
    }


def add_spent(row: Mapping[str, Any], spent: Spent) -> dict[str, Any]:
    """The row of :func:`judge_row` with what this run asked of the judge added to what earlier ones did."""
    total = dict(row["spent"])
    for name in _SPENT:
        total[name] = round(total.get(name, 0) + getattr(spent, name))
    if spent.usd is not None:
        total["usd"] = round((total.get("usd") or 0.0) + spent.usd, 6)
    return {**row, "spent": total}


def spent_words(spent: Spent, facts: JudgeFacts) -> str:
    """What asking took, in a sentence."""
    if facts.name == "person":
        return f"a person's labels were looked up {spent.calls} times"
    price = "" if spent.usd is None else f", {spent.usd:.4g} usd"
    again = f"; {spent.retries} again after a fault" if spent.retries else ""
    busy = f"; put off {spent.busy} times" if spent.busy else ""
    return f"the judge took {spent.calls} calls, {spent.tokens_in + spent.tokens_out:.0f} tokens{price}{again}{busy}"
