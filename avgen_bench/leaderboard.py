"""The leaderboard Space: submitted runs side by side, each checked, those that were not measured alike kept apart.

Conventions
    What a submission is, and when it is ``verified``, ``agrees`` or ``not verified``, stands in
    :mod:`avgen_bench.submission`. What is not verified is shown with what differs, and has no rank.

    Systems are ranked together where their prompts have the same digest and, dimension by dimension, their signatures
    name the same (:func:`avgen_bench.compare.differ`); others form groups of their own, with the fields that differ.
    A prompt without a clip is at the floor. Tiers are those of :mod:`avgen_bench.compare`.

    ``gradio_client`` reaches it by two typed calls::

        client = Client("org/avgen_leaderboard")
        client.predict(category="ads", family="perceptual", api_name="/entries")
        client.predict(handle_file("submission.zip"), api_name="/submit")

    ``entries`` returns the rows of :meth:`Board.entries`; empty texts, which are the defaults, stand for all categories
    and all families. ``submit`` returns what :meth:`Board.submit` does. Either fails with the reason, in plain text;
    after a start both wait for a while until all entries are checked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from avgen_bench import compare
from avgen_bench._lazy import lazy
from avgen_bench.errors import AvgenError, InputError
from avgen_bench.model_card import FAMILIES
from avgen_bench.published import load_published
from avgen_bench.report_words import format_number, printable
from avgen_bench.resampling import DRAWS
from avgen_bench.signatures import common, forced_words, parse, prompt_of
from avgen_bench.space import escape, notice, refusal, start
from avgen_bench.statistics import LEVEL, Column, numbers_of, summarise_columns
from avgen_bench.submission import (
    AGREES,
    MOST_ZIP_BYTES,
    NOT_VERIFIED,
    VERIFIED,
    Entry,
    read_submission,
    short,
    unpack,
)
from avgen_bench.types import DimensionFacts, canonical_json
from avgen_bench.work import dimension_of

gr = lazy("gradio")

__all__ = ["Board", "build", "launch"]

MOST_SYSTEMS_SHOWN = 40
"""All pairs of them are tested, in every dimension and for every category that somebody asks for."""
_WORST = 5
_WAIT_S = 60.0
_LOOK_S = 3.0

_STATE_WORDS = {
    VERIFIED: "every number was measured again from the observations that came with it",
    AGREES: "report and receipts agree; no observations came with it to measure again from",
    NOT_VERIFIED: "not verified, and not ranked",
}


# --------------------------------------------------------------------------- the board


class Board:
    """What is on the leaderboard; safe to use from several threads.

    Attributes:
        refused: by name of a folder of entries, why it is not on the board.
        waiting: how many folders of entries are still to be checked; ``places`` is how many there are.
    """

    def __init__(self, folder: Path, draws: int = DRAWS, background: bool = False) -> None:
        """Read and check every entry of a folder, which may be missing; in the ``background``, one after the other."""
        self.folder = folder
        self.refused: dict[str, str] = {}
        # what is being put in place has a name that begins with a dot, also where nobody finished it
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        places = [one for one in found if one.is_dir() and not one.is_symlink() and not one.name.startswith(".")]
        self.places = self.waiting = len(places)
        self._submitting = threading.Lock()
        self._loaded = threading.Event()
        self._now = _Standing([], draws)
        if background:
            threading.Thread(target=self._load, args=(places,), daemon=True).start()
        else:
            self._load(places)

    def _load(self, places: Sequence[Path]) -> None:
        """Take up the entries, and name those that cannot be."""
        groups: list[tuple[str, list[Entry]]] = []
        try:
            for place in places:
                try:
                    entries = read_submission(place, place.name)
                    _refuse_too_many(self._now, entries)
                    self._now = self._now.plus(entries)
                    groups.append((place.name, entries))
                except (AvgenError, OSError) as error:
                    self.refused[short(place.name)] = printable(str(error))
                self.waiting -= 1
            try:
                self._now.rows()
            except Exception:  # one of them cannot stand beside the others, and which one is found out
                sound = self._now.without()
                for name, entries in groups:
                    try:
                        sound = _rankable(sound, entries)
                    except InputError as error:
                        self.refused[short(name)] = printable(str(error))
                self._now = sound
        finally:
            self.waiting = 0
            self._loaded.set()

    def wait(self, timeout_s: float) -> None:
        """Wait until the entries are checked.

        Raises:
            InputError: they are not by then.
        """
        if not self._loaded.wait(timeout_s):
            raise InputError(f"{self.waiting} of {self.places} entries are still being checked; try again in a minute")

    @property
    def systems(self) -> tuple[Entry, ...]:
        """All entries, by name; two of one name have their submission beside it, and no two are called the same."""
        return self._now.systems

    def categories(self) -> tuple[str, ...]:
        """Every category of a prompt that some entry was asked."""
        return self._now.categories

    def entries(self, category: str = "", family: str = "") -> list[dict[str, Any]]:
        """A row for each system and dimension.

        Args:
            category: of prompts; empty for all.
            family: ``perceptual``, ``semantic`` or ``control``; empty for all.

        Returns:
            ``system``, ``submission``, ``state``, ``prompt_set``, ``prompts_digest``, ``dimension``, ``family``,
            ``group`` (1 for those that most systems with a number are in; only rows of one dimension, digest and group
            are ranked together; 0 has no rank), ``tier`` (1 is best; None without a number), ``mean``, ``ci_low``,
            ``ci_high`` (on the scale of the dimension; None where there is none), ``n`` prompts with a number, and
            ``differs``, what was done differently from group 1. In the order of dimension, group, tier, mean.

        Raises:
            InputError: no such category or family.
        """
        now = self._now  # never changes: what is submitted meanwhile makes another
        if family and family not in FAMILIES:
            raise InputError(f"no family is called {short(family)!r}; there are: {', '.join(FAMILIES)}")
        if category and category not in now.categories:
            known = ", ".join(now.categories) or "none"
            raise InputError(f"no category is called {short(category)!r}; there are: {known}")
        return [dict(row) for row in now.rows(category, family)]

    def submit(self, archive: str | os.PathLike[str]) -> dict[str, Any]:
        """Check a ZIP file of runs, and keep it where nothing differs.

        Returns:
            ``state``; ``words``, what was found; ``systems``, the names that it has; ``kept``, whether it is on the
            board now; and ``apart``, the rows of ``differs`` of its numbers that are not ranked with the others.

        Raises:
            InputError: it cannot be read or ranked, the board is full, or its entries are not checked yet.
        """
        self.wait(_WAIT_S)
        with tempfile.TemporaryDirectory(prefix="avgen-board-") as place:
            names = unpack(archive, Path(place))
            label = f"submission-{_digest(Path(place), names)}"
            entries = read_submission(Path(place), label)
            worst = max((entry.state for entry in entries), key=(VERIFIED, AGREES, NOT_VERIFIED).index)
            kept = worst != NOT_VERIFIED
            with self._submitting:
                known = any(_is_of(entry, label) for entry in self.systems)
                if kept and not known:
                    _refuse_too_many(self._now, entries)
                    ranked = _rankable(self._now, entries)
                    self._keep(Path(place), names, label)
                    self._now = ranked
        mine = {entry.name for entry in self.systems if _is_of(entry, label)}
        rows = [row for row in self.entries() if row["system"] in mine and row["mean"] is not None] if kept else []
        apart = {row["differs"] for row in rows if row["group"] != 1 and row["differs"]}
        return {
            "state": worst,
            "words": [
                *dict.fromkeys(word for entry in entries for word in entry.words),
                *(["it was on the board already"] * known),
            ],
            "systems": sorted(mine) if kept else [entry.name for entry in entries],
            "kept": kept,
            "apart": sorted(apart),
        }

    def _keep(self, place: Path, names: Iterable[str], label: str) -> None:
        """Put the files of a submission among the entries, whole or not at all."""
        draft = self.folder / f".{label}"
        try:
            for name in names:
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(place / name, draft / name)
            os.replace(draft, self.folder / label)
        except OSError as error:
            raise InputError(f"the submission is in order and could not be kept: {error.strerror}") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _is_of(entry: Entry, label: str) -> bool:
    return entry.label.partition("/")[0] == label


def _digest(folder: Path, names: Iterable[str]) -> str:
    """12 hex digits over the files of a submission, the same for the same files in any ZIP."""
    found = sorted([name, hashlib.sha256((folder / name).read_bytes()).hexdigest()] for name in names)
    return hashlib.sha256(canonical_json(found).encode()).hexdigest()[:12]


def _refuse_too_many(now: _Standing, entries: Sequence[Entry]) -> None:
    """Stop where the board has no place left.

    Raises:
        InputError: it has not.
    """
    if len(now.systems) + len(entries) > MOST_SYSTEMS_SHOWN:
        raise InputError(
            f"the board has {len(now.systems)} systems, and place for {MOST_SYSTEMS_SHOWN}; this would add "
            f"{len(entries)}: ask who runs it"
        )


def _rankable(now: _Standing, entries: Sequence[Entry]) -> _Standing:
    """The board with these entries, its rows made.

    Raises:
        InputError: they cannot be ranked.
    """
    found = now.plus(entries)
    try:
        found.rows()
    except Exception as error:  # the numbers of others
        why = f"{type(error).__name__}: {short(str(error))}"
        raise InputError(f"its numbers cannot be ranked with those of the board ({why})") from None
    return found


def _named(entries: Sequence[Entry]) -> list[tuple[int, Entry]]:
    """Entries with their places, under names that no two share, by name.

    Who shares a name with others has its submission beside it. Whoever is called like that already is made to give
    way; those that nothing tells apart are numbered.
    """
    count = Counter(entry.name for entry in entries)
    alone = [count[entry.name] == 1 for entry in entries]
    # a name comes before what it is lengthened to: the latter is given away before anybody is asked who is called so
    order = sorted(range(len(entries)), key=lambda k: (entries[k].name, entries[k].label))
    shown: dict[str, int] = {}
    for k in order:
        beside = f"{entries[k].name} ({entries[k].label})"
        tries = [*([entries[k].name] * alone[k]), beside, *(f"{beside} #{n}" for n in range(2, len(entries) + 2))]
        shown[next(name for name in tries if name not in shown)] = k
    return [(shown[name], replace(entries[shown[name]], name=name)) for name in sorted(shown)]


_Rank = tuple[int | None, int, Mapping[str, Any]]
"""Tier, place among those that were ranked, and its row of the tier."""


class _Standing:
    """What is on the board at one time, and its rows once they were asked for.

    What was ranked is taken over from the standing before where the same systems stand together.
    """

    def __init__(self, entries: Sequence[Entry], draws: int, before: _Standing | None = None) -> None:
        self._entries = list(entries)
        self._draws = draws
        self._before: Mapping[tuple[Any, ...], list[_Rank]] = {} if before is None else before._ranked
        self._ranked: dict[tuple[Any, ...], list[_Rank]] = {}
        self._rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
        named = _named(self._entries)
        self.systems = tuple(entry for _, entry in named)
        of_label: Counter[str] = Counter()
        self._keys: dict[int, tuple[str, int]] = {}
        places = {k: at for at, (k, _) in enumerate(named)}
        for k, entry in enumerate(self._entries):
            self._keys[places[k]] = (entry.label, of_label[entry.label])
            of_label[entry.label] += 1
        found = {category for entry in entries for _, category in entry.prompts.values() if category}
        self.categories = tuple(sorted(found))

    def plus(self, entries: Sequence[Entry]) -> _Standing:
        """With more entries."""
        return _Standing([*self._entries, *entries], self._draws, self)

    def without(self) -> _Standing:
        """With none."""
        return _Standing([], self._draws, self)

    def rows(self, category: str = "", family: str = "") -> list[dict[str, Any]]:
        """The rows of :meth:`Board.entries`; two that ask at once may both make them, which is the same."""
        if (category, family) not in self._rows:
            self._rows[category, family] = self._standings(category, family)
        return self._rows[category, family]

    def _standings(self, category: str, family: str) -> list[dict[str, Any]]:
        systems = self.systems
        facts: dict[str, DimensionFacts] = {}
        for entry in systems:
            for row in entry.report["dimensions"]:
                if family in ("", row["family"]):
                    facts[row["name"]] = dimension_of(row["name"]).facts
        order = sorted(facts, key=lambda name: (FAMILIES.index(facts[name].family), list(facts).index(name)))
        views = [_view(entry, f"{k:06}", category) for k, entry in enumerate(systems)]
        rows = []
        ranked = [k for k, entry in enumerate(systems) if entry.state != NOT_VERIFIED and entry.digest != "none"]
        count = Counter(systems[k].digest for k in ranked)
        for digest in sorted(count, key=lambda one: (-count[one], one)):
            of_set = [k for k in ranked if systems[k].digest == digest and views[k]["clips"]]
            sides = dict(zip(of_set, compare.sides_of([(f"{k}", views[k]) for k in of_set]), strict=True))
            for name in order:
                parts = _parts({k: side for k, side in sides.items() if name in side.dimensions}, name)
                for number, part in enumerate(parts, 1):
                    differs = self._differs(sides[parts[0][0]], sides[part[0]], name) if number > 1 else ""
                    for tier, place, row in self._ranks(part, facts[name], views, category):
                        rows.append(_row(systems[part[place]], facts[name], number, tier, row, differs))
        for name in order:
            for k, entry in enumerate(systems):
                if k not in ranked and any(item["name"] == name for item in entry.report["dimensions"]):
                    why = "scored without prompts: nothing to pair" if entry.state != NOT_VERIFIED else NOT_VERIFIED
                    rows.append(_row(entry, facts[name], 0, None, _alone(views[k], facts[name]), why))
        rows.sort(key=lambda row: order.index(row["dimension"]))  # stable: groups and tiers stay in order
        return rows

    def _differs(self, one: compare.Side, other: compare.Side, name: str) -> str:
        """What was done differently, in words with the names of the board."""
        found = compare.differ([one, other], [name])
        shown = [
            {**item, "values": {self.systems[int(k)].name: v for k, v in item["values"].items()}} for item in found
        ]
        return printable("; ".join(map(forced_words, shown)))

    def _ranks(
        self, part: Sequence[int], facts: DimensionFacts, views: Sequence[Mapping[str, Any]], category: str
    ) -> list[_Rank]:
        """Every system of a group with its tier, best first; those without a number last."""
        key = (category, facts.name, *(self._keys[k] for k in part))
        if key not in self._ranked:
            self._ranked[key] = self._before.get(key) or _ranks([views[k] for k in part], facts, self._draws)
        return self._ranked[key]


def _view(entry: Entry, name: str, category: str) -> dict[str, Any]:
    """The report of an entry, called so, on the prompts of a category."""
    made = entry.report
    rows = [{**row, "system": name} for row in made["clips"] if row["prompt_id"] and category in ("", row["category"])]
    return {"systems": [name], "dimensions": made["dimensions"], "clips": rows}


def _has_number(side: compare.Side, name: str) -> bool:
    return bool(numbers_of([row for mine in side.rows.values() for row in mine], name))


def _parts(sides: Mapping[int, compare.Side], name: str) -> list[list[int]]:
    """Those that were measured alike together, the largest group first; groups without any number last."""
    parts: list[tuple[list[int], dict[frozenset[Any], compare.Side]]] = []
    for k, side in sides.items():
        how = _how(side, name)
        for part, hows in parts:
            if how in hows or not compare.differ([*hows.values(), side], [name]):
                part.append(k)
                hows.setdefault(how, side)
                break
        else:
            # what differs in itself is like nothing, not even another of that kind
            parts.append(([k], {frozenset() if compare.differ([side, side], [name]) else how: side}))
    filled = {part[0]: any(_has_number(sides[k], name) for k in part) for part, _ in parts}
    return sorted((part for part, _ in parts), key=lambda part: (not filled[part[0]], -len(part)))


def _how(side: compare.Side, name: str) -> frozenset[Any]:
    """All that :func:`avgen_bench.compare.differ` goes by: what has the same does not differ."""
    found: set[Any] = {parse(side.dimensions[name].get("signature", "")).get("limits", "")}
    for prompt, rows in side.rows.items():
        for row in rows:
            cell = row["measurements"].get(name)
            if cell is not None:
                notes = tuple((item["label"], item.get("text", "")) for item in cell["evidence"])
                found.add((prompt, prompt_of(cell["signature"])))
                if row["path"] or row["clip_id"]:
                    found.add((common(cell["signature"]), bool(cell["observations"]), notes))
    return frozenset(found)


def _ranks(views: Sequence[Mapping[str, Any]], facts: DimensionFacts, draws: int) -> list[_Rank]:
    if len(views) == 1:
        row = _alone(views[0], facts)
        return [(None if row["mean"] is None else 1, 0, row)]
    runs = [(f"{k}", view) for k, view in enumerate(views)]
    places = {view["systems"][0]: k for k, view in enumerate(views)}
    [found] = compare.build(runs, dimensions=[facts.name], draws=draws)["tiers"]
    ranks: list[_Rank] = [
        (tier, places[row["system"]], row) for tier, group in enumerate(found["tiers"], 1) for row in group
    ]
    nothing = {"mean": None, "ci_low": None, "ci_high": None, "n": 0}
    return [*ranks, *((None, places[system], nothing) for system in found["unranked"])]


def _alone(view: Mapping[str, Any], facts: DimensionFacts) -> dict[str, Any]:
    """The mean of one system over its prompts."""
    [found] = summarise_columns([Column(numbers_of(view["clips"], facts.name), facts.low, facts.high)], LEVEL)
    return {"mean": found.mean, "ci_low": found.ci_low, "ci_high": found.ci_high, "n": found.prompts}


def _row(
    entry: Entry, facts: DimensionFacts, group: int, tier: int | None, row: Mapping[str, Any], differs: str
) -> dict[str, Any]:
    return {
        "system": entry.name,
        "submission": entry.label,
        "state": entry.state,
        "prompt_set": entry.prompt_set,
        "prompts_digest": entry.digest,
        "dimension": facts.name,
        "family": facts.family,
        "group": group,
        "tier": tier,
        "mean": row["mean"],
        "ci_low": row["ci_low"],
        "ci_high": row["ci_high"],
        "n": row["n"],
        "differs": differs,
    }


# --------------------------------------------------------------------------- what is shown


def _mean_cell(row: Mapping[str, Any] | None, facts: DimensionFacts, home: int) -> str:
    """A cell of the board: the mean, its interval in words and as a bar, and the tier."""
    if row is None or row["mean"] is None:
        return '<td class="avgen-number">\N{EN DASH}</td>'

    def place(value: float) -> float:
        share = (value - facts.low) / (facts.high - facts.low)
        return round(100 * min(max(share if facts.direction > 0 else 1 - share, 0.0), 1.0), 1)

    text = f"<b>{escape(format_number(row['mean'], facts.low, facts.high))}</b>"
    if row["tier"] is not None:
        text += f" <small>tier {row['tier']}</small>"
    if row["group"] not in (0, home):
        text += f' <small title="{escape(row["differs"])}">(ranked apart)</small>'
    bar = f'<i class="avgen-dot" style="left:{place(row["mean"])}%"></i>'
    if row["ci_low"] is not None:
        left, right = sorted((place(row["ci_low"]), place(row["ci_high"])))
        bar = f'<i class="avgen-span" style="left:{left}%;width:{round(right - left, 1)}%"></i>{bar}'
        ends = " to ".join(format_number(row[name], facts.low, facts.high) for name in ("ci_low", "ci_high"))
        text += f"<br><small>{escape(ends)}, {row['n']} prompts</small>"
    else:
        text += f"<br><small>{row['n']} prompts</small>"
    return f'<td class="avgen-number">{text}<span class="avgen-bar">{bar}</span></td>'


_MARKS = {VERIFIED: "good", AGREES: "half", NOT_VERIFIED: "bad"}


def _state_mark(state: str) -> str:
    words = escape(_STATE_WORDS[state])
    return f'<small class="avgen-state avgen-{_MARKS[state]}" title="{words}">{escape(state)}</small>'


_SORTED = (("", ""), (' aria-sort="descending"', " \N{BLACK DOWN-POINTING SMALL TRIANGLE}"))


def _table(first: str, head: str, body: str) -> str:
    """A table that may be wider than the page."""
    return (
        f'<div class="avgen-wide"><table class="avgen-table"><thead><tr><th scope="col">{first}</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def board_html(board: Board, category: str, family: str, sort: str) -> str:
    """The tables of the board: one for each prompt set and group that is ranked together on ``sort``."""
    rows = board.entries(category, family)
    dimensions = list(dict.fromkeys(row["dimension"] for row in rows))
    told = _told(board)
    if not rows:
        return told or notice("nothing is on the board yet" if not board.systems else "no number fits these filters")
    chosen = sort if sort in dimensions else dimensions[0]
    facts = {name: dimension_of(name).facts for name in dimensions}
    cells = {(row["system"], row["dimension"]): row for row in rows}
    sections: dict[tuple[str, int], list[dict[str, Any]]] = {}
    seen = set()
    for row in rows:
        if row["dimension"] == chosen:
            key = (row["prompts_digest"], row["group"]) if row["group"] else ("", 0)
            sections.setdefault(key, []).append(row)
            seen.add(row["system"])
    for row in rows:  # systems without that dimension
        if row["system"] not in seen:
            sections.setdefault(("", -1), []).append(row)
            seen.add(row["system"])
    head = "".join(
        f'<th scope="col"{_SORTED[name == chosen][0]}>{escape(name.replace("_", " "))}{_SORTED[name == chosen][1]}</th>'
        for name in dimensions
    )
    parts = []
    for (digest, group), listed in sections.items():
        body = "".join(
            f'<tr data-system="{escape(row["system"])}"><th scope="row"><bdi>{escape(row["system"])}</bdi><br>'
            f"{_state_mark(row['state'])}</th>"
            + "".join(_mean_cell(cells.get((row["system"], name)), facts[name], max(group, 1)) for name in dimensions)
            + "</tr>"
            for row in listed
        )
        parts.append(_section_head(digest, group, listed[0], chosen) + _table("system", head, body))
    return told + "".join(parts)


def _told(board: Board) -> str:
    """What is not on the board, or not yet."""
    left = f"{board.waiting} of {board.places} entries are being checked" if board.waiting else ""
    return notice(left) + notice("; ".join(f"{name}: {why}" for name, why in sorted(board.refused.items())), "bad")


def _section_head(digest: str, group: int, row: Mapping[str, Any], chosen: str) -> str:
    what = escape(chosen.replace("_", " "))
    if group < 0:
        return f"<h3>Without {what}</h3>"
    if group == 0:
        return (
            "<h3>Not ranked</h3><p>Not verified, or scored without prompts: nothing here stands beside the others.</p>"
        )
    head = f"<h3>Prompts: <bdi>{escape(row['prompt_set'])}</bdi> <small><code>{escape(digest)}</code></small></h3>"
    if group == 1:
        return f"{head}<p>Best {what} first. A tier holds what is not distinguishable from its best.</p>"
    return f"{head}<p>Ranked apart: {escape(row['differs'])}</p>"


def model_html(board: Board, name: str) -> str:
    """The page of one system: how it was checked, its means by category, its worst clips, its signatures."""
    entry = next((one for one in board.systems if one.name == name), None)
    if entry is None:
        return notice("choose a system") if not name else notice("no such system is on the board", "bad")
    made = entry.report
    facts = {row["name"]: row for row in made["dimensions"]}
    items = "".join(f"<li>{escape(word)}</li>" for word in entry.words)
    parts = [
        f"<h2><bdi>{escape(entry.name)}</bdi></h2>",
        f"<p>{_state_mark(entry.state)} {escape(_STATE_WORDS[entry.state])}; submission "
        f"<bdi>{escape(entry.label)}</bdi>, prompts <bdi>{escape(entry.prompt_set)}</bdi> "
        f"<code>{escape(entry.digest)}</code></p><ul>{items}</ul>",
        "<h3>By category</h3>",
        _by_category(made, facts),
        "<h3>Worst clips</h3>",
        *(_worst(entry, one) for one in made["dimensions"]),
        "<h3>Signatures</h3>",
        *(
            f"<details><summary>{escape(one['name'].replace('_', ' '))}</summary>"
            f"<code class='avgen-line'>{escape(one['signature'])}</code></details>"
            for one in made["dimensions"]
        ),
    ]
    return "".join(parts)


def _by_category(made: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> str:
    means = {("", row["dimension"]): row for row in made["estimates"]}
    means |= {(row["category"], row["dimension"]): row for row in made["categories"]}
    groups = sorted({group for group, _ in means})
    head = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in facts)
    body = ""
    for group in groups:
        body += f'<tr><th scope="row"><bdi>{escape(group or "all")}</bdi></th>'
        for name, about in facts.items():
            row = means.get((group, name))
            if row is None or row["mean"] is None:
                body += '<td class="avgen-number">\N{EN DASH}</td>'
                continue
            counts = row["counts"]
            lost = ", ".join(f"{counts[one]} {one}" for one in ("abstained", "failed", "missing") if counts[one])
            body += (
                f'<td class="avgen-number"><b>{escape(format_number(row["mean"], about["low"], about["high"]))}</b><br>'
                f"<small>n {row['n']}{', ' + escape(lost) if lost else ''}</small></td>"
            )
        body += "</tr>"
    return _table("category", head, body)


def _worst(entry: Entry, facts: Mapping[str, Any]) -> str:
    """The clips with the worst numbers of a dimension."""
    items = []
    for place in entry.report["worst_first"][facts["name"]][:_WORST]:
        row = entry.report["clips"][place]
        cell = row["measurements"].get(facts["name"])
        best = facts["high"] if facts["direction"] > 0 else facts["low"]
        if cell is None or cell["status"] not in ("ok", "failed") or cell["value"] == best:
            continue
        value = format_number(cell["value"], facts["low"], facts["high"]) if cell["status"] == "ok" else "failed"
        text, _ = entry.prompts.get(row["prompt_id"], ("", ""))
        jpeg = entry.pictures.get(row["clip_id"], "")
        shown = f'<img alt="" src="data:image/jpeg;base64,{jpeg}">' if jpeg else ""
        items.append(
            f"<li>{shown}<div><b>{escape(value)}</b> <bdi>{escape(row['prompt_id'] or row['path'])}</bdi>"
            f"{' (no clip)' * (not row['path'])}<br><small>{escape(cell['reason'][:300])}</small>"
            f"<p>{escape(text[:300])}</p></div></li>"
        )
    if not items:
        return ""
    return f"<h4>{escape(facts['name'].replace('_', ' '))}</h4><ol class='avgen-worst'>{''.join(items)}</ol>"


def published_html() -> str:
    """The rows that AVGen-Bench printed, as they were printed."""
    rows = load_published()
    names = list(dict.fromkeys(name for row in rows for name in row.printed))
    head = "".join(f'<th scope="col">{escape(name.removeprefix("upstream."))}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row"><bdi>{escape(row.system)}</bdi><br><small>{escape(row.components)}</small></th>'
        + "".join(f'<td class="avgen-number">{escape(row.printed.get(name, ""))}</td>' for name in names)
        + f'<td class="avgen-number">{escape(row.total)}</td></tr>'
        for row in rows
    )
    return notice(
        "Another instrument: these numbers were printed by microsoft/AVGen-Bench, measured by its own program with "
        "its own models and scales, without n or intervals. They do not stand beside those of the board, and "
        "nothing here was measured again.",
        "bad",
    ) + _table("system", f'{head}<th scope="col">total</th>', body)


def _submitted_html(found: Mapping[str, Any]) -> str:
    head = notice(f"{found['state']}: {_STATE_WORDS[found['state']]}", "bad" if not found["kept"] else "good")
    names = ", ".join(found["systems"])
    words = [*found["words"], *(f"ranked apart: {text}" for text in found["apart"])]
    items = "".join(f"<li>{escape(word)}</li>" for word in words)
    told = "is on the board" if found["kept"] else "is not kept"
    return f"{head}<p><bdi>{escape(names)}</bdi> {told}.</p><ul>{items}</ul>"


_CSS = """
.avgen-bar { position: relative; display: block; height: 6px; min-width: 90px; margin-top: 4px; border-radius: 3px;
  background: var(--border-color-primary); }
.avgen-span { position: absolute; top: 0; height: 6px; border-radius: 3px; background: #7aa7d9; }
.avgen-dot { position: absolute; top: -1px; width: 3px; height: 8px; margin-left: -1px; background: currentColor; }
.avgen-state { border: 1px solid; border-radius: 4px; padding: 0 4px; white-space: nowrap; }
.avgen-state.avgen-good { color: #1b7f3b; } .avgen-state.avgen-half { color: #7a5c00; }
.avgen-state.avgen-bad { color: #b3261e; }
.dark .avgen-state.avgen-good { color: #6fd08c; } .dark .avgen-state.avgen-half { color: #e0c060; }
.dark .avgen-state.avgen-bad { color: #ff8a80; }
.avgen-worst li { display: flex; gap: 10px; margin: 8px 0; }
.avgen-worst img { width: 112px; height: auto; align-self: flex-start; border-radius: 4px; }
.avgen-line { overflow-wrap: anywhere; white-space: normal; }
"""


# --------------------------------------------------------------------------- the app


def build(board: Board) -> Any:
    """The ``gradio.Blocks`` of the leaderboard, not started."""

    def entries(category: str = "", family: str = "") -> list[dict[str, Any]]:
        """A row for each system and dimension; empty texts stand for all categories and families."""
        try:
            board.wait(_WAIT_S)
            return board.entries(category, family)
        except InputError as error:
            raise refusal(error) from None

    def submit(archive: Any) -> dict[str, Any]:
        try:
            return _submit(board, archive)
        except InputError as error:
            raise refusal(error) from None

    def send(archive: Any) -> tuple[str, Any, Any]:
        try:
            words = _submitted_html(_submit(board, archive))
        except InputError as error:
            words = notice(str(error), "bad")
        return words, gr.update(choices=_names(board)), gr.update(choices=_category_choices(board))

    def show(category: Any, family: Any, sort: Any) -> tuple[str, Any]:
        try:
            rows = board.entries(str(category or ""), str(family or ""))
            names = list(dict.fromkeys(row["dimension"] for row in rows))
            chosen = sort if sort in names else (names[0] if names else None)
            shown = board_html(board, str(category or ""), str(family or ""), str(chosen or ""))
            return shown, gr.update(choices=names, value=chosen)
        except InputError as error:
            return notice(str(error), "bad"), gr.update()

    def look(category: Any, family: Any, sort: Any) -> tuple[Any, ...]:
        """The page anew, until all entries are checked."""
        more = bool(board.waiting)
        chosen, categories = gr.update(choices=_names(board)), gr.update(choices=_category_choices(board))
        return *show(category, family, sort), chosen, categories, gr.update(active=more)

    def model(name: Any) -> str:
        return model_html(board, str(name or ""))

    with gr.Blocks(title="AVGen leaderboard", delete_cache=(60, 600), analytics_enabled=False) as app:
        gr.HTML(
            "<h1>AVGen leaderboard</h1><p>Text-to-audio-video models by the measures of avgen-bench: submitted runs, "
            "each checked, with intervals and tiers. Systems that were not measured alike are ranked apart.</p>"
        )
        with gr.Tab("Board"):
            with gr.Row():
                category = gr.Dropdown(_category_choices(board), value="", label="category", elem_id="category")
                choices = [("all", ""), *((name, name) for name in FAMILIES)]
                family = gr.Dropdown(choices, value="", label="family", elem_id="family")
                sort = gr.Dropdown([], value=None, label="sort by", elem_id="sort", allow_custom_value=True)
            table = gr.HTML(elem_id="board")
        with gr.Tab("System"):
            chosen = gr.Dropdown(_names(board), value=None, label="system", elem_id="system", allow_custom_value=True)
            page = gr.HTML(notice("choose a system"), elem_id="page")
        with gr.Tab("Submit"):
            gr.HTML(
                f"<p>A ZIP file of a run folder of <code>avgen-bench score</code> (or of several): run.json with its "
                f"shards, or with report.json and receipts.jsonl. No clips. Up to {MOST_ZIP_BYTES >> 20} MiB. What "
                "verifies is kept on this board as long as it runs; the rest is shown to you alone.</p>"
            )
            archive = gr.File(label="ZIP file", file_count="single", type="filepath", height=120, elem_id="zip")
            go = gr.Button("Check and submit", variant="primary", elem_id="go")
            said = gr.HTML(elem_id="said")
        with gr.Tab("Published by AVGen-Bench"):
            gr.HTML(published_html(), elem_id="published")
        asked = [category, family, sort]
        quiet = {"api_visibility": "private", "show_progress": "hidden"}
        for item in (category, family):
            item.change(show, asked, [table, sort], **quiet)
        sort.input(show, asked, [table, sort], **quiet)
        chosen.change(model, chosen, page, **quiet)
        alike = {"concurrency_id": "submit", "concurrency_limit": 1}
        go.click(send, archive, [said, chosen, category], api_visibility="private", **alike).then(
            show, asked, [table, sort], **quiet
        )
        timer = gr.Timer(_LOOK_S)
        for event in (app.load, timer.tick):
            event(look, asked, [table, sort, chosen, category, timer], **quiet)
        gr.api(entries, api_name="entries")
        with gr.Row(visible=False):  # what the call takes and gives
            sent = gr.File(label="archive", file_count="single", type="filepath")
            found = gr.JSON(label="found")
            call = gr.Button()
        call.click(submit, sent, found, api_name="submit", api_description=Board.submit.__doc__, **alike)
    return app


def _submit(board: Board, archive: Any) -> dict[str, Any]:
    """A submission checked; every failure is an :class:`InputError`."""
    if not archive:
        raise InputError("there is no file; choose a ZIP file of a run folder")
    try:
        return board.submit(archive)
    except InputError:
        raise
    except Exception as error:
        print(f"submission: {type(error).__name__}: {printable(str(error))}", file=sys.stderr)
        raise InputError("this submission could not be checked; it is in the log of this Space") from None


def _names(board: Board) -> list[str]:
    return [entry.name for entry in board.systems]


def _category_choices(board: Board) -> list[tuple[str, str]]:
    return [("all", ""), *((short(name), name) for name in board.categories())]


def launch(folder: str | os.PathLike[str]) -> None:
    """Run the leaderboard until it is stopped.

    Args:
        folder: of the entries; the variable ``AVGEN_LEADERBOARD`` names another.
    """
    place = Path(os.environ.get("AVGEN_LEADERBOARD", "") or folder)
    start(build(Board(place, background=True)), MOST_ZIP_BYTES + (1 << 20), _CSS)
