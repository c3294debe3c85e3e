"""What the documents say is what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import avgen_bench
from avgen_bench import registry
from avgen_bench.cli import (
    EXIT_COMPLETE,
    EXIT_ERROR,
    EXIT_FAILURES,
    EXIT_UNASKED,
    _judge_of,
    _limits_epilog,
    build_parser,
)
from avgen_bench.terms import refuse_budget

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


@pytest.mark.parametrize("command", [command for command in sorted(set(_commands())) if " --judge " in command])
def test_a_judge_of_the_readme_can_be_asked_on_those_terms(command: str) -> None:
    arguments = build_parser().parse_args(shlex.split(command)[1:])
    judge, terms = _judge_of(arguments)
    assert judge is not None and terms is not None
    refuse_budget(terms.budget, judge.facts)
    judge.close()


def test_every_transport_is_explained() -> None:
    for name in registry.TABLE["judges"]:
        assert f"`{name}:" in README


def test_exit_statuses_are_explained() -> None:
    help_ = " ".join(_limits_epilog().split())
    [row] = re.findall(r"--strict` \| (.*) \|", README)
    for status in (EXIT_COMPLETE, EXIT_ERROR, EXIT_FAILURES, EXIT_UNASKED):
        assert re.search(rf"\b{status}\b", row) and re.search(rf"\b{status} ", help_.partition("exit status: ")[2])


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
