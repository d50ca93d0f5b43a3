from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.events import ignore
from shelflife.files.anchor import Anchor
from shelflife.files.counting import survey_directory
from shelflife.files.survey import Key, Survey
from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.area import Area
from shelflife.policy.cutoff import KEEP_ALL, Cause, Cutoff, Cutoffs
from shelflife.records.index import Index, Row, RowState, Trust
from shelflife.records.sqlite import index as index_module
from shelflife.records.sqlite import index_file
from shelflife.records.sqlite.database import connect
from shelflife.records.sqlite.index import SqliteIndex
from shelflife.records.sqlite.index_file import open_index
from shelflife.records.state import Owner, StateDirectory
from shelflife.scan import refresh as module
from shelflife.scan.context import Context
from shelflife.scan.freshness import Freshness
from shelflife.scan.refresh import Refresh, Refreshed
from shelflife.storage.root import AreaRoot
from tests.integration.engine.users import common_directory, make_readable, needs_root, ordinary_user
from tests.unit.policy.areas import DAY, an_area

_HOUR = 3600 * 10**9


class _StopError(Exception):
    pass


@dataclass
class _Asked:
    """A watch that calls a function."""

    between: Callable[[], None]

    def look(self) -> None:
        self.between()


def _before(at: int) -> Cutoffs:
    return Cutoffs.only(Cutoff(at=at, cause=Cause.RETENTION))


class _Storage:
    """An area's directory and the index of it, an hour ahead so that everything is settled."""

    def __init__(self, base: Path) -> None:
        home = base / ".shelflife"
        self.state = StateDirectory(home, home, Owner.of(base))
        self.base = base
        self.area = base / "area"
        self.area.mkdir()
        self.now = time.time_ns() + _HOUR
        self.settle = 600 * 10**9

    def file(self, path: str) -> Path:
        file = self.area / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"12345")
        return file

    def refresh(
        self,
        area: Area | None = None,
        *,
        cutoff: int | None = None,
        between: Callable[[], None] = lambda: None,
        workers: int = 1,
    ) -> Refreshed:
        self.now += 1
        with self.opened() as (index, anchor), WorkerPool(workers) as pool:
            context = replace(self.context(index, between), pool=pool)
            cutoffs = KEEP_ALL if cutoff is None else _before(cutoff)
            return Refresh(context, AreaRoot(area or an_area(), "area", anchor), cutoffs=cutoffs).run()

    def context(self, index: Index, between: Callable[[], None] = lambda: None) -> Context:
        return Context(
            base=-1,
            index=index,
            freshness=Freshness(now=self.now, settle=self.settle, rescan_after=30 * DAY),
            listener=ignore,
            watch=_Asked(between),
        )

    def counts(self, area: Area | None = None) -> tuple[int, int]:
        """Refresh, and return how many directories were skipped and listed; then let the clock go on."""
        found = self.refresh(area)
        self.tick()
        return found.skipped, found.listed

    def tick(self) -> None:
        """Spin until a change gets another time than those before: clocks of file systems are coarse."""
        probe = self.base / "probe"
        probe.touch()
        before = probe.stat().st_ctime_ns
        while probe.stat().st_ctime_ns == before:
            os.utime(probe)

    def rows(self) -> dict[str, Row]:
        with self.opened() as (index, _):
            return {row.path: row for row in index.rows(index.root("area"))}

    def files(self) -> int:
        with self.opened() as (index, _):
            return index.totals("area").of(0).files

    @contextmanager
    def opened(self) -> Iterator[tuple[Index, Anchor]]:
        base = os.open(self.base, os.O_RDONLY)
        try:
            with open_index(self.state) as index, Anchor.open(base, "area") as anchor:
                yield index, anchor
        finally:
            os.close(base)


@pytest.fixture
def storage(tmp_path: Path) -> _Storage:
    made = _Storage(tmp_path)
    for path in ("1", "a/2", "a/b/3", "a/b/c/4", "a-b/5", "a0/6"):
        made.file(path)
    return made


def test_the_first_refresh_lists_everything_and_the_next_one_nothing(storage: _Storage) -> None:
    assert storage.counts() == (0, 6)
    assert list(storage.rows()) == ["", "a-b/", "a/", "a/b/", "a/b/c/", "a0/"]
    assert storage.files() == 6
    assert storage.counts() == (6, 0)


def _add(area: Path) -> None:
    (area / "a/b/new").touch()


def _remove(area: Path) -> None:
    (area / "a/b/3").unlink()


def _rename(area: Path) -> None:
    (area / "a/b/3").rename(area / "a/b/33")


def _replace(area: Path) -> None:
    (area / "new").touch()
    (area / "new").rename(area / "a/b/3")


def _touch(area: Path) -> None:
    os.utime(area / "a/b")


def _set_back(area: Path) -> None:
    before = (area / "a/b").stat()
    (area / "a/b/new").touch()
    os.utime(area / "a/b", ns=(before.st_atime_ns, before.st_mtime_ns))


def _permissions(area: Path) -> None:
    (area / "a/b").chmod(0o700)


@pytest.mark.parametrize("change", [_add, _remove, _rename, _touch, _set_back, _permissions])
def test_a_directory_that_changed_is_listed_and_no_other(
    storage: _Storage, change: Callable[[Path], None]
) -> None:
    storage.counts()
    change(storage.area)
    assert storage.counts() == (5, 1)
    assert storage.counts() == (6, 0)
    assert storage.files() == sum(path.is_file() for path in storage.area.rglob("*"))


def _write(area: Path) -> None:
    with (area / "a/b/3").open("a") as file:
        file.write("more")


def _file_time(area: Path) -> None:
    os.utime(area / "a/b/3")


@pytest.mark.parametrize("change", [_write, _file_time])
def test_what_only_makes_a_file_younger_is_not_looked_for(
    storage: _Storage, change: Callable[[Path], None]
) -> None:
    storage.counts()
    change(storage.area)
    assert storage.counts() == (6, 0)


def test_new_directories_are_walked_down_to_the_last(storage: _Storage) -> None:
    storage.counts()
    storage.file("a/b/x/y/z/file")
    assert storage.counts() == (5, 4)
    assert storage.files() == 7


def test_what_is_gone_is_forgotten_with_all_below_it(storage: _Storage) -> None:
    storage.counts()
    subprocess.run(["rm", "-r", storage.area / "a"], check=True)
    assert storage.counts() == (2, 1)
    assert list(storage.rows()) == ["", "a-b/", "a0/"]


def test_swapped_directories_are_both_listed(storage: _Storage) -> None:
    storage.counts()
    for source, target in (("a", "x"), ("a-b", "a"), ("x", "a-b")):
        (storage.area / source).rename(storage.area / target)
    storage.counts()
    assert list(storage.rows()) == ["", "a-b/", "a-b/b/", "a-b/b/c/", "a/", "a0/"]
    assert storage.counts() == (6, 0)


def test_a_directory_that_became_a_link_is_forgotten(storage: _Storage) -> None:
    storage.counts()
    (storage.area / "a").rename(storage.base / "away")
    (storage.area / "a").symlink_to("../away")
    storage.counts()
    assert list(storage.rows()) == ["", "a-b/", "a0/"]


# -- settling


_NAMES = st.sampled_from(["a", "a-b", "a0", "b"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_CHANGES = st.one_of(
    st.tuples(st.just("file"), _PATHS, st.sampled_from(["1", "2"])),
    st.tuples(st.just("remove"), _PATHS, st.just("")),
    st.tuples(st.just("rename"), _PATHS, _PATHS),
)


def _change(area: Path, kind: str, path: str, other: str) -> None:
    if kind == "file":
        (area / path).mkdir(parents=True, exist_ok=True)
        (area / path / other).touch()
    elif kind == "remove":
        shutil.rmtree(area / path, ignore_errors=True)
    elif (area / path).exists() and not (area / other).exists() and not f"{other}/".startswith(f"{path}/"):
        (area / other).parent.mkdir(parents=True, exist_ok=True)
        (area / path).rename(area / other)


def _files_by_directory(area: Path) -> dict[str, int]:
    return {
        "".join(f"{part}/" for part in Path(directory).relative_to(area).parts): len(files)
        for directory, _, files in os.walk(area)
    }


@settings(max_examples=60, deadline=None)
@given(
    nights=st.lists(st.lists(_CHANGES, max_size=6), min_size=2, max_size=5),
    page=st.sampled_from([1, 2, 3, 5]),
    workers=st.sampled_from([1, 2]),
)
def test_after_any_changes_the_rows_are_those_of_the_tree(
    nights: list[list[tuple[str, str, str]]], page: int, workers: int
) -> None:
    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "PAGE", page)
        storage = _Storage(Path(base))
        for changes in nights:
            for change in changes:
                _change(storage.area, *change)
            storage.refresh(workers=workers)
            storage.tick()
            there = _files_by_directory(storage.area)
            with storage.opened() as (index, _):
                root = index.root("area")
                totals = index.totals("area")
                assert [row.path for row in index.rows(root)] == sorted(there, key=os.fsencode)
                assert (totals.files, totals.directories) == (sum(there.values()), len(there))
            found = storage.refresh(workers=workers)
            assert (found.skipped, found.listed) == (len(there), 0)


def test_what_was_made_just_now_is_listed_again(storage: _Storage) -> None:
    storage.now = time.time_ns()
    assert storage.counts() == (0, 6)
    assert storage.counts() == (0, 6)
    storage.now += _HOUR
    assert storage.counts() == (0, 6)
    assert storage.counts() == (6, 0)


def test_a_file_that_is_being_written_keeps_its_directory_from_settling(storage: _Storage) -> None:
    storage.tick()
    _write(storage.area)
    storage.now = (storage.area / "a/b/3").stat().st_ctime_ns + storage.settle - 1  # a refresh adds one
    storage.counts()
    unsettled = [path for path, row in storage.rows().items() if row.state == RowState.UNSETTLED]
    assert unsettled == ["a/b/"]


def test_a_directory_that_was_removed_from_is_listed_again(storage: _Storage) -> None:
    storage.counts()
    with storage.opened() as (index, anchor):
        row = index.row(index.root("area"), "a/b/")
        assert row is not None
        survey = survey_directory(anchor.fd, "a/b/", an_area(), settled_before=2**62)
        survey.key = row.key
        index.put(
            index.root("area"), "a/b/", survey, listed=storage.now, rules=row.rules, state=RowState.DIRTY
        )
        index.flush()
    assert storage.counts() == (5, 1)


# -- trust


def test_other_rules_read_everything_again(storage: _Storage) -> None:
    protecting = an_area(protect=["3"])
    storage.counts()
    assert storage.counts(protecting) == (0, 6)
    assert storage.counts(protecting) == (6, 0)
    assert storage.files() == 5
    assert storage.counts(an_area(retention="1d", protect=["3"])) == (6, 0)
    assert storage.counts() == (0, 6)


def test_on_a_file_system_that_is_not_trusted_everything_is_listed(
    storage: _Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_trusted", lambda _fd: False)
    assert storage.counts() == (0, 6)
    assert storage.counts() == (0, 6)
    with open_index(storage.state) as index:
        assert {row.state for row in index.rows(index.root("area"))} == {RowState.UNSETTLED}


def test_everything_is_listed_again_after_the_rescan_time_but_not_all_at_once(storage: _Storage) -> None:
    for number in range(100):
        (storage.area / f"many/{number}").mkdir(parents=True)
    assert storage.counts() == (0, 107)
    listed = []
    for _ in range(32):
        storage.now += DAY  # fewer than 69 of 1024 steps: a hundred neighbours never fit into one day
        listed.append(storage.counts()[1])
    assert listed[:14] == [0] * 14  # for half of the time nothing is
    assert sum(listed) >= 107  # and until its end everything was
    assert max(listed) < 107


def _trusted(rows: list[tuple[int, int]], *, now: int, completed: int = 2**62) -> list[bool]:
    """Return which rows of these inodes and ages the index trusts, for 30 days at the most."""
    connection = connect(":memory:")
    index_file.create(connection)
    with closing(SqliteIndex(connection, Path("/"))) as index:
        root = index.root("area")
        for number, (inode, age) in enumerate(rows):
            survey = Survey(key=Key(inode, 2, 3), settled=True)
            index.put(root, f"{number:05}/", survey, listed=now - age, rules=7)
        index.flush()
        trust = Trust(rules=7, completed=completed, now=now, rescan_after=30 * DAY)
        return [digit == ord("1") for page in index.pages(root, trust) for digit in page.trusted]


@pytest.mark.parametrize(
    ("age", "inode", "trusted"),
    [
        (0, 0, True),
        (15 * DAY, 0, True),
        (15 * DAY + 1, 0, False),
        (15 * DAY + 1, 1023, True),
        (30 * DAY, 1023, False),
        (15 * DAY + 1, -1, True),  # an inode above 2^63, as SQLite holds it
        (-1, 0, False),  # the clock was set back since
    ],
)
def test_a_row_is_trusted_by_its_age_and_its_inode(age: int, inode: int, trusted: bool) -> None:
    assert _trusted([(inode, age)], now=100 * DAY) == [trusted]


def test_a_row_of_a_refresh_that_did_not_come_to_its_end_is_not_trusted() -> None:
    assert _trusted([(0, 5), (0, 6), (0, 4)], now=100 * DAY, completed=100 * DAY - 5) == [True, True, False]


def test_neighbouring_inodes_are_read_again_one_after_the_other() -> None:
    neighbours = range(5_000_000, 5_000_000 + 1024)
    ages = range(15 * DAY + 1, 30 * DAY, 15 * DAY // 16)
    stale = [_trusted([(inode, age) for inode in neighbours], now=100 * DAY).count(False) for age in ages]
    assert stale == [1 + 64 * number for number in range(16)]


@pytest.mark.parametrize("after", range(7))
def test_a_refresh_that_was_stopped_hides_nothing_from_the_next(storage: _Storage, after: int) -> None:
    """Wherever it stops, what it had recorded by then may lack its children."""
    left = iter(range(after))

    def between() -> None:
        if next(left, None) is None:
            raise _StopError

    def stop_and_keep() -> None:
        with storage.opened() as (index, anchor):
            one = Refresh(storage.context(index, between), AreaRoot(an_area(), "area", anchor))
            try:
                one.run()
            except _StopError:
                index.flush()

    stop_and_keep()
    storage.refresh()
    assert list(storage.rows()) == ["", "a-b/", "a/", "a/b/", "a/b/c/", "a0/"]
    assert storage.files() == 6


def test_when_the_clock_was_set_back_everything_is_listed_again(storage: _Storage) -> None:
    storage.counts()
    storage.now -= _HOUR // 2
    assert storage.counts() == (0, 6)
    assert storage.counts() == (6, 0)


# -- what cannot be read


def test_an_unreadable_directory_keeps_its_numbers_and_is_read_again_once_it_can_be() -> None:
    with common_directory() as base, ordinary_user():
        storage = _Storage(base)
        for path in ("1", "a/2", "a/b/3", "a/b/c/4", "z/5"):
            storage.file(path)
        storage.counts()
        (storage.area / "a/b").chmod(0)
        found = storage.refresh()
        assert [(unreadable.path, unreadable.errno) for unreadable in found.unreadable] == [("a/b/", 13)]
        states = {path: row.state for path, row in storage.rows().items()}
        assert {path for path, state in states.items() if state == RowState.UNREADABLE} == {"a/b/", "a/b/c/"}
        assert storage.files() == 5
        with storage.opened() as (index, _):
            assert list(index.due(index.root("area"), _before(2**62))) == ["", "a/", "z/"]
            assert index.totals("area").scanned == 3
        assert storage.refresh().unreadable == found.unreadable  # said again each time
        storage.tick()
        (storage.area / "a/b").chmod(0o755)
        assert storage.counts() == (3, 2)
        assert storage.counts() == (5, 0)
        assert storage.files() == 5


def test_a_directory_whose_files_may_not_be_looked_at_makes_nothing_due() -> None:
    with common_directory() as base, ordinary_user():
        storage = _Storage(base)
        storage.file("a/1")
        (storage.area / "a").chmod(0o400)  # names only
        found = storage.refresh(cutoff=2**62)
        assert [unreadable.path for unreadable in found.unreadable] == ["a/"]
        assert list(found.due) == []
        with storage.opened() as (index, _):
            assert list(index.due(index.root("area"), _before(2**62))) == []
        make_readable(storage.area)


def test_a_root_that_cannot_be_read_is_an_error_and_changes_nothing() -> None:
    with common_directory() as base, ordinary_user():
        storage = _Storage(base)
        storage.file("a/1")
        storage.counts()
        before = storage.rows()
        with storage.opened() as (index, anchor):
            storage.area.chmod(0)
            refresh = Refresh(storage.context(index), AreaRoot(an_area(), "area", anchor))
            with pytest.raises(PermissionError):
                refresh.run()
            storage.area.chmod(0o755)
        assert storage.rows() == before
        assert storage.files() == 1


@needs_root
def test_what_is_mounted_in_an_area_is_not_entered(storage: _Storage) -> None:
    storage.counts()
    place = storage.area / "a/b"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=True)
    try:
        (place / "other").touch()
        found = storage.refresh(cutoff=2**62)
        assert found.mounts == ["a/b/"]
        assert "a/b/" not in found.due
        assert storage.rows()["a/b/"].state == RowState.MOUNT
        assert storage.files() == 6  # those it hides are still there
    finally:
        subprocess.run(["umount", place], check=True)
    storage.counts()
    assert storage.rows()["a/b/"].state == RowState.OK
    assert storage.files() == 6


def test_what_is_due_is_given_with_its_numbers_when_it_was_listed(storage: _Storage) -> None:
    os.utime(storage.area / "a/b/3", ns=(0, 1000))
    found = storage.refresh(cutoff=1001)
    assert {path: (survey.due_files, survey.due_bytes) for path, survey in found.due.items()} == {
        "a/b/": (1, 5)
    }


def test_lost_and_found_is_part_of_the_file_system_and_is_never_entered(storage: _Storage) -> None:
    storage.file("lost+found/#12345")
    storage.file("a/lost+found/1")  # somebody's own
    storage.counts()
    assert "lost+found/" not in storage.rows()
    assert "a/lost+found/" in storage.rows()
