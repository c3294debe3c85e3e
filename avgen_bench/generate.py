r"""Has clips made for prompts: each request is on record before it goes out, each clip is looked at before it counts.

Conventions
    The folder of clips gets ``<prompt id>.mp4`` (``.take-1.mp4`` and so on beyond the first), ``manifest.jsonl``, which
    ``avgen-bench score`` reads, and ``.generate`` with the lock, the work under way and ``journal.jsonl``. The journal
    is append-only: a line is ``digest json\n`` with 16 hex digits of sha256 over the JSON, and is on the disk before
    what it announces happens. Its events, for a prompt and take: ``sent`` before a request goes out; ``ready`` with the
    digest of a clip that was decoded whole; ``made`` once it lies under its name; ``failed``, ``refused``, ``unknown``
    and ``unsent`` (see :data:`avgen_bench.generators.base.OUTCOMES`); ``found`` for a clip that lay there already.

    A request whose outcome is not on record was cut off. Where the generator bills it counts as ``unknown`` and is not
    sent again unless that is asked for; where it does not, it is made again, unless it turns out to be finished. A
    reply that is no clip is ``failed``, but ``unknown`` where it bills: it has been worked on.

    The seed of a clip is the run's seed plus its take, the same for all prompts: the rungs of a ladder differ in their
    words alone. A generator's own parameter ``seed`` comes first, and is what the record says.

    ``manifest.jsonl`` has a row for each clip that was ever asked for in the folder. Where some are of other prompts
    than those of this run, the rows of these stand in ``manifest-<digest of the ids>.jsonl`` as well, for ``score``.

Threats
    What a generator leaves is hostile until it has been decoded, which a process of its own does. No name comes from a
    title. An existing file is never replaced: the clip is linked to its name, which fails where there is one; what was
    made is then kept, and gets its name once the other is out of the way.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from avgen_bench import media
from avgen_bench.errors import GeneratorError, InputError, MediaError, StoreBusy, StoreError
from avgen_bench.generators.base import Generator, Request, Result, seed_of
from avgen_bench.generators.command import Command
from avgen_bench.prompts import NOT_MADE, file_name, file_names
from avgen_bench.report_words import printable
from avgen_bench.store import write_text, writing
from avgen_bench.types import MediaLimits, Prompt, canonical_json

__all__ = ["MANIFEST", "Journal", "Made", "Outlook", "generate", "look_at", "main", "outlook"]

MANIFEST = "manifest.jsonl"

_FOLDER = ".generate"
_MOST_REASON = 400
_PROBE_MORE_S = 60.0

Slot = tuple[str, int]
"""A prompt's id and a take."""


class Journal:
    """What was asked of generators in a folder, in order.

    Args:
        path: the file; made when the first event is added.

    Raises:
        StoreError: it cannot be read, or a line that is not the last is damaged: what was sent cannot be told.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        self._file: BinaryIO | None = None
        self._broken = ""
        self._guard = threading.Lock()
        self._good_bytes = 0
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise StoreError(f"cannot read {path.name!r}: {error.strerror}") from None
        lines = data.splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            digest, _, body = line.rstrip(b"\n").partition(b" ")
            if line.endswith(b"\n") and _short(body) == digest:
                self.events.append(json.loads(body))
                self._good_bytes += len(line)
            elif number < len(lines):
                raise StoreError(
                    f"line {number} of {str(path)!r} is damaged, so that what was sent cannot be told; restore the "
                    "file, or give another --out"
                )

    def add(self, event: str, slot: Slot, **values: Any) -> dict[str, Any]:
        """The event just written; it is on the disk.

        Raises:
            StoreError: it cannot be written, now or at an earlier time.
        """
        made = {"event": event, "prompt_id": slot[0], "take": slot[1], **values}
        body = canonical_json(made).encode()
        with self._guard:
            if self._broken:
                raise StoreError(self._broken)
            try:
                if self._file is None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    self._file = self.path.open("r+b" if self.path.exists() else "x+b", buffering=0)
                    self._file.truncate(self._good_bytes)  # the torn tail of a process that was killed while writing
                    self._file.seek(self._good_bytes)
                    _sync_folder(self.path.parent)
                line = _short(body) + b" " + body + b"\n"
                if self._file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(self._file.fileno())
            except OSError as error:
                self._broken = f"cannot write {self.path.name!r}: {error.strerror}; free some space and run again"
                raise StoreError(self._broken) from None
            self.events.append(made)
        return made

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _short(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# --------------------------------------------------------------------------- what there is to do


@dataclass(frozen=True, slots=True)
class _Item:
    """One clip that is wanted."""

    prompt: Prompt
    take: int
    seed: int
    name: str

    @property
    def slot(self) -> Slot:
        return self.prompt.id, self.take

    @property
    def asked(self) -> str:
        """A digest of the words and the length that are asked for."""
        return hashlib.sha256(canonical_json([self.prompt.text, self.prompt.duration_s]).encode()).hexdigest()


@dataclass
class _Past:
    """The last that the journal knows of a slot: the request and what became of it, with how many there were."""

    sent: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run would do.

    Attributes:
        states: by prompt and take: ``new``, ``made``, ``found``, ``failed``, ``refused``, ``unknown`` (sent, outcome
            not known), ``cut off`` (an attempt whose end is not on record), ``lost`` (made, and the file is gone).
        todo: those that would be asked for now, in order.
        requests: what each of these is asked with.
    """

    states: Mapping[Slot, str]
    todo: tuple[Slot, ...]
    requests: Mapping[Slot, Request]

    def counts(self) -> dict[str, int]:
        """How many clips are in each state, the most first."""
        return dict(Counter(self.states.values()).most_common())


@dataclass(frozen=True, slots=True)
class Made:
    """What a run came to.

    Attributes:
        rows: those of the manifest.
        asked: how many requests went out in this run.
        manifest: the file with the rows of the run's prompts.
        others: how many rows of other prompts there are beside these in ``manifest.jsonl``.
    """

    rows: tuple[dict[str, Any], ...]
    asked: int
    manifest: Path
    others: int = 0

    def counts(self) -> dict[str, int]:
        """How many rows have each status, the most first."""
        return dict(Counter(str(row["status"]) for row in self.rows).most_common())

    @property
    def failures(self) -> tuple[dict[str, Any], ...]:
        """The rows without a clip."""
        return tuple(row for row in self.rows if row["status"] in NOT_MADE)


def _items(prompts: Iterable[Prompt], takes: int, seed: int) -> list[_Item]:
    known = list(prompts)
    for prompt in known:
        if not prompt.text.strip():
            raise InputError(f"prompt {prompt.id!r} has no text; expected the words that a generator is given")
    if takes < 1:
        raise InputError(f"--takes {takes}: expected 1 or more")
    if not 0 <= seed <= (1 << 31) - takes:
        raise InputError(f"--seed {seed}: expected a whole number from 0 to 2147483647, with room for the takes")
    names = [file_names(known, take) for take in range(takes)]
    twice = [
        name for name, count in Counter(n.casefold() for found in names for n in found.values()).items() if count > 1
    ]
    if twice:
        raise InputError(f"two clips would both be called {twice[0]!r}; change an id that ends like the name of a take")
    return [
        _Item(prompt, take, seed + take, names[take][prompt.id]) for prompt in known for take in range(takes)
    ]  # prompt by prompt: a run that is cut short has all takes of some, not some of all


class _Session:
    """One run over one folder."""

    def __init__(self, out: Path, generator: Generator, items: Sequence[_Item], retry: bool, again: bool) -> None:
        self.out = out
        self.folder = out / _FOLDER
        self.generator = generator
        self.retry, self.again = retry, again
        self.origin = generator.facts.to_json()
        self.items = {item.slot: item for item in items}
        self.settings = hashlib.sha256(canonical_json(self.origin).encode()).hexdigest()[:16]
        self.journal = Journal(self.folder / "journal.jsonl")
        self.past = self._read()
        for slot in self.items:
            self.past.setdefault(slot, _Past())  # now: the manifest is written while others are at work
        self.states = {slot: self._state(item) for slot, item in self.items.items()}

    def _read(self) -> dict[Slot, _Past]:
        past: dict[Slot, _Past] = {}
        other: dict[Slot, dict[str, Any]] = {}
        for event in self.journal.events:
            slot = (event["prompt_id"], event["take"])
            mine = past.setdefault(slot, _Past())
            if event["event"] == "sent":
                mine.attempts += 1
                if event["settings"] == self.settings:
                    mine.sent, mine.last = event, event
                    other.pop(slot, None)
                else:
                    mine.sent, mine.last = {}, {}
                    other[slot] = event
            elif event["event"] == "found" or mine.sent:
                mine.last = event
            elif slot in other:
                other[slot] = {**other[slot], "event": event["event"]}
        held = ("made", "ready") if not self.generator.facts.bills else ("made", "ready", "unknown", "sent")
        for slot, event in other.items():
            if event["event"] in held:
                raise InputError(
                    f"{str(self.out)!r} holds a clip that was asked for in another way ({slot[0]}, take {slot[1]}: "
                    f"{_origin_words(event)}); now it would be {_origin_words(self.origin)}: give another --out"
                )
        for slot, item in self.items.items():
            sent = past[slot].sent if slot in past else {}
            if (
                sent
                and past[slot].last["event"] in held
                and (sent["asked"], sent["seed"])
                != (
                    item.asked,
                    seed_of(self.generator.facts, self.request(item, 1)),
                )
            ):
                raise InputError(
                    f"{str(self.out)!r} holds prompt {slot[0]!r}, take {slot[1]}, asked for with other words, length "
                    "or seed; give another --out"
                )
        return past

    def _state(self, item: _Item) -> str:
        word = self.past[item.slot].last.get("event", "new")
        there = os.path.lexists(self.out / item.name)
        if word in ("made", "found"):
            if there:
                return str(word)
            return "lost" if word == "made" else "new"
        if word in ("sent", "ready", "interrupted"):
            return "cut off"
        if there:
            return "found"  # no name of ours ever comes about without a record
        return "new" if word == "unsent" else str(word)

    def wants(self, slot: Slot) -> bool:
        """Whether a clip is to be made, or looked after, now."""
        state = self.states[slot]
        if state in ("failed", "refused"):
            return self.retry
        if state == "unknown" or (state == "lost" and self.generator.facts.bills):
            return self.again
        return state not in ("made", "found")

    def request(self, item: _Item, attempt: int) -> Request:
        """What a generator is asked, with a folder of its own for each attempt."""
        work = self.folder.resolve() / "work" / f"{Path(item.name).stem}.{attempt}"
        prompt = item.prompt
        return Request(prompt.id, prompt.text, item.take, item.seed, prompt.duration_s, work / item.name)

    def work_file(self, item: _Item) -> Path:
        """Where the last attempt had to put the clip."""
        return self.request(item, self.past[item.slot].attempts).out

    def outlook(self) -> Outlook:
        todo = tuple(slot for slot in self.items if self.wants(slot))
        requests = {slot: self.request(self.items[slot], self.past[slot].attempts + 1) for slot in todo}
        return Outlook(self.states, todo, requests)

    # ----- one clip

    def settle(self, slot: Slot, abandon: threading.Event) -> bool:
        """Bring one slot to its end; whether a request went out for it."""
        item = self.items[slot]
        past = self.past[slot]
        if self.states[slot] == "cut off":
            request = self.request(item, past.attempts)
            if self._pick_up(item, past, request):
                return False
            if self.generator.facts.bills and not self.again:
                reason = "sent, and this program was stopped before a reply; it may have been billed"
                self._settled(item, past, "unknown", reason)
                _remove(request.out.parent)
                return False
            _remove(request.out.parent)
        if os.path.lexists(self.out / item.name):  # it came up since this run began
            self._take(item, past)
            return False
        past.attempts += 1
        request = self.request(item, past.attempts)
        _remove(request.out.parent)
        try:
            request.out.parent.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"cannot write in {str(self.folder)!r}: {error.strerror}") from None
        past.sent = past.last = self.journal.add(
            "sent",
            slot,
            settings=self.settings,
            **self.origin,
            asked=item.asked,
            seed=seed_of(self.generator.facts, request),
            duration_s=item.prompt.duration_s,
            category=item.prompt.category,
            time=_now(),
        )
        try:
            result = self.generator.make(request, abandon)
        except GeneratorError:
            self._settled(item, past, "unsent", "turned away")
            _remove(request.out.parent)
            raise
        except OSError as error:
            self._settled(item, past, self._lost, f"cannot be written: {error.strerror or error}")
            raise StoreError(f"cannot write in {str(self.folder)!r}: {error.strerror or error}") from None
        if result.outcome != "interrupted":  # what goes on in the background is picked up by the next run
            self._finish(item, past, request, result)
        return True

    def _pick_up(self, item: _Item, past: _Past, request: Request) -> bool:
        """Whether an attempt that was cut off turns out to have come to its end."""
        if past.last["event"] == "ready" and _digest(request.out) == past.last["sha256"]:
            self._name(item, past, request.out)
            return True
        found = self.generator.found(request)
        if found is None:
            return False
        self._finish(item, past, request, found)
        return True

    @property
    def _lost(self) -> str:
        """What a request is that was worked on, and of which there is no clip."""
        return "unknown" if self.generator.facts.bills else "failed"

    def _finish(self, item: _Item, past: _Past, request: Request, result: Result) -> None:
        outcome, reason = result.outcome, result.reason
        if outcome == "written":
            digest, reason = _look(request.out)
            if not reason:
                _sync(request.out)
                past.last = self.journal.add("ready", item.slot, sha256=digest, seconds=round(result.seconds, 3))
                self.states[item.slot] = "cut off"
                self._name(item, past, request.out)
                return
            outcome = self._lost
        self._settled(item, past, outcome, reason, seconds=result.seconds)
        _remove(request.out.parent)

    def _name(self, item: _Item, past: _Past, made: Path) -> None:
        """Give a clip that is ready its name."""
        target, digest = self.out / item.name, past.last["sha256"]
        try:
            _publish(made, target)
        except FileExistsError:
            if _digest(target) != digest:
                raise StoreError(_in_the_way(item.name, made)) from None
        except OSError as error:
            raise StoreError(f"cannot write {item.name!r}: {error.strerror}; see to it, then run again") from None
        self._settled(item, past, "made", "", sha256=digest, seconds=past.last["seconds"])
        _remove(made.parent)

    def _settled(
        self, item: _Item, past: _Past, event: str, reason: str, *, sha256: str = "", seconds: float = 0.0
    ) -> None:
        words = printable(" ".join(reason.split()))[:_MOST_REASON]
        past.last = self.journal.add(
            event, item.slot, reason=words, sha256=sha256, seconds=round(seconds, 3), ended=_now()
        )
        self.states[item.slot] = event

    def adopt(self, slot: Slot, note: Callable[[str], None]) -> None:
        """Look at a file that has a clip's name: is it what was made, or a clip at all?

        Raises:
            InputError: it is no clip.
            StoreError: it is another one than that which was made and awaits its name.
        """
        item, past = self.items[slot], self.past[slot]
        path = self.out / item.name
        if self.states[slot] == "cut off":
            if past.last["event"] != "ready" or not os.path.lexists(path):
                return  # as it was when this run began to look
            made = self.work_file(item)
            if _digest(path) == past.last["sha256"]:
                self._settled(item, past, "made", "", sha256=past.last["sha256"], seconds=past.last["seconds"])
                _remove(made.parent)
                return
            if os.path.lexists(made):
                raise StoreError(_in_the_way(item.name, made))
        digest = _digest(path)
        if past.last.get("event") in ("made", "found") and past.last["sha256"] == digest:
            return
        if past.last.get("event") in ("made", "ready"):
            note(f"{item.name} is not the file that was made; it is taken as it is")
        self._take(item, past)

    def _take(self, item: _Item, past: _Past) -> None:
        digest, reason = _look(self.out / item.name)
        if reason:
            raise InputError(f"{item.name!r} lies in the way and is no clip ({reason}); remove it")
        past.last = self.journal.add("found", item.slot, sha256=digest, category=item.prompt.category)
        self.states[item.slot] = "found"

    # ----- the manifest

    def rows(self, system: str) -> list[dict[str, Any]]:
        """A row for each clip that was asked for or found, by prompt and take."""
        out = []
        for slot, past in sorted(self.past.items()):
            item = self.items.get(slot)
            word = past.last.get("event", "")
            if word not in ("made", "found", *NOT_MADE):
                continue
            sent = past.sent if word != "found" else {}
            name = item.name if item is not None else file_name(Prompt(slot[0]), slot[1])
            reason = past.last.get("reason", "")
            if word == "found" and item is None and not os.path.lexists(self.out / name):
                continue
            if word == "made" and not os.path.lexists(self.out / name):
                word, reason = "unknown", "it was made, and the file is gone"
            out.append(
                {
                    "path": name,
                    "prompt_id": slot[0],
                    "system": system,
                    "take": slot[1],
                    "category": item.prompt.category if item is not None else (sent or past.last).get("category", ""),
                    "status": word,
                    "reason": reason,
                    "generator": sent.get("generator", ""),
                    "model": sent.get("model", ""),
                    "parameters": sent.get("parameters", {}),
                    "seed": sent.get("seed"),
                    "duration_s": sent.get("duration_s"),
                    "time": sent.get("time", ""),
                    "seconds": past.last.get("seconds", 0.0),
                    "sha256": past.last.get("sha256", ""),
                }
            )
        return out

    def write_manifest(self, system: str) -> tuple[list[dict[str, Any]], Path, int]:
        """The rows of this run's prompts, the file that holds these, and how many there are of other prompts."""
        rows = self.rows(system)
        path = self.out / MANIFEST
        if rows:
            _write_rows(rows, path)
        ids = {prompt_id for prompt_id, _ in self.items}
        own = [row for row in rows if row["prompt_id"] in ids]
        if len(own) < len(rows) and own:
            digest = hashlib.sha256(canonical_json(sorted(ids)).encode()).hexdigest()[:8]
            path = path.with_stem(f"{path.stem}-{digest}")
            _write_rows(own, path)
        return own, path, len(rows) - len(own)


def _write_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    write_text("".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows), path)


def _in_the_way(name: str, made: Path) -> str:
    return (
        f"a file {name!r} came up that is not the clip which was made; both are kept, the clip as {str(made)!r}: move "
        f"{name!r} away, then run again, and nothing is asked for twice"
    )


def _digest(path: Path) -> str:
    """The sha256 of a file; empty where it is none, or beyond a limit."""
    try:
        return media.digest(path)
    except MediaError:
        return ""


def _origin_words(origin: Mapping[str, Any]) -> str:
    return f"{origin['generator']} {origin['model']}, {canonical_json(origin['parameters'])}"[:300]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(made: Path, target: Path) -> None:
    """Give a finished file its name, unless there is something of that name."""
    try:
        os.link(made, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(made, target)
    _sync_folder(target.parent)


# --------------------------------------------------------------------------- is it a clip?


def look_at(path: str | os.PathLike[str]) -> str:
    """The sha256 of a clip that decodes from beginning to end.

    Raises:
        MediaError: it does not, or is beyond a limit of :class:`avgen_bench.types.MediaLimits`.
    """
    media.read(path, {})
    return media.digest(path)


def main() -> None:
    """The process that looks at one clip: its path is the last argument, the verdict one line of JSON."""
    try:
        print(json.dumps({"sha256": look_at(sys.argv[-1])}))
    except MediaError as error:
        print(json.dumps({"reason": f"{error.code}: {error}"}))


def _look(path: Path) -> tuple[str, str]:
    """The sha256 of a clip and nothing, or nothing and why it is none. It is decoded by a process that may crash."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return "", "what lies at the place of the clip is no regular file"
    except OSError as error:
        return "", f"no file at the place of the clip: {error.strerror}"
    limits = MediaLimits()
    start = "import sys; sys.path.append(sys.argv[1]); from avgen_bench.generate import main; main()"
    root = str(Path(__file__).resolve().parent.parent)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", start, root, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.deadline_base_s + limits.deadline_factor * limits.max_duration_s + _PROBE_MORE_S,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", "it cannot be decoded within the time limit"
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return "", f"crash: the decoder ended with status {done.returncode}"
    if "sha256" in said:
        return str(said["sha256"]), ""
    return "", f"no clip: {said['reason']}{_beginning(path)}"


def _beginning(path: Path) -> str:
    """How a file that is text begins; empty for anything else."""
    try:
        with path.open("rb") as file:
            text = file.read(200).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f"; it is text: {text[:120]}" if text and "\0" not in text else ""


# --------------------------------------------------------------------------- the run


def outlook(
    prompts: Iterable[Prompt],
    out: str | os.PathLike[str],
    generator: Generator,
    *,
    takes: int = 1,
    seed: int = 0,
    retry_failed: bool = False,
    again_unknown: bool = False,
) -> Outlook:
    """What :func:`generate` would do; writes nothing, sends nothing.

    Raises:
        InputError: as :func:`generate`.
        MissingInstrument: the generator's library is not installed.
    """
    session = _Session(Path(out), generator, _items(prompts, takes, seed), retry_failed, again_unknown)
    found = session.outlook()
    if found.todo:
        generator.check(tuple(found.requests.values()))
    return found


def generate(
    prompts: Iterable[Prompt],
    out: str | os.PathLike[str],
    generator: Generator,
    *,
    takes: int = 1,
    seed: int = 0,
    workers: int = 1,
    system: str = "",
    retry_failed: bool = False,
    again_unknown: bool = False,
    on_tick: Callable[[int, int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Made:
    """Have the clips made that are not there yet, and write the manifest.

    Args:
        prompts: in the order in which they are asked for.
        out: the folder of clips; made when missing, continued when not.
        generator: who makes them.
        takes: clips of each prompt.
        seed: of the first take; each further take has the next one.
        workers: how many requests are under way at once.
        system: what the generator is called in the manifest, by default as the folder.
        retry_failed: ask again for what failed or was refused.
        again_unknown: ask again for what may have been made and billed: a request without a reply, a clip that is gone.
        on_tick: told how many of how many are at an end, and how many of these have no clip.
        on_note: told what a person should know.

    Raises:
        InputError: prompts, options or what lies in the folder cannot be used; nothing was sent.
        GeneratorError: the generator can make no clip at all; what was made is kept.
        MissingInstrument: the generator's library is not installed.
        StoreBusy: another process works on this folder.
        StoreError: the folder cannot be written, or a file came up under the name of a clip that was made; both are
            kept.
    """
    items = _items(prompts, takes, seed)
    facts = generator.facts
    if workers < 1 or (facts.most_workers is not None and workers > facts.most_workers):
        most = "" if facts.most_workers is None else f" to {facts.most_workers}"
        raise InputError(f"--workers {workers}: expected 1{most}{'' if most else ' or more'}")
    folder = Path(out)
    name = system or folder.resolve().name
    note = on_note or (lambda text: None)
    first = _Session(folder, generator, items, retry_failed, again_unknown)  # refuses before it writes
    if requests := tuple(first.outlook().requests.values()):
        generator.check(requests)
    with contextlib.ExitStack() as held:
        try:
            lock = held.enter_context(writing(folder / _FOLDER))
        except StoreBusy:
            raise StoreBusy(
                f"another process makes clips in {str(folder)!r}, or a command that it began is not done yet; wait for "
                "it, or give another --out"
            ) from None
        if isinstance(generator, Command):
            generator.lock = lock
        session = _Session(folder, generator, items, retry_failed, again_unknown)
        held.callback(session.journal.close)
        for slot, state in session.states.items():
            if state in ("made", "found", "cut off"):
                session.adopt(slot, note)
        asked = _work_off(session, max(1, workers), name, on_tick, note)
        rows, manifest, others = session.write_manifest(name)
        return Made(tuple(rows), asked, manifest, others)


def _work_off(
    session: _Session,
    workers: int,
    system: str,
    on_tick: Callable[[int, int, int], None] | None,
    note: Callable[[str], None],
) -> int:
    todo = [slot for slot in session.items if session.wants(slot)]
    counts = Counter(session.states.values())
    kept = sum(counts[word] for word in NOT_MADE) + counts["lost"]
    left_out = sum(not session.wants(slot) for slot in session.items if session.states[slot] == "lost")
    if left_out:
        note(f"{left_out} clips were made and are gone; --again-unknown has them made, and perhaps billed, again")
    again = sum(session.states[slot] in ("unknown", "lost") for slot in todo)
    if again and session.generator.facts.bills:
        note(f"{again} requests that may have been billed are sent again")
    total = len(session.items)
    stop, abandon = threading.Event(), threading.Event()
    waiting = iter(todo)
    done = total - len(todo)
    failures = kept - sum(session.states[slot] in (*NOT_MADE, "lost") for slot in todo)
    asked = 0
    if on_tick is not None:
        on_tick(done, total, failures)
    pool = concurrent.futures.ThreadPoolExecutor(workers, "generate")
    running: dict[concurrent.futures.Future[bool], Slot] = {}
    trouble: BaseException | None = None
    last_s = 0.0

    def employ() -> None:
        while len(running) < workers and not stop.is_set():
            slot = next(waiting, None)
            if slot is None:
                return
            running[pool.submit(session.settle, slot, abandon)] = slot

    try:
        employ()
        while running:
            try:
                ended, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            except KeyboardInterrupt as error:
                if session.generator.facts.bills and not stop.is_set():
                    note("no more is sent; what is under way is waited for, a second Ctrl-C gives it up")
                else:
                    abandon.set()
                stop.set()
                trouble = error
                continue
            for future in ended:
                slot = running.pop(future)
                try:
                    asked += future.result()
                except Exception as error:  # the first one is raised once the others are at their end
                    stop.set()
                    trouble = trouble or error
                    continue
                done += 1
                failures += session.states[slot] in NOT_MADE
                if on_tick is not None:
                    on_tick(done, total, failures)
            now_s = datetime.datetime.now().timestamp()
            if now_s - last_s > 2.0:
                last_s = now_s
                session.write_manifest(system)
            employ()
    finally:
        stop.set()
        abandon.set()
        pool.shutdown(wait=True, cancel_futures=True)
    if trouble is not None:
        with contextlib.suppress(StoreError):
            session.write_manifest(system)
        raise trouble
    return asked
