"""Model files named by their sha256: the digest decides, not the source.

A file is looked for in this package's cache, and in installed packages that carry it, whole or in parts that are joined
in the cache. A file with another digest is refused whatever its source. No code of a package that only carries data is
run. Nothing here uses the network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avgen_bench.errors import MissingInstrument

__all__ = ["Source", "WeightFile", "cache_folder", "find", "folder_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file may be found: paths inside installed packages, in the order in which their bytes are joined."""

    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One model file.

    Attributes:
        name: its name in the cache.
        sha256: 64 hex digits.
        sources: tried in order.
        remedy: the command that installs a source.
        license: of the weights.
    """

    name: str
    sha256: str
    sources: tuple[Source, ...]
    remedy: str
    license: str = ""


def cache_folder() -> Path:
    """The folder for files that had to be joined: ``$XDG_CACHE_HOME/avgen-bench/weights``, else under ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "avgen-bench" / "weights"


def folder_of(package: str) -> Path | None:
    """The folder of an installed package, found without importing it; None when it is not installed."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for place in (spec and spec.submodule_search_locations) or ():
        if os.path.isdir(place):
            return Path(place)
    return None


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


_right: dict[tuple[str, int, int], bool] = {}  # (path, size, mtime) checked in this process


def _is_right(path: Path, sha256: str) -> bool:
    try:
        facts = path.stat()
    except OSError:
        return False
    key = (f"{path}:{sha256}", facts.st_size, facts.st_mtime_ns)
    if key not in _right:
        _right[key] = _digest([path]) == sha256
    return _right[key]


def _join(weight: WeightFile, parts: Sequence[Path], into: Path) -> Path:
    into.parent.mkdir(parents=True, exist_ok=True)
    draft = into.with_name(f".{into.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("wb") as file:
            for part in parts:
                file.write(part.read_bytes())
        os.replace(draft, into)
    finally:
        draft.unlink(missing_ok=True)
    return into


def find(weight: WeightFile) -> Path:
    """The path of a model file whose digest is right; joins parts in the cache on first use.

    Raises:
        MissingInstrument: no source has it, or what is there has another digest; says what to install.
    """
    cached = cache_folder() / weight.sha256[:16] / weight.name
    if _is_right(cached, weight.sha256):
        return cached
    wrong = []
    for source in weight.sources:
        folders = [(folder_of(package), path) for package, path in source.parts]
        parts = [folder / path for folder, path in folders if folder is not None]
        if len(parts) < len(folders) or not all(part.is_file() for part in parts):
            continue
        if len(parts) == 1:
            if _is_right(parts[0], weight.sha256):
                return parts[0]
        elif _digest(parts) == weight.sha256:
            return _join(weight, parts, cached)
        wrong.append(source.parts[0][0])
    if wrong:
        raise MissingInstrument(
            f"{weight.name} in {', '.join(wrong)} does not have the sha256 {weight.sha256[:16]}...; it is refused; "
            f"{weight.remedy}"
        )
    raise MissingInstrument(weight.remedy)
