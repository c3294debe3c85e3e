"""The importer of the official prompts, on a made-up checkout in their layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from avgen_bench.builders import official
from avgen_bench.builders.__main__ import main

from avgen_bench.errors import InputError, ManifestError
from avgen_bench.prompts import load_prompts

PROMPTS: dict[str, list[dict[str, Any]]] = {
    "ads": [
        {
            "content": "Sock | Puppet: \u201cSpot\u201d / 2",
            "prompt": "A puppet waves. On-screen text reads 'Wash it twice.' A calm voiceover states, "
            "'A clean sock... at last,' and hums 'Mmm.'",
        }
    ],
    "musical_instrument_tutorial": [
        {"content": "Scale", "prompt": "A hand plays a slow C major scale, ascending, from C4 up to C5."},
        {"content": "Melody", "prompt": "The right hand plays one note at a time: C4, E4, G4, with no chords."},
        {"content": "Chord", "prompt": "She strums a G major chord once and lets it ring."},
        {"content": "Four", "prompt": "Block chords: C major, then G major, then A minor, then F major, held."},
        {"content": "Note", "prompt": "The player frets a single note A4 and plucks it."},
        {"content": "Odd", "prompt": "The tuner says F minor is near, and the bow rests."},
    ],
    "movie_trailer": [
        {
            "content": "NIGHT BUS",
            "style": "Thriller",
            "prompt": "Shot 1: A bus. Shot 2: A driver whispers, \u201cDon\u2019t look back now.\u201d Shot 3: An old "
            "woman shouts, \"Stop the bus!\" The door goes 'clunk'.",
        }
    ],
}
LABELS = {
    "movie_trailer": [
        {
            "content": "NIGHT BUS",
            "primary_faces": {"min_ids": 1, "max_ids": 2},
            "primary_characters": [{"name": "old woman"}, {"name": "nobody"}],
        }
    ],
    "ads": [{"content": PROMPTS["ads"][0]["content"], "primary_faces": {"min_ids": 0, "max_ids": 0}}],
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for place, rows, suffix in (("prompts", PROMPTS, ".json"), (official._LABELS, LABELS, ".expected_faces.json")):
        (folder / place).mkdir(parents=True)
        for name, value in rows.items():
            (folder / place / f"{name}{suffix}").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return folder


def _kinds(made: official.Imported, title: str) -> dict[str, dict[str, Any]]:
    prompt = next(prompt for prompt in made.prompts if prompt.title == title)
    return {constraint.kind: dict(constraint.params) for constraint in prompt.constraints}


def test_all_prompts_unaltered(checkout: Path) -> None:
    made = official.read_checkout(checkout, any_revision=True)
    given = [(name, row["content"], row["prompt"]) for name in sorted(PROMPTS) for row in PROMPTS[name]]
    assert [(prompt.category, prompt.title, prompt.text) for prompt in made.prompts] == given
    assert {prompt.license for prompt in made.prompts} == {""}  # not the pinned files
    assert all(constraint.span in prompt.text for prompt in made.prompts for constraint in prompt.constraints)


def test_rules(checkout: Path) -> None:
    made = official.read_checkout(checkout, any_revision=True)
    ads = _kinds(made, PROMPTS["ads"][0]["content"])
    assert ads["text_shown"]["text"] == "Wash it twice."
    assert ads["line_spoken"]["text"] == "A clean sock... at last"
    assert "face_count" not in ads  # no face expected is no demand
    assert _kinds(made, "Scale") == {"scale": {"key": "C major", "direction": "rises"}}
    assert _kinds(made, "Melody") == {"note_sequence": {"notes": ("C4", "E4", "G4")}}
    assert _kinds(made, "Chord") == {"chord": {"chord": "G"}}
    assert _kinds(made, "Four") == {"chord_sequence": {"chords": ("C", "G", "Am", "F")}}
    assert _kinds(made, "Note") == {"single_note": {"note": "A4"}}
    assert _kinds(made, "Odd") == {}
    trailer = _kinds(made, "NIGHT BUS")
    assert trailer["shot_count"] == {"count_min": 3, "count_max": 3}
    assert trailer["lines_in_order"]["texts"] == ("Don\u2019t look back now.", "Stop the bus!")
    assert trailer["face_count"] == {"count_min": 1, "count_max": 2}
    span = next(c.span for p in made.prompts for c in p.constraints if c.kind == "face_count")
    assert span == "old woman"


def test_what_no_rule_can_type_is_listed(checkout: Path) -> None:
    made = official.read_checkout(checkout, any_revision=True)
    assert {(words, why.split(",")[0]) for _, words, why in made.untyped} == {
        ("'Mmm.'", "quoted"),
        ("'clunk'", "quoted as the word for a sound"),
        ("F minor", "a named pitch or chord that no rule can place"),
    }


def test_another_revision_is_refused_or_named(checkout: Path) -> None:
    with pytest.raises(InputError, match=r"1049eab.*--any-revision"):
        official.read_checkout(checkout)
    made = official.read_checkout(checkout, any_revision=True)
    assert not made.pinned
    assert made.prompts[0].source.startswith("files in the layout of microsoft/AVGen-Bench, sha256 ")


def test_the_command_writes_a_folder_that_loads(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "official"
    assert main(["official", str(checkout), "--any-revision", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "8 prompts in 3 categories, texts and titles as they were" in printed
    assert "note_sequence" in printed
    loaded = load_prompts(out / "data" / "official-test.parquet")
    assert list(loaded.values()) == official.read_checkout(checkout, any_revision=True).prompts
    assert len((out / "untyped.jsonl").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("torn", b'[{"content": "A', ["ads.json", "list of objects"]),
        ("object", b"{}", ["ads.json", "dict"]),
        ("no prompt", b'[{"content": "A"}]', ["ads.json, prompt 1", "content and prompt"]),
        ("number", b'[{"content": 3, "prompt": "x"}]', ["ads.json, prompt 1"]),
        ("same title", b'[{"content":"A","prompt":"x"},{"content":"A","prompt":"y"}]', ["prompt 2", "stands twice"]),
        ("not text", b"\xff\xfe[]", ["ads.json"]),
        ("deep", b"[" * 100_000, ["ads.json"]),
    ],
)
def test_hostile_files(checkout: Path, name: str, content: bytes, words: list[str]) -> None:
    (checkout / "prompts" / "ads.json").write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        official.read_checkout(checkout, any_revision=True)
    for word in words:
        assert word in str(caught.value), name


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="prompts/"):
        official.read_checkout(tmp_path)
