"""A browser held by its DevTools pipe: two descriptors, JSON messages that end with a zero byte; no port, no library.

Rule kept: it opens files of ours only, so it runs without the sandbox that containers do not allow.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.browser import command

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    *("--disable-background-networking", "--remote-debugging-pipe"),
)
START = """import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])"""
"""What becomes the browser: it reads commands from descriptor 3 and writes answers to 4."""
PATIENCE = 20
"""Seconds an answer may take."""


class Tab:
    """One page of a running browser."""

    def __init__(self, to: int, come: int) -> None:
        self._to, self._come, self._number, self._rest, self._session = to, come, 0, b"", ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result; AssertionError with what the browser said when it refuses."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps(asked | session).encode() + b"\0")
        while (told := self._next()).get("id") != self._number:
            pass
        assert "error" not in told, told["error"]
        return dict(told["result"])

    def open(self, file: Path, width: int, height: int) -> None:
        """Show a file in a window of so many pixels, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=file.as_uri())
        loaded = "new Promise(done => document.readyState === 'complete' ? done(1) : addEventListener('load', done))"
        self.ask(f"{loaded}.then(() => document.fonts.ready).then(() => 1)")

    def ask(self, script: str) -> Any:
        """The JSON value of an expression, evaluated in the page."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def picture(self) -> bytes:
        """A PNG of the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def printed(self) -> bytes:
        """A PDF, with the paper the page asks for."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._come], [], [], PATIENCE)
            assert ready, f"the browser said nothing for {PATIENCE} s"
            more = os.read(self._come, 1 << 20)
            assert more, "the browser ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """A browser with a fresh profile in a folder; it ends with the block. Raises NoBrowser."""
    path, environment = command()
    theirs, ours = os.pipe()
    come, answers = os.pipe()
    words = [sys.executable, "-c", START, str(theirs), str(answers), path, *FLAGS, f"--user-data-dir={profile}"]
    with (profile.parent / "browser.log").open("wb") as log:
        process = subprocess.Popen(words, env=environment, pass_fds=(theirs, answers), stdout=log, stderr=log)
    os.close(theirs)
    os.close(answers)
    try:
        yield Tab(ours, come)
    finally:
        os.close(ours)
        process.terminate()
        process.wait(PATIENCE)
        os.close(come)
