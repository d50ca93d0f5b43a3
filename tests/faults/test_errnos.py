"""Every error that the kernel can give to the calls that a removal rests on, injected by strace.

One failing file never stops the others; each file that was to go has one outcome, which is true; the next run
finishes. Errors that mean that the disk is broken or read-only end the area instead – and lose nothing.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from shelflife.files.removal import TRANSIENT, Result
from shelflife.testing import aged_file, set_age
from tests.faults.scenes import Scene
from tests.faults.tracing import Call, calls_of, needs_strace, sabotage

pytestmark = needs_strace

_ERRNOS = {
    "unlinkat": "EACCES EBUSY EFAULT EIO EISDIR ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EPERM EROFS EBADF "
    "EINVAL ENOTEMPTY EEXIST EINTR ESTALE ENOSPC EDQUOT ENODEV",
    "renameat2": "EACCES EBUSY EDQUOT EFAULT EINVAL EIO EISDIR ELOOP EMLINK ENAMETOOLONG ENOENT ENOMEM ENOSPC "
    "ENOTDIR ENOTEMPTY EEXIST EPERM EROFS EXDEV EBADF ESTALE EINTR ENODEV ENOSYS",
    "openat2": "E2BIG EACCES EAGAIN EINVAL EIO EINTR ELOOP EMFILE ENFILE ENOENT ENOMEM ENOTDIR EOVERFLOW EPERM "
    "EXDEV ESTALE EROFS ENOSYS ENODEV",
    "newfstatat": "EACCES EBADF EFAULT EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EOVERFLOW ESTALE "
    "EINTR",
    "getdents64": "EBADF EFAULT EINVAL EIO ENOENT ENOTDIR EACCES ESTALE ENOMEM EINTR",
}  # fmt: skip
"""unlink(2), rename(2), openat2(2), stat(2), getdents(2) – and what network and failing disks give besides."""

_ALL = [(call, code) for call, codes in _ERRNOS.items() for code in codes.split()]
_SHORT = [pair for number, pair in enumerate(_ALL) if number % 7 == 2]


@pytest.mark.parametrize(("call", "code"), _SHORT)
def test_one_failing_call_is_one_outcome_and_the_next_run_finishes(
    tmp_path: Path, call: str, code: str
) -> None:
    _fail(tmp_path, call, code, moments=1)


@pytest.mark.slow
@pytest.mark.parametrize("units", [False, True])
@pytest.mark.parametrize("trash", [False, True])
@pytest.mark.parametrize(("call", "code"), _ALL)
def test_each_failing_call_is_one_outcome_and_the_next_run_finishes(
    tmp_path: Path, call: str, code: str, *, units: bool, trash: bool
) -> None:
    _fail(tmp_path, call, code, moments=4, units=units, trash=trash)


@cache
def _calls(*, units: bool, trash: bool) -> list[Call]:
    with TemporaryDirectory(prefix="shelflife-test-") as name:
        traced = Scene(Path(name) / "traced", units=units, trash=trash).set_up()
        return calls_of(traced.values, Path(name) / "log")


def _numbers(call: str, *, units: bool, trash: bool) -> list[int]:
    return [found.number for found in _calls(units=units, trash=trash) if found.name == call]


def _fail(
    tmp_path: Path, call: str, code: str, *, moments: int, units: bool = False, trash: bool | None = None
) -> None:
    """Fail the call at several moments of a run, once each, or once in its second half."""
    trash = call == "renameat2" if trash is None else trash
    numbers = _numbers(call, units=units, trash=trash)
    chosen = numbers[:: len(numbers) // moments + 1] if moments > 1 else numbers[len(numbers) * 2 // 3 :][:1]
    for number in chosen:
        scene = Scene(tmp_path / str(number), units=units, trash=trash).set_up()
        report = sabotage(scene.values, call, f"error={code}", str(number)).report
        scene.assert_nothing_lost()
        assert "crash" not in report, report["crash"]
        if "error" not in report:
            _assert_outcomes_are_true(scene, report)
        again = scene.engine.cleanup()
        assert (again.state, again.failed) == ("done", 0)
        scene.assert_done()


def _assert_outcomes_are_true(scene: Scene, report: dict[str, Any]) -> None:
    outcomes: dict[str, Result] = {}
    for record in scene.engine.run_files(report["run"]):
        assert record.path not in outcomes or not scene.units, f"{record.path} has two outcomes"
        outcomes[record.path] = record.result
    places = scene.places()
    for path in scene.due:
        where = places.get(path, [])
        match outcomes.get(path):
            case Result.REMOVED:
                assert not where
            case Result.TRASHED:
                assert where[0].split("/")[1] == ".trash"
            case _:
                assert where == [path], f"{path} is at {where}, though {outcomes.get(path)}"


@pytest.mark.parametrize("trash", [False, True])
def test_a_read_only_disk_ends_the_area_at_once(tmp_path: Path, *, trash: bool) -> None:
    scene = Scene(tmp_path / "storage", trash=trash).set_up()
    call = "renameat2" if trash else "unlinkat"
    report = sabotage(scene.values, call, "error=EROFS", "1+").report
    assert report["areas"]["media"]["errors"] == ["media: Read-only file system"]
    assert (report["removed"], report["trashed"]) == (0, 0)
    assert report["failed"] <= 4  # the files of the one batch that met it
    assert sorted(scene.places()) == sorted(scene.due + scene.left_alone)


@pytest.mark.parametrize("code", ["EIO", "ESTALE", "ENODEV"])
def test_three_errors_of_the_disk_in_a_row_end_the_area(tmp_path: Path, code: str) -> None:
    scene = Scene(tmp_path / "storage").set_up()
    report = sabotage(scene.values, "unlinkat", f"error={code}", "1+").report
    words = {"EIO": "Input/output error", "ESTALE": "Stale file handle", "ENODEV": "No such device"}
    assert report["areas"]["media"]["errors"] == [f"media: {words[code]}"]
    assert 3 <= report["failed"] < len(scene.due)
    scene.assert_nothing_lost()
    assert sorted(scene.places()) == sorted(scene.due + scene.left_alone)


_WAYS = {
    "files": (False, False, "unlinkat"),
    "files into the trash": (False, True, "renameat2"),
    "units": (True, False, "unlinkat"),
    "units into the trash": (True, True, "renameat2"),
}


@pytest.mark.parametrize("way", _WAYS)
def test_whichever_way_files_go_three_errors_of_the_disk_in_a_row_end_the_area(
    tmp_path: Path, way: str
) -> None:
    units, trash, call = _WAYS[way]
    scene = Scene(tmp_path / "storage", units=units, trash=trash).set_up()
    for number in range(7):
        aged_file(scene.base / f"media/more{number}/file", age="40d")
        set_age(scene.base / f"media/more{number}", age="40d")
    report = sabotage(scene.values, call, "error=EIO", "1+").report
    assert report["areas"]["media"]["errors"] == ["media: Input/output error"]
    assert 3 <= report["failed"] <= 4
    scene.assert_nothing_lost()


def test_three_errors_of_the_disk_in_a_row_end_the_purging_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "storage", trash=True).set_up()
    assert scene.engine.cleanup().total("trashed") == len(scene.due)
    scene = replace(scene, trash=False)  # what waits there is expired, and goes
    report = sabotage(scene.values, "unlinkat", "error=EIO", "1+").report
    assert report["areas"]["media"]["errors"] == ["media: Input/output error"]
    assert (3 <= report["failed"] <= 4, report["purged"]) == (True, 0)
    assert len(list((scene.base / "media/.trash").rglob("[0-9]"))) == len(scene.due)


@pytest.mark.parametrize("code", [errno.errorcode[number] for number in TRANSIENT])
def test_an_error_that_passes_is_no_failure(tmp_path: Path, code: str) -> None:
    scene = Scene(tmp_path / "storage").set_up()
    report = sabotage(scene.values, "unlinkat", f"error={code}", "1..2").report
    assert (report["removed"], report["failed"]) == (len(scene.due), 0)
    scene.assert_done()


@pytest.mark.parametrize(("call", "units"), [("renameat2", False), ("renameat2", True)])
def test_a_trash_on_another_device_is_a_reported_failure_and_nothing_is_removed_instead(
    tmp_path: Path, call: str, *, units: bool
) -> None:
    scene = Scene(tmp_path / "storage", units=units, trash=True).set_up()
    report = sabotage(scene.values, call, "error=EXDEV", "1+").report
    assert (report["removed"], report["trashed"]) == (0, 0)
    assert {failure["errno"] for failure in report["failures"]} == {errno.EXDEV}
    assert sorted(scene.places()) == sorted(scene.due + scene.left_alone)


@pytest.mark.parametrize("code", ["EMFILE", "ENOMEM"])
@pytest.mark.parametrize("call", ["openat2", "openat", "getdents64"])
def test_no_descriptor_and_no_memory_left_end_in_an_error_and_lose_nothing(
    tmp_path: Path, call: str, code: str
) -> None:
    numbers = _numbers(call, units=False, trash=True)
    scene = Scene(tmp_path / "storage", trash=True).set_up()
    report = sabotage(scene.values, call, f"error={code}", f"{numbers[len(numbers) // 2]}+").report
    assert "crash" not in report, report["crash"]
    scene.assert_nothing_lost()
    assert scene.engine.cleanup().failed == 0
    scene.assert_done()
