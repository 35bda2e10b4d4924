"""A headless Chromium that opens a page, clicks, reads and takes pictures (DevTools protocol)."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.sync.client import connect

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--no-first-run", "--remote-debugging-port=0"),
)


class Browser:
    """One tab.

    Args:
        program: path of Chromium.
        profile: an empty folder.
        width: of the window, pixels.
        height: of the window, pixels.
    """

    def __init__(self, program: str, profile: Path, width: int = 1000, height: int = 1200) -> None:
        size = f"--window-size={width},{height}"
        command = [program, *FLAGS, size, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        port = self._port(profile / "DevToolsActivePort")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tabs = json.load(answer)
        tab = next(tab for tab in tabs if tab["type"] == "page")
        self._open = ExitStack()
        address = tab["webSocketDebuggerUrl"]
        self.connection = self._open.enter_context(connect(address, max_size=None))
        self._number = 0
        self("Emulation.setDeviceMetricsOverride", width=width, height=height,
             deviceScaleFactor=1, mobile=width < 600)  # fmt: skip

    def _port(self, file: Path) -> str:
        for _ in range(600):
            if file.is_file() and (lines := file.read_text().splitlines()):
                return lines[0]
            time.sleep(0.1)
        raise TimeoutError("Chromium does not start")

    def __call__(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol."""
        self._number += 1
        self.connection.send(
            json.dumps({"id": self._number, "method": method, "params": parameters})
        )
        while True:
            message = json.loads(self.connection.recv(timeout=60))
            if message.get("id") == self._number:
                return message["result"]

    def open(self, address: str) -> None:
        """Go to an address."""
        self("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression gives."""
        return self("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get(
            "value"
        )

    def wait_for(self, expression: str, seconds: float = 90) -> Any:
        """Wait until a JavaScript expression is true, and return what it gives."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.value(expression):
                return found
            time.sleep(0.1)
        raise TimeoutError(f"{expression}: not within {seconds} s; page: {self.text()[:500]}")

    def text(self) -> str:
        """Return what can be read on the page."""
        return str(self.value("document.body.innerText"))

    def press(self, key: str) -> None:
        """Press and release a key."""
        code = {"Tab": 9, "Enter": 13}[key]
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                 windowsVirtualKeyCode=code, **text)  # fmt: skip

    def picture(self, file: Path) -> None:
        """Write a picture of the window."""
        file.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
        self.process.terminate()
        self.process.wait(20)
