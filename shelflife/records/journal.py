"""The journal: what happened – runs, the files they removed, slots of the schedule, totals.

Files are recorded by the batch, one row for up to a hundred names of a directory: the intent before the
effect, the outcomes after it. Outcomes of some batches and the intents of the next share a transaction. So after
a crash a few batches are open, and looking at the disk tells what became of their files.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from array import array
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shelflife.errors import RecordsError
from shelflife.files.candidates import Candidates, Fate, Outcomes, meaning
from shelflife.files.removal import Result
from shelflife.policy.limits import LastRun
from shelflife.policy.verdict import Reason
from shelflife.records import alerts, usage
from shelflife.records.alerts import AlertBook
from shelflife.records.database import connect, is_full, transaction
from shelflife.records.holds import HoldBook, HoldWatch
from shelflife.records.usage import UsageBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from shelflife.files.listing import Entry
    from shelflife.files.removal import Outcome
    from shelflife.records.state import StateDirectory

_MIGRATIONS: Final = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        plan TEXT NOT NULL,
        trigger TEXT NOT NULL,              -- Trigger
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started INTEGER NOT NULL,           -- ns since the epoch
        finished INTEGER,
        state TEXT NOT NULL,                -- RunState
        reason TEXT NOT NULL DEFAULT '',    -- why it was refused or failed
        cutoffs TEXT NOT NULL DEFAULT '{}', -- JSON: area -> {at, cause}
        report TEXT NOT NULL DEFAULT '{}'   -- JSON: the run's report
    );
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        area TEXT NOT NULL,
        unit INTEGER NOT NULL,              -- 1: the one name is a directory that goes as one
        directory BLOB NOT NULL,            -- relative to the base path, with a trailing slash
        at INTEGER NOT NULL,                -- ns since the epoch
        names BLOB NOT NULL,                -- joined by slashes
        facts BLOB NOT NULL,                -- 64-bit integers: inodes, sizes, mtimes
        outcomes BLOB,                      -- one byte a file, NULL while not known
        errors TEXT NOT NULL DEFAULT ''     -- JSON: position -> errno
    );
    CREATE INDEX batch_directory ON batch (directory);
    CREATE INDEX batch_run ON batch (run);
    CREATE TABLE slot (
        at INTEGER PRIMARY KEY,             -- the slot's time, ns since the epoch
        claimed INTEGER NOT NULL,
        run INTEGER
    );
    CREATE TABLE total (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    );
    """,
    """
    CREATE TABLE hold (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL,                 -- relative to the base path
        tree INTEGER NOT NULL,
        area TEXT NOT NULL,
        inode INTEGER,
        born INTEGER,                       -- birth time of the inode, ns since the epoch
        created INTEGER NOT NULL,
        until INTEGER,
        reason TEXT NOT NULL,
        ended INTEGER
    );
    CREATE TABLE area (
        name TEXT PRIMARY KEY,
        settings TEXT NOT NULL,             -- JSON: those of its last completed run
        at INTEGER NOT NULL                 -- when that ended, ns since the epoch
    );
    CREATE TABLE plan (
        id TEXT PRIMARY KEY,                -- plans that a person may approve
        made INTEGER NOT NULL,
        cutoffs TEXT NOT NULL,
        settings TEXT NOT NULL,
        used INTEGER                        -- the run that it served
    );
    CREATE TABLE identity (
        uuid TEXT NOT NULL                  -- one row, the same as in the marker of the storage
    );
    """,
    usage.SCHEMA,
    alerts.SCHEMA,
)
"""Applied in order, each in one transaction with its record (`user_version`). Only ever append."""


_SHARED_TABLES: Final = (
    "run",
    "slot",
    "total",
    "area",
    "plan",
    "identity",
    "area_usage",
    "disk_usage",
    "alert",
    "message",
)
"""What a journal in memory has of the file's, and writes back; without the holds, which it only reads."""

_BATCH_COLUMNS: Final = "run, area, unit, directory, at, names, facts, outcomes, errors"


class Trigger(StrEnum):
    """Who asked for a run."""

    SCHEDULE = "schedule"
    CLI = "cli"
    API = "api"
    PROGRAM = "program"
    TRASH = "trash"
    """A person emptied the trash."""
    PRESSURE = "pressure"
    """A disk was too full."""


class RunState(StrEnum):
    """How far a run is, or how it ended."""

    RUNNING = "running"
    DONE = "done"
    """To its end; single files may have failed."""
    STOPPED = "stopped"
    """It was asked to stop, and did at its next batch."""
    FAILED = "failed"
    """An error ended it."""
    INTERRUPTED = "interrupted"
    """Its process died; the next run found out what became of its last files."""
    REFUSED = "refused"
    """It was due, but did not start."""


class Code(NamedTuple):
    """The one outcome of a file, as the journal keeps it."""

    result: Result
    reason: Reason


_CODES: Final = (
    Code(Result.UNKNOWN, Reason.NOT_REACHED),
    Code(Result.REMOVED, Reason.EXPIRED),
    Code(Result.FAILED, Reason.EXPIRED),
    Code(Result.KEPT, Reason.CHANGED),
    Code(Result.KEPT, Reason.VANISHED),
    Code(Result.KEPT, Reason.NOT_EXPIRED),
    Code(Result.KEPT, Reason.NOT_REACHED),
    Code(Result.KEPT, Reason.UNIT_NOT_EXPIRED),
    Code(Result.KEPT, Reason.UNIT_PROTECTED),
    Code(Result.KEPT, Reason.PROTECTED),
    Code(Result.KEPT, Reason.HELD),
    Code(Result.KEPT, Reason.IN_USE),
    Code(Result.TRASHED, Reason.EXPIRED),
    Code(Result.DISPLACED, Reason.CHANGED),
    Code(Result.KEPT, Reason.UNIT_HELD),
    Code(Result.KEPT, Reason.SPECIAL),
    Code(Result.REMOVED, Reason.PURGED),
)
"""Position = the stored byte. Only ever append."""

_BYTES: Final = {code: position for position, code in enumerate(_CODES)}


_OF_FATES: Final = bytes(_BYTES[Code(*meaning(fate))] for fate in Fate).ljust(256, b"\0")
"""The stored byte of each fate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as it is remembered. Times in ns since the epoch."""

    id: int
    plan: str
    trigger: str
    host: str
    pid: int
    started: int
    finished: int | None
    state: str
    reason: str
    cutoffs: dict[str, Any]
    report: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What became of one file in one run."""

    run: int
    area: str
    path: str
    """Relative to the base path."""
    at: int
    """When, in ns since the epoch."""
    inode: int
    size: int
    mtime: int
    result: Result
    reason: Reason
    errno: int


class Intent(NamedTuple):
    """What is about to be removed."""

    run: int
    area: str
    directory: str
    """Relative to the base path, with a trailing slash."""
    at: int
    """Now, in ns since the epoch."""
    entries: Sequence[Entry]
    unit: bool = False
    """Whether the one entry is a directory that goes as one."""


class Settled(NamedTuple):
    """The outcomes of a batch."""

    number: int
    """The batch's number; 0 when its intent is not recorded yet."""
    outcomes: Sequence[Outcome]
    intent: Intent | None = None
    """Its intent, to be recorded together with the outcomes."""


class JournalFull(RecordsError):  # noqa: N818 - a state of the disk, not a fault
    """The disk has no room for what was to be recorded."""


class OfferedPlan(NamedTuple):
    """A plan that a person may approve: what it would do, and under which settings."""

    id: str
    made: int
    """ns since the epoch."""
    cutoffs: dict[str, Any]
    """Area → {at, cause}, or None for an area that is kept indefinitely."""
    settings: dict[str, Any]
    """Area → its settings, as `shelflife.policy.limits.settings_of` gives them."""


class OpenBatch(NamedTuple):
    """A batch whose outcomes are not known: its process died."""

    id: int
    area: str
    unit: bool
    directory: str
    names: list[str]
    inodes: list[int]
    sizes: list[int]
    mtimes: list[int]


class UnitRecord(NamedTuple):
    """A unit that a run took aside, or was about to."""

    id: int
    area: str
    directory: str
    """The area's directory, relative to the base path."""
    name: str
    inode: int
    decided: bool
    """Whether the run had looked at it again and decided that it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What all executed runs together did."""

    runs: int = 0
    removed: int = 0
    """Files that went, into the trash or for good."""
    bytes: int = 0
    """Bytes that were given back: of what went for good, and of what was purged from the trash."""
    last_run: int | None = None
    """When the last one ended, in ns since the epoch."""
    last_success: int | None = None
    """When the last one ended that came to its end, in ns since the epoch."""


class Journal:
    """The journal of one storage, open."""

    def __init__(
        self, connection: sqlite3.Connection, directory: Path, *, stand_in_for: Path | None = None
    ) -> None:
        """Take over a connection whose schema is there; `directory` is where the journal is kept.

        `stand_in_for` is the journal's file when this one is in memory, since the disk is full.
        """
        self._connection = connection
        self._directory = directory
        self._file = stand_in_for
        self._lock = threading.RLock()
        self._seen = None if stand_in_for is None else _state_of(stand_in_for)

    @property
    def is_outdated(self) -> bool:
        """Whether this one is in memory, and somebody has found room to write the file meanwhile.

        He may have added a hold, of which this one knows nothing.
        """
        return self._file is not None and _state_of(self._file) != self._seen

    @property
    def holds(self) -> HoldBook:
        """What people pinned."""
        return HoldBook(self._connection)

    @property
    def alerts(self) -> AlertBook:
        """What people were told."""
        return AlertBook(self._connection)

    @property
    def usage(self) -> UsageBook:
        """How much there was."""
        return UsageBook(self._connection)

    def watch_holds(self, *, clock: Callable[[], int]) -> HoldWatch:
        """Return the active holds, kept up to date."""
        return HoldWatch(self._connection, clock=clock, lock=self._lock)

    # -- writing a run

    def begin(
        self, *, plan: str, trigger: Trigger, host: str, pid: int, at: int, cutoffs: dict[str, Any]
    ) -> int:
        """Record that a run begins; return its number."""
        with transaction(self._connection):
            cursor = self._connection.execute(
                "INSERT INTO run (plan, trigger, host, pid, started, state, cutoffs) VALUES (?,?,?,?,?,?,?)",
                (plan, trigger, host, pid, at, RunState.RUNNING, json.dumps(cutoffs)),
            )
        return int(cursor.lastrowid or 0)

    def refuse(self, *, trigger: Trigger, host: str, pid: int, at: int, reason: str) -> int:
        """Record that a run did not start; return its number."""
        with transaction(self._connection):
            cursor = self._connection.execute(
                "INSERT INTO run (plan, trigger, host, pid, started, finished, state, reason) "
                "VALUES ('',?,?,?,?,?,?,?)",
                (trigger, host, pid, at, at, RunState.REFUSED, reason),
            )
        return int(cursor.lastrowid or 0)

    def exchange(self, settled: Sequence[Settled], intent: Intent | None) -> int:
        """Record outcomes of batches, and the intent of the next; return its number. As `exchange_all`."""
        numbers = self.exchange_all(settled, [] if intent is None else [intent])
        return numbers[0] if numbers else 0

    def exchange_all(self, settled: Sequence[Settled], intents: Sequence[Intent]) -> list[int]:
        """Record outcomes of batches, and what is intended next; return a number for each intent.

        May be called by several threads. Raises JournalFull when there is no room; nothing is recorded then,
        and the same may be tried again.
        """
        try:
            with self._lock, transaction(self._connection):
                for batch in settled:
                    number = batch.number if batch.intent is None else self._intend(batch.intent)
                    self._settle(number, batch.outcomes)
                return [self._intend(intent) for intent in intents]
        except sqlite3.Error as error:
            if is_full(error, self._directory):
                raise JournalFull("no room for the journal") from error
            raise

    def finish(self, run: int, *, at: int, state: RunState, report: dict[str, Any], reason: str = "") -> None:
        """Record that a run ended, and add it to the totals."""
        counts = {
            "runs": 1,
            "removed": report.get("removed", 0) + report.get("trashed", 0),
            "bytes": report.get("bytes", 0) + report.get("purged_bytes", 0),
        }
        stamps = {"last_run": at} | ({"last_success": at} if state is RunState.DONE else {})
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE run SET finished = ?, state = ?, reason = ?, report = ? WHERE id = ?",
                (at, state, reason, json.dumps(report), run),
            )
            self._connection.executemany(
                "INSERT INTO total VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
                counts.items(),
            )
            self._connection.executemany("INSERT OR REPLACE INTO total VALUES (?, ?)", stamps.items())

    # -- recovery

    def unfinished(self) -> list[RunRecord]:
        """Return the runs without an end. Under the lock these are runs whose process died."""
        return list(self._runs("WHERE state = ? ORDER BY id", (RunState.RUNNING,)))

    def open_batches(self, run: int) -> list[OpenBatch]:
        """Return the batches of a run whose outcomes are not known."""
        rows = self._connection.execute(
            "SELECT id, area, unit, directory, names, facts FROM batch WHERE run = ? AND outcomes IS NULL",
            (run,),
        )
        return [
            OpenBatch(number, area, bool(unit), os.fsdecode(directory), names, *_facts(facts, len(names)))
            for number, area, unit, directory, joined, facts in rows.fetchall()
            for names in [_split(joined)]
        ]

    def units(self, run: int) -> list[UnitRecord]:
        """Return the units that a run took aside, or was about to."""
        rows = self._connection.execute(
            "SELECT id, area, directory, names, facts, outcomes FROM batch WHERE run = ? AND unit = 1", (run,)
        )
        return [
            UnitRecord(number, area, os.fsdecode(directory)[:-1], os.fsdecode(name), inodes[0], decided)
            for number, area, directory, name, facts, codes in rows.fetchall()
            for inodes in [_facts(facts, 1)[0]]
            for decided in [bool(codes) and _CODES[codes[0]].result is Result.REMOVED]
        ]

    def resolve(self, batch: int, outcomes: Sequence[Code]) -> None:
        """Record what became of the files of an open batch."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE batch SET outcomes = ? WHERE id = ?",
                (bytes(_BYTES[code] for code in outcomes), batch),
            )

    def removed_by(self, run: int) -> tuple[int, int]:
        """Return files and bytes that a run removed, as far as its batches are still kept."""
        records = [
            record
            for record in self.files(run)
            if record.result is Result.REMOVED and record.reason is not Reason.PURGED
        ]
        return len(records), sum(record.size for record in records)

    # -- reading

    def runs(self, *, limit: int = 50, before: int | None = None) -> list[RunRecord]:
        """Return runs, the latest first; those before run number `before`."""
        return list(self._runs("WHERE id < ? ORDER BY id DESC LIMIT ?", (before or 2**62, limit)))

    def run(self, number: int) -> RunRecord | None:
        """Return one run."""
        return next(self._runs("WHERE id = ?", (number,)), None)

    def files(self, run: int) -> Iterator[FileRecord]:
        """Yield what became of each file that a run meant to remove, in the order of the run."""
        yield from self._files("WHERE unit = 0 AND run = ? ORDER BY id", (run,))

    def file_history(self, path: str) -> list[FileRecord]:
        """Return what runs did to the file at `path` (relative to the base path), the latest first."""
        head, _, name = path.rpartition("/")
        directory = os.fsencode(head + "/" if head else "")
        records = self._files("WHERE unit = 0 AND directory = ? ORDER BY id DESC", (directory,))
        return [record for record in records if record.path.rpartition("/")[2] == name]

    def latest_below(self, path: str) -> FileRecord | None:
        """Return the file below the directory at `path` (relative to the base path) that went last."""
        start = os.fsencode(f"{path}/")
        below = (start, start[:-1] + b"0")  # 0 follows / in ASCII
        records = self._files("WHERE unit = 0 AND directory >= ? AND directory < ? ORDER BY id DESC", below)
        went = (Result.REMOVED, Result.TRASHED)
        return next((record for record in records if record.result in went), None)

    def totals(self) -> Totals:
        """Return what all executed runs together did."""
        return Totals(**dict(self._connection.execute("SELECT name, value FROM total").fetchall()))

    # -- the schedule

    def claim_slot(self, slot: int, *, at: int) -> bool:
        """Take a slot of the schedule (ns); False when somebody has it already. Call under the lock."""
        with transaction(self._connection):
            cursor = self._connection.execute("INSERT OR IGNORE INTO slot VALUES (?, ?, NULL)", (slot, at))
        return cursor.rowcount == 1

    def begin_slots(self, slot: int, *, at: int) -> None:
        """Let the schedule count from a slot (ns), when none up to now (`at`, ns) was ever taken."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO slot SELECT ?, ?, NULL "
                "WHERE NOT EXISTS (SELECT 1 FROM slot WHERE at <= ?)",
                (slot, at, at),
            )

    def is_claimed(self, slot: int) -> bool:
        """Return whether a slot is taken."""
        query = "SELECT 1 FROM slot WHERE at = ?"
        return self._connection.execute(query, (slot,)).fetchone() is not None

    def last_slot(self, *, until: int | None = None) -> int | None:
        """Return the time (ns) of the latest slot that was taken; of those up to `until` (ns), if given."""
        query = "SELECT max(at) FROM slot WHERE at <= ?"
        (slot,) = self._connection.execute(query, (2**62 if until is None else until,)).fetchone()
        return None if slot is None else int(slot)

    def last_run_since(self, since: int) -> RunRecord | None:
        """Return the latest cleanup that came to its end after `since` (ns); making room is none."""
        query = "WHERE state = ? AND finished >= ? AND trigger NOT IN (?, ?) ORDER BY id DESC LIMIT 1"
        return next(self._runs(query, (RunState.DONE, since, Trigger.PRESSURE, Trigger.TRASH)), None)

    # -- approval, and what it is judged by

    def identity(self) -> str | None:
        """Return the UUID that the journal shares with its storage."""
        found = self._connection.execute("SELECT uuid FROM identity").fetchone()
        return found[0] if found else None

    @property
    def is_blank(self) -> bool:
        """Whether it knows of no run and no hold."""
        query = "SELECT NOT EXISTS (SELECT 1 FROM run) AND NOT EXISTS (SELECT 1 FROM hold)"
        return bool(self._connection.execute(query).fetchone()[0])

    def claim_identity(self, identity: str) -> str:
        """Give the journal a UUID, unless it has one; return the one that it has."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)", (identity,)
            )
            return str(self._connection.execute("SELECT uuid FROM identity").fetchone()[0])

    def forget_identity(self) -> None:
        """Take back the UUID: the storage could not be marked with it."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM identity")

    def last_runs(self) -> dict[str, LastRun]:
        """Return what is remembered of each area that was ever cleaned."""
        rows = self._connection.execute("SELECT name, settings, at FROM area").fetchall()
        return {name: LastRun(at=at, settings=json.loads(settings)) for name, settings, at in rows}

    def remember(self, settings: Mapping[str, Mapping[str, Any]], *, at: int) -> None:
        """Record that areas were cleaned to the end, under these settings, at `at` (ns)."""
        rows = [(name, json.dumps(values), at) for name, values in settings.items()]
        with transaction(self._connection):
            self._connection.executemany("INSERT OR REPLACE INTO area VALUES (?, ?, ?)", rows)

    def offer(self, plan: OfferedPlan) -> None:
        """Record a plan that a person may approve."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO plan (id, made, cutoffs, settings) VALUES (?, ?, ?, ?)",
                (plan.id, plan.made, json.dumps(plan.cutoffs), json.dumps(plan.settings)),
            )

    def offered(self, plan: str) -> OfferedPlan | None:
        """Return a plan that a person may approve, as long as it has served no run."""
        found = self._connection.execute(
            "SELECT id, made, cutoffs, settings FROM plan WHERE id = ? AND used IS NULL", (plan,)
        ).fetchone()
        if found is None:
            return None
        return OfferedPlan(found[0], found[1], json.loads(found[2]), json.loads(found[3]))

    def use_plan(self, plan: str, run: int) -> None:
        """Record that an approved plan served a run: it serves no other."""
        with transaction(self._connection):
            self._connection.execute("UPDATE plan SET used = ? WHERE id = ?", (run, plan))

    # -- keeping limits

    def trim(self, *, runs_before: int, files_before: int, max_bytes: int) -> None:
        """Forget runs before `runs_before`, and files: of runs before `files_before`, and beyond `max_bytes`.

        Moments are in ns, `max_bytes` is the size of the database; the oldest files go first.
        """
        with transaction(self._connection):
            self._connection.execute(
                "DELETE FROM batch WHERE run IN (SELECT id FROM run WHERE finished < ?)", (files_before,)
            )
            self._connection.execute(
                "DELETE FROM batch WHERE run IN (SELECT id FROM run WHERE finished < ?)", (runs_before,)
            )
            self._connection.execute("DELETE FROM run WHERE finished < ?", (runs_before,))
            # The latest one stays, however rare the slots are: from it follows what was missed.
            self._connection.execute(
                "DELETE FROM slot WHERE at < (SELECT max(at) FROM slot WHERE at <= ?)", (runs_before,)
            )
            self._connection.execute("DELETE FROM plan WHERE made < ?", (runs_before,))
        while self._size() > max_bytes and self._forget_oldest():
            pass

    def _size(self) -> int:
        """Bytes of the database that are in use."""
        values = [
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        ]
        return int((values[0] - values[1]) * values[2])

    def _forget_oldest(self) -> bool:
        """Forget the oldest files, a tenth of all batches; return whether there were any."""
        with transaction(self._connection):
            cursor = self._connection.execute(
                "DELETE FROM batch WHERE id <= "
                "(SELECT min(id) + (max(id) - min(id)) / 10 FROM batch WHERE outcomes IS NOT NULL) "
                "AND outcomes IS NOT NULL"
            )
        return cursor.rowcount > 0

    # -- rows

    def _settle(self, batch: int, outcomes: Sequence[Outcome]) -> None:
        codes, errors = _codes(outcomes)
        self._connection.execute(
            "UPDATE batch SET outcomes = ?, errors = ? WHERE id = ?",
            (codes, json.dumps(errors) if errors else "", batch),
        )

    def _intend(self, intent: Intent) -> int:
        packed = intent.entries
        if not isinstance(packed, Candidates):
            packed = Candidates.of(packed)
        cursor = self._connection.execute(
            "INSERT INTO batch (run, area, unit, directory, at, names, facts) VALUES (?,?,?,?,?,?,?)",
            (
                intent.run,
                intent.area,
                intent.unit,
                os.fsencode(intent.directory),
                intent.at,
                packed.names,
                packed.facts,
            ),
        )
        return int(cursor.lastrowid or 0)

    def _runs(self, condition: str, values: tuple[object, ...]) -> Iterator[RunRecord]:
        query = (
            "SELECT id, plan, trigger, host, pid, started, finished, state, reason, cutoffs, report "
            f"FROM run {condition}"
        )
        for *columns, cutoffs, report in self._connection.execute(query, values).fetchall():
            fields = dict(zip(RunRecord.__slots__, columns, strict=False))
            yield RunRecord(**fields, cutoffs=json.loads(cutoffs), report=json.loads(report))

    def _files(self, condition: str, values: tuple[object, ...]) -> Iterator[FileRecord]:
        query = f"SELECT run, area, directory, at, names, facts, outcomes, errors FROM batch {condition}"
        for row in self._connection.execute(query, values):
            yield from _records(*row)


def _codes(outcomes: Sequence[Outcome]) -> tuple[bytes, dict[int, int]]:
    """Return outcomes as they are stored: a byte for each, and the errnos of those that have one."""
    if isinstance(outcomes, Outcomes):
        return outcomes.fates.translate(_OF_FATES), {}
    codes = bytes(_BYTES[Code(outcome.result, outcome.reason)] for outcome in outcomes)
    return codes, {n: outcome.errno for n, outcome in enumerate(outcomes) if outcome.errno}


@contextmanager
def open_journal(state: StateDirectory) -> Iterator[Journal]:
    """Open the journal to write, made where it is missing. Raises RecordsError.

    On a full disk, what was set aside gives way. Where that does not do, the journal goes on in memory, with
    all that it knows but single files, and is written when it is closed: the run has made room by then.
    """
    try:
        connection, in_memory = _connect(state), False
    except (OSError, sqlite3.Error) as error:
        if not is_full(error, state.home.parent):
            raise RecordsError(f"cannot open the journal {state.journal}: {error}") from error
        state.give_way()
        connection, in_memory = _connect_on_full_disk(state)
    with closing(connection), _translated(state):
        try:
            yield Journal(connection, state.path, stand_in_for=state.journal if in_memory else None)
        finally:
            if in_memory:
                _write_stand_in(state, connection)


@contextmanager
def read_journal(state: StateDirectory) -> Iterator[Journal | None]:
    """Open the journal to read; None when there is none yet. Raises RecordsError when it cannot be read."""
    if not _exists(state):
        yield None
        return
    try:
        connection = connect(state.journal, read_only=True)
    except sqlite3.Error as error:
        raise RecordsError(f"cannot read the journal {state.journal}: {error}") from error
    with closing(connection), _translated(state):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == len(_MIGRATIONS):
            yield Journal(connection, state.path)
            return
    with open_journal(state) as journal:  # of another version: it is brought up to date, or refused
        yield journal


def _connect(state: StateDirectory) -> sqlite3.Connection:
    """Open the journal's file, made and migrated where need be. Raises OSError, sqlite3.Error, RecordsError."""
    state.create_file(state.journal)
    connection = connect(state.journal)
    try:
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_on_full_disk(state: StateDirectory) -> tuple[sqlite3.Connection, bool]:
    """Open the journal now that there may be room; return it, and whether it is in memory for the time being."""
    try:
        return _connect(state), False
    except (OSError, sqlite3.Error) as error:
        if not is_full(error, state.home.parent):
            raise RecordsError(f"cannot open the journal {state.journal}: {error}") from error
    memory = connect(":memory:")
    try:
        _migrate(memory)
        if _exists(state):
            _copy_all_but_files(state, memory)
    except BaseException:
        memory.close()
        raise
    return memory, True


def _copy_all_but_files(state: StateDirectory, memory: sqlite3.Connection) -> None:
    """Copy what the journal knows into memory. Raises RecordsError where it cannot be read to the last."""
    if _has_wal(state.journal):  # its last changes cannot be read without making another file
        raise RecordsError(f"no room for the journal {state.journal}, and its last changes cannot be read")
    memory.execute("ATTACH ? AS file", (f"{state.journal.absolute().as_uri()}?mode=ro&immutable=1",))
    (version,) = memory.execute("PRAGMA file.user_version").fetchone()
    if version != len(_MIGRATIONS):
        raise RecordsError(f"no room to bring the journal {state.journal} up to date")
    with transaction(memory):
        for table in (*_SHARED_TABLES, "hold", "sqlite_sequence"):
            memory.execute(f"DELETE FROM main.{table}")
            memory.execute(f"INSERT INTO main.{table} SELECT * FROM file.{table}")
    memory.execute("DETACH file")


def _write_stand_in(state: StateDirectory, memory: sqlite3.Connection) -> None:
    """Write what a journal in memory has learned. Raises RecordsError when there is still no room."""
    try:
        with closing(_connect(state)):  # made and migrated, and kept open meanwhile
            memory.execute("ATTACH ? AS file", (str(state.journal),))
            with transaction(memory):
                for table in _SHARED_TABLES:
                    memory.execute(f"INSERT OR REPLACE INTO file.{table} SELECT * FROM main.{table}")
                memory.execute(
                    f"INSERT INTO file.batch ({_BATCH_COLUMNS}) SELECT {_BATCH_COLUMNS} FROM main.batch"
                )
            memory.execute("DETACH file")
    except (OSError, sqlite3.Error) as error:
        raise RecordsError(f"the record of this run found no room in {state.journal}: {error}") from error


def _state_of(path: Path) -> tuple[bool, int, int] | None:
    """Return what changes when somebody writes to a database; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _has_wal(path), status.st_size, status.st_mtime_ns


def _has_wal(path: Path) -> bool:
    """Return whether there are changes that are not in the database itself yet."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except OSError:
        return False


@contextmanager
def _translated(state: StateDirectory) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise RecordsError(f"the journal {state.journal} failed: {error}") from error


def _exists(state: StateDirectory) -> bool:
    try:
        return state.journal.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RecordsError(f"cannot read the journal {state.journal}: {error.strerror}") from error


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise RecordsError(
            f"the journal was written by a newer version (schema {version}; this one knows {len(_MIGRATIONS)})"
        )
    for number in range(version, len(_MIGRATIONS)):
        with transaction(connection):
            (current,) = connection.execute("PRAGMA user_version").fetchone()
            if current == number:  # nobody else migrated it meanwhile
                for statement in _MIGRATIONS[number].split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")


def _records(
    run: int,
    area: str,
    directory: bytes,
    at: int,
    joined: bytes,
    packed: bytes,
    codes: bytes | None,
    errors: str,
) -> Iterator[FileRecord]:
    names = _split(joined)
    inodes, sizes, mtimes = _facts(packed, len(names))
    outcomes = codes if codes is not None else bytes(len(names))
    numbers = {int(position): code for position, code in json.loads(errors or "{}").items()}
    # A batch that was cut short has fewer outcomes than names: the rest is in the next one, if there is one.
    for position, (name, outcome) in enumerate(zip(names, outcomes, strict=False)):
        code = _CODES[outcome]
        yield FileRecord(
            run=run,
            area=area,
            path=os.fsdecode(directory) + name,
            at=at,
            inode=inodes[position],
            size=sizes[position],
            mtime=mtimes[position],
            result=code.result,
            reason=code.reason,
            errno=numbers.get(position, 0),
        )


def _split(joined: bytes) -> list[str]:
    return os.fsdecode(joined).split("/")


def _facts(packed: bytes, count: int) -> tuple[list[int], list[int], list[int]]:
    values = array("q", packed).tolist()
    return values[:count], values[count : 2 * count], values[2 * count :]
