"""What the Spaces are made of, without gradio: a clip scored for a stranger, and the leaderboard's checks."""

from __future__ import annotations

import html.parser
import json
import re
import stat
import tempfile
import zipfile

import pytest
from scenes import small_clip
from space_runs import PROMPTS, make_run, pack

from avgen_bench import leaderboard, space, submission
from avgen_bench.errors import InputError, MediaError
from avgen_bench.leaderboard import Board
from avgen_bench.submission import AGREES, NOT_VERIFIED, VERIFIED, read_submission, unpack
from avgen_bench.types import MediaLimits

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
