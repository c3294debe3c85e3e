"""Pairs clips with prompts: manifests, folders of clips, and prompt files.

Conventions
    A manifest is the contract; a folder is only one way to write one. A row is (path, prompt_id, system, take). A name
    matches a title when both agree after Unicode compatibility normalisation, case folding, and leaving out everything
    that is neither letter nor digit, so that any sanitiser of file names matches; a name cut short by a sanitiser
    matches the one title that begins with it.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.resources
import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avgen_bench.constraints.base import COLUMNS, kind_of, validate
from avgen_bench.errors import ConstraintError, ManifestError
from avgen_bench.types import (
    MODALITIES,
    QUESTION_TYPES,
    SEVERITIES,
    Check,
    Constraint,
    Expectation,
    Prompt,
    Question,
    Rung,
)

__all__ = [
    "BUILTIN",
    "CLIP_SUFFIXES",
    "EXPORTS",
    "NOT_MADE",
    "ClipRow",
    "absent_words",
    "clips_root",
    "export",
    "file_name",
    "file_names",
    "find_absent",
    "find_clips",
    "load_prompts",
    "match_key",
    "parse_prompt",
]

BUILTIN = "avgen-bench"

CLIP_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm"})
_TAKE = re.compile(r"(.+)\.take-([0-9]{1,6})", re.S)  # as file_name writes it
NOT_MADE = ("failed", "refused", "unknown")
"""What a manifest's column ``status`` says of a clip that a generator was asked for and did not deliver."""
_CUT_NAME_LENGTH = 150  # sanitisers cut names at 180 or 200 characters; a shorter prefix match would be a guess


@dataclass(frozen=True, slots=True)
class ClipRow:
    """One row of a manifest: ``path`` as written (for people), ``file`` where it lies."""

    path: str
    file: Path
    prompt_id: str
    system: str
    take: int = 0
    category: str = ""


def match_key(name: str) -> str:
    """The letters and digits of a name, case folded and normalised.

    >>> match_key("Café: au Lait?") == match_key("cafe\u0301_au lait")
    True
    """
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row of a JSON-lines or CSV file with its line number."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                reader = csv.DictReader(file)
                for row in reader:
                    where = f"{path.name}, line {reader.line_num}"
                    yield reader.line_num, {k: _cell(k, v, where) for k, v in row.items() if k and v}
                return
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise ManifestError(
                        f"{path.name}, line {number}: not JSON ({error}); expected one object a line"
                    ) from None
                if not isinstance(row, dict):
                    raise ManifestError(f"{path.name}, line {number}: got {type(row).__name__}; expected a JSON object")
                yield number, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"cannot read {path.name}: {error}; expected JSON lines or CSV in UTF-8") from None


_NESTED = ("constraints", "questions", "expectations", "ladder", "verification")


def _cell(name: str, value: str, where: str) -> Any:
    """A cell of a CSV file; the columns that hold lists or objects hold them as JSON."""
    if name not in _NESTED:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ManifestError(
            f"{where}: {name!r} is not JSON ({error}); expected a JSON list in the cell; datasets' to_csv writes none: "
            "write JSON lines or parquet instead"
        ) from None


def _text(row: Mapping[str, Any], names: Sequence[str], where: str, default: str | None = None) -> str:
    for name in names:
        if name in row:
            value = row[name]
            if not isinstance(value, str):
                raise ManifestError(f"{where}: {name!r} is {value!r}; expected text")
            return value
    if default is None:
        hint = "; columns are parted by commas" if any(";" in key for key in row) else ""
        raise ManifestError(f"{where}: no {names[0]!r}; got the fields {sorted(row)}{hint}")
    return default


def _noun(noun: Any, item: Any, where: str, names: Mapping[str, type]) -> Any:
    """``noun`` of a JSON object whose fields are exactly ``names``, where those with a default may be missing."""
    if not isinstance(item, Mapping):
        raise ManifestError(f"{where}: got {item!r}; expected an object with {', '.join(names)}")
    values = {name: value for name, value in item.items() if value is not None}
    for name, value in values.items():
        if name not in names:
            raise ManifestError(f"{where}: unknown field {name!r}; it takes {', '.join(names)}")
        kind = names[name]
        right = isinstance(value, kind) and not isinstance(value, bool)
        if kind is float:
            right = isinstance(value, float | int) and not isinstance(value, bool)
            right = right and abs(value) <= sys.float_info.max
        if kind is list:
            right = right and all(isinstance(one, str) for one in value)
        if not right:
            raise ManifestError(f"{where}: {name!r} is {value!r}; expected {_KIND_WORDS[kind]}")
        if kind is str and not value.strip() and name not in ("note", "digest"):
            raise ManifestError(f"{where}: {name!r} is empty; expected words")
    try:
        return noun(**values)
    except TypeError:
        raise ManifestError(f"{where}: got only {sorted(values)}; expected {', '.join(names)}") from None


_KIND_WORDS = {str: "text", int: "a whole number", float: "a number", list: "a list of texts"}
_QUESTION = {"id": str, "type": str, "modality": str, "text": str, "twin": str, "after": list}
_EXPECTATION = {"id": str, "severity": str, "observe": str, "contradict": str}
_RUNG = {"group": str, "dial": str, "unit": str, "amount": float, "rung": int}
_CHECK = {"type": str, "by": str, "date": str, "checks": list, "note": str, "digest": str}


def _items(row: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ManifestError(f"{where}: {name!r} is {value!r}; expected a list")
    return value


_CONSTRAINT = {
    "id": "a short name of its own, such as c1",
    "kind": "what it states, such as text_shown (avgen-bench list names all kinds)",
    "span": "the words of the prompt that state it, letter for letter",
}


def _constraint(item: Any, text: str, where: str) -> Constraint:
    if not isinstance(item, Mapping):
        raise ManifestError(f"{where}: got {item!r}; expected an object with id, kind, span and the kind's parameters")
    for name, meaning in _CONSTRAINT.items():
        if not isinstance(item.get(name), str):
            called = f", constraint {item['id']!r}" if isinstance(item.get("id"), str) else ""
            got = f"{name!r} is {item[name]!r}" if name in item else f"no {name!r}"
            raise ManifestError(f"{where}{called}: {got}; a constraint has {name!r}, {meaning}")
    foreign = [name for name in item if name not in ("id", "kind", "span") and name not in COLUMNS]
    if foreign:
        there = ", ".join(COLUMNS)
        raise ManifestError(
            f"{where}, constraint {item['id']!r}: no parameter is called {foreign[0]!r}; there are: {there}"
        )
    constraint = Constraint.from_json(item)
    try:
        validate(constraint)
    except ConstraintError as error:
        raise ManifestError(f"{where}, {error}") from None
    if not constraint.span.strip() or constraint.span not in text:
        raise ManifestError(
            f"{where}, constraint {constraint.id!r}: the span {constraint.span!r} does not stand in the text; copy "
            "the words that state the demand, letter for letter"
        )
    return constraint


def _one_of(value: str, allowed: Sequence[str], name: str, where: str) -> None:
    if value not in allowed:
        raise ManifestError(f"{where}: {name} is {value!r}; expected one of {', '.join(allowed)}")


def _distinct(ids: Iterable[str], what: str, where: str) -> set[str]:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise ManifestError(f"{where}: two {what} are called {name!r}; give each its own id")
        seen.add(name)
    return seen


def _check_refs(constraints: Sequence[Constraint], where: str) -> None:
    kinds = {constraint.id: constraint.kind for constraint in constraints}
    for constraint in constraints:
        for ref in constraint.get("refs", ()):
            if ref not in kinds or ref == constraint.id:
                raise ManifestError(
                    f"{where}, constraint {constraint.id!r}: refers to {ref!r}; expected ids of other constraints "
                    f"of this prompt: {', '.join(name for name in kinds if name != constraint.id)}"
                )
            if not kind_of(kinds[ref]).facts.has_moment:
                raise ManifestError(
                    f"{where}, constraint {constraint.id!r}: refers to {ref!r}, a {kinds[ref]}, which has no moment in "
                    "the clip; refer to words read or heard, notes, counted events, faces or a silence"
                )


def _check_dependencies(questions: Sequence[Question], where: str) -> None:
    seen: set[str] = set()
    names = {question.id for question in questions}
    for question in questions:
        for earlier in question.after:
            if earlier not in seen:
                problem = "comes later or is itself" if earlier in names else "does not exist"
                raise ManifestError(
                    f"{where}, question {question.id!r}: depends on {earlier!r}, which {problem}; name questions that "
                    "stand before it"
                )
        seen.add(question.id)


def parse_prompt(row: Mapping[str, Any], where: str) -> Prompt:
    """The prompt of a row of a prompt file.

    Fields: ``id`` (or ``category`` and ``title``, which then make the id), ``text`` or ``prompt``, ``title``,
    ``category``, ``language``, ``demands_sound``, ``duration_s``, ``constraints``, ``questions``, ``expectations``,
    ``ladder``, ``source``, ``license``, ``verification``; other fields are left alone.

    Args:
        row: JSON values.
        where: file and line, for errors.

    Raises:
        ManifestError: a field of the wrong type, an unknown kind, a span that is not in the text, a dangling reference;
            says where, what was got, what was expected.
    """
    title = _text(row, ["title"], where, "")
    category = _text(row, ["category"], where, "")
    name = _text(row, ["id", "prompt_id"], where, f"{category}/{title}" if title else None)
    if not name:
        raise ManifestError(f"{where}: the id is empty; expected a name that no other prompt has")
    where = f"{where}, prompt {name!r}"
    text = _text(row, ["text", "prompt"], where, "")
    duration_s = row.get("duration_s")
    if isinstance(duration_s, str):
        with contextlib.suppress(ValueError):
            duration_s = float(duration_s)
    if duration_s is not None and (
        not isinstance(duration_s, float | int)
        or isinstance(duration_s, bool)
        or not 0 < duration_s <= sys.float_info.max
    ):
        raise ManifestError(f"{where}: duration_s is {duration_s!r}; expected seconds, such as 8")
    stated = _items(row, "constraints", where)
    if stated and not text.strip():
        raise ManifestError(
            f"{where}: the row has no text, and its constraints are about words of it; give the field 'prompt' (or "
            f"'text'); got the fields {sorted(row)}"
        )
    constraints = tuple(_constraint(item, text, where) for item in stated)
    _distinct((item.id for item in constraints), "constraints", where)
    _check_refs(constraints, where)
    questions = tuple(
        _noun(Question, item, f"{where}, question {number}", _QUESTION)
        for number, item in enumerate(_items(row, "questions", where), 1)
    )
    _distinct((item.id for item in questions), "questions", where)
    for question in questions:
        _one_of(question.type, QUESTION_TYPES, "type", f"{where}, question {question.id!r}")
        _one_of(question.modality, MODALITIES, "modality", f"{where}, question {question.id!r}")
    _check_dependencies(questions, where)
    expectations = tuple(
        _noun(Expectation, item, f"{where}, expectation {number}", _EXPECTATION)
        for number, item in enumerate(_items(row, "expectations", where), 1)
    )
    _distinct((item.id for item in expectations), "expectations", where)
    for expectation in expectations:
        _one_of(expectation.severity, SEVERITIES, "severity", f"{where}, expectation {expectation.id!r}")
    ladder = row.get("ladder")
    return Prompt(
        id=name,
        text=text,
        title=title,
        category=category,
        language=_text(row, ["language"], where, "en"),
        demands_sound=str(row.get("demands_sound", True)).casefold() not in ("false", "0", "no"),
        duration_s=None if duration_s is None else float(duration_s),
        constraints=constraints,
        questions=questions,
        expectations=expectations,
        ladder=None if ladder is None else _noun(Rung, ladder, f"{where}, ladder", _RUNG),
        source=_text(row, ["source"], where, ""),
        license=_text(row, ["license"], where, ""),
        verification=tuple(
            _noun(Check, item, f"{where}, verification", _CHECK) for item in _items(row, "verification", where)
        ),
    )


def load_prompts(path: str | os.PathLike[str]) -> dict[str, Prompt]:
    """Prompts by id, in the order of the file.

    Args:
        path: a file (.jsonl, .csv or .parquet; fields as in :func:`parse_prompt`), or a configuration of the prompt set
            that comes with the package: ``avgen-bench``, ``avgen-bench:mini``, ``avgen-bench:ladders``. A file of that
            name wins.

    Raises:
        ManifestError: unreadable, a row without id, the same id for two different prompts, or a row that
            :func:`parse_prompt` refuses.
    """
    source = _builtin(str(path)) if not Path(path).exists() else Path(path)
    rows = _parquet_rows(source) if source.suffix.lower() == ".parquet" else _rows(source)
    prompts: dict[str, Prompt] = {}
    for number, row in rows:
        where = f"{source.name}, {'row' if source.suffix.lower() == '.parquet' else 'line'} {number}"
        prompt = parse_prompt(row, where)
        if prompts.setdefault(prompt.id, prompt) != prompt:
            raise ManifestError(
                f"{where}: the id {prompt.id!r} was already given to another prompt; ids must be unique"
            )
    if not prompts:
        raise ManifestError(f"{source.name} holds no prompt; expected one JSON object a line, or CSV rows")
    return prompts


def file_name(prompt: Prompt, take: int = 0) -> str:
    """What a generator should call the clip of a prompt: letters, digits, ``._-`` and nothing that leads elsewhere.

    >>> file_name(Prompt("ads-001")), file_name(Prompt("../ads/Tea: hot"), take=2)
    ('ads-001.mp4', 'ads_Tea_hot.take-2.mp4')
    """
    stem = (re.sub(r"[^\w.-]+", "_", prompt.id).strip("._-") or "clip")[:_CUT_NAME_LENGTH]
    return f"{stem}.take-{take}.mp4" if take else f"{stem}.mp4"


def file_names(prompts: Iterable[Prompt], take: int = 0) -> dict[str, str]:
    """The file name of each prompt's clip, by id.

    Raises:
        ManifestError: two prompts whose clips would have the same file name.
    """
    taken: dict[str, str] = {}
    names: dict[str, str] = {}
    for prompt in prompts:
        name = names[prompt.id] = file_name(prompt, take)
        if taken.setdefault(name.casefold(), prompt.id) != prompt.id:
            other = taken[name.casefold()]
            raise ManifestError(f"prompts {other!r} and {prompt.id!r} would both be called {name!r}; change an id")
    return names


EXPORTS = ("jsonl", "csv", "txt")


def export(prompts: Iterable[Prompt], form: str, full: bool = False) -> str:
    """Prompts for people who generate clips, each with the file name that scoring expects.

    Args:
        prompts: in the order wanted.
        form: ``jsonl`` (objects with id, file, prompt, duration_s, category, title), ``csv`` (the same columns), or
            ``txt`` (file name, tab, prompt).
        full: in ``jsonl``, also the constraints, questions and everything else, for :func:`load_prompts`.

    Raises:
        ManifestError: two prompts whose clips would have the same file name.
        ValueError: an unknown form.
    """
    rows = []
    prompts = list(prompts)
    names = file_names(prompts)
    for prompt in prompts:
        row: dict[str, Any] = {"id": prompt.id, "file": names[prompt.id]}
        row |= {"prompt": prompt.text, "duration_s": prompt.duration_s}
        row |= {"category": prompt.category, "title": prompt.title}
        if full:
            row |= {key: value for key, value in prompt.to_json().items() if key not in (*row, "text")}
        rows.append(row)
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if form == "txt":
        return "".join(f"{row['file']}\t{' '.join(row['prompt'].split())}\n" for row in rows)
    if form != "csv":
        raise ValueError(f"the form is {form!r}; expected one of {', '.join(EXPORTS)}")
    sink = io.StringIO()
    writer = csv.DictWriter(sink, ["id", "file", "prompt", "duration_s", "category", "title"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: row[key] for key in writer.fieldnames} for row in rows)
    return sink.getvalue()


def _builtin(name: str) -> Path:
    """The parquet file of a configuration that comes with the package; other names are paths, there or not."""
    stem, colon, config = name.partition(":")
    if stem != BUILTIN:
        return Path(name)
    config = config if colon else "default"
    folder = Path(str(importlib.resources.files("avgen_bench.dataset"))) / "data"
    file = folder / f"{config}-test.parquet"
    if not re.fullmatch(r"[a-z_]+", config) or not file.is_file():
        there = ", ".join(sorted(found.name.removesuffix("-test.parquet") for found in folder.glob("*-test.parquet")))
        raise ManifestError(f"the prompt set has no configuration {config!r}; there are: {there}")
    return file


def _parquet_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import pyarrow
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise ManifestError(f"cannot read {path.name}: {error}; expected the parquet of a prompt set") from None
    yield from enumerate(rows, 1)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(root, name)
            if path.suffix.lower() in CLIP_SUFFIXES and not name.startswith("."):
                yield path


class Matcher:
    """File names to prompt ids."""

    def __init__(self, prompts: Mapping[str, Prompt]) -> None:
        self._exact = {unicodedata.normalize("NFC", name): name for name in prompts}
        self._keys: dict[tuple[str, str], list[str]] = {}
        for prompt in prompts.values():
            for name in {match_key(prompt.id), match_key(prompt.title)} - {""}:
                self._keys.setdefault((match_key(prompt.category), name), []).append(prompt.id)
                self._keys.setdefault(("", name), []).append(prompt.id)

    def find(self, stem: str, category: str) -> str | None:
        found = self._exact.get(unicodedata.normalize("NFC", stem))
        if found is not None:
            return found
        key = match_key(stem)
        for folder in (match_key(category), ""):
            names = dict.fromkeys(self._keys.get((folder, key), ()))
            if not names and len(stem) >= _CUT_NAME_LENGTH:
                names = dict.fromkeys(
                    name
                    for (where, whole), ids in self._keys.items()
                    if where == folder and whole.startswith(key)
                    for name in ids
                )
            if len(names) == 1:
                return next(iter(names))
        return None


def _from_files(folder: Path, files: Iterable[Path], prompts: Mapping[str, Prompt], system: str) -> Iterator[ClipRow]:
    matcher = Matcher(prompts)
    unmatched: list[str] = []
    for file in files:
        path = file.relative_to(folder).as_posix()
        category = file.parent.name if file.parent != folder else ""
        stem, take = unicodedata.normalize("NFC", file.stem), 0
        named = _TAKE.fullmatch(stem)
        if named and not (prompts and matcher.find(stem, category)):
            stem, take = named[1], int(named[2])
        prompt_id: str | None = f"{category}/{stem}" if category else stem
        if prompts:
            prompt_id = matcher.find(stem, category)
            if prompt_id is None:
                unmatched.append(path)
                continue
            category = prompts[prompt_id].category or category
        yield ClipRow(path, file, prompt_id or "", system, take, category)
    if unmatched:
        shown = ", ".join(unmatched[:5]) + (f" and {len(unmatched) - 5} more" if len(unmatched) > 5 else "")
        raise ManifestError(
            f"match no prompt by id or title: {shown} ({len(unmatched)} in all); rename them to <prompt_id>.mp4 or "
            "<category>/<title>.mp4, or write a manifest with the columns path, prompt_id"
        )


def _from_manifest(
    source: Path, prompts: Mapping[str, Prompt], system: str, *, is_absent: bool = False
) -> Iterator[ClipRow]:
    """The rows that have a clip, or those that say that theirs was never made."""
    for number, row in _rows(source):
        where = f"{source.name}, line {number}"
        path = _text(row, ["path", "file"], where)
        if "\0" in path or not path:
            raise ManifestError(f"{where}: the path is {path!r}; expected the name of a clip")
        gone = row.get("status") in NOT_MADE and not os.path.lexists(source.parent / path)
        if gone is not is_absent:
            continue
        default = f"{row['category']}/{row['title']}" if "category" in row and "title" in row else Path(path).stem
        prompt_id = _text(row, ["prompt_id", "id"], where, default)
        if prompts and prompt_id not in prompts:
            raise ManifestError(f"{where}: no prompt has the id {prompt_id!r}; take one from the prompt file")
        take = row.get("take", 0)
        try:
            if isinstance(take, float | bool):
                raise TypeError
            take = int(take)
        except (TypeError, ValueError):
            raise ManifestError(f"{where}: take is {take!r}; expected a whole number") from None
        category = prompts[prompt_id].category if prompts else _text(row, ["category"], where, "")
        yield ClipRow(path, source.parent / path, prompt_id, _text(row, ["system"], where, system), take, category)


def clips_root(clips: str | os.PathLike[str]) -> Path:
    """The folder that the paths of :func:`find_clips` are relative to."""
    source = Path(clips)
    return source if source.is_dir() else source.parent


def find_absent(clips: str | os.PathLike[str], prompts: Mapping[str, Prompt], system: str = "") -> list[ClipRow]:
    """The rows of a manifest whose clip a generator was asked for and did not deliver, sorted.

    They score the floor where ``prompts`` say what was wanted. An empty mapping leaves the ids of the rows unchecked.

    Raises:
        ManifestError: the manifest cannot be used.
    """
    source = Path(clips)
    if source.suffix.lower() not in (".jsonl", ".csv") or not source.is_file():
        return []
    rows = {
        (row.system, row.prompt_id, row.take): row
        for row in _from_manifest(source, prompts, system or source.stem, is_absent=True)
    }
    return [rows[key] for key in sorted(rows)]


def absent_words(count: int) -> str:
    """What to say of rows without a clip where there are no prompts.

    >>> absent_words(1)
    '1 row of the manifest has no clip: give --prompts FILE to count it at the floor'
    """
    rows, them = ("row of the manifest has", "it") if count == 1 else ("rows of the manifest have", "them")
    return f"{count} {rows} no clip: give --prompts FILE to count {them} at the floor"


def find_clips(
    clips: str | os.PathLike[str], prompts: Mapping[str, Prompt] | None = None, system: str = ""
) -> list[ClipRow]:
    """The rows of a folder, a manifest (JSON lines or CSV) or a single clip, sorted.

    There is none only where there are prompts and a manifest says of every row that its clip was never made
    (:func:`find_absent`).

    Raises:
        ManifestError: nothing there, without prompts no row that has a clip, names that match no prompt, or two rows
            for one (system, prompt, take).
    """
    prompts = prompts or {}
    source = Path(clips)
    if source.is_dir():
        rows = list(_from_files(source, _walk(source), prompts, system or source.resolve().name))
        expected = f"clip ({', '.join(sorted(CLIP_SUFFIXES))})"
    elif not source.exists():
        raise ManifestError(f"{str(source)!r} does not exist; expected a folder of clips, a manifest or a clip")
    elif source.suffix.lower() in CLIP_SUFFIXES:
        rows = list(_from_files(source.parent, [source], prompts, system or source.resolve().parent.name))
        expected = "clip"
    elif source.suffix.lower() in (".jsonl", ".csv"):
        rows = list(_from_manifest(source, prompts, system or source.stem))
        expected = "row with the columns path, prompt_id, system, take"
    else:
        raise ManifestError(f"{source.name!r} is no folder, clip, .jsonl or .csv; expected one of these")
    if not rows:
        absent = find_absent(clips, prompts, system)
        if absent and not prompts:
            raise ManifestError(f"{str(source)!r}: {absent_words(len(absent))}")
        if not absent:
            raise ManifestError(f"{str(source)!r} holds no {expected}")
    seen: dict[tuple[str, str, int], ClipRow] = {}
    for row in rows:
        other = seen.setdefault((row.system, row.prompt_id, row.take), row)
        if other is not row:
            raise ManifestError(
                f"{row.path!r} and {other.path!r} both answer prompt {row.prompt_id!r} of system {row.system!r}, take "
                f"{row.take}; give them different takes in a manifest, or remove one"
            )
    return sorted(rows, key=lambda row: (row.system, row.prompt_id, row.take))
