"""The limit that `keep_newest` sets: the time of the last file that is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shelflife.clock import HOUR
from shelflife.policy.choose import newest
from shelflife.policy.cutoff import BEGINNING
from shelflife.policy.load import Histogram, Load
from tests.unit.policy.histograms import FILES, NOW, Disk, File


@given(files=FILES, count=st.integers(1, 45))
def test_the_limit_is_the_time_of_the_last_that_is_kept(files: list[File], count: int) -> None:
    disk = Disk(files)
    times = sorted((file.time for file in files), reverse=True)
    expected = times[count - 1] if count <= len(times) else BEGINNING
    assert newest(disk.hours(), disk.measure, count=count) == expected


@given(files=FILES, gone=st.integers(0, 10), count=st.integers(1, 45))
def test_an_index_that_is_out_of_date_does_not_make_it_keep_fewer(
    files: list[File], gone: int, count: int
) -> None:
    known, disk = Disk(files), Disk(files[gone:])
    kept = newest(known.hours(), disk.measure, count=count)
    times = sorted((file.time for file in disk.files), reverse=True)
    assert kept == (times[count - 1] if count <= len(times) else BEGINNING)


def test_an_hour_with_very_many_files_is_measured_by_the_second_first() -> None:
    asked: list[int] = []

    def measure(start: int, end: int, width: int) -> Histogram:
        asked.append(width)
        if width > 1:
            return {start // width: Load(199_999), start // width + 1: Load(1)}
        return {start + 5: Load(1), end - 1: Load(1)}

    hour = NOW // HOUR
    assert newest({hour: Load(200_000)}, measure, count=3) == hour * HOUR + 5
    assert asked == [10**9, 1]
