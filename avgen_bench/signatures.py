r"""One line per score that names everything that can change it, and what differs between two such lines.

Two numbers may stand side by side only where the same was done to get them (Post 2018, arXiv 1804.08771). A signature
is a mapping of named fields to texts. Its canonical line is ``name:value|name:value|...``, the fields of :data:`HEAD`
first and the others by name; in values ``\`` is written ``\\``, ``|`` ``\p``, and line breaks ``\n`` and ``\r``. A line
that is none, as another program wrote it, is one field, ``signature``.

Fields of one number
    ``avgen-bench``, ``dimension`` and ``version``; ``needs`` (:data:`FIXED`, or :data:`BY_PROMPT` where the prompt
    decides what is looked at); ``decoder`` with ``decoder.av`` and ``decoder.ffmpeg``; per backbone
    ``backbone.NAME`` (its revision), ``.device`` (``cpu``, ``cuda``, ...), ``.views``, and its parameters, weight
    digests among them; ``library.NAME``; per kind of constraint ``kind.NAME`` (its version and tolerances); ``judge``
    (:attr:`avgen_bench.types.JudgeFacts.identity`), ``judge.repeats``, ``judge.passport``, ``judge.unfit-allowed``;
    ``prompt``, the digest of its prompt.

Fields of a run
    ``prompts`` (the name of the set), ``prompts.digest`` and ``prompts.count``; ``limits``, those of
    :class:`avgen_bench.types.MediaLimits` that are not the usual ones; ``missing``, what a prompt without a clip
    counts as (:data:`MISSING_RULES`), and ``failed``, which is outside every mean and counted beside it.

    What was only seen afterwards is added to the fields of a number by :func:`fields_of`: ``backbone.NAME.lacking``
    where it was not installed, and ``judge.versions``, the model as the replies name it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from avgen_bench.errors import InputError
from avgen_bench.types import Measurement, Prompt, canonical_json

__all__ = [
    "ANSWERED_BY",
    "BY_PROMPT",
    "FIXED",
    "HEAD",
    "LACKING",
    "MISSING_RULES",
    "Difference",
    "common",
    "differences",
    "digest",
    "distinct_fields",
    "fields_of",
    "forced_words",
    "judge_fields",
    "line",
    "merged",
    "one_line",
    "parse",
    "prompt_of",
    "prompts_digest",
    "refuse_missing_rule",
    "refuse_mixed",
    "run_line",
    "tell",
]

HEAD = ("avgen-bench", "dimension", "version", "needs")
"""The fields with which a line begins, where it has them."""
FIXED, BY_PROMPT = "fixed", "by prompt"
MISSING_RULES = ("floor", "exclude")
"""A prompt without a clip scores the floor, or does not count."""
LACKING = "not installed"
"""Label of the note on a measurement that names the backbones that were not installed."""
ANSWERED_BY = "answered by"
"""Label of the note that names the versions of the model that a judge's replies came from."""

_PER_CLIP = ("prompt",)
_SEEN_AFTERWARDS = ("judge.versions",)
_NONE = "none"

Fields = Mapping[str, str]
Merged = Mapping[str, tuple[str, ...]]
Difference = tuple[str, str, str]
"""What differs, in words, and its two values."""


# --------------------------------------------------------------------------- lines


_ESCAPES = {"\\": "\\\\", "|": "\\p", "\n": "\\n", "\r": "\\r"}
_TABLE = str.maketrans(_ESCAPES)
_PLAIN = {escape[1]: char for char, escape in _ESCAPES.items()}


def line(fields: Fields) -> str:
    r"""The canonical line of a signature.

    Raises:
        ValueError: a name is empty, or holds ``:`` or ``|``.

    >>> line({"version": "2", "prompt": "a|b", "dimension": "text"})
    'dimension:text|version:2|prompt:a\\pb'
    """
    for name in fields:
        if not name or set(name) & set(":|\n\r\\"):
            raise ValueError(f"a field is called {name!r}; expected a name without ':' and '|'")
    order = [name for name in HEAD if name in fields] + sorted(fields.keys() - set(HEAD))
    return "|".join(f"{name}:{fields[name].translate(_TABLE)}" for name in order)


def parse(text: str) -> dict[str, str]:
    """The fields of a line; a text that is no canonical line is the one field ``signature``.

    >>> parse("dimension:text|version:2"), parse("made-up/1")
    ({'dimension': 'text', 'version': '2'}, {'signature': 'made-up/1'})
    """
    found: dict[str, str] = {}
    for part in text.split("|"):
        name, _, value = part.partition(":")
        found[name] = re.sub(r"\\(.)", lambda hit: _PLAIN.get(hit[1], hit[0]), value)
    try:
        return found if line(found) == text else {"signature": text}
    except ValueError:
        return {"signature": text}


def digest(text: str) -> str:
    """16 hex digits of sha256 of a line."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@lru_cache(maxsize=1 << 16)
def common(text: str) -> str:
    """A line without what differs from clip to clip by nature: the digest of its prompt."""
    fields = parse(text)
    kept = {name: value for name, value in fields.items() if name not in _PER_CLIP}
    return text if kept == fields else line(kept)


@lru_cache(maxsize=1 << 16)
def prompt_of(text: str) -> str:
    """The digest of the prompt that a number was measured with, as its line has it; empty where it has none."""
    return parse(text).get("prompt", "")


# --------------------------------------------------------------------------- what goes in


_TERMS = re.compile(
    r"(?P<judge>.*) repeats:(?P<repeats>\d+) passport:(?P<passport>\S+)(?: unfit-allowed:(?P<unfit>\S+))?"
)


def judge_fields(text: str) -> dict[str, str]:
    """The fields of a judge, from :meth:`avgen_bench.terms.Terms.signature`; ``judge`` alone, none, without one."""
    found = _TERMS.fullmatch(text)
    if found is None:
        return {"judge": text or _NONE}
    fields = {name: found[group] for name, group in (("judge", "judge"), ("judge.repeats", "repeats"))}
    return fields | {"judge.passport": found["passport"], "judge.unfit-allowed": found["unfit"] or _NONE}


def prompts_digest(prompts: Iterable[Prompt]) -> str:
    """16 hex digits of sha256 over all prompts of a set, in any order."""
    rows = sorted([prompt.id, prompt.digest()] for prompt in prompts)
    return hashlib.sha256(canonical_json(rows).encode()).hexdigest()[:16]


def refuse_missing_rule(rule: str) -> None:
    """Stop at a rule for missing clips that there is not.

    Raises:
        InputError: it is none of :data:`MISSING_RULES`.
    """
    if rule not in MISSING_RULES:
        raise InputError(
            f"the rule for prompts without a clip is {rule!r}; expected floor (they score the lowest value) or exclude "
            "(they do not count)"
        )


def fields_of(measurement: Measurement) -> dict[str, str]:
    """The fields of a number, and what was seen only when it was made."""
    fields = parse(measurement.signature)
    if measurement.observations:  # without any, nobody looked whether a backbone is there
        members = [name for name in fields if name.startswith("backbone.") and name.count(".") == 1]
        fields |= {f"{name}.lacking": "no" for name in members}
    for item in measurement.evidence:
        if item.kind == "note" and item.label == LACKING:
            fields |= {f"backbone.{name}.lacking": "yes" for name in item.text.split(", ")}
        elif item.kind == "note" and item.label == ANSWERED_BY:
            fields["judge.versions"] = item.text
    return fields


def merged(lines: Iterable[str | Fields]) -> dict[str, tuple[str, ...]]:
    """Every field of several signatures with its values, each once and in order, but for the digest of the prompt."""
    found: dict[str, set[str]] = {}
    for item in lines:
        for name, value in (parse(item) if isinstance(item, str) else item).items():
            if name not in _PER_CLIP:
                found.setdefault(name, set()).add(value)
    return {name: tuple(sorted(values)) for name, values in sorted(found.items())}


def one_line(lines: Iterable[str | Fields]) -> str:
    """The line of a score over several numbers; where they differ, a field has all its values."""
    found = {name: values for name, values in merged(lines).items() if not _is_there(name, values)}
    return line({name: " / ".join(values) for name, values in found.items()})


def _is_there(name: str, values: tuple[str, ...]) -> bool:
    """Whether a field says no more than that a backbone was installed."""
    return name.endswith(".lacking") and values == ("no",)


# --------------------------------------------------------------------------- side by side


_WORDS = {
    "avgen-bench": "version of avgen-bench",
    "dimension": "dimension",
    "version": "version of the dimension",
    "needs": "what decides the backbones",
    "decoder": "revision of the decoder",
    "decoder.av": "version of PyAV",
    "decoder.ffmpeg": "version of FFmpeg",
    "judge": "judge",
    "judge.repeats": "how often the judge is asked",
    "judge.passport": "passport of the judge",
    "judge.unfit-allowed": "answers that the judge is unfit to give",
    "judge.versions": "version of the model that answered",
    "prompts": "name of the prompt set",
    "prompts.digest": "prompt set",
    "prompts.count": "size of the prompt set",
    "limits": "limits of a clip",
    "missing": "rule for prompts without a clip",
    "failed": "rule for what failed",
    "signature": "signature",
}
_BACKBONE_WORDS = {"": "revision", "device": "device", "views": "views", "lacking": "lack"}
_VIEW = ("frames a second", "short side in px", "most frames", "sound rate in Hz", "whole file")
_SHORT = 80
_IDENTITY = ("transport", "model", "revision of the transport", "view", "probabilities", "parameters")


def tell(name: str) -> str:
    """A field in words.

    >>> tell("decoder.av"), tell("backbone.ocr"), tell("backbone.ocr.least_px"), tell("library.numpy")
    ('version of PyAV', 'revision of the backbone ocr', 'least_px of the backbone ocr', 'version of numpy')
    """
    if name in _WORDS:
        return _WORDS[name]
    group, _, rest = name.partition(".")
    if group == "backbone":
        member, _, part = rest.partition(".")
        return f"{_BACKBONE_WORDS.get(part, part)} of the backbone {member}"
    if group == "library":
        return f"version of {rest}"
    if group == "kind":
        return f"tolerances of {rest}"
    return f"version of {rest}" if group == "dimension" else name


def _sides(value: str | Fields | Iterable[str | Fields]) -> dict[str, tuple[str, ...]]:
    return merged([value] if isinstance(value, str | Mapping) else value)


def _is_by_nature(name: str, one: Merged, other: Merged) -> bool:
    """Whether a field of ``one`` that ``other`` lacks differs because other prompts were asked."""
    if name in _SEEN_AFTERWARDS:
        return True
    if one.get("needs") != (BY_PROMPT,) or other.get("needs") != (BY_PROMPT,):
        return False
    group, _, rest = name.partition(".")
    if group == "backbone":
        return f"backbone.{rest.partition('.')[0]}" not in other
    return group in ("library", "kind")


def _judges(a: str, b: str) -> list[Difference]:
    """What differs between two judges, part by part."""
    try:
        sides = [json.loads(text) for text in (a, b)]
    except (ValueError, RecursionError):
        return [(_WORDS["judge"], a, b)]
    if not all(isinstance(side, list) and len(side) == len(_IDENTITY) for side in sides):
        return [(_WORDS["judge"], a, b)]
    found = []
    for part, left, right in zip(_IDENTITY, *sides, strict=True):
        if left != right:
            one, other = (value if isinstance(value, str) else canonical_json(value) for value in (left, right))
            found.append((f"{part} of the judge", one, other))
    return found


def _judge_parts(by_system: Mapping[str, tuple[str, ...]]) -> list[tuple[str, dict[str, str]]]:
    """What differs between judges: each part in words, with its value by system; empty where that cannot be told."""
    read: dict[str, list[dict[str, str]]] = {}
    for system, texts in by_system.items():
        several = [_told(text) for text in texts if text != _NONE]
        read[system] = [one for one in several if one is not None]
        if len(read[system]) != len(texts):
            read[system] = []
    if not all(read.values()):  # somebody was no judge that can be read: who they are must do
        known = {
            system: " / ".join(sorted({f"{one['transport']} {one['model']}" for one in several}))
            or " / ".join(text if len(text) <= _SHORT else f"digest {digest(text)}" for text in by_system[system])
            or _NONE
            for system, several in read.items()
        }
        return [(_WORDS["judge"], known)] if len(set(known.values())) > 1 else []
    found = []
    for name in dict.fromkeys(name for several in read.values() for one in several for name in one):
        values = {
            system: " / ".join(sorted({one.get(name, _NONE) for one in several})) for system, several in read.items()
        }
        if len(set(values.values())) > 1:
            found.append((f"{name} of the judge", values))
    return found


def _told(text: str) -> dict[str, str] | None:
    """The parts of a judge's identity, those of its view and its parameters one by one; a long one by its digest.

    None for a text that is no identity.
    """
    try:
        identity = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(identity, list) or len(identity) != len(_IDENTITY):
        return None
    found: dict[str, Any] = {}
    for part, value in zip(_IDENTITY, identity, strict=True):
        if part == "view" and isinstance(value, list) and len(value) == len(_VIEW):
            found |= {f"{part}'s {name}": item for name, item in zip(_VIEW, value, strict=True)}
        elif part == "parameters" and isinstance(value, dict):
            # a parameter takes no other part's place
            found |= {f"parameter {name}" if name in _IDENTITY else name: value[name] for name in sorted(value)}
        else:
            found[part] = value
    texts = {name: value if isinstance(value, str) else canonical_json(value) for name, value in found.items()}
    return {name: text if len(text) <= _SHORT else f"digest {digest(text)}" for name, text in texts.items()}


def differences(a: str | Fields | Iterable[str | Fields], b: str | Fields | Iterable[str | Fields]) -> list[Difference]:
    """What differs between two scores, as (field in words, value in ``a``, value in ``b``), in the order of fields.

    Each side is a line, its fields, or those of all numbers that a score is made of. What differs from clip to clip by
    nature is no difference: the digest of a prompt, and, where the prompt decides what is looked at, a backbone, a
    library or a kind of constraint that only one side has. The name of a prompt set is none where its digest is the
    same.

    >>> differences("dimension:text|version:1|prompt:ab", "dimension:text|version:2|prompt:cd")
    [('version of the dimension', '1', '2')]
    """
    one, other = _sides(a), _sides(b)
    found: list[Difference] = []
    for name in sorted({*one, *other}, key=_place):
        left, right = one.get(name, ()), other.get(name, ())
        if _is_there(name, left or right) and (not left or not right):
            continue
        if left == right or (name == "prompts" and one.get("prompts.digest") == other.get("prompts.digest")):
            continue
        if (not left and _is_by_nature(name, other, one)) or (not right and _is_by_nature(name, one, other)):
            continue
        was = " / ".join(left) if left else _absent(name, one)
        now = " / ".join(right) if right else _absent(name, other)
        found += _judges(was, now) if name == "judge" else [(tell(name), was, now)]
    return found


def _place(name: str) -> tuple[int, str]:
    """For sorting fields: those of :data:`HEAD` first."""
    return (HEAD.index(name) if name in HEAD else len(HEAD)), name


def _absent(name: str, side: Merged) -> str:
    """What a field that a side lacks stands for: none, or, where the backbone was there, that it was."""
    parent = name.removesuffix(".lacking")
    return "no" if parent != name and parent in side else _NONE


def refuse_mixed(
    dimension: str, by_system: Mapping[str, Iterable[Measurement]], force: bool = False
) -> list[dict[str, Any]]:
    """Stop where numbers of one dimension were made differently; with ``force``, what differs instead.

    Each difference has ``dimension``, ``field`` (in words) and ``values`` (by system).

    Raises:
        InputError: they were; the fields are named, each with its values by system.
    """
    sides = [(system, merged(distinct_fields(mine))) for system, mine in by_system.items()]
    filled = [side for _, side in sides if side]
    found = []
    for name in sorted({name for side in filled for name in side}, key=_place):
        values = {system: " / ".join(side.get(name, (_absent(name, side),))) for system, side in sides if side}
        there = {value for side in filled for value in side.get(name, ())}
        by_nature = all(
            _is_by_nature(name, one, other) for other in filled if name not in other for one in filled if name in one
        )
        if name not in _SEEN_AFTERWARDS and (len(there) > 1 or not (by_nature or name.endswith(".lacking"))):
            parts = _judge_parts({s: side.get(name, ()) for s, side in sides if side}) if name == "judge" else []
            found += [
                {"dimension": dimension, "field": field, "values": told}
                for field, told in parts or [(tell(name), values)]
            ]
    if found and not force:
        raise InputError(
            "numbers that were made differently do not stand side by side: "
            f"{'; '.join(map(forced_words, found))}; score them again with one installation, or give --force"
        )
    return found


def forced_words(item: Mapping[str, Any]) -> str:
    """A difference in words: ``dimension: field differs: value (system), value (system)``."""
    by_value: dict[str, list[str]] = {}
    for system, value in item["values"].items():
        by_value.setdefault(value, []).append(system or "(unnamed)")
    shown = ", ".join(f"{value} ({', '.join(systems)})" for value, systems in by_value.items())
    return f"{item['dimension']}: the {item['field']} differs: {shown}"


def distinct_fields(measurements: Iterable[Measurement]) -> list[dict[str, str]]:
    """The fields of measurements, each different set of them once."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for item in measurements:
        seen = (f"{note.label}:{note.text}" for note in item.evidence if note.label in (LACKING, ANSWERED_BY))
        key = (item.signature, "seen" if item.observations else "", *seen)
        if key not in found:
            found[key] = fields_of(item)
    return list(found.values())


_PARTS = ("backbone", "library", "kind", "version", "dimension", "needs")


def run_line(run: Fields, dimensions: Iterable[Mapping[str, Any]]) -> str:
    """The line of a whole report: the fields of the run, those that no dimension has for itself, and their versions.

    ``dimensions`` are rows of a report, with ``name``, ``version`` and ``signature``.
    """
    sides: list[str | Fields] = [run]
    for row in dimensions:
        shared = {k: v for k, v in parse(row["signature"]).items() if k.partition(".")[0] not in _PARTS}
        if "signature" not in shared:
            sides.append({**shared, f"dimension.{row['name']}": str(row["version"])})
    return one_line(sides) if any(sides) else ""
