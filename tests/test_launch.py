"""Several processes share one run: the same bytes however many, nothing twice, and an end everywhere when one dies."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import plugin
import pytest
from scenes import small_clip

from avgen_bench import launch, ranks, runner
from avgen_bench.errors import AvgenError, InputError, JudgeBroken, LaunchError
from avgen_bench.types import Ask, Clip, ClipViews, JudgeFacts, JudgeReply, JudgeView
from avgen_bench.work import Job

FILES = ("report.json", "run.json", "receipts.jsonl")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips, one of them twice under another name, and a plug-in that looks at them slowly where it is told to."""
    folder = tmp_path_factory.mktemp("launch")
    (folder / "site").mkdir()
    plugin.install(folder / "site")
    (folder / "clips").mkdir()
    for index, brightness in enumerate((60, 100, 140)):
        small_clip(folder / "clips" / f"c{index}.mp4", brightness, seed=index)
    (folder / "clips" / "twin.mp4").write_bytes((folder / "clips" / "c1.mp4").read_bytes())
    return folder


def _command(place: Path, out: str, *more: str) -> list[str]:
    words = ["score", str(place / "clips"), "--out", str(place / out), "--dimensions", "plugin_brightness"]
    return [sys.executable, "-m", "avgen_bench", *words, "--embed", "never", *more]


def _environment(place: Path, log: Path | None = None, **more: str) -> dict[str, str]:
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("AVGEN_", "WORLD_"))}
    logged = {} if log is None else {"PLUGIN_LOG": str(log)}
    return {**usual, "PYTHONPATH": str(place / "site"), "OMP_NUM_THREADS": "1", **logged, **more}


def _score(place: Path, out: str, *more: str, log: Path | None = None) -> list[bytes]:
    done = subprocess.run(_command(place, out, *more), env=_environment(place, log), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [(place / out / name).read_bytes() for name in FILES]


def _children(process: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text()
            if int(text.rpartition(")")[2].split()[1]) == process:
                found.append(int(stat.parent.name))
    return sorted(found)


def _wait(what: Callable[[], Any], most_s: float = 60.0) -> Any:
    began_s = time.monotonic()
    while not (found := what()):
        assert time.monotonic() - began_s < most_s
        time.sleep(0.05)
    return found


def test_the_same_bytes_and_nothing_twice(place: Path) -> None:
    alone = _score(place, "alone", "--workers", "1")
    for processes in ("2", "5"):
        log = place / f"log{processes}"
        assert _score(place, f"run{processes}", "--launch", processes, log=log) == alone
        assert len(log.read_text().splitlines()) == 3, "each clip is looked at once, whoever does it"
    again = place / "log again"
    assert _score(place, "run2", "--launch", "2", log=again) == alone and not again.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_dies_ends_the_run_and_the_next_goes_on(place: Path) -> None:
    log = place / "killed log"
    command = _command(place, "killed", "--launch", "2", "--workers", "1")
    process = subprocess.Popen(
        command, env=_environment(place, log, PLUGIN_SLEEP_S="1.0"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:

        def working() -> list[int]:
            """The follower, once it has a worker of its own."""
            return [child for child in _children(process.pid) if _children(child)]

        [follower] = _wait(working)
        workers = _children(follower)
        time.sleep(0.5)
        os.kill(follower, signal.SIGKILL)
        began_s = time.monotonic()
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert time.monotonic() - began_s < 10.0
    assert process.returncode == 1 and b"process 1" in said and b"goes on" in said, said.decode()
    _wait(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 5.0)
    alone = _score(place, "not killed", "--workers", "1")
    assert _score(place, "killed", "--launch", "2") == alone


def test_what_cannot_be_launched(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, words in (("0", "1 to 1024"), ("-3", "1 to 1024")):
        done = subprocess.run(
            _command(place, "none", f"--launch={number}"), env=_environment(place), capture_output=True, text=True
        )
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="drop one of the two"), launch.started(2, []):
        pass
    assert not (place / "none").exists()


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is here")
def test_a_launcher_without_torch_is_told_what_to_do(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="--launch N, which needs no torch"):
        runner.score(place / "clips", place / "torchless", workers=0)


def test_an_error_of_the_first_is_the_error_of_all(place: Path) -> None:
    (place / "empty").mkdir()
    command = [sys.executable, "-m", "avgen_bench", "score", str(place / "empty"), "--out", str(place / "e")]
    done = subprocess.run([*command, "--launch", "2"], env=_environment(place), capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("holds no clip") == 1, done.stderr


def test_ranks_are_read_from_what_launchers_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "AVGEN_RANK", "AVGEN_RANKS"):
        monkeypatch.delenv(name, raising=False)
    assert (ranks.count(), ranks.rank(), ranks.count_here(), ranks.rank_here()) == (1, 0, 1, 0)
    for name, value in {"RANK": "5", "WORLD_SIZE": "6", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert (ranks.count(), ranks.rank(), ranks.count_here(), ranks.rank_here()) == (6, 5, 2, 1)
    assert not ranks.leads() and not ranks.is_ours()
    monkeypatch.setenv("WORLD_SIZE", "many")
    assert (ranks.count(), ranks.rank(), ranks.rank_here()) == (1, 0, 0) and ranks.leads()


# --------------------------------------------------------------------------- both ends in one process


class Voice:
    """A judge that counts what it is asked, and breaks on one question."""

    def __init__(self) -> None:
        self.facts = JudgeFacts("voice", "voice@1", "1", JudgeView(), True)
        self.asked: list[tuple[str, bytes]] = []

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        if ask.key == "bad":
            raise JudgeBroken("broken on purpose")
        time.sleep(0.05)
        self.asked.append((ask.key, views.frames[0]))
        return JudgeReply(f"{ask.key} {repeat}", 0.123456789)

    def close(self) -> None:
        pass


class Pair:
    """A leader, and a follower in a thread of its own."""

    def __init__(self, judges: tuple[Voice | None, Voice | None] = (None, None), size: int = 2) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        self.leader = launch.Leader(listener, "secret", size, judges[0])
        self.found: dict[str, Any] = {}
        self.thread = threading.Thread(target=self._follow, args=(judges[1],), daemon=True)

    def _follow(self, judge: Voice | None) -> None:
        follower = launch.Follower(*self.address, "secret", judge)
        try:
            self.found["report"] = follower.follow(0)
        except AvgenError as error:
            self.found["error"] = error
            follower.give_up(error)
        finally:
            follower.close()


@pytest.fixture
def as_follower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 1 of 2, as the thread of a follower sees itself."""
    monkeypatch.setenv("AVGEN_RANK", "1")
    monkeypatch.setenv("AVGEN_RANKS", "2")


def _jobs(place: Path) -> Iterator[Job]:
    from avgen_bench import media

    for path in sorted((place / "clips").glob("c*.mp4")):
        clip = Clip(media.digest(path), path.name, path.stem, "s")
        yield Job(clip, str(path), None, ("audio_quality",), ("loudness",))


@pytest.mark.parametrize("comes", ["before", "in the middle"])
def test_one_long_clip_holds_nobody_up(place: Path, as_follower: None, comes: str) -> None:
    pair = Pair()
    if comes == "before":
        pair.thread.start()
        _wait(lambda: pair.leader._resting)
    done: list[str] = []
    lines: list[bytes] = []
    with contextlib.closing(pair.leader):
        with pair.leader.round(
            _jobs(place), [], [], lambda job, why: None, lambda job, failed: done.append(job.clip.path), lines.append
        ) as mine:
            first = next(mine)
            if comes == "in the middle":
                pair.thread.start()
            _wait(lambda: len(done) == 2)  # this process is still at its first clip
            assert list(mine) == []
        pair.leader.finish({"the": "report"})
        pair.thread.join(10)
    assert pair.found == {"report": {"the": "report"}}
    assert sorted([first.clip.path, *done]) == ["c0.mp4", "c1.mp4", "c2.mp4"]
    assert all(line.endswith(b"\n") for line in lines) and b" mea " in b"".join(lines)


def test_questions_are_shared_and_asked_once(as_follower: None) -> None:
    near, far = Voice(), Voice()
    pair = Pair((near, far))
    pair.thread.start()
    views = [ClipViews(f"clip{number}", 1 / 3, (0.1,), (bytes([number, 255]),), b"RIFF") for number in range(6)]
    with contextlib.closing(pair.leader):
        _wait(lambda: pair.leader._lines)
        judge = pair.leader.voices()
        replies: dict[str, JudgeReply] = {}

        def ask(key: str) -> None:
            replies[key] = judge.ask(Ask(key, "both", "system", "text"), views[int(key) % 6], 2)

        threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        for _ in range(2):  # whichever of the two is asked
            with pytest.raises(JudgeBroken, match="on purpose"):
                judge.ask(Ask("bad", "both", "system", "text"), views[0])
        pair.leader.finish({})
        pair.thread.join(10)
    assert near.asked and far.asked
    assert sorted(int(key) for key, _ in near.asked + far.asked) == list(range(24))
    assert all(frame == views[int(key) % 6].frames[0] for key, frame in near.asked + far.asked)
    assert {key: reply.raw for key, reply in replies.items()} == {str(n): f"{n} 2" for n in range(24)}


@pytest.mark.parametrize("comes", ["before the questions", "among them"])
def test_who_comes_after_the_round_answers_and_is_given_no_old_one(
    place: Path, as_follower: None, monkeypatch: pytest.MonkeyPatch, comes: str
) -> None:
    rounds: list[int] = []
    monkeypatch.setattr(launch.Follower, "_work", lambda *_: rounds.append(1))
    near, far = Voice(), Voice()
    pair = Pair((near, far))
    views = [ClipViews(f"clip{number}", 1 / 3, (0.1,), (bytes([number, 255]),), b"RIFF") for number in range(6)]
    replies: dict[str, JudgeReply] = {}
    errors: list[BaseException] = []
    nothing: tuple[Any, ...] = (lambda job, why: None, lambda job, failed: None, lambda lines: None)
    with contextlib.closing(pair.leader):
        with pair.leader.round(_jobs(place), [], [], *nothing) as mine:
            assert len(list(mine)) == 3
        if comes == "before the questions":
            pair.thread.start()
            _wait(lambda: pair.leader._resting)
        judge = pair.leader.voices()

        def ask(key: str) -> None:
            try:
                replies[key] = judge.ask(Ask(key, "both", "system", "text"), views[int(key) % 6], 2)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=ask, args=(str(number),), daemon=True) for number in range(24)]
        for thread in threads:
            thread.start()
        if comes == "among them":
            pair.thread.start()
        for thread in threads:
            thread.join(20)
        assert not errors and {key: reply.raw for key, reply in replies.items()} == {
            str(n): f"{n} 2" for n in range(24)
        }
        pair.leader.finish({"the": "report"})
        pair.thread.join(10)
    assert pair.found == {"report": {"the": "report"}} and not rounds
    assert near.asked and far.asked
    assert sorted(int(key) for key, _ in near.asked + far.asked) == list(range(24))


def _ends_with(place: Path, pair: Pair) -> AvgenError:
    pair.thread.start()
    with contextlib.closing(pair.leader), pytest.raises(AvgenError) as caught:
        names = (["loudness"], ["audio_quality"])
        with pair.leader.round(
            _jobs(place), *names, lambda job, why: None, lambda job, failed: None, lambda lines: None
        ):
            _wait(lambda: "error" in pair.found)
    pair.thread.join(10)
    return caught.value


def test_another_installation_is_refused(place: Path, as_follower: None, monkeypatch: pytest.MonkeyPatch) -> None:
    real = launch._members
    seen: list[str] = []

    def members(backbones: Any, dimensions: Any) -> Mapping[str, str]:
        seen.append("")
        return real(backbones, dimensions) | ({"loudness": "other"} if len(seen) > 1 else {})

    monkeypatch.setattr(launch, "_members", members)
    error = _ends_with(place, Pair())
    assert isinstance(error, InputError) and "other versions than process 0" in str(error) and "loudness" in str(error)


def test_another_nodes_other_clip_is_refused(place: Path, as_follower: None, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = iter(["node-a"])
    monkeypatch.setattr(socket, "gethostname", lambda: next(hosts, "node-b"))
    real = Job.to_json
    other = str(place / "clips" / "c2.mp4")
    monkeypatch.setattr(Job, "to_json", lambda job: {**real(job), "file": other})
    error = _ends_with(place, Pair())
    assert isinstance(error, InputError) and "the file has other bytes" in str(error) and "node-b" in str(error)


def test_who_does_not_know_the_token_is_not_let_in() -> None:
    pair = Pair()
    with contextlib.closing(pair.leader):
        for token, rank in (("guess", 1), ("secret", 0), ("secret", 2), ("secret", "1"), (None, None)):
            line = launch._Line(socket.create_connection(pair.address))
            line.patience(5.0)
            line.send(token=token, rank=rank)
            with pytest.raises(launch._Gone, match="closed the connection"):
                line.receive()
            line.close()
        with socket.create_connection(pair.address, timeout=5.0) as stranger:
            stranger.sendall(b"\xff" * 64)
            with contextlib.suppress(ConnectionResetError):  # what it sent was not read to its end
                assert stranger.recv(1) == b""
        assert not pair.leader._lines
        pair.leader.check()


def test_a_message_that_says_it_is_too_long_is_not_waited_for() -> None:
    here, there = socket.socketpair()
    with contextlib.closing(launch._Line(here)) as line, there:
        line.patience(5.0)
        for most, said in ((launch._MOST_BYTES, launch._MOST_BYTES + 1), (launch._HELLO_BYTES, 5000)):
            there.sendall(struct.pack(">Q", said))
            with pytest.raises(launch._Gone, match=f"a message of {said} bytes"):
                line.receive(most)
        there.sendall(struct.pack(">Q", 2) + b"{}")
        assert line.receive(2) == {}


def test_a_node_that_says_nothing_more_is_asked_whether_it_lives(as_follower: None) -> None:
    pair = Pair()
    pair.thread.start()
    with contextlib.closing(pair.leader):
        _wait(lambda: pair.leader._lines)
        mine = pair.leader._lines[1]._socket
        theirs = launch._Line(socket.create_connection(pair.address))
        for end in (mine, theirs._socket):
            assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if hasattr(socket, "TCP_KEEPIDLE"):
                idle, every, times = (
                    end.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{name}"))
                    for name in ("IDLE", "INTVL", "CNT")
                )
                assert idle + every * times <= 20, "seconds until one that lost its power is given up"
        theirs.close()
        pair.leader.finish({})
        pair.thread.join(10)


def test_one_that_never_comes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_JOIN_S", 0.3)
    pair = Pair(size=3)
    with contextlib.closing(pair.leader), pytest.raises(LaunchError, match="1 of 3 processes came"):
        pair.leader.finish(json.loads("{}"))
