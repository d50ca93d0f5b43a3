"""Reading units: in numbers where these say all, entry by entry elsewhere; both find the same."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.files.anchor import Anchor
from shelflife.files.kernel import birth_time
from shelflife.files.listing import signed
from shelflife.files.primitives import chosen
from shelflife.policy.cutoff import Cause, Cutoff, Cutoffs
from shelflife.policy.holds import Hold, Holds
from shelflife.policy.rules import judge_unit
from shelflife.policy.verdict import Reason
from shelflife.scan.unit import UnitReading, read_unit
from shelflife.storage.root import AreaRoot
from tests.unit.policy.areas import an_area

_AT = 1_700_000_000 * 10**9
_NAMES = ("a", "b", ".gitkeep", "Thumbs.db", "._a", "x.keep", "y.log")
_AREAS = (
    an_area(expire="directory"),
    an_area(expire="directory", protect=["*.keep"]),
    an_area(expire="directory", protect=["u/d/"], rules=[{"match": "*.log", "retention": "90d"}]),
    an_area(expire="directory", rules=[{"match": "u/e/**", "retention": "90d"}], ignore=[]),
    an_area(expire="directory", age_from="changed"),
)
_compiled_only = pytest.mark.skipif(not chosen().is_compiled, reason="the compiled primitives are missing")


def _cutoffs(at: int = _AT) -> Cutoffs:
    return Cutoffs(
        (
            Cutoff(at=at, cause=Cause.RETENTION),
            Cutoff(at=at - 20, cause=Cause.RETENTION),
            Cutoff(at=at - 20, cause=Cause.RETENTION),
        )
    )


@contextmanager
def _root(base: Path, number: int = 0) -> Iterator[AreaRoot]:
    fd = os.open(base, os.O_RDONLY)
    try:
        with Anchor.open(fd, "frames") as anchor:
            yield AreaRoot(_AREAS[number], "frames", anchor)
    finally:
        os.close(fd)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[AreaRoot]:
    _file(tmp_path / "frames/u/a")
    _file(tmp_path / "frames/u/d/b")
    _age(tmp_path / "frames/u", -9)
    with _root(tmp_path) as found:
        yield found


def _file(path: Path, time: int = -9) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    os.utime(path, ns=(_AT + time, _AT + time))
    return path


def _age(unit: Path, time: int) -> None:
    for path in sorted([unit, *(path for path in unit.rglob("*") if path.is_dir())], reverse=True):
        os.utime(path, ns=(_AT + time, _AT + time))


def _read(root: AreaRoot, holds: Holds | None = None, *, guarded: bool = False) -> UnitReading:
    return read_unit(root, "u/", holds=holds or Holds(), guarded=guarded, cutoffs=_cutoffs())


def _hold(path: Path, *, tree: bool = False, place: str = "frames/elsewhere") -> Holds:
    with _open(path.parent) as fd:
        born = birth_time(fd, path.name)
    inode = signed(path.stat().st_ino)
    return Holds(
        [
            Hold(
                id=1, path=place, tree=tree, area="frames", inode=inode, born=born, created=0, until=None,
                reason="",
            )
        ]
    )  # fmt: skip


@contextmanager
def _open(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


_members = st.lists(
    st.tuples(
        st.sampled_from(["", "d/", "e/", "d/f/", "@eaDir/"]),
        st.sampled_from([*_NAMES, "fifo", "link", "directory"]),
        st.sampled_from([-30, -15, -1, 0, 5]),
    ),
    max_size=8,
)


@given(
    members=_members,
    times=st.lists(st.sampled_from([-30, -5, 1]), min_size=1, max_size=3),
    number=st.integers(0, len(_AREAS) - 1),
)
def test_whatever_is_in_a_unit_both_ways_of_reading_it_come_to_the_same(
    members: list[tuple[str, str, int]], times: list[int], number: int
) -> None:
    with tempfile.TemporaryDirectory(prefix="shelflife-test-") as name:
        unit = Path(name) / "frames/u"
        unit.mkdir(parents=True)
        for place, kind, time in members:
            with suppress(FileExistsError, IsADirectoryError):
                _make(unit / place / kind, time)
        for at, directory in enumerate([unit, *(path for path in sorted(unit.rglob("*")) if path.is_dir())]):
            time = _AT + times[at % len(times)]
            os.utime(directory, ns=(time, time))
        with _root(Path(name), number) as root:
            careful = read_unit(root, "u/", holds=Holds(), guarded=True)
            for guarded in (False, True):
                found = _read(root, guarded=guarded)
                for cutoffs in (_cutoffs(), _cutoffs(_AT - 15)):
                    assert judge_unit(found.unit, cutoffs) == judge_unit(careful.unit, cutoffs)
                stays = bool(found.unit.staying), bool(found.unit.protected)
                assert stays == (bool(careful.unit.staying), bool(careful.unit.protected))
                if not any(stays):
                    assert (found.unit, found.files, found.bytes) == (
                        *(careful.unit, careful.files, careful.bytes),
                    )


def _make(path: Path, time: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.name:
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to("nowhere")
            os.utime(path, ns=(_AT + time, _AT + time), follow_symlinks=False)
        case "directory":
            path.mkdir()
        case _:
            _file(path, time)


@_compiled_only
def test_an_ordinary_unit_is_read_in_numbers_and_by_name(root: AreaRoot) -> None:
    found = _read(root)
    assert judge_unit(found.unit, _cutoffs()).remove
    assert (found.files, found.bytes) == (2, 10)
    names = {path: reading and [entry.name for entry in reading.due] for path, reading, _ in found.members}
    assert names == {"u/": ["a"], "u/d/": ["b"]}


@_compiled_only
def test_only_the_directory_in_which_something_is_out_of_the_ordinary_is_read_entry_by_entry(
    root: AreaRoot, tmp_path: Path
) -> None:
    _file(tmp_path / "frames/u/d/Thumbs.db", 100)
    found = _read(root)
    assert [(path, reading is None) for path, reading, _ in found.members] == [("u/", False), ("u/d/", True)]
    assert judge_unit(found.unit, _cutoffs()).remove


@pytest.mark.parametrize("held", ["u", "u/a", "u/d", "u/d/b"])
def test_a_hold_by_inode_is_found(root: AreaRoot, tmp_path: Path, held: str) -> None:
    path = tmp_path / "frames" / held
    holds = _hold(path, tree=path.is_dir())
    if not holds.inodes:
        pytest.skip("birth times are not recorded here")
    assert judge_unit(_read(root, holds).unit, _cutoffs()).reason is Reason.UNIT_HELD


def test_a_hold_on_an_inode_that_was_given_away_again_holds_nothing(root: AreaRoot, tmp_path: Path) -> None:
    (hold,) = _hold(tmp_path / "frames/u/a").paths.values()
    other = Hold(
        id=1, path="frames/gone", tree=False, area="frames", inode=hold.inode, born=1, created=0, until=None,
        reason="",
    )  # fmt: skip
    assert judge_unit(_read(root, Holds([other])).unit, _cutoffs()).remove


def test_who_writes_or_locks_is_seen_if_he_is_asked_for(root: AreaRoot, tmp_path: Path) -> None:
    with (tmp_path / "frames/u/d/b").open("ab"):
        assert judge_unit(_read(root).unit, _cutoffs()).remove
        assert judge_unit(_read(root, guarded=True).unit, _cutoffs()).reason is Reason.IN_USE
    assert judge_unit(_read(root, guarded=True).unit, _cutoffs()).remove
    with _open(tmp_path / "frames/u/d") as fd:
        fcntl.flock(fd, fcntl.LOCK_SH)
        assert judge_unit(_read(root, guarded=True).unit, _cutoffs()).reason is Reason.IN_USE


def test_a_unit_that_cannot_be_read_to_its_end_is_an_error(root: AreaRoot, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_unit(root, "gone/", holds=Holds(), guarded=False, cutoffs=_cutoffs())
    (tmp_path / "frames/v").symlink_to("u")
    with pytest.raises(OSError, match="v"):
        read_unit(root, "v/", holds=Holds(), guarded=False, cutoffs=_cutoffs())
