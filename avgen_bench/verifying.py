"""Whether a run folder is what it says: every number measured again from what was observed, every digest taken again.

Conventions
    Nothing is decoded and nobody is asked: a number is made again from the stored observations and a judge's stored
    replies, by the same pure functions as at first, and held against the store, the receipts and ``report.json``. A
    number that cannot be made again (nothing was observed, the installed dimension is another version) is counted with
    its reason, and is no difference. Files that are not there are unchecked; a stored number, observation or reply that
    is gone differs.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avgen_bench import asking, media, passport, registry, totals
from avgen_bench.errors import AvgenError, InputError, MediaError
from avgen_bench.questions import atoms_of
from avgen_bench.receipts import FILE, Receipt, read, sealed
from avgen_bench.report import to_json_text
from avgen_bench.run_folder import Run, load_run, notes_of, read_run_json, report_of
from avgen_bench.signatures import LACKING, MISSING_RULES, parse
from avgen_bench.store import Store, measurement_key
from avgen_bench.terms import Terms
from avgen_bench.types import (
    Clip,
    JudgeFacts,
    JudgeReply,
    JudgeView,
    Measurement,
    MediaFacts,
    MediaLimits,
    Observation,
    Prompt,
    canonical_json,
)
from avgen_bench.upstream import is_imported
from avgen_bench.work import (
    DECODER,
    JUDGE,
    UNASKED,
    applies,
    dimension_of,
    judged,
    missing,
    needs_judge,
    needs_of,
    remeasure,
    unavailable,
)

__all__ = ["Checked", "Finding", "verify"]

_DIGITS = 16  # of a sha256 that is shown


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: in which ``place`` (``store``, ``receipts``, ``report``, ``media``), about what, and what."""

    place: str
    about: str
    words: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.place}: {self.about}: {self.words}" if self.about else f"{self.place}: {self.words}"


@dataclass(slots=True)
class Checked:
    """What was checked, and what differs.

    Attributes:
        findings: every difference.
        again: how many numbers were measured again; ``clips`` how many rows of clips there are.
        unmade: the numbers that could not be: key of the clip, dimension, and why.
        observations: how many stored observations and replies they were measured from.
        files: how many media files have the digest that they had; ``absent`` are the paths of those that are not there.
        unchecked: what else was not there, or was not to be looked at.
    """

    findings: list[Finding] = field(default_factory=list)
    clips: int = 0
    again: int = 0
    unmade: list[tuple[str, str, str]] = field(default_factory=list)
    observations: int = 0
    files: int = 0
    absent: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def as_stored(self) -> dict[str, int]:
        """By reason, how many numbers could not be measured again."""
        return dict(Counter(why for _, _, why in self.unmade))

    def differ(self, place: str, about: str, words: str) -> None:
        """Take note of a difference."""
        self.findings.append(Finding(place, about, words))


class _Unmade(Exception):
    """A number cannot be made again; says why."""


def verify(
    out: Path,
    *,
    clips: Path | None = None,
    look_at_media: bool = True,
    total: str | None = None,
    on_tick: Callable[[int, int], None] | None = None,
) -> Checked:
    """What of a run folder was checked, and what differs.

    Args:
        out: the run folder.
        clips: where the media files lie, by default where they lay when they were scored.
        look_at_media: take the digests of those that are there.
        total: the weight table of the report's total, where it is a file.
        on_tick: told after every clip how many of how many are done.

    Raises:
        StoreError: no run there, or one that cannot be read.
        InputError: ``clips`` is no folder, ``total`` no weight table, or the folder holds another program's numbers.
    """
    if clips is not None and not clips.is_dir():
        raise InputError(f"--clips {clips}: no folder; expected the one that the clips lie in")
    table = None if total is None else totals.load_table(total)
    if is_imported(out):
        raise InputError(f"{out.name!r} was imported: it holds another program's numbers, and nothing to measure again")
    run = load_run(out, complete=False)
    value = read_run_json(out) or {}
    checked = Checked(clips=len(run.clips))
    store = Store(out)
    try:
        if store.dropped:
            checked.unchecked.append(f"{store.dropped} damaged lines of the store, passed over")
        voice = _voice(run)
        used: set[str] = set()
        for done, (row, receipt) in enumerate(zip(value["clips"], run.receipts, strict=True), 1):
            _check_row(row, receipt, run, store, voice, checked, used)
            if look_at_media:
                _check_file(receipt.clip, run.root if clips is None else clips, value.get("limits"), checked)
            if on_tick is not None:
                on_tick(done, len(run.receipts))
        checked.observations = len(used)
    finally:
        store.close()
    if not look_at_media:
        checked.unchecked.append("media files (--no-media)")
    _check_receipts(out, run, checked)
    _check_report(out, run, table, checked)
    _check_rules(out, run, checked)
    if (out / "report.html").exists():
        checked.unchecked.append("report.html: a page for people; avgen-bench report RUN writes it again")
    return checked


def _name(clip: Clip) -> str:
    """What a clip is called where it differs."""
    return clip.path or f"{clip.system or '(unnamed)'} {clip.prompt_id} (no clip)"


# --------------------------------------------------------------------------- numbers


@dataclass(frozen=True, slots=True)
class _Voice:
    """The judge of a run as ``run.json`` has it."""

    signature: str
    facts: JudgeFacts
    terms: Terms


def _voice(run: Run) -> _Voice | None:
    """Who was asked and on what terms; None without a judge, or where that cannot be read."""
    row = run.judge
    if row is None:
        return None
    try:
        name, model, revision, view, probabilities, parameters = json.loads(row["identity"])
        facts = JudgeFacts(name, model, revision, JudgeView(*view), probabilities, parameters)
        unfit: dict[str, str] = dict(row.get("unfit") or {})  # of a panel, by its members' passports
        if row.get("passport"):
            plain = {key: item for key, item in row["passport"].items() if key != "digest"}
            unfit = passport.unfit(passport.Passport.from_json(plain))
        terms = Terms(repeats=row["repeats"], unfit=unfit, allow_unfit=bool(row.get("allow_unfit")))
        return _Voice(str(row["signature"]), facts, terms)
    except (AttributeError, InputError, KeyError, TypeError, ValueError, RecursionError):
        return None


class _Lost(Exception):
    """What a number was made from is not there."""


def _check_row(
    row: Mapping[str, Any],
    receipt: Receipt,
    run: Run,
    store: Store,
    voice: _Voice | None,
    checked: Checked,
    used: set[str],
) -> None:
    """Every number of one clip."""
    for name, key in row["measurements"].items():
        about = f"{name} of {_name(receipt.clip)}"
        try:
            differences = list(_check_number(name, key, receipt, run, store, voice, used))
        except _Lost as lost:
            checked.differ("store", about, str(lost))
        except (_Unmade, AvgenError) as why:  # the latter: a plug-in that is gone
            checked.unmade.append((receipt.clip.key, name, str(why)))
        except Exception as error:  # the folder may hold anything, and members may choke on it
            checked.differ("store", about, f"cannot be made again: {type(error).__name__}: {error}")
        else:
            checked.again += 1
            for words in differences:
                checked.differ("store", about, words)


def _check_number(
    name: str,
    key: str,
    receipt: Receipt,
    run: Run,
    store: Store,
    voice: _Voice | None,
    used: set[str],
) -> Iterator[str]:
    """What differs between a number and what comes out.

    Raises:
        _Unmade: it cannot be made again.
        _Lost: it, or what it was made from, is not what lies there.
        AvgenError: what it needs is not registered.
    """
    clip, stored = receipt.clip, receipt.numbers.get(name)
    if stored is None:
        raise _Lost("the number is lost")
    address = measurement_key(stored.clip_key, stored.dimension, stored.version, stored.signature, stored.constraint)
    mine = (stored.clip_key, stored.clip_id, stored.dimension, stored.prompt_id)
    if address != key or mine != (clip.key, clip.clip_id, name, clip.prompt_id):
        raise _Lost("what lies at the address of this number is another one")
    seen, replies = _observed(stored, store, used)
    again = _again(clip, run.prompts.get(clip.prompt_id), stored, seen, replies, run, voice)
    yield from _compare(stored, again)


def _observed(
    stored: Measurement, store: Store, used: set[str]
) -> tuple[dict[str, Observation], dict[str, JudgeReply]]:
    """What a number was made from, by producer, and a judge's replies by fingerprint.

    Raises:
        _Lost: something of it is not there, or not what its fingerprint says; all of it is named.
    """
    seen: dict[str, Observation] = {}
    replies: dict[str, JudgeReply] = {}
    wrong = []
    for address in stored.observations:
        short = str(address)[:_DIGITS]
        try:
            found = store.observation(address)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            wrong.append(f"the observation {short} cannot be read: {error}")
            continue
        if found is None:
            wrong.append(f"the observation {short} is lost")
            continue
        header = found.header
        if header.fingerprint != address or header.clip_id != stored.clip_id:
            of = f"{header.producer} of the clip {str(header.clip_id)[:_DIGITS]}"
            wrong.append(f"the fingerprint {short} does not match its content, {of}")
            continue
        used.add(address)
        if isinstance(found.payload, JudgeReply):
            replies[address] = found.payload
        else:
            seen[header.producer] = found
    if wrong:
        raise _Lost("; ".join(wrong))
    return seen, replies


def _again(
    clip: Clip,
    prompt: Prompt | None,
    stored: Measurement,
    seen: Mapping[str, Observation],
    replies: Mapping[str, JudgeReply],
    run: Run,
    voice: _Voice | None,
) -> Measurement:
    """The number, made again.

    Raises:
        _Unmade: it cannot be.
        _Lost: what it was made from is not there, or its prompt is another one now.
        AvgenError: what it needs is not registered.
    """
    name = stored.dimension
    if name not in registry.names("dimensions"):
        raise _Unmade(f"the dimension {name} is not installed")
    member = dimension_of(name)
    if member.facts.version != stored.version:
        raise _Unmade(f"{name} was measured by version {stored.version}; installed is {member.facts.version}")
    fields = parse(stored.signature)
    if fields.get("prompt") not in (None, "none" if prompt is None else prompt.digest()[: len(fields["prompt"])]):
        raise _Lost("run.json holds another prompt than it was measured with")
    then = {field: value for field, value in fields.items() if field.startswith("kind.")}
    terms_of = getattr(member, "terms_of", None)
    if terms_of is not None and then != terms_of(prompt):
        raise _Unmade(f"the kinds of {name} had other tolerances or versions than those installed")
    signature = "" if run.judge is None else str(run.judge.get("signature", ""))
    if not (clip.clip_id or clip.path):
        if prompt is None:
            raise _Lost("run.json has no prompt for it")
        return missing(clip, prompt, name, signature)
    if notes_of(stored, UNASKED):
        raise _Unmade("questions to the judge are open")
    if not stored.observations:
        if stored.status == "failed":
            raise _Unmade("failed before anything was observed")
        if stored.status == "abstained" and (unavailable(name, signature) or notes_of(stored, LACKING)):
            if not applies(name, prompt):
                raise _Lost("it abstains, and the prompt asks nothing of it")
            nobody = needs_judge(name) and not signature
            raise _Unmade("no judge was asked" if nobody else "an instrument was not installed")
        if stored.status == "not_applicable" and not applies(name, prompt):
            raise _Unmade("the prompt asks nothing of it")
        raise _Lost("it names no observation that it was made from")
    if DECODER not in seen:
        raise _Lost("it does not name what the decoder found")
    lacking = [need for need in needs_of(name, prompt) if need not in seen and need != JUDGE]
    marked = [need for text in notes_of(stored, LACKING) for need in text.split(", ")]
    if lacking != marked and stored.status != "failed":
        gone = ", ".join(need for need in lacking if need not in marked) or ", ".join(marked)
        raise _Lost(f"the observation of {gone} is lost")
    if not needs_judge(name):
        return remeasure(clip, prompt, name, seen, signature)
    return _ask_again(clip, prompt, stored, seen, replies, voice)


def _ask_again(
    clip: Clip,
    prompt: Prompt | None,
    stored: Measurement,
    seen: Mapping[str, Observation],
    replies: Mapping[str, JudgeReply],
    voice: _Voice | None,
) -> Measurement:
    """A number from a judge's answers, made again from its stored replies."""
    if voice is None:
        raise _Unmade("run.json does not say who the judge was")
    facts = seen[DECODER].payload
    if not isinstance(facts, MediaFacts):
        raise _Lost("what the decoder found is something else")
    name = stored.dimension
    case = asking.Case(clip.key, clip.path, clip.clip_id, "", facts, prompt, (name,))
    asked, lost = asking.recall(case, voice.facts, voice.terms, replies.get)
    if lost:
        raise _Lost(f"the judge's replies to {', '.join(lost)} are lost")
    answers, addresses, _ = asked.of(atoms_of(prompt, name))
    return judged(clip, prompt, name, seen, voice.signature, answers, addresses, {})


def _compare(stored: Measurement, again: Measurement) -> Iterator[str]:
    """What differs between a stored number and the one made again."""
    was, now = stored.to_json(), again.to_json()
    if (was["status"], was["value"]) != (now["status"], now["value"]):
        yield f"{_shown(was)} is stored, {_shown(now)} comes out"
    olds = {verdict["id"]: verdict for verdict in was.get("verdicts", ())}
    news = {verdict["id"]: verdict for verdict in now.get("verdicts", ())}
    for name in sorted({*olds, *news}):
        before, after = (_verdict(side.get(name)) for side in (olds, news))
        if before != after:
            yield f"verdict {name}: {before} is stored, {after} comes out"
    if any(item.kind == "note" and item.label == LACKING for item in stored.evidence):
        return  # how to install what was missing is said in other words each time
    for name in ("reason", "evidence"):
        if was[name] != now[name]:
            yield f"another {name} is stored than comes out"
    if [{**item, "strict": "", "loose": ""} for item in was.get("verdicts", ())] != [
        {**item, "strict": "", "loose": ""} for item in now.get("verdicts", ())
    ]:
        yield "what verdicts rest on is stored otherwise than it comes out"


def _shown(cell: Mapping[str, Any]) -> str:
    value = cell.get("value")
    return str(cell.get("status")) if value is None else str(value)


def _verdict(row: Mapping[str, Any] | None) -> str:
    return "none" if row is None else f"{row.get('strict')} (loosely {row.get('loose')})"


# --------------------------------------------------------------------------- media


def _check_file(clip: Clip, root: Path, limits: Any, checked: Checked) -> None:
    """The digest of one clip's file, where it is there."""
    if not clip.path:
        return
    if not clip.clip_id:
        checked.absent.append(f"{clip.path} (it could not be read at first)")
        return
    file = root / clip.path
    if not file.exists():
        checked.absent.append(clip.path)
        return
    try:
        found = media.digest(file, MediaLimits(**limits) if isinstance(limits, Mapping) else MediaLimits())
    except (MediaError, TypeError, ValueError) as error:
        checked.differ("media", clip.path, f"cannot be read: {error}")
        return
    if found == clip.clip_id:
        checked.files += 1
    else:
        words = f"another file lies there: sha256 {found[:_DIGITS]}, {clip.clip_id[:_DIGITS]} was measured"
        checked.differ("media", clip.path, words)


# --------------------------------------------------------------------------- receipts


def _check_receipts(out: Path, run: Run, checked: Checked) -> None:
    """``receipts.jsonl`` against what follows from the store."""
    try:
        text = (out / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        checked.unchecked.append(f"{FILE}: not there; avgen-bench report RUN writes it")
        return
    except (OSError, ValueError) as error:
        checked.differ("receipts", "", f"{FILE} cannot be read: {error}")
        return
    header, rows = read(text)
    rule = parse(str((header or {}).get("run", ""))).get("missing")
    try:
        expected = run.with_rule(rule if rule in MISSING_RULES else None).receipts_text
    except Exception as error:  # the store may hold anything
        checked.differ("receipts", "", f"none follow from the store: {type(error).__name__}: {error}")
        return
    if text == expected:
        return
    right, others = read(expected)
    assert right is not None
    before = len(checked.findings)
    for name in sorted({*right, *(header or {})}):
        if (header or {}).get(name) != right.get(name):
            checked.differ("receipts", "", f"{_HEADER_WORDS.get(name, name)} is not what follows from the run folder")
    wanted = {_place(row): row for row in others if row is not None}
    for number, row in enumerate(rows, 2):
        if row is None:
            checked.differ("receipts", f"line {number}", "is no JSON object")
            continue
        if row.get("digest") != sealed(row)["digest"]:
            checked.differ("receipts", f"line {number}", "its digest does not match its content")
        mine = wanted.pop(_place(row), None)
        if mine is None:
            checked.differ("receipts", f"line {number}", "is about a clip that is not in the run")
        else:
            _compare_receipt(row, mine, checked)
    for row in wanted.values():
        checked.differ("receipts", str(row["clip"]["path"]), "no line is about this clip")
    if len(checked.findings) == before:
        checked.differ("receipts", "", "the lines stand in another order, or are written otherwise")


_HEADER_WORDS = {
    "schema": "the schema",
    "run": "the line of the run",
    "signatures": "a signature",
    "prompts": "the digest of the prompts",
    "clips": "the count of clips",
    "digest": "the digest of the lines",
}


def _place(row: Mapping[str, Any]) -> str:
    clip = row.get("clip")
    names = ("system", "prompt_id", "take", "path")
    return canonical_json([clip.get(name) for name in names] if isinstance(clip, Mapping) else row)


def _compare_receipt(row: Mapping[str, Any], right: Mapping[str, Any], checked: Checked) -> None:
    clip = right["clip"]
    about = str(clip["path"] or clip["prompt_id"])
    if row["clip"] != clip:
        was, now = (str(side["clip"].get("clip_id", ""))[:_DIGITS] for side in (row, right))
        checked.differ("receipts", about, f"the receipt is for sha256 {was}, the run for {now}")
    if row.get("prompt") != right["prompt"]:
        checked.differ("receipts", about, "the receipt is for another prompt")
    given = row.get("numbers")
    numbers: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    for name in sorted({*numbers, *right["numbers"]}):
        one, other = numbers.get(name), right["numbers"].get(name)
        if one == other:
            continue
        if not isinstance(one, Mapping) or other is None:
            checked.differ("receipts", f"{name} of {about}", "the number is only on one side")
            continue
        if (one.get("status"), one.get("value")) != (other["status"], other["value"]):
            words = f"the receipt says {_shown(one)}, the store {_shown(other)}"
            checked.differ("receipts", f"{name} of {about}", words)
        if one.get("verdicts") != other["verdicts"]:
            checked.differ("receipts", f"{name} of {about}", "the receipt has other verdicts than the store")
        for field_, words in (("signature", "signature"), ("observations", "observations"), ("record", "record")):
            if one.get(field_) != other[field_]:
                checked.differ(
                    "receipts", f"{name} of {about}", f"the receipt names another {words} than the store has"
                )
    seen = row.get("observations")
    kept: Mapping[str, Any] = seen if isinstance(seen, Mapping) else {}
    for address in sorted({*kept, *right["observations"]}):
        if address not in right["observations"]:
            checked.differ("receipts", about, f"the observation {address[:_DIGITS]} is lost")
        elif kept.get(address) != right["observations"][address]:
            words = f"the content of the observation {address[:_DIGITS]} is not what the receipt is for"
            checked.differ("receipts", about, words)


# --------------------------------------------------------------------------- the report


def _check_report(out: Path, run: Run, table: totals.WeightTable | None, checked: Checked) -> None:
    """``report.json`` against the report that follows from the store."""
    try:
        got = json.loads((out / "report.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        checked.unchecked.append("report.json: not there; avgen-bench report RUN writes it")
        return
    except (OSError, ValueError, RecursionError) as error:
        checked.differ("report", "", f"report.json cannot be read: {error}")
        return
    if not isinstance(got, dict):
        checked.differ("report", "", "report.json is no JSON object")
        return
    rule = got["rule"].get("missing") if isinstance(got.get("rule"), Mapping) else None
    try:
        made = report_of(run.with_rule(rule if rule in MISSING_RULES else None), force=True)
    except Exception as error:  # as above
        checked.differ("report", "", f"no report follows from the store: {error}")
        return
    if got.get("total") is not None:
        try:
            made["total"] = _total(got["total"], made, table)
        except _Unmade as why:
            made["total"] = got["total"]
            checked.unchecked.append(f"the total of report.json: {why}")
    right = json.loads(to_json_text(made))
    for name in sorted({*got, *right}):
        if name in got and name in right and _same(got[name], right[name]):
            continue
        if name not in right:
            checked.unchecked.append(f"{name} of report.json: it is not made from the run folder alone")
        elif name == "estimates":
            _compare_estimates(got.get(name), right[name], checked)
        elif name == "clips":
            _compare_clips(got.get(name), right[name], checked)
        else:
            checked.differ("report", name, "is not what follows from the store")


def _check_rules(out: Path, run: Run, checked: Checked) -> None:
    """Whether the files of a run count prompts without a clip by one rule.

    ``avgen-bench report --missing`` gives receipts and report another rule than the run was scored with; that is no
    difference, and is said.
    """
    rules = {"run.json": run.fields["missing"]}
    with contextlib.suppress(OSError, ValueError):
        header, _ = read((out / FILE).read_text(encoding="utf-8"))
        rules[FILE] = str(parse(str((header or {}).get("run", ""))).get("missing"))
    with contextlib.suppress(OSError, ValueError, RecursionError, LookupError, TypeError):
        rules["report.json"] = str(json.loads((out / "report.json").read_text(encoding="utf-8"))["rule"]["missing"])
    rules = {name: rule for name, rule in rules.items() if rule in MISSING_RULES}
    quoted, reported = rules.get(FILE), rules.get("report.json")
    if quoted and reported and quoted != reported:
        words = f"it counts prompts without a clip by {reported!r}, {FILE} by {quoted!r}"
        checked.differ("report", "rule", f"{words}; avgen-bench report RUN writes both")
    elif others := [name for name, rule in rules.items() if rule != rules["run.json"]]:
        theirs = rules[others[0]]
        checked.unchecked.append(
            f"why prompts without a clip count as {theirs!r} in {' and '.join(others)}, and as {rules['run.json']!r} "
            f"in run.json; avgen-bench report RUN --missing {theirs} does that"
        )


def _total(got: Any, made: Mapping[str, Any], table: totals.WeightTable | None) -> dict[str, Any]:
    """The total that a report has, made again with that table, or with one of this package.

    Raises:
        _Unmade: there is no such table.
    """
    quoted = got.get("table") if isinstance(got, Mapping) else None
    name = quoted.get("name") if isinstance(quoted, Mapping) else None
    if table is None and name not in totals.BUILTIN:
        raise _Unmade("its weight table is a file; give --total FILE")
    try:
        return totals.of_report(made, table or totals.load_table(str(name)))
    except InputError as error:
        raise _Unmade(str(error)) from None


def _same(a: Any, b: Any) -> bool:
    """Whether two values are the same JSON: 1 is not true."""
    return bool(a == b) and json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _keyed(rows: Any, *names: str) -> dict[str, Mapping[str, Any]]:
    found = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping):
            found[json.dumps([row.get(name) for name in names])] = row
    return found


def _compare_estimates(got: Any, right: Any, checked: Checked) -> None:
    before = len(checked.findings)
    mine, wanted = (_keyed(rows, "dimension", "system") for rows in (got, right))
    for key in sorted({*mine, *wanted}):
        one, other = mine.get(key), wanted.get(key)
        dimension, system = json.loads(key)
        about = f"{dimension} of {system or '(unnamed)'}"
        if one is None or other is None:
            checked.differ("report", about, "the estimate is only on one side")
            continue
        for name in sorted({*one, *other}):
            if not _same(one.get(name), other.get(name)):
                words = f"{name} is {json.dumps(one.get(name))}, {canonical_json(other.get(name))} comes out"
                checked.differ("report", about, words)
    if len(checked.findings) == before:
        checked.differ("report", "estimates", "stand in another order")


def _compare_clips(got: Any, right: Any, checked: Checked) -> None:
    before = len(checked.findings)
    mine, wanted = (_keyed(rows, "key") for rows in (got, right))
    for key in sorted({*mine, *wanted}):
        one, other = mine.get(key), wanted.get(key)
        row = other or one or {}
        about = str(row.get("path") or row.get("prompt_id") or row.get("clip_id"))
        if one is None or other is None:
            checked.differ("report", about, "the clip is only on one side")
            continue
        for name in sorted({*one, *other} - {"measurements"}):
            if not _same(one.get(name), other.get(name)):
                checked.differ("report", about, f"{name} is not that of the run")
        cells = one.get("measurements")
        numbers: Mapping[str, Any] = cells if isinstance(cells, Mapping) else {}
        for name in sorted({*numbers, *other["measurements"]}):
            cell, true = numbers.get(name), other["measurements"].get(name)
            if _same(cell, true):
                continue
            if not isinstance(cell, Mapping) or true is None:
                checked.differ("report", f"{name} of {about}", "the number is only on one side")
                continue
            for words in _cell_words(cell, true):
                checked.differ("report", f"{name} of {about}", words)
    if len(checked.findings) == before:
        checked.differ("report", "clips", "stand in another order")


def _cell_words(cell: Mapping[str, Any], true: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*cell, *true}):
        if _same(cell.get(name), true.get(name)):
            continue
        if name in ("value", "status"):
            yield f"the report says {_shown(cell)}, the store {_shown(true)}"
        elif name == "verdicts":
            yield "the report has other verdicts than the store"
        else:
            yield f"the report has another {name} than the store"
