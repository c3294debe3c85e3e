"""What the Spaces are made of, without gradio: a clip scored for a stranger, and the leaderboard's checks."""

from __future__ import annotations

import hashlib
import html.parser
import json
import re
import shutil
import stat
import struct
import tempfile
import threading
import zipfile

import pytest
from scenes import small_clip
from space_runs import PROMPTS, make_run, pack

from avgen_bench import leaderboard, receipts, runner, space, submission
from avgen_bench.errors import InputError, MediaError
from avgen_bench.leaderboard import Board
from avgen_bench.signatures import LACKING
from avgen_bench.submission import AGREES, NOT_VERIFIED, VERIFIED, read_submission, unpack
from avgen_bench.types import MediaLimits, canonical_json
from avgen_bench.work import needs_of

LIGHT = ("run.json", "report.json", "receipts.jsonl")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return small_clip(tmp_path_factory.mktemp("clip") / "c.mp4")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Four runs: two alike but for their light, one without sound, one under other limits."""
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder / "bright", "bright", brightness=120)
    make_run(folder / "dark", "dark <script>alert(1)</script>", brightness=20)
    make_run(folder / "mute", "mute", sound=False)
    make_run(folder / "strict", "strict", limits=MediaLimits(max_duration_s=60))
    return folder


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary folders are made; must be empty again after each test."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    left = [path.name for path in place.iterdir()]
    assert not [name for name in left if not name.startswith("_jinja2-cache")]  # of templates, not of clips


# --------------------------------------------------------------------------- a clip


def duration(seconds):
    return json.dumps([{"id": "c1", "kind": "duration", "span": "one second", "duration_s": seconds}])


@pytest.mark.parametrize(("seconds", "verdict"), [(1, "pass"), (5, "fail")])
def test_ones_own_prompt_is_checked(clip, scratch, seconds, verdict):
    text = "It lasts for one second."
    found = space.score_clip("control", clip, prompt_text=text, demands=duration(seconds), workers=0)
    told = found.to_json()
    assert told["prompt_id"] == "own" and told["scores"]["timing"]["verdicts"][0]["strict"] == verdict
    assert told["scores"]["timing"]["value"] == (1.0 if verdict == "pass" else 0.0)
    assert told["scores"]["music"]["status"] == "not_applicable"
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    shown = space.table(found)
    assert f'<b class="avgen-{verdict}">{verdict}</b>' in shown and re.search(r"found 1\.0\d s", shown)


def test_a_clip_scores_the_same_each_time_and_its_own_name_does_not_matter(clip, scratch, tmp_path):
    other = tmp_path / "..%2f<b>$(x).mp4"
    other.write_bytes(clip.read_bytes())
    one, two = (space.score_clip("perceptual", path, workers=0) for path in (clip, other))
    assert one.to_json() == two.to_json() and one.page == two.page
    assert one.to_json()["scores"]["audio_quality"]["status"] == "ok"
    assert str(tmp_path) not in json.dumps(one.to_json()) + one.page
    assert "data:video/mp4;base64," in one.page


@pytest.mark.parametrize(
    ("family", "given", "words"),
    [
        ("control", {}, "prompt is missing"),
        ("control", {"prompt_id": "ads-001", "prompt_text": "x"}, "give one of them"),
        ("control", {"prompt_id": "../ads-001\x1b[31m"}, "no prompt is called '../ads-001"),
        ("control", {"prompt_text": "It rains."}, "constraints are missing"),
        ("control", {"prompt_text": "It rains.", "demands": "[" * 9000}, "constraints are not JSON"),
        ("control", {"prompt_text": "It rains.", "demands": "{}"}, "expected a list"),
        ("control", {"prompt_text": "It rains.", "demands": duration(1)}, "does not stand in the text"),
        ("control", {"prompt_text": "x" * 5000}, "5000 characters"),
        ("semantic", {"prompt_id": "ads-001", "demands": "[]"}, "questions go with a prompt of your own"),
        ("perceptual", {"prompt_text": "x", "demands": "[]"}, "demands go with a prompt of your own"),
        ("taste", {}, "no family is called 'taste'"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused(clip, scratch, family, given, words):
    with pytest.raises(InputError, match=re.escape(words)):
        space.score_clip(family, clip, workers=0, **given)


@pytest.mark.parametrize("family", ["control", "semantic"])
def test_the_example_that_the_page_shows_is_a_right_one(family):
    found = space._prompt(family, "", "A neon sign reads OPEN LATE.", space._EXAMPLE[family])
    assert found is not None and len(found.constraints) + len(found.questions) == 1


def test_what_is_no_clip_or_too_large_is_refused_in_words(clip, scratch, tmp_path):
    text = tmp_path / "notes.mp4"
    text.write_text("no video\n" * 100)
    with pytest.raises(InputError, match="drop one"):
        space.score_clip("perceptual", None)
    with pytest.raises(InputError, match="not there any more"):
        space.score_clip("perceptual", tmp_path / "gone.mp4")
    with pytest.raises(
        InputError, match=r"^This file was not scored: .*This Space takes mp4, mov, mkv or webm, up to 24"
    ):
        space._answer("perceptual", str(text), "", "", "")
    for limits in (MediaLimits(max_bytes=100), MediaLimits(max_duration_s=0.5), MediaLimits(max_pixels=100)):
        with pytest.raises(MediaError, match=r"limit|larger|longer|more|expected"):
            space.score_clip("perceptual", clip, limits=limits, workers=0)


def test_without_a_judge_the_semantic_space_says_what_it_needs(clip, scratch, monkeypatch):
    monkeypatch.delenv("AVGEN_JUDGE", raising=False)
    assert "AVGEN_JUDGE" in space._judge_words()
    found = space._answer("semantic", str(clip), "ads-001", "", "")
    assert {cell["status"] for cell in found.cells.values()} == {"abstained"}
    assert all("judge" in cell["reason"] for cell in found.cells.values())


def test_a_judge_that_cannot_be_reached_is_not_named_to_strangers(clip, scratch, monkeypatch, capsys):
    monkeypatch.setenv("AVGEN_JUDGE", "replay:/secret/place.jsonl")
    with pytest.raises(InputError, match="could not be asked") as told:
        space._answer("semantic", str(clip), "ads-001", "", "")
    assert "place" not in str(told.value) + space._judge_words()
    assert "place.jsonl" in capsys.readouterr().err


class Frames(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_a_page_in_a_frame_stays_in_it():
    page = '<head></head><p>"></iframe><script>x</script>${1}{{2}}&amp;</p>'
    text = space.frame(page, 'a "title"')
    [(tag, attributes)] = Frames(text).tags
    assert tag == "iframe" and attributes["sandbox"] == "allow-scripts" and attributes["title"] == 'a "title"'
    assert attributes["srcdoc"].endswith('<p>"></iframe><script>x</script>${1}{{2}}&amp;</p>')
    assert not set("${}") & set(text)


# --------------------------------------------------------------------------- archives


def zip_of(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members:
            opened.writestr(name, data)
    return path


def link(name):
    found = zipfile.ZipInfo(name)
    found.external_attr = (stat.S_IFLNK | 0o777) << 16
    return found


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../run.json", "{}")], "leads out"),
        ([("/run.json", "{}")], "leads out"),
        ([("a/../../run.json", "{}")], "leads out"),
        ([("a\\run.json", "{}")], "leads out"),
        ([("C:/run.json", "{}")], "leads out"),
        ([(link("run.json"), "/etc/passwd")], "is a link"),
        ([("run.json", "{}"), ("run.json", "{}")], "twice"),
        ([("run.json", "{}"), ("shards/a.jsonl", b"0" * 3000)], "more than 2000 bytes"),
        (
            [("run.json", "{}"), ("shards/a.jsonl", b"0" * 1500), ("shards/b.jsonl", b"0" * 1500)],
            "more than 2000 bytes",
        ),
        ([("clip.mp4", "x"), ("notes/run.txt", "x")], "no run.json"),
        ([(f"x{k}", "") for k in range(31)], "31 files"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_archive_is_refused(tmp_path, monkeypatch, members, words):
    monkeypatch.setattr(submission, "MOST_BYTES", 2000)
    monkeypatch.setattr(submission, "MOST_FILES", 30)
    target = tmp_path / "in" / "deep"
    target.mkdir(parents=True)
    with pytest.raises(InputError, match=words):
        unpack(zip_of(tmp_path / "a.zip", members), target)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= {tmp_path / "a.zip", *target.rglob("*")}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_unpacked_in_one_piece_is_not_unpacked(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as opened:
        opened.writestr("r/run.json", b"{}")
    with pytest.raises(InputError, match=r"'r/run\.json' is packed by another method"):
        unpack(tmp_path / "a.zip", tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("long", [True, False])
def test_a_long_list_of_files_is_not_read(tmp_path, monkeypatch, long):
    """Its end record says how long the list is: in 32 bits, or in 64."""
    monkeypatch.setattr(zipfile, "ZipInfo", None)  # so that none can be made
    one = b"PK\x01\x02" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 33, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0) + b"ab"
    count = 30_000
    size = count * len(one)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, 0, 0)
    if long:
        end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, 0)
        end += struct.pack("<4sLQL", b"PK\x06\x07", 0, size, 1)
        end += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    (tmp_path / "a.zip").write_bytes(one * count + end)
    with pytest.raises(InputError, match=f"list of its files has {size} bytes"):
        unpack(tmp_path / "a.zip", tmp_path / "x")


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_text("PK no")
    with pytest.raises(InputError, match="cannot read the ZIP file"):
        unpack(tmp_path / "a.zip", tmp_path / "x")
    with pytest.raises(InputError, match="not there any more"):
        unpack(tmp_path / "none.zip", tmp_path / "x")


def test_only_the_files_of_a_run_are_unpacked(tmp_path):
    names = ["r/run.json", "r/shards/1.jsonl", "r/report.html", "r/.run.json", "r/shards/x/run.py", "lock"]
    archive = zip_of(tmp_path / "a.zip", [(name, "{}") for name in names])
    assert unpack(archive, tmp_path / "x") == ["r/run.json", "r/shards/1.jsonl"]
    assert len([path for path in (tmp_path / "x").rglob("*") if path.is_file()]) == 2


# --------------------------------------------------------------------------- checks


def copy(runs, tmp_path, name="mute", only=("run.json", "report.json", "receipts.jsonl", "shards")):
    """A copy of a run, by way of a ZIP file."""
    unpack(pack(runs / name, tmp_path / "copy.zip", only=only), tmp_path / "copy")
    return tmp_path / "copy" / name


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_runs_with_and_without_observations_are_told_apart(runs, tmp_path):
    [whole] = read_submission(runs / "mute", "whole")
    [light] = read_submission(copy(runs, tmp_path, only=LIGHT), "light")
    assert (whole.state, light.state) == (VERIFIED, AGREES)
    assert whole.words == ("24 numbers of 8 clips measured again",)
    assert whole.pictures and not light.pictures
    means = [[row["mean"] for row in one.report["estimates"]] for one in (whole, light)]
    assert means[0] == pytest.approx(means[1], rel=1e-5) and means[0][1] == 0.0


def test_a_number_that_does_not_follow_is_found(runs, tmp_path):
    place = copy(runs, tmp_path, "bright")
    made = json.loads((place / "report.json").read_text())
    made["clips"][0]["measurements"]["visual_quality"]["value"] = 0.9
    (place / "report.json").write_text(json.dumps(made))
    [entry] = read_submission(place, "x")
    assert entry.state == NOT_VERIFIED and "the report says 0.9" in " ".join(entry.words)
    for path in sorted((place / "shards").iterdir()):
        path.unlink()
    [entry] = read_submission(place, "x")
    assert entry.state == NOT_VERIFIED and "another number than the receipt" in " ".join(entry.words)


def test_a_receipt_that_was_changed_is_found(runs, tmp_path):
    place = copy(runs, tmp_path, "mute", LIGHT)
    change(place / "receipts.jsonl", '"value":0.0', '"value":0.5')
    [entry] = read_submission(place, "x")
    said = " ".join(entry.words)
    assert entry.state == NOT_VERIFIED
    assert "digest does not match" in said and "quotes other receipts" in said and "first line" in said


def reseal(place, *, row=None, header=None, more=()):
    """Receipts changed, and every digest of them made anew: what a forger would do."""
    first, *lines = [json.loads(line) for line in (place / "receipts.jsonl").read_text().splitlines()]
    lines = [receipts.sealed({**line, **(row or {})}) for line in lines]
    lines += [receipts.sealed({**lines[0], "clip": {**lines[0]["clip"], **changes}}) for changes in more]
    rest = "".join(canonical_json(line) + "\n" for line in lines)
    first |= {"clips": len(lines), "digest": hashlib.sha256(rest.encode()).hexdigest(), **(header or {})}
    text = canonical_json(first) + "\n" + rest
    (place / "receipts.jsonl").write_text(text)
    made = json.loads((place / "report.json").read_text())
    (place / "report.json").write_text(json.dumps({**made, "receipts": receipts.quote(text)}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"header": {"prompts": "0" * 16}}, "the receipts are for other prompts than run.json holds"),
        ({"more": [{"take": 1}]}, "report or receipts are about clips that run.json does not name"),
    ],
)
def test_receipts_of_something_else_are_found(runs, tmp_path, changes, words):
    place = copy(runs, tmp_path, "mute", LIGHT)
    reseal(place, **changes)
    [entry] = read_submission(place, "x")
    assert (entry.state, entry.words[1:]) == ((NOT_VERIFIED, (words,)) if words else (AGREES, ()))


def test_the_category_of_a_clip_is_that_of_its_prompt(runs, tmp_path):
    place = copy(runs, tmp_path, only=("run.json", "shards"))
    text = (place / "run.json").read_text()
    value = json.loads(text)
    for row in value["clips"]:
        row["clip"]["category"] = "ads"
    (place / "run.json").write_text(json.dumps(value))
    [entry] = read_submission(place, "x")
    assert entry.state == VERIFIED
    assert [row["category"] for row in entry.report["clips"]].count("music") == 4


def rewrite(folder, change):
    """Every record of a store changed in place, under digests that fit."""
    for path in sorted((folder / "shards").iterdir()):
        lines = []
        for line in path.read_text().splitlines():
            _, kind, key, text = line.split(" ", 3)
            value = json.loads(text)
            change(value)
            rest = f"{kind} {key} {canonical_json(value)}"
            lines.append(f"{hashlib.sha256(rest.encode()).hexdigest()[:16]} {rest}\n")
        path.write_text("".join(lines))


def test_what_is_no_picture_is_not_shown(runs, tmp_path):
    place = copy(runs, tmp_path, only=("run.json", "shards"))
    [before] = read_submission(place, "x")

    def spoil(value):
        if "jpegs" in value.get("payload", {}):
            value["payload"]["jpegs"] = ['"><script>alert(1)</script>'] * 3

    rewrite(place, spoil)
    [entry] = read_submission(place, "x")
    assert entry.state == VERIFIED and len(before.pictures) == 8 and not entry.pictures


def test_a_prompt_without_a_clip_is_at_the_floor_whatever_the_run_says(tmp_path):
    folder = make_few(tmp_path, ["one"], missing="exclude", absent=1)
    [entry] = read_submission(folder, "x")
    [row] = [row for row in entry.report["estimates"] if row["dimension"] == "visual_quality"]
    values = [row["measurements"]["visual_quality"]["value"] for row in entry.report["clips"]]
    assert entry.state == VERIFIED and row["n"] == 2 and values.count(0.0) == 1
    assert row["mean"] == pytest.approx(max(values) / 2, rel=1e-5)


def make_few(folder, systems, *, dimensions=("visual_quality",), absent=0, **more):
    """A finished run folder of several systems on the first two prompts, ``absent`` of which have no clip."""
    clips = folder / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    for k, row in enumerate(PROMPTS[:2]):
        small_clip(clips / f"{row['id']}.mp4", seed=k)
    rows = [
        {"path": f"{row['id']}.mp4", "prompt_id": row["id"], "system": system}
        for system in systems
        for row in PROMPTS[absent:2]
    ]
    (clips / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROMPTS[:2]))
    out = folder / "run"
    runner.score(
        clips / "clips.jsonl",
        out,
        prompts=folder / "prompts.jsonl",
        dimensions=list(dimensions),
        workers=0,
        **more,
    )
    shutil.rmtree(clips)
    return out


def test_a_run_without_a_judge_is_verified_and_says_so(tmp_path):
    folder = make_few(tmp_path, ["one"], dimensions=("visual_quality", "alignment", "physics"))
    [entry] = read_submission(folder, "x")
    assert entry.state == VERIFIED  # no prompt has questions: alignment does not apply
    assert entry.words == ("2 numbers of 2 clips measured again", "no number in physics: no judge was asked")
    means = {row["dimension"]: row["mean"] for row in entry.report["estimates"]}
    assert means["physics"] is None and means["visual_quality"] is not None


def hide(folder, at_most):
    """Say of so many clips that what measures their pictures was not installed."""
    left = [None] * at_most

    def change(value):
        if value.get("dimension") == "visual_quality" and value["observations"] and left:
            left.pop()
            value |= {"status": "abstained", "value": None, "reason": "x", "observations": []}
            value["evidence"] = [{"kind": "note", "label": LACKING, "text": "picture"}]

    rewrite(folder, change)
    assert not left
    (folder / "receipts.jsonl").unlink(missing_ok=True)


@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_abstentions_that_nobody_can_check_hide_no_clips(tmp_path, hidden):
    folder = make_few(tmp_path, ["one"], dimensions=("visual_quality", "timing"))
    hide(folder, hidden)
    [entry] = read_submission(folder, "x")
    said = {
        0: (VERIFIED, ("4 numbers of 2 clips measured again",)),
        1: (
            NOT_VERIFIED,
            (
                "3 numbers of 2 clips measured again",
                "1 numbers could not be measured again: an instrument was not installed",
            ),
        ),
        2: (
            VERIFIED,
            (
                "2 numbers of 2 clips measured again",
                "no number in visual quality: an instrument was not installed",
            ),
        ),
    }
    assert (entry.state, entry.words) == said[hidden]


def test_what_was_seen_of_a_clip_cannot_be_taken_out(tmp_path):
    """What the decoder found is left, so that the number abstains when it is measured again, too."""
    folder = make_few(tmp_path, ["one"])
    rest, needs = [1], ", ".join(needs_of("visual_quality", None))

    def change(value):
        if value.get("dimension") == "visual_quality" and rest:
            rest.pop()
            value |= {"status": "abstained", "value": None, "reason": "x", "observations": value["observations"][:1]}
            value["evidence"] = [{"kind": "note", "label": LACKING, "text": needs}]

    rewrite(folder, change)
    (folder / "receipts.jsonl").unlink(missing_ok=True)
    [entry] = read_submission(folder, "x")
    assert entry.words[0] == "2 numbers of 2 clips measured again"
    assert entry.state == NOT_VERIFIED and "was there for some clips, and not for others" in entry.words[1]


def test_what_nobody_measured_has_no_floor_either(tmp_path):
    """One prompt has no clip, and the other's number hangs on an instrument that was not installed."""
    folder = make_few(tmp_path, ["one"], absent=1)
    hide(folder, 1)
    [entry] = read_submission(folder, "x")
    assert entry.state == VERIFIED and [row["mean"] for row in entry.report["estimates"]] == [None]
    shutil.copytree(folder, tmp_path / "entries" / "run")
    assert [(row["mean"], row["tier"], row["n"]) for row in Board(tmp_path / "entries").entries()] == [(None, None, 0)]


def test_where_every_clip_was_abstained_from_the_floors_of_others_are_no_numbers(tmp_path):
    """One prompt has no clip, and too few sounds are in the other to tell whether they meet the picture."""
    places = [make_few(tmp_path / name, [name], dimensions=("av_sync",), absent=1) for name in ("one", "two")]
    for count in (1, 2):
        shutil.copytree(places[count - 1], tmp_path / "entries" / f"run{count}")
        rows = Board(tmp_path / "entries").entries()
        assert [(row["state"], row["mean"], row["tier"], row["n"]) for row in rows] == [
            (VERIFIED, None, None, 0)
        ] * count


def test_clips_that_were_left_out_are_missed(runs, tmp_path):
    place = copy(runs, tmp_path)
    value = json.loads((place / "run.json").read_text())
    value["clips"] = value["clips"][1:]
    (place / "run.json").write_text(json.dumps(value))
    [entry] = read_submission(place, "x")
    assert entry.state == NOT_VERIFIED and "1 prompts have no row" in " ".join(entry.words)


def test_a_number_that_is_said_not_to_apply_is_found(runs, tmp_path):
    place = copy(runs, tmp_path, "mute", LIGHT)
    made = json.loads((place / "report.json").read_text())
    made["clips"][0]["measurements"]["timing"] |= {"status": "not_applicable", "value": None, "reason": "x"}
    (place / "report.json").write_text(json.dumps(made))
    [entry] = read_submission(place, "x")
    assert "is said not to apply, and its prompt asks for it" in " ".join(entry.words)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("report.json", '{"clips": [{"value": NaN}]}', "NaN is no number"),
        ("report.json", '{"clips": 1e999}', "1e999"),
        ("report.json", "[" * 100_000, "nested too deep"),
        ("report.json", '{"clips": [1]}', "cannot be read"),
        ("receipts.jsonl", "[]\n", "not what avgen-bench writes"),
        ("run.json", '{"clips": []}', "lists no clips"),
        ("run.json", '{"clips": [' + "1," * 20_000 + "1]}", "20001 clips in this submission; expected 20000"),
        ("run.json", '{"clips": [{}]}', "cannot read run.json"),
    ],
)
def test_files_that_are_none_are_refused_in_words(runs, tmp_path, name, text, words):
    place = copy(runs, tmp_path, "mute", LIGHT)
    (place / name).write_text(text)
    with pytest.raises(Exception, match=words) as told:
        read_submission(place, "x")
    assert type(told.value).__module__ == "avgen_bench.errors"


# --------------------------------------------------------------------------- the board


def test_systems_that_were_measured_otherwise_are_ranked_apart(runs):
    board = Board(runs, draws=400)
    rows = board.entries(family="perceptual")
    assert {row["dimension"] for row in rows} == {"visual_quality", "audio_quality"}
    sound = [row for row in rows if row["dimension"] == "audio_quality"]
    assert [(row["system"], row["group"], row["tier"]) for row in sound] == [
        ("bright", 1, 1),
        ("dark <script>alert(1)</script>", 1, 1),
        ("mute", 1, 2),
        ("strict", 2, 1),
    ]
    assert "limits of a clip" in sound[3]["differs"] and "max_duration_s" in sound[3]["differs"]
    assert sound[2]["mean"] == 0.0 and sound[2]["n"] == len(PROMPTS) and not sound[0]["differs"]
    assert board.categories() == ("ads", "music")
    assert {row["n"] for row in board.entries("ads")} == {4}
    assert board.entries("ads") == Board(runs, draws=400).entries("ads")
    for given, words in ((("sport", ""), "ads, music"), (("", "taste"), "perceptual, semantic, control")):
        with pytest.raises(InputError, match=words):
            board.entries(*given)


def test_what_was_lacking_is_a_difference_of_a_report_without_observations(runs, tmp_path):
    place = copy(runs, tmp_path, "mute", LIGHT)
    made = json.loads((place / "report.json").read_text())
    for row in made["clips"]:
        row["measurements"]["audio_quality"]["evidence"] += [{"kind": "note", "label": LACKING, "text": "loudness"}]
    (place / "report.json").write_text(json.dumps(made))
    shutil.copytree(runs / "bright", place.parent / "bright")
    board = Board(place.parent, draws=200)
    [row] = [row for row in board.entries() if (row["system"], row["dimension"]) == ("mute", "audio_quality")]
    assert row["state"] == AGREES and row["group"] == 2 and "loudness" in row["differs"]
    assert "bright" in row["differs"]  # by the names of the board


def ranked(board):
    return [(row["system"], row["tier"]) for row in board.entries() if row["dimension"] == "visual_quality"]


def test_systems_of_one_name_are_told_apart(tmp_path, scratch):
    folder = tmp_path / "entries"
    folder.mkdir()
    board = Board(folder, draws=200)
    systems = ["a" * 90 + "1", "a" * 90 + "2", "(unnamed)", ""]
    found = board.submit(pack(make_few(tmp_path / "m", systems), tmp_path / "m.zip"))
    assert found["kept"] and len(set(found["systems"])) == 4
    assert len(ranked(board)) == len({name for name, _ in ranked(board)}) == 4
    [label] = {entry.label for entry in board.systems}
    cut = "a" * 77 + "..."
    names = [f"(unnamed) ({label})", f"(unnamed) ({label}) #2", f"{cut} ({label})", f"{cut} ({label}) #2"]
    assert [entry.name for entry in board.systems] == names
    assert all("By category" in leaderboard.model_html(board, name) for name in names)
    again = Board(folder, draws=200)
    assert not again.refused and again.entries() == board.entries()


def test_nobody_takes_the_name_that_another_is_given(tmp_path, scratch):
    folder = tmp_path / "entries"
    folder.mkdir()
    board = Board(folder, draws=200)
    board.submit(pack(make_few(tmp_path / "one", ["bright"]), tmp_path / "one.zip"))
    [first] = board.systems
    board.submit(pack(make_few(tmp_path / "two", ["bright", "x"]), tmp_path / "two.zip"))
    taken = f"bright ({first.label})"
    found = board.submit(pack(make_few(tmp_path / "three", [taken]), tmp_path / "three.zip"))
    assert found["kept"] and found["systems"] != [taken]
    assert {entry.name: entry.label for entry in board.systems}[taken] == first.label
    assert len(ranked(board)) == len(dict(ranked(board))) == 4
    again = Board(folder, draws=200)
    assert not again.refused and again.entries() == board.entries()


def test_what_cannot_be_ranked_is_not_kept_and_does_not_stop_the_board(runs, tmp_path, scratch, monkeypatch):
    real = leaderboard._ranks

    def broken(views, facts, draws):
        if any(row["measurements"]["audio_quality"]["value"] == 0 for view in views for row in view["clips"]):
            raise KeyError("mute")
        return real(views, facts, draws)

    folder = tmp_path / "entries"
    folder.mkdir()
    monkeypatch.setattr(leaderboard, "_ranks", broken)
    board = Board(folder, draws=200)
    assert board.submit(pack(runs / "bright", tmp_path / "b.zip"))["kept"]
    before = board.entries()
    with pytest.raises(InputError, match=r"cannot be ranked with those of the board \(KeyError: 'mute'\)"):
        board.submit(pack(runs / "mute", tmp_path / "m.zip"))
    assert board.entries() == before and len(list(folder.iterdir())) == 1
    unpack(pack(runs / "mute", tmp_path / "m.zip"), folder)
    unpack(pack(runs / "dark", tmp_path / "d.zip"), folder)
    again = Board(folder, draws=200)
    assert list(again.refused) == ["mute"] and "cannot be ranked" in again.refused["mute"]
    assert len(again.systems) == 2 and {row["system"] for row in again.entries()} == {e.name for e in again.systems}
    assert "mute: its numbers" in leaderboard.board_html(again, "", "", "")


def test_a_submission_or_a_board_holds_so_many_systems(runs, tmp_path, scratch, monkeypatch):
    folder = tmp_path / "entries"
    folder.mkdir()
    board = Board(folder, draws=200)
    two = pack(make_few(tmp_path / "m", ["one", "two"]), tmp_path / "m.zip")
    monkeypatch.setattr(submission, "MOST_SYSTEMS", 1)
    with pytest.raises(InputError, match="2 systems in this submission; expected 1 at the most"):
        board.submit(two)
    monkeypatch.setattr(submission, "MOST_SYSTEMS", 2)
    monkeypatch.setattr(leaderboard, "MOST_SYSTEMS_SHOWN", 2)
    assert board.submit(pack(runs / "bright", tmp_path / "b.zip"))["kept"]
    with pytest.raises(InputError, match="the board has 1 systems, and place for 2; this would add 2"):
        board.submit(two)
    assert len(list(folder.iterdir())) == 1
    unpack(two, folder)  # its folder comes first, and leaves no place
    again = Board(folder, draws=200)
    [(name, why)] = again.refused.items()
    assert name.startswith("submission-") and "place for 2" in why
    assert [entry.name for entry in again.systems] == ["one", "two"]


def test_what_a_stopped_process_left_is_no_entry(runs, tmp_path):
    shutil.copytree(runs / "mute", tmp_path / "entries" / ".submission-0123456789ab")
    board = Board(tmp_path / "entries", draws=200)
    assert not board.systems and not board.refused


def test_a_filter_waits_for_no_other(runs, monkeypatch):
    board = Board(runs, draws=200)
    started, go_on, real = threading.Event(), threading.Event(), leaderboard._Standing._standings

    def slow(self, category, family):
        if category == "ads":
            started.set()
            assert go_on.wait(60)
        return real(self, category, family)

    monkeypatch.setattr(leaderboard._Standing, "_standings", slow)
    asking = threading.Thread(target=board.entries, args=("ads",))
    asking.start()
    try:
        assert started.wait(60)
        assert {row["n"] for row in board.entries("music")} == {4} and asking.is_alive()
    finally:
        go_on.set()
        asking.join(60)


def test_what_was_ranked_is_not_ranked_again(runs, tmp_path, scratch, monkeypatch):
    folder = tmp_path / "entries"
    for name in ("bright", "mute"):
        unpack(pack(runs / name, tmp_path / "a.zip"), folder)
    board = Board(folder, draws=200)
    board.entries()
    done, real = [], leaderboard._ranks
    monkeypatch.setattr(leaderboard, "_ranks", lambda *given: done.append(len(given[0])) or real(*given))
    assert len({row["dimension"] for row in board.entries(family="control")}) == 1 and not done
    assert board.submit(pack(runs / "strict", tmp_path / "s.zip"))["kept"]
    assert done == [1, 1, 1]  # the other group stands as it stood


def test_entries_are_checked_while_the_board_is_up(runs, tmp_path, monkeypatch):
    real, go_on = leaderboard.read_submission, threading.Event()

    def slow(place, label):
        assert go_on.wait(60)
        return real(place, label)

    monkeypatch.setattr(leaderboard, "read_submission", slow)
    monkeypatch.setattr(leaderboard, "_WAIT_S", 0)
    folder = tmp_path / "entries"
    for name in ("bright", "mute"):
        unpack(pack(runs / name, tmp_path / "a.zip"), folder)
    board = Board(folder, draws=200, background=True)
    try:
        assert "2 of 2 entries are being checked" in leaderboard.board_html(board, "", "", "")
        with pytest.raises(InputError, match="2 of 2 entries are still being checked"):
            board.submit(tmp_path / "a.zip")
    finally:
        go_on.set()
    board.wait(60)
    assert board.entries() == Board(folder, draws=200).entries()
    assert "being checked" not in leaderboard.board_html(board, "", "", "")


def test_the_board_shows_no_markup_of_others(runs):
    board = Board(runs, draws=400)
    shown = leaderboard.board_html(board, "", "", "audio_quality")
    shown += leaderboard.model_html(board, "dark <script>alert(1)</script>")
    tags = Frames(shown).tags
    assert "script" not in {tag for tag, _ in tags} and "dark &lt;script&gt;" in shown
    assert shown.count('aria-sort="descending"') == 2 and "Ranked apart" in shown
    pictures = [attributes["src"] for tag, attributes in tags if tag == "img"]
    assert len(pictures) == 2 * 5  # timing has no clip below its best
    assert all(source.startswith("data:image/jpeg;base64,") for source in pictures)


def test_a_submission_is_checked_and_kept_once(runs, tmp_path, scratch):
    folder = tmp_path / "entries"
    folder.mkdir()
    board = Board(folder, draws=400)
    assert board.entries() == []
    sent = [
        board.submit(pack(runs / name, tmp_path / f"{name}.zip")) for name in ("bright", "mute", "bright", "strict")
    ]
    assert [found["state"] for found in sent] == [VERIFIED] * 4 and all(found["kept"] for found in sent)
    assert ["it was on the board already" in found["words"] for found in sent] == [False, False, True, False]
    assert not sent[1]["apart"] and any("limits of a clip" in text for text in sent[3]["apart"])
    assert [entry.name for entry in board.systems] == ["bright", "mute", "strict"]
    assert len(list(folder.iterdir())) == 3
    again = Board(folder, draws=400)
    assert not again.refused and again.entries() == board.entries()


def test_a_submission_that_differs_is_not_kept(runs, tmp_path, scratch):
    place = copy(runs, tmp_path)
    change(place / "report.json", '"status":"ok","value":0.0', '"status":"ok","value":0.25')
    board = Board(tmp_path / "entries", draws=400)
    found = board.submit(pack(place, tmp_path / "bad.zip"))
    assert found["state"] == NOT_VERIFIED and not found["kept"] and found["systems"] == ["mute"]
    assert any("0.25" in word for word in found["words"])
    assert not board.systems and not (tmp_path / "entries").exists()


def test_an_entry_that_is_not_verified_has_no_rank(runs, tmp_path):
    folder = tmp_path / "entries"
    for name in ("bright", "mute"):
        unpack(pack(runs / name, tmp_path / "a.zip"), folder)
    change(folder / "mute" / "report.json", '"status":"ok","value":0.0', '"status":"ok","value":0.25')
    (folder / "rubbish").mkdir()
    board = Board(folder, draws=400)
    assert list(board.refused) == ["rubbish"]
    found = {row["system"]: row for row in board.entries() if row["dimension"] == "audio_quality"}
    assert (found["bright"]["group"], found["bright"]["tier"]) == (1, 1)
    assert (found["mute"]["group"], found["mute"]["tier"], found["mute"]["state"]) == (0, None, NOT_VERIFIED)
    assert "Not ranked" in leaderboard.board_html(board, "", "", "audio_quality")


def test_published_rows_are_marked_as_another_instrument():
    shown = leaderboard.published_html()
    assert "Another instrument" in shown and "Seedance 2.0" in shown and "72.07" in shown
    assert shown.count("<tr>") == 14
