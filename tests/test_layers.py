"""The house: a room imports only rooms below it, and nothing heavy before it is needed."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    *("numpy", "av", "cv2", "scipy", "torch", "transformers", "datasets", "evaluate", "librosa", "pandas", "sklearn"),
    *("onnxruntime", "rich", "jinja2"),
}
SOURCES = sorted((ROOT / "avgen_bench").rglob("*.py"))


def _config() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def _layers() -> tuple[dict[str, int], set[str]]:
    table = _config()["avgen_bench:layers"]
    side = set(table.pop("side").split())
    return {room: int(layer) for layer, rooms in table.items() for room in rooms.split()}, side


def _room(path: Path) -> str:
    parts = path.relative_to(ROOT / "avgen_bench").with_suffix("").parts
    return parts[0]


def _imports(tree: ast.AST) -> Iterator[str]:
    """Every module imported anywhere in the file, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            assert node.module is not None
            if node.module == "avgen_bench":
                yield from (f"avgen_bench.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "lazy":
            assert isinstance(node.args[0], ast.Constant)
            yield str(node.args[0].value)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_room_imports_only_lower_rooms(path: Path) -> None:
    layers, side = _layers()
    room = _room(path)
    if room == "templates":
        return
    assert room in layers or room in side, f"{room} stands in no layer of setup.cfg"
    for module in _imports(ast.parse(path.read_text())):
        if not module.startswith("avgen_bench."):
            continue
        other = module.split(".")[1]
        if other in ("__version__", "templates") or other == room:
            continue
        if room in side:  # renders and checks what the lower rooms define
            assert other in side or layers[other] <= 1, f"{room} imports {other}"
        elif other in side:
            assert room in ("cli_demo", "calibrate", "examine"), f"{room} imports the side room {other}"
        else:
            assert layers[other] < layers[room], f"{room} imports {other}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_decoder_and_models_stay_in_their_rooms(path: Path) -> None:
    room = _room(path)
    modules = {module.split(".")[0] for module in _imports(ast.parse(path.read_text()))}
    if room not in ("media", "meters", "factory", "doctor", "generators"):
        assert "av" not in modules, "only media, meters and generators open the decoder's library"
    if room in ("dimensions", "constraints", "types"):
        assert not modules & {"cv2", "torch", "onnxruntime", "scipy"}, "they meet the world through observations"
    if room == "dimensions":
        inside = {m.split(".")[1] for m in _imports(ast.parse(path.read_text())) if m.startswith("avgen_bench.")}
        assert inside <= {"types", "errors", "_lazy", "sound", "constraints", "dimensions", "questions"}


def _loaded(code: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in out.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import avgen_bench", set()),
        ("from avgen_bench.cli import build_parser; build_parser().format_help()", set()),
        ("from avgen_bench import runner; runner._needs(['visual_quality', 'av_sync'], [None])", set()),
        ("from avgen_bench.cli import main; main(['list'])", {"rich"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(code: str, allowed: set[str]) -> None:
    assert _loaded(code) & HEAVY <= allowed


def test_setup_cfg_names_every_package() -> None:
    config = _config()
    named = set(config["options"]["packages"].split())
    folders = dict(line.split(" = ") for line in config["options"]["package_dir"].strip().splitlines())
    found = set()
    for package, folder in folders.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join((package, *inner)))
    assert found == named


def test_tests_stay_quick_to_collect() -> None:
    """No test module imports torch: the light environment has none."""
    for path in (ROOT / "tests").rglob("*.py"):
        assert "torch" not in {module.split(".")[0] for module in _imports(ast.parse(path.read_text()))}
