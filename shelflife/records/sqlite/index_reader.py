"""The index, asked: what it has of a root, where something is due, how much is of which age."""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING, Any, Final

from shelflife.files.hours import sum_of_packed
from shelflife.files.known import Known
from shelflife.files.listing import FOREVER
from shelflife.policy.load import Load
from shelflife.records.index import ClassTotals, RootTotals, RowState, UnitRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Sequence

    from shelflife.policy.cutoff import Cutoffs

PAGE: Final = 1000
"""Rows that are read at once."""

STATES: Final[dict[str, Any]] = {
    "ok": int(RowState.OK),
    "listed": int(RowState.UNSETTLED),  # up to this one a row says when something is due
    "readable": int(RowState.DIRTY),  # up to this one its counts are those of the directory
}
"""The states that queries ask for."""

_SUMS: Final = f"""
       coalesce(sum(files), 0), coalesce(sum(bytes), 0), coalesce(sum(allocated), 0),
       nullif(min(oldest), {FOREVER}), nullif(max(newest), {-FOREVER}),
       min(CASE WHEN state <= :listed THEN first_due END),
       coalesce(sum(files * (state <= :readable)), 0),
       coalesce(sum(bytes * (state <= :readable)), 0),
       coalesce(sum(allocated * (state <= :readable)), 0)
"""
"""`ClassTotals`."""

_OWN_SUMS: Final = f"""
SELECT coalesce(sum(special), 0), count(*), {_SUMS} FROM directory WHERE root = :root
"""

_OTHER_SUMS: Final = f"SELECT class, {_SUMS} FROM part_row WHERE root = :root GROUP BY class"

_TOTALS: Final = f"SELECT class, {', '.join(ClassTotals._fields)} FROM total WHERE root = ?"

_DUE: Final = """
SELECT path FROM directory
WHERE root = :root AND first_due < :cutoff_0 AND path >= :start AND state <= :listed
"""

_PARTS_DUE: Final = """
SELECT path FROM part_row
WHERE root = :root AND path >= :start AND state <= :listed AND ({})
"""

_PLAIN: Final = """
SELECT path, key, files, bytes, allocated, oldest, oldest_inode, newest, hours FROM directory
WHERE root = :root AND path >= :first AND path <= :last AND first_due < :cutoff AND newest >= :cutoff
AND state = :ok AND rules = :rules AND entries = files
"""

_PLAIN_PART: Final = """
SELECT path, key, files, bytes, allocated, oldest, oldest_inode, newest, hours FROM part_row
WHERE root = :root AND path >= :first AND path <= :last AND class = :class
AND first_due < :cutoff AND newest >= :cutoff
AND state = :ok AND rules = :rules AND entries = files
"""

_UNITS: Final = """
SELECT substr(path, 1, instr(path, x'2F')) AS unit, max(newest), max(mtime),
       sum(files), sum(bytes), sum(allocated), sum(staying), max(state)
FROM directory WHERE root = ? AND path > x'' GROUP BY unit ORDER BY unit
"""

_UNITS_PARTS: Final = """
SELECT substr(path, 1, instr(path, x'2F')) AS unit, class, max(newest), sum(files), sum(bytes), sum(allocated)
FROM part WHERE root = ? AND path > x'' GROUP BY unit, class
"""

_BETWEEN: Final = """
SELECT path FROM directory
WHERE root = :root AND first_due < :end AND newest >= :start AND state <= :readable
UNION
SELECT path FROM part_row
WHERE root = :root AND first_due < :end AND newest >= :start AND state <= :readable
ORDER BY path
"""

_EMPTY: Final = """
SELECT path, mtime FROM directory
WHERE root = :root AND path > x'' AND entries = 0 AND state <= :readable ORDER BY path
"""

_HOURS: Final = """
SELECT hours FROM directory
WHERE root = :root AND path >= :first AND path <= :last AND state <= :readable AND files > 0
"""

_HOURS_OF: Final = """
SELECT hours FROM part_row
WHERE root = :root AND path >= :first AND path <= :last AND class = :class AND state <= :readable AND files > 0
"""

_TOPS: Final = """
SELECT DISTINCT substr(path, 1, instr(path, x'2F')) FROM directory WHERE root = ? AND path > x''
"""

_PLACES: Final = """
SELECT path FROM directory
WHERE root = ? AND hex(substr(key, 1, 8)) IN (SELECT value FROM json_each(?)) ORDER BY path
"""

NUMBER: Final = "SELECT id FROM root WHERE directory = ?"

LAST: Final = b"\xff" * 5000
"""A path behind all others."""


class IndexReader:
    """The rows of one storage, to ask."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take over a connection whose schema is there."""
        self._connection = connection
        self._roots: dict[str, int] = {}

    def flush(self) -> None:
        """Write what is kept back: here, nothing is."""

    def find(self, directory: str) -> int | None:
        """Return the number of an area's directory (relative to the base path), if it is recorded."""
        if directory in self._roots:
            return self._roots[directory]
        found = self._connection.execute(NUMBER, (os.fsencode(directory),)).fetchone()
        return None if found is None else int(found[0])

    # -- sums

    def totals(self, directory: str) -> RootTotals:
        """Return an area's directory in numbers, as of its last `complete`; zeros when it was never scanned."""
        root = self.find(directory)
        return RootTotals() if root is None else self._totals(root)[0]

    def sums(self, root: int) -> RootTotals:
        """Return a root in numbers, as its rows are now."""
        self.flush()
        totals, summed = self._totals(root)
        return totals if summed else self._summed_up(root, totals.as_of)

    def _totals(self, root: int) -> tuple[RootTotals, bool]:
        """Return a root in numbers, as of its last `complete`, and whether its rows are as they were then."""
        query = "SELECT as_of, special, directories, summed FROM root WHERE id = ?"
        as_of, special, directories, summed = self._connection.execute(query, (root,)).fetchone()
        rows = self._connection.execute(_TOTALS, (root,))
        classes = {number: ClassTotals(*sums) for number, *sums in rows}
        return RootTotals(as_of, special, directories, classes), bool(summed)

    def _summed_up(self, root: int, as_of: int) -> RootTotals:
        values = {"root": root, **STATES}
        special, directories, *own = self._connection.execute(_OWN_SUMS, values).fetchone()
        classes = {0: ClassTotals(*own)} if directories else {}
        for number, *sums in self._connection.execute(_OTHER_SUMS, values):
            classes[number] = ClassTotals(*sums)
        return RootTotals(as_of, special, directories, classes)

    # -- what is due

    def due(self, root: int, cutoffs: Cutoffs) -> Iterator[str]:
        """Yield the directories in which something of some class may be before its cutoff, in preorder.

        Rows may be written meanwhile. Never too few; perhaps too many: a file can have become younger.
        """
        query, values = self._query_of_due(root, cutoffs)
        start = b""
        while query and (page := self._connection.execute(query, values | {"start": start}).fetchall()):
            for (path,) in page:
                yield os.fsdecode(path)
            start = following(page[-1][0])

    def _query_of_due(self, root: int, cutoffs: Cutoffs) -> tuple[str, dict[str, Any]]:
        """Return what asks for a page of directories in which something is due; empty where nothing can be."""
        due = {
            number: cutoffs.at(number)
            for number, found in self.sums(root).classes.items()
            if found.first_due is not None and found.first_due < cutoffs.at(number)
        }
        queries = [_DUE] if 0 in due else []
        others = [f"class = {number} AND first_due < :cutoff_{number}" for number in due if number]
        if others:
            queries.append(_PARTS_DUE.format(" OR ".join(others)))
        values = {f"cutoff_{number}": cutoff for number, cutoff in due.items()}
        query = f"{' UNION '.join(queries)} ORDER BY path LIMIT {PAGE}" if queries else ""
        return query, {"root": root, **STATES, **values}

    def plain(self, root: int, paths: Sequence[str], cutoffs: Cutoffs, rules: int) -> dict[str, Known]:
        """Return which of `paths`, in preorder, hold files of one class only, not all before its cutoff.

        They are as of their listings, under today's `rules`, and true as long as the key is.
        """
        if not paths:
            return {}
        values = {"root": root, "rules": rules, **STATES, **_bounds(paths[0], paths[-1])}
        found: dict[str, Known] = {}
        for number, cutoff in enumerate(cutoffs.by_class):
            if cutoff is not None:
                query = _PLAIN_PART if number else _PLAIN
                rows = self._connection.execute(query, values | {"class": number, "cutoff": cutoff.at})
                found |= {os.fsdecode(path): Known(*row) for path, *row in rows}
        return found

    def units(self, root: int) -> Iterator[UnitRow]:
        """Yield the directories right below a root with the sums of all below them."""
        self.flush()
        parts: dict[bytes, list[tuple[int, int, Load]]] = {}
        for unit, number, newest, *load in self._connection.execute(_UNITS_PARTS, (root,)):
            parts.setdefault(unit, []).append((number, newest, Load(*load)))
        for unit, newest, changed, files, size, allocated, staying, state in self._connection.execute(
            _UNITS, (root,)
        ).fetchall():
            times, load = {0: newest}, Load(files, size, allocated)
            for number, latest, more in parts.get(unit, ()):
                times[number] = latest
                load = load.plus(more)
            there = {number: time for number, time in times.items() if time != -FOREVER}
            yield UnitRow(os.fsdecode(unit), there, changed, load, staying, state)

    # -- what is of which age, and where

    def between(self, root: int, start: int, end: int) -> list[str]:
        """Return the directories that may hold files of a time from `start` (ns) on and before `end`."""
        self.flush()
        rows = self._connection.execute(_BETWEEN, {"root": root, "start": start, "end": end, **STATES})
        return [os.fsdecode(path) for (path,) in rows]

    def empty(self, root: int) -> list[tuple[str, int]]:
        """Return the directories below the root that hold nothing, in preorder, each with its mtime (ns)."""
        self.flush()
        rows = self._connection.execute(_EMPTY, {"root": root, **STATES})
        return [(os.fsdecode(path), mtime) for path, mtime in rows]

    def hours(
        self, root: int, *, number: int = 0, own: bool = False, top: str | None = None
    ) -> dict[int, Load]:
        """Return what of a class is of which hour, in directories that could be read.

        With `own`, in the root's own; with a `top`, in that directory right below it and in all below that.
        """
        self.flush()
        first = b"" if top is None else os.fsencode(f"{top}/")
        last = b"" if own else first + LAST
        values = {"root": root, "class": number, **STATES, "first": first, "last": last}
        rows = self._connection.execute(_HOURS_OF if number else _HOURS, values)
        return sum_of_packed(packed for (packed,) in rows)

    def tops(self, root: int) -> list[str]:
        """Return the names of the directories right below the root."""
        self.flush()
        rows = self._connection.execute(_TOPS, (root,))
        return [os.fsdecode(top[:-1]) for (top,) in rows]

    def places_of(self, root: int, inodes: Collection[int]) -> list[str]:
        """Return where directories with these inodes (signed) were when they were listed, in preorder."""
        self.flush()
        wanted = ",".join(f'"{array("q", [inode]).tobytes().hex().upper()}"' for inode in inodes)
        rows = self._connection.execute(_PLACES, (root, f"[{wanted}]"))
        return [os.fsdecode(path) for (path,) in rows]


def following(path: bytes) -> bytes:
    """Return the first name after a path, in the order of bytes."""
    return path + b"\0"


def _bounds(first: str, last: str) -> dict[str, bytes]:
    return {"first": os.fsencode(first), "last": os.fsencode(last)}
