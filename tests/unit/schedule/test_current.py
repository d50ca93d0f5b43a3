from __future__ import annotations

import logging
from typing import Any

import pytest

from shelflife.errors import Problem, SettingsError
from shelflife.run.workplace import Workplace
from shelflife.schedule.current import Current
from shelflife.settings import Settings
from shelflife.settings.in_force import SettingsInForce


class _File:
    """A configuration file that can be changed and broken."""

    def __init__(self) -> None:
        self.cleanup: dict[str, object] = {"schedule": "0 2 * * *"}
        self.is_broken = False

    def read(self) -> Settings:
        if self.is_broken:
            raise SettingsError([Problem(reason="it is broken")])
        return Settings.build(base_path="/srv/storage-of-a-test", areas={"a": 1}, cleanup=self.cleanup)


@pytest.fixture
def file() -> _File:
    return _File()


@pytest.fixture
def current(file: _File) -> Current:
    """What the schedule goes by, from the moment 100 on."""
    work = Workplace(settings=file.read(), listener=lambda _: None, clock=lambda: 0)
    return Current(work, SettingsInForce(file.read), now=100)


def test_as_long_as_the_schedule_is_the_same_all_its_slots_count(current: Current, file: _File) -> None:
    current.look(200)
    file.cleanup["batch_size"] = 7  # which is no matter of the schedule
    current.read(300)
    assert current.since is None
    assert current.settings.cleanup.batch_size == 7
    assert current.work.settings is current.settings


@pytest.mark.parametrize(
    "change", [{"schedule": "0 3 * * *"}, {"timezone": "Europe/Berlin"}, {"enabled": False}], ids=str
)
def test_another_schedule_begins_where_the_old_one_was_last_known_to_be_in_force(
    current: Current, file: _File, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    current.look(200)
    file.cleanup |= change
    with caplog.at_level(logging.INFO):
        current.look(300)
        current.look(400)
    assert current.since == 200
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().startswith("the configuration has changed: ")


def test_a_clock_that_was_set_back_before_the_change_makes_all_slots_count_again(
    current: Current, file: _File
) -> None:
    current.look(200)
    file.cleanup["schedule"] = "0 3 * * *"
    current.look(300)
    current.look(200)
    assert current.since == 200
    current.look(199)
    assert current.since is None


def test_a_broken_file_changes_nothing_until_it_is_mended(current: Current, file: _File) -> None:
    current.look(200)
    file.is_broken, file.cleanup["schedule"] = True, "0 3 * * *"
    current.look(300)
    with pytest.raises(SettingsError):
        current.read(350)
    assert current.settings.cleanup.schedule == "0 2 * * *"
    file.is_broken = False
    current.look(400)
    assert (current.settings.cleanup.schedule, current.since) == ("0 3 * * *", 200)
