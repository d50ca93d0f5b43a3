"""Quotas: an area that holds too much loses its oldest files before they expire."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shelflife import Engine, NeedsApproval, Settings
from shelflife.records.history import Trigger

if TYPE_CHECKING:
    from shelflife.testing import MakeStorage

_BLOCK = 4096
_CONTENT = bytes(_BLOCK)
"""Of files that take one block each: a quota counts what is on disk."""


def test_the_oldest_files_go_until_the_area_is_within_its_quota(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": {"retention": "30d", "quota": f"{5 * _BLOCK + 99}B"}, "uploads": "7d"})
    files = [storage.file(f"frames/{n % 3}/{n}", age=f"{20 - n}d", content=_CONTENT) for n in range(10)]
    storage.file("uploads/x", age="6d", content=_CONTENT)

    plan = storage.engine.plan()
    report = storage.engine.execute(plan)

    frames = plan.areas[0]
    assert frames.cutoff is not None
    assert (frames.cutoff.cause, frames.files, report.removed) == ("quota", 5, 5)
    assert [file.exists() for file in files] == [False] * 5 + [True] * 5
    assert storage.engine.plan().files == 0


def test_what_takes_no_room_on_disk_makes_nothing_go(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": {"retention": "30d", "quota": "1MB"}})
    storage.file("frames/sparse", age="2d", size=10**10)
    files = [storage.file(f"frames/{n}", age=f"{9 - n}d", content=_CONTENT) for n in range(5)]
    assert storage.engine.cleanup().removed == 0
    assert all(file.exists() for file in files)


def test_a_file_with_two_names_in_an_area_counts_once(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": {"retention": "30d", "quota": f"{3 * _BLOCK}B"}})
    for n in range(3):
        file = storage.file(f"frames/{n}", age=f"{9 - n}d", content=_CONTENT)
        os.link(file, file.with_name(f"{n}-again"))
    assert storage.engine.cleanup().removed == 0
    storage.file("frames/one-more", age="3d", content=_CONTENT)
    storage.engine.cleanup()
    assert storage.files() == ["frames/1", "frames/1-again", "frames/2", "frames/2-again", "frames/one-more"]


def test_a_number_of_files_bounds_an_area_too(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": {"retention": "30d", "max_files": 3}})
    for n in range(10):
        storage.file(f"frames/{n}", age=10 * n + 172_800)
    storage.engine.cleanup()
    assert storage.files() == ["frames/0", "frames/1", "frames/2"]


def test_the_same_moment_is_told_apart_to_the_nanosecond(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": {"retention": "30d", "max_files": 5}})
    moment = storage.now() - 2 * 86_400 * 10**9
    for n in range(10):
        os.utime(storage.file(f"frames/{n}"), ns=(moment - n, moment - n))
    storage.engine.cleanup()
    assert storage.files() == [f"frames/{n}" for n in range(5)]


def test_what_is_young_held_or_protected_stays_although_the_quota_is_exceeded(
    make_storage: MakeStorage,
) -> None:
    area = {"retention": "30d", "quota": f"{3 * _BLOCK}B", "protect": ["*.keep"]}
    storage = make_storage({"frames": area})
    storage.file("frames/young", age="2h", content=2 * _CONTENT)
    held = storage.file("frames/held", age="20d", content=_CONTENT)
    storage.file("frames/a.keep", age="25d", content=_CONTENT)
    for n in range(4):
        storage.file(f"frames/{n}", age=f"{4 - n + 2}d", content=_CONTENT)
    storage.engine.hold(held)

    storage.engine.cleanup()

    assert storage.files() == ["frames/a.keep", "frames/held", "frames/young"]


def test_a_hold_makes_others_go_in_its_place(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": {"retention": "30d", "quota": f"{3 * _BLOCK}B"}})
    files = [storage.file(f"frames/{n}", age=f"{9 - n}d", content=_CONTENT) for n in range(5)]
    storage.engine.hold(files[0])
    storage.engine.cleanup()
    assert storage.files() == ["frames/0", "frames/3", "frames/4"]


def test_units_fill_a_quota_as_a_whole(make_storage: MakeStorage) -> None:
    storage = make_storage(
        {"frames": {"retention": "30d", "quota": f"{4 * _BLOCK + 99}B", "expire": "directory"}}
    )
    for unit, newest in (("a", 9), ("b", 8), ("c", 7)):
        storage.file(f"frames/{unit}/1", age=f"{newest}d", content=_CONTENT)
        storage.file(f"frames/{unit}/2", age=f"{newest + 5}d", content=_CONTENT)
        storage.directory(f"frames/{unit}", age=f"{newest}d")
    storage.engine.cleanup()
    assert storage.files() == ["frames/b/1", "frames/b/2", "frames/c/1", "frames/c/2"]


def test_a_quota_that_takes_what_it_always_took_needs_nobodys_approval(make_storage: MakeStorage) -> None:
    limits = {"confirm_above": "1%", "confirm_above_files": 1}
    storage = make_storage({"frames": {"retention": "30d", "max_files": 1}}, limits=limits)
    for night in range(3):
        for n in range(10):
            storage.file(f"frames/{night}-{n}", age=f"{n}h")
        storage.tick("2d")
        trigger = Trigger.SCHEDULE if night else Trigger.PROGRAM
        assert storage.engine.cleanup(trigger=trigger).removed >= 9


def test_a_quota_that_is_new_waits_for_a_person(make_storage: MakeStorage) -> None:
    storage = make_storage({"frames": "30d"})
    storage.file("frames/expired")
    storage.engine.cleanup()
    for n in range(30):
        storage.file(f"frames/{n}", age=f"{n % 9 + 2}d", content=_CONTENT)
    areas = {"frames": {"retention": "30d", "quota": "1B"}}
    changed = Engine(Settings.build(base_path=storage.base_path, areas=areas), clock=storage.now)
    with pytest.raises(NeedsApproval, match="its quota was lowered from none to 1B"):
        changed.cleanup(trigger=Trigger.SCHEDULE)
    assert len(storage.files()) == 30


@pytest.mark.parametrize(("quota", "gone"), [(10, 0), (3, 2)])
def test_retention_and_quota_go_together(make_storage: MakeStorage, quota: int, gone: int) -> None:
    storage = make_storage({"frames": {"retention": "30d", "quota": f"{quota * _BLOCK}B"}})
    for n in range(5):
        storage.file(f"frames/{n}", age=f"{10 + n}d", content=_CONTENT)
    storage.file("frames/expired", age="31d", content=_CONTENT)
    storage.engine.cleanup()
    assert len(storage.files()) == 5 - gone


def test_why_says_what_may_take_a_file_before_it_expires(make_storage: MakeStorage) -> None:
    area = {"retention": "30d", "quota": "5GB", "max_files": 7, "priority": 1}
    storage = make_storage({"frames": area}, pressure={"high": "91%"})
    told = " ".join(storage.engine.why(storage.file("frames/x", age="2d")).sentences)
    assert "more than 4.66 GB or 7 files: oldest first, but nothing younger than 1 day" in told
    assert "when the disk is above 91 %" in told
