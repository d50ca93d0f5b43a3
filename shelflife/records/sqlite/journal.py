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
from typing import TYPE_CHECKING, Any

from shelflife.errors import RecordsError
from shelflife.files.candidates import Candidates
from shelflife.files.removal import Result
from shelflife.policy.changes import upgraded
from shelflife.policy.limits import LastRun
from shelflife.policy.verdict import Reason
from shelflife.records.history import (
    BYTES,
    CODES,
    OfferedPlan,
    OpenBatch,
    RunRecord,
    RunState,
    Totals,
    Trigger,
    UnitRecord,
    pack_outcomes,
    unpack_batch,
    unpack_facts,
    unpack_names,
)
from shelflife.records.sqlite.alerts import AlertBook
from shelflife.records.sqlite.database import insert_rows, is_full, state_of, transaction
from shelflife.records.sqlite.holds import HoldBook, HoldWatch
from shelflife.records.sqlite.usage import UsageBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from shelflife.records.history import Code, FileRecord, Intent, Settled


class JournalFull(RecordsError):  # noqa: N818 - a state of the disk, not a fault
    """The disk has no room for what was to be recorded."""


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
        self._seen = None if stand_in_for is None else state_of(stand_in_for)

    @property
    def is_outdated(self) -> bool:
        """Whether this one is in memory, and somebody has found room to write the file meanwhile.

        He may have added a hold, of which this one knows nothing.
        """
        return self._file is not None and state_of(self._file) != self._seen

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
                late = self._intend([batch.intent for batch in settled if batch.intent is not None])
                self._settle(settled, late)
                return self._intend(intents)
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
            OpenBatch(
                number, area, bool(unit), os.fsdecode(directory), names, *unpack_facts(facts, len(names))
            )
            for number, area, unit, directory, joined, facts in rows.fetchall()
            for names in [unpack_names(joined)]
        ]

    def units(self, run: int) -> list[UnitRecord]:
        """Return the units that a run took aside, or was about to."""
        rows = self._connection.execute(
            "SELECT id, area, directory, names, facts, outcomes FROM batch WHERE run = ? AND unit = 1", (run,)
        )
        return [
            UnitRecord(number, area, os.fsdecode(directory)[:-1], os.fsdecode(name), inodes[0], decided)
            for number, area, directory, name, facts, codes in rows.fetchall()
            for inodes in [unpack_facts(facts, 1)[0]]
            for decided in [bool(codes) and CODES[codes[0]].result is Result.REMOVED]
        ]

    def resolve(self, batch: int, outcomes: Sequence[Code]) -> None:
        """Record what became of the files of an open batch."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE batch SET outcomes = ? WHERE id = ?",
                (bytes(BYTES[code] for code in outcomes), batch),
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
        rows = self._connection.execute("SELECT name, settings, at, memory FROM area").fetchall()
        found = {}
        for name, settings, at, memory in rows:
            known = json.loads(memory) or {"has_lost": self._has_lost(name)}
            found[name] = LastRun(at=at, settings=upgraded(json.loads(settings)), **known)
        return found

    def _has_lost(self, area: str) -> bool:
        """Return whether a cleanup that is remembered removed anything from an area."""
        reports = (run.report.get("areas", {}).get(area, {}) for run in self._runs("WHERE true", ()))
        return any(report.get("removed", 0) or report.get("trashed", 0) for report in reports)

    def remember(self, areas: Mapping[str, LastRun]) -> None:
        """Record what the next cleanups of areas are judged by."""
        rows = [
            (
                name,
                json.dumps(last.settings),
                last.at,
                json.dumps(
                    {
                        "cutoffs": last.cutoffs,
                        "left": last.left,
                        "has_lost": last.has_lost,
                        "arrivals": last.arrivals,
                    }
                ),
            )
            for name, last in areas.items()
        ]
        with transaction(self._connection):
            self._connection.executemany("INSERT OR REPLACE INTO area VALUES (?, ?, ?, ?)", rows)

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
        self._connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS settled (outcomes, errors, id INTEGER PRIMARY KEY)"
        )
        insert_rows(self._connection, "INSERT OR REPLACE INTO settled", rows)
        self._connection.execute(
            "UPDATE batch SET (outcomes, errors) = "
            "(SELECT outcomes, errors FROM settled WHERE settled.id = batch.id) "
            "WHERE id IN (SELECT id FROM settled)"
        )
        self._connection.execute("DELETE FROM settled")

    def _intend(self, intents: Sequence[Intent]) -> list[int]:
        """Record what is intended; return a number for each. Within a transaction, so that these are free."""
        if not intents:
            return []
        (last,) = self._connection.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()
        numbers = list(range(last + 1, last + 1 + len(intents)))
        rows = []
        for number, intent in zip(numbers, intents, strict=True):
            packed = intent.entries
            if not isinstance(packed, Candidates):
                packed = Candidates.of(packed)
            place = os.fsencode(intent.directory)
            facts = (packed.names, packed.facts)
            rows.append((number, intent.run, intent.area, intent.unit, place, intent.at, *facts))
        columns = "id, run, area, unit, directory, at, names, facts"
        insert_rows(self._connection, f"INSERT INTO batch ({columns})", rows)
        return numbers

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
            yield from unpack_batch(*row)
