"""What is rendered from given measurements is known to the byte; a change shows in review as a diff of these files."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("name", ["report.json", "table.txt", "explain.txt"])
def test_golden(name: str) -> None:
    rendered = runpy.run_path(str(HERE / "run.py"), run_name="golden")["rendered"]()
    assert rendered[name] == (HERE / name).read_text(encoding="utf-8")
