"""The machine, in a line: what figures are worth nothing without."""

from __future__ import annotations

import os
import platform
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from shelflife.files.mounts import file_system_of
from shelflife.files.primitives import chosen


def describe(place: Path | None) -> str:
    """Return what is measured on: day, processor, memory, kernel, file system, versions."""
    fd = os.open(place or tempfile.gettempdir(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        system = file_system_of(fd)
    finally:
        os.close(fd)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Linux {platform.release().partition('-')[0]}, {system}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, primitives {'compiled' if chosen().is_compiled else 'in Python'}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
