"""The builders: sources are refused by file, line and prompt; every rule can fail; nothing is half written."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from avgen_bench.builders import agreement, census, schema, selection, signing, similarity, sources, tables, validators
from avgen_bench.builders.__main__ import main

from avgen_bench.errors import InputError, ManifestError
from avgen_bench.prompts import parse_prompt
from avgen_bench.types import Check, Prompt

pa = pytest.importorskip("pyarrow")

TEXT = (
    "A single fixed shot of a blue ceramic bowl on a wooden counter. A baker with silver hair cracks exactly three "
    "eggs against the rim, one after another, and each shell gives a sharp, dry crack. She looks up and says, "
    '"Three is enough." Only then does a white card with the words "THREE EGGS" slide into the picture and stay.'
)
ROW: dict[str, Any] = {
    "id": "cooking-001",
    "title": "Three cracks of an egg",
    "duration_s": 8,
    "text": TEXT,
    "constraints": [
        {"id": "c1", "kind": "shot_count", "span": "A single fixed shot", "count_min": 1, "count_max": 1},
        {
            "id": "c2",
            "kind": "event_count",
            "span": "exactly three eggs",
            "event": "crack",
            "count_min": 3,
            "count_max": 3,
        },
        {"id": "c3", "kind": "line_spoken", "span": 'says, "Three is enough."', "text": "Three is enough."},
        {"id": "c4", "kind": "text_shown", "span": 'the words "THREE EGGS"', "text": "THREE EGGS"},
        {"id": "c5", "kind": "event_order", "span": "Only then does a white card", "refs": ["c3", "c4"]},
    ],
    "questions": [
        {
            "id": f"q{n}",
            "type": "object",
            "modality": "picture",
            "text": f"Is thing {n} seen?",
            "twin": f"Is thing {n} gone?",
        }
        for n in range(1, 6)
    ],
    "expectations": [{"id": "e1", "severity": "major", "observe": "Egg falls down.", "contradict": "Egg rises."}],
}


def _prompt(**changes: Any) -> Prompt:
    return parse_prompt({**copy.deepcopy(ROW), "category": "cooking", **changes}, "here")


def _with(*constraints: dict[str, Any], text: str = TEXT) -> Prompt:
    made = [{"id": f"x{n}", "span": text.split()[0], **item} for n, item in enumerate(constraints, 1)]
    return _prompt(text=text, constraints=made)


def test_the_example_has_no_fault() -> None:
    assert validators.faults(_prompt()) == []
    assert validators.hints(_prompt()) == []


LINE = {"kind": "line_spoken", "text": "Three is enough."}
SHOWN = {"kind": "text_shown", "text": "THREE EGGS"}
FAULTY: dict[str, tuple[Callable[[], Prompt], str]] = {
    "too short": (lambda: _prompt(text="A cat sits.", constraints=[]), "3 words"),
    "title": (lambda: _prompt(title="x" * 61), "title has 61"),
    "category": (lambda: _prompt(category="opera"), "'opera'"),
    "no duration": (lambda: _prompt(duration_s=None), "duration_s is None"),
    "open quote": (lambda: _prompt(text=TEXT + ' "'), "not closed"),
    "curly": (lambda: _prompt(text=TEXT + " It\u2019s."), "straight quotes"),
    "reading grade": (
        lambda: _prompt(text=TEXT.replace(". ", " and consequently unquestionably simultaneously ")),
        "reading grade",
    ),
    "brand": (lambda: _prompt(text=TEXT.replace("a blue", "a Starbucks")), "Starbucks"),
    "prompt jargon": (lambda: _prompt(title="An 8K egg"), "'8K'"),
    "untyped quotation": (lambda: _with(LINE), '"THREE EGGS" is in no constraint'),
    "line not in the text": (lambda: _with(LINE, SHOWN, {"kind": "line_spoken", "text": "Four."}), "'Four.'"),
    "wrong case": (lambda: _with(LINE, {"kind": "text_shown", "text": "Three Eggs"}), "not spelled as"),
    "order without line": (
        lambda: _with(SHOWN, {"kind": "lines_in_order", "texts": ["Three is enough.", "THREE EGGS"]}),
        "no line_spoken of its own",
    ),
    "unspeakable": (
        lambda: _with(
            {**LINE, "text": " ".join(["word"] * 19)}, text=TEXT.replace("Three is enough.", "word " * 18 + "word")
        ),
        "19 words",
    ),
    "digits": (lambda: _with({**LINE, "text": "3 is enough."}, text=TEXT.replace('"Three', '"3')), "digits"),
    "speech and no speech": (lambda: _with(LINE, SHOWN, {"kind": "no_speech"}), "contradict"),
    "two languages": (
        lambda: _with(LINE, SHOWN, *({"kind": "speech_language", "language": name} for name in ("en", "es"))),
        "en, es",
    ),
    "line in another language": (
        lambda: _with({**LINE, "language": "es"}, SHOWN, {"kind": "speech_language", "language": "en"}),
        "all speech is in 'en'",
    ),
    "text and no text": (lambda: _with(LINE, SHOWN, {"kind": "text_absent"}), "contradict"),
    "longer than the clip": (
        lambda: _with(LINE, {"kind": "text_visible_for", "text": "THREE EGGS", "duration_s": 9}),
        "lasts 8 s",
    ),
    "cuts in one shot": (
        lambda: _with(
            LINE,
            SHOWN,
            {"kind": "shot_count", "count_min": 1, "count_max": 1},
            {"kind": "cut_order", "refs": ["x1", "x2"]},
        ),
        "needs 1 cuts",
    ),
    "twice the tempo": (
        lambda: _with(LINE, SHOWN, {"kind": "tempo", "bpm": 90}, {"kind": "tempo", "bpm": 80}),
        "2 times",
    ),
    "dense sounds at a cut": (
        lambda: _with(LINE, SHOWN, {"kind": "sound_at_cut"}, {"kind": "event_rate", "event": "tap", "rate_hz": 4}),
        "by chance beside 'x4': 100%",
    ),
    "one face and the same": (
        lambda: _with(LINE, SHOWN, {"kind": "same_face"}, {"kind": "face_count", "count_min": 1, "count_max": 1}),
        "follows from",
    ),
    "same face, no face": (
        lambda: _with(LINE, SHOWN, {"kind": "same_face"}, {"kind": "face_count", "count_min": 0, "count_max": 0}),
        "no face",
    ),
    "too many events": (
        lambda: _with(LINE, SHOWN, {"kind": "event_count", "event": "tap", "count_min": 90, "count_max": 90}),
        "told apart",
    ),
    "after the end": (lambda: _with(LINE, SHOWN, {"kind": "event_at", "event": "tap", "at_s": 9}), "before the event"),
    "up and down": (
        lambda: _with(LINE, SHOWN, *({"kind": "loudness_trend", "direction": way} for way in ("rises", "falls"))),
        "overlap in time",
    ),
    "into the silence": (
        lambda: _with(
            LINE,
            SHOWN,
            {"kind": "loudness_trend", "direction": "falls"},
            {"kind": "silence_during", "window_start": 0.8, "window_end": 1.0},
        ),
        "runs into the silence",
    ),
    "two colours": (
        lambda: _with(LINE, SHOWN, *({"kind": "dominant_colour", "colour": name} for name in ("red", "blue"))),
        "two colours",
    ),
    "outside the key": (
        lambda: _with(LINE, SHOWN, {"kind": "key", "key": "C major"}, {"kind": "chord", "chord": "F#"}),
        "does not belong to the key",
    ),
    "outside the scale": (
        lambda: _with(
            LINE,
            SHOWN,
            {"kind": "scale", "key": "C major", "direction": "rises"},
            {"kind": "note_sequence", "notes": ["C4", "F#4"]},
        ),
        "F#4",
    ),
    "rate against tempo": (
        lambda: _with(
            LINE, SHOWN, {"kind": "tempo", "bpm": 60}, {"kind": "event_rate", "event": "tap", "rate_hz": 1.7}
        ),
        "do not go with",
    ),
    "speed without windows": (
        lambda: _with(LINE, SHOWN, {"kind": "playing_speed", "speed_factor": 0.5}),
        "both windows",
    ),
    "the same twice": (lambda: _with(LINE, SHOWN, SHOWN), "are the same"),
    "few questions": (lambda: _prompt(questions=ROW["questions"][:2]), "2 questions"),
    "no question mark": (
        lambda: _prompt(questions=[{**item, "twin": "It is gone."} for item in ROW["questions"]]),
        "question mark",
    ),
    "deaf binding": (
        lambda: _prompt(questions=[{**item, "type": "binding"} for item in ROW["questions"]]),
        "needs both",
    ),
    "wrong count": (
        lambda: _prompt(
            constraints=[*ROW["constraints"][:1], {**ROW["constraints"][1], "count_min": 4, "count_max": 4}]
        ),
        "counts 4 to 4, its span says 3",
    ),
    "rung": (
        lambda: _prompt(ladder={"group": "g", "dial": "event_count", "unit": "events", "amount": 4, "rung": 1}),
        "asks for 4 events",
    ),
    "no expectation": (lambda: _prompt(expectations=[]), "0 expectations"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_every_rule_can_fail(name: str) -> None:
    make, words = FAULTY[name]
    found = validators.faults(make())
    assert any(words in fault for fault in found), found


def test_every_rule_has_a_case_that_fails() -> None:
    failed = {fault.split(":")[0] for make, _ in FAULTY.values() for fault in validators.faults(make())}
    assert failed == set(validators.FAULTS)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("Filmed in one continuous take.", "one shot"),
        ("Nobody speaks.", "nobody speaks"),
        ("Then total silence.", "silence"),
        ("It grows louder.", "louder or softer"),
        ("She knocks three times.", "counted sounds"),
        ("At 90 BPM.", "tempo"),
        ("He plays A4.", "named note"),
        ("There is no writing.", "no writing"),
    ],
)
def test_hints(words: str, rule: str) -> None:
    assert any(hint.startswith(rule) for hint in validators.hints(_with(LINE, SHOWN, text=TEXT + " " + words)))


# --------------------------------------------------------------------------- sources


def _folder(tmp_path: Path) -> Path:
    """A tiny prompt set: one prompt a category, one ladder, two reviews each."""
    folder = tmp_path / "builders"
    (folder / "prompts").mkdir(parents=True)
    for number, category in enumerate(validators.CATEGORIES):
        row = copy.deepcopy(ROW)
        row["id"] = f"{category}-001"
        row["title"] = f"Title of {category}"
        short = category[:3] + str(number)
        words = ". ".join(f"The {short} {number}{n} is at {short}{n}" for n in range(16))
        row["text"] = (
            f'{words}. A single fixed shot {short}, exactly three eggs {short}, says, "Three is enough." '
            f'Only then does a white card {short}, the words "THREE EGGS".'
        )
        row["expectations"] = [{**ROW["expectations"][0], "id": f"e{n}"} for n in range(4)]
        row["duration_s"] = 5 + number % 3
        _write(folder, category, [row])
    ladder = {
        "group": "knocks", "dial": "event_count", "unit": "events", "category": "asmr", "title": "Knocks",
        "duration_s": 8,
        "text": "A fist in a grey glove knocks {word} on an oak door at the end of a corridor, each knock short and "
        "hard, and then withdraws into the dark while the door stays shut. Nobody speaks, and the corridor is still "
        "for the rest of the time.",
        "rungs": [{"amount": n, "word": w} for n, w in ((1, "once"), (3, "three times"), (6, "six times"))],
        "constraints": [
            {"id": "c1", "kind": "event_count", "span": "knocks {word}", "event": "knock",
             "count_min": "{amount}", "count_max": "{amount}"},
            {"id": "c2", "kind": "no_speech", "span": "Nobody speaks"},
        ],
        "questions": copy.deepcopy(ROW["questions"]), "expectations": [],
    }  # fmt: skip
    _write(folder, "ladders", [ladder])
    found = (
        sources.read_sources_unreviewed(folder)
        if hasattr(sources, "read_sources_unreviewed")
        else sources.read_sources(folder)
    )
    for prompt in (*found.prompts, *found.ladders):
        checks = [Check("review", by, "2026-01-01", signing.CHECKLIST, "", prompt.digest()) for by in ("a", "b")]
        stem = "ladders" if prompt.ladder else prompt.category
        sources.append_checks(folder, stem, [(prompt.id, check) for check in checks])
    return folder


def _write(folder: Path, stem: str, rows: list[dict[str, Any]]) -> None:
    (folder / "prompts" / f"{stem}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _edit(folder: Path, stem: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "prompts" / f"{stem}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    change(rows[0])
    _write(folder, stem, rows)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = _folder(tmp_path)
    monkeypatch.setattr(selection, "PER_CATEGORY", 1)
    (made / "mini.txt").write_text("\n".join(f"{name}-001" for name in validators.CATEGORIES), encoding="utf-8")
    return made


def test_ladders_are_filled(folder: Path) -> None:
    rungs = sources.read_sources(folder).ladders
    assert [rung.id for rung in rungs] == ["ladder-knocks-1", "ladder-knocks-2", "ladder-knocks-3"]
    assert [rung.ladder.amount for rung in rungs if rung.ladder] == [1, 3, 6]
    assert rungs[1].constraints[0].span == "knocks three times"
    assert rungs[1].constraints[0].get("count_min") == 3
    assert "knocks six times on an oak door" in rungs[2].text


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.__setitem__(name, value)


def _first(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row["constraints"][0].__setitem__(name, value)


BROKEN: dict[str, tuple[str, Callable[[dict[str, Any]], None], tuple[str, ...]]] = {
    "unknown kind": ("ads", _first("kind", "shot_cuont"), ("ads.jsonl, line 1", "ads-001", "'c1'", "shot_count")),
    "span": ("ads", _first("span", "not there"), ("ads.jsonl, line 1", "ads-001", "'not there'", "letter for letter")),
    "foreign parameter": ("ads", _first("shots", 2), ("ads.jsonl, line 1", "ads-001", "'shots'", "count_min")),
    "id": ("ads", _set("id", "egg"), ("ads.jsonl, line 1", "'egg'", "ads-001 and so on")),
    "unknown field": ("ads", _set("promt", "x"), ("ads.jsonl, line 1", "'promt'", "title")),
    "constraints": ("ads", _set("constraints", "none"), ("ads.jsonl, line 1", "ads-001", "expected a list")),
    "question type": (
        "ads",
        lambda row: row["questions"][0].__setitem__("type", "thing"),
        ("ads-001", "question 'q1'", "'thing'", "object"),
    ),
    "dangling reference": (
        "ads",
        lambda row: row["constraints"][4].__setitem__("refs", ["c3", "c9"]),
        ("ads-001", "'c9'", "c1, c2"),
    ),
    "reference without moment": (
        "ads",
        lambda row: row["constraints"][4].__setitem__("refs", ["c1", "c3"]),
        ("ads-001", "no moment"),
    ),
    "dependency": (
        "ads",
        lambda row: row["questions"][0].__setitem__("after", ["q2"]),
        ("ads-001", "question 'q1'", "comes later"),
    ),
    "severity": (
        "ads",
        lambda row: row["expectations"][0].__setitem__("severity", "bad"),
        ("ads-001", "'bad'", "minor, major, severe"),
    ),
    "amounts": (
        "ladders",
        lambda row: row["rungs"][0].__setitem__("amount", 9),
        ("ladders.jsonl, line 1", "'knocks'", "rise"),
    ),
    "brace": ("ladders", _set("title", "{wrod}"), ("ladders.jsonl, line 1, rung 1", "'wrod'", "word")),
    "impossible note": (
        "ads",
        lambda row: row["constraints"].append({"id": "c8", "kind": "single_note", "span": "exactly", "note": "H9"}),
        ("ads.jsonl, line 1", "ads-001", "'c8'", "'H9' is no note", "A4"),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_source_is_refused_and_nothing_is_written(name: str, folder: Path, tmp_path: Path) -> None:
    stem, change, words = BROKEN[name]
    out = tmp_path / "out"
    tables.build(folder, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    _edit(folder, stem, change)
    with pytest.raises(ManifestError) as caught:
        tables.build(folder, out)
    for word in words:
        assert word in str(caught.value)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_an_installed_copy_is_not_written_into(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pip install -e"):
        sources.append_checks(tmp_path / "site-packages" / "avgen_bench" / "builders", "ads", [])


def test_a_torn_line_and_a_duplicate_id(folder: Path) -> None:
    path = folder / "prompts" / "ads.jsonl"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(ManifestError, match=r"ads.jsonl, line 1: not JSON.*not torn"):
        sources.read_sources(folder)
    path.write_text(whole + whole, encoding="utf-8")
    with pytest.raises(ManifestError, match=r"ads.jsonl, line 2, prompt 'ads-001'.*is taken"):
        sources.read_sources(folder)


# --------------------------------------------------------------------------- build and check


def test_build_then_check_then_change(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert {path.name for path in tables.build(folder, out)} == {
        "README.md", "eval.yaml", "default-test.parquet", "mini-test.parquet", "ladders-test.parquet",
    }  # fmt: skip
    assert tables.build(folder, out) == []
    assert tables.check(folder, out) == []
    (out / "data" / "stray.parquet").write_bytes(b"x")
    assert tables.check(folder, out) == ["data/stray.parquet is made by nothing; remove it"]
    (out / "data" / "stray.parquet").unlink()
    _edit(folder, "ads", _set("title", "Another title"))
    wrong = tables.check(folder, out)
    assert any("ads-001: was changed after the last recorded look" in line for line in wrong)
    assert any(line.startswith("data/default-test.parquet is not as the sources say") for line in wrong)
    with pytest.raises(tables.Problem, match="record the change"):
        tables.build(folder, out)


def test_parquet_is_plain_and_holds_the_prompts(folder: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    tables.build(folder, tmp_path)
    file = tmp_path / "data" / "default-test.parquet"
    table = parquet.read_table(file)
    assert table.schema.metadata is None
    assert table.schema.equals(schema.arrow_schema())
    assert b"huggingface" not in file.read_bytes()
    found = [Prompt.from_json(row) for row in table.to_pylist()]
    assert found == list(sources.read_sources(folder).prompts)


def test_one_review_is_not_enough(folder: Path, tmp_path: Path) -> None:
    path = folder / "verification" / "ads.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line.replace('"by": "b"', '"by": "a"') for line in lines), encoding="utf-8")
    with pytest.raises(tables.Problem, match="1 of 2 independent reviews"):
        tables.build(folder, tmp_path)


def test_mini_is_even(folder: Path) -> None:
    path = folder / "mini.txt"
    path.write_text("ads-001\n", encoding="utf-8")
    prompts = sources.read_sources(folder).prompts
    assert [prompt.id for prompt in selection.read_mini(path, prompts)] == ["ads-001"]
    path.write_text("ads-009\n", encoding="utf-8")
    with pytest.raises(ManifestError, match="ads-009"):
        selection.read_mini(path, prompts)


# --------------------------------------------------------------------------- the parts


def test_near_duplicates() -> None:
    one = _prompt()
    near = _prompt(id="cooking-002", title="Other", text=TEXT.replace("blue", "green"))
    far = _prompt(id="cooking-003", title="Third", text=" ".join(f"w{n}" for n in range(50)), constraints=[])
    pairs = list(similarity.duplicates([one, near, far]))
    assert [(a, b) for a, b, _ in pairs] == [("cooking-001", "cooking-002")]
    assert pairs[0][2] > 0.8
    assert [(a, b) for a, b, _ in similarity.duplicates([one, _prompt(id="x", text=far.text, constraints=[])])] == [
        ("cooking-001", "x")
    ]  # the same title


def test_agreement_counts() -> None:
    demands = [
        {"kind": "shot_count", "span": "", "count_min": 1, "count_max": 1},
        {"kind": "line_spoken", "span": "", "text": "three is enough"},
        {"kind": "text_shown", "span": "", "text": "FOUR EGGS"},
        {"kind": "no_speech", "span": ""},
    ]
    annotations = {"cooking-001": demands}
    kind = agreement.agreement([_prompt()], annotations, "kind")
    assert (kind.matched, kind.stored, kind.annotated) == (3, 5, 4)
    value = agreement.agreement([_prompt()], annotations, "value")
    assert (value.matched, value.precision, value.recall) == (2, 0.4, 0.5)
    only = list(agreement.disagreements([_prompt()], annotations))
    assert sum(where == "only stored" for _, where, _ in only) == 3
    assert sum(where == "only annotated" for _, where, _ in only) == 2


def test_record_stamps_the_digest(folder: Path, tmp_path: Path) -> None:
    findings = tmp_path / "findings.jsonl"
    findings.write_text(json.dumps({"id": "ads-001", "checks": ["twins"], "note": "swapped a twin"}) + "\n")
    assert signing.record(findings, "change", "c", "2026-02-02", folder) == 1
    prompt = sources.read_sources(folder).prompts[0]
    assert prompt.verification[-1] == Check("change", "c", "2026-02-02", ("twins",), "swapped a twin", prompt.digest())
    findings.write_text(json.dumps({"id": "ads-999"}) + "\n")
    with pytest.raises(ManifestError, match="ads-999"):
        signing.record(findings, "change", "c", None, folder)


def test_a_person_signs_off(folder: Path) -> None:
    from rich.console import Console

    answers = iter(["what?", "y", "n", "the twin is odd", "q"])
    with open("/dev/null", "w") as sink:
        console = Console(file=sink)
        assert signing.sign_off(console, lambda _: next(answers), "ann", None, folder) == (1, 13)
        again = signing.sign_off(console, lambda _: "q", "ann", None, folder)
    assert again == (0, 13)
    looks = sources.read_sources(folder).prompts
    assert looks[0].verification[-1].type == "sign_off"
    assert looks[1].verification[-1].note == "remark: the twin is odd"
    counts = census.verification(looks)
    assert counts["signed off by a person"] == 1
    _edit(folder, "ads", _set("title", "Changed since"))
    assert census.verification(sources.read_sources(folder).prompts)["signed off by a person"] == 0


def test_choice_of_mini_covers_rare_kinds() -> None:
    prompts = []
    for category in validators.CATEGORIES:
        for number in range(10):
            rare = number == 9 and category == "sports"
            constraints = [{"id": "c1", "kind": "key", "key": "C major", "span": "A"}] if rare else ROW["constraints"]
            prompts.append(_prompt(id=f"{category}-{number:03d}", category=category, constraints=constraints))
    chosen = selection.choose(prompts, 2)
    assert len(chosen) == 22
    assert "sports-009" in chosen
    assert chosen == selection.choose(prompts, 2)


# --------------------------------------------------------------------------- the real set


@pytest.mark.skipif(not (sources.FOLDER / "mini.txt").exists(), reason="the prompt set is not chosen yet")
def test_the_prompt_set_is_built_and_meets_its_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--check"]) == 0
    assert main(["stats"]) == 0
    assert main(["duplicates"]) == 0
    assert "MISSED" not in capsys.readouterr().out


def test_the_guide_s_example_is_right() -> None:
    guide = (sources.FOLDER / "GUIDE.md").read_text(encoding="utf-8")
    row = json.loads(guide.split("```json\n")[1].split("```")[0])
    prompt = parse_prompt({**row, "category": "cooking"}, "guide")
    assert [fault for fault in validators.faults(prompt) if "questions" not in fault] == []


def test_the_guide_lists_every_kind_with_its_parameters() -> None:
    from avgen_bench.constraints import base

    guide = (sources.FOLDER / "GUIDE.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in guide.splitlines() if line.startswith("| ")}
    for name in base.kinds():
        facts = base.kind_of(name).facts
        assert name in rows, f"GUIDE.md does not list {name}"
        for column in (*facts.required, *(item for item in facts.optional if item not in base.WINDOW + base.OTHER)):
            assert column in rows[name], f"GUIDE.md: {name} takes {column}"


def test_the_checklist_has_the_names_that_are_recorded() -> None:
    text = (sources.FOLDER / "CHECKLIST.md").read_text(encoding="utf-8")
    assert tuple(line.split("**")[1] for line in text.splitlines() if line.startswith("- **")) == signing.CHECKLIST


def test_a_failed_write_leaves_the_old_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    tables.build(folder, out)
    before = (out / "README.md").read_bytes()
    shutil.rmtree(out / "data")
    monkeypatch.setattr(tables.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(Exception, match="disk full"):
        tables.build(folder, out)
    assert (out / "README.md").read_bytes() == before
    assert not list(out.rglob("*.part"))
