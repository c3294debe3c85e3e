"""A person answers a judge's questions blind: on a page of this machine, or in a terminal.

Conventions
    What a person is shown is the clip, the question in the words that a judge is asked it, and how far they are:
    neither system, file name, prompt nor other answers, and nothing that tells a question from its false twin, or from
    a question that is asked a second time. Questions are shuffled over all clips by the seed and the rater, a question
    and its twin kept apart; whoever stops anywhere has answered a random sample of them, which is what
    prediction-powered inference asks for.

    About one in twenty is asked twice. An atom whose track the clip lacks is not asked, nor is a judge.

Threats
    Prompts are foreign text: they reach the page as JSON and are written as text, never as markup, and the content
    security policy admits the page's own two files alone. The server listens on 127.0.0.1; every address starts with a
    random token, answers come as JSON with an Origin of our own, and a Host that is not this machine's is refused, so
    that no page of elsewhere can read a clip or give an answer. Only the clips of the list are served, and only while
    they are the bytes that were listed.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import hmac
import json
import os
import random
import re
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from urllib.parse import urlsplit

from avgen_bench import media
from avgen_bench.dimensions.semantic import absent_track
from avgen_bench.errors import InputError, MediaError, StoreError
from avgen_bench.judges.person import ANSWERS, CANNOT_TELL, UNDO, Label, LabelFile, consistency, standing
from avgen_bench.prompts import find_clips, load_prompts
from avgen_bench.questions import neutral
from avgen_bench.questions.atoms import TWIN
from avgen_bench.terms import atoms_for, both_asks
from avgen_bench.types import Ask, MediaFacts, Prompt, canonical_json

__all__ = ["ASKED", "Item", "PersonPage", "Shown", "Sitting", "at_terminal", "gather", "order_of", "summary"]

ASKED = ("alignment", "physics", "naturalness")
"""The dimensions whose questions a person can answer."""

REPEATED = 0.05
_APART = 8


# --------------------------------------------------------------------------- what is asked


@dataclass(frozen=True, slots=True)
class Shown:
    """A clip of the list; ``stamp`` is its size and time of change when its digest was taken."""

    clip_id: str
    path: Path
    stamp: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Item:
    """One question about one clip, in the words that a person is shown."""

    clip: Shown
    ask: Ask
    text: str

    @property
    def item(self) -> tuple[str, str]:
        """As labels name it: the clip, and the digest of the question."""
        return self.clip.clip_id, self.ask.digest

    @property
    def atom(self) -> tuple[str, str]:
        """What it shares with its twin."""
        return self.clip.clip_id, self.ask.key.removesuffix(TWIN)


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def _look(path: Path) -> tuple[Shown, MediaFacts] | str:
    """The clip and its tracks; a word for the reason where it cannot be measured, and so need not be judged."""
    try:
        stamp = _stamp(path)
        clip_id = media.digest(path)
        facts, _ = media.read(path, {})
    except MediaError as error:
        return error.code
    except OSError:
        return "unreadable"
    return Shown(clip_id, path.absolute(), stamp), facts


def gather(
    clips: str | os.PathLike[str],
    prompts: str | os.PathLike[str] | None = None,
    dimensions: Sequence[str] = ASKED,
    on_note: Callable[[str], None] | None = None,
) -> list[Item]:
    """Every question about every clip, each once, sorted; each clip is decoded once to know its tracks.

    Args:
        clips: a folder, a manifest or one clip, as for ``avgen-bench score``.
        prompts: as for ``avgen-bench score``; without them only what is asked of every clip.
        dimensions: whose questions.
        on_note: told how many clips are left out and why, without a name.

    Raises:
        InputError: clips, prompts or dimensions cannot be used, or there is nothing to ask.
    """
    unknown = [name for name in dimensions if name not in ASKED]
    if unknown or not dimensions:
        raise InputError(f"a person can be asked about {', '.join(ASKED)}; not about {', '.join(unknown) or 'nothing'}")
    known: dict[str, Prompt] = {} if prompts is None else load_prompts(prompts)
    rows = find_clips(clips, known)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as threads:  # the decoder lets go of Python's lock
        looks = list(threads.map(_look, [Path(row.file) for row in rows]))
    left_out = Counter(look for look in looks if isinstance(look, str))
    if left_out and on_note is not None:
        words = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        on_note(f"clips that cannot be measured are left out: {words}")
    found: dict[tuple[str, str], Item] = {}
    for row, look in zip(rows, looks, strict=True):
        if isinstance(look, str):
            continue
        shown, facts = look
        for atom in atoms_for(known.get(row.prompt_id), dimensions):
            if not absent_track(atom, facts):
                for ask, text in zip(both_asks(atom), (atom.text, atom.twin), strict=True):
                    item = Item(shown, ask, neutral(text))
                    found.setdefault(item.item, item)
    if not found:
        raise InputError("there is nothing to ask about these clips; expected prompts with questions, and their clips")
    return [found[key] for key in sorted(found)]


def order_of(items: Sequence[Item], seed: int, rater: str) -> list[int]:
    """In which order the items are asked, by their places; some stand there twice.

    A question and its twin are kept :data:`_APART` places apart where there is enough to put between. What is asked
    twice is taken from the first half, and comes again after a quarter of all.
    """
    draw = random.Random(canonical_json([seed, rater]))
    left = list(range(len(items)))
    draw.shuffle(left)
    apart = min(_APART, len({item.atom for item in items}) // 2)
    recent: deque[tuple[str, str]] = deque(maxlen=max(1, apart))
    order: list[int] = []
    while left:
        place = next((n for n, index in enumerate(left) if items[index].atom not in recent), 0)
        index = left.pop(place)
        order.append(index)
        recent.append(items[index].atom)
    count = round(REPEATED * len(order))
    again = draw.sample(range(max(count, len(order) // 2)), count)
    keyed = [(float(place), index) for place, index in enumerate(order)]
    keyed += [(draw.uniform(place + len(order) / 4, len(order)), order[place]) for place in again]
    return [index for _, index in sorted(keyed)]


# --------------------------------------------------------------------------- one sitting


class Sitting:
    """Where a rater stands: what is next, what was said. Safe to call from several threads.

    Args:
        items: from :func:`gather`.
        labels: the rater's file; what it holds is not asked again.
        seed: of the order.
    """

    def __init__(self, items: Sequence[Item], labels: LabelFile, seed: int = 0) -> None:
        self.items = items
        self.labels = labels
        self._lock = threading.Lock()
        self._by_item = {item.item: index for index, item in enumerate(items)}
        said = [self._by_item.get(label.item) for label in standing(labels.labels)]
        self._said: list[int] = [index for index in said if index is not None]
        order = order_of(items, seed, labels.rater)
        counts = Counter(self._said)
        self._left: deque[int] = deque()
        for index in order:
            if counts[index]:
                counts[index] -= 1
            else:
                self._left.append(index)
        self.total = len(order)
        self.clips = {shown: secrets.token_hex(8) for shown in dict.fromkeys(item.clip for item in items)}
        """A random name for each clip, the only one that a person is told."""
        self._serial = 0
        self._shown_s: float | None = None

    @property
    def current(self) -> Item | None:
        """What is asked now; None when all is answered."""
        return self.items[self._left[0]] if self._left else None

    def state(self) -> dict[str, Any]:
        """All that a person may know, as plain JSON values; the time of the answer runs from the first look at it."""
        with self._lock:
            return self._state()

    def _state(self) -> dict[str, Any]:
        if self._shown_s is None:
            self._shown_s = time.monotonic()
        item = self.current
        return {
            "serial": self._serial,
            "done": max(0, self.total - len(self._left)),
            "total": self.total,
            "undo": bool(self._said),
            "question": None if item is None else item.text,
            "modality": None if item is None else item.ask.modality,
            "clip": None if item is None else self.clips[item.clip],
        }

    def answer(self, serial: int, word: str) -> dict[str, Any] | None:
        """Store an answer to the question of that serial number; the next state, or None where it is not the one asked.

        Raises:
            InputError: none of the answers.
            StoreError: it was not stored, and the question stands.
        """
        if word not in ANSWERS:
            raise InputError(f"{word[:40]!r} is no answer; expected one of {', '.join(ANSWERS)}")
        with self._lock:
            if serial != self._serial or not self._left:
                return None
            self._store(self._left[0], word)
            self._said.append(self._left.popleft())
            return self._state()

    def undo(self, serial: int) -> dict[str, Any] | None:
        """Take back the last standing answer and ask that question again; None where another state is shown.

        Raises:
            StoreError: it was not stored, and the answer stands.
        """
        with self._lock:
            if serial != self._serial or not self._said:
                return None
            self._store(self._said[-1], UNDO)
            self._left.appendleft(self._said.pop())
            return self._state()

    def _store(self, index: int, word: str) -> None:
        item = self.items[index]
        now_s = time.monotonic()
        seconds = 0.0 if self._shown_s is None or word == UNDO else round(now_s - self._shown_s, 2)
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        label = Label(item.clip.clip_id, item.ask.key, item.ask.digest, word, self.labels.rater, date, seconds)
        self.labels.add(label)
        self._serial += 1
        self._shown_s = None


# --------------------------------------------------------------------------- in a terminal

_KEYS = {"y": "yes", "yes": "yes", "n": "no", "no": "no", " ": CANNOT_TELL, "c": CANNOT_TELL, "?": CANNOT_TELL}
_HINTS = {"picture": "look", "sound": "listen", "both": "look and listen"}


def at_terminal(sitting: Sitting, ask: TextIO = sys.stdin, tell: TextIO = sys.stdout) -> None:
    """Ask until all is answered, or the rater stops: y, n, a blank or c for cannot tell, u to undo, q to stop.

    Nothing is opened; each clip is named by a link of a random name in a temporary folder, for any player.
    """
    with tempfile.TemporaryDirectory(prefix="clips-") as folder:
        print("y yes, n no, c cannot tell, u undo the last answer, q stop; then the Enter key", file=tell)
        while (item := sitting.current) is not None:
            state = sitting.state()
            link = Path(folder) / (state["clip"] + item.clip.path.suffix.lower())
            if not link.exists():
                try:
                    link.symlink_to(item.clip.path)
                except OSError:
                    shutil.copyfile(item.clip.path, link)
            print(f"\n{state['done'] + 1} of {state['total']}  {link}", file=tell)
            print(f"{item.text} ({_HINTS[item.ask.modality]})", file=tell)
            print("> ", end="", file=tell, flush=True)
            line = ask.readline()
            word = line.rstrip("\r\n")
            word = " " if word and not word.strip() else word.strip().casefold()
            if not line or word == "q":
                return
            if word == "u":
                if sitting.undo(state["serial"]) is None:
                    print("there is nothing to undo", file=tell)
            elif word in _KEYS:
                sitting.answer(state["serial"], _KEYS[word])
            else:
                print("expected y, n, c, u or q", file=tell)
        print("\nall is answered", file=tell)


# --------------------------------------------------------------------------- on a page

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ASSETS = {
    "": ("person.html", "text/html; charset=utf-8"),
    "person.css": ("person.css", "text/css; charset=utf-8"),
    "person.js": ("person.js", "text/javascript; charset=utf-8"),
}
_TYPES = {".webm": "video/webm", ".mkv": "video/x-matroska"}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PIECE_BYTES = 1 << 18
_MOST_BODY_BYTES = 1024
_IDLE_S = 60.0
_HOME = ("127.0.0.1", "localhost")


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that a Range header asks for; the whole file for none, or for one that means nothing.

    None where no byte of it is there.

    >>> _span("bytes=2-", 10), _span("bytes=-3", 10), _span("lines=1-2", 10), _span("bytes=10-", 10)
    ((2, 9), (7, 9), (0, 9), None)
    """
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or found[1] == found[2] == "" or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return 0, size - 1
    if not found[1]:
        return (max(0, size - int(found[2])), size - 1) if int(found[2]) else None
    first = int(found[1])
    return None if first >= size else (first, min(size - 1, int(found[2]) if found[2] else size - 1))


class _Handler(BaseHTTPRequestHandler):
    """One request; everything that is not exactly what the page asks for is refused."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "avgen-bench"
    sys_version = ""
    timeout = _IDLE_S

    def log_message(self, *arguments: Any) -> None:
        """Nothing: addresses hold the token."""

    def handle(self) -> None:
        """A player that drops the connection in the middle of a clip is no error."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()

    def _place(self) -> str | None:
        """What is asked for, behind the token; None, with a refusal sent, where the request is not the page's own."""
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        token, _, place = urlsplit(self.path).path.removeprefix("/").partition("/")
        ours = host.rpartition(":")[0] in _HOME or host in _HOME
        ours = ours and (origin is None or origin == f"http://{host}")
        if not ours or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(404)
            return None
        return place

    def _head(self, status: int, kind: str, length: int, **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in (
            ("Content-Security-Policy", _POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
            *((name.replace("_", "-"), value) for name, value in more.items()),
        ):
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self._head(status, kind, len(data))
        self.wfile.write(data)

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._head(status, "text/plain; charset=utf-8", 0, Connection="close")

    def do_GET(self) -> None:
        """The page, its two files, the state, or a clip."""
        place = self._place()
        if place is None:
            return
        if place in _ASSETS:
            name, kind = _ASSETS[place]
            self._send(200, kind, (resources.files("avgen_bench") / "templates" / name).read_bytes())
        elif place == "state":
            self._json(self.server.sitting.state())
        elif place.startswith("clip/") and (shown := self.server.clips.get(place.removeprefix("clip/"))) is not None:
            self._clip(shown)
        else:
            self._refuse(404)

    def _clip(self, shown: Shown) -> None:
        try:
            changed = _stamp(shown.path) != shown.stamp
            file = shown.path.open("rb")
        except OSError:
            self._refuse(410)
            return
        with file:
            if changed:  # an answer would be filed under the digest of other bytes
                self._refuse(410)
                return
            size = shown.stamp[0]
            span = _span(self.headers.get("Range"), size)
            if span is None:
                self._head(416, "text/plain; charset=utf-8", 0, Content_Range=f"bytes */{size}")
                return
            first, last = span
            more = {"Accept_Ranges": "bytes"}
            partial = self.headers.get("Range") is not None
            if partial:
                more["Content_Range"] = f"bytes {first}-{last}/{size}"
            kind = _TYPES.get(shown.path.suffix.lower(), "video/mp4")
            self._head(206 if partial else 200, kind, last - first + 1, **more)
            self._stream(file, first, last - first + 1)

    def _stream(self, file: BinaryIO, first: int, left: int) -> None:
        file.seek(first)
        while left > 0:
            piece = file.read(min(left, _PIECE_BYTES))
            if not piece:
                self.close_connection = True  # shorter than it was: the length that was promised cannot be kept
                return
            self.wfile.write(piece)
            left -= len(piece)

    def do_POST(self) -> None:
        """An answer, the last one taken back, or the end of the sitting."""
        place = self._place()
        if place is None:
            return
        asked = self._body()
        if asked is None or place not in ("answer", "undo", "stop"):
            self._refuse(400 if asked is None else 404)
            return
        sitting = self.server.sitting
        serial, word = asked.get("serial"), asked.get("answer")
        try:
            if place == "stop":
                self._json({"stopped": True})
                self.server.stopped.set()
                return
            if type(serial) is not int or (place == "answer" and not isinstance(word, str)):
                self._refuse(400)
                return
            state = sitting.answer(serial, str(word)) if place == "answer" else sitting.undo(serial)
        except InputError:
            self._refuse(400)
            return
        except StoreError as error:
            self._json({"error": str(error)}, 507)
            return
        self._json(sitting.state() if state is None else state, 409 if state is None else 200)

    def _body(self) -> dict[str, Any] | None:
        """The JSON object that was sent; None for anything else, or for one too large to be an answer."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        length = self.headers.get("Content-Length", "")
        if kind != "application/json" or not re.fullmatch(r"[0-9]{1,4}", length) or int(length) > _MOST_BODY_BYTES:
            return None
        try:
            value = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, sitting: Sitting, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.sitting = sitting
        self.token = secrets.token_urlsafe(24)
        self.clips = {name: shown for shown, name in sitting.clips.items()}
        self.stopped = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """One line instead of a stack of machine paths; the page says that it got no answer."""
        print(f"the page's server failed: {type(sys.exception()).__name__}", file=sys.stderr)


class PersonPage:
    """The page of a sitting, served from this machine to this machine until it is stopped or left.

    Args:
        sitting: what is asked.
        port: 0 for any that is free.

    Raises:
        InputError: the port is taken.
    """

    def __init__(self, sitting: Sitting, port: int = 0) -> None:
        if not 0 <= port <= 65535:
            raise InputError(f"--port {port}: expected 0 to 65535")
        try:
            self._server = _Server(sitting, port)
        except OSError as error:
            raise InputError(f"cannot listen on port {port} of 127.0.0.1: {error.strerror}") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        """The page's address; whoever has it can answer."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._server.token}/"

    def __enter__(self) -> PersonPage:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the rater ends the sitting on the page; whether they did."""
        return self._server.stopped.wait(timeout_s)


def summary(labels: Iterable[Label]) -> str:
    """What a file of labels holds, in a line."""
    kept = standing(labels)
    counts = Counter(label.answer for label in kept)
    same, twice = consistency(kept)
    said = ", ".join(f"{counts[word]} {word}" for word in ANSWERS)
    again = f"; asked twice {twice}, the same answer {same} times" if twice else ""
    return f"{len(kept)} answers: {said}{again}"
