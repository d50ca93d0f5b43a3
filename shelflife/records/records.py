"""Opening the records of a storage: the one way to its journal and its index.

Whoever keeps them elsewhere than in SQLite implements `Records`, passes `tests/unit/records/contract`, and is
named in `open_records`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shelflife.errors import StorageError
from shelflife.records.sqlite.records import SqliteRecords
from shelflife.records.state import Owner, StateDirectory

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from shelflife.records.index import Index
    from shelflife.records.journal import Journal
    from shelflife.settings import Settings


class Records(Protocol):
    """The records of one storage. To have it opens nothing; each method may be used again and again."""

    @property
    def state(self) -> StateDirectory:
        """The directory that they are in, beside the lock and the marker."""

    def open_journal(self) -> AbstractContextManager[Journal]:
        """Open the journal to write, as a context; it is made where it is missing. Raises RecordsError.

        A full disk is no reason to raise: a run that makes room must be recorded, in memory until there is some.
        """

    def read_journal(self) -> AbstractContextManager[Journal | None]:
        """Open the journal to read, as a context; None if there is none yet, and none is made.

        Raises RecordsError if there is one that cannot be read: what is in it is then unknown, not empty.
        """

    def open_index(self) -> AbstractContextManager[Index]:
        """Open the index to bring it up to date, as a context; one that is missing or of no use is made anew.

        One process at a time writes it. Whoever comes second, or has no write access, works on a private copy.
        """

    def read_index(self) -> AbstractContextManager[Index | None]:
        """Open the index as it is, to read, as a context; None if there is none that can be read."""


def open_records(settings: Settings) -> Records:
    """Return the records of the storage that the settings describe; nothing is opened or made yet.

    Raises StorageError if the base path is not there: its owner is theirs.
    """
    try:
        owner = Owner.of(settings.base_path)
    except OSError as error:
        raise StorageError(f"the base path {settings.base_path}: {error.strerror}") from error
    return SqliteRecords(StateDirectory(settings.state_path, settings.home_path, owner))
