"""What one environment reads: ``python check.py WAY FOLDER [--package NAME]`` prints rows and digests as one JSON line.

Ways: ``parquet`` (the files themselves, by pyarrow alone), ``folder``, ``names`` and ``names_online`` (after ``import
avgen_bench``), ``seed``, ``bare`` (the literal name without avgen_bench), ``builder``. Run by run.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

NAME = "avgen-bench"
Found = dict[str, tuple[int, str]]


def digest(rows: Iterable[dict[str, Any]]) -> tuple[int, str]:
    """Rows, and the hash of their canonical JSON: keys sorted, None kept, lists of structs as lists."""
    lines = [json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False) for row in rows]
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def configurations(folder: Path) -> list[str]:
    return sorted(file.name.removesuffix("-test.parquet") for file in (folder / "data").glob("*-test.parquet"))


def same(*found: tuple[int, str]) -> tuple[int, str]:
    assert len(set(found)) == 1, f"two ways in one process disagree: {found}"
    return found[0]


def parquet(folder: Path, package: str) -> Found:
    import pyarrow.parquet as pq

    return {
        name: digest(pq.read_table(folder / "data" / f"{name}-test.parquet").to_pylist())
        for name in configurations(folder)
    }


def loaded(path: str, folder: Path) -> Found:
    from datasets import get_dataset_config_names, load_dataset

    names = configurations(folder)
    assert sorted(get_dataset_config_names(path)) == names, f"{get_dataset_config_names(path)}, expected {names}"
    found = {
        name: same(
            digest(load_dataset(path, name, split="test")),
            digest(load_dataset(path, name, split="test", streaming=True)),
        )
        for name in names
    }
    assert found["default"] == digest(load_dataset(path)["test"]), "no name is not the default configuration"
    return found


def by_folder(folder: Path, package: str) -> Found:
    return loaded(str(folder), folder)


def names(folder: Path, package: str) -> Found:
    """Datasets first, its function taken before the names are known."""
    from datasets import load_dataset, load_dataset_builder

    from avgen_bench import aliases

    aliases.DATASETS[NAME] = package
    state = {name: word for name, word in aliases.state().items() if name.startswith("datasets")}
    assert state == {"datasets.load": "ready", "datasets.inspect": "ready"}, aliases.state()
    found = loaded(NAME, folder)
    assert digest(load_dataset(NAME, "mini", split="test")) == found["mini"]
    assert Path(load_dataset_builder(NAME).cache_dir).parents[2].name == "avgen_bench", "the cache has another name"
    return found


def names_online(folder: Path, package: str) -> Found:
    """Our names first; every look-up of a host and every connection is seen by the interpreter's audit."""
    calls: list[str] = []

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
            calls.append(f"{event}{arguments[-3:]}")

    sys.addaudithook(listen)
    assert os.environ.get("HF_HUB_OFFLINE") is None

    from avgen_bench import aliases

    aliases.DATASETS[NAME] = package
    assert "datasets" not in sys.modules
    found = loaded(NAME, folder)
    assert not calls, f"the network was asked: {calls[:3]}"
    return found


def seed(folder: Path, package: str) -> Found:
    from avgen_bench import aliases

    aliases.DATASETS[NAME] = package
    first = aliases.seed_cache()
    assert first == aliases.seed_cache(), "seeding twice made two"
    assert [entry.name for entry in first.parent.iterdir() if entry.is_dir()] == [first.name]
    return {}


def bare(folder: Path, package: str) -> Found:
    from datasets import load_dataset

    found = {"default": digest(load_dataset(NAME, split="test"))}
    assert "avgen_bench" not in sys.modules
    return found


def builder(folder: Path, package: str) -> Found:
    import datasets
    from avgen_bench.dataset import avgen_bench as module

    module.HERE = folder
    found = {}
    for name in configurations(folder):
        one = module.AvgenBench(config_name=name)
        one.download_and_prepare()
        found[name] = digest(one.as_dataset(split="test"))
        if datasets.__version__ < "4":
            script = str(folder / "avgen_bench.py")
            found[name] = same(
                found[name], digest(datasets.load_dataset(script, name, split="test", trust_remote_code=True))
            )
    return found


WAYS: dict[str, Callable[[Path, str], Found]] = {
    "parquet": parquet,
    "folder": by_folder,
    "names": names,
    "names_online": names_online,
    "seed": seed,
    "bare": bare,
    "builder": builder,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--package", default="avgen_bench.dataset")
    options = parser.parse_args()
    sys.path.insert(0, str(options.folder.parent))  # where a --package of its own lies
    print(json.dumps(WAYS[options.way](options.folder, options.package)))
