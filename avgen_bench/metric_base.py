"""What the three modules for Hugging Face's ``evaluate`` share: from lists of clips and prompts to flat numbers.

A module's script is copied to another place before it runs, so that it holds nothing but what ``evaluate`` must find in
it; everything else is here.

Conventions
    Keys of a result begin with the module's name, so that several modules can be combined; all values are floats.
    A dimension's score is its mean over prompts (a clip without one is its own), on its own scale of 0 to 1. The
    family's score is the plain mean over those of its dimensions that have one: ``MODULE/measured`` of
    ``MODULE/dimensions`` did. **NaN** stands where there is no number, never for a zero: nothing was given, every clip
    failed or was abstained from (a judge or an instrument is missing), or, for an end of an interval, there is only
    one prompt, or, for that of a family, fewer than ten that differ from the commonest. The counts beside it say
    which. A clip that lacks what it must have scores the floor and counts.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import numbers
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from avgen_bench import ranks, registry, runner, totals
from avgen_bench.errors import InputError, ManifestError
from avgen_bench.judges.specs import judge_of
from avgen_bench.prompts import BUILTIN, export, load_prompts, parse_prompt
from avgen_bench.report_semantic import of_all_clips
from avgen_bench.report_words import printable
from avgen_bench.store import write_text
from avgen_bench.terms import Budget, Terms
from avgen_bench.types import DimensionFacts, Judge, JudgeView, MediaLimits, Prompt

__all__ = [
    "CITATION",
    "FAMILIES",
    "check_config",
    "compute",
    "description",
    "encode_prediction",
    "encode_predictions",
    "encode_reference",
    "encode_references",
    "inputs",
]

FAMILIES = ("perceptual", "semantic", "control")
CITATION = "avgen-bench, version of the package in `avgen_bench.__version__`"

_ABOUT = {
    "perceptual": "how clips look and sound, and whether the two meet in time; needs no prompt",
    "semantic": "whether clips show and sound like what their prompts describe, told by a judge",
    "control": "whether clips obey what their prompts state exactly, constraint by constraint",
}
_CONFIGS = ("default", "mini")
_NAMED = 3  # clips of a warning
_NOT_MADE = "failed"  # of a manifest's row whose clip a generator did not deliver


# --------------------------------------------------------------------------- what evaluate is told


def _dimensions(family: str) -> dict[str, DimensionFacts]:
    """Those of a family that this version can measure, plug-ins' among them, by name."""
    found = {}
    for name in registry.names("dimensions"):
        member = registry.load("dimensions", name)
        if member.facts.family == family and not getattr(member, "unavailable", ""):
            found[name] = member.facts
    return found


def description(family: str) -> str:
    """What the module measures, for ``evaluate``."""
    names = ", ".join(f"{name} ({facts.summary})" for name, facts in _dimensions(family).items())
    return f"Scores clips of text-to-audio-video models: {_ABOUT[family]}. Dimensions, each from 0 to 1: {names}"


def inputs(family: str) -> str:
    """What ``compute`` takes and gives, for ``evaluate``."""
    module = f"avgen_{family}"
    return f"""
Args:
    predictions: paths of clips (or dicts with ``path``). One that cannot be read counts as failed and is in no mean;
        the others go on. None where a system made no clip for a prompt: the floor, as in ``avgen-bench score``.
    references: for each clip the id of a prompt of the set that comes with avgen-bench, or of ``prompts``; or a row
        of the dataset, or of your own: a dict with ``text`` (or ``prompt``), and constraints, questions, ... where it
        has them. None where the clip has no prompt, and then for all of them.
    prompts: a prompt set or file to which ids belong, of which every prompt counts: one without a clip scores the
        floor. By default only the prompts that are named count. The configuration ``mini`` is that prompt set.
    judge: who answers the questions of semantic dimensions: ``openai:URL#model``, ``replay:FILE``, ... or a judge.
    repeats, budget, judge_fps, seed, concurrency, allow_unfit, allow_drift: as of ``avgen-bench score``.
    dimensions: some of the family, by name; a configuration of that name is the same.
    out: a run folder, which is continued; by default one that is gone afterwards.
    workers: processes; by default one per core, under a launcher its share of them. 0 measures in this process.
    limits: what a clip may ask of the machine, as MediaLimits or a dict of some of its fields.
    missing: ``floor`` or ``exclude`` for prompts without a clip.
    retry_failed: measure again what failed before; needs ``out``.
    per_sample: add ``{module}/rows``, one dict for each prediction, in their order.
Returns:
    ``{module}``: mean over the dimensions that have a number; ``{module}/ci_low``, ``{module}/ci_high``: its 95 %
    interval over prompts (of several dimensions: NaN where fewer than ten prompts are off one's commonest number);
    ``{module}/n``, ``{module}/failed``, ``{module}/abstained``: clips given, and clips with a dimension that failed or
    abstained; ``{module}/measured`` of ``{module}/dimensions`` have a number.
    ``{module}/DIMENSION``, and ``/n`` (clips with a number), ``/failed``, ``/abstained``, ``/ci_low``, ``/ci_high``.
    NaN: no number.
"""


def check_config(family: str, name: str) -> str:
    """The configuration's name; InputError when there is none of that name."""
    there = (*_CONFIGS, *_dimensions(family))
    if name not in there:
        raise InputError(f"avgen_{family} has no configuration {name!r}; there are: {', '.join(there)}")
    return name


# --------------------------------------------------------------------------- what comes in


def encode_prediction(value: Any) -> str:
    """The path of a clip as text, empty for None, no clip; a dict is one of ``datasets``' undecoded videos."""
    if value is None:
        return ""
    if isinstance(value, Mapping) and isinstance(value.get("path"), str):
        value = value["path"]
    if isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        if isinstance(path, str) and path and "\0" not in path:
            return _utf8(path, "a prediction", "rename the file")
    raise InputError(f"a prediction is {repr(value)[:80]}; expected the path of a clip, or None where there is none")


def _utf8(text: str, what: str, remedy: str) -> str:
    """The text, which ``evaluate`` keeps in a table of UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{what} is {ascii(text)[:200]}, which is not UTF-8; {remedy}") from None
    return text


def _each(values: Any, what: str, expected: str) -> Iterator[Any]:
    try:
        return iter(values)
    except TypeError:
        raise InputError(f"{what} is {repr(values)[:80]}; expected {expected}") from None


def encode_predictions(predictions: Iterable[Any] | None) -> list[str]:
    """Predictions as paths; a single path is refused, as its letters would be taken for paths."""
    if isinstance(predictions, str | os.PathLike | Mapping):
        raise InputError(f"predictions is {repr(predictions)[:80]}; expected a list of paths, one for each clip")
    if predictions is None:
        return []
    return [encode_prediction(item) for item in _each(predictions, "predictions", "a list of paths, one for each clip")]


def _plain(value: Any) -> Any:
    """Arrays and numbers of numpy as lists and numbers of Python."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise InputError(f"a reference holds {type(value).__name__}; expected text, numbers, lists and dicts")


def encode_reference(value: Any) -> str:
    """A reference as text: an id as it is, a row as JSON, nothing as an empty text.

    ``evaluate`` stores references in a table of one type, in which rows that lack a key have no place.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _utf8(value, "a reference", "give the id of a prompt")
    if isinstance(value, Mapping):
        try:
            return json.dumps(dict(value), ensure_ascii=True, sort_keys=True, allow_nan=False, default=_plain)
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"a reference cannot be written as JSON: {error}") from None
    raise InputError(f"a reference is {repr(value)[:80]}; expected the id of a prompt, a prompt row, or None")


def encode_references(references: Iterable[Any] | None, count: int) -> list[str]:
    """References as text, one for each of ``count`` predictions; none at all are as many Nones."""
    if references is None:
        return [""] * count
    if isinstance(references, str | Mapping):
        raise InputError("references is one reference; expected a list, one for each prediction")
    return [encode_reference(item) for item in _each(references, "references", "a list, one for each prediction")]


def _prompt_of(text: str, known: Mapping[str, Prompt], where: str) -> Prompt:
    if text.startswith("{"):
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError(f"{where} begins like JSON and is none; expected an id or a prompt row") from None
        # as datasets fills the columns that a row has no value for
        given = {name: value for name, value in row.items() if value is not None}
        words = given.get("text", given.get("prompt"))
        if not isinstance(words, str) or not words.strip():
            raise InputError(f"{where} has no 'text' (or 'prompt'); got the fields {sorted(given)}")
        _utf8(words, f"{where}, its text,", "correct it")
        if not {"id", "title"} & set(given):
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
            given["id"] = f"prompt-{digest}"
        return parse_prompt(given, where)
    if text in known:
        return known[text]
    near = difflib.get_close_matches(text, known, 1)
    hint = f"; the nearest is {near[0]!r}" if near else ""
    raise InputError(
        f"{where}: no prompt has the id {text[:80]!r}{hint}; expected one of the {len(known)} of the prompt set, or "
        "a dict with prompt and constraints"
    )


def _pair(
    predictions: Sequence[str], references: Sequence[str], prompts: str | os.PathLike[str] | None
) -> tuple[list[dict[str, Any]], dict[str, Prompt]]:
    """The rows of a manifest, one for each prediction in their order, and the prompts that count."""
    if not any(references):
        if prompts is not None:
            raise InputError("prompts was given, and no reference says which clip answers which: give references")
        if not all(predictions):
            raise InputError(
                f"predictions[{[*map(bool, predictions)].index(False)}] is None, no clip; what it lacks only a prompt "
                "says: give references, or leave it out"
            )
        named = [os.path.abspath(path) for path in predictions]
        asked: dict[str, Prompt] = {}
    else:
        if not all(references):
            raise InputError(
                f"references[{[*map(bool, references)].index(False)}] is None and others are not: give a prompt for "
                "every clip, or for none"
            )
        known: Mapping[str, Prompt] = {}
        if prompts is not None:
            known = load_prompts(prompts)
        elif not all(text.startswith("{") for text in references):
            known = {**load_prompts(f"{BUILTIN}:ladders"), **load_prompts(BUILTIN)}
        asked = dict(known) if prompts is not None else {}
        named = []
        for place, text in enumerate(references):
            prompt = _prompt_of(text, known, f"references[{place}]")
            if asked.setdefault(prompt.id, prompt) != prompt:
                raise InputError(f"references[{place}]: the id {prompt.id!r} was already given to another prompt")
            named.append(prompt.id)
    takes: dict[str, int] = {}
    rows = []
    for place, (path, name) in enumerate(zip(predictions, named, strict=True)):
        takes[name] = takes.get(name, -1) + 1
        row = {"path": os.path.abspath(path), "prompt_id": name, "take": takes[name], "category": ""}
        rows.append(row if path else row | {"path": f"none-{place}.mp4", "status": _NOT_MADE})
    return rows, asked


# --------------------------------------------------------------------------- what comes out


def compute(
    family: str,
    config: str,
    predictions: Sequence[str],
    references: Sequence[str],
    *,
    judge: str | Judge | None = None,
    repeats: int | None = None,
    budget: str | None = None,
    judge_fps: float | None = None,
    seed: int = 0,
    concurrency: int = 8,
    allow_unfit: bool = False,
    allow_drift: bool = False,
    dimensions: Sequence[str] | None = None,
    prompts: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    limits: MediaLimits | Mapping[str, Any] | None = None,
    missing: str = "floor",
    retry_failed: bool = False,
    system: str = "predictions",
    per_sample: bool = False,
) -> dict[str, Any]:
    """The numbers of clips in one family; :func:`inputs` says what is taken and given.

    Where a launcher started several processes, each calls this with the same full lists, and gets the same numbers.
    Why clips failed, and why a dimension has no number, is warned of once each.

    Raises:
        InputError: a configuration, reference, prompt set or option cannot be used.
        AvgenError: as of :func:`avgen_bench.runner.score`.
    """
    check_config(family, config)
    asked_for: dict[str, Any] = {"workers": workers, "repeats": repeats, "seed": seed, "concurrency": concurrency}
    asked_for |= {"budget": budget, "prompts": prompts, "out": out, "missing": missing, "system": system}
    _check_types(asked_for, judge)
    there = _dimensions(family)
    chosen = [config] if config not in _CONFIGS else list(there)
    if dimensions is not None:
        wanted = [dimensions] if isinstance(dimensions, str) else [*_each(dimensions, "dimensions", "a list of names")]
        for name in wanted:
            if name not in chosen:
                raise InputError(f"avgen_{family} has no dimension {str(name)[:80]!r}; there are: {', '.join(chosen)}")
        chosen = [name for name in chosen if name in wanted]
        if not chosen:
            raise InputError("dimensions is empty; expected names, or None for all")
    if config == "mini" and prompts is None:
        prompts = f"{BUILTIN}:mini"
    facts = [there[name] for name in chosen]
    if not predictions:
        return _numbers(family, facts, None, 0) | ({f"avgen_{family}/rows": []} if per_sample else {})
    rows, asked = _pair(predictions, references, prompts)
    if not asked:
        needy = [item.name for item in facts if item.needs_prompt]
        facts = [item for item in facts if not item.needs_prompt]
        if not facts:
            raise InputError(f"{', '.join(needy)} cannot be measured without prompts: give references")
        if needy:
            warnings.warn(f"without references, {', '.join(needy)} is left out", stacklevel=2)
    try:
        bounds = limits if isinstance(limits, MediaLimits) else MediaLimits(**(limits or {}))
        view = JudgeView() if judge_fps is None else JudgeView(fps=judge_fps)
    except (TypeError, ValueError) as error:
        raise InputError(f"limits or judge_fps cannot be used: {error}") from None
    voice = judge_of(judge, view) if isinstance(judge, str) else judge
    terms = Terms(
        repeats=repeats,
        concurrency=concurrency,
        seed=seed,
        budget=None if budget is None else Budget.parse(budget),
        allow_unfit=allow_unfit,
        allow_drift=allow_drift,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="avgen-bench-") as scratch:
            folder = Path(scratch)
            prompt_file = folder / "prompts.jsonl"
            clips = folder / "clips.jsonl"
            if ranks.leads():
                write_text("".join(json.dumps(row) + "\n" for row in rows), clips)
                if asked:
                    write_text(export(asked.values(), "jsonl", full=True), prompt_file)
            report = runner.score(
                clips,
                folder / "run" if out is None else out,
                prompts=prompt_file if asked else None,
                dimensions=[item.name for item in facts],
                system=system,
                workers=workers,
                limits=bounds,
                retry_failed=retry_failed,
                judge=voice,
                terms=terms if voice is not None else None,
                missing=missing,
            )
    except ManifestError as error:
        raise InputError(f"predictions and references cannot be paired: {error}") from None
    finally:
        if voice is not None and voice is not judge:
            voice.close()
    given = {(row["prompt_id"], row["take"]): row for row in report["clips"]}
    nothing = {"prompt_id": "", "clip_id": "", "measurements": {}}  # no clip, and missing="exclude"
    samples = [given.get((row["prompt_id"], row["take"]), nothing | {"prompt_id": row["prompt_id"]}) for row in rows]
    if ranks.leads():
        for text in _unmeasured(predictions, samples):
            warnings.warn(text, stacklevel=2)
    found = _numbers(family, [there[name] for name in chosen], report, len(predictions), samples)
    if per_sample:
        found[f"avgen_{family}/rows"] = [
            _sample(place, path, row, bool(asked))
            for place, (path, row) in enumerate(zip(predictions, samples, strict=True))
        ]
    return found


_WHOLE = ((numbers.Integral,), "a whole number")
_WORDS = ((str,), "text")
_PLACE = ((str, os.PathLike), "a path")
_TAKES: Mapping[str, tuple[tuple[type, ...], str]] = {
    **{"workers": _WHOLE, "repeats": _WHOLE, "seed": _WHOLE, "concurrency": _WHOLE},
    **{"budget": ((str,), "an amount with its unit: 500calls, 2Mtokens or 5usd"), "missing": _WORDS, "system": _WORDS},
    **{"prompts": _PLACE, "out": _PLACE},
}
_ALWAYS = ("seed", "concurrency", "missing", "system")  # None is no value of these


def _check_types(values: Mapping[str, Any], judge: Any) -> None:
    for name, value in values.items():
        kinds, words = _TAKES[name]
        if value is None and name not in _ALWAYS:
            continue
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise InputError(f"{name} is {repr(value)[:80]}; expected {words}")
    if not (
        judge is None or isinstance(judge, str) or (hasattr(judge, "facts") and callable(getattr(judge, "ask", 0)))
    ):
        raise InputError(
            f"judge is {repr(judge)[:80]}; expected one as avgen-bench score --judge takes it (openai:URL#model, "
            "replay:FILE, ...), or an object with facts and ask"
        )


def _sample(place: int, path: str, row: Mapping[str, Any], has_prompt: bool) -> dict[str, Any]:
    """One prediction: status, value and reason of each dimension; ``value`` is None where there is none."""
    return {
        "index": place,
        "prediction": path or None,
        "prompt_id": row["prompt_id"] if has_prompt else None,
        "clip_id": row["clip_id"] or None,
        "scores": {
            name: {"status": cell["status"], "value": cell["value"], "reason": cell["reason"]}
            for name, cell in row["measurements"].items()
        },
    }


def _unmeasured(predictions: Sequence[str], samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Why there is no number, where a clip failed and where a dimension abstained from every clip."""
    failed: dict[str, list[str]] = {}
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for path, row in zip(predictions, samples, strict=True):
        reasons = {cell["reason"]: None for cell in row["measurements"].values() if cell["status"] == "failed"}
        for name, cell in row["measurements"].items():
            if path and cell["status"] != "failed":
                cells.setdefault(name, []).append(cell)
        for reason in reasons:
            failed.setdefault(printable(reason), []).append(printable(os.path.basename(path)))
    for reason, paths in failed.items():
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        yield f"failed: {', '.join(paths[:_NAMED])}{more}: {reason}"
    silent: dict[str, list[str]] = {}
    for name, mine in cells.items():
        if all(cell["status"] == "abstained" for cell in mine):
            reason = of_all_clips([cell["reason"] for cell in mine])[0]
            silent.setdefault(printable(reason), []).append(name)
    for reason, names in silent.items():
        here = "needs a judge: give judge='openai:URL#model'" if reason.startswith("needs a judge") else reason
        yield f"no number for {', '.join(names)}: {here}"


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _numbers(
    family: str,
    facts: Sequence[DimensionFacts],
    report: Mapping[str, Any] | None,
    given: int,
    samples: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The flat numbers of a report with one system, or, without one, those of no clip."""
    module = f"avgen_{family}"
    estimates = {row["dimension"]: row for row in (report["estimates"] if report is not None else ())}
    score, low, high = _family(facts, report, estimates)
    lost = {
        status: sum(any(cell["status"] == status for cell in row["measurements"].values()) for row in samples)
        for status in ("failed", "abstained")
    }
    measured = sum(row["mean"] is not None for row in estimates.values())
    found = {
        module: _float(score),
        f"{module}/ci_low": _float(low),
        f"{module}/ci_high": _float(high),
        f"{module}/n": float(given),
        f"{module}/failed": float(lost["failed"]),
        f"{module}/abstained": float(lost["abstained"]),
        f"{module}/measured": float(measured),
        f"{module}/dimensions": float(len(facts)),
    }
    for item in facts:
        row = estimates.get(item.name, {})
        counts = row.get("counts", {})
        key = f"{module}/{item.name}"
        found[key] = _float(row.get("mean"))
        found[f"{key}/n"] = float(row.get("n", 0))
        found[f"{key}/failed"] = float(counts.get("failed", 0))
        found[f"{key}/abstained"] = float(counts.get("abstained", 0))
        found[f"{key}/ci_low"] = _float(row.get("ci_low"))
        found[f"{key}/ci_high"] = _float(row.get("ci_high"))
    return found


def _family(
    facts: Sequence[DimensionFacts], report: Mapping[str, Any] | None, estimates: Mapping[str, Mapping[str, Any]]
) -> tuple[float | None, float | None, float | None]:
    """The mean over dimensions with its interval, by a bootstrap over prompts that all dimensions share."""
    rows = [(item, estimates[item.name]) for item in facts if estimates.get(item.name, {}).get("mean") is not None]
    if report is None or not rows:
        return None, None, None
    if len(rows) == 1:
        [(item, row)] = rows
        ends = [_scaled(item, row[name]) for name in ("ci_low", "ci_high")]
        return _scaled(item, row["mean"]), *(ends if item.direction > 0 else reversed(ends))
    metrics = tuple(totals.Metric(item.name, item.name, 1.0, *_ends(item)) for item, _ in rows)
    table = totals.WeightTable(
        "family", "1", "", "leave_out", "leave_out", (totals.Group("family", float(len(rows)), metrics),)
    )
    values: dict[str, dict[str, list[float]]] = {item.name: {} for item, _ in rows}
    for clip in report["clips"]:
        for name, mine in values.items():
            cell = clip["measurements"].get(name)
            if cell is not None and cell["status"] == "ok":
                mine.setdefault(clip["prompt_id"] or clip["key"], []).append(cell["value"])
    means = {
        name: {prompt: [math.fsum(takes) / len(takes)] for prompt, takes in mine.items()}
        for name, mine in values.items()
    }
    found = totals.total(table, {item.name: row["mean"] for item, row in rows}, means)
    return tuple(None if one is None else one / 100 for one in (found.score, found.ci_low, found.ci_high))  # type: ignore[return-value]


def _ends(facts: DimensionFacts) -> tuple[float, float]:
    """The worst and the best end of a scale."""
    return (facts.low, facts.high) if facts.direction > 0 else (facts.high, facts.low)


def _scaled(facts: DimensionFacts, value: float | None) -> float | None:
    worst, best = _ends(facts)
    return None if value is None else (value - worst) / (best - worst)
