"""Examines a judge: renders canary clips, asks what is known, and writes down how often the judge was right.

The questions go out in the very words that scoring uses, in an order shuffled by a seed, each reply is kept verbatim in
the examination's folder, and an examination that was broken off goes on where it was. Some questions are asked twice
(self-consistency) and some with the menu the other way round. Intervals of rates are Wilson's (1927); those of balanced
accuracies and differences join two of them by the square-and-add rule (Newcombe 1998). All at 95 %.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import itertools
import math
import os
import random
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from avgen_bench.asking import most_lost
from avgen_bench.errors import JudgeBroken, JudgeBusy, JudgeError
from avgen_bench.factory import canaries, render
from avgen_bench.judges.replay import line_of, write_replies
from avgen_bench.passport import RATES, Passport, Rate, passport_path
from avgen_bench.questions import Atom, ask_of, quoted, read
from avgen_bench.statistics import wilson
from avgen_bench.store import Shard, Store, write_text, writing
from avgen_bench.terms import Estimate, estimate_calls, refuse_view, reply_header, tokens_given
from avgen_bench.types import Ask, ClipViews, Header, Judge, JudgeFacts, JudgeReply, JudgeView, Observation

__all__ = ["Asked", "answer_of", "canary_digest", "cost", "examine", "questions", "rates_of", "render_canaries"]

DUPLICATES = 24
SWAPPED = 24
_TRIES = 5
_MOST_WAIT_S = 60.0
_MOST_UNASKED = 0.1
_OPEN_S = 24 * 3600.0  # a broken-off examination goes on within a day: later, another model may answer


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of an examination.

    Attributes:
        canary: name of the clip.
        item: what it is taken from; ``is_twin``: whether it is the item's twin.
        ask: what is sent.
        repeat: 1 for a question that is asked again, else 0.
        is_swapped: whether the menu is offered the other way round.
    """

    canary: str
    item: canaries.Item
    is_twin: bool
    ask: Ask
    repeat: int = 0
    is_swapped: bool = False

    @property
    def right(self) -> str:
        """The right answer."""
        return self.item.answer(self.is_twin)

    @property
    def is_plain(self) -> bool:
        """Whether it is asked for the first time, in the usual words, and nothing tells the judge what to say."""
        return not (self.repeat or self.is_swapped or self.item.command)


def _swapped(ask: Ask) -> Ask:
    """The same question with its menu the other way round."""
    first, last = (f'{{"answer": "{word}"}}' for word in ask.menu)
    if f"{first} or {last}" not in ask.text:
        raise ValueError(f"the menu {ask.menu} is not offered in {ask.text!r}")
    text = ask.text.replace(f"{first} or {last}", f"{last} or {first}")
    return dataclasses.replace(ask, text=text, menu=ask.menu[::-1])


def _ask(canary: canaries.Canary, number: int, item: canaries.Item, is_twin: bool) -> Asked:
    words = quoted("Words found beside the clip", item.quote) + " " if item.quote else ""
    key = f"{canary.name}.{number}"
    atom = Atom(key, "canary", item.property, item.modality, words + item.text, words + item.twin)
    return Asked(canary.name, item, is_twin, ask_of(atom, is_twin))


def _some(of: Sequence[Asked], count: int, seed: int) -> list[Asked]:
    """As many questions right with yes as with no, spread over what is given."""
    found = []
    for right in ("yes", "no"):
        those = [one for one in of if one.right == right]
        found += random.Random(f"{seed} {right}").sample(those, min(len(those), count // 2))
    return found


def questions(view: JudgeView | None = None, seed: int = 0) -> tuple[Asked, ...]:
    """All that is asked in an examination, in the order in which it is asked.

    Of what stands beside a command only the questions are asked whose right answer the command denies. A judge whose
    view has no sound is not asked about sounds.
    """
    made = []
    for canary in canaries.canaries():
        for number, item in enumerate(canary.asks):
            pair = [_ask(canary, number, item, is_twin) for is_twin in (False, True)]
            made += [one for one in pair if one.right != item.command]
    if view is not None and view.rate_hz is None:
        made = [one for one in made if one.ask.modality == "picture"]
    plain = [one for one in made if one.is_plain and one.item.property != canaries.STAGE]
    made += [dataclasses.replace(one, repeat=1) for one in _some(plain, DUPLICATES, 1)]
    made += [dataclasses.replace(one, ask=_swapped(one.ask), is_swapped=True) for one in _some(plain, SWAPPED, 2)]
    random.Random(seed).shuffle(made)
    return tuple(made)


def cost(facts: JudgeFacts) -> Estimate:
    """What an examination takes, before it starts."""
    asked = questions(facts.view)
    view = dataclasses.replace(facts.view, short_side_px=min(facts.view.short_side_px, canaries.HEIGHT))
    tokens_in = sum(
        tokens_given(
            one.ask, view, canaries.DURATION_S, one.ask.modality != "sound", sound=one.ask.modality != "picture"
        )
        for one in asked
    )
    return estimate_calls(len({one.canary for one in asked}), len(asked), tokens_in, facts)


# --------------------------------------------------------------------------- clips


def render_canaries(
    folder: Path, only: Iterable[canaries.Canary] | None = None, is_named: bool = False
) -> Iterator[tuple[str, Path]]:
    """The name and the file of each canary, rendered into ``folder`` unless the very scene is there already.

    Files are called by the digest of their scene: a name would tell a judge that is sent the file what is right. With
    ``is_named`` they are called by name as well, for people.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for canary in canaries.canaries() if only is None else only:
        scene = canary.scene
        stem = f"{canary.name}-" if is_named else ""
        path = folder / f"{stem}{canaries.scene_digest(scene)}.mp4"
        if not path.is_file():
            render.render(scene, path, crf=16, sound_kbps=64)
        yield canary.name, path


def canary_digest() -> str:
    """The digest of the canary set of this version, as a passport holds it."""
    return canaries.set_digest()


def _rendered(folder: Path, view: JudgeView) -> Callable[[str], ClipViews]:
    from avgen_bench.judges.views import clip_views

    scenes = {canary.name: canary for canary in canaries.canaries()}

    def views(name: str) -> ClipViews:
        ((_, path),) = render_canaries(folder / "clips", [scenes[name]])
        return clip_views(path, view)

    return views


# --------------------------------------------------------------------------- asking


def answer_of(ask: Ask, reply: JudgeReply) -> str | None:
    """The word of the menu that a reply gives, or None; where it can be read, probabilities speak before words."""
    word = None if reply.refused else read(reply.raw, ask.menu)
    if word is None or reply.p_yes is None:
        return word
    return None if reply.p_yes == 0.5 else ask.menu[reply.p_yes < 0.5]


def _one_reply(
    judge: Judge, one: Asked, views: ClipViews, stop: threading.Event, sleep: Callable[[float], object]
) -> JudgeReply | JudgeBusy | JudgeBroken:
    """A reply, or the fault for which none was got after some tries."""
    for attempt in itertools.count(1):
        try:
            return judge.ask(one.ask, views, one.repeat)
        except (JudgeBusy, JudgeBroken) as error:
            if attempt == _TRIES or stop.is_set():
                return error
            after_s = error.after_s if isinstance(error, JudgeBusy) else None
            sleep(min(_MOST_WAIT_S, 0.5 * 2.0**attempt if after_s is None else max(0.0, after_s)))
    raise AssertionError("unreachable")


def _open_folder(folder: Path) -> Path:
    """The folder of the examination that is under way; one that was left for long is put aside."""
    with contextlib.suppress(OSError):
        if time.time() - (folder / "began").stat().st_mtime > _OPEN_S:
            os.replace(folder, folder.with_name(f"{folder.name}.left-{secrets.token_hex(4)}"))
    if not (folder / "began").exists():
        write_text("", folder / "began")
    return folder


def _ask_all(
    judge: Judge,
    asked: Sequence[Asked],
    views_of: Callable[[str], ClipViews],
    folder: Path,
    concurrency: int,
    sleep: Callable[[float], object] | None,
    on_tick: Callable[[int, int], None],
) -> tuple[dict[Asked, JudgeReply], dict[Asked, str], dict[str, str]]:
    """Replies, reasons for which there are none, and the sha256 of each clip.

    Raises:
        JudgeRefusal: asking on cannot help; what was said until then is kept.
        JudgeBroken: the first questions all broke, and none was answered.
    """
    replies: dict[Asked, JudgeReply] = {}
    unasked: dict[Asked, str] = {}
    clips: dict[str, str] = {}
    cache: dict[str, ClipViews] = {}
    stop = threading.Event()
    stored, shard = Store(folder), Shard(folder)
    running: dict[Future[JudgeReply | JudgeBusy | JudgeBroken], tuple[Asked, Header]] = {}
    tally = Counter[str]()

    def collect(ready: Iterable[Future[JudgeReply | JudgeBusy | JudgeBroken]]) -> None:
        for future in ready:
            one, header = running.pop(future)
            said = future.result()
            if isinstance(said, JudgeReply):
                tally["answered"] += 1
                replies[one] = said
                shard.add_observation(Observation(header, said))
            else:
                tally["broken" if isinstance(said, JudgeBroken) else "busy"] += 1
                unasked[one] = str(said)
            on_tick(len(replies), len(asked))
            if tally["broken"] >= most_lost(concurrency) and len(tally) == 1:
                raise JudgeBroken(
                    f"the judge cannot be reached: the first {tally['broken']} questions all broke, {_TRIES} tries "
                    f"each, and nothing was answered: {said}; see that its server runs, and give the command again"
                )

    pool = ThreadPoolExecutor(max(1, concurrency), thread_name_prefix="examine")
    try:
        for one in asked:
            if one.canary not in cache:
                cache[one.canary] = views_of(one.canary)
                clips[one.canary] = cache[one.canary].clip_id
            views = cache[one.canary]
            header = reply_header(one.ask, judge.facts, one.repeat, views.clip_id)
            known = stored.observation(header.fingerprint)
            if known is not None and isinstance(known.payload, JudgeReply):
                replies[one] = known.payload
                on_tick(len(replies), len(asked))
                continue
            running[pool.submit(_one_reply, judge, one, views, stop, sleep or stop.wait)] = (one, header)
            if len(running) >= concurrency:
                collect(wait(running, return_when=FIRST_COMPLETED).done)
        while running:
            collect(wait(running, return_when=FIRST_COMPLETED).done)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        for future in list(running):  # what was under way when another question stopped it all
            with contextlib.suppress(JudgeError):
                if future.done() and not future.cancelled():
                    collect([future])
        shard.close()
        stored.close()
    return replies, unasked, clips


# --------------------------------------------------------------------------- rates


_NOTHING = Rate(None, 0, 0, 0.0, 1.0)


def _rate(flags: Iterable[bool]) -> Rate:
    those = list(flags)
    if not those:
        return _NOTHING
    hits = sum(those)
    rate = hits / len(those)
    low, high = wilson(hits, len(those))
    return Rate(rate, hits, len(those), min(low, rate), max(high, rate))


def _balanced(one: Rate, other: Rate) -> Rate:
    """The mean of two independent rates."""
    if one.value is None or other.value is None:
        return _NOTHING
    value = (one.value + other.value) / 2
    down = math.hypot(one.value - one.low, other.value - other.low) / 2
    up = math.hypot(one.high - one.value, other.high - other.value) / 2
    return Rate(value, one.hits + other.hits, one.of + other.of, value - down, value + up)


def _difference(before: Rate, after: Rate, lost: int) -> Rate:
    """How much lower the second rate is."""
    if before.value is None or after.value is None:
        return dataclasses.replace(_NOTHING, low=-1.0)
    value = before.value - after.value
    down = math.hypot(before.value - before.low, after.high - after.value)
    up = math.hypot(before.high - before.value, after.value - after.low)
    return Rate(value, lost, before.of, max(-1.0, value - down), min(1.0, value + up))


def rates_of(answers: Mapping[Asked, str | None]) -> dict[str, Rate]:
    """The rates of a passport, from the answer to each question; None for a reply that is no answer.

    What is no answer stands outside every rate but ``unreadable``. Sensitivity and specificity are over what was asked
    plainly: commands, repeats and swapped menus are not what a clip asks of a judge.
    """
    told = {one: answer for one, answer in answers.items() if answer is not None}
    plain = {one: answer for one, answer in told.items() if one.is_plain}

    def right(those: Iterable[Asked]) -> Rate:
        return _rate(told[one] == one.right for one in those)

    def of(property_: str, right_answer: str = "") -> list[Asked]:
        return [one for one in plain if one.item.property == property_ and right_answer in ("", one.right)]

    found = {name: _balanced(right(of(name, "yes")), right(of(name, "no"))) for name in ("hears", "sees")}
    for name in ("orders", "counts", "words"):
        found[name] = right(of(name))
    stage = {(one.item.modality, one.item.text, one.is_twin): one for one in plain if one.canary == canaries.STAGE}
    for channel in canaries.CHANNELS:
        told_to = [one for one in told if one.item.channel == channel]
        found[f"resists_{channel}"] = right(told_to)
        pairs = [(stage.get((one.item.modality, one.item.text, one.is_twin)), one) for one in told_to]
        both = [(before, after) for before, after in pairs if before is not None]
        lost = sum(told[before] == before.right and told[after] != after.right for before, after in both)
        found[f"delta_{channel}"] = _difference(
            right(before for before, _ in both), right(after for _, after in both), lost
        )
    found["yes_bias"] = _rate(plain[one] == "yes" for one in plain if one.is_twin and one.right == "no")
    usual = {(one.canary, one.ask.key): answer for one, answer in plain.items()}

    def again(those: Iterable[Asked]) -> list[tuple[str, str]]:
        return [(usual[place], told[one]) for one in those if (place := (one.canary, one.ask.key)) in usual]

    found["consistency"] = _rate(one == other for one, other in again(one for one in told if one.repeat))
    menus = again(one for one in told if one.is_swapped)
    found["menu_order"] = _rate(one == other for one, other in menus)
    found["first_place"] = _rate(one == "yes" for one, other in menus if one != other)
    found["sensitivity"] = right(one for one in plain if one.right == "yes")
    found["specificity"] = right(one for one in plain if one.right == "no")
    found["unreadable"] = _rate(answer is None for answer in answers.values())
    return {name: found[name] for name in RATES}


def examine(
    judge: Judge,
    folder: Path,
    on_tick: Callable[[int, int], None] | None = None,
    *,
    views_of: Callable[[str], ClipViews] | None = None,
    concurrency: int = 8,
    seed: int = 0,
    today: datetime.date | None = None,
    sleep: Callable[[float], object] | None = None,
) -> Passport:
    """The passport of a judge, made anew; it is not stored.

    Args:
        judge: who is examined.
        folder: where clips are rendered, and replies kept verbatim, in a file named by date and digest that the judge
            ``replay`` can read.
        on_tick: told how many questions are answered, and of how many.
        views_of: from a canary's name to what the judge is given (default: the clip is rendered and decoded).
        concurrency: questions under way at once.
        seed: of the order of questions.
        today: the day that is written down (default: today, UTC).
        sleep: how to wait for a judge that is busy.

    Raises:
        InputError: the judge is given too few pictures to be sure of what lasts a second.
        JudgeRefusal: asking cannot help (a wrong key, an unknown model); what was said is kept.
        JudgeBroken: more than a tenth of the questions got no reply, or the first all broke and none was answered; what
            was said is kept, and asked no more.
        FactoryError: a clip cannot be rendered.
    """
    facts = judge.facts
    refuse_view(facts.view)
    asked = questions(facts.view, seed)
    name = passport_path(facts.identity).stem
    with writing(folder):
        under_way = _open_folder(folder / "replies" / f"open-{name}")
        replies, unasked, clips = _ask_all(
            judge,
            asked,
            views_of or _rendered(folder, facts.view),
            under_way,
            concurrency,
            sleep,
            on_tick or (lambda done, of: None),
        )
        if len(unasked) > _MOST_UNASKED * len(asked):
            reason = next(iter(unasked.values()))
            raise JudgeBroken(
                f"{len(unasked)} of {len(asked)} canary questions got no reply: {reason}; what was said is kept; "
                "try again later, and the rest is asked"
            )
        passport = Passport(
            judge=facts.identity,
            name=facts.name,
            model=facts.model,
            versions=tuple(sorted({reply.model for reply in replies.values()} - {""})),
            date=(today or datetime.datetime.now(datetime.UTC).date()).isoformat(),
            canaries=canary_digest(),
            rates=rates_of({one: answer_of(one.ask, reply) for one, reply in replies.items()}),
            clips=dict(sorted(clips.items())),
            asked=len(asked),
            unasked=len(unasked),
            address=facts.address,
        )
        write_replies(
            (line_of(clips[one.canary], one.ask, one.repeat, replies[one]) for one in asked if one in replies),
            folder / "replies" / f"{name}.{passport.date}.{passport.digest}.jsonl",
        )
        shutil.rmtree(under_way, ignore_errors=True)  # all of it stands in the file
    return passport
