"""Leases: what a program works on stays, by every way of removing, until it or its process is done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shelflife import Engine, UsageError
from shelflife.cli.app import run
from shelflife.testing import MakeStorage, Storage

AREAS = {
    "plain": {"retention": "1d"},
    "trash": {"retention": "1d", "trash": "1d"},
    "units": {"retention": "1d", "expire": "directory"},
    "units_trash": {"retention": "1d", "expire": "directory", "trash": "1d"},
    "stems": {"retention": "1d", "expire": "stem"},
    "newest": {"retention": "1d", "keep_newest": {"count": 1, "per": "directory"}},
    "quota": {"retention": "30d", "max_files": 1, "min_age": 0},
}


@pytest.fixture
def filled(make_storage: MakeStorage) -> Storage:
    storage = make_storage(AREAS, index={"settle": 0})
    for area in AREAS:
        for name in ("a", "b", "c"):
            storage.file(f"{area.replace('_', '-')}/one/{name}", age="3d")
            storage.file(f"{area.replace('_', '-')}/two/{name}", age="3d")
    return storage


def _left(storage: Storage, area: str) -> set[str]:
    top = storage.path(area.replace("_", "-"))
    return {str(path.relative_to(top)) for path in top.glob("*/*") if path.parts[-2] != ".trash"} - {
        str(path.relative_to(top)) for path in top.glob(".trash/*")
    }


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("what", ["two", "two/b"], ids=["directory", "file"])
def test_what_is_leased_stays_until_the_lease_ends(filled: Storage, area: str, what: str) -> None:
    top = filled.path(area.replace("_", "-"))
    with filled.engine.lease(top / what, reason="analysis") as lease:
        filled.engine.cleanup([area])
        assert lease.paths == (f"{area.replace('_', '-')}/{what}",)
        assert (top / "two/b").exists()
        assert not (top / "one/a").exists()
    filled.tick()
    filled.engine.cleanup([area])
    if area not in ("newest", "quota"):
        assert not (top / "two/b").exists()


def test_it_follows_what_is_renamed(filled: Storage) -> None:
    with filled.engine.lease(filled.path("plain/two/b")):
        filled.path("plain/two/b").rename(filled.path("plain/two/renamed"))
        filled.engine.cleanup(["plain"])
    assert filled.path("plain/two/renamed").exists()


def test_neither_a_quota_nor_the_trash_nor_an_upload_takes_what_is_leased(filled: Storage) -> None:
    with (
        filled.engine.lease(filled.path("trash/two/b")),
        filled.engine.receive("trash", "two/b") as incoming,
        pytest.raises(UsageError, match="is held"),
    ):
        incoming.publish(overwrite=True)


_LEASE = """
import os, signal, sys
from shelflife import Engine, Settings
engine = Engine(Settings.build(base_path=sys.argv[1], areas={"plain": "1d"}))
lease = engine.lease(sys.argv[1] + "/plain/two", reason="analysis")
print("leased", flush=True)
sys.stdin.read()
"""


def test_it_ends_with_its_process_however_that_ends(filled: Storage) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _LEASE, filled.base_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"leased\n"
    (found,) = filled.engine.leases()
    assert (found.holder, found.reason) == (f"process {process.pid} on {os.uname().nodename}", "analysis")
    filled.engine.cleanup(["plain"])
    assert filled.path("plain/two/b").exists()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert filled.engine.leases() == []
    filled.engine.cleanup(["plain"])
    assert not filled.path("plain/two/b").exists()
    assert os.listdir(filled.engine.state.path / "leases") == ["turn"]


def test_one_that_begins_while_a_cleanup_runs_counts_from_its_next_batch(make_storage: MakeStorage) -> None:
    storage = make_storage({"temp": "1d"}, cleanup={"workers": 1})
    files = [storage.file(f"temp/{number:03}", age="3d") for number in range(400)]
    leased: list[Path] = []

    def lease_some(event: object) -> None:
        if type(event).__name__ == "BatchFinished" and not leased:
            leased.extend(path for path in files if path.exists())
            threading.Thread(target=keep.extend, args=([engine.lease(*leased)],)).run()

    keep: list[object] = []
    engine = Engine(storage.settings, listeners=[lease_some])
    engine.cleanup()
    assert leased
    assert all(path.exists() for path in leased)


def test_one_with_a_time_to_live_outlives_its_process_and_can_be_renewed(filled: Storage) -> None:
    engine = filled.engine
    found = engine.lease_for(60, filled.path("plain/two"), reason="elsewhere")
    assert engine.leases() == [found]
    filled.tick("50s")
    renewed = engine.renew_lease(found.name, 60)
    filled.tick("50s")
    engine.cleanup(["plain"])
    assert filled.path("plain/two/b").exists()
    assert engine.leases() == [renewed]
    filled.tick("20s")
    assert engine.leases() == []
    with pytest.raises(UsageError, match="there is no lease"):
        engine.renew_lease(found.name, 60)
    engine.cleanup(["plain"])
    assert not filled.path("plain/two/b").exists()


def test_one_with_a_time_to_live_can_be_ended_and_that_of_a_process_is_its_own(filled: Storage) -> None:
    engine = filled.engine
    found = engine.lease_for(60, filled.path("plain/two"))
    assert engine.release_lease(found.name) == found
    assert engine.leases() == []
    with engine.lease(filled.path("plain/two")) as lease:
        with pytest.raises(UsageError, match="its process's to end"):
            engine.release_lease(lease.name)
        with pytest.raises(UsageError, match="ends with its process"):
            engine.renew_lease(lease.name, 60)


def test_why_names_who_leases_it_and_why(filled: Storage) -> None:
    with filled.engine.lease(filled.path("plain/two"), reason="analysis"):
        answer = filled.engine.why(filled.path("plain/two/b"))
        assert filled.engine.plan(["plain"]).files == 3
    told = " ".join(answer.sentences)
    assert f"is leased because of plain/two by process {os.getpid()} on" in told
    assert "until that ends: analysis." in told


def test_a_list_of_holds_shows_leases_too(filled: Storage, capsys: pytest.CaptureFixture[str]) -> None:
    config = filled.base_path.parent / "config.yaml"
    config.write_text(f"storage: {{base_path: {filled.base_path}, areas: {{plain: {{retention: 1d}}}}}}")
    with filled.engine.lease(filled.path("plain/two"), reason="analysis"):
        assert run(["--config", str(config), "hold", "list"]) == 0
    told = capsys.readouterr().out
    assert "plain/two/" in told
    assert f"process {os.getpid()} on {os.uname().nodename} ends" in told
    assert "analysis" in told


def test_a_person_s_hold_on_the_same_path_is_what_is_told(filled: Storage) -> None:
    with filled.engine.lease(filled.path("plain/two/b")):
        filled.engine.hold(filled.path("plain/two/b"), reason="evidence")
        assert "is held" in " ".join(filled.engine.why(filled.path("plain/two/b")).sentences)


def test_what_cannot_be_leased_is_refused(filled: Storage, tmp_path: Path) -> None:
    for path in (filled.path("plain/nothing"), tmp_path / "elsewhere"):
        with pytest.raises(UsageError):
            filled.engine.lease(path)
    with pytest.raises(UsageError, match="nothing to lease"):
        filled.engine.lease()
    for seconds in (0, -1, float("nan")):
        with pytest.raises(UsageError, match="must end in the future"):
            filled.engine.lease_for(seconds, filled.path("plain/two"))
    assert filled.engine.leases() == []


def test_leases_that_cannot_be_read_stop_a_cleanup(filled: Storage) -> None:
    leases = filled.engine.state.path / "leases"
    with filled.engine.lease(filled.path("plain/two")):
        kept = leases.rename(leases.with_name("elsewhere"))
        leases.write_text("no directory")
        with pytest.raises(Exception, match="Not a directory"):
            filled.engine.cleanup()
        leases.unlink()
        kept.rename(leases)
    assert filled.path("plain/one/a").exists()


@pytest.mark.anyio
async def test_its_twins_do_the_same(filled: Storage) -> None:
    with await filled.engine.alease(filled.path("plain/two")) as lease:
        assert [found.name for found in await filled.engine.aleases()] == [lease.name]
    found = await filled.engine.alease_for(60, filled.path("plain/two"))
    await filled.engine.arenew_lease(found.name, 90)
    await filled.engine.arelease_lease(found.name)
    assert await filled.engine.aleases() == []
