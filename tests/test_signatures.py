"""Everything that can change a score stands in its signature and in its address, and what cannot does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import report_samples as samples

import avgen_bench
from avgen_bench import media, signatures, work
from avgen_bench.constraints.base import Tolerance, kind_of
from avgen_bench.dimensions.control import Faces, Timing
from avgen_bench.errors import InputError
from avgen_bench.registry import load
from avgen_bench.run_folder import _run_fields
from avgen_bench.signatures import differences, line, merged, parse, refuse_mixed
from avgen_bench.terms import Budget, Terms
from avgen_bench.types import Clip, Constraint, Evidence, JudgeFacts, JudgeView, MediaLimits, Outcome, Prompt, Question

CLIP = Clip("ab" * 32, "clips/a.mp4", "p1", "left")
ASKED = Prompt(
    "p1",
    "Two faces; it knocks three times.",
    constraints=(
        Constraint("c1", "face_count", "Two faces", (("count_max", 2), ("count_min", 2))),
        Constraint("c2", "event_count", "knocks three times", (("count_max", 3), ("count_min", 3), ("event", "knock"))),
    ),
    questions=(Question("q1", "object", "picture", "Is there a door?", "Is there a horse?"),),
)
JUDGE = JudgeFacts("openai", "parrot-2026", "1", JudgeView(), True, {"temperature": 0})
TERMS = Terms(passport="0123456789abcdef", unfit={"sound": "it hears nothing"})


def _forget() -> None:
    for item in (work._header, work._header_text, work._instrument, work._versions, work.needs_of):
        item.cache_clear()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    _forget()
    yield
    _forget()


def made(dimension: str, prompt: Prompt | None = ASKED, judge: str | None = None) -> tuple[str, str]:
    """The signature of a number as it would be measured now, and its address."""
    _forget()
    voice = TERMS.signature(JUDGE) if judge is None else judge
    return work._signature(dimension, prompt, voice), work.key_of(CLIP, prompt, dimension, voice)


def _backbone(name: str, **changes: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def change(patch: pytest.MonkeyPatch) -> None:
        of = type(load("backbones", name))
        patch.setattr(of, "facts", replace(of.facts, **changes))

    return change


def _parameter(name: str, key: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def change(patch: pytest.MonkeyPatch) -> None:
        of = type(load("backbones", name))
        assert of.facts.parameters[key] != value
        patch.setattr(of, "facts", replace(of.facts, parameters={**of.facts.parameters, key: value}))

    return change


def _library(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    def change(patch: pytest.MonkeyPatch) -> None:
        real = work.metadata.version
        patch.setattr(work.metadata, "version", lambda asked: "99.0" if asked == name else real(asked))

    return change


def _kind(name: str, **changes: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def change(patch: pytest.MonkeyPatch) -> None:
        of = type(kind_of(name))
        patch.setattr(of, "facts", replace(of.facts, **changes))

    return change


PERTURBED: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None], str]] = {
    "library version": ("timing", lambda p: p.setattr(avgen_bench, "__version__", "99"), "version of avgen-bench"),
    "dimension version": (
        "timing",
        lambda p: p.setattr(Timing, "facts", replace(Timing.facts, version="99")),
        "version of the dimension",
    ),
    "backbone revision": ("timing", _backbone("onsets", revision="99"), "revision of the backbone onsets"),
    "backbone parameter": ("timing", _parameter("onsets", "rise_db", 99.0), "rise_db of the backbone onsets"),
    "weight digest": ("faces", _parameter("faces", "embedder", "f" * 16), "embedder of the backbone faces"),
    "views": ("timing", _backbone("onsets", views=()), "views of the backbone onsets"),
    "device": (
        "timing",
        lambda p: p.setattr(type(load("backbones", "onsets")), "device", "cuda", raising=False),
        "device of the backbone onsets",
    ),
    "decoder revision": ("timing", lambda p: p.setattr(work, "_DECODER_REVISION", "99"), "revision of the decoder"),
    "PyAV": ("timing", _library("av"), "version of PyAV"),
    "FFmpeg": ("timing", lambda p: p.setattr(media, "ffmpeg_version", lambda: "99"), "version of FFmpeg"),
    "OpenCV": ("faces", _library("opencv-python-headless"), "version of opencv-python-headless"),
    "onnxruntime": ("faces", _library("onnxruntime"), "version of onnxruntime"),
    "numpy": ("visual_quality", _library("numpy"), "version of numpy"),
    "tolerance": (
        "timing",
        _kind("event_count", tolerance=Tolerance(0, 99, "events")),
        "tolerances of event_count",
    ),
    "kind version": ("timing", _kind("event_count", version="99"), "tolerances of event_count"),
    "other backbones": (
        "faces",
        lambda p: p.setattr(type(kind_of("face_count")), "needs_of", lambda self, prompt: ("faces", "cuts")),
        "",
    ),
}


@pytest.mark.parametrize("name", PERTURBED)
def test_what_can_change_a_number_changes_its_signature_and_its_address(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dimension, change, words = PERTURBED[name]
    before, address = made(dimension)
    with monkeypatch.context() as patch:
        change(patch)
        after, moved = made(dimension)
    assert after != before and moved != address
    assert [found[0] for found in differences(before, after)] == ([words] if words else [])
    assert made(dimension) == (before, address), "the change is undone"


JUDGED: dict[str, tuple[JudgeFacts, Terms, str]] = {
    "transport": (replace(JUDGE, name="gemini"), TERMS, "transport of the judge"),
    "model": (replace(JUDGE, model="parrot-2027"), TERMS, "model of the judge"),
    "revision": (replace(JUDGE, revision="2"), TERMS, "revision of the transport of the judge"),
    "view": (replace(JUDGE, view=JudgeView(fps=4.0)), TERMS, "view of the judge"),
    "no sound": (replace(JUDGE, view=JudgeView(rate_hz=None)), TERMS, "view of the judge"),
    "probabilities": (
        replace(JUDGE, probabilities=False),
        replace(TERMS, repeats=1),
        "probabilities of the judge",
    ),
    "parameters": (replace(JUDGE, parameters={"temperature": 1}), TERMS, "parameters of the judge"),
    "repeats": (JUDGE, replace(TERMS, repeats=5), "how often the judge is asked"),
    "passport": (JUDGE, replace(TERMS, passport=""), "passport of the judge"),
    "unfit allowed": (JUDGE, replace(TERMS, allow_unfit=True), "answers that the judge is unfit to give"),
}


@pytest.mark.parametrize("name", JUDGED)
def test_who_judges_and_on_what_terms_is_in_the_signature(name: str) -> None:
    facts, terms, words = JUDGED[name]
    before, address = made("alignment")
    after, moved = made("alignment", judge=terms.signature(facts))
    assert after != before and moved != address
    assert [found[0] for found in differences(before, after)] == [words]
    assert made("timing", judge=terms.signature(facts)) == made("timing"), "no judge is asked about it"


@pytest.mark.parametrize(
    "change",
    [
        {"budget": Budget(5.0, "usd")},
        {"concurrency": 1},
        {"seed": 7},
        {"allow_drift": True},
        {"repeats": 1},  # what it is by default, said aloud
    ],
    ids=str,
)
def test_budget_pace_and_order_are_not_in_the_signature(change: dict[str, Any]) -> None:
    assert made("alignment", judge=replace(TERMS, **change).signature(JUDGE)) == made("alignment")


@pytest.mark.parametrize(
    "prompt",
    [
        replace(ASKED, text="Two faces; it knocks three times!"),
        replace(ASKED, constraints=ASKED.constraints[:1]),
        replace(ASKED, constraints=(*ASKED.constraints[:1], replace(ASKED.constraints[1], params=(("event", "x"),)))),
        replace(ASKED, demands_sound=False),
        replace(ASKED, questions=()),
        None,
    ],
)
def test_another_prompt_is_another_number_and_no_difference_between_systems(prompt: Prompt | None) -> None:
    before, address = made("visual_quality")
    after, moved = made("visual_quality", prompt)
    assert after != before and moved != address
    assert differences(before, after) == []


def test_who_looked_at_a_prompt_changes_nothing() -> None:
    assert made("timing", replace(ASKED, source="elsewhere", license="other")) == made("timing")


def test_another_place_of_the_file_changes_nothing() -> None:
    before = work.key_of(CLIP, ASKED, "timing")
    assert work.key_of(replace(CLIP, path="elsewhere/b.mp4"), ASKED, "timing") == before
    assert work.key_of(replace(CLIP, clip_id="cd" * 32), ASKED, "timing") != before


RUN: dict[str, Any] = {"avgen_bench": "1", "prompt_set": "set.jsonl", "limits": None, "missing": "floor"}
PROMPTS = {"p1": ASKED, "p2": replace(ASKED, id="p2")}


@pytest.mark.parametrize(
    ("change", "prompts", "words"),
    [
        ({"missing": "exclude"}, PROMPTS, ["rule for prompts without a clip"]),
        ({"limits": {"max_duration_s": 9.0}}, PROMPTS, ["limits of a clip"]),
        ({"avgen_bench": "2"}, PROMPTS, ["version of avgen-bench"]),
        ({"prompt_set": "renamed.jsonl"}, PROMPTS, []),
        ({}, {"p1": ASKED}, ["size of the prompt set", "prompt set"]),
        ({}, {**PROMPTS, "p2": replace(ASKED, id="p2", text="else")}, ["prompt set"]),
        ({}, dict(reversed(PROMPTS.items())), []),
        ({"limits": {"max_duration_s": MediaLimits().max_duration_s}}, PROMPTS, []),
    ],
)
def test_the_fields_of_a_run(change: dict[str, Any], prompts: dict[str, Prompt], words: list[str]) -> None:
    before, after = _run_fields(RUN, PROMPTS), _run_fields({**RUN, **change}, prompts)
    assert [found[0] for found in differences(before, after)] == words


def test_a_rule_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="'median'; expected floor"):
        _run_fields({**RUN, "missing": "median"}, {})


# --------------------------------------------------------------------------- lines


@pytest.mark.parametrize("value", ["a|b", "a\\pb", "a\nb\r\\|", "", ":", "\u202e<b>", "\ud800"])
def test_a_line_is_read_back_as_it_was_written(value: str) -> None:
    fields = {"dimension": "text", "judge": value, "version": "1"}
    text = line(fields)
    assert parse(text) == fields and "\n" not in text and text.startswith("dimension:text|version:1|")
    assert line(parse(text)) == text


@pytest.mark.parametrize("text", ["made-up/1", "", "version:1|dimension:a", "a:1|a:2", "a:\\x", "a:1|"])
def test_what_is_no_canonical_line_is_one_field(text: str) -> None:
    assert parse(text) == {"signature": text}


@pytest.mark.parametrize("name", ["", "a:b", "a|b", "a\n"])
def test_a_field_is_not_called_anything(name: str) -> None:
    with pytest.raises(ValueError, match="a field is called"):
        line({name: "1"})


def test_a_line_of_this_package_is_canonical() -> None:
    for dimension in ("visual_quality", "timing", "faces", "alignment"):
        text, _ = made(dimension)
        fields = parse(text)
        assert line(fields) == text and fields["dimension"] == dimension
        assert signatures.common(text) == text.rpartition("|prompt:")[0]


# --------------------------------------------------------------------------- side by side


HEAD = "dimension:faces|version:1|needs:by prompt"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (f"{HEAD}|backbone.faces:1", f"{HEAD}|backbone.cuts:1|backbone.faces:1|library.x:1", []),
        (
            f"{HEAD}|backbone.faces:1",
            f"{HEAD}|backbone.faces:1|backbone.faces.least_px:9",
            ["least_px of the backbone faces"],
        ),
        (f"{HEAD}|library.x:1", f"{HEAD}|library.x:2", ["version of x"]),
        (f"{HEAD}|kind.face_count:1", HEAD, []),
        (f"{HEAD}|decoder.av:1", HEAD, ["version of PyAV"]),
        ("needs:fixed|backbone.faces:1", "needs:fixed", ["revision of the backbone faces"]),
        ("made-up/1", "made-up/2", ["signature"]),
        (f"{HEAD}|judge.versions:a", HEAD, []),
        (f"{HEAD}|judge.versions:a", f"{HEAD}|judge.versions:b", ["version of the model that answered"]),
    ],
)
def test_what_prompts_decide_is_no_difference(a: str, b: str, expected: list[str]) -> None:
    assert [found[0] for found in differences(a, b)] == expected
    assert [found[0] for found in differences(b, a)] == expected
    assert [(words, now, was) for words, was, now in differences(a, b)] == differences(b, a)


def test_a_score_over_several_prompts_has_all_that_any_of_them_needed() -> None:
    both = [f"{HEAD}|backbone.faces:1|prompt:a", f"{HEAD}|backbone.cuts:2|prompt:b"]
    assert signatures.one_line(both) == f"{HEAD}|backbone.cuts:2|backbone.faces:1"
    assert merged([*both, f"{HEAD}|backbone.cuts:3"])["backbone.cuts"] == ("2", "3")
    assert differences(both, reversed(both)) == []


def _number(name: str, system: str, lacking: str = "", observed: bool = True) -> Any:
    evidence = (Evidence("note", signatures.LACKING, text=lacking),) if lacking else ()
    found = samples.measurement(
        samples.clip(f"{name}.mp4", system=system),
        Faces.facts.name,
        Outcome("ok", 0.5, evidence=evidence),
        signature=f"{HEAD}|backbone.faces:1|prompt:{name}",
    )
    return replace(found, observations=("f",) if observed else ())


def test_an_instrument_that_one_system_lacked_is_a_difference() -> None:
    whole, without = [_number("a", "left")], [_number("a", "right", "faces")]
    assert refuse_mixed("faces", {"left": whole, "right": whole}) == []
    with pytest.raises(InputError, match=r"the lack of the backbone faces differs: no \(left\), yes \(right\)"):
        refuse_mixed("faces", {"left": whole, "right": without})
    absent = [_number("b", "right", observed=False)]  # a prompt without a clip: nobody looked
    assert refuse_mixed("faces", {"left": [*whole, *absent], "right": whole}) == []
    fields = [signatures.fields_of(one) for one in (*whole, *without)]
    assert [found[0] for found in differences(*fields)] == ["lack of the backbone faces"]
