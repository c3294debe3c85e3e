"""A tiny made-up run with every status, rendered; ``python tests/golden/run.py`` writes the expected files again."""

from __future__ import annotations

import io
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import report_samples as samples  # noqa: E402

from avgen_bench import report, report_terminal  # noqa: E402
from avgen_bench.types import Outcome  # noqa: E402


def rendered() -> dict[str, str]:
    """Text of each golden file by name."""
    from rich.console import Console

    clips, measured, media = [], [], {}
    for system in ("left", "right"):
        for number in range(3):
            clip = samples.clip(f"{system}/p{number}.mp4", system=system, prompt_id=f"p{number}", category="ads")
            clips.append(clip)
            media[clip.clip_id] = samples.media(8.0)
            outcomes = samples.outcomes(8.0, 10 * number + len(system))
            if number == 1:
                outcomes["av_sync"] = Outcome("abstained", None, "too few onsets: 1, at least 3 are needed")
            if number == 2 and system == "right":
                outcomes["audio_quality"] = Outcome("ok", 0.0, "silent clip: no sound track")
                outcomes["visual_quality"] = Outcome("failed", None, "clarity: ValueError: made up")
            if number != 2:
                outcomes |= samples.control_outcomes(8.0, number + len(system))
            elif system == "right":
                gone = [facts.name for facts in samples.CONTROL]
                outcomes |= dict.fromkeys(gone, Outcome("failed", None, "crash: made up"))
            measured += [samples.measurement(clip, name, outcome) for name, outcome in outcomes.items()]
    built = report.build(
        measured,
        clips,
        (*samples.DIMENSIONS, *samples.CONTROL),
        media=media,
        prompts={
            name: samples.on_ladder(samples.prompt(name), k + 1, 1 + 2 * k) for k, name in enumerate(("p0", "p1", "p2"))
        },
        readings=dict(zip((clip.key for clip in clips), (1.0, 3.0, 4.0, 3.0, 2.0, None), strict=True)),
        checkers=samples.CARDS,
        signature="made-up/1",
    )
    table, explained = io.StringIO(), io.StringIO()
    report_terminal.print_table(built, Console(file=table, width=80, color_system=None))
    console = Console(file=explained, width=80, color_system=None)
    for name in ("right/p2.mp4", "left/p1.mp4"):
        for item in report_terminal.explain_clip(built, name):
            console.print(item)
    return {
        "report.json": report.to_json_text(built),
        "table.txt": table.getvalue(),
        "explain.txt": explained.getvalue(),
    }


if __name__ == "__main__":
    for name, text in rendered().items():
        (HERE / name).write_text(text, encoding="utf-8")
