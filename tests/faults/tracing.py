"""strace as a saboteur: it counts the system calls of a cleanup, fails the one that is wanted, or kills there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.faults.child import MARK

ROOT: Final = Path(__file__).resolve().parents[2]
CALLS: Final = (
    "unlinkat", "unlink", "rmdir", "renameat2", "renameat", "rename", "mkdirat", "mkdir", "openat2", "openat",
    "pwrite64", "write", "fdatasync", "fsync", "ftruncate", "fallocate", "newfstatat", "fstat", "statx",
    "getdents64", "fcntl", "flock", "fchmod", "fchown", "chmod", "close",
)  # fmt: skip
"""What a cleanup asks of the kernel, as far as it can fail or change anything."""

CHANGES: Final = CALLS[:8] + ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "fallocate")
"""Those that change what is on disk: between two of them the disk is one state."""

_LINE: Final = re.compile(r"^\d+ +(\w+)\(")


class Call(NamedTuple):
    """One system call of a run: the `number`th of that name in its process, Python's start included."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


@cache
def can_trace() -> bool:
    """Return whether strace is there and may trace."""
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-e", "inject=unlink:error=EIO", "true"], capture_output=True).returncode
        == 0
    )


needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is missing, or may not trace here")


def calls_of(settings: dict[str, Any], log: Path) -> list[Call]:
    """Run a cleanup and return its system calls, in order, those of Python's start left out."""
    result = _strace(settings, ["-o", str(log), "-e", f"trace={','.join((*CALLS, *_MARKERS))}"])
    assert result.returncode == 0, result.stdout + result.stderr
    counts: Counter[str] = Counter()
    calls: list[Call] = []
    begun = False
    for line in log.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        if match[1] in _MARKERS:
            begun = begun or MARK in line
            continue
        counts[match[1]] += 1
        if begun:
            calls.append(Call(match[1], counts[match[1]]))
    assert begun, "the mark was not seen"
    return calls


_MARKERS: Final = ("access", "faccessat", "faccessat2")


def sabotage(settings: dict[str, Any], call: str, effect: str, when: str) -> subprocess.CompletedProcess[str]:
    """Run a cleanup with an `effect` ("error=EIO", "signal=KILL") on some invocations of a system call.

    `when` is "7", "7+" (from there on) or "7..9".
    """
    return _strace(
        settings, ["-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{effect}:when={when}"]
    )


def report_of(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the report that a cleanup printed: it came to its end."""
    assert result.stdout, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def _strace(settings: dict[str, Any], options: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["strace", "-f", "-qq", *options, sys.executable, "-m", "tests.faults.child",
         json.dumps(settings)],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )  # fmt: skip
