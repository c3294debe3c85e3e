"""The work on one clip: observe what is missing in one decoding pass, measure, append both to the store.

Here, and only here, an exception becomes a status: whatever a decoder, a backbone or a dimension throws ends as a
``failed`` number with its reason, and everything else of the clip is still measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import avgen_bench
from avgen_bench import media, registry
from avgen_bench.errors import AvgenError, MediaError, MissingInstrument
from avgen_bench.signatures import ANSWERED_BY, BY_PROMPT, FIXED, LACKING, judge_fields, line
from avgen_bench.store import Shard, measurement_key
from avgen_bench.types import (
    Answers,
    AudioBlock,
    AudioView,
    Backbone,
    Clip,
    Dimension,
    Evidence,
    FlowView,
    Frame,
    FrameView,
    Header,
    Lacking,
    Measurement,
    MediaFacts,
    MediaLimits,
    Observation,
    Outcome,
    Payload,
    Prompt,
    canonical_json,
    fingerprint_of,
    observation_from_json,
)

__all__ = [
    "ANSWERED_BY",
    "DECODER",
    "JUDGE",
    "REMEDY",
    "UNASKED",
    "Job",
    "applies",
    "dimension_of",
    "failed",
    "fingerprint",
    "judged",
    "key_of",
    "lacks",
    "missing",
    "needs_judge",
    "needs_of",
    "observe",
    "remeasure",
    "unavailable",
    "work",
]

DECODER = "media"
_DECODER_REVISION = "1"
_EVERYWHERE = ("av", "numpy", "opencv-python-headless")  # pictures are decoded, halved and compared before a backbone

JUDGE = "judge"
"""Among needs: a judge's answers. No backbone: workers never observe it, :mod:`avgen_bench.asking` gets them."""
REMEDY = "avgen-bench score CLIPS --out RUN --judge openai:URL#model"
"""The command that gets what a dimension lacks that needs a judge."""
UNASKED = "unasked"
"""Label of the note on a measurement that lacks answers which another run may get; it is then taken up again."""


@dataclass(frozen=True, slots=True)
class Job:
    """One clip for one worker; plain JSON."""

    clip: Clip
    file: str
    prompt: Prompt | None
    dimensions: tuple[str, ...]
    backbones: tuple[str, ...]
    known: Mapping[str, Any] = field(default_factory=dict)
    limits: MediaLimits = field(default_factory=MediaLimits)
    threads: int = 1
    judge: str = ""
    """The judge of this run, as it stands in signatures; dimensions that need one are then left to the parent."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        prompt = None if self.prompt is None else self.prompt.to_json()
        return {**asdict(replace(self, prompt=None)), "prompt": prompt}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Job:
        """The job that ``to_json`` wrote."""
        prompt = None if data["prompt"] is None else Prompt.from_json(data["prompt"])
        return cls(
            Clip(**data["clip"]),
            data["file"],
            prompt,
            tuple(data["dimensions"]),
            tuple(data["backbones"]),
            data["known"],
            MediaLimits(**data["limits"]),
            data["threads"],
            data["judge"],
        )


# --------------------------------------------------------------------------- provenance


@cache
def _versions(libraries: tuple[str, ...]) -> Mapping[str, str]:
    out = {}
    for name in libraries:
        try:
            out[name] = media.ffmpeg_version() if name == "ffmpeg" else metadata.version(name)
        except metadata.PackageNotFoundError:
            out[name] = "missing"
    return out


@cache
def _header(name: str) -> Header:
    """The header of a backbone's observations, for no clip yet."""
    if name == DECODER:
        return Header("", DECODER, _DECODER_REVISION, {}, (), _versions(("av", "ffmpeg")))
    member = registry.load("backbones", name)
    facts = member.facts
    libraries = {**_versions(tuple(sorted({*_EVERYWHERE, "ffmpeg", *facts.libraries})))}
    libraries["avgen-bench media"] = _DECODER_REVISION
    views = tuple(repr(view) for view in facts.views)
    device = str(getattr(member, "device", "cpu"))
    return Header("", name, facts.revision, dict(facts.parameters), views, libraries, device)


@cache
def dimension_of(name: str) -> Dimension:
    """The registered dimension of that name."""
    member: Dimension = registry.load("dimensions", name)
    return member


@cache
def needs_of(dimension: str, prompt: Prompt | None) -> tuple[str, ...]:
    """The backbones that a dimension needs for this prompt."""
    member = dimension_of(dimension)
    ask = getattr(member, "needs_of", None)
    return member.facts.needs if ask is None else tuple(ask(prompt))


@cache
def lacks(backbone: str) -> str:
    """The command that installs what a backbone lacks here; empty where nothing is missing, or it needs nothing."""
    if not registry.load("backbones", backbone).facts.remedy:
        return ""
    try:
        registry.load("backbones", backbone).start()
    except MissingInstrument as error:
        return str(error)
    except Exception:  # whatever else is wrong shows when it is used
        return ""
    return ""


def applies(dimension: str, prompt: Prompt | None) -> bool:
    """Whether a prompt asks anything of a dimension; those that do not say otherwise are always asked."""
    ask = getattr(dimension_of(dimension), "applies", None)
    return True if ask is None else bool(ask(prompt))


@cache
def _prompt_digest(prompt: Prompt | None) -> str:
    return "none" if prompt is None else prompt.digest()[:12]


def needs_judge(dimension: str) -> bool:
    """Whether a dimension rests on the answers of a judge."""
    return JUDGE in dimension_of(dimension).facts.needs


def unavailable(dimension: str, judge: str = "") -> str:
    """Why no clip can be measured: a dimension that is only declared, or one that needs a judge where there is none."""
    if needs_judge(dimension) and not judge:
        return f"needs a judge: {REMEDY}"
    return str(getattr(dimension_of(dimension), "unavailable", ""))


def _signature(dimension: str, prompt: Prompt | None, judge: str) -> str:
    """Everything but the clip that can change a number of this dimension; ``judge`` is empty where there is none."""
    fields = dict(_instrument(dimension, needs_of(dimension, prompt)))
    terms = getattr(dimension_of(dimension), "terms_of", None)
    if terms is not None:
        fields |= terms(prompt)
    if needs_judge(dimension):
        fields |= judge_fields(judge)
    fields["prompt"] = _prompt_digest(prompt)
    return line(fields)


@cache
def _instrument(dimension: str, needs: tuple[str, ...]) -> Mapping[str, str]:
    """The fields of a signature that the prompt decides through ``needs`` alone."""
    member = dimension_of(dimension)
    decides = BY_PROMPT if hasattr(member, "needs_of") else FIXED
    fields = {"avgen-bench": avgen_bench.__version__, "dimension": dimension, "version": member.facts.version}
    fields |= {"needs": decides, "decoder": _DECODER_REVISION}
    fields |= {f"decoder.{name}": version for name, version in _header(DECODER).libraries.items()}
    fields |= {f"library.{name}": version for name, version in _versions(("numpy",)).items()}
    for name in needs:
        if name == JUDGE:
            continue
        header = _header(name)
        place = f"backbone.{name}"
        fields |= {f"{place}.{_plain(key)}": _value(value) for key, value in header.parameters.items()}
        fields |= {place: header.revision, f"{place}.device": header.device, f"{place}.views": " ".join(header.views)}
        fields |= {f"library.{key}": version for key, version in header.libraries.items() if key not in _DECODES}
    return fields


_DECODES = ("av", "ffmpeg", "avgen-bench media")


def _plain(name: str) -> str:
    """A parameter's name as a field may be called."""
    plain = "".join("_" if char in ":|\\\n\r" else char for char in str(name))
    return f"{plain}_" if plain in ("device", "lacking", "views") else plain


def _value(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def fingerprint(name: str, clip_id: str) -> str:
    """The address of one backbone's observation of one clip, as installed now."""
    return fingerprint_of(clip_id, _header_text(name))


@cache
def _header_text(name: str) -> str:
    return _header(name).text


def key_of(clip: Clip, prompt: Prompt | None, dimension: str, judge: str = "") -> str:
    """The address of one dimension's measurement of one clip, as installed now and by this judge."""
    signature = _signature(dimension, prompt, judge)
    return measurement_key(clip.key, dimension, dimension_of(dimension).facts.version, signature)


# --------------------------------------------------------------------------- observe


class _Guard:
    """A consumer that stops at its first exception and remembers it, so that the others go on."""

    def __init__(self, backbone: Backbone) -> None:
        self.failure = self.lacking = ""
        try:
            self._consumer = backbone.start()
        except MissingInstrument as error:
            self.failure = self.lacking = str(error)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"

    def on_frame(self, view: FrameView | FlowView, frame: Frame) -> None:
        if not self.failure:
            try:
                self._consumer.on_frame(view, frame)
            except Exception as error:
                self._fail(error)

    def on_audio(self, view: AudioView, block: AudioBlock) -> None:
        if not self.failure:
            try:
                self._consumer.on_audio(view, block)
            except Exception as error:
                self._fail(error)

    def finish(self, facts: MediaFacts) -> Payload:
        if not self.failure:
            try:
                return self._consumer.finish(facts)
            except Exception as error:
                self._fail(error)
        return facts  # a stand-in that is never stored: the failure is looked at first


class _Guarded:
    """A backbone whose consumer is guarded."""

    def __init__(self, name: str) -> None:
        backbone: Backbone = registry.load("backbones", name)
        self.facts = backbone.facts
        self.guard = _Guard(backbone)

    def start(self) -> _Guard:
        return self.guard


def _observe(
    job: Job, on_open: Callable[[float], None] | None
) -> tuple[dict[str, Observation], dict[str, str], dict[str, str]]:
    """New observations by producer, the failures of those that threw, and what those lack that are not installed.

    Raises:
        MediaError: the clip cannot be read.
    """
    guarded = {name: _Guarded(name) for name in job.backbones}
    facts, payloads = media.read(job.file, guarded, job.limits, job.threads, on_open)  # type: ignore[arg-type]
    payloads[DECODER] = facts
    lacking = {name: item.guard.lacking for name, item in guarded.items() if item.guard.lacking}
    failures = {n: item.guard.failure for n, item in guarded.items() if item.guard.failure and n not in lacking}
    seen = {}
    for name, payload in payloads.items():
        if name in failures or name in lacking:
            continue
        try:
            written = Observation(replace(_header(name), clip_id=job.clip.clip_id), payload).to_json()
            canonical_json(written)
            # measured from what is stored, so that measuring again gives the same digits
            seen[name] = observation_from_json(written)
        except (ValueError, TypeError, OverflowError) as error:
            failures[name] = f"{type(error).__name__}: {error}"
    return seen, failures, lacking


def observe(file: Path, backbones: Iterable[str], limits: MediaLimits | None = None) -> dict[str, Payload | Lacking]:
    """What backbones see in one clip, by name, as it would be stored; :class:`Lacking` where one is not installed.

    Raises:
        MediaError: the clip cannot be read.
        AvgenError: a backbone threw.
    """
    job = Job(Clip("", str(file)), str(file), None, (), tuple(backbones), limits=limits or MediaLimits())
    new, failures, lacking = _observe(job, None)
    if failures:
        raise AvgenError("; ".join(f"{name}: {reason}" for name, reason in failures.items()))
    seen: dict[str, Payload | Lacking] = {name: item.payload for name, item in new.items()}
    return seen | {name: Lacking(remedy) for name, remedy in lacking.items()}


# --------------------------------------------------------------------------- measure


def _stamp(
    clip: Clip, prompt: Prompt | None, dimension: str, outcome: Outcome, judge: str, observations: Iterable[str] = ()
) -> Measurement:
    return Measurement(
        dimension=dimension,
        version=dimension_of(dimension).facts.version,
        clip_id=clip.clip_id,
        clip_key=clip.key,
        prompt_id=clip.prompt_id,
        status=outcome.status,
        value=outcome.value,
        reason=outcome.reason,
        evidence=outcome.evidence,
        observations=tuple(observations),
        signature=_signature(dimension, prompt, judge),
        verdicts=outcome.verdicts,
    )


def failed(
    clip: Clip, prompt: Prompt | None, dimensions: Iterable[str], reason: str, judge: str = ""
) -> list[Measurement]:
    """One ``failed`` measurement per dimension, all for the same reason."""
    return [_stamp(clip, prompt, name, Outcome("failed", reason=reason), judge) for name in dimensions]


def missing(clip: Clip, prompt: Prompt, dimension: str, judge: str = "") -> Measurement:
    """The floor: a prompt that a system left without a clip is the system's failure.

    Where no clip can be measured (nobody judges, say) it abstains like them: a mean of floors alone would be a number
    that nobody measured.
    """
    why = unavailable(dimension, judge)
    if not applies(dimension, prompt):
        outcome = Outcome("not_applicable", reason="the prompt asks nothing of this")
    elif why:
        outcome = Outcome("abstained", reason=why)
    else:
        outcome = Outcome("ok", dimension_of(dimension).facts.floor, "no clip for this prompt")
    return _stamp(clip, prompt, dimension, outcome, judge)


def _measure(
    clip: Clip,
    prompt: Prompt | None,
    dimensions: Iterable[str],
    seen: Mapping[str, Observation],
    failures: Mapping[str, str],
    lacking: Mapping[str, str],
    judge: str = "",
    answers: Answers | None = None,
    replies: Sequence[str] = (),
) -> list[Measurement]:
    """One measurement per dimension. Here, and only here, an exception becomes ``failed``.

    A dimension that needs a judge is left out while there is a ``judge`` without ``answers``, unless nothing that it
    could answer would help. ``replies`` are the fingerprints of the replies that the answers were put together from.
    """
    facts = seen[DECODER].payload
    assert isinstance(facts, MediaFacts)
    payloads: dict[str, Payload | Lacking] = {name: item.payload for name, item in seen.items()}
    payloads |= {name: Lacking(remedy) for name, remedy in lacking.items()}
    payloads[JUDGE] = Lacking(REMEDY) if answers is None else answers
    notes = tuple(Evidence("note", "media", text=note) for note in facts.notes)
    out = []
    for name in dimensions:
        member = dimension_of(name)
        needs = needs_of(name, prompt)
        broken = [f"{need}: {failures[need]}" for need in needs if need in failures]
        if broken:
            out.append(_stamp(clip, prompt, name, Outcome("failed", reason="; ".join(broken)), judge))
            continue
        without = ", ".join(need for need in needs if need in lacking)
        marks = (Evidence("note", LACKING, text=without),) if without else ()
        absent = [f"needs {need}: {lacking[need]}" for need in member.facts.needs if need in lacking]
        absent += [reason] if (reason := unavailable(name, judge)) else []
        if absent:
            if applies(name, prompt):
                outcome = Outcome("abstained", reason="; ".join(absent), evidence=marks)
            else:
                outcome = Outcome("not_applicable", reason="the prompt asks nothing of this")
            out.append(_stamp(clip, prompt, name, outcome, judge))
            continue
        if answers is None and needs_judge(name):
            continue
        try:
            outcome = member.measure(prompt, facts, payloads)
            if outcome.value is not None and not member.facts.low <= outcome.value <= member.facts.high:
                raise ValueError(f"{outcome.value} lies outside [{member.facts.low}, {member.facts.high}]")
            outcome = replace(outcome, evidence=outcome.evidence + marks + notes)
        except Exception as error:
            outcome = Outcome("failed", reason=f"{name}: {type(error).__name__}: {error}")
        observed = [need for need in (DECODER, *needs) if need not in lacking and need != JUDGE]
        used = [fingerprint(need, clip.clip_id) for need in observed]
        out.append(_stamp(clip, prompt, name, outcome, judge, [*used, *replies]))
    return out


def remeasure(
    clip: Clip, prompt: Prompt | None, dimension: str, seen: Mapping[str, Observation], judge: str = ""
) -> Measurement:
    """A measurement that needs no judge's answers made again; what is not among ``seen`` was not installed.

    ``seen`` must hold what the decoder found.
    """
    lacking = {need: "" for need in needs_of(dimension, prompt) if need not in seen and need != JUDGE}
    [measured] = _measure(clip, prompt, [dimension], seen, {}, lacking, judge)
    return measured


def judged(
    clip: Clip,
    prompt: Prompt | None,
    dimension: str,
    seen: Mapping[str, Observation],
    judge: str,
    answers: Answers,
    replies: Sequence[str],
    open_reasons: Mapping[str, int],
) -> Measurement:
    """The measurement of a dimension that needs a judge, from what the judge said.

    Args:
        clip: the clip.
        prompt: its prompt.
        dimension: the name.
        seen: what backbones observed, by name.
        judge: as it stands in signatures.
        answers: to the questions of this dimension.
        replies: fingerprints of the stored replies in ``answers``.
        open_reasons: why questions were left that another run may ask, each with how many. Then the dimension abstains,
            whatever the rest says: a number over the questions that happened to be asked would depend on the budget.
    """
    versions = sorted({reply.model for several in answers.replies.values() for reply in several if reply.model})
    notes = tuple(Evidence("note", ANSWERED_BY, text=", ".join(versions)) for _ in versions[:1])
    if open_reasons:
        why = "; ".join(f"{reason} ({count})" for reason, count in open_reasons.items())
        outcome = Outcome(
            "abstained",
            reason=f"{sum(open_reasons.values())} questions were left unasked: {why}",
            evidence=(Evidence("note", UNASKED, text=why), *notes),
        )
        return _stamp(clip, prompt, dimension, outcome, judge, [fingerprint(DECODER, clip.clip_id), *replies])
    [measured] = _measure(clip, prompt, [dimension], seen, {}, {}, judge, answers, replies)
    return replace(measured, evidence=measured.evidence + notes)


def work(job: Job, shard: Shard, on_open: Callable[[float], None] | None = None) -> list[Measurement]:
    """Observe what is missing, measure, and append both to the shard; the measurements of one clip.

    With a judge in the job, dimensions that need its answers are observed for but not measured (:func:`judged` is).
    """
    seen = {name: observation_from_json(data) for name, data in job.known.items()}
    failures: dict[str, str] = {}
    lacking: dict[str, str] = {}
    if job.backbones or DECODER not in seen:
        try:
            new, failures, lacking = _observe(job, on_open)
        except MediaError as error:
            measured = failed(job.clip, job.prompt, job.dimensions, f"{error.code}: {error}", job.judge)
            shard.add_measurements(measured)
            return measured
        except Exception as error:  # what the decoder's binding throws beyond its own errors
            reason = f"decoder: {type(error).__name__}: {error}"
            measured = failed(job.clip, job.prompt, job.dimensions, reason, job.judge)
            shard.add_measurements(measured)
            return measured
        for observation in new.values():
            shard.add_observation(observation)
        seen.update(new)
    measured = _measure(job.clip, job.prompt, job.dimensions, seen, failures, lacking, job.judge)
    if measured:
        shard.add_measurements(measured)
    return measured
