"""What is installed, what is missing, and the command that gets it."""

from __future__ import annotations

import importlib
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from avgen_bench import registry
from avgen_bench.work import lacks

__all__ = ["Finding", "examine"]

_CORE = (
    ("av", "av", "decodes clips"),
    ("cv2", "opencv-python-headless", "pictures and optical flow"),
    ("numpy", "numpy", "arithmetic"),
    ("scipy.special", "scipy", "intervals"),
    ("jinja2", "jinja2", "the report page"),
    ("rich", "rich", "tables and progress bars"),
)
_OPTIONAL_PROGRAMS = (
    ("ffmpeg", "clips of known truth are written with it, and tests compare with it", "apt-get install ffmpeg"),
    ("espeak-ng", "lines in clips of known truth", "apt-get install espeak-ng"),
    ("flite", "lines in clips of known truth", "apt-get install flite"),
    ("fluidsynth", "notes in clips of known truth", "apt-get install fluidsynth fluid-soundfont-gm timgm6mb-soundfont"),
    ("chromium", "tests open the report page in it", "apt-get install chromium"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for; ``remedy`` is a command, empty when there is nothing to do."""

    name: str
    state: Literal["ok", "missing", "optional"]
    detail: str
    remedy: str = ""


def _module(module: str, distribution: str, purpose: str) -> Finding:
    try:
        importlib.import_module(module)
    except (ImportError, OSError, RuntimeError) as error:  # a broken shared library raises the latter two
        return Finding(distribution, "missing", f"{purpose}: {error}", f"pip install --force-reinstall {distribution}")
    return Finding(distribution, "ok", f"{metadata.version(distribution)}, {purpose}")


def _decoders() -> Finding:
    try:
        from av.codec import codecs_available
    except (ImportError, OSError) as error:
        return Finding("decoders", "missing", str(error), "pip install --force-reinstall av")
    wanted = ("h264", "hevc", "av1", "vp9", "aac", "opus", "mp3")
    lacking = [name for name in wanted if name not in codecs_available]
    if lacking:
        remedy = "pip install --force-reinstall --only-binary :all: av"
        return Finding("decoders", "missing", f"no {', '.join(lacking)}", remedy)
    return Finding("decoders", "ok", ", ".join(wanted))


def examine() -> list[Finding]:
    """Findings, the needed ones first. Imports each core library for real, because an installed one may not load."""
    version = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info >= (3, 11)
    findings = [Finding("python", "ok" if fits else "missing", version, "" if fits else "install Python 3.11 or newer")]
    findings += [_module(*item) for item in _CORE]
    findings.append(_decoders())
    for name in registry.names("backbones"):
        facts = registry.load("backbones", name).facts
        if facts.remedy:
            remedy = lacks(name)
            findings.append(Finding(name, "optional" if remedy else "ok", facts.summary, remedy))
    for name, purpose, remedy in _OPTIONAL_PROGRAMS:
        place = shutil.which(name)
        findings.append(Finding(name, "ok" if place else "optional", purpose, "" if place else remedy))
    return findings
