r"""Append-only observations and measurements, addressed by fingerprint.

Conventions
    A run folder holds ``run.json`` (what was asked), ``lock``, and ``shards/*.jsonl``. Each process appends to a shard
    of its own. A line is ``digest kind key json\n``: 16 hex digits of sha256 over everything after the first space, the
    kind of record (``obs`` or ``mea``), its address, and strict JSON. A line whose digest does not fit (the torn tail
    of a killed process, a damaged disk) is dropped and counted: what it held is measured again. Later lines win.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

from avgen_bench.errors import StoreBusy, StoreError
from avgen_bench.types import Measurement, Observation, canonical_json, observation_from_json

try:
    import fcntl
except ImportError:  # not on Windows: there a second writer is not noticed
    fcntl = None  # type: ignore[assignment]

__all__ = ["Shard", "Store", "measurement_key", "write_text"]


_MOST_OPEN = 64


def measurement_key(clip_key: str, dimension: str, version: str, signature: str, constraint: str = "") -> str:
    """The address of one measurement: 32 hex digits over all that can change it."""
    text = canonical_json([clip_key, dimension, version, signature, constraint])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write_text(text: str, path: str | os.PathLike[str]) -> Path:
    """The path of the UTF-8 file just written; a reader sees the old file or the new one, never a part.

    A file name that is not UTF-8 reaches Python as lone surrogates; they are written as the escape by which JSON
    calls them too.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(text.encode("utf-8", "backslashreplace"))
        os.replace(draft, target)
    except OSError as error:
        raise StoreError(f"cannot write {target.name!r} in {str(target.parent)!r}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return target


def _line(kind: str, key: str, value: Mapping[str, Any]) -> bytes:
    rest = f"{kind} {key} {canonical_json(value)}".encode()
    return hashlib.sha256(rest).hexdigest()[:16].encode() + b" " + rest + b"\n"


class Shard:
    """One process's own file of a run; appends only."""

    def __init__(self, folder: Path) -> None:
        folder = folder / "shards"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(3)}.jsonl"
        self._file: BinaryIO | None = None

    def _append(self, lines: bytes) -> None:
        try:
            if self._file is None:
                self._file = self.path.open("ab", buffering=0)
            written = self._file.write(lines)
            if written != len(lines):
                raise OSError(f"only {written} of {len(lines)} bytes were written")
        except OSError as error:
            raise StoreError(f"cannot write to {self.path.name}: {error}; free some space and run again") from error

    def add_observation(self, observation: Observation) -> None:
        """Append one observation under its fingerprint."""
        self._append(_line("obs", observation.header.fingerprint, observation.to_json()))

    def add_measurements(self, measurements: list[Measurement]) -> None:
        """Append the measurements of one clip in one write."""
        self._append(
            b"".join(
                _line(
                    "mea", measurement_key(m.clip_key, m.dimension, m.version, m.signature, m.constraint), m.to_json()
                )
                for m in measurements
            )
        )

    def add_lines(self, lines: bytes) -> None:
        """Append whole lines that another process has written; one that does not fit its digest is left out.

        Raises:
            StoreError: the file cannot be written.
        """
        good = b""
        for line in lines.splitlines(keepends=True):
            digest, _, rest = line.rstrip(b"\n").partition(b" ")
            if line.endswith(b"\n") and hashlib.sha256(rest).hexdigest()[:16].encode() == digest:
                good += line
        if good:
            self._append(good)

    def close(self) -> None:
        """Close the file; the shard may be opened by others before that."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Store:
    """Everything that a run folder holds, read once and indexed.

    Attributes:
        dropped: how many lines did not fit their digest and were passed over.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.dropped = 0
        self._index: dict[tuple[str, str], tuple[int, int, int, bytes]] = {}
        self._paths: list[Path] = []
        self._open: dict[int, BinaryIO] = {}
        self._offsets: dict[Path, tuple[int, int]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read what has been appended since the last look."""
        paths = sorted((self.folder / "shards").glob("*.jsonl")) if self.folder.is_dir() else []
        for path in paths:
            number, offset = self._offsets.get(path, (-1, 0))
            if number < 0:
                if not path.is_file():
                    continue  # a pipe would wait for a writer
                number = len(self._paths)
                self._paths.append(path)
            file = self._file(number)
            file.seek(offset)
            torn = False
            for line in file:
                torn = not line.endswith(b"\n")
                start, offset = offset, offset + len(line)
                digest, _, rest = line.rstrip(b"\n").partition(b" ")
                if torn or hashlib.sha256(rest).hexdigest()[:16].encode() != digest:
                    self.dropped += not torn
                    continue
                kind, _, rest = rest.partition(b" ")
                key, _, body = rest.partition(b" ")
                self._index[kind.decode(), key.decode()] = (number, offset - 1 - len(body), len(body), digest)
            if torn:
                offset = start  # its writer may still be at it; look again next time
            self._offsets[path] = (number, offset)

    def _file(self, number: int) -> BinaryIO:
        """The open shard; of many shards only some are open at a time."""
        if number not in self._open:
            if len(self._open) >= _MOST_OPEN:
                self._close_files()
            self._open[number] = self._paths[number].open("rb")
        return self._open[number]

    def _close_files(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _get(self, kind: str, key: str) -> Any:
        place = self._index.get((kind, key))
        if place is None:
            return None
        number, offset, length, _ = place
        file = self._file(number)
        file.seek(offset)
        return json.loads(file.read(length))

    def has_observation(self, fingerprint: str) -> bool:
        """Whether an observation of that fingerprint is stored."""
        return ("obs", fingerprint) in self._index

    def digest(self, kind: Literal["obs", "mea"], key: str) -> str:
        """The digest of the line that holds a record, which changes with any character of it; empty without one."""
        place = self._index.get((kind, key))
        return "" if place is None else place[3].decode()

    def observation_json(self, fingerprint: str) -> dict[str, Any] | None:
        """The observation of that fingerprint as it was written, or None."""
        data: dict[str, Any] | None = self._get("obs", fingerprint)
        return data

    def observation(self, fingerprint: str) -> Observation | None:
        """The observation of that fingerprint, or None."""
        data = self._get("obs", fingerprint)
        return None if data is None else observation_from_json(data)

    def measurement(self, key: str) -> Measurement | None:
        """The measurement of that key, or None."""
        data = self._get("mea", key)
        return None if data is None else Measurement.from_json(data)

    def counts(self) -> dict[str, int]:
        """How many distinct records of each kind are stored."""
        out = {"obs": 0, "mea": 0}
        for kind, _ in self._index:
            out[kind] = out.get(kind, 0) + 1
        return out

    def close(self) -> None:
        """Close every shard."""
        self._close_files()
        self._paths.clear()
        self._index.clear()
        self._offsets.clear()


@contextlib.contextmanager
def writing(folder: Path, patience_s: float = 10.0) -> Iterator[int | None]:
    """Hold the run folder for writing; yields the lock's file descriptor for workers to inherit.

    Workers keep the lock alive until the last of them is gone, so that a run resumed right after its parent was killed
    never measures beside an orphan.

    Raises:
        StoreError: the folder cannot be made.
        StoreBusy: another run still holds it after ``patience_s``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"cannot write to the run folder {str(folder)!r}: {error.strerror}") from error
    try:
        if fcntl is not None:
            began = time.monotonic()
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() - began > patience_s:
                        raise StoreBusy(
                            f"another run is writing to {str(folder)!r}; wait for it, or give another --out"
                        ) from None
                    time.sleep(0.05)
        yield descriptor
    finally:
        os.close(descriptor)
