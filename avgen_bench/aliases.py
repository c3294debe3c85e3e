"""The literal names ``load_dataset("avgen-bench")``, ``evaluate.load("avgen_semantic")`` after ``import avgen_bench``.

``datasets`` and ``evaluate`` find a one-part name only on the Hub, and have no entry points. So the one function of
theirs that turns a name into a module is wrapped, where it is looked up at call time; what was imported from them
earlier (``from datasets import load_dataset``) is served too. Neither library is imported for it: what is not there yet
is awaited by a finder on ``sys.meta_path``, which goes when nothing is left to wait for.

Conventions: a table maps a literal name to the package whose folder is loaded. The name is left alone when a folder of
that name lies in the current directory, when a revision is asked for (an installed package has none), and when it has
two parts (``org/avgen-bench`` is the Hub's). What is loaded by an alias is cached as ``avgen_bench``, never as
``avgen-bench``: that name in the cache belongs to :func:`seed_cache`, and only with one configuration in it does a
process that never imports avgen_bench find it.

A library module that is reloaded or imported afresh after it was wrapped needs :func:`install` again.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from avgen_bench.errors import InputError

if TYPE_CHECKING:
    import inspect
    from pathlib import Path

__all__ = ["DATASETS", "METRICS", "folder", "install", "seed_cache", "seed_modules", "state"]

DATASETS: dict[str, str] = {"avgen-bench": "avgen_bench.dataset"}
METRICS: dict[str, str] = {
    "avgen_control": "avgen_bench.metrics.avgen_control",
    "avgen_perceptual": "avgen_bench.metrics.avgen_perceptual",
    "avgen_semantic": "avgen_bench.metrics.avgen_semantic",
}

# Module of the library -> its function that resolves a name, and the names that are ours in it.
_FACTORIES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "datasets.load": ("dataset_module_factory", DATASETS),
    "datasets.inspect": ("dataset_module_factory", DATASETS),
    "evaluate.loading": ("evaluation_module_factory", METRICS),
    "evaluate.evaluation_suite": ("evaluation_module_factory", METRICS),
}
_SEEDED = "avgen-bench"
_MARK = "_avgen_alias"
_lock = threading.RLock()  # guards the finder's set and its place; never held while a module is imported
_unusable: dict[str, str] = {}
_seeding: ContextVar[bool] = ContextVar("avgen_bench_seeding", default=False)


def folder(name: str) -> Path:
    """The folder that a literal name stands for; InputError when the installation lacks it.

    >>> folder("avgen-bench").is_dir()
    True
    """
    from pathlib import Path

    package = (DATASETS | METRICS).get(name)
    if package is None:
        raise InputError(f"got {name!r}, expected one of {', '.join(sorted(DATASETS | METRICS))}")
    spec = importlib.util.find_spec(package)  # an editable install maps the package to a folder of another name
    for place in (spec and spec.submodule_search_locations) or ():
        if os.path.isdir(place):
            return Path(place)
    raise InputError(f"{name!r} is the folder of the package {package}, which is not there: reinstall avgen-bench")


def install() -> None:
    """Make the literal names known, now or when their library is imported; again changes nothing."""
    wanted = {module for module, (_, names) in _FACTORIES.items() if names}
    finder = _Finder(wanted)
    with _lock:
        for old in [old for old in sys.meta_path if hasattr(old, _MARK)]:
            _without(old)
        sys.meta_path.insert(0, finder)
    for name in sorted(wanted):
        module = sys.modules.get(name)
        if module is None:
            continue
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            try:
                module = importlib.import_module(name)  # another thread is at it: this waits for its end
            except Exception:  # whatever broke that import is its own trouble, and the next attempt is awaited
                continue
        _alias(module)
        finder.settle(name)
    finder.settle()


def state() -> dict[str, str]:
    """For each module of ``datasets`` and ``evaluate`` that resolves our names: ready, waiting, or why it cannot be."""
    found = {}
    for name, (attribute, names) in _FACTORIES.items():
        if not names:
            continue
        module = sys.modules.get(name)
        ready = module is not None and hasattr(getattr(module, attribute, None), _MARK)
        found[name] = "ready" if ready else _unusable.get(name, "waiting")
    return found


def _alias(module: ModuleType) -> None:
    """Wrap the module's factory. Never raises: it runs inside somebody's import."""
    attribute, names = _FACTORIES[module.__name__]
    factory: Any = getattr(module, attribute, None)
    if hasattr(factory, _MARK):
        return
    signature = _signature(factory)
    if signature is None or "path" not in signature.parameters:
        library = module.__name__.partition(".")[0]
        _unusable[module.__name__] = f"{module.__name__} has no {attribute}(path, ...)"
        with contextlib.suppress(RuntimeWarning):  # warnings as errors must not break the library's import
            warnings.warn(
                f"{_unusable[module.__name__]}, so {library} will not find {', '.join(names)} by name; load the folder "
                f"instead: avgen_bench.aliases.folder({next(iter(names))!r})",
                RuntimeWarning,
                stacklevel=2,
            )
        return
    _unusable.pop(module.__name__, None)
    setattr(module, attribute, _aliased(factory, signature, names))


def _signature(factory: Any) -> inspect.Signature | None:
    import inspect

    try:
        return inspect.signature(factory)
    except (TypeError, ValueError):  # not a function, or none that says what it takes
        return None


def _aliased(factory: Callable[..., Any], signature: inspect.Signature, names: Mapping[str, str]) -> Callable[..., Any]:
    @functools.wraps(factory)
    def resolve(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return factory(*args, **kwargs)  # which says what is wrong in its own words
        name = bound.arguments.get("path")
        if not isinstance(name, str) or name not in names or bound.arguments.get("revision") is not None:
            return factory(*args, **kwargs)
        if os.path.isdir(name) and not _seeding.get():
            return factory(*args, **kwargs)
        place = folder(name)
        bound.arguments["path"] = str(place)
        module = factory(*bound.args, **bound.kwargs)
        options = getattr(module, "builder_kwargs", None)
        if isinstance(options, dict) and "dataset_name" in options:
            # Both name the place in the cache of Arrow files. datasets' own hash of a folder does not see its data, so
            # that the rows of an earlier release would be served.
            options["dataset_name"] = name if _seeding.get() else name.replace("-", "_")
            with contextlib.suppress(AttributeError):
                module.hash = _digest(module.hash, place)
        return module

    vars(resolve)[_MARK] = True
    return resolve


def _digest(start: str, place: Path) -> str:
    import hashlib

    digest = hashlib.sha256(start.encode())
    for file in sorted(place.rglob("*.parquet")):
        digest.update(file.relative_to(place).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _without(finder: Any) -> None:
    """Take a finder off ``sys.meta_path``: by a new list, since another thread's import may be walking the old one."""
    sys.meta_path = [other for other in sys.meta_path if other is not finder]


class _Finder:
    """Finds what the other finders find, and has it aliased once it has run."""

    def __init__(self, waiting: set[str]) -> None:
        self.waiting = waiting
        setattr(self, _MARK, True)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self.waiting:
            return None
        for other in list(sys.meta_path):
            find = None if other is self else getattr(other, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is None:
                continue
            if hasattr(spec.loader, "exec_module"):
                spec.loader = _Loader(spec.loader, self)  # type: ignore[assignment]
            return spec
        return None

    def settle(self, name: str = "") -> None:
        """Wait no longer for that module, and go if it was the last."""
        with _lock:
            self.waiting.discard(name)
            if not self.waiting:
                _without(self)


class _Loader:
    """The module's own loader, which is put back before the module runs."""

    def __init__(self, loader: Any, finder: _Finder) -> None:
        self.loader = loader
        self.finder = finder

    def __getattr__(self, name: str) -> Any:
        if name in ("loader", "finder"):  # not there yet, as in a copy
            raise AttributeError(name)
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self.loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        module.__loader__ = self.loader
        self.loader.exec_module(module)  # what it raises goes through: the next attempt comes here again
        _alias(module)
        self.finder.settle(module.__name__)


def seed_cache(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The folder in the ``datasets`` cache from which ``load_dataset("avgen-bench")`` works without avgen_bench.

    It holds the default configuration only. Seeding again finds it there and keeps it; another release of the prompts
    lies beside it, and the one seeded last is taken.

    Args:
        cache_dir: a cache folder other than that of ``datasets`` itself (``HF_DATASETS_CACHE``). The process that reads
            it must then name it too.

    Raises:
        InputError: ``datasets`` cannot be used, the cache cannot be written, or it holds other configurations under
            that name, so that the bare name would be ambiguous.
    """
    from pathlib import Path

    try:
        datasets = importlib.import_module("datasets")
    except ImportError as problem:
        raise InputError(f"the package datasets cannot be imported ({problem}): pip install datasets") from problem
    install()
    if state()["datasets.load"] != "ready":
        version = getattr(datasets, "__version__", "of unknown version")
        raise InputError(f"datasets {version} cannot be seeded: {state()['datasets.load']}; another version may do")
    cache = Path(cache_dir if cache_dir is not None else datasets.config.HF_DATASETS_CACHE).expanduser()
    place = cache / _SEEDED
    with _writing(cache):
        cache.mkdir(parents=True, exist_ok=True)
        _try_writing(cache)
        others = _cached_configurations(place) - {"default"}
    if others:
        raise InputError(
            f"{place} also holds the configuration {' and '.join(sorted(others))}, and with more than one the bare "
            f"name is ambiguous: remove {place}, or seed another cache folder"
        )
    seeding = _seeding.set(True)
    try:
        with _writing(cache, datasets.exceptions.DatasetGenerationError):
            try:
                builder = datasets.load_dataset_builder(_SEEDED, "default", cache_dir=str(cache))
            except FileNotFoundError as problem:
                raise InputError(f"{folder(_SEEDED)} lacks its data ({problem}): reinstall avgen-bench") from problem
            builder.download_and_prepare()
            seeded = Path(builder.cache_dir)
            os.utime(seeded)  # of several versions in the cache the newest is taken
    finally:
        _seeding.reset(seeding)
    return seeded


def seed_modules(modules_cache: str | os.PathLike[str] | None = None) -> list[Path]:
    """The folders in the modules cache from which ``evaluate.load("avgen_semantic")`` works without the import.

    Each holds the metric's script under the name of the Space that a one-part name means, in a folder named after its
    content; seeding again changes nothing but which is the newest, and of several the newest is taken.

    Args:
        modules_cache: a folder other than that of ``evaluate`` itself (``HF_MODULES_CACHE``). The process that reads it
            must then name it too.

    Raises:
        InputError: ``evaluate`` cannot be used, or the cache cannot be written.
    """
    import hashlib
    from pathlib import Path

    try:
        loading = importlib.import_module("evaluate.loading")
    except ImportError as problem:
        raise InputError(f"the package evaluate cannot be imported ({problem}): pip install evaluate") from problem
    usual = Path(importlib.import_module("evaluate.config").HF_MODULES_CACHE)
    cache = Path(usual if modules_cache is None else modules_cache).expanduser()
    seeded = []
    with _writing(cache):
        cache.mkdir(parents=True, exist_ok=True)
        root = Path(loading.init_dynamic_modules(hf_modules_cache=cache))
        for name in sorted(METRICS):
            source = folder(name) / f"{name}.py"
            try:
                text = source.read_bytes()
            except OSError as problem:
                raise InputError(f"{folder(name)} lacks its script ({problem}): reinstall avgen-bench") from problem
            place = root / "metrics" / f"evaluate-metric--{name}" / hashlib.sha256(text).hexdigest()
            place.mkdir(parents=True, exist_ok=True)
            for above in (place, place.parent, place.parent.parent):
                (above / "__init__.py").touch()
            (place / source.name).write_bytes(text)
            os.utime(place)
            seeded.append(place)
    return seeded


def _cached_configurations(place: Path) -> set[str]:
    """The configurations that a bare name may mean, as ``datasets`` counts them."""
    import json

    found = set()
    for info in place.glob("*/*/*/dataset_info.json"):
        folder_name = info.parts[-4]
        with contextlib.suppress(ValueError):  # half a file: datasets writes it again
            if json.loads(info.read_text(encoding="utf-8")).get("config_name") == folder_name:
                found.add(folder_name)
    return found


def _try_writing(cache: Path) -> None:
    import tempfile

    tempfile.TemporaryFile(dir=cache).close()


@contextlib.contextmanager
def _writing(cache: Path, wrapper: type[Exception] = OSError) -> Iterator[None]:
    """Turns what the file system refuses, bare or as the cause of a wrapper, into an error that names the cache."""
    try:
        yield
    except (OSError, wrapper) as problem:
        if not isinstance(problem, OSError) and not isinstance(problem.__cause__, OSError):
            raise
        raise InputError(
            f"the cache {cache} cannot be written ({problem}): make it writable, or name another one"
        ) from problem
