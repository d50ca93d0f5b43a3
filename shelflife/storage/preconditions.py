"""What a cleanup needs, in one list: `check` tells what is missing of it, and a run refuses by it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shelflife.files.mounts import LOCAL, file_system_of

if TYPE_CHECKING:
    from pathlib import Path


def unfit_for_records(path: Path) -> str | None:
    """Say why index and journal cannot be kept at a path, which need not exist; None when they can."""
    while not path.is_dir():
        path = path.parent
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        kind = file_system_of(fd)
    finally:
        os.close(fd)
    if kind in LOCAL:
        return None
    return f"it is on {kind}, where databases may break; set `state_dir` to a directory of a local disk"
