"""The literal names: whatever is imported first, and whatever the library looks like."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from matrix import run

from avgen_bench import aliases

# What avgen_bench meets of datasets, and no more.
FAKE = {
    "__init__": "from .load import load_dataset\nfrom .inspect import get_dataset_config_names\n__version__ = '9.0'\n",
    "load": """
class Module:
    def __init__(self, path):
        self.path, self.hash, self.builder_kwargs = path, "0", {"dataset_name": "of the folder"}

def dataset_module_factory(path, revision=None, **kwargs):
    return Module(path)

def load_dataset(path, name=None, revision=None):
    return dataset_module_factory(path, revision=revision)
""",
    "inspect": """
from datasets.load import dataset_module_factory

def get_dataset_config_names(path, revision=None):
    return dataset_module_factory(path, revision).path
""",
}
START = """
import sys
NAME = "avgen-bench"
def ours(found):
    return getattr(found, "path", found) != NAME
def finders():
    # those that wait for datasets; what waits for evaluate goes on waiting
    mine = [finder for finder in sys.meta_path if hasattr(finder, "_avgen_alias")]
    assert len(mine) <= 1
    return [finder for finder in mine if any(name.startswith("datasets") for name in finder.waiting)]
def state():
    from avgen_bench import aliases
    return {name: word for name, word in aliases.state().items() if name.startswith("datasets")}
"""


def _fake(folder: Path, **changed: str) -> None:
    (folder / "datasets").mkdir(exist_ok=True)
    for name, text in (FAKE | changed).items():
        (folder / "datasets" / f"{name}.py").write_text(text)


def _run(folder: Path, code: str, *flags: str, home: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"PYTHONPATH": str(folder), "HF_HUB_OFFLINE": "1", "HF_HOME": str(home or folder)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}  # files of the fake change faster than their time stamps
    done = subprocess.run(
        [sys.executable, *flags, "-c", START + code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


CASES = {
    "ours first": """
import avgen_bench
assert "datasets" not in sys.modules and len(finders()) == 1
from datasets import load_dataset, get_dataset_config_names
assert ours(load_dataset(NAME)) and ours(load_dataset(path=NAME)) and ours(get_dataset_config_names(NAME))
assert not finders()
""",
    "theirs first, functions taken": """
from datasets import load_dataset, get_dataset_config_names
assert not ours(load_dataset(NAME))
import avgen_bench
assert ours(load_dataset(NAME)) and ours(get_dataset_config_names(NAME)) and not finders()
""",
    "half of theirs first": """
import types
sys.modules["datasets.inspect"] = None
try:
    import datasets
except ImportError:
    pass
del sys.modules["datasets.inspect"]
assert "datasets.load" in sys.modules
import avgen_bench
from avgen_bench import aliases
assert state() == {"datasets.load": "ready", "datasets.inspect": "waiting"}
import datasets
assert state() == {"datasets.load": "ready", "datasets.inspect": "ready"}
""",
    "the name in the cache": """
import avgen_bench, datasets
found = datasets.load_dataset(NAME)
assert found.builder_kwargs == {"dataset_name": "avgen_bench"} and found.hash != "0"
""",
    "what is left alone": """
import os, pathlib
import avgen_bench, datasets
for path in ("org/avgen-bench", "avgen_bench", "./avgen-bench", "csv"):
    found = datasets.load_dataset(path)
    assert found.path == path and found.hash == "0"
assert not ours(datasets.load_dataset(NAME, revision="main"))
assert not ours(datasets.get_dataset_config_names(NAME, "main"))
pathlib.Path(NAME).write_text("a program of that name")
assert ours(datasets.load_dataset(NAME))
os.remove(NAME)
os.mkdir(NAME)
assert not ours(datasets.load_dataset(NAME))
""",
    "wrong calls fail in the library's words": """
import avgen_bench, datasets.load
try:
    datasets.load.dataset_module_factory()
except TypeError as problem:
    assert "dataset_module_factory" in str(problem) and "path" in str(problem)
else:
    raise AssertionError
""",
    "installing again changes nothing": """
import avgen_bench
from avgen_bench import aliases
aliases.install()
assert len(finders()) == 1
import datasets.load
once = datasets.load.dataset_module_factory
aliases.install()
assert datasets.load.dataset_module_factory is once and not finders()
""",
    "ours imported afresh": """
import avgen_bench
for name in [name for name in sys.modules if name.startswith("avgen_bench")]:
    del sys.modules[name]
import avgen_bench
assert len(finders()) == 1
import importlib
importlib.reload(avgen_bench)
assert len(finders()) == 1
import datasets
once = datasets.load.dataset_module_factory
for name in [name for name in sys.modules if name.startswith("avgen_bench")]:
    del sys.modules[name]
import avgen_bench
assert datasets.load.dataset_module_factory is once and ours(datasets.load_dataset(NAME))
""",
    "theirs reloaded": """
import importlib
import avgen_bench, datasets
from avgen_bench import aliases
importlib.reload(datasets.load)
assert aliases.state()["datasets.load"] == "waiting"
aliases.install()
assert ours(datasets.load_dataset(NAME)) and not finders()
""",
    "looked for, not imported": """
import importlib.util
import avgen_bench
spec = importlib.util.find_spec("datasets")
assert spec is not None and len(finders()) == 1
import datasets
assert ours(datasets.load_dataset(NAME))
""",
    "the module keeps its own loader": """
import importlib.machinery, inspect
import avgen_bench, datasets.load
for loader in (datasets.load.__loader__, datasets.load.__spec__.loader):
    assert type(loader) is importlib.machinery.SourceFileLoader
assert "class Module" in inspect.getsource(datasets.load)
assert "def dataset_module_factory" in inspect.getsource(datasets.load.dataset_module_factory)
""",
    "an import that fails comes again": """
import pathlib
source = pathlib.Path("datasets/load.py")
good = source.read_text()
source.write_text("raise RuntimeError('broken')")
import avgen_bench
for attempt in range(2):
    try:
        import datasets
    except RuntimeError as problem:
        assert str(problem) == "broken"
    else:
        raise AssertionError
assert len(finders()) == 1
source.write_text(good)
import datasets
assert ours(datasets.load_dataset(NAME)) and not finders()
""",
    "while another thread imports theirs": """
import pathlib, threading, time
source = pathlib.Path("datasets/load.py")
source.write_text("import time\\ntime.sleep(0.5)\\n" + source.read_text())
thread = threading.Thread(target=__import__, args=("datasets",))
thread.start()
while "datasets.load" not in sys.modules:
    time.sleep(0.01)
assert not hasattr(sys.modules["datasets.load"], "load_dataset")
import avgen_bench
thread.join()
import datasets
assert ours(datasets.load_dataset(NAME)) and ours(datasets.get_dataset_config_names(NAME)) and not finders()
""",
    "while another thread's import fails": """
import pathlib, threading, time
source = pathlib.Path("datasets/load.py")
good = source.read_text()
source.write_text("import time\\ntime.sleep(0.5)\\nraise RuntimeError('broken')")
threading.excepthook = lambda arguments: None
thread = threading.Thread(target=__import__, args=("datasets",))
thread.start()
while "datasets.load" not in sys.modules:
    time.sleep(0.01)
import avgen_bench
thread.join()
assert len(finders()) == 1
source.write_text(good)
import datasets
assert ours(datasets.load_dataset(NAME)) and not finders()
""",
    "many threads at once": """
import threading
barrier = threading.Barrier(8)
def work():
    barrier.wait()
    import avgen_bench, datasets, json.tool, email.mime.text, xml.dom.minidom, wave
    avgen_bench.aliases.install()
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
import datasets
assert ours(datasets.load_dataset(NAME)) and not finders()
assert not hasattr(datasets.load.dataset_module_factory.__wrapped__, "__wrapped__")
""",
}


@pytest.mark.parametrize("name", CASES)
def test_the_name_is_known(tmp_path: Path, name: str) -> None:
    _fake(tmp_path)
    _run(tmp_path, CASES[name], "-W", "error")


@pytest.mark.parametrize(
    "load",
    [
        FAKE["load"].replace("dataset_module_factory", "module_of"),
        FAKE["load"].replace("factory(path, revision=None", "factory(name, revision=None"),
        FAKE["load"] + "\nfrom functools import partial\ndataset_module_factory = max\n",
    ],
    ids=["gone", "other parameters", "no signature"],
)
def test_a_library_that_changed_is_left_alone_and_says_so(tmp_path: Path, load: str) -> None:
    _fake(tmp_path, load=load, inspect="from datasets.load import load_dataset as get_dataset_config_names\n")
    code = """
import avgen_bench, datasets
from avgen_bench import aliases, errors
assert not finders()
assert aliases.state()["datasets.load"] == "datasets.load has no dataset_module_factory(path, ...)", aliases.state()
assert not hasattr(getattr(datasets.load, "dataset_module_factory", None), "_avgen_alias")
try:
    aliases.seed_cache()
except errors.InputError as problem:
    assert "datasets 9.0" in str(problem) and "no dataset_module_factory" in str(problem)
else:
    raise AssertionError
"""
    assert "load the folder instead: avgen_bench.aliases.folder('avgen-bench')" in _run(tmp_path, code)
    _run(tmp_path, code, "-W", "error")


def test_without_datasets_nothing_happens_and_seeding_says_what_to_install(tmp_path: Path) -> None:
    code = """
sys.modules["datasets"] = None
import avgen_bench
from avgen_bench import aliases, errors
try:
    aliases.seed_cache()
except errors.InputError as problem:
    assert "pip install datasets" in str(problem)
else:
    raise AssertionError
"""
    _run(tmp_path, code, "-W", "error")


def test_metrics_have_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "evaluate").mkdir()
    (tmp_path / "evaluate" / "__init__.py").write_text("from .loading import load\nfrom . import evaluation_suite\n")
    loading = "def evaluation_module_factory(path, module_type=None, revision=None):\n    return path\n"
    loading += "def load(path, revision=None):\n    return evaluation_module_factory(path, revision=revision)\n"
    (tmp_path / "evaluate" / "loading.py").write_text(loading)
    (tmp_path / "evaluate" / "evaluation_suite.py").write_text("from .loading import evaluation_module_factory\n")
    (tmp_path / "our_metric").mkdir()
    code = """
from avgen_bench import aliases
aliases.METRICS["avgen_fake"] = "our_metric"
aliases.install()
from evaluate import load
assert load("avgen_fake") == str(aliases.folder("avgen_fake")), load("avgen_fake")
assert load("other") == "other" and load("avgen_fake", revision="v1") == "avgen_fake"
assert aliases.state()["evaluate.evaluation_suite"] == "ready"
"""
    _run(tmp_path, code, "-W", "error")


def test_nothing_is_awaited_of_a_library_without_names_of_ours() -> None:
    assert set(aliases.state()) == {
        module for module, (_, names) in aliases._FACTORIES.items() if module.startswith("datasets") or names
    }


def test_an_installation_without_the_folder_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(aliases.DATASETS, "avgen-bench", "avgen_bench_of_no_kind")
    with pytest.raises(aliases.InputError, match="reinstall avgen-bench"):
        aliases.folder("avgen-bench")
    with pytest.raises(aliases.InputError, match="expected one of avgen-bench"):
        aliases.folder("avgen")


# From here on with datasets itself.

FEATURES = """  features:
  - name: id
    dtype: string
  - name: tags
    list: string
  - name: constraints
    list:
    - name: id
      dtype: string
    - name: count
      dtype: int32
    - name: share
      dtype: float64
"""


def _dataset(folder: Path, rows: int = 6) -> Path:
    """A small dataset folder of the real one's layout: plain Arrow parquet beside a README that names the features."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    constraint = pa.struct([("id", pa.string()), ("count", pa.int32()), ("share", pa.float64())])
    schema = pa.schema([("id", pa.string()), ("tags", pa.list_(pa.string())), ("constraints", pa.list_(constraint))])
    (folder / "data").mkdir(parents=True, exist_ok=True)
    readme = "---\nconfigs:\n"
    names = {"default": rows, "mini": 2, "ladders": 3}
    for name, count in names.items():
        table = [
            {
                "id": f"{name}/{number} „é“",
                "tags": ["a", "b"][: number % 3],
                "constraints": [{"id": "c", "count": number % 2 or None, "share": number / 7}] * (number % 3),
            }
            for number in range(count)
        ]
        pq.write_table(pa.Table.from_pylist(table, schema=schema), folder / "data" / f"{name}-test.parquet")
        readme += f"- config_name: {name}\n  data_files:\n  - split: test\n    path: data/{name}-test.parquet\n"
        readme += "  default: true\n" if name == "default" else ""
    readme += "dataset_info:\n" + "".join(f"- config_name: {name}\n{FEATURES}" for name in names)
    (folder / "README.md").write_text(f"{readme}---\n")
    builder = aliases.folder("avgen-bench") / "avgen_bench.py"
    (folder / "avgen_bench.py").write_bytes(builder.read_bytes())
    return folder


def _need_datasets() -> None:
    if importlib.util.find_spec("datasets") is None:
        pytest.skip("datasets is not installed")


@pytest.mark.parametrize("real", [False, True], ids=["small", "installed"])
def test_every_way_gives_the_rows_of_the_files(tmp_path: Path, real: bool) -> None:
    """Folder, literal name in both orders and online without a call, seeded name, builder: matrix/check.py in order."""
    _need_datasets()
    if real and not (aliases.folder("avgen-bench") / "README.md").is_file():
        pytest.skip("the dataset is not there yet")
    home = tmp_path / "home"
    home.mkdir()
    ways = run.read(Path(sys.executable), home, None if real else _dataset(tmp_path / "small_prompts"))
    assert set(ways["parquet"]) == {"default", "mini", "ladders"}
    for way, found in ways.items():
        assert set(found) == set() if way == "seed" else {"default"} <= set(found), way
        assert found == {name: ways["parquet"][name] for name in found}, way


def test_other_data_are_other_rows(tmp_path: Path) -> None:
    """An upgrade that changes the prompts and not the README: datasets alone would serve the old rows."""
    _need_datasets()
    code = """
import avgen_bench
from avgen_bench import aliases
aliases.DATASETS[NAME] = "small_prompts"
import datasets, os
rows = len(datasets.load_dataset(NAME, split="test"))
os.makedirs("here/avgen-bench", exist_ok=True)
os.chdir("here")  # a folder of that name is for load_dataset, and not what is seeded
print("rows", rows, aliases.seed_cache().name)
"""
    bare = "import datasets\nprint('rows', len(datasets.load_dataset(NAME, split='test')))"
    seeded = set()
    for rows in (6, 4, 6):
        _dataset(tmp_path / "small_prompts", rows)
        line = next(line for line in _run(tmp_path, code).splitlines() if line.startswith("rows"))
        assert line.split()[1] == str(rows)
        seeded.add(line.split()[2])
        assert f"rows {rows}" in _run(tmp_path, bare)
    assert len(seeded) == 2, "the same data are seeded once"


def test_seeding_refuses_what_would_not_work(tmp_path: Path) -> None:
    _need_datasets()
    _dataset(tmp_path / "small_prompts")
    _dataset(tmp_path / "elsewhere" / "avgen-bench")
    (tmp_path / "file").write_text("")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "avgen-bench").write_text("")
    code = """
import avgen_bench, datasets
from avgen_bench import aliases, errors
aliases.DATASETS[NAME] = "small_prompts"
def refused(cache_dir=None):
    try:
        aliases.seed_cache(cache_dir)
    except errors.InputError as problem:
        return str(problem)
    raise AssertionError("seeded")
assert "cannot be written" in refused("file/cache")
assert "cannot be written" in refused("cache")
datasets.load_dataset("elsewhere/avgen-bench", "mini")
assert "the configuration mini" in refused() and "remove" in refused()
aliases.DATASETS[NAME] = "nothing"
assert "lacks its data" in refused("other_cache")
"""
    _run(tmp_path, code)


def test_the_builder_names_the_configurations_of_the_files() -> None:
    _need_datasets()
    from avgen_bench.dataset.avgen_bench import AvgenBench

    folder = aliases.folder("avgen-bench")
    files = {file.name.removesuffix("-test.parquet") for file in (folder / "data").glob("*.parquet")}
    if not files:
        pytest.skip("the dataset is not there yet")
    assert {config.name for config in AvgenBench.BUILDER_CONFIGS} == files


def test_no_file_is_taken_for_a_loading_script() -> None:
    """``datasets`` refuses a folder, and a Hub repository, with a script of its own name."""
    folder = aliases.folder("avgen-bench")
    for name in (folder.name, "dataset", "avgen_bench_dataset", "avgen-bench"):
        assert not (folder / f"{name}.py").exists()
