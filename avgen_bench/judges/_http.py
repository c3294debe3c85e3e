"""One HTTP request to a judge's server, its faults told apart, and a key that goes nowhere else.

Threats
    A key must not travel or be written down: it is read from an environment variable, shows itself in no repr, is cut
    out of everything that a server says, redirects are not followed, and an exception keeps no request behind it. A
    server may hang, drip, reset, cut its reply or send one without end: every wait and the size of a reply are bounded.
"""

from __future__ import annotations

import email.utils
import logging
import math
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, urlsplit

from avgen_bench._lazy import lazy
from avgen_bench.errors import InputError, JudgeBroken, JudgeBusy, JudgeError, JudgeRefusal, JudgeRejection

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")

__all__ = ["Fault", "Key", "Line", "address_of", "fault_of", "key_of", "raise_for", "retry_after_s"]

_MOST_REPLY_BYTES = 8 << 20
_CONNECT_S = 15.0
_KEEP_S = 4.0  # uvicorn, which most such servers run on, drops an idle connection after 5 s
_MOST_WORDS = 300
_SHORTEST_SECRET = 8  # "EMPTY" and "none", which local servers are given, are no secrets and may be part of a reply
_CUT = "[key]"
_LOGS = ("httpx2", *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_NO_SUCH_MODEL = (  # its name stands between, and nothing else: "input of model x: no stream found" is about a clip
    r"not a valid model|(?:unknown|invalid) model|"
    r"model:? \S{1,100} (?:does not exist|(?:is |was )?(?:not found|unknown))"
)
_BAD_KEY = r"api key not (?:valid|found)|api_key_invalid|api key expired"  # Google says so with 400
_OF_THE_CLIP = (400, 413, 415, 422)  # what a server says to one request, and may not say to another
_TOO_LARGE = r"context.{0,20}length|too (?:long|large|many)|maximum.{0,20}(?:tokens|images)"


class Key:
    """A secret that prints as its name."""

    __slots__ = ("_value", "variable")

    def __init__(self, value: str, variable: str) -> None:
        self._value = value
        self.variable = variable

    def __repr__(self) -> str:
        return f"<key from {self.variable}>"

    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self._value}"

    def cut_from(self, text: str) -> str:
        """A text without the key, whether as it is or as an address writes it."""
        if len(self._value) < _SHORTEST_SECRET:
            return text
        for form in (self._value, quote(self._value, safe="")):
            text = text.replace(form, _CUT)
        return text

    def cut_from_bytes(self, data: bytes) -> bytes:
        """A body without the key."""
        if len(self._value) < _SHORTEST_SECRET:
            return data
        return data.replace(self._value.encode(), _CUT.encode())


class _Cut(logging.Filter):
    """Cuts a key out of what the HTTP library logs: at its most talkative it shows the headers of replies."""

    def __init__(self, key: Key) -> None:
        super().__init__()
        self._key = key

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes, with its words cut."""
        record.msg, record.args = self._key.cut_from(record.getMessage()), None
        return True


def key_of(host: str, variable: str = "") -> Key | None:
    """The key for a server: from ``variable``, else AVGEN_JUDGE_KEY, else OPENAI_API_KEY if it is OpenAI's own.

    Raises:
        InputError: the variable is not set, or holds what no header can.
    """
    if variable and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", variable):
        raise InputError("the option key takes the name of an environment variable that holds the key, not the key")
    names = [variable] if variable else ["AVGEN_JUDGE_KEY", *(["OPENAI_API_KEY"] if host == "api.openai.com" else [])]
    for name in names:
        value = os.environ.get(name, "").strip()
        if value and not re.fullmatch(r"[!-~]+", value):
            raise InputError(f"the key in {name} holds blanks or characters outside ASCII; expected one word")
        if value:
            return Key(value, name)
    if variable:
        raise InputError(f"the environment variable {variable}, named by the option key, is not set")
    return None


def address_of(url: str) -> str:
    """The address of chat completions on the server that ``url`` names.

    Raises:
        InputError: not http or https, no host, or an address that holds what should not be written down.

    >>> address_of("http://localhost:8000"), address_of("https://host/v1/")
    ('http://localhost:8000/v1/chat/completions', 'https://host/v1/chat/completions')
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.username is not None or parts.password is not None or parts.query:
        raise InputError(
            "the judge's address holds a name, password or query; addresses are written into logs: give "
            "http(s)://host[:port][/path], and the key in the environment variable AVGEN_JUDGE_KEY"
        )
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise InputError("the judge's address is none; expected http://host[:port][/path] or https://...")
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = (path or "/v1") + "/chat/completions"
    where = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{where}{'' if port is None else f':{port}'}{path}"


def _at_home(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or host == "::1" or host.startswith("127.")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a server said was wrong, the key cut out: its words, and the codes that providers put beside them."""

    status: int
    message: str
    code: str = ""
    param: str = ""


def retry_after_s(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """After how many seconds to come back, from Retry-After in seconds or as a date; None if it cannot be told.

    >>> retry_after_s({"retry-after": "1.5"}), retry_after_s({"retry-after": "soon"})
    (1.5, None)
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        try:
            after_s = float(said) * unit_s
        except ValueError:
            continue
        if math.isfinite(after_s):
            return max(0.0, after_s)
    moments: list[float | None] = []
    for name in ("retry-after", "date"):  # the server's own clock, where it shows it: ours may be wrong
        try:
            moments.append(email.utils.parsedate_to_datetime(headers.get(name, "")).timestamp())
        except (ValueError, TypeError, OverflowError):
            moments.append(None)
    due_s, sent_s = moments
    if due_s is None:
        return None
    if sent_s is None:
        sent_s = time.time() if now_s is None else now_s
    return max(0.0, due_s - sent_s)


def raise_for(fault: Fault, headers: Mapping[str, str], host: str, model: str, key: Key | None) -> NoReturn:
    """Raise what a reply that is no answer means.

    Raises:
        JudgeBusy: 429, or 503 with a time to come back.
        JudgeBroken: 408, 409, 425 and all of 5xx.
        JudgeRejection: 400, 413, 415, 422 and whatever is too large, unless the key or the model is named: another clip
            may be taken.
        JudgeRefusal: everything else.
    """
    status, said = fault.status, f': "{fault.message}"' if fault.message else ""
    after_s = retry_after_s(headers)
    told = f"{fault.code} {fault.message}".casefold()
    if status == 429 and ("insufficient_quota" in told or "credit balance" in told):
        raise JudgeRefusal(f"the account at {host} has nothing left to spend (429){said}; see to it, then run again")
    if status == 429 or (status == 503 and after_s is not None):
        raise JudgeBusy(f"the judge's server asks to come back later ({status}){said}", after_s)
    if status in (408, 409, 425) or status >= 500:
        raise JudgeBroken(f"the judge's server failed ({status}){said}")
    if status in (401, 403) or (status == 400 and re.search(_BAD_KEY, told)):
        if key is None:
            hint = "put the key in AVGEN_JUDGE_KEY" + (" or OPENAI_API_KEY" if host == "api.openai.com" else "")
            raise JudgeRefusal(f"{host} wants a key ({status}) and none was given; {hint}")
        raise JudgeRefusal(
            f"{host} does not accept the key in the environment variable {key.variable} ({status}){said}"
        )
    if status == 402:
        raise JudgeRefusal(f"{host} wants to be paid first (402){said}")
    unknown = fault.code == "model_not_found" or re.search(_NO_SUCH_MODEL, told)
    if unknown or (status == 404 and "model" in told):
        raise JudgeRefusal(f"{host} has no model called {model!r} ({status}){said}; check the part after #")
    if status == 404:
        raise JudgeRefusal(f"{host} has no chat completions at that path (404){said}; the address often ends in /v1")
    if status == 413 or re.search(_TOO_LARGE, told):
        raise JudgeRejection(f"{host} takes no request of that size ({status}){said}; give fewer or smaller pictures")
    if 300 <= status < 400:
        raise JudgeRefusal(
            f"{host} points to another address ({status}); a key must not travel, so give that address itself"
        )
    if status < 200:
        raise JudgeBroken(f"the judge's server began no answer ({status})")
    kind = JudgeRejection if status in _OF_THE_CLIP else JudgeRefusal
    raise kind(f"{host} does not take the request ({status}){said}")


def _words(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_MOST_WORDS]


def _late(deadline_s: float) -> JudgeBroken:
    return JudgeBroken(f"no whole reply within the deadline of {deadline_s:g} s")


def fault_of(error: httpx2.HTTPError, words: str, host: str, deadline_s: float) -> JudgeError:
    """What a request that came to no whole reply says of the judge.

    Args:
        error: of the connection.
        words: the error's own, without a key.
        host: who was asked.
        deadline_s: that the request had.

    Returns:
        :class:`JudgeRefusal` where the host cannot be trusted, else :class:`JudgeBroken`, whose ``sent`` is False where
        there was no connection to send anything on.
    """
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        if "CERTIFICATE_VERIFY_FAILED" in words or "WRONG_VERSION_NUMBER" in words:
            return JudgeRefusal(f"{host} cannot be trusted with https: {words}")
        if isinstance(error, httpx2.ConnectTimeout):
            words = f"no connection within {min(_CONNECT_S, deadline_s):g} s"
        said = words or "no connection"
        return JudgeBroken(f"the judge's server at {host} cannot be reached: {said}", sent=False)
    if isinstance(error, httpx2.TimeoutException):
        return _late(deadline_s)
    return JudgeBroken(f"the connection to the judge's server broke: {words or 'the connection was closed'}")


class Line:
    """A way to one server, shared by threads; each request is one attempt.

    Args:
        url: from :func:`address_of`.
        key: sent as a bearer token, or None.
        deadline_s: for each request: no silence, and no reply, may last longer.
    """

    def __init__(self, url: str, key: Key | None, deadline_s: float) -> None:
        self.url = url
        self.host = urlsplit(url).netloc
        self.key = key
        self.deadline_s = deadline_s
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None
        if key is not None:
            for name in _LOGS:
                logging.getLogger(name).addFilter(_Cut(key))

    def __repr__(self) -> str:
        return f"Line({self.url!r}, key={self.key!r}, deadline_s={self.deadline_s:g})"

    def clean(self, text: str) -> str:
        """A server's words for a message: one line, short, the key cut out."""
        return _words(self.safe(text))

    def safe(self, text: str) -> str:
        """A text as it is, but for the key."""
        return text if self.key is None else self.key.cut_from(text)

    def _open(self) -> httpx2.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx2.Client(
                    follow_redirects=False,
                    # a proxy is for the world outside: pictures for this machine's own server do not leave it
                    trust_env=not _at_home(urlsplit(self.url).hostname or ""),
                    limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256, keepalive_expiry=_KEEP_S),
                )
            return self._client

    def post(self, body: Sequence[bytes]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body of the reply to one POST of JSON in pieces; no key in them.

        Raises:
            JudgeBroken: no whole reply came: no connection, a reset, a cut or endless body, or past the deadline.
            JudgeRefusal: the server cannot be spoken to at all.
        """
        found = self._post(body)
        if isinstance(found, JudgeError):
            raise found  # from outside the handler: what httpx raised holds the request, and that holds the key
        return found

    def _post(self, body: Sequence[bytes]) -> tuple[int, dict[str, str], bytes] | JudgeError:
        client = self._open()
        began_s = time.monotonic()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(sum(map(len, body))),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "avgen-bench",
        }
        if self.key is not None:
            headers["Authorization"] = self.key.header()
        timeout = httpx2.Timeout(self.deadline_s, connect=min(_CONNECT_S, self.deadline_s))
        try:
            # pieces, not one string: megabytes of pictures are the same for every question and are not copied
            with client.stream("POST", self.url, content=_pieces(body), headers=headers, timeout=timeout) as response:
                parts, size = [], 0
                for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > _MOST_REPLY_BYTES:
                        return JudgeBroken(f"the reply is longer than {_MOST_REPLY_BYTES} bytes; an answer is not")
                    if time.monotonic() - began_s > self.deadline_s:
                        return _late(self.deadline_s)
                said = {name.lower(): self.safe(value) for name, value in response.headers.items()}
                whole = b"".join(parts)
                return response.status_code, said, whole if self.key is None else self.key.cut_from_bytes(whole)
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.StreamError) as error:
            return JudgeRefusal(f"{self.host} cannot be spoken to: {self.clean(str(error))}")
        except httpx2.HTTPError as error:
            return fault_of(error, self.clean(str(error)), self.host, self.deadline_s)

    def close(self) -> None:
        """Let go of all connections; the next request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def _pieces(body: Sequence[bytes]) -> Iterable[bytes]:
    yield from body
