"""Strict JSON: one text per value, packed rows, and payloads that round-trip."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import operator
import sys
from array import array
from collections.abc import Mapping
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII (a file name may hold what UTF-8 cannot), never NaN.

    Raises:
        ValueError: a number is NaN or infinite.

    >>> canonical_json({"b": 1, "a": [0.5]})
    '{"a":[0.5],"b":1}'
    """
    return _ENCODER.encode(value)


def _finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; expected a finite number")


def _round(value: float) -> float:
    """Six significant digits: enough for any measure here, and the same text on every machine."""
    return float(f"{value:.6g}")


def _rows(name: str, **rows: tuple[float, ...]) -> None:
    for key, values in rows.items():
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name}.{key} holds NaN or infinity; expected finite numbers")
    lengths = {key: len(values) for key, values in rows.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name} has rows of different lengths: {lengths}")


def _columns(name: str, times: tuple[float, ...], columns: Mapping[str, tuple[float, ...]]) -> None:
    for key, values in columns.items():
        if len(values) != len(times):
            raise ValueError(f"{name}.columns[{key!r}] has {len(values)} values; expected one per time, {len(times)}")
        if not all(map(math.isfinite, values)):
            raise ValueError(f"{name}.columns[{key!r}] holds NaN or infinity; expected finite numbers")
    if not all(map(operator.le, times, times[1:])):
        raise ValueError(f"{name}.times_s goes back; expected rising times")


class _Json:
    """JSON round trip for the observation payloads."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: floats at six significant digits, long rows of them as base64 of little-endian float32."""
        return {item.name: _packed(getattr(self, item.name)) for item in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Any:
        """The value that ``to_json`` wrote."""
        return cls(**{key: _frozen(value) for key, value in data.items()})


_PACKED = "f32"


_PACK_FROM = 16


def _packed(value: Any) -> Any:
    """Plain JSON values; reading and writing a packed row costs a tenth of its decimal digits."""
    if isinstance(value, tuple) and len(value) >= _PACK_FROM and type(value[0]) is float:
        row = array("f", value)
        if not all(map(math.isfinite, row)):
            raise ValueError(f"a row reaches {max(map(abs, value)):g}; expected numbers within 3.4e38")
        if sys.byteorder == "big":
            row.byteswap()
        return {_PACKED: base64.b64encode(row.tobytes()).decode()}
    if isinstance(value, Mapping):
        return {key: _packed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_packed(item) for item in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    """Plain JSON values, floats at six significant digits."""
    if isinstance(value, float):
        return _round(value)
    if isinstance(value, tuple | list):
        if value and type(value[0]) is float:
            return [float(text) for text in ("%.6g " * len(value) % tuple(value)).split()]
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        if value and isinstance(value[0], list | dict):
            return tuple(_frozen(item) for item in value)
        return tuple(value)
    if isinstance(value, dict):
        if value.keys() == {_PACKED}:
            row = array("f")
            row.frombytes(base64.b64decode(value[_PACKED]))
            if sys.byteorder == "big":
                row.byteswap()
            return tuple(row)
        return {key: _frozen(item) for key, item in value.items()}
    return value
