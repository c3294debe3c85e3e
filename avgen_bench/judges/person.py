r"""A person's answers: the file in which they are kept, and that file as a judge.

Conventions
    JSON lines ``{"clip_id", "key", "digest", "answer", "rater", "date", "seconds"}``, one rater a file, only ever
    appended to. ``digest`` is that of the question as a judge is asked it, so that labels and replies meet, and changed
    words are another question. ``answer`` is ``yes``, ``no``, ``cannot tell``, or ``undo``, which takes back the last
    standing answer to that question. A second standing answer to a question is its repeat: it tells how far the rater
    agrees with themselves.

    A line is written and synced before the next question is shown. What a killed process left of a line is no label; it
    is cut off when the file is next written to, and nothing else ever is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from avgen_bench.errors import InputError, StoreBusy, StoreError
from avgen_bench.judges.specs import nothing_left
from avgen_bench.types import YES_NO, Ask, ClipViews, JudgeFacts, JudgeReply, JudgeView, canonical_json

try:
    import fcntl
except ImportError:  # not on Windows: there a second rater at the same file is not noticed
    fcntl = None  # type: ignore[assignment]

__all__ = ["ANSWERS", "CANNOT_TELL", "UNDO", "Label", "LabelFile", "Person", "consistency", "labels_of", "standing"]

CANNOT_TELL = "cannot tell"
ANSWERS = (*YES_NO, CANNOT_TELL)
UNDO = "undo"

_MOST_NAME = 60


@dataclass(frozen=True, slots=True)
class Label:
    """One answer of a person to one question about one clip, or the taking back of one.

    ``seconds`` is how long the question was in view; ``date`` is in UTC, as ISO 8601 writes it.
    """

    clip_id: str
    key: str
    digest: str
    answer: str
    rater: str
    date: str
    seconds: float

    def __post_init__(self) -> None:
        for name in ("clip_id", "key", "digest", "answer", "rater", "date"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is no text")
        if not re.fullmatch(r"[0-9a-f]{64}", self.clip_id) or not re.fullmatch(r"[0-9a-f]{16}", self.digest):
            raise ValueError("clip_id is 64 hex digits, digest 16")
        if self.answer not in (*ANSWERS, UNDO):
            raise ValueError(f"answer is {self.answer[:40]!r}; expected one of {', '.join((*ANSWERS, UNDO))}")
        if not self.rater.strip() or not self.rater.isprintable() or len(self.rater) > _MOST_NAME:
            raise ValueError(f"a rater's name is 1 to {_MOST_NAME} printable characters")
        if type(self.seconds) not in (int, float) or not math.isfinite(self.seconds) or self.seconds < 0:
            raise ValueError("seconds is a number, 0 or more")

    @property
    def item(self) -> tuple[str, str]:
        """What was answered: the clip, and the digest of the question."""
        return self.clip_id, self.digest


_FIELDS = sorted(item.name for item in fields(Label))


def _label(line: str) -> Label:
    value = json.loads(line)
    if not isinstance(value, dict) or sorted(value) != _FIELDS:
        raise ValueError(f"expected an object with {', '.join(_FIELDS)}")
    return Label(**value)


def _parse(data: bytes, name: str) -> tuple[list[Label], int]:
    """The labels in a file's bytes, and how many of these hold whole lines: what follows was torn off by a kill.

    Raises:
        InputError: a line that is no label, or labels of two raters.
    """
    found: list[Label] = []
    place = 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        try:
            if line.strip():
                found.append(_label(line.decode()))
        except (ValueError, TypeError, RecursionError) as error:
            if not line.endswith(b"\n"):
                break
            raise InputError(f"line {number} of {name!r} is no label: {error}") from None
        place += len(line)
    raters = sorted({label.rater for label in found})
    if len(raters) > 1:
        raise InputError(f"{name!r} holds labels of {', '.join(raters)}; expected a file for each rater")
    return found, place


def labels_of(path: str | os.PathLike[str]) -> tuple[Label, ...]:
    """All lines of a file of labels, those that were taken back included (:func:`standing` leaves them out).

    Raises:
        InputError: the file cannot be read, holds no label, or a line that is none.
    """
    name = Path(path).name
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the labels {name!r}: {getattr(error, 'strerror', None) or error}") from None
    found, _ = _parse(data, name)
    if not found:
        raise InputError(f"{name!r} holds no label; expected what avgen-bench judge person writes")
    return tuple(found)


def standing(labels: Iterable[Label]) -> list[Label]:
    """The labels that were not taken back, in the order in which they were given."""
    found: list[Label] = []
    for label in labels:
        if label.answer != UNDO:
            found.append(label)
            continue
        last = next((n for n in range(len(found) - 1, -1, -1) if found[n].item == label.item), None)
        if last is not None:
            del found[last]
    return found


def consistency(labels: Iterable[Label]) -> tuple[int, int]:
    """Of the questions that were answered twice: how many the same way both times, and how many there are."""
    said: dict[tuple[str, str], list[str]] = {}
    for label in standing(labels):
        said.setdefault(label.item, []).append(label.answer)
    twice = [answers for answers in said.values() if len(answers) > 1]
    return sum(answers[0] == answers[1] for answers in twice), len(twice)


class LabelFile:
    """The file of one rater, held for writing by one process.

    Args:
        path: made when missing.
        rater: whose labels they are.

    Raises:
        InputError: what lies there is no file of labels, or another rater's.
        StoreBusy: another process is writing to it.
        StoreError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], rater: str) -> None:
        self.path = Path(path)
        self.rater = rater
        self.labels: list[Label] = []
        try:
            Label("0" * 64, "", "0" * 16, UNDO, rater, "", 0)
        except ValueError as error:
            raise InputError(str(error)) from None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"cannot write the labels {self.path.name!r}: {error.strerror}") from None
        try:
            self._take()
        except BaseException:
            os.close(self._file)
            raise

    def _take(self) -> None:
        """Hold the file, read what it has, and make sure that the next line starts on a line of its own."""
        name = self.path.name
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise InputError(f"{name!r} is no regular file; expected a file for labels")
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreBusy(
                    f"somebody is already answering into {name!r}; end that, or give another --out"
                ) from None
        data = self.path.read_bytes()
        self.labels, whole = _parse(data, name)
        others = {label.rater for label in self.labels} - {self.rater}
        if others:
            raise InputError(
                f"{name!r} holds the labels of {others.pop()!r}, not of {self.rater!r}; give another --out"
            )
        if whole < len(data):
            os.ftruncate(self._file, whole)
        elif data and not data.endswith(b"\n"):
            self._write(b"\n")

    def _write(self, line: bytes) -> None:
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(0, "the disk took only a part of it")
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, before)
            raise StoreError(f"the answer was not stored in {self.path.name!r}: {error.strerror}") from None

    def add(self, label: Label) -> None:
        """Append a label; it is on the disk when this returns.

        Raises:
            StoreError: it is not; the file is as it was.
        """
        self._write(canonical_json(asdict(label)).encode() + b"\n")
        self.labels.append(label)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


_SEEN = JudgeView(fps=30.0, rate_hz=48000, whole=True)
"""A person watches the file itself, as often as they like; 30 pictures a second is the most that a view can say."""


class Person:
    """A person's labels, told as a judge's replies.

    A question that was never answered has a reply that says nothing (``finish`` is ``not stored``), as has a repeat
    that was not asked; "cannot tell" is a reply that gives no answer either.

    Args:
        facts: ``model`` names the rater, and the file by its digest.
        answers: in the order in which they were given, by clip and digest of the question.
    """

    def __init__(self, facts: JudgeFacts, answers: Mapping[tuple[str, str], tuple[str, ...]]) -> None:
        self.facts = facts
        self._answers = answers

    @classmethod
    def from_spec(cls, rest: str, view: JudgeView, options: Mapping[str, Any]) -> Person:
        """The judge of ``person:LABELS.jsonl``; ``view`` is of no meaning, what a person saw cannot be changed now.

        Raises:
            InputError: the file cannot be read, holds no label, or a line that is none.
        """
        nothing_left(options, ())
        labels = labels_of(rest)
        kept: dict[tuple[str, str], tuple[str, ...]] = {}
        for label in standing(labels):
            kept[label.item] = (*kept.get(label.item, ()), label.answer)
        text = "".join(canonical_json(asdict(label)) + "\n" for label in labels)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return cls(JudgeFacts("person", f"{labels[0].rater} {digest}", "1", _SEEN, False), kept)

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        """What the person said when asked for the ``repeat``-th time."""
        said = self._answers.get((views.clip_id, ask.digest), ())
        if repeat >= len(said):
            return JudgeReply(raw="", finish="not stored")
        return JudgeReply(raw=json.dumps({"answer": said[repeat]}))

    def close(self) -> None:
        """Nothing to let go of."""
