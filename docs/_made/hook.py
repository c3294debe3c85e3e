"""Called by mkdocs: renders the demo once, fills the marks of every page, and puts the demo's report beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import tables

DEMO = tables.ROOT / "build" / "docs-demo"
BROKEN = "the site's demo could not be made"


def _run(*words: str) -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "avgen_bench", *words]
    DEMO.parent.mkdir(parents=True, exist_ok=True)  # and from there, so that the package installed is the one that runs
    done = subprocess.run(command, cwd=DEMO.parent, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{BROKEN}: {' '.join(words)}\n{done.stderr[-2000:]}")


def on_files(files: Files, config: Any) -> Files:
    """The demo's report and clips as files of the site; a folder that has them from before is continued."""
    _run("demo", "--out", str(DEMO))
    _run("report", str(DEMO), "--embed", "never")
    for path in (DEMO / "report.html", *sorted((DEMO / "clips").glob("*.mp4"))):
        files.append(File.generated(config, f"demo/{path.relative_to(DEMO).as_posix()}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """A page with its marks filled."""
    return tables.fill(markdown, DEMO)
