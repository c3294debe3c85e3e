"""Runs one command, sees that it ends, and writes down how: a script of its own, the standard library alone.

It is a process beside the one that asked, so that the end of a command is on record even if the asker is killed in that
very moment. The asker holds the other end of standard input. When that closes, a command that costs nothing has a
moment to finish and is then stopped with its whole process group; one that bills is let finish.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time

__all__ = ["main"]

_LOOK_S = 0.05
_TAIL_BYTES = 8192


def _write(path: str, **value: object) -> None:
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            sys.exit(1)
        line += piece
    return line


def _drain(descriptor: int, tail: bytes) -> bytes:
    os.set_blocking(descriptor, False)
    with contextlib.suppress(OSError):
        while piece := os.read(descriptor, 1 << 16):
            tail = (tail + piece)[-_TAIL_BYTES:]
    return tail


def main() -> None:
    """Read the job from standard input, run it, write the result; no result means that it was stopped."""
    job = json.loads(_first_line())
    began_s = time.monotonic()
    try:
        process = subprocess.Popen(
            job["argv"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        _write(job["result"], error=getattr(error, "strerror", None) or str(error), seconds=0.0)
        return
    assert process.stderr is not None
    said = process.stderr.fileno()
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(said, selectors.EVENT_READ)
    ends_s = began_s + job["timeout_s"]
    tail, is_alone, is_stopped = b"", False, False
    while process.poll() is None and not is_stopped and time.monotonic() < ends_s:
        for key, _ in selector.select(_LOOK_S):
            piece = os.read(key.fd, 1 << 16)
            if key.fd == said:
                tail = (tail + piece)[-_TAIL_BYTES:]
                if not piece:
                    selector.unregister(said)
            elif piece:
                is_stopped = True
            else:
                selector.unregister(0)
                is_alone = True
                if job["grace_s"] is not None:
                    ends_s = min(ends_s, time.monotonic() + job["grace_s"])
        if not selector.get_map():
            time.sleep(_LOOK_S)
    status = process.poll()
    if status is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if is_stopped or (is_alone and job["grace_s"] is not None):
            return
    seconds = time.monotonic() - began_s
    words = _drain(said, tail).decode("utf-8", "replace")
    _write(job["result"], status=status, stderr=words, seconds=seconds)


if __name__ == "__main__":
    main()
