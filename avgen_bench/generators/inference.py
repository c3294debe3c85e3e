"""A provider makes the clips, through the client of huggingface_hub.

Conventions
    A clip is paid for once its request has been taken. So a request is sent again by itself only where the reply says
    that no work was done (429, 503) or no connection came about; whatever ends in silence after sending is ``unknown``.
    The library may look the model up before it sends. What is given up in that time is told never to be sent.

Threats
    The token comes from huggingface_hub's own store, is written nowhere, and is cut out of what a server says. A server
    may hang, or answer with anything: every wait is bounded, and a reply is a file that has yet to prove to be a clip.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from avgen_bench._lazy import lazy
from avgen_bench.errors import GeneratorError, InputError
from avgen_bench.generators.base import (
    GeneratorFacts,
    Request,
    Result,
    fill_value,
    refuse_settings,
    seed_of,
    with_patience,
)
from avgen_bench.judges._http import Key, retry_after_s

if TYPE_CHECKING:
    import huggingface_hub
else:
    huggingface_hub = lazy("huggingface_hub")

__all__ = ["Inference"]

_NAMED = ("guidance_scale", "negative_prompt", "num_frames", "num_inference_steps", "seed")
_OWN = ("prompt", "inputs", "input", "text", "model", "model_id", "provider")
_ATTEMPTS = 6
_LONGEST_WAIT_S = 120.0
_MOST_BYTES = 1 << 30
_OF_THE_PROMPT = (400, 406, 409, 413, 415, 422, 451)
_MAY_HAVE_WORKED = (408, 499, 502, 504, 520, 521, 522, 523, 524)  # a gateway gave up; who made the clip may not have
_OF_THE_ACCOUNT = r"token|permission|authenti|authoriz|api.?key|gated|billing|credit|quota|subscri|forbidden$"


class Inference:
    """A model of a provider.

    Args:
        model: its id on the Hub, or what the provider calls it.
        provider: as huggingface_hub names it, such as ``fal-ai``; ``auto`` for the first one that has the model.
        settings: parameters of each request; the texts of :func:`fill_value` stand for the request's numbers.
        timeout_s: how long one clip may take.
    """

    def __init__(
        self, model: str, provider: str = "auto", settings: Mapping[str, Any] | None = None, timeout_s: float = 3600.0
    ) -> None:
        self.settings = dict(settings or {})
        self.timeout_s = timeout_s
        self.busy_wait_s = 2.0
        """How long to wait after the first reply that says to come back later; doubled each time."""
        self._provider = provider
        # a provider's own parameters come first in the request, and would take the place of the prompt
        refuse_settings(GeneratorFacts("inference", model, self.settings), (), _OWN)
        self._facts = GeneratorFacts("inference", model, {"provider": provider, **self.settings}, bills=True)
        self._key: Key | None = None

    @property
    def facts(self) -> GeneratorFacts:
        """The model, and the provider with what every request is given."""
        return self._facts

    def check(self, requests: Sequence[Request]) -> None:
        """Refuse what could not be sent.

        Raises:
            InputError: no token is stored, a setting asks for what a prompt does not state, or there is one seed for
                several takes.
        """
        negative = self.settings.get("negative_prompt")
        if isinstance(negative, str):
            self.settings["negative_prompt"] = [negative]
        refuse_settings(self.facts, requests, ())
        token = huggingface_hub.get_token()
        if not token:
            raise InputError(
                "no token is stored, and a provider needs one; log in with: hf auth login (or set HF_TOKEN)"
            )
        self._key = Key(token, "huggingface_hub")

    def make(self, request: Request, stop: threading.Event) -> Result:
        """Send one request, and wait for the clip.

        Raises:
            GeneratorError: the token, the account or the model is not accepted, or there is no connection.
        """
        began_s = time.monotonic()
        wait_s = self.busy_wait_s
        result = Result("unsent")
        for attempt in range(_ATTEMPTS):
            result, after_s = self._attempt(request, stop)
            if result.outcome != "unsent" or attempt + 1 == _ATTEMPTS or stop.is_set():
                break
            stop.wait(min(_LONGEST_WAIT_S, wait_s if after_s is None else after_s))
            wait_s *= 2
        if result.outcome == "unsent" and not stop.is_set():
            raise GeneratorError(f"{result.reason}; {_ATTEMPTS} attempts were made: run the same command later")
        return Result(result.outcome, result.reason, time.monotonic() - began_s)

    def _attempt(self, request: Request, stop: threading.Event) -> tuple[Result, float | None]:
        """What became of one sending, and in how many seconds to come back where the server says so."""
        client = _watched()(provider=self._provider, timeout=self.timeout_s)
        settings = {name: fill_value(value, request) for name, value in self.settings.items()}
        settings["seed"] = seed_of(self.facts, request)
        named = {name: settings.pop(name) for name in _NAMED if name in settings}
        model = self.facts.model
        still = with_patience(
            lambda: client.text_to_video(request.text, model=model, extra_body=settings or None, **named),
            self.timeout_s + 5.0,  # the client's own limit, which says more, comes first
            stop,
        )
        if not still.done:
            why = "this program was stopped" if stop.is_set() else f"nothing came within {self.timeout_s:g} s"
            if not client.give_up():
                return Result("unknown", f"{why} after it was sent"), None
            if stop.is_set():
                return Result("unsent", f"{why} before it was sent"), None
            raise GeneratorError(
                f"{self._provider} was not reached within {self.timeout_s:g} s, and nothing was sent: run the same "
                "command later, or with a longer --timeout"
            )
        if still.error is not None:
            return self._told(still.error, client.stage)
        data = still.value
        if not isinstance(data, bytes) or len(data) > _MOST_BYTES:
            what = f"{len(data)} bytes" if isinstance(data, bytes) else type(data).__name__
            return Result("unknown", f"the reply is {what}; expected a clip of up to {_MOST_BYTES} bytes"), None
        part = request.out.with_name(f"{request.out.name}.part")
        part.write_bytes(data)
        os.replace(part, request.out)  # what is there under this name is a whole reply
        return Result("written"), None

    def _told(self, error: Exception, stage: str) -> tuple[Result, float | None]:
        """What an error means, by how far the request had come."""
        # the library's own words come with hints about tokens whatever the server said
        words = " ".join(str(getattr(error, "server_message", None) or error).split())
        if self._key is not None:
            words = self._key.cut_from(words)
        # by name: huggingface_hub's HTTP library is another one before 2.0
        kinds = {kind.__name__ for seen in (error, error.__cause__) if seen is not None for kind in type(seen).__mro__}
        is_unsent = bool(kinds & {"ConnectError", "ConnectTimeout", "PoolTimeout"})
        if stage == "accepted":
            return Result("unknown", f"the provider took the request, then: {type(error).__name__}: {words}"), None
        if is_unsent:
            return Result("unsent", f"no connection: {words}"), None
        if not stage:
            raise GeneratorError(f"nothing was sent to {self._provider}: {words}") from None
        reply = getattr(error, "response", None)
        if reply is None:
            return Result("unknown", f"no reply to what was sent: {type(error).__name__}: {words}"), None
        status = int(reply.status_code)
        words = f"{status}: {words}"
        if status in (429, 503):
            return Result("unsent", f"the provider asks to come back later ({words})"), retry_after_s(reply.headers)
        if status in (401, 402, 404) or (status == 403 and re.search(_OF_THE_ACCOUNT, words.casefold())):
            raise GeneratorError(
                f"the provider takes no request of this kind ({words}); check token, account and model"
            )
        if status in _OF_THE_PROMPT or status == 403:
            return Result("refused", words), None
        if status in _MAY_HAVE_WORKED:
            return Result("unknown", words), None
        return Result("failed", words), None

    def found(self, request: Request) -> Result | None:
        """A reply that arrived whole before this program was stopped."""
        return Result("written") if request.out.exists() else None

    def close(self) -> None:
        """Nothing to let go of."""


def _watched() -> Any:
    """huggingface_hub's client, with ``stage``: empty, ``sent`` once a request goes out, ``accepted`` after a reply.

    ``give_up`` sees to it that no request goes out any more, and is False where one is out already. Several errors mean
    another thing before and after the request that is billed. A client that sends in another way than we know counts as
    having sent.
    """
    name = "_inner_post"
    known = hasattr(huggingface_hub.InferenceClient, name)

    class Watched(huggingface_hub.InferenceClient):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.stage = "" if known else "sent"
            self._is_given_up = False
            self._turn = threading.Lock()

        def give_up(self) -> bool:
            with self._turn:
                self._is_given_up = not self.stage
                return self._is_given_up

        def _inner_post(self, *args: Any, **options: Any) -> Any:
            with self._turn:
                if self._is_given_up:
                    raise GeneratorError("given up before it was sent")
                self.stage = "sent"
            reply = super()._inner_post(*args, **options)
            self.stage = "accepted"
            return reply

    return Watched
