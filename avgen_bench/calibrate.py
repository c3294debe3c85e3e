"""How often each checker is right: renders clips of known truth, checks them, and counts.

Each case is rendered to a file, observed through the same decoding pass as any clip, and checked. Sensitivity is the
share of obeying clips that pass, specificity the share of breaking clips that fail, both over the clips that could be
verified; the rate of unverifiable clips stands beside them. Intervals are Wilson's (1927), at 95 %.
"""

from __future__ import annotations

import importlib.resources
import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import avgen_bench
from avgen_bench import work
from avgen_bench.constraints.base import kind_of
from avgen_bench.constraints.sight import Sight
from avgen_bench.factory import render, truth
from avgen_bench.statistics import wilson
from avgen_bench.store import write_text
from avgen_bench.types import Constraint, MediaFacts, Prompt

__all__ = ["QUICK", "Result", "card", "committed", "fallen", "rendered", "run", "table", "write_card"]


@dataclass(frozen=True, slots=True)
class Result:
    """One case as it was checked."""

    kind: str
    number: int
    name: str
    obeys: bool
    nuisance: str
    level: float
    note: str
    strict: str
    loose: str
    margin: float | None
    found: str
    reason: str


def _needs(constraint: Constraint, prompt: Prompt) -> tuple[str, ...]:
    found = dict.fromkeys(kind_of(constraint.kind).needs_of(prompt))
    for other in prompt.constraints:
        if other.id in constraint.get("refs", ()):
            found |= dict.fromkeys(_needs(other, prompt))
    return tuple(found)


def check_case(case: truth.Case, folder: Path, number: int = 0) -> Result:
    """Render a case into ``folder``, observe and check it, and remove the clip again."""
    path = render.render(case.scene, folder / f"{os.getpid()}-{case.scene.name}.mp4", preset="ultrafast")
    try:
        seen = work.observe(path, _needs(case.constraint, case.prompt))
    finally:
        path.unlink(missing_ok=True)
        render.truth_path(path).unlink(missing_ok=True)
    media = seen.pop(work.DECODER)
    assert isinstance(media, MediaFacts)
    verdict = Sight(case.prompt, media, seen).check(case.constraint)
    return Result(
        case.constraint.kind,
        number,
        case.scene.name,
        case.obeys,
        case.nuisance,
        case.level,
        case.note,
        verdict.strict,
        verdict.loose,
        verdict.margin,
        verdict.found,
        verdict.reason,
    )


def _share(kind: str, split: str, count: int, seed: int, part: int, parts: int) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="avgen-calibrate-") as folder:
        made = enumerate(truth.cases(kind, split, count, seed))
        return [check_case(case, Path(folder), number) for number, case in made if number % parts == part]


def rendered() -> tuple[str, ...]:
    """The kinds for which truth can be rendered."""
    return tuple(truth.MAKERS)


def _read(path: Path) -> list[Result]:
    """What an earlier run measured; a torn last line is dropped."""
    found = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            found.append(Result(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def run(
    kinds: Iterable[str],
    split: str = "test",
    count: int = 200,
    seed: int = 0,
    workers: int = 0,
    on_tick: Callable[[int, int], None] | None = None,
    store: Path | None = None,
) -> list[Result]:
    """The results of ``count`` cases of each kind, in a fixed order whatever the number of processes (0: this one).

    With ``store``, each finished share of a kind is written there, and what is there already is not measured again.
    """
    asked = list(kinds)
    parts = max(1, min(8, count // 10))
    out: list[Result] = []
    jobs: list[tuple[str, str, int, int, int, int]] = []
    done = 0
    total = len(asked) * parts

    def place(job: tuple[str, str, int, int, int, int]) -> Path | None:
        kind, _, _, _, part, _ = job
        name = f"{kind}-{split}-{count}-{seed}-{part}of{parts}-{avgen_bench.__version__}.jsonl"
        return None if store is None else store / name

    def keep(job: tuple[str, str, int, int, int, int], found: list[Result]) -> None:
        nonlocal done
        done += 1
        out.extend(found)
        path = place(job)
        if path is not None and not path.exists():
            text = "".join(json.dumps(asdict(result), ensure_ascii=False) + "\n" for result in found)
            write_text(text, path)
        if on_tick is not None:
            on_tick(done, total)

    for kind in asked:
        for part in range(parts):
            job = (kind, split, count, seed, part, parts)
            path = place(job)
            if path is not None and path.exists():
                keep(job, _read(path))
            else:
                jobs.append(job)
    if workers == 0:
        for job in jobs:
            keep(job, _share(*job))
    elif jobs:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            for job, found in zip(jobs, pool.map(_share, *zip(*jobs, strict=True)), strict=True):
                keep(job, found)
    return sorted(out, key=lambda result: (asked.index(result.kind), result.number))


QUICK = 24
"""Cases of a kind in a quick run: the first ones of the split, so that the same cases are compared."""
FALL = 0.03


def _quick(results: Sequence[Result]) -> float | None:
    """Balanced accuracy on the first cases, as a quick run sees them, nominal or not."""
    first = sorted(results, key=lambda result: result.number)[:QUICK]
    balanced: float | None = _rates(first)["balanced_accuracy"]
    return balanced


def committed(kind: str) -> Mapping[str, Any] | None:
    """The checker card that comes with the package; None for a kind that was not calibrated."""
    path = importlib.resources.files("avgen_bench.constraints") / "cards" / f"{kind}.json"
    try:
        made: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    return made


def fallen(cards: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """The kinds whose checkers are more than 3 points worse than their committed card on the same quick cases."""
    for made in cards:
        old = committed(made["kind"])
        was, now = (None if old is None else old.get("quick")), made["quick"]
        if was is not None and (now is None or now < was - FALL):
            yield f"{made['kind']}: balanced accuracy {now} on the quick cases, was {was}"


def _rates(results: Sequence[Result]) -> dict[str, Any]:
    """n, sensitivity, specificity, balanced accuracy with intervals, share unverifiable, confusion counts."""
    counts = {
        "obeys": {verdict: sum(r.obeys and r.strict == verdict for r in results) for verdict in _VERDICTS},
        "breaks": {verdict: sum(not r.obeys and r.strict == verdict for r in results) for verdict in _VERDICTS},
    }
    right, right_of = counts["obeys"]["pass"], counts["obeys"]["pass"] + counts["obeys"]["fail"]
    caught, caught_of = counts["breaks"]["fail"], counts["breaks"]["pass"] + counts["breaks"]["fail"]
    out: dict[str, Any] = {
        "n": len(results),
        "confusion": counts,
        "unverifiable": round(sum(r.strict == "unverifiable" for r in results) / max(1, len(results)), 4),
    }
    for name, (hits, of) in {"sensitivity": (right, right_of), "specificity": (caught, caught_of)}.items():
        out[name] = None if not of else round(hits / of, 4)
        out[f"{name}_ci"] = None if not of else [round(edge, 4) for edge in wilson(hits, of)]
    if right_of and caught_of:
        out["balanced_accuracy"] = round((right / right_of + caught / caught_of) / 2, 4)
        hits, of = right + caught, right_of + caught_of
        out["accuracy_ci"] = [round(edge, 4) for edge in wilson(hits, of)]
    else:
        out["balanced_accuracy"] = out["accuracy_ci"] = None
    return out


_VERDICTS = ("pass", "fail", "unverifiable")


def card(kind: str, results: Sequence[Result], split: str, seed: int) -> dict[str, Any]:
    """The checker card of a kind: its rates at nominal nuisance and at each other, with the worst mistakes."""
    mine = [result for result in results if result.kind == kind]
    facts = kind_of(kind).facts
    by_nuisance: dict[str, list[Result]] = {}
    for result in mine:
        by_nuisance.setdefault(f"{result.nuisance} {result.level:g}".removesuffix(" 0"), []).append(result)
    wrong = [r for r in mine if r.strict != "unverifiable" and (r.strict == "pass") != r.obeys]
    return {
        "kind": kind,
        "theme": facts.theme,
        "tolerance": None if facts.tolerance is None else asdict(facts.tolerance),
        "check": facts.check,
        "split": split,
        "seed": seed,
        "quick": _quick(mine),
        "nominal": _rates([r for r in mine if r.nuisance == truth.NOMINAL]),
        "by_nuisance": {name: _rates(found) for name, found in sorted(by_nuisance.items())},
        "mistakes": [
            {"note": r.note, "nuisance": r.nuisance, "found": r.found, "reason": r.reason} for r in wrong[:12]
        ],
    }


def table(cards: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows for a terminal: kind, n, sensitivity, specificity, balanced accuracy, interval, unverifiable."""
    rows: list[tuple[str, ...]] = []
    for item in cards:
        nominal = item["nominal"]

        def show(value: float | None) -> str:
            return "-" if value is None else f"{value:.3f}"

        interval = nominal["accuracy_ci"]
        rows.append(
            (
                item["kind"],
                str(nominal["n"]),
                show(nominal["sensitivity"]),
                show(nominal["specificity"]),
                show(nominal["balanced_accuracy"]),
                "-" if interval is None else f"{interval[0]:.3f}-{interval[1]:.3f}",
                show(nominal["unverifiable"]),
            )
        )
    return rows


def write_card(made: Mapping[str, Any], folder: Path) -> Path:
    """Write a card as JSON; the path of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{made['kind']}.json"
    path.write_text(json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
