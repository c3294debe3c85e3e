"""What a clip means, from a judge's answers to atomic yes/no questions; the judge answers, code does the arithmetic.

Conventions
    Every atom is asked as a question, right when the answer is yes, and as a false twin, right when it is no. A rate of
    yes is the mean over repeats of the judge's probability of yes, or of its answers as 1 and 0 where it gives none. A
    reply that cannot be read, or that is refused, is no answer. Yes means a rate above 0.5.

    An atom *holds* when the question is yes and the twin no; it is *contradicted* when the twin is yes and the question
    no; it is *not seen* when both are no. Both yes is the judge contradicting itself: the atom cannot be told and is
    counted as yes-bias. What cannot be told (no readable answer, a judge that is not fit for it, a spent budget) is
    left out, never deducted; below half of the atoms told, the dimension abstains.

    A track that the clip lacks is never asked about. In ``alignment`` and ``naturalness`` the atoms that need it are
    no, and in ``physics`` a clip without pictures scores the floor and one without sound fails the audit of sound
    unless the prompt wants silence: the generator left it out. A prompt without a clip scores the floor in
    :func:`avgen_bench.work.missing`, and no judge is needed to know it.

    Evidence. Per atom a part ``KEY TYPE`` and a part ``KEY~twin TYPE`` with the rates of yes and the words that were
    asked; the notes ``KEY said`` and ``KEY~twin said`` with the judge's words; where there is something to explain the
    note ``KEY because``. ``type TYPE`` and ``group GROUP`` are sub-scores. ``votes`` are those of a panel's members.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from avgen_bench.questions import NATURALNESS, Atom, atoms_of, read
from avgen_bench.types import (
    YES_NO,
    Answers,
    DimensionFacts,
    Evidence,
    JudgeReply,
    Lacking,
    MediaFacts,
    Outcome,
    Payload,
    Prompt,
)

__all__ = [
    "DEDUCTIONS",
    "WEIGHTS",
    "Alignment",
    "AvMatch",
    "Naturalness",
    "Physics",
    "absent_track",
    "answered_no",
    "rate",
]

WEIGHTS = {"minor": 1, "major": 2, "severe": 4}
"""What an expectation of a severity weighs among those that were observed or contradicted."""

DEDUCTIONS = {name: weight / 8 for name, weight in WEIGHTS.items()}
"""What a group of the audit takes off: two severe breaches, or four major ones, leave nothing."""

_SAID_CHARS = 160
_TWIN = "~twin"


# --------------------------------------------------------------------------- what the judge said


def rate(replies: Iterable[JudgeReply]) -> float | None:
    """The rate of yes among the replies that can be read; None where none can.

    >>> rate([JudgeReply('{"answer": "yes"}'), JudgeReply("no"), JudgeReply("well, yes and no")])
    0.5
    """
    found = []
    for reply in replies:
        word = None if reply.refused else read(reply.raw, YES_NO)
        if word is not None:
            found.append(float(word == YES_NO[0]) if reply.p_yes is None else reply.p_yes)
    return math.fsum(found) / len(found) if found else None


def answered_no(answers: Answers, key: str) -> bool:
    """Whether a question has an answer, and it is no: what comes after it then makes no sense, and is no as well."""
    found = rate(answers.replies.get(key, ()))
    return found is not None and found <= 0.5


def absent_track(atom: Atom, media: MediaFacts) -> str:
    """The track that an atom needs and the clip lacks, in words; empty where it has what is needed.

    What a prompt expects of the world, and what it sounds like, is seen at the least: it needs no sound to be asked.
    """
    if media.picture is None and atom.modality != "sound":
        return "no picture track"
    if media.sound is None and atom.modality != "picture" and atom.type != "expectation":
        return "no sound track"
    return ""


@dataclass(frozen=True, slots=True)
class _Told:
    """One atom with the rates of yes to it and to its twin; ``reason`` says why it cannot be told, or why it is no."""

    atom: Atom
    yes: float | None = None
    twin: float | None = None
    reason: str = ""
    told: bool = True
    biased: bool = False
    failed: bool = False

    @property
    def value(self) -> float | None:
        """How far the question is affirmed beyond its false twin; None where it cannot be told."""
        if not self.told:
            return None
        return 0.0 if self.failed or self.yes is None or self.twin is None else max(0.0, self.yes - self.twin)

    @property
    def state(self) -> str:
        """``holds``, ``contradicted``, ``unseen``, ``failed`` (it was not asked: no), or ``untold``."""
        if not self.told:
            return "untold"
        if self.failed or self.yes is None or self.twin is None:
            return "failed"
        if self.twin > 0.5:
            return "contradicted"
        return "holds" if self.yes > 0.5 else "unseen"


def _silence(answers: Answers, key: str) -> str:
    """Why there is no rate for a key."""
    for known in (answers.unfit, answers.unasked):
        if key in known:
            return known[key]
    replies = answers.replies.get(key, ())
    if not replies:
        return "not asked"
    if all(reply.refused for reply in replies):
        return "the judge refused to answer"
    if _is_panel(answers) and any(map(_members, replies)):
        return "the panel has no majority"
    if answers.judge.startswith('["person"'):
        unanswered = all(reply.finish == "not stored" for reply in replies)
        return "not answered by the person" if unanswered else "the person cannot tell"
    return "the reply cannot be read"


def _told(atom: Atom, answers: Answers, media: MediaFacts) -> _Told:
    absent = absent_track(atom, media)
    if absent:
        return _Told(atom, reason=absent, failed=True)
    keys = (atom.key, atom.key + _TWIN)
    yes, twin = (None if key in answers.unfit else rate(answers.replies.get(key, ())) for key in keys)
    if yes is None or twin is None:
        reason = _silence(answers, keys[0] if yes is None else keys[1])
        return _Told(atom, yes, twin, reason if yes is None else f"false twin: {reason}", told=False)
    if yes > 0.5 and twin > 0.5:
        return _Told(atom, yes, twin, "yes to the question and to its false twin", told=False, biased=True)
    return _Told(atom, yes, twin)


def _settled(found: Sequence[_Told]) -> list[_Told]:
    """Atoms whose ``after`` atoms are no are no themselves: what they ask about is not there."""
    by_key = {item.atom.key: item for item in found}

    def failing(key: str, above: tuple[str, ...]) -> str:
        """The first atom, at any distance before this one, that is no."""
        for name in by_key[key].atom.after:
            parent = by_key.get(name)
            if parent is None or name in above:
                continue
            if parent.failed or (parent.yes is not None and parent.yes <= 0.5):
                return name
            if before := failing(name, (*above, name)):
                return before
        return ""

    out = []
    for item in found:
        name = "" if item.failed else failing(item.atom.key, (item.atom.key,))
        out.append(_Told(item.atom, item.yes, item.twin, f"{name} is no", failed=True) if name else item)
    return out


# --------------------------------------------------------------------------- evidence


def _members(reply: JudgeReply) -> list[tuple[str, str]]:
    """The members of a panel and their answers, from the reply that holds theirs; none for any other reply."""
    try:
        value = json.loads(reply.raw.partition("\n")[0])
    except (ValueError, RecursionError):
        return []
    rows = value.get("panel") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        return []
    return [(str(row.get("judge", "")), str(row.get("answer") or "?")) for row in rows if isinstance(row, dict)]


def _is_panel(answers: Answers) -> bool:
    """Whether it was a panel: only then may a reply speak for several."""
    try:
        value = json.loads(answers.judge)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list) and value[:1] == ["panel"]


def _said(replies: Sequence[JudgeReply], panel: bool) -> str:
    """The judge's words, one reply after the other, each on one line and cut to what a line holds."""
    out = []
    for reply in replies:
        members = _members(reply) if panel else []
        text = "; ".join(f"{name}: {answer}" for name, answer in members) or " ".join(reply.raw.split())
        text = text if len(text) <= _SAID_CHARS else text[: _SAID_CHARS - 1] + "\N{HORIZONTAL ELLIPSIS}"
        out.append(f"(refused) {text}".strip() if reply.refused else text or "(nothing)")
    return " | ".join(out)


def _atom_evidence(item: _Told, score: float | None, answers: Answers, panel: bool) -> list[Evidence]:
    atom = item.atom
    asked = ((atom.key, atom.text, item.yes, score), (atom.key + _TWIN, atom.twin, item.twin, None))
    out = [
        Evidence("part", f"{key} {atom.type}", value, "yes" if value is not None else "", contributes, text=text)
        for key, text, value, contributes in asked
    ]
    for key, *_ in asked:
        if replies := answers.replies.get(key, ()):
            out.append(Evidence("note", f"{key} said", text=_said(replies, panel)))
    if item.reason:
        out.append(Evidence("note", f"{atom.key} because", text=item.reason))
    return out


def _counts(found: Sequence[_Told], answers: Answers, panel: bool, bounds: tuple[float, float]) -> list[Evidence]:
    """Yes-bias, what could not be told with what it could change, and the votes of a panel."""
    out = []
    twins = [item for item in found if item.twin is not None]
    if twins:
        said = sum((item.twin or 0.0) > 0.5 for item in twins)
        both = sum(item.biased for item in found)
        text = f"{said} of {len(twins)} false twins were said to be true, {both} of them beside their question"
        out.append(Evidence("note", "yes-bias", text=text))
    untold = [item for item in found if not item.told]
    if untold:
        text = (
            f"{len(untold)} of {len(found)} atoms; the score would be {bounds[0]:.3f} were all of them at their worst"
        )
        out.append(Evidence("note", "cannot tell", text=f"{text} and {bounds[1]:.3f} at their best"))
    if panel:
        votes = []
        for item in found:
            for key in (item.atom.key, item.atom.key + _TWIN):
                for reply in answers.replies.get(key, ())[:1]:
                    letters = "".join({"yes": "y", "no": "n"}.get(answer, "?") for _, answer in _members(reply))
                    votes += [f"{key} {letters}"] if letters else []
        if votes:
            out.append(Evidence("note", "votes", text=", ".join(votes)))
    return out


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _reasons(found: Sequence[_Told]) -> str:
    """What cannot be told, by reason, each with how often."""
    counted: dict[str, int] = {}
    for item in found:
        if not item.told:
            counted[item.reason] = counted.get(item.reason, 0) + 1
    return "; ".join(
        f"{n} {chr(215)} {reason}" for reason, n in sorted(counted.items(), key=lambda row: (-row[1], row[0]))
    )


def _too_few(found: Sequence[_Told]) -> str:
    """Why the dimension abstains; empty where at least half of the atoms could be told."""
    told = sum(item.told for item in found)
    if 2 * told >= len(found) and told:
        return ""
    return f"{told} of {len(found)} questions could be told, at least half are needed: {_reasons(found)}"


# --------------------------------------------------------------------------- the dimensions


def _facts(
    name: str, summary: str, scale: str, needs_prompt: bool = False, reference: str = "", version: str = "1"
) -> DimensionFacts:
    return DimensionFacts(
        name=name,
        family="semantic",
        version=version,
        unit="",
        low=0.0,
        high=1.0,
        floor=0.0,
        direction=1,
        needs=("judge",),
        summary=summary,
        scale=scale,
        reference=reference,
        needs_prompt=needs_prompt,
    )


def _answers(seen: Mapping[str, Payload | Lacking]) -> Answers | Outcome:
    given = seen.get("judge")
    if isinstance(given, Answers):
        return given
    remedy = given.remedy if isinstance(given, Lacking) else "avgen-bench score ... --judge SPEC"
    return Outcome("abstained", reason=f"needs a judge: {remedy}")


class Alignment:
    """The questions of a prompt."""

    facts: ClassVar[DimensionFacts] = _facts(
        "alignment",
        "the clip shows and sounds like what its prompt describes, question by question",
        "mean over the prompt's questions of how far each is affirmed beyond its false twin: 1 all, 0 none",
        needs_prompt=True,
        reference="questions that depend on each other: arXiv 2310.18235 (DSG); yes-rates: arXiv 2404.01291 (VQAScore)",
    )

    def applies(self, prompt: Prompt | None) -> bool:
        """Whether the prompt has questions."""
        return prompt is not None and bool(prompt.questions)

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload | Lacking]) -> Outcome:
        """The mean over questions that could be told, with a sub-score for each type of question."""
        atoms = atoms_of(prompt, "alignment")
        if not atoms:
            return Outcome("not_applicable", reason="the prompt has no questions for a judge")
        answers = _answers(seen)
        if isinstance(answers, Outcome):
            return answers
        found = _settled([_told(atom, answers, media) for atom in atoms])
        panel = _is_panel(answers)
        values = [item.value for item in found if item.value is not None]
        bounds = (math.fsum(values) / len(found), (math.fsum(values) + len(found) - len(values)) / len(found))
        evidence = [part for item in found for part in _atom_evidence(item, item.value, answers, panel)]
        for name in dict.fromkeys(item.atom.type for item in found):
            mine = [item.value for item in found if item.atom.type == name and item.value is not None]
            if mine:
                evidence.append(Evidence("part", f"type {name}", float(len(mine)), "told", _mean(mine)))
        evidence += _counts(found, answers, panel, bounds)
        if why := _too_few(found):
            return Outcome("abstained", reason=why, evidence=tuple(evidence))
        return Outcome("ok", _mean(values), _no_words(found), tuple(evidence))


def _no_words(found: Sequence[_Told]) -> str:
    """Which questions are not affirmed, and how many could not be told."""
    no = [item.atom.key for item in found if item.state in ("failed", "contradicted", "unseen")]
    untold = sum(not item.told for item in found)
    parts = [
        f"not affirmed: {', '.join(no)}" if no else "",
        f"{untold} of {len(found)} cannot be told" if untold else "",
    ]
    return "; ".join(part for part in parts if part)


class Physics:
    """What the world must do: the expectations of a prompt, and an audit that needs none.

    The score is the product of two shares. Expectations: the weight (:data:`WEIGHTS`, by severity) of those observed,
    over that of those observed or contradicted; what was neither seen nor contradicted is outside. Audit: 1 less, for
    each group in which a breach was seen, the deduction (:data:`DEDUCTIONS`) of its gravest breach, not below 0. Where
    no expectation was observed or contradicted the audit stands alone; where nothing at all was seen, it abstains.
    """

    facts: ClassVar[DimensionFacts] = _facts(
        "physics",
        "things do what the world makes them do: what this prompt's scene must bring about, and what holds everywhere",
        "share of the weight of the prompt's expectations that came about, times what an audit of the laws of everyday "
        "things leaves: 1 no breach, 0 two severe breaches or nothing as expected",
        version="2",
    )

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload | Lacking]) -> Outcome:
        """Expectations times audit, each from what holds and what is contradicted."""
        answers = _answers(seen)
        if isinstance(answers, Outcome):
            return answers
        if media.picture is None:
            return Outcome("ok", self.facts.floor, "no picture track: nothing can be seen to happen")
        found = []
        for atom in atoms_of(prompt, "physics"):
            item = _told(atom, answers, media)
            if item.failed and prompt is not None and not prompt.demands_sound:
                continue  # the sound of a clip that is to be silent: nothing to audit
            found.append(item)
        panel = _is_panel(answers)
        evidence: list[Evidence] = []
        for item in found:
            score = {"holds": 1.0, "contradicted": 0.0, "failed": 0.0}.get(item.state)
            evidence += _atom_evidence(item, score, answers, panel)
        value, parts = _physics(found)
        worst, best = (_physics(_supposed(found, state))[0] for state in ("contradicted", "holds"))
        evidence += [*parts, *_counts(found, answers, panel, (worst, best))]
        if why := _too_few(found):
            return Outcome("abstained", reason=why, evidence=tuple(evidence))
        if all(item.state not in ("holds", "contradicted", "failed") for item in found):
            why = "nothing was seen to hold or to be broken: no to every question and to every false twin"
            return Outcome("abstained", reason=why, evidence=tuple(evidence))
        broken = [item.atom.key for item in found if item.state in ("contradicted", "failed")]
        untold = sum(not item.told for item in found)
        words = [f"contradicted: {', '.join(broken)}" if broken else ""]
        words.append(f"{untold} of {len(found)} cannot be told" if untold else "")
        return Outcome("ok", value, "; ".join(word for word in words if word), tuple(evidence))


def _supposed(found: Sequence[_Told], state: str) -> list[_Told]:
    """The atoms as they would be, were all that cannot be told in this state."""
    yes = float(state == "holds")
    return [item if item.told else _Told(item.atom, yes, 1.0 - yes) for item in found]


def _physics(found: Sequence[_Told]) -> tuple[float, list[Evidence]]:
    """The score of :class:`Physics`, and its parts."""
    evidence = []
    expected = [item for item in found if item.atom.type == "expectation"]
    weighed = [item for item in expected if item.state in ("holds", "contradicted")]
    share = 1.0
    if weighed:
        weights = [WEIGHTS.get(item.atom.severity, 1) for item in weighed]
        kept = sum(w for w, item in zip(weights, weighed, strict=True) if item.state == "holds")
        share = kept / sum(weights)
        evidence.append(Evidence("part", "expectations", float(len(weighed)), f"of {len(expected)} seen", share))
    groups: dict[str, list[_Told]] = {}
    for item in found:
        if item.atom.type != "expectation":
            groups.setdefault(item.atom.type, []).append(item)
    off = {}
    for name, items in groups.items():
        breaches = [
            DEDUCTIONS.get(i.atom.severity, DEDUCTIONS["minor"]) for i in items if i.state in ("contradicted", "failed")
        ]
        off[name] = max(breaches, default=0.0)
        if any(item.told for item in items):
            evidence.append(Evidence("part", f"group {name}", off[name], "deducted", 1.0 - off[name]))
    audit = max(0.0, 1.0 - math.fsum(off.values()))
    evidence.append(Evidence("part", "audit", math.fsum(off.values()), "deducted", audit))
    return share * audit, evidence


class Naturalness:
    """Low-level physics in a judge's opinion."""

    facts: ClassVar[DimensionFacts] = _facts(
        "naturalness",
        "bodies and things move as such bodies and things do; a judge's opinion of low-level physics, where no model "
        "made for it is present",
        "mean, over what is there to be seen, of how far it is said to be natural beyond its false twin: 1 all, 0 none",
    )

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload | Lacking]) -> Outcome:
        """The mean over atoms that hold or are contradicted; what is not in the clip (no hands) is outside."""
        answers = _answers(seen)
        if isinstance(answers, Outcome):
            return answers
        found = [_told(atom, answers, media) for atom in NATURALNESS]
        panel = _is_panel(answers)
        values = {item.atom.key: item.value for item in found if item.value is not None and item.state != "unseen"}
        evidence = [p for item in found for p in _atom_evidence(item, values.get(item.atom.key), answers, panel)]
        untold = sum(not item.told for item in found)
        total = math.fsum(values.values())
        n = max(1, len(values) + untold)
        evidence += _counts(found, answers, panel, (total / n, (total + untold) / n))
        if why := _too_few(found):
            return Outcome("abstained", reason=why, evidence=tuple(evidence))
        if not values:
            return Outcome(
                "abstained", reason="nothing of what is asked about is in the clip", evidence=tuple(evidence)
            )
        broken = [key for key, value in values.items() if not value]
        return Outcome(
            "ok", _mean(list(values.values())), f"unnatural: {', '.join(broken)}" if broken else "", tuple(evidence)
        )


class AvMatch:
    """Whether sound and picture are of the same things, by the likeness of their embeddings."""

    unavailable: ClassVar[str] = "needs an embedding backbone of sound and picture: none is installed"
    facts: ClassVar[DimensionFacts] = DimensionFacts(
        name="av_match",
        family="semantic",
        version="1",
        unit="",
        low=0.0,
        high=1.0,
        floor=0.0,
        direction=1,
        needs=(),
        summary="sound and picture are of the same things, by the likeness of their embeddings; declared, and measured "
        "once an embedding backbone is there",
        scale="1 as alike as the sound and picture of one recording, 0 no more alike than those of two",
    )

    def measure(self, prompt: Prompt | None, media: MediaFacts, seen: Mapping[str, Payload | Lacking]) -> Outcome:
        """Abstains: no instrument here can tell."""
        return Outcome("abstained", reason=self.unavailable)
