"""The index (`shelflife.records.index`) in SQLite; one that is damaged or of another version is replaced.

Paths are stored as bytes with a slash after each directory, the area's own directory being empty. In this
form the order of bytes is a preorder of the tree, and the rows below a directory are one range.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Final

from shelflife.files.listing import FOREVER
from shelflife.files.survey import Key
from shelflife.records.index import Page, Row, RowState
from shelflife.records.sqlite.database import connect, insert_rows, is_full, transaction
from shelflife.records.sqlite.index_reader import LAST, NUMBER, PAGE, STATES, IndexReader, following

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shelflife.files.survey import ClassSurvey, Survey
    from shelflife.records.index import Trust

KEPT_BACK: Final = 2000
"""Writes that are kept back until one transaction takes them."""

_COLUMNS: Final = 19

_PUT: Final = "INSERT OR REPLACE INTO directory"

_PUT_PART: Final = "INSERT OR REPLACE INTO part"

_ROW: Final = "SELECT path, key, listed, state, rules FROM directory WHERE root = ?"

_PAGE_END: Final = "SELECT path FROM directory WHERE root = ? AND path > ? ORDER BY path LIMIT 1 OFFSET ?"

_TRUSTED: Final = """
state = :ok AND rules = :rules AND listed <= :completed AND listed <= :now
AND :now - listed <= :rescan_after * (0.5 + scatter / 2048.0)
"""
"""Spread over the second half of the time, so that what was first scanned in one night is not scanned again in
one night."""

_OWN_PAGE: Final = (
    f"SELECT path, key, CAST({_TRUSTED} AS BLOB) FROM directory WHERE root = :root AND path = x''"
)

_PAGE: Final = f"""
SELECT CAST(group_concat(path, x'00') AS BLOB), CAST(group_concat(key, '') AS BLOB),
       CAST(group_concat({_TRUSTED}, '') AS BLOB)
FROM directory WHERE root = :root AND path > :start AND path <= :end
"""

_MARK: Final = (
    f"INSERT INTO directory VALUES ({', '.join('?' * _COLUMNS)}) "
    "ON CONFLICT (root, path) DO UPDATE SET state = excluded.state, listed = excluded.listed"
)

_DROP: Final = "DELETE FROM {} WHERE root = ? AND path >= ? AND path < ?"

_FORGET: Final = "DELETE FROM {} WHERE root = ? AND path = ?"

_UNREACHABLE: Final = """
UPDATE directory SET state = ? WHERE root = ? AND path >= ? AND path < ?
"""

_SUM_UP: Final = "UPDATE root SET summed = 1, special = ?, directories = ? WHERE id = ?"

_UNSUM: Final = "UPDATE root SET summed = 0 WHERE id = ? AND summed"


class SqliteIndex(IndexReader):
    """An `Index`. Writes are kept back until `flush`; `close` drops what was not flushed.

    When the disk is full the index goes on in memory: what it learns then is forgotten when it is closed, and
    learned again by the next refresh.
    """

    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        """Take over a connection whose schema is there; `directory` is where the index is kept."""
        super().__init__(connection)
        self._directory = directory
        self._rows: dict[tuple[int, bytes], tuple[object, ...]] = {}
        self._parts: dict[tuple[int, bytes], list[tuple[object, ...]]] = {}
        self._forgotten: list[tuple[int, bytes]] = []

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def root(self, directory: str) -> int:
        """Return the number of an area's directory (relative to the base path), recorded if need be."""
        number = self.find(directory)
        if number is None:
            name = (os.fsencode(directory),)
            insert = "INSERT INTO root (directory) VALUES (?)"
            self._change(lambda connection: connection.execute(insert, name))
            (number,) = self._connection.execute(NUMBER, name).fetchone()
        self._roots[directory] = int(number)
        return int(number)

    def rows(self, root: int) -> Iterator[Row]:
        """Yield the rows below a root in preorder, the root's own first.

        Rows may be written and dropped meanwhile; what is written behind the current one is not yielded.
        """
        start = b""
        while page := self._connection.execute(
            f"{_ROW} AND path >= ? ORDER BY path LIMIT ?", (root, start, PAGE)
        ).fetchall():
            yield from map(_row, page)
            start = following(page[-1][0])
            self.flush()

    def pages(self, root: int, trust: Trust) -> Iterator[Page]:
        """Yield the rows below a root in preorder, page by page, the root's own alone first.

        As for `rows`.
        """
        values: dict[str, object] = {"root": root, **STATES, **trust._asdict()}
        own = self._connection.execute(_OWN_PAGE, values).fetchone()
        if own is not None:
            yield Page(*own)
        start, last = b"", LAST
        while start < last:
            found = self._connection.execute(_PAGE_END, (root, start, PAGE - 1)).fetchone()
            end = last if found is None else found[0]
            page = self._connection.execute(_PAGE, values | {"start": start, "end": end}).fetchone()
            if page[0] is not None:
                yield Page(*page)
            start = end
            self.flush()

    def row(self, root: int, path: str) -> Row | None:
        """Return the row of one directory."""
        found = self._connection.execute(f"{_ROW} AND path = ?", (root, os.fsencode(path))).fetchone()
        return _row(found) if found else None

    def put(
        self, root: int, path: str, survey: Survey, *, listed: int, rules: int, state: RowState | None = None
    ) -> None:
        """Record a survey; its own state unless `state` says otherwise."""
        if state is None:
            state = RowState.OK if survey.settled else RowState.UNSETTLED
        name = os.fsencode(path)
        self._rows[root, name] = (
            *(root, name, survey.key.pack(), survey.key.mtime),
            survey.key.inode & 1023,  # neighbours are numbered in a row: each has its own
            *(listed, int(state), rules),
            *(survey.entries, survey.staying, survey.special),
            *_columns(survey),
        )
        self._parts[root, name] = [
            (root, name, number, *_columns(part)) for number, part in survey.others.items()
        ]
        if len(self._rows) >= KEPT_BACK:
            self.flush()

    def mark(self, root: int, path: str, state: RowState, *, listed: int) -> None:
        """Record that a directory, and so all below it, could not be read; what was known is kept."""
        self.flush()
        start, end = _range(path)
        name = os.fsencode(path)
        counts = (*[0] * 6, FOREVER, FOREVER, 0, -FOREVER, b"")
        row = (root, name, Key(0, 0, 0).pack(), 0, 0, listed, int(state), 0, *counts)

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_UNSUM, (root,))
            connection.execute(_UNREACHABLE, (int(RowState.UNREADABLE), root, start, end))
            connection.execute(_MARK, row)

        self._change(change)

    def forget(self, root: int, path: str) -> None:
        """Forget one directory that was removed, empty."""
        self._forgotten.append((root, os.fsencode(path)))

    def drop(self, root: int, *paths: str) -> None:
        """Forget directories and all below them."""
        self.flush()
        ranges = [(root, *_range(path)) for path in paths]

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_UNSUM, (root,))
            for table in ("directory", "part"):
                connection.executemany(_DROP.format(table), ranges)

        self._change(change)

    def flush(self) -> None:
        """Write what was kept back."""
        if not self._rows and not self._forgotten:
            return
        changed = {(root,) for root, _ in (*self._rows, *self._forgotten)}

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(_UNSUM, changed)
            if self._has_parts(connection):  # those of an earlier listing: today's may lack a class
                connection.executemany(_FORGET.format("part"), self._rows.keys())
            insert_rows(connection, _PUT, list(self._rows.values()))
            insert_rows(connection, _PUT_PART, [part for parts in self._parts.values() for part in parts])
            for table in ("directory", "part"):
                connection.executemany(_FORGET.format(table), self._forgotten)

        self._change(change)
        self._rows.clear()
        self._parts.clear()
        self._forgotten.clear()

    @staticmethod
    def _has_parts(connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT 1 FROM part LIMIT 1").fetchone() is not None

    def complete(self, root: int, *, as_of: int | None) -> None:
        """Sum up a root; with `as_of` (ns) because a refresh of it is completed."""
        self.flush()
        (summed,) = self._connection.execute("SELECT summed FROM root WHERE id = ?", (root,)).fetchone()
        if summed and as_of is None:
            return
        found = None if summed else self.sums(root)

        def change(connection: sqlite3.Connection) -> None:
            if found is not None:
                connection.execute(_SUM_UP, (found.special, found.directories, root))
                connection.execute("DELETE FROM total WHERE root = ?", (root,))
                totals = [(root, number, *sums) for number, sums in found.classes.items()]
                insert_rows(connection, "INSERT INTO total", totals)
            if as_of is not None:
                connection.execute("UPDATE root SET as_of = ? WHERE id = ?", (as_of, root))

        self._change(change)

    def _change(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """Make a change as one transaction, in memory where the disk has no room for it."""
        try:
            with transaction(self._connection):
                change(self._connection)
        except sqlite3.Error as error:
            if not is_full(error, self._directory):
                raise
            self._go_on_in_memory()
            with transaction(self._connection):
                change(self._connection)

    def _go_on_in_memory(self) -> None:
        memory = connect(":memory:")
        self._connection.backup(memory)
        self._connection.close()
        self._connection = memory


def _columns(part: ClassSurvey) -> tuple[object, ...]:
    """Return what `directory` and `part` have alike."""
    return (
        *(part.files, part.bytes, part.allocated),
        *(part.first_due, part.oldest, part.oldest_inode, part.newest, part.histogram()),
    )


def _row(columns: tuple[bytes, bytes, int, int, int]) -> Row:
    path, key, listed, state, rules = columns
    return Row(os.fsdecode(path), Key.unpack(key), listed, state, rules)


def _range(path: str) -> tuple[bytes, bytes]:
    """Return the range of names (from, below) that a directory and all below it have."""
    start = os.fsencode(path)
    if not start:
        return b"", LAST
    return start, start[:-1] + b"0"  # 0 follows / in ASCII
