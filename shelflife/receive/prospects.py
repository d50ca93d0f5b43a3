"""What may go from a disk, and when: so a refusal says when it is worth asking again.

It comes from the index, but where a person holds something, which is measured. Only whole hours count: files of
the hour in which a cutoff lies are left out, so that what is said here is true.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from shelflife.clock import HOUR
from shelflife.files.trash import trash_names
from shelflife.policy.admission import Prospects
from shelflife.policy.choose import Stock
from shelflife.policy.load import Load, total
from shelflife.policy.schedule import Schedule
from shelflife.remove.purge import trash_load
from shelflife.run.preview import holds_of
from shelflife.scan.context import Context
from shelflife.scan.measure import stocks_of
from shelflife.storage.areas import hold_roots
from shelflife.storage.disks import disks_of

if TYPE_CHECKING:
    from shelflife.policy.area import Area
    from shelflife.run.workplace import Workplace

_SLOTS: Final = 62
"""Cleanups to come that are looked at: two months of them, where there is one each day."""

_HOURS: Final = 7 * 24
"""Hours to come that are looked at where room is made at any time."""


class _Share(NamedTuple):
    """What an area has on a disk."""

    area: Area
    stocks: dict[int, Stock]
    """What may go, by class."""
    trash: list[tuple[int, Load]]
    """When each part of what waits in the trash went there (ns), and what purging it frees."""

    def aged(self, now: int, least: int | None = None) -> Load:
        """Return what is past its retention at `now` (ns), or, if given, as old as `least` (ns)."""
        load = Load()
        for number, stock in self.stocks.items():
            retention = self.area.rules.classes[number].retention or 0
            limit = now - (retention if least is None else min(retention, least))
            load = load.plus(_before(stock, limit))
        return load

    def purged(self, now: int) -> Load:
        """Return what has waited in the trash for long enough at `now` (ns)."""
        return total(load for at, load in self.trash if at < now - (self.area.trash or 0))


def _before(stock: Stock, limit: int) -> Load:
    return total(load for hour, load in stock.histogram.items() if (hour + 1) * HOUR <= limit)


def prospects_of(work: Workplace, device: int) -> Prospects:
    """Return what may go from the file system of that number, at once and in the weeks to come.

    Without an index nothing is known of what is there. Raises StorageError, RecordsError.
    """
    settings, now = work.settings, work.clock()
    if settings.cleanup.dry_run:
        return Prospects()
    found = _shares(work, device, now)
    slots = _slots(work, now) if settings.cleanup.enabled else []
    if settings.pressure is None:
        return Prospects(later=[(slot, _gone_by(found, slots, slot)) for slot in slots])
    hours = [(now // HOUR + number) * HOUR for number in range(1, _HOURS)]
    moments = sorted({*slots, *hours})
    return Prospects(now=_at_once(found, now), later=[(at, _at_once(found, at)) for at in moments])


def _at_once(found: list[_Share], now: int) -> Load:
    """Return what making room could free at `now` (ns): trash, expired, and what has a priority."""
    return total(
        share.aged(now, None if share.area.priority is None else share.area.min_age).plus(
            total(load for _, load in share.trash)
        )
        for share in found
    )


def _gone_by(found: list[_Share], slots: list[int], slot: int) -> Load:
    """Return what cleanups alone will have freed once that of `slot` (ns) is done."""
    load = Load()
    for share in found:
        load = load.plus(share.purged(slot))
        if share.area.trash is None:
            load = load.plus(share.aged(slot))
        elif earlier := bisect_right(slots, slot - share.area.trash):
            load = load.plus(
                share.aged(slots[earlier - 1])
            )  # it goes into the trash first, and then has to wait
    return load


def _slots(work: Workplace, now: int) -> list[int]:
    schedule, slots, at = Schedule.of(work.settings.cleanup), list[int](), now
    while len(slots) < _SLOTS and (slot := schedule.next_after(at)) is not None:
        slots.append(slot)
        at = slot
    return slots


def _shares(work: Workplace, device: int, now: int) -> list[_Share]:
    with work.hold_base() as base, work.records.read_index() as index:
        if index is None:
            return []
        context = Context(
            base=base,
            index=index,
            freshness=work.freshness(now),
            listener=work.listener,
            pinned=holds_of(work),
        )
        return [
            _share(context, work.areas[name], directories)
            for disk in disks_of(base, work.areas.values())
            if disk.device == device
            for name, directories in disk.areas.items()
            if work.areas[name].retention is not None
        ]


def _share(context: Context, area: Area, directories: tuple[str, ...]) -> _Share:
    with hold_roots(context.base, area) as (held, _):
        roots = [root for root in held if root.directory in directories]
        now = context.freshness.now
        trash = [
            (name.at, trash_load(context, root.anchor, root.directory, name))
            for root in roots
            for name in trash_names(root.anchor)
        ]
        return _Share(area, stocks_of(context, area, roots, before=now + HOUR), trash)
