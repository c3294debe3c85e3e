"""Reads files of a foreign results folder: bounded, never out of the folder, and nothing dropped without a word.

Conventions
    Paths are relative to the folder, with ``/``, and are made of fixed names and of names that the folder lists, never
    of what a file says. Whatever is there and cannot be used is named in ``problems``; what is not there is None.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from avgen_bench.errors import InputError

__all__ = ["Folder", "as_number"]

MOST_BYTES = 64 << 20
MOST_ROWS = 100_000
MOST_NAMES = 20_000
_MOST_NUMBER = 1e12
_MOST_PROBLEMS = 1000
_SHOWN = 60
_DEEPEST = 6


def as_number(value: Any) -> float | None:
    """A finite number, also of text that says one; None for nothing (None, empty text).

    Raises:
        ValueError: NaN, infinity, or no number; says what was got.

    >>> as_number(" 85.5 "), as_number("")
    (85.5, None)
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    found = math.nan
    if isinstance(value, str):
        if len(value) <= _SHOWN and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value, re.ASCII):
            found = float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST_NUMBER:
        found = float(value)
    if not math.isfinite(found) or abs(found) > _MOST_NUMBER:
        raise ValueError(f"{str(value)[:_SHOWN]!r} is no finite number")
    return found


class Folder:
    """A foreign folder.

    Attributes:
        root: where it lies.
        files: sha256 of every file that was read, by path.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)
        self._named: dict[str, None] = {}
        self._more = 0
        self.files: dict[str, str] = {}
        self._kept: dict[str, bytes | None] = {}
        if not self.root.is_dir():
            raise InputError(
                f"{os.fspath(root)!r} is no folder; expected the output folder of AVGen-Bench's evaluation"
            )
        self._real = self.root.resolve()

    def complain(self, text: str) -> None:
        """Name a problem, once; beyond so many they are only counted."""
        if text in self._named:
            return
        if len(self._named) < _MOST_PROBLEMS:
            self._named[text] = None
        else:
            self._more += 1

    @property
    def problems(self) -> list[str]:
        """What was there and could not be used, in the order of reading."""
        return [*self._named, *([f"and {self._more} more problems"] if self._more else [])]

    def names(self, path: str) -> list[str]:
        """The names in a sub-folder, sorted; hidden ones and those that are not UTF-8 are left out."""
        place = self._place(path)
        if place is None or not place.is_dir():
            return []
        try:
            with os.scandir(place) as entries:
                found: list[str] = []
                for entry in entries:
                    if len(found) >= MOST_NAMES:
                        self.complain(f"{path}: more than {MOST_NAMES} names; the rest was not looked at")
                        break
                    found.append(entry.name)
        except OSError as error:
            self.complain(f"{path}: cannot be listed: {error.strerror}")
            return []
        kept = []
        for name in sorted(found):
            try:
                name.encode()
            except UnicodeEncodeError:
                self.complain(f"{path}: a name that is not UTF-8 was left out: {name!a}")
                continue
            if not name.startswith("."):
                kept.append(name)
        return kept

    def passed_over(self) -> list[str]:
        """Every file that was not read, sorted: hidden ones aside, at most 20 000 names, at most six folders deep."""
        found: list[str] = []
        looked_at = 0
        for place, folders, names in os.walk(self.root):
            base = Path(place).relative_to(self.root)
            folders[:] = sorted(name for name in folders if not name.startswith(".") and len(base.parts) < _DEEPEST)
            paths = [(base / name).as_posix() for name in sorted(names) if not name.startswith(".")]
            found += [os.fsencode(path).decode("utf-8", "backslashreplace") for path in paths if path not in self.files]
            looked_at += len(names) + len(folders)
            if looked_at > MOST_NAMES:
                break
        return sorted(found)

    def _place(self, path: str) -> Path | None:
        """Where it lies, or None where nothing does; a link that leads out of the folder is named."""
        place = self.root / path
        try:
            place.lstat()
            real = place.resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return None
        if not real.is_relative_to(self._real):
            self.complain(f"{path}: a link that leads out of the folder; not followed")
            return None
        return place

    def has(self, path: str) -> bool:
        """Whether a file is there, usable or not."""
        return os.path.lexists(self.root / path)

    def read(self, path: str) -> bytes | None:
        """The bytes of a regular file of at most 64 MiB."""
        if path in self._kept:
            return self._kept[path]
        self._kept[path] = None
        place = self._place(path)
        if place is None:
            return None
        try:
            facts = place.stat()
            if not stat.S_ISREG(facts.st_mode):
                self.complain(f"{path}: not a regular file")
                return None
            with place.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            self.complain(f"{path}: cannot be read: {error.strerror}")
            return None
        if len(data) > MOST_BYTES:
            self.complain(f"{path}: larger than {MOST_BYTES >> 20} MiB; not read")
            return None
        self.files[path] = hashlib.sha256(data).hexdigest()
        self._kept[path] = data
        return data

    def _text(self, path: str) -> str | None:
        data = self.read(path)
        if data is None:
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.complain(f"{path}: not UTF-8 (byte {error.start})")
            return None

    def _json(self, text: str, where: str) -> Any:
        try:
            # NaN and Infinity stay text, so that the row that holds one can be named
            return json.loads(text, parse_constant=str)
        except (ValueError, RecursionError) as error:
            self.complain(f"{where}: not JSON ({str(error)[:_SHOWN]})")
            return None

    def json(self, path: str) -> Any:
        """What a JSON file holds; NaN and infinity as the text by which they are written."""
        text = self._text(path)
        value = None if text is None else self._json(text, path)
        if value is None and text is not None:
            self.complain(f"{path}: holds nothing that can be used")
        return value

    def json_lines(self, path: str) -> list[tuple[str, dict[str, Any]]] | None:
        """Each object of a JSON-lines file with where it stands."""
        text = self._text(path)
        if text is None:
            return None
        found = []
        for number, line in enumerate(io.StringIO(text, newline=None), 1):
            where = f"{path}, line {number}"
            if number > MOST_ROWS:
                self.complain(f"{path}: more than {MOST_ROWS} lines; the rest was not read")
                break
            if not line.strip():
                continue
            value = self._json(line, where)
            if isinstance(value, dict):
                found.append((where, value))
            elif value is not None:
                self.complain(f"{where}: {type(value).__name__}; expected an object")
        if not found:
            self.complain(f"{path}: holds no row that can be used")
            return None
        return found

    def table(self, path: str, columns: Sequence[str] = ()) -> list[tuple[str, dict[str, str]]] | None:
        """Each row of a CSV file, by column, with where it stands; None where there is none, or a column is lacking."""
        text = self._text(path)
        if text is None:
            return None
        if "\0" in text:
            self.complain(f"{path}: not CSV (it holds a NUL)")
            return None
        found: list[tuple[str, dict[str, str]]] = []
        try:
            for number, row in self._rows(path, text):
                found.append((f"{path}, line {number}", row))
        except csv.Error as error:
            self.complain(f"{path}: not CSV ({error}); none of its rows was used")
            return None
        if not found:
            self.complain(f"{path}: holds no row that can be used")
            return None
        lacking = [name for name in columns if name not in found[0][1]]
        if lacking:
            self.complain(f"{path}: no column {lacking[0]!r}; none of its rows was used")
            return None
        return found

    def _rows(self, path: str, text: str) -> Iterator[tuple[int, dict[str, str]]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        heads: list[str] | None = None
        for count, cells in enumerate(reader):
            if count > MOST_ROWS:
                self.complain(f"{path}: more than {MOST_ROWS} rows; the rest was not read")
                return
            if heads is None:
                heads = [cell.strip() for cell in cells]
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(heads):
                self.complain(f"{path}, line {reader.line_num}: {len(cells)} cells under {len(heads)} heads; not used")
                continue
            yield reader.line_num, dict(zip(heads, cells, strict=True))
