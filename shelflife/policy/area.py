"""An area: a managed directory with a retention of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.policy.protection import Protection
from shelflife.settings import AgeFrom, Expire, InUse

if TYPE_CHECKING:
    from shelflife.settings import Settings

KEEP_FILE: Final = ".gitkeep"
"""Keeps an empty directory in a git checkout: never removed, never counted, at any depth."""

TRASH_DIRECTORY: Final = ".trash"
"""Directory right below an area where removed files wait; never scanned as part of the area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What is managed, and by which rules."""

    name: str
    """The key that names the area in settings, CLI and API."""

    directories: tuple[str, ...]
    """Its directories, relative to the base path: the area's own first, then its aliases."""

    retention: int | None
    """Nanoseconds after which a file is expired; None keeps files indefinitely."""

    expire: Expire
    """Whether each file goes by itself, or each directory right below the area as one unit."""

    age_from: AgeFrom
    """Which of a file's times its age is counted from."""

    protection: Protection
    """The patterns whose files are never removed."""

    trash: int | None = None
    """Nanoseconds that removed files stay restorable; None: they are removed at once."""

    in_use: bool = True
    """Whether files that somebody has open for writing stay."""

    quota: int | None = None
    """Bytes that the area may hold; None: any number."""

    max_files: int | None = None
    """Files that the area may hold; None: any number."""

    min_age: int = 0
    """Nanoseconds: nothing younger goes because of a quota or a full disk."""

    priority: int | None = None
    """Order under pressure, lowest first; None: pressure never touches unexpired files here."""

    @property
    def rules(self) -> int:
        """Fingerprint (63 bits) of what an index row depends on: rows read under other rules are read again."""
        return _fingerprint(self.age_from, *self.protection.patterns)

    def file_time(self, mtime: int, ctime: int) -> int:
        """Return the time (ns) that a file's age is counted from."""
        return max(mtime, ctime) if self.age_from is AgeFrom.CHANGED else mtime


@cache
def _fingerprint(*words: str) -> int:
    return int.from_bytes(sha256("\n".join(words).encode()).digest()[:8], "big") >> 1


def areas_of(settings: Settings) -> dict[str, Area]:
    """Return the areas that `settings` describe, by name, in their order."""
    return {
        name: Area(
            name=name,
            directories=(area.path, *area.aliases),
            retention=None if area.retention < 0 else area.retention * SECOND,
            expire=area.expire,
            age_from=area.age_from,
            protection=Protection(area.protect),
            trash=area.trash * SECOND or None,
            in_use=area.in_use is InUse.CHECK,
            quota=area.quota,
            max_files=area.max_files,
            min_age=area.min_age * SECOND,
            priority=area.priority,
        )
        for name, area in settings.areas.items()
    }
