"""What the pages are made of: templates, styles and scripts of this package, and clips of others."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    import jinja2

__all__ = ["EMBED_LIMIT_BYTES", "Embed", "asset", "clip_url", "digest_of", "is_clip", "place_of", "template"]

EMBED_LIMIT_BYTES = 24 * 2**20
Embed = Literal["auto", "always", "never"]

_MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",  # browsers refuse video/quicktime by name and play the same boxes as mp4
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
}


@functools.cache
def asset(name: str) -> str:
    """The text of a file of ``templates``."""
    return (resources.files("avgen_bench") / "templates" / name).read_text(encoding="utf-8")


def digest_of(script: str) -> str:
    """A script's sha256 as the content security policy wants it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def template(name: str) -> jinja2.Template:
    """The template of that name; it escapes everything that it is given."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=jinja2.DictLoader({name: asset(name)}),
        bytecode_cache=_bytecode_cache(),
    )
    return environment.get_template(name)


def _bytecode_cache() -> jinja2.BytecodeCache | None:
    """Where the compiled template is kept between runs: a folder that belongs to this user alone, else nowhere.

    Compiling it costs as much as everything else about a small page.
    """
    import jinja2

    try:
        return jinja2.FileSystemBytecodeCache()
    except (RuntimeError, OSError):
        return None


def is_clip(path: Path, clip_id: str) -> bool:
    """Whether the file still is the clip that was measured: nothing else may be put into a page."""
    with path.open("rb") as file:
        return bool(hashlib.file_digest(file, "sha256").hexdigest() == clip_id)


def place_of(path: str, clips_root: str | os.PathLike[str]) -> Path | None:
    """Where the clip lies, or None where there is no ordinary file (a pipe or device must not be opened)."""
    try:
        found = Path(clips_root) / path
        return found if path and found.is_file() else None
    except (OSError, ValueError):  # a name too long or with a NUL in it names no file
        return None


def clip_url(path: Path, folder: Path, *, inside: bool = False) -> str:
    """The URL of a clip for a page in ``folder``: relative and percent-encoded, or the whole clip as a data URL."""
    if inside:
        kind = _MEDIA_TYPES.get(path.suffix.lower(), "video/mp4")
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    try:
        way = os.path.relpath(path.absolute(), folder.absolute())
    except ValueError:  # another drive
        return path.absolute().as_uri()
    return quote(os.fsencode(way.replace(os.sep, "/")))
