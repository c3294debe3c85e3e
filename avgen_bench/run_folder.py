"""What a run folder is about: what was planned, how it is remembered, and the finished run read back.

Conventions
    ``run.json`` is canonical JSON: which clips and numbers the folder is about, with their addresses in the store, and
    the prompts in full, so that every number can be measured again from what is stored. Paths in it are relative to
    the folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import avgen_bench
from avgen_bench import ladders, report, upstream
from avgen_bench.errors import InputError, StoreError
from avgen_bench.receipts import FILE, Receipt, quote, text_of
from avgen_bench.signatures import MISSING_RULES, prompts_digest, refuse_missing_rule
from avgen_bench.store import Store, write_text
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
from avgen_bench.work import DECODER, UNASKED, dimension_of, fingerprint, key_of

__all__ = [
    "FOR_PEOPLE",
    "Plan",
    "Run",
    "clips_folder",
    "left_out",
    "load_run",
    "notes_of",
    "read_report",
    "read_run_json",
    "remember",
    "report_of",
]

FOR_PEOPLE = ("thumbnails",)
"""Observed whenever a clip is decoded, never a reason to decode."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, before anything heavy is imported.

    Attributes:
        clips: every row with its identity; ``unreadable`` holds the reason for those that cannot be opened.
        views: the union of what the backbones want from the one decoding pass.
        missing: prompts that a system left without a clip; they score the floor.
        judge: the judge and its terms as they stand in signatures; empty where there is none.
        prompt_set: what the prompts are called; empty where there are none.
        rule: what a prompt without a clip counts as, one of :data:`avgen_bench.signatures.MISSING_RULES`.
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
    judge: str = ""
    prompt_set: str = ""
    rule: str = "floor"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder holds.

    ``root`` is the folder that clip paths are relative to; ``media`` and ``thumbnails`` are by clip id. ``prompts`` are
    by id; ``readings``, by clip key, are what was measured of the dial of a ladder, None where there is nothing to
    read. ``judge`` is who answered, on what terms and for how much; None where nobody was asked. ``fields`` are those
    of the run in signatures; ``receipts`` are in the order of ``clips``. ``damage`` says how many numbers rest on
    observations that the store has lost, and what heals it; empty where none does.
    """

    clips: tuple[Clip, ...]
    root: Path
    dimensions: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    media: Mapping[str, MediaFacts]
    thumbnails: Mapping[str, Thumbnails]
    prompts: Mapping[str, Prompt]
    readings: Mapping[str, float | None]
    judge: Mapping[str, Any] | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    receipts: tuple[Receipt, ...] = ()
    damage: str = ""

    def with_rule(self, missing: str | None) -> Run:
        """The run under a rule for prompts without a clip; its own where that is None.

        Raises:
            InputError: there is no such rule.
        """
        if missing is None:
            return self
        refuse_missing_rule(missing)
        return replace(self, fields={**self.fields, "missing": missing})

    @property
    def receipts_text(self) -> str:
        """The text of its ``receipts.jsonl``."""
        return text_of(self.receipts, self.fields, self.fields["prompts.digest"])


def notes_of(measurement: Measurement | None, label: str) -> list[str]:
    """What the notes of that label on a measurement say."""
    if measurement is None:
        return []
    return [item.text for item in measurement.evidence if item.kind == "note" and item.label == label]


def read_run_json(folder: Path) -> dict[str, Any] | None:
    """What ``run.json`` holds, or None where there is none that can be read."""
    try:
        value = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def left_out(before: Mapping[str, Any] | None, made: Plan) -> list[str]:
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
    judge = before.get("judge")
    if isinstance(judge, Mapping) and judge.get("signature") != made.judge:
        notes.append(f"the report will no longer show what {judge.get('model')} answered on those terms{kept}")
    if gone:
        notes.append(f"the report will no longer show {gone} clips that the last one showed{kept}")
    return notes


def remember(made: Plan, folder: Path, limits: Any, judge: Mapping[str, Any] | None) -> None:
    """Write ``run.json``: which clips and numbers this folder is about. Paths are relative to the folder."""
    rows = []
    for clip in (*made.clips, *made.missing):
        prompt = made.prompts.get(clip.prompt_id)
        rows.append(
            {
                "clip": asdict(clip),
                "measurements": {name: key_of(clip, prompt, name, made.judge) for name in made.dimensions},
                "observations": {
                    name: fingerprint(name, clip.clip_id) for name in (DECODER, *FOR_PEOPLE, *ladders.needs_of(prompt))
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
        "missing": made.rule,
        "prompt_set": made.prompt_set,
        # in full, so that every number can be measured again
        "prompts": {name: prompt.to_json() for name, prompt in made.prompts.items()},
    }
    if judge is not None:
        value["judge"] = judge
    write_text(canonical_json(value) + "\n", folder / "run.json")


def _relative(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive
        return file.resolve().as_posix()


def _run_fields(value: Mapping[str, Any], prompts: Mapping[str, Prompt]) -> dict[str, str]:
    """The fields of a run in signatures, from its ``run.json``."""
    usual = asdict(MediaLimits())
    limits = value.get("limits") or {}
    changed = {name: limits[name] for name in sorted(limits) if limits[name] != usual.get(name)}
    rule = str(value.get("missing", "floor"))
    refuse_missing_rule(rule)
    return {
        "avgen-bench": str(value.get("avgen_bench", "")),
        "prompts": str(value.get("prompt_set", "")) or "none",
        "prompts.digest": prompts_digest(prompts.values()) if prompts else "none",
        "prompts.count": str(len(prompts)),
        "limits": canonical_json(changed) if changed else "usual",
        "missing": rule,
        "failed": "counted",
    }


def _clip(row: Mapping[str, Any]) -> Clip:
    clip = Clip(**row)
    texts = (clip.clip_id, clip.path, clip.prompt_id, clip.system, clip.category)
    if not all(isinstance(text, str) for text in texts) or type(clip.take) is not int:
        raise TypeError(f"a clip is {row!r}")
    return clip


def load_run(out: str | os.PathLike[str], *, complete: bool = True) -> Run:
    """Everything that a finished run holds; unless ``complete`` is asked for, what there is of it.

    Raises:
        StoreError: no run there, one that was interrupted, or a record that cannot be read.
    """
    folder = Path(out)
    if not (folder / "run.json").is_file():
        raise StoreError(f"{folder.name!r} holds no run.json; expected the --out folder of avgen-bench score")
    try:
        value = read_run_json(folder) or {}
        rows = [
            (_clip(row["clip"]), {str(k): str(v) for k, v in row["measurements"].items()}, dict(row["observations"]))
            for row in value["clips"]
        ]
        root, dimensions = folder / str(value["clips_root"]), tuple(map(str, value["dimensions"]))
        prompts = {str(name): Prompt.from_json(row) for name, row in value.get("prompts", {}).items()}
        judge = None if value.get("judge") is None else dict(value["judge"])
        fields = _run_fields(value, prompts)
    except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
        raise StoreError(f"cannot read run.json in {folder.name!r}: {error!r}; run avgen-bench score again") from None
    store = Store(folder)
    try:
        measured: list[Measurement] = []
        lost = 0
        facts: dict[str, MediaFacts] = {}
        thumbnails: dict[str, Thumbnails] = {}
        readings: dict[str, float | None] = {}
        receipts = []
        gone: set[str] = set()
        unfounded = 0
        for clip, keys, fingerprints in rows:
            numbers: dict[str, Measurement] = {}
            for name, key in keys.items():
                stored = store.measurement(key)
                lost += stored is None
                if stored is not None:
                    numbers[name] = stored
            measured += numbers.values()
            for item in numbers.values():
                absent = [at for at in item.observations if not store.has_observation(at)]
                gone.update(absent)
                unfounded += bool(absent)
            used = {*map(str, fingerprints.values()), *(at for item in numbers.values() for at in item.observations)}
            held = {at: store.digest("obs", at) for at in sorted(used) if store.has_observation(at)}
            records = {name: store.digest("mea", keys[name]) for name in numbers}
            receipts.append(Receipt(clip, numbers, records, held))
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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"a record of {folder.name!r} cannot be read: {error!r}; remove the damaged file from its shards, and run "
            "avgen-bench score again"
        ) from None
    finally:
        store.close()
    if lost and complete:
        raise StoreError(
            f"{lost} of {lost + len(measured)} numbers of this run are not in its store (interrupted, or damaged "
            "shards); run avgen-bench score again with the same --out: only these are measured"
        )
    damage = _damage_words(unfounded, len(gone), store.dropped) if gone else ""
    clips = tuple(clip for clip, _, _ in rows)
    if judge is not None:
        judge["unasked"] = sum(bool(notes_of(item, UNASKED)) for item in measured)
    return Run(
        clips,
        root,
        dimensions,
        tuple(measured),
        facts,
        thumbnails,
        prompts,
        readings,
        judge,
        fields,
        tuple(receipts),
        damage,
    )


def _damage_words(numbers: int, observations: int, lines: int) -> str:
    """What a store has lost that numbers rest on, and what heals it."""

    def count(of: int, word: str) -> str:
        return f"{of} {word}{'s' * (of != 1)}"

    passed = f" ({count(lines, 'damaged line')} of it passed over)" if lines else ""
    return (
        f"the store has lost {count(observations, 'observation')}{passed} that {count(numbers, 'number')} of this "
        f"report rest{'s' * (numbers == 1)} on: not to be verified; run avgen-bench score again with the same --out: "
        "only these are measured again"
    )


def clips_folder(out: str | os.PathLike[str]) -> Path:
    """The folder that the clip paths of a run are relative to; reads no numbers."""
    return Path(out) / str((read_run_json(Path(out)) or {}).get("clips_root", "."))


def read_report(
    out: str | os.PathLike[str], *, missing: str | None = None, force: bool = False, receipts: bool = False
) -> dict[str, Any]:
    """The report of a run folder, computed from its measurements.

    Args:
        out: the run folder.
        missing: what a prompt without a clip counts as, by default as the run was scored.
        force: put numbers of different signatures side by side, and say in which fields they differ.
        receipts: write ``receipts.jsonl``, which the report quotes, into the folder.

    Raises:
        StoreError: no run there, or one that was interrupted.
        InputError: numbers that were made differently would stand side by side, or there is no such rule.
    """
    if upstream.is_imported(out):
        return _imported_report(Path(out), missing or MISSING_RULES[0], force)
    run = load_run(out).with_rule(missing)
    text = run.receipts_text
    made = report_of(run, force=force, receipts=text)
    if receipts:
        write_text(text, Path(out) / FILE)
    return made


def _imported_report(folder: Path, missing: str, force: bool) -> dict[str, Any]:
    """The report of a folder that ``avgen-bench import-upstream`` wrote; it has no receipts."""
    refuse_missing_rule(missing)
    found = upstream.read_imported(folder)
    fields = {"imported": upstream.REPOSITORY, "missing": missing}
    made = report.build(found["measurements"], found["clips"], found["dimensions"], run=fields, force=force)
    return upstream.finish(made, found["imported"])


def report_of(run: Run, *, force: bool = False, receipts: str | None = None) -> dict[str, Any]:
    """The report of a run that was read already, and whose receipts may be at hand; see :func:`read_report`."""
    made = report.build(
        run.measurements,
        run.clips,
        [dimension_of(name).facts for name in run.dimensions],
        thumbnails=run.thumbnails,
        media=run.media,
        prompts=run.prompts,
        readings=run.readings,
        judge=run.judge,
        run=run.fields,
        receipts=quote(run.receipts_text if receipts is None else receipts),
        force=force,
    )
    if run.damage:
        made["notes"] = [run.damage, *made["notes"]]
    return made
