"""Leases: what a program works on stays while it does.

A lease is a hold that no person has to end. It is a claim of its process (`shelflife.records.claims`) and ends
with that, or it has a time to live, for those who work elsewhere. To have one takes a file and a lock, and no
transaction. Every run looks at leases where it looks at holds: before each batch, by path as by inode.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from shelflife.actor import current_actor
from shelflife.clock import SECOND
from shelflife.errors import RecordsError, UsageError
from shelflife.policy.holds import Hold, Holds
from shelflife.records.claims import LEASES, ClaimRecord, Claims
from shelflife.run.holds import kept_at
from shelflife.run.lock import wait_for_batch
from shelflife.storage.paths import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shelflife.records.claims import OwnClaim
    from shelflife.records.holds import HoldWatch
    from shelflife.records.state import StateDirectory
    from shelflife.run.workplace import Workplace

_PATIENCE: Final = 60.0
"""Seconds to wait for a batch that hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """A lease that somebody has. Times in ns since the epoch."""

    name: str
    """Its own, never used again."""
    holds: tuple[Hold, ...]
    """What it keeps, at least one file or tree."""
    holder: str
    """Who has it, in words: a process, and the actor if one was named."""
    reason: str
    created: int
    until: int | None
    """When it ends by itself; None: with its process."""

    @classmethod
    def of(cls, record: ClaimRecord) -> Self:
        """Return the lease that a claim is."""
        content = record.content
        actor = f"{content['actor']} (process {content['pid']})" if content["actor"] else ""
        holder = actor or f"process {content['pid']} on {content['host']}"
        shared = {
            "id": 0,
            "created": content["created"],
            "until": record.until,
            "reason": content["reason"],
            "actor": holder,
            "lease": record.name,
        }
        return cls(
            name=record.name,
            holds=tuple(Hold(**shared, **one) for one in content["kept"]),
            holder=holder,
            reason=content["reason"],
            created=content["created"],
            until=record.until,
        )


class Lease:
    """A lease of this process, as a context: it ends with that."""

    def __init__(self, claim: OwnClaim, paths: tuple[str, ...]) -> None:
        """Take over a claim."""
        self._claim = claim
        self.paths = paths
        """What it keeps, relative to the base path."""

    @property
    def name(self) -> str:
        """Its own name, never used again."""
        return self._claim.name

    def release(self) -> None:
        """End it. Called twice, it does nothing."""
        self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def lease(work: Workplace, paths: Sequence[str], *, reason: str = "") -> Lease:
    """Keep files, or directories with all below them, until the lease or its process ends.

    Returns when no batch of a running cleanup can still ignore it. Raises UsageError for no path, for one that is
    in no area or not there, StorageError, RecordsError.
    """
    kept = _kept(work, paths)
    return Lease(_claim(work, kept, reason, until=None), tuple(one["path"] for one in kept))


def lease_for(work: Workplace, paths: Sequence[str], seconds: float, *, reason: str = "") -> LeaseRecord:
    """Keep files or trees for so many seconds, whatever becomes of this process: see `renew`, `release`.

    Raises as `lease`.
    """
    until = _end(work, seconds)
    claim = _claim(work, _kept(work, paths), reason, until=until)
    claim.let_go()
    return lease_of(work, claim.name)


def renew(work: Workplace, name: str, seconds: float) -> LeaseRecord:
    """Let a lease with a time to live end so many seconds from now. Raises UsageError when there is none."""
    until, claims = _end(work, seconds), Claims(work.records.state, LEASES)
    with claims.exclusive():
        if lease_of(work, name).until is None:
            raise UsageError(f"the lease {name} ends with its process: it has no time to live")
        claims.renew(name, until)
    return lease_of(work, name)


def release(work: Workplace, name: str) -> LeaseRecord:
    """End a lease with a time to live; return it. Raises UsageError when there is none of that name."""
    found, claims = lease_of(work, name), Claims(work.records.state, LEASES)
    if found.until is None:
        raise UsageError(f"the lease {name} is its process's to end: {found.holder}")
    with claims.exclusive():
        claims.remove(name)
    return found


def lease_of(work: Workplace, name: str) -> LeaseRecord:
    """Return the lease of that name. Raises UsageError when there is none, or it has ended."""
    try:
        record = Claims(work.records.state, LEASES).find(name, work.clock())
    except OSError as error:
        raise _unknown(error) from error
    if record is None:
        raise UsageError(f"there is no lease {name}, or it has ended")
    return LeaseRecord.of(record)


def leases(work: Workplace) -> list[LeaseRecord]:
    """Return the leases that there are. Raises RecordsError."""
    return _leases(work.records.state, work.clock())


def leased(state: StateDirectory, now: int) -> list[Hold]:
    """Return what is leased at `now` (ns). Raises RecordsError: unknown leases must stop a run."""
    return [hold for found in _leases(state, now) for hold in found.holds]


def _leases(state: StateDirectory, now: int) -> list[LeaseRecord]:
    try:
        return [LeaseRecord.of(record) for record in Claims(state, LEASES).living(now)]
    except OSError as error:
        raise _unknown(error) from error


def _unknown(error: OSError) -> RecordsError:
    return RecordsError(f"the leases cannot be read: {error}")


def _end(work: Workplace, seconds: float) -> int:
    if not seconds > 0:
        raise UsageError("a lease must end in the future; allowed: a number of seconds above 0")
    return work.clock() + int(seconds * SECOND)


def _kept(work: Workplace, paths: Sequence[str]) -> list[dict[str, Any]]:
    """Return what is at paths, as fields of holds. Raises UsageError when nothing is."""
    if not paths:
        raise UsageError("nothing to lease; give the path of a file or a directory in an area")
    found = []
    for path in dict.fromkeys(paths):
        place = locate(path, work.settings.base_path, work.areas)
        try:
            found.append(kept_at(work, place))
        except OSError as error:
            raise UsageError(f"cannot lease {place.whole}: {error.strerror}") from error
    return found


def _claim(work: Workplace, kept: list[dict[str, Any]], reason: str, *, until: int | None) -> OwnClaim:
    state = work.records.state
    claims = Claims(state, LEASES)
    content = {"kept": kept, "reason": reason, "created": work.clock(), "actor": current_actor().name}
    try:
        with claims.exclusive():
            claim = claims.add(content, until=until)
    except OSError as error:
        raise RecordsError(f"nothing can be leased: {error}") from error
    try:
        if not wait_for_batch(state, patience=_PATIENCE):
            raise UsageError(
                f"a cleanup has hung in one batch for {_PATIENCE:.0f} s, which may still take it"
            )
        _see_that_it_is_there(work, kept)
    except BaseException:
        claim.release()
        raise
    return claim


def _see_that_it_is_there(work: Workplace, kept: list[dict[str, Any]]) -> None:
    """Raise UsageError when something went before the lease could count."""
    for one in kept:
        try:
            os.lstat(f"{work.settings.base_path}/{one['path']}")
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(f"{one['path']} went while it was being leased") from None
        except OSError:
            continue  # it cannot be told, and the lease does no harm


class HoldsInForce:
    """The holds and leases as they are now, for as long as a run lasts. May be used by several threads."""

    def __init__(self, watch: HoldWatch, state: StateDirectory, *, clock: Callable[[], int]) -> None:
        """Take what watches the holds."""
        self._watch = watch
        self._claims = Claims(state, LEASES)
        self._state = state
        self._clock = clock
        self._known: tuple[Holds, frozenset[str], int | None, Holds] | None = None

    def current(self) -> Holds:
        """See `shelflife.scan.context.HoldSource`. Raises OSError, RecordsError when they cannot be known.

        A lease counts until another one begins or ends, also when its process has ended meanwhile: what is found
        again and again must cost next to nothing.
        """
        holds, names = self._watch.current(), self._claims.names()
        known = self._known
        if (
            known is not None
            and known[0] is holds
            and known[1] == names
            and (known[2] is None or self._clock() < known[2])
        ):
            return known[3]
        now = self._clock()
        found = leased(self._state, now) if names else []
        ends = min((hold.until for hold in found if hold.until is not None), default=None)
        together = holds.with_leases(found)
        self._known = holds, names, ends, together
        return together
