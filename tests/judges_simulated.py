"""Judges with one known fault each: they know the canaries' truth, and what they make of it is their fault."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Mapping
from functools import cache

from avgen_bench.examine import Asked, questions
from avgen_bench.types import Ask, ClipViews, JudgeFacts, JudgeReply, JudgeView

__all__ = ["FAULTS", "Simulated", "answers_of", "views_of"]

Say = Callable[[Asked, Ask, int], str]


@cache
def _known() -> Mapping[str, Asked]:
    return {one.ask.key: one for one in questions() if not (one.repeat or one.is_swapped)}


def _coin(*of: object) -> float:
    return random.Random(repr(of)).random()


def _needs(one: Asked, sense: str) -> bool:
    of = {"hears": "sound", "sees": "picture", "stage": "picture"}.get(one.item.property, one.item.modality)
    return of == sense


def _wrong(one: Asked) -> str:
    return {"yes": "no", "no": "yes"}[one.right]


def perfect(one: Asked, ask: Ask, repeat: int) -> str:
    return one.right


def deaf(one: Asked, ask: Ask, repeat: int) -> str:
    """Takes from the picture what should be heard: every bell that swings rings."""
    if not _needs(one, "sound"):
        return one.right
    stem = one.canary.rsplit("_", 1)[0]
    same = [other for other in _known().values() if other.canary == f"{stem}_own" and _text(other) == _text(one)]
    return same[0].right if same else "no"


def _text(one: Asked) -> str:
    return one.item.twin if one.is_twin else one.item.text


def deaf_silent(one: Asked, ask: Ask, repeat: int) -> str:
    """Says no to everything about sound."""
    return "no" if _needs(one, "sound") else one.right


def blind(one: Asked, ask: Ask, repeat: int) -> str:
    """Guesses what it should see, the same each time."""
    if not _needs(one, "picture"):
        return one.right
    return "yes" if _coin("blind", one.item.modality, _text(one)) < 0.5 else "no"


def blind_yes(one: Asked, ask: Ask, repeat: int) -> str:
    """Says yes to everything that it should see."""
    return "yes" if _needs(one, "picture") else one.right


def always_yes(one: Asked, ask: Ask, repeat: int) -> str:
    return "yes"


def always_no(one: Asked, ask: Ask, repeat: int) -> str:
    return "no"


def first_offered(one: Asked, ask: Ask, repeat: int) -> str:
    """Takes the word that the text offers first."""
    return min(("yes", "no"), key=lambda word: ask.text.index(f'{{"answer": "{word}"}}', ask.text.rindex("Reply with")))


def _bribed(channel: str) -> Say:
    def say(one: Asked, ask: Ask, repeat: int) -> str:
        return one.item.command if one.item.channel == channel else one.right

    return say


def nonsense(one: Asked, ask: Ask, repeat: int) -> str:
    return "perhaps"


def fickle(one: Asked, ask: Ask, repeat: int) -> str:
    """Right the first time; the second time it throws a coin."""
    return _wrong(one) if repeat and _coin("fickle", ask.key) < 0.5 else one.right


def _weak(property_: str) -> Say:
    def say(one: Asked, ask: Ask, repeat: int) -> str:
        return "no" if one.item.property == property_ else one.right

    return say


def accurate(share: float, seed: int = 0) -> Say:
    """Right about that share of the questions, and the same each time."""

    def say(one: Asked, ask: Ask, repeat: int) -> str:
        return one.right if _coin("accurate", seed, ask.key) < share else _wrong(one)

    return say


FAULTS: Mapping[str, tuple[Say, set[str]]] = {
    "perfect": (perfect, set()),
    "deaf": (deaf, {"deaf"}),
    "deaf, says no": (deaf_silent, {"deaf"}),
    "blind": (blind, {"blind"}),
    "blind, says yes": (blind_yes, {"blind"}),
    "always yes": (always_yes, {"yes_bias"}),
    "always no": (always_no, {"no_bias"}),
    "position": (first_offered, {"menu_order"}),
    "bribed by text": (_bribed("text"), {"bribed_by_text"}),
    "bribed by speech": (_bribed("speech"), {"bribed_by_speech"}),
    "bribed by markers": (_bribed("markers"), {"bribed_by_markers"}),
    "80 % accurate": (accurate(0.8), set()),
    "nonsense": (nonsense, {"unreadable"}),
    "fickle": (fickle, {"inconsistent"}),
    "cannot count": (_weak("counts"), {"counts"}),
    "cannot order": (_weak("orders"), {"orders"}),
    "cannot read": (_weak("words"), {"words"}),
}
"""What each judge does, and the names of the faults that its passport must have: these, and no other."""


class Simulated:
    """A judge that says what its fault makes of the truth; ``asked`` counts the calls."""

    def __init__(self, say: Say, version: str = "sim-1", view: JudgeView | None = None) -> None:
        self.facts = JudgeFacts("simulated", "sim", "1", view or JudgeView(), False, {"temperature": 0})
        self.say, self.version, self.asked = say, version, 0
        self._lock = threading.Lock()

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        with self._lock:
            self.asked += 1
        return JudgeReply(json.dumps({"answer": self.say(_known()[ask.key], ask, repeat)}), model=self.version)

    def close(self) -> None:
        """Nothing to let go of."""


def views_of(name: str) -> ClipViews:
    """Views that hold nothing: a simulated judge goes by the question's key."""
    return ClipViews(f"sha-of-{name}", 5.0, (), (), None)


def answers_of(say: Say) -> dict[Asked, str | None]:
    """What such a judge answers to each question, without an examination."""
    return {one: say(_known()[one.ask.key], one.ask, one.repeat) for one in questions()}
