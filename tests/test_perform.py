"""Performances: what the truth says is what was laid out, and what is broken is broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy")
pytest.importorskip("cv2")

import numpy as np

from avgen_bench import work
from avgen_bench.constraints.sight import Sight
from avgen_bench.factory import perform, perform_plan, perform_stage
from avgen_bench.factory.render import render
from avgen_bench.types import Constraint, MediaFacts, Prompt


def _asks(id_: str, kind: str, **params: Any) -> Constraint:
    return Constraint(id_, kind, kind, tuple(sorted(params.items())))


KNOCKS = Prompt(
    "knocks-1",
    category="tests",
    constraints=(
        _asks("c1", "shot_count", count_min=2, count_max=2),
        _asks("c2", "event_count", event="knock on wood", count_min=3, count_max=3, window_end=0.5),
        _asks("c3", "even_spacing", event="knock on wood", window_end=0.5),
        _asks("c4", "silence_during", window_start_s=-2.0),
        _asks("c5", "event_order", refs=("c2", "c4")),
        _asks("c6", "dominant_colour", colour="blue"),
        _asks("c7", "duration", duration_s=6.0),
    ),
)
LIGHT = Prompt(
    "light/2",
    category="others",
    constraints=(
        _asks("c1", "brightness_trend", direction="rises"),
        _asks("c2", "loudness_trend", direction="falls"),
        _asks("c3", "shot_count", count_min=1, count_max=1),
    ),
)


def _verdicts(prompt: Prompt, folder: Path, **how: Any) -> dict[str, str]:
    path = render(perform.perform(prompt, **how), folder / "clip.mp4", preset="ultrafast")
    seen = work.observe(path, ("cuts", "dissolves", "onsets", "levels", "colours", "loudness"))
    media = seen.pop(work.DECODER)
    assert isinstance(media, MediaFacts)
    sight = Sight(prompt, media, seen)
    return {constraint.id: sight.check(constraint).strict for constraint in prompt.constraints}


@pytest.mark.parametrize("prompt", [KNOCKS, LIGHT], ids=lambda prompt: prompt.category)
def test_what_is_obeyed_passes(prompt: Prompt, tmp_path: Path) -> None:
    assert set(perform.performable(prompt).values()) == {perform.OBEYED}
    assert set(_verdicts(prompt, tmp_path).values()) == {"pass"}


def test_what_is_broken_fails_and_the_rest_passes(tmp_path: Path) -> None:
    scene = perform.perform(KNOCKS, seed=3, breaking=2)
    words = scene.truth["constraints"]
    assert len(scene.truth["breaks"]) == 2
    assert all(words[name] == perform.BROKEN for name in scene.truth["breaks"])
    found = _verdicts(KNOCKS, tmp_path, seed=3, breaking=2)
    wanted = {perform.OBEYED: "pass", perform.BROKEN: "fail"}
    performed = {name: word for name, word in words.items() if word in wanted}
    assert {name: found[name] for name in performed} == {name: wanted[word] for name, word in performed.items()}


def test_the_same_call_gives_the_same_clip_and_another_seed_another() -> None:
    one, two, other = (perform.perform(KNOCKS, seed=seed, breaking=1) for seed in (1, 1, 2))
    assert one.sound is not None and two.sound is not None
    assert one.truth == two.truth
    assert np.array_equal(one.sound, two.sound)
    assert np.array_equal(one.picture(40), two.picture(40))
    assert not np.array_equal(one.picture(40), other.picture(40))
    assert one.picture(40).shape == (360, 640, 3)
    assert one.name == "knocks-1" and perform.perform(LIGHT).name == "light_2"


def test_strikes_are_counted_in_their_window_and_the_silence_is_silent() -> None:
    scene = perform.perform(KNOCKS)
    times = scene.truth["strikes_s"]
    assert len(times) == 3 and max(times) < 3.0
    assert np.diff(times) == pytest.approx(np.diff(times)[0], abs=1e-3)
    assert scene.truth["silences_s"] == [[4.0, 6.0]]
    assert scene.sound is not None
    assert float(np.abs(scene.sound[:, int(4.05 * scene.rate_hz) :]).max()) == 0.0
    assert float(np.abs(scene.sound[:, int(times[0] * scene.rate_hz) :]).max()) > 0.2


def test_what_contradicts_another_constraint_is_left_out() -> None:
    both = Prompt(
        "both",
        constraints=(
            _asks("c1", "shot_count", count_min=1, count_max=1),
            _asks("c2", "shot_count", count_min=3, count_max=3),
            _asks("c3", "silence_during", window_start=0.0, window_end=1.0),
            _asks("c4", "event_count", event="knock", count_min=2, count_max=2),
            _asks("c5", "event_order", refs=("c4", "c3")),
        ),
    )
    found = perform.performable(both)
    assert found["c3"] == perform.OBEYED
    assert [found[name] for name in ("c2", "c4", "c5")] == [perform.LEFT_OUT] * 3


def test_without_photographs_faces_are_not_performed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform_stage, "has_faces", lambda: False)
    prompt = Prompt(
        "nobody", constraints=(_asks("c1", "same_face"), _asks("c2", "shot_count", count_min=1, count_max=1))
    )
    assert perform.performable(prompt, seed=11) == {"c1": perform.LEFT_OUT, "c2": perform.OBEYED}


def test_a_line_with_a_word_replaced_keeps_the_others() -> None:
    draw = np.random.default_rng(0)
    told = perform._other_line("Please close the curtain.", draw).split()
    assert told[:3] == ["Please", "close", "the"]
    assert told[3].endswith(".") and told[3] != "curtain."


def test_scores_are_what_their_names_say() -> None:
    rise = perform_plan.score(_asks("c1", "scale", key="D major", direction="rises"))
    steps = np.diff([midi for _, _, midi in rise])
    assert steps.tolist() == [2, 2, 1, 2, 2, 2, 1] and rise[0][2] % 12 == 2
    chords = perform_plan.score(_asks("c1", "chord_sequence", chords=("C", "Am")))
    assert {midi % 12 for at_s, _, midi in chords if at_s > 1} == {9, 0, 4}


def test_agreement_counts_every_performed_constraint() -> None:
    truths = {
        "p": {
            "constraints": {"c1": "obeyed", "c2": "broken", "c3": "not performed", "c4": "obeyed"},
            "kinds": {"c1": "tempo", "c2": "tempo", "c3": "tempo", "c4": "key"},
        }
    }
    said = [("c1", "pass"), ("c2", "pass"), ("c3", "fail"), ("c4", "unverifiable")]
    verdicts = {"p": [{"id": name, "strict": word, "reason": "because"} for name, word in said]}
    rows = {row["kind"]: row for row in perform.agreement(truths, verdicts)}
    assert [rows["tempo"][name] for name in ("performed", "agree", "wrong", "unverifiable")] == [2, 1, 1, 0]
    assert rows[""]["share"] == pytest.approx(1 / 3)
    assert rows["key"]["misses"] == [("p", "c4", "obeyed", "unverifiable", "because")]


def test_prompts_are_spread_over_the_categories() -> None:
    prompts = [
        Prompt(f"{name}-{place}", category=name, constraints=KNOCKS.constraints[: place + 2])
        for name in ("a", "b")
        for place in (0, 1)
    ]
    assert [prompt.id for prompt in perform.choose(prompts, 3)] == ["a-1", "b-1", "a-0"]
