"""One run by several processes, on one node or many: the first leads, the others ask it for clips.

Under ``torchrun`` or ``accelerate launch`` every process calls :func:`avgen_bench.runner.score` with the same
arguments. Rank 0 plans, hands out one clip at a time to whoever is free, largest files first, and is the only one that
writes the run folder: the others send back what they observed and measured, as the lines of a shard. So nodes need no
shared disk for the run folder; the clips must lie at the same path on each, and that they are the same is checked.
torch (PartialState) tells ranks where rank 0 listens; all else goes over sockets of JSON, which say at once when a
process is gone. Then the run ends everywhere, and the same command goes on from what rank 0 had stored.

Conventions
    A message is eight bytes of length, big endian, and strict JSON. A connection begins with the token that rank 0
    made up for this run. Nothing is encrypted: as with the launchers' own connections, the nodes' network is trusted.
    The messages of a follower: ``next``, ``records`` (of one clip, with the number of ``failed``), ``idle``,
    ``reply``, ``broke``; of the leader: ``round``, ``job``, ``none``, ``ask``, ``report``, ``broke``.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hmac
import ipaddress
import json
import os
import queue
import secrets
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from avgen_bench import errors, media, ranks, registry
from avgen_bench.errors import AvgenError, InputError, LaunchError, MediaError
from avgen_bench.store import Shard
from avgen_bench.types import Ask, ClipViews, Judge, JudgeReply
from avgen_bench.work import Job, dimension_of, fingerprint, lacks, work
from avgen_bench.workers import run_jobs

__all__ = ["Follower", "Leader", "leave", "refuse", "started", "together", "workers_here"]

_JOIN_S = 180.0
"""How long the others may take to come: they import torch, and may have been started later."""
_LATE_S = 10.0
"""How long they are waited for only to be told that the run cannot begin."""
_MOST_BYTES = 1 << 30
_HELLO_BYTES = 4096
_MOST_CLIPS = 4
"""How many clips' pictures and sound a follower keeps while it answers questions."""


def workers_here(workers: int | None, clips: int, shared: bool = True) -> int:
    """How many worker processes this process may have: by default its share of the node's cores, or all of them."""
    share = max(1, (os.cpu_count() or 1) // (ranks.count_here() if shared else 1))
    return min(share if workers is None else workers, max(1, clips))


# --------------------------------------------------------------------------- messages


class _Gone(Exception):
    """The other end is not there any more."""


class _Line:
    """One connection; each message is sent whole, and received whole."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._socket.settimeout(None)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):  # a node that lost its power says nothing: ask after 5 s, give up at 20
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)

    def send(self, **message: Any) -> None:
        data = json.dumps(message, allow_nan=False).encode()
        try:
            self._socket.sendall(struct.pack(">Q", len(data)) + data)
        except OSError as error:
            raise _Gone(str(error)) from None

    def receive(self, most: int = _MOST_BYTES) -> dict[str, Any]:
        (length,) = struct.unpack(">Q", self._take(8))
        if length > most:
            raise _Gone(f"a message of {length} bytes")
        try:
            value = json.loads(self._take(length))
        except (ValueError, RecursionError):
            raise _Gone("a message that is no JSON") from None
        if not isinstance(value, dict):
            raise _Gone("a message that is no object")
        return value

    def _take(self, count: int) -> bytes:
        parts, left = [], count
        while left:
            try:
                part = self._socket.recv(min(left, 1 << 20))
            except OSError as error:
                raise _Gone(str(error)) from None
            if not part:
                raise _Gone("it closed the connection")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def patience(self, seconds: float | None) -> None:
        with contextlib.suppress(OSError):
            self._socket.settimeout(seconds)

    def has_news(self) -> bool:
        """Whether there is something to receive, if only the end."""
        try:
            return bool(select.select([self._socket], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def is_gone(self) -> bool:
        """Whether the other end has closed; takes nothing out of the connection."""
        try:
            return self.has_news() and not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except (OSError, ValueError):
            return True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _words_of(error: BaseException) -> dict[str, str]:
    return {"kind": type(error).__name__, "words": str(error)}


def _error_of(row: Mapping[str, Any]) -> AvgenError:
    """The error that :func:`_words_of` wrote down; one that is none of this package's becomes a LaunchError."""
    kind, words = str(row.get("kind")), str(row.get("words"))
    found = getattr(errors, kind) if kind in errors.__all__ else None
    if isinstance(found, type) and issubclass(found, AvgenError):
        return found(words)
    return LaunchError(f"{kind}: {words}")


# --------------------------------------------------------------------------- who is where


@dataclasses.dataclass(slots=True)
class _Given:
    """What ``--launch`` has prepared for the leader."""

    listener: socket.socket
    token: str
    children: list[tuple[subprocess.Popen[bytes], IO[bytes]]]

    def dead(self) -> str:
        """Which process ended before its time, and its last words; empty while all live."""
        for number, (child, said) in enumerate(self.children, 1):
            if child.poll():
                said.seek(0)
                lines = said.read()[-4000:].decode(errors="replace").strip().splitlines()
                return f"process {number} ended with status {child.returncode}" + (f": {lines[-1][:300]}" * bool(lines))
        return ""


_given: _Given | None = None


def refuse(processes: int) -> None:
    """Stop where so many processes cannot be started.

    Raises:
        InputError: fewer than one process, or a launcher has started this one already.
    """
    if not 1 <= processes <= 1024:
        raise InputError(f"--launch {processes}: expected a number of processes, 1 to 1024")
    if ranks.count() > 1:
        raise InputError("--launch starts processes itself, and a launcher has started this one: drop one of the two")


@contextlib.contextmanager
def started(processes: int, command: Sequence[str]) -> Iterator[None]:
    """Within it, the next run of this process leads ``processes - 1`` others of the same command on this machine.

    Raises:
        InputError: fewer than one process, or a launcher has started this one already.
    """
    global _given
    refuse(processes)
    token = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as stack:
        port = listener.getsockname()[1]
        children: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []
        ours = {"AVGEN_RANKS": str(processes), "AVGEN_LEADER": f"127.0.0.1:{port}:{token}"}
        stack.callback(_end, children)
        # appended, not put first: the folder may hold old backports of modules of the standard library
        start = (
            "import sys; sys.path.append(sys.argv.pop(1)); from avgen_bench.workers import die_with_parent; "
            "die_with_parent(int(sys.argv.pop(1))); from avgen_bench.cli import main; sys.exit(main())"
        )
        root = str(Path(__file__).resolve().parent.parent)
        for number in range(1, processes):
            said = stack.enter_context(tempfile.TemporaryFile())
            child = subprocess.Popen(
                [sys.executable, "-P", "-c", start, root, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**os.environ, **ours, "AVGEN_RANK": str(number)},
            )
            children.append((child, said))
        before = {name: os.environ.get(name) for name in ("AVGEN_RANK", "AVGEN_RANKS")}
        os.environ |= {"AVGEN_RANK": "0", "AVGEN_RANKS": str(processes)}
        _given = _Given(listener, token, children)
        try:
            yield
        finally:
            _given = None
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _end(children: Iterable[tuple[subprocess.Popen[bytes], IO[bytes]]]) -> None:
    """The processes have nothing left to do, or are made to end."""
    began_s = time.monotonic()
    for child, _ in children:
        try:
            child.wait(max(0.0, 5.0 - (time.monotonic() - began_s)))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _meet() -> tuple[Any, Any]:
    """Join the ranks, at the first call; torch, and the device on which its collective calls take their tensors.

    By Accelerate's PartialState: gloo between CPUs, and NCCL, or what else the devices speak, between devices. Where
    the program has made one that says that it is alone, which it does without devices unless told that it is on CPUs,
    torch itself joins them.

    Raises:
        InputError: torch or accelerate is not installed or does not load, or they meet in another number.
    """
    import importlib

    try:
        torch: Any = importlib.import_module("torch")
        accelerate: Any = importlib.import_module("accelerate")
    except (ImportError, OSError) as error:
        raise InputError(
            f"a launcher started {ranks.count()} processes (WORLD_SIZE), and they cannot meet: {error}; "
            "pip install 'avgen-bench[gpu]', or use avgen-bench score --launch N, which needs no torch"
        ) from None
    on_cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "yes", "on", "t", "y")
    state = accelerate.PartialState(cpu=on_cpu or not torch.accelerator.is_available())
    device = state.device
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    if torch.distributed.get_backend() == "gloo":
        device = torch.device("cpu")
    if torch.distributed.get_world_size() != ranks.count():
        raise InputError(
            f"torch knows {torch.distributed.get_world_size()} processes, and WORLD_SIZE says {ranks.count()}"
        )
    return torch, device


def _listen() -> tuple[socket.socket, str]:
    """Where rank 0 waits for the others: on loopback where they are on this node alone; and the address for them."""
    host = os.environ.get("MASTER_ADDR") or "127.0.0.1"
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    address = str(found[4][0])
    try:
        loopback = ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        loopback = False
    listener = socket.create_server((address if loopback else "", 0), family=found[0], backlog=ranks.count())
    return listener, host


def _spread(torch: Any, device: Any, text: str) -> str:
    """The text of rank 0, on every rank. By one tensor of bytes: nothing is pickled."""
    room = 512
    data = text.encode()[:room].ljust(room, b"\0")
    tensor = torch.tensor(list(data), dtype=torch.uint8, device=device)
    torch.distributed.broadcast(tensor, 0)
    return bytes(tensor.cpu().tolist()).rstrip(b"\0").decode()


@contextlib.contextmanager
def together(judge: Judge | None = None) -> Iterator[Leader | Follower | None]:
    """What this process is in a run of several; None where it is alone.

    Every process must come here as often as the others, as to any collective call. What is raised within ends the run
    in all of them.

    Raises:
        InputError: a launcher started several processes, and torch is not installed.
        LaunchError: another process is gone, or did not come.
    """
    if ranks.count() < 2:
        yield None
        return
    made: Leader | Follower
    if _given is not None:
        made = Leader(_given.listener, _given.token, ranks.count(), judge, _given.dead)
    elif ranks.is_ours():
        host, port, token = os.environ["AVGEN_LEADER"].rsplit(":", 2)
        made = Follower(host, int(port), token, judge)
    else:
        torch, device = _meet()
        if torch.distributed.get_rank() == 0:
            listener, host = _listen()
            token = secrets.token_hex(16)
            _spread(torch, device, json.dumps([host, listener.getsockname()[1], token]))
            made = Leader(listener, token, ranks.count(), judge)
        else:
            host, port, token = json.loads(_spread(torch, device, ""))
            made = Follower(host, port, token, judge)
    try:
        yield made
    except BaseException as error:
        made.give_up(error)
        raise
    finally:
        made.close()


def leave() -> None:
    """Take leave of the other ranks, at the end of a program that nothing else joined to them."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _members(backbones: Iterable[str], dimensions: Iterable[str]) -> dict[str, str]:
    """All of an installation that can change a number of a plan, by name."""
    there = registry.names("backbones")
    found = {name: fingerprint(name, "") + " lacking" * bool(name in there and lacks(name)) for name in backbones}
    return found | {f"dimension {name}": dimension_of(name).facts.version for name in dimensions}


# --------------------------------------------------------------------------- the first


class Leader:
    """Rank 0: hands out jobs, takes in records, and gives everybody the report.

    Attributes:
        lock: held while anything of the run is touched; callbacks run under it, in several threads.
    """

    def __init__(
        self,
        listener: socket.socket,
        token: str,
        size: int,
        judge: Judge | None = None,
        dead: Callable[[], str] = str,
    ) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._listener, self._token, self._size, self._dead = listener, token, size, dead
        self._judge = judge
        self._lines: dict[int, _Line] = {}
        self._resting: set[int] = set()
        self._failure: AvgenError | None = None
        self._round = 0
        self._sharing = False
        self._jobs: Iterator[Job] = iter(())
        self._members: dict[str, str] = {}
        self._on_done: Callable[[Job, int], None] = lambda job, failed: None
        self._on_crash: Callable[[Job, str], None] = lambda job, reason: None
        self._keep: Callable[[bytes], None] = lambda lines: None
        self._lent = 0
        self._ending = False
        self._stopped: dict[str, str] | None = None
        self._open = True
        self._told = 0
        self._report: dict[str, Any] = {}
        self._pool: _Pool | None = None
        self._threads = [threading.Thread(target=self._welcome, daemon=True)]
        self._threads[0].start()

    # --- for the run

    def check(self) -> None:
        """Raise what ended the run elsewhere.

        Raises:
            LaunchError: a process is gone; another AvgenError: what it raised.
        """
        with self.lock:
            if self._failure is None:
                gone = [rank for rank, line in self._lines.items() if line.is_gone()]
                words = self._dead()
                if gone or (words and self._told + len(self._lines) < self._size - 1):
                    self._fail(gone[0] if gone else None, words)
            if self._failure is not None:
                raise self._failure

    @contextlib.contextmanager
    def round(
        self,
        jobs: Iterator[Job],
        needs: Iterable[str],
        dimensions: Iterable[str],
        on_crash: Callable[[Job, str], None],
        on_done: Callable[[Job, int], None],
        keep: Callable[[bytes], None],
    ) -> Iterator[Iterator[Job]]:
        """Share jobs out; gives those that are left for this process, and ends when every one is done.

        Args:
            jobs: drawn one at a time, under the lock.
            needs: the backbones of the plan, which every process must have in the same versions.
            dimensions: those of the plan.
            on_crash: told the job whose worker died elsewhere, and why.
            on_done: told a job that was done elsewhere and how many of its numbers failed.
            keep: given the lines that a job left behind, before it is said to be done.
        """
        with self.lock:
            self._jobs, self._on_crash, self._on_done, self._keep = jobs, on_crash, on_done, keep
            self._members = _members(needs, dimensions)
            self._round += 1
            self._sharing = True
            self._changed.notify_all()
        yield self._mine()
        while True:
            self.check()
            with self.lock:
                if not self._lent:
                    self._jobs, self._sharing = iter(()), False
                    return
                self._changed.wait(0.5)

    def voices(self) -> Judge:
        """The judge, its questions shared among the processes' own copies of it: one model per device."""
        assert self._judge is not None
        with self.lock:
            while not self._resting >= set(self._lines):  # they have just done their last clip
                self.check()
                self._changed.wait(0.1)
            self._pool = _Pool(self._judge)
            for rank in sorted(self._resting):
                self._pool.add(_Far(rank, self._lines[rank]))
        return self._pool

    def finish(self, report: dict[str, Any]) -> None:
        """Give the report to every process; those that are not here yet are waited for.

        Raises:
            LaunchError: one is gone, or did not come.
        """
        with self.lock:
            self._report, self._ending = report, True
            self._changed.notify_all()
        began_s = time.monotonic()
        while True:
            with self.lock:
                if self._told == self._size - 1:
                    return
                if time.monotonic() - began_s > _JOIN_S:
                    came = self._told + 1
                    raise LaunchError(
                        f"{came} of {self._size} processes came to this run; every one must score the same clips with "
                        "the same arguments; everything was measured, and avgen-bench report RUN writes the report"
                    )
                self.check()
                self._changed.wait(0.2)

    def give_up(self, error: BaseException) -> None:
        """Tell the others why the run ends here; those on their way to it are waited for, for a while."""
        with self.lock:
            self._stopped = _words_of(error)
            until_s = time.monotonic() + (_LATE_S if isinstance(error, AvgenError) and self._failure is None else 0.0)
            while len(self._lines) + self._told < self._size - 1 and not self._dead() and time.monotonic() < until_s:
                self._changed.wait(0.1)
            for line in self._lines.values():
                line.patience(2.0)
                with contextlib.suppress(_Gone):
                    line.send(broke=self._stopped)

    def close(self) -> None:
        """Close every connection."""
        with self.lock:
            self._open = False
            self._changed.notify_all()
            lines = list(self._lines.values())
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in lines:
            line.close()

    # --- for each of the others

    def _mine(self) -> Iterator[Job]:
        while True:
            self.check()
            with self.lock:
                job = next(self._jobs, None)
            if job is None:
                return
            yield job

    def _fail(self, rank: int | None, words: str = "", error: AvgenError | None = None) -> None:
        with self.lock:
            if self._failure is None and self._open and self._stopped is None:
                who = f"process {rank}" if rank is not None and not words else words
                self._failure = error or LaunchError(
                    f"{who or 'a process'}{'' if words else ' is gone'}; what was measured is kept, and the same "
                    "command goes on"
                )
            self._changed.notify_all()

    def _welcome(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._attend, args=(_Line(sock),), daemon=True)
            thread.start()

    def _attend(self, line: _Line) -> None:
        """One follower, from its greeting to its report."""
        line.patience(10.0)
        try:
            hello = line.receive(_HELLO_BYTES)
            rank, token = hello.get("rank"), str(hello.get("token"))
            known = type(rank) is int and 0 < rank < self._size and hmac.compare_digest(token, self._token)
            line.patience(None)
        except (_Gone, TypeError):
            known = False
        with self.lock:
            if not known or rank in self._lines or not self._open:
                line.close()
                return
            assert isinstance(rank, int)
            self._lines[rank] = line
            self._changed.notify_all()
            stopped = self._stopped
        try:
            if stopped is not None:
                line.send(broke=stopped)
                return
            self._serve(rank, line)
        except _Gone:
            self._fail(rank)
        except AvgenError as error:
            self._fail(rank, error=error)
        except Exception as error:  # of a callback, in this thread: the run ends with it
            self._fail(rank, error=LaunchError(f"{type(error).__name__}: {error}"))

    def _serve(self, rank: int, line: _Line) -> None:
        with self.lock:
            seen = 0 if self._sharing else self._round  # nothing is left of a round that is over
        while True:
            with self.lock:
                self._resting.add(rank)
                if self._pool is not None and self._round == seen:  # it came late, and nothing else reads its line
                    self._pool.add(_Far(rank, line))
                self._changed.notify_all()
                while self._open and self._round == seen and not self._ending:
                    self._changed.wait(1.0)
                if not self._open:
                    return
                self._resting.discard(rank)
                seen, ending, members = self._round, self._ending, self._members
            if ending:
                line.send(report=self._report)
                line.receive()
                with self.lock:
                    self._told += 1
                    del self._lines[rank]
                    line.close()
                    self._changed.notify_all()
                return
            line.send(round=members, host=socket.gethostname())
            borrowed: list[Job] = []
            while self._step(line, borrowed):
                pass

    def _step(self, line: _Line, borrowed: list[Job]) -> bool:
        """Answer one message of a round; whether the follower is still at it."""
        message = line.receive()
        if "broke" in message:
            raise _error_of(message["broke"])
        if "idle" in message:
            return False
        if "next" in message:
            with self.lock:
                job = None if self._failure is not None else next(self._jobs, None)
                if job is not None:
                    self._lent += 1
            if job is None:
                line.send(none=True)
            else:
                borrowed.append(job)
                line.send(job=job.to_json())
            return True
        if "records" in message:
            job = borrowed.pop([item.clip.key for item in borrowed].index(message["clip"]))
            with self.lock:
                self._keep(message["records"].encode())
                if message.get("crash"):
                    self._on_crash(job, str(message["crash"]))
                else:
                    self._on_done(job, int(message["failed"]))
                self._lent -= 1
                self._changed.notify_all()
            return True
        raise _Gone("a message that is none of ours")


# --------------------------------------------------------------------------- the others


class Follower:
    """Any rank but 0: works off what it is given and waits for the report."""

    def __init__(self, host: str, port: int, token: str, judge: Judge | None = None) -> None:
        self._judge = judge
        began_s = time.monotonic()
        while True:
            try:
                self._line = _Line(socket.create_connection((host, port), timeout=10.0))
                break
            except OSError as error:
                if time.monotonic() - began_s > 10.0:
                    raise LaunchError(f"process 0 does not answer at {host}:{port}: {error}") from None
                time.sleep(0.2)
        self._files: dict[str, int] = {}
        self._host = ""
        self._line.send(rank=ranks.rank(), token=token)

    def follow(self, workers: int | None = None) -> dict[str, Any]:
        """Work until the run is over; its report, as rank 0 has it.

        Raises:
            LaunchError: rank 0 is gone.
            AvgenError: what rank 0 raised.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="avgen-bench-") as scratch:
                return self._follow(Path(scratch), workers)
        except _Gone as error:
            raise LaunchError(
                f"process 0 is gone ({error}); what was measured is kept, and the same command goes on"
            ) from None

    def _follow(self, scratch: Path, workers: int | None) -> dict[str, Any]:
        views: OrderedDict[str, ClipViews] = OrderedDict()
        while True:
            message = self._line.receive()
            if "broke" in message:
                raise _error_of(message["broke"])
            if "report" in message:
                self._line.send(bye=True)
                with contextlib.suppress(_Gone):
                    self._line.receive()  # rank 0 closes first: whoever closes before that has died
                return dict(message["report"])
            if "ask" in message:
                self._line.send(**self._answer(message, views))
            elif "round" in message:
                self._host = str(message["host"])
                self._compare(message["round"])
                self._work(scratch, workers)
                self._line.send(idle=True)

    def _compare(self, wanted: Mapping[str, str]) -> None:
        """Stop where this installation would give other numbers than rank 0's."""
        dimensions = [name.removeprefix("dimension ") for name in wanted if name.startswith("dimension ")]
        mine = _members([name for name in wanted if not name.startswith("dimension ")], dimensions)
        different = sorted(name for name in wanted if mine.get(name) != wanted[name])
        if different:
            raise InputError(
                f"process {ranks.rank()} on {socket.gethostname()} has other versions than process 0, or lacks some, "
                f"for: {', '.join(different)}; install the same packages on every node"
            )

    def _work(self, scratch: Path, workers: int | None) -> None:
        count = workers_here(workers, 1 << 20)
        if count == 0:
            shard = Shard(scratch)
            try:
                for job in self._jobs():
                    measured = work(job, shard)
                    self._done(scratch, job, sum(item.status == "failed" for item in measured))
            finally:
                shard.close()
            return
        run_jobs(
            self._jobs(),
            scratch,
            count,
            None,
            lambda job, reason: self._done(scratch, job, 0, reason),
            lambda job, failed: self._done(scratch, job, failed),
            self.check,
        )

    def check(self) -> None:
        """Raise where rank 0 has gone, or says in the middle of a round why the run ends."""
        if self._line.has_news():
            message = self._line.receive()
            raise _error_of(message.get("broke", {"kind": "LaunchError", "words": "process 0 ended the run"}))

    def _jobs(self) -> Iterator[Job]:
        while True:
            self._line.send(next=True)
            message = self._line.receive()
            if "broke" in message:
                raise _error_of(message["broke"])
            if "job" not in message:
                return
            job = Job.from_json(message["job"])
            self._look_at(job)
            yield job

    def _look_at(self, job: Job) -> None:
        """Stop where the clip is not here, or is another one; on rank 0's own node it is the same."""
        if socket.gethostname() == self._host and os.path.isfile(job.file):
            return
        try:
            found = media.digest(job.file, job.limits)
        except MediaError as error:
            found, why = "", str(error)
        else:
            why = "the file has other bytes than on process 0"
        if found != job.clip.clip_id:
            raise InputError(
                f"process {ranks.rank()} on {socket.gethostname()} cannot take {job.clip.path!r}: {why}; every node "
                "needs the same clips at the same path"
            )

    def _done(self, scratch: Path, job: Job, failed: int, crash: str = "") -> None:
        self._line.send(records=self._fresh(scratch), clip=job.clip.key, failed=failed, crash=crash)

    def _fresh(self, scratch: Path) -> str:
        """The whole lines that workers have written since the last look; they hold nothing but ASCII."""
        lines = b""
        for path in sorted((scratch / "shards").glob("*.jsonl")):
            start = self._files.get(path.name, 0)
            with path.open("rb") as file:
                file.seek(start)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._files[path.name] = start + len(whole)
            lines += whole
        return lines.decode()

    def _answer(self, message: Mapping[str, Any], views: OrderedDict[str, ClipViews]) -> dict[str, Any]:
        if self._judge is None:
            return {"broke": {"kind": "LaunchError", "words": "this process was given no judge"}}
        if message["views"] is not None:
            views[message["clip"]] = _views_of(message["views"])
            while len(views) > _MOST_CLIPS:
                views.popitem(last=False)
        ask = Ask(**{**message["ask"], "menu": tuple(message["ask"]["menu"])})
        try:
            return {"reply": self._judge.ask(ask, views[message["clip"]], message["repeat"]).to_json()}
        except AvgenError as error:
            return {"broke": _words_of(error)}
        except Exception as error:
            return {"broke": {"kind": "JudgeBroken", "words": f"{type(error).__name__}: {error}"}}

    def give_up(self, error: BaseException) -> None:
        """Tell rank 0 why this process ends."""
        if not isinstance(error, LaunchError):
            with contextlib.suppress(_Gone):
                self._line.patience(2.0)
                self._line.send(broke=_words_of(error))

    def close(self) -> None:
        """Close the connection."""
        self._line.close()


# --------------------------------------------------------------------------- one judge in every process


def _views_json(views: ClipViews) -> dict[str, Any]:
    return {
        "clip_id": views.clip_id,
        "duration_s": views.duration_s,
        "times_s": list(views.times_s),
        "frames": [base64.b64encode(frame).decode() for frame in views.frames],
        "sound": None if views.sound is None else base64.b64encode(views.sound).decode(),
        "path": views.path,
    }


def _views_of(row: Mapping[str, Any]) -> ClipViews:
    return ClipViews(
        row["clip_id"],
        row["duration_s"],
        tuple(row["times_s"]),
        tuple(base64.b64decode(frame) for frame in row["frames"]),
        None if row["sound"] is None else base64.b64decode(row["sound"]),
        row["path"],
    )


class _Far:
    """The judge of another process."""

    def __init__(self, rank: int, line: _Line) -> None:
        self._rank, self._line = rank, line
        self._held: OrderedDict[str, None] = OrderedDict()

    def ask(self, ask: Ask, views: ClipViews, repeat: int) -> JudgeReply:
        known = views.clip_id in self._held
        if not known:
            self._held[views.clip_id] = None
            while len(self._held) > _MOST_CLIPS:  # as the other end keeps them
                self._held.popitem(last=False)
        sent = None if known else _views_json(views)
        row = {**dataclasses.asdict(ask), "menu": list(ask.menu)}
        try:
            self._line.send(ask=row, views=sent, clip=views.clip_id, repeat=repeat)
            message = self._line.receive()
        except _Gone:
            raise LaunchError(f"process {self._rank} is gone; the same command goes on") from None
        if "broke" in message:
            raise _error_of(message["broke"])
        reply: JudgeReply = JudgeReply.from_json(message["reply"])
        return reply


class _Pool:
    """A judge whose questions go to whichever process is free; each answers one at a time."""

    def __init__(self, judge: Judge) -> None:
        self.facts = judge.facts
        self._free: queue.SimpleQueue[Judge | _Far] = queue.SimpleQueue()
        self._free.put(judge)
        self._judge = judge

    def add(self, voice: _Far) -> None:
        self._free.put(voice)

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        voice = self._free.get()
        try:
            return voice.ask(ask, views, repeat)
        finally:
            self._free.put(voice)

    def close(self) -> None:
        self._judge.close()
