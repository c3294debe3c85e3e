"""Receipts are the same bytes however a run was shared out, and ``verify`` names whatever was changed afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scenes import small_clip
from test_asking import FakeJudge, passport_of

from avgen_bench import cli, passport, registry, runner, work
from avgen_bench.backbones import levels
from avgen_bench.errors import InputError, MissingInstrument, StoreError
from avgen_bench.receipts import sealed as seal
from avgen_bench.report import write_json
from avgen_bench.signatures import parse
from avgen_bench.terms import Budget, Terms
from avgen_bench.totals import TABLE_SCHEMA
from avgen_bench.types import Ask, JudgeReply, canonical_json
from avgen_bench.verifying import Checked, verify

DIMENSIONS = ["visual_quality", "sound", "timing", "alignment"]
SPANS = [
    {"id": "c1", "kind": "silence_during", "span": "silent", "duration_s": 0.4},
    {"id": "c2", "kind": "event_count", "span": "knocks twice", "event": "knock", "count_min": 2, "count_max": 2},
]
QUESTIONS = [
    {"id": "q1", "type": "object", "modality": "picture", "text": "Is there a ball?", "twin": "Is there a horse?"},
    {
        "id": "q2",
        "type": "action",
        "modality": "picture",
        "text": "Does the ball roll?",
        "twin": "Does the ball burn?",
        "after": ["q1"],
    },
    {"id": "q3", "type": "sound", "modality": "sound", "text": "Does it knock?", "twin": "Does it sing?"},
]


def _says(ask: Ask, call: int) -> JudgeReply:
    return JudgeReply("yes" if "~twin" not in ask.key else "no", model="parrot-1")


def prompts_in(folder: Path, names: tuple[str, ...] = ("p0", "p1", "p2", "lost")) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [
        {"id": name, "prompt": "A silent ball, then it knocks twice.", "constraints": SPANS, "questions": QUESTIONS}
        for name in names
    ]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "prompts.jsonl"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with clips, prompts and a run that a judge answered in, with its report."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        (folder / "clips").mkdir()
        for k in range(3):
            small_clip(folder / "clips" / f"p{k}.mp4", 60 + 40 * k, seed=k, sound=k != 2)
        score(folder, "run")
        yield folder


def score(folder: Path, out: str, **options: Any) -> dict[str, Any]:
    """Score the clips of a folder into a run of it and write the report."""
    asked: dict[str, Any] = {"prompts": prompts_in(folder), "dimensions": DIMENSIONS, "workers": 0, "system": "made"}
    judge = FakeJudge(_says)
    report = runner.score(folder / "clips", folder / out, judge=judge, **{**asked, **options})
    write_json(report, folder / out / "report.json")
    return report


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of that run, with its clips beside it, to tamper with."""
    shutil.copytree(made / "clips", tmp_path / "clips")
    shutil.copytree(made / "run", tmp_path / "run")
    return tmp_path / "run"


def found(run: Path, **options: Any) -> list[str]:
    return [str(item) for item in verify(run, **options).findings]


# --------------------------------------------------------------------------- the same bytes


def test_a_run_that_nobody_touched_is_what_it_says(run: Path) -> None:
    checked = verify(run)
    assert checked.findings == [] and checked.absent == [] and checked.unchecked == []
    assert (checked.clips, checked.again, checked.files) == (4, 16, 3)
    assert checked.observations > 9 and checked.as_stored == {}


def test_receipts_are_the_same_bytes_for_any_sharing(made: Path, tmp_path: Path) -> None:
    text = (made / "run" / "receipts.jsonl").read_bytes()
    for name, options in {
        "one": {"workers": 1},
        "two": {"workers": 2},
        "seed": {"terms": Terms(seed=9, concurrency=1)},
        "budget": {"terms": Terms(budget=Budget(1e6, "calls"))},
        "order": {"prompts": prompts_in(tmp_path / "elsewhere", ("lost", "p2", "p1", "p0"))},
    }.items():
        score(made, name, **options)
        assert (made / name / "receipts.jsonl").read_bytes() == text, name
        if name != "seed":  # which the report tells
            assert (made / name / "report.json").read_bytes() == (made / "run" / "report.json").read_bytes(), name
    shutil.copytree(made / "clips", tmp_path / "other" / "clips")
    score(tmp_path / "other", "run")
    assert (tmp_path / "other" / "run" / "receipts.jsonl").read_bytes() == text


def test_a_run_that_was_broken_off_has_the_same_receipts(made: Path, run: Path) -> None:
    text = (run / "receipts.jsonl").read_bytes()
    for path in (run / "shards").iterdir():
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) // 2]) + b"torn")
    with pytest.raises(StoreError, match="not in its store"):
        runner.read_report(run)
    (run / "receipts.jsonl").unlink()
    score(run.parent, "run")
    assert (run / "receipts.jsonl").read_bytes() == text
    assert verify(run).findings == []


def test_the_report_quotes_its_receipts(run: Path) -> None:
    text = (run / "receipts.jsonl").read_text()
    report = json.loads((run / "report.json").read_text())
    assert report["receipts"] == {
        "file": "receipts.jsonl",
        "clips": 4,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    header, *rows = map(json.loads, text.splitlines())
    assert header["digest"] == hashlib.sha256("".join(text.splitlines(keepends=True)[1:]).encode()).hexdigest()
    assert [row["clip"]["prompt_id"] for row in rows] == ["lost", "p0", "p1", "p2"]
    for row in rows:
        plain = {name: value for name, value in row.items() if name != "digest"}
        assert row["digest"] == hashlib.sha256(canonical_json(plain).encode()).hexdigest()
        assert {number["signature"] for number in row["numbers"].values()} <= header["signatures"].keys()
        if row["clip"]["path"]:
            assert (
                row["clip"]["clip_id"]
                == hashlib.sha256((run.parent / "clips" / row["clip"]["path"]).read_bytes()).hexdigest()
            )
    assert [verdict[:2] for verdict in rows[1]["numbers"]["timing"]["verdicts"]] == [["c2", "pass"]]


# --------------------------------------------------------------------------- tampering


def _rewrite(run: Path, kind: str, change: Callable[[str, dict[str, Any]], dict[str, Any] | None]) -> int:
    """Change records of the store, each line with the digest that then belongs to it; how many were changed."""
    changed = 0
    for path in (run / "shards").iterdir():
        lines = []
        for text in path.read_text().splitlines():
            _, of, key, body = text.split(" ", 3)
            value = json.loads(body)
            new = change(key, json.loads(body)) if of == kind else value
            if new != value:
                changed += 1
            if new is not None:
                rest = f"{of} {key} {canonical_json(new)}"
                lines.append(f"{hashlib.sha256(rest.encode()).hexdigest()[:16]} {rest}\n")
        path.write_text("".join(lines))
    return changed


def _number(run: Path, dimension: str, prompt_id: str, **fields: Any) -> None:
    def change(key: str, value: dict[str, Any]) -> dict[str, Any]:
        mine = (value["dimension"], value["prompt_id"]) == (dimension, prompt_id)
        return {**value, **fields} if mine else value

    assert _rewrite(run, "mea", change) == 1


@pytest.mark.parametrize(
    ("dimension", "prompt_id"),
    [("visual_quality", "p0"), ("timing", "p1"), ("alignment", "p0"), ("sound", "lost")],
)
def test_a_changed_score_in_the_store(run: Path, dimension: str, prompt_id: str) -> None:
    _number(run, dimension, prompt_id, value=0.123456)
    words = found(run)
    name = f"{prompt_id}.mp4" if prompt_id != "lost" else "made lost (no clip)"
    assert any(text.startswith(f"store: {dimension} of {name}: 0.123456 is stored, ") for text in words)
    assert any(text.startswith(f"receipts: {dimension} of ") and "the store 0.123456" in text for text in words)
    assert any(text.startswith(f"report: {dimension} of made: mean is ") for text in words)


def test_a_changed_status_in_the_store(run: Path) -> None:
    _number(run, "timing", "p1", status="abstained", value=None, reason="cannot tell")
    assert any(text.startswith("store: timing of p1.mp4: abstained is stored, 1.0 comes out") for text in found(run))


def test_a_score_that_fails_beforehand_is_not_made_again_but_is_not_what_its_receipt_is_for(run: Path) -> None:
    _number(run, "timing", "p1", status="failed", value=None, reason="crash", observations=[])
    checked = verify(run)
    assert checked.as_stored == {"failed before anything was observed": 1}
    assert "receipts: timing of p1.mp4: the receipt says 1.0, the store failed" in map(str, checked.findings)


def test_a_changed_verdict(run: Path) -> None:
    verdict = {"id": "c2", "kind": "event_count", "strict": "fail", "loose": "pass", "reason": "made up"}
    _number(run, "timing", "p1", verdicts=[verdict])
    words = found(run)
    assert any("verdict c2: fail (loosely pass) is stored, pass (loosely pass) comes out" in text for text in words)
    assert "receipts: timing of p1.mp4: the receipt has other verdicts than the store" in words
    assert "report: timing of p1.mp4: the report has other verdicts than the store" in words


def test_a_changed_piece_of_evidence(run: Path) -> None:
    _number(run, "visual_quality", "p1", evidence=[{"kind": "note", "label": "made up"}])
    assert "store: visual_quality of p1.mp4: another evidence is stored than comes out" in found(run)


@pytest.mark.parametrize("producer", ["media", "onsets", "judge"])
def test_a_lost_observation(run: Path, producer: str) -> None:
    gone: list[str] = []

    def change(key: str, value: dict[str, Any]) -> dict[str, Any] | None:
        if value["header"]["producer"] == producer and not gone:
            gone.append(key)
        return None if key in gone else value

    assert _rewrite(run, "obs", change) == 1
    words = found(run)
    assert any(text.startswith("store: ") and f"the observation {gone[0][:16]} is lost" in text for text in words)
    assert any(text.startswith("receipts: ") and f"the observation {gone[0][:16]} is lost" in text for text in words)


@pytest.mark.parametrize(("dimension", "name"), [("timing", "onsets"), ("visual_quality", "clarity")])
def test_a_number_that_no_longer_names_what_it_was_made_from(run: Path, dimension: str, name: str) -> None:
    fingerprints = {}

    def see(key: str, value: dict[str, Any]) -> dict[str, Any]:
        fingerprints[key] = value["header"]["producer"]
        return value

    _rewrite(run, "obs", see)

    def change(key: str, value: dict[str, Any]) -> dict[str, Any]:
        if (value["dimension"], value["prompt_id"]) != (dimension, "p0"):
            return value
        return {**value, "observations": [at for at in value["observations"] if fingerprints[at] != name]}

    assert _rewrite(run, "mea", change) == 1
    assert f"store: {dimension} of p0.mp4: the observation of {name} is lost" in found(run)


@pytest.mark.parametrize(
    "change", [{"revision": "99"}, {"clip_id": "cd" * 32}, {"libraries": {"av": "1"}}, {"device": "cuda"}], ids=str
)
def test_a_fingerprint_that_does_not_match_its_content(run: Path, change: dict[str, Any]) -> None:
    def forge(key: str, value: dict[str, Any]) -> dict[str, Any]:
        mine = value["header"]["producer"] == "onsets"
        return {**value, "header": {**value["header"], **change}} if mine else value

    assert _rewrite(run, "obs", forge) == 3
    words = found(run)
    assert sum("does not match its content, onsets" in text for text in words) == 3


def test_another_content_under_the_same_fingerprint(run: Path) -> None:
    def forge(key: str, value: dict[str, Any]) -> dict[str, Any]:
        if value["header"]["producer"] != "onsets":
            return value
        payload = {**value["payload"], "times_s": [0.1], "strengths_db": [9.0]}
        return {**value, "payload": payload}

    assert _rewrite(run, "obs", forge) > 0
    words = found(run)
    assert any("timing of p1.mp4: 1.0 is stored, 0.0 comes out" in text for text in words)
    assert any(text.startswith("receipts: p1.mp4: the content of the observation ") for text in words)


def test_a_reply_that_the_judge_never_gave(run: Path) -> None:
    def forge(key: str, value: dict[str, Any]) -> dict[str, Any]:
        mine = value["type"] == "JudgeReply" and value["payload"]["raw"] == "yes"
        return {**value, "payload": {**value["payload"], "raw": "no"}} if mine else value

    assert _rewrite(run, "obs", forge) > 0
    words = found(run)
    assert any(text.startswith("store: alignment of p0.mp4: ") and "comes out" in text for text in words)


def test_a_swapped_clip(run: Path) -> None:
    clips = run.parent / "clips"
    (clips / "p0.mp4").rename(clips / "x.mp4")
    (clips / "p1.mp4").rename(clips / "p0.mp4")
    (clips / "x.mp4").rename(clips / "p1.mp4")
    words = sorted(found(run))
    assert [text.split(": sha256")[0] for text in words] == [
        "media: p0.mp4: another file lies there",
        "media: p1.mp4: another file lies there",
    ]
    assert found(run, look_at_media=False) == []


def test_clips_elsewhere_and_clips_that_are_gone(run: Path, tmp_path: Path) -> None:
    (run.parent / "clips").rename(tmp_path / "moved")
    checked = verify(run)
    assert checked.findings == [] and checked.files == 0 and sorted(checked.absent) == ["p0.mp4", "p1.mp4", "p2.mp4"]
    assert verify(run, clips=tmp_path / "moved").files == 3
    with pytest.raises(InputError, match="no folder"):
        verify(run, clips=tmp_path / "nowhere")


def _edit(path: Path, change: Callable[[Any], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_a_changed_estimate_in_the_report(run: Path) -> None:
    def change(report: dict[str, Any]) -> None:
        report["estimates"][0]["mean"] = 0.99

    _edit(run / "report.json", change)
    [text] = found(run)
    assert text.startswith("report: visual_quality of made: mean is 0.99, 0.")


def test_a_changed_score_in_the_report(run: Path) -> None:
    def change(report: dict[str, Any]) -> None:
        [row] = [row for row in report["clips"] if row["prompt_id"] == "p1"]
        row["measurements"]["timing"]["value"] = 0.5
        row["measurements"]["timing"]["verdicts"][0]["strict"] = "fail"

    _edit(run / "report.json", change)
    assert found(run) == [
        "report: timing of p1.mp4: the report says 0.5, the store 1.0",
        "report: timing of p1.mp4: the report has other verdicts than the store",
    ]


@pytest.mark.parametrize("name", ["counts", "notes", "systems", "signature", "constraints", "receipts"])
def test_any_other_part_of_the_report(run: Path, name: str) -> None:
    _edit(run / "report.json", lambda report: report.__setitem__(name, "made up"))
    assert found(run) == [f"report: {name}: is not what follows from the store"]


def test_a_report_without_its_worst_clip(run: Path) -> None:
    _edit(run / "report.json", lambda report: report["clips"].pop(0))
    assert found(run) == ["report: lost: the clip is only on one side"]


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_report_that_is_none(run: Path, text: str) -> None:
    (run / "report.json").write_text(text)
    [words] = found(run)
    assert words.startswith("report: report.json ")


def _receipt(run: Path, prompt_id: str, change: Callable[[dict[str, Any]], None], sealed: bool = True) -> None:
    header, *rows = map(json.loads, (run / "receipts.jsonl").read_text().splitlines())
    for row in rows:
        if row["clip"]["prompt_id"] == prompt_id:
            change(row)
            if sealed:
                row["digest"] = seal(row)["digest"]
    lines = [canonical_json(row) + "\n" for row in rows]
    if sealed:
        header["digest"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    (run / "receipts.jsonl").write_text(canonical_json(header) + "\n" + "".join(lines))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda row: row["numbers"]["timing"].update(value=0.5),
            "timing of p1.mp4: the receipt says 0.5, the store 1.0",
        ),
        (
            lambda row: row["numbers"]["timing"]["verdicts"][0].__setitem__(1, "fail"),
            "timing of p1.mp4: the receipt has other verdicts than the store",
        ),
        (
            lambda row: row["clip"].update(clip_id="cd" * 32),
            "p1.mp4: the receipt is for sha256 cdcdcdcdcdcdcdcd, the run",
        ),
        (lambda row: row.update(prompt="none"), "p1.mp4: the receipt is for another prompt"),
        (
            lambda row: row["numbers"]["sound"].update(signature="0" * 16),
            "sound of p1.mp4: the receipt names another signature",
        ),
        (lambda row: row["numbers"].pop("sound"), "sound of p1.mp4: the number is only on one side"),
        (lambda row: row.update(clip=7), "is about a clip that is not in the run"),
        (lambda row: row.update(numbers=[], observations=None), "timing of p1.mp4: the number is only on one side"),
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_changed_receipt(run: Path, change: Any, words: str, sealed: bool) -> None:
    _receipt(run, "p1", lambda row: None if row.get("numbers") is None else change(row), sealed)
    texts = found(run)
    assert any(words in text for text in texts)
    assert any("its digest does not match its content" in text for text in texts) is not sealed
    assert any("the digest of the lines is not what follows" in text for text in texts) is sealed


@pytest.mark.parametrize(
    "text",
    ["", "{}\n", "not JSON\n" * 3, "[1]\n", '{"run":3}\n{"clip":{}}\n', "\ud800".encode("utf-8", "surrogatepass")],
)
def test_receipts_that_are_none(run: Path, text: str | bytes) -> None:
    (run / "receipts.jsonl").write_bytes(text.encode() if isinstance(text, str) else text)
    assert found(run) and all(words.startswith("receipts: ") for words in found(run))


def test_what_is_not_there_is_unchecked_and_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "receipts.jsonl").unlink()
    (run / "report.json").unlink()
    (run.parent / "clips" / "p2.mp4").unlink()
    assert cli.main(["verify", str(run)]) == 0
    said = capsys.readouterr().out
    assert "receipts.jsonl: not there" in said and "report.json: not there" in said and "p2.mp4" in said
    assert said.rstrip().endswith("nothing differs")


def test_another_prompt_in_run_json(run: Path) -> None:
    _edit(run / "run.json", lambda value: value["prompts"]["p1"].update(text="Another silent ball knocks twice."))
    words = found(run)
    assert any("of p1.mp4: run.json holds another prompt than it was measured with" in text for text in words)
    assert any("the digest of the prompts is not what follows" in text for text in words)


def test_two_numbers_that_changed_places(run: Path) -> None:
    def change(value: dict[str, Any]) -> None:
        one, other = value["clips"][1]["measurements"], value["clips"][2]["measurements"]
        one["timing"], other["timing"] = other["timing"], one["timing"]

    _edit(run / "run.json", change)
    assert sum("what lies at the address of this number is another one" in text for text in found(run)) == 2


def test_a_lost_number(run: Path) -> None:
    def change(key: str, value: dict[str, Any]) -> dict[str, Any] | None:
        return None if (value["dimension"], value["prompt_id"]) == ("sound", "p1") else value

    assert _rewrite(run, "mea", change) == 1
    words = found(run)
    assert "store: sound of p1.mp4: the number is lost" in words
    assert "receipts: sound of p1.mp4: the number is only on one side" in words


def test_a_damaged_line_of_the_store(run: Path) -> None:
    [path] = (run / "shards").iterdir()
    lines = path.read_text().splitlines(keepends=True)
    number = next(k for k, text in enumerate(lines) if " obs " in text and '"producer":"onsets"' in text)
    lines[number] = lines[number].replace('"Onsets"', '"Onset5"')
    path.write_text("".join(lines))
    checked = verify(run)
    assert "1 damaged lines of the store, passed over" in checked.unchecked
    assert any("is lost" in str(item) for item in checked.findings)


def _damage(run: Path, producer: str) -> None:
    """Change one byte of the first observation of a producer."""
    [path] = (run / "shards").iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    number = next(k for k, line in enumerate(lines) if b" obs " in line and f'"producer":"{producer}"'.encode() in line)
    lines[number] = lines[number].replace(b'"payload"', b'"payl0ad"')
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("producer", ["media", "onsets", "judge"])
def test_a_damaged_observation_is_told_and_healed(made: Path, tmp_path: Path, producer: str) -> None:
    shutil.copytree(made / "clips", tmp_path / "clips")
    shutil.copytree(made / "run", tmp_path / "run")
    whole = runner.read_report(tmp_path / "run")
    _damage(tmp_path / "run", producer)
    told = runner.read_report(tmp_path / "run")["notes"][0]
    assert "lost 1 observation (1 damaged line of it passed over)" in told and "score again" in told
    notes: list[str] = []
    healed = score(tmp_path, "run", on_note=notes.append)
    assert any("no longer in the store: observed and measured again" in note for note in notes)
    assert found(tmp_path / "run") == []
    assert healed["clips"] == whole["clips"] and healed["notes"] == whole["notes"]
    notes.clear()
    score(tmp_path, "run", on_note=notes.append)
    assert not any("no longer in the store" in note for note in notes)


def test_a_number_that_cannot_be_read_is_measured_again(run: Path) -> None:
    def change(key: str, value: dict[str, Any]) -> dict[str, Any]:
        mine = (value["dimension"], value["prompt_id"]) == ("sound", "p1")
        return {name: item for name, item in value.items() if name != "status"} if mine else value

    assert _rewrite(run, "mea", change) == 1
    with pytest.raises(StoreError):
        runner.read_report(run)
    score(run.parent, "run")
    assert found(run) == []


def test_rules_that_differ_between_the_files_are_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _edit(run / "run.json", lambda value: value.update(missing="exclude"))
    checked = verify(run)
    assert checked.findings == []
    assert any(
        "'floor' in receipts.jsonl and report.json, and as 'exclude' in run.json" in x for x in checked.unchecked
    )
    runner.read_report(run, receipts=True)  # the receipts alone by the new rule
    assert any("report: rule: it counts prompts without a clip by 'floor'" in text for text in found(run))


def test_an_export_leaves_the_receipts_that_the_report_quotes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(run), "--missing", "exclude", "--format", "csv"]) == 0
    assert found(run) == []


# --------------------------------------------------------------------------- what cannot be made again


def test_a_dimension_of_another_version_is_said_and_not_made_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = type(registry.load("dimensions", "timing"))
    monkeypatch.setattr(of, "facts", replace(of.facts, version="99"))
    (run / "report.json").unlink()  # it quotes the facts of the dimension
    checked = verify(run)
    assert checked.as_stored == {"timing was measured by version 1; installed is 99": 4}
    assert checked.findings == []


def test_a_backbone_of_another_version_hinders_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = type(registry.load("backbones", "onsets"))
    monkeypatch.setattr(of, "facts", replace(of.facts, revision="99"))
    for item in (work._header, work._header_text, work._instrument):
        item.cache_clear()
    try:
        checked = verify(run)
        assert checked.again == 16 and checked.findings == []
    finally:
        monkeypatch.undo()
        for item in (work._header, work._header_text, work._instrument):
            item.cache_clear()


def test_what_the_passport_forbade_is_made_again_without_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    passport.save(passport_of(FakeJudge(_says), hears=False, versions=("parrot-1",)))
    report = score(made, "unfit")
    assert sum(row["measurements"]["alignment"]["status"] == "ok" for row in report["clips"]) == 4
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    checked = verify(made / "unfit")
    assert checked.findings == [] and checked.again == 16


def test_questions_that_were_left_open_are_counted(made: Path) -> None:
    score(made, "poor", terms=Terms(budget=Budget(5, "calls")))
    checked = verify(made / "poor")
    assert checked.findings == []
    assert 0 < checked.as_stored["questions to the judge are open"] < 4


def test_what_an_instrument_left_open_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(self: levels.Levels) -> object:
        raise MissingInstrument("pip install levels")

    (tmp_path / "clips").mkdir()
    small_clip(tmp_path / "clips" / "p0.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(levels.Levels, "start", absent)
        asked: dict[str, Any] = {"prompts": prompts_in(tmp_path, ("p0",)), "dimensions": ["sound"], "workers": 0}
        report = runner.score(tmp_path / "clips", tmp_path / "run", **asked)
    assert report["counts"]["abstained"] == 1
    assert parse(report["dimensions"][0]["signature"])["backbone.levels.lacking"] == "yes"
    checked = verify(tmp_path / "run")
    assert checked.findings == [] and checked.again == 1


# --------------------------------------------------------------------------- the rule for missing clips


def means(report: Mapping[str, Any]) -> dict[str, tuple[float | None, int]]:
    return {item["dimension"]: (item["mean"], item["n"]) for item in report["estimates"]}


def test_a_prompt_without_a_clip_is_at_the_floor_or_does_not_count(run: Path) -> None:
    floor = runner.read_report(run)
    exclude = runner.read_report(run, missing="exclude")
    assert (floor["rule"], exclude["rule"]) == (
        {"missing": "floor", "left_out": 0},
        {"missing": "exclude", "left_out": 1},
    )
    assert "|missing:floor|" in floor["signature"] and "|missing:exclude|" in exclude["signature"]
    assert all("|missing:exclude|" in item["signature"] for item in exclude["dimensions"])
    for name, (mean, n) in means(floor).items():
        without, fewer = means(exclude)[name]
        assert mean is not None and without is not None and n == fewer + 1
        assert mean == pytest.approx(without * fewer / n, abs=1e-5), "the floor is 0"
    assert [row["prompt_id"] for row in exclude["clips"]] == ["p0", "p1", "p2"]
    with pytest.raises(InputError, match="'median'"):
        runner.read_report(run, missing="median")


def test_the_rule_is_told_kept_and_verified(made: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(run), "--missing", "exclude", "--embed", "never"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 prompt without a clip, not counted (--missing exclude)" in said
    assert "prompts without a clip do not count (--missing exclude)" in said
    assert verify(run).findings == []
    assert json.loads((run / "report.json").read_text())["rule"]["missing"] == "exclude"
    report = score(made, "excluded", missing="exclude")
    assert report["rule"]["missing"] == "exclude" == runner.read_report(made / "excluded")["rule"]["missing"]
    with pytest.raises(InputError, match="'none'"):
        score(made, "nowhere", missing="none")
    assert not (made / "nowhere").exists()


# --------------------------------------------------------------------------- the command


def test_the_command_names_what_differs_and_ends_with_five(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(run)]) == 0
    said = capsys.readouterr().out
    assert "4 clips, 16 numbers" in said and "measured again: 16" in said and "nothing differs" in said
    (run / "report.html").touch()
    assert cli.main(["verify", str(run)]) == 0
    said = capsys.readouterr()
    assert "unchecked:      report.html: a page for people" in said.out
    assert said.err == "" and not said.out.startswith("\n")
    _number(run, "timing", "p1", value=0.5)
    assert cli.main(["verify", str(run), "--no-media"]) == 5
    said = capsys.readouterr().out
    assert "store: timing of p1.mp4: 0.5 is stored, 1.0 comes out" in said and "differences" in said
    assert "media files (--no-media)" in said


def test_a_name_cannot_steer_the_terminal(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _edit(run / "run.json", lambda value: value["clips"][1]["clip"].update(path="\x1b[2J[red]x.mp4"))
    assert cli.main(["verify", str(run)]) == 5
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\\x1b[2J[red]x.mp4" in said


def test_a_folder_that_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(tmp_path)]) == 1
    assert "no run.json" in capsys.readouterr().err


def test_a_pipe_where_a_clip_lay_is_not_waited_for(run: Path) -> None:
    (run.parent / "clips" / "p0.mp4").unlink()
    os.mkfifo(run.parent / "clips" / "p0.mp4")
    [text] = found(run)
    assert text.startswith("media: p0.mp4: cannot be read: ")


def test_nothing_is_written(run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    checked: Checked = verify(run)
    assert checked.findings == [] and {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_a_total_is_made_again_or_said_to_be_unchecked(run: Path, tmp_path: Path) -> None:
    metric = {"name": "still", "dimension": "sound", "weight": 1.0, "worst_at": 0.0, "best_at": 1.0}
    table = {
        "schema": TABLE_SCHEMA,
        "name": "mine",
        "version": "1",
        "reference": "nowhere",
        "missing_metric": "worst",
        "failed_clip": "worst",
        "groups": [{"name": "all", "weight": 1.0, "metrics": [metric]}],
    }
    file = tmp_path / "table.json"
    file.write_text(json.dumps(table))
    assert cli.main(["report", str(run), "--total", str(file), "--embed", "never"]) == 0
    checked = verify(run)
    assert checked.findings == []
    assert "the total of report.json: its weight table is a file; give --total FILE" in checked.unchecked
    checked = verify(run, total=str(file))
    [unchecked] = checked.unchecked
    assert checked.findings == [] and unchecked.startswith("report.html: ")
    _edit(run / "report.json", lambda report: report["total"]["systems"][0].update(score=0.99))
    assert found(run, total=str(file)) == ["report: total: is not what follows from the store"]


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["header"].update(clip_id=0.5),
        lambda value: value["header"].update(libraries=[]),
        lambda value: value["payload"].clear(),
        lambda value: value.update(type="else"),
    ],
)
def test_an_observation_that_is_none(run: Path, change: Callable[[dict[str, Any]], None]) -> None:
    def forge(key: str, value: dict[str, Any]) -> dict[str, Any]:
        if value["header"]["producer"] == "onsets":
            change(value)
        return value

    assert _rewrite(run, "obs", forge) == 3
    assert sum(text.startswith("store: timing of p") for text in found(run)) == 3


@pytest.mark.parametrize(
    "change", [{"system": None}, {"take": "1"}, {"take": True}, {"path": []}, {"more": 1}], ids=str
)
def test_a_clip_that_is_none(run: Path, change: dict[str, Any]) -> None:
    _edit(run / "run.json", lambda value: value["clips"][0]["clip"].update(change))
    with pytest.raises(StoreError, match=r"cannot read run\.json"):
        verify(run)
