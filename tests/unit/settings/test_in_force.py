"""One answer in a process to which settings are in force."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from shelflife.errors import SettingsError
from shelflife.settings import Settings
from shelflife.settings.in_force import SettingsInForce, in_force_of


class File:
    """A configuration file that changes, and breaks."""

    def __init__(self, base: Path) -> None:
        self.settings = Settings.build(base_path=base, areas={"temp": "1d"})
        self.fault: Exception | None = None
        self.reads = 0

    def load(self) -> Settings:
        self.reads += 1
        if self.fault is not None:
            raise self.fault
        return self.settings

    def change(self, **cleanup: object) -> Settings:
        self.settings = self.settings.replace(cleanup=cleanup)
        return self.settings


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def test_nothing_is_read_before_the_first_question(file: File) -> None:
    in_force = SettingsInForce(file.load)
    assert file.reads == 0
    assert in_force.settings == in_force.look() == file.settings
    assert file.reads == 1


def test_who_looks_gets_them_read_again_when_that_was_long_ago(file: File) -> None:
    in_force = SettingsInForce(file.load)
    before = in_force.settings
    changed = file.change(batch_size=7)
    assert in_force.look() == before
    assert in_force.look(max_age=0) == in_force.settings == changed


def test_a_broken_file_keeps_the_last_good_ones_for_reading_and_refuses_who_reads_for_a_run(
    file: File, caplog: pytest.LogCaptureFixture
) -> None:
    in_force = SettingsInForce(file.load)
    good = in_force.settings
    file.fault = OSError("gone")
    with caplog.at_level(logging.ERROR):
        assert [in_force.look(max_age=0) for _ in range(3)] == [good] * 3
    assert len(caplog.records) == 1
    with pytest.raises(OSError, match="gone"):
        in_force.read()
    assert (in_force.settings, in_force.fault) == (good, "gone")
    file.fault = None
    assert in_force.read() == good
    assert in_force.fault == ""


def test_any_fault_of_the_one_who_loads_is_a_fault_of_the_settings(file: File) -> None:
    file.fault = ZeroDivisionError("oh")
    with pytest.raises(SettingsError, match="ZeroDivisionError: oh"):
        _ = SettingsInForce(file.load).settings


def test_what_was_read_before_is_in_force_until_they_are_read(file: File) -> None:
    before = file.settings
    in_force = SettingsInForce(file.load, initial=lambda: before)
    changed = file.change(batch_size=7)
    assert in_force.settings == before
    assert in_force.read() == changed


def test_they_are_given_as_such_by_what_reads_them_or_for_good(file: File) -> None:
    in_force = SettingsInForce(file.load)
    assert in_force_of(in_force) is in_force
    assert in_force_of(file.load).settings == file.settings
    assert in_force_of(file.settings).look(max_age=0) is file.settings
