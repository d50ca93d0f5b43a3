from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shelflife.records.sqlite.database import connect, transaction


@pytest.fixture
def path(tmp_path: Path) -> Path:
    database = tmp_path / "with ? and %41 # in it.db"
    database.touch()
    with closing(connect(database)) as connection:
        connection.execute("CREATE TABLE number (value INTEGER)")
    return database


def _values(path: Path) -> list[int]:
    with closing(connect(path, read_only=True)) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM number")]


def test_what_a_transaction_wrote_is_there_and_its_reader_never_waits(path: Path) -> None:
    with closing(connect(path)) as connection:
        with transaction(connection):
            connection.execute("INSERT INTO number VALUES (1)")
            assert _values(path) == []
        assert _values(path) == [1]


def test_a_transaction_that_fails_changes_nothing(path: Path) -> None:
    def insert_and_fail() -> None:
        with transaction(connection):
            connection.execute("INSERT INTO number VALUES (1)")
            raise ZeroDivisionError

    with closing(connect(path)) as connection:
        with pytest.raises(ZeroDivisionError):
            insert_and_fail()
        assert not connection.in_transaction
    assert _values(path) == []


def test_a_transaction_within_another_is_a_part_of_it(path: Path) -> None:
    with closing(connect(path)) as connection:
        with transaction(connection):
            with transaction(connection):
                connection.execute("INSERT INTO number VALUES (1)")
            assert _values(path) == []
        assert _values(path) == [1]


def test_what_is_opened_to_read_cannot_be_written(path: Path) -> None:
    with closing(connect(path, read_only=True)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("INSERT INTO number VALUES (1)")


def test_whoever_opens_it_for_the_first_time_together_waits(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def open_each(_number: int) -> None:
        for path in paths:
            together.wait(60)
            with closing(connect(path)) as connection, transaction(connection):
                connection.execute("CREATE TABLE IF NOT EXISTS number (value INTEGER)")

    paths = [tmp_path / f"{number}.db" for number in range(30)]
    for path in paths:
        path.touch()
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(open_each, range(4))) == [None] * 4


@pytest.mark.parametrize("read_only", [True, False])
def test_opening_makes_no_database(tmp_path: Path, read_only: bool) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connect(tmp_path / "none.db", read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def test_a_private_database_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
    assert list(tmp_path.iterdir()) == []
