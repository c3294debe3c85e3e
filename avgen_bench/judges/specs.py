"""From a line that names a judge to the judge.

Conventions
    ``transport:rest#option=value#option=value``: the transport is a line of the registry's table of judges, what the
    rest means is the transport's own, and options, if any, stand at the end. No mark in it means anything to a shell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from avgen_bench import registry
from avgen_bench.errors import InputError
from avgen_bench.types import Judge, JudgeView

__all__ = ["judge_of", "take_number", "take_word"]

_OPTION = re.compile(r"#([a-z][a-z0-9_]*)=([^#]*)$")


def judge_of(spec: str, view: JudgeView | None = None, **options: Any) -> Judge:
    """The judge that ``spec`` names, which has not been asked anything yet.

    Args:
        spec: ``openai:URL#model``, ``replay:FILE``, ...; options may follow as ``#name=value``.
        view: what it is to be given of a clip.
        options: the transport's own; they win over those of the spec.

    Raises:
        InputError: the spec or an option cannot be used.
        UnknownNameError: no transport of that name.
    """
    name, colon, rest = spec.partition(":")
    if not colon:
        raise InputError(f"the judge {spec[:80]!r} names no transport; expected one like openai:URL#model")
    written: dict[str, str] = {}
    while found := _OPTION.search(rest):
        if found[1] in written:
            raise InputError(f"the judge's option {found[1]} is given twice")
        written[found[1]] = found[2]
        rest = rest[: found.start()]
    judge: Judge = registry.find("judges", name).from_spec(rest, view or JudgeView(), {**written, **options})
    return judge


def take_word(options: dict[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    """The option ``name``, taken out of ``options``: one of the words that are allowed."""
    value = str(options.pop(name, default))
    if value not in allowed:
        raise InputError(f"the judge's option {name} is {value[:40]!r}; expected one of {', '.join(allowed)}")
    return value


def take_number(
    options: dict[str, Any], name: str, low: float, high: float, default: float | None, whole: bool = False
) -> Any:
    """The option ``name``, taken out of ``options``: a number from ``low`` to ``high``, or the default."""
    value = options.pop(name, None)
    if value is None:
        return default
    try:
        number = int(str(value)) if whole else float(str(value))
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"the judge's option {name} is {str(value)[:40]!r}; expected {kind} from {low:g} to {high:g}")
    return number


def nothing_left(options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse options that nobody took.

    Raises:
        InputError: with the options that there are.
    """
    if options:
        names = ", ".join(sorted(options))
        raise InputError(f"the judge takes no option {names[:80]}; there are: {', '.join(known) or 'none'}")
