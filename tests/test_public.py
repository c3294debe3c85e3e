"""What is public is named, exists, and says what it gives."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import avgen_bench

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(avgen_bench.__path__, "avgen_bench.")
    if not info.name.endswith("__main__") and ".metrics" not in info.name
)


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist_and_are_documented(name: str) -> None:
    module = _module(name)
    assert module.__doc__, f"{name} has no docstring"
    for item in getattr(module, "__all__", ()):
        value = getattr(module, item)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{name}.{item} has no docstring"


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    results = doctest.testmod(_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def test_errors_are_drawn_as_they_are() -> None:
    """The tree in the docstring of errors.py is the tree of the classes."""
    from avgen_bench import errors

    branches = "".join(chr(code) for code in (0x20, 0x2502, 0x251C, 0x2514, 0x2500))
    drawn: list[str] = []
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.lstrip(branches)
        name = words.split(" ")[0]
        if name in errors.__all__:
            depth = (len(line) - len(words)) // 4
            drawn.append(name)
            above[depth] = name
            assert getattr(errors, name).__mro__[1].__name__ == above.get(depth - 1, "Exception")
    assert sorted(drawn) == sorted(errors.__all__)
