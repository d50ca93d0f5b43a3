from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shelflife.files.anchor import Anchor
from shelflife.records.state import Owner
from shelflife.remove.report import AreaReport
from shelflife.remove.root import LARGEST_BATCH, AreaLost, OpenGate, Options, Root
from shelflife.remove.throttle import Throttle
from tests.unit.policy.areas import an_area

_NOBODY: Any = None


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    (tmp_path / "frames").mkdir()
    base = os.open(tmp_path, os.O_RDONLY)
    with Anchor.open(base, "frames") as anchor:
        yield Root(
            context=_NOBODY,
            options=_options(),
            anchor=anchor,
            area=an_area(),
            directory="frames",
            report=AreaReport(area="frames"),
        )
    os.close(base)


def _options(*, batch_size: int = 100, throttle: Throttle | None = None) -> Options:
    return Options(
        recorder=_NOBODY,
        trash_name=_NOBODY,
        owner=Owner(0, 0),
        batch_size=batch_size,
        retries=0,
        throttle=throttle or Throttle(),
    )


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENODEV])
def test_a_disk_that_fails_three_times_in_a_row_ends_its_area(root: Root, code: int) -> None:
    for _ in range(5):
        root.watch_disk(code)
        root.watch_disk(code)
        root.watch_disk(0)
    root.watch_disk(code)
    root.watch_disk(errno.EIO)
    with pytest.raises(AreaLost, match=f"frames: {os.strerror(code)}"):
        root.watch_disk(code)


def test_what_is_wrong_with_single_files_ends_nothing(root: Root) -> None:
    for _ in range(9):
        root.watch_disk(errno.EACCES)
        root.watch_disk(errno.EBUSY)
    root.watch_disk(errno.EIO)
    root.watch_disk(errno.EACCES)  # the disk answers
    root.watch_disk(errno.EIO)
    root.watch_disk(errno.EIO)


def test_a_read_only_disk_ends_its_area_at_once(root: Root) -> None:
    with pytest.raises(AreaLost, match="Read-only"):
        root.watch_disk(errno.EROFS)


def test_a_batch_is_as_large_as_configured_and_never_larger_than_looks_are_apart(root: Root) -> None:
    for configured, size in ((1, 1), (100, LARGEST_BATCH), (100_000, LARGEST_BATCH)):
        root.options = _options(batch_size=configured)
        assert root.batch_size == size
    root.options = _options(throttle=Throttle(10))
    assert 1 <= root.batch_size <= 10


def test_a_directory_that_was_moved_away_is_noticed(root: Root, tmp_path: Path) -> None:
    root.verify()
    (tmp_path / "frames").rename(tmp_path / "elsewhere")
    (tmp_path / "frames").mkdir()
    with pytest.raises(AreaLost, match="frames: it was moved or replaced meanwhile"):
        root.verify()


def test_paths_are_told_relative_to_the_base_path(root: Root) -> None:
    assert root.place("a/b") == "frames/a/b"
    failure = root.failure("a/b", errno.EIO)
    assert (failure.path, failure.errno, failure.error) == ("frames/a/b", errno.EIO, os.strerror(errno.EIO))


def test_at_an_open_gate_nobody_waits() -> None:
    with OpenGate().batch():
        pass
