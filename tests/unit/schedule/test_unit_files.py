"""Texts for cron and systemd."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from shelflife.errors import UsageError
from shelflife.schedule.unit_files import SERVICE, TIMER, cron_table, systemd_units
from shelflife.settings import Settings
from shelflife.testing import MakeStorage

_ODD = """a b%c$d'e"f;g&h(i)#j"""
"""A name with everything that cron, shells and systemd treat in a way of their own."""


def program(directory: Path, code: int = 0) -> Path:
    """A program that writes down its arguments and ends with `code`."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "shelflife"
    arguments = directory / "arguments"
    text = f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {shlex.quote(str(arguments))}\necho chatter\nexit {code}\n"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def command(path: Path) -> str:
    return shlex.join([str(path), "--config", str(path.parent / "config.yaml")])


def line_of(table: str) -> str:
    return table.rstrip("\n").splitlines()[-1]


def run_as_cron(line: str) -> subprocess.CompletedProcess[str]:
    """Do what cron does: leave out six fields, undo the escaped %, hand the rest to sh."""
    text = line.split(" ", 6)[6]
    assert "%" not in text.replace(r"\%", "")
    text = text.replace(r"\%", "%")
    call = ["env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", text]
    return subprocess.run(call, capture_output=True, text=True, check=False)


@pytest.fixture
def settings(make_storage: MakeStorage) -> Settings:
    return make_storage({"uploads": "7d"}).settings


def test_the_crontab_has_schedule_owner_and_command(settings: Settings) -> None:
    table = cron_table(settings, command="/usr/bin/shelflife --config /etc/media.yaml")

    owner = settings.base_path.owner()
    assert line_of(table) == (
        f"0 2 * * * {owner} /usr/bin/shelflife --config /etc/media.yaml cleanup --unless-ran-within 20h"
        " >/dev/null || [ $? -eq 4 ]"
    )
    assert "SHELL=/bin/sh\n" in table
    assert "CRON_TZ=UTC\n" in table
    assert table.endswith("\n")


@pytest.mark.parametrize(("code", "success"), [(0, True), (4, True), (1, False), (2, False), (3, False)])
def test_busy_is_success_for_cron(settings: Settings, tmp_path: Path, code: int, success: bool) -> None:
    table = cron_table(settings, command=command(program(tmp_path / "bin", code)))

    done = run_as_cron(line_of(table))

    assert (done.returncode == 0) is success
    assert (done.stdout, done.stderr) == ("", "")


def test_odd_paths_survive_cron(settings: Settings, tmp_path: Path) -> None:
    path = program(tmp_path / _ODD)

    done = run_as_cron(line_of(cron_table(settings, command=command(path))))

    assert done.returncode == 0
    assert (path.parent / "arguments").read_text().splitlines() == [
        "--config",
        str(path.parent / "config.yaml"),
        "cleanup",
        "--unless-ran-within",
        "20h",
    ]


@pytest.mark.parametrize("name", ["line\nbreak", "invalid\udcff", "bell\a"])
@pytest.mark.parametrize("text", [cron_table, systemd_units])
def test_paths_that_cannot_be_written_are_refused(settings: Settings, text: object, name: str) -> None:
    assert callable(text)
    with pytest.raises(UsageError, match="rename it"):
        text(settings, command=shlex.join(["/usr/bin/shelflife", "--config", f"/etc/{name}"]))


def test_a_backslash_is_refused_for_cron(settings: Settings) -> None:
    with pytest.raises(UsageError, match="backslash"):
        cron_table(settings, command=shlex.join(["/opt/a\\b/shelflife"]))


@pytest.mark.parametrize(
    ("schedule", "within"),
    [("0 2 * * *", "20h"), ("0 2 * * 0", "20h"), ("0 * * * *", "50m"), ("0 2,14 * * *", "10h")],
)
def test_how_recent_is_recent_goes_by_the_schedule(settings: Settings, schedule: str, within: str) -> None:
    table = cron_table(settings.replace(cleanup={"schedule": schedule}), command="shelflife")

    assert f"--unless-ran-within {within} " in table


def test_the_units_say_when_who_and_where(settings: Settings) -> None:
    files = systemd_units(settings, command="/usr/bin/shelflife --config /etc/media.yaml")

    service, timer = files[SERVICE].splitlines(), files[TIMER].splitlines()
    call = "/usr/bin/shelflife --config /etc/media.yaml cleanup --unless-ran-within 20h"
    assert f"ExecStart=:{call}" in service
    assert {"Type=oneshot", "SuccessExitStatus=4", f"User={settings.base_path.owner()}"} <= set(service)
    assert f"ReadWritePaths={settings.base_path}" in service
    assert {"OnCalendar=*-*-* 02:00:00 UTC", "Persistent=true", "RandomizedDelaySec=0"} <= set(timer)


def test_both_day_fields_become_two_events(settings: Settings) -> None:
    timer = systemd_units(settings.replace(cleanup={"schedule": "0 2 1 * 1"}), command="/bin/true")[TIMER]

    assert "OnCalendar=*-*-01 02:00:00 UTC\nOnCalendar=Mon *-*-* 02:00:00 UTC\n" in timer


def test_a_state_directory_elsewhere_is_writable_too(settings: Settings, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()

    service = systemd_units(settings.replace(state_dir=state), command="/bin/true")[SERVICE]

    assert f"ReadWritePaths={settings.base_path} {state}\n" in service


def test_what_private_directories_would_hide_stays_visible(settings: Settings) -> None:
    elsewhere = settings.replace(base_path="/srv/media")

    assert "PrivateTmp=yes" in systemd_units(elsewhere, command="/bin/true")[SERVICE]
    assert "PrivateTmp=no" in systemd_units(elsewhere, command="/tmp/venv/bin/shelflife")[SERVICE]


def test_odd_paths_are_quoted_for_systemd(settings: Settings, tmp_path: Path) -> None:
    service = systemd_units(settings, command=shlex.join(["/bin/true", "--config", f"/srv/{_ODD}\\x"]))[
        SERVICE
    ]

    assert '''"/srv/a b%%c$d'e\\"f;g&h(i)#j\\\\x"''' in service


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("name", ["plain", _ODD], ids=["plain", "odd"])
def test_systemd_accepts_the_units(make_storage: MakeStorage, tmp_path: Path, name: str) -> None:
    path = program(tmp_path / name)
    base_path = tmp_path / name / "storage"
    base_path.mkdir()
    settings = make_storage({"uploads": "7d"}).settings.replace(base_path=base_path)
    units = tmp_path / "units"
    units.mkdir()
    for unit, text in systemd_units(settings, command=command(path)).items():
        (units / unit).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(str(unit) for unit in units.iterdir())],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
