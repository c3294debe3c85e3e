"""Writes the dataset repository: plain Arrow parquet for each configuration, the card, the list of kinds.

Everything is made in memory and checked first, then each file is replaced whole: a fault leaves the old files.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from avgen_bench.builders import agreement, census, schema, selection, similarity, sources, validators
from avgen_bench.cards import dataset_card
from avgen_bench.cards.render import to_text
from pyarrow import parquet

from avgen_bench.errors import AvgenError, ManifestError
from avgen_bench.model_card import BENCHMARK_FILE, benchmark_yaml, validate_benchmark
from avgen_bench.types import Prompt, canonical_json

__all__ = [
    "DATASET",
    "VERSION",
    "Problem",
    "build",
    "check",
    "configurations",
    "content_digest",
    "problems",
    "same",
    "write",
]

VERSION = "1.0.0"
DATASET = Path(str(importlib.resources.files("avgen_bench.dataset")))


class Problem(ManifestError):
    """The prompt set cannot be built; the message lists what is wrong."""


def configurations(folder: Path = sources.FOLDER) -> dict[str, list[Prompt]]:
    """The prompts of ``default``, ``mini`` and ``ladders``.

    Raises:
        ManifestError: sources that cannot be read.
    """
    found = sources.read_sources(folder)
    mini = selection.read_mini(folder / "mini.txt", found.prompts)
    return {"default": list(found.prompts), "mini": mini, "ladders": list(found.ladders)}


def problems(configs: Mapping[str, Sequence[Prompt]]) -> list[str]:
    """Everything that stops a build: faults of single prompts, near-duplicates, missing or stale reviews."""
    out = []
    every = [*configs["default"], *configs["ladders"]]
    for prompt in every:
        out += [f"{prompt.id}: {fault}" for fault in validators.faults(prompt)]
    out += [
        f"{a} and {b}: {share:.0%} of their word trigrams are the same" for a, b, share in similarity.duplicates(every)
    ]
    for prompt in every:
        reviewers = {look.by for look in prompt.verification if look.type == "review"}
        if len(reviewers) < 2:
            out.append(f"{prompt.id}: {len(reviewers)} of 2 independent reviews are recorded")
        elif prompt.verification[-1].digest != prompt.digest():
            out.append(
                f"{prompt.id}: was changed after the last recorded look; record the change (record --type change)"
            )
    return out


def _table(prompts: Sequence[Prompt]) -> pa.Table:
    return pa.Table.from_pylist([schema.to_row(prompt) for prompt in prompts], schema=schema.arrow_schema())


def content_digest(prompts: Sequence[Prompt]) -> str:
    """sha256 over the prompts' digests in order: the identity of a configuration, whoever reviewed it."""
    return hashlib.sha256(canonical_json([prompt.digest() for prompt in prompts]).encode()).hexdigest()


def _files(configs: Mapping[str, Sequence[Prompt]]) -> dict[str, bytes]:
    counts = census.census(configs["default"], configs["ladders"], configs["mini"])
    facts: dict[str, Any] = {
        "version": VERSION,
        "counts": counts,
        "configs": {
            name: {
                "rows": len(prompts),
                "digest": content_digest(prompts),
                "bytes": len(canonical_json([schema.to_row(prompt) for prompt in prompts])),
            }
            for name, prompts in configs.items()
        },
        "features": schema.yaml_features(),
        "fields": schema.FIELDS,
        "threshold": similarity.THRESHOLD,
        "rules": list(validators.FAULTS),
        "example": schema.to_row(configs["mini"][0]) if configs["mini"] else {},
    }
    facts["agreement"] = _agreement(configs["default"])
    files: dict[str, bytes] = {}
    for name, prompts in configs.items():
        sink = io.BytesIO()
        parquet.write_table(_table(prompts), sink, compression="zstd", write_statistics=False)
        files[f"data/{name}-test.parquet"] = sink.getvalue()
    files["README.md"] = dataset_card.render(facts).encode()
    files[BENCHMARK_FILE] = to_text(_benchmark()).encode()
    return files


def _benchmark() -> dict[str, Any]:
    """The tasks of the benchmark on the Hub, looked at as the Hub would."""
    made = benchmark_yaml()
    validate_benchmark(made, BENCHMARK_FILE)
    return made


def _agreement(prompts: Sequence[Prompt], folder: Path = sources.FOLDER) -> dict[str, Any] | None:
    """Precision and recall of the stored constraints against the blind re-annotation, where there is one."""
    path = folder / "annotations" / "blind.jsonl"
    if not path.is_file():
        return None
    annotations = agreement.read_annotations(path)
    made = agreement.agreement(prompts, annotations, "value")
    return {
        "prompts": len(annotations),
        "stored": made.stored,
        "annotated": made.annotated,
        "precision": round(made.precision, 3),
        "recall": round(made.recall, 3),
    }


def write(path: Path, data: bytes) -> None:
    """Replace a file whole, or leave the old one.

    Raises:
        AvgenError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise AvgenError(f"cannot write {path.name}: {error}") from None


def build(folder: Path = sources.FOLDER, out: Path = DATASET) -> list[Path]:
    """Writes the dataset repository; the files that changed.

    Raises:
        Problem: something is wrong with the sources; nothing was written.
    """
    configs = configurations(folder)
    wrong = problems(configs)
    if wrong:
        raise Problem(f"{len(wrong)} problems, nothing was written:\n" + "\n".join(wrong))
    changed = []
    for name, data in _files(configs).items():
        path = out / name
        if same(path, data):
            continue
        write(path, data)
        changed.append(path)
    return changed


def same(path: Path, data: bytes) -> bool:
    """Whether a file holds this already; parquet by what it says, because its bytes name the writer's version."""
    try:
        old = path.read_bytes()
    except OSError:
        return False
    if old == data:
        return True
    if path.suffix != ".parquet":
        return False
    try:
        there, made = (parquet.read_table(io.BytesIO(content)) for content in (old, data))
    except pa.ArrowException:
        return False
    return bool(there.schema.equals(made.schema, check_metadata=True) and there.equals(made))


def check(folder: Path = sources.FOLDER, out: Path = DATASET) -> list[str]:
    """What differs between the sources and the written repository; empty when all is as built."""
    configs = configurations(folder)
    wrong = problems(configs)
    files = _files(configs)
    wrong += [
        f"{name} is not as the sources say; run: build" for name, data in files.items() if not same(out / name, data)
    ]
    extra = sorted(path.name for path in (out / "data").glob("*") if f"data/{path.name}" not in files)
    wrong += [f"data/{name} is made by nothing; remove it" for name in extra]
    return wrong
