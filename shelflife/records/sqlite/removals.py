"""Removals in SQLite: one row for up to a hundred names of a directory, its outcomes a byte each.

Outcomes of some batches and the intents of the next share a transaction. So after a crash a few batches are open,
and looking at the disk tells what became of their files.
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Final

from shelflife.files.candidates import Candidates
from shelflife.files.removal import Result
from shelflife.records.history import (
    BYTES,
    CODES,
    MOST_NAMES,
    BatchKind,
    BatchRow,
    OpenBatch,
    UnitRecord,
    pack_outcomes,
    unpack_batch,
    unpack_facts,
    unpack_names,
)
from shelflife.records.journal import JournalFull
from shelflife.records.sqlite.database import insert_rows, is_full, transaction

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from shelflife.records.history import Code, FileRecord, Intent, Settled

_OPEN: Final = "SELECT id, area, unit, directory, names, facts FROM batch WHERE run = ? AND outcomes IS NULL"

_UNITS: Final = "SELECT id, area, directory, names, facts, outcomes FROM batch WHERE run = ? AND unit = 1"

_RESOLVE: Final = "UPDATE batch SET outcomes = ? WHERE id = ?"

_LAST: Final = "SELECT coalesce(max(id), 0) FROM batch"

_INTEND: Final = "INSERT INTO batch (id, run, area, unit, directory, at, names, facts)"

_SETTLED: Final = "CREATE TEMP TABLE IF NOT EXISTS settled (outcomes, errors, id INTEGER PRIMARY KEY)"

_SETTLE: Final = """
UPDATE batch SET (outcomes, errors) = (SELECT outcomes, errors FROM settled WHERE settled.id = batch.id)
WHERE id IN (SELECT id FROM settled)
"""

_FILES: Final = """
SELECT id, run, area, directory, at, names, facts, outcomes, errors,
    (SELECT cutoffs FROM run WHERE run.id = batch.run), unit
FROM batch
"""

_OF_RUN: Final = f"{_FILES} WHERE unit IN (0, 2, 4, 5) AND run = ? AND id >= ? ORDER BY id"

_ALL_OF_RUN: Final = f"{_FILES} WHERE unit IN (0, 2, 3, 4, 5) AND run = ? AND id >= ? ORDER BY id"

_OF_DIRECTORY: Final = f"{_FILES} WHERE unit IN (0, 2, 3, 4, 5) AND directory = ? ORDER BY id DESC"

_TREES_OF_DIRECTORY: Final = f"{_FILES} WHERE unit = 5 AND directory = ? ORDER BY id DESC"
"""Directories that came back with all below them."""

_BELOW: Final = f"{_FILES} WHERE unit IN (0, 2) AND directory >= ? AND directory < ? ORDER BY id DESC"


class SqliteRemovals:
    """What is about to be removed, and what became of it."""

    def __init__(self, connection: sqlite3.Connection, directory: Path, lock: threading.RLock) -> None:
        """Use a connection to the journal, which is in `directory`; `lock` is taken for `exchange`."""
        self._connection = connection
        self._directory = directory
        self._lock = lock

    def exchange(self, settled: Sequence[Settled], intents: Sequence[Intent]) -> list[int]:
        """Record outcomes of batches, and what is intended next; return a number for each intent."""
        try:
            with self._lock, transaction(self._connection):
                late = self._intend([batch.intent for batch in settled if batch.intent is not None])
                self._settle(settled, late)
                return self._intend(intents)
        except sqlite3.Error as error:
            if is_full(error, self._directory):
                raise JournalFull("no room for the journal") from error
            raise

    def open_batches(self, run: int) -> list[OpenBatch]:
        """Return the batches of a run whose outcomes are not known."""
        rows = self._connection.execute(_OPEN, (run,))
        return [
            OpenBatch(
                number, area, BatchKind(kind), os.fsdecode(directory), names, *unpack_facts(facts, len(names))
            )
            for number, area, kind, directory, joined, facts in rows.fetchall()
            for names in [unpack_names(joined)]
        ]

    def resolve(self, batch: int, outcomes: Sequence[Code]) -> None:
        """Record what became of the files of an open batch."""
        with transaction(self._connection):
            self._connection.execute(_RESOLVE, (bytes(BYTES[code] for code in outcomes), batch))

    def units(self, run: int) -> list[UnitRecord]:
        """Return the units that a run took aside, or was about to."""
        return [
            UnitRecord(number, area, os.fsdecode(directory)[:-1], os.fsdecode(name), inodes[0], decided)
            for number, area, directory, name, facts, codes in self._connection.execute(
                _UNITS, (run,)
            ).fetchall()
            for inodes in [unpack_facts(facts, 1)[0]]
            for decided in [bool(codes) and CODES[codes[0]].result is Result.REMOVED]
        ]

    def _settle(self, settled: Sequence[Settled], late: Sequence[int]) -> None:
        """Record outcomes; `late` are the numbers of those batches whose intents are just recorded."""
        numbers = iter(late)
        rows = []
        for batch in settled:
            codes, errors = pack_outcomes(batch.outcomes)
            number = batch.number if batch.intent is None else next(numbers)
            rows.append((codes, json.dumps(errors) if errors else "", number))
        if not rows:
            return
        self._connection.execute(_SETTLED)
        insert_rows(self._connection, "INSERT OR REPLACE INTO settled", rows)
        self._connection.execute(_SETTLE)
        self._connection.execute("DELETE FROM settled")

    def _intend(self, intents: Sequence[Intent]) -> list[int]:
        """Record what is intended; return a number for each. Within a transaction, so that these are free."""
        if not intents:
            return []
        (last,) = self._connection.execute(_LAST).fetchone()
        numbers = list(range(last + 1, last + 1 + len(intents)))
        rows = []
        for number, intent in zip(numbers, intents, strict=True):
            packed = intent.entries
            if not isinstance(packed, Candidates):
                packed = Candidates.of(packed)
            place = os.fsencode(intent.directory)
            facts = (packed.names, packed.facts)
            rows.append((number, intent.run, intent.area, intent.kind, place, intent.at, *facts))
        insert_rows(self._connection, _INTEND, rows)
        return numbers


class SqliteFileHistory:
    """What became of single files."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection to the journal."""
        self._connection = connection

    def of_run(self, run: int, *, directories: bool = False, after: int = -1) -> Iterator[FileRecord]:
        """See `FileHistory`."""
        records = self._files(_ALL_OF_RUN if directories else _OF_RUN, (run, after // MOST_NAMES))
        yield from (record for record in records if record.cursor > after)

    def of_path(self, path: str) -> list[FileRecord]:
        """Return what runs did to what was at `path` (relative to the base path), the latest first."""
        found = self._at(_OF_DIRECTORY, path)
        above = path
        while above := above.rpartition("/")[0]:
            trees = self._at(_TREES_OF_DIRECTORY, above)
            found += [tree for tree in trees if tree.result is Result.RESTORED]
        return sorted(found, key=lambda record: record.run, reverse=True)

    def _at(self, query: str, path: str) -> list[FileRecord]:
        head, _, name = path.rpartition("/")
        records = self._files(query, (os.fsencode(head + "/" if head else ""),))
        return [record for record in records if record.path.rpartition("/")[2] == name]

    def latest_below(self, path: str) -> FileRecord | None:
        """Return the file below the directory at `path` (relative to the base path) that went last."""
        start = os.fsencode(f"{path}/")
        records = self._files(_BELOW, (start, start[:-1] + b"0"))  # 0 follows / in ASCII
        went = (Result.REMOVED, Result.TRASHED)
        return next((record for record in records if record.result in went), None)

    def _files(self, query: str, values: tuple[object, ...]) -> Iterator[FileRecord]:
        for row in self._connection.execute(query, values):
            yield from unpack_batch(BatchRow(*row))
