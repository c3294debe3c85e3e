"""What is asked of a judge, what it is given to see and hear, and what it said."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from avgen_bench.types._json import _finite, _Json, canonical_json

__all__ = ["YES_NO", "Answers", "Ask", "Call", "ClipViews", "Judge", "JudgeFacts", "JudgeReply", "JudgeView"]

YES_NO = ("yes", "no")


@dataclass(frozen=True, slots=True)
class JudgeView:
    """What a judge is given of a clip; everything that it may rest an answer on.

    Attributes:
        fps: pictures per second, taken on a grid of presentation time from 0.
        short_side_px: short side of each picture; smaller pictures are not enlarged.
        most_frames: at most so many pictures; a longer clip is sampled more coarsely, never cut.
        rate_hz: sampling rate of the sound, one channel, or None where the judge takes no sound.
        whole: the file itself is sent instead, and the server samples it as ``fps`` and ``short_side_px`` say.
    """

    fps: float = 2.0
    short_side_px: int = 480
    most_frames: int = 64
    rate_hz: int | None = 16000
    whole: bool = False

    def __post_init__(self) -> None:
        if not 0.1 <= self.fps <= 30:
            raise ValueError(f"JudgeView.fps is {self.fps}; expected 0.1 to 30 pictures a second")
        if self.short_side_px < 64 or self.most_frames < 2:
            raise ValueError("JudgeView needs a short side of 64 px or more, and 2 frames or more")

    @property
    def shortest_s(self) -> float:
        """The shortest event, in seconds, that two pictures in a row are sure to show."""
        return 2.0 / self.fps


@dataclass(frozen=True, slots=True)
class ClipViews:
    """A clip as a judge is given it, made once and used for every question.

    Attributes:
        clip_id: sha256 of the file.
        duration_s: length of the clip.
        times_s: presentation times of the pictures.
        frames: JPEG files, one per time; empty for a clip without pictures.
        sound: a WAV file (one channel, 16 bits), or None for a clip without sound or a judge that takes none.
        path: the file, for judges that are sent the whole of it.
    """

    clip_id: str
    duration_s: float
    times_s: tuple[float, ...]
    frames: tuple[bytes, ...]
    sound: bytes | None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One text for a judge about one clip.

    Attributes:
        key: its name within the prompt: ``q1``, ``q1~twin``, ``e1``, ``e1~twin``, ``audit.gravity``.
        modality: what must be given to answer it: ``picture``, ``sound`` or ``both``.
        system: the standing instruction; the same for every question of a run.
        text: the question with its menu, exactly as it is sent.
        menu: the words among which the answer must be.
    """

    key: str
    modality: str
    system: str
    text: str
    menu: tuple[str, ...] = YES_NO

    @property
    def digest(self) -> str:
        """16 hex digits of sha256 over everything that is sent."""
        text = canonical_json([self.modality, self.system, self.text, list(self.menu)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class JudgeReply(_Json):
    """What a judge said to one :class:`Ask`, verbatim.

    Attributes:
        raw: its text, unread; empty where it said nothing.
        p_yes: probability of the first word of the menu among those of the menu, or None where it gives none.
        model: the version that the server says answered; empty where it does not say.
        finish: why it stopped, in the server's word.
        tokens_in: tokens that it was given, 0 where unknown; ``tokens_out``: tokens that it wrote.
        refused: whether the server would not answer (a filter, a policy), in which case ``raw`` may say why.
    """

    raw: str
    p_yes: float | None = None
    model: str = ""
    finish: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    refused: bool = False

    def __post_init__(self) -> None:
        if self.p_yes is not None:
            _finite("JudgeReply.p_yes", self.p_yes)
            if not 0 <= self.p_yes <= 1:
                raise ValueError(f"JudgeReply.p_yes is {self.p_yes!r}; expected 0 to 1")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was made, of a judge or of a member of a panel, and what it took.

    Attributes:
        tokens_in: tokens that it was given, 0 where unknown (it broke, or nobody counts).
        tokens_out: tokens that it wrote.
        usd_per_million_in: price of a million tokens that it was given, or None; ``usd_per_million_out`` likewise.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    usd_per_million_in: float | None = None
    usd_per_million_out: float | None = None


@dataclass(frozen=True, slots=True)
class Answers(_Json):
    """All that one judge said about one clip: for each key the replies in the order of their repeats.

    ``unfit`` maps keys to the reason for which this judge may not answer them (it failed to prove that it hears, or
    sees); ``unasked`` maps keys to the reason for which no reply was got (the budget was spent, the server broke).
    """

    judge: str
    replies: Mapping[str, tuple[JudgeReply, ...]] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
    unasked: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answers:
        """The answers that ``to_json`` wrote, probabilities at six significant digits."""
        replies = {
            key: tuple(JudgeReply.from_json(reply) for reply in several) for key, several in data["replies"].items()
        }
        return cls(data["judge"], replies, dict(data["unfit"]), dict(data["unasked"]))


@dataclass(frozen=True, slots=True)
class JudgeFacts:
    """Who a judge is, without asking it anything; its :attr:`identity` is part of the signature of its scores.

    Attributes:
        name: the transport: ``openai``, ``gemini``, ``transformers``, ``replay``, ``person``.
        model: the model's id as asked for; dated where the provider dates them.
        revision: of the transport's code; raised whenever the same ask can be sent otherwise.
        view: what it is given.
        probabilities: whether it gives probabilities of its answers.
        parameters: whatever else changes its replies (temperature, seed, media resolution).
        usd_per_million_in: price of a million tokens that it is given, or None; ``usd_per_million_out`` likewise. A
            panel's is the sum over the calls that a question may take of it, each of which is given the question.
        calls_per_ask: calls that one question takes at the most; more than one for a panel alone.
        address: where its server is, ``scheme://host:port/path`` without credentials; empty where it is on this
            machine's own. It is told and is part of nothing: two facts that differ in it alone are equal.
    """

    name: str
    model: str
    revision: str
    view: JudgeView
    probabilities: bool
    parameters: Mapping[str, Any] = field(default_factory=dict)
    usd_per_million_in: float | None = None
    usd_per_million_out: float | None = None
    calls_per_ask: int = 1
    address: str = field(default="", compare=False)

    @property
    def identity(self) -> str:
        """One line of JSON that names all that can change a reply; holds no address and no key.

        The same model behind another address is the same judge: moving a server, or asking a second copy of it, makes
        no answer worthless. Where it is not the same model after all, the version that replies name and the passport
        tell the two apart. Prices and the number of calls change no reply.
        """
        view = [self.view.fps, self.view.short_side_px, self.view.most_frames, self.view.rate_hz, self.view.whole]
        fields = [self.name, self.model, self.revision, view, self.probabilities, dict(self.parameters)]
        return canonical_json(fields)


@runtime_checkable
class Judge(Protocol):
    """A voice: from a question and views to a raw reply. Safe to call from several threads at once."""

    facts: JudgeFacts

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        """The reply, verbatim; one attempt, without retries.

        Raises:
            JudgeBusy: asked to come back later (429); says after how many seconds, if the server does.
            JudgeBroken: the server or the way to it broke (5xx, reset, past the deadline, cut reply): try again.
            JudgeRejection: this request is not taken (too large, undecodable), others may be: the clip is left out.
            JudgeRefusal: trying again cannot help (wrong key, unknown model): the run stops.
        """

    def close(self) -> None:
        """Let go of connections and models."""
