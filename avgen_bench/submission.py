"""What reads and checks a submission to the leaderboard: an archive unpacked, and every run in it looked at.

Conventions
    A submission is a run folder of ``avgen-bench score``, or a folder of several, as it lies on the disk or in a ZIP
    file. Of each run ``run.json`` is needed, and its numbers in one of two forms: the ``shards`` of the store, from
    which every number is measured again (:mod:`avgen_bench.verifying`), or ``report.json`` with ``receipts.jsonl``,
    which are held against each other. Its means, intervals and ranks are never read: they are made anew.

    ``verified`` means that every number follows from the observations that came with it (a dimension may have no number
    of any clip, as without a judge; ``words`` say which, and why); ``agrees``, that report, receipts and ``run.json``
    say the same, with nothing to measure again from; ``not verified``, that something differs. None of them says who
    made the clips, or with which model.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from avgen_bench import receipts, report
from avgen_bench.errors import AvgenError, InputError
from avgen_bench.report_words import printable
from avgen_bench.run_folder import Run, load_run
from avgen_bench.signatures import ANSWERED_BY, LACKING, distinct_fields, merged
from avgen_bench.types import Clip, Evidence, Measurement, canonical_json
from avgen_bench.verifying import Checked, verify
from avgen_bench.work import applies, dimension_of

__all__ = ["AGREES", "MOST_ZIP_BYTES", "NOT_VERIFIED", "VERIFIED", "Entry", "read_submission", "short", "unpack"]

VERIFIED, AGREES, NOT_VERIFIED = "verified", "agrees", "not verified"

MOST_ZIP_BYTES = 64 << 20
MOST_BYTES = 256 << 20
MOST_FILES = 2000
MOST_RUNS = 20
MOST_ROWS = 20_000
MOST_SYSTEMS = 8
_MOST_LIST_BYTES = 1 << 20
_MOST_TEXT = 80
_MOST_WORDS = 20
_PIECE = 1 << 16
_RUN_FILE = re.compile(
    r"(?:[\w][\w .-]{0,95}/){0,3}(?:run\.json|report\.json|receipts\.jsonl|shards/[\w-]{1,95}\.jsonl)"
)
_JPEG = re.compile(r"[A-Za-z0-9+/]{16,40000}={0,2}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One system of a submission.

    Attributes:
        name: of the system, for people; told apart from others of that name by the board.
        label: of the run that it is of.
        state: ``verified``, ``agrees`` or ``not verified``; ``words`` say what was found.
        report: its numbers alone, as :func:`avgen_bench.report.build` makes them of one system.
        prompts: by id, text and category of the prompts that it was asked; ``prompt_set`` and ``digest`` name them.
        pictures: by clip id a picture of the clip, JPEG in base64.
    """

    name: str
    label: str
    state: str
    words: tuple[str, ...]
    report: Mapping[str, Any]
    prompts: Mapping[str, tuple[str, str]]
    prompt_set: str
    digest: str
    pictures: Mapping[str, str] = field(default_factory=dict)


def short(text: str) -> str:
    """A name of others, printable and not too long."""
    shown = printable(text)
    return shown if len(shown) <= _MOST_TEXT else f"{shown[: _MOST_TEXT - 3]}..."


class _Archive(io.FileIO):
    """A ZIP file that does not give its list of files away where that is too long; it is read in one piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MOST_LIST_BYTES:
            raise InputError(
                f"the ZIP file's list of its files has {size} bytes; expected {MOST_FILES} files at the most, and "
                f"{_MOST_LIST_BYTES} bytes"
            )
        return super().read(size)


def unpack(archive: str | os.PathLike[str], folder: Path) -> list[str]:
    """The run files of a ZIP file written below ``folder``, by name; other files in it are passed over.

    Raises:
        InputError: no ZIP file, one with names that lead elsewhere, links, passwords or too much in it, or no run.
    """
    path = Path(archive)
    if not path.is_file():
        raise InputError("the file is not there any more; send it again")
    if path.stat().st_size > MOST_ZIP_BYTES:
        raise InputError(f"the ZIP file has {path.stat().st_size} bytes; expected {MOST_ZIP_BYTES} at the most")
    names: list[str] = []
    try:
        with _Archive(path) as file, zipfile.ZipFile(file) as opened:
            members = opened.infolist()
            if len(members) > MOST_FILES:
                raise InputError(f"the ZIP file holds {len(members)} files; expected {MOST_FILES} at the most")
            left = MOST_BYTES
            for member in members:
                name = member.filename
                if name.startswith(("/", "\\")) or "\\" in name or ".." in name.split("/") or ":" in name:
                    raise InputError(f"{short(name)!r} leads out of the ZIP file; pack the run folder again")
                if (member.external_attr >> 16) & 0o170000 == 0o120000:
                    raise InputError(f"{short(name)!r} is a link; pack the files themselves")
                if not _RUN_FILE.fullmatch(name):
                    continue
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise InputError(f"{short(name)!r} is packed by another method than zip and zip -0 use; pack it so")
                if name in names:
                    raise InputError(f"{short(name)!r} is in the ZIP file twice; pack the run folder again")
                left -= _write(opened, member, folder / name, left)
                names.append(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise InputError(
            f"cannot read the ZIP file ({type(error).__name__}: {short(str(error))}); expected one of a run folder, "
            "without a password"
        ) from None
    if not any(name.rpartition("/")[2] == "run.json" for name in names):
        raise InputError("the ZIP file holds no run.json; expected the --out folder of avgen-bench score, packed")
    return names


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, most: int) -> int:
    """How many bytes of a member were written.

    Raises:
        InputError: more than ``most``, whatever its header says.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with opened.open(member) as source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            done += len(piece)
            if done > most:
                raise InputError(f"the ZIP file holds more than {MOST_BYTES} bytes; send fewer runs at a time")
            file.write(piece)
    return done


def _runs_in(folder: Path) -> list[Path]:
    """The run folders of a submission: itself, or those up to three levels below; links are not followed.

    Raises:
        InputError: none, or too many.
    """
    found = [folder] if (folder / "run.json").is_file() else []
    level = [folder]
    for _ in range(3):
        level = [item for one in level for item in sorted(one.iterdir()) if item.is_dir() and not item.is_symlink()]
        found += [item for item in level if (item / "run.json").is_file()]
    if not 0 < len(found) <= MOST_RUNS:
        raise InputError(f"{len(found)} runs in this submission; expected 1 to {MOST_RUNS}, each with its run.json")
    return found


def _strict(text: str) -> Any:
    """A JSON value without NaN and infinities.

    Raises:
        ValueError: it is none, or is nested too deep.
    """

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no number")

    def number(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else refuse(digits[:20])

    try:
        return json.loads(text, parse_constant=refuse, parse_float=number)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        InputError: it is not there, too large, or no strict JSON.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path.name} has more than {MOST_BYTES} bytes")
        return _strict(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read: {short(str(error))}") from None


def read_submission(folder: Path, label: str) -> list[Entry]:
    """The systems of a submission, every run of it checked.

    Args:
        folder: a run folder, or a folder of run folders.
        label: what the submission is called.

    Raises:
        InputError: no run in it, too much, or one that cannot be read at all.
    """
    entries: list[Entry] = []
    found = _runs_in(folder)
    _refuse_too_large(found)
    for place in found:
        name = short(label if len(found) == 1 else f"{label}/{place.relative_to(folder).as_posix()}")
        try:
            entries += _read_run(place, name)
        except AvgenError:
            raise
        except Exception as error:  # the folder may hold anything
            raise InputError(f"{name} cannot be read: {type(error).__name__}: {short(str(error))}") from None
    return entries


def _refuse_too_large(runs: Sequence[Path]) -> None:
    """Stop at more clips or systems than are checked, before they are.

    Raises:
        InputError: there are more, or a ``run.json`` lists none.
    """
    systems: set[tuple[Path, str]] = set()
    clips = 0
    for folder in runs:
        value = _read_json(folder / "run.json")
        rows = value.get("clips") if isinstance(value, dict) else None
        if not isinstance(rows, list) or not rows:
            raise InputError(f"run.json of {short(folder.name)} lists no clips")
        clips += len(rows)
        about = [row.get("clip") for row in rows if isinstance(row, dict)]
        systems |= {(folder, str(clip.get("system"))) for clip in about if isinstance(clip, dict)}
    if clips > MOST_ROWS:
        raise InputError(f"{clips} clips in this submission; expected {MOST_ROWS} at the most")
    if len(systems) > MOST_SYSTEMS:
        raise InputError(
            f"{len(systems)} systems in this submission; expected {MOST_SYSTEMS} at the most: send fewer at a time"
        )


def _read_run(folder: Path, label: str) -> list[Entry]:
    if any((folder / name).is_symlink() for name in ("run.json", "report.json", "receipts.jsonl", "shards")):
        raise InputError(f"{label} has links in it; expected the files themselves")
    wrong: list[str] = []
    if any((folder / "shards").glob("*.jsonl")):
        checked = verify(folder, look_at_media=False)
        wrong += map(str, checked.findings)
        run = load_run(folder, complete=False)
        numbers = {(item.clip_key, item.dimension): _plain(item.to_json()) for item in run.measurements}
        without, rest = _unmade(run, numbers, checked)
        wrong += [f"{n} numbers could not be measured again: {why}" for why, n in sorted(rest.items())]
        wrong += _now_and_then(run)
        state = VERIFIED
        said = [f"{checked.again} numbers of {checked.clips} clips measured again", *_without_words(run, without)]
    else:
        run = load_run(folder, complete=False)
        numbers = _light(folder, run, wrong)
        state = AGREES
        said = [f"{len(numbers)} numbers of {len(run.clips)} clips, in report and receipts"]
    wrong = [*_gaps(run, numbers), *wrong]
    if wrong:
        state = NOT_VERIFIED
    words = (*said, *(printable(text)[:300] for text in wrong[:_MOST_WORDS]))
    if len(wrong) > _MOST_WORDS:
        words = (*words, f"and {len(wrong) - _MOST_WORDS} more")
    return list(_split(run, numbers, label, state, words))


def _unmade(
    run: Run, numbers: dict[tuple[str, str], dict[str, Any]], checked: Checked
) -> tuple[dict[tuple[str, str], str], Counter[str]]:
    """By system and dimension why it has no number at all; and by reason, the numbers that should have come out.

    A dimension in which no clip of a system has a number says nothing of it, and that it cannot be measured again hides
    nothing. Its prompts without a clip then have none either. Where some clips have numbers, others might be hidden by
    an abstention that nobody can check.
    """
    clips = {clip.key: clip for clip in run.clips}
    filled = {
        (clips[key].system, name)
        for (key, name), cell in numbers.items()
        if key in clips and cell["status"] == "ok" and _has_clip(clips[key])
    }
    without: dict[tuple[str, str], str] = {}
    rest: Counter[str] = Counter()
    for key, name, why in checked.unmade:
        cell, clip = numbers.get((key, name)), clips[key]
        status = "" if cell is None else cell["status"]
        if status == "not_applicable" and not applies(name, run.prompts.get(clip.prompt_id)):
            continue  # which follows from the prompt
        if status == "abstained" and (clip.system, name) not in filled:
            without[clip.system, name] = why
        else:
            rest[why] += 1
    for (key, name), cell in numbers.items():
        if key in clips and (clips[key].system, name) in without and cell["status"] == "ok":
            cell |= {"status": "abstained", "value": None, "reason": "no clip of this system has a number"}
    return without, rest


def _now_and_then(run: Run) -> Iterator[str]:
    """Backbones that were there for some clips of a system and not for others: what they saw may be taken out."""
    systems = {clip.key: clip.system for clip in run.clips}
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for item in run.measurements:
        groups.setdefault((systems.get(item.clip_key, ""), item.dimension), []).append(item)
    for (_, name), found in sorted(groups.items()):
        for part, values in merged(distinct_fields(found)).items():
            if part.endswith(".lacking") and len(values) > 1:
                backbone = part.removeprefix("backbone.").removesuffix(".lacking")
                yield f"{name}: {backbone} was there for some clips, and not for others"


def _has_clip(clip: Clip) -> bool:
    return bool(clip.clip_id or clip.path)


def _without_words(run: Run, without: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """A line for each reason why a system has no number in some dimensions."""
    groups: dict[tuple[str, str], list[str]] = {}
    for (system, name), why in sorted(without.items()):
        groups.setdefault((system, why), []).append(name.replace("_", " "))
    alone = len({clip.system for clip in run.clips}) == 1
    for (system, why), names in groups.items():
        yield f"no number in {', '.join(names)}{'' if alone else f' of {short(system)}'}: {printable(why)[:300]}"


def _plain(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What of a number the board goes by, its types looked at.

    Raises:
        ValueError: a field is missing, or of another type.
    """
    texts = {name: cell.get(name) for name in ("status", "version", "reason", "signature")}
    value = cell.get("value")
    seen = cell.get("observations")
    evidence = cell.get("evidence")
    right = all(isinstance(text, str) for text in texts.values()) and isinstance(seen, list | tuple)
    if not right or not isinstance(evidence, list | tuple) or isinstance(value, bool):
        raise ValueError("a number has fields of other types than a report's")
    if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
        raise ValueError(f"a number is {value!r}")
    notes = [
        {"kind": "note", "label": str(item["label"]), "text": str(item.get("text", ""))}
        for item in evidence
        if isinstance(item, Mapping) and item.get("kind") == "note" and item.get("label") in (LACKING, ANSWERED_BY)
    ]
    return {**texts, "value": value, "observations": [str(one) for one in list(seen or ())[:64]], "evidence": notes}


def _light(folder: Path, run: Run, wrong: list[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """The numbers of a report that came without observations, held against its receipts; differences into ``wrong``.

    Raises:
        InputError: report or receipts are not there, or are none.
    """
    made = _read_json(folder / "report.json")
    try:
        text = (folder / receipts.FILE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise InputError(f"neither shards nor {receipts.FILE} came with it; expected one of them") from None
    header, lines = receipts.read(text)
    if not isinstance(made, dict) or not isinstance(made.get("clips"), list) or header is None:
        raise InputError("report.json or receipts.jsonl is not what avgen-bench writes")
    if made.get("receipts") != receipts.quote(text):
        wrong.append("report.json quotes other receipts")
    rest = text.partition("\n")[2]
    if header.get("digest") != hashlib.sha256(rest.encode()).hexdigest() or header.get("clips") != len(lines):
        wrong.append("the receipts are not those that their first line is about")
    if header.get("prompts") != run.fields["prompts.digest"]:
        wrong.append("the receipts are for other prompts than run.json holds")
    sealed: dict[str, Mapping[str, Any]] = {}
    for number, row in enumerate(lines, 2):
        if row is None or row.get("digest") != receipts.sealed(row)["digest"]:
            wrong.append(f"receipts, line {number}: its digest does not match its content")
        elif isinstance(row.get("numbers"), dict):
            sealed[canonical_json(row.get("clip"))] = row["numbers"]
    numbers: dict[tuple[str, str], dict[str, Any]] = {}
    shown = {row["key"]: row["measurements"] for row in made["clips"]}
    for clip in run.clips:
        fields = {name: getattr(clip, name) for name in ("clip_id", "path", "prompt_id", "system", "take", "category")}
        receipt, cells = sealed.pop(canonical_json(fields), None), shown.pop(clip.key, None)
        if receipt is None or cells is None:
            wrong.append(
                f"{short(clip.path or clip.prompt_id)} is not in the {'receipts' if receipt is None else 'report'}"
            )
            continue
        for name in sorted({*receipt, *cells}):
            cell, other = cells.get(name), receipt.get(name)
            if cell is None or other is None:
                wrong.append(f"{short(name)} of {short(clip.path)} is only on one side")
                continue
            numbers[clip.key, name] = plain = _plain(cell)
            # the receipt's value is that of the store, the report's has six significant digits
            if plain["status"] != other["status"] or not _same(plain["value"], other["value"]):
                wrong.append(f"{short(name)} of {short(clip.path)}: the report has another number than the receipt")
    if sealed or shown:
        wrong.append("report or receipts are about clips that run.json does not name")
    return numbers


def _same(shown: Any, kept: Any) -> bool:
    if shown is None or kept is None:
        return shown is kept
    return (
        not isinstance(kept, bool) and isinstance(kept, int | float) and float(f"{kept:.6g}") == float(f"{shown:.6g}")
    )


def _gaps(run: Run, numbers: Mapping[tuple[str, str], Mapping[str, Any]]) -> Iterator[str]:
    """What a run leaves out that it was asked: prompts without a row, numbers that a prompt asks for."""
    asked = {(clip.system, clip.prompt_id) for clip in run.clips}
    for system in sorted({clip.system for clip in run.clips}):
        gone = [name for name in run.prompts if (system, name) not in asked]
        if gone:
            yield f"{len(gone)} prompts have no row, {short(gone[0])} among them"
    lost = 0
    for clip in run.clips:
        prompt = run.prompts.get(clip.prompt_id)
        if run.prompts and prompt is None:
            yield f"{short(clip.path)} answers a prompt that run.json does not hold"
        for name in run.dimensions:
            cell = numbers.get((clip.key, name))
            lost += cell is None
            if cell is not None and cell["status"] == "not_applicable" and prompt is not None and applies(name, prompt):
                about = short(clip.path or clip.prompt_id)
                yield f"{name} of {about} is said not to apply, and its prompt asks for it"
    if lost:
        yield f"{lost} numbers are missing"


def _split(
    run: Run,
    numbers: Mapping[tuple[str, str], Mapping[str, Any]],
    label: str,
    state: str,
    words: tuple[str, ...],
) -> Iterator[Entry]:
    """An entry for each system, its report made anew."""
    facts = [dimension_of(name).facts for name in run.dimensions]
    prompts = {name: (prompt.text, prompt.category) for name, prompt in run.prompts.items()}
    pictures = {}
    for clip_id, item in run.thumbnails.items():
        middle = item.jpegs[len(item.jpegs) // 2] if item.jpegs else ""
        if isinstance(middle, str) and _JPEG.fullmatch(middle):
            pictures[clip_id] = middle
    for system in sorted({clip.system for clip in run.clips}):
        # the category of a clip is its prompt's, whatever its row says
        clips = [
            replace(clip, system=short(system), category=prompts.get(clip.prompt_id, ("", clip.category))[1])
            for clip in run.clips
            if clip.system == system
        ]
        old = [clip for clip in run.clips if clip.system == system]
        found = [
            _measurement(clip.key, clip.clip_id, clip.prompt_id, name, numbers[was.key, name])
            for was, clip in zip(old, clips, strict=True)
            for name in run.dimensions
            if (was.key, name) in numbers
        ]
        fields = {**run.fields, "missing": "floor"}
        made = report.build(found, clips, facts, run=fields, force=True)
        yield Entry(
            short(system) or "(unnamed)",
            label,
            state,
            words,
            made,
            prompts,
            short(run.fields["prompts"]),
            run.fields["prompts.digest"],
            pictures,
        )


def _measurement(key: str, clip_id: str, prompt_id: str, name: str, cell: Mapping[str, Any]) -> Measurement:
    return Measurement(
        dimension=name,
        version=cell["version"],
        clip_id=clip_id,
        clip_key=key,
        prompt_id=prompt_id,
        status=cell["status"],
        value=cell["value"],
        reason=cell["reason"],
        evidence=tuple(Evidence("note", note["label"], text=note["text"]) for note in cell["evidence"]),
        observations=tuple(cell["observations"]),
        signature=cell["signature"],
    )
