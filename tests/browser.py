"""A headless Chromium that does what a person does: looks, clicks, presses keys. Spoken to over two pipes."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ARGUMENTS = (  # nothing here reaches for the network
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
)
_LAUNCH = "import os,sys; a,b=map(int,sys.argv[1:3]); os.dup2(a,3); os.dup2(b,4); os.execv(sys.argv[3], sys.argv[3:])"
_KEYS = {" ": ("Space", 32), **{key: (f"Key{key.upper()}", ord(key.upper())) for key in "ynur"}}


class Browser:
    """One tab; ``messages`` are what its console and its network said."""

    def __init__(self, profile: Path, width: int = 1200, height: int = 900) -> None:
        """Start it with an empty profile."""
        binary = shutil.which("chromium")
        assert binary is not None
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]  # 3 and 4 stay free for the child
        for end in (to_read, to_write):
            os.close(end)
        self._log = (profile.parent / "chromium.log").open("wb")
        command = [sys.executable, "-c", _LAUNCH, *map(str, ends), binary, *ARGUMENTS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(command, pass_fds=ends, stdout=self._log, stderr=self._log)
        for end in ends:
            os.close(end)
        self._numbers = itertools.count(1)
        self._kept = b""
        self._session: str | None = None
        self.messages: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def __enter__(self) -> Browser:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the process that was started here."""
        self._process.terminate()
        self._process.wait(20)
        os.close(self._read)
        os.close(self._write)
        self._log.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(60.0)
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self, patience_s: float) -> dict[str, Any]:
        due_s = time.monotonic() + patience_s
        while b"\0" not in self._kept:
            ready, _, _ = select.select([self._read], [], [], max(0.0, due_s - time.monotonic()))
            piece = os.read(self._read, 1 << 16) if ready else b""
            assert piece, "the browser says nothing"
            self._kept += piece
        line, _, self._kept = self._kept.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        if found.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.messages.append(json.dumps(found["params"]))
        return found

    def resize(self, width: int, height: int, mobile: bool = False) -> None:
        """The size of the window in CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setTouchEmulationEnabled", enabled=mobile)

    def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        self.call("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def value(self, script: str) -> Any:
        """What a JavaScript expression comes to."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, patience_s: float = 30.0) -> None:
        """Wait until an expression is true."""
        due_s = time.monotonic() + patience_s
        while not self.value(script):
            if time.monotonic() > due_s:
                shown = self.value("document.body ? document.body.innerText : ''")
                told = [message[:300] for message in self.messages]
                raise AssertionError(f"still not so: {script}; the page says: {shown[:2000]}; the console: {told}")
            time.sleep(0.02)

    def press(self, key: str, *, repeat: bool = False) -> None:
        """Press a key and let go of it."""
        code, number = _KEYS[key]
        facts = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=key, autoRepeat=repeat, **facts)
        self.call("Input.dispatchKeyEvent", type="keyUp", **facts)

    def click(self, selector: str) -> None:
        """Click in the middle of an element, once it has stopped moving."""
        found = f"document.querySelector({json.dumps(selector)})"
        middle = f"(b => [b.x + b.width / 2, b.y + b.height / 2])({found}.getBoundingClientRect())"
        due_s = time.monotonic() + 30.0
        before, now = None, [0.0, 0.0]
        while before != now:
            assert time.monotonic() < due_s, f"never still: {selector}"
            self.value(f"{found}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
            before = self.value(middle)
            time.sleep(0.1)
            now = self.value(middle)
        x, y = now
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def upload(self, selector: str, path: Path) -> None:
        """Choose a file for a file input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def picture(self, path: Path) -> None:
        """A screenshot of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
