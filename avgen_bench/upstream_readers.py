"""What the files of each of AVGen-Bench's eleven metrics say of each clip, and the mean that upstream has.

Conventions
    A reader takes the files of one run tag and keeps what it finds as it stands: a row per clip with a status, the
    number upstream averaged, and what is odd about it. File names, columns, the order in which upstream looks for a
    mean, and what it leaves out are those of microsoft/AVGen-Bench at commit 1049eab.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from avgen_bench.types import Status
from avgen_bench.upstream_folder import Folder, as_number

__all__ = ["MUSIC", "READERS", "SHOWN", "TAGGED_FOLDERS", "Found", "Reader", "Row", "quiet_number", "tags"]

MUSIC = "musical_instrument_tutorial"
"""The only category of the metric ``music``."""
SHOWN = 200
_ALL, _TOTAL = "__ALL__", "TOTAL"


# --------------------------------------------------------------------------- what one metric's files say


@dataclass(frozen=True, slots=True)
class Row:
    """What one metric says of one clip.

    ``value`` is None where there is none; ``status`` is then why. ``counted`` is what upstream averaged, None where it
    left the clip out. ``is_there`` is whether the row proves that the clip exists.
    """

    category: str
    title: str
    where: str
    status: Status
    value: float | None = None
    counted: float | None = None
    reason: str = ""
    flag: str = ""
    is_there: bool = True


@dataclass(slots=True)
class Found:
    """What one metric's files hold for one tag; ``rows`` is None where only a mean was kept, or nothing."""

    mean: float | None = None
    n: int | None = None
    source: str = ""
    rows: list[Row] | None = None
    unnamed: int = 0
    failures: int = 0
    seen: int = 0
    notes: list[str] = field(default_factory=list)


class Reader:
    """The files of one tag; ``tag`` is empty for the layout without tags.

    ``sought`` are the files that were looked for, in that order, with ``<tag>`` for the tag.
    """

    def __init__(self, folder: Folder, tag: str, may_fall_back: bool) -> None:
        self.folder = folder
        self.tag = tag
        self.may_fall_back = may_fall_back
        self.untagged: list[str] = []
        self.sought: dict[str, None] = {}

    def pick(self, tagged: Sequence[str], untagged: Sequence[str]) -> str | None:
        """The first of the files that is there; a file without the run's tag is taken only where that is safe."""
        self.sought |= dict.fromkeys(path.format("<tag>") for path in tagged) | dict.fromkeys(untagged)
        if self.tag:
            for path in tagged:
                if self.folder.has(path.format(self.tag)):
                    return path.format(self.tag)
        for path in untagged:
            if self.folder.has(path):
                if self.tag and not self.may_fall_back:
                    self.folder.complain(
                        f"{path} has no run tag and there are several runs: not used for {self.tag!r}, although "
                        "upstream's total would take it"
                    )
                    return None
                if self.tag:
                    self.untagged.append(path)
                return path
        return None

    def size(self, value: Any, where: str, what: str) -> int | None:
        """How many, or None; what is no count is named."""
        number = self.number(value, where, what)
        if number is not None and (number < 0 or number != int(number)):
            self.folder.complain(f"{where}: {what} is {number:g}; expected a count; not used")
            return None
        return None if number is None else int(number)

    def number(self, value: Any, where: str, what: str) -> float | None:
        """A finite number or None; anything else is named with file and row."""
        try:
            return as_number(value)
        except ValueError as error:
            self.folder.complain(f"{where}: {what}: {error}; not used")
            return None


def _name_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """Category and title of a row, from its folder, path and title; both empty where it names no clip."""

    def text(name: str) -> str:
        value = row.get(name)
        return value[:4096] if isinstance(value, str) else ""

    parts = [part for part in text("video_path").replace("\\", "/").split("/") if part]
    stem = parts[-1].removesuffix(".mp4") if parts else ""
    folder = [part for part in text("folder").replace("\\", "/").split("/") if part not in ("", ".")]
    category = text("category") or (folder[-1] if folder else parts[-2] if len(parts) > 1 else "")
    title = text("content") or text("matched_content") or text("video_stem") or stem
    return category.strip(), title.strip()


def _text(value: Any) -> str:
    return " ".join(value.split())[:SHOWN] if isinstance(value, str) else ""


def _summary(reader: Reader, found: Found, path: str | None, head: str, key: str, columns: Sequence[str]) -> None:
    """Mean and n from the one row of a summary that stands for all; rows of categories are left aside."""
    if path is None:
        return
    table = reader.folder.table(path)
    if table is None:
        return
    rows = [(where, row) for where, row in table if row.get(head, "").strip() == key]
    if not rows:
        reader.folder.complain(f"{path}: no row {key!r} in the column {head!r} (a run that was cut short); no mean")
        return
    if len(rows) > 1:
        said = {tuple(row.get(name, "") for name in columns) for _, row in rows}
        same = "all say the same" if len(said) == 1 else "they differ, so none was used"
        reader.folder.complain(f"{path}: {len(rows)} rows {key!r}; {same}")
        if len(said) > 1:
            return
    where, row = rows[0]
    for name in columns:
        mean = reader.number(row.get(name), where, name)
        if mean is not None:
            found.mean, found.source = mean, path
            if name != columns[0]:
                found.notes.append(f"{where}: {columns[0]!r} is empty; upstream takes {name!r} instead")
            break
    else:
        reader.folder.complain(f"{where}: no number under {columns[0]!r}; upstream has no mean there")
    found.n = reader.size(row.get("n"), where, "n")


def _walked(module: str, column: str) -> Callable[[Reader], Found]:
    """A reader of the metrics that walk over files: a summary by folder, and perhaps a CSV of single clips."""

    def read(reader: Reader) -> Found:
        found = Found()
        means = {"PQ": ("mean_PQ",), "abs_pred_offset_sec_cont": _AV_MEANS}.get(column, ("mean_score",))
        path = reader.pick([f"{module}/{{}}.csv", f"{module}/{{}}/summary.csv"], [f"{module}/summary.csv"])
        _summary(reader, found, path, "folder", _ALL, means)
        clips = reader.pick(
            [f"{module}/{{}}/results.csv", f"{module}/{{}}.results.csv", f"{module}/{{}}_results.csv"],
            [f"{module}/results.csv"],
        )
        table = None if clips is None else reader.folder.table(clips, ("video_path", column))
        if table is None:
            return found
        found.rows = []
        for where, row in table:
            category, title = _name_of(row)
            if category.strip() == _ALL or title.strip() == _ALL:
                continue
            if not title:
                found.unnamed += 1
                continue
            found.rows.append(_walked_row(reader, row, where, column, category, title))
        return found

    return read


_AV_MEANS = ("mean_abs_offset_cont_sec", "mean_abs_offset_argmax_sec")


def _walked_row(reader: Reader, row: Mapping[str, str], where: str, column: str, category: str, title: str) -> Row:
    value = reader.number(row.get(column), where, column)
    if value is None:
        reason = f"{where}: {column} is {_text(row.get(column)) or 'empty'!r}; no number"
        return Row(category, title, where, "failed", reason=reason)
    if column == "score" and "raw_output" in row and value == 0:
        said = _text(row.get("raw_output"))
        reason = f"{where}: 0 on a scale from 1 to 5: upstream could read no number in {said!r}, and counts 0"
        return Row(category, title, where, "failed", counted=0.0, reason=reason, flag=reason)
    return Row(category, title, where, "ok", value, value)


def _lip(reader: Reader) -> Found:
    """Lips: a mean over face tracks, of whole categories; nothing of single clips."""
    found = Found()
    path = reader.pick(["syncnet/{}/result.csv"], ["syncnet/result.csv"])
    _summary(reader, found, path, "class", _TOTAL, ("mean_abs_offset_frames",))
    table = None if path is None else reader.folder.table(path)
    for where, row in table or ():
        if row.get("class", "").strip() != _TOTAL:
            continue
        counts = {}
        for name in ("n_videos_total", "n_videos_ran", "n_videos_with_pass_tracks", "failures", "n_tracks_pass_conf"):
            counts[name] = reader.size(row.get(name), where, name)
        found.n = counts["n_videos_with_pass_tracks"]
        total, ran = counts["n_videos_total"], counts["n_videos_ran"]
        not_run = total - ran if total is not None and ran is not None else 0
        found.failures, found.seen = max(counts["failures"] or 0, not_run, 0), total or 0
        if found.mean is not None:
            found.notes.append(
                f"{path}: a mean over {counts['n_tracks_pass_conf']} face tracks of {found.n} of {total} clips; clips "
                f"without a kept track are in no denominator; {found.failures} failed"
            )
        break
    return found


def _answered(
    reader: Reader, found: Found, row: Mapping[str, Any], value: Any, where: str, what: str, *, is_json: bool = False
) -> tuple[float | None, str]:
    """A judge's number and what is odd about it."""
    number = reader.number(value, where, what)
    if number is None:
        return None, ""
    if is_json and isinstance(value, str):
        return number, f"{where}: {value[:20]!r} is text; upstream reads such a number as 0"
    subs = row.get("subscores")
    parts = []
    for part in subs.values() if isinstance(subs, Mapping) else ():
        if isinstance(part, int | float) and not isinstance(part, bool) and math.isfinite(part):
            parts.append(float(part))
    if number == 0 and parts and max(parts) > 0:
        return number, f"{where}: 0 beside parts of up to {max(parts):g}: perhaps a reply that could not be read"
    return number, ""


_TEXT_PARTS = ("legibility_accuracy", "temporal_stability", "spatial_stability", "completeness")


def _text_metric(reader: Reader) -> Found:
    """Text on screen: a mean over the clips that the judge's own filter keeps."""
    found = Found()
    folder = reader.folder
    raw = reader.pick(["ocr/{}/results_text_quality.csv"], ["ocr/results_text_quality.csv"])
    table = None if raw is None else folder.table(raw)
    kept: list[float] = []
    everything: list[float] = []
    if table is not None:
        found.rows = []
    for where, row in table or ():
        category, title = _name_of(row)
        number, flag = _answered(
            reader,
            found,
            {"subscores": {name: quiet_number(row.get(name)) for name in _TEXT_PARTS}},
            row.get("overall_text_quality_score"),
            where,
            "overall_text_quality_score",
        )
        wants = row.get("prompt_requires_visible_text", "").strip().casefold() == "true"
        presence = (row.get("text_presence", "").strip() or "none").casefold()
        counts = wants or presence == "incidental"
        if number is not None:
            everything.append(number)
            if counts:
                kept.append(number)
        if not title:
            found.unnamed += 1
            continue
        assert found.rows is not None
        if number is None:
            reason = _text(row.get("error")) or "no score"
            found.rows.append(Row(category, title, where, "failed", reason=f"{where}: {reason}"))
        elif not counts:
            reason = f"upstream's judge: the prompt requires no text, and the text on screen is {presence!r}"
            found.rows.append(Row(category, title, where, "not_applicable", reason=reason))
        else:
            found.rows.append(Row(category, title, where, "ok", number, number, flag=flag))
    path = reader.pick(["ocr/{}/summary.json"], ["ocr/summary.json"])
    value = None if path is None else folder.json(path)
    if path is not None and isinstance(value, Mapping):
        for name in ("mean_score", "avg_score"):
            mean = reader.number(value.get(name), path, name)
            if mean is not None:
                found.mean, found.source = mean, path
                found.n = reader.size(value.get("count_eligible_for_summary"), path, "count_eligible_for_summary")
                return found
        found.notes.append(f"{path}: its mean is null (every judgement failed, or none applied); upstream looks on")
    elif value is not None:
        folder.complain(f"{path}: {type(value).__name__}; expected an object")
    path = reader.pick(["ocr/{}/summary.csv"], ["ocr/summary.csv"])
    if path is not None:
        _summary(reader, found, path, "folder", _ALL, ("mean_score",))
    if found.mean is None and raw is not None and everything:
        used = kept or everything
        found.mean, found.n, found.source = math.fsum(used) / len(used), len(used), raw
        if not kept:
            found.notes.append(
                f"{raw}: the filter keeps no row; upstream then averages all {len(used)}, and so its mean"
            )
    return found


def quiet_number(value: Any) -> float | None:
    """A finite number, or None for anything else; for what is only looked at beside a score."""
    try:
        return as_number(value)
    except ValueError:
        return None


def _results(reader: Reader, path: str | None, name: str) -> tuple[Mapping[str, Any], list[tuple[str, dict[str, Any]]]]:
    """A JSON file that holds a list of results, and the list, each with where it stands."""
    value = None if path is None else reader.folder.json(path)
    if path is None or value is None:
        return {}, []
    if not isinstance(value, dict):
        reader.folder.complain(f"{path}: {type(value).__name__}; expected an object")
        return {}, []
    found = []
    rows = value.get(name)
    if not isinstance(rows, list):
        reader.folder.complain(f"{path}: no list {name!r}; nothing of single clips")
        return value, []
    for number, row in enumerate(rows, 1):
        if isinstance(row, dict):
            found.append((f"{path}, {name} {number}", row))
        else:
            reader.folder.complain(f"{path}, {name} {number}: {type(row).__name__}; expected an object")
    return value, found


def _mean_of(reader: Reader, found: Found, value: Mapping[str, Any], path: str | None, mean: str, n: str) -> None:
    if path is None or not value:
        return
    number = reader.number(value.get(mean), path, mean)
    if number is None:
        found.notes.append(f"{path}: {mean!r} holds no number; upstream has no mean there")
    found.mean, found.source, found.n = number, path, reader.size(value.get(n), path, n)


_FACE_LOST = {
    "no_faces_detected": "no face was found",
    "no_tracklets": "no face was seen long enough",
    "no_clusters": "no face could be told",
}


def _face(reader: Reader) -> Found:
    """Faces: the prompts whose label allows a face; upstream leaves out the clips in which it found none."""
    found = Found()
    path = reader.pick(["facial/{}/eval_results.json"], ["facial/eval_results.json"])
    value, rows = _results(reader, path, "results")
    overall = value.get("overall")
    _mean_of(
        reader, found, overall if isinstance(overall, dict) else {}, path, "mean_score_total", "count_scored_total"
    )
    if not value:
        return found
    found.rows = []
    for where, row in rows:
        category, title = _name_of(row)
        status = row.get("status")
        if not title:
            found.unnamed += 1
            continue
        expected = row.get("expected_primary_faces")
        least = quiet_number(expected.get("min_ids")) if isinstance(expected, dict) else None
        if status == "ok":
            metrics = row.get("metrics")
            score = row.get("final_score", metrics.get("final_score") if isinstance(metrics, dict) else None)
            number = reader.number(score, where, "final_score")
            if number is None:
                found.rows.append(Row(category, title, where, "failed", reason=f"{where}: no score"))
            else:
                found.rows.append(Row(category, title, where, "ok", number, number))
        elif isinstance(status, str) and status in _FACE_LOST:
            if least is not None and least >= 1:
                reason = f"{_FACE_LOST[status]} where the label wants {least:g}; upstream leaves the clip out"
                found.rows.append(Row(category, title, where, "failed", reason=reason))
            else:
                reason = f"{_FACE_LOST[status]}, and the label allows none; upstream leaves the clip out"
                found.rows.append(Row(category, title, where, "abstained", reason=reason))
        else:
            found.rows.append(_lost(row, category, title, where, status))
    return found


def _lost(row: Mapping[str, Any], category: str, title: str, where: str, status: Any) -> Row:
    """A row that says that a clip was not there, or that its measuring failed."""
    if status == "missing_video":
        return Row(category, title, where, "failed", reason="upstream found no clip", is_there=False)
    word = _text(status) or "no status"
    reason = _text(row.get("error"))
    return Row(category, title, where, "failed", reason=f"{word}: {reason}" if reason else word)


def _music(reader: Reader) -> Found:
    """Notes and chords: the prompts that upstream's judge takes for checkable."""
    found = Found()
    path = reader.pick(["music/{}/summary.json"], ["music/summary.json"])
    value, rows = _results(reader, path, "results")
    _mean_of(reader, found, value, path, "mean_score", "num_midi_evaluable")
    if found.mean is not None and found.n == 0:
        found.notes.append(f"{path}: nothing could be evaluated, and upstream writes {found.mean:g}; that is no number")
        found.mean = None
    if not rows:
        rows = _music_files(reader)
    if not rows and not value:
        return found
    found.rows = []
    for where, row in rows:
        category, title = _name_of(row)
        if not title:
            found.unnamed += 1
            continue
        category = category or MUSIC
        status = row.get("status", "ok")
        if status not in ("ok", "skipped_exists"):
            found.rows.append(_lost(row, category, title, where, status))
        elif row.get("skipped") is True:
            reason = _text(row.get("skip_reason")) or "no reason"
            reason = f"upstream's judge leaves the prompt out: {reason}"
            found.rows.append(Row(category, title, where, "not_applicable", reason=reason))
        else:
            score = row.get("overall_score")
            number, flag = _answered(reader, found, row, score, where, "overall_score", is_json=True)
            is_number = isinstance(score, int | float) and row.get("skipped") is False
            if flag and isinstance(score, str):
                flag = f"{where}: {score[:20]!r} is text; upstream leaves the clip out"
            if number is None:
                found.rows.append(Row(category, title, where, "failed", reason=f"{where}: no score"))
            else:
                counted = number if is_number else None
                found.rows.append(Row(category, title, where, "ok", number, counted, flag=flag))
    return found


def _music_files(reader: Reader) -> list[tuple[str, dict[str, Any]]]:
    """Results of single clips, where the summary holds none."""
    ending = ".music_raw_midi_result.json"
    found = []
    base = f"music/{reader.tag}/per_video_result" if reader.tag else "music/per_video_result"
    for category in reader.folder.names(base):
        for name in reader.folder.names(f"{base}/{category}"):
            if name.endswith(ending):
                path = f"{base}/{category}/{name}"
                value = reader.folder.json(path)
                if isinstance(value, dict):
                    row = {key: value.get(key) for key in ("overall_score", "skipped", "skip_reason")}
                    found.append((path, {**row, "category": category, "content": name.removesuffix(ending)}))
                elif value is not None:
                    reader.folder.complain(f"{path}: {type(value).__name__}; expected an object")
    return found


def _speech(reader: Reader) -> Found:
    """What is said: the last batch is in ``scored.json`` and the summary, all batches are in ``results.jsonl``."""
    found = Found()
    folder = reader.folder
    path = reader.pick(["speech/{}/summary.json"], ["speech/summary.json"])
    value = None if path is None else folder.json(path)
    if isinstance(value, dict):
        _mean_of(reader, found, value, path, "avg_score", "count_scored")
    elif value is not None:
        folder.complain(f"{path}: {type(value).__name__}; expected an object")
    rows: list[tuple[str, dict[str, Any], bool]] = []
    there = False
    path = reader.pick(["speech/{}/scored.json"], ["speech/scored.json"])
    value = None if path is None else folder.json(path)
    if isinstance(value, list):
        there = True
        for place, row in enumerate(value, 1):
            if isinstance(row, dict):
                rows.append((f"{path}, {place}", row, True))
            else:
                folder.complain(f"{path}, {place}: {type(row).__name__}; expected an object")
    elif value is not None:
        folder.complain(f"{path}: {type(value).__name__}; expected a list")
    path = reader.pick(["speech/{}/results.jsonl"], ["speech/results.jsonl"])
    lines = None if path is None else folder.json_lines(path)
    rows += [(where, row, not there) for where, row in lines or ()]
    there = there or lines is not None
    path = reader.pick(["speech/{}/missing_videos.json"], ["speech/missing_videos.json"])
    value = None if path is None else folder.json(path)
    gone = [
        (f"{path}, {place}", {**row, "status": "missing_video"}, False)
        for place, row in enumerate(value if isinstance(value, list) else (), 1)
        if isinstance(row, dict)
    ]
    if not there and not gone:
        return found
    found.rows = []
    for where, row, counts in rows + gone:
        category, title = _name_of(row)
        judgement = row.get("judgement")
        if not title:
            found.unnamed += 1
        elif row.get("status") == "missing_video":
            found.rows.append(_lost(row, category, title, where, "missing_video"))
        elif isinstance(judgement, dict):
            score = judgement.get("score")
            number, flag = _answered(reader, found, judgement, score, where, "score", is_json=True)
            if number is None:
                found.rows.append(Row(category, title, where, "failed", reason=f"{where}: no score"))
            else:
                found.rows.append(Row(category, title, where, "ok", number, number if counts else None, flag=flag))
        else:
            word = _text(row.get("error_stage")) or "no judgement"
            reason = f"{word}: {_text(row.get('error'))}".rstrip(": ")
            found.rows.append(Row(category, title, where, "failed", reason=reason))
    return found


def _hi_phy(reader: Reader) -> Found:
    """High-level physics: a row for every clip that was found, with its status."""
    found = Found()
    path = reader.pick(["gemini_phy2/{}/summary.csv", "gemini_phy/{}/summary.csv"], ["gemini_phy/summary.csv"])
    _summary(reader, found, path, "folder", _ALL, ("mean_overall",))
    clips = reader.pick(["gemini_phy2/{}/results.csv", "gemini_phy/{}/results.csv"], ["gemini_phy/results.csv"])
    table = None if clips is None else reader.folder.table(clips, ("video_path", "status", "overall_score"))
    if table is None:
        return found
    found.rows = []
    for where, row in table:
        category, title = _name_of(row)
        status = row.get("status", "").strip()
        if not title:
            found.unnamed += 1
        elif status == "no_prompt_match":
            found.notes.append(f"{where}: {title!r} matched no prompt of upstream's; left out")
        elif status != "ok":
            found.rows.append(_lost(row, category, title, where, status))
        else:
            parts = {name: quiet_number(row.get(name)) for name in ("semantic_physics_score", "visual_physics_score")}
            number, flag = _answered(
                reader, found, {"subscores": parts}, row.get("overall_score"), where, "overall_score"
            )
            if number is None:
                found.rows.append(Row(category, title, where, "failed", reason=f"{where}: no score"))
                continue
            if not flag and 0 in parts.values() and any(parts.values()):
                flag = f"{where}: one half is 0 beside {max(value or 0 for value in parts.values()):g}: perhaps unread"
            found.rows.append(Row(category, title, where, "ok", number, number, flag=flag))
    return found


def _holistic(reader: Reader) -> Found:
    """Alignment with the prompt: a row for every prompt, with its status."""
    found = Found()
    path = reader.pick(["plot_matching/{}/eval_results.json"], ["plot_matching/eval_results.json"])
    value, rows = _results(reader, path, "results")
    overall = value.get("overall")
    _mean_of(
        reader,
        found,
        overall if isinstance(overall, dict) else {},
        path,
        "mean_plot_alignment_score_total",
        "count_scored_total",
    )
    if not value:
        return found
    found.rows = []
    for where, row in rows:
        category, title = _name_of(row)
        if not title:
            found.unnamed += 1
        elif row.get("status") != "ok":
            found.rows.append(_lost(row, category, title, where, row.get("status")))
        else:
            score = row.get("plot_alignment_score")
            number, flag = _answered(reader, found, row, score, where, "plot_alignment_score", is_json=True)
            if number is None:
                found.rows.append(Row(category, title, where, "failed", reason=f"{where}: no score"))
            else:
                counted = 0.0 if isinstance(score, str) else number
                found.rows.append(Row(category, title, where, "ok", number, counted, flag=flag))
    return found


READERS: dict[str, Callable[[Reader], Found]] = {
    "vis": _walked("q_align", "score"),
    "aud": _walked("audiobox_aesthetic", "PQ"),
    "av": _walked("av_sync", "abs_pred_offset_sec_cont"),
    "lip": _lip,
    "text": _text_metric,
    "face": _face,
    "music": _music,
    "speech": _speech,
    "lo_phy": _walked("videophy2", "score"),
    "hi_phy": _hi_phy,
    "holistic": _holistic,
}


# --------------------------------------------------------------------------- runs


_TAGGED_FILES = ("q_align", "audiobox_aesthetic", "av_sync", "videophy2")
TAGGED_FOLDERS = {
    "q_align": ("summary.csv", "results.csv"),
    "audiobox_aesthetic": ("summary.csv", "results.csv"),
    "av_sync": ("summary.csv", "results.csv"),
    "videophy2": ("summary.csv", "results.csv"),
    "syncnet": ("result.csv",),
    "ocr": ("summary.json", "summary.csv", "results_text_quality.csv"),
    "facial": ("eval_results.json",),
    "music": ("summary.json", "per_video_result"),
    "speech": ("summary.json", "scored.json", "results.jsonl"),
    "gemini_phy2": ("summary.csv", "results.csv"),
    "gemini_phy": ("summary.csv", "results.csv"),
    "plot_matching": ("eval_results.json",),
}


def tags(folder: Folder) -> list[str]:
    """The runs that the folder holds, by the tag of their files."""
    found = set()
    for module in _TAGGED_FILES:
        for name in folder.names(module):
            stem = name.removesuffix(".csv")
            if stem != name and stem not in ("summary", "results") and not stem.endswith((".results", "_results")):
                found.add(stem)
    for module, files in TAGGED_FOLDERS.items():
        for name in folder.names(module):
            if any(folder.has(f"{module}/{name}/{file}") for file in files):
                found.add(name)
    # a tag is put into fixed paths by str.format, and shown to people
    bad = sorted(name for name in found if set("{}") & set(name) or not name.isprintable())
    for name in bad:
        folder.complain(f"the run tag {name!a} holds braces or what cannot be printed; left out")
    return sorted(found.difference(bad))
