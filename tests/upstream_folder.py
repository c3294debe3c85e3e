"""Writes made-up output folders of AVGen-Bench's evaluation: every file of the eleven metrics, and their quirks.

Layout, file names and columns are those of microsoft/AVGen-Bench; the numbers are made up, and differ from clip to
clip so that a mean over other clips than the right ones is another mean.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LONG = "A very long title about a kettle " + "that goes on and on, " * 12
TITLES = {
    "ads": ["Café: The Last Cup?", "Tea \N{EN DASH} Hot", "Bottle / Cap", "Shoes", LONG.strip()],
    "news": ["Morning News", "Storm Warning", "Election Night"],
    "musical_instrument_tutorial": ["Piano C Major", "Guitar Chord", "Violin Bow", "Drum Roll"],
}
CLIPS = [(category, title) for category, titles in TITLES.items() for title in titles]
VIDEOS = "/home/somebody/videos"


def stem(title: str) -> str:
    """A file name as upstream makes it: forbidden characters become underscores, and it is cut at 180."""
    safe = "".join("_" if char in '/\\:*?"<>|\n\r\t' else char for char in title.strip())
    return " ".join(safe.split())[:180].rstrip()


def value(metric: str, number: int) -> float:
    """The made-up number of one clip: odd enough to show which clips a mean is over."""
    top = {"vis": 1.0, "aud": 10.0, "av": 0.5, "lo_phy": 5.0}.get(metric, 100.0)
    share = 0.35 + 0.5 * ((number * 7 + len(metric) * 3) % 11) / 11
    return round(top * share) * 1.0 if top in (5.0, 100.0) else round(top * share, 4)


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], heads: Sequence[str] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, heads or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_prompts(folder: Path) -> Path:
    """Upstream's own prompts folder."""
    for category, titles in TITLES.items():
        write_json(folder / f"{category}.json", [{"content": title, "prompt": f"Show {title}"} for title in titles])
    return folder


def _row(category: str, title: str, **more: Any) -> dict[str, Any]:
    return {"folder": category, "video_path": f"{VIDEOS}/{category}/{stem(title)}.mp4", **more}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def summary_csv(path: Path, columns: Mapping[str, float | str | None], n: int, head: str = "folder") -> None:
    rows = [{head: "ads", "n": 1, **dict.fromkeys(columns, "0.123")}]
    rows.append({head: "__ALL__", "n": n, **{name: "" if v is None else v for name, v in columns.items()}})
    write_csv(path, rows)


def write_run(root: Path, tag: str = "", clips: Sequence[tuple[str, str]] = CLIPS, per_clip: bool = True) -> Path:
    """A whole run over ``clips``; untagged where ``tag`` is empty. Without ``per_clip``, as the full script leaves it:
    the walking metrics keep their means alone (but for low-level physics)."""

    def at(module: str, name: str) -> Path:
        return root / module / tag / name if tag else root / module / name

    def summary(module: str) -> Path:
        return root / module / (f"{tag}.csv" if tag else "summary.csv")

    numbers = [(CLIPS.index(clip), *clip) for clip in clips]
    heads = {"vis": "score", "aud": "PQ", "av": "abs_pred_offset_sec_cont", "lo_phy": "score"}
    modules = {"vis": "q_align", "aud": "audiobox_aesthetic", "av": "av_sync", "lo_phy": "videophy2"}
    for metric, module in modules.items():
        values = [value(metric, k) for k, _, _ in numbers]
        columns: dict[str, float | str | None] = {"mean_score": _mean(values)}
        if metric == "aud":
            columns = {"mean_CE": 5.0, "mean_CU": 5.0, "mean_PC": 5.0, "mean_PQ": _mean(values)}
        if metric == "av":
            columns = {"mean_abs_offset_cont_sec": _mean(values), "mean_abs_offset_argmax_sec": 0.2}
        summary_csv(summary(module), columns, len(values))
        if per_clip or metric == "lo_phy":
            more = {"lo_phy": {"raw_output": "4"}, "aud": {"CE": 5.0}, "av": {"used_path": "vis/x.mp4"}}.get(metric, {})
            rows = [
                _row(category, title, **{heads[metric]: value(metric, k)}, **more) for k, category, title in numbers
            ]
            write_csv(at(module, "results.csv"), rows)

    lip = {"n_videos_total": len(clips), "n_videos_ran": len(clips), "n_videos_with_tracks": 6}
    lip |= {"n_videos_with_pass_tracks": 5, "n_tracks_total": 9, "n_tracks_pass_conf": 7, "failures": 0}
    tail = {"mean_abs_offset_frames": 3.25, "mean_min_dist": 7.5, "mean_confidence": 2.5}
    rows = [{"class": name, "conf_th": 1.0, **lip, **tail} for name in (*TITLES, "TOTAL")]
    rows[0]["mean_abs_offset_frames"] = 9.0
    write_csv(at("syncnet", "result.csv"), rows)

    text = []
    for k, category, title in numbers:
        wants, presence = category == "ads", "required" if category == "ads" else "none"
        if title == "Morning News":
            presence = "incidental"
        score = int(value("text", k))
        more = {"video_stem": stem(title), "content": title, "prompt_requires_visible_text": wants}
        more |= {"text_presence": presence, "overall_text_quality_score": score, "legibility_accuracy": score}
        text.append(_row(category, title, **more))
    write_csv(at("ocr", "results_text_quality.csv"), text)
    kept = [row["overall_text_quality_score"] for row in text if row["text_presence"] != "none"]
    mean = _mean(kept)
    write_json(
        at("ocr", "summary.json"), {"count_eligible_for_summary": len(kept), "mean_score": mean, "avg_score": mean}
    )
    summary_csv(at("ocr", "summary.csv"), {"mean_score": mean}, len(kept))

    faces = [(k, category, title) for k, category, title in numbers if category == "news"]
    results = [
        {
            "category": category,
            "content": title,
            "video_path": f"{VIDEOS}/{category}/{stem(title)}.mp4",
            "status": "ok",
            "expected_primary_faces": {"min_ids": 1, "max_ids": 2},
            "final_score": value("face", k),
        }
        for k, category, title in faces
    ]
    overall = {"count_scored_total": len(faces), "mean_score_total": _mean([value("face", k) for k, _, _ in faces])}
    write_json(at("facial", "eval_results.json"), {"overall": overall, "results": results})

    music = []
    for k, category, title in numbers:
        if category == "musical_instrument_tutorial":
            skipped = title == "Violin Bow"
            row = {"category": category, "content": title, "status": "ok", "skipped": skipped}
            row |= {"skip_reason": "bowed strings not evaluated" if skipped else None}
            music.append(row | {"overall_score": 0 if skipped else int(value("music", k)), "confidence": 0.5})
    checked = [row["overall_score"] for row in music if not row["skipped"]]
    summed = {"num_midi_evaluable": len(checked), "mean_score": _mean(checked) or 0.0, "results": music}
    write_json(at("music", "summary.json"), summed)

    speech = [
        {
            "category": category,
            "content": title,
            "video_path": f"{VIDEOS}/{category}/{stem(title)}.mp4",
            "judgement": {"score": int(value("speech", k)), "pass": True},
        }
        for k, category, title in numbers
    ]
    average = _mean([value("speech", k) for k, _, _ in numbers])
    write_json(at("speech", "summary.json"), {"count_scored": len(speech), "avg_score": average, "by_category": {}})
    write_json(at("speech", "scored.json"), speech)
    at("speech", "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in speech), encoding="utf-8")

    hi_phy = [
        {
            **_row(category, title, video_stem=stem(title), matched_content=title, source_prompt_file="x.json"),
            "overall_score": int(value("hi_phy", k)),
            "semantic_physics_score": int(value("hi_phy", k)),
            "visual_physics_score": int(value("hi_phy", k)),
            "confidence": 0.9,
            "status": "ok",
            "error": "",
        }
        for k, category, title in numbers
    ]
    module = "gemini_phy2" if tag else "gemini_phy"
    write_csv(at(module, "results.csv"), hi_phy)
    summary_csv(
        at(module, "summary.csv"), {"mean_overall": _mean([row["overall_score"] for row in hi_phy])}, len(hi_phy)
    )

    holistic = [
        {
            "category": category,
            "content": title,
            "video_path": f"{VIDEOS}/{category}/{stem(title)}.mp4",
            "status": "ok",
            "plot_alignment_score": int(value("holistic", k)),
            "subscores": {"narrative_alignment": 50},
        }
        for k, category, title in numbers
    ]
    mean = _mean([value("holistic", k) for k, _, _ in numbers])
    overall = {"count_scored_total": len(holistic), "mean_plot_alignment_score_total": mean}
    write_json(at("plot_matching", "eval_results.json"), {"overall": overall, "results": holistic})
    return root
