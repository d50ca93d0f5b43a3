"""`shelflife status`: one screen, and what it means to a script."""

import errno
from pathlib import Path

import pytest

from shelflife.records.history import RunState, Trigger
from shelflife.records.records import open_records
from shelflife.run.lock import cleanup_lock
from tests.integration.cli.conftest import CONFIG, Site

CAUTIOUS = CONFIG + "  limits: {confirm_above_files: 2}\n"


def test_where_all_is_well_the_exit_code_is_0(site: Site) -> None:
    site.file("uploads/old", size=2048)
    site.call("cleanup")
    result = site.call("status")
    assert result.code == 0
    assert "all is well" in result.out.splitlines()[0]
    assert "last run  1, " in result.out
    assert "done, 1 file removed (2.05 kB)\n" in result.out
    assert "by the schedule (0 2 * * *)" in result.out
    assert "full: not known yet" in result.out


def test_what_waits_for_a_person_is_told_with_the_command_to_type(site: Site) -> None:
    site.configure(CAUTIOUS)
    for number in range(5):
        site.file(f"uploads/{number}")
    refused = site.call("cleanup", "--json").json["error"]["plan"]
    result = site.call("status")
    assert result.code == 1
    assert "something needs a person" in result.out
    assert f"\n  to approve and run it:  shelflife cleanup --approve {refused}\n" in result.out
    told = site.call("status", "--json").json
    assert (told["health"], told["waiting"]["plan"], told["waiting"]["run"]) == ("care", refused, 1)
    site.call("cleanup", "--approve", refused)
    assert site.call("status").code == 0
    assert site.call("status", "--json").json["waiting"] is None


def test_what_waits_for_a_person_is_told_however_often_the_trash_was_emptied_since(site: Site) -> None:
    site.file("uploads/old")
    site.call("cleanup")
    site.configure(CAUTIOUS)
    for number in range(5):
        site.file(f"uploads/{number}")
    refused = site.call("cleanup", "--json").json["error"]["plan"]
    with open_records(site.engine.settings).open_journal() as journal:
        for _ in range(60):
            run = journal.runs.begin(trigger=Trigger.TRASH, host="here", pid=7, at=1)
            journal.runs.finish(run, at=1, state=RunState.DONE, report={})
    told = site.call("status", "--json").json
    assert told["waiting"]["plan"] == refused
    assert told["last_run"]["run"] == 1


def test_failures_of_the_last_run_are_told_until_a_run_goes_without(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.base / "uploads").rmdir()
    (site.base / "uploads").mkdir()
    site.file("uploads/old")
    report = {
        "failed": 2,
        "removed": 0,
        "failures": [{"path": "uploads/a", "errno": errno.EPERM, "error": "No"}],
    }
    site.call("cleanup")
    [run] = site.engine.history()
    failed = type(run)(**{name: getattr(run, name) for name in run.__slots__} | {"report": report})
    monkeypatch.setattr("shelflife.records.sqlite.runs.SqliteHistory.last_started", lambda _: failed)
    result = site.call("status")
    assert result.code == 1
    assert "2 failed" in result.out
    assert "✗ uploads/a: No" in result.out
    assert "all of them: shelflife history 1 --state failed" in result.out


def test_what_does_not_work_makes_the_exit_code_2(site: Site) -> None:
    (site.base / "uploads").rmdir()
    result = site.call("status")
    assert result.code == 2
    assert "✗ area uploads: " in result.out
    site.configure("storage: {base_path: nowhere}")
    gone = site.call("status", "--json")
    assert (gone.code, gone.json["health"]) == (2, "bad")


def test_a_running_cleanup_the_trash_and_holds_are_shown(site: Site) -> None:
    site.configure(CONFIG.replace("uploads: {", "uploads: {trash: 2d, "))
    site.file("uploads/a", size=1024)
    site.call("cleanup")
    pinned = site.file("uploads/b")
    site.call("hold", "add", str(pinned))
    with cleanup_lock(site.engine.state, "cleanup by schedule"):
        shown = site.call("status").out
    assert "running   a cleanup, by " in shown
    assert "trash     1 file, 1.02 kB, not freed yet" in shown
    assert "holds     1 hold" in shown


def test_a_first_look_is_not_an_error(site: Site) -> None:
    result = site.call("status")
    assert result.code == 0
    assert "last run  none yet" in result.out
    assert "trash     empty" in result.out
    assert not Path(site.engine.settings.state_path).exists()
