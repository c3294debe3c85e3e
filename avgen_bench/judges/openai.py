"""Any server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, OpenAI, Gemini's compatible endpoint.

Conventions
    One request is one question. Its body is the clip, then the question, so that a server which keeps prefixes works on
    a clip once; the clip's part is encoded once and spliced into every body. A question is given what its modality
    names and no more: what is shown cannot bribe an answer about the sound, and the other way round.

Options of the spec (``openai:URL#model#name=value``)
    ``video``: ``frames`` (pictures, each after its time), ``jpeg`` (the same pictures as one video, as vLLM takes it),
    ``url`` (the whole file in the request) or ``file`` (its path, for a server on this machine).
    ``probabilities``: ``auto`` (asked for; a server that refuses is not asked again), ``on`` (it must give them) or
    ``off``. ``json``: ``on`` or ``off``. ``temperature``: 0 where probabilities are asked for, else 1, at which the
    share of yes among repeats estimates the same probability; ``none`` sends no temperature. ``seed``; a repeat adds
    its number. ``max_tokens``. ``detail``: ``low``, ``high`` or ``auto``, for servers that scale pictures. ``key``: the
    name of the environment variable that holds the key. ``deadline_s``. ``usd_in``, ``usd_out``: price of a million
    tokens.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from avgen_bench.errors import InputError, JudgeBroken, JudgeRefusal
from avgen_bench.judges._http import Fault, Line, address_of, key_of, raise_for
from avgen_bench.judges.specs import nothing_left, take_number, take_word
from avgen_bench.judges.views import refuse_unheard
from avgen_bench.types import Ask, ClipViews, JudgeFacts, JudgeReply, JudgeView

__all__ = ["OpenAI", "p_first"]

REVISION = "1"
_KNOWN = (
    *("video", "probabilities", "json", "temperature", "seed", "max_tokens", "detail", "key", "deadline_s"),
    *("usd_in", "usd_out"),
)
_TOP = 10
_MOST_KEPT_BYTES = 192 << 20
_MIME = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm"}
_REFUSED_CODES = ("content_filter", "content_policy_violation", "moderation_blocked", "responsibleaipolicyviolation")
_ANSWER = re.compile(rb'"answer"\s*:\s*"\s*')
_EDGE = b" \t\r\n\"'`*_{(:"
_FIELDS = (
    ("response_format", r"response[ _]format|json_schema|guided"),
    ("logprobs", r"log_?probs"),
    ("max_tokens", r"max_completion_tokens.{0,3} instead"),
    ("seed", r"[\"'`]seed[\"'`]|^seed "),
)
"""What a server may do without, and the words by which it says that it does not take it."""
_UNSEEN = 0.05
_TOLD = 0.5


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


# --- probabilities -------------------------------------------------------------------------------------------------


def _token(item: Any) -> tuple[bytes, float] | None:
    """The bytes of a token and the logarithm of its probability."""
    if not isinstance(item, dict) or not isinstance(item.get("token"), str):
        return None
    logprob, raw = item.get("logprob"), item.get("bytes")
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or math.isnan(logprob) or logprob > 1e-3:
        return None
    if isinstance(raw, list) and raw and all(isinstance(b, int) and 0 <= b < 256 for b in raw):
        return bytes(raw), float(logprob)
    return item["token"].encode("utf-8", "surrogatepass"), float(logprob)


def _word(piece: bytes, menu: Sequence[str]) -> str | None:
    """The word of the menu that a token begins, as the only one; quotes and blanks before it do not count."""
    core = piece.lstrip(_EDGE).decode("utf-8", "ignore").casefold()
    if not core:
        return None
    found = []
    for word in menu:
        folded = word.casefold()
        ends = core.startswith(folded) and not core[len(folded) : len(folded) + 1].isalnum()
        if ends or folded.startswith(core):
            found.append(word)
    return found[0] if len(found) == 1 else None


def _place(text: bytes, menu: Sequence[str]) -> int | None:
    """Where the answer begins in a reply: after the last ``"answer":``, or the reply itself where it is a word."""
    words = {word.casefold() for word in menu}
    found = list(_ANSWER.finditer(text))
    if found:
        start = found[-1].end()
        said = text[start:].partition(b'"')[0]
    else:
        start = len(text) - len(text.lstrip(_EDGE))
        said = text[start:].rstrip(_EDGE + b".!})")
    return start if said.decode("utf-8", "ignore").strip().casefold() in words else None


def p_first(raw: str, content: Any, menu: Sequence[str]) -> float | None:
    """The probability of the first word of the menu among its words, from the token in which the answer begins.

    Args:
        raw: the reply.
        content: ``logprobs.content`` of the reply: its tokens, each with those that were likely in its place.
        menu: the words among which the answer is.

    None where it cannot be told: no such token, less than half of the probability on words of the menu, or a word of
    the menu not listed that might hold more than a twentieth of what the listed ones do.
    """
    if not isinstance(content, list) or not raw.strip():
        return None
    read = [_token(item) for item in content]
    tokens = [token for token in read if token is not None]
    if len(tokens) != len(content):
        return None
    joined = b"".join(piece for piece, _ in tokens)
    reply = raw.encode("utf-8", "surrogatepass")
    begin, start = joined.rfind(reply), _place(reply, menu)
    if begin < 0 or start is None:
        return None
    start += begin
    offset = index = 0
    while offset + len(tokens[index][0]) <= start:
        offset += len(tokens[index][0])
        index += 1
    before = tokens[index][0][: start - offset]
    if before.strip(_EDGE):  # the token begins with something else: what could stand in its place is not comparable
        return None
    top = content[index].get("top_logprobs")
    likely = dict(token for token in map(_token, top if isinstance(top, list) else ()) if token is not None)
    listed = {**dict([tokens[index]]), **likely}
    mass = dict.fromkeys(menu, 0.0)
    everything = 0.0
    for piece, logprob in listed.items():
        probability = math.exp(min(0.0, logprob))
        everything += probability
        word = _word(piece, menu)
        if word is not None:
            mass[word] += probability
    told = sum(mass.values())
    unseen = max(0.0, 1.0 - everything)
    if likely:  # what is not listed is no likelier than the least likely that is
        unseen = min(unseen, math.exp(min(0.0, *likely.values())))
    if told < _TOLD or (not all(mass.values()) and unseen > _UNSEEN * told):
        return None
    return min(1.0, mass[menu[0]] / told)


# --- what is sent --------------------------------------------------------------------------------------------------


def _text(text: str) -> bytes:
    return _json({"type": "text", "text": text})


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def _per_second(views: ClipViews) -> float:
    """Pictures per second, as they really came."""
    if len(views.times_s) < 2:
        return 1.0
    return (len(views.times_s) - 1) / max(1e-6, views.times_s[-1] - views.times_s[0])


def _pictures(views: ClipViews, video: str, detail: str, whole: bool) -> bytes:
    """The part of a message that shows the clip, as elements of a JSON list."""
    lasts = f"The clip lasts {views.duration_s:.2f} s."
    if whole:
        path = Path(views.path)
        if video == "file":
            url = _json(path.absolute().as_uri())
        else:
            mime = _MIME.get(path.suffix.lower(), "video/mp4")
            try:
                url = b'"data:' + mime.encode() + b";base64," + _b64(path.read_bytes()) + b'"'
            except OSError as error:
                raise JudgeBroken(f"cannot read the clip {path.name!r}: {error.strerror}") from None
        return _text(f"{lasts} This is the whole of it.") + b',{"type":"video_url","video_url":{"url":' + url + b"}}"
    if not views.frames:
        return _text(f"{lasts} It has no picture.")
    if video == "jpeg":
        told = (
            f"{lasts} This video holds pictures of it, {_per_second(views):.3g} a second ({len(views.frames)} in all)."
        )
        frames = b",".join(map(_b64, views.frames))
        return _text(told) + b',{"type":"video_url","video_url":{"url":"data:video/jpeg;base64,' + frames + b'"}}'
    parts = [_text(f"{lasts} Pictures of it follow, each after its time ({len(views.frames)} in all).")]
    end = b'"}}' if detail == "none" else b'","detail":' + _json(detail) + b"}}"
    for t_s, frame in zip(views.times_s, views.frames, strict=True):
        parts.append(_text(f"{t_s:.2f} s:"))
        parts.append(b'{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,' + _b64(frame) + end)
    return b",".join(parts)


def _sound(views: ClipViews) -> bytes:
    if views.sound is None:
        return _text("The clip has no sound.")
    head = b',{"type":"input_audio","input_audio":{"data":"'
    return _text("This is its sound:") + head + _b64(views.sound) + b'","format":"wav"}}'


class _Encoded:
    """The parts of one clip, each made when first asked for."""

    def __init__(self, views: ClipViews) -> None:
        self.views = views
        self.lock = threading.Lock()
        self.parts: dict[str, bytes] = {}
        self.size = 0


class OpenAI:
    """A model behind chat completions; the module says how it is spelt out.

    Args:
        facts: who it is.
        line: the way to it.
        video: ``frames``, ``jpeg``, ``url`` or ``file``.
        probabilities: ``auto``, ``on`` or ``off``.
    """

    def __init__(self, facts: JudgeFacts, line: Line, video: str = "frames", probabilities: str = "auto") -> None:
        self.facts = facts
        self._line = line
        self._video = video
        self._probabilities = probabilities
        self._lock = threading.Lock()
        self._encoded: OrderedDict[str, _Encoded] = OrderedDict()
        self._dropped: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"OpenAI({self.facts.model!r}, {self._line!r})"

    @classmethod
    def from_spec(cls, rest: str, view: JudgeView, options: Mapping[str, Any]) -> OpenAI:
        """The judge of ``URL#model``; the module lists the options.

        Raises:
            InputError: the address, the model or an option cannot be used.
        """
        url, mark, model = rest.partition("#")
        if not mark or not model.strip():
            raise InputError("the judge openai names no model; expected openai:URL#model")
        left = dict(options)
        video = take_word(left, "video", ("frames", "jpeg", "url", "file"), "url" if view.whole else "frames")
        whole = video in ("url", "file")
        if whole != view.whole:
            view = dataclasses.replace(view, whole=whole)
        probabilities = take_word(left, "probabilities", ("auto", "on", "off"), "auto")
        given = probabilities != "off"
        temperature: Any = left.get("temperature")
        if temperature == "none":
            left.pop("temperature")
            temperature = None
        else:
            temperature = take_number(left, "temperature", 0.0, 2.0, 0.0 if given else 1.0)
        parameters = {
            "detail": take_word(left, "detail", ("none", "low", "high", "auto"), "none"),
            "json": take_word(left, "json", ("on", "off"), "on") == "on",
            "max_tokens": take_number(left, "max_tokens", 1, 1 << 20, 64, whole=True),
            "seed": take_number(left, "seed", 0, (1 << 31) - 1, 0, whole=True),
            "temperature": temperature,
            "video": "whole" if whole else video,
        }
        address = address_of(url)
        key = key_of(urlsplit(address).hostname or "", str(left.pop("key", "")))
        line = Line(address, key, take_number(left, "deadline_s", 0.05, 7200.0, 180.0))
        usd_in, usd_out = (take_number(left, name, 0.0, 1e6, None) for name in ("usd_in", "usd_out"))
        nothing_left(left, _KNOWN)
        facts = JudgeFacts("openai", model.strip(), REVISION, view, given, parameters, usd_in, usd_out, address=address)
        return cls(facts, line, video, probabilities)

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        """The reply to one question about one clip, verbatim but for the key, which nobody may be told.

        Raises:
            JudgeBusy: the server asks to come back later.
            JudgeBroken: the server, or the way to it, broke.
            JudgeRejection: this request is not taken; one about another clip may be.
            JudgeRefusal: trying again cannot help.
        """
        refuse_unheard(ask, self.facts.view)
        media = self._media(ask.modality, views)
        for _ in range(len(_FIELDS) + 1):  # each turn leaves out one field more
            dropped = self._dropped
            status, headers, body = self._line.post(self._body(ask, views, repeat, media, dropped))
            reply = self._read(body) if status == 200 else None
            fault = self._fault(status, body, reply)
            if fault is None:
                return self._reply(ask, reply)
            if _filtered(fault):
                return JudgeReply(raw=fault.message, finish="content_filter", refused=True)
            field = self._field_refused(fault, dropped)
            if not field:
                raise_for(fault, headers, self._line.host, self.facts.model, self._line.key)
            with self._lock:
                self._dropped = self._dropped | {field}
        raise JudgeRefusal(f"{self._line.host} does not take the request, whatever is left out of it")

    def close(self) -> None:
        """Let go of connections and of what was encoded."""
        self._line.close()
        with self._lock:
            self._encoded.clear()

    # --- sending

    def _media(self, modality: str, views: ClipViews) -> list[bytes]:
        """Elements of the message's list that are the clip, in pieces; commas between them included."""
        with self._lock:
            entry = self._encoded.get(views.clip_id)
            if entry is None or (entry.views is not views and entry.views != views):
                entry = self._encoded[views.clip_id] = _Encoded(views)
            self._encoded.move_to_end(views.clip_id)
            while len(self._encoded) > 1 and sum(e.size for e in self._encoded.values()) > _MOST_KEPT_BYTES:
                self._encoded.popitem(last=False)
        pieces: list[bytes] = []
        for name in ("picture", "sound"):
            if modality not in (name, "both"):
                continue
            with entry.lock:
                if name not in entry.parts:
                    entry.parts[name] = (
                        _pictures(views, self._video, self.facts.parameters["detail"], self.facts.view.whole)
                        if name == "picture"
                        else _sound(views)
                    )
                    entry.size += len(entry.parts[name])
                pieces += [entry.parts[name], b","]
        return pieces

    def _body(
        self, ask: Ask, views: ClipViews, repeat: int, media: Sequence[bytes], dropped: frozenset[str]
    ) -> list[bytes]:
        view, parameters = self.facts.view, self.facts.parameters
        system = _json([{"role": "system", "content": ask.system}])[1:-1]
        head = b'{"model":' + _json(self.facts.model) + b',"messages":[' + system + b',{"role":"user","content":['
        rest: dict[str, Any] = {}
        if parameters["temperature"] is not None:
            rest["temperature"] = parameters["temperature"]
        if "seed" not in dropped:
            rest["seed"] = parameters["seed"] + repeat
        rest["max_completion_tokens" if "max_tokens" in dropped else "max_tokens"] = parameters["max_tokens"]
        if self._probabilities != "off" and "logprobs" not in dropped:
            rest["logprobs"], rest["top_logprobs"] = True, _TOP
        if parameters["json"] and "response_format" not in dropped:
            schema = {
                "type": "object",
                "properties": {"answer": {"type": "string", "enum": list(ask.menu)}},
                "required": ["answer"],
                "additionalProperties": False,
            }
            rest["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            }
        if ask.modality != "sound" and view.whole:
            rest["media_io_kwargs"] = {"video": {"fps": view.fps, "num_frames": view.most_frames}}
        elif ask.modality != "sound" and self._video == "jpeg" and views.frames:
            rest["mm_processor_kwargs"] = {"fps": round(_per_second(views), 3)}
        return [head, *media, _text(ask.text) + b"]}]," + _json(rest)[1:]]

    # --- reading

    def _read(self, body: bytes) -> dict[str, Any] | None:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def _fault(self, status: int, body: bytes, reply: dict[str, Any] | None) -> Fault | None:
        """What is wrong with a reply; None for one that can be an answer."""
        if status == 200 and reply is not None and not reply.get("error"):
            return None
        if status == 200 and reply is None:
            raise JudgeBroken("the reply is no JSON object, or was cut")
        value = self._read(body) if reply is None else reply
        error: Any = None if value is None else value.get("error", value)
        if isinstance(error, str):
            error = {"message": error}
        if not isinstance(error, dict):
            error = {"message": body[:2000].decode("utf-8", "replace")}
        message = error.get("message", error.get("detail", error.get("msg", "")))
        code, param = error.get("code"), error.get("param")
        if status == 200:  # routers answer 200 and put the status of the server behind them into the body
            status = code if isinstance(code, int) and 400 <= code < 600 else 502
        clean = self._line.clean
        names = " ".join(str(item) for item in (code, error.get("type")) if isinstance(item, str))
        code = code if isinstance(code, str) else names
        message = message if isinstance(message, str) else json.dumps(message)
        return Fault(status, clean(message), clean(code), clean(param) if isinstance(param, str) else "")

    def _field_refused(self, fault: Fault, dropped: frozenset[str]) -> str:
        """The field without which the request should be sent again; empty where none helps."""
        if fault.status not in (400, 422):
            return ""
        said = f"{fault.param} {fault.message}".casefold()
        if self._probabilities == "on" and "logprobs" in said:
            raise JudgeRefusal(
                f"{self._line.host} gives no probabilities, and probabilities=on asks for them: "
                f'"{fault.message}"; leave the option out, or set it to off'
            )
        if "temperature" in said:
            raise JudgeRefusal(
                f'{self.facts.model} does not take this temperature: "{fault.message}"; add #temperature=none, or a '
                "value that it takes"
            )
        for field, words in _FIELDS:
            if re.search(words, said):
                return "" if field in dropped else field  # it was not even sent: sending it again cannot help
        return ""

    def _reply(self, ask: Ask, reply: dict[str, Any] | None) -> JudgeReply:
        choices = None if reply is None else reply.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if reply is None or not isinstance(choice, dict) or not isinstance(message, dict):
            raise JudgeBroken("the reply is no chat completion: it holds no message")
        content = message.get("content")
        if isinstance(content, list):  # parts, as Mistral sends them
            texts = [part.get("text") for part in content if isinstance(part, dict)]
            content = "".join(text for text in texts if isinstance(text, str))
        if not isinstance(content, str):
            content = ""
        finish = choice.get("finish_reason")
        finish = finish if isinstance(finish, str) else ""
        refusal = message.get("refusal")
        refusal = refusal if isinstance(refusal, str) else ""
        refused = bool(refusal) or finish == "content_filter"
        logprobs = choice.get("logprobs")
        if self._probabilities == "on" and not isinstance(logprobs, dict) and not refused:
            raise JudgeRefusal(
                f"{self._line.host} gives no probabilities, and probabilities=on asks for them; leave the option out, "
                "or set it to off"
            )
        p_yes = None
        if self._probabilities != "off" and isinstance(logprobs, dict) and not refused:
            p_yes = p_first(content, logprobs.get("content"), ask.menu)
        model, usage = reply.get("model"), reply.get("usage")
        safe = self._line.safe
        return JudgeReply(
            raw=safe(content or refusal),
            p_yes=p_yes,
            model=safe(model) if isinstance(model, str) else "",
            finish=safe(finish),
            tokens_in=_count(usage, "prompt_tokens"),
            tokens_out=_count(usage, "completion_tokens"),
            refused=refused,
        )


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _filtered(fault: Fault) -> bool:
    return fault.status in (400, 403, 422) and any(code in fault.code.casefold() for code in _REFUSED_CODES)
