"""A judge made of judges: a majority of two or three, or a cheap one whose doubts go to a strong one.

Conventions
    ``panel:SPEC,SPEC[,SPEC]`` asks every member; the answer is that of more than half of all its members, and there is
    none where no answer has so many: a member whose reply cannot be read has no vote, and makes no minority a majority.
    Of two members both must agree. ``panel:CHEAP,STRONG#mode=cascade`` (or ``panel:mode=cascade,CHEAP,STRONG``) asks
    the first, and the second only where the first is unsure: a probability between 0.25 and 0.75, draws that differ, or
    no readable answer; the second's word then stands. In a cascade a judge without probabilities is asked up to three
    times, and its draws make one.

    The reply has two lines of JSON: ``panel`` with the replies of all members who were asked, verbatim, and ``answer``.
    Members that answered are not asked again when another one broke and the question is put once more.

    A question takes as many calls as members are asked, each with a price of its own. What a panel's facts say of calls
    and prices is what one question takes at the most; :meth:`Panel.ask_counted` tells each call that was really made.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from avgen_bench.errors import InputError, JudgeBroken, JudgeRefusal
from avgen_bench.questions import read
from avgen_bench.types import Ask, Call, ClipViews, Judge, JudgeFacts, JudgeReply, JudgeView

__all__ = ["UNSURE", "Panel"]

Mode = Literal["majority", "cascade"]
MODES: tuple[Mode, ...] = ("majority", "cascade")
UNSURE = (0.25, 0.75)
"""Between these probabilities of yes the cheap judge of a cascade is not believed."""

_DRAWS = 3
_MOST_MEMBERS = 5
_KEPT = 4096  # replies of members kept for a question that is put again


class Panel:
    """Two judges or more as one.

    Args:
        members: the judges, the cheap one first; they must differ.
        mode: ``majority`` or ``cascade`` (of two).
        allow_drift: whether a member may change its version between two replies.

    Raises:
        InputError: too few or too many judges, twice the same one, or an unknown mode.
    """

    def __init__(self, members: Sequence[Judge], mode: Mode = "majority", allow_drift: bool = False) -> None:
        self.members = tuple(members)
        self.mode = mode
        self.allow_drift = allow_drift
        most = 2 if mode == "cascade" else _MOST_MEMBERS
        if mode not in MODES:
            raise InputError(f"the panel's mode is {mode!r}; expected majority or cascade")
        if not 2 <= len(self.members) <= most:
            raise InputError(
                f"a panel ({mode}) of {len(self.members)} judges; expected 2{'' if most == 2 else f' to {most}'}"
            )
        facts = [member.facts for member in self.members]
        if len({item.identity for item in facts}) < len(facts):
            raise InputError("a panel holds the same judge twice; expected judges that can differ")
        if len({item.view for item in facts}) > 1:
            raise InputError("the judges of a panel are given different views; expected one view for all")
        draws = [1 if mode == "majority" or item.probabilities else _DRAWS for item in facts]
        self.facts = JudgeFacts(
            name="panel",
            model=" + ".join(f"{item.name}:{item.model}" for item in facts),
            revision="2",
            view=facts[0].view,
            probabilities=mode == "cascade" or all(item.probabilities for item in facts),
            parameters={"mode": mode, "members": [item.identity for item in facts]},
            usd_per_million_in=_together([item.usd_per_million_in for item in facts], draws),
            usd_per_million_out=_together([item.usd_per_million_out for item in facts], draws),
            calls_per_ask=sum(draws),
            address=" + ".join(dict.fromkeys(item.address for item in facts if item.address)),
        )
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, str, str, str, int], JudgeReply] = {}
        self._versions: dict[int, str] = {}

    @classmethod
    def from_spec(cls, rest: str, view: JudgeView | None, options: Mapping[str, Any]) -> Panel:
        """The panel of ``[mode=MODE,]SPEC,SPEC[,SPEC]``.

        Options that stand behind the last judge are the panel's, as for every judge: ``mode`` and ``allow_drift`` are
        its own, all others go to every member.
        """
        from avgen_bench.judges.specs import judge_of, take_word

        left = dict(options)
        parts = [part.strip() for part in rest.split(",")]
        if parts[0].startswith("mode="):
            left["mode"] = parts.pop(0).removeprefix("mode=")
        mode = cast("Mode", take_word(left, "mode", MODES, "majority"))
        allow_drift = take_word(left, "allow_drift", ("yes", "no"), "no") == "yes"
        for name, value in left.items():
            if "," in str(value):
                raise InputError(f"the option {name} stands before a comma; the panel's options stand at the very end")
        if not all(parts):
            raise InputError(f"the panel {rest!r} has an empty place; expected SPEC,SPEC[,SPEC]")
        if any(part.startswith("panel:") for part in parts):
            raise InputError("a panel of panels; expected judges that are none")
        members: list[Judge] = []
        try:
            for part in parts:
                members.append(judge_of(part, view, **left))
            return cls(members, mode, allow_drift)
        except BaseException:
            for member in members:
                member.close()
            raise

    def __repr__(self) -> str:
        return f"Panel({self.facts.model}, {self.mode})"

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        """The panel's reply; see the module's conventions. Raises what a member raises."""
        return self.ask_counted(ask, views, repeat, lambda call: None)

    def ask_counted(
        self,
        ask: Ask,
        views: ClipViews,
        repeat: int,
        made: Callable[[Call], object],
        allow_drift: bool = False,
    ) -> JudgeReply:
        """The panel's reply, as of :meth:`ask`.

        Args:
            ask: the question.
            views: the clip.
            repeat: which time it is asked.
            made: told every call of a member that was answered or broke, whether or not the panel comes to a reply.
            allow_drift: let a member change its version, even if the panel does not.
        """

        def one(k: int, number: int) -> JudgeReply:
            return self._one(k, ask, views, number, made, allow_drift or self.allow_drift)

        if self.mode == "cascade":
            said = self._cascade(one, ask.menu, repeat)
            answer, p_yes = said[-1].answer, said[-1].p_yes
        else:
            said = [_said(k, [one(k, repeat)], ask.menu) for k in range(len(self.members))]
            answer, p_yes = _majority(said, ask.menu)
        with self._lock:
            for item in said:
                for draw in range(len(item.replies)):
                    self._kept.pop(self._key(item.member, ask, views, self._draw(repeat, draw)), None)
        replies = [reply for item in said for reply in item.replies]
        rows = [
            {"judge": self._name(item.member), "answer": item.answer, "replies": [_row(r) for r in item.replies]}
            for item in said
        ]
        # the answer stands last and alone: whatever a member wrote, it is the last object that is read
        lines = ({"panel": rows}, {"answer": answer})
        # who answers every question: the version must not seem to change with who else was asked
        steady = said if self.mode == "majority" else said[:1]
        versions = [item.replies[-1].model or self._versions.get(item.member, "") for item in steady]
        return JudgeReply(
            raw="\n".join(json.dumps(line, ensure_ascii=False) for line in lines),
            p_yes=p_yes if answer is not None else None,
            model=" + ".join(version for version in versions if version),
            finish=replies[-1].finish,
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
            refused=answer is None and all(reply.refused for reply in replies),
        )

    def close(self) -> None:
        """Let go of what the members hold."""
        for member in self.members:
            member.close()

    def _name(self, k: int) -> str:
        facts = self.members[k].facts
        return f"{facts.name}:{facts.model}"

    def _key(self, k: int, ask: Ask, views: ClipViews, repeat: int) -> tuple[int, str, str, str, int]:
        return k, views.clip_id, ask.key, ask.digest, repeat

    def _draw(self, repeat: int, draw: int) -> int:
        """The number of a member's reply: its own draws within each repeat of the panel."""
        return repeat * _DRAWS + draw if self.mode == "cascade" else repeat

    def _one(
        self,
        k: int,
        ask: Ask,
        views: ClipViews,
        repeat: int,
        made: Callable[[Call], object],
        allow_drift: bool,
    ) -> JudgeReply:
        """One member's reply, kept until the panel has its answer."""
        key = self._key(k, ask, views, repeat)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        facts = self.members[k].facts
        prices = (facts.usd_per_million_in, facts.usd_per_million_out)
        try:
            reply = self.members[k].ask(ask, views, repeat)
        except JudgeBroken as error:
            if error.sent:
                made(Call(0, 0, *prices))  # it may be billed nevertheless
            raise
        made(Call(reply.tokens_in, reply.tokens_out, *prices))
        with self._lock:
            before = self._versions.setdefault(k, reply.model) if reply.model else ""
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = reply
        if before and before != reply.model and not allow_drift:
            raise JudgeRefusal(
                f"the panel's judge {self._name(k)} changed its version in mid-run, from {before!r} to "
                f"{reply.model!r}; numbers of two versions do not mix: name a dated version"
            )
        return reply

    def _cascade(self, one: Callable[[int, int], JudgeReply], menu: Sequence[str], repeat: int) -> list[_Said]:
        """The cheap judge, and the strong one where the cheap one is unsure."""
        said: list[_Said] = []
        for k, member in enumerate(self.members):
            replies: list[JudgeReply] = []
            for draw in range(1 if member.facts.probabilities else _DRAWS):
                replies.append(one(k, self._draw(repeat, draw)))
                if k == 0 and len({_said(k, [reply], menu).answer for reply in replies}) > 1:
                    break  # it has contradicted itself: no more is to be learnt from it
            said.append(_said(k, replies, menu))
            if not said[-1].unsure:
                break
        return said


@dataclass(frozen=True, slots=True)
class _Said:
    """What one member said: its word of the menu, None where it gives none or is torn, and its rate of yes."""

    member: int
    replies: tuple[JudgeReply, ...]
    answer: str | None
    p_yes: float | None
    unreadable: bool

    @property
    def unsure(self) -> bool:
        return self.answer is None or self.unreadable or self.p_yes is None or UNSURE[0] < self.p_yes < UNSURE[1]


def _said(member: int, replies: Sequence[JudgeReply], menu: Sequence[str]) -> _Said:
    found = []
    for reply in replies:
        word = None if reply.refused else read(reply.raw, menu)
        if word is not None:
            found.append(float(word == menu[0]) if reply.p_yes is None else reply.p_yes)
    p_yes = math.fsum(found) / len(found) if found else None
    answer = None if p_yes is None or p_yes == 0.5 else menu[0] if p_yes > 0.5 else menu[1]
    return _Said(member, tuple(replies), answer, p_yes, len(found) < len(replies))


def _together(prices: Sequence[float | None], draws: Sequence[int]) -> float | None:
    """What a million tokens cost that are put to every member, as often as it is asked; None where one is unknown."""
    found = [price * count for price, count in zip(prices, draws, strict=True) if price is not None]
    return math.fsum(found) if len(found) == len(prices) else None


def _majority(said: Sequence[_Said], menu: Sequence[str]) -> tuple[str | None, float | None]:
    """The answer of more than half of all, and the median rate of those who gave one, which lies on its side."""
    cast = [item for item in said if item.answer is not None]
    for word in menu:
        if 2 * sum(item.answer == word for item in cast) > len(said):
            rates = sorted(item.p_yes for item in cast if item.p_yes is not None)
            middle = len(rates) // 2
            return word, rates[middle] if len(rates) % 2 else (rates[middle - 1] + rates[middle]) / 2
    return None, None


def _row(reply: JudgeReply) -> dict[str, Any]:
    """One member's reply as it is kept within the panel's."""
    row: dict[str, Any] = {"raw": reply.raw}
    for name in ("p_yes", "model", "finish", "refused"):
        value = getattr(reply, name)
        if value is not None and value != "" and value is not False:
            row[name] = value
    return row
