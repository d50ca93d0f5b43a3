from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from shelflife.errors import RecordsError
from shelflife.files.listing import FOREVER
from shelflife.files.survey import ClassSurvey
from shelflife.policy.cutoff import Cutoffs
from shelflife.records.sqlite import index as module
from shelflife.records.sqlite import index_reader
from shelflife.records.sqlite.index import SqliteIndex
from shelflife.records.sqlite.index_file import VERSION, open_index, read_index
from shelflife.records.state import Owner, StateDirectory
from tests.integration.engine.users import common_directory, needs_root, ordinary_user
from tests.unit.records.contract.indexing import TREE, before, paths_of, put


@pytest.fixture
def index(state: StateDirectory) -> Iterator[SqliteIndex]:
    with open_index(state) as opened:
        yield opened


def test_rows_may_be_written_and_dropped_while_they_are_read(
    index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    root = index.root("frames")
    for number in range(10):
        put(index, root, f"{number}/")
    index.flush()
    seen = []
    for row in index.rows(root):
        seen.append(row.path)
        put(index, root, f"0{row.path}")  # behind the current one
        if row.path == "4/":
            index.drop(root, "8/")
    assert seen == [f"{number}/" for number in range(10) if number != 8]


def test_due_directories_come_in_preorder_page_by_page(
    index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_reader, "PAGE", 2)
    root = index.root("frames")
    for path in TREE:
        put(index, root, path, first_due=1)
    index.flush()
    assert list(index.due(root, before(2))) == paths_of(index, root)


def test_directories_due_in_several_classes_come_once_in_preorder_page_by_page(
    index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_reader, "PAGE", 2)
    root = index.root("frames")
    for number, path in enumerate(TREE):
        parts = {1: ClassSurvey(first_due=1), 2: ClassSurvey(first_due=1)} if number % 3 else {}
        put(index, root, path, first_due=1 if number % 2 else FOREVER, others=parts)
    index.flush()
    due = [path for number, path in enumerate(TREE) if number % 3 or number % 2]
    cutoffs = Cutoffs((before(2).own,) * 3)
    assert list(index.due(root, cutoffs)) == [path for path in paths_of(index, root) if path in due]


# -- the file


def _fill(state: StateDirectory, directories: int = 400) -> None:
    with open_index(state) as index:
        root = index.root("frames")
        for number in range(directories):
            put(index, root, f"{number:05}/", files=1)
        index.complete(root, as_of=9)


def _delete(state: StateDirectory) -> None:
    state.index.unlink()


def _empty(state: StateDirectory) -> None:
    state.index.write_bytes(b"")


def _junk(state: StateDirectory) -> None:
    state.index.write_bytes(b"not a database at all" * 1000)


def _cut(state: StateDirectory) -> None:
    os.truncate(state.index, state.index.stat().st_size // 2)


def _middle(state: StateDirectory) -> None:
    content = bytearray(state.index.read_bytes())
    for page in range(3 * 4096, len(content), 4096):
        content[page : page + 64] = b"\xee" * 64
    state.index.write_bytes(content)


def _version(state: StateDirectory) -> None:
    with closing(sqlite3.connect(state.index)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")


def _other(state: StateDirectory) -> None:
    state.index.unlink()
    with closing(sqlite3.connect(state.index)) as connection:
        connection.execute("CREATE TABLE something (else_ INTEGER)")


_DAMAGE = pytest.mark.parametrize("damage", [_delete, _empty, _junk, _cut, _middle, _version, _other])


@_DAMAGE
def test_an_index_of_no_use_is_made_anew(
    state: StateDirectory, damage: Callable[[StateDirectory], None]
) -> None:
    _fill(state)
    damage(state)
    with open_index(state) as index:
        assert paths_of(index, index.root("frames")) == []
        assert index.totals("frames").as_of == 0
    _fill(state)
    with open_index(state) as index:
        assert len(paths_of(index, index.root("frames"))) == 400


@_DAMAGE
def test_a_copy_of_an_index_of_no_use_is_empty(
    state: StateDirectory, damage: Callable[[StateDirectory], None]
) -> None:
    _fill(state)
    damage(state)
    with open_index(state), open_index(state) as copy:
        assert paths_of(copy, copy.root("frames")) == []


def test_an_index_that_fails_while_it_is_open_is_an_error_of_ours(state: StateDirectory) -> None:
    _fill(state)
    with pytest.raises(RecordsError, match="may be deleted"), open_index(state):
        raise sqlite3.DatabaseError("database disk image is malformed")


def test_whoever_comes_second_works_on_a_copy(state: StateDirectory) -> None:
    _fill(state)
    with open_index(state) as first, open_index(state) as second:
        root = second.root("frames")
        assert len(paths_of(second, root)) == 400
        put(second, root, "new/")
        second.flush()
        assert len(paths_of(second, root)) == 401
        assert len(paths_of(first, first.root("frames"))) == 400
    with open_index(state) as index:
        assert len(paths_of(index, index.root("frames"))) == 400


def test_reading_does_not_make_an_index(state: StateDirectory) -> None:
    with read_index(state) as index:
        assert index is None
    assert not state.path.exists()


def test_an_index_is_read_while_it_is_written(state: StateDirectory) -> None:
    _fill(state)
    with open_index(state) as writer:
        put(writer, writer.root("frames"), "new/", files=1)
        writer.complete(writer.root("frames"), as_of=10)
        with read_index(state) as index:
            assert index is not None
            assert (index.totals("frames").as_of, index.totals("frames").files) == (10, 401)


@needs_root
def test_whoever_may_not_write_works_on_a_copy_or_without_one() -> None:
    with common_directory() as base:
        home = base / "state"
        state = StateDirectory(home, home, Owner.of(base))
        with ordinary_user():
            _fill(state)
        os.chown(base, 0, 0)
        base.chmod(0o755)
        for path in (home, *home.iterdir()):
            os.chown(path, 0, 0)
        for mode, rows in ((0o755, 400), (0o700, 0)):
            home.chmod(mode)
            for path in home.iterdir():
                path.chmod(0o644)
            with ordinary_user(), open_index(state) as index:
                assert len(paths_of(index, index.root("frames"))) == rows
                put(index, index.root("frames"), "new/")
                index.flush()
