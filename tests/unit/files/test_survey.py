from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.files import counting as module
from shelflife.files.counting import count_entry, is_due, managed, survey_directory
from shelflife.files.listing import FOREVER, Entry, EntryKind, read_directory
from shelflife.files.survey import Key, Survey
from shelflife.policy.area import Area
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.settings import AgeFrom
from tests.unit.policy.areas import an_area

_AT = 1_700_000_000 * 10**9
_LATER = 2**62


def _survey(
    directory: Path, *, path: str = "x/", area: Area | None = None, at: int = _AT, settled: int = _LATER
) -> Survey:
    fd = os.open(directory, os.O_RDONLY)
    try:
        return survey_directory(
            fd,
            path,
            area or an_area(),
            settled_before=settled,
            cutoffs=Cutoffs.only(Cutoff(at=at, cause=Cause.RETENTION)),
        )
    finally:
        os.close(fd)


def _file(path: Path, mtime: int, size: int = 10) -> Path:
    path.write_bytes(bytes(size))
    os.utime(path, ns=(mtime, mtime))
    return path


def test_a_directory_is_counted_without_what_is_below(tmp_path: Path) -> None:
    _file(tmp_path / "old", _AT - 1, 3)
    _file(tmp_path / "exact", _AT, 4)
    _file(tmp_path / "new", _AT + 2, 5)
    (tmp_path / "below").mkdir()
    _file(tmp_path / "below/older", _AT - 9, 100)
    (tmp_path / "link").symlink_to("new")
    os.utime(tmp_path / "link", ns=(_AT - 5, _AT - 5), follow_symlinks=False)
    found = _survey(tmp_path)
    assert (found.entries, found.files, found.bytes) == (5, 3, 12)
    assert (found.oldest, found.newest) == (_AT - 1, _AT + 2)
    assert found.first_due == _AT - 5  # of the link
    assert (found.due_files, found.due_bytes, found.due_links) == (1, 3, 1)
    assert found.children == {"below": (tmp_path / "below").stat().st_ino}
    assert (found.complete, found.settled, found.staying) == (True, True, 0)


def test_what_is_protected_is_counted_apart_and_never_due(tmp_path: Path) -> None:
    area = an_area(protect=["*.keep", "/x/d*"])
    for name in ("a.keep", "d", "e"):
        _file(tmp_path / name, _AT - 9, 7)
    (tmp_path / "link.keep").symlink_to("e")
    found = _survey(tmp_path, area=area)
    assert (found.files, found.bytes, found.others[1].files, found.others[1].bytes) == (1, 7, 2, 14)
    assert (found.due_files, found.due_links, found.staying) == (1, 0, 0)


def test_a_keep_file_is_no_file_but_keeps_its_directory_from_being_empty(tmp_path: Path) -> None:
    _file(tmp_path / ".gitkeep", _AT - 9)
    os.utime(tmp_path, ns=(0, 0))
    found = _survey(tmp_path)
    assert (found.entries, found.files, found.staying, found.first_due) == (1, 0, 1, FOREVER)


def test_special_files_stay(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.utime(tmp_path / "fifo", ns=(0, 0))
    found = _survey(tmp_path)
    assert (found.entries, found.files, found.staying, found.first_due) == (1, 0, 1, FOREVER)


@pytest.mark.parametrize(("path", "first_due"), [("x/", _AT - 1), ("", FOREVER)])
def test_an_empty_directory_is_due_by_its_own_time_but_an_area_never(
    tmp_path: Path, path: str, first_due: int
) -> None:
    os.utime(tmp_path, ns=(_AT - 1, _AT - 1))
    assert _survey(tmp_path, path=path).first_due == first_due


@pytest.mark.parametrize(("path", "entries"), [("", 1), ("x/", 2)])
def test_the_trash_of_an_area_is_no_part_of_it(tmp_path: Path, path: str, entries: int) -> None:
    (tmp_path / ".trash").mkdir()
    _file(tmp_path / "a", _AT)
    assert _survey(tmp_path, path=path).entries == entries


def test_age_from_changed_counts_from_the_later_of_both_times(tmp_path: Path) -> None:
    path = _file(tmp_path / "arrived-old", _AT - 9)
    found = _survey(tmp_path, area=an_area(age_from="changed"))
    assert found.oldest == path.stat().st_ctime_ns
    assert found.due_files == 0


def test_allocated_is_what_files_take_on_disk(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**8)
    found = _survey(tmp_path)
    assert found.bytes == 10**8
    assert found.allocated < 10**6


@pytest.mark.parametrize("what", ["directory mtime", "directory ctime", "file ctime", "link ctime"])
def test_a_directory_is_settled_once_all_its_times_are_before_the_settling_time(
    tmp_path: Path, what: str
) -> None:
    if what.startswith("file"):
        _file(tmp_path / "a", 0)
    if what.startswith("link"):
        (tmp_path / "a").symlink_to("b")
    moment = tmp_path.stat().st_ctime_ns
    if what != "directory mtime":
        os.utime(tmp_path, ns=(0, 0))
        moment = tmp_path.stat().st_ctime_ns
    if what == "directory mtime":
        moment = _AT * 3
        os.utime(tmp_path, ns=(moment, moment))
    assert not _survey(tmp_path, settled=moment).settled
    assert _survey(tmp_path, settled=moment + 1).settled


def test_a_directory_that_changes_while_it_is_read_is_not_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _file(tmp_path / "a", 0)

    def read(fd: int, age: AgeFrom) -> object:
        yield from read_directory(fd, age)
        os.utime(tmp_path, ns=(1, 1))

    monkeypatch.setattr(module, "read_directory", read)
    assert not _survey(tmp_path).settled


def test_an_entry_that_cannot_be_looked_at_makes_a_survey_incomplete() -> None:
    found = Survey(key=Key(1, 2, 3))
    count_entry(found, Entry("a", EntryKind.UNKNOWN, 0, 13), "", an_area())
    found.finish("x/", _LATER, an_area().rules)
    assert (found.complete, found.errno, found.settled) == (False, 13, False)


_ENTRIES = st.builds(
    Entry,
    st.sampled_from(["a", "b.keep", ".gitkeep", ".trash", "c"]),
    st.sampled_from([EntryKind.FILE, EntryKind.LINK, EntryKind.OTHER, EntryKind.DIRECTORY]),
    st.integers(1, 9),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.integers(-HOUR * 3, HOUR * 3),
    st.integers(-HOUR * 3, HOUR * 3),
    st.integers(1, 3),
    st.integers(-HOUR * 3, HOUR * 3),
)


@given(entries=st.lists(_ENTRIES, max_size=12), path=st.sampled_from(["", "x/"]), at=st.integers(-HOUR, HOUR))
def test_numbers_agree_with_each_other(entries: list[Entry], path: str, at: int) -> None:
    area = an_area(protect=["*.keep"])
    found = Survey(key=Key(1, 2, 3))
    cutoffs = Cutoffs.only(Cutoff(at=at, cause=Cause.RETENTION))
    own = list(managed(entries, path, area))
    for entry in own:
        count_entry(found, entry, path, area, due=is_due(entry, path, area, cutoffs))
    protected = found.part(1)
    keep_files = sum(entry.is_file and entry.name == ".gitkeep" for entry in own)
    assert found.entries == len(own)
    assert found.files + protected.files + keep_files == sum(entry.is_file for entry in own)
    assert sum(load.files for load in found.hours.values()) == found.files
    assert sum(load.bytes for load in found.hours.values()) == found.bytes
    assert sum(load.allocated for load in found.hours.values()) == found.allocated
    assert found.due_files == sum(
        entry.time < at for entry in own if entry.is_file and entry.name in ("a", "c", ".trash")
    )
    assert (found.first_due < at) >= (found.due_files + found.due_links > 0)
    assert found.files == 0 or found.oldest // HOUR == min(found.hours)
