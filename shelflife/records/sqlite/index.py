"""The index: what is on disk, one row for each directory.

A media service keeps millions of files in thousands of directories. Walking them all costs the same whether
anything is due or not; a row that is still true costs one stat. A row decides nothing about a file: it only
proposes where to look. The index is a cache – delete it, and the next run builds it again; one that is
damaged or of another version is replaced.

Paths are stored as bytes with a slash after each directory, the area's own directory being empty. In this
form the order of bytes is a preorder of the tree, and the rows below a directory are one range.
"""

from __future__ import annotations

import os
import sqlite3
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.files.hours import sum_of_packed
from shelflife.files.known import Known
from shelflife.files.listing import FOREVER
from shelflife.files.survey import Key
from shelflife.records.sqlite.database import connect, insert_rows, is_full, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from shelflife.files.survey import Survey
    from shelflife.policy.load import Load

PAGE: Final = 1000
"""Rows that are read at once."""

KEPT_BACK: Final = 2000
"""Writes that are kept back until one transaction takes them."""

_COLUMNS: Final = 20

_PUT: Final = "INSERT OR REPLACE INTO directory"

_ROW: Final = "SELECT path, key, listed, state, rules FROM directory WHERE root = ?"

_PAGE_END: Final = "SELECT path FROM directory WHERE root = ? AND path > ? ORDER BY path LIMIT 1 OFFSET ?"

_TRUSTED: Final = """
state = 0 AND rules = :rules AND listed <= :completed AND listed <= :now
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

_DUE: Final = """
SELECT path FROM directory
WHERE root = ? AND first_due < ? AND path >= ? AND state <= 1
ORDER BY path LIMIT ?
"""

_PLAIN: Final = """
SELECT path, key, files, bytes, allocated, oldest, newest, hours FROM directory
WHERE root = ? AND path >= ? AND path <= ? AND first_due < ? AND newest >= ?
AND state = 0 AND rules = ? AND entries = files
"""

_UNITS: Final = """
SELECT substr(path, 1, instr(path, x'2F')) AS unit, max(newest) AS newest, max(mtime) AS changed,
       sum(files) AS files, sum(bytes) AS bytes, sum(allocated) AS allocated,
       sum(protected_files) AS protected_files, sum(protected_bytes) AS protected_bytes,
       sum(staying) AS staying, max(state) AS state
FROM directory WHERE root = ? AND path > x'' GROUP BY unit ORDER BY unit
"""

_BETWEEN: Final = """
SELECT path FROM directory WHERE root = ? AND first_due < ? AND newest >= ? AND state <= 2 ORDER BY path
"""

_HOURS: Final = "SELECT hours FROM directory WHERE root = ? AND state <= 2 AND files > 0"

_OWN_HOURS: Final = "SELECT hours FROM directory WHERE root = ? AND path = x''"

_MARK: Final = (
    f"INSERT INTO directory VALUES ({', '.join('?' * _COLUMNS)}) "
    "ON CONFLICT (root, path) DO UPDATE SET state = excluded.state, listed = excluded.listed"
)

_DROP: Final = "DELETE FROM directory WHERE root = ? AND path >= ? AND path < ?"

_FORGET: Final = "DELETE FROM directory WHERE root = ? AND path = ?"

_UNREACHABLE: Final = """
UPDATE directory SET state = ? WHERE root = ? AND path >= ? AND path < ?
"""


class RowState(IntEnum):
    """What a row is worth. The numbers are stored; up to DIRTY the directory could be read."""

    OK = 0
    """True while the directory's key is as recorded."""
    UNSETTLED = 1
    """True when it was read, but an unchanged key proves nothing yet."""
    DIRTY = 2
    """Removed from by ourselves: the counts are right, `oldest` and `first_due` at least to the hour, the key is
    void until the next listing."""
    UNREADABLE = 3
    """It, an entry of it or a directory above could not be read; the counts are the last known ones."""
    MOUNT = 4
    """Something is mounted there: never entered."""


class Row(NamedTuple):
    """What is needed to recognise an unchanged directory."""

    path: str
    key: Key
    """The directory's key when it was listed."""
    listed: int
    state: int
    rules: int


class Trust(NamedTuple):
    """When a row may stand for its directory, as long as the key is the recorded one. Times in ns."""

    rules: int
    """Fingerprint of today's rules."""
    completed: int
    """When the last refresh that came to its end was made: rows of a later one count for nothing."""
    now: int
    rescan_after: int
    """Age at which a row is read again."""


class Page(NamedTuple):
    """Rows that follow each other, packed: they are recognised a thousand at a time."""

    paths: bytes
    """Joined by NUL, in preorder."""
    keys: bytes
    """A packed `Key` each."""
    trusted: bytes
    """For each `1` where the row may be trusted while its key is the recorded one, else `0`."""


class UnitRow(NamedTuple):
    """A directory right below the area, with everything below it."""

    path: str
    newest: int
    changed: int
    files: int
    bytes: int
    allocated: int
    protected_files: int
    protected_bytes: int
    staying: int
    state: int


class RootTotals(NamedTuple):
    """One of an area's directories in numbers: the columns of `root`. Sizes in bytes, times in ns."""

    as_of: int = 0
    """When the last refresh was completed; 0 before the first."""
    files: int = 0
    """Files that a cleanup may remove; the last known ones where a directory cannot be read."""
    bytes: int = 0
    allocated: int = 0
    protected_files: int = 0
    protected_bytes: int = 0
    special: int = 0
    """FIFOs, sockets and devices, which never go."""
    directories: int = 0
    """Directories, its own included."""
    oldest: int | None = None
    newest: int | None = None
    first_due: int | None = None
    """The earliest cutoff at which something goes; None where nothing ever does."""
    readable_files: int = 0
    """Those of the files that are in directories that could be read."""
    readable_bytes: int = 0
    readable_allocated: int = 0
    readable_protected_files: int = 0
    readable_protected_bytes: int = 0

    @property
    def scanned(self) -> int:
        """Files in directories that could be read, protected ones included."""
        return self.readable_files + self.readable_protected_files


_SUMS: Final = f"""
SELECT coalesce(sum(files), 0), coalesce(sum(bytes), 0), coalesce(sum(allocated), 0),
       coalesce(sum(protected_files), 0), coalesce(sum(protected_bytes), 0), coalesce(sum(special), 0), count(*),
       nullif(min(oldest), {FOREVER}), nullif(max(newest), {-FOREVER}),
       min(CASE WHEN state <= 1 THEN first_due END),
       coalesce(sum(files * (state <= 2)), 0),
       coalesce(sum(bytes * (state <= 2)), 0),
       coalesce(sum(allocated * (state <= 2)), 0),
       coalesce(sum(protected_files * (state <= 2)), 0),
       coalesce(sum(protected_bytes * (state <= 2)), 0)
FROM directory WHERE root = ?
"""
"""All of `RootTotals` after `as_of`."""

_SUM_UP: Final = f"""
UPDATE root SET summed = 1, ({", ".join(RootTotals._fields[1:])}) = ({_SUMS}) WHERE id = ? AND NOT summed
"""

_UNSUM: Final = "UPDATE root SET summed = 0 WHERE id = ? AND summed"

_TOTALS: Final = f"SELECT {', '.join(RootTotals._fields)} FROM root WHERE"


class Index:
    """The rows of one storage. Writes are kept back until `flush`; `close` drops what was not flushed.

    When the disk is full the index goes on in memory: what it learns then is forgotten when it is closed, and
    learned again by the next refresh.
    """

    def __init__(self, connection: sqlite3.Connection, directory: Path) -> None:
        """Take over a connection whose schema is there; `directory` is where the index is kept."""
        self._connection = connection
        self._directory = directory
        self._rows: list[tuple[object, ...]] = []
        self._forgotten: list[tuple[int, bytes]] = []
        self._roots: dict[str, int] = {}

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def root(self, directory: str) -> int:
        """Return the number of an area's directory (relative to the base path), recorded if need be."""
        number = self._roots.get(directory)
        if number is None:
            name = os.fsencode(directory)
            self._change(
                lambda connection: connection.execute(
                    "INSERT OR IGNORE INTO root (directory) VALUES (?)", (name,)
                )
            )
            (number,) = self._connection.execute(
                "SELECT id FROM root WHERE directory = ?", (name,)
            ).fetchone()
            self._roots[directory] = number
        return int(number)

    def find(self, directory: str) -> int | None:
        """Return the number of an area's directory, if it is recorded."""
        if directory in self._roots:
            return self._roots[directory]
        query = "SELECT id FROM root WHERE directory = ?"
        found = self._connection.execute(query, (os.fsencode(directory),)).fetchone()
        return None if found is None else int(found[0])

    def rows(self, root: int) -> Iterator[Row]:
        """Yield the rows below a root in preorder, the root's own first.

        Rows may be written and dropped meanwhile; what is written behind the current one is not yielded.
        """
        start = b""
        while page := self._connection.execute(
            f"{_ROW} AND path >= ? ORDER BY path LIMIT ?", (root, start, PAGE)
        ).fetchall():
            yield from map(_row, page)
            start = _following(page[-1][0])
            self.flush()

    def pages(self, root: int, trust: Trust) -> Iterator[Page]:
        """Yield the rows below a root in preorder, page by page, the root's own alone first.

        As for `rows`.
        """
        values: dict[str, object] = {"root": root, **trust._asdict()}
        own = self._connection.execute(_OWN_PAGE, values).fetchone()
        if own is not None:
            yield Page(*own)
        start, last = b"", _range("")[1]
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
        self._rows.append(
            (
                root,
                name,
                survey.key.pack(),
                survey.key.mtime,
                survey.key.inode & 1023,  # neighbours are numbered in a row: each has its own
                listed,
                int(state),
                rules,
                survey.entries,
                survey.files,
                survey.bytes,
                survey.allocated,
                survey.protected_files,
                survey.protected_bytes,
                survey.staying,
                survey.special,
                survey.first_due,
                survey.oldest,
                survey.newest,
                survey.histogram(),
            )
        )
        if len(self._rows) >= KEPT_BACK:
            self.flush()

    def mark(self, root: int, path: str, state: RowState, *, listed: int) -> None:
        """Record that a directory, and so all below it, could not be read; what was known is kept."""
        self.flush()
        start, end = _range(path)
        name = os.fsencode(path)
        counts = (*[0] * 9, FOREVER, FOREVER, -FOREVER, b"")
        row = (root, name, Key(0, 0, 0).pack(), 0, 0, listed, int(state), *counts)

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_UNSUM, (root,))
            connection.execute(_UNREACHABLE, (int(RowState.UNREADABLE), root, start, end))
            connection.execute(_MARK, row)

        self._change(change)

    def forget(self, root: int, path: str) -> None:
        """Forget one directory that was removed, empty."""
        self._forgotten.append((root, os.fsencode(path)))

    def drop(self, root: int, path: str) -> None:
        """Forget a directory and all below it."""
        self.flush()
        start, end = _range(path)

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_UNSUM, (root,))
            connection.execute(_DROP, (root, start, end))

        self._change(change)

    def flush(self) -> None:
        """Write what was kept back."""
        if not self._rows and not self._forgotten:
            return
        changed = {(row[0],) for row in (*self._rows, *self._forgotten)}

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(_UNSUM, changed)
            insert_rows(connection, _PUT, self._rows)
            connection.executemany(_FORGET, self._forgotten)

        self._change(change)
        self._rows.clear()
        self._forgotten.clear()

    def complete(self, root: int, *, as_of: int | None) -> None:
        """Sum up a root; with `as_of` (ns) because a refresh of it is completed."""
        self.flush()
        if self._is_summed(root) and as_of is None:
            return

        def change(connection: sqlite3.Connection) -> None:
            connection.execute(_SUM_UP, (root, root))
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

    def totals(self, directory: str) -> RootTotals:
        """Return an area's directory in numbers, as of its last `complete`; zeros when it was never scanned."""
        found = self._connection.execute(f"{_TOTALS} directory = ?", (os.fsencode(directory),)).fetchone()
        return RootTotals() if found is None else RootTotals(*found)

    def sums(self, root: int) -> RootTotals:
        """Return a root in numbers, as its rows are now."""
        self.flush()
        known = self._connection.execute(f"{_TOTALS} id = ?", (root,)).fetchone()
        if not self._is_summed(root):
            known = (known[0], *self._connection.execute(_SUMS, (root,)).fetchone())
        return RootTotals(*known)

    def _is_summed(self, root: int) -> bool:
        (summed,) = self._connection.execute("SELECT summed FROM root WHERE id = ?", (root,)).fetchone()
        return bool(summed)

    def due(self, root: int, cutoff: int) -> Iterator[str]:
        """Yield the directories in which something may be before `cutoff` (ns), in preorder.

        Rows may be written meanwhile. Never too few; perhaps too many: a file can have become younger.
        """
        first_due = self.sums(root).first_due
        if first_due is None or first_due >= cutoff:
            return
        start = b""
        while page := self._connection.execute(_DUE, (root, cutoff, start, PAGE)).fetchall():
            for (path,) in page:
                yield os.fsdecode(path)
            start = _following(page[-1][0])

    def plain(self, root: int, paths: Sequence[str], cutoff: int, rules: int) -> dict[str, Known]:
        """Return which of `paths`, in preorder, hold files only, some before `cutoff` (ns) and some not.

        They are as of their listings, under today's `rules`, and true as long as the key is.
        """
        if not paths:
            return {}
        bounds = os.fsencode(paths[0]), os.fsencode(paths[-1])
        rows = self._connection.execute(_PLAIN, (root, *bounds, cutoff, cutoff, rules))
        return {os.fsdecode(path): Known(*row) for path, *row in rows}

    def units(self, root: int) -> Iterator[UnitRow]:
        """Yield the directories right below a root with the sums of all below them."""
        self.flush()
        for path, *rest in self._connection.execute(_UNITS, (root,)).fetchall():
            yield UnitRow(os.fsdecode(path), *rest)

    def between(self, root: int, start: int, end: int) -> list[str]:
        """Return the directories that may hold files of a time from `start` (ns) on and before `end`."""
        self.flush()
        rows = self._connection.execute(_BETWEEN, (root, end, start)).fetchall()
        return [os.fsdecode(path) for (path,) in rows]

    def hours(self, root: int, *, own: bool = False) -> dict[int, Load]:
        """Return what is of which hour, in all directories of a root that could be read, or in its `own` only."""
        self.flush()
        rows = self._connection.execute(_OWN_HOURS if own else _HOURS, (root,))
        return sum_of_packed(packed for (packed,) in rows)


def _row(columns: tuple[bytes, bytes, int, int, int]) -> Row:
    path, key, listed, state, rules = columns
    return Row(os.fsdecode(path), Key.unpack(key), listed, state, rules)


def _following(path: bytes) -> bytes:
    """Return the first name after a path, in the order of bytes."""
    return path + b"\0"


def _range(path: str) -> tuple[bytes, bytes]:
    """Return the range of names (from, below) that a directory and all below it have."""
    start = os.fsencode(path)
    if not start:
        return b"", b"\xff" * 5000
    return start, start[:-1] + b"0"  # 0 follows / in ASCII
