"""Writing a journal in few words."""

from __future__ import annotations

from collections.abc import Sequence

from shelflife.files.listing import Entry, EntryKind
from shelflife.files.removal import Outcome, Result
from shelflife.policy.verdict import Reason
from shelflife.records.history import Intent, Settled, Trigger
from shelflife.records.journal import Journal


def begin(journal: Journal, *, at: int = 1) -> int:
    """Begin a run; return its number."""
    cutoffs = {"temp": {"at": 5, "cause": "retention"}}
    run = journal.runs.begin(trigger=Trigger.CLI, host="here", pid=7, at=at)
    journal.runs.carry_out(run, plan="abc", cutoffs=cutoffs)
    return run


def some_files(*names: str) -> list[Entry]:
    """Return files of sizes 10, 20, 30 and so on."""
    return [
        Entry(name, EntryKind.FILE, inode, inode * 10, 0, inode * 100)
        for inode, name in enumerate(names, start=1)
    ]


def all_removed(files: Sequence[Entry]) -> list[Outcome]:
    """Return that all of them went."""
    return [Outcome(entry, Result.REMOVED) for entry in files]


def exchange(journal: Journal, settled: Sequence[Settled], intent: Intent | None) -> int:
    """Record outcomes, and one intent if there is one; return its number, or 0."""
    numbers = journal.removals.exchange(settled, [] if intent is None else [intent])
    return numbers[0] if numbers else 0


def record_removals(journal: Journal, run: int, *names: str, directory: str = "temp/a/", at: int = 3) -> None:
    """Record that a run removed files."""
    files = some_files(*names)
    number = exchange(journal, [], Intent(run, "temp", directory, at, files))
    exchange(journal, [Settled(number, all_removed(files))], None)


def removed_by(journal: Journal, run: int) -> tuple[int, int]:
    """Return how many files a run removed, and their bytes."""
    gone = [
        file.size
        for file in journal.files.of_run(run)
        if file.result is Result.REMOVED and file.reason is not Reason.PURGED
    ]
    return len(gone), sum(gone)
