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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from avgen_bench.errors import AvgenError, StoreError
from avgen_bench.store import Shard
from avgen_bench.types import canonical_json
from avgen_bench.work import Job, work

__all__ = ["main", "run_jobs"]

_MOST_START_FAILURES = 3


class _Worker:
    """The parent's end of one process."""

    def __init__(self, folder: Path, lock: int | None) -> None:
        self.job: Job | None = None
        self.ready = False
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        package_root = str(Path(__file__).resolve().parent.parent)
        inherited = os.environ.get("PYTHONPATH", "")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [inherited, package_root])),
            # one clip is one thread's work; libraries that start a thread per core would fight over the cores
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            # -P: the folder one happens to stand in is no place to import from
            [sys.executable, "-P", "-m", "avgen_bench.workers", str(folder), str(os.getpid())],
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
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile: its end of file tells
            self.stdin.write(canonical_json(job.to_json()).encode() + b"\n")
            self.stdin.flush()

    def last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read()[-4000:].decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        self.process.wait()
        self.stdout.close()
        self._errors.close()

    def kill(self) -> None:
        self.process.kill()
        self.close()


def _cause_of_death(code: int) -> str:
    if code == -signal.SIGALRM:
        return "limit: the clip ran past its deadline and its worker was stopped"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"crash: the worker died of {signal.Signals(-code).name} while measuring this clip"
    return f"crash: the worker ended with status {code} while measuring this clip"


def run_jobs(
    jobs: Iterator[Job],
    folder: Path,
    count: int,
    lock: int | None,
    on_crash: Callable[[Job, str], None],
    on_done: Callable[[Job, int], None],
) -> None:
    """Have processes work off the jobs, each taking the next one when free.

    Args:
        jobs: drawn one at a time; no process starts before the first.
        count: how many processes at the most.
        folder: the run folder; each worker appends to a shard of its own.
        lock: file descriptor that workers inherit and keep open.
        on_crash: told the job whose worker died, and why.
        on_done: told each finished job and how many of its numbers failed.

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
            if len(workers) == count:
                break
        while workers:
            for key, _ in selector.select():
                worker: _Worker = key.data
                line = worker.stdout.readline()
                if line:
                    reply = json.loads(line)
                    if "ready" in reply:
                        worker.ready, start_failures = True, 0
                        continue
                    if "store_error" in reply:
                        raise StoreError(reply["store_error"])
                    assert worker.job is not None
                    on_done(worker.job, reply["failed"])
                    worker.job = next(jobs, None)
                    if worker.job is None:
                        dismiss(worker)
                    else:
                        worker.give(worker.job)
                    continue
                left = worker.job
                code = worker.process.wait()
                words = worker.last_words()
                was_ready = worker.ready
                dismiss(worker)
                if left is None:
                    continue
                if was_ready:
                    on_crash(left, _cause_of_death(code))
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


def _die_with_parent(parent: int) -> None:
    """Ask Linux to end this process when its parent goes, however that happens."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before we asked
        os._exit(1)


def _alarm(deadline_s: float) -> None:
    """A last resort against a decoder that hangs within one packet: the default action of SIGALRM ends the process."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, deadline_s)


def main() -> None:
    """The worker's end: read jobs, work, answer; ends with its standard input."""
    folder, parent = Path(sys.argv[1]), int(sys.argv[2])
    _die_with_parent(parent)
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
    for line in sys.stdin:
        job = Job.from_json(json.loads(line))
        _alarm(job.limits.deadline_base_s * 1.25 + 1)
        try:
            measured = work(job, shard, lambda deadline_s: _alarm(deadline_s * 1.25 + 1))
        except StoreError as error:
            reply(store_error=str(error))
            return
        finally:
            _alarm(0)
        reply(failed=sum(m.status == "failed" for m in measured))
    shard.close()


if __name__ == "__main__":
    main()
