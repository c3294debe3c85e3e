"""What a model's repository says of a run: a section of its card, ``model-index``, and ``.eval_results``.

Conventions
    A family's number is the mean over its dimensions of where each one's mean lies between the worst (0) and the best
    (100) end of its scale. It exists only where every dimension of the family has a number, but for those that this
    version declares and cannot measure; a family that lacks one is left out, and why is said. There is no number over
    families but the total of a weight table that somebody named (:mod:`avgen_bench.totals`), on 0 to 100 as well.

    ``.eval_results`` holds entries of the Hub's schema (``dataset`` with ``id`` and ``task_id``, ``value``, and at will
    ``date``, ``source``, ``notes``, ``verifyToken``), of the tasks in :data:`TASKS`. They are made only for a run on
    the benchmark's own prompts, configuration ``default``; ``notes`` quotes every dimension with its interval, the rule
    for prompts without a clip, and the digest of the run's signature.

    ``model-index`` is the older form: one result with a metric per dimension, on the dimension's own scale.
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import avgen_bench
from avgen_bench import registry
from avgen_bench._lazy import lazy
from avgen_bench.errors import InputError
from avgen_bench.report_words import format_number, printable
from avgen_bench.signatures import digest, parse, prompts_digest

yaml = lazy("yaml")

__all__ = [
    "BENCHMARK_FILE",
    "FAMILIES",
    "FILE",
    "TASKS",
    "Card",
    "Family",
    "benchmark_yaml",
    "entries_text",
    "escape",
    "families",
    "into_readme",
    "make",
    "members",
    "validate_benchmark",
    "validate_entries",
]

FAMILIES = ("perceptual", "semantic", "control")
TASKS: Mapping[str, str] = {
    "overall": "total under a weight table that the entry names, 0 to 100",
    **{name: f"mean over the {name} dimensions, each from 0 (worst) to 100 (best)" for name in FAMILIES},
}
"""The tasks of the benchmark on the Hub, and what the value of an entry is."""
FILE = ".eval_results/avgen-bench.yaml"
BENCHMARK_FILE = "eval.yaml"

_PROMPTS = "avgen-bench"
_SETS = ("default", "mini", "ladders")
_OWN = ("own-prompts", "own-clips")  # where the index wants a data set, and there is none of that name
_BEGIN, _END = "<!-- avgen-bench:begin -->", "<!-- avgen-bench:end -->"
_MOST_README = 1 << 20


# --------------------------------------------------------------------------- families


@dataclass(frozen=True, slots=True)
class Family:
    """One family of one system.

    Attributes:
        score: 0 to 100; None where a dimension has no number, and ``reason`` says which.
        rows: of the report's estimates, with the facts of their dimensions under ``facts``.
    """

    name: str
    score: float | None
    rows: tuple[Mapping[str, Any], ...]
    reason: str = ""


def members(family: str) -> dict[str, str]:
    """The dimensions of this package in a family, and for each why this version cannot measure it; empty where it can.

    >>> members("perceptual")
    {'visual_quality': '', 'temporal_coherence': '', 'audio_quality': '', 'av_sync': ''}
    """
    found = {name: registry.load("dimensions", name) for name in registry.TABLE["dimensions"]}
    return {name: getattr(one, "unavailable", "") for name, one in found.items() if one.facts.family == family}


def _share(row: Mapping[str, Any]) -> float:
    """Where a mean lies between the worst and the best end of its scale, 0 to 100."""
    facts = row["facts"]
    worst, best = (facts["low"], facts["high"]) if facts["direction"] > 0 else (facts["high"], facts["low"])
    return 100.0 * float((row["mean"] - worst) / (best - worst))


def families(report: Mapping[str, Any], system: str) -> tuple[Family, ...]:
    """The three families of one system, whether they have a number or not."""
    facts = {row["name"]: row for row in report["dimensions"]}
    mine = {row["dimension"]: row for row in report["estimates"] if row["system"] == system}
    out = []
    for name in FAMILIES:
        needed = members(name)
        rows = tuple(
            {**mine[one], "facts": facts[one]} for one in needed if one in mine and mine[one]["mean"] is not None
        )
        there = {row["dimension"] for row in rows}
        lacking = [one for one, why in needed.items() if one not in there and not why]
        if lacking:
            out.append(Family(name, None, rows, f"no number of {', '.join(lacking)}"))
        else:
            out.append(Family(name, math.fsum(map(_share, rows)) / len(rows), rows))
    return tuple(out)


# --------------------------------------------------------------------------- the card


@dataclass(frozen=True, slots=True)
class Card:
    """What a run says in a model's repository.

    Attributes:
        section: Markdown, from its begin mark to its end mark.
        model_index: value of the key ``model-index``, for this model alone.
        entries: of ``.eval_results``, as the Hub's schema has them; empty where none can be made.
        left_out: by task, why it has no entry.
    """

    model: str
    system: str
    section: str
    model_index: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    left_out: Mapping[str, str]


_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def _repository(name: str, option: str) -> str:
    if not _REPOSITORY.fullmatch(name) or ".." in name or "--" in name:
        raise InputError(f"{option} {printable(name)[:80]}: expected a repository of the Hub, as in org/name")
    return name


def _system(report: Mapping[str, Any], system: str | None) -> str:
    names: Sequence[str] = report["systems"]
    if not names:
        raise InputError("the run has no clip and no prompt; expected the --out folder of avgen-bench score")
    if system is None and len(names) == 1:
        return names[0]
    if system is not None and system in names:
        return system
    shown = ", ".join(printable(name) or "(unnamed)" for name in names) or "none"
    if system is None:
        raise InputError(f"the run has {len(names)} systems; give --system with one of: {shown}")
    raise InputError(f"--system {printable(system)}: the run has no such system; it has: {shown}")


def make(
    report: Mapping[str, Any],
    *,
    model: str = "",
    benchmark: str = "",
    system: str | None = None,
    date: str = "",
    source: str = "",
) -> Card:
    """The card of one system of a report.

    Args:
        report: of :func:`avgen_bench.run_folder.read_report`, with ``total`` where a weight table was named.
        model: the model's repository, ``org/name``; empty: the system's name, for a card without a repository.
        benchmark: the repository of the prompt set, whose leaderboards the entries are for; without one there are none.
        system: which one; may be None where there is only one.
        date: of the evaluation, ``YYYY-MM-DD``; empty: none is stated, and the Hub takes that of the commit.
        source: address of a page with more about the evaluation; empty: the benchmark's page.

    Raises:
        InputError: no such system, no repository's name, no date, or no address.
    """
    system = _system(report, system)
    if model:
        _repository(model, "--model")
    if benchmark:
        _repository(benchmark, "--benchmark")
    if date:
        _date(date, "--date")
    if source:
        _address(source, "--source")
    found = families(report, system)
    total = _total(report, system)
    entries, left_out = _entries(report, system, found, total, benchmark, date, source)
    validate_entries(entries, FILE)
    return Card(
        model or system,
        system,
        _section(report, system, found, total, left_out, date),
        _model_index(report, system, found, model or system, benchmark, source),
        entries,
        left_out,
    )


def _total(report: Mapping[str, Any], system: str) -> Mapping[str, Any] | None:
    if report["total"] is None:
        return None
    [row] = [row for row in report["total"]["systems"] if row["system"] == system]
    return {"table": report["total"]["table"], **row}


def _standing(judge: Mapping[str, Any]) -> str:
    """What must stand beside a judge that has not proved itself; empty where it has."""
    if judge.get("allow_unfit"):
        return ", asked although unfit (--allow-unfit)"
    if judge.get("passport") or judge["name"] == "person":
        return ""
    said = judge.get("members")
    members = [pair for pair in said if isinstance(pair, list) and len(pair) == 2] if isinstance(said, list) else []
    bare = [name for name, digest in members if not digest]
    if members:  # a panel is held to the passports of its members
        return f", of which {', '.join(escape(str(name)) for name in bare)} without a passport" if bare else ""
    return ", without a passport"


def _number(row: Mapping[str, Any]) -> str:
    """A mean with its interval and how many clips it is of, in the digits that its scale allows."""
    low, high = row["facts"]["low"], row["facts"]["high"]
    text = f"{row['dimension']} {format_number(row['mean'], low, high)}"
    if row["ci_low"] is not None and row["ci_high"] is not None:
        text += f" [{format_number(row['ci_low'], low, high)}, {format_number(row['ci_high'], low, high)}]"
    counts, n = row["counts"], row["n"]
    lost = [f"{counts[name]} {name}" for name in ("abstained", "failed") if counts[name]]
    return f"{text} ({', '.join([f'n {n}', *lost])})"


def _prompts(count: int) -> str:
    return f"{count} prompt{'' if count == 1 else 's'}"


def _at_floor(report: Mapping[str, Any], system: str, dimension: str) -> int:
    """How many prompts without a clip are in the mean of a dimension, at the floor."""
    cells = (
        row["measurements"].get(dimension)
        for row in report["clips"]
        if row["system"] == system and not (row["path"] or row["clip_id"])
    )
    return sum(cell is not None and cell["status"] == "ok" for cell in cells)


def _conditions(report: Mapping[str, Any], system: str) -> str:
    """How many clips there were, what a prompt without one counted as, and the signature's digest."""
    mine = [row for row in report["clips"] if row["system"] == system]
    given = sum(bool(row["path"]) for row in mine)
    if report["rule"]["missing"] == "exclude":
        count = report["rule"]["left_out"]
        of = f" (of {len(report['systems'])} systems)" if len(report["systems"]) > 1 else ""
        lost = f"{_prompts(count)} without a clip{of} {'does' if count == 1 else 'do'} not count (missing: exclude)"
    else:
        lost = f"{_prompts(len(mine) - given)} without a clip score{'s' * (len(mine) - given == 1)} the floor "
        lost += "(missing: floor)"
    return f"{given} clip{'' if given == 1 else 's'}; {lost}; signature {digest(report['signature'])}"


def _entries(
    report: Mapping[str, Any],
    system: str,
    found: Sequence[Family],
    total: Mapping[str, Any] | None,
    benchmark: str,
    date: str,
    source: str,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    why = _not_the_benchmark(report)
    if why:
        return [], dict.fromkeys(TASKS, why)
    values: dict[str, tuple[float, str]] = {}
    left_out = {}
    if total is None:
        left_out["overall"] = "no weight table was named (--total TABLE), and there is no default one"
    elif total["score"] is None:
        left_out["overall"] = f"the table {total['table']['name']} gives no total: nothing of it was measured"
    else:
        table = total["table"]
        ends = "" if total["ci_low"] is None else f" [{total['ci_low']:.2f}, {total['ci_high']:.2f}]"
        words = f"total {total['score']:.2f}{ends} under the weight table {table['name']} {table['version']} "
        words += f"({table['digest']}), covering {100 * total['coverage']:.0f} % of its weights"
        values["overall"] = (total["score"], words)
    judge = (report["semantic"] or {}).get("judge") or {}
    for family in found:
        if family.score is None:
            left_out[family.name] = family.reason
            continue
        words = f"mean of {len(family.rows)} dimensions: {', '.join(map(_number, family.rows))}"
        if family.name == "semantic" and judge:
            words += f"; judge {judge['name']} {judge['model']}{_standing(judge)}"
        unmeasured = [name for name, reason in members(family.name).items() if reason]
        if unmeasured:
            words += f"; not measured by this version: {', '.join(unmeasured)}"
        values[family.name] = (family.score, words)
    if not benchmark:
        return [], {**left_out, **dict.fromkeys(values, "no benchmark's repository was named (--benchmark ORG/NAME)")}
    entries = []
    for task in TASKS:
        if task in values:
            value, words = values[task]
            made: dict[str, Any] = {"dataset": {"id": benchmark, "task_id": task}, "value": round(value, 2)}
            if date:
                made["date"] = date
            address = source or f"https://huggingface.co/datasets/{benchmark}"
            made["source"] = {"url": address, "name": f"avgen-bench {avgen_bench.__version__}"}
            made["notes"] = printable(f"avgen-bench {avgen_bench.__version__}: {words}; {_conditions(report, system)}")
            entries.append(made)
    return entries, left_out


@cache
def _set_digest(config: str) -> str:
    """The digest of the prompts of a configuration, as they come with this package."""
    from avgen_bench.prompts import load_prompts

    return prompts_digest(load_prompts(_PROMPTS if config == "default" else f"{_PROMPTS}:{config}").values())


def _not_the_benchmark(report: Mapping[str, Any]) -> str:
    """Empty where the run is on the benchmark's own prompts, else what it is on."""
    fields = parse(report["signature"])
    there = _set_digest("default")
    found = fields.get("prompts.digest", "none")
    if found == there:
        return ""
    named = printable(fields.get("prompts", "")) or "none"
    return (
        f"the run is not on the benchmark's prompts (--prompts {_PROMPTS}, digest {there}), "
        f"but on {named}, digest {found}"
    )


# --------------------------------------------------------------------------- markdown


_MARKUP = re.compile(
    r"([\\`*\[\]|~$@]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # one within a word is none
    r"|(?<=\\)[()])"  # elsewhere they come after brackets, which are escaped
)
_LEAD = re.compile(r"\A( *(?:\d{1,9}|[-+=#]*))([-+=#.)])(?=\s|\Z)")  # a list or a heading


def escape(text: str) -> str:
    r"""Text for Markdown: nothing in it is markup, an HTML tag, a link or a control character.

    >>> escape("a|b <img> *x* www.x.y")
    'a\\|b &lt;img&gt; \\*x\\* www\\.x.y'
    """
    text = _LEAD.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", printable(text)))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("://", ":\\/\\/").replace("www.", "www\\.")


def _unmeasured(report: Mapping[str, Any], system: str) -> Iterator[str]:
    """The dimensions without a number, by the reason that most of their clips give."""
    found: dict[str, list[str]] = {}
    for row in report["estimates"]:
        if row["system"] != system or row["mean"] is not None:
            continue
        cells = (clip["measurements"].get(row["dimension"]) for clip in report["clips"] if clip["system"] == system)
        why = Counter(
            cell["reason"] for cell in cells if cell is not None and cell["status"] in ("abstained", "failed")
        )
        reason = max(sorted(why), key=lambda one: why[one], default="the prompts ask nothing of it")
        found.setdefault(reason.partition(": avgen-bench ")[0], []).append(row["dimension"])
    for reason, names in found.items():
        yield f"{', '.join(names)}: {reason}"


def _section(
    report: Mapping[str, Any],
    system: str,
    found: Sequence[Family],
    total: Mapping[str, Any] | None,
    left_out: Mapping[str, str],
    date: str,
) -> str:
    fields = parse(report["signature"])
    prompts = f" on the prompts {escape(fields['prompts'])}" if fields.get("prompts") else ""
    lines = [
        _BEGIN,
        "## avgen-bench",
        "",
        f"{escape(system) or 'The model'}, scored with avgen-bench {avgen_bench.__version__}{prompts}"
        f"{f' on {date}' if date else ''}.",
        "",
        "| family | dimension | mean | 95 % interval | n | abstained, failed, not measured | no clip: at the floor |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for family in found:
        for row in family.rows:
            low, high = row["facts"]["low"], row["facts"]["high"]
            ends = "none"
            if row["ci_low"] is not None and row["ci_high"] is not None:
                ends = f"{format_number(row['ci_low'], low, high)} to {format_number(row['ci_high'], low, high)}"
            counts = row["counts"]
            lost = ", ".join(str(counts[name]) for name in ("abstained", "failed", "missing"))
            mean = format_number(row["mean"], low, high)
            floors = str(_at_floor(report, system, row["dimension"]))
            cells = (family.name, row["dimension"], mean, ends, str(row["n"]), lost, floors)
            lines.append(f"| {' | '.join(escape(cell) for cell in cells)} |")
    lines.append("")
    for family in found:
        if family.score is not None:
            what = f"mean of its {len(family.rows)} dimensions, each from 0 (worst) to 100 (best)"
            lines.append(f"- {family.name}: **{family.score:.2f}**, {what}")
        elif family.rows:
            lines.append(f"- {family.name}: no number for the family: {escape(family.reason)}")
    if total is not None and total["score"] is not None:
        table = total["table"]
        covers = f"covers {100 * total['coverage']:.0f} % of its weights"
        name = escape(f"{table['name']} {table['version']}")
        lines.append(f"- total under the weight table {name}: **{total['score']:.2f}**, {covers}")
    lines += [f"- no number of {escape(text)}" for text in _unmeasured(report, system)]
    judge = (report["semantic"] or {}).get("judge") or {}
    if judge:
        lines.append(f"- judge: {escape(str(judge['name']))} {escape(str(judge['model']))}{_standing(judge)}")
    lines += [f"- {escape(_conditions(report, system))}", _END]
    return "\n".join(lines) + "\n"


# --------------------------------------------------------------------------- model-index and the README


def _model_index(
    report: Mapping[str, Any], system: str, found: Sequence[Family], model: str, benchmark: str, source: str
) -> list[dict[str, Any]]:
    fields = parse(report["signature"])
    metrics = []
    for family in found:
        for row in family.rows:
            facts = row["facts"]
            args = {"n": row["n"], "version": facts["version"], "signature": digest(facts["signature"])}
            args |= {name: row[name] for name in ("ci_low", "ci_high") if row[name] is not None}
            better = "higher" if facts["direction"] > 0 else "lower"
            scale = f"{facts['low']:g} to {facts['high']:g}, {better} is better"
            metrics.append(
                {"type": row["dimension"], "value": row["mean"], "name": f"{row['dimension']} ({scale})", "args": args}
            )
    if not metrics:
        return []
    dataset = _dataset(fields, benchmark)
    result: dict[str, Any] = {"task": {"type": "text-to-video", "name": "Text to audio and video"}, "dataset": dataset}
    result["metrics"] = metrics
    address = source or (f"https://huggingface.co/datasets/{benchmark}" if benchmark else "")
    if address:
        result["source"] = {"name": f"avgen-bench {avgen_bench.__version__}", "url": address}
    return [{"name": printable(model).rpartition("/")[2] or "model", "results": [result]}]


def _dataset(fields: Mapping[str, str], benchmark: str) -> dict[str, str]:
    """What a run was scored on: a set of the benchmark, known by its digest, or prompts that are the user's own."""
    found, named = fields.get("prompts.digest", "none"), printable(fields.get("prompts", ""))
    config = next((name for name in _SETS if _set_digest(name) == found), "")
    if config:
        name = _PROMPTS if config == "default" else f"{_PROMPTS}:{config}"
        return {
            **{"name": f"avgen-bench, prompts {name}", "type": benchmark or "avgen-bench"},
            **{"config": config, "split": "test"},
        }
    if found == "none":
        return {"name": "own clips without prompts, scored with avgen-bench", "type": _OWN[1]}
    return {"name": f"own prompts ({named}, digest {found}), scored with avgen-bench", "type": _OWN[0]}


_FRONT = re.compile(r"\A\s*---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.S)
_BLOCK = re.compile(r"^model-index[ \t]*:.*\n(?:[ \t-].*\n|\n(?=[ \t-]))*", re.M)


def into_readme(text: str, card: Card) -> str:
    """A model card with the run in it: its section and its part of ``model-index`` replaced, or added at the end.

    Everything else stays as it is, results of other benchmarks among it. A new card gets the tags of the task.

    Raises:
        InputError: the front matter cannot be read, or the marks of the section do not match.
    """
    if len(text) > _MOST_README:
        raise InputError(f"the model card has {len(text)} characters; expected {_MOST_README} at the most")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = _FRONT.match(text)
    front, body = ((found[1] or "") if found else "", text[found.end() :] if found else text)
    if not text.strip():
        front = "pipeline_tag: text-to-video\ntags:\n- text-to-audio-video\n"
        body = f"\n# {escape(card.model.rpartition('/')[2])}\n"
    front = _with_index(front, card)
    begins, ends = body.count(_BEGIN), body.count(_END)
    start, stop = body.find(_BEGIN), body.find(_END)
    if (begins, ends) == (0, 0):
        body = f"{body.rstrip()}\n\n{card.section}"
    elif (begins, ends) == (1, 1) and start < stop:
        body = body[:start] + card.section.rstrip("\n") + body[stop + len(_END) :]
    else:
        raise InputError(
            f"the model card has {_BEGIN} {begins} times and {_END} {ends} times; expected each once, in this order; "
            "remove them"
        )
    return f"---\n{front}---\n{body}" if front else body


def _with_index(front: str, card: Card) -> str:
    """Front matter whose ``model-index`` has this run's result in place of an older one of ours."""
    if not card.model_index:
        return front
    where = "the front matter of the model card"
    old = _front_values(front, where)
    rows = old.get("model-index") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{where}: model-index is no list of models; correct it first")
    [mine] = card.model_index
    # a card has one model in its index, whatever it is called there
    name = rows[0].get("name", mine["name"]) if rows else mine["name"]
    results = (rows[0].get("results") if rows else None) or []
    if not isinstance(results, list):
        raise InputError(
            f"{where}: results in model-index is {type(results).__name__}; expected a list; correct it first"
        )
    kept = [one for one in results if not _is_ours(one)]
    index = [{"name": name, "results": kept + mine["results"]}, *rows[1:]]
    block = yaml.safe_dump({"model-index": index}, sort_keys=False, allow_unicode=True, width=120)
    new = _BLOCK.sub(lambda _: block, front, count=1) if _BLOCK.search(front) else front + block
    wanted = {**old, "model-index": index}
    try:
        is_right = yaml.safe_load(new) == wanted
    except yaml.YAMLError:
        is_right = False
    return new if is_right else str(yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True, width=120))


def _front_values(front: str, where: str) -> dict[str, Any]:
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(front, Loader=yaml.SafeLoader)):
            raise InputError(f"{where} uses references of YAML (& and *); write them out first")
        value = yaml.safe_load(front)
        value = {} if value is None else value
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = printable(str(error).splitlines()[0])[:120]
        raise InputError(f"{where} is no YAML: {first}; correct it first") from None
    if not isinstance(value, dict):
        raise InputError(f"{where} holds {type(value).__name__}; expected keys with values")
    return value


def _is_ours(result: Any) -> bool:
    """Whether a result of ``model-index`` is one that an earlier run of this package wrote."""
    source = result.get("source") if isinstance(result, dict) else None
    named = str((source or {}).get("name", "")) if isinstance(source, dict) else ""
    dataset = result.get("dataset") if isinstance(result, dict) else None
    kind, name = (str(dataset.get(key, "")) if isinstance(dataset, dict) else "" for key in ("type", "name"))
    own = kind in _OWN and name.endswith("scored with avgen-bench")
    return named.startswith("avgen-bench ") or kind == "avgen-bench" or own


# --------------------------------------------------------------------------- the Hub's schemas


_ENTRY_KEYS = ("dataset", "value", "date", "source", "notes", "verifyToken")
_DATASET_KEYS = ("id", "task_id", "revision")
_SOURCE_KEYS = ("url", "name", "user", "org")


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(_DAY.pattern + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?(?:Z|[+-][0-9]{2}:[0-9]{2})")


def _date(text: Any, where: str, with_time: bool = False) -> None:
    """Stop at what is no day; ``fromisoformat`` alone takes much else, other calendars among it."""
    try:
        if not isinstance(text, str) or not (_DAY.fullmatch(text) or (with_time and _MOMENT.fullmatch(text))):
            raise ValueError
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{where}: {printable(str(text))[:40]!r} is no date; expected YYYY-MM-DD") from None


def _address(text: Any, where: str) -> None:
    if not isinstance(text, str) or not re.fullmatch(r"https?://[^\s<>\"'\\]{1,1000}", text):
        raise InputError(f"{where}: {printable(str(text))[:80]!r} is no address; expected https://...")


def _keys(value: Any, known: Sequence[str], needed: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {type(value).__name__}; expected an object with {', '.join(needed)}")
    for name in needed:
        if name not in value:
            raise InputError(f"{where} has no {name!r}; it needs {', '.join(needed)}")
    for name in value:
        if name not in known:
            raise InputError(f"{where} has an unknown field {printable(str(name))!r}; it takes {', '.join(known)}")
    return value


def validate_entries(value: Any, where: str) -> None:
    """Stop at what the Hub would not take for a file in ``.eval_results``.

    Raises:
        InputError: not a list of entries, a field missing, unknown or of the wrong type, or a task twice.
    """
    if not isinstance(value, list):
        raise InputError(f"{where} is {type(value).__name__}; expected a list of entries")
    seen = set()
    for number, item in enumerate(value, 1):
        place = f"{where}, entry {number}"
        entry = _keys(item, _ENTRY_KEYS, ("dataset", "value"), place)
        dataset = _keys(entry["dataset"], _DATASET_KEYS, ("id", "task_id"), f"{place}, dataset")
        for name, text in dataset.items():
            if not isinstance(text, str) or not text.strip():
                raise InputError(f"{place}, dataset: {name!r} is {str(text)[:40]!r}; expected text")
        _repository(dataset["id"], f"{place}, dataset id")
        task = (dataset["id"], dataset["task_id"])
        if task in seen:
            raise InputError(f"{place}: the task {task[1]!r} is there twice; put variants into files of their own")
        seen.add(task)
        number_ = entry["value"]
        if isinstance(number_, bool) or not isinstance(number_, int | float) or not math.isfinite(number_):
            raise InputError(f"{place}: the value is {str(number_)[:40]!r}; expected a number")
        if "date" in entry:
            _date(entry["date"], f"{place}, date", with_time=True)
        if "source" in entry:
            source = _keys(entry["source"], _SOURCE_KEYS, ("url",), f"{place}, source")
            _address(source["url"], f"{place}, source url")
        for name in ("notes", "verifyToken"):
            if name in entry and not isinstance(entry[name], str):
                raise InputError(f"{place}: {name!r} is {type(entry[name]).__name__}; expected text")


def entries_text(entries: Sequence[Mapping[str, Any]]) -> str:
    """The entries as YAML, checked.

    Raises:
        InputError: see :func:`validate_entries`.
    """
    validate_entries(list(entries), FILE)
    return str(yaml.safe_dump(list(entries), sort_keys=False, allow_unicode=True, width=120))


def benchmark_yaml() -> dict[str, Any]:
    """What ``eval.yaml`` in the dataset's repository states: its tasks, each on the test split of ``default``."""
    return {
        "name": "avgen-bench",
        "description": "Text to audio and video: how clips look and sound, what they mean, and whether they obey the "
        f"prompt. {'; '.join(f'{task}: {what}' for task, what in TASKS.items())}.",
        "evaluation_framework": "avgen-bench",
        "tasks": [{"id": task, "config": "default", "split": "test"} for task in TASKS],
    }


def validate_benchmark(value: Any, where: str) -> None:
    """Stop at what is no ``eval.yaml``.

    Raises:
        InputError: a field is missing, unknown or of the wrong type, or a task is there twice.
    """
    known = ("name", "description", "evaluation_framework", "tasks")
    row = _keys(value, known, known, where)
    for name in known[:3]:
        if not isinstance(row[name], str) or not row[name].strip():
            raise InputError(f"{where}: {name!r} is {str(row[name])[:40]!r}; expected text")
    tasks = row["tasks"]
    if not isinstance(tasks, list) or not tasks:
        raise InputError(f"{where}: 'tasks' is {str(tasks)[:40]!r}; expected a list that is not empty")
    seen = set()
    for number, task in enumerate(tasks, 1):
        item = _keys(task, ("id", "config", "split"), ("id",), f"{where}, task {number}")
        for name, text in item.items():
            if not isinstance(text, str) or not text.strip():
                raise InputError(f"{where}, task {number}: {name!r} is {str(text)[:40]!r}; expected text")
        if item["id"] in seen:
            raise InputError(f"{where}: the task {item['id']!r} is there twice; expected each once")
        seen.add(item["id"])
