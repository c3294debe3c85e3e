"""The Gemini judge through Google's own SDK, against a server that speaks the service's wire format."""

from __future__ import annotations

import base64
import dataclasses
import importlib.util
import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import missing
from gemini_server import VERSION, YES, GeminiServer, Turn, error, retry_info
from scenes import small_clip

from avgen_bench import cli, runner
from avgen_bench.errors import (
    InputError,
    JudgeBroken,
    JudgeBusy,
    JudgeError,
    JudgeRefusal,
    JudgeRejection,
    MissingInstrument,
)
from avgen_bench.judges import gemini
from avgen_bench.judges.gemini import Gemini, moves, without_sound
from avgen_bench.judges.specs import judge_of
from avgen_bench.judges.views import clip_views
from avgen_bench.questions import Atom, ask_of
from avgen_bench.types import Ask, ClipViews, JudgeReply, JudgeView

KEY = "AIza-Test_0123456789-abcdefghijklmnop"
QUESTION = Atom("q1", "alignment", "object", "both", "Is a bell both seen and heard?", "Is a horn both seen and heard?")
PICTURE = Atom("q2", "alignment", "object", "picture", "Is a bell seen?", "Is a horn seen?")
SOUND = Atom("q3", "alignment", "object", "sound", "Is a bell heard?", "Is a horn heard?")
MODEL = "gemini-2.5-flash"
SNAPSHOTS = Path(__file__).resolve().parent / "cases" / "judge" / "gemini"


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


@pytest.fixture
def sdk() -> None:
    try:
        there = importlib.util.find_spec("google.genai") is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        missing("full", "google-genai is not installed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("gemini") / "clip.mp4", seconds=1.0)


def judge_at(server: GeminiServer, options: str = "", view: JudgeView | None = None) -> Any:
    return judge_of(f"gemini:{MODEL}#url={server.url}{options}", view)


def views(clip: Path, **more: Any) -> ClipViews:
    return clip_views(clip, JudgeView(whole=True, **more))


def once(clip: Path, *turns: Turn, options: str = "", ask: Ask | None = None, **at: Any) -> tuple[JudgeReply, Any]:
    with GeminiServer(turns, **at) as server:
        judge = judge_at(server, options)
        try:
            return judge.ask(ask or ask_of(QUESTION), views(clip)), server
        finally:
            judge.close()


def fails(clip: Path, *turns: Turn, options: str = "", **at: Any) -> tuple[JudgeError, Any]:
    with GeminiServer(turns, **at) as server:
        judge = judge_at(server, options)
        with pytest.raises(JudgeError) as caught:
            judge.ask(ask_of(QUESTION), views(clip))
        judge.close()
        return caught.value, server


# --- without the SDK -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "moving"),
    [
        ("gemini-2.5-flash", False),
        ("gemini-2.5-pro", False),
        ("gemini-2.0-flash-001", False),
        ("gemini-2.5-flash-preview-09-2025", False),
        ("gemini-2.5-pro-preview-06-05", False),
        ("gemini-exp-1206-2026-01-02", False),
        ("gemini-2.0-flash", True),
        ("gemini-1.5-pro", True),
        ("gemini-1.5-pro-latest", True),
        ("gemini-flash-latest", True),
        ("gemini-latest-001", True),
        ("gemini-3-pro-preview", True),
        ("gemini-3-pro-exp", True),
    ],
)
def test_names_that_google_moves(model: str, moving: bool) -> None:
    assert moves(model) == moving
    if moving:
        with pytest.raises(InputError, match="allow_alias=yes"):
            judge_of(f"gemini:{model}")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("gemini:", "names no model"),
        ("gemini:models/../x?key=1", "names no model"),
        (f"gemini:{MODEL}#resolution=huge", "auto, low, medium, high"),
        (f"gemini:{MODEL}#thinking=deeply", "a whole number"),
        (f"gemini:{MODEL}#colour=red", "there are: allow_alias"),
        (f"gemini:{MODEL}#key=NO_SUCH_KEY", "NO_SUCH_KEY"),
        (f"gemini:{MODEL}#url=http://example.com", "in the open"),
        (f"gemini:{MODEL}#url=https://name:secret@example.com", "password"),
        (f"gemini:{MODEL}#url=ftp://localhost", "in the open"),
    ],
)
def test_a_spec_that_cannot_be_used(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        judge_of(spec)
    assert "secret" not in str(caught.value)


def test_a_view_that_the_service_does_not_take() -> None:
    with pytest.raises(InputError, match="at most 24"):
        judge_of(f"gemini:{MODEL}", JudgeView(fps=30.0))


def test_a_missing_sdk_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with pytest.raises(MissingInstrument, match=r"google-genai.*pip install 'avgen-bench\[judge\]'"):
        judge_of(f"gemini:{MODEL}")


def test_a_copy_without_sound_shows_the_same_and_sounds_of_nothing(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    mute = without_sound(data)
    assert mute is not None and len(mute) == len(data)
    assert sum(a != b for a, b in zip(data, mute, strict=True)) == 3  # "trak" became "free"
    path = tmp_path / "mute.mp4"
    path.write_bytes(mute)
    before, after = clip_views(clip, JudgeView()), clip_views(path, JudgeView())
    assert before.frames == after.frames and before.sound is not None and after.sound is None
    again = without_sound(mute)
    assert again == mute


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1aE\xdf\xa3 matroska",
        b"\0\0\0\x08ftyp",
        b"\0\0\0\0moof",
        b"\xff\xff\xff\xffmoov",
        b"\0\0\0\1moov\0\0\0",
    ],
)
def test_what_is_no_mp4_has_no_such_copy(data: bytes) -> None:
    assert without_sound(data) is None


def test_a_cut_header_ends_the_search() -> None:
    moov = b"\0\0\0\x18moov" + b"\0\0\0\x99trak" + b"\0" * 8
    assert without_sound(moov) == moov


# --- what is sent --------------------------------------------------------------------------------------------------


def test_a_question_as_it_is_sent(clip: Path, sdk: None) -> None:
    reply, server = once(clip, ask=ask_of(QUESTION), options="#seed=3#thinking=0#max_tokens=99")
    assert server.mistakes == []
    assert reply.p_yes == pytest.approx(0.9) and reply.raw == YES
    assert (reply.model, reply.finish, reply.tokens_in, reply.tokens_out) == (VERSION, "STOP", 1300, 27)
    (asked,) = server.questions
    assert asked.path == f"/v1beta/models/{MODEL}:generateContent" and "key=" not in asked.path
    assert asked.headers["x-goog-api-key"] == KEY
    body = asked.body
    assert body["systemInstruction"]["parts"] == [{"text": ask_of(QUESTION).system}]
    parts = body["contents"][0]["parts"]
    assert parts[0] == {"text": f"The clip lasts {views(clip).duration_s:.2f} s."} and parts[-1] == {
        "text": ask_of(QUESTION).text
    }
    uri = "https://generativelanguage.googleapis.com/v1beta/files/f0"
    assert parts[1:-1] == [{"fileData": {"fileUri": uri, "mimeType": "video/mp4"}, "videoMetadata": {"fps": 2.0}}]
    config = body["generationConfig"]
    schema = config.pop("responseSchema")
    assert schema["properties"]["answer"]["enum"] == ["yes", "no"] and schema["required"] == ["answer"]
    assert config == {
        **{"temperature": 0.0, "seed": 3, "maxOutputTokens": 99, "candidateCount": 1, "logprobs": 10},
        **{"responseMimeType": "application/json", "responseLogprobs": True},
        **{"mediaResolution": "MEDIA_RESOLUTION_MEDIUM", "thinkingConfig": {"thinkingBudget": 0}},
    }
    assert server.uploads[0] == ("video/mp4", clip.read_bytes())


def sent(folder: Path) -> Iterator[tuple[str, str]]:
    """The body of every kind of request, with its keys sorted."""
    clip = folder / "clip.mp4"
    clip.write_bytes(b"\0\0\0\x10ftypmp42\0\0\0\0\0\0\0\x08moov")
    odd = folder / "clip.webm"
    odd.write_bytes(b"\x1aE\xdf\xa3 whatever")
    seen = ClipViews("a" * 64, 1.5, (), (), b"RIFF a sound", str(clip))
    cases = {
        "both": ("", QUESTION, False, seen),
        "picture-twin": ("", PICTURE, True, seen),
        "picture-of-another-family": ("", PICTURE, False, dataclasses.replace(seen, path=str(odd))),
        "sound": ("", SOUND, False, seen),
        "sound-that-is-not-there": ("", SOUND, False, dataclasses.replace(seen, sound=None)),
        "inline": ("#upload=inline", QUESTION, False, seen),
        "plain": (
            "#probabilities=off#temperature=0.5#seed=7#max_tokens=99#thinking=512#resolution=low",
            *(QUESTION, False, dataclasses.replace(seen, sound=None)),
        ),
    }
    for name, (options, atom, twin, given) in cases.items():
        with GeminiServer(looks=0) as server:
            judge = judge_at(server, options)
            judge.ask(ask_of(atom, twin), given, repeat=2 if name == "plain" else 0)
            judge.close()
            assert server.mistakes == []
            yield name, json.dumps(server.questions[-1].body, indent=1, sort_keys=True) + "\n"


def test_every_request_is_sent_as_it_was_reviewed(sdk: None, tmp_path: Path) -> None:
    found = dict(sent(tmp_path))
    assert sorted(found) == sorted(path.stem for path in SNAPSHOTS.iterdir())
    for name, text in found.items():
        assert text == (SNAPSHOTS / f"{name}.json").read_text(), name


def test_a_clip_is_uploaded_once_in_each_form_and_deleted_afterwards(clip: Path, sdk: None) -> None:
    with GeminiServer(looks=2) as server, ThreadPoolExecutor(8) as pool:
        judge = judge_at(server)
        seen = views(clip)
        asks = [ask_of(atom, twin) for atom in (QUESTION, PICTURE, SOUND) for twin in (False, True)] * 3
        list(pool.map(lambda ask: judge.ask(ask, seen), asks))
        assert len(server.questions) == 18 and len(server.uploads) == 3 and server.mistakes == []
        kinds = {mime: data for mime, data in server.uploads.values() if mime == "audio/wav"}
        assert kinds == {"audio/wav": seen.sound}
        films = [data for mime, data in server.uploads.values() if mime == "video/mp4"]
        assert sorted(films) == sorted([clip.read_bytes(), without_sound(clip.read_bytes())])
        assert len(server.files) == 3
        judge.close()
        assert server.files == {}


def test_a_question_is_given_what_its_modality_names_and_no_more(clip: Path, sdk: None, tmp_path: Path) -> None:
    with GeminiServer() as server:
        judge = judge_at(server, "#upload=inline")
        for atom in (QUESTION, PICTURE, SOUND):
            judge.ask(ask_of(atom), views(clip))
        given = {}
        for atom, asked in zip((QUESTION, PICTURE, SOUND), server.questions, strict=True):
            (part,) = [p["inlineData"] for p in asked.body["contents"][0]["parts"] if "inlineData" in p]
            given[atom.key] = part["mimeType"], base64.urlsafe_b64decode(part["data"])
        judge.close()
    assert server.uploads == {} and server.mistakes == []
    assert given["q1"] == ("video/mp4", clip.read_bytes()) and given["q3"] == ("audio/wav", views(clip).sound)
    (tmp_path / "seen.mp4").write_bytes(given["q2"][1])
    assert clip_views(tmp_path / "seen.mp4", JudgeView()).sound is None
    assert "mediaResolution" not in server.questions[2].body["generationConfig"]


def test_a_clip_without_sound(sdk: None, tmp_path: Path) -> None:
    clip = small_clip(tmp_path / "silent.mp4", sound=False)
    with GeminiServer(looks=0) as server:
        judge = judge_at(server)
        for atom in (QUESTION, PICTURE, SOUND):
            judge.ask(ask_of(atom), views(clip))
        judge.close()
    said = [[p.get("text") for p in asked.body["contents"][0]["parts"]] for asked in server.questions]
    assert ["The clip has no sound." in parts for parts in said] == [True, False, True]
    assert len(server.uploads) == 1 and server.mistakes == []


def test_a_file_of_another_family_is_looked_at_without_its_sound(clip: Path, sdk: None, tmp_path: Path) -> None:
    odd = tmp_path / "clip.webm"
    odd.write_bytes(b"\x1aE\xdf\xa3 whatever")
    seen = ClipViews("b" * 64, 1.0, (), (), b"RIFF", str(odd))
    with GeminiServer() as server:
        judge = judge_at(server)
        judge.ask(ask_of(PICTURE), seen)
        part = server.questions[0].body["contents"][0]["parts"][1]
        judge.close()
    assert part["videoMetadata"] == {"fps": 2.0, "contentLayers": ["FRAMES"]}
    assert part["fileData"]["mimeType"] == "video/webm"


def test_what_lies_there_of_clips_long_past_is_deleted(clip: Path, sdk: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemini, "_MOST_CLIPS", 2)
    seen = views(clip)
    with GeminiServer(looks=0) as server:
        judge = judge_at(server)
        for letter in "abcd":
            fields = {name: getattr(seen, name) for name in ClipViews.__slots__}
            judge.ask(ask_of(QUESTION), ClipViews(**{**fields, "clip_id": letter * 64}))
        assert sorted(server.files) == ["files/f2", "files/f3"]
        judge.close()
        assert not server.files


def test_identity_holds_what_can_change_a_reply(sdk: None) -> None:
    plain = judge_of(f"gemini:{MODEL}").facts
    assert plain.view.whole and plain.probabilities and KEY not in plain.identity
    assert judge_of(f"gemini:models/{MODEL}#url=http://localhost:1#upload=inline").facts.identity == plain.identity
    others = ["#seed=1", "#resolution=low", "#thinking=low", "#temperature=1", "#probabilities=off", "#max_tokens=9"]
    assert len({judge_of(f"gemini:{MODEL}{option}").facts.identity for option in ("", *others)}) == 7
    assert judge_of(f"gemini:{MODEL}", JudgeView(short_side_px=240)).facts.parameters["resolution"] == "low"
    assert judge_of(f"gemini:{MODEL}#usd_in=0.3#usd_out=2.5").facts.usd_per_million_out == 2.5
    assert judge_of("gemini:gemini-flash-latest#allow_alias=yes").facts.model == "gemini-flash-latest"


# --- what comes back -----------------------------------------------------------------------------------------------


def test_a_model_without_probabilities_is_asked_for_them_once(clip: Path, sdk: None) -> None:
    with GeminiServer(logprobs=False, answer='{"answer": "no"}') as server:
        judge = judge_at(server)
        replies = [judge.ask(ask_of(QUESTION), views(clip), repeat) for repeat in range(2)]
        judge.close()
        assert [(r.raw, r.p_yes) for r in replies] == [('{"answer": "no"}', None)] * 2
        assert len(server.questions) == 3
        assert [asked.body["generationConfig"]["seed"] for asked in server.questions] == [0, 0, 1]
    caught, _ = fails(clip, logprobs=False, options="#probabilities=on")
    assert isinstance(caught, JudgeRefusal) and "probabilities=on" in str(caught)


def test_what_is_blocked_is_refused_and_no_number(clip: Path, sdk: None) -> None:
    for turn in (
        Turn(block="SAFETY"),
        Turn(text="", finish="SAFETY"),
        Turn(text="", finish="PROHIBITED_CONTENT"),
        Turn(finish="RECITATION"),
    ):
        reply, _ = once(clip, turn)
        assert reply.refused and reply.p_yes is None and reply.finish in (turn.block, turn.finish)
    reply, _ = once(clip, Turn(text="", finish="MAX_TOKENS"))
    assert (reply.raw, reply.p_yes, reply.refused, reply.finish) == ("", None, False, "MAX_TOKENS")


FAULTS: dict[str, tuple[Turn, type[JudgeError], str]] = {
    "429 with Retry-After": (
        Turn(status=429, headers={"Retry-After": "7"}, error=error(429, "RESOURCE_EXHAUSTED", "quota").error),
        JudgeBusy,
        "429",
    ),
    "429 with RetryInfo": (
        error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", [retry_info("34.5s")]),
        JudgeBusy,
        "quota",
    ),
    "429 bare": (error(429, "RESOURCE_EXHAUSTED", "Resource exhausted"), JudgeBusy, "429"),
    "500": (error(500, "INTERNAL", "An internal error has occurred"), JudgeBroken, "500"),
    "503": (error(503, "UNAVAILABLE", "The model is overloaded"), JudgeBroken, "overloaded"),
    "504": (error(504, "DEADLINE_EXCEEDED", "Deadline expired"), JudgeBroken, "504"),
    "499": (error(499, "CANCELLED", "The operation was cancelled"), JudgeBroken, "cancelled"),
    "500 in HTML": (Turn(status=502, body=b"<html>Bad Gateway</html>"), JudgeBroken, "502"),
    "403": (error(403, "PERMISSION_DENIED", "The caller does not have permission"), JudgeRefusal, "GEMINI_API_KEY"),
    "400": (error(400, "FAILED_PRECONDITION", "User location is not supported"), JudgeRejection, "location"),
    "too long": (
        error(400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
        JudgeRejection,
        "fewer or smaller",
    ),
    "redirect": (Turn(status=302, headers={"Location": "http://localhost:1/"}, body=b"{}"), JudgeRefusal, "key must"),
    "reset": (Turn(fault="reset"), JudgeBroken, "broke"),
    "cut": (Turn(fault="cut"), JudgeBroken, "broke"),
    "no JSON": (Turn(body=b'{"candidates": [{"cont'), JudgeBroken, "can"),
    "no object": (Turn(body=b"[1]"), JudgeBroken, ""),
    "wrong shapes": (Turn(body=b'{"candidates": "yes"}'), JudgeBroken, "neither"),
    "no candidate": (Turn(candidates=False), JudgeBroken, "no candidate"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_its_exception_and_costs_one_call(name: str, clip: Path, sdk: None) -> None:
    turn, kind, words = FAULTS[name]
    caught, server = fails(clip, turn)
    assert type(caught) is kind and words in str(caught), str(caught)
    assert len(server.questions) == 1
    expected = {"429 with Retry-After": 7.0, "429 with RetryInfo": 34.5}.get(name)
    assert getattr(caught, "after_s", None) == expected
    assert server.files == {}, "deleted even then"


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_nothing_waits_past_the_deadline(fault: str, clip: Path, sdk: None) -> None:
    began_s = time.monotonic()
    caught, _ = fails(clip, Turn(fault=fault), options="#deadline_s=0.6")
    assert time.monotonic() - began_s < 6.0, "the server holds the line for eight seconds"
    assert type(caught) is JudgeBroken and "deadline" in str(caught) and caught.sent


def test_a_server_that_is_not_there(clip: Path, sdk: None) -> None:
    judge = judge_of(f"gemini:{MODEL}#url=http://127.0.0.1:9#deadline_s=2")
    with pytest.raises(JudgeBroken, match=r"at 127\.0\.0\.1:9 cannot be reached") as caught:
        judge.ask(ask_of(QUESTION), views(clip))
    assert not caught.value.sent
    judge.close()


def test_an_unknown_model_is_one_clear_error(clip: Path, sdk: None) -> None:
    caught, server = fails(clip, model="gemini-9")
    assert type(caught) is JudgeRefusal and f"no model called '{MODEL}'" in str(caught) and len(server.questions) == 1


def test_a_clip_that_the_server_cannot_make_ready(clip: Path, sdk: None) -> None:
    with GeminiServer(looks=-1) as server:
        judge = judge_at(server)
        for _ in range(2):
            with pytest.raises(JudgeBroken):
                judge.ask(ask_of(QUESTION), views(clip))
        assert len(server.files) == 2
        judge.close()
        assert server.files == {}, "every try is cleared away"
    caught, server = fails(clip, looks=-1)
    assert type(caught) is JudgeBroken and "no frames" in str(caught) and server.files == {}
    caught, server = fails(clip, looks=99, options="#deadline_s=1")
    assert type(caught) is JudgeBroken and "not ready" in str(caught) and server.files == {}


def test_an_upload_that_is_gone_is_sent_again(clip: Path, sdk: None) -> None:
    gone = error(403, "PERMISSION_DENIED", "You do not have permission to access the File f0 or it may not exist.")
    with GeminiServer([gone]) as server:
        judge = judge_at(server)
        with pytest.raises(JudgeBroken, match="sent again"):
            judge.ask(ask_of(QUESTION), views(clip))
        assert judge.ask(ask_of(QUESTION), views(clip)).raw == YES
        judge.close()
        assert len(server.uploads) == 2


def test_an_upload_that_two_questions_find_gone_is_sent_again_once(clip: Path, sdk: None) -> None:
    gone = error(403, "PERMISSION_DENIED", "You do not have permission to access the File f0 or it may not exist.")
    together, sent_again = threading.Barrier(2), threading.Event()

    def answer(body: Any) -> str | Turn:
        if not body["contents"][0]["parts"][1]["fileData"]["fileUri"].endswith("/f0"):
            return YES
        if together.wait(10):  # one of the two hears of it only after the other has sent the clip again
            sent_again.wait(10)
        return gone

    seen = views(clip)
    with GeminiServer(answer=answer, looks=0) as server, ThreadPoolExecutor(2) as pool:
        judge = judge_at(server)

        def until_answered(twin: bool) -> str:
            with pytest.raises(JudgeBroken, match="sent again"):
                judge.ask(ask_of(QUESTION, twin), seen)
            raw = judge.ask(ask_of(QUESTION, twin), seen).raw
            sent_again.set()
            return str(raw)

        assert list(pool.map(until_answered, (False, True))) == [YES, YES]
        assert len(server.uploads) == 2
        judge.close()


# --- the key -------------------------------------------------------------------------------------------------------


def test_a_wrong_key_is_one_clear_error_and_is_told_nobody(
    clip: Path, sdk: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    for upload in ("files", "inline"):
        caught, server = fails(clip, key="AIza-right", options=f"#upload={upload}")
        assert type(caught) is JudgeRefusal and "GEMINI_API_KEY" in str(caught)
        assert len(server.asked) == 1
        told = "".join(traceback.format_exception(caught)) + repr(caught) + caplog.text
        assert KEY not in told and caught.__context__ is None and caught.__cause__ is None
    monkeypatch.delenv("GEMINI_API_KEY")
    caught, server = fails(clip)
    assert type(caught) is JudgeRefusal and "GEMINI_API_KEY or GOOGLE_API_KEY" in str(caught) and not server.asked
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    assert KEY not in repr(judge_of(f"gemini:{MODEL}")) and "GOOGLE_API_KEY" in repr(judge_of(f"gemini:{MODEL}"))


def test_a_server_that_echoes_the_key(clip: Path, sdk: None) -> None:
    reply, _ = once(clip, Turn(text=f"your key is {KEY}", version=KEY))
    assert KEY not in repr(reply) and "[key]" in reply.raw
    caught, _ = fails(clip, error(400, "INVALID_ARGUMENT", f"bad {KEY}", [{"reason": KEY}]))
    assert KEY not in str(caught) and "[key]" in str(caught)


# --- end to end ----------------------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path, clip: Path) -> Iterator[Path]:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "p1.mp4").write_bytes(clip.read_bytes())
    questions = [
        {"id": f"q{n}", "type": "object", "text": f"Is {n} there?", "twin": f"Is {n} gone?", "modality": m}
        for n, m in enumerate(("both", "picture", "sound"), 1)
    ]
    row = {"id": "p1", "prompt": "A drifting texture ticks.", "questions": questions}
    (tmp_path / "prompts.jsonl").write_text(json.dumps(row) + "\n")
    yield tmp_path


def test_a_run_from_the_command_line(made: Path, sdk: None, capsys: pytest.CaptureFixture[str]) -> None:
    def says(body: Any) -> str:
        return YES if "there?" in body["contents"][0]["parts"][-1]["text"] else '{"answer": "no"}'

    with GeminiServer(answer=says, key=KEY) as server:
        line = ["score", str(made / "clips"), "--out", str(made / "run"), "--prompts", str(made / "prompts.jsonl")]
        line += ["--dimensions", "alignment", "--workers", "0", "--judge", f"gemini:{MODEL}#url={server.url}"]
        assert cli.main(line) == cli.EXIT_COMPLETE
        asked = len(server.questions)
        assert asked and server.mistakes == [] and server.files == {}
        assert cli.main(line) == cli.EXIT_COMPLETE
        assert len(server.questions) == asked, "all of it is stored"
    report = runner.read_report(made / "run")
    (cell,) = (row["measurements"]["alignment"] for row in report["clips"])
    assert cell["status"] == "ok" and cell["value"] > 0.5
    said = capsys.readouterr()
    written = b"".join(path.read_bytes() for path in (made / "run").rglob("*") if path.is_file())
    assert KEY.encode() not in written and KEY not in said.out + said.err


def test_the_environment_leads_the_sdk_nowhere_else(clip: Path, sdk: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    reply, server = once(clip)
    assert reply.raw == YES and server.mistakes == []
    assert isinstance(judge_of(f"gemini:{MODEL}"), Gemini)


if __name__ == "__main__":  # writes the snapshots again: look at the difference
    import os
    import tempfile

    os.environ["GEMINI_API_KEY"] = KEY
    SNAPSHOTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder_:
        for name_, text_ in sent(Path(folder_)):
            (SNAPSHOTS / f"{name_}.json").write_text(text_)
    sys.exit(0)
