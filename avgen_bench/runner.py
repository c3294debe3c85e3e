"""Plans a run, shares clips among processes, and remembers what a run folder is about.

One clip through the house: pair (:mod:`avgen_bench.prompts`) → plan (union of needs) → observe and measure
(:mod:`avgen_bench.work`, in worker processes) → report. Whatever was measured stays in the store, so a second run
measures nothing and a killed one loses at most the clips in work.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import avgen_bench
from avgen_bench import ladders, media, registry, report
from avgen_bench.errors import InputError, MediaError, StoreError
from avgen_bench.prompts import clips_root, find_clips, load_prompts
from avgen_bench.store import Shard, Store, write_text, writing
from avgen_bench.types import (
    Clip,
    Lacking,
    Measurement,
    MediaFacts,
    MediaLimits,
    Payload,
    Prompt,
    Thumbnails,
    View,
    canonical_json,
)
from avgen_bench.work import DECODER, Job, applies, dimension_of, failed, fingerprint, key_of, missing, needs_of, work
from avgen_bench.workers import run_jobs

__all__ = ["Plan", "Run", "Tick", "clips_folder", "estimate", "load_run", "plan", "read_report", "score"]

_FOR_PEOPLE = ("thumbnails",)  # observed whenever a clip is decoded, never a reason to decode


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, before anything heavy is imported.

    Attributes:
        clips: every row with its identity; ``unreadable`` holds the reason for those that cannot be opened.
        views: the union of what the backbones want from the one decoding pass.
        missing: prompts that a system left without a clip; they score the floor.
    """

    clips: tuple[Clip, ...]
    root: Path
    files: Mapping[str, Path]
    unreadable: Mapping[str, str]
    prompts: Mapping[str, Prompt]
    missing: tuple[Clip, ...]
    dimensions: tuple[str, ...]
    backbones: tuple[str, ...]
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """News of a run: ``done`` of ``total`` clips; ``clip`` has just ended with ``failed`` failed numbers."""

    done: int
    total: int
    clip: str = ""
    failed: int = 0


# --------------------------------------------------------------------------- plan


def _needs(dimensions: Iterable[str], prompts: Iterable[Prompt | None]) -> tuple[str, ...]:
    """The backbones that some dimension needs for some of the prompts."""
    asked = dict.fromkeys(prompts)
    return tuple(dict.fromkeys(need for name in dimensions for prompt in asked for need in needs_of(name, prompt)))


def _default_dimensions(prompts: Iterable[Prompt]) -> tuple[str, ...]:
    """Every dimension that is asked anything: those that need a prompt only where some prompt asks."""
    asked = tuple(prompts)
    return tuple(
        name
        for name in registry.names("dimensions")
        if not dimension_of(name).facts.needs_prompt or any(applies(name, prompt) for prompt in asked)
    )


def plan(
    clips: str | os.PathLike[str],
    *,
    prompts: str | os.PathLike[str] | None = None,
    dimensions: Sequence[str] | None = None,
    system: str = "",
    limits: MediaLimits | None = None,
) -> Plan:
    """What a run would do; reads every clip once for its digest, decodes nothing.

    Raises:
        ManifestError: the clips or prompts cannot be used.
        UnknownNameError: a dimension that is not registered.
    """
    limits = limits or MediaLimits()
    known = load_prompts(prompts) if prompts is not None else {}
    chosen = tuple(dict.fromkeys(dimensions)) if dimensions else _default_dimensions(known.values())
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
    views = dict.fromkeys(view for name in backbones for view in registry.load("backbones", name).facts.views)
    answered = {(clip.system, clip.prompt_id) for clip in listed}
    missing = tuple(
        Clip("", "", prompt.id, name, 0, prompt.category)
        for name in sorted({clip.system for clip in listed})
        for prompt in known.values()
        if (name, prompt.id) not in answered
    )
    return Plan(tuple(listed), clips_root(clips), files, unreadable, known, missing, chosen, backbones, tuple(views))


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
        left = [clip for clip in made.clips if _todo(store, clip, made, retry_failed)]
    finally:
        store.close()
    seconds = 0.0
    for clip in left:
        if clip.key not in made.unreadable:
            frames, pixels = media.extent(made.files[clip.key])
            seconds += frames * (_ESTIMATE_S_PER_FRAME + _ESTIMATE_S_PER_MEGAPIXEL_FRAME * pixels / 1e6)
            needs = _needs(made.dimensions, [made.prompts.get(clip.prompt_id)])
            seconds += frames / 24 * sum(_ESTIMATE_S_PER_S.get(name, 0.0) for name in needs)
    return len(left), seconds / max(1, min(workers or os.cpu_count() or 1, len(left) or 1))


# --------------------------------------------------------------------------- score


def _todo(store: Store, clip: Clip, made: Plan, retry_failed: bool, retry_limits: bool = False) -> list[str]:
    """The dimensions of a clip that still have to be measured.

    Failures are kept until asked for; those at a limit also until the limits change.
    """
    todo = []
    for name in made.dimensions:
        key = key_of(clip, made.prompts.get(clip.prompt_id), name)
        if not store.has_measurement(key):
            todo.append(name)
        elif retry_failed or retry_limits:
            stored = store.measurement(key)
            if (
                stored is not None
                and stored.status == "failed"
                and (retry_failed or stored.reason.startswith("limit:"))
            ):
                todo.append(name)
    return todo


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
    on_tick: Callable[[Tick], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Score clips into a run folder and return the report; what the folder already holds is not measured again.

    Args:
        clips: a folder (``<prompt_id>.mp4`` or ``<category>/<title>.mp4``), a manifest, or one clip.
        out: the run folder; made when missing.
        prompts: optional prompt file; a prompt without a clip then scores the floor.
        dimensions: names, all registered ones by default.
        system: name of the generator, by default that of the folder.
        workers: processes; by default one per core, at most one per clip. 0 measures in this process: no start-up
            cost, but a decoder that crashes takes the caller with it.
        limits: what one clip may ask of the machine.
        retry_failed: measure again what failed before.
        on_tick: told after every clip.
        on_note: told what the folder's earlier report covered and the new one will not.

    Raises:
        InputError: clips, prompts or dimensions cannot be used; nothing was measured.
        StoreError: the run folder cannot be written; what was measured before stays.
    """
    if workers is not None and workers < 0:
        raise InputError(f"workers is {workers}; expected 0 (measure in this process), 1 or more")
    made = plan(clips, prompts=prompts, dimensions=dimensions, system=system, limits=limits)
    folder = Path(out)
    with writing(folder) as lock:
        limits = limits or MediaLimits()
        before = _run_json(folder)
        if on_note is not None:
            for note in _left_out(before, made):
                on_note(note)
        store = Store(folder)
        known = asdict(limits) if before is None else before.get("limits")
        changed = known != asdict(limits)
        # the new limits are remembered once all failures at the old ones have been tried again
        _remember(made, folder, known)
        try:
            _run(made, store, folder, lock, workers, limits, retry_failed, on_tick, changed)
        finally:
            store.close()
        if changed:
            _remember(made, folder, asdict(limits))
    return read_report(folder)


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
    retry_failed: bool,
    on_tick: Callable[[Tick], None] | None,
    retry_limits: bool = False,
) -> None:
    shard = Shard(folder)
    total, done = len(made.clips), 0

    def tell(clip: str, failed: int) -> None:
        nonlocal done
        done += 1
        if on_tick is not None:
            on_tick(Tick(done, total, clip, failed))

    twins: list[Clip] = []

    def jobs(clips: Iterable[Clip]) -> Iterator[Job]:
        """Clips that need a decoding pass; the rest is settled on the way."""
        decoded: set[str] = set()
        for clip in clips:
            todo = _todo(store, clip, made, retry_failed, retry_limits)
            if not todo:
                tell(clip.path, 0)
                continue
            if clip.key in made.unreadable:
                shard.add_measurements(failed(clip, made.prompts.get(clip.prompt_id), todo, made.unreadable[clip.key]))
                tell(clip.path, len(todo))
                continue
            job = _job(clip, made, store, todo, limits)
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
        shard.add_measurements(failed(job.clip, job.prompt, job.dimensions, reason))
        tell(job.clip.path, len(job.dimensions))

    if on_tick is not None:
        on_tick(Tick(0, total))
    try:
        for clip in made.missing:
            todo = _todo(store, clip, made, retry_failed)
            if todo:
                shard.add_measurements([missing(clip, made.prompts[clip.prompt_id], name) for name in todo])
        count = min(os.cpu_count() or 1 if workers is None else workers, max(1, total))
        waiting: Sequence[Clip] = _longest_first(made)
        while waiting:
            if count == 0:
                for job in jobs(waiting):
                    measured = work(job, shard)
                    tell(job.clip.path, sum(m.status == "failed" for m in measured))
            else:
                run_jobs(jobs(waiting), folder, count, lock, on_crash, lambda job, failed: tell(job.clip.path, failed))
            store.refresh()
            waiting, twins = twins, []
    finally:
        shard.close()


def _job(clip: Clip, made: Plan, store: Store, todo: Sequence[str], limits: MediaLimits) -> Job:
    known: dict[str, Any] = {}
    lacking = []
    for name in (DECODER, *_needs(todo, [made.prompts.get(clip.prompt_id)])):
        stored = store.observation_json(fingerprint(name, clip.clip_id))
        if stored is not None:
            known[name] = stored
        elif name != DECODER:
            lacking.append(name)
    if lacking or DECODER not in known:
        for name in _FOR_PEOPLE:
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
    )


# --------------------------------------------------------------------------- the finished run


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder holds.

    ``root`` is the folder that clip paths are relative to; ``media`` and ``thumbnails`` are by clip id. ``prompts``, by
    id, are those that state constraints or stand on a ladder, with id, text, constraints and rung alone; ``readings``,
    by clip key, are what was measured of the dial of a ladder, None where there is nothing to read.
    """

    clips: tuple[Clip, ...]
    root: Path
    dimensions: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    media: Mapping[str, MediaFacts]
    thumbnails: Mapping[str, Thumbnails]
    prompts: Mapping[str, Prompt]
    readings: Mapping[str, float | None]


def _run_json(folder: Path) -> dict[str, Any] | None:
    """What ``run.json`` holds, or None where there is none that can be read."""
    try:
        value = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _left_out(before: Mapping[str, Any] | None, made: Plan) -> list[str]:
    """What the report of an earlier run covered and the new one will not; its numbers stay in the store."""
    if before is None:
        return []
    notes = []
    try:
        dimensions = [name for name in before["dimensions"] if name not in made.dimensions]
        old = {Clip(**row["clip"]).key for row in before["clips"]}
    except (KeyError, TypeError):
        return []
    gone = len(old - {clip.key for clip in (*made.clips, *made.missing)})
    kept = "; their numbers stay in the run folder"
    if dimensions:
        notes.append(f"the report will no longer show {', '.join(map(str, dimensions))}, as the last one did{kept}")
    if gone:
        notes.append(f"the report will no longer show {gone} clips that the last one showed{kept}")
    return notes


def _remember(made: Plan, folder: Path, limits: Any) -> None:
    """Write ``run.json``: which clips and numbers this folder is about. Paths are relative to the folder."""
    rows = []
    for clip in (*made.clips, *made.missing):
        prompt = made.prompts.get(clip.prompt_id)
        rows.append(
            {
                "clip": asdict(clip),
                "measurements": {name: key_of(clip, prompt, name) for name in made.dimensions},
                "observations": {
                    name: fingerprint(name, clip.clip_id) for name in (DECODER, *_FOR_PEOPLE, *ladders.needs_of(prompt))
                },
            }
        )
    rows.sort(key=lambda row: canonical_json(row["clip"]))
    value = {
        "avgen_bench": avgen_bench.__version__,
        "clips": rows,
        "clips_root": _relative(made.root, folder),
        "dimensions": list(made.dimensions),
        "limits": limits,
        # the report quotes these; scores have them in their keys
        "prompts": {
            name: {
                "id": name,
                "text": prompt.text,
                "constraints": [item.to_json() for item in prompt.constraints],
                **({"ladder": asdict(prompt.ladder)} if prompt.ladder else {}),
            }
            for name, prompt in made.prompts.items()
            if prompt.constraints or prompt.ladder
        },
    }
    write_text(canonical_json(value) + "\n", folder / "run.json")


def _relative(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive
        return file.resolve().as_posix()


def load_run(out: str | os.PathLike[str]) -> Run:
    """Everything that a finished run holds.

    Raises:
        StoreError: no run there, or one that was interrupted.
    """
    folder = Path(out)
    if not (folder / "run.json").is_file():
        raise StoreError(f"{folder.name!r} holds no run.json; expected the --out folder of avgen-bench score")
    try:
        value = _run_json(folder) or {}
        rows = [
            (Clip(**row["clip"]), tuple(map(str, row["measurements"].values())), dict(row["observations"]))
            for row in value["clips"]
        ]
        root, dimensions = folder / str(value["clips_root"]), tuple(map(str, value["dimensions"]))
        prompts = {str(name): Prompt.from_json(row) for name, row in value.get("prompts", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"cannot read run.json in {folder.name!r}: {error!r}; run avgen-bench score again") from None
    store = Store(folder)
    try:
        measured, lost = [], 0
        facts: dict[str, MediaFacts] = {}
        thumbnails: dict[str, Thumbnails] = {}
        readings: dict[str, float | None] = {}
        for clip, keys, fingerprints in rows:
            for key in keys:
                stored = store.measurement(key)
                lost += stored is None
                if stored is not None:
                    measured.append(stored)
            payloads: dict[str, Payload | Lacking] = {}
            for name, address in fingerprints.items():
                seen = store.observation(str(address))
                if seen is None:
                    continue
                payloads[str(name)] = seen.payload
                if isinstance(seen.payload, MediaFacts):
                    facts[clip.clip_id] = seen.payload
                elif isinstance(seen.payload, Thumbnails):
                    thumbnails[clip.clip_id] = seen.payload
            prompt = prompts.get(clip.prompt_id)
            if prompt is not None and prompt.ladder is not None:
                media_facts = facts.get(clip.clip_id)
                read = None if media_facts is None else ladders.reading(prompt, media_facts, payloads)
                readings[clip.key] = read
    finally:
        store.close()
    if lost:
        raise StoreError(
            f"{lost} of {lost + len(measured)} numbers of this run are not in its store (interrupted, or damaged "
            "shards); run avgen-bench score again with the same --out: only these are measured"
        )
    clips = tuple(clip for clip, _, _ in rows)
    return Run(clips, root, dimensions, tuple(measured), facts, thumbnails, prompts, readings)


def clips_folder(out: str | os.PathLike[str]) -> Path:
    """The folder that the clip paths of a run are relative to; reads no numbers."""
    return Path(out) / str((_run_json(Path(out)) or {}).get("clips_root", "."))


def read_report(out: str | os.PathLike[str]) -> dict[str, Any]:
    """The report of a run folder, computed from its measurements.

    Raises:
        StoreError: no run there, or one that was interrupted.
    """
    run = load_run(out)
    return report.build(
        run.measurements,
        run.clips,
        [dimension_of(name).facts for name in run.dimensions],
        thumbnails=run.thumbnails,
        media=run.media,
        prompts=run.prompts,
        readings=run.readings,
    )
