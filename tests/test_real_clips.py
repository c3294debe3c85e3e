"""The main job on real clips, from the command line; and what the checkers say of generated ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import missing

from avgen_bench import registry, work
from avgen_bench.constraints.sight import Sight
from avgen_bench.dimensions.control import Theme
from avgen_bench.types import Prompt


def _score(clips: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "avgen_bench", "score", str(clips), "--out", str(out), "--strict", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_score_resume_and_two_workers(real_clips: list[Path], tmp_path: Path) -> None:
    folder = Path(os.path.commonpath(real_clips))
    one, two = tmp_path / "one", tmp_path / "two"
    done = _score(folder, one, "--workers", "1")
    assert done.returncode == 0, done.stderr
    report = json.loads((one / "report.json").read_text())
    assert len(report["clips"]) == len(real_clips)
    assert report["counts"]["failed"] == 0
    for row in report["clips"]:
        known = [registry.load("dimensions", name).facts for name in registry.TABLE["dimensions"]]
        assert set(row["measurements"]) == {item.name for item in known if item.family == "perceptual"}
        assert row["measurements"]["audio_quality"]["status"] == "ok"
    shards = {path.name: path.read_bytes() for path in (one / "shards").iterdir()}
    pages = [(one / name).read_bytes() for name in ("report.json", "report.html")]
    assert _score(folder, one).returncode == 0  # the second call measures nothing
    assert {path.name: path.read_bytes() for path in (one / "shards").iterdir()} == shards
    assert [(one / name).read_bytes() for name in ("report.json", "report.html")] == pages
    assert _score(folder, two, "--workers", "2").returncode == 0
    assert [(two / name).read_bytes() for name in ("report.json", "report.html")] == pages


_OVERLAY = {"kind": "text_shown", "span": "with the text 'Keep it tea.' overlaid", "text": "Keep it tea."}
_TITLE = {"kind": "text_shown", "span": "the title EIGHTY-SEVEN SECONDS slams", "text": "EIGHTY-SEVEN SECONDS"}
_WHISPER = {"kind": "line_spoken", "span": "a thief whispers", "text": "Eighty-seven seconds\u2014move."}
_NOTE = {"kind": "single_note", "span": "frets a single note A4", "note": "A4"}
_NOBODY = {"kind": "no_speech", "span": "(nobody is asked to speak)"}
_GENERATED = {  # what each prompt states, with the verdict and the words of what is found
    "case1_veo3_1_fast": [(_OVERLAY, "pass", "Keep it tea.")],
    "case1_ovi": [(_OVERLAY, "fail", "")],  # the cartons are misspelt
    "case2_ltx2": [(_TITLE, "fail", "OTSEVSEC"), (_WHISPER, "pass", "87 seconds")],
    "case4_ovi": [(_NOBODY, "pass", "no speech")],
    "case6_ovi": [(_NOTE, "fail", "A2"), (_NOBODY, "pass", "no speech")],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", _GENERATED)
def test_what_generated_clips_obey(name: str, real_clips: list[Path]) -> None:
    path = next((path for path in real_clips if path.stem == name), None)
    if path is None:
        missing("clips", f"no {name}.mp4 among the clips")
        return
    rows = [{"id": f"c{n}", **stated} for n, (stated, _, _) in enumerate(_GENERATED[name], 1)]
    prompt = Prompt.from_json({"id": name, "constraints": rows})
    themes = [one for item in registry.names("dimensions") if isinstance(one := work.dimension_of(item), Theme)]
    needs = dict.fromkeys(need for theme in themes for need in theme.needs_of(prompt))
    remedies = [work.lacks(need) for need in needs if work.lacks(need)]
    if remedies:
        pytest.skip(remedies[0])
    seen = work.observe(path, needs)
    media = seen.pop(work.DECODER)
    for constraint, (_, verdict, found) in zip(prompt.constraints, _GENERATED[name], strict=True):
        got = Sight(prompt, media, seen).check(constraint)
        assert got.strict == verdict, (name, got)
        assert found in got.found
