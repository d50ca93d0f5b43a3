"""A storage that the version before has left behind: configuration, journal, holds, trash.

Made once by that version; `tests/data/README.md` says how. The journal is kept as the SQL that makes it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shelflife.clock import DAY, HOUR, as_moment
from shelflife.engine import Engine
from shelflife.errors import UsageError
from shelflife.files.removal import Result
from shelflife.records.sqlite.database import connect
from shelflife.records.sqlite.migrations import MIGRATIONS, migrate
from shelflife.settings import load_settings

DATA = Path(__file__).parents[2] / "data" / "version-0.1-journal-4"
MADE = as_moment(datetime(2026, 2, 1, 15, tzinfo=UTC))
"""When that version was there last."""


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """An engine of today over the storage of then, a moment later."""
    config = tmp_path / "config.yaml"
    config.write_bytes((DATA / "config.yaml").read_bytes())
    base = tmp_path / "storage"
    for file in json.loads((DATA / "files.json").read_text()):
        path = base / os.fsdecode(file["path"].encode("latin-1"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * file["size"])
        os.utime(path, ns=(file["mtime"], file["mtime"]))
    engine = Engine(load_settings(config), clock=lambda: MADE + HOUR)
    engine.create()
    state = base / ".shelflife"
    state.mkdir(mode=0o700)
    (state / "marker").write_bytes((DATA / "marker").read_bytes())
    with closing(sqlite3.connect(state / "journal.db")) as journal:
        journal.executescript((DATA / "journal.sql").read_text())
    return engine


def test_its_journal_is_brought_to_todays_schema(engine: Engine) -> None:
    engine.history()
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    with closing(connect(":memory:")) as fresh, closing(connect(engine.state.journal)) as old:
        migrate(fresh)
        assert old.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        columns = {}
        for connection in (fresh, old):
            tables = [name for kind, name, *_ in connection.execute(query) if kind == "table"]
            columns[connection] = {
                table: connection.execute(f"PRAGMA table_info({table})").fetchall() for table in tables
            }
        assert columns[fresh] == columns[old]


def test_its_history_is_told_as_it_was(engine: Engine) -> None:
    runs = engine.history()
    assert [(run.id, run.state, run.trigger) for run in runs] == [
        (3, "refused", "schedule"),
        (2, "refused", "cli"),
        (1, "done", "program"),
    ]
    assert {(file.path, file.result) for file in engine.run_files(1)} == {
        ("uploads/a/old.mp4", Result.TRASHED),
        ("uploads/caf\udce9.mp4", Result.TRASHED),
        ("frames/1/one.jpg", Result.REMOVED),
        ("frames/1/two.jpg", Result.REMOVED),
        ("temp/t", Result.REMOVED),
    }
    totals = engine.totals()
    assert (totals.runs, totals.last_run, totals.last_success) == (1, MADE - 2 * HOUR, MADE - 2 * HOUR)
    assert [alert.kind for alert in engine.alerts()] == ["refused"]
    assert engine.why("uploads/a/old.mp4").state.value == "trashed"


def test_its_holds_still_hold(engine: Engine) -> None:
    assert {hold.path for hold in engine.holds()} == {"uploads/a/new.mp4", "frames/2"}
    late = Engine(engine.settings, clock=lambda: MADE + 60 * DAY)
    late.cleanup()
    base = engine.settings.base_path
    assert (base / "uploads/a/new.mp4").exists()
    assert (base / "frames/2/one.jpg").exists()
    assert not (base / "temp/n0").exists()


def test_its_trash_is_restored_and_purged_when_its_time_is_over(engine: Engine) -> None:
    base = engine.settings.base_path
    assert len(list(engine.trash())) == 2
    assert engine.restore("uploads/a/old.mp4") == ["uploads/a/old.mp4"]
    assert (base / "uploads/a/old.mp4").stat().st_size == 1000
    report = Engine(engine.settings, clock=lambda: MADE + 4 * DAY).cleanup()
    assert report.total("purged") == 1
    assert list(engine.trash()) == []


def test_what_waited_for_a_person_is_judged_by_todays_settings(engine: Engine) -> None:
    with pytest.raises(UsageError, match="settings have changed"):
        engine.approve("7797eba51d")  # its retention was typed, and taken back
