"""Asks a judge about clips: each question when its turn comes, as fast as the judge allows, and never twice.

Conventions
    A question is asked ``repeats`` times, each time as an observation of its own in the run folder's store, under the
    clip's digest, the judge's identity, the digest of what is sent, and the number of the repeat. What the store holds
    is never asked again, so a run that ended anywhere goes on in the middle of a clip.

    An atom whose ``after`` atoms were answered no is not asked. What else is not asked has its reason, too. Where a
    reason is open (:func:`avgen_bench.terms.is_open`: the budget was spent, the judge broke) the clip's dimension
    abstains, and the next run asks again.

    One thread, the caller's, holds all state; threads that ask and threads that make views only take a task and hand
    back what came of it.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import queue
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from avgen_bench.dimensions.semantic import absent_track, answered_no
from avgen_bench.errors import JudgeBroken, JudgeBusy, JudgeRefusal, JudgeRejection, MediaError, StoreError
from avgen_bench.questions import Atom
from avgen_bench.questions.atoms import TWIN
from avgen_bench.terms import (
    LONGEST_SHORTEST_S,
    REPLY_TOKENS,
    SPENT,
    Budget,
    Pace,
    Terms,
    atoms_for,
    both_asks,
    is_open,
    price_usd,
    refuse_budget,
    refuse_view,
    reply_header,
    shortest_shown_s,
    tokens_given,
    too_short,
)
from avgen_bench.types import (
    Answers,
    Ask,
    Call,
    ClipViews,
    Judge,
    JudgeFacts,
    JudgeReply,
    JudgeView,
    MediaFacts,
    Observation,
    Prompt,
    canonical_json,
    fingerprint_of,
)

__all__ = ["Asked", "Case", "Spent", "interview", "most_lost", "recall"]

_MOST_LOST = 8
_FEWEST_LOST = 3


def most_lost(at_once: int) -> int:
    """After how many questions that all broke, none answered, nobody is there: about as many as are asked at once."""
    return max(_FEWEST_LOST, min(_MOST_LOST, at_once))


# --------------------------------------------------------------------------- one clip


@dataclass(frozen=True, slots=True)
class Case:
    """A clip to ask about.

    Attributes:
        key: the caller's, unlike that of any other case.
        name: for progress.
        clip_id: sha256 of the file.
        file: where it lies.
        media: what the decoding pass found.
        prompt: its prompt, if any.
        dimensions: those that are to be measured.
    """

    key: str
    name: str
    clip_id: str
    file: str
    media: MediaFacts
    prompt: Prompt | None
    dimensions: tuple[str, ...]

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """What is asked about it, each once, whichever dimensions want it."""
        return atoms_for(self.prompt, self.dimensions)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a case.

    Attributes:
        answers: to all its atoms.
        fingerprints: of the stored replies, by key, in the order of repeats.
        failure: why the clip could not be shown to a judge at all; empty otherwise.
    """

    answers: Answers
    fingerprints: Mapping[str, tuple[str, ...]]
    failure: str = ""

    def of(self, atoms: Iterable[Atom]) -> tuple[Answers, list[str], dict[str, int]]:
        """The part of one dimension: answers, fingerprints, and the open reasons with how many questions each left."""
        keys = [ask.key for atom in atoms for ask in both_asks(atom)]
        said = self.answers
        answers = Answers(
            said.judge,
            {key: said.replies[key] for key in keys if key in said.replies},
            {key: said.unfit[key] for key in keys if key in said.unfit},
            {key: said.unasked[key] for key in keys if key in said.unasked},
        )
        used = [address for key in keys for address in self.fingerprints.get(key, ())]
        reasons: dict[str, int] = {}
        for reason in answers.unasked.values():
            if is_open(reason):
                reasons[reason] = reasons.get(reason, 0) + 1
        return answers, used, reasons


@dataclass(slots=True, eq=False)
class _Task:
    """One question to put; ``tokens_in`` is about what each of its calls is given."""

    open: _Open
    ask: Ask
    repeat: int
    tokens_in: float
    tries: int = 0
    began_s: float = 0.0


class _Open:
    """A case in work: what is known, what is ready to be asked, what waits for another answer."""

    def __init__(self, case: Case, facts: JudgeFacts, terms: Terms, cached: Callable[[str], JudgeReply | None]) -> None:
        self.case = case
        self.terms = terms
        self.facts = facts
        self.repeats = terms.repeats_of(facts)
        self.atoms = {atom.key: atom for atom in case.atoms}
        self.asks = {ask.key: ask for atom in self.atoms.values() for ask in both_asks(atom)}
        self._digests = {key: ask.digest for key, ask in self.asks.items()}
        self._keys: dict[str, list[str]] = {}  # by digest: two questions in the same words are one call
        for key, digest in self._digests.items():
            self._keys.setdefault(digest, []).append(key)
        self.views: ClipViews | None = None
        self.failure = ""
        self.ready: deque[_Task] = deque()
        self.under_way: list[_Task] = []
        self.delayed = 0
        self.broken_row = 0
        self.rejected = ""
        self._wave = 0
        self._replies: dict[tuple[str, int], JudgeReply] = {}
        self._scheduled: set[str] = set()
        self.unasked: dict[str, str] = {}
        self.unfit: dict[str, str] = {}
        self.fresh: dict[str, JudgeReply] = {}
        self._addresses: dict[tuple[str, int], str] = {}
        known_s = case.media.duration_s
        view = facts.view
        for digest, keys in self._keys.items():
            for repeat in range(self.repeats):
                text = reply_header(self.asks[keys[0]], facts, repeat).text
                address = self._addresses[digest, repeat] = fingerprint_of(case.clip_id, text)
                reply = cached(address)
                if reply is not None:
                    self._replies[digest, repeat] = reply
        self._waiting = dict(self.atoms)
        shown_s = shortest_shown_s(view, known_s)
        sparse = ""
        if shown_s > LONGEST_SHORTEST_S + 1e-9:
            sparse = (
                f"too short: of {known_s:.1f} s only {view.most_frames} pictures are given, too few to be sure to show "
                f"what lasts {LONGEST_SHORTEST_S:g} s"
            )
        for key, atom in self.atoms.items():
            sound = atom.modality == "sound"
            reason = too_short(atom, view.shortest_s if sound else shown_s) if sound or not sparse else sparse
            absent = absent_track(atom, case.media)
            unfit = terms.unfit_for(facts, atom.modality)
            if absent:
                self._leave(key, f"absent: {absent}")
            elif unfit:
                self.unfit |= {key: unfit, key + TWIN: unfit}
                del self._waiting[key]
            elif reason:
                self._leave(key, reason)

    def _leave(self, key: str, reason: str) -> None:
        """An atom that will not be asked, nor its twin."""
        self.unasked |= {key: reason, key + TWIN: reason}
        del self._waiting[key]

    def versions(self) -> set[str]:
        """The versions of the model that stored replies name."""
        return {reply.model for reply in self._replies.values() if reply.model}

    def _state(self, key: str) -> str:
        """Of an atom: ``no``, ``open`` (an answer may still come), or ``other`` (yes, or nobody can tell)."""
        if key in self.unasked and self.unasked[key].partition(":")[0] in ("after", "absent"):
            return "no"
        if key in self._waiting:
            return "open"
        if key in self.unasked or key in self.unfit or key not in self.atoms:
            return "other"
        got = self._got(key)
        if len(got) < self.repeats:
            return "open"
        return "no" if answered_no(Answers("", {key: got}), key) else "other"

    def _got(self, key: str) -> tuple[JudgeReply, ...]:
        """The replies to a question, in the order of repeats, as far as they are there."""
        digest = self._digests[key]
        found = (self._replies.get((digest, repeat)) for repeat in range(self.repeats))
        return tuple(reply for reply in found if reply is not None)

    def release(self) -> None:
        """Make ready what no longer waits for anything; leave what no longer makes sense."""
        moved = True
        tasks: list[_Task] = []
        while moved:
            moved = False
            for key, atom in list(self._waiting.items()):
                states = {before: self._state(before) for before in atom.after}
                no = next((before for before, state in states.items() if state == "no"), "")
                if no:
                    self._leave(key, f"after: {no}")
                    moved = True
                elif "open" not in states.values():
                    del self._waiting[key]
                    tasks += self._tasks(atom)
                    moved = True
        random.Random(f"{self.terms.seed} {self.case.clip_id} {self._wave}").shuffle(tasks)
        self._wave += bool(tasks)
        self.ready.extend(tasks)

    def _tasks(self, atom: Atom) -> list[_Task]:
        found = []
        media = self.case.media
        for ask in both_asks(atom):
            digest = self._digests[ask.key]
            if digest in self._scheduled:
                continue
            self._scheduled.add(digest)
            given = (media.duration_s, media.picture is not None, media.sound is not None)
            about = tokens_given(ask, self.facts.view, *given)
            for repeat in range(self.repeats):
                if (digest, repeat) not in self._replies:
                    found.append(_Task(self, ask, repeat, about))
        return found

    def address(self, task: _Task) -> str:
        """The fingerprint under which a task's reply is stored."""
        return self._addresses[self._digests[task.ask.key], task.repeat]

    def settle(self, task: _Task, reply: JudgeReply) -> None:
        """Take a reply."""
        self._replies[self._digests[task.ask.key], task.repeat] = reply

    def give_up(self, task: _Task, reason: str) -> None:
        """Take it that no reply will come in this run."""
        for key in self._keys[self._digests[task.ask.key]]:
            self.unasked.setdefault(key, reason)

    def drop(self, reason: str) -> None:
        """Give up on all that is not asked yet."""
        while self.ready:
            self.give_up(self.ready.popleft(), reason)
        for key in list(self._waiting):
            if min(len(self._got(key)), len(self._got(key + TWIN))) < self.repeats:
                self._leave(key, reason)
        self.release()

    def abandon(self, reason: str) -> None:
        """Give up on calls that are under way."""
        while self.under_way:
            self.give_up(self.under_way.pop(), reason)
        self.drop(reason)

    def left(self) -> int:
        """How many replies are still to come, as far as anyone knows."""
        return len(self.ready) + len(self.under_way) + self.delayed + 2 * self.repeats * len(self._waiting)

    def given_up(self) -> int:
        """How many replies will not come in this run, and are left for another."""
        open_keys = [key for key, reason in self.unasked.items() if is_open(reason)]
        return sum(self.repeats - len(self._got(key)) for key in open_keys)

    @property
    def done(self) -> bool:
        """Whether nothing is left to wait for."""
        return not (self.ready or self.under_way or self.delayed or self._waiting)

    @property
    def was_answered(self) -> bool:
        """Whether something was asked, and nothing was left for another run."""
        return bool(self.fresh) and not any(map(is_open, self.unasked.values()))

    def _answers(self) -> Answers:
        replies = {}
        for key in self.asks:
            got = self._got(key)
            left = self.unasked.get(key, "")
            if got and key not in self.unfit and (not left or is_open(left)):
                replies[key] = got
        return Answers(self.facts.identity, replies, dict(self.unfit), dict(self.unasked))

    def result(self) -> Asked:
        """What came of it."""
        answers = self._answers()
        used = {
            key: tuple(
                self._addresses[self._digests[key], n]
                for n in range(self.repeats)
                if (self._digests[key], n) in self._replies
            )
            for key in answers.replies
        }
        return Asked(answers, used, self.failure)


# --------------------------------------------------------------------------- all of them


@dataclass(slots=True)
class Spent:
    """What a run took of a judge.

    Attributes:
        calls: replies got, and calls that broke; those put off by a busy judge are ``busy`` alone. Where nobody was
            reached and nothing was sent, there was no call. Of a panel, those of its members.
        retries: questions put again after a call that broke.
        tokens_in: as the judge counts them, or as estimated where it does not; ``tokens_out`` likewise.
        usd: their price; None where the judge, or a member of a panel, states none.
        halted: why no more was asked, empty where all was.
        versions: of the model, as replies name them.
        rejected: clips that the judge's server does not take; ``rejection`` is why, of the last of them.
    """

    calls: int = 0
    busy: int = 0
    retries: int = 0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    usd: float | None = None
    halted: str = ""
    versions: tuple[str, ...] = ()
    rejected: int = 0
    rejection: str = ""


class _Purse:
    """The budget: what was spent, what questions under way may still cost, and whether one more is affordable."""

    def __init__(self, facts: JudgeFacts, budget: Budget | None, spent: Spent) -> None:
        self._facts = facts
        self._budget = budget
        self._spent = spent
        self._reserved: dict[int, tuple[float, float]] = {}
        self._factor = 1.0
        self._dearest_out = float(REPLY_TOKENS)
        self._known = False
        refuse_budget(budget, facts)

    def _spent_so_far(self, unit: str) -> float:
        spent = self._spent
        if unit == "calls":
            return spent.calls
        return spent.tokens_in + spent.tokens_out if unit == "tokens" else spent.usd or 0.0

    def _most(self, unit: str, tokens_in: float, tokens_out: float) -> float:
        """The cost of one question at the most, each of whose calls takes so many tokens."""
        calls = self._facts.calls_per_ask
        if unit == "calls":
            return calls
        if unit == "tokens":
            return calls * (tokens_in + tokens_out)
        return price_usd(self._facts, tokens_in, tokens_out) or 0.0

    def affords(self, task: _Task) -> bool | None:
        """Whether a question fits into what is left; None where that is known once calls under way are back."""
        if self._budget is None:
            return True
        if self._reserved and not self._known and self._budget.unit != "calls":
            return None  # the first call alone says what a call costs
        unit = self._budget.unit
        base = self._spent_so_far(unit)
        out = sum(self._most(unit, *item) for item in self._reserved.values())
        one = self._most(unit, task.tokens_in * self._factor, self._dearest_out)
        if base + out + one <= self._budget.amount * (1 + 1e-12):
            return True
        return None if self._reserved and base + one <= self._budget.amount else False

    def reserve(self, task: _Task) -> None:
        """Set aside what each call of a question will cost, as dear as the dearest so far."""
        self._reserved[id(task)] = (task.tokens_in * self._factor, self._dearest_out)

    def pay(self, task: _Task, calls: Sequence[Call], answered: bool) -> None:
        """The calls that a question took; one that broke may have been billed, so all that was set aside for it."""
        aside = self._reserved.pop(id(task))
        spent = self._spent
        for call in calls:
            tokens_in, tokens_out = aside
            if call.tokens_in > 0:
                self._factor = max(self._factor if self._known else 0.0, call.tokens_in / task.tokens_in)
                self._dearest_out = max(self._dearest_out, call.tokens_out)
                tokens_in, tokens_out = call.tokens_in, call.tokens_out
                self._known = True
            spent.calls += 1
            spent.tokens_in += tokens_in
            spent.tokens_out += tokens_out
            price = price_usd(call, tokens_in, tokens_out)
            if price is not None and price_usd(self._facts, 0, 0) is not None:
                spent.usd = (spent.usd or 0.0) + price
        self._known = self._known or answered


def recall(
    case: Case, facts: JudgeFacts, terms: Terms, cached: Callable[[str], JudgeReply | None]
) -> tuple[Asked, list[str]]:
    """What came of a case from stored replies alone, and the questions whose replies are not there; asks nothing."""
    item = _Open(case, facts, terms, cached)
    item.release()
    lost = sorted({f"{task.ask.key} #{task.repeat + 1}" for task in item.ready})
    return item.result(), lost


class _Views(Protocol):
    def __call__(self, path: str, view: JudgeView, /) -> ClipViews: ...


def interview(
    cases: Sequence[Case],
    judge: Judge,
    terms: Terms,
    *,
    views: _Views,
    cached: Callable[[str], JudgeReply | None],
    keep: Callable[[Observation], None],
    on_done: Callable[[Case, Asked], None],
    on_tick: Callable[[int, str], None] | None = None,
    versions: Iterable[str] = (),
    pace: Pace | None = None,
    spent: Spent | None = None,
    proven: bool = False,
) -> Spent:
    """Ask a judge about all cases; what it took.

    Args:
        cases: several of the same file may be among them.
        judge: safe to call from several threads.
        terms: on which it is asked.
        views: makes what the judge is given of a file; called from threads, once per clip that has anything to ask.
        cached: the stored reply of a fingerprint.
        keep: stores a reply; called before it is used.
        on_done: told each case with what came of it, in whatever order they end; called from the caller's thread.
        on_tick: told after every question how many more are settled, and about which clip.
        versions: of the model, as replies that stand beside those of this run name them.
        pace: how failures are met.
        spent: is added to; a fresh one by default.
        proven: the judge has answered about clips like these before, so that clips which its server does not take are
            their own fault, however many they are.

    Raises:
        JudgeRefusal: asking on cannot help (a wrong key, an unknown model, the first clips all refused), or the model
            changed its version; every case was told, with what was got, before.
        StoreError: a reply cannot be stored; nothing more is asked.
        InputError: a budget in dollars, and the judge states no price.
    """
    refuse_view(judge.facts.view)
    run = _Interview(
        judge, terms, views, cached, keep, on_done, on_tick, set(versions), pace or Pace(), spent or Spent(), proven
    )
    try:
        return run.run(cases)
    finally:
        run.close()


_Event = tuple[str, Any, Any, Sequence[Call]]


class _Interview:
    """The state of an interview. Only the caller's thread touches it; the others see the two queues."""

    def __init__(
        self,
        judge: Judge,
        terms: Terms,
        views: _Views,
        cached: Callable[[str], JudgeReply | None],
        keep: Callable[[Observation], None],
        on_done: Callable[[Case, Asked], None],
        on_tick: Callable[[int, str], None] | None,
        versions: set[str],
        pace: Pace,
        spent: Spent,
        proven: bool,
    ) -> None:
        self._judge, self._terms, self._pace = judge, terms, pace
        self._make_views, self._cached, self._keep = views, cached, keep
        self._on_done, self._on_tick = on_done, on_tick
        self._versions = versions
        self._spent = spent
        self._purse = _Purse(judge.facts, terms.budget, self._spent)
        self._calls: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._clips: queue.SimpleQueue[_Open | None] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._threads = 0
        self._view_threads = 0
        self._open: list[_Open] = []
        self._held: deque[Case] = deque()
        self._often: set[str] = set()
        self._fresh: dict[str, JudgeReply] = {}
        self._under_way = 0
        self._limit = terms.concurrency
        self._delayed: list[tuple[float, int, _Task]] = []
        self._numbers = itertools.count()
        self._jitter = random.Random(terms.seed)
        self._resume_s = 0.0
        self._last_cut_s = -math.inf
        self._busy_since_s = math.inf
        self._good_row = self._busy_row = self._broken_row = 0
        self._broken_clips: set[str] = set()
        self._reached = False  # in this run, whatever it said
        self._lost = 0  # until then, questions given up because nobody was there; ``_lost_why`` is the last reason
        self._lost_why = ""
        self._proven = proven
        self._first: list[_Open] = []  # until the judge has proved itself: those asked about, in their order
        self._halt = ""
        self._error: BaseException | None = None
        self._ticked: dict[int, int] = {}

    # ------------------------------------------------------------------ the loop

    def run(self, cases: Sequence[Case]) -> Spent:
        """Ask until nothing is left."""
        self._see(set())
        self._often = {clip_id for clip_id, count in Counter(case.clip_id for case in cases).items() if count > 1}
        coming = iter(cases)
        more = True
        stopped_s = math.inf
        while True:
            while more and self._wants_more():
                case = next(coming, None)
                if case is None:
                    more = False
                else:
                    self._begin(case)
            for case in list(self._held):  # the same file, now that the other row of it is done
                if case.clip_id not in {item.case.clip_id for item in self._open}:
                    self._held.remove(case)
                    self._begin(case)
            self._dispatch()
            if self._halt:
                for item in self._open:
                    self._give_up_delayed(item, self._halt)
                    item.drop(self._halt)
            self._finish()
            if not more and not self._open and not self._held:
                break
            if not self._open:
                continue
            if self._error is not None:
                stopped_s = min(stopped_s, time.monotonic())
                if time.monotonic() - stopped_s > self._pace.grace_s:
                    self._abandon()
                    continue
            self._wait(self._pace.grace_s if self._error is not None else None)
        if self._lost and not self._reached:  # too few questions to be sure of it before
            self._end(self._lost_why)
        self._spent.versions = tuple(sorted(self._versions))
        if self._error is not None:
            raise self._error
        return self._spent

    def close(self) -> None:
        """Send the threads home; replies that have come in are stored first."""
        while True:
            try:
                kind, task, outcome, calls = self._events.get_nowait()
            except queue.Empty:
                break
            if kind != "views":
                self._purse.pay(task, calls, kind == "reply")
            if kind == "reply":
                self._store_late(task, outcome)
        for _ in range(self._threads):
            self._calls.put(None)
        for _ in range(self._view_threads):
            self._clips.put(None)

    def _wants_more(self) -> bool:
        """Whether another clip should be opened: soon too few questions would be ready."""
        if self._halt or self._error is not None:
            return not self._open
        ready = sum(len(item.ready) + item.delayed for item in self._open)
        return ready + self._under_way < 2 * self._limit and len(self._open) < 4 + self._limit // 8

    def _begin(self, case: Case) -> None:
        if any(item.case.clip_id == case.clip_id for item in self._open):
            self._held.append(case)
            return
        item = _Open(case, self._judge.facts, self._terms, lambda at: self._fresh.get(at) or self._cached(at))
        self._open.append(item)
        self._see(item.versions())
        item.release()
        if item.ready and not self._halt:
            if not self._proven:
                self._first.append(item)
            if self._view_threads < 2:
                self._view_threads += 1
                threading.Thread(target=self._view_thread, daemon=True).start()
            self._clips.put(item)

    def _finish(self) -> None:
        """Hand on the cases in which nothing is left to wait for."""
        for item in [item for item in self._open if item.done]:
            self._open.remove(item)
            self._tick(item)
            self._prove(item)
            if item.case.clip_id in self._often:  # a later case of the file finds what the store was read without
                self._fresh.update(item.fresh)
            self._on_done(item.case, item.result())
        for item in self._open:
            self._tick(item)

    def _tick(self, item: _Open) -> None:
        if self._on_tick is None:
            return
        now = len(item.asks) * item.repeats - item.left() - item.given_up()
        before = self._ticked.get(id(item), 0)
        if now > before:
            self._ticked[id(item)] = now
            self._on_tick(now - before, item.case.name)
        if item.done:
            self._ticked.pop(id(item), None)

    # ------------------------------------------------------------------ calls

    def _dispatch(self) -> None:
        """Hand out as many calls as limit, pause and budget allow."""
        now = time.monotonic()
        while self._under_way < self._limit and now >= self._resume_s and not self._halt and self._error is None:
            task = self._next(now)
            if task is None:
                return
            affordable = self._purse.affords(task)
            if not affordable:
                task.open.ready.appendleft(task)
                if affordable is False and not self._under_way:
                    self._end(SPENT)
                return
            self._purse.reserve(task)
            self._under_way += 1
            task.open.under_way.append(task)
            task.began_s = now
            if self._threads < self._under_way:
                self._threads += 1
                threading.Thread(target=self._call_thread, daemon=True).start()
            self._calls.put(task)

    def _next(self, now: float) -> _Task | None:
        if self._delayed and self._delayed[0][0] <= now:
            _, _, task = heapq.heappop(self._delayed)
            task.open.delayed -= 1
            return task
        if self._delayed and self._broken_row >= self._limit:
            return None  # it may be gone: see whether anything is answered before more is asked
        for item in self._open:
            if item.ready and item.views is not None:
                return item.ready.popleft()
        return None

    def _wait(self, most_s: float | None) -> None:
        """Take what comes in, or sleep until something is due."""
        due = [most_s] if most_s is not None else []
        now = time.monotonic()
        if self._delayed:
            due.append(self._delayed[0][0] - now)
        if self._resume_s > now:
            due.append(self._resume_s - now)
        try:
            event = self._events.get(timeout=max(0.0, min(due))) if due else self._events.get()
        except queue.Empty:
            return
        while True:
            self._take(event)
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return

    def _take(self, event: _Event) -> None:
        kind, what, outcome, calls = event
        if kind == "views":
            self._take_views(what, outcome)
            return
        task: _Task = what
        self._purse.pay(task, calls, kind == "reply")
        if task not in task.open.under_way:  # given up for lost meanwhile, but paid for
            if kind == "reply":
                self._store_late(task, outcome)
            return
        self._under_way -= 1
        task.open.under_way.remove(task)
        self._reached |= kind == "reply" or not isinstance(outcome, JudgeBroken) or outcome.sent
        if kind == "reply":
            self._good(task, outcome)
        elif isinstance(outcome, JudgeBusy):
            self._busy(task, outcome)
        elif isinstance(outcome, JudgeBroken):
            self._broken(task, outcome)
        elif isinstance(outcome, JudgeRejection):
            self._rejected(task, outcome)
        else:
            task.open.give_up(task, f"the run stopped: {outcome}")
            self._stop(outcome)

    def _store(self, task: _Task, reply: JudgeReply) -> JudgeReply:
        """Keep a reply, and give it as it was kept."""
        header = replace(reply_header(task.ask, self._judge.facts, task.repeat), clip_id=task.open.case.clip_id)
        observation = Observation(header, reply)
        written = observation.payload.to_json()
        canonical_json(written)
        self._keep(observation)
        stored: JudgeReply = JudgeReply.from_json(written)
        return stored

    def _store_late(self, task: _Task, reply: JudgeReply) -> None:
        """Keep a reply for another run, unless it is another model's; the run has ended for another reason."""
        if self._terms.allow_drift or len(self._versions | {reply.model} - {""}) <= 1:
            with contextlib.suppress(StoreError, ValueError):
                self._store(task, reply)

    def _good(self, task: _Task, reply: JudgeReply) -> None:
        if not self._see({reply.model} - {""}):
            task.open.give_up(task, "the run stopped: the judge's model changed")
            return
        try:
            stored = self._store(task, reply)
        except Exception as error:
            task.open.give_up(task, f"the run stopped: {error}")
            self._stop(error)
            return
        self._busy_since_s = math.inf
        self._busy_row = self._broken_row = task.open.broken_row = 0
        self._broken_clips.clear()
        self._good_row += 1
        if self._good_row >= self._limit < self._terms.concurrency:
            self._limit += 1
            self._good_row = 0
        task.open.settle(task, stored)
        task.open.fresh[task.open.address(task)] = stored
        task.open.release()

    def _busy(self, task: _Task, error: JudgeBusy) -> None:
        now = time.monotonic()
        self._busy_since_s = min(self._busy_since_s, now)
        self._spent.busy += 1
        self._good_row = 0
        if task.open.rejected:  # meanwhile, by another question: this one would be refused as well
            task.open.give_up(task, task.open.rejected)
        else:
            task.open.ready.appendleft(task)
        if task.began_s >= self._last_cut_s:  # one cut for all calls that were under way together
            self._limit = max(1, self._limit // 2)
            self._last_cut_s = now
            self._busy_row += 1
        if error.after_s is not None and math.isfinite(error.after_s):
            pause_s = max(0.0, error.after_s)
        else:
            pause_s = self._pause_s(self._busy_row)
        self._resume_s = max(self._resume_s, now + pause_s)
        if pause_s > self._pace.patience_s:
            self._end(f"the judge asks to come back after {pause_s:.0f} s: {error}")
        elif now - self._busy_since_s > self._pace.patience_s:
            self._end(f"the judge was busy for {now - self._busy_since_s:.0f} s: {error}")

    def _broken(self, task: _Task, error: JudgeBroken) -> None:
        self._good_row = 0
        self._broken_row += 1
        may_retry = not (self._halt or self._error or task.open.rejected)
        if task.tries < self._pace.retries and may_retry:
            task.tries += 1
            self._spent.retries += error.sent
            due = time.monotonic() + self._pause_s(task.tries)
            heapq.heappush(self._delayed, (due, next(self._numbers), task))
            task.open.delayed += 1
            return
        item, reason = task.open, f"the judge broke: {error}"
        item.give_up(task, reason)
        item.release()
        if not self._reached:  # no clip is to blame
            self._lost += 1
            self._lost_why = reason
            if self._lost >= most_lost(self._threads):  # a budget may allow fewer at once than the terms do
                self._end(reason)
            return
        item.broken_row += 1
        if item.broken_row >= self._pace.in_row:  # it may be this clip that the judge breaks on
            self._give_up_delayed(item, reason)
            item.drop(reason)
            self._broken_clips.add(item.case.key)
            if len(self._broken_clips) >= self._pace.in_row:
                self._end(f"the judge broke on {len(self._broken_clips)} clips in a row: {error}")

    def _rejected(self, task: _Task, error: JudgeRejection) -> None:
        """Leave the rest of a clip that the server does not take; stop where it takes none of the first."""
        item = task.open
        if not item.rejected:
            item.rejected = f"the judge refused the clip: {error}"
            self._spent.rejected += 1
            self._spent.rejection = str(error)
        item.give_up(task, item.rejected)
        self._give_up_delayed(item, item.rejected)
        item.drop(item.rejected)
        self._judge_the_first()

    def _prove(self, item: _Open) -> None:
        """Take it from a clip that has ended whether the judge takes clips at all."""
        if self._proven or item not in self._first:
            return
        if not item.rejected and item.was_answered:
            self._proven = True
            self._first.clear()
        elif not item.rejected:
            self._first.remove(item)  # it broke, or the budget did: it shows neither
            self._judge_the_first()

    def _judge_the_first(self) -> None:
        """Stop where the first clips that were asked about are all refused: it is not the clips, then."""
        refused = itertools.takewhile(lambda item: item.rejected, self._first)
        many = len({item.case.clip_id for item in refused})
        if many >= self._pace.in_row:
            why = self._spent.rejection
            self._stop(JudgeRefusal(f"each of the first {many} clips was refused, so no clip is to blame: {why}"))

    def _end(self, reason: str) -> None:
        """Ask nothing more, for the first reason that there was."""
        self._halt = self._spent.halted = self._halt or reason

    def _pause_s(self, row: int) -> float:
        return min(self._pace.most_s, self._pace.base_s * 2.0 ** min(max(row, 1) - 1, 30)) * self._jitter.uniform(
            0.5, 1.5
        )

    def _give_up_delayed(self, item: _Open, reason: str) -> None:
        mine = [entry for entry in self._delayed if entry[2].open is item]
        if mine:
            self._delayed = [entry for entry in self._delayed if entry[2].open is not item]
            heapq.heapify(self._delayed)
            for _, _, task in mine:
                item.delayed -= 1
                item.give_up(task, reason)

    def _see(self, versions: set[str]) -> bool:
        """Take note of versions of the model; whether they are those that answered so far."""
        both = self._versions | versions
        if len(both) <= 1 or self._terms.allow_drift:
            self._versions = both
            return True
        before = ", ".join(repr(name) for name in sorted(self._versions - versions or self._versions))
        after = ", ".join(repr(name) for name in sorted(versions or self._versions))
        self._stop(
            JudgeRefusal(
                f"replies came from {before}, and now from {after}: the model behind {self._judge.facts.model!r} "
                "changed, and answers of two models do not mix; examine it (avgen-bench judge passport SPEC) and score "
                "into another --out, or give --allow-drift"
            )
        )
        return False

    def _stop(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            self._end(f"the run stopped: {error}")

    def _abandon(self) -> None:
        """Wait no longer for calls that are under way."""
        for item in self._open:
            item.abandon(self._halt)

    # ------------------------------------------------------------------ views

    def _take_views(self, item: _Open, outcome: ClipViews | BaseException) -> None:
        if isinstance(outcome, ClipViews):
            item.views = outcome
            return
        if not isinstance(outcome, Exception):
            self._stop(outcome)
            return
        code = outcome.code if isinstance(outcome, MediaError) else f"views: {type(outcome).__name__}"
        item.failure = f"{code}: {outcome}"
        item.drop(item.failure)

    # ------------------------------------------------------------------ other threads

    def _call_thread(self) -> None:
        while (task := self._calls.get()) is not None:
            calls: list[Call] = []
            try:
                reply = self._ask(task, calls)
            except BaseException as error:  # handed to the caller's thread, which raises what it does not know
                self._events.put(("error", task, error, calls))
            else:
                self._events.put(("reply", task, reply, calls))
            del task

    def _ask(self, task: _Task, calls: list[Call]) -> JudgeReply:
        """The reply; the calls that it took are added as they are made, so that they count even if none comes."""
        views = task.open.views
        assert views is not None
        counted = getattr(self._judge, "ask_counted", None)
        if counted is not None:  # a panel: a question is several calls, each with its price
            reply: JudgeReply = counted(task.ask, views, task.repeat, calls.append, self._terms.allow_drift)
            return reply
        facts = self._judge.facts
        prices = (facts.usd_per_million_in, facts.usd_per_million_out)
        try:
            reply = self._judge.ask(task.ask, views, task.repeat)
        except JudgeBroken as error:
            if error.sent:
                calls.append(Call(0, 0, *prices))
            raise
        calls.append(Call(reply.tokens_in, reply.tokens_out, *prices))
        return reply

    def _view_thread(self) -> None:
        while (item := self._clips.get()) is not None:
            try:
                made = self._make_views(item.case.file, self._judge.facts.view)
            except BaseException as error:  # handed to the caller's thread: the clip fails, the others go on
                self._events.put(("views", item, error, ()))
            else:
                self._events.put(("views", item, made, ()))
            del item
