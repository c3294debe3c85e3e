"""Hands every docstring to the reference as Markdown."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).parent))
from words import markdown

DOCS = Path(__file__).parent.parent


class Plain(griffe.Extension):
    """Turns docstrings into Markdown, with references to what the reference has."""

    def __init__(self) -> None:
        pages = "".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
        self._modules = set(re.findall(r"^::: (\S+)$", pages, re.M))

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Every docstring of the package, once it is read whole."""
        self._walk(pkg, pkg)

    def _walk(self, item: griffe.Object, pkg: griffe.Module) -> None:
        if item.docstring is not None:
            item.docstring.value = markdown(item.docstring.value, lambda name: self._is_shown(name, pkg))
        for member in item.members.values():
            if isinstance(member, griffe.Object):
                self._walk(member, pkg)

    def _is_shown(self, name: str, pkg: griffe.Module) -> bool:
        if name in self._modules:
            return True
        module, _, member = name.rpartition(".")
        if module not in self._modules:
            return False
        try:
            home = pkg[module.removeprefix(f"{pkg.name}.")] if module != pkg.name else pkg
        except KeyError:
            return False
        exports = home.exports or ()
        return member in {str(getattr(one, "name", one)) for one in exports}
