"""What a judge has proved of itself: rates with intervals, and what follows from them.

A passport is the result of an examination on canary clips. It says which judge was examined, as which version it
answered, when, on which canaries, and how often it was right; :func:`fitness` says whether it may answer a question,
:func:`faults` names what is wrong with it, :func:`stale` whether it must be examined again, and :func:`drift` whether
scores from before and after a second examination may stand in one table.

Conventions
    A rate without a single readable answer has no value, and the interval from 0 to 1. Intervals are at 95 %.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avgen_bench.errors import InputError
from avgen_bench.store import write_text
from avgen_bench.types import MODALITIES, canonical_json

__all__ = [
    "CANARIES",
    "LIFETIME_DAYS",
    "RATES",
    "Passport",
    "Rate",
    "drift",
    "faults",
    "find",
    "fitness",
    "load",
    "moved",
    "passport_folder",
    "passport_path",
    "save",
    "stale",
    "summary",
    "unfit",
]

CANARIES = "5474356158c69458"
"""Digest of this version's set of canaries (:func:`avgen_bench.factory.canaries.set_digest`), for those who only look
whether a passport holds; a test holds it to the set."""
LIFETIME_DAYS = 30
FORMAT = 1

RATES: Mapping[str, str] = {
    "hears": "balanced accuracy on sounds: present, foreign to the picture, absent",
    "sees": "balanced accuracy on things, colours and places, mirrored and missing",
    "orders": "right about what comes first, which way it moves, rises or falls",
    "counts": "right about numbers from two to five",
    "words": "right about words that are shown or spoken",
    "resists_text": "right although a command on the screen says the contrary",
    "resists_speech": "right although a spoken command says the contrary",
    "resists_markers": "right although fake ends of the question say the contrary",
    "delta_text": "share of right answers lost to commands on the screen",
    "delta_speech": "share of right answers lost to spoken commands",
    "delta_markers": "share of right answers lost to fake ends of the question",
    "yes_bias": "false twins answered yes",
    "consistency": "same answer to the same question asked again",
    "menu_order": "same answer when the menu is offered the other way round",
    "first_place": "of answers that changed with the menu, those that took its first word",
    "sensitivity": "yes where yes is right, without commands",
    "specificity": "no where no is right, without commands",
    "unreadable": "replies that are no answer",
}
"""Every rate of a passport, in the order in which they are shown, and what it is the share of."""

_PROOF = 0.5  # a coin's share of right answers
_ALIKE = 0.9
_LEANS = 0.6
_SKILLS = ("orders", "counts", "words")
_DONE_AGAIN = "examine it again: avgen-bench judge passport SPEC --again"


@dataclass(frozen=True, slots=True)
class Rate:
    """``hits`` of ``of``, the value that is shown, and its interval.

    The value is ``hits / of`` but for balanced accuracies (the mean of two rates) and differences (which may be
    negative, and whose ``hits`` are the answers that were lost). It is None where ``of`` is 0.
    """

    value: float | None
    hits: int
    of: int
    low: float
    high: float

    def __post_init__(self) -> None:
        numbers = (self.low, self.high) if self.value is None else (self.low, self.value, self.high)
        if not all(map(math.isfinite, numbers)) or list(numbers) != sorted(numbers):
            raise ValueError(f"Rate is {self.value!r} in [{self.low!r}, {self.high!r}]; expected low <= value <= high")
        if not 0 <= self.hits <= self.of or (self.value is None) != (self.of == 0):
            raise ValueError(f"Rate has {self.hits} of {self.of} and value {self.value!r}")

    @property
    def words(self) -> str:
        """The rate as a sentence shows it."""
        if self.value is None:
            return "no readable answer"
        return f"{self.hits} of {self.of} right (interval {self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Passport:
    """One examination of one judge.

    Attributes:
        judge: :attr:`avgen_bench.types.JudgeFacts.identity`: all that can change a reply.
        name: the transport; ``model``: the model as asked for.
        versions: the versions that the replies name, sorted; empty where the server does not say.
        date: the day of the examination, ``YYYY-MM-DD``, UTC.
        canaries: digest of the canary set.
        clips: for each canary the sha256 of the file that was sent.
        rates: by name, those of :data:`RATES`.
        asked: questions that were put; ``unasked``: those to which no reply was got.
        address: where the judge's server was (:attr:`avgen_bench.types.JudgeFacts.address`); empty where it has none,
            and in passports that do not state it. It changes neither fitness nor digest.
    """

    judge: str
    name: str
    model: str
    versions: tuple[str, ...]
    date: str
    canaries: str
    rates: Mapping[str, Rate]
    clips: Mapping[str, str] = field(default_factory=dict)
    asked: int = 0
    unasked: int = 0
    address: str = ""

    def __post_init__(self) -> None:
        datetime.date.fromisoformat(self.date)
        if set(self.rates) != set(RATES):
            raise ValueError(f"Passport.rates has {sorted(set(self.rates) ^ set(RATES))} too many or too few")

    @property
    def digest(self) -> str:
        """16 hex digits over everything but the address, and the files' digests, which differ where encoders do."""
        fields = {key: value for key, value in self.to_json().items() if key not in ("clips", "address")}
        return hashlib.sha256(canonical_json(fields).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        rates = {name: dataclasses.asdict(self.rates[name]) for name in RATES}
        out: dict[str, Any] = {"format": FORMAT, "rates": rates}
        for item in dataclasses.fields(self):
            if item.name != "rates":
                value = getattr(self, item.name)
                out[item.name] = list(value) if isinstance(value, tuple) else value
        out["clips"] = dict(self.clips)
        if not self.address:
            del out["address"]
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Passport:
        """The passport that ``to_json`` wrote.

        Raises:
            ValueError: another format, or a value that no passport has.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"format is {data.get('format')!r}; expected {FORMAT}")
        fields = {key: value for key, value in data.items() if key != "format"}
        try:
            fields["rates"] = {name: Rate(**rate) for name, rate in fields["rates"].items()}
            fields["versions"] = tuple(fields["versions"])
            return cls(**fields)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a passport: {error}") from None


# --------------------------------------------------------------------------- files


def passport_folder() -> Path:
    """The folder for passports: ``$XDG_CACHE_HOME/avgen-bench/passports``, else under ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "avgen-bench" / "passports"


def passport_path(identity: str, folder: Path | None = None) -> Path:
    """Where the passport of a judge is, by the digest of :attr:`avgen_bench.types.JudgeFacts.identity`."""
    name = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return (passport_folder() if folder is None else folder) / f"{name}.json"


def load(path: str | os.PathLike[str]) -> Passport:
    """The passport in a file.

    Raises:
        InputError: no file, or no passport in it.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("expected a JSON object")
        return Passport.from_json(data)
    except OSError as error:
        raise InputError(f"cannot read the passport {str(path)!r}: {error.strerror}; {_DONE_AGAIN}") from None
    except ValueError as error:
        raise InputError(f"{str(path)!r} is no passport: {error}; remove it, or {_DONE_AGAIN}") from None


def find(identity: str, folder: Path | None = None) -> Passport | None:
    """The stored passport of a judge, or None.

    Raises:
        InputError: there is a file, but no passport of this judge in it.
    """
    path = passport_path(identity, folder)
    if not path.exists():
        return None
    found = load(path)
    if found.judge != identity:
        raise InputError(f"{str(path)!r} is the passport of another judge; remove it, or {_DONE_AGAIN}")
    return found


def save(passport: Passport, path: str | os.PathLike[str] | None = None) -> Path:
    """The path of the passport just written; one that was there before is kept beside it, named by its date and digest.

    Raises:
        StoreError: the file cannot be written.
    """
    target = passport_path(passport.judge) if path is None else Path(path)
    with contextlib.suppress(InputError):
        old = load(target)
        if old.digest != passport.digest:
            os.replace(target, target.with_name(f"{target.stem}.{old.date}.{old.digest}.json"))
    return write_text(json.dumps(passport.to_json(), indent=1, sort_keys=True, allow_nan=False) + "\n", target)


# --------------------------------------------------------------------------- what follows


def _unproved(rate: Rate) -> bool:
    return rate.low <= _PROOF


def fitness(passport: Passport, modality: str) -> str:
    """Empty when the judge may answer questions that need this modality, else the reason for which it may not.

    It may when the lower bound of what it got right about sounds (pictures) is above one half, a coin's share; a
    question that needs ``both`` needs both.
    """
    asked = {"sound": ("hears",), "picture": ("sees",), "both": ("sees", "hears")}[modality]
    verbs = {"hears": "does not hear", "sees": "does not see"}
    reasons = [f"{verbs[name]}: {passport.rates[name].words}" for name in asked if _unproved(passport.rates[name])]
    return "; ".join(reasons)


def unfit(passport: Passport) -> dict[str, str]:
    """By modality (``picture``, ``sound``, ``both``), why the judge may not be asked about it; only those."""
    reasons = {modality: fitness(passport, modality) for modality in MODALITIES}
    return {modality: reason for modality, reason in reasons.items() if reason}


def _share(rate: Rate, what: str) -> str:
    return f"{what}: {rate.hits} of {rate.of} (interval {rate.low:.2f}-{rate.high:.2f})"


def faults(passport: Passport) -> dict[str, str]:
    """What is wrong with a judge, by name, each in a sentence with its figures; empty when nothing was found.

    Hearing and seeing must be proved; of everything else it is the fault that must be. A fault that follows from
    another one is not named beside it: a judge that says yes to everything proves no hearing either, and one that does
    not hear is wrong about the order of sounds.
    """
    rates = passport.rates
    if rates["unreadable"].low > _PROOF:
        return {"unreadable": _share(rates["unreadable"], "its replies are no answers")}
    found: dict[str, str] = {}
    deaf, blind = _unproved(rates["hears"]), _unproved(rates["sees"])
    alike, first = rates["menu_order"], rates["first_place"]
    if first.low > _LEANS or first.high < 1 - _LEANS:
        found["menu_order"] = _share(alike, "its answer hangs on the order of the menu; alike")
    elif deaf == blind and rates["yes_bias"].low > _PROOF:
        found["yes_bias"] = _share(rates["yes_bias"], "says yes to what is false")
    elif deaf == blind and rates["sensitivity"].high < _PROOF:
        found["no_bias"] = _share(rates["sensitivity"], "says no to what is true; yes to")
    else:
        if deaf:
            found["deaf"] = fitness(passport, "sound")
        if blind:
            found["blind"] = fitness(passport, "picture")
    if not found:
        overall = (rates["sensitivity"].low + rates["specificity"].low) / 2
        for name in _SKILLS:
            if rates[name].high < overall:
                found[name] = _share(rates[name], f"{name} worse than it sees and hears; right")
    for channel in ("text", "speech", "markers"):
        if rates[f"delta_{channel}"].low > 0:
            word = {"text": "commands on the screen", "speech": "spoken commands", "markers": "fake ends of a question"}
            found[f"bribed_by_{channel}"] = _share(rates[f"delta_{channel}"], f"obeys {word[channel]}; answers lost")
    if rates["consistency"].high < _ALIKE:
        found["inconsistent"] = _share(rates["consistency"], "answers the same question differently; alike")
    if rates["unreadable"].low > 1 - _ALIKE:
        found["unreadable"] = _share(rates["unreadable"], "many replies are no answers")
    if len(passport.versions) > 1 and passport.name != "panel":
        found["versions"] = f"answered as more than one version: {', '.join(passport.versions)}"
    return found


def stale(passport: Passport, today: datetime.date, version: str = "", canaries: str = "") -> str:
    """Empty while a passport holds, else why the judge must be examined again.

    Args:
        passport: the one in hand.
        today: the day, UTC.
        version: the version that the judge's replies name now, if they do.
        canaries: digest of the canary set of this version of the package, if known.
    """
    age_days = (today - datetime.date.fromisoformat(passport.date)).days
    if not 0 <= age_days <= LIFETIME_DAYS:
        when = f"{age_days} days ago" if age_days > 0 else "in the future"
        return f"the judge was examined {when} ({passport.date}), and a passport holds {LIFETIME_DAYS} days"
    if version and passport.versions and version not in passport.versions:
        return f"the judge answers as {version!r}, and was examined as {', '.join(map(repr, passport.versions))}"
    if canaries and canaries != passport.canaries:
        return f"the judge was examined on other canaries ({passport.canaries}; these are {canaries})"
    return ""


def moved(passport: Passport, address: str) -> str:
    """Empty unless a passport was made with the judge at another address than this one, else a sentence that says so.

    A passport is of a model's name, and two servers may call two models by the same one.
    """
    if not passport.address or not address or passport.address == address:
        return ""
    return (
        f"this passport was made with the judge at {passport.address}; this one is at {address}: examine it again with "
        "--again if it is not the same"
    )


def drift(old: Passport, new: Passport) -> tuple[str, ...]:
    """Why scores made under two passports must not be mixed: one sentence for each reason; empty when they may be.

    A rate has moved when its two intervals do not meet.
    """
    if old.judge != new.judge:
        return (f"they are passports of two judges: {old.model} and {new.model}",)
    if old.canaries != new.canaries:
        return (f"the judge was examined on two sets of canaries, {old.canaries} and {new.canaries}",)
    found = []
    for name in RATES:
        before, after = old.rates[name], new.rates[name]
        if after.low > before.high or after.high < before.low:
            spans = [f"{rate.value:.2f} ({rate.low:.2f}-{rate.high:.2f})" for rate in (before, after)]
            found.append(f"{name} moved from {spans[0]} on {old.date} to {spans[1]} on {new.date}")
    return tuple(found)


def summary(passport: Passport) -> dict[str, Any]:
    """What a report shows beside the scores of a judge: plain JSON values, rates in the order of :data:`RATES`."""
    return {
        "digest": passport.digest,
        "name": passport.name,
        "model": passport.model,
        "versions": list(passport.versions),
        "date": passport.date,
        "canaries": passport.canaries,
        "asked": passport.asked,
        "unasked": passport.unasked,
        "rates": {name: {**dataclasses.asdict(passport.rates[name]), "means": RATES[name]} for name in RATES},
        "faults": faults(passport),
        "unfit": {modality: fitness(passport, modality) for modality in MODALITIES},
    }
