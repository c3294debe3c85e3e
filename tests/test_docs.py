"""What the documents say is what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import avgen_bench
from avgen_bench import registry
from avgen_bench.cli import build_parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", README, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(avgen-bench [^`]+)`", README)
    return [part.strip() for line in lines for part in line.split("&&") if part.strip().startswith("avgen-bench")]


@pytest.mark.parametrize("command", sorted(set(_commands())))
def test_every_command_of_the_readme_parses(command: str) -> None:
    words = shlex.split(command)[1:]
    if "--help" in words:
        words = [*words[:-1], "CLIPS", "--out", "RUN"]
    build_parser().parse_args(words)


def test_ci_runs_the_test_line_of_the_readme() -> None:
    [line] = re.findall(r"## Tests\n\n```bash\n(.*)\n```", README)
    assert line in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_script_that_the_readme_names_is_there() -> None:
    for name in re.findall(r"python (\S+\.py)", README):
        assert (ROOT / name).is_file()


def test_every_dimension_is_explained() -> None:
    for name in registry.TABLE["dimensions"]:
        assert f"`{name}`" in README


def test_versions_agree() -> None:
    assert f"version: {avgen_bench.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert avgen_bench.__version__ in (ROOT / "CHANGELOG.md").read_text()
