"""Reads what the evaluation of AVGen-Bench (microsoft/AVGen-Bench) leaves behind, and writes it as a run folder.

Conventions
    Upstream's output root holds a folder per module, and in it a file ``<tag>.csv`` or a folder ``<tag>`` per run; an
    older layout has the same files without a tag. Every tag becomes a system. Its eleven metrics become the dimensions
    ``upstream.vis``, ``upstream.aud``, ..., on their own scales: they are another instrument's numbers, and say so.

    Where upstream kept the values of single clips, each is a measurement; where it kept a mean alone, the mean stands
    with its n and no interval. What upstream left out of a denominator without a word (a failed request, a clip that
    is not there, a face that was not found although the prompt wants one) is ``failed`` with the reason; what the
    prompt does not ask is ``not_applicable``; a clip that no metric found is at the floor. Values that are said twice
    count once; two different values of one clip are no value.

    ``imported.json`` is canonical JSON: ``systems`` (by name, the tag), ``clips``, ``dimensions``, ``measurements``,
    ``means`` (a row per system and dimension: ``kind``, ``clips`` or ``mean``, for what was kept, ``mean`` and ``n`` as
    upstream has them and the file that says so,
    ``counted``, the values that it averaged, by prompt, ``lost``, how many clips it did not count, and ``losses``,
    which and why), ``totals`` (upstream's own, where it stored one), ``files`` (with sha256) and ``notes``.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import avgen_bench
from avgen_bench.errors import InputError, StoreError
from avgen_bench.prompts import Matcher, load_prompts, match_key
from avgen_bench.signatures import line
from avgen_bench.store import write_text
from avgen_bench.types import (
    Clip,
    DimensionFacts,
    Evidence,
    Measurement,
    Prompt,
    Status,
    canonical_json,
)
from avgen_bench.upstream_folder import Folder, as_number
from avgen_bench.upstream_readers import (
    MUSIC,
    READERS,
    SHOWN,
    TAGGED_FOLDERS,
    Found,
    Reader,
    Row,
    quiet_number,
    tags,
)

__all__ = ["FACTS", "IMPORTED", "finish", "import_upstream", "is_imported", "read_imported", "read_prompts"]

IMPORTED = "imported.json"
SCHEMA = "avgen-bench/imported/1"
REPOSITORY = "microsoft/AVGen-Bench"

_CUT = 180  # upstream cuts file names at so many characters, so that titles are compared up to there
_MOST_IMPORTED = 256 << 20
_MOST_NOTES = 20
_MOST_NAMED = 10


# --------------------------------------------------------------------------- the eleven dimensions


def _facts(
    name: str,
    family: str,
    unit: str,
    high: float,
    summary: str,
    scale: str,
    *,
    lower_is_better: bool = False,
) -> DimensionFacts:
    return DimensionFacts(
        name=f"upstream.{name}",
        family=family,  # type: ignore[arg-type]
        version="1",
        unit=unit,
        low=0.0,
        high=high,
        floor=high if lower_is_better else 0.0,
        direction=-1 if lower_is_better else 1,
        needs=(),
        summary=f"{summary}, as the evaluation of AVGen-Bench measured it",
        scale=scale,
        reference=REPOSITORY,
    )


_HUNDRED = "0 worst, 100 best, as a language model said"

FACTS: dict[str, DimensionFacts] = {
    facts.name: facts
    for facts in (
        _facts("vis", "perceptual", "score", 1.0, "Visual quality", "0 bad, 0.5 fair, 1 excellent"),
        _facts("aud", "perceptual", "score", 10.0, "Audio production quality", "about 1 worst to 10 best"),
        _facts("av", "perceptual", "s", 2.0, "Offset of sound and picture", "0 in sync", lower_is_better=True),
        _facts("lip", "perceptual", "frames", 15.0, "Offset of lips and speech", "0 in sync", lower_is_better=True),
        _facts("text", "control", "score", 100.0, "Text on screen", _HUNDRED),
        _facts("face", "control", "score", 100.0, "Faces: count and stability", "40 for the count, 60 for stability"),
        _facts("music", "control", "score", 100.0, "Notes, chords and scales", _HUNDRED),
        _facts("speech", "control", "score", 100.0, "What is said", _HUNDRED),
        _facts("lo_phy", "semantic", "score", 5.0, "Low-level physics", "1 worst to 5 best, 0 for no readable answer"),
        _facts("hi_phy", "semantic", "score", 100.0, "High-level physics", _HUNDRED),
        _facts("holistic", "semantic", "score", 100.0, "Alignment with the prompt", _HUNDRED),
    )
}

_INSTRUMENTS = {
    "vis": "q-future/one-align",
    "aud": "facebook/audiobox-aesthetics PQ",
    "av": "Synchformer 24-01-04T16-39-21, first 5 s",
    "lip": "SyncNet v2, kept tracks",
    "text": "PaddleOCR and gemini",
    "face": "InsightFace buffalo_l",
    "music": "Basic Pitch and gemini",
    "speech": "faster-whisper large-v3 and gemini",
    "lo_phy": "videophysics/videophy_2_auto",
    "hi_phy": "gemini",
    "holistic": "gemini",
}


def _signature(name: str) -> str:
    return line(
        {
            "dimension": f"upstream.{name}",
            "version": FACTS[f"upstream.{name}"].version,
            "imported": REPOSITORY,
            "instrument": f"{_INSTRUMENTS[name]} (revision not recorded)",
        }
    )


# --------------------------------------------------------------------------- prompts


def read_prompts(path: str | os.PathLike[str]) -> dict[str, Prompt]:
    """Prompts by id: of a prompt file (:func:`avgen_bench.prompts.load_prompts`), or of upstream's own folder.

    That folder holds a file ``<category>.json`` for each category, a list of objects with ``content``, the title, and
    ``prompt``; the id is then ``<category>/<title>``.

    Raises:
        InputError: nothing there that can be read.
    """
    if not Path(path).is_dir():
        return load_prompts(path)
    folder = Folder(path)
    base = "prompts/" if Path(path, "prompts").is_dir() else ""
    found: dict[str, Prompt] = {}
    for name in folder.names(base or "."):
        category = name.removesuffix(".json")
        value = folder.json(base + name) if category != name else None
        for number, row in enumerate(value if isinstance(value, list) else (), 1):
            title = row.get("content") if isinstance(row, dict) else None
            if not isinstance(title, str) or not title.strip():
                raise InputError(f"{base}{name}, {number}: no 'content'; expected a list of prompts with their titles")
            key = f"{category}/{title.strip()}"
            if key in found:
                raise InputError(f"{base}{name}, {number}: the title {title!r} is there twice")
            words = row.get("prompt")
            found[key] = Prompt(key, words if isinstance(words, str) else "", title.strip(), category)
    if folder.problems or not found:
        raise InputError(f"cannot read the prompts: {folder.problems[0] if folder.problems else 'none there'}")
    return found


# --------------------------------------------------------------------------- rows to clips


class _Names:
    """Which clip a row means: a prompt of the set, or, without one, its category and title."""

    def __init__(self, prompts: Mapping[str, Prompt] | None) -> None:
        self.prompts = prompts
        self.matcher = None if prompts is None else Matcher(prompts)
        self.shown: dict[str, tuple[str, str]] = {}
        self.unmatched: dict[str, None] = {}

    def find(self, category: str, title: str) -> str | None:
        """The prompt id; None, and remembered, where the set has no such title."""
        if self.matcher is None or self.prompts is None:
            key = f"{match_key(category)}/{match_key(title[:_CUT])}"
            # some files know the title, others what a sanitiser made of it: the one that was changed least is shown
            self.shown[key] = min(self.shown.get(key, (category, title)), (category, title), key=_changed)
            return key
        found = self.matcher.find(title, category)
        if found is None:
            self.unmatched[f"{category}/{title}"] = None
            return None
        self.shown[found] = (self.prompts[found].category or category, self.prompts[found].title or found)
        return found

    def prompt_id(self, key: str) -> str:
        """The id under which a clip stands in the report."""
        return "/".join(part for part in self.shown[key] if part) if self.matcher is None else key


def _changed(name: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
    """Sorts the spellings of one name: fewer underscores first, then longer ones."""
    return name[1].count("_"), -len(name[1]), name


def _label(category: str, title: str) -> str:
    """What people call a clip; made so that it can lead to no file outside of the run folder."""

    def safe(text: str) -> str:
        kept = "".join(char if char.isalnum() or char in " ._-,'&()" else "_" for char in text)
        return kept.strip(" .")[:_CUT] or "_"

    return f"{safe(category)}/{safe(title)}.mp4" if category else f"{safe(title)}.mp4"


@dataclass(frozen=True, slots=True)
class _Said:
    """What a metric says of one clip, after doubled rows."""

    row: Row
    counted: tuple[float, ...]


def _merge(name: str, rows: Sequence[Row], names: _Names, notes: list[str]) -> dict[str, _Said]:
    """By clip, the one thing that a metric says; doubled rows are named."""
    by_clip: dict[str, list[Row]] = {}
    for row in rows:
        key = names.find(row.category, row.title)
        if key is not None:
            by_clip.setdefault(key, []).append(row)
    found = {}
    doubled = []
    for key, mine in by_clip.items():
        counted = tuple(row.counted for row in mine if row.counted is not None)
        best = [row for row in mine if row.status == "ok"] or mine
        values = {row.value for row in best}
        row = best[0]
        if len(values) > 1:
            said = ", ".join(f"{one.value:g} ({one.where})" for one in best if one.value is not None)
            reason = f"{len(best)} rows with different values: {said[:SHOWN]}; none was used"
            row = Row(row.category, row.title, row.where, "failed", reason=reason)
            notes.append(f"upstream.{name}: {names.prompt_id(key)!r}: {reason}")
        elif len(counted) > 1:
            doubled.append(names.prompt_id(key))
        found[key] = _Said(row, counted)
    if doubled:
        notes.append(f"upstream.{name}: {_listed(doubled)}: more than one row with the same value; counted once here")
    return found


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(repr(name[:80]) for name in list(names)[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@dataclass(slots=True)
class _System:
    name: str
    tag: str
    found: dict[str, Found]
    said: dict[str, dict[str, _Said]]
    notes: list[str]


def _asked(name: str, systems: Iterable[_System], key: str, category: str) -> bool | None:
    """Whether the prompt of a clip asks anything of a metric, by what was said of any system; None where unknown."""
    rows = [system.said[name][key].row for system in systems if key in system.said.get(name, {})]
    if any(row.status in ("ok", "failed") for row in rows):
        return True
    if rows and name in ("text", "face", "music"):
        return None if any(row.status == "abstained" for row in rows) else False
    if name == "music":
        return None if match_key(category) == match_key(MUSIC) else False
    return {"face": False, "text": None}.get(name, True)


def import_upstream(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    system: str = "",
    tag: str = "",
    prompts: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Import upstream's output root into a run folder; what ``imported.json`` holds.

    Args:
        source: upstream's output root, with folders such as ``q_align`` and ``plot_matching``.
        out: the run folder, new or one that was imported into before.
        system: name of the generator; by default the run tag, or the name of the folder where there is none.
        tag: import this run alone; by default all that are there.
        prompts: the prompts that the clips were made from (:func:`read_prompts`); without them a clip that no file
            names cannot be missed.

    Raises:
        InputError: no such folder, nothing of upstream's in it, no such tag, or a name for several runs.
        StoreError: the run folder holds a scored run, or cannot be written.
    """
    folder = Folder(source)
    target = Path(out)
    if (target / "run.json").exists():
        raise StoreError(f"{target.name!r} holds a scored run; expected another --out for an imported one")
    there = tags(folder)
    if tag and tag not in there:
        raise InputError(f"no run is tagged {tag!r}; there are: {', '.join(there) or 'none, but files without a tag'}")
    chosen = [tag] if tag else there or [""]
    if system and len(chosen) > 1:
        raise InputError(f"--system {system!r} names one run; there are {', '.join(chosen)}: choose one with --tag")
    known = None if prompts is None else read_prompts(prompts)
    names = _Names(known)
    systems = []
    sought: dict[str, dict[str, None]] = {metric: {} for metric in READERS}
    for one in chosen:
        reader = Reader(folder, one, may_fall_back=len(there) <= 1)
        name = system or one or folder.root.resolve().name
        made = _System(name, one, {}, {}, [])
        for metric, read in READERS.items():
            reader.sought = sought[metric]
            made.found[metric] = read(reader)
        for path in dict.fromkeys(reader.untagged):
            made.notes.append(f"{path} has no run tag: taken for {name!r}, as upstream does; it may be another run's")
        systems.append(made)
        for found in made.found.values():
            for row in found.rows or ():
                names.find(row.category, row.title)
    for made in systems:
        for metric, found in made.found.items():
            made.notes += found.notes
            if found.rows is not None:
                rows = [_on_scale(metric, row) for row in found.rows]
                made.said[metric] = _merge(metric, rows, names, made.notes)
            if found.unnamed:
                made.notes.append(f"upstream.{metric}: {found.unnamed} rows name no clip (failed work); not matched")
    if not any(found.mean is not None or found.rows for made in systems for found in made.found.values()):
        why = f": {'; '.join(folder.problems[:_MOST_NAMED])}" if folder.problems else ""
        looked = "; ".join(_sought_words(metric, paths) for metric, paths in sought.items())
        raise InputError(
            f"{folder.root.name!r} holds no result of AVGen-Bench's evaluation{why}; expected its output root, with "
            f"folders such as {', '.join(sorted(TAGGED_FOLDERS)[:4])}. Looked for: {looked}. {_passed_over(folder)}"
        )
    if known is not None and names.unmatched and not names.shown:
        raise InputError(
            f"none of the {len(names.unmatched)} names of clips in {folder.root.name!r} matches a prompt of "
            f"{str(prompts)!r}: the results name {_listed(names.unmatched)}, the prompts {_listed(_titles(known))}; "
            "give the prompts that these clips were made from, or leave out --prompts"
        )
    lacking = _lacking(systems, sought, folder)
    value = _value(systems, names, folder, known, lacking)
    write_text(canonical_json(value) + "\n", target / IMPORTED)
    return value


def _titles(prompts: Mapping[str, Prompt]) -> list[str]:
    return [
        f"{item.category}/{item.title or item.id}" if item.category else item.title or item.id
        for item in prompts.values()
    ]


def _sought_words(metric: str, paths: Collection[str]) -> str:
    return f"{metric}: {', '.join(paths)}"


def _passed_over(folder: Folder) -> str:
    """Which files of the folder were not read, the first of them by name."""
    names = folder.passed_over()
    if not names:
        return "No other file is there"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"Files that were not read: {', '.join(repr(name) for name in names[:_MOST_NAMED])}{more}"


def _lacking(systems: Sequence[_System], sought: Mapping[str, Collection[str]], folder: Folder) -> list[str]:
    """For each metric that some run has nothing of, what was looked for; then the files that nothing was read from."""
    notes = []
    for metric, paths in sought.items():
        without = [made.name for made in systems if made.found[metric].mean is None and not made.found[metric].rows]
        if without:
            whose = "" if len(without) == len(systems) else f" for {_listed(without)}"
            notes.append(f"nothing imported{whose}: upstream.{_sought_words(metric, paths)}")
    return [*notes, *([_passed_over(folder)] if notes else [])]


def _on_scale(name: str, row: Row) -> Row:
    facts = FACTS[f"upstream.{name}"]
    if row.value is None or facts.low <= row.value <= facts.high:
        return row
    reason = f"{row.where}: {row.value:g} is off the scale from {facts.low:g} to {facts.high:g}; not used"
    return Row(row.category, row.title, row.where, "failed", counted=row.counted, reason=reason, flag=reason)


def _value(
    systems: Sequence[_System],
    names: _Names,
    folder: Folder,
    prompts: Mapping[str, Prompt] | None,
    lacking: Sequence[str],
) -> dict[str, Any]:
    """What ``imported.json`` holds."""
    notes: list[str] = []
    if prompts is None:
        universe = sorted({key for made in systems for said in made.said.values() for key in said})
        notes.append("no prompts were given: a clip that no file of any run names cannot be missed; give --prompts")
    else:
        for prompt in prompts.values():
            names.shown.setdefault(prompt.id, (prompt.category, prompt.title or prompt.id))
        universe = list(prompts)
    if names.unmatched:
        notes.append(f"{len(names.unmatched)} titles match no prompt and are left out: {_listed(names.unmatched)}")
    clips: list[Clip] = []
    measurements: list[Measurement] = []
    means: list[dict[str, Any]] = []
    for made in systems:
        notes += made.notes
        rows = {}
        for key in universe:
            there = any(said[key].row.is_there for said in made.said.values() if key in said)
            category, title = names.shown[key]
            # without values of single clips nobody can tell whether the clip is there
            path = _label(category, title) if there or not made.said else ""
            clip = Clip("", path, names.prompt_id(key), made.name, 0, category)
            rows[key] = clip
            clips.append(clip)
        for metric in READERS:
            block, measured = _of_metric(made, metric, rows, systems, names, notes)
            if block is not None:
                means.append(block)
                measurements += measured
    # what could not be used comes first: a report shows the first notes alone
    notes = [*folder.problems, *lacking, *notes]
    dimensions = [name for name in FACTS if any(row["dimension"] == name for row in means)]
    return {
        "schema": SCHEMA,
        "avgen_bench": avgen_bench.__version__,
        "source": REPOSITORY,
        "systems": {made.name: made.tag for made in systems},
        "prompts": None if prompts is None else len(prompts),
        "clips": [asdict(clip) for clip in sorted(clips, key=lambda clip: clip.key)],
        "dimensions": dimensions,
        "measurements": [
            item.to_json() for item in sorted(measurements, key=lambda item: (item.dimension, item.clip_key))
        ],
        "means": means,
        "totals": {made.name: total for made in systems if (total := _own_total(folder, made)) is not None},
        "files": dict(sorted(folder.files.items())),
        "notes": list(dict.fromkeys(notes)),
    }


def _own_total(folder: Folder, made: _System) -> dict[str, float | None] | None:
    """The total and coverage that upstream's own program stored for a run."""
    path = f"overall_score/{made.tag}.json" if made.tag else ""
    value = folder.json(path) if path else None
    if not isinstance(value, dict):
        return None
    return {name: quiet_number(value.get(name)) for name in _OWN}


_OWN = ("total_score", "coverage")


def _of_metric(
    made: _System,
    name: str,
    rows: Mapping[str, Clip],
    systems: Sequence[_System],
    names: _Names,
    notes: list[str],
) -> tuple[dict[str, Any] | None, list[Measurement]]:
    """The row of ``means`` of one metric, and its measurements; None where upstream left nothing."""
    found, said = made.found[name], made.said.get(name)
    if found.mean is None and not said:
        return None, []
    facts = FACTS[f"upstream.{name}"]
    signature = _signature(name)
    if found.mean is not None and not facts.low <= found.mean <= facts.high:
        notes.append(f"{found.source}: the mean {found.mean:g} of {facts.name} is off its scale; not used")
        found.mean = None
        if not said:
            return None, []
    measured = []
    losses: list[dict[str, str]] = []
    flags: list[str] = []
    for key, clip in rows.items():
        item = None if said is None else said.get(key)
        evidence: tuple[Evidence, ...] = ()
        status: Status
        value: float | None = None
        if said is None:
            status, reason = "abstained", "upstream kept the mean of all clips alone"
        elif item is not None and clip.path:
            status, value, reason = item.row.status, item.row.value, item.row.reason
            if item.row.flag:
                flags.append(item.row.flag)
                evidence = (Evidence("note", "odd", text=item.row.flag),)
        else:
            asked = _asked(name, systems, key, names.shown[key][0])
            if asked is False:
                status, reason = "not_applicable", "the prompt asks nothing here, by what upstream's files say"
            elif asked is None:
                status, reason = "abstained", "no file of upstream's says whether the prompt asks anything here"
            elif clip.path:
                status, reason = "failed", "upstream has no row for this clip: what it cannot measure it drops"
            else:
                status, value, reason = "ok", facts.floor, "no clip"
        if said is not None and (status == "failed" or (status == "ok" and not clip.path)):
            losses.append({"prompt_id": clip.prompt_id, "reason": reason})
        measured.append(
            Measurement(
                dimension=facts.name,
                version=facts.version,
                clip_id="",
                clip_key=clip.key,
                prompt_id=clip.prompt_id,
                status=status,
                value=value,
                reason=reason,
                evidence=evidence,
                observations=(),
                signature=signature,
            )
        )
    lost = len(losses)
    if said is None and found.n is None:
        lost = found.failures
    elif said is None and found.n is not None and rows:
        lost = found.failures + max(len(rows) - (found.seen if name == "lip" else found.n), 0)
    counted = {names.prompt_id(key): list(item.counted) for key, item in (said or {}).items() if item.counted}
    if said is not None and found.n is not None:
        size = sum(map(len, counted.values()))
        if size != found.n:
            notes.append(f"{found.source}: its mean is over {found.n} values, the rows of {facts.name} hold {size}")
    reasons = Counter(row["reason"] for row in losses)
    return {
        "system": made.name,
        "dimension": facts.name,
        "kind": "mean" if said is None else "clips",
        "mean": found.mean,
        "n": found.n,
        "source": found.source,
        "counted": counted,
        "lost": lost,
        "losses": losses,
        "reasons": dict(sorted(reasons.items())),
        "odd": flags,
        "signature": signature,
    }, measured


# --------------------------------------------------------------------------- the imported run


def is_imported(folder: str | os.PathLike[str]) -> bool:
    """Whether a run folder was imported, and not scored."""
    return Path(folder, IMPORTED).is_file() and not Path(folder, "run.json").exists()


def read_imported(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What a report is built of: ``measurements``, ``clips``, ``dimensions`` (facts), and ``imported``, all the rest.

    Raises:
        StoreError: not there, or not as :func:`import_upstream` writes it.
    """
    path = Path(folder, IMPORTED)
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_IMPORTED + 1)
        if len(data) > _MOST_IMPORTED:
            raise ValueError(f"larger than {_MOST_IMPORTED >> 20} MiB")
        value = json.loads(data)
        if value["schema"] != SCHEMA:
            raise ValueError(f"the schema is {value['schema']!r}, not {SCHEMA!r}")
        clips = [Clip(**{name: _typed(row, name) for name in _CLIP}) for row in value["clips"]]
        if any(clip.path and (Path(clip.path).is_absolute() or ".." in Path(clip.path).parts) for clip in clips):
            raise ValueError("a path leads out of the folder")
        dimensions = [FACTS[name] for name in value["dimensions"]]
        measurements = [Measurement.from_json(row) for row in value["measurements"]]
        for item in measurements:
            facts = FACTS[item.dimension]
            if item.value is not None and not facts.low <= item.value <= facts.high:
                raise ValueError(f"{item.value!r} is off the scale of {item.dimension}")
        for row in value["means"]:
            _check_mean(row)
        rest = {name: value[name] for name in ("avgen_bench", "source", "systems", "prompts", "means", "totals")}
        rest["totals"] = {
            str(name): {key: as_number(row[key]) for key in _OWN} for name, row in value["totals"].items()
        }
        rest |= {"notes": [str(note) for note in value["notes"]], "files": dict(value["files"])}
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"cannot read {IMPORTED} in {path.parent.name!r}: {error!r}; run avgen-bench import-upstream again"
        ) from None
    return {"measurements": measurements, "clips": clips, "dimensions": dimensions, "imported": rest}


_CLIP = {"clip_id": str, "path": str, "prompt_id": str, "system": str, "take": int, "category": str}


def _typed(row: Mapping[str, Any], name: str) -> Any:
    if type(row[name]) is not _CLIP[name]:
        raise ValueError(f"{name!r} of a clip is {row[name]!r}")
    return row[name]


def _check_mean(row: Mapping[str, Any]) -> None:
    facts = FACTS[row["dimension"]]
    kept = row["reasons"].items()
    if row["kind"] not in ("clips", "mean") or type(row["system"]) is not str or type(row["lost"]) is not int:
        raise ValueError(f"a mean of {facts.name} is not as it was written")
    if any(type(reason) is not str or type(count) is not int for reason, count in kept):
        raise ValueError(f"the reasons of {facts.name} are not as they were written")
    numbers = [value for rows in row["counted"].values() for value in rows]
    numbers += [] if row["mean"] is None else [row["mean"]]
    for value in numbers:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{value!r} is no mean of {facts.name}")
    for name in ("n", "lost"):
        if row[name] is not None and (type(row[name]) is not int or row[name] < 0):
            raise ValueError(f"{name!r} of {facts.name} is {row[name]!r}")


MEAN_ONLY = "mean only, as imported"


def finish(report: dict[str, Any], imported: Mapping[str, Any]) -> dict[str, Any]:
    """The report of an imported run: with what was imported, and with the means that have no values of single clips."""
    report["imported"] = imported
    notes = imported["notes"]
    more = [f"and {len(notes) - _MOST_NOTES} more notes on the import: report.json"] if len(notes) > _MOST_NOTES else []
    report["notes"] = [*report["notes"], *notes[:_MOST_NOTES], *more]
    for family in report["semantic"]["families"]:
        if not family["dimensions"]:  # what to ask for next time is no use here
            family["unmeasured"] = dict.fromkeys(family["unmeasured"], "nothing of it was imported")
    report["systems"] = sorted({*report["systems"], *imported["systems"]})
    rows = {(item["dimension"], item["system"]): item for item in report["estimates"]}
    for block in imported["means"]:
        if block["kind"] != "mean":
            continue
        facts, n, lost = FACTS[block["dimension"]], block["n"] or 0, block["lost"]
        place = (block["dimension"], block["system"])
        before = rows.get(
            place, {"dimension": place[0], "system": place[1], "prompts": n, "mdd": None, "variance": None}
        )
        counts = dict.fromkeys(("ok", "not_applicable", "abstained", "failed", "missing", "floor"), 0)
        counts |= {"ok": n, "failed": lost}
        bounds = [
            (block["mean"] * n + lost * edge) / (n + lost) if n + lost else None for edge in (facts.low, facts.high)
        ]
        rows[place] = {
            **before,
            "mean": float(f"{block['mean']:.6g}"),
            "n": n,
            "ci_low": None,
            "ci_high": None,
            "method": MEAN_ONLY,
            "counts": counts,
            "bound_low": None if bounds[0] is None else float(f"{bounds[0]:.6g}"),
            "bound_high": None if bounds[1] is None else float(f"{bounds[1]:.6g}"),
            "quartiles": [],
            "worst": None,
        }
    order = {item["name"]: number for number, item in enumerate(report["dimensions"])}
    report["estimates"] = [rows[place] for place in sorted(rows, key=lambda place: (order[place[0]], place[1]))]
    report["counts"] = {name: sum(item["counts"][name] for item in report["estimates"]) for name in report["counts"]}
    return report
