"""A receipt per clip: its file's digest, and of every number what it is and what it was made from and with.

Conventions
    ``receipts.jsonl`` in a run folder is canonical JSON, a line each, the same bytes however the run was shared out.
    The first line has ``schema``, ``run`` (the line of the run, :mod:`avgen_bench.signatures`), ``signatures`` (by
    digest, the lines of the numbers, less the digests of their prompts), ``prompts`` (digest of the prompts that
    ``run.json`` keeps), ``clips`` (how many lines follow) and ``digest`` (sha256 of these).

    A clip's line has ``clip`` (system, prompt, take, path, sha256 of the file), ``prompt`` (digest, as signatures have
    it; empty without one), ``numbers`` (per dimension ``status``, ``value``, ``signature``, ``record``,
    ``observations`` and ``verdicts``: id, strict, loose), ``observations`` (by fingerprint, the digest of the record
    that holds its content) and ``digest`` (sha256 of the line without it). A record's digest is that of its line in
    the store: it changes with any character of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from avgen_bench.signatures import common, digest, line, prompt_of
from avgen_bench.types import Clip, Measurement, canonical_json

__all__ = ["FILE", "SCHEMA", "Receipt", "quote", "read", "sealed", "text_of"]

FILE = "receipts.jsonl"
SCHEMA = "avgen-bench/receipts/1"


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """What stands behind one clip of a run.

    Attributes:
        numbers: by dimension; ``records`` are the digests of their records in the store.
        observations: by fingerprint, the digest of the record in the store; those that are not there are left out.
    """

    clip: Clip
    numbers: Mapping[str, Measurement]
    records: Mapping[str, str]
    observations: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The line as plain JSON values, with its digest."""
        prompts = {prompt_of(item.signature) for item in self.numbers.values()}
        numbers = {
            name: {
                "status": item.status,
                "value": item.to_json()["value"],
                "signature": digest(common(item.signature)),
                "record": self.records[name],
                "observations": list(item.observations),
                "verdicts": [[verdict.id, verdict.strict, verdict.loose] for verdict in item.verdicts],
            }
            for name, item in self.numbers.items()
        }
        row = {
            "clip": dataclasses.asdict(self.clip),
            "prompt": " ".join(sorted(prompts)),
            "numbers": numbers,
            "observations": dict(self.observations),
        }
        return sealed(row)


def sealed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A line with the digest that belongs to it, whatever digest it had."""
    plain = {name: value for name, value in row.items() if name != "digest"}
    return {**plain, "digest": hashlib.sha256(canonical_json(plain).encode()).hexdigest()}


def _order(receipt: Receipt) -> tuple[Any, ...]:
    clip = receipt.clip
    return clip.system, clip.prompt_id, clip.take, clip.path, clip.clip_id


def text_of(receipts: Iterable[Receipt], run: Mapping[str, str], prompts: str) -> str:
    """The text of ``receipts.jsonl``.

    Args:
        receipts: in any order.
        run: the fields of the run.
        prompts: digest of its prompts.
    """
    ordered = sorted(receipts, key=_order)
    lines = [canonical_json(receipt.to_json()) + "\n" for receipt in ordered]
    made_with = {common(item.signature) for receipt in ordered for item in receipt.numbers.values()}
    header = {
        "schema": SCHEMA,
        "run": line(run),
        "signatures": {digest(text): text for text in made_with},
        "prompts": prompts,
        "clips": len(lines),
        "digest": hashlib.sha256("".join(lines).encode()).hexdigest(),
    }
    return canonical_json(header) + "\n" + "".join(lines)


def quote(text: str) -> dict[str, Any]:
    """What a report says of its receipts: the file's name, how many clips it is about, and its sha256."""
    return {"file": FILE, "clips": text.count("\n") - 1, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def read(text: str) -> tuple[dict[str, Any] | None, list[dict[str, Any] | None]]:
    """The header and the lines of a receipts file; None for one that is no JSON object."""

    def row(line: str) -> dict[str, Any] | None:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    header, *rows = [row(item) for item in text.splitlines()] or [None]
    return header, rows
