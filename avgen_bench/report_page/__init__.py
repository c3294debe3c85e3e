"""The report as one self-contained web page: scores, constraints, ladders, then every clip with player and evidence.

Conventions
    The page needs no network and no server: style, script and thumbnails are inside. Clips are linked by a path
    relative to the page, or put inside it. All text goes through the template engine's escaping; the content security
    policy admits only the page's own script, by its digest, and no connection anywhere.

    Evidence is drawn by its kind alone: parts as bars, spans and curves over seconds on the timeline of the clip, other
    curves as small plots of their own. Geometry is worked out in this package; the template only writes it down.

    Evidence of a constraint's verdict has two more forms. A span is drawn as a bar with its ``text``, or its label, on
    it. A span whose label is ``note``, ``note <name>`` or ``expected note`` and whose value is a MIDI number, or whose
    label is the name of a note with its octave, is drawn on a piano roll, expected notes as outlines. A label that
    begins with ``wrong``, ``missing``, ``extra`` or ``unexpected`` marks the span as a mistake, in the lane of the
    label without that word. Instants remain ticks. What was read in the picture is taken as it stands.

    A span with a ``box`` is drawn over the player while it lasts, and as a still that the browser cuts out of the clip
    when somebody opens it: no frame is decoded for the page.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from avgen_bench.report_page.cards import STATUS_WORDS, clip_card, list_failures, list_sorts, rank_clips
from avgen_bench.report_page.dials import dial_tables
from avgen_bench.report_page.judged import judged_section
from avgen_bench.report_page.scores import distribution
from avgen_bench.report_page.verdicts import kinds_table
from avgen_bench.report_words import DASH, headline
from avgen_bench.store import write_text

if TYPE_CHECKING:
    import jinja2

__all__ = ["EMBED_LIMIT_BYTES", "Embed", "clip_url", "render", "write_html"]

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


def write_html(
    report: Mapping[str, Any], path: str | os.PathLike[str], clips_root: str | os.PathLike[str], embed: Embed = "auto"
) -> Path:
    """The path of the page just written; see :func:`render` for what it holds."""
    return write_text(render(report, Path(path).parent, clips_root, embed), path)


def render(report: Mapping[str, Any], folder: Path, clips_root: str | os.PathLike[str], embed: Embed = "auto") -> str:
    """The page's text, to be written into ``folder``.

    Args:
        report: what :func:`avgen_bench.report.build` made.
        folder: where the page will lie; links to clips start there.
        clips_root: the folder that relative clip paths start from.
        embed: ``always`` puts the clips into the page, ``never`` links them, ``auto`` puts them inside as long as all
            of them together are no larger than 24 MiB.

    Raises:
        ValueError: ``embed`` is none of the three.
    """
    if embed not in ("auto", "always", "never"):
        raise ValueError(f"embed is {embed!r}; expected 'auto', 'always' or 'never'")
    import jinja2

    paths = [_clip_path(row, clips_root) for row in report["clips"]]
    if embed == "auto":
        total = sum(path.stat().st_size for path in paths if path is not None)
        embed = "always" if total <= EMBED_LIMIT_BYTES else "never"
    inside = embed == "always"
    sources = [
        None if path is None or (inside and not _is_clip(path, row)) else clip_url(path, folder, inside=inside)
        for path, row in zip(paths, report["clips"], strict=True)
    ]
    ranks = rank_clips(report)
    cards = [clip_card(report, place, source, ranks) for place, source in enumerate(sources)]
    cards.sort(key=lambda card: card["ranks"]["any"])
    script = _asset("report.js")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=jinja2.DictLoader({"report.html.j2": _asset("report.html.j2")}),
        bytecode_cache=_bytecode_cache(),
    )
    return environment.get_template("report.html.j2").render(
        headline=headline(report),
        report=report,
        style=_asset("report.css"),
        script=script,
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        scores=[distribution(report, facts) for facts in report["dimensions"]],
        constraints=kinds_table(report),
        dials=dial_tables(report),
        judged=judged_section(report),
        cards=cards,
        sorts=list_sorts(report, ranks),
        statuses=[(name, report["counts"][name]) for name in ("floor", "abstained", "failed", "missing")],
        status_words={**STATUS_WORDS, "floor": "at the floor"},
        failures=list_failures(cards),
        several_systems=len(report["systems"]) > 1,
        dash=DASH,
    )


@functools.cache
def _asset(name: str) -> str:
    return (resources.files("avgen_bench") / "templates" / name).read_text(encoding="utf-8")


def _bytecode_cache() -> jinja2.BytecodeCache | None:
    """Where the compiled template is kept between runs: a folder that belongs to this user alone, else nowhere.

    Compiling it costs as much as everything else about a small page.
    """
    import jinja2

    try:
        return jinja2.FileSystemBytecodeCache()
    except (RuntimeError, OSError):
        return None


def _is_clip(path: Path, row: Mapping[str, Any]) -> bool:
    """Whether the file still is the clip that was measured: nothing else may be put into a page."""
    with path.open("rb") as file:
        return bool(hashlib.file_digest(file, "sha256").hexdigest() == row["clip_id"])


def _clip_path(row: Mapping[str, Any], clips_root: str | os.PathLike[str]) -> Path | None:
    """Where the clip lies, or None where there is no ordinary file (a pipe or device must not be opened).

    What could not be read as a clip gets no player: a manifest may name any file of this machine.
    """
    if not row["path"] or row["media"] is None:
        return None
    try:
        path = Path(clips_root) / row["path"]
        return path if path.is_file() else None
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
