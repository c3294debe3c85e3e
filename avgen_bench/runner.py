"""Plans a run and shares clips among processes; :mod:`avgen_bench.run_folder` remembers what it is about.

One clip through the house: pair (:mod:`avgen_bench.prompts`) → plan (union of needs) → observe and measure
(:mod:`avgen_bench.work`, in worker processes) → ask a judge, if there is one (:mod:`avgen_bench.asking`, in this
process) → report. Whatever was measured stays in the store, so a second run
measures nothing and a killed one loses at most the clips in work.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from avgen_bench import asking, ladders, launch, media, registry
from avgen_bench.errors import InputError, MediaError
from avgen_bench.prompts import absent_words, clips_root, find_absent, find_clips, load_prompts
from avgen_bench.questions import atoms_of
from avgen_bench.run_folder import (
    FOR_PEOPLE,
    Plan,
    Run,
    clips_folder,
    left_out,
    load_run,
    notes_of,
    read_report,
    read_run_json,
    remember,
)
from avgen_bench.signatures import refuse_missing_rule
from avgen_bench.store import Shard, Store, writing
from avgen_bench.terms import Estimate, Terms, estimate_questions
from avgen_bench.types import (
    Clip,
    Judge,
    JudgeReply,
    Measurement,
    MediaFacts,
    MediaLimits,
    Observation,
    Prompt,
)
from avgen_bench.voice import Voice, add_spent, engage, judge_row, refuse_drift, spent_words
from avgen_bench.work import (
    ANSWERED_BY,
    DECODER,
    JUDGE,
    UNASKED,
    Job,
    applies,
    dimension_of,
    failed,
    fingerprint,
    judged,
    key_of,
    lacks,
    missing,
    needs_judge,
    needs_of,
    unavailable,
    work,
)
from avgen_bench.workers import run_jobs

__all__ = [
    "Plan",
    "Run",
    "Tick",
    "clips_folder",
    "estimate",
    "estimate_asking",
    "load_run",
    "not_installed",
    "plan",
    "read_report",
    "score",
]


@dataclass(frozen=True, slots=True)
class Tick:
    """News of a run: ``done`` of ``total`` clips; ``clip`` has just ended with ``failed`` failed numbers.

    While a judge is asked, ``unit`` is ``questions``, and ``clip`` the one that they are about.
    """

    done: int
    total: int
    clip: str = ""
    failed: int = 0
    unit: str = "clips"


# --------------------------------------------------------------------------- plan


def _needs(dimensions: Iterable[str], prompts: Iterable[Prompt | None]) -> tuple[str, ...]:
    """The backbones that some dimension needs for some of the prompts."""
    asked = dict.fromkeys(prompts)
    found = dict.fromkeys(need for name in dimensions for prompt in asked for need in needs_of(name, prompt))
    return tuple(need for need in found if need != JUDGE)


def _needs_here(made: Plan, dimensions: Iterable[str], clip: Clip) -> tuple[str, ...]:
    """The backbones that dimensions need for one clip, and those of the plan that its ladder's dial is read from."""
    prompt = made.prompts.get(clip.prompt_id)
    dial = (need for need in ladders.needs_of(prompt) if need in made.backbones)
    return tuple(dict.fromkeys((*_needs(dimensions, [prompt]), *dial)))


def _default_dimensions(prompts: Iterable[Prompt], judge: bool) -> tuple[str, ...]:
    """Every dimension that is asked anything: those that need a prompt only where some prompt asks.

    Those that need a judge are there where some prompt asks more of them than every clip is asked, or where there is a
    judge; those that are only declared never are.
    """
    asked = tuple(prompts)

    def wanted(name: str) -> bool:
        if unavailable(name, JUDGE):
            return False
        some = any(applies(name, prompt) for prompt in asked)
        if not needs_judge(name):
            return some or not dimension_of(name).facts.needs_prompt
        audit = atoms_of(None, name)
        own = any(set(atoms_of(prompt, name)).difference(audit) for prompt in asked)
        return own or (judge and (some or not dimension_of(name).facts.needs_prompt))

    return tuple(name for name in registry.names("dimensions") if wanted(name))


def _set_name(prompts: str | os.PathLike[str]) -> str:
    """What a prompt set is called: a file's name without its folder, or the name of one of this package's."""
    path = Path(prompts)
    return path.name if path.exists() else str(prompts)


def plan(
    clips: str | os.PathLike[str],
    *,
    prompts: str | os.PathLike[str] | None = None,
    dimensions: Sequence[str] | None = None,
    system: str = "",
    limits: MediaLimits | None = None,
    voice: Voice | None = None,
    missing: str = "floor",
) -> Plan:
    """What a run would do; reads every clip once for its digest, decodes nothing, asks no judge.

    Raises:
        ManifestError: the clips or prompts cannot be used.
        UnknownNameError: a dimension that is not registered.
    """
    refuse_missing_rule(missing)
    limits = limits or MediaLimits()
    known = load_prompts(prompts) if prompts is not None else {}
    chosen = tuple(dict.fromkeys(dimensions)) if dimensions else _default_dimensions(known.values(), voice is not None)
    for name in chosen:
        if dimension_of(name).facts.needs_prompt and not known:
            raise InputError(f"the dimension {name!r} needs --prompts")
    rows = find_clips(clips, known, system)
    listed, files, unreadable = [], {}, {}
    for row in rows:
        reason, clip_id = "", ""
        try:
            clip_id = media.digest(row.file, limits)
        except MediaError as error:
            reason = f"{error.code}: {error}"
        clip = Clip(clip_id, row.path, row.prompt_id, row.system, row.take, row.category)
        listed.append(clip)
        files[clip.key] = row.file
        if reason:
            unreadable[clip.key] = reason
    backbones = _needs(chosen, (known.get(clip.prompt_id) for clip in listed))
    if not dimensions or any(dimension_of(name).facts.family == "control" for name in chosen):
        dials = (need for clip in listed for need in ladders.needs_of(known.get(clip.prompt_id)))
        backbones = tuple(dict.fromkeys((*backbones, *dials)))
    views = dict.fromkeys(view for name in backbones for view in registry.load("backbones", name).facts.views)
    said = {(clip.system, clip.prompt_id, clip.take) for clip in listed}
    absent = find_absent(clips, known, system) if known else []
    absent = [row for row in absent if (row.system, row.prompt_id, row.take) not in said]
    answered = {(system, prompt_id) for system, prompt_id, _ in said}
    answered |= {(row.system, row.prompt_id) for row in absent}
    gone = tuple(
        Clip("", "", prompt.id, name, 0, prompt.category)
        for name in sorted({system for system, _ in answered})
        for prompt in known.values()
        if (name, prompt.id) not in answered
    ) + tuple(Clip("", "", row.prompt_id, row.system, row.take, row.category) for row in absent)
    return Plan(
        tuple(listed),
        clips_root(clips),
        files,
        unreadable,
        known,
        gone,
        chosen,
        backbones,
        tuple(views),
        "" if voice is None else voice.signature,
        "" if prompts is None else _set_name(prompts),
        missing,
    )


_ESTIMATE_S_PER_MEGAPIXEL_FRAME = 0.0042
_ESTIMATE_S_PER_FRAME = 0.0010
_ESTIMATE_S_PER_S = {
    "ocr": 0.4,
    "speech": 0.3,
    "faces": 0.15,
    "pitch": 0.08,
    "chords": 0.08,
    "beats": 0.07,
    "voices": 0.02,
}
"""Core seconds, from the benchmark on a 2-core server of 2026: an order of magnitude for --dry-run, nothing else."""


def estimate(
    made: Plan, out: str | os.PathLike[str], workers: int | None = None, retry_failed: bool = False
) -> tuple[int, float]:
    """How many clips are left to measure, and about how many seconds that takes.

    Reads the headers of the clips that are left; an unreadable one counts as nothing.
    """
    store = Store(out)
    try:
        left = [clip for clip in made.clips if _todo(store, clip, made, retry_failed)[0]]
    finally:
        store.close()
    seconds = 0.0
    for clip in left:
        if clip.key not in made.unreadable:
            frames, pixels = media.extent(made.files[clip.key])
            seconds += frames * (_ESTIMATE_S_PER_FRAME + _ESTIMATE_S_PER_MEGAPIXEL_FRAME * pixels / 1e6)
            needs = _needs_here(made, made.dimensions, clip)
            seconds += frames / 24 * sum(_ESTIMATE_S_PER_S.get(name, 0.0) for name in needs)
    return len(left), seconds / max(1, min(workers or os.cpu_count() or 1, len(left) or 1))


_USUAL_FPS = 24.0


def estimate_asking(made: Plan, out: str | os.PathLike[str], voice: Voice) -> tuple[Estimate, Estimate | None]:
    """What asking takes at the most: about the clips that are there, and about the whole prompt set, a clip each.

    The second is None without prompts. Replies that the run folder holds are not counted in the first.
    """
    names = [name for name in made.dimensions if needs_judge(name)]
    facts = voice.judge.facts

    def subjects() -> Iterator[tuple[Prompt | None, float | None, str]]:
        for clip in made.clips:
            if clip.key not in made.unreadable:
                frames, _ = media.extent(made.files[clip.key])
                yield made.prompts.get(clip.prompt_id), frames / _USUAL_FPS or None, clip.clip_id

    store = Store(out)
    try:
        here = estimate_questions(subjects(), names, facts, voice.terms, store.has_observation)
    finally:
        store.close()
    if not made.prompts:
        return here, None
    return here, estimate_questions(((prompt, None, "") for prompt in made.prompts.values()), names, facts, voice.terms)


# --------------------------------------------------------------------------- score


def _todo(
    store: Store, clip: Clip, made: Plan, retry_failed: bool, retry_limits: bool = False
) -> tuple[list[str], int]:
    """The dimensions of a clip that still have to be measured, and how many of its numbers rest on what is lost.

    Failures are kept until asked for; those at a limit also until the limits change. Where a judge left questions
    unasked, it is asked again. What rests on an observation that is not stored any more is measured again.
    """
    todo = []
    lost = 0
    for name in made.dimensions:
        prompt = made.prompts.get(clip.prompt_id)
        stored = _stored(store, key_of(clip, prompt, name, made.judge))
        # a damaged line of a shard may have held what it was made from
        rests_on_lost = stored is not None and not all(map(store.has_observation, stored.observations))
        lost += rests_on_lost
        if (
            stored is None
            or (made.judge and needs_judge(name) and notes_of(stored, UNASKED))
            or rests_on_lost
            or _came_since(stored, clip, needs_of(name, prompt))
            or (stored.status == "failed" and (retry_failed or (retry_limits and stored.reason.startswith("limit:"))))
        ):
            todo.append(name)
    return todo, lost


def _todo_of(
    store: Store, made: Plan, retry_failed: bool = False, retry_limits: bool = False
) -> tuple[dict[str, list[str]], int]:
    """:func:`_todo` of every clip of a plan, by its key, those without a file too."""
    found = {clip.key: _todo(store, clip, made, retry_failed, retry_limits) for clip in (*made.clips, *made.missing)}
    return {key: todo for key, (todo, _) in found.items()}, sum(lost for _, lost in found.values())


def _stored(store: Store, key: str) -> Measurement | None:
    """A stored number, or None where there is none that can be read."""
    try:
        return store.measurement(key)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _lost_words(lost: int) -> str:
    """How many numbers rest on what is lost, in words."""
    numbers, rest = ("number", "rests") if lost == 1 else ("numbers", "rest")
    return f"{lost} {numbers} {rest} on observations that are no longer in the store: observed and measured again"


def _came_since(stored: Measurement, clip: Clip, needs: Iterable[str]) -> bool:
    """Whether a number was measured without an instrument that is installed now."""
    if not clip.clip_id or stored.status == "failed":
        return False
    there = registry.names("backbones")
    optional = [name for name in needs if name in there and registry.load("backbones", name).facts.remedy]
    return any(fingerprint(name, clip.clip_id) not in stored.observations and not lacks(name) for name in optional)


def score(
    clips: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    prompts: str | os.PathLike[str] | None = None,
    dimensions: Sequence[str] | None = None,
    system: str = "",
    workers: int | None = None,
    limits: MediaLimits | None = None,
    retry_failed: bool = False,
    judge: Judge | None = None,
    terms: Terms | None = None,
    missing: str = "floor",
    on_tick: Callable[[Tick], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    alone: bool = False,
) -> dict[str, Any]:
    """Score clips into a run folder and return the report; what the folder already holds is not measured again.

    Where a launcher started several processes, every one must call this, with the same arguments: they share the
    clips, rank 0 alone writes the run folder, and all get the same report (:mod:`avgen_bench.launch`).

    Args:
        clips: a folder (``<prompt_id>.mp4`` or ``<category>/<title>.mp4``), a manifest, or one clip.
        out: the run folder; made when missing.
        prompts: optional prompt file; a prompt without a clip then scores the floor, or does not count.
        dimensions: names, all registered ones by default.
        system: name of the generator, by default that of the folder.
        workers: processes; by default one per core, at most one per clip. 0 measures in this process: no start-up
            cost, but a decoder that crashes takes the caller with it. Under a launcher it is the number for each
            process of it, by default its share of the cores of its node.
        limits: what one clip may ask of the machine.
        retry_failed: measure again what failed before.
        judge: who answers the questions of semantic dimensions (:func:`avgen_bench.judges.specs.judge_of`); the caller
            closes it. Without one they abstain.
        terms: on which it is asked.
        missing: what a prompt without a clip counts as: ``floor``, or ``exclude`` for nothing at all.
        on_tick: told after every clip, and after every question.
        on_note: told what the folder's earlier report covered and the new one will not, and how asking went. Both are
            told on rank 0 only.
        alone: measure here, whatever started this process; for one that calls this while the others do not.

    Raises:
        LaunchError: another process of the launcher is gone, or did not come; what was measured is kept.
        InputError: clips, prompts, dimensions or judge cannot be used; nothing was measured.
        StoreError: the run folder cannot be written; what was measured before stays.
        JudgeRefusal: the judge refuses (a wrong key, an unknown model), or its model changed; all else was measured,
            and what the judge had said is kept.
    """
    if workers is not None and workers < 0:
        raise InputError(f"workers is {workers}; expected 0 (measure in this process), 1 or more")
    with contextlib.nullcontext() if alone else launch.together(judge) as others:
        if isinstance(others, launch.Follower):
            return others.follow(workers)
        made = _score(
            clips,
            out,
            prompts=prompts,
            dimensions=dimensions,
            system=system,
            workers=workers,
            limits=limits,
            retry_failed=retry_failed,
            judge=judge,
            terms=terms,
            missing=missing,
            on_tick=on_tick,
            on_note=on_note,
            others=others,
        )
        if others is not None:
            others.finish(made)
        return made


def _score(
    clips: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    prompts: str | os.PathLike[str] | None,
    dimensions: Sequence[str] | None,
    system: str,
    workers: int | None,
    limits: MediaLimits | None,
    retry_failed: bool,
    judge: Judge | None,
    terms: Terms | None,
    missing: str,
    on_tick: Callable[[Tick], None] | None,
    on_note: Callable[[str], None] | None,
    others: launch.Leader | None,
) -> dict[str, Any]:
    """See :func:`score`; ``others`` are the processes that help."""
    voice = None if judge is None else engage(judge, terms)
    asked: dict[str, Any] = {"prompts": prompts, "dimensions": dimensions, "system": system, "limits": limits}
    made = plan(clips, voice=voice, missing=missing, **asked)
    tell_note = on_note or (lambda note: None)
    folder = Path(out)
    with writing(folder) as lock:
        limits = limits or MediaLimits()
        before = read_run_json(folder)
        if before is None and (folder / "run.json").exists():
            tell_note("run.json cannot be read and is made anew: what it said of an earlier judge and limits is lost")
        if voice is not None:
            refuse_drift(before, voice)
        absent = [] if prompts is not None else find_absent(clips, {}, system)
        unmade = [absent_words(len(absent))] if absent else []
        for note in (*(() if voice is None else voice.notes), *unmade, *not_installed(made), *left_out(before, made)):
            tell_note(note)
        store = Store(folder)
        known = asdict(limits) if before is None else before.get("limits")
        changed = known != asdict(limits)
        todo, lost = _todo_of(store, made, retry_failed, retry_limits=changed)
        if lost:
            tell_note(_lost_words(lost))
        # the new limits are remembered once all failures at the old ones have been tried again
        row = None if voice is None else judge_row(before, voice)
        remember(made, folder, known, row)
        spent = asking.Spent()
        try:
            _run(made, store, folder, lock, workers, limits, todo, on_tick, voice, spent, others)
        finally:
            store.close()
            if row is not None and voice is not None:
                row = add_spent(row, spent)
                remember(made, folder, known, row)
        if changed:
            remember(made, folder, asdict(limits), row)
    if voice is not None and spent.calls + spent.busy:
        tell_note(spent_words(spent, voice.judge.facts))
    if spent.rejected:
        clips = "one clip is" if spent.rejected == 1 else f"{spent.rejected} clips are"
        tell_note(f"{clips} refused by the judge, and asked about again next time: {spent.rejection}")
    if spent.halted:
        tell_note(f"questions were left unasked: {spent.halted}; the same command goes on where it was")
    return read_report(folder, receipts=True)


def _longest_first(made: Plan) -> list[Clip]:
    """The clips with the largest files first, so that no worker is left with a long one at the end."""

    def size(clip: Clip) -> int:
        try:
            return made.files[clip.key].stat().st_size
        except OSError:
            return 0

    return sorted(made.clips, key=size, reverse=True)


def _run(
    made: Plan,
    store: Store,
    folder: Path,
    lock: int | None,
    workers: int | None,
    limits: MediaLimits,
    todo: Mapping[str, Sequence[str]],
    on_tick: Callable[[Tick], None] | None,
    voice: Voice | None,
    spent: asking.Spent,
    others: launch.Leader | None,
) -> None:
    """Observe, measure and ask what is left to do: ``todo`` names, by clip key, the dimensions."""
    shard = Shard(folder)
    total, done = len(made.clips), 0
    held: contextlib.AbstractContextManager[object] = contextlib.nullcontext() if others is None else others.lock

    def tell(clip: str, failed: int) -> None:
        nonlocal done
        done += 1
        if on_tick is not None:
            on_tick(Tick(done, total, clip, failed))

    extra = contextlib.ExitStack()
    twins: list[Clip] = []
    to_ask: dict[str, list[str]] = {}

    def jobs(clips: Iterable[Clip]) -> Iterator[Job]:
        """Clips that need a decoding pass; the rest is settled on the way."""
        decoded: set[str] = set()
        for clip in clips:
            left = todo[clip.key]
            if not left:
                tell(clip.path, 0)
                continue
            if clip.key in made.unreadable:
                prompt, reason = made.prompts.get(clip.prompt_id), made.unreadable[clip.key]
                shard.add_measurements(failed(clip, prompt, left, reason, made.judge))
                tell(clip.path, len(left))
                continue
            if made.judge:
                to_ask[clip.key] = [name for name in left if needs_judge(name)]
            job = _job(clip, made, store, left, limits)
            if job.backbones or DECODER not in job.known:
                if clip.clip_id in decoded:
                    twins.append(clip)  # the same bytes are in work: measured from what that pass sees
                    continue
                decoded.add(clip.clip_id)
                yield job
            else:
                measured = work(job, shard)
                tell(clip.path, sum(m.status == "failed" for m in measured))

    def on_crash(job: Job, reason: str) -> None:
        with held:
            shard.add_measurements(failed(job.clip, job.prompt, job.dimensions, reason, job.judge))
            to_ask.pop(job.clip.key, None)
            tell(job.clip.path, len(job.dimensions))

    def on_done(job: Job, count: int) -> None:
        with held:
            tell(job.clip.path, count)

    def share(waiting: Iterable[Clip]) -> contextlib.AbstractContextManager[Iterator[Job]]:
        if others is None:
            return contextlib.nullcontext(jobs(waiting))
        return others.round(jobs(waiting), made.backbones, made.dimensions, on_crash, on_done, shard.add_lines)

    if on_tick is not None:
        on_tick(Tick(0, total))
    try:
        for clip in made.missing:
            if todo[clip.key]:
                prompt = made.prompts[clip.prompt_id]
                shard.add_measurements([missing(clip, prompt, name, made.judge) for name in todo[clip.key]])
        count = launch.workers_here(workers, total, shared=others is not None)
        waiting: Sequence[Clip] = _longest_first(made)
        while waiting:
            with share(waiting) as mine:
                if count == 0:
                    own = shard if others is None else extra.enter_context(contextlib.closing(Shard(folder)))
                    for job in mine:
                        on_done(job, sum(m.status == "failed" for m in work(job, own)))
                else:
                    run_jobs(mine, folder, count, lock, on_crash, on_done, None if others is None else others.check)
            store.refresh()
            waiting, twins = twins, []
        if voice is not None:
            if others is not None and getattr(voice.judge, "per_device", False):
                voice = replace(voice, judge=others.voices())
            _ask(made, store, shard, voice, to_ask, spent, on_tick, limits)
    finally:
        extra.close()
        shard.close()


def _ask(
    made: Plan,
    store: Store,
    shard: Shard,
    voice: Voice,
    to_ask: Mapping[str, Sequence[str]],
    spent: asking.Spent,
    on_tick: Callable[[Tick], None] | None,
    limits: MediaLimits,
) -> None:
    """Ask the judge what is not answered yet, and measure each clip as soon as its answers are there.

    ``to_ask`` names, by clip key, the dimensions that need it. A clip that was not decoded has failed already, and so
    has a dimension that also needs a backbone which broke.
    """
    clips = {clip.key: clip for clip in made.clips}
    cases = []
    versions: set[str] = set()
    proven = False
    for clip in made.clips:
        prompt = made.prompts.get(clip.prompt_id)
        for name in made.dimensions:
            if needs_judge(name):
                stored = _stored(store, key_of(clip, prompt, name, made.judge))
                versions.update(part for text in notes_of(stored, ANSWERED_BY) for part in text.split(", "))
                if stored is not None:  # what the judge said stands only in numbers that miss no answer
                    proven = proven or any(item.label.endswith(" said") for item in stored.evidence)
        facts = store.observation(fingerprint(DECODER, clip.clip_id))
        if facts is None or not isinstance(facts.payload, MediaFacts):
            continue
        names = tuple(
            name
            for name in to_ask.get(clip.key, ())
            if all(store.has_observation(fingerprint(need, clip.clip_id)) for need in _needs([name], [prompt]))
        )
        if names:
            file = os.path.abspath(made.files[clip.key])
            cases.append(asking.Case(clip.key, clip.path, clip.clip_id, file, facts.payload, prompt, names))
    if not cases:
        return
    if voice.passport is not None and len(voice.passport.versions) == 1:
        versions.update(voice.passport.versions)
    repeats = voice.terms.repeats_of(voice.judge.facts)
    done, total = 0, sum(2 * len(case.atoms) * repeats for case in cases)

    def tell(more: int, clip: str) -> None:
        nonlocal done
        done += more
        if on_tick is not None:
            on_tick(Tick(done, total, clip, 0, "questions"))

    def cached(address: str) -> JudgeReply | None:
        stored = store.observation(address)
        return stored.payload if stored is not None and isinstance(stored.payload, JudgeReply) else None

    def measure(case: asking.Case, asked: asking.Asked) -> None:
        clip, prompt = clips[case.key], case.prompt
        if asked.failure:
            shard.add_measurements(failed(clip, prompt, case.dimensions, asked.failure, made.judge))
            return
        measured = []
        for name in case.dimensions:
            seen: dict[str, Observation] = {}
            for need in (DECODER, *_needs([name], [prompt])):
                stored = store.observation(fingerprint(need, clip.clip_id))
                assert stored is not None
                seen[need] = stored
            answers, replies, reasons = asked.of(atoms_of(prompt, name))
            measured.append(judged(clip, prompt, name, seen, made.judge, answers, replies, reasons))
        shard.add_measurements(measured)

    from avgen_bench.judges.views import clip_views

    tell(0, "")
    asking.interview(
        cases,
        voice.judge,
        voice.terms,
        views=partial(clip_views, limits=limits),
        cached=cached,
        keep=shard.add_observation,
        on_done=measure,
        on_tick=tell,
        versions=versions,
        spent=spent,
        proven=proven,
    )


def _job(clip: Clip, made: Plan, store: Store, todo: Sequence[str], limits: MediaLimits) -> Job:
    known: dict[str, Any] = {}
    lacking = []
    for name in (DECODER, *_needs_here(made, todo, clip)):
        stored = store.observation_json(fingerprint(name, clip.clip_id))
        if stored is not None:
            known[name] = stored
        elif name != DECODER:
            lacking.append(name)
    if lacking or DECODER not in known:
        for name in FOR_PEOPLE:
            if not store.has_observation(fingerprint(name, clip.clip_id)):
                lacking.append(name)
    return Job(
        clip=clip,
        file=os.path.abspath(made.files[clip.key]),
        prompt=made.prompts.get(clip.prompt_id),
        dimensions=tuple(todo),
        backbones=tuple(lacking),
        known=known,
        limits=limits,
        judge=made.judge,
    )


# --------------------------------------------------------------------------- what is said of it


def not_installed(made: Plan) -> list[str]:
    """The instruments that the plan needs and that are not installed, with what that leaves open, and the command."""
    notes = []
    for name in made.backbones:
        remedy = lacks(name) if name in registry.names("backbones") else ""
        if remedy:
            clips = sum(name in _needs_here(made, made.dimensions, clip) for clip in made.clips)
            open_ = f"what it would check on {clips} clip{'s' * (clips != 1)} stays unverifiable"
            notes.append(f"{name} is not installed: {open_}; {remedy}")
    return notes
