"""The ledger of promises: the room that is promised to each file that is being received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from shelflife.records.claims import RECEIVING, Claims

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shelflife.records.state import StateDirectory


class Promise(NamedTuple):
    """Room that is promised to a file."""

    area: str
    path: str
    """Where it is to be, relative to the base path."""
    device: int
    """Number of the file system."""
    promised: int
    """Bytes."""
    hidden: int
    """Those of them that the file system's numbers do not show."""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Promise:
        """Return what a claim says."""
        return cls(*(content[name] for name in cls._fields))

    @property
    def shown(self) -> int:
        """Those that the file system counts as used."""
        return self.promised - self.hidden


def promises_of(state: StateDirectory, now: int) -> list[Promise]:
    """Return what is promised on a storage at `now` (ns), to whichever process. Raises OSError."""
    return [Promise.of(record.content) for record in Claims(state, RECEIVING).living(now)]
