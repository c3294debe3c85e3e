"""Modules that load on first use, so that listing, planning and ``--help`` import nothing heavy."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # inspect and doctest ask every value for it; that is no use of the module
            raise AttributeError(name)
        module = importlib.import_module(self.__name__)
        value = getattr(module, name)
        setattr(self, name, value)  # the next look-up finds it without coming here
        return value


def lazy(name: str) -> Any:
    """A stand-in that imports module ``name`` when an attribute is first read.

    >>> lazy("math").floor(2.5)
    2
    """
    return _Lazy(name)
