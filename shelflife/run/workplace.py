"""The workplace: a storage with its settings, from which every operation starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shelflife.errors import StorageError
from shelflife.events import Listener
from shelflife.files.anchor import identity_of
from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.area import Area, areas_of
from shelflife.policy.holds import Holds
from shelflife.records.records import Records, open_records
from shelflife.scan.context import Context, HoldSource, Unwatched, Watch
from shelflife.scan.freshness import Freshness, freshness_at
from shelflife.storage.areas import hold_base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shelflife.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What every operation on a storage starts from."""

    settings: Settings
    listener: Listener
    clock: Callable[[], int]
    areas: Mapping[str, Area] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "areas", areas_of(self.settings))

    def with_settings(self, settings: Settings) -> Workplace:
        """Return the workplace for other settings, with the same listener and clock."""
        return replace(self, settings=settings)

    @property
    def records(self) -> Records:
        """What is remembered of the storage. Raises StorageError when the base path is not there."""
        with self.hold_base():
            return open_records(self.settings)

    @contextmanager
    def hold_base(self) -> Iterator[int]:
        """Hold the base path open, as a context. Raises StorageError that says what is wrong with it."""
        with hold_base(self.settings.base_path, require_mount=self.settings.require_mount) as base:
            yield base

    def freshness(self, now: int) -> Freshness:
        """Return which rows of the index may stand without another look at `now` (ns)."""
        index = self.settings.index
        return freshness_at(now, settle=index.settle, rescan_after=index.rescan_after)

    @contextmanager
    def context(self, *, holds: HoldSource | None = None, watch: Watch | None = None) -> Iterator[Context]:
        """Open the index, and give what looking needs. Raises StorageError, RecordsError."""
        with (
            self.hold_base() as base,
            self.records.open_index() as index,
            WorkerPool(self.settings.cleanup.workers) as pool,
        ):
            yield Context(
                base=base,
                index=index,
                freshness=self.freshness(self.clock()),
                listener=self.listener,
                watch=_BaseWatch(base, self.settings.base_path, watch or Unwatched()),
                pinned=Holds() if holds is None else holds,
                pool=pool,
            )


class _BaseWatch:
    """Sees besides whether the held base path is still what its path leads to."""

    def __init__(self, base: int, path: Path, inner: Watch) -> None:
        self._held = identity_of(base)
        self._path = path
        self._inner = inner

    def look(self) -> None:
        """See `Watch`."""
        self._inner.look()
        try:
            status = os.stat(self._path)
        except OSError as error:
            raise StorageError(f"the base path {self._path}: {error.strerror}") from error
        if (status.st_dev, status.st_ino) != self._held:
            raise StorageError(f"the base path {self._path} was moved or replaced meanwhile")
