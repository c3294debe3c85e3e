"""Clips find their prompts by id or title, whatever a sanitiser made of the name; anything doubtful is refused."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest

from avgen_bench.errors import ManifestError
from avgen_bench.prompts import export, file_name, find_clips, load_prompts, parse_prompt


def prompt_file(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def test_a_folder_without_prompts_names_clips_by_path(tmp_path: Path) -> None:
    touch(tmp_path / "sys", "b.mp4", "ads/Tea.mp4", "ads/notes.txt", ".hidden.mp4", "a.webm", ".cache/c.mp4")
    rows = find_clips(tmp_path / "sys")
    assert [(r.path, r.prompt_id, r.system, r.category) for r in rows] == [
        ("a.webm", "a", "sys", ""),
        ("ads/Tea.mp4", "ads/Tea", "sys", "ads"),
        ("b.mp4", "b", "sys", ""),
    ]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Café: au Lait?", "Café_ au Lait_.mp4"),
        ("Café: au Lait?", unicodedata.normalize("NFD", "Café_ au Lait_.mp4")),
        ("A/B \\ test | x", "A_B _ test _ x.mp4"),
        ("x" * 300, "x" * 180 + ".mp4"),
        ("Tea \N{EN DASH} hot", "tea - hot.mp4"),
    ],
)
def test_titles_match_after_any_sanitiser(tmp_path: Path, title: str, name: str) -> None:
    prompts = load_prompts(prompt_file(tmp_path, {"category": "ads", "title": title, "prompt": "p"}))
    [row] = find_clips(touch(tmp_path / "sys", f"ads/{name}"), prompts)
    assert row.prompt_id == f"ads/{title}"
    assert row.category == "ads"


def test_ids_win_over_titles_and_categories_part_equal_titles(tmp_path: Path) -> None:
    prompts = load_prompts(
        prompt_file(
            tmp_path,
            {"id": "ads-1", "category": "ads", "title": "Same"},
            {"id": "news-1", "category": "news", "title": "Same"},
        )
    )
    rows = find_clips(touch(tmp_path / "sys", "ads/Same.mp4", "news/Same.mp4"), prompts)
    assert [row.prompt_id for row in rows] == ["ads-1", "news-1"]
    with pytest.raises(ManifestError, match=r"Same\.mp4"):  # ambiguous without its folder
        find_clips(touch(tmp_path / "flat", "Same.mp4"), prompts)


def test_unmatched_clips_are_named_with_the_cure(tmp_path: Path) -> None:
    prompts = load_prompts(prompt_file(tmp_path, {"id": "a"}))
    with pytest.raises(ManifestError, match=r"match no prompt.*b\.mp4 \(1 in all\).*manifest"):
        find_clips(touch(tmp_path / "sys", "a.mp4", "b.mp4"), prompts)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_manifests(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    rows = [
        {"path": "x/1.mp4", "prompt_id": "p1", "system": "s", "take": 1},
        {"path": "x/0.mp4", "prompt_id": "p1", "system": "s", "take": 0},
        {"path": "y.mp4", "prompt_id": "p2", "system": "s"},
    ]
    if suffix == "csv":
        lines = ["path,prompt_id,system,take"] + [",".join(str(r.get(k, "")) for k in rows[0]) for r in rows]
        path.write_text("\n".join(lines))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    found = find_clips(path)
    assert [(r.path, r.prompt_id, r.take) for r in found] == [
        ("x/0.mp4", "p1", 0),
        ("x/1.mp4", "p1", 1),
        ("y.mp4", "p2", 0),
    ]
    assert found[0].file == tmp_path / "x/0.mp4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"path": "a.mp4"', "line 1: not JSON"),
        ('["a.mp4"]', "line 1: got list"),
        ('{"prompt_id": "a"}', "no 'path'"),
        ('{"path": 3}', "'path' is 3; expected text"),
        ('{"path": "a.mp4", "take": "first"}', "take is 'first'"),
        ('{"path": "a\\u0000.mp4"}', "expected the name of a clip"),
        ('{"path": "a.mp4", "prompt_id": "p"}\n{"path": "b.mp4", "prompt_id": "p"}', "both answer prompt 'p'"),
        ("", "holds no row"),
    ],
)
def test_a_bad_manifest_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(text)
    with pytest.raises(ManifestError, match=message):
        find_clips(path)


def test_bad_places_are_refused(tmp_path: Path) -> None:
    for place, message in (
        (tmp_path / "none", "does not exist"),
        (tmp_path, "holds no clip"),
        (Path(__file__), "is no folder"),
    ):
        with pytest.raises(ManifestError, match=message):
            find_clips(place)
    (tmp_path / "bin.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ManifestError, match="UTF-8"):
        find_clips(tmp_path / "bin.jsonl")


def test_bad_prompt_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"line 2: the id 'a'.*another prompt"):
        load_prompts(prompt_file(tmp_path, {"id": "a", "prompt": "x"}, {"id": "a", "prompt": "y"}))
    with pytest.raises(ManifestError, match="no 'id'"):
        load_prompts(prompt_file(tmp_path, {"prompt": "x"}))
    with pytest.raises(ManifestError, match="holds no prompt"):
        load_prompts(prompt_file(tmp_path))


# --------------------------------------------------------------------------- typed prompts and export

TYPED = {
    "id": "a-1",
    "text": 'He says, "Come in."',
    "constraints": [{"id": "c1", "kind": "line_spoken", "span": "He says", "text": "Come in."}],
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"constraints": [{"id": "c1", "kind": "line_spokn", "span": "He", "text": "x"}]},
            ["'line_spokn'", "line_spoken"],
        ),
        (
            {"constraints": [{"id": "c1", "kind": "line_spoken", "span": "She", "text": "x"}]},
            ["'She'", "letter for letter"],
        ),
        ({"constraints": [{"id": "c1", "kind": "line_spoken", "span": "He"}]}, ["lacks 'text'"]),
        ({"constraints": [{"kind": "line_spoken", "span": "He"}]}, ["no 'id'", "a short name"]),
        (
            {"constraints": [{"id": "c1", "kind": "single_note", "note": "H#"}]},
            ["constraint 'c1'", "no 'span'", "words of the prompt"],
        ),
        ({"constraints": ["c1"]}, ["id, kind, span"]),
        ({"constraints": [*TYPED["constraints"], *TYPED["constraints"]]}, ["two constraints are called 'c1'"]),
        ({"questions": [{"id": "q1"}]}, ["question 1", "type, modality"]),
        ({"questions": [{"id": 1}]}, ["question 1", "expected text"]),
        ({"questions": "q"}, ["expected a list"]),
        ({"expectations": [{"id": "e", "severity": "huge", "observe": "a", "contradict": "b"}]}, ["'huge'", "severe"]),
        ({"duration_s": "long"}, ["'long'", "seconds"]),
        ({"duration_s": -3}, ["-3"]),
        ({"duration_s": 10**400}, ["duration_s is 1000", "expected seconds"]),
        ({"ladder": {"group": "g", "dial": "d", "unit": "u", "amount": 10**400, "rung": 1}}, ["'amount' is 1000"]),
        ({"constraints": [{**TYPED["constraints"][0], "kind": "duration", "duration_s": 10**400}]}, ["is 1e400;"]),
        ({"constraints": [{**TYPED["constraints"][0], "kind": "duration", "duration_s": -(10**400)}]}, ["is -1e400;"]),
        (
            {"constraints": [{**TYPED["constraints"][0], "kind": "face_count", "count_min": 10**400, "count_max": 1}]},
            ["'count_min' is 1e400; expected 0 to 99"],
        ),
        (
            {"constraints": [{**TYPED["constraints"][0], "kind": "silence_during", "window_start_s": 10**400}]},
            ["'window_start_s' is 1e400; expected seconds from the start"],
        ),
        ({"ladder": {"group": "g"}}, ["ladder", "amount"]),
        ({"verification": [{"type": "review", "who": "x"}]}, ["'who'", "by"]),
    ],
)
def test_a_typed_prompt_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, change: dict[str, object], words: list[str]
) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps(TYPED) + "\n" + json.dumps({**TYPED, "id": "a-2", **change}) + "\n", encoding="utf-8")
    with pytest.raises(ManifestError) as caught:
        load_prompts(file)
    for word in ("p.jsonl, line 2, prompt 'a-2'", *words):
        assert word in str(caught.value)


def test_a_typed_prompt_survives_its_row() -> None:
    from avgen_bench.types import Prompt

    prompt = parse_prompt({**TYPED, "category": "ads", "duration_s": 8}, "here")
    assert Prompt.from_json(json.loads(json.dumps(prompt.to_json()))) == prompt
    assert prompt.constraints[0].get("text") == "Come in."
    assert hash(prompt) == hash(Prompt.from_json(prompt.to_json()))


def test_digest_changes_with_what_can_change_a_score_and_with_nothing_else() -> None:
    prompt = parse_prompt(TYPED, "here")
    look = {"type": "review", "by": "a", "date": "2026-01-01", "checks": [], "note": "", "digest": ""}
    assert parse_prompt({**TYPED, "verification": [look], "source": "s"}, "here").digest() == prompt.digest()
    for change in ({"title": "t"}, {"language": "es"}, {"duration_s": 8}, {"text": TYPED["text"] + " x"}):
        assert parse_prompt({**TYPED, **change}, "here").digest() != prompt.digest()


def test_export_names_every_clip() -> None:
    prompts = [parse_prompt(TYPED, "here"), parse_prompt({"id": "../b\tc", "text": "Two\nlines"}, "here")]
    rows = [json.loads(line) for line in export(prompts, "jsonl").splitlines()]
    assert [row["file"] for row in rows] == ["a-1.mp4", "b_c.mp4"]
    assert list(rows[0]) == ["id", "file", "prompt", "duration_s", "category", "title"]
    assert export(prompts, "txt").splitlines()[1] == "b_c.mp4\tTwo lines"
    assert next(csv.DictReader(io.StringIO(export(prompts, "csv"))))["prompt"] == TYPED["text"]
    whole = json.loads(export(prompts, "jsonl", full=True).splitlines()[0])
    assert parse_prompt(whole, "here") == prompts[0]
    with pytest.raises(ManifestError, match="would both be called"):
        export([parse_prompt({"id": "a b"}, "x"), parse_prompt({"id": "a_b"}, "x")], "txt")


def test_exported_names_are_found_again(tmp_path: Path) -> None:
    prompts = {
        name: parse_prompt({"id": name, "text": "x"}, "here") for name in ("a-1", "Caf\u00e9: two/three", "c" * 300)
    }
    for prompt in prompts.values():
        (tmp_path / file_name(prompt)).write_bytes(b"x")
    assert {row.prompt_id for row in find_clips(tmp_path, prompts)} == set(prompts)


def test_the_package_s_own_configurations() -> None:
    with pytest.raises(ManifestError, match="no configuration 'nano'"):
        load_prompts("avgen-bench:nano")
    with pytest.raises(ManifestError, match="no configuration"):
        load_prompts("avgen-bench:../../secret")


def test_a_csv_cell_holds_constraints_as_json(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    cell = json.dumps(TYPED["constraints"]).replace('"', '""')
    shown = TYPED["text"].replace('"', '""')
    file.write_text(f'id,prompt,constraints\na-1,"{shown}","{cell}"\n', encoding="utf-8")
    assert [c.id for c in load_prompts(file)["a-1"].constraints] == [c["id"] for c in TYPED["constraints"]]
    file.write_text("id,prompt,constraints\na-1,He waits.,[oops\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"p\.csv, line 2: 'constraints' is not JSON"):
        load_prompts(file)
    file.write_text("id,prompt,constraints\na-1,He waits.,\"[{'id': 'c1', 'kind': 'x'}]\"\n", encoding="utf-8")
    with pytest.raises(ManifestError, match="write JSON lines or parquet instead"):
        load_prompts(file)


def test_a_row_with_constraints_and_no_text_says_that_it_has_no_text() -> None:
    row = {"id": "a", "caption": "He waits.", "constraints": TYPED["constraints"]}
    with pytest.raises(ManifestError, match=r"x, prompt 'a': the row has no text.*'prompt'.*'caption'"):
        parse_prompt(row, "x")
