"""The values of which the journal is made, and how a batch of files is packed into its row.

Who asked for a run and how it ended, what became of each file, what is about to be removed; and the byte that
stands for an outcome.
"""

from __future__ import annotations

import json
import os
import re
from array import array
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shelflife.clock import as_datetime
from shelflife.files.candidates import Fate, Going, Outcomes, meaning
from shelflife.files.removal import Result
from shelflife.policy.causes import Causes
from shelflife.policy.cutoff import Cause
from shelflife.policy.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from shelflife.files.listing import Entry
    from shelflife.files.removal import Outcome


class Trigger(StrEnum):
    """Who asked for a run."""

    SCHEDULE = "schedule"
    CLI = "cli"
    API = "api"
    PROGRAM = "program"
    TRASH = "trash"
    """A person emptied the trash."""
    RESTORE = "restore"
    """A person brought something back from the trash."""
    PRESSURE = "pressure"
    """A disk was too full."""


NO_CLEANUPS: Final = (Trigger.PRESSURE, Trigger.TRASH, Trigger.RESTORE)
"""Whose runs are no cleanups of areas: no later one is judged by them."""

_APPROVE: Final = re.compile(r"--approve (\w+)")


class RunState(StrEnum):
    """How far a run is, or how it ended."""

    PLANNING = "planning"
    """It looks for what is to be done; nothing was changed yet."""
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

    @property
    def is_going_on(self) -> bool:
        """Whether it has not ended."""
        return self in (RunState.PLANNING, RunState.RUNNING)


class Code(NamedTuple):
    """The one outcome of a file, as the journal keeps it."""

    result: Result
    reason: Reason


CODES: Final = (
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
    Code(Result.KEPT, Reason.NEWEST),
    Code(Result.KEPT, Reason.UNIT_IN_USE),
    Code(Result.RESTORED, Reason.RESTORED),
    Code(Result.FAILED, Reason.RESTORED),
    Code(Result.KEPT, Reason.NAME_TAKEN),
)
"""Position = the stored byte. Only ever append."""

BYTES: Final = {code: position for position, code in enumerate(CODES)}
"""The stored byte of each code."""

_OF_FATES: Final = {
    going: bytes(BYTES[Code(*meaning(fate, going))] for fate in Fate).ljust(256, b"\0") for going in Going
}
"""The stored byte of each fate, by what it means to go."""


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
    actor: str
    """Who asked for it; empty if nobody was named."""
    via: str
    """The way: http, cli, schedule, program; empty in records of versions before."""
    request: str
    """Id of the HTTP request, if it was one."""
    cutoffs: dict[str, Any]
    report: dict[str, Any]

    @property
    def is_cleanup(self) -> bool:
        """Whether it was over areas: a run by which later ones are judged."""
        return self.trigger not in NO_CLEANUPS

    @property
    def is_refused(self) -> bool:
        """Whether it was due, but did not start."""
        return self.state == RunState.REFUSED

    @property
    def offered(self) -> str:
        """The plan to approve before it starts; empty where it was refused for another reason, or not at all."""
        if not self.is_refused:
            return ""
        named = _APPROVE.search(self.reason)  # versions before recorded the plan in words alone
        return self.plan or (named.group(1) if named else "")

    @property
    def started_at(self) -> datetime:
        """When it started, as an aware datetime."""
        return as_datetime(self.started)

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, as an aware datetime."""
        return None if self.finished is None else as_datetime(self.finished)


class BatchKind(IntEnum):
    """What goes together as one batch. The numbers are stored in the journal; only ever append."""

    FILES = 0
    """Files and links of one directory, each by itself."""
    UNIT = 1
    """A directory that goes as one, which is the one entry; its files are recorded by themselves."""
    DIRECTORY = 2
    """All that is in one directory, which goes by one rename: either all of it goes, or nothing."""
    PRUNED = 3
    """An empty directory, which is the one entry."""
    RESTORED = 4
    """Files and links of one directory that come back from the trash, each by itself."""
    RESTORED_TREE = 5
    """Directories that come back from the trash, each with all below it by one rename."""

    @property
    def comes_back(self) -> bool:
        """Whether what goes so goes back to where it was."""
        return self in (BatchKind.RESTORED, BatchKind.RESTORED_TREE)


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
    cause: str = ""
    """Why it was to go, a word of `Cause`; empty where that is no longer known."""
    kind: BatchKind = BatchKind.FILES
    """As what it went, or came back."""
    cursor: int = field(default=0, compare=False)
    """Where it is in the journal: `FileHistory.of_run` goes on after it. Below 2**53, for JavaScript."""

    @property
    def pruned(self) -> bool:
        """Whether it was an empty directory."""
        return self.kind is BatchKind.PRUNED

    @property
    def when(self) -> datetime:
        """When, as an aware datetime."""
        return as_datetime(self.at)


class Intent(NamedTuple):
    """What is about to be removed."""

    run: int
    area: str
    directory: str
    """Relative to the base path, with a trailing slash."""
    at: int
    """Now, in ns since the epoch."""
    entries: Sequence[Entry]
    kind: BatchKind = BatchKind.FILES


class Settled(NamedTuple):
    """The outcomes of a batch."""

    number: int
    """The batch's number; 0 when its intent is not recorded yet."""
    outcomes: Sequence[Outcome]
    intent: Intent | None = None
    """Its intent, to be recorded together with the outcomes."""


class OfferedPlan(NamedTuple):
    """A plan that a person may approve: what it would do, and under which settings."""

    id: str
    made: int
    """ns since the epoch."""
    cutoffs: dict[str, Any]
    """Area → {at, cause}, or None for an area that is kept indefinitely."""
    settings: dict[str, Any]
    """Area → its settings, as `shelflife.policy.limits.deciding_settings` gives them."""
    arrivals: dict[str, int] = {}  # noqa: RUF012 - a default of a NamedTuple, which nobody changes
    """Area → percent of its files that would go although they arrived expired, where it was counted."""


class OpenBatch(NamedTuple):
    """A batch whose outcomes are not known: its process died."""

    id: int
    area: str
    kind: BatchKind
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


def pack_outcomes(outcomes: Sequence[Outcome]) -> tuple[bytes, dict[int, int]]:
    """Return outcomes as they are stored: a byte for each, and the errnos of those that have one."""
    if isinstance(outcomes, Outcomes):
        return outcomes.fates.translate(_OF_FATES[outcomes.going]), {}
    codes = bytes(BYTES[Code(outcome.result, outcome.reason)] for outcome in outcomes)
    return codes, {n: outcome.errno for n, outcome in enumerate(outcomes) if outcome.errno}


MOST_NAMES: Final = 2**16
"""Names that a batch has at the most; more than `remove` ever puts in one."""


class BatchRow(NamedTuple):
    """A batch of files as its row has it."""

    id: int
    run: int
    area: str
    directory: bytes
    at: int
    names: bytes
    facts: bytes
    codes: bytes | None
    """None while its outcomes are not known."""
    errors: str
    cutoffs: str | None
    """Those of its run, as JSON."""
    kind: int


def unpack_batch(row: BatchRow) -> Iterator[FileRecord]:
    """Yield the files of a batch."""
    names = unpack_names(row.names)
    inodes, sizes, mtimes = unpack_facts(row.facts, len(names))
    outcomes = row.codes if row.codes is not None else bytes(len(names))
    numbers = {int(position): code for position, code in json.loads(row.errors or "{}").items()}
    causes = _causes_of(row.cutoffs, row.area)
    directory, kind = os.fsdecode(row.directory), BatchKind(row.kind)
    slash = "/" if kind is BatchKind.PRUNED else ""
    # A batch that was cut short has fewer outcomes than names: the rest is in the next one, if there is one.
    for position, (name, outcome) in enumerate(zip(names, outcomes, strict=False)):
        code = CODES[outcome]
        yield FileRecord(
            run=row.run,
            area=row.area,
            path=directory + name,
            at=row.at,
            inode=inodes[position],
            size=sizes[position],
            mtime=mtimes[position],
            result=code.result,
            reason=code.reason,
            errno=numbers.get(position, 0),
            cause=Cause.PURGE if code.reason is Reason.PURGED else causes.of(directory + name + slash),
            kind=kind,
            cursor=row.id * MOST_NAMES + position,
        )


@lru_cache(maxsize=16)
def _causes_of(cutoffs: str | None, area: str) -> Causes:
    return Causes(json.loads(cutoffs or "{}").get(area))


def unpack_names(joined: bytes) -> list[str]:
    """Return the names of a batch, as `Candidates.names` holds them."""
    return os.fsdecode(joined).split("/")


def unpack_facts(packed: bytes, count: int) -> tuple[list[int], list[int], list[int]]:
    """Return the inodes, sizes and mtimes of `count` files, as `Candidates.facts` holds them."""
    values = array("q", packed).tolist()
    return values[:count], values[count : 2 * count], values[2 * count :]
