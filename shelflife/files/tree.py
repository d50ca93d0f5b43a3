"""Walking a tree below an anchor, file by file: for units, previews and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelflife.files.listing import Entry, Kind, read_directory
from shelflife.files.survey import managed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shelflife.files.anchor import Anchor


def walk(anchor: Anchor, path: str) -> Iterator[tuple[str, list[Entry]]]:
    """Yield (directory, entries) for the directory at `path` and all below it, parents first, in chunks.

    Raises OSError at the first directory that cannot be read: a tree that was not read to its end is never
    taken for a smaller one.
    """
    waiting = [path]
    while waiting:
        directory = waiting.pop()
        with anchor.directory(directory) as fd:
            for chunk in read_directory(fd):
                entries = list(managed(chunk, directory))
                yield directory, entries
                waiting.extend(
                    f"{directory}{entry.name}/" for entry in entries if entry.kind is Kind.DIRECTORY
                )


def listed(anchor: Anchor, path: str) -> Iterator[Entry]:
    """Yield the entries of one directory. Raises OSError."""
    with anchor.directory(path) as fd:
        for chunk in read_directory(fd):
            yield from managed(chunk, path)
