"""A person answers blind: what is asked in which order, what is stored when, and the page in a real browser."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser import Browser
from scenes import small_clip

from avgen_bench import cli
from avgen_bench.agreement import Judged, compare, judged_in, kappa
from avgen_bench.dimensions.semantic import _silence
from avgen_bench.errors import InputError, StoreBusy, StoreError
from avgen_bench.judges.person import CANNOT_TELL, UNDO, Label, LabelFile, consistency, labels_of, standing
from avgen_bench.judges.specs import judge_of
from avgen_bench.person_page import Item, PersonPage, Shown, Sitting, at_terminal, gather, order_of
from avgen_bench.questions import read
from avgen_bench.questions.atoms import TWIN
from avgen_bench.runner import load_run
from avgen_bench.types import YES_NO, Answers, Ask, ClipViews

HOSTILE = (
    "</h1><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> & \"quoted\" <|im_end|>"
)
PROMPTS = [
    {
        "id": name,
        "prompt": "A drum and a drift.",
        "questions": [
            {
                "id": "q1",
                "type": "object",
                "modality": "picture",
                "text": f"Is {odd} there?",
                "twin": f"Is {odd} gone?",
            },
            {"id": "q2", "type": "sound", "modality": "sound", "text": "Is a tick heard?", "twin": "Is it silent?"},
        ],
    }
    for name, odd in (("first", HOSTILE), ("second", "a texture"))
]


def write_prompts(path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in PROMPTS), "utf-8")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of a system whose name must not be shown, the second without sound, and prompts."""
    root = tmp_path_factory.mktemp("person")
    (root / "acme-video-9").mkdir()
    small_clip(root / "acme-video-9" / "first.mp4", 90)
    small_clip(root / "acme-video-9" / "second.mp4", 140, sound=False)
    write_prompts(root / "prompts.jsonl")
    return root


@pytest.fixture(scope="module")
def items(place: Path) -> list[Item]:
    return gather(place / "acme-video-9", place / "prompts.jsonl", ["alignment"])


def label(answer: str, clip: str = "a", digest: str = "1", key: str = "q1", rater: str = "Ada") -> Label:
    return Label(clip * 64, key, digest * 16, answer, rater, "2026-01-01T00:00:00+00:00", 1.5)


def made_up(count: int) -> list[Item]:
    """Atoms with their twins about some clips."""
    clips = [Shown(f"{number:064x}", Path("x"), (1, 1)) for number in range(5)]
    return [
        Item(clips[number % 5], Ask(f"q{number}{twin}", "picture", "", f"{number}{twin}?"), "")
        for number in range(count)
        for twin in ("", TWIN)
    ]


# --------------------------------------------------------------------------- what is asked


def test_what_the_clip_lacks_is_not_asked_and_twins_are(items: list[Item]) -> None:
    keys = Counter(item.ask.key for item in items)
    assert keys == {"q1": 2, "q1~twin": 2, "q2": 1, "q2~twin": 1}


def test_what_cannot_be_asked_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not about av_match"):
        gather(place / "acme-video-9", None, ["av_match"])
    with pytest.raises(InputError, match="nothing to ask"):
        gather(place / "acme-video-9", None, ["alignment"])
    (tmp_path / "broken.mp4").write_bytes(b"no clip")
    notes: list[str] = []
    with pytest.raises(InputError, match="nothing to ask"):
        gather(tmp_path, None, on_note=notes.append)
    assert notes == ["clips that cannot be measured are left out: 1 unreadable"]


def test_the_order_is_the_raters_own_and_always_the_same() -> None:
    asked = made_up(100)
    orders = [order_of(asked, 0, "Ada"), order_of(asked, 0, "Bob"), order_of(asked, 1, "Ada")]
    assert order_of(asked, 0, "Ada") == orders[0]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_everything_is_asked_some_of_it_twice_and_twins_stand_apart() -> None:
    asked = made_up(100)
    order = order_of(asked, 0, "Ada")
    assert set(order) == set(range(200))
    assert sum(count == 2 for count in Counter(order).values()) == 10
    first = list(dict.fromkeys(order))
    places = {index: place for place, index in enumerate(first)}
    gaps = [abs(places[number] - places[number + 1]) for number in range(0, 200, 2)]
    assert min(gaps) >= 8
    twice = {index: [n for n, other in enumerate(order) if other == index] for index in order}
    assert all(spots[1] - spots[0] >= 40 for spots in twice.values() if len(spots) == 2)


def test_where_a_rater_stops_the_answers_are_a_sample_of_everything() -> None:
    asked = made_up(100)
    share = [
        sum(item.ask.key.endswith(TWIN) for item in (asked[n] for n in order_of(asked, seed, "Ada")[:40]))
        for seed in range(50)
    ]
    assert 0.42 < sum(share) / (50 * 40) < 0.58
    clips = Counter(asked[n].clip for seed in range(50) for n in order_of(asked, seed, "Ada")[:40])
    assert max(clips.values()) < 1.25 * min(clips.values())


# --------------------------------------------------------------------------- labels


def test_a_label_is_on_the_disk_at_once_and_what_was_torn_off_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "new" / "labels.jsonl"
    book = LabelFile(path, "Ada")
    book.add(label("yes"))
    stored = json.loads(path.read_text())
    assert stored == {
        "clip_id": "a" * 64,
        "key": "q1",
        "digest": "1" * 16,
        "answer": "yes",
        "rater": "Ada",
        "date": "2026-01-01T00:00:00+00:00",
        "seconds": 1.5,
    }
    with pytest.raises(StoreBusy, match="already answering"):
        LabelFile(path, "Ada")
    book.close()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:50])
    assert labels_of(path) == (label("yes"),)
    again = LabelFile(path, "Ada")
    again.add(label("no", digest="2"))
    again.close()
    assert labels_of(path) == (label("yes"), label("no", digest="2"))


def test_a_disk_that_is_full_loses_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.jsonl"
    book = LabelFile(path, "Ada")
    book.add(label("yes"))
    write = os.write

    def short(file: int, data: bytes) -> int:
        return write(file, data[:20])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(StoreError, match="not stored"):
        book.add(label("no"))
    monkeypatch.undo()
    assert book.labels == [label("yes")]
    assert labels_of(path) == (label("yes"),)
    book.add(label("no"))
    book.close()
    assert labels_of(path) == (label("yes"), label("no"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}", "line 2 .* is no label: expected an object with answer, clip_id"),
        ("[" * 100000, "line 2 .* is no label"),
        ("\xff", "line 2"),
        (
            json.dumps({**{n: getattr(label("yes"), n) for n in Label.__slots__}, "answer": "maybe"}),
            "answer is 'maybe'",
        ),
        (json.dumps({**{n: getattr(label("yes"), n) for n in Label.__slots__}, "rater": "Bob"}), "labels of Ada, Bob"),
        (
            json.dumps({**{n: getattr(label("yes"), n) for n in Label.__slots__}, "seconds": True}),
            "seconds is a number",
        ),
    ],
)
def test_a_line_that_is_no_label_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "labels.jsonl"
    book = LabelFile(path, "Ada")
    book.add(label("yes"))
    book.close()
    path.write_bytes(path.read_bytes() + line.encode("latin-1") + b"\n")
    with pytest.raises(InputError, match=message):
        labels_of(path)


def test_a_file_belongs_to_one_rater(tmp_path: Path) -> None:
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    book.add(label("yes"))
    book.close()
    with pytest.raises(InputError, match="holds the labels of 'Ada', not of 'Bob'"):
        LabelFile(tmp_path / "labels.jsonl", "Bob")
    with pytest.raises(InputError, match="a rater's name"):
        LabelFile(tmp_path / "other.jsonl", "a\x1bb")
    with pytest.raises(StoreError, match="Is a directory"):
        LabelFile(tmp_path, "Ada")


def test_undo_takes_back_the_last_and_repeats_tell_consistency() -> None:
    said = [
        label("yes"),
        label("no", digest="2"),
        label("no"),
        label(UNDO),
        label("yes"),
        label(CANNOT_TELL, digest="2"),
    ]
    assert [(item.digest[0], item.answer) for item in standing(said)] == [
        ("1", "yes"),
        ("2", "no"),
        ("1", "yes"),
        ("2", CANNOT_TELL),
    ]
    assert consistency(said) == (1, 2)
    assert standing([label(UNDO)]) == []


def test_labels_are_a_judge(tmp_path: Path, items: list[Item]) -> None:
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    for item, answer in zip(items, ("yes", "no", CANNOT_TELL), strict=False):
        book.add(Label(*item.item[:1], item.ask.key, item.ask.digest, answer, "Ada", "", 0))
    book.add(Label(items[0].clip.clip_id, items[0].ask.key, items[0].ask.digest, "no", "Ada", "", 0))
    book.close()
    judge = judge_of(f"person:{tmp_path / 'labels.jsonl'}")
    assert (judge.facts.name, judge.facts.probabilities, judge.facts.view.whole) == ("person", False, True)
    assert judge.facts.model.startswith("Ada ")

    def say(number: int, repeat: int = 0) -> tuple[str, str | None]:
        reply = judge.ask(items[number].ask, ClipViews(items[number].clip.clip_id, 1.0, (), (), None), repeat)
        assert reply.p_yes is None
        return reply.raw, read(reply.raw, YES_NO)

    assert [say(0), say(1), say(0, 1)] == [
        ('{"answer": "yes"}', "yes"),
        ('{"answer": "no"}', "no"),
        ('{"answer": "no"}', "no"),
    ]
    assert [say(2)[1], say(3), say(1, 1)] == [None, ("", None), ("", None)]
    left = judge.ask(items[3].ask, ClipViews(items[3].clip.clip_id, 1.0, (), (), None))
    told = judge.ask(items[2].ask, ClipViews(items[2].clip.clip_id, 1.0, (), (), None))
    for identity, reply, words in (
        (judge.facts.identity, left, "not answered by the person"),
        (judge.facts.identity, told, "the person cannot tell"),
        ('["replay",0]', left, "the reply cannot be read"),
    ):
        assert _silence(Answers(identity, {"q1": (reply,)}), "q1") == words
    (tmp_path / "labels.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no label"):
        judge_of(f"person:{tmp_path / 'labels.jsonl'}")


# --------------------------------------------------------------------------- a sitting


def test_a_person_is_told_nothing_that_could_sway_them(items: list[Item], tmp_path: Path) -> None:
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    sitting = Sitting(items, book)
    told = []
    while (state := sitting.state())["question"] is not None:
        told.append(json.dumps(state))
        assert set(state) == {"serial", "done", "total", "undo", "question", "modality", "clip"}
        assert sitting.answer(state["serial"], "yes") is not None
    book.close()
    assert len(told) == 6
    for word in (
        "acme",
        "first",
        "second",
        ".mp4",
        "twin",
        "q1",
        "q2",
        "alignment",
        *(item.clip.clip_id for item in items),
    ):
        assert not any(word in text for text in told), word


def test_undo_asks_again_and_a_second_start_goes_on(items: list[Item], tmp_path: Path) -> None:
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    sitting = Sitting(items, book)
    assert sitting.undo(0) is None
    first, second = sitting.state(), sitting.answer(0, "yes")
    assert second is not None
    assert sitting.answer(0, "no") is None, "a question that is no longer asked"
    assert second["question"] != first["question"]
    back = sitting.undo(second["serial"])
    assert back is not None
    assert (back["question"], back["done"], back["undo"]) == (first["question"], 0, False)
    for word in ("no", CANNOT_TELL):
        sitting.answer(sitting.state()["serial"], word)
    with pytest.raises(InputError, match="'maybe' is no answer"):
        sitting.answer(sitting.state()["serial"], "maybe")
    left = sitting.state()
    book.close()
    again = LabelFile(tmp_path / "labels.jsonl", "Ada")
    resumed = Sitting(items, again)
    now = resumed.state()
    assert (now["question"], now["done"], now["total"], now["undo"]) == (left["question"], 2, 6, True)
    undone = resumed.undo(now["serial"])
    assert undone is not None
    assert undone["done"] == 1
    again.close()
    assert [item.answer for item in again.labels] == ["yes", UNDO, "no", CANNOT_TELL, UNDO]


def test_in_the_terminal(items: list[Item], tmp_path: Path) -> None:
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    told = io.StringIO()
    at_terminal(Sitting(items, book), io.StringIO("u\ny\nhm\nu\nN\n \nq\n"), told)
    assert [item.answer for item in standing(book.labels)] == ["no", CANNOT_TELL]
    at_terminal(Sitting(items, book), io.StringIO("c\ny\nyes\nno\n"), told)
    book.close()
    assert len(standing(book.labels)) == 6
    text = told.getvalue()
    assert text.endswith("all is answered\n")
    assert "there is nothing to undo" in text
    assert "expected y, n, c, u or q" in text
    _, *sittings = text.split("y yes, n no")
    links = [re.findall(r"^\d of 6  .+/([0-9a-f]{16})\.mp4$", part, re.MULTILINE) for part in sittings]
    assert list(map(len, links)) == [7, 4]
    assert not set(links[0]) & set(links[1]), "another name for each clip in each sitting"
    assert "acme" not in text


# --------------------------------------------------------------------------- the page's server


class Visitor:
    """Asks a page's server for things."""

    def __init__(self, page: PersonPage) -> None:
        parts = urlsplit(page.url)
        self.host, self.token = parts.netloc, parts.path

    def ask(self, place: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection(self.host, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent = {"Content-Type": "application/json", **sent}
        line.request(
            "GET" if body is None else "POST", place if place.startswith("/") else self.token + place, data, sent
        )
        reply = line.getresponse()
        found = reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        line.close()
        return found


@pytest.fixture
def sitting(items: list[Item], tmp_path: Path) -> Any:
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    yield Sitting(items, book)
    book.close()


def test_the_server_gives_the_page_and_nothing_else(sitting: Sitting) -> None:
    with PersonPage(sitting) as page:
        visitor = Visitor(page)
        status, headers, text = visitor.ask("")
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert not re.search(rb"<script(?! src=)|\son\w+=|style=", text), "nothing that the policy would have to admit"
        assert [visitor.ask(name)[0] for name in ("person.js", "person.css", "state")] == [200] * 3
        good = f"clip/{sitting.state()['clip']}"
        assert visitor.ask(good)[0] == 200
        bad = ["/", "/state", "/wrong/state", "clip/", "clip/0", "clip/../person.js", "clip/%2e%2e/person.js"]
        bad += ["..%2fregistry.py", "person.html", "clip/" + str(sitting.items[0].clip.path)]
        assert {visitor.ask(place)[0] for place in bad} == {404}
        assert visitor.ask("state", Host="evil.example")[0] == 404
        assert visitor.ask("state", Origin="http://evil.example")[0] == 404
        assert visitor.ask("state", Origin=f"http://{visitor.host}")[0] == 200
        assert urlsplit(page.url).hostname == "127.0.0.1"


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        (None, 200, slice(None)),
        ("bytes=0-", 206, slice(None)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=100-999999999", 206, slice(100, None)),
        ("bytes=999999999-", 416, slice(0)),
        ("bytes=-0", 416, slice(0)),
    ],
)
def test_parts_of_a_clip(sitting: Sitting, asked: str | None, status: int, span: slice) -> None:
    shown = sitting.current.clip if sitting.current else None
    assert shown is not None
    data = shown.path.read_bytes()
    with PersonPage(sitting) as page:
        headers = {} if asked is None else {"Range": asked}
        got, said, body = Visitor(page).ask(f"clip/{sitting.clips[shown]}", **headers)
    assert (got, body) == (status, data[span])
    if status == 206:
        first = len(data) - len(body) if span.stop is None else span.start
        assert said["content-range"] == f"bytes {first}-{first + len(body) - 1}/{len(data)}"


def test_a_clip_that_changed_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    small_clip(tmp_path / "clips" / "first.mp4", 90)
    found = gather(tmp_path / "clips", write_prompts(tmp_path / "prompts.jsonl"), ["alignment"])
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    one = Sitting(found, book)
    with PersonPage(one) as page:
        place = f"clip/{one.state()['clip']}"
        assert Visitor(page).ask(place)[0] == 200
        with (tmp_path / "clips" / "first.mp4").open("ab") as file:
            file.write(b"\0\0\0\x08free")
        assert Visitor(page).ask(place)[0] == 410
        (tmp_path / "clips" / "first.mp4").unlink()
        assert Visitor(page).ask(place)[0] == 410
    book.close()


def test_answers_need_the_token_and_the_right_form(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"serial": 0, "answer": "yes"}
    with PersonPage(sitting) as page:
        visitor = Visitor(page)
        assert visitor.ask("/answer", good)[0] == 404
        assert visitor.ask("/wrong/answer", good)[0] == 404
        assert visitor.ask("answer", good, Origin="http://evil.example")[0] == 404
        assert visitor.ask("answer", good, Content_Type="text/plain")[0] == 400
        for body in (
            b"",
            b"{",
            b"[]",
            b"[" * 900,
            b" " * 2000,
            {"serial": "0", "answer": "yes"},
            {"serial": 0, "answer": 1},
        ):
            assert visitor.ask("answer", body)[0] == 400, body
        assert visitor.ask("answer", {"serial": 0, "answer": "maybe"})[0] == 400
        assert visitor.ask("state", good)[0] == 404
        assert sitting.labels.labels == []
        assert visitor.ask("answer", good)[0] == 200
        status, _, told = visitor.ask("answer", good)
        assert (status, json.loads(told)["done"]) == (409, 1)
        assert len(sitting.labels.labels) == 1

        def full(file: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        status, _, told = visitor.ask("answer", {"serial": 1, "answer": "no"})
        monkeypatch.undo()
        assert status == 507
        assert "No space left" in json.loads(told)["error"]
        assert visitor.ask("answer", {"serial": 1, "answer": "no"})[0] == 200
        assert visitor.ask("undo", {"serial": 2})[0] == 200
        assert not page.wait(0)
        assert visitor.ask("stop", {})[0] == 200
        assert page.wait(5)
    assert [item.answer for item in labels_of(sitting.labels.path)] == ["yes", "no", UNDO]


# --------------------------------------------------------------------------- a real browser


@pytest.mark.debian
def test_a_clip_is_judged_in_a_browser_and_a_second_start_resumes(items: list[Item], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    markup = HOSTILE.partition("<|")[0].strip()
    seed = next(seed for seed in range(100) if markup in items[order_of(items, seed, "Ada")[0]].text)
    ready = "document.documentElement.dataset.state === 'ready'"
    with Browser(tmp_path / "profile") as browser:

        def sit(act: Callable[[Sitting, str], None]) -> None:
            book = LabelFile(path, "Ada")
            with PersonPage(Sitting(items, book, seed)) as page:
                browser.open(page.url)
                browser.wait(ready)
                act(page._server.sitting, page.url)
            book.close()

        def text() -> str:
            return str(browser.value("document.getElementById('question').textContent"))

        def after(count: int) -> None:
            browser.wait(f"{ready} && document.documentElement.dataset.serial === '{count}'")

        def first(sitting: Sitting, url: str) -> None:
            assert markup in text()  # foreign words are shown as they are written
            assert browser.value("document.querySelectorAll('#question *, img').length") == 0
            assert browser.value("document.title") == "Questions about clips"
            assert browser.value("document.querySelector('video').videoWidth") == 64
            browser.click("[data-answer=no]")
            after(1)
            assert [item.answer for item in book_of(sitting)] == ["no"]
            browser.press("n", repeat=True)  # held down: no answer
            browser.press(" ")
            after(2)
            asked = text()
            browser.press("u")
            after(3)
            assert text() != asked
            browser.click("[data-answer='cannot tell']")
            after(4)
            browser.press("y")  # after a click, a key still is one answer
            after(5)
            words = [item.answer for item in book_of(sitting)]
            assert words == ["no", CANNOT_TELL, UNDO, CANNOT_TELL, "yes"]
            assert all(0 < item.seconds < 60 for item in book_of(sitting) if item.answer != UNDO)
            shown = browser.value("document.documentElement.outerHTML")
            assert not re.search(r"acme|first|second|twin|q1|q2", shown.replace("first or", "")), shown

        def rest(sitting: Sitting, url: str) -> None:
            done = len(standing(book_of(sitting)))
            assert browser.value("document.getElementById('place').textContent") == f"{done + 1} of 6"
            while (state := sitting.state())["question"] is not None:
                browser.wait(f"{ready} && document.documentElement.dataset.serial === '{state['serial']}'")
                browser.press("n")
                browser.wait(f"document.documentElement.dataset.serial !== '{state['serial']}'")
            browser.wait("document.documentElement.dataset.state === 'done'")
            browser.click("#stop")
            browser.wait("document.documentElement.dataset.state === 'ended'")

        sit(first)
        answered = standing(labels_of(path))
        assert [item.answer for item in answered] == ["no", CANNOT_TELL, "yes"]
        sit(rest)
        assert len(standing(labels_of(path))) == 6
        assert standing(labels_of(path))[: len(answered)] == answered
        assert browser.messages == []


def book_of(sitting: Sitting) -> list[Label]:
    """What is on the disk."""
    path = sitting.labels.path
    return list(labels_of(path)) if path.stat().st_size else []


@pytest.mark.debian
def test_a_clip_that_the_browser_cannot_play_can_be_passed_over(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    small_clip(tmp_path / "clips" / "first.mp4", 90)
    found = gather(tmp_path / "clips", write_prompts(tmp_path / "prompts.jsonl"), ["alignment"])
    book = LabelFile(tmp_path / "labels.jsonl", "Ada")
    (tmp_path / "clips" / "first.mp4").unlink()
    with Browser(tmp_path / "profile") as browser, PersonPage(Sitting(found, book)) as page:
        browser.open(page.url)
        browser.wait("document.querySelector('video').error !== null")
        assert "cannot play" in browser.value("document.getElementById('note').textContent")
        browser.press(" ")
        browser.wait("document.documentElement.dataset.serial === '1'")
    book.close()
    assert [item.answer for item in book.labels] == [CANNOT_TELL]


# --------------------------------------------------------------------------- the commands


def test_the_command_serves_until_it_is_stopped(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    command = [sys.executable, "-m", "avgen_bench", "judge", "person", str(place / "acme-video-9"), "--rater", "Ada"]
    command += ["--prompts", str(place / "prompts.jsonl"), "--out", str(out), "--dimensions", "alignment"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        parts = urlsplit(url)
        for where, body in (("answer", {"serial": 0, "answer": "yes"}), ("stop", {})):
            line = http.client.HTTPConnection(parts.netloc, timeout=20)
            line.request("POST", parts.path + where, json.dumps(body), {"Content-Type": "application/json"})
            assert line.getresponse().status == 200
            line.close()
        told, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "1 of 6 are answered; 1 answers: 1 yes, 0 no, 0 cannot tell" in told
    assert parts.path.strip("/") not in told + log
    assert len(labels_of(out)) == 1


def test_agreement_of_a_run_with_a_person(
    place: Path, items: list[Item], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The judge is a person, too: their labels are its replies, and another person's are compared to them."""
    truth = {item.item: "no" if item.ask.key.endswith(TWIN) else "yes" for item in items}
    for rater, wrong in (("Judge", 0), ("Ada", 1)):
        book = LabelFile(tmp_path / f"{rater}.jsonl", rater)
        for item in items:
            answer = truth[item.item]
            if wrong and item.ask.key == "q2":
                answer = "no"
            book.add(Label(item.clip.clip_id, item.ask.key, item.ask.digest, answer, rater, "", 1.0))
        book.close()
    run = tmp_path / "run"
    command = ["score", str(place / "acme-video-9"), "--prompts", str(place / "prompts.jsonl"), "--out", str(run)]
    command += ["--dimensions", "alignment", "--workers", "0", "--judge", f"person:{tmp_path / 'Judge.jsonl'}"]
    assert cli.main([*command, "--dry-run"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "each question; a person's labels" in said and "answers of the person's" in said
    assert "token" not in said and "passport" not in said
    assert cli.main(command) == 0
    said = " ".join("".join(capsys.readouterr()).split())
    assert "a person's labels were looked up" in said and "token" not in said
    assert "nothing is known" not in said and "nobody has shown" not in said
    measured = load_run(run).measurements
    assert {item.clip_id: item.value for item in measured} == {items[0].clip.clip_id: 1.0} | {
        item.clip.clip_id: 1.0 if any(other.ask.key == "q2" for other in items if other.clip == item.clip) else 0.5
        for item in items
    }
    rows, unknown = compare(judged_in(measured), labels_of(tmp_path / "Ada.jsonl"))
    assert unknown == 0
    (row,) = rows
    assert (row.name, row.n, row.same, row.untold) == ("alignment", 6, 5, (0, 0))
    assert row.sensitivity.value == 1.0
    assert row.specificity.value == 0.75  # yes to q2, where the person says no, among q2 and three twins
    assert row.kappa.value == pytest.approx(kappa((2, 1, 0, 3)))
    assert (row.person_yes, row.person_of, row.yes.raw) == (2, 3, 1.0)
    some = [item for item in labels_of(tmp_path / "Ada.jsonl") if item.key == "q1"][:1]
    (row,), unknown = compare(judged_in(measured), [*some, label("no", "f")])
    assert (unknown, row.n, row.person_of) == (1, 1, 1)
    assert len(judged_in(measured)) == 6, "what the person was not asked counts once"
    capsys.readouterr()
    assert cli.main(["judge", "agreement", str(run), str(tmp_path / "Ada.jsonl")]) == 0
    told = capsys.readouterr().out
    assert "person Ada" in told
    assert re.search(r"alignment +6 +5 +0\.67", told)
    assert "not corrected: 3 answers of people; 10 or more are needed" in told
    assert cli.main(["judge", "agreement", str(run), str(place / "prompts.jsonl")]) == 1
    assert "is no label" in capsys.readouterr().err


def test_agreement_figures_on_many_answers() -> None:
    """40 clips of 10 questions and twins; the judge affirms every fifth question that the person denies."""
    judged: list[Judged] = []
    labels: list[Label] = []
    for clip in range(40):
        for number in range(10):
            for is_twin in (False, True):
                key = f"{clip:064x}", f"{2 * number + is_twin:016x}"
                person = not is_twin and number < 5
                wrong = not is_twin and number == 5 + clip % 5
                judged.append(Judged(key[0], ("f" * 16, key[1]), "alignment", is_twin, person or wrong))
                if clip % 2:
                    labels.append(Label(*key[:1], "q", key[1], "yes" if person else "no", "Ada", "", 1.0))
    rows, unknown = compare(judged, [*labels, label("yes", "f")])
    (row,) = rows
    assert (unknown, row.n, row.same) == (1, 400, 380)
    assert row.sensitivity.value == 1.0
    assert row.specificity.value == pytest.approx(280 / 300)
    assert row.specificity.low is not None
    assert row.specificity.high is not None
    assert row.specificity.low < 280 / 300 < row.specificity.high
    assert row.kappa.low == row.kappa.value == row.kappa.high, "each clip is like every other"
    assert row.yes.raw == pytest.approx(0.6)
    assert row.yes.estimate == pytest.approx(0.5)
    assert row.yes.ci_low is not None
    assert row.yes.ci_high is not None
    assert row.yes.ci_low < 0.5 < row.yes.ci_high < 0.6
