"""The pages of the documentation: every block of them runs, every mark is filled, and the site builds."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tables
import words
from judge_server import JudgeServer
from loopback_hub import loopback_hub
from scenes import small_clip
from upstream_folder import write_run

from avgen_bench.cli import build_parser
from avgen_bench.types import MediaLimits

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
SERVER = "http://localhost:8000"

REASONS = (
    *("needs a GPU", "needs the network", "needs a key", "asks a person", "takes long"),
    "installs a package; what it says is put on the path instead",
)
"""Why a block is not run."""
RUN_LANGUAGES = ("bash", "python")
_BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]+?) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block with the mark above it: ``file: NAME``, ``not run: REASON`` or ``exit: N, WHY``."""

    page: str
    language: str
    body: str
    mark: str

    @property
    def file(self) -> str:
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else ""

    @property
    def not_run(self) -> str:
        return self.mark.removeprefix("not run: ") if self.mark.startswith("not run: ") else ""

    @property
    def status(self) -> int:
        return int(self.mark.removeprefix("exit: ").partition(",")[0]) if self.mark.startswith("exit: ") else 0


def blocks(page: str) -> list[Block]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(page, hit["language"], hit["body"], hit["mark"] or "") for hit in _BLOCK.finditer(text)]


ALL = [block for page in PAGES for block in blocks(page)]


def _commands(block: Block) -> list[str]:
    lines = [line.strip() for line in block.body.splitlines()] if block.language == "bash" else []
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [part for part in parts if part.startswith("avgen-bench ")]


def test_every_block_says_what_it_is() -> None:
    for block in ALL:
        assert block.language, f"{block.page}: a block without a language: {block.body[:60]}"
        if block.mark.startswith("not run"):
            assert block.not_run in REASONS, f"{block.page}: {block.mark}"
        elif not block.mark.startswith(("file: ", "exit: ")):
            assert block.mark == "" or block.mark.startswith("made: "), f"{block.page}: {block.mark}"
        assert block.file or block.language in RUN_LANGUAGES, (
            f"{block.page}: {block.language} is neither run nor a file"
        )
        if block.file:
            assert re.fullmatch(r"[\w.-]+", block.file)


@pytest.mark.parametrize("block", [one for one in ALL if one.not_run], ids=lambda one: f"{one.page}: {one.body[:40]}")
def test_what_is_not_run_is_right_as_far_as_that_can_be_told(block: Block) -> None:
    if block.language == "python":
        ast.parse(block.body)
    for command in _commands(block):
        build_parser().parse_args(shlex.split(command)[1:])
    for name in re.findall(r"^python (\S+\.py)", block.body, re.M):
        assert (ROOT / name).is_file()


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What readers have when they come to a page: clips of two models, and runs of them."""
    folder = tmp_path_factory.mktemp("site")
    for name, brightness in (("CLIPS", 90), ("CLIPS_B", 140)):
        (folder / name).mkdir()
        for seed, prompt in enumerate(("ads-002", "ads-013")):
            small_clip(folder / name / f"{prompt}.mp4", brightness, seed=seed)
    more = ["--workers", "1"]
    for clips, run in (("CLIPS", "RUN_A"), ("CLIPS_B", "RUN_B")):
        _avgen(["score", clips, "--prompts", "avgen-bench:mini", "--out", run, *more], folder)
    _avgen(["score", "CLIPS", "--prompts", "avgen-bench", "--out", "RUN_FULL", *more], folder)
    write_run(folder / "EVAL_RESULTS")
    return folder


def _environment(folder: Path, hub: dict[str, str] | None = None) -> dict[str, str]:
    """That of a reader: nothing set but the places, and either a Hub or none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "AVGEN_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    places = {
        "PATH": path,
        "PYTHONPATH": str(folder),
        "XDG_CACHE_HOME": str(folder.parent / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    return (kept | {"HF_HOME": str(folder / ".hf"), "HF_HUB_OFFLINE": "1"} if hub is None else hub) | places


def _hub_of(folder: Path, stack: ExitStack) -> dict[str, str]:
    """The environment of one who may write to a Hub on this machine, which has a model."""
    hub = stack.enter_context(loopback_hub())
    hub.make("model", "org/model", {"README.md": b"# A model\n"})
    return hub.environment(folder / ".hf")


def _avgen(line: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "avgen_bench", *line]
    subprocess.run(command, cwd=folder, env=_environment(folder), check=True, capture_output=True)


def _put_on_the_path(folder: Path) -> None:
    """What ``pip install .`` would: the entry points of the project's file, where Python finds them."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, members in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in members.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


RUN_PAGES = [page for page in PAGES if any(one.language in RUN_LANGUAGES and not one.not_run for one in blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN_PAGES)
def test_every_block_of_a_page_runs_in_its_order(page: str, scored: Path, tmp_path: Path) -> None:
    for item in sorted(scored.iterdir()):
        if not item.name.startswith("."):
            shutil.copytree(item, tmp_path / item.name)
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    with ExitStack() as stack:
        hub = _hub_of(tmp_path, stack) if page == "hub.md" else None
        server = stack.enter_context(JudgeServer()) if page == "judges.md" else None
        for block in blocks(page):
            if block.not_run.startswith("installs"):
                _put_on_the_path(tmp_path)
            if block.not_run:
                continue
            if block.file:
                (tmp_path / block.file).write_text(block.body, encoding="utf-8")
                continue
            body = block.body if server is None else block.body.replace(SERVER, server.url)
            command = (
                ["bash", "-euo", "pipefail", "-c", body] if block.language == "bash" else [sys.executable, "-c", body]
            )
            done = subprocess.run(
                command,
                cwd=tmp_path,
                env=_environment(tmp_path, hub),
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == block.status, f"{body}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        assert server is None or server.mistakes == []


# --------------------------------------------------------------------------- what is made


@pytest.mark.parametrize("page", PAGES)
def test_every_mark_is_filled(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert "<!-- made:" not in tables.fill(text)
    assert text.count("<!-- made:") == len(tables.MARK.findall(text)), "a mark that is not on a line of its own"


def test_every_maker_is_used() -> None:
    used = {name for page in PAGES for name, _ in tables.MARK.findall((DOCS / page).read_text(encoding="utf-8"))}
    assert used == set(tables.MADE)


def test_an_unknown_mark_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no nonsense"):
        tables.fill("<!-- made: nonsense -->")


def test_rates_are_those_of_the_cards() -> None:
    from avgen_bench.constraints.base import kinds

    text = tables.fill("<!-- made: dimensions control -->\n\n<!-- made: uncertain -->")
    for kind in kinds():
        card = json.loads((ROOT / "avgen_bench" / "constraints" / "cards" / f"{kind}.json").read_text())
        [row] = re.findall(rf"^\| \[`{kind}`\]\(checkers\.md#{kind}\) \| (?!\d).*", text, re.M)
        assert f"| {100 * card['nominal']['sensitivity']:.1f} (" in row
        assert row.endswith(f"| {100 * card['nominal']['unverifiable']:.1f} |")


def test_limits_are_written_out() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|$", tables.limits(), re.M))
    for name, value in dataclasses.asdict(MediaLimits()).items():
        assert float(rows[name].replace(",", "")) == value


def test_shares_of_a_table_come_to_the_whole() -> None:
    rows = tables.weights("official").splitlines()[2:]
    assert sum(float(row.split("|")[4]) for row in rows) == pytest.approx(100, abs=0.05 * len(rows))


def test_docstrings_become_markdown() -> None:
    found = words.markdown(
        """What it is: see :func:`a.b.c` and ``x``, :class:`~a.D`.

        Conventions
            One. Two
            lines of :data:`E`.

        ==== =====
        name value
        ==== =====
        a    1 | 2
        ==== =====

        >>> 1 + 1
        2

        For example::

            from x import y

        Args:
            one: the ``first``.
        """,
        lambda name: name == "a.b.c",
    )
    assert re.sub(r"\n{3,}", "\n\n", found) == (
        "What it is: see [`c`][a.b.c] and `x`, `D`.\n\n**Conventions**\n\nOne. Two\nlines of `E`.\n\n"
        "| name | value |\n| --- | --- |\n| a | 1 \\| 2 |\n\n```pycon\n>>> 1 + 1\n2\n```\n\n"
        "For example:\n\n```python\nfrom x import y\n```\n\nArgs:\n    one: the `first`.\n"
    )


# --------------------------------------------------------------------------- the site


@functools.cache
def _build() -> Path:
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [str(Path(sys.executable).parent / "mkdocs"), "build", "--strict"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr[-4000:]
    return ROOT / "build" / "site"


@pytest.fixture
def site() -> Path:
    """The built site; where mkdocs is missing the test is skipped, or fails if AVGEN_REQUIRE asks for docs."""
    if importlib.util.find_spec("mkdocs") is None:
        why = "mkdocs is not installed: pip install '.[docs]'"
        if "docs" in os.environ.get("AVGEN_REQUIRE", "").split(","):
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    return _build()


def _html(site: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(site.rglob("*.html")):
        if path.parts[len(site.parts)] != "demo":
            yield path, path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = list(_html(site))
    assert len(pages) >= len(PAGES)
    for path, text in pages:
        fetched = re.findall(r"<(?:script|img|iframe|video|audio|source)\b[^>]*\bsrc=[\"']?([^\"' >]+)", text)
        for tag in re.findall(r"<link\b[^>]*>", text):
            if re.search(r"rel=[\"']?(?:stylesheet|icon|preload|preconnect|dns-prefetch|modulepreload)", tag):
                fetched += re.findall(r"href=[\"']?([^\"' >]+)", tag)
        assert fetched and not [url for url in fetched if re.match(r"(?:https?:)?//", url)], path
        assert "<!-- made:" not in text and ":func:" not in text and ":class:" not in text, path


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """The address of the built site on this machine."""
    handler = functools.partial(_Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.slow
@pytest.mark.debian
def test_pages_fit_a_desk_and_a_telephone_and_complain_of_nothing(site: Path, served: str, tmp_path: Path) -> None:
    from browser import Browser

    names = [path.relative_to(site).as_posix() for path, _ in _html(site)]
    with Browser(tmp_path / "profile") as browser:
        for width in (1200, 390):
            browser.resize(width, 900, mobile=width < 600)
            for name in names:
                browser.open(f"{served}/{name}")
                wide: Any = browser.value("document.scrollingElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} px wide at {width}"
                asked = browser.value("performance.getEntriesByType('resource').map(entry => entry.name)")
                assert asked and all(url.startswith((served, "data:", "blob:")) for url in asked), name
        browser.resize(1200, 900)
        browser.open(f"{served}/index.html?q=tempo")
        browser.wait("document.querySelectorAll('.md-search-result__item').length > 0")
        assert browser.messages == []
