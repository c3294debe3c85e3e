"""Google's Gemini through its own SDK: the whole file is sent, and the server is told how to sample it.

Conventions
    One request is one question. A clip is uploaded once for all its questions (Files API), or goes inside each request;
    uploads are deleted when the judge is closed, or when too many lie there. Pictures a second and media resolution
    are stated, never left to the server; of a long clip it takes as many pictures as that makes.

    A question is given what its modality names and no more: about the sound, the sound alone; about the picture, a copy
    of the file in which no sound track is left to be found. About files that are not of the MP4 family the server is
    told to take the pictures alone.

Options of the spec (``gemini:MODEL#name=value``)
    ``allow_alias``: ``yes`` to take a model id that Google moves (``-latest``, a preview without a date, a name of the
    2.0 line without its number). ``upload``: ``files`` or ``inline`` (what is too large goes by upload nevertheless).
    ``resolution``: ``auto`` (by the view's short side: low below 360 px, medium below 720, else high), ``low``,
    ``medium``, ``high``. ``thinking``: ``auto``, a number of tokens, or ``minimal``, ``low``, ``medium``, ``high``.
    ``probabilities``: ``auto`` (asked for; a model that refuses is not asked again), ``on`` or ``off``.
    ``temperature``: 0 where probabilities are asked for, else 1. ``seed``; a repeat adds its number. ``max_tokens``:
    thoughts count. ``key``: the name of the environment variable that holds the key, else GEMINI_API_KEY or
    GOOGLE_API_KEY. ``url``: another address of the service. ``deadline_s``. ``usd_in``, ``usd_out``: price of a million
    tokens.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import logging
import math
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from avgen_bench._lazy import lazy
from avgen_bench.errors import InputError, JudgeBroken, JudgeError, JudgeRefusal, MissingInstrument
from avgen_bench.judges._http import _LOGS, Fault, Key, _at_home, _Cut, _words, fault_of, key_of, raise_for
from avgen_bench.judges.openai import p_first
from avgen_bench.judges.specs import nothing_left, take_number, take_word
from avgen_bench.judges.views import refuse_unheard
from avgen_bench.types import Ask, ClipViews, JudgeFacts, JudgeReply, JudgeView

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")
genai: Any = lazy("google.genai")

__all__ = ["Gemini", "moves", "without_sound"]

REVISION = "1"
ADDRESS = "https://generativelanguage.googleapis.com"
_VERSION = "v1beta"
INSTALL = "pip install 'avgen-bench[judge]'"
_KNOWN = (
    *("allow_alias", "upload", "resolution", "thinking", "probabilities", "temperature", "seed", "max_tokens", "key"),
    *("url", "deadline_s", "usd_in", "usd_out"),
)
_KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_DATED = re.compile(r"-(?:\d{3}|\d{8}|\d{2}-(?:\d{2}|\d{4})|\d{4}-\d{2}(?:-\d{2})?)(?=-|$)")
_MOVING = re.compile(r"(?:^|-)(?:latest|preview|exp|experimental)(?:-|$)|^gemini-(?:1\.\d|2\.0)-")
_LEVELS = ("minimal", "low", "medium", "high")
_TOP = 10
_MOST_FPS = 24.0
_MOST_INLINE_BYTES = 14 << 20  # in base64 it stays below the 20 MB that one request may hold
_MOST_REPLY_BYTES = 8 << 20
_MOST_CLIPS = 32
_CONNECT_S = 15.0
_POLL_S = (0.25, 4.0)
_MIME = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm"}
_MIME |= {".3gp": "video/3gpp", ".mkv": "video/x-matroska"}
_BLOCKED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR")
_GOOGLE_LOGS = ("_api_client", "_common", "_transformers", "models", "files", "types")
_FILE_GONE = re.compile(r"\bfile\b", re.IGNORECASE)


def moves(model: str) -> bool:
    """Whether Google may put another model behind an id.

    >>> [moves(f"gemini-{name}") for name in ("flash-latest", "3-pro-preview", "2.5-flash", "2.0-flash-001")]
    [True, True, False, False]
    """
    return "latest" in model or bool(_MOVING.search(model) and not _DATED.search(model))


# --- the file ------------------------------------------------------------------------------------------------------


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """The boxes of an MP4 file between two places: kind, where it begins, where its body begins, where it ends."""
    while start + 8 <= end:
        size, body = int.from_bytes(data[start : start + 4], "big"), start + 8
        if size == 1:
            size, body = int.from_bytes(data[start + 8 : start + 16], "big"), start + 16
        elif size == 0:
            size = end - start
        if size < body - start or start + size > end:
            return
        yield data[start + 4 : start + 8], start, body, start + size
        start += size


def _is_sound(data: bytes, start: int, end: int) -> bool:
    """Whether the track in this stretch is one of sound."""
    for kind, _, body, stop in _boxes(data, start, end):
        if kind == b"mdia" and _is_sound(data, body, stop):
            return True
        if kind == b"hdlr" and data[body + 8 : body + 12] == b"soun":
            return True
    return False


def without_sound(data: bytes) -> bytes | None:
    """A file of the MP4 family with every sound track's header marked as free space; None for other files.

    Nothing moves, so that all offsets still hold; players find no sound track.
    """
    found = bytearray(data)
    seen = False
    for kind, _, body, stop in _boxes(data, 0, len(data)):
        if kind != b"moov":
            continue
        seen = True
        for inner, start, inside, end in _boxes(data, body, stop):
            if inner == b"trak" and _is_sound(data, inside, end):
                found[start + 4 : start + 8] = b"free"
    return bytes(found) if seen else None


# --- the judge -----------------------------------------------------------------------------------------------------


def _key(variable: str) -> Key | None:
    """The key from the environment."""
    if variable:
        return key_of("", variable)
    return next((key_of("", name) for name in _KEYS if os.environ.get(name, "").strip()), None)


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InputError("the judge's option url is no address; expected https://host[:port]") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise InputError("the judge's option url holds a name, password or query; expected https://host[:port]")
    if not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise InputError("the judge's option url is no address; expected https://host[:port]")
    if parts.scheme != "https" and not (parts.scheme == "http" and _at_home(host)):
        raise InputError("the judge's option url is not https, and the key would travel in the open")
    return url.rstrip("/")


def _resolution(asked: str, view: JudgeView) -> str:
    if asked != "auto":
        return asked
    return "low" if view.short_side_px < 360 else "medium" if view.short_side_px < 720 else "high"


def _thinking(options: dict[str, Any]) -> Any:
    asked = str(options.get("thinking", "auto"))
    if asked == "auto" or asked in _LEVELS:
        options.pop("thinking", None)
        return asked
    return take_number(options, "thinking", 0, 1 << 16, None, whole=True)


class _Clip:
    """What of one clip has been made ready to send, and the names of what lies at Google's."""

    def __init__(self, views: ClipViews) -> None:
        self.views = views
        self.lock = threading.Lock()
        self.parts: dict[str, Any] = {}
        self.files: list[str] = []
        self.uses = 0


class Gemini:
    """A Gemini model; the module says how it is spelt out.

    Args:
        facts: who it is.
        key: of the account, or None where the environment holds none.
        address: of the service.
        deadline_s: for each request, and for a clip to be ready after its upload.
        inline: put clips into the requests instead of uploading them.
        probabilities: ``auto``, ``on`` or ``off``.
    """

    def __init__(
        self,
        facts: JudgeFacts,
        key: Key | None,
        address: str = ADDRESS,
        deadline_s: float = 180.0,
        inline: bool = False,
        probabilities: str = "auto",
    ) -> None:
        self.facts = facts
        self._key = key
        self._address = address
        self._host = urlsplit(address).netloc
        self._deadline_s = deadline_s
        self._inline = inline
        self._probabilities = probabilities
        self._lock = threading.Lock()
        self._client: Any = None
        self._clips: OrderedDict[str, _Clip] = OrderedDict()
        self._plain = False  # the model has said that it gives no probabilities
        if key is not None:
            for name in (*_LOGS, *(f"google_genai.{part}" for part in _GOOGLE_LOGS)):
                logging.getLogger(name).addFilter(_Cut(key))

    def __repr__(self) -> str:
        return f"Gemini({self.facts.model!r}, key={self._key!r})"

    @classmethod
    def from_spec(cls, rest: str, view: JudgeView, options: Mapping[str, Any]) -> Gemini:
        """The judge of ``gemini:MODEL``; the module lists the options.

        Raises:
            InputError: the model or an option cannot be used.
            MissingInstrument: Google's SDK is not installed.
        """
        model = rest.strip().removeprefix("models/")
        if not _MODEL.fullmatch(model):
            raise InputError("the judge gemini names no model; expected gemini:MODEL, as in gemini:gemini-2.5-flash")
        left = dict(options)
        alias = take_word(left, "allow_alias", ("yes", "no"), "no") == "yes"
        if moves(model) and not alias:
            raise InputError(
                f"{model} is a name that Google moves from model to model, and its scores would not compare; name a "
                "dated or numbered model, or add #allow_alias=yes"
            )
        if view.fps > _MOST_FPS:
            raise InputError(
                f"gemini takes at most {_MOST_FPS:g} pictures a second, and the view asks for {view.fps:g}"
            )
        probabilities = take_word(left, "probabilities", ("auto", "on", "off"), "auto")
        given = probabilities != "off"
        upload = take_word(left, "upload", ("files", "inline"), "files")
        resolution = take_word(left, "resolution", ("auto", "low", "medium", "high"), "auto")
        parameters = {
            "max_tokens": take_number(left, "max_tokens", 1, 1 << 20, 2048, whole=True),
            "resolution": _resolution(resolution, view),
            "seed": take_number(left, "seed", 0, (1 << 31) - 1, 0, whole=True),
            "temperature": take_number(left, "temperature", 0.0, 2.0, 0.0 if given else 1.0),
            "thinking": _thinking(left),
        }
        key = _key(str(left.pop("key", "")))
        address = _address(str(left.pop("url", ADDRESS)))
        deadline_s = take_number(left, "deadline_s", 0.05, 7200.0, 180.0)
        usd_in, usd_out = (take_number(left, name, 0.0, 1e6, None) for name in ("usd_in", "usd_out"))
        nothing_left(left, _KNOWN)
        _refuse_missing()
        view = dataclasses.replace(view, whole=True)
        facts = JudgeFacts("gemini", model, REVISION, view, given, parameters, usd_in, usd_out, address=address)
        return cls(facts, key, address, deadline_s, upload == "inline", probabilities)

    def ask(self, ask: Ask, views: ClipViews, repeat: int = 0) -> JudgeReply:
        """The reply to one question about one clip, verbatim but for the key.

        Raises:
            JudgeBusy: the server asks to come back later.
            JudgeBroken: the server, or the way to it, broke.
            JudgeRejection: this request is not taken; one about another clip may be.
            JudgeRefusal: trying again cannot help.
            MissingInstrument: Google's SDK cannot be imported.
        """
        refuse_unheard(ask, self.facts.view)
        client = self._open()
        clip = self._clip(views)
        try:
            part = self._part(client, clip, ask.modality)
            for _ in range(2):
                plain = self._plain or self._probabilities == "off"
                config = self._config(ask, repeat, plain)
                contents = self._contents(ask, views, part)
                call = partial(client.models.generate_content, model=self.facts.model, contents=contents, config=config)
                found = self._try(call)
                if not isinstance(found, tuple):
                    return self._reply(ask, found, plain)
                fault, headers = found
                if not plain and fault.status == 400 and re.search(r"log_?probs", fault.message, re.IGNORECASE):
                    if self._probabilities == "on":
                        raise JudgeRefusal(
                            f"{self.facts.model} gives no probabilities, and probabilities=on asks for them: "
                            f'"{fault.message}"; leave the option out, or set it to off'
                        )
                    self._plain = True
                    continue
                self._raise(fault, headers, clip, part)
            raise JudgeRefusal(f"{self._host} does not take the request, whatever is left out of it")
        finally:
            with self._lock:
                clip.uses -= 1

    def close(self) -> None:
        """Delete what was uploaded, and let go of connections."""
        with self._lock:
            client, self._client = self._client, None
            clips, self._clips = list(self._clips.values()), OrderedDict()
        if client is None:
            return
        for clip in clips:
            self._delete(client, clip)
        client[0].close()
        client[1].close()

    # --- the way there

    def _open(self) -> Any:
        """The SDK's client."""
        with self._lock:
            if self._client is None:
                if self._key is None:
                    raise JudgeRefusal(f"{self._host} wants a key and none was given; put it in {' or '.join(_KEYS)}")
                _refuse_missing()
                timeout = httpx2.Timeout(self._deadline_s, connect=min(_CONNECT_S, self._deadline_s))
                http = httpx2.Client(
                    follow_redirects=False,
                    trust_env=not _at_home(urlsplit(self._address).hostname or ""),
                    timeout=timeout,
                    limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256),
                    event_hooks={"response": [_bound(self._deadline_s)]},
                )
                options = genai.types.HttpOptions(
                    base_url=self._address,
                    api_version=_VERSION,
                    timeout=math.ceil(self._deadline_s * 1000),
                    httpx_client=http,
                )
                client = genai.Client(
                    api_key=self._key.header().removeprefix("Bearer "), vertexai=False, http_options=options
                )
                self._client = (client, http)
            return self._client[0]

    def _try(self, call: Callable[[], Any]) -> Any:
        """What the SDK gives, or what went wrong: a :class:`Fault` with the reply's headers.

        Raises:
            JudgeBroken: no whole reply came.
            JudgeRefusal: the server cannot be trusted.
        """
        found = self._caught(call)
        if isinstance(found, JudgeError):
            raise found  # from outside the handler: what the SDK raised holds the request, and that holds the key
        return found

    def _caught(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except genai.errors.APIError as error:
            return self._fault(error)
        except httpx2.HTTPError as error:
            return fault_of(error, self._clean(str(error)), self._host, self._deadline_s)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            return JudgeBroken(f"the reply is not what Google's SDK can read ({type(error).__name__})")

    def _clean(self, text: str) -> str:
        return _words(text if self._key is None else self._key.cut_from(text))

    def _safe(self, text: str) -> str:
        return text if self._key is None else self._key.cut_from(text)

    def _fault(self, error: Any) -> tuple[Fault, dict[str, str]]:
        response = error.response
        headers = {name.lower(): self._safe(value) for name, value in getattr(response, "headers", {}).items()}
        body = error.details if isinstance(error.details, dict) else {}
        inside = body.get("error", body)
        details = inside.get("details") if isinstance(inside, dict) else None
        reasons = [str(error.status or "")]
        for item in details if isinstance(details, list) else ():
            if not isinstance(item, dict):
                continue
            if isinstance(item.get("reason"), str):
                reasons.append(item["reason"])
            delay = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(item.get("retryDelay", "")))
            if delay and "retry-after" not in headers:
                headers["retry-after"] = delay[1]
        status = error.code if isinstance(error.code, int) else 500
        message = error.message if isinstance(error.message, str) else str(error.message or "")
        return Fault(status, self._clean(message), self._clean(" ".join(reasons))), headers

    def _raise(self, fault: Fault, headers: dict[str, str], clip: _Clip | None = None, part: Any = None) -> NoReturn:
        """Raise what a reply that is no answer means; ``part`` is what was sent of the clip."""
        if clip is not None and fault.status in (403, 404) and _FILE_GONE.search(fault.message):
            with clip.lock:  # another question may have found the same, and sent it again already
                clip.parts = {name: kept for name, kept in clip.parts.items() if kept is not part}
            raise JudgeBroken(f"the uploaded clip is gone ({fault.status}); it is sent again")
        if fault.status == 404 and "model" in f"{fault.code} {fault.message}".casefold():
            raise JudgeRefusal(
                f'{self._host} has no model called {self.facts.model!r} (404): "{fault.message}"; check the part after '
                "gemini:"
            )
        elif fault.status == 404:
            raise JudgeRefusal(f'{self._host} has nothing at that address (404): "{fault.message}"')
        elif fault.status == 499:
            fault = dataclasses.replace(fault, status=503)
        raise_for(fault, headers, self._host, self.facts.model, self._key)

    # --- the clip

    def _clip(self, views: ClipViews) -> _Clip:
        """The clip, taken into use; what was uploaded of clips long past is deleted."""
        gone = []
        with self._lock:
            clip = self._clips.get(views.clip_id)
            if clip is None:
                clip = self._clips[views.clip_id] = _Clip(views)
            self._clips.move_to_end(views.clip_id)
            clip.uses += 1
            for name in list(self._clips):
                if len(self._clips) <= _MOST_CLIPS:
                    break
                if self._clips[name].uses == 0:
                    gone.append(self._clips.pop(name))
            client = self._client
        for old in gone:
            self._delete(client, old)
        return clip

    @staticmethod
    def _name(views: ClipViews, modality: str) -> str:
        """Which form of the clip a modality needs: one without sound is the same for pictures as for both."""
        return "both" if modality == "picture" and views.sound is None else modality

    def _part(self, client: Any, clip: _Clip, modality: str) -> Any:
        """The clip as a part of the request; None where a question about the sound finds none."""
        views, name = clip.views, self._name(clip.views, modality)
        if name == "sound" and views.sound is None:
            return None
        with clip.lock:
            if name not in clip.parts:
                clip.parts[name] = self._made(client, clip, name)
            return clip.parts[name]

    def _made(self, client: Any, clip: _Clip, name: str) -> Any:
        views, video = clip.views, None
        if name == "sound":
            data, mime = views.sound or b"", "audio/wav"
        else:
            path = Path(views.path)
            mime = _MIME.get(path.suffix.lower(), "video/mp4")
            try:
                data = path.read_bytes()
            except OSError as error:
                raise JudgeBroken(f"cannot read the clip {path.name!r}: {error.strerror}") from None
            video = dict[str, Any](fps=self.facts.view.fps)
            if name == "picture":
                mute = without_sound(data)
                data = data if mute is None else mute
                if mute is None:
                    video["content_layers"] = ["FRAMES"]
        types = genai.types
        metadata = None if video is None else types.VideoMetadata(**video)
        if self._inline and len(data) <= _MOST_INLINE_BYTES:
            return types.Part(inline_data=types.Blob(data=data, mime_type=mime), video_metadata=metadata)
        uri = self._upload(client, clip, data, mime)
        return types.Part(file_data=types.FileData(file_uri=uri, mime_type=mime), video_metadata=metadata)

    def _upload(self, client: Any, clip: _Clip, data: bytes, mime: str) -> str:
        """The address of the file once the server has made it ready."""
        began_s = time.monotonic()
        # the clip goes to this address, whatever address the server gives for its upload
        options = genai.types.HttpOptions(base_url=self._address, timeout=math.ceil(self._deadline_s * 1000))
        how = genai.types.UploadFileConfig(mime_type=mime, http_options=options)
        file = self._checked(partial(client.files.upload, file=io.BytesIO(data), config=how))
        pause_s = _POLL_S[0]
        while True:
            state = getattr(file.state, "name", "ACTIVE")
            if isinstance(file.name, str) and file.name not in clip.files:
                clip.files.append(file.name)
            if state == "ACTIVE" and isinstance(file.uri, str):
                return str(file.uri)
            if state not in ("PROCESSING", "STATE_UNSPECIFIED") or not isinstance(file.name, str):
                said = self._clean(str(getattr(file.error, "message", "") or state))
                raise JudgeBroken(f"the server could not make the clip ready: {said}")
            if time.monotonic() - began_s + pause_s > self._deadline_s:
                raise JudgeBroken(f"the clip was not ready within the deadline of {self._deadline_s:g} s")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _POLL_S[1])
            file = self._checked(partial(client.files.get, name=file.name))

    def _checked(self, call: Callable[[], Any]) -> Any:
        found = self._try(call)
        if isinstance(found, tuple):
            self._raise(*found)
        return found

    def _delete(self, client: Any, clip: _Clip) -> None:
        """Delete a clip's uploads; what stays is deleted by the server after two days."""
        if client is None:
            return
        for name in clip.files:
            found = self._caught(partial(client[0].files.delete, name=name))
            if isinstance(found, JudgeError | tuple):
                logging.getLogger(__name__).warning("an uploaded clip could not be deleted; it expires in two days")
        clip.files.clear()
        clip.parts.clear()

    # --- the request and the reply

    def _config(self, ask: Ask, repeat: int, plain: bool) -> Any:
        types, parameters = genai.types, self.facts.parameters
        more: dict[str, Any] = {}
        if not plain:
            more["response_logprobs"], more["logprobs"] = True, _TOP
        thinking = parameters["thinking"]
        if thinking in _LEVELS:
            more["thinking_config"] = types.ThinkingConfig(thinking_level=thinking.upper())
        elif thinking != "auto":
            more["thinking_config"] = types.ThinkingConfig(thinking_budget=thinking)
        if ask.modality != "sound":
            more["media_resolution"] = f"MEDIA_RESOLUTION_{parameters['resolution'].upper()}"
        return types.GenerateContentConfig(
            system_instruction=ask.system,
            temperature=parameters["temperature"],
            seed=parameters["seed"] + repeat,
            max_output_tokens=parameters["max_tokens"],
            candidate_count=1,
            response_mime_type="application/json",
            response_schema={
                "type": "OBJECT",
                "properties": {"answer": {"type": "STRING", "enum": list(ask.menu)}},
                "required": ["answer"],
            },
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            **more,
        )

    def _contents(self, ask: Ask, views: ClipViews, part: Any) -> Any:
        types = genai.types
        parts = [types.Part(text=f"The clip lasts {views.duration_s:.2f} s.")]
        if part is not None:
            parts.append(part)
        if ask.modality != "picture" and views.sound is None:
            parts.append(types.Part(text="The clip has no sound."))
        parts.append(types.Part(text=ask.text))
        return [types.Content(role="user", parts=parts)]

    def _reply(self, ask: Ask, response: Any, plain: bool) -> JudgeReply:
        candidate = (response.candidates or [None])[0]
        feedback, usage = response.prompt_feedback, response.usage_metadata
        blocked = getattr(getattr(feedback, "block_reason", None), "name", "")
        if candidate is None and not blocked:
            raise JudgeBroken("the reply holds no candidate")
        finish = blocked or getattr(getattr(candidate, "finish_reason", None), "name", "")
        parts = getattr(getattr(candidate, "content", None), "parts", None) or ()
        raw = "".join(part.text for part in parts if isinstance(part.text, str) and not part.thought)
        refused = bool(blocked) or finish in _BLOCKED
        if not raw and not finish:
            raise JudgeBroken("the reply holds neither a text nor a reason for which it ended")
        if refused and not raw:
            raw = getattr(feedback, "block_reason_message", None) or getattr(candidate, "finish_message", None) or ""
        tokens = _tokens(getattr(candidate, "logprobs_result", None))
        if self._probabilities == "on" and tokens is None and not refused:
            raise JudgeRefusal(
                f"{self.facts.model} gives no probabilities, and probabilities=on asks for them; leave the option out, "
                "or set it to off"
            )
        return JudgeReply(
            raw=self._safe(raw),
            p_yes=None if plain or refused else p_first(raw, tokens, ask.menu),
            model=self._safe(response.model_version or ""),
            finish=self._safe(finish),
            tokens_in=_count(usage, "prompt_token_count"),
            tokens_out=_count(usage, "candidates_token_count") + _count(usage, "thoughts_token_count"),
            refused=refused,
        )


def _refuse_missing() -> None:
    try:
        there = importlib.util.find_spec("google.genai") is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        raise MissingInstrument(f"the judge gemini needs Google's SDK, google-genai, which is not installed: {INSTALL}")


def _bound(deadline_s: float) -> Callable[[Any], None]:
    """A hook that ends replies which drip past the deadline, or are without end."""

    class Bounded(httpx2.SyncByteStream):  # type: ignore[misc, unused-ignore]
        def __init__(self, stream: Any) -> None:
            self._stream = stream
            self._began_s = time.monotonic()

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for part in self._stream:
                size += len(part)
                if size > _MOST_REPLY_BYTES:
                    raise httpx2.RemoteProtocolError(f"the reply is longer than {_MOST_REPLY_BYTES} bytes")
                if time.monotonic() - self._began_s > deadline_s:
                    raise httpx2.ReadTimeout("past the deadline")
                yield part

        def close(self) -> None:
            self._stream.close()

    def hook(response: Any) -> None:
        response.stream = Bounded(response.stream)

    return hook


def _tokens(result: Any) -> list[dict[str, Any]] | None:
    """Google's log-probabilities in the shape of OpenAI's."""
    chosen, top = getattr(result, "chosen_candidates", None), getattr(result, "top_candidates", None)
    if not chosen:
        return None

    def one(item: Any) -> dict[str, Any]:
        return {"token": item.token, "logprob": item.log_probability}

    found = []
    for index, item in enumerate(chosen):
        likely = top[index].candidates if top and index < len(top) else None
        found.append({**one(item), "top_logprobs": [one(other) for other in likely or ()]})
    return found


def _count(usage: Any, name: str) -> int:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
