"""The report as one self-contained web page: all numbers, then every clip with player and evidence.

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

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avgen_bench.report_page.cards import STATUS_WORDS, clip_card, list_sorts, rank_clips
from avgen_bench.report_page.dials import dial_tables
from avgen_bench.report_page.failures import list_failures, signature_rows
from avgen_bench.report_page.files import (
    EMBED_LIMIT_BYTES,
    Embed,
    asset,
    clip_url,
    digest_of,
    is_clip,
    place_of,
    template,
)
from avgen_bench.report_page.judged import judged_section
from avgen_bench.report_page.profile import heat_maps, profile
from avgen_bench.report_page.scores import distribution
from avgen_bench.report_page.totals import total_section
from avgen_bench.report_page.verdicts import kinds_table
from avgen_bench.report_words import DASH, headline, power_words
from avgen_bench.store import write_text

__all__ = ["EMBED_LIMIT_BYTES", "Embed", "clip_url", "render", "write_html"]


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
    paths = [_clip_path(row, clips_root) for row in report["clips"]]
    if embed == "auto":
        total = sum(path.stat().st_size for path in paths if path is not None)
        embed = "always" if total <= EMBED_LIMIT_BYTES else "never"
    inside = embed == "always"
    sources = [
        None
        if path is None or (inside and not is_clip(path, row["clip_id"]))
        else clip_url(path, folder, inside=inside)
        for path, row in zip(paths, report["clips"], strict=True)
    ]
    ranks = rank_clips(report)
    cards = [clip_card(report, place, source, ranks) for place, source in enumerate(sources)]
    cards.sort(key=lambda card: card["ranks"]["any"])
    script = asset("report.js")
    return template("report.html.j2").render(
        headline=headline(report),
        report=report,
        style=asset("report.css"),
        script=script,
        script_digest=digest_of(script),
        profile=profile(report),
        heat=heat_maps(report),
        total=total_section(report),
        power=power_words(report),
        signatures=signature_rows(report),
        scores=[distribution(report, facts) for facts in report["dimensions"]],
        constraints=kinds_table(report),
        dials=dial_tables(report),
        judged=judged_section(report),
        cards=cards,
        sorts=list_sorts(report, ranks),
        statuses=[(name, report["counts"][name]) for name in ("floor", "abstained", "failed", "missing")],
        status_words={**STATUS_WORDS, "floor": "at the floor"},
        failures=list_failures(cards, len(report["systems"]) > 1),
        several_systems=len(report["systems"]) > 1,
        dash=DASH,
    )


def _clip_path(row: Mapping[str, Any], clips_root: str | os.PathLike[str]) -> Path | None:
    """Where the clip lies, or None.

    What could not be read as a clip gets no player: a manifest may name any file of this machine.
    """
    return None if row["media"] is None else place_of(row["path"], clips_root)
