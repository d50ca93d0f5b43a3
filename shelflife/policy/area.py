"""An area: a managed directory with a retention of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shelflife.clock import SECOND
from shelflife.policy.rules import Rules
from shelflife.settings import BASE_PATH, STATE_DIRECTORY, InUse

if TYPE_CHECKING:
    from shelflife.settings import Expire, Settings

TRASH_DIRECTORY: Final = ".trash"
"""Directory right below an area where removed files wait; never scanned as part of the area."""


def place_of(directory: str, path: str) -> str:
    """Return the place of what is at `path` below an area's `directory`, relative to the base path.

    A slash at the end of `path` stays. Of the base path itself, and so of `""` in an area of `path: .`, the place
    is empty.
    """
    return path if directory == BASE_PATH else f"{directory}/{path}"


def path_below(directory: str, place: str) -> str | None:
    """Return the path below an area's `directory` to a `place` relative to the base path; None if not below it.

    The reverse of `place_of`.
    """
    if directory == BASE_PATH:
        return place
    return place[len(directory) + 1 :] if place.startswith(f"{directory}/") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What is managed, and by which rules."""

    name: str
    """The key that names the area in settings, CLI and API."""

    directories: tuple[str, ...]
    """Its directories, relative to the base path: the area's own first, then its aliases."""

    rules: Rules
    """What decides over its files: how long they are kept, and which never go."""

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

    receive_share: int = 100
    """Percent of what can be promised on its disk that it may be promised for what it receives."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What lies right in its directory and is ours: never read, counted or removed as a part of it."""
        return (TRASH_DIRECTORY, STATE_DIRECTORY) if BASE_PATH in self.directories else (TRASH_DIRECTORY,)

    def find(self, place: str) -> tuple[str, str] | None:
        """Return below which of its directories a place (relative to the base path) is, and the path from there.

        None if it is below none of them; a directory of the area is not below itself.
        """
        found = ((directory, path_below(directory, place)) for directory in self.directories)
        return next(((directory, path) for directory, path in found if path is not None), None)

    @property
    def retention(self) -> int | None:
        """Nanoseconds after which a file of its own class is expired; None keeps them indefinitely."""
        return self.rules.own.retention

    @property
    def expire(self) -> Expire:
        """What expires as one thing."""
        return self.rules.expire


def areas_of(settings: Settings) -> dict[str, Area]:
    """Return the areas that `settings` describe, by name, in their order."""
    return {
        name: Area(
            name=name,
            directories=(area.path, *area.aliases),
            rules=Rules(settings=area),
            trash=area.trash * SECOND or None,
            in_use=area.in_use is InUse.CHECK,
            quota=area.quota,
            max_files=area.max_files,
            min_age=area.min_age * SECOND,
            priority=area.priority,
            receive_share=area.receive_share,
        )
        for name, area in settings.areas.items()
    }
