"""The service as a process of its own, to talk to by real HTTP, to stop and to kill."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
TOKEN: Final = "a token for tests only"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Service:
    """The service, on a free port of the loopback."""

    process: subprocess.Popen[str]
    port: int
    base: Path
    _said: list[str]
    _reader: threading.Thread

    def ask(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request, with JSON and the token unless `headers` say otherwise."""
        usual = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, usual if headers is None else headers)
            response = connection.getresponse()
            text = response.read().decode()
            names = {name.lower(): value for name, value in response.getheaders()}
            is_json = "json" in names.get("content-type", "") and text
            return Answer(response.status, names, json.loads(text) if is_json else text)
        finally:
            connection.close()

    def stop(self) -> tuple[float, str]:
        """Ask it to end; return the seconds that took, and what it wrote."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        took = time.monotonic() - began
        self._close()
        return took, "".join(self._said)

    def kill(self) -> None:
        """End it, if it still runs, without a chance to do anything."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self._close()

    def _close(self) -> None:
        self._reader.join(30)
        assert self.process.stderr is not None
        self.process.stderr.close()


def start(base: Path, port: int = 0) -> Service:
    """Start the service for the storage at `base`, which has no schedule; return it when it listens."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STORAGE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "api.main", "--port", str(port)],
        cwd=base.parent,
        env=inherited
        | {
            "PYTHONPATH": str(CHECKOUT),
            "STORAGE_BASE_PATH": str(base),
            "STORAGE_CLEANUP_ENABLED": "false",
            "STORAGE_API_TOKEN": TOKEN,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said: list[str] = []
    port = _port_of(process.stderr, said)
    # It is read on, or the service would stand still once the pipe is full of its log.
    reader = threading.Thread(target=said.extend, args=(process.stderr,), daemon=True)
    reader.start()
    return Service(process, port, base, said, reader)


def _port_of(stderr: IO[str], said: list[str]) -> int:
    """Read what the server says until it says where it listens; keep it in `said`."""
    for line in stderr:
        said.append(line)
        if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError(f"the service did not start: {''.join(said)}")
