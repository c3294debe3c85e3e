"""The builder of the AVGen-Bench prompts, for ``datasets``: ``AvgenBench("mini").download_and_prepare()``.

``load_dataset`` on this folder or its Hub repository needs none of it: there the configurations of README.md do the
loading. It stands alone, imports nothing of avgen_bench, and is not named like its folder, which ``datasets`` refuses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent


class AvgenBench(datasets.GeneratorBasedBuilder):
    """Prompts with the constraints and questions that a clip must meet; one split, ``test``."""

    BUILDER_CONFIGS = [datasets.BuilderConfig(name=name) for name in ("default", "mini", "ladders")]  # noqa: RUF012
    DEFAULT_CONFIG_NAME = "default"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        files = sorted((HERE / "data").glob("*.parquet"))
        if files and kwargs.get("hash") is None:  # names the cache: not for other data, nor for another version's types
            data = b"".join([datasets.__version__.encode(), *(file.read_bytes() for file in files)])
            kwargs["hash"] = hashlib.sha256(data).hexdigest()[:16]
        super().__init__(*args, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description="Prompts with checkable constraints for text-to-audio-video models.")

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        name = f"data/{self.config.name}-test.parquet"
        # As a script of datasets 2 and 3 it runs as a copy, far from the data.
        path = str(HERE / name) if (HERE / name).is_file() else dl_manager.download(name)
        with open(path, "rb") as file:
            self.info.features = datasets.Features.from_arrow_schema(pq.read_schema(file))
        return [datasets.SplitGenerator(name=datasets.Split.TEST, gen_kwargs={"path": path})]

    def _generate_examples(self, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
        with open(path, "rb") as file:
            yield from enumerate(pq.read_table(file).to_pylist())
