"""One contract, two implementations: the compiled primitives and those in Python."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.files import native, primitives
from shelflife.files.anchor import Anchor
from shelflife.files.candidates import Candidates, Fate, Outcomes
from shelflife.files.counting import survey_directory
from shelflife.files.hours import unpack_hours
from shelflife.files.known import Known
from shelflife.files.listing import Entry, EntryKind
from shelflife.files.primitives import Primitives
from shelflife.files.pure import Pure
from shelflife.files.reading import Flag, Manner, Reading, RemovalTask, Search, TaskResult
from shelflife.files.removal import Result
from shelflife.files.survey import Key, Survey
from shelflife.files.worker_pool import WorkerPool
from shelflife.policy.area import Area
from shelflife.policy.cutoff import KEEP_ALL, Cause, Cutoff, Cutoffs
from shelflife.settings import AgeFrom
from tests.unit.policy.areas import an_area

_AT = 1_700_000_000 * 10**9
_LONG = 10**10


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> native.Native:
    """The compiled primitives, from today's source."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("compiled") / native.LIBRARY.name
    source = native.LIBRARY.with_suffix(".c")
    flags = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC", "-pthread")
    subprocess.run(["cc", *flags, "-o", library, source], check=True)
    loaded = native.load(library)
    assert loaded is not None
    return loaded


@pytest.fixture(params=["compiled", "pure"])
def tools(request: pytest.FixtureRequest) -> Primitives:
    if request.param == "pure":
        return Pure()
    found: Primitives = request.getfixturevalue("compiled")
    return found


@pytest.fixture
def anchor(tmp_path: Path) -> Iterator[Anchor]:
    (tmp_path / "area/d").mkdir(parents=True)
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "area") as held:
        yield held
    os.close(base)


@pytest.fixture
def directory(anchor: Anchor, tmp_path: Path) -> Path:
    return tmp_path / "area/d"


def _file(path: Path, mtime: int = _AT - 1, size: int = 5) -> Path:
    path.write_bytes(bytes(size))
    os.utime(path, ns=(mtime, mtime))
    return path


def _cutoffs(at: int | None) -> Cutoffs:
    return KEEP_ALL if at is None else Cutoffs.only(Cutoff(at=at, cause=Cause.RETENTION))


def _search(at: int | None, area: Area | None = None) -> Search:
    area = area or an_area(in_use="off")
    return Search(area, _cutoffs(at), native=area.rules.native("d/", _cutoffs(at)))


def _read(tools: Primitives, anchor: Anchor, path: str = "d/", *, cutoff: int | None = _AT) -> Reading:
    (found,) = tools.read(anchor, [path], _search(cutoff), Flag())
    return found


def _remove(
    tools: Primitives,
    anchor: Anchor,
    reading: Reading,
    *,
    area: Area | None = None,
    empty: bool = False,
    until: int = _LONG,
    path: str = "d/",
    cutoff: int = _AT,
) -> TaskResult:
    task = RemovalTask(path, reading.device, reading.key, reading.due, same=False, empty=empty, cutoff=cutoff)
    manner = Manner(area or an_area(in_use="off"), _cutoffs(cutoff), time.monotonic_ns() + until)
    (answer,) = tools.remove(anchor, [task], manner)
    return answer


def _fates(answer: TaskResult, reading: Reading) -> dict[str, Fate]:
    return {entry.name: Fate(fate) for entry, fate in zip(reading.due, answer.fates, strict=False)}


# -- recognising


def test_a_directory_stands_as_long_as_nothing_in_it_has_changed(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    key = Key.of(directory.stat()).pack()
    assert tools.stand(anchor, b"d/\0gone/", key + key, Flag()) == b"\1\0"
    os.utime(directory, ns=(0, 0))
    assert tools.stand(anchor, b"d/", key, Flag()) == b"\0"
    assert tools.stand(anchor, b"", b"", Flag()) == b""
    own = Key.of(directory.parent.stat()).pack()
    assert tools.stand(anchor, b"", own, Flag()) == b"\1"


def test_nothing_stands_after_a_stop(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    stop = Flag()
    stop.set()
    assert tools.stand(anchor, b"d/", Key.of(directory.stat()).pack(), stop) == b"\0"


# -- reading


def test_a_directory_is_read_in_numbers_and_what_is_due_by_name(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    _file(directory / "old", _AT - 1, 3)
    _file(directory / "byte\udcff", _AT - 9, 4)
    _file(directory / "new", _AT, 5)
    _file(directory / ".gitkeep", _AT - 9)
    (directory / "link").symlink_to("new")
    os.utime(directory / "link", ns=(0, _AT - 5), follow_symlinks=False)
    (directory / "below").mkdir()
    os.mkfifo(directory / "fifo")
    found = _read(tools, anchor)
    survey, rest = found.survey, found.rest()
    assert (survey.entries, survey.files, survey.bytes, survey.staying) == (7, 3, 12, 2)
    assert (survey.due_files, survey.due_bytes, survey.due_links) == (2, 7, 1)
    assert (survey.oldest, survey.newest, survey.first_due) == (_AT - 9, _AT, _AT - 9)
    assert survey.children == {"below": (directory / "below").stat().st_ino}
    assert (rest.entries, rest.files, rest.bytes, rest.first_due) == (4, 1, 5, _AT)
    assert sum(load.files for load in unpack_hours(survey.histogram()).values()) == 3
    assert sum(load.files for load in unpack_hours(rest.histogram()).values()) == 1
    entries = {entry.name: entry for entry in found.due}
    assert set(entries) == {"old", "byte\udcff", "link"}
    inode = (directory / "old").stat().st_ino
    assert entries["old"] == Entry("old", EntryKind.FILE, inode, 3, mtime=_AT - 1, time=_AT - 1)
    assert entries["link"].kind is EntryKind.LINK


def test_both_read_the_same(compiled: native.Native, anchor: Anchor, directory: Path) -> None:
    for number in range(300):
        _file(directory / f"{number}", _AT + (number - 150) * 3600 * 10**9 - 1, number)
    one, other = _read(compiled, anchor), _read(Pure(), anchor)
    assert sorted(one.due) == sorted(other.due)
    for ours, theirs in ((one.survey, other.survey), (one.rest(), other.rest())):
        assert _plain(ours) == _plain(theirs)


_TIMES = st.sampled_from([_AT - 1, _AT, _AT + 1, _AT - 3600 * 10**9, 0, -(10**18), 4 * 10**18])
_ODD = st.sampled_from([".gitkeep", ".nfs000000000a1b2c3d00000007", "link", "fifo", "below/", "twin"])


@settings(max_examples=50, deadline=None)
@given(
    files=st.lists(st.tuples(_TIMES, _TIMES, st.integers(0, 9000)), max_size=12),
    odd=st.sets(_ODD),
    cutoff=st.sampled_from([None, _AT, 1, 2**62]),
    age_from=st.sampled_from(list(AgeFrom)),
)
def test_whatever_is_in_a_directory_all_ways_of_reading_it_tell_the_same(
    files: list[tuple[int, int, int]], odd: set[str], cutoff: int | None, age_from: AgeFrom
) -> None:
    area = an_area(in_use="off", age_from=age_from)
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place, "area/d")
        directory.mkdir(parents=True)
        for number, (mtime, atime, size) in enumerate(files):
            os.utime(_file(directory / f"{number}", mtime, size), ns=(atime, mtime))
        for name in odd:
            _make_odd(directory, name)
        with _closing(os.open(place, os.O_RDONLY)) as base, Anchor.open(base, "area") as anchor:
            ways = [primitives for primitives in (native.load(), Pure()) if primitives is not None]
            readings = [
                way.read(
                    anchor,
                    ["d/"],
                    _search(cutoff, area)._replace(workers=2),
                    Flag(),
                )[0]
                for way in ways
            ]
        with _closing(os.open(directory, os.O_RDONLY)) as fd:
            one_by_one = survey_directory(fd, "d/", area, settled_before=0, cutoffs=_cutoffs(cutoff))
    for reading in readings:
        assert sorted(reading.due) == sorted(readings[0].due)
        rests = [_plain(one.rest()) | {"newest_change": 0} for one in (reading, readings[0])]
        assert rests[0] == rests[1]  # only the latest change may be one of a file that goes
    for reading in readings:
        reading.survey.finish("d/", 0, area.rules)
        assert _plain(reading.survey) == _plain(one_by_one)


def _make_odd(directory: Path, name: str) -> None:
    if name == "link":
        (directory / name).symlink_to("nowhere")
    elif name == "fifo":
        os.mkfifo(directory / name)
    elif name.endswith("/"):
        (directory / name).mkdir()
    elif name == "twin":
        os.link(_file(directory / name, size=9000), directory.parent / name)
    else:
        _file(directory / name)


@contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


def test_a_directory_of_many_chunks_is_the_same_for_several_threads(
    compiled: native.Native, anchor: Anchor, directory: Path
) -> None:
    for number in range(9000):  # more than the 256 KiB of names after which help is brought
        (directory / f"{number:060}").touch()
    for number in range(0, 9000, 7):
        os.utime(directory / f"{number:060}", ns=(0, _AT - 1 - number))
    for number in range(3):
        (directory / f"below-{number}").mkdir()
    one, other = (
        compiled.read(anchor, ["d/"], _search(_AT)._replace(workers=workers), Flag())[0] for workers in (1, 4)
    )
    assert len(one.due) == len(range(0, 9000, 7))
    assert sorted(one.due) == sorted(other.due)
    assert one.survey.children == other.survey.children
    for ours, theirs in ((one.survey, other.survey), (one.rest(), other.rest())):
        assert _plain(ours) == _plain(theirs)


def test_several_threads_end_at_a_stop(compiled: native.Native, anchor: Anchor, directory: Path) -> None:
    for number in range(9000):
        (directory / f"{number:060}").touch()
    stop = Flag()
    stop.set()
    (found,) = compiled.read(anchor, ["d/"], _search(_AT)._replace(workers=4), stop)
    assert found.error == errno.ECANCELED


# -- reading what is known


def _known(survey: Survey) -> Known:
    counts = (survey.files, survey.bytes, survey.allocated)
    times = (survey.oldest, survey.oldest_inode, survey.newest)
    return Known(survey.key.pack(), *counts, *times, survey.histogram())


def _read_known(tools: Primitives, anchor: Anchor, known: Known, *, cutoff: int = _AT) -> Reading:
    (found,) = tools.read(
        anchor,
        ["d/"],
        _search(cutoff)._replace(known={"d/": known}),
        Flag(),
    )
    return found


@settings(max_examples=100, deadline=None)
@given(
    files=st.lists(st.tuples(_TIMES, st.integers(0, 9000)), min_size=1, max_size=12),
    cutoff=st.sampled_from([_AT, _AT + 1, _AT // HOUR * HOUR, -(10**17), 2**63 - 2]),
)
def test_a_directory_that_is_known_tells_the_same_without_being_read_to_its_end(
    files: list[tuple[int, int]], cutoff: int
) -> None:
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place, "area/d")
        directory.mkdir(parents=True)
        for number, (mtime, size) in enumerate(files):
            _file(directory / f"{number}", mtime, size)
        with _closing(os.open(place, os.O_RDONLY)) as base, Anchor.open(base, "area") as anchor:
            whole = _read(Pure(), anchor, cutoff=cutoff)
            ways = [way for way in (native.load(), Pure()) if way is not None]
            readings = [_read_known(way, anchor, _known(whole.survey), cutoff=cutoff) for way in ways]
    for reading in readings:
        assert sorted(reading.due) == sorted(whole.due)
        # The latest change is for telling whether a listing has settled: nobody asks that of a partial one.
        assert _plain(reading.survey) | {"newest_change": 0} == _plain(whole.survey) | {"newest_change": 0}
        rest, expected = reading.rest(), whole.rest()
        if reading.is_partial:
            assert rest.oldest // HOUR == expected.oldest // HOUR
            assert min(cutoff, expected.oldest) <= rest.oldest == rest.first_due <= expected.oldest
            assert not rest.oldest_inode or rest.oldest_inode == expected.oldest_inode
            rest = replace(
                rest,
                oldest=expected.oldest,
                oldest_inode=expected.oldest_inode,
                first_due=expected.first_due,
            )
        assert _plain(rest) | {"newest_change": 0} == _plain(expected) | {"newest_change": 0}


def test_what_is_known_saves_looking_at_the_rest(
    compiled: native.Native, anchor: Anchor, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        _file(directory / f"{number}", _AT - 1 if number == 7 else _AT + HOUR)
    known = _known(_read(compiled, anchor).survey)
    reading = _read_known(compiled, anchor, known)
    assert reading.is_partial
    assert [entry.name for entry in reading.due] == ["7"]
    assert reading.survey.files == 20


def test_the_file_that_is_known_to_be_the_oldest_is_looked_at_before_the_others(
    compiled: native.Native, anchor: Anchor, directory: Path
) -> None:
    for number in range(20):
        _file(directory / f"{number}", _AT - 1 if number == 7 else _AT + HOUR)
    known = _known(_read(compiled, anchor).survey)
    for number in range(20):  # which neither the directory's times tell, nor whoever looks at one file only
        os.utime(directory / f"{number}", ns=(0, _AT - 1))
    (due,) = _read_known(compiled, anchor, known).due
    assert due.name == "7"


@pytest.mark.parametrize("change", ["added", "removed", "younger", "other inode"])
def test_what_is_known_no_longer_counts_for_nothing(
    compiled: native.Native, anchor: Anchor, directory: Path, change: str
) -> None:
    for number in range(20):
        _file(directory / f"{number}", _AT - 1 if number == 7 else _AT + HOUR)
    known = _known(_read(compiled, anchor).survey)
    if change == "added":
        _file(directory / "more")
    elif change == "removed":
        (directory / "3").unlink()
    elif change == "younger":
        os.utime(directory / "7")  # the directory's own times do not tell
    else:
        shutil.copytree(directory, directory.with_name("copy"))
        shutil.rmtree(directory)
        directory.with_name("copy").rename(directory)
    reading = _read_known(compiled, anchor, known)
    assert not reading.is_partial
    assert sorted(reading.due) == sorted(_read(Pure(), anchor).due)
    assert _plain(reading.survey) == _plain(_read(Pure(), anchor).survey)


def _plain(survey: Survey) -> dict[str, object]:
    left_out = {"hours", "packed_hours", "due_files", "due_bytes", "due_links"}
    numbers = {name: getattr(survey, name) for name in Survey.__slots__ if name not in left_out}
    return numbers | {"histogram": survey.histogram()}


def test_without_a_cutoff_nothing_is_due(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    _file(directory / "old", 0)
    assert len(_read(tools, anchor, cutoff=None).due) == 0


def test_the_trash_is_no_part_of_the_area(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    (directory.parent / ".trash").mkdir()
    assert set(_read(tools, anchor, "").survey.children) == {"d"}


@pytest.mark.parametrize("what", ["missing", "file", "link"])
def test_what_is_no_directory_is_an_error(
    tools: Primitives, anchor: Anchor, directory: Path, what: str
) -> None:
    if what == "file":
        (directory.parent / what).touch()
    if what == "link":
        (directory.parent / what).symlink_to("d")
    assert _read(tools, anchor, f"{what}/").error != 0


# -- removing


def test_what_is_as_listed_goes_and_is_counted(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    _file(directory / "a", size=5000)
    _file(directory / "b")
    os.link(directory / "b", directory.parent / "second name")
    (directory / "link").symlink_to("a")
    os.utime(directory / "link", ns=(0, 0), follow_symlinks=False)
    _file(directory / "new", _AT)
    reading = _read(tools, anchor)
    allocated = (directory / "a").stat().st_blocks * 512
    answer = _remove(tools, anchor, reading)
    assert set(_fates(answer, reading).values()) == {Fate.REMOVED}
    assert (answer.error, answer.files, answer.bytes, answer.links) == (0, 2, 5005, 1)
    assert answer.freed >= allocated
    assert answer.inodes == 2  # one of the files has another name still
    assert os.listdir(directory) == ["new"]


def test_what_has_changed_stays(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    for name in ("replaced", "grown", "older", "younger", "gone", "dir", "as it was"):
        _file(directory / name)
    reading = _read(tools, anchor)
    _file(directory / "other").rename(directory / "replaced")
    _file(directory / "grown", size=6)
    os.utime(directory / "older", ns=(0, 0))
    os.utime(directory / "younger")
    (directory / "gone").unlink()
    (directory / "dir").unlink()
    (directory / "dir").mkdir()
    answer = _remove(tools, anchor, reading)
    assert _fates(answer, reading) == {
        **dict.fromkeys(("replaced", "grown", "older", "younger", "dir"), Fate.CHANGED),
        "gone": Fate.VANISHED,
        "as it was": Fate.REMOVED,
    }
    assert (answer.error, answer.files) == (0, 1)


def test_where_the_age_counts_from_the_change_a_change_keeps(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    _file(directory / "a")
    reading = _read(tools, anchor)
    answer = _remove(tools, anchor, reading, area=an_area(in_use="off", age_from="changed"))
    assert _fates(answer, reading) == {"a": Fate.NOT_EXPIRED}


def test_where_the_age_counts_from_the_arrival_an_old_time_does_not_make_a_file_old(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    born = time.time_ns()
    _file(directory / "a", 0)
    area = an_area(in_use="off", age_from="arrived")
    reading = _read(tools, anchor)  # by its mtime
    assert _fates(_remove(tools, anchor, reading, area=area), reading) == {"a": Fate.NOT_EXPIRED}
    (found,) = tools.read(anchor, ["d/"], _search(2**62, area), Flag())
    assert found.due[0].time >= born - 10**9  # clocks of file systems are coarse
    answer = _remove(tools, anchor, found, area=area, cutoff=2**62)
    assert _fates(answer, found) == {"a": Fate.REMOVED}


def test_where_the_age_counts_from_the_last_access_a_file_that_is_read_stays(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    for name in ("read", "forgotten"):
        _file(directory / name, 0)
    os.utime(directory / "read", ns=(_AT, 0))
    area = an_area(in_use="off", age_from="accessed")
    (found,) = tools.read(anchor, ["d/"], _search(_AT, area), Flag())
    assert [entry.name for entry in found.due] == ["forgotten"]
    reading = _read(tools, anchor)  # by its mtime
    answer = _remove(tools, anchor, reading, area=area)
    assert _fates(answer, reading) == {"read": Fate.NOT_EXPIRED, "forgotten": Fate.REMOVED}


def test_compiled_code_leaves_a_directory_with_noise_to_the_careful_way(
    compiled: native.Native, anchor: Anchor, directory: Path
) -> None:
    for name in ("Data", "_", "Thumbs.d"):
        _file(directory / name)
    search = _search(_AT, an_area(expire="directory"))
    assert compiled.read(anchor, ["d/"], search, Flag())[0].error == 0
    for name in (".DS_Store", "._x", "Thumbs.db"):
        noise = _file(directory / name)
        assert compiled.read(anchor, ["d/"], search, Flag())[0].error == errno.ENOTSUP
        (found,) = Pure().read(anchor, ["d/"], search, Flag())
        assert (found.error, found.survey.files) == (0, 4)
        noise.unlink()


def test_of_a_file_with_several_names_each_counts_its_share_of_the_disk(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    file = _file(directory / "a", size=300_000)
    for number in range(2):
        os.link(file, directory.parent / f"other-{number}")
    reading = _read(tools, anchor)
    share = file.stat().st_blocks * 512 // 3
    assert reading.survey.allocated == share
    assert [load.allocated for load in unpack_hours(reading.survey.histogram()).values()] == [share]


def test_what_is_open_for_writing_stays_and_what_is_read_goes(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    for name in ("written", "read"):
        _file(directory / name)
    reading = _read(tools, anchor)
    with (directory / "written").open("ab"), (directory / "read").open("rb"):
        answer = _remove(tools, anchor, reading, area=an_area(in_use="check"))
    assert _fates(answer, reading) == {"written": Fate.IN_USE, "read": Fate.REMOVED}


def test_no_lease_is_left_behind(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    _file(directory / "a")
    os.link(directory / "a", directory.parent / "second")
    _remove(tools, anchor, _read(tools, anchor), area=an_area(in_use="check"))
    with (directory.parent / "second").open("r+b") as file:  # would wait, were there a lease
        assert fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_UNLCK


@pytest.mark.parametrize("swap", ["moved", "replaced", "link"])
def test_a_directory_that_is_another_one_is_left_alone(
    tools: Primitives, anchor: Anchor, directory: Path, tmp_path: Path, swap: str
) -> None:
    _file(directory / "a")
    reading = _read(tools, anchor)
    directory.rename(tmp_path / "away")
    if swap == "replaced":
        directory.mkdir()
        _file(directory / "a")
    if swap == "link":
        directory.symlink_to(tmp_path / "away")
    answer = _remove(tools, anchor, reading)
    assert answer.error != 0
    assert answer.fates == b""
    assert os.listdir(tmp_path / "away") == ["a"]


def test_an_area_that_is_no_longer_in_its_place_is_left_alone(
    tools: Primitives, anchor: Anchor, directory: Path, tmp_path: Path
) -> None:
    _file(directory / "a")
    reading = _read(tools, anchor)
    directory.parent.rename(tmp_path / "away")
    assert _remove(tools, anchor, reading).error != 0
    assert os.listdir(tmp_path / "away/d") == ["a"]


def test_an_emptied_directory_goes_along_where_that_is_wanted(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    _file(directory / "a")
    answer = _remove(tools, anchor, _read(tools, anchor), empty=True)
    assert answer.pruned
    assert not directory.exists()


def test_a_directory_that_is_not_empty_after_all_stays(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    _file(directory / "a")
    reading = _read(tools, anchor)
    (directory / "just came").touch()
    assert not _remove(tools, anchor, reading, empty=True).pruned
    assert os.listdir(directory) == ["just came"]


def test_when_the_time_is_up_it_ends_but_gets_on_by_one(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    for name in ("a", "b", "c"):
        _file(directory / name)
    answer = _remove(tools, anchor, _read(tools, anchor), until=-1)
    assert (answer.error, answer.fates) == (0, bytes([Fate.REMOVED]))
    assert len(os.listdir(directory)) == 2


# -- moving


def _move(
    tools: Primitives,
    anchor: Anchor,
    reading: Reading,
    *,
    whole: bool = False,
    in_use: str = "off",
    target: str = ".trash/run/d/",
) -> TaskResult:
    task = RemovalTask(
        "d/",
        reading.device,
        reading.key,
        reading.due,
        same=False,
        empty=False,
        cutoff=_AT,
        target=target,
        whole=whole,
    )
    manner = Manner(
        an_area(in_use=in_use), _cutoffs(_AT), time.monotonic_ns() + _LONG, owner=(os.getuid(), os.getgid())
    )
    (answer,) = tools.remove(anchor, [task], manner)
    return answer


def _names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_what_is_moved_is_the_same_file_in_a_directory_like_its_own(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    file = _file(directory / "a", size=5000)
    (directory / "link").symlink_to("a")
    os.utime(directory / "link", ns=(0, 0), follow_symlinks=False)
    _file(directory / "new", _AT)
    directory.chmod(0o751)
    before = file.stat()
    reading = _read(tools, anchor)
    answer = _move(tools, anchor, reading)
    aside = directory.parent / ".trash/run/d"
    assert set(_fates(answer, reading).values()) == {Fate.REMOVED}
    assert (answer.error, answer.files, answer.bytes, answer.links) == (0, 1, 5000, 1)
    after = (aside / "a").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_size,
    )
    assert (_names(aside), _names(directory)) == (["a", "link"], ["new"])
    assert [path.stat().st_mode & 0o7777 for path in (aside, aside.parent)] == [0o751, 0o700]


def test_what_is_moved_is_looked_at_before(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    for name in ("grown", "gone", "as it was"):
        _file(directory / name)
    reading = _read(tools, anchor)
    _file(directory / "grown", size=6)
    (directory / "gone").unlink()
    answer = _move(tools, anchor, reading)
    assert _fates(answer, reading) == {
        "grown": Fate.CHANGED,
        "gone": Fate.VANISHED,
        "as it was": Fate.REMOVED,
    }
    assert _names(directory) == ["grown"]


def test_what_is_open_for_writing_is_not_moved(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    for name in ("written", "read"):
        _file(directory / name)
    reading = _read(tools, anchor)
    with (directory / "written").open("ab"):
        answer = _move(tools, anchor, reading, in_use="check")
    assert _fates(answer, reading) == {"written": Fate.IN_USE, "read": Fate.REMOVED}


def test_a_move_replaces_nothing(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    _file(directory / "a")
    reading = _read(tools, anchor)
    (directory.parent / ".trash/run/d").mkdir(parents=True)
    (directory.parent / ".trash/run/d/a").write_bytes(b"waits there")
    answer = _move(tools, anchor, reading)
    assert (answer.error, answer.fates) == (errno.EAGAIN, b"")
    assert _names(directory) == ["a"]
    assert (directory.parent / ".trash/run/d/a").read_bytes() == b"waits there"


@pytest.mark.parametrize("obstacle", ["file", "link"])
def test_a_target_that_cannot_be_made_is_handed_back(
    tools: Primitives, anchor: Anchor, directory: Path, tmp_path: Path, obstacle: str
) -> None:
    _file(directory / "a")
    reading = _read(tools, anchor)
    if obstacle == "file":
        (directory.parent / ".trash").touch()
    else:
        (tmp_path / "outside/run/d").mkdir(parents=True)
        (directory.parent / ".trash").symlink_to(tmp_path / "outside")
    for whole in (False, True):
        answer = _move(tools, anchor, reading, whole=whole)
        assert answer.error != 0
        assert _names(directory) == ["a"]


def test_back_where_it_was_it_is_as_it_was(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    _file(directory / "a")
    directory.chmod(0o751)
    _move(tools, anchor, _read(tools, anchor))
    directory.rmdir()
    reading = _read(tools, anchor, ".trash/run/d/")
    task = RemovalTask(
        ".trash/run/d/",
        reading.device,
        reading.key,
        reading.due,
        same=False,
        empty=True,
        cutoff=_AT,
        target="d/",
    )
    (answer,) = tools.remove(
        anchor, [task], Manner(an_area(in_use="off"), _cutoffs(_AT), time.monotonic_ns() + _LONG)
    )
    assert (answer.error, answer.files, answer.pruned) == (0, 1, True)
    assert (_names(directory), directory.stat().st_mode & 0o7777) == (["a"], 0o751)


def test_a_whole_directory_goes_by_one_rename_with_its_times(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    names = [f"{number}.bin" for number in range(300)]
    for name in names:
        _file(directory / name)
    os.utime(directory, ns=(7, 7))
    before = directory.stat()
    reading = _read(tools, anchor)
    answer = _move(tools, anchor, reading, whole=True, in_use="check")
    assert (answer.error, answer.files, answer.pruned, answer.stranded) == (0, 300, True, False)
    assert answer.fates == bytes([Fate.REMOVED]) * 300
    aside = directory.parent / ".trash/run/d"
    assert (aside.stat().st_ino, aside.stat().st_mtime_ns) == (before.st_ino, 7)
    assert (_names(aside), directory.exists()) == (sorted(names), False)


def _add_young(directory: Path) -> None:
    (directory / "added").touch()


def _add_directory(directory: Path) -> None:
    (directory / "sub").mkdir()


def _grow(directory: Path) -> None:
    with (directory / "5").open("ab") as file:
        file.write(b"more")


def _replace(directory: Path) -> None:
    _file(directory / "other").rename(directory / "5")


def _take_away(directory: Path) -> None:
    (directory / "5").unlink()


@pytest.mark.parametrize("change", [_add_young, _add_directory, _grow, _replace, _take_away])
def test_a_whole_directory_of_which_not_all_goes_comes_back(
    tools: Primitives, anchor: Anchor, directory: Path, change: Callable[[Path], None]
) -> None:
    for number in range(9):
        _file(directory / str(number))
    reading = _read(tools, anchor)
    change(directory)
    inode, names = directory.stat().st_ino, _names(directory)
    answer = _move(tools, anchor, reading, whole=True)
    assert (answer.error != 0, answer.fates, answer.files, answer.stranded) == (True, b"", 0, False)
    assert (directory.stat().st_ino, _names(directory)) == (inode, names)


def test_a_whole_directory_comes_back_when_a_file_in_it_is_written(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    for name in ("a", "b"):
        _file(directory / name)
    reading = _read(tools, anchor)
    with (directory / "b").open("ab"):
        assert _move(tools, anchor, reading, whole=True, in_use="check").error != 0
    assert _names(directory) == ["a", "b"]


def test_a_whole_directory_whose_name_is_taken_there_stays(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    _file(directory / "a")
    reading = _read(tools, anchor)
    (directory.parent / ".trash/run/d").mkdir(parents=True)
    assert _move(tools, anchor, reading, whole=True).error != 0
    assert _names(directory) == ["a"]


def test_a_whole_directory_whose_name_is_taken_meanwhile_is_told_of(
    tools: Primitives, anchor: Anchor, directory: Path
) -> None:
    ended, answer = threading.Event(), TaskResult(0, b"")

    def take_the_name() -> None:
        while not ended.is_set():
            with suppress(OSError):
                directory.mkdir()

    thread = threading.Thread(target=take_the_name)
    thread.start()
    try:
        for number in range(5000):
            with suppress(FileExistsError):
                directory.mkdir()
            _file(directory / "a")
            reading = _read(tools, anchor)
            (directory / "added").touch()
            answer = _move(tools, anchor, reading, whole=True, target=f".trash/{number}/d/")
            assert answer.error != 0
            if answer.stranded:
                break
            assert _names(directory) == ["a", "added"]
    finally:
        ended.set()
        thread.join()
    assert answer.stranded
    assert _names(directory.parent / f".trash/{number}/d") == ["a", "added"]
    assert _names(directory) == []


def test_who_only_looks_changes_nothing(tools: Primitives, anchor: Anchor, directory: Path) -> None:
    for name in ("a", "written"):
        _file(directory / name)
    reading = _read(tools, anchor)
    task = RemovalTask("d/", reading.device, reading.key, reading.due, same=False, empty=False, cutoff=_AT)
    manner = Manner(an_area(in_use="check"), _cutoffs(_AT), time.monotonic_ns() + _LONG, looks=True)
    with (directory / "written").open("ab"):
        (answer,) = tools.remove(anchor, [task], manner)
    assert _fates(answer, reading) == {"a": Fate.REMOVED, "written": Fate.IN_USE}
    assert _names(directory) == ["a", "written"]


# -- which one is taken


def test_without_a_library_there_are_no_compiled_ones(tmp_path: Path) -> None:
    assert native.load(tmp_path / "missing") is None
    (tmp_path / "junk").write_bytes(b"no library")
    assert native.load(tmp_path / "junk") is None


def test_the_environment_can_do_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFLIFE_PURE", "1")
    assert not primitives.chosen.__wrapped__().is_compiled


# -- candidates and outcomes


_ENTRIES = st.lists(
    st.builds(
        Entry,
        st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=5),
        st.sampled_from([EntryKind.FILE, EntryKind.LINK]),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**62),
        st.just(0),
        st.integers(-(2**63), 2**63 - 1),
        st.just(0),
        st.just(1),
        st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=7,
)


@given(entries=_ENTRIES, size=st.integers(1, 4), done=st.integers(0, 7))
def test_packed_entries_come_back_as_they_were(entries: list[Entry], size: int, done: int) -> None:
    packed = Candidates.of(entries)
    assert list(packed) == entries
    assert [entry for portion in packed.portions(size) for entry in portion] == entries
    assert list(packed.after(min(done, len(entries)))) == entries[done:]


def test_outcomes_say_what_became_of_each() -> None:
    packed = Candidates.of(
        [Entry("a", EntryKind.FILE, 1), Entry("b", EntryKind.FILE, 2), Entry("c", EntryKind.FILE, 3)]
    )
    outcomes = Outcomes(packed, bytes([Fate.REMOVED, Fate.IN_USE]))
    assert [(outcome.name, outcome.result) for outcome in outcomes] == [
        ("a", Result.REMOVED),
        ("b", Result.KEPT),
    ]
    assert [entry.name for entry in outcomes.kept] == ["b"]


# -- the pool


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_work(workers: int) -> None:
    pieces = list(range(20, 0, -1))
    with WorkerPool(workers) as pool:
        found = list(
            pool.run(
                lambda piece, _stop: piece * 2,
                lambda: pieces.pop() if pieces else None,
                between=lambda: None,
            )
        )
    assert found == [2 * piece for piece in range(1, 21)]


@pytest.mark.parametrize("workers", [1, 3])
def test_who_ends_it_gets_what_was_begun_and_then_his_error(workers: int) -> None:
    taken: list[int] = []
    found: list[int] = []
    calls = iter(range(100))

    def between() -> None:
        if next(calls) == 4:
            raise KeyError

    def take() -> int:
        taken.append(len(taken))
        return taken[-1]

    with WorkerPool(workers) as pool:
        results = pool.run(lambda piece, _stop: piece, take, between=between)
        with pytest.raises(KeyError):
            found.extend(iter(results))
    assert found == list(range(len(found)))
    assert len(taken) - len(found) <= 1
