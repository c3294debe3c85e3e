"""What the judges' servers on loopback share: a thread of this process, what came, and lines that break."""

from __future__ import annotations

import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

YES = '{"answer": "yes"}'
HOLD_S = 8.0
"""How long a line is held at most: a client that waits for its end shall fail, not hang."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Any
    method: str = "POST"


def pieces(content: str) -> list[tuple[str, str]]:
    """A reply cut into tokens as byte-pair vocabularies cut JSON, each with its opposite, or nothing."""
    opposite = {"yes": "no", "no": "yes"}
    found = re.findall(r'\{"|":|\s?"|"\}|\s?\w+|.|\n', content)
    return [(piece, opposite.get(piece.strip().casefold(), "")) for piece in found]


class Handler(BaseHTTPRequestHandler):
    """Reads a request, and does to its line what a fault asks for."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def hang(self) -> None:
        """Answer nothing."""
        self.server.owner.released.wait(HOLD_S)
        self.close_connection = True

    def lose(self) -> None:
        """Reset the connection when it is closed: with this option set it is not ended."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def reset(self) -> None:
        self.lose()
        self.connection.close()

    def trickle(self, chunk: bytes, pause_s: float) -> None:
        """A body in chunks, after the headers, which does not end."""
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        until_s = time.monotonic() + HOLD_S
        while time.monotonic() < until_s and not self.server.owner.released.wait(pause_s):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: Any

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client that goes away is part of the tests
            super().handle_error(request, client_address)


class Loopback:
    """A server in a thread of this process, while its block lasts.

    Args:
        handler: what answers; it finds this object as ``self.server.owner``.
        turns: what the server does to the first requests, in order.
        prefix: what an address of the service ends in.
    """

    def __init__(self, handler: type[Handler], turns: Iterable[Any], prefix: str = "") -> None:
        self.asked: list[Asked] = []
        self.mistakes: list[str] = []
        self.released = threading.Event()
        self._turns = list(turns)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{prefix}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
