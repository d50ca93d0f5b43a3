from __future__ import annotations

import os

import pytest

from shelflife.errors import StorageError
from shelflife.scan.context import Stopped
from shelflife.testing import Storage
from tests.inside import workplace_of


class _Ended:
    def look(self) -> None:
        raise Stopped


def test_other_settings_make_another_workplace_with_the_same_listener_and_clock(storage: Storage) -> None:
    work = workplace_of(storage)
    other = work.with_settings(storage.settings.replace(base_path=storage.base_path / "temp"))
    assert other.settings.base_path == storage.base_path / "temp"
    assert (other.listener, other.clock) == (work.listener, work.clock)
    assert work.settings is storage.settings


def test_a_base_path_that_was_replaced_meanwhile_ends_what_is_going_on(storage: Storage) -> None:
    with workplace_of(storage).context() as context:
        context.between()
        away = storage.base_path.with_name("away")
        storage.base_path.rename(away)
        with pytest.raises(StorageError, match="No such file"):
            context.between()
        storage.base_path.mkdir()
        with pytest.raises(StorageError, match="was moved or replaced meanwhile"):
            context.between()
        storage.base_path.rmdir()
        away.rename(storage.base_path)
        context.between()


def test_whoever_watches_is_asked_too(storage: Storage) -> None:
    with workplace_of(storage).context(watch=_Ended()) as context, pytest.raises(Stopped):
        context.between()


def test_the_moment_of_an_operation_is_that_of_its_beginning(storage: Storage) -> None:
    storage.tick("1d")
    before = storage.now()
    with workplace_of(storage).context() as context:
        assert before <= context.freshness.now <= storage.now()
        assert os.fstat(context.base).st_ino == storage.base_path.stat().st_ino
        assert not context.holds()


def test_without_its_base_path_a_storage_has_no_records(storage: Storage) -> None:
    work = workplace_of(storage)
    storage.base_path.rename(storage.base_path.with_name("away"))
    with pytest.raises(StorageError):
        _ = work.records
