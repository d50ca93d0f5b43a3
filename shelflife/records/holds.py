"""What people pinned, as the rest of the program sees it. Those that ended stay in the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shelflife.errors import RecordsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shelflife.policy.holds import Hold, Holds


class HoldChanged(RecordsError):  # noqa: N818 - a state, not a fault
    """The hold that was to be replaced is not there any more: somebody has ended or replaced it meanwhile."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the hold on {path} was ended or replaced meanwhile")


class HoldBook(Protocol):
    """The holds of one storage."""

    def add(self, hold: Hold, *, instead_of: int | None = None) -> Hold:
        """Record a hold, whatever number it has; return it with its own. One on the same path is replaced.

        One of a run is on its path with all below it until it is closed, and replaces none.

        Raises HoldChanged, and records nothing, unless the one on that path is number `instead_of`, if given.
        """

    def open_runs(self) -> list[int]:
        """Return the runs whose holds are not closed."""

    def close(self, run: int) -> Hold | None:
        """Let the hold of a run be on what the run brought back, and nothing else; return it.

        None where there is no such hold, or nothing came back: then there is no such hold any more. Raises
        JournalFull where there is no room to write it.
        """

    def follow(self, hold: Hold, inode: int, born: int | None) -> None:
        """Let a hold also be on the inode that is at its path now, made at `born` (ns), wherever it goes."""

    def end(self, path: str, at: int, *, only: int | None = None) -> list[Hold]:
        """End the holds on a path (relative to the base path) that are active at `at` (ns); return them.

        With `only`, no other than the one of that number.
        """

    def on(self, path: str, at: int) -> list[Hold]:
        """Return the holds on a path itself that are active at `at` (ns)."""

    def one(self, number: int) -> Hold | None:
        """Return the hold of that number, whether it is active or not."""

    def latest(
        self, *, limit: int, before: int | None = None, active: int | None = None, areas: Sequence[str] = ()
    ) -> list[Hold]:
        """Return holds, the latest first: those before number `before`, of some areas (all, if there are none).

        With `active`, only those that are active at that moment (ns).
        """

    def end_of_run(self, run: int, at: int) -> list[Hold]:
        """End the hold on what a run brought back, if it is active at `at` (ns); return it."""

    def all(self) -> list[Hold]:
        """Return every hold there ever was, the latest first."""

    def active(self, now: int) -> Holds:
        """Return the holds that are active at `now` (ns)."""


class HoldWatch(Protocol):
    """The active holds, for as long as the journal is open."""

    def current(self) -> Holds:
        """Return the holds as they are now. May be called by several threads.

        Raises if they cannot be read: unknown holds must stop a run.
        """
