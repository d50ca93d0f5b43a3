"""What comes into a storage: the half of the engine that lets others write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shelflife.questions import Questions
from shelflife.twins import in_thread

if TYPE_CHECKING:
    from shelflife.receive.asynchronous import ReceivingIncoming
    from shelflife.receive.incoming import Incoming
    from shelflife.receive.resumable import ReservationRecord
    from shelflife.run.leases import Lease, LeaseRecord


class Writing(Questions):
    """Lets others write into one storage."""

    def receive(self, area: str, path: str, *, size: int | None = None) -> Incoming:
        """Promise room for a file that is to be at `path` below an area; return it, to be written and published.

        >>> with engine.receive("uploads", "4711/clip.mp4", size=300_000_000) as incoming:  # doctest: +SKIP
        ...     shutil.copyfileobj(source, incoming)
        ...     incoming.publish()

        `size` in bytes; None: it is not known, and room is promised step by step. Until it is published it has no
        name, and whatever ends it before leaves nothing behind.
        Raises NoRoom before anything is written, UsageError for no such area, name or size, StorageError,
        RecordsError.
        """
        from shelflife.receive.incoming import receive

        return receive(self._work, area, path, size=size)

    def reserve(
        self, area: str, path: str, *, size: int | None = None, keep: float = 86_400
    ) -> ReservationRecord:
        """Promise room to a file that comes in several goes, by whichever process: see `resume`.

        After each go it waits for `keep` seconds. Raises as `receive`.
        """
        from shelflife.receive.resumable import reserve_for

        return reserve_for(self._work, area, path, size, keep)

    def resume(self, name: str) -> Incoming:
        """Go on with what was reserved, where the file ends on disk; closed before it is published, it waits on.

        Raises UsageError when there is none of that name, or somebody else writes it just now, StorageError.
        """
        from shelflife.receive.resumable import resume

        return resume(self._work, name)

    def give_up(self, name: str) -> ReservationRecord:
        """Give up what was reserved, with all that has come of it; return what it was. Raises as `resume`."""
        from shelflife.receive.resumable import give_up

        return give_up(self._work, name)

    def reservations(self) -> list[ReservationRecord]:
        """Return what is being received, by whichever process. Raises StorageError."""
        from shelflife.receive.resumable import reservations

        return reservations(self._work)

    def reservation_of(self, name: str) -> ReservationRecord:
        """Return what is being received under that name. Raises UsageError when there is none, StorageError."""
        from shelflife.receive.resumable import reservation_of

        return reservation_of(self._work, name)

    def lease(self, *paths: str | os.PathLike[str], reason: str = "") -> Lease:
        """Keep files, or directories with all below them, while this process works on them: as a context.

        >>> with engine.lease("storage/uploads/4711/clip.mp4", reason="analysis"):  # doctest: +SKIP
        ...     analyse()

        Killed, the process has none any more. Returns when no batch of a running cleanup can still ignore it.
        Raises UsageError for no path, for one that lies in no area or is not there, StorageError, RecordsError.
        """
        from shelflife.run.leases import lease

        return lease(self._work, [os.fspath(path) for path in paths], reason=reason)

    def lease_for(self, seconds: float, *paths: str | os.PathLike[str], reason: str = "") -> LeaseRecord:
        """Keep files or trees for so many seconds, whatever becomes of this process. Raises as `lease`."""
        from shelflife.run.leases import lease_for

        return lease_for(self._work, [os.fspath(path) for path in paths], seconds, reason=reason)

    def renew_lease(self, name: str, seconds: float) -> LeaseRecord:
        """Let a lease with a time to live end so many seconds from now. Raises UsageError when there is none."""
        from shelflife.run.leases import renew

        return renew(self._work, name, seconds)

    def release_lease(self, name: str) -> LeaseRecord:
        """End a lease with a time to live; return it. Raises UsageError when there is none of that name."""
        from shelflife.run.leases import release

        return release(self._work, name)

    def leases(self) -> list[LeaseRecord]:
        """Return the leases that there are, of all processes. Raises StorageError, RecordsError."""
        from shelflife.run.leases import leases

        return leases(self._work)

    def lease_of(self, name: str) -> LeaseRecord:
        """Return the lease of that name. Raises UsageError when there is none, StorageError, RecordsError."""
        from shelflife.run.leases import lease_of

        return lease_of(self._work, name)

    areserve = in_thread(reserve)
    aresume = in_thread(resume)
    agive_up = in_thread(give_up)
    areservations = in_thread(reservations)
    areservation_of = in_thread(reservation_of)
    alease = in_thread(lease)
    alease_for = in_thread(lease_for)
    arenew_lease = in_thread(renew_lease)
    arelease_lease = in_thread(release_lease)
    aleases = in_thread(leases)
    alease_of = in_thread(lease_of)

    def areceive(self, area: str, path: str, *, size: int | None = None) -> ReceivingIncoming:
        """Do `receive` in worker threads: `async with engine.areceive(…) as incoming`."""
        from shelflife.receive.asynchronous import ReceivingIncoming

        return ReceivingIncoming(self._work, area, path, size=size)

    areceive.__wrapped__ = receive  # type: ignore[attr-defined]  # it is a twin, though it gives a context
