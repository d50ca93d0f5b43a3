"""Walking a tree below an anchor, file by file: for units, previews, the trash and explanations."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from shelflife.files.listing import Entry, EntryKind, read_directory
from shelflife.policy.area import TRASH_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.anchor import Anchor
    from shelflife.settings import AgeFrom


def walk(
    anchor: Anchor, path: str, *, deep: bool = True, age: AgeFrom | None = None
) -> Iterator[tuple[str, int, list[Entry]]]:
    """Yield (directory, its descriptor, entries) for the directory at `path`, in chunks, parents first.

    Entries have their times for an `age`.
    The first chunk of each directory is empty, so that an empty directory is seen, too. With `deep` all
    directories below it follow. The descriptor is valid until the next one is asked for.
    Raises OSError at the first directory that cannot be read: a tree that was not read to its end is never
    taken for a smaller one.
    """
    waiting = [path]
    while waiting:
        directory = waiting.pop()
        with anchor.directory(directory) as fd:
            for chunk in chain([[]], read_directory(fd, age)):
                entries = [entry for entry in chunk if directory or entry.name != TRASH_DIRECTORY]
                yield directory, fd, entries
                if deep:
                    waiting.extend(
                        f"{directory}{entry.name}/" for entry in entries if entry.kind is EntryKind.DIRECTORY
                    )
