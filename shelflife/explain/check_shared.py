"""Check, two mounts of one storage: what one machine knows there of what another one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.explain.findings import Finding, error, ok, warning
from shelflife.files.shared_trial import try_shared

if TYPE_CHECKING:
    from pathlib import Path


def check_shared(base_path: Path, other: Path) -> list[Finding]:
    """Try what safety rests on between the base path and another mount of the same directory.

    Makes a directory of its own there, which is gone afterwards. A fault is a finding.
    """
    found: list[Finding] = []
    try:
        for tried in try_shared(base_path, other):
            level = ok if tried.as_local else warning
            found.append(level(tried.what, tried.found))
    except StorageError as wrong:
        found.append(error("mounts", str(wrong)))
    except OSError as failed:
        found.append(error("mounts", f"{failed.filename or base_path}: {failed.strerror}"))
    return found
