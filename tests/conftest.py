"""What a test may need beyond Python, and what happens where it is missing.

A test that needs something says so with a mark or a fixture. Where the thing is missing the test is skipped, unless
``AVGEN_REQUIRE`` (a comma list of ``debian``, ``latex``, ``gpu``, ``network``, ``clips``, ``full``, ``docs``) names it:
then the test fails, because that machine is supposed to have it.
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

MARKS = {
    "slow": "takes more than about ten seconds",
    "gpu": "needs an NVIDIA GPU",
    "network": "needs the internet",
    "debian": "needs ffmpeg, ffprobe or chromium as Debian packages them",
}


def required(name: str) -> bool:
    """Whether this machine is supposed to have the thing."""
    return name in {part.strip() for part in os.environ.get("AVGEN_REQUIRE", "").split(",")}


def missing(name: str, why: str) -> None:
    """Skip the running test, or fail it where the thing is required."""
    if required(name):
        pytest.fail(f"{why}, and AVGEN_REQUIRE asks for {name}", pytrace=False)
    pytest.skip(why)


def _online() -> bool:
    try:
        socket.create_connection(("huggingface.co", 443), timeout=3).close()
    except OSError:
        return False
    return True


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("debian"):
        absent = [tool for tool in ("ffmpeg", "ffprobe", "chromium") if shutil.which(tool) is None]
        if absent:
            missing("debian", f"{' and '.join(absent)} not installed")
    if item.get_closest_marker("gpu") and shutil.which("nvidia-smi") is None:
        missing("gpu", "no NVIDIA GPU")
    if item.get_closest_marker("network") and not (required("network") and _online()):
        missing("network", "network tests run only where AVGEN_REQUIRE names them")


@pytest.fixture(scope="session")
def real_clips() -> list[Path]:
    """Generated and recorded clips: ``AVGEN_CLIPS``, or ``../shared/clips`` beside the repository, in name order."""
    folder = Path(os.environ.get("AVGEN_CLIPS") or REPOSITORY.parent / "shared" / "clips")
    clips = sorted(folder.glob("*.mp4")) + sorted((folder / "recorded").glob("*.mp4"))
    if not clips:
        missing("clips", f"no clips in {folder}; AVGEN_CLIPS names another folder")
    return clips
