"""Volumes below an area: mounts and btrfs subvolumes are others' business, whatever is in them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelflife import Engine, Settings
from shelflife.files.anchor import Anchor
from shelflife.files.primitives import Primitives, chosen
from shelflife.files.pure import Pure
from shelflife.files.reading import Flag, Manner, RemovalTask, Search
from shelflife.policy.area import areas_of
from shelflife.policy.cutoff import KEEP_ALL, Cause, Cutoff, Cutoffs
from shelflife.testing import aged_file, set_age
from tests.integration.engine.volumes import mounted

CONTENT = b"in a snapshot"


def _subvolume(*arguments: str | Path) -> None:
    subprocess.run(["btrfs", "-q", "subvolume", *arguments], check=True)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    with mounted("btrfs", tmp_path / "volume") as volume:
        yield volume


def _engine(volume: Path, **area: object) -> Engine:
    engine = Engine(
        Settings.build(
            base_path=volume,
            state_dir=volume.with_name("state"),
            areas={"rec": {"retention": "7d", **area}},
        )
    )
    engine.create()
    return engine


def _fill(volume: Path) -> None:
    """Make an area that is a subvolume, with a snapshot of it, a read-only one, and an empty subvolume."""
    _subvolume("create", volume / "rec")
    for number in range(3):
        aged_file(volume / f"rec/cam/{number}", age="8d", content=CONTENT)
    (volume / "rec/.snapshots").mkdir()
    _subvolume("snapshot", volume / "rec", volume / "rec/.snapshots/1")
    _subvolume("snapshot", "-r", volume / "rec", volume / "rec/.snapshots/2")
    _subvolume("create", volume / "rec/empty")
    os.utime(volume / "rec/empty", (0, 0))


def _snapshots(volume: Path) -> list[str]:
    return sorted(
        str(path.relative_to(volume)) for path in (volume / "rec/.snapshots").rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    "area",
    [{}, {"trash": "3d"}, {"protect": ["*.keep"]}, {"quota": "1MB"}],
    ids=["plain", "trash", "protect", "quota"],
)
def test_a_snapshot_below_an_area_keeps_all_it_has(volume: Path, area: dict[str, object]) -> None:
    engine = _engine(volume, **area)
    (volume / "rec").rmdir()
    _fill(volume)
    before = _snapshots(volume)
    plan = engine.plan()
    assert plan.files == 3
    report = engine.cleanup()
    assert _snapshots(volume) == before
    assert (volume / "rec/empty").is_dir(), "rmdir(2) deletes an empty subvolume"
    assert [*(volume / "rec/cam").glob("*")] == []
    assert report.total("failed") == 0
    told = [error for error in report.areas[0].errors if "volume of its own" in error]
    assert sorted(error.partition(":")[0] for error in told) == [
        "rec/.snapshots/1/",
        "rec/.snapshots/2/",
        "rec/empty/",
    ]
    assert engine.why(volume / "rec/.snapshots/1/cam/0").state == "kept"
    aged_file(volume / "rec/cam/later", age="8d")
    engine.cleanup()
    assert (_snapshots(volume), [*(volume / "rec/cam").glob("*")]) == (before, [])


def test_a_read_only_snapshot_does_not_end_its_area(volume: Path) -> None:
    """In the order of names it comes before what is due."""
    engine = _engine(volume)
    (volume / "rec").rmdir()
    _fill(volume)
    _subvolume("snapshot", "-r", volume / "rec", volume / "rec/aaa")
    aged_file(volume / "rec/zzz/old", age="8d")
    report = engine.cleanup()
    assert (report.removed, report.total("failed")) == (4, 0)


def test_a_unit_with_a_subvolume_in_it_stays_as_a_whole(volume: Path) -> None:
    engine = _engine(volume, expire="directory")
    aged_file(volume / "rec/job/file", age="8d")
    _subvolume("create", volume / "rec/job/inner")
    aged_file(volume / "rec/job/inner/file", age="8d")
    _subvolume("create", volume / "rec/own")
    aged_file(volume / "rec/own/file", age="8d")
    aged_file(volume / "rec/other/file", age="8d")
    for directory in ("job", "other", "own"):
        os.utime(volume / "rec" / directory, (0, 0))
    engine.cleanup()
    assert sorted(str(path.relative_to(volume / "rec")) for path in (volume / "rec").rglob("file")) == [
        "job/file",
        "job/inner/file",
        "own/file",
    ]


@pytest.mark.parametrize("tools", [chosen(), Pure()], ids=lambda tools: type(tools).__name__)
def test_neither_reading_nor_removing_takes_another_device_for_its_own(
    volume: Path, tools: Primitives
) -> None:
    settings = Settings.build(base_path=volume, areas={"rec": {"retention": "7d", "in_use": "off"}})
    area = areas_of(settings)["rec"]
    late = Cutoffs.only(Cutoff(at=2**62, cause=Cause.RETENTION))
    (volume / "rec").mkdir()
    _subvolume("create", volume / "rec/inner")
    file = aged_file(volume / "rec/inner/file", age="8d")
    base = os.open(volume, os.O_RDONLY)
    inner = os.open(volume / "rec/inner", os.O_RDONLY)
    try:
        with Anchor.open(base, "rec/inner") as wrong, Anchor.open(base, "rec") as anchor:
            nothing = Search(area, native=area.rules.native("inner/", KEEP_ALL))
            (refused,) = tools.read(anchor, ["inner/"], nothing, Flag())
            (found,) = tools.read(wrong, [""], Search(area, late, native=area.rules.native("", late)), Flag())
            task = RemovalTask(
                "inner/", found.device, found.key, found.due, same=False, empty=True, cutoff=2**62
            )
            (answer,) = tools.remove(anchor, [task], Manner(area, late, 2**62))
    finally:
        os.close(inner)
        os.close(base)
    assert os.strerror(refused.error) == "Invalid cross-device link"
    assert os.strerror(answer.error) == "Invalid cross-device link"
    assert file.exists()


@pytest.mark.parametrize("trash", [0, "3d"])
def test_a_unit_of_a_lower_layer_goes_file_by_file_or_fails_where_there_is_a_trash(
    tmp_path: Path, trash: object
) -> None:
    place = tmp_path / "merged"
    for unit in ("job", "young"):
        directory = tmp_path / f"merged.lower/rec/{unit}"
        for number in range(3):
            aged_file(directory / str(number), age="8d" if unit == "job" or number else "1h", content=CONTENT)
        set_age(directory, "8d")
    with mounted("overlay", place):
        area = {"retention": "7d", "expire": "directory", "trash": trash}
        report = Engine(Settings.build(base_path=place, areas={"rec": area})).cleanup()
        left = sorted(str(path.relative_to(place / "rec")) for path in (place / "rec").rglob("[012]"))
    young = ["young/0", "young/1", "young/2"]
    if trash:
        assert (left, report.total("trashed")) == ([*(f"job/{number}" for number in range(3)), *young], 0)
        assert report.failed
    else:
        assert (left, report.removed, report.failed) == (young, 3, 0)
