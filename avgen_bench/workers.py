"""Worker processes: both ends of a line protocol, JSON over pipes.

Not multiprocessing: a child started by command line works from a notebook and from a script without a main guard,
inherits no lock or thread of the caller, and exchanges JSON, never pickles. One job is in a worker's hands at a time,
so a long clip never holds up the rest, and a worker that dies takes one clip with it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from avgen_bench.errors import AvgenError, StoreError
from avgen_bench.store import Shard
from avgen_bench.types import canonical_json
from avgen_bench.work import Job, work

__all__ = ["die_with_parent", "main", "run_jobs"]

_MOST_START_FAILURES = 3
_START_S = 120.0
"""How long a process may take to import everything and say that it is ready."""


class _Worker:
    """The parent's end of one process."""

    def __init__(self, folder: Path, lock: int | None) -> None:
        self.job: Job | None = None
        self.ready = False
        self.expired = False
        self.expires_s = time.monotonic() + _START_S
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        # appended, not put first: the folder may hold old backports of modules of the standard library
        package_root = str(Path(__file__).resolve().parent.parent)
        start = "import sys; sys.path.append(sys.argv[1]); from avgen_bench.workers import main; main()"
        environment = {
            **os.environ,
            # one clip is one thread's work; libraries that start a thread per core would fight over the cores
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            # -P: the folder one happens to stand in is no place to import from
            [sys.executable, "-P", "-c", start, package_root, str(folder), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            bufsize=0,  # a buffered reader would hide a second line from the selector
            pass_fds=() if lock is None or os.name != "posix" else (lock,),
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.stdin = io.BufferedWriter(self.process.stdin)
        self.stdout = self.process.stdout

    def give(self, job: Job) -> None:
        self.job = job
        if self.ready:
            self.allow(job.limits.deadline_base_s)
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile: its end of file tells
            self.stdin.write(canonical_json(job.to_json()).encode() + b"\n")
            self.stdin.flush()

    def allow(self, deadline_s: float) -> None:
        # the reader's own deadline comes first, wherever it still gets to look at the clock
        self.expires_s = time.monotonic() + 1.25 * deadline_s + 1.0

    def last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read()[-4000:].decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        self.end()
        self.stdout.close()
        self._errors.close()

    def end(self) -> int:
        """The exit status of a process that has nothing left to do, or is made to end."""
        try:
            return self.process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.close()


def _cause_of_death(code: int, expired: bool, words: str) -> str:
    if expired:
        return "limit: the clip ran past its deadline and its worker was stopped"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"crash: the worker died of {signal.Signals(-code).name} while measuring this clip"
    return f"crash: the worker ended with status {code} while measuring this clip" + (f": {words}" if words else "")


def run_jobs(
    jobs: Iterator[Job],
    folder: Path,
    count: int,
    lock: int | None,
    on_crash: Callable[[Job, str], None],
    on_done: Callable[[Job, int], None],
    check: Callable[[], None] | None = None,
) -> None:
    """Have processes work off the jobs, each taking the next one when free.

    Args:
        jobs: drawn one at a time; no process starts before the first.
        count: how many processes at the most.
        folder: the run folder; each worker appends to a shard of its own.
        lock: file descriptor that workers inherit and keep open.
        on_crash: told the job whose worker died, and why.
        on_done: told each finished job and how many of its numbers failed.
        check: called several times a second; what it raises ends the work.

    Raises:
        StoreError: a worker could not write its shard.
        AvgenError: workers do not even start.
    """
    workers: list[_Worker] = []
    selector = selectors.DefaultSelector()
    start_failures = 0

    def employ(job: Job) -> None:
        worker = _Worker(folder, lock)
        workers.append(worker)
        selector.register(worker.stdout, selectors.EVENT_READ, worker)
        worker.give(job)

    def dismiss(worker: _Worker) -> None:
        selector.unregister(worker.stdout)
        workers.remove(worker)
        worker.close()

    try:
        for job in jobs:
            employ(job)
            if len(workers) >= count:
                break
        while workers:
            patience_s = min(max(0.0, min(worker.expires_s for worker in workers) - time.monotonic()), 3600.0)
            if check is not None:
                check()
                patience_s = min(patience_s, 0.25)
            events = selector.select(timeout=patience_s)
            for worker in [w for w in workers if time.monotonic() > w.expires_s]:
                worker.expired = True
                worker.expires_s = float("inf")
                worker.process.kill()  # its end of file comes with the next look
            for key, _ in events:
                worker = key.data
                line = worker.stdout.readline()
                if line:
                    reply = json.loads(line)
                    if "ready" in reply:
                        worker.ready, start_failures = True, 0
                        assert worker.job is not None
                        worker.allow(worker.job.limits.deadline_base_s)
                    elif "deadline_s" in reply:
                        worker.allow(reply["deadline_s"])
                    elif "store_error" in reply:
                        raise StoreError(reply["store_error"])
                    else:
                        assert worker.job is not None
                        on_done(worker.job, reply["failed"])
                        worker.job = next(jobs, None)
                        if worker.job is None:
                            dismiss(worker)
                        else:
                            worker.give(worker.job)
                    continue
                left = worker.job
                code = worker.end()
                words = worker.last_words()
                was_ready, expired = worker.ready, worker.expired
                dismiss(worker)
                if left is None:
                    continue
                if was_ready:
                    on_crash(left, _cause_of_death(code, expired, words))
                    follow = next(jobs, None)
                else:
                    start_failures += 1
                    if start_failures >= _MOST_START_FAILURES:
                        raise AvgenError(f"worker processes do not start (status {code}): {words}")
                    follow = left
                if follow is not None:
                    employ(follow)
    finally:
        for worker in list(workers):
            selector.unregister(worker.stdout)
            worker.kill()
        selector.close()


def die_with_parent(parent: int) -> None:
    """Ask Linux to end this process when its parent goes, however that happens."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before we asked
        os._exit(1)


def main() -> None:
    """The worker's end: read jobs, work, answer; ends with its standard input."""
    folder, parent = Path(sys.argv[2]), int(sys.argv[3])
    die_with_parent(parent)
    # libraries may print: only replies may reach the parent
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(**value: object) -> None:
        replies.write(canonical_json(value) + "\n")
        replies.flush()

    import cv2

    cv2.setNumThreads(1)
    shard = Shard(folder)
    reply(ready=True)
    for line in sys.stdin.buffer:
        job = Job.from_json(json.loads(line))
        try:
            measured = work(job, shard, lambda deadline_s: reply(deadline_s=deadline_s))
        except StoreError as error:
            reply(store_error=str(error))
            break
        reply(failed=sum(m.status == "failed" for m in measured))
    shard.close()
    sys.stderr.flush()
    os._exit(0)  # a thread that a plug-in left behind must not keep the run waiting
