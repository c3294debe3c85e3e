"""What needs torch: run by ``.ci/full`` in an environment of its own, skipped at once in the light one."""

from __future__ import annotations

import importlib.util

import pytest
from conftest import missing

NEEDED = ("torch", "torchvision", "transformers", "accelerate")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: needs torch, torchvision, transformers and accelerate")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("full"):
        absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if absent:
            missing("full", f"{' and '.join(absent)} not installed")
