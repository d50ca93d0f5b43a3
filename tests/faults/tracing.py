"""strace as a saboteur: it counts the system calls of a cleanup, fails the one that is wanted, or kills there."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
CALLS: Final = (
    "unlinkat", "unlink", "rmdir", "renameat2", "renameat", "rename", "mkdirat", "mkdir", "pwrite64", "write",
    "fdatasync", "fsync", "ftruncate", "fallocate", "linkat", "utimensat",
    "openat2", "openat", "newfstatat", "statx", "getdents64",
    "fcntl", "flock", "fchmod", "fchown", "chmod",
)  # fmt: skip
"""What a cleanup asks of the kernel, as far as it can fail or change anything."""

CHANGES: Final = CALLS[: CALLS.index("openat2")]
"""Those that change what is on disk: between two of them the disk is in one state."""

Receives = dict[str, Any] | None
"""What to receive, as `tests.faults.child` has it."""

_LINE: Final = re.compile(r"^(\d+) +(\w+)\(")
_SCOPE: Final = Path("/proc/sys/kernel/yama/ptrace_scope")


class Call(NamedTuple):
    """One system call of a cleanup: the `number`th of that name in one of its threads."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Ended(NamedTuple):
    """How a sabotaged cleanup ended."""

    killed: bool
    report: dict[str, Any]
    """What it told; empty when it was killed."""


@cache
def can_trace() -> bool:
    """Return whether strace is there and may take hold of a process that runs."""
    if shutil.which("strace") is None:
        return False
    if os.geteuid() != 0 and _SCOPE.exists() and _SCOPE.read_text().strip() != "0":
        return False
    tried = subprocess.run(
        ["strace", "-e", "inject=unlink:error=EIO", "true"], capture_output=True, check=False
    )
    return tried.returncode == 0


needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is missing, or may not trace here")


def calls_of(
    settings: dict[str, Any], log: Path, *, restores: int | None = None, receives: Receives = None
) -> list[Call]:
    """Run a cleanup, restore a run, or receive a file, and return its system calls, in order."""
    options = ["-o", str(log), "-e", f"trace={','.join(CALLS)}"]
    ended = _trace(settings, options, restores=restores, receives=receives)
    assert ended.report["state"] == "done"
    counts: Counter[tuple[str, str]] = Counter()
    calls: dict[Call, None] = {}
    for line in log.read_text(errors="replace").splitlines():
        if match := _LINE.match(line):
            counts[match[1], match[2]] += 1
            calls[Call(match[2], counts[match[1], match[2]])] = None
    return list(calls)


def sabotage(
    settings: dict[str, Any],
    call: str,
    effect: str,
    when: str,
    *,
    restores: int | None = None,
    receives: Receives = None,
) -> Ended:
    """Do what is asked – a cleanup, unless it is something else – with an `effect` ("error=EIO") on some calls.

    `when` is "7", "7+" (from there on) or "7..9".
    """
    inject = f"inject={call}:{effect}:when={when}"
    options = ["-o", os.devnull, "-e", f"trace={call}", "-e", inject]
    return _trace(settings, options, restores=restores, receives=receives)


def meddle(settings: dict[str, Any], call: str, number: int, act: Callable[[], None], *more: str) -> Ended:
    """Run a cleanup that stands still right after its `number`th system call of a name, while `act` is done.

    `more` are further options of strace. With an output file (-o) this does not work.
    """
    inject = f"inject={call}:signal=STOP:when={number}"
    names = {call, *(option.split(":")[0].removeprefix("inject=") for option in more if ":" in option)}
    return _trace(settings, ["-e", f"trace={','.join(names)}", "-e", inject, *more], act)


def _trace(
    settings: dict[str, Any],
    options: list[str],
    act: Callable[[], None] | None = None,
    *,
    restores: int | None = None,
    receives: Receives = None,
) -> Ended:
    nursery = _nursery()
    with TemporaryDirectory(prefix="shelflife-test-") as directory:
        report = Path(directory) / "report"
        what = {"restores": restores, "receives": receives}
        pid = nursery.ask({"settings": settings, "report": str(report), **what})
        strace = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), *options], stderr=subprocess.PIPE, text=True
        )
        assert strace.stderr is not None
        first = strace.stderr.readline()
        os.kill(pid, signal.SIGCONT)
        if act is not None:
            _await_stop(strace.stderr)
            act()
            os.kill(pid, signal.SIGCONT)
        status = nursery.answer()
        strace.communicate()
        assert "attached" in first, first
        killed = os.WIFSIGNALED(status)
        return Ended(killed=killed, report={} if killed else json.loads(report.read_text()))


def _await_stop(told: IO[str]) -> None:
    """Read what strace tells until the process was sent a signal to stop, and did."""
    is_sent = False
    for line in told:
        is_sent = is_sent or "--- SIGSTOP {" in line
        if is_sent and "--- stopped by SIGSTOP ---" in line:
            return
    raise AssertionError("it came to its end before it was stopped")


class _Nursery:
    """The process that brings forth cleanups (`tests.faults.child`)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.child"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._close)

    def ask(self, request: dict[str, Any]) -> int:
        """Have a process made, which is stopped; return its number."""
        self._stream(self._process.stdin).write(json.dumps(request) + "\n")
        self._stream(self._process.stdin).flush()
        return self.answer()

    def answer(self) -> int:
        return int(self._stream(self._process.stdout).readline())

    def _close(self) -> None:
        self._process.communicate()

    @staticmethod
    def _stream(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


@cache
def _nursery() -> _Nursery:
    return _Nursery()
