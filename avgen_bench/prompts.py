"""Pairs clips with prompts: manifests, folders of clips, and prompt files.

Conventions
    A manifest is the contract; a folder is only one way to write one. A row is (path, prompt_id, system, take). A name
    matches a title when both agree after Unicode compatibility normalisation, case folding, and leaving out everything
    that is neither letter nor digit, so that any sanitiser of file names matches; a name cut short by a sanitiser
    matches the one title that begins with it.
"""

from __future__ import annotations

import csv
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avgen_bench.errors import ManifestError
from avgen_bench.types import Prompt

__all__ = ["CLIP_SUFFIXES", "ClipRow", "clips_root", "find_clips", "load_prompts", "match_key"]

CLIP_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm"})
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
                    yield reader.line_num, {key: value for key, value in row.items() if key and value}
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


def load_prompts(path: str | os.PathLike[str]) -> dict[str, Prompt]:
    """Prompts by id, in the order of the file (JSON lines or CSV).

    Fields: ``id`` (or ``category`` and ``title``, which then make the id), ``prompt`` or ``text``, ``title``,
    ``category``, ``language``, ``demands_sound``.

    Raises:
        ManifestError: unreadable, a row without id, or the same id for two different prompts.
    """
    source = Path(path)
    prompts: dict[str, Prompt] = {}
    for number, row in _rows(source):
        where = f"{source.name}, line {number}"
        title = _text(row, ["title"], where, "")
        category = _text(row, ["category"], where, "")
        name = _text(row, ["id", "prompt_id"], where, f"{category}/{title}" if title else None)
        sound = row.get("demands_sound", True)
        sound = str(sound).casefold() not in ("false", "0", "no")
        text = _text(row, ["prompt", "text"], where, "")
        language = _text(row, ["language"], where, "en")
        prompt = Prompt(name, text, title, category, language, sound)
        if prompts.setdefault(name, prompt) != prompt:
            raise ManifestError(f"{where}: the id {name!r} was already given to another prompt; ids must be unique")
    if not prompts:
        raise ManifestError(f"{source.name} holds no prompt; expected one JSON object a line, or CSV rows")
    return prompts


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(root, name)
            if path.suffix.lower() in CLIP_SUFFIXES and not name.startswith("."):
                yield path


class _Matcher:
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
    matcher = _Matcher(prompts)
    unmatched: list[str] = []
    for file in files:
        path = file.relative_to(folder).as_posix()
        category = file.parent.name if file.parent != folder else ""
        stem = unicodedata.normalize("NFC", file.stem)
        prompt_id: str | None = f"{category}/{stem}" if category else stem
        if prompts:
            prompt_id = matcher.find(stem, category)
            if prompt_id is None:
                unmatched.append(path)
                continue
            category = prompts[prompt_id].category or category
        yield ClipRow(path, file, prompt_id or "", system, 0, category)
    if unmatched:
        shown = ", ".join(unmatched[:5]) + (f" and {len(unmatched) - 5} more" if len(unmatched) > 5 else "")
        raise ManifestError(
            f"match no prompt by id or title: {shown} ({len(unmatched)} in all); rename them to <prompt_id>.mp4 or "
            "<category>/<title>.mp4, or write a manifest with the columns path, prompt_id"
        )


def _from_manifest(source: Path, prompts: Mapping[str, Prompt], system: str) -> Iterator[ClipRow]:
    for number, row in _rows(source):
        where = f"{source.name}, line {number}"
        path = _text(row, ["path", "file"], where)
        if "\0" in path or not path:
            raise ManifestError(f"{where}: the path is {path!r}; expected the name of a clip")
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


def find_clips(
    clips: str | os.PathLike[str], prompts: Mapping[str, Prompt] | None = None, system: str = ""
) -> list[ClipRow]:
    """The rows of a folder, a manifest (JSON lines or CSV) or a single clip, sorted.

    Raises:
        ManifestError: nothing there, names that match no prompt, or two rows for one (system, prompt, take).
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
