"""One description of the dataset's columns, written out as an Arrow schema and as the YAML that datasets reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from avgen_bench.constraints.base import COLUMNS
from avgen_bench.types import Prompt

__all__ = ["FIELDS", "arrow_schema", "to_row", "yaml_features"]

Field = str | list[Any] | dict[str, Any]  # a scalar, a list of one field, or a struct

_COLUMN_TYPES = {str: "string", int: "int32", float: "float64", tuple: ["string"]}

FIELDS: dict[str, Field] = {
    "id": "string",
    "text": "string",
    "title": "string",
    "category": "string",
    "language": "string",
    "duration_s": "float64",
    "constraints": [
        {
            "id": "string",
            "kind": "string",
            "span": "string",
            **{name: _COLUMN_TYPES[column.type] for name, column in COLUMNS.items()},
        }
    ],
    "questions": [
        {
            "id": "string",
            "type": "string",
            "modality": "string",
            "text": "string",
            "twin": "string",
            "after": ["string"],
        }
    ],
    "expectations": [{"id": "string", "severity": "string", "observe": "string", "contradict": "string"}],
    "ladder": {"group": "string", "dial": "string", "unit": "string", "amount": "float64", "rung": "int32"},
    "source": "string",
    "license": "string",
    "verification": [
        {
            "type": "string",
            "by": "string",
            "date": "string",
            "checks": ["string"],
            "note": "string",
            "digest": "string",
        }
    ],
}


def _arrow(field: Field) -> pa.DataType:
    if isinstance(field, str):
        return pa.type_for_alias(field)
    if isinstance(field, list):
        return pa.list_(_arrow(field[0]))
    return pa.struct([pa.field(name, _arrow(part)) for name, part in field.items()])


def arrow_schema() -> pa.Schema:
    """The Arrow schema, without metadata: datasets of every version from 2.21 on reads such files alike."""
    return pa.schema([pa.field(name, _arrow(field)) for name, field in FIELDS.items()])


def _yaml(field: Field) -> dict[str, Any]:
    if isinstance(field, str):
        return {"dtype": field}
    if isinstance(field, list):
        inner = field[0]
        return {"list": inner if isinstance(inner, str) else yaml_features(inner)}
    return {"struct": yaml_features(field)}


def yaml_features(fields: Mapping[str, Field] = FIELDS) -> list[dict[str, Any]]:
    """The features as the ``dataset_info`` block of a dataset card writes them."""
    return [{"name": name, **_yaml(field)} for name, field in fields.items()]


def to_row(prompt: Prompt) -> dict[str, Any]:
    """The row of a prompt: every column, None for what is not stated."""
    row = prompt.to_json()
    return {name: row[name] for name in FIELDS}
