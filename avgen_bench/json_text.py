"""The JSON files that are also looked at by people: numbers of six digits, and a line for each thing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from avgen_bench.types import canonical_json

__all__ = ["lined", "six_digits"]


def six_digits(value: Any) -> Any:
    """The value in plain lists and dicts, its floats at six significant digits.

    >>> six_digits({"mean": (0.12345678, None, 3)})
    {'mean': [0.123457, None, 3]}
    """
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: six_digits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [six_digits(item) for item in value]
    return value


def lined(value: Mapping[str, Any], by_name: Collection[str]) -> str:
    r"""Strict JSON text with a line for each field, and for each item of a list.

    Args:
        value: fields by name.
        by_name: those fields that hold things by name: each has a line, too.

    Raises:
        ValueError: a number is NaN or infinite.

    >>> lined({"b": [1, {"k": 2}], "a": {"y": 0, "x": 1}}, by_name=["a"])
    '{\n"a":{\n"x":1,\n"y":0\n},\n"b":[\n1,\n{"k":2}\n]\n}\n'
    """
    lines = []
    for key in sorted(value):
        item = value[key]
        if isinstance(item, list) and item:
            text = "[\n" + ",\n".join(map(canonical_json, item)) + "\n]"
        elif key in by_name and item:
            rows = (f"{canonical_json(name)}:{canonical_json(row)}" for name, row in sorted(item.items()))
            text = "{\n" + ",\n".join(rows) + "\n}"
        else:
            text = canonical_json(item)
        lines.append(f"{canonical_json(key)}:{text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
