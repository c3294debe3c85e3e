"""Judges over HTTP: what is sent, byte by byte, and what every fault of a server, or of the way to it, becomes."""

from __future__ import annotations

import base64
import email.utils
import io
import json
import logging
import socket
import sys
import threading
import time
import traceback
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from judge_server import YES, JudgeServer, Turn, entry, tokens_of
from scenes import small_clip

from avgen_bench import errors, registry
from avgen_bench.errors import (
    InputError,
    JudgeBroken,
    JudgeBusy,
    JudgeError,
    JudgeRefusal,
    JudgeRejection,
    UnknownNameError,
)
from avgen_bench.judges import _http
from avgen_bench.judges.openai import p_first
from avgen_bench.judges.replay import line_of, write_replies
from avgen_bench.judges.specs import judge_of
from avgen_bench.judges.views import clip_views
from avgen_bench.questions import AUDIT, NATURALNESS, Atom, ask_of, asks_of, read
from avgen_bench.types import YES_NO, Ask, ClipViews, Judge, JudgeReply, JudgeView, MediaLimits

SNAPSHOTS = Path(__file__).resolve().parent / "cases" / "judge"
KEY = "sk-Test_0123456789/abc+DEF=="
QUESTION = Atom("q1", "alignment", "object", "both", "Is a bell both seen and heard?", "Is a horn both seen and heard?")
PICTURE = Atom("q2", "alignment", "object", "picture", "Is a bell seen?", "Is a horn seen?")
SOUND = Atom("q3", "alignment", "object", "sound", "Is a bell heard?", "Is a horn heard?")


def wav(seconds: float = 0.01, rate_hz: int = 8000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(bytes(2 * int(seconds * rate_hz)))
    return out.getvalue()


def views(frames: int = 3, sound: bool = True, path: str = "", clip_id: str = "a" * 64) -> ClipViews:
    jpegs = tuple(b"\xff\xd8\xff\xe0 picture %d" % index for index in range(frames))
    times = tuple(0.5 * index for index in range(frames))
    return ClipViews(clip_id, 1.5, times, jpegs, wav() if sound else None, path)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AVGEN_JUDGE_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def judge_at(server: JudgeServer, options: str = "", **more: Any) -> Judge:
    return judge_of(f"openai:{server.url}#tester{options}", **more)


def once(*turns: Turn, options: str = "", ask: Ask | None = None, **server: Any) -> tuple[JudgeReply, JudgeServer]:
    with JudgeServer(turns, **server) as at:
        judge = judge_at(at, options)
        try:
            return judge.ask(ask or ask_of(QUESTION), views()), at
        finally:
            judge.close()


def fails(*turns: Turn, options: str = "", **server: Any) -> tuple[JudgeError, JudgeServer]:
    with JudgeServer(turns, **server) as at:
        judge = judge_at(at, options)
        with pytest.raises(JudgeError) as caught:
            judge.ask(ask_of(QUESTION), views())
        judge.close()
        return caught.value, at


# --- what is sent --------------------------------------------------------------------------------------------------


def sent(tmp: Path) -> Iterator[tuple[str, bytes]]:
    """Every kind of request, as it arrives."""
    clip = tmp / "clip.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypmp42 a whole file")
    cases = {
        "frames-both": ("", QUESTION, False, views()),
        "frames-picture-twin": ("", PICTURE, True, views()),
        "frames-sound": ("", SOUND, False, views()),
        "frames-without-tracks": ("", QUESTION, False, views(frames=0, sound=False)),
        "frames-detail-plain": (
            "#detail=low#json=off#probabilities=off#temperature=none#seed=7#max_tokens=9",
            PICTURE,
            False,
            views(frames=1),
        ),
        "jpeg": ("#video=jpeg", QUESTION, False, views()),
        "url": ("#video=url", QUESTION, False, views(path=str(clip))),
    }
    with JudgeServer() as server:
        for name, (options, atom, twin, seen) in cases.items():
            judge = judge_at(server, options)
            judge.ask(ask_of(atom, twin), seen, repeat=2 if "plain" in name else 0)
            judge.close()
            yield name, server.asked[-1].raw
    assert server.mistakes == []


def texts() -> str:
    """Every fixed text that is sent, and one question of a prompt."""
    asks = [*asks_of((QUESTION,)), *asks_of((*AUDIT, *NATURALNESS))]
    systems = {ask.system for ask in asks}
    return "\n\n".join([*systems, *(f"{ask.key} [{ask.modality}] {ask.digest}\n{ask.text}" for ask in asks)]) + "\n"


def test_every_request_is_sent_as_it_was_reviewed(tmp_path: Path) -> None:
    found = dict(sent(tmp_path))
    assert sorted(found) == sorted(path.stem for path in (SNAPSHOTS / "openai").iterdir())
    for name, raw in found.items():
        assert raw.decode() == (SNAPSHOTS / "openai" / f"{name}.json").read_text().rstrip("\n"), name


def test_every_transport_that_sends_something_has_its_snapshots() -> None:
    """Those of gemini and transformers are held to in tests/test_gemini.py and tests/full, where they can run."""
    reviewed = {folder.name: len(list(folder.glob("*.json"))) for folder in SNAPSHOTS.iterdir() if folder.is_dir()}
    assert set(reviewed) == set(registry.TABLE["judges"]) - {"panel", "person", "replay"} and min(reviewed.values()) > 2


def test_every_fixed_text_is_sent_as_it_was_reviewed() -> None:
    assert texts() == (SNAPSHOTS / "texts.txt").read_text()


def test_a_question_is_given_what_its_modality_names_and_no_more() -> None:
    kinds = {}
    with JudgeServer() as server:
        judge = judge_at(server)
        for atom in (QUESTION, PICTURE, SOUND):
            judge.ask(ask_of(atom), views())
            parts = server.asked[-1].body["messages"][1]["content"]
            kinds[atom.key] = [part["type"] for part in parts if part["type"] != "text"]
            assert parts[-1] == {"type": "text", "text": ask_of(atom).text}
    assert kinds == {"q1": ["image_url"] * 3 + ["input_audio"], "q2": ["image_url"] * 3, "q3": ["input_audio"]}


def test_pictures_and_sound_arrive_as_they_are_with_their_times() -> None:
    with JudgeServer() as server:
        seen = views()
        judge_at(server).ask(ask_of(QUESTION), seen)
        parts = server.asked[0].body["messages"][1]["content"]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    assert texts[1:4] == ["0.00 s:", "0.50 s:", "1.00 s:"]
    data = [part["image_url"]["url"].partition(",")[2] for part in parts if part["type"] == "image_url"]
    assert tuple(map(base64.b64decode, data)) == seen.frames
    assert base64.b64decode(parts[-2]["input_audio"]["data"]) == seen.sound


def test_a_clip_is_encoded_once_for_all_its_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    from avgen_bench.judges import openai

    encoded: list[int] = []
    plain = openai._b64
    monkeypatch.setattr(openai, "_b64", lambda data: encoded.append(len(data)) or plain(data))
    with JudgeServer() as server, ThreadPoolExecutor(8) as pool:
        judge = judge_at(server)
        asks = [ask_of(atom, twin) for atom in (QUESTION, PICTURE, SOUND) for twin in (False, True)] * 4
        clips = [views(clip_id="a" * 64), views(frames=2, clip_id="b" * 64)]
        list(pool.map(lambda pair: judge.ask(*pair), [(ask, clip) for ask in asks for clip in clips]))
        assert server.calls == 48 and not server.mistakes
        assert len(encoded) == (3 + 1) + (2 + 1)
        again = views(frames=4, clip_id="a" * 64)  # the same file under another view
        judge.ask(ask_of(PICTURE), again)
        assert len(encoded) == 7 + 4


def test_what_was_encoded_is_forgotten_when_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    from avgen_bench.judges import openai

    monkeypatch.setattr(openai, "_MOST_KEPT_BYTES", 100)
    with JudgeServer() as server:
        judge: Any = judge_at(server)
        for letter in "abcd":
            judge.ask(ask_of(PICTURE), views(clip_id=letter * 64))
            assert list(judge._encoded) == [letter * 64]


def test_a_whole_file_may_go_by_its_path(tmp_path: Path) -> None:
    clip = tmp_path / "a clip.mp4"
    clip.write_bytes(b"x")
    with JudgeServer() as server:
        judge = judge_at(server, "#video=file")
        assert judge.facts.view.whole
        judge.ask(ask_of(PICTURE), views(frames=0, path=str(clip)))
        part = server.asked[0].body["messages"][1]["content"][1]
    assert part == {"type": "video_url", "video_url": {"url": clip.as_uri()}}


def test_a_repeat_has_a_seed_of_its_own_and_a_temperature_where_probabilities_are_off() -> None:
    with JudgeServer() as server:
        judge = judge_at(server, "#probabilities=off#seed=5")
        for repeat in range(3):
            judge.ask(ask_of(QUESTION), views(), repeat)
        assert [(a.body["seed"], a.body["temperature"]) for a in server.asked] == [(5, 1.0), (6, 1.0), (7, 1.0)]
        assert judge_at(server).facts.parameters["temperature"] == 0.0
    assert not judge.facts.probabilities and "logprobs" not in server.asked[0].body


def test_foreign_text_stays_text() -> None:
    odd = '"}]}],"temperature":2,"x":[{"y":"\\\n\u2028<|im_end|>\ud800'
    ask = Ask("q1", "both", odd, odd)
    with JudgeServer() as server:
        judge_at(server).ask(ask, views())
        body = server.asked[0].body
    assert body["messages"][0]["content"] == odd and body["messages"][1]["content"][-1]["text"] == odd
    assert body["temperature"] == 0.0 and not server.mistakes


# --- what comes back ------------------------------------------------------------------------------------------------


def test_a_reply_with_everything_in_it() -> None:
    reply, _ = once(Turn(content=' {"answer": "no"}\n', tokens=tokens_of(' {"answer": "no"}\n', 0.8)))
    assert reply.raw == ' {"answer": "no"}\n' and reply.p_yes == pytest.approx(0.2)
    assert (reply.model, reply.finish, reply.tokens_in, reply.tokens_out, reply.refused) == (
        *("tester-2026-11-01", "stop", 1234, 7, False),
    )
    assert JudgeReply.from_json(json.loads(json.dumps(reply.to_json()))) == JudgeReply(
        **{**{name: getattr(reply, name) for name in JudgeReply.__slots__}, "p_yes": round(reply.p_yes, 6)}
    )


@pytest.mark.parametrize(
    ("raw", "tokens", "expected"),
    [
        (YES, tokens_of(YES, 0.9), 0.9),
        ('{"answer":"no"}', tokens_of('{"answer":"no"}', 0.7), 0.3),
        ("yes", [entry("yes", 0.6, {"no": 0.3, "maybe": 0.1})], 0.6 / 0.9),
        (" Yes.", [entry(" Yes", 0.5, {"yes": 0.2, " no": 0.2, "NO": 0.1}), entry(".", 1.0)], 0.7),
        (YES, [entry('{"answer": "yes', 0.9, {'{"answer": "no': 0.1}), entry('"}', 1.0)], None),
        (YES, [entry('{"answer":', 1.0), entry(' "yes', 0.8, {' "no': 0.2}), entry('"}', 1.0)], 0.8),
        (YES, [entry('{"answer":', 1.0), entry(' "', 1.0), entry('yes"}', 0.75, {'no"}': 0.25})], 0.75),
        (YES, [entry('{"answer": "', 1.0), entry("y", 0.8, {"n": 0.2}), entry('es"}', 1.0)], 0.8),
        # special tokens and thoughts around the reply
        (YES, [entry("<think>yes</think>", 1.0), *tokens_of(YES, 0.8), entry("<|im_end|>", 1.0)], 0.8),
        # the last answer counts
        ('{"answer": "yes"} no: {"answer": "no"}', None, 0.1),
        # "not" is not "no", and a word that is not listed cannot hold more than the rest
        ("yes", [entry("yes", 0.55, {"not": 0.45})], 1.0),
        ("yes", [entry("yes", 0.55, {"it": 0.3})], None),
        ("yes", [entry("yes", 0.97)], 1.0),
        ("yes", [entry("yes", 0.6)], None),
        ("no", [entry("no", 0.3, {"maybe": 0.6, "yes": 0.1})], None),
        # what cannot be told
        (YES, [entry("token_id:17", 1.0)], None),
        ("Yes, I think so.", tokens_of("Yes, I think so."), None),
        ('{"answer": "perhaps"}', tokens_of('{"answer": "perhaps"}'), None),
        ("", [], None),
        (YES, None, None),
        (YES, "tokens", None),
        (YES, [{"token": "{", "logprob": "low"}], None),
        (YES, [{"token": YES, "logprob": float("nan")}], None),
        (YES, [{"logprob": -0.1}], None),
    ],
)
def test_the_probability_is_that_of_the_token_in_which_the_answer_begins(
    raw: str, tokens: Any, expected: float | None
) -> None:
    if raw.count("answer") == 2:
        tokens = tokens_of(raw, 0.9)
    found = p_first(raw, tokens, YES_NO)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


def test_the_probability_of_another_menu_and_of_a_word_in_pieces() -> None:
    menu = ("left", "right", "neither")
    tokens = [entry("l", 0.5, {"r": 0.25, "ne": 0.25}), entry("eft", 1.0)]
    assert p_first("left", tokens, menu) == pytest.approx(0.5)
    menu = ("no", "north")  # "no" may be either: it tells nothing
    assert p_first("no", [entry("no", 0.9, {"nor": 0.1})], menu) is None
    accents = [entry("é", 1.0), entry("yes", 0.8, {"no": 0.2})]
    assert p_first("yes", accents, YES_NO) == pytest.approx(0.8)
    assert read("yes", YES_NO) == "yes"


NONSENSE = {
    "empty": "",
    "refusal text": "I'm sorry, but I can't help with that.",
    "wrong language": "Да, колокол слышен.",
    "the menu, quoted": 'You asked for {"answer": "yes"} or {"answer": "no"}, as one object: {"answer": "yes|no"}',
    "the menu's words": "yes or no",
    "a score as text": '{"answer": "85"}',
    "a number": '{"answer": 1}',
    "a list": '["yes"]',
    "cut in the middle": '{"answer": "ye',
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_comes_through_verbatim_and_is_no_answer(name: str) -> None:
    reply, server = once(Turn(content=NONSENSE[name]))
    assert (reply.raw, reply.p_yes, server.calls) == (NONSENSE[name], None, 1)
    assert read(reply.raw, YES_NO) is None


def test_markdown_around_an_answer_comes_through_and_is_read() -> None:
    raw = 'Here it is:\n```json\n{"answer": "No"}\n```'
    reply, _ = once(Turn(content=raw, tokens=tokens_of(raw, 0.8)))
    assert reply.raw == raw and read(reply.raw, YES_NO) == "no"


def test_replies_in_other_shapes() -> None:
    parts = [{"type": "text", "text": '{"answer": '}, {"type": "text", "text": '"yes"}'}, {"type": "x"}]
    assert once(Turn(message={"content": parts}))[0].raw == YES
    assert once(Turn(message={"content": None, "tool_calls": []}))[0].raw == ""
    reply, _ = once(Turn(content=None, refusal="I will not."))
    assert (reply.raw, reply.refused, reply.p_yes) == ("I will not.", True, None)
    reply, _ = once(Turn(content="", finish="content_filter"))
    assert reply.refused and reply.finish == "content_filter"
    error = {"message": "The response was filtered", "type": None, "param": "prompt", "code": "content_filter"}
    reply, server = once(Turn(status=400, error=error))
    assert reply.refused and reply.raw == "The response was filtered" and server.calls == 1
    bare = {"choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": -3, "completion_tokens": True}}
    reply, _ = once(Turn(body=json.dumps(bare).encode()))
    assert (reply.raw, reply.model, reply.tokens_in, reply.tokens_out) == ("yes", "", 0, 0)


def test_the_version_that_answers_is_named_by_each_reply() -> None:
    with JudgeServer([Turn(model="tester-1"), Turn(model="tester-2")]) as server:
        judge = judge_at(server)
        assert [judge.ask(ask_of(QUESTION), views()).model for _ in range(2)] == ["tester-1", "tester-2"]


# --- what a server cannot do ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["response_format", "logprobs", "seed", "max_tokens"])
def test_a_field_that_a_server_does_not_take_is_left_out_once_and_for_all(field: str) -> None:
    with JudgeServer(refuses=[field]) as server:
        judge = judge_at(server)
        for _ in range(3):
            assert judge.ask(ask_of(QUESTION), views()).raw == YES
        assert server.calls == 4 and [field in asked.body for asked in server.asked] == [True, False, False, False]
        assert ("max_completion_tokens" in server.asked[-1].body) == (field == "max_tokens")


def test_many_threads_learn_what_a_server_does_not_take() -> None:
    with JudgeServer(refuses=["response_format", "logprobs", "seed"]) as server, ThreadPoolExecutor(8) as pool:
        judge = judge_at(server)
        replies = list(pool.map(lambda _: judge.ask(ask_of(QUESTION), views()), range(24)))
        assert all(reply.raw == YES and reply.p_yes is None for reply in replies)
        assert server.calls <= 24 + 8 * 3


def test_a_field_that_was_left_out_and_is_still_named_stops_the_run() -> None:
    turn = Turn(status=400, error={"message": "bad response_format", "param": "response_format"})
    error, server = fails(turn, turn)
    assert isinstance(error, JudgeRefusal) and server.calls == 2


def test_probabilities_that_must_be_given_and_are_not() -> None:
    error, server = fails(options="#probabilities=on", refuses=["logprobs"])
    assert isinstance(error, JudgeRefusal) and "probabilities=on" in str(error) and server.calls == 1
    bare = {"choices": [{"message": {"content": "yes"}}]}
    error, _ = fails(Turn(body=json.dumps(bare).encode()), options="#probabilities=on")
    assert isinstance(error, JudgeRefusal) and "no probabilities" in str(error)


def test_a_temperature_that_a_server_does_not_take_is_not_changed_in_silence() -> None:
    error, server = fails(refuses=["temperature"])
    assert isinstance(error, JudgeRefusal) and "#temperature=none" in str(error) and server.calls == 1
    reply, server = once(options="#temperature=none", refuses=["temperature"])
    assert reply.raw == YES and "temperature" not in server.asked[0].body


# --- faults ---------------------------------------------------------------------------------------------------------

LATER = "Sun, 22 Nov 2026 10:00:07 GMT"
NO_MODEL = {"message": "The model `tester` does not exist."}

FAULTS: dict[str, tuple[Turn, type[JudgeError], str]] = {
    "429": (Turn(status=429, error={"message": "slow down"}), JudgeBusy, "later (429)"),
    "429 in seconds": (Turn(status=429, headers={"Retry-After": "7"}, body=b""), JudgeBusy, "later"),
    "429 by date": (
        Turn(status=429, headers={"Retry-After": LATER, "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, body=b""),
        *(JudgeBusy, "later"),
    ),
    "429 unreadable": (Turn(status=429, headers={"Retry-After": "soon"}, body=b"<html>"), JudgeBusy, "later"),
    "503 in seconds": (Turn(status=503, headers={"Retry-After": "7"}, body=b""), JudgeBusy, "later (503)"),
    "408": (Turn(status=408, body=b""), JudgeBroken, "(408)"),
    "409": (Turn(status=409, body=b""), JudgeBroken, "(409)"),
    "500": (Turn(status=500, error={"message": "EngineDead"}), JudgeBroken, "EngineDead"),
    "502 of a proxy": (Turn(status=502, body=b"<html>Bad Gateway</html>"), JudgeBroken, "Bad Gateway"),
    "503": (Turn(status=503, body=b""), JudgeBroken, "(503)"),
    "529": (Turn(status=529, body=b""), JudgeBroken, "(529)"),
    "200 that holds an error": (Turn(error={"message": "upstream", "code": 429}), JudgeBusy, "upstream"),
    "200 that holds another": (Turn(error={"message": "upstream"}), JudgeBroken, "upstream"),
    "reset": (Turn(fault="reset"), JudgeBroken, "broke"),
    "reset in the reply": (Turn(fault="reset_after"), JudgeBroken, "broke"),
    "cut body": (Turn(fault="cut"), JudgeBroken, "broke"),
    "cut JSON": (Turn(body=b'{"choices": [{"message": {"content": "ye'), JudgeBroken, "no JSON object, or was cut"),
    "no JSON": (Turn(body=b"yes"), JudgeBroken, "no JSON object"),
    "nothing": (Turn(body=b""), JudgeBroken, "no JSON object"),
    "another JSON": (Turn(body=b"[]"), JudgeBroken, "no JSON object"),
    "JSON without a message": (Turn(body=b'{"choices": []}'), JudgeBroken, "no chat completion"),
    "deep JSON": (Turn(body=b"[" * 200_000), JudgeBroken, "no JSON object"),
    "not UTF-8": (Turn(body=b'{"choices": "\xff\xfe"}'), JudgeBroken, "no JSON object"),
    "401": (Turn(status=401, error={"message": "no key"}), JudgeRefusal, "AVGEN_JUDGE_KEY"),
    "402": (Turn(status=402, error={"message": "no credit"}), JudgeRefusal, "paid"),
    "403": (Turn(status=403, body=b""), JudgeRefusal, "AVGEN_JUDGE_KEY"),
    "404 of a path": (Turn(status=404, body=b'{"detail":"Not Found"}'), JudgeRefusal, "/v1"),
    "404 of a model": (Turn(status=404, error=NO_MODEL), JudgeRefusal, "'tester'"),
    "400 of a model": (Turn(status=400, error={"message": "tester is not a valid model ID"}), JudgeRefusal, "'tester'"),
    "400 of a model, without its article": (
        *(Turn(status=400, error={"message": 'model "tester" not found, try pulling it first'}), JudgeRefusal),
        "no model called 'tester'",
    ),
    "400 of a clip that a model cannot be given": (
        *(Turn(status=400, error={"message": "input for model tester-7b: video stream not found"}), JudgeRejection),
        "stream not found",
    ),
    "400 of the key": (Turn(status=400, error={"message": "API key not valid."}), JudgeRefusal, "AVGEN_JUDGE_KEY"),
    "400": (Turn(status=400, error={"message": "images are not taken"}), JudgeRejection, "images are not taken"),
    "400 too long": (
        Turn(status=400, error={"message": "This model's maximum context length is 4096 tokens; you gave 9000"}),
        *(JudgeRejection, "fewer or smaller pictures"),
    ),
    "405": (Turn(status=405, body=b""), JudgeRefusal, "(405)"),
    "413": (Turn(status=413, body=b""), JudgeRejection, "fewer or smaller pictures"),
    "422": (Turn(status=422, body=b'{"detail":[{"msg":"bad"}]}'), JudgeRejection, "bad"),
    "429 for good": (Turn(status=429, error={"message": "x", "code": "insufficient_quota"}), JudgeRefusal, "spend"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_apart_and_costs_one_call(name: str) -> None:
    turn, kind, words = FAULTS[name]
    error, server = fails(turn)
    assert type(error) is kind and words in str(error), error
    assert server.calls == 1 and "\n" not in str(error)
    if kind is JudgeBusy:
        expected = 7.0 if name.endswith(("in seconds", "by date")) else None
        assert isinstance(error, JudgeBusy) and error.after_s == expected


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_nothing_lasts_longer_than_the_deadline(fault: str) -> None:
    began = time.monotonic()
    error, server = fails(Turn(fault=fault), options="#deadline_s=0.4")
    assert type(error) is JudgeBroken and "0.4 s" in str(error) and server.calls == 1
    assert 0.35 < time.monotonic() - began < 5


def test_a_reply_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_MOST_REPLY_BYTES", 1 << 20)
    error, _ = fails(Turn(fault="endless"))
    assert type(error) is JudgeBroken and "longer than" in str(error)


def test_a_server_that_is_not_there_is_broken_not_wrong() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # held, not listening: nobody else gets the port
        where = f"127.0.0.1:{held.getsockname()[1]}"
        judge = judge_of(f"openai:http://{where}/v1#tester")
        with pytest.raises(JudgeBroken, match=f"at {where} cannot be reached") as caught:
            judge.ask(ask_of(QUESTION), views())
    assert not caught.value.sent


@pytest.mark.parametrize("is_silent", [True, False])
def test_where_tls_does_not_come_about_nothing_was_sent(is_silent: bool) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        where = f"127.0.0.1:{door.getsockname()[1]}"
        judge = judge_of(f"openai:https://{where}/v1#tester#deadline_s=0.4")
        if not is_silent:
            threading.Thread(target=lambda: door.accept()[0].close(), daemon=True).start()
        with pytest.raises(JudgeBroken, match=f"at {where} cannot be reached") as caught:
            judge.ask(ask_of(QUESTION), views())
    assert not caught.value.sent and ("no connection within 0.4 s" in str(caught.value)) == is_silent


def test_where_a_name_is_not_known_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(JudgeBroken, match=r"at nowhere\.invalid cannot be reached: .*not known") as caught:
        judge_of("openai:http://nowhere.invalid#tester").ask(ask_of(QUESTION), views())
    assert not caught.value.sent


@pytest.mark.parametrize("turn", [Turn(fault="hang"), Turn(fault="reset"), Turn(status=500)])
def test_what_fails_after_sending_may_be_billed(turn: Turn) -> None:
    error, _ = fails(turn, options="#deadline_s=0.4")
    assert type(error) is JudgeBroken and error.sent


def test_https_to_a_server_that_speaks_none_is_refused_at_once() -> None:
    with JudgeServer() as server:
        judge = judge_of(f"openai:{server.url.replace('http', 'https')}#tester#deadline_s=5")
        with pytest.raises(JudgeError) as caught:
            judge.ask(ask_of(QUESTION), views())
    assert type(caught.value) is JudgeRefusal and "https" in str(caught.value)


def test_after_a_fault_the_next_question_is_answered() -> None:
    turns = [Turn(fault="reset"), Turn(fault="cut"), Turn(status=500, body=b""), Turn(fault="close"), Turn()]
    seen: list[str] = []
    with JudgeServer(turns) as server:
        judge = judge_at(server)
        for _ in range(6):
            try:
                seen.append(judge.ask(ask_of(QUESTION), views()).raw)
            except JudgeBroken:
                seen.append("broken")
        judge.close()
        assert judge.ask(ask_of(QUESTION), views()).raw == YES  # closed is not the end
    assert seen == ["broken", "broken", "broken", YES, YES, YES]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:07 GMT"}, 7.0),
        ({"retry-after": "Sun, 22 Nov 2026 09:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 99 Nov 2026 09:00:00 GMT"}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], expected: float | None) -> None:
    now_s = email.utils.parsedate_to_datetime("Sun, 22 Nov 2026 10:00:00 GMT").timestamp()
    assert _http.retry_after_s(headers, now_s) == expected


# --- the key --------------------------------------------------------------------------------------------------------


def everything_of(error: BaseException) -> str:
    """All that an exception, what led to it and the frames that it went through would print."""
    parts: list[str] = []
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None:
            continue
        parts += [repr(one), str(one), repr(vars(one)), repr(one.args)]
        frames = traceback.walk_tb(one.__traceback__)
        parts += [
            repr(list(frame.f_locals.values())) for frame, _ in frames if "avgen_bench" in frame.f_code.co_filename
        ]
        todo += [one.__cause__, one.__context__]
        request = getattr(one, "_request", None)
        parts.append(str(getattr(request, "headers", {}).get("authorization", "")) if request is not None else "")
    return "\n".join(parts)


def test_the_key_goes_to_the_server_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AVGEN_JUDGE_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    echo = f"key {KEY} was given"
    turns = [
        Turn(content=f'{{"answer": "yes"}} {echo}', model=echo, finish=echo),
        *(Turn(status=status, error={"message": echo, "code": echo}) for status in (400, 401, 404, 429, 500)),
        Turn(status=500, body=echo.encode()),
        Turn(status=302, headers={"Location": f"http://elsewhere.invalid/{KEY}"}, body=b""),
        *(Turn(fault=fault) for fault in ("reset", "cut", "hang", "endless")),
        Turn(status=400, error={"message": echo, "code": "content_filter"}),
    ]
    printed = ""
    with JudgeServer(turns, key=KEY) as server:
        judge = judge_at(server, "#deadline_s=0.4")
        for _ in range(len(turns) + 1):
            try:
                reply = judge.ask(ask_of(QUESTION), views())
                printed += repr(reply) + line_of("a", ask_of(QUESTION), 0, reply)
            except JudgeError as error:
                printed += everything_of(error)
                assert error.__context__ is None and error.__cause__ is None
        printed += repr(judge) + str(judge) + repr(judge.facts) + judge.facts.identity + repr(vars(judge))
        assert len(server.asked) == len(turns) + 1
        assert {asked.headers["Authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
    shown = capfd.readouterr()
    assert len(printed) > 1000 and "[key]" in printed
    for text in (printed, caplog.text, shown.out, shown.err):
        assert KEY not in text
    assert "HTTP Request: POST" in caplog.text  # the log was on


def test_a_wrong_key_is_one_clear_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVGEN_JUDGE_KEY", "sk-wrong-0000")
    error, server = fails(key=KEY)
    assert type(error) is JudgeRefusal and server.calls == 1
    assert "AVGEN_JUDGE_KEY" in str(error) and "sk-wrong-0000" not in str(error)


def test_an_unknown_model_is_one_clear_error_at_once() -> None:
    error, server = fails(model="another")
    assert type(error) is JudgeRefusal and "'tester'" in str(error) and server.calls == 1


def test_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVGEN_JUDGE_KEY", KEY)
    with JudgeServer() as thief:
        for status in (301, 302, 307, 308):
            turn = Turn(status=status, headers={"Location": f"{thief.url}/chat/completions"}, body=b"")
            error, server = fails(turn)
            assert type(error) is JudgeRefusal and "another address" in str(error) and server.calls == 1
        assert thief.calls == 0


def test_which_key_a_server_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert _http.key_of("localhost") is None
    theirs = _http.key_of("api.openai.com")
    assert theirs is not None and theirs.variable == "OPENAI_API_KEY" and theirs.header() == f"Bearer {KEY}"
    monkeypatch.setenv("AVGEN_JUDGE_KEY", "another-key")
    assert repr(_http.key_of("api.openai.com")) == "<key from AVGEN_JUDGE_KEY>"
    monkeypatch.setenv("SECOND_JUDGE", "second-key")
    second = _http.key_of("localhost", "SECOND_JUDGE")
    assert second is not None and second.header() == "Bearer second-key"
    with pytest.raises(InputError, match="THIRD_JUDGE"):
        _http.key_of("localhost", "THIRD_JUDGE")
    with pytest.raises(InputError) as caught:
        _http.key_of("localhost", KEY)  # the key itself where its variable's name belongs
    assert KEY not in str(caught.value)
    monkeypatch.setenv("AVGEN_JUDGE_KEY", "two words\nX-Other: 1")
    with pytest.raises(InputError) as caught:
        _http.key_of("localhost")
    assert "AVGEN_JUDGE_KEY" in str(caught.value) and "two words" not in str(caught.value)


def test_a_placeholder_is_no_secret_and_leaves_replies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVGEN_JUDGE_KEY", "yes")
    reply, _ = once(key="yes")
    assert reply.raw == YES


def test_pictures_for_this_machine_pass_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with JudgeServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert once()[0].raw == YES and proxy.calls == 0


# --- specs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"),
        ("https://host/v1beta/openai", "https://host/v1beta/openai/chat/completions"),
        ("https://host/x/chat/completions", "https://host/x/chat/completions"),
        ("http://[::1]:9/v1", "http://[::1]:9/v1/chat/completions"),
        ("ftp://host/v1", None),
        ("file:///etc/passwd", None),
        ("localhost:8000", None),
        ("http:///v1", None),
        ("http://host:99999/v1", None),
        ("http://host:x/v1", None),
        ("http://name:secret@host/v1", None),
        ("http://host/v1?key=secret", None),
        ("http://ho st/v1", None),
        ("", None),
    ],
)
def test_addresses(url: str, expected: str | None) -> None:
    if expected is not None:
        assert _http.address_of(url) == expected
        return
    with pytest.raises(InputError, match="address") as caught:
        _http.address_of(url)
    assert "secret" not in str(caught.value)


def test_a_spec_names_model_view_and_options() -> None:
    view = JudgeView(fps=1.0, short_side_px=320)
    judge = judge_of("openai:http://localhost:1#Qwen/Qwen2.5-Omni-7B#seed=3#usd_in=0.3#usd_out=2.5", view, seed=4)
    facts = judge.facts
    assert isinstance(judge, Judge)
    assert (facts.name, facts.model, facts.view, facts.probabilities) == ("openai", "Qwen/Qwen2.5-Omni-7B", view, True)
    assert (facts.usd_per_million_in, facts.usd_per_million_out, facts.parameters["seed"]) == (0.3, 2.5, 4)
    same = judge_of("openai:https://elsewhere/v1#Qwen/Qwen2.5-Omni-7B#seed=4#deadline_s=9", view).facts
    assert same.identity == facts.identity and "localhost" not in facts.identity
    others = ["#seed=5", "#video=jpeg", "#video=url", "#json=off", "#probabilities=off", "#detail=low"]
    lines = {judge_of(f"openai:http://localhost:1#m{options}", view).facts.identity for options in ("", *others)}
    assert len(lines) == 7


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("openai", "openai:URL#model"),
        ("openai:http://localhost:1", "names no model"),
        ("openai:http://localhost:1#", "names no model"),
        ("openai:http://localhost:1#m#video=all", "frames, jpeg, url, file"),
        ("openai:http://localhost:1#m#seed=x", "a whole number from 0"),
        ("openai:http://localhost:1#m#temperature=nan", "a number from 0 to 2"),
        ("openai:http://localhost:1#m#colour=red", "there are: video"),
        ("openai:http://localhost:1#m#seed=1#seed=2", "given twice"),
        ("replay:/nowhere/replies.jsonl", "replies.jsonl"),
        ("replay:x#seed=1", "there are: none"),
    ],
)
def test_a_spec_that_cannot_be_used(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        judge_of(spec)


def test_a_transport_that_there_is_not() -> None:
    with pytest.raises(UnknownNameError, match=r"telepathy.*openai"):
        judge_of("telepathy:x")
    assert set(registry.names("judges")) >= {"openai", "replay"}


def test_a_judge_without_sound_is_not_asked_about_sound() -> None:
    with JudgeServer() as server:
        judge = judge_at(server, view=JudgeView(rate_hz=None))
        assert judge.ask(ask_of(PICTURE), views(sound=False)).raw == YES
        for atom in (SOUND, QUESTION):
            with pytest.raises(JudgeRefusal, match="given none"):
                judge.ask(ask_of(atom), views(sound=False))
        assert server.calls == 1


# --- stored replies -------------------------------------------------------------------------------------------------


def test_stored_replies_are_told_again(tmp_path: Path) -> None:
    yes, no = ask_of(QUESTION), ask_of(QUESTION, twin=True)
    odd = JudgeReply(raw='\ud800 "\n\u2028', p_yes=0.25, model="m", finish="stop", tokens_in=3, tokens_out=1)
    lines = [line_of("a" * 64, yes, 1, odd), line_of("a" * 64, no, 0, JudgeReply(raw="no", p_yes=0.5, refused=True))]
    path = write_replies(lines, tmp_path / "replies.jsonl")
    judge = judge_of(f"replay:{path}")
    assert isinstance(judge, Judge) and judge.facts.probabilities
    assert judge.ask(yes, views(), 1) == odd
    assert judge.ask(no, views()).refused
    for ask, clip, repeat in (
        (yes, views(), 0),
        (yes, views(clip_id="b" * 64), 1),
        (Ask(yes.key, yes.modality, yes.system, yes.text + " ", yes.menu), views(), 1),
    ):
        reply = judge.ask(ask, clip, repeat)
        assert (reply.raw, reply.p_yes, reply.finish) == ("", None, "not stored") and read(reply.raw, YES_NO) is None
    same = judge_of(f"replay:{write_replies(reversed(lines), tmp_path / 'again.jsonl')}")
    assert same.facts.identity == judge.facts.identity
    fewer = judge_of(f"replay:{write_replies(lines[:1], tmp_path / 'fewer.jsonl')}")
    assert fewer.facts.identity != judge.facts.identity
    judge.close()


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"clip_id": "a", "key": "q1", "digest": "d", "repeat": 0}',
        '{"clip_id": "a", "key": "q1", "digest": "d", "repeat": 0, "reply": {"raw": 1}}',
        '{"clip_id": "a", "key": "q1", "digest": "d", "repeat": true, "reply": {"raw": ""}}',
        '{"clip_id": 1, "key": "q1", "digest": "d", "repeat": 0, "reply": {"raw": ""}}',
        '{"clip_id": "a", "key": "q1", "digest": "d", "repeat": 0, "reply": {"raw": "", "p_yes": 7}}',
        '{"clip_id": "a", "key": "q1", "digest": "d", "repeat": 0, "reply": {"raw": "", "other": 7}}',
    ],
)
def test_a_line_that_is_no_stored_reply_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(InputError, match=r"line 2 of 'replies\.jsonl'"):
        judge_of(f"replay:{path}")


# --- views ----------------------------------------------------------------------------------------------------------


def picture(data: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return found


def sound(data: bytes) -> tuple[int, np.ndarray]:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_a_clip_becomes_pictures_on_a_grid_and_one_sound(tmp_path: Path) -> None:
    clip = small_clip(tmp_path / "clip.mp4", brightness=90, seconds=3.0)
    seen = clip_views(clip, JudgeView(fps=2.0, short_side_px=64, rate_hz=8000))
    assert seen.times_s == pytest.approx((0, 0.5, 1, 1.5, 2, 2.5), abs=0.002)
    assert len(seen.frames) == 6 and seen.duration_s == pytest.approx(3.0, abs=0.1)
    assert {picture(frame).shape for frame in seen.frames} == {(48, 64, 3)}  # not enlarged
    assert abs(picture(seen.frames[3]).mean() - 90) < 6
    assert seen.frames[0] != seen.frames[1]
    assert seen.sound is not None
    rate_hz, samples = sound(seen.sound)
    assert rate_hz == 8000 and abs(samples.size - 24000) < 400
    for tick in range(6):  # a tick every half second, loud at its start
        start = tick * 4000
        assert abs(samples[start : start + 400].astype(float)).max() > 5000
        assert abs(samples[start + 3000 : start + 3800].astype(float)).max() < 700
    assert seen == clip_views(clip, JudgeView(fps=2.0, short_side_px=64, rate_hz=8000))
    assert seen.path == str(clip) and seen.clip_id == __import__("hashlib").sha256(clip.read_bytes()).hexdigest()


def test_a_long_clip_is_sampled_more_coarsely_and_never_cut(tmp_path: Path) -> None:
    clip = small_clip(tmp_path / "clip.mp4", seconds=4.0)
    seen = clip_views(clip, JudgeView(fps=8.0, short_side_px=64, most_frames=10, rate_hz=None))
    assert seen.times_s == pytest.approx(tuple(0.5 * k for k in range(8)), abs=0.002)
    assert seen.sound is None  # this judge takes none
    two = clip_views(clip, JudgeView(fps=8.0, short_side_px=64, most_frames=2, rate_hz=None))
    assert two.times_s == pytest.approx((0.0, 2.0), abs=0.002)


def test_pictures_are_made_smaller_where_they_are_larger(tmp_path: Path) -> None:
    from avgen_bench.factory.render import render
    from avgen_bench.factory.scene import Scene

    flat = np.full((160, 240, 3), 120, np.uint8)
    clip = render(Scene("wide", 240, 160, 24.0, 0.5, lambda index: flat, None, 16000), tmp_path / "wide.mp4")
    seen = clip_views(clip, JudgeView(short_side_px=80))
    assert [picture(frame).shape for frame in seen.frames] == [(80, 120, 3)]
    assert seen.sound is None


def test_a_whole_file_has_no_pictures_and_its_sound(tmp_path: Path) -> None:
    clip = small_clip(tmp_path / "clip.mp4")
    seen = clip_views(clip, JudgeView(whole=True))
    assert seen.frames == () and seen.times_s == () and seen.sound is not None and seen.path == str(clip)


def test_sound_stands_on_the_clips_own_timeline() -> None:
    from avgen_bench.judges.views import _Album
    from avgen_bench.types import AudioBlock, AudioView

    album, view = _Album(JudgeView(rate_hz=8000)), AudioView(8000, 1)
    one = np.full((1, 800), 0.5, np.float32)
    for t_s in (-0.05, 0.0501, 0.1502, 0.5, 0.55):  # before zero; times rounded; a hole; told twice
        album.on_audio(view, AudioBlock(t_s, 8000, one))
    album.on_audio(view, AudioBlock(0.65, 8000, np.array([[2.0, -2.0, 0.0]], np.float32)))
    data = album.sound()
    assert data is not None
    _, samples = sound(data)
    expected = np.zeros(5203, np.int16)
    expected[:2000] = expected[4000:5200] = 16384
    expected[5200:5202] = 32767, -32767
    assert samples.size == expected.size and np.array_equal(samples, expected)


def test_a_clip_that_cannot_be_read_is_a_media_error(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no clip")
    with pytest.raises(errors.MediaError):
        clip_views(tmp_path / "no.mp4", JudgeView())
    clip = small_clip(tmp_path / "clip.mp4", seconds=2.0)
    with pytest.raises(errors.MediaLimit):
        clip_views(clip, JudgeView(), MediaLimits(max_duration_s=1.0))


def test_from_a_file_to_an_answer(tmp_path: Path) -> None:
    clip = small_clip(tmp_path / "clip.mp4", seconds=2.0)
    for options, count in (("", 4), ("#video=jpeg", 1), ("#video=url", 1)):
        with JudgeServer(answer='{"answer": "no"}') as server:
            judge = judge_at(server, options, view=JudgeView(short_side_px=64))
            reply = judge.ask(ask_of(QUESTION), clip_views(clip, judge.facts.view))
            assert read(reply.raw, YES_NO) == "no" and reply.p_yes == pytest.approx(0.1)
            parts = server.asked[0].body["messages"][1]["content"]
            assert sum(part["type"] in ("image_url", "video_url") for part in parts) == count
            assert server.mistakes == []


def test_sixteen_at_once_share_one_judge() -> None:
    def answer(body: Any) -> str:
        return json.dumps({"answer": "yes" if "number 7?" in body["messages"][1]["content"][-1]["text"] else "no"})

    barrier = threading.Barrier(16)
    with JudgeServer(answer=answer) as server, ThreadPoolExecutor(16) as pool:
        judge = judge_at(server)

        def one(number: int) -> str:
            barrier.wait(10)
            return judge.ask(Ask(f"q{number}", "both", "s", f"number {number}?"), views()).raw

        replies = list(pool.map(one, range(16)))
    assert [read(raw, YES_NO) for raw in replies] == ["yes" if k == 7 else "no" for k in range(16)]


if __name__ == "__main__":  # writes the snapshots again: look at the difference
    import tempfile

    (SNAPSHOTS / "openai").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name_, raw_ in sent(Path(folder)):
            (SNAPSHOTS / "openai" / f"{name_}.json").write_bytes(raw_ + b"\n")
    (SNAPSHOTS / "texts.txt").write_text(texts())
    sys.exit(0)
