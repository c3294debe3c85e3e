"""Every registered member keeps the promises of its kind."""

from __future__ import annotations

import pytest

from avgen_bench import registry
from avgen_bench.contracts import ContractError, _facts, check_backbone, check_dimension, observe_sample
from avgen_bench.errors import MissingInstrument
from avgen_bench.questions import AUDIT, NATURALNESS, asks_of
from avgen_bench.types import Answers, BackboneFacts, FrameScores, FrameView, JudgeReply

JUDGE = "judge"  # not observed but asked
ANSWERS = Answers(
    "[]",
    {
        key: (JudgeReply('{"answer": "no"}' if key.endswith("~twin") else '{"answer": "yes"}'),)
        for key in [ask.key for ask in asks_of((*AUDIT, *NATURALNESS))]
    },
)
OPTIONAL = ("voices",)  # its package brings some hundred megabytes that nothing else needs


@pytest.mark.parametrize("name", registry.names("backbones"))
def test_backbone(name: str) -> None:
    backbone = registry.load("backbones", name)
    try:
        backbone.start()
    except MissingInstrument as error:
        assert backbone.facts.remedy, "a backbone whose instrument may be missing says what to do"
        if name not in OPTIONAL:
            raise
        pytest.skip(f"{name} is not installed: {error}")
    check_backbone(backbone)


@pytest.mark.parametrize("name", registry.names("dimensions"))
@pytest.mark.parametrize(("frames", "seconds"), [(48, 2.0), (48, 0.0), (0, 2.0), (1, 0.05)])
def test_dimension(name: str, frames: int, seconds: float) -> None:
    member = registry.load("dimensions", name)
    seen = {
        need: ANSWERS
        if need == JUDGE
        else observe_sample(registry.load("backbones", need), frames=frames, seconds=seconds)
        for need in member.facts.needs
    }
    check_dimension(member, seen, _facts(frames, seconds, (96, 64), 16000))


@pytest.mark.parametrize("name", registry.names("dimensions"))
def test_every_need_is_registered_and_the_name_is_the_key(name: str) -> None:
    facts = registry.load("dimensions", name).facts
    assert facts.name == name
    observed = [need for need in facts.needs if need != JUDGE]
    assert set(observed) <= set(registry.names("backbones"))
    assert all(registry.load("backbones", need).facts.name == need for need in observed)


class _Forgetful:
    """Counts over all clips: breaks independence."""

    facts = BackboneFacts("forgetful", "1", "FrameScores", (FrameView(),), "counts")
    total = 0

    def start(self) -> _Forgetful:
        return self

    def on_frame(self, view: object, frame: object) -> None:
        type(self).total += 1

    def finish(self, facts: object) -> FrameScores:
        return FrameScores((), {}, {"seen": float(self.total)})


class _Vandal(_Forgetful):
    """Draws on the picture it is shown."""

    facts = BackboneFacts("vandal", "1", "FrameScores", (FrameView(),), "draws")

    def on_frame(self, view: object, frame: object) -> None:
        frame.pixels[:2] = 0  # type: ignore[attr-defined]

    def finish(self, facts: object) -> FrameScores:
        return FrameScores((), {}, {})


@pytest.mark.parametrize(("member", "promise"), [(_Forgetful(), "same observation"), (_Vandal(), "must not write")])
def test_a_broken_promise_is_found(member: object, promise: str) -> None:
    with pytest.raises(ContractError, match=promise):
        check_backbone(member)  # type: ignore[arg-type]
